--- What specs of credentials share: a stand-in per file, programs over real HTTP whose clock the test moves, and a look at errors.
--
--   local services = support.services()                       -- at the top of a file
--   local all, told = support.options(files, environment)     -- sees these files and variables alone
--   local call, runtime = support.program(all, told)
--   call(3000)                                                -- a call of Bedrock, 3000 seconds later than now

local assert = require "luassert"
local bedrock = require "bedrock"
local busted = require "busted"
local credentials = require "bedrock.credentials"
local curl_runtime = require "bedrock.runtime.curl"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"

local support = {}

--- How much longer things may take, under valgrind.
support.SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1

--- Where `options` has the config file, if HOME is "/h".
support.CONFIG = "/h/.aws/config"

local http -- while a file's tests run

--- A stand-in for the tests of this file: it starts over before each of them, and must not have complained after it.
function support.services()
  local services = {} -- gets its methods and fields when the tests begin
  busted.setup(function()
    setmetatable(services, { __index = stand_in.start() })
    http = curl_runtime.new { proxy = false }
  end)
  busted.teardown(function()
    http:close()
    services:stop()
  end)
  busted.before_each(function() services:reset() end)
  busted.after_each(function() assert.equal("", services:output()) end)
  return services
end

--- A copy of a table with some changes; what is to be false is left out.
function support.with(object, changes)
  local copy = {}
  for name, value in pairs(object) do copy[name] = value end
  for name, value in pairs(changes or {}) do copy[name] = value or nil end
  return copy
end

--- Real HTTP on this machine, with a clock that pauses and tests move: `ahead`, in seconds; `pauses` lists them. It has a Bedrock
--- of its own that takes all calls, or answers with `bedrock`: `key` is whose signature the last one had, `date` is when.
---@param limit? number  seconds until a stand-in is taken for silent, whatever limits a request has (30)
function support.runtime(limit)
  local runtime = { ahead = 0, pauses = {} }
  limit = limit or 30 * support.SLOW
  function runtime.now() return socket.gettime() + runtime.ahead end
  function runtime.sleep(_, seconds)
    runtime.ahead = runtime.ahead + seconds
    runtime.pauses[#runtime.pauses + 1] = seconds
  end
  function runtime.send(_, request, deadline)
    if not request.url:find "^https://bedrock%." then return runtime.ask(request, deadline) end
    runtime.key, runtime.date = request.headers.Authorization:match "Credential=([^/]+)/", request.headers["X-Amz-Date"]
    return runtime.bedrock or { status = 200, headers = {}, body = "{}" }
  end
  -- All that is no call of Bedrock; tests may put something in between.
  function runtime.ask(request)
    if not request.url:find "^http://127%.0%.0%.1:" then error("a test asks " .. request.url) end
    return http:send(support.with(request, { connect_timeout = limit, read_timeout = limit }))
  end
  return runtime
end

--- Options for bedrock.new and its kin, and what on_event is told: all `events`, texts of `warnings`, the `renewals` of credentials.
---@param files? string|table  the config file's text, or a table with it at 1, and texts by path; { message }: can't be read
---@param environment table
---@param more? table  other options
function support.options(files, environment, more)
  local told = { events = {}, warnings = {}, renewals = {} }
  if type(files) ~= "table" then files = { files } end
  local function read_file(path)
    local text = files[path] or path == support.CONFIG and files[1] or nil
    if type(text) == "table" then return nil, text[1] end
    return text
  end
  local function on_event(event)
    table.insert(told.events, event)
    if event.type == "warning" then table.insert(told.warnings, event.message) end
    if event.type == "credentials" then table.insert(told.renewals, event) end
  end
  return support.with({ environment = environment, read_file = read_file, on_event = on_event }, more), told
end

--- Search with `options`, over `support.runtime` unless they have another one: credentials or nil, the error, warnings.
function support.resolve(all, told)
  all.runtime = all.runtime or support.runtime()
  local found, err = credentials.resolve(all)
  return found, err, told.warnings
end

--- A program with `options`, its runtime, and what it was told. `call(ahead)` calls Bedrock, as many seconds ahead of the machine's
--- clock if that is given: whose key signed it, or nil and the error.
function support.program(all, told)
  all.runtime = all.runtime or support.runtime()
  local client, runtime = assert(bedrock.new(all)), all.runtime
  local function call(ahead)
    runtime.ahead = ahead or runtime.ahead
    local answer, err = client:get_custom_model { modelIdentifier = "m" }
    if answer then return runtime.key end
    return nil, err
  end
  return call, runtime, told
end

--- All of that has to stand in a text, or in an error's message.
function support.has(text, ...)
  if type(text) == "table" then text = text.message end
  for i = 1, select("#", ...) do assert.truthy(text:find(select(i, ...), 1, true), text) end
end

--- The error of a search that has to fail. Nothing that the stand-in gave may show in it.
function support.refused(found, err)
  assert.is_nil(found)
  assert.equal("CredentialsError", err.code)
  assert.is_nil(tostring(err):find("SECRETMARK", 1, true), tostring(err))
  return err
end

return support
