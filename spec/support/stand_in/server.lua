--- The stand-in's server, which runs in a child process: it takes requests for the services, and orders from the tests.
--
-- An order is POST /_control/NAME with what it takes, packed; what it gives comes back packed. Orders are not in the log.

local socket = require "socket"
local core = require "bedrock.core"
local http = require "bedrock.emulator.http"
local child = require "spec.support.child"
local faults = require "spec.support.stand_in.faults"
local services = require "spec.support.stand_in.services"

local server = {}

-- ---- orders from the tests ----

local function copy(value)
  if type(value) ~= "table" then return value end
  local twin = {}
  for key, entry in pairs(value) do twin[key] = copy(entry) end
  return twin
end

-- Texts go over in %XX, since JSON holds UTF-8 only and requests may hold anything.
local function each_text(value, change)
  if type(value) == "string" then return change(value) end
  if type(value) ~= "table" then return value end
  local changed = {}
  for key, entry in pairs(value) do changed[each_text(key, change)] = each_text(entry, change) end
  return changed
end

--- A value as an order or its answer holds it, and back.
function server.pack(value) return assert(core.json_encode_plain(each_text(value, core.uri_encode))) end
function server.unpack(text) return each_text(assert(core.json_decode_plain(text)), core.uri_decode) end

local orders = {}

local function set(state, order)
  for name, value in pairs(order.settings) do state.settings[order.service][name] = value end
  return {}
end
orders.set = set

function orders.fault(state, order)
  order.times, order.after = order.times or 1, order.after or 0
  state.faults[#state.faults + 1] = order
  return {}
end

function orders.requests(state) return state.log end

function orders.reset(state)
  state.settings, state.faults, state.log, state.issued, state.number = copy(services.DEFAULTS), {}, {}, {}, 0
  state.session_tokens, state.access_tokens, state.refresh_tokens = {}, {}, {}
  for service, settings in pairs(state.from_start) do set(state, { service = service, settings = copy(settings) }) end
  return {}
end

-- ---- the child's loop: one thread, select says who can go on ----

local function close(state, connection)
  state.connections[connection.socket] = nil
  connection.socket:close()
end

local function queue(connection, request, response, fault)
  local now, kind = socket.gettime(), fault.kind
  connection.keep_alive = connection.keep_alive and request.keep_alive and kind ~= "cut"
  connection.from, connection.sent, connection.drip, connection.reset = now, 0, nil, kind == "reset"
  if kind == "slow" and fault.drip then
    connection.drip = fault.seconds
  elseif kind == "slow" then
    connection.from = now + fault.seconds
  elseif kind == "silent" then
    connection.from = now + (fault.seconds or 60)
  end
  if kind == "cut" then response.headers["content-length"] = string.format("%d", #response.body + 100) end
  connection.output = http.head(response, connection.keep_alive) .. response.body
  if kind == "garbage" then connection.output = "this is no HTTP\r\n\r\n" end
  if kind == "garbage" or kind == "silent" or kind == "close" or kind == "reset" then
    connection.keep_alive = false
    if kind ~= "garbage" then connection.output = "" end
  end
end

local function serve(state, connection, request)
  request.path, request.query = string.match(request.target, "^([^?]*)%??(.*)$")
  local order = string.match(request.path, "^/_control/(%l+)$")
  if order then
    -- After all that has arrived: a test asks for requests whose client has given up already.
    connection.order, connection.order_name = request, order
    return
  end
  request.service = services.at(request.path)
  state.log[#state.log + 1] = {
    service = request.service, method = request.method, path = request.target, headers = request.headers, body = request.body,
    time = socket.gettime(),
  }
  local fault = faults.take(state, request)
  queue(connection, request, faults.answer_to(state, request, fault), fault)
end

local function obey(state, connection)
  local request, name = connection.order, connection.order_name
  connection.order = nil
  local result = orders[name](state, server.unpack(request.body))
  queue(connection, request, services.answer(200, server.pack(result), "application/json"), {})
end

local function advance(state, connection)
  if connection.output then return end
  local request, err = connection.parser:next()
  if request then
    serve(state, connection, request)
  elseif err then
    state.log[#state.log + 1] = { service = "malformed", method = "", path = "", headers = {}, body = err.message, time = socket.gettime() }
    queue(connection, { keep_alive = false }, services.answer(err.status, err.message, "text/plain"), {})
  elseif connection.parser:wants_continue() then
    connection.socket:send "HTTP/1.1 100 Continue\r\n\r\n"
  end
end

local function read(state, connection)
  local data, err, partial = connection.socket:receive(65536)
  connection.parser:feed(data or partial or "")
  advance(state, connection)
  if err and err ~= "timeout" then close(state, connection) end
end

-- How many bytes may be out by now, and when there will be more.
local function due(connection, now)
  local size = #connection.output
  if now < connection.from then return 0, connection.from end
  if not connection.drip then return size end
  local share = math.min(1, (now - connection.from) / connection.drip)
  return math.floor(size * share), now + 0.005
end

local function write(state, connection)
  if connection.reset then connection.socket:setoption("linger", { on = true, timeout = 0 }) end
  local stop = due(connection, socket.gettime())
  if connection.sent < stop then
    local last, err, partial = connection.socket:send(connection.output, connection.sent + 1, stop)
    connection.sent = last or partial or connection.sent
    if err and err ~= "timeout" then return close(state, connection) end
  end
  if connection.sent < #connection.output then return end
  connection.output = nil
  if not connection.keep_alive then return close(state, connection) end
  connection.keep_alive = state.keep_alive
  advance(state, connection)
end

local function accept(state)
  while true do
    local peer = state.listener:accept()
    if not peer then return end
    peer:settimeout(0)
    peer:setoption("tcp-nodelay", true)
    state.connections[peer] = { socket = peer, parser = http.parser(), keep_alive = state.keep_alive }
  end
end

-- A mistake in here costs one connection; the test finds the message in `output`.
local function guarded(state, act, connection)
  local ok, message = pcall(act, state, connection)
  if ok then return end
  io.stderr:write(tostring(message), "\n")
  close(state, connection)
end

local function step(state)
  local now, timeout = socket.gettime(), 10
  local readers, writers = { state.listener }, {}
  for peer, connection in pairs(state.connections) do
    readers[#readers + 1] = peer
    if connection.output then
      local stop, later = due(connection, now)
      if connection.from <= now and (stop > connection.sent or stop == #connection.output) then
        writers[#writers + 1] = peer
      else
        timeout = math.min(timeout, math.max(0, later - now))
      end
    end
  end
  local readable, writable = socket.select(readers, writers, timeout)
  for _, peer in ipairs(writable) do guarded(state, write, state.connections[peer]) end
  for _, peer in ipairs(readable) do
    if peer == state.listener then
      accept(state)
    elseif state.connections[peer] then
      guarded(state, read, state.connections[peer])
    end
  end
  for _, peer in ipairs(readable) do
    local connection = state.connections[peer]
    if connection and connection.order then guarded(state, obey, connection) end
  end
end

--- What the child runs: serve until it is killed.
---@param dir string  holds the file "start", gets the file "port"
function server.serve(dir)
  local start = server.unpack(child.read(dir .. "/start"))
  local state = { from_start = start.services, keep_alive = start.keep_alive, connections = {} }
  orders.reset(state)
  state.listener = assert(socket.bind("127.0.0.1", 0, 128))
  state.listener:settimeout(0)
  local _, port = state.listener:getsockname()
  child.write(dir .. "/port.new", port .. "\n")
  assert(os.rename(dir .. "/port.new", dir .. "/port"))
  while true do step(state) end
end

return server
