local bedrock = require "bedrock"
local errors = require "bedrock.errors"
local fake = require "spec.support.fake_runtime"

local answer, failure = fake.answer, fake.failure
local SECRET = "SECRETSECRETwJalrXUtnFEMI/K7MDENG"
local TOKEN = "TOKENTOKENIQoJb3JpZ2luX2Vj"

local function new_client(script, options)
  local runtime = type(script) == "table" and script.send and script or fake.new(script)
  local all = {
    region = "us-east-1", runtime = runtime, environment = {}, read_file = function() return nil end,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = SECRET, session_token = TOKEN },
  }
  for k, v in pairs(options or {}) do all[k] = v end
  return assert(bedrock.new(all)), runtime
end

local function job_params(changes)
  local params = {
    jobName = "job", customModelName = "model", roleArn = "arn:aws:iam::123456789012:role/r",
    baseModelIdentifier = "amazon.titan-text-express-v1",
    trainingDataConfig = { s3Uri = "s3://b/t" }, outputDataConfig = { s3Uri = "s3://b/o" },
  }
  for k, v in pairs(changes or {}) do params[k] = v end
  return params
end

describe("bedrock.client", function()
  it("turns a call into a signed request and the answer into a table", function()
    local client, runtime = new_client { answer(200, '{"jobName":"j","creationTime":"2023-10-02T15:04:05Z"}') }
    local job, meta = client:get_model_customization_job { jobIdentifier = "a/b" }
    assert.are.equal("j", job.jobName)
    assert.are.equal(1696259045, job.creationTime)
    assert.are.equal("req-200", meta.request_id)
    assert.are.equal(200, meta.status)
    assert.are.equal(1, meta.attempts)
    assert.are.equal("application/json", meta.headers["content-type"])
    local request = runtime.requests[1]
    assert.are.equal("GET", request.method)
    assert.are.equal("https://bedrock.us-east-1.amazonaws.com/model-customization-jobs/a%2Fb", request.url)
    assert.truthy(request.headers.Authorization:find("^AWS4%-HMAC%-SHA256 Credential=AKIDEXAMPLE/20231114/us%-east%-1/bedrock"))
    assert.are.equal(TOKEN, request.headers["X-Amz-Security-Token"])
    assert.are.equal("attempt=1; max=3", request.headers["amz-sdk-request"])
    assert.truthy(request.headers["User-Agent"]:find("^lua%-bedrock/"))
  end)

  it("says in User-Agent how credentials were found and what the call is part of", function()
    local function features(requests) return requests[#requests].headers["User-Agent"]:match(" m/(%S+)") end
    local ok = function() return answer(200, '{"status":"Completed"}') end
    local client, runtime = new_client(ok)
    client:get_custom_model { modelIdentifier = "m" }
    assert.equal("E,e", features(runtime.requests))
    client:wait("model_customization_job", { jobIdentifier = "j" })
    assert.equal("E,e,B", features(runtime.requests))
    client:pages("list_custom_models")()
    assert.equal("E,e,C", features(runtime.requests))
    local keys = { AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = SECRET }
    local rows = {
      { "E,g", { environment = keys } },
      { "F,N,g", { environment = keys, endpoint_url = "https://h", retry_mode = "adaptive" } },
      { "E,3", { environment = { AWS_BEARER_TOKEN_BEDROCK = TOKEN } } },
      { "E", { bearer_token = TOKEN } },
      { "E", { credentials = function() return { access_key_id = "AKID", secret_access_key = SECRET } end } },
    }
    for _, row in ipairs(rows) do
      runtime = fake.new(ok)
      local options = { region = "us-east-1", runtime = runtime, environment = {}, read_file = function() end }
      for name, value in pairs(row[2]) do options[name] = value end
      assert(assert(bedrock.new(options)):get_custom_model { modelIdentifier = "m" })
      assert.equal(row[1], features(runtime.requests))
    end
  end)

  it("sends Lambda's trace of the moment, and none elsewhere", function()
    local environment = { AWS_LAMBDA_FUNCTION_NAME = "f" }
    local client, runtime = new_client(function() return answer(200) end, { environment = environment })
    local function trace()
      client:get_custom_model { modelIdentifier = "m" }
      return runtime.requests[#runtime.requests].headers["X-Amzn-Trace-Id"]
    end
    assert.is_nil(trace())
    environment._X_AMZN_TRACE_ID = "Root=1-5759e988\n"
    assert.equal("Root=1-5759e988%0A", trace())
    assert.is_nil(runtime.requests[2].headers.Authorization:find("trace", 1, true))
    environment._X_AMZN_TRACE_ID = "Root=2"
    assert.equal("Root=2", trace())
    client, runtime = new_client(function() return answer(200) end, { environment = { _X_AMZN_TRACE_ID = "Root=1" } })
    assert.is_nil(trace())
  end)

  it("hides what it signed with where the service repeats it", function()
    local message = "The signature does not match. The Canonical String should have been 'x-amz-security-token:" .. TOKEN .. "'"
    local client = new_client { failure(403, "InvalidSignatureException", message, { ["x-echo"] = SECRET .. TOKEN .. SECRET }) }
    local _, err = client:get_custom_model { modelIdentifier = "m" }
    assert.equal("The signature does not match. The Canonical String should have been 'x-amz-security-token:****'", err.message)
    assert.equal("************", err.headers["x-echo"])
    client = new_client({ failure(403, "AccessDeniedException", "no: Bearer " .. TOKEN) }, { bearer_token = TOKEN })
    _, err = client:get_custom_model { modelIdentifier = "m" }
    assert.equal("no: Bearer ****", err.message)
  end)

  it("warns of an app id that is too long, and sends it", function()
    local events, long = {}, ("x"):rep(51)
    local client, runtime = new_client(function() return answer(200) end,
      { app_id = long, on_event = function(event) events[#events + 1] = event end })
    assert.same({ { type = "warning",
      message = "the app_id (option app_id) has more than 50 characters; it is sent all the same" } }, events)
    client:get_custom_model { modelIdentifier = "m" }
    assert.truthy(runtime.requests[1].headers["User-Agent"]:find(" app/" .. long, 1, true))
  end)

  it("lists its operations and has a method for each", function()
    local client = new_client {}
    assert.are.equal(15, #client.operation_names)
    for _, name in ipairs(client.operation_names) do assert.are.equal("function", type(client[name])) end
  end)

  it("leaves the caller's tables as they were", function()
    local client = new_client { answer(201, '{"jobArn":"arn:x"}') }
    local params = job_params { hyperParameters = { epochCount = 2 } }
    assert(client:create_model_customization_job(params))
    assert.are.same(job_params { hyperParameters = { epochCount = 2 } }, params)
  end)

  it("sends the same idempotency token and invocation id on each attempt, with a fresh signature", function()
    local bodies = {}
    local client, runtime = new_client(function(request, _, self)
      bodies[#bodies + 1] = request.body
      if #self.requests < 3 then return failure(500, "InternalServerException") end
      return answer(201, '{"jobArn":"arn:x"}')
    end)
    runtime.sleep = function(self, seconds)
      self.sleeps[#self.sleeps + 1] = seconds
      self.clock = self.clock + 1
    end
    local _, meta = assert(client:create_model_customization_job(job_params()))
    assert.are.equal(3, meta.attempts)
    assert.are.equal(bodies[1], bodies[2])
    assert.are.equal(bodies[1], bodies[3])
    assert.truthy(bodies[1]:find('"clientRequestToken":"%x+%-%x+%-4%x+%-[89ab]%x+%-%x+"'))
    local first, third = runtime.requests[1].headers, runtime.requests[3].headers
    assert.are.equal(first["amz-sdk-invocation-id"], third["amz-sdk-invocation-id"])
    assert.are_not.equal(first.Authorization, third.Authorization)
    assert.are.equal("attempt=3; max=3", third["amz-sdk-request"])
  end)

  describe("errors", function()
    it("come back as a table that prints well", function()
      local client = new_client { failure(404, "ResourceNotFoundException", "no such job") }
      local job, err = client:get_model_customization_job { jobIdentifier = "j" }
      assert.is_nil(job)
      assert.is_true(errors.is(err))
      assert.are.equal("ResourceNotFoundException", err.code)
      assert.are.equal("no such job", err.message)
      assert.are.equal(404, err.status)
      assert.are.equal("req-404", err.request_id)
      assert.are.equal("GetModelCustomizationJob", err.operation)
      assert.are.equal(1, err.attempts)
      assert.is_false(err.retryable)
      assert.are.equal("ResourceNotFoundException: no such job (GetModelCustomizationJob, HTTP 404, request id req-404)",
        tostring(err))
    end)

    it("of parameters name each path, and nothing is sent", function()
      local client, runtime = new_client {}
      local _, err = client:create_model_customization_job(job_params {
        jobNam = "x", trainingDataConfig = { s3Uri = {} }, jobName = false })
      assert.are.equal("ParamValidationError", err.code)
      assert.truthy(err.message:find('jobNam', 1, true))
      assert.truthy(err.message:find('did you mean "jobName"', 1, true))
      assert.truthy(err.message:find("trainingDataConfig.s3Uri", 1, true))
      assert.are.equal(0, #runtime.requests)
      assert.are.equal(0, err.attempts)
      assert.are.equal("CreateModelCustomizationJob", err.operation)
    end)

    it("of credentials come before anything is sent", function()
      local client, runtime = new_client({}, { credentials = function() return nil, "the vault is sealed" end })
      local _, err = client:list_foundation_models()
      assert.are.equal("CredentialsError", err.code)
      assert.truthy(err.message:find("the vault is sealed", 1, true))
      assert.are.equal(0, err.attempts)
      assert.are.equal(0, #runtime.requests)
    end)

    it("of the network are retried and say how often", function()
      local refused = function()
        return nil, errors.new { code = "ConnectionError", message = "refused", retryable = true }
      end
      local client, runtime = new_client(refused)
      local _, err = client:list_foundation_models()
      assert.are.equal("ConnectionError", err.code)
      assert.are.equal(3, err.attempts)
      assert.is_true(err.retryable)
      assert.are.equal(2, #runtime.sleeps)
    end)

    it("that a runtime gives as text are made into a table", function()
      local client = new_client(function() return nil, "cable cut" end, { max_attempts = 1 })
      local _, err = client:list_foundation_models()
      assert.are.equal("ConnectionError", err.code)
      assert.are.equal("cable cut", err.message)
    end)

    it("of an answer that can't be read name the place", function()
      local client = new_client({ answer(200, '{"modelSummaries":[') }, { max_attempts = 1 })
      local _, err = client:list_foundation_models()
      assert.are.equal("ResponseError", err.code)
      assert.are.equal("req-200", err.request_id)
      assert.truthy(err.message:find("byte", 1, true))
    end)
  end)

  describe("limits", function()
    it("a call's timeout is a deadline for all attempts", function()
      local client, runtime = new_client({ answer(200) }, { timeout = 5 })
      assert(client:list_foundation_models())
      assert.are.equal(runtime.clock + 5, runtime.deadline)
      runtime.script = { nil, answer(200) }
      assert(client:list_foundation_models({}, { timeout = 2 }))
      assert.are.equal(runtime.clock + 2, runtime.deadline)
    end)

    it("a pause that goes beyond the timeout ends the call with a TimeoutError that names the cause", function()
      local client, runtime = new_client({ failure(429, "ThrottlingException", "slow down", { ["x-amz-retry-after"] = "4000" }) },
        { timeout = 3 })
      local _, err = client:list_foundation_models()
      assert.are.equal("TimeoutError", err.code)
      assert.truthy(err.message:find("ThrottlingException", 1, true))
      assert.are.equal("ThrottlingException", err.last.code)
      assert.are.equal(1, #runtime.requests)
      assert.are.equal(0, #runtime.sleeps)
    end)

    it("max_attempts counts the first attempt, for the client and for a call", function()
      local always = function() return failure(503, "ServiceUnavailableException") end
      local client, runtime = new_client(always, { max_attempts = 2 })
      local _, err = client:list_foundation_models()
      assert.are.equal(2, err.attempts)
      _, err = client:list_foundation_models({}, { max_attempts = 1 })
      assert.are.equal(1, err.attempts)
      assert.are.equal(3, #runtime.requests)
    end)

    it("the read timeout of a call reaches the runtime", function()
      local client, runtime = new_client { answer(200), answer(200) }
      client:list_foundation_models({}, { read_timeout = 7 })
      assert.are.equal(7, runtime.requests[1].read_timeout)
      client:list_foundation_models()
      assert.are.equal(60, runtime.requests[2].read_timeout)
      assert.are.equal(10, runtime.requests[2].connect_timeout)
    end)
  end)

  it("corrects a clock that is wrong, and signs with the server's time from then on", function()
    local server = 1700000000 + 3600
    local client, runtime = new_client {
      failure(403, "InvalidSignatureException", "Signature expired", { date = bedrock.time and require("bedrock.core").time_http(server) }),
      answer(200), answer(200),
    }
    assert(client:list_foundation_models())
    assert.are.equal("20231114T221320Z", runtime.requests[1].headers["X-Amz-Date"])
    assert.are.equal("20231114T231320Z", runtime.requests[2].headers["X-Amz-Date"])
    assert(client:list_foundation_models())
    assert.are.equal("20231114T2313", runtime.requests[3].headers["X-Amz-Date"]:sub(1, 13))
  end)

  it("sends a bearer token in place of a signature", function()
    local client, runtime = new_client({ answer(200) }, { bearer_token = "sesame" })
    assert(client:list_foundation_models())
    assert.are.equal("Bearer sesame", runtime.requests[1].headers.Authorization)
    assert.is_nil(runtime.requests[1].headers["X-Amz-Date"])
    assert.is_nil(runtime.requests[1].headers["X-Amz-Security-Token"])
  end)

  it("puts the path behind the base path of a custom endpoint", function()
    local client, runtime = new_client({ answer(200) }, { endpoint_url = "http://127.0.0.1:8080/base/" })
    assert(client:list_custom_models { maxResults = 5, nameContains = "a b" })
    assert.are.equal("http://127.0.0.1:8080/base/custom-models?maxResults=5&nameContains=a%20b",
      (runtime.requests[1].url:gsub("nameContains=a%%20b&maxResults=5", "maxResults=5&nameContains=a%%20b")))
  end)

  it("tells on_event of each attempt, answer and retry", function()
    local heard = {}
    local client = new_client({ failure(500, "InternalServerException"), answer(200) },
      { on_event = function(event) heard[#heard + 1] = event end })
    assert(client:list_foundation_models())
    local types = {}
    for i, event in ipairs(heard) do types[i] = event.type end
    assert.are.same({ "attempt", "answer", "retry", "attempt", "answer" }, types)
    assert.are.equal("InternalServerException", heard[3].code)
    assert.are.equal("transient", heard[3].class)
    assert.is_true(heard[5].ok)
  end)

  it("never shows a secret in an error, an event or its text", function()
    local texts = {}
    local function keep(value)
      if type(value) == "table" then
        texts[#texts + 1] = tostring(value)
        for k, v in pairs(value) do keep(k) keep(v) end
      else
        texts[#texts + 1] = tostring(value)
      end
    end
    local client = new_client(function() return failure(500, "InternalServerException") end, { on_event = keep })
    keep(tostring(client))
    keep(select(2, client:list_foundation_models()))
    keep(select(2, client:tag_resource { resourceARN = 1 }))
    local all = table.concat(texts, "\n")
    assert.is_nil(all:find("SECRETSECRET", 1, true))
    assert.is_nil(all:find("TOKENTOKEN", 1, true))
    assert.is_nil(all:find("AWS4-HMAC", 1, true))
  end)

  describe("misuse", function()
    local function message_of(f, ...)
      local ok, err = pcall(f, ...)
      assert.is_false(ok)
      return tostring(err)
    end

    it("raises at the caller's line", function()
      local client = new_client {}
      local cases = {
        { function() client:list_foundation_modells {} end, 'did you mean "list_foundation_models"' },
        { function() client.list_foundation_models {} end, "call it with a colon" },
        { function() client {} end, "a client is not a function" },
        { function() client:list_foundation_models({}, { timeuot = 1 }) end, 'did you mean "timeout"' },
        { function() client:list_foundation_models({}, { timeout = "1" }) end, "positive number" },
        { function() client:list_foundation_models({}, { max_attempts = 1.5 }) end, "whole number" },
        { function() client:list_foundation_models({}, 5) end, "must be a table" },
        { function() client:pages "list_custom_model" end, 'did you mean "list_custom_models"' },
        { function() client:items "list_foundation_models" end, "call client:list_foundation_models" },
        { function() client:wait("job", {}) end, "model_customization_job" },
        { function() client:wait("model_customization_job", {}, { intervall = 1 }) end, 'did you mean "interval"' },
        { function() client:wait("model_customization_job", {}, { interval = "1" }) end, "interval must be a number" },
        { function() client:wait("model_customization_job", {}, { timeout = print }) end, "timeout must be a number" },
        { function() bedrock.new { regoin = "us-east-1" } end, 'did you mean "region"' },
        { function() bedrock.new { region = 5 } end, "region" },
        { function() bedrock.new "us-east-1" end, "table" },
        { function() bedrock.new { region = "us-east-1", runtime = {} } end, 'option runtime needs a function "send"' },
        { function() bedrock.new { region = "us-east-1", api = {} } end, 'option api needs a table "operations"' },
      }
      for i, case in ipairs(cases) do
        local text = message_of(case[1])
        assert.truthy(text:find(case[2], 1, true), "case " .. i .. ": " .. text)
        assert.truthy(text:find("client_spec.lua:", 1, true), "case " .. i .. " names another place: " .. text)
      end
    end)
  end)

  it("is not made from keys that are missing, as os.getenv may leave them", function()
    for _, keys in ipairs { {}, { access_key_id = "AKIDEXAMPLE" }, { access_key_id = "", secret_access_key = "x" } } do
      local client, err = bedrock.new { region = "us-east-1", credentials = keys, environment = {} }
      assert.is_nil(client)
      assert.are.equal("CredentialsError", err.code)
      assert.truthy(err.message:find("option credentials: %a+_%a+_?%a* is %a+"), err.message)
    end
  end)

  it("refuses calls once it is closed", function()
    local client, runtime = new_client {}
    client:close()
    client:close()
    local result, err = client:list_foundation_models()
    assert.is_nil(result)
    assert.are.equal("ConfigurationError", err.code)
    assert.truthy(err.message:find("closed", 1, true))
    assert.are.equal(0, #runtime.requests)
    assert.truthy(tostring(client):find("closed", 1, true))
  end)

  it("is printed without a region, too: a bearer token needs none", function()
    local client = assert(bedrock.new { endpoint_url = "https://bedrock.test", bearer_token = TOKEN, environment = {},
      read_file = function() end, runtime = fake.new {} })
    assert.is_nil(client.region)
    assert.equal("bedrock client (no region, https://bedrock.test)", tostring(client))
  end)

  it("gives an error table whatever a runtime of the user's own hands back", function()
    local rows = {
      { nil, nil, "ConnectionError", "the runtime gave neither an answer nor an error" },
      { nil, {}, "ConnectionError", "the runtime gave neither an answer nor an error" },
      { nil, "no route", "ConnectionError", "no route" },
      { 5, nil, "ResponseError", "no table { status, headers, body }, but a number" },
      { "HTTP/1.1 200 OK", nil, "ResponseError", "no table { status, headers, body }, but a string" },
      { { status = "200" }, nil, "ResponseError", "without a status" },
      { { status = 200, body = 5 }, nil, "ResponseError", "body is no string, but a number" },
      { { status = 500, body = {} }, nil, "ResponseError", "body is no string, but a table" },
      { { status = 200, headers = 5, body = "{}" }, nil, "ResponseError", "headers are no table, but a number" },
    }
    for _, row in ipairs(rows) do
      local client = new_client(function() return row[1], row[2] end, { max_attempts = 1 })
      local result, err = client:get_custom_model { modelIdentifier = "m" }
      assert.is_nil(result)
      assert.is_true(errors.is(err))
      assert.are.equal(row[3], err.code)
      assert.truthy(err.message:find(row[4], 1, true), err.message)
    end
    local client = new_client(function() return { status = 200 } end)
    local _, meta = client:get_custom_model { modelIdentifier = "m" }
    assert.are.same({}, meta.headers)
  end)

  it("warms up: credentials, and one request without a signature whose answer does not matter", function()
    local asked, sent = 0, nil
    local runtime = fake.new(function(request) sent = request return answer(403, "") end)
    local client = new_client(runtime, { credentials = function()
      asked = asked + 1
      return { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" }
    end, connect_timeout = 3, read_timeout = 4, timeout = 5 })
    assert.is_true(client:warm_up())
    assert.are.equal(1, asked)
    assert.are.same({ "HEAD", client.endpoint_url .. "/", 3, 4 },
      { sent.method, sent.url, sent.connect_timeout, sent.read_timeout })
    assert.are.equal(runtime.clock + 5, runtime.deadline)
    assert.is_nil(sent.headers.Authorization)
    assert.is_string(sent.headers["User-Agent"])
    assert.is_true(client:warm_up { connections = 3, timeout = 7, read_timeout = 2 })
    assert.are.same({ 4, 2, runtime.clock + 7 }, { #runtime.requests, sent.read_timeout, runtime.deadline })
    assert.are.equal(1, asked)
  end)

  it("warms up once: what goes wrong is the result", function()
    local runtime = fake.new(function() return nil, { code = "ConnectionError", message = "no route", retryable = true } end)
    local client = new_client(runtime)
    for _, options in ipairs { {}, { connections = 2 } } do
      local ok, err = client:warm_up(options)
      assert.is_nil(ok)
      assert.is_true(errors.is(err))
      assert.are.same({ "ConnectionError", "no route" }, { err.code, err.message })
    end
    assert.are.equal(3, #runtime.requests)
    local ok, err = new_client(runtime, { credentials = function() return nil, "none today" end }):warm_up()
    assert.is_nil(ok)
    assert.are.equal("CredentialsError", err.code)
    runtime.ready = function() return nil, "not here" end
    ok, err = client:warm_up()
    assert.is_nil(ok)
    assert.truthy(tostring(err):find("not here", 1, true))
    client:close()
    ok, err = client:warm_up()
    assert.is_nil(ok)
    assert.are.equal("ConfigurationError", err.code)
    assert.are.equal(3, #runtime.requests)
    for _, row in ipairs { { 5, "must be a table" }, { { connections = 0 }, "a positive number" },
      { { connections = 1.5 }, "a whole number" }, { { connections = 1e9 }, "at most 1000" }, { { max_attempts = 2 }, "unknown call option" } } do
      local raised, message = pcall(function() client:warm_up(row[1]) end)
      assert.is_false(raised)
      assert.truthy(message:find("client_spec.lua:", 1, true) and message:find(row[2], 1, true), message)
    end
  end)

  it("works in coroutines whose runtime yields", function()
    local runtime = fake.new(function() coroutine.yield "waiting" return answer(200, '{"modelSummaries":[]}') end)
    local client = new_client(runtime)
    local co = coroutine.create(function() return client:list_foundation_models() end)
    assert.are.same({ true, "waiting" }, { coroutine.resume(co) })
    local ok, result = coroutine.resume(co)
    assert.is_true(ok)
    assert.are.same({ modelSummaries = {} }, result)
  end)
end)
