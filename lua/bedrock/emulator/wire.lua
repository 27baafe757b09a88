--- From a request over HTTP to what goes back over the wire: what the emulator's own server and the one inside nginx share.

local emulator = require "bedrock.emulator"
local control = require "bedrock.emulator.control"
local faults = require "bedrock.emulator.faults"
local http = require "bedrock.emulator.http"

local wire = {}

-- An hour of tuning in six seconds.
local DEFAULT_SPEED = 600

--- An emulator as servers have it: jobs run faster than in the service, and `advance` leaves signatures alone, since clients
--- have clocks of their own.
---@param options? bedrock.EmulatorOptions
---@return bedrock.Emulator
function wire.emulator(options)
  local own = { fixed_signing_time = true, speed = DEFAULT_SPEED }
  for name, value in pairs(options or {}) do own[name] = value end
  return emulator.new(own)
end

--- Answer a request, be it an order or an operation.
---@param service bedrock.Emulator
---@param request table  method, target, headers, body
---@param takes_orders boolean  whether /_emulator/ is what it is, or a path like others
---@return bedrock.Response response  as `Emulator:handle` gives it
---@return string? failure  what went wrong inside the emulator
function wire.respond(service, request, takes_orders)
  if takes_orders and control.is_order(request.target) then return control.handle(service, request) end
  local response = service:handle {
    method = request.method, url = request.target, headers = request.headers, body = request.body,
  }
  local failure = service.failure
  service.failure = nil
  return response, failure
end

--- An answer as bytes, or what a fault makes of them.
---@param response bedrock.Response
---@param method? string  the request's
---@param keep_alive boolean
---@return string bytes  "" where the connection ends without an answer
function wire.bytes(response, method, keep_alive)
  local fault = response.fault
  if fault == "drop" or fault == "lost" or fault == "refuse" then return "" end
  if fault == "bad_http" then return "this is no HTTP\r\n\r\n" end
  local body = method == "HEAD" and "" or response.body
  if fault == "cut" then body = body:sub(1, faults.cut_at(body)) end
  return http.head(response, keep_alive) .. body
end

return wire
