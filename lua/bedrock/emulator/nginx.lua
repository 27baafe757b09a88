--- The emulator inside nginx, for a service whose worker calls it over HTTP and for tests of such a service:
--
--   server {
--     listen 127.0.0.1:8081;
--     client_max_body_size 4m;
--     reset_timedout_connection on;     # for the fault "refuse"
--     location / { content_by_lua_block { require("bedrock.emulator.nginx").serve(require "emulated") } }
--   }
--
-- where emulated.lua, a file of yours, says `return require("bedrock.emulator.nginx").new { region = "us-east-1" }`.
--
-- An emulator lives in the memory of one worker: with worker_processes 2 each would have jobs of its own, so all requests
-- are refused then. A reload or lua_code_cache off begins with an empty one.
--
-- Faults happen as they do at the emulator's own server. nginx has to help with one: "refuse" resets the connection only
-- where reset_timedout_connection is on, else it closes without an answer. "drop", "lost", "cut", "wrong_length" and "bad_http"
-- write past nginx, which can be done in HTTP/1.x only. nginx reads requests by rules of its own: what it refuses itself (no
-- Host, two of them, a body beyond client_max_body_size) has its page of HTML as answer. A Server header stands in all others.

local emulator = require "bedrock.emulator"
local wire = require "bedrock.emulator.wire"

local ngx = rawget(_G, "ngx")

local nginx = {}

nginx.example_credentials = emulator.example_credentials

--- An emulator whose time is nginx's, with the defaults of a server: jobs run 600 times faster than in the service.
---@param options? bedrock.EmulatorOptions
---@return bedrock.Emulator
function nginx.new(options)
  local own = { clock = ngx.now }
  for name, value in pairs(options or {}) do own[name] = value end
  return wire.emulator(own)
end

-- A large body lies in a file of nginx's.
local function read_body()
  ngx.req.read_body()
  local body = ngx.req.get_body_data()
  local path = not body and ngx.req.get_body_file()
  if not path then return body or "" end
  local file = assert(io.open(path, "rb"))
  body = file:read("*a")
  file:close()
  return body
end

local function is_near(address)
  return address == "unix:" or address == "::1" or address:find("^127%.") ~= nil
end

-- What a fault leaves of an answer goes past nginx, which would put it right.
local function send_faulty(response, request)
  if response.fault == "refuse" then return ngx.exit(444) end
  local socket, err = ngx.req.socket(true)
  if not socket then
    ngx.log(ngx.ERR, "bedrock emulator: the fault '", response.fault, "' can't be carried out: ", err)
    return ngx.exit(500)
  end
  local bytes = wire.bytes(response, request.method, false)
  if bytes ~= "" then socket:send(bytes) end
end

--- Answer the request that nginx has at hand: the content handler of a location that gets all paths.
---@param service bedrock.Emulator
---@param options? {control?: boolean}  control: take orders at /_emulator/, from this machine only (default true)
function nginx.serve(service, options)
  if ngx.worker.count() > 1 then
    ngx.log(ngx.ERR, "bedrock emulator: it lives in one worker, and nginx.conf asks for ", ngx.worker.count(),
      "; set worker_processes 1")
    return ngx.exit(500)
  end
  local request = {
    method = ngx.req.get_method(), target = ngx.var.request_uri, headers = ngx.req.get_headers(0), body = read_body(),
  }
  local takes_orders = not (options and options.control == false) and is_near(ngx.var.remote_addr)
  local response, failure = wire.respond(service, request, takes_orders)
  if failure then ngx.log(ngx.ERR, "bedrock emulator: ", failure) end
  if response.delay and response.delay > 0 then ngx.sleep(response.delay) end
  if response.fault then
    send_faulty(response, request)
    return
  end
  ngx.status = response.status
  for name, value in pairs(response.headers) do ngx.header[name] = value end
  ngx.print(response.body)
end

return nginx
