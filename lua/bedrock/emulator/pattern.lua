--- Regular expressions as the API's shapes write them: the Java-like subset of the service model.
--
-- The service matches a pattern against the whole value. Lua's own patterns have neither alternation nor counted groups, so
-- this file compiles an expression to a small non-deterministic automaton and walks all its states at once. There is no
-- backtracking: the time is bounded by the length of the value times the size of the pattern, whatever a client sends.
--
-- Understood: literals, `.`, classes with ranges and negation, `\d \D \s \S \w \W`, escapes, groups (capturing or not, nothing is
-- captured), alternation (an empty branch too), `* + ? {n} {n,} {n,m}` (also lazy and possessive forms where they can't change
-- the outcome), `^` and `$`. Anything else (look-around, back references, class intersections) is refused by name.

local pattern = {}

---@class bedrock.emulator.Pattern  a compiled expression
---@field source string
local Pattern = {}
Pattern.__index = Pattern
Pattern.__name = "bedrock.emulator.pattern"

-- More states than any pattern of the API needs (about 1,500); a guard against {1,1000}{1,1000}.
local MAX_STATES = 50000

-- Sets of characters: a table of code points below 256, ranges for those above, and `negated`.

local function new_set()
  return { low = {}, ranges = {}, negated = false }
end

local function add_range(set, first, last)
  for code = first, math.min(last, 255) do set.low[code] = true end
  if last > 255 then set.ranges[#set.ranges + 1] = { math.max(first, 256), last } end
end

local function contains(set, code)
  local found = false
  if code < 256 then
    found = set.low[code] or false
  else
    for _, range in ipairs(set.ranges) do
      if code >= range[1] and code <= range[2] then found = true break end
    end
  end
  if set.negated then return not found end
  return found
end

local LAST = 0x10FFFF

local function add_class(set, letter)
  if letter == "d" then
    add_range(set, 48, 57)
  elseif letter == "w" then
    add_range(set, 48, 57) add_range(set, 65, 90) add_range(set, 97, 122) add_range(set, 95, 95)
  elseif letter == "s" then
    add_range(set, 9, 13) add_range(set, 32, 32)
  else -- the upper-case letter: everything but
    local inner = new_set()
    add_class(inner, letter:lower())
    local from = 0
    for code = 0, 256 do
      if code == 256 or inner.low[code] then
        if from < code then add_range(set, from, code - 1) end
        from = code + 1
      end
    end
    add_range(set, 256, LAST)
  end
end

local CONTROL = { n = 10, r = 13, t = 9, f = 12, a = 7, e = 27 }

--- The characters of a text as code points. A byte that is no part of valid UTF-8 stands for itself.
---@param text string
---@return integer[]
local function code_points(text)
  local codes, i, size = {}, 1, #text
  while i <= size do
    local a = text:byte(i)
    local length = a < 0x80 and 1 or a >= 0xF0 and a < 0xF8 and 4 or a >= 0xE0 and a < 0xF0 and 3
      or a >= 0xC2 and a < 0xE0 and 2 or 1
    local code = a
    if length > 1 then
      local value = length == 2 and a % 0x20 or length == 3 and a % 0x10 or a % 0x08
      for j = 1, length - 1 do
        local b = text:byte(i + j)
        if not b or b < 0x80 or b > 0xBF then length = 1 break end
        value = value * 64 + b % 64
      end
      if length > 1 then code = value end
    end
    codes[#codes + 1] = code
    i = i + length
  end
  return codes
end

pattern.code_points = code_points

-- The parser: recursive descent, raising a string that `compile` catches.

local Parser = {}
Parser.__index = Parser

local function syntax(what, at)
  error({ syntax = what .. " at " .. tostring(at) }, 0)
end

function Parser:peek() return self.text:sub(self.at, self.at) end

function Parser:escape_in(set)
  local c = self:peek()
  self.at = self.at + 1
  if c == "" then syntax("a lone backslash", self.at - 1) end
  if c:find("^[dDsSwW]$") then add_class(set, c) return nil end
  local code = CONTROL[c]
  if not code then
    if c == "u" or c == "x" then
      local digits = self.text:match(c == "u" and "^%x%x%x%x" or "^%x%x", self.at)
      if not digits then syntax("a bad escape", self.at) end
      self.at = self.at + #digits
      code = tonumber(digits, 16)
    elseif c:find("%w") then
      syntax("unknown escape \\" .. c, self.at - 1)
    else
      code = c:byte()
    end
  end
  return code
end

function Parser:class()
  local set = new_set()
  if self:peek() == "^" then set.negated = true self.at = self.at + 1 end
  local first = true
  while true do
    local c = self:peek()
    if c == "" then syntax("a class that does not end", self.at) end
    if c == "]" and not first then self.at = self.at + 1 break end
    if c == "[" then syntax("a class within a class", self.at) end
    if c == "&" and self.text:sub(self.at, self.at + 1) == "&&" then syntax("a class intersection", self.at) end
    first = false
    self.at = self.at + 1
    local from
    if c == "\\" then from = self:escape_in(set) else from = self:wide(c) end
    -- A hyphen makes a range only between two single characters.
    if from and self:peek() == "-" and not self.text:find("^%-[%]\\]", self.at) and self.at < #self.text then
      self.at = self.at + 1
      local d = self:peek()
      self.at = self.at + 1
      local to = self:wide(d)
      if to < from then syntax("a range out of order", self.at - 1) end
      add_range(set, from, to)
    elseif from then
      add_range(set, from, from)
    end
  end
  return { kind = "set", set = set }
end

-- The code point that starts with byte c, which has just been read.
function Parser:wide(c)
  if c:byte() < 0x80 then return c:byte() end
  local rest = self.text:match("^[\128-\191]*", self.at)
  self.at = self.at + #rest
  return code_points(c .. rest)[1]
end

function Parser:atom()
  local c = self:peek()
  self.at = self.at + 1
  if c == "(" then
    if self:peek() == "?" then
      if self.text:sub(self.at, self.at + 1) ~= "?:" then
        syntax("the group (" .. self.text:sub(self.at, self.at + 2), self.at - 1)
      end
      self.at = self.at + 2
    end
    local node = self:alternatives()
    if self:peek() ~= ")" then syntax("a group that does not end", self.at) end
    self.at = self.at + 1
    return node
  elseif c == "[" then
    return self:class()
  elseif c == "." then
    local set = new_set()
    add_range(set, 10, 10) add_range(set, 13, 13) add_range(set, 0x85, 0x85) add_range(set, 0x2028, 0x2029)
    set.negated = true
    return { kind = "set", set = set }
  elseif c == "^" or c == "$" then
    return { kind = c }
  elseif c == "\\" then
    local set = new_set()
    local code = self:escape_in(set)
    if code then add_range(set, code, code) end
    return { kind = "set", set = set }
  elseif c == "*" or c == "+" or c == "?" then
    syntax("nothing to repeat", self.at - 1)
  end
  local set = new_set()
  local code = self:wide(c)
  add_range(set, code, code)
  return { kind = "set", set = set }
end

function Parser:repeated()
  local node = self:atom()
  while true do
    local c = self:peek()
    local low, high
    if c == "*" then low = 0
    elseif c == "+" then low = 1
    elseif c == "?" then low, high = 0, 1
    elseif c == "{" then
      local from, comma, to, stop = self.text:match("^{(%d+)(,?)(%d*)}()", self.at)
      if not from then syntax("a bad count", self.at) end
      low = tonumber(from)
      if comma == "" then high = low elseif to ~= "" then high = tonumber(to) end
      if high and high < low then syntax("a bad count", self.at) end
      self.at = stop - 1
    else
      return node
    end
    self.at = self.at + 1
    -- Lazy forms match the same whole texts; possessive ones need not, so they are not taken.
    if self:peek() == "?" then self.at = self.at + 1 end
    if self:peek() == "+" then syntax("a possessive count", self.at) end
    node = { kind = "repeat", node = node, low = low, high = high }
  end
end

function Parser:sequence()
  local list = {}
  while true do
    local c = self:peek()
    if c == "" or c == "|" or c == ")" then break end
    list[#list + 1] = self:repeated()
  end
  return { kind = "sequence", list = list }
end

function Parser:alternatives()
  local list = { self:sequence() }
  while self:peek() == "|" do
    self.at = self.at + 1
    list[#list + 1] = self:sequence()
  end
  if #list == 1 then return list[1] end
  return { kind = "either", list = list }
end

-- States are numbered from 1. A state is { set, next } or { split = { next… } } or { assert, next }. They are built from the back, so each
-- piece knows the state that follows it.

local build

local function add_state(states, state)
  if #states >= MAX_STATES then error({ syntax = "more than " .. MAX_STATES .. " states" }, 0) end
  states[#states + 1] = state
  return #states
end

local builders = {}

function builders.set(states, node, after)
  return add_state(states, { set = node.set, next = after })
end

builders["^"] = function(states, _, after) return add_state(states, { assert = "start", next = after }) end
builders["$"] = function(states, _, after) return add_state(states, { assert = "end", next = after }) end

function builders.sequence(states, node, after)
  for i = #node.list, 1, -1 do after = build(states, node.list[i], after) end
  return after
end

function builders.either(states, node, after)
  local branches = {}
  for i, branch in ipairs(node.list) do branches[i] = build(states, branch, after) end
  return add_state(states, { split = branches })
end

builders["repeat"] = function(states, node, after)
  local entry = after
  if node.high then
    for _ = 1, node.high - node.low do
      entry = add_state(states, { split = { build(states, node.node, entry), after } })
    end
  else
    local loop = { split = {} }
    entry = add_state(states, loop)
    loop.split[1] = build(states, node.node, entry)
    loop.split[2] = after
  end
  for _ = 1, node.low do entry = build(states, node.node, entry) end
  return entry
end

function build(states, node, after)
  return builders[node.kind](states, node, after)
end

--- Compile an expression.
---@param source string
---@return bedrock.emulator.Pattern|nil compiled
---@return string? message  what this engine does not understand, and where
function pattern.compile(source)
  local states = { { accept = true } }
  local ok, start = pcall(function()
    local parser = setmetatable({ text = source, at = 1 }, Parser)
    local tree = parser:alternatives()
    if parser.at <= #source then syntax("a closing bracket too many", parser.at) end
    return build(states, tree, 1)
  end)
  if not ok then
    if type(start) ~= "table" then error(start, 0) end
    return nil, start.syntax
  end
  return setmetatable({ source = source, states = states, start = start }, Pattern)
end

-- Put a state and all that is reached from it without reading into the list. `seen` holds the step at which a state was last added.
local function enter(states, list, seen, step, state, at_start, at_end)
  local stack, top = { state }, 1
  while top > 0 do
    local number = stack[top]
    top = top - 1
    if seen[number] ~= step then
      seen[number] = step
      local s = states[number]
      if s.split then
        for i = #s.split, 1, -1 do top = top + 1 stack[top] = s.split[i] end
      elseif s.assert then
        if s.assert == "start" and at_start or s.assert == "end" and at_end then top = top + 1 stack[top] = s.next end
      else
        list[#list + 1] = number
      end
    end
  end
end

--- Does the expression match the whole text?
---@param text string
---@return boolean
function Pattern:matches(text)
  local states, codes, seen = self.states, code_points(text), {}
  local current = {}
  enter(states, current, seen, 0, self.start, true, #codes == 0)
  for i = 1, #codes do
    if #current == 0 then return false end
    local following, code = {}, codes[i]
    for j = 1, #current do
      local s = states[current[j]]
      if s.set and contains(s.set, code) then enter(states, following, seen, i, s.next, false, i == #codes) end
    end
    current = following
  end
  for j = 1, #current do
    if states[current[j]].accept then return true end
  end
  return false
end

-- source -> compiled, or false where it can't be read. What a pattern says never changes: safe to share.
local compiled = {}

--- A compiled expression, made once.
---@param source string
---@return bedrock.emulator.Pattern|false compiled  false: this engine can't read it
function pattern.matcher(source)
  if compiled[source] == nil then compiled[source] = pattern.compile(source) or false end
  return compiled[source]
end

return pattern
