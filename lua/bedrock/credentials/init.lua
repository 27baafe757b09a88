-- init.lua: the provider chain: asks one provider after the other, keeps what the first one gives, renews it in time.
--
-- A provider is a module of this folder: `name`, and `new(config) -> source | nil, reason`. A reason that is a text
-- means "not configured" and goes into the list of what was tried; an error table means "configured, but wrong" and
-- ends the chain, since somebody meant that identity. A source has `get(context) -> credentials | nil, err`, and
-- `refreshable` if asking it again can bring something new.
--
-- The chain is walked at the first request, not before: making a client costs nothing and never touches the network.

local config_module = require "bedrock.config"
local endpoint = require "bedrock.endpoint"
local keys = require "bedrock.credentials.keys"

local credentials = {}

-- The modules of this folder in the order of the chain, each loaded when the chain comes to it. Later providers (web
-- identity, containers, instance metadata) have their place at the end.
local PROVIDERS = { "static", "environment", "profile" }

-- Variables of providers that this version has not: whoever sets them should read that they were seen.
local NOT_SUPPORTED = {
  { "web identity", "AWS_WEB_IDENTITY_TOKEN_FILE" },
  { "container", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" },
  { "container", "AWS_CONTAINER_CREDENTIALS_FULL_URI" },
}

-- Credentials are renewed this long before their end (seconds), or in the last fifth of a shorter life.
local REFRESH_WINDOW = 300
local REFRESH_SHARE = 0.2

---@class bedrock.CredentialsProvider
local Provider = {}
Provider.__index = Provider
Provider.__name = "bedrock.CredentialsProvider"

function Provider.__tostring(self)
  return ("credentials provider (%s)"):format(self.source and self.source_name or "not asked yet")
end

-- Walk the chain: the source that answers for this configuration.
local function find_source(config)
  local tried = {}
  for _, module in ipairs(PROVIDERS) do
    local provider = require("bedrock.credentials." .. module)
    local source, reason = provider.new(config)
    if source then return source, provider.name end
    if type(reason) == "table" then return nil, reason end
    tried[#tried + 1] = ("%s: %s"):format(provider.name, reason)
  end
  for _, row in ipairs(NOT_SUPPORTED) do
    if config.getenv(row[2]) then
      tried[#tried + 1] = ("%s: %s is set, but this version does not support it"):format(row[1], row[2])
    end
  end
  return keys.fail(("no credentials were found. Tried: %s. Give the option credentials = { access_key_id = ..., "
    .. "secret_access_key = ... }, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put aws_access_key_id and "
    .. "aws_secret_access_key into a profile of %s"):format(table.concat(tried, "; "),
    config.location.credentials or "~/.aws/credentials"))
end

local function expired(found, now)
  return found.expiration ~= nil and found.expiration <= now
end

--- The credentials to sign with now.
---@param runtime table|nil  for providers that send or wait
---@param now number  seconds since 1970
---@return bedrock.Credentials|nil credentials  shared: not to be changed
---@return bedrock.Error? err  CredentialsError, or what a user's provider gave
function Provider:get(runtime, now)
  local cached = self.cached
  if cached and not (self.renew_at and now >= self.renew_at) then return cached end
  if not self.source then
    local source, name = find_source(self.config)
    if not source then return nil, name end
    self.source, self.source_name = source, name
  end
  local source = self.source
  if cached and not source.refreshable then
    -- Nothing can renew these; the message is made below.
    if not expired(cached, now) then return cached end
  end
  local config = self.config
  local found, err = source:get { runtime = runtime, now = now, region = config.region, profile = config.profile }
  if not found then
    -- What is left of the old ones is better than a failed call; the next one asks again.
    if cached and not expired(cached, now) then return cached end
    return nil, err
  end
  if expired(found, now) then
    local when = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(math.max(found.expiration, 0)))
    return keys.fail(("the credentials from %s%s have expired (at %s): get new ones")
      :format(found.provider, found.profile and (" %q"):format(found.profile) or "", when))
  end
  self.cached = found
  self.renew_at = nil
  if found.expiration then
    local life = found.expiration - now
    self.renew_at = found.expiration - math.min(REFRESH_WINDOW, life * REFRESH_SHARE)
  end
  return found
end

--- Forget what is cached, as after the service called it expired.
---@return boolean refreshable  asking again can bring something new
function Provider:invalidate()
  local source = self.source
  if not source or not source.refreshable then return false end
  self.cached, self.renew_at = nil, nil
  return true
end

--- The provider of a client. It looks for credentials at its first `get`; only the option `credentials` is checked now.
---@param config bedrock.Config
---@return bedrock.CredentialsProvider|nil provider
---@return bedrock.Error? err  CredentialsError
function credentials.provider(config)
  local provider = setmetatable({ config = config }, Provider)
  if config.credentials ~= nil then
    local source, name = find_source(config)
    if not source then return nil, name end
    provider.source, provider.source_name = source, name
  end
  return provider
end

--- The bearer token for an endpoint. A token goes over the wire as it is, so it is kept from plain http; loopback is
--- let through, since test servers stand there and nobody else listens.
---@param config bedrock.Config
---@param url string  the endpoint's
---@return string|nil token  nil without an error: there is none, sign with keys
---@return bedrock.Error? err  ConfigurationError
function credentials.bearer(config, url)
  local token = config.bearer_token
  if not token then return nil end
  local parts, err = endpoint.parse(url)
  if not parts then return nil, err end
  if parts.scheme ~= "https" and not parts.loopback then
    return nil, require("bedrock.errors").new {
      code = "ConfigurationError",
      retryable = false,
      message = ("a bearer token (%s) is sent over https only, but the endpoint is http://%s; use https, or sign with "
        .. "keys"):format(config.sources.bearer_token or "bearer_token", parts.authority),
    }
  end
  return token
end

--- Find credentials, for scripts that want to know which. Raises for wrong options, as bedrock.new does.
---@param options? bedrock.Options
---@return bedrock.Credentials|nil credentials
---@return bedrock.Error? err  ConfigurationError, CredentialsError, or what a user's provider gave
function credentials.resolve(options)
  local ok, message = config_module.check_options(options, "credentials.resolve")
  if not ok then error(message, 2) end
  local config, err = config_module.load(options)
  if not config then return nil, err end
  local provider
  provider, err = credentials.provider(config)
  if not provider then return nil, err end
  local runtime = config.runtime
  return provider:get(runtime, runtime and runtime:now() or os.time())
end

return credentials
