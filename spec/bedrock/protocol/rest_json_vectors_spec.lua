-- The conformance vectors of rest-json: each case is a test of its id. The models in them go through tools/genapi.lua
-- and model.lua like any service's. One case: busted --filter RestJsonJsonEnums spec/bedrock/protocol

local core = require "bedrock.core"
local model = require "bedrock.model"
local rest_json = require "bedrock.protocol.rest_json"
local validate = require "bedrock.validate"
local vectors = require "spec.support.vectors"

local TOKEN = "00000000-0000-4000-8000-000000000000"

-- Optional by the vectors' README.
local optional = {
  SDKAppliedContentEncoding_restJson1 = "request compression is not done: no operation of Bedrock asks for it",
  SDKAppendedGzipAfterProvidedEncoding_restJson1 = "request compression is not done: no operation of Bedrock asks for it",
}

-- In this case the README's word, "empty header values are not sent", goes before the data, which has them present and
-- empty: ClassicListInHeader2 forbids the header of an empty list.
local empty_headers_not_sent = { RestJsonNullAndEmptyHeaders = true }

local function set(...)
  local names = {}
  for _, name in ipairs { ... } do
    names[name] = true
  end
  return names
end

local known_file = set("operation", "metadata", "shapes", "clientEndpoint", "cases")
local known_input = set("id", "given", "params", "serialized")
local known_output = set("id", "given", "response", "result", "error", "errorCode", "errorMessage")
local known_serialized = set("method", "uri", "headers", "forbidHeaders", "requireHeaders", "host", "body")
local known_response = set("status_code", "headers", "body")

local function check_known(table_, known, what)
  for key in pairs(table_) do
    assert(known[key], ("the runner does not know the key %q of %s"):format(key, what))
  end
end

-- The vectors write NaN and the infinities as strings; parameters are numbers.
local numbers = { NaN = 0 / 0, Infinity = math.huge, ["-Infinity"] = -math.huge }

local function to_params(shape, value)
  if value == core.json_null then
    return value
  elseif shape.type == "float" or shape.type == "double" then
    return numbers[value] or value
  elseif shape.type == "structure" then
    local result = {}
    for key, item in pairs(value) do
      local member = assert(shape.members[key], key)
      result[key] = member.jsonvalue and item or to_params(member.shape, item)
    end
    return result
  elseif shape.type == "list" or shape.type == "map" then
    local item_shape, result = (shape.member or shape.value).shape, {}
    for key, item in pairs(value) do
      result[key] = to_params(item_shape, item)
    end
    return result
  end
  return value
end

local function load_operation(source, index)
  local given = source.cases[index].given
  local api = assert(vectors.genapi().convert({
    metadata = source.metadata,
    operations = { [given.name] = given },
    shapes = source.shapes,
  }))
  return model.load(api).operations[given.name]
end

local function assert_same_body(expected, parts)
  if expected == "" then
    assert.is_true(parts.body == nil or parts.body == "")
    return
  end
  assert.is_string(parts.body)
  if parts.headers["Content-Type"] ~= "application/json" then
    assert.equal(expected, parts.body)
    return
  end
  local wanted = core.json_decode_plain(expected)
  local sent = assert(core.json_decode_plain(parts.body))
  assert.is_nil(vectors.difference(wanted, sent, true))
end

local function run_input(case, operation, endpoint)
  check_known(case, known_input, "an input case")
  check_known(case.serialized, known_serialized, "serialized")
  local params = case.params and operation.input and to_params(operation.input, case.params) or {}
  assert(validate(operation, params))
  local parts = assert(rest_json.build(operation, params, function()
    return TOKEN
  end))

  local expected = case.serialized
  assert.equal(expected.method or operation.method, parts.method)
  local host, base = (endpoint or "https://example.com"):match("^https://([^/]+)(.*)$")
  local uri = base:gsub("/$", "") .. parts.path .. (parts.query ~= "" and "?" .. parts.query or "")
  assert.equal(expected.uri, uri)
  if expected.host then
    assert.equal((expected.host:match("^[^/]+")), (parts.host_prefix or "") .. host)
  end

  local headers = {}
  for name, value in pairs(parts.headers) do
    headers[name:lower()] = value
  end
  -- The transport counts the bytes of each body.
  headers["content-length"] = parts.body and tostring(#parts.body)
  for name, value in pairs(expected.headers or {}) do
    if value == "" and empty_headers_not_sent[case.id] then
      assert.is_nil(headers[name:lower()])
    else
      assert.equal(value, headers[name:lower()])
    end
  end
  for _, name in ipairs(expected.requireHeaders or {}) do
    assert.is_string(headers[name:lower()], name)
  end
  for _, name in ipairs(expected.forbidHeaders or {}) do
    assert.is_nil(headers[name:lower()], name)
  end
  if expected.body then
    assert_same_body(expected.body, parts)
  end
end

local function run_output(case, operation)
  check_known(case, known_output, "an output case")
  check_known(case.response, known_response, "response")
  local headers = {}
  for name, value in pairs(case.response.headers or {}) do
    headers[name:lower()] = value
  end
  local result, err = rest_json.parse(operation, {
    status = case.response.status_code,
    headers = headers,
    body = case.response.body,
  })
  if case.result then
    assert(result, err)
    assert.is_nil(vectors.difference(case.result, result))
    return
  end
  assert.is_nil(result)
  assert.equal(case.errorCode, err.code)
  assert.equal(case.errorMessage or "", err.message)
  assert.equal(case.response.status_code, err.status)
  assert.is_nil(vectors.difference(case.error, err.members or {}))
  for name, value in pairs(case.error) do
    assert.is_nil(vectors.difference(value, err[name]), name)
  end
end

for _, folder in ipairs { "input", "input-classic", "output", "output-classic" } do
  describe("rest-json " .. folder, function()
    if not vectors.available() then
      pending(vectors.missing)
      return
    end
    for _, name in ipairs(vectors.list("rest-json/" .. folder, ".json")) do
      local path = "rest-json/" .. folder .. "/" .. name
      local file = vectors.json(path)
      for index, case in ipairs(file.cases) do
        it(case.id, function()
          if optional[case.id] then
            pending(optional[case.id])
            return
          end
          check_known(file, known_file, path)
          -- Read again in a way that keeps the order of members, which queries and bodies follow.
          local source = assert(vectors.genapi().read_json(vectors.text(path)))
          local operation = load_operation(source, index)
          if case.serialized then
            run_input(case, operation, file.clientEndpoint)
          else
            run_output(case, operation)
          end
        end)
      end
    end
  end)
end
