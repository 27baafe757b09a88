--- The service's errors: their code and message, wherever an answer has them. An answer that is nothing like an error of
-- the service (a gateway's page, no body at all) still becomes one, with the HTTP status as its code.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local trim = require("bedrock.protocol.text").trim

local failure = {}

local null = core.json_null

local function is_blank(body)
  return body == nil or body == "" or not body:find("%S")
end

local PHRASES = {
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found", [405] = "Method Not Allowed",
  [408] = "Request Timeout", [409] = "Conflict", [413] = "Content Too Large", [415] = "Unsupported Media Type",
  [422] = "Unprocessable Content", [424] = "Failed Dependency", [429] = "Too Many Requests",
  [500] = "Internal Server Error", [501] = "Not Implemented", [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout",
}
local MAX_MESSAGE = 1000 -- characters of a text that is no JSON, before it is cut

--- An error's code without what is around it: "ns#Foo:http://x" is "Foo".
---@param code any  as it stands in an answer
---@return string|nil code
function failure.clean_code(code)
  if type(code) == "number" then
    code = ("%.14g"):format(code)
  elseif type(code) ~= "string" then
    return nil
  end
  code = trim(code:match("^[^:,]*"):gsub("^[^#]*#", ""))
  return code ~= "" and code or nil
end

local clean_code = failure.clean_code

local function phrase(status)
  return PHRASES[status] or ("HTTP status %.14g"):format(status)
end

local function plain_message(status, body, code)
  if is_blank(body) then
    return code and "" or phrase(status)
  end
  local start = body:find("%S")
  local text = trim(body:sub(start, start + MAX_MESSAGE))
  if text:find("^<") then -- a page of some gateway's
    return phrase(status)
  end
  text = text:gsub("%c+", " ")
  return #text > MAX_MESSAGE and text:sub(1, MAX_MESSAGE) .. "..." or text
end

-- Whether what the operation sends is secret: a text that is no error of the service may be an echo of it.
local function sends_secrets(operation)
  for _, member in pairs(operation.input and operation.input.members or {}) do
    if member.shape.sensitive then
      return true
    end
  end
  return false
end

--- The error that an answer is.
---@param operation bedrock.Operation
---@param response table
---@param request_id string|nil
---@param code string|nil  the service's, clean; nil if it states none
---@param message string|nil  nil if the body is no error of the service
---@return bedrock.Error err  without the members of its exception
---@return bedrock.Shape|nil exception  the exception that it is
function failure.new(operation, response, request_id, code, message)
  local status = response.status
  if message == "" and not code then
    message = phrase(status)
  elseif not message and status >= 300 and status < 400 then
    message = "the service answered with a redirect, which is not followed; is the endpoint right?"
  elseif not message then
    message = sends_secrets(operation) and phrase(status) or plain_message(status, response.body, code)
  end
  local err = errors.new {
    code = code or ("%.14g"):format(status),
    message = message,
    status = status,
    request_id = request_id,
    operation = operation.name,
    headers = response.headers or {},
  }
  local shape = code and (operation.errors[code] or operation.exception and operation.exception(code))
  return err, shape or nil
end

--- Read an answer that is no success.
---@param operation bedrock.Operation
---@param response table
---@param request_id string|nil
---@return bedrock.Error err  without the members of its exception
---@return bedrock.Shape|nil exception  the exception that it is
function failure.read(operation, response, request_id)
  local headers, body = response.headers or {}, response.body
  local data = not is_blank(body) and core.json_decode_plain(body) or nil
  if type(data) ~= "table" or getmetatable(data) == core.json_array_mt then
    data = nil
  end
  local code = clean_code(headers["x-amzn-errortype"])
    or data and (clean_code(data.code) or clean_code(data.Code) or clean_code(data.__type))
  local message
  if data then
    message = data.message
    if message == nil or message == null then
      message = data.Message
    end
    if message == nil or message == null then
      message = data.error_description -- of OAuth, RFC 6749 section 5.2
    end
    if type(message) ~= "string" then
      message = type(message) == "number" and ("%.14g"):format(message) or ""
    end
  end
  return failure.new(operation, response, request_id, code, message)
end

-- These fields of an error are the library's; a modelled member of such a name is found in `members` alone.
local RESERVED = { code = true, message = true, status = true, request_id = true, operation = true, attempts = true,
  retryable = true, headers = true, members = true, problems = true, last = true, cause = true }

--- Add the members of its exception to an error.
---@param err bedrock.Error
---@param members table<string, any>
function failure.add_members(err, members)
  for name, value in next, members do
    if not RESERVED[name] then
      err[name] = value
    end
  end
  err.members = members
end

--- The error of a success that can't be read. Nothing of its body is in it: that may be secret.
---@param operation bedrock.Operation
---@param response table
---@param request_id string|nil
---@param form string  "JSON", "XML"
---@param message string  what is wrong
---@return bedrock.Error err  code "ResponseError"
function failure.unreadable(operation, response, request_id, form, message)
  local kind = (response.headers or {})["content-type"]
  return errors.new {
    code = "ResponseError",
    message = ("the service's answer is not the %s that %s promises: %s%s; is the endpoint right, and is nothing"
      .. " between it and this program?"):format(form, operation.name, message,
      kind and (" (Content-Type: %s)"):format(tostring(kind):gsub("[%c\127-\255]", "?")) or ""),
    status = response.status,
    request_id = request_id,
    operation = operation.name,
    headers = response.headers,
    retryable = false,
  }
end

return failure
