--- The service's answers: exceptions with their status, and the headers that every answer carries.

local core = require "bedrock.core"

local answer = {}

-- What AWS's front door answers before an operation is known; the model has only the service's own exceptions.
local FRONT_DOOR = {
  AccessDeniedException = 403,
  ExpiredTokenException = 403,
  IncompleteSignatureException = 400,
  InvalidSignatureException = 403,
  MissingAuthenticationTokenException = 403,
  SerializationException = 400,
  UnknownOperationException = 404,
  UnrecognizedClientException = 403,
  UnsupportedMediaTypeException = 415,
}

---@class bedrock.emulator.Exception
---@field code string       the exception's shape name
---@field message string
---@field status? integer   overrides the model's status
---@field members? table    modelled members besides the message
---@field headers? table<string, string>

--- An exception to return as the second value of an operation: `return nil, exception("ConflictException", "…")`.
---@param code string
---@param message string
---@param members? table
---@return bedrock.emulator.Exception
function answer.exception(code, message, members)
  return { code = code, message = message, members = members }
end

local function finish(status, body, now, headers)
  local all = {
    ["content-type"] = "application/json",
    ["content-length"] = ("%d"):format(#body),
    ["date"] = core.time_http(math.floor(now)),
    ["x-amzn-requestid"] = core.uuid4(),
  }
  for name, value in pairs(headers or {}) do all[name] = value end
  return { status = status, headers = all, body = body }
end

--- An answer of the operation itself.
---@param status integer
---@param body string  JSON
---@param now number   for the Date header
---@return bedrock.Response
function answer.success(status, body, now)
  return finish(status, body, now)
end

--- An exception as the service sends it: the code in `x-amzn-ErrorType`, message and members in the body.
---@param model table  knows the status of the service's own exceptions
---@param exception bedrock.emulator.Exception
---@param now number
---@return bedrock.Response
function answer.failure(model, exception, now)
  local shape = model.exception(exception.code)
  local status = exception.status or shape and shape.error and shape.error.httpStatusCode
    or FRONT_DOOR[exception.code] or 500
  local members = { message = exception.message }
  for name, value in pairs(exception.members or {}) do members[name] = value end
  local headers = { ["x-amzn-errortype"] = exception.code }
  for name, value in pairs(exception.headers or {}) do headers[name] = value end
  local body = core.json_encode_plain(members)
  if not body then
    -- A message may quote what a client sent, and that may be no text at all.
    for name, value in pairs(members) do members[name] = (tostring(value):gsub("[\128-\255]", "?")) end
    body = assert(core.json_encode_plain(members))
  end
  return finish(status, body, now, headers)
end

return answer
