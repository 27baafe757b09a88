--- Members that travel in headers, of requests and of answers.

local core = require "bedrock.core"
local text_of = require "bedrock.protocol.text"
local trim = text_of.trim

local headers = {}

local null = core.json_null

-- ---------------------------------------------------------------------------------------------------------------
-- Requests

local CONTROL = "[%z\1-\8\10-\31\127]"
local CONTROL_MESSAGE = "must not contain NUL, line breaks or other control characters: it is sent as a header"

-- One element of a header that is a list: commas and quotes inside it need quotes around it.
local function quote_element(text)
  if text:find('[,"]') then
    return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
  end
  return text
end

local function list_writer(item)
  local write, quote = text_of.writer(item, "header"), item.shape.type == "string"
  return function(list)
    if type(list) ~= "table" then
      return nil, "must be a list"
    end
    local parts = {}
    for i = 1, #list do
      local text, message = write(list[i])
      if not text then
        return nil, message, ("[%d]"):format(i)
      end
      parts[i] = quote and quote_element(text) or text
    end
    return table.concat(parts, ", ")
  end
end

-- What adds a member's header to those of a request; like all that add, it gives the name of the parameter that is wrong
-- and what is wrong with it, or nothing.
local function header_adder(member)
  local name, wire = member.name, member.wire
  local write
  if member.jsonvalue then
    write = text_of.write_jsonvalue
  elseif member.shape.type == "list" then
    write = list_writer(member.shape.member)
  else
    write = text_of.writer(member, "header")
  end
  return function(value, all)
    local text, message, index = write(value)
    if not text then
      return name .. (index or ""), message
    elseif text:find(CONTROL) then
      return name, CONTROL_MESSAGE
    elseif text ~= "" then -- an empty header says nothing, and is lost on the way as often as not
      all[wire] = text
    end
    return nil
  end
end

-- What headers of a map have in front of its keys.
local function prefix_of(member)
  return member.wire ~= member.name and member.wire or ""
end

local function map_adder(member)
  local name, prefix = member.name, prefix_of(member)
  local write = text_of.writer(member.shape.value, "header") or text_of.write_string
  return function(map, all)
    if type(map) ~= "table" then
      return name, "must be a table of keys and values"
    end
    for key, value in next, map do
      local text, message = write(value)
      if type(key) ~= "string" or not key:find("^[%w!#$%%&'*+%-.^_`|~]+$") then
        return name, "must have names of headers as keys: letters, digits and hyphens"
      elseif not text or text:find(CONTROL) then
        return name .. "." .. key, message or CONTROL_MESSAGE
      end
      all[prefix .. key] = text
    end
    return nil
  end
end

--- The writer of an operation's headers: a function that takes the parameters and adds to the headers of a request; it
--- gives the name of the parameter that is wrong and what is wrong with it, or nothing.
---@param members bedrock.Member[]  those in headers
---@return fun(params: table, headers: table<string, string>): string|nil, string|nil
function headers.writer(members)
  local entries, maps = {}, {}
  for _, member in ipairs(members) do
    if member.location == "headers" then
      maps[#maps + 1] = { name = member.name, add = map_adder(member) }
    else
      entries[#entries + 1] = { name = member.name, add = header_adder(member) }
    end
  end
  for _, entry in ipairs(maps) do
    entries[#entries + 1] = entry
  end
  return function(params, all)
    for i = 1, #entries do
      local entry = entries[i]
      local value = params[entry.name]
      if value ~= nil and value ~= null then
        local wrong, message = entry.add(value, all)
        if wrong then
          return wrong, message
        end
      end
    end
    return nil
  end
end

-- ---------------------------------------------------------------------------------------------------------------
-- Answers

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
  local read = text_of.reader(kind)
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

-- From a header's text to the member's value.
local function value_reader(member)
  if member.jsonvalue then
    return read_jsonvalue
  elseif member.shape.type == "list" then
    return list_reader(member.shape.member)
  end
  return text_of.reader(member.shape.type)
end

-- A map: all headers that begin with the prefix, or nil.
local function read_map(prefix, read, all)
  local map = {}
  for name, text in next, all do
    if #name > #prefix and name:sub(1, #prefix) == prefix then
      map[name:sub(#prefix + 1)] = read(text)
    end
  end
  return next(map) ~= nil and map or nil
end

--- The reader of an answer's headers: a function that puts the members' values into a result.
---@param members bedrock.Member[]  those in headers
---@return fun(result: table, headers: table<string, string>)  names of headers in lower case
function headers.reader(members)
  local entries = {}
  for i, member in ipairs(members) do
    local map = member.location == "headers"
    entries[i] = {
      name = member.name,
      wire = not map and member.wire:lower(),
      prefix = map and prefix_of(member):lower(),
      read = value_reader(map and member.shape.value or member),
    }
  end
  return function(result, all)
    for _, entry in ipairs(entries) do
      if entry.prefix then
        result[entry.name] = read_map(entry.prefix, entry.read, all)
      elseif all[entry.wire] ~= nil then
        result[entry.name] = entry.read(all[entry.wire])
      end
    end
  end
end

return headers
