--- examples/openresty/resty_http_runtime.lua over a stand-in of lua-resty-http, which Debian does not have.

local bedrock = require "bedrock"
local emulators = require "bedrock.emulator"

local PATH = "examples/openresty/resty_http_runtime.lua"

describe("the runtime over lua-resty-http", function()
  local before, now, slept, asked, answer, emulator, client

  -- What request_uri of the real one takes and gives.
  local Http = {}
  Http.__index = Http
  function Http:set_timeouts(connect, send, read)
    self.timeouts = { connect, send, read }
  end
  function Http:request_uri(url, params)
    asked[#asked + 1] = { url = url, params = params, timeouts = self.timeouts }
    return answer(url, params)
  end

  local function handled(url, params)
    local response = emulator:handle { method = params.method, url = url, headers = params.headers, body = params.body }
    local headers = {}
    for name, value in pairs(response.headers) do headers[name:gsub("^%l", string.upper)] = value end
    return { status = response.status, headers = headers, body = response.body, has_body = true }
  end

  before_each(function()
    before = rawget(_G, "ngx")
    now, slept, asked, answer = 1800000000, 0, {}, handled
    rawset(_G, "ngx", { now = function() return now end, sleep = function(seconds) slept = slept + seconds now = now + seconds end })
    package.loaded["resty.http"] = { new = function() return setmetatable({}, Http) end }
    emulator = emulators.new { clock = function() return now end }
    client = assert(bedrock.new {
      region = "us-east-1", environment = {}, credentials = emulator.example_credentials, runtime = assert(loadfile(PATH))(),
      connect_timeout = 3, read_timeout = 7,
    })
  end)

  after_each(function()
    rawset(_G, "ngx", before)
    package.loaded["resty.http"] = nil
  end)

  it("makes signed calls", function()
    local models = assert(client:list_foundation_models { byCustomizationType = "FINE_TUNING" })
    assert.is_true(#models.modelSummaries > 0)
    assert.equal("GET", asked[1].params.method)
    assert.is_true(asked[1].params.ssl_verify)
    assert.same({ 3000, 7000, 7000 }, asked[1].timeouts)
  end)

  it("hands errors of the service on", function()
    local _, err = client:get_custom_model { modelIdentifier = "nope" }
    assert.equal("ResourceNotFoundException", err.code)
    assert.is_string(err.request_id)
  end)

  it("joins repeated headers", function()
    answer = function(url, params)
      local response = handled(url, params)
      response.headers["X-Twice"] = { "a", "b" }
      return response
    end
    local _, metadata = assert(client:list_foundation_models())
    assert.equal("a, b", metadata.headers["x-twice"])
  end)

  it("has failures tried again, after a pause", function()
    answer = function(url, params)
      if #asked == 1 then return nil, "connection refused" end
      return handled(url, params)
    end
    assert(client:list_foundation_models())
    assert.equal(2, #asked)
    assert.is_true(slept > 0)
  end)

  it("tells of what went wrong", function()
    answer = function() return nil, "timeout" end
    local _, err = client:list_foundation_models()
    assert.equal("TimeoutError", err.code)
    assert.equal(3, err.attempts)
    answer = function() return nil, "connection refused" end
    _, err = client:list_foundation_models()
    assert.equal("ConnectionError", err.code)
    assert.has_match("connection refused", err.message)
    asked = {}
    answer = function() return nil, "18: self signed certificate" end
    _, err = client:list_foundation_models()
    assert.equal("TLSError", err.code)
    assert.equal(1, #asked)
  end)

  it("keeps to what is left of a call", function()
    assert(client:list_foundation_models({}, { timeout = 2 }))
    assert.same({ 2000, 2000, 2000 }, asked[1].timeouts)
    answer = function()
      now = now + 5
      return nil, "timeout"
    end
    local _, err = client:list_foundation_models({}, { timeout = 2 })
    assert.equal("TimeoutError", err.code)
    assert.equal(2, #asked)
  end)
end)
