--- Members of a request that travel in its query.

local core = require "bedrock.core"
local writer = require("bedrock.protocol.text").writer

local query = {}

local null = core.json_null
local uri_encode = core.uri_encode

local function sorted_keys(map)
  local keys = {}
  for key in next, map do
    keys[#keys + 1] = tostring(key)
  end
  table.sort(keys)
  return keys
end

-- Append one list of values under an escaped name.
local function append_list(parts, prefix, list, write)
  for i = 1, #list do
    local text, message = write(list[i])
    if not text then
      return nil, message, ("[%d]"):format(i)
    end
    parts[#parts + 1] = prefix .. uri_encode(text)
  end
  return true
end

-- A member that is a scalar or a list: how to append it to the parts of a query. Like all that append, it gives true,
-- or nil, the parameter that is wrong and what is wrong with it.
local function member_appender(member)
  local name, prefix, shape = member.name, uri_encode(member.wire) .. "=", member.shape
  if shape.type == "list" then
    local write = writer(shape.member, "querystring")
    return function(parts, value)
      if type(value) ~= "table" then
        return nil, name, "must be a list"
      end
      local ok, message, index = append_list(parts, prefix, value, write)
      if not ok then
        return nil, name .. index, message
      end
      return true
    end
  end
  local write = writer(member, "querystring")
  return function(parts, value)
    local text, message = write(value)
    if not text then
      return nil, name, message
    end
    parts[#parts + 1] = prefix .. uri_encode(text)
    return true
  end
end

-- A map: each entry is a name of its own in the query. An entry with the name of a member (`taken`) is dropped.
local function map_appender(member, taken)
  local value_member = member.shape.value
  local lists = value_member.shape.type == "list"
  local write = writer(lists and value_member.shape.member or value_member, "querystring")
  return function(parts, map)
    if type(map) ~= "table" then
      return nil, member.name, "must be a table of keys and values"
    end
    for _, key in ipairs(sorted_keys(map)) do
      local value = map[key]
      if not taken[key] then
        if lists and type(value) ~= "table" then
          return nil, member.name .. "." .. key, "must be a list"
        end
        local ok, message, index = append_list(parts, uri_encode(key) .. "=", lists and value or { value }, write)
        if not ok then
          return nil, member.name .. "." .. key .. (lists and index or ""), message
        end
      end
    end
    return true
  end
end

--- The writer of an operation's query: a function that takes the parameters and gives the query, escaped; or nil, the
--- parameter that is wrong and what is wrong with it.
---@param members bedrock.Member[]  those in the query
---@param constants string  what the query always begins with, escaped, or ""
---@return fun(params: table): string|nil, string|nil, string|nil
function query.writer(members, constants)
  local entries, maps, taken = {}, {}, {}
  for _, member in ipairs(members) do
    if member.shape.type == "map" then
      maps[#maps + 1] = { name = member.name, append = map_appender(member, taken) }
    else
      entries[#entries + 1] = { name = member.name, append = member_appender(member) }
      taken[member.wire] = true
    end
  end
  for _, entry in ipairs(maps) do
    entries[#entries + 1] = entry
  end
  local first = constants ~= "" and constants or nil
  return function(params)
    local parts = { first }
    for i = 1, #entries do
      local entry = entries[i]
      local value = params[entry.name]
      if value ~= nil and value ~= null then
        local ok, wrong, message = entry.append(parts, value)
        if not ok then
          return nil, wrong, message
        end
      end
    end
    return table.concat(parts, "&")
  end
end

return query
