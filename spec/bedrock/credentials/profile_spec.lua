local credentials = require "bedrock.credentials"

local function resolve(given)
  local files = { ["/h/.aws/config"] = given.config, ["/h/.aws/credentials"] = given.credentials }
  local env = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" }
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
      'the profile "default" (/h/.aws/credentials:2) has aws_access_key_id, but no aws_secret_access_key')
    refused({ credentials = "[default]\n\naws_secret_access_key = SECRETMARK\naws_access_key_id =\n" },
      'the profile "default" (/h/.aws/credentials:3) has aws_secret_access_key, but no aws_access_key_id')
  end)

  it("are refused with what can't go into a header", function()
    refused({ credentials = "[default]\naws_access_key_id = a\naws_secret_access_key = SECRETMARK\n  continued\n" },
      'the profile "default" (/h/.aws/credentials:2): aws_secret_access_key has a blank, a line break')
  end)

  describe("are an error, and no other identity is taken, when the profile is half set up:", function()
    -- Keys beside it do not count: its owner meant that other identity.
    local rows = {
      { "role_arn = arn:x", "sets role_arn, but neither source_profile nor credential_source" },
      { "role_arn = arn:x\nsource_profile = w2\ncredential_source = Environment",
        "sets both source_profile and credential_source: remove one of them" },
      { "role_arn = arn:x\nsource_profile = nowhere", 'has the source_profile "nowhere", which is in neither file' },
      { "role_arn = arn:x\ncredential_source = Env", 'must be Environment, Ec2InstanceMetadata or EcsContainer, not "Env"' },
      { "role_arn = arn:x\ncredential_source = Environment",
        "says credential_source = Environment, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set" },
      { "role_arn = arn:x\ncredential_source = EcsContainer",
        "says credential_source = EcsContainer, but AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and" },
      { "role_arn = arn:x\ncredential_source = Ec2InstanceMetadata",
        "says credential_source = Ec2InstanceMetadata, but environment variable AWS_EC2_METADATA_DISABLED switches it off" },
      { "credential_source = EcsContainer", "says credential_source = EcsContainer, but AWS_CONTAINER" },
      { "web_identity_token_file = /t", "sets web_identity_token_file, but no role_arn" },
      { "sso_session = s", 'names the sso_session "s", but there is no section [sso-session s]' },
      { "sso_start_url = https://x", "sets sso_start_url, but no sso_region" },
      { "sso_account_id = 1", "sets sso_account_id, but no sso_start_url" },
      { "sso_role_name = r", "sets sso_role_name, but no sso_start_url" },
      { "sso_region = us-east-1", "sets sso_region, but no sso_start_url" },
      { "login_session = x", "sets login_session, which this library can't follow; `aws configure export-credentials" },
      { "credential_process = exit 1", "the credential_process of" },
    }
    for _, row in ipairs(rows) do
      it(row[1]:gsub("\n", ", "), function()
        refused({ config = ("[profile w]\nregion = us-east-1\n%s\n[profile w2]\n"):format(row[1]), profile = "w",
          credentials = "[w]\naws_access_key_id = a\naws_secret_access_key = SECRETMARK\n" },
          'the profile "w" (/h/.aws/config:', row[2])
      end)
    end
  end)

  it("do not come from a source_profile without a role", function()
    refused({ config = "[default]\nsource_profile = b\n[profile b]\naws_access_key_id = a\naws_secret_access_key = b\n" },
      'the profile "default" (/h/.aws/config:2) sets source_profile, but no role_arn')
    assert.equal("c", resolve({ config = "[default]\nsource_profile = b\naws_access_key_id = c\naws_secret_access_key = d\n",
    }).access_key_id)
  end)

  it("end with an error where profiles lead in a circle", function()
    local function role(name, source)
      return ("[profile %s]\nrole_arn = arn:x\nsource_profile = %s\n"):format(name, source)
    end
    refused({ config = role("a", "b") .. role("b", "c") .. role("c", "b"), profile = "a" },
      'the profile "c" (/h/.aws/config:9) has the source_profile "b", which leads back to it: the chain of profiles is a loop')
    refused({ config = role("a", "a"), profile = "a" },
      'the profile "a" (/h/.aws/config:3) is its own source_profile, but has no aws_access_key_id')
    refused({ config = role("a", "b") .. "[profile b]\n", profile = "a" },
      'the profile "a" (/h/.aws/config:2) has the source_profile "b", but that one has no aws_access_key_id, role_arn')
    refused({ config = role("a", "b") .. "[profile b]\naws_secret_access_key = SECRETMARK\n", profile = "a" },
      'the profile "b" (/h/.aws/config:5) has aws_secret_access_key, but no aws_access_key_id')
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
