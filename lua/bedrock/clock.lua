-- clock.lua: the difference between this machine's clock and the service's.
--
-- AWS refuses signatures whose date is more than five minutes off. A machine with a wrong clock learns the right time
-- from the refusal's Date header, signs with it from then on, and tries again. The correction belongs to a client: each
-- client talks to one endpoint, and shares it with those that get its credentials from STS and SSO.

local clock = {}

-- Below this the refusal had another reason (seconds); AWS's own limit is 300.
local LEAST_SKEW = 240

-- The answers that a wrong clock causes.
local SKEW_CODES = {
  RequestTimeTooSkewed = true,
  RequestExpired = true,
  RequestInTheFuture = true,
  InvalidSignatureException = true,
  SignatureDoesNotMatch = true,
  AuthFailure = true,
  AccessDeniedException = true,
}

---@class bedrock.Clock
---@field offset number  seconds to add to the local time
---@field enabled boolean
local Clock = {}
Clock.__index = Clock
Clock.__name = "bedrock.Clock"

--- The time to sign with.
---@param now number  local time, seconds since 1970
---@return number
function Clock:signing_time(now)
  return now + self.offset
end

--- Look at an error answer; correct the clock if it tells of a skew that explains the error.
---@param headers table<string, string>|nil  the answer's headers, lower-case names
---@param code string|nil  the error's code
---@param now number  local time on receipt
---@param used? number  the offset that the request was signed with (default: today's). With several calls in flight one
---  refusal corrects the clock for all; the others still were signed with the old offset and deserve their attempt.
---@return boolean corrected  the error is worth another attempt, signed with the new time
function Clock:observe(headers, code, now, used)
  if not self.enabled or not headers or not SKEW_CODES[code] then return false end
  -- An answer out of a cache carries the date at which it was made.
  local date = headers["date"]
  if headers["age"] or type(date) ~= "string" then return false end
  local server = require("bedrock.core").time_parse(date)
  if not server then return false end
  if math.abs(server - now - (used or self.offset)) < LEAST_SKEW then return false end
  self.offset = server - now
  return true
end

--- A clock without correction so far.
---@param enabled? boolean  false: never correct (AWS_DISABLE_CLOCK_SKEW_CORRECTION)
---@return bedrock.Clock
function clock.new(enabled)
  return setmetatable({ offset = 0, enabled = enabled ~= false }, Clock)
end

return clock
