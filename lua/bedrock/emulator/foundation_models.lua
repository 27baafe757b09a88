--- Foundation models: the catalogue's operations, and finding the model that a job starts from.

local answer = require "bedrock.emulator.answer"

local foundation_models = {}

---@class bedrock.emulator.FoundationModels
---@field list table[]  as ListFoundationModels gives them, without ARNs
local FoundationModels = {}
FoundationModels.__index = FoundationModels
FoundationModels.__name = "bedrock.emulator.foundation_models"

local exception = answer.exception

--- A catalogue as an object.
---@param list table[]  summaries as the API has them, without ARNs
---@return bedrock.emulator.FoundationModels
function foundation_models.new(list)
  local by_id = {}
  for _, entry in ipairs(list) do by_id[entry.modelId] = entry end
  return setmetatable({ list = list, by_id = by_id }, FoundationModels)
end

local function bare_id(identifier)
  return identifier:match("^arn:[^:]*:bedrock:[^:]*::foundation%-model/(.+)$") or identifier
end

--- A model by id or ARN.
---@param identifier string
---@return table|nil entry
function FoundationModels:find(identifier)
  return self.by_id[bare_id(identifier)]
end

--- The model that a customization starts from. The id for inference stands for the tunable one beside it
--- (`amazon.titan-text-lite-v1` for `amazon.titan-text-lite-v1:0:4k`), as the service takes both.
---@param identifier string
---@return table|nil entry  perhaps one that can't be customized
function FoundationModels:find_base(identifier)
  local id = bare_id(identifier)
  local found = self.by_id[id]
  if found and #(found.customizationsSupported or {}) > 0 then return found end
  for _, entry in ipairs(self.list) do
    if entry.modelId:sub(1, #id + 1) == id .. ":" and #(entry.customizationsSupported or {}) > 0 then return entry end
  end
  return found
end

local function summary(ctx, entry)
  local copy = { modelArn = ctx.store:foundation_arn(entry.modelId) }
  for name, value in pairs(entry) do copy[name] = value end
  return copy
end

local function includes(list, wanted)
  if not wanted then return true end
  for _, value in ipairs(list or {}) do
    if value == wanted then return true end
  end
  return false
end

--- The operations of this room by their names in the API.
---@type table<string, fun(ctx: bedrock.emulator.Context, params: table): table|nil, bedrock.emulator.Exception?>
foundation_models.operations = {}

function foundation_models.operations.ListFoundationModels(ctx, params)
  local summaries = {}
  local provider = params.byProvider and params.byProvider:lower()
  for _, entry in ipairs(ctx.foundation_models.list) do
    if (not provider or (entry.providerName or ""):lower() == provider)
      and includes(entry.customizationsSupported, params.byCustomizationType)
      and includes(entry.outputModalities, params.byOutputModality)
      and includes(entry.inferenceTypesSupported, params.byInferenceType) then
      summaries[#summaries + 1] = summary(ctx, entry)
    end
  end
  return { modelSummaries = summaries }
end

function foundation_models.operations.GetFoundationModel(ctx, params)
  local entry = ctx.foundation_models:find(params.modelIdentifier)
  if not entry then
    return nil, exception("ResourceNotFoundException",
      "Could not resolve the foundation model from the provided model identifier.")
  end
  return { modelDetails = summary(ctx, entry) }
end

return foundation_models
