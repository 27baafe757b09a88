--- tuning.progress: how jobs get on, in a terminal or in a log.
--
-- In a terminal there is a line for each job, redrawn in place. The cursor always rests below them, at the beginning of a line, so
-- that nothing has to be put in order at the end, however that comes. Elsewhere a line is written when something has changed.

local display = require "bedrock.tuning.display"
local native = require "bedrock.native"
local option_check = require "bedrock.tuning.options"
local shared_files = require "bedrock.shared_files"
local stages = require "bedrock.tuning.stages"

local progress = {}

---@class bedrock.tuning.ProgressOptions
---@field output? table|userdata  what has `write`; io.stderr if not given, so that it stays apart from a program's results
---@field terminal? boolean  redraw; found out if not given: whether output is a terminal, and TERM is not "dumb"
---@field width? integer  columns; COLUMNS, the terminal's, or 80 if not given
---@field color? boolean  if not given, in a terminal where NO_COLOR is not set
---@field ascii? boolean  without it as the locale is
---@field combined? boolean  one line for all jobs; it is so anyway when there are more than the terminal has lines
---@field environment? table<string, string>  the process's if not given
---@field now? fun(): number  seconds since 1970, for answers of client:wait, which have no times; os.time if not given

local function is_output(value)
  if option_check.has_method(value, "write") then return nil end
  return "must be an open file, or what has a method write"
end

local OPTIONS = { output = is_output, terminal = "boolean", width = option_check.whole(1), color = "boolean", ascii = "boolean",
  combined = "boolean", environment = "table", now = "function" }

local WIDTH, ROWS = 80, 24
local SHORTEST_BAR, LONGEST_BAR = 8, 16
local LONGEST_NAME = 32

local UNICODE = { running = "▸", Completed = "✓", Failed = "✗", Stopped = "■", full = "█", empty = "░", more = "…" }
local ASCII = { running = ">", Completed = "+", Failed = "x", Stopped = "-", full = "#", empty = ".", more = "..." }
local COLORS = { running = 36, Completed = 32, Failed = 31, Stopped = 33 }

--- Look for mistakes in options.
---@param options any
---@return string|nil problem
function progress.check_options(options)
  return option_check.problem(options, OPTIONS, "progress")
end

---------------------------------------------------------------------------------------------------------------------
-- In words
---------------------------------------------------------------------------------------------------------------------

local function losses(job)
  local training, validation = display.final_losses(job)
  local text = training and ", training loss " .. display.loss(training) or ""
  for _, loss in ipairs(validation) do text = text .. ", validation loss " .. display.loss(loss) end
  return text
end

-- How a job ended.
local function ending(entry)
  local job = entry.job
  local text = display.status_words[job.status]
  if job.status == "Completed" then
    return text .. (entry.elapsed and " in " .. display.duration(entry.elapsed) or "") .. losses(job)
  end
  if entry.stage then text = text .. " in " .. display.stage_words[entry.stage] end
  return text .. (entry.elapsed and " after " .. display.duration(entry.elapsed) or "")
end

-- Where a job is.
local function place(entry)
  local status = entry.job.status
  if status ~= nil and status ~= "InProgress" then return display.status_words[status] or display.clean(status, true) end
  local stage = entry.stage and display.stage_words[entry.stage]
  if not stage then return status == nil and "created" or "in progress" end
  return (entry.started == false and "waiting for " or "") .. stage
end

local function left_of(entry)
  local left = entry.estimate and entry.estimate.left
  return display.is_finite(left) and display.rough(left) .. " left" or nil
end

local function share_of(entry)
  local share = entry.estimate and entry.estimate.share
  return display.is_finite(share) and math.max(0, math.min(share, 1)) or nil
end

---------------------------------------------------------------------------------------------------------------------
-- A terminal's lines
---------------------------------------------------------------------------------------------------------------------

-- What is drawn: pieces { text, color? }, and their width.
local function line_of(pieces)
  local columns = 0
  for _, piece in ipairs(pieces) do columns = columns + display.width(piece[1]) end
  return { pieces = pieces, width = columns }
end

local function bar(share, columns, glyphs)
  local full = math.floor(share * columns)
  return { glyphs.full:rep(full), COLORS.running }, { glyphs.empty:rep(columns - full) }
end

-- The most of it that fits: with a bar, without it, with less of the times, and at last cut. The bar comes before what changes its
-- length, so that it stays where it is.
local function running_line(mark, name, where, share, elapsed, left, width, glyphs)
  local percent = share and ("  %3d%%"):format(math.floor(share * 100)) or ""
  local texts = { table.concat({ where, elapsed and left and elapsed .. ", " .. left or elapsed or left }, "  "),
    table.concat({ where, left or elapsed }, "  "), where }
  for _, text in ipairs(share and texts or {}) do
    local room = width - line_of({ mark, { name .. percent .. "  " .. text } }).width - 2
    if room >= SHORTEST_BAR then
      local done, open = bar(share, math.min(room, LONGEST_BAR), glyphs)
      return line_of { mark, { name .. "  " }, done, open, { percent .. "  " .. text } }
    end
  end
  local choices = { name .. percent .. "  " .. texts[1], name .. percent .. "  " .. texts[2], name .. percent .. "  " .. where,
    name .. "  " .. where }
  for _, text in ipairs(choices) do
    local line = line_of { mark, { text } }
    if line.width <= width then return line end
  end
  local columns = width - display.width(mark[1])
  if columns < 1 then return line_of { { display.cut(mark[1], width, "") } } end
  return line_of { mark, { display.fit(choices[4], columns, glyphs.more) } }
end

local function job_line(entry, name_width, width, glyphs)
  local kind = stages.ends[entry.job.status] and entry.job.status or "running"
  local name = display.fit(entry.name, name_width, glyphs.more)
  name = name .. (" "):rep(name_width - display.width(name))
  local mark = { glyphs[kind] .. " ", COLORS[kind] }
  if kind ~= "running" then
    if width <= 2 then return line_of { { display.cut(glyphs[kind], width, ""), COLORS[kind] } } end
    return line_of { mark, { display.cut(name .. "  " .. ending(entry), width - 2, glyphs.more) } }
  end
  return running_line(mark, name, place(entry), share_of(entry),
    entry.elapsed and display.duration(entry.elapsed), left_of(entry), width, glyphs)
end

local function combined_line(entries, width, glyphs)
  local counts, order, sum, known, left, elapsed = {}, {}, 0, true, nil, nil
  local over = 0
  for _, entry in ipairs(entries) do
    local where = place(entry)
    if not counts[where] then
      counts[where] = 0
      order[#order + 1] = where
    end
    counts[where] = counts[where] + 1
    if stages.ends[entry.job.status] then
      over, sum = over + 1, sum + 1
    else
      local share = share_of(entry)
      sum, known = sum + (share or 0), known and share ~= nil
      if entry.estimate and display.is_finite(entry.estimate.left) then left = math.max(left or 0, entry.estimate.left) end
    end
    if entry.elapsed then elapsed = math.max(elapsed or 0, entry.elapsed) end
  end
  for i, where in ipairs(order) do order[i] = ("%d %s"):format(counts[where], where) end
  local kind = over < #entries and "running" or "Completed"
  return running_line({ glyphs[kind] .. " ", COLORS[kind] }, ("%d jobs"):format(#entries), table.concat(order, ", "),
    over < #entries and known and sum / #entries or nil, elapsed and display.duration(elapsed),
    left and display.rough(left) .. " left", width, glyphs)
end

---------------------------------------------------------------------------------------------------------------------
-- Hearing of jobs
---------------------------------------------------------------------------------------------------------------------

-- An answer of client:wait as an event.
local function event_of(answer, poll, now)
  local created, stage = answer.creationTime, display.stage(answer)
  local finish = answer.endTime or (stages.ends[answer.status] and answer.lastModifiedTime) or now()
  return { type = "poll", job = answer, stage = stage, poll = poll,
    elapsed = display.is_finite(created) and display.is_finite(finish) and math.max(finish - created, 0) or nil }
end

--- Make one. The options are right (`check_options`).
---@param options bedrock.tuning.ProgressOptions|nil
---@return fun(event: table, poll: integer|nil) on_progress
function progress.new(options)
  options = options or {}
  local output = options.output or io.stderr
  local environment = options.environment or shared_files.process_environment
  local now = options.now or os.time
  local is_file = io.type(output) == "file"

  -- Asked before each drawing, as windows change.
  local function size()
    if not is_file then return nil end
    return native.load("bedrock.system").terminal_size(output)
  end

  local redraw = options.terminal
  if redraw == nil then redraw = environment.TERM ~= "dumb" and size() ~= nil end
  local color = options.color
  if color == nil then color = redraw and environment.TERM ~= "dumb" and (environment.NO_COLOR or "") == "" end
  local ascii = options.ascii
  if ascii == nil then ascii = not display.is_utf8_locale(environment) end
  local glyphs = ascii and ASCII or UNICODE

  local entries, by_arn, by_index, drawn = {}, {}, {}, 0

  local function write(text)
    output:write(text)
    if output.flush then output:flush() end
  end

  local function entry_of(event)
    local job = event.job
    local arn = type(job.jobArn) == "string" and job.jobArn or type(job.jobName) == "string" and job.jobName or nil
    local entry = arn and by_arn[arn]
    if not entry and event.index then
      entry = by_index[event.index]
      if entry and entry.arn and arn then entry = nil end -- the index is another job's by now
    end
    if not entry then
      entry = {}
      entries[#entries + 1] = entry
    end
    if arn then entry.arn, by_arn[arn] = arn, entry end
    if event.index then by_index[event.index] = entry end
    return entry
  end

  local function all_over()
    for _, entry in ipairs(entries) do
      if not stages.ends[entry.job.status] then return false end
    end
    return true
  end

  local function render(line)
    local out = {}
    for _, piece in ipairs(line.pieces) do
      out[#out + 1] = color and piece[2] and piece[1] ~= "" and ("\27[%dm%s\27[0m"):format(piece[2], piece[1]) or piece[1]
    end
    return (table.concat(out):gsub(" +$", ""))
  end

  local function lines_now()
    local columns, rows = size()
    local width = options.width or display.columns(environment) or (columns or 0) > 0 and columns or WIDTH
    width = math.max(width - 1, 1) -- the last column makes some terminals begin a new line
    rows = (rows or 0) > 1 and rows or ROWS
    if #entries > 1 and (options.combined or #entries > rows - 1) then return { render(combined_line(entries, width, glyphs)) } end
    local name_width, lines = 0, {}
    for _, entry in ipairs(entries) do name_width = math.max(name_width, display.width(entry.name)) end
    name_width = math.max(math.min(name_width, LONGEST_NAME, math.floor(width / 2)), 1)
    for i, entry in ipairs(entries) do lines[i] = render(job_line(entry, name_width, width, glyphs)) end
    return lines
  end

  -- Over what was drawn before: a message, which stays, and below it the lines of the jobs.
  local function draw(message)
    local lines = lines_now()
    local out = { drawn > 0 and ("\27[%dA"):format(drawn) or "" }
    -- A message may take several lines of the terminal, and what it leaves of the old ones would stand beside it.
    if message or drawn > #lines then out[#out + 1] = "\r\27[J" end
    if message then out[#out + 1] = message .. "\n" end
    for _, line in ipairs(lines) do out[#out + 1] = "\r\27[K" .. line .. "\n" end
    drawn = #lines
    write(table.concat(out))
  end

  local function message_of(event, entry)
    local message = event.message
    if message == nil and (event.type == "created" or event.type == "resumed") and not redraw then message = event.type end
    local reason = entry and entry.job.failureMessage
    -- In full and apart: the job's own line may be too short for it.
    if message == nil and entry and stages.ends[entry.job.status] and type(reason) == "string" and reason ~= "" then message = reason end
    if message == nil then return nil end
    message = display.clean(message, ascii)
    if entry and message:sub(1, #entry.name) ~= entry.name then message = entry.name .. ": " .. message end
    if event.type == "warning" or event.type == "stalled" then message = event.type .. ": " .. message end
    local teller = entry or entries
    if message == teller.said then return nil end
    teller.said = message
    return message
  end

  local function hear(event, poll)
    if type(event) ~= "table" then
      error("progress hears events of tuning.run and tuning.watch, or answers; got " .. type(event), 2)
    end
    if event.type == nil then event = event_of(event, poll, now) end
    local entry
    if type(event.job) == "table" then
      if redraw and #entries > 0 and all_over() and not by_arn[event.job.jobArn or event.job.jobName or 0] then
        -- Those lines stay as they are; new ones begin below them.
        entries, by_arn, by_index, drawn = {}, {}, {}, 0
      end
      entry = entry_of(event)
      local known = entry.job
      entry.job = event.job
      entry.name = event.job.jobName == nil and known and known.jobName and entry.name or display.name(event.job, ascii)
      entry.stage = display.stage_words[event.stage] and event.stage or entry.stage
      if event.started ~= nil then entry.started = event.started end
      entry.elapsed = display.is_finite(event.elapsed) and event.elapsed or entry.elapsed
      entry.estimate = type(event.estimate) == "table" and event.estimate or nil
    end
    local message = message_of(event, entry)
    if redraw then
      if message or entry then draw(message) end
      return
    end
    local lines = {}
    if entry and event.type ~= "created" and event.type ~= "resumed" then
      local status = entry.job.status
      local state = stages.ends[status] and status or place(entry)
      if state ~= entry.state then
        entry.state = state
        local text
        if stages.ends[status] then
          text = ending(entry)
        else
          text = place(entry) .. (entry.elapsed and ", after " .. display.duration(entry.elapsed) or "")
            .. (left_of(entry) and ", " .. left_of(entry) or "")
        end
        lines[#lines + 1] = entry.name .. ": " .. text
      end
    end
    lines[#lines + 1] = message
    if #lines > 0 then write(table.concat(lines, "\n") .. "\n") end
  end
  return hear
end

return progress
