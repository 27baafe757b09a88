--- tuning.metrics: the losses of a job, from the service's answer and from the CSV files that the job leaves in S3.
--
-- Files are read piece by piece, and of each a fixed number of points is kept (series.lua), so that a file of any length takes
-- the same memory. What can't be read ends the reading with its line: a curve with holes that nobody sees would be worse.

local display = require "bedrock.tuning.display"
local errors = require "bedrock.errors"
local option_check = require "bedrock.tuning.options"
local series = require "bedrock.tuning.series"
local trim = require("bedrock.protocol.text").trim

local metrics = {}

---@class bedrock.tuning.MetricsOptions
---@field training? string|table|userdata  step_wise_training_metrics.csv: a path, its text (known by a line feed), or what has `read`
---@field validation? string|table|userdata  validation_metrics.csv, likewise
---@field points? integer  how many points of each series are kept at most: 2000 if not given, 10 at least

---@class bedrock.tuning.Metrics
---@field name? string  the job's or the model's
---@field training_loss? number  the final one, as the service tells it
---@field validation_losses number[]  the final ones, one for each validator
---@field training? bedrock.tuning.Series  from the file
---@field validation? bedrock.tuning.Series

local POINTS, PIECE = 2000, 64 * 1024
local LONGEST = 64 * 1024 -- bytes of a line: whatever has longer ones is no table of numbers
local BOM = "\239\187\191"
local MOST_IN_PATTERN = 64 -- columns: Lua's patterns give up at some two hundred

local function is_source(value)
  if type(value) == "string" or option_check.has_method(value, "read") then return nil end
  return "must be a path, a text, or an open file"
end

local OPTIONS = { training = is_source, validation = is_source, points = option_check.whole(10) }

--- Look for mistakes in the arguments of `read`.
---@param source any
---@param options any
---@return string|nil problem
function metrics.check(source, options)
  if source ~= nil and type(source) ~= "table" then
    return "metrics takes a job or a custom model, or nil; got " .. type(source)
  end
  return option_check.problem(options, OPTIONS, "metrics")
end

-- A number whatever the locale's decimal sign is; "NaN" and "inf" as Python, Java and C write them. Nil for what is none.
local function to_number(text)
  local number = tonumber(text)
  -- The quick way; some Luas read "nan", most read "0x10", and 5.1 what stands before a NUL.
  if number and not text:find("[xXnN%z]") then return number end
  if text:find("^[+-]?%.?%d") and not text:find("[xX%z]") then return display.to_number(text) end
  local sign, word = text:lower():match("^([+-]?)(%a+)$")
  if word == "nan" then return 0 / 0 end
  if word == "inf" or word == "infinity" then return sign == "-" and -math.huge or math.huge end
end

-- Fields of a line with quotes in it; nil and what is wrong.
local function split_quoted(line)
  local fields, position = {}, 1
  repeat
    local start = line:match('^%s*"()', position)
    if start then
      local text = {}
      while true do
        local quote = line:find('"', start, true)
        if not quote then return nil, "a quoted field that does not end" end
        text[#text + 1] = line:sub(start, quote - 1)
        start = quote + 1
        if line:sub(start, start) ~= '"' then break end
        text[#text + 1] = '"'
        start = start + 1
      end
      position = line:match("^%s*()", start)
      fields[#fields + 1] = table.concat(text)
      if position <= #line and line:sub(position, position) ~= "," then return nil, "text after a quoted field" end
    else
      local comma = line:find(",", position, true) or #line + 1
      fields[#fields + 1] = line:sub(position, comma - 1)
      position = comma
    end
    position = position + 1
  until position > #line + 1
  return fields
end

local function fields_text(count, header)
  return ("has %d %s, line %d has %d"):format(count, count == 1 and "field" or "fields", header.line, header.count)
end

-- Where bytes come from: a function that gives the next ones, nil at the end, nil and a message in trouble; a name for
-- messages; and what to call at the end.
local function open(source, what)
  if type(source) == "string" then
    if source:find("\n", 1, true) then
      local given = false
      return function()
        if given then return nil end
        given = true
        return source
      end, what
    end
    local name = display.clean(source)
    if source:find("%z") then return nil, name .. ": the name of a file has a NUL byte in it" end
    local file, message = io.open(source, "rb")
    if not file then return nil, display.clean(message) end
    return function() return file:read(PIECE) end, name, function() file:close() end
  end
  return function() return source:read(PIECE) end, what
end

-- The file's lines without their ends, one with each call, and its number; where a quoted field goes over several, they are one,
-- with the number of the first. At the end nil alone; in trouble nil and a message.
local function lines_of(read)
  local buffer, position, number, ended = "", 1, 0, false
  local function physical()
    while true do
      local feed = buffer:find("\n", position, true)
      if (feed or #buffer) - position > LONGEST then return nil, ("line %d is longer than %d bytes"):format(number + 1, LONGEST) end
      if feed then
        local line = buffer:sub(position, buffer:byte(feed - 1) == 13 and feed - 2 or feed - 1)
        position, number = feed + 1, number + 1
        return line
      end
      if ended then
        if position > #buffer then return nil end
        local line = buffer:sub(position):gsub("\r$", "")
        position, number = #buffer + 1, number + 1
        return line
      end
      local piece, message = read()
      if piece == nil and message ~= nil then return nil, display.clean(message) end
      if piece ~= nil and type(piece) ~= "string" then return nil, "what was read is no text, but a " .. type(piece) end
      ended = piece == nil or piece == ""
      buffer, position = buffer:sub(position) .. (piece or ""), 1
    end
  end
  return function()
    local line, message = physical()
    if not line then return nil, message end
    if not line:find('"', 1, true) then return line, number end
    local first, pieces, length, quotes = number, { line }, #line, select(2, line:gsub('"', ""))
    while quotes % 2 == 1 do
      line, message = physical()
      if message then return nil, message end
      if not line or length > LONGEST then return nil, ("line %d has a quoted field that does not end"):format(first) end
      pieces[#pieces + 1] = line
      length, quotes = length + #line + 1, quotes + select(2, line:gsub('"', ""))
    end
    return table.concat(pieces, "\n"), first
  end
end

-- Which columns there are, and a pattern that takes step, epoch, loss and perplexity out of a line without quotes; no pattern
-- where there are very many columns.
local function read_header(line, column)
  if line:find("%z") or line:find("^\255\254") or line:find("^\254\255") then
    return nil, "is no text in UTF-8 (is it UTF-16, or compressed?)"
  elseif line:find "\r" then
    return nil, "has carriage returns in it: lines must end with line feeds"
  end
  local fields, problem = split_quoted(line)
  if not fields then return nil, "has " .. problem end
  local wanted = { step_number = "step", epoch_number = "epoch", [column] = "loss", perplexity = "perplexity" }
  local at, names = {}, {}
  for i, field in ipairs(fields) do
    local name = trim(field):lower()
    names[i] = name
    local role = wanted[name]
    if role and at[role] then return nil, "has two columns " .. name end
    if role then at[role] = i end
  end
  if not at.loss then
    local other = #names == 1 and names[1]:match "[;\t|]"
    return nil, ("has no column %s; it has %s%s"):format(column, display.fit(display.clean(table.concat(names, ", ")), 200, "..."),
      other and " (columns must be separated by commas)" or errors.did_you_mean(column, names))
  end
  local order, pattern, roles = {}, {}, {}
  for role, i in pairs(at) do order[i] = role end
  for i = 1, #fields do
    pattern[i] = order[i] and "([^,]*)" or "[^,]*"
    if order[i] then roles[#roles + 1] = order[i] end
  end
  return { at = at, names = names, count = #fields, roles = roles,
    pattern = #fields <= MOST_IN_PATTERN and "^" .. table.concat(pattern, ",") .. "(.*)$" or nil }
end

local function read_file(source, what, points)
  local column = what .. "_loss"
  local read, name, close = open(source, what)
  local function fail(message)
    if close then close() end
    return nil, errors.new { code = "FileError", retryable = false, message = message }
  end
  if not read then return fail(name) end
  local next_line = lines_of(read)

  local header
  while not header do
    local line, number = next_line()
    if not line then return fail(("%s: %s"):format(name, number or "is empty: there is not even a line of column names")) end
    line = line:gsub("^" .. BOM, "")
    if line:find "%S" then
      local problem
      header, problem = read_header(line, column)
      if not header then return fail(("%s: line %d %s"):format(name, number, problem)) end
      header.line = number
    end
  end

  local add, finish = series.new(points)
  local at, missing, rows = header.at, 0, 0
  local pattern, roles = header.pattern, header.roles
  -- Where each role's text is among the captures.
  local place = {}
  for i, role in ipairs(roles) do place[role] = i end
  local step_at, epoch_at, loss_at, perplexity_at = place.step, place.epoch, place.loss, place.perplexity
  local captures = {}

  local function take(line)
    if pattern and not line:find('"', 1, true) then
      captures[1], captures[2], captures[3], captures[4], captures[5] = line:match(pattern)
      local rest = captures[#roles + 1]
      if rest and (rest == "" or rest:find("^,%s*$")) then return true end
      local _, commas = line:gsub(",", "")
      return false, fields_text(commas + 1, header)
    end
    local fields, problem = split_quoted(line)
    if not fields then return false, "has " .. problem end
    if #fields ~= header.count then return false, fields_text(#fields, header) end
    for i, role in ipairs(roles) do captures[i] = fields[at[role]] end
    return true
  end

  -- The number in a column; nil where it is blank. What is none ends the reading.
  local problem
  local function number_at(i)
    local text = captures[i]
    local number = to_number(text)
    if number then return number end
    text = trim(text)
    if text == "" then return nil end
    number = to_number(text)
    if not number and not problem then
      problem = ("column %s is %q, which is no number"):format(header.names[at[roles[i]]], display.fit(display.clean(text), 40, "..."))
    end
    return number
  end

  while true do
    local line, at_line = next_line()
    if not line and at_line then return fail(("%s: %s"):format(name, at_line)) end
    if not line then break end
    if line:find "%S" then
      local ok, message = take(line)
      if not ok then return fail(("%s: line %d %s"):format(name, at_line, message)) end
      local loss = number_at(loss_at)
      local step = step_at and number_at(step_at)
      if not step_at then step = rows end
      local epoch = epoch_at and number_at(epoch_at)
      local perplexity = perplexity_at and number_at(perplexity_at)
      if step and not display.is_finite(step) and not problem then
        problem = ("column %s is no finite number"):format(header.names[at.step])
      end
      if problem then return fail(("%s: line %d: %s"):format(name, at_line, problem)) end
      rows = rows + 1
      if loss and step then
        add(step, loss, epoch or nil, perplexity or nil)
      else
        missing = missing + 1
      end
    end
  end
  if close then close() end
  local found = finish()
  found.missing = missing
  return found
end

--- Read what there is. The arguments are right (`check`).
---@param source table|nil
---@param options bedrock.tuning.MetricsOptions|nil
---@return bedrock.tuning.Metrics|nil found
---@return bedrock.Error? err  FileError: names the file and the line
function metrics.read(source, options)
  source, options = source or {}, options or {}
  local found = {}
  if source.jobName or source.modelName then found.name = display.name(source) end
  found.training_loss, found.validation_losses = display.final_losses(source)
  for _, what in ipairs { "training", "validation" } do
    if options[what] ~= nil then
      local err
      found[what], err = read_file(options[what], what, options.points or POINTS)
      if err then return nil, err end
    end
  end
  return found
end

return metrics
