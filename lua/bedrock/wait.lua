-- wait.lua: polls an operation until what it describes has come to an end.
--
-- The service models no waiters, so the kinds are a table of ours: which operation, which member holds the status, and
-- which values are a good or a bad end. Any other status, also one that is new to us, means "not yet".

local errors = require "bedrock.errors"

local M = {}

---@class bedrock.WaitOptions
---@field interval? number|fun(answer: table|nil, poll: integer, now: number): number  seconds between two polls, 60 if not
---  given: jobs run for hours. A function is asked after each poll, with no answer after one that failed; its pause is not varied
---@field timeout? number  seconds for the whole wait; without it the wait lasts as long as the job
---@field on_poll? fun(answer: table, poll: integer, now: number): bedrock.Error|nil  hears each answer, the last one too, and the
---  service's time; an error that it returns ends the wait

---@class bedrock.WaitKind
---@field operation string
---@field identifier string  the parameter that names what is waited for
---@field status string
---@field good table<string, true>
---@field bad table<string, true>

---@type table<string, bedrock.WaitKind>
M.kinds = {
  model_customization_job = {
    operation = "get_model_customization_job", identifier = "jobIdentifier", status = "status",
    good = { Completed = true }, bad = { Failed = true, Stopped = true },
  },
  custom_model = {
    operation = "get_custom_model", identifier = "modelIdentifier", status = "modelStatus",
    good = { Active = true }, bad = { Failed = true },
  },
}

-- A wait lasts for hours: a network that is away for a moment must not end it, one that stays away must.
local FAILED_POLLS = 5
local INTERVAL = 60
-- Each pause varies by this share, so that many scripts started together do not poll together.
local JITTER = 0.1
-- The last poll happens when the time is up, and may take this many seconds.
local LAST_POLL = 5

local option_types = { interval = "number", timeout = "number", on_poll = "function" }
local also_function = { interval = true }

--- Check the options of a wait.
---@param options bedrock.WaitOptions|nil
---@return string|nil problem  what is wrong with them
function M.check_options(options)
  if options == nil then return nil end
  if type(options) ~= "table" then return "wait options must be a table, got " .. type(options) end
  for name, value in pairs(options) do
    local wanted = option_types[name]
    if not wanted then
      return ("unknown wait option %q%s"):format(tostring(name), errors.did_you_mean(tostring(name), option_types))
    elseif type(value) ~= wanted and not (also_function[name] and type(value) == "function") then
      return ("wait option %s must be a %s, got %s"):format(name, wanted, type(value))
    elseif type(value) == "number" and not (value >= 0 and value < math.huge) then
      return ("wait option %s must be a number of seconds, 0 or more"):format(name)
    end
  end
end

---@class bedrock.WaitHost
---@field runtime bedrock.Runtime
---@field now fun(): number  the service's time, as far as it is known
---@field random fun(): number
---@field operation string
---@field call fun(params: table, timeout: number|nil): table|nil, table

--- A wait in steps, for whoever has several: what `ask` gives is for `take`, which says when to ask again.
---@class bedrock.Waiter
---@field due number  when the next poll is to be, on the runtime's clock
---@field runtime bedrock.Runtime
local Waiter = {}
Waiter.__index = Waiter

--- Begin a wait. Its options were checked.
---@param kind bedrock.WaitKind
---@param params table  the parameters of the kind's operation
---@param options bedrock.WaitOptions|nil
---@param host bedrock.WaitHost
---@return bedrock.Waiter
function M.new(kind, params, options, host)
  options = options or {}
  local now = host.runtime:now()
  return setmetatable({ kind = kind, params = params, options = options, host = host, runtime = host.runtime, due = now,
    deadline = options.timeout and now + options.timeout, polls = 0, failed = 0 }, Waiter)
end

--- Poll.
---@param most? number  seconds that this may take
---@return table|nil answer
---@return bedrock.Error? err
function Waiter:ask(most)
  local left = self.deadline and math.max(self.deadline - self.runtime:now(), LAST_POLL)
  return self.host.call(self.params, left and most and math.min(left, most) or left or most)
end

local function bad_end(self, answer, status)
  local reason = type(answer.failureMessage) == "string" and answer.failureMessage or nil
  return errors.new {
    code = "WaiterError", operation = self.host.operation, last = answer, failure_message = reason, retryable = false,
    message = ("%s ended as %s%s"):format(tostring(self.params[self.kind.identifier]), status,
      reason and reason ~= "" and ": " .. reason or ""),
  }
end

local function timed_out(self)
  local last = self.last
  local status = last and tostring(last[self.kind.status])
  return errors.new {
    code = "TimeoutError", operation = self.host.operation, last = last, retryable = false,
    message = ("%s was not at its end after %g seconds%s"):format(
      tostring(self.params[self.kind.identifier]), self.options.timeout, status and "; its status was " .. status or ""),
  }
end

--- Judge what came of a poll.
---@param answer table|nil
---@param err bedrock.Error|nil
---@return boolean over  false: ask again when it is due
---@return table|nil answer  at a good end
---@return bedrock.Error? err  at any other
function Waiter:take(answer, err)
  local options, runtime = self.options, self.runtime
  self.polls = self.polls + 1
  if answer then
    self.failed, self.last = 0, answer
    local stop = options.on_poll and options.on_poll(answer, self.polls, self.host.now())
    local status = answer[self.kind.status]
    if self.kind.good[status] then return true, answer end
    if errors.is(stop) then return true, nil, stop end
    if self.kind.bad[status] then return true, nil, bad_end(self, answer, status) end
  else
    self.failed = self.failed + 1
    if not err.retryable or self.failed >= FAILED_POLLS then
      err.last = self.last or err.last
      return true, nil, err
    end
  end
  local now = runtime:now()
  if self.deadline and now >= self.deadline then return true, nil, timed_out(self) end
  local pause = options.interval or INTERVAL
  if type(pause) == "function" then
    pause = pause(answer, self.polls, self.host.now())
    if type(pause) ~= "number" or not (pause >= 0) then
      error(("the function interval of a wait has to give seconds, 0 or more; it gave %s"):format(tostring(pause)), 0)
    end
  else
    pause = pause * (1 + JITTER * (2 * self.host.random() - 1))
  end
  self.due = now + pause
  if self.deadline then self.due = math.min(self.due, self.deadline) end
  return false
end

--- Poll until the end.
---@return table|nil answer  the operation's last answer, at a good end
---@return bedrock.Error? err  `WaiterError` (a bad end: `last` is the answer, `failure_message` its reason),
---  `TimeoutError` (`last` is the last answer, if there was one), or the error of a call that can't be made
function Waiter:run()
  while true do
    local over, answer, err = self:take(self:ask())
    if over then return answer, err end
    local pause = self.due - self.runtime:now()
    if pause > 0 then self.runtime:sleep(pause) end
  end
end

return M
