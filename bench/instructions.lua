--- Instructions per call, counted by valgrind. `bench/instructions` calls it:
--
--   instructions count [WORK...]              print a line for each figure, as in bench/history.tsv
--   instructions record                       count, and append to the history; for a change that made calls cheaper, or dearer
--                                             for a reason
--   instructions check [HISTORY [COUNTED]]    compare get and create with what was recorded last for the same versions, as
--                                             TAP; the exit status is 1 where one costs over 5 % more
--   instructions show                         a Markdown table
--
-- A figure is the difference between a process with few calls and one with many, so start and warm-up are not in it. What moves
-- it from run to run (half a per cent) are Lua's hash seeds, from addresses and the time: addresses are the same each time
-- with setarch -R, and the smaller of two counts is taken. LuaJIT is counted without its compiler: with it the traces that
-- happen to be made move a count by a tenth. Hashing weighs more than on the machine: valgrind knows no SHA instructions.

package.path = "./?.lua;" .. package.path
local child = require "spec.support.child"
local upstream = require "bench.upstream"

local HISTORY = "bench/history.tsv"
local CHECKED = { "get", "create" }
local MOST = 1.05
local REPEATS = 2

-- How many calls the two processes make.
local FEW_AND_MANY = { get = { 50, 250 }, create = { 50, 250 }, page = { 2, 12 }, sign = { 1000, 5000 } }
local WORKS = { "get", "create", "page", "sign" }
local ON_LUAJIT = { get = true, create = true }
local OPTIONS = { ["lua5.4"] = "", luajit = "-joff " }

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function has(program) return output("command -v " .. program) ~= "" end

-- What a count depends on beside our code.
local function versions(lua)
  local function of(package) return package .. " " .. output("pkg-config --modversion " .. package) end
  return table.concat({ output "echo $(uname -m) $(grep -ow avx2 /proc/cpuinfo 2>/dev/null | sort -u)", output "getconf GNU_LIBC_VERSION", of "libcurl", of "libcrypto", of "libcjson",
    (output(lua .. " -v 2>&1"):gsub("[%s-]+Copyright.*", "")), output "${CC:-cc} --version":match("^[^\n]+"), output "valgrind --version" },
    ", ")
end

local function environment(lua)
  local words = {}
  for name, value in output("make -s env LUA=" .. lua):gmatch("export ([%w_]+)='([^']*)'") do
    words[#words + 1] = name .. "=" .. child.quote(value)
  end
  return "env " .. table.concat(words, " ")
end

-- ---- counting ----

local function count_process(lua, url, work, calls)
  local text = output(("%s %s valgrind --tool=callgrind --callgrind-out-file=/dev/null %s %sbench/ours.lua %s %s %d 2>&1"):format(
    has "setarch" and "setarch -R" or "", environment(lua), lua, OPTIONS[lua], url, work, calls))
  return tonumber(text:match("Collected : (%d+)")) or error(text)
end

local function count_one(lua, url, work)
  local few, many = FEW_AND_MANY[work][1], FEW_AND_MANY[work][2]
  local least = math.huge
  for _ = 1, REPEATS do
    least = math.min(least, (count_process(lua, url, work, many) - count_process(lua, url, work, few)) / (many - few))
  end
  return math.floor(least + 0.5)
end

local function count(works)
  local server = upstream.start()
  local figures = {}
  for _, lua in ipairs { "lua5.4", "luajit" } do
    for _, work in ipairs(works) do
      if lua == "lua5.4" or ON_LUAJIT[work] then
        figures[#figures + 1] = { date = os.date("!%Y-%m-%d"), work = work, lua = lua, count = count_one(lua, server.url, work),
          versions = versions(lua) }
      end
    end
  end
  server.stop()
  return figures
end

-- ---- lines ----

local function line_of(figure)
  return ("%s\t%s\t%s\t%d\t%s\n"):format(figure.date, figure.work, figure.lua, figure.count, figure.versions)
end

local function read(path)
  local figures = {}
  for line in io.lines(path) do
    local date, work, lua, number, held_for = line:match("^(%d[%d-]+)\t(%S+)\t(%S+)\t(%d+)\t(.+)$")
    if date then figures[#figures + 1] = { date = date, work = work, lua = lua, count = tonumber(number), versions = held_for } end
  end
  return figures
end

local function last(history, figure)
  for i = #history, 1, -1 do
    local h = history[i]
    if h.work == figure.work and h.lua == figure.lua and h.versions == figure.versions then return h end
  end
end

local function check(figures, history)
  local good = true
  for _, figure in ipairs(figures) do
    local name = ("%s on %s: "):format(figure.work, figure.lua)
    local recorded = last(history, figure)
    if not recorded then
      print(("ok - %s%d # SKIP nothing was recorded for %s"):format(name, figure.count, figure.versions))
    else
      local ratio = figure.count / recorded.count
      good = good and ratio <= MOST
      print(("%s - %s%d instructions, %+.1f %% to those of %s"):format(ratio <= MOST and "ok" or "not ok", name, figure.count,
        (ratio - 1) * 100, recorded.date))
    end
  end
  return good
end

-- ---- commands ----

local commands = {}

function commands.count(...)
  for _, figure in ipairs(count(... and { ... } or WORKS)) do
    io.write(line_of(figure))
  end
end

function commands.record()
  local figures = count(WORKS)
  local file = assert(io.open(HISTORY, "a"))
  for _, figure in ipairs(figures) do
    file:write(line_of(figure))
    io.write(line_of(figure))
  end
  file:close()
end

function commands.check(path, counted)
  if not check(counted and read(counted) or count(CHECKED), read(path or HISTORY)) then os.exit(1) end
end

function commands.show()
  if not has "valgrind" then return print "Instructions are not counted: valgrind is not installed." end
  local by_work, history = {}, read(HISTORY)
  for _, figure in ipairs(count(WORKS)) do
    by_work[figure.work] = by_work[figure.work] or {}
    by_work[figure.work][figure.lua] = ("%d"):format(figure.count)
    local recorded = last(history, figure)
    if recorded then
      by_work[figure.work][figure.lua] = ("%d (%+.1f %%)"):format(figure.count, (figure.count / recorded.count - 1) * 100)
    end
  end
  print "| instructions per call (to the last recorded) | Lua 5.4 | LuaJIT, compiler off |"
  print "| --- | --- | --- |"
  for _, work in ipairs(WORKS) do
    print(("| %s | %s | %s |"):format(work, by_work[work]["lua5.4"], by_work[work].luajit or ""))
  end
end

local command = commands[arg[1]]
if not command then
  io.stderr:write("usage: instructions count [WORK...] | record | check [HISTORY [COUNTED]] | show\n")
  os.exit(2)
end
command(table.unpack(arg, 2))
