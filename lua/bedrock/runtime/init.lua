-- init.lua: which runtime a configuration means: the one that it names, else the one for this host.

local native = require "bedrock.native"

local runtime = {}

--- The runtime of a configuration.
---@param config bedrock.Config
---@return bedrock.Runtime|nil runtime
---@return boolean|bedrock.Error owned  whether it was made here, and its owner has to close it
function runtime.of(config)
  if config.runtime then return config.runtime, false end
  native.load "bedrock.curl"
  local made, err = require("bedrock.runtime.curl").new {
    connect_timeout = config.connect_timeout, read_timeout = config.read_timeout,
    ca_bundle = config.ca_bundle, proxy = config.proxy, environment = config.environment,
  }
  return made, err or true
end

return runtime
