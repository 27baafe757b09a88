--- tuning.report: jobs beside each other, in one HTML file that needs nothing else: no script, no font, no picture from elsewhere.
--
-- The page is made of text that was escaped where it was put in, and its policy forbids the browser to load or to run anything.

local axis = require "bedrock.tuning.axis"
local display = require "bedrock.tuning.display"
local errors = require "bedrock.errors"
local native = require "bedrock.native"
local option_check = require "bedrock.tuning.options"
local series = require "bedrock.tuning.series"
local stages = require "bedrock.tuning.stages"
local style = require "bedrock.tuning.report_style"
local svg = require "bedrock.tuning.svg"

local report = {}

---@class bedrock.tuning.ReportJob  what GetModelCustomizationJob gives, and
---@field metrics? bedrock.tuning.Metrics  of tuning.metrics
---@field tags? {key: string, value: string}[]  of ListTagsForResource

---@class bedrock.tuning.ReportOptions
---@field jobs bedrock.tuning.ReportJob[]
---@field title? string
---@field path? string  the file to write
---@field time? number  seconds since 1970: when the jobs were looked at; now if not given

local OPTIONS = { jobs = "table", title = "string", path = "string", time = "number" }

local MOST_POINTS = 600 -- of a line: more than there are pixels would not be seen
local MOST_MARKS = 16 -- letters at the ends of lines: as many as have room above each other
local COLORS = 8

local escape = svg.escape

--- Look for mistakes in the argument of `build`.
---@param options any
---@return string|nil problem
function report.check(options)
  if type(options) ~= "table" then return "report takes a table with jobs, got " .. type(options) end
  local problem = option_check.problem(options, OPTIONS, "report")
  if problem then return problem end
  if not options.jobs then return "report needs jobs, a list" end
  for i, job in ipairs(options.jobs) do
    if type(job) ~= "table" then return ("job %d of report must be a table, got %s"):format(i, type(job)) end
    for _, name in ipairs { "metrics", "tags" } do
      if job[name] ~= nil and type(job[name]) ~= "table" then
        return ("%s of job %d of report must be a table, got %s"):format(name, i, type(job[name]))
      end
    end
    problem = series.problem(job.metrics or {})
    if problem then return ("metrics of job %d of report: %s"):format(i, problem) end
  end
end

---------------------------------------------------------------------------------------------------------------------
-- What is told of a job
---------------------------------------------------------------------------------------------------------------------

local LAST_SECOND = 253402300799 -- the year 9999

local function date(value)
  if display.is_finite(value) and value >= 0 and value <= LAST_SECOND then
    return os.date("!%Y-%m-%d %H:%M UTC", math.floor(value))
  end
  return value ~= nil and tostring(value) or nil
end

-- A, B … Z, AA …
local function letter(i)
  local text = ""
  repeat
    text = string.char(65 + (i - 1) % 26) .. text
    i = math.floor((i - 1) / 26)
  until i == 0
  return text
end

local function number(value) return display.is_finite(value) and value or nil end

local function last_loss(found) return found and found.last and number(found.last.loss) end

local function mean(values)
  local sum = 0
  for _, value in ipairs(values) do sum = sum + value end
  return #values > 0 and sum / #values or nil
end

local function drawable(found)
  local steps, losses = {}, {}
  for i, step in ipairs(found and found.steps or {}) do
    if axis.is_drawable(step) and axis.is_drawable(found.losses[i]) then
      steps[#steps + 1], losses[#losses + 1] = step, found.losses[i]
    end
  end
  if #steps == 0 then return nil end
  local thin = series.thin({ steps = steps, losses = losses }, MOST_POINTS)
  return { steps = thin.steps, losses = thin.losses, thinned = #thin.steps < (found.rows or #steps) }
end

local function collect(job, i, now)
  local metrics = job.metrics or {}
  local one = { job = job, name = display.name(job), letter = letter(i), color = "c" .. (i - 1) % COLORS + 1,
    status = tostring(job.status or "unknown"), stages = display.stages(job) }
  one.training, one.validations = display.final_losses(job)
  one.training = one.training or number(metrics.training_loss) or last_loss(metrics.training)
  if #one.validations == 0 then
    for _, loss in ipairs(metrics.validation_losses or {}) do table.insert(one.validations, number(loss)) end
  end
  if #one.validations == 0 then one.validations[1] = last_loss(metrics.validation) end
  one.validation = mean(one.validations)
  one.lines = { training = drawable(metrics.training), validation = drawable(metrics.validation) }
  one.start = number(job.creationTime)
  one.over = stages.ends[one.status] ~= nil
  one.finish = number(job.endTime) or (one.over and number(job.lastModifiedTime)) or (not one.over and now) or nil
  if one.start and one.finish then one.seconds = math.max(one.finish - one.start, 0) end
  local arn = job.baseModelArn
  one.base = type(arn) == "string" and (arn:match "foundation%-model/(.+)$" or arn:match "custom%-model/(.+)$" or arn) or nil
  return one
end

local function status_word(one) return display.status_words[one.status] or one.status end

local function soft(text) return ('<span class="soft">%s</span>'):format(text) end

local function badge(one)
  return ('<span class="badge %s">%s</span>'):format(one.color, one.letter)
end

---------------------------------------------------------------------------------------------------------------------
-- Sections
---------------------------------------------------------------------------------------------------------------------

-- Whether these values differ; numbers are compared as such, since the service writes them anew ("1.0E-4").
local function differ(values, count)
  local function plain(value)
    local text = tostring(value)
    return display.to_number(text) or text
  end
  for i = 2, count do
    if plain(values[i]) ~= plain(values[1]) then return true end
  end
  return false
end

local function lowest_of(list, member)
  local lowest, count = nil, 0
  for _, one in ipairs(list) do
    if one[member] then
      count = count + 1
      lowest = math.min(lowest or one[member], one[member])
    end
  end
  return count > 1 and lowest or nil
end

-- A section with a table. On a narrow screen it is no grid, and browsers forget that it is a table where no roles say so.
local function table_of(title, class, heads, rows)
  for i, head in ipairs(heads) do heads[i] = ('<th role="columnheader" scope="col">%s</th>'):format(head) end
  return ('<section><h2>%s</h2><table role="table" class="%s"><thead role="rowgroup"><tr role="row">%s</tr></thead>'
    .. '<tbody role="rowgroup">%s</tbody></table></section>'):format(title, class, table.concat(heads), table.concat(rows))
end

local function overview(list)
  local highest = 0
  for _, one in ipairs(list) do highest = math.max(highest, one.training or 0, one.validation or 0) end
  local lowest = { training = lowest_of(list, "training"), validation = lowest_of(list, "validation") }
  local rows = {}
  for i, one in ipairs(list) do
    local function loss(member)
      local value = one[member]
      local cell = ('<td role="cell" data-label="%s loss">'):format(member == "training" and "Training" or "Validation")
      if not value then return cell .. soft "none" .. "</td>" end
      local best = value == lowest[member]
      local notes = {}
      if member == "validation" and #one.validations > 1 then notes[1] = ("mean of %d sets"):format(#one.validations) end
      if best then notes[#notes + 1] = "lowest" end
      return ('%s<span class="%s">%s</span>%s%s</td>'):format(cell, best and "best" or "value", display.loss(value),
        #notes > 0 and (' <span class="note">%s</span>'):format(table.concat(notes, ", ")) or "",
        svg.bar(highest > 0 and math.max(0, value) / highest or 0, one.color))
    end
    rows[i] = ('<tr role="row"><th role="rowheader" scope="row"><div class="who">%s<span><span class="name">%s</span><span class="soft">'
      .. '<span class="status %s">%s</span>%s</span></span></div></th>%s%s<td role="cell" data-label="Time">%s</td></tr>'):format(
      badge(one), escape(one.name), escape((one.status:gsub("%W", ""))), escape(status_word(one)),
      one.base and " · " .. escape(one.base) or "", loss "training", loss "validation",
      one.seconds and display.duration(one.seconds) .. (one.over and "" or " so far") or soft "unknown")
  end
  return table_of("Jobs", "jobs", { "Job", "Training loss", "Validation loss", "Time" }, rows)
end

local KEY = '<li class="soft"><svg class="key" width="28" height="10" aria-hidden="true">'
  .. '<line%s x1="0" x2="28" y1="5" y2="5"/></svg>%s</li>'

local function curves(list)
  local lines, sentences, legend = {}, {}, {}
  local dashed, thinned = false, false
  for _, one in ipairs(list) do
    local shown = false
    for _, kind in ipairs { "training", "validation" } do
      local found = one.lines[kind]
      if found then
        lines[#lines + 1] = { steps = found.steps, losses = found.losses, class = one.color, dashed = kind == "validation",
          name = one.name .. ", " .. kind .. " loss", mark = not shown and one.letter or nil }
        sentences[#sentences + 1] = ("%s, %s loss: from %s at step %s to %s at step %s."):format(one.name, kind,
          display.loss(found.losses[1]), display.count(found.steps[1]), display.loss(found.losses[#found.losses]),
          display.count(found.steps[#found.steps]))
        shown, dashed, thinned = true, dashed or kind == "validation", thinned or found.thinned
      end
    end
    if shown then legend[#legend + 1] = ("<li>%s%s</li>"):format(badge(one), escape(one.name)) end
  end
  if #lines == 0 then return "" end
  if #legend > MOST_MARKS then
    for _, line in ipairs(lines) do line.mark = nil end
  end
  local low, high, first, last = math.huge, -math.huge, math.huge, -math.huge
  for _, line in ipairs(lines) do
    for i, step in ipairs(line.steps) do
      low, high = math.min(low, line.losses[i]), math.max(high, line.losses[i])
      first, last = math.min(first, step), math.max(last, step)
    end
  end
  return ('<section><h2>Loss by step</h2><figure><ul class="legend">%s%s%s</ul><div class="plot">%s</div>'
    .. '%s</figure></section>'):format(table.concat(legend),
    KEY:format("", "training"), dashed and KEY:format(' class="dashed"', "validation") or "",
    svg.lines("losses", "Loss by step", table.concat(sentences, " "), lines, axis.new(first, last, 6, true), axis.new(low, high, 6)),
    thinned and '<figcaption class="soft">Of long series the lowest and the highest point of each stretch are drawn.</figcaption>' or "")
end

local function stage_seconds(stage, now)
  if not stage.start then return nil end
  local finish = stage.status == "InProgress" and now or stage.finish
  return finish and math.max(finish - stage.start, 0) or nil
end

local function times(list, now)
  local longest = 0
  for _, one in ipairs(list) do longest = math.max(longest, one.seconds or 0) end
  local rows, any = {}, false
  for _, one in ipairs(list) do
    local spans, words = {}, {}
    for _, stage in ipairs(one.stages) do
      local seconds = stage_seconds(stage, now)
      local word = display.stage_words[stage.name]
      if stage.status ~= "NotStarted" and seconds and one.start and longest > 0 then
        local from = math.max(0, math.min((stage.start - one.start) / longest, 1))
        local text = ("%s %s%s"):format(word, display.duration(seconds), stage.status == "Completed" and ""
          or ", " .. (display.status_words[stage.status] or stage.status))
        spans[#spans + 1] = { start = from, finish = math.min(from + seconds / longest, 1), class = stage.name, name = text }
        words[#words + 1] = ('<li><span class="dot %s"></span>%s</li>'):format(stage.name, escape(text))
      elseif stage.status == "NotStarted" then
        words[#words + 1] = ('<li class="soft">%s not started</li>'):format(word)
      end
    end
    any = any or #spans > 0
    local told = {}
    for i, span in ipairs(spans) do told[i] = span.name end
    rows[#rows + 1] = ('<tr role="row"><th role="rowheader" scope="row"><div class="who">%s<span class="name">%s</span></div></th>'
      .. '<td role="cell">%s<ul class="stages">%s</ul></td></tr>'):format(badge(one), escape(one.name),
        #spans > 0 and svg.spans(one.name .. ": " .. table.concat(told, "; "), spans) or "",
        #words > 0 and table.concat(words) or '<li class="soft">the service told of no stages</li>')
  end
  if not any then return "" end
  return table_of("Time by stage", "times", { "Job", "Since it was created; the whole width is " .. display.duration(longest) }, rows)
end

local function uri(config)
  return type(config) == "table" and config.s3Uri or nil
end

local function validators(config)
  local list = {}
  for _, validator in ipairs(type(config) == "table" and type(config.validators) == "table" and config.validators or {}) do
    list[#list + 1] = tostring(uri(validator))
  end
  return #list > 0 and table.concat(list, ", ") or nil
end

-- Rows { label, values, code? }.
local function setting_rows(list)
  local rows = { { "Base model", {} }, { "Kind", {} }, { "Training data", {} }, { "Validation data", {} } }
  local parameters, names = {}, {}
  for i, one in ipairs(list) do
    local job = one.job
    rows[1][2][i], rows[2][2][i] = one.base, job.customizationType
    rows[3][2][i], rows[4][2][i] = uri(job.trainingDataConfig), validators(job.validationDataConfig)
    for name, value in pairs(type(job.hyperParameters) == "table" and job.hyperParameters or {}) do
      name = tostring(name)
      if not parameters[name] then
        parameters[name] = {}
        names[#names + 1] = name
      end
      parameters[name][i] = value
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do rows[#rows + 1] = { name, parameters[name], true } end
  return rows
end

local function settings(list)
  local head, rows = {}, {}
  for i, one in ipairs(list) do
    head[i] = ('<th scope="col"><div class="who">%s<span class="name">%s</span></div></th>'):format(badge(one), escape(one.name))
  end
  local marked, incomparable = 0, false
  for i, row in ipairs(setting_rows(list)) do
    local label, values = row[1], row[2]
    local differs = differ(values, #list)
    if differs then
      marked, incomparable = marked + 1, incomparable or (i ~= 2 and i <= 4)
    end
    local cells = {}
    for j = 1, #list do
      cells[j] = values[j] ~= nil and ("<td>%s</td>"):format(escape(values[j])) or '<td class="soft">none</td>'
    end
    rows[#rows + 1] = ('<tr%s><th scope="row">%s%s</th>%s</tr>'):format(differs and ' class="differs"' or "",
      row[3] and ("<code>%s</code>"):format(escape(label)) or escape(label), differs and ' <span class="note">differs</span>' or "",
      table.concat(cells))
  end
  local notes = ""
  if #list > 1 then
    notes = ('<p class="soft">%s</p>'):format((marked == 0 and "No setting differs." or "Settings that differ are marked.")
      .. (incomparable and " Losses of different base models, or on different data, say little about each other." or ""))
  end
  return ('<section><h2 id="settings">Settings</h2>%s<div class="scroll" role="region" tabindex="0" aria-labelledby="settings">'
    .. '<table class="settings"><thead><tr><td></td>%s</tr></thead><tbody>%s</tbody></table></div></section>'):format(notes,
    table.concat(head), table.concat(rows))
end

local function of_series(found)
  if type(found) ~= "table" or not (found.last and found.lowest) then return nil end
  local text = ("last %s at step %s, lowest %s at step %s"):format(display.loss(found.last.loss), display.count(found.last.step),
    display.loss(found.lowest.loss), display.count(found.lowest.step))
  if found.not_finite and found.not_finite > 0 and found.not_finite_step then
    text = text .. ("; not a finite number at %s of %s steps, first at step %s"):format(display.count(found.not_finite),
      display.count(found.not_finite + (found.rows or 0)), display.count(found.not_finite_step))
  end
  return text
end

local function details(list)
  local out = {}
  for _, one in ipairs(list) do
    local job, rows = one.job, {}
    local function row(label, value)
      if value ~= nil and value ~= "" then rows[#rows + 1] = ("<dt>%s</dt><dd>%s</dd>"):format(label, escape(value)) end
    end
    row("Created", date(job.creationTime))
    row("Ended", date(job.endTime))
    row("Last change", not job.endTime and date(job.lastModifiedTime) or nil)
    row("Custom model", job.outputModelName)
    row("Its ARN", job.outputModelArn)
    row("Job", job.jobArn)
    row("Role", job.roleArn)
    row("Output", uri(job.outputDataConfig))
    local metrics = job.metrics or {}
    row("Training loss", of_series(metrics.training))
    row("Validation loss", of_series(metrics.validation))
    if #one.validations > 1 then
      local sets = {}
      for i, loss in ipairs(one.validations) do sets[i] = ("set %d: %s"):format(i, display.loss(loss)) end
      row("By set", table.concat(sets, ", "))
    end
    local tags = {}
    for _, tag in ipairs(job.tags or {}) do
      if type(tag) == "table" then tags[#tags + 1] = ("<li>%s = %s</li>"):format(escape(tag.key), escape(tag.value)) end
    end
    if #tags > 0 then rows[#rows + 1] = ('<dt>Tags</dt><dd><ul class="tags">%s</ul></dd>'):format(table.concat(tags)) end
    local reason, failure = job.failureMessage, ""
    if reason ~= nil and reason ~= "" then
      failure = ('<p class="failure"><b>%s</b> %s</p>'):format(escape((status_word(one):gsub("^%l", string.upper))), escape(reason))
    end
    out[#out + 1] = ('<article><h3 class="who">%s<span class="name">%s</span></h3>%s<dl>%s</dl></article>'):format(badge(one),
      escape(one.name), failure, table.concat(rows))
  end
  return '<section><h2>Details</h2><div class="details">' .. table.concat(out) .. "</div></section>"
end

local PAGE = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@TITLE</title>
<style>
@STYLE</style>
</head>
<body>
<header><h1>@TITLE</h1><p class="soft">@ABOUT</p></header>
<main>
@BODY
</main>
</body>
</html>
]]

--- The page. The argument is right (`check`).
---@param options bedrock.tuning.ReportOptions
---@return string html
function report.build(options)
  local now = options.time or os.time()
  local list = {}
  for i, job in ipairs(options.jobs) do list[i] = collect(job, i, now) end
  local title = options.title or "Fine-tuning jobs"
  local body = {}
  if #list > 0 then
    body = { overview(list), curves(list), times(list, now), settings(list), details(list) }
  else
    body[1] = "<section><p>There are no jobs in this report.</p></section>"
  end
  return (PAGE:gsub("@(%a+)", {
    TITLE = escape(title), STYLE = style, BODY = table.concat(body, "\n"),
    ABOUT = ("%s, as of %s"):format(#list == 1 and "1 job" or ("%d jobs"):format(#list), escape(date(now))),
  }))
end

--- Write the page. The argument is right (`check`), and has a path.
---@param options bedrock.tuning.ReportOptions
---@return true|nil ok
---@return bedrock.Error? err  FileError
function report.write(options)
  local ok, message = native.load("bedrock.system").write_file(options.path, report.build(options))
  if ok then return true end
  return nil, errors.new { code = "FileError", retryable = false, message = "the report can't be written: " .. display.clean(message) }
end

return report
