--- The pictures of a report, as SVG inside HTML.
--
-- They are as wide as their place, which only the browser knows. So whatever lies across is in per cent, curves are stretched
-- (with strokes that are not), and texts keep their size at any width, without a script.

local display = require "bedrock.tuning.display"

local svg = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- A text as it may stand in HTML and SVG, also inside quotes.
---@param value any
---@return string
function svg.escape(value)
  return (display.clean(value):gsub("[&<>\"']", ENTITIES))
end

local escape = svg.escape

local HEIGHT = 300 -- of a chart of lines, in CSS pixels
local UNITS = 1000 -- of the stretched part, each way
local LABEL_HEIGHT = 15 -- pixels between two names at the ends of lines
local NEAR = 60 -- units across: names whose lines end closer than this must not cover each other
local MOST_DOTS = 40

-- Rounded here: LuaJIT's format rounds halves in another direction than C's.
local function rounded(value, format, digits)
  local scale = 10 ^ digits
  return (display.number(format, math.floor(value * scale + 0.5) / scale):gsub("%.?0+$", ""))
end

local function percent(share) return rounded(share * 100, "%.2f", 2) .. "%" end
local function units(share) return rounded(share * UNITS, "%.1f", 1) end

---@class bedrock.tuning.Line
---@field steps number[]  what can be drawn
---@field losses number[]
---@field class string  of the colour
---@field dashed? boolean
---@field name string  shown when pointed at
---@field mark? string  stands at its end

-- Heights of the names at the ends of lines, moved apart where they would cover each other: downwards, and from the lower edge
-- back upwards.
local function place_marks(ends)
  table.sort(ends, function(a, b)
    if a.y ~= b.y then return a.y < b.y end
    return a.order < b.order
  end)
  local function apart(from, to, way, edge)
    for i = from, to, way do
      local one = ends[i]
      local at = one.y
      if edge then at = math.min(at, edge) end
      for j = from, i - way, way do
        local other = ends[j]
        if math.abs(other.x - one.x) * UNITS < NEAR then
          at = way > 0 and math.max(at, other.y + LABEL_HEIGHT) or math.min(at, other.y - LABEL_HEIGHT)
        end
      end
      one.y = at
    end
  end
  apart(1, #ends, 1)
  apart(#ends, 1, -1, HEIGHT - LABEL_HEIGHT / 3)
end

--- A chart of lines.
---@param id string  unique in the page
---@param title string
---@param description string
---@param lines bedrock.tuning.Line[]
---@param x bedrock.tuning.Axis
---@param y bedrock.tuning.Axis
---@return string
function svg.lines(id, title, description, lines, x, y)
  local out = {}
  local function add(format, ...) out[#out + 1] = format:format(...) end
  local function across(value) return (value - x.low) / (x.high - x.low) end
  local function down(value) return 1 - (value - y.low) / (y.high - y.low) end
  add('<svg class="lines" role="img" aria-labelledby="%s-t %s-d" height="%d" width="100%%">', id, id, HEIGHT)
  add('<title id="%s-t">%s</title><desc id="%s-d">%s</desc>', id, escape(title), id, escape(description))
  for i, tick in ipairs(y.ticks) do
    local at = percent(down(tick))
    add('<line class="grid" x1="0" x2="100%%" y1="%s" y2="%s"/><text x="-8" y="%s" dy=".35em" text-anchor="end">%s</text>', at, at, at,
      y.labels[i])
  end
  for i, tick in ipairs(x.ticks) do
    local at = percent(across(tick))
    add('<line class="tick" x1="%s" x2="%s" y1="100%%" y2="100%%"/><text x="%s" y="100%%" dy="1.6em" text-anchor="middle">%s</text>',
      at, at, at, x.labels[i])
  end
  add '<line class="base" x1="0" x2="100%%" y1="100%%" y2="100%%"/>'
  add('<svg viewBox="0 0 %d %d" preserveAspectRatio="none" width="100%%" height="%d">', UNITS, UNITS, HEIGHT)
  for _, line in ipairs(lines) do
    local path = {}
    for i, step in ipairs(line.steps) do
      path[i] = (i == 1 and "M" or i == 2 and "L" or " ") .. units(across(step)) .. " " .. units(down(line.losses[i]))
    end
    if #path > 1 then
      add('<path class="%s%s" d="%s"><title>%s</title></path>', line.class, line.dashed and " dashed" or "", table.concat(path),
        escape(line.name))
    end
  end
  add "</svg>"
  local ends = {}
  for order, line in ipairs(lines) do
    local count = #line.steps
    -- The points themselves where they are few: a line alone would not tell how many there are.
    if count <= MOST_DOTS then
      for i, step in ipairs(line.steps) do
        add('<circle class="%s%s" cx="%s" cy="%s" r="3"><title>%s: %s at step %s</title></circle>', line.class,
          line.dashed and " hollow" or "", percent(across(step)), percent(down(line.losses[i])), escape(line.name),
          display.loss(line.losses[i]), display.count(step))
      end
    end
    if line.mark and count > 0 then
      ends[#ends + 1] = { x = across(line.steps[count]), y = down(line.losses[count]) * HEIGHT, mark = line.mark, class = line.class,
        order = order }
    end
  end
  place_marks(ends)
  for _, one in ipairs(ends) do
    add('<text class="mark %s" x="%s" y="%s" dx="8" dy=".35em" aria-hidden="true">%s</text>', one.class, percent(one.x),
      rounded(one.y, "%.1f", 1), escape(one.mark))
  end
  add "</svg>"
  return table.concat(out)
end

--- A bar beside a number that says the same.
---@param share number  0 to 1
---@param class string
---@return string
function svg.bar(share, class)
  return ('<svg class="bar" aria-hidden="true" width="100%%" height="8"><rect class="track" width="100%%" height="8" rx="2"/>'
    .. '<rect class="%s" width="%s" height="8" rx="2"/></svg>'):format(class, percent(share))
end

--- Spans of time on one line.
---@param description string
---@param spans {start: number, finish: number, class: string, name: string}[]  shares of the whole width
---@return string
function svg.spans(description, spans)
  local out = { ('<svg class="spans" role="img" width="100%%" height="14"><title>%s</title>'
    .. '<rect class="track" y="5" width="100%%" height="4" rx="2"/>'):format(escape(description)) }
  for _, span in ipairs(spans) do
    out[#out + 1] = ('<rect class="%s" x="%s" width="%s" height="14" rx="2"><title>%s</title></rect>'):format(span.class,
      percent(span.start), percent(math.max(span.finish - span.start, 0.004)), escape(span.name))
  end
  out[#out + 1] = "</svg>"
  return table.concat(out)
end

return svg
