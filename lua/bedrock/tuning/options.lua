--- The check of a function's options, for all of bedrock.tuning.

local errors = require "bedrock.errors"

local options = {}

--- What is wrong with options.
---@param given any  nil is no options
---@param known table<string, string|fun(value: any): string|nil>  the type of each, or what tells what is wrong with one
---@param what string  the function, for the message
---@return string|nil problem
function options.problem(given, known, what)
  if given == nil then return nil end
  if type(given) ~= "table" then return ("the options of %s must be a table, got %s"):format(what, type(given)) end
  for name, value in pairs(given) do
    local wanted = known[name]
    if not wanted then
      return ("unknown option %q to %s%s"):format(tostring(name), what, errors.did_you_mean(tostring(name), known))
    elseif type(wanted) == "function" then
      local wrong = wanted(value)
      if wrong then return ("option %s of %s %s"):format(name, what, wrong) end
    elseif type(value) ~= wanted then
      return ("option %s of %s must be a %s, got %s"):format(name, what, wanted, type(value))
    end
  end
  return nil
end

--- For `problem`: a whole number.
---@param least integer
---@param most? integer
---@return fun(value: any): string|nil
function options.whole(least, most)
  return function(value)
    if type(value) ~= "number" or value < least or value > (most or value) or value == math.huge or value % 1 ~= 0 then
      return ("must be a whole number, %d %s"):format(least, most and "to " .. most or "or more")
    end
  end
end

--- For `problem`: the id of an account.
---@param value any
---@return string|nil problem
function options.account(value)
  if type(value) ~= "string" or not value:find "^%d%d%d%d%d%d%d%d%d%d%d%d$" then return "must be twelve digits, as a string" end
end

--- Whether a value can be read or written: an open file, or a table or userdata that has this method.
---@param value any
---@param name string
---@return boolean
function options.has_method(value, name)
  local kind, meta = type(value), getmetatable(value)
  if io.type(value) == "closed file" then return false end
  -- Indexing a userdata without __index raises.
  if kind ~= "table" and not (kind == "userdata" and type(meta) == "table" and meta.__index) then return false end
  return type(value[name]) == "function"
end

--- The region that options tell: their own, or their client's.
---@param given {region?: string, client?: bedrock.Client}
---@return string|nil
function options.region(given)
  local region = given.region or given.client and given.client.region
  return type(region) == "string" and region or nil
end

return options
