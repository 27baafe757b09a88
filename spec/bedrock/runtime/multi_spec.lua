-- Many requests at once over one multi handle: bedrock.curl's multi, on which bedrock.parallel stands.

local curl = require "bedrock.curl"
local child = require "spec.support.child"
local nginx = require "spec.support.nginx"
local tcp_server = require "spec.support.tcp_server"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1 -- how much longer things may take, under valgrind
local TIMEOUT = 10000 * SLOW

local unpack = table.unpack or unpack
local has_lua, why_not = nginx.lua()

describe("bedrock.curl's multi", function()
  local web, multi, sessions, server

  setup(function()
    web = nginx.start {
      lua = has_lua ~= nil,
      connections = 1024,
      conf = [[
        server {
          listen 127.0.0.1:@PORT1@ backlog=1024;
          client_max_body_size 100m;
          location / {
            add_header X-Length "[$http_content_length]";
            return 200 "$request_uri";
          }
          location /large { return 200 "]] .. string.rep("x", 1000) .. [["; }
      ]] .. (has_lua and [[
          location /slow { content_by_lua_block { ngx.sleep(0.05) ngx.print(ngx.var.request_uri) } }
          location /silent { content_by_lua_block { ngx.sleep(60) } }
          location /echo {
            client_body_buffer_size 1m;
            content_by_lua_block { ngx.req.read_body() ngx.print(ngx.req.get_body_data() or "") }
          }
      ]] or "") .. "}",
    }
  end)

  teardown(function()
    web.stop()
  end)

  before_each(function()
    multi, sessions = assert(curl.multi()), {}
  end)

  after_each(function()
    multi:close()
    if server then server.stop() end
    server, sessions = nil, nil
  end)

  local function session(max_body)
    return assert(curl.session(nil, max_body))
  end

  local function start(s, url, fields, read_ms, deadline)
    local request = { method = "GET", url = url, headers = {} }
    for name, value in pairs(fields or {}) do
      request[name] = value
    end
    return multi:start(s, request, "", TIMEOUT, read_ms or TIMEOUT, deadline)
  end

  -- Waits until `count` requests are over; gives what finish gave for each session.
  local function gather(count, from)
    local results, turns = {}, 0
    local give_up = curl.now() + 30 * SLOW
    while count > 0 do
      assert(curl.now() < give_up, "it takes too long")
      for _, s in ipairs((from or multi):wait(1)) do
        results[s] = { s:finish() }
        count = count - 1
      end
      turns = turns + 1
    end
    return results, turns
  end

  local function needs_lua(f)
    return function()
      if not has_lua then return pending(why_not) end
      f()
    end
  end

  it("runs 256 requests at once, and again over the same connections", needs_lua(function()
    for i = 1, 256 do sessions[i] = session() end
    local connects = 0
    for _ = 1, 2 do
      local started = curl.now()
      for i = 1, 256 do assert.is_true(start(sessions[i], web.url .. "/slow/" .. i)) end
      local results = gather(256)
      local took = curl.now() - started
      for i = 1, 256 do
        local response = assert(results[sessions[i]][1], results[sessions[i]][3])
        assert.are.equal("/slow/" .. i, response.body)
        connects = connects + response.connects
      end
      assert.is_true(took < 3 * SLOW, took) -- one after the other: 13 seconds
    end
    assert.is_true(connects <= 256, connects) -- and fewer where some end before others begin
  end))

  it("gives the same results as perform", function()
    local s = session()
    assert.is_true(start(s, web.url .. "/a?b=c", { method = "POST", body = "abc" }))
    local response = assert(gather(1)[s][1])
    local other = assert(s:perform({ method = "POST", url = web.url .. "/a?b=c", headers = {}, body = "abc" }))
    response.headers.date, other.headers.date = nil, nil
    assert.are.same(other, response)
    assert.are.equal("[3]", response.headers["x-length"])
  end)

  it("lends a session to perform in between", function()
    local s = session()
    for i = 1, 3 do
      assert.are.equal("/p", assert(s:perform { method = "GET", url = web.url .. "/p", headers = {} }).body)
      assert.is_true(start(s, web.url .. "/" .. i))
      assert.are.equal("/" .. i, gather(1)[s][1].body)
    end
  end)

  it("keeps each failure to its own session", needs_lua(function()
    server = tcp_server.start [[
      local client = ...
      read_request(client)
      client:send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhi")
    ]]
    local rows = { -- kind, URL, fields, size of an answer, read_ms, deadline
      { "connect", "http://127.0.0.1:" .. child.free_port() .. "/" },
      { "timeout_read", web.url .. "/silent", nil, nil, 300 * SLOW },
      { "timeout_whole", web.url .. "/silent", nil, nil, nil, 0.3 * SLOW },
      { "cut_off", server.url .. "/" },
      { "body_too_big", web.url .. "/large", nil, 999 },
      { "resolve", "http://bedrock.invalid/" },
    }
    for i, row in ipairs(rows) do
      sessions[i] = session(row[4])
      assert.is_true(start(sessions[i], row[2], row[3], row[5], row[6] and curl.now() + row[6]))
    end
    for i = #rows + 1, #rows + 30 do
      sessions[i] = session()
      assert.is_true(start(sessions[i], web.url .. "/slow/" .. i))
    end
    local results = gather(#sessions)
    for i, s in ipairs(sessions) do
      local response, kind, message, tunnel = unpack(results[s], 1, 4)
      if rows[i] then
        assert.is_nil(response)
        assert.are.equal(rows[i][1], kind)
        assert.are.equal("string", type(message))
        assert.are.equal(0, tunnel)
      else
        assert.are.equal("/slow/" .. i, assert(response, message).body)
      end
      assert.are.equal("/again", assert(s:perform { method = "GET", url = web.url .. "/again", headers = {} }).body)
    end
  end))

  it("refuses a request at once, and the session stays free", function()
    local s = session()
    local rows = {
      { "bad_request", { method = "G T" } },
      { "bad_request", { headers = { a = 1 } } },
      { "bad_request", { body = 5 } },
      { "bad_url", { url = "ftp://a/" } },
      { "timeout_whole", {}, 0 },
    }
    for _, row in ipairs(rows) do
      local ok, kind, message, tunnel = start(s, web.url, row[2], nil, row[3])
      assert.is_nil(ok)
      assert.are.equal(row[1], kind)
      assert.are.equal("string", type(message))
      assert.are.equal(0, tunnel)
    end
    assert.are.same({}, multi:wait(0))
    assert.is_true(start(s, web.url .. "/good"))
    assert.are.equal("/good", gather(1)[s][1].body)
  end)

  it("raises in clear words where a session is in another state", needs_lua(function()
    local s = session()
    local function raises(what, f, ...)
      local ok, message = pcall(f, ...)
      assert.is_false(ok)
      assert.truthy(string.find(message, what, 1, true), message)
    end
    local request = { method = "GET", url = web.url, headers = {} }
    raises("nothing was started", s.finish, s)
    assert(start(s, web.url .. "/silent"))
    raises("is not over", s.finish, s)
    raises("in use", s.perform, s, request)
    raises("in use", s.close, s)
    raises("in use", multi.start, multi, s, request)
    assert.is_true(multi:cancel(s))
    raises("nothing was started", s.finish, s)
    assert(start(s, web.url))
    while #multi:wait(1) == 0 do end -- luacheck: ignore
    raises("waits for finish", s.perform, s, request)
    raises("waits for finish", multi.start, multi, s, request)
    assert.is_false(multi:cancel(s)) -- and the answer is dropped
    raises("nothing was started", s.finish, s)
    assert(s:perform(request))
    s:close()
    raises("closed", multi.start, multi, s, request)
    raises("closed", s.finish, s)
    multi:close()
    multi:close()
    assert.truthy(string.find(tostring(multi), "^bedrock%.curl%.multi %(closed%)"))
    raises("the multi is closed", multi.wait, multi, 0)
    raises("the multi is closed", multi.start, multi, session(), request)
    raises("the multi is closed", multi.cancel, multi, s)
    raises("the multi is closed", multi.limit, multi)
    multi = assert(curl.multi())
    assert.truthy(string.find(tostring(multi), "^bedrock%.curl%.multi %(open%)"))
    assert.is_false(pcall(multi.wait, multi))
    assert.is_false(pcall(multi.start, multi))
    assert.is_false(pcall(multi.start, multi, multi, request))
    assert.is_false(pcall(multi.start, multi, session()))
    assert.is_false(pcall(multi.cancel, multi, io.stdout))
    assert.is_false(pcall(multi.limit, multi, 0))
    assert.is_false(pcall(multi.limit, multi, "x"))
    assert.is_false(pcall(multi.wait, s, 0))
  end))

  it("lets a request's metamethods do what they like", function()
    local s = session()
    for _, trouble in ipairs { function() s:close() end, function() multi:close() end, function() error "no field" end } do
      local ok = pcall(multi.start, multi, s, setmetatable({}, { __index = trouble }))
      assert.is_false(ok)
      s, multi = session(), assert(curl.multi())
    end
  end)

  it("waits no longer than it may", needs_lua(function()
    local s = session()
    local began = curl.now()
    assert.are.same({}, multi:wait(0.05))
    assert.is_true(curl.now() - began > 0.049)
    assert(start(s, web.url .. "/silent"))
    began = curl.now()
    assert.are.same({}, multi:wait(0))
    assert.are.same({}, multi:wait(-1))
    assert.are.same({}, multi:wait(0 / 0))
    assert.is_true(curl.now() - began < 1 * SLOW)
    for _ = 1, 5 do assert.are.same({}, multi:wait(0.02)) end
    assert(start(session(), web.url))
    began = curl.now()
    while #multi:wait(math.huge) == 0 do end -- luacheck: ignore
    assert.is_true(curl.now() - began < 5 * SLOW)
  end))

  it("ends requests that are cancelled, and their connections", needs_lua(function()
    for i = 1, 10 do
      sessions[i] = session()
      assert(start(sessions[i], web.url .. "/silent"))
    end
    for _ = 1, 3 do multi:wait(0.01) end
    for i = 1, 10 do assert.is_true(multi:cancel(sessions[i])) end
    for i = 1, 10 do assert.is_false(multi:cancel(sessions[i])) end
    assert.are.same({}, multi:wait(0))
    for i = 1, 10 do assert(start(sessions[i], web.url .. "/" .. i)) end
    local results = gather(10)
    for i = 1, 10 do assert.are.equal("/" .. i, results[sessions[i]][1].body) end
  end))

  it("keeps to a limit of connections", needs_lua(function()
    multi:limit(3)
    local connects = 0
    for i = 1, 12 do
      sessions[i] = session()
      assert(start(sessions[i], web.url .. "/slow/" .. i, nil, 2000 * SLOW))
    end
    for _, result in pairs(gather(12)) do connects = connects + assert(result[1], result[3]).connects end
    assert.are.equal(3, connects)
    multi:limit(nil, 5)
    multi:limit()
    for i = 1, 12 do assert(start(sessions[i], web.url .. "/slow/" .. i)) end
    gather(12)
  end))

  it("drives nothing of another multi", needs_lua(function()
    local other = assert(curl.multi())
    local a, b = session(), session()
    assert(start(a, web.url .. "/silent"))
    assert(other:start(b, { method = "GET", url = web.url .. "/b", headers = {} }, "", TIMEOUT, TIMEOUT))
    assert.is_false(multi:cancel(b))
    assert.is_false(other:cancel(a))
    assert.are.equal("/b", gather(1, other)[b][1].body)
    other:close()
    assert.are.same({}, multi:wait(0.01))
    assert.is_true(multi:cancel(a))
  end))

  -- Each session and each body is known to the multi only.
  local function stress(collect)
    return needs_lua(function()
      local expected, count, at = {}, 40, 0
      for _ = 1, 40 do
        at = at + 1
        local body = string.rep(tostring(at), 1000)
        expected[body] = true
        assert(start(session(), web.url .. "/echo", { method = "POST", body = body }))
        body = nil -- luacheck: ignore
        collect()
      end
      while count > 0 do
        for _, s in ipairs(multi:wait(1)) do
          collect()
          local body = assert(s:finish()).body
          assert.is_true(expected[body])
          expected[body] = nil
          count = count - 1
          if at < 120 then
            at = at + 1
            local text = string.rep(tostring(at), 1000)
            expected[text] = true
            assert(start(at % 2 == 0 and s or session(), web.url .. "/echo", { method = "POST", body = text }))
            count = count + 1
          end
        end
        collect()
      end
      assert.is_nil(next(expected))
    end)
  end

  it("holds what runs against a full collection at each step", stress(function() collectgarbage() end))
  it("holds what runs against a collector that steps", stress(function() collectgarbage("step", 1) end))
  it("holds what runs against a generational collector", function()
    if not pcall(collectgarbage, "generational") then return end
    stress(function() local _ = {} collectgarbage("step", 0) end)()
    collectgarbage "incremental"
  end)

  it("leaves itself and what runs to the collector", needs_lua(function()
    for i = 1, 20 do
      local m, s = assert(curl.multi()), session()
      m:start(s, { method = "GET", url = web.url .. "/silent", headers = {} })
      if i % 2 == 0 then m:wait(0.005) end
      if i % 3 == 0 then sessions[#sessions + 1] = s end -- these outlive their multi
    end
    collectgarbage()
    collectgarbage()
    for _, s in ipairs(sessions) do
      assert.are.equal("/", assert(s:perform { method = "GET", url = web.url .. "/", headers = {} }).body)
    end
  end))

  -- ---- in processes of their own ----

  local function run(source, command)
    local dir = child.temp_dir()
    child.write(dir .. "/main.lua", string.format("local curl, url = require 'bedrock.curl', %q\n", web.url) .. source)
    local pipe = assert(io.popen(string.format(command or "%s %s 2>&1; echo status $?", child.quote(child.interpreter()),
      child.quote(dir .. "/main.lua"))))
    local output = pipe:read("*a")
    pipe:close()
    os.execute("rm -rf " .. child.quote(dir))
    return output
  end

  local ENDINGS = {
    { "the end of the script", "" },
    { "os.exit", "os.exit(0)" },
    { "os.exit that closes the state", "os.exit(0, true)" },
    { "sessions that are older", "ORDER" },
  }
  for _, row in ipairs(ENDINGS) do
    it("may be left with requests that run: " .. row[1], needs_lua(function()
      local multi_first = row[2] ~= "ORDER"
      local output = run((multi_first and "multi = assert(curl.multi())" or "") .. [[
        sessions = {}
        for i = 1, 30 do sessions[i] = assert(curl.session()) end
        multi = multi or assert(curl.multi())
        for i = 1, 30 do
          local path = i % 3 == 0 and "/silent" or i % 3 == 1 and "/slow" or "/"
          assert(multi:start(sessions[i], { method = "POST", url = url .. path, headers = {}, body = ("x"):rep(i * 1000) }))
        end
        multi:wait(0.01)
        sessions[31] = assert(curl.session())
        assert(multi:start(sessions[31], { method = "GET", url = "http://bedrock.invalid/" }))
        for i = 1, 31, 2 do sessions[i] = nil end
        io.write("left\n")
        io.stdout:flush()
      ]] .. (multi_first and row[2] or ""))
      assert.are.equal("left\nstatus 0\n", output)
    end))
  end

  -- What a finalizer makes at the end gets none of its own any more (5.4), so all is there before.
  it("may be used by finalizers at the end", needs_lua(function()
    local output = run [[
      local older, multi, sessions, kept = assert(curl.multi()), nil, {}, {}
      local function use()
        for _, m in ipairs { older, multi } do
          for _, s in ipairs(sessions) do
            pcall(m.start, m, s, { method = "GET", url = url .. "/silent" })
            pcall(m.wait, m, 0.01)
            pcall(s.finish, s)
          end
        end
      end
      for i = 1, 9 do
        local finalized = newproxy and newproxy(true)
        if finalized then getmetatable(finalized).__gc = use else finalized = setmetatable({}, { __gc = use }) end
        kept[i] = finalized
        if i % 2 == 0 then sessions[#sessions + 1] = curl.session() end
        if i == 5 then multi = assert(curl.multi()) end
      end
      io.write("left\n")
    ]]
    assert.are.equal("left\nstatus 0\n", output)
  end))

  it("lets Ctrl-C end a wait", needs_lua(function()
    if string.find(child.interpreter(), "asan", 1, true) then return pending "this interpreter does not handle Ctrl-C" end
    local began = curl.now()
    local output = run([[
      local multi, session = assert(curl.multi()), assert(curl.session())
      assert(multi:start(session, { method = "GET", url = url .. "/silent" }))
      multi:wait(0.01)
      io.write("waits\n") io.stdout:flush()
      for _ = 1, 100 do multi:wait(20) end
    ]], "timeout -s INT " .. 2 * (SLOW > 1 and 5 or 1) .. " %s %s 2>&1")
    assert.truthy(string.find(output, "^waits\n.*interrupted!"), output)
    assert.is_true(curl.now() - began < 15 * (SLOW > 1 and 5 or 1))
  end))
end)
