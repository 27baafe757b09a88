--- An answer to a result or an error, by the protocol query.
--
-- A result comes in two wrappers: <AssumeRoleResponse><AssumeRoleResult>…, or objects of these names in JSON. Both forms are
-- read by one shape, made for the whole document, and which it is the first character says: middlemen and stand-ins of
-- the service are not careful about Content-Type.

local answer = require "bedrock.protocol.answer"
local core = require "bedrock.core"
local errors = require "bedrock.errors"

local aws_query_answer = { request_id = answer.request_id }

-- A shape of our own: a structure with the given members.
local function structure(members)
  local shape = { name = "document", type = "structure", members = {}, order = {} }
  for name, member_shape in pairs(members) do
    shape.members[name] = { name = name, wire = name, shape = member_shape }
    shape.order[#shape.order + 1] = name
  end
  return shape
end

local function is_object(value)
  return type(value) == "table" and getmetatable(value) ~= core.json_array_mt
end

-- A body in either form by the shape of its document: the value, and the form's name and what is wrong for a message.
local function read_document(shape, body)
  if body:match("[^%s\239\187\191]") == "<" then -- behind blanks and the bytes of a byte order mark
    local root, message = require("bedrock.protocol.xml").parse(body)
    return root and require("bedrock.protocol.xml_value").read(shape, { root }), "XML", message
  end
  local codec = rawget(shape, "_codec")
  if not codec then
    codec = core.json_shape(shape)
    rawset(shape, "_codec", codec)
  end
  local value, message = core.json_decode(codec, body)
  return is_object(value) and value or nil, "JSON", message
end

local TEXT = { name = "text", type = "string" }
local METADATA = structure { RequestId = TEXT }

-- The shape of an error's document, with or without ErrorResponse around it. `stated` is the shape of its Error.
local function failure_shape(stated)
  local members = { Error = stated, RequestId = TEXT, ResponseMetadata = METADATA }
  members.ErrorResponse = structure(members)
  return structure(members)
end

local FAILURE = failure_shape(structure { Code = TEXT, Message = TEXT, message = TEXT, RequestId = TEXT })

-- The Error in a document, and what is around it; nil where there is none.
local function stated_error(shape, body)
  local document = read_document(shape, body)
  if not document then
    return nil
  end
  local around = is_object(document.ErrorResponse) and document.ErrorResponse or document
  if is_object(around.Error) then
    return around.Error, around
  end
  return nil
end

local function text_or_nil(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function read_failure(operation, response)
  local failure = require "bedrock.protocol.failure"
  local body, request_id = response.body or "", answer.request_id(response.headers)
  local stated, around = stated_error(FAILURE, body)
  local code = stated and failure.clean_code(stated.Code)
  local message = stated and (text_or_nil(stated.Message) or text_or_nil(stated.message))
  if not code and not message then
    -- No error of this protocol: one of whoever stands in front of the service, or nothing at all.
    return (failure.read(operation, response, request_id))
  end
  local metadata = is_object(around.ResponseMetadata) and around.ResponseMetadata or {}
  request_id = request_id or text_or_nil(around.RequestId) or text_or_nil(metadata.RequestId)
    or text_or_nil(stated.RequestId)
  local err, exception = failure.new(operation, response, request_id, code, message or "")
  if exception then
    local members = stated_error(failure_shape(exception), body) or {}
    if exception.members.message then
      members.message = members.message or message -- the model's name for it is seldom that of the wire
    end
    failure.add_members(err, members)
  end
  return err
end

-- The shape of a success's document, and the names of its wrappers.
local function make_plan(operation)
  local name = operation.name
  local plan = { response = name .. "Response", result = operation.result_wrapper or name .. "Result" }
  plan.shape = structure { [plan.response] = structure { [plan.result] = operation.output } }
  rawset(operation, "_query_answer_plan", plan)
  return plan
end

--- Read an answer.
---@param operation bedrock.Operation
---@param response {status: integer, headers?: table<string, string>, body?: string}  header names in lower case
---@return table|nil result
---@return bedrock.Error? err  the service's error, or "ResponseError" for a success that cannot be read
function aws_query_answer.parse(operation, response)
  local status, problem = response.status, answer.runtime_mistake(response)
  if problem then
    return nil, errors.new { code = "ResponseError", message = problem, operation = operation.name, retryable = false }
  elseif status < 200 or status >= 300 then
    return nil, read_failure(operation, response)
  elseif not operation.output then
    return {} -- whatever the body says, nothing of it was promised
  end
  local plan = rawget(operation, "_query_answer_plan") or make_plan(operation)
  local document, form, message = read_document(plan.shape, response.body or "")
  local inner = document and document[plan.response]
  local result = is_object(inner) and inner[plan.result]
  if is_object(result) then
    return result
  end
  return nil, require("bedrock.protocol.failure").unreadable(operation, response, answer.request_id(response.headers),
    form, message or ("it has no %s in %s"):format(plan.result, plan.response))
end

return aws_query_answer
