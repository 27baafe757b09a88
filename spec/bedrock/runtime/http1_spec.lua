-- HTTP/1.1 without a socket: answers are fed whole, byte by byte, and cut at every point.

local http1 = require "bedrock.runtime.http1"

local SIZE = 1024 -- bytes that a body may have

-- Reads from a list of pieces; at its end comes `last`.
local function stream_of(pieces, last)
  local i = 0
  return http1.stream(function()
    i = i + 1
    if pieces[i] then return pieces[i] end
    return nil, last or "closed"
  end)
end

local function bytes_of(text)
  local pieces = {}
  for i = 1, #text do pieces[i] = text:sub(i, i) end
  return pieces
end

-- The answer, or "KIND: text", read from pieces.
local function read(pieces, method, last)
  local stream = stream_of(pieces, last)
  local answer, keep, text = http1.answer(stream, method or "GET", SIZE)
  if not answer then return nil, keep, text, stream end
  return answer, keep, nil, stream
end

-- Read it whole, byte by byte and in two pieces at every point: the same must come of it each time.
local function read_all_ways(text, method)
  local answer, keep, why = read({ text }, method)
  local ways = { bytes_of(text) }
  for i = 1, math.min(#text - 1, 400), os.getenv "BEDROCK_SLOW" and 10 or 1 do ways[#ways + 1] = { text:sub(1, i), text:sub(i + 1) } end
  for _, pieces in ipairs(ways) do
    local other, other_keep, other_why = read(pieces, method)
    assert.same(answer, other)
    -- What follows the answer is seen where it has come already.
    if answer and keep ~= other_keep then assert.is_true(other_keep) else assert.equal(keep, other_keep) end
    assert.equal(why, other_why)
  end
  return answer, keep, why
end

local OK = "HTTP/1.1 200 OK\r\n"

describe("bedrock.runtime.http1 reads", function()
  local rows = { -- what, text, body, keep, other fields
    { "a body with its length", OK .. "Content-Length: 5\r\n\r\nhello", "hello", true },
    { "a length with zeros in front", OK .. "Content-Length: 0005\r\n\r\nhello", "hello", true },
    { "no body", OK .. "Content-Length: 0\r\n\r\n", "", true },
    { "chunks", OK .. "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n", "hello", true },
    { "chunks with extensions and trailers", OK .. "Transfer-Encoding: Chunked\r\n\r\n"
      .. "5;a=b\r\nhello\r\n0 ; c\r\nX-Late: 1\r\nX-Later: 2\r\n\r\n", "hello", true, headers = { ["transfer-encoding"] = "Chunked" } },
    { "chunks whose sizes are in either case", OK .. "Transfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n",
      "0123456789abcdefghij", true },
    { "line breaks inside of chunks", OK .. "Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", true },
    { "a body up to the end", OK .. "X-A: b\r\n\r\nhello", "hello", false, headers = { ["x-a"] = "b" } },
    { "HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi", false, version = "1.0" },
    { "HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nhi", "hi", true, version = "1.0" },
    { "a connection that ends", OK .. "Connection: close\r\nContent-Length: 2\r\n\r\nhi", "hi", false },
    { "a connection that ends, in a list", OK .. "Connection: x-a , Close\r\nContent-Length: 2\r\n\r\nhi", "hi", false },
    { "what only looks like it", OK .. "Connection: closed\r\nContent-Length: 2\r\n\r\nhi", "hi", true },
    { "more than the answer", OK .. "Content-Length: 2\r\n\r\nhi!", "hi", false },
    { "HEAD", OK .. "Content-Length: 5\r\n\r\n", "", true, method = "HEAD" },
    { "HEAD of chunks", OK .. "Transfer-Encoding: chunked\r\n\r\n", "", true, method = "HEAD" },
    { "204", "HTTP/1.1 204 No Content\r\n\r\n", "", true, status = 204 },
    { "304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", true, status = 304 },
    { "1xx answers before it", "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\nX-A: b\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
      .. "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi", "hi", true, status = 201, headers = { ["content-length"] = "2" } },
    { "no reason", "HTTP/1.1 503\r\nContent-Length: 2\r\n\r\nhi", "hi", true, status = 503 },
    { "an empty reason, and bytes beyond ASCII in one", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n", "", true },
    { "the highest status", "HTTP/1.1 999 \195\164\r\nContent-Length: 0\r\n\r\n", "", true, status = 999 },
    { "headers in any case, with blanks around", OK .. "content-LENGTH:2  \t\r\nX-A:\t a  b \t\r\nx-a: c\r\nX-E:\r\nX-F:  \r\n\r\nhi", "hi", true,
      headers = { ["content-length"] = "2", ["x-a"] = "a  b, c", ["x-e"] = "", ["x-f"] = "" } },
    { "any byte in a body", OK .. "Content-Length: 6\r\n\r\n\0\r\n\255\127\1", "\0\r\n\255\127\1", true },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      local answer, keep = read_all_ways(row[2], row.method)
      assert(answer, keep)
      assert.equal(row.status or 200, answer.status)
      assert.equal(row[3], answer.body)
      assert.equal(row.version or "1.1", answer.http_version)
      assert.equal(row[4], keep)
      if row.headers then assert.same(row.headers, answer.headers) end
    end)
  end

  it("no body after CONNECT, and leaves what follows", function()
    local answer, keep, _, stream = read({ "HTTP/1.1 200 Connection established\r\n\r\n\22\3\1" }, "CONNECT")
    assert.equal(200, answer.status)
    assert.is_false(keep)
    assert.equal("\22\3\1", stream.buffer:sub(stream.at))
    answer, keep = read({ "HTTP/1.1 407 Wanted\r\nContent-Length: 10\r\n\r\n" }, "CONNECT")
    assert.equal(407, answer.status)
    assert.is_true(keep)
  end)

  it("several answers from one stream", function()
    local stream = stream_of { OK .. "Content-Length: 2\r\n\r\nhiHTTP/1.1 404 X\r\nContent-Length: 3\r\n\r\nyou" }
    assert.equal("hi", http1.answer(stream, "GET", SIZE).body)
    local answer, keep = http1.answer(stream, "GET", SIZE)
    assert.equal(404, answer.status)
    assert.equal("you", answer.body)
    assert.is_true(keep)
  end)
end)

describe("bedrock.runtime.http1 refuses", function()
  local CHUNKED = OK .. "Transfer-Encoding: chunked\r\n\r\n"
  local rows = { -- what, text, kind (bad_answer), part of the text
    { "garbage", "\1\2\3 what is this\r\n\r\n" },
    { "garbage without end", "\1" },
    { "HTTP/0.9", "<html>hello</html>" },
    { "blank lines before it", "\r\n" .. OK .. "Content-Length: 0\r\n\r\n" },
    { "a TLS record", "\21\3\1\0\2\2\22" },
    { "a text that begins in the same way", "HTTQ/1.1 200 OK\r\n\r\n" },
    { "another case", "http/1.1 200 OK\r\n\r\n" },
    { "HTTP/2", "HTTP/2 200\r\n\r\n" },
    { "HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n" },
    { "HTTP/1.10", "HTTP/1.10 200 OK\r\n\r\n" },
    { "no status", "HTTP/1.1\r\n\r\n" },
    { "a status of two digits", "HTTP/1.1 20 OK\r\n\r\n" },
    { "a status of four digits", "HTTP/1.1 2000 OK\r\n\r\n" },
    { "a status below 100", "HTTP/1.1 099 OK\r\n\r\n" },
    { "a status that is none", "HTTP/1.1 2x0 OK\r\n\r\n" },
    { "a sign in front of a status", "HTTP/1.1 +20 OK\r\n\r\n" },
    { "two blanks before a status", "HTTP/1.1  200 OK\r\n\r\n" },
    { "a tab behind a status", "HTTP/1.1 200\tOK\r\n\r\n" },
    { "another protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", part = "not asked for" },
    { "CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", part = "control character" },
    { "NUL in the reason", "HTTP/1.1 200 O\0K\r\n\r\n", part = "control character" },
    { "bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", part = "bare line feed" },
    { "one bare line feed", OK .. "X-A: b\nX-B: c\r\n\r\n", part = "bare line feed" },
    { "a bare line feed for the empty line", OK .. "X-A: b\r\n\n", part = "bare line feed" },
    { "a bare CR", OK .. "X-A: b\rX-B: c\r\n\r\n", part = "control character" },
    { "CR CR LF", OK .. "X-A: b\r\r\n\r\n", part = "control character" },
    { "a CR for the empty line", OK .. "X-A: b\r\n\r\r\n", part = "control character" },
    { "NUL in a header", OK .. "X-A: b\0c\r\n\r\n", part = "control character" },
    { "NUL in a header's name", OK .. "X\0A: b\r\n\r\n", part = "control character" },
    { "another control character", OK .. "X-A: b\27[0m\r\n\r\n", part = "control character" },
    { "a folded header", OK .. "X-A: one\r\n two\r\n\r\n", part = "folded" },
    { "one folded by a tab", OK .. "X-A: one\r\n\ttwo\r\n\r\n" },
    { "a folded first header", OK .. " X-A: one\r\n\r\n" },
    { "a line without a colon", OK .. "X-A\r\n\r\n" },
    { "an empty name", OK .. ": b\r\n\r\n" },
    { "a blank before the colon", OK .. "X-A : b\r\n\r\n" },
    { "a blank inside a name", OK .. "X A: b\r\n\r\n" },
    { "a name beyond ASCII", OK .. "X-\195\164: b\r\n\r\n" },
    { "two lengths", OK .. "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", part = "two headers" },
    { "the same length twice", OK .. "Content-Length: 2\r\ncontent-length: 2\r\n\r\nhi", part = "two headers" },
    { "two lengths in one header", OK .. "Content-Length: 2, 2\r\n\r\nhi", part = "no length" },
    { "a length and chunks", OK .. "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", part = "two headers" },
    { "chunks and a length", OK .. "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", part = "two headers" },
    { "a length that is empty", OK .. "Content-Length:\r\n\r\n" },
    { "a length with a sign", OK .. "Content-Length: +2\r\n\r\nhi" },
    { "a negative length", OK .. "Content-Length: -2\r\n\r\nhi" },
    { "a length in hex", OK .. "Content-Length: 0x2\r\n\r\nhi" },
    { "a length with a point", OK .. "Content-Length: 2.0\r\n\r\nhi" },
    { "a length with a blank in it", OK .. "Content-Length: 2 2\r\n\r\nhi" },
    { "a length beyond 64 bits", OK .. "Content-Length: 99999999999999999999\r\n\r\nhi" },
    { "another coding", OK .. "Transfer-Encoding: gzip\r\n\r\n", part = "transfer coding" },
    { "two codings", OK .. "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" },
    { "chunks twice", OK .. "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
    { "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
    { "a chunk without a size", CHUNKED .. "\r\nab\r\n", part = "chunk" },
    { "a size that is none", CHUNKED .. "zz\r\nab\r\n" },
    { "a size with a sign", CHUNKED .. "+2\r\nab\r\n0\r\n\r\n" },
    { "a negative size", CHUNKED .. "-2\r\nab\r\n0\r\n\r\n" },
    { "a size with 0x", CHUNKED .. "0x2\r\nab\r\n0\r\n\r\n" },
    { "a size with a blank behind", CHUNKED .. "2 \r\nab\r\n0\r\n\r\n" },
    { "a size with a blank in front", CHUNKED .. " 2\r\nab\r\n0\r\n\r\n" },
    { "a size with a bare line feed", CHUNKED .. "2\nab\r\n0\r\n\r\n" },
    { "a size beyond all", CHUNKED .. "fffffffffffffffff\r\nab\r\n0\r\n\r\n" },
    { "CR in an extension", CHUNKED .. "2;a\rb\r\nab\r\n0\r\n\r\n" },
    { "a chunk that is longer than it says", CHUNKED .. "2\r\nabc\r\n0\r\n\r\n" },
    { "a chunk that is shorter than it says", CHUNKED .. "3\r\nab\r\n0\r\n\r\n" },
    { "a chunk that ends in a line feed", CHUNKED .. "2\r\nab\n0\r\n\r\n" },
    { "a trailer that is none", CHUNKED .. "2\r\nab\r\n0\r\nX A: b\r\n\r\n" },
    { "a folded trailer", CHUNKED .. "0\r\nX-A: b\r\n c\r\n\r\n" },
    { "a 1xx answer that is none", "HTTP/1.1 100 Continue\r\nX A\r\n\r\n" .. OK .. "Content-Length: 0\r\n\r\n" },
    { "a body over the limit", OK .. "Content-Length: 1025\r\n\r\n" .. ("x"):rep(1025), kind = "body_too_big" },
    { "a body of eighteen digits", OK .. "Content-Length: 999999999999999999\r\n\r\n", kind = "body_too_big" },
    { "a chunk over the limit", CHUNKED .. "401\r\n" .. ("x"):rep(1025) .. "\r\n0\r\n\r\n", kind = "body_too_big" },
    { "a body without length over the limit", OK .. "\r\n" .. ("x"):rep(1025), kind = "body_too_big" },
  }
  for _, row in ipairs(rows) do
    it(row[1], function()
      local answer, kind, why = read_all_ways(row[2])
      assert.is_nil(answer)
      assert.equal(row.kind or "bad_answer", kind)
      if row.part then assert.truthy(why:find(row.part, 1, true), why) end
    end)
  end

  it("chunks that together are over the limit", function()
    local text = CHUNKED .. ("10\r\n0123456789abcdef\r\n"):rep(64)
    assert.equal(1024, #read({ text .. "0\r\n\r\n" }).body)
    local answer, kind = read { text .. "1\r\nx\r\n0\r\n\r\n" }
    assert.is_nil(answer)
    assert.equal("body_too_big", kind)
  end)

  it("headers over the limit: in one line, in many, in 1xx answers and in trailers", function()
    local line = "X-A: " .. ("x"):rep(1000) .. "\r\n"
    local most = math.floor(256 * 1024 / #line)
    assert(read { OK .. line:rep(most - 1) .. "Content-Length: 0\r\n\r\n" })
    for _, text in ipairs {
      OK .. "X-A: " .. ("x"):rep(256 * 1024) .. "\r\n\r\n",
      OK .. line:rep(most + 1),
      ("HTTP/1.1 100 Continue\r\n" .. line .. "\r\n"):rep(most),
      CHUNKED .. "0\r\n" .. line:rep(most + 1),
      OK .. ("a:\r\n"):rep(3000),
      OK .. ("x"):rep(256 * 1024), -- no end of a line
    } do
      local answer, kind = read { text }
      assert.is_nil(answer)
      assert.equal("headers_too_big", kind)
    end
  end)

  it("a chunk's line without end", function()
    local answer, kind = read { CHUNKED .. "1;" .. ("x"):rep(5000) }
    assert.is_nil(answer)
    assert.equal("bad_answer", kind)
  end)

  it("nothing slowly", function()
    local zeros, blanks = ("0"):rep(250000), (" "):rep(250000)
    local cases = {
      OK .. "Content-Length: " .. zeros .. "x\r\n\r\n",
      OK .. "X-A: a" .. blanks .. "b\r\n\r\n",
      CHUNKED .. ("0"):rep(4000) .. "x\r\n",
      OK .. ("Connection: " .. (","):rep(200000)) .. "\r\n\r\n",
      OK .. ("a: " .. ("x"):rep(120) .. "\r\n"):rep(1990) .. "\r\n",
    }
    local started = os.clock()
    for _, text in ipairs(cases) do read { text } end
    read(bytes_of(OK .. "X-A: " .. blanks .. "\r\n\r\n"))
    assert.is_true(os.clock() - started < 2 * (tonumber(os.getenv "BEDROCK_SLOW") or 1))
  end)
end)

describe("bedrock.runtime.http1 at the end of the connection", function()
  local whole = "HTTP/1.1 100 Continue\r\n\r\n" .. OK .. "Content-Length: 5\r\nX-A: b\r\n\r\nhello"
  local chunked = OK .. "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-A: b\r\n\r\n"

  for _, text in ipairs { whole, chunked } do
    it("tells an answer that was cut off at any point from none: " .. text:sub(10, 12), function()
      for _, last in ipairs { "closed", "broken" } do
        for i = 0, #text - 1 do
          for _, pieces in ipairs { { i > 0 and text:sub(1, i) or nil }, bytes_of(text:sub(1, i)) } do
            local answer, kind, _, stream = read(pieces, "GET", last)
            assert.is_nil(answer)
            assert.equal(i == 0 and "connect" or "cut_off", kind)
            assert.equal(i > 0, stream.begun)
          end
        end
      end
    end)
  end

  it("takes a body without length for whole only where the end is an orderly one", function()
    assert.equal("hel", read({ OK .. "\r\nhel" }, "GET", "closed").body)
    local answer, kind = read({ OK .. "\r\nhel" }, "GET", "broken")
    assert.is_nil(answer)
    assert.equal("cut_off", kind)
  end)

  it("hands on what else happened", function()
    for i = 0, #whole - 1 do
      local answer, kind = read({ i > 0 and whole:sub(1, i) or nil }, "GET", "timeout_read")
      assert.is_nil(answer)
      assert.equal("timeout_read", kind)
    end
  end)

  it("puts large bodies together from any pieces", function()
    local body = ("0123456789abcdef"):rep(8192)
    local texts = { OK .. "Content-Length: " .. #body .. "\r\n\r\n" .. body, OK .. "\r\n" .. body }
    local chunks = { OK .. "Transfer-Encoding: chunked\r\n\r\n" }
    for i = 1, #body, 7 do
      local part = body:sub(i, i + 6)
      chunks[#chunks + 1] = ("%x\r\n%s\r\n"):format(#part, part)
    end
    texts[3] = table.concat(chunks) .. "0\r\n\r\n"
    for _, text in ipairs(texts) do
      for _, size in ipairs { 1, 3, 4096, #text } do
        local pieces = {}
        for i = 1, #text, size do pieces[#pieces + 1] = text:sub(i, i + size - 1) end
        local answer = http1.answer(stream_of(pieces), "GET", #body)
        assert.is_true(answer.body == body)
      end
    end
  end)
end)

describe("bedrock.runtime.http1 writes", function()
  local function head(fields, url, ...)
    local request = { method = "GET", url = url or "http://host/", headers = {} }
    for name, value in pairs(fields or {}) do request[name] = value end
    return http1.head(request, assert(http1.target(request.url)), ...)
  end

  it("the request line, Host and the length of the body", function()
    assert.equal("GET / HTTP/1.1\r\nHost: host\r\n\r\n", (head()))
    assert.equal("GET /a?b HTTP/1.1\r\nHost: host:8080\r\nX-A: b\r\n\r\n", (head({ headers = { ["X-A"] = " b " } }, "http://HOST:8080/a?b#c")))
    assert.equal("POST / HTTP/1.1\r\nHost: host\r\nContent-Length: 3\r\n\r\n", (head({ method = "POST", body = "abc" })))
    assert.equal("PUT / HTTP/1.1\r\nHost: host\r\nContent-Length: 0\r\n\r\n", (head({ method = "PUT" })))
    assert.equal("GET / HTTP/1.1\r\nHost: host\r\nX-E:\r\n\r\n", (head({ headers = { ["X-E"] = "" } })))
    assert.equal("GET / HTTP/1.1\r\nHost: host\r\nX-L: 1\r\nX-L: 2\r\n\r\n", (head({ headers = { ["X-L"] = { "1", "2" } } })))
    assert.equal("GET / HTTP/1.1\r\nhost: other\r\n\r\n", (head({ headers = { host = "other" } })))
  end)

  it("the whole URL for a proxy", function()
    assert.equal("GET http://host:81/a HTTP/1.1\r\nHost: host:81\r\nProxy-Authorization: Basic x\r\n\r\n",
      (head(nil, "http://Host:81/a", true, "Basic x")))
  end)

  it("whether the connection may go on", function()
    assert.is_true(select(2, head()))
    assert.is_false(select(2, head({ headers = { Connection = "Close" } })))
    assert.is_false(select(2, head({ headers = { connection = { "x", "te, close" } } })))
  end)

  it("the request for a tunnel", function()
    local target = http1.target "https://Host/a"
    assert.equal("CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\n\r\n", http1.connect_head(target))
    assert.equal("CONNECT host:443 HTTP/1.1\r\nHost: host:443\r\nProxy-Authorization: Basic x\r\n\r\n",
      http1.connect_head(target, "Basic x"))
  end)

  it("no URL that it can't take apart", function()
    local rows = { -- URL, host, port, authority, path; or nil and part of what is wrong
      { "http://a", "a", 80, "a", "/" },
      { "HTTPS://A.b:443?x", "a.b", 443, "a.b", "/?x" },
      { "https://a:80/", "a", 80, "a:80", "/" },
      { "http://a:/b", "a", 80, "a", "/b" },
      { "http://[::1]:8/", "[::1]", 8, "[::1]:8", "/" },
      { "http://a/%2F/../x?y=/#z", "a", 80, "a", "/%2F/../x?y=/" },
      { "http://a/b@c", "a", 80, "a", "/b@c" },
      { 7, nil, "must be a string" },
      { "a/b", nil, "http:// or https://" },
      { "ftp://a", nil, "http:// or https://" },
      { "http://", nil, "no host" },
      { "http:///a", nil, "no host" },
      { "http://:80", nil, "no host" },
      { "http://?a", nil, "no host" },
      { "http://u@a", nil, "user name" },
      { "http://u:secret@a", nil, "user name" },
      { "http://a:0", nil, "out of range" },
      { "http://a:65536", nil, "out of range" },
      { "http://a:000080", nil, "out of range" },
      { "http://a:8x", nil, "can't be read" },
      { "http://a%20b", nil, "can't be read" },
      { "http://\195\164", nil, "can't be read" },
      { "http://[::1", nil, "can't be read" },
      { "http://[::1]8", nil, "can't be read" },
      { "http://a/\r\nX: y", nil, "control character" },
      { "http://a/" .. ("x"):rep(1024 * 1024), nil, "1 MiB" },
    }
    for _, row in ipairs(rows) do
      local target, kind, why = http1.target(row[1])
      if row[2] then
        assert.same({ row[2], row[3], row[4], row[5] }, { target.host, target.port, target.authority, target.path })
      else
        assert.is_nil(target)
        assert.truthy(kind == "bad_url" or kind == "bad_request")
        assert.truthy(why:find(row[3], 1, true), why)
        assert.is_nil(why:find("secret", 1, true))
      end
    end
  end)

  it("understands a URL the second time as the first, whatever else began like it", function()
    local urls = {}
    for _, origin in ipairs { "http://h", "HTTP://H", "http://h:8080", "https://h", "http://[::1]:5", "http://h?a", "http://h#a",
      "http://h\\", "http://u@h", "http:///h", "http://h:0", "http://", "http://x y" } do
      for _, path in ipairs { "", "/", "/a/b", "/a?b/c", "/a#b", "/a b", "/a\n", "/\127", "?q", "?q/r", "#f/g" } do urls[#urls + 1] = origin .. path end
    end
    local first = {}
    for round = 1, 3 do
      for i, url in ipairs(urls) do
        local seen = { http1.target(url) }
        first[i] = first[i] or seen
        assert.same(first[i], seen, url)
        -- As a stranger sees it, whose origin is known to nobody: the digits are those of no other URL.
        if round == 1 and seen[1] and not url:find("%[") then
          local fresh = assert(http1.target((url:gsub("^(%a+://)[Hh]", "%1n" .. i .. "x"))))
          assert.equal(seen[1].path, fresh.path, url)
        end
      end
    end
  end)
end)
