-- init.lua: credentials for clients, and for scripts that want to know which there are.
--
-- chain.lua asks the providers, one file each; refresh.lua keeps what they give and renews it. The chain is walked at the
-- first request, not before: making a client costs nothing and never touches the network.

local config_module = require "bedrock.config"
local endpoint = require "bedrock.endpoint"
local keys = require "bedrock.credentials.keys"
local refresh = require "bedrock.credentials.refresh"

local credentials = {}

--- The provider of a client. It looks for credentials at its first `get`; only the option `credentials` is checked now.
---@param config bedrock.Config
---@param clock? bedrock.Clock
---@return bedrock.CredentialsProvider|nil provider
---@return bedrock.Error? err  CredentialsError
function credentials.provider(config, clock)
  local provider = refresh.new(config, clock)
  if config.credentials ~= nil then
    local static = require "bedrock.credentials.static"
    local source, err = static.new(config)
    if not source then return nil, err end
    provider.source, provider.source_name = source, static.name
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

-- From options to what `find(provider, runtime, now, deadline)` gives, with a runtime for as long as that takes.
local function with_provider(options, what, find)
  local ok, message = config_module.check_options(options, what)
  if not ok then error(message, 3) end
  local config, err = config_module.load(options)
  if not config then return nil, err end
  local provider
  provider, err = credentials.provider(config)
  if not provider then return nil, err end
  local runtime, owned = require("bedrock.runtime").of(config)
  if not runtime then return nil, owned end
  local now = runtime:now()
  local found
  found, err = find(provider, runtime, now, config.timeout and now + config.timeout)
  if owned then runtime:close() end
  return found, err
end

--- Find credentials, for scripts that want to know which. Raises for wrong options, as bedrock.new does.
---@param options? bedrock.Options  `timeout` limits the whole search
---@return bedrock.Credentials|nil credentials
---@return bedrock.Error? err  ConfigurationError, CredentialsError, TimeoutError, or what a user's provider gave
function credentials.resolve(options)
  -- No tail call: what is wrong with the options is raised two levels up.
  local found, err = with_provider(options, "credentials.resolve", function(provider, ...) return provider:get(...) end)
  return found, err
end

-- What is known without asking anybody, else the token of the profile's SSO session.
local function find_token(provider, ...)
  local config = provider.config
  if config.bearer_token then
    return { token = config.bearer_token,
      provider = config.sources.bearer_token:find("^option") and "options" or "environment" }
  end
  local steps, message = require("bedrock.credentials.profile_chain").steps(config.profile_data, config.profile_origins,
    config.profile)
  if message then return keys.fail(message) end
  local step = steps and steps[1]
  if not step or step.kind ~= "sso" then
    return keys.fail(("there is no token: neither the option bearer_token nor AWS_BEARER_TOKEN_BEDROCK is set, and the "
      .. "profile %q has no sso_session"):format(config.profile))
  end
  local found, err = require("bedrock.credentials.sso_token").source(config, step):get(provider:context(...))
  if not found then return nil, err end
  found.provider, found.profile = "sso", step.profile
  return found
end

---@class bedrock.BearerToken
---@field token string
---@field expiration? number  seconds since 1970
---@field provider string  "options", "environment", "sso"
---@field profile? string

--- Find a bearer token: the option, the environment's, or that of the profile's SSO session, renewed where that is due.
--- A client uses the first two only, since Bedrock takes API keys and no SSO tokens.
--- Raises for wrong options, as bedrock.new does.
---@param options? bedrock.Options
---@return bedrock.BearerToken|nil token
---@return bedrock.Error? err  ConfigurationError, CredentialsError
function credentials.token(options)
  local found, err = with_provider(options, "credentials.token", find_token)
  return found, err
end

return credentials
