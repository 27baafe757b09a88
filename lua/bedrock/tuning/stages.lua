--- The stages of a customization job: where it stands, how long each may take, and how long is left.
--
-- Answers of GetModelCustomizationJob are all that is needed. The service says when a stage began and last changed, and nothing
-- of how far it is. So what is left is guessed: from usual durations, from the epochs and records of this job, and from how its
-- own earlier stages did.

local hyperparameters = require "bedrock.tuning.hyperparameters"
local names = require "bedrock.tuning.names"

local stages = {}

---@alias bedrock.tuning.Stage "validation"|"dataProcessing"|"training"

--- In their order. `statusDetails` has each in a member of its name with "Details" behind it.
---@type bedrock.tuning.Stage[]
stages.names = { "validation", "dataProcessing", "training" }

--- The statuses of jobs that are over.
---@type table<string, true>
stages.ends = { Completed = true, Failed = true, Stopped = true }

--- Seconds after which a stage is called stalled. Validation was seen to take two to four minutes, whole jobs with few records 70
--- to 120; `start` is the time between two stages, in which three jobs stood still for 25 to 74 hours (2026-08).
---@class bedrock.tuning.Budgets
---@field validation? number
---@field dataProcessing? number
---@field training? number
---@field start? number
stages.budgets = { validation = 3600, dataProcessing = 2 * 3600, training = 12 * 3600, start = 3 * 3600 }

-- Usual seconds of the stages; those of training are made up of what each job needs, and what each epoch and each record in it does.
local USUAL = { validation = 180, dataProcessing = 600 }
local TRAINING, EPOCH, RECORD = 1800, 900, 0.5
local EPOCHS, MOST_EPOCHS = 2, 1000 -- most models' default; more than any model takes
-- What is left may be less or more by these factors: before and after a stage of this job has shown its pace.
local DOUBT, LESS_DOUBT = 3, 2
-- A stage that takes longer than expected is expected to go on for this share of what it took.
local OVERDUE = 0.2

---@class bedrock.tuning.Place
---@field stage? bedrock.tuning.Stage  the stage under way or next; nil where the service tells of none
---@field started boolean  false: the one before is over, and this one has not begun
---@field elapsed number  seconds since the job was created
---@field stage_elapsed number  seconds in the stage, or since the one before ended

local function detail_of(job, name)
  local detail = names.get(job, "statusDetails", name .. "Details")
  return type(detail) == "table" and detail or nil
end

-- A time of an answer; one that was no date is there as a text.
local function time_of(value) return type(value) == "number" and value or nil end

--- Where a job stands.
---@param job table  as GetModelCustomizationJob gives it
---@param now number  the service's time
---@return bedrock.tuning.Place
function stages.place(job, now)
  local created = time_of(job.creationTime) or now
  now = time_of(job.endTime) or now
  local stage, started, since = nil, false, created
  for _, name in ipairs(stages.names) do
    local detail = detail_of(job, name)
    if detail then
      local status = detail.status
      if not stage or (status and status ~= "NotStarted") then
        stage, started = name, status ~= nil and status ~= "NotStarted"
        if started then since = time_of(detail.creationTime) or since end
      elseif detail_of(job, stage).status == "Completed" then
        since = time_of(detail_of(job, stage).lastModifiedTime) or since
        stage, started = name, false
      end
    end
  end
  return { stage = stage, started = started or stage == nil, elapsed = math.max(now - created, 0),
    stage_elapsed = math.max(now - since, 0) }
end

--- The budget of where a job stands; without stages that of the whole.
---@param place bedrock.tuning.Place
---@param own? bedrock.tuning.Budgets  in place of single ones
---@return number seconds
function stages.budget(place, own)
  local function of(name) return own and own[name] or stages.budgets[name] end
  if not place.started then return of "start" end
  if place.stage then return of(place.stage) end
  local sum = 0
  for name in pairs(stages.budgets) do sum = sum + of(name) end
  return sum
end

-- Usual seconds of a stage of this job, at its pace so far.
local function usual(job, name, records, pace)
  if name ~= "training" then return USUAL[name] * pace end
  local epochs = hyperparameters.number(names.get(job, "hyperParameters", "epochCount")) or EPOCHS
  epochs = math.min(math.max(epochs, 1), MOST_EPOCHS)
  return (TRAINING + EPOCH * epochs + RECORD * epochs * (records or 0)) * pace
end

-- How slow the job is against usual ones, by its stages that are over.
local function pace_of(job, records)
  local took, expected = 0, 0
  for _, name in ipairs(stages.names) do
    local detail = detail_of(job, name)
    local from, to = detail and time_of(detail.creationTime), detail and time_of(detail.lastModifiedTime)
    if from and to and detail.status == "Completed" then
      took = took + to - from
      expected = expected + usual(job, name, records, 1)
    end
  end
  return took > 0 and took / expected or 1, took > 0
end

---@class bedrock.tuning.Estimate
---@field left number  seconds: a guess
---@field low number  it may well be as few as that
---@field high number  or as many
---@field total number  seconds for the whole job
---@field share number  0 to 1: how much of it has passed
---@field stage_left number  seconds of the stage under way

--- How long a job may still take.
---@param job table
---@param place bedrock.tuning.Place
---@param records? integer  of its training data, where that is known
---@return bedrock.tuning.Estimate|nil estimate  nil for one that is over, or on its way to it
function stages.estimate(job, place, records)
  if job.status ~= "InProgress" then return nil end
  local pace, seen = pace_of(job, records)
  local function remaining(expected, elapsed) return math.max(expected - elapsed, OVERDUE * elapsed) end
  local left, stage_left, coming = 0, nil, place.stage == nil
  for _, name in ipairs(stages.names) do
    local expected = usual(job, name, records, pace)
    if name == place.stage then
      stage_left = place.started and remaining(expected, place.stage_elapsed) or expected
      left, coming = left + stage_left, true
    elseif coming then
      left = left + expected
    end
  end
  if not place.stage then
    left = remaining(left, place.elapsed)
    stage_left = left
  end
  local doubt = seen and LESS_DOUBT or DOUBT
  local total = place.elapsed + left
  return { left = left, low = left / doubt, high = left * doubt, total = total, share = total > 0 and place.elapsed / total or 0,
    stage_left = stage_left }
end

return stages
