--- tuning.watch: several jobs, waited for together, with an eye on how they get on.
--
-- Each job has a waiter (bedrock.wait), which one loop asks when it is due: that goes alike with any runtime, also one that can't
-- do two things at once. Polls that are due together go out side by side. What a caller's functions do happens in that loop, so
-- what they raise is the caller's to catch.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local common = require "bedrock.tuning.options"
local names = require "bedrock.tuning.names"
local stages = require "bedrock.tuning.stages"

local watch = {}

local INTERVAL, LARGEST_INTERVAL = 60, 300
-- Pauses between polls grow by this factor while nothing changes, and are longer by up to this share, so that many scripts started
-- together do not poll together.
local GROWTH, JITTER = 1.5, 0.1
-- Seconds that one poll may take with all its attempts: the others wait for it.
local LONGEST_POLL = 60

---@class bedrock.tuning.WatchOptions
---@field on_progress? fun(event: bedrock.tuning.Event)
---@field interval? number  fewest seconds between two polls of a job, 60 if not given
---@field max_interval? number  most seconds, 300
---@field timeout? number  seconds for all of it; without it, as long as the jobs take
---@field budgets? bedrock.tuning.Budgets  seconds after which a stage is called stalled; math.huge for never
---@field on_stall? "stop"|"error"|fun(event: bedrock.tuning.Event): "stop"|"error"|nil  stop such a job, or give it up; a function is
---  asked each time another budget has passed
---@field records? integer  in the training data, for better estimates

---@class bedrock.tuning.Event
---@field type "checked"|"created"|"resumed"|"stage"|"poll"|"stalled"|"warning"|"finished"
---@field job? table  as GetModelCustomizationJob gave it last
---@field index? integer  of tuning.watch: which job it is
---@field stage? bedrock.tuning.Stage
---@field started? boolean  false: the stage is next, and has not begun
---@field elapsed? number  seconds since the job was created
---@field stage_elapsed? number  seconds in this stage
---@field estimate? bedrock.tuning.Estimate
---@field poll? integer  how many there were
---@field budget? number  stalled: the seconds that were exceeded
---@field message? string  stalled, warning
---@field report? table  checked: that of tuning.check_job

local OPTION_TYPES = { on_progress = "function", interval = "number", max_interval = "number", timeout = "number",
  budgets = "table", records = "number",
  on_stall = function(value)
    if value == "stop" or value == "error" or type(value) == "function" then return nil end
    return ('must be "stop", "error" or a function, got %s'):format(type(value) == "string" and ("%q"):format(value) or type(value))
  end }

--- Look for mistakes in options.
---@param options any
---@param name string  the function that they are for
---@param more? table<string, string>  types of further ones
---@return string|nil problem
function watch.check_options(options, name, more)
  local known = {}
  for option, kind in pairs(OPTION_TYPES) do known[option] = kind end
  for option, kind in pairs(more or {}) do known[option] = kind end
  local problem = common.problem(options, known, name)
  if problem or not options then return problem end
  for option, value in pairs(options) do
    if type(value) == "number" and not (value >= 0 and value < math.huge) then
      return ("option %s of %s must be a number, 0 or more"):format(option, name)
    end
  end
  for stage, seconds in pairs(options.budgets or {}) do
    if not stages.budgets[stage] then
      return ("unknown stage %q in option budgets of %s%s"):format(tostring(stage), name, errors.did_you_mean(stage, stages.budgets))
    elseif type(seconds) ~= "number" or not (seconds > 0) then
      return ("option budgets.%s of %s must be a number of seconds above 0"):format(stage, name)
    end
  end
end

--- A span as people say it: "45 s", "12 min", "3 h 20 min".
local function span_text(seconds)
  if seconds < 120 then return ("%d s"):format(math.floor(seconds + 0.5)) end
  local minutes = math.floor(seconds / 60 + 0.5)
  if minutes < 120 then return ("%d min"):format(minutes) end
  local hours, rest = math.floor(minutes / 60), minutes % 60
  return rest > 0 and ("%d h %d min"):format(hours, rest) or ("%d h"):format(hours)
end

---------------------------------------------------------------------------------------------------------------------
-- One job
---------------------------------------------------------------------------------------------------------------------

local Watcher = {}
Watcher.__index = Watcher

function Watcher:tell(fields)
  if not self.options.on_progress then return end
  if not self.quiet then fields.index = self.index end
  self.options.on_progress(fields)
end

-- An event of where the job stands.
function Watcher:event(kind, more)
  local place = self.place
  local event = { type = kind, job = self.job, stage = place.stage, started = place.started, elapsed = place.elapsed,
    stage_elapsed = place.stage_elapsed, estimate = self.estimate, poll = self.polls }
  for name, value in pairs(more or {}) do event[name] = value end
  return event
end

function Watcher:stalled_error(message, cause)
  return errors.new { code = "StalledError", operation = "GetModelCustomizationJob", last = self.job, retryable = false,
    message = message, cause = cause }
end

-- Ask the service to stop a job; an error where that can't be had.
function Watcher:stop(message)
  self.stop_asked = true
  local ok, err = self.client:stop_model_customization_job({ jobIdentifier = self.identifier }, { timeout = LONGEST_POLL })
  if ok then
    self.stopped = message
  elseif err.code == "ConflictException" then -- it is over, or somebody else has stopped it: the next poll tells
    self.stop_asked = false
  elseif err.retryable then
    self.stop_asked = false
    self:tell(self:event("warning", { message = "the stalled job could not be stopped yet: " .. tostring(err) }))
  else
    return self:stalled_error(message .. "; it could not be stopped: " .. tostring(err), err)
  end
end

-- Whether the job stands still, and what is to be done about it. The error that ends the watch, if any.
function Watcher:look_for_stall()
  local place, budget = self.place, stages.budget(self.place, self.options.budgets)
  local times = math.floor(place.stage_elapsed / budget)
  if times < 1 then return nil end
  local what = not place.started and place.stage .. " has not begun after" or (place.stage or "the job") .. " has taken"
  local message = ("%s stands still: %s %s, the budget is %s"):format(names.text(self.job, "jobName") or self.identifier, what,
    span_text(place.stage_elapsed), span_text(budget))
  if times > self.stalls then
    self.stalls = times
    local event, on_stall = self:event("stalled", { message = message, budget = budget }), self.options.on_stall
    self:tell(event)
    if type(on_stall) == "function" then
      on_stall = on_stall(event)
      if on_stall and on_stall ~= "stop" and on_stall ~= "error" then
        error(('on_stall has to return "stop", "error" or nil, got %s'):format(tostring(on_stall)), 0)
      end
    end
    self.action = on_stall -- kept, since a stop that does not get through is tried again
  end
  if self.action == "error" then return self:stalled_error(message) end
  if self.action == "stop" and not self.stop_asked and self.job.status ~= "Stopping" then return self:stop(message) end
end

-- Hears of each answer; an error ends the wait.
function Watcher:polled(job, polls, now)
  self.job, self.polls = job, polls
  self.place = stages.place(job, now)
  self.estimate = stages.estimate(job, self.place, self.options.records)
  local where = tostring(self.place.stage) .. tostring(self.place.started)
  if where ~= self.where then
    self.where, self.stalls, self.action, self.pause = where, 0, nil, self.interval
    if self.place.stage and self.place.stage ~= self.stage then
      self.stage = self.place.stage
      self:tell(self:event "stage")
    end
  end
  self:tell(self:event "poll")
  -- A status that is new to us may be one to stand still in, as Stopping is.
  if not stages.ends[job.status] then return self:look_for_stall() end
  if job.status == "Stopped" and self.stopped then return self:stalled_error(self.stopped .. "; it was stopped") end
end

-- Seconds to the next poll: sooner around the time at which a stage should end.
function Watcher:next_pause()
  local pause = self.pause
  self.pause = math.min(pause * GROWTH, self.largest)
  local left = self.estimate and self.estimate.stage_left
  if left and left < pause then pause = math.max(left, self.interval) end
  return pause * (1 + JITTER * core.random())
end

local function new_watcher(client, identifier, options, index, quiet)
  local interval = options.interval or INTERVAL
  local self = setmetatable({ client = client, identifier = identifier, options = options, index = index, quiet = quiet,
    stalls = 0, interval = interval, largest = math.max(options.max_interval or LARGEST_INTERVAL, interval), pause = interval }, Watcher)
  self.waiter = client:_waiter(require("bedrock.wait").kinds.model_customization_job, { jobIdentifier = identifier }, {
    timeout = options.timeout,
    interval = function() return self:next_pause() end,
    on_poll = function(...) return self:polled(...) end,
  })
  return self
end

---------------------------------------------------------------------------------------------------------------------
-- All of them
---------------------------------------------------------------------------------------------------------------------

-- The watchers that are due; if none is, after a sleep, the one that was next. A sleep that ends early means that whoever
-- sleeps is cancelled, which the poll then says.
local function wait_for_due(watchers)
  local due, next_one, least = {}, nil, math.huge
  for _, watcher in ipairs(watchers) do
    local left = watcher.waiter.due - watcher.waiter.runtime:now()
    if left <= 0 then
      due[#due + 1] = watcher
    elseif left < least then
      next_one, least = watcher, left
    end
  end
  if #due == 0 then
    next_one.waiter.runtime:sleep(least)
    due[1] = next_one
  end
  return due
end

-- Poll them, side by side where there are several: answers and errors in their order.
local function ask(due)
  if #due == 1 then
    local answer, err = due[1].waiter:ask(LONGEST_POLL)
    return { answer }, { err }
  end
  local tasks = {}
  for i, watcher in ipairs(due) do
    tasks[i] = function() return watcher.waiter:ask(LONGEST_POLL) end
  end
  local answers, failures = require("bedrock.parallel").run(tasks)
  for i = 1, #due do
    if failures[i] and not errors.is(failures[i]) then error(failures[i], 0) end -- what was raised
  end
  return answers, failures
end

--- Watch jobs until each is at its end. Options and jobs were checked.
---@param jobs {[1]: bedrock.Client, [2]: string}[]
---@param options bedrock.tuning.WatchOptions
---@param quiet? boolean  there is one job: no index in its events, and no event "finished", of which the caller has more to say
---@return table results
---@return table failures
---@return table<integer, bedrock.tuning.Event> finished  the last event of each that came to an end
function watch.run(jobs, options, quiet)
  local results, failures, finished, watchers = { n = #jobs }, { n = #jobs }, {}, {}
  for i, job in ipairs(jobs) do watchers[i] = new_watcher(job[1], job[2], options, i, quiet) end
  while #watchers > 0 do
    local due = wait_for_due(watchers)
    local answers, errs = ask(due)
    local over = {}
    for i, watcher in ipairs(due) do
      local ended, job, err = watcher.waiter:take(answers[i], errs[i])
      if ended then
        over[watcher] = true
        results[watcher.index], failures[watcher.index] = job, err
        finished[watcher.index] = watcher.job and stages.ends[watcher.job.status] and watcher:event "finished" or nil
        if finished[watcher.index] and not quiet then watcher:tell(finished[watcher.index]) end
      end
    end
    local rest = {}
    for _, watcher in ipairs(watchers) do
      if not over[watcher] then rest[#rest + 1] = watcher end
    end
    watchers = rest
  end
  return results, failures, finished
end

--- Look for mistakes in a list of jobs, and bring it into the form that `run` takes.
---@param client any
---@param jobs any
---@return {[1]: bedrock.Client, [2]: string}[]|nil rows
---@return string? problem
function watch.rows(client, jobs)
  if type(jobs) ~= "table" then return nil, "tuning.watch takes a list of jobs, got " .. type(jobs) end
  local rows = {}
  for i, job in ipairs(jobs) do
    local row = type(job) == "table" and job or { client, job }
    if getmetatable(row[1]) ~= "bedrock.Client" then
      return nil, ("job %d of tuning.watch has no client: give one, or a row { client, identifier }"):format(i)
    elseif type(row[2]) ~= "string" or row[2] == "" then
      return nil, ("job %d of tuning.watch must be a name, an ARN, or a row { client, identifier }"):format(i)
    end
    rows[i] = { row[1], row[2] }
  end
  -- A hole would hide the jobs behind it.
  for key in pairs(jobs) do
    if not rows[key] and key ~= "n" then
      return nil, ("tuning.watch takes a list of jobs without holes or names, got the key %s after %d"):format(tostring(key), #rows)
    end
  end
  return rows
end

return watch
