--- The bench's table: each row a work, done in turns by all who can do it. `bench/run` calls it with all made ready in
-- build/bench:
--
--   lua5.4 bench/table.lua [WORD]    only the rows whose names have the word
--
-- A ratio is the median of those of each round, whose chunks are some milliseconds apart: the same machine may be nearly
-- twice as fast a second later. Times are CPU time of the process, user and system, unless it says wall: nginx shares the
-- machine.

package.path = "./?.lua;" .. package.path
local child = require "spec.support.child"
local dataset = require "bench.dataset"
local peers = require "bench.peers"
local rows = require "bench.rows"
local upstream = require "bench.upstream"

local OUT = "build/bench"
local only = arg[1] or ""

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

-- ---- who takes part ----

-- A server has its own machine, here at least its own core.
local cores = (tonumber(output("command -v taskset >/dev/null && nproc")) or 1) > 1
local pinned = cores and "taskset -c 0 " or ""
local server, no_slow = upstream.start(cores and 1 or nil)
local notes = {}

-- Where an interpreter finds the tree, as words for env(1).
local function environment(lua)
  local words = {}
  for name, value in output("make -s env LUA=" .. lua):gmatch("export ([%w_]+)='([^']*)'") do
    words[#words + 1] = name .. "='" .. value .. "'"
  end
  return "env " .. table.concat(words, " ") .. " "
end

local lua54, luajit = environment "lua5.4" .. "lua5.4 ", environment "luajit" .. "luajit "
assert(os.execute(("mkdir -p %s/input && %sbench/ours.lua %s prepare %s/input"):format(OUT, lua54, server.url, OUT)))

-- A file of its own, written when its row comes.
local dataset_path = server.dir .. "/dataset.jsonl"
local dataset_size, no_room = dataset.size(server.dir)

-- Words of the shell: a peer, and the process that makes one call. env(1) runs a program in its place, so that its own start
-- counts for all.
local commands = {
  bare = { ("env %s/bare %s %s/input"):format(OUT, server.url, OUT), ("env %s/bare %s"):format(OUT, server.url) },
  hashing = { ("%s/hashing %s"):format(OUT, child.read(OUT .. "/input/lengths"):gsub("%s+$", "")) },
  lines = { ("%s/lines %s %d"):format(OUT, dataset_path, dataset.STEP) },
  python = { ("/usr/bin/python3 bench/lines.py %s %d"):format(dataset_path, dataset.STEP) },
  ["cjson lua5.4"] = { lua54 .. "bench/cjson_peer.lua" },
  ["cjson luajit"] = { luajit .. "bench/cjson_peer.lua" },
}
for name, lua in pairs { ["lua5.4"] = lua54, luajit = luajit } do
  local ours = lua .. "bench/ours.lua " .. server.url
  commands[name] = { ("env BENCH_DATASET=%s %s"):format(dataset_path, ours), ours .. " get 1", ours .. " check " .. dataset_path }
end
-- Those that setup could make ready.
for name, command in pairs {
  js = ("env NODE_NO_WARNINGS=1 BENCH_INPUT=%s/input node %s/js/peer.mjs %s"):format(OUT, OUT, server.url),
  botocore = ("env AWS_DATA_PATH=%s/botocore BENCH_INPUT=%s/input /usr/bin/python3 bench/peer.py %s"):format(OUT, OUT, server.url),
} do
  local why = child.read(OUT .. "/without-" .. name)
  if why then
    notes[#notes + 1] = why:gsub("%s+$", "")
  else
    commands[name] = { command, command .. " once" }
  end
end
if no_room then notes[#notes + 1] = "check_dataset is left out: " .. no_room end
if no_slow then notes[#notes + 1] = "the calls of 50 ms are left out: " .. no_slow end

local team = {}
for name, command in pairs(commands) do
  team[name] = peers.start(name, pinned .. command[1], server.dir)
end

-- ---- measuring ----

-- times[player][round], in microseconds
local function measure_calls(work)
  local cast = {}
  for i, player in ipairs(work.players) do
    cast[i] = { name = player[1], peer = team[player[2] or player[1]], work = player[3] or work.name }
  end
  for i = #cast, 1, -1 do
    if not cast[i].peer then table.remove(cast, i) end
  end
  return peers.turns(cast, work.rounds, work.chunk)
end

-- What a player's chunks took beside those of the reference in the same rounds: the median, or nil.
local function ratio(times, player, reference)
  local ratios = {}
  for round, us in pairs(times[player] or {}) do
    local sum = 0
    for _, name in ipairs(reference) do
      local part = times[name] and times[name][round]
      sum = sum and part and sum + part
    end
    if sum then ratios[#ratios + 1] = us / sum end
  end
  return peers.median(ratios)
end

local function typical(times, names)
  local sum = 0
  for _, name in ipairs(names) do
    local us = times[name] and peers.median(times[name])
    if not us then return nil end
    sum = sum + us
  end
  return sum
end

-- ---- the table ----

local missed = 0

local function ratio_cell(value, goal)
  if not value then return "" end
  if goal and value > goal then
    missed = missed + 1
    return ("**%.2f**"):format(value)
  end
  return ("%.2f"):format(value)
end

local function digits(value) return ("%%.%df"):format(value < 10 and 2 or value < 100 and 1 or 0):format(value) end

local function cell(value, unit)
  if not value then return "" end
  if unit == "KB" then return digits(value / 1024) .. " MB" end
  if value >= 1000 then return digits(value / 1000) .. " ms" end
  return digits(value) .. " us"
end

local function print_row(cells) print("| " .. table.concat(cells, " | ") .. " |") end

local function row_of(row, times)
  local of54, ofjit = row.reference, row.reference_luajit or row.reference
  local reference, reference_jit = typical(times, of54), typical(times, ofjit)
  local shown = cell(reference)
  if ofjit ~= of54 then shown = shown .. ", " .. cell(reference_jit) end
  print_row { row.title:format(dataset_size), row.to, row.goal and ("%.2f"):format(row.goal) or "",
    ratio_cell(ratio(times, row.lua54 or "lua5.4", of54), row.goal), ratio_cell(ratio(times, row.luajit or "luajit", ofjit), row.goal),
    shown, cell(typical(times, { row.lua54 or "lua5.4" })), cell(typical(times, { row.luajit or "luajit" })),
    row.alone and "" or cell(typical(times, { "js" })), row.alone and "" or cell(typical(times, { "botocore" })) }
  io.stdout:flush()
end

-- Medians of processes: coldstart's lines by name, each { wall, ratio, CPU, ratio, memory, ratio }. `which` of a peer's commands:
-- 2 is one call.
local function processes(names, repeats, which)
  local list, lines = {}, {}
  for _, name in ipairs(names) do
    if commands[name] then list[#list + 1] = { name = name, command = commands[name][which or 2] } end
  end
  local words = {}
  for i, one in ipairs(list) do
    words[i] = one.command
  end
  local text = output(("%s%s/coldstart %d %s"):format(pinned, OUT, repeats, table.concat(words, " -- ")))
  local i = 0
  for line in text:gmatch("[^\n]+") do
    i = i + 1
    lines[list[i].name] = {}
    for number in line:gmatch("%S+") do
      table.insert(lines[list[i].name], tonumber(number))
    end
  end
  assert(i == #list, "a process failed")
  return lines
end

local function print_processes()
  local of = processes({ "bare", "lua5.4", "luajit" }, rows.processes.rounds)
  for name, figures in pairs(processes({ "bare", "js", "botocore" }, rows.processes.rounds_slow)) do
    of[name] = of[name] or figures
  end
  for i, row in ipairs(rows.processes) do
    local function figure(name) return of[name] and cell(of[name][2 * i - 1], row.unit) or "" end
    print_row { row.title, "bare libcurl", row.goal and ("%.2f"):format(row.goal) or "", ratio_cell(of["lua5.4"][2 * i], row.goal),
      ratio_cell(of.luajit[2 * i], row.goal), figure "bare", figure "lua5.4", figure "luajit", figure "js", figure "botocore" }
  end
end

local function print_memory(row)
  local of = processes({ "lua5.4", "luajit" }, 1, 3)
  local here, jit = of["lua5.4"][5], of.luajit[5]
  print_row { row.title, row.to, ("%.2f"):format(row.goal), ratio_cell(here / row.memory, row.goal), ratio_cell(jit / row.memory, row.goal),
    "", cell(here, "KB"), cell(jit, "KB"), "", "" }
end

print_row { "", "ratio to", "goal", "Lua 5.4", "LuaJIT", "that takes", "Lua 5.4", "LuaJIT", "SDK for JavaScript", "botocore" }
print_row { "---", "---", "---", "---", "---", "---", "---", "---", "---", "---" }
if ("process"):find(only, 1, true) then print_processes() end
for _, work in ipairs(rows) do
  if work.name:find(only, 1, true) and not (work.slow and no_slow) and not (work.file and no_room) then
    if work.file then dataset.write(dataset_path, dataset_size) end
    local times = measure_calls(work)
    for _, row in ipairs(work) do
      if row.memory then print_memory(row) else row_of(row, times) end
    end
    if work.file then os.remove(dataset_path) end
  end
end

print()
print(("%sCPU time unless it says wall; answers come from nginx on loopback%s."):format(
  missed > 0 and "Bold is over the goal. " or "", cores and ", on a core of its own" or ""))
for _, note in ipairs(notes) do
  print(note:sub(1, 1):upper() .. note:sub(2) .. ".")
end
peers.stop() -- first: they hold what the server's end is seen by
server.stop()
