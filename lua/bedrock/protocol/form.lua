--- Parameters as a form, the body of a request by the protocol query: `Action=…&Version=…&Name=value…`, members in the order
-- in which the API lists them. What is nested has its path for a name: `Tags.member.1.Key`.
--
-- Operations that speak it are called once in an hour: the shapes are walked each time, nothing is worked out ahead.

local core = require "bedrock.core"
local request = require "bedrock.protocol.request"
local text = require "bedrock.protocol.text"

local form = {}

local null = core.json_null
local uri_encode = core.uri_encode

local CONTENT_TYPE = "application/x-www-form-urlencoded"

-- Appenders: they take the fields so far, the member, its name in the form, its path for messages and its value, and give
-- nothing, or the path that is wrong and what is wrong with it.
local append

local function append_structure(fields, shape, name, path, value, uuid)
  if type(value) ~= "table" then
    return path, "must be a table"
  end
  local name_prefix, path_prefix = name and name .. "." or "", path and path .. "." or ""
  for _, key in ipairs(shape.order) do
    local member, item = shape.members[key], value[key]
    if (item == nil or item == null) and member.idempotencyToken then
      item = uuid()
    end
    if item ~= nil and item ~= null then
      local wrong, message = append(fields, member, name_prefix .. member.wire, path_prefix .. key, item, uuid)
      if wrong then
        return wrong, message
      end
    end
  end
  return nil
end

local function append_list(fields, shape, name, path, value, uuid)
  if type(value) ~= "table" then
    return path, "must be a list"
  elseif #value == 0 then
    fields[#fields + 1] = uri_encode(name) .. "="
  end
  for i = 1, #value do
    local wrong, message = append(fields, shape.member, ("%s.%s.%d"):format(name, shape.member.wire, i),
      ("%s[%d]"):format(path, i), value[i], uuid)
    if wrong then
      return wrong, message
    end
  end
  return nil
end

local function append_map(fields, shape, name, path, value, uuid)
  if type(value) ~= "table" then
    return path, "must be a table of keys and values"
  end
  local keys = {}
  for key in next, value do
    if type(key) ~= "string" then
      return path, "must have strings as keys"
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    local entry = ("%s.entry.%d."):format(name, i)
    fields[#fields + 1] = uri_encode(entry .. shape.key.wire) .. "=" .. uri_encode(key)
    local wrong, message = append(fields, shape.value, entry .. shape.value.wire, path .. "." .. key, value[key], uuid)
    if wrong then
      return wrong, message
    end
  end
  return nil
end

local by_type = { structure = append_structure, list = append_list, map = append_map }

function append(fields, member, name, path, value, uuid)
  local append_this = by_type[member.shape.type]
  if append_this then
    return append_this(fields, member.shape, name, path, value, uuid)
  end
  local written, message = text.writer(member, "body")(value)
  if not written then
    return path, message
  end
  fields[#fields + 1] = uri_encode(name) .. "=" .. uri_encode(written)
  return nil
end

--- Build a request from parameters, which should have passed `validate`.
---@param operation bedrock.Operation
---@param params? table  stays as it is
---@param uuid? fun(): string  makes idempotency tokens
---@return bedrock.RequestParts|nil parts
---@return bedrock.Error? err  code "ParamValidationError"
function form.build(operation, params, uuid)
  local fields = { "Action=" .. uri_encode(operation.name), "Version=" .. uri_encode(operation.api_version) }
  if operation.input then
    local wrong, message = append_structure(fields, operation.input, nil, nil, params or {}, uuid or core.uuid4)
    if message then
      return request.param_error(operation, wrong or "", message)
    end
  end
  return {
    method = operation.method,
    path = operation.uri,
    query = "",
    headers = { ["Content-Type"] = CONTENT_TYPE, ["Accept"] = "application/json" },
    body = table.concat(fields, "&"),
  }
end

--- Build a request from parameters, if they are surely right.
---@param operation bedrock.Operation
---@param params any  stays as it is
---@return bedrock.RequestParts|nil parts
function form.check_and_build(operation, params)
  local shape = rawget(operation, "_form_shape")
  if not shape and operation.input then
    shape = core.json_shape(operation.input, true)
    rawset(operation, "_form_shape", shape)
  end
  local sure = shape and core.json_encode_params(shape, params) -- its text is the other protocol's
  return sure and form.build(operation, params) or nil
end

return form
