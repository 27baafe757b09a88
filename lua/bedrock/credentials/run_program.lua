-- run_program.lua: runs a program to its end by bedrock.system, without stopping others where the runtime can wait.
--
-- A plain script waits in the C module. Over a runtime whose `sleep` lets others run (nginx, coroutines) the program is
-- looked after between sleeps. Starting it and looking need nothing of nginx: ngx.pipe is there only in builds with
-- OpenResty's patches. nginx takes a child's exit status for itself, so there it may be unknown.

local run_program = {}

local PIECE = 1 -- seconds to wait at a time where nothing else can run: Ctrl-C wants its turn
local PAUSE = 0.01 -- between two looks
-- Where `sleep` may move a clock of its own and return at once, real time has to pass as well.
local SHARE = 0.002

local function wait(child, runtime)
  if not runtime or require("bedrock.runtime").blocks(runtime) then
    while not child:wait(PIECE) do end
    return
  end
  local share = runtime.ready and 0 or SHARE -- nginx is in earnest
  while not child:wait(share) do
    runtime:sleep(PAUSE)
  end
end

--- Run a shell command.
---@param command string
---@param seconds number  how long it may take
---@param runtime? bedrock.Runtime  to wait with
---@return bedrock.system.Result|nil result
---@return string? message
function run_program.run(command, seconds, runtime)
  if runtime and runtime.ready then
    local able, err = runtime:ready()
    if not able then return nil, type(err) == "table" and err.message or tostring(err) end
  end
  local ok, system = pcall(require("bedrock.native").load, "bedrock.system")
  if not ok then return nil, system end
  local child, message = system.start(command, seconds)
  if not child then return nil, message end
  wait(child, runtime)
  local result = child:result()
  child:close()
  return result
end

return run_program
