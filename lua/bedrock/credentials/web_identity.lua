-- web_identity.lua: a role for whoever holds a token of an identity provider, as EKS gives one to each pod (IRSA).
--
-- The token is a file that somebody else replaces in time: it is read anew at each refresh.

local keys = require "bedrock.credentials.keys"
local shared_files = require "bedrock.shared_files"
local sts = require "bedrock.credentials.sts"
local trim = require("bedrock.protocol.text").trim

local web_identity = { name = "web identity" }

local FILE, ROLE, SESSION = "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"

local Source = { refreshable = true }
Source.__index = Source

local function read_token(config, role)
  local text, message = shared_files.read_text(config.read_file, role.file)
  if not text then
    return keys.fail(("%s: the token file can't be read: %s"):format(role.where, message or role.file .. ": no such file"))
  end
  local token = trim(text)
  if token == "" then return keys.fail(("%s: the token file %s is empty"):format(role.where, role.file)) end
  if token:find("[^\33-\126]") then
    return keys.fail(("%s: the token file %s has a blank, a line break or a character outside printable ASCII inside its "
      .. "token"):format(role.where, role.file))
  end
  return token
end

function Source:get(context)
  local role = self.role
  local token, err = read_token(context.config, role)
  if not token then return nil, err end
  return sts.ask(context, "assume_role_with_web_identity", {
    RoleArn = role.arn, RoleSessionName = role.session_name or sts.session_name(context), WebIdentityToken = token,
  }, { where = role.where, provider = "web_identity", profile = role.profile, features = role.features })
end

--- A source for one role.
---@param role {arn: string, file: string, session_name?: string, where: string, profile?: string, features: string}
---@return table source
function web_identity.source(role)
  return setmetatable({ role = role }, Source)
end

--- The source that the environment sets up.
---@param config bedrock.Config
---@return table|nil source
---@return string|bedrock.Error? reason  why there is none; an error table (CredentialsError) if it is set up and wrong
function web_identity.new(config)
  local file, arn = config.getenv(FILE), config.getenv(ROLE)
  if not file then return nil, FILE .. " is not set" end
  if not arn then
    return keys.fail(("the environment variable %s is set, but %s is not: set both, or neither"):format(FILE, ROLE))
  end
  return web_identity.source { arn = arn, file = file, session_name = config.getenv(SESSION),
    where = ("web identity (%s)"):format(FILE), features = "h,k" }
end

return web_identity
