--- The emulator over HTTP on 127.0.0.1, for clients in other processes and for the demo.
--
--   lua5.4 -l bedrock.emulator.server -- --port 8080 --speed 600
--   lua5.4 -e 'require("bedrock.emulator.server").run { port = 8080 }'     (the form for Lua 5.1, whose -l knows no arguments)
--   make emulator PORT=8080
--
-- It prints its URL when it is ready. One thread serves all connections: LuaSocket's select says which can go on. A signal ends it.
-- Time runs on the machine's clock, jobs run faster than in the service by `speed`.

local socket = require "socket"
local http = require "bedrock.emulator.http"
local wire = require "bedrock.emulator.wire"

local server = {}

---@class bedrock.emulator.Server
---@field url string
---@field port integer
---@field emulator bedrock.Emulator
local Server = {}
Server.__index = Server
Server.__name = "bedrock.emulator.server"

-- select() can't watch more than 1024 descriptors; far fewer serve a test on one machine.
local MAX_CONNECTIONS = 400
-- Seconds that a connection may be idle, that a request may take to arrive, and an answer to be taken off.
local IDLE, ARRIVAL, DEPARTURE = 75, 30, 60
local DEFAULT_PORT = 8080
-- How long one wait for the sockets lasts at most: an interrupt is noticed between two of them.
local PATIENCE = 0.5

---@class bedrock.emulator.ServerOptions: bedrock.EmulatorOptions
---@field port? integer    0: the system chooses (default 8080)
---@field control? boolean take orders at /_emulator/ (default true)
---@field verbose? boolean a line on standard error for each request

--- A server that listens and waits for `step` or `loop`.
---@param options? bedrock.emulator.ServerOptions
---@return bedrock.emulator.Server|nil server  with `url`, `port` and `emulator`
---@return string? message
function server.new(options)
  local own = {}
  local port, takes_orders, verbose = DEFAULT_PORT, true, false
  for name, value in pairs(options or {}) do
    if name == "port" then port = value
    elseif name == "control" then takes_orders = value
    elseif name == "verbose" then verbose = value
    else own[name] = value end
  end
  local service = wire.emulator(own)
  -- The system would take a port beyond the last one for some other port.
  if type(port) ~= "number" or port < 0 or port > 65535 or port % 1 ~= 0 then
    return nil, ("can't listen on 127.0.0.1:%s: a port is a number from 0 to 65535"):format(tostring(port))
  end
  local listener, err = socket.bind("127.0.0.1", port, 128)
  if not listener then return nil, ("can't listen on 127.0.0.1:%s: %s"):format(tostring(port), err) end
  listener:settimeout(0)
  local _, bound = listener:getsockname()
  return setmetatable({
    emulator = service, listener = listener, port = tonumber(bound), url = "http://127.0.0.1:" .. bound,
    takes_orders = takes_orders, verbose = verbose, connections = {}, count = 0, deaf_until = 0,
  }, Server)
end

local function close(self, connection)
  if self.connections[connection.socket] then
    self.connections[connection.socket] = nil
    self.count = self.count - 1
    connection.socket:close()
  end
end

-- Queue an answer, or what a fault makes of it.
local function answer(connection, response, request, now)
  connection.keep_alive = not response.fault and request ~= nil and request.keep_alive
  connection.reset = response.fault == "refuse"
  connection.output = wire.bytes(response, request and request.method, connection.keep_alive)
  connection.sent = 0
  connection.ready_at = now + (response.delay or 0)
  connection.since = connection.ready_at
end

local function malformed(err)
  local body = ('{"message":"%s"}'):format(err.message)
  return {
    status = err.status, body = body, headers = {
      ["content-type"] = "application/json", ["content-length"] = ("%d"):format(#body),
      ["x-amzn-errortype"] = "BadRequestException",
    },
  }
end

local function serve(self, connection, request, now)
  local response, failure = wire.respond(self.emulator, request, self.takes_orders)
  if failure then io.stderr:write("bedrock emulator: ", failure, "\n") end
  if self.verbose then
    io.stderr:write(("%s %s -> %d%s\n"):format(request.method, request.target, response.status,
      response.fault and " (" .. response.fault .. ")" or ""))
  end
  answer(connection, response, request, now)
end

-- Take the next request out of what has been read, unless an answer is still on its way.
local function advance(self, connection, now)
  if connection.output then return end
  local request, err = connection.parser:next()
  if request then
    serve(self, connection, request, now)
  elseif err then
    answer(connection, malformed(err), nil, now)
    connection.draining = true
  elseif connection.parser:wants_continue() then
    connection.socket:send("HTTP/1.1 100 Continue\r\n\r\n")
  end
end

local function read(self, connection, now)
  local data, err, partial = connection.socket:receive(65536)
  local bytes = data or partial or ""
  if bytes ~= "" then
    if not connection.parser:is_amid() then connection.since = now end
    connection.parser:feed(bytes)
    advance(self, connection, now)
  end
  if err and err ~= "timeout" then
    -- A client may close its sending side and still read the answer.
    if connection.output then connection.keep_alive = false else close(self, connection) end
  end
end

local function write(self, connection, now)
  if connection.reset then
    -- No lingering: the peer gets a reset in place of an end.
    connection.socket:setoption("linger", { on = true, timeout = 0 })
    return close(self, connection)
  end
  local output = connection.output
  if connection.sent < #output then
    local last, err, partial = connection.socket:send(output, connection.sent + 1)
    connection.sent = last or partial or connection.sent
    if err and err ~= "timeout" then return close(self, connection) end
    if connection.sent < #output then return nil end
  end
  connection.output, connection.since = nil, now
  if connection.keep_alive then return advance(self, connection, now) end
  -- What a refused client still sends is taken off for a moment: closing over it would reset the connection, and the answer with it.
  connection.socket:shutdown("send")
  if connection.draining then
    connection.drain_until = now + 1
    return nil
  end
  return close(self, connection)
end

local function drain(self, connection, now)
  local data, err = connection.socket:receive(65536)
  if not data and err ~= "timeout" or now > connection.drain_until then close(self, connection) end
end

local function accept(self, now)
  while self.count < MAX_CONNECTIONS do
    local peer, err = self.listener:accept()
    if not peer then
      -- Out of descriptors or the like: listening on at once would spin.
      if err ~= "timeout" then self.deaf_until = now + 0.1 end
      return
    end
    peer:settimeout(0)
    peer:setoption("tcp-nodelay", true)
    self.connections[peer] = { socket = peer, parser = http.parser(), since = now }
    self.count = self.count + 1
  end
end

-- A mistake in here costs one connection, not the server. An interrupt is no mistake.
local function guarded(self, step, connection, now)
  local ok, err = pcall(step, self, connection, now)
  if ok then return end
  close(self, connection)
  if tostring(err):find("interrupted!", 1, true) then error(err, 0) end
  io.stderr:write("bedrock emulator: ", tostring(err), "\n")
end

local function expired(connection, now)
  if connection.drain_until then return now > connection.drain_until end
  if connection.output then return now - connection.since > DEPARTURE end
  return now - connection.since > (connection.parser:is_amid() and ARRIVAL or IDLE)
end

--- Wait for what can be done next, at most so long, and do it.
---@param timeout number seconds
function Server:step(timeout)
  local now = socket.gettime()
  local readers, writers = {}, {}
  if self.count < MAX_CONNECTIONS then
    if now >= self.deaf_until then
      readers[1] = self.listener
    else
      timeout = math.min(timeout, self.deaf_until - now)
    end
  end
  for peer, connection in pairs(self.connections) do
    if not connection.output then
      readers[#readers + 1] = peer
    elseif connection.ready_at <= now then
      writers[#writers + 1] = peer
    else
      timeout = math.min(timeout, connection.ready_at - now)
    end
  end
  local readable, writable = socket.select(readers, writers, timeout)
  now = socket.gettime()
  for _, peer in ipairs(writable) do
    local connection = self.connections[peer]
    if connection then guarded(self, write, connection, now) end
  end
  for _, peer in ipairs(readable) do
    if peer == self.listener then
      accept(self, now)
    else
      local connection = self.connections[peer]
      if connection then guarded(self, connection.drain_until and drain or read, connection, now) end
    end
  end
  for _, connection in pairs(self.connections) do
    if expired(connection, now) then close(self, connection) end
  end
end

--- Serve until the process ends.
function Server:loop()
  while true do self:step(PATIENCE) end
end

--- Close all connections and the port.
function Server:close()
  for _, connection in pairs(self.connections) do close(self, connection) end
  self.listener:close()
end

--- Serve, say where on standard output, and never return.
---@param options? bedrock.emulator.ServerOptions
function server.run(options)
  local listening, err = server.new(options)
  if not listening then
    io.stderr:write("bedrock emulator: ", err, "\n")
    return os.exit(1)
  end
  io.stdout:write("bedrock emulator at ", listening.url, "\n")
  io.stdout:flush()
  local ok, failure = pcall(listening.loop, listening)
  listening:close()
  if ok or tostring(failure):find("interrupted!", 1, true) then return os.exit(130) end
  io.stderr:write("bedrock emulator: ", tostring(failure), "\n")
  return os.exit(1)
end

local USAGE = [[
usage: lua5.4 -l bedrock.emulator.server -- [options]
  --port N                 listen on 127.0.0.1:N; 0 lets the system choose (8080)
  --speed X                jobs run X times faster than in the service (600)
  --job-duration SECONDS   what a job takes in the service (by its number of epochs)
  --region NAME            the region of requests that name none (us-east-1)
  --account ID             twelve digits (123456789012)
  --credentials ID:SECRET  accept this pair instead of AKIDEXAMPLE's; may be repeated
  --bearer-token TOKEN     accept this API key; may be repeated
  --no-signatures          accept everybody
  --fail-job NAME=MESSAGE  the job NAME fails, with this message; may be repeated
  --no-control             take no orders at /_emulator/
  --verbose                a line on standard error for each request
  --help                   this text
]]

local function number_option(key)
  return function(options, value)
    options[key] = tonumber(value)
    return options[key] ~= nil
  end
end

local function text_option(key)
  return function(options, value)
    options[key] = value
    return true
  end
end

local function pair_option(key, separator)
  return function(options, value)
    local left, right = value:match("^([^" .. separator .. "]+)" .. separator .. "(.+)$")
    if not left then return false end
    options[key] = options[key] or {}
    options[key][left] = right
    return true
  end
end

local WITH_VALUE = {
  port = number_option "port", speed = number_option "speed", ["job-duration"] = number_option "job_duration",
  region = text_option "region", account = text_option "account_id",
  credentials = pair_option("credentials", ":"), ["fail-job"] = pair_option("fail_jobs", "="),
  ["bearer-token"] = function(options, value)
    options.bearer_tokens = options.bearer_tokens or {}
    table.insert(options.bearer_tokens, value)
    return true
  end,
}

local FLAGS = {
  ["no-signatures"] = { "verify_signatures", false }, ["no-control"] = { "control", false }, verbose = { "verbose", true },
}

--- Options from the words of a command line.
---@param words string[]
---@return bedrock.emulator.ServerOptions|nil options
---@return string? message  what is wrong with them; "help" when that was asked for
function server.parse_arguments(words)
  local options, i = {}, 1
  while i <= #words do
    local name, value = words[i]:match("^%-%-([%a-]+)=(.*)$")
    name = name or words[i]:match("^%-%-([%a-]+)$")
    if name == "help" then return nil, "help" end
    if name and FLAGS[name] and not value then
      options[FLAGS[name][1]] = FLAGS[name][2]
    elseif name and WITH_VALUE[name] then
      if not value then
        i = i + 1
        value = words[i]
      end
      if not value or not WITH_VALUE[name](options, value) then return nil, "--" .. name .. " needs a fitting value" end
    else
      return nil, "unknown option " .. words[i]
    end
    i = i + 1
  end
  return options
end

-- The words after `--` when the interpreter was started as `lua -l bedrock.emulator.server -- …`; nil otherwise. The interpreter
-- takes the word after `--` for a script's name and counts `arg` from there, but it loads this module first, and since `run` never
-- returns, it does not come to open that script.
local function command_line(module_name)
  local words = rawget(_G, "arg")
  if type(words) ~= "table" or module_name ~= "bedrock.emulator.server" then return nil end
  local function loads_module(from, to)
    for i = from, to do
      if words[i] == "-l" .. module_name or words[i] == module_name and words[i - 1] == "-l" then return true end
    end
    return false
  end
  local first = 0
  while words[first - 1] do first = first - 1 end
  if words[-1] == "--" and (words[0] or ""):find("^%-%-?%a") and loads_module(first, -2) then
    local rest = {}
    for i = 0, #words do rest[i + 1] = words[i] end
    return rest
  end
  -- Nothing after `--`: without a script, `arg` counts from the interpreter itself.
  if first == 0 and #words > 0 and words[#words] == "--" and loads_module(1, #words - 1) then return {} end
  return nil
end

local words = command_line((...))
if words then
  local options, message = server.parse_arguments(words)
  if message == "help" then
    io.stdout:write(USAGE)
    os.exit(0)
  elseif not options then
    io.stderr:write("bedrock emulator: ", message, "\n", USAGE)
    os.exit(2)
  end
  local ok, unfit = pcall(server.run, options)
  if not ok then
    io.stderr:write("bedrock emulator: ", (tostring(unfit):gsub("^[^:]*:%d+: ", "")), "\n")
    os.exit(2)
  end
end

return server
