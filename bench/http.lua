--- Client CPU beside a bare libcurl program (bench/bare.c) that makes the same requests in the same run, against nginx on
-- loopback: a whole process that makes one call, and many sequential calls of one process. `bench/run` calls it:
--
--   LUA bench/http.lua FOLDER-OF-THE-PROGRAMS INTERPRETER...
--
-- Wall time says nothing here (nginx shares the machine), so all figures are CPU time of the client's process.

package.path = "./?.lua;" .. package.path
local nginx = require "spec.support.nginx"

local ANSWER = require "bench.answer"

local PROCESS_REPEATS = 41 -- rounds of one-call processes; the median counts
local CALLS = 2000
local CALL_ROUNDS = 9 -- rounds of 2,000 calls; the median counts
local PROCESS_TARGET, CALL_TARGET = 1.6, 1.8

local folder = arg[1]
local interpreters = {}
for i = 2, #arg do
  interpreters[i - 1] = arg[i]
end

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

-- Where an interpreter finds the tree, as words for env(1).
local function environment(lua)
  local words = {}
  for name, value in string.gmatch(output("make -s env LUA=" .. lua), "export ([%w_]+)='([^']*)'") do
    words[#words + 1] = name .. "='" .. value .. "'"
  end
  return "env " .. table.concat(words, " ") .. " "
end

local server = nginx.start {
  files = { job = ANSWER },
  conf = [[
    server {
      listen 127.0.0.1:@PORT1@;
      location / {
        default_type application/json;
        add_header x-amzn-RequestId 5a1c1d3e-6a1b-4b6e-9a52-6f4e3a0c9d11;
        root @DIR@;
        rewrite ^ /job break;
      }
    }
  ]],
}

-- A server has its own machine, here at least its own core: left to the scheduler, client and server share a core in some
-- rounds and not in others, which changes the bare program's time by a factor of three.
local pinned = ""
if (tonumber(output("command -v taskset >/dev/null && nproc")) or 1) > 1 then
  os.execute(("master=$(cat %s/nginx.pid); for p in $master $(pgrep -P $master); do taskset -pc 1 $p; done >/dev/null")
    :format(server.dir))
  pinned = "taskset -c 0 "
end

local url = server.url .. "/model-customization-jobs/abcdefghijkl"
local failed = false

local function report(what, value, unit, ratio, target)
  local met = ratio <= target
  failed = failed or not met
  local line = "  %-34s %8.1f %s   x %.2f   (target: at most %.1f)%s"
  print(string.format(line, what, value, unit, ratio, target, met and "" or " MISSED"))
end

print(string.format("answer of %d bytes from nginx on loopback%s; CPU time of the client, user and system", #ANSWER,
  pinned ~= "" and ", on a core of its own" or ""))
for _, lua in ipairs(interpreters) do
  local env = environment(lua)
  print(lua)
  -- env(1) runs the program in its place, so that its own start counts for either side.
  local lines = output(string.format(
    pinned .. "%s/cputime %d env %s/bare '%s' 1 -- %s%s bench/calls.lua client '%s' 1 -- %s%s bench/calls.lua runtime '%s' 1",
    folder, PROCESS_REPEATS, folder, url, env, lua, server.url, env, lua, server.url))
  local times, of_bare = {}, {}
  for number, ratio in string.gmatch(lines, "(%d+) ([%d.]+)\n") do
    times[#times + 1], of_bare[#of_bare + 1] = tonumber(number) / 1000, tonumber(ratio)
  end
  assert(#times == 3, "the processes failed: " .. lines)
  print(string.format("  %-34s %8.1f ms", "a process with one call, bare", times[1]))
  report("a process with one call, client", times[2], "ms", of_bare[2], PROCESS_TARGET)
  print(string.format("  %-34s %8.1f ms", "  of it without client and JSON", times[3]))

  local bare, client, runtime, ratios = {}, {}, {}, {}
  for i = 1, CALL_ROUNDS do
    bare[i] = tonumber(output(string.format(pinned .. "%s/bare '%s' %d", folder, url, CALLS)))
    client[i] = tonumber(output(string.format(pinned .. "%s%s bench/calls.lua client '%s' %d", env, lua, server.url, CALLS)))
    ratios[i] = client[i] / bare[i]
    runtime[i] = tonumber(output(string.format(pinned .. "%s%s bench/calls.lua runtime '%s' %d", env, lua, server.url, CALLS)))
  end
  print(string.format("  %-34s %8.1f us", CALLS .. " calls, each, bare", median(bare)))
  report(CALLS .. " calls, each, client", median(client), "us", median(ratios), CALL_TARGET)
  print(string.format("  %-34s %8.1f us", "  of it without client and JSON", median(runtime)))
end
server.stop()
if failed then print("a target was missed") end
