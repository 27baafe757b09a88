--- The emulator's time.
--
-- One clock for all that the service does: dates of jobs, the Date header, the check of a signature's age. It follows a source (the
-- machine's clock unless a test gives its own) plus whatever was advanced. `skew` sets the service's idea of the time apart from
-- its clients', to test how a client corrects it: it moves the Date header and the check of signatures, not the jobs.

local clock = {}

---@class bedrock.emulator.Clock
local Clock = {}
Clock.__index = Clock
Clock.__name = "bedrock.emulator.clock"

-- LuaSocket's clock has microseconds; without LuaSocket the seconds of os.time must do.
local function machine_clock()
  local ok, socket = pcall(require, "socket")
  if ok then return socket.gettime end
  return os.time
end

--- A clock over a source.
---@param source? fun(): number  seconds since 1970; the machine's clock when left out
---@param fixed_signing_time? boolean  true: advancing leaves the Date header and the signature's age alone (clients with a clock of
--- their own, as behind a socket, can't follow)
---@return bedrock.emulator.Clock
function clock.new(source, fixed_signing_time)
  return setmetatable({
    source = source or machine_clock(),
    fixed_signing_time = fixed_signing_time,
    advanced = 0,
    skewed = 0,
  }, Clock)
end

--- Seconds since 1970, in whole milliseconds, as the service's timestamps have no finer grain.
---@return number
function Clock:now()
  return math.floor((self.source() + self.advanced) * 1000 + 0.5) / 1000
end

--- The time by which signatures are checked and answers are dated.
---@return number
function Clock:signing_time()
  local time = self.source() + self.skewed
  if not self.fixed_signing_time then time = time + self.advanced end
  return time
end

--- Let time pass at once.
---@param seconds number  not negative
function Clock:advance(seconds)
  self.advanced = self.advanced + seconds
end

--- Set the service's clock apart from its clients'.
---@param seconds number  how far the service is ahead; negative: behind
function Clock:skew(seconds)
  self.skewed = seconds
end

return clock
