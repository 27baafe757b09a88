local caller = require "spec.bedrock.emulator.caller"
local core = require "bedrock.core"

local function get(e, id, how)
  return (caller.send(e, "GET", "/model-customization-jobs/" .. core.uri_encode(id), nil, how))
end

local function stop(e, id)
  return caller.send(e, "POST", "/model-customization-jobs/" .. core.uri_encode(id) .. "/stop")
end

local function create(e, params)
  return caller.send(e, "POST", "/model-customization-jobs", params)
end

describe("the emulator's customization jobs", function()
  local e
  before_each(function() e = caller.new { job_duration = 1000 } end)

  it("are created with an ARN of the tunable model", function()
    local answer, response = create(e, caller.job "one")
    assert.equal(201, response.status)
    assert.truthy(answer.jobArn:find(
      "^arn:aws:bedrock:us%-east%-1:123456789012:model%-customization%-job/amazon%.titan%-text%-express%-v1:0:8k/%w+$"))
    assert.equal(12, #answer.jobArn:match("[^/]+$"))
    assert.truthy(response.headers["x-amzn-requestid"]:find("^%x+%-%x+%-4%x+%-%x+%-%x+$"))
    assert.equal("application/json", response.headers["content-type"])
    assert.equal("Mon, 23 Nov 2026 08:00:00 GMT", response.headers.date)
  end)

  it("go through their stages and end with metrics and a model", function()
    local arn = caller.create(e, "one")
    local job = get(e, arn)
    assert.equal("InProgress", job.status)
    assert.same({ status = "InProgress", creationTime = "2026-11-23T08:00:00Z", lastModifiedTime = "2026-11-23T08:00:00Z" },
      job.statusDetails.validationDetails)
    assert.same({ status = "NotStarted" }, job.statusDetails.dataProcessingDetails)
    assert.is_nil(job.endTime)
    e:advance(100)
    job = get(e, arn)
    assert.equal("Completed", job.statusDetails.validationDetails.status)
    assert.equal("InProgress", job.statusDetails.dataProcessingDetails.status)
    e:advance(500)
    job = get(e, arn)
    assert.equal("InProgress", job.statusDetails.trainingDetails.status)
    assert.is_nil(job.trainingMetrics)
    assert.is_nil(job.outputModelArn)
    e:advance(400)
    job = get(e, arn)
    assert.equal("Completed", job.status)
    assert.equal("2026-11-23T08:16:40Z", job.endTime)
    assert.equal(job.endTime, job.lastModifiedTime)
    assert.truthy(job.outputModelArn:find(":custom-model/amazon.titan-text-express-v1:0:8k/", 1, true))
    assert.equal("number", type(job.trainingMetrics.trainingLoss))
    assert.same({}, job.validationMetrics)
  end)

  it("report the same loss for the same parameters, and a lower one after more epochs", function()
    local function loss(name, epochs)
      local arn = caller.create(e, name, { customModelName = name .. epochs, jobName = name,
        hyperParameters = { epochCount = epochs } })
      e:advance(1000)
      return get(e, arn).trainingMetrics.trainingLoss
    end
    local first = loss("same", "1")
    e:reset()
    assert.equal(first, loss("same", "1"))
    e:reset()
    assert.is_true(loss("same", "9") < first)
  end)

  it("report a validation loss for each validator", function()
    local arn = caller.create(e, "one", { validationDataConfig = { validators = { { s3Uri = "s3://corpus/a" },
      { s3Uri = "s3://corpus/b" } } } })
    e:advance(1000)
    local job = get(e, arn)
    assert.equal(2, #job.validationMetrics)
    assert.is_true(job.validationMetrics[1].validationLoss > job.trainingMetrics.trainingLoss)
  end)

  it("give back all that was asked for", function()
    local asked = caller.job("one", {
      clientRequestToken = "token-1", customizationType = "FINE_TUNING",
      customModelKmsKeyId = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012",
      validationDataConfig = { validators = { { s3Uri = "s3://corpus/valid.jsonl" } } },
      hyperParameters = { epochCount = "3", batchSize = "1", learningRate = "0.00001" },
      vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1" } },
    })
    local answer = create(e, asked)
    local job = get(e, answer.jobArn)
    for _, name in ipairs { "jobName", "roleArn", "clientRequestToken", "customizationType", "hyperParameters",
      "trainingDataConfig", "validationDataConfig", "outputDataConfig", "vpcConfig" } do
      assert.same(asked[name], job[name], name)
    end
    assert.equal(asked.customModelName, job.outputModelName)
    assert.equal(asked.customModelKmsKeyId, job.outputModelKmsKeyArn)
    assert.equal("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1:0:8k", job.baseModelArn)
    assert.equal("2026-11-23T08:00:00Z", job.creationTime)
  end)

  it("are found by ARN, by name and by the id at the end of the ARN", function()
    local arn = caller.create(e, "one")
    assert.equal(arn, get(e, "one").jobArn)
    assert.equal(arn, get(e, arn:match("[^/]+$")).jobArn)
    assert.equal("ResourceNotFoundException", (caller.refused(e, "GET", "/model-customization-jobs/two")))
    assert.equal("ResourceNotFoundException", (caller.refused(e, "POST", "/model-customization-jobs/two/stop")))
  end)

  it("take the service's defaults when no hyperparameter is set", function()
    local arn = caller.create(e, "one", { hyperParameters = false })
    assert.same({ epochCount = "5", batchSize = "1", learningRate = "0.00001", learningRateWarmupSteps = "5" },
      get(e, arn).hyperParameters)
  end)

  it("run faster by `speed`", function()
    e = caller.new { job_duration = 1000, speed = 100 }
    local arn = caller.create(e, "one")
    e:advance(9)
    assert.equal("InProgress", get(e, arn).status)
    e:advance(1)
    assert.equal("Completed", get(e, arn).status)
  end)

  it("stop, and cannot be stopped twice", function()
    local arn = caller.create(e, "one")
    e:advance(300)
    local answer, response = stop(e, arn)
    assert.equal(200, response.status)
    assert.same({}, answer)
    local job = get(e, arn)
    assert.equal("Stopping", job.status)
    assert.equal("Stopping", job.statusDetails.trainingDetails.status)
    assert.equal("ConflictException", (caller.refusal(stop(e, arn))))
    e:advance(60)
    job = get(e, arn)
    assert.equal("Stopped", job.status)
    assert.equal("Stopped", job.statusDetails.trainingDetails.status)
    assert.equal("Completed", job.statusDetails.validationDetails.status)
    assert.is_string(job.endTime)
    assert.equal("ConflictException", (caller.refusal(stop(e, arn))))
    e:advance(10000)
    assert.equal("Stopped", get(e, arn).status)
    assert.same({}, caller.send(e, "GET", "/custom-models").modelSummaries)
  end)

  it("cannot be stopped when they are over", function()
    local arn = caller.create(e, "one")
    e:advance(1000)
    local code, message, status = caller.refusal(stop(e, arn))
    assert.equal("ConflictException", code)
    assert.equal(400, status)
    assert.truthy(message:find("Completed", 1, true))
  end)

  it("fail where and why it was ordered", function()
    e:fail_job("one", "role")
    e:fail_job("two", "Something of my own.", "training")
    local one, two, three = caller.create(e, "one"), caller.create(e, "two"), caller.create(e, "three")
    e:advance(100)
    local job = get(e, one)
    assert.equal("Failed", job.status)
    assert.equal("Failed", job.statusDetails.validationDetails.status)
    assert.equal("NotStarted", job.statusDetails.trainingDetails.status)
    assert.truthy(job.failureMessage:find("Could not assume provided IAM role", 1, true))
    assert.equal("InProgress", get(e, two).status)
    e:advance(900)
    job = get(e, two)
    assert.equal("Failed", job.status)
    assert.equal("Something of my own.", job.failureMessage)
    assert.equal("Completed", get(e, three).status)
    assert.equal(1, #caller.send(e, "GET", "/custom-models").modelSummaries)
    -- The model's name is free again after a failure.
    assert.is_string(caller.create(e, "four", { customModelName = "one-model" }))
  end)

  it("fail while they run, and any job at all", function()
    local arn = caller.create(e, "one")
    e:advance(500)
    e:fail_job(arn, "parse")
    e:advance(500)
    assert.equal("Failed", get(e, arn).status)
    assert.equal("Failed", get(e, arn).statusDetails.trainingDetails.status)
    e:fault { kind = "job_failure", message = "internal" }
    arn = caller.create(e, "two")
    e:advance(1000)
    assert.equal("Failed", get(e, arn).status)
    assert.has_error(function() e:fail_job("x", "y", "lunch") end)
  end)

  describe("stand still where it was ordered", function()
    -- The stages' statuses, and which times they have, as one text.
    local function picture(id)
      local job = get(e, id)
      local words = { job.status }
      for _, stage in ipairs { "validation", "dataProcessing", "training" } do
        local detail = job.statusDetails[stage .. "Details"]
        words[#words + 1] = detail.status .. (detail.creationTime and "" or "-")
      end
      return table.concat(words, " ")
    end

    it("in a stage, for a time or for ever", function()
      e:stall_job("one", "dataProcessing", 5000)
      e:stall_job("*", "validation")
      local one, two, three = caller.create(e, "one"), caller.create(e, "two"), caller.create(e, "three")
      e:advance(5190)
      assert.equal("InProgress Completed InProgress NotStarted-", picture(one))
      assert.equal("InProgress InProgress NotStarted- NotStarted-", picture(two))
      assert.equal("Completed Completed Completed Completed", picture(three))
      e:advance(20)
      assert.equal("InProgress Completed Completed InProgress", picture(one))
      e:advance(790)
      local job = get(e, one)
      assert.equal("Completed", job.status)
      assert.equal(caller.START + 6000, core.time_parse(job.endTime))
      e:advance(1e6)
      assert.equal("InProgress InProgress NotStarted- NotStarted-", picture(two))
      assert.equal("InProgress", caller.send(e, "GET", "/model-customization-jobs?nameContains=two")
        .modelCustomizationJobSummaries[1].status)
    end)

    it("before a stage begins", function()
      e:stall_job("one", "training", 5000, true)
      e:stall_job("two", "validation", 5000, true)
      local one, two = caller.create(e, "one"), caller.create(e, "two")
      assert.equal("InProgress NotStarted- NotStarted- NotStarted-", picture(two))
      e:advance(4000)
      assert.equal("InProgress Completed Completed NotStarted-", picture(one))
      local changed = get(e, one).lastModifiedTime
      assert.equal(get(e, one).statusDetails.dataProcessingDetails.lastModifiedTime, changed)
      e:advance(1100)
      assert.equal("InProgress Completed Completed NotStarted-", picture(one))
      assert.equal("InProgress Completed InProgress NotStarted-", picture(two))
      e:advance(100)
      assert.equal("InProgress Completed Completed InProgress", picture(one))
      e:advance(800)
      assert.equal("Completed", get(e, one).status)
      assert.equal("Completed", get(e, two).status)
    end)

    it("also when they are under way, and until that is ended", function()
      local one = caller.create(e, "one")
      e:advance(500)
      e:stall_job(one, "validation") -- which is over: the one under way
      e:advance(10000)
      assert.equal("InProgress Completed Completed InProgress", picture(one))
      local begun = get(e, one).statusDetails.trainingDetails.creationTime
      e:stall_job("one", "training", 0)
      local job = get(e, one)
      assert.equal("Completed", job.status)
      assert.equal(begun, job.statusDetails.trainingDetails.creationTime)
      assert.equal(caller.START + 10500, core.time_parse(job.endTime))
      -- Between two stages.
      e:stall_job("two", "training", nil, true)
      caller.create(e, "two")
      e:advance(3000)
      e:stall_job("two", "training", 100, true)
      assert.equal("InProgress Completed Completed InProgress", picture "two")
      assert.equal(e:now(), core.time_parse(get(e, "two").statusDetails.trainingDetails.creationTime))
      e:stall_job("two", "training", 50)
      e:advance(800)
      assert.equal("InProgress", get(e, "two").status)
      e:advance(50)
      assert.equal("Completed", get(e, "two").status)
    end)

    it("and can be stopped, or fail afterwards", function()
      e:stall_job("one", "training", nil, true)
      e:stall_job("two", "training", 1000)
      e:stall_job("three", "training", 1000, true)
      e:fail_job("two", "internal")
      local one, two, three = caller.create(e, "one"), caller.create(e, "two"), caller.create(e, "three")
      e:advance(500)
      stop(e, three)
      e:advance(1000)
      stop(e, one)
      assert.equal("Stopping Completed Completed NotStarted-", picture(one))
      assert.equal("InProgress Completed Completed InProgress", picture(two))
      e:advance(600)
      assert.equal("Stopped Completed Completed NotStarted-", picture(one))
      assert.equal("Failed Completed Completed Failed", picture(two))
      e:advance(1e5)
      assert.equal("Stopped Completed Completed NotStarted-", picture(one))
      assert.equal("Stopped Completed Completed NotStarted-", picture(three))
    end)

    it("unless they are over, or all orders are forgotten", function()
      local one = caller.create(e, "one")
      e:advance(1000)
      e:stall_job(one, "training") -- of the next one with this ARN, which there won't be
      assert.equal("Completed", get(e, one).status)
      e:stall_job("two", "training")
      e:clear_faults()
      caller.create(e, "two")
      e:advance(1000)
      assert.equal("Completed", get(e, "two").status)
      for _, bad in ipairs { { 7, "training" }, { "x", "lunch" }, { "x" }, { "x", "training", -1 }, { "x", "training", "1" } } do
        assert.has_error(function() e:stall_job(bad[1], bad[2], bad[3]) end)
      end
    end)
  end)

  it("are made once for a token, without an error", function()
    local first = caller.create(e, "one", { clientRequestToken = "abc" })
    assert.equal(first, caller.create(e, "one", { clientRequestToken = "abc" }))
    assert.equal(first, caller.create(e, "other", { clientRequestToken = "abc" }))
    assert.equal(1, #caller.send(e, "GET", "/model-customization-jobs").modelCustomizationJobSummaries)
  end)

  it("need names of their own", function()
    caller.create(e, "one")
    local code, message, status = caller.refusal(create(e, caller.job("one", { customModelName = "other" })))
    assert.equal("ConflictException", code)
    assert.equal(400, status)
    assert.truthy(message:find("job name", 1, true))
    code, message = caller.refusal(create(e, caller.job("two", { customModelName = "one-model" })))
    assert.equal("ConflictException", code)
    assert.truthy(message:find("custom model name", 1, true))
  end)

  it("have a limit where one is set", function()
    e = caller.new { max_running_jobs = 1, job_duration = 10 }
    caller.create(e, "one")
    local code, _, status = caller.refusal(create(e, caller.job "two"))
    assert.equal("ServiceQuotaExceededException", code)
    assert.equal(400, status)
    e:advance(10)
    caller.create(e, "two")
  end)

  it("start from custom models, too", function()
    caller.create(e, "one")
    e:advance(1000)
    local arn = caller.create(e, "two", { baseModelIdentifier = "one-model" })
    local code, message = caller.refused(e, "DELETE", "/custom-models/one-model")
    assert.equal("ConflictException", code)
    assert.truthy(message:find("two", 1, true))
    e:advance(1000)
    local one = caller.send(e, "GET", "/custom-models/one-model")
    local two = caller.send(e, "GET", "/custom-models/two-model")
    assert.equal(one.modelArn, two.baseModelArn)
    assert.equal("Completed", get(e, arn).status)
    local list = caller.send(e, "GET", "/custom-models?baseModelArnEquals=" .. core.uri_encode(one.modelArn))
    assert.equal(1, #list.modelSummaries)
    list = caller.send(e, "GET", "/custom-models?foundationModelArnEquals=" .. core.uri_encode(one.baseModelArn))
    assert.equal(2, #list.modelSummaries)
  end)

  local refusals = {
    { "an unknown base model", { baseModelIdentifier = "amazon.nova-giga-v1:0" }, "ResourceNotFoundException" },
    { "a base model that can't be tuned", { baseModelIdentifier = "anthropic.claude-3-sonnet-20240229-v1:0" },
      "ValidationException", "does not support customization" },
    { "a kind of tuning that the model doesn't know", { customizationType = "DISTILLATION",
      customizationConfig = { distillationConfig = { teacherModelConfig = { teacherModelIdentifier = "amazon.nova-pro-v1:0" } } } },
      "ValidationException", "customization type" },
    { "distillation without a teacher", { customizationType = "DISTILLATION",
      baseModelIdentifier = "amazon.nova-lite-v1:0:300k", hyperParameters = false }, "ValidationException", "distillationConfig" },
    { "no training data", { trainingDataConfig = {} }, "ValidationException", "training data" },
    { "epochs out of range", { hyperParameters = { epochCount = "11" } }, "ValidationException", "between 1 and 10" },
    { "half an epoch", { hyperParameters = { epochCount = "1.5" } }, "ValidationException", "an integer" },
    { "a rate in words", { hyperParameters = { learningRate = "small" } }, "ValidationException", "a number" },
    { "a number only Lua understands", { hyperParameters = { batchSize = "0x1" } }, "ValidationException", "an integer" },
    { "an unknown hyperparameter", { hyperParameters = { epochs = "1" } }, "ValidationException", "epochCount" },
    { "a missing one that is required", { baseModelIdentifier = "amazon.titan-image-generator-v1",
      hyperParameters = { batchSize = "8" } }, "ValidationException", "stepCount is required" },
    { "a tag twice", { jobTags = { { key = "a", value = "1" }, { key = "a", value = "2" } } }, "ValidationException", "Duplicate" },
    { "one of AWS's own tags", { customModelTags = { { key = "aws:x", value = "1" } } }, "ValidationException", "reserved" },
    { "a bad role", { roleArn = "role" }, "ValidationException", "'roleArn'" },
    { "eleven validators", { validationDataConfig = { validators = (function()
      local list = {}
      for i = 1, 11 do list[i] = { s3Uri = "s3://corpus/" .. i } end
      return list
    end)() } }, "ValidationException", "less than or equal to 10" },
  }
  for _, row in ipairs(refusals) do
    it("refuse " .. row[1], function()
      local code, message = caller.refusal(create(e, caller.job("one", row[2])))
      assert.equal(row[3], code)
      if row[4] then assert.truthy(message:find(row[4], 1, true), message) end
      -- Nothing is left behind.
      assert.same({}, caller.send(e, "GET", "/model-customization-jobs").modelCustomizationJobSummaries)
      caller.create(e, "one")
    end)
  end

  it("take `auto` where the model does, and numbers as E notation", function()
    caller.create(e, "one", { baseModelIdentifier = "amazon.titan-image-generator-v1",
      hyperParameters = { stepCount = "auto", learningRate = "1.0E-4" } })
  end)

  it("are checked by other ranges, or by none", function()
    e = caller.new { hyperparameters = { ["amazon.titan-text-express-v1"] = { epochCount = { min = 1, max = 99, whole = true } } } }
    caller.create(e, "one", { hyperParameters = { epochCount = "99" } })
    e = caller.new { hyperparameters = false }
    caller.create(e, "one", { hyperParameters = { whatever = "x" } })
  end)

  it("carry too many tags only up to the limit", function()
    local many = {}
    for i = 1, 201 do many[i] = { key = "k" .. i, value = "" } end
    local answer, response = create(e, caller.job("one", { jobTags = many }))
    assert.equal("TooManyTagsException", response.headers["x-amzn-errortype"])
    assert.equal("one", answer.resourceName)
    many[201] = nil
    caller.create(e, "one", { jobTags = many })
  end)

  it("speak of a KMS key by ARN, however it was named", function()
    for i, key in ipairs { "alias/mine", "12345678-1234-1234-1234-123456789012" } do
      local arn = caller.create(e, "job" .. i, { customModelKmsKeyId = key })
      assert.truthy(get(e, arn).outputModelKmsKeyArn:find("^arn:aws:kms:us%-east%-1:123456789012:key/" .. ("."):rep(36) .. "$"))
    end
  end)
end)

describe("the emulator's list of jobs", function()
  local e
  before_each(function()
    e = caller.new { job_duration = 100 }
    for i = 1, 5 do
      caller.create(e, (i % 2 == 0 and "even-" or "odd-") .. i)
      e:advance(10)
    end
  end)

  local function list(query, how)
    local answer, response = caller.send(e, "GET", "/model-customization-jobs" .. (query or ""), nil, how)
    if response.status ~= 200 then return nil, response.headers["x-amzn-errortype"], answer.message end
    local names = {}
    for i, job in ipairs(answer.modelCustomizationJobSummaries) do names[i] = job.jobName end
    return table.concat(names, " "), answer.nextToken, answer
  end

  it("has the newest first unless told otherwise", function()
    assert.equal("odd-5 even-4 odd-3 even-2 odd-1", list())
    assert.equal("odd-1 even-2 odd-3 even-4 odd-5", list("?sortOrder=Ascending&sortBy=CreationTime"))
  end)

  it("filters by name, status and time", function()
    assert.equal("even-4 even-2", list("?nameContains=even"))
    e:advance(65) -- the first two are over
    assert.equal("even-2 odd-1", list("?statusEquals=Completed"))
    assert.equal("odd-5 even-4 odd-3", list("?statusEquals=InProgress"))
    assert.equal("odd-5 even-4", list("?creationTimeAfter=2026-11-23T08:00:20Z"))
    assert.equal("even-2 odd-1", list("?creationTimeBefore=2026-11-23T08%3A00%3A20Z"))
    assert.equal("", list("?statusEquals=Failed"))
  end)

  it("summarizes", function()
    e:advance(1000)
    local _, _, answer = list("?maxResults=1")
    local job = answer.modelCustomizationJobSummaries[1]
    assert.equal("odd-5-model", job.customModelName)
    assert.truthy(job.customModelArn:find(":custom-model/", 1, true))
    assert.equal("Completed", job.status)
    assert.equal("Completed", job.statusDetails.trainingDetails.status)
    assert.equal("FINE_TUNING", job.customizationType)
    assert.equal("2026-11-23T08:00:40Z", job.creationTime)
    assert.equal("2026-11-23T08:02:20Z", job.endTime)
  end)

  it("comes in pages that stay right when jobs are added", function()
    local names, token = list("?maxResults=2")
    assert.equal("odd-5 even-4", names)
    caller.create(e, "new-6")
    names, token = list("?maxResults=2&nextToken=" .. core.uri_encode(token))
    assert.equal("odd-3 even-2", names)
    names, token = list("?maxResults=2&nextToken=" .. core.uri_encode(token))
    assert.equal("odd-1", names)
    assert.is_nil(token)
    names = list("?maxResults=6")
    assert.equal("new-6 odd-5 even-4 odd-3 even-2 odd-1", names)
    assert.is_nil(select(2, list("?maxResults=6")))
  end)

  it("keeps the order of jobs made at one moment", function()
    e = caller.new {}
    for i = 1, 5 do caller.create(e, "job-" .. i) end
    local seen, token = {}, nil
    repeat
      local names
      names, token = list("?maxResults=2&sortOrder=Ascending" .. (token and "&nextToken=" .. core.uri_encode(token) or ""))
      seen[#seen + 1] = names
    until not token
    assert.equal("job-1 job-2 job-3 job-4 job-5", table.concat(seen, " "))
  end)

  it("refuses tokens that it did not give, or gave for another question", function()
    local _, token = list("?maxResults=2")
    local changed = (token:gsub("^.", function(c) return c == "A" and "B" or "A" end))
    local queries = {
      "?nextToken=nonsense", "?nextToken=" .. core.uri_encode(core.base64_encode("1|2|abc")),
      "?nextToken=" .. core.uri_encode(changed), "?nameContains=odd&nextToken=" .. core.uri_encode(token),
      "?sortOrder=Ascending&nextToken=" .. core.uri_encode(token),
    }
    for _, query in ipairs(queries) do
      local names, code, message = list(query)
      assert.is_nil(names)
      assert.equal("ValidationException", code)
      assert.truthy(message:find("nextToken", 1, true))
    end
    assert.equal("ValidationException", (caller.refused(e, "GET", "/custom-models?nextToken=" .. core.uri_encode(token))))
    assert.equal("ValidationException", select(2, list("?nextToken=" .. core.uri_encode(token), { region = "us-west-2" })))
  end)

  it("has a page size of its own", function()
    e = caller.new { page_size = 2 }
    for i = 1, 3 do caller.create(e, "job-" .. i) end
    local names, token = list()
    assert.equal("job-3 job-2", names)
    assert.is_string(token)
  end)

  it("checks its parameters", function()
    local rows = {
      { "?maxResults=0", "greater than or equal to 1" }, { "?maxResults=1001", "less than or equal to 1000" },
      { "?sortOrder=Up", "enum value set: [Ascending, Descending]" }, { "?statusEquals=Done", "'statusEquals'" },
      { "?nextToken=", "greater than or equal to 1" }, { "?nameContains=" .. ("x"):rep(64), "less than or equal to 63" },
    }
    for _, row in ipairs(rows) do
      local _, code, message = list(row[1])
      assert.equal("ValidationException", code, row[1])
      assert.truthy(message:find(row[2], 1, true), message)
    end
    for _, query in ipairs { "?maxResults=many", "?creationTimeAfter=yesterday" } do
      assert.equal("SerializationException", select(2, list(query)))
    end
  end)

  it("is one of each region", function()
    assert.equal("", list("", { region = "us-west-2" }))
    caller.create(e, "odd-1", nil, { region = "us-west-2" })
    assert.equal("odd-1", list("", { region = "us-west-2" }))
    assert.equal("odd-5 even-4 odd-3 even-2 odd-1", list())
  end)
end)
