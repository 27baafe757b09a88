local core = require "bedrock.core"
local errors = require "bedrock.errors"
local model = require "bedrock.model"
local rest_json = require "bedrock.protocol.rest_json"

local bedrock = model.load(require "bedrock.api.bedrock")
local null = core.json_null

-- An operation with the given members of its input (and output), over a handful of shapes.
local function operation(fields)
  local shapes = {
    String = { type = "string" },
    Integer = { type = "integer" },
    Long = { type = "long" },
    Double = { type = "double" },
    Boolean = { type = "boolean" },
    Blob = { type = "blob" },
    Time = { type = "timestamp" },
    EpochTime = { type = "timestamp", timestampFormat = "unixTimestamp" },
    HttpTime = { type = "timestamp", timestampFormat = "rfc822" },
    Document = { type = "document" },
    Strings = { type = "list", member = { "member", "String" } },
    Times = { type = "list", member = { "member", "Time" } },
    IsoTimes = { type = "list", member = { "member", "Time", timestampFormat = "iso8601" } },
    StringMap = { type = "map", key = { "key", "String" }, value = { "value", "String" } },
    ListMap = { type = "map", key = { "key", "String" }, value = { "value", "Strings" } },
    Nested = { type = "structure", members = { { "a", "String" }, { "list", "Strings" } } },
    Either = { type = "structure", union = true, members = { { "a", "String" }, { "b", "String" } } },
    Input = { type = "structure", members = fields.input or {}, payload = fields.payload },
    Output = { type = "structure", members = fields.output or {}, payload = fields.output_payload },
    Failure = { type = "structure", exception = true, members = fields.failure or {} },
    Unlisted = { type = "structure", exception = true, members = { { "detail", "String" } } },
  }
  return model.load({
    version = 1,
    metadata = {},
    operations = {
      Try = {
        method = fields.method or "POST",
        uri = fields.uri or "/try",
        status = 200,
        input = "Input",
        output = fields.output ~= false and "Output" or nil,
        errors = { "Failure" },
        host_prefix = fields.host_prefix,
        body_md5 = fields.body_md5,
      },
    },
    shapes = shapes,
  }).operations.Try
end

local function build(fields, params)
  return rest_json.build(operation(fields), params, function()
    return "token-1"
  end)
end

local function refused(fields, params, message)
  local parts, err = build(fields, params)
  assert.is_nil(parts)
  assert.is_true(errors.is(err))
  assert.equal("ParamValidationError", err.code)
  assert.equal("Try", err.operation)
  assert.equal(message, err.message)
end

describe("bedrock.protocol.rest_json", function()
  describe("paths", function()
    local fields = { uri = "/a/{x}/b/{y}", input = { { "x", "String", location = "uri" },
      { "y", "Double", location = "uri" } } }

    it("escape labels", function()
      local rows = {
        { "arn:aws:x/y", "arn%3Aaws%3Ax%2Fy" },
        { "a b+c%2F", "a%20b%2Bc%252F" },
        { "...", "..." },
        { "a/..", "a%2F.." },
        { "é\0\r\n", "%C3%A9%00%0D%0A" },
        { 7, "7" },
      }
      for _, row in ipairs(rows) do
        assert.equal("/a/" .. row[2] .. "/b/1", build(fields, { x = row[1], y = 1 }).path)
      end
    end)

    it("write numbers in plain decimal", function()
      local rows = {
        { 0.00001, "0.00001" },
        { 1e-7, "0.0000001" },
        { 1.5e-10, "0.00000000015" },
        { 0.1, "0.1" },
        { 1 / 3, "0.3333333333333333" },
        { -2.5, "-2.5" },
        { 2.0, "2" },
        { -0.0, "0" },
        { 1e15, "1000000000000000" },
        { 1e22, "10000000000000000000000" },
        { 123456789.125, "123456789.125" },
        { 0 / 0, "NaN" },
        { math.huge, "Infinity" },
        { -math.huge, "-Infinity" },
      }
      for _, row in ipairs(rows) do
        assert.equal("/a/l/b/" .. row[2], build(fields, { x = "l", y = row[1] }).path)
      end
      -- The decimal points of these locales, where they are installed, take one byte and two.
      for _, name in ipairs { "de_DE.UTF-8", "ps_AF.UTF-8" } do
        local found = os.setlocale(name, "numeric")
        local path = build(fields, { x = "l", y = -0.000125 }).path
        os.setlocale("C", "numeric")
        assert.equal("/a/l/b/-0.000125", found and path or "/a/l/b/-0.000125")
      end
    end)

    it("keep the slashes of greedy labels", function()
      local parts = build({ uri = "/f/{key+}/x", input = { { "key", "String", location = "uri" } } }, { key = "a/b c" })
      assert.equal("/f/a/b%20c/x", parts.path)
    end)

    it("name labels by the wire", function()
      local parts = build({ uri = "/f/{Key}", input = { { "key", "String", location = "uri", wire = "Key" } } }, { key = "k" })
      assert.equal("/f/k", parts.path)
    end)

    it("refuse labels that are empty or missing", function()
      refused(fields, { x = "", y = 1 }, "x: must not be empty: it is a part of the request's path")
      refused(fields, { y = 1 }, "x: is required but missing")
      refused(fields, { x = null, y = 1 }, "x: is required but missing")
      refused(fields, { x = {}, y = 1 }, "x: must be a string")
      refused(fields, { x = "x", y = "1" }, "y: must be a number")
    end)

    it("refuse labels that would lead to another path", function()
      local message = ': must not have "." or ".." for a part of the request\'s path: it would lead to another path'
      refused(fields, { x = ".", y = 1 }, "x" .. message)
      refused(fields, { x = "..", y = 1 }, "x" .. message)
      local greedy = { uri = "/f/{key+}", input = { { "key", "String", location = "uri" } } }
      refused(greedy, { key = "a/../b" }, "key" .. message)
      refused(greedy, { key = "a/." }, "key" .. message)
      assert.equal("/f/a/..b/.c", build(greedy, { key = "a/..b/.c" }).path)
    end)

    it("begin with a slash", function()
      assert.equal("/", build({ uri = "/" }, {}).path)
      assert.equal("/x", build({ uri = "x" }, {}).path)
    end)

    it("name a label that the input lacks", function()
      assert.has_error(function()
        build({ uri = "/{nothing}" }, {})
      end, 'the path "/{nothing}" has the label "nothing", and the input no such member')
    end)
  end)

  describe("queries", function()
    local function query(members, params, uri)
      local parts, err = build({ method = "GET", uri = uri, input = members }, params)
      return assert(parts, err).query
    end

    it("put the template's constants first", function()
      assert.equal("x=1&flag&a=b", query({ { "a", "String", location = "querystring" } }, { a = "b" }, "/p?x=1&flag"))
      assert.equal("x=1", query({ { "a", "String", location = "querystring" } }, {}, "/p?x=1"))
    end)

    it("leave out what is absent, null or an empty list, and send empty strings", function()
      local members = { { "a", "String", location = "querystring" }, { "b", "Strings", location = "querystring" } }
      assert.equal("", query(members, {}))
      assert.equal("", query(members, { a = null, b = {} }))
      assert.equal("a=", query(members, { a = "" }))
    end)

    it("escape names and values", function()
      assert.equal("a%2Fb%20c=%2B%2A%26", query({ { "a", "String", location = "querystring", wire = "a/b c" } }, { a = "+*&" }))
    end)

    it("write timestamps", function()
      local function row(shape, value)
        return query({ { "t", shape, location = "querystring" } }, { t = value })
      end
      assert.equal("t=2024-01-01T00%3A00%3A00Z", row("Time", 1704067200))
      assert.equal("t=2024-01-01T00%3A00%3A00.123Z", row("Time", 1704067200.123))
      assert.equal("t=2024-01-01T00%3A00%3A00Z", row("Time", "2024-01-01T01:00:00+01:00"))
      assert.equal("t=1704067200", row("EpochTime", "2024-01-01T00:00:00Z"))
      assert.equal("t=Mon%2C%2001%20Jan%202024%2000%3A00%3A00%20GMT", row("HttpTime", 1704067200))
      refused({ input = { { "t", "Time", location = "querystring" } } }, { t = "soon" },
        "t: must be a time: seconds since 1970 as a number, or a text like 2026-11-23T08:00:00Z")
    end)

    it("spread maps, sorted; bound members win", function()
      local members = {
        { "map", "StringMap", location = "querystring" },
        { "lists", "ListMap", location = "querystring" },
        { "named", "String", location = "querystring", wire = "n" },
      }
      assert.equal("n=1&a=x&b=y&c=1&c=2", query(members, { map = { b = "y", a = "x", n = "lost" }, lists = { c = { "1", "2" } },
        named = "1" }))
    end)

    it("say which item is wrong", function()
      refused({ input = { { "b", "Strings", location = "querystring" } } }, { b = { "a", {} } }, "b[2]: must be a string")
      refused({ input = { { "b", "Strings", location = "querystring" } } }, { b = "a" }, "b: must be a list")
      refused({ input = { { "m", "ListMap", location = "querystring" } } }, { m = { k = { "a", {} } } },
        "m.k[2]: must be a string")
      refused({ input = { { "m", "ListMap", location = "querystring" } } }, { m = { k = "a" } }, "m.k: must be a list")
      refused({ input = { { "m", "StringMap", location = "querystring" } } }, { m = { k = {} } }, "m.k: must be a string")
      refused({ input = { { "m", "StringMap", location = "querystring" } } }, { m = "a" },
        "m: must be a table of keys and values")
    end)
  end)

  describe("headers", function()
    local function headers(members, params)
      local parts, err = build({ input = members }, params)
      return assert(parts, err).headers
    end

    it("carry scalars", function()
      local members = {
        { "s", "String", location = "header", wire = "X-S" }, { "i", "Integer", location = "header", wire = "X-I" },
        { "d", "Double", location = "header", wire = "X-D" }, { "b", "Boolean", location = "header", wire = "X-B" },
        { "t", "Time", location = "header", wire = "X-T" }, { "e", "EpochTime", location = "header", wire = "X-E" },
        { "l", "Long", location = "header", wire = "X-L" }, { "o", "Blob", location = "header", wire = "X-O" },
      }
      assert.same({ ["X-S"] = "text", ["X-I"] = "5", ["X-D"] = "0.00001", ["X-B"] = "false", ["X-L"] = "9007199254740992",
        ["X-T"] = "Mon, 01 Jan 2024 00:00:00 GMT", ["X-E"] = "1704067200.5", ["X-O"] = "AP8=" }, headers(members, {
        s = "text", i = 5, d = 1e-5, b = false, t = 1704067200, e = 1704067200.5, l = 2 ^ 53, o = "\0\255" }))
    end)

    it("are left out where they would be empty", function()
      local members = { { "s", "String", location = "header", wire = "X-S" }, { "l", "Strings", location = "header", wire = "X-L" } }
      assert.same({}, headers(members, { s = "", l = {} }))
      assert.same({}, headers(members, { s = null }))
    end)

    it("join lists, with quotes where they are needed", function()
      local members = { { "l", "Strings", location = "header", wire = "X-L" } }
      assert.same({ ["X-L"] = [[a, "b,c", "\"d\\\"", \e]] }, headers(members, { l = { "a", "b,c", [["d\"]], [[\e]] } }))
    end)

    it("carry prefixed maps, empty values too", function()
      local members = { { "m", "StringMap", location = "headers", wire = "x-meta-" } }
      assert.same({ ["x-meta-A"] = "1", ["x-meta-b"] = "" }, headers(members, { m = { A = "1", b = "" } }))
    end)

    it("carry JSON in base64", function()
      local members = { { "j", "String", location = "header", wire = "X-J", jsonvalue = true } }
      assert.same({ ["X-J"] = core.base64_encode('{"a":[1]}') }, headers(members, { j = { a = { 1 } } }))
      assert.same({ ["X-J"] = core.base64_encode("true") }, headers(members, { j = "true" }))
    end)

    it("refuse what would break out of a header", function()
      local message = "must not contain NUL, line breaks or other control characters: it is sent as a header"
      local fields = { input = { { "s", "String", location = "header", wire = "X-S" },
        { "l", "Strings", location = "header", wire = "X-L" }, { "m", "StringMap", location = "headers", wire = "x-" } } }
      for _, bad in ipairs { "\0", "\r", "\n", "a\r\nX-Evil: yes", "\27", "\127" } do
        refused(fields, { s = bad }, "s: " .. message)
        refused(fields, { l = { "a", bad } }, "l: " .. message)
        refused(fields, { m = { k = bad } }, "m.k: " .. message)
      end
      for _, bad in ipairs { "a b", "a\r\n", "a:", "", "é" } do
        refused(fields, { m = { [bad] = "v" } }, "m: must have names of headers as keys: letters, digits and hyphens")
      end
      refused(fields, { l = { 1, {} } }, "l[2]: must be a string")
      refused(fields, { l = "a" }, "l: must be a list")
      refused(fields, { m = "a" }, "m: must be a table of keys and values")
    end)
  end)

  describe("bodies", function()
    it("are JSON in the model's order", function()
      local parts = build({ input = { { "z", "String" }, { "a", "Strings", wire = "A" }, { "n", "Nested" },
        { "h", "String", location = "header", wire = "X-H" }, { "t", "Time" } } },
        { a = {}, z = 5, n = {}, h = "x", t = 1.5 })
      assert.equal('{"z":"5","A":[],"n":{},"t":1.5}', parts.body)
      assert.same({ ["Content-Type"] = "application/json", ["X-H"] = "x" }, parts.headers)
    end)

    it("are {} where nothing is given, and absent where nothing could be", function()
      assert.equal("{}", build({ input = { { "a", "String" } } }, {}).body)
      local parts = build({ input = { { "a", "String", location = "querystring" } } }, {})
      assert.is_nil(parts.body)
      assert.same({}, parts.headers)
      parts = build({ method = "GET", input = { { "a", "String" } } }, {})
      assert.is_nil(parts.body)
      assert.same({}, parts.headers)
    end)

    it("leave out null", function()
      assert.equal("{}", build({ input = { { "a", "String" } } }, { a = null }).body)
    end)

    it("say where a value can't be written", function()
      refused({ input = { { "n", "Nested" } } }, { n = { list = { "ok", "\255" } } },
        "n.list[2]: " .. select(2, core.json_encode_plain("\255")))
      refused({ input = { { "n", "Nested" } }, payload = "n" }, { n = { list = { "ok", "\255" } } },
        "n.list[2]: " .. select(2, core.json_encode_plain("\255")))
      local parts, err = build({ input = { { "n", "Nested" } } }, { n = { a = {} } })
      assert.is_nil(parts)
      assert.equal("n.a", err.problems[1].path)
    end)

    it("are a payload's own", function()
      local rows = {
        { "Blob", "\0\255", "\0\255", "application/octet-stream" },
        { "Blob", nil, nil, "application/octet-stream" },
        { "Blob", "", "", "application/octet-stream" },
        { "String", "text", "text", "text/plain" },
        { "String", 0.00001, "0.00001", "text/plain" },
        { "String", nil, nil, nil },
        { "Nested", { a = "b" }, '{"a":"b"}', "application/json" },
        { "Nested", nil, "{}", "application/json" },
        { "Either", { b = "c" }, '{"b":"c"}', "application/json" },
        { "Either", nil, nil, nil },
        { "Document", "text", '"text"', "application/json" },
        { "Document", { 1, null }, "[1,null]", "application/json" },
        { "Document", false, "false", "application/json" },
        { "Document", nil, nil, nil },
      }
      for _, row in ipairs(rows) do
        local parts = build({ input = { { "p", row[1] } }, payload = "p" }, { p = row[2] })
        assert.equal(row[3], parts.body)
        assert.equal(row[4], parts.headers["Content-Type"])
      end
      refused({ input = { { "p", "Blob" } }, payload = "p" }, { p = 5 }, "p: must be a string of bytes")
      refused({ input = { { "p", "String" } }, payload = "p" }, { p = {} }, "p: must be a string")
      local _, err = build({ input = { { "p", "Nested" } }, payload = "p" }, { p = { list = { {} } } })
      assert.equal("p.list[1]", err.problems[1].path)
    end)

    it("have the caller's content type where the API binds one", function()
      local input = { { "p", "Blob" }, { "type", "String", location = "header", wire = "content-type" } }
      assert.same({ ["content-type"] = "image/png" }, build({ input = input, payload = "p" }, { p = "x", type = "image/png" }).headers)
      assert.same({ ["Content-Type"] = "application/octet-stream" }, build({ input = input, payload = "p" }, { p = "x" }).headers)
    end)

    it("come with their MD5 where it is asked for", function()
      local parts = build({ input = { { "a", "String" } }, body_md5 = true }, {})
      assert.equal(core.base64_encode(core.md5("{}")), parts.headers["Content-MD5"])
    end)
  end)

  describe("idempotency tokens", function()
    local fields = { input = { { "token", "String", idempotencyToken = true } } }

    it("are made where they are absent", function()
      assert.equal('{"token":"token-1"}', build(fields, {}).body)
      assert.equal('{"token":"token-1"}', build(fields, { token = null }).body)
      assert.equal('{"token":"token-1"}', build(fields).body)
    end)

    it("are kept where they are given, empty ones too", function()
      assert.equal('{"token":"mine"}', build(fields, { token = "mine" }).body)
      assert.equal('{"token":""}', build(fields, { token = "" }).body)
    end)

    it("leave the caller's table alone", function()
      local params = {}
      build(fields, params)
      assert.same({}, params)
    end)

    it("are made where only a metatable has one, which the body does not show", function()
      assert.equal('{"token":"token-1"}', build(fields, setmetatable({}, { __index = { token = "mine" } })).body)
      local located = { input = { { "q", "String", location = "querystring", idempotencyToken = true } } }
      assert.equal("q=token-1", build(located, setmetatable({}, { __index = { q = "mine" } })).query)
    end)

    it("are made for no NULL pointer of LuaJIT", function()
      if not rawget(_G, "jit") then return end
      local pointer = require("ffi").cast("void *", 0)
      for _, location in ipairs { "", "header", "querystring" } do
        local op = operation { input = { { "q", "String", location = location ~= "" and location or nil, idempotencyToken = true } } }
        assert.is_table(rest_json.check_and_build(op, {}))
        assert.is_nil(rest_json.check_and_build(op, { q = pointer }))
      end
    end)

    it("go into queries and headers as well", function()
      local parts = build({ input = { { "q", "String", location = "querystring", idempotencyToken = true },
        { "h", "String", location = "header", wire = "X-Token", idempotencyToken = true } } }, {})
      assert.equal("q=token-1", parts.query)
      assert.equal("token-1", parts.headers["X-Token"])
    end)

    it("are random UUIDs by default", function()
      local op = operation(fields)
      local a, b = rest_json.build(op, {}).body, rest_json.build(op, {}).body
      assert.truthy(a:find('^{"token":"%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x"}$'))
      assert.not_equal(a, b)
    end)
  end)

  describe("host prefixes", function()
    local fields = { host_prefix = "x-{name}.", input = { { "name", "String", hostLabel = true } } }

    it("take labels from parameters", function()
      assert.equal("x-ab-1.", build(fields, { name = "ab-1" }).host_prefix)
    end)

    it("can't name another host", function()
      for _, bad in ipairs { "", "a.b", "a/b", "evil.example#", "-a", "a-", "a b", "a\r\n", ("a"):rep(64), "é" } do
        refused(fields, { name = bad }, "name: must be a host label: 1 to 63 letters, digits and hyphens")
      end
      refused(fields, {}, "name: must be a host label: 1 to 63 letters, digits and hyphens")
    end)
  end)

  describe("answers", function()
    local function parse(fields, response)
      response.status = response.status or 200
      return rest_json.parse(operation(fields), response)
    end

    it("are empty tables where the body is", function()
      for _, body in ipairs { "", "{}", " \n", " { } ", "null" } do
        assert.same({}, (parse({ output = { { "a", "String" } } }, { body = body })))
      end
      assert.same({}, (parse({ output = { { "a", "String" } } }, {})))
      assert.same({}, (parse({ output = false }, { body = "OK" })))
    end)

    it("take their members from where the API has them", function()
      local result = parse({ output = {
        { "body", "String", wire = "Body" }, { "code", "Integer", location = "statusCode" },
        { "i", "Integer", location = "header", wire = "X-I" }, { "l", "Long", location = "header", wire = "X-L" },
        { "d", "Double", location = "header", wire = "X-D" }, { "b", "Boolean", location = "header", wire = "X-B" },
        { "t", "Time", location = "header", wire = "X-T" }, { "o", "Blob", location = "header", wire = "X-O" },
        { "meta", "StringMap", location = "headers", wire = "X-Meta-" }, { "none", "String", location = "header", wire = "X-N" },
      } }, {
        status = 201,
        body = '{"Body":"b","unknown":1}',
        headers = { ["x-i"] = "5", ["x-l"] = " 9007199254740991 ", ["x-d"] = "1e-3", ["x-b"] = "TRUE",
          ["x-t"] = "Mon, 01 Jan 2024 00:00:00 GMT", ["x-o"] = "AP8=", ["x-meta-a"] = "1", ["x-meta-b-c"] = "", ["x-meta-"] = "n" },
      })
      assert.same({ body = "b", code = 201, i = 5, l = 9007199254740991, d = 0.001, b = true, t = 1704067200, o = "\0\255",
        meta = { a = "1", ["b-c"] = "" } }, result)
    end)

    it("hand on header texts that are no value of their type", function()
      local output, headers = {}, {}
      for _, shape in ipairs { "Integer", "Double", "Boolean", "Time", "Blob" } do
        output[#output + 1] = { shape, shape, location = "header", wire = shape:lower() }
        headers[shape:lower()] = "?odd,"
      end
      for _, value in pairs(parse({ output = output }, { headers = headers })) do
        assert.equal("?odd,", value)
      end
      -- tonumber would take these
      local result = parse({ output = output }, { headers = { integer = "0x10", double = "inf" } })
      assert.same({ Integer = "0x10", Double = "inf" }, result)
    end)

    it("split header lists at commas outside quotes", function()
      local rows = {
        { "a, b,c", { "a", "b", "c" } },
        { [["b,c", "\"d\"", a]], { "b,c", '"d"', "a" } },
        { "a", { "a" } },
        { "", {} },
        { [["never ends, a]], { "never ends, a" } },
        { [["a\\b"]], { [[a\b]] } },
        { "a,,b", { "a", "", "b" } },
      }
      for _, row in ipairs(rows) do
        local result = parse({ output = { { "l", "Strings", location = "header", wire = "X-L" } } }, { headers = { ["x-l"] = row[1] } })
        assert.same(row[2], result.l)
      end
    end)

    it("split lists of timestamps in any form", function()
      local at = 1576540098
      for _, text in ipairs { "Mon, 16 Dec 2019 23:48:18 GMT, Mon, 16 Dec 2019 23:48:18 GMT",
        "2019-12-16T23:48:18Z, 2019-12-17T00:48:18+01:00", "1576540098,1576540098" } do
        for _, shape in ipairs { "Times", "IsoTimes" } do
          local result = parse({ output = { { "l", shape, location = "header", wire = "X-L" } } }, { headers = { ["x-l"] = text } })
          assert.same({ at, at }, result.l)
        end
      end
    end)

    it("have payloads", function()
      local rows = {
        { "Blob", "\0\255", "\0\255" },
        { "Blob", "", nil },
        { "String", "not JSON", "not JSON" },
        { "Nested", '{"a":"b"}', { a = "b" } },
        { "Nested", "", nil },
        { "Either", '{"b":"c"}', { b = "c" } },
        { "Document", "5", 5 },
        { "Document", "false", false },
      }
      for _, row in ipairs(rows) do
        local result = assert(parse({ output = { { "p", row[1] }, { "h", "String", location = "header", wire = "h" } },
          output_payload = "p" }, { body = row[2], headers = { h = "x" } }))
        assert.same({ p = row[3], h = "x" }, result)
      end
    end)

    it("that can't be read are a ResponseError with what is known of them", function()
      local rows = { "<html>", "OK", '{"a":', '{"a":"b"', "[]", '"text"', "5", "{}{}", ("["):rep(100000) }
      for _, body in ipairs(rows) do
        local result, err = parse({ output = { { "a", "String" } } },
          { body = body, headers = { ["x-amzn-requestid"] = "id-1", ["content-type"] = "text/html" } })
        assert.is_nil(result)
        assert.is_true(errors.is(err))
        assert.equal("ResponseError", err.code)
        assert.equal(200, err.status)
        assert.equal("id-1", err.request_id)
        assert.equal("Try", err.operation)
        assert.truthy(err.message:find("byte %d+"), err.message)
        assert.truthy(err.message:find("(Content-Type: text/html)", 1, true))
      end
      local result, err = parse({ output = { { "p", "Nested" } }, output_payload = "p" }, { body = "[1]" })
      assert.is_nil(result)
      assert.equal("ResponseError", err.code)
    end)

    it("without a status are a ResponseError", function()
      local result, err = rest_json.parse(operation {}, { body = "{}" })
      assert.is_nil(result)
      assert.equal("ResponseError", err.code)
    end)
  end)

  describe("errors", function()
    local function failure(response, members)
      local result, err = rest_json.parse(operation { failure = members }, response)
      assert.is_nil(result)
      assert.is_true(errors.is(err))
      assert.equal("Try", err.operation)
      assert.equal(response.headers, err.headers ~= nil and response.headers and err.headers or nil)
      return err
    end

    it("find their code in the header, then in code, then in __type", function()
      local rows = {
        { "A", '{"code":"B","__type":"C"}', "A" },
        { "A:http://x/", "", "A" },
        { "ns#A:http://x#y", "", "A" },
        { "A,B", "", "A" },
        { "", '{"code":"B","__type":"C"}', "B" },
        { nil, '{"code":"B","__type":"C"}', "B" },
        { nil, '{"Code":"B","__type":"C"}', "B" },
        { nil, '{"code":null,"__type":"ns#C"}', "C" },
        { nil, '{"code":{},"__type":"com.x#C:y"}', "C" },
        { nil, '{"code":403}', "403" },
        { nil, '{"code":""}', "400" },
        { nil, "{}", "400" },
        { nil, "[]", "400" },
        { nil, "", "400" },
        { nil, "{", "400" },
      }
      for _, row in ipairs(rows) do
        assert.equal(row[3], failure({ status = 400, headers = { ["x-amzn-errortype"] = row[1] }, body = row[2] }).code)
      end
    end)

    it("find a message", function()
      local rows = {
        { 400, "A", '{"message":"m"}', "m" },
        { 400, "A", '{"Message":"M"}', "M" },
        { 400, "A", '{"message":null,"Message":"M"}', "M" },
        { 400, "A", '{"message":{}}', "" },
        { 400, "A", '{"message":5}', "5" },
        { 400, "A", "", "" },
        { 400, nil, "", "Bad Request" },
        { 403, nil, '{"a":1}', "Forbidden" },
        { 418, nil, "", "HTTP status 418" },
        { 400, nil, " no\r\nJSON ", "no JSON" },
        { 503, nil, "<html>busy</html>", "Service Unavailable" },
        { 503, "A", "<html>busy</html>", "Service Unavailable" },
        { 502, nil, '{"message":"cut o', '{"message":"cut o' },
        { 301, nil, "", "the service answered with a redirect, which is not followed; is the endpoint right?" },
      }
      for _, row in ipairs(rows) do
        local err = failure { status = row[1], headers = { ["x-amzn-errortype"] = row[2] }, body = row[3] }
        assert.equal(row[4], err.message)
        assert.equal(row[1], err.status)
      end
    end)

    it("cut a text that goes on and on, in little time", function()
      local err = failure { status = 500, headers = {}, body = "x" .. (" "):rep(2 ^ 22) .. "y" }
      assert.equal("x", err.message)
      err = failure { status = 500, headers = {}, body = ("x"):rep(2 ^ 22) }
      assert.equal(1003, #err.message)
      err = failure { status = 400, headers = { ["x-amzn-errortype"] = "A" .. (" "):rep(2 ^ 18) .. "B" } }
      assert.equal(400, err.status)
      err = failure { status = 400, headers = {}, body = '{"code":"' .. (" "):rep(2 ^ 22) .. '"}' }
      assert.equal("400", err.code)
    end)

    it("carry the members of their exception", function()
      local members = { { "reason", "String", wire = "Reason" }, { "wait", "Integer", location = "header", wire = "X-Wait" },
        { "status", "String" }, { "message", "String" } }
      local err = failure({ status = 409, headers = { ["x-amzn-errortype"] = "Failure", ["x-wait"] = "7" },
        body = '{"Reason":"r","status":"odd","message":"m","other":1}' }, members)
      assert.equal("r", err.reason)
      assert.equal(7, err.wait)
      assert.equal(409, err.status) -- the library's own fields win
      assert.same({ reason = "r", wait = 7, status = "odd", message = "m" }, err.members)
      assert.is_nil(err.other)
    end)

    it("carry the members of an exception that the operation does not list", function()
      local err = failure { status = 400, headers = {}, body = '{"__type":"Unlisted","detail":"d"}' }
      assert.equal("d", err.detail)
    end)

    it("never fail to be read", function()
      for _, body in ipairs { "\0", '{"code":"Failure","a":', "[[[[", ("{"):rep(100000), "\255\254", '"Failure"', "true" } do
        local err = failure { status = 400, headers = { ["x-amzn-errortype"] = "Failure" }, body = body }
        assert.equal("Failure", err.code)
      end
      assert.equal("500", failure { status = 500 }.code)
    end)
  end)

  it("finds request ids under each of their names", function()
    assert.equal("1", rest_json.request_id { ["x-amzn-requestid"] = "1", ["x-amz-request-id"] = "2" })
    assert.equal("2", rest_json.request_id { ["x-amz-request-id"] = "2", ["x-amzn-request-id"] = "3" })
    assert.equal("3", rest_json.request_id { ["x-amzn-request-id"] = "3" })
    assert.equal("4", rest_json.request_id { ["X-Amzn-RequestId"] = "4" })
    assert.is_nil(rest_json.request_id {})
    assert.is_nil(rest_json.request_id(nil))
  end)

  it("builds every operation of Bedrock from its required parameters", function()
    local sample = { string = "abcdefghijklmnopqrstuvwxyz", integer = 1, boolean = true, timestamp = 0 }
    local function make(shape)
      if shape.type == "structure" then
        local value = {}
        for _, name in ipairs(shape.required or (shape.union and { shape.order[1] }) or {}) do
          value[name] = make(shape.members[name].shape)
        end
        return value
      elseif shape.type == "list" then
        return { make(shape.member.shape) }
      elseif shape.type == "map" then
        return { [make(shape.key.shape)] = make(shape.value.shape) }
      end
      return sample[shape.type]
    end
    for _, name in ipairs(bedrock.operation_names) do
      local op = bedrock.operations[name]
      local params = make(op.input)
      assert.is_true((require("bedrock.validate")(op, params)))
      local parts = assert(rest_json.build(op, params))
      assert.equal(op.method, parts.method)
      assert.equal("/", parts.path:sub(1, 1))
      assert.same({}, (rest_json.parse(op, { status = op.status, headers = {}, body = "{}" })))
    end
  end)
end)
