--- Bodies that are decoded where libcurl left them: sessions that lend them, and the calls of a client over these.

local bedrock = require "bedrock"
local core = require "bedrock.core"
local curl = require "bedrock.curl"
local curl_runtime = require "bedrock.runtime.curl"
local tcp_server = require "spec.support.tcp_server"

local newproxy = rawget(_G, "newproxy")

-- The name that is asked for says what is answered: STATUS-HEX, STATUS-page-ITEMS, STATUS-cut-HEX (of a longer body).
local SERVER = [[
  local client, n = ...
  repeat
    local request = read_request(client)
    if not request then return end
    local status, kind, text = request:match "nameContains=(%d+)%-(%a*)%-([^& ]*)"
    local body
    if kind == "page" then
      local items = {}
      for i = 1, tonumber(text) do
        items[i] = ('{"modelName":"model-%d","modelArn":"%s","creationTime":"2023-10-02T15:04:05Z"}'):format(i, ("a"):rep(300))
      end
      body = '{"modelSummaries":[' .. table.concat(items, ",") .. ']}'
    else
      body = text:gsub("%x%x", function(hex) return string.char(tonumber(hex, 16)) end)
    end
    local length = kind == "cut" and #body + 10 or #body
    client:send(("HTTP/1.1 %s Any\r\nContent-Type: application/json\r\nX-Connection: %d\r\nContent-Length: %d\r\n%s\r\n"):format(
      status, n, length, kind == "kept" and "" or "Connection: close\r\n") .. body)
  until kind ~= "kept"
]]

describe("a lent body", function()
  local server, client

  local function new_client(runtime)
    return assert(bedrock.new { region = "us-east-1", endpoint_url = server.url, environment = {}, runtime = runtime,
      read_file = function() return nil end, proxy = false, max_attempts = 1,
      credentials = { access_key_id = "AKID", secret_access_key = "SECRETSECRET" } })
  end

  setup(function() server = tcp_server.start(SERVER) end)
  teardown(function() server.stop() end)
  before_each(function() client = new_client() end)
  after_each(function()
    client:close()
  end)

  local function name(status, body, kind) return ("%d-%s-%s"):format(status, kind or "", core.hex(body)) end

  local function list(of, ...)
    return of:list_custom_models({ nameContains = ... })
  end

  -- Something that the collector will finalize.
  local function doomed(finalize)
    if newproxy then
      getmetatable(newproxy(true)).__gc = finalize
    else
      setmetatable({}, { __gc = finalize })
    end
  end

  -- Has the collector go through everything soon, and all finalizers run: at the next chance, or within a few.
  local function hurry(at_once)
    if _VERSION == "Lua 5.4" then
      collectgarbage("incremental", 100, 1000, 40)
    else
      collectgarbage("setpause", 0)
      collectgarbage("setstepmul", at_once and 10000000 or 100000)
    end
    collectgarbage "restart"
  end

  local function hurry_no_more()
    if _VERSION == "Lua 5.4" then
      collectgarbage("incremental", 200, 100, 13)
    else
      collectgarbage("setpause", 200)
      collectgarbage("setstepmul", 200)
    end
  end

  -- So many items that the collector gets round on the way, however much there is to go through. In a finalizer of 5.4 it can't be
  -- told anything, so there it goes round for each item until the call is over.
  local MANY = _VERSION == "Lua 5.4" and 20 or 300

  -- A call, with a finalizer that runs while its answer is decoded.
  local function call_with_finalizer(f)
    local lent, done
    local session = getmetatable(assert(curl.session())).__index
    local perform = session.perform
    function session.perform(...)
      local response, kind, text, tunnel = perform(...)
      if not lent then
        lent = true
        hurry(true)
      end
      return response, kind, text, tunnel
    end
    collectgarbage "stop"
    doomed(function()
      hurry_no_more()
      assert(lent and rawget(client._runtime, "session") == nil)
      done = true
      f()
    end)
    local ok, page, err = pcall(list, client, "200-page-" .. MANY)
    session.perform = perform
    hurry_no_more()
    assert.is_true(done)
    return ok, page, err
  end

  local function is_page(page, count)
    assert.equal(count, #page.modelSummaries)
    for i, item in ipairs(page.modelSummaries) do
      assert.equal("model-" .. i, item.modelName)
      assert.equal(("a"):rep(300), item.modelArn)
      assert.equal(1696259045, item.creationTime)
    end
  end

  local function deep(levels) return '{"modelSummaries":' .. ("["):rep(levels) .. ("]"):rep(levels) .. "}" end

  local bodies = {
    "{}", " {} ", "", " ", "\r\n", "null", "true", "[]", "[{}]", "5", '"a"', "{", '{"', '{"nextToken":', '{"nextToken":"a"', "{}}",
    "\0", "{}\0", '{"nextToken":"a\0"}', '{"nextToken":"a\\u0000b"}', '{"nextToken":"\255\254"}', '{"nextToken":"\\ud800"}', "\239\187\191{}",
    "\239\187\191", '{"nextToken":1e400}', '{"nextToken":12345678901234567890}', '{"modelSummaries":{}}', '{"modelSummaries":[null,[],{"a":[]}]}',
    '{"nextToken":null,"nextToken":"b"}', deep(100), deep(127), deep(128), deep(1000), "<html>", '{"message":"\\u00e4","__type":"a#B"}',
  }
  for _, size in ipairs { 255, 256, 257, 512, 1024, 4096, 16384 } do -- as large as the session's block is, and beside it
    bodies[#bodies + 1] = '{"nextToken":"' .. ("x"):rep(size - 16) .. '"}'
    bodies[#bodies + 1] = '{"nextToken":"' .. ("x"):rep(size - 15) .. '"'
    bodies[#bodies + 1] = ("7"):rep(size)
  end

  it("gives what a copy of it gives", function()
    local runtime = curl_runtime.new { proxy = false }
    local other = new_client(runtime)
    local results = 0
    for _, status in ipairs { 200, 201, 299, 300, 400, 404, 500 } do
      for i, body in ipairs(status == 200 and bodies or { "{}", "", "{", '{"nextToken":"a"}', '{"message":"m","code":"C"}' }) do
        local got, why = list(client, name(status, body))
        local wanted, reason = list(other, name(status, body))
        why.headers["x-connection"], reason.headers["x-connection"] = nil, nil
        assert.same(wanted, got, i)
        assert.same(reason, why, i) -- the error, or what is known of the answer
        if got then results = results + 1 else assert.equal(tostring(reason), tostring(why)) end
      end
    end
    assert.is_true(results > 30)
    runtime:close()
  end)

  it("is whole, or the call fails", function()
    for _, body in ipairs { "{}", '{"nextToken":"a', "" } do
      local result, err = list(client, name(200, body, "cut"))
      assert.is_nil(result)
      assert.equal("ResponseError", err.code)
      assert.equal("cut_off", err.kind)
    end
    is_page(assert(list(client, "200-page-3")), 3)
  end)

  it("may be a megabyte, again and again", function()
    for _, count in ipairs { 3000, 1, 4000, 2 } do is_page(assert(list(client, "200-page-" .. count)), count) end
  end)

  it("is within the limit of the runtime", function()
    local runtime = curl_runtime.new { proxy = false, max_response_size = 1000 }
    local codec = core.json_shape { type = "structure", members = {}, order = {} }
    local function send(size)
      local body = '{"a":"' .. ("x"):rep(size - 8) .. '"}'
      return runtime:send({ method = "GET", url = server.url .. "/?nameContains=" .. name(200, body) }, nil, codec)
    end
    assert.same({}, assert(send(1000)).value)
    local response, err = send(1001)
    assert.is_nil(response)
    assert.equal("body_too_big", err.kind)
    assert.same({}, assert(send(1000)).value)
    runtime:close()
    response, err = send(10)
    assert.is_nil(response)
    assert.equal("ConfigurationError", err.code)
  end)

  it("leaves the connection to the next call", function()
    local connection
    for _, body in ipairs { "{}", '{"nextToken":"a"}', "[]", "{", "{}" } do
      list(client, name(200, body, "kept"))
      local _, meta = list(client, name(200, "{}", "kept"))
      connection = connection or meta.headers["x-connection"]
      assert.equal(connection, meta.headers["x-connection"])
    end
  end)

  it("stays as it is while a finalizer makes a call", function()
    local inner
    local ok, page = call_with_finalizer(function() inner = assert(list(client, "200-page-5")) end)
    assert.is_true(ok)
    is_page(page, MANY)
    is_page(inner, 5)
    is_page(assert(list(client, "200-page-2")), 2)
  end)

  it("stays as it is while a finalizer closes the client", function()
    local ok, page = call_with_finalizer(function() client:close() end)
    assert.is_true(ok)
    is_page(page, MANY)
    assert.is_nil(rawget(client._runtime, "session"))
    local result, err = list(client, "200-page-2")
    assert.is_nil(result)
    assert.equal("ConfigurationError", err.code)
  end)

  it("is given up where decoding raises", function()
    if _VERSION == "Lua 5.4" then return end -- there a finalizer's error is a warning; the sweep of spec/oom has memory run out
    local ok, message = call_with_finalizer(function() error "from a finalizer" end)
    assert.is_false(ok)
    assert.truthy(tostring(message):find("from a finalizer", 1, true))
    assert.is_nil(rawget(client._runtime, "session"))
    is_page(assert(list(client, "200-page-2")), 2)
    collectgarbage()
  end)

  it("stays as it is while a finalizer makes a call amid a task of bedrock.parallel", function()
    local waits = rawget(coroutine, "isyieldable") ~= nil -- 5.1 can't tell that a finalizer must not wait beside others
    local inner, why
    local results, failures = bedrock.parallel { function()
      doomed(function() inner, why = select(2, pcall(list, client, "200-page-5")) end)
      collectgarbage()
      collectgarbage()
      for _ = 1, 2 do is_page(assert(list(client, "200-page-100")), 100) end
      return assert(list(client, "200-page-2"))
    end }
    assert.is_nil(failures[1])
    is_page(results[1], 2)
    if waits then is_page(inner, 5) else assert.truthy(inner:find "yield") end
    assert.equal(waits, type(why) == "table")
    bedrock.parallel { function()
      doomed(function() pcall(list, client, "200-page-5") end)
      collectgarbage()
      collectgarbage()
    end }
    is_page(bedrock.parallel({ { client, "list_custom_models", { nameContains = "200-page-3" } } })[1], 3)
  end)

  it("is decoded in each task of bedrock.parallel", function()
    local tasks, inner = {}, 0
    for i = 1, 20 do
      local asked = i % 10 == 0 and name(200, "{") or i % 5 == 0 and name(400, "{}") or "200-page-100"
      tasks[i] = { client, "list_custom_models", { nameContains = asked } }
      if i % 5 == 1 then
        tasks[i] = function()
          local page = assert(list(client, asked))
          local results = bedrock.parallel { { client, "list_custom_models", { nameContains = "200-page-3" } } }
          is_page(results[1], 3)
          inner = inner + 1
          return page
        end
      end
    end
    for _ = 1, 2 do
      local results, failures = bedrock.parallel(tasks)
      for i = 1, 20 do
        if i % 5 == 0 then
          assert.is_nil(results[i])
          assert.equal(i % 2 == 0 and "ResponseError" or "400", failures[i].code)
        else
          is_page(results[i], 100)
        end
      end
    end
    assert.equal(8, inner)
    assert.is_true(#client._runtime.idle > 0)
  end)

  -- ---- sessions ----

  local function lend(session, status, body)
    local request = { method = "GET", url = server.url .. "/?nameContains=" .. name(status, body) }
    return session:perform(request, nil, 5000, 5000, nil, true)
  end

  it("makes its session of no other use", function()
    local session, multi = assert(curl.session()), assert(curl.multi())
    assert.has_error(function() session:release() end, "the HTTP session has lent nothing")
    local response = assert(lend(session, 200, '{"a":["b\\u0000"]}'))
    assert.same({ "headers", "status" }, (function()
      local names = {}
      for field in pairs(response) do names[#names + 1] = field end
      table.sort(names)
      return names
    end)())
    for _, use in ipairs {
      function() lend(session, 200, "{}") end, function() session:close() end, function() session:finish() end,
      function() multi:start(session, { method = "GET", url = server.url }) end,
    } do
      assert.has_error(use, "the HTTP session is in use")
    end
    assert.is_false(multi:cancel(session))
    for _ = 1, 2 do assert.same({ a = { "b\0" } }, core.json_decode_plain(session)) end
    assert.same("JSON is nested too deeply at byte 6", select(2, core.json_decode_plain(session, 1)))
    assert.equal('{"a":["b\\u0000"]}', session:release(true))
    assert.has_error(function() session:release() end, "the HTTP session has lent nothing")
    assert.has_error(function() core.json_decode_plain(session) end)
    assert(lend(session, 200, "[1]"))
    assert.is_nil(session:release())
    session:close()
    assert.has_error(function() core.json_decode_plain(session) end)
    multi:close()
  end)

  it("is released by no finalizer while it is handed over", function()
    local session, going = assert(curl.session()), true
    local function release()
      pcall(session.release, session)
      if going then doomed(release) end
    end
    -- What f gives while one finalizer after the other tries to release it.
    local function amid_finalizers(f)
      going = true
      collectgarbage "stop"
      doomed(release)
      hurry()
      local ok, result = pcall(f)
      going = false
      hurry_no_more()
      collectgarbage() -- the last one
      return ok and result
    end
    for _ = 1, 5 do
      local response = amid_finalizers(function() return lend(session, 200, "{}") end)
      assert.equal("application/json", response.headers["content-type"])
      assert.equal("2", response.headers["content-length"])
      pcall(session.release, session)
      assert(lend(session, 200, '{"a":"b"}'))
      assert.equal('{"a":"b"}', amid_finalizers(function() return session:release(true) end))
    end
    session:close()
  end)

  it("is none where there is nothing to decode", function()
    local session = assert(curl.session())
    for _, row in ipairs { { 200, "" }, { 204, "" }, { 300, "{}" }, { 404, "{}" }, { 500, "{}" } } do
      local response = assert(lend(session, row[1], row[2]))
      assert.equal(row[2], response.body)
      assert.equal(row[1], response.status)
      assert.equal("1.1", response.http_version)
    end
    session:close()
  end)

  it("may be left to the collector, and to the end of the Lua state", function()
    for _ = 1, 3 do assert(lend(assert(curl.session()), 200, "{}")) end
    collectgarbage()
    collectgarbage()
    local child = require "spec.support.child"
    local dir = child.temp_dir()
    local script = child.write(dir .. "/main.lua", ([[
      local core, curl = require "bedrock.core", require "bedrock.curl"
      local function use()
        print(pcall(core.json_decode_plain, SESSION) and true, (pcall(SESSION.release, SESSION)))
      end
      if newproxy then
        KEPT = newproxy(true)
        getmetatable(KEPT).__gc = use
      else
        KEPT = setmetatable({}, { __gc = use })
      end
      SESSION = assert(curl.session())
      assert(SESSION:perform({ method = "GET", url = %q }, nil, 5000, 5000, nil, true))
    ]]):format(server.url .. "/?nameContains=" .. name(200, "{}")))
    local pipe = assert(io.popen(("%s %s 2>&1; echo status $?; rm -rf %s"):format(child.quote(child.interpreter()),
      child.quote(script), child.quote(dir))))
    local output = pipe:read("*a")
    pipe:close()
    assert.equal("false\tfalse\nstatus 0\n", output) -- the session went first
  end)

  it("comes from a multi as well", function()
    local session, multi = assert(curl.session()), assert(curl.multi())
    for _, wanted in ipairs { true, false } do
      local request = { method = "GET", url = server.url .. "/?nameContains=" .. name(200, '{"a":1}') }
      assert(multi:start(session, request, nil, 5000, 5000))
      while not multi:wait(5)[1] do end
      local response = assert(session:finish(true))
      assert.is_nil(response.body)
      assert.has_error(function() multi:start(session, { method = "GET", url = server.url }) end, "the HTTP session is in use")
      assert.is_false(multi:cancel(session))
      assert.same({ a = 1 }, core.json_decode_plain(session))
      assert.equal(tostring(wanted and '{"a":1}' or nil), tostring((session:release(wanted))))
    end
    session:close()
    multi:close()
  end)
end)
