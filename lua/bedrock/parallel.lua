-- parallel.lua: many calls side by side, for bedrock.parallel.
--
-- Each task is a coroutine. What waits in it (sending, sleeping) hands control back to a loop, which drives all requests over
-- one multi handle of libcurl and wakes whoever has something to go on with. Nothing is a thread: between two waits a task
-- has the process for itself. The runtime (runtime/curl.lua) finds out here whether the code that calls it is such a task.
-- Anything else that works alone works inside, since it waits by these two means only.
--
-- A call of bedrock.parallel within a task joins the loop that runs already; anywhere else it has a loop of its own. In nginx
-- tasks are light threads, and nginx is the loop.
--
-- A task can have helpers: what runs beside it, and is of no use without it (the page ahead of an iterator).

local errors = require "bedrock.errors"

local unpack = table.unpack or unpack

local parallel = {}

local DEFAULT_LIMIT = 50
-- A task that was cancelled gets an error from each call. One that goes on calling is given up after so many.
local PATIENCE = 100
-- The kind of such errors: they say nothing of what the task was at.
local CANCELLED = "cancelled"

---@alias bedrock.Task (fun(index: integer): any, any) | {[1]: bedrock.Client, [2]: string, [3]: table?, [4]: bedrock.CallOptions?}

---@class bedrock.ParallelOptions
---@field limit? integer  tasks that run at once, 50 if not given
---@field timeout? number  seconds for all of them together
---@field connections? integer  to one host at once, any number if not given; a call within a task has those of the outer one,
---  and in nginx it has no say
---@field on_result? fun(index: integer, result: any, err: any): boolean|nil  hears of each task as it ends; false cancels the rest
---@field keep? boolean  false: nothing is handed back, for those who listen to on_result and have more tasks than memory

local OPTION_TYPES = { limit = "number", timeout = "number", connections = "number", on_result = "function", keep = "boolean" }

--- Look for mistakes of the program.
---@param tasks any
---@param options any
---@return string|nil problem  to be raised at the caller's line
function parallel.check(tasks, options)
  if type(tasks) ~= "table" and type(tasks) ~= "function" then
    return "bedrock.parallel takes a list of tasks, or a function that gives one after the other, got " .. type(tasks)
  elseif options ~= nil and type(options) ~= "table" then
    return "the options of bedrock.parallel must be a table, got " .. type(options)
  end
  for name, value in pairs(options or {}) do
    local wanted = OPTION_TYPES[name]
    if not wanted then
      return ("unknown option %q of bedrock.parallel%s"):format(tostring(name), errors.did_you_mean(tostring(name), OPTION_TYPES))
    elseif type(value) ~= wanted then
      return ("option %s of bedrock.parallel must be a %s, got %s"):format(name, wanted, type(value))
    elseif (name == "limit" or name == "connections") and not (value >= 1 and value % 1 == 0) then
      return ("option %s of bedrock.parallel must be a whole number from 1 on"):format(name)
    elseif name == "timeout" and not (value > 0 and value < math.huge) then
      return "option timeout of bedrock.parallel must be a positive number of seconds"
    end
  end
end

---------------------------------------------------------------------------------------------------------------------
-- Tasks of one call, and what came of them
---------------------------------------------------------------------------------------------------------------------

local function run_row(row)
  local client, name = row[1], row[2]
  local method = type(client) == "table" and type(name) == "string" and client[name]
  if not method then error("a task must be a function, or { client, operation, params }", 0) end
  return method(client, row[3], row[4])
end

local Group = {}
Group.__index = Group

local function new_group(tasks, options)
  options = options or {}
  local at = 0
  local list = type(tasks) == "table" and tasks or nil
  return setmetatable({
    list = list, limit = options.limit or DEFAULT_LIMIT, timeout = options.timeout, on_result = options.on_result,
    connections = options.connections, keep = options.keep ~= false, results = { n = 0 }, errors = { n = 0 }, started = 0, running = 0,
    next_task = list and function()
      at = at + 1
      return list[at]
    end or tasks,
  }, Group)
end

-- The next task and its index, while there are any.
function Group:take()
  if self.exhausted then return nil end
  local task = self.next_task()
  if task == nil then
    self.exhausted = true
    return nil
  end
  self.started = self.started + 1
  self.results.n, self.errors.n = self.started, self.started
  return task, self.started
end

-- A task ended: what it returned, or what it raised. Whether the others are to go on.
function Group:ended(index, ok, result, err)
  local failure
  if not ok then
    failure = result
    if failure == nil then failure = "nil" end
    result = nil
  elseif result == nil then
    failure = err
  end
  if self.keep then self.results[index], self.errors[index] = result, failure end
  if self.on_result and self.on_result(index, result, failure) == false then
    self:cancel(errors.new { code = "CancelledError", kind = CANCELLED, retryable = false,
      message = "the task was cancelled: on_result said so" })
  end
end

function Group:out_of_time()
  return errors.new { code = "TimeoutError", kind = CANCELLED, retryable = false,
    message = ("the limit of %g seconds for all tasks together is over"):format(self.timeout) }
end

-- No task begins any more; those of a list that were not begun have the same error.
function Group:cancel(err)
  if self.cancel_error then return end
  self.cancel_error = err
  while self.list do
    local task, index = self:take()
    if task == nil then break end
    if self.keep then self.errors[index] = errors.copy(err) end
  end
  self.exhausted = true
  if self.on_cancel then self:on_cancel(err) end
end

local function run_task(task, index)
  if type(task) == "function" then return task(index) end
  return run_row(task)
end

---------------------------------------------------------------------------------------------------------------------
-- The loop over libcurl
---------------------------------------------------------------------------------------------------------------------

local YIELD = {} -- what our own waits hand to the loop; a task that yields by itself lets the others go on

local Loop = {}
Loop.__index = Loop

---@class bedrock.RunningTask
---@field loop table
---@field cancel_error? bedrock.Error
local Task = {}
Task.__index = Task

local by_thread = setmetatable({}, { __mode = "k" })
local can_yield = rawget(coroutine, "isyieldable") or function() return true end -- 5.1 does not tell

--- The task that runs here, if it can wait here: a finalizer in its midst, or a function that C calls, can't, and stops the
--- process as outside of tasks.
---@return bedrock.RunningTask|nil
function parallel.current()
  local thread = coroutine.running()
  local task = thread and by_thread[thread]
  return task and can_yield() and task or nil
end

-- Hand control to the loop until it wakes this task.
local function suspend(task)
  if task.cancel_error then
    task.after_cancel = (task.after_cancel or 0) + 1
    if task.after_cancel > PATIENCE then task.given_up = true end
  end
  coroutine.yield(YIELD)
end

--- Let the others run for so many seconds.
---@param seconds number
function Task:sleep(seconds)
  self.loop:withdraw(self)
  if self.cancel_error then seconds = 0 end
  self.wake_at = self.loop.now() + math.max(seconds, 0)
  self.loop.sleeping[self] = true
  suspend(self)
end

--- Run a request of this task beside those of the others.
---@param session bedrock.curl.session
---@param lend boolean  as session:finish takes it
---@param ... any  what bedrock.curl's multi:start takes behind the session
---@return bedrock.Response|nil response
---@return string|bedrock.Error kind  as session:finish gives it, or the error of a cancelled task
---@return string? text
---@return integer? tunnel
function Task:perform(session, lend, ...)
  local loop = self.loop
  if self.cancel_error then
    self:sleep(0)
    return nil, errors.copy(self.cancel_error)
  end
  loop:withdraw(self)
  local ok, kind, text, tunnel = loop.multi:start(session, ...)
  if not ok then return nil, kind, text, tunnel end
  loop.sending[session], loop.requests, self.session = self, loop.requests + 1, session
  if loop.requests > loop.most then loop.most = loop.requests end
  -- On 5.1 what could not be waited for may wake the task as well.
  repeat suspend(self) until not loop.sending[session] or self.cancel_error
  if loop.sending[session] then -- it was cancelled
    loop:withdraw(self)
    return nil, errors.copy(self.cancel_error)
  end
  self.session = nil
  return session:finish(lend)
end

-- Take back what a task waits for, where it won't: it is cancelled or given up, or it could not begin to wait, which on 5.1
-- only an error tells (in a pcall, in a finalizer).
function Loop:withdraw(task)
  local session = task.session
  self.sleeping[task], task.session = nil, nil
  if session and self.sending[session] then
    self.sending[session], self.requests = nil, self.requests - 1
    self.multi:cancel(session)
  end
end

function Loop:wake(task)
  self.sleeping[task] = nil
  if task.awake then return end
  task.awake = true
  self.ready[#self.ready + 1] = task
end

local function finish(task, ...)
  local group = task.group
  task.loop:withdraw(task)
  by_thread[task.thread] = nil
  group.tasks[task] = nil
  if task.helpers then
    for helper in pairs(task.helpers) do helper:drop() end
  end
  if task.helper then
    group.helpers = group.helpers - 1
    return task.helper:ended(...)
  end
  group.running = group.running - 1
  group:ended(task.index, ...)
end

function Loop:resume(task)
  local function after(ok, token, ...)
    if coroutine.status(task.thread) == "dead" then return finish(task, ok, token, ...) end
    if task.given_up then return finish(task, true, nil, errors.copy(task.cancel_error)) end
    if token ~= YIELD then self:wake(task) end
  end
  task.awake = false
  after(coroutine.resume(task.thread, task.body, task.index))
end

-- Begin as many tasks of a group as its limit lets.
function Loop:fill(group)
  while group.running < group.limit do
    local body, index = group:take()
    if body == nil then break end
    local task = setmetatable({ loop = self, group = group, index = index, body = body,
      thread = coroutine.create(run_task) }, Task)
    by_thread[task.thread] = task
    group.tasks[task] = true
    group.running = group.running + 1
    self:resume(task)
  end
  if group.running == 0 and group.helpers == 0 and group.exhausted and not group.done then
    group.done = true
    self.groups[group] = nil
    if group.parent then self:wake(group.parent) end
  end
end

function Loop:cancel_task(task, err)
  if task.cancel_error then return end
  task.cancel_error = err
  if task.inner and not task.inner.done then
    task.inner:cancel(err)
  elseif task.session or self.sleeping[task] or task.awaits then
    self:wake(task)
  end
end

-- The tasks of a group that is cancelled get the error where they wait; so do the groups that they wait for.
function Loop:cancel(group, err)
  local tasks = {}
  for task in pairs(group.tasks) do tasks[#tasks + 1] = task end
  for _, task in ipairs(tasks) do self:cancel_task(task, err) end
end

function Loop:add(group)
  group.tasks, group.helpers = {}, 0
  group.deadline = group.timeout and self.now() + group.timeout
  function group.on_cancel(_, err) self:cancel(group, err) end
  self.groups[group] = true
end

-- Seconds until a sleeping task or a deadline is due; wakes what is.
function Loop:next_due()
  local now, due = self.now(), math.huge
  local awake = {}
  for task in pairs(self.sleeping) do
    if task.wake_at <= now then awake[#awake + 1] = task else due = math.min(due, task.wake_at) end
  end
  for _, task in ipairs(awake) do self:wake(task) end
  for group in pairs(self.groups) do
    if group.deadline and not group.cancel_error then
      if group.deadline <= now then group:cancel(group:out_of_time()) else due = math.min(due, group.deadline) end
    end
  end
  return #self.ready > 0 and 0 or due - now
end

-- One turn: whoever is ready goes on, then the network has its turn.
function Loop:turn()
  local ready = self.ready
  self.ready = {}
  for i = 1, #ready do
    if by_thread[ready[i].thread] then self:resume(ready[i]) end
  end
  local groups = {}
  for group in pairs(self.groups) do groups[#groups + 1] = group end
  for _, group in ipairs(groups) do self:fill(group) end
  local wait = self:next_due()
  if self.requests > 0 then
    for _, session in ipairs(self.multi:wait(math.min(wait, 1))) do
      local task = self.sending[session]
      self.sending[session], self.requests = nil, self.requests - 1
      self:wake(task)
    end
  elseif wait > 0 and wait < math.huge then
    self.pause(math.min(wait, 1)) -- in pieces, for Ctrl-C
  end
end

---------------------------------------------------------------------------------------------------------------------
-- Helpers
---------------------------------------------------------------------------------------------------------------------

---@class bedrock.Helper
---@field task bedrock.RunningTask
---@field owner bedrock.RunningTask
local Helper = {}
Helper.__index = Helper

local DROPPED = errors.new { code = "CancelledError", kind = CANCELLED, retryable = false, message = "nobody waits for it any more" }

--- Its function ended: what came of it is for whoever waits.
---@param ... any  whether it returned, and what it returned or raised
function Helper:ended(...)
  self.outcome = { ... }
  self.owner.helpers[self] = nil
  if self.waiter then self.task.loop:wake(self.waiter) end
end

--- The task that it helps has ended: so does it, as one that is cancelled does.
function Helper:drop()
  if self.outcome or self.dropped then return end
  self.dropped = true
  self.task.loop:cancel_task(self.task, DROPPED)
end

--- Wait for it.
---@return boolean there  false where it was cancelled, or can't be waited for here: what it was to do is still to be done
---@return any ...  what its function returned; what it raised is raised
function Helper:wait()
  local here = parallel.current()
  if not self.outcome and not (here and here.loop == self.task.loop) then self:drop() end
  if self.dropped then return false end
  while not self.outcome do
    if here.cancel_error then -- which may be of another group than the helper
      self:drop()
      return false
    end
    self.waiter, here.awaits = here, self
    suspend(here)
    self.waiter, here.awaits = nil, nil
  end
  local outcome = self.outcome
  if self.dropped or self.task.cancel_error and outcome[1] and outcome[2] == nil then return false end
  if not outcome[1] then error(outcome[2], 0) end
  return unpack(outcome, 1, 3)
end

--- Run a function beside the task that runs here, which may wait for it. It ends with that task at the latest, and does not
--- count for the group's limit.
---@param f fun(): any, any
---@return bedrock.Helper|nil helper  nil where no task runs here
function parallel.beside(f)
  local owner = parallel.current()
  if not owner or owner.cancel_error then return nil end
  local loop, group = owner.loop, owner.group
  local helper = setmetatable({ owner = owner }, Helper)
  local function body()
    if not helper.dropped then return f() end
  end
  helper.task = setmetatable({ loop = loop, group = group, helper = helper, body = body,
    thread = coroutine.create(run_task) }, Task)
  by_thread[helper.task.thread] = helper.task
  group.tasks[helper.task], group.helpers = true, group.helpers + 1
  owner.helpers = owner.helpers or {}
  owner.helpers[helper] = true
  loop:wake(helper.task)
  return helper
end

-- A multi handle keeps its connections from one call to the next: so many to a host at most.
local spare, spare_most

--- End the idle connections that wait for the next call of bedrock.parallel. They end with the program, too.
function parallel.close()
  if spare then spare:close() end
  spare = nil
end

local function new_loop(connections)
  local curl = require("bedrock.native").load "bedrock.curl"
  if spare and connections and spare_most > connections then parallel.close() end -- a limit ends none that is there
  local multi, most = spare or assert(curl.multi()), spare and spare_most or 0
  spare = nil
  multi:limit(connections)
  return setmetatable({ multi = multi, kept = most, most = 0, now = curl.now, pause = curl.sleep, sending = {}, requests = 0,
    sleeping = {}, ready = {}, groups = {} }, Loop)
end

local function keep_connections(loop, connections)
  if spare or loop.requests > 0 then return end -- a call within on_result left its own, or one that could not wait (on 5.1) requests
  spare, spare_most = loop.multi, math.max(loop.kept, math.min(loop.most, connections or math.huge))
end

local function run_in_loop(group)
  local task = parallel.current()
  if task then
    task.loop:add(group)
    task.inner = group
    if task.cancel_error then group:cancel(task.cancel_error) end
    task.loop:fill(group)
    group.parent = task -- it waits from here on; a group that is done already must not wake it later, elsewhere
    while not group.done do suspend(task) end
    task.inner = nil
    return
  end
  require("bedrock.runtime.curl").tasks(parallel.current)
  local loop = new_loop(group.connections)
  loop:add(group)
  loop:fill(group)
  while not group.done do loop:turn() end
  keep_connections(loop, group.connections)
end

---------------------------------------------------------------------------------------------------------------------
-- nginx
---------------------------------------------------------------------------------------------------------------------

-- Only who began a light thread can end it, so that one waits for whichever comes first: a thread that has no more to do, or
-- the one that watches the time.
local function run_in_nginx(group)
  local ngx = rawget(_G, "ngx")
  local threads, at_work, ended, raised = {}, {}, {}, nil
  local function begin(f)
    local place = #threads + 1
    threads[place] = assert(ngx.thread.spawn(function()
      local ok, message = pcall(f, place) -- what on_result raises is the caller's
      if not ok then raised = { message } end
      ended[place] = true
    end))
  end
  local function work(place)
    while not group.cancel_error do
      local task, index = group:take()
      if task == nil then return end
      at_work[place] = index
      local ok, result, err = pcall(run_task, task, index)
      at_work[place] = nil
      group:ended(index, ok, result, err)
    end
  end
  local function watch()
    ngx.sleep(group.timeout)
    group:cancel(group:out_of_time())
  end
  for _ = 1, group.limit do
    if group.exhausted then break end
    begin(work)
  end
  local workers = #threads
  if group.timeout then begin(watch) end

  repeat
    local waiting, busy = {}, false
    for place, thread in pairs(threads) do
      if ended[place] then
        ngx.thread.wait(thread)
        threads[place] = nil
      else
        waiting[#waiting + 1], busy = thread, busy or place <= workers
      end
    end
    local over = not busy or group.cancel_error or raised
    if not over then ngx.thread.wait(unpack(waiting)) end
  until over
  for place, thread in pairs(threads) do
    ngx.thread.kill(thread)
    local index = at_work[place]
    if index and group.keep and group.cancel_error then group.errors[index] = errors.copy(group.cancel_error) end
  end
  if raised then error(raised[1], 0) end
end

--- Run tasks side by side. Options were checked.
---@param tasks bedrock.Task[]|fun(): bedrock.Task|nil
---@param options? bedrock.ParallelOptions
---@return table results
---@return table errors
function parallel.run(tasks, options)
  local group = new_group(tasks, options)
  if require("bedrock.runtime").inside_nginx() then run_in_nginx(group) else run_in_loop(group) end
  return group.results, group.errors
end

return parallel
