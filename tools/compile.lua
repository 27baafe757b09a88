-- compile.lua: compiles Lua files to the bytecode of the interpreter that runs it.
--
--   LUA tools/compile.lua FOLDER [--bundle] lua/bedrock/NAME.lua ...
--
-- writes FOLDER/bedrock/NAME.lua for each. What an older build left there is removed first.
--
-- Lua opens a file of bytecode three times, and spends as long on the names and lines of a function as on its code. So with
-- --bundle, init.lua has with it whatever a first call loads, without names and lines: that is 7 % of the CPU time of a process
-- that makes one call. Who wants line numbers in a traceback through the library sets LUA_PATH to lua/.

local folder = arg[1]
local bundle = arg[2] == "--bundle" -- it loads the C modules of FOLDER

assert(os.execute(("mkdir -p '%s/bedrock' && find '%s/bedrock' -name '*.lua' -delete"):format(folder, folder)))

local function write(target, code)
  local file = assert(io.open(target, "wb"))
  assert(file:write(code))
  assert(file:close())
end

local made, sources = {}, {}
for i = bundle and 3 or 2, #arg do
  local source = arg[i]
  local name = source:gsub("^lua/", "")
  local parent = (folder .. "/" .. name):match("^(.*)/")
  if not made[parent] then
    assert(os.execute(("mkdir -p '%s'"):format(parent)))
    made[parent] = true
  end
  write(folder .. "/" .. name, string.dump(assert(loadfile(source))))
  sources[name:gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")] = source
end

-- A first call, for which nothing is sent.
local function call()
  local bedrock = require "bedrock"
  local options = { region = "us-east-1", credentials = { access_key_id = "A", secret_access_key = "S" }, environment = {},
    read_file = function() end }
  assert(bedrock.new(options)):close()
  options.runtime = { now = function() return os.time() end, sleep = function() end,
    send = function() return { status = 200, headers = {}, body = "{}" } end }
  assert(assert(bedrock.new(options)):get_model_customization_job { jobIdentifier = "abcdefghijkl" })
end

package.path, package.cpath = "lua/?.lua;lua/?/init.lua", folder .. "/?.so"
if bundle and pcall(call) then -- a libcurl that is only here to build with can't be loaded
  local function as_function(name)
    local file = assert(io.open(sources[name]))
    local text = file:read("*a")
    file:close()
    return "function(...)\n" .. text .. "\nend"
  end
  local names, parts = {}, { "local preload = package.preload" }
  for name in pairs(sources) do
    if name ~= "bedrock" and package.loaded[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("preload[%q] = preload[%q] or "):format(name, name) .. as_function(name)
  end
  parts[#parts + 1] = "return (" .. as_function "bedrock" .. ")(...)"
  local all = assert((rawget(_G, "loadstring") or load)(table.concat(parts, "\n"), "=bedrock"))
  write(folder .. "/bedrock/init.lua", string.dump(all, true))
end
