--- Parameters to the parts of a request, by the protocol rest-json.
--
-- What an operation needs (where each member goes, how its value is written) is worked out once, on the operation's
-- first call, and kept on it as a plan: a call then only follows it. What many operations do without (members in the
-- query, in headers, in the body) has files of its own, loaded for the first operation that needs them.

local answer = require "bedrock.protocol.answer"
local core = require "bedrock.core"
local errors = require "bedrock.errors"

local request = {}

local null = core.json_null
local uri_encode = core.uri_encode

---@class bedrock.RequestParts
---@field method string
---@field path string  escaped, begins with "/"; an endpoint's base path is not in it
---@field query string  escaped, or ""
---@field headers table<string, string>
---@field body? string
---@field host_prefix? string  what goes in front of the endpoint's host
---@field codec? bedrock.core.Shape  reads the body of a success, where that is all of the result

-- Labels are strings, nearly always: what writes other values is loaded for those.
local function write_string(value)
  if type(value) == "string" then
    return value
  end
  return require("bedrock.protocol.text").write_string(value)
end

local function label_writer(member)
  if member.shape.type == "string" then
    return write_string
  end
  return require("bedrock.protocol.text").writer(member, "uri")
end

-- "a/{b}/c{d+}" as a list of texts and labels.
local function split_template(template, input)
  local parts, position = {}, 1
  while true do
    local start, stop, name, greedy = template:find("{([^{}+]+)(%+?)}", position)
    if not start then
      break
    end
    if start > position then
      parts[#parts + 1] = template:sub(position, start - 1)
    end
    local member
    if input then
      -- A label is named after the member or, in older models, after its name on the wire.
      member = input.members[name]
      for _, candidate in pairs(input.members) do
        if candidate.location == "uri" and candidate.wire == name then
          member = candidate
        end
      end
    end
    if not member then
      error(("the path %q has the label %q, and the input no such member"):format(template, name), 0)
    end
    parts[#parts + 1] = { name = member.name, write = label_writer(member), greedy = greedy == "+" }
    position = stop + 1
  end
  if position <= #template then
    parts[#parts + 1] = template:sub(position)
  end
  return parts
end

local function make_plan(operation)
  local input = operation.input
  local path, constants = operation.uri:match("^([^?]*)%??(.*)$")
  if path:sub(1, 1) ~= "/" then
    path = "/" .. path
  end
  local plan = { path = split_template(path, input), constants = constants, tokens = {} }
  plan.shape = input and core.json_shape(input, true)
  plan.codec = answer.codec(operation)
  plan.static_path = #plan.path == 1 and type(plan.path[1]) == "string" and plan.path[1] or nil
  if operation.host_prefix then
    plan.host_prefix = split_template(operation.host_prefix, input)
  end
  local in_query, in_headers, has_body = {}, {}, false
  plan.tokens_in_body = not (input and input.payload) -- all of them, beside other members
  for _, name in ipairs(input and input.order or {}) do
    local member = input.members[name]
    local location = member.location
    if member.idempotencyToken then
      plan.tokens[#plan.tokens + 1] = name
      plan.tokens_in_body = plan.tokens_in_body and not location
    end
    if location == "querystring" then
      in_query[#in_query + 1] = member
    elseif location == "header" or location == "headers" then
      in_headers[#in_headers + 1] = member
    elseif not location then
      has_body = true
    end
  end
  if in_query[1] then
    plan.write_query = require("bedrock.protocol.query").writer(in_query, constants)
  end
  if in_headers[1] then
    plan.write_headers = require("bedrock.protocol.headers").writer(in_headers)
  end
  if has_body or input and input.payload then
    plan.write_body = require("bedrock.protocol.body").writer(operation, plan.shape)
  end
  rawset(operation, "_request_plan", plan)
  return plan
end

-- Parameters with the idempotency tokens that the caller left to us: the parameters as they are, and the tokens for the
-- writer of the body; or, where tokens travel elsewhere, a copy with both.
local function with_tokens(plan, params, uuid)
  local tokens, missing = plan.tokens, nil
  for i = 1, #tokens do
    local name = tokens[i]
    local given = rawget(params, name) -- the check of parameters and the encoder see no more either
    if rawequal(given, nil) or given == null then -- one of LuaJIT's NULL pointers, which is equal to nil, is a mistake
      missing = missing or {}
      missing[name] = (uuid or core.uuid4)()
    end
  end
  if not missing or plan.tokens_in_body then
    return params, missing
  end
  for name, value in next, params do
    if missing[name] == nil then
      missing[name] = value
    end
  end
  return missing
end

local function build_path(plan, params)
  local path = ""
  for i = 1, #plan.path do
    local part = plan.path[i]
    if type(part) == "string" then
      path = path .. part
    else
      local value = params[part.name]
      if value == nil or value == null then
        return nil, part.name, "is required but missing"
      end
      local text, message = part.write(value)
      if not text then
        return nil, part.name, message
      elseif text == "" then
        -- It would ask for something else: an empty job name turns "get this job" into "list jobs".
        return nil, part.name, "must not be empty: it is a part of the request's path"
      elseif text == "." or text == ".." or part.greedy and ("/" .. text .. "/"):find("/%.%.?/") then
        -- Signing and every proxy on the way remove dot segments: "/model/../invoke" is "/invoke".
        return nil, part.name, 'must not have "." or ".." for a part of the request\'s path: it would lead to another path'
      end
      path = path .. uri_encode(text, part.greedy)
    end
  end
  return path
end

-- A host label comes from a parameter, so it must not be able to name another host.
local function build_host_prefix(plan, params)
  local parts = {}
  for i, part in ipairs(plan.host_prefix) do
    if type(part) == "string" then
      parts[i] = part
    else
      local value = params[part.name]
      local text = type(value) == "string" and value or ""
      if #text > 63 or not text:find("^%w[%w%-]*$") or text:sub(-1) == "-" then
        return nil, part.name, "must be a host label: 1 to 63 letters, digits and hyphens"
      end
      parts[i] = text
    end
  end
  return table.concat(parts)
end

--- The error of a parameter that can't be written: what a builder of requests returns.
---@param operation bedrock.Operation
---@param path string  "" for the parameters as a whole
---@param message string
---@return nil
---@return bedrock.Error err  code "ParamValidationError"
function request.param_error(operation, path, message)
  return nil, errors.of_problems(operation.name, { { path = path, message = message } })
end

-- `tokens` are for the writer of the body, which has nothing to write where `text` is the JSON of both.
local function build(operation, plan, params, tokens, text)
  local path, query = plan.static_path, plan.constants
  local wrong, message
  if not path then
    path, wrong, message = build_path(plan, params)
    if not path then
      return request.param_error(operation, wrong, message)
    end
  end
  if plan.write_query then
    query, wrong, message = plan.write_query(params)
    if not query then
      return request.param_error(operation, wrong, message)
    end
  end
  local headers = {}
  if plan.write_headers then
    wrong, message = plan.write_headers(params, headers)
    if wrong then
      return request.param_error(operation, wrong, message)
    end
  end
  local body
  if plan.write_body then
    body, wrong, message = plan.write_body(params, headers, tokens, text)
    if wrong then
      return request.param_error(operation, wrong, message)
    end
    if body and operation.body_md5 then
      headers["Content-MD5"] = core.base64_encode(core.md5(body))
    end
  end
  local host_prefix
  if plan.host_prefix then
    host_prefix, wrong, message = build_host_prefix(plan, params)
    if not host_prefix then
      return request.param_error(operation, wrong, message)
    end
  end
  return {
    method = operation.method,
    path = path,
    query = query,
    headers = headers,
    body = body,
    host_prefix = host_prefix,
    codec = plan.codec,
  }
end

--- Build a request from parameters. They should have passed `validate`; what could do harm on the wire (an empty path
--- label, a line break in a header, a host label that is none) is refused here as well.
---@param operation bedrock.Operation
---@param params? table  stays as it is
---@param uuid? fun(): string  makes idempotency tokens
---@return bedrock.RequestParts|nil parts
---@return bedrock.Error? err  code "ParamValidationError"
function request.build(operation, params, uuid)
  local plan = rawget(operation, "_request_plan") or make_plan(operation)
  params = params or {}
  local tokens
  if plan.tokens[1] then
    params, tokens = with_tokens(plan, params, uuid)
  end
  return build(operation, plan, params, tokens)
end

--- Check parameters and build a request from them, in one walk. Nil where they are not surely right: `validate` knows, and
--- finds the words.
---@param operation bedrock.Operation
---@param params any  stays as it is
---@return bedrock.RequestParts|nil parts
function request.check_and_build(operation, params)
  local plan = rawget(operation, "_request_plan") or make_plan(operation)
  if not plan.shape or type(params) ~= "table" then
    return nil
  end
  local tokens
  if plan.tokens[1] then
    params, tokens = with_tokens(plan, params)
  end
  local text = core.json_encode_params(plan.shape, params, tokens)
  return text and build(operation, plan, params, tokens, text) or nil
end

return request
