-- The vectors of this very API: parameters to what is on the wire (the signatures in them are sigv4_spec's), and answers
-- to tables or errors. Each case is a test of its id.

local core = require "bedrock.core"
local model = require "bedrock.model"
local rest_json = require "bedrock.protocol.rest_json"
local validate = require "bedrock.validate"
local vectors = require "spec.support.vectors"

local null = core.json_null

local function bedrock_operation(service, name)
  if service == "bedrock" then
    return model.load(require "bedrock.api.bedrock").operations[name]
  end
  local api = vectors.api_table(vectors.api .. "/" .. service .. ".json", { name })
  return api and model.load(api).operations[name]
end

local function pairs_of(query)
  local list = {}
  for pair in query:gmatch("[^&]+") do
    list[#list + 1] = pair
  end
  table.sort(list)
  return list
end

local function run_request(case)
  local operation = bedrock_operation(case.service, case.operation)
  if not operation then
    pending("no model of " .. case.service .. " beside the vectors")
    return
  end
  assert(validate(operation, case.params))
  local parts = assert(rest_json.build(operation, case.params, function()
    return assert(case.uuid, "a token was asked for, and the case has none")
  end))
  local expected = case.request
  assert.equal(expected.method, parts.method)
  assert.equal(expected.path, parts.path)
  assert.same(pairs_of(expected.query), pairs_of(parts.query))
  assert.is_nil(vectors.difference(expected.headers, parts.headers))
  assert.is_nil(parts.host_prefix)
  if expected.body == null then
    assert.is_nil(parts.body)
  elseif type(expected.body) == "string" then
    assert.equal(expected.body, parts.body)
  else
    assert.is_nil(vectors.difference(expected.body, assert(core.json_decode_plain(parts.body)), true))
  end
end

local function run_response(case)
  local operation = bedrock_operation("bedrock", case.operation)
  local headers = {}
  for name, value in pairs(case.response.headers) do
    headers[name:lower()] = value
  end
  local result, err = rest_json.parse(operation, {
    status = case.response.status,
    headers = headers,
    body = case.response.body,
  })
  local expected = case.expect
  local request_id = expected.requestId ~= null and expected.requestId or nil
  assert.equal(request_id, rest_json.request_id(headers))
  if expected.result then
    assert(result, err)
    assert.is_nil(vectors.difference(expected.result, result))
    return
  end
  assert.is_nil(result)
  local wanted = expected.error
  if type(wanted.code) == "table" then
    local any = false
    for _, code in ipairs(wanted.code.anyOf) do
      any = any or code == err.code
    end
    assert.is_true(any, err.code)
  else
    assert.equal(wanted.code, err.code)
  end
  if wanted.message then
    assert.equal(wanted.message, err.message)
  end
  assert.equal(expected.status, err.status)
  assert.equal(request_id, err.request_id)
  assert.equal(operation.name, err.operation)
  assert.equal(wanted.modeled, operation.exception(err.code) ~= nil)
  for name, value in pairs(wanted.members or {}) do
    assert.same(value, err[name])
  end
end

describe("Bedrock's vectors", function()
  if not vectors.available() then
    pending(vectors.missing)
    return
  end
  describe("requests", function()
    for _, case in ipairs(vectors.json("bedrock/requests.json")) do
      it(case.id, function()
        run_request(case)
      end)
    end
  end)
  describe("responses", function()
    for _, case in ipairs(vectors.json("bedrock/responses.json")) do
      it(case.id, function()
        run_response(case)
      end)
    end
  end)
end)
