local credentials = require "bedrock.credentials"

local function resolve(given)
  local files = { ["/h/.aws/config"] = given.config, ["/h/.aws/credentials"] = given.credentials }
  local env = { HOME = "/h" }
  for name, value in pairs(given.env or {}) do env[name] = value end
  return credentials.resolve { environment = env, profile = given.profile,
    read_file = function(path) return files[path] end }
end

local function refused(given, ...)
  local found, err = resolve(given)
  assert.is_nil(found)
  assert.equal("CredentialsError", err.code)
  for i = 1, select("#", ...) do
    assert.truthy(err.message:find(select(i, ...), 1, true), err.message)
  end
  assert.is_nil(err.message:find("SECRETMARK", 1, true))
end

describe("credentials in a profile", function()
  it("are found in either file, and joined", function()
    local found = assert(resolve { credentials = "[default]\naws_access_key_id = a\naws_secret_access_key = b" })
    assert.same({ "a", "b", "profile", "default" },
      { found.access_key_id, found.secret_access_key, found.provider, found.profile })
    found = assert(resolve {
      config = "[default]\naws_access_key_id = c\naws_secret_access_key = d\naws_account_id = 123456789012",
      credentials = "[default]\naws_access_key_id = a\naws_secret_access_key = b\naws_session_token = t",
    })
    assert.same({ "a", "b", "t", "123456789012" },
      { found.access_key_id, found.secret_access_key, found.session_token, found.account_id })
  end)

  it("may have keys in upper case", function()
    assert.equal("correct_key", resolve({
      credentials = "[default]\nAWS_ACCESS_KEY_ID = correct_key\nAWS_SECRET_ACCESS_KEY = correct_secret\n",
    }).access_key_id)
  end)

  it("come from the profile that is asked for, and no other", function()
    local text = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
      .. "[work]\naws_access_key_id = c\naws_secret_access_key = d\n[empty]\n"
    assert.equal("c", resolve({ credentials = text, env = { AWS_PROFILE = "work" } }).access_key_id)
    assert.equal("c", resolve({ credentials = text, profile = "work" }).access_key_id)
    refused({ credentials = text, env = { AWS_PROFILE = "empty" } }, 'profile: the profile "empty" has no aws_access_key_id')
  end)

  it("are an error by half, with file and line", function()
    refused({ credentials = "[default]\naws_access_key_id = AKID\n" },
      '/h/.aws/credentials:2: the profile "default" has aws_access_key_id, but no aws_secret_access_key')
    refused({ credentials = "[default]\n\naws_secret_access_key = SECRETMARK\naws_access_key_id =\n" },
      '/h/.aws/credentials:3: the profile "default" has aws_secret_access_key, but no aws_access_key_id')
  end)

  it("are refused with what can't go into a header", function()
    refused({ credentials = "[default]\naws_access_key_id = a\naws_secret_access_key = SECRETMARK\n  continued\n" },
      'the profile "default" (/h/.aws/credentials:2): aws_secret_access_key has a blank, a line break')
  end)

  describe("say so when they are to be had in a way that this version does not know:", function()
    for _, key in ipairs { "role_arn", "web_identity_token_file", "sso_session", "sso_start_url", "sso_account_id",
      "sso_role_name", "login_session", "credential_process", "credential_source", "source_profile" } do
      it(key, function()
        -- static keys beside it do not count: its owner meant that other identity
        refused({ config = ("[profile w]\nregion = us-east-1\n%s = SECRETMARK\n"):format(key), profile = "w",
          credentials = "[w]\naws_access_key_id = a\naws_secret_access_key = b\n" },
          ('the profile "w" sets %s (/h/.aws/config:3)'):format(key), "is not supported by this version")
      end)
    end
  end)

  it("do not matter where the environment has some", function()
    local found = assert(resolve { config = "[default]\nrole_arn = arn:x\nsource_profile = base\n",
      env = { AWS_ACCESS_KEY_ID = "correct_key", AWS_SECRET_ACCESS_KEY = "correct_secret" } })
    assert.equal("correct_key", found.access_key_id)
  end)

  it("end with the error of a malformed file", function()
    local found, err = resolve { config = "[default]\n= us-east-1\n\n[profile base]\nregion = us-east-1\n" }
    assert.is_nil(found)
    assert.equal("ConfigurationError", err.code)
    assert.equal("/h/.aws/config:2: a setting without a name before =", err.message)
  end)
end)
