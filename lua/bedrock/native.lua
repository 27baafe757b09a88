-- native.lua: loads the C core, and says in plain words what is wrong where that fails.
--
-- A module that was built for another Lua fails in the dynamic linker ("undefined symbol: lua_newuserdatauv"), which no
-- Lua user can read. `require "bedrock"` comes through here first.

local M = {}

local lua_name = rawget(_G, "jit") and "LuaJIT" or _VERSION
local make_name = rawget(_G, "jit") and "luajit" or _VERSION:lower():gsub(" ", "")
local rocks_version = _VERSION:match("%d%.%d")

local how = ("build it for this one with `make build LUA=%s`, or install it with `luarocks --lua-version %s`")
  :format(make_name, rocks_version)

-- The others need nothing but the C library.
local needs = {
  ["bedrock.core"] = "libcrypto or libcjson",
  ["bedrock.curl"] = "libcurl",
}

--- Load one of the library's C modules.
--- Raises, at the place that required the library, what to do where the module is missing, was built for another Lua,
--- or lacks one of the shared libraries that it needs.
---@param name "bedrock.core"|"bedrock.curl"|"bedrock.system"|"bedrock.dataset"
---@return table module
function M.load(name)
  local search = rawget(package, "searchpath") -- not on 5.1
  local path = name == "bedrock.curl" and search and search(name, package.cpath)
  if path then require("bedrock.core").open_lazily(path) end -- 5% of the CPU time of a process that makes one call
  local ok, module = pcall(require, name)
  if ok then
    if module.lua_version == nil or module.lua_version == _VERSION then return module end
    error(("%s was built for %s, this is %s: %s"):format(name, module.lua_version, lua_name, how), 0)
  end
  local reason = tostring(module)
  if reason:find("undefined symbol: _?luaL?_") or reason:find("symbol not found.-_luaL?_") then
    error(("%s was built for another Lua, this is %s: %s\n(%s)"):format(name, lua_name, how, reason), 0)
  elseif reason:find("module '" .. name .. "' not found", 1, true) then
    error(("%s is not built for %s, or LUA_CPATH does not lead to it: %s\n(%s)"):format(name, lua_name, how, reason), 0)
  end
  local lacks = needs[name] and ("\n(Does it lack %s? The README names the packages.)"):format(needs[name]) or ""
  error(("%s can't be loaded: %s%s"):format(name, reason, lacks), 0)
end

return M
