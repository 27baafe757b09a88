--- The runtime of plain scripts: requests go out through libcurl and block until the answer is there.
--
-- The C module does the transfer; what is decided here is all that needs no speed: which proxy a host is reached by, and
-- what a failure is called. libcurl's own reading of the environment is switched off, so the proxy rules below are the only ones.
-- The C module and with it libcurl are loaded by the first `new`, and a session is opened by the first request: a program
-- that never sends anything pays for neither.

local DEFAULT_CONNECT_TIMEOUT = 10 -- seconds
local DEFAULT_READ_TIMEOUT = 60 -- seconds
local DEFAULT_MAX_RESPONSE_SIZE = 64 * 1024 * 1024 -- bytes

local MAX_RESPONSE_SIZE = 2 ^ 49 -- bytes; what the C module counts up to

local curl -- the C module, once loaded

---@class bedrock.RuntimeRequest: bedrock.Request
---@field connect_timeout? number  seconds; in place of the runtime's
---@field read_timeout? number  seconds; in place of the runtime's
---@field no_proxy? boolean  never go through a proxy

---@class bedrock.Response
---@field status integer
---@field headers table<string, string>  lower-case names; repeated headers are joined with ", "
---@field body string
---@field http_version? string  "1.0", "1.1", "2" or "3"
---@field connects? integer  connections that were made for it
---@field reused? boolean  whether it came over a connection that was there already

---@class bedrock.runtime.curl.Options
---@field connect_timeout? number  seconds for name, connection, proxy and TLS handshake together (default 10)
---@field read_timeout? number  seconds without a byte in either direction once connected (default 60)
---@field ca_bundle? string  a PEM file, or a folder of certificates, in place of the system's
---@field proxy? string|false  a URL that may hold user:password; false: none; nil: what the environment says
---@field environment? table<string, string>  in place of the process's environment
---@field max_response_size? integer  bytes of an answer's body (default 64 MiB)

---@class bedrock.runtime.curl: bedrock.Runtime
---@field blocking boolean  while it sends or sleeps, nothing else of the process runs
local methods = { name = "curl", blocking = true }
local metatable = { __name = "bedrock.runtime.curl", __index = methods }

function metatable:__tostring()
  return "bedrock.runtime.curl (" .. (self.closed and "closed" or "open") .. ")"
end

-- ---- proxies ----

local DEFAULT_PORTS = { http = 80, https = 443 }
local PROXY_SCHEMES = { http = true, https = true, socks4 = true, socks4a = true, socks5 = true, socks5h = true }

--- Scheme, host (lower case, no brackets) and port of a URL; nothing where it has none.
local function split_url(url)
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

--- The proxy's URL for a request, "" for none.
local function proxy_for(proxies, url)
  if proxies.always then return proxies.always end
  local scheme, host, port = split_url(url)
  local proxy = scheme and proxies[scheme] or ""
  if proxy == "" or is_bypassed(proxies.bypass, host, port) then return "" end
  return proxy
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

-- ---- errors ----

local function fail(fields)
  return nil, require("bedrock.errors").new(fields)
end

local function seconds_text(seconds)
  return (string.gsub(string.format("%.3f", seconds), "%.?0+$", "")) .. " s"
end

-- What each outcome of the C module is called and says. {where} is "HOST port PORT"; libcurl's own words follow in brackets.
local OUTCOMES = {
  bad_request = { "ParamValidationError", false, "the request can't be sent" },
  bad_url = { "ConfigurationError", false, "the request's URL can't be used; check endpoint_url" },
  no_memory = { "ResponseError", false, "libcurl ran out of memory, or met a header line over its own limit, with {where}" },
  resolve = { "ConnectionError", true, "the host of {where} is not known; check region, endpoint_url and the name server" },
  connect = {
    "ConnectionError",
    true,
    "the connection to {where} failed before an answer came; check endpoint_url, the network and firewalls",
  },
  bad_proxy = { "ConfigurationError", false, "the proxy's URL can't be used; check proxy, HTTPS_PROXY and HTTP_PROXY" },
  proxy = { "ConnectionError", true, "{where} can't be reached through the proxy; check proxy, HTTPS_PROXY and NO_PROXY" },
  timeout_connect = { "TimeoutError", true, "no connection to {where} within {connect} (connect_timeout)" },
  timeout_read = { "TimeoutError", true, "{where} sent nothing for {read} (read_timeout)" },
  timeout_whole = { "TimeoutError", true, "the call to {where} did not end within the {whole} that it had left (timeout)" },
  late = { "TimeoutError", true, "the call's time was up before the request to {where} was sent (timeout)" },
  tls = { "TLSError", true, "the TLS handshake with {where} failed; TLS 1.2 or later is needed" },
  certificate = {
    "TLSError",
    false,
    "the certificate of {where} does not verify; check the host's name and this machine's clock, "
      .. "and where the endpoint has a CA of its own, name its PEM file by ca_bundle or AWS_CA_BUNDLE",
  },
  ca_bundle = { "ConfigurationError", false, "{bundle} can't be read as PEM certificates; check ca_bundle and AWS_CA_BUNDLE" },
  cut_off = { "ResponseError", true, "the answer of {where} was cut off" },
  bad_answer = { "ResponseError", true, "what {where} answered is no HTTP answer that can be read" },
  body_too_big = { "ResponseError", false, "the answer of {where} is larger than {size} bytes (max_response_size)" },
  headers_too_big = { "ResponseError", false, "the headers that {where} answered are larger than the limit" },
  other = { "ConnectionError", true, "the request to {where} failed" },
}

-- Where the outcome's own sentence says all, libcurl's text adds nothing.
local SELF_EXPLAINED = { timeout_read = true, timeout_whole = true, late = true, body_too_big = true, headers_too_big = true }

local function failure(self, request, kind, text, tunnel, waited)
  if kind == "timeout_whole" and waited == 0 then kind = "late" end
  local outcome = OUTCOMES[kind] or OUTCOMES.other
  local _, host, port = split_url(type(request.url) == "string" and request.url or "")
  local values = {
    where = host and host .. " port " .. tostring(port) or "the host",
    connect = seconds_text(request.connect_timeout or self.connect_timeout),
    read = seconds_text(request.read_timeout or self.read_timeout),
    whole = seconds_text(waited or 0),
    size = string.format("%.0f", self.max_response_size),
    bundle = self.ca_bundle and "the CA bundle " .. self.ca_bundle or "the system's CA bundle",
  }
  local message = string.gsub(outcome[3], "{(%a+)}", values)
  if not SELF_EXPLAINED[kind] and text ~= "" then message = message .. " (" .. text .. ")" end
  return fail {
    code = outcome[1],
    message = message,
    retryable = outcome[2] and tunnel ~= 407, -- a proxy that wants other credentials wants them next time, too
    kind = kind,
  }
end

-- ---- methods ----

local function open(self)
  local session, message = curl.session(self.ca_bundle, self.max_response_size)
  if not session then return fail { code = "ConfigurationError", message = message, retryable = false } end
  self.session = session
  return session
end

--- Send a request and wait for its answer. Its URL is sent as it is; redirects are handed on, not followed.
---@param request bedrock.RuntimeRequest  not changed
---@param deadline? number  seconds since 1970, as `now` counts them
---@return bedrock.Response|nil response
---@return bedrock.Error? err  code: ConnectionError, TimeoutError, TLSError, ResponseError, ConfigurationError, ParamValidationError
function methods:send(request, deadline)
  if self.closed then
    return fail { code = "ConfigurationError", message = "this runtime is closed; make a new one", retryable = false }
  end
  local session = self.session
  if not session then
    local err
    session, err = open(self)
    if not session then return nil, err end
  end
  local proxy = ""
  if self.proxies and not request.no_proxy and type(request.url) == "string" then
    local url, why = check_proxy(proxy_for(self.proxies, request.url))
    if not url then
      return fail { code = "ConfigurationError", message = "the proxy's URL can't be used: " .. why, retryable = false }
    end
    proxy = url
  end
  local started = deadline and curl.now()
  local connect, read = request.connect_timeout or self.connect_timeout, request.read_timeout or self.read_timeout
  local response, kind, text, tunnel = session:perform(request, proxy, connect * 1000, read * 1000, deadline)
  if not response then
    return failure(self, request, kind, text, tunnel, started and math.max(deadline - started, 0))
  end
  if proxy ~= "" and response.status == 407 then -- a proxy's own answer, since plain HTTP goes through it without a tunnel
    return failure(self, request, "proxy", "the proxy answered 407", 407)
  end
  return response
end

--- Wait. Ctrl-C ends it.
---@param seconds number  zero and less return at once
function methods:sleep(seconds) -- luacheck: ignore self
  while seconds > 0 do
    seconds = curl.sleep(seconds)
  end
end

--- The wall clock: seconds since 1970 with their fraction.
---@return number
function methods:now() -- luacheck: ignore self
  return curl.now()
end

--- Close the connections. A closed runtime sends nothing more; closing twice does no harm.
function methods:close()
  local session = self.session
  self.session, self.closed = nil, true
  if session then session:close() end
end

local function check_seconds(options, name, default)
  local value = options[name]
  if value == nil then return default end
  if type(value) ~= "number" or value ~= value or value <= 0 then
    error(name .. " must be a number of seconds above zero", 3)
  end
  return value
end

local runtime = {}

--- Make a runtime. It holds one HTTP session, whose connections are reused from call to call.
---@param options? bedrock.runtime.curl.Options
---@return bedrock.runtime.curl
function runtime.new(options)
  options = options or {}
  local self = setmetatable({
    connect_timeout = check_seconds(options, "connect_timeout", DEFAULT_CONNECT_TIMEOUT),
    read_timeout = check_seconds(options, "read_timeout", DEFAULT_READ_TIMEOUT),
    max_response_size = options.max_response_size or DEFAULT_MAX_RESPONSE_SIZE,
    ca_bundle = options.ca_bundle ~= "" and options.ca_bundle or nil,
  }, metatable)
  local size = self.max_response_size
  if type(size) ~= "number" or size ~= size or size < 0 or size > MAX_RESPONSE_SIZE then
    error("max_response_size must be a number of bytes", 2)
  end
  if self.ca_bundle and (type(self.ca_bundle) ~= "string" or string.find(self.ca_bundle, "\0", 1, true)) then
    error("ca_bundle must be the path of a file", 2)
  end
  local proxy = options.proxy
  if proxy == nil then
    self.proxies = environment_proxies(options.environment)
  elseif type(proxy) == "string" then
    self.proxies = proxy ~= "" and { always = proxy } or nil
  elseif proxy ~= false then
    error("proxy must be a URL, or false for none", 2)
  end
  curl = curl or require("bedrock.curl")
  return self
end

return runtime
