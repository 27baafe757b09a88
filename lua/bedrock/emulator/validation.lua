--- The service's own check of parameters, from the constraints of the API table, in the service's words.
--
-- It is wider than the library's check before sending: patterns, enums and maxima are the service's business.

local answer = require "bedrock.emulator.answer"
local input = require "bedrock.emulator.input"
local pattern = require "bedrock.emulator.pattern"

local validation = {}

local MAX_ECHO = 512

local function report(problems, shape, value, path, constraint)
  local shown = ""
  if value == nil or value == input.NULL then
    shown = " null"
  elseif not shape.sensitive then
    local text = type(value) == "table" and "[...]" or tostring(value)
    if #text > MAX_ECHO then text = text:sub(1, MAX_ECHO) .. "..." end
    shown = " '" .. text .. "'"
  end
  problems[#problems + 1] = ("Value%s at '%s' failed to satisfy constraint: %s"):format(shown, path, constraint)
end

local function number_text(number)
  if number == math.floor(number) and math.abs(number) < 1e15 then return ("%d"):format(number) end
  return tostring(number)
end

local function check_length(problems, shape, value, path, length)
  if shape.max and length > shape.max then
    report(problems, shape, value, path, "Member must have length less than or equal to " .. number_text(shape.max))
  elseif shape.min and length < shape.min then
    report(problems, shape, value, path, "Member must have length greater than or equal to " .. number_text(shape.min))
  end
end

local check
local checks = {}

function checks.structure(problems, shape, value, path)
  local prefix = path == "" and "" or path .. "."
  for _, name in ipairs(shape.required or {}) do
    local member = shape.members[name]
    if value[name] == nil then report(problems, member.shape, nil, prefix .. name, "Member must not be null") end
  end
  for _, name in ipairs(shape.order) do
    if value[name] ~= nil then check(problems, shape.members[name].shape, value[name], prefix .. name) end
  end
end

function checks.list(problems, shape, value, path)
  -- How many tags a resource may have is a limit of the service's own, with an exception of its own.
  if shape.name ~= "TagList" then check_length(problems, shape, value, path, #value) end
  for i, entry in ipairs(value) do check(problems, shape.member.shape, entry, ("%s.%d.member"):format(path, i)) end
end

function checks.map(problems, shape, value, path)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  check_length(problems, shape, value, path, #keys)
  for _, key in ipairs(keys) do
    check(problems, shape.key.shape, key, path)
    check(problems, shape.value.shape, value[key], path .. "." .. key)
  end
end

function checks.string(problems, shape, value, path)
  local length = #value
  if (shape.max or shape.min) and value:find("[\128-\255]") then length = #pattern.code_points(value) end
  check_length(problems, shape, value, path, length)
  -- A value beyond its maximum is wrong already: no pattern is run over what may be a megabyte.
  if shape.pattern and length <= (shape.max or 4096) then
    local compiled_pattern = pattern.matcher(shape.pattern)
    if compiled_pattern and not compiled_pattern:matches(value) then
      report(problems, shape, value, path, "Member must satisfy regular expression pattern: " .. shape.pattern)
    end
  end
  if shape.enum then
    for _, allowed in ipairs(shape.enum) do
      if value == allowed then return end
    end
    report(problems, shape, value, path, "Member must satisfy enum value set: [" .. table.concat(shape.enum, ", ") .. "]")
  end
end

function checks.integer(problems, shape, value, path)
  if shape.max and value > shape.max then
    report(problems, shape, value, path, "Member must have value less than or equal to " .. number_text(shape.max))
  elseif shape.min and value < shape.min then
    report(problems, shape, value, path, "Member must have value greater than or equal to " .. number_text(shape.min))
  end
end
checks.long, checks.float, checks.double = checks.integer, checks.integer, checks.integer

function checks.blob(problems, shape, value, path)
  check_length(problems, shape, value, path, #value)
end

function check(problems, shape, value, path)
  if value == input.NULL then return report(problems, shape, value, path, "Member must not be null") end
  local by_type = checks[shape.type]
  if by_type then by_type(problems, shape, value, path) end
end

--- Check the parameters of an operation.
---@param operation table
---@param params table
---@return true|nil ok
---@return bedrock.emulator.Exception? exception  a ValidationException with every problem
function validation.check(operation, params)
  if not operation.input then return true end
  local problems = {}
  check(problems, operation.input, params, "")
  if #problems == 0 then return true end
  return nil, answer.exception("ValidationException", ("%d validation error%s detected: %s"):format(
    #problems, #problems == 1 and "" or "s", table.concat(problems, "; ")))
end

return validation
