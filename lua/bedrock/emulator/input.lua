--- From a request to the parameters of its operation, as strictly as the service reads them.
--
-- The library's own decoder is lenient, since an odd answer must not cost a caller the whole of it. A service is not: a number where a
-- string belongs is a SerializationException. So the body is decoded without a shape and read beside it here.

local core = require "bedrock.core"
local answer = require "bedrock.emulator.answer"

local input = {}

local exception = answer.exception

-- How the service names what it found.
local function kind_of(value)
  local kind = type(value)
  if value == core.json_null then return "NULL_VALUE" end
  if kind == "string" then return "STRING_VALUE" end
  if kind == "number" then return value == math.floor(value) and "NUMBER_VALUE" or "DECIMAL_VALUE" end
  if kind == "boolean" then return value and "TRUE_VALUE" or "FALSE_VALUE" end
  return "STRUCTURE_VALUE"
end

local NAMES = {
  string = "a String", integer = "an Integer", long = "a Long", float = "a Float", double = "a Double",
  boolean = "a Boolean", timestamp = "a Timestamp", blob = "a Blob",
}

-- Raised within this file only, and caught in `read`.
local function refuse(message)
  error({ refused = message }, 0)
end

local function wrong(shape, value)
  refuse(("%s can not be converted to %s"):format(kind_of(value), NAMES[shape.type] or shape.type))
end

local function is_array(value)
  return type(value) == "table" and getmetatable(value) == core.json_array_mt
end

local read_value
local readers = {}

function readers.string(shape, value)
  if type(value) ~= "string" then wrong(shape, value) end
  return value
end

function readers.boolean(shape, value)
  if type(value) ~= "boolean" then wrong(shape, value) end
  return value
end

function readers.integer(shape, value)
  if type(value) ~= "number" or value ~= math.floor(value) then wrong(shape, value) end
  return value
end
readers.long = readers.integer

local SPECIAL = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

function readers.float(shape, value)
  if type(value) == "string" and SPECIAL[value] then return SPECIAL[value] end
  if type(value) ~= "number" then wrong(shape, value) end
  return value
end
readers.double = readers.float

function readers.timestamp(shape, value)
  if type(value) == "number" then return value end
  if type(value) ~= "string" then wrong(shape, value) end
  return core.time_parse(value) or wrong(shape, value)
end

function readers.blob(shape, value)
  if type(value) ~= "string" then wrong(shape, value) end
  return core.base64_decode(value) or wrong(shape, value)
end

function readers.document(_, value)
  return value
end

function readers.structure(shape, value)
  if type(value) ~= "table" then refuse("Unexpected value type in payload") end
  if is_array(value) then refuse("Start of list found where not expected") end
  local result, count = {}, 0
  for _, name in ipairs(shape.order) do
    local member = shape.members[name]
    local given = value[member.wire]
    if not member.location and given ~= nil and given ~= core.json_null then
      result[name] = read_value(member.shape, given)
      count = count + 1
    end
  end
  if shape.union and count ~= 1 then
    refuse(("Exactly one member of %s must be set, found %d"):format(shape.name or "the union", count))
  end
  return result
end

-- A null stays in a list or map as `input.NULL`, for the validation to complain of with its path.
input.NULL = setmetatable({}, { __tostring = function() return "null" end })

local function element(shape, value)
  if value == core.json_null then return input.NULL end
  return read_value(shape, value)
end

function readers.list(shape, value)
  if not is_array(value) then refuse("Expected list or null") end
  local result = {}
  for i = 1, #value do result[i] = element(shape.member.shape, value[i]) end
  return result
end

function readers.map(shape, value)
  if type(value) ~= "table" or is_array(value) then refuse("Expected map or null") end
  local result = {}
  for key, entry in pairs(value) do result[key] = element(shape.value.shape, entry) end
  return result
end

function read_value(shape, value)
  return readers[shape.type](shape, value)
end

-- Scalars of the URI and the query are texts.
local function read_text(shape, text)
  local kind = shape.type
  if kind == "string" then
    if text:find("[\128-\255]") and not core.json_encode_plain(text) then refuse("The request URI is not valid UTF-8") end
    return text
  end
  if kind == "boolean" then
    if text == "true" then return true elseif text == "false" then return false end
  elseif kind == "integer" or kind == "long" then
    if text:find("^%-?%d+$") then return tonumber(text) end
  elseif kind == "float" or kind == "double" then
    local number = SPECIAL[text] or text:find("^[%d.eE+-]+$") and tonumber(text)
    if number then return number end
  elseif kind == "timestamp" then
    local seconds = core.time_parse(text)
    if seconds then return seconds end
  end
  return wrong(shape, text)
end

--- The pairs of a query, decoded.
---@param query string
---@return table<string, string[]> values  by name, in the order of the query
function input.query(query)
  local values = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name = core.uri_decode(name)
    values[name] = values[name] or {}
    table.insert(values[name], core.uri_decode(value))
  end
  return values
end

local function from_query(member, values)
  if not values then return nil end
  if member.shape.type == "list" then
    local list = {}
    for i, text in ipairs(values) do list[i] = read_text(member.shape.member.shape, text) end
    return list
  end
  return read_text(member.shape, values[1])
end

local function parse_body(body)
  if body == "" then return {} end
  local document = core.json_decode_plain(body)
  if document == nil then refuse("The request body is not valid JSON") end
  if type(document) ~= "table" or is_array(document) then
    if document == core.json_null then return {} end
    refuse("Unexpected value type in payload")
  end
  return document
end

local function has_body(shape)
  for _, member in pairs(shape.members) do
    if not member.location then return true end
  end
  return false
end

--- Read a request.
---@param operation table
---@param labels table<string, string>  from the router
---@param query table<string, string[]>  from `input.query`
---@param headers table<string, string>  lower-case names
---@param body string
---@return table|nil params
---@return bedrock.emulator.Exception? exception
function input.read(operation, labels, query, headers, body)
  local shape = operation.input
  if not shape then return {} end
  local ok, params = pcall(function()
    local result = {}
    for _, name in ipairs(shape.order) do
      local member = shape.members[name]
      if member.location == "uri" then
        result[name] = read_text(member.shape, labels[member.wire])
      elseif member.location == "querystring" then
        result[name] = from_query(member, query[member.wire])
      elseif member.location == "header" then
        local text = headers[member.wire:lower()]
        if text then result[name] = read_text(member.shape, text) end
      end
    end
    if has_body(shape) then
      local document = parse_body(body)
      local payload = shape.payload and shape.members[shape.payload]
      if payload then
        result[payload.name] = read_value(payload.shape, document)
      else
        for name, value in pairs(readers.structure(shape, document)) do result[name] = value end
      end
    end
    return result
  end)
  if ok then return params end
  if type(params) ~= "table" then error(params, 0) end
  return nil, exception("SerializationException", params.refused)
end

return input
