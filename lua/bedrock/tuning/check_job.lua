--- The whole of a CreateModelCustomizationJob before it is sent. Nothing is sent here.
--
-- bedrock.validate says what the API's shapes refuse, as for every call. What it leaves to the service (patterns, maxima, enum
-- values) and what no shape can say (limits of the base model, one parameter against the other) follows in job_rules.lua. An
-- error is what the service would refuse or the job would fail by; a warning is what is most likely not meant.

local api = require "bedrock.api.bedrock"
local endpoint = require "bedrock.endpoint"
local errors = require "bedrock.errors"
local model = require "bedrock.model"
local models = require "bedrock.tuning.models"
local names = require "bedrock.tuning.names"
local rules = require "bedrock.tuning.job_rules"
local tuning_options = require "bedrock.tuning.options"
local validate = require "bedrock.validate"

local check_job = {}

local MOST = 100 -- complaints of a kind: more would help nobody

---@class bedrock.tuning.JobOptions
---@field region? string  where the job is to run
---@field client? bedrock.Client  its region counts where none is given
---@field account_id? string  twelve digits, of the account that makes the call
---@field model? string  what the base model was made from, where baseModelIdentifier is the name of a custom model: an id, or an ARN
---@field hyperparameters? table<string, bedrock.tuning.Hyperparameter|false>|false  in place of single limits, as in
---  `{ epochCount = { max = 20 } }`; false: not checked
---@field limits? table<string, number|false>  in place of single limits of records, as in `{ max_records = 50000 }`; false for none
---@field ignore? table<string, true>  rules that are not to be checked
---@field records? integer  of the training set
---@field validation_records? integer
---@field dataset? string|bedrock.tuning.DatasetReport  the training set: the path of a file, which is checked too, or the report of
---  tuning.check_dataset on it
---@field validation? string|bedrock.tuning.DatasetReport  the validation set

local whole = tuning_options.whole(0)

local function path_or_report(value)
  if type(value) ~= "table" and type(value) ~= "string" then
    return "must be a path, or a report of check_dataset, got " .. type(value)
  elseif value == "" then
    return "must be a path, got an empty one"
  end
end

local OPTIONS = {
  region = "string", client = "table", account_id = tuning_options.account, model = "string", hyperparameters = "table", limits = "table",
  ignore = "table", records = whole, validation_records = whole, dataset = path_or_report, validation = path_or_report,
}
local OPTIONS_UNCHECKED = { hyperparameters = "boolean" }
for name, kind in pairs(OPTIONS) do OPTIONS_UNCHECKED[name] = OPTIONS_UNCHECKED[name] or kind end

local function whole_or_false(value)
  if value ~= false and whole(value) then return whole(value) .. ", or false" end
end
-- Those of bedrock.tuning.DatasetRules that are looked at here.
local LIMITS = {}
for _, name in ipairs { "min_records", "max_records", "max_validation_records", "min_total_records", "max_total_records" } do
  LIMITS[name] = whole_or_false
end

local ENTRY = { min = "number", max = "number", whole = "boolean", word = "string", default = "string", required = "boolean" }

---@class bedrock.tuning.Complaint
---@field rule string  a name that `ignore` takes
---@field path string  of the parameter, as `trainingDataConfig.s3Uri`
---@field message string  one line
---@field mend? string  what to do
---@field source? bedrock.tuning.Source  where the limit is from, and when it was seen

---@class bedrock.tuning.JobReport
---@field ok boolean  no errors
---@field errors bedrock.tuning.Complaint[]
---@field warnings bedrock.tuning.Complaint[]
---@field more? integer  complaints beyond a hundred of a kind
---@field records? integer  of the training set, where that is known
---@field dataset? bedrock.tuning.DatasetReport  on the training set, where its file was read here
---@field validation? bedrock.tuning.DatasetReport  on the validation set, likewise
---@field job? string  the job's name
---@field model? string  the base model, where it is known
---@field region? string
local Report = {}
Report.__index = Report
Report.__name = "bedrock.tuning.JobReport"

local function counted(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end

--- The report for a terminal.
function Report.__tostring(self)
  local out = { ("customization job%s%s%s: %s, %s"):format(self.job and ' "' .. self.job .. '"' or "",
    self.model and " of " .. self.model or "", self.region and " in " .. self.region or "",
    #self.errors == 0 and "no errors" or counted(#self.errors, "error"),
    #self.warnings == 0 and "no warnings" or counted(#self.warnings, "warning")) }
  local function line(...) out[#out + 1] = ("  %-8s %s"):format(...) end
  for _, kind in ipairs { "error", "warning" } do
    for _, complaint in ipairs(self[kind .. "s"]) do
      out[#out + 1] = ""
      out[#out + 1] = ("%-8s   %s  [%s]"):format(kind, complaint.path == "" and "(the parameters)" or complaint.path,
        complaint.rule)
      line("", complaint.message)
      if complaint.mend then line("mend", complaint.mend) end
      if complaint.source then line("source", ("%s (seen %s)"):format(complaint.source.url, complaint.source.seen)) end
    end
  end
  if self.more then out[#out + 1] = ("\nand %d more"):format(self.more) end
  for _, name in ipairs { "dataset", "validation" } do
    if self[name] then out[#out + 1] = "\n" .. tostring(self[name]) end
  end
  return table.concat(out, "\n")
end

---@class bedrock.tuning.JobCheck  what the rules work on
---@field params table
---@field options bedrock.tuning.JobOptions
---@field region? string
---@field partition? string
---@field base? string  the base model as it is named in the parameters
---@field model? bedrock.tuning.Model
---@field kind string  the customizationType
---@field dataset? table  a report on the training set
---@field validation? table  likewise on the validation set
---@field input bedrock.Shape
local Check = {}
Check.__index = Check

local function complain(check, list, rule, path, message, mend, source)
  local report, ignore = check.report, check.options.ignore
  if ignore and ignore[rule] then return end
  if #list >= MOST then
    report.more = (report.more or 0) + 1
    return
  end
  list[#list + 1] = { rule = rule, path = path, message = message, mend = mend, source = source and models.sources[source] }
end

--- Say what will fail.
---@param rule string
---@param path string
---@param message string
---@param mend? string
---@param source? string  a key of models.sources
function Check:error(rule, path, message, mend, source)
  complain(self, self.report.errors, rule, path, message, mend, source)
end

--- Say what is most likely not meant.
---@param rule string
---@param path string
---@param message string
---@param mend? string
---@param source? string  a key of models.sources
function Check:warn(rule, path, message, mend, source)
  complain(self, self.report.warnings, rule, path, message, mend, source)
end

--- What is wrong with the options.
---@param options any
---@return string|nil problem
function check_job.check_options(options)
  local unchecked = type(options) == "table" and options.hyperparameters == false
  local problem = tuning_options.problem(options, unchecked and OPTIONS_UNCHECKED or OPTIONS, "check_job")
  if problem or options == nil then return problem end
  for name in pairs(options.ignore or {}) do
    if not rules.names[name] then
      return ("check_job has no rule %q to ignore%s"):format(tostring(name), errors.did_you_mean(tostring(name), rules.names))
    end
  end
  problem = tuning_options.problem(options.limits, LIMITS, "limits of check_job")
  if problem then return problem end
  for name, entry in pairs(options.hyperparameters or {}) do
    if type(name) ~= "string" or entry ~= false and type(entry) ~= "table" then
      return "option hyperparameters of check_job takes names with tables, such as { epochCount = { max = 20 } }"
    end
    for key, value in pairs(entry or {}) do
      if type(value) ~= ENTRY[key] then
        return ("option hyperparameters.%s of check_job can't have %s = %s%s"):format(name, tostring(key), type(value),
          ENTRY[key] and "" or errors.did_you_mean(key, ENTRY))
      end
    end
  end
  return nil
end

-- The report on a data set, the caller's or one that is made here.
local function report_of(check, name, parameter, kind, other)
  local given = check.options[name]
  if type(given) ~= "string" then return given end
  local values, all = {}, names.get(check.params, "hyperParameters")
  for key, value in next, type(all) == "table" and all or {} do
    if type(value) == "string" or type(value) == "number" then values[key] = value end
  end
  local report, err = require("bedrock.tuning.dataset").check(given, { model = check.options.model or check.base, kind = kind,
    hyperparameters = values, limits = check.options.limits, other_records = rules.count_of(other, check.options.validation_records) })
  if not report then check:error("dataset", parameter, err.message) end
  check.report[name] = report
  return report
end

--- Check a job. Options are right already.
---@param params any
---@param options? bedrock.tuning.JobOptions
---@return bedrock.tuning.JobReport report
function check_job.run(params, options)
  options = options or {}
  local operation = model.load(api).operations.CreateModelCustomizationJob
  local region = tuning_options.region(options)
  local job = names.text(params, "jobName")
  local report = setmetatable({ errors = {}, warnings = {}, job = job and names.shown(job),
    region = region and names.shown(region) }, Report)
  local check = setmetatable({ report = report, params = params, options = options, region = region,
    partition = region and endpoint.partition(region).id, base = names.text(params, "baseModelIdentifier"),
    input = operation.input }, Check)

  local _, err = validate(operation, params)
  for _, problem in ipairs(err and err.problems or {}) do
    check:error("parameter", problem.path, problem.message)
  end
  check.validation = report_of(check, "validation", "validationDataConfig", "validation")
  check.dataset = report_of(check, "dataset", "trainingDataConfig", "training", check.validation)
  if type(params) == "table" then rules.run(check) end
  report.model = check.model and check.model.name
  report.ok = #report.errors == 0
  return report
end

return check_job
