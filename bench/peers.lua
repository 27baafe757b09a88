--- Peers that take turns: processes that live as long as the bench and do a little of a work whenever they are asked.
--
-- Two FIFOs lead to each, since a pipe of Lua goes one way. The first is opened for both directions: that neither waits for
-- the peer, nor does a line for a peer that is dead end this process.

local child = require "spec.support.child"

local peers = {}

local methods = {}

local function ask(self, line)
  if self.gone then return nil end
  self.to:write(line, "\n")
  local answer = self.from:read("*l")
  if not answer then
    self.gone = true
    io.stderr:write(("bench: %s ended at `%s`: %s\n"):format(self.name, line, child.read(self.errors) or ""))
  end
  return answer
end

--- Microseconds of a unit of work, over n units; nil for a work that this peer does not do, or when it is dead.
function methods:time(work, n)
  return tonumber(ask(self, work .. " " .. n) or nil)
end

-- Those that run, in the order in which they were started.
local running = {}

--- End all peers: those that came last first, since each one has inherited the FIFOs of those before it.
function peers.stop()
  for i = #running, 1, -1 do
    running[i].to:close()
    running[i].from:read("*a")
    running[i].from:close()
    running[i] = nil
  end
end

--- Start a peer.
---@param name string
---@param command string  in words of the shell
---@param dir string  for its FIFOs
function peers.start(name, command, dir)
  local base = dir .. "/" .. (name:gsub("%W", "-"))
  os.execute(("rm -f %s.to %s.from; mkfifo %s.to %s.from"):format(base, base, base, base))
  local self = setmetatable({ name = name, errors = base .. ".err" }, { __index = methods })
  -- Begun before the FIFO is opened here, or else it would hold it open itself and never see its end.
  os.execute(("%s <%s.to >%s.from 2>%s &"):format(command, base, base, self.errors))
  self.to = assert(io.open(base .. ".to", "r+"))
  self.to:setvbuf("line")
  self.from = assert(io.open(base .. ".from", "r"))
  running[#running + 1] = self
  return self
end

-- Of the values of a table.
local function median(of)
  local sorted = {}
  for _, value in pairs(of) do
    sorted[#sorted + 1] = value
  end
  table.sort(sorted)
  return sorted[math.floor(#sorted / 2) + 1]
end
peers.median = median

-- How many units make a chunk. The first time that is asked comes after the peer's own warm-up.
local function units_of(peer, work, chunk)
  local us = peer:time(work, 1)
  if us and us < chunk / 10 then us = peer:time(work, 20) end
  return us and math.max(1, math.floor(chunk / us)), us
end

--- Let peers do a work in turns: each a chunk of about `chunk` microseconds, `rounds` times. A peer for which one unit is
--- much more than that takes part in a few rounds only.
---@param cast { name: string, peer: table, work: string }[]
---@param rounds integer
---@param chunk number
---@return table<string, table<integer, number>> times  by name and round, of those that do the work
function peers.turns(cast, rounds, chunk)
  local players = {}
  for _, player in ipairs(cast) do
    local units, us = units_of(player.peer, player.work, chunk)
    if units then
      players[#players + 1] = { name = player.name, peer = player.peer, work = player.work, units = units,
        every = math.min(math.ceil(us / units / (10 * chunk)), math.ceil(rounds / 3)), times = {} }
    end
  end
  for round = 1, rounds do
    for _, p in ipairs(players) do
      if round % p.every == 0 then p.times[round] = p.peer:time(p.work, p.units) end
    end
  end
  local times = {}
  for _, p in ipairs(players) do
    times[p.name] = p.times
  end
  return times
end

return peers
