local bedrock = require "bedrock"
local fake_runtime = require "spec.support.fake_runtime"

local MARK = "SECRETMARK"

local function refuse()
  return nil, { code = "ConnectionError", message = "refused", retryable = false }
end

local function examine(options, env, files)
  options = options or {}
  options.environment = env or {}
  options.environment.HOME = options.environment.HOME or "/h"
  options.read_file = function(path) return (files or {})[path] end
  options.runtime = options.runtime or fake_runtime.new(refuse)
  return bedrock.doctor(options)
end

local function statuses(report)
  local found = {}
  for i, row in ipairs(report.providers) do found[i] = row.provider .. " " .. row.status end
  return found
end

local function has(text, ...)
  for i = 1, select("#", ...) do assert.truthy(text:find(select(i, ...), 1, true), text) end
end

describe("bedrock.doctor", function()
  it("finds a machine ready where there are a region and keys", function()
    local report = examine(nil, { AWS_REGION = "eu-west-1", AWS_ACCESS_KEY_ID = "AKIAIOSFODNN7EXAMPLE",
      AWS_SECRET_ACCESS_KEY = MARK, AWS_ACCOUNT_ID = "123456789012" })
    assert.is_true(report.ok)
    assert.same({}, report.problems)
    assert.equal("https://bedrock.eu-west-1.amazonaws.com", report.endpoint)
    assert.same({ provider = "environment", access_key_id = "****MPLE", account_id = "123456789012" }, report.credentials)
    assert.same({ "options skipped", "environment used", "profile not asked", "web identity not asked",
      "container not asked", "imds not asked" }, statuses(report))
    has(tostring(report), "lua-bedrock " .. bedrock._VERSION .. ", ready", "eu-west-1  (environment variable AWS_REGION)",
      "AWS_SECRET_ACCESS_KEY = (set)", "AWS_REGION = eu-west-1", "OpenSSL/", "cJSON/", "key ****MPLE from environment",
      "account 123456789012", "/h/.aws/config: is not there")
    assert.is_nil(tostring(report):find(MARK, 1, true))
  end)

  it("says why each provider was passed over", function()
    local report = examine({ region = "us-east-1" })
    assert.is_false(report.ok)
    assert.is_nil(report.credentials)
    assert.same({ "options skipped", "environment skipped", "profile skipped", "web identity skipped",
      "container skipped", "imds skipped" }, statuses(report))
    has(tostring(report), "NOT ready", "! no credentials were found; what each provider says of it stands below", "nobody answers at http://169.254.169.254 (refused)",
      "AWS_WEB_IDENTITY_TOKEN_FILE is not set")
  end)

  it("stops at the provider that is set up wrong, and looks at the rest", function()
    local report = examine({ region = "us-east-1" }, { AWS_WEB_IDENTITY_TOKEN_FILE = "/t", AWS_ROLE_ARN = "arn:x" },
      { ["/h/.aws/config"] = "[default]\naws_access_key_id = A\n" })
    assert.same({ "options skipped", "environment skipped", "profile failed", "web identity not asked",
      "container not asked", "imds not asked" }, statuses(report))
    has(report.providers[3].detail, 'the profile "default" (/h/.aws/config:2) has aws_access_key_id, but no')
    has(report.providers[4].detail, "set up, but it comes after the one that decided")
    has(tostring(report), "/h/.aws/config: 32 bytes")
  end)

  it("tells of settings that can't be read, and of a missing region", function()
    local report = examine(nil, { AWS_MAX_ATTEMPTS = "many" })
    assert.is_false(report.ok)
    has(report.problems[1], "environment variable AWS_MAX_ATTEMPTS must be a whole number")
    assert.equal(6, #report.providers)
    assert.equal(2, #report.files)
    has(tostring(report), "AWS_MAX_ATTEMPTS = many", "endpoint               none", "max_attempts           3", "ca_bundle              the system's certificates", "region                 none")
    report = examine({ region = "us-east-1" }, { AWS_PROFILE = "nope", AWS_RETRY_MODE = "legacy" })
    assert.equal("https://bedrock.us-east-1.amazonaws.com", report.endpoint)
    assert.equal(6, #report.providers)
    has(report.problems[1], 'the profile "nope" (from environment variable AWS_PROFILE) is in neither')
    has(report.problems[2], "AWS_RETRY_MODE must be")
    report = examine({ region = "us-east-1" }, {}, { ["/h/.aws/config"] = "[default\n" })
    has(report.problems[1], "/h/.aws/config:1: a section header without its closing ]")
    assert.equal(2, #report.problems)
    report = examine(nil, { AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "b" })
    has(report.problems[1], "Missing Region: give the option region, set AWS_REGION")
    report = examine({ endpoint_url = "https://h" }, { AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = "b" })
    has(report.problems[1], "no region is set")
    report = examine({ credentials = { access_key_id = "A" }, region = "us-east-1" })
    assert.same({ "options failed" }, statuses(report))
    has(report.problems[1], "secret_access_key is missing")
  end)

  it("tells of credentials that have expired", function()
    local report = examine { region = "us-east-1", runtime = fake_runtime.new(refuse, 1700000000),
      credentials = { access_key_id = "A", secret_access_key = "b", expiration = 1600000000 } }
    assert.is_false(report.ok)
    has(report.problems[1], "the credentials have expired (at 2020-09-13T12:26:40Z; this machine's clock says 2023-11-14T")
  end)

  it("asks no provider where a bearer token comes first", function()
    local report = examine({ region = "us-east-1" }, { AWS_BEARER_TOKEN_BEDROCK = MARK })
    assert.is_true(report.ok)
    for _, row in ipairs(report.providers) do assert.equal("a bearer token comes first", row.detail) end
    has(tostring(report), "bearer_token           ****  (environment variable AWS_BEARER_TOKEN_BEDROCK)")
    assert.is_nil(tostring(report):find(MARK, 1, true))
    report = examine({ region = "us-east-1", endpoint_url = "http://h" }, { AWS_BEARER_TOKEN_BEDROCK = MARK })
    has(report.problems[1], "a bearer token (environment variable AWS_BEARER_TOKEN_BEDROCK) is sent over https only")
  end)

  it("masks the password of a proxy", function()
    for _, proxy in ipairs { "http://user:" .. MARK .. "@p:1", "user:" .. MARK .. "@p:1", "http://u:a@" .. MARK .. "@p:1",
      "u:" .. MARK .. "/x@p:1", "http:/u:" .. MARK .. "@p:1" } do
      local report = examine({ region = "us-east-1", proxy = proxy }, { HTTPS_PROXY = proxy })
      has(tostring(report), "***@p:1")
      assert.is_nil(tostring(report):find(MARK, 1, true), tostring(report))
    end
  end)

  it("names versions of libcurl and of Lua where the runtime is its own", function()
    local report = bedrock.doctor { region = "us-east-1", environment = {}, read_file = function() end,
      credentials = { access_key_id = "A", secret_access_key = "b" } }
    has(report.versions.http, "libcurl/")
    has(report.versions.lua, rawget(_G, "jit") and "LuaJIT" or _VERSION)
    has(tostring(bedrock.doctor { region = "us-east-1", environment = {}, read_file = function() end,
      ca_bundle = "/nowhere/ca.pem", credentials = { access_key_id = "A", secret_access_key = "b" } }),
      "/nowhere/ca.pem: CA bundle: ", "No such file")
  end)

  it("tells of a provider that raises, or whose error is odd", function()
    local report = examine { region = "us-east-1", credentials = function()
      return nil, { code = {}, message = {} }
    end }
    assert.is_false(report.ok)
    assert.is_string(tostring(report))
    report = examine { region = "us-east-1", credentials = function() return { access_key_id = "A", secret_access_key = "b",
      expiration = math.huge } end }
    has(report.problems[1], "expiration is no time")
    if not require("bedrock.errors").can_catch then return end
    report = examine { region = "us-east-1", credentials = function() error("a bug", 0) end }
    has(report.problems[1], "the provider given in the option credentials raised: a bug")
  end)

  it("tells what is wrong with the installation", function()
    local native = require "bedrock.native"
    local load = native.load
    native.load = function() error("bedrock.curl is not built", 0) end
    local ok, report = pcall(bedrock.doctor, { region = "us-east-1", environment = {}, read_file = function() end })
    native.load = load
    assert.is_true(ok, tostring(report))
    has(report.problems[1], "bedrock.curl is not built")
  end)

  it("raises for an option that does not exist, at the caller's line", function()
    local ok, message = pcall(function() bedrock.doctor { regoin = "x" } end)
    assert.is_false(ok)
    assert.truthy(message:find('doctor_spec.lua:%d+: bedrock.doctor: unknown option "regoin"'), message)
  end)
end)
