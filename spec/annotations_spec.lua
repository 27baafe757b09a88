--- The annotations of lua/bedrock, as a language server would read them: types that can be read, names that exist, parameters
-- that the function has, a @return wherever a value is given back.

local annotations = assert(loadfile "tools/docs/annotations.lua")()
local child = require "spec.support.child"

local BUILT_IN = {}
for name in ("any nil boolean true false number integer string table function userdata thread self lightuserdata file*"):gmatch "%S+" do
  BUILT_IN[name] = true
end

local function read_all()
  local files = {}
  for _, path in ipairs(child.lines_of "find lua -name '*.lua' -not -path '*/api/*' | sort") do
    local file = annotations.read(child.read(path))
    file.path = path
    files[#files + 1] = file
  end
  return files
end

-- All types of a file, with the lines on which they stand.
local function each_type(file, visit)
  for _, class in ipairs(file.classes) do
    for _, field in ipairs(class.fields) do visit(field.type, field.line) end
  end
  for _, alias in ipairs(file.aliases) do
    for _, kind in ipairs(alias.types) do visit(kind, alias.line) end
  end
  for _, block in ipairs(file.blocks) do
    for _, list in ipairs { block.params, block.returns, block.types } do
      for _, entry in ipairs(list) do visit(entry.type, entry.line) end
    end
  end
end

local function known_names(files)
  local known = {}
  for name in pairs(BUILT_IN) do known[name] = true end
  for _, file in ipairs(files) do
    for _, list in ipairs { file.classes, file.aliases } do
      for _, entry in ipairs(list) do known[entry.name] = true end
    end
  end
  return known
end

-- What is wrong in files, one line each.
local function problems_of(files)
  local found = {}
  local known = known_names(files)
  for _, file in ipairs(files) do
    local function note(line, text, ...) found[#found + 1] = ("%s:%d: " .. text):format(file.path, line, ...) end
    for _, problem in ipairs(file.problems) do note(problem.line, "%s", problem.message) end
    each_type(file, function(kind, line)
      for _, name in ipairs(kind.names) do
        if not known[name] then note(line, "the class %s does not exist", name) end
      end
    end)
    for _, class in ipairs(file.classes) do
      for _, parent in ipairs(class.parents) do
        if not known[parent] then note(class.line, "the class %s does not exist", parent) end
      end
      local fields = {}
      for _, field in ipairs(class.fields) do
        -- Fields of one name are told apart by a literal.
        local key = field.name .. (field.type.text:match '"[^"]*"' or "")
        if fields[key] then note(field.line, "the field %s stands twice in %s", field.name, class.name) end
        fields[key] = true
      end
    end
    for _, f in ipairs(file.functions) do
      local names = {}
      for _, param in ipairs(f.params) do names[#names + 1] = param.name end
      local args = {}
      for i, arg in ipairs(f.args) do
        -- What a method takes itself by has no line, nor has what is named only to be passed over.
        if arg ~= "_" and not (i == 1 and arg == "self") then args[#args + 1] = arg end
      end
      if #names > 0 or f.public and f.documented then
        local wanted, given = table.concat(args, ", "), table.concat(names, ", ")
        if wanted ~= given then note(f.line, "%s takes (%s), its annotations say (%s)", f.name, wanted, given) end
      end
      if f.public and f.documented and f.gives and #f.returns == 0 then note(f.line, "%s gives something back, and has no @return", f.name) end
    end
  end
  return found
end

describe("annotations", function()
  local files = read_all()

  it("are sound", function() assert.equal("", table.concat(problems_of(files), "\n")) end)

  it("give no class of the API's another meaning", function()
    local generated = {}
    for _, file in ipairs(files) do
      if file.path:find "meta/operations" then
        for _, list in ipairs { file.classes, file.aliases } do
          for _, entry in ipairs(list) do generated[entry.name] = true end
        end
      end
    end
    assert.is_true(generated["bedrock.Tag"])
    for _, file in ipairs(files) do
      for _, class in ipairs(file.path:find "meta/operations" and {} or file.classes) do
        assert.truthy(class.name == "bedrock.Client" or not generated[class.name], class.name)
      end
    end
  end)

  it("define each class in one place, or in one of Lua and one of what a C module or the API gives", function()
    local seen = {}
    for _, file in ipairs(files) do
      for _, class in ipairs(file.classes) do
        local meta = file.path:find "/meta/" and "meta" or "lua"
        local key = class.name .. " " .. meta
        assert.is_nil(seen[key], ("%s stands in %s and %s"):format(class.name, seen[key] or "", file.path))
        seen[key] = file.path
      end
    end
  end)

  -- The checker itself: a mistake of each kind is found.
  local rows = {
    { "---@class A\n---@field x B\nlocal A = {}", "x:2: the class B does not exist" },
    { "---@class A: B\nlocal A = {}", "x:1: the class B does not exist" },
    { "---@class A\n---@field x string\n---@field x number\nlocal A = {}", "x:3: the field x stands twice in A" },
    { "local A = {}\n--- Text.\n---@param y string\nfunction A.f(x) end\nreturn A", "x:4: f takes (x), its annotations say (y)" },
    { "local A = {}\n--- Text.\nfunction A.f(x) end\nreturn A", "x:3: f takes (x), its annotations say ()" },
    { "local A = {}\n--- Text.\nfunction A.f()\n  local g = function() end\n  return 1\nend\nreturn A",
      "x:3: f gives something back, and has no @return" },
    { "local A = {}\n--- Text.\nfunction A.f() return 1 end\nreturn A", "x:3: f gives something back, and has no @return" },
    { "local A = {}\n--- Text.\nfunction A.f()\n  local g = function()\n    return 1\n  end\n  return\nend\nreturn A", "" },
    { "local A = {}\n--- Text.\nfunction A.f() g(function() return 1 end) end\nreturn A", "" },
    { "---@type {a: string,\n---  b: string}\nlocal x", "x:1: a field's name was expected in a table type" },
    { "---@type table<string\nlocal x", "x:1: \">\" was expected in a type" },
    { "---@returns string\nlocal function f() end", "x:1: unknown tag @returns" },
    { "---@field x string\nlocal A = {}", "x:1: a field without a class" },
    { "---@type fun(a: string, b?: A, ...: any): ok: boolean, A?\nlocal x", "x:1: the class A does not exist\nx:1: the class A does not exist" },
    { "---@param x string|fun(): (table|nil)  a text\n---@param ... any\nlocal function f(x, ...) end", "" },
    { "---@type {[1]: string, [string]: integer[]?, a?: \"x\"|'y'|3}\nlocal x", "" },
    { "---@alias A\n---| \"a\"\n---| B\nlocal x", "x:1: the class B does not exist" },
  }
  for i, row in ipairs(rows) do
    it(("are checked: case %d"):format(i), function()
      local file = annotations.read(row[1])
      file.path = "x"
      assert.equal(row[2], table.concat(problems_of { file }, "\n"))
    end)
  end
end)
