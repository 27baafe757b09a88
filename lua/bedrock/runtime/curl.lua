--- The runtime of plain scripts: requests go out through libcurl and block until the answer is there.
--
-- The C module does the transfer; what needs no speed is decided in Lua: which proxy a host is reached by (settings.lua), and
-- what a failure is called (outcomes.lua). libcurl's own reading of the environment is switched off, so those rules are the
-- only ones.
-- The C module and with it libcurl are loaded by the first `new`, and a session is opened by the first request: a program
-- that never sends anything pays for neither.

local core = require "bedrock.core"
local settings = require "bedrock.runtime.settings"

local curl -- the C module, once loaded

---@class bedrock.runtime.curl.Options: bedrock.runtime.Options
---@field ca_bundle? string  a PEM file, or a folder of certificates, in place of the system's

-- Set by bedrock.parallel: the task that runs here, which waits beside others; nil elsewhere, where waiting stops the process.
local current

local MOST_IDLE = 256 -- sessions that are kept for the next requests of tasks

---@class bedrock.runtime.curl: bedrock.Runtime
local methods = { name = "curl" }
local metatable = { __name = "bedrock.runtime.curl", __index = methods }

function metatable:__tostring()
  return "bedrock.runtime.curl (" .. (self.closed and "closed" or "open") .. ")"
end

local function fail(fields)
  return nil, require("bedrock.errors").new(fields)
end

local function failure(...)
  return require("bedrock.runtime.outcomes").failure(...)
end

-- ---- methods ----

local function open(self)
  local session, message = curl.session(self.ca_bundle, self.max_response_size)
  if not session then return fail { code = "ConfigurationError", message = message, retryable = false } end
  return session
end

-- A request on a session that nobody else finds meanwhile: another task, or a finalizer that makes a call while an answer
-- is read.
local function perform(self, task, codec, request, proxy, connect_ms, read_ms, deadline)
  local idle, session = self.idle, self.session
  if task then session = table.remove(idle) else self.session = nil end
  if not session then
    local opened, err = open(self)
    if not opened then return nil, err end
    session = opened
  end
  local response, kind, text, tunnel
  if task then
    response, kind, text, tunnel = task:perform(session, codec ~= nil, request, proxy, connect_ms, read_ms, deadline)
  else
    response, kind, text, tunnel = session:perform(request, proxy, connect_ms, read_ms, deadline, codec ~= nil)
  end
  if response and not response.body then -- it is lent
    local value = core.json_decode(codec, session)
    if type(value) == "table" and not getmetatable(value) then -- the rule; who asked finds out about the exceptions to it
      response.value = value
      session:release()
    else
      response.body = session:release(true)
    end
  end
  if self.closed or task and #idle >= MOST_IDLE then
    session:close()
  elseif task then
    idle[#idle + 1] = session
  else
    local other = self.session
    self.session = session
    if other then other:close() end
  end
  return response, kind, text, tunnel
end

--- Send a request and wait for its answer. Its URL is sent as it is; redirects are handed on, not followed.
---@param request bedrock.RuntimeRequest  not changed
---@param deadline? number  seconds since 1970, as `now` counts them
---@param codec? bedrock.core.Shape  of a structure: a success that is JSON of it has `value`, the table that it gives, in place
---  of `body`
---@return bedrock.Response|nil response
---@return bedrock.Error? err  code: ConnectionError, TimeoutError, TLSError, ResponseError, ConfigurationError, ParamValidationError
function methods:send(request, deadline, codec)
  if self.closed then
    return fail { code = "ConfigurationError", message = "this runtime is closed; make a new one", retryable = false }
  end
  local proxy, why = settings.proxy_for(self.proxies, request)
  if not proxy then
    return fail { code = "ConfigurationError", message = "the proxy's URL can't be used: " .. why, retryable = false }
  end
  local started = deadline and curl.now()
  local connect, read = request.connect_timeout or self.connect_timeout, request.read_timeout or self.read_timeout
  local response, kind, text, tunnel =
    perform(self, current and current(), codec, request, proxy, connect * 1000, read * 1000, deadline)
  if not response then
    if type(kind) == "table" then return nil, kind end
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
  local task = current and current()
  if task then
    task:sleep(seconds)
    return
  end
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
  local session, idle = self.session, self.idle
  self.session, self.idle, self.closed = nil, {}, true
  if session then session:close() end
  for i = 1, #idle do idle[i]:close() end
end

--- Whether nothing else of the process runs while it waits: everywhere but in a task of bedrock.parallel.
---@return boolean
function methods:blocking() -- luacheck: ignore self
  return not (current and current())
end

local runtime = {}

--- Let tasks wait beside each other.
---@param of_here fun(): bedrock.RunningTask|nil  the task whose code calls it
function runtime.tasks(of_here)
  current = of_here
end

--- Make a runtime. It holds one HTTP session, whose connections are reused from call to call.
---@param options? bedrock.runtime.curl.Options
---@return bedrock.runtime.curl
function runtime.new(options)
  options = options or {}
  local self = setmetatable(settings.read(options), metatable)
  self.ca_bundle = options.ca_bundle ~= "" and options.ca_bundle or nil
  self.idle = {}
  if self.ca_bundle and (type(self.ca_bundle) ~= "string" or string.find(self.ca_bundle, "\0", 1, true)) then
    error("ca_bundle must be the path of a file", 2)
  end
  curl = curl or require("bedrock.curl")
  return self
end

return runtime
