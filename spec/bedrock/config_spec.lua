local config = require "bedrock.config"
local cases = require("spec.support.vectors").cases

-- Settings from an environment and from files of these texts; nothing of the machine's own.
local function load(given)
  local files = {
    ["/home/u/.aws/config"] = given.config,
    ["/home/u/.aws/credentials"] = given.credentials,
  }
  local environment = { HOME = "/home/u" }
  for name, value in pairs(given.env or {}) do environment[name] = value end
  local options = {
    environment = environment,
    read_file = given.read_file or function(path) return files[path] end,
  }
  for name, value in pairs(given.options or {}) do options[name] = value end
  assert(config.check_options(options))
  return config.load(options, given.service)
end

local function fails(given, ...)
  local settings, err = load(given)
  assert.is_nil(settings)
  assert.equal("ConfigurationError", err.code)
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    assert.truthy(err.message:find(part, 1, true), ("%q lacks %q"):format(err.message, part))
  end
  return err
end

describe("bedrock.config.parse", function()
  describe("vectors config/profile-file:", function()
    for _, case in ipairs(cases("config/profile-file.json")) do
      it(case.id, function()
        local parsed, err = config.parse(case.input.configFile, case.input.credentialsFile)
        if case.expect.error then
          assert.is_nil(parsed)
          assert.equal("ConfigurationError", err.code)
          assert.truthy(err.message:find("^config:%d+: ") or err.message:find("^credentials:%d+: "))
        else
          assert.is_nil(err.code)
          assert.same(case.expect.profiles, parsed.profiles)
          assert.same(case.expect.sso_sessions or {}, parsed.sso_sessions)
        end
      end)
    end
  end)

  describe("names file and line of what is malformed:", function()
    local rows = {
      { "[a", 1, "a section header without its closing ]" },
      { "\n# x\n[a] b", 3, "text after a section header's ]" },
      { "x = 1", 1, "a setting before any [section]" },
      { "[default]\n\nregion", 3, "a line without =; settings look like: name = value" },
      { "[default]\r\nx = 1\r\n= 2\r\n", 3, "a setting without a name before =" },
      { " x", 1, "a continuation line before any section" },
      { "[default]\n x", 2, "a continuation line without a setting before it" },
      { "[default]\ns3 =\n\n x", 4, "a line in a nested block without =" },
      { "[default]\ns3 =\n = x", 3, "a line in a nested block without a name before =" },
      { "[default]\nx = \0", 2, "a NUL byte; this is no text file" },
    }
    for _, row in ipairs(rows) do
      it(row[3], function()
        local parsed, err = config.parse(row[1], nil, { config = "/home/u/.aws/config" })
        assert.is_nil(parsed)
        assert.equal(("/home/u/.aws/config:%d: %s"):format(row[2], row[3]), err.message)
        parsed, err = config.parse(nil, row[1], { credentials = "/c" })
        assert.is_nil(parsed)
        assert.equal(("/c:%d: %s"):format(row[2], row[3]), err.message)
      end)
    end
  end)

  it("refuses what is no text", function()
    local parsed, err = config.parse(5)
    assert.is_nil(parsed)
    assert.equal("ConfigurationError: the text of config must be a string, got number", tostring(err))
    parsed, err = config.parse("", {})
    assert.is_nil(parsed)
    assert.equal("ConfigurationError: the text of credentials must be a string, got table", tostring(err))
  end)

  it("takes no text at all", function()
    assert.same({ profiles = {}, sso_sessions = {}, services = {} }, (config.parse()))
    assert.same({ profiles = {}, sso_sessions = {}, services = {} }, (config.parse("", "")))
  end)

  it("reads lines that end with CR LF, and a byte order mark", function()
    local parsed = assert(config.parse("\239\187\191[default]\r\nregion = us-east-1\r\ns3 =\r\n  a = b\r\n"))
    assert.same({ default = { region = "us-east-1", s3 = "\na = b" } }, parsed.profiles)
  end)

  it("keeps services sections, and takes them from the config file alone", function()
    local parsed = assert(config.parse("[services dev]\nbedrock =\n  endpoint_url = http://localhost:1\n",
      "[services dev]\nx = y\n[sso-session s]\nx = y\n"))
    assert.same({ dev = { bedrock = "\nendpoint_url = http://localhost:1" } }, parsed.services)
    assert.same({}, parsed.profiles)
    assert.same({}, parsed.sso_sessions)
  end)

  it("says where each key stands", function()
    local _, origins = config.parse("[default]\nregion = a\n\nx = y", "[default]\nx = z\n",
      { config = "/c", credentials = "/k" })
    assert.same({ default = { region = "/c:2", x = "/k:2" } }, origins.profiles)
  end)

  it("ignores white space other than blank and tab, as in names", function()
    local parsed = assert(config.parse("[default]\nregion\v = x\nb = \vx\n"))
    assert.same({ default = { b = "\vx" } }, parsed.profiles)
  end)

  it("ignores names with bytes outside ASCII", function()
    assert.same({}, assert(config.parse("[profile caf\195\169]\nx = y")).profiles)
  end)

  it("never repeats a line, which may be secret", function()
    local _, err = config.parse(nil, "[default]\naws_secret_access_key SECRETMARK\n")
    assert.is_nil(err.message:find("SECRETMARK", 1, true))
  end)

  it("survives a long file of anything", function()
    local lines = {}
    for i = 1, 20000 do lines[i] = ("[profile p%d]\nkey = value # %d"):format(i % 100, i) end
    assert(config.parse(table.concat(lines, "\n")))
  end)
end)

describe("bedrock.config.nested", function()
  it("takes a nested block apart", function()
    assert.same({ a = "1", b = "", c = "x = y" }, config.nested("\nA = 1\nb =\nc = x = y\nin valid = z"))
  end)

  it("ends values at comments", function()
    assert.same({ endpoint_url = "http://localhost#x" }, config.nested("\nendpoint_url = http://localhost#x ; local"))
  end)
end)

describe("bedrock.config.locate", function()
  describe("vectors config/file-location:", function()
    for _, case in ipairs(cases("config/file-location.json")) do
      it(case.id, function()
        assert.same(case.expect, config.locate(case.env, case.platform))
      end)
    end
  end)

  it("follows Windows's variables in their order", function()
    assert.equal("C:\\a\\.aws\\config", config.locate({ USERPROFILE = "C:\\a", HOMEDRIVE = "D:", HOMEPATH = "\\b" },
      "windows").config)
    assert.equal("D:\\b\\.aws\\config", config.locate({ HOMEDRIVE = "D:", HOMEPATH = "\\b" }, "windows").config)
    assert.is_nil(config.locate({ HOMEDRIVE = "D:" }, "windows").config)
    assert.is_nil(config.locate({ USERPROFILE = "/x" }, "linux").config)
  end)

  it("expands ~ in the file variables", function()
    local location = config.locate({ HOME = "/home/u", AWS_CONFIG_FILE = "~/c", AWS_SHARED_CREDENTIALS_FILE = "~other/k" },
      "linux")
    assert.equal("/home/u/c", location.config)
    assert.equal("~other/k", location.credentials)
    assert.equal("C:\\u\\c", config.locate({ HOME = "C:\\u", AWS_CONFIG_FILE = "~\\c" }, "windows").config)
  end)

  it("takes empty variables as unset", function()
    local location = config.locate({ HOME = "/h/", AWS_CONFIG_FILE = "", AWS_PROFILE = " " }, "linux")
    assert.same({ profile = "default", config = "/h/.aws/config", credentials = "/h/.aws/credentials" }, location)
  end)
end)

describe("bedrock.config.check_options", function()
  it("accepts every option", function()
    assert.is_true(config.check_options {
      region = "us-east-1", profile = "p", credentials = { access_key_id = "a", secret_access_key = "b" },
      bearer_token = "t", endpoint_url = "https://x", max_attempts = 1, retry_mode = "standard", connect_timeout = 1,
      read_timeout = 1, timeout = 1, ca_bundle = "/x", proxy = false, use_fips_endpoint = false,
      use_dualstack_endpoint = true, app_id = "x", on_event = print, api = { operations = {}, shapes = {} }, environment = {},
      runtime = { send = print, sleep = print, now = print },
      read_file = function() end, mfa_code = function() end,
    })
    assert.is_true(config.check_options(nil))
    assert.is_true(config.check_options {})
    assert.is_true(config.check_options { proxy = "http://p:1" })
    assert.is_true(config.check_options { credentials = function() end })
    assert.is_true(config.check_options { credentials = { get = function() end, anything = 1 } })
    assert.is_true(config.check_options { credentials = setmetatable({}, { __index = { get = function() end } }) })
    assert.is_true(config.check_options { credentials = setmetatable({}, { __call = function() end }) })
    assert.is_true(config.check_options { on_event = setmetatable({}, { __call = function() end }) })
  end)

  local rows = {
    { "x", "bedrock.new takes a table of options, got string" },
    { { "us-east-1" }, 'takes options by name, as in { region = "us-east-1" }; found a value at [1]' },
    { { regoin = "x" }, 'unknown option "regoin" (did you mean "region"?)' },
    { { maxAttempts = 1 }, 'unknown option "maxAttempts" (did you mean "max_attempts"?)' },
    { { zzzzzzzzzzzzzz = 1 }, 'unknown option "zzzzzzzzzzzzzz"' },
    { { ["a\nb"] = 1 }, 'unknown option "a?b"' },
    { { region = 1 }, "option region must be a string, got number" },
    { { max_attempts = "3" }, "option max_attempts must be a number, got string" },
    { { use_fips_endpoint = "true" }, "option use_fips_endpoint must be a boolean, got string" },
    { { proxy = true }, "option proxy must be a string, or false for none; got boolean" },
    { { on_event = {} }, "option on_event must be a function, got table" },
    { { read_file = "x" }, "option read_file must be a function, got string" },
    { { runtime = print }, "option runtime must be a table, got function" },
    { { runtime = {} }, 'option runtime needs a function "send", got nil' },
    { { runtime = { send = print, now = print } }, 'option runtime needs a function "sleep", got nil' },
    { { api = { operations = {} } }, 'option api needs a table "shapes", got nil' },
    { { credentials = setmetatable({}, {}) }, "has a metatable, but neither a method get nor __call" },
    { { credentials = "AKID" }, "option credentials must be a table { access_key_id, secret_access_key }" },
    { { credentials = { access_key_id = 1, secret_access_key = "b" } },
      "has a member access_key_id that must be a string, got number" },
    { { credentials = { access_key_id = "a", secret_access_key = "b", sessionToken = "c" } },
      'has an unknown member "sessionToken" (did you mean "session_token"?)' },
  }
  for _, row in ipairs(rows) do
    it("refuses: " .. row[2], function()
      local ok, message = config.check_options(row[1])
      assert.is_nil(ok)
      assert.truthy(message:find(row[2], 1, true), message)
    end)
  end

  it("names who takes the options", function()
    local _, message = config.check_options({ x = 1 }, "credentials.resolve")
    assert.truthy(message:find("^credentials%.resolve: "))
  end)
end)

describe("bedrock.config.get", function()
  local function get(setting, env, text)
    return config.get(assert(load { env = env, config = text }), setting)
  end

  it("looks into the environment, then into the profile", function()
    local setting = { variable = "AWS_X", key = "x", as = "seconds", default = 7 }
    assert.same({ 7, "default" }, { get(setting) })
    assert.same({ 2, "/home/u/.aws/config:2" }, { get(setting, nil, "[default]\nx = 2\n") })
    assert.same({ 3, "environment variable AWS_X" }, { get(setting, { AWS_X = "3" }, "[default]\nx = 2\n") })
    assert.same({ 7, "default" }, { get({ variable = "AWS_X", as = "seconds", default = 7 }, nil, "[default]\nx = 2\n") })
  end)

  it("names the place of a value that can't be read", function()
    local rows = {
      { "boolean", "ja", 'must be true or false, not "ja"' }, { "seconds", "-1", "must be a positive number of seconds" },
      { "attempts", "0", "must be a whole number from 1 on" }, { "text", "a\127", "must not have control characters" },
    }
    for _, row in ipairs(rows) do
      local value, _, err = get({ variable = "AWS_X", key = "x", as = row[1] }, { AWS_X = row[2] })
      assert.is_nil(value)
      assert.equal("ConfigurationError", err.code)
      assert.truthy(err.message:find("environment variable AWS_X " .. row[3], 1, true), err.message)
      err = select(3, get({ variable = "AWS_X", key = "x", as = row[1] }, nil, "[default]\nx = " .. row[2] .. "\n"))
      assert.truthy(err.message:find("/home/u/.aws/config:2: x " .. row[3], 1, true), err.message)
    end
  end)
end)

describe("bedrock.config.load", function()
  it("says which names a profile can have", function()
    fails({ options = { profile = "x y" }, config = "[profile x y]\nregion = us-east-1\n" },
      'the profile "x y" (from option profile) can\'t be in a file: names consist of letters, digits and _ - / . % @ : +')
  end)
end)

describe("bedrock.config.reload", function()
  local function setup()
    local files = { ["/home/u/.aws/config"] = "[default]\nregion = eu-west-1\n" }
    local settings = assert(config.load { environment = { HOME = "/home/u" }, read_file = function(path) return files[path] end })
    return settings, files
  end

  it("gives the same table while the files have not changed", function()
    local settings, files = setup()
    assert.equal(settings, config.reload(settings))
    files["/home/u/.aws/config"] = "[default]\nregion = eu-west-2\n"
    local fresh = assert(config.reload(settings))
    assert.equal("eu-west-2", fresh.region)
    assert.equal("eu-west-1", settings.region)
    assert.equal(fresh, config.reload(fresh))
    files["/home/u/.aws/credentials"] = "[default]\nregion = eu-west-3\n"
    assert.equal("eu-west-3", config.reload(fresh).region)
  end)

  it("gives the error of what can't be read now", function()
    local settings, files = setup()
    files["/home/u/.aws/config"] = "[default\n"
    local fresh, err = config.reload(settings)
    assert.is_nil(fresh)
    assert.equal("/home/u/.aws/config:1: a section header without its closing ]", err.message)
  end)

  it("does not see what the program did to its options since", function()
    local options = { region = "us-east-1", environment = { HOME = "/home/u" }, read_file = function() return "[x]\n" end }
    local settings = assert(config.load(options))
    options.region, options.read_file = "us-west-1", nil
    settings.lookup.fingerprint = "other"
    assert.equal("us-east-1", config.reload(settings).region)
  end)
end)

describe("bedrock.config.load", function()
  it("takes the time for a connection from the defaults mode, unless it is given", function()
    local rows = { legacy = 10, standard = 3.1, ["in-region"] = 1.1, ["cross-region"] = 3.1, mobile = 30, auto = 3.1 }
    for mode, seconds in pairs(rows) do
      assert.equal(seconds, load({ env = { AWS_DEFAULTS_MODE = mode } }).connect_timeout)
      assert.equal(seconds, load({ config = "[default]\ndefaults_mode = " .. mode:upper() .. "\n" }).connect_timeout)
      assert.equal(2, load({ options = { connect_timeout = 2 }, env = { AWS_DEFAULTS_MODE = mode } }).connect_timeout)
    end
    fails({ env = { AWS_DEFAULTS_MODE = "fast" } }, "AWS_DEFAULTS_MODE must be legacy, standard")
  end)

  it("has defaults", function()
    local settings = assert(load {})
    assert.is_nil(settings.region)
    assert.equal(3, settings.max_attempts)
    assert.equal("standard", settings.retry_mode)
    assert.is_false(settings.use_fips_endpoint)
    assert.is_false(settings.use_dualstack_endpoint)
    assert.is_true(settings.correct_clock_skew)
    assert.equal(10, settings.connect_timeout)
    assert.equal(60, settings.read_timeout)
    assert.equal("default", settings.profile)
    for _, name in ipairs { "timeout", "endpoint_url", "bearer_token", "ca_bundle", "proxy", "app_id" } do
      assert.is_nil(settings[name])
      assert.is_nil(settings.sources[name])
    end
    assert.equal("default", settings.sources.max_attempts)
  end)

  it("takes no options at all", function()
    assert.is_table((config.load()) or select(2, config.load()))
  end)

  describe("prefers code to environment to profile:", function()
    local rows = {
      { "region", "AWS_REGION", "region", "us-a-1", "us-b-1", "us-c-1" },
      { "region", "AWS_DEFAULT_REGION", "region", "us-a-1", "us-b-1", "us-c-1" },
      { "max_attempts", "AWS_MAX_ATTEMPTS", "max_attempts", 7, "8", "9", 7, 8, 9 },
      { "retry_mode", "AWS_RETRY_MODE", "retry_mode", "standard", "ADAPTIVE", "standard", "standard", "adaptive",
        "standard" },
      { "use_fips_endpoint", "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", false, "True", "true", false, true, true },
      { "use_dualstack_endpoint", "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", true, "FALSE", "true", true,
        false, true },
      { "ca_bundle", "AWS_CA_BUNDLE", "ca_bundle", "/a", "/b", "/c d" },
      { "app_id", "AWS_SDK_UA_APP_ID", "sdk_ua_app_id", "a", "b", "c" },
      { "endpoint_url", "AWS_ENDPOINT_URL", "endpoint_url", "https://a", "https://b", "https://c" },
      { "endpoint_url", "AWS_ENDPOINT_URL_BEDROCK", "endpoint_url", "https://a", "https://b", "https://c" },
    }
    for _, row in ipairs(rows) do
      local option, variable, key, code, env, file = row[1], row[2], row[3], row[4], row[5], row[6]
      it(option .. " (" .. variable .. ")", function()
        local text = ("[default]\n\n%s = %s\n"):format(key, file)
        local settings = assert(load { options = { [option] = code }, env = { [variable] = env }, config = text })
        assert.equal(row[7] == nil and code or row[7], settings[option])
        assert.equal("option " .. option, settings.sources[option])
        settings = assert(load { env = { [variable] = env }, config = text })
        assert.equal(row[8] == nil and env or row[8], settings[option])
        assert.equal("environment variable " .. variable, settings.sources[option])
        settings = assert(load { config = text, env = { [variable] = "" } })
        assert.equal(row[9] == nil and file or row[9], settings[option])
        assert.equal("/home/u/.aws/config:3", settings.sources[option])
      end)
    end
  end)

  it("prefers AWS_REGION to AWS_DEFAULT_REGION", function()
    assert.equal("us-a-1", load({ env = { AWS_REGION = "us-a-1", AWS_DEFAULT_REGION = "us-b-1" } }).region)
    assert.equal("us-b-1", load({ env = { AWS_REGION = "", AWS_DEFAULT_REGION = "us-b-1" } }).region)
  end)

  it("takes an empty option as not given", function()
    assert.equal("us-b-1", load({ options = { region = "" }, env = { AWS_REGION = "us-b-1" } }).region)
    assert.is_nil(load({ options = { bearer_token = "" } }).bearer_token)
  end)

  it("splits pseudo-regions, whatever they come from", function()
    for _, name in ipairs { "fips-us-east-1", "us-east-1-fips" } do
      local settings = assert(load { env = { AWS_REGION = name } })
      assert.equal("us-east-1", settings.region)
      assert.is_true(settings.use_fips_endpoint)
    end
  end)

  it("gives numbers without a fraction as integers", function()
    assert.equal("2", tostring(load({ options = { max_attempts = 2.0 } }).max_attempts))
    assert.equal("4", tostring(load({ env = { AWS_MAX_ATTEMPTS = "4" } }).max_attempts))
  end)

  describe("refuses values, naming where they come from:", function()
    local rows = {
      { { options = { max_attempts = 0 } }, "option max_attempts must be a whole number from 1 on" },
      { { options = { max_attempts = 1.5 } }, "option max_attempts must be a whole number" },
      { { options = { max_attempts = 0 / 0 } }, "option max_attempts must be a whole number" },
      { { options = { max_attempts = math.huge } }, "option max_attempts must be a whole number" },
      { { env = { AWS_MAX_ATTEMPTS = "0" } }, "environment variable AWS_MAX_ATTEMPTS must be a whole number" },
      { { env = { AWS_MAX_ATTEMPTS = "0x3" } }, 'not "0x3"' },
      { { env = { AWS_MAX_ATTEMPTS = "1e3" } }, 'not "1e3"' },
      { { config = "[default]\nmax_attempts = many" }, "/home/u/.aws/config:2: max_attempts must be a whole number" },
      { { credentials = "[default]\nmax_attempts = -1" }, "/home/u/.aws/credentials:2: max_attempts must" },
      { { options = { timeout = 0 } }, "option timeout must be a positive number of seconds, not \"0\"" },
      { { options = { connect_timeout = -1 } }, "option connect_timeout must be a positive number" },
      { { options = { read_timeout = math.huge } }, "option read_timeout must be a positive number" },
      { { options = { read_timeout = 0 / 0 } }, "option read_timeout must be a positive number" },
      { { options = { retry_mode = "legacy" } }, 'the mode "legacy" of other SDKs is not supported' },
      { { env = { AWS_RETRY_MODE = "legacy" } }, "environment variable AWS_RETRY_MODE must be" },
      { { options = { retry_mode = "fast" } }, 'must be "standard" or "adaptive", not "fast"' },
      { { env = { AWS_USE_FIPS_ENDPOINT = "yes" } }, 'AWS_USE_FIPS_ENDPOINT must be true or false, not "yes"' },
      { { env = { AWS_DISABLE_CLOCK_SKEW_CORRECTION = "1" } }, "AWS_DISABLE_CLOCK_SKEW_CORRECTION must be true or false" },
      { { config = "[default]\nuse_dualstack_endpoint = on" }, "config:2: use_dualstack_endpoint must be true or false" },
      { { options = { region = "us east" } }, 'option region must be a region such as us-east-1' },
      { { options = { region = "evil.com/" } }, 'not "evil.com/"' },
      { { options = { region = "12345" } }, "option region" },
      { { options = { region = ("a"):rep(64) } }, "option region" },
      { { options = { region = "us-east-1\0" } }, 'not "us-east-1?"' },
      { { options = { region = "us-east-1\r\nHost: x" } }, "option region" },
      { { env = { AWS_REGION = "-x" } }, "environment variable AWS_REGION must be a region" },
      { { config = "[default]\nregion = us-east-1\n  more" }, "/home/u/.aws/config:2: region must be a region" },
      { { options = { endpoint_url = "ftp://x" } }, "option endpoint_url is not usable: the endpoint URL" },
      { { env = { AWS_ENDPOINT_URL = "localhost" } }, "environment variable AWS_ENDPOINT_URL is not usable" },
      { { options = { ca_bundle = "/a\0b" } }, "option ca_bundle must not have control characters" },
      { { options = { proxy = "http://a b" } }, "option proxy must not have blanks" },
      { { options = { bearer_token = "SECRETMARK\n" } }, "option bearer_token must be printable ASCII" },
      { { env = { AWS_BEARER_TOKEN_BEDROCK = "a SECRETMARK" } }, "environment variable AWS_BEARER_TOKEN_BEDROCK must" },
      { { options = { bearer_token = "SECRETMARK\0" } }, "option bearer_token must be printable ASCII" },
      { { options = { endpoint_url = "https://user:SECRETMARK@h" } }, "must not have a user name or password" },
      { { options = { endpoint_url = "https://h/?key=SECRETMARK" } }, "must not have a query" },
    }
    for _, row in ipairs(rows) do
      it(row[2], function()
        local err = fails(row[1], row[2])
        assert.is_nil(err.message:find("SECRETMARK", 1, true))
        assert.is_nil(err.message:find("%c"))
      end)
    end
  end)

  describe("chooses the profile:", function()
    local text = "[default]\nregion = us-d-1\n[profile work]\nregion = us-w-1\n[profile play]\nregion = us-p-1\n"

    it("from code, then AWS_PROFILE, then default", function()
      assert.equal("us-p-1", load({ config = text, options = { profile = "play" }, env = { AWS_PROFILE = "work" } }).region)
      assert.equal("us-w-1", load({ config = text, env = { AWS_PROFILE = "work" } }).region)
      assert.equal("us-d-1", load({ config = text }).region)
      assert.equal("us-d-1", load({ config = text, env = { AWS_PROFILE = "" } }).region)
    end)

    it("without inheritance from default", function()
      assert.equal(3, load({ config = "[default]\nmax_attempts = 9\n[profile work]\n",
        env = { AWS_PROFILE = "work" } }).max_attempts)
    end)

    it("refuses one that no file has, with the nearest name", function()
      fails({ config = text, env = { AWS_PROFILE = "wrok" } }, 'the profile "wrok"',
        "from environment variable AWS_PROFILE", "/home/u/.aws/config", "/home/u/.aws/credentials",
        "they define: default, play, work", 'did you mean "work"?')
      fails({ options = { profile = "x" } }, 'the profile "x" (from option profile)', "they define no profile at all")
    end)

    it("does not miss a default that is not there", function()
      assert(load {})
      assert(load { env = { AWS_PROFILE = "default" } })
    end)
  end)

  describe("resolves the endpoint URL:", function()
    local text = table.concat({
      "[default]", "endpoint_url = https://profile", "services = dev", "[services dev]", "bedrock =",
      "  endpoint_url = https://block", "bedrock_runtime =", "  endpoint_url = https://runtime-block",
    }, "\n")
    local runtime = { id = "Bedrock Runtime", signing_name = "bedrock" }

    it("code, the service's variable, the general one, the services section, the profile", function()
      local env = { AWS_ENDPOINT_URL_BEDROCK = "https://service", AWS_ENDPOINT_URL = "https://general" }
      assert.equal("https://code", load({ config = text, env = env, options = { endpoint_url = "https://code" } })
        .endpoint_url)
      assert.equal("https://service", load({ config = text, env = env }).endpoint_url)
      assert.equal("https://general", load({ config = text, env = { AWS_ENDPOINT_URL = "https://general" } }).endpoint_url)
      local settings = load { config = text }
      assert.equal("https://block", settings.endpoint_url)
      assert.equal("/home/u/.aws/config:5", settings.sources.endpoint_url)
      assert.equal("https://profile", load({ config = text:gsub("services = dev", "x = y") }).endpoint_url)
    end)

    it("by the service's own name", function()
      assert.equal("https://runtime-block", load({ config = text, service = runtime }).endpoint_url)
      assert.equal("https://r", load({ config = text, service = runtime,
        env = { AWS_ENDPOINT_URL_BEDROCK = "https://x", AWS_ENDPOINT_URL_BEDROCK_RUNTIME = "https://r" } }).endpoint_url)
      assert.equal("https://s", load({ config = text, options = { api = { metadata = { serviceId = "SSO OIDC" }, operations = {}, shapes = {} } },
        env = { AWS_ENDPOINT_URL_SSO_OIDC = "https://s" } }).endpoint_url)
    end)

    it("falls to the profile's own when the section does not speak of the service", function()
      assert.equal("https://profile", load({ config = (text:gsub("bedrock =", "s3 =")) }).endpoint_url)
    end)

    it("the ignore switch drops environment and file, not code", function()
      for _, env in ipairs { { AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "TRUE" }, {} } do
        local switched = text
        if not next(env) then
          switched = text:gsub("services = dev", "services = dev\nignore_configured_endpoint_urls = true")
        end
        env.AWS_ENDPOINT_URL = "https://general"
        assert.is_nil(load({ config = switched, env = env }).endpoint_url)
        assert.equal("https://code", load({ config = switched, env = env,
          options = { endpoint_url = "https://code" } }).endpoint_url)
      end
    end)

    it("refuses a services name without its section", function()
      fails({ config = "[default]\nservices = dve\n[services dev]\n" }, "/home/u/.aws/config:2: services names \"dve\"",
        'did you mean "dev"?')
    end)

    it("names the block that holds a bad URL", function()
      fails({ config = (text:gsub("https://block", "gopher://block")) },
        "/home/u/.aws/config:5: endpoint_url of bedrock is not usable")
    end)
  end)

  describe("reads the bearer token", function()
    it("from code, then from the variable of the signing name", function()
      local env = { AWS_BEARER_TOKEN_BEDROCK = "from-env" }
      assert.equal("from-code", load({ env = env, options = { bearer_token = "from-code" } }).bearer_token)
      assert.equal("from-env", load({ env = env }).bearer_token)
      assert.equal("from-env", load({ env = env, service = { id = "Bedrock Runtime", signing_name = "bedrock" } })
        .bearer_token)
      assert.is_nil(load({ env = env, service = { id = "STS", signing_name = "sts" } }).bearer_token)
      assert.equal("x", load({ env = { AWS_BEARER_TOKEN_FOO_BAR = "x" }, service = { id = "F", signing_name = "foo-bar" } })
        .bearer_token)
    end)

    it("and takes an empty one as not set", function()
      assert.is_nil(load({ env = { AWS_BEARER_TOKEN_BEDROCK = "" } }).bearer_token)
    end)
  end)

  it("has a switch against clock correction", function()
    assert.is_false(load({ env = { AWS_DISABLE_CLOCK_SKEW_CORRECTION = "true" } }).correct_clock_skew)
    assert.is_false(load({ config = "[default]\ndisable_clock_skew_correction = True" }).correct_clock_skew)
  end)

  it("passes on what it does not read", function()
    local options = { credentials = function() end, on_event = print, runtime = { send = print, sleep = print, now = print },
      api = { operations = {}, shapes = {} }, proxy = false }
    local settings = assert(load { options = options, env = { HTTPS_PROXY = "http://p:1", EMPTY = " " } })
    for _, name in ipairs { "credentials", "on_event", "runtime", "api", "proxy" } do
      assert.equal(options[name], settings[name])
    end
    assert.equal("http://p:1", settings.environment.HTTPS_PROXY)
    assert.equal("http://p:1", settings.getenv("HTTPS_PROXY"))
    assert.is_nil(settings.getenv("EMPTY"))
  end)

  it("leaves the caller's tables as they were", function()
    local environment, options = { HOME = "/h", AWS_REGION = "us-a-1" }, { region = "fips-us-b-1" }
    options.environment, options.read_file = environment, function() end
    assert(config.load(options))
    assert.same({ HOME = "/h", AWS_REGION = "us-a-1" }, environment)
    assert.equal("fips-us-b-1", options.region)
  end)

  it("reads the process's environment where none is given", function()
    local settings = assert(config.load { read_file = function() end, profile = "default" })
    assert.equal(os.getenv("PATH"), settings.environment.PATH)
    assert.equal(os.getenv("PATH"), settings.getenv("PATH"))
  end)

  it("reads each file once", function()
    local reads = {}
    assert(load { read_file = function(path) reads[#reads + 1] = path end })
    assert.same({ "/home/u/.aws/config", "/home/u/.aws/credentials" }, reads)
  end)

  it("does without a home folder", function()
    local settings = assert(config.load { environment = {}, read_file = function() error("not to be called") end })
    assert.same({}, settings.profile_settings)
  end)

  describe("when a file can't be read", function()
    it("names it and the reason", function()
      fails({ read_file = function(path) return nil, path .. ": Permission denied" end },
        "the shared file can't be read: /home/u/.aws/config: Permission denied")
      fails({ read_file = function() return nil, "Permission denied" end }, "/home/u/.aws/config: Permission denied")
      fails({ read_file = function() return 5 end }, "/home/u/.aws/config: read_file must return a string, got number")
    end)

    it("takes a missing one for none", function()
      assert(load { read_file = function() return nil end })
      assert(load { read_file = function(path) return nil, path .. ": No such file or directory" end })
    end)

    it("refuses one that is too large", function()
      fails({ config = ("# x\n"):rep(300000) }, "/home/u/.aws/config: larger than 1048576 bytes")
    end)

    it("refuses a NUL byte with its line", function()
      fails({ config = "[default]\nregion = us-east-1\0\n" }, "/home/u/.aws/config:2: a NUL byte")
    end)

    it("names file and line of what is malformed", function()
      fails({ config = "[default]\nregion = us-east-1\noutput json\n" },
        "/home/u/.aws/config:3: a line without =; settings look like: name = value")
      fails({ credentials = "aws_access_key_id = x\n" }, "/home/u/.aws/credentials:1: a setting before any [section]")
    end)
  end)

  describe("on the real disk", function()
    local function on_disk(env)
      return config.load { environment = env }
    end

    it("reads files, and does without them", function()
      local name = os.tmpname()
      local file = assert(io.open(name, "wb"))
      file:write("[default]\nregion = us-disk-1\n")
      file:close()
      local settings = assert(on_disk { AWS_CONFIG_FILE = name, AWS_SHARED_CREDENTIALS_FILE = name .. ".missing" })
      os.remove(name)
      assert.equal("us-disk-1", settings.region)
      settings = assert(on_disk { AWS_CONFIG_FILE = name .. "/below/a/file", HOME = name .. ".missing" })
      assert.is_nil(settings.region)
    end)

    it("takes an empty file for an empty file", function()
      assert(on_disk { AWS_CONFIG_FILE = "/dev/null" })
    end)

    it("refuses a folder and an endless device", function()
      local settings, err = on_disk { AWS_CONFIG_FILE = "/" }
      assert.is_nil(settings)
      assert.truthy(err.message:find("the shared file can't be read: /: Is a directory", 1, true), err.message)
      settings, err = on_disk { AWS_SHARED_CREDENTIALS_FILE = "/dev/zero" }
      assert.is_nil(settings)
      assert.truthy(err.message:find("/dev/zero: larger than", 1, true), err.message)
    end)
  end)
end)

describe("bedrock.config.require_region", function()
  it("gives the region, or says where to set one", function()
    assert.equal("us-a-1", config.require_region(load { env = { AWS_REGION = "us-a-1" } }))
    local region, err = config.require_region(load {})
    assert.is_nil(region)
    assert.equal("ConfigurationError", err.code)
    for _, part in ipairs { "the option region", "AWS_REGION", 'profile "default" of /home/u/.aws/config' } do
      assert.truthy(err.message:find(part, 1, true), err.message)
    end
  end)
end)

describe("bedrock.config.parse", function()
  it("is not held up by long runs of blanks", function()
    local started, blanks = os.clock(), (" "):rep(100000)
    local text = ("[default]\nregion = a%sb\n"):format(blanks)
    local parsed = assert(config.parse(text, text))
    assert.equal(100002, #parsed.profiles.default.region)
    assert.is_true(os.clock() - started < 2 * (tonumber(os.getenv "BEDROCK_SLOW") or 1)) -- with a quadratic pattern 50 s
  end)
end)
