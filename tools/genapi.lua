-- Makes the library's API tables from service models.
--
--   lua5.4 tools/genapi.lua MODEL.json [PAGINATORS.json] [--operations A,B,...] > api.lua
--   lua5.4 tools/genapi.lua MODEL.json [PAGINATORS.json] [--descriptions FILE.lua] --annotations > annotations.lua
--
-- FILE.lua is a Lua file that returns lines about operations, shapes and members (see lua/bedrock/api/descriptions.lua).
-- Without --operations its operations are the ones that are taken. The library's own tables come from
--
--   lua5.4 tools/genapi.lua bedrock.json bedrock-paginators.json --descriptions lua/bedrock/api/descriptions.lua
--
-- > lua/bedrock/api/bedrock.lua, and with --annotations > lua/bedrock/meta/operations.lua. Those of the services that give
-- credentials (a spec holds them to these commands):
--
--   lua5.4 tools/genapi.lua sts.json --operations AssumeRole,AssumeRoleWithWebIdentity > lua/bedrock/api/sts.lua
--   lua5.4 tools/genapi.lua sso.json --operations GetRoleCredentials > lua/bedrock/api/sso.lua
--   lua5.4 tools/genapi.lua sso-oidc.json --operations CreateToken > lua/bedrock/api/sso_oidc.lua
--
-- An API table is data only (its form is described atop lua/bedrock/model.lua). Each operation and each shape is a
-- string that holds a Lua table: model.lua reads it when it is first needed, so an operation that is never called costs
-- a string constant. Only what the chosen operations can reach is kept, besides all exceptions of the service. Of these
-- `error` is kept as it is: where it has a `code`, that is what comes on the wire in place of the shape's name.
--
-- The tool needs nothing but a Lua interpreter. It reads JSON by itself, since a Lua table forgets the order of its
-- keys, and the order in which the API lists its members is worth keeping: in bodies, in messages, in annotations.
--
-- As a library (`loadfile("tools/genapi.lua")()`) it returns its functions; the conformance vectors come through there.

local genapi = {}

-- ---------------------------------------------------------------------------------------------------------------
-- JSON that remembers the order of keys

local key_order = setmetatable({}, { __mode = "k" }) -- object -> list of its keys as they were written

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function utf8_char(code)
  local floor = math.floor
  if code < 0x80 then
    return string.char(code)
  elseif code < 0x800 then
    return string.char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40)
  elseif code < 0x10000 then
    return string.char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return string.char(0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40,
    0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
end

local function fail(position, what)
  error({ json = ("%s at byte %d"):format(what, position) }, 0)
end

local function skip(text, position)
  return text:find("[^ \t\r\n]", position) or #text + 1
end

local function read_string(text, position)
  local parts, start = {}, position + 1
  while true do
    local stop = text:find('["\\%c]', start)
    local character = stop and text:sub(stop, stop)
    if not stop or (character ~= '"' and character ~= "\\") then
      fail(stop or #text + 1, "a string that does not end")
    end
    parts[#parts + 1] = text:sub(start, stop - 1)
    if character == '"' then
      return table.concat(parts), stop + 1
    end
    local letter = text:sub(stop + 1, stop + 1)
    if letter == "u" then
      local code = tonumber(text:match("^%x%x%x%x", stop + 2) or fail(stop, "a bad \\u escape"), 16)
      start = stop + 6
      if code >= 0xD800 and code <= 0xDBFF then
        local low = tonumber(text:match("^\\u(%x%x%x%x)", start) or "0", 16)
        if low >= 0xDC00 and low <= 0xDFFF then
          code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00)
          start = start + 6
        end
      end
      parts[#parts + 1] = utf8_char(code)
    else
      parts[#parts + 1] = escapes[letter] or fail(stop, "a bad escape")
      start = stop + 2
    end
  end
end

local literals = { ["true"] = true, ["false"] = false }
local MAX_DEPTH = 200

local function read_value(text, position, depth)
  if depth > MAX_DEPTH then
    fail(position, "nested too deeply")
  end
  position = skip(text, position)
  local character = text:sub(position, position)
  if character == "{" then
    local object, order = {}, {}
    key_order[object] = order
    position = skip(text, position + 1)
    if text:sub(position, position) == "}" then
      return object, position + 1
    end
    while true do
      if text:sub(position, position) ~= '"' then
        fail(position, "a key was expected")
      end
      local key
      key, position = read_string(text, position)
      position = skip(text, position)
      if text:sub(position, position) ~= ":" then
        fail(position, "':' was expected")
      end
      if object[key] == nil then
        order[#order + 1] = key
      end
      object[key], position = read_value(text, position + 1, depth + 1)
      position = skip(text, position)
      character = text:sub(position, position)
      if character == "}" then
        return object, position + 1
      elseif character ~= "," then
        fail(position, "',' or '}' was expected")
      end
      position = skip(text, position + 1)
    end
  elseif character == "[" then
    local array, count = {}, 0
    position = skip(text, position + 1)
    if text:sub(position, position) == "]" then
      return array, position + 1
    end
    while true do
      count = count + 1
      array[count], position = read_value(text, position, depth + 1)
      position = skip(text, position)
      character = text:sub(position, position)
      if character == "]" then
        return array, position + 1
      elseif character ~= "," then
        fail(position, "',' or ']' was expected")
      end
      position = position + 1
    end
  elseif character == '"' then
    return read_string(text, position)
  end
  local word = text:match("^%l+", position)
  if word == "null" then
    return nil, position + 4
  elseif word and literals[word] ~= nil then
    return literals[word], position + #word
  end
  local digits = text:match("^%-?%d+%.?%d*[eE]?[+-]?%d*", position)
  local number = digits and tonumber(digits)
  if not number then
    fail(position, position > #text and "the text ends too soon" or "a value was expected")
  end
  return number, position + #digits
end

--- Read JSON. Objects remember the order of their keys (for `convert`); null becomes nil.
---@param text string
---@return any value
---@return string? err
function genapi.read_json(text)
  local ok, value, position = pcall(read_value, text, 1, 1)
  if not ok then
    if type(value) == "table" and value.json then
      return nil, value.json
    end
    error(value, 0)
  end
  position = skip(text, position)
  if position <= #text then
    return nil, ("something follows the value at byte %d"):format(position)
  end
  return value
end

-- The keys of an object in the order of the text it came from; sorted where it came from elsewhere.
local function keys(object)
  local order = key_order[object]
  if not order then
    order = {}
    for key in pairs(object) do
      order[#order + 1] = key
    end
    table.sort(order)
  end
  return order
end

local function sorted_keys(object)
  local list = {}
  for key in pairs(object) do
    list[#list + 1] = key
  end
  table.sort(list)
  return list
end

-- ---------------------------------------------------------------------------------------------------------------
-- From a service model to an API table

local METADATA = { "apiVersion", "auth", "endpointPrefix", "protocol", "serviceFullName", "serviceId",
  "signatureVersion", "signingName", "uid" }
-- What is taken over from a shape and from a member as it stands.
local SHAPE_FIELDS = { "min", "max", "pattern", "enum", "sensitive", "union", "exception", "error", "fault",
  "retryable", "payload", "timestampFormat", "required", "eventstream", "event", "streaming" }
local MEMBER_FIELDS = { "location", "timestampFormat", "idempotencyToken", "jsonvalue", "hostLabel", "streaming",
  "eventpayload", "eventheader" }
local TYPES = { structure = "structure", list = "list", map = "map", string = "string", character = "string",
  integer = "integer", short = "integer", byte = "integer", long = "long", bigInteger = "long", float = "float",
  double = "double", bigDecimal = "double", boolean = "boolean", timestamp = "timestamp", blob = "blob" }

local function present(value)
  return value ~= nil and value ~= false
end

-- A reference to a shape: { shape = name, ... }, with what the shape says about the wire folded in, for older models
-- put a location on a string shape.
local function convert_member(model, name, reference)
  local target = type(reference) == "table" and reference.shape
  local shape = target and model.shapes[target]
  if not shape then
    error({ model = ("member %q refers to the unknown shape %q"):format(tostring(name), tostring(target)) }, 0)
  end
  local member = { name, target }
  for _, field in ipairs(MEMBER_FIELDS) do
    if present(reference[field]) then
      member[field] = reference[field]
    end
  end
  member.location = member.location or shape.location
  local wire = reference.locationName or (shape.location and shape.locationName)
  if wire and wire ~= name then
    member.wire = wire
  end
  return member
end

local function convert_shape(model, name)
  local source = model.shapes[name]
  local kind = TYPES[source.type]
  if not kind then
    error({ model = ("shape %q has the unknown type %q"):format(name, tostring(source.type)) }, 0)
  end
  if source.document then
    return { type = "document", sensitive = source.sensitive }
  end
  local shape = { type = kind }
  for _, field in ipairs(SHAPE_FIELDS) do
    local value = source[field]
    -- An empty list says nothing.
    if present(value) and not (type(value) == "table" and next(value) == nil and field ~= "error") then
      shape[field] = value
    end
  end
  if kind == "structure" then
    shape.members = {}
    for index, member in ipairs(keys(source.members or {})) do
      shape.members[index] = convert_member(model, member, source.members[member])
    end
  elseif kind == "list" then
    shape.member = convert_member(model, "member", source.member)
  elseif kind == "map" then
    shape.key = convert_member(model, "key", source.key)
    shape.value = convert_member(model, "value", source.value)
  end
  return shape
end

local function convert_operation(name, source)
  local http = source.http or {}
  local operation = {
    method = http.method or "POST",
    uri = http.requestUri or "/",
    status = http.responseCode or 200,
    input = source.input and source.input.shape,
    output = source.output and source.output.shape,
    host_prefix = source.endpoint and source.endpoint.hostPrefix,
    idempotent = source.idempotent or nil,
    readonly = source.readonly or nil,
    body_md5 = source.httpChecksumRequired or nil,
    errors = {},
  }
  if source.authtype == "none" or (type(source.auth) == "table" and source.auth[1] == "smithy.api#noAuth") then
    operation.auth = "none"
  end
  for index, reference in ipairs(source.errors or {}) do
    operation.errors[index] = reference.shape
  end
  if source.name and source.name ~= name then
    operation.name = source.name
  end
  local wrapper = source.output and source.output.resultWrapper
  if wrapper ~= (operation.name or name) .. "Result" then
    operation.result_wrapper = wrapper
  end
  return operation
end

-- Of several names the one that a misspelt one most resembles: the longest common beginning, letters' case aside.
local function nearest(name, names)
  local best, length = nil, 3
  for _, candidate in ipairs(names) do
    local a, b, n = name:lower(), candidate:lower(), 0
    while n < #a and n < #b and a:byte(n + 1) == b:byte(n + 1) do
      n = n + 1
    end
    if n > length then
      best, length = candidate, n
    end
  end
  return best
end

local UNDERSTOOD = { ["rest-json"] = true, query = true }

-- The protocol in which the service is spoken to: the model's own choice, if it is understood, or the first in its list.
local function choose_protocol(metadata)
  if UNDERSTOOD[metadata.protocol] then
    return metadata.protocol
  end
  for _, protocol in ipairs(metadata.protocols or {}) do
    if UNDERSTOOD[protocol] then
      return protocol
    end
  end
  error({ model = ("the service speaks %q; only rest-json and query are understood"):format(tostring(metadata.protocol)) }, 0)
end

-- What protocol/aws_query.lua does not do is refused here, where somebody reads it, rather than sent wrong. The services
-- that the library needs it for have none of it.
local function check_query_shape(name, source)
  for _, field in ipairs { "flattened", "document", "payload", "streaming" } do
    if source[field] then
      error({ model = ("shape %q is marked %q, which is not understood in the protocol query"):format(name, field) }, 0)
    end
  end
end

local function convert(model, paginators, operations)
  if type(model) ~= "table" or type(model.metadata) ~= "table" or type(model.operations) ~= "table"
    or type(model.shapes) ~= "table" then
    error({ model = "this is no service model: it needs metadata, operations and shapes" }, 0)
  end
  local metadata = model.metadata
  local protocol = choose_protocol(metadata)

  local api = { version = 1, metadata = {}, operations = {}, shapes = {}, paginators = {} }
  for _, field in ipairs(METADATA) do
    api.metadata[field] = metadata[field]
  end
  api.metadata.protocol = protocol
  -- Hosts and signatures need a name. Models without any (those of the conformance vectors) get a neutral one, so that
  -- a client can be made from each.
  local id = type(metadata.serviceId) == "string" and metadata.serviceId:lower():gsub("%s+", "-") or "service"
  api.metadata.endpointPrefix = metadata.endpointPrefix or metadata.signingName or id
  api.metadata.signingName = metadata.signingName or api.metadata.endpointPrefix

  local all = sorted_keys(model.operations)
  local queue, queued, payloads = {}, {}, {}
  local function want(shape, asked_by)
    if shape == nil or queued[shape] then
      return
    end
    if not model.shapes[shape] then
      error({ model = ("%s refers to the unknown shape %q"):format(asked_by, tostring(shape)) }, 0)
    end
    queued[shape] = true
    queue[#queue + 1] = shape
  end

  for _, name in ipairs(operations or all) do
    local source = model.operations[name]
    if not source then
      local near = nearest(name, all)
      error({ model = ("the model has no operation %q%s"):format(name,
        near and (" (did you mean %q?)"):format(near) or "") }, 0)
    end
    local operation = convert_operation(name, source)
    api.operations[name] = operation
    want(operation.input, name)
    want(operation.output, name)
    -- Older models name the payload where the operation refers to the shape.
    payloads[operation.input or 0] = source.input and source.input.payload
    payloads[operation.output or 0] = source.output and source.output.payload
    for _, shape in ipairs(operation.errors) do
      want(shape, name)
    end
    local paginator = paginators and (paginators.pagination or paginators)[name]
    if paginator then
      api.paginators[name] = {
        input_token = paginator.input_token,
        output_token = paginator.output_token,
        limit_key = paginator.limit_key,
        result_key = paginator.result_key,
        more_results = paginator.more_results,
      }
    end
  end
  -- A service may answer with an exception that an operation does not list.
  for _, name in ipairs(sorted_keys(model.shapes)) do
    if model.shapes[name].exception then
      want(name, "the service")
    end
  end

  local index = 1
  while queue[index] do
    local name = queue[index]
    if protocol == "query" then
      check_query_shape(name, model.shapes[name])
    end
    local shape = convert_shape(model, name)
    shape.payload = shape.payload or payloads[name]
    api.shapes[name] = shape
    for _, member in ipairs(shape.members or {}) do
      want(member[2], name)
    end
    for _, field in ipairs { "member", "key", "value" } do
      if shape[field] then
        want(shape[field][2], name)
      end
    end
    index = index + 1
  end
  return api
end

--- Turn a service model (decoded JSON) into an API table of plain tables.
---@param model table
---@param paginators? table  the paginators' file, or its `pagination` part
---@param operations? string[]  the operations to keep; all if not given
---@return table|nil api
---@return string? err
function genapi.convert(model, paginators, operations)
  local ok, api = pcall(convert, model, paginators, operations)
  if ok then
    return api
  elseif type(api) == "table" and api.model then
    return nil, api.model
  end
  error(api, 0)
end

-- ---------------------------------------------------------------------------------------------------------------
-- Writing

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(character)
    if character == '"' or character == "\\" then
      return "\\" .. character
    end
    return ("\\%03d"):format(character:byte())
  end) .. '"'
end

local KEYWORDS = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true "
  .. "until while"):gmatch("%l+") do
  KEYWORDS[word] = true
end

local function write_key(key)
  if key:match("^[%a_][%w_]*$") and not KEYWORDS[key] then
    return key
  end
  return "[" .. quote(key) .. "]"
end

-- The field that says most comes first; the others follow by name.
local FIRST = { type = 1, method = 1, uri = 2, input_token = 1, output_token = 2, members = 3 }

local function write_number(value)
  if value == math.floor(value) and math.abs(value) < 2 ^ 53 then
    return ("%d"):format(value)
  end
  return (("%.17g"):format(value))
end

local function write(value)
  local kind = type(value)
  if kind == "string" then
    return quote(value)
  elseif kind == "number" then
    return write_number(value)
  elseif kind ~= "table" then
    return tostring(value)
  end
  local parts = {}
  for index = 1, #value do
    parts[index] = write(value[index])
  end
  local names = {}
  for key in pairs(value) do
    if type(key) == "string" then
      names[#names + 1] = key
    end
  end
  table.sort(names, function(a, b)
    local rank_a, rank_b = FIRST[a] or 9, FIRST[b] or 9
    if rank_a ~= rank_b then
      return rank_a < rank_b
    end
    return a < b
  end)
  for _, key in ipairs(names) do
    parts[#parts + 1] = write_key(key) .. " = " .. write(value[key])
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

-- A table as a string constant that holds it, so that reading it is put off. The first level of brackets that the
-- text does not contain keeps it readable.
local function write_lazy(value)
  local text = write(value)
  local level = ""
  while text:find("]" .. level .. "]", 1, true) do
    level = level .. "="
  end
  return "[" .. level .. "[" .. text .. "]" .. level .. "]"
end

local function write_section(out, name, entries)
  local names = sorted_keys(entries)
  if #names == 0 then
    out[#out + 1] = "  " .. name .. " = {},"
    return
  end
  out[#out + 1] = "  " .. name .. " = {"
  for _, entry in ipairs(names) do
    out[#out + 1] = "    " .. write_key(entry) .. " = " .. write_lazy(entries[entry]) .. ","
  end
  out[#out + 1] = "  },"
end

--- The Lua text of an API table.
---@param api table  from `convert`
---@param origin string  what it was made from, for the header line
---@return string text
function genapi.generate(api, origin)
  local out = {
    ("-- Generated by tools/genapi.lua from %s."):format(origin),
    "-- Not for editing: change the tool or the model, and make it anew.",
    "-- luacheck: no max line length",
    "return {",
    ("  version = %d,"):format(api.version),
    "  metadata = " .. write(api.metadata) .. ",",
  }
  write_section(out, "operations", api.operations)
  write_section(out, "paginators", api.paginators)
  write_section(out, "shapes", api.shapes)
  out[#out + 1] = "}"
  return table.concat(out, "\n") .. "\n"
end

-- ---------------------------------------------------------------------------------------------------------------
-- Annotations for LuaLS

-- CamelCase to snake_case, as model.lua does it (the tool runs without the library; a spec holds the two together).
local function snake_case(name)
  name = (name .. "_"):gsub("(%u%u)s([%u_])", "%1S%2")
  name = name:gsub("(%u)(%u%l)", "%1_%2"):gsub("([%l%d])(%u)", "%1_%2"):lower()
  return (name:gsub("_+", "_"):gsub("^_", ""):gsub("_$", ""))
end
genapi.snake_case = snake_case

local LUA_TYPES = { string = "string", integer = "integer", long = "integer", float = "number", double = "number",
  boolean = "boolean", timestamp = "number", blob = "string", document = "any" }

local function lua_type(api, name, input)
  local shape = api.shapes[name]
  if shape.type == "structure" or shape.enum then
    return "bedrock." .. name
  elseif shape.type == "list" then
    local item = lua_type(api, shape.member[2], input)
    return (item:find("|", 1, true) and "(" .. item .. ")" or item) .. "[]"
  elseif shape.type == "map" then
    return ("table<%s, %s>"):format(lua_type(api, shape.key[2], input), lua_type(api, shape.value[2], input))
  elseif shape.type == "timestamp" and input then
    return "number|string"
  elseif shape.type == "string" and input then
    return "string|number"
  end
  return LUA_TYPES[shape.type]
end

-- What follows a member's type: our line about it, and what its type can't say.
local function member_note(api, member, line)
  local notes = { line }
  if member.idempotencyToken then
    notes[#notes + 1] = "made by the library if absent"
  elseif api.shapes[member[2]].type == "timestamp" then
    notes[#notes + 1] = "seconds since 1970, UTC"
  end
  return #notes > 0 and "  " .. table.concat(notes, "; ") or ""
end

-- The shapes that parameters are made of: those take a number for a string, and a text for a time.
local function input_shapes(api)
  local inputs = {}
  local function mark(name)
    local shape = api.shapes[name]
    if inputs[name] then
      return
    end
    inputs[name] = true
    for _, member in ipairs(shape.members or {}) do
      mark(member[2])
    end
    for _, field in ipairs { "member", "key", "value" } do
      if shape[field] then
        mark(shape[field][2])
      end
    end
  end
  for _, operation in pairs(api.operations) do
    if operation.input then
      mark(operation.input)
    end
  end
  return inputs
end

local function annotate_shape(out, api, name, inputs, descriptions)
  local shape = api.shapes[name]
  local own = descriptions.shapes[name] or {}
  if shape.enum then
    out[#out + 1] = ""
    out[#out + 1] = "---@alias bedrock." .. name
    for _, value in ipairs(shape.enum) do
      out[#out + 1] = "---| " .. quote(value)
    end
    out[#out + 1] = "---| string"
  elseif shape.type == "structure" and not shape.exception then
    local required = {}
    for _, member in ipairs(shape.required or {}) do
      required[member] = true
    end
    out[#out + 1] = ""
    if own[1] then
      out[#out + 1] = "--- " .. own[1]
    end
    out[#out + 1] = "---@class bedrock." .. name
    for _, member in ipairs(shape.members) do
      local optional = not required[member[1]] or member.idempotencyToken
      out[#out + 1] = ("---@field %s%s %s%s"):format(member[1], optional and "?" or "",
        lua_type(api, member[2], inputs[name]), member_note(api, member, own[member[1]] or descriptions.members[member[1]]))
    end
  end
end

local function params_class(operation)
  return operation.input and "bedrock." .. operation.input or "{}"
end

-- The fields by which `client:pages` and `client:items` have the types of a list operation's pages and items. Of several
-- fields of one name an editor takes the one whose literal fits.
local function annotate_pages(out, api, name)
  local operation, paginator = api.operations[name], api.paginators[name]
  local item = "any"
  for _, member in ipairs(api.shapes[operation.output].members) do
    local list = api.shapes[member[2]]
    if member[1] == paginator.result_key and list.type == "list" then
      item = lua_type(api, list.member[2])
    end
  end
  for _, row in ipairs { { "items", item }, { "pages", "bedrock." .. operation.output } } do
    out[#out + 1] = ("---@field %s fun(self: bedrock.Client, operation_name: %s, params?: %s, options?: bedrock.PageOptions): "
      .. "(fun(): %s|nil)"):format(row[1], quote(snake_case(name)), params_class(operation), row[2])
  end
end

local function annotate_wait(out, api, kind, name)
  local operation = api.operations[name]
  out[#out + 1] = ("---@field wait fun(self: bedrock.Client, kind: %s, params: %s, options?: bedrock.WaitOptions): bedrock.%s|nil, "
    .. "bedrock.Error?"):format(quote(kind), params_class(operation), operation.output)
end

local function annotate_operation(out, api, name, line)
  local operation = api.operations[name]
  local input = operation.input and api.shapes[operation.input]
  out[#out + 1] = ""
  if line then
    out[#out + 1] = "--- " .. line:gsub("\n", "\n--- ")
  end
  if #operation.errors > 0 then
    local codes = {}
    for index, code in ipairs(operation.errors) do
      codes[index] = "`" .. code .. "`"
    end
    out[#out + 1] = "--- Errors of the service: " .. table.concat(codes, ", ") .. "."
  end
  out[#out + 1] = ("---@param params%s %s"):format(input and input.required and "" or "?", params_class(operation))
  out[#out + 1] = "---@param call_options? bedrock.CallOptions"
  out[#out + 1] = ("---@return %s|nil result"):format(operation.output and "bedrock." .. operation.output or "{}")
  out[#out + 1] = "---@return bedrock.Error|bedrock.Metadata err_or_metadata"
  out[#out + 1] = ("function Client:%s(params, call_options) end"):format(snake_case(name))
end

--- A `---@meta` file with a class for each structure, an alias for each enumeration, and the client's methods.
---@param api table  from `convert`
---@param origin string
---@param descriptions? table  what --descriptions names: lines of our own
---@return string text
function genapi.annotate(api, origin, descriptions)
  descriptions = descriptions or {}
  local lines = { members = descriptions.members or {}, shapes = descriptions.shapes or {} }
  local out = {
    "---@meta _",
    ("-- Generated by tools/genapi.lua from %s: for editors, never loaded at run time."):format(origin),
    "-- luacheck: ignore",
  }
  local inputs = input_shapes(api)
  for _, name in ipairs(sorted_keys(api.shapes)) do
    annotate_shape(out, api, name, inputs, lines)
  end
  out[#out + 1] = ""
  out[#out + 1] = "---@class bedrock.Client"
  for _, name in ipairs(sorted_keys(api.paginators)) do
    annotate_pages(out, api, name)
  end
  for _, kind in ipairs(sorted_keys(descriptions.waits or {})) do
    annotate_wait(out, api, kind, descriptions.waits[kind])
  end
  out[#out + 1] = "local Client = {}"
  for _, name in ipairs(sorted_keys(api.operations)) do
    annotate_operation(out, api, name, (descriptions.operations or {})[name])
  end
  return table.concat(out, "\n") .. "\n"
end

-- ---------------------------------------------------------------------------------------------------------------
-- The command

local USAGE = "usage: genapi.lua MODEL.json [PAGINATORS.json] [--operations A,B,...]"
  .. " [--descriptions FILE.lua] [--annotations] > api.lua"

local function read_json_file(path)
  local file, err = io.open(path, "rb")
  if not file then
    return nil, "cannot read " .. tostring(err)
  end
  local text, read_err = file:read("*a")
  file:close()
  if not text then
    return nil, ("cannot read %s: %s"):format(path, tostring(read_err))
  end
  local value, problem = genapi.read_json(text)
  if type(value) ~= "table" then
    return nil, ("%s is not JSON as a model has it: %s"):format(path, problem or "no object")
  end
  return value
end

local function basename(path)
  return path:match("([^/\\]+)$") or path
end

local VALUE_OPTIONS = { ["--operations"] = "operations", ["--descriptions"] = "descriptions" }

local function parse_arguments(arguments)
  local options, index = {}, 1
  while arguments[index] do
    local argument = arguments[index]
    local name, value = argument:match("^(%-%-[^=]+)=(.*)$")
    name = name or argument
    if VALUE_OPTIONS[name] then
      if not value then
        index = index + 1
        value = arguments[index]
      end
      if not value or value == "" then
        return nil, name .. " needs a value"
      end
      options[VALUE_OPTIONS[name]] = value
    elseif argument == "--annotations" then
      options.annotations = true
    elseif argument == "--help" or argument == "-h" then
      options.help = true
    elseif argument:sub(1, 1) == "-" then
      return nil, ("unknown option %s"):format(argument)
    else
      options[#options + 1] = argument
    end
    index = index + 1
  end
  if not options.help and (#options < 1 or #options > 2) then
    return nil, #options == 0 and "which model?" or ("one file too many: %s"):format(options[3])
  end
  return options
end

--- Run the command.
---@param arguments string[]
---@return string|nil text  what belongs on standard output
---@return string? err
function genapi.run(arguments)
  local options, err = parse_arguments(arguments)
  if not options then
    return nil, err .. "\n" .. USAGE
  elseif options.help then
    return USAGE .. "\n"
  end
  local model, paginators, api
  model, err = read_json_file(options[1])
  if not model then
    return nil, err
  end
  local origin = basename(options[1])
  if options[2] then
    paginators, err = read_json_file(options[2])
    if not paginators then
      return nil, err
    elseif type(paginators.pagination) ~= "table" and paginators.operations then
      return nil, options[2] .. ": this is a service model; what comes second is the file of its paginators"
    end
    origin = origin .. " and " .. basename(options[2])
  end
  local operations, descriptions
  if options.descriptions then
    local chunk
    chunk, err = loadfile(options.descriptions)
    if not chunk then
      return nil, "cannot read " .. err
    end
    descriptions = chunk()
    if type(descriptions) ~= "table" or type(descriptions.operations) ~= "table" then
      return nil, options.descriptions .. " returns no table with operations"
    end
    operations = sorted_keys(descriptions.operations)
  end
  if options.operations then
    operations = {}
    for name in options.operations:gmatch("[^,%s]+") do
      operations[#operations + 1] = name
    end
    if #operations == 0 then
      return nil, "--operations names none\n" .. USAGE
    end
    origin = origin .. " --operations " .. table.concat(operations, ",")
  end
  api, err = genapi.convert(model, paginators, operations)
  if not api then
    return nil, ("%s: %s"):format(options[1], err)
  end
  if not options.annotations then
    return genapi.generate(api, origin)
  end
  return genapi.annotate(api, origin, descriptions)
end

-- Run as a script, not loaded by one: then arg[0] is this very file.
if type(arg) == "table" and debug.getinfo(1, "S").source == "@" .. tostring(arg[0]) then
  local text, err = genapi.run(arg)
  if not text then
    io.stderr:write("genapi: ", err, "\n")
    os.exit(1)
  end
  io.stdout:write(text)
  return
end

return genapi
