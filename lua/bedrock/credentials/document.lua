-- document.lua: credentials in a JSON document, as processes, containers and the instance metadata service give them.
--
-- Such a document is all secret, so no message shows a piece of it.

local core = require "bedrock.core"
local keys = require "bedrock.credentials.keys"

local document = {}

local null = core.json_null

--- A value as an object: what is none, as a lying answer may have it, is an empty one.
---@param value any
---@return table
function document.object(value)
  return type(value) == "table" and getmetatable(value) ~= core.json_array_mt and value or {}
end

--- The object that a JSON text holds.
---@param text any
---@param where string  begins the message of an error
---@return table|nil object
---@return bedrock.Error? err  CredentialsError
function document.read(text, where)
  local value, message
  if type(text) == "string" then value, message = core.json_decode_plain(text) end
  if value == nil then
    return keys.fail(("%s gave no JSON document%s"):format(where, message and ": " .. message or ""))
  elseif type(value) ~= "table" or getmetatable(value) == core.json_array_mt then
    return keys.fail(where .. " gave JSON that is no object")
  end
  for name, member in pairs(value) do
    if member == null then value[name] = nil end
  end
  return value
end

--- The credentials in a document.
---@param object table
---@param names table<string, string>  what the members of a credentials table are called there
---@param provider string
---@param where string
---@param more? table  members that the document has not: profile, features, a default account_id
---@return bedrock.Credentials|nil credentials
---@return bedrock.Error? err  CredentialsError
function document.credentials(object, names, provider, where, more)
  local found = {}
  for name, value in pairs(more or {}) do found[name] = value end
  for member, name in pairs(names) do
    if object[name] ~= nil then found[member] = object[name] end
  end
  local expiration = found.expiration
  if type(expiration) == "string" then
    found.expiration = core.time_parse(expiration)
    if not found.expiration then
      return keys.fail(("%s gave an %s that is no date; it must look like 2026-11-23T08:00:00Z"):format(where,
        names.expiration))
    end
  end
  return keys.make(found, provider, where, names)
end

return document
