-- check_dataset.lua: is a training file good enough to be sent? For CI: prints a report, writes one in JUnit's form where the
-- CI system wants it, and ends with status 0 (ready), 1 (not ready) or 2 (could not be checked).
--
--   lua5.4 examples/check_dataset.lua FILE [--model ID] [--validation FILE] [--epochs N] [--junit PATH] [--strict]
--
-- Nothing is sent, and no credentials are needed. With --strict warnings count as errors.

local tuning = require "bedrock.tuning"

local function give_up(...)
  io.stderr:write(...)
  io.stderr:write "\n"
  os.exit(2)
end

-- What was asked for.
local file, options = nil, {}
local takes_value = { ["--model"] = true, ["--validation"] = true, ["--epochs"] = true, ["--junit"] = true }
local i = 1
while arg[i] do
  local word = arg[i]
  if word == "--strict" then
    options[word] = true
  elseif takes_value[word] then
    i = i + 1
    options[word] = arg[i] or give_up(word, " needs a value")
  elseif file or word:find "^%-%-" then
    give_up("check_dataset.lua does not know what to do with ", word)
  else
    file = word
  end
  i = i + 1
end
if not file then
  give_up "usage: check_dataset.lua FILE [--model ID] [--validation FILE] [--epochs N] [--junit PATH] [--strict]"
end

local function check(path, kind, other_records)
  local report, err = tuning.check_dataset(path, {
    model = options["--model"], kind = kind, other_records = other_records,
    hyperparameters = { epochCount = options["--epochs"] },
  })
  return report or give_up(tostring(err))
end

-- Some limits are on both sets together: so the second check is told of the first one's records.
local reports = {}
if options["--validation"] then reports[1] = check(options["--validation"], "validation") end
reports[#reports + 1] = check(file, "training", reports[1] and reports[1].records)

local function is_failure(problem) return problem.severity == "error" or options["--strict"] end

local status = 0
for _, report in ipairs(reports) do
  print(report)
  for _, problem in ipairs(report.problems) do
    if is_failure(problem) then status = 1 end
  end
end

-- JUnit's form: a suite for each file, in it a test case for each rule that was broken and one for the file as such.

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
local function escape(text) return (text:gsub('[&<>"]', ENTITIES)) end

-- A file's name may have bytes that XML can't hold. All other texts of a report are printable UTF-8.
local function name_of(path)
  return escape((path:gsub("[^\32-\126]", function(byte) return ("%%%02X"):format(byte:byte()) end)))
end

local function case_of(problem, classname)
  local lines = { problem.message, problem.mend }
  for _, example in ipairs(problem.examples) do
    lines[#lines + 1] = ("line %d, column %d, byte %d: %s"):format(example.line, example.column, example.offset,
      example.note or example.excerpt or "")
  end
  local text = escape(table.concat(lines, "\n"))
  local body = is_failure(problem) and ('<failure message="%s">%s</failure>'):format(escape(problem.message), text)
    or ("<system-out>%s</system-out>"):format(text)
  return ('    <testcase classname="%s" name="%s">%s</testcase>\n'):format(classname, problem.rule, body)
end

local function suite_of(report)
  local name, cases, failures = name_of(report.path), {}, 0
  for n, problem in ipairs(report.problems) do
    cases[n] = case_of(problem, name)
    if is_failure(problem) then failures = failures + 1 end
  end
  return ('  <testsuite name="%s" tests="%d" failures="%d">\n    <testcase classname="%s" name="%d records"/>\n%s  </testsuite>\n'):format(
    name, #cases + 1, failures, name, report.records, table.concat(cases))
end

if options["--junit"] then
  local suites = {}
  for n, report in ipairs(reports) do suites[n] = suite_of(report) end
  local out, problem = io.open(options["--junit"], "w")
  local written = out
  if out then
    written, problem = out:write('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n', table.concat(suites), "</testsuites>\n")
    local closed, closing_problem = out:close() -- a full disk may show here only
    written, problem = written and closed, problem or closing_problem
  end
  if not written then give_up(options["--junit"], " can't be written: ", tostring(problem)) end
end

os.exit(status)
