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

  -- As where the dynamic linker does not find a library.
  for name, hint in pairs { ["bedrock.core"] = "libcrypto or libcjson", ["bedrock.curl"] = "libcurl", ["bedrock.system"] = false,
    ["bedrock.dataset"] = false } do
    it("names what " .. name .. " may lack", function()
      local native = require "bedrock.native"
      local module, preload = package.loaded[name], package.preload[name]
      require "bedrock.core"
      package.loaded[name], package.preload[name] = nil, function() error("libx.so.1: cannot open shared object file", 0) end
      local ok, message = pcall(native.load, name)
      package.loaded[name], package.preload[name] = module, preload
      assert.is_false(ok)
      assert.truthy(message:find(name .. " can't be loaded: ", 1, true), message)
      assert.truthy(message:find("libx.so.1", 1, true), message)
      local _, hints = message:gsub("Does it lack", "")
      assert.are.equal(hint and 1 or 0, hints)
      assert.truthy(not hint or message:find("Does it lack " .. hint .. "?", 1, true), message)
    end)
  end
end)
