local config = require "bedrock.config"
local credentials = require "bedrock.credentials"

local function resolve(env, options)
  options = options or {}
  env.AWS_EC2_METADATA_DISABLED = "true"
  options.environment = env
  options.read_file = options.read_file or function() end
  return credentials.resolve(options)
end

local function refused(env, ...)
  local found, err = resolve(env)
  assert.is_nil(found)
  assert.equal("CredentialsError", err.code)
  for i = 1, select("#", ...) do
    assert.truthy(err.message:find(select(i, ...), 1, true), err.message)
  end
  assert.is_nil(err.message:find("SECRETMARK", 1, true))
end

describe("credentials in the environment", function()
  it("are found", function()
    local found = assert(resolve { AWS_ACCESS_KEY_ID = "foo", AWS_SECRET_ACCESS_KEY = "bar",
      AWS_ACCOUNT_ID = "123456789001", AWS_SESSION_TOKEN = "tok" })
    assert.equal("foo", found.access_key_id)
    assert.equal("bar", found.secret_access_key)
    assert.equal("tok", found.session_token)
    assert.equal("123456789001", found.account_id)
    assert.equal("environment", found.provider)
    assert.is_nil(found.expiration)
  end)

  it("win over a profile that AWS_PROFILE names, not over one given in code", function()
    local env = { HOME = "/h", AWS_PROFILE = "base", AWS_ACCESS_KEY_ID = "env", AWS_SECRET_ACCESS_KEY = "x" }
    local function read_file(path)
      if path == "/h/.aws/credentials" then
        return "[base]\naws_access_key_id = file\naws_secret_access_key = y\n"
      end
    end
    assert.equal("env", resolve(env, { read_file = read_file }).access_key_id)
    assert.equal("file", resolve(env, { read_file = read_file, profile = "base" }).access_key_id)
  end)

  it("take blank variables as unset", function()
    local found = assert(resolve { AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b", AWS_SESSION_TOKEN = " ",
      AWS_ACCOUNT_ID = "", AWS_CREDENTIAL_EXPIRATION = "" })
    assert.is_nil(found.session_token)
    assert.is_nil(found.account_id)
    refused({ AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = " " }, "no credentials were found",
      "environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
  end)

  it("are an error by half", function()
    refused({ AWS_ACCESS_KEY_ID = "AKID" },
      "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not: set both, or neither")
    refused({ AWS_SECRET_ACCESS_KEY = "SECRETMARK" },
      "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not: set both, or neither")
    refused({ AWS_ACCESS_KEY_ID = "AKID", AWS_SECRET_ACCESS_KEY = " " }, "AWS_SECRET_ACCESS_KEY is not")
  end)

  it("are refused with what can't go into a header", function()
    for _, bad in ipairs { "SECRETMARK\n", "SECRETMARK\r", "SECRET MARK SECRETMARK", "SECRETMARK\0" } do
      for _, name in ipairs { "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN" } do
        local env = { AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b", AWS_SESSION_TOKEN = "c" }
        env[name] = bad
        refused(env, "environment variables: " .. name .. " has a blank, a line break")
      end
    end
  end)

  it("have an end where AWS_CREDENTIAL_EXPIRATION says so", function()
    local env = { AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b",
      AWS_CREDENTIAL_EXPIRATION = "2286-11-20T17:46:40Z" }
    assert.equal(1e10, resolve(env).expiration)
    env.AWS_CREDENTIAL_EXPIRATION = "2020-01-01T00:00:00Z"
    refused(env, "the credentials from environment have expired (at 2020-01-01T00:00:00Z)")
    env.AWS_CREDENTIAL_EXPIRATION = "tomorrow"
    refused(env, "AWS_CREDENTIAL_EXPIRATION is no date")
  end)

  it("are looked for at the first request, not before", function()
    local settings = assert(config.load { environment = { AWS_ACCESS_KEY_ID = "a" }, read_file = function() end })
    local provider = assert(credentials.provider(settings))
    assert.is_nil((provider:get(nil, 0)))
    settings.environment.AWS_SECRET_ACCESS_KEY = "b"
    assert.equal("b", provider:get(nil, 0).secret_access_key)
  end)
end)
