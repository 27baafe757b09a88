--- An answer to a result or an error, by the protocol rest-json.
--
-- Where the members of an output come from is worked out once and kept on its shape as a plan, as for requests.

local core = require "bedrock.core"
local errors = require "bedrock.errors"

local answer = {}

local null = core.json_null

-- Where the members of an output (or exception) come from.
local function make_plan(shape)
  local plan = {}
  local in_headers = {}
  for _, name in ipairs(shape.order) do
    local member = shape.members[name]
    local location = member.location
    if location == "header" or location == "headers" then
      in_headers[#in_headers + 1] = member
    elseif location == "statusCode" then
      plan.status = name
    end
  end
  if in_headers[1] then
    plan.read_headers = require("bedrock.protocol.headers").reader(in_headers)
  end
  local body_shape = shape
  if shape.payload then
    plan.payload = shape.payload
    body_shape = shape.members[shape.payload].shape
    plan.raw = body_shape.type == "blob" or body_shape.type == "string"
  end
  if not plan.raw then
    plan.codec = core.json_shape(body_shape)
    plan.object = body_shape.type == "structure"
    plan.bare = plan.object and not (plan.payload or plan.read_headers or plan.status)
  end
  rawset(shape, "_answer_plan", plan)
  return plan
end

-- The members that are not in the body.
local function read_located(plan, result, response)
  if plan.read_headers then
    plan.read_headers(result, response.headers or {})
  end
  if plan.status then
    result[plan.status] = response.status
  end
end

-- JSON by a plan: the value (nil for null), or nil and a message.
local function read_json(plan, body)
  local value, message = core.json_decode(plan.codec, body)
  if value == nil and message then
    return nil, message
  elseif value == null then
    return nil
  elseif plan.object and (type(value) ~= "table" or getmetatable(value) == core.json_array_mt) then
    return nil, "a JSON object was expected at byte 1"
  end
  return value
end

local function is_blank(body)
  return body == nil or body == "" or not body:find("%S")
end

-- The members of a body that is JSON, or nil and a message.
local function read_members(plan, body)
  if is_blank(body) then
    return {}
  end
  local value, message = read_json(plan, body)
  if message then
    return nil, message
  elseif plan.payload then
    return { [plan.payload] = value }
  end
  return value or {}
end

-- AWS's names for the id of a request, by how often they are met.
local REQUEST_ID_HEADERS = { "x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id" }

--- AWS's id of a request, from the headers of its answer.
---@param headers table<string, string>  names in lower case
---@return string|nil
function answer.request_id(headers)
  if not headers then
    return nil
  end
  local id = headers["x-amzn-requestid"] or headers["x-amz-request-id"] or headers["x-amzn-request-id"]
  if id then
    return id
  end
  -- A runtime of the user's own may have left the names as they came.
  for name, value in next, headers do
    for i = 1, #REQUEST_ID_HEADERS do
      if type(name) == "string" and name:lower() == REQUEST_ID_HEADERS[i] then
        return value
      end
    end
  end
  return nil
end

local function read_exception(shape, response)
  local plan = rawget(shape, "_answer_plan") or make_plan(shape)
  local members
  if plan.raw then
    members = { [plan.payload] = response.body }
  else
    members = read_members(plan, response.body) or {}
  end
  read_located(plan, members, response)
  return members
end

--- What reads the body of a success, where that is all of the result.
---@param operation bedrock.Operation
---@return bedrock.core.Shape|nil
function answer.codec(operation)
  local output = operation.output
  local plan = output and (rawget(output, "_answer_plan") or make_plan(output))
  return plan and plan.bare and plan.codec or nil
end

--- What is wrong with an answer that a runtime of the user's own gave; nil for a sound one.
---@param response table
---@return string|nil message
function answer.runtime_mistake(response)
  local body, headers = response.body, response.headers
  if type(response.status) ~= "number" then
    return "the runtime gave an answer without a status"
  elseif body ~= nil and type(body) ~= "string" then
    return "the runtime gave an answer whose body is no string, but a " .. type(body)
  elseif headers ~= nil and type(headers) ~= "table" then
    return "the runtime gave an answer whose headers are no table, but a " .. type(headers)
  end
  return nil
end

--- Read an answer.
---@param operation bedrock.Operation
---@param response {status: integer, headers?: table<string, string>, body?: string}  header names in lower case
---@return table|nil result
---@return bedrock.Error? err  the service's error, or "ResponseError" for a success that cannot be read
function answer.parse(operation, response)
  local status, body, output = response.status, response.body, operation.output
  local plan = output and (rawget(output, "_answer_plan") or make_plan(output))
  if plan and plan.bare and status == operation.status and type(body) == "string" and type(response.headers) == "table" then
    local value = core.json_decode(plan.codec, body)
    if type(value) == "table" and not getmetatable(value) then -- the rule, and what follows is for exceptions to it
      return value
    end
  end
  local problem = answer.runtime_mistake(response)
  if problem then
    return nil, errors.new { code = "ResponseError", message = problem, operation = operation.name, retryable = false }
  elseif status < 200 or status >= 300 then
    local failure = require "bedrock.protocol.failure"
    local err, exception = failure.read(operation, response, answer.request_id(response.headers))
    if exception then
      failure.add_members(err, read_exception(exception, response))
    end
    return nil, err
  end
  if not output then
    return {} -- whatever the body says, nothing of it was promised
  end
  local result
  if plan.raw then
    result = { [plan.payload] = body ~= "" and body or nil }
  else
    local message
    result, message = read_members(plan, body)
    if not result then
      return nil, require("bedrock.protocol.failure").unreadable(operation, response,
        answer.request_id(response.headers), "JSON", message)
    end
  end
  read_located(plan, result, response)
  return result
end

return answer
