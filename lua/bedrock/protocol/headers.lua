--- Values in the headers of an answer: from texts to what the API says they are. What is no value of its type is handed on
-- as it came, since an odd header must not cost the caller the whole answer.

local core = require "bedrock.core"

local headers = {}

local to_integer = rawget(math, "tointeger") -- since Lua 5.3

-- In two steps, since one pattern for both ends takes quadratic time over a long run of blanks.
local function trim(text)
  local start = text:find("%S")
  return start and text:match(".*%S", start) or ""
end

-- A header's list: split at commas, but not at those inside quotes.
local function split_list(text)
  local list, position, length = {}, 1, #text
  while position <= length do
    position = text:find("[^ \t]", position) or length + 1
    if text:sub(position, position) == '"' then
      local parts, start = {}, position + 1
      while true do
        local stop = text:find('["\\]', start)
        if not stop then -- the quote never ends: the rest is the element
          parts[#parts + 1] = text:sub(start)
          position = length + 1
          break
        end
        parts[#parts + 1] = text:sub(start, stop - 1)
        if text:sub(stop, stop) == '"' then
          position = (text:find(",", stop, true) or length) + 1
          break
        end
        parts[#parts + 1] = text:sub(stop + 1, stop + 1)
        start = stop + 2
      end
      list[#list + 1] = table.concat(parts)
    else
      local comma = text:find(",", position, true) or length + 1
      list[#list + 1] = trim(text:sub(position, comma - 1))
      position = comma + 1
    end
  end
  return list
end

local function read_number(text)
  local digits = trim(text)
  if digits:find("^[+-]?%d+%.?%d*[eE]?[+-]?%d*$") or digits:find("^[+-]?%.%d+$") then
    return tonumber(digits) or text
  end
  return text
end

local readers = {
  string = function(text)
    return text
  end,
  integer = function(text)
    local number = read_number(text)
    return to_integer and type(number) == "number" and to_integer(number) or number
  end,
  double = function(text)
    if text == "NaN" then
      return 0 / 0
    elseif text == "Infinity" then
      return math.huge
    elseif text == "-Infinity" then
      return -math.huge
    end
    return read_number(text)
  end,
  boolean = function(text)
    local lower = trim(text):lower()
    if lower == "true" then
      return true
    elseif lower == "false" then
      return false
    end
    return text
  end,
  timestamp = function(text)
    return core.time_parse(trim(text)) or text
  end,
  blob = function(text)
    return core.base64_decode(text) or text
  end,
}
readers.long = readers.integer
readers.float = readers.double

-- An object or array becomes a table; any other JSON text stays the text that it is.
local function read_jsonvalue(text)
  local json = core.base64_decode(trim(text))
  if not json then
    return text
  elseif json:find("^%s*[%[{]") then
    return core.json_decode_plain(json) or json
  end
  return json
end

local function list_reader(item)
  local kind = item.shape.type
  local read = readers[kind] or readers.string
  return function(text)
    local list, result = split_list(text), {}
    local i = 1
    while list[i] do
      local element = list[i]
      -- "Mon, 16 Dec 2019 ..." has a comma of its own.
      if kind == "timestamp" and element:find("^%a%a%a+$") and list[i + 1] then
        i = i + 1
        element = element .. ", " .. list[i]
      end
      result[#result + 1] = read(element)
      i = i + 1
    end
    return result
  end
end

--- The reader of a member that travels in a header: from the header's text to a value.
---@param member bedrock.Member
---@return fun(text: string): any
function headers.reader(member)
  if member.jsonvalue then
    return read_jsonvalue
  elseif member.shape.type == "list" then
    return list_reader(member.shape.member)
  end
  return readers[member.shape.type] or readers.string
end

return headers
