--- A hyperparameter's value against what its base model takes. The words are the caller's: check_job speaks to people, the
--- emulator in the service's voice.

local text = require "bedrock.protocol.text"

local hyperparameters = {}

-- More than any number needs; the match below takes time that grows faster than the text.
local LONGEST = 64

--- The number that a value stands for. On the wire they are strings, also such as "1.0E-4".
---@param value any
---@return number|nil
function hyperparameters.number(value)
  if type(value) == "number" then return value end
  -- Lua's tonumber takes hexadecimal, blanks, "nan" and "inf" besides.
  if type(value) ~= "string" or #value > LONGEST or not value:find("^[+-]?%d*%.?%d*[eE]?[+-]?%d*$") then return nil end
  return tonumber(value)
end

--- What is wrong with a value.
---@param entry bedrock.tuning.Hyperparameter  a limit that it lacks is not checked
---@param value string|number
---@return nil|"kind"|"case"|"range" problem  no number or no whole one; the entry's word in other letters; out of range
function hyperparameters.problem(entry, value)
  if entry.word and value == entry.word then return nil end
  local number = hyperparameters.number(value)
  if not number or entry.whole and number % 1 ~= 0 then
    return entry.word and type(value) == "string" and value:lower() == entry.word:lower() and "case" or "kind"
  end
  if entry.min and number < entry.min or entry.max and number > entry.max then return "range" end
  return nil
end

--- A number in plain decimals, as people write hyperparameters: 0.00001.
---@param number number
---@return string
function hyperparameters.plain(number)
  return text.write_string(number)
end

return hyperparameters
