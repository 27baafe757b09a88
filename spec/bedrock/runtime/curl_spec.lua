-- The runtime over libcurl: what all runtimes do, and what only this one has to see to.

local curl_runtime = require "bedrock.runtime.curl"
local child = require "spec.support.child"

local function get(url)
  return { method = "GET", url = url, headers = {} }
end

describe("bedrock.runtime.curl", function()
  require "spec.support.runtime_cases" ({ name = "curl", new = curl_runtime.new },
    { describe = describe, it = it, setup = setup, teardown = teardown, after_each = after_each })

  -- libcurl by itself waits for the name server to answer before it reports a timeout.
  it("reports a name server that does not answer, within the connect timeout and the deadline", function()
    local dir = child.temp_dir()
    child.write(dir .. "/slow.c", "#include <unistd.h>\nint getaddrinfo(void); int getaddrinfo(void) { sleep(20); return -3; }\n")
    local made = os.execute("cd " .. child.quote(dir) .. " && cc -shared -fPIC -o slow.so slow.c 2>/dev/null")
    if made ~= true and made ~= 0 then return pending "no C compiler that builds shared libraries" end
    child.write(dir .. "/main.lua", [[
      local runtime = require("bedrock.runtime.curl").new { proxy = false, connect_timeout = 0.3 }
      local started = runtime:now()
      local _, err = runtime:send { method = "GET", url = "http://slow.example/" }
      io.write(err.code, " ", err.kind, " ", runtime:now() - started < 5 and "soon" or "late", "\n")
      _, err = runtime:send({ method = "GET", url = "http://slow.example/", connect_timeout = 60 }, runtime:now() + 0.2)
      runtime:close()
      io.write(err.code, " ", err.kind, " ", runtime:now() - started < 10 and "soon" or "late", "\n")
    ]])
    local pipe = assert(io.popen(string.format("ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 LD_PRELOAD=%s %s %s 2>&1",
      child.quote(dir .. "/slow.so"), child.quote(child.interpreter()), child.quote(dir .. "/main.lua"))))
    local output = pipe:read("*a")
    pipe:close()
    os.execute("rm -rf " .. child.quote(dir))
    assert.are.equal("TimeoutError timeout_connect soon\nTimeoutError timeout_whole soon\n", output)
  end)

  it("does not show the password of a proxy whose scheme libcurl lacks", function()
    local session = require("bedrock.curl").session()
    local response, _, message = session:perform(get("http://bedrock.invalid/"), "gopher://user:hidden@127.0.0.1:1")
    session:close()
    assert.is_nil(response)
    assert.is_nil(string.find(message, "hidden", 1, true))
  end)
end)

describe("bedrock.curl", function()
  local curl = require "bedrock.curl"

  it("has sessions that say whether they are open", function()
    local session = curl.session()
    assert.truthy(string.find(tostring(session), "^bedrock%.curl%.session %(open%)"))
    session:close()
    session:close()
    assert.truthy(string.find(tostring(session), "^bedrock%.curl%.session %(closed%)"))
    local ok, message = pcall(session.perform, session, {})
    assert.is_false(ok)
    assert.truthy(string.find(message, "closed", 1, true))
  end)

  it("refuses arguments of other types", function()
    local session = curl.session()
    assert.is_false(pcall(session.perform, session))
    assert.is_false(pcall(session.perform, session, "x"))
    assert.is_false(pcall(session.perform, session, {}, {}))
    assert.is_false(pcall(session.perform, session, {}, "", {}))
    assert.is_false(pcall(session.perform, {}, {}))
    assert.is_false(pcall(session.close, io.stdout))
    assert.is_false(pcall(curl.session, {}))
    assert.is_false(pcall(curl.session, "a\0b"))
    assert.is_false(pcall(curl.session, nil, -1))
    assert.is_false(pcall(curl.sleep))
    session:close()
  end)

  it("lets a request's metamethods do what they like", function()
    local session = curl.session()
    local request = setmetatable({}, { __index = function() error("no field") end })
    local ok, message = pcall(session.perform, session, request)
    assert.is_false(ok)
    assert.truthy(string.find(message, "no field", 1, true))
    request = setmetatable({}, { __index = function() session:close() end })
    ok, message = pcall(session.perform, session, request)
    assert.is_false(ok)
    assert.truthy(string.find(message, "closed", 1, true))
  end)

  it("leaves sessions to the collector", function()
    for _ = 1, 50 do
      curl.session()
    end
    collectgarbage()
    collectgarbage()
  end)
end)
