--- Orders to an emulator in another process: `/_emulator/…` on its own port, with JSON bodies and no signature.
--
--   POST   /_emulator/faults    a fault as in faults.lua: {"kind":"throttle","times":2,"operation":"GetCustomModel"}
--   DELETE /_emulator/faults    forget all faults, failures and stalls
--   POST   /_emulator/fail-job  {"job":"tone-1","message":"role","stage":"validation"}
--   POST   /_emulator/stall-job {"job":"tone-1","stage":"training","seconds":3600,"before":true}
--   POST   /_emulator/advance   {"seconds":3600}: jobs are that much further
--   POST   /_emulator/skew      {"seconds":600}: the service's clock is that much ahead
--   POST   /_emulator/reset     start over
--   GET    /_emulator/requests  what was asked of late
--   GET    /_emulator/health    {"now":…}
--
-- For tests on this machine only: the server refuses these paths to other peers, and to requests whose Host is not a name of this
-- machine (a web page could otherwise reach them through a name that points here).

local core = require "bedrock.core"

local control = {}

local PREFIX = "/_emulator/"

--- Is this an order?
---@param target string
---@return boolean
function control.is_order(target)
  return target:sub(1, #PREFIX) == PREFIX
end

local function reply(status, value)
  local body = assert(core.json_encode_plain(value))
  return {
    status = status, body = body,
    headers = { ["content-type"] = "application/json", ["content-length"] = ("%d"):format(#body) },
  }
end

local function number(order, name)
  if type(order[name]) ~= "number" then error(("'%s' has to be a number"):format(name), 0) end
  return order[name]
end

-- A copy that JSON can hold: what a client sent need not be UTF-8.
local function as_text(value)
  if type(value) == "table" then
    local copy = {}
    for key, entry in pairs(value) do copy[as_text(key)] = as_text(entry) end
    return copy
  end
  if type(value) == "string" and not core.json_encode_plain(value) then return (value:gsub("[\128-\255]", "?")) end
  return value
end

local orders = {}

orders["POST faults"] = function(emulator, order)
  if order.times == "always" then order.times = math.huge end
  emulator:fault(order)
end
orders["DELETE faults"] = function(emulator) emulator:clear_faults() end
orders["POST fail-job"] = function(emulator, order) emulator:fail_job(order.job or "*", order.message, order.stage) end
orders["POST stall-job"] = function(emulator, order)
  emulator:stall_job(order.job or "*", order.stage, order.seconds, order.before)
end
orders["POST advance"] = function(emulator, order) emulator:advance(number(order, "seconds")) end
orders["POST skew"] = function(emulator, order) emulator:skew(number(order, "seconds")) end
orders["POST reset"] = function(emulator) emulator:reset() end
orders["GET requests"] = function(emulator)
  local list = setmetatable({}, core.json_array_mt)
  for i, record in ipairs(emulator:requests()) do list[i] = as_text(record) end
  return { requests = list }
end
orders["GET health"] = function(emulator) return { now = emulator:now() } end

-- Decoded JSON with its nulls taken for absent.
local function parse(body)
  if body == "" then return {} end
  local order, err = core.json_decode_plain(body)
  if type(order) ~= "table" or getmetatable(order) == core.json_array_mt then
    return nil, err or "an order is a JSON object"
  end
  for name, value in pairs(order) do
    if value == core.json_null then order[name] = nil end
  end
  return order
end

local LOCAL_NAMES = { ["127.0.0.1"] = true, ["localhost"] = true, ["[::1]"] = true }

--- Carry out an order.
---@param emulator bedrock.Emulator
---@param request table  method, target, headers, body
---@return table response
function control.handle(emulator, request)
  local host = (request.headers.host or "127.0.0.1"):lower():gsub(":%d+$", "")
  if not LOCAL_NAMES[host] or request.headers.origin then
    return reply(403, { message = "Orders are taken from this machine only." })
  end
  local handler = orders[request.method .. " " .. request.target:sub(#PREFIX + 1)]
  if not handler then return reply(404, { message = "There is no such order." }) end
  local order, err = parse(request.body)
  if not order then return reply(400, { message = err }) end
  local ok, result = pcall(handler, emulator, order)
  if not ok then
    -- Messages to a Lua caller start with the place of the mistake.
    return reply(400, { message = (tostring(result):gsub("^[^:]*:%d+: ", "")) })
  end
  return reply(200, result or {})
end

return control
