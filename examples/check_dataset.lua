-- check_dataset.lua: is a training file good enough to be sent? For CI: prints a report, writes one in JUnit's form where the
-- CI system wants it, and ends with status 0 (ready), 1 (not ready) or 2 (could not be checked).
--
--   lua5.4 examples/check_dataset.lua FILE [--model ID] [--validation FILE] [--epochs N] [--junit PATH] [--strict]
--
-- Nothing is sent, and no credentials are needed. With --strict warnings count as errors.

local tuning = require "bedrock.tuning"

local file, words = nil, {}
local flags = { model = true, validation = true, epochs = true, junit = true }
local i = 1
while arg[i] do
  local name = arg[i]:match "^%-%-(.+)$"
  if name == "strict" then
    words.strict = true
  elseif name and flags[name] and arg[i + 1] then
    words[name] = arg[i + 1]
    i = i + 1
  elseif name or file then
    io.stderr:write("check_dataset.lua does not know what to do with ", arg[i], "\n")
    os.exit(2)
  else
    file = arg[i]
  end
  i = i + 1
end
if not file then
  io.stderr:write "usage: check_dataset.lua FILE [--model ID] [--validation FILE] [--epochs N] [--junit PATH] [--strict]\n"
  os.exit(2)
end

local reports = {}
local function check(path, kind, other_records)
  local report, err = tuning.check_dataset(path, {
    model = words.model, kind = kind, other_records = other_records,
    hyperparameters = words.epochs and { epochCount = words.epochs },
  })
  if not report then
    io.stderr:write(tostring(err), "\n")
    os.exit(2)
  end
  reports[#reports + 1] = report
  return report
end

-- Limits on both sets together need the size of the one checked first.
local validation = words.validation and check(words.validation, "validation")
check(file, "training", validation and validation.records)

local function fails(problem) return problem.severity == "error" or words.strict end

local good = true
for _, report in ipairs(reports) do
  print(report)
  for _, problem in ipairs(report.problems) do good = good and not fails(problem) end
end

-- One test case for each rule that was broken, and one for the file.
local function escape(text)
  return (text:gsub("[&<>\"\n]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["\n"] = "&#10;" }))
end
local function junit(out)
  out:write '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
  for _, report in ipairs(reports) do
    local failures, cases = 0, {}
    for _, problem in ipairs(report.problems) do
      local places = {}
      for n, example in ipairs(problem.examples) do
        places[n] = ("line %d, column %d (byte %d)"):format(example.line, example.column, example.offset)
      end
      local kind = fails(problem) and "failure" or "system-out"
      if kind == "failure" then failures = failures + 1 end
      local text = escape(("%s\n%s\n%s"):format(problem.message, problem.mend or "", table.concat(places, "\n")))
      cases[#cases + 1] = ('    <testcase classname="%s" name="%s">%s</testcase>\n'):format(escape(report.path), problem.rule,
        kind == "failure" and ('<failure message="%s: %d">%s</failure>'):format(problem.rule, problem.count, text)
          or ("<system-out>%s</system-out>"):format(text))
    end
    out:write(('  <testsuite name="%s" tests="%d" failures="%d">\n'):format(escape(report.path), #cases + 1, failures))
    out:write(('    <testcase classname="%s" name="%d records"/>\n'):format(escape(report.path), report.records),
      table.concat(cases), "  </testsuite>\n")
  end
  return out:write "</testsuites>\n"
end
if words.junit then
  local out, why = io.open(words.junit, "w")
  local ok = out
  if out then
    ok, why = junit(out)
    local closed, close_err = out:close() -- a full disk may show here only
    ok, why = ok and closed, why or close_err
  end
  if not ok then
    io.stderr:write(words.junit, " can't be written: ", tostring(why), "\n")
    os.exit(2)
  end
end
os.exit(good and 0 or 1)
