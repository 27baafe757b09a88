-- limiter.lua: the sending rate of the adaptive retry mode.
--
-- Once the service throttles, a token bucket holds back every send, the first attempts too. Its rate follows a cubic
-- curve: cut to 0.7 at each throttling, then back towards the rate that was too much, slowly near it and faster beyond,
-- and never above twice what was really sent. One limiter serves all calls of a client. Time is an argument.

local limiter = {}

local BETA = 0.7 -- what a throttling leaves of the rate
local SCALE = 0.4 -- how fast the curve comes back
local SMOOTH = 0.8 -- weight of the newest measurement
local BUCKETS_PER_SECOND = 2 -- measurements are made per half second
local LEAST_RATE = 0.5
local LEAST_CAPACITY = 1
local LEAST_WAIT = 0.001 -- seconds: a shorter one may be lost on the clock

---@class bedrock.Limiter
---@field enabled boolean  off until the first throttling
---@field measured_rate number  answers per second, smoothed
---@field fill_rate number  tokens per second
local Limiter = {}
Limiter.__index = Limiter
Limiter.__name = "bedrock.Limiter"

local function bucket_of(now)
  return math.floor(now * BUCKETS_PER_SECOND) / BUCKETS_PER_SECOND
end

--- The rate of the recovering curve at a time.
---@param now number
---@return number
function Limiter:cubic_success(now)
  local window = (self.last_max_rate * (1 - BETA) / SCALE) ^ (1 / 3)
  return SCALE * (now - self.last_throttle_time - window) ^ 3 + self.last_max_rate
end

--- Note a throttling at a rate; the rate to go on with.
---@param rate number
---@param now number
---@return number
function Limiter:cubic_throttle(rate, now)
  self.last_max_rate = rate
  self.last_throttle_time = now
  return rate * BETA
end

-- A limiter may be made long before its first use; its clock starts with that.
local function start(self, now)
  if not self.last_throttle_time then
    self.last_throttle_time = now
    self.last_bucket = bucket_of(now)
  end
end

local function measure(self, now)
  self.count = self.count + 1
  local bucket = bucket_of(now)
  if bucket > self.last_bucket then
    local rate = self.count / (bucket - self.last_bucket)
    self.measured_rate = SMOOTH * rate + (1 - SMOOTH) * self.measured_rate
    self.count = 0
    self.last_bucket = bucket
  elseif bucket < self.last_bucket then
    self.last_bucket = bucket -- the clock was set back
  end
end

local function refill(self, now)
  if self.last_refill and now > self.last_refill then
    self.tokens = math.min(self.capacity, self.tokens + (now - self.last_refill) * self.fill_rate)
  end
  self.last_refill = now
end

--- Take the token of one send.
---@param now number
---@return number wait  0: it is taken; else seconds after which there may be one, if nobody else comes first
function Limiter:acquire(now)
  start(self, now)
  if not self.enabled then return 0 end
  refill(self, now)
  local missing = 1 - self.tokens
  if missing > 0 then return math.max(missing / self.fill_rate, LEAST_WAIT) end
  self.tokens = self.tokens - 1
  return 0
end

--- Learn from an answer, or from a failure to get one.
---@param throttled boolean
---@param now number
function Limiter:update(throttled, now)
  start(self, now)
  measure(self, now)
  local rate
  if throttled then
    local used = self.enabled and math.min(self.measured_rate, self.fill_rate) or self.measured_rate
    rate = self:cubic_throttle(used, now)
    self.enabled = true
  else
    rate = self:cubic_success(now)
  end
  refill(self, now)
  self.fill_rate = math.max(math.min(rate, 2 * self.measured_rate), LEAST_RATE)
  self.capacity = math.max(self.fill_rate, LEAST_CAPACITY)
  self.tokens = math.min(self.tokens, self.capacity)
end

--- A limiter that is off until the first throttling.
---@param now? number  when its clock starts; default: at its first use
---@return bedrock.Limiter
function limiter.new(now)
  local self = setmetatable({
    enabled = false,
    measured_rate = 0,
    fill_rate = 0,
    capacity = 0,
    tokens = 0,
    count = 0,
    last_max_rate = 0,
  }, Limiter)
  if now then start(self, now) end
  return self
end

return limiter
