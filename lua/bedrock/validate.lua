--- Checks parameters against the API's shapes, before anything is sent.
--
-- What is checked is what the service cannot come to allow: unknown and missing members, types, minimum lengths and
-- numbers, one member in a union, and what could not be written on the wire. Enum values, patterns and maxima are the
-- service's business, since it widens them without notice. All problems are collected into one error, each with its
-- path.
--
-- Only what is given is walked, and with `next`, past any metatable, since the encoder in C sees raw tables too. Values
-- never appear in a message: they may be secrets.

local core = require "bedrock.core"
local errors = require "bedrock.errors"

local null = core.json_null
local MAX_DEPTH = 100 -- tables in tables; the codec allows a little more
local MAX_PROBLEMS = 50 -- after so many the rest would help nobody
-- Above this depth each table is compared with those around it, so that one that contains itself is named as such
-- (and does not take exponential time). Parameters that go by the book rarely get so deep.
local WATCH_DEPTH = 4
local FIRST_SECOND, LAST_SECOND = -62167219200, 253402300800 -- the years 0 to 9999

local article = { ["nil"] = "nil", number = "a number", string = "a string", boolean = "a boolean", table = "a table",
  ["function"] = "a function", userdata = "a userdata", thread = "a coroutine", cdata = "a cdata" }

local function got(value)
  if value == null then
    return "null"
  end
  return article[type(value)]
end

-- A key in a message: no control characters, no invalid UTF-8, not endless.
local function printable(key)
  key = tostring(key):gsub("[%c\127-\255]", "?")
  return #key > 60 and key:sub(1, 60) .. "..." or key
end

local function path_to(keys, depth)
  local parts = {}
  for i = 1, depth do
    local key = keys[i]
    if type(key) == "number" then
      parts[i] = ("[%.14g]"):format(key) -- a document may have 1e300 as a key
    else
      key = printable(key)
      if not key:find("^[%w_%-]+$") and key ~= "*" then
        parts[i] = '["' .. key .. '"]'
      else
        parts[i] = i > 1 and "." .. key or key
      end
    end
  end
  return table.concat(parts)
end

local function problem(state, depth, message)
  local problems = state.problems
  if not problems then
    problems = {}
    state.problems = problems
  end
  if #problems < MAX_PROBLEMS then
    problems[#problems + 1] = { path = path_to(state.keys, depth), message = message }
  else
    state.more = true
  end
end

-- Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
local function is_utf8(text)
  local position = text:find("[\128-\255]")
  while position do
    local a, b, c, d = text:byte(position, position + 3)
    b, c, d = b or 0, c or 0, d or 0
    local tail_b, tail_c, tail_d = b >= 0x80 and b < 0xC0, c >= 0x80 and c < 0xC0, d >= 0x80 and d < 0xC0
    if a >= 0xC2 and a < 0xE0 and tail_b then
      position = position + 2
    elseif a >= 0xE0 and a < 0xF0 and tail_b and tail_c
      and not (a == 0xE0 and b < 0xA0) and not (a == 0xED and b > 0x9F) then
      position = position + 3
    elseif a >= 0xF0 and a < 0xF5 and tail_b and tail_c and tail_d
      and not (a == 0xF0 and b < 0x90) and not (a == 0xF4 and b > 0x8F) then
      position = position + 4
    else
      return false
    end
    position = text:find("[\128-\255]", position)
  end
  return true
end

-- "1 item", "2 items"
local function counted(n, one, many)
  return ("%d %s"):format(n, n == 1 and one or many or one .. "s")
end

local function characters(text)
  local _, count = text:gsub("[^\128-\191]", "")
  return count
end

-- Whether a value is a table that may be entered: not too deep, and not inside itself. `wanted` is what is said if it is
-- no table.
local function enter(state, value, depth, wanted)
  if type(value) ~= "table" then
    problem(state, depth, wanted .. ", got " .. got(value))
    return false
  end
  local tables = state.tables
  if depth > WATCH_DEPTH then
    if depth > MAX_DEPTH then
      problem(state, depth, ("is nested more than %d levels deep"):format(MAX_DEPTH))
      return false
    end
    for i = 1, depth do
      if rawequal(tables[i], value) then
        problem(state, depth, "is a table that contains itself")
        return false
      end
    end
  end
  tables[depth + 1] = value
  return true
end

-- The checks by type: check[type](state, shape, value, depth, location). state.keys[1..depth] leads to the value;
-- `location` is where on the wire the value goes, nil for the body.
local check = {}

local function check_text(state, value, depth, location)
  if location == "header" or location == "headers" then
    -- A line break would end the header, and begin one of the caller's making.
    if value:find("[%z\1-\8\10-\31\127]") then
      problem(state, depth, "must not contain NUL, line breaks or other control characters: it is sent as a header")
    end
  elseif value:find("[%z\r\n]") then
    -- It could be escaped, but no name or token has one: something was read with its line break, or cut in the wrong place.
    problem(state, depth, "must not contain NUL or line breaks: it is a part of the request's URL")
  elseif not is_utf8(value) then
    problem(state, depth, "must be UTF-8")
  end
end

function check.string(state, shape, value, depth, location)
  local kind = type(value)
  if kind == "string" then
    local min = shape.min
    if location then
      if location == "uri" and value == "" then
        problem(state, depth, "must not be empty: it is a part of the request's path")
        return
      elseif location == "uri" and (value == "." or value == "..") then
        problem(state, depth, ('must not be "%s": as a part of the request\'s path it would lead to another path')
          :format(value))
        return
      end
      check_text(state, value, depth, location)
    end
    -- A character is one to four bytes.
    if min and #value < min * 4 and (#value < min or characters(value) < min) then
      problem(state, depth, "must have at least " .. counted(min, "character"))
    end
  elseif kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      problem(state, depth, "must be a string or a finite number")
    end
  else
    problem(state, depth, "must be a string, got " .. got(value))
  end
end

function check.blob(state, shape, value, depth)
  if type(value) ~= "string" then
    problem(state, depth, "must be a string of bytes, got " .. got(value))
  elseif shape.min and #value < shape.min then
    problem(state, depth, "must have at least " .. counted(shape.min, "byte"))
  end
end

function check.integer(state, shape, value, depth)
  if type(value) ~= "number" then
    problem(state, depth, "must be an integer, got " .. got(value))
  elseif value % 1 ~= 0 or value >= 2 ^ 63 or value < -2 ^ 63 then -- true of NaN and the infinities as well
    problem(state, depth, "must be an integer, got a number that is none")
  elseif shape.min and value < shape.min then
    problem(state, depth, ("must be at least %d"):format(shape.min))
  end
end
check.long = check.integer

function check.double(state, shape, value, depth)
  if type(value) ~= "number" then
    problem(state, depth, "must be a number, got " .. got(value))
  elseif shape.min and value < shape.min then
    problem(state, depth, ("must be at least %.14g"):format(shape.min))
  end
end
check.float = check.double

function check.boolean(state, _, value, depth)
  if type(value) ~= "boolean" then
    problem(state, depth, "must be true or false, got " .. got(value))
  end
end

function check.timestamp(state, _, value, depth)
  local kind = type(value)
  local ok
  if kind == "number" then
    ok = value >= FIRST_SECOND and value < LAST_SECOND
  else
    ok = kind == "string" and core.time_parse(value) ~= nil
  end
  if not ok then
    problem(state, depth, "must be a time: seconds since 1970 as a number, or a text like 2026-11-23T08:00:00Z; got "
      .. (kind == "number" and "a number beyond the years 0 to 9999" or kind == "string" and "another text"
        or got(value)))
  end
end

function check.list(state, shape, value, depth, location)
  if not enter(state, value, depth, "must be a list") then
    return
  end
  local size, last = 0, 0
  for key in next, value do
    if type(key) ~= "number" or key % 1 ~= 0 or key < 1 then
      problem(state, depth, ("must be a list, got a table with the key %s"):format(
        type(key) == "string" and '"' .. printable(key) .. '"' or printable(key)))
      return
    end
    size = size + 1
    if key > last then
      last = key
    end
  end
  if last ~= size then
    problem(state, depth, ("must be a list without holes: %.14g of %.14g items are nil"):format(last - size, last))
    return
  end
  if shape.min and size < shape.min then
    problem(state, depth, "must have at least " .. counted(shape.min, "item"))
  end
  local item = shape.member.shape
  local check_item, keys = check[item.type], state.keys
  depth = depth + 1
  for i = 1, size do
    keys[depth] = i
    check_item(state, item, value[i], depth, location)
  end
end

function check.map(state, shape, value, depth, location)
  if not enter(state, value, depth, "must be a table of keys and values") then
    return
  end
  local key_shape, value_shape = shape.key.shape, shape.value.shape
  local check_value, keys = check[value_shape.type], state.keys
  local hidden = shape.sensitive or key_shape.sensitive
  local size = 0
  for key, item in next, value do
    size = size + 1
    keys[depth + 1] = hidden and "*" or key
    if type(key) ~= "string" then
      if type(key) == "number" then
        problem(state, depth, "must be a table with strings as keys, got a list")
        return
      end
      problem(state, depth, "must have strings as keys, got " .. got(key))
    elseif location == "headers" and not key:find("^[%w!#$%%&'*+%-.^_`|~]+$") then
      problem(state, depth + 1, "must be the name of a header: letters, digits and hyphens")
    else
      if location == "querystring" and not is_utf8(key) then
        problem(state, depth + 1, "must have a key in UTF-8")
      end
      if key_shape.min and #key < key_shape.min then
        problem(state, depth + 1, "must have a key of at least " .. counted(key_shape.min, "character"))
      end
      check_value(state, value_shape, item, depth + 1, location)
    end
  end
  if shape.min and size < shape.min then
    problem(state, depth, "must have at least " .. counted(shape.min, "entry", "entries"))
  end
end

-- Any JSON: the codec knows how to write what passes here.
function check.document(state, shape, value, depth)
  local kind = type(value)
  if kind == "table" then
    if not enter(state, value, depth) then
      return
    end
    local keys = state.keys
    for key, item in next, value do
      keys[depth + 1] = shape.sensitive and "*" or key
      if type(key) ~= "string" and type(key) ~= "number" then
        problem(state, depth, "must have strings as keys, or be a list; got " .. got(key))
      else
        check.document(state, shape, item, depth + 1)
      end
    end
  elseif kind == "number" then
    if value ~= value or value == math.huge or value == -math.huge then
      problem(state, depth, "must be a finite number: JSON has no other")
    end
  elseif kind ~= "string" and kind ~= "boolean" and value ~= null then
    problem(state, depth, "must be what JSON can hold, got " .. got(value))
  end
end

function check.structure(state, shape, value, depth)
  if not enter(state, value, depth, depth == 0 and "the parameters must be a table" or "must be a table") then
    return
  end
  local members, keys = shape.members, state.keys
  local below = depth + 1
  local given, unknown = 0, false
  for key, item in next, value do
    local member = members[key]
    if member then
      if item ~= null then
        given = given + 1
        keys[below] = key
        local location = member.location
        if member.jsonvalue and location == "header" then
          check.document(state, member.shape, item, below)
        else
          check[member.shape.type](state, member.shape, item, below, location)
        end
      end
    else
      unknown = true
      if type(key) == "string" then
        keys[below] = key
        problem(state, below, ('unknown member "%s"%s'):format(printable(key), errors.did_you_mean(key, shape.order)))
      else
        problem(state, depth, ("must be a table of named members, got one with the key %s")
          :format(type(key) == "number" and printable(key) or got(key)))
        return -- that it lacks members goes without saying
      end
    end
  end
  local required = shape.required
  if required then
    for i = 1, #required do
      local name = required[i]
      local item = rawget(value, name)
      if (item == nil or item == null) and members[name] and not members[name].idempotencyToken then
        keys[below] = name
        problem(state, below, "is required but missing")
      end
    end
  end
  if shape.union and given ~= 1 and not (unknown and given == 0) then
    problem(state, depth, ("must have exactly one of its members (%s), got %d"):format(
      table.concat(shape.order, ", "), given))
  end
end

local function report(state, operation)
  local problems = state.problems
  -- `next` has no order; a message has one.
  table.sort(problems, function(a, b)
    if a.path ~= b.path then
      return a.path < b.path
    end
    return a.message < b.message
  end)
  return errors.of_problems(operation, problems, state.more)
end

-- The state of a check that found nothing is used again: no user code runs in a check, so there is never a second one
-- under way. It keeps no table of the caller's alive.
local spare

--- Check parameters.
---@param operation bedrock.Operation|bedrock.Shape  an operation, or any shape
---@param params any
---@return true|nil ok
---@return bedrock.Error? err  code "ParamValidationError", with `problems`: each with its `path` and `message`
local function validate(operation, params)
  local state = spare or { keys = {}, tables = {} }
  spare = nil
  if operation.type then
    check[operation.type](state, operation, params, 0)
  elseif operation.input then
    local input = operation.input
    check[input.type](state, input, params == nil and {} or params, 0)
  elseif params ~= nil then
    if type(params) ~= "table" then
      problem(state, 0, "the parameters must be a table, got " .. got(params))
    else
      for key in next, params do
        state.keys[1] = key
        problem(state, 1, ('unknown member "%s": the operation takes no parameters'):format(printable(key)))
      end
    end
  end
  if state.problems then
    return nil, report(state, operation.method and operation.name or nil)
  end
  local tables = state.tables
  for i = #tables, 1, -1 do
    tables[i] = nil
  end
  spare = state
  return true
end

return validate
