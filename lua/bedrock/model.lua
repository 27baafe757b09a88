--- The API as objects: operations and shapes, made from an API table when they are first asked for.
--
-- An API table is what tools/genapi.lua writes (lua/bedrock/api/bedrock.lua is one):
--
--   { version = 1,
--     metadata = { apiVersion, auth, endpointPrefix, protocol, serviceFullName, serviceId, signatureVersion,
--                  signingName, uid },                                      -- as the service model has them
--     operations = { [Name] = { method, uri, status, input = ShapeName, output = ShapeName, errors = { ShapeName... },
--                               host_prefix, auth = "none", idempotent, readonly, body_md5, result_wrapper } },
--     paginators = { [Name] = { input_token, output_token, limit_key, result_key } },
--     shapes = { [Name] = { type = "structure", members = { { memberName, ShapeName, wire = nameOnTheWire,
--                                                              location, idempotencyToken, ... }, ... },
--                           required = { memberName... }, union, payload, exception, error, retryable, ... }
--                        | { type = "list", member = { "member", ShapeName } }
--                        | { type = "map", key = { "key", ShapeName }, value = { "value", ShapeName } }
--                        | { type = "string", min, max, pattern, enum, sensitive } ... } }
--
-- Each operation, paginator and shape may also be a string that holds the table: it is read when it is needed, so that
-- what a program does not use costs it nothing. Shapes refer to each other by name; here they become tables that refer
-- to each other directly, also in circles.

local model = {}

---@class bedrock.Member
---@field name string  the API's name, the key in Lua tables
---@field shape bedrock.Shape
---@field wire string  the name on the wire
---@field location? "uri"|"querystring"|"header"|"headers"|"statusCode"  nil: in the body
---@field idempotencyToken? boolean
---@field jsonvalue? boolean
---@field hostLabel? boolean
---@field timestampFormat? "iso8601"|"rfc822"|"unixTimestamp"

---@alias bedrock.ShapeType
---| "structure" | "list" | "map" | "string" | "integer" | "long" | "float" | "double" | "boolean" | "timestamp"
---| "blob" | "document"

---@class bedrock.Shape
---@field name string
---@field type bedrock.ShapeType
---@field members? table<string, bedrock.Member>
---@field order? string[]  the members' names as the API lists them
---@field required? string[]
---@field union? boolean
---@field payload? string
---@field exception? boolean
---@field error? {httpStatusCode: integer}
---@field retryable? {throttling: boolean}
---@field member? bedrock.Member  of a list
---@field key? bedrock.Member  of a map
---@field value? bedrock.Member  of a map
---@field min? number
---@field max? number
---@field pattern? string
---@field enum? string[]
---@field sensitive? boolean
---@field timestampFormat? string

---@class bedrock.Operation
---@field name string  as the API spells it
---@field snake string  as a method
---@field method string
---@field uri string  template
---@field status integer  the status of success
---@field input? bedrock.Shape
---@field output? bedrock.Shape
---@field errors table<string, bedrock.Shape>  the exceptions that the operation lists, by name and by their code on the wire
---@field exception fun(name: string): bedrock.Shape|nil  any exception of the service
---@field host_prefix? string
---@field paginator? {input_token: any, output_token: any, limit_key?: string, result_key: any}
---@field auth? "none"
---@field idempotent? boolean
---@field readonly? boolean
---@field body_md5? boolean  the body's MD5 has to be sent along
---@field api_version? string  for the protocol query, which names it in each request
---@field result_wrapper? string  protocol query: what the result is in, where it is not the name .. "Result"

---@class bedrock.Model
---@field metadata table
---@field operation_names string[]  in snake_case, sorted
---@field operations table<string, bedrock.Operation>  by either name; made when first asked for
---@field exception fun(name: string): bedrock.Shape|nil
---@field shape fun(name: string): bedrock.Shape|nil

--- "ListTagsForResource" -> "list_tags_for_resource", "AssumeRoleWithSAML" -> "assume_role_with_saml",
--- "ListHITs" -> "list_hits".
---@param name string
---@return string
function model.snake_case(name)
  if not name:find("%u%u") and not name:find("_", 1, true) then -- nearly all, and all of Bedrock's
    return (name:gsub("%u", "_%0"):lower():gsub("^_", ""))
  end
  -- The plural s of an acronym belongs to it: HITs is a word, and Ts is none.
  name = (name .. "_"):gsub("(%u%u)s([%u_])", "%1S%2")
  name = name:gsub("(%u)(%u%l)", "%1_%2"):gsub("([%l%d])(%u)", "%1_%2"):lower()
  return (name:gsub("_+", "_"):gsub("^_", ""):gsub("_$", ""))
end

local compile = rawget(_G, "loadstring") or load -- 5.1's load takes functions only

-- An entry as a table, whether it is one or a string that holds one.
local function entry(section, name, what)
  local value = section[name]
  if type(value) ~= "string" then
    return value
  end
  local chunk, err = compile("return " .. value, "=" .. what .. " " .. name)
  if not chunk then
    error(("the API table's %s %s cannot be read: %s"):format(what, name, err), 0)
  end
  return chunk()
end

-- What is taken over from a shape as it stands there.
local KEEP = { "min", "max", "pattern", "enum", "sensitive", "union", "payload", "exception", "error",
  "retryable", "required", "timestampFormat" }

-- What these types say beyond their name counts when a parameter of theirs is checked. Most shapes of an answer are of
-- such types, so it is read when it is asked for.
local LATE = { string = true, boolean = true, integer = true, long = true, float = true, double = true, blob = true }

-- A function that gives shapes by name; each is made once.
local function shape_resolver(api)
  local made = {}
  local resolve

  local late = {}
  function late.__index(shape, key)
    setmetatable(shape, nil)
    local source = entry(api.shapes, shape.name, "shape")
    for i = 1, #KEEP do
      shape[KEEP[i]] = source[KEEP[i]]
    end
    return shape[key]
  end

  local function make_member(source, owner)
    local shape = resolve(source[2], owner)
    return {
      name = source[1],
      shape = shape,
      wire = source.wire or source[1],
      location = source.location,
      idempotencyToken = source.idempotencyToken,
      jsonvalue = source.jsonvalue,
      hostLabel = source.hostLabel,
      timestampFormat = source.timestampFormat,
    }
  end

  function resolve(name, owner)
    local shape = made[name]
    if shape then
      return shape
    end
    local text = name ~= nil and api.shapes[name]
    local simple = type(text) == "string" and text:match('^{ type = "(%l+)"')
    if LATE[simple] then
      shape = setmetatable({ name = name, type = simple }, late)
      made[name] = shape
      return shape
    end
    local source = text and entry(api.shapes, name, "shape")
    if not source then
      error(("the API table refers to the shape %q (in %s), which it does not have"):format(tostring(name), owner), 0)
    end
    shape = { name = name, type = source.type }
    for i = 1, #KEEP do
      shape[KEEP[i]] = source[KEEP[i]]
    end
    made[name] = shape -- before its members: they may lead back here
    if source.type == "structure" then
      local members, order = {}, {}
      for i = 1, #source.members do
        local member = make_member(source.members[i], name)
        members[member.name] = member
        order[i] = member.name
      end
      shape.members, shape.order = members, order
    elseif source.type == "list" then
      shape.member = make_member(source.member, name)
    elseif source.type == "map" then
      shape.key = make_member(source.key, name)
      shape.value = make_member(source.value, name)
    end
    return shape
  end

  return resolve
end

local function make_operation(api, name, snake, resolve, exception)
  local source = entry(api.operations, name, "operation")
  local operation = {
    name = source.name or name,
    snake = snake,
    method = source.method,
    uri = source.uri,
    status = source.status,
    host_prefix = source.host_prefix,
    auth = source.auth,
    idempotent = source.idempotent,
    readonly = source.readonly,
    body_md5 = source.body_md5,
    api_version = api.metadata and api.metadata.apiVersion,
    result_wrapper = source.result_wrapper,
    exception = exception,
    input = source.input and resolve(source.input, name) or nil,
    output = source.output and resolve(source.output, name) or nil,
    paginator = api.paginators and entry(api.paginators, name, "paginator"),
  }
  for _, shape in ipairs(source.errors or {}) do
    if api.shapes[shape] == nil then
      error(("the API table refers to the shape %q (in %s), which it does not have"):format(tostring(shape), name), 0)
    end
  end
  -- Most calls meet no error: the exceptions' shapes are made when one does.
  return setmetatable(operation, {
    __index = function(self, key)
      if key ~= "errors" then
        return nil
      end
      local errors = {}
      for _, shape in ipairs(source.errors or {}) do
        local resolved = resolve(shape, name)
        local code = resolved.error and resolved.error.code
        errors[shape] = resolved
        if code then
          errors[code] = resolved
        end
      end
      rawset(self, "errors", errors)
      return errors
    end,
  })
end

-- Values are weak too, since a model refers to its table and Lua 5.1 would never let go of such a pair. Whoever works
-- with a model holds it.
local loaded = setmetatable({}, { __mode = "kv" })

--- The model of an API table. The same table gives the same model.
--- Raises if the table is none; what it holds is checked when it is used.
---@param api table
---@return bedrock.Model
function model.load(api)
  local known = loaded[api]
  if known then
    return known
  end
  if type(api) ~= "table" or type(api.operations) ~= "table" or type(api.shapes) ~= "table" then
    error("an API table was expected: { metadata, operations, shapes }, as tools/genapi.lua writes it", 2)
  end
  local resolve = shape_resolver(api)
  local function exception(name)
    local shape = name ~= nil and api.shapes[name] ~= nil and resolve(name, "the service") or nil
    return shape and shape.exception and shape or nil
  end
  local names, camel = {}, {}
  for name in pairs(api.operations) do
    local snake = model.snake_case(name)
    names[#names + 1] = snake
    camel[snake] = name
  end
  table.sort(names)
  local operations = setmetatable({}, {
    __index = function(self, key)
      local name = camel[key] or (api.operations[key] ~= nil and key)
      if not name then
        return nil
      end
      local snake = model.snake_case(name)
      local operation = make_operation(api, name, snake, resolve, exception)
      rawset(self, name, operation)
      rawset(self, snake, operation)
      return operation
    end,
  })
  known = {
    metadata = api.metadata or {},
    operation_names = names,
    operations = operations,
    exception = exception,
    shape = function(name)
      return api.shapes[name] ~= nil and resolve(name, "the service") or nil
    end,
  }
  loaded[api] = known
  return known
end

return model
