--- What the runtimes over libcurl and over nginx's sockets have in common: their options with the defaults, and the choice
-- of a proxy. What is decided here is the same in both, since neither reads the environment in any other way.

local settings = {}

local DEFAULT_CONNECT_TIMEOUT = 10 -- seconds
local DEFAULT_READ_TIMEOUT = 60 -- seconds
local DEFAULT_MAX_RESPONSE_SIZE = 64 * 1024 * 1024 -- bytes

local MAX_RESPONSE_SIZE = 2 ^ 49 -- bytes; what the C module counts up to

---@class bedrock.RuntimeRequest: bedrock.Request
---@field connect_timeout? number  seconds; in place of the runtime's
---@field read_timeout? number  seconds; in place of the runtime's
---@field no_proxy? boolean  never go through a proxy

---@class bedrock.Response
---@field status integer
---@field headers table<string, string>  lower-case names; repeated headers are joined with ", "
---@field body string
---@field value? table  in place of the body, where the runtime of plain scripts was given a codec
---@field http_version? string  "1.0", "1.1", "2" or "3"
---@field connects? integer  connections that were made for it
---@field reused? boolean  whether it came over a connection that was there already

---@class bedrock.runtime.Options
---@field connect_timeout? number  seconds for name, connection, proxy and TLS handshake together (default 10)
---@field read_timeout? number  seconds without a byte in either direction once connected (default 60)
---@field proxy? string|false  a URL that may hold user:password; false: none; nil: what the environment says
---@field environment? table<string, string>  in place of the process's environment
---@field max_response_size? integer  bytes of an answer's body (default 64 MiB)

-- ---- proxies ----

local DEFAULT_PORTS = { http = 80, https = 443 }
local PROXY_SCHEMES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true }

--- Scheme, host (lower case, no brackets) and port of a URL; nothing where it has none.
---@param url string
---@return string|nil scheme
---@return string? host
---@return integer? port
function settings.split_url(url)
  local scheme, authority = string.match(url, "^(%a[%w+.-]*)://([^/?#]*)")
  if not scheme then return nil end
  scheme = string.lower(scheme)
  authority = string.match(authority, "([^@]*)$")
  local host, port = string.match(authority, "^%[(.*)%]:?(%d*)$")
  if not host then
    host, port = string.match(authority, "^(.-):?(%d*)$")
    if string.find(authority, ":", 1, true) == nil then host, port = authority, "" end
  end
  return scheme, string.lower(host), tonumber(port) or DEFAULT_PORTS[scheme]
end
local split_url = settings.split_url

--- An entry of NO_PROXY as a host (lower case, no dot in front, no brackets) and a port or nil.
local function split_entry(entry)
  local host, port = string.match(entry, "^%[(.*)%]:?(%d*)$")
  if not host then
    host, port = string.match(entry, "^([^:]*):(%d+)$")
    host = host or entry -- a name, or an IPv6 address without brackets
  end
  host = string.gsub(string.lower(host), "^%*?%.", "")
  return host, tonumber(port)
end

--- Whether NO_PROXY keeps a host from the proxy: names match themselves and all below them, addresses only themselves.
local function is_bypassed(no_proxy, host, port)
  host = string.gsub(host, "%.$", "")
  local is_address = string.find(host, ":", 1, true) or string.find(host, "^%d+%.%d+%.%d+%.%d+$")
  for entry in string.gmatch(no_proxy, "[^,%s]+") do
    if entry == "*" then return true end
    local name, only_port = split_entry(entry)
    if name ~= "" and (not only_port or only_port == port) then
      if name == host then return true end
      if not is_address and string.sub(host, -#name - 1) == "." .. name then return true end
    end
  end
  return false
end

--- What the environment says: the lower-case name wins, also where it is empty (that switches the proxy off).
local function environment_proxies(environment)
  local function get(name)
    if environment then return environment[name] end
    return os.getenv(name)
  end
  -- Under CGI a request header "Proxy:" arrives as HTTP_PROXY, so there it is not to be trusted.
  local upper_http = get("REQUEST_METHOD") == nil and get("HTTP_PROXY") or nil
  local proxies = {
    http = get("http_proxy") or upper_http or "",
    https = get("https_proxy") or get("HTTPS_PROXY") or "",
    bypass = get("no_proxy") or get("NO_PROXY") or "",
  }
  if proxies.http == "" and proxies.https == "" then return nil end
  return proxies
end

--- A proxy's URL made complete, or nil and what is wrong with it (never its text, which may hold a password).
local function check_proxy(proxy)
  if proxy == "" then return proxy end
  if string.find(proxy, "[%c%s]") then return nil, "it holds a blank or a control character" end
  if not string.find(proxy, "://", 1, true) then proxy = "http://" .. proxy end
  local scheme, host = split_url(proxy)
  if not PROXY_SCHEMES[scheme or ""] then return nil, "its scheme is none of http, https, socks4, socks4a, socks5, socks5h" end
  if host == "" then return nil, "it names no host" end
  return proxy
end

--- The proxy for a request.
---@param proxies table|nil  the runtime's, as `settings.read` gives them
---@param request bedrock.RuntimeRequest
---@return string|nil url  with its scheme; "" for none
---@return string? why  what is wrong with it
function settings.proxy_for(proxies, request)
  local url = request.url
  if not proxies or request.no_proxy or type(url) ~= "string" then return "" end
  if proxies.always then return check_proxy(proxies.always) end
  local scheme, host, port = split_url(url)
  local proxy = scheme and proxies[scheme] or ""
  if proxy == "" or is_bypassed(proxies.bypass, host, port) then return "" end
  return check_proxy(proxy)
end

-- ---- options ----

local function check_seconds(options, name, default)
  local value = options[name]
  if value == nil then return default end
  if type(value) ~= "number" or value ~= value or value <= 0 then
    error(name .. " must be a number of seconds above zero", 4)
  end
  return value
end

--- A runtime's options as what it works with. Raises for what can't be, at the line of the caller's caller.
---@param options bedrock.runtime.Options
---@return table read  connect_timeout, read_timeout, max_response_size, proxies
function settings.read(options)
  local read = {
    connect_timeout = check_seconds(options, "connect_timeout", DEFAULT_CONNECT_TIMEOUT),
    read_timeout = check_seconds(options, "read_timeout", DEFAULT_READ_TIMEOUT),
    max_response_size = options.max_response_size or DEFAULT_MAX_RESPONSE_SIZE,
  }
  local size = read.max_response_size
  if type(size) ~= "number" or size ~= size or size < 0 or size > MAX_RESPONSE_SIZE then
    error("max_response_size must be a number of bytes", 3)
  end
  local proxy = options.proxy
  if proxy == nil then
    read.proxies = environment_proxies(options.environment)
  elseif type(proxy) == "string" then
    read.proxies = proxy ~= "" and { always = proxy } or nil
  elseif proxy ~= false then
    error("proxy must be a URL, or false for none", 3)
  end
  return read
end

return settings
