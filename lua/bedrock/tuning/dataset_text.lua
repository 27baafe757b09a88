--- A report of check_dataset as text for a terminal.

local display = require "bedrock.tuning.display"

local M = {}

local COLOURS = { error = "\27[31m", warning = "\27[33m", good = "\27[32m", bold = "\27[1m", plain = "\27[0m" }

local grouped = display.count

local function counted(n, one, many) return grouped(n) .. " " .. (n == 1 and one or many or one .. "s") end

local function size_text(bytes)
  for _, unit in ipairs { { 2 ^ 30, "GiB" }, { 2 ^ 20, "MiB" }, { 2 ^ 10, "KiB" } } do
    if bytes >= unit[1] then return display.number("%.1f ", bytes / unit[1]) .. unit[2] end
  end
  return counted(bytes, "byte")
end

local function head(report)
  local lines = {}
  local whose = report.model and " for " .. report.model or ""
  lines[1] = ("%s: %s set%s"):format(display.clean(report.path or "data"), report.kind, whose)
  lines[2] = ("  %s on %s, %s%s"):format(counted(report.records, "record"), counted(report.lines, "line"),
    size_text(report.bytes), report.complete and "" or "; the rest was not checked")
  if report.shape then
    local from = report.shape_from == "records" and (", taken from line %s"):format(grouped(report.shape_line)) or ""
    lines[3] = "  shape: " .. report.shape .. from
  end
  return lines
end

local function example_text(example)
  local parts = { ("line %d, column %d, byte %d"):format(example.line, example.column, example.offset) }
  parts[#parts + 1] = example.note
  parts[#parts + 1] = example.excerpt
  return table.concat(parts, ": ")
end

local function problem_lines(problem, paint)
  local lines = { ("  %s  %s%s"):format(paint(problem.rule, problem.severity), problem.message,
    problem.count > 1 and (" (%s times)"):format(grouped(problem.count)) or "") }
  for _, example in ipairs(problem.examples) do
    lines[#lines + 1] = "    " .. example_text(example)
  end
  lines[#lines + 1] = "    -> " .. problem.mend
  if problem.source then lines[#lines + 1] = ("    see %s (seen %s)"):format(problem.source.url, problem.source.seen) end
  return lines
end

local COLUMNS = { "min", "median", "p90", "p95", "p99", "max", "total" }

-- Rows of numbers under their names, each column as wide as it has to be.
local function table_lines(report)
  local rows = { { "per record" }, { "characters" }, { "tokens (estimated)" } }
  for i, name in ipairs(COLUMNS) do
    rows[1][i + 1] = name
    rows[2][i + 1], rows[3][i + 1] = grouped(report.characters[name]), grouped(report.tokens[name])
  end
  local lines = { "", "", "" }
  for column = 1, #COLUMNS + 1 do
    local width = math.max(#rows[1][column], #rows[2][column], #rows[3][column])
    for i, row in ipairs(rows) do
      local blanks = (" "):rep(width - #row[column])
      lines[i] = lines[i] .. "  " .. (column == 1 and row[1] .. blanks or blanks .. row[column])
    end
  end
  return lines
end

local function remarks(report)
  local lines = {}
  local media = {}
  if report.images > 0 then media[#media + 1] = counted(report.images, "image") end
  if report.videos > 0 then media[#media + 1] = counted(report.videos, "video") end
  if report.training_tokens and report.measured > 0 then
    lines[1] = ("  training tokens: about %s (%s, %s tokens each)"):format(grouped(report.training_tokens),
      counted(report.epochs, "epoch"), grouped(report.tokens.total))
  end
  if #media > 0 then lines[#lines + 1] = ("  %s, not in the tokens"):format(table.concat(media, ", ")) end
  local duplicates = report.duplicates
  if report.complete and not duplicates.complete then
    lines[#lines + 1] = duplicates.remembered == 0 and "  duplicates were not looked for"
      or ("  duplicates were looked for among the first %s different records"):format(grouped(duplicates.remembered))
  end
  return lines
end

local function verdict(report, paint)
  local counts = {}
  if report.errors > 0 then
    counts[1] = counted(report.errors, "error")
      .. (report.bad_records > 0 and (" in %s of %s"):format(grouped(report.bad_records), counted(report.records, "record")) or "")
  end
  if report.warnings > 0 then counts[#counts + 1] = counted(report.warnings, "warning") end
  local colour = not report.ok and "error" or report.warnings > 0 and "warning" or "good"
  return paint("verdict: " .. (report.ok and "ready" or "not ready"), colour)
    .. (#counts > 0 and ": " .. table.concat(counts, ", ") or "")
end

--- All of a report, without a line feed at the end.
---@param report bedrock.tuning.DatasetReport
---@param colour? boolean  ANSI colours
---@return string
function M.format(report, colour)
  local function paint(text, name) return colour and COLOURS[name] .. text .. COLOURS.plain or text end
  local lines = {}
  local function add(more)
    for _, line in ipairs(more) do
      lines[#lines + 1] = line
    end
  end
  add(head(report))
  lines[1] = paint(lines[1], "bold")
  local severity
  for _, problem in ipairs(report.problems) do
    if problem.severity ~= severity then
      severity = problem.severity
      add { "", severity == "error" and "errors" or "warnings" }
    end
    add(problem_lines(problem, paint))
  end
  if report.measured > 0 then
    add { "" }
    add(table_lines(report))
    add { "  (a model's own count may be a third lower or higher; half or double in Arabic, Greek, Hindi, Thai, Vietnamese)" }
  end
  local more = remarks(report)
  if report.measured == 0 and #more > 0 then add { "" } end
  add(more)
  add { "", verdict(report, paint) }
  return table.concat(lines, "\n")
end

return M
