local bedrock = require "bedrock"
local errors = require "bedrock.errors"
local fake = require "spec.support.fake_runtime"

local answer, failure = fake.answer, fake.failure

local function new_client(script, options)
  local runtime = fake.new(script)
  return assert(bedrock.new {
    region = "us-east-1", runtime = runtime, environment = {}, read_file = function() return nil end, max_attempts = 1,
    timeout = options and options.timeout,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
  }), runtime
end

local function status(name, message)
  return answer(200, ('{"status":%q%s}'):format(name, message and (',"failureMessage":%q'):format(message) or ""))
end

local KIND, PARAMS = "model_customization_job", { jobIdentifier = "j" }

describe("bedrock.wait", function()
  it("polls until the job is completed and returns it", function()
    local seen = {}
    local client, runtime = new_client { status "InProgress", status "SomethingNew", status "Completed" }
    local job = assert(client:wait(KIND, PARAMS, { interval = 30, on_poll = function(j, n) seen[n] = j.status end }))
    assert.are.equal("Completed", job.status)
    assert.are.same({ "InProgress", "SomethingNew", "Completed" }, seen)
    assert.are.equal(2, #runtime.sleeps)
    for _, pause in ipairs(runtime.sleeps) do assert.is_true(pause >= 27 and pause <= 33) end
  end)

  it("a bad end is an error that carries the job and its reason", function()
    for _, bad in ipairs { "Failed", "Stopped" } do
      local client = new_client { status(bad, "no permission to read s3://b/t") }
      local job, err = client:wait(KIND, PARAMS)
      assert.is_nil(job)
      assert.are.equal("WaiterError", err.code)
      assert.are.equal(bad, err.last.status)
      assert.are.equal("no permission to read s3://b/t", err.failure_message)
      assert.truthy(tostring(err):find("j ended as " .. bad .. ": no permission to read", 1, true))
    end
  end)

  it("the time limit holds, and the last answer is in the error", function()
    local client, runtime = new_client(function() return status "InProgress" end)
    local start = runtime.clock
    local job, err = client:wait(KIND, PARAMS, { interval = 60, timeout = 100 })
    assert.is_nil(job)
    assert.are.equal("TimeoutError", err.code)
    assert.are.equal("InProgress", err.last.status)
    assert.truthy(err.message:find("100 seconds", 1, true))
    assert.are.equal(100, runtime.clock - start)
    assert.are.equal(3, #runtime.requests) -- the last look is when the time is up
  end)

  it("an outage of a few polls does not end it, one that lasts does", function()
    local down = function() return nil, errors.new { code = "ConnectionError", message = "down", retryable = true } end
    local client = new_client { status "InProgress", down, down, down, status "InProgress", down, status "Completed" }
    assert(client:wait(KIND, PARAMS, { interval = 1 }))
    local runtime
    client, runtime = new_client(function(_, _, self)
      if #self.requests == 1 then return status "InProgress" end
      return down()
    end)
    local _, err = client:wait(KIND, PARAMS, { interval = 1 })
    assert.are.equal("ConnectionError", err.code)
    assert.are.equal("InProgress", err.last.status)
    assert.are.equal(6, #runtime.requests)
  end)

  it("an error that asking again can't mend ends it at once", function()
    local client, runtime = new_client { failure(404, "ResourceNotFoundException", "no such job") }
    local _, err = client:wait(KIND, PARAMS)
    assert.are.equal("ResourceNotFoundException", err.code)
    assert.are.equal(1, #runtime.requests)
    client = new_client {}
    _, err = client:wait(KIND, {})
    assert.are.equal("ParamValidationError", err.code)
  end)

  it("waits for a custom model too", function()
    local client = new_client { answer(200, '{"modelStatus":"Creating"}'), answer(200, '{"modelStatus":"Active"}') }
    assert.are.equal("Active", assert(client:wait("custom_model", { modelIdentifier = "m" }, { interval = 0 })).modelStatus)
  end)

  it("asks a function for its pauses, which are taken as they are", function()
    local down = function() return nil, errors.new { code = "ConnectionError", message = "down", retryable = true } end
    local client, runtime = new_client { status "InProgress", down, status "Stopping", status "Completed" }
    local asked = {}
    assert(client:wait(KIND, PARAMS, { interval = function(seen, poll, now)
      asked[poll] = { seen and seen.status or "none", now - runtime.clock }
      return poll * 7
    end }))
    assert.are.same({ { "InProgress", 0 }, { "none", 0 }, { "Stopping", 0 } }, asked)
    assert.are.same({ 7, 14, 21 }, runtime.sleeps)
  end)

  it("a function interval that gives no seconds raises", function()
    for _, odd in ipairs { "7", -1, 0 / 0, false } do
      local ok, message = pcall(function()
        local client = new_client { status "InProgress", status "Completed" }
        client:wait(KIND, PARAMS, { interval = function() return odd or nil end })
      end)
      assert.is_false(ok)
      assert.truthy(message:find("has to give seconds, 0 or more; it gave ", 1, true), message)
    end
  end)

  it("ends with an error that on_poll returns, unless the end is a good one", function()
    local mine = errors.new { code = "StalledError", message = "enough", retryable = false }
    local client, runtime = new_client { status "InProgress", status "Failed" }
    local job, err = client:wait(KIND, PARAMS, { on_poll = function(_, poll) return poll == 2 and mine end })
    assert.is_nil(job)
    assert.are.equal(mine, err)
    assert.are.equal(2, #runtime.requests)
    client = new_client { status "Completed" }
    assert(client:wait(KIND, PARAMS, { on_poll = function() return mine end }))
  end)

  it("keeps to the client's own timeout for each poll", function()
    local client, runtime = new_client({ status "InProgress", status "Completed" }, { timeout = 20 })
    local begun = runtime.clock
    assert(client:wait(KIND, PARAMS, { interval = 100, timeout = 1000, on_poll = function()
      assert.are.equal(20, runtime.deadline - runtime.clock)
    end }))
    assert.is_true(runtime.clock > begun)
  end)

  it("names the operation as all errors do", function()
    local client = new_client { status "Failed" }
    local _, err = client:wait(KIND, PARAMS)
    assert.are.equal("GetModelCustomizationJob", err.operation)
  end)
end)
