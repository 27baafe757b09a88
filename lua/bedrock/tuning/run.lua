--- tuning.run: from the parameters of a job to the custom model, in one call that may be made again after any accident.
--
-- No second job: the service has each name once, so that a job of this name is looked for first, and created only where there is
-- none. The request carries a token that follows from name and parameters (or is the caller's), which the service knows again when
-- an answer was lost. With a state file both are written down before the request is sent.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local names = require "bedrock.tuning.names"
local state = require "bedrock.tuning.state"
local validate = require "bedrock.validate"
local watch = require "bedrock.tuning.watch"

local run = {}

---@class bedrock.tuning.RunOptions: bedrock.tuning.WatchOptions
---@field state? string  path of a file that keeps what is under way
---@field restart? boolean  after a job that failed or was stopped: begin another one, named NAME-2, NAME-3, …; where
---  one that was stopped has the model's name, the model is named so, too
---@field check? false|bedrock.tuning.JobOptions  false: send the parameters as they are; a table: options of tuning.check_job. The
---  files of its `dataset` and `validation` are read before a job is created, not for one that is found again

local OPERATION = "CreateModelCustomizationJob"
local BAD_ENDS = { Failed = true, Stopped = true }
local LONGEST_NAME = 63 -- of a job and of a model
local DEEPEST = 32 -- tables in parameters

---------------------------------------------------------------------------------------------------------------------
-- Parameters
---------------------------------------------------------------------------------------------------------------------

-- A value as a text that equal values share and others don't. Hyperparameters are strings or numbers to the caller, the same to
-- the service, which may write them in another form: numbers they are here.
local function canonical(value, numeric, depth)
  local kind = type(value)
  if kind == "table" and depth > 0 then
    local parts = {}
    for key, member in pairs(value) do
      parts[#parts + 1] = canonical(key, false, 0) .. canonical(member, numeric or key == "hyperParameters", depth - 1)
    end
    table.sort(parts)
    return "{" .. table.concat(parts) .. "}"
  end
  if kind == "number" or kind == "string" and numeric and tonumber(value) then
    value, kind = ("%.17g"):format(tonumber(value)), numeric and "number" or "string"
  end
  local text = tostring(value)
  return ("%s%d:%s"):format(kind:sub(1, 1), #text, text)
end

local function copy(given)
  local own = {}
  for name, value in pairs(given) do own[name] = value end
  return own
end

-- Parameters as they are sent: past any metatable, a null member like an absent one. A copy, since others of the caller's
-- functions may be at work with the same tables while this one waits.
local function as_sent(given, seen)
  if seen[given] then return seen[given] end -- in itself: the check tells
  local own = {}
  seen[given] = own
  for name, value in next, given do
    if type(value) == "table" then value = as_sent(value, seen) end
    if type(name) ~= "string" or not names.absent(value) then own[name] = value end
  end
  return own
end

local function digest_of(params)
  local own = copy(params)
  own.clientRequestToken = nil
  return core.hex(core.sha256(canonical(own, false, DEEPEST)))
end

-- The name of the nth job, or of its model: the service never forgets the name of a job, and that of a model is taken by a job
-- that was stopped, too.
local function name_of(name, attempt)
  if attempt == 1 then return name end
  local suffix = ("-%d"):format(attempt)
  return name:sub(1, LONGEST_NAME - #suffix):gsub("[-_]+$", "") .. suffix
end

local function token_of(params, digest, name, attempt)
  local own = params.clientRequestToken
  if own and attempt == 1 then return tostring(own) end
  return core.hex(core.sha256((own or digest) .. name))
end

-- The members that the service gives back under the same name.
local SAME = { "roleArn", "trainingDataConfig", "validationDataConfig", "outputDataConfig", "vpcConfig", "customizationConfig",
  "customizationType" }

-- Whether all that was asked for is in what there is. The service adds defaults.
local function within(asked, there, numeric)
  if type(asked) ~= "table" or type(there) ~= "table" then
    return canonical(asked, numeric, 0) == canonical(there, numeric, 0)
  end
  for name, value in pairs(asked) do
    if there[name] == nil and not (type(value) == "table" and next(value) == nil) then return false end
    if there[name] ~= nil and not within(value, there[name], numeric) then return false end
  end
  return #asked == #there
end

-- "amazon.titan-text-express-v1" of a foundation model; nil where the name is another's.
local function foundation_id(identifier)
  local id = identifier:match ":foundation%-model/(.+)$"
  return id or not identifier:find("/", 1, true) and identifier:find(".", 1, true) and identifier or nil
end

local function same_base(asked, there)
  asked, there = foundation_id(asked), there and foundation_id(there)
  if not asked or not there then return true end -- a custom model, whose own base the service names
  local short, long = asked, there
  if #short > #long then short, long = long, short end
  return long:sub(1, #short) == short and (#short == #long or long:sub(#short + 1, #short + 1) == ":")
end

-- A key may be named by its id or an alias; the service answers with an ARN, which shows the id.
local function same_key(asked, there)
  if asked == there then return true end
  return there ~= nil and (asked:find("alias/", 1, true) ~= nil or there:match("[^/]+$") == asked)
end

-- What of a job is other than asked for: the names of members.
local function differences(params, job, attempt)
  local list = {}
  local function differs(name, same) if not same then list[#list + 1] = name end end
  local model = names.text(params, "customModelName")
  differs("customModelName", model == job.outputModelName or name_of(model, attempt) == job.outputModelName)
  differs("baseModelIdentifier", same_base(names.text(params, "baseModelIdentifier"), names.text(job, "baseModelArn")))
  for _, name in ipairs(SAME) do
    local asked, there = params[name], job[name]
    if type(asked) == "table" then there = there or {} end
    if asked ~= nil and there ~= nil then differs(name, within(asked, there)) end
  end
  for name, value in pairs(params.hyperParameters or {}) do
    differs("hyperParameters." .. tostring(name), within(value, names.get(job, "hyperParameters", name), true))
  end
  local key = names.text(params, "customModelKmsKeyId")
  if key then differs("customModelKmsKeyId", same_key(key, names.text(job, "outputModelKmsKeyArn"))) end
  table.sort(list)
  return list
end

---------------------------------------------------------------------------------------------------------------------
-- One run
---------------------------------------------------------------------------------------------------------------------

local function tell(self, event)
  if self.options.on_progress then self.options.on_progress(event) end
end

local function fail(code, message, more)
  local err = more or {}
  err.code, err.message, err.operation, err.retryable = code, message, OPERATION, false
  return nil, errors.new(err)
end

-- A job, or nil alone where there is none.
local function find(self, identifier)
  local job, err = self.client:get_model_customization_job { jobIdentifier = identifier }
  if job then return job end
  if err.code == "ResourceNotFoundException" then return nil end
  return nil, err
end

-- Files are read only where there is a job to be created: one that is found again may do without them.
local function check(self, creating)
  local wanted = self.options.check
  if wanted == false then return validate(self.client._model.operations[OPERATION], self.params) end
  local options, files = { region = self.client.region, records = self.options.records }, false
  for name, value in pairs(type(wanted) == "table" and wanted or {}) do
    local file = (name == "dataset" or name == "validation") and type(value) == "string"
    files = files or file
    if creating or not file then options[name] = value end
  end
  if creating and not files then return true end
  local report = require("bedrock.tuning.check_job").run(self.params, options)
  if not report.ok then
    local err = errors.of_problems(OPERATION, report.errors)
    err.report = report
    return nil, err
  end
  self.options.records = self.options.records or report.records
  if files and not creating then return true end -- there is more to tell of later
  for _, warning in ipairs(report.warnings) do
    tell(self, { type = "warning", message = ("%s: %s"):format(warning.path, warning.message), report = report })
  end
  tell(self, { type = "checked", report = report })
  return true
end

-- Write down what is to be created, or was found. Where another process is first, it has to be at the same.
local function keep(self, content, only_new)
  local path = self.options.state
  if not path then return content end
  local there, err = state.write(path, content, only_new)
  if there and (there.digest ~= content.digest or there.jobName ~= content.jobName) then
    return state.fail(path, "was written by another process just now, for the job " .. there.jobName)
  end
  return there, err
end

-- What was written down has not become a job: the file is free for parameters that are put right.
local function drop_state(self)
  if self.options.state then os.remove(self.options.state) end
end

-- Whether a job that was found is the one that was asked for.
local function is_ours(self, job, content)
  -- A token of ours follows from all parameters, also from those that the service does not give back.
  if job.clientRequestToken == content.token and not self.params.clientRequestToken then return true end
  local list = differences(self.params, job, content.attempt)
  if #list == 0 then return true end
  return fail("JobMismatchError", ("a job of this name exists with other parameters: %s (%s). The service has a name once: take "
    .. "another one"):format(table.concat(list, ", "), tostring(job.jobArn or job.jobName)), { differences = list, last = job })
end

-- Where the parameters are others than those that a state was written for.
local function foreign(self, kept, job)
  local path = self.options.state
  local text = "is of " .. (job and "the job " or "a job that the service does not know (its request was not sent, or is under way), ")
    .. kept.jobName .. " with other parameters"
  local list = job and differences(self.params, job, kept.attempt) or {}
  if #list > 0 then text = text .. ": " .. table.concat(list, ", ") end
  local _, err = state.fail(path, text .. ". Take another file for another job, or delete this one")
  err.differences, err.last = list, job
  return nil, err
end

-- What a state file says, and the job that it leads to. False: there is none, or it has had its time.
local function look_into_state(self)
  local path = self.options.state
  if not path then return false end
  local kept, err = state.read(path)
  if err then return nil, err elseif not kept then return false end
  if kept.region ~= self.client.region then
    return state.fail(path, ("is of the region %s, the client of %s"):format(tostring(kept.region), tostring(self.client.region)))
  end
  local job
  job, err = find(self, kept.jobArn or kept.jobName)
  if err then return nil, err end
  if kept.jobArn and not job then
    return state.fail(path, ("leads to %s, which the service does not know: it may be another account's"):format(kept.jobArn))
  elseif job and (names.text(job, "jobName") or kept.jobName) ~= kept.jobName then
    return state.fail(path, ("is damaged: %s is the job %s, not %s"):format(kept.jobArn or kept.jobName, job.jobName, kept.jobName))
  end
  if kept.digest == self.digest then
    if kept.jobName ~= name_of(self.name, kept.attempt) then return state.fail(path, "is damaged: jobName") end
    return kept, job
  end
  if not (job and BAD_ENDS[job.status] and self.options.restart) then return foreign(self, kept, job) end
  self.replace = true
  return false
end

local function is_to_be_restarted(self, job) return self.options.restart and BAD_ENDS[job.status] end

-- The next free name from an attempt on, or the job that has one and is to be watched.
local function look_by_name(self, least, found)
  local model, taken = names.text(self.params, "customModelName"), false
  -- Where there is one to be created, those before it tell whether the model's name is free.
  local attempt = found and not is_to_be_restarted(self, found) and least or 1
  while true do
    local job, err = attempt == least and found or nil, nil
    local name = name_of(self.name, attempt)
    if not job then job, err = find(self, name) end
    if err then return nil, err end
    local content = { jobName = name, modelName = taken and name_of(model, attempt) or model, attempt = attempt, digest = self.digest,
      region = self.client.region, token = token_of(self.params, self.digest, name, attempt) }
    if not job then return content end
    if attempt >= least and not is_to_be_restarted(self, job) then return content, job end
    self.replace = self.replace or attempt >= least
    attempt, taken = attempt + 1, taken or job.status == "Stopped" and job.outputModelName == model
  end
end

-- After a create that failed: its answer may be lost, and another process may have been first.
local function find_created(self, content, err)
  local job, unknown = find(self, content.jobName)
  if job then
    local ours, mismatch = is_ours(self, job, content)
    if ours then return job end
    err = mismatch
  end
  local refused = not unknown and not err.retryable and err.status and err.status >= 400 and err.status < 500
  if job or refused then drop_state(self) end
  return nil, err
end

local function create(self, content)
  local good, wrong = check(self, true)
  if not good then return nil, wrong end
  local there, problem = keep(self, content, not self.replace)
  if not there then return nil, problem end
  content.token = there.token
  local params = copy(self.params)
  params.jobName, params.customModelName, params.clientRequestToken = content.jobName, content.modelName, content.token
  local answer, err = self.client:create_model_customization_job(params)
  if not answer then return find_created(self, content, err) end
  if self.params.clientRequestToken then -- which may have been another job's: the service says nothing of that
    local job = find(self, answer.jobArn or content.jobName)
    if job and job.jobName ~= content.jobName then
      drop_state(self)
      return fail("JobMismatchError", ("the service knows this clientRequestToken from the job %s, and has created no other")
        :format(tostring(job.jobName)), { last = job })
    end
  end
  return { jobArn = answer.jobArn, jobName = content.jobName }
end

-- The job's ARN goes to the state. Where there is one already that can't be changed, the name in it will do. Gives what names the job.
local function written_down(self, content, job, kind)
  content.jobArn = names.text(job, "jobArn")
  local kept, err = keep(self, content, not self.replace)
  if not kept and not self.replace then return nil, err end
  if not kept then tell(self, { type = "warning", message = err.message, job = job }) end
  tell(self, { type = kind, job = job })
  return content.jobArn or content.jobName
end

-- What names the job to be watched, found or made.
local function begin(self)
  local kept, found = look_into_state(self)
  if kept == nil then return nil, found end
  local content, job = look_by_name(self, kept and kept.attempt or 1, kept and found or nil)
  if not content then return nil, job end
  self.model_name = content.attempt == 1 and content.modelName or nil
  if kept and kept.attempt == content.attempt then content.token = kept.token end
  self.replace = self.replace or kept
  if job then
    local ours, err = is_ours(self, job, content)
    if not ours then return nil, err end
    if not (kept and kept.jobArn == job.jobArn) then return written_down(self, content, job, "resumed") end
    tell(self, { type = "resumed", job = job })
    return kept.jobArn or kept.jobName
  end
  local created, err = create(self, content)
  if not created then return nil, err end
  self.replace = true
  return written_down(self, content, created, "created")
end

-- A model may take a while to be made of a finished job.
local function custom_model_of(self, job, timeout)
  local params = { modelIdentifier = job.outputModelArn or job.outputModelName or self.model_name }
  local model, err = self.client:get_custom_model(params)
  if model and (model.modelStatus or "Active") ~= "Active" then
    model, err = self.client:wait("custom_model", params, { interval = self.options.interval, timeout = timeout })
  end
  if model then return model end
  err.last = err.last or job
  return nil, err
end

--- Run a job. Parameters and options were looked at.
---@param client bedrock.Client
---@param params table
---@param options bedrock.tuning.RunOptions
---@return table|nil job  with its custom model in `custom_model`
---@return bedrock.Error? err
function run.run(client, params, options)
  local self = { client = client, params = as_sent(params, {}), options = copy(options) }
  local ok, err = check(self)
  if not ok then return nil, err end
  params, options = self.params, self.options
  self.name, self.digest = names.text(params, "jobName"), digest_of(params)
  local runtime = client._runtime
  local deadline = options.timeout and runtime:now() + options.timeout
  local function left() return deadline and math.max(deadline - runtime:now(), 0) end
  local identifier
  identifier, err = begin(self)
  if not identifier then return nil, err end
  local limits = setmetatable({ timeout = left() }, { __index = self.options })
  local results, failures, finished = watch.run({ { client, identifier } }, limits, true)
  local job
  job, err = results[1], failures[1]
  if job then job.custom_model, err = custom_model_of(self, job, left()) end
  if finished[1] then tell(self, finished[1]) end
  return job and job.custom_model and job, err
end

local OPTION_TYPES = { state = "string", restart = "boolean", check = function(value)
  if type(value) ~= "boolean" and type(value) ~= "table" then
    return "must be false, or a table of options for check_job, got " .. type(value)
  end
end }

--- Look for mistakes of the program.
---@param client any
---@param params any
---@param options any
---@return string|nil problem  to be raised at the caller's line
function run.problem(client, params, options)
  if getmetatable(client) ~= "bedrock.Client" then return "tuning.run takes a client of bedrock.new first" end
  if type(params) ~= "table" then return "tuning.run takes the job's parameters second, a table, got " .. type(params) end
  local problem = watch.check_options(options, "tuning.run", OPTION_TYPES)
  if problem or not options then return problem end
  if type(options.check) == "table" then
    problem = require("bedrock.tuning.check_job").check_options(options.check)
    if problem then return problem end
  end
  local path = options.state
  if path and (path == "" or path:find("\0", 1, true)) then return "option state of tuning.run must be the path of a file" end
end

return run
