--- The check of a function's options, for all of bedrock.tuning.

local errors = require "bedrock.errors"

local options = {}

--- What is wrong with options.
---@param given any  nil is no options
---@param known table<string, string>  the type of each
---@param what string  the function, for the message
---@return string|nil problem
function options.problem(given, known, what)
  if given == nil then return nil end
  if type(given) ~= "table" then return ("the options of %s must be a table, got %s"):format(what, type(given)) end
  for name, value in pairs(given) do
    if not known[name] then
      return ("unknown option %q to %s%s"):format(tostring(name), what, errors.did_you_mean(tostring(name), known))
    elseif type(value) ~= known[name] then
      return ("option %s of %s must be a %s, got %s"):format(name, what, known[name], type(value))
    end
  end
  return nil
end

--- The region that options tell: their own, or their client's.
---@param given {region?: string, client?: bedrock.Client}
---@return string|nil
function options.region(given)
  local region = given.region or given.client and given.client.region
  return type(region) == "string" and region or nil
end

return options
