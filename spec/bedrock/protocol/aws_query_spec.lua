local aws_query = require "bedrock.protocol.aws_query"
local client = require "bedrock.client"
local clock = require "bedrock.clock"
local core = require "bedrock.core"
local errors = require "bedrock.errors"
local fake = require "spec.support.fake_runtime"
local model = require "bedrock.model"
local retry = require "bedrock.retry"

local null = core.json_null
local sts = model.load(require "bedrock.api.sts")

-- An operation with the given members of its input and output, over a handful of shapes.
local function operation(fields)
  return model.load({
    metadata = { apiVersion = "2020-01-01" },
    operations = {
      Try = { method = "POST", uri = "/", status = 200, input = fields.input ~= false and "Input" or nil,
        output = fields.output and "Output" or nil, errors = { "FailureException" },
        result_wrapper = fields.result_wrapper },
    },
    shapes = {
      String = { type = "string" }, Integer = { type = "integer" }, Long = { type = "long" }, Double = { type = "double" },
      Boolean = { type = "boolean" }, Blob = { type = "blob" }, Time = { type = "timestamp" },
      EpochTime = { type = "timestamp", timestampFormat = "unixTimestamp" },
      Strings = { type = "list", member = { "member", "String" } },
      Items = { type = "list", member = { "member", "Nested", wire = "Item" } },
      Map = { type = "map", key = { "key", "String" }, value = { "value", "Integer" } },
      OwnMap = { type = "map", key = { "key", "String", wire = "K" }, value = { "value", "Nested", wire = "V" } },
      Nested = { type = "structure", members = { { "b", "String" }, { "a", "Integer" }, { "list", "Strings" },
        { "deeper", "Nested" } } },
      Input = { type = "structure", members = fields.input or {} },
      Output = { type = "structure", members = fields.output or {} },
      FailureException = { type = "structure", exception = true, error = { code = "Failure", httpStatusCode = 400 },
        members = { { "message", "String" }, { "Count", "Integer" }, { "status", "String" } } },
      Unlisted = { type = "structure", exception = true, members = { { "Detail", "String" } } },
    },
  }).operations.Try
end

local function body_of(input, params)
  return assert(aws_query.build(operation { input = input }, params, function() return "token-1" end)).body
end

local ROLE = { RoleArn = "arn:aws:iam::123456789012:role/r", RoleSessionName = "me@home" }

describe("bedrock.protocol.aws_query", function()
  describe("requests", function()
    it("are forms", function()
      local params = { RoleSessionName = "a b", RoleArn = "arn:aws:iam::123456789012:role/r", DurationSeconds = 3600,
        Tags = { { Key = "k", Value = "" }, { Value = "é", Key = "l&=+" } }, TransitiveTagKeys = { "k" } }
      local parts = assert(aws_query.build(sts.operations.assume_role, params))
      assert.same({
        method = "POST", path = "/", query = "",
        headers = { ["Content-Type"] = "application/x-www-form-urlencoded", ["Accept"] = "application/json" },
        body = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
          .. "&RoleSessionName=a%20b&DurationSeconds=3600&Tags.member.1.Key=k&Tags.member.1.Value="
          .. "&Tags.member.2.Key=l%26%3D%2B&Tags.member.2.Value=%C3%A9&TransitiveTagKeys.member.1=k",
      }, parts)
    end)

    local rows = {
      { "nothing but who and when", {}, {}, "" },
      { "strings", { { "s", "String" }, { "t", "String" } }, { s = "~a.b_c-d *'()/\n", t = "" },
        "&s=~a.b_c-d%20%2A%27%28%29%2F%0A&t=" },
      { "numbers for strings", { { "s", "String" } }, { s = 5 }, "&s=5" },
      { "plain decimals", { { "i", "Integer" }, { "l", "Long" }, { "d", "Double" }, { "e", "Double" } },
        { i = -5, l = 2 ^ 53, d = 1e21, e = 1e-7 }, "&i=-5&l=9007199254740992&d=1000000000000000000000&e=0.0000001" },
      { "booleans", { { "y", "Boolean" }, { "n", "Boolean" } }, { y = true, n = false }, "&y=true&n=false" },
      { "bytes in base64", { { "b", "Blob" } }, { b = "a\0\255" }, "&b=YQD%2F" },
      { "times in ISO 8601, if the API does not say otherwise",
        { { "t", "Time" }, { "u", "Time" }, { "e", "EpochTime" }, { "m", "Time", timestampFormat = "unixTimestamp" } },
        { t = 1704067200, u = "Mon, 01 Jan 2024 00:00:00 GMT", e = 1704067200.5, m = 5 },
        "&t=2024-01-01T00%3A00%3A00Z&u=2024-01-01T00%3A00%3A00Z&e=1704067200.5&m=5" },
      { "nothing for nil and null", { { "s", "String" }, { "n", "Nested" }, { "l", "Strings" } },
        { s = null, n = { a = null } }, "" },
      { "structures", { { "n", "Nested", wire = "Wire" } }, { n = { a = 1, b = "x", deeper = { a = 2 } } },
        "&Wire.b=x&Wire.a=1&Wire.deeper.a=2" },
      { "lists", { { "l", "Strings" } }, { l = { "a", "b" } }, "&l.member.1=a&l.member.2=b" },
      { "that a list is empty", { { "l", "Strings" }, { "n", "Nested" } }, { l = {}, n = { list = {} } }, "&l=&n.list=" },
      { "lists of structures with lists", { { "i", "Items" } }, { i = { { list = { "x" } }, { b = "y" } } },
        "&i.Item.1.list.member.1=x&i.Item.2.b=y" },
      { "maps, sorted", { { "m", "Map" } }, { m = { b = 2, a = 1 } },
        "&m.entry.1.key=a&m.entry.1.value=1&m.entry.2.key=b&m.entry.2.value=2" },
      { "nothing for empty maps", { { "m", "Map" } }, { m = {} }, "" },
      { "maps with names of their own", { { "m", "OwnMap" } }, { m = { ["k."] = { a = 1 } } },
        "&m.entry.1.K=k.&m.entry.1.V.a=1" },
      { "idempotency tokens", { { "t", "String", idempotencyToken = true }, { "u", "String", idempotencyToken = true } },
        { u = "mine" }, "&t=token-1&u=mine" },
    }
    for _, row in ipairs(rows) do
      it("say " .. row[1], function()
        assert.equal("Action=Try&Version=2020-01-01" .. row[4], body_of(row[2], row[3]))
      end)
    end

    it("do without parameters", function()
      assert.equal("Action=Try&Version=2020-01-01", assert(aws_query.build(operation { input = false })).body)
    end)

    it("leave the caller's table alone", function()
      local params = {}
      assert(aws_query.build(operation { input = { { "t", "String", idempotencyToken = true } } }, params))
      assert.is_nil(next(params))
    end)

    local refused = {
      { { { "n", "Nested" } }, { n = { deeper = { a = "x" } } }, "n.deeper.a", "must be an integer" },
      { { { "n", "Nested" } }, { n = 5 }, "n", "must be a table" },
      { { { "l", "Strings" } }, { l = { "a", {} } }, "l[2]", "must be a string" },
      { { { "l", "Strings" } }, { l = "a" }, "l", "must be a list" },
      { { { "m", "Map" } }, { m = { k = 1.5 } }, "m.k", "must be an integer" },
      { { { "m", "Map" } }, { m = { 1 } }, "m", "must have strings as keys" },
      { { { "m", "Map" } }, { m = 1 }, "m", "must be a table of keys and values" },
    }
    for _, row in ipairs(refused) do
      it(("refuse %s that %s"):format(row[3], row[4]:gsub("must", "should")), function()
        local parts, err = aws_query.build(operation { input = row[1] }, row[2])
        assert.is_nil(parts)
        assert.equal("ParamValidationError", err.code)
        assert.equal(row[3] .. ": " .. row[4], err.message)
        assert.same({ { path = row[3], message = row[4] } }, err.problems)
      end)
    end

    it("refuse parameters that are no table", function()
      local _, err = aws_query.build(operation {}, 5)
      assert.equal("must be a table", err.message)
    end)
  end)

  describe("answers", function()
    local RESULT = { Credentials = { AccessKeyId = "ASIAEXAMPLE", SecretAccessKey = "s/e&c", SessionToken = "token==",
      Expiration = 1790000000 }, AssumedRoleUser = { Arn = "arn:aws:sts::1:assumed-role/r/s", AssumedRoleId = "A:s" },
      PackedPolicySize = 6 }
    local function in_json(expiration)
      return [[{"AssumeRoleResponse":{"AssumeRoleResult":{"AssumedRoleUser":{"Arn":"arn:aws:sts::1:assumed-role/r/s",
        "AssumedRoleId":"A:s"},"Credentials":{"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"s/e&c","SessionToken":"token==",
        "Expiration":]] .. expiration .. [[},"PackedPolicySize":6,"SourceIdentity":null,"New":[1]},
        "ResponseMetadata":{"RequestId":"id"}}}]]
    end
    local function in_xml(prefix)
      return (([==[<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <AssumeRoleResult>
          <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn><AssumedRoleId>A:s</AssumedRoleId></AssumedRoleUser>
          <Credentials>
            <AccessKeyId>ASIAEXAMPLE</AccessKeyId>
            <SecretAccessKey>s/e&amp;c</SecretAccessKey>
            <SessionToken><![CDATA[token==]]></SessionToken>
            <Expiration>2026-09-21T14:13:20Z</Expiration>
          </Credentials>
          <PackedPolicySize>6</PackedPolicySize>
          <New><member>1</member></New>
        </AssumeRoleResult>
        <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata>
      </AssumeRoleResponse>]==]):gsub("<(/?)(%a)", "<%1" .. prefix .. "%2"))
    end
    local rows = {
      { "JSON with epoch seconds", in_json "1790000000" },
      { "JSON with an exponent", in_json "1.79E9" },
      { "JSON with a time as text", in_json '"2026-09-21T14:13:20Z"' },
      { "JSON behind blanks", "\n " .. in_json "1790000000" },
      { "XML", in_xml "" },
      { "XML with a declaration and a byte order mark", '\239\187\191<?xml version="1.0"?>\n' .. in_xml "" },
      { "XML with prefixes", in_xml "ns:" },
    }
    for _, row in ipairs(rows) do
      it("may be " .. row[1] .. ", whatever their Content-Type", function()
        for _, kind in ipairs { "application/json", "text/xml", "x" } do
          local result, err = aws_query.parse(sts.operations.AssumeRole,
            { status = 200, headers = { ["content-type"] = kind }, body = row[2] })
          assert.is_nil(err)
          assert.same(RESULT, result)
          assert.equal("1790000000", ("%.14g"):format(result.Credentials.Expiration))
          local math_type = rawget(math, "type")
          assert.is_true(math_type == nil or math_type(result.Credentials.Expiration) == "integer")
        end
      end)
    end

    it("of both forms have lists and maps", function()
      local try = operation { output = { { "list", "Items" }, { "map", "Map" }, { "yes", "Boolean" } } }
      for _, body in ipairs {
        "<TryResponse><TryResult><list><Item><a>1</a></Item><Item><b>x</b></Item></list><map><entry><key>k</key><value>2</value>"
          .. "</entry></map><yes>true</yes></TryResult></TryResponse>",
        '{"TryResponse":{"TryResult":{"list":[{"a":1},{"b":"x"}],"map":{"k":2},"yes":true}}}',
      } do
        local result = assert(aws_query.parse(try, { status = 200, body = body }))
        assert.same({ list = { { a = 1 }, { b = "x" } }, map = { k = 2 }, yes = true }, result)
      end
    end)

    it("may have another wrapper, if the model says so", function()
      local try = operation { output = { { "s", "String" } }, result_wrapper = "Outcome" }
      for _, body in ipairs { "<TryResponse><Outcome><s>x</s></Outcome></TryResponse>", '{"TryResponse":{"Outcome":{"s":"x"}}}' } do
        assert.same({ s = "x" }, (aws_query.parse(try, { status = 200, body = body })))
      end
    end)

    it("without a promised output are an empty table, whatever their body", function()
      for _, body in ipairs { "", "<", "{}", "<TryResponse/>" } do
        assert.same({}, (aws_query.parse(operation {}, { status = 200, body = body })))
      end
    end)

    local SECRET = "SECRETwJalrXUtnFEMI"
    local unreadable = {
      { "", "JSON", "JSON ends too soon at byte 1" },
      { " \n", "JSON", "JSON ends too soon at byte 3" },
      { nil, "JSON", "JSON ends too soon at byte 1" },
      { SECRET, "JSON", "bad value in JSON at byte 1" },
      { '{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{"SecretAccessKey":"' .. SECRET, "JSON", "JSON ends too soon at byte 97" },
      { '{"AssumeRoleResponse":{"AssumeRoleResult":' .. SECRET .. "}}", "JSON", "bad value in JSON at byte 43" },
      { "null", "JSON", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { "[]", "JSON", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { '"' .. SECRET .. '"', "JSON", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { '{"Credentials":{"SecretAccessKey":"' .. SECRET .. '"}}', "JSON", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { '{"AssumeRoleResponse":"' .. SECRET .. '"}', "JSON", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { '{"AssumeRoleResponse":{"AssumeRoleResult":null}}', "JSON", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { '{"AssumeRoleResponse":{"AssumeRoleResult":["' .. SECRET .. '"]}}', "JSON", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { "<html><body>" .. SECRET .. "</body></html>", "XML", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { "<AssumeRoleResponse/>", "XML", "it has no AssumeRoleResult in AssumeRoleResponse" },
      { "<AssumeRoleResponse><AssumeRoleResult><" .. SECRET .. "></x>", "XML", "bad tag in XML at byte 60" },
      { "<AssumeRoleResponse><AssumeRoleResult><Credentials>" .. SECRET, "XML", "XML ends too soon at byte 71" },
      { "<!DOCTYPE " .. SECRET .. "><a/>", "XML", "XML with a DOCTYPE, which is not accepted, at byte 1" },
      { "<AssumeRoleResponse>&" .. SECRET .. ";</AssumeRoleResponse>", "XML", "bad character reference in XML at byte 21" },
    }
    for _, row in ipairs(unreadable) do
      it(("that can't be read are a ResponseError: %s"):format((tostring(row[1]):sub(1, 60):gsub("%c", "."))), function()
        local result, err = aws_query.parse(sts.operations.AssumeRole,
          { status = 200, headers = { ["x-amzn-requestid"] = "id", ["content-type"] = "text/x" }, body = row[1] })
        assert.is_nil(result)
        assert.is_true(errors.is(err))
        assert.equal("ResponseError", err.code)
        assert.is_false(err.retryable)
        assert.equal("id", err.request_id)
        assert.equal(200, err.status)
        assert.equal("AssumeRole", err.operation)
        assert.equal("text/x", err.headers["content-type"])
        assert.equal(("the service's answer is not the %s that AssumeRole promises: %s (Content-Type: text/x); is the endpoint "
          .. "right, and is nothing between it and this program?"):format(row[2], row[3]), err.message)
        for _, value in pairs(err) do
          assert.is_nil(tostring(value):find("SECRET", 1, true))
        end
      end)
    end

    it("of a runtime that errs are a ResponseError", function()
      for _, response in ipairs { {}, { status = 200, body = {} }, { status = 200, headers = "x" } } do
        local result, err = aws_query.parse(sts.operations.AssumeRole, response)
        assert.is_nil(result)
        assert.equal("ResponseError", err.code)
        assert.truthy(err.message:find("^the runtime gave an answer "))
      end
    end)
  end)

  describe("errors", function()
    local function fail(body, status, headers, of)
      local result, err = aws_query.parse(of or sts.operations.AssumeRoleWithWebIdentity,
        { status = status or 400, headers = headers, body = body })
      assert.is_nil(result)
      assert.is_true(errors.is(err))
      return err
    end

    local INNER = "<Error><Type>Sender</Type><Code>IDPCommunicationError</Code><Message>not &lt;there&gt;</Message></Error>"
    local INNER_JSON = '"Error":{"Type":"Sender","Code":"IDPCommunicationError","Message":"not <there>"},"RequestId":"body-id"'
    local forms = {
      { "XML", '<ErrorResponse xmlns="x">\n' .. INNER .. "<RequestId>body-id</RequestId></ErrorResponse>" },
      { "XML with the id elsewhere", "<ErrorResponse>" .. INNER
        .. "<ResponseMetadata><RequestId>body-id</RequestId></ResponseMetadata></ErrorResponse>" },
      { "XML without a wrapper", (INNER:gsub("</Error>", "<RequestId>body-id</RequestId></Error>")) },
      { "JSON", "{" .. INNER_JSON .. "}" },
      { "JSON with a wrapper", '{"ErrorResponse":{' .. INNER_JSON .. "}}" },
      { "JSON with small letters", '{"Error":{"Code":"IDPCommunicationError","message":"not <there>"},"RequestId":"body-id"}' },
    }
    for _, form in ipairs(forms) do
      it("come in " .. form[1], function()
        local err = fail(form[2])
        assert.equal("IDPCommunicationError", err.code)
        assert.equal("not <there>", err.message)
        assert.equal(400, err.status)
        assert.equal("body-id", err.request_id)
        assert.equal("AssumeRoleWithWebIdentity", err.operation)
        assert.same({}, err.headers)
        assert.same({ message = "not <there>" }, err.members)
        local headers = { ["x-amzn-requestid"] = "header-id" }
        err = fail(form[2], 400, headers)
        assert.equal("header-id", err.request_id)
        assert.equal(headers, err.headers)
      end)
    end

    it("carry the members of their exception", function()
      for _, body in ipairs { "<ErrorResponse><Error><Code>Failure</Code><Message>m</Message><Count>3</Count><status>s</status>"
        .. "<More>1</More></Error></ErrorResponse>", '{"Error":{"Code":"Failure","Message":"m","Count":3,"status":"s","More":1}}' } do
        local err = fail(body, 409, nil, operation {})
        assert.equal("Failure", err.code)
        assert.equal(3, err.Count)
        assert.equal(409, err.status)
        assert.same({ message = "m", Count = 3, status = "s" }, err.members)
        assert.is_nil(err.More)
      end
      assert.equal("d", fail('{"Error":{"Code":"Unlisted","Detail":"d"}}', 400, nil, operation {}).Detail)
    end)

    it("are found by the code that comes on the wire, and by their name", function()
      local listed = sts.operations.AssumeRoleWithWebIdentity.errors
      assert.equal("IDPCommunicationErrorException", listed.IDPCommunicationError.name)
      assert.equal(listed.IDPCommunicationError, listed.IDPCommunicationErrorException)
      assert.equal("ExpiredTokenException", listed.ExpiredTokenException.name)
    end)

    local odd = { -- body, status, code, message
      { "", 503, "503", "Service Unavailable" },
      { nil, 500, "500", "Internal Server Error" },
      { "<html><title>502</title></html>", 502, "502", "Bad Gateway" },
      { "<html><br></html>", 502, "502", "Bad Gateway" },
      { "<!DOCTYPE html><html></html>", 504, "504", "Gateway Timeout" },
      { "no healthy\nupstream", 503, "503", "no healthy upstream" },
      { "<ErrorResponse><Error><Code>Throttl", 400, "400", "Bad Request" },
      { "<ErrorResponse><Error/></ErrorResponse>", 400, "400", "Bad Request" },
      { "<ErrorResponse/>", 400, "400", "Bad Request" },
      { "<ErrorResponse><Error><Code> Throttling\n</Code></Error></ErrorResponse>", 400, "Throttling", "" },
      { "<ErrorResponse><Error><Message>m</Message></Error></ErrorResponse>", 400, "400", "m" },
      { '{"Error":"x","ErrorResponse":[]}', 400, "400", "Bad Request" },
      { '{"Error":{"Code":{},"Message":[]}}', 400, "400", "Bad Request" },
      { '{"Error":{"Code":"X","Message":5},"RequestId":7,"ResponseMetadata":[]}', 400, "X", "" },
      { "[]", 400, "400", "[]" },
      { "null", 400, "400", "null" },
      { '{"message":"Forbidden"}', 403, "403", "Forbidden" },
      { '{"__type":"com.amazon#Throttling","message":"slow"}', 400, "Throttling", "slow" },
      { "", 302, "302", "the service answered with a redirect, which is not followed; is the endpoint right?" },
    }
    for i, row in ipairs(odd) do
      it(("of row %d are still an error: %s"):format(i, (tostring(row[1]):gsub("%c", "."))), function()
        local err = fail(row[1], row[2], { ["x-amzn-requestid"] = "id" }, sts.operations.AssumeRole)
        assert.equal(row[3], err.code)
        assert.equal(row[4], err.message)
        assert.equal(row[2], err.status)
        assert.equal("id", err.request_id)
      end)
    end

    it("shows no text of whoever stands in between where the request held secrets: it may be an echo", function()
      local answer = { status = 502, headers = {}, body = "can't forward WebIdentityToken=SECRETMARK" }
      local _, err = aws_query.parse(sts.operations.assume_role_with_web_identity, answer)
      assert.equal("502: Bad Gateway (AssumeRoleWithWebIdentity, HTTP 502)", tostring(err))
      _, err = aws_query.parse(sts.operations.assume_role, { status = 502, headers = {}, body = "no route" })
      assert.equal("no route", err.message)
    end)

    it("come from a header as well", function()
      assert.equal("Throttling", fail("", 400, { ["x-amzn-errortype"] = "Throttling:" }).code)
    end)
  end)

  it("never fails on junk", function()
    local texts = { "<", "<<", "{", "{}", "[]", "null", "5", '"a"', "\0", "\255", "<a>", "<a/>", "&", "<ErrorResponse>",
      "<AssumeRoleResponse><AssumeRoleResult/></AssumeRoleResponse>", '{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":5}}}',
      "<AssumeRoleResponse><AssumeRoleResult>x<Credentials><Expiration><a/></Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
      '{"AssumeRoleResponse":[{}]}', '{"Error":[1],"ErrorResponse":{"Error":{"Error":{}}}}', ("<"):rep(100000), ("["):rep(100000) }
    for _, name in ipairs(sts.operation_names) do
      for _, status in ipairs { 200, 204, 299, 300, 400, 403, 500, 0, 999 } do
        for _, text in ipairs(texts) do
          local result, err = aws_query.parse(sts.operations[name], { status = status, headers = {}, body = text })
          assert.is_true(type(result) == "table" or errors.is(err))
        end
      end
    end
  end)

  describe("in a client", function()
    local ANSWER = '{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{"AccessKeyId":"ASIA"}}}}'
    local function new_client(script, credentials)
      local runtime = fake.new(script)
      return client.new {
        config = {}, model = sts, runtime = runtime, owns_runtime = false, protocol = aws_query,
        credentials = { get = function() return credentials end, replace = function() return false end },
        retry = retry.new { random = function() return 0 end }, clock = clock.new(), region = "eu-west-1",
        base_url = "https://sts.eu-west-1.amazonaws.com", signing_name = sts.metadata.signingName,
        user_agent = function() return "test" end,
      }, runtime
    end

    it("sends a form, signed for sts", function()
      local c, runtime = new_client({ fake.answer(200, ANSWER) },
        { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret", session_token = "token" })
      local result, meta = assert(c:assume_role(ROLE))
      assert.same({ Credentials = { AccessKeyId = "ASIA" } }, result)
      assert.equal("req-200", meta.request_id)
      local request = runtime.requests[1]
      assert.equal("POST", request.method)
      assert.equal("https://sts.eu-west-1.amazonaws.com/", request.url)
      assert.equal("Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
        .. "&RoleSessionName=me%40home", request.body)
      assert.equal("application/x-www-form-urlencoded", request.headers["Content-Type"])
      assert.equal("application/json", request.headers.Accept)
      assert.truthy(request.headers.Authorization:find("^AWS4%-HMAC%-SHA256 Credential=AKIDEXAMPLE/20231114/eu%-west%-1/sts/"))
      assert.equal("token", request.headers["X-Amz-Security-Token"])
    end)

    it("signs nothing where the API wants no signature, and tries again what may pass", function()
      local c, runtime = new_client {
        fake.answer(400, '{"Error":{"Code":"IDPCommunicationError","Message":"later"}}'),
        fake.answer(200, "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Provider>p</Provider>"
          .. "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"),
      }
      local result, meta = assert(c:assume_role_with_web_identity { RoleArn = ROLE.RoleArn, RoleSessionName = "me",
        WebIdentityToken = "header.payload.signature" })
      assert.equal("p", result.Provider)
      assert.equal(2, meta.attempts)
      assert.is_nil(runtime.requests[2].headers.Authorization)
      assert.equal(runtime.requests[1].body, runtime.requests[2].body)
    end)

    it("checks parameters by the shapes", function()
      local c = new_client {}
      local result, err = c:assume_role { RoleArn = ROLE.RoleArn, RolSessionName = "me" }
      assert.is_nil(result)
      assert.equal("ParamValidationError", err.code)
      assert.truthy(err.message:find('unknown member "RolSessionName" (did you mean "RoleSessionName"?)', 1, true))
    end)
  end)
end)
