-- environment.lua: credentials from AWS_ACCESS_KEY_ID and its companions.
--
-- One without the other is a half-done set-up, and an error: to go on with some other identity would be worse than to
-- stop. The variables are read again at each refresh.

local keys = require "bedrock.credentials.keys"

local environment = { name = "environment" }

local NAMES = {
  access_key_id = "AWS_ACCESS_KEY_ID",
  secret_access_key = "AWS_SECRET_ACCESS_KEY",
  session_token = "AWS_SESSION_TOKEN",
  account_id = "AWS_ACCOUNT_ID",
  expiration = "AWS_CREDENTIAL_EXPIRATION",
}

local Source = { refreshable = true }
Source.__index = Source

function Source:get()
  local getenv = self.config.getenv
  local found = {}
  for member, name in pairs(NAMES) do found[member] = getenv(name) end
  if not found.access_key_id or not found.secret_access_key then
    local missing = found.access_key_id and "secret_access_key" or "access_key_id"
    local present = found.access_key_id and "access_key_id" or "secret_access_key"
    return keys.fail(("the environment variable %s is set, but %s is not: set both, or neither")
      :format(NAMES[present], NAMES[missing]))
  end
  if found.expiration then
    local seconds = require("bedrock.core").time_parse(found.expiration)
    if not seconds then
      return keys.fail(("the environment variable %s is no date; it must look like 2026-11-23T08:00:00Z")
        :format(NAMES.expiration))
    end
    found.expiration = seconds
  end
  found.features = "g"
  return keys.make(found, "environment", "environment variables", NAMES)
end

--- The source for keys in the environment, for whoever asks for these and no others (credential_source).
---@param config bedrock.Config
---@return table|nil source
---@return string? reason  why there is none
function environment.named(config)
  if not config.getenv(NAMES.access_key_id) and not config.getenv(NAMES.secret_access_key) then
    return nil, ("%s and %s are not set"):format(NAMES.access_key_id, NAMES.secret_access_key)
  end
  return setmetatable({ config = config }, Source)
end

--- The source for keys in the environment.
---@param config bedrock.Config
---@return table|nil source
---@return string? reason  why there is none
function environment.new(config)
  local by_code = config.profile_source == "option profile"
  if by_code then
    -- What is given in code wins over the environment, and a profile names an identity.
    return nil, ("skipped, since the option profile asks for the profile %q"):format(config.profile)
  end
  return environment.named(config)
end

return environment
