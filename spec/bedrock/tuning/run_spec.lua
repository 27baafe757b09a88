--- tuning.run: one job whatever happens, found again by name and by state file.

local bedrock = require "bedrock"
local tuning = require "bedrock.tuning"
local core = require "bedrock.core"
local child = require "spec.support.child"
local errors = require "bedrock.errors"
local job_service = require "spec.bedrock.tuning.job_service"

local CREATE, GET = "CreateModelCustomizationJob", "GetModelCustomizationJob"
local params = job_service.params

describe("tuning.run", function()
  local e, client, diary, dir, state
  before_each(function()
    e, client = job_service.new()
    diary = job_service.diary()
    dir = child.temp_dir()
    state = dir .. "/job.state"
  end)
  after_each(function() os.execute("rm -rf " .. child.quote(dir)) end)

  local function run(p, options, other_client)
    local all = { on_progress = diary.hear, check = false, interval = 120, max_interval = 600 }
    for name, value in pairs(options or {}) do all[name] = value end
    return tuning.run(other_client or client, p, all)
  end

  local function one_job(...)
    assert.same({ ... }, job_service.names(client))
    assert.is_nil(e.failure)
  end

  it("creates a job, tells of its stages, and hands it back with its model", function()
    local asked = params "tone"
    local copy = core.json_encode_plain(asked)
    local job, nothing = run(asked)
    assert.is_nil(nothing)
    assert.equal("Completed", job.status)
    assert.equal("tone-model", job.custom_model.modelName)
    assert.equal(job.outputModelArn, job.custom_model.modelArn)
    assert.equal("created, stage validation, stage dataProcessing, stage training, finished", diary.text())
    assert.equal(#copy, #core.json_encode_plain(asked)) -- the caller's table stays
    assert.is_nil(asked.clientRequestToken)
    one_job "tone"
    local finished = diary.of("finished")[1]
    assert.equal(1200, finished.elapsed)
    assert.equal("Completed", finished.job.status)
    assert.is_nil(finished.estimate)
    assert.is_nil(finished.index)
  end)

  it("checks the parameters first, and tells of warnings", function()
    local job, err = run(params("tone", { roleArn = "role", hyperParameters = { epochCount = 99 } }), { check = {} })
    assert.is_nil(job)
    assert.equal("ParamValidationError", err.code)
    assert.is_false(err.report.ok)
    assert.truthy(tostring(err):find("roleArn", 1, true))
    assert.equal(0, #e:requests())
    assert(run(params "tone", { check = { ignore = {} } }))
    assert.equal(1, #diary.of "checked")
    assert.is_true(diary.of("checked")[1].report.ok)
  end)

  it("reads the training file before it creates a job, not again for one that there is", function()
    local path = child.write(dir .. "/train.jsonl", '{"prompt":"a"}\n')
    local options = { check = { dataset = path }, state = state }
    local job, err = run(params "tone", options)
    assert.is_nil(job)
    assert.equal("ParamValidationError", err.code)
    assert.equal("trainingDataConfig: the check of the training set found errors, such as missing-key in line 1", err.message)
    assert.equal(1, err.report.dataset.problems[1].examples[1].line)
    one_job()
    assert.is_nil(child.read(state))
    assert.equal("", diary.text())
    child.write(path, ('{"prompt":"a","completion":"b"}\n'):rep(40000))
    options.timeout = 200
    assert.equal("TimeoutError", select(2, run(params "tone", options)).code)
    assert.truthy(diary.text():find "^[warning, ]*checked, created, stage validation")
    assert.equal(40000, diary.of("checked")[1].report.records)
    local estimate = diary.of("poll")[1].estimate.left
    diary.events, options.timeout = {}, nil
    os.remove(path)
    assert.equal("tone-model", assert(run(params "tone", options)).custom_model.modelName)
    assert.truthy(diary.text():find "^resumed")
    -- Records make jobs long.
    diary.events = {}
    run(params "other", { timeout = 0 })
    assert.is_true(estimate > 1.5 * diary.of("poll")[1].estimate.left)
  end)

  it("without the check nothing is sent either that the API can't take", function()
    for _, row in ipairs { { "jobName" }, { "jobName", {} }, { "hyperParameters", "x" }, { "roleArn", false } } do
      local asked = params "tone"
      asked[row[1]] = row[2]
      local job, err = run(asked, { state = state })
      assert.is_nil(job)
      assert.equal("ParamValidationError", err.code)
      assert.equal(CREATE, err.operation)
    end
    assert.equal(0, #e:requests())
    assert.is_nil(child.read(state))
  end)

  for _, kept in ipairs { false, true } do
    local how = kept and "a state file" or "the name"
    local function options(more)
      local all = { state = kept and state or nil }
      for name, value in pairs(more or {}) do all[name] = value end
      return all
    end

    it("goes on with the same job by " .. how, function()
      local _, err = run(params "tone", options { timeout = 500 })
      assert.equal("TimeoutError", err.code)
      assert.equal("InProgress", err.last.status)
      assert.equal("created, stage validation, stage dataProcessing, stage training", diary.text())
      diary.events = {}
      -- Another spelling of the same.
      local job = assert(run(params("tone", { hyperParameters = { epochCount = "2", batchSize = 1, learningRate = "0.00001" } }),
        options()))
      assert.equal("resumed, stage training, finished", diary.text())
      assert.equal(1, (job_service.count(e, CREATE)))
      -- And once more, when it is long over.
      diary.events = {}
      assert.same(job, run(params "tone", options()))
      assert.equal("resumed, stage training, finished", diary.text())
      one_job "tone"
    end)

    it("finds a job whose answer was lost by " .. how, function()
      local once = job_service.client(e, { max_attempts = 1 })
      e:fault { kind = "lost", operation = CREATE }
      assert(run(params "tone", options(), once))
      one_job "tone"
      -- All answers are lost, and then the search, too.
      e:fault { kind = "lost", operation = CREATE, times = 3 }
      e:fault { kind = "refuse", operation = GET, after = 1, times = 3 }
      local _, err = run(params "second", options { state = kept and state .. 2 or nil })
      assert.equal("ConnectionError", err.code)
      assert(run(params "second", options { state = kept and state .. 2 or nil }))
      one_job("tone", "second")
    end)

    it("tells a failure again, and begins another job only if told to, by " .. how, function()
      e:fail_job("tone", "role")
      for _ = 1, 2 do
        diary.events = {}
        local job, err = run(params "tone", options())
        assert.is_nil(job)
        assert.equal("WaiterError", err.code)
        assert.truthy(err.failure_message:find("assume", 1, true))
        assert.equal("Failed", err.last.status)
        assert.equal("finished", diary.events[#diary.events].type)
      end
      one_job "tone"
      local _, err = run(params "tone", options { restart = true, timeout = 100 })
      assert.equal("TimeoutError", err.code)
      assert.equal("tone-2", err.last.jobName)
      -- Again: this one is under way, and nothing is to be restarted.
      local job = assert(run(params "tone", options { restart = true }))
      assert.equal("tone-2", job.jobName)
      assert.equal("tone-model", job.custom_model.modelName)
      one_job("tone", "tone-2")
      if kept then
        assert.equal("tone-2", run(params "tone", options()).jobName)
      end
    end)
  end

  it("a job that somebody stops is an error, with or without a state", function()
    e:fail_job("other", "internal")
    local function stop(event)
      diary.hear(event)
      if event.type == "stage" and event.stage == "training" then
        assert(client:stop_model_customization_job { jobIdentifier = event.job.jobArn })
      end
    end
    local job, err = run(params "tone", { on_progress = stop, state = state })
    assert.is_nil(job)
    assert.equal("WaiterError", err.code)
    assert.equal("Stopped", err.last.status)
    -- The model's name stays taken: the next one is numbered, too, unless it has another name by now.
    for attempt = 2, 3 do
      diary.events = {}
      err = select(2, run(params "tone", { on_progress = stop, state = attempt == 3 and state or nil, restart = true }))
      assert.equal("WaiterError", err.code)
      assert.same({ "tone-" .. attempt, "tone-model-" .. attempt }, { err.last.jobName, err.last.outputModelName })
    end
    -- It is found again by its name and by the state, and goes to its end.
    for _, row in ipairs { { nil, 0 }, { state, 0 }, { state }, {} } do
      job, err = run(params "tone", { state = row[1], restart = true, timeout = row[2] })
      assert.equal("tone-model-4", (job or err.last).outputModelName)
    end
    assert.equal("tone-model-4", job.custom_model.modelName)
    run(params "more", { on_progress = stop })
    job = assert(run(params("more", { customModelName = "again" }), { restart = true }))
    assert.same({ "more-2", "again" }, { job.jobName, job.outputModelName })
    one_job("tone", "tone-2", "tone-3", "tone-4", "more", "more-2")
  end)

  for _, stage in ipairs { "validation", "dataProcessing", "training" } do
    it("a failure in " .. stage .. " comes out with its reason", function()
      e:fail_job("tone", "It was the " .. stage .. ".", stage)
      local _, err = run(params "tone")
      assert.equal("WaiterError", err.code)
      assert.equal("It was the " .. stage .. ".", err.failure_message)
      assert.equal(stage, diary.of("finished")[1].stage)
    end)
  end

  it("restarted names keep to the longest that there may be", function()
    local name = ("n"):rep(63)
    e:fail_job(name, "parse")
    assert.is_nil((run(params(name, { customModelName = "m" }))))
    local job = assert(run(params(name, { customModelName = "m" }), { restart = true }))
    assert.equal(("n"):rep(61) .. "-2", job.jobName)
    name = ("n"):rep(60) .. "_"
    e:stall_job("s", "training")
    run(params("s", { customModelName = name }), { on_stall = "stop" })
    e:clear_faults()
    job = assert(run(params("s", { customModelName = name }), { restart = true }))
    assert.equal(("n"):rep(60) .. "-2", job.custom_model.modelName)
  end)

  local differences = {
    { "the model's name", { customModelName = "other" }, "customModelName" },
    { "the role", { roleArn = "arn:aws:iam::123456789012:role/Other" }, "roleArn" },
    { "the base model", { baseModelIdentifier = "amazon.titan-text-lite-v1" }, "baseModelIdentifier" },
    { "the data", { trainingDataConfig = { s3Uri = "s3://corpus/other.jsonl" } }, "trainingDataConfig" },
    { "a validator", { validationDataConfig = { validators = { { s3Uri = "s3://corpus/v.jsonl" } } } }, "validationDataConfig" },
    { "the place of the output", { outputDataConfig = { s3Uri = "s3://corpus/elsewhere/" } }, "outputDataConfig" },
    { "a hyperparameter", { hyperParameters = { epochCount = "3", batchSize = "1" } }, "hyperParameters.epochCount" },
    { "a hyperparameter more", { hyperParameters = { epochCount = "2", learningRateWarmupSteps = "3" } },
      "hyperParameters.learningRateWarmupSteps" },
    { "a key", { customModelKmsKeyId = "12345678-1234-1234-1234-123456789012" }, "customModelKmsKeyId" },
    { "a VPC", { vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1" } } }, "vpcConfig" },
  }
  for _, row in ipairs(differences) do
    it("a job of this name with another parameter is none of ours: " .. row[1], function()
      assert(run(params "tone"))
      for _, token in ipairs { false, "my-token" } do
        local asked = params("tone", row[2])
        asked.clientRequestToken = token or nil
        local job, err = run(asked, { state = state })
        assert.is_nil(job)
        assert.equal("JobMismatchError", err.code)
        assert.same({ row[3] }, err.differences)
        assert.truthy(err.message:find("a job of this name exists with other parameters: " .. row[3], 1, true))
      end
      one_job "tone"
      assert.is_nil(child.read(state))
    end)
  end

  it("what the service writes in another way is the same", function()
    local rows = {
      { baseModelIdentifier = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1:0:8k" },
      { customModelKmsKeyId = "12345678-1234-1234-1234-123456789012" },
      { customModelKmsKeyId = "alias/mine" },
      { hyperParameters = false },
      { validationDataConfig = { validators = { { s3Uri = "s3://corpus/v.jsonl" } } } },
      { jobTags = { { key = "team", value = "voice" } } },
      { jobName = 7 },
    }
    for i, changes in ipairs(rows) do
      local name = "tone" .. i
      assert.equal("TimeoutError", select(2, run(params(name, changes), { timeout = 0 })).code)
      -- A token of somebody else, so that each member is looked at.
      changes.clientRequestToken = "t" .. i
      assert(run(params(name, changes)))
      assert.equal(i, #job_service.names(client))
    end
    -- A custom model as the base: the service names the model that it was made from.
    assert(run(params("further", { baseModelIdentifier = "tone1-model" })))
    assert(run(params("further", { baseModelIdentifier = "tone1-model" })))
  end)

  it("the token follows from name and parameters, or is the caller's", function()
    local function token_of(p)
      local _, err = run(p, { timeout = 0 })
      assert(err.last, tostring(err))
      local token = err.last.clientRequestToken
      e:reset()
      return token
    end
    local token = token_of(params "tone")
    assert.truthy(token:find "^%x+$")
    assert.equal(64, #token)
    assert.equal(token, token_of(params("tone", { hyperParameters = { learningRate = "1.0E-5", epochCount = "2", batchSize = 1 } })))
    local seen = { [token] = true }
    for _, row in ipairs(differences) do
      local other = token_of(params("tone", row[2]))
      assert.is_nil(seen[other], row[1])
      seen[other] = true
    end
    local same = { customModelName = "m" }
    assert.are_not.equal(token_of(params("7", same)), token_of(params("7.0", same)))
    assert.equal("mine", token_of(params("tone", { clientRequestToken = "mine" })))
  end)

  it("a null of JSON is no value", function()
    for _, name in ipairs { "clientRequestToken", "customModelKmsKeyId", "vpcConfig", "jobTags" } do
      local with = params("tone", { [name] = core.json_null })
      assert(run(with, { state = state }))
      assert.equal("tone", assert(run(params "tone", { state = state })).jobName)
      assert.equal(64, #client:get_model_customization_job({ jobIdentifier = "tone" }).clientRequestToken)
      e:reset()
      os.remove(state)
    end
    -- Nor is it one where parameters are compared with a job's.
    local null = core.json_null
    for name, value in pairs { hyperParameters = null, customModelKmsKeyId = null, vpcConfig = null, validationDataConfig = null,
      customizationType = null, trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl", invocationLogsConfig = null } } do
      local job = assert(run(params("tone", { clientRequestToken = "mine", [name] = value })))
      assert.same(job, assert(run(params("tone", { clientRequestToken = "mine", [name] = value }))))
      e:reset()
    end
  end)

  it("keeps to the parameters and options that it was called with", function()
    local p, options = params "tone", { interval = 120, check = false }
    function options.on_progress(event)
      diary.hear(event)
      p.jobName, p.customModelName, options.interval, options.on_progress, options.timeout = nil, 5, "x", nil, {}
      for name in pairs(event.type == "created" and event.job or {}) do event.job[name] = nil end
    end
    assert.equal("tone-model", assert(tuning.run(client, p, options)).custom_model.modelName)
    assert.equal("created, stage validation, stage dataProcessing, stage training, finished", diary.text())
    -- One table for two tasks.
    p = params "first"
    local results = bedrock.parallel {
      function() return run(p) end,
      function()
        p.jobName, p.customModelName = "second", "second-model"
        return run(p)
      end,
    }
    assert.equal("first-model", results[1].custom_model.modelName)
    assert.equal("second-model", results[2].custom_model.modelName)
  end)

  for what, name in pairs { ["the job's ARN"] = "jobArn", ["the model's name and ARN"] = "outputModel%a+", stages = "statusDetails",
    ["a time"] = "%a+Time", ["a status at first"] = "status" } do
    it("an answer may lack " .. what, function()
      local real, runtime = client._runtime.send, client._runtime
      local n = 0
      function runtime.send(self, request, deadline)
        local response, err = real(self, request, deadline)
        n = n + 1
        if name ~= "status" or n == 3 then response.body = response.body:gsub('"(' .. name .. '":)', '"un%1') end
        return response, err
      end
      assert.equal("tone-model", assert(run(params "tone", { state = state })).custom_model.modelName)
      assert.equal("tone-model", assert(run(params "tone", { state = state })).custom_model.modelName)
      one_job "tone"
    end)
  end

  it("a caller's token is not sent again for a job that is restarted", function()
    local token = ("t"):rep(256)
    e:fail_job("tone", "role")
    assert.equal(token, select(2, run(params("tone", { clientRequestToken = token }))).last.clientRequestToken)
    local job = assert(run(params("tone", { clientRequestToken = token }), { restart = true }))
    assert.equal("tone-2", job.jobName)
    assert.are_not.equal(token, job.clientRequestToken)
    assert.same(job, run(params("tone", { clientRequestToken = token }), { restart = true }))
    one_job("tone", "tone-2")
  end)

  it("a caller's token that the service knows from another job is an error", function()
    assert(run(params("one", { clientRequestToken = "mine" })))
    local job, err = run(params("two", { clientRequestToken = "mine" }))
    assert.is_nil(job)
    assert.equal("JobMismatchError", err.code)
    assert.truthy(err.message:find("from the job one", 1, true))
    one_job "one"
    -- It leaves no state behind, so that another token can be tried.
    assert.is_nil((run(params("two", { clientRequestToken = "mine" }), { state = state })))
    assert(run(params("two", { clientRequestToken = "another" }), { state = state }))
    one_job("one", "two")
  end)

  it("a job that another process has made in between is found", function()
    local other = job_service.client(e)
    local real, runtime = client._runtime.send, client._runtime
    function runtime.send(self, request, deadline)
      if request.method == "POST" and #job_service.names(other) == 0 then
        assert(other:create_model_customization_job(params("tone", { hyperParameters = { epochCount = "2", batchSize = "1",
          learningRate = "0.00001" } })))
      end
      return real(self, request, deadline)
    end
    assert(run(params "tone", { state = state }))
    one_job "tone"
  end)

  it("lives through throttling and cut connections", function()
    for _, order in ipairs { { kind = "throttle", times = 2, operation = CREATE }, { kind = "cut", times = 1, operation = CREATE },
      { kind = "throttle", times = 4, operation = GET, after = 3 }, { kind = "cut", times = 4, operation = GET, after = 5 },
      { kind = "error", status = 503, times = 2, operation = "GetCustomModel" } } do
      e:fault(order)
    end
    assert(run(params "tone"))
    assert.equal(3, (job_service.count(e, CREATE)))
    one_job "tone"
  end)

  it("a refused create leaves no state, so that the parameters can be put right", function()
    local _, err = run(params("tone", { baseModelIdentifier = "amazon.nova-giga-v1:0" }), { state = state })
    assert.equal("ResourceNotFoundException", err.code)
    assert.is_nil(child.read(state))
    assert(run(params "tone", { state = state }))
  end)

  describe("with a state", function()
    it("writes it down before the request is sent, and the job's ARN after it", function()
      local real, runtime = client._runtime.send, client._runtime
      local before
      function runtime.send(self, request, deadline)
        if request.method == "POST" then before = before or child.read(state) end
        return real(self, request, deadline)
      end
      local job = assert(run(params "tone", { state = state }))
      before = core.json_decode_plain(before)
      assert.equal("tone", before.jobName)
      assert.is_nil(before.jobArn)
      assert.equal(job.clientRequestToken, before.token)
      local after = core.json_decode_plain(child.read(state))
      assert.equal(job.jobArn, after.jobArn)
      assert.equal(before.token, after.token)
      local pipe = io.popen("ls -l " .. child.quote(state))
      assert.equal("-rw-------", pipe:read(10))
      pipe:close()
    end)

    it("keeps to the token in it", function()
      local once = job_service.client(e, { max_attempts = 1 })
      e:fault { kind = "drop", operation = CREATE }
      assert.equal("ConnectionError", select(2, run(params "tone", { state = state }, once)).code)
      local kept = core.json_decode_plain(child.read(state))
      kept.token = "of-an-earlier-version"
      child.write(state, core.json_encode_plain(kept))
      assert.equal("of-an-earlier-version", assert(run(params "tone", { state = state })).clientRequestToken)
      one_job "tone"
    end)

    it("refuses what is no state, and touches nothing", function()
      assert.equal("TimeoutError", select(2, run(params "tone", { state = state, timeout = 0 })).code)
      local good = child.read(state)
      local requests = #e:requests()
      local rows = {
        { "", "is empty" }, { "{", "damaged" }, { "null", "damaged" }, { "[]", "damaged" }, { "7", "damaged" },
        { '{"jobName":"tone"}', "none of tuning.run" }, { ("x"):rep(70000), "damaged" }, { "\0\0\0", "damaged" },
        { good:gsub('"version":1', '"version":2'), "another version" },
        { good:gsub('"attempt":1', '"attempt":0.5'), "attempt" },
        { good:gsub('"attempt":1', '"attempt":"1"'), "no attempt" }, { good:gsub('"attempt":1', '"attempt":1e300'), "attempt" },
        { good:gsub('"token":"%x+"', '"token":null'), "no token" },
        { good:gsub('"jobArn":"[^"]+"', '"jobArn":1'), "no jobArn" },
        { good:gsub('"region":"us%-east%-1"', '"region":"us-west-2"'), "of the region us-west-2", true },
      }
      for i = 1, #good - 3, os.getenv "BEDROCK_SLOW" and 20 or 1 do rows[#rows + 1] = { good:sub(1, i), "damaged" } end
      for _, row in ipairs(rows) do
        assert.are_not.equal(good, row[1])
        child.write(state, row[1])
        local job, err = run(params "other", { state = state, restart = true })
        assert.is_nil(job)
        assert.equal("StateError", err.code)
        assert.truthy(err.message:find(state, 1, true))
        assert.truthy(err.message:find(row[2], 1, true), err.message)
        assert.equal(row[1], child.read(state))
      end
      assert.equal(requests, #e:requests())
      child.write(state, good)
      assert(run(params "tone", { state = state }))
      one_job "tone"
    end)

    it("says where a state can't be read or written", function()
      local rows = { { dir, "can't be read" }, { dir .. "/none/state", "can't be written" }, { "/dev/full", "none of tuning.run" },
        { child.write(dir .. "/file", "x") .. "/state", "Not a directory" } }
      for _, row in ipairs(rows) do
        local job, err = run(params "tone", { state = row[1] })
        assert.is_nil(job)
        assert.equal("StateError", err.code)
        assert.truthy(err.message:find(row[2], 1, true), err.message)
      end
      one_job()
    end)

    it("goes on where the ARN can't be written down any more", function()
      local folder = dir .. "/sub"
      os.execute("mkdir " .. folder)
      local real, runtime = client._runtime.send, client._runtime
      function runtime.send(self, request, deadline)
        if request.method == "POST" then os.execute("rm -rf " .. folder) end
        return real(self, request, deadline)
      end
      assert(run(params "tone", { state = folder .. "/state" }))
      assert.truthy(diary.of("warning")[1].message:find("can't be written", 1, true))
      one_job "tone"
    end)

    it("is not written over for a job that was found, while another process writes it", function()
      assert(run(params "tone"))
      local other = { kind = "bedrock.tuning.run", version = 1, jobName = "other", attempt = 1, token = "t", digest = "d",
        region = "us-east-1" }
      local real, runtime = client._runtime.send, client._runtime
      function runtime.send(self, request, deadline)
        child.write(state, core.json_encode_plain(other))
        return real(self, request, deadline)
      end
      local _, err = run(params "tone", { state = state })
      assert.equal("StateError", err.code)
      assert.truthy(err.message:find("by another process", 1, true))
      assert.equal("other", core.json_decode_plain(child.read(state)).jobName)
    end)

    it("is for one job", function()
      assert(run(params "tone", { state = state }))
      local _, err = run(params "other", { state = state })
      assert.equal("StateError", err.code)
      assert.truthy(err.message:find("is of the job tone with other parameters", 1, true))
      _, err = run(params("tone", { roleArn = "arn:aws:iam::123456789012:role/Other" }), { state = state, restart = true })
      assert.same({ "roleArn" }, err.differences)
      one_job "tone"
      -- One that was not sent, as far as anybody knows.
      local once = job_service.client(e, { max_attempts = 1 })
      e:fault { kind = "drop", operation = CREATE }
      run(params "second", { state = state .. 2 }, once)
      _, err = run(params "third", { state = state .. 2 })
      assert.equal("StateError", err.code)
      assert.truthy(err.message:find("does not know", 1, true))
      -- After a failure another job may have it, if that is wanted.
      e:fail_job("second", "role")
      assert.equal("WaiterError", select(2, run(params "second", { state = state .. 2 })).code)
      assert.equal("third", assert(run(params "third", { state = state .. 2, restart = true })).jobName)
    end)

    it("does not follow an ARN that leads elsewhere", function()
      assert(run(params "tone", { state = state }))
      local good = child.read(state)
      child.write(state, (good:gsub('("jobArn":"[^"]+/)%w+"', '%1abcdefabcdef"')))
      local _, err = run(params "tone", { state = state })
      assert.equal("StateError", err.code)
      assert.truthy(err.message:find("does not know", 1, true))
      local other = assert(run(params "other"))
      child.write(state, (good:gsub('"jobArn":"[^"]+"', '"jobArn":"' .. other.jobArn .. '"')))
      _, err = run(params "tone", { state = state })
      assert.truthy(err.message:find("is the job other, not tone", 1, true))
      child.write(state, (good:gsub('"jobArn":"[^"]+"', '"jobArn":"' .. other.jobArn .. '"'):gsub('"tone"', '"other"')))
      _, err = run(params "tone", { state = state })
      assert.truthy(err.message:find("is damaged: jobName", 1, true))
      one_job("tone", "other")
    end)

    it("of two at once the second one keeps to the first one's", function()
      for _, row in ipairs { { "tone", true }, { "other", false } } do
        os.remove(state)
        e:reset()
        local real, runtime = client._runtime.send, client._runtime
        local second = job_service.client(e)
        local busy, first
        function runtime.send(self, request, deadline)
          if not busy then -- between the look for the file and its making
            busy = true
            first = select(2, run(params "tone", { state = state, timeout = 0 }, second)).last
          end
          return real(self, request, deadline)
        end
        local mine, my_err = run(params(row[1]), { state = state })
        runtime.send = real
        if row[2] then
          assert.equal(first.jobArn, mine.jobArn)
        else
          assert.equal("StateError", my_err.code)
          assert.truthy(my_err.message:find("by another process", 1, true))
        end
        one_job "tone"
      end
    end)
  end)

  it("waits for a model that is still being made, and tells of one that fails", function()
    local real, runtime = client._runtime.send, client._runtime
    local function statuses(list)
      local n = 0
      function runtime.send(self, request, deadline)
        local response, err = real(self, request, deadline)
        if request.url:find("/custom%-models/") then
          n = math.min(n + 1, #list)
          response.body = response.body:gsub('"Active"', list[n] and '"' .. list[n] .. '"' or "null")
        end
        return response, err
      end
    end
    statuses { "Creating", "Creating", "Active" }
    assert.equal("Active", assert(run(params "one")).custom_model.modelStatus)
    statuses { false } -- as models of earlier days
    assert.is_nil(assert(run(params "two")).custom_model.modelStatus)
    statuses { "Creating", "Failed" }
    local job, err = run(params "three")
    assert.is_nil(job)
    assert.equal("WaiterError", err.code)
    assert.equal("GetCustomModel", err.operation)
    statuses { "Creating" }
    job, err = run(params "four", { timeout = 1300 })
    assert.is_nil(job)
    assert.equal("TimeoutError", err.code)
  end)

  it("answers whose members have other types than the API's raise nothing", function()
    local real, runtime = client._runtime.send, client._runtime
    local name, value
    local fields = { "jobArn", "jobName", "status", "statusDetails", "creationTime", "failureMessage", "hyperParameters", "baseModelArn",
      "outputModelArn", "outputModelName", "outputModelKmsKeyArn", "roleArn", "trainingDataConfig", "clientRequestToken" }
    for i, field in ipairs(fields) do
      for _, other in ipairs(os.getenv "BEDROCK_SLOW" and { true } or { 7, true, {}, { { 1 } }, core.json_null }) do
        e:reset()
        os.remove(state)
        if i % 2 == 0 then e:fail_job("tone", "role") else e:stall_job("tone", "training") end
        name, value = nil, other
        function runtime.send(self, request, deadline)
          local response, err = real(self, request, deadline)
          local body = response and core.json_decode_plain(response.body)
          if name and body and body[name] ~= nil then
            body[name] = value
            response.body = core.json_encode_plain(body)
          end
          return response, err
        end
        local p = params("tone", { clientRequestToken = "mine", customModelKmsKeyId = "alias/tuning" })
        local options = { state = i % 3 > 0 and state or nil, on_stall = "error", timeout = 0, check = false }
        run(p, options)
        name, options.timeout = field, 90000
        local job, err = run(p, options)
        assert(job or errors.is(err))
        assert.is_string(tostring(err))
      end
    end
    runtime.send = real
  end)

  it("mistakes of the program raise at the caller's line", function()
    local rows = {
      { { "x", {} }, "takes a client" }, { { client, "x" }, "second, a table" }, { { client, {}, 7 }, "options of tuning.run" },
      { { client, {}, { stat = "x" } }, 'did you mean "state"' }, { { client, {}, { state = "" } }, "the path of a file" },
      { { client, {}, { state = "a\0b" } }, "the path of a file" }, { { client, {}, { interval = -1 } }, "0 or more" },
      { { client, {}, { on_stall = "explode" } }, '"stop", "error" or a function' }, { { client, {}, { check = 1 } }, "must be false, or a table" },
      { { client, {}, { budgets = { trainig = 1 } } }, 'did you mean "training"' }, { { client, {}, { budgets = { training = 0 } } }, "above 0" },
      { { client, {}, { timeout = "1" } }, "timeout of tuning.run must be a number, got string" },
      { { client, {}, { check = { ignor = {} } } }, 'did you mean "ignore"' },
    }
    for _, row in ipairs(rows) do
      local ok, message = pcall(function() tuning.run(row[1][1], row[1][2], row[1][3]) end)
      assert.is_false(ok)
      assert.truthy(message:find(row[2], 1, true), message)
      assert.truthy(message:find("run_spec.lua:", 1, true), message)
    end
  end)

  it("what on_progress raises is the caller's", function()
    local ok, raised = pcall(run, params "tone", { on_progress = function(event)
      if event.type == "stage" then error({ mine = true }) end
    end })
    assert.is_false(ok)
    assert.is_true(raised.mine)
    assert.is_false(errors.is(raised))
  end)
end)
