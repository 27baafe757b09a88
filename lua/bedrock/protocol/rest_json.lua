--- The protocol rest-json: parameters to the parts of a request, an answer to a table or an error.
--
-- Nothing here knows a service, a host or a socket. What an operation needs (where each member goes, how its value is
-- written, the codec's compiled shapes) is worked out once, on the operation's first call, and kept on it as a plan: a
-- call then only follows lists. JSON itself is written and read by the codec in C, which leaves out every member that
-- has a place elsewhere.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local text_of = require "bedrock.protocol.text"

local rest_json = {}

local null = core.json_null
local uri_encode = core.uri_encode
local writer, write_string = text_of.writer, text_of.write_string

---@class bedrock.RequestParts
---@field method string
---@field path string  escaped, begins with "/"; an endpoint's base path is not in it
---@field query string  escaped, or ""
---@field headers table<string, string>
---@field body? string
---@field host_prefix? string  what goes in front of the endpoint's host

-- ---------------------------------------------------------------------------------------------------------------
-- Requests

local function param_error(operation, path, message)
  return nil, errors.new {
    code = "ParamValidationError",
    message = path == "" and message or path .. ": " .. message,
    problems = { { path = path, message = message } },
    operation = operation.name,
    retryable = false,
  }
end

local HEADER_CONTROL = "[%z\1-\8\10-\31\127]"

-- "a/{b}/c{d+}" as a list of texts and labels.
local function split_template(template, input)
  local parts, position = {}, 1
  while true do
    local start, stop, name, greedy = template:find("{([^{}+]+)(%+?)}", position)
    if not start then
      break
    end
    if start > position then
      parts[#parts + 1] = template:sub(position, start - 1)
    end
    local member
    if input then
      -- A label is named after the member or, in older models, after its name on the wire.
      member = input.members[name]
      for _, candidate in pairs(input.members) do
        if candidate.location == "uri" and candidate.wire == name then
          member = candidate
        end
      end
    end
    if not member then
      error(("the path %q has the label %q, and the input no such member"):format(template, name), 0)
    end
    parts[#parts + 1] = { name = member.name, write = writer(member, "uri"), greedy = greedy == "+" }
    position = stop + 1
  end
  if position <= #template then
    parts[#parts + 1] = template:sub(position)
  end
  return parts
end

local function has_body_members(shape)
  for _, name in ipairs(shape.order) do
    if not shape.members[name].location then
      return true
    end
  end
  return false
end

local function plan_query(plan, member)
  local shape = member.shape
  local entry = { name = member.name, wire = member.wire, prefix = uri_encode(member.wire) .. "=", kind = shape.type }
  if shape.type == "list" then
    entry.write = writer(shape.member, "querystring")
  elseif shape.type == "map" then
    local value = shape.value
    entry.lists = value.shape.type == "list"
    entry.write = writer(entry.lists and value.shape.member or value, "querystring")
  else
    entry.write = writer(member, "querystring")
  end
  -- Maps come last: the names of the others are theirs, and a map's entry of such a name is dropped.
  if shape.type == "map" then
    plan.query_maps[#plan.query_maps + 1] = entry
  else
    plan.query[#plan.query + 1] = entry
    plan.query_names[member.wire] = true
  end
end

local function plan_header(plan, member)
  local shape = member.shape
  local entry = { name = member.name, wire = member.wire }
  if member.jsonvalue then
    entry.write = text_of.write_jsonvalue
  elseif shape.type == "list" then
    entry.list = true
    entry.quote = shape.member.shape.type == "string"
    entry.write = writer(shape.member, "header")
  else
    entry.write = writer(member, "header")
  end
  if member.wire:lower() == "content-type" then
    plan.content_type_member = entry
  end
  plan.headers[#plan.headers + 1] = entry
end

local function plan_body(plan, operation, input)
  if input.payload then
    local member = input.members[input.payload]
    local kind = member.shape.type
    plan.payload = member.name
    if kind == "blob" then
      plan.body, plan.content_type = "raw", "application/octet-stream"
    elseif kind == "string" then
      plan.body, plan.content_type = "text", "text/plain"
    else
      plan.body, plan.content_type = "payload", "application/json"
      plan.codec = core.json_shape(member.shape)
      plan.empty = kind == "structure" and not member.shape.union and "{}" or nil
    end
  elseif has_body_members(input) then
    plan.body, plan.content_type = "json", "application/json"
    plan.codec = core.json_shape(input)
    -- A body on GET is a rarity that middlemen drop: it is sent only if there is something in it.
    plan.drop_empty = operation.method == "GET" or operation.method == "HEAD"
  end
end

local function make_request_plan(operation)
  local input = operation.input
  local plan = { query = {}, query_maps = {}, query_names = {}, headers = {}, tokens = {} }
  local path, constants = operation.uri:match("^([^?]*)%??(.*)$")
  if path:sub(1, 1) ~= "/" then
    path = "/" .. path
  end
  plan.constants = constants ~= "" and constants or nil
  plan.path = split_template(path, input)
  plan.static_path = #plan.path == 1 and type(plan.path[1]) == "string" and plan.path[1] or nil
  if operation.host_prefix then
    plan.host_prefix = split_template(operation.host_prefix, input)
  end
  if input then
    for _, name in ipairs(input.order) do
      local member = input.members[name]
      local location = member.location
      if member.idempotencyToken then
        plan.tokens[#plan.tokens + 1] = name
      end
      if location == "querystring" then
        plan_query(plan, member)
      elseif location == "header" then
        plan_header(plan, member)
      elseif location == "headers" then
        plan.prefix_headers = plan.prefix_headers or {}
        table.insert(plan.prefix_headers, { name = name, prefix = member.location == "headers" and member.wire ~= name
          and member.wire or "", write = writer(member.shape.value, "header") or write_string })
      end
    end
    plan_body(plan, operation, input)
  end
  plan.has_query = #plan.query > 0 or #plan.query_maps > 0
  rawset(operation, "_request_plan", plan)
  return plan
end

local function build_path(plan, params)
  local path = ""
  for i = 1, #plan.path do
    local part = plan.path[i]
    if type(part) == "string" then
      path = path .. part
    else
      local value = params[part.name]
      if value == nil or value == null then
        return nil, part.name, "is required but missing"
      end
      local text, message = part.write(value)
      if not text then
        return nil, part.name, message
      elseif text == "" then
        -- It would ask for something else: an empty job name turns "get this job" into "list jobs".
        return nil, part.name, "must not be empty: it is a part of the request's path"
      elseif text == "." or text == ".." or part.greedy and ("/" .. text .. "/"):find("/%.%.?/") then
        -- Signing and every proxy on the way remove dot segments: "/model/../invoke" is "/invoke".
        return nil, part.name, 'must not have "." or ".." for a part of the request\'s path: it would lead to another path'
      end
      path = path .. uri_encode(text, part.greedy)
    end
  end
  return path
end

local function sorted_keys(map)
  local keys = {}
  for key in next, map do
    keys[#keys + 1] = tostring(key)
  end
  table.sort(keys)
  return keys
end

-- Append one list of values under an escaped name.
local function append_list(parts, prefix, list, write)
  for i = 1, #list do
    local text, message = write(list[i])
    if not text then
      return nil, message, ("[%d]"):format(i)
    end
    parts[#parts + 1] = prefix .. uri_encode(text)
  end
  return true
end

local function build_query(plan, params)
  local parts = { plan.constants }
  for _, entry in ipairs(plan.query) do
    local value = params[entry.name]
    if value ~= nil and value ~= null then
      if entry.kind == "list" then
        if type(value) ~= "table" then
          return nil, entry.name, "must be a list"
        end
        local ok, message, index = append_list(parts, entry.prefix, value, entry.write)
        if not ok then
          return nil, entry.name .. index, message
        end
      else
        local text, message = entry.write(value)
        if not text then
          return nil, entry.name, message
        end
        parts[#parts + 1] = entry.prefix .. uri_encode(text)
      end
    end
  end
  for _, entry in ipairs(plan.query_maps) do
    local map = params[entry.name]
    if map ~= nil and map ~= null then
      if type(map) ~= "table" then
        return nil, entry.name, "must be a table of keys and values"
      end
      for _, key in ipairs(sorted_keys(map)) do
        local value = map[key]
        if not plan.query_names[key] then
          local prefix = uri_encode(key) .. "="
          if entry.lists and type(value) ~= "table" then
            return nil, entry.name .. "." .. key, "must be a list"
          end
          local ok, message, index = append_list(parts, prefix, entry.lists and value or { value }, entry.write)
          if not ok then
            return nil, entry.name .. "." .. key .. (entry.lists and index or ""), message
          end
        end
      end
    end
  end
  return table.concat(parts, "&")
end

-- One element of a header that is a list: commas and quotes inside it need quotes around it.
local function quote_element(text)
  if text:find('[,"]') then
    return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
  end
  return text
end

local function header_text(entry, value)
  if not entry.list then
    return entry.write(value)
  elseif type(value) ~= "table" then
    return nil, "must be a list"
  end
  local parts = {}
  for i = 1, #value do
    local text, message = entry.write(value[i])
    if not text then
      return nil, message, ("[%d]"):format(i)
    end
    parts[i] = entry.quote and quote_element(text) or text
  end
  return table.concat(parts, ", ")
end

local CONTROL_MESSAGE = "must not contain NUL, line breaks or other control characters: it is sent as a header"

-- Fills `headers`; gives the name of the parameter that is wrong and what is wrong with it, or nothing.
local function build_headers(plan, params, headers)
  for _, entry in ipairs(plan.headers) do
    local value = params[entry.name]
    if value ~= nil and value ~= null then
      local text, message, index = header_text(entry, value)
      if not text then
        return entry.name .. (index or ""), message
      elseif text:find(HEADER_CONTROL) then
        return entry.name, CONTROL_MESSAGE
      elseif text ~= "" then -- an empty header says nothing, and is lost on the way as often as not
        headers[entry.wire] = text
      end
    end
  end
  for _, entry in ipairs(plan.prefix_headers or {}) do
    local map = params[entry.name]
    if map ~= nil and map ~= null then
      if type(map) ~= "table" then
        return entry.name, "must be a table of keys and values"
      end
      for key, value in next, map do
        local text, message = entry.write(value)
        if type(key) ~= "string" or not key:find("^[%w!#$%%&'*+%-.^_`|~]+$") then
          return entry.name, "must have names of headers as keys: letters, digits and hyphens"
        elseif not text or text:find(HEADER_CONTROL) then
          return entry.name .. "." .. key, message or CONTROL_MESSAGE
        end
        headers[entry.prefix .. key] = text
      end
    end
  end
  return nil
end

-- JSON by the plan's codec; or nil, the path and what is wrong there. `prefix` is where the value stands.
local function encode(plan, value, prefix)
  local text, message, path = core.json_encode(plan.codec, value)
  if text then
    return text
  end
  path = path or ""
  -- The codec's message names the path as well.
  if path ~= "" and message:sub(1, #path + 2) == path .. ": " then
    message = message:sub(#path + 3)
  end
  if prefix and path ~= "" and path:sub(1, 1) ~= "[" then
    path = "." .. path
  end
  return nil, (prefix or "") .. path, message
end

local function build_body(plan, params, headers)
  local mode = plan.body
  local body
  if mode == "json" then
    local text, path, message = encode(plan, params)
    if not text then
      return nil, path, message
    elseif plan.drop_empty and text == "{}" then
      return nil
    end
    body = text
  else
    local value = params[plan.payload]
    if value == null then
      value = nil
    end
    if mode == "payload" then
      if value == nil then
        body = plan.empty
      else
        local text, path, message = encode(plan, value, plan.payload)
        if not text then
          return nil, path, message
        end
        body = text
      end
      if not body then
        return nil
      end
    elseif mode == "text" then
      if value == nil then
        return nil
      end
      local text, message = write_string(value)
      if not text then
        return nil, plan.payload, message
      end
      body = text
    else
      if value ~= nil and type(value) ~= "string" then
        return nil, plan.payload, "must be a string of bytes"
      end
      body = value
    end
  end
  local bound = plan.content_type_member
  if not (bound and headers[bound.wire]) then
    headers["Content-Type"] = plan.content_type
  end
  return body
end

-- A host label comes from a parameter, so it must not be able to name another host.
local function build_host_prefix(plan, params)
  local parts = {}
  for i, part in ipairs(plan.host_prefix) do
    if type(part) == "string" then
      parts[i] = part
    else
      local value = params[part.name]
      local text = type(value) == "string" and value or ""
      if #text > 63 or not text:find("^%w[%w%-]*$") or text:sub(-1) == "-" then
        return nil, part.name, "must be a host label: 1 to 63 letters, digits and hyphens"
      end
      parts[i] = text
    end
  end
  return table.concat(parts)
end

--- Build a request from parameters. They should have passed `validate`; what could do harm on the wire (an empty path
--- label, a line break in a header, a host label that is none) is refused here as well.
---@param operation bedrock.Operation
---@param params? table  stays as it is
---@param uuid? fun(): string  makes idempotency tokens
---@return bedrock.RequestParts|nil parts
---@return bedrock.Error? err  code "ParamValidationError"
function rest_json.build(operation, params, uuid)
  local plan = rawget(operation, "_request_plan") or make_request_plan(operation)
  params = params or {}

  local tokens, copied = plan.tokens, false
  for i = 1, #tokens do
    local name = tokens[i]
    if params[name] == nil or params[name] == null then
      if not copied then
        local copy = {}
        for key, value in next, params do
          copy[key] = value
        end
        params, copied = copy, true
      end
      params[name] = (uuid or core.uuid4)()
    end
  end

  local path, query = plan.static_path, plan.constants or ""
  local wrong, message
  if not path then
    path, wrong, message = build_path(plan, params)
    if not path then
      return param_error(operation, wrong, message)
    end
  end
  if plan.has_query then
    query, wrong, message = build_query(plan, params)
    if not query then
      return param_error(operation, wrong, message)
    end
  end
  local headers = {}
  if plan.headers[1] or plan.prefix_headers then
    wrong, message = build_headers(plan, params, headers)
    if wrong then
      return param_error(operation, wrong, message)
    end
  end
  local body
  if plan.body then
    body, wrong, message = build_body(plan, params, headers)
    if wrong then
      return param_error(operation, wrong, message)
    end
    if body and operation.body_md5 then
      headers["Content-MD5"] = core.base64_encode(core.md5(body))
    end
  end
  local host_prefix
  if plan.host_prefix then
    host_prefix, wrong, message = build_host_prefix(plan, params)
    if not host_prefix then
      return param_error(operation, wrong, message)
    end
  end
  return {
    method = operation.method,
    path = path,
    query = query,
    headers = headers,
    body = body,
    host_prefix = host_prefix,
  }
end

-- ---------------------------------------------------------------------------------------------------------------
-- Answers

-- Where the members of an output (or exception) come from.
local function make_answer_plan(shape)
  local plan = { headers = {}, payload = shape.payload }
  local function reader(member)
    return require("bedrock.protocol.headers").reader(member) -- few answers have any
  end
  for _, name in ipairs(shape.order) do
    local member = shape.members[name]
    local location = member.location
    if location == "header" then
      plan.headers[#plan.headers + 1] = { name = name, wire = member.wire:lower(), read = reader(member) }
    elseif location == "headers" then
      plan.prefix_headers = plan.prefix_headers or {}
      table.insert(plan.prefix_headers, { name = name, prefix = member.wire ~= name and member.wire:lower() or "",
        read = reader(member.shape.value) })
    elseif location == "statusCode" then
      plan.status = name
    end
  end
  plan.located = plan.headers[1] ~= nil or plan.prefix_headers ~= nil or plan.status ~= nil
  if shape.payload then
    local member = shape.members[shape.payload]
    local kind = member.shape.type
    plan.raw = kind == "blob" or kind == "string"
    if not plan.raw then
      plan.codec = core.json_shape(member.shape)
      plan.object = kind == "structure"
    end
  else
    plan.codec = core.json_shape(shape)
    plan.object = true
  end
  rawset(shape, "_answer_plan", plan)
  return plan
end

local function read_located(plan, result, response)
  local headers = response.headers or {}
  for _, entry in ipairs(plan.headers) do
    local text = headers[entry.wire]
    if text ~= nil then
      result[entry.name] = entry.read(text)
    end
  end
  for _, entry in ipairs(plan.prefix_headers or {}) do
    local map, prefix = {}, entry.prefix
    for name, text in next, headers do
      if #name > #prefix and name:sub(1, #prefix) == prefix then
        map[name:sub(#prefix + 1)] = entry.read(text)
      end
    end
    if next(map) ~= nil then
      result[entry.name] = map
    end
  end
  if plan.status then
    result[plan.status] = response.status
  end
end

-- JSON by a plan: the value (nil for null), or nil and a message.
local function read_json(plan, body)
  local value, message = core.json_decode(plan.codec, body)
  if value == nil and message then
    return nil, message
  elseif value == null then
    return nil
  elseif plan.object and (type(value) ~= "table" or getmetatable(value) == core.json_array_mt) then
    return nil, "a JSON object was expected at byte 1"
  end
  return value
end

local function is_blank(body)
  return body == nil or body == "" or not body:find("%S")
end

-- AWS's names for the id of a request, by how often they are met.
local REQUEST_ID_HEADERS = { "x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id" }

--- AWS's id of a request, from the headers of its answer.
---@param headers table<string, string>  names in lower case
---@return string|nil
function rest_json.request_id(headers)
  if not headers then
    return nil
  end
  local id = headers["x-amzn-requestid"] or headers["x-amz-request-id"] or headers["x-amzn-request-id"]
  if id then
    return id
  end
  -- A runtime of the user's own may have left the names as they came.
  for name, value in next, headers do
    for i = 1, #REQUEST_ID_HEADERS do
      if type(name) == "string" and name:lower() == REQUEST_ID_HEADERS[i] then
        return value
      end
    end
  end
  return nil
end

local function unreadable(operation, response, message)
  local kind = (response.headers or {})["content-type"]
  return nil, errors.new {
    code = "ResponseError",
    message = ("the service's answer is not the JSON that %s promises: %s%s; is the endpoint right, and is nothing"
      .. " between it and this program?"):format(operation.name, message,
      kind and (" (Content-Type: %s)"):format(tostring(kind):gsub("[%c\127-\255]", "?")) or ""),
    status = response.status,
    request_id = rest_json.request_id(response.headers),
    operation = operation.name,
    headers = response.headers,
    retryable = false,
  }
end

-- These fields of an error are the library's; a modelled member of such a name is found in `members` alone.
local RESERVED = { code = true, message = true, status = true, request_id = true, operation = true, attempts = true,
  retryable = true, headers = true, members = true, problems = true, last = true }

local function read_members(err, shape, response)
  local plan = rawget(shape, "_answer_plan") or make_answer_plan(shape)
  local members
  if plan.raw then
    members = { [plan.payload] = response.body }
  else
    local value = not is_blank(response.body) and read_json(plan, response.body) or nil
    if plan.payload then
      members = { [plan.payload] = value }
    else
      members = value or {}
    end
  end
  read_located(plan, members, response)
  for name, value in next, members do
    if not RESERVED[name] then
      err[name] = value
    end
  end
  err.members = members
end

-- What is wrong with an answer that a runtime of the user's own gave; nil for a sound one.
local function runtime_mistake(response)
  local body, headers = response.body, response.headers
  if type(response.status) ~= "number" then
    return "the runtime gave an answer without a status"
  elseif body ~= nil and type(body) ~= "string" then
    return "the runtime gave an answer whose body is no string, but a " .. type(body)
  elseif headers ~= nil and type(headers) ~= "table" then
    return "the runtime gave an answer whose headers are no table, but a " .. type(headers)
  end
  return nil
end

--- Read an answer.
---@param operation bedrock.Operation
---@param response {status: integer, headers?: table<string, string>, body?: string}  header names in lower case
---@return table|nil result
---@return bedrock.Error? err  the service's error, or "ResponseError" for a success that cannot be read
function rest_json.parse(operation, response)
  local status, problem = response.status, runtime_mistake(response)
  if problem then
    return nil, errors.new { code = "ResponseError", message = problem, operation = operation.name, retryable = false }
  elseif status < 200 or status >= 300 then
    local err, exception = require("bedrock.protocol.failure").read(operation, response,
      rest_json.request_id(response.headers))
    if exception then
      read_members(err, exception, response)
    end
    return nil, err
  end
  local output = operation.output
  if not output then
    return {} -- whatever the body says, nothing of it was promised
  end
  local plan = rawget(output, "_answer_plan") or make_answer_plan(output)
  local body = response.body
  local result
  if plan.raw then
    result = { [plan.payload] = body ~= "" and body or nil }
  elseif is_blank(body) then
    result = {}
  else
    local value, message = read_json(plan, body)
    if message then
      return unreadable(operation, response, message)
    end
    if plan.payload then
      result = { [plan.payload] = value }
    else
      result = value or {}
    end
  end
  if plan.located then
    read_located(plan, result, response)
  end
  return result
end

return rest_json
