-- jobs.lua: fine-tuning jobs over HTTP, all through one client.
--
--   POST /jobs        {"name":"tone-1","epochs":3}: start one      201 {"name":…,"arn":…}
--   GET  /jobs        the newest ones                              200 {"jobs":[…],"next":…}; ?after=NEXT goes on
--   GET  /jobs/NAME   where one stands                             200 {"name":…,"status":…,"stages":[…],…}
--
-- What goes wrong is {"error":{"code":…,"message":…}} with a status that says whose fault it is.
--
-- Required in init_by_lua, where the environment is still whole. Set these to what you have in your account; the values
-- below are the demo's:
--
--   TUNING_ROLE_ARN    the role that Bedrock assumes to read the corpus and to write the results
--   TUNING_OUTPUT      s3:// URI of the folder for the results
--   TUNING_DATA        s3:// URI of the training data, where a request names none
--   TUNING_BASE_MODEL  what to tune, where a request does not say

local bedrock = require "bedrock"
local cjson = require "cjson.safe"

local ROLE = os.getenv "TUNING_ROLE_ARN" or "arn:aws:iam::123456789012:role/BedrockTuning"
local OUTPUT = os.getenv "TUNING_OUTPUT" or "s3://corpus/out/"
local DATA = os.getenv "TUNING_DATA" or "s3://corpus/train.jsonl"
local BASE_MODEL = os.getenv "TUNING_BASE_MODEL" or "amazon.nova-micro-v1:0:128k"

local jobs = {}

-- Made before the workers are: each has it from then on, and finds credentials for it at its first call.
local client = assert(bedrock.new { timeout = 20 })
jobs.client = client

--- Called when a job was started.
function jobs.on_start() end

local function reply(status, value)
  ngx.status = status
  ngx.header["Cache-Control"] = "no-store"
  ngx.say(cjson.encode(value))
end

local function refuse(status, code, message)
  reply(status, { error = { code = code, message = message } })
end

-- What Bedrock said about the request is the caller's to hear; what is wrong between us and Bedrock is ours.
local STATUS = {
  ParamValidationError = 400, ValidationException = 400, ServiceQuotaExceededException = 400,
  ResourceNotFoundException = 404, ConflictException = 409,
  ThrottlingException = 503, TimeoutError = 504, ConfigurationError = 500, CredentialsError = 500,
}

local function fail(err)
  local status = STATUS[err.code] or 502
  if status < 500 then return refuse(status, err.code, err.message) end
  ngx.log(ngx.ERR, tostring(err))
  refuse(status, err.code, "Bedrock can't be asked now; the error log has the reason.")
end

local STAGES = { "validation", "dataProcessing", "training" }

--- What others see of a job, from the answer about one or from a list's summary, which says less.
---@param job table
---@return table
function jobs.view(job)
  local details, stages = job.statusDetails or {}, {}
  for i, name in ipairs(STAGES) do
    local detail = details[name .. "Details"]
    stages[i] = { name = name, status = detail and detail.status or "NotStarted" }
  end
  local validation = (job.validationMetrics or {})[1]
  local view = {
    name = job.jobName, arn = job.jobArn, status = job.status, stages = stages,
    created = job.creationTime, ended = job.endTime,
    model = job.outputModelName or job.customModelName, failure = job.failureMessage,
    -- Bedrock tells of losses when a job has completed, and not before.
    trainingLoss = job.trainingMetrics and job.trainingMetrics.trainingLoss,
    validationLoss = validation and validation.validationLoss,
  }
  if job.status == "Completed" and job.outputDataConfig then
    view.lossesByStep = ("%s/model-customization-job-%s/training_artifacts/step_wise_training_metrics.csv"):format(
      job.outputDataConfig.s3Uri:gsub("/+$", ""), job.jobArn:match "[^/]+$")
  end
  return view
end

local KNOWN = { name = true, model = true, baseModel = true, epochs = true, learningRate = true, data = true, validation = true }

local function read_order()
  -- A page of another site can't send this type without asking first.
  local kind = ngx.var.content_type or ""
  if not kind:lower():find "^application/json%s*;?" then
    return nil, refuse(415, "UnsupportedMediaType", "The body has to be application/json.")
  end
  ngx.req.read_body()
  local order = cjson.decode(ngx.req.get_body_data() or "")
  if type(order) ~= "table" then return nil, refuse(400, "NotJson", "The body has to be a JSON object.") end
  for key, value in pairs(order) do
    if not KNOWN[key] then return nil, refuse(400, "UnknownMember", "There is no member " .. tostring(key) .. ".") end
    if value == ngx.null then order[key] = nil end
  end
  return order
end

-- The caller chooses what to tune on what; role and output are the service's own.
local function start()
  local order = read_order()
  if not order then return end
  local answer, err = client:create_model_customization_job {
    jobName = order.name,
    customModelName = order.model or order.name,
    roleArn = ROLE,
    baseModelIdentifier = order.baseModel or BASE_MODEL,
    customizationType = "FINE_TUNING",
    hyperParameters = { epochCount = order.epochs, learningRate = order.learningRate },
    trainingDataConfig = { s3Uri = order.data or DATA },
    validationDataConfig = order.validation and { validators = { { s3Uri = order.validation } } },
    outputDataConfig = { s3Uri = OUTPUT },
  }
  if not answer then return fail(err) end
  jobs.on_start()
  ngx.header.Location = "/jobs/" .. ngx.escape_uri(order.name)
  reply(201, { name = order.name, arn = answer.jobArn })
end

local function list()
  local after = ngx.var.arg_after
  local answer, err = client:list_model_customization_jobs {
    maxResults = 50, sortBy = "CreationTime", sortOrder = "Descending", nextToken = after and ngx.unescape_uri(after),
  }
  if not answer then return fail(err) end
  local views = {}
  for i, summary in ipairs(answer.modelCustomizationJobSummaries) do views[i] = cjson.encode(jobs.view(summary)) end
  ngx.header["Cache-Control"] = "no-store"
  -- By hand, since an empty table could be an object as well.
  ngx.say('{"jobs":[', table.concat(views, ","), ']', answer.nextToken and ',"next":' .. cjson.encode(answer.nextToken) or "", "}")
end

local function refuse_method(allowed)
  ngx.header.Allow = allowed
  refuse(405, "MethodNotAllowed", "This path takes " .. allowed .. ".")
end

--- /jobs
function jobs.all()
  local method = ngx.req.get_method()
  if method == "POST" then return start() end
  if method == "GET" then return list() end
  refuse_method "GET, POST"
end

--- /jobs/NAME
---@param name string
function jobs.one(name)
  if ngx.req.get_method() ~= "GET" then return refuse_method "GET" end
  local job, err = client:get_model_customization_job { jobIdentifier = name }
  if not job then return fail(err) end
  reply(200, jobs.view(job))
end

return jobs
