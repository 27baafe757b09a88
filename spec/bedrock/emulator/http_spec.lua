local http = require "bedrock.emulator.http"

-- Everything that comes out of some bytes, fed in pieces of a size.
local function parse(bytes, size)
  local parser, requests = http.parser(), {}
  for i = 1, #bytes, size do
    parser:feed(bytes:sub(i, i + size - 1))
    while true do
      local request, err = parser:next()
      if err then return requests, err end
      if not request then break end
      requests[#requests + 1] = request
    end
  end
  return requests, nil, parser
end

local GET = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
local POST = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-Two: 1\r\nx-two:  2 \r\n\r\nhello"
local CHUNKED = "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;q=1\r\n, world!!!\r\n0\r\nX: y\r\n\r\n"

describe("bedrock.emulator.http", function()
  it("reads requests one after another, however they are cut", function()
    local text = GET .. POST .. "\r\n" .. CHUNKED .. GET
    for _, size in ipairs { 1, 2, 3, 7, 64, #text } do
      local requests, err, parser = parse(text, size)
      assert.is_nil(err)
      assert.equal(4, #requests)
      assert.equal("/a?b=c", requests[1].target)
      assert.equal("", requests[1].body)
      assert.equal("hello", requests[2].body)
      assert.same({ "1", "2" }, requests[2].headers["x-two"])
      assert.equal("hello, world!!!", requests[3].body)
      assert.equal("GET", requests[4].method)
      assert.is_false(parser:is_amid())
    end
  end)

  it("waits for what is missing, at every cut", function()
    for _, text in ipairs { GET, POST, CHUNKED } do
      for i = 1, #text - 1 do
        local requests, err, parser = parse(text:sub(1, i), i)
        assert.equal(0, #requests)
        assert.is_nil(err)
        assert.is_true(parser:is_amid())
      end
    end
  end)

  it("knows when a connection stays", function()
    local function keeps(version, connection)
      connection = connection and "Connection: " .. connection .. "\r\n" or ""
      return parse(("GET / HTTP/%s\r\nHost: x\r\n%s\r\n"):format(version, connection), 99)[1].keep_alive
    end
    assert.is_true(keeps "1.1")
    assert.is_false(keeps("1.1", "Close"))
    assert.is_false(keeps "1.0")
    assert.is_true(keeps("1.0", "Keep-Alive"))
  end)

  it("takes the absolute form of a target", function()
    assert.equal("/x?y", parse("GET http://h:80/x?y HTTP/1.1\r\nHost: h\r\n\r\n", 99)[1].target)
  end)

  it("gives leave to send a body, once", function()
    local parser = http.parser()
    parser:feed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
    assert.is_nil(parser:next())
    assert.is_true(parser:wants_continue())
    assert.is_false(parser:wants_continue())
    parser:feed("x")
    assert.equal("x", parser:next().body)
  end)

  local function head(lines) return "POST / HTTP/1.1\r\nHost: x\r\n" .. lines .. "\r\n\r\n" end
  local refused = {
    { "a TLS hello", "\22\3\1\2\0\1\0", 400 }, { "lower-case nonsense", "hello\r\n\r\n", 400 },
    { "no version", "GET /\r\n\r\n", 400 }, { "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505 },
    { "a target without a slash", "GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
    { "a fragment", "GET /#x HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
    { "raw bytes in the target", "GET /\195\169 HTTP/1.1\r\nHost: x\r\n\r\n", 400 },
    { "no Host", "GET / HTTP/1.1\r\n\r\n", 400 }, { "two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
    { "an odd Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
    { "a folded header", head "A: b\r\n c", 400 }, { "a blank before the colon", head "A : b", 400 },
    { "a header without a colon", head "A", 400 }, { "NUL in a header", head "A: \0", 400 },
    { "a bare line feed", "GET / HTTP/1.1\nHost: x\n\n", 400 }, { "a bare carriage return", head "A: b\rC: d", 400 },
    { "a length in words", head "Content-Length: five", 400 }, { "a negative length", head "Content-Length: -1", 400 },
    { "two lengths", head "Content-Length: 1\r\nContent-Length: 2", 400 },
    { "length and chunks", head "Content-Length: 1\r\nTransfer-Encoding: chunked", 400 },
    { "an unknown coding", head "Transfer-Encoding: gzip, chunked", 501 }, { "another expectation", head "Expect: rain", 417 },
    { "a huge length", head "Content-Length: 99999999999999999999", 413 },
    { "a length over the limit", head("Content-Length: " .. (http.max_body + 1)), 413 },
    { "a bad chunk size", head "Transfer-Encoding: chunked" .. "xyz\r\n", 400 },
    { "a negative chunk size", head "Transfer-Encoding: chunked" .. "-5\r\n", 400 },
    { "a huge chunk size", head "Transfer-Encoding: chunked" .. "FFFFFFFF\r\n", 413 },
    { "an endless chunk size", head "Transfer-Encoding: chunked" .. ("0"):rep(300), 400 },
    { "a chunk that runs over", head "Transfer-Encoding: chunked" .. "1\r\nabc\r\n", 400 },
    { "an endless head", "GET / HTTP/1.1\r\nA: " .. ("x"):rep(http.max_head), 431 },
    { "too many headers", head(("A: b\r\n"):rep(200) .. "C: d"), 431 },
    { "too many trailers", head "Transfer-Encoding: chunked" .. "0\r\n" .. ("A: b\r\n"):rep(200), 431 },
    { "an endless trailer", head "Transfer-Encoding: chunked" .. "0\r\n" .. ("A"):rep(2000), 431 },
  }
  for _, row in ipairs(refused) do
    it("refuses " .. row[1], function()
      for _, size in ipairs { #row[2], 1000 } do
        local requests, err = parse(row[2], size)
        assert.equal(0, #requests)
        assert.equal(row[3], err and err.status)
      end
    end)
  end

  it("writes heads that hold no line breaks but its own", function()
    local text = http.head({ status = 200, headers = { ["x-amzn-requestid"] = "a\r\nb", ["content-length"] = "0" } }, true)
    assert.equal("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nx-amzn-RequestId: a  b\r\nConnection: keep-alive\r\n\r\n", text)
  end)
end)
