--- The file of training data that the bench checks: records of 512 bytes, no two alike.
local dataset = {}

dataset.RECORD = 512
dataset.STEP = 16 -- MiB of it that are a unit of work

local WORDS = "the order that a customer asked about was late so please check its tracking number and say when it will arrive at home"

-- Texts of some words each, in another order every time.
local function texts()
  local words, list = {}, {}
  for word in WORDS:gmatch "%S+" do words[#words + 1] = word end
  for i = 1, 64 do
    local chosen = {}
    for j = 1, 60 do chosen[j] = words[(i * j * 7 + j) % #words + 1] end
    list[i] = table.concat(chosen, " ")
  end
  return list
end

--- Write so many MiB.
---@param path string
---@param mib integer
function dataset.write(path, mib)
  local file, list = assert(io.open(path, "wb")), texts()
  for i = 1, mib * 2 ^ 20 / dataset.RECORD do
    local start = ('{"prompt":"Ticket %08d: %s?\\n","completion":"'):format(i, list[i % 64 + 1]:sub(1, 230))
    local answer = list[i * 31 % 64 + 1]
    assert(file:write(start, (answer .. answer):sub(1, dataset.RECORD - #start - 3), '"}\n'))
  end
  file:close()
end

--- How many MiB it has: DATASET_MB, or 1024, where there is room for it; nil and why not.
---@param dir string
---@return integer|nil mib
---@return string? why
function dataset.size(dir)
  local mib = tonumber(os.getenv "DATASET_MB") or 1024
  mib = math.max(dataset.STEP, math.floor(mib / dataset.STEP) * dataset.STEP)
  local pipe = assert(io.popen("df -Pk '" .. dir .. "'"))
  local free = tonumber(pipe:read("*a"):match "\n%S+%s+%d+%s+%d+%s+(%d+)") or 0
  pipe:close()
  if free < 2 * mib * 1024 then return nil, ("there is no room for a file of %d MiB in %s"):format(mib, dir) end
  return mib
end

return dataset
