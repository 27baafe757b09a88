-- Coroutines side by side over a clock of their own: a runtime whose `send` and `sleep` yield until their time has come, as
-- in bedrock.parallel and in OpenResty. Nothing sleeps for real.
--
--   local s = scheduler.new(function(request) return response, err, seconds end)
--   s:spawn(function() … s.runtime:send{…} … end)
--   s:run()

local scheduler = {}

local Scheduler = {}
Scheduler.__index = Scheduler

--- `answer(request, deadline)` gives a response or nil and an error, and after how many seconds (default 0.01).
function scheduler.new(answer, now)
  local self = setmetatable({ clock = now or 1700000000, waiting = {}, count = 0 }, Scheduler)
  local runtime = {}
  self.runtime = runtime
  function runtime.now() return self.clock end
  function runtime.sleep(_, seconds) self:pause(seconds) end
  function runtime.send(_, request, deadline)
    local response, err, seconds = answer(request, deadline)
    self:pause(seconds or 0.01)
    return response, err
  end
  return self
end

--- Let the others run for so many seconds.
function Scheduler:pause(seconds)
  self.count = self.count + 1
  coroutine.yield(self.clock + math.max(seconds, 0), self.count)
end

--- Begin a task; it runs up to its first pause when `run` comes to it.
function Scheduler:spawn(task)
  self.count = self.count + 1
  local thread = coroutine.create(task)
  table.insert(self.waiting, { at = self.clock, order = self.count, thread = thread })
  return thread
end

local function earlier(a, b)
  if a.at ~= b.at then return a.at < b.at end
  return a.order < b.order
end

--- Run all tasks to their ends. What one of them raises is raised here, the others stay where they are.
function Scheduler:run()
  while self.waiting[1] do
    local first = 1
    for i = 2, #self.waiting do
      if earlier(self.waiting[i], self.waiting[first]) then first = i end
    end
    local entry = table.remove(self.waiting, first)
    self.clock = math.max(self.clock, entry.at)
    local ok, at, order = coroutine.resume(entry.thread)
    if not ok then error(at, 0) end
    if coroutine.status(entry.thread) ~= "dead" then
      entry.at, entry.order = at, order
      table.insert(self.waiting, entry)
    end
  end
end

return scheduler
