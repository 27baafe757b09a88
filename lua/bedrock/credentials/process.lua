-- process.lua: credentials that a program prints, as the setting credential_process of a profile says.
--
-- What it prints on its standard output is secret and never shown; what it says on its standard error is what a person
-- needs when it fails.

local document = require "bedrock.credentials.document"
local keys = require "bedrock.credentials.keys"
local run = require("bedrock.credentials.run_program").run
local value_of = require("bedrock.shared_files").variable -- blank is unset

local process = {}

local TIME_LIMIT = 60 -- seconds

local NAMES = {
  access_key_id = "AccessKeyId", secret_access_key = "SecretAccessKey", session_token = "SessionToken",
  expiration = "Expiration", account_id = "AccountId",
}

local function end_of(result)
  if result.timed_out then return nil end
  if result.too_large then return "printed more than credentials can be" end
  if result.signal then return ("was ended by signal %d"):format(result.signal) end
  if result.status and result.status ~= 0 then return ("ended with status %d"):format(result.status) end
  return ""
end

local Source = { refreshable = true }
Source.__index = Source

function Source:get(context)
  local where = ("the credential_process of the profile %q (%s)"):format(self.step.profile, self.step.place)
  local seconds = TIME_LIMIT
  if context.deadline then seconds = math.max(math.min(seconds, context.deadline - context.runtime:now()), 0.001) end
  local result, message = run(self.step.settings.credential_process, seconds, context.runtime)
  if not result then return keys.fail(("%s can't be run: %s"):format(where, message)) end
  local said = keys.shown(result.stderr, 500)
  if said ~= "" then said = "; it said: " .. said end
  local problem = end_of(result) or ("did not end within %.3g s"):format(seconds)
  if problem == "" and not result.stdout:find("%S") then problem = "printed nothing" end
  if problem ~= "" then return keys.fail(where .. " " .. problem .. said) end
  local object, err = document.read(result.stdout, where)
  if not object then
    if not result.status then err.message = err.message .. said end -- it may have failed: nobody knows in nginx
    return nil, err
  end
  if object.Version ~= 1 then
    return keys.fail(("%s gave a document whose Version is not 1, but %s"):format(where,
      type(object.Version) == "number" and ("%.14g"):format(object.Version) or "missing or no number"))
  end
  return document.credentials(object, NAMES, "process", where,
    { profile = self.step.profile, features = "v,w", account_id = value_of(self.step.settings, "aws_account_id") })
end

--- The source for a profile's process.
---@param step bedrock.ProfileStep
---@return table source
function process.source(step)
  return setmetatable({ step = step }, Source)
end

return process
