-- container.lua: credentials of a container's task, as ECS and EKS Pod Identity hand them out over HTTP.
--
-- The address comes from the environment, and an authorization token goes there: plain HTTP is allowed to this machine
-- and to the well-known addresses of the two services only.

local core = require "bedrock.core"
local document = require "bedrock.credentials.document"
local endpoint = require "bedrock.endpoint"
local keys = require "bedrock.credentials.keys"
local metadata = require "bedrock.credentials.metadata"
local shared_files = require "bedrock.shared_files"

local container = { name = "container" }

local RELATIVE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
local FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
local TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

local ECS = "http://169.254.170.2"
local PLAIN_HOSTS = { ["169.254.170.2"] = true, ["169.254.170.23"] = true, ["[fd00:ec2::23]"] = true }

local LIMITS = { timeout = 2, attempts = 3 } -- as botocore has them

local NAMES = {
  access_key_id = "AccessKeyId", secret_access_key = "SecretAccessKey", session_token = "Token",
  expiration = "Expiration", account_id = "AccountId",
}

local function bad_variable(name, problem)
  return keys.fail(("the environment variable %s %s"):format(name, problem))
end

--- The URL to ask.
---@param getenv fun(name: string): string|nil
---@return string|nil url  nil alone: neither variable is set
---@return bedrock.Error? err  CredentialsError: the URL is none, or not one to send a token to
function container.uri(getenv)
  local relative = getenv(RELATIVE)
  if relative then
    if not relative:find("^/[\33-\126]*$") then
      return bad_variable(RELATIVE, "must be a path that begins with /, without blanks")
    end
    return ECS .. relative
  end
  local full = getenv(FULL)
  if not full then return nil end
  local base, query = full:match("^([^?]*)(%??.*)$")
  local parts, err = endpoint.parse(base)
  if not parts then
    return bad_variable(FULL, "is not usable: " .. err.message)
  elseif query:find("[^\33-\126]") or query:find("#", 1, true) then
    return bad_variable(FULL, "has a query with blanks, control characters or a fragment in it")
  elseif parts.scheme == "http" and not parts.loopback and not PLAIN_HOSTS[parts.host] then
    return bad_variable(FULL, ("names the host %s, which must be asked over https: plain http is for this machine and for "
      .. "the addresses of ECS and EKS only"):format(parts.authority))
  end
  return full
end

local Source = { refreshable = true }
Source.__index = Source

-- The value of the Authorization header, read anew each time since its file is replaced while it lasts.
local function authorization(config)
  local path = config.getenv(TOKEN_FILE)
  local name, token = TOKEN, config.getenv(TOKEN)
  if path then
    name = TOKEN_FILE
    local text, message = shared_files.read_text(config.read_file, path)
    if not text then
      return bad_variable(TOKEN_FILE, ("names a file that can't be read: %s"):format(message or path .. ": no such file"))
    end
    token = text:gsub("\r?\n$", "")
  elseif not token then
    return nil
  end
  if token == "" then
    return bad_variable(name, "gives an empty token")
  elseif token:find("[%c\127]") then
    return bad_variable(name, "gives a token with a line break or another control character in it")
  end
  return token
end

function Source:get(context)
  local config = self.config
  local token, err = authorization(config)
  if err then return nil, err end
  local where = "the container's credential endpoint " .. self.url:match("^%a+://[^/]*") -- whoever knows the path may ask
  local response
  response, err = metadata.send(context, { method = "GET", url = self.url,
    headers = { ["Accept"] = "application/json", ["Authorization"] = token } }, LIMITS, where)
  if not response then
    if err.code == "CredentialsError" then return nil, err end
    return keys.fail(where .. " can't be reached", err)
  end
  if response.status ~= 200 then
    local text = core.json_decode_plain(response.body or "")
    local message = type(text) == "table" and (text.message or text.Message)
    local _, failure = keys.fail(("%s answered with HTTP status %.14g%s"):format(where, response.status,
      type(message) == "string" and ": " .. keys.shown(message) or ""))
    failure.status, failure.retryable = response.status, response.status == 429 or response.status >= 500
    return nil, failure
  end
  local object
  object, err = document.read(response.body, where)
  if not object then return nil, err end
  return document.credentials(object, NAMES, "container", where, { features = "z" })
end

--- The source for a container's credentials.
---@param config bedrock.Config
---@return table|nil source
---@return string|bedrock.Error? reason  why there is none; an error table (CredentialsError) if it is set up and wrong
function container.new(config)
  local url, err = container.uri(config.getenv)
  if url then return setmetatable({ config = config, url = url }, Source) end
  return nil, err or ("%s and %s are not set"):format(RELATIVE, FULL)
end

return container
