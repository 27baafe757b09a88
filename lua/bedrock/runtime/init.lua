-- init.lua: which runtime a configuration means: the one that it names, else the one for this host.
--
-- Inside nginx that is the one over its own sockets, whatever the phase: a client may be made before the workers are, and
-- whether a call can wait is found out when it is made. libcurl would stop the whole worker, so it is not even loaded there.

local runtime = {}

--- Whether this is nginx.
---@return boolean
function runtime.inside_nginx()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and type(ngx.get_phase) == "function"
end

--- Whether waiting in a runtime stops everything else of the process.
---@param made bedrock.Runtime
---@return boolean
function runtime.blocks(made)
  local blocking = made.blocking
  if type(blocking) == "function" then return blocking(made) end
  return not made.sleep or blocking == true
end

local function over_cosockets(config)
  if config.ca_bundle and config.on_event then
    config.on_event { type = "warning", message = "ca_bundle (" .. tostring((config.sources or {}).ca_bundle or "option")
      .. ") has no say in nginx: whom TLS trusts is set by lua_ssl_trusted_certificate" }
  end
  return require("bedrock.runtime.cosocket").new {
    connect_timeout = config.connect_timeout, read_timeout = config.read_timeout,
    proxy = config.proxy, environment = config.environment,
  }
end

local function over_libcurl(config)
  require("bedrock.native").load "bedrock.curl"
  return require("bedrock.runtime.curl").new {
    connect_timeout = config.connect_timeout, read_timeout = config.read_timeout,
    ca_bundle = config.ca_bundle, proxy = config.proxy, environment = config.environment,
  }
end

--- The runtime of a configuration.
---@param config bedrock.Config
---@return bedrock.Runtime|nil runtime
---@return boolean|bedrock.Error owned  whether it was made here, and its owner has to close it
function runtime.of(config)
  if config.runtime then return config.runtime, false end
  local made, err = (runtime.inside_nginx() and over_cosockets or over_libcurl)(config)
  return made, err or true
end

return runtime
