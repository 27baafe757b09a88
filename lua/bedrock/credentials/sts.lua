-- sts.lua: credentials of a role, from the Security Token Service: AssumeRole with the keys of somebody else, and
-- AssumeRoleWithWebIdentity with a token that proves who is asking.

local document = require "bedrock.credentials.document"
local keys = require "bedrock.credentials.keys"
local service = require "bedrock.credentials.service"

local sts = {}

local NAMES = {
  access_key_id = "AccessKeyId", secret_access_key = "SecretAccessKey", session_token = "SessionToken",
  expiration = "Expiration",
}

--- A name for a session that nobody named: 2 to 64 of A-Z a-z 0-9 _ + = , . @ -
---@param context bedrock.CredentialsContext
---@return string
function sts.session_name(context)
  return ("lua-bedrock-session-%d"):format(math.floor(context.now))
end

--- Ask STS.
---@param context bedrock.CredentialsContext
---@param operation "assume_role"|"assume_role_with_web_identity"
---@param params table  of the operation
---@param role {where: string, provider: string, profile?: string, features: string, credentials?: bedrock.Credentials}
---  where: begins the messages of errors
---@return bedrock.Credentials|nil credentials
---@return bedrock.Error? err  CredentialsError; its `cause` is the service's error
function sts.ask(context, operation, params, role)
  local client, err = service.client(context, "sts", { credentials = role.credentials })
  if not client then return keys.fail(role.where .. ": STS can't be asked", err) end
  local answer
  answer, err = client[operation](client, params)
  local what = ("%s: the role %s can't be assumed"):format(role.where, params.RoleArn)
  if not answer then
    -- What was signed with is the client's to hide.
    return keys.fail(what, err, { params.WebIdentityToken, role.credentials and role.credentials.session_token })
  end
  local given, user = document.object(answer.Credentials), document.object(answer.AssumedRoleUser)
  local arn = type(user.Arn) == "string" and user.Arn or ""
  if type(given.Expiration) ~= "number" then return keys.fail(what .. ": STS answered without a readable Expiration") end
  return keys.make({
    access_key_id = given.AccessKeyId, secret_access_key = given.SecretAccessKey, session_token = given.SessionToken,
    expiration = given.Expiration, account_id = arn:match("^[^:]*:[^:]*:[^:]*:[^:]*:(%d+):"),
    profile = role.profile, features = role.features,
  }, role.provider, what .. ": what STS answered", NAMES)
end

return sts
