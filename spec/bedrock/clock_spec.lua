local clock = require "bedrock.clock"

-- 2000-01-02 20:34:56 UTC
local DATE, SERVER = "Sun, 02 Jan 2000 20:34:56 GMT", 946845296

describe("bedrock.clock", function()
  it("begins without a correction", function()
    assert.equal(1700000000, clock.new():signing_time(1700000000))
  end)

  describe("corrects itself after", function()
    for _, code in ipairs { "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException",
      "SignatureDoesNotMatch", "AuthFailure", "AccessDeniedException" } do
      it(code, function()
        for _, skew in ipairs { 240, -240, 86400, -1e8 } do
          local c = clock.new(true)
          assert.is_true(c:observe({ date = DATE }, code, SERVER - skew))
          assert.equal(SERVER, c:signing_time(SERVER - skew))
          assert.equal(SERVER + 7, c:signing_time(SERVER - skew + 7))
        end
      end)
    end
  end)

  describe("stays as it is", function()
    local rows = {
      { "below 240 seconds", { date = DATE }, "SignatureDoesNotMatch", SERVER + 239 },
      { "below 240 seconds, the other way", { date = DATE }, "SignatureDoesNotMatch", SERVER - 239 },
      { "after other codes", { date = DATE }, "ThrottlingException", SERVER + 9999 },
      { "after no code", { date = DATE }, nil, SERVER + 9999 },
      { "without a Date", {}, "SignatureDoesNotMatch", SERVER + 9999 },
      { "with a Date that is none", { date = "soon" }, "SignatureDoesNotMatch", SERVER + 9999 },
      { "with an empty Date", { date = "" }, "SignatureDoesNotMatch", SERVER + 9999 },
      { "without headers", nil, "SignatureDoesNotMatch", SERVER + 9999 },
      { "after an answer from a cache", { date = DATE, age = "5" }, "SignatureDoesNotMatch", SERVER + 9999 },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        local c = clock.new(true)
        assert.is_false(c:observe(row[2], row[3], row[4]))
        assert.equal(row[4], c:signing_time(row[4]))
      end)
    end

    it("when it is switched off", function()
      local c = clock.new(false)
      assert.is_false(c:observe({ date = DATE }, "SignatureDoesNotMatch", SERVER + 9999))
      assert.equal(0, c.offset)
    end)
  end)

  it("does not ask for another attempt when it was right", function()
    local c = clock.new(true)
    assert.is_true(c:observe({ date = DATE }, "SignatureDoesNotMatch", SERVER + 9999))
    assert.is_false(c:observe({ date = DATE }, "SignatureDoesNotMatch", SERVER + 9999))
    assert.is_false(c:observe({ date = DATE }, "SignatureDoesNotMatch", SERVER + 10000))
  end)

  it("asks for one for each request that was signed with the old offset", function()
    local c = clock.new(true)
    local used = c.offset
    assert.is_true(c:observe({ date = DATE }, "SignatureDoesNotMatch", SERVER + 9999, used))
    assert.is_true(c:observe({ date = DATE }, "SignatureDoesNotMatch", SERVER + 9999, used))
    assert.equal(-9999, c.offset)
    assert.is_false(c:observe({ date = DATE }, "SignatureDoesNotMatch", SERVER + 9999, c.offset))
  end)
end)
