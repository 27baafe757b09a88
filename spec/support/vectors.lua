--- Finds and reads the conformance vectors, which live beside the project: ../shared/vectors, or the folder that the
-- environment's BEDROCK_VECTORS names. Where they are absent the specs that need them say so and stay pending.

local core = require "bedrock.core"

local vectors = {}

local function read(path)
  local file = io.open(path, "rb")
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return text
end

--- The folder of the vectors.
vectors.root = os.getenv("BEDROCK_VECTORS") or "../shared/vectors"
--- The folder of the service models, beside it.
vectors.api = vectors.root .. "/../api"
vectors.missing = ("the vectors are not here: %s (BEDROCK_VECTORS names another folder)"):format(vectors.root)

--- Whether the vectors are there.
---@return boolean
function vectors.available()
  return read(vectors.root .. "/README.md") ~= nil
end

--- The text of a file below the folder, or nil.
---@param path string
---@return string|nil
function vectors.text(path)
  return read(vectors.root .. "/" .. path)
end

--- A JSON file below the folder: arrays carry core.json_array_mt, null is core.json_null.
---@param path string
---@return any
function vectors.json(path)
  local text = assert(vectors.text(path), "no vector file " .. path)
  local value, err = core.json_decode_plain(text)
  if value == nil then
    error(path .. ": " .. tostring(err))
  end
  return value
end

--- The cases of a JSON file; none, and a pending test that says so, where the vectors are not here.
---@param path string
---@return any[]
function vectors.cases(path)
  if vectors.available() then
    return vectors.json(path)
  end
  require("busted").pending(vectors.missing)
  return {}
end

--- The names in a folder below the root that end in a suffix, sorted.
---@param folder string
---@param suffix? string  such as ".json"
---@return string[]
function vectors.list(folder, suffix)
  local names = {}
  local pipe = assert(io.popen(("ls -1 '%s/%s'"):format(vectors.root, folder)))
  for name in pipe:lines() do
    if not suffix or name:sub(-#suffix) == suffix then
      names[#names + 1] = name
    end
  end
  pipe:close()
  return names
end

local genapi

--- tools/genapi.lua as a library. One copy: it knows the order of keys of what it has read itself.
function vectors.genapi()
  genapi = genapi or assert(loadfile("tools/genapi.lua"))()
  return genapi
end

--- An API table made from a model file (a path, as it is), or nil where the file is absent.
---@param path string
---@param operations? string[]
function vectors.api_table(path, operations)
  local text = read(path)
  if not text then
    return nil
  end
  local tool = vectors.genapi()
  return assert(tool.convert(assert(tool.read_json(text)), nil, operations))
end

local function show(value)
  if type(value) == "string" then
    return ("%q"):format(value)
  elseif type(value) == "table" then
    return (core.json_encode_plain(value)) or tostring(value)
  end
  return tostring(value)
end

--- The first difference between two values, or nil. NaN equals NaN and "NaN", as in the vectors; an empty JSON array
--- and an empty object differ only if `strict`.
---@param expected any
---@param actual any
---@param strict? boolean
---@param path? string
---@return string|nil difference
function vectors.difference(expected, actual, strict, path)
  path = path or "$"
  if type(expected) == "table" and expected["$time"] then -- a point in time, to the millisecond
    local near = type(actual) == "number" and math.abs(actual - expected["$time"]) <= 0.001
    return not near and ("%s: expected the time %s, got %s"):format(path, show(expected["$time"]), show(actual)) or nil
  end
  if type(actual) == "number" and type(expected) == "string" then
    local names = { NaN = actual ~= actual, Infinity = actual == math.huge, ["-Infinity"] = actual == -math.huge }
    if names[expected] then
      return nil
    end
  end
  if type(expected) ~= type(actual) then
    return ("%s: expected %s, got %s"):format(path, show(expected), show(actual))
  elseif type(expected) ~= "table" then
    local same = expected == actual or expected ~= expected and actual ~= actual
    return not same and ("%s: expected %s, got %s"):format(path, show(expected), show(actual)) or nil
  end
  if strict and (getmetatable(expected) == core.json_array_mt) ~= (getmetatable(actual) == core.json_array_mt) then
    return ("%s: one is an array, the other an object"):format(path)
  end
  for key, value in pairs(expected) do
    local difference = vectors.difference(value, actual[key], strict, path .. "." .. tostring(key))
    if difference then
      return difference
    end
  end
  for key, value in pairs(actual) do
    if expected[key] == nil then
      return ("%s.%s: not expected, got %s"):format(path, tostring(key), show(value))
    end
  end
  return nil
end

return vectors
