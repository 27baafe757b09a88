-- A runtime without a network: it answers from a script, and has a clock of its own that only `sleep` moves.

local FakeRuntime = {}
FakeRuntime.__index = FakeRuntime

local M = {}

--- A JSON answer, as the service gives one.
function M.answer(status, body, headers)
  local all = { ["x-amzn-requestid"] = "req-" .. status, ["content-type"] = "application/json" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return { status = status, headers = all, body = body or "{}" }
end

--- An error answer of the service.
function M.failure(status, code, message, headers)
  local all = { ["x-amzn-errortype"] = code }
  for name, value in pairs(headers or {}) do all[name] = value end
  return M.answer(status, ('{"message":%q}'):format(message or code), all)
end

--- `script` is a list of responses, of `{ error = err }`, or of functions (request, deadline) -> response, err; or one
--- such function for all requests. `requests` and `sleeps` record what happened.
function M.new(script, now)
  return setmetatable({ script = script, requests = {}, sleeps = {}, clock = now or 1700000000 }, FakeRuntime)
end

function FakeRuntime:send(request, deadline)
  local n = #self.requests + 1
  self.requests[n] = request
  self.deadline = deadline
  local step = type(self.script) == "function" and self.script or self.script[n]
  assert(step, "the script has no answer for request " .. n)
  if type(step) == "function" then return step(request, deadline, self) end
  if step.error then return nil, step.error end
  return step
end

function FakeRuntime:sleep(seconds)
  self.sleeps[#self.sleeps + 1] = seconds
  self.clock = self.clock + seconds
end

function FakeRuntime:now()
  return self.clock
end

return M
