--- A scripted TCP server in a child process, for what no decent HTTP server would do.
--
--   local server = tcp_server.start [[
--     local client, n = ...            -- a LuaSocket connection and its number, from 1
--     local request = read_request(client)
--     client:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
--   ]]
--   server.url, server.port, server.requests() -> list of what read_request read, server.stop()
--
-- The script may use socket, read_request(client) -> text or nil, reset(client) and sleep(seconds). The connection is closed at its end;
-- connections are served one after another.

local child = require "spec.support.child"

local tcp_server = {}

local MAIN = [==[
local socket = require "socket"
local dir = arg[1]
local file = assert(io.open(dir .. "/script.lua", "rb"))
local text = file:read("*a")
file:close()

-- As luasocket gives it; read byte by byte up to the blank line, then the body by its length.
function read_request(client)
  local head = {}
  repeat
    local line = client:receive("*l")
    if not line then return nil end
    head[#head + 1] = line
  until line == ""
  local request = table.concat(head, "\r\n") .. "\r\n"
  local length = tonumber(string.match(string.lower(request), "\r\ncontent%-length: *(%d+)"))
  if length and length > 0 then request = request .. (client:receive(length) or "") end
  local log = assert(io.open(dir .. "/requests", "ab"))
  log:write(#request, "\n", request)
  log:close()
  return request
end

function reset(client)
  client:setoption("linger", { on = true, timeout = 0 })
  client:close()
end

sleep = socket.sleep
_G.socket = socket

local script = assert((loadstring or load)(text, "=script"))
local server = assert(socket.bind("127.0.0.1", 0, 32))
local _, port = server:getsockname()
local out = assert(io.open(dir .. "/port.new", "wb"))
out:write(port, "\n")
out:close()
os.rename(dir .. "/port.new", dir .. "/port")
local n = 0
while true do
  local client = server:accept()
  if client then
    n = n + 1
    client:settimeout(10)
    client:setoption("tcp-nodelay", true)
    local ok, message = pcall(script, client, n)
    if not ok then io.stderr:write(message, "\n") end
    client:close()
  end
end
]==]

--- Start a server that runs the script for each connection.
---@param script string
---@return {port: integer, url: string, requests: (fun(): string[]), output: (fun(): string), stop: fun()}
function tcp_server.start(script)
  local dir = child.temp_dir()
  child.write(dir .. "/main.lua", MAIN)
  child.write(dir .. "/script.lua", script)
  local self = child.start(
    string.format("%s %s %s", child.quote(child.interpreter()), child.quote(dir .. "/main.lua"), child.quote(dir)), dir)
  self.port = child.wait_for(function()
    return tonumber(child.read(dir .. "/port") or "")
  end)
  if not self.port then
    local output = child.read(dir .. "/output")
    self.stop()
    error("the TCP server did not start: " .. tostring(output), 2)
  end
  self.url = "http://127.0.0.1:" .. self.port
  function self.requests()
    local list, text, at = {}, child.read(dir .. "/requests") or "", 1
    while true do
      local _, stop, length = string.find(text, "^(%d+)\n", at)
      if not stop then return list end
      list[#list + 1] = string.sub(text, stop + 1, stop + tonumber(length))
      at = stop + tonumber(length) + 1
    end
  end
  function self.output()
    return child.read(dir .. "/output") or ""
  end
  return self
end

return tcp_server
