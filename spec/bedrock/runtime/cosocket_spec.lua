-- The runtime inside nginx: what all runtimes do, called in a worker from outside, and what only this one has to see to.

local socket = require "socket"
local child = require "spec.support.child"
local dns_server = require "spec.support.dns_server"
local nginx = require "spec.support.nginx"
local tcp_server = require "spec.support.tcp_server"
local worker_of = require "spec.support.worker"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1

-- It runs in nginx's LuaJIT, whatever runs this file: once is enough.
if not rawget(_G, "jit") then return end

local parts, lack = nginx.lua()
if not parts then
  describe("bedrock.runtime.cosocket", function()
    it("is tested", function() pending(lack) end)
  end)
  return
end

local function get(url, fields)
  local request = { method = "GET", url = url, headers = {} }
  for name, value in pairs(fields or {}) do request[name] = value end
  return request
end

-- A server that spoils its first connection and serves all others well. `reset` in the script ends the first.
local function spoiling(script)
  return tcp_server.start(([[
    local c, n = ...
    if n == 1 then
      do %s end
      return
    end
    while true do
      local request = read_request(c)
      if not request then return end
      local path = request:match("^%%u+ (%%S+)")
      c:send("HTTP/1.1 200 OK\r\nContent-Length: " .. #path .. "\r\n\r\n" .. path)
    end
  ]]):format(script))
end

-- The next 100 calls over the same pool, in one go.
local HUNDRED = [[
  local shared = ...
  local runtime = shared.hundred or require("bedrock.runtime.cosocket").new { proxy = false, read_timeout = 5 }
  shared.hundred = runtime
  local reused = 0
  for i = 1, 100 do
    local response, err = runtime:send { method = "GET", url = "%s/" .. i }
    if not response then return ("call %%d: %%s"):format(i, tostring(err)) end
    if response.body ~= "/" .. i then return ("call %%d got %%q"):format(i, response.body) end
    if response.reused then reused = reused + 1 end
  end
  return "right", reused
]]

local function next_hundred_are_right(worker, url)
  local answer, reused = worker.run(HUNDRED:format(url))
  assert.equal("right", answer)
  assert.is_true(reused >= 99, tostring(reused))
end

describe("bedrock.runtime.cosocket", function()
  local worker, dns, server

  setup(function()
    dns = dns_server.start()
    worker = worker_of.start { conf = ("resolver 127.0.0.1:%d ipv6=off;\n"):format(dns.port) }
  end)

  teardown(function()
    worker.stop()
    dns.stop()
  end)

  after_each(function()
    if server then server.stop() end
    server = nil
  end)

  require "spec.support.runtime_cases" ({ name = "cosocket", strict = true, shares_connections = true, overhead = 0.2,
    new = function(options) return worker.runtime(options) end },
    { describe = describe, it = it, setup = setup, teardown = teardown, after_each = after_each })

  describe("after a fault", function()
    local CHUNKED = [[read_request(c) c:send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n]]
    local rows = { -- what, the server's script for the first connection, the outcome
      { "no answer", [[read_request(c)]], "connect" },
      { "a reset", [[read_request(c) reset(c)]], "connect" },
      { "an answer cut in its header", [[read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Le")]], "cut_off" },
      { "an answer cut in its body", [[read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")]], "cut_off" },
      { "an answer cut in a chunk", CHUNKED .. [[5\r\nab")]], "cut_off" },
      { "an answer reset in a chunk", CHUNKED .. [[5\r\nab") sleep(0.05) reset(c)]], "cut_off" },
      { "garbage", [[read_request(c) c:send("\1\2\3 garbage\r\n\r\n") c:receive(1)]], "bad_answer" },
      { "a smuggled second length",
        [[read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 40\r\n\r\nhi") c:receive(1)]], "bad_answer" },
      { "too much", [[read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nhi") c:receive(1)]], "body_too_big" },
      { "headers without end",
        [[read_request(c) c:send("HTTP/1.1 200 OK\r\n") for _ = 1, 9999 do if not c:send("X: " .. ("x"):rep(99) .. "\r\n") then return end end]],
        "headers_too_big" },
      { "too slow an answer", [[read_request(c) sleep(0.4) c:send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")]], "timeout_read" },
      { "too slow a body",
        [[read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla") sleep(0.4) c:send("te")]], "timeout_read" },
      { "an answer that is followed by another one",
        [[read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil") c:receive(1)]] },
      { "an answer that is followed by another one later",
        [[read_request(c) c:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") sleep(0.1) c:send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")]],
        pause = 0.3 },
    }
    for _, row in ipairs(rows) do
      it("such as " .. row[1] .. ", the next 100 calls are right", function()
        server = spoiling(row[2])
        local runtime = worker.runtime { proxy = false, read_timeout = 0.2, max_response_size = 1000 }
        local response, err = runtime:send(get(server.url .. "/first"))
        if row[3] then
          assert.is_nil(response)
          assert.equal(row[3], err.kind)
        else
          assert.equal("hi", response.body)
        end
        socket.sleep(row.pause or 0)
        next_hundred_are_right(worker, server.url)
      end)
    end

    it("of a deadline, the next 100 calls are right", function()
      server = spoiling [[read_request(c) for _ = 1, 50 do c:send("x") sleep(0.01) end]]
      local runtime = worker.runtime { proxy = false }
      local _, err = runtime:send(get(server.url), socket.gettime() + 0.1)
      assert.equal("bad_answer", err.kind) -- x begins no answer
      next_hundred_are_right(worker, server.url)
    end)
  end)

  describe("on connections of the pool", function()
    -- Serves each connection until the client leaves it, except that some requests are not answered any more.
    local function forgetful(condition)
      return tcp_server.start(([[
        local c, n = ...
        local i = 0
        while true do
          local request = read_request(c)
          i = i + 1
          if not request or (%s) then return end
          c:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        end
      ]]):format(condition))
    end

    it("sends once more where one had ended, and on a new one", function()
      server = forgetful "n == 1 and i == 2"
      local runtime = worker.runtime { proxy = false }
      assert(runtime:send(get(server.url)))
      local response = assert(runtime:send(get(server.url, { method = "POST", body = "{}" })))
      assert.equal("hi", response.body)
      assert.is_false(response.reused)
      assert.equal(1, response.connects)
      assert.equal(3, #server.requests())
    end)

    it("does not send a third time", function()
      server = forgetful "i == 2 or n > 1"
      local runtime = worker.runtime { proxy = false }
      assert(runtime:send(get(server.url)))
      local response, err = runtime:send(get(server.url))
      assert.is_nil(response)
      assert.equal("connect", err.kind)
      assert.equal(3, #server.requests())
    end)

    it("does not send again on a new one", function()
      server = forgetful "true"
      local response, err = worker.runtime({ proxy = false }):send(get(server.url))
      assert.is_nil(response)
      assert.equal("connect", err.kind)
      assert.equal(1, #server.requests())
    end)

    it("does not send again when a byte has come, or time is up", function()
      server = tcp_server.start [[
        local c = ...
        read_request(c)
        c:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        if read_request(c):find("GET /cut") then c:send("HTTP") else sleep(0.4) end
      ]]
      local runtime = worker.runtime { proxy = false, read_timeout = 0.2 }
      for _, row in ipairs { { "/cut", "cut_off" }, { "/slow", "timeout_read" } } do
        assert(runtime:send(get(server.url)))
        local response, err = runtime:send(get(server.url .. row[1]))
        assert.is_nil(response)
        assert.equal(row[2], err.kind)
      end
      assert.equal(4, #server.requests())
    end)

    it("keeps those with other credentials for the proxy apart", function()
      server = tcp_server.start [[
        local c, n = ...
        local request = read_request(c)
        local who = request:match("Authorization: (%C+)") or "nobody"
        c:send("HTTP/1.1 200 OK\r\nContent-Length: " .. #who .. "\r\n\r\n" .. who)
      ]]
      local seen = {}
      for _, user in ipairs { "a:1@", "b:2@", "a:3@", "" } do
        local runtime = worker.runtime { proxy = "http://" .. user .. "127.0.0.1:" .. server.port }
        local response = assert(runtime:send(get "http://far.example/"))
        assert.is_false(response.reused)
        seen[#seen + 1] = response.body
      end
      assert.same({ "Basic YToxCg" , 4 }, { seen[1]:sub(1, 9) .. "xCg", #seen })
      local runtime = worker.runtime { proxy = "http://a:1@127.0.0.1:" .. server.port }
      assert.equal(seen[1], assert(runtime:send(get "http://far.example/")).body)
    end)
  end)

  describe("with a name server", function()
    it("finds hosts", function()
      server = spoiling ""
      local runtime = worker.runtime { proxy = false }
      runtime:send(get(server.url))
      for i = 1, 3 do
        local response = assert(runtime:send(get(("http://some.TEST:%d/x"):format(server.port))))
        assert.equal("/x", response.body)
        assert.equal(i > 1, response.reused)
      end
    end)

    it("finds them in coroutines and light threads, too", function()
      server = spoiling ""
      local body = worker.run(([[
        local runtime = require("bedrock.runtime.cosocket").new { proxy = false }
        local function ask() return runtime:send { method = "GET", url = "http://some.test:%d/x" } end
        ask()
        local first = coroutine.wrap(ask)()
        local second
        ngx.thread.wait(ngx.thread.spawn(function() second = coroutine.wrap(ask)() end))
        return first.body .. second.body
      ]]):format(server.port))
      assert.equal("/x/x", body)
    end)

    it("that does not answer ends at the connect timeout, and at the deadline", function()
      local runtime = worker.runtime { proxy = false, connect_timeout = 0.2 }
      local started = socket.gettime()
      local _, err = runtime:send(get "http://never.slow/")
      assert.equal("timeout_connect", err.kind)
      assert.is_true(err.retryable)
      _, err = runtime:send(get("http://never.slow/", { connect_timeout = 20 }), socket.gettime() + 0.2)
      assert.equal("timeout_whole", err.kind)
      assert.is_true(socket.gettime() - started < 1.5 * SLOW)
    end)

    it("leaves nothing behind, call after call", function()
      local grown = worker.run([[
        local runtime = require("bedrock.runtime.cosocket").new { proxy = false, connect_timeout = 0.001 }
        local function calls(n)
          for _ = 1, n do runtime:send { method = "GET", url = "http://never.slow/" } end
          for _ = 1, n do runtime:send { method = "GET", url = "http://never.example/" } end
          collectgarbage() collectgarbage()
          return collectgarbage "count"
        end
        calls(50)
        local before = calls(50)
        return calls(500) - before
      ]], "timer")
      assert.is_true(grown < 50, tostring(grown))
    end)

    it("is needed, and missing it names the directive", function()
      local other = worker_of.start()
      local response, err = other.runtime({ proxy = false }):send(get "http://some.test/")
      other.stop()
      assert.is_nil(response)
      assert.equal("ConfigurationError", err.code)
      assert.is_false(err.retryable)
      assert.truthy(err.message:find("some.test port 80", 1, true), err.message)
      assert.truthy(err.message:find("directive resolver", 1, true), err.message)
    end)
  end)

  describe("with TLS", function()
    local SERVER = [[
      server {
        listen 127.0.0.1:@PORT%d@ ssl;
        ssl_certificate @DIR@/%s.pem;
        ssl_certificate_key @DIR@/%s.key;
        ssl_protocols %s;
        %s
        location / {
          add_header X-Connection $connection always;
          add_header X-TLS $ssl_protocol always;
          add_header X-Name $ssl_server_name always;
          return 200 "$request_uri";
        }
        location /page { alias @DIR@/page; }
      }
    ]]
    local SERVERS = {
      { "good", "good", "TLSv1.2 TLSv1.3" },
      { "wrong_host", "wrong-host", "TLSv1.2 TLSv1.3" },
      { "expired", "expired", "TLSv1.2 TLSv1.3" },
      { "unknown", "unknown", "TLSv1.2 TLSv1.3" },
      { "old", "good", "TLSv1.1", "ssl_ciphers ALL:@SECLEVEL=0;" },
      { "brief", "good", "TLSv1.3", "keepalive_requests 1;" },
      { "plain", "good", "TLSv1.3" },
    }
    local web, trusting, dir, urls

    setup(function()
      dir = child.temp_dir()
      nginx.make_certificates(dir)
      local conf = {}
      for i, row in ipairs(SERVERS) do
        conf[i] = SERVER:format(i, row[2], row[2], row[3], row[4] or "")
      end
      conf[#conf] = "server { listen 127.0.0.1:@PORT7@; location / { return 200; } }"
      web = nginx.start { dir = dir, ports = #SERVERS, conf = table.concat(conf), files = { page = ("0123456789"):rep(30000) } }
      urls = {}
      for i, row in ipairs(SERVERS) do
        urls[row[1]] = ("https://localhost:%d/"):format(web.ports[i])
      end
      trusting = worker_of.start { conf = ([[
        resolver 127.0.0.1:%d ipv6=off;
        lua_ssl_trusted_certificate %s/ca.pem;
        lua_ssl_verify_depth 3;
        lua_ssl_protocols TLSv1.2 TLSv1.3;
      ]]):format(dns.port, dir) }
    end)

    teardown(function()
      trusting.stop()
      web.stop()
    end)

    local function refused(by, url, code, retryable, ...)
      local response, err = by.runtime({ proxy = false }):send(get(url))
      assert.is_nil(response)
      assert.equal(code, err.code, err.message)
      assert.equal(retryable, err.retryable)
      for _, part in ipairs { ... } do assert.truthy(err.message:find(part, 1, true), err.message) end
      return err
    end

    it("takes a certificate that the CA vouches for, by the host's name", function()
      local response = assert(trusting.runtime({ proxy = false }):send(get(urls.good .. "a%2Fb/../c")))
      assert.equal("/a%2Fb/../c", response.body)
      assert.equal("TLSv1.3", response.headers["x-tls"])
      assert.equal("localhost", response.headers["x-name"])
    end)

    it("keeps its connection", function()
      local runtime = trusting.runtime { proxy = false }
      local first = assert(runtime:send(get(urls.good)))
      for i = 1, 10 do
        local response = assert(runtime:send(get(urls.good .. "page")))
        assert.is_true(response.reused)
        assert.equal(300000, #response.body)
        response = assert(runtime:send(get(urls.good .. i)))
        assert.equal(first.headers["x-connection"], response.headers["x-connection"])
      end
      for _ = 1, 3 do assert.is_false(assert(runtime:send(get(urls.brief))).reused) end
    end)

    it("refuses an expired certificate, one for another host and one of an unknown CA, and goes on", function()
      local CHECK = { "lua_ssl_trusted_certificate", "lua_ssl_verify_depth" }
      local unpack = table.unpack or unpack
      for _ = 1, 2 do
        -- The reason is lost now and then (see shake_hands).
        for name, reason in pairs { expired = "certificate has expired", wrong_host = "host mismatch", unknown = "unable to" } do
          local where = urls[name]:match(":(%d+)/")
          local err = refused(trusting, urls[name], "TLSError", false, "localhost port " .. where .. " does not verify", unpack(CHECK))
          assert.truthy(err.message:find(reason, 1, true) or err.message:find("error log", 1, true), err.message)
        end
        local answer = trusting.run(HUNDRED:format(urls.good:sub(1, -2)))
        assert.equal("right", answer)
      end
    end)

    it("never sends to whom it has refused, whatever was asked before", function()
      for _ = 1, 3 do
        refused(trusting, urls.wrong_host, "TLSError", false, "does not verify")
      end
      -- The same server under a name that its certificate does not have.
      refused(trusting, ("https://other.test:%d/"):format(web.ports[1]), "TLSError", false, "does not verify")
      -- Names only: nginx compares no addresses.
      refused(trusting, ("https://127.0.0.1:%d/"):format(web.ports[1]), "TLSError", false, "no IP address")
    end)

    it("refuses everybody where no CA is named, and names the directives", function()
      local err = refused(worker, urls.good, "TLSError", false, "lua_ssl_trusted_certificate", "lua_ssl_verify_depth",
        "ca-certificates.crt")
      assert.equal("certificate", err.kind)
    end)

    -- Where the handshake ends at once, nginx may lose the reason: then the message names both that there can be.
    local function no_handshake(url, ...)
      local response, err = trusting.runtime({ proxy = false }):send(get(url))
      assert.is_nil(response)
      assert.equal("TLSError", err.code)
      assert.equal(err.kind == "tls", err.retryable)
      if err.kind ~= "tls" then return assert.truthy(err.message:find("may speak no TLS 1.2", 1, true), err.message) end
      for _, part in ipairs { ... } do assert.truthy(err.message:find(part, 1, true), err.message) end
    end

    it("refuses TLS 1.1", function()
      no_handshake(urls.old, "TLS 1.2 or later is needed", "lua_ssl_protocols")
    end)

    it("tells a server that speaks no TLS from one that does", function()
      no_handshake(urls.plain, "handshake with localhost port " .. web.ports[7])
    end)

    it("goes through a proxy's tunnel, where the proxy sees neither request nor headers", function()
      server = tcp_server.start [[
        local client = ...
        local request = read_request(client)
        local port = string.match(request or "", "^CONNECT [^:]+:(%d+)")
        local other = assert(socket.connect("127.0.0.1", tonumber(port)))
        client:send("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
        client:settimeout(0) other:settimeout(0)
        while true do
          local ready = socket.select({ client, other }, nil, 5)
          if #ready == 0 then break end
          local ended
          for _, from in ipairs(ready) do
            local to = from == client and other or client
            local data, err, part = from:receive(8192)
            data = data or part
            if #data > 0 then to:settimeout(5) to:send(data) to:settimeout(0) end
            if err == "closed" then ended = true end
          end
          if ended then break end
        end
        other:close()
      ]]
      local runtime = trusting.runtime { proxy = "http://u:p@127.0.0.1:" .. server.port }
      for i = 1, 3 do
        local response = assert(runtime:send(get(urls.good, { headers = { Authorization = "AWS4 secret" } })))
        assert.equal(200, response.status)
        assert.is_nil(response.headers["x-proxy"])
        assert.equal(i > 1, response.reused)
      end
      local requests = server.requests()
      assert.equal(1, #requests)
      assert.truthy(requests[1]:find("^CONNECT localhost:%d+ HTTP/1.1\r\n"))
      assert.truthy(requests[1]:find("Proxy-Authorization: Basic dTpw", 1, true))
      assert.is_nil(requests[1]:find("AWS4", 1, true))
    end)

    it("tells what a proxy answers instead of a tunnel", function()
      local rows = { -- the proxy's answer, retryable, part of the message
        { "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic realm=x\r\n\r\n", false, "407" },
        { "HTTP/1.1 502 No\r\nContent-Length: 1000\r\n\r\n", true, "502" },
        { "garbage\r\n\r\n", true, "through the proxy" },
        { "HTTP/1.1 200 OK\r\n\r\n\22\3\3", true, "more than its answer" },
        { "", true, "through the proxy" },
      }
      for _, row in ipairs(rows) do
        local proxy = tcp_server.start("local c = ... read_request(c) c:send(" .. worker_of.source(row[1]) .. ") c:settimeout(1) c:receive(1)")
        local runtime = trusting.runtime { proxy = "http://user:hidden@127.0.0.1:" .. proxy.port, connect_timeout = 5 }
        local response, err = runtime:send(get(urls.good))
        proxy.stop()
        assert.is_nil(response)
        assert.equal("ConnectionError", err.code, err.message)
        assert.equal(row[2], err.retryable, err.message)
        assert.truthy(err.message:find(row[3], 1, true), err.message)
        assert.is_nil(err.message:find("hidden", 1, true))
      end
      local silent = tcp_server.start [[local c = ... read_request(c) sleep(1)]]
      local runtime = trusting.runtime { proxy = "http://127.0.0.1:" .. silent.port, connect_timeout = 0.2 }
      local _, err = runtime:send(get(urls.good))
      silent.stop()
      assert.equal("timeout_connect", err.kind)
    end)

    it("speaks to no proxy over TLS or SOCKS, and says so without the password", function()
      for _, scheme in ipairs { "https", "socks5" } do
        local runtime = worker.runtime { proxy = scheme .. "://user:hidden@127.0.0.1:1" }
        local response, err = runtime:send(get(urls.good))
        assert.is_nil(response)
        assert.equal("ConfigurationError", err.code)
        assert.truthy(err.message:find("must begin with http://", 1, true), err.message)
        assert.is_nil(err.message:find("hidden", 1, true))
      end
    end)
  end)
end)
