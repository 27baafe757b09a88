-- The stand-in for the services that give credentials: that tests of providers can rely on what it does.

local core = require "bedrock.core"
local curl_runtime = require "bedrock.runtime.curl"
local sigv4 = require "bedrock.sigv4"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1 -- how much longer things may take, under valgrind
local ROLES = "/latest/meta-data/iam/security-credentials/"
local FORM = "application/x-www-form-urlencoded; charset=utf-8"
local DEFAULTS = stand_in.DEFAULTS

local services, runtime

setup(function()
  services = stand_in.start()
  runtime = curl_runtime.new { proxy = false }
end)
teardown(function()
  runtime:close()
  services:stop()
end)
before_each(function() services:reset() end)
after_each(function() assert.equal("", services:output()) end)

local function send(method, path, headers, body, fields)
  local request = { method = method, url = services.url .. path, headers = headers or {}, body = body }
  for name, value in pairs(fields or {}) do request[name] = value end
  return runtime:send(request)
end

local function get(path, headers) return send("GET", path, headers) end

-- The document of a good answer.
local function document(response, err)
  assert.is_nil(err)
  assert.equal(200, response.status, response.body)
  return assert(core.json_decode_plain(response.body))
end

-- Seconds that credentials still live.
local function life(text) return core.time_parse(text) - socket.gettime() end

local function about(expected, actual)
  assert.is_true(math.abs(expected - actual) < 3 * SLOW, tostring(actual))
end

local function session_token(seconds)
  local response = send("PUT", "/latest/api/token", { ["x-aws-ec2-metadata-token-ttl-seconds"] = seconds or "21600" }, "")
  assert.equal(200, response.status)
  return { ["x-aws-ec2-metadata-token"] = response.body }, response
end

local function assume(fields, credentials, headers, changes)
  local parts = { "Version=2011-06-15" }
  local form = { Action = "AssumeRole", RoleArn = "arn:aws:iam::210987654321:role/path/reader", RoleSessionName = "session-1" }
  for name, value in pairs(fields or {}) do form[name] = value end
  for name, value in pairs(form) do parts[#parts + 1] = name .. "=" .. core.uri_encode(value) end
  local request = { method = "POST", url = services.url .. "/", body = table.concat(parts, "&"), headers = { ["Content-Type"] = FORM } }
  for name, value in pairs(headers or {}) do request.headers[name] = value end
  if credentials then
    local options = { credentials = credentials, region = "us-east-1", service = "sts", time = os.time() }
    for name, value in pairs(changes or {}) do options[name] = value end
    request = assert(sigv4.sign(request, options))
  end
  return runtime:send(request)
end

local CALLER = { access_key_id = "AKIASTANDIN", secret_access_key = DEFAULTS.sts.secrets.AKIASTANDIN }
local JSON = { Accept = "application/json" }

local function portal(token, query)
  return get("/federation/credentials?" .. (query or "role_name=reader&account_id=210987654321"), { ["x-amz-sso_bearer_token"] = token })
end

local function refresh(changes)
  local body = {
    clientId = DEFAULTS.oidc.client_id, clientSecret = DEFAULTS.oidc.client_secret, grantType = "refresh_token",
    refreshToken = DEFAULTS.oidc.refresh_token,
  }
  for name, value in pairs(changes or {}) do body[name] = value end
  return send("POST", "/token", { ["Content-Type"] = "application/json" }, core.json_encode_plain(body))
end

describe("the stand-in's imds", function()
  it("gives a session token, the role and its credentials", function()
    local headers, response = session_token "300"
    assert.equal("300", response.headers["x-aws-ec2-metadata-token-ttl-seconds"])
    assert.equal("stand-in-role", get(ROLES, headers).body)
    local found = document(get(ROLES .. "stand-in-role", headers))
    assert.equal("Success", found.Code)
    assert.equal("AWS-HMAC", found.Type)
    assert.equal("ASIASTANDIN0002", found.AccessKeyId)
    assert.truthy(found.SecretAccessKey:find("SECRETMARK", 1, true) and found.Token:find("SECRETMARK", 1, true))
    about(3600, life(found.Expiration))
    about(0, life(found.LastUpdated))
    services:set("imds", { lifetime = -600 })
    about(-600, life(document(get(ROLES .. "stand-in-role", headers)).Expiration))
    local last = services:requests("imds")[4]
    assert.equal("GET", last.method)
    assert.equal(ROLES .. "stand-in-role", last.path)
    assert.equal(headers["x-aws-ec2-metadata-token"], last.headers["x-aws-ec2-metadata-token"])
    assert.equal("", last.body)
  end)

  it("refuses what the real one refuses", function()
    assert.equal(400, send("PUT", "/latest/api/token", {}, "").status)
    assert.equal(400, send("PUT", "/latest/api/token", { ["x-aws-ec2-metadata-token-ttl-seconds"] = "21601" }, "").status)
    assert.equal(403, send("PUT", "/latest/api/token",
      { ["x-aws-ec2-metadata-token-ttl-seconds"] = "60", ["X-Forwarded-For"] = "10.0.0.1" }, "").status)
    assert.equal(405, get("/latest/api/token").status)
    assert.equal(401, get(ROLES).status)
    services:set("imds", { v1 = true })
    assert.equal(200, get(ROLES).status)
    assert.equal(401, get(ROLES, { ["x-aws-ec2-metadata-token"] = "made-up" }).status)
    assert.equal(404, get(ROLES .. "other").status)
    services:set("imds", { role = false, token_lifetime = 0 })
    assert.equal(404, get(ROLES).status)
    assert.equal(401, get(ROLES, (session_token())).status)
    services:set("imds", { role = "r", code = "AssumeRoleUnauthorizedAccess", message = "no" })
    local found = document(get(ROLES .. "r"))
    assert.equal("AssumeRoleUnauthorizedAccess no", found.Code .. " " .. found.Message)
    assert.is_nil(found.AccessKeyId)
  end)
end)

describe("the stand-in's container endpoint", function()
  it("gives credentials at any path of the two services", function()
    for i, path in ipairs { "/v2/credentials/some-id", "/v1/credentials", "/v2/x?y=z" } do
      local found = document(get(path))
      assert.equal("ASIASTANDIN000" .. i, found.AccessKeyId)
      assert.equal("123456789012", found.AccountId)
      about(3600, life(found.Expiration))
      assert.equal(path, services:requests("container")[i].path)
    end
  end)

  it("wants its token word for word", function()
    services:set("container", { token = "Basic abc/+=", account_id = false })
    assert.equal(401, get("/v2/credentials").status)
    local refused = get("/v2/credentials", { Authorization = "Bearer Basic abc/+=" })
    assert.equal(401, refused.status)
    assert.truthy(core.json_decode_plain(refused.body).message)
    assert.is_nil(document(get("/v2/credentials", { Authorization = "Basic abc/+=" })).AccountId)
  end)
end)

describe("the stand-in's STS", function()
  it("assumes roles, in XML", function()
    local response = assume({ DurationSeconds = "900" }, CALLER)
    assert.equal(200, response.status, response.body)
    assert.equal("text/xml", response.headers["content-type"])
    local body = response.body
    assert.truthy(body:find("<AssumeRoleResponse[^>]*><AssumeRoleResult><Credentials><AccessKeyId>ASIASTANDIN0001</AccessKeyId>"))
    assert.equal("arn:aws:sts::210987654321:assumed-role/reader/session-1", body:match("<AssumedRoleUser><Arn>([^<]+)</Arn>"))
    about(900, life(body:match("<Expiration>([^<]+)</Expiration>")))
    services:set("sts", { format = "xml" })
    assert.equal("text/xml", assume({}, CALLER, JSON).headers["content-type"])
  end)

  it("assumes roles with credentials that it gave, in JSON", function()
    local first = document(assume({}, CALLER, JSON)).AssumeRoleResponse.AssumeRoleResult
    assert.equal("number", type(first.Credentials.Expiration))
    about(3600, first.Credentials.Expiration - socket.gettime())
    local keys = {
      access_key_id = first.Credentials.AccessKeyId, secret_access_key = first.Credentials.SecretAccessKey,
      session_token = first.Credentials.SessionToken,
    }
    local second = document(assume({}, keys, JSON)).AssumeRoleResponse.AssumeRoleResult
    assert.equal("arn:aws:sts::210987654321:assumed-role/reader/session-1", second.AssumedRoleUser.Arn)
    keys.session_token = nil
    assert.equal(403, assume({}, keys).status)
    services:set("sts", { secrets = { AKIAOTHER = { "one", "two" } } })
    document(assume({}, { access_key_id = "AKIAOTHER", secret_access_key = "one", session_token = "two" }, JSON))
  end)

  it("refuses bad signatures and bad forms", function()
    local function code_of(...)
      local response = assume(...)
      assert.is_true(response.status == 400 or response.status == 403)
      local json = core.json_decode_plain(response.body)
      return json and json.Error.Code or response.body:match("<Error><Type>Sender</Type><Code>(%a+)</Code>")
    end
    local wrong = { access_key_id = "AKIASTANDIN", secret_access_key = "wrong" }
    assert.equal("SignatureDoesNotMatch", code_of({}, wrong))
    assert.equal("SignatureDoesNotMatch", code_of({}, wrong, JSON))
    assert.equal("SignatureDoesNotMatch", code_of({}, CALLER, nil, { service = "bedrock" }))
    assert.equal("SignatureDoesNotMatch", code_of({}, CALLER, nil, { time = os.time() - 1000 }))
    assert.equal("InvalidClientTokenId", code_of({}, { access_key_id = "AKIANOBODY", secret_access_key = "wrong" }))
    assert.equal("MissingAuthenticationToken", code_of({}))
    assert.equal("ValidationError", code_of({ RoleArn = "reader" }, CALLER))
    assert.equal("ValidationError", code_of({ DurationSeconds = "60" }, CALLER))
    assert.equal("InvalidAction", code_of({ Action = "GetSessionToken" }, CALLER))
    assert.equal("MissingAction", code_of({}, CALLER, { ["Content-Type"] = "text/plain" }))
    services:set("sts", { region = "eu-west-1" })
    assert.equal("SignatureDoesNotMatch", code_of({}, CALLER))
    services:set("sts", { region = false, lifetime = 0 })
    local body = assume({}, CALLER).body
    assert.equal("ExpiredToken", code_of({}, {
      access_key_id = body:match("<AccessKeyId>([^<]+)"), secret_access_key = body:match("<SecretAccessKey>([^<]+)"),
      session_token = body:match("<SessionToken>([^<]+)"),
    }))
  end)

  it("takes web identities, unsigned", function()
    local form = { Action = "AssumeRoleWithWebIdentity", WebIdentityToken = DEFAULTS.sts.web_token }
    local found = document(assume(form, nil, JSON)).AssumeRoleWithWebIdentityResponse.AssumeRoleWithWebIdentityResult
    assert.equal("ASIASTANDIN0001", found.Credentials.AccessKeyId)
    assert.equal(400, assume(form, CALLER).status)
    form.WebIdentityToken = "another"
    assert.truthy(assume(form).body:find("<Code>InvalidIdentityToken</Code>", 1, true))
  end)
end)

describe("the stand-in's SSO", function()
  it("gives a role's credentials", function()
    local found = document(portal(DEFAULTS.sso.token)).roleCredentials
    assert.equal("ASIASTANDIN0001", found.accessKeyId)
    about(3600, found.expiration / 1000 - socket.gettime())
    local refused = portal "another"
    assert.equal(401, refused.status)
    assert.equal("UnauthorizedException", refused.headers["x-amzn-errortype"])
    assert.equal(400, portal(DEFAULTS.sso.token, "role_name=reader").status)
  end)

  it("renews access tokens, which the portal then knows", function()
    local found = document(refresh())
    assert.equal("Bearer", found.tokenType)
    assert.equal(28800, found.expiresIn)
    document(portal(found.accessToken))
    services:set("oidc", { lifetime = 0, rotate = false })
    found = document(refresh { refreshToken = found.refreshToken })
    assert.is_nil(found.refreshToken)
    assert.equal(401, portal(found.accessToken).status)
    for _, case in ipairs {
      { { refreshToken = "another" }, 400, "InvalidGrantException", "invalid_grant" },
      { { clientSecret = "another" }, 401, "InvalidClientException", "invalid_client" },
      { { grantType = "device_code" }, 400, "UnsupportedGrantTypeException", "unsupported_grant_type" },
    } do
      local refused = refresh(case[1])
      assert.equal(case[2], refused.status)
      assert.equal(case[3], refused.headers["x-amzn-errortype"])
      assert.equal(case[4], core.json_decode_plain(refused.body).error)
    end
  end)
end)

describe("the stand-in's faults", function()
  local function fault(fields)
    fields.service = fields.service or "container"
    services:fault(fields)
  end
  local function ask() return get "/v2/credentials" end
  local function fails(code, fields)
    local response, err = send("GET", "/v2/credentials", {}, nil, fields)
    assert.is_nil(response)
    assert.equal(code, err.code)
  end

  it("are counted, wait, and may be for one method or path", function()
    fault { kind = "status", status = 503, times = 2, after = 1 }
    local seen = {}
    for i = 1, 4 do seen[i] = ask().status end
    assert.same({ 200, 503, 503, 200 }, seen)
    assert.equal(4, services:count "container")
    assert.equal(0, services:count "imds")
    fault { service = "imds", kind = "status", status = 404, method = "PUT", path = "api/token", times = -1 }
    assert.equal(401, get(ROLES).status)
    for _ = 1, 3 do assert.equal(404, send("PUT", "/latest/api/token", {}, "").status) end
    services:reset()
    assert.equal(0, services:count())
    assert.equal(400, send("PUT", "/latest/api/token", {}, "").status)
    assert.equal("ASIASTANDIN0001", document(ask()).AccessKeyId)
  end)

  it("status: with a body, or in the service's own words", function()
    fault { kind = "status", status = 429, body = "wait\255", headers = { ["Retry-After"] = "1" } }
    local response = ask()
    assert.equal(429, response.status)
    assert.equal("wait\255", response.body)
    assert.equal("1", response.headers["retry-after"])
    fault { service = "sts", kind = "status", status = 403, code = "AccessDenied", message = "not <you>" }
    assert.truthy(assume({}, CALLER).body:find("<Code>AccessDenied</Code><Message>not &lt;you&gt;</Message>", 1, true))
  end)

  it("slow: whole or drop by drop, beside others", function()
    for _, drip in ipairs { false, true } do
      fault { kind = "slow", seconds = 0.1, drip = drip }
      local lazy = assert(socket.connect("127.0.0.1", services.port))
      lazy:send("GET /v2/slow HTTP/1.1\r\nHost: x\r\n\r\n")
      local start = socket.gettime()
      while services:count() < 1 do socket.sleep(0.002) end
      document(ask())
      assert.truthy(assert(lazy:receive "*a"):find('"AccessKeyId":"ASIASTANDIN0001"', 1, true))
      assert.is_true(socket.gettime() - start > 0.09)
      lazy:close()
      services:reset()
    end
  end)

  it("silent, close, reset, garbage, cut", function()
    fault { kind = "silent" }
    fails("TimeoutError", { read_timeout = 0.05 * SLOW })
    fault { kind = "silent", seconds = 0.02 }
    fails "ConnectionError"
    fault { kind = "close" }
    fails "ConnectionError"
    fault { kind = "reset" }
    fails "ConnectionError"
    fault { kind = "garbage" }
    fails "ResponseError"
    fault { kind = "cut" }
    fails "ResponseError"
    document(ask())
    assert.equal(7, services:count "container")
  end)

  it("html, json, huge, redirect", function()
    fault { kind = "html" }
    assert.equal("text/html", ask().headers["content-type"])
    fault { kind = "json", body = { AccessKeyId = core.json_null } }
    assert.equal(core.json_null, document(ask()).AccessKeyId)
    fault { kind = "json", body = "[1" }
    assert.equal("[1", ask().body)
    fault { kind = "huge", mib = 2 }
    assert.equal(2 * 1024 * 1024, #ask().body)
    fault { kind = "redirect" }
    local response = ask()
    assert.equal(302, response.status)
    assert.equal("/elsewhere", response.headers.location)
    assert.equal(404, get("/elsewhere").status)
    assert.equal(1, services:count "other")
  end)

  it("expired: at the next request that gets credentials", function()
    fault { service = "imds", kind = "expired" }
    fault { kind = "expired", seconds = 5 }
    local headers = session_token()
    assert.equal(200, get(ROLES, headers).status)
    about(-60, life(document(get(ROLES .. "stand-in-role", headers)).Expiration))
    about(-5, life(document(ask()).Expiration))
  end)

  it("are checked", function()
    for _, wrong in ipairs {
      { kind = "odd" }, { kind = "status" }, { kind = "slow" }, { kind = "json" }, { kind = "close", time = 2 },
      { kind = "close", times = "2" }, { kind = "close", service = "s3" },
    } do
      assert.has_error(function() fault(wrong) end)
    end
    assert.has_error(function() services:set("imds", { rolle = "x" }) end)
    assert.has_error(function() stand_in.start { ec2 = {} } end)
  end)
end)

describe("the stand-in", function()
  it("keeps connections where it is told to, and what it was started with", function()
    local second = stand_in.start { keep_alive = true, container = { lifetime = 60 } }
    local home = second.home
    for i = 1, 2 do
      local response = runtime:send { method = "GET", url = second.url .. "/v2/x", headers = {} }
      assert.equal(i == 2, response.reused)
      second:set("container", { lifetime = 1000 })
      second:reset()
      about(60, life(document(response).Expiration))
    end
    assert.truthy(os.rename(home, home))
    second:stop()
    second:stop()
    assert.is_nil((os.rename(home, home)))
    assert.equal("ConnectionError", select(2, runtime:send { method = "GET", url = second.url .. "/v2/x", headers = {} }).code)
  end)

  it("counts what is no HTTP", function()
    local peer = assert(socket.connect("127.0.0.1", services.port))
    peer:send "hello\r\n\r\n"
    assert.truthy(peer:receive("*l"):find("400", 1, true))
    peer:close()
    assert.equal(1, services:count "malformed")
  end)

  it("gives an environment that leads to it", function()
    local environment = services:environment { AWS_PROFILE = "dev", AWS_REGION = false }
    assert.equal(services.url, environment.AWS_EC2_METADATA_SERVICE_ENDPOINT)
    assert.equal(services.home, environment.HOME)
    assert.equal("dev", environment.AWS_PROFILE)
    assert.is_nil(environment.AWS_REGION)
  end)

  it("knows a port that refuses", function()
    local url = stand_in.refusing_url()
    assert.equal(url, stand_in.refusing_url())
    local _, err = runtime:send { method = "GET", url = url .. "/", headers = {} }
    assert.equal("ConnectionError", err.code)
  end)
end)
