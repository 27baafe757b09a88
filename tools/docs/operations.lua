-- operations.lua: the Markdown of an operation's page, from the API table, our descriptions, and docs/operations/NAME.md, which
-- people write: an example, what is worth knowing, and what else to look at.

local operations = {}

local function load_text(text) return assert((rawget(_G, "loadstring") or load)("return " .. text))() end

--- The API table with all its entries read.
---@param path string
---@return table api  operations, shapes and paginators by name
function operations.api(path)
  local written, api = dofile(path), {}
  for _, section in ipairs { "operations", "shapes", "paginators" } do
    api[section] = {}
    for name, text in pairs(written[section]) do api[section][name] = load_text(text) end
  end
  return api
end

local SIMPLE = { string = "text", integer = "whole number", long = "whole number", float = "number", double = "number",
  boolean = "true or false", timestamp = "time", blob = "bytes" }

-- What a shape is, in words; structures are linked to their section of the same page.
local function kind_of(api, name)
  local shape = api.shapes[name]
  if shape.type == "structure" then return ("[%s](#%s)"):format(name, name:lower()) end
  if shape.type == "list" then return "list of " .. kind_of(api, shape.member[2]) end
  if shape.type == "map" then return ("%s by %s"):format(kind_of(api, shape.value[2]), kind_of(api, shape.key[2])) end
  return SIMPLE[shape.type]
end

local function span(shape, unit)
  local min, max = shape.min, shape.max
  if min == 0 then min = nil end
  if not min and not max then return nil end
  if unit then unit = " " .. unit else unit = "" end
  if min and max then return min == max and ("%.14g%s"):format(min, unit) or ("%.14g to %.14g%s"):format(min, max, unit) end
  return min and ("%.14g%s at least"):format(min, unit) or ("%.14g%s at most"):format(max, unit)
end

local LONGEST_PATTERN = 60

-- What a value has to keep to, as far as the API table tells.
local function limits_of(shape)
  local limits = {}
  if shape.enum then
    local values = {}
    for i, value in ipairs(shape.enum) do values[i] = "`" .. value .. "`" end
    limits[#limits + 1] = table.concat(values, ", ")
  end
  local units = { string = "characters", list = "items", map = "entries" }
  limits[#limits + 1] = span(shape, units[shape.type])
  -- The patterns of ARNs are longer than anybody reads.
  if shape.pattern and #shape.pattern <= LONGEST_PATTERN and shape.pattern ~= ".*" and shape.pattern ~= "[\\s\\S]*" then
    limits[#limits + 1] = "`" .. shape.pattern:gsub("|", "\\|") .. "`"
  end
  return table.concat(limits, "; ")
end

-- A table of a structure's members.
local function members_table(out, api, descriptions, name, as_input)
  local shape = api.shapes[name]
  local own, required = descriptions.shapes[name] or {}, {}
  for _, member in ipairs(shape.required or {}) do required[member] = true end
  out[#out + 1] = '<div class="members">\n\n| name | type | what it is |'
  out[#out + 1] = "| --- | --- | --- |"
  for _, member in ipairs(shape.members) do
    local target = api.shapes[member[2]]
    local text = own[member[1]] or descriptions.members[member[1]] or ""
    if member.idempotencyToken then text = text .. "; made by the library if absent" end
    local needed = required[member[1]] and not member.idempotencyToken
    local note = needed and as_input and " <em>required</em>" or not needed and not as_input and " <em>may be absent</em>" or ""
    local limits = limits_of(target)
    if limits ~= "" then limits = " <small>" .. limits .. "</small>" end
    out[#out + 1] = ("| `%s`%s | %s | %s%s |"):format(member[1], note, kind_of(api, member[2]), text, limits)
  end
  out[#out + 1] = "\n</div>\n"
end

-- The structures that one leads to, in the order in which they are met.
local function reachable(api, first, into)
  local function visit(name)
    local shape = api.shapes[name]
    if shape.type == "structure" and name ~= first then
      if into[name] then return end
      into[name] = true
      into[#into + 1] = name
    end
    for _, member in ipairs(shape.members or {}) do visit(member[2]) end
    for _, field in ipairs { "member", "key", "value" } do
      if shape[field] then visit(shape[field][2]) end
    end
  end
  visit(first)
end

local function section(out, title) out[#out + 1] = "\n## " .. title .. "\n" end

-- Parameters or the result: the members, or what to say where there are none, and what holds for all operations.
local function describe_members(out, api, descriptions, name, as_input, none, always)
  section(out, as_input and "Parameters" or "Result")
  if name and #api.shapes[name].members > 0 then
    members_table(out, api, descriptions, name, as_input)
  else
    out[#out + 1] = none
  end
  out[#out + 1] = "\n" .. always
end

local function describe_shapes(out, api, descriptions, operation)
  local names, inputs = {}, {}
  if operation.input then
    reachable(api, operation.input, names)
    for _, name in ipairs(names) do inputs[name] = true end
  end
  if operation.output then reachable(api, operation.output, names) end
  if #names == 0 then return end
  section(out, "Structures")
  for _, name in ipairs(names) do
    out[#out + 1] = ("\n### %s {#%s}\n"):format(name, name:lower())
    out[#out + 1] = ((descriptions.shapes[name] or {})[1] or "") .. "\n"
    members_table(out, api, descriptions, name, inputs[name] or false)
  end
end

local function describe_errors(out, api, descriptions, operation)
  section(out, "Errors")
  out[#out + 1] = "| code | HTTP status | what it means |"
  out[#out + 1] = "| --- | --- | --- |"
  for _, code in ipairs(operation.errors) do
    local details = api.shapes[code].error or {}
    out[#out + 1] = ("| `%s` | %s | %s |"):format(code, details.httpStatusCode or "", descriptions.errors[code])
  end
  out[#out + 1] = "\nBesides, any call may end with an error of the library's own, as `ParamValidationError` or `TimeoutError`: "
    .. "see [Errors](../guides/errors.md)."
end

local function describe_pages(out, name, paginator)
  section(out, "Pages")
  out[#out + 1] = ("`client:items(%q, params)` iterates over `%s` of all pages, `client:pages` over the pages. `%s` is the size of "
    .. "a page, `%s` of one page is the `%s` of the next."):format(name, paginator.result_key, paginator.limit_key,
    paginator.output_token, paginator.input_token)
end

-- What a second call of the same kind does.
local function repeatable(api, operation)
  if not operation.idempotent then return "" end
  for _, member in ipairs(operation.input and api.shapes[operation.input].members or {}) do
    if member.idempotencyToken then return (" Calls with the same `%s` have the effect of one."):format(member[1]) end
  end
  return " A second call changes nothing more."
end

--- The Markdown of an operation's page.
---@param api table
---@param descriptions table
---@param name string  as the API spells it
---@param snake string  the method's name
---@param written string  docs/operations/NAME.md
---@return string
function operations.page(api, descriptions, name, snake, written)
  local operation = api.operations[name]
  local before, see_also = written:match "^(.-)\n(## See also.*)$"
  local arguments = "params [, call_options]"
  if not (operation.input and api.shapes[operation.input].required) then arguments = "[params [, call_options]]" end
  local out = {
    "# " .. snake, "", descriptions.operations[name], "",
    "```lua", ("local result, err = client:%s(%s)"):format(snake, arguments), "```", "",
    ("%s, `%s %s`.%s"):format(name, operation.method, operation.uri, repeatable(api, operation)),
    "\n## Example\n", before or written,
  }
  describe_members(out, api, descriptions, operation.input, true, "None: call it without arguments, or with an empty table.",
    "The second argument may hold `timeout`, `read_timeout` (seconds) and `max_attempts` for this call alone.")
  describe_members(out, api, descriptions, operation.output, false, "An empty table.",
    "The second value of a good call is `{ request_id, status, headers, attempts }`, that of a bad one the error.")
  if api.paginators[name] then describe_pages(out, snake, api.paginators[name]) end
  describe_errors(out, api, descriptions, operation)
  describe_shapes(out, api, descriptions, operation)
  out[#out + 1] = "\n" .. (see_also or "")
  return table.concat(out, "\n")
end

return operations
