local core = require "bedrock.core"
local errors = require "bedrock.errors"
local model = require "bedrock.model"
local full_check = require "bedrock.validate"

-- The check, and beside it the one in C, which may doubt what is right, but must never let pass what is wrong.
local function validate(operation, params)
  local ok, err = full_check(operation, params)
  if operation.input and core.json_encode_params(core.json_shape(operation.input, true), params) then
    assert(ok, "the check in C lets it pass")
  end
  return ok, err
end

local bedrock = model.load(require "bedrock.api.bedrock")

-- One operation with a member of each kind.
local operation = model.load({
  version = 1,
  metadata = {},
  operations = {
    Try = { method = "POST", uri = "/try/{label}/{count}", status = 200, input = "Input", errors = {} },
    Plain = { method = "POST", uri = "/plain", status = 200, errors = {} },
  },
  shapes = {
    Input = { type = "structure", members = {
      { "label", "String", location = "uri" }, { "count", "Integer", location = "uri" },
      { "filter", "Strings", location = "querystring" }, { "more", "StringMap", location = "querystring" },
      { "token", "String", location = "header", wire = "X-Token" },
      { "tokens", "Strings", location = "header", wire = "X-Tokens" },
      { "meta", "StringMap", location = "headers", wire = "x-meta-" },
      { "json", "String", location = "header", wire = "X-Json", jsonvalue = true },
      { "clientToken", "Short", idempotencyToken = true },
      { "name", "Name" }, { "secret", "Secret" }, { "secrets", "SecretMap" }, { "size", "Size" }, { "rate", "Rate" },
      { "flag", "Boolean" }, { "at", "Time" }, { "bytes", "Bytes" }, { "names", "Names" }, { "map", "NameMap" },
      { "either", "Either" }, { "tree", "Tree" }, { "anything", "Document" },
    }, required = { "label", "count", "clientToken" } },
    String = { type = "string" },
    Short = { type = "string", min = 1 },
    Name = { type = "string", min = 3, max = 5, pattern = "[a-z]+", enum = { "abc" } },
    Secret = { type = "string", min = 100, sensitive = true },
    SecretMap = { type = "map", key = { "key", "Short" }, value = { "value", "Name" }, sensitive = true },
    Integer = { type = "integer" },
    Size = { type = "integer", min = 1, max = 10 },
    Rate = { type = "double", min = 0, max = 1 },
    Boolean = { type = "boolean" },
    Time = { type = "timestamp" },
    Bytes = { type = "blob", min = 2 },
    Strings = { type = "list", member = { "member", "String" } },
    StringMap = { type = "map", key = { "key", "String" }, value = { "value", "String" } },
    Names = { type = "list", member = { "member", "Name" }, min = 1 },
    NameMap = { type = "map", key = { "key", "Name" }, value = { "value", "Name" }, min = 1 },
    Either = { type = "structure", union = true, members = { { "left", "String" }, { "right", "Size" } } },
    Tree = { type = "structure", members = { { "leaf", "String" }, { "branches", "Trees" }, { "next", "Tree" } },
      required = { "leaf" } },
    Trees = { type = "list", member = { "member", "Tree" } },
    Document = { type = "document" },
  },
}).operations.Try

local function with(params)
  params.label = params.label or "l"
  params.count = params.count or 1
  return params
end

local function problems(params)
  local ok, err = validate(operation, with(params))
  if ok then
    return {}
  end
  assert.is_true(errors.is(err))
  assert.equal("ParamValidationError", err.code)
  assert.equal("Try", err.operation)
  assert.is_false(err.retryable)
  return err.problems, err
end

local nan, inf = 0 / 0, math.huge
local null = core.json_null

describe("bedrock.validate", function()
  describe("accepts", function()
    local rows = {
      { "a number where a string is wanted", { name = 12345 } },
      { "what goes beyond max, pattern and enum", { name = "NOT THAT, AND LONG", size = 11, rate = 7 } },
      { "three characters of two bytes", { name = "äöü" } },
      { "whole floats as integers", { size = 2.0 } },
      { "not a number as a double", { anything = 1, rate = nan } },
      { "infinity as a double", { rate = inf } },
      { "false", { flag = false } },
      { "epoch seconds", { at = 0 } },
      { "fractions of seconds before 1970", { at = -1.5 } },
      { "an ISO 8601 text", { at = "2024-02-29T12:00:00+02:00" } },
      { "any bytes as a blob", { bytes = "\0\255" } },
      { "one member of a union", { either = { left = "" } } },
      { "null as an absent member", { name = null, either = { left = null, right = 1 } } },
      { "an empty list without a minimum", { filter = {} } },
      { "documents of every kind", { anything = { 1, "a", true, null, { a = { 1.5 } } } } },
      { "a tree", { tree = { leaf = "a", branches = { { leaf = "b" }, { leaf = "c", branches = {} } } } } },
      { "the same table in two places", (function()
        local leaf = { leaf = "x" }
        return { tree = { leaf = "a", branches = { leaf, leaf } } }
      end)() },
      { "equal tables in each other", (function()
        local same = { __eq = function() return true end }
        local tree = setmetatable({ leaf = "x" }, same)
        for _ = 1, 40 do tree = setmetatable({ leaf = "x", next = tree }, same) end
        return { tree = tree }
      end)() },
      { "a tab in a header", { token = "a\tb" } },
      { "a blank in a label, which is escaped", { label = "a b" } },
      { "text and tables for JSON in a header", { json = { a = { 1 } } } },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        assert.same({}, (problems(row[2])))
      end)
    end
  end)

  describe("refuses", function()
    local deep = { leaf = "x" }
    for _ = 1, 200 do
      deep = { leaf = "x", next = deep }
    end
    local circle = { leaf = "x" }
    circle.next = circle
    local wide = { leaf = "x" } -- contains itself twice, so that walking it takes 2^depth steps
    wide.next, wide.branches = wide, { wide, wide, wide }
    local document = {}
    document.a = { { document } }

    local time = "must be a time: seconds since 1970 as a number, or a text like 2026-11-23T08:00:00Z; got "
    local header = "must not contain NUL, line breaks or other control characters: it is sent as a header"
    local rows = {
      { { name = true }, "name", "must be a string, got a boolean" },
      { { label = "a\0b" }, "label", "must not contain NUL or line breaks: it is a part of the request's URL" },
      { { label = "job\n" }, "label", "must not contain NUL or line breaks: it is a part of the request's URL" },
      { { label = "a\rb" }, "label", "must not contain NUL or line breaks: it is a part of the request's URL" },
      { { name = {} }, "name", "must be a string, got a table" },
      { { name = print }, "name", "must be a string, got a function" },
      { { name = nan }, "name", "must be a string or a finite number" },
      { { name = -inf }, "name", "must be a string or a finite number" },
      { { name = "ab" }, "name", "must have at least 3 characters" },
      { { name = "äö" }, "name", "must have at least 3 characters" },
      { { clientToken = "" }, "clientToken", "must have at least 1 character" },
      { { size = "5" }, "size", "must be an integer, got a string" },
      { { size = 2.5 }, "size", "must be an integer, got a number that is none" },
      { { size = nan }, "size", "must be an integer, got a number that is none" },
      { { size = inf }, "size", "must be an integer, got a number that is none" },
      { { size = 2 ^ 63 }, "size", "must be an integer, got a number that is none" },
      { { size = 0 }, "size", "must be at least 1" },
      { { rate = "1" }, "rate", "must be a number, got a string" },
      { { rate = -0.5 }, "rate", "must be at least 0" },
      { { flag = "true" }, "flag", "must be true or false, got a string" },
      { { flag = 1 }, "flag", "must be true or false, got a number" },
      { { at = "soon" }, "at", time .. "another text" },
      { { at = "" }, "at", time .. "another text" },
      { { at = nan }, "at", time .. "a number beyond the years 0 to 9999" },
      { { at = 1e15 }, "at", time .. "a number beyond the years 0 to 9999" },
      { { at = {} }, "at", time .. "a table" },
      { { bytes = 5 }, "bytes", "must be a string of bytes, got a number" },
      { { bytes = "a" }, "bytes", "must have at least 2 bytes" },
      { { names = "abc" }, "names", "must be a list, got a string" },
      { { names = {} }, "names", "must have at least 1 item" },
      { { names = { "abc", 5 == 6 } }, "names[2]", "must be a string, got a boolean" },
      { { names = { a = "abc" } }, "names", 'must be a list, got a table with the key "a"' },
      { { names = { [1.5] = "abc" } }, "names", "must be a list, got a table with the key 1.5" },
      { { names = { "abc", nil, "def" } }, "names", "must be a list without holes: 1 of 3 items are nil" },
      { { names = { "abc", null } }, "names[2]", "must be a string, got null" },
      { { map = "abc" }, "map", "must be a table of keys and values, got a string" },
      { { map = {} }, "map", "must have at least 1 entry" },
      { { map = { "abc" } }, "map", "must be a table with strings as keys, got a list" },
      { { map = { [true] = "abc" } }, "map", "must have strings as keys, got a boolean" },
      { { map = { ab = "abc" } }, "map.ab", "must have a key of at least 3 characters" },
      { { map = { ["a b c"] = "d" } }, 'map["a b c"]', "must have at least 3 characters" },
      { { map = { abc = null } }, "map.abc", "must be a string, got null" },
      { { either = {} }, "either", "must have exactly one of its members (left, right), got 0" },
      { { either = { left = "a", right = 1 } }, "either", "must have exactly one of its members (left, right), got 2" },
      { { either = { wright = 1 } }, "either.wright", 'unknown member "wright" (did you mean "right"?)' },
      { { tree = { leaf = "a", branches = { { leaf = "a" }, {} } } }, "tree.branches[2].leaf", "is required but missing" },
      { { tree = { "a" } }, "tree", "must be a table of named members, got one with the key 1" },
      { { tree = { leaf = "a", [print] = 1 } }, "tree", "must be a table of named members, got one with the key a function" },
      { { nmae = 1 }, "nmae", 'unknown member "nmae" (did you mean "name"?)' },
      { { colour = 1 }, "colour", 'unknown member "colour"' },
      { { ["na\0me\n\255"] = 1 }, '["na?me??"]', 'unknown member "na?me??" (did you mean "name"?)' },
      { { label = "" }, "label", "must not be empty: it is a part of the request's path" },
      { { label = "." }, "label", 'must not be ".": as a part of the request\'s path it would lead to another path' },
      { { label = ".." }, "label", 'must not be "..": as a part of the request\'s path it would lead to another path' },
      { { label = "\255" }, "label", "must be UTF-8" },
      { { label = "\237\160\128" }, "label", "must be UTF-8" }, -- half of a surrogate pair
      { { label = "\192\128" }, "label", "must be UTF-8" }, -- overlong
      { { label = "\244\144\128\128" }, "label", "must be UTF-8" }, -- beyond Unicode
      { { label = "a\226\130" }, "label", "must be UTF-8" },
      { { filter = { "ok", "\255" } }, "filter[2]", "must be UTF-8" },
      { { more = { ["\255"] = "v" } }, 'more["?"]', "must have a key in UTF-8" },
      { { token = "a\r\nX-Evil: 1" }, "token", header },
      { { token = "a\0" }, "token", header },
      { { token = "a\127" }, "token", header },
      { { tokens = { "a", "b\n" } }, "tokens[2]", header },
      { { meta = { ok = "a\nb" } }, "meta.ok", header },
      { { meta = { ["a\r\nb"] = "c" } }, 'meta["a??b"]', "must be the name of a header: letters, digits and hyphens" },
      { { meta = { ["a: b"] = "c" } }, 'meta["a: b"]', "must be the name of a header: letters, digits and hyphens" },
      { { meta = { [""] = "c" } }, 'meta[""]', "must be the name of a header: letters, digits and hyphens" },
      { { anything = print }, "anything", "must be what JSON can hold, got a function" },
      { { anything = { a = { nan } } }, "anything.a[1]", "must be a finite number: JSON has no other" },
      { { anything = { [true] = 1 } }, "anything", "must have strings as keys, or be a list; got a boolean" },
      { { anything = coroutine.create(function() end) }, "anything", "must be what JSON can hold, got a coroutine" },
      { { json = print }, "json", "must be what JSON can hold, got a function" },
    }
    for _, row in ipairs(rows) do
      it(row[2] .. ": " .. row[3], function()
        assert.same({ { path = row[2], message = row[3] } }, (problems(row[1])))
      end)
    end

    it("tables that contain themselves", function()
      for _, params in ipairs { { tree = circle }, { tree = wide }, { anything = document } } do
        local found = problems(params)
        assert.is_true(#found > 0)
        for _, one in ipairs(found) do
          assert.equal("is a table that contains itself", one.message)
        end
      end
    end)

    it("what is nested too deeply", function()
      local found = problems { tree = deep }
      assert.equal(1, #found)
      assert.equal("is nested more than 100 levels deep", found[1].message)
    end)

    it("parameters that are no table", function()
      for value, got in pairs { [5] = "a number", text = "a string", [true] = "a boolean", [null] = "null" } do
        local ok, err = validate(operation, value)
        assert.is_nil(ok)
        assert.same({ { path = "", message = "the parameters must be a table, got " .. got } }, err.problems)
        assert.equal("ParamValidationError: the parameters must be a table, got " .. got .. " (Try)", tostring(err))
      end
    end)

    it("a list in place of parameters", function()
      local _, err = validate(operation, { "a", "b" })
      assert.truthy(err.message:find("must be a table of named members, got one with the key 1", 1, true))
    end)

    it("parameters of an operation that takes none", function()
      local plain = { name = "Plain", method = "POST" }
      assert.is_true(validate(plain, nil))
      assert.is_true(validate(plain, {}))
      local _, err = validate(plain, { a = 1 })
      assert.equal('a: unknown member "a": the operation takes no parameters', err.message)
      _, err = validate(plain, "a")
      assert.equal("the parameters must be a table, got a string", err.message)
    end)
  end)

  it("collects all problems in one error, in the order of their paths", function()
    local _, err = validate(bedrock.operations.create_model_customization_job, {
      jobNam = "x",
      customModelName = "",
      roleArn = {},
      trainingDataConfig = { s3Ur = "s3://a" },
      outputDataConfig = {},
      hyperParameters = { epochCount = true },
      jobTags = { { key = "a", value = "b" }, { value = "c" } },
      vpcConfig = { subnetIds = { "subnet-1" } },
    })
    local paths = {}
    for i, one in ipairs(err.problems) do
      paths[i] = one.path
    end
    assert.same({ "baseModelIdentifier", "customModelName", "hyperParameters.epochCount", "jobNam", "jobName",
      "jobTags[2].key", "outputDataConfig.s3Uri", "roleArn", "trainingDataConfig.s3Ur", "vpcConfig.securityGroupIds" },
      paths)
    assert.truthy(err.message:find("^10 problems:\n  baseModelIdentifier: is required but missing\n"))
    assert.truthy(err.message:find('jobNam: unknown member "jobNam" (did you mean "jobName"?)', 1, true))
    assert.truthy(err.message:find('trainingDataConfig.s3Ur: unknown member "s3Ur" (did you mean "s3Uri"?)', 1, true))
  end)

  it("does not ask for idempotency tokens", function()
    assert.is_true(validate(operation, { label = "l", count = 1 }))
  end)

  it("reports missing members, null ones too", function()
    local _, err = validate(operation, { label = null })
    assert.equal("2 problems:\n  count: is required but missing\n  label: is required but missing", err.message)
  end)

  it("stops collecting at some point", function()
    local params = {}
    for i = 1, 500 do
      params["unknown" .. i] = 1
    end
    local found, err = problems(params)
    assert.equal(50, #found)
    assert.truthy(err.message:find("^more than 50 problems:"))
  end)

  it("keeps values out of messages, and keys that are secret", function()
    local _, err = problems { secret = "hunter2", secrets = { ["key-of-hunter"] = "x" }, name = "hu" }
    assert.is_nil(tostring(err):find("hunter", 1, true))
    assert.truthy(err.message:find("secrets.*: must have at least 3 characters", 1, true))
  end)

  it("looks past metatables, as the encoder does", function()
    local params = setmetatable({ label = "l" }, { __index = { count = 1, name = {} } })
    local _, err = validate(operation, params)
    assert.equal("count: is required but missing", err.message)
  end)

  it("leaves parameters as they are", function()
    local params = with { names = { "abc" }, either = { left = "a" } }
    validate(operation, params)
    assert.same({ label = "l", count = 1, names = { "abc" }, either = { left = "a" } }, params)
  end)

  it("checks any shape", function()
    local tags = bedrock.shape("TagList")
    assert.is_true(validate(tags, { { key = "a", value = "b" } }))
    local _, err = validate(tags, { { key = "a" } })
    assert.equal("[1].value: is required but missing", err.message)
    assert.is_nil(err.operation)
  end)
end)
