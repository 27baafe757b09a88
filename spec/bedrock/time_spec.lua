-- Times in and out: bedrock.time and the formats of bedrock.core below it.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local time = require "bedrock.time"

local number_type = rawget(math, "type") -- where Lua has integers

describe("bedrock.time.parse", function()
  local rows = {
    -- ISO 8601
    { "1970-01-01T00:00:00Z", 0 },
    { "2026-11-23T08:00:00Z", 1795420800 },
    { "2024-02-29T23:59:59Z", 1709251199 },
    { "2000-02-29T00:00:00Z", 951782400 },
    { "1969-12-31T23:59:59Z", -1 },
    { "1969-12-31T23:59:59.5Z", -0.5 },
    { "1900-03-01T00:00:00Z", -2203891200 },
    { "0000-01-01T00:00:00Z", -62167219200 },
    { "0001-01-01T00:00:00Z", -62135596800 },
    { "2038-01-19T03:14:08Z", 2147483648 },
    { "2106-02-07T06:28:16Z", 4294967296 },
    { "9999-12-31T23:59:59Z", 253402300799 },
    { "2024-01-01T00:00:00.5Z", 1704067200.5 },
    { "2024-01-01T00:00:00.123Z", 1704067200.123 },
    { "2024-01-01T00:00:00.123456Z", 1704067200.123456 },
    { "2024-01-01T00:00:00.123456789Z", 1704067200.123456789 },
    { "2024-01-01T00:00:00.000000Z", 1704067200 },
    { "2024-01-01T00:00:00.00000000000000000000000000001Z", 1704067200 },
    { "2024-01-01T00:00:00,25Z", 1704067200.25 },
    { "2024-01-01t00:00:00z", 1704067200 },
    { "2024-01-01 00:00:00Z", 1704067200 },
    { "2024-01-01 00:00:00 UTC", 1704067200 },
    { "2024-01-01T00:00:00UTC", 1704067200 },
    { "2024-01-01T00:00:00", 1704067200 },
    { "2024-01-01T00:00Z", 1704067200 },
    { "2024-01-01", 1704067200 },
    { "20240101T000000Z", 1704067200 },
    { "2024-01-01T01:00:00+01:00", 1704067200 },
    { "2024-01-01T01:00:00+0100", 1704067200 },
    { "2024-01-01T01:00:00+01", 1704067200 },
    { "2023-12-31T18:15:00-05:45", 1704067200 },
    { "2024-01-01T00:00:00-00:00", 1704067200 },
    { "2016-12-31T23:59:60Z", 1483228800 },
    { "  2024-01-01T00:00:00Z ", 1704067200 },
    -- RFC 7231 and RFC 822
    { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
    { "Sun Nov  6 08:49:37 1994", 784111777 },
    { "Sun, 6 Nov 1994 08:49:37 GMT", 784111777 },
    { "6 Nov 94 08:49:37 GMT", 784111777 },
    { "sun, 06 nov 1994 08:49:37 gmt", 784111777 },
    { "Sun, 06 Nov 1994 08:49:37.5 GMT", 784111777.5 },
    { "Sun, 06 Nov 1994 03:49:37 EST", 784111777 },
    { "Sun, 06 Nov 1994 09:49:37 +0100", 784111777 },
    { "Sun, 06 Nov 1994 08:49 UT", 784111740 },
    { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
    { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
    -- epoch seconds
    { "0", 0 },
    { "-0", 0 },
    { "1704067200", 1704067200 },
    { "+1704067200", 1704067200 },
    { "-1", -1 },
    { "-1.5", -1.5 },
    { "1704067200.0", 1704067200 },
    { "1704067200.25", 1704067200.25 },
    { "1398796238.123456", 1398796238.123456 },
    { ".5", 0.5 },
    { "0.001", 0.001 },
    { "1.79E9", 1790000000 },
    { "1.7040672005e9", 1704067200.5 },
    { "17040672000e-1", 1704067200 },
    { "17040672005E-1", 1704067200.5 },
    { "0e999", 0 },
    { "0001", 1 },
  }
  for _, row in ipairs(rows) do
    it(("reads %q"):format(row[1]), function()
      local seconds, err = time.parse(row[1])
      assert.is_nil(err)
      assert.are.equal(row[2], seconds)
      if number_type and row[2] == math.floor(row[2]) then
        assert.are.equal("integer", number_type(seconds))
      end
    end)
  end

  local garbage = {
    "", " ", "now", "yesterday", "Z", "T", "-", "+", ".", "e5", "1e", "1.", "1e+", "--1", "1 2", "0x10", "inf", "nan",
    "1704067200s", "1e99", "99999999999999999999", "253402300800", "-62167219201", "1,5",
    "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-32T00:00:00Z", "2024-01-00T00:00:00Z",
    "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T", "2024-01-01T00", "2024-01-01T00:00:",
    "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00X", "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+",
    "2024-01-01T00:00:00+1", "2024-01-01T00:00:00+25:00", "2024-01-01T00:00:00+01:60", "2024-01-01T00:00:00+01:",
    "2024-1-1T00:00:00Z", "24-01-01T00:00:00Z", "12024-01-01T00:00:00Z", "2024-01-01T0:00:00Z", "2024-01", "2024-01-",
    "2024/01/01", "01.01.2024", "2024-01-01T00:00:00Z\0", "\0002024-01-01T00:00:00Z", "2024-01-01T00:00:00Z\n",
    "-2024-01-01T00:00:00Z", "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z",
    "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37", "Sun, 31 Feb 1994 08:49:37 GMT", "Xxx, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, 06 Nov 994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 XYZ",
    "Sun, 06 Nov 1994 08:49:37 GMT GMT", "Sun,", "Sunday", "Nov", "Sun Nov", "Sun Nov  6 08:49:37 199",
    ("9"):rep(5000), ("0"):rep(5000) .. "x", "2024-01-01T00:00:00." .. ("1"):rep(5000),
  }
  -- The last one is no garbage but long: it is tested apart.
  local long = table.remove(garbage)
  for _, text in ipairs(garbage) do
    it(("refuses %q"):format(text:sub(1, 40)), function()
      local seconds, err = time.parse(text)
      assert.is_nil(seconds)
      assert.is_true(errors.is(err))
      assert.are.equal("ParamValidationError", err.code)
      assert.is_nil(core.time_parse(text))
    end)
  end

  it("reads any number of fraction digits", function()
    assert.is_true(math.abs(time.parse(long) - 1704067200.1111112) < 1e-6)
  end)

  it("hands a number back, within the range", function()
    assert.are.equal(5.5, time.parse(5.5))
    assert.is_nil((time.parse(0 / 0)))
    assert.is_nil((time.parse(1e300)))
  end)

  it("refuses other types", function()
    for _, value in ipairs { true, {}, print } do
      local seconds, err = time.parse(value)
      assert.is_nil(seconds)
      assert.is_truthy(err.message:find("read from a string", 1, true))
    end
    assert.is_truthy(select(2, time.parse(nil)).message:find("not from nil", 1, true))
  end)

  it("does not depend on the locale", function()
    local before = os.setlocale(nil)
    for _, name in ipairs { "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C" } do
      if os.setlocale(name) then
        local value, text = core.time_parse("1704067200.25"), core.time_iso8601(0.25)
        local http = core.time_http(784111777)
        os.setlocale(before)
        assert.are.equal(1704067200.25, value)
        assert.are.equal("1970-01-01T00:00:00.25Z", text)
        assert.are.equal("Sun, 06 Nov 1994 08:49:37 GMT", http)
      end
    end
    os.setlocale(before)
  end)
end)

describe("bedrock.time.format", function()
  local rows = {
    { 0, "1970-01-01T00:00:00Z" },
    { 1795420800, "2026-11-23T08:00:00Z" },
    { 1704067200.5, "2024-01-01T00:00:00.5Z" },
    { 1704067200.123, "2024-01-01T00:00:00.123Z" },
    { 1704067200.12, "2024-01-01T00:00:00.12Z" },
    { 1704067200.123456, "2024-01-01T00:00:00.123Z" },
    { 1704067200.0001, "2024-01-01T00:00:00Z" },
    { 1704067199.9996, "2024-01-01T00:00:00Z" },
    { -0.5, "1969-12-31T23:59:59.5Z" },
    { -1, "1969-12-31T23:59:59Z" },
    { 951782400, "2000-02-29T00:00:00Z" },
    { 253402300799, "9999-12-31T23:59:59Z" },
    { -62167219200, "0000-01-01T00:00:00Z" },
  }
  for _, row in ipairs(rows) do
    it(("writes %s"):format(row[2]), function()
      assert.are.equal(row[2], time.format(row[1]))
    end)
  end

  it("refuses what is out of range or no number", function()
    for _, value in ipairs { 0 / 0, math.huge, -math.huge, 253402300800, 253402300799.9996, -62167219201, 1e300, "0", {} } do
      local text, err = time.format(value)
      assert.is_nil(text)
      assert.are.equal("ParamValidationError", err.code)
    end
    for _, name in ipairs { "time_iso8601", "time_http", "time_amz" } do
      local text, message = core[name](1e15)
      assert.is_nil(text)
      assert.is_string(message)
    end
  end)

  it("is read back: every day from 1890 to 2110, and days far away", function()
    local function check(seconds)
      for _, name in ipairs { "time_iso8601", "time_http", "time_amz" } do
        local text = core[name](seconds)
        if core.time_parse(text) ~= seconds then
          error(("%s(%d) is %s, which reads as %s"):format(name, seconds, text, tostring(core.time_parse(text))))
        end
      end
    end
    for day = -29220, 51134 do
      check(day * 86400 + (day * 7919) % 86400)
    end
    for day = -719528, 2932896, 1009 do
      check(day * 86400)
    end
  end)

  it("agrees with the system's calendar", function()
    for seconds = 0, 2147483647, 98765431 do
      assert.are.equal(os.date("!%Y-%m-%dT%H:%M:%SZ", seconds), time.format(seconds))
      assert.are.equal(os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds), core.time_http(seconds))
      assert.are.equal(os.date("!%Y%m%dT%H%M%SZ", seconds), core.time_amz(seconds))
    end
  end)
end)
