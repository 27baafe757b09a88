-- The library inside a real nginx: one client for all requests of a worker, in whatever phase, and never in its way.

local socket = require "socket"
local bedrock = require "bedrock"
local caller = require "spec.bedrock.emulator.caller"
local child = require "spec.support.child"
local emulator_process = require "spec.bedrock.emulator.process"
local nginx = require "spec.support.nginx"
local tcp_server = require "spec.support.tcp_server"
local worker_of = require "spec.support.worker"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1

if not rawget(_G, "jit") then return end -- as in cosocket_spec.lua

local parts, lack = nginx.lua()
if not parts then
  describe("nginx", function()
    it("is tested", function() pending(lack) end)
  end)
  return
end

local OPTIONS = [[region = "us-east-1", environment = {}, read_file = function() return nil end,
  credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }]]

-- Before the workers are, there is a client, and what it says when it is used then.
local INIT = [[
  local said = {}
  package.loaded.said = said
  local client = assert(require("bedrock").new { endpoint_url = "%s", %s })
  package.loaded.client = client
  said.init = { client:list_custom_models() }
]]

describe("the library in nginx", function()
  local emulator, worker, upstream, dir

  setup(function()
    dir = child.temp_dir()
    nginx.make_certificates(dir)
    emulator = emulator_process.start {}
    -- An upstream that thinks for 200 ms.
    upstream = nginx.start {
      lua = true, connections = 4096,
      conf = [[
        server {
          listen 127.0.0.1:@PORT1@ backlog=2048;
          location / {
            default_type application/json;
            content_by_lua_block { ngx.sleep(0.2) ngx.print('{"jobArn":"arn","status":"InProgress"}') }
          }
        }
      ]],
    }
    worker = worker_of.start {
      connections = 4096, ports = 2,
      -- A call decides which certificate to show.
      servers = ([[
        server {
          listen 127.0.0.1:@PORT2@ ssl;
          ssl_certificate %s/good.pem;
          ssl_certificate_key %s/good.key;
          ssl_certificate_by_lua_block { package.loaded.said.ssl_cert = { package.loaded.client:list_custom_models() } }
          location / { return 200 hello; }
        }
      ]]):format(dir, dir),
      init = INIT:format(emulator.url, OPTIONS),
      init_worker = [[package.loaded.said.init_worker = { package.loaded.client:list_custom_models() }]],
      locations = ([[
        location = /call {
          content_by_lua_block {
            local slow = package.loaded.slow or require("bedrock").new { endpoint_url = "%s", %s }
            package.loaded.slow = slow
            local job, err = slow:get_model_customization_job { jobIdentifier = "a" }
            ngx.print(job and job.status or tostring(err))
          }
        }
        location = /blocking {
          content_by_lua_block {
            local client = require("socket").connect("127.0.0.1", %d)
            client:send "GET / HTTP/1.0\r\n\r\n"
            local text = client:receive "*a"
            client:close()
            ngx.print(text:match '"status":"(%%a+)"')
          }
        }
        location = /renewal {
          lua_check_client_abort on;
          content_by_lua_block {
            ngx.on_abort(function() package.loaded.gone = (package.loaded.gone or 0) + 1 ngx.exit(499) end)
            local client = package.loaded.renewing
            if not client then
              client = require("bedrock").new { region = "us-east-1", environment = {}, read_file = function() end,
                endpoint_url = "%s", credentials = function(context)
                  package.loaded.asked = (package.loaded.asked or 0) + 1
                  context.runtime:sleep(0.5)
                  return { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
                end }
              package.loaded.renewing = client
            end
            local models, err = client:list_custom_models()
            ngx.print(models and "ok" or tostring(err))
          }
        }
        location = /aborted {
          lua_check_client_abort on;
          content_by_lua_block {
            ngx.on_abort(function() package.loaded.aborted = true ngx.exit(499) end)
            local runtime = require("bedrock.runtime.cosocket").new { proxy = false }
            runtime:send { method = "GET", url = ngx.var.arg_url }
          }
        }
      ]]):format(upstream.url, OPTIONS, upstream.ports[1], emulator.url),
    }
  end)

  teardown(function()
    worker.stop()
    upstream.stop()
    emulator.stop()
    os.execute("rm -rf " .. child.quote(dir))
  end)

  local function plain_client()
    local load_text = rawget(_G, "loadstring") or load
    local options = load_text("return {" .. OPTIONS .. "}")()
    options.endpoint_url = emulator.url
    return assert(bedrock.new(options))
  end

  describe("gives the same", function()
    local rows = { -- an operation, its parameters
      { "list_foundation_models", "{}" },
      { "list_custom_models", "{}" },
      { "get_foundation_model", '{ modelIdentifier = "amazon.nova-micro-v1:0" }' },
      { "get_custom_model", '{ modelIdentifier = "no-such-model" }' },
      { "get_custom_model", "{}" },
      { "get_custom_model", "{ modelIdentifier = 3, mdelName = 'x' }" },
      { "create_model_customization_job", '{ jobName = "a b" }' },
    }
    for _, row in ipairs(rows) do
      it("as a plain script for " .. row[1] .. " " .. row[2], function()
        local client = plain_client()
        local params = (rawget(_G, "loadstring") or load)("return " .. row[2])()
        local result, err = client[row[1]](client, params)
        client:close()
        local call = ("local result, err = package.loaded.client:%s(%s) return result, err"):format(row[1], row[2])
        for _, phase in ipairs { "content", "access", "rewrite", "timer" } do
          local other, other_err = worker.run(call, phase)
          assert.same(result, other)
          if not result then
            assert.truthy(other_err.code)
            for _, field in ipairs { "code", "message", "status", "retryable", "operation", "attempts", "problems" } do
              assert.same(err[field], other_err[field], field)
            end
          end
        end
      end)
    end

    it("while a TLS handshake waits for its certificate", function()
      local runtime = require("bedrock.runtime.curl").new { proxy = false, ca_bundle = dir .. "/ca.pem" }
      local response, err = runtime:send { method = "GET", url = ("https://localhost:%d/"):format(worker.server.ports[2]) }
      runtime:close()
      assert(response, err)
      assert.equal("hello", response.body)
      local said = worker.run "return package.loaded.said.ssl_cert"
      assert.is_table(said[1], tostring(said[2]))
    end)

    it("items, over several pages", function()
      local client = plain_client()
      for _, name in ipairs { "one", "two", "three" } do
        assert(client:create_model_customization_job(caller.job(name)))
      end
      local names = {}
      for job in client:items("list_model_customization_jobs", { maxResults = 1 }) do names[#names + 1] = job.jobName end
      client:close()
      assert.equal(3, #names)
      assert.same(names, (worker.run [[
        local names = {}
        for job in package.loaded.client:items("list_model_customization_jobs", { maxResults = 1 }) do
          names[#names + 1] = job.jobName
        end
        return names
      ]]))
    end)

    it("to light threads side by side, and to coroutines", function()
      local took, count = worker.run(([[
        local client = require("bedrock").new { endpoint_url = "%s", %s }
        local threads, count = {}, 0
        local started = ngx.now()
        for i = 1, 20 do
          threads[i] = ngx.thread.spawn(function()
            local call = coroutine.wrap(function() return client:get_model_customization_job { jobIdentifier = "a" } end)
            if call().status == "InProgress" then count = count + 1 end
          end)
        end
        for i = 1, 20 do ngx.thread.wait(threads[i]) end
        return ngx.now() - started, count
      ]]):format(upstream.url, OPTIONS))
      assert.equal(20, count)
      assert.is_true(took < 0.6 * SLOW, took)
    end)

    it("bedrock.parallel, over light threads", function()
      local took, ran, failed, ordered = worker.run(([[
        local bedrock = require "bedrock"
        local client = bedrock.new { endpoint_url = "%s", %s }
        local tasks = {}
        for i = 1, 40 do tasks[i] = { client, "get_model_customization_job", { jobIdentifier = "a" } } end
        tasks[41] = function() error("a bug", 0) end
        tasks[42] = function(index) return index end
        local start = ngx.now()
        local results, errors = bedrock.parallel(tasks, { limit = 20 })
        local took, ran = ngx.now() - start, 0
        for i = 1, 40 do ran = ran + (results[i] and results[i].status == "InProgress" and 1 or 0) end
        return took, ran, errors[41], results[42]
      ]]):format(upstream.url, OPTIONS))
      assert.same({ 40, "a bug", 42 }, { ran, failed, ordered })
      assert.is_true(took >= 0.4 and took < 1 * SLOW, took)
      local timeouts, done, others = worker.run(([[
        local bedrock = require "bedrock"
        local client = bedrock.new { endpoint_url = "%s", %s }
        local tasks = {}
        for i = 1, 10 do tasks[i] = function() ngx.sleep(i == 1 and 0.001 or 5) return i end end
        local results, errors = bedrock.parallel(tasks, { limit = 3, timeout = 0.2 })
        local timeouts = 0
        for i = 1, 10 do timeouts = timeouts + (errors[i] and errors[i].code == "TimeoutError" and 1 or 0) end
        local _, cancelled = bedrock.parallel(tasks, { limit = 3, on_result = function() return false end })
        local others = 0
        for i = 1, 10 do others = others + (cancelled[i] and cancelled[i].code == "CancelledError" and 1 or 0) end
        return timeouts, results[1], others
      ]]):format(upstream.url, OPTIONS))
      assert.same({ 9, 1, 9 }, { timeouts, done, others })
      local raised, kind = worker.run [[
        local ok, message = pcall(require("bedrock").parallel, { function() return 1 end, function() ngx.sleep(5) end },
          { on_result = function() error("a bug", 0) end })
        return ok, message
      ]]
      assert.same({ false, "a bug" }, { raised, kind })
    end)

    it("warming up: connections wait in the worker's pool", function()
      local ok, err, reused, in_phase, why = worker.run(([[
        local bedrock = require "bedrock"
        local client = bedrock.new { endpoint_url = "%s", app_id = "warm", %s }
        local ok, err = client:warm_up { connections = 5 }
        if ok then ok, err = client:warm_up() end
        local tasks, reused = {}, 0
        for i = 1, 5 do
          tasks[i] = function()
            return client._runtime:send { method = "GET", url = client.endpoint_url .. "/" .. i }
          end
        end
        local results = bedrock.parallel(tasks, { connections = 2 }) -- which has no say here
        for i = 1, 5 do reused = reused + (results[i] and results[i].reused and 1 or 0) end
        client:close()
        return ok, tostring(err), reused, client:warm_up()
      ]]):format(upstream.url, OPTIONS))
      assert.same({ true, "nil", 5 }, { ok, err, reused })
      assert.is_nil(in_phase)
      assert.equal("ConfigurationError", why.code)
    end)

    it("pages, which are fetched when asked for though they may be ahead", function()
      local count, err = worker.run(([[
        local client = require("bedrock").new { endpoint_url = "%s", %s }
        local results, errors = require("bedrock").parallel { function()
          local pages = 0
          for _ in client:pages("list_custom_models", {}, { ahead = true }) do pages = pages + 1 end
          return pages
        end }
        return results[1], tostring(errors[1])
      ]]):format(emulator.url, OPTIONS))
      assert.equal(1, count, err)
    end)

    it("doctor", function()
      local ok, http, text = worker.run(([[
        local report = require("bedrock").doctor { endpoint_url = "%s", %s }
        return report.ok, report.versions.http, tostring(report)
      ]]):format(emulator.url, OPTIONS))
      assert.is_true(ok, text)
      assert.truthy(http:find("^nginx %d+, ngx_lua %d+$"), http)
    end)
  end)

  describe("refuses to wait", function()
    local function refused(err)
      assert.equal("ConfigurationError", err.code)
      assert.is_false(err.retryable)
      assert.equal(0, err.attempts)
      assert.truthy(err.message:find("ngx.timer.at(0, ", 1, true), err.message)
    end

    for _, phase in ipairs { "init", "init_worker" } do
      it("in " .. phase .. ", where a client can be made", function()
        local said = worker.run("return package.loaded.said." .. phase)
        assert.is_nil(said[1])
        refused(said[2])
        assert.truthy(said[2].message:find("in the phase " .. phase .. ",", 1, true))
      end)
    end

    for _, phase in ipairs { "set", "header_filter", "body_filter", "log" } do
      it("in " .. phase, function()
        local result, err, made, slept = worker.run(([[
          local made = require("bedrock").new { endpoint_url = "%s", %s }
          local ok, message = pcall(require("bedrock.runtime.cosocket").new().sleep, require("bedrock.runtime.cosocket").new(), 1)
          local result, err = package.loaded.client:list_custom_models()
          return result, err, made ~= nil, tostring(ok) .. tostring(message)
        ]]):format(emulator.url, OPTIONS), phase)
        assert.is_nil(result)
        refused(err)
        assert.truthy(err.message:find("in the phase " .. phase, 1, true), err.message)
        assert.is_true(made)
        assert.truthy(slept:find("^false.*ngx%.timer%.at"), slept)
      end)
    end

    it("for credentials, too, however they come", function()
      local err = worker.run([[
        local client = require("bedrock").new { region = "us-east-1", environment = {}, read_file = function(path)
          return path:find "config" and "[default]\ncredential_process = sleep 5\n" or nil
        end, }
        local _, err = client:list_custom_models()
        return err
      ]], "log")
      refused(err)
    end)
  end)

  it("loads no libcurl", function()
    assert.is_true(worker.run [[return package.loaded["bedrock.curl"] == nil and package.loaded["bedrock.runtime.curl"] == nil]])
    local maps = child.read("/proc/" .. worker.pid() .. "/maps")
    assert.truthy(maps:find("bedrock/core.so", 1, true))
    assert.is_nil(maps:find("libcurl", 1, true))
    assert.is_nil(maps:find("bedrock/curl.so", 1, true))
  end)

  it("warns of a ca_bundle, which has no say", function()
    local warnings = worker.run(([[
      local warnings = {}
      require("bedrock").new { endpoint_url = "%s", ca_bundle = "/x.pem", %s,
        on_event = function(event) if event.type == "warning" then warnings[#warnings + 1] = event.message end end }
      return warnings
    ]]):format(emulator.url, OPTIONS))
    assert.equal(1, #warnings)
    assert.truthy(warnings[1]:find("lua_ssl_trusted_certificate", 1, true))
  end)

  -- ---- load ----

  -- n requests at once: the seconds until all have their answers, and how many of those are right.
  local function at_once(path, n)
    local request = "GET " .. path .. " HTTP/1.0\r\nHost: x\r\n\r\n"
    local waiting, texts, right = {}, {}, 0
    local started = socket.gettime()
    for i = 1, n do
      local client = assert(socket.tcp())
      client:settimeout(0)
      client:connect("127.0.0.1", worker.port)
      waiting[i], texts[client] = client, ""
    end
    local sent, unsent = {}, waiting
    while #unsent > 0 do
      local _, ready = socket.select(nil, unsent, 10)
      if #ready == 0 then break end
      for _, client in ipairs(ready) do
        client:send(request)
        sent[client] = true
      end
      local left = {}
      for _, client in ipairs(unsent) do
        if not sent[client] then left[#left + 1] = client end
      end
      unsent = left
    end
    while #waiting > 0 do
      local ready = socket.select(waiting, nil, 30)
      if #ready == 0 then break end
      local done = {}
      for _, client in ipairs(ready) do
        local text, err, part = client:receive("*a")
        texts[client] = texts[client] .. (text or part or "")
        if text or err ~= "timeout" then
          if texts[client]:find("InProgress", 1, true) then right = right + 1 end
          client:close()
          done[client] = true
        end
      end
      local left = {}
      for _, client in ipairs(waiting) do
        if not done[client] then left[#left + 1] = client end
      end
      waiting = left
    end
    return socket.gettime() - started, right
  end

  -- Asks for /plain, again and again, in a process of its own, while `act` runs. Gives the 99th percentile in seconds.
  local function plain_meanwhile(act)
    local folder = child.temp_dir()
    child.write(folder .. "/main.lua", ([[
      local socket = require "socket"
      local client = assert(socket.connect("127.0.0.1", %d))
      client:setoption("tcp-nodelay", true)
      local out = assert(io.open(arg[1] .. "/times", "w"))
      out:setvbuf "line"
      while true do
        local started = socket.gettime()
        client:send "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n"
        repeat local line = assert(client:receive "*l") until line == ""
        client:receive(5)
        out:write(socket.gettime() - started, "\n")
        socket.sleep(0.001)
      end
    ]]):format(worker.port))
    local prober = child.start(("%s %s %s"):format(child.quote(child.interpreter()), child.quote(folder .. "/main.lua"), child.quote(folder)), folder)
    child.wait_for(function() return #(child.read(folder .. "/times") or "") > 500 end)
    local before = #child.read(folder .. "/times")
    act()
    socket.sleep(0.02)
    local text = child.read(folder .. "/times"):sub(before + 1)
    prober.stop()
    local times = {}
    for time in text:gmatch("[^\n]+\n") do times[#times + 1] = tonumber(time) end
    table.sort(times)
    return times[math.max(1, math.ceil(#times * 0.99))], #times
  end

  it("does 500 calls at once in the time of one, and the worker serves others meanwhile", function()
    at_once("/call", 10) -- all is loaded
    local took, right, p99, count
    for attempt = 1, 15 do -- the machine may be busy with something else
      if attempt > 1 then socket.sleep(0.3) end
      p99, count = plain_meanwhile(function()
        took, right = at_once("/call", 500)
      end)
      assert.equal(500, right)
      if took < 1 * SLOW and p99 < 0.02 * SLOW then break end
    end
    if os.getenv "BEDROCK_FIGURES" then print(("500 calls: %.3f s; plain: p99 %.1f ms of %d"):format(took, p99 * 1000, count)) end
    assert.is_true(took < 1 * SLOW, took)
    assert.is_true(p99 < 0.02 * SLOW, p99)
    assert.is_true(count > 20, count)
  end)

  it("which a client that blocks does not, so that this would be seen", function()
    local right, _
    local p99, count = plain_meanwhile(function()
      _, right = at_once("/blocking", 8)
    end)
    if os.getenv "BEDROCK_FIGURES" then print(("blocking: plain p99 %.1f ms of %d"):format(p99 * 1000, count)) end
    assert.equal(8, right)
    assert.is_true(p99 > 0.15, p99)
  end)

  -- ---- what else happens to workers ----

  it("leaves no connection half read where the client of the request has gone", function()
    local server = tcp_server.start [[
      local c, n = ...
      local request = read_request(c)
      if n == 1 then sleep(0.3) c:send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate") return end
      while request do
        local path = request:match("^%u+ (%S+)")
        c:send("HTTP/1.1 200 OK\r\nContent-Length: " .. #path .. "\r\n\r\n" .. path)
        request = read_request(c)
      end
    ]]
    local client = assert(socket.connect("127.0.0.1", worker.port))
    client:send("GET /aborted?url=" .. server.url .. "/ HTTP/1.0\r\n\r\n")
    assert(child.wait_for(function() return #server.requests() == 1 end))
    client:close()
    assert(child.wait_for(function() return worker.run "return package.loaded.aborted" end))
    local answer = worker.run(([[
      local runtime = require("bedrock.runtime.cosocket").new { proxy = false }
      for i = 1, 100 do
        local response, err = runtime:send { method = "GET", url = "%s/" .. i }
        if not response or response.body ~= "/" .. i then return tostring(err or response.body) end
      end
      return "right"
    ]]):format(server.url))
    server.stop()
    assert.equal("right", answer)
  end)

  it("renews credentials once for all requests, also where the first of them goes away meanwhile", function()
    local clients = {}
    for i = 1, 20 do
      clients[i] = assert(socket.connect("127.0.0.1", worker.port))
      clients[i]:send("GET /renewal HTTP/1.0\r\n\r\n")
      if i == 1 then assert(child.wait_for(function() return worker.run "return package.loaded.asked" end)) end
    end
    clients[1]:close()
    assert(child.wait_for(function() return worker.run "return package.loaded.gone" end))
    for i = 2, 20 do
      clients[i]:settimeout(10 * SLOW)
      assert.truthy(clients[i]:receive("*a"):find("ok$"))
      clients[i]:close()
    end
    assert.equal(1, worker.run "return package.loaded.asked")
  end)

  it("fills no log: it never asks nginx to sleep for no time", function()
    local server = tcp_server.start [[
      local c = ...
      read_request(c)
      c:send("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" .. ("x"):rep(5000000))
    ]]
    local size, code = worker.run(([[
      local runtime = require("bedrock.runtime.cosocket").new { proxy = false }
      local response = runtime:send { method = "GET", url = "%s/" }
      runtime:sleep(1e-6)
      local client = require("bedrock").new { region = "us-east-1", environment = {}, timeout = 0.2,
        credentials = function(context) context.runtime:sleep(1) end }
      local _, err = client:list_custom_models()
      return #response.body, err.code
    ]]):format(server.url))
    server.stop()
    assert.same({ 5000000, "TimeoutError" }, { size, code })
    assert.is_nil(worker.log():find("delayed events", 1, true))
  end)

  it("reads the environment before the workers are, which don't have it", function()
    local program = child.write(dir .. "/nginx", ([[
      #!/bin/sh
      export AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_ENDPOINT_URL_BEDROCK=%s
      export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY AWS_EC2_METADATA_DISABLED=true
      exec %s "$@"
    ]]):format(emulator.url, nginx.program()):gsub("^%s+", ""))
    os.execute("chmod +x " .. child.quote(program))
    local server = nginx.start { program = program, lua = true, conf = [[
      init_by_lua_block { client = assert(require("bedrock").new { region = os.getenv "AWS_REGION" and "us-east-1" }) }
      server {
        listen 127.0.0.1:@PORT1@;
        location / {
          content_by_lua_block {
            local models, err = client:list_custom_models()
            local later, none = require("bedrock").new()
            ngx.print(models and "ok" or tostring(err), " ", tostring(os.getenv "AWS_REGION"), " ", later and "?" or none.code)
          }
        }
      }
    ]] }
    local _, answer = worker_of.fetch(server.ports[1], "/")
    server.stop()
    assert.equal("ok nil ConfigurationError", answer)
  end)

  it("waits for credentials of a program without stopping the worker", function()
    local CHUNK = [[
      local text = "[default]\nregion = us-east-1\ncredential_process = %s\n"
      local client = require("bedrock").new { environment = { HOME = "/h" }, endpoint_url = "%s",
        read_file = function(path) return path == "/h/.aws/config" and text or nil end }
      local result, err = client:list_custom_models()
      return result ~= nil, tostring(err)
    ]]
    local document = [[echo '{\"Version\":1,\"AccessKeyId\":\"AKIDEXAMPLE\",\"SecretAccessKey\":\"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\"}']]
    local p99 = plain_meanwhile(function()
      local ok, err = worker.run(CHUNK:format("sleep 0.5; " .. document, emulator.url))
      assert.is_true(ok, err)
    end)
    assert.is_true(p99 < 0.02 * SLOW, p99)
    local ok, err = worker.run(CHUNK:format("echo the vault is closed >&2; exit 3", emulator.url))
    assert.is_false(ok)
    assert.truthy(err:find("CredentialsError", 1, true), err)
    assert.truthy(err:find("it said: the vault is closed", 1, true), err)
  end)

  it("ends its calls when the workers are replaced, and goes on in the new ones", function()
    local old = worker.pid()
    local clients = {}
    for i = 1, 20 do
      clients[i] = assert(socket.connect("127.0.0.1", worker.port))
      clients[i]:settimeout(10)
      clients[i]:send "GET /call HTTP/1.0\r\n\r\n"
    end
    socket.sleep(0.05)
    os.execute("kill -HUP " .. worker.server.pid)
    for i = 1, 20 do
      assert.truthy((clients[i]:receive "*a" or ""):find("InProgress", 1, true))
      clients[i]:close()
    end
    assert(child.wait_for(function() return not child.read("/proc/" .. old .. "/stat") end), "the old worker is still there")
    assert.is_not.equal(old, worker.pid())
    local result, err = worker.run "return package.loaded.client:list_custom_models()"
    assert(result, err)
  end)
end)
