-- Every door of the library that a user may require first says in plain words that the C core is another Lua's.

-- As if LUA_CPATH led to a core that was built for another Lua.
local function load_with_other_core(name)
  local core, module = package.loaded["bedrock.core"], package.loaded[name]
  package.loaded["bedrock.core"], package.loaded[name] = { lua_version = "Lua 0.9" }, nil
  local ok, message = pcall(require, name)
  package.loaded["bedrock.core"], package.loaded[name] = core, module
  assert.is_false(ok)
  return message
end

describe("bedrock.native", function()
  for _, name in ipairs { "bedrock", "bedrock.emulator", "bedrock.sigv4", "bedrock.time" } do
    it("speaks for " .. name, function()
      require(name)
      local message = load_with_other_core(name)
      assert.truthy(message:find("bedrock.core was built for Lua 0.9, this is ", 1, true), message)
      assert.truthy(message:find("make build LUA=", 1, true), message)
    end)
  end
end)
