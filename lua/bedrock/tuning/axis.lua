--- Axes: the range that a chart shows, and round numbers on it. The chart in the terminal and those of the report share it.

local display = require "bedrock.tuning.display"

local axis = {}

local LARGEST = 1e300 -- the difference of two drawn numbers has to be finite
local SMALLEST_SHARE = 1e-9 -- a range that is less of its largest number is drawn as one value

--- Whether a value can be drawn.
---@param value any
---@return boolean
function axis.is_drawable(value)
  return display.is_finite(value) and math.abs(value) <= LARGEST
end

local function power_of_ten(value)
  return 10 ^ math.floor(math.log(value) / math.log(10) + 1e-9)
end

-- The smallest of 1, 2, 5, 10 … times a power of ten that makes at most so many steps.
local function round_step(range, most)
  local rough = range / most
  local power = power_of_ten(rough)
  for _, factor in ipairs { 1, 2, 5 } do
    if factor * power >= rough * (1 - 1e-9) then return factor * power end
  end
  return 10 * power
end

---@class bedrock.tuning.Axis
---@field low number  where it begins
---@field high number
---@field ticks number[]
---@field labels string[]  of the ticks

-- A tick's label: as many decimals as the step has.
local function label(value, step)
  local size = math.abs(value)
  if size >= 1e7 or step < 1e-5 then return (display.number("%.4g", value):gsub("e%+?(%-?)0*(%d)", "e%1%2")) end
  local decimals = math.max(0, -math.floor(math.log(step) / math.log(10) + 1e-9))
  local text = display.number(("%%.%df"):format(decimals), value)
  return decimals == 0 and display.count(value) or text
end

--- An axis for values from `low` to `high`. It is as long as that, or longer where there would be less than two ticks.
---@param low number
---@param high number
---@param most integer  ticks at most, about
---@param whole? boolean  only whole numbers
---@return bedrock.tuning.Axis
function axis.new(low, high, most, whole)
  if high - low <= SMALLEST_SHARE * math.max(math.abs(low), math.abs(high)) then
    local room = low == 0 and 1 or math.abs(low) * 0.1
    if whole then room = math.max(room, 1) end
    low, high = low - room, high + room
  end
  local step, first, last
  for more = 0, 3 do -- a smaller step where less than two ticks are inside
    step = round_step(high - low, math.max(most - 1, 1) + more)
    if whole and step < 1 then step = 1 end
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last > first then break end
  end
  if last <= first then
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    low, high = math.min(low, first * step), math.max(high, last * step)
  end
  local ticks, labels = {}, {}
  -- By counting, since a step may be too small to change a large number.
  for i = 0, math.min(last - first, 2 * most + 2) do
    local value = (first + i) * step + 0.0 -- without the sign of -0
    ticks[#ticks + 1], labels[#labels + 1] = value, label(value, step)
  end
  return { low = low, high = high, ticks = ticks, labels = labels }
end

return axis
