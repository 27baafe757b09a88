-- compile.lua: compiles Lua files to the bytecode of the interpreter that runs it, line numbers included.
--
--   LUA tools/compile.lua FOLDER lua/bedrock/NAME.lua ...
--
-- writes FOLDER/bedrock/NAME.lua for each. What an older build left there is removed first.

local folder = arg[1]

assert(os.execute(("mkdir -p '%s/bedrock' && find '%s/bedrock' -name '*.lua' -delete"):format(folder, folder)))
local made = {}
for i = 2, #arg do
  local source = arg[i]
  local target = folder .. "/" .. source:gsub("^lua/", "")
  local parent = target:match("^(.*)/")
  if not made[parent] then
    assert(os.execute(("mkdir -p '%s'"):format(parent)))
    made[parent] = true
  end
  local code = string.dump(assert(loadfile(source)))
  local file = assert(io.open(target, "wb"))
  assert(file:write(code))
  assert(file:close())
end
