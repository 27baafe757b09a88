--- The library's client and the emulator together: in process, and over TCP through libcurl.

local bedrock = require "bedrock"
local caller = require "spec.bedrock.emulator.caller"
local emulator = require "bedrock.emulator"

-- How much slower than usual everything is, under valgrind.
local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1

local function client_of(e, options)
  local all = {
    region = "us-east-1", credentials = e.example_credentials, runtime = e:runtime(), environment = {},
    read_file = function() return nil end,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(bedrock.new(all))
end

describe("a client on the emulator", function()
  local e, client
  before_each(function()
    e = caller.new { job_duration = 3600 }
    client = client_of(e)
  end)

  it("calls all fifteen operations", function()
    local job = assert(client:create_model_customization_job(caller.job "one"))
    assert.equal("InProgress", assert(client:get_model_customization_job { jobIdentifier = job.jobArn }).status)
    assert.equal(1, #assert(client:list_model_customization_jobs {}).modelCustomizationJobSummaries)
    assert.truthy(client:tag_resource { resourceARN = job.jobArn, tags = { { key = "a", value = "1" } } })
    assert.truthy(client:untag_resource { resourceARN = job.jobArn, tagKeys = { "b" } })
    assert.same({ { key = "a", value = "1" } }, assert(client:list_tags_for_resource { resourceARN = job.jobArn }).tags)
    local done = assert(client:wait("model_customization_job", { jobIdentifier = job.jobArn }, { interval = 60 }))
    assert.equal("Completed", done.status)
    assert.is_number(done.endTime)
    assert.equal("one-model", assert(client:list_custom_models {}).modelSummaries[1].modelName)
    assert.equal(done.outputModelArn, assert(client:get_custom_model { modelIdentifier = "one-model" }).modelArn)
    assert.truthy(client:delete_custom_model { modelIdentifier = done.outputModelArn })
    local _, err = client:stop_model_customization_job { jobIdentifier = "one" }
    assert.equal("ConflictException", err.code)
    assert.is_true(#assert(client:list_foundation_models {}).modelSummaries > 20)
    assert.equal("Nova Micro", assert(client:get_foundation_model { modelIdentifier = "amazon.nova-micro-v1:0" })
      .modelDetails.modelName)
    assert.same({}, (assert(client:get_model_invocation_logging_configuration {})))
    assert.truthy(client:put_model_invocation_logging_configuration { loggingConfig = { textDataDeliveryEnabled = true } })
    assert.is_true(assert(client:get_model_invocation_logging_configuration {}).loggingConfig.textDataDeliveryEnabled)
    assert.truthy(client:delete_model_invocation_logging_configuration {})
    local asked = {}
    for _, record in ipairs(e:requests()) do asked[record.operation] = true end
    for _, name in ipairs(client.operation_names) do assert.is_true(asked[e.model.operations[name].name], name) end
  end)

  it("waits hours in no time, and hears of failures", function()
    e:fail_job("one", "get_object")
    assert(client:create_model_customization_job(caller.job "one"))
    local start = os.clock()
    local job, err = client:wait("model_customization_job", { jobIdentifier = "one" }, { interval = 30 })
    assert.is_nil(job)
    assert.equal("WaiterError", err.code)
    assert.equal("Failed", err.last.status)
    assert.truthy(err.message:find("GetObject", 1, true))
    assert.is_true(os.clock() - start < 2 * SLOW)
  end)

  it("sees the service's errors", function()
    local _, err = client:get_custom_model { modelIdentifier = "absent" }
    assert.equal("ResourceNotFoundException", err.code)
    assert.equal(404, err.status)
    assert.is_string(err.request_id)
    _, err = client:create_model_customization_job(caller.job "bad name!")
    assert.equal("ValidationException", err.code)
    _, err = client:list_custom_models { nextToken = "made-up" }
    assert.equal("ValidationException", err.code)
  end)

  it("pages through what there is, while more arrives", function()
    for i = 1, 7 do assert(client:create_model_customization_job(caller.job("job-" .. i))) end
    local names = {}
    for job in client:items("list_model_customization_jobs", { maxResults = 2 }) do
      names[#names + 1] = job.jobName
      if #names == 3 then assert(client:create_model_customization_job(caller.job "late")) end
    end
    assert.same({ "job-7", "job-6", "job-5", "job-4", "job-3", "job-2", "job-1" }, names)
  end)

  it("retries what can be retried, with the same token", function()
    e:fault { kind = "throttle" }
    e:fault { kind = "lost" }
    local job, meta = client:create_model_customization_job(caller.job "one")
    assert.is_table(job)
    assert.equal(3, meta.attempts)
    assert.equal(1, #assert(client:list_model_customization_jobs {}).modelCustomizationJobSummaries)
    local tokens = {}
    for _, record in ipairs(e:requests()) do
      tokens[record.body:match('"clientRequestToken":"([^"]+)"') or "none"] = true
    end
    tokens.none = nil
    assert.is_string(next(tokens))
    assert.is_nil(next(tokens, (next(tokens))))
  end)

  it("gives up on what stays broken", function()
    e:fault { kind = "error", status = 503, times = -1 }
    local _, err = client:list_custom_models {}
    assert.equal("ServiceUnavailableException", err.code)
    assert.equal(3, err.attempts)
  end)

  it("corrects its clock", function()
    e:skew(7200)
    local list, meta = client:list_custom_models {}
    assert.is_table(list)
    assert.equal(2, meta.attempts)
    assert.equal(1, select(2, client:list_custom_models {}).attempts)
  end)

  it("names its region in the signature", function()
    assert(client:create_model_customization_job(caller.job "one"))
    local other = client_of(e, { region = "eu-west-1" })
    assert.same({}, assert(other:list_model_customization_jobs {}).modelCustomizationJobSummaries)
  end)

  it("can be let in by a bearer token or a session token", function()
    e = caller.new { bearer_tokens = { "key" }, credentials = { access_key_id = "A", secret_access_key = "s", session_token = "t" } }
    assert(client_of(e, { bearer_token = "key" }):list_custom_models {})
    assert(client_of(e):list_custom_models {})
    local _, err = client_of(e, { credentials = { access_key_id = "A", secret_access_key = "s" } }):list_custom_models {}
    assert.equal("UnrecognizedClientException", err.code)
    assert.equal(403, err.status)
  end)
end)

describe("a client on the emulator's server", function()
  local server = require "spec.bedrock.emulator.process"
  local process, client
  setup(function() process = server.start { options = "speed = 3000" } end)
  teardown(function() process.stop() end)
  local function connect()
    return assert(bedrock.new {
      region = "us-east-1", credentials = emulator.example_credentials, endpoint_url = process.url, environment = {},
      read_file = function() return nil end,
    })
  end
  before_each(function()
    server.order(process, "reset")
    client = connect()
  end)
  after_each(function() client:close() end)

  it("runs a job from its creation to the model", function()
    local job = assert(client:create_model_customization_job(caller.job("real", { jobTags = { { key = "a", value = "b" } } })))
    local done = assert(client:wait("model_customization_job", { jobIdentifier = job.jobArn }, { interval = 0.1, timeout = 20 * SLOW }))
    assert.equal("Completed", done.status)
    local found
    for model in client:items("list_custom_models", { nameContains = "real", maxResults = 1 }) do found = model end
    assert.equal(done.outputModelArn, found.modelArn)
    assert(client:delete_custom_model { modelIdentifier = found.modelArn })
  end)

  it("gets over what the wire does to it", function()
    for _, kind in ipairs { "cut", "wrong_length", "drop", "lost", "refuse", "bad_http", "throttle" } do
      server.order(process, "faults", { kind = kind })
      -- On a connection that was used before, libcurl takes a close without an answer for an idle end and sends again by itself.
      local fresh = connect()
      local list, meta = fresh:list_custom_models {}
      assert.is_table(list, kind)
      assert.equal(2, meta.attempts, kind)
      fresh:close()
    end
    server.order(process, "faults", { kind = "not_json", times = "always" })
    local _, err = client:list_custom_models {}
    assert.equal("ResponseError", err.code)
  end)

  it("doesn't wait for ever", function()
    server.order(process, "faults", { kind = "slow", delay = 5 * SLOW })
    local _, err = client:list_custom_models({}, { timeout = 0.2 * SLOW })
    assert.equal("TimeoutError", err.code)
  end)
end)
