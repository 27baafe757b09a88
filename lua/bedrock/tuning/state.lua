--- The file in which tuning.run keeps what it is about to create, so that a program that was killed goes on with the same job.
--
-- It is written before the request is sent, all at once (bedrock.system's private files): a reader finds the whole of it or
-- none. What is no state file is never overwritten, since a job may hang on it.

local core = require "bedrock.core"
local errors = require "bedrock.errors"

local state = {}

local KIND, VERSION = "bedrock.tuning.run", 1
local MOST_ATTEMPTS = 1e6
local LARGEST = 65536 -- bytes: what is larger is no state, and a device may have no end

---@class bedrock.tuning.State
---@field jobName string  as it was sent
---@field attempt integer  1, and one more for each restart
---@field region? string
---@field token string  the clientRequestToken
---@field digest string  of the parameters
---@field jobArn? string  once the service has told it

local FIELDS = { jobName = "string", attempt = "number", region = "string", token = "string", digest = "string", jobArn = "string" }
local OPTIONAL = { region = true, jobArn = true }

--- The error for a state that can't be used.
---@param path string
---@param problem string
---@return nil
---@return bedrock.Error err
function state.fail(path, problem)
  return nil, errors.new { code = "StateError", retryable = false, message = ("the state file %s %s"):format(path, problem) }
end

local function parse(path, text)
  local advice = ". If no job is at work for it, delete the file"
  if text == "" then return state.fail(path, "is empty" .. advice) end
  local content = #text <= LARGEST and core.json_decode_plain(text)
  if type(content) ~= "table" or content.kind ~= KIND then
    return state.fail(path, "is none of tuning.run, or it is damaged" .. advice)
  elseif content.version ~= VERSION then
    return state.fail(path, "is of another version of this library")
  end
  for name, kind in pairs(FIELDS) do
    local value = content[name]
    if type(value) ~= kind and not (value == nil and OPTIONAL[name]) then
      return state.fail(path, ("is damaged: it has no %s"):format(name) .. advice)
    end
  end
  local attempt = content.attempt
  if not (attempt >= 1 and attempt <= MOST_ATTEMPTS and attempt % 1 == 0) then
    return state.fail(path, "is damaged: attempt" .. advice)
  end
  return content
end

--- Read a state.
---@param path string
---@return bedrock.tuning.State|nil found  nil alone: there is none
---@return bedrock.Error? err  `StateError`
function state.read(path)
  local file, message, code = io.open(path, "rb")
  if not file then
    if code == 2 then return nil end -- ENOENT
    return state.fail(path, "can't be read: " .. tostring(message))
  end
  local text, why = file:read(LARGEST + 1)
  file:close()
  if not text and why then return state.fail(path, "can't be read: " .. why) end -- a folder
  return parse(path, text or "")
end

--- Write a state.
---@param path string
---@param content bedrock.tuning.State
---@param only_new boolean  one that is there, by now, stays
---@return bedrock.tuning.State|nil written  with only_new perhaps the one that is there
---@return bedrock.Error? err  `StateError`
function state.write(path, content, only_new)
  local text = { kind = KIND, version = VERSION }
  for name in pairs(FIELDS) do text[name] = content[name] end
  local system = require("bedrock.native").load "bedrock.system"
  local ok, message = system.write_private(path, assert(core.json_encode_plain(text)) .. "\n", only_new)
  if ok then return content end
  if only_new then
    local there, err = state.read(path)
    if there or err then return there, err end
  end
  return state.fail(path, "can't be written: " .. message)
end

return state
