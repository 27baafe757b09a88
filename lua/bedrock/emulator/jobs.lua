--- Model customization jobs: creation with all the service's conditions, and what time makes of them.

local core = require "bedrock.core"
local answer = require "bedrock.emulator.answer"
local custom_models = require "bedrock.emulator.custom_models"
local hyperparameters = require "bedrock.emulator.hyperparameters"
local life = require "bedrock.emulator.life"
local paging = require "bedrock.emulator.paging"
local tags = require "bedrock.emulator.tags"

local jobs = {}

local exception = answer.exception

--- Why jobs fail in the service: names to order by, and its messages.
jobs.failures = {
  role = "Could not assume provided IAM role. Please verify the role's trust policy.",
  get_object = "Could not validate GetObject permissions to access Amazon S3 bucket.",
  put_object = "The provided IAM role has perms missing (PutObject) on the output location.",
  parse = "Unable to parse Amazon S3 file. Fix the data and try again.",
  input_size = "Input size exceeded in file. Fix the data and try again.",
  tokens = "The sum of input and output token counts of a record exceeds the limit of the base model.",
  flagged = "Automated tests flagged this dataset: it does not comply with the model provider's policy.",
  format = "Each record must follow '{\"prompt\": \"...\", \"completion\": \"...\"}'.",
  internal = "The job ran into an internal error. Try again with a new job name.",
}

-- The failures of the data show when it is checked, those of the service while it trains.
local STAGE_OF = { internal = "training", put_object = "training" }

--- A failure from what was ordered.
---@param message string|nil  a name of `jobs.failures` or a text; nil: an internal error
---@param stage string|nil
---@return {message: string, stage: string}
function jobs.failure(message, stage)
  message = message or "internal"
  return { message = jobs.failures[message] or message, stage = stage or STAGE_OF[message] or "validation" }
end

-- The ordered stage or, when that is over, the one under way; nil where the job is over already.
local function stage_to_come(job, wanted, now)
  local state = life.state(job, now)
  for _, stage in ipairs(life.stages) do
    if stage == state.stage then return wanted, state end
    if stage == wanted then return state.stage, state end
  end
end

--- Let a job fail, at the ordered stage or, when that is over, at the one under way.
---@param job table
---@param failure {message: string, stage: string}
---@param now number
---@return boolean ordered  false: the job is over already
function jobs.fail(job, failure, now)
  local stage = stage_to_come(job, failure.stage, now)
  if not stage then return false end
  job.failure = { message = failure.message, stage = stage }
  return true
end

--- Let a job stand still, in the ordered stage or, when that is over, in the one under way. The past stays: a stage that has
--- stood still for longer than ordered goes on from now.
---@param job table
---@param stall {stage: string, seconds: number, before: boolean|nil}
---@param now number
---@return boolean ordered  false: the job is over already
function jobs.stall(job, stall, now)
  local stage, state = stage_to_come(job, stall.stage, now)
  if not stage then return false end
  local begun, before = state.details[stage].creationTime, stall.before
  job.stalls = job.stalls or {}
  local known = job.stalls[stage] or {}
  local passed = 0
  if begun and not (before and begun == now) then
    passed, before = now - begun - job.plan[stage], false
  elseif stage == state.stage then
    passed, before = now - state.changed, true
  end
  known[before and "before" or "within"] = math.max(stall.seconds, passed)
  job.stalls[stage] = known
  return true
end

--- Jobs that have come to an end since the last look: their models appear, in the order in which they were finished.
---@param store bedrock.emulator.Store
---@param now number
function jobs.settle(store, now)
  local ended = {}
  for i = #store.running, 1, -1 do
    local job = store.running[i]
    local state = life.state(job, now)
    if state.ended then
      job.final = state
      ended[#ended + 1] = job
      table.remove(store.running, i)
    end
  end
  table.sort(ended, function(a, b)
    if a.final.ended ~= b.final.ended then return a.final.ended < b.final.ended end
    return a.sequence < b.sequence
  end)
  for _, job in ipairs(ended) do
    if job.final.status == "Completed" then
      custom_models.create(store, job, job.final.ended)
    elseif job.final.status == "Failed" then
      store.taken[job.parameters.customModelName] = nil
    end
  end
end

-- What the job starts from: the foundation model, and the custom model if it is one.
local function find_base(ctx, identifier)
  local entry = ctx.foundation_models:find_base(identifier)
  if entry then return entry end
  local custom = custom_models.find(ctx.store, identifier)
  if custom then return custom.job.base, custom end
  return nil
end

local function check_base(params, base)
  if not base then
    return nil, exception("ResourceNotFoundException",
      ("Could not find the base model %s."):format(params.baseModelIdentifier))
  end
  local kinds = base.customizationsSupported or {}
  if #kinds == 0 then
    return nil, exception("ValidationException",
      ("The model %s does not support customization."):format(base.modelId))
  end
  local wanted = params.customizationType
  for _, kind in ipairs(kinds) do
    if kind == wanted then return true end
  end
  return nil, exception("ValidationException",
    ("The model %s does not support the customization type %s."):format(base.modelId, wanted))
end

-- Conditions between members, which the API table can't express.
local function check_parameters(params)
  local data = params.trainingDataConfig
  if not data.s3Uri and not data.invocationLogsConfig then
    return nil, exception("ValidationException", "The training data is missing: trainingDataConfig needs an s3Uri or "
      .. "an invocationLogsConfig.")
  end
  local config = params.customizationConfig or {}
  if params.customizationType == "DISTILLATION" and not config.distillationConfig then
    return nil, exception("ValidationException",
      "A customization of type DISTILLATION needs customizationConfig.distillationConfig.")
  end
  if params.customizationType == "REINFORCEMENT_FINE_TUNING" and not config.rftConfig then
    return nil, exception("ValidationException",
      "A customization of type REINFORCEMENT_FINE_TUNING needs customizationConfig.rftConfig.")
  end
  return true
end

local function check_names(store, params)
  if store.job_by[params.jobName] then
    return nil, exception("ConflictException",
      "The provided job name is currently in use. Try a different job name.")
  end
  if store.taken[params.customModelName] then
    return nil, exception("ConflictException",
      "The provided custom model name is currently in use. Try a different custom model name.")
  end
  return true
end

local function check_hyperparameters(ctx, params, base)
  local families = ctx.options.hyperparameters
  local family = families and hyperparameters.family(families, base.modelId)
  if not family then return params.hyperParameters or {} end
  local given = params.hyperParameters
  if not given or next(given) == nil then given = hyperparameters.defaults(family) end
  local problem = hyperparameters.check(family, params.hyperParameters or {})
  if problem then return nil, exception("ValidationException", problem) end
  return given
end

local function check_tags(ctx, params)
  local limit = ctx.options.tag_limit
  local ok, err = tags.check(params.jobTags, nil, limit, params.jobName)
  if not ok then return nil, err end
  return tags.check(params.customModelTags, nil, limit, params.customModelName)
end

-- Answers speak of a key by ARN, however it was named.
local function kms_key_arn(store, key)
  if not key or key:find("^arn:.*:key/") then return key end
  local id = key
  if #key ~= 36 or key:find("/") then
    local digest = core.hex(core.md5(key))
    id = table.concat({ digest:sub(1, 8), digest:sub(9, 12), digest:sub(13, 16), digest:sub(17, 20), digest:sub(21) }, "-")
  end
  return ("arn:%s:kms:%s:%s:key/%s"):format(store.partition, store.region, store.account_id, id)
end

--- The operations of this room by their names in the API.
---@type table<string, fun(ctx: bedrock.emulator.Context, params: table): table|nil, bedrock.emulator.Exception?>
jobs.operations = {}

function jobs.operations.CreateModelCustomizationJob(ctx, params)
  local store = ctx.store
  -- A token that is known: the service ignores the request and tells of no error.
  local known = params.clientRequestToken and store.tokens[params.clientRequestToken]
  if known then return { jobArn = known.arn } end

  params.customizationType = params.customizationType or "FINE_TUNING"
  params.validationDataConfig = params.validationDataConfig or { validators = {} }
  local base, base_model = find_base(ctx, params.baseModelIdentifier)
  local ok, err = check_base(params, base)
  if ok then ok, err = check_parameters(params) end
  if ok then ok, err = check_names(store, params) end
  if ok then ok, err = check_tags(ctx, params) end
  if not ok then return nil, err end
  params.hyperParameters, err = check_hyperparameters(ctx, params, base)
  if not params.hyperParameters then return nil, err end
  if #store.running >= ctx.options.max_running_jobs then
    return nil, exception("ServiceQuotaExceededException",
      "You have reached the maximum number of customization jobs that may run at a time.")
  end

  local id = store:new_id()
  local foundation_arn = store:foundation_arn(base.modelId)
  local job = {
    id = id,
    arn = store:arn("model-customization-job", base.modelId .. "/" .. id),
    name = params.jobName,
    created = ctx.now,
    sequence = store:next_sequence(),
    parameters = params,
    base = base,
    base_model = base_model,
    base_arn = base_model and base_model.arn or foundation_arn,
    foundation_arn = foundation_arn,
    kms_key_arn = kms_key_arn(store, params.customModelKmsKeyId),
    plan = life.plan(params, ctx.options.job_duration, ctx.options.speed),
    failure = ctx.take_failure(params.jobName),
  }
  local stall = ctx.take_stall(params.jobName)
  if stall then jobs.stall(job, stall, ctx.now) end
  store.jobs[#store.jobs + 1] = job
  store.running[#store.running + 1] = job
  store.job_by[job.arn], store.job_by[job.name] = job, job
  store.taken[params.customModelName] = job
  if params.clientRequestToken then store.tokens[params.clientRequestToken] = job end
  tags.put(store, job.arn, params.jobTags)
  return { jobArn = job.arn }
end

--- A job by name, by ARN or by the twelve characters at the end of its ARN.
---@param store bedrock.emulator.Store
---@param identifier string
---@return table|nil job
function jobs.find(store, identifier)
  return store:find("job", identifier)
end

local function find(ctx, identifier)
  local job = jobs.find(ctx.store, identifier)
  if job then return job, job.final or life.state(job, ctx.now) end
  return nil, exception("ResourceNotFoundException",
    ("Could not find the model customization job %s."):format(identifier))
end

local function status_details(state)
  local details = {}
  for stage, detail in pairs(state.details) do details[stage .. "Details"] = detail end
  return details
end

function jobs.operations.GetModelCustomizationJob(ctx, params)
  local job, state = find(ctx, params.jobIdentifier)
  if not job then return nil, state end
  local p = job.parameters
  local training, validation
  if state.status == "Completed" then training, validation = life.metrics(p) end
  return {
    jobArn = job.arn,
    jobName = job.name,
    outputModelName = p.customModelName,
    outputModelArn = job.model and job.model.arn,
    clientRequestToken = p.clientRequestToken,
    roleArn = p.roleArn,
    status = state.status,
    statusDetails = status_details(state),
    failureMessage = state.message,
    creationTime = job.created,
    lastModifiedTime = state.changed,
    endTime = state.ended,
    baseModelArn = job.foundation_arn,
    hyperParameters = p.hyperParameters,
    trainingDataConfig = p.trainingDataConfig,
    validationDataConfig = p.validationDataConfig,
    outputDataConfig = p.outputDataConfig,
    customizationType = p.customizationType,
    outputModelKmsKeyArn = job.kms_key_arn,
    trainingMetrics = training,
    validationMetrics = validation,
    vpcConfig = p.vpcConfig,
    customizationConfig = p.customizationConfig,
  }
end

function jobs.operations.ListModelCustomizationJobs(ctx, params)
  local items, states = {}, {}
  for _, job in ipairs(ctx.store.jobs) do
    local state = job.final or life.state(job, ctx.now)
    if paging.passes(job, params) and (not params.statusEquals or state.status == params.statusEquals) then
      items[#items + 1] = job
      states[job] = state
    end
  end
  local page, token = paging.page(items, params, {
    name = "ListModelCustomizationJobs@" .. ctx.store.region, key = ctx.options.token_key,
    page_size = ctx.options.page_size,
  })
  if not page then return nil, token end
  local summaries = {}
  for i, job in ipairs(page) do
    local state = states[job]
    summaries[i] = {
      jobArn = job.arn,
      baseModelArn = job.base_arn,
      jobName = job.name,
      status = state.status,
      statusDetails = status_details(state),
      lastModifiedTime = state.changed,
      creationTime = job.created,
      endTime = state.ended,
      customModelArn = job.model and job.model.arn,
      customModelName = job.parameters.customModelName,
      customizationType = job.parameters.customizationType,
    }
  end
  return { modelCustomizationJobSummaries = summaries, nextToken = token }
end

function jobs.operations.StopModelCustomizationJob(ctx, params)
  local job, state = find(ctx, params.jobIdentifier)
  if not job then return nil, state end
  if state.status ~= "InProgress" then
    return nil, exception("ConflictException",
      ("The job can't be stopped: its status is %s. Only a job in progress can be stopped."):format(state.status))
  end
  job.stop_at = ctx.now
  return {}
end

return jobs
