--- From a failure to its likely cause, what to check and how to mend it. What is known is in causes.lua.

local causes = require "bedrock.tuning.causes"
local errors = require "bedrock.errors"
local models = require "bedrock.tuning.models"
local names = require "bedrock.tuning.names"
local policies = require "bedrock.tuning.policies"
local stages = require "bedrock.tuning.stages"
local tuning_options = require "bedrock.tuning.options"

local explain = {}

local text, shown = names.text, names.shown

local LONGEST = 65536 -- of a message, as far as it is read

---@class bedrock.tuning.ExplainOptions
---@field region? string
---@field client? bedrock.Client  its region counts where none is given, and its clock
---@field account_id? string  twelve digits; otherwise that of the job's ARNs
---@field data_key? string  ARN of the KMS key that encrypts the objects in the buckets, if one does
---@field params? table  the parameters of the job, or a job, where an error or a message is to be explained
---@field now? number  seconds since 1970, to tell whether a job stands still; otherwise the client's clock counts
---@field causes? bedrock.tuning.Cause[]  rows that are asked before those of the library

local OPTIONS = { region = "string", client = "table", account_id = tuning_options.account, data_key = "string", params = "table",
  now = "number", causes = "table" }

local STATES = { failed = true, stopped = true, stalled = true }

local function strings(list)
  for _, item in ipairs(type(list) == "table" and list or { list }) do
    if type(item) ~= "string" or type(list) ~= "table" then return "must be a list of strings" end
  end
end

-- A row of causes.
local ROW = { cause = "string", title = "string", mend = "string", codes = strings, fragments = strings, checks = strings,
  policies = strings,
  state = function(value) if not STATES[value] then return 'must be "failed", "stopped" or "stalled"' end end,
  retry = function(value) if type(value) ~= "boolean" and value ~= "new name" then return 'must be true, false or "new name"' end end,
  source = function(value)
    if type(value) == "table" and type(value.url) == "string" and type(value.seen) == "string" or models.sources[value] then return nil end
    return "must be a table with url and seen"
  end,
}

---@class bedrock.tuning.Explanation
---@field cause string  a short name
---@field title string
---@field message? string  what was explained, in one line
---@field checks string[]
---@field mend string
---@field retry boolean|"new name"  whether the same again may help; "new name": as a new job, once it is mended
---@field source? bedrock.tuning.Source
---@field policies? bedrock.tuning.Policies  those that belong to this cause
local Explanation = {}
Explanation.__index = Explanation
Explanation.__name = "bedrock.tuning.Explanation"

local RETRY = { [true] = "may help as it is", [false] = "only after something has changed",
  ["new name"] = "as a new job with a new name" }
local POLICY_TITLES = { { "trust", "trust policy of the role" }, { "permissions", "permissions of the role" },
  { "caller", "policy of the caller" }, { "key", "policy of the key" } }

--- The explanation for a terminal.
function Explanation.__tostring(self)
  local out = { self.title }
  local function line(...) out[#out + 1] = ("  %-9s %s"):format(...) end
  if self.message then line("message", self.message) end
  for i, check in ipairs(self.checks) do line(i == 1 and "check" or "", "- " .. check) end
  line("mend", self.mend)
  line("again", RETRY[self.retry] or tostring(self.retry))
  if self.source then line("source", ("%s (seen %s)"):format(self.source.url, self.source.seen)) end
  for _, row in ipairs(POLICY_TITLES) do
    local policy = self.policies and self.policies[row[1]]
    if policy then out[#out + 1] = ("\n%s:\n%s"):format(row[2], policy) end
  end
  return table.concat(out, "\n")
end

--- What is wrong with the arguments.
---@param subject any
---@param options any
---@return string|nil problem
function explain.check_arguments(subject, options)
  if type(subject) ~= "string" and type(subject) ~= "table" then
    return "explain takes a message, an error or a job, got " .. type(subject)
  end
  local problem = tuning_options.problem(options, OPTIONS, "explain")
  if problem then return problem end
  for i, row in ipairs(options and options.causes or {}) do
    local what = ("row %d of the option causes of explain"):format(i)
    problem = tuning_options.problem(row, ROW, what)
    if problem then return problem end
    if not (row.cause and row.title and row.mend) then return what .. " needs cause, title and mend" end
    if not (row.codes or row.fragments or row.state) then return what .. " needs codes, fragments or a state" end
  end
  return nil
end

-- Errors that are about the state of the job in `last`; in others it is what was known before.
local ABOUT_STATE = { WaiterError = true, StalledError = true, TimeoutError = true }

local function is_job(value)
  return type(value) == "table" and (rawget(value, "jobArn") ~= nil or rawget(value, "failureMessage") ~= nil
    or rawget(value, "statusDetails") ~= nil or rawget(value, "status") ~= nil and rawget(value, "code") == nil)
end

-- Whether nothing has happened for too long, as far as the job's times tell. Not each job has stages, and other things have a
-- status and a creationTime, too.
local function stands_still(job, now)
  if not now or not (rawget(job, "jobArn") or type(names.get(job, "statusDetails")) == "table") then return false end
  local place = stages.place(job, now)
  return place.stage_elapsed > stages.budget(place)
end

local function state_of(job, now)
  local status = text(job, "status")
  if status == "Stopped" or status == "Stopping" then return "stopped" end
  if status == "Failed" or text(job, "modelStatus") == "Failed" then return "failed" end
  if status and status ~= "Completed" and stands_still(job, now) then return "stalled" end
  return nil
end

local function has(list, wanted)
  for _, value in ipairs(list or {}) do
    if value == wanted then return true end
  end
  return false
end

-- The code in the text of an error, as tostring gives it, or as other SDKs do.
local function code_in(message)
  local code = message:match "^(%u%w+): " or message:match "^An error occurred %((%w+)%)"
  for _, row in ipairs(code and causes or {}) do
    if has(row.codes, code) then return code end
  end
  return nil
end

-- What is to be explained: code, message, the job and its state, as far as there are any.
local function read(subject, options)
  if type(subject) == "string" then
    local message = subject:sub(1, LONGEST)
    local code = code_in(message)
    return { code = code, message = message, job = options.params, called = code ~= nil }
  end
  local found = { code = text(subject, "code"), message = text(subject, "failure_message") or text(subject, "message"),
    job = options.params, called = true }
  local last = rawget(subject, "last")
  local job = is_job(subject) and not found.code and subject or is_job(last) and last
  if job then
    local runtime = options.client and options.client._runtime
    found.job = job
    if not found.code or ABOUT_STATE[found.code] then found.state = state_of(job, options.now or runtime and runtime:now()) end
    found.called = found.state == nil
    -- A job's own reason says more than the error that carries it.
    if found.code == "WaiterError" or not found.code then
      found.code, found.message = nil, text(job, "failureMessage") or found.message
    end
  end
  found.message = found.message and found.message:sub(1, LONGEST)
  return found
end

local function mentions(message, fragments)
  for _, fragment in ipairs(fragments) do
    if message:find(fragment:lower(), 1, true) then return true end
  end
  return false
end

local function fits(row, found, lower)
  if row.state and row.state == found.state and not row.fragments then return true end
  if not row.codes and not row.fragments then return false end
  -- A message alone may have come with any code.
  if row.codes and not has(row.codes, found.code) and (found.code or not row.fragments) then return false end
  if not row.codes and errors.codes[found.code or ""] then return false end
  return not row.fragments or lower ~= nil and mentions(lower, row.fragments)
end

local function find(found, options)
  local lower = found.message and found.message:lower()
  for _, rows in ipairs { options.causes or {}, causes } do
    for _, row in ipairs(rows) do
      if fits(row, found, lower) then return row end
    end
  end
  return nil
end

-- The words that stand for names in the texts of causes.
local function words(found, options)
  local job, message = found.job, found.message or ""
  local place = policies.place(job, options)
  local function known(value, otherwise) return value and shown(value) or otherwise end
  return {
    role = text(job, "roleArn") and shown(text(job, "roleArn")) or "the role",
    training = known(text(job, "trainingDataConfig", "s3Uri"), "the training file"),
    output = known(text(job, "outputDataConfig", "s3Uri"), "the output's folder"),
    key = known(text(job, "customModelKmsKeyId") or text(job, "outputModelKmsKeyArn"), "the key"),
    model = known(text(job, "baseModelIdentifier") or text(job, "baseModelArn"), "the base model"),
    region = place.region == "REGION" and "the job's region" or shown(place.region),
    account = place.account == "ACCOUNT_ID" and "the caller's account" or shown(place.account),
    action = known(message:match "perform:? (%w+:%w+)", "the action"),
    resource = known(message:match "on resource:? (arn:%S+)", "what the message names"),
  }
end

local function source_of(row)
  return type(row.source) == "table" and row.source or models.sources[row.source]
end

--- Explain. The arguments are right already.
---@param subject string|table
---@param options? bedrock.tuning.ExplainOptions
---@return bedrock.tuning.Explanation|nil
function explain.run(subject, options)
  options = options or {}
  local found = read(subject, options)
  local row = find(found, options)
  if not row then return nil end
  -- Where nothing is known of a job, the message may name its role.
  local role = not found.job and (found.message or ""):match "on resource:? (arn:[%w-]+:iam::%d+:role/[%w+=,.@_/-]+)"
  if role then found.job = { roleArn = role } end
  local values = words(found, options)
  local function filled(template) return (template:gsub("{(%a+)}", values)) end
  local checks = {}
  for i, check in ipairs(row.checks or {}) do checks[i] = filled(check) end
  local retry = row.retry or false
  if found.state then
    retry = "new name" -- what came to an end keeps its name
  elseif retry == "new name" and found.called and not row.codes then
    retry = false -- a call that was refused has made no job: its name is free
  end
  local own
  if row.policies then
    local all = policies.build(found.job, options)
    own = {}
    for _, name in ipairs(row.policies) do own[name] = all[name] end
  end
  local message = found.message and shown(found.message:gsub("%s+", " "), 400)
  return setmetatable({ cause = row.cause, title = filled(row.title), message = message,
    checks = checks, mend = filled(row.mend), retry = retry, source = source_of(row), policies = own }, Explanation)
end

return explain
