--- A name server in a child process: names below ".test" and localhost are 127.0.0.1, those below ".slow" get no answer,
-- all others do not exist.
--
--   local dns = dns_server.start()
--   dns.port, dns.stop()

local child = require "spec.support.child"

local dns_server = {}

local MAIN = [==[
local socket = require "socket"
local server = assert(socket.udp())
assert(server:setsockname("127.0.0.1", 0))
local _, port = server:getsockname()
local out = assert(io.open(arg[1] .. "/port.new", "wb"))
out:write(port, "\n")
out:close()
os.rename(arg[1] .. "/port.new", arg[1] .. "/port")

-- RFC 1035: an id, flags, four counts; then a name as labels with their lengths, a type, a class.
while true do
  local query, ip, from = server:receivefrom()
  if query and #query > 16 then
    local labels, at = {}, 13
    while at <= #query and string.byte(query, at) > 0 do
      local size = string.byte(query, at)
      labels[#labels + 1] = string.lower(string.sub(query, at + 1, at + size))
      at = at + size + 1
    end
    local kind = string.byte(query, at + 2)
    local question, last = string.sub(query, 13, at + 4), labels[#labels]
    local known = last == "test" or last == "localhost"
    local found = known and kind == 1
    if last ~= "slow" then
      local flags = known and "\129\128" or "\129\131" -- an answer; 3: no such name
      local answer = found and "\192\12\0\1\0\1\0\0\0\60\0\4\127\0\0\1" or ""
      server:sendto(string.sub(query, 1, 2) .. flags .. "\0\1\0" .. (found and "\1" or "\0") .. "\0\0\0\0" .. question .. answer, ip, from)
    end
  end
end
]==]

--- Start it.
---@return {port: integer, stop: fun()}
function dns_server.start()
  local dir = child.temp_dir()
  child.write(dir .. "/main.lua", MAIN)
  local self = child.start(
    string.format("%s %s %s", child.quote(child.interpreter()), child.quote(dir .. "/main.lua"), child.quote(dir)), dir)
  self.port = child.wait_for(function()
    return tonumber(child.read(dir .. "/port") or "")
  end)
  if not self.port then
    local output = child.read(dir .. "/output")
    self.stop()
    error("the name server did not start: " .. tostring(output), 2)
  end
  return self
end

return dns_server
