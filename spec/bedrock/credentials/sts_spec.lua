-- Roles: assumed with the keys of somebody else, or with a token of an identity provider, over real HTTP.

local core = require "bedrock.core"
local fake_runtime = require "spec.support.fake_runtime"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support.credentials"

local SLOW, has, refused, with = support.SLOW, support.has, support.refused, support.with
local ARN = "arn:aws:iam::210987654321:role/path/reader"
local BASE = "[profile base]\naws_access_key_id = AKIASTANDIN\naws_secret_access_key = SECRETMARK/long-term\n"
-- The first key that decides stands in line 2.
local ROLE = "[profile dev]\nrole_arn = " .. ARN .. "\nsource_profile = base\n%s\n" .. BASE
local WEB = "[profile dev]\nweb_identity_token_file = /t\nrole_arn = " .. ARN .. "\n"
local WEB_TOKEN = stand_in.DEFAULTS.sts.web_token
local PROFILE, PLACE = 'the profile "dev"', "(/h/.aws/config:2)"

local services = support.services()

-- files: as support.options takes them. Variables that are false are taken away.
local function options(files, env, more)
  local base = services:environment { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true", AWS_PROFILE = "dev" }
  return support.options(files, with(base, env), more)
end

local function resolve(...) return support.resolve(options(...)) end
local function program(...) return support.program(options(...)) end

local function form_of(request)
  local form = {}
  for name, value in request.body:gmatch "([^&=]+)=([^&]*)" do form[name] = core.uri_decode((value:gsub("%+", " "))) end
  return form
end

-- The forms that STS got, and who signed them.
local function forms()
  local list, signers = {}, {}
  for i, request in ipairs(services:requests "sts") do
    list[i] = form_of(request)
    signers[i] = (request.headers.authorization or ""):match "Credential=([^/]+)/" or "nobody"
  end
  return list, signers
end

local function is_session_name(name) return #name >= 2 and #name <= 64 and name:find "^[%w_+=,.@-]+$" ~= nil end

describe("a role of a profile", function()
  it("is assumed with the keys of its source_profile", function()
    local found = assert(resolve(ROLE:format "region = eu-west-1", { AWS_REGION = false }))
    assert.equal("ASIASTANDIN0001", found.access_key_id)
    assert.equal("SECRETMARK/sts+0001", found.secret_access_key)
    assert.equal("sts/SECRETMARK+token/0001==", found.session_token)
    assert.equal("210987654321", found.account_id)
    assert.equal("assume_role", found.provider)
    assert.equal("dev", found.profile)
    assert.is_true(math.abs(found.expiration - socket.gettime() - 3600) < 5 * SLOW)
    local list, signers = forms()
    assert.is_true(is_session_name(list[1].RoleSessionName))
    assert.same({ Action = "AssumeRole", Version = "2011-06-15", RoleArn = ARN, RoleSessionName = list[1].RoleSessionName }, list[1])
    assert.same({ "AKIASTANDIN" }, signers)
    local request = services:requests()[1]
    assert.equal("POST /", request.method .. " " .. request.path)
    assert.truthy(request.headers["content-type"]:find "^application/x%-www%-form%-urlencoded")
    assert.truthy(request.headers.authorization:find("/eu-west-1/sts/aws4_request", 1, true))
    assert.truthy(request.headers["user-agent"]:find("^lua%-bedrock/"))
    assert.equal(1, services:count())
  end)

  it("is read from answers in XML, too", function()
    services:set("sts", { format = "xml" })
    local found = assert(resolve(ROLE:format ""))
    assert.equal("sts/SECRETMARK+token/0001==", found.session_token)
    assert.equal("210987654321", found.account_id)
    assert.is_true(math.abs(found.expiration - socket.gettime() - 3600) < 5 * SLOW)
  end)

  it("is assumed with the keys that credential_source names", function()
    local text = "[profile dev]\nrole_arn = " .. ARN .. "\ncredential_source = "
    for source, row in pairs {
      Environment = { "AKIASTANDIN", { AWS_ACCESS_KEY_ID = "AKIASTANDIN", AWS_SECRET_ACCESS_KEY = "SECRETMARK/long-term" } },
      Ec2InstanceMetadata = { "ASIASTANDIN0002", { AWS_EC2_METADATA_DISABLED = false } },
      EcsContainer = { "ASIASTANDIN0001", { AWS_CONTAINER_CREDENTIALS_FULL_URI = services.url .. "/v2/x" } },
    } do
      services:reset()
      -- Keys in the environment come before a profile that is not given in code.
      local found = assert(resolve(text .. source, row[2], { profile = "dev" }))
      assert.equal("assume_role", found.provider)
      local _, signers = forms()
      assert.same({ row[1] }, signers)
    end
  end)

  it("may be the source of the next one, and that of a third", function()
    local text = "[profile a]\nrole_arn = arn:aws:iam::333333333333:role/third\nsource_profile = b\nexternal_id = for-third\n"
      .. "[profile b]\nrole_arn = arn:aws:iam::222222222222:role/second\nsource_profile = c\nrole_session_name = second\n"
      .. "[profile c]\nrole_arn = arn:aws:iam::111111111111:role/first\nsource_profile = base\nduration_seconds = 900\n" .. BASE
    local found = assert(resolve(text, nil, { profile = "a" }))
    assert.equal("ASIASTANDIN0005", found.access_key_id)
    assert.equal("333333333333", found.account_id)
    assert.equal("a", found.profile)
    local list, signers = forms()
    assert.same({ "AKIASTANDIN", "ASIASTANDIN0001", "ASIASTANDIN0003" }, signers)
    local seen = {}
    for i, form in ipairs(list) do
      seen[i] = { form.RoleArn:match "[^/]+$", form.ExternalId, form.DurationSeconds, form.RoleSessionName == "second" }
    end
    assert.same({ { "first", nil, "900", false }, { "second", nil, nil, true }, { "third", "for-third", nil, false } }, seen)
    services:fault { service = "sts", kind = "status", status = 403, code = "AccessDenied", after = 1 }
    has(refused(resolve(text, nil, { profile = "a" })), 'the profile "b" (/h/.aws/config:6)', "role/second", "AccessDenied")
  end)

  it("is asked for with what the profile says", function()
    for _, row in ipairs {
      { "external_id = a:b/c+d &=%", { ExternalId = "a:b/c+d &=%" } },
      { "role_session_name = me@example.com", { RoleSessionName = "me@example.com" } },
      { "duration_seconds = 43200", { DurationSeconds = "43200" } },
      { "external_id = \nrole_session_name =\nduration_seconds =\nmfa_serial =", {} },
    } do
      services:reset()
      assert(resolve(ROLE:format(row[1])))
      local form = forms()[1]
      for name, value in pairs(row[2]) do assert.equal(value, form[name]) end
      local allowed = { Action = true, Version = true, RoleArn = true, RoleSessionName = true }
      for name in pairs(form) do assert.is_true(allowed[name] or row[2][name] ~= nil, name) end
      assert.is_true(is_session_name(form.RoleSessionName))
    end
  end)

  it("does without a duration that is none, and says so", function()
    for _, junk in ipairs { "an hour", "1.5", "-900", "900s", "0x384", "1e3", "99999999999999999999999" } do
      services:reset()
      local found, err, warnings = resolve(ROLE:format("duration_seconds = " .. junk))
      assert(found, err)
      assert.is_nil(forms()[1].DurationSeconds)
      assert.equal(1, #warnings, junk)
      has(warnings[1], PROFILE .. " " .. PLACE .. ": duration_seconds is no whole number of seconds")
    end
  end)

  it("takes the code of an MFA device from the program", function()
    local text = ROLE:format "mfa_serial = arn:aws:iam::1:mfa/me"
    for _, code in ipairs { "012345", " 012345\n", 12345 } do
      local asked
      assert(resolve(text, nil, { mfa_code = function(serial)
        asked = serial
        return code
      end }))
      assert.equal("arn:aws:iam::1:mfa/me", asked)
      local list = forms()
      assert.equal("012345", list[#list].TokenCode)
      assert.equal("arn:aws:iam::1:mfa/me", list[#list].SerialNumber)
    end
    services:reset()
    local function fails(mfa_code, ...)
      has(refused(resolve(text, nil, { mfa_code = mfa_code })), PROFILE, PLACE, "arn:aws:iam::1:mfa/me", "mfa_code", ...)
    end
    fails(nil, "give the option mfa_code, a function that returns one")
    fails(function() end, "must return the six digits")
    fails(function() return nil, "the user\ngave up" end, "must return the six digits", ": the user gave up")
    for _, wrong in ipairs { "12345", "1234567", "SECRETMARK", "", "12 456", 1234567, -1, 1.5, true, "123456 SECRETMARK" } do
      fails(function() return wrong end, "must return the six digits")
    end
    assert.equal(0, services:count())
  end)

  it("is assumed anew before the credentials end, from the base on", function()
    services:set("sts", { lifetime = 100 })
    local text = "[profile dev]\nrole_arn = " .. ARN .. "\ncredential_source = EcsContainer\n"
    local call = program(text, { AWS_CONTAINER_CREDENTIALS_FULL_URI = services.url .. "/v2/x" })
    local first = assert(call())
    assert.equal(first, call(70))
    assert.equal(1, services:count "sts")
    services:set("sts", { lifetime = 300 })
    local second = assert(call(90))
    assert.not_equal(first, second)
    assert.equal(2, services:count "container")
    local _, signers = forms()
    assert.not_equal(signers[1], signers[2])
    -- A renewal that fails does not matter while the old ones last.
    services:fault { service = "sts", kind = "status", status = 403, code = "AccessDenied" }
    assert.equal(second, call(285))
    assert.equal(3, services:count "sts")
  end)
end)

describe("a web identity", function()
  local ENV = { AWS_PROFILE = false, AWS_WEB_IDENTITY_TOKEN_FILE = "/t", AWS_ROLE_ARN = ARN }

  it("is shown to STS unsigned, by environment and by profile", function()
    local rows = {
      { "web_identity", nil, ENV, nil, { ["/t"] = WEB_TOKEN } },
      { "web_identity", nil, with(ENV, { AWS_ROLE_SESSION_NAME = "pod" }), "pod", { ["/t"] = WEB_TOKEN .. "\n" } },
      { "web_identity", "dev", {}, nil, { ["/t"] = WEB_TOKEN .. "\r\n", ["/h/.aws/config"] = WEB } },
      { "web_identity", "dev", {}, "s1", { ["/t"] = WEB_TOKEN, ["/h/.aws/config"] = WEB .. "role_session_name = s1\nduration_seconds = x" } },
    }
    for _, row in ipairs(rows) do
      for _, format in ipairs { "json", "xml" } do
        services:reset()
        services:set("sts", { format = format })
        local found = assert(resolve(row[5], row[3]))
        assert.equal(row[1], found.provider)
        assert.equal(row[2], found.profile)
        assert.equal("210987654321", found.account_id)
        local list, signers = forms()
        assert.same({ "nobody" }, signers)
        local request = services:requests()[1]
        assert.is_nil(request.headers["x-amz-date"])
        assert.is_nil(request.headers["x-amz-security-token"])
        assert.is_true(is_session_name(list[1].RoleSessionName))
        assert.same({ Action = "AssumeRoleWithWebIdentity", Version = "2011-06-15", RoleArn = ARN, WebIdentityToken = WEB_TOKEN,
          RoleSessionName = row[4] or list[1].RoleSessionName }, list[1])
      end
    end
  end)

  it("may be the source of a role", function()
    local text = WEB:gsub("dev", "base") .. "[profile dev]\nrole_arn = arn:aws:iam::1:role/next\nsource_profile = base\n"
    assert.equal("1", assert(resolve({ ["/t"] = WEB_TOKEN, ["/h/.aws/config"] = text })).account_id)
    local _, signers = forms()
    assert.same({ "nobody", "ASIASTANDIN0001" }, signers)
  end)

  it("is read anew at each renewal", function()
    local files = { ["/t"] = WEB_TOKEN }
    local call = program(files, ENV)
    assert(call())
    files["/t"] = "another.token\n"
    services:set("sts", { web_token = "another.token", lifetime = 10000 })
    assert(call(3500))
    assert.equal("another.token", forms()[2].WebIdentityToken)
    files["/t"] = nil
    has(refused(call(20000)), "AWS_WEB_IDENTITY_TOKEN_FILE", "/t: no such file")
    files["/t"] = "another.token"
    services:set("sts", { lifetime = 30000 })
    assert(call())
  end)

  local rows = {
    { "a line break inside", "SECRET.MARK\nSECRETMARK", "the token file /t has a blank, a line break" },
    { "a blank inside", "Bearer SECRETMARK", "the token file /t has a blank, a line break" },
    { "a NUL", "SECRETMARK\0", "the token file /t has a blank, a line break" },
    { "umlauts", "SECRETMARK\195\164", "the token file /t has a blank, a line break" },
    { "nothing in its file", "", "the token file /t is empty" },
    { "white space in its file", " \r\n\n", "the token file /t is empty" },
    { "no file", nil, "the token file can't be read: /t: no such file" },
    { "a file that can't be read", { "/t: Permission denied" }, "the token file can't be read: /t: Permission denied" },
  }
  for _, row in ipairs(rows) do
    it("is refused with " .. row[1], function()
      has(refused(resolve({ ["/t"] = row[2] }, ENV)), "web identity (AWS_WEB_IDENTITY_TOKEN_FILE): " .. row[3])
      has(refused(resolve({ ["/t"] = row[2], ["/h/.aws/config"] = WEB })), PROFILE .. " " .. PLACE .. ": " .. row[3])
      assert.equal(0, services:count())
    end)
  end

  it("is an error without a role", function()
    has(refused(resolve({ ["/t"] = WEB_TOKEN }, with(ENV, { AWS_ROLE_ARN = false }))),
      "the environment variable AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not")
    has(refused(resolve({ ["/t"] = WEB_TOKEN, ["/h/.aws/config"] = "[profile dev]\nweb_identity_token_file = /t\n" })),
      PROFILE .. " " .. PLACE .. " sets web_identity_token_file, but no role_arn")
  end)

  it("is not there with a role alone", function()
    has(refused(resolve({}, with(ENV, { AWS_WEB_IDENTITY_TOKEN_FILE = false }))), "no credentials were found",
      "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set")
  end)
end)

describe("STS", function()
  -- Where a request for a role goes, and what it is signed for.
  local function asked(text, env, more)
    local runtime = fake_runtime.new(function(request)
      return fake_runtime.answer(403, '{"Error":{"Code":"AccessDenied","Message":"no","Type":"Sender"},"RequestId":"r"}',
        { ["content-type"] = "application/json" }), nil, request
    end)
    local base = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true", AWS_PROFILE = "dev" }
    local _, err = support.resolve(support.options(text, with(base, env), with({ runtime = runtime }, more)))
    local request = runtime.requests[1]
    if not request then return nil, err end
    assert.is_nil(request.no_proxy)
    return request.url .. " " .. (request.headers.Authorization or "///-/"):match "/%d*/([^/]*)/", err
  end

  local region = "region = eu-west-1\n"
  local block = "services = local\n[services local]\nsts =\n  endpoint_url = http://127.0.0.1:5/x\n"
  local rows = {
    { "of the region", region, nil, "https://sts.eu-west-1.amazonaws.com/ eu-west-1" },
    { "of a region that nobody knows", "region = xx-new-1", nil, "https://sts.xx-new-1.amazonaws.com/ xx-new-1" },
    { "of China", "region = cn-north-1", nil, "https://sts.cn-north-1.amazonaws.com.cn/ cn-north-1" },
    { "of the whole world", "region = aws-global", nil, "https://sts.amazonaws.com/ us-east-1" },
    { "of old", region, { AWS_STS_REGIONAL_ENDPOINTS = "legacy" }, "https://sts.amazonaws.com/ us-east-1" },
    { "of old, by profile", region .. "sts_regional_endpoints = Legacy", nil, "https://sts.amazonaws.com/ us-east-1" },
    { "of a region, by variable", region .. "sts_regional_endpoints = legacy", { AWS_STS_REGIONAL_ENDPOINTS = "regional" },
      "https://sts.eu-west-1.amazonaws.com/ eu-west-1" },
    { "of a region that is younger", "region = eu-south-1\nsts_regional_endpoints = legacy", nil, "https://sts.eu-south-1.amazonaws.com/ eu-south-1" },
    { "by FIPS", region .. "use_fips_endpoint = true", nil, "https://sts-fips.eu-west-1.amazonaws.com/ eu-west-1" },
    { "by FIPS, legacy", region .. "use_fips_endpoint = true\nsts_regional_endpoints = legacy", nil, "https://sts-fips.eu-west-1.amazonaws.com/ eu-west-1" },
    { "by FIPS in GovCloud", "region = us-gov-west-1\nuse_fips_endpoint = true", nil, "https://sts.us-gov-west-1.amazonaws.com/ us-gov-west-1" },
    { "in GovCloud", "region = us-gov-west-1", nil, "https://sts.us-gov-west-1.amazonaws.com/ us-gov-west-1" },
    { "by dual stack", region .. "use_dualstack_endpoint = true", nil, "https://sts.eu-west-1.api.aws/ eu-west-1" },
    { "of its variable", region, { AWS_ENDPOINT_URL_STS = "http://h:1", AWS_ENDPOINT_URL = "http://g" }, "http://h:1/ eu-west-1" },
    { "of the general variable", region, { AWS_ENDPOINT_URL = "http://g/base/" }, "http://g/base/ eu-west-1" },
    { "of its variable, legacy", region, { AWS_ENDPOINT_URL_STS = "http://h:1", AWS_STS_REGIONAL_ENDPOINTS = "legacy" }, "http://h:1/ eu-west-1" },
    { "of another service, which is none", region, { AWS_ENDPOINT_URL_BEDROCK = "http://h:1" }, "https://sts.eu-west-1.amazonaws.com/ eu-west-1" },
    { "of its block", region .. block, nil, "http://127.0.0.1:5/x/ eu-west-1" },
    { "of its block, ignored", region .. block, { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "true" }, "https://sts.eu-west-1.amazonaws.com/ eu-west-1" },
    { "of its variable, ignored", region .. "ignore_configured_endpoint_urls = true", { AWS_ENDPOINT_URL_STS = "http://h:1" },
      "https://sts.eu-west-1.amazonaws.com/ eu-west-1" },
    { "of the profile", region .. "endpoint_url = https://all.example", nil, "https://all.example/ eu-west-1" },
  }
  for _, row in ipairs(rows) do
    it("is asked at the endpoint " .. row[1], function()
      local place, err = asked("[profile dev]\nrole_arn = " .. ARN .. "\nsource_profile = base\n" .. row[2] .. "\n" .. BASE, row[3])
      assert.equal(row[4], place)
      has(err, "AccessDenied")
    end)
  end

  it("is not asked at the option endpoint_url, which is Bedrock's own", function()
    assert.equal("https://sts.eu-west-1.amazonaws.com/ eu-west-1", (asked(ROLE:format(region), nil, { endpoint_url = "http://127.0.0.1:9" })))
  end)

  it("is asked at the region's endpoint for web identities", function()
    local files = WEB .. region
    local place, err = asked(files)
    assert.is_nil(place) -- there is no such token file
    has(err, "/t: no such file")
  end)

  it("can't be asked with settings that are wrong", function()
    for _, row in ipairs {
      { region, { AWS_STS_REGIONAL_ENDPOINTS = "global" }, "environment variable AWS_STS_REGIONAL_ENDPOINTS: the STS endpoints must be regional or legacy" },
      { region .. "sts_regional_endpoints = x", nil, "/h/.aws/config:5: the STS endpoints must be regional or legacy" },
      { region, { AWS_ENDPOINT_URL_STS = "sts.local" }, "environment variable AWS_ENDPOINT_URL_STS is not usable" },
      { region .. "services = none", nil, '/h/.aws/config:5: services names "none"' },
      { "", nil, "no region is set" },
    } do
      local place, err = asked(ROLE:format(row[1]), row[2])
      assert.is_nil(place)
      has(err, row[3])
      if err.code == "CredentialsError" then
        has(err, PROFILE, PLACE)
        assert.equal("ConfigurationError", err.cause.code)
      else
        assert.equal("ConfigurationError", err.code)
      end
    end
  end)
end)

describe("a role that STS does not give", function()
  -- By profile with keys, by profile with a web identity, by environment: what is set up, and what errors name.
  local FORMS = {
    { ROLE:format "", {}, { PROFILE, PLACE, ARN } },
    { { ["/t"] = WEB_TOKEN, ["/h/.aws/config"] = WEB }, {}, { PROFILE, PLACE, ARN } },
    { { ["/t"] = WEB_TOKEN }, { AWS_PROFILE = false, AWS_WEB_IDENTITY_TOKEN_FILE = "/t", AWS_ROLE_ARN = ARN }, { "AWS_WEB_IDENTITY_TOKEN_FILE", ARN } },
  }
  local function ask(form, limit) return resolve(form[1], form[2], { runtime = support.runtime(limit) }) end

  -- All three, with answers in both formats: each has to fail, after so many attempts.
  local function fails(fault, attempts, check, limit)
    fault.service, fault.times = "sts", -1
    for _, form in ipairs(FORMS) do
      for _, format in ipairs { "json", "xml" } do
        services:reset()
        services:set("sts", { format = format })
        services:fault(fault)
        local err = refused(ask(form, limit))
        has(err, (table.unpack or unpack)(form[3]))
        assert.equal(attempts, services:count "sts")
        check(err)
      end
    end
  end

  it("has the service's error as its cause", function()
    for _, row in ipairs {
      { 403, "AccessDenied", 1 }, { 403, "ExpiredToken", 1 }, { 400, "ExpiredTokenException", 1 }, { 403, "InvalidClientTokenId", 1 },
      { 400, "MalformedPolicyDocument", 1 }, { 403, "RegionDisabledException", 1 }, { 400, "InvalidIdentityToken", 1 },
      { 403, "IDPRejectedClaim", 1 }, { 400, "IDPCommunicationError", 3 }, { 400, "Throttling", 3 }, { 429, "Throttling", 3 },
      { 500, "InternalFailure", 3 }, { 503, "ServiceUnavailable", 3 },
    } do
      fails({ kind = "status", status = row[1], code = row[2], message = "not <you> & \"me\"" }, row[3], function(err)
        has(err, "can't be assumed: " .. row[2] .. ": not <you> & \"me\"", ("HTTP %d"):format(row[1]))
        assert.equal(row[2], err.cause.code)
        assert.equal('not <you> & "me"', err.cause.message)
        assert.equal(row[1], err.cause.status)
        assert.equal(row[1], err.status)
        assert.truthy(err.request_id:find "^stand%-in%-")
        assert.equal(err.request_id, err.cause.request_id)
        assert.equal(row[3] > 1, err.retryable)
        assert.truthy(err.cause.operation:find "^AssumeRole")
      end)
    end
  end)

  it("is given at a later attempt", function()
    for _, fault in ipairs {
      { kind = "status", status = 400, code = "IDPCommunicationError" }, { kind = "status", status = 503, code = "ServiceUnavailable" },
      { kind = "status", status = 502, body = "<html>bad gateway</html>" }, { kind = "reset" }, { kind = "close" }, { kind = "cut" },
    } do
      fault.service, fault.times = "sts", 2
      for _, form in ipairs(FORMS) do
        services:reset()
        services:fault(fault)
        assert(ask(form))
        assert.equal(3, services:count "sts")
      end
    end
  end)

  it("is not there where nobody answers", function()
    for _, row in ipairs { { "close", "ConnectionError" }, { "silent", "TimeoutError", 0.02 * SLOW }, { "garbage", "ResponseError" }, { "cut", "ResponseError" } } do
      fails({ kind = row[1] }, 3, function(err)
        has(err, "can't be assumed: " .. row[2])
        assert.equal(row[2], err.cause.code)
        assert.is_true(err.retryable)
      end, row[3])
    end
  end)

  it("is refused for a signature that does not fit", function()
    for _, row in ipairs {
      { "aws_secret_access_key = SECRETMARK/other", "SignatureDoesNotMatch" }, { "aws_access_key_id = AKIANOBODY", "InvalidClientTokenId" },
      { "aws_session_token = SECRETMARK", "InvalidClientTokenId" },
    } do
      local err = refused(resolve(ROLE:format "" .. row[1] .. "\n"))
      has(err, row[2], PROFILE, PLACE)
      assert.equal(row[2], err.cause.code)
    end
  end)

  it("is no good where the answer lies", function()
    local given = { AccessKeyId = "ASIA0", SecretAccessKey = "SECRETMARK", SessionToken = "SECRETMARK", Expiration = 4e9 }
    local function answer(changes, user)
      local result = { Credentials = with(given, changes), AssumedRoleUser = user or { Arn = "arn:aws:sts::1:assumed-role/r/s", AssumedRoleId = "A:s" } }
      local body = {}
      for _, operation in ipairs { "AssumeRole", "AssumeRoleWithWebIdentity" } do
        body[operation .. "Response"] = { [operation .. "Result"] = result, ResponseMetadata = { RequestId = "r" } }
      end
      return body
    end
    local null = core.json_null
    local XML = { ["Content-Type"] = "text/xml" }
    local function xml(inside)
      return ("<%sResponse><%sResult>" .. inside .. "</%sResult></%sResponse>"):gsub("%%s", "AssumeRole")
    end
    for _, row in ipairs {
      { answer { AccessKeyId = false }, "AccessKeyId is missing" }, { answer { SecretAccessKey = false }, "SecretAccessKey is missing" },
      { answer { Expiration = false }, "Expiration" }, { answer { Expiration = null }, "Expiration" },
      { answer { Expiration = "soon" }, "Expiration" }, { answer { Expiration = { 1 } }, "Expiration" },
      { answer { AccessKeyId = 17 }, "AccessKeyId" }, { answer { SecretAccessKey = { "SECRETMARK" } }, "SecretAccessKey" },
      { answer { SecretAccessKey = "SECRETMARK\n" }, "SecretAccessKey has a blank, a line break" },
      { answer { Expiration = 1 }, "have expired (at 1970-01-01T00:00:01Z)" },
      { { AssumeRoleResponse = null, AssumeRoleWithWebIdentityResponse = null }, "" },
      { "{}", "" }, { "[]", "" }, { "null", "" }, { '"SECRETMARK"', "" }, { "", "" }, { '{"AssumeRoleResponse":{"SECRETMARK', "" },
      { '{"AssumeRoleResponse":"SECRETMARK"}', "" }, { '{"AssumeRoleResponse":{"AssumeRoleResult":["SECRETMARK"]}}', "" },
      { xml "", "", XML }, { xml "<Credentials/>", "", XML }, { xml "<Credentials><SecretAccessKey>SECRETMARK</SecretAccessKey></Credentials>", "", XML },
      { xml "<Credentials><SecretAccessKey>SECRETMARK</Credentials>", "", XML }, { "<AssumeRoleResponse>SECRETMARK", "", XML },
      { xml "<Credentials><SecretAccessKey>&SECRETMARK;</SecretAccessKey></Credentials>", "", XML },
      { xml "<Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>SECRETMARK</SecretAccessKey><Expiration>SECRETMARK</Expiration></Credentials>", "", XML },
      { "<!DOCTYPE x [<!ENTITY a 'SECRETMARK'>]><x>&a;</x>", "", XML },
    } do
      for _, form in ipairs(FORMS) do
        services:reset()
        services:fault { service = "sts", kind = "json", body = row[1], headers = row[3], times = -1 }
        local err = refused(ask(form))
        has(err, row[2])
        if not err.message:find("have expired", 1, true) then
          has(err, (table.unpack or unpack)(form[3]))
          assert.equal(1, services:count "sts", err.message)
        end
      end
    end
  end)

  it("is no good where the answer is a page, or huge, or has expired", function()
    for _, row in ipairs { { { kind = "html" }, "" }, { { kind = "huge", mib = 2 }, "" }, { { kind = "expired" }, "have expired (at 20" } } do
      row[1].service = "sts"
      for _, form in ipairs(FORMS) do
        services:reset()
        services:fault(row[1])
        has(refused(ask(form)), row[2])
        assert.equal(1, services:count "sts")
      end
    end
  end)

  it("leaves a call the time that it has", function()
    services:fault { service = "sts", kind = "status", status = 503, times = -1, headers = { ["Retry-After"] = "20" } }
    local err = select(2, resolve(ROLE:format "", nil, { timeout = 2 }))
    assert.is_true(err.code == "TimeoutError" or err.code == "CredentialsError")
    has(err, ARN)
    assert.equal(1, services:count "sts")
  end)
end)

describe("a clock that is a day off", function()
  local function date_header() return os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(socket.gettime())) end

  it("is set right by STS, and what STS gives has not expired", function()
    for _, row in ipairs { { 86400, "RequestExpired" }, { -86400, "RequestInTheFuture" }, { 86400, "SignatureDoesNotMatch" }, { 90000, "InvalidSignatureException" } } do
      services:reset()
      services:set("sts", { lifetime = 200 })
      services:fault { service = "sts", kind = "status", status = 403, code = row[2], headers = { Date = date_header() } }
      local call, runtime = program(ROLE:format "")
      assert.equal("ASIASTANDIN0002", call(row[1]))
      assert.equal(2, services:count "sts")
      -- Bedrock's own request is signed with the right time, too.
      local signed = core.time_parse((runtime.date:gsub("^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$", "%1-%2-%3T%4:%5:%6Z")))
      assert.is_true(math.abs(signed - socket.gettime()) < 10 * SLOW)
      assert(call())
      assert.equal(2, services:count "sts")
      -- They do expire at their time on the service's clock.
      services:set("sts", { lifetime = 1000 })
      assert(call(row[1] + 201))
      assert.equal(3, services:count "sts")
      services:reset()
    end
  end)

  it("stays as it is where corrections are switched off", function()
    services:fault { service = "sts", kind = "status", status = 403, code = "RequestExpired", headers = { Date = date_header() }, times = -1 }
    local runtime = support.runtime()
    runtime.ahead = 86400
    has(refused(resolve(ROLE:format "", { AWS_DISABLE_CLOCK_SKEW_CORRECTION = "true" }, { runtime = runtime })), "RequestExpired")
    assert.equal(1, services:count "sts")
  end)
end)
