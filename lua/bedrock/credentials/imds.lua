-- imds.lua: credentials of an EC2 instance's role, from the instance metadata service.
--
-- Version 2 of the service wants a session token with each request; version 1, without one, is the fallback where the
-- token can't be had, unless it is switched off. A machine that is no instance has nobody at the address: that is no
-- error, only a place where nothing was found.
--
-- In an outage the service may hand out credentials that are about to expire, or none: the last ones are then used on,
-- since services accept them longer ("static stability").

local config_module = require "bedrock.config"
local document = require "bedrock.credentials.document"
local endpoint = require "bedrock.endpoint"
local keys = require "bedrock.credentials.keys"
local metadata = require "bedrock.credentials.metadata"
local trim = require("bedrock.protocol.text").trim

local imds = { name = "imds" }

local ADDRESSES = { ipv4 = "http://169.254.169.254", ipv6 = "http://[fd00:ec2::254]" }
local TOKEN_PATH = "/latest/api/token"
local ROLES_PATH = "/latest/meta-data/iam/security-credentials/"

local TOKEN_LIFE = 21600 -- seconds: the longest that the service gives
local TOKEN_MARGIN = 120 -- a token is not used in its last seconds
local EXTENSION = { 600, 900 } -- seconds for which expired credentials are used on: from, to

local NAMES = {
  access_key_id = "AccessKeyId", secret_access_key = "SecretAccessKey", session_token = "Token",
  expiration = "Expiration", account_id = "AccountId",
}

local ENDPOINT = { variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT", key = "ec2_metadata_service_endpoint", as = "text" }
local MODE = { variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", key = "ec2_metadata_service_endpoint_mode", as = "text" }
local V1_DISABLED = {
  variable = "AWS_EC2_METADATA_V1_DISABLED", key = "ec2_metadata_v1_disabled", as = "boolean", default = false,
}
local TIMEOUT = {
  variable = "AWS_METADATA_SERVICE_TIMEOUT", key = "metadata_service_timeout", as = "seconds", default = 1,
}
local ATTEMPTS = {
  variable = "AWS_METADATA_SERVICE_NUM_ATTEMPTS", key = "metadata_service_num_attempts", as = "attempts", default = 1,
}

--- The service's base URL, without a slash at its end.
---@param config bedrock.Config
---@param override? {endpoint?: string, mode?: string}  in place of what environment and profile say
---@return string|nil url
---@return bedrock.Error? err  ConfigurationError that names the variable, or file and line
function imds.endpoint(config, override)
  local url, mode, place, err
  if override and (override.endpoint or override.mode) then
    url, mode, place = override.endpoint, override.mode, "the override"
  else
    url, place, err = config_module.get(config, ENDPOINT)
    if not url and not err then mode, place, err = config_module.get(config, MODE) end
    if err then return nil, err end
  end
  if url then
    local parts
    parts, err = endpoint.parse(url)
    if not parts then
      err.message = ("%s: %s"):format(place, err.message)
      return nil, err
    end
    return parts.scheme .. "://" .. parts.authority .. parts.path
  end
  local address = ADDRESSES[(mode or "IPv4"):lower()]
  if address then return address end
  return nil, require("bedrock.errors").new { code = "ConfigurationError", retryable = false,
    message = ("%s: the mode of the metadata endpoint must be IPv4 or IPv6, not %q"):format(place, keys.shown(mode, 40)) }
end

local Source = { refreshable = true }
Source.__index = Source

function Source:fail(what, response)
  local _, err = keys.fail(("%s %s"):format(self.where, what))
  if response then
    err.status, err.retryable = response.status, response.status == 429 or response.status >= 500
    err.message = ("%s (HTTP status %.14g)"):format(err.message, response.status)
  end
  return nil, err
end

-- No answer. Where nobody has been heard so far, that is the chain's reason for going on, and no error.
function Source:unanswered(err, token)
  if err.code == "CredentialsError" then return nil, err end
  if token or err.code == "ResponseError" then return keys.fail(self.where .. " gave no answer that can be read", err) end
  return nil, ("nobody answers at %s (%s); this is no EC2 instance, or its metadata service is off"):format(self.url,
    err.code == "TimeoutError" and ("within %g s"):format(self.limits.timeout) or keys.shown(tostring(err.message)))
end

-- A session token; false for going on without one, to which a fetch then keeps: silence costs a second each time.
function Source:session_token(context)
  if self.without_token then return false end
  if self.token and context.runtime:now() < self.token_until then return self.token end
  self.token = nil
  local response, err = metadata.send(context, { method = "PUT", url = self.url .. TOKEN_PATH, body = "",
    headers = { ["x-aws-ec2-metadata-token-ttl-seconds"] = tostring(TOKEN_LIFE) } }, self.limits, self.where)
  if response and response.status == 200 then
    local token = trim(response.body or "")
    if not token:find("^[\33-\126]+$") then return self:fail("gave a session token that can't be used") end
    local life = tonumber((response.headers or {})["x-aws-ec2-metadata-token-ttl-seconds"]) or TOKEN_LIFE
    self.token, self.token_until = token, context.runtime:now() + life - TOKEN_MARGIN
    return token
  end
  -- In a container, the answer to PUT may not reach this far while GET's would.
  local silent = err and err.code == "TimeoutError" and err.kind ~= "timeout_connect"
  local refused = response and (response.status == 403 or response.status == 404 or response.status == 405)
  if silent or refused then
    self.without_token = not self.v1_disabled
    if self.without_token then return false end
    return self:fail(("gave no session token%s, and its version 1 is switched off (%s); in a container, raise the "
      .. "instance's metadata hop limit"):format(silent and (" within %g s"):format(self.limits.timeout) or "",
      self.v1_place), response)
  elseif response then
    return self:fail("refused a session token", response)
  end
  return self:unanswered(err)
end

-- GET below the service with a session token, with a new one where it is refused.
function Source:read(context, path)
  local token, response, err
  for _ = 1, 2 do
    token, err = self:session_token(context)
    if token == nil then return nil, err end
    response, err = metadata.send(context, { method = "GET", url = self.url .. path,
      headers = { ["x-aws-ec2-metadata-token"] = token or nil } }, self.limits, self.where)
    if not response then return self:unanswered(err, token) end
    if response.status ~= 401 then return response end
    self.token, self.without_token = nil, nil
  end
  return self:fail(token and "refuses its own session tokens" or "wants a session token, but gives none", response)
end

function Source:fetch(context)
  self.without_token = nil
  local response, err = self:read(context, ROLES_PATH)
  if not response then return nil, err end
  local role = response.status == 200 and (response.body or ""):match("^%s*([^\r\n]*)") or nil
  role = role and trim(role)
  if response.status == 404 or role == "" then return nil, "no role is attached to this instance" end
  if not role then return self:fail("did not name the instance's role", response) end
  if not role:find("^[%w+=,.@_-]+$") then return self:fail("named a role that is none") end

  response, err = self:read(context, ROLES_PATH .. role)
  if not response then return nil, err end
  if response.status ~= 200 then return self:fail(("gave no credentials for the role %q"):format(role), response) end
  local object
  object, err = document.read(response.body, self.where)
  if not object then return nil, err end
  if object.Code ~= nil and object.Code ~= "Success" then
    return self:fail(("gave no credentials for the role %q: %s%s"):format(role, keys.shown(tostring(object.Code)),
      object.Message ~= nil and ": " .. keys.shown(tostring(object.Message)) or ""))
  end
  return document.credentials(object, NAMES, "imds", self.where, { features = "0" })
end

-- The same credentials with a later end.
local function extended(found, context)
  local copy = {}
  for name, value in pairs(found) do copy[name] = value end
  copy.expiration = math.max(found.expiration or 0,
    context.now + EXTENSION[1] + (EXTENSION[2] - EXTENSION[1]) * context.random())
  return keys.make(copy, "imds", "the instance metadata service")
end

function Source:get(context)
  local found, err = self:fetch(context)
  if found then
    self.last = found
    if not found.expiration or found.expiration > context.now then return found end
    context.warn("the instance metadata service gave expired credentials; they are used on, and asked for again later")
    return extended(found, context)
  elseif self.last then
    context.warn("the instance metadata service gave no new credentials; the last ones are used on: "
      .. tostring(err))
    return extended(self.last, context)
  end
  return nil, err
end

--- The source for an instance's role.
---@param config bedrock.Config
---@return table|nil source
---@return string|bedrock.Error? reason  why there is none; an error table (ConfigurationError) for a wrong setting
function imds.new(config)
  local off, place, err = config_module.get(config, { variable = "AWS_EC2_METADATA_DISABLED", as = "boolean" })
  if err then return nil, err end
  if off then return nil, place .. " switches it off" end
  local url
  url, err = imds.endpoint(config)
  if not url then return nil, err end
  local self = setmetatable({ url = url, where = "the instance metadata service " .. url, limits = {} }, Source)
  for name, setting in pairs { timeout = TIMEOUT, attempts = ATTEMPTS } do
    local value, _, problem = config_module.get(config, setting)
    if problem then return nil, problem end
    self.limits[name] = value
  end
  self.v1_disabled, self.v1_place, err = config_module.get(config, V1_DISABLED)
  if err then return nil, err end
  return self
end

return imds
