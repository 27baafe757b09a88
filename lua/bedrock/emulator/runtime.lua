--- A runtime whose network is an emulator in the same process and whose time is the emulator's: `bedrock.new { runtime = e:runtime() }`.
--
-- Sleeping moves the clock and takes no time, so a wait of hours is over at once. Faults come out as the errors that a real
-- connection would give.

local errors = require "bedrock.errors"

local runtime = {}

---@class bedrock.emulator.Runtime: bedrock.Runtime
---@field emulator bedrock.Emulator
local Runtime = {}
Runtime.__index = Runtime
Runtime.__name = "bedrock.emulator.runtime"

--- A runtime on an emulator.
---@param emulator bedrock.Emulator
---@return bedrock.Runtime
function runtime.new(emulator)
  return setmetatable({ emulator = emulator, name = "emulator" }, Runtime)
end

local FAILURES = {
  cut = { "ResponseError", "The answer was cut off: the connection closed in the middle of the body. Try again." },
  wrong_length = { "ResponseError", "The answer was cut off: Content-Length promised more than came. Try again." },
  bad_http = { "ResponseError", "The answer is no HTTP. Check that the endpoint is the right one." },
  drop = { "ConnectionError", "The connection was closed without an answer. Try again." },
  lost = { "ConnectionError", "The connection was closed without an answer. Try again." },
  refuse = { "ConnectionError", "The connection was refused. Check the endpoint, and that the service runs." },
}

local function timeout(what)
  return nil, errors.new {
    code = "TimeoutError", message = "No answer within the " .. what .. ". Raise the timeout or try again.",
    retryable = true,
  }
end

-- Let the answer's delay pass, or as much of it as the caller waits for.
local function wait(self, delay, request, deadline)
  local limit, what = request.read_timeout, "read timeout"
  if deadline and (not limit or deadline - self:now() < limit) then
    limit, what = math.max(0, deadline - self:now()), "time for the whole call"
  end
  if limit and delay > limit then
    self.emulator:advance(limit)
    return timeout(what)
  end
  self.emulator:advance(delay)
  return true
end

--- Send a request to the emulator.
---@param request bedrock.RuntimeRequest
---@param deadline? number  on this runtime's clock
---@return bedrock.Response|nil response
---@return bedrock.Error? err  what a fault gives: TimeoutError, ConnectionError, ResponseError
function Runtime:send(request, deadline)
  if deadline and self:now() >= deadline then return timeout("time for the whole call") end
  local response = self.emulator:handle(request)
  if response.delay then
    local ok, err = wait(self, response.delay, request, deadline)
    if not ok then return nil, err end
  end
  local fault, body = response.fault, response.body
  if fault == "wrong_length" then
    -- A promise that is too small is kept: the client reads that much and no more.
    local promised = tonumber(response.headers["content-length"])
    if promised <= #body then fault, body = nil, body:sub(1, promised) end
  end
  if fault then
    local failure = FAILURES[fault]
    return nil, errors.new { code = failure[1], message = failure[2], retryable = true }
  end
  return { status = response.status, headers = response.headers, body = body }
end

--- Let time pass, at once.
---@param seconds number
function Runtime:sleep(seconds)
  self.emulator:advance(math.max(0, seconds))
end

--- The emulator's time.
---@return number seconds
function Runtime:now()
  return self.emulator:now()
end

--- There is nothing to close.
function Runtime:close() end -- luacheck: no self

return runtime
