--- What a base model accepts as hyperparameters: data, and the check over it.
--
-- Ranges are the last that were seen in AWS's documentation (custom-models-hp, November 2026). They drift, and quotas raise some of them,
-- so an emulator may be given others: `emulator.new { hyperparameters = { ["amazon.titan-text-"] = { … } } }`, or `false` for no
-- check. A family is found by the longest key that starts the model's id; models without a family are not checked.

local hyperparameters = {}

-- One value: smallest, largest, default. `whole` wants an integer, `word` is accepted in place of a number, `required` has no default.
local function whole(min, max, default) return { min = min, max = max, default = default, whole = true } end
local function real(min, max, default) return { min = min, max = max, default = default } end
local function word(value, entry)
  entry.word, entry.required = value, true
  return entry
end

local nova = {
  epochCount = whole(1, 5, "2"),
  learningRate = real(1e-6, 1e-4, "0.00001"),
  learningRateWarmupSteps = whole(0, 100, "10"),
}
local titan_text = {
  epochCount = whole(1, 10, "5"),
  batchSize = whole(1, 64, "1"),
  learningRate = real(0, 1, "0.00001"),
  learningRateWarmupSteps = whole(0, 250, "5"),
}
local llama = {
  epochCount = whole(1, 10, "5"),
  batchSize = whole(1, 1, "1"),
  learningRate = real(5e-6, 0.1, "0.0001"),
}
local function cohere(largest_batch)
  return {
    epochCount = whole(1, 100, "1"),
    batchSize = whole(8, largest_batch, "8"),
    learningRate = real(5e-6, 0.1, "0.00001"),
    earlyStoppingThreshold = real(0, 0.1, "0.01"),
    earlyStoppingPatience = whole(1, 10, "6"),
    evalPercentage = real(5, 50, "20"),
  }
end

--- The families: the start of a model id -> its hyperparameters.
---@type table<string, table<string, table>>
hyperparameters.families = {
  ["amazon.nova-micro-v1"] = nova,
  ["amazon.nova-lite-v1"] = nova,
  ["amazon.nova-pro-v1"] = nova,
  ["amazon.nova-canvas-v1"] = {
    stepCount = whole(10, 20000, "500"),
    batchSize = whole(8, 192, "8"),
    learningRate = real(1e-7, 1e-4, "0.00001"),
  },
  ["amazon.titan-text-premier-v1"] = {
    epochCount = whole(1, 5, "2"),
    batchSize = whole(1, 1, "1"),
    learningRate = real(1e-7, 1e-5, "0.000001"),
    learningRateWarmupSteps = whole(0, 20, "5"),
  },
  ["amazon.titan-text-express-v1"] = titan_text,
  ["amazon.titan-text-lite-v1"] = titan_text,
  ["amazon.titan-image-generator-v1"] = {
    stepCount = word("auto", whole(10, 40000)),
    batchSize = whole(8, 192, "8"),
    learningRate = real(1e-7, 1, "0.00001"),
  },
  ["amazon.titan-embed-image-v1"] = {
    epochCount = word("Auto", whole(1, 100)),
    batchSize = whole(256, 9216, "576"),
    learningRate = real(5e-8, 1, "0.00005"),
  },
  ["anthropic.claude-3-haiku"] = {
    epochCount = whole(1, 10, "2"),
    batchSize = whole(4, 256, "32"),
    learningRateMultiplier = real(0.1, 2, "1"),
    earlyStoppingThreshold = real(0, 0.1, "0.001"),
    earlyStoppingPatience = whole(1, 10, "2"),
  },
  ["cohere.command-text-"] = cohere(8),
  ["cohere.command-light-text-"] = cohere(32),
  ["meta.llama3-1-"] = llama,
  ["meta.llama3-2-"] = llama,
}

-- Numbers come as strings, also as "1.0E-4". Lua's tonumber takes hexadecimal, blanks, "nan" and "inf" besides.
local function to_number(text)
  if not text:find("^[+-]?%d*%.?%d*[eE]?[+-]?%d*$") then return nil end
  return tonumber(text)
end

local function plain(number)
  local text = ("%.10f"):format(number):gsub("0+$", ""):gsub("%.$", "")
  return text
end

--- The family that a model id belongs to.
---@param families table<string, table>
---@param model_id string
---@return table<string, table>|nil
function hyperparameters.family(families, model_id)
  local found
  for prefix in pairs(families) do
    if model_id:sub(1, #prefix) == prefix and (not found or #prefix > #found) then found = prefix end
  end
  return found and families[found]
end

--- Check what a caller set.
---@param family table<string, table>
---@param values table<string, string>
---@return string|nil problem
function hyperparameters.check(family, values)
  local names, known = {}, {}
  for name in pairs(values) do names[#names + 1] = name end
  for name in pairs(family) do known[#known + 1] = name end
  table.sort(names)
  table.sort(known)
  for _, name in ipairs(names) do
    local entry, text = family[name], values[name]
    if not entry then
      return ("The hyperparameter %s is not supported by the base model. Supported hyperparameters: %s.")
        :format(name, table.concat(known, ", "))
    end
    if text ~= entry.word then
      local number = to_number(text)
      if not number or entry.whole and number ~= math.floor(number) then
        return ("The value of the hyperparameter %s must be %s%s."):format(name,
          entry.whole and "an integer" or "a number", entry.word and " or " .. entry.word or "")
      end
      if number < entry.min or number > entry.max then
        return ("The value of the hyperparameter %s is out of range. It must be between %s and %s.")
          :format(name, plain(entry.min), plain(entry.max))
      end
    end
  end
  for _, name in ipairs(known) do
    if family[name].required and not values[name] then
      return ("The hyperparameter %s is required by the base model."):format(name)
    end
  end
  return nil
end

--- The values that the service sets when the caller sets none.
---@param family table<string, table>
---@return table<string, string>
function hyperparameters.defaults(family)
  local values = {}
  for name, entry in pairs(family) do values[name] = entry.default or entry.word end
  return values
end

return hyperparameters
