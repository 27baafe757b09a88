-- sso.lua: credentials for an account and a role, for whoever has logged in to IAM Identity Center (SSO).

local document = require "bedrock.credentials.document"
local keys = require "bedrock.credentials.keys"
local service = require "bedrock.credentials.service"
local sso_token = require "bedrock.credentials.sso_token"

local sso = {}

local NAMES = {
  access_key_id = "accessKeyId", secret_access_key = "secretAccessKey", session_token = "sessionToken",
  account_id = "sso_account_id",
}

local Source = { refreshable = true }
Source.__index = Source

function Source:get(context)
  local settings, where = self.step.settings, ("the profile %q (%s)"):format(self.step.profile, self.step.place)
  if not settings.sso_account_id or not settings.sso_role_name then
    return keys.fail(where .. " is for SSO tokens: credentials need sso_account_id and sso_role_name, too")
  end
  local token, err = self.token:get(context)
  if not token then return nil, err end
  local client
  client, err = service.client(context, "sso", { region = settings.sso_region })
  if not client then return keys.fail(where .. ": SSO can't be asked", err) end
  local answer
  answer, err = client:get_role_credentials {
    roleName = settings.sso_role_name, accountId = settings.sso_account_id, accessToken = token.token,
  }
  if not answer then
    if err.status == 401 then
      return keys.fail(("%s: SSO does not take the token any more: run `aws sso login --profile %s`"):format(where,
        self.step.profile), err, { token.token })
    end
    return keys.fail(("%s: SSO gave no credentials for the role %q in the account %s"):format(where,
      keys.shown(settings.sso_role_name), keys.shown(settings.sso_account_id)), err, { token.token })
  end
  local given = document.object(answer.roleCredentials)
  if type(given.expiration) ~= "number" then return keys.fail(where .. ": SSO answered without an expiration") end
  return keys.make({
    access_key_id = given.accessKeyId, secret_access_key = given.secretAccessKey, session_token = given.sessionToken,
    expiration = given.expiration / 1000, account_id = settings.sso_account_id,
    profile = self.step.profile, features = settings.sso_session and "r,s" or "t,u",
  }, "sso", where .. ": what SSO answered", NAMES)
end

--- The source for a profile's SSO settings.
---@param config bedrock.Config
---@param step bedrock.ProfileStep
---@return table source
function sso.source(config, step)
  return setmetatable({ step = step, token = sso_token.source(config, step) }, Source)
end

return sso
