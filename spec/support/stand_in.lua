--- A stand-in for the five services that give credentials, on a port of 127.0.0.1, in a child process.
--
--   local services = stand_in.start { imds = { lifetime = 900 }, container = { token = "secret" } }
--   services.url, services.port, services.home          -- home: an empty folder until `stop`
--   services:set("sts", { lifetime = -60 })             -- changes some settings (see DEFAULTS in stand_in/services.lua)
--   services:fault { service = "imds", kind = "status", status = 403, path = "/latest/api/token", times = 2 }
--   services:requests("imds")                           -- list of { service, method, path, headers, body, time }
--   services:count("sts"), services:reset(), services:stop()
--   services:environment { AWS_PROFILE = "dev" }        -- for the library's option of that name; false takes a name away
--
-- Who is asked follows from the path: /latest/ is imds, /v1/credentials and /v2/ container, / sts, /federation/ sso, /token oidc, all
-- else "other" (404); what is no HTTP request counts as "malformed". All that is given out has one running number, as in
-- ASIASTANDIN0001, and each secret of it contains SECRETMARK. Times are the machine's. Connections end with their answer unless
-- `start { keep_alive = true }`: a client may repeat unasked what an old connection lost, and a fault would count twice.

local socket = require "socket"
local core = require "bedrock.core"
local child = require "spec.support.child"
local faults = require "spec.support.stand_in.faults"
local server = require "spec.support.stand_in.server"
local services = require "spec.support.stand_in.services"

local stand_in = { DEFAULTS = services.DEFAULTS }

local Handle = {}
Handle.__index = Handle

local function check_settings(service, settings, level)
  local known = stand_in.DEFAULTS[service]
  if not known then error("no service is called " .. tostring(service), level + 1) end
  for name in pairs(settings) do
    if known[name] == nil then error(service .. " has no setting " .. tostring(name), level + 1) end
  end
end

local function order(self, name, value)
  local body, connection = server.pack(value or {}), socket.tcp()
  connection:settimeout(30)
  assert(connection:connect("127.0.0.1", self.port))
  assert(connection:send(string.format("POST /_control/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
    name, #body, body)))
  local text = assert(connection:receive "*a")
  connection:close()
  local result = string.match(text, "^HTTP/1.1 200 .-\r\n\r\n(.*)$")
  if not result then error("the stand-in did not obey: " .. text .. "\n" .. self:output()) end
  return server.unpack(result)
end

--- Change settings of a service, as DEFAULTS names them.
function Handle:set(service, settings)
  check_settings(service, settings, 2)
  order(self, "set", { service = service, settings = settings })
end

--- Order a fault, see KINDS in stand_in/faults.lua. Orders are asked in the order in which they were given.
function Handle:fault(fault)
  local mistake = faults.mistake(fault)
  if mistake then error(mistake, 2) end
  local sent = {}
  for name, value in pairs(fault) do sent[name] = value end
  if fault.body ~= nil and type(fault.body) ~= "string" then sent.body = assert(core.json_encode_plain(fault.body)) end
  if fault.times == math.huge then sent.times = -1 end
  order(self, "fault", sent)
end

--- All requests so far, or those to one service ("other" and "malformed" count as such).
function Handle:requests(service)
  local list = {}
  for _, request in ipairs(order(self, "requests")) do
    if not service or request.service == service then list[#list + 1] = request end
  end
  return list
end

--- How many requests there were.
function Handle:count(service)
  return #self:requests(service)
end

--- Start over: settings as they were given to `start`, numbers from 1, no faults, no requests, nothing that was given out is known.
function Handle:reset()
  order(self, "reset")
end

--- What the child complained about; "" when well.
function Handle:output()
  return child.read(self.dir .. "/output") or ""
end

--- An environment that leads all five providers here.
function Handle:environment(extra)
  local environment = {
    AWS_ENDPOINT_URL_STS = self.url, AWS_ENDPOINT_URL_SSO = self.url, AWS_ENDPOINT_URL_SSO_OIDC = self.url,
    AWS_EC2_METADATA_SERVICE_ENDPOINT = self.url, AWS_REGION = "us-east-1", HOME = self.home,
  }
  for name, value in pairs(extra or {}) do environment[name] = value or nil end
  return environment
end

--- End it and remove its folder. Twice does no harm.
function Handle:stop()
  self.process.stop()
end

--- Start a stand-in.
---@param options? table  settings by service, as in DEFAULTS, and keep_alive
function stand_in.start(options)
  local settings = {}
  for name, value in pairs(options or {}) do
    if name ~= "keep_alive" then
      check_settings(name, value, 2)
      settings[name] = value
    end
  end
  local dir = child.temp_dir()
  child.write(dir .. "/start", server.pack { services = settings, keep_alive = options and options.keep_alive or false })
  child.write(dir .. "/main.lua", 'require("spec.support.stand_in.server").serve(arg[1])\n')
  local home = dir .. "/home"
  local process = child.start(string.format("mkdir %s; exec %s %s %s", child.quote(home), child.quote(child.interpreter()),
    child.quote(dir .. "/main.lua"), child.quote(dir)), dir)
  local self = setmetatable({ process = process, dir = dir, home = home }, Handle)
  self.port = child.wait_for(function() return tonumber(child.read(dir .. "/port") or "") end, 30)
  if not self.port then
    local output = self:output()
    self:stop()
    error("the stand-in did not start: " .. output, 2)
  end
  self.url = string.format("http://127.0.0.1:%d", self.port)
  return self
end

local deaf -- a socket that has a port and does not listen, so that nobody else gets the port

--- A URL whose port refuses connections.
function stand_in.refusing_url()
  if not deaf then
    deaf = socket.tcp()
    assert(deaf:bind("127.0.0.1", 0))
  end
  local _, port = deaf:getsockname()
  return "http://127.0.0.1:" .. port
end

return stand_in