-- wait.lua: polls an operation until what it describes has come to an end.
--
-- The service models no waiters, so the kinds are a table of ours: which operation, which member holds the status, and
-- which values are a good or a bad end. Any other status, also one that is new to us, means "not yet".

local errors = require "bedrock.errors"

local M = {}

---@class bedrock.WaitOptions
---@field interval? number  seconds between two polls, 60 if not given: jobs run for hours
---@field timeout? number  seconds for the whole wait; without it the wait lasts as long as the job
---@field on_poll? fun(answer: table, poll: integer)  hears each answer, the last one too

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
    elseif type(value) ~= wanted then
      return ("wait option %s must be a %s, got %s"):format(name, wanted, type(value))
    elseif wanted == "number" and not (value >= 0 and value < math.huge) then
      return ("wait option %s must be a number of seconds, 0 or more"):format(name)
    end
  end
end

--- Poll until the end.
---@param kind bedrock.WaitKind
---@param params table  the parameters of the kind's operation
---@param options bedrock.WaitOptions|nil
---@param host {runtime: table, random: (fun(): number), operation: string, call: fun(params: table, timeout: number|nil): table|nil, table}
---@return table|nil answer  the operation's last answer, at a good end
---@return bedrock.Error? err  `WaiterError` (a bad end: `last` is the answer, `failure_message` its reason),
---  `TimeoutError` (`last` is the last answer, if there was one), or the error of a call that can't be made
function M.run(kind, params, options, host)
  options = options or {}
  local runtime, interval = host.runtime, options.interval or INTERVAL
  local deadline = options.timeout and runtime:now() + options.timeout
  local polls, failed, last = 0, 0, nil

  local function timed_out()
    local status = last and tostring(last[kind.status])
    return nil, errors.new {
      code = "TimeoutError", operation = host.operation, last = last, retryable = false,
      message = ("%s was not at its end after %g seconds%s"):format(
        tostring(params[kind.identifier]), options.timeout, status and "; its status was " .. status or ""),
    }
  end

  while true do
    local left = deadline and deadline - runtime:now()
    local answer, err = host.call(params, left and math.max(left, LAST_POLL))
    polls = polls + 1
    if answer then
      failed, last = 0, answer
      if options.on_poll then options.on_poll(answer, polls) end
      local status = answer[kind.status]
      if kind.good[status] then return answer end
      if kind.bad[status] then
        local reason = answer.failureMessage
        return nil, errors.new {
          code = "WaiterError", operation = host.operation, last = answer, failure_message = reason, retryable = false,
          message = ("%s ended as %s%s"):format(tostring(params[kind.identifier]), status,
            reason and reason ~= "" and ": " .. reason or ""),
        }
      end
    else
      failed = failed + 1
      if not err.retryable or failed >= FAILED_POLLS then
        err.last = last or err.last
        return nil, err
      end
    end
    if deadline and runtime:now() >= deadline then return timed_out() end
    local pause = interval * (1 + JITTER * (2 * host.random() - 1))
    if deadline then pause = math.min(pause, deadline - runtime:now()) end
    if pause > 0 then runtime:sleep(pause) end
  end
end

return M
