--- check_dataset: reads a file of training data and reports all that its base model would refuse.
--
-- The file is scanned in C (bedrock.dataset), in one pass; here are the options, the limits, and what is said of the file as a
-- whole. Lua drives the loop, so that an iterator may yield and progress can be told.
--
-- Tokens are an estimate, since the models' tokenizers are not public: a quarter of a token for each ASCII character, a half for
-- one of two bytes in UTF-8 (accents, Greek, Cyrillic, Hebrew, Arabic), one for one of three bytes (Chinese, Japanese, Korean,
-- Indic scripts), two for one of four bytes (emoji). Images and videos are not in it. Beside three public tokenizers (o200k_base,
-- cl100k_base, Claude 2's) it comes to 0.75 to 1.45 times their counts for prose and code in Latin, Cyrillic, Hebrew, Chinese,
-- Japanese and Korean writing, and to 0.45 to 2.3 times for Arabic, Greek, Hindi, Thai and Vietnamese.

local display = require "bedrock.tuning.display"
local errors = require "bedrock.errors"
local models = require "bedrock.tuning.models"
local native = require "bedrock.native"
local option_check = require "bedrock.tuning.options"
local rules = require "bedrock.tuning.dataset_rules"

local M = {}

local PIECE = 256 * 1024 -- bytes that are asked of a file handle at a time
local EXAMPLES = 10
local REMEMBER = 500000 -- hashes of records: 12 MiB

---@class bedrock.tuning.DatasetOptions
---@field model? string  the base model's id or ARN, or its inference profile's id: which shape, which limits
---@field shape? "prompt-completion"|"converse"|"anthropic-messages"|"image-caption"  instead of the model's; without both that
--- of the first record which has one
---@field kind? "training"|"validation"  which limits hold; "training" if not given
---@field other_records? integer  how many records the other set has, for limits on both together
---@field hyperparameters? table<string, string|number>  those of the job: batchSize decides limits, epochCount training tokens
---@field limits? table<string, any>  in place of the model's: fields of bedrock.tuning.DatasetRules, false for no limit
---@field examples? integer  places that are kept of each rule, 10 if not given, at most 10,000; counts are exact anyway
---@field remember? integer  records among which duplicates are found, at 24 to 48 bytes each; 0: they are not looked for
---@field lines? boolean  the iterator gives lines without their line feeds, as io.lines does
---@field on_progress? fun(progress: bedrock.tuning.DatasetProgress)  after each piece; of a path, about 1 MiB

---@class bedrock.tuning.DatasetProgress
---@field bytes integer  checked so far
---@field total_bytes? integer  the size of the file at a path
---@field lines integer
---@field records integer
---@field errors integer

--- A place in the file.
---@class bedrock.tuning.DatasetExample
---@field line integer  from 1
---@field offset integer  in bytes from the start of the file, from 0
---@field column integer  in characters, from 1
---@field excerpt? string  what stands there, or at a line's end what stands before; never with control bytes
---@field note? string  what is special about this one
---@field last_line? integer  of a record or a gap that goes over several lines
---@field first_line? integer  of a duplicate: the record that it repeats
---@field value? integer  of a limit: what was found
---@field limit? integer

---@class bedrock.tuning.DatasetProblem
---@field rule string  a key of bedrock.tuning.dataset_rules' `texts`: names do not change
---@field severity "error"|"warning"
---@field count integer  how many there are
---@field message string
---@field mend string
---@field examples bedrock.tuning.DatasetExample[]  the first of them; none for a rule about the whole file
---@field source? bedrock.tuning.Source  of a limit: where it is documented, and when that was seen

---@class bedrock.tuning.DatasetSize
---@field characters integer
---@field tokens integer  estimated

--- Of records, each measured by its texts alone. Percentiles are off by a part in 32 at most.
---@class bedrock.tuning.DatasetDistribution
---@field min integer
---@field median integer
---@field p90 integer
---@field p95 integer
---@field p99 integer
---@field max integer
---@field mean number
---@field total integer

---@class bedrock.tuning.DatasetReport
---@field ok boolean  there are no errors
---@field verdict "ready"|"ready with warnings"|"not ready"
---@field errors integer  the sum of all errors' counts
---@field warnings integer
---@field problems bedrock.tuning.DatasetProblem[]  errors first
---@field path? string  where the source is one
---@field kind "training"|"validation"
---@field model? string  the base model's name
---@field shape? string
---@field shape_from? "option"|"model"|"records"
---@field shape_line? integer  the line whose record has decided
---@field limits bedrock.tuning.DatasetRules  that were applied
---@field complete boolean  false: the rest of the file can't be checked
---@field bytes integer
---@field lines integer
---@field records integer
---@field bad_records integer  with an error
---@field measured integer  records in the distributions
---@field characters bedrock.tuning.DatasetDistribution
---@field tokens bedrock.tuning.DatasetDistribution  estimated
---@field input bedrock.tuning.DatasetSize  prompts, and texts of user and system
---@field output bedrock.tuning.DatasetSize
---@field turns integer  messages
---@field images integer
---@field videos integer
---@field epochs? number
---@field training_tokens? number  estimated tokens times epochs
---@field duplicates {found: integer, remembered: integer, complete: boolean}  complete: every record was compared with all others
local report_methods = {}

local report_mt = { __name = "bedrock.tuning.DatasetReport", __index = report_methods }

--- The report as lines of text.
---@param options? {colour?: boolean}  ANSI colours
---@return string
function report_methods:text(options)
  return require("bedrock.tuning.dataset_text").format(self, options and options.colour)
end

function report_mt.__tostring(report) return report:text() end

-- ---- options ----

local SHAPES = { ["prompt-completion"] = true, converse = true, ["anthropic-messages"] = true, ["image-caption"] = true }
local KINDS = { training = true, validation = true }

local option_types = { model = "string", shape = "string", kind = "string", other_records = "count", hyperparameters = "table",
  limits = "table", examples = "count", remember = "count", lines = "boolean", on_progress = "function" }

local limit_types = { min_records = "count", max_records = "count", max_validation_records = "count", min_total_records = "count",
  max_total_records = "count", max_input_tokens = "count", max_output_tokens = "count", max_tokens = "count",
  tokens_by_batch = "table", max_bytes = "count", max_validation_bytes = "count", validation = "boolean", caption = "table",
  reserved_words = "boolean", images = "boolean", media_file_names = "boolean", reasoning = "boolean" }

local function is(value, wanted)
  if wanted == "count" then return type(value) == "number" and value >= 0 and value < 2 ^ 53 and value % 1 == 0 end
  return type(value) == wanted
end

local described = { count = "a whole number, 0 or more", table = "a table", string = "a string", boolean = "true or false",
  ["function"] = "a function" }

-- What is wrong with a table of settings, or nil.
local function problem_of(settings, types, what)
  for name, value in pairs(settings) do
    local wanted = types[name]
    if not wanted then
      return ("unknown %s %q%s"):format(what, tostring(name), errors.did_you_mean(tostring(name), types))
    elseif not is(value, wanted) and not (types == limit_types and value == false) then
      return ("%s %s must be %s, got %s"):format(what, name, described[wanted],
        type(value) == "number" and ("%g"):format(value) or type(value))
    end
  end
end

local function check_name(value, known, what)
  if value ~= nil and not known[value] then
    return ("unknown %s %q%s"):format(what, value, errors.did_you_mean(value, known))
  end
end

local function problem_of_options(options)
  if type(options) ~= "table" then return "options must be a table, got " .. type(options) end
  local limits = type(options.limits) == "table" and options.limits or {}
  local caption = limits.caption
  if caption and type(caption) == "table" and not (is(caption[1], "count") and is(caption[2], "count")) then
    return "limit caption must be { fewest, most } characters"
  end
  for _, row in ipairs(type(limits.tokens_by_batch) == "table" and limits.tokens_by_batch or {}) do
    if type(row) ~= "table" or not (is(row[1], "count") and is(row[2], "count")) then
      return "limit tokens_by_batch must be rows { largest batchSize, most tokens }"
    end
  end
  return problem_of(options, option_types, "option") or check_name(options.shape, SHAPES, "shape")
    or check_name(options.kind, KINDS, "kind") or problem_of(limits, limit_types, "limit")
end

-- ---- limits ----

local function copy(value)
  if type(value) ~= "table" then return value end
  local copied = {}
  for name, member in pairs(value) do
    copied[name] = copy(member)
  end
  return copied
end

-- The model's, with the caller's in their place. `own` tells which are the caller's.
local function limits_of(model, options)
  local limits, own = copy(model and model.dataset or {}), {}
  for name, value in pairs(options.limits or {}) do
    own[name] = true
    limits[name] = copy(value)
    if value == false and limit_types[name] ~= "boolean" then limits[name] = nil end
  end
  if own.max_tokens and not own.tokens_by_batch then limits.tokens_by_batch = nil end
  return limits, own
end

-- A hyperparameter as a count: the caller's or the model's default. Nil for what is none; tuning.check_job has words for that.
local function hyperparameter(name, model, options)
  local value = (options.hyperparameters or {})[name]
  if value == nil then
    local known = model and model.hyperparameters and model.hyperparameters[name]
    value = known and known.default
  end
  value = tonumber(value)
  return value and value >= 1 and is(value, "count") and value or nil
end

-- Larger batches leave fewer tokens to each record. True where the table does not go so far.
local function apply_batch_size(limits, batch)
  local rows = limits.tokens_by_batch
  if not rows or not batch then return false end
  for _, row in ipairs(rows) do
    limits.max_tokens = row[2]
    if batch <= row[1] then return false end
  end
  return true
end

-- ---- reading ----

local function file_error(path, message)
  message = display.clean(path and path .. ": " .. message or message)
  return nil, errors.new { code = "FileError", retryable = false, message = message }
end

local function is_readable(source)
  return type(source) == "string" or type(source) == "function" or option_check.has_method(source, "read")
end

-- Both: whether more may come; or nil and what went wrong.
local function read_file(check) return check:read() end

local function read_piece(check, source, lines)
  local piece, err
  if type(source) == "function" then
    piece, err = source()
  else
    piece, err = source:read(PIECE)
  end
  if piece == nil then
    if err ~= nil then return nil, tostring(err) end
    return false
  elseif type(piece) ~= "string" then
    error("the source of check_dataset must give strings, got a " .. type(piece), 5)
  end
  return check:feed(lines and piece .. "\n" or piece)
end

-- True once all was read; or nil and an error.
local function read_all(check, source, options)
  local path = type(source) == "string" and source or nil
  local read, total = path and read_file or read_piece, nil
  if path then
    local size, message = check:open(path)
    if not size then return file_error(path, message) end
    total = size > 0 and size or nil
  end
  local more = true
  while more do
    local message
    more, message = read(check, source, options.lines)
    if more == nil then return file_error(path, message) end
    if options.on_progress and more then
      local bytes, lines, records, count = check:progress()
      options.on_progress { bytes = bytes, total_bytes = total, lines = lines, records = records, errors = count }
    end
  end
  return true
end

-- ---- the report ----

local function first_name(excerpt) return excerpt and excerpt:match '^"([^"\\]*)"' end

local function number(n) return ("%d"):format(n) end

-- What an example says beside its place, from what C knows of it: `note`, `value`, `limit`.
local notes = {
  ["missing-key"] = function(e) return ("%q is missing"):format(e.note) end,
  ["wrong-type"] = function(e) return e.note .. " is expected" end,
  ["not-an-object"] = function(e) return e.note and e.note .. " is expected" end,
  ["other-shape"] = function(e) return e.note and "it looks like " .. e.note or "it has no shape that is known" end,
  ["media-format"] = function(e) return "one of " .. e.note end,
  ["record-too-long"] = function(e)
    return ("%s: %s characters, at most %s"):format(e.note, number(e.value), number(e.limit))
  end,
  ["record-maybe-too-long"] = function(e)
    return ("%s: about %s tokens, at most %s"):format(e.note, number(e.value), number(e.limit))
  end,
  ["too-many-media"] = function(e) return ("%s %s, at most %s"):format(number(e.value), e.note, number(e.limit)) end,
  ["caption-length"] = function(e)
    local value = e.value or 0
    return ("%s characters, at %s %s"):format(number(value), value > e.limit and "most" or "least", number(e.limit))
  end,
  ["unknown-key"] = function(e, shape)
    local name = first_name(e.excerpt)
    local alias = name and rules.aliases[name]
    for _, known in ipairs(rules.names[shape] or {}) do
      if known == alias then return ("is %q meant?"):format(alias) end
    end
    local near = name and errors.suggest(name, rules.names[shape] or {})
    return near and ("is %q meant?"):format(near) or nil
  end,
  ["duplicate-record"] = function(e)
    e.first_line, e.value = e.value, nil
    return "the same as line " .. number(e.first_line)
  end,
}

-- A record or a gap over several lines.
local function spans(e)
  e.last_line, e.value = e.value, nil
  return e.last_line and e.last_line > e.line and "to line " .. number(e.last_line) or nil
end
notes["blank-line"], notes["trailing-blank-line"], notes["multi-line"], notes["line-break-in-string"] = spans, spans, spans, spans

local function finish_examples(problem, shape)
  local note = notes[problem.rule]
  for _, example in ipairs(problem.examples) do
    if note then example.note = note(example, shape) end
  end
end

local function add_problem(report, rule, message, count)
  local texts = rules.texts[rule]
  table.insert(report.problems, { rule = rule, severity = texts.severity, count = count or 1, mend = texts.mend, examples = {},
    message = message and texts.message .. ": " .. message or texts.message })
end

local function bytes_text(n)
  if n >= 2 ^ 30 then return display.number("%.4g GiB", n / 2 ^ 30) end
  return display.number("%.4g MiB", n / 2 ^ 20)
end

local function check_count(report, limits, options)
  local records, training = report.records, report.kind == "training"
  local function over(count, most, what)
    if most and count > most then
      add_problem(report, "too-many-records", ("%s %s, at most %s"):format(number(count), what, number(most)))
      return true
    end
  end
  if training and limits.min_records and records < limits.min_records then
    add_problem(report, "too-few-records", ("%s, at least %s"):format(number(records), number(limits.min_records)))
  end
  local most = limits.max_validation_records
  if training then most = limits.max_records end
  if over(records, most, report.kind .. " records") then return end
  local total = records + (options.other_records or 0)
  if over(total, limits.max_total_records, "training and validation records") then return end
  -- Of a validation set alone this says nothing.
  if limits.min_total_records and total < limits.min_total_records and (training or options.other_records) then
    add_problem(report, options.other_records and "too-few-records" or "maybe-too-few-records",
      ("%s, at least %s for training and validation"):format(number(total), number(limits.min_total_records)))
  end
end

local function check_file(report, limits, options)
  if report.kind == "validation" and limits.validation == false then add_problem(report, "no-validation-set") end
  if not report.complete then return end
  if report.records == 0 then
    add_problem(report, "empty-file")
    return
  end
  if not report.shape then add_problem(report, "unknown-shape") end
  check_count(report, limits, options)
  local most = limits.max_bytes
  if report.kind == "validation" then most = limits.max_validation_bytes end
  if most and report.bytes > most then
    add_problem(report, "file-too-large", ("%s, at most %s"):format(bytes_text(report.bytes), bytes_text(most)))
  end
end

-- Where the limits of each rule come from, so that the caller's own are not said to be the model's.
local limits_behind = {
  ["reserved-word"] = { "reserved_words" }, ["reserved-word-elsewhere"] = { "reserved_words" },
  ["record-too-long"] = { "max_tokens", "max_input_tokens", "max_output_tokens", "tokens_by_batch" },
  ["record-maybe-too-long"] = { "max_tokens", "max_input_tokens", "max_output_tokens", "tokens_by_batch" },
  ["caption-length"] = { "caption" }, ["media-for-text-model"] = { "images" },
  ["media-file-name"] = { "media_file_names" }, ["several-buckets"] = { "media_file_names" },
  ["mixed-media"] = { "media_file_names" }, ["too-many-media"] = { "media_file_names" },
  ["too-few-records"] = { "min_records", "min_total_records" }, ["maybe-too-few-records"] = { "min_total_records" },
  ["too-many-records"] = { "max_records", "max_validation_records", "max_total_records" },
  ["file-too-large"] = { "max_bytes", "max_validation_bytes" }, ["no-validation-set"] = { "validation" },
  ["batch-size"] = { "tokens_by_batch" },
}

local function source_of(rule, limits, own)
  if not rules.texts[rule].limit or not limits.source then return nil end
  for _, name in ipairs(limits_behind[rule]) do
    if own[name] then return nil end
  end
  local source = models.sources[limits.source]
  return { url = source.url, seen = source.seen }
end

-- All that was found, in order: errors first, then as the rules are listed.
local function finish_problems(report, limits, own, latin1)
  local found = { error = {}, warning = {} }
  report.errors, report.warnings = 0, 0
  for _, problem in ipairs(report.problems) do
    local texts = rules.texts[problem.rule]
    problem.message = problem.message or texts.message
    problem.mend = problem.mend or texts.mend
    problem.source = source_of(problem.rule, limits, own)
    if problem.rule == "invalid-utf-8" and latin1 == problem.count then
      problem.message = "bytes that are no UTF-8; they look like Latin-1 or Windows-1252"
      problem.mend = "Convert the file: iconv -f WINDOWS-1252 -t UTF-8 FILE."
    end
    finish_examples(problem, report.shape)
    table.insert(found[problem.severity], problem)
    local sum = problem.severity == "error" and "errors" or "warnings"
    report[sum] = report[sum] + problem.count
  end
  report.problems = found.error
  for _, problem in ipairs(found.warning) do
    table.insert(report.problems, problem)
  end
  report.ok = report.errors == 0
  report.verdict = not report.ok and "not ready" or report.warnings > 0 and "ready with warnings" or "ready"
end

-- The result of C becomes the report: it is ours alone.
local function make_report(report, source, model, limits, own, options, beyond_batches)
  report.path = type(source) == "string" and source or nil
  report.kind, report.limits = options.kind or "training", limits
  report.model = model and model.name
  report.shape_from = options.shape and "option" or limits.shape and "model" or report.shape and "records" or nil
  report.complete = not report.stopped
  local found = 0
  for _, problem in ipairs(report.problems) do
    if problem.rule == "duplicate-record" then found = problem.count end
  end
  report.duplicates = { found = found, remembered = report.remembered,
    complete = report.remembered > 0 and report.all_remembered and report.complete }
  local latin1 = report.latin1
  report.stopped, report.remembered, report.all_remembered, report.latin1 = nil, nil, nil, nil
  if report.kind == "training" then
    report.epochs = hyperparameter("epochCount", model, options)
    report.training_tokens = report.epochs and report.tokens.total * report.epochs
  end
  if options.model and not (model and model.dataset) then add_problem(report, "unknown-model", display.clean(options.model)) end
  check_file(report, limits, options)
  if beyond_batches then add_problem(report, "batch-size") end
  finish_problems(report, limits, own, latin1)
  return setmetatable(report, report_mt)
end

-- As many as the limits allow.
local function remember(limits, options)
  return options.remember or math.min(limits.max_records or limits.max_total_records or REMEMBER, REMEMBER)
end

--- See bedrock.tuning.check_dataset.
---@param source string|file*|fun(): string|nil, any
---@param options? bedrock.tuning.DatasetOptions
---@return bedrock.tuning.DatasetReport|nil report
---@return bedrock.Error? err
function M.check(source, options)
  options = options == nil and {} or options
  local problem = problem_of_options(options)
  if problem then error("check_dataset: " .. problem, 3) end
  if not is_readable(source) then
    error("check_dataset: the source must be a path, an open file or an iterator, got "
      .. (io.type(source) or type(source)), 3)
  end
  local model = options.model and models.find_behind(options.model)
  local limits, own = limits_of(model, options)
  local beyond = apply_batch_size(limits, hyperparameter("batchSize", model, options))
  local check, message = native.load("bedrock.dataset").new {
    shape = options.shape or limits.shape,
    examples = options.examples or EXAMPLES,
    remember = remember(limits, options),
    reserved_words = limits.reserved_words, media_names = limits.media_file_names, text_only = limits.images == false,
    -- Where no model is named, nobody knows.
    reasoning = limits.reasoning or not model,
    max_tokens = limits.max_tokens, max_input_tokens = limits.max_input_tokens, max_output_tokens = limits.max_output_tokens,
    caption_min = limits.caption and limits.caption[1], caption_max = limits.caption and limits.caption[2],
  }
  if not check then return file_error(nil, message) end
  local ok, err = read_all(check, source, options)
  if not ok then
    check:close()
    return nil, err
  end
  local result
  result, message = check:finish()
  check:close()
  if not result then return file_error(nil, message) end
  return make_report(result, source, model, limits, own, options, beyond)
end

return M
