--- What a base model accepts as hyperparameters: data, and the check over it.
--
-- Ranges are those of bedrock.tuning.models. They drift, and quotas raise some of them, so an emulator may be given others:
-- `emulator.new { hyperparameters = { ["amazon.titan-text-"] = { … } } }`, or `false` for no check. A family is found by the
-- longest key that starts the model's id; models without a family are not checked.
local models = require "bedrock.tuning.models"
local values_of = require "bedrock.tuning.hyperparameters"

local hyperparameters = {}

--- The families: the start of a model id -> its hyperparameters.
---@type table<string, table<string, bedrock.tuning.Hyperparameter>>
hyperparameters.families = {}
for _, model in ipairs(models.list) do hyperparameters.families[model.prefix] = model.hyperparameters end

--- The family that a model id belongs to.
---@param families table<string, table>
---@param model_id string
---@return table<string, table>|nil
function hyperparameters.family(families, model_id)
  local found
  for prefix in pairs(families) do
    if model_id:sub(1, #prefix) == prefix and (not found or #prefix > #found) then found = prefix end
  end
  return found and families[found]
end

--- Check what a caller set.
---@param family table<string, table>
---@param values table<string, string>
---@return string|nil problem
function hyperparameters.check(family, values)
  local names, known = {}, {}
  for name in pairs(values) do names[#names + 1] = name end
  for name in pairs(family) do known[#known + 1] = name end
  table.sort(names)
  table.sort(known)
  for _, name in ipairs(names) do
    local entry, text = family[name], values[name]
    if not entry then
      return ("The hyperparameter %s is not supported by the base model. Supported hyperparameters: %s.")
        :format(name, table.concat(known, ", "))
    end
    local problem = values_of.problem(entry, text)
    if problem == "range" then
      return ("The value of the hyperparameter %s is out of range. It must be between %s and %s.")
        :format(name, values_of.plain(entry.min), values_of.plain(entry.max))
    elseif problem then
      return ("The value of the hyperparameter %s must be %s%s."):format(name,
        entry.whole and "an integer" or "a number", entry.word and " or " .. entry.word or "")
    end
  end
  for _, name in ipairs(known) do
    if family[name].required and not values[name] then
      return ("The hyperparameter %s is required by the base model."):format(name)
    end
  end
  return nil
end

--- The values that the service sets when the caller sets none.
---@param family table<string, table>
---@return table<string, string>
function hyperparameters.defaults(family)
  local values = {}
  for name, entry in pairs(family) do values[name] = entry.default or entry.word end
  return values
end

return hyperparameters
