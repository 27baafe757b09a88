-- retry.lua: decides whether a failed attempt is made again, and after how long. It never sleeps and never sends.
--
-- A strategy belongs to a client: its quota is shared by all calls, so that a service in trouble is not met with a
-- storm of retries, however many coroutines call. The numbers are a table (RULES), since they changed in November 2026
-- and may again.

local retry = {}

---@class bedrock.RetryRules
---@field quota integer  size of the shared quota
---@field cost {transient: number, throttling: number}  what a retry takes from it
---@field refund number  what a call gives back that succeeds at once
---@field base {transient: number, throttling: number}  seconds: the longest first delay
---@field power number  growth of the delay from one retry to the next
---@field max_delay number  seconds, before the random factor
---@field honor_headers boolean  whether x-amz-retry-after and Retry-After count

--- The rules of the AWS SDKs since November 2026.
---@type bedrock.RetryRules
retry.RULES_2026 = {
  quota = 500,
  cost = { transient = 14, throttling = 5 },
  refund = 1,
  base = { transient = 0.05, throttling = 1 },
  power = 2,
  max_delay = 20,
  honor_headers = true,
}

--- The rules before that, for comparison.
---@type bedrock.RetryRules
retry.RULES_CLASSIC = {
  quota = 500,
  cost = { transient = 5, throttling = 5 },
  refund = 1,
  base = { transient = 1, throttling = 1 },
  power = 2,
  max_delay = 20,
  honor_headers = false,
}

-- A service may ask for more patience than we had in mind, but for no more than this many seconds more.
local HEADER_LEEWAY = 5

local THROTTLING_CODES = {
  Throttling = true,
  ThrottlingException = true,
  ThrottledException = true,
  RequestThrottledException = true,
  RequestThrottled = true,
  TooManyRequestsException = true,
  ProvisionedThroughputExceededException = true,
  TransactionInProgressException = true,
  RequestLimitExceeded = true,
  BandwidthLimitExceeded = true,
  LimitExceededException = true,
  SlowDown = true,
  PriorRequestNotComplete = true,
  EC2ThrottledException = true,
}

local TRANSIENT_CODES = {
  RequestTimeout = true,
  RequestTimeoutException = true,
  IDPCommunicationError = true,
}

local TRANSIENT_STATUS = { [500] = true, [502] = true, [503] = true, [504] = true }

-- What the library's own errors mean when the runtime says nothing else. A certificate that does not verify and an
-- answer that can't be read are marked as not retryable where they are found.
local TRANSPORT_CODES = { ConnectionError = true, TimeoutError = true, TLSError = true }
local FINAL_CODES = {
  ParamValidationError = true,
  ConfigurationError = true,
  CredentialsError = true,
  WaiterError = true,
}

---@class bedrock.RetryStrategy
---@field max_attempts integer
---@field mode "standard"|"adaptive"
---@field quota number  what is left of it
local Strategy = {}
Strategy.__index = Strategy
Strategy.__name = "bedrock.RetryStrategy"

---@class bedrock.RetryState  one call's state
---@field attempt integer  the attempt that is being made, from 1
---@field max_attempts integer
---@field cost number  what its last retry took from the quota

--- Begin a call.
---@param max_attempts? integer  for this call alone
---@return bedrock.RetryState
function Strategy:begin(max_attempts)
  return { attempt = 1, max_attempts = max_attempts or self.max_attempts, cost = 0 }
end

--- What holds a send back: nothing in standard mode, the rate limiter in adaptive mode.
---@param now number  seconds
---@return number wait  seconds to sleep before asking again; 0: the attempt may be sent
function Strategy:before_attempt(now)
  if not self.limiter then return 0 end
  return self.limiter:acquire(now)
end

local function modelled_trait(err, model)
  if type(model) ~= "table" then return nil end
  if model.errors then
    local shape = model.errors[err.code]
    return shape and shape.retryable
  end
  return model
end

--- Sort an error into what may pass (and how) and what may not.
---@param err bedrock.Error  its code and status count, and `retryable` on errors of the library itself
---@param model? table  the operation of the model (its exceptions may be marked retryable), or such a mark itself
---@return "throttling"|"transient"|nil class  nil: trying again can't help
function Strategy.classify(_, err, model)
  local code, status = err.code, err.status
  if FINAL_CODES[code] then return nil end
  if TRANSPORT_CODES[code] and status == nil then
    return err.retryable ~= false and "transient" or nil
  elseif code == "ResponseError" then
    -- Only a cut-off answer is worth it: what arrived whole and can't be read will be the same next time.
    if err.retryable ~= nil then return err.retryable and "transient" or nil end
    return TRANSIENT_STATUS[status] and "transient" or nil
  end
  local trait = modelled_trait(err, model)
  if THROTTLING_CODES[code] or (trait and trait.throttling) then return "throttling" end
  if trait then return "transient" end
  if status == 429 then return "throttling" end
  if TRANSIENT_CODES[code] or TRANSIENT_STATUS[status] then return "transient" end
  return nil
end

-- Seconds that the service asks for, or nil. Nonsense and negative values are no wish at all.
local function wanted_delay(headers, now)
  local text = headers["x-amz-retry-after"]
  if type(text) == "string" and text:find("^%s*%d+%s*$") then return tonumber(text) / 1000 end
  text = headers["retry-after"]
  if type(text) ~= "string" then return nil end
  if text:find("^%s*%d+%s*$") then return tonumber(text) end
  if not text:find("%a") then return nil end
  local date = require("bedrock.core").time_parse(text)
  if not date or date < now then return nil end
  return date - now
end

--- Decide about a failed attempt. To be called after every one, also with no class: the limiter learns from it.
---@param call bedrock.RetryState
---@param class "throttling"|"transient"|"credentials"|nil  "credentials": refused ones were replaced, so another attempt is
---  due at once, and costs nothing, since the service is not in trouble
---@param headers? table<string, string>  the answer's headers, lower-case names, if there was an answer
---@param now number  seconds
---@return number|nil delay  seconds to wait before the next attempt; `call.attempt` has been counted up
---@return "fail_request"|"max_attempts_exceeded"|"retry_quota_exceeded"|nil reason  why there is none
function Strategy:on_failure(call, class, headers, now)
  if self.limiter then self.limiter:update(class == "throttling", now) end
  if not class then return nil, "fail_request" end
  if call.attempt >= call.max_attempts then return nil, "max_attempts_exceeded" end
  local rules = self.rules
  local cost = rules.cost[class] or 0
  if self.quota < cost then return nil, "retry_quota_exceeded" end
  self.quota = self.quota - cost
  call.cost = cost

  local delay = self.random() * math.min((rules.base[class] or 0) * rules.power ^ (call.attempt - 1), rules.max_delay)
  if rules.honor_headers and headers then
    local wanted = wanted_delay(headers, now)
    if wanted then delay = math.max(delay, math.min(wanted, delay + HEADER_LEEWAY)) end
  end
  call.attempt = call.attempt + 1
  return delay
end

--- Give back to the quota what a successful call may: the cost of its last retry, or a little for none.
---@param call? bedrock.RetryState  a call without a failure may have none
---@param now number  seconds
function Strategy:on_success(call, now)
  if self.limiter then self.limiter:update(false, now) end
  local back = call and call.attempt > 1 and call.cost or self.rules.refund
  self.quota = math.min(self.quota + back, self.rules.quota)
end

---@class bedrock.RetryOptions
---@field mode? "standard"|"adaptive"
---@field max_attempts? integer  the first one counts; default 3
---@field random? fun(): number  from 0 to 1; default: the core's generator
---@field rules? bedrock.RetryRules
---@field quota? number  what is in the quota at the start; default: all of it

--- A strategy, for one client.
---@param options? bedrock.RetryOptions
---@return bedrock.RetryStrategy
function retry.new(options)
  options = options or {}
  local mode = options.mode or "standard"
  if mode ~= "standard" and mode ~= "adaptive" then
    error(("unknown retry mode %q; known are standard and adaptive"):format(tostring(mode)), 2)
  end
  local rules = options.rules or retry.RULES_2026
  return setmetatable({
    mode = mode,
    max_attempts = options.max_attempts or 3,
    random = options.random or require("bedrock.core").random,
    rules = rules,
    quota = options.quota or rules.quota,
    limiter = mode == "adaptive" and require("bedrock.limiter").new() or nil,
  }, Strategy)
end

return retry
