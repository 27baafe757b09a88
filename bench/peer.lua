--- What the bench's peers in Lua have in common; bench/peer.h says how a peer talks.
local peer = {}

local function repeated(unit, n)
  for _ = 1, n do
    unit()
  end
end

--- Serve until the end of stdin.
---@param works table<string, fun(): fun(), fun()?>  name -> maker of the unit of work, and of its clock if that is not CPU time
function peer.serve(works)
  local made = {}
  for line in io.lines() do
    local name, n = line:match("^(%S+) (%d+)$")
    if not works[name] then
      print("-")
    else
      local work = made[name]
      if not work then
        local unit, clock = works[name]()
        work = { unit = unit, clock = clock or os.clock }
        made[name] = work
        local started = work.clock()
        repeat unit() until work.clock() - started > 0.5
      end
      local started = work.clock()
      repeated(work.unit, tonumber(n))
      print(("%.4f"):format((work.clock() - started) * 1e6 / n))
    end
    io.stdout:flush()
  end
end

--- Do a work so many times, without measuring.
function peer.run(works, name, n)
  repeated(works[name](), n)
end

return peer
