-- annotations.lua: reads doc comments and LuaLS annotations of a Lua file, for the reference (tools/docs.lua) and for the spec
-- that checks them.
--
-- A type has to end on the line on which it begins, since the language server reads them so. Text that goes on in the lines
-- below a tag belongs to the tag.

local annotations = {}

-- ---------------------------------------------------------------------------------------------------------------
-- Types

local parse_type

local function fail(what) error({ type_problem = what }, 0) end

local function skip(text, position) return text:find("[^ \t]", position) or #text + 1 end

-- What stands between brackets, item by item.
local function parse_items(text, position, closing, names, item)
  position = skip(text, position)
  while text:sub(position, position) ~= closing do
    position = skip(text, item(text, position, names))
    local character = text:sub(position, position)
    if character == "," then
      position = skip(text, position + 1)
    elseif character ~= closing then
      fail(("%q was expected in a type"):format(closing))
    end
  end
  return position + 1
end

local function parse_argument(text, position, names)
  local after = text:match("^%.%.%.()", position) or text:match("^[%a_][%w_]*%??()", position)
  if not after then fail("an argument's name was expected") end
  if text:sub(after, after) == ":" then return parse_type(text, skip(text, after + 1), names) end
  return after
end

local function parse_table_field(text, position, names)
  if text:sub(position, position) == "[" then
    position = parse_type(text, position + 1, names)
    if text:sub(position, position) ~= "]" then fail("']' was expected in a table type") end
    position = position + 1
  else
    position = text:match("^[%a_][%w_]*()", position) or fail("a field's name was expected in a table type")
  end
  if text:sub(position, position) == "?" then position = position + 1 end
  if text:sub(position, position) ~= ":" then fail("':' was expected in a table type") end
  return parse_type(text, skip(text, position + 1), names)
end

local function parse_function(text, position, names)
  position = parse_items(text, position, ")", names, parse_argument)
  if not text:find("^%s*:", position) then return position end
  position = skip(text, text:match("^%s*:()", position))
  while true do
    local named = text:match("^[%a_][%w_]*%??:%s+()", position)
    position = parse_type(text, named or position, names)
    local next_one = text:match("^,%s*()", position)
    if not next_one then return position end
    position = next_one
  end
end

local function parse_unit(text, position, names)
  local character = text:sub(position, position)
  if character == "(" then
    position = skip(text, parse_type(text, skip(text, position + 1), names))
    if text:sub(position, position) ~= ")" then fail("')' was expected in a type") end
    return position + 1
  elseif character == "{" then
    return parse_items(text, position + 1, "}", names, parse_table_field)
  elseif character == '"' or character == "'" then
    local stop = text:find(character, position + 1, true) or fail("a string in a type does not end")
    return stop + 1
  elseif text:find("^fun%s*%(", position) then
    return parse_function(text, text:match("^fun%s*%(()", position), names)
  end
  local number = text:match("^%-?%d+()", position)
  if number then return number end
  local name, after = text:match("^([%a_][%w_.*-]*)()", position)
  if not name then fail("a type was expected") end
  names[#names + 1] = name
  if text:sub(after, after) == "<" then return parse_items(text, after + 1, ">", names, parse_type) end
  return after
end

function parse_type(text, position, names)
  while true do
    position = parse_unit(text, position, names)
    while true do
      local after = text:match("^%[%]()", position) or text:match("^%?()", position)
      if not after then break end
      position = after
    end
    local next_one = text:match("^%s*|%s*()", position)
    if not next_one then return position end
    position = next_one
  end
end

--- Read a type at the beginning of a text.
---@param text string
---@return {text: string, names: string[]}|nil type  as it is written, and the classes and aliases that it names
---@return string rest  what follows it, or what is wrong
function annotations.type(text)
  local names = {}
  local ok, position = pcall(parse_type, text, 1, names)
  if ok then return { text = text:sub(1, position - 1), names = names }, text:sub(position) end
  if type(position) ~= "table" then error(position, 0) end
  return nil, position.type_problem
end

-- ---------------------------------------------------------------------------------------------------------------
-- Files

local function trim(text) return (text:gsub("^%s+", ""):gsub("%s+$", "")) end

local function split_lines(text)
  local lines = {}
  for line in (text:gsub("\n$", "") .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

-- The names in a list of parameters.
local function names_of(list)
  local names = {}
  for name in list:gmatch("[%a_.][%w_.]*") do names[#names + 1] = name end
  return names
end

-- The function that a line begins: its owner (nil for a local one), separator, name and list of parameters.
local function function_at(lines, i)
  local line = lines[i] or ""
  local owner, separator, name, rest = line:match("^%s*function%s+([%w_.]-)([.:])([%a_][%w_]*)(%(.*)$")
  if not owner then
    owner, name, rest = line:match("^([%a_][%w_]*)%.([%a_][%w_]*)%s*=%s*function(%(.*)$")
    separator = "."
  end
  if not owner then
    name, rest = line:match("^%s*local%s+function%s+([%a_][%w_]*)(%(.*)$")
    if not name then name, rest = line:match("^%s*function%s+([%a_][%w_]*)(%(.*)$") end
  end
  if not name then return nil end
  local last = i
  while not rest:find(")", 1, true) and lines[last + 1] do
    last = last + 1
    rest = rest .. lines[last]
  end
  return { owner = owner, method = separator == ":", name = name, args = names_of(rest:match("%((.-)%)")), line = i, last = last }
end

-- Whether a function that begins at column 1 gives a value back: its own `return`s, not those of functions inside it.
local function gives_a_value(lines, f)
  local inside -- the indentation of a function within it
  for i = f.last, #lines do
    local line = lines[i]:gsub("%-%-.*$", "")
    if i > f.last and line:find("^end") then return false end
    if i == f.last then line = line:gsub("^.-%)", "", 1) end
    if inside then
      if line:match("^(%s*)end") == inside then
        inside = nil
        line = line:gsub("^%s*end", "")
      else
        line = ""
      end
    end
    line = line:gsub("%f[%w_]function%f[^%w_][^()]*%b().-%f[%w_]end%f[^%w_]", "")
    if line:find("%f[%w_]function%f[^%w_]") then
      inside = lines[i]:match("^%s*")
      line = line:gsub("%f[%w_]function%f[^%w_].*$", "")
    end
    local value = line:match("%f[%w_]return%f[^%w_]%s*(.*)$")
    if value and value ~= "" and not value:find("^end") and not value:find("^%w+%.exit%(") then return true end
    if i == f.last and line:find("%f[%w_]end%s*$") then return false end
  end
  return false
end

local readers = {}

-- "name? type  text"
local function read_named(self, rest, line)
  local name, optional, after = rest:match("^([%a_.][%w_.]*)(%??)%s+(.*)$")
  if not name then
    local key, key_optional, key_after = rest:match("^(%b[])(%??)%s+(.*)$") -- a field that is no name
    name, optional, after = key, key_optional, key_after
  end
  if not name then return self:problem(line, "a name and a type were expected: " .. rest) end
  local kind, text = annotations.type(after)
  if not kind then return self:problem(line, text) end
  return { name = name, optional = optional == "?", type = kind, text = trim(text), line = line }
end

function readers.param(self, rest, line)
  local param = read_named(self, rest, line)
  if param then table.insert(self.block.params, param) end
  return param
end

function readers.field(self, rest, line)
  rest = rest:gsub("^public%s+", ""):gsub("^private%s+", "")
  local field = read_named(self, rest, line)
  if field and self.class then table.insert(self.class.fields, field) end
  if field and not self.class then self:problem(line, "a field without a class") end
  return field
end

readers["return"] = function(self, rest, line)
  local kind, text = annotations.type(rest)
  if not kind then return self:problem(line, text) end
  local name, after = text:match("^%s([%a_][%w_]*)%s%s(.*)$")
  if not name then name, after = text:match("^%s([%a_][%w_]*)%s*$"), "" end
  local result = { type = kind, name = name, text = trim(name and after or text), line = line }
  table.insert(self.block.returns, result)
  return result
end

function readers.class(self, rest, line)
  local name, after = rest:match("^([%a_][%w_.*-]*)(.*)$")
  if not name then return self:problem(line, "a class needs a name") end
  local class = { name = name, parents = {}, fields = {}, line = line, text = table.concat(self.block.text, "\n") }
  local parents, text = after:match("^%s*:%s*(%S+)(.*)$")
  for parent in (parents or ""):gmatch("[%w_.]+") do table.insert(class.parents, parent) end
  text = trim(text or after)
  if text ~= "" then class.text = class.text ~= "" and class.text .. "\n" .. text or text end
  self.class, self.block.class = class, class
  table.insert(self.classes, class)
  return class
end

function readers.alias(self, rest, line)
  local name, after = rest:match("^([%a_][%w_.]*)%s*(.*)$")
  if not name then return self:problem(line, "an alias needs a name") end
  local alias = { name = name, types = {}, line = line, text = table.concat(self.block.text, "\n") }
  if after ~= "" then
    local kind, text = annotations.type(after)
    if not kind then return self:problem(line, text) end
    table.insert(alias.types, kind)
    if trim(text) ~= "" then self:problem(line, "this is no part of a type: " .. trim(text)) end
  end
  self.alias = alias
  table.insert(self.aliases, alias)
  return alias
end

readers["|"] = function(self, rest, line)
  local kind, text = annotations.type(rest)
  if not kind then return self:problem(line, text) end
  if not self.alias then return self:problem(line, "'|' stands below an alias only") end
  table.insert(self.alias.types, kind)
end

local function only_type(self, rest, line)
  local kind, text = annotations.type(rest)
  if not kind then return self:problem(line, text) end
  local found = { type = kind, text = trim(text), line = line }
  table.insert(self.block.types, found)
  return found
end
readers.type, readers.overload = only_type, only_type

-- Tags that name no class.
local function nothing() end
readers.meta, readers.diagnostic, readers.see, readers.deprecated, readers.nodiscard = nothing, nothing, nothing, nothing, nothing

local function new_block() return { text = {}, params = {}, returns = {}, types = {} } end

local function read_doc_line(self, line, i)
  local rest = line:match("^%s*%-%-%-(.*)$")
  local tag, after = rest:match("^@([%a_]+)%s*(.*)$")
  if not tag then
    local value = rest:match("^|%s*(.*)$")
    if value then
      tag, after = "|", value
    end
  end
  if tag then
    self.block.tagged = true
    if not readers[tag] then
      self:problem(i, "unknown tag @" .. tag)
    else
      self.current = readers[tag](self, after, i)
    end
  elseif self.block.tagged then
    if self.current and self.current.text then self.current.text = trim(self.current.text .. " " .. trim(rest)) end
  else
    table.insert(self.block.text, (rest:gsub("^ ", "")))
  end
end

--- Read the annotations of a Lua file.
---@param source string  its text
---@return table file  `header` (what it says of itself), `classes` and `aliases` (with their fields, types and text), `functions`
---  (with text, params, returns; `public`, and whether one gives a value), `blocks` (each run of comment lines), and `problems`
function annotations.read(source)
  local lines = split_lines(source)
  local self = { classes = {}, aliases = {}, functions = {}, blocks = {}, problems = {} }
  function self.problem(_, line, what) table.insert(self.problems, { line = line, message = what }) end

  -- The first comment says what the file is.
  local header, at = {}, 1
  if source:find("^%-%-%-@meta") then at = 2 end
  while lines[at] and lines[at]:find("^%-%-") and not lines[at]:find("^%-%-%-@") do
    header[#header + 1] = lines[at]:gsub("^%-%-%-? ?", "")
    at = at + 1
  end
  self.header = table.concat(header, "\n")

  self.block = new_block()
  local owners = {} -- local variables that stand for a class
  for i = at, #lines do
    local line = lines[i]
    if line:find("^%s*%-%-%-") then
      read_doc_line(self, line, i)
    elseif line:find("^%s*%-%-") and not line:find("^%s*%-%-%[") then
      -- A plain comment belongs to no block and ends none.
      self.current = nil
    else
      local block, f = self.block, function_at(lines, i)
      if block.class then
        local owner = line:match("^local%s+([%a_][%w_]*)%s*=") or line:match("^([%a_][%w_.]*)%s*=")
        if owner then owners[owner], block.class.owner = block.class, owner end
      end
      if f then
        f.text, f.params, f.returns, f.overloads = table.concat(block.text, "\n"), block.params, block.returns, block.types
        f.documented = #block.text > 0 or block.tagged or false
        f.indented = line:find("^%s") ~= nil
        f.gives = not f.indented and gives_a_value(lines, f)
        f.class = owners[f.owner]
        table.insert(self.functions, f)
      end
      if #block.text > 0 or block.tagged then
        block.line = i
        table.insert(self.blocks, block)
      end
      self.block, self.class, self.alias, self.current = new_block(), nil, nil, nil
      self.returned = line:match("^return ([%a_][%w_]*)%s*$") or line:match("^return setmetatable%(([%a_][%w_]*),") or self.returned
    end
  end
  for _, f in ipairs(self.functions) do
    f.public = f.owner and (f.owner == self.returned or f.class) and not f.name:find "^_" and not f.indented
  end
  self.block, self.class, self.alias, self.current = nil, nil, nil, nil
  return self
end

return annotations
