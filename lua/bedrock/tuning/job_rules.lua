--- The rules of check_job: what the service checks beyond the shapes, and what it tells hours later.
--
-- Parameters may hold anything here, since the check of their types only collects: every value is taken with names.text and
-- names.list, which give nothing where there is something else.

local endpoint = require "bedrock.endpoint"
local errors = require "bedrock.errors"
local hyperparameters = require "bedrock.tuning.hyperparameters"
local job_shapes = require "bedrock.tuning.job_shapes"
local models = require "bedrock.tuning.models"
local names = require "bedrock.tuning.names"

local rules = {}

local shown, quoted, member, text = names.shown, names.quoted, names.member, names.text

--- The rules by their names, which `ignore` takes.
---@type table<string, string>
rules.names = {
  parameter = "unknown or missing members, wrong types: what the library refuses to send",
  limit = "too long, too many, too large",
  pattern = "characters or a form that the API refuses",
  enum = "a value that the API does not name",
  arn = "an ARN that is none, or of something else",
  account = "an account id that is none, or another account's",
  partition = "an ARN of another partition than the region's",
  region = "a model, a key or a bucket of another region",
  base_model = "what no job can start from",
  tuning_id = "the id for inference in place of the one for tuning",
  unknown_model = "a base model whose limits are not known",
  retired_model = "a base model that is no longer offered",
  s3_uri = "an S3 URI that can't be one",
  bucket = "a bucket's name against the rules of S3",
  file = "data that is no .jsonl file",
  same_file = "one file given twice",
  output = "an output that is a file, or has the data under it",
  hyperparameter = "a hyperparameter that the base model does not have, or one that it needs",
  hyperparameter_value = "a value that is no number, or out of the base model's range",
  with_validation = "a hyperparameter that does not go with a validation set",
  batch_size = "a batch size that shortens what a record may hold",
  warm_up = "warm-up steps far from what is advised for so many records",
  validation = "a validation set where the model takes none",
  tags = "tags given twice, or with a reserved key",
  customization = "parameters that contradict the kind of customization",
  vpc = "ids in the wrong list, or of something else",
  records = "fewer or more records than the model takes",
  dataset = "a data set that its own check refuses, or that was checked for another model",
}

-- The kinds of customization that take the hyperparameters of the model's table.
local TABLE_COUNTS = { FINE_TUNING = true, CONTINUED_PRE_TRAINING = true }

local find = models.find_behind

local function find_model(check)
  local params, base = check.params, check.base
  -- What is misspelt is checked as what it means.
  local kind = text(params, "customizationType") or "FINE_TUNING"
  check.kind = errors.suggest(kind, check.input.members.customizationType.shape.enum) or kind
  if not base then return end
  local given = check.options.model
  local found = find(given or base)
  check.model = found
  if found then
    if found.retired then
      check:warn("retired_model", "baseModelIdentifier", found.name .. " is no longer on the service's list of models to tune",
        "list_foundation_models { byCustomizationType = \"FINE_TUNING\" } tells what there is", "models")
    end
  elseif given or base:find("[.:]") then
    local known = {}
    for i, entry in ipairs(models.list) do known[i] = entry.tuning_id or entry.prefix end
    local near = errors.suggest(given or base, known)
    check:warn("unknown_model", "baseModelIdentifier", ("nothing is known of %s: hyperparameters, regions and data sets go unchecked")
      :format(quoted(given or base)), near and "is " .. near .. " meant?")
  else
    check:warn("unknown_model", "baseModelIdentifier", ("%s is the name of a custom model, which does not say what it was made from")
      :format(quoted(base)), "tell it by the option model, or give the custom model's ARN")
  end
end

local function check_base(check)
  local found, base = check.model, check.base
  if not found then return end
  local id = base:match ":foundation%-model/(.+)$" or base
  local is_id = models.find(id) == found and not base:find ":custom%-model/"
  local wanted = is_id and models.tuning_id(found, id)
  if wanted and wanted ~= id then
    check:warn("tuning_id", "baseModelIdentifier", ("%s is not the id for tuning"):format(quoted(id)),
      "write " .. shown(base:sub(1, #base - #id) .. wanted), "models")
  end
  local regions = check.region and found.regions
  if not regions then return end
  for _, region in ipairs(regions) do
    if region == check.region then return end
  end
  check:error("region", "baseModelIdentifier", ("%s is tuned in %s, not in %s"):format(found.name, table.concat(regions, " and "),
    check.region), "where the service offers it there by now, pass by this rule: ignore = { region = true }", "models")
end

local ENDINGS = { csv = true, gz = true, json = true, jsonl = true, parquet = true, tsv = true, txt = true, xlsx = true, zip = true }

local function ending(key)
  local found = key:match "[^/]%.(%w+)$"
  return found and ENDINGS[found:lower()] and found
end

local function check_file(check, uri, path, what)
  local s3 = names.s3(uri)
  if not s3 or names.bucket_problem(s3.bucket) then return end
  if s3.key == "" then
    check:error("file", path, ("is a whole bucket; the %s is a file"):format(what), "name it: s3://" .. s3.bucket .. "/KEY.jsonl")
  elseif s3.key:sub(-1) == "/" then
    check:warn("file", path, ("is a folder; the %s is a file"):format(what), "name the .jsonl file in it")
  elseif not s3.key:find "%.[jJ][sS][oO][nN][lL]$" then
    local found = ending(s3.key)
    check:warn("file", path, ("does not end with .jsonl%s"):format(found and ", but with ." .. found or ""),
      "the file has to have a JSON document in each line, without compression", "prepare")
  end
end

local function validators(check)
  return names.list(names.get(check.params, "validationDataConfig", "validators"))
end

local function check_data(check)
  local params = check.params
  local training = text(params, "trainingDataConfig", "s3Uri")
  local output = text(params, "outputDataConfig", "s3Uri")
  if training then check_file(check, training, "trainingDataConfig.s3Uri", "training set") end

  local seen = {}
  if training then seen[training] = "the training set" end
  local files = { { training, "trainingDataConfig.s3Uri" } }
  for i, validator in ipairs(validators(check)) do
    local path = ("validationDataConfig.validators[%d].s3Uri"):format(i)
    local uri = text(validator, "s3Uri")
    if uri then
      check_file(check, uri, path, "validation set")
      if seen[uri] then
        check:warn("same_file", path, ("is %s, too"):format(seen[uri]), "a validation set has records that training does not see")
      end
      seen[uri] = seen[uri] or ("validator %d"):format(i)
      files[#files + 1] = { uri, path }
    end
  end

  local s3 = names.s3(output)
  if not s3 or names.bucket_problem(s3.bucket) then return end
  if ending(s3.key) then
    check:warn("output", "outputDataConfig.s3Uri", "looks like a file; the output is a folder", "name a folder, as s3://"
      .. s3.bucket .. "/out/")
  end
  local folder = output:sub(-1) == "/" and output or output .. "/"
  for _, file in ipairs(files) do
    if file[1] == output then
      check:error("output", file[2], "is the output, too", "give the output a folder of its own")
    elseif file[1] and s3.key ~= "" and file[1]:sub(1, #folder) == folder then
      check:warn("output", file[2], "is in the folder of the output", "give the output a folder of its own")
    end
  end
end

local function check_validation(check)
  local dataset = check.model and check.model.dataset
  if dataset and dataset.validation == false and #validators(check) > 0 then
    check:error("validation", "validationDataConfig", check.model.name .. " takes no validation set", "leave it out", dataset.source)
  end
end

-- The model's hyperparameters with the caller's limits in place of its own.
local function hyperparameters_of(check)
  local own, given = check.model and check.model.hyperparameters, check.options.hyperparameters
  if given == false or not TABLE_COUNTS[check.kind] or not own and not given then return nil end
  local merged = {}
  for name, entry in pairs(own or {}) do merged[name] = entry end
  for name, entry in pairs(given or {}) do
    local copy = { given = true, unchecked = entry == false }
    for key, value in pairs(merged[name] or {}) do copy[key] = value end
    for key, value in pairs(entry or {}) do copy[key] = value end
    merged[name] = copy
  end
  return merged, own ~= nil
end

local function takes(entry)
  local plain = hyperparameters.plain
  local range = entry.min and entry.max and (entry.min == entry.max and plain(entry.min) .. " only"
      or ("%s to %s"):format(plain(entry.min), plain(entry.max)))
    or entry.min and plain(entry.min) .. " or more" or entry.max and plain(entry.max) .. " or less" or "a number"
  return (entry.whole and "a whole number, " or "") .. range .. (entry.word and ', or "' .. entry.word .. '"' or "")
end

local function check_hyperparameters(check)
  local values = rawget(check.params, "hyperParameters")
  if names.absent(values) then values = {} end
  local family, complete = hyperparameters_of(check)
  if type(values) ~= "table" or not family then return end
  local model = check.model and check.model.name or "the base model"
  local given = {}
  for name in next, values do
    if type(name) == "string" then given[#given + 1] = name end
  end
  table.sort(given)
  for _, name in ipairs(given) do
    local entry, path, value = family[name], member("hyperParameters", name), values[name]
    if not entry then
      if complete then
        local known = {}
        for other in pairs(family) do known[#known + 1] = other end
        table.sort(known)
        local near = errors.suggest(name, known)
        check:error("hyperparameter", path, ("%s has no such hyperparameter; it has %s"):format(model, table.concat(known, ", ")),
          near and "write " .. near or "leave it out", "hyperparameters")
      end
    elseif not entry.unchecked and (type(value) == "string" or type(value) == "number") then
      local problem = hyperparameters.problem(entry, value)
      if problem then
        check:error("hyperparameter_value", path, ("is %s; %s takes %s"):format(quoted(value), model, takes(entry)),
          problem == "case" and ('write "%s"'):format(entry.word) or problem == "range" and not entry.given
            and "where a quota of yours allows it, tell by the option hyperparameters" or nil,
          not entry.given and "hyperparameters" or nil)
      end
      if entry.with_validation and #validators(check) > 0 then
        check:warn("with_validation", path, entry.with_validation, "leave it out", "hyperparameters")
      end
    end
  end
  local required = {}
  for name, entry in pairs(family) do
    if entry.required and not entry.unchecked and names.absent(rawget(values, name)) then required[#required + 1] = name end
  end
  table.sort(required)
  for _, name in ipairs(required) do
    check:error("hyperparameter", "hyperParameters." .. name, ("is required by %s"):format(model),
      "give " .. takes(family[name]), "hyperparameters")
  end
end

local function check_batch(check)
  local by_batch = check.model and check.model.dataset and check.model.dataset.tokens_by_batch
  local size = by_batch and hyperparameters.number(text(check.params, "hyperParameters", "batchSize"))
  if not size or size <= by_batch[1][1] then return end
  local most
  for _, row in ipairs(by_batch) do
    if size <= row[1] then most = row[2] break end
  end
  check:warn("batch_size", "hyperParameters.batchSize", most and ("with %s, a record may have %d tokens; with %d, %d")
    :format(hyperparameters.plain(size), most, by_batch[1][1], by_batch[1][2])
    or ("no limit of tokens is known above %d"):format(by_batch[#by_batch][1]), nil, "prepare")
end

--- The records of a data set.
---@param report any  of tuning.check_dataset
---@param own? integer  what the caller says
---@return integer|nil
function rules.count_of(report, own)
  if own or type(report) ~= "table" then return own end
  return type(report.records) == "number" and report.records or nil
end

local function check_records(check)
  local options, model = check.options, check.model and check.model.name or "the base model"
  local known = check.kind == "FINE_TUNING" and check.model and check.model.dataset
    or check.kind == "DISTILLATION" and { source = "distillation", max_records = 15000 } or {}
  local given = options.limits or {}
  local training = rules.count_of(check.dataset, options.records)
  local validation = rules.count_of(check.validation, options.validation_records)
  check.report.records = training
  for _, set in ipairs { { "dataset", "trainingDataConfig", "training" }, { "validation", "validationDataConfig", "validation" } } do
    local report = check[set[1]] or {}
    if report.ok == false then
      local rule, line = text(report, "problems", 1, "rule"), text(report, "problems", 1, "examples", 1, "line")
      check:error("dataset", set[2], ("the check of the %s set found errors%s%s"):format(set[3], rule and ", such as " .. shown(rule) or "",
        line and " in line " .. shown(line) or ""), "its report has them, line by line")
    end
    if type(report.model) == "string" and check.model and report.model ~= check.model.name then
      check:warn("dataset", set[2], ("the %s set was checked for %s"):format(set[3], shown(report.model)),
        "check it for " .. check.model.name)
    end
  end
  local function compare(path, what, count, kind)
    for _, bound in ipairs { "min_", "max_" } do
      local name = bound .. kind
      local limit = known[name]
      if given[name] ~= nil then limit = given[name] end
      if limit and (bound == "min_" and count < limit or bound == "max_" and count > limit) then
        check:error("records", path, ("%s has %s records; %s takes %s %s"):format(what, hyperparameters.plain(count), model,
          hyperparameters.plain(limit), bound == "min_" and "or more" or "at most"),
          given[name] == nil and "where a quota of yours allows it, tell by the option limits" or nil,
          given[name] == nil and known.source or nil)
      end
    end
  end
  if training then compare("trainingDataConfig", "the training set", training, "records") end
  if validation then compare("validationDataConfig", "the validation set", validation, "validation_records") end
  if training and (validation or #validators(check) == 0) then
    compare("trainingDataConfig", validation and "training and validation set together" or "the training set",
      training + (validation or 0), "total_records")
  end

  local per_step = check.model and check.model.records_per_warm_up_step
  local entry = (hyperparameters_of(check) or {}).learningRateWarmupSteps
  if not training or not per_step or not entry then return end
  local steps = hyperparameters.number(text(check.params, "hyperParameters", "learningRateWarmupSteps") or entry.default)
  local advised = math.min(math.max(math.floor(training / per_step + 0.5), entry.min or 0), entry.max or 100)
  -- Half and double of it make little difference, nor do a few steps.
  if steps and math.abs(steps - advised) > 5 and (steps > 2 * advised or 2 * steps < advised) then
    check:warn("warm_up", "hyperParameters.learningRateWarmupSteps", ("is %s%s; for %s records %s are advised (records / %d)")
      :format(hyperparameters.plain(steps), text(check.params, "hyperParameters", "learningRateWarmupSteps") and "" or " by default",
        hyperparameters.plain(training), hyperparameters.plain(advised), per_step), nil, "hyperparameters")
  end
end

local function check_tags(check)
  for _, list in ipairs { "jobTags", "customModelTags" } do
    local seen = {}
    for i, tag in ipairs(names.list(rawget(check.params, list))) do
      local key, path = text(tag, "key"), ("%s[%d].key"):format(list, i)
      if key and key:lower():sub(1, 4) == "aws:" then
        check:error("tags", path, "begins with aws:, which is reserved", nil, "limits")
      elseif key and seen[key] then
        check:error("tags", path, ("is %s, as that of %s[%d]"):format(quoted(key), list, seen[key]), "give each key once")
      end
      if key then seen[key] = seen[key] or i end
    end
  end
end

-- What each kind of customization has in customizationConfig.
local CONFIG = { DISTILLATION = "distillationConfig", REINFORCEMENT_FINE_TUNING = "rftConfig" }

local function check_customization(check)
  local params, kind = check.params, check.kind
  local config = rawget(params, "customizationConfig")
  for wanted, name in pairs(CONFIG) do
    local there = not names.absent(names.get(config, name))
    if kind == wanted and not there then
      check:error("customization", "customizationConfig." .. name, ("is missing: a customization of type %s needs it"):format(wanted))
    elseif there and kind ~= wanted then
      check:error("customization", "customizationConfig." .. name, ("is for the type %s; this one is %s"):format(wanted, shown(kind)),
        ("set customizationType = %q, or leave it out"):format(wanted))
    end
  end
  if kind == "IMPORTED" then
    check:error("customization", "customizationType", "is IMPORTED, which is what models have that no job made")
  elseif kind == "CONTINUED_PRE_TRAINING" and check.model and not check.model.name:find("^Amazon Titan Text") then
    check:warn("customization", "customizationType", "continued pre-training is known for Amazon Titan Text only, not for "
      .. check.model.name, nil, "models")
  elseif kind == "REINFORCEMENT_FINE_TUNING" and not names.absent(rawget(params, "hyperParameters")) then
    check:warn("customization", "hyperParameters", "reinforcement fine-tuning has hyperparameters of its own",
      "put them in customizationConfig.rftConfig.hyperParameters")
  end
  local teacher = text(config, "distillationConfig", "teacherModelConfig", "teacherModelIdentifier")
  local teaches = teacher and find(teacher)
  if teaches and teaches == check.model then
    check:warn("customization", "customizationConfig.distillationConfig.teacherModelConfig.teacherModelIdentifier",
      ("teacher and student are both %s"):format(teaches.name), "the teacher is the larger model")
  end

  local data = rawget(params, "trainingDataConfig")
  if type(data) ~= "table" then return end
  local file, logs = not names.absent(rawget(data, "s3Uri")), not names.absent(rawget(data, "invocationLogsConfig"))
  if not file and not logs then
    check:error("customization", "trainingDataConfig", "has no data: it needs an s3Uri, or an invocationLogsConfig")
  elseif file and logs then
    check:warn("customization", "trainingDataConfig", "has both an s3Uri and an invocationLogsConfig", "give one of them")
  elseif logs and TABLE_COUNTS[kind] then
    check:warn("customization", "trainingDataConfig.invocationLogsConfig", ("invocation logs are for distillation; this is %s")
      :format(shown(kind)))
  end
end

local function check_vpc(check)
  for list, prefix in pairs { subnetIds = "subnet-", securityGroupIds = "sg-" } do
    for i, id in ipairs(names.list(names.get(check.params, "vpcConfig", list))) do
      id = text(id)
      if id and id:sub(1, #prefix) ~= prefix then
        check:error("vpc", ("vpcConfig.%s[%d]"):format(list, i), ("is %s; these ids begin with %s"):format(quoted(id), prefix))
      end
    end
  end
end

--- Check everything that comes after the types.
---@param check bedrock.tuning.JobCheck
function rules.run(check)
  if check.region and not endpoint.is_host_label(check.region) then check.region, check.partition = nil, nil end
  job_shapes.run(check)
  for _, rule in ipairs { find_model, check_base, check_customization, check_data, check_validation, check_hyperparameters,
    check_batch, check_records, check_tags, check_vpc } do
    rule(check)
  end
  for _, list in ipairs { check.report.errors, check.report.warnings } do
    for i, complaint in ipairs(list) do complaint.order = i end
    table.sort(list, function(a, b)
      if a.path ~= b.path then return a.path < b.path end
      return a.order < b.order
    end)
    for _, complaint in ipairs(list) do complaint.order = nil end
  end
end

return rules
