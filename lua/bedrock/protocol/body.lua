--- The body of a request: JSON of the members that have no place elsewhere, or one member that is all of it.

local core = require "bedrock.core"

local body = {}

local null = core.json_null

-- JSON by a compiled shape; or nil, the path and what is wrong there. `prefix` is where the value stands, `defaults` what
-- it may lack.
local function encode(codec, value, prefix, defaults)
  local text, message, path = core.json_encode(codec, value, defaults)
  if text then
    return text
  end
  path = path or ""
  -- The codec's message names the path as well.
  if path ~= "" and message:sub(1, #path + 2) == path .. ": " then
    message = message:sub(#path + 3)
  end
  if prefix and path ~= "" and path:sub(1, 1) ~= "[" then
    path = "." .. path
  end
  return nil, (prefix or "") .. path, message
end

-- Writers take the parameters, members that these may lack, and the JSON of both where it is there already, and give the
-- body (nil: none); or nil, the parameter that is wrong and what is wrong with it.

local function members_writer(operation, codec)
  -- A body on GET is a rarity that middlemen drop: it is sent only if there is something in it.
  local drop_empty = operation.method == "GET" or operation.method == "HEAD"
  return function(params, defaults, text)
    local path, message
    if not text then
      text, path, message = encode(codec, params, nil, defaults)
    end
    if drop_empty and text == "{}" then
      return nil
    end
    return text, path, message
  end
end

local function json_writer(member)
  local name, codec = member.name, core.json_shape(member.shape)
  local empty = member.shape.type == "structure" and not member.shape.union and "{}" or nil
  return function(params)
    local value = params[name]
    if value == nil or value == null then
      return empty
    end
    return encode(codec, value, name)
  end
end

local function text_writer(member)
  local name, write = member.name, require("bedrock.protocol.text").write_string
  return function(params)
    local value = params[name]
    if value == nil or value == null then
      return nil
    end
    local text, message = write(value)
    if not text then
      return nil, name, message
    end
    return text
  end
end

local function bytes_writer(member)
  local name = member.name
  return function(params)
    local value = params[name]
    if value ~= nil and value ~= null and type(value) ~= "string" then
      return nil, name, "must be a string of bytes"
    end
    return value ~= null and value or nil
  end
end

-- The name of the header that a member fills with the body's type, if there is such a member.
local function content_type_header(input)
  for _, name in ipairs(input.order) do
    local member = input.members[name]
    if member.location == "header" and member.wire:lower() == "content-type" then
      return member.wire
    end
  end
  return nil
end

--- The writer of an operation's body: a function that takes the parameters and the headers so far, adds Content-Type to
--- these, and gives the body (nil: none); or nil, the parameter that is wrong and what is wrong with it. `text` is what
--- core.json_encode_params gave for the parameters.
---@param operation bedrock.Operation
---@param codec bedrock.core.Shape  of its input, a whole one
---@return fun(params: table, headers: table<string, string>, defaults?: table, text?: string): string|nil, string|nil, string|nil
function body.writer(operation, codec)
  local input = operation.input
  local payload = input.payload and input.members[input.payload]
  local kind = payload and payload.shape.type
  local write, content_type
  if not payload then
    write, content_type = members_writer(operation, codec), "application/json"
  elseif kind == "blob" then
    write, content_type = bytes_writer(payload), "application/octet-stream"
  elseif kind == "string" then
    write, content_type = text_writer(payload), "text/plain"
  else
    write, content_type = json_writer(payload), "application/json"
  end
  local header = content_type_header(input)
  return function(params, headers, defaults, text)
    local wrong, message
    text, wrong, message = write(params, defaults, text)
    if wrong then
      return nil, wrong, message
    end
    -- No bytes are bytes, too: they keep their type.
    if (text or kind == "blob") and not (header and headers[header]) then
      headers["Content-Type"] = content_type
    end
    return text
  end
end

return body
