--- A curve of any length in constant memory: a number of its points that is fixed beforehand.
--
-- Rows are taken in groups of equal size; of each group the lowest and the highest point are kept, both as they were, so that
-- no peak is lost and nothing is averaged. When there are too many groups, two by two become one, which loses nothing of that. The
-- first and the last row are kept besides.

local series = {}

---@class bedrock.tuning.Series
---@field steps number[]
---@field losses number[]  finite ones only
---@field rows integer  how many points there were; as many are kept if they fit
---@field first? bedrock.tuning.Point
---@field last? bedrock.tuning.Point
---@field lowest? bedrock.tuning.Point  the first one, of several
---@field highest? bedrock.tuning.Point
---@field not_finite integer  rows whose loss was NaN or infinite; they are in no other field
---@field not_finite_step? number  where the first of them was
---@field missing integer  rows without a loss or a step

---@class bedrock.tuning.Point
---@field step number
---@field loss number
---@field epoch? number
---@field perplexity? number

local FEWEST = 10

-- Two neighbouring groups as one. A group: row, step and loss of its lowest point, then of its highest.
local function join(a, b)
  local low, high = a, a
  if b[3] < a[3] then low = b end
  if b[6] > a[6] then high = b end
  return { low[1], low[2], low[3], high[4], high[5], high[6] }
end

local function join_all(groups)
  local half = {}
  for i = 1, #groups, 2 do
    half[#half + 1] = groups[i + 1] and join(groups[i], groups[i + 1]) or groups[i]
  end
  return half
end

local function count_points(groups)
  local count = 0
  for _, group in ipairs(groups) do count = count + (group[1] == group[4] and 1 or 2) end
  return count
end

--- Begin one.
---@param limit integer  how many points are kept at most; 10 at least
---@return fun(step: number, loss: number, epoch: number|nil, perplexity: number|nil) add
---@return fun(): bedrock.tuning.Series finish
function series.new(limit)
  limit = math.max(limit, FEWEST)
  local room = limit - 4 -- for the first row, the last one, and a group that is not full
  local groups, size, kept = {}, 1, 0
  local group, filled = nil, 0
  local rows, last_step, last_loss, last_epoch, last_perplexity = 0, nil, nil, nil, nil
  local first, lowest, highest
  local not_finite, not_finite_step = 0, nil

  local function add(step, loss, epoch, perplexity)
    if loss ~= loss or loss == math.huge or loss == -math.huge then
      not_finite, not_finite_step = not_finite + 1, not_finite_step or step
      return
    end
    rows = rows + 1
    last_step, last_loss, last_epoch, last_perplexity = step, loss, epoch, perplexity
    if not first or loss < lowest.loss or loss > highest.loss then
      local point = { step = step, loss = loss, epoch = epoch, perplexity = perplexity }
      first = first or point
      if not lowest or loss < lowest.loss then lowest = point end
      if not highest or loss > highest.loss then highest = point end
    end
    if filled == 0 then
      group = { rows, step, loss, rows, step, loss }
    elseif loss < group[3] then
      group[1], group[2], group[3] = rows, step, loss
    elseif loss > group[6] then
      group[4], group[5], group[6] = rows, step, loss
    end
    filled = filled + 1
    if filled < size then return end
    groups[#groups + 1] = group
    kept = kept + (group[1] == group[4] and 1 or 2)
    filled = 0
    -- An even number of groups, so that all have the same size afterwards.
    while kept > (size == 1 and limit or room) and #groups % 2 == 0 do
      groups, size = join_all(groups), size * 2
      kept = count_points(groups)
    end
  end

  local function finish()
    if filled > 0 then
      groups[#groups + 1] = group
      filled = 0
    end
    while count_points(groups) > (size == 1 and limit or limit - 2) do
      groups, size = join_all(groups), size * 2
    end
    local steps, losses, before = {}, {}, 0
    local function keep(row, step, loss)
      if row == before then return end
      before, steps[#steps + 1], losses[#losses + 1] = row, step, loss
    end
    if first then keep(1, first.step, first.loss) end
    for _, g in ipairs(groups) do
      local a, b = 1, 4
      if g[4] < g[1] then a, b = 4, 1 end
      keep(g[a], g[a + 1], g[a + 2])
      keep(g[b], g[b + 1], g[b + 2])
    end
    if first then keep(rows, last_step, last_loss) end
    local last = first and { step = last_step, loss = last_loss, epoch = last_epoch, perplexity = last_perplexity }
    return { steps = steps, losses = losses, rows = rows, first = first, last = last or nil, lowest = lowest, highest = highest,
      not_finite = not_finite, not_finite_step = not_finite_step, missing = 0 }
  end
  return add, finish
end

local FIELDS = { rows = "number", not_finite = "number", not_finite_step = "number", first = "table", last = "table", lowest = "table",
  highest = "table" }

--- What is wrong with metrics, which may be made by hand.
---@param metrics table
---@return string|nil problem
function series.problem(metrics)
  local final = metrics.validation_losses
  if final ~= nil and type(final) ~= "table" then return "validation_losses must be a list" end
  for _, loss in ipairs(final or {}) do
    if type(loss) ~= "number" then return "validation_losses must be numbers" end
  end
  for _, kind in ipairs { "training", "validation" } do
    local found = metrics[kind]
    if found ~= nil and not (type(found) == "table" and type(found.steps) == "table" and type(found.losses) == "table") then
      return kind .. " must be a table with steps and losses"
    end
    for name, wanted in pairs(found and FIELDS or {}) do
      local value = found[name]
      if value ~= nil and (type(value) ~= wanted or value ~= value or (wanted == "table"
        and not (type(value.step) == "number" and type(value.loss) == "number"))) then
        return ("%s.%s must be %s"):format(kind, name, wanted == "table" and "a point with step and loss" or "a number")
      end
    end
  end
end

--- A series with fewer points.
---@param one bedrock.tuning.Series
---@param limit integer
---@return bedrock.tuning.Series
function series.thin(one, limit)
  if #one.steps <= limit then return one end
  local add, finish = series.new(limit)
  for i, step in ipairs(one.steps) do add(step, one.losses[i]) end
  return finish()
end

return series
