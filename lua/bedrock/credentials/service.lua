-- service.lua: clients of the services that give credentials (STS, SSO, SSO OIDC). They are the project's own engine over
-- the API tables of those services, so that checks, retries, clock correction and errors are the same as everywhere.
--
-- Their endpoints come from the environment, the profile or the rules. The option endpoint_url is not for them: it names a
-- host of the client's own service.

local client = require "bedrock.client"
local config_module = require "bedrock.config"
local endpoint = require "bedrock.endpoint"
local model = require "bedrock.model"
local retry = require "bedrock.retry"

local service = {}

-- What is asked for may be slow, but a call that waits for credentials must not wait for minutes.
local TIMEOUT = 60 -- seconds for one operation, attempts and pauses included

local STS_REGIONAL = { variable = "AWS_STS_REGIONAL_ENDPOINTS", key = "sts_regional_endpoints", as = "text" }

-- Where "legacy" means the global endpoint, which signs for us-east-1.
local LEGACY_STS = {}
for name in ([[ap-northeast-1 ap-south-1 ap-southeast-1 ap-southeast-2 aws-global ca-central-1 eu-central-1 eu-north-1
  eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2]]):gmatch("%S+") do
  LEGACY_STS[name] = true
end

-- What STS's own endpoint rules add: the URL and the region to sign for, or nothing.
local function global_sts(config, region)
  local mode, place, err = config_module.get(config, STS_REGIONAL)
  if err then return nil, nil, err end
  mode = (mode or "regional"):lower()
  if mode ~= "regional" and mode ~= "legacy" then
    return nil, nil, require("bedrock.errors").new { code = "ConfigurationError", retryable = false,
      message = ("%s: the STS endpoints must be regional or legacy"):format(place) }
  end
  if config.use_fips_endpoint or config.use_dualstack_endpoint then return nil end
  if region == "aws-global" or (mode == "legacy" and LEGACY_STS[region]) then
    return "https://sts.amazonaws.com", "us-east-1"
  end
end

-- What a client takes for its provider: credentials for one use, which nobody renews.
local function fixed(credentials)
  local function no() return false end
  return { get = function() return credentials end, forget = no, replace = no }
end

--- A client for one use.
---@param context bedrock.CredentialsContext
---@param name "sts"|"sso"|"sso_oidc"
---@param options? {region?: string, credentials?: bedrock.Credentials}  the region in place of the configuration's; what to
---  sign with
---@return bedrock.Client|nil client
---@return bedrock.Error? err  ConfigurationError
function service.client(context, name, options)
  options = options or {}
  local config = context.config
  local api = model.load(require("bedrock.api." .. name))
  local metadata = api.metadata
  local region, missing = options.region, nil
  if not region then region, missing = config_module.require_region(config) end
  if not region then return nil, missing end
  local url, _, err = config_module.service_endpoint_url(config, metadata.serviceId)
  local signing_region
  if not url and not err and name == "sts" then url, signing_region, err = global_sts(config, region) end
  if err then return nil, err end
  url, err = endpoint.resolve {
    service = metadata.endpointPrefix, region = region, endpoint_url = url,
    use_fips_endpoint = config.use_fips_endpoint, use_dualstack_endpoint = config.use_dualstack_endpoint,
  }
  if not url then return nil, err end
  if not options.credentials and not url:find("^https:") and not endpoint.parse(url).loopback then
    context.warn(("%s is asked over plain http (%s), which shows everybody on the way the token that goes there")
      :format(metadata.serviceId, url))
  end
  local timeout = TIMEOUT
  if context.deadline then timeout = math.min(timeout, math.max(context.deadline - context.runtime:now(), 0.001)) end
  return client.new {
    config = {
      connect_timeout = config.connect_timeout, read_timeout = config.read_timeout, timeout = timeout,
      on_event = config.on_event,
    },
    model = api, runtime = context.runtime, owns_runtime = false,
    credentials = fixed(options.credentials),
    retry = retry.new { max_attempts = config.max_attempts, random = context.random },
    clock = context.clock,
    base_url = url, signing_name = metadata.signingName or metadata.endpointPrefix, region = signing_region or region,
    user_agent = function() return context.user_agent end,
  }
end

return service
