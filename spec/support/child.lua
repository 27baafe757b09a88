--- A child process that can't outlive the tests.
--
-- The shell that starts it waits at a pipe from this process: `stop`, and likewise the end of this process for whatever
-- reason, closes the pipe, and the shell then kills the child by its pid and waits for it.

local socket = require "socket"

local child = {}

local function quote(text)
  return "'" .. string.gsub(text, "'", "'\\''") .. "'"
end
child.quote = quote

--- A new empty folder.
function child.temp_dir()
  local pipe = assert(io.popen("mktemp -d"))
  local dir = pipe:read("*l")
  pipe:close()
  return assert(dir, "mktemp failed")
end

--- Write a file; the path is handed back.
function child.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- The content of a file, or nil.
function child.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

--- The lines that a command (shell words) prints.
function child.lines_of(command)
  local pipe, lines = assert(io.popen(command)), {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

--- Wait until `condition()` gives a value, at most `seconds` (5).
function child.wait_for(condition, seconds)
  local deadline = socket.gettime() + (seconds or 5)
  repeat
    local value = condition()
    if value then return value end
    socket.sleep(0.005)
  until socket.gettime() > deadline
  return nil
end

--- Run a command (shell words) in the background. Its output goes to DIR/output, and `stop` removes DIR.
---@param command string
---@param dir string
---@return {pid: string, dir: string, stop: fun()}
function child.start(command, dir)
  local script = "%s >%s 2>&1 </dev/null & pid=$!; echo $pid >%s.new; mv %s.new %s; read _; "
    .. "kill $pid 2>/dev/null; (sleep 3; kill -9 $pid) >/dev/null 2>&1 & guard=$!; wait $pid; kill $guard 2>/dev/null; rm -rf %s"
  local pid_file = quote(dir .. "/child.pid")
  script = string.format(script, command, quote(dir .. "/output"), pid_file, pid_file, pid_file, quote(dir))
  local pipe = assert(io.popen("exec 2>/dev/null; " .. script, "w"))
  local self = { dir = dir }
  self.pid = assert(child.wait_for(function()
    return string.match(child.read(dir .. "/child.pid") or "", "%d+")
  end), "the child did not start")
  function self.stop()
    if pipe then pipe:close() end
    pipe = nil
  end
  return self
end

--- The interpreter that runs the tests (tools/test names it): it is sure to find what they need.
function child.interpreter()
  local named = os.getenv "BEDROCK_LUA"
  if named and named ~= "" then return named end
  local i = 0
  while arg and arg[i - 1] do
    i = i - 1
  end
  local name = arg and i < 0 and arg[i] or "lua5.4"
  return string.find(name, "lua", 1, true) and name or "lua5.4"
end

--- What this process has open, as a set of names ("3 -> pipe:[123]"), without the pipe that they are read from. Comparing
-- names, not counts, leaves the collector free to close what earlier specs have left.
function child.open_files()
  local pipe = assert(io.popen [[ls -l /proc/$PPID/fd | grep -vF "$(readlink /proc/$$/fd/1)"]])
  local names = {}
  for line in pipe:lines() do
    local name = string.match(line, "%d+ %-> .*")
    if name then names[name] = true end
  end
  pipe:close()
  return names
end

--- A port of 127.0.0.1 that is free at present.
function child.free_port()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return tonumber(port)
end

return child
