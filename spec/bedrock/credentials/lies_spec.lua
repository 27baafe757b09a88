-- What services may answer that no service would: each is one error that can be read, in a time that can be waited for.

local bedrock = require "bedrock"
local core = require "bedrock.core"
local credentials = require "bedrock.credentials"
local fake_runtime = require "spec.support.fake_runtime"

local NOW = 1700000000
local SECRET = "SECRETMARK/secret+access/key"
local TOKEN = "SECRETMARK.token.of.somebody"
local FILES = {
  role = "[default]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = base\n[profile base]\n"
    .. "aws_access_key_id = AKIDBASE\naws_secret_access_key = " .. SECRET .. "\naws_session_token = " .. TOKEN .. "\n",
  web = "[default]\nregion = us-east-1\nrole_arn = arn:aws:iam::123456789012:role/r\nweb_identity_token_file = /token\n",
  sso = "[default]\nregion = us-east-1\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"
    .. "[sso-session s]\nsso_region = us-east-1\nsso_start_url = https://x\n",
}

local function cache(left)
  return core.json_encode_plain { accessToken = TOKEN, expiresAt = core.time_iso8601(NOW + left), refreshToken = TOKEN .. "r",
    clientId = "id", clientSecret = TOKEN .. "c", registrationExpiresAt = "2099-01-01T00:00:00Z" }
end

-- Search with a service that gives these answers, the last one again and again.
local function resolve(kind, answers, options)
  options = options or {}
  local n = 0
  local runtime = fake_runtime.new(function(request, deadline)
    n = math.min(n + 1, #answers)
    local answer = answers[n]
    if type(answer) == "function" then return answer(request, deadline) end
    return type(answer) == "table" and answer or { status = 200, headers = {}, body = answer }
  end, NOW)
  local env = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" }
  for name, value in pairs(options.environment or {}) do env[name] = value end
  local events = {}
  local found, err = credentials.resolve { environment = env, runtime = runtime,
    on_event = function(event) events[#events + 1] = event end, read_file = function(path)
      if path == "/h/.aws/config" then return FILES[kind] end
      if path == "/token" then return TOKEN .. "\n" end
      if path:find("/sso/cache/", 1, true) then return cache(options.left or 3600) end
    end }
  return found, err, events, runtime
end

local function refused(found, err)
  assert.is_nil(found)
  assert.equal("CredentialsError", err.code)
  assert.is_nil(tostring(err):find("SECRETMARK", 1, true), tostring(err))
  return err
end

local function sts(result) return '{"AssumeRoleResponse":{"AssumeRoleResult":' .. result .. "}}" end

describe("STS that answers with", function()
  local good = '"Credentials":{"AccessKeyId":"AKIDROLE","SecretAccessKey":"s","SessionToken":"t","Expiration":1700003600}'

  for _, result in ipairs { "{}", '{"Credentials":5}', '{"Credentials":true}', '{"Credentials":[]}', '{"Credentials":{}}',
    '{"Credentials":{"AccessKeyId":5,"SecretAccessKey":"s","SessionToken":"t","Expiration":1700003600}}',
    '{"Credentials":{"AccessKeyId":"a","SecretAccessKey":"s","SessionToken":"t","Expiration":"soon"}}',
    '{"Credentials":{"AccessKeyId":"a","SecretAccessKey":"s","SessionToken":"t","Expiration":1e300}}' } do
    it(result .. " gives nothing", function()
      refused(resolve("role", { sts(result) }))
    end)
  end

  for _, user in ipairs { "5", "[]", '{"Arn":5}', '{"Arn":{}}', '{"Arn":"x"}' } do
    it("the user " .. user .. " gives credentials without an account", function()
      local found = assert(resolve("role", { sts("{" .. good .. ',"AssumedRoleUser":' .. user .. "}") }))
      assert.equal("AKIDROLE", found.access_key_id)
      assert.is_nil(found.account_id)
    end)
  end

  it("what it was sent shows none of it", function()
    local function echo(request)
      return { status = 403, headers = { echo = request.headers.Authorization }, body = core.json_encode_plain { Error = {
        Code = "AccessDenied", Message = ("no: %s %s"):format(request.headers["X-Amz-Security-Token"] or "", request.body) } } }
    end
    for _, kind in ipairs { "role", "web" } do
      local found, err = resolve(kind, { echo })
      refused(found, err)
      assert.truthy(err.message:find("AccessDenied: no: ", 1, true))
      assert.is_nil(tostring(err.cause):find("SECRETMARK", 1, true))
    end
  end)
end)

describe("SSO that answers with", function()
  for _, body in ipairs { "{}", '{"roleCredentials":5}', '{"roleCredentials":[]}', '{"roleCredentials":{"expiration":"x"}}',
    '{"roleCredentials":{"accessKeyId":"a","secretAccessKey":"s","sessionToken":"t","expiration":1e300}}' } do
    it(body .. " gives nothing", function()
      refused(resolve("sso", { body }))
    end)
  end

  it("the token that it was sent does not show it", function()
    local found, err = resolve("sso", { function(request)
      return { status = 403, headers = {}, body = core.json_encode_plain { message = request.headers["x-amz-sso_bearer_token"] } }
    end })
    refused(found, err)
  end)

  for _, life in ipairs { "-1e300", "-1", "0", "1e12", "9e18", "1e300", '"x"', "null" } do
    it("a token that lasts " .. life .. " seconds gives nothing", function()
      local found, err = resolve("sso", { '{"accessToken":"abc","expiresIn":' .. life .. "}" }, { left = -5 })
      refused(found, err)
      assert.truthy(err.message:find("the SSO token has expired and can't be renewed", 1, true), err.message)
    end)
  end

  it("an error of OAuth gives its description", function()
    local _, err = resolve("sso", { { status = 400, headers = { ["x-amzn-errortype"] = "InvalidGrantException" },
      body = '{"error":"invalid_grant","error_description":"log in again"}' } }, { left = -5 })
    assert.truthy(err.message:find("InvalidGrantException: log in again", 1, true), err.message)
  end)
end)

describe("long runs of blanks", function()
  local function quickly(f, ...)
    local start = os.clock()
    local found, err = f(...)
    assert.is_true(os.clock() - start < 2 * (tonumber(os.getenv "BEDROCK_SLOW") or 1))
    return found, err
  end
  local blanks = "a" .. (" "):rep(60000) .. "x"

  it("in answers of a container or an instance are read at once", function()
    local env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost/c" }
    refused(quickly(resolve, nil, { { status = 403, headers = {}, body = '{"message":"' .. blanks .. '"}' } }, { environment = env }))
    env = { AWS_EC2_METADATA_DISABLED = "false", AWS_EC2_METADATA_SERVICE_ENDPOINT = "http://localhost" }
    refused(quickly(resolve, nil, { blanks }, { environment = env }))
    refused(quickly(resolve, nil, { "token", blanks }, { environment = env }))
    refused(quickly(resolve, nil, { "token", "role", '{"Code":"' .. blanks .. '"}' }, { environment = env }))
  end)
end)

describe("the error of a user's runtime", function()
  it("is shown with its words", function()
    local env = { AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost/c" }
    for _, row in ipairs {
      { { code = "TimeoutError", message = "no answer", retryable = false }, "TimeoutError: no answer" },
      { "the wire is cut", "ConnectionError: the wire is cut" },
      { nil, "the runtime gave neither an answer nor an error" },
    } do
      local _, err = resolve(nil, { function() return nil, row[1] end }, { environment = env })
      assert.truthy(err.message:find("the container's credential endpoint http://localhost can't be reached: " .. row[2], 1, true)
        or err.message:find(row[2], 1, true), err.message)
      assert.is_nil(err.message:find("table: 0x", 1, true))
    end
  end)
end)

describe("a service of credentials", function()
  it("that has an endpoint of its own can't be had with FIPS", function()
    local found, err = resolve("role", { "{}" }, { environment = { AWS_USE_FIPS_ENDPOINT = "true",
      AWS_ENDPOINT_URL_STS = "https://sts.example" } })
    refused(found, err)
    assert.truthy(err.message:find("FIPS and custom endpoint are not supported", 1, true), err.message)
  end)

  it("that is asked over plain http with a token is told of", function()
    for _, kind in ipairs { "web", "sso" } do
      for url, warned in pairs { ["http://h.example"] = true, ["http://127.0.0.1:1"] = false, ["https://h.example"] = false } do
        local _, _, events = resolve(kind, { "{}" }, { environment = { AWS_ENDPOINT_URL = url } })
        local seen = false
        for _, event in ipairs(events) do
          seen = seen or event.type == "warning" and event.message:find("over plain http (http://h.example)", 1, true) ~= nil
        end
        assert.equal(warned, seen)
      end
    end
  end)
end)

it("XML larger than answers are is refused by its size", function()
  local tree, message = require("bedrock.protocol.xml").parse("<a>" .. ("<b/>"):rep(300000) .. "</a>")
  assert.is_nil(tree)
  assert.equal("XML does not end at byte 1048576", message)
  assert.is_table(bedrock)
end)
