-- Random parameters and random answers: each call ends with a result or with an error table, never with a raised error,
-- and what passes the check can be built. The generator has a seed of its own, so a failure comes back.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local model = require "bedrock.model"
local rest_json = require "bedrock.protocol.rest_json"
local validate = require "bedrock.validate"

local seed = 20261123
local function random(n) -- 1..n, the same on every Lua
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

local scalars = { "", "text", "\0", "a\r\nb", "\255\254", "é", "2024-01-01T00:00:00Z", "NaN", 0, 1, -1, 1.5, 1e-7, 1e300,
  2 ^ 53, 2 ^ 63, -2 ^ 63, 0 / 0, 1 / 0, -1 / 0, true, false, core.json_null, print, io.stdout }

local usual = { string = "text", long = 1, double = 1.5, boolean = true, timestamp = 0, blob = "bytes", document = "text" }

local function raise() error "a metamethod ran" end

local metatables = { core.json_array_mt, { __pairs = raise, __newindex = raise, __eq = raise } }

-- A table whose metatable is nobody's business.
local function disguised(value)
  return random(10) == 1 and setmetatable(value, metatables[random(#metatables)]) or value
end

local function junk(depth)
  if depth == 0 or random(3) > 1 then
    return scalars[random(#scalars)]
  end
  local value = {}
  for i = 1, random(4) - 1 do
    local key = random(2) == 1 and i or scalars[random(#scalars)]
    if key ~= key then
      key = "nan"
    end
    value[key] = junk(depth - 1)
  end
  return disguised(value)
end

local rarity -- of what does not fit

-- A value that mostly fits its shape.
local function fitting(shape, depth)
  if random(rarity) == 1 or depth == 0 then
    return junk(2)
  end
  if shape.union then
    local value = {}
    for _ = 1, random(rarity) > 4 and 1 or 2 do
      local name = shape.order[random(#shape.order)]
      value[name] = fitting(shape.members[name].shape, depth - 1)
    end
    return value
  elseif shape.type == "structure" then
    local value = {}
    for _, name in ipairs(shape.order) do
      if random(3) > 1 then
        value[name] = fitting(shape.members[name].shape, depth - 1)
      end
    end
    if random(10) == 1 then
      value[scalars[random(7)]] = junk(1)
    end
    return disguised(value)
  elseif shape.type == "list" then
    local value = {}
    for i = 1, random(4) - 1 do
      value[i] = fitting(shape.member.shape, depth - 1)
    end
    return disguised(value)
  elseif shape.type == "map" then
    local value = {}
    for i = 1, random(4) - 1 do
      value["key" .. i] = fitting(shape.value.shape, depth - 1)
    end
    return disguised(value)
  end
  return random(rarity) > 4 and usual[shape.type] or scalars[random(#scalars)]
end

-- What no input of Bedrock has: members of all types in all places.
local function other_api()
  local tree = { type = "structure", required = { "leaf" }, members = { { "leaf", "Text" }, { "next", "Tree" }, { "kids", "Trees" },
    { "choice", "Choice" }, { "size", "Long" }, { "ratio", "Double" }, { "at", "Time" }, { "bytes", "Blob" }, { "flag", "Boolean" } } }
  local function places(members)
    for i, location in ipairs { "querystring", "header", "querystring", "querystring" } do
      members[#members + 1] = { "m" .. i, ({ "Texts", "Text", "Map", "Time" })[i], location = location, wire = "X-" .. i }
    end
    members[#members + 1] = { "token", "Text", location = "header", idempotencyToken = true, wire = "X-Token" }
    members[#members + 1] = { "any", "Any", location = "header", jsonvalue = true, wire = "X-Any" }
    return members
  end
  return {
    version = 1, metadata = {},
    operations = {
      Whole = { method = "POST", uri = "/a/{id}/{rest+}", status = 200, errors = {}, input = "Whole" },
      Payload = { method = "PUT", uri = "/b", status = 200, errors = {}, input = "Payload" },
      Bytes = { method = "PUT", uri = "/c", status = 200, errors = {}, input = "Bytes", body_md5 = true },
      Either = { method = "PUT", uri = "/d", status = 200, errors = {}, input = "Either" },
      Get = { method = "GET", uri = "/e", status = 200, errors = {}, input = "Get" },
    },
    shapes = {
      Text = { type = "string", min = 2 }, Long = { type = "long", min = -1 }, Double = { type = "double", min = -1 },
      Boolean = { type = "boolean" }, Time = { type = "timestamp" }, Blob = { type = "blob", min = 1 }, Any = { type = "document" },
      Texts = { type = "list", min = 1, member = { "member", "Text" } }, Trees = { type = "list", member = { "member", "Tree" } },
      Map = { type = "map", min = 1, key = { "key", "Text" }, value = { "value", "Texts" } },
      Choice = { type = "structure", union = true, members = { { "a", "Text" }, { "b", "Map" }, { "c", "Tree" } } }, Tree = tree,
      Whole = { type = "structure", required = { "id", "rest" }, members = places { { "id", "Text", location = "uri" },
        { "rest", "Text", location = "uri" }, { "tree", "Tree" }, { "map", "Map" }, { "document", "Any" }, { "texts", "Texts" } } },
      Payload = { type = "structure", payload = "tree", members = places { { "tree", "Tree" } } },
      Bytes = { type = "structure", payload = "bytes", members = places { { "bytes", "Blob" } } },
      Either = { type = "structure", members = { { "choice", "Choice" }, { "map", "Map" } } },
      Get = { type = "structure", members = places {} },
    },
  }
end

local function is_error(err, code)
  assert.is_true(errors.is(err))
  assert.is_true(code == nil or err.code == code, err.code)
  assert.is_string(err.message)
  assert.is_string(tostring(err))
end

describe("any junk", function()
  local m = model.load(require "bedrock.api.bedrock")
  local uuid4 = core.uuid4

  before_each(function() core.uuid4 = function() return "token" end end)
  after_each(function() core.uuid4 = uuid4 end)

  local function try_parameters(of, rounds)
    local built, refused, sure = 0, 0, 0
    for round = 1, rounds do
      rarity = round % 2 == 1 and 12 or 40
      for _, name in ipairs(of.operation_names) do
        local operation = of.operations[name]
        local params = random(8) == 1 and junk(3) or fitting(operation.input, 5)
        local ok, err = validate(operation, params)
        local at_once = rest_json.check_and_build(operation, params)
        if at_once then
          assert.is_true(ok) -- the check in C may doubt, and lets nothing pass that this one does not
          sure = sure + 1
        end
        if ok then
          local parts
          parts, err = rest_json.build(operation, params)
          if parts then
            built = built + 1
            assert.same(parts, at_once or parts)
            for _, text in pairs { parts.path, parts.query } do
              assert.is_nil(text:find("[^%w%-._~%%/=&]"))
            end
          else
            is_error(err, "ParamValidationError") -- text in the body that is no UTF-8
          end
        else
          refused = refused + 1
          is_error(err, "ParamValidationError")
          assert.is_true(#err.problems > 0)
        end
      end
    end
    return built, refused, sure
  end

  it("as parameters gives a request or an error", function()
    local built, refused, sure = try_parameters(m, 200)
    assert.is_true(built > 100 and refused > 100 and sure > built / 2)
  end)

  it("as parameters of another API does so too", function()
    local built, refused, sure = try_parameters(model.load(other_api()), 500)
    assert.is_true(built > 100 and refused > 100 and sure > 50)
  end)

  it("as an answer gives a result or an error", function()
    local texts = { "", " ", "{}", "[]", "null", "5", '"a"', "{", '{"a":', "\0", "\255", "<html>", '{"message":[{}]}',
      '{"code":{"a":1},"message":null}', '{"modelSummaries":{"a":1},"nextToken":[1],"status":{"x":[null]}}',
      '{"modelSummaries":[1,null,"x",{"creationTime":{"a":1},"modelArn":[]}],"jobArn":5}',
      '{"__type":"ValidationException","message":{"a":1}}', '{"tags":"no list"}', '{"tags":[[[]]]}' }
    local types = { "ValidationException", "a#b:c", "", ":", "#", ",", "\255", "TooManyTagsException" }
    for _, name in ipairs(m.operation_names) do
      local operation = m.operations[name]
      for _, status in ipairs { 200, 201, 204, 299, 300, 304, 400, 404, 429, 500, 503, 599, 0, 999 } do
        for _, text in ipairs(texts) do
          local headers = { ["x-amzn-errortype"] = types[random(#types)], ["x-amzn-requestid"] = "id" }
          local result, err = rest_json.parse(operation, { status = status, headers = headers, body = text })
          if result == nil then
            is_error(err)
            assert.equal("id", err.request_id)
            assert.equal(status, err.status)
          else
            assert.is_table(result)
          end
        end
      end
    end
  end)
end)
