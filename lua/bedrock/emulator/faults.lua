--- Faults to order: what a network or an overloaded service does, on demand and counted.
--
-- An order says what shall happen (`kind`), to which operation, how often and after how many good answers. Orders are asked in the
-- order in which they were given; the first one that applies is used up by one.

local errors = require "bedrock.errors"

local faults = {}

-- What can be ordered. True: it happens instead of the operation; false: the operation is carried out, only its answer suffers.
local KINDS = {
  throttle = true,      -- 429 ThrottlingException
  error = true,         -- a 5xx, or whatever `status` and `code` say
  slow = false,         -- `delay` seconds before the answer
  cut = false,          -- the connection closes in the middle of the body
  wrong_length = false, -- Content-Length promises more (or, with a negative `length_delta`, less) than comes
  not_json = false,     -- a success whose body is a page of HTML
  empty = false,        -- a success without a body
  drop = true,          -- the connection closes without an answer, nothing was done
  lost = false,         -- the same, but the operation was carried out
  refuse = true,        -- the connection is reset
  bad_http = true,      -- bytes that are no HTTP
}

local STANDARD = {
  [400] = { "ValidationException", "The request is not valid." },
  [403] = { "AccessDeniedException", "User is not authorized to perform this operation." },
  [404] = { "ResourceNotFoundException", "The resource was not found." },
  [429] = { "ThrottlingException", "Too many requests, please wait before trying again." },
  [500] = { "InternalServerException", "The system encountered an unexpected error during processing. Try your request again." },
  [503] = { "ServiceUnavailableException", "Too many connections, please wait before trying again." },
}

local FIELDS = {
  kind = "string", times = "number", after = "number", operation = "string", status = "number", code = "string",
  message = "string", delay = "number", body = "string", content_type = "string", headers = "table",
  length_delta = "number", retry_after_ms = "number",
}

---@class bedrock.emulator.Fault
---@field kind "throttle"|"error"|"slow"|"cut"|"wrong_length"|"not_json"|"empty"|"drop"|"lost"|"refuse"|"bad_http"
---@field times? number        how often (default 1; math.huge or -1: always)
---@field after? integer       let this many matching requests pass first
---@field operation? string    one operation only, in either spelling
---@field status? integer      throttle, error, not_json, empty: the HTTP status
---@field code? string         throttle, error: the exception's code
---@field message? string      throttle, error: its message
---@field delay? number        seconds before whatever happens
---@field body? string         error, not_json: this body in place of the usual one
---@field content_type? string error, not_json: its type
---@field headers? table       more headers of the answer
---@field length_delta? integer  wrong_length: how far Content-Length is off (default 10)
---@field retry_after_ms? integer  throttle, error: the header x-amz-retry-after

---@class bedrock.emulator.Faults  the orders that are open
local Faults = {}
Faults.__index = Faults
Faults.__name = "bedrock.emulator.faults"

--- No orders yet.
---@param model table
---@return bedrock.emulator.Faults
function faults.new(model)
  return setmetatable({ model = model, orders = {} }, Faults)
end

--- Why an order can't be taken, if so.
---@param order table
---@param model table
---@return string|nil problem
function faults.problem(order, model)
  if type(order) ~= "table" then return "a fault is a table" end
  local names, kinds = {}, {}
  for name in pairs(FIELDS) do names[#names + 1] = name end
  for kind in pairs(KINDS) do kinds[#kinds + 1] = kind end
  table.sort(names)
  table.sort(kinds)
  for name, value in pairs(order) do
    local wanted = FIELDS[name]
    if not wanted then
      local near = errors.suggest(tostring(name), names)
      return ("unknown field '%s' of a fault%s"):format(tostring(name), near and ", did you mean '" .. near .. "'?" or "")
    end
    if type(value) ~= wanted then return ("'%s' of a fault has to be a %s"):format(name, wanted) end
  end
  if KINDS[order.kind] == nil then
    return ("unknown kind of fault '%s'; there are: %s"):format(tostring(order.kind), table.concat(kinds, ", "))
  end
  if order.operation and not model.operations[order.operation] then
    return ("unknown operation '%s' of a fault"):format(order.operation)
  end
  return nil
end

--- Place an order. It has been checked by `faults.problem`.
---@param order bedrock.emulator.Fault
function Faults:add(order)
  local copy = {}
  for name, value in pairs(order) do copy[name] = value end
  copy.times = order.times or 1
  if copy.times < 0 then copy.times = math.huge end
  copy.after = order.after or 0
  copy.operation = order.operation and self.model.operations[order.operation].name
  self.orders[#self.orders + 1] = copy
end

--- Forget all orders.
function Faults:clear()
  self.orders = {}
end

--- The fault for a request, used up by one.
---@param operation_name string|nil
---@return table|nil fault
function Faults:take(operation_name)
  for i, order in ipairs(self.orders) do
    if not order.operation or order.operation == operation_name then
      if order.after > 0 then
        order.after = order.after - 1
      else
        order.times = order.times - 1
        if order.times <= 0 then table.remove(self.orders, i) end
        return order
      end
    end
  end
  return nil
end

--- Does this fault happen instead of the operation?
---@param fault table
---@return boolean
function faults.is_before(fault)
  return KINDS[fault.kind]
end

local function error_answer(fault, make_failure)
  local status = fault.status or fault.kind == "throttle" and 429 or 500
  local standard = STANDARD[status] or STANDARD[500]
  local headers = { }
  for name, value in pairs(fault.headers or {}) do headers[name:lower()] = tostring(value) end
  if fault.retry_after_ms then headers["x-amz-retry-after"] = ("%d"):format(fault.retry_after_ms) end
  local response = make_failure {
    code = fault.code or standard[1], message = fault.message or standard[2], status = status, headers = headers,
  }
  if fault.body then
    response.body = fault.body
    response.headers["x-amzn-errortype"] = fault.code
    response.headers["content-type"] = fault.content_type or "text/html"
    response.headers["content-length"] = ("%d"):format(#fault.body)
  end
  return response
end

local PAGE = "<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"

--- Turn an answer into what the fault makes of it. What HTTP can't express in a table (a cut connection) is left in `response.fault` for
--- the runtime or the server to carry out.
---@param fault table
---@param response table|nil  the operation's answer; nil for faults before it
---@param make_failure fun(exception: table): table
---@return table response
function faults.apply(fault, response, make_failure)
  local kind = fault.kind
  if kind == "throttle" or kind == "error" then
    response = error_answer(fault, make_failure)
  elseif kind == "not_json" or kind == "empty" then
    local body = kind == "empty" and "" or fault.body or PAGE
    response.status = fault.status or response.status
    response.body = body
    response.headers["content-type"] = fault.content_type or kind == "not_json" and "text/html" or nil
    response.headers["content-length"] = ("%d"):format(#body)
  elseif kind == "wrong_length" then
    response.headers["content-length"] = ("%d"):format(math.max(0, #response.body + (fault.length_delta or 10)))
    response.fault = kind
  elseif kind ~= "slow" then
    response = response or { status = 200, headers = {}, body = "" }
    response.fault = kind
  end
  response.delay = fault.delay or kind == "slow" and 1 or nil
  return response
end

--- How many bytes of a body get through when the connection is cut.
---@param body string
---@return integer
function faults.cut_at(body)
  return math.floor(#body / 2)
end

return faults
