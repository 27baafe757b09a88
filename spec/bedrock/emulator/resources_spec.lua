--- Custom models, foundation models, tags and logging configurations.

local caller = require "spec.bedrock.emulator.caller"
local core = require "bedrock.core"

describe("the emulator's custom models", function()
  local e
  before_each(function()
    e = caller.new { job_duration = 100 }
    caller.create(e, "one", { customModelTags = { { key = "a", value = "1" } } })
  end)

  local function names(query)
    local answer = caller.send(e, "GET", "/custom-models" .. (query or ""))
    local list = {}
    for i, entry in ipairs(answer.modelSummaries) do list[i] = entry.modelName end
    return table.concat(list, " "), answer
  end

  it("appear when their job is done, not before", function()
    e:advance(99)
    assert.equal("", names())
    assert.equal("ResourceNotFoundException", (caller.refused(e, "GET", "/custom-models/one-model")))
    e:advance(1)
    local list, answer = names()
    assert.equal("one-model", list)
    local found = answer.modelSummaries[1]
    assert.equal("amazon.titan-text-express-v1", found.baseModelName)
    assert.equal("arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1:0:8k", found.baseModelArn)
    assert.equal("Active", found.modelStatus)
    assert.equal("123456789012", found.ownerAccountId)
    assert.equal("FINE_TUNING", found.customizationType)
    assert.equal("2026-11-23T08:01:40Z", found.creationTime)
  end)

  it("tell of their job, and are found by name, ARN and id", function()
    e:advance(100)
    local found = caller.send(e, "GET", "/custom-models/one-model")
    local job = caller.send(e, "GET", "/model-customization-jobs/one")
    assert.equal(job.jobArn, found.jobArn)
    assert.equal(job.outputModelArn, found.modelArn)
    assert.same(job.trainingMetrics, found.trainingMetrics)
    for _, name in ipairs { "jobName", "baseModelArn", "hyperParameters", "trainingDataConfig", "validationDataConfig",
      "outputDataConfig", "customizationType" } do
      assert.same(job[name], found[name], name)
    end
    assert.equal("Active", found.modelStatus)
    assert.equal(found.modelArn, caller.send(e, "GET", "/custom-models/" .. core.uri_encode(found.modelArn)).modelArn)
    assert.equal(found.modelArn, caller.send(e, "GET", "/custom-models/" .. found.modelArn:match("[^/]+$")).modelArn)
  end)

  it("are filtered by status, owner, name and time", function()
    e:advance(50)
    caller.create(e, "two")
    e:advance(200)
    assert.equal("two-model one-model", names())
    assert.equal("one-model two-model", names("?sortOrder=Ascending"))
    assert.equal("two-model one-model", names("?modelStatus=Active&isOwned=true"))
    assert.equal("", names("?modelStatus=Failed"))
    assert.equal("", names("?isOwned=false"))
    assert.equal("two-model", names("?nameContains=two"))
    assert.equal("two-model", names("?creationTimeAfter=2026-11-23T08:02:00Z"))
    assert.equal("one-model", names("?creationTimeBefore=2026-11-23T08:02:00Z"))
    assert.equal("ValidationException", (caller.refused(e, "GET", "/custom-models?modelStatus=Dead")))
  end)

  it("are deleted once, and their name is free again", function()
    assert.equal("ConflictException", (caller.refused(e, "DELETE", "/custom-models/one-model")))
    e:advance(100)
    local answer, response = caller.send(e, "DELETE", "/custom-models/one-model")
    assert.equal(200, response.status)
    assert.same({}, answer)
    assert.equal("", names())
    local code, _, status = caller.refused(e, "DELETE", "/custom-models/one-model")
    assert.equal("ResourceNotFoundException", code)
    assert.equal(404, status)
    caller.create(e, "two", { customModelName = "one-model" })
  end)

  it("check the form of their identifier", function()
    local code, message = caller.refused(e, "GET", "/custom-models/arn%3Aaws%3As3%3A%3A%3Abucket")
    assert.equal("ValidationException", code)
    assert.truthy(message:find("'modelIdentifier' failed to satisfy constraint: Member must satisfy regular expression", 1, true))
  end)
end)

describe("the emulator's foundation models", function()
  local e = caller.new {}

  local function count(query)
    local answer = caller.send(e, "GET", "/foundation-models" .. (query or ""))
    return #answer.modelSummaries, answer.modelSummaries
  end

  it("fit the API's own constraints", function()
    local validation = require "bedrock.emulator.validation"
    local _, list = count()
    for _, entry in ipairs(list) do
      entry.modelLifecycle.status = entry.modelLifecycle.status
      assert.truthy(validation.check({ input = e.model.operations.ListFoundationModels.output }, { modelSummaries = { entry } }),
        entry.modelId)
    end
  end)

  it("are filtered by provider, way to customize, modality and inference", function()
    local all = count()
    local tunable, list = count("?byCustomizationType=FINE_TUNING")
    assert.is_true(tunable > 10 and tunable < all)
    for _, entry in ipairs(list) do assert.same({ "PROVISIONED" }, { entry.inferenceTypesSupported[#entry.inferenceTypesSupported] }) end
    assert.equal(count("?byProvider=Meta"), count("?byProvider=meta"))
    assert.equal(0, (count("?byProvider=Nobody")))
    assert.is_true(count("?byOutputModality=EMBEDDING") >= 3)
    assert.equal(all, count("?byInferenceType=ON_DEMAND") + count("?byInferenceType=PROVISIONED")
      - 1) -- Nova Canvas has both
    assert.equal("ValidationException", (caller.refused(e, "GET", "/foundation-models?byInferenceType=MAGIC")))
  end)

  it("are found by id and ARN", function()
    local details = caller.send(e, "GET", "/foundation-models/amazon.nova-lite-v1%3A0").modelDetails
    assert.equal("amazon.nova-lite-v1:0", details.modelId)
    assert.equal("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", details.modelArn)
    assert.same({ "TEXT", "IMAGE" }, details.inputModalities)
    assert.same({}, details.customizationsSupported)
    assert.equal("ACTIVE", details.modelLifecycle.status)
    assert.same(details, caller.send(e, "GET", "/foundation-models/" .. core.uri_encode(details.modelArn)).modelDetails)
    local code, _, status = caller.refused(e, "GET", "/foundation-models/amazon.nova-giga-v1%3A0")
    assert.equal("ResourceNotFoundException", code)
    assert.equal(404, status)
    assert.equal("ValidationException", (caller.refused(e, "GET", "/foundation-models/nonsense")))
  end)

  it("can be others", function()
    local other = caller.new { foundation_models = { { modelId = "acme.rocket-v1", modelName = "Rocket",
      customizationsSupported = { "FINE_TUNING" } } } }
    assert.equal("Rocket", caller.send(other, "GET", "/foundation-models").modelSummaries[1].modelName)
    caller.create(other, "one", { baseModelIdentifier = "acme.rocket-v1", hyperParameters = { any = "thing" } })
  end)

  it("have ARNs of their region's partition", function()
    local list = caller.send(e, "GET", "/foundation-models", nil, { region = "us-gov-west-1" }).modelSummaries
    assert.truthy(list[1].modelArn:find("^arn:aws%-us%-gov:bedrock:us%-gov%-west%-1::"))
  end)
end)

describe("the emulator's tags", function()
  local e, job
  before_each(function()
    e = caller.new { job_duration = 100 }
    job = caller.create(e, "one", {
      jobTags = { { key = "team", value = "support" }, { key = "stage", value = "test" } },
      customModelTags = { { key = "kind", value = "model" } },
    })
  end)

  local function tags(arn)
    return caller.send(e, "POST", "/listTagsForResource", { resourceARN = arn }).tags
  end

  it("come from the job's creation, for the job and for its model", function()
    assert.same({ { key = "team", value = "support" }, { key = "stage", value = "test" } }, tags(job))
    e:advance(100)
    local custom = caller.send(e, "GET", "/custom-models/one-model")
    assert.same({ { key = "kind", value = "model" } }, tags(custom.modelArn))
    caller.send(e, "DELETE", "/custom-models/one-model")
    assert.equal("ResourceNotFoundException", (caller.refused(e, "POST", "/listTagsForResource", { resourceARN = custom.modelArn })))
  end)

  it("are added, changed and taken away", function()
    local answer, response = caller.send(e, "POST", "/tagResource", { resourceARN = job,
      tags = { { key = "stage", value = "live" }, { key = "new", value = "" } } })
    assert.equal(200, response.status)
    assert.same({}, answer)
    assert.same({ { key = "team", value = "support" }, { key = "stage", value = "live" }, { key = "new", value = "" } }, tags(job))
    caller.send(e, "POST", "/untagResource", { resourceARN = job, tagKeys = { "team", "absent" } })
    assert.same({ { key = "stage", value = "live" }, { key = "new", value = "" } }, tags(job))
    caller.send(e, "POST", "/untagResource", { resourceARN = job, tagKeys = { "stage", "new" } })
    assert.same({}, tags(job))
    assert.truthy(select(2, caller.send(e, "POST", "/listTagsForResource", { resourceARN = job })).body:find('"tags":[]', 1, true))
  end)

  it("are limited in number, and the error names the resource", function()
    e = caller.new { tag_limit = 3 }
    job = caller.create(e, "one", { jobTags = { { key = "a", value = "" }, { key = "b", value = "" } } })
    local answer, response = caller.send(e, "POST", "/tagResource", { resourceARN = job,
      tags = { { key = "c", value = "" }, { key = "d", value = "" } } })
    assert.equal(400, response.status)
    assert.equal("TooManyTagsException", response.headers["x-amzn-errortype"])
    assert.equal(job, answer.resourceName)
    assert.equal(2, #tags(job))
    caller.send(e, "POST", "/tagResource", { resourceARN = job, tags = { { key = "a", value = "2" }, { key = "c", value = "" } } })
    assert.equal(3, #tags(job))
  end)

  it("need a resource that exists, and sound keys", function()
    local other = job:gsub("%w+$", "abcdefghijkl")
    for _, path in ipairs { "/tagResource", "/untagResource", "/listTagsForResource" } do
      local code, message, status = caller.refused(e, "POST", path, { resourceARN = other,
        tags = setmetatable({}, core.json_array_mt), tagKeys = setmetatable({}, core.json_array_mt) })
      assert.equal("ResourceNotFoundException", code)
      assert.equal(404, status)
      assert.truthy(message:find(other, 1, true))
    end
    local rows = {
      { { { key = "a", value = "" }, { key = "a", value = "" } }, "Duplicate" },
      { { { key = "", value = "" } }, "'tags.1.member.key' failed to satisfy constraint: Member must have length greater" },
      { { { key = "a!", value = "" } }, "regular expression" }, { { { key = ("k"):rep(129), value = "" } }, "equal to 128" },
      { { { key = "k", value = ("v"):rep(257) } }, "equal to 256" },
      { { { key = "k" } }, "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null" },
    }
    for _, row in ipairs(rows) do
      local code, message = caller.refused(e, "POST", "/tagResource", { resourceARN = job, tags = row[1] })
      assert.equal("ValidationException", code)
      assert.truthy(message:find(row[2], 1, true), message)
    end
  end)
end)

describe("the emulator's logging configuration", function()
  it("is one of each region", function()
    local e = caller.new {}
    local path = "/logging/modelinvocations"
    local here, there = nil, { region = "eu-central-1" }
    local config = {
      s3Config = { bucketName = "logs", keyPrefix = "bedrock/" }, textDataDeliveryEnabled = true, imageDataDeliveryEnabled = false,
      cloudWatchConfig = { logGroupName = "group", roleArn = "arn:aws:iam::123456789012:role/Logs" },
    }
    assert.same({}, (caller.send(e, "GET", path)))
    local answer, response = caller.send(e, "PUT", path, { loggingConfig = config })
    assert.equal(200, response.status)
    assert.same({}, answer)
    assert.same(config, caller.send(e, "GET", path, nil, here).loggingConfig)
    assert.same({}, (caller.send(e, "GET", path, nil, there)))
    caller.send(e, "PUT", path, { loggingConfig = { textDataDeliveryEnabled = true } }, there)
    caller.send(e, "DELETE", path)
    assert.same({}, (caller.send(e, "GET", path)))
    assert.same({ textDataDeliveryEnabled = true }, caller.send(e, "GET", path, nil, there).loggingConfig)
    assert.equal(200, select(2, caller.send(e, "DELETE", path)).status)
    local code, message = caller.refused(e, "PUT", path, { loggingConfig = { s3Config = {}, cloudWatchConfig = {} } })
    assert.equal("ValidationException", code)
    assert.truthy(message:find("^3 validation errors detected: "))
    assert.truthy(message:find("'loggingConfig.s3Config.bucketName'", 1, true))
  end)
end)
