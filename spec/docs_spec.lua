--- Documentation that can't fall behind: each function of the C modules stands in lua/bedrock/meta, with the parameters
-- that it has, and each public function in lua/bedrock has a doc comment right above it.

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
  return lines
end

local function sources()
  local pipe = assert(io.popen("find lua -name '*.lua' | sort"))
  local files = {}
  for path in pipe:lines() do
    -- Data, and what only editors read.
    if not path:find("^lua/bedrock/api/") and not path:find("^lua/bedrock/meta/operations") then
      files[#files + 1] = path
    end
  end
  pipe:close()
  return files
end

-- The tables whose functions are public: what the file returns, and methods of what it declares as a class.
local function public_tables(lines)
  local public = {}
  local class = false
  for _, line in ipairs(lines) do
    local name = line:match("^return ([%a_][%w_]*)%s*$") or line:match("^return setmetatable%(([%a_][%w_]*),")
    if name then public[name] = true end
    if line:find("^%-%-%-@class") then class = true end
    if class and not line:find("^%-%-") then
      class = false
      local owner = line:match("^local ([%a_][%w_]*) = {")
      if owner then public[owner] = true end
    end
  end
  return public
end

-- What is documented right above line i: the lines of its block of `---` comments.
local function doc_above(lines, i)
  local doc = {}
  while i > 1 and lines[i - 1]:find("^%s*%-%-") do
    i = i - 1
    table.insert(doc, 1, lines[i])
  end
  return doc
end

local function is_documented(doc)
  for _, line in ipairs(doc) do
    if line:find("^%s*%-%-%-%s*[^@%s]") then return true end
  end
  return false
end

describe("documentation", function()
  for _, module in ipairs { "core", "curl", "system", "dataset" } do
    describe("of bedrock." .. module, function()
      local lines = lines_of(read("lua/bedrock/meta/" .. module .. ".lua"))
      local documented = {}
      for i, line in ipairs(lines) do
        local name = line:match("^function ([%w_%.:]+)%(")
        if name then documented[name] = doc_above(lines, i) end
      end

      local actual = {}
      for name, value in pairs(require("bedrock." .. module)) do
        if type(value) == "function" then actual[module .. "." .. name] = true end
      end
      -- Methods of its kinds of objects.
      local objects = {}
      if module == "curl" then
        local curl = require "bedrock.curl"
        objects = { session = assert(curl.session()), multi = assert(curl.multi()) }
      elseif module == "system" then
        objects = { process = assert(require("bedrock.system").start("true", 10)) }
      elseif module == "dataset" then
        objects = { check = assert(require("bedrock.dataset").new {}) }
      end
      for kind, object in pairs(objects) do
        for name in pairs(getmetatable(object).__index) do actual[kind .. ":" .. name] = true end
        object:close()
      end

      it("covers every function", function()
        for name in pairs(actual) do
          assert(documented[name] and is_documented(documented[name]), name .. " is not in lua/bedrock/meta")
        end
      end)

      it("names nothing else", function()
        for name in pairs(documented) do assert(actual[name], name .. " does not exist") end
      end)

      it("describes each parameter", function()
        for i, line in ipairs(lines) do
          local name, params = line:match("^function ([%w_%.:]+)%((.-)%)?%s*e?n?d?$")
          if name then
            if not line:find(")", 1, true) then params = params .. lines[i + 1]:gsub("%).*", "") end
            local doc = table.concat(documented[name], "\n")
            for param in params:gmatch("[%a_][%w_]*") do
              assert(doc:find("@param " .. param .. "%??%s"), ("%s: parameter %s is not described"):format(name, param))
            end
          end
        end
      end)
    end)
  end

  it("stands at the top of every file", function()
    for _, path in ipairs(sources()) do
      assert(read(path):find("^%-%-"), path .. " does not say what it is")
    end
  end)

  for _, path in ipairs(sources()) do
    it("stands above every public function of " .. path, function()
      local lines = lines_of(read(path))
      local public = public_tables(lines)
      for i, line in ipairs(lines) do
        local owner, name = line:match("^function ([%a_][%w_]*)[%.:]([%w_]+)%(")
        if not owner then owner, name = line:match("^([%a_][%w_]*)%.([%w_]+) = function%(") end
        if owner and public[owner] and not name:find("^_") then
          assert(is_documented(doc_above(lines, i)), ("%s:%d: %s.%s has no doc comment"):format(path, i, owner, name))
        end
      end
    end)
  end
end)
