--- Scalars as text, as they stand in paths, queries, forms, headers and XML.

local core = require "bedrock.core"

local text = {}

local math_type, to_integer = rawget(math, "type"), rawget(math, "tointeger") -- since Lua 5.3

-- A number in decimal digits alone, the fewest that read back as the same number.
local function decimal(value)
  if value ~= value then
    return "NaN"
  elseif value == math.huge then
    return "Infinity"
  elseif value == -math.huge then
    return "-Infinity"
  elseif value == 0 then
    return "0"
  elseif value % 1 == 0 then
    if value >= -2 ^ 53 and value <= 2 ^ 53 or math_type and math_type(value) == "integer" then
      return ("%d"):format(value)
    end
    return ("%.0f"):format(value)
  end
  local shortest
  for digits = 15, 17 do
    shortest = ("%." .. digits .. "g"):format(value)
    if tonumber(shortest) == value then
      break
    end
  end
  shortest = shortest:gsub("[^%de+-]+", ".") -- a locale may write its own decimal point, of several bytes even
  local sign, whole, fraction, exponent = shortest:match("^(%-?)(%d+)%.?(%d*)e([+-]%d+)$")
  if not exponent then
    return shortest
  end
  -- Integral numbers were written above, so the exponent can only be negative or shorter than the fraction.
  local digits, point = whole .. fraction, #whole + tonumber(exponent)
  if point <= 0 then
    return sign .. "0." .. ("0"):rep(-point) .. digits
  end
  return sign .. digits:sub(1, point) .. "." .. digits:sub(point + 1)
end

--- A string as it is, a number in plain decimal.
---@param value any
---@return string|nil text
---@return string? message  what is wrong
function text.write_string(value)
  if type(value) == "string" then
    return value
  elseif type(value) == "number" then
    return decimal(value)
  end
  return nil, "must be a string"
end

local function write_integer(value)
  if type(value) == "number" and value % 1 == 0 then
    return decimal(value)
  end
  return nil, "must be an integer"
end

local function write_float(value)
  if type(value) == "number" then
    return decimal(value)
  end
  return nil, "must be a number"
end

local function write_boolean(value)
  if type(value) == "boolean" then
    return value and "true" or "false"
  end
  return nil, "must be true or false"
end

local function write_blob(value)
  if type(value) == "string" then
    return core.base64_encode(value)
  end
  return nil, "must be a string of bytes"
end

local time_formats = {
  iso8601 = core.time_iso8601,
  rfc822 = core.time_http,
  unixTimestamp = decimal,
}

local function timestamp_writer(format)
  local write = time_formats[format] or core.time_iso8601
  return function(value)
    if type(value) == "string" then
      value = core.time_parse(value)
    end
    local written = type(value) == "number" and write(value)
    if written then
      return written
    end
    return nil, "must be a time: seconds since 1970 as a number, or a text like 2026-11-23T08:00:00Z"
  end
end

local writers = {
  string = text.write_string,
  integer = write_integer,
  long = write_integer,
  float = write_float,
  double = write_float,
  boolean = write_boolean,
  blob = write_blob,
}

local function timestamp_format(member, location)
  return member.timestampFormat or member.shape.timestampFormat or (location == "header" and "rfc822" or "iso8601")
end

--- The writer of a scalar member at a location: a function that gives a value's text, or nil and what is wrong. Nil for
--- what is no scalar.
---@param member bedrock.Member
---@param location "uri"|"querystring"|"header"|"body"
---@return (fun(value: any): string|nil, string|nil)|nil
function text.writer(member, location)
  local kind = member.shape.type
  if kind == "timestamp" then
    return timestamp_writer(timestamp_format(member, location))
  end
  return writers[kind]
end

--- JSON that travels in a header, in base64. A string is taken to be JSON already.
---@param value any
---@return string|nil text
---@return string? message  what is wrong
function text.write_jsonvalue(value)
  if type(value) == "string" then
    return core.base64_encode(value) -- JSON that the caller wrote
  end
  local json, message = core.json_encode_plain(value)
  if not json then
    return nil, message
  end
  return core.base64_encode(json)
end

--- A text without blanks at its ends. In two steps, since one pattern for both takes quadratic time over a long run of blanks.
---@param value string
---@return string
function text.trim(value)
  local start = value:find("%S")
  return start and value:match(".*%S", start) or ""
end
local trim = text.trim

local function read_number(value)
  local digits = trim(value)
  if digits:find("^[+-]?%d+%.?%d*[eE]?[+-]?%d*$") or digits:find("^[+-]?%.%d+$") then
    return tonumber(digits) or value
  end
  return value
end

local readers = {
  string = function(value)
    return value
  end,
  integer = function(value)
    local number = read_number(value)
    return to_integer and type(number) == "number" and to_integer(number) or number
  end,
  double = function(value)
    if value == "NaN" then
      return 0 / 0
    elseif value == "Infinity" then
      return math.huge
    elseif value == "-Infinity" then
      return -math.huge
    end
    return read_number(value)
  end,
  boolean = function(value)
    local lower = trim(value):lower()
    if lower == "true" then
      return true
    elseif lower == "false" then
      return false
    end
    return value
  end,
  timestamp = function(value)
    return core.time_parse(trim(value)) or value
  end,
  blob = function(value)
    return core.base64_decode(value) or value
  end,
}
readers.long = readers.integer
readers.float = readers.double

--- The reader of a scalar: a function from text to value. What is no value of its type is handed on as it came: an odd
--- header must not cost the caller the whole answer.
---@param kind bedrock.ShapeType  what is no scalar stays text
---@return fun(value: string): any
function text.reader(kind)
  return readers[kind] or readers.string
end

return text
