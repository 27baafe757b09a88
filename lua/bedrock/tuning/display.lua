--- What progress, charts and reports have in common: texts that are safe to show, numbers and times in words, and the stages of
-- a job.
--
-- Names and messages come from elsewhere. What is shown of them is well-formed UTF-8 without control characters, and without
-- those that change the direction of writing, so that a text can neither move a terminal's cursor nor pose as another one.

local stages = require "bedrock.tuning.stages"

local display = {}

local REPLACEMENT = "\239\191\189" -- U+FFFD

-- The character at a position: its length in bytes and its number; nil where the bytes are not well-formed UTF-8.
local function decode(text, position)
  local a, b, c, d = text:byte(position, position + 3)
  local function tail(byte) return byte and byte >= 0x80 and byte < 0xC0 end
  if a < 0x80 then return 1, a end
  if a < 0xC2 or a > 0xF4 or not tail(b) then return nil end
  if a < 0xE0 then return 2, (a - 0xC0) * 64 + b - 0x80 end
  if not tail(c) then return nil end
  if a < 0xF0 then
    local code = (a - 0xE0) * 4096 + (b - 0x80) * 64 + c - 0x80
    if code < 0x800 or (code >= 0xD800 and code < 0xE000) then return nil end
    return 3, code
  end
  if not tail(d) then return nil end
  local code = (a - 0xF0) * 262144 + (b - 0x80) * 4096 + (c - 0x80) * 64 + d - 0x80
  if code < 0x10000 or code > 0x10FFFF then return nil end
  return 4, code
end

local function is_control(code)
  return code < 0x20 or (code >= 0x7F and code < 0xA0) or code == 0x061C or code == 0x200E or code == 0x200F
    or (code >= 0x202A and code <= 0x202E) or (code >= 0x2066 and code <= 0x2069)
end

local blank = { [0x09] = true, [0x0A] = true, [0x0D] = true, [0x2028] = true, [0x2029] = true }

-- The text's characters outside of plain ASCII by what `change` gives for each (nil: as it is).
local function map(text, change)
  if not text:find("[^\32-\126]") then return text end
  local out, position = {}, 1
  while position <= #text do
    local plain = text:match("^[\32-\126]+", position)
    if plain then
      out[#out + 1] = plain
      position = position + #plain
    else
      local length, code = decode(text, position)
      length = length or 1
      out[#out + 1] = change(code) or text:sub(position, position + length - 1)
      position = position + length
    end
  end
  return table.concat(out)
end

--- A text as it may be shown, on one line.
---@param value any
---@param ascii? boolean  "?" for all that is not ASCII
---@return string
function display.clean(value, ascii)
  local text = map(tostring(value), function(code)
    if blank[code] then return " " end
    if not code or is_control(code) then return ascii and "?" or REPLACEMENT end
    return ascii and "?" or nil
  end)
  return text
end

-- Characters that take two columns of a terminal (East Asian Wide and Fullwidth, pictures), and such that take none.
local WIDE = { { 0x1100, 0x115F }, { 0x2E80, 0xA4CF }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F },
  { 0xFF00, 0xFF60 }, { 0xFFE0, 0xFFE6 }, { 0x1F300, 0x1FAFF }, { 0x20000, 0x3FFFD } }
local NARROW = { { 0x0300, 0x036F }, { 0x200B, 0x200D }, { 0xFE00, 0xFE0F }, { 0xFEFF, 0xFEFF } }

local function within(code, ranges)
  for _, range in ipairs(ranges) do
    if code >= range[1] and code <= range[2] then return true end
  end
  return false
end

--- How many columns of a terminal a text takes.
---@param text string  as `clean` gives it
---@return integer
function display.width(text)
  local columns = 0
  map(text .. "\127", function(code) -- the last one makes map walk texts in plain ASCII, too
    columns = columns + (within(code, WIDE) and 2 or within(code, NARROW) and 0 or 1)
  end)
  for plain in text:gmatch("[\32-\126]+") do columns = columns + #plain end
  return columns - 1
end

-- The characters of a text.
local function characters(text)
  local list, position = {}, 1
  while position <= #text do
    local length = decode(text, position) or 1
    list[#list + 1] = text:sub(position, position + length - 1)
    position = position + length
  end
  return list
end

--- A text cut to a number of columns.
---@param text string  as `clean` gives it
---@param columns integer  1 or more
---@param mark string  stands for what is left out
---@return string
function display.cut(text, columns, mark)
  if display.width(text) <= columns then return text end
  local room, out = columns - display.width(mark), {}
  if room < 1 then mark, room = "", columns end
  for _, character in ipairs(characters(text)) do
    room = room - display.width(character)
    if room < 0 then break end
    out[#out + 1] = character
  end
  return table.concat(out) .. mark
end

--- A text cut to a number of columns, its middle left out: names differ at their end more often than there.
---@param text string  as `clean` gives it
---@param columns integer  1 or more
---@param mark string  stands for what is left out
---@return string
function display.fit(text, columns, mark)
  if display.width(text) <= columns then return text end
  local room = columns - display.width(mark)
  if room < 2 then return display.cut(text, columns, mark) end
  local list, used = characters(text), 0
  local first, last = 1, #list
  local head, tail = {}, {}
  while first <= last do
    local from_head = #head <= #tail
    local piece = from_head and list[first] or list[last]
    used = used + display.width(piece)
    if used > room then break end
    if from_head then
      head[#head + 1] = piece
      first = first + 1
    else
      table.insert(tail, 1, piece)
      last = last - 1
    end
  end
  return table.concat(head) .. mark .. table.concat(tail)
end

-- What stands for the decimal point in the locale of this moment: one byte or more.
local function decimal_point() return ("%.1f"):format(0.5):sub(2, -2) end

--- A number by a format of C, with a point whatever the locale says.
---@param format string
---@param value number
---@return string
function display.number(format, value)
  local text, point = format:format(value), decimal_point()
  if point == "." then return text end
  local first, last = text:find(point, 1, true)
  return first and text:sub(1, first - 1) .. "." .. text:sub(last + 1) or text
end

--- The number that a text with a point is, whatever the locale says.
---@param text string
---@return number|nil
function display.to_number(text)
  return tonumber(text) or tonumber((text:gsub("%.", decimal_point())))
end

--- Whether a value is a number that can be drawn.
---@param value any
---@return boolean
function display.is_finite(value)
  return type(value) == "number" and value == value and value < math.huge and value > -math.huge
end

--- A loss, at a precision that tells two of them apart.
---@param value number
---@return string
function display.loss(value)
  if value ~= value then return "NaN" end
  if not display.is_finite(value) then return value > 0 and "infinite" or "-infinite" end
  local size = math.abs(value)
  return display.number((size >= 1000 or (size < 0.001 and size > 0)) and "%.3g" or "%.4f", value)
end

--- A whole number with commas between thousands.
---@param value number
---@return string
function display.count(value)
  local digits = ("%.0f"):format(value)
  local sign, rest = digits:match("^(%-?)(%d+)$")
  if not rest then return digits end
  return sign .. rest:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
end

local UNITS = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } }

--- A time span in words, its two largest units.
---@param seconds number
---@return string  "45 s", "12 min 30 s", "1 h", "3 d 4 h"
function display.duration(seconds)
  if not display.is_finite(seconds) then return "?" end
  local s = math.floor(math.max(seconds, 0))
  for i, unit in ipairs(UNITS) do
    if s >= unit[1] or i == #UNITS then
      local text = ("%.0f %s"):format(math.floor(s / unit[1]), unit[2])
      local smaller = UNITS[i + 1]
      local rest = smaller and math.floor(s % unit[1] / smaller[1]) or 0
      return rest > 0 and ("%s %d %s"):format(text, rest, smaller[2]) or text
    end
  end
end

--- A time span that is only guessed, in words.
---@param seconds number
---@return string  "under a minute", "about 12 min", "about 1 h 5 min"
function display.rough(seconds)
  if not display.is_finite(seconds) then return "?" end
  if seconds < 60 then return "under a minute" end
  return "about " .. display.duration(seconds < 3600 and math.floor(seconds / 60 + 0.5) * 60 or seconds)
end

--- A stage's name in words.
---@type table<string, string>
display.stage_words = { validation = "validation", dataProcessing = "data processing", training = "training" }

--- A status in words.
---@type table<string, string>
display.status_words = { InProgress = "in progress", Completed = "completed", Failed = "failed", Stopping = "stopping",
  Stopped = "stopped", NotStarted = "not started" }

--- The stages of a job, as far as the service tells of them.
---@param job table  what GetModelCustomizationJob gives
---@return {name: string, status: string, start: number|nil, finish: number|nil}[] stages  finish: as last modified
function display.stages(job)
  local list = {}
  local details = type(job.statusDetails) == "table" and job.statusDetails or {}
  for _, name in ipairs(stages.names) do
    local detail = details[name .. "Details"]
    if type(detail) == "table" and detail.status ~= nil then
      local function time(member) return display.is_finite(detail[member]) and detail[member] or nil end
      list[#list + 1] = { name = name, status = tostring(detail.status), start = time "creationTime",
        finish = time "lastModifiedTime" }
    end
  end
  return list
end

--- The stage where a job is, or was when it ended.
---@param job table
---@return string|nil name
function display.stage(job)
  local last
  for _, stage in ipairs(display.stages(job)) do
    if stage.status ~= "NotStarted" then last = stage.name end
  end
  return last
end

--- The final losses of a job or a model, as far as the service tells of them.
---@param job table  what GetModelCustomizationJob or GetCustomModel gives
---@return number|nil training
---@return number[] validation  one for each validator
function display.final_losses(job)
  local function number(metric, member)
    local value = type(metric) == "table" and metric[member]
    return display.is_finite(value) and value or nil
  end
  local validation = {}
  for _, metric in ipairs(type(job.validationMetrics) == "table" and job.validationMetrics or {}) do
    validation[#validation + 1] = number(metric, "validationLoss")
  end
  return number(job.trainingMetrics, "trainingLoss"), validation
end

--- What a job, or a model, is called.
---@param job table
---@param ascii? boolean
---@return string
function display.name(job, ascii)
  local name = job.jobName or job.modelName or (type(job.jobArn) == "string" and job.jobArn:match("[^/]*$")) or job.name
  return display.clean(name or "job", ascii)
end

--- Whether the locale that an environment asks for is one of UTF-8.
---@param environment table<string, string>
---@return boolean
function display.is_utf8_locale(environment)
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = environment[name]
    if type(value) == "string" and value ~= "" then return value:lower():find("utf%-?8") ~= nil end
  end
  return false
end

--- How wide the user says that the terminal is.
---@param environment table<string, string>
---@return integer|nil columns
function display.columns(environment)
  local text = environment.COLUMNS
  local columns = type(text) == "string" and text:find("^%d%d?%d?%d?$") and tonumber(text)
  return columns and columns > 0 and columns or nil
end

return display
