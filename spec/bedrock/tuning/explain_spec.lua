local bedrock = require "bedrock"
local causes = require "bedrock.tuning.causes"
local core = require "bedrock.core"
local emulator = require "bedrock.emulator"
local errors = require "bedrock.errors"
local jobs = require "bedrock.emulator.jobs"
local tuning = require "bedrock.tuning"

local NEW = "new name"
local ROLE = "arn:aws:iam::123456789012:role/BedrockTuning"

local seen = {} -- causes that some test has met

-- An explanation of that cause which reads well.
local function explains(cause, retry, subject, options)
  local found = tuning.explain(subject, options)
  assert(found, ("nothing is known of %s"):format(tostring(subject)))
  assert.equal(cause, found.cause)
  if retry ~= nil then assert.equal(retry, found.retry) end
  seen[cause] = true
  for _, text in ipairs { found.title, found.mend, found.message or "", table.concat(found.checks, " ") } do
    assert(not text:find "[%c\127-\255]" and not text:find "{%a+}", text)
  end
  assert.is_true(#found.checks > 0)
  assert.is_nil(tostring(found):find "[%z\1-\9\11-\31\127-\255]")
  for _, policy in pairs(found.policies or {}) do assert(core.json_decode_plain(policy)) end
  return found
end

local function setup(emulator_options, client_options)
  local e = emulator.new(emulator_options)
  local options = { region = "us-east-1", runtime = e:runtime(), credentials = e.example_credentials, environment = {},
    read_file = function() end, max_attempts = 1 }
  for name, value in pairs(client_options or {}) do options[name] = value end
  if options.bearer_token then options.credentials = nil end
  return assert(bedrock.new(options)), e
end

local function job(name, changes)
  local params = {
    jobName = name or "tone", customModelName = (name or "tone") .. "-model", roleArn = ROLE,
    baseModelIdentifier = "amazon.nova-micro-v1:0:128k", trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" },
    outputDataConfig = { s3Uri = "s3://corpus/out/" },
  }
  for key, value in pairs(changes or {}) do params[key] = value end
  return params
end

-- The error of a call that has to fail.
local function failure(result, err)
  assert.is_nil(result)
  return err
end

local function create(client, ...) return failure(client:create_model_customization_job(job(...))) end

-- What the service says to a call, met at the emulator: a name, the cause, retry, and what provokes it.
local CALLS = {
  { "a taken job name", "job_name_taken", NEW, function()
    local client = setup()
    assert(client:create_model_customization_job(job "a"))
    return create(client, "a", { customModelName = "other" })
  end },
  { "a taken model name", "model_name_taken", NEW, function()
    local client = setup()
    assert(client:create_model_customization_job(job "a"))
    return create(client, "b", { customModelName = "a-model" })
  end },
  { "an unknown base model", "unknown_model", false, function()
    return create(setup(), "a", { baseModelIdentifier = "amazon.nova-nano-v1:0" })
  end },
  { "a model without customization", "not_tunable", false, function()
    return create(setup(), "a", { baseModelIdentifier = "amazon.titan-embed-text-v2:0" })
  end },
  { "a kind that the model does not take", "not_tunable", false, function()
    return create(setup(), "a", { customizationType = "CONTINUED_PRE_TRAINING" })
  end },
  { "an unknown hyperparameter", "hyperparameters", false, function()
    return create(setup(), "a", { hyperParameters = { epochs = 2 } })
  end },
  { "a hyperparameter out of range", "hyperparameters", false, function()
    return create(setup(), "a", { hyperParameters = { epochCount = 20 } })
  end },
  { "no training data", "no_data", false, function() return create(setup(), "a", { trainingDataConfig = {} }) end },
  { "a distillation without its configuration", "kind_of_customization", false, function()
    return create(setup(), "a", { customizationType = "DISTILLATION" })
  end },
  { "a pattern", "parameters", false, function() return create(setup(), "a", { customModelKmsKeyId = "kms key subnet" }) end },
  { "a parameter that the library refuses", "parameters", false, function()
    return create(setup(), "a", { vpcConfig = { subnetIds = {} } })
  end },
  { "tags given twice", "tags", false, function()
    return create(setup(), "a", { jobTags = { { key = "k", value = "1" }, { key = "k", value = "2" } } })
  end },
  { "a reserved tag", "tags", false, function() return create(setup(), "a", { jobTags = { { key = "aws:k", value = "1" } } }) end },
  { "too many tags", "too_many_tags", false, function()
    return create(setup { tag_limit = 1 }, "a", { jobTags = { { key = "k", value = "1" }, { key = "l", value = "2" } } })
  end },
  { "too many jobs", "quota", true, function()
    local client = setup { max_running_jobs = 1 }
    assert(client:create_model_customization_job(job "a"))
    return create(client, "b")
  end },
  { "an unknown job", "not_found", false, function()
    return failure(setup():get_model_customization_job { jobIdentifier = "nothing" })
  end },
  { "an unknown custom model", "unknown_model", false, function()
    return failure(setup():delete_custom_model { modelIdentifier = "nothing" })
  end },
  { "an unknown resource", "not_found", false, function()
    return failure(setup():list_tags_for_resource { resourceARN =
      "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/amazon.nova-micro-v1:0:128k/abcdefghijkl" })
  end },
  { "stopping what is over", "job_is_over", false, function()
    local client, e = setup()
    assert(client:create_model_customization_job(job "a"))
    e:advance(1e6)
    return failure(client:stop_model_customization_job { jobIdentifier = "a" })
  end },
  { "deleting what a job makes", "model_in_use", true, function()
    local client = setup()
    assert(client:create_model_customization_job(job "a"))
    return failure(client:delete_custom_model { modelIdentifier = "a-model" })
  end },
  { "a wrong page token", "page_token", false, function() return failure(setup():list_custom_models { nextToken = "x" }) end },
  { "throttling", "throttled", true, function()
    local client, e = setup()
    e:fault { kind = "throttle" }
    return failure(client:list_custom_models {})
  end },
  { "an error of the service", "service", true, function()
    local client, e = setup()
    e:fault { kind = "error", status = 500 }
    return failure(client:list_custom_models {})
  end },
  { "a service that is down", "service", true, function()
    local client, e = setup()
    e:fault { kind = "error", status = 503 }
    return failure(client:list_custom_models {})
  end },
  { "expired credentials", "expired_credentials", false, function()
    local keys = { access_key_id = "AKIDEXAMPLE00000", secret_access_key = "secretsecretsecret", session_token = "t", expiration = 1 }
    return failure(setup({ credentials = keys }, { credentials = { access_key_id = keys.access_key_id,
      secret_access_key = keys.secret_access_key, session_token = "t" } }):list_custom_models {})
  end },
  { "unknown credentials", "unknown_credentials", false, function()
    return failure(setup({}, { credentials = { access_key_id = "AKIDNOBODY", secret_access_key = "x" } }):list_custom_models {})
  end },
  { "a wrong secret key", "wrong_secret", false, function()
    local _, e = setup()
    return failure(setup({}, { credentials = { access_key_id = e.example_credentials.access_key_id, secret_access_key = "x" } })
      :list_custom_models {})
  end },
  { "a wrong clock", "clock", true, function()
    local client, e = setup()
    e:skew(3600)
    return failure(client:list_custom_models {})
  end },
  { "a region that does not exist", "region_of_signature", false, function()
    return failure(setup({ regions = { "us-east-1" } }, { region = "eu-west-9" }):list_custom_models {})
  end },
  { "a wrong API key", "api_key", false, function() return failure(setup({}, { bearer_token = "x" }):list_custom_models {}) end },
  { "an answer that can't be read", "answer", true, function()
    local client, e = setup()
    e:fault { kind = "not_json", status = 200 }
    return failure(client:list_custom_models {})
  end },
  { "a cut connection", "connection", true, function()
    local client, e = setup()
    e:fault { kind = "refuse" }
    return failure(client:list_custom_models {})
  end },
  { "credentials that can't be had", "no_credentials", false, function()
    return failure(setup({}, { credentials = function() return nil, "no luck" end }):list_custom_models {})
  end },
  { "a wait that was too short", "wait_too_short", true, function()
    local client = setup()
    assert(client:create_model_customization_job(job "a"))
    return failure(client:wait("model_customization_job", { jobIdentifier = "a" }, { timeout = 0.01, interval = 0.01 }))
  end },
  { "a closed client", "settings", false, function()
    local client = setup()
    client:close()
    return failure(client:list_custom_models {})
  end },
}

-- Texts as they were seen elsewhere; errors of the service that the emulator has no cause to give.
local function denied(message) return errors.new { code = "AccessDeniedException", message = message, status = 403 } end
local USER = "User: arn:aws:sts::123456789012:assumed-role/dev/me is not authorized to perform: "
local TEXTS = {
  { "Could not assume provided IAM role.", "role", NEW },
  { "An error occurred (ValidationException) when calling the CreateModelCustomizationJob operation: Could not assume provided IAM role.",
    "role", false },
  { errors.new { code = "ValidationException", message = "Could not assume provided IAM role" }, "role", false },
  { denied(USER .. "iam:PassRole on resource: " .. ROLE), "pass_role", false },
  { denied(USER .. "bedrock:CreateModelCustomizationJob on resource: arn:aws:bedrock:us-west-2:123456789012:model-customization-job/* "
    .. "with an explicit deny in a service control policy"), "denied_by_organization", false },
  { denied(USER .. "bedrock:CreateModelCustomizationJob on resource: arn:aws:bedrock:us-west-2:123456789012:model-customization-job/* "
    .. "because no identity-based policy allows the action"), "not_allowed", false },
  { denied(USER .. "kms:CreateGrant on resource: arn:aws:kms:us-east-1:123456789012:key/1"), "key", false },
  { denied(USER .. "ec2:CreateNetworkInterface"), "vpc", false },
  { denied "You don't have access to the model with the specified model ID.", "model_access", false },
  { "AccessDeniedException: nothing more", "not_allowed", false },
  { "Access Denied (Service: Amazon S3; Status Code: 403)", "denied", NEW },
  { "The KMS key is disabled.", "key", NEW },
  { "The subnet has no free addresses.", "vpc", NEW },
  { "The number of records in the training file exceeds the quota.", "record_count", NEW },
  { "INPUT TOKEN COUNT exceeds the limit", "record_tokens", NEW },
  { "An unexpected error occurred.", "internal", NEW },
  { "OptInRequired: You are not subscribed to this service", "region_off", false },
  { "The provided model identifier is invalid.", "unknown_model", false },
  { errors.new { code = "ValidationException", message = "something new" }, "parameters", false },
  { errors.new { code = "ValidationException", message = "Failed to validate permissions for log group: x, with role: y." },
    "logging_role", false },
  { errors.new { code = "ConflictException", message = "something new" }, "conflict", NEW },
  { errors.new { code = "UnknownOperationException", message = "" }, "unknown_operation", false },
  { errors.new { code = "ConnectionError", message = "the host of bedrock.x-1.amazonaws.com port 443 is not known; check region" },
    "unknown_host", false },
  { errors.new { code = "TLSError", message = "the certificate of bedrock.us-east-1.amazonaws.com port 443 does not verify" }, "certificate",
    false },
  { errors.new { code = "TLSError", message = "the TLS handshake failed" }, "tls", true },
  { errors.new { code = "TimeoutError", message = "bedrock port 443 sent nothing for 60 s (read_timeout)" }, "timeout", true },
  { errors.new { code = "StalledError", message = "no change for 3 h", last = { status = "InProgress", jobArn = "x" } }, "stalled", NEW },
  { "ExpiredTokenException: The security token included in the request is expired", "expired_credentials", false },
}

-- The emulator's reasons for failed jobs, which are the service's.
local FAILURES = { role = "role", get_object = "data_permissions", put_object = "output_permissions", parse = "unreadable_data",
  input_size = "record_size", tokens = "record_tokens", flagged = "flagged_data", format = "record_shape", internal = "internal" }

describe("tuning.explain", function()
  for _, row in ipairs(CALLS) do
    it("knows the error of " .. row[1], function()
      local err = row[4]()
      local found = explains(row[2], row[3], err)
      -- The text alone leads to the same.
      assert.equal(found.cause, tuning.explain(tostring(err)).cause)
    end)
  end

  for _, row in ipairs(TEXTS) do
    it("knows: " .. tostring(row[1]), function() explains(row[2], row[3], row[1]) end)
  end

  for name in pairs(jobs.failures) do
    it("knows why a job failed at the emulator: " .. name, function()
      local client, e = setup { fail_jobs = { tone = name } }
      local arn = assert(client:create_model_customization_job(job())).jobArn
      e:advance(1e6)
      local described = assert(client:get_model_customization_job { jobIdentifier = arn })
      local err = failure(client:wait("model_customization_job", { jobIdentifier = arn }))
      assert.equal("WaiterError", err.code)
      for _, subject in ipairs { described, err, described.failureMessage } do
        local found = explains(FAILURES[name], NEW, subject)
        assert.equal(described.failureMessage, found.message)
      end
    end)
  end

  it("has the policies of a failed job's role, buckets and key", function()
    local client, e = setup { fail_jobs = { a = "role", b = "get_object", c = "put_object" } }
    for name, wanted in pairs { a = { "trust", "caller" }, b = { "permissions", "key" }, c = { "permissions", "key" } } do
      assert(client:create_model_customization_job(job(name, { customModelKmsKeyId = "alias/k" })))
      e:advance(1e6)
      local described = assert(client:get_model_customization_job { jobIdentifier = name })
      local found, all = tuning.explain(described), tuning.policies(described)
      local expected = {}
      for _, one in ipairs(wanted) do expected[one] = assert(all[one]) end
      assert.same(expected, found.policies)
      for one in pairs(expected) do assert.truthy(tostring(found):find(all[one], 1, true)) end
    end
  end)

  it("takes the job from the options where a message or an error has none", function()
    local found = explains("data_permissions", NEW, "Could not validate GetObject permissions", { params = job(), region = "us-east-1" })
    assert.equal(tuning.policies(job(), { region = "us-east-1" }).permissions, found.policies.permissions)
    assert.equal("the file exists, in these letters: s3://corpus/train.jsonl", found.checks[1])
    found = explains("pass_role", false, denied(USER .. "iam:PassRole on resource: " .. ROLE .. " because no policy allows it"))
    assert.truthy(found.policies.caller:find('"Resource": "' .. ROLE .. '"', 1, true)) -- the message names it
    found = explains("not_allowed", false, denied(USER .. "bedrock:StopModelCustomizationJob on resource: arn:aws:bedrock:x"))
    assert.equal("bedrock:StopModelCustomizationJob is allowed for the caller on arn:aws:bedrock:x", found.checks[1])
  end)

  it("knows a job that was stopped, and one that failed for a reason of its own", function()
    local client, e = setup { fail_jobs = { odd = "The moon was in the way." } }
    assert(client:create_model_customization_job(job()))
    assert(client:stop_model_customization_job { jobIdentifier = "tone" })
    e:advance(1e6)
    explains("stopped", NEW, (assert(client:get_model_customization_job { jobIdentifier = "tone" })))
    explains("stopped", NEW, failure(client:wait("model_customization_job", { jobIdentifier = "tone" })))
    assert(client:create_model_customization_job(job "odd"))
    e:advance(1e6)
    local found = explains("failed", NEW, (assert(client:get_model_customization_job { jobIdentifier = "odd" })))
    assert.equal("The moon was in the way.", found.message)
    explains("failed", NEW, { status = "Failed" })
  end)

  it("knows a job that stands still by the clock that it is given", function()
    local T = 1795420800
    local function details(validation, training, changed)
      return { jobArn = "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/x/abc", status = "InProgress", creationTime = T,
        statusDetails = { validationDetails = { status = validation, lastModifiedTime = T + 200 },
          trainingDetails = { status = training, lastModifiedTime = changed } } }
    end
    local HOUR = 3600
    for _, row in ipairs {
      { details("Completed", "NotStarted"), 25 * HOUR, "stalled" },
      { details("Completed", "NotStarted"), HOUR },
      { details("Completed", "InProgress", T + 300), 11 * HOUR },
      { details("Completed", "InProgress", T + 300), 13 * HOUR, "stalled" },
      { details("InProgress", "NotStarted"), 13 * HOUR, "stalled" },
      { { status = "InProgress", statusDetails = {}, creationTime = T }, 17 * HOUR },
      { { status = "InProgress", statusDetails = {}, creationTime = T }, 19 * HOUR, "stalled" },
      { { status = "InProgress" }, 100 * HOUR },
      { { status = "InProgress", jobArn = "arn:x", creationTime = T }, 17 * HOUR },
      { { status = "InProgress", jobArn = "arn:x", creationTime = T }, 19 * HOUR, "stalled" },
      { { status = "Queued", jobArn = "arn:x", creationTime = T }, 19 * HOUR, "stalled" },
      { { status = "InService", provisionedModelArn = "arn:x", creationTime = T }, 100 * HOUR },
      { { modelStatus = "Active", jobArn = "arn:x", creationTime = T }, 100 * HOUR },
      { { status = "Completed", statusDetails = {}, creationTime = T }, 100 * HOUR },
    } do
      local found = tuning.explain(row[1], { now = T + row[2] })
      assert.equal(row[3], found and found.cause)
      if row[3] then explains("stalled", NEW, row[1], { now = T + row[2] }) end
    end
    assert.is_nil(tuning.explain(details("Completed", "NotStarted"))) -- without a clock nobody knows
    local client, e = setup { clock = function() return T end }
    e:advance(25 * HOUR)
    explains("stalled", NEW, details("Completed", "NotStarted"), { client = client })
    -- A wait that gave up tells of it, too.
    explains("stalled", NEW, errors.new { code = "TimeoutError", message = "x was not at its end after 90000 seconds",
      last = details("Completed", "NotStarted") }, { client = client })
  end)

  it("takes the job that an error carries for what was known before, unless the error is about its end", function()
    local client, e = setup()
    assert(client:create_model_customization_job(job()))
    local last = assert(client:get_model_customization_job { jobIdentifier = "tone" })
    e:advance(1e6) -- a machine that slept, say
    for code, cause in pairs { ExpiredTokenException = "expired_credentials", ThrottlingException = "throttled",
      ConnectionError = "connection", CredentialsError = "no_credentials", ResourceNotFoundException = "not_found",
      JobMismatchError = "other_job", StateError = "state_file", StalledError = "stalled" } do
      local retry = code == "ThrottlingException" or code == "ConnectionError"
      explains(cause, code == "StalledError" and NEW or retry, errors.new { code = code, message = "no", last = last }, { client = client })
    end
    last = { jobArn = last.jobArn, status = "Stopped" }
    explains("other_job", false, errors.new { code = "JobMismatchError", message = "no", last = last })
    explains("expired_credentials", false, errors.new { code = "ExpiredTokenException", message = "no", last = last })
    assert.is_nil(tuning.explain(errors.new { code = "CancelledError", message = "no", last = last }))
  end)

  it("knows nothing where nothing is wrong, or known", function()
    local client, e = setup()
    assert(client:create_model_customization_job(job()))
    assert.is_nil(tuning.explain(assert(client:get_model_customization_job { jobIdentifier = "tone" }), { client = client }))
    e:advance(1e6)
    assert.is_nil(tuning.explain(assert(client:get_model_customization_job { jobIdentifier = "tone" }), { client = client }))
    assert.is_nil(tuning.explain "")
    assert.is_nil(tuning.explain "The moon was in the way.")
    assert.is_nil(tuning.explain {})
    assert.is_nil(tuning.explain(errors.new { code = "NewException", message = "new" }))
    assert.is_nil(tuning.explain(errors.new { code = "CancelledError", message = "the subnet" }))
  end)

  it("asks rows of the caller first", function()
    local rows = {
      { cause = "ours", title = "the {region} moon", fragments = { "the moon" }, mend = "wait for {model}", retry = true,
        source = { url = "https://wiki.example/moon", seen = "2026-10" }, policies = { "trust" } },
      { cause = "capitals", title = "letters", fragments = { "The MOON" }, mend = "nothing", source = "role" },
      { cause = "throttle-wiki", title = "slow down", codes = { "ThrottlingException" }, mend = "see the wiki" },
    }
    local found = tuning.explain("The Moon was in the way.", { causes = rows, region = "us-east-1", params = job() })
    assert.same({ "ours", "the us-east-1 moon", "wait for amazon.nova-micro-v1:0:128k", true, "https://wiki.example/moon" },
      { found.cause, found.title, found.mend, found.retry, found.source.url })
    assert.equal(tuning.policies(job(), { region = "us-east-1" }).trust, found.policies.trust)
    assert.equal("capitals", tuning.explain("the moon", { causes = { rows[2] } }).cause)
    found = tuning.explain(errors.new { code = "ThrottlingException", message = "Rate exceeded" }, { causes = rows })
    assert.same({ "throttle-wiki", false, 0 }, { found.cause, found.retry, #found.checks })
    assert.truthy(tostring(found):find("see the wiki", 1, true))
    explains("quota", true, errors.new { code = "ServiceQuotaExceededException", message = "" }, { causes = rows })
  end)

  it("reads well", function()
    assert.equal(table.concat({
      "only a job in progress can be stopped",
      "  message   it cannot be stopped",
      "  check     - its status: get_model_customization_job",
      "  mend      nothing is left to stop",
      "  again     only after something has changed",
      "  source    https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-stop.html (seen 2026-11)",
    }, "\n"), tostring(tuning.explain(errors.new { code = "ConflictException", message = "it cannot be stopped" })))
  end)

  it("stands any text and any table", function()
    local cyclic, evil = {}, setmetatable({}, { __index = function() error "no" end, __tostring = function() error "no" end })
    cyclic.last, cyclic.statusDetails, cyclic.failureMessage = cyclic, cyclic, cyclic
    for _, value in ipairs { 0, true, print, cyclic, evil, core.json_null, "\0\n\27[2J", ("getobject\n"):rep(20000), "\255", {} } do
      for _, name in ipairs { "code", "message", "failure_message", "last", "failureMessage", "status", "statusDetails", "jobArn", "roleArn",
        "trainingDataConfig", "creationTime" } do
        local subject = { status = "Failed", failureMessage = "GetObject" }
        subject[name] = value
        tostring(tuning.explain(subject, { now = 1 }))
        subject = { code = "ValidationException", message = "GetObject" }
        subject[name] = value
        tostring(tuning.explain(subject, { now = 1, params = { [name] = value } }))
      end
      if type(value) == "string" or type(value) == "table" then tuning.explain(value) end
    end
    local found = explains("data_permissions", NEW, ("GetObject\n\27[31m\255"):rep(100))
    assert.is_true(#found.message < 500)
  end)

  it("raises for what can't be explained and for options that are none, at the caller's line", function()
    -- Arguments with a row of causes in which something is wrong, and what the message says.
    local function row(changes, message)
      local all = { cause = "a", title = "b", mend = "c" }
      for name, value in pairs(changes) do all[name] = value end
      return { "x", { causes = { all } }, message or next(changes) }
    end
    for _, case in ipairs {
      { nil, nil, "takes a message, an error or a job, got nil" }, { 1, nil, "got number" }, { "x", 1, "must be a table, got number" },
      { "x", { parms = {} }, 'unknown option "parms" to explain (did you mean "params"?)' },
      { "x", { now = "1" }, "option now of explain must be a number, got string" },
      { "x", { account_id = "1111-2222-3333" }, "option account_id of explain must be twelve digits" },
      { "x", { causes = { 1 } }, "row 1 of the option causes of explain must be a table, got number" },
      { "x", { causes = { { cause = "a", title = "b" } } }, "row 1 of the option causes of explain needs cause, title and mend" },
      row { mend = 1 }, row({}, "needs codes, fragments or a state"), row({ codes = "X" }, "option codes"), row { codes = { {} } },
      row { fragments = { "a", 1 } }, row { checks = { 5 } }, row { policies = "trust" }, row { state = "exploded" },
      row { retry = "maybe" }, row { source = {} }, row { source = "nowhere" }, row { cuase = "a" },
    } do
      local ok, message = pcall(function() tuning.explain(case[1], case[2]) end)
      assert.is_false(ok)
      assert.truthy(message:find("explain_spec.lua:", 1, true), message)
      assert.truthy(message:find(case[3], 1, true), message)
    end
  end)

  it("has met each of its causes above, and each has what it needs", function()
    local models = require "bedrock.tuning.models"
    for i, row in ipairs(causes) do
      assert(seen[row.cause], ("row %d, %s, has no test"):format(i, row.cause))
      assert(type(row.retry) == "boolean" or row.retry == NEW, row.cause)
      assert(row.source == nil or type(row.source) == "table" or models.sources[row.source], row.cause)
      for _, fragment in ipairs(row.fragments or {}) do assert.equal(fragment:lower(), fragment) end
    end
  end)

  it("no row stands in another one's way", function()
    for _, row in ipairs(causes) do
      for _, code in ipairs(row.codes or {}) do
        for _, fragment in ipairs(row.fragments or { "no" }) do
          local message = "First " .. fragment .. ", then more"
          for _, subject in ipairs { errors.new { code = code, message = message }, code .. ": " .. message,
            ("An error occurred (%s) when calling an operation: %s"):format(code, message) } do
            explains(row.cause, nil, subject)
          end
        end
      end
      for _, fragment in ipairs(not row.codes and row.fragments or {}) do
        for _, message in ipairs { "First " .. fragment .. ", then more", fragment:upper() } do
          explains(row.cause, nil, message)
          explains(row.cause, NEW, { status = "Failed", failureMessage = message })
        end
      end
    end
  end)
end)
