--- The runtime inside nginx: requests go out over the sockets of its Lua module (ngx.socket.tcp), so that a call that waits
-- lets the worker serve others. http1.lua writes and reads what goes over them; here are connections, pools and time.
--
-- Nothing is kept between calls but idle connections in the worker's own pools, and those are named for all that a
-- connection was made with: scheme, host, port, the proxy and a hash of what it is told about us. So one runtime, made once
-- (in init_by_lua for all workers, or at the first use of a module), serves all requests. Which phase a call is made in is
-- looked at when it is made: some can't wait, and say so.
--
-- What nginx decides, not this file:
--   lua_ssl_trusted_certificate, lua_ssl_verify_depth   whom TLS trusts; without the first nobody. Verification is always on.
--     ca_bundle and AWS_CA_BUNDLE have no say here. Lua does not see the directive, so locations that trust different CAs
--     would share connections: set it once, in http {}. The chain of an AWS host is longer than the default depth of 1.
--   lua_ssl_protocols   the versions of TLS; write TLSv1.2 TLSv1.3 where older ones are possible.
--   resolver            without it no host name is found (/etc/hosts does not count).
--   lua_socket_log_errors off   keeps failures that the caller hears of anyway out of the error log.
--   env NAME;           nginx takes all variables but TZ away from its workers: the AWS_... and HTTPS_PROXY that shall count
--     need a line each in the main part of nginx.conf, HOME too, where ~/.aws is to be found.
--
-- Where libcurl does more: HTTP/2, proxies over TLS or SOCKS, certificates for IP addresses (nginx compares names only), an
-- answer that comes while a large body is still being sent. A body that has no length and ends with the connection is taken
-- for whole over TLS, too: nginx does not tell an orderly end from one that somebody cut. Bedrock sends no such bodies.

local http1 = require "bedrock.runtime.http1"
local outcomes = require "bedrock.runtime.outcomes"
local settings = require "bedrock.runtime.settings"

local ngx = rawget(_G, "ngx")

local DEFAULT_POOL_SIZE = 100 -- idle connections to a host, of one worker
local DEFAULT_IDLE_TIME = 50 -- seconds; load balancers keep theirs for 60 and more

local DEFAULT_PROXY_PORT = 1080 -- libcurl's

local MAX_MS = 2000000000 -- nginx's timers count in milliseconds
local AT_ONCE = 65536 -- bytes to ask a socket for, and of a body to hand it
local LEAST_PAUSE = 0.001 -- seconds: what nginx rounds to 0 costs a line in its log, and its clock does not move meanwhile
local TURN = 1024 * 1024 -- bytes that may come in before others have their turn

-- The phases whose code may wait (lua-nginx-module, and stream-lua-nginx-module for preread).
local CAN_WAIT = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true, preread = true,
  ssl_cert = true, ssl_session_fetch = true, ssl_client_hello = true,
}

---@class bedrock.runtime.cosocket.Options: bedrock.runtime.Options
---@field pool_size? integer  idle connections that a worker keeps for each host (default 100)
---@field idle_time? number  seconds that it keeps them (default 50)

---@class bedrock.runtime.cosocket: bedrock.Runtime
local methods = { name = "cosocket" }
local metatable = { __name = "bedrock.runtime.cosocket", __index = methods }

function metatable:__tostring()
  return "bedrock.runtime.cosocket (" .. (self.closed and "closed" or "open") .. ")"
end

-- ---- what has other words here ----

methods.outcomes = {
  certificate = {
    "TLSError",
    false,
    "the certificate of {where} does not verify; name the PEM file of the CAs to trust by lua_ssl_trusted_certificate in "
      .. "nginx.conf (Debian's is /etc/ssl/certs/ca-certificates.crt; ca_bundle and AWS_CA_BUNDLE don't count in nginx), set "
      .. "lua_ssl_verify_depth to 3 or so where the chain is longer than 1, and check the host's name, which must be no IP "
      .. "address, and this machine's clock",
  },
  tls = { "TLSError", true, "the TLS handshake with {where} failed; TLS 1.2 or later is needed, see lua_ssl_protocols" },
  resolver = {
    "ConfigurationError",
    false,
    "nginx has no name server to ask for {where}; name one by the directive resolver in nginx.conf",
  },
}

local function fail(message)
  return nil, require("bedrock.errors").new { code = "ConfigurationError", message = message, retryable = false }
end

-- ---- time ----

-- nginx reads the clock once for each turn of its event loop. Signals that come in meanwhile (its children ending) take places
-- in the ring of times that it keeps, and the sixty-fourth of one turn spoils the present one.
local LEAST_TIME = 1e9

local function now()
  local time = ngx.now()
  if time > LEAST_TIME then return time end
  ngx.update_time()
  return ngx.now()
end

-- A call's limits as points in time, on nginx's clock.
local function limits(self, request, deadline)
  local connect, read = request.connect_timeout or self.connect_timeout, request.read_timeout or self.read_timeout
  return {
    deadline = deadline,
    connect = connect > 0 and connect or math.huge, -- as in curl.lua, no time is any time
    read = read > 0 and read or math.huge,
    left = deadline and math.max(deadline - now(), 0),
  }
end

-- Milliseconds that the next operation may take, and what it is called when they are over.
local function allowance(time, seconds, kind)
  local left = time.deadline and time.deadline - now()
  if left and left < seconds then seconds, kind = left, "timeout_whole" end
  if seconds <= 0 then return nil, kind end
  return math.max(1, math.ceil(math.min(seconds * 1000, MAX_MS))), kind
end

local function allow(socket, time, seconds, kind)
  local ms
  ms, kind = allowance(time, seconds, kind)
  if not ms then return false, kind end
  if ms ~= time.set then
    socket:settimeouts(ms, ms, ms)
    time.set = ms
  end
  return true, kind
end

local function allow_connecting(socket, time)
  return allow(socket, time, time.connect_by - now(), "timeout_connect")
end

-- ---- connections ----

-- Connecting asks the name server first, for as long as resolver_timeout says and whatever the socket's timeouts are. So
-- for names it is done by a light thread, which is left alone when time is up. Most connections come out of the pool,
-- and then the thread has ended before it is looked at.
local function connect_by_name(socket, host, port, pool, ms)
  local done, ok, err
  local thread = ngx.thread.spawn(function()
    ok, err = socket:connect(host, port, pool)
    done = true
  end)
  if not thread then return socket:connect(host, port, pool) end
  if done then
    ngx.thread.wait(thread)
    return ok, err
  end
  local clock = ngx.thread.spawn(function() ngx.sleep(ms / 1000) end)
  ngx.thread.wait(thread, clock)
  if done then
    ngx.thread.kill(clock)
    return ok, err
  end
  ngx.thread.kill(thread)
  return nil, "timeout"
end

local function is_address(host)
  return string.sub(host, 1, 1) == "[" or string.find(host, "^%d+%.%d+%.%d+%.%d+$") ~= nil
end

local function connect(socket, route, time, pool)
  local ok, kind = allow_connecting(socket, time)
  if not ok then return nil, kind, "" end
  local err
  if is_address(route.host) then
    ok, err = socket:connect(route.host, route.port, { pool = pool })
  else
    ok, err = connect_by_name(socket, route.host, route.port, { pool = pool }, time.set)
  end
  if ok then return true end
  if err == "timeout" then return nil, kind, "" end
  if string.find(err, "no resolver defined", 1, true) then return nil, "resolver", "" end
  if route.proxied then return nil, "proxy", err end
  return nil, string.find(err, "could not be resolved", 1, true) and "resolve" or "connect", err
end

-- What the parser reads from.
local function reader(socket, time, wait)
  local got = 0
  return function()
    local ok, kind = wait(socket, time)
    if not ok then return nil, kind, "" end
    local data, err, rest = socket:receiveany(AT_ONCE)
    if not data and rest and rest ~= "" then data = rest end
    if data then
      got = got + #data
      if got >= TURN then
        got = 0
        ngx.sleep(LEAST_PAUSE)
      end
      return data
    end
    if err == "timeout" then return nil, kind, "" end
    return nil, err == "closed" and "closed" or "broken", err
  end
end

local function open_tunnel(socket, route, time)
  local ok, kind = allow_connecting(socket, time)
  if not ok then return nil, kind, "" end
  local sent, err = socket:send(http1.connect_head(route.target, route.authorization))
  if not sent then
    if err == "timeout" then return nil, kind, "" end
    return nil, "proxy", err
  end
  local stream = http1.stream(reader(socket, time, allow_connecting))
  local answer, text
  answer, kind, text = http1.answer(stream, "CONNECT", 0)
  if not answer then
    if kind == "timeout_connect" or kind == "timeout_whole" then return nil, kind, "" end
    return nil, "proxy", text
  end
  if answer.status < 200 or answer.status > 299 then
    return nil, "proxy", ("the proxy answered %d to CONNECT"):format(answer.status), answer.status
  end
  -- Whoever speaks before our handshake is not the host.
  if stream.at <= #stream.buffer then return nil, "proxy", "the proxy sent more than its answer to CONNECT" end
  return true
end

local function shake_hands(socket, route, time)
  local ok, kind = allow_connecting(socket, time)
  if not ok then return nil, kind, "" end
  local name = string.gsub(route.target.host, "%.$", "")
  local err
  ok, err = socket:sslhandshake(false, name, true) -- the name is checked only because it is given
  if ok then
    -- Lua modules up to 2026 lose the reason where a handshake ends at once (openresty/lua-nginx-module #2506): they
    -- close the socket, and say true.
    if socket:getreusedtimes() then return true end
    return nil, "certificate", "or the host ended the handshake and may speak no TLS 1.2; the reason stands in nginx's error "
      .. "log, unless lua_socket_log_errors is off"
  end
  err = tostring(err)
  if err == "timeout" then return nil, kind, "" end
  if string.find(err, "^%d+: ") or string.find(err, "host mismatch", 1, true) then return nil, "certificate", err end
  return nil, "tls", err
end

-- A connection that is ready for a request: from the pool, or a new one.
local function open(route, time, pool)
  local socket = ngx.socket.tcp()
  time.set = nil
  time.connect_by = now() + time.connect
  local ok, kind, text, tunnel = connect(socket, route, time, pool)
  if not ok then return nil, kind, text end
  local reused = socket:getreusedtimes() > 0
  if not reused and route.tls then
    if route.proxied then
      ok, kind, text, tunnel = open_tunnel(socket, route, time)
    end
    if ok then
      ok, kind, text = shake_hands(socket, route, time)
    end
    if not ok then
      socket:close()
      return nil, kind, text, tunnel
    end
  end
  return socket, reused
end

-- A proxy's URL as where it is and what it is told; or nil and what is wrong with it.
local function read_proxy(proxy)
  local rest = string.match(proxy, "^[Hh][Tt][Tt][Pp]://(.*)$")
  if not rest then return nil, "in nginx it must begin with http://" end
  local user, place = string.match(rest, "^([^/?#]*)@(.*)$")
  place = place or rest
  local target = http1.target("http://" .. place)
  if not target then return nil, "it can't be read as a URL" end
  local core = require "bedrock.core"
  local known = { host = target.host, hash = core.hex(core.sha256(proxy)) }
  known.port = string.find(place, "^[^/?#]*:%d+") and target.port or DEFAULT_PROXY_PORT
  if user then
    user = core.uri_decode(user)
    if not string.find(user, ":", 1, true) then user = user .. ":" end
    known.authorization = "Basic " .. core.base64_encode(user)
  end
  return known
end

-- Where a request goes, and the name of the pool with connections that serve it.
local function route_to(self, target, proxy)
  local route = { target = target, host = target.host, port = target.port, tls = target.scheme == "https" }
  route.pool = ("bedrock %s %s:%d verified"):format(target.scheme, target.host, target.port)
  if proxy == "" then return route end
  local known = self.known_proxies[proxy]
  if not known then
    local why
    known, why = read_proxy(proxy)
    if not known then return nil, "bad_proxy", why end
    self.known_proxies[proxy] = known
  end
  route.host, route.port, route.authorization, route.proxied = known.host, known.port, known.authorization, true
  route.pool = route.pool .. " proxy " .. known.hash
  return route
end

-- ---- a request and its answer ----

local function read_wait(socket, time)
  return allow(socket, time, time.read, "timeout_read")
end

-- In pieces, so that a slow reader is noticed when time is up.
local function send_all(socket, time, head, body)
  local first = string.sub(body, 1, AT_ONCE)
  local at = #first + 1
  local piece = first == "" and head or head .. first
  repeat
    local ok, kind = read_wait(socket, time)
    if not ok then return nil, kind, "" end
    local sent, err = socket:send(piece)
    if not sent then
      if err == "timeout" then return nil, kind, "" end
      return nil, "connect", err
    end
    piece = string.sub(body, at, at + AT_ONCE - 1)
    at = at + AT_ONCE
  until piece == ""
  return true
end

-- The answer and whether the connection may go on; or nil, the kind of failure, its text, and whether it can have been
-- that the connection had ended while it was idle.
local function exchange(self, socket, time, head, request)
  local ok, kind, text = send_all(socket, time, head, request.body or "")
  if not ok then return nil, kind, text, kind == "connect" end
  local stream = http1.stream(reader(socket, time, read_wait))
  local answer, keep
  answer, keep, text = http1.answer(stream, request.method, self.max_response_size)
  if not answer then return nil, keep, text, keep == "connect" and not stream.begun end
  return answer, keep
end

--- Whether a call can wait where this is called from.
---@return true|nil ok
---@return bedrock.Error? err  ConfigurationError
function methods:ready() -- luacheck: ignore self
  local phase = ngx.get_phase()
  if CAN_WAIT[phase] then return true end
  local timer = "ngx.timer.at(0, function() ... end)"
  if phase == "init" then timer = timer .. " in init_worker_by_lua" end
  return fail(("nginx can't wait for an answer in the phase %s, where this call was made: make it from %s, or in rewrite, "
    .. "access or content"):format(tostring(phase), timer))
end

--- Send a request and wait for its answer, while the worker serves others. Its URL is sent as it is; redirects are handed
--- on, not followed.
---@param request bedrock.RuntimeRequest  not changed
---@param deadline? number  seconds since 1970, as `now` counts them
---@return bedrock.Response|nil response
---@return bedrock.Error? err  code: ConnectionError, TimeoutError, TLSError, ResponseError, ConfigurationError, ParamValidationError
function methods:send(request, deadline)
  if self.closed then return fail "this runtime is closed; make a new one" end
  local ok, err = self:ready()
  if not ok then return nil, err end
  local proxy, why = settings.proxy_for(self.proxies, request)
  if not proxy then return fail("the proxy's URL can't be used: " .. why) end
  local time = limits(self, request, deadline)

  local target, kind, text = http1.target(request.url)
  if not target then return outcomes.failure(self, request, kind, text) end
  local route
  route, kind, text = route_to(self, target, proxy)
  if not route then return outcomes.failure(self, request, kind, text) end
  local plain_proxy = route.proxied and not route.tls
  local head, keep
  head, keep, text = http1.head(request, target, plain_proxy, plain_proxy and route.authorization or nil)
  if not head then return outcomes.failure(self, request, keep, text) end
  if time.left == 0 then return outcomes.failure(self, request, "late", "") end

  local pool, connects = route.pool, 0
  while true do
    local socket, reused, what, tunnel = open(route, time, pool)
    if not socket then return outcomes.failure(self, request, reused, what, tunnel, time.left) end
    if not reused then connects = connects + 1 end
    local answer, keeps, words, stale = exchange(self, socket, time, head, request)
    if answer and keep and keeps and pool == route.pool then
      if not socket:setkeepalive(math.ceil(self.idle_time * 1000), self.pool_size) then socket:close() end
    else
      socket:close()
    end
    if answer and plain_proxy and answer.status == 407 then -- the proxy's own answer: there is no tunnel
      return outcomes.failure(self, request, "proxy", "the proxy answered 407", 407)
    elseif answer then
      answer.connects, answer.reused = connects, reused
      return answer
    elseif not (reused and stale) then
      return outcomes.failure(self, request, keeps, words, nil, time.left)
    end
    -- The host had closed it. Others of the pool may have gone the same way, so the next one is a new one: it comes from
    -- a pool that is always empty.
    pool = route.pool .. " again"
  end
end

--- Run a function that may wait by itself, in a timer: it goes on where the request that wanted it ends.
---@param f fun()
---@return boolean begun
function methods:apart(f) -- luacheck: ignore self
  return ngx.timer.at(0, function() f() end) and true or false
end

--- Wait, while the worker serves others. Raises in phases that can't wait.
---@param seconds number  zero and less return at once
function methods:sleep(seconds)
  if not (seconds > 0) then return end
  local ok, err = self:ready()
  if not ok then error(err, 2) end
  while seconds > 0 do
    local part = math.max(math.min(seconds, MAX_MS / 1000), LEAST_PAUSE)
    ngx.sleep(part)
    seconds = seconds - part
  end
end

--- The wall clock as nginx keeps it: seconds since 1970 with their fraction.
---@return number
function methods:now() -- luacheck: ignore self
  return now()
end

--- A closed runtime sends nothing more; closing twice does no harm. Idle connections are the worker's: they end by themselves.
function methods:close()
  self.closed = true
end

local runtime = {}

--- Make a runtime.
---@param options? bedrock.runtime.cosocket.Options
---@return bedrock.runtime.cosocket
function runtime.new(options)
  options = options or {}
  if type(ngx) ~= "table" or not ngx.get_phase then error("this runtime works inside nginx only", 2) end
  if options.ca_bundle ~= nil then
    error("ca_bundle must be left out in nginx: lua_ssl_trusted_certificate names the CAs to trust", 2)
  end
  local self = setmetatable(settings.read(options), metatable)
  self.pool_size, self.idle_time = options.pool_size or DEFAULT_POOL_SIZE, options.idle_time or DEFAULT_IDLE_TIME
  if type(self.pool_size) ~= "number" or self.pool_size < 1 or self.pool_size % 1 ~= 0 then
    error("pool_size must be a whole number above zero", 2)
  end
  if type(self.idle_time) ~= "number" or not (self.idle_time > 0 and self.idle_time <= MAX_MS / 1000) then
    error("idle_time must be a number of seconds above zero", 2)
  end
  self.known_proxies = {}
  return self
end

return runtime
