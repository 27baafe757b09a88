-- IAM Identity Center (SSO): its tokens in the user's cache folder, their renewal, and the credentials that they buy, over
-- real HTTP.

local child = require "spec.support.child"
local core = require "bedrock.core"
local credentials = require "bedrock.credentials"
local fake_runtime = require "spec.support.fake_runtime"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support.credentials"

local SLOW, has, refused, with = support.SLOW, support.has, support.refused, support.with
local START_URL = "https://corp.example/start"
local ACCOUNT = "sso_account_id = 210987654321\nsso_role_name = reader\n"
local SECTION = "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = " .. START_URL .. "\n"
local SESSION = "[profile dev]\nsso_session = corp\n" .. ACCOUNT .. SECTION
local LEGACY = "[profile dev]\nsso_start_url = " .. START_URL .. "\nsso_region = eu-west-1\n" .. ACCOUNT
-- sha1sum of "corp", and of the start URL
local SESSION_FILE = "/h/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"
local LEGACY_FILE = "/h/.aws/sso/cache/f7c9b39d0b4c7a7d82c79307585f77e1c5e74378.json"
local WHERE = 'the profile "dev" (/h/.aws/config:2)'
local LOGIN = "run `aws sso login --profile dev`"
local OIDC = stand_in.DEFAULTS.oidc

local services = support.services()

local function in_seconds(seconds, suffix)
  return (core.time_iso8601(math.floor(socket.gettime() + seconds)):gsub("Z$", suffix or "Z"))
end

-- What `aws sso login` leaves. A member that is false is left out.
local function cache(changes, renewable)
  local object = { accessToken = stand_in.DEFAULTS.sso.token, expiresAt = in_seconds(3600), region = "eu-west-1", startUrl = START_URL }
  if renewable then
    object.refreshToken, object.clientId, object.clientSecret = OIDC.refresh_token, OIDC.client_id, OIDC.client_secret
    object.registrationExpiresAt = in_seconds(86400)
  end
  return assert(core.json_encode_plain(with(object, changes)))
end

-- files: as support.options takes them, the token's by its path.
local function options(files, env, more)
  local base = services:environment { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true", AWS_PROFILE = "dev" }
  return support.options(files, with(base, env), more)
end

local function resolve(...) return support.resolve(options(...)) end
local function program(...) return support.program(options(...)) end

describe("credentials by SSO", function()
  it("are found in both forms", function()
    for features, files in pairs {
      ["r,s,o"] = { SESSION, [SESSION_FILE] = cache() }, ["t,u,o"] = { LEGACY, [LEGACY_FILE] = cache() },
    } do
      services:reset()
      local found = assert(resolve(files))
      assert.equal("ASIASTANDIN0001", found.access_key_id)
      assert.equal("SECRETMARK/sso+0001", found.secret_access_key)
      assert.equal("sso/SECRETMARK+token/0001==", found.session_token)
      assert.equal("210987654321", found.account_id)
      assert.equal("sso", found.provider)
      assert.equal("dev", found.profile)
      assert.truthy(features:find(found.features, 1, true))
      assert.is_true(math.abs(found.expiration - socket.gettime() - 3600) < 5 * SLOW)
      local request = services:requests()[1]
      assert.equal("GET", request.method)
      has(request.path, "/federation/credentials?", "role_name=reader", "account_id=210987654321")
      assert.equal(stand_in.DEFAULTS.sso.token, request.headers["x-amz-sso_bearer_token"])
      assert.is_nil(request.headers.authorization)
      assert.is_nil(request.headers["x-amz-date"])
      assert.truthy(request.headers["user-agent"]:find "^lua%-bedrock/")
      assert.equal(1, services:count())
    end
  end)

  it("may be the source of a role", function()
    local text = SESSION:gsub("dev", "base") .. "[profile dev]\nrole_arn = arn:aws:iam::111111111111:role/next\nsource_profile = base\n"
    assert.equal("111111111111", assert(resolve { text, [SESSION_FILE] = cache() }).account_id)
    has(services:requests("sts")[1].headers.authorization, "Credential=ASIASTANDIN0001/")
  end)

  it("are asked for in the region of the session, where all is as usual", function()
    local renewable = cache({ expiresAt = in_seconds(-5) }, true)
    local portal, oidc = "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials", "https://oidc.eu-west-1.amazonaws.com/token"
    for _, row in ipairs {
      { SESSION, cache(), portal }, { SESSION, renewable, oidc },
      { SESSION .. "[profile x]\n", cache(), portal },
      { SESSION:gsub("%[sso", "use_fips_endpoint = true\n%0"), cache(), "https://portal.sso-fips.eu-west-1.amazonaws.com/federation/credentials" },
      { SESSION:gsub("%[sso", "use_fips_endpoint = true\n%0"), renewable, "https://oidc-fips.eu-west-1.amazonaws.com/token" },
      { SESSION:gsub("%[sso", "endpoint_url = https://all.example/x\n%0"), cache(), "https://all.example/x/federation/credentials" },
      { SESSION:gsub("%[sso", "services = s\n%0") .. "[services s]\nsso =\n endpoint_url = http://h:1\nsso_oidc =\n endpoint_url = http://h:2\n", cache(),
        "http://h:1/federation/credentials" },
      { SESSION:gsub("%[sso", "services = s\n%0") .. "[services s]\nsso =\n endpoint_url = http://h:1\nsso_oidc =\n endpoint_url = http://h:2\n", renewable,
        "http://h:2/token" },
      { SESSION, cache(), portal, { AWS_ENDPOINT_URL_SSO_OIDC = "http://h", AWS_ENDPOINT_URL_BEDROCK = "http://h" } },
      { SESSION, renewable, oidc, { AWS_ENDPOINT_URL_SSO = "http://h" } },
    } do
      local runtime = fake_runtime.new(function() return fake_runtime.failure(400, "InvalidRequestException", "no") end, socket.gettime())
      local base = { HOME = "/h", AWS_PROFILE = "dev", AWS_EC2_METADATA_DISABLED = "true", AWS_REGION = "us-west-2" }
      refused(support.resolve(support.options({ row[1], [SESSION_FILE] = row[2] }, with(base, row[4]), { runtime = runtime })))
      assert.equal(row[3], (runtime.requests[1].url:gsub("%?.*", "")))
      assert.is_nil(runtime.requests[1].headers.Authorization)
    end
  end)

  it("are refused by the portal in words that say what to do", function()
    services:set("sso", { token = "another" })
    local err = refused(resolve { SESSION, [SESSION_FILE] = cache() })
    has(err, WHERE, "SSO does not take the token any more", LOGIN, "UnauthorizedException")
    assert.equal("UnauthorizedException", err.cause.code)
    assert.equal(401, err.status)
    assert.equal(1, services:count())
    for _, row in ipairs {
      { 403, "ForbiddenException", 1 }, { 404, "ResourceNotFoundException", 1 }, { 400, "InvalidRequestException", 1 },
      { 429, "TooManyRequestsException", 3 }, { 500, "InternalFailure", 3 }, { 503, "ServiceUnavailable", 3 },
    } do
      services:reset()
      services:fault { service = "sso", kind = "status", status = row[1], code = row[2], message = "it is so", times = -1 }
      err = refused(resolve { SESSION, [SESSION_FILE] = cache() })
      has(err, WHERE .. ': SSO gave no credentials for the role "reader" in the account 210987654321', row[2] .. ": it is so")
      assert.equal(row[2], err.cause.code)
      assert.equal(row[3] > 1, err.retryable)
      assert.equal(row[3], services:count "sso")
    end
  end)

  it("are asked for again after short trouble", function()
    for _, fault in ipairs { { kind = "status", status = 500 }, { kind = "status", status = 429 }, { kind = "reset" }, { kind = "cut" } } do
      services:reset()
      fault.service, fault.times = "sso", 2
      services:fault(fault)
      assert(resolve { SESSION, [SESSION_FILE] = cache() })
      assert.equal(3, services:count())
    end
  end)

  it("are no good where the portal lies", function()
    local null = core.json_null
    local function answer(changes)
      return { roleCredentials = with(
        { accessKeyId = "ASIA0", secretAccessKey = "SECRETMARK", sessionToken = "SECRETMARK", expiration = 4e12 }, changes) }
    end
    for _, row in ipairs {
      { { body = answer { accessKeyId = false } }, "accessKeyId is missing" }, { { body = answer { secretAccessKey = null } }, "secretAccessKey is missing" },
      { { body = answer { secretAccessKey = "SECRETMARK\n" } }, "secretAccessKey has a blank, a line break" },
      { { body = answer { sessionToken = "SECRETMARK X" } }, "sessionToken has a blank" },
      { { body = answer { expiration = false } }, "without an expiration" }, { { body = answer { expiration = "SECRETMARK" } }, "expiration" },
      { { body = answer { accessKeyId = 17 } }, "accessKeyId" }, { { body = answer { secretAccessKey = { "SECRETMARK" } } }, "secretAccessKey" },
      { { body = answer { expiration = 1000 } }, "have expired (at 1970-01-01T00:00:01Z)" }, { { kind = "expired" }, "have expired (at 20" },
      { { body = "{}" }, "" }, { { body = '{"roleCredentials":null}' }, "" }, { { body = '{"roleCredentials":["SECRETMARK"]}' }, "" },
      { { body = '{"roleCredentials":{"secretAccessKey":"SECRETMARK' }, "" }, { { body = "[]" }, "" }, { { body = "" }, "" },
      { { kind = "html" }, "" }, { { kind = "huge", mib = 2 }, "" }, { { kind = "redirect" }, "" },
    } do
      local fault = row[1]
      services:reset()
      fault.service, fault.kind, fault.times = "sso", fault.kind or "json", -1
      services:fault(fault)
      local err = refused(resolve { SESSION, [SESSION_FILE] = cache() })
      has(err, row[2])
      if not err.message:find("have expired", 1, true) then has(err, WHERE) end
      assert.equal(1, services:count())
    end
  end)

  it("are an error where profile and session disagree, or lack something", function()
    for _, row in ipairs {
      { SESSION:gsub("%[sso", "sso_region = us-east-1\n%0"), "(/h/.aws/config:5) sets another sso_region than its [sso-session corp]" },
      { SESSION:gsub("%[sso", "sso_start_url = https://x\n%0"), "(/h/.aws/config:5) sets another sso_start_url than its [sso-session corp]" },
      { SESSION:gsub("corp%]", "other]"), '(/h/.aws/config:2) names the sso_session "corp", but there is no section' },
      { SESSION:gsub("sso_region[^\n]*", ""), 'names the sso_session "corp", which has no sso_region' },
      { SESSION:gsub("sso_start_url[^\n]*", ""), 'names the sso_session "corp", which has no sso_start_url' },
      { SESSION:gsub("sso_role_name[^\n]*", ""), "(/h/.aws/config:2) sets sso_session, but no sso_role_name" },
      { SESSION:gsub("sso_account_id[^\n]*", ""), "sets sso_session, but no sso_account_id" },
      { LEGACY:gsub("sso_region[^\n]*", ""), "(/h/.aws/config:2) sets sso_start_url, but no sso_region" },
      { LEGACY:gsub("sso_account_id[^\n]*", ""), "sets sso_start_url, but no sso_account_id" },
      { SESSION:gsub("sso_account_id[^\n]*", ""):gsub("sso_role_name[^\n]*", ""), "is for SSO tokens: credentials need sso_account_id and sso_role_name" },
    } do
      has(refused(resolve { row[1], [SESSION_FILE] = cache() }), 'the profile "dev" (', row[2])
    end
    assert.equal(0, services:count())
    assert(resolve { SESSION:gsub("%[sso", "sso_region = eu-west-1\nsso_start_url = " .. START_URL .. "\n%0"), [SESSION_FILE] = cache() })
  end)
end)

describe("the file of an SSO token", function()
  it("may have its date in several forms", function()
    for _, date in ipairs { in_seconds(600), in_seconds(600, "UTC"), in_seconds(600, ".123Z"), in_seconds(600, "+00:00"), in_seconds(600, "") } do
      assert(resolve { SESSION, [SESSION_FILE] = cache { expiresAt = date } })
    end
  end)

  it("is an error, with what to do, where it holds no token", function()
    for _, row in ipairs {
      { nil, "there is no SSO token", LOGIN }, { { SESSION_FILE .. ": Permission denied" }, SESSION_FILE .. ": Permission denied" },
      { "", "the file of the SSO token gave no JSON document", LOGIN }, { '{"accessToken":"SECRETMARK', "the file of the SSO token gave no JSON document", LOGIN },
      { '["SECRETMARK"]', "gave JSON that is no object (" .. SESSION_FILE, LOGIN }, { '"SECRETMARK"', "gave JSON that is no object (" .. SESSION_FILE, LOGIN },
      { cache { accessToken = false }, "has no accessToken that can be used", LOGIN }, { cache { accessToken = "" }, "has no accessToken that can", LOGIN },
      { cache { accessToken = core.json_null }, "has no accessToken", LOGIN }, { cache { accessToken = { "SECRETMARK" } }, "has no accessToken", LOGIN },
      { cache { accessToken = "SECRET MARK" }, "has no accessToken", LOGIN }, { cache { accessToken = "SECRETMARK\n" }, "has no accessToken", LOGIN },
      { cache { expiresAt = false }, "has no readable expiresAt", LOGIN }, { cache { expiresAt = "SECRETMARK" }, "has no readable expiresAt", LOGIN },
      { cache { expiresAt = 5 }, "has no readable expiresAt", LOGIN }, { cache { expiresAt = "2026-13-01T00:00:00Z" }, "has no readable expiresAt", LOGIN },
      { cache { expiresAt = in_seconds(-1, "UTC") }, "the SSO token has expired: " .. LOGIN },
      { cache { expiresAt = "2020-01-01T00:00:00UTC" }, "the SSO token has expired: " .. LOGIN },
    } do
      has(refused(resolve { SESSION, [SESSION_FILE] = row[1] }), WHERE .. ": ", row[2], row[3] or "")
    end
    has(refused(resolve({ SESSION }, { HOME = false, AWS_CONFIG_FILE = "/h/.aws/config" })), "no home folder is known", LOGIN)
    assert.equal(0, services:count())
  end)
end)

describe("an SSO token", function()
  it("is not renewed while it lasts, nor in the older form, nor without what that takes", function()
    for _, row in ipairs {
      { SESSION, cache({ expiresAt = in_seconds(310 * SLOW) }, true) }, { SESSION, cache({ expiresAt = in_seconds(200 * SLOW) }) },
      { SESSION, cache({ expiresAt = in_seconds(200), refreshToken = false }, true) }, { SESSION, cache({ expiresAt = in_seconds(200), clientId = false }, true) },
      { SESSION, cache({ expiresAt = in_seconds(200), clientSecret = 5 }, true) },
      { SESSION, cache({ expiresAt = in_seconds(200), registrationExpiresAt = in_seconds(-1) }, true) },
      { LEGACY, cache({ expiresAt = in_seconds(200) }, true) },
    } do
      assert(resolve { row[1], [SESSION_FILE] = row[2], [LEGACY_FILE] = row[2] })
    end
    assert.equal(0, services:count "oidc")
    for _, row in ipairs {
      { LEGACY, cache({ expiresAt = in_seconds(-1) }, true) }, { SESSION, cache({ expiresAt = in_seconds(-1), registrationExpiresAt = "2020-01-01T00:00:00Z" }, true) },
    } do
      has(refused(resolve { row[1], [SESSION_FILE] = row[2], [LEGACY_FILE] = row[2] }), "the SSO token has expired: " .. LOGIN)
    end
    assert.equal(0, services:count "oidc")
  end)

  it("is renewed in its last five minutes, and after its end", function()
    for _, left in ipairs { 250, 1, -1, -1e6 } do
      services:reset()
      local found, err, warnings = resolve { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(left) }, true) }
      assert.is_nil(err)
      assert.same({}, warnings)
      assert.equal("ASIASTANDIN0002", found.access_key_id)
      local request = services:requests("oidc")[1]
      assert.equal("POST /token", request.method .. " " .. request.path)
      assert.same({ clientId = OIDC.client_id, clientSecret = OIDC.client_secret, grantType = "refresh_token", refreshToken = OIDC.refresh_token },
        core.json_decode_plain(request.body))
      assert.is_nil(request.headers.authorization)
      assert.equal("sso-access-SECRETMARK-0001", services:requests("sso")[1].headers["x-amz-sso_bearer_token"])
    end
  end)

  it("that was renewed is remembered where it can't be written, until there is another file", function()
    services:set("sso", { lifetime = 100 })
    local files = { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(-1) }, true) }
    local call = program(files)
    assert.is_string((call(0)))
    services:set("sso", { lifetime = 300 })
    assert.is_string((call(150)))
    assert.equal(1, services:count "oidc")
    assert.equal("sso-access-SECRETMARK-0001", services:requests("sso")[2].headers["x-amz-sso_bearer_token"])
    files[SESSION_FILE] = cache { accessToken = "fresh-login" }
    services:set("sso", { token = "fresh-login", lifetime = 1000 })
    assert.is_string((call(400)))
    assert.equal("fresh-login", services:requests("sso")[3].headers["x-amz-sso_bearer_token"])
    assert.equal(1, services:count "oidc")
  end)

  it("is renewed with the newest refresh token", function()
    services:set("sso", { lifetime = 100 })
    services:set("oidc", { lifetime = 200 })
    local call = program { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(-1) }, true) }
    assert.is_string((call(0)))
    services:set("sso", { lifetime = 300 })
    services:set("oidc", { rotate = false })
    assert.is_string((call(150)))
    assert.equal("sso-refresh-SECRETMARK-0001", core.json_decode_plain(services:requests("oidc")[2].body).refreshToken)
    services:set("sso", { lifetime = 500 })
    assert.is_string((call(320)))
    assert.equal("sso-refresh-SECRETMARK-0001", core.json_decode_plain(services:requests("oidc")[3].body).refreshToken)
  end)

  it("is used on where it can't be renewed yet, which is tried once a minute", function()
    services:set("sso", { lifetime = 10 })
    services:fault { service = "oidc", kind = "status", status = 400, code = "InvalidGrantException", times = -1 }
    local call, _, told = program { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(290) }, true) }
    for _, row in ipairs { { 0, 1 }, { 15, 1 }, { 30, 1 }, { 50, 1 }, { 70, 2 }, { 90, 2 }, { 120, 2 }, { 135, 3 } } do
      services:set("sso", { lifetime = row[1] + 10 })
      assert.is_string((call(row[1])))
      assert.equal(row[2], services:count "oidc", tostring(row[1]))
      assert.equal(row[2], #told.warnings)
    end
    has(told.warnings[1], WHERE .. ": the SSO token can't be renewed yet: ", "InvalidGrantException")
    assert.is_nil(told.warnings[1]:find("SECRETMARK", 1, true))
    assert.equal(8, services:count "sso")
    -- Once it has expired, the failure matters.
    for i = 1, 2 do
      local err = refused(call(300))
      has(err, WHERE .. ": the SSO token has expired and can't be renewed: " .. LOGIN, "InvalidGrantException")
      assert.equal("InvalidGrantException", err.cause.code)
      assert.equal(3 + i, services:count "oidc")
    end
  end)

  it("that can't be renewed is an error only after its end, whatever the trouble is", function()
    local null = core.json_null
    for _, row in ipairs {
      { { kind = "status", status = 401, code = "InvalidClientException" }, "InvalidClientException", false },
      { { kind = "status", status = 400, code = "ExpiredTokenException" }, "ExpiredTokenException", false },
      { { kind = "status", status = 503, code = "InternalServerException" }, "InternalServerException", true },
      { { kind = "close" }, "ConnectionError", true }, { { kind = "garbage" }, "ResponseError", true }, { { kind = "html" }, "ResponseError", false },
      { { body = '{"accessToken":"SECRETMARK' }, "ResponseError", false }, { { body = "{}" }, "no accessToken with a lifetime", false },
      { { body = { accessToken = "SECRETMARK\n", expiresIn = 5 } }, "no accessToken with a lifetime", false },
      { { body = { accessToken = "SECRETMARK" } }, "no accessToken with a lifetime", false },
      { { body = { accessToken = "SECRETMARK", expiresIn = null } }, "no accessToken with a lifetime", false },
      { { body = { accessToken = 5, expiresIn = 5 } }, "", false }, { { body = { accessToken = "SECRETMARK", expiresIn = "SECRETMARK" } }, "", false },
    } do
      local fault = row[1]
      services:reset()
      fault.service, fault.kind, fault.times = "oidc", fault.kind or "json", -1
      services:fault(fault)
      local found, err, warnings = resolve { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(200) }, true) }
      assert.is_nil(err)
      assert.equal("sso", found.provider)
      assert.equal(1, #warnings)
      has(warnings[1], "can't be renewed yet", row[2])
      assert.is_nil(warnings[1]:find("SECRETMARK", 1, true), warnings[1])
      err = refused(resolve { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(-5) }, true) })
      has(err, WHERE, "the SSO token has expired and can't be renewed", LOGIN, row[2])
      assert.equal(row[3], err.retryable)
    end
  end)

  it("that has expired already when it comes is an error", function()
    services:set("oidc", { lifetime = -5 })
    has(refused(resolve { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(-5) }, true) }), "the SSO token has expired", LOGIN)
  end)
end)

describe("an SSO token on disk", function()
  local home, file

  before_each(function()
    home = child.temp_dir()
    file = home .. SESSION_FILE:gsub("^/h", "")
    assert(os.execute("umask 022; mkdir -p " .. child.quote(home .. "/.aws/sso/cache")))
    child.write(home .. "/.aws/config", SESSION)
  end)
  after_each(function() os.execute("rm -rf " .. child.quote(home)) end)

  -- Options of a program that reads the files that are there.
  local function on_disk()
    local all, told = options(nil, { HOME = home })
    all.read_file, all.runtime = nil, support.runtime()
    return all, told
  end
  local function from_disk() return support.resolve(on_disk()) end

  local function shell(command)
    local pipe = io.popen(command)
    local text = pipe:read "*a"
    pipe:close()
    return text
  end

  it("is written back, for its owner alone, with all else that the file holds", function()
    child.write(file, cache({ expiresAt = in_seconds(100, "UTC"), other = { 1, { x = "y" } }, empty = {} }, true))
    local before = core.json_decode_plain(child.read(file))
    assert.equal("644\n", shell("stat -c %a " .. child.quote(file)))
    local found, err, warnings = from_disk()
    assert.is_nil(err)
    assert.same({}, warnings)
    assert.equal("sso", found.provider)
    assert.equal("600\n", shell("stat -c %a " .. child.quote(file)))
    local after = core.json_decode_plain(child.read(file))
    assert.equal("sso-access-SECRETMARK-0001", after.accessToken)
    assert.equal("sso-refresh-SECRETMARK-0001", after.refreshToken)
    assert.is_true(math.abs(core.time_parse(after.expiresAt) - socket.gettime() - 28800) < 5 * SLOW)
    assert.truthy(after.expiresAt:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$")
    for _, name in ipairs { "accessToken", "refreshToken", "expiresAt" } do before[name], after[name] = nil, nil end
    assert.same(before, after)
    -- Nothing is left beside it, and the next program finds it.
    assert.equal(1, select(2, shell("ls -A " .. child.quote(home .. "/.aws/sso/cache")):gsub("\n", "")))
    assert(from_disk())
    assert.equal(1, services:count "oidc")
  end)

  it("stays as it is where its renewal fails", function()
    local text = child.read(child.write(file, cache({ expiresAt = in_seconds(100) }, true)))
    services:fault { service = "oidc", kind = "status", status = 400, code = "InvalidGrantException" }
    assert(from_disk())
    assert.equal(text, child.read(file))
    assert.equal("644\n", shell("stat -c %a " .. child.quote(file)))
  end)

  it("that can't be written is used all the same, with a warning", function()
    local native = require "bedrock.native"
    local load = native.load
    for i, system in ipairs { { write_private = function(path) return nil, path .. ": No space left on device" end }, "it is not built" } do
      services:reset()
      services:set("sso", { lifetime = 100 })
      local text = child.read(child.write(file, cache({ expiresAt = in_seconds(-5) }, true)))
      native.load = function(name)
        if name ~= "bedrock.system" then return load(name) end
        if type(system) == "string" then error(system, 0) end
        return system
      end
      local call, _, told = support.program(on_disk())
      local key, err = call()
      native.load = load
      assert(key, err)
      assert.equal(1, #told.warnings)
      has(told.warnings[1], "the renewed SSO token can't be kept: ", i == 1 and file .. ": No space left" or "it is not built")
      assert.equal(text, child.read(file))
      services:set("sso", { lifetime = 300 })
      assert(call(101))
      assert.equal(1, services:count "oidc")
      assert.equal(2, services:count "sso")
    end
  end)

  it("is found by credentials.token, which renews it, too", function()
    child.write(home .. "/.aws/config", (SESSION:gsub("sso_account_id[^\n]*", ""):gsub("sso_role_name[^\n]*", "")))
    child.write(file, cache({ expiresAt = in_seconds(1000) }, true))
    local found = assert(credentials.token((on_disk())))
    assert.equal(stand_in.DEFAULTS.sso.token, found.token)
    assert.equal("sso", found.provider)
    assert.equal("dev", found.profile)
    assert.is_true(math.abs(found.expiration - socket.gettime() - 1000) < 5 * SLOW)
    assert.equal(0, services:count())
    child.write(file, cache({ expiresAt = in_seconds(-1000) }, true))
    assert.equal("sso-access-SECRETMARK-0001", assert(credentials.token((on_disk()))).token)
    assert.equal("sso-access-SECRETMARK-0001", assert(credentials.token((on_disk()))).token)
    assert.equal(1, services:count "oidc")
  end)
end)

describe("credentials.token", function()
  local function token(files, env, more)
    return credentials.token((options(files, env, with({ runtime = support.runtime() }, more))))
  end

  it("gives what the profile's session has", function()
    for _, files in ipairs { { SESSION, [SESSION_FILE] = cache() }, { LEGACY, [LEGACY_FILE] = cache() } } do
      local found = assert(token(files))
      assert.same({ stand_in.DEFAULTS.sso.token, "sso", "dev" }, { found.token, found.provider, found.profile })
    end
    assert.equal("sso-access-SECRETMARK-0001", assert(token { SESSION, [SESSION_FILE] = cache({ expiresAt = in_seconds(-5) }, true) }).token)
  end)

  it("gives the option's and the environment's first", function()
    local files = { SESSION, [SESSION_FILE] = cache() }
    assert.same({ token = "abc", provider = "environment" }, token(files, { AWS_BEARER_TOKEN_BEDROCK = "abc" }))
    assert.same({ token = "def", provider = "options" }, token(files, { AWS_BEARER_TOKEN_BEDROCK = "abc" }, { bearer_token = "def" }))
  end)

  it("says what is missing", function()
    for _, row in ipairs {
      { { "[profile dev]\nregion = us-east-1\n" }, 'there is no token: neither the option bearer_token nor AWS_BEARER_TOKEN_BEDROCK is set, and the profile "dev" has no sso_session' },
      { { SESSION }, WHERE .. ": there is no SSO token: " .. LOGIN },
      { { SESSION, [SESSION_FILE] = cache { expiresAt = in_seconds(-5) } }, WHERE .. ": the SSO token has expired: " .. LOGIN },
      { { "[profile dev]\nsso_session = corp\n" }, "there is no section [sso-session corp]" },
    } do
      has(refused(token(row[1])), row[2])
    end
    assert.equal(0, services:count())
  end)
end)
