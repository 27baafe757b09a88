-- metadata.lua: requests to the credential endpoints of a container or an instance: plain HTTP to an address of this
-- very machine, never through a proxy, answered at once or not at all. Hence short limits, and no redirects.

local errors = require "bedrock.errors"
local keys = require "bedrock.credentials.keys"

local metadata = {}

local MAX_DOCUMENT = 64 * 1024 -- bytes; credentials have about one
local DEADLINE = 1.2 -- times the limit: more than it, so that a connection that can't be made is told from a late answer
local FIRST_PAUSE = 0.1 -- seconds, doubled from attempt to attempt, less a random part

local function problem_of(response)
  if type(response) ~= "table" or type(response.status) ~= "number" then
    return "the runtime gave an answer without a status"
  elseif type(response.body or "") ~= "string" or type(response.headers or {}) ~= "table" then
    return "the runtime gave an answer that is no table { status, headers, body }"
  elseif #(response.body or "") > MAX_DOCUMENT then
    return ("the answer is larger than %d bytes"):format(MAX_DOCUMENT)
  end
end

---@class bedrock.MetadataLimits
---@field timeout number  seconds for one request, connection and answer
---@field attempts integer  the first one counts

--- Send a request, again where that may help: after a failure to get an answer, and after HTTP 429 and 5xx.
---@param context bedrock.CredentialsContext
---@param request {method: string, url: string, headers?: table<string, string>, body?: string}
---@param limits bedrock.MetadataLimits
---@param where string  begins the message of an error; the URL may have a secret in its query
---@return bedrock.Response|nil response  of any status
---@return bedrock.Error? err  of the runtime, or a CredentialsError for an answer that can't be read
function metadata.send(context, request, limits, where)
  local runtime = context.runtime
  local headers = { ["User-Agent"] = context.user_agent }
  for name, value in pairs(request.headers or {}) do headers[name] = value end
  local sent = {
    method = request.method, url = request.url, headers = headers, body = request.body, no_proxy = true,
    connect_timeout = limits.timeout, read_timeout = limits.timeout,
  }
  for attempt = 1, limits.attempts do
    local deadline = runtime:now() + limits.timeout * DEADLINE
    if context.deadline then deadline = math.min(deadline, context.deadline) end
    local response, err = runtime:send(sent, deadline)
    local again
    if response then
      local problem = problem_of(response)
      if problem then return keys.fail(where .. ": " .. problem) end
      again = response.status == 429 or response.status >= 500
    else
      err = errors.of_runtime(err)
      again = err.retryable ~= false
    end
    local pause = FIRST_PAUSE * 2 ^ (attempt - 1) * (0.5 + context.random() / 2)
    if not again or attempt == limits.attempts
      or (context.deadline and runtime:now() + pause >= context.deadline) then
      return response, err
    end
    runtime:sleep(pause)
  end
end

return metadata
