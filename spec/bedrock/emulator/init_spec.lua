local caller = require "spec.bedrock.emulator.caller"
local core = require "bedrock.core"
local emulator = require "bedrock.emulator"

describe("bedrock.emulator.new", function()
  it("raises for options that it does not know, at the caller's line, and names the nearest", function()
    local ok, message = pcall(function() emulator.new { speeed = 2 } end)
    assert.is_false(ok)
    assert.truthy(message:find("init_spec.lua", 1, true))
    assert.truthy(message:find("did you mean 'speed'?", 1, true))
  end)

  it("raises for options that are no table, at the caller's line", function()
    for _, options in ipairs { 5, "x", true } do
      local ok, message = pcall(function() emulator.new(options) end)
      assert.is_false(ok)
      assert.truthy(message:find("init_spec.lua:%d+: emulator.new takes a table of options, not a " .. type(options)), message)
    end
  end)

  local wrong = {
    { speed = 0 }, { speed = -1 }, { speed = "fast" }, { speed = 0 / 0 }, { job_duration = 0 }, { account_id = "12" },
    { credentials = { access_key_id = "A" } }, { credentials = { { secret_access_key = "s" } } }, { credentials = { "s" } }, { regions = "us-east-1" },
    { clock = 5 }, { hyperparameters = "none" },
  }
  for i, options in ipairs(wrong) do
    it(("raises for an unfit value (%d)"):format(i), function()
      assert.has_error(function() emulator.new(options) end)
    end)
  end

  it("takes credentials in three forms", function()
    for _, credentials in ipairs {
      { access_key_id = "A", secret_access_key = "s" }, { { access_key_id = "A", secret_access_key = "s" } },
      { A = "s" }, { A = { secret_access_key = "s" } },
    } do
      local e = caller.new { credentials = credentials }
      assert.same({ access_key_id = "A", secret_access_key = "s" }, e.example_credentials)
      assert.equal(200, select(2, caller.send(e, "GET", "/custom-models")).status)
    end
  end)

  it("knows the pairs of AWS's vectors and documentation", function()
    for id, secret in pairs {
      AKIDEXAMPLE = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", AKIAIOSFODNN7EXAMPLE = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    } do
      local _, response = caller.send(caller.new {}, "GET", "/custom-models", nil,
        { credentials = { access_key_id = id, secret_access_key = secret } })
      assert.equal(200, response.status)
    end
    assert.equal("AKIDEXAMPLE", caller.new({}).example_credentials.access_key_id)
  end)

  it("keeps two emulators apart", function()
    local a, b = caller.new {}, caller.new {}
    caller.create(a, "one")
    a:fault { kind = "throttle" }
    assert.equal("ResourceNotFoundException", (caller.refused(b, "GET", "/model-customization-jobs/one")))
  end)

  it("gives the same ARNs for the same seed and calls, others for another", function()
    local function arn(seed) return caller.create(caller.new { seed = seed }, "one") end
    assert.equal(arn "a", arn "a")
    assert.not_equal(arn "a", arn "b")
  end)

  it("follows the machine's clock by itself", function()
    local e = emulator.new()
    assert.is_true(math.abs(e:now() - os.time()) < 2)
    e:advance(100)
    assert.is_true(math.abs(e:now() - os.time() - 100) < 2)
    for _, seconds in ipairs { -1, 0 / 0, math.huge, "1", 1e11 } do
      assert.has_error(function() e:advance(seconds) end)
    end
  end)

  it("serves under a base path", function()
    local e = caller.new { base_path = "/aws/bedrock/" }
    assert.equal(200, select(2, caller.send(e, "GET", "/aws/bedrock/custom-models")).status)
    assert.equal(404, select(2, caller.send(e, "GET", "/custom-models")).status)
  end)
end)

describe("the emulator's front door", function()
  local e
  before_each(function() e = caller.new {} end)

  it("answers 404 to unknown paths and 405 to wrong methods", function()
    for _, path in ipairs { "/", "/nothing", "/custom-models/a/b", "/model-customization-jobs/a/start", "/custom%2Dmodel" } do
      local code, _, status = caller.refused(e, "GET", path)
      assert.equal("UnknownOperationException", code)
      assert.equal(404, status)
    end
    local _, response = caller.send(e, "PATCH", "/custom-models/x")
    assert.equal(405, response.status)
    assert.equal("DELETE, GET", response.headers.allow)
  end)

  it("takes a slash at the end for the path without it", function()
    assert.equal(200, select(2, caller.send(e, "GET", "/custom-models/")).status)
  end)

  it("keeps escaped slashes in labels together", function()
    local _, message = caller.refused(e, "GET", "/model-customization-jobs/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A"
      .. "model-customization-job%2Famazon.titan-text-lite-v1%3A0%3A4k%2Fabcdefghijkl")
    assert.truthy(message:find("model-customization-job/amazon.titan-text-lite-v1:0:4k/abcdefghijkl", 1, true))
  end)

  it("shows the code in a header, a request id and the date with every error", function()
    local _, response = caller.send(e, "GET", "/custom-models/x")
    assert.equal("ResourceNotFoundException", response.headers["x-amzn-errortype"])
    assert.equal("application/json", response.headers["content-type"])
    assert.equal(tostring(#response.body), response.headers["content-length"])
    assert.is_string(response.headers["x-amzn-requestid"])
    assert.is_string(response.headers.date)
  end)

  it("leaves unknown members alone", function()
    local params = caller.job "one"
    params.fromTheFuture = { 1, 2 }
    assert.equal(201, select(2, caller.send(e, "POST", "/model-customization-jobs", params)).status)
    assert.equal(200, select(2, caller.send(e, "GET", "/custom-models?fromTheFuture=1")).status)
  end)

  local serialization = {
    { "broken JSON", "{", "JSON" }, { "a list", "[]" }, { "a string", '"x"' }, { "two values", "{} {}" },
    { "a number for a string", '{"jobName":5}', "NUMBER_VALUE can not be converted to a String" },
    { "a list for a structure", '{"trainingDataConfig":[]}', "list" },
    { "a string for a structure", '{"trainingDataConfig":"s3://x"}' },
    { "a structure for a list", '{"jobTags":{}}', "Expected list" },
    { "a list for a map", '{"hyperParameters":[]}', "Expected map" },
    { "a number in a map of strings", '{"hyperParameters":{"epochCount":2}}', "can not be converted to a String" },
    { "a union with no member", '{"customizationConfig":{}}', "Exactly one member" },
    { "a union with two members", '{"customizationConfig":{"distillationConfig":{"teacherModelConfig":{"teacherModelIdentifier":"a.b"}},'
      .. '"rftConfig":{}}}', "Exactly one member" },
    { "a string for a boolean", '{"customizationConfig":{"rftConfig":{"hyperParameters":{"epochCount":"2"}}}}',
      "STRING_VALUE can not be converted to an Integer" },
    { "deep nesting", ("["):rep(5000) },
  }
  for _, row in ipairs(serialization) do
    it("answers SerializationException to " .. row[1], function()
      local code, message, status = caller.refused(e, "POST", "/model-customization-jobs", row[2])
      assert.equal("SerializationException", code)
      assert.equal(400, status)
      if row[3] then assert.truthy(message:find(row[3], 1, true), message) end
    end)
  end

  it("takes an empty body and nulls for absent members, and lists all that is missing", function()
    for _, body in ipairs { "", "{}", '{"jobName":null,"jobTags":null}' } do
      local code, message = caller.refused(e, "POST", "/model-customization-jobs", body)
      assert.equal("ValidationException", code)
      assert.truthy(message:find("^6 validation errors detected: Value null at 'jobName' failed to satisfy constraint: "
        .. "Member must not be null; Value null at 'customModelName'"), message)
    end
    local _, message = caller.refused(e, "POST", "/tagResource", '{"resourceARN":"' .. ("a"):rep(20) .. '","tags":[null]}')
    assert.equal("1 validation error detected: Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null",
      message)
  end)

  it("quotes AWS's words for patterns", function()
    local _, message = caller.refused(e, "POST", "/model-customization-jobs", caller.job "bad name!")
    assert.equal("2 validation errors detected: Value 'bad name!' at 'jobName' failed to satisfy constraint: Member must satisfy "
      .. "regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9\\+\\-\\.])*; Value 'bad name!-model' at 'customModelName' failed to "
      .. "satisfy constraint: Member must satisfy regular expression pattern: ([0-9a-zA-Z][_-]?){1,63}", message)
  end)

  it("counts characters, not bytes", function()
    local _, message = caller.refused(e, "POST", "/model-customization-jobs", caller.job(("\195\169"):rep(40), { customModelName = "m" }))
    assert.truthy(message:find("^1 validation error detected"))
    assert.truthy(message:find("regular expression", 1, true))
  end)

  it("cuts what it quotes", function()
    local _, message = caller.refused(e, "POST", "/model-customization-jobs", caller.job(("x"):rep(100000), { customModelName = "m" }))
    assert.is_true(#message < 2000)
  end)

  it("wants JSON by its type", function()
    local request = caller.sign(e, { method = "POST", url = "http://h/tagResource", headers = { ["Content-Type"] = "text/xml" },
      body = "<x/>" })
    local response = e:handle(request)
    assert.equal(415, response.status)
    assert.equal("UnsupportedMediaTypeException", response.headers["x-amzn-errortype"])
  end)

  it("answers something to anything", function()
    local odd = {
      {}, { method = "GET" }, { url = "::" }, { method = "GET", url = "http://[::1]:x/%zz?%zz=%" },
      { method = "", url = "", headers = { [""] = "" }, body = "\0" },
      { method = "GET", url = "/custom-models", headers = { authorization = "AWS4-HMAC-SHA256 " .. ("Credential=,"):rep(1000) } },
      { method = "GET", url = "/custom-models", headers = { authorization = { "a", "b" }, ["X-Amz-Date"] = "9" } },
      { method = "GET", url = "/custom-models?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=1e9&X-Amz-Credential=a&"
        .. "X-Amz-SignedHeaders=host&X-Amz-Signature=0&X-Amz-Date=x" },
    }
    for i, request in ipairs(odd) do
      local response = e:handle(request)
      assert.is_true(response.status >= 400 and response.status < 500, tostring(i) .. " " .. tostring(e.failure))
      assert.is_string(core.json_decode_plain(response.body).message)
      assert.is_nil(e.failure)
    end
    assert.equal(500, e:handle(nil).status)
    assert.is_string(e.failure)
  end)

  it("remembers requests without signatures", function()
    local heard = {}
    e = caller.new { on_request = function(record) heard[#heard + 1] = record end }
    caller.send(e, "GET", "/custom-models?maxResults=2")
    caller.send(e, "GET", "/custom-models/x")
    local log = e:requests()
    assert.equal(2, #log)
    assert.equal(2, #heard)
    assert.equal("ListCustomModels", log[1].operation)
    assert.equal("maxResults=2", log[1].query)
    assert.equal(200, log[1].status)
    assert.equal("ResourceNotFoundException", log[2].code)
    assert.is_nil(log[1].headers.authorization)
    assert.is_string(log[1].headers["x-amz-date"])
    for _ = 1, 600 do caller.send(e, "GET", "/custom-models") end
    assert.equal(500, #e:requests())
  end)

  it("survives noise in every part of a request", function()
    math.randomseed(7)
    local function noise(length)
      local bytes = {}
      for i = 1, length do bytes[i] = string.char(math.random(0, 255)) end
      return table.concat(bytes)
    end
    local open = caller.new { verify_signatures = false }
    for i = 1, 400 do
      local response = open:handle {
        method = ({ "GET", "POST", "PUT", "DELETE" })[i % 4 + 1],
        url = "http://h/" .. ({ "custom-models/", "custom-models?", "model-customization-jobs", "tagResource", "" })[i % 5 + 1]
          .. noise(i % 60),
        headers = { authorization = noise(20) }, body = i % 3 == 0 and noise(50) or '{"jobName":"' .. noise(20) .. '"}',
      }
      assert.is_nil(open.failure)
      assert.is_true(response.status < 500)
    end
  end)
end)
