-- profile.lua: credentials from the chosen profile of the shared files.
--
-- A profile can hold keys, or say how to get them (a role, SSO, a process …). The first form that fits decides, in the
-- order that the AWS SDKs use. A form that this version can't follow is an error and no skip: its owner meant that
-- identity and no other.

local keys = require "bedrock.credentials.keys"

local profile = { name = "profile" }

local NAMES = {
  access_key_id = "aws_access_key_id",
  secret_access_key = "aws_secret_access_key",
  session_token = "aws_session_token",
  account_id = "aws_account_id",
}

-- What a profile may say instead of holding keys, in the order in which it counts.
local FORMS = {
  { "role_arn", "assuming a role" },
  { "web_identity_token_file", "web identity" },
  { "sso_session", "SSO" },
  { "sso_start_url", "SSO" },
  { "sso_account_id", "SSO" },
  { "sso_role_name", "SSO" },
  { "login_session", "a login session" },
  { "credential_process", "a credential process" },
  { "credential_source", "a credential source" },
  { "source_profile", "a source profile" },
}

local Source = { refreshable = false }
Source.__index = Source

function Source:get()
  return self.credentials
end

local function value_of(settings, key)
  local value = settings[key]
  if value and value:find("%S") then return value end
  return nil
end

--- The source for the profile that the configuration chose.
---@param config bedrock.Config
---@return table|nil source
---@return string|bedrock.Error? reason  why there is none; an error table (CredentialsError) if it is set up and wrong
function profile.new(config)
  local settings, places, name = config.profile_settings, config.profile_places, config.profile
  for _, form in ipairs(FORMS) do
    local key, what = form[1], form[2]
    if value_of(settings, key) then
      local _, err = keys.fail(("the profile %q sets %s (%s), but %s is not supported by this version: use a profile "
        .. "with aws_access_key_id and aws_secret_access_key, or give keys or a function in the option credentials")
        :format(name, key, places[key] or "?", what))
      return nil, err
    end
  end
  local found = { profile = name }
  for member, key in pairs(NAMES) do found[member] = value_of(settings, key) end
  if not found.access_key_id and not found.secret_access_key then
    if next(config.profile_data.profiles) == nil then
      return nil, ("no profile in %s or %s"):format(config.location.config
        or "the config file (no home folder is known)", config.location.credentials or "the credentials file")
    elseif next(settings) == nil and not config.profile_data.profiles[name] then
      return nil, ("there is no profile %q"):format(name)
    end
    return nil, ("the profile %q has no aws_access_key_id"):format(name)
  elseif not found.access_key_id or not found.secret_access_key then
    local present = found.access_key_id and NAMES.access_key_id or NAMES.secret_access_key
    local missing = found.access_key_id and NAMES.secret_access_key or NAMES.access_key_id
    local _, err = keys.fail(("%s: the profile %q has %s, but no %s: set both, or neither")
      :format(places[present] or "?", name, present, missing))
    return nil, err
  end
  local where = ("the profile %q (%s)"):format(name, places.aws_access_key_id or "?")
  local credentials, err = keys.make(found, "profile", where, NAMES)
  if not credentials then return nil, err end
  return setmetatable({ credentials = credentials }, Source)
end

return profile
