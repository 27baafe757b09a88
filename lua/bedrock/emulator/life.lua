--- A customization job's life: where it stands at a given moment.
--
-- Nothing runs in the background. A job keeps when it was created, how long each stage takes, when somebody asked it to
-- stop, and where it is ordered to fail or to stand still; its state at any time follows from these. So a clock that jumps by hours is no
-- special case.

local core = require "bedrock.core"

local life = {}

--- The stages in their order; `statusDetails` shows each in a member of its name with "Details" behind it.
life.stages = { "validation", "dataProcessing", "training" }

-- How a stage's share of the whole, and the time that stopping takes, is chosen unless a duration for all is given: seconds as they
-- were seen in the field (validation two to four minutes, an hour or so in all).
local VALIDATION, PROCESSING, EPOCH = 180, 420, 1200
local STOPPING = 30

-- What the caller set, as far as it can be a number of epochs ("Auto" can't).
local function epochs_of(parameters)
  local epochs = tonumber((parameters.hyperParameters or {}).epochCount) or 2
  return math.min(math.max(epochs, 1), 1000)
end

--- How long the stages of a job take.
---@param parameters table  the request's
---@param duration number|nil  simulated seconds for the whole job
---@param speed number  simulated seconds per second of the clock
---@return table plan  seconds of the clock by stage, and `stopping`
function life.plan(parameters, duration, speed)
  local training = EPOCH * epochs_of(parameters)
  local scale = duration and duration / (VALIDATION + PROCESSING + training) or 1
  return {
    validation = VALIDATION * scale / speed,
    dataProcessing = PROCESSING * scale / speed,
    training = training * scale / speed,
    stopping = math.min(STOPPING, STOPPING * scale) / speed,
  }
end

-- A timestamp has milliseconds.
local function round(seconds)
  return math.floor(seconds * 1000 + 0.5) / 1000
end

-- A job that was asked to stop: its status, when that changed, and when it ended.
local function stopping(job, now)
  local stopped = round(job.stop_at + job.plan.stopping)
  if now < stopped then return "Stopping", job.stop_at end
  return "Stopped", stopped, stopped
end

---@class bedrock.emulator.JobState
---@field status string
---@field changed number   when the last change happened
---@field ended? number
---@field stage? string    the stage under way
---@field details table    for `statusDetails`
---@field message? string  why it failed

--- Where a job stands.
---@param job table  created, plan, stop_at?, failure? ({stage, message}), stalls? (by stage: seconds { before?, within? })
---@param now number
---@return bedrock.emulator.JobState
function life.state(job, now)
  local details, t = {}, job.created
  local state = { status = "Completed", changed = t, details = details }
  local over = false
  for _, stage in ipairs(life.stages) do
    local detail = { status = "NotStarted" }
    details[stage] = detail
    local stall = job.stalls and job.stalls[stage] or {}
    local start = t + (stall.before or 0)
    if not over and stall.before and math.min(now, job.stop_at or now) < start then -- it has no times, as it has not begun
      if job.stop_at then
        state.status, state.changed, state.ended = stopping(job, now)
      else
        state.status, state.stage = "InProgress", stage
      end
      over = true
    elseif not over then
      local finish = start + job.plan[stage] + (stall.within or 0)
      detail.creationTime, detail.lastModifiedTime = start, start
      state.changed = start
      if job.stop_at and job.stop_at < finish then
        state.status, state.changed, state.ended = stopping(job, now)
        detail.status, detail.lastModifiedTime = state.status, state.changed
        over = true
      elseif now < finish then
        state.status, state.stage, detail.status = "InProgress", stage, "InProgress"
        over = true
      else
        finish = round(finish)
        detail.lastModifiedTime, state.changed = finish, finish
        if job.failure and job.failure.stage == stage then
          state.status, state.ended, state.message = "Failed", finish, job.failure.message
          detail.status = "Failed"
          over = true
        else
          detail.status = "Completed"
        end
      end
      t = finish
    end
  end
  if not over then state.ended = state.changed end
  return state
end

-- A number in [0, 1) that depends on nothing but the text.
local function chance(text)
  return core.crc32(text) % 10000 / 10000
end

--- What a finished training reports: the same job gives the same numbers, and more epochs give a lower loss.
---@param parameters table
---@return table training_metrics
---@return table[] validation_metrics  one per validator
function life.metrics(parameters)
  local name = parameters.jobName .. "|" .. (parameters.trainingDataConfig.s3Uri or "")
  local floor = 0.25 + 0.3 * chance(name)
  local loss = floor + 1.8 * math.exp(-0.6 * epochs_of(parameters))
  local function digits(value) return math.floor(value * 10000 + 0.5) / 10000 end
  local validation = {}
  for i, validator in ipairs((parameters.validationDataConfig or {}).validators or {}) do
    -- Data that was not trained on is predicted a little worse.
    validation[i] = { validationLoss = digits(loss * (1.08 + 0.1 * chance(name .. "|" .. validator.s3Uri))) }
  end
  return { trainingLoss = digits(loss) }, validation
end

return life
