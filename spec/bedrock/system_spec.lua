-- Programs with a time limit, and private files. The plain halves have tests of their own (spec/csrc/proc_test.c,
-- privfile_test.c); here it is what Lua sees of them, and what is left when Lua forgets about them.

local system = require "bedrock.system"
local child = require "spec.support.child"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1 -- how much longer things may take, under valgrind
local LONG = 60

-- What a shell prints, without the last line feed.
local function shell(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (text:gsub("\n$", ""))
end

local me = shell "echo $PPID"
local has_proc = child.read("/proc/" .. me .. "/stat") ~= nil

local function wait(process)
  repeat until process:wait(LONG)
end

local function run(command, seconds)
  local process = assert(system.start(command, seconds or LONG))
  wait(process)
  local result = assert(process:result())
  process:close()
  return result
end

-- Starts a command that prints a line, and waits until it is so far.
local function start_with_mark(command, seconds)
  local mark = os.tmpname()
  os.remove(mark)
  local process = assert(system.start(command:gsub("@", mark), seconds or LONG))
  local line = child.wait_for(function()
    process:wait(0)
    return string.match(child.read(mark) or "", "(.-)\n")
  end, 20 * SLOW)
  os.remove(mark)
  assert(line, "the command did not come so far")
  return process, line
end

-- The letter of its state, or nil where there is no such process.
local function state_of(pid)
  return string.match(child.read("/proc/" .. pid .. "/stat") or "", "^%d+ %b() (%a)")
end

-- Nobody may be there to reap what has lost its parent.
local function ended(pid)
  return child.wait_for(function()
    local state = state_of(pid)
    return not state or state == "Z"
  end, 20 * SLOW)
end

local function zombies()
  local n = 0
  for state, parent in shell("cat /proc/[0-9]*/stat 2>/dev/null"):gmatch("%b() (%a) (%d+)") do
    if state == "Z" and parent == me then n = n + 1 end
  end
  return n
end

describe("bedrock.system, programs", function()
  it("tells for which Lua it was built", function()
    assert.are.equal(_VERSION, system.lua_version)
  end)

  it("give what they print, and their status", function()
    assert.are.same({ stdout = "out\n", stderr = "err\n", status = 3 }, run "echo out; echo err >&2; exit 3")
    assert.are.same({ stdout = "", stderr = "", status = 0 }, run "true")
  end)

  for _, row in ipairs {
    { "pipes", "printf 'a\\nb\\n' | sort -r | tr -d '\\n'", "ba" },
    { "quotes", [[printf '%s|' 'a b' "c  d" e\ f]], "a b|c  d|e f|" },
    { "variables", "X='1 2'; echo \"$X\"", "1 2\n" },
    { "loops", "for i in 1 2 3; do printf $i; done", "123" },
    { "several lines", "printf a\nprintf b", "ab" },
    { "the environment", "test -n \"$PATH\" && printf set", "set" },
    { "an empty stdin", "wc -c | tr -d ' \\n'", "0" },
  } do
    it("know of " .. row[1], function()
      local result = run(row[2])
      assert.are.same({ stdout = row[3], stderr = "", status = 0 }, result)
    end)
  end

  it("print any bytes", function()
    local result = run "printf '\\000\\001\\377\\r\\n\\000'; printf '\\000e' >&2"
    assert.are.equal("\0\1\255\r\n\0", result.stdout)
    assert.are.equal("\0e", result.stderr)
  end)

  it("print up to 1 MiB", function()
    local result = run "head -c 1048576 /dev/zero | tr '\\000' x"
    assert.is_true(result.stdout == ("x"):rep(1048576))
    assert.is_nil(result.too_large)
    assert.are.equal(0, result.status)
    result = run "cat /dev/zero"
    assert.is_true(result.too_large)
    assert.is_nil(result.timed_out)
    assert.is_nil(result.status)
    assert.are.equal(1048576, #result.stdout)
  end)

  it("have the end of a long stderr kept", function()
    local result = run "head -c 30000 /dev/zero >&2; printf 'last words' >&2; exit 1"
    assert.are.equal(4096, #result.stderr)
    assert.are.equal("\0last words", result.stderr:sub(-11))
    assert.are.equal(1, result.status)
  end)

  it("are told from ones that a signal ended", function()
    assert.are.same({ stdout = "", stderr = "", signal = 15 }, run "kill -TERM $$")
  end)

  it("have the shell's status where there are none", function()
    local result = run "/no/such/program"
    assert.are.equal(127, result.status)
    assert.truthy(result.stderr:find("/no/such/program", 1, true))
  end)

  it("are refused with an empty command, or a NUL in it", function()
    assert.are.same({ n = 2, nil, "the command is empty" }, { n = select("#", system.start("", 1)), system.start("", 1) })
    local process, message = system.start("true\0false", 1)
    assert.is_nil(process)
    assert.are.equal("the command holds a NUL byte", message)
  end)

  it("need a time that is one", function()
    for _, seconds in ipairs { -1, 0 / 0, "x", {} } do
      assert.has_error(function() system.start("true", seconds) end)
    end
    assert.has_error(function() system.start("true") end)
    assert.has_error(function() system.start({}, 1) end)
    assert.are.equal(0, run("true", math.huge).status)
  end)

  it("tell when they can't be started", function()
    local dir = child.temp_dir()
    local script = child.write(dir .. "/main.lua", [[
      local system = require "bedrock.system"
      local files = {}
      for i = 1, 500 do
        files[i] = io.open("/dev/null")
      end
      print(system.start("true", 10))
    ]])
    collectgarbage() -- of what other specs left open, children have copies
    collectgarbage()
    local output = shell(("ulimit -n 400; %s %s 2>&1; rm -rf %s"):format(child.quote(child.interpreter()), child.quote(script),
      child.quote(dir)))
    assert.are.equal("nil\tno process can be started: Too many open files", output)
  end)
end)

describe("bedrock.system, waiting", function()
  it("takes no longer than it may", function()
    local process = assert(system.start("sleep 60", LONG))
    assert.is_false(process:wait(0))
    assert.is_false(process:wait(-1))
    assert.is_false(process:wait(0.01))
    assert.are.same({ n = 2, nil, "still running" }, { n = select("#", process:result()), process:result() })
    assert.truthy(tostring(process):find("^bedrock%.system%.process %(running%): "))
    process:close()
  end)

  it("can be done bit by bit", function()
    local process = assert(system.start("echo a; sleep 0.03; echo b", LONG))
    assert.is_truthy(child.wait_for(function() return process:wait(0) end, 20 * SLOW))
    assert.is_true(process:wait(0))
    assert.are.equal("a\nb\n", process:result().stdout)
    assert.are.equal("a\nb\n", process:result().stdout)
    assert.truthy(tostring(process):find("^bedrock%.system%.process %(over%): "))
    process:close()
  end)

  it("ends when the time limit does", function()
    local result = run("echo out; exec sleep 60", 0.2)
    assert.is_true(result.timed_out)
    assert.are.equal(9, result.signal)
    assert.is_nil(result.status)
    assert.truthy(("out\n"):find(result.stdout, 1, true)) -- the machine may be slow
  end)

  it("goes on in another coroutine", function()
    local process = assert(system.start("sleep 0.01; echo out", LONG))
    local co = coroutine.wrap(function()
      while not process:wait(0.005) do coroutine.yield(false) end
      return process:result()
    end)
    local result
    repeat result = co() until result
    assert.are.equal("out\n", result.stdout)
    process:close()
  end)

  it("isn't held up by what goes on in the background", function()
    local before = os.time()
    local result = run "sleep 60 & echo $!; exit 5"
    assert.are.equal(5, result.status)
    assert.is_true(os.time() - before < 30)
    local pid = assert(result.stdout:match("^%d+"))
    assert.are.equal("alive", shell("kill -0 " .. pid .. " && echo alive; kill -9 " .. pid))
  end)
end)

describe("bedrock.system, closing", function()
  it("may be done twice, and is told of afterwards", function()
    for _, command in ipairs { "true", "sleep 60" } do
      local process = assert(system.start(command, LONG))
      process:wait(0.01)
      process:close()
      process:close()
      assert.truthy(tostring(process):find("^bedrock%.system%.process %(closed%): "))
      for _, method in ipairs { "wait", "result" } do
        local ok, message = pcall(process[method], process, 1)
        assert.is_false(ok)
        assert.truthy(tostring(message):find("the process is closed", 1, true))
      end
    end
  end)

  it("is what __close does, too", function()
    local process = assert(system.start("sleep 60", LONG))
    getmetatable(process).__close(process)
    assert.truthy(tostring(process):find("closed", 1, true))
  end)

  it("shows nothing of the command or its output", function()
    local process = assert(system.start("echo secret", LONG))
    wait(process)
    assert.is_nil(tostring(process):find("secret", 1, true))
    process:close()
  end)

  it("ends a running one and all it started", function()
    if not has_proc then return pending "needs /proc" end
    -- In a process of its own, since stdin may be a terminal here.
    local dir = child.temp_dir()
    local path = child.write(dir .. "/main.lua", [[
      local system = require "bedrock.system"
      local function started(limit)
        local process = assert(system.start("sleep 60 & echo $! $$ >" .. arg[1] .. ".new; mv " .. arg[1] .. ".new " .. arg[1]
          .. "; wait", limit))
        local file
        repeat
          if process:wait(0.01) then return nil end
          file = io.open(arg[1])
        until file
        print(file:read("*l"))
        file:close()
        os.remove(arg[1])
        return process
      end
      started(60):close()
      local process = started(60)
      process = nil
      collectgarbage()
      collectgarbage()
      local limit = 0.2
      repeat
        process, limit = started(limit), 2 * limit -- the machine may be slow
      until process
      repeat until process:wait(60)
      assert(process:result().timed_out)
      started(60)
    ]])
    local output = shell(("%s %s %s 2>&1 </dev/null; rm -rf %s"):format(child.quote(child.interpreter()), child.quote(path),
      child.quote(dir .. "/mark"), child.quote(dir)))
    local n = 0
    for pid in output:gmatch("%d+") do
      assert.is_truthy(ended(pid), ("process %s still runs: %s"):format(pid, output))
      n = n + 1
    end
    assert.are.equal(8, n, output)
  end)

  it("leaves no zombie and no descriptor", function()
    if not has_proc then return pending "needs /proc" end
    collectgarbage()
    collectgarbage()
    local before, zombies_before = child.open_files(), zombies()
    for i = 1, 200 do
      local process = system.start(i % 5 == 0 and "" or i % 3 == 0 and "exit 1" or i % 7 == 0 and "exec sleep 60" or ":", LONG)
      if process and i % 2 == 0 then process:close() end
      if process and i % 11 == 0 and i % 2 ~= 0 and i % 7 ~= 0 then wait(process) end
      system.write_private("/no/such/folder/file", "text")
    end
    collectgarbage()
    collectgarbage()
    for name in pairs(child.open_files()) do assert.is_true(before[name], name) end
    assert.are.equal(zombies_before, zombies())
  end)
end)

describe("bedrock.system, what a program gets", function()
  it("is none of our descriptors", function()
    if not has_proc then return pending "needs /proc" end
    local file = assert(io.open("/dev/null"))
    local other = assert(system.start("sleep 60", LONG))
    local result = run "ls /proc/$$/fd; true"
    other:close()
    file:close()
    assert.are.equal("0\n1\n2\n", result.stdout)
  end)

  it("is a group of its own where stdin is no terminal", function()
    if not has_proc then return pending "needs /proc" end
    local is_terminal = shell "test -t 0 && echo yes" == "yes"
    local process, line = start_with_mark "cut -d' ' -f5 /proc/$$/stat >@; echo $$ >>@; exec sleep 60"
    local group = line
    process:close()
    assert.are.equal(is_terminal, group == shell("cut -d' ' -f5 /proc/" .. me .. "/stat"))
  end)
end)

describe("bedrock.system, private files", function()
  local dir

  before_each(function()
    dir = child.temp_dir()
  end)

  after_each(function()
    os.execute("rm -rf " .. child.quote(dir))
  end)

  local function listing()
    return shell("cd " .. child.quote(dir) .. " && ls -A")
  end

  local function mode(name)
    return shell("ls -ld " .. child.quote(dir .. "/" .. name)):sub(1, 10)
  end

  it("are written for their owner only", function()
    assert.is_true(system.write_private(dir .. "/file", "a\0b\n"))
    assert.are.equal("a\0b\n", child.read(dir .. "/file"))
    assert.are.equal("-rw-------", mode "file")
    assert.are.equal("file", listing())
  end)

  it("replace what is there", function()
    child.write(dir .. "/file", "a longer old text")
    assert.are_not.equal("-rw-------", mode "file")
    local reader = assert(io.open(dir .. "/file"))
    assert.is_true(system.write_private(dir .. "/file", "new"))
    -- Who has opened the old one reads it to its end.
    assert.are.equal("a longer old text", reader:read("*a"))
    reader:close()
    assert.are.equal("new", child.read(dir .. "/file"))
    assert.are.equal("-rw-------", mode "file")
    assert.is_true(system.write_private(dir .. "/file", ""))
    assert.are.equal("", child.read(dir .. "/file"))
    assert.are.equal("file", listing())
  end)

  it("are made where there is none yet, if that is asked for", function()
    assert.is_true(system.write_private(dir .. "/file", "first", true))
    local ok, message = system.write_private(dir .. "/file", "second", true)
    assert.is_nil(ok)
    assert.are.equal(dir .. "/file: File exists", message)
    assert.are.equal("first", child.read(dir .. "/file"))
    assert.are.equal("-rw-------", mode "file")
    assert.are.equal("file", listing())
  end)

  it("are written where a symbolic link leads to", function()
    os.execute(("cd %s && mkdir sub && echo old >sub/file && ln -s sub/file link && ln -s ../link sub/again && ln -s sub/new none")
      :format(child.quote(dir)))
    for name, target in pairs { link = "sub/file", ["sub/again"] = "sub/file", none = "sub/new" } do
      assert.is_true(system.write_private(dir .. "/" .. name, name))
      assert.are.equal(name, child.read(dir .. "/" .. target))
      assert.are.equal("l", mode(name):sub(1, 1))
      assert.are.equal("-rw-------", mode(target))
    end
    assert.are.equal("link\nnone\nsub", listing())
  end)

  it("are not written where that is impossible, in readable words", function()
    child.write(dir .. "/file", "old")
    for path, reason in pairs {
      [dir .. "/none/file"] = "No such file or directory",
      [dir .. "/file/file"] = "Not a directory",
      [dir] = "Is a directory",
      [dir .. "/" .. ("x"):rep(5000)] = "File name too long",
      [""] = "No such file or directory",
    } do
      local ok, message = system.write_private(path, "text")
      assert.is_nil(ok)
      assert.are.equal(path .. ": " .. reason, message)
    end
    assert.are.equal("file", listing())
    local ok, message = system.write_private(dir .. "/file\0", "text")
    assert.is_nil(ok)
    assert.are.equal("the path holds a NUL byte", message)
    assert.has_error(function() system.write_private(dir .. "/file") end)
    assert.has_error(function() system.write_private({}, "text") end)
    assert.are.equal("old", child.read(dir .. "/file"))
  end)

  it("stay as they are where there is no room", function()
    child.write(dir .. "/file", "old")
    local script = child.write(dir .. "/main.lua", [[
      local ok, message = require("bedrock.system").write_private(arg[1], ("x"):rep(1000000))
      io.open(arg[2], "w"):write(tostring(ok), " ", message)
    ]])
    os.execute(("trap '' XFSZ; ulimit -f 100; exec %s %s %s %s"):format(child.quote(child.interpreter()), child.quote(script),
      child.quote(dir .. "/file"), child.quote(dir .. "/said")))
    assert.are.equal("nil " .. dir .. "/file: File too large", child.read(dir .. "/said"))
    assert.are.equal("old", child.read(dir .. "/file"))
    assert.are.equal("file\nmain.lua\nsaid", listing())
  end)
end)

describe("files for others, too", function()
  local dir
  before_each(function() dir = child.temp_dir() end)
  after_each(function() os.execute("rm -rf " .. child.quote(dir)) end)

  it("have the mode that the umask leaves, or the old one's", function()
    local script = child.write(dir .. "/main.lua", [[
      local system = require "bedrock.system"
      assert(system.write_file(arg[1] .. "/new", "a\0b"))
      assert(system.write_file(arg[1] .. "/old", "new"))
    ]])
    os.execute(("cd %s && touch old && chmod 604 old && umask 027 && %s %s ."):format(child.quote(dir),
      child.quote(child.interpreter()), child.quote(script)))
    assert.are.equal("a\0b", child.read(dir .. "/new"))
    assert.are.equal("new", child.read(dir .. "/old"))
    assert.are.equal("640\n604", shell(("cd %s && stat -c %%a new old"):format(child.quote(dir))))
    local ok, message = system.write_file(dir .. "/none/file", "x")
    assert.is_nil(ok)
    assert.are.equal(dir .. "/none/file: No such file or directory", message)
  end)

  it("leave devices and pipes where they are, and are written into them", function()
    assert.are.equal("pipe here", shell(("cd %s && mkfifo pipe && { cat pipe >said & } && %s -e %s && wait && cat said && test -p pipe && echo ' here'")
      :format(child.quote(dir), child.quote(child.interpreter()),
        child.quote 'assert(require("bedrock.system").write_file("pipe", "pipe"))')))
    assert.are.equal("text", shell(("%s -e %s | cat"):format(child.quote(child.interpreter()),
      child.quote 'assert(require("bedrock.system").write_file("/dev/stdout", "text"))')))
    os.execute("mkfifo " .. child.quote(dir .. "/pipe2"))
    local ok, message = system.write_private(dir .. "/pipe2", "x", true)
    assert.is_nil(ok)
    assert.are.equal(dir .. "/pipe2: File exists", message)
  end)
end)

describe("terminal_size", function()
  it("gives nothing where there is no terminal", function()
    local file = assert(io.open "/dev/null")
    assert.are.equal(0, select("#", system.terminal_size(file)))
    file:close()
    assert.are.equal(0, select("#", system.terminal_size(file)))
    assert.has_error(function() system.terminal_size "/dev/null" end)
  end)
end)
