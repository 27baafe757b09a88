-- Many calls side by side against a real nginx: connections, HTTP/2, many tasks, many clients.

local bedrock = require "bedrock"
local curl = require "bedrock.curl"
local child = require "spec.support.child"
local nginx = require "spec.support.nginx"
local socket = require "socket"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local has_lua, why_not = nginx.lua()

-- Answers as GetCustomModel does. A model's name says what happens: slow-…, slower-…, silent-…, once-… (503 at first), never-… (503),
-- refused-… (400).
local SERVER = [[
  server {
    listen 127.0.0.1:@PORT%d@ %s backlog=1024;
    ssl_certificate @DIR@/good.pem;
    ssl_certificate_key @DIR@/good.key;
    %s
    location / {
      add_header X-Connection $connection always;
      add_header X-Requests $connection_requests always;
      content_by_lua_block {
        local name = ngx.var.uri:match "[^/]*$"
        local kind = name:match "^%%a+"
        local seconds = ({ slow = 0.05, slower = SLOWER, silent = 60 })[kind]
        if name == "zero" then most = 0 end
        here = here + 1
        most = math.max(most, here)
        if seconds then ngx.sleep(seconds) end
        here = here - 1
        if kind == "reset" then return ngx.exit(444) end
        seen[name] = (seen[name] or 0) + 1
        if ngx.req.get_method() == "HEAD" and not ngx.var.http_authorization then heads = heads + 1 end
        if kind == "never" or kind == "once" and seen[name] == 1 then ngx.status = 503 elseif kind == "refused" then ngx.status = 400 end
        if name == "heads" then return ngx.print(heads) end
        ngx.header["X-Most"] = most
        ngx.print(('{"modelName":%%q,"modelArn":%%q,"jobName":%%q}'):format(name, ngx.var.server_port,
          ngx.var.http_authorization or ""))
      }
    }
  }
]]

describe("bedrock.parallel", function()
  local web, dir
  local urls = {}

  local function start()
    dir = child.temp_dir()
    nginx.make_certificates(dir)
    web = nginx.start {
      dir = dir, ports = 10, lua = true, connections = 2048,
      main = "worker_shutdown_timeout 1;",
      conf = ("init_by_lua_block { seen, heads, here, most, SLOWER = {}, 0, 0, 0, %g }"):format(math.max(0.5, 0.2 * SLOW)) .. " lua_socket_log_errors off;\n" .. SERVER:format(1, "", "")
        .. SERVER:format(2, "ssl http2", "") .. SERVER:format(3, "ssl", "")
        .. SERVER:format(4, "ssl http2", "keepalive_requests 20;") .. SERVER:format(5, "", "")
        .. SERVER:format(6, "", "") .. SERVER:format(7, "ssl", "") .. SERVER:format(8, "ssl http2", "")
        .. SERVER:format(9, "ssl", "") .. SERVER:format(10, "", ""),
    }
    -- Five of them are left to one test each, which finds no connections there yet.
    for i, name in ipairs { "plain", "h2", "tls", "brief", "other", "new_plain", "new_tls", "new_h2", "warm_tls", "many" } do
      urls[name] = (name:find "plain" or name == "other" or name == "many") and "http://127.0.0.1:" .. web.ports[i]
        or "https://localhost:" .. web.ports[i]
    end
  end

  setup(function()
    if has_lua then start() end
  end)
  teardown(function()
    require("bedrock.parallel").close() -- other specs count open files
    if web then web.stop() end
  end)

  local function case(name, f)
    it(name, function()
      if not has_lua then return pending(why_not) end
      f()
    end)
  end

  -- Clients that the test closes at its end.
  local clients = {}
  after_each(function()
    for _, client in ipairs(clients) do client:close() end
    clients = {}
  end)

  local function new(name, options)
    local all = { region = "us-east-1", endpoint_url = urls[name] or name, environment = {}, read_file = function() end,
      credentials = KEYS, ca_bundle = dir .. "/ca.pem" }
    for key, value in pairs(options or {}) do all[key] = value end
    clients[#clients + 1] = assert(bedrock.new(all))
    return clients[#clients]
  end

  -- So many calls; gives the connections that they took, how many those are, and the most calls that were at the server at once.
  local function run(client, count, name, options)
    local tasks, connections, distinct, most = {}, {}, 0, 0
    for i = 1, count do
      tasks[i] = function()
        local model, meta = client:get_custom_model { modelIdentifier = name .. i }
        if not model then return nil, meta end
        assert(model.modelName == name .. i, model.modelName)
        return meta
      end
    end
    local results, errs = bedrock.parallel(tasks, options)
    for i = 1, count do
      local headers = assert(results[i], errs[i]).headers
      local id = headers["x-connection"]
      most = math.max(most, tonumber(headers["x-most"]))
      if not connections[id] then connections[id], distinct = true, distinct + 1 end
    end
    return distinct, connections, most
  end

  -- ---- connections ----

  case("shares one connection where HTTP/2 is offered, a hundred calls to each", function()
    local client = new "h2"
    assert.equal(1, run(client, 60, "slow-a", { limit = 60 }))
    local count = run(client, 260, "slow-b", { limit = 260 })
    -- Three, as a rule. One that is to open the next finds room on the one before where answers are in already; those behind
    -- it, a hundred at most, then may find none, on a machine that is busy.
    assert.is_true(count < 130, count)
    local http_version = bedrock.parallel({ function()
      return client._runtime:send({ method = "GET", url = urls.h2 .. "/x" }).http_version
    end })[1]
    assert.equal("2", http_version)
  end)

  case("begins all calls at once where the connections stand already", function()
    local client = new "many"
    run(client, 256, "slower-e", { limit = 256 })
    assert(client:get_custom_model { modelIdentifier = "zero" })
    local _, _, most = run(client, 256, "slower-f", { limit = 256 })
    assert.is_true(most > 200, most) -- released a hundred at a time, as for HTTP/2, they are no more
  end)

  case("makes a connection for each call at once where HTTP/1.1 is spoken", function()
    for _, name in ipairs { "plain", "tls" } do
      local client = new(name)
      local first, ids = run(client, 20, "slow-c", { limit = 20 })
      assert.equal(20, first)
      local _, again = run(client, 20, "slow-d", { limit = 20 })
      for id in pairs(again) do assert.is_true(ids[id]) end
    end
  end)

  case("finds connections that a client made when it warmed up", function()
    local client = new "h2"
    assert.is_true(client:warm_up())
    local model, meta = client:get_custom_model { modelIdentifier = "warm" }
    assert.equal("warm", assert(model, meta).modelName)
    assert.equal("2", meta.headers["x-requests"])
    local before = tonumber(client._runtime:send({ method = "GET", url = urls.h2 .. "/heads" }).body)
    assert.is_true(before >= 1)

    client = new "warm_tls"
    assert.is_true(client:warm_up { connections = 10 })
    local count, ids = run(client, 10, "slow-w", { limit = 10 })
    assert.equal(10, count)
    bedrock.parallel { function() assert(client:warm_up { connections = 5 }) end, function() assert(client:warm_up()) end }
    local _, again = run(client, 10, "slow-v", { limit = 10 })
    for id in pairs(again) do assert.is_true(ids[id]) end

    local ok, err = new("https://localhost:" .. child.free_port()):warm_up { connections = 3 }
    assert.is_nil(ok)
    assert.equal("ConnectionError", err.code)
    ok, err = new("tls", { ca_bundle = dir .. "/other-ca.pem" }):warm_up()
    assert.is_nil(ok)
    assert.equal("TLSError", err.code)
  end)

  case("keeps to a limit of connections for each host", function()
    local plain, tls = new "new_plain", new "new_tls"
    local function limited(connections)
      local count = 0
      local _, errs = bedrock.parallel({ function()
        local here = run(plain, 20, "slow-e", { limit = 20, connections = 20 }) -- that is for the outer one to say
        count = count + here
      end, function()
        local here = run(tls, 20, "slow-f", { limit = 20 })
        count = count + here
      end }, { connections = connections })
      assert.same({ n = 2 }, errs)
      return count
    end
    assert.equal(6, limited(3))
    assert.is_true(limited(nil) > 6)
    assert.equal(4, limited(2)) -- whatever there was before
    local options = { limit = 20, connections = 5 }
    local count, ids = run(plain, 20, "slow-h", options)
    assert.equal(5, count)
    local _, again = run(plain, 20, "slow-i", options) -- those that are few enough stay
    for id in pairs(again) do assert.is_true(ids[id]) end
    assert.equal(1, run(new "new_h2", 30, "slow-g", { limit = 30, connections = 1 }))
  end)

  case("goes on over new connections where the server ends one after so many calls of HTTP/2", function()
    local client = new("brief", { max_attempts = 3 })
    local count = run(client, 200, "slow-h", { limit = 40 })
    assert.is_true(count >= 10, count)
  end)

  case("loses no more than what one stream of HTTP/2 carried", function()
    local client = new "h2"
    local tasks = {}
    for i = 1, 40 do
      tasks[i] = { client, "get_custom_model", { modelIdentifier = (i % 10 == 0 and "reset-" or "slow-") .. i }, { max_attempts = 1 } }
    end
    local results, errs = bedrock.parallel(tasks, { limit = 40 })
    for i = 1, 40 do
      if i % 10 == 0 then
        assert.equal("ConnectionError", errs[i].code, tostring(errs[i]))
      else
        assert.equal("slow-" .. i, assert(results[i], errs[i]).modelName)
      end
    end
  end)

  case("loses what was under way where the connection breaks, and retries bring it", function()
    local client = new("h2", { max_attempts = 4 })
    assert(client:warm_up { connections = 1 }) -- so that the first turn sends all requests
    local tasks, attempts = {}, 0
    for i = 1, 20 do
      tasks[i] = function()
        local model, meta = client:get_custom_model { modelIdentifier = "slower-" .. i }
        if model then attempts = attempts + meta.attempts end
        return model, meta
      end
    end
    tasks[21] = function()
      client._runtime:sleep(0.02)
      os.execute("kill -9 $(pgrep -P " .. web.pid .. ")") -- the master starts another worker
    end
    local results, errs = bedrock.parallel(tasks, { limit = 21 })
    for i = 1, 20 do assert.equal("slower-" .. i, assert(results[i], errs[i]).modelName) end
    assert.is_true(attempts > 20, attempts)
  end)

  case("goes on rightly where a task may not wait: in a pcall, on plain Lua 5.1", function()
    local client = new "plain"
    local runtime = client._runtime
    local name = (rawget(coroutine, "isyieldable") and "slow-" or "slower-") .. "no"
    local function get(id) return client:get_custom_model { modelIdentifier = id } end
    for _, task in ipairs {
      function() return pcall(get, name) end, -- what it began is not over when the task is
      function()
        pcall(runtime.sleep, runtime, 0.01)
        pcall(get, "slow-no")
        return assert(get "slower-a").modelName
      end,
      function()
        pcall(get, "slow-no")
        local before = runtime:now()
        runtime:sleep(0.2)
        assert(runtime:now() - before > 0.19, "woken by what it does not wait for")
      end,
    } do
      local results, errs = bedrock.parallel { task, function() return assert(get "slow-b").modelName end }
      assert.is_nil(errs[1])
      assert.equal("slow-b", results[2])
    end
    bedrock.parallel { function() pcall(bedrock.parallel, { { client, "get_custom_model", { modelIdentifier = name } } }) end }
    local results = bedrock.parallel { function() return { assert(get(name)).modelName, assert(get "slow-c").modelName } end }
    assert.same({ name, "slow-c" }, results[1])
  end)

  case("does not wait for long for a first connection, and not beyond a call's time", function()
    -- It accepts and says nothing: the handshake is never over.
    local silent = assert(socket.bind("127.0.0.1", 0, 64))
    local _, port = silent:getsockname()
    local url = "https://127.0.0.1:" .. port
    local function failing(options, call_options, code)
      local client = new(url, options)
      local tasks = {}
      for i = 1, 30 do tasks[i] = { client, "list_custom_models", {}, call_options } end
      local started = curl.now()
      local _, errs = bedrock.parallel(tasks, { limit = 30 })
      for i = 1, 30 do assert.equal(code, errs[i].code) end
      return curl.now() - started
    end
    local took = failing({ connect_timeout = 0.2, max_attempts = 1 }, nil, "TimeoutError")
    assert.is_true(took >= 0.2 and took < 1 * SLOW, took) -- the first, then all others
    took = failing({ connect_timeout = 20 }, { timeout = 0.2 }, "TimeoutError")
    assert.is_true(took >= 0.2 and took < 1 * SLOW, took)
    local function connections()
      local count = 0
      silent:settimeout(0.05)
      while silent:accept() do count = count + 1 end
      return count
    end
    connections()
    failing({ connect_timeout = 20 }, { timeout = 1.3 }, "TimeoutError")
    assert.equal(30, connections()) -- the others began after a second
    silent:close()
  end)

  case("looks a name up once", function()
    local here = child.temp_dir()
    child.write(here .. "/count.c", [[
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <netdb.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **list)
      {
          int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
          *(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
          if (!name || !strstr(name, ".example"))
              return next(name, port, hints, list);
          FILE *file = fopen(getenv("COUNT_FILE"), "a");
          fputs("x", file);
          fclose(file);
          return next("127.0.0.1", port, hints, list);
      }
    ]])
    local made = os.execute("cd " .. child.quote(here) .. " && cc -shared -fPIC -o count.so count.c -ldl 2>/dev/null")
    if made ~= true and made ~= 0 then return pending "no C compiler that builds shared libraries" end
    child.write(here .. "/main.lua", [[
      local bedrock, runtime = require "bedrock", require "bedrock.runtime.curl"
      local url, tasks = ...
      local one, two = runtime.new { proxy = false }, runtime.new { proxy = false }
      tasks = {}
      for i = 1, 256 do tasks[i] = function() return (i % 2 == 0 and one or two):send { method = "GET", url = url .. i } end end
      local results = bedrock.parallel(tasks, { limit = 256 })
      for i = 1, 256 do assert(results[i].status == 200) end
      assert(one:send { method = "GET", url = url }) -- a session by itself, in the same process
      io.write("all\n")
    ]])
    local pipe = assert(io.popen(("COUNT_FILE=%s ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 LD_PRELOAD=%s %s %s %s 2>&1"):format(
      child.quote(here .. "/looked-up"), child.quote(here .. "/count.so"), child.quote(child.interpreter()),
      child.quote(here .. "/main.lua"), ("http://bedrock.example:%d/"):format(web.ports[1]))))
    local output = pipe:read("*a")
    pipe:close()
    local looked_up = child.read(here .. "/looked-up")
    os.execute("rm -rf " .. child.quote(here))
    assert.equal("all\n", output)
    assert.equal("x", looked_up)
  end)

  -- ---- many tasks ----

  case("runs 10,000 calls in memory for those that run; what fails, is late or is cancelled leaves the rest right", function()
    local count = math.max(math.floor(10000 / SLOW), 2500) -- a fifth of them is still more than the limit
    local client = new "plain"
    local bad = { "refused", "silent", "inner" }
    -- One in a hundred is refused, as many are late, and as many are cancelled by a group of their own.
    local function expected(n) return bad[n % 100] or "model" end
    local function peak(tasks)
      local at, most, wrong, ended, kinds = 0, 0, 0, 0, {}
      local function next_task()
        if at == tasks then return nil end
        at = at + 1
        local n, kind = at, expected(at)
        return function()
          local id = kind .. "-" .. n
          if kind == "inner" then
            local results, errs = bedrock.parallel({ { client, "get_custom_model", { modelIdentifier = "silent-" .. n } },
              function() client._runtime:sleep(0.01) end }, { on_result = function(index) return index ~= 2 end })
            return results[1], errs[1]
          end
          return client:get_custom_model({ modelIdentifier = id }, { max_attempts = 1, timeout = kind == "silent" and 0.05 or nil })
        end
      end
      collectgarbage()
      collectgarbage()
      local before = collectgarbage "count"
      local results = bedrock.parallel(next_task, { limit = 256, keep = false, on_result = function(n, model, err)
        local kind = expected(n)
        ended = ended + 1
        kinds[kind] = (kinds[kind] or 0) + 1
        local right = kind == "model" and model and model.modelName == "model-" .. n
          or kind == "refused" and err and err.status == 400 or kind == "silent" and err and err.code == "TimeoutError"
          or kind == "inner" and err and err.code == "CancelledError"
        if not right then wrong = wrong + 1 end
        if ended % math.floor(tasks / 10) == 0 then
          collectgarbage()
          most = math.max(most, collectgarbage "count" - before)
        end
      end })
      assert.same({ n = tasks }, results)
      assert.equal(tasks, ended)
      assert.equal(0, wrong)
      for i = 1, 3 do assert.is_true(kinds[bad[i]] >= math.floor(tasks / 100)) end
      assert.is_true(#client._runtime.idle <= 256)
      return most
    end
    peak(1000) -- what is made once
    local fifth, all = peak(math.floor(count / 5)), peak(count)
    assert.is_true(all < 1.5 * fifth + 100, ("%.0f KB, %.0f KB"):format(fifth, all))
  end)

  -- ---- many clients ----

  case("keeps ten clients in two regions apart: connections, credentials, regions, quotas", function()
    local REGIONS = { { "us-east-1", "plain", 1 }, { "eu-west-1", "other", 5 } }
    local list, tasks, belongs = {}, {}, {}
    for c = 1, 10 do
      local region = REGIONS[c % 2 + 1]
      list[c] = new(region[2], { region = region[1], max_attempts = 2,
        credentials = { access_key_id = ("AKID%02d"):format(c), secret_access_key = "secret" .. c } })
      for i = 1, 30 do
        tasks[#tasks + 1] = { list[c], "get_custom_model", { modelIdentifier = ("slow-%d-%d"):format(c, i) } }
        belongs[#tasks] = c
      end
    end
    for i = 1, 150 do -- one client's service is in trouble, beyond its quota of retries
      tasks[#tasks + 1] = { list[10], "get_custom_model", { modelIdentifier = "never-" .. i } }
    end
    for c = 1, 9 do -- meanwhile all others may retry
      tasks[#tasks + 1] = { list[c], "get_custom_model", { modelIdentifier = "once-" .. c } }
      belongs[#tasks] = c
    end
    local results, errs = bedrock.parallel(tasks, { limit = 200 })
    local stopped = 0
    for i = 1, #tasks do
      local c = belongs[i]
      if c then
        local model, region = assert(results[i], errs[i]), REGIONS[c % 2 + 1]
        assert.equal(tostring(web.ports[region[3]]), model.modelArn)
        local key, scope = model.jobName:match "Credential=(%w+)/%d+/([%w-]+)/bedrock/"
        assert.equal(("AKID%02d"):format(c), key)
        assert.equal(region[1], scope)
        assert.equal(tasks[i][3].modelIdentifier, model.modelName)
      else
        assert.equal(503, errs[i].status)
        if errs[i].retry_stopped == "retry_quota_exceeded" then stopped = stopped + 1 end
      end
    end
    assert.is_true(stopped > 0)
  end)
end)
