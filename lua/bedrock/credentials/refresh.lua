-- refresh.lua: keeps what the chain found and renews it in time, however many coroutines ask at once.
--
-- Before the end of credentials there are two windows. In the first one, the caller that comes first renews them while all
-- others go on with the old ones; in the second, the last minute, they wait for it. A renewal that fails is tried again
-- after a pause, and the old credentials are used while they last.
--
-- Waiting is sleeping through the runtime and looking again, since that is all that a runtime must offer. A renewal whose
-- coroutine died, or is never resumed, is found out by those who wait for it.

local clock_module = require "bedrock.clock"
local config_module = require "bedrock.config"
local errors = require "bedrock.errors"
local keys = require "bedrock.credentials.keys"

local runtimes = require "bedrock.runtime"

local refresh = {}

-- The first window: so many seconds before the end, or the last fifth of a shorter life.
local WINDOW = 300
local WINDOW_SHARE = 0.2
-- The second: so many seconds, or this share of a shorter life.
local MUST_WINDOW = 60
local MUST_SHARE = 0.05
-- Renewals come up to this share of the window later, so that many programs started together do not come together; not so
-- where the source is the user's own (`exact`), whose contract has the moment.
local JITTER = 0.2
-- Between a renewal that failed and the next one: so many seconds, or a fifth of what is left.
local PAUSE = 60
-- After so many seconds one of those who wait for a renewal tries for itself: its coroutine may never be resumed. People who
-- are asked to log in may need minutes.
local FLIGHT_LIMIT = 600
-- A renewal apart from its callers begins within so many seconds: nginx drops a timer where too many are running.
local BEGIN_LIMIT = 5
-- With so many seconds a renewal has not failed for want of time.
local ENOUGH = 60
-- How long those who wait sleep between two looks (seconds).
local FIRST_LOOK, LAST_LOOK = 0.005, 0.1

local weak = { __mode = "v" }

---@class bedrock.CredentialsProvider
---@field config bedrock.Config
---@field clock bedrock.Clock
---@field cached? bedrock.Credentials
local Provider = {}
Provider.__index = Provider
Provider.__name = "bedrock.CredentialsProvider"

function Provider.__tostring(self)
  return ("credentials provider (%s)"):format(self.source and self.source_name or "not asked yet")
end

local function expired(found, now)
  return found.expiration ~= nil and found.expiration <= now
end

-- What few sources ask for is made when they do.
local context_mt = {
  __index = function(context, name)
    if name ~= "user_agent" then return nil end
    context.user_agent = require("bedrock.useragent").builder(context.config, "")("")
    return context.user_agent
  end,
}

local function tell(self, event)
  local on_event = self.config.on_event
  if on_event then on_event(event) end
end

--- What sources are asked with.
---@param runtime bedrock.Runtime|nil
---@param now number  corrected already
---@param deadline? number
---@return bedrock.CredentialsContext
function Provider:context(runtime, now, deadline)
  local config = self.config
  return setmetatable({
    runtime = runtime, now = now, deadline = deadline, region = config.region, profile = config.profile, config = config,
    clock = self.clock, random = self.random,
    warn = function(text) tell(self, { type = "warning", message = text }) end,
  }, context_mt)
end

-- Ask the source that is known, or walk the chain for one. A source is given up only for another one that has credentials.
local function fetch(self, context)
  local config, source = self.config, self.source
  if self.walked and (not source or source.from_files) then
    local fresh, err = config_module.reload(config)
    if not fresh then return nil, err end
    if fresh ~= config then
      config, source = fresh, nil
      context.config, context.region, context.profile = fresh, fresh.region, fresh.profile
    end
  end
  self.walked = true
  if source then
    local found, err = source:get(context)
    if not found and type(err) ~= "table" then return keys.fail(("%s: %s"):format(self.source_name, err)) end
    return found, err
  end
  local found, name
  source, name, found = require("bedrock.credentials.chain").walk(config, context)
  if not source then return nil, name end
  self.config, self.source, self.source_name = config, source, name
  return found
end

local function have_expired(found, now)
  return keys.fail(("the credentials from %s%s have expired (at %s): get new ones, or set this machine's clock right, which "
    .. "says %s"):format(found.provider, found.profile and (" %q"):format(found.profile) or "",
    keys.date(found.expiration), keys.date(now)))
end

local function keep(self, found, now)
  self.cached, self.renew_at, self.must_at = found, nil, math.huge
  local source = self.source
  local check_every = source.check_every
  if not found.expiration and not check_every then return end
  local jitter = source.exact and 0 or JITTER * self.random()
  if found.expiration then
    local life = found.expiration - now
    local window = math.min(WINDOW, life * WINDOW_SHARE)
    self.renew_at = found.expiration - window * (1 - jitter)
    self.must_at = found.expiration - math.min(MUST_WINDOW, life * MUST_SHARE)
  else
    self.renew_at = now + check_every * (1 + jitter)
  end
end

local function out_of_time(cause)
  return errors.new { code = "TimeoutError", retryable = true, cause = cause,
    message = "the call's time was up before its credentials were there" .. (cause and ": " .. tostring(cause) or "") }
end

-- Renew, for oneself and for all who wait.
local function lead(self, flight, runtime, now, deadline)
  if self.flight ~= flight then return end -- it begins after others have given it up
  flight.leader, flight.main = setmetatable({ coroutine.running() }, weak), coroutine.running() == nil
  local source = self.source
  -- What a source raises is raised on, once the others know that nobody is at it. On plain Lua 5.1 they find out by themselves.
  local ok, found, err = errors.call(fetch, self, self:context(runtime, now, deadline))
  if self.flight == flight then self.flight = nil end
  if not ok and not flight.apart then error(found, 0) end
  if not ok then
    local _
    _, err = keys.fail("the provider of credentials raised: " .. tostring(found))
    found = nil
  end
  if runtime then now = self.clock:signing_time(runtime:now()) end

  if found and expired(found, now) then
    local _
    _, err = have_expired(found, now)
    found = nil
  end
  if not found and deadline and runtime and runtime:now() >= deadline then err = out_of_time(err) end
  flight.err = err
  local given = found
  if found then
    keep(self, found, now)
  else
    local cached = self.cached
    if cached and not expired(cached, now) then
      given = cached
      if self.renew_at then -- as it is where there is an end, or a file to look at
        local left = cached.expiration and (cached.expiration - now) / 5 or PAUSE
        self.renew_at = now + math.min(PAUSE, left) * (1 - JITTER * self.random())
      end
    end
  end
  if not source or source.refreshable then
    tell(self, { type = "credentials", ok = found ~= nil, provider = (found or self.cached or {}).provider or self.source_name,
      expiration = found and found.expiration, code = err and err.code, message = err and err.message })
  end
  if given then return given end
  return nil, err
end

-- Where a caller may be ended at any time, as with a request in nginx, a renewal goes on without it: all wait for it.
local function apart(self, flight, runtime, now)
  if not runtime or not runtime.apart or self.unbegun then
    self.unbegun = nil
    return false
  end
  local deadline = flight.deadline
  flight.apart, flight.deadline = true, nil -- before it begins: a runtime may run it at once
  if runtime:apart(function() lead(self, flight, runtime, now) end) then return true end
  flight.apart, flight.deadline = false, deadline
  return false
end

-- Whether somebody else is at it who will come to an end. Its time is taken on the runtime's own clock, which no correction
-- changes; one that jumps back must not make it last longer.
local function lives(flight, now)
  local thread = flight.leader and flight.leader[1]
  if flight.apart and not flight.leader and math.abs(now - flight.started) > BEGIN_LIMIT then return false end
  if flight.leader and not thread and not flight.main then return false end -- it was given up, and collected
  return thread ~= coroutine.running() and (not thread or coroutine.status(thread) ~= "dead")
    and math.abs(now - flight.started) < FLIGHT_LIMIT
end

-- Whether a task of bedrock.parallel was ended while it was at it.
local function was_cancelled(err)
  while type(err) == "table" do
    if err.kind == "cancelled" then return true end
    err = err.cause
  end
  return false
end

-- Whether a flight failed that a call with this deadline could not have done better: the one who led it may have given up
-- since its own call had little time left, or was made to.
local function counts(flight, deadline)
  if not flight.err or was_cancelled(flight.err) then return false end
  local hasty = flight.deadline and flight.deadline - flight.started < ENOUGH
  return not (hasty and (not deadline or deadline > flight.deadline + 1))
end

-- Sleep until the flight is over. Nothing can be waited for where sleeping stops the whole process.
local function wait(self, flight, runtime, deadline)
  local pause = FIRST_LOOK
  while self.flight == flight and lives(flight, runtime:now()) do
    local left = deadline and deadline - runtime:now()
    if left and left <= 0 then return false end
    runtime:sleep(left and math.min(pause, left) or pause)
    pause = math.min(pause * 2, LAST_LOOK)
  end
  return true
end

--- The credentials to sign with now.
---@param runtime bedrock.Runtime|nil  for providers that send or wait
---@param now number  local time, seconds since 1970
---@param deadline? number  for waiting, on the runtime's clock
---@return bedrock.Credentials|nil credentials  shared: not to be changed
---@return bedrock.Error? err  CredentialsError, TimeoutError, ConfigurationError, or what a user's provider gave
function Provider:get(runtime, now, deadline)
  now = self.clock:signing_time(now)
  while true do
    local cached, renew_at = self.cached, self.renew_at
    if cached and not (renew_at and now >= renew_at) then return cached end
    local usable = cached and not expired(cached, now)
    if usable and not self.source.refreshable then return cached end
    local flight = self.flight
    if flight and usable and now < self.must_at then return cached end
    local leader = flight and flight.leader
    if leader and errors.can_catch and leader[1] == coroutine.running() and (leader[1] or flight.main) then
      return keys.fail("the provider of credentials makes a call that needs the credentials which it is asked for; let it use "
        .. "a client of its own")
    elseif not flight or not runtime or runtimes.blocks(runtime) or not lives(flight, runtime:now()) then
      self.unbegun = flight and flight.apart and not flight.leader
      flight = { started = runtime and runtime:now() or now, deadline = deadline }
      self.flight = flight
      if not apart(self, flight, runtime, now) then return lead(self, flight, runtime, now, deadline) end
    end
    local in_time = wait(self, flight, runtime, deadline)
    now = self.clock:signing_time(runtime:now())
    if not in_time or counts(flight, deadline) then
      cached = self.cached
      if cached and not expired(cached, now) then return cached end
      return nil, in_time and errors.copy(flight.err) or out_of_time()
    end
  end
end

--- Give up credentials that the service has refused as expired: the next call asks for new ones.
---@param refused bedrock.Credentials
---@return boolean refreshable  asking can bring something new
function Provider:forget(refused)
  if not self.source or not self.source.refreshable then return false end
  if self.cached == refused then self.cached, self.renew_at = nil, nil end
  return true
end

--- New credentials in place of those that the service has refused as expired.
---@param refused bedrock.Credentials
---@param runtime bedrock.Runtime|nil
---@param now number
---@param deadline? number
---@return boolean replaced  there are other ones now
---@return bedrock.Error? err  why there are none, where they were asked for
function Provider:replace(refused, runtime, now, deadline)
  if not self:forget(refused) then return false end
  local found, err = self:get(runtime, now, deadline)
  if not found then return false, err end
  for _, name in ipairs { "access_key_id", "secret_access_key", "session_token" } do
    if found[name] ~= refused[name] then return true end
  end
  return false
end

--- Walk the chain and tell of each step, for bedrock.doctor. Nothing is kept.
---@param runtime bedrock.Runtime
---@param now number
---@param deadline? number
---@return bedrock.ProviderTried[] tried
---@return bedrock.Credentials|nil found
---@return bedrock.Error? err
function Provider:explain(runtime, now, deadline)
  local tried = {}
  local source, err, found = require("bedrock.credentials.chain").walk(self.config, self:context(runtime, now, deadline), tried)
  return tried, found, not source and err or nil
end

--- A provider. It looks for credentials at its first `get`.
---@param config bedrock.Config
---@param clock? bedrock.Clock  shared with the client: either may learn that this machine's clock is wrong
---@return bedrock.CredentialsProvider
function refresh.new(config, clock)
  return setmetatable({
    config = config, clock = clock or clock_module.new(config.correct_clock_skew), random = require("bedrock.core").random,
  }, Provider)
end

return refresh
