--- From a method and a path to an operation of the API table.
--
-- The path is split before it is decoded, so that an ARN in a label keeps its escaped slashes together.

local core = require "bedrock.core"

local router = {}

---@class bedrock.emulator.Router
local Router = {}
Router.__index = Router
Router.__name = "bedrock.emulator.router"

-- "/a/b/" and "/a/b" are the same route. Lua versions differ in how gmatch treats the empty match behind a segment: hence find.
local function segments_of(path)
  local segments, from = {}, 2
  while from <= #path do
    local slash = path:find("/", from, true) or #path + 1
    segments[#segments + 1] = path:sub(from, slash - 1)
    from = slash + 1
  end
  return segments
end

--- Routes for all operations of a model.
---@param model table
---@return bedrock.emulator.Router
function router.new(model)
  local routes = {}
  for _, name in ipairs(model.operation_names) do
    local operation = model.operations[name]
    local segments = segments_of(operation.uri:match("^[^?]*"))
    local literals = 0
    for i, segment in ipairs(segments) do
      local label = segment:match("^{([^}]+)}$")
      segments[i] = { label = label, literal = not label and segment or nil }
      if not label then literals = literals + 1 end
    end
    routes[#routes + 1] = { operation = operation, segments = segments, literals = literals }
  end
  -- A literal segment wins over a label in its place.
  table.sort(routes, function(a, b)
    if a.literals ~= b.literals then return a.literals > b.literals end
    return a.operation.name < b.operation.name
  end)
  return setmetatable({ routes = routes }, Router)
end

local function match(route, segments)
  if #route.segments ~= #segments then return nil end
  local labels = {}
  for i, wanted in ipairs(route.segments) do
    local got = core.uri_decode(segments[i])
    if wanted.label then
      if got == "" then return nil end
      labels[wanted.label] = got
    elseif wanted.literal ~= got then
      return nil
    end
  end
  return labels
end

--- Find the operation.
---@param method string
---@param path string  as on the wire, escaped
---@return table|nil operation
---@return table<string, string>|string[]|nil labels  the decoded labels; without an operation, the methods that the path does know
function Router:find(method, path)
  local segments, methods = segments_of(path), nil
  for _, route in ipairs(self.routes) do
    local labels = match(route, segments)
    if labels then
      if route.operation.method == method then return route.operation, labels end
      methods = methods or {}
      methods[#methods + 1] = route.operation.method
    end
  end
  return nil, methods
end

return router
