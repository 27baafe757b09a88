--- Custom models: what finished jobs leave behind.

local answer = require "bedrock.emulator.answer"
local life = require "bedrock.emulator.life"
local paging = require "bedrock.emulator.paging"
local tags = require "bedrock.emulator.tags"

local custom_models = {}

local exception = answer.exception

--- The model of a finished job.
---@param store bedrock.emulator.Store
---@param job table
---@param created number
function custom_models.create(store, job, created)
  local id = store:new_id()
  local custom_model = {
    id = id,
    arn = store:arn("custom-model", job.base.modelId .. "/" .. id),
    name = job.parameters.customModelName,
    created = created,
    sequence = store:next_sequence(),
    job = job,
  }
  job.model = custom_model
  store.models[#store.models + 1] = custom_model
  store.model_by[custom_model.arn] = custom_model
  store.model_by[custom_model.name] = custom_model
  tags.put(store, custom_model.arn, job.parameters.customModelTags)
end

--- A model by name, by ARN or by the twelve characters at the end of its ARN.
---@param store bedrock.emulator.Store
---@param identifier string
---@return table|nil custom_model
function custom_models.find(store, identifier)
  return store:find("model", identifier)
end

local function not_found(identifier)
  return nil, exception("ResourceNotFoundException",
    ("Could not find the custom model %s."):format(identifier))
end

--- The operations of this room by their names in the API.
---@type table<string, fun(ctx: bedrock.emulator.Context, params: table): table|nil, bedrock.emulator.Exception?>
custom_models.operations = {}

function custom_models.operations.GetCustomModel(ctx, params)
  local found = custom_models.find(ctx.store, params.modelIdentifier)
  if not found then return not_found(params.modelIdentifier) end
  local job = found.job
  local p = job.parameters
  local training, validation = life.metrics(p)
  return {
    modelArn = found.arn,
    modelName = found.name,
    jobName = job.name,
    jobArn = job.arn,
    baseModelArn = job.base_arn,
    customizationType = p.customizationType,
    modelKmsKeyArn = job.kms_key_arn,
    hyperParameters = p.hyperParameters,
    trainingDataConfig = p.trainingDataConfig,
    validationDataConfig = p.validationDataConfig,
    outputDataConfig = p.outputDataConfig,
    trainingMetrics = training,
    validationMetrics = validation,
    creationTime = found.created,
    customizationConfig = p.customizationConfig,
    modelStatus = "Active",
  }
end

function custom_models.operations.ListCustomModels(ctx, params)
  local items = {}
  for _, custom_model in ipairs(ctx.store.models) do
    local job = custom_model.job
    if paging.passes(custom_model, params)
      and (not params.baseModelArnEquals or job.base_arn == params.baseModelArnEquals)
      and (not params.foundationModelArnEquals or job.foundation_arn == params.foundationModelArnEquals)
      and (not params.modelStatus or params.modelStatus == "Active")
      -- Nobody shares models with this account: all of them are its own.
      and params.isOwned ~= false then
      items[#items + 1] = custom_model
    end
  end
  local page, token = paging.page(items, params,
    { name = "ListCustomModels@" .. ctx.store.region, key = ctx.options.token_key, page_size = ctx.options.page_size })
  if not page then return nil, token end
  local summaries = {}
  for i, custom_model in ipairs(page) do
    local job = custom_model.job
    summaries[i] = {
      modelArn = custom_model.arn,
      modelName = custom_model.name,
      creationTime = custom_model.created,
      baseModelArn = job.base_arn,
      baseModelName = job.base.modelId:match("^[^:]+"),
      customizationType = job.parameters.customizationType,
      ownerAccountId = ctx.store.account_id,
      modelStatus = "Active",
    }
  end
  return { modelSummaries = summaries, nextToken = token }
end

function custom_models.operations.DeleteCustomModel(ctx, params)
  local store = ctx.store
  local found = custom_models.find(store, params.modelIdentifier)
  if not found then
    local claim = store.taken[params.modelIdentifier]
    if claim and not claim.final then
      return nil, exception("ConflictException",
        ("The custom model %s is being created by the job %s."):format(params.modelIdentifier, claim.name))
    end
    return not_found(params.modelIdentifier)
  end
  for _, job in ipairs(store.running) do
    if job.base_model == found then
      return nil, exception("ConflictException",
        ("The custom model %s is in use by the job %s."):format(found.name, job.name))
    end
  end
  for i, custom_model in ipairs(store.models) do
    if custom_model == found then table.remove(store.models, i) break end
  end
  store.model_by[found.arn], store.model_by[found.name] = nil, nil
  store.taken[found.name] = nil
  store.tags[found.arn] = nil
  return {}
end

return custom_models
