--- What the failing-allocator sweep (oom.c) calls: one case at least for every function of the C modules.
--
-- A case is { name, setup }: setup prepares, with all the memory it wants, and gives the function that the sweep runs. That function
-- returns something that can be compared (the same each time), or nil and a message. `uncovered` finds out which functions
-- no case has called, so a new one can't be forgotten.

local cases = {}

local function case(name, setup)
  cases[#cases + 1] = { name = name, setup = setup }
end

-- A case that calls one function of core, and compares what it gives.
local function calls(fname, ...)
  local args = { n = select("#", ...), ... }
  case("core." .. fname, function()
    local core = require "bedrock.core"
    local unpack = table.unpack or unpack
    return function() return core[fname](unpack(args, 1, args.n)) end
  end)
end

-- Random or unprintable results: their type is what is compared.
local function calls_for_type(fname, ...)
  local args = { n = select("#", ...), ... }
  case("core." .. fname, function()
    local core = require "bedrock.core"
    local unpack = table.unpack or unpack
    return function()
      local result, message = core[fname](unpack(args, 1, args.n))
      if result == nil then return nil, message end
      return type(result)
    end
  end)
end

-- ------------------------------------------------------------------------------------------------------------- openers

local MODULES = { "core", "curl", "system", "dataset" }

for _, name in ipairs(MODULES) do
  case("opening bedrock." .. name, function()
    local open = package.preload["bedrock." .. name]
    package.loaded["bedrock." .. name] = nil
    return function() return type(open("bedrock." .. name)) end
  end)
end

-- ------------------------------------------------------------------------------------- encodings, digests, random, times

local LONG = ("a b/\195\164~%"):rep(100)

calls("uri_encode", LONG)
calls("uri_encode", LONG, true)
calls("uri_decode", ("%20%C3%A4x"):rep(100))
calls("hex", LONG)
calls("unhex", ("00ff7a"):rep(200))
calls("base64_encode", LONG)
calls("base64_decode", ("AAECAw=="):rep(1))
calls("base64_decode", ("AAEC"):rep(300))
calls("sha256", LONG)
calls("hmac_sha256", ("key"):rep(40), LONG)
calls("sha1", LONG)
calls("md5", LONG)
calls("crc32", LONG, 17)
calls_for_type("uuid4")
calls_for_type("random")
calls_for_type("random_bytes", 100)
calls("time_parse", "2024-01-01T12:34:56.789+02:00")
calls("time_iso8601", 1704067200.5)
calls("time_http", 1704067200)
calls("time_amz", 1704067200)
calls("version")

-- ------------------------------------------------------------------------------------------------------------- signing

local CREDENTIALS = {
  access_key_id = "AKIDEXAMPLE",
  secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  session_token = ("token"):rep(30),
}

local function signing_request()
  return {
    method = "POST",
    url = "https://bedrock.us-east-1.amazonaws.com/a%2Fb/../c?z=1&a=%20&k",
    headers = { ["Content-Type"] = "application/json", ["X-Amz-Meta"] = { "  a   b ", "c" } },
    body = ("{}"):rep(50),
  }
end

local function signs(name, more)
  case("core.sigv4_sign, " .. name, function()
    local core = require "bedrock.core"
    local options = { credentials = CREDENTIALS, region = "us-east-1", service = "bedrock", time = 1704067200 }
    for k, v in pairs(more) do options[k] = v end
    local request = signing_request()
    return function()
      core.sigv4_forget()
      local signed, message = core.sigv4_sign(request, options)
      if not signed then return nil, message end
      return signed.signing.signature
    end
  end)
end

signs("headers", {})
signs("a body hash", { sign_body_header = true })
signs("presigned", { presign = true, expires = 300 })
signs("the token later", { omit_session_token = true })

case("core.sigv4_headers", function()
  local core = require "bedrock.core"
  local request = signing_request()
  local headers = { ["content-type"] = "application/json", ["x-amz-target"] = "a" }
  return function()
    core.sigv4_forget()
    return core.sigv4_headers("POST", request.url, headers, request.body, CREDENTIALS.access_key_id,
      CREDENTIALS.secret_access_key, CREDENTIALS.session_token, "us-east-1", "bedrock", 1704067200)
  end
end)

case("core.sigv4_headers, with its key cached", function()
  local core = require "bedrock.core"
  local request = signing_request()
  local function sign()
    return core.sigv4_headers("GET", request.url, {}, nil, CREDENTIALS.access_key_id,
      CREDENTIALS.secret_access_key, nil, "us-east-1", "bedrock", 1704067200)
  end
  sign()
  return sign
end)

case("core.open_lazily", function()
  local core = require "bedrock.core"
  return function() return core.open_lazily "/nowhere/curl.so" == false end
end)

-- ---------------------------------------------------------------------------------------------------------------- JSON

-- A resolved shape (see lua/bedrock/model.lua) with all that the codec knows.
local function shapes()
  local function scalar(kind, more)
    local shape = { name = kind, type = kind }
    for k, v in pairs(more or {}) do shape[k] = v end
    return shape
  end
  local function member(name, shape, more)
    local m = { name = name, wire = name, shape = shape }
    for k, v in pairs(more or {}) do m[k] = v end
    return m
  end
  local function structure(name, members, more)
    local shape = { name = name, type = "structure", members = {}, order = {} }
    for _, m in ipairs(members) do
      shape.members[m.name] = m
      shape.order[#shape.order + 1] = m.name
    end
    for k, v in pairs(more or {}) do shape[k] = v end
    return shape
  end
  local text = scalar("string")
  local list = { name = "List", type = "list", member = member("member", text) }
  local map = { name = "Map", type = "map", key = member("key", text), value = member("value", text) }
  local choice = structure("Choice", { member("a", text), member("b", scalar("integer")) }, { union = true })
  local all = structure("All", {
    member("text", text), member("int", scalar("integer")), member("long", scalar("long")),
    member("float", scalar("double")), member("flag", scalar("boolean")), member("when", scalar("timestamp")),
    member("iso", scalar("timestamp", { timestampFormat = "iso8601" })),
    member("http", scalar("timestamp"), { timestampFormat = "rfc822" }),
    member("bytes", scalar("blob")), member("list", list), member("map", map), member("choice", choice),
    member("document", scalar("document")),
  })
  all.members.again = member("again", all)
  all.order[#all.order + 1] = "again"
  return all
end

local function value(core)
  return {
    text = ("text \"\n\1 \195\164"):rep(40), int = 5, long = 2 ^ 40, float = 0.1, flag = true, when = 1704067200.5,
    iso = 1704067200, http = 1704067200, bytes = ("\0\255"):rep(50), list = { "a", "b", 0.00001 },
    map = { one = "1", two = "2", three = ("3"):rep(100) }, choice = { a = "x" },
    document = { list = setmetatable({}, core.json_array_mt), null = core.json_null, deep = { { 1, 2.5, "x", true } } },
    again = { text = "inner", list = {}, map = {} },
  }
end

local function compiled_and_text()
  local core = require "bedrock.core"
  local compiled = core.json_shape(shapes())
  return core, compiled, assert(core.json_encode(compiled, value(core)))
end

case("core.json_shape", function()
  local core = require "bedrock.core"
  local shape = shapes()
  return function() return type(core.json_shape(shape)) end
end)

case("core.json_encode", function()
  local core, compiled = compiled_and_text()
  local v = value(core)
  return function() return core.json_encode(compiled, v) end
end)

case("core.json_encode, with defaults", function()
  local core, compiled = compiled_and_text()
  local v, defaults = value(core), value(core)
  v.again, v.list = nil, nil
  return function() return core.json_encode(compiled, v, defaults) end
end)

case("core.json_shape whole, core.json_encode_params", function()
  local core = require "bedrock.core"
  local shape, v = shapes(), value(core)
  v.document = nil -- of which the strict walk is never sure
  return function()
    local compiled = core.json_shape(shape, true)
    return type(compiled) .. tostring(core.json_encode_params(compiled, v))
  end
end)

case("core.json_encode, a problem with its path", function()
  local core, compiled = compiled_and_text()
  local v = value(core)
  v.again.list = { "a", function() end }
  return function()
    local text, message, path = core.json_encode(compiled, v)
    if text then return text end
    -- The usual outcome here is a problem; it counts as a result, so it must stay the same.
    return true, message, path
  end
end)

case("core.json_decode", function()
  local core, compiled, text = compiled_and_text()
  return function()
    local result, message = core.json_decode(compiled, text)
    if not result then return nil, message end
    return core.json_encode(compiled, result)
  end
end)

case("core.json_decode, odd values", function()
  local core, compiled = compiled_and_text()
  local text = [==[{"text":5,"int":"x","when":"no date","bytes":"!","list":[null,{}],"choice":{"new":{"a":[1]}},]==]
    .. [==["unknown":[[[]]],"again":{"again":{"text":"\u00e4\ud83d\ude00"}}}]==]
  return function()
    local result, message = core.json_decode(compiled, text)
    if not result then return nil, message end
    return result.text, result.when, result.bytes, result.choice.SDK_UNKNOWN_MEMBER.name, result.again.again.text
  end
end)

case("core.json_decode, cut off", function()
  local core, compiled, text = compiled_and_text()
  text = text:sub(1, -5)
  return function()
    local result, message = core.json_decode(compiled, text)
    return not result, message
  end
end)

case("core.json_encode_plain", function()
  local core = require "bedrock.core"
  local v = value(core)
  return function()
    local text, message = core.json_encode_plain(v.document)
    if not text then return nil, message end
    return text
  end
end)

case("core.json_decode_plain", function()
  local core, _, text = compiled_and_text()
  return function()
    local result, message = core.json_decode_plain(text)
    if not result then return nil, message end
    return result.text, #result.list, result.again.text
  end
end)

-- ---------------------------------------------------------------------------------------------------------------- HTTP

local function http_request()
  return {
    method = "POST",
    url = ("http://127.0.0.1:%d/a%%2Fb?c=d"):format(oom_port),
    headers = { ["content-type"] = "application/json", ["x-list"] = { "a", "b" } },
    body = ("{}"):rep(100),
  }
end

local function answered(response, kind, message)
  if not response then return nil, tostring(kind) .. ": " .. tostring(message) end
  return response.status, response.headers["x-amzn-requestid"], response.body
end

case("curl.session", function()
  local curl = require "bedrock.curl"
  return function()
    local session, message = curl.session()
    if not session then return nil, message end
    session:close()
    return "closed"
  end
end)

case("session:perform", function()
  local curl = require "bedrock.curl"
  local session = assert(curl.session(nil, 1000))
  local request = http_request()
  return function() return answered(session:perform(request, "", 5000, 5000)) end
end)

case("session:perform, on a connection that is kept", function()
  local curl = require "bedrock.curl"
  local session = assert(curl.session())
  local request = http_request()
  assert(session:perform(request))
  return function() return answered(session:perform(request, nil, 5000, 5000, curl.now() + 5)) end
end)

case("session:perform, an answer that is too big", function()
  local curl = require "bedrock.curl"
  local session = assert(curl.session(nil, 3))
  local request = http_request()
  return function()
    local response, kind = session:perform(request, "", 5000, 5000)
    if kind ~= "body_too_big" then return nil, kind end -- libcurl may take lack of memory for another trouble
    return not response, kind
  end
end)

-- What the session lends is decoded, and asked for as a string; where memory runs out for that, it is lent still.
local function read_lent(session, response, kind, message)
  if not response then return nil, tostring(kind) .. ": " .. tostring(message) end
  local core = require "bedrock.core"
  local decoded, problem = core.json_decode_plain(session)
  if not decoded then return nil, problem end
  local ok, body = pcall(session.release, session, true)
  if not ok then
    session:release()
    error(body, 0)
  end
  return response.status, response.body == nil, decoded.ok, body
end

case("session:perform, a body that is lent", function()
  local curl = require "bedrock.curl"
  local session = assert(curl.session())
  local request = http_request()
  return function() return read_lent(session, session:perform(request, "", 5000, 5000, nil, true)) end
end)

case("session:perform, a body that is lent, and left to the collector", function()
  local curl = require "bedrock.curl"
  local request = http_request()
  return function()
    local session, message = curl.session()
    if not session then return nil, message end
    local response, kind
    response, kind, message = session:perform(request, "", 5000, 5000, nil, true)
    if not response then return nil, kind .. ": " .. message end
    return response.status, response.body == nil
  end
end)

-- A handshake, as far as it goes: the server answers in plain HTTP. The bundle is one certificate, since every one more is
-- some hundred allocations of OpenSSL.
case("session:perform, TLS", function()
  local curl = require "bedrock.curl"
  local session = assert(curl.session("spec/oom/ca.pem"))
  local request = http_request()
  request.url = request.url:gsub("^http:", "https:")
  return function()
    local response, kind, message = session:perform(request, "", 500, 500)
    if kind ~= "tls" then return nil, kind .. message end
    return not response, kind
  end
end)

case("session:close and tostring", function()
  local curl = require "bedrock.curl"
  local session = assert(curl.session())
  return function()
    local text = tostring(session):match("%a+%.%a+%.%a+")
    session:close()
    return text
  end
end)

case("curl.multi", function()
  local curl = require "bedrock.curl"
  return function()
    local multi, message = curl.multi()
    if not multi then return nil, message end
    multi:limit(2, 3)
    local text = tostring(multi):match("%a+%.%a+%.%a+ %(%a+%)")
    multi:close()
    return text
  end
end)

-- Starts a request, and waits until it is over.
local function driven(multi, session, request)
  local ok, kind, message = multi:start(session, request, "", 5000, 5000)
  if not ok then return nil, kind .. ": " .. message end
  local list
  repeat list = multi:wait(5) until list[1]
  assert(list[1] == session and not list[2], "another list")
  return answered(session:finish())
end

case("multi:start, wait, session:finish", function()
  local curl = require "bedrock.curl"
  local multi, session = assert(curl.multi()), assert(curl.session())
  local request = http_request()
  return function() return driven(multi, session, request) end
end)

case("multi:start, wait, session:finish, on a connection that is kept", function()
  local curl = require "bedrock.curl"
  local multi, session, other = assert(curl.multi()), assert(curl.session()), assert(curl.session())
  local request = http_request()
  assert(driven(multi, session, request))
  return function() return driven(multi, other, request) end
end)

case("multi:start, wait, a body that is lent", function()
  local curl = require "bedrock.curl"
  local multi, session = assert(curl.multi()), assert(curl.session())
  local request = http_request()
  return function()
    local ok, kind, message = multi:start(session, request, "", 5000, 5000)
    if not ok then return nil, kind .. ": " .. message end
    repeat until multi:wait(5)[1]
    return read_lent(session, session:finish(true))
  end
end)

case("multi:start, an answer that is too big", function()
  local curl = require "bedrock.curl"
  local multi, session = assert(curl.multi()), assert(curl.session(nil, 3))
  local request = http_request()
  return function()
    local response, message = driven(multi, session, request)
    if not message:find("^body_too_big") then return nil, message end
    return not response, message
  end
end)

case("multi:start, what is refused", function()
  local curl = require "bedrock.curl"
  local multi, session = assert(curl.multi()), assert(curl.session())
  return function()
    local ok, kind, message = multi:start(session, { method = "GET", url = "ftp://a/" })
    if kind ~= "bad_url" then return nil, kind .. message end
    return not ok, kind
  end
end)

case("multi:cancel, and what nobody ends", function()
  local curl = require "bedrock.curl"
  local multi, left = assert(curl.multi()), assert(curl.multi())
  local session, other = assert(curl.session()), assert(curl.session())
  local request = http_request()
  return function()
    local ok, kind, message = multi:start(session, request, "", 5000, 5000)
    if not ok then return nil, kind .. message end
    multi:wait(0)
    ok, kind, message = left:start(other, request, "", 5000, 5000)
    if not ok then return nil, kind .. message end
    left:wait(0)
    return multi:cancel(session), (multi:cancel(session))
  end
end)

-- What memory runs out for must not be lost: the same session is handed out by the next wait.
case("multi:wait, twice", function()
  local curl = require "bedrock.curl"
  local multi, session = assert(curl.multi()), assert(curl.session())
  assert(multi:start(session, http_request(), "", 5000, 5000))
  return function()
    local ok, list = pcall(multi.wait, multi, 5)
    local again = ok and list or multi:wait(5)
    while not again[1] do again = multi:wait(5) end
    assert(again[1] == session, "not the same")
    if not ok then error(list, 0) end
    return answered(session:finish())
  end
end)

case("curl.now, sleep and version", function()
  local curl = require "bedrock.curl"
  return function() return type(curl.now()), curl.sleep(0), type(curl.version()) end
end)

-- ---------------------------------------------------------------------------------------------------- operating system

-- The sweep looks for children and pipes that are left, too.
local function runs(name, command, limit)
  case("system.start, " .. name, function()
    local system = require "bedrock.system"
    return function()
      local process, message = system.start(command, limit)
      if not process then return nil, message end
      repeat until process:wait(10)
      local result = process:result()
      process:close()
      return #result.stdout, result.stderr, result.status, result.signal, result.timed_out, result.too_large
    end
  end)
end

runs("short output", "echo out; echo err >&2; exit 3", 60)
runs("output that makes the buffer grow", "head -c 50000 /dev/zero", 60)
runs("too much of it", "exec head -c 2000000 /dev/zero", 60)
runs("no time", "exec sleep 60", 0)

case("system.start, left to the collector", function()
  local system = require "bedrock.system"
  return function()
    local process, message = system.start("sleep 60", 60)
    if not process then return nil, message end
    return not process:wait(0), select(2, process:result()), tostring(process):match("%(.*%)")
  end
end)

case("system.start, what is refused", function()
  local system = require "bedrock.system"
  return function()
    local process, message = system.start("", 60)
    return not process, message
  end
end)

-- What memory runs out for must not be lost: the same result can be had again.
case("process:result, twice", function()
  local system = require "bedrock.system"
  local process = assert(system.start("echo out; exit 3", 60))
  repeat until process:wait(10)
  return function()
    local ok, result = pcall(process.result, process)
    local again = process:result()
    assert(again.stdout == "out\n" and again.status == 3, "not the same")
    if not ok then error(result, 0) end
    return result.stdout, result.status
  end
end)

for _, name in ipairs { "write_private", "write_file" } do
  case("system." .. name, function()
    local write = require("bedrock.system")[name]
    local path = os.tmpname()
    local text = ("text"):rep(100)
    local cleaner = setmetatable({}, { __gc = function() os.remove(path) end })
    return function()
      local ok, message = write(path, text)
      if not ok then return nil, message end
      local refused = select(2, write(path .. "/none", text)):match(": (.*)")
      local there = select(2, write(path, text, true)):match(": (.*)")
      return refused, there, cleaner ~= nil
    end
  end)
end

case("system.terminal_size", function()
  local system = require "bedrock.system"
  local file = assert(io.open "/dev/null")
  return function() return select("#", system.terminal_size(file)) end
end)

-- ------------------------------------------------------------------------------------------------------- training data

local DATA = '{"prompt":"a","completion":"b"}\n{"prompt":"a","completion":""}\noops\n{"prompt":"x\n'

-- What a result says, as text: the same each time.
local function counted(check)
  local result, message = check:finish()
  if not result then return nil, message end
  local parts = { result.bytes, result.records, result.shape, result.tokens.max }
  for _, problem in ipairs(result.problems) do
    parts[#parts + 1] = ("%s %s %d %d"):format(problem.rule, problem.severity, problem.count, #problem.examples)
  end
  return table.concat(parts, " ")
end

case("dataset.new, fed in pieces", function()
  local dataset = require "bedrock.dataset"
  return function()
    local check, message = dataset.new { shape = "prompt-completion", examples = 100, remember = 100, max_tokens = 9 }
    if not check then return nil, message end
    for _, piece in ipairs { DATA:sub(1, 5), DATA:sub(6), ("oops\n"):rep(50) } do
      local ok
      ok, message = check:feed(piece)
      if not ok then return nil, message end
    end
    local bytes, lines, records, errors = check:progress()
    local text
    text, message = counted(check)
    if not text then return nil, message end
    return text, bytes, lines, records, errors, (tostring(check):match "%((.-)%)")
  end
end)

case("dataset.new, over a file", function()
  local dataset = require "bedrock.dataset"
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(DATA)
  file:close()
  local cleaner = setmetatable({}, { __gc = function() os.remove(path) end })
  return function()
    local check, message = dataset.new { examples = 10 }
    if not check then return nil, message end
    local size
    size, message = check:open(path)
    if not size then return nil, message end
    local more
    repeat
      more, message = check:read()
      if more == nil then return nil, message end
    until not more
    local text
    text, message = counted(check)
    check:close()
    if not text then return nil, message end
    return text, size, cleaner ~= nil
  end
end)

-- What memory runs out for must not be lost: the same result can be had again.
case("check:finish, twice", function()
  local check = assert(require("bedrock.dataset").new { examples = 10 })
  assert(check:feed(DATA))
  assert(check:finish())
  return function()
    local ok, text, message = pcall(counted, check)
    local again = assert(counted(check))
    if not ok then error(text, 0) end
    if not text then return nil, message end
    assert(text == again, "not the same")
    return text
  end
end)

-- ------------------------------------------------------------------------------------------------------------ coverage

-- Runs every case with all functions of the modules, and all methods of their userdata, replaced by ones that take notes.
-- Gives the names that were never called, as one text. Twice, since a metatable may be made by the first object of its kind.
function cases.uncovered()
  local called, known = {}, {}
  local function watch(prefix, t)
    for name, f in pairs(t) do
      local full = prefix .. tostring(name)
      if type(f) == "function" and not known[full] then
        known[full] = true
        t[name] = function(...)
          called[full] = true
          return f(...)
        end
      end
    end
  end
  for _ = 1, 2 do
    for _, c in ipairs(cases) do
      for _, name in ipairs(MODULES) do
        -- The opening cases make a module anew; here they must all share the one that is watched.
        local module = require("bedrock." .. name)
        watch(name .. ".", module)
        package.preload["bedrock." .. name] = function() return module end
      end
      for name, mt in pairs(debug.getregistry()) do
        if type(name) == "string" and name:find("^bedrock%.") and type(mt) == "table" and type(mt.__index) == "table" then
          watch(name .. ":", mt.__index)
        end
      end
      c.setup()()
      collectgarbage() -- ends connections: the server has one at a time
    end
  end
  local missing = {}
  for name in pairs(known) do
    if not called[name] then missing[#missing + 1] = name end
  end
  table.sort(missing)
  return table.concat(missing, ", ")
end

return cases
