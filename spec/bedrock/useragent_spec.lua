local useragent = require "bedrock.useragent"
local cases = require("spec.support.vectors").cases

describe("bedrock.useragent.build", function()
  it("says library, system, machine and Lua", function()
    local text = useragent.build { version = "0.1.0", environment = {}, retry_mode = "standard" }
    assert.truthy(text:find("^lua%-bedrock/0%.1%.0 ua/2%.1 os/%l+"), text)
    assert.truthy(text:find(" lang/lua#" .. _VERSION:match("%d%.%d") .. " ", 1, true), text)
    assert.truthy(text:find(" m/E cfg/retry%-mode#standard$"), text)
  end)

  it("says the same at each call", function()
    local options = { version = "0.1.0", environment = {}, retry_mode = "adaptive" }
    assert.equal(useragent.build(options), useragent.build(options))
    assert.truthy(useragent.build(options):find(" m/F cfg/retry-mode#adaptive", 1, true))
  end)

  it("leaves out what it does not know", function()
    local text = useragent.build { version = "0.1.0" }
    for _, part in ipairs { "exec-env/", "app/", "m/", "cfg/" } do
      assert.is_nil(text:find(" " .. part, 1, true), text)
    end
    text = useragent.build { version = "0.1.0", app_id = "", environment = { AWS_EXECUTION_ENV = "" } }
    assert.is_nil(text:find("exec-env/", 1, true))
    assert.is_nil(text:find("app/", 1, true))
  end)

  it("writes a dash for each character that may not stand there", function()
    local text = useragent.build { version = "0.1.0", environment = { AWS_EXECUTION_ENV = "AWS Lambda/5.4\r\nX: y" },
      app_id = "my app#1 (\195\169) \0" }
    assert.truthy(text:find(" exec-env/AWS-Lambda-5.4--X--y app/my-app-1-----", 1, true), text)
    assert.is_nil(text:find("[%c\128-\255()]"))
  end)

  it("keeps an app id of any length", function()
    local long = ("x"):rep(80)
    assert.truthy(useragent.build({ version = "0", app_id = long }):find(" app/" .. long, 1, true))
  end)

  it("cuts the features at a comma", function()
    local features = {}
    for i = 1, 600 do features[i] = "AB" end
    local text = useragent.build({ version = "0", retry_mode = "standard", features = features }):match(" m/(%S+)")
    assert.is_true(#text <= 1024)
    assert.truthy(text:find("^E,AB,AB"))
    assert.truthy(text:find(",AB$"))
  end)
end)

describe("bedrock.useragent.trace_id", function()
  describe("vectors config/recursion-header:", function()
    for _, case in ipairs(cases("config/recursion-header.json")) do
      it(case.id, function()
        local headers = {}
        for _, header in ipairs(case.headersBefore) do headers[#headers + 1] = header end
        if #headers == 0 then
          local value = useragent.trace_id(case.env)
          headers[1] = value and "X-Amzn-Trace-Id: " .. value
        end
        assert.same(case.headersAfter, headers)
      end)
    end
  end)

  it("is absent outside Lambda", function()
    assert.is_nil(useragent.trace_id {})
    assert.is_nil(useragent.trace_id { _X_AMZN_TRACE_ID = "x" })
    assert.is_nil(useragent.trace_id { AWS_LAMBDA_FUNCTION_NAME = "f" })
    assert.is_nil(useragent.trace_id { AWS_LAMBDA_FUNCTION_NAME = "f", _X_AMZN_TRACE_ID = "" })
  end)
end)
