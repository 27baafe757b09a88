--- What every runtime that sends over the network has to do, as specs: against nginx for what a good server does, against a
-- scripted TCP server for faults. The runtime over libcurl and the one inside nginx pass the same ones, so that a
-- program meets the same results and errors in both.
--
--   require "spec.support.runtime_cases" ({ name = "curl", new = function(options) return runtime end },
--     { describe = describe, it = it, setup = setup, teardown = teardown, after_each = after_each })
--
-- busted gives its functions to spec files only, so they are handed on.
-- `strict`: answers that two readers could understand differently are refused; `shares_connections`: a runtime may find
-- those of another one; `overhead`: seconds that a call may take beyond its own time.

local assert = require "luassert"
local socket = require "socket"
local child = require "spec.support.child"
local nginx = require "spec.support.nginx"
local tcp_server = require "spec.support.tcp_server"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1 -- how much longer things may take, under valgrind

---@param kit {name: string, new: (fun(options: table): bedrock.Runtime), strict?: boolean, shares_connections?: boolean, overhead?: number}
---@param busted table<string, function>
return function(kit, busted)
  local describe, it, setup, teardown, after_each =
    busted.describe, busted.it, busted.setup, busted.teardown, busted.after_each
  local runtime, server
  local overhead = kit.overhead or 0

  -- A runtime that the environment of the tests has no part in; closed after the test.
  local function new(options)
    options = options or {}
    if options.proxy == nil and not options.environment then options.proxy = false end
    runtime = kit.new(options)
    return runtime
  end

  local function serve(script)
    server = tcp_server.start(script)
    return server
  end

  local function get(url, fields)
    local request = { method = "GET", url = url, headers = {} }
    for name, value in pairs(fields or {}) do
      request[name] = value
    end
    return request
  end

  after_each(function()
    if runtime then runtime:close() end
    if server then server.stop() end
    runtime, server = nil, nil
  end)

  -- A string as source text that every Lua reads alike.
  local function literal(text)
    return '"' .. string.gsub(text, ".", function(byte)
      return string.format("\\%03d", string.byte(byte))
    end) .. '"'
  end

  local ANSWER = [[
    local client, n = ...
    local request = read_request(client)
    client:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
  ]]

  describe("with a real server", function()
    local web

    setup(function()
      web = nginx.start {
        conf = [[
          server {
            listen 127.0.0.1:@PORT1@;
            client_max_body_size 100m;
            location / {
              add_header X-Connection $connection always;
              add_header X-Requests $connection_requests always;
              add_header X-Method $request_method always;
              add_header X-Length "[$http_content_length]" always;
              add_header X-Type "[$http_content_type]" always;
              add_header X-Accept "[$http_accept]" always;
              add_header X-Agent "[$http_user_agent]" always;
              add_header X-Expect "[$http_expect]" always;
              add_header X-Encoding "[$http_accept_encoding]" always;
              add_header X-Twice one always;
              add_header X-Twice two always;
              return 200 "$request_uri";
            }
            location /redirect { return 302 /elsewhere; }
            location /missing { return 404 "nothing"; }
            location /empty { return 204; }
            location /file { alias @DIR@/file; }
          }
        ]],
        files = { file = string.rep("0123456789abcdef", 65536) },
      }
    end)

    teardown(function()
      web.stop()
    end)

    it("gives status, headers in lower case and the body", function()
      local response = assert(new():send(get(web.url .. "/a?b=c")))
      assert.are.equal(200, response.status)
      assert.are.equal("/a?b=c", response.body)
      assert.are.equal("one, two", response.headers["x-twice"])
      assert.are.equal("1.1", response.http_version)
      assert.is_nil(response.headers["X-Twice"])
    end)

    it("keeps one connection for many calls", function()
      new()
      local first = assert(runtime:send(get(web.url .. "/")))
      if not kit.shares_connections then
        assert.are.equal(1, first.connects)
        assert.is_false(first.reused)
      end
      for i = 1, 19 do
        local response = assert(runtime:send(get(web.url .. "/" .. i)))
        assert.is_true(response.reused)
        assert.are.equal(0, response.connects)
        assert.are.equal(first.headers["x-connection"], response.headers["x-connection"])
        assert.are.equal(tostring(tonumber(first.headers["x-requests"]) + i), response.headers["x-requests"])
      end
    end)

    it("changes from method to method on one session", function()
      new()
      local rows = { -- method, body, Content-Length as it arrives
        { "GET", nil, "[]" },
        { "POST", "abc", "[3]" },
        { "GET", nil, "[]" },
        { "HEAD", nil, "[]" },
        { "PUT", "abcde", "[5]" },
        { "POST", nil, "[0]" },
        { "DELETE", nil, "[0]" },
        { "HEAD", nil, "[]" },
        { "PATCH", "x", "[1]" },
        { "PUT", nil, "[0]" },
        { "DELETE", "xy", "[2]" },
        { "GET", "", "[]" },
        { "OPTIONS", nil, "[]" },
        { "POST", "", "[0]" },
      }
      for _, row in ipairs(rows) do
        local response = assert(runtime:send(get(web.url .. "/m", { method = row[1], body = row[2] })))
        assert.are.equal(row[1], response.headers["x-method"])
        assert.are.equal(row[3], response.headers["x-length"], row[1])
        assert.are.equal(row[1] == "HEAD" and "" or "/m", response.body)
      end
    end)

    it("sends the path as it is", function()
      local path = "/jobs/arn%3Aaws%3Abedrock%2Fx/../y/./z//%7e?a=%2F&b=+"
      assert.are.equal(path, assert(new():send(get(web.url .. path))).body)
    end)

    it("adds no header of its own", function()
      local response = assert(new():send(get(web.url .. "/", { method = "POST", body = string.rep("x", 2000000) })))
      for _, name in ipairs { "x-type", "x-accept", "x-agent", "x-expect", "x-encoding" } do
        assert.are.equal("[]", response.headers[name], name)
      end
      assert.are.equal("[2000000]", response.headers["x-length"])
    end)

    it("sends the headers it is given", function()
      local headers = { Accept = "application/json", ["content-type"] = "text/x", ["User-Agent"] = "me/1", ["Content-Length"] = "2" }
      local response = assert(new():send(get(web.url .. "/", { method = "POST", body = "ab", headers = headers })))
      assert.are.equal("[application/json]", response.headers["x-accept"])
      assert.are.equal("[text/x]", response.headers["x-type"])
      assert.are.equal("[me/1]", response.headers["x-agent"])
      assert.are.equal("[2]", response.headers["x-length"])
      assert.are.same(
        { Accept = "application/json", ["content-type"] = "text/x", ["User-Agent"] = "me/1", ["Content-Length"] = "2" }, headers)
    end)

    it("does not send one call's headers with the next", function()
      new()
      assert(runtime:send(get(web.url .. "/", { headers = { Accept = "text/x" } })))
      assert.are.equal("[]", assert(runtime:send(get(web.url .. "/"))).headers["x-accept"])
    end)

    it("hands redirects on", function()
      local response = assert(new():send(get(web.url .. "/redirect")))
      assert.are.equal(302, response.status)
      assert.are.equal(web.url .. "/elsewhere", response.headers.location)
    end)

    it("takes other statuses and empty answers as answers", function()
      new()
      assert.are.equal("nothing", assert(runtime:send(get(web.url .. "/missing"))).body)
      local response = assert(runtime:send(get(web.url .. "/empty")))
      assert.are.equal(204, response.status)
      assert.are.equal("", response.body)
    end)

    it("reads large answers, and small ones after them", function()
      new()
      for _ = 1, 3 do
        local body = assert(runtime:send(get(web.url .. "/file"))).body
        assert.are.equal(1048576, #body)
        assert.are.equal(string.rep("0123456789abcdef", 65536), body)
        assert.are.equal("/x", assert(runtime:send(get(web.url .. "/x"))).body)
      end
    end)

    it("reads an answer of exactly the limit and refuses one byte more", function()
      assert.are.equal(1048576, #assert(new({ max_response_size = 1048576 }):send(get(web.url .. "/file"))).body)
      runtime:close()
      local response, err = new({ max_response_size = 1048575 }):send(get(web.url .. "/file"))
      assert.is_nil(response)
      assert.are.equal("ResponseError", err.code)
      assert.is_false(err.retryable)
      assert.truthy(string.find(err.message, "larger than 1048575 bytes", 1, true))
      assert.are.equal(200, assert(runtime:send(get(web.url .. "/"))).status)
    end)

    it("works inside coroutines", function()
      new()
      local status
      coroutine.wrap(function()
        status = assert(runtime:send(get(web.url .. "/"))).status
      end)()
      assert.are.equal(200, status)
    end)

    it("refuses to send once closed", function()
      new():close()
      runtime:close()
      local response, err = runtime:send(get(web.url .. "/"))
      assert.is_nil(response)
      assert.are.equal("ConfigurationError", err.code)
      assert.truthy(string.find(err.message, "closed", 1, true))
      assert.are.equal("bedrock.runtime." .. kit.name .. " (closed)", tostring(runtime))
    end)

    it("sends nothing after the deadline", function()
      new()
      local response, err = runtime:send(get(web.url .. "/"), runtime:now() - 0.001)
      assert.is_nil(response)
      assert.are.equal("TimeoutError", err.code)
      assert.is_true(err.retryable)
      assert.truthy(string.find(err.message, "before the request", 1, true))
    end)
  end)

  describe("refuses before sending", function()
    local rows = { -- what, fields of the request, code, part of the message
      { "a line break in a header", { headers = { ["X-A"] = "b\r\nX-C: d" } }, "ParamValidationError", "X-A: the value holds" },
      { "LF in a header", { headers = { ["X-A"] = "b\nX-C: d" } }, "ParamValidationError", "X-A: the value holds a line break" },
      { "NUL in a header", { headers = { ["X-A"] = "b\0c" } }, "ParamValidationError", "or a NUL byte" },
      { "a line break in a listed header", { headers = { ["X-A"] = { "b", "c\rd" } } }, "ParamValidationError", "X-A: the value holds" },
      { "a line break in a header's name", { headers = { ["X-A\r\nX-B"] = "c" } }, "ParamValidationError", "a header's name" },
      { "NUL in a header's name", { headers = { ["X-A\0"] = "c" } }, "ParamValidationError", "a header's name" },
      { "a colon in a header's name", { headers = { ["X-A:"] = "c" } }, "ParamValidationError", "a header's name" },
      { "an empty header's name", { headers = { [""] = "c" } }, "ParamValidationError", "a header's name" },
      { "a header's name that is a number", { headers = { "c" } }, "ParamValidationError", "a header's name must be a string" },
      { "a header that is a number", { headers = { ["X-A"] = 3 } }, "ParamValidationError", "X-A: the value must be a string" },
      { "a header that is a boolean", { headers = { ["X-A"] = true } }, "ParamValidationError", "X-A: the value must be a string" },
      { "a list with a number", { headers = { ["X-A"] = { "a", 3 } } }, "ParamValidationError", "X-A: the value must be a string" },
      { "a bad header with a bad name", { headers = { ["X A"] = 3 } }, "ParamValidationError", "a header's name" },
      { "headers that are no table", { headers = "X-A: b" }, "ParamValidationError", "request.headers must be a table" },
      { "a length that is not the body's", { method = "POST", body = "abc", headers = { ["Content-Length"] = "4" } },
        "ParamValidationError", "not the length of the body" },
      { "a length that is no number", { method = "POST", body = "abc", headers = { ["Content-Length"] = "x" } },
        "ParamValidationError", "no length" },
      { "Transfer-Encoding", { method = "POST", body = "abc", headers = { ["Transfer-Encoding"] = "chunked" } },
        "ParamValidationError", "leave it out" },
      { "a body on GET", { body = "abc" }, "ParamValidationError", "can't carry a body" },
      { "a body on HEAD", { method = "HEAD", body = "abc" }, "ParamValidationError", "can't carry a body" },
      { "a body that is no string", { method = "POST", body = {} }, "ParamValidationError", "request.body must be a string" },
      { "a line break in the method", { method = "GET / HTTP/1.1\r\nX: y\r\n\r\n" }, "ParamValidationError", "the method" },
      { "NUL in the method", { method = "GET\0" }, "ParamValidationError", "the method" },
      { "an empty method", { method = "" }, "ParamValidationError", "the method" },
      { "CONNECT", { method = "CONNECT" }, "ParamValidationError", "CONNECT" },
      { "a method that is no string", { method = 1 }, "ParamValidationError", "request.method must be a string" },
      { "a missing URL", { url = false }, "ParamValidationError", "request.url must be a string" },
      { "a URL with a line break", { url = "http://127.0.0.1:1/a\r\nX: y" }, "ConfigurationError", "line break" },
      { "a URL with NUL", { url = "http://127.0.0.1:1/a\0b" }, "ConfigurationError", "control character" },
      { "a URL with a blank", { url = "http://127.0.0.1:1/a b" }, "ConfigurationError", "blank" },
      { "a URL without scheme", { url = "127.0.0.1:1/a" }, "ConfigurationError", "http:// or https://" },
      { "another scheme", { url = "file:///etc/passwd" }, "ConfigurationError", "http:// or https://" },
      { "a URL without host", { url = "http:///a" }, "ConfigurationError", "no host" },
      { "a URL with an empty host and a port", { url = "https://:443/a" }, "ConfigurationError", "no host" },
      { "a URL with a port out of range", { url = "http://127.0.0.1:99999/" }, "ConfigurationError", "URL" },
      { "a user name in the URL", { url = "http://user:secret@127.0.0.1:1/" }, "ConfigurationError", "URL" },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        local response, err = new():send(get("http://127.0.0.1:1/", row[2]))
        assert.is_nil(response)
        assert.are.equal(row[3], err.code)
        assert.is_false(err.retryable)
        assert.truthy(string.find(err.message, row[4], 1, true), err.message)
        assert.is_nil(string.find(err.message, "secret", 1, true))
      end)
    end

    it("and sends the next request all the same", function()
      serve(ANSWER)
      new():send(get(server.url, { headers = { A = "b\n" } }))
      assert.are.equal("hi", assert(runtime:send(get(server.url))).body)
    end)
  end)

  describe("meets faults:", function()
    -- what, the server's script, code, retryable, part of the message, fields of the request
    local rows = {
      { "closed without an answer", [[local c = ... read_request(c)]], "ConnectionError", true, "127.0.0.1 port" },
      { "closed before the request is read", [[local c = ... ]], "ConnectionError", true, "127.0.0.1 port" },
      { "reset without an answer", [[local c = ... read_request(c) reset(c)]], "ConnectionError", true, "failed before an answer" },
      { "closed in the middle of a header",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Le")]], "ResponseError", true, "cut off" },
      { "closed after a whole header",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nX-A: b\r\n")]], "ResponseError", true, "cut off" },
      { "closed in the middle of the body",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")]], "ResponseError", true, "cut off" },
      { "reset in the middle of the body",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") sleep(0.1) reset(c)]],
        "ResponseError", true, "cut off" },
      { "closed in the middle of a chunk",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")]],
        "ResponseError", true, "cut off" },
      { "closed between chunks",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")]],
        "ResponseError", true, "cut off" },
      { "bad chunking",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n") sleep(0.1)]],
        "ResponseError", true, { curl = "cut off", cosocket = "no HTTP answer that can be read (a chunk's size is none)" } },
      { "a length that is no number",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nab")]],
        "ResponseError", true, "no HTTP answer" },
      { "a length beyond 64 bits",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n{}")]],
        "ResponseError", true, "no HTTP answer" },
      { "garbage", [[local c = ... read_request(c) c:send("\1\2\3 what is this\r\n\r\n")]], "ResponseError", true, "no HTTP answer" },
      { "HTTP/0.9", [[local c = ... read_request(c) c:send("<html>hello</html>\r\n")]], "ResponseError", true, "no HTTP answer" },
      { "another protocol's version",
        [[local c = ... read_request(c) c:send("HTTP/7.3 200 OK\r\nContent-Length: 0\r\n\r\n")]], "ResponseError", true, "no HTTP answer" },
      { "a header line without end",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nX-A: " .. string.rep("x", 400000) .. "\r\n\r\n")]],
        "ResponseError", false },
      { "headers without end", [[
          local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\n")
          for i = 1, 10000 do if not c:send("X-" .. i .. ": " .. string.rep("x", 100) .. "\r\n") then break end end
        ]], "ResponseError", false, "headers" },
      { "a body that is announced as larger than the limit",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nabc") sleep(0.1)]],
        "ResponseError", false, "larger than" },
      { "a chunked body larger than the limit", [[
          local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
          for _ = 1, 200 do if not c:send("400\r\n" .. string.rep("x", 1024) .. "\r\n") then break end end
        ]], "ResponseError", false, "larger than 65536 bytes" },
      { "a body without length larger than the limit", [[
          local c = ... read_request(c) c:send("HTTP/1.0 200 OK\r\n\r\n")
          for _ = 1, 200 do if not c:send(string.rep("x", 1024)) then break end end
        ]], "ResponseError", false, "larger than 65536 bytes" },
      { "no answer", [[local c = ... read_request(c) sleep(1.5)]], "TimeoutError", true, "sent nothing for 0.2 s (read_timeout)" },
      { "a status line and no more",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\n") sleep(1.5)]], "TimeoutError", true, "read_timeout" },
      { "a body that stops",
        [[local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc") sleep(1.5)]],
        "TimeoutError", true, "read_timeout" },
      { "100-continue and no more",
        [[local c = ... read_request(c) c:send("HTTP/1.1 100 Continue\r\n\r\n") sleep(1.5)]], "TimeoutError", true, "read_timeout" },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        serve(row[2])
        new { read_timeout = row[3] == "TimeoutError" and 0.2 or 10, max_response_size = 65536 }
        local part = type(row[5]) == "table" and row[5][kit.name] or type(row[5]) == "string" and row[5]
        for _, method in ipairs { "GET", "POST" } do
          local started = socket.gettime()
          local response, err = runtime:send(get(server.url .. "/x", {
            method = method, body = method == "POST" and "{}" or nil,
            headers = { Authorization = "AWS4 very-secret" } }))
          assert.is_nil(response)
          if row[3] then assert.are.equal(row[3], err.code, err.message) end
          assert.are.equal(row[4], err.retryable, err.message)
          assert.truthy(string.find(err.message, part or "127.0.0.1 port " .. server.port, 1, true), err.message)
          assert.is_nil(string.find(tostring(err), "very-secret", 1, true))
          assert.is_true(socket.gettime() - started < 1.2 * SLOW)
          if row[3] == "TimeoutError" then break end -- the server still sleeps
        end
      end)
    end

    it("a refused connection", function()
      local port = child.free_port()
      local response, err = new():send(get("http://127.0.0.1:" .. port .. "/"))
      assert.is_nil(response)
      assert.are.equal("ConnectionError", err.code)
      assert.is_true(err.retryable)
      assert.truthy(string.find(err.message, "127.0.0.1 port " .. port, 1, true))
      assert.truthy(string.find(err.message, "check endpoint_url", 1, true))
    end)

    it("an unknown host", function()
      local response, err = new():send(get("https://no-such-host.invalid/"))
      assert.is_nil(response)
      assert.are.equal("ConnectionError", err.code)
      assert.is_true(err.retryable)
      assert.truthy(string.find(err.message, "no-such-host.invalid port 443 is not known", 1, true))
    end)

    it("no connection within the connect timeout", function()
      -- A listening socket whose queue is full lets a connection attempt hang.
      local listener = assert(socket.bind("127.0.0.1", 0, 0))
      local _, port = listener:getsockname()
      local waiting = {}
      for i = 1, 8 do
        waiting[i] = socket.tcp()
        waiting[i]:settimeout(0)
        waiting[i]:connect("127.0.0.1", port)
      end
      local started = socket.gettime()
      local response, err = new({ connect_timeout = 0.2 }):send(get("http://127.0.0.1:" .. port .. "/"))
      local took = socket.gettime() - started
      for _, client in ipairs(waiting) do
        client:close()
      end
      listener:close()
      assert.is_nil(response)
      assert.are.equal("TimeoutError", err.code)
      assert.is_true(err.retryable)
      assert.truthy(string.find(err.message, "within 0.2 s (connect_timeout)", 1, true), err.message)
      assert.is_true(took > 0.15 and took < 0.8 * SLOW + overhead, took)
    end)

    it("a TLS handshake that never comes, within the connect timeout", function()
      serve [[local c = ... sleep(1)]]
      local response, err = new({ connect_timeout = 0.2 }):send(get("https://127.0.0.1:" .. server.port .. "/"))
      assert.is_nil(response)
      assert.are.equal("TimeoutError", err.code)
      assert.truthy(string.find(err.message, "connect_timeout", 1, true), err.message)
    end)
  end)

  describe("and time", function()
    it("lets a slow answer come as long as bytes keep coming", function()
      serve [[
        local c = ... read_request(c)
        for byte in string.gmatch("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ".") do c:send(byte) sleep(0.03) end
      ]]
      local started = socket.gettime()
      assert.are.equal("hi", assert(new({ read_timeout = 0.6 }):send(get(server.url))).body)
      assert.is_true(socket.gettime() - started > 0.9)
    end)

    it("ends a slow answer at the deadline", function()
      serve [[
        local c = ... read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n")
        for _ = 1, 60 do c:send("x") sleep(0.02) end
      ]]
      new { read_timeout = 5 }
      local started = socket.gettime()
      local response, err = runtime:send(get(server.url), runtime:now() + 0.3)
      local took = socket.gettime() - started
      assert.is_nil(response)
      assert.are.equal("TimeoutError", err.code)
      assert.truthy(string.find(err.message, "within the 0.3", 1, true) or string.find(err.message, "within the 0.2", 1, true), err.message)
      assert.truthy(string.find(err.message, "(timeout)", 1, true))
      assert.is_true(took > 0.25 and took < 0.6 * SLOW + overhead, took)
    end)

    it("keeps the read timeout to the millisecond", function()
      serve [[local c = ... read_request(c) sleep(1)]]
      new()
      local started = socket.gettime()
      local _, err = runtime:send(get(server.url, { read_timeout = 0.15 }))
      local took = socket.gettime() - started
      assert.truthy(string.find(err.message, "for 0.15 s", 1, true))
      assert.is_true(took >= 0.149 and took < 0.25 * SLOW + overhead, took)
    end)

    it("counts neither the upload of a large body nor the time before the connection as silence", function()
      serve [[
        local c = ...
        repeat local line = c:receive("*l") until not line or line == ""
        for _ = 1, 100 do c:receive(400000) sleep(0.01) end
        c:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
      ]]
      local body = string.rep("x", 40000000) -- more than the kernel keeps on the way
      assert.are.equal("hi", assert(new({ read_timeout = 0.8 }):send(get(server.url, { method = "POST", body = body }))).body)
    end)

    it("sleeps, and returns at once where there is nothing to sleep", function()
      new()
      local started = socket.gettime()
      runtime:sleep(0)
      runtime:sleep(-1)
      runtime:sleep(0 / 0)
      assert.is_true(socket.gettime() - started < 0.02 * SLOW + overhead)
      local cpu = os.clock()
      runtime:sleep(0.1)
      local took = socket.gettime() - started
      assert.is_true(took >= 0.1 and took < 0.2 * SLOW + 2 * overhead, took)
      assert.is_true(os.clock() - cpu < 0.02 * SLOW)
    end)

    it("tells the time with its fraction", function()
      local now = new():now()
      assert.is_true(math.abs(now - socket.gettime()) < 0.1)
      assert.is_true(math.abs(now - os.time()) <= 1)
    end)
  end)

  describe("reads odd answers:", function()
    local rows = { -- what, the answer, status, body, headers
      { "no body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", {} },
      { "chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, "hello", {} },
      { "chunks with trailers that are no headers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n0\r\nX-Late: 1\r\n\r\n", 200, "he", { ["x-late"] = false } },
      { "100-continue before the answer",
        "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-B: c\r\n\r\nhi",
        201, "hi", { ["x-early"] = false, ["x-b"] = "c" } },
      { "early hints before the answer", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        200, "hi", { link = false } },
      { "a folded header", "HTTP/1.1 200 OK\r\nX-A: one\r\n  two\r\nContent-Length: 0\r\n\r\n", 200, "", { ["x-a"] = "one two" },
        lenient = true },
      { "a header that looks like a status line", "HTTP/1.1 200 OK\r\nX-A: a\r\nHTTP/1: 500\r\nContent-Length: 2\r\n\r\nhi", 200, "hi",
        { ["x-a"] = "a", ["http/1"] = "500" }, lenient = true },
      { "a header without value", "HTTP/1.1 200 OK\r\nX-A:\r\nX-B:  \r\nContent-Length: 0\r\n\r\n", 200, "",
        { ["x-a"] = "", ["x-b"] = "" } },
      { "repeated headers in any case", "HTTP/1.1 200 OK\r\nX-a: 1\r\nx-A: 2\r\nX-A: 3\r\nContent-Length: 0\r\n\r\n", 200, "",
        { ["x-a"] = "1, 2, 3" } },
      { "bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 2\nX-A: b\n\nhi", 200, "hi", { ["x-a"] = "b" }, lenient = true },
      { "NUL bytes in the body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na\0b", 200, "a\0b", {} },
      { "a body that lasts until the end", "HTTP/1.0 200 OK\r\nX-A: b\r\n\r\nhello", 200, "hello", { ["x-a"] = "b" } },
      { "no reason phrase", "HTTP/1.1 503\r\nContent-Length: 2\r\n\r\nhi", 503, "hi", {} },
      { "compressed answers as they are", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi", 200, "hi",
        { ["content-encoding"] = "gzip" } },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        serve("local c = ... read_request(c) c:send(" .. literal(row[2]) .. ")")
        local response, err = new():send(get(server.url))
        if row.lenient and kit.strict then
          assert.is_nil(response)
          assert.are.equal("ResponseError", err.code)
          assert.is_true(err.retryable)
          assert.are.equal("bad_answer", err.kind)
          return
        end
        assert(response, err)
        assert.are.equal(row[3], response.status)
        assert.are.equal(row[4], response.body)
        for name, value in pairs(row[5]) do
          assert.are.equal(value or nil, response.headers[name])
        end
      end)
    end
  end)

  describe("over connections that end between calls", function()
    for _, how in ipairs { "client:close()", "reset(client)" } do
      it("makes a new one after " .. how, function()
        serve([[
          local client = ...
          read_request(client)
          client:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
          sleep(0.02)
        ]] .. how)
        new()
        for _, method in ipairs { "GET", "POST", "PUT", "GET" } do
          local response = assert(runtime:send(get(server.url, { method = method, body = method ~= "GET" and "{}" or nil })))
          assert.are.equal("hi", response.body)
          assert.is_false(response.reused)
          runtime:sleep(0.05)
        end
      end)
    end

    it("sends again where the server closed just as the request went out", function()
      serve [[
        local client, n = ...
        read_request(client)
        client:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        if n == 1 then read_request(client) end   -- the second request is read, and not answered
      ]]
      new()
      assert(runtime:send(get(server.url)))
      assert.are.equal("hi", assert(runtime:send(get(server.url, { method = "POST", body = "{}" }))).body)
      assert.are.equal(3, #server.requests())
    end)
  end)

  describe("on the wire", function()
    it("repeats the header for each value of a list, and sends empty values", function()
      serve(ANSWER)
      local headers = { ["X-List"] = { "a", "b" }, ["X-Empty"] = "", ["X-Blank"] = "  c  ", ["X-None"] = {} }
      assert(new():send(get(server.url .. "/p", { headers = headers })))
      local request = server.requests()[1]
      assert.truthy(string.find(request, "GET /p HTTP/1.1\r\nHost: 127.0.0.1:" .. server.port .. "\r\n", 1, true))
      assert.truthy(string.find(request, "X-List: a\r\nX-List: b\r\n", 1, true))
      assert.truthy(string.find(request, "X-Empty:\r\n", 1, true))
      assert.truthy(string.find(request, "X-Blank: c\r\n", 1, true))
      assert.is_nil(string.find(request, "X-None", 1, true))
    end)

    it("takes a Host header for its own", function()
      serve(ANSWER)
      assert(new():send(get(server.url, { headers = { Host = "bedrock.example" } })))
      local request = server.requests()[1]
      assert.truthy(string.find(request, "Host: bedrock.example\r\n", 1, true))
      local _, count = string.gsub(request, "[Hh]ost:", "")
      assert.are.equal(1, count)
    end)

    it("sends many and long headers", function()
      serve(ANSWER)
      local headers = {}
      for i = 1, 200 do
        headers["X-Header-" .. i] = string.rep(tostring(i % 10), i)
      end
      headers.Authorization = string.rep("a", 10000)
      assert(new():send(get(server.url, { headers = headers })))
      local request = server.requests()[1]
      for name, value in pairs(headers) do
        assert.truthy(string.find(request, "\r\n" .. name .. ": " .. value .. "\r\n", 1, true), name)
      end
    end)
  end)

  describe("and proxies", function()
    -- A server that answers for any host, as a plain proxy does, and with 403 to CONNECT.
    local PROXY = [[
      local client = ...
      local request = read_request(client)
      if not request then return end
      if string.find(request, "^CONNECT") then
        client:send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nX-Proxy: 1\r\n\r\n")
      elseif string.find(request, "wants.auth", 1, true) then
        client:send("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n")
        client:send("Content-Length: 0\r\nConnection: close\r\n\r\n")
      else
        client:send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nproxy")
      end
    ]]

    it("sends plain HTTP through one, with its user and password", function()
      serve(PROXY)
      local proxy = "http://user:p%40ss@127.0.0.1:" .. server.port
      local response = assert(new({ proxy = proxy }):send(get("http://bedrock.invalid/a%2Fb", { headers = { Authorization = "AWS4 s" } })))
      assert.are.equal("proxy", response.body)
      local request = server.requests()[1]
      assert.truthy(string.find(request, "GET http://bedrock.invalid/a%2Fb HTTP/1.1\r\n", 1, true))
      assert.truthy(string.find(request, "Proxy-Authorization: Basic dXNlcjpwQHNz\r\n", 1, true)) -- user:p@ss
    end)

    it("asks for a tunnel for HTTPS, without the request's headers", function()
      serve(PROXY)
      new { proxy = "127.0.0.1:" .. server.port }
      local response, err = runtime:send(get("https://bedrock.invalid/", { headers = { Authorization = "AWS4 s" } }))
      assert.is_nil(response)
      assert.are.equal("ConnectionError", err.code)
      assert.is_true(err.retryable)
      assert.truthy(string.find(err.message, "bedrock.invalid port 443 can't be reached through the proxy", 1, true), err.message)
      assert.truthy(string.find(err.message, "403", 1, true))
      local request = server.requests()[1]
      assert.truthy(string.find(request, "^CONNECT bedrock.invalid:443 HTTP/1.1\r\n"))
      assert.is_nil(string.find(request, "Authorization", 1, true))
    end)

    it("does not repeat what a proxy wants other credentials for", function()
      serve(PROXY)
      local response, err = new({ proxy = "http://u:hidden@127.0.0.1:" .. server.port }):send(get("http://wants.auth/"))
      assert.is_nil(response)
      assert.are.equal("ConnectionError", err.code)
      assert.is_false(err.retryable)
      assert.truthy(string.find(err.message, "407", 1, true))
      assert.is_nil(string.find(err.message, "hidden", 1, true))
    end)

    it("names a proxy that can't be reached", function()
      new { proxy = "http://127.0.0.1:" .. child.free_port() }
      local response, err = runtime:send(get("http://bedrock.invalid/"))
      assert.is_nil(response)
      assert.are.equal("ConnectionError", err.code)
      assert.truthy(string.find(err.message, "through the proxy", 1, true), err.message)
      runtime:close()
      response, err = new({ proxy = "http://no-such-proxy.invalid:1" }):send(get("http://bedrock.invalid/"))
      assert.is_nil(response)
      assert.truthy(string.find(err.message, "through the proxy", 1, true), err.message)
    end)

    for _, proxy in ipairs { "ftp://127.0.0.1:1", "http://", "http://a b", "http://x\r\ny" } do
      it("refuses " .. string.format("%q", proxy), function()
        local response, err = new({ proxy = proxy }):send(get("http://bedrock.invalid/"))
        assert.is_nil(response)
        assert.are.equal("ConfigurationError", err.code)
        assert.is_false(err.retryable)
      end)
    end

    -- libcurl refuses these in words that show the whole URL.
    for _, rest in ipairs { "127.0.0.1:99999", "[::1", "ho^st:80", "host:port", ("h"):rep(300) .. ":x" } do
      it("does not show the password of a proxy whose URL can't be read: " .. rest:sub(1, 20), function()
        local response, err = new({ proxy = "http://user:hidden@" .. rest }):send(get("http://bedrock.invalid/"))
        assert.is_nil(response)
        assert.are.equal("ConfigurationError", err.code)
        assert.is_false(err.retryable)
        assert.truthy(string.find(err.message, "the proxy's URL can't be used", 1, true), err.message)
        assert.is_nil(string.find(err.message, "hidden", 1, true))
      end)
    end

    -- environment, URL, whether the proxy is used
    local P = "PROXY" -- stands for the server's address
    local rows = {
      { { http_proxy = P }, "http://a.invalid/", true },
      { { HTTP_PROXY = P }, "http://a.invalid/", true },
      { { HTTP_PROXY = P, REQUEST_METHOD = "GET" }, "http://a.invalid/", false },
      { { http_proxy = P, REQUEST_METHOD = "GET" }, "http://a.invalid/", true },
      { { http_proxy = P, HTTP_PROXY = "http://127.0.0.1:1" }, "http://a.invalid/", true },
      { { http_proxy = "", HTTP_PROXY = P }, "http://a.invalid/", false },
      { { https_proxy = P }, "http://a.invalid/", false },
      { { http_proxy = P }, "https://a.invalid/", false },
      { { HTTPS_PROXY = P }, "https://a.invalid/", true },
      { { https_proxy = P, HTTPS_PROXY = "http://127.0.0.1:1" }, "https://a.invalid/", true },
      { { HTTPS_PROXY = P, REQUEST_METHOD = "GET" }, "https://a.invalid/", true },
      { { http_proxy = P, no_proxy = "*" }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = "b.invalid" }, "http://a.invalid/", true },
      { { http_proxy = P, no_proxy = "a.invalid" }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = "A.Invalid" }, "http://a.iNVALID/", false },
      { { http_proxy = P, NO_PROXY = "a.invalid" }, "http://a.invalid/", false },
      { { http_proxy = P, NO_PROXY = "a.invalid", no_proxy = "b" }, "http://a.invalid/", true },
      { { http_proxy = P, no_proxy = "invalid" }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = ".invalid" }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = "*.invalid" }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = ".a.invalid" }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = "a.invalid" }, "http://ba.invalid/", true },
      { { http_proxy = P, no_proxy = "x.a.invalid" }, "http://a.invalid/", true },
      { { http_proxy = P, no_proxy = " b , a.invalid " }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = "a.invalid:80" }, "http://a.invalid/", false },
      { { http_proxy = P, no_proxy = "a.invalid:8080" }, "http://a.invalid/", true },
      { { http_proxy = P, no_proxy = "a.invalid:8080" }, "http://a.invalid:8080/", false },
      { { https_proxy = P, no_proxy = "a.invalid:443" }, "https://a.invalid/", false },
      { { http_proxy = P, no_proxy = "127.0.0.1" }, "http://127.0.0.1:1/", false },
      { { http_proxy = P, no_proxy = "0.0.1" }, "http://127.0.0.1:1/", true },
      { { http_proxy = P, no_proxy = "127.0.0.1:2" }, "http://127.0.0.1:1/", true },
      { { http_proxy = P, no_proxy = "::1" }, "http://[::1]:1/", false },
      { { http_proxy = P, no_proxy = "[::1]" }, "http://[::1]:1/", false },
      { { http_proxy = P, no_proxy = "[::1]:2" }, "http://[::1]:1/", true },
      { { http_proxy = P, no_proxy = ",,." }, "http://a.invalid/", true },
      { {}, "http://a.invalid/", false },
    }
    for _, row in ipairs(rows) do
      local names = {}
      for name, value in pairs(row[1]) do
        names[#names + 1] = name .. "=" .. value
      end
      table.sort(names)
      it((row[3] and "are used for " or "are not used for ") .. row[2] .. " with " .. table.concat(names, " "), function()
        serve(PROXY)
        local environment = {}
        for name, value in pairs(row[1]) do
          environment[name] = value == P and server.url or value
        end
        new { environment = environment, connect_timeout = 0.5 }
        local response, err = runtime:send(get(row[2]))
        assert.are.equal(row[3] and 1 or 0, #server.requests())
        if row[3] then
          assert.truthy(response or string.find(err.message, "through the proxy", 1, true))
        else
          assert.are.equal("ConnectionError", err.code, err.message)
          assert.is_nil(string.find(err.message, "through the proxy", 1, true))
        end
      end)
    end

    it("are left out for a request that says so, and when the option is false", function()
      serve(PROXY)
      local port = child.free_port()
      local _, err = new({ proxy = server.url }):send(get("http://127.0.0.1:" .. port .. "/", { no_proxy = true }))
      assert.truthy(string.find(err.message, "failed before an answer", 1, true))
      runtime:close()
      _, err = new({ proxy = false, environment = { http_proxy = server.url } }):send(get("http://127.0.0.1:" .. port .. "/"))
      assert.truthy(string.find(err.message, "failed before an answer", 1, true))
      assert.are.equal(0, #server.requests())
    end)

    it("change from request to request", function()
      serve(PROXY)
      local web = tcp_server.start(ANSWER)
      new { environment = { http_proxy = server.url, no_proxy = "127.0.0.1" } }
      for _ = 1, 2 do
        assert.are.equal("proxy", assert(runtime:send(get("http://a.invalid/"))).body)
        assert.are.equal("hi", assert(runtime:send(get(web.url))).body)
      end
      web.stop()
    end)
  end)

  describe("new", function()
    local rows = {
      { { connect_timeout = 0 }, "connect_timeout must be" },
      { { read_timeout = -1 }, "read_timeout must be" },
      { { read_timeout = "5" }, "read_timeout must be" },
      { { connect_timeout = 0 / 0 }, "connect_timeout must be" },
      { { max_response_size = "x" }, "max_response_size must be" },
      { { max_response_size = -1 }, "max_response_size must be" },
      { { ca_bundle = 3 }, "ca_bundle must be" },
      { { ca_bundle = "a\0b" }, "ca_bundle must be" },
      { { proxy = 3 }, "proxy must be" },
    }
    for _, row in ipairs(rows) do
      it("refuses: " .. row[2], function()
        local ok, message = pcall(kit.new, row[1])
        assert.is_false(ok)
        assert.truthy(string.find(message, row[2], 1, true))
      end)
    end

    it("takes endless timeouts", function()
      serve(ANSWER)
      new { connect_timeout = math.huge, read_timeout = math.huge }
      assert.are.equal("hi", assert(runtime:send(get(server.url), math.huge)).body)
    end)
  end)
end
