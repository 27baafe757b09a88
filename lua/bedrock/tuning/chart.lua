--- tuning.chart: losses as a picture of characters.
--
-- Lines are made of braille patterns, two by four dots in each character; where the terminal can't show those, of ASCII. The
-- first series is a plain line, the others have marks of their own, so that no colour is needed to tell them apart.

local axis = require "bedrock.tuning.axis"
local display = require "bedrock.tuning.display"
local option_check = require "bedrock.tuning.options"
local series = require "bedrock.tuning.series"
local shared_files = require "bedrock.shared_files"

local chart = {}

---@class bedrock.tuning.ChartOptions
---@field width? integer  columns in all; COLUMNS, or 80, if not given; 30 to 1000
---@field height? integer  lines of the chart itself, 14 if not given; 3 to 1000
---@field color? boolean  colours by ANSI sequences; none if not given
---@field ascii? boolean  without it as the locale is
---@field environment? table<string, string>  the process's if not given

local NARROWEST, WIDEST = 30, 1000
local LOWEST, TALLEST = 3, 1000

local OPTIONS = { width = option_check.whole(NARROWEST, WIDEST), height = option_check.whole(LOWEST, TALLEST), color = "boolean",
  ascii = "boolean", environment = "table" }

local WIDTH, HEIGHT = 80, 14
local COLORS = { 36, 33, 35, 32, 34, 31 }
local BETWEEN_MARKS = 8 -- columns

local UNICODE = {
  marks = { "⠒", "○", "◆", "△", "□", "×", "●", "◇" }, more = "…", tick = "┤", side = "│", corner = "└", below = "┬",
  bottom = "─", across = 2, down = 4,
}
local ASCII = {
  marks = { "*", "o", "x", "#", "@", "%", "&", "=" }, more = "...", tick = "+", side = "|", corner = "+", below = "+",
  bottom = "-", across = 1, down = 1,
}

-- The bit of each dot of a braille pattern, by column and row.
local DOTS = { { 1, 2, 4, 64 }, { 8, 16, 32, 128 } }

--- Look for mistakes in the arguments of `draw`.
---@param metrics any
---@param options any
---@return string|nil problem
function chart.check(metrics, options)
  if type(metrics) ~= "table" then return "chart takes what tuning.metrics gives, or a list of such; got " .. type(metrics) end
  for i, one in ipairs(metrics) do
    if type(one) ~= "table" then return ("chart takes a list of tables; number %d is a %s"):format(i, type(one)) end
  end
  for _, one in ipairs(metrics[1] and metrics or { metrics }) do
    local problem = series.problem(one)
    if problem then return "metrics of chart: " .. problem end
  end
  return option_check.problem(options, OPTIONS, "chart")
end

-- All series: a label, points that can be drawn, and what tuning.metrics counted.
local function collect(list, ascii)
  local all = {}
  for _, one in ipairs(list) do
    for _, kind in ipairs { "training", "validation" } do
      local found = one[kind]
      if found then
        local steps, losses, breaks, left_out = {}, {}, {}, found.not_finite or 0
        for i, step in ipairs(found.steps) do
          local loss = found.losses[i]
          if axis.is_drawable(step) and axis.is_drawable(loss) then
            steps[#steps + 1], losses[#losses + 1] = step, loss
          else
            left_out = left_out + 1
            breaks[#steps + 1] = true
          end
        end
        all[#all + 1] = { kind = kind, steps = steps, losses = losses, breaks = breaks, rows = found.rows, left_out = left_out,
          left_out_step = found.not_finite_step,
          label = (#list > 1 and display.name(one, ascii) .. " " or "") .. kind .. " loss" }
      end
    end
  end
  return all
end

local function extent(all, member)
  local low, high = math.huge, -math.huge
  for _, one in ipairs(all) do
    for _, value in ipairs(one[member]) do low, high = math.min(low, value), math.max(high, value) end
  end
  return low, high
end

-- The dots from one to the other, both included.
local function line(x0, y0, x1, y1, dot)
  local dx, dy = math.abs(x1 - x0), -math.abs(y1 - y0)
  local sx, sy = x0 < x1 and 1 or -1, y0 < y1 and 1 or -1
  local off = dx + dy
  while true do
    dot(x0, y0)
    if x0 == x1 and y0 == y1 then return end
    local twice = 2 * off
    if twice >= dy then off, x0 = off + dy, x0 + sx end
    if twice <= dx then off, y0 = off + dx, y0 + sy end
  end
end

local function braille(bits)
  -- U+2800 and on, in UTF-8
  return string.char(0xE2, 0xA0 + math.floor(bits / 64), 0x80 + bits % 64)
end

-- The lines of the canvas, without axes.
local function paint(all, x_axis, y_axis, columns, rows, glyphs, color)
  local cells = {}
  local across, down = glyphs.across, glyphs.down
  local function cell(column, row)
    local at = row * columns + column
    if not cells[at] then cells[at] = { bits = 0, lit = {} } end
    return cells[at]
  end
  local function place(value, range, dots)
    return math.floor((value - range.low) / (range.high - range.low) * (dots - 1) + 0.5)
  end
  for i, one in ipairs(all) do
    local mark = glyphs.marks[(i - 1) % #glyphs.marks + 1]
    local count = 0
    local function dot(x, y)
      local here = cell(math.floor(x / across), math.floor(y / down))
      if across == 1 then
        here.glyph = mark
      else
        count = count + 1
        -- The first is a full line, the others have gaps.
        local bit = DOTS[x % across + 1][y % down + 1]
        if (i == 1 or count % 3 == 0) and not here.lit[bit] then
          here.lit[bit], here.bits = true, here.bits + bit
        end
        if i > 1 and count % 3 ~= 0 then return end
      end
      here.series = i
    end
    local last_x, last_y, last_mark
    for j, step in ipairs(one.steps) do
      local x, y = place(step, x_axis, columns * across), (rows * down - 1) - place(one.losses[j], y_axis, rows * down)
      if one.breaks[j] then last_x, last_y = nil, nil end -- no line over what is no number
      line(last_x or x, last_y or y, x, y, dot)
      local column = math.floor(x / across)
      if (i > 1 or #one.steps == 1) and (not last_mark or math.abs(column - last_mark) >= BETWEEN_MARKS) then
        local here = cell(column, math.floor(y / down))
        here.glyph, here.series, last_mark = i > 1 and mark or glyphs.marks[across == 1 and 1 or 7], i, column
      end
      last_x, last_y = x, y
    end
  end
  local lines = {}
  for row = 0, rows - 1 do
    local out, current = {}, nil
    for column = 0, columns - 1 do
      local here = cells[row * columns + column]
      local shown = here and (here.glyph or here.bits > 0 and braille(here.bits)) or " "
      local wanted = color and shown ~= " " and COLORS[(here.series - 1) % #COLORS + 1] or nil
      if wanted ~= current then
        out[#out + 1] = wanted and ("\27[%dm"):format(wanted) or "\27[0m"
        current = wanted
      end
      out[#out + 1] = shown
    end
    if current then out[#out + 1] = "\27[0m" end
    lines[#lines + 1] = table.concat(out)
  end
  return lines
end

-- As many of the parts as fit, the first in any case.
local function join(parts, width, more)
  local text = display.fit(parts[1], width, more)
  for i = 2, #parts do
    local longer = text .. ", " .. parts[i]
    if display.width(longer) > width then break end
    text = longer
  end
  return text
end

local function legend(one, mark, label_width, width, more)
  local parts, count = {}, #one.losses
  if count > 0 then
    parts[1] = "last " .. display.loss(one.losses[count])
  elseif one.left_out == 0 then
    parts[1] = "no losses yet"
  end
  if one.left_out > 0 then
    parts[#parts + 1] = display.count(one.left_out) .. " not finite"
      .. (one.left_out_step and (" (first at step %s)"):format(display.count(one.left_out_step)) or "")
  end
  if count > 0 then
    local low = 1
    for i, loss in ipairs(one.losses) do
      if loss < one.losses[low] then low = i end
    end
    parts[#parts + 1] = ("lowest %s at step %s"):format(display.loss(one.losses[low]), display.count(one.steps[low]))
  end
  if one.rows and one.rows > count then
    parts[#parts + 1] = ("%s of %s points drawn"):format(display.count(count), display.count(one.rows))
  end
  local label = display.fit(one.label, label_width, more)
  parts[1] = label .. (" "):rep(label_width - display.width(label) + 2) .. parts[1]
  return mark .. " " .. join(parts, width - 3, more)
end

-- What the service tells of the end, without files. In as many lines as it takes.
local function report_to(out, one, width, name)
  local parts = {}
  if type(one.training_loss) == "number" then parts[1] = "training loss " .. display.loss(one.training_loss) end
  for i, loss in ipairs(one.validation_losses or {}) do
    parts[#parts + 1] = (i == 1 and "validation loss " or "") .. display.loss(loss)
  end
  if #parts == 0 then return end
  local text = name .. ": " .. parts[1]
  for i = 2, #parts do
    if display.width(text) + #parts[i] + 3 <= width then
      text = text .. ", " .. parts[i]
    else
      out[#out + 1], text = text .. ",", "  " .. parts[i]
    end
  end
  out[#out + 1] = text
end

local function below_axis(x_axis, columns, glyphs)
  local marks, labels, free = {}, {}, 0
  for column = 1, columns do marks[column] = glyphs.bottom end
  local text = ""
  for i, tick in ipairs(x_axis.ticks) do
    local column = math.floor((tick - x_axis.low) / (x_axis.high - x_axis.low) * (columns - 1) + 0.5)
    local label = x_axis.labels[i]
    local start = math.max(0, math.min(column - math.floor(#label / 2), columns - #label))
    if start >= free then
      marks[column + 1] = glyphs.below
      text = text .. (" "):rep(start - #text) .. label
      free = #text + 1
    end
  end
  labels[1] = text
  -- The axis's name where there is room behind the last number.
  if #text + 5 <= columns then labels[1] = text .. (" "):rep(columns - #text - 4) .. "step" end
  return table.concat(marks), labels[1]
end

--- Draw. The arguments are right (`check`).
---@param metrics bedrock.tuning.Metrics|bedrock.tuning.Metrics[]
---@param options bedrock.tuning.ChartOptions|nil
---@return string text  lines, without a line feed at the end
function chart.draw(metrics, options)
  options = options or {}
  local environment = options.environment or shared_files.process_environment
  local ascii = options.ascii
  if ascii == nil then ascii = not display.is_utf8_locale(environment) end
  local glyphs = ascii and ASCII or UNICODE
  local width = options.width or display.columns(environment) or WIDTH
  width = math.min(math.max(width, NARROWEST), WIDEST)
  local rows = options.height or HEIGHT

  local list = metrics[1] and metrics or { metrics }
  local all = collect(list, ascii)
  local out = {}
  local low, high = extent(all, "losses")
  if low <= high then
    local y_axis = axis.new(low, high, math.max(2, math.floor(rows / 3) + 1))
    local label_width = 0
    for _, label in ipairs(y_axis.labels) do label_width = math.max(label_width, #label) end
    local columns = width - label_width - 2
    local first, last = extent(all, "steps")
    local x_axis = axis.new(first, last, math.max(2, math.floor(columns / 12)), true)
    local ticks = {}
    for i, tick in ipairs(y_axis.ticks) do
      ticks[rows - math.floor((tick - y_axis.low) / (y_axis.high - y_axis.low) * (rows - 1) + 0.5)] = y_axis.labels[i]
    end
    for row, text in ipairs(paint(all, x_axis, y_axis, columns, rows, glyphs, options.color)) do
      local label = ticks[row] or ""
      out[#out + 1] = (" "):rep(label_width - #label) .. label .. " " .. (ticks[row] and glyphs.tick or glyphs.side) .. text
    end
    local marks, labels = below_axis(x_axis, columns, glyphs)
    out[#out + 1] = (" "):rep(label_width + 1) .. glyphs.corner .. marks
    out[#out + 1] = (" "):rep(label_width + 2) .. labels
  end

  local label_width = 0
  for _, one in ipairs(all) do label_width = math.max(label_width, display.width(one.label)) end
  label_width = math.min(label_width, math.max(13, math.floor(width / 2)))
  for i, one in ipairs(all) do
    local mark = glyphs.marks[(i - 1) % #glyphs.marks + 1]
    if options.color then mark = ("\27[%dm%s\27[0m"):format(COLORS[(i - 1) % #COLORS + 1], mark) end
    out[#out + 1] = legend(one, mark, label_width, width, glyphs.more)
  end
  for _, one in ipairs(list) do
    local name = #list > 1 and display.fit(display.name(one, ascii), math.floor(width / 3), glyphs.more) or "reported"
    report_to(out, one, width, name)
  end
  if #out == 0 then return "no losses yet" end
  for i, text in ipairs(out) do out[i] = text:gsub("%s+$", "") end
  return table.concat(out, "\n")
end

return chart
