-- assume_role.lua: the role of a profile, assumed with the credentials of its source.

local keys = require "bedrock.credentials.keys"
local sts = require "bedrock.credentials.sts"

local value_of = require("bedrock.shared_files").variable -- blank is unset

local assume_role = {}

local LEAST_DURATION = 900 -- seconds, by the API of STS

-- The code of an MFA device, which only a person can read off it.
local function mfa_code(context, serial, where)
  local ask = context.config.mfa_code
  if not ask then
    return keys.fail(("%s: the role wants a code of the MFA device %s (mfa_serial): give the option mfa_code, a function "
      .. "that returns one"):format(where, serial))
  end
  local code, message = ask(serial)
  if type(code) == "number" and code % 1 == 0 then code = ("%06.0f"):format(code) end
  if type(code) ~= "string" or not code:find("^%s*%d%d%d%d%d%d%s*$") then
    return keys.fail(("%s: the option mfa_code must return the six digits that the MFA device %s shows%s"):format(where,
      serial, type(message) == "string" and ": " .. keys.shown(message) or ""))
  end
  return code:match("%d+")
end

--- Assume a role.
---@param context bedrock.CredentialsContext
---@param step bedrock.ProfileStep
---@param source bedrock.Credentials
---@param features string  how these were found
---@return bedrock.Credentials|nil credentials
---@return bedrock.Error? err  CredentialsError
function assume_role.get(context, step, source, features)
  local settings = step.settings
  local where = ("the profile %q (%s)"):format(step.profile, step.place)
  local params = {
    RoleArn = value_of(settings, "role_arn"),
    RoleSessionName = value_of(settings, "role_session_name") or sts.session_name(context),
    ExternalId = value_of(settings, "external_id"),
  }
  local duration = value_of(settings, "duration_seconds")
  if duration then
    params.DurationSeconds = #duration < 10 and duration:find("^%d+$") and tonumber(duration) or nil
    if not params.DurationSeconds then
      context.warn(where .. ": duration_seconds is no whole number of seconds and does not count")
    elseif params.DurationSeconds < LEAST_DURATION then
      return keys.fail(("the profile %q (%s): duration_seconds must be %d at least"):format(step.profile,
        step.places.duration_seconds or "?", LEAST_DURATION))
    end
  end
  local serial = value_of(settings, "mfa_serial")
  if serial then
    local code, err = mfa_code(context, serial, where)
    if not code then return nil, err end
    params.SerialNumber, params.TokenCode = serial, code
  end
  return sts.ask(context, "assume_role", params, {
    where = where, provider = "assume_role", profile = step.profile, credentials = source,
    features = (features .. ",i"):gsub(",i,i$", ",i"),
  })
end

return assume_role
