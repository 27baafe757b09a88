local core = require "bedrock.core"
local model = require "bedrock.model"
local vectors = require "spec.support.vectors"

local genapi = vectors.genapi()

local MODEL = [==[{
 "metadata": { "protocol": "rest-json", "serviceId": "Demo", "signingName": "demo", "ignored": 1 },
 "operations": {
  "PutThing": { "name": "PutThing", "http": { "method": "PUT", "requestUri": "/things/{id}", "responseCode": 201 },
   "input": { "shape": "PutThingRequest" }, "output": { "shape": "Thing" },
   "errors": [ { "shape": "Conflict" } ], "idempotent": true },
  "GetNothing": { "name": "GetNothing", "http": { "method": "GET", "requestUri": "/" }, "authtype": "none",
   "endpoint": { "hostPrefix": "data." } },
  "GetOther": { "http": { "method": "GET", "requestUri": "/other" }, "input": { "shape": "Other", "payload": "body" } }
 },
 "shapes": {
  "PutThingRequest": { "type": "structure", "required": [ "id" ], "members": {
    "zeta": { "shape": "Str" }, "id": { "shape": "Str", "location": "uri", "locationName": "Id" },
    "alpha": { "shape": "Strs", "documentation": "prose" }, "token": { "shape": "Str", "idempotencyToken": true },
    "where": { "shape": "HeaderStr" }, "map": { "shape": "Map" }, "time": { "shape": "Time" } } },
  "Str": { "type": "string", "min": 1, "max": 5000000000, "pattern": "[a-z]]\\d\"[[x]=]\\n", "documentation": "prose",
   "enum": [ "a", "end" ], "sensitive": true },
  "Strs": { "type": "list", "member": { "shape": "Str" }, "min": 0 },
  "HeaderStr": { "type": "string", "location": "header", "locationName": "x-where" },
  "Map": { "type": "map", "key": { "shape": "Str" }, "value": { "shape": "Doc" } },
  "Time": { "type": "timestamp", "timestampFormat": "iso8601" },
  "Doc": { "type": "structure", "document": true, "members": {} },
  "Thing": { "type": "structure", "members": { "self": { "shape": "Thing" }, "rate": { "shape": "Rate" } } },
  "Rate": { "type": "float", "max": 0.1, "box": true },
  "Other": { "type": "structure", "members": { "body": { "shape": "Bytes" } } },
  "Bytes": { "type": "blob" },
  "Unreachable": { "type": "structure", "members": {} },
  "Conflict": { "type": "structure", "exception": true, "error": { "httpStatusCode": 409 }, "members": {} },
  "Throttled": { "type": "structure", "exception": true, "retryable": { "throttling": true }, "members": {} }
 }
}]==]

local PAGINATORS = [[{ "pagination": { "GetOther": { "input_token": "a", "output_token": "b", "limit_key": "c",
  "result_key": "d" }, "Unknown": {} } }]]

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- A file with a text, gone when the function returns.
local function with_file(text, run)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  local results = { pcall(run, path) }
  os.remove(path)
  assert(results[1], results[2])
  return results[2], results[3]
end

local function load_text(text)
  return assert((rawget(_G, "loadstring") or load)(text))()
end

-- The API table as the tool has it before it is written, from what is written.
local function plain_api()
  local written = dofile "lua/bedrock/api/bedrock.lua"
  local api = { metadata = written.metadata, version = written.version }
  for _, section in ipairs { "operations", "paginators", "shapes" } do
    api[section] = {}
    for name, text in pairs(written[section]) do api[section][name] = load_text("return " .. text) end
  end
  return api
end

describe("tools/genapi.lua", function()
  describe("converts", function()
    local api = assert(genapi.convert(assert(genapi.read_json(MODEL)), assert(genapi.read_json(PAGINATORS))))
    -- Through the text, as a user of the file sees it.
    local written = load_text(genapi.generate(api, "demo.json"))
    local m = model.load(written)

    it("operations", function()
      local put = m.operations.put_thing
      assert.equal("PUT", put.method)
      assert.equal("/things/{id}", put.uri)
      assert.equal(201, put.status)
      assert.is_true(put.idempotent)
      assert.equal(409, put.errors.Conflict.error.httpStatusCode)
      local nothing = m.operations.GetNothing
      assert.equal("none", nothing.auth)
      assert.equal("data.", nothing.host_prefix)
      assert.equal(200, nothing.status)
      assert.is_nil(nothing.input)
    end)

    it("members in the order of the model", function()
      local input = m.operations.PutThing.input
      assert.same({ "zeta", "id", "alpha", "token", "where", "map", "time" }, input.order)
      assert.same({ "id" }, input.required)
      assert.equal("Id", input.members.id.wire)
      assert.is_true(input.members.token.idempotencyToken)
      assert.equal("list", input.members.alpha.shape.type)
      assert.equal("document", input.members.map.shape.value.shape.type)
      assert.equal("iso8601", input.members.time.shape.timestampFormat)
    end)

    it("a location that a shape states", function()
      local member = m.operations.PutThing.input.members.where
      assert.equal("header", member.location)
      assert.equal("x-where", member.wire)
    end)

    it("names for hosts and signatures, whatever the model has", function()
      local rows = {
        { { endpointPrefix = "a-runtime", signingName = "a" }, "a-runtime", "a" },
        { { endpointPrefix = "a" }, "a", "a" },
        { { signingName = "a" }, "a", "a" },
        { { serviceId = "Two Words" }, "two-words", "two-words" },
        { {}, "service", "service" },
      }
      for _, row in ipairs(rows) do
        row[1].protocol = "rest-json"
        local metadata = genapi.convert({ metadata = row[1], operations = {}, shapes = {} }).metadata
        assert.same({ row[2], row[3] }, { metadata.endpointPrefix, metadata.signingName })
      end
    end)

    it("a payload that the operation states", function()
      assert.equal("body", m.operations.GetOther.input.payload)
    end)

    it("numbers and texts as they are", function()
      local shape = m.shape("Str")
      assert.equal('[a-z]]\\d"[[x]=]\\n', shape.pattern)
      assert.equal(5000000000, shape.max)
      assert.same({ "a", "end" }, shape.enum)
      assert.is_true(shape.sensitive)
      assert.equal(0.1, m.shape("Rate").max)
      assert.equal(0, m.shape("Strs").min)
    end)

    it("exceptions that no operation lists, and leaves out what nothing leads to", function()
      assert.is_true(m.exception("Throttled").retryable.throttling)
      assert.is_nil(written.shapes.Unreachable)
      assert.is_nil(genapi.generate(api, "x"):find("prose", 1, true))
    end)

    it("paginators of the operations that there are", function()
      assert.same({ input_token = "a", output_token = "b", limit_key = "c", result_key = "d" }, m.operations.GetOther.paginator)
      assert.is_nil(written.paginators.Unknown)
    end)

    it("into strings, one line an entry", function()
      for _, section in ipairs { "operations", "shapes", "paginators" } do
        for _, text in pairs(written[section]) do
          assert.is_string(text)
          assert.is_nil(text:find("\n"))
        end
      end
    end)

    it("a choice of operations", function()
      local few = assert(genapi.convert(assert(genapi.read_json(MODEL)), nil, { "GetNothing" }))
      assert.same({ "GetNothing" }, { next(few.operations), next(few.operations, "GetNothing") })
      assert.is_nil(few.shapes.Thing)
      assert.is_table(few.shapes.Throttled)
    end)

    it("a model read elsewhere, with members sorted", function()
      local plain = model.load(assert(genapi.convert(assert(core.json_decode_plain(MODEL)))))
      assert.same({ "alpha", "id", "map", "time", "token", "where", "zeta" }, plain.operations.PutThing.input.order)
    end)

    it("models of the protocol query, and what they say of it", function()
      local text = MODEL:gsub('"rest%-json"', '"query", "apiVersion": "2020-01-01"')
        :gsub('"shape": "Thing" },\n', '"shape": "Thing", "resultWrapper": "%%s" },\n', 1)
        :gsub('"httpStatusCode": 409', '"code": "Conflicting", %0'):gsub('"document": true, ', "")
      for wrapper, expected in pairs { PutThingResult = false, Outcome = "Outcome" } do
        local few = assert(genapi.convert(assert(genapi.read_json((text:gsub("%%s", wrapper)))), nil,
          { "PutThing", "GetNothing" }))
        assert.equal("query", few.metadata.protocol)
        local query = model.load(load_text(genapi.generate(few, "demo.json"))).operations
        assert.equal(expected or nil, query.PutThing.result_wrapper)
        assert.equal("2020-01-01", query.PutThing.api_version)
        assert.equal("Conflict", query.PutThing.errors.Conflicting.name)
        assert.equal("none", query.GetNothing.auth)
      end
      assert.is_nil(m.operations.PutThing.api_version)
    end)

    it("the protocol that is understood, of several", function()
      local rows = { -- protocol, protocols, what is taken
        { "rest-json", nil, "rest-json" },
        { "query", nil, "query" },
        { "query", { "rest-json", "query" }, "query" },
        { "json", { "json", "rest-json", "query" }, "rest-json" },
        { "json", { "json", "query", "rest-json" }, "query" },
        { nil, { "rest-json" }, "rest-json" },
      }
      for _, row in ipairs(rows) do
        local made = genapi.convert { metadata = { protocol = row[1], protocols = row[2] }, operations = {}, shapes = {} }
        assert.equal(row[3], made.metadata.protocol)
      end
    end)

    it("the same model to the same text", function()
      local again = assert(genapi.convert(assert(genapi.read_json(MODEL)), assert(genapi.read_json(PAGINATORS))))
      assert.equal(genapi.generate(api, "demo.json"), genapi.generate(again, "demo.json"))
    end)
  end)

  it("gives what bedrock.new takes as `api`", function()
    local api = load_text(genapi.generate(assert(genapi.convert(assert(genapi.read_json(MODEL)))), "demo.json"))
    local sent
    local client = assert(require("bedrock").new {
      api = api,
      region = "xx-test-1",
      endpoint_url = "https://example.com/base",
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
      environment = {},
      read_file = function() end,
      runtime = {
        now = function()
          return 1700000000
        end,
        sleep = function() end,
        send = function(_, request)
          sent = request
          return { status = 201, headers = {}, body = '{"rate":0.5,"self":{"rate":1}}' }
        end,
      },
    })
    local thing = assert(client:put_thing { id = "a/b", alpha = {}, token = "t", where = "w" })
    assert.same({ rate = 0.5, self = { rate = 1 } }, thing)
    assert.equal("https://example.com/base/things/a%2Fb", sent.url)
    assert.equal('{"alpha":[],"token":"t"}', sent.body)
    assert.equal("w", sent.headers["x-where"])
    assert.truthy(sent.headers.Authorization:find("/xx-test-1/demo/aws4_request", 1, true))
    assert(client:get_nothing())
    assert.equal("https://data.example.com/base/", sent.url)
    assert.is_nil(sent.headers.Authorization)
  end)

  describe("refuses", function()
    local rows = {
      { '"operations"', '"operation"', "this is no service model: it needs metadata, operations and shapes" },
      { '"rest%-json"', '"json"', 'the service speaks "json"; only rest-json and query are understood' },
      { '"rest%-json"', '"query"', 'shape "Doc" is marked "document", which is not understood in the protocol query' },
      { '"shape": "Rate"', '"shape": "Rat"', 'member "rate" refers to the unknown shape "Rat"' },
      { '"shape": "Conflict"', '"shape": "Conflic"', 'PutThing refers to the unknown shape "Conflic"' },
      { '"type": "float"', '"type": "flaot"', 'shape "Rate" has the unknown type "flaot"' },
    }
    for _, row in ipairs(rows) do
      it(row[3], function()
        local text = MODEL:gsub(row[1], row[2])
        local api, err = genapi.convert(assert(genapi.read_json(text)))
        assert.is_nil(api)
        assert.equal(row[3], err)
      end)
    end

    it("operations that are not there, and names the nearest", function()
      local api, err = genapi.convert(assert(genapi.read_json(MODEL)), nil, { "GetNothin" })
      assert.is_nil(api)
      assert.equal('the model has no operation "GetNothin" (did you mean "GetNothing"?)', err)
    end)
  end)

  describe("as a command", function()
    it("says what is wrong with its arguments", function()
      local rows = {
        { {}, "^which model%?\nusage: " },
        { { "a", "b", "c" }, "^one file too many: c\nusage: " },
        { { "--operation", "A" }, "^unknown option %-%-operation\nusage: " },
        { { "a", "--operations" }, "^%-%-operations needs a value\nusage: " },
        { { "/nowhere/model.json" }, "^cannot read /nowhere/model.json: No such file or directory$" },
        { { "spec" }, "^cannot read spec" },
      }
      for _, row in ipairs(rows) do
        local text, err = genapi.run(row[1])
        assert.is_nil(text)
        assert.truthy(err:find(row[2]), err)
      end
      assert.truthy(genapi.run({ "--help" }):find("^usage: "))
    end)

    it("says what is wrong with a file", function()
      for _, row in ipairs { { "{", "byte 2" }, { "5", "no object" }, { '{"a":1} x', "byte 9" }, { "", "byte 1" },
        { '{"a" 1}', "byte 6" }, { '["a",]', "byte 6" }, { '{"a":"b', "byte 8" }, { '"\\x"', "byte 2" } } do
        local text, err = with_file(row[1], function(path)
          return genapi.run { path }
        end)
        assert.is_nil(text)
        assert.truthy(err:find("is not JSON as a model has it: ", 1, true))
        assert.truthy(err:find(row[2], 1, true), err)
      end
      local _, err = with_file(MODEL, function(path)
        return genapi.run { path, path } -- it would make a table without paginators
      end)
      assert.truthy(err and err:find("this is a service model; what comes second is the file of its paginators", 1, true))
      _, err = with_file(MODEL, function(path)
        return genapi.run { path, "--operations", "," }
      end)
      assert.truthy(err:find("^%-%-operations names none"))
      _, err = with_file(MODEL, function(path)
        return genapi.run { path, "--descriptions", "/nowhere.lua" }
      end)
      assert.truthy(err:find("^cannot read "))
      _, err = with_file(MODEL, function(path)
        return with_file("return 5", function(lines)
          return genapi.run { path, "--descriptions", lines }
        end)
      end)
      assert.truthy(err:find("returns no table with operations", 1, true))
    end)

    it("chooses operations by name or by their descriptions", function()
      local function operations(...)
        local options = { ... }
        local text = assert(with_file(MODEL, function(path)
          return genapi.run { path, options[1], options[2] }
        end))
        local names = {}
        for name in pairs(load_text(text).operations) do
          names[#names + 1] = name
        end
        table.sort(names)
        return table.concat(names, " ")
      end
      assert.equal("GetNothing GetOther PutThing", operations())
      assert.equal("GetOther PutThing", operations("--operations", "PutThing,GetOther"))
      assert.equal("GetOther PutThing", operations("--operations=PutThing, GetOther"))
      assert.equal("GetNothing", with_file('return { operations = { GetNothing = "Gets nothing." } }', function(lines)
        return operations("--descriptions", lines)
      end))
    end)

    it("runs by itself, without the library", function()
      local command = "LUA_PATH= LUA_CPATH= lua5.4 tools/genapi.lua %s 2>&1; echo status $?"
      local output = with_file(MODEL, function(path)
        local pipe = assert(io.popen(command:format(path)))
        local text = pipe:read("*a")
        pipe:close()
        return text
      end)
      assert.truthy(output:find("^%-%- Generated by tools/genapi.lua from "))
      assert.truthy(output:find("\nstatus 0\n$"))
      local pipe = assert(io.popen(command:format("")))
      output = pipe:read("*a")
      pipe:close()
      assert.truthy(output:find("^genapi: which model%?\nusage: "))
      assert.truthy(output:find("\nstatus 1\n$"))
    end)
  end)

  it("made the tables of credentials, whose operations without a signature say so", function()
    local unsigned = {}
    for service, protocol in pairs { sts = "query", sso = "rest-json", sso_oidc = "rest-json" } do
      local m = model.load(require("bedrock.api." .. service))
      assert.equal(protocol, m.metadata.protocol)
      for _, name in ipairs(m.operation_names) do
        unsigned[name] = m.operations[name].auth == "none"
      end
    end
    assert.same({ assume_role = false, assume_role_with_web_identity = true, get_role_credentials = true, create_token = true },
      unsigned)
    assert.equal("sts", model.load(require "bedrock.api.sts").metadata.signingName)
  end)

  it("reads JSON", function()
    local rows = {
      { '"a\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/"', 'aé😀\n"\\/' },
      { "-1.5e2", -150 },
      { "[]", {} },
      { '{"a":null,"b":[1,true,false]}', { b = { 1, true, false } } },
      { " [ 1 , { } ] ", { 1, {} } },
    }
    for _, row in ipairs(rows) do
      assert.same(row[2], (genapi.read_json(row[1])))
    end
    assert.is_nil((genapi.read_json(("["):rep(100000))))
  end)

  it("writes annotations", function()
    local api = assert(genapi.convert(assert(genapi.read_json(MODEL)), { GetOther = { result_key = "items" }, PutThing = { result_key = "list" } }))
    api.shapes.Thing.members[3] = { "list", "Strs" }
    api.operations.GetOther.output = "Thing"
    local text = genapi.annotate(api, "demo.json", {
      operations = { PutThing = "Puts a thing." }, waits = { thing = "PutThing" }, members = { self = "itself", time = "when" },
      shapes = { Thing = { "A thing.", rate = "how fast" }, Other = { self = "not in it" } },
    })
    assert.truthy(text:find("^%-%-%-@meta _\n"))
    for _, line in ipairs { "---@alias bedrock.Str\n---| \"a\"\n---| \"end\"\n---| string\n",
      "---@class bedrock.PutThingRequest\n---@field zeta? bedrock.Str\n---@field id ",
      "---@field time? number|string  when; seconds since 1970, UTC\n", "---@field token? bedrock.Str  made by the library if absent\n",
      "--- A thing.\n---@class bedrock.Thing\n---@field self? bedrock.Thing  itself\n---@field rate? number  how fast\n",
      "--- Puts a thing.\n--- Errors of the service: `Conflict`.\n---@param params bedrock.PutThingRequest\n",
      "function Client:put_thing(params, call_options) end\n",
      "---@field map? table<bedrock.Str, any>\n", "---@field alpha? bedrock.Str[]\n",
      '---@field items fun(self: bedrock.Client, operation_name: "put_thing", params?: bedrock.PutThingRequest, '
        .. "options?: bedrock.PageOptions): (fun(): bedrock.Str|nil)\n",
      '---@field wait fun(self: bedrock.Client, kind: "thing", params: bedrock.PutThingRequest, options?: bedrock.WaitOptions): '
        .. "bedrock.Thing|nil, bedrock.Error?\n",
      "(fun(): bedrock.Thing|nil)\n", "(fun(): any|nil)\n" } do -- GetOther's result key is no list
      assert.truthy(text:find(line, 1, true), line)
    end
    assert.is_function((rawget(_G, "loadstring") or load)(text))
  end)

  describe("the library's own descriptions", function()
    local descriptions = dofile "lua/bedrock/api/descriptions.lua"
    local api = plain_api()

    it("have a line for each operation and each member that users meet", function()
      for name in pairs(api.operations) do assert.is_string(descriptions.operations[name], name) end
      for name, shape in pairs(api.shapes) do
        if shape.exception then assert.is_string(descriptions.errors[name], name) end
        for _, member in ipairs(not shape.exception and shape.members or {}) do
          local own = descriptions.shapes[name] or {}
          assert.is_string(own[member[1]] or descriptions.members[member[1]], name .. "." .. member[1] .. " has no line")
        end
      end
    end)

    it("name nothing that does not exist", function()
      local used = {}
      for name, shape in pairs(api.shapes) do
        local own, known = descriptions.shapes[name] or {}, {}
        for _, member in ipairs(shape.members or {}) do
          known[member[1]] = true
          if not own[member[1]] and not shape.exception then used[member[1]] = true end
        end
        for member in pairs(own) do assert.truthy(member == 1 or known[member], name .. "." .. tostring(member)) end
      end
      for name in pairs(descriptions.operations) do assert.is_table(api.operations[name], name) end
      for name in pairs(descriptions.errors) do assert.is_true(api.shapes[name].exception, name) end
      for name in pairs(descriptions.shapes) do assert.is_table(api.shapes[name], name) end
      for name in pairs(descriptions.members) do assert.is_true(used[name], name .. " stands in no shape") end
    end)

    it("know the kinds of client:wait", function()
      for kind, row in pairs(require("bedrock.wait").kinds) do
        assert.equal(row.operation, genapi.snake_case(descriptions.waits[kind] or ""))
      end
      for kind in pairs(descriptions.waits) do assert.is_table(require("bedrock.wait").kinds[kind], kind) end
    end)

    it("and the API table give lua/bedrock/meta/operations.lua as it is", function()
      assert.equal(read("lua/bedrock/meta/operations.lua"),
        (genapi.annotate(api, "bedrock.json and bedrock-paginators.json", descriptions)))
    end)
  end)

  describe("made", function()
    local sources = { vectors.api .. "/bedrock.json", vectors.api .. "/bedrock-paginators.json", "--descriptions",
      "lua/bedrock/api/descriptions.lua" }
    if not vectors.available() then
      pending(vectors.missing)
      return
    end

    it("lua/bedrock/api/bedrock.lua, which is up to date", function()
      assert.equal(read("lua/bedrock/api/bedrock.lua"), (genapi.run(sources)))
    end)

    it("lua/bedrock/meta/operations.lua, which is up to date", function()
      sources[5] = "--annotations"
      assert.equal(read("lua/bedrock/meta/operations.lua"), (genapi.run(sources)))
    end)

    for file, options in pairs {
      sts = { "sts", "AssumeRole,AssumeRoleWithWebIdentity" },
      sso = { "sso", "GetRoleCredentials" },
      sso_oidc = { "sso-oidc", "CreateToken" },
    } do
      it(("lua/bedrock/api/%s.lua, which is up to date"):format(file), function()
        local path = ("lua/bedrock/api/%s.lua"):format(file)
        local model_file = vectors.api .. "/credential-services/" .. options[1] .. ".json"
        assert.equal(read(path), (genapi.run { model_file, "--operations", options[2] }))
        -- The command stands in the file and in the tool.
        local command = ("%s.json --operations %s"):format(options[1], options[2])
        assert.truthy(read(path):find("^%-%- Generated by tools/genapi.lua from " .. command:gsub("%p", "%%%0") .. "%.\n"))
        assert.truthy(read("tools/genapi.lua"):find(command .. " > " .. path, 1, true))
      end)
    end

    it("tables for all operations of the services that there are models of", function()
      for service, count in pairs { bedrock = 108, ["bedrock-runtime"] = 11, ["credential-services/sso"] = 1,
        ["credential-services/sso-oidc"] = 1, ["credential-services/sts"] = 3 } do
        local api = load_text(assert(genapi.run { vectors.api .. "/" .. service .. ".json" }))
        local m = model.load(api)
        assert.equal(count, #m.operation_names)
        for _, name in ipairs(m.operation_names) do
          assert.is_table(m.operations[name].errors)
        end
      end
    end)
  end)
end)
