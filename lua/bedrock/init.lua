--- lua-bedrock: Amazon Bedrock for Lua.
--
--     local bedrock = require "bedrock"
--     local client = assert(bedrock.new { region = "us-east-1" })
--     local models, err = client:list_foundation_models { byCustomizationType = "FINE_TUNING" }
--
-- This file puts a client together from its parts: configuration, endpoint, credentials, retry strategy, runtime.

require("bedrock.native").load "bedrock.core"

local client = require "bedrock.client"
local clock = require "bedrock.clock"
local config = require "bedrock.config"
local credentials = require "bedrock.credentials"
local endpoint = require "bedrock.endpoint"
local model = require "bedrock.model"
local retry = require "bedrock.retry"
local runtimes = require "bedrock.runtime"
local useragent = require "bedrock.useragent"

local bedrock = {
  _VERSION = useragent.VERSION,
  time = require "bedrock.time",
}

--- What sends, waits and knows the time; CONTRIBUTING.md has the contract.
---@class bedrock.Runtime
---@field send fun(self: bedrock.Runtime, request: bedrock.RuntimeRequest, deadline?: number): bedrock.Response|nil, table?
---@field sleep fun(self: bedrock.Runtime, seconds: number)
---@field now fun(self: bedrock.Runtime): number  seconds since 1970
---@field ready? fun(self: bedrock.Runtime): boolean|nil, table?  whether a call can wait where it is made
---@field close? fun(self: bedrock.Runtime)
---@field blocking? boolean|fun(self: bedrock.Runtime): boolean  nothing else of the process runs while it waits
---@field apart? fun(self: bedrock.Runtime, f: fun()): boolean  runs f by itself, where a caller may be ended at any time

---@class bedrock.Options
---@field region? string  otherwise AWS_REGION, AWS_DEFAULT_REGION, or the profile's region
---@field profile? string  a profile of ~/.aws/config and ~/.aws/credentials
---@field credentials? bedrock.Credentials|function|table  keys, or a provider (see CONTRIBUTING.md)
---@field bearer_token? string  an API key, used in place of signatures
---@field endpoint_url? string  another host than the region's, with an optional port and base path
---@field max_attempts? integer  3; the first attempt counts
---@field retry_mode? "standard"|"adaptive"
---@field connect_timeout? number  seconds, 10
---@field read_timeout? number  seconds without a byte of the answer, 60
---@field timeout? number  seconds for a whole call, attempts and pauses included; no limit if not given
---@field ca_bundle? string  file with the certificates to trust (PEM)
---@field proxy? string|false  URL of a proxy; false for none; otherwise HTTPS_PROXY and NO_PROXY count
---@field use_fips_endpoint? boolean
---@field use_dualstack_endpoint? boolean
---@field app_id? string  names your program in the User-Agent header
---@field mfa_code? fun(serial: string): string|nil  the six digits of an MFA device, for roles with mfa_serial
---@field on_event? fun(event: table)  hears of attempts, answers, retries, renewed credentials and warnings
---@field runtime? bedrock.Runtime  what sends, sleeps and knows the time, in place of libcurl or nginx's sockets
---@field api? table  another API table, made by tools/genapi.lua
---@field environment? table<string, string>  in place of the process's environment
---@field read_file? fun(path: string): string|nil, string|nil  in place of the disk

--- Make a client. Nothing is sent, and no credentials are looked for, before the first call.
--- Raises at the caller's line for an option that does not exist or has a wrong type.
---@param options? bedrock.Options
---@return bedrock.Client|nil client
---@return bedrock.Error? err  `ConfigurationError`, `CredentialsError`
function bedrock.new(options)
  local ok, problem = config.check_options(options, "bedrock.new")
  if not ok then error(problem, 2) end
  options = options or {}

  local api = model.load(options.api or require "bedrock.api.bedrock")
  local metadata = api.metadata
  local cfg, err = config.load(options)
  if not cfg then return nil, err end

  local region
  region, err = config.require_region(cfg)
  if not region and not cfg.endpoint_url then return nil, err end
  local base_url, endpoint_err = endpoint.resolve {
    service = metadata.endpointPrefix, region = region, endpoint_url = cfg.endpoint_url,
    use_fips_endpoint = cfg.use_fips_endpoint, use_dualstack_endpoint = cfg.use_dualstack_endpoint,
  }
  if not base_url then return nil, endpoint_err end

  local bearer_token, bearer_err = credentials.bearer(cfg, base_url)
  if bearer_err then return nil, bearer_err end
  local shared_clock = clock.new(cfg.correct_clock_skew)
  local provider
  if not bearer_token then
    if not region then return nil, err end -- an endpoint tells where to send, signing still needs the region
    provider, err = credentials.provider(cfg, shared_clock)
    if not provider then return nil, err end
  end

  if cfg.on_event and #(cfg.app_id or "") > useragent.LONGEST_APP_ID then
    cfg.on_event { type = "warning", message = ("the app_id (%s) has more than %d characters; it is sent all the same")
      :format(cfg.sources.app_id, useragent.LONGEST_APP_ID) }
  end
  local runtime, owned = runtimes.of(cfg)
  if not runtime then return nil, owned end
  return client.new {
    config = cfg, model = api, runtime = runtime, owns_runtime = owned,
    credentials = provider, bearer_token = bearer_token,
    retry = retry.new { mode = cfg.retry_mode, max_attempts = cfg.max_attempts },
    clock = shared_clock,
    base_url = base_url, signing_name = metadata.signingName or metadata.endpointPrefix, region = region,
    user_agent = useragent.builder(cfg, (cfg.endpoint_url and "N," or "")
      .. (bearer_token and cfg.sources.bearer_token:find("^environment") and "3" or "")),
    -- Lambda sets another trace for each event, and none while the program starts.
    trace_id = cfg.getenv("AWS_LAMBDA_FUNCTION_NAME") and function() return useragent.trace_id(cfg.environment) end,
  }
end

--- Run tasks side by side: functions, or rows { client, operation, params, call_options }, as a list or as a function that
--- gives one after the other. Everything that works alone works inside: retries, pages, waiting, renewed credentials. A
--- function is called with its index; what it returns is its result, and `nil, err` its error, as is what it raises.
---
---     local results, errors = bedrock.parallel({
---       { client, "get_custom_model", { modelIdentifier = "a" } },
---       function() return client:get_custom_model { modelIdentifier = "b" } end,
---     }, { limit = 10 })
---
--- Raises at the caller's line for tasks and options that are none.
---@param tasks bedrock.Task[]|fun(): bedrock.Task|nil
---@param options? bedrock.ParallelOptions
---@return table results  by the tasks' indices; n is how many tasks there were
---@return table errors  likewise, of those that failed
function bedrock.parallel(tasks, options)
  local parallel = require "bedrock.parallel"
  local problem = parallel.check(tasks, options)
  if problem then error(problem, 2) end
  return parallel.run(tasks, options)
end

--- What the library sees of this machine, as a table and, printed, a report: versions, settings and where they came from,
--- each provider of credentials with what it found or why it was passed over. Secrets are masked. It asks the network
--- where credentials come from there.
--- Raises at the caller's line for an option that does not exist or has a wrong type.
---@param options? bedrock.Options  those of bedrock.new
---@return bedrock.DoctorReport report
function bedrock.doctor(options)
  local ok, problem = config.check_options(options, "bedrock.doctor")
  if not ok then error(problem, 2) end
  return require("bedrock.doctor").examine(options)
end

return bedrock
