-- endpoint.lua: from a region and some switches to the URL that requests go to, and the reading of URLs.
--
-- The public endpoint rules of this family of services are one small tree (custom endpoint, FIPS, dual stack, plain),
-- so they are one function over the data of partitions.lua rather than a rule engine. Error texts are the rules' own.
--
-- A region becomes part of a host name that receives signed requests, so nothing but a host label is let through; and
-- a region that no list knows is used all the same, since AWS opens new ones without asking us.

local errors = require "bedrock.errors"
local partitions = require "bedrock.partitions"

local endpoint = {}

local DEFAULT_PORTS = { http = 80, https = 443 }
local MAX_HOST = 253 -- RFC 1035, less the closing dot's share
local MAX_LABEL = 63

local function refuse(message, hint)
  return nil, errors.new { code = "ConfigurationError", message = message, hint = hint, retryable = false }
end

--- Whether a text can be one label of a host name: 1-63 letters, digits and hyphens, no hyphen at an end, not digits
--- alone.
---@param text any
---@return boolean
function endpoint.is_host_label(text)
  return type(text) == "string" and #text >= 1 and #text <= MAX_LABEL
    and text:find("^[%w-]+$") ~= nil and text:find("^%d+$") == nil
    and text:sub(1, 1) ~= "-" and text:sub(-1) ~= "-"
    -- %w follows the C locale; only ASCII may pass whatever that is
    and text:find("[\128-\255]") == nil
end

--- The partition of a region; unknown regions belong to "aws".
---@param region string
---@return bedrock.Partition
function endpoint.partition(region)
  for _, partition in ipairs(partitions) do
    if partition.regions[region] then return partition end
  end
  local prefix = region:match("^(.+)%-[%w_]+%-%d+$")
  if prefix then
    for _, partition in ipairs(partitions) do
      for _, known in ipairs(partition.prefixes) do
        if known == prefix then return partition end
      end
    end
  end
  return partitions[1]
end

--- Split a pseudo-region: "fips-us-east-1" and "us-east-1-fips" mean us-east-1 with FIPS endpoints.
---@param region string
---@return string region
---@return boolean fips
function endpoint.split_region(region)
  local plain = region:match("^fips%-(.+)$") or region:match("^(.+)%-fips$")
  if plain then return plain, true end
  return region, false
end

-- A URL as an error message may show it: no user info, no query, nothing that a terminal would obey.
local function shown(url)
  -- Where there is an @, no part is sure to be none of a password: it may hold "?", "#" and "/".
  local text = url:find("@", 1, true) and (url:match("^%a[%w+.-]*://") or "") .. "***" or url:gsub("[?#].*$", "")
  text = text:gsub("[%c\127-\255]", "?")
  if #text > 200 then text = text:sub(1, 200) .. "..." end
  return '"' .. text .. '"'
end

local function is_ipv6(text)
  if #text > 45 or not text:find("^[%x:%.]+$") then return false end
  local _, colons = text:gsub(":", "")
  if colons < 2 or colons > 7 or text:find(":::", 1, true) then return false end
  local _, doubles = text:gsub("::", "")
  if doubles > 1 or (doubles == 0 and colons ~= 7 and not text:find(".", 1, true)) then return false end
  for group in text:gmatch("[^:]+") do
    if not group:find(".", 1, true) and #group > 4 then return false end
  end
  return true
end

local function is_host_name(text)
  if text == "" or #text > MAX_HOST or text:find("..", 1, true) or text:sub(1, 1) == "." then return false end
  for label in text:gmatch("[^.]+") do
    if #label > MAX_LABEL or label:find("[^a-z0-9_-]") or label:sub(1, 1) == "-" or label:sub(-1) == "-" then
      return false
    end
  end
  return true
end

-- Only what certainly stays on this machine; a name that merely resolves to it does not count.
local function is_loopback(host)
  if host == "localhost" or host == "[::1]" then return true end
  local a, b, c, d = host:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a == "127" and tonumber(b) <= 255 and tonumber(c) <= 255 and tonumber(d) <= 255
end

---@class bedrock.Url
---@field scheme "http"|"https"
---@field host string  lower case; an IPv6 address keeps its brackets
---@field port integer  the scheme's own if the URL names none
---@field authority string  host, and the port where it is not the scheme's own
---@field path string  the base path without a slash at its end: "" or "/base"
---@field loopback boolean  the host is this machine: localhost, 127.0.0.0/8 or [::1]

--- Read the URL of an endpoint. Refuses what has no place in one: other schemes, user info, query, fragment, blanks
--- and control characters.
---@param url string
---@return bedrock.Url|nil parts
---@return bedrock.Error? err  ConfigurationError
function endpoint.parse(url)
  if type(url) ~= "string" then return refuse("an endpoint URL must be a string, got " .. type(url)) end
  if url:find("[%c%s\127]") then
    return refuse(("the endpoint URL %s has blanks or control characters in it"):format(shown(url)))
  end
  if url:find("[\128-\255]") then
    return refuse(("the endpoint URL %s has characters outside ASCII: write host names in their xn-- form and paths "
      .. "with %%XX"):format(shown(url)))
  end
  local scheme, rest = url:match("^(%a[%w+.-]*)://(.*)$")
  if not scheme then
    return refuse(("the endpoint URL %s must begin with https:// or http://"):format(shown(url)))
  end
  scheme = scheme:lower()
  if not DEFAULT_PORTS[scheme] then
    return refuse(("the endpoint URL %s has the scheme %s; only https and http are possible")
      :format(shown(url), scheme))
  end
  if rest:find("#", 1, true) then
    return refuse(("the endpoint URL %s must not have a fragment (#...)"):format(shown(url)))
  end
  if rest:find("?", 1, true) then
    return refuse(("the endpoint URL %s must not have a query (?...)"):format(shown(url)))
  end
  local authority, path = rest:match("^([^/]*)(.*)$")
  if authority:find("@", 1, true) then
    return refuse("the endpoint URL must not have a user name or password in it; credentials have options of their own")
  end
  if path:find('[\\"<>^`{|}]') then
    return refuse(("the endpoint URL %s has characters in its path that must be written as %%XX"):format(shown(url)))
  end
  local host, port_text
  if authority:sub(1, 1) == "[" then
    host, port_text = authority:match("^(%[[^%]]*%])(.*)$")
    if not host or not is_ipv6(host:sub(2, -2)) or not (port_text == "" or port_text:sub(1, 1) == ":") then
      return refuse(("the endpoint URL %s has no valid IPv6 address in its brackets"):format(shown(url)))
    end
    if port_text ~= "" then port_text = port_text:sub(2) else port_text = nil end
  else
    host, port_text = authority:match("^([^:]*):(.*)$")
    if not host then host = authority end
    if not is_host_name(host:lower()) then
      return refuse(("the endpoint URL %s has no valid host name"):format(shown(url)))
    end
  end
  host = host:lower()
  local port = DEFAULT_PORTS[scheme]
  if port_text then
    local number = port_text:find("^%d%d?%d?%d?%d?$") and tonumber(port_text)
    if not number or number < 1 or number > 65535 then
      return refuse(("the endpoint URL %s has no valid port: it must be a number from 1 to 65535"):format(shown(url)))
    end
    port = number
  end
  return {
    scheme = scheme,
    host = host,
    port = port,
    authority = port == DEFAULT_PORTS[scheme] and host or ("%s:%d"):format(host, port),
    path = (path:gsub("/+$", "")),
    loopback = is_loopback(host),
  }
end

---@class bedrock.EndpointParameters
---@field service? string  the endpoint prefix; default "bedrock"
---@field region? string
---@field use_fips_endpoint? boolean
---@field use_dualstack_endpoint? boolean
---@field endpoint_url? string  a custom one

-- In GovCloud the plain hosts of these are the FIPS ones.
local GOV_PLAIN = { sts = true, oidc = true, ["portal.sso"] = true }

--- The URL for a service, without a slash at its end: an operation's path is put right behind it.
--- Custom endpoints keep their base path; FIPS and dual stack can't be had with them.
---@param parameters bedrock.EndpointParameters
---@return string|nil url
---@return bedrock.Error? err  ConfigurationError, with the text of the public endpoint rules
function endpoint.resolve(parameters)
  if type(parameters) ~= "table" then
    error("endpoint.resolve takes a table like { region = \"us-east-1\" }, got " .. type(parameters), 2)
  end
  local service = parameters.service or "bedrock"
  if type(service) ~= "string" or not service:find("^[%w][%w.-]*$") then
    return refuse(("the service %s is no name that a host can begin with, such as \"bedrock\"")
      :format(shown(tostring(service))))
  end
  local region, fips = parameters.region, parameters.use_fips_endpoint
  local url = parameters.endpoint_url
  if region == "" then region = nil end
  if url == "" then url = nil end
  if region then
    if type(region) ~= "string" then return refuse("the region must be a string, got " .. type(region)) end
    local by_name
    region, by_name = endpoint.split_region(region)
    fips = fips or by_name
  end

  if url then
    if fips then
      return refuse("Invalid Configuration: FIPS and custom endpoint are not supported",
        "drop either endpoint_url or use_fips_endpoint")
    elseif parameters.use_dualstack_endpoint then
      return refuse("Invalid Configuration: Dualstack and custom endpoint are not supported",
        "drop either endpoint_url or use_dualstack_endpoint")
    end
    local parts, err = endpoint.parse(url)
    if not parts then return nil, err end
    return parts.scheme .. "://" .. parts.authority .. parts.path
  end

  if not region then
    return refuse("Invalid Configuration: Missing Region",
      "give the option region, set AWS_REGION, or put region = ... in the profile")
  end
  if not endpoint.is_host_label(region) then
    return refuse(("Invalid Configuration: the region %s is no valid host label; regions look like us-east-1")
      :format(shown(region)))
  end
  local partition = endpoint.partition(region)
  local suffix = partition.dns_suffix
  if parameters.use_dualstack_endpoint then
    suffix = partition.dual_stack_dns_suffix
    if fips and not (partition.supports_fips and partition.supports_dual_stack) then
      return refuse("FIPS and DualStack are enabled, but this partition does not support one or both")
    elseif not partition.supports_dual_stack then
      return refuse("DualStack is enabled but this partition does not support DualStack")
    end
  elseif fips and not partition.supports_fips then
    return refuse("FIPS is enabled but this partition does not support FIPS")
  end
  if partition.id == "aws-us-gov" and GOV_PLAIN[service] and not parameters.use_dualstack_endpoint then fips = false end
  return ("https://%s%s.%s.%s"):format(service, fips and "-fips" or "", region, suffix)
end

return endpoint
