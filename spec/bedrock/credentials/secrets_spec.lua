-- Every text that the library makes on the way to credentials, with each secret marked: errors and what hangs on them, events,
-- the faces of objects, doctor's report. None of them may show the mark.
--
-- The services' good answers come from the stand-in. Each of them is then spoilt in many ways, with the secrets still in it.

local bedrock = require "bedrock"
local config = require "bedrock.config"
local core = require "bedrock.core"
local credentials = require "bedrock.credentials"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support.credentials"

local SLOW, with = support.SLOW, support.with -- under valgrind fewer rows have to do
local MARK = "SECRETMARK"
local ARN = "arn:aws:iam::210987654321:role/reader"
local BASE = "[profile base]\naws_access_key_id = AKIASTANDIN\naws_secret_access_key = SECRETMARK/long-term\n"
local ROLE = "[default]\nrole_arn = " .. ARN .. "\nsource_profile = base\n"
local SSO = "sso_account_id = 210987654321\nsso_role_name = reader\n"
local SESSION = "[default]\nsso_session = corp\n" .. SSO .. "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://x\n"
local LEGACY = "[default]\nsso_start_url = https://x\nsso_region = eu-west-1\n" .. SSO
local CONFIG, KEYS, TOKEN = support.CONFIG, "/h/.aws/credentials", "/h/token"

local services = support.services()

-- ---- the texts ----

local texts = 0
local clean = {} -- those that were looked at

-- Nothing where all is clean, else what shows, and where.
local function walk(value, seen)
  if type(value) == "string" then
    texts = texts + 1
    if clean[value] then return nil end
    if value:find(MARK, 1, true) then return ": " .. value end
    clean[value] = true
  elseif type(value) == "table" and not seen[value] then
    seen[value] = true
    local shown = getmetatable(value) and walk(tostring(value), seen)
    if shown then return " as text" .. shown end
    for name, member in pairs(value) do
      shown = walk(name, seen) or walk(member, seen)
      if shown then return "." .. tostring(name) .. shown end
    end
  end
end

local function check(what, value)
  local shown = walk(value, {})
  if shown then error("a secret shows in " .. what .. shown, 0) end
end

-- ---- the programs ----

local function sso_cache(changes)
  return core.json_encode_plain(with({
    accessToken = stand_in.DEFAULTS.sso.token, expiresAt = core.time_iso8601(math.floor(socket.gettime()) + 3000),
    refreshToken = stand_in.DEFAULTS.oidc.refresh_token, clientId = stand_in.DEFAULTS.oidc.client_id,
    clientSecret = stand_in.DEFAULTS.oidc.client_secret, registrationExpiresAt = "2099-01-01T00:00:00Z",
  }, changes))
end

local function sso_files(text, token)
  return { [CONFIG] = text, ["/h/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json"] = token,
    [("/h/.aws/sso/cache/%s.json"):format(core.hex(core.sha1 "https://x"))] = token }
end

local good = {} -- answers by request, so that each is fetched once only

-- Asks the stand-in. `spoil(response, request)` gives what comes in place of an answer whose URL has `at` in it.
local function new_runtime(at, spoil)
  local runtime = support.runtime()
  runtime.name, runtime.spoil = "test", spoil
  local ask = runtime.ask
  function runtime.ask(request)
    local action = (request.body or ""):match "Action=%a+" or ""
    local key = ("%s %s %s"):format(request.method, request.url, action)
    local response, err = good[key]
    if not response then
      response, err = ask(request)
      if not response then return nil, err end
      if response.status == 200 then good[key] = response end
    end
    if not runtime.spoil or not request.url:find(at or "", 1, true) then return response end
    return runtime.spoil({ status = response.status, headers = response.headers, body = response.body }, request)
  end
  return runtime
end

-- The options of a set-up, and what its program was told.
local function options_of(setup, runtime)
  local base = services:environment { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" }
  return support.options(setup.files, with(base, setup.env), with({ runtime = runtime }, setup.options))
end

-- Go through every door with a set-up; true if there were credentials, or a token, behind one of them.
local function try(name, setup, at, spoil)
  local found_some = false
  local runtime = new_runtime(at, spoil)
  local options, told = options_of(setup, runtime)
  check(name .. ": doctor", bedrock.doctor(options))
  if not spoil then -- behind the other doors are the same errors
    local found, err = credentials.resolve(options)
    check(name .. ": resolve", err)
    check(name .. ": credentials", tostring(found))
    found_some = found ~= nil
    local settings, provider
    settings, err = config.load(options)
    if settings then provider, err = credentials.provider(settings) end
    check(name .. ": settings", err)
    if provider then
      check(name .. ": provider", tostring(provider))
      found, err = provider:get(runtime, runtime:now())
      check(name .. ": provider", tostring(provider))
      check(name .. ": found", tostring(found))
      check(name .. ": error", err)
    end
  end
  check(name .. ": token", (select(2, credentials.token(options))))
  local client, err = bedrock.new(options)
  check(name .. ": new", err)
  if client then
    local answer
    answer, err = client:get_custom_model { modelIdentifier = "m" }
    found_some = found_some or answer ~= nil
    check(name .. ": call", err)
    check(name .. ": client", tostring(client))
    client:close()
    check(name .. ": client", tostring(client))
  end
  check(name .. ": events", told.events)
  return found_some
end

-- ---- what is set up ----

local FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
local WEB = { AWS_WEB_IDENTITY_TOKEN_FILE = TOKEN, AWS_ROLE_ARN = ARN }
local EXPIRED = core.time_iso8601(1600000000)

-- Good ones. `steps`: parts of the URLs that are asked on the way.
local function setups()
  local container = { [FULL] = services.url .. "/v2/id?key=SECRETMARK", AWS_CONTAINER_AUTHORIZATION_TOKEN = "SECRETMARK x" }
  return {
    options = { options = { credentials = { access_key_id = "AKIASECRETMARK0WXYZ", secret_access_key = MARK, session_token = MARK } } },
    ["a user's provider"] = { options = { credentials = function() return { access_key_id = "A", secret_access_key = MARK, session_token = MARK } end } },
    ["a bearer token"] = { options = { bearer_token = MARK }, env = { AWS_BEARER_TOKEN_BEDROCK = MARK } },
    environment = { env = { AWS_ACCESS_KEY_ID = "A", AWS_SECRET_ACCESS_KEY = MARK, AWS_SESSION_TOKEN = MARK } },
    profile = { files = { [KEYS] = "[default]\naws_access_key_id = A\naws_secret_access_key = SECRETMARK\naws_session_token = SECRETMARK\n" } },
    role = { steps = { "" }, files = { [CONFIG] = ROLE .. BASE } },
    ["role of a session"] = { steps = { "/token", "/federation", ":" }, files = sso_files(
      SESSION:gsub("default", "profile base") .. ROLE, sso_cache { expiresAt = EXPIRED }) },
    ["role with MFA"] = { files = { [CONFIG] = ROLE .. "mfa_serial = arn:aws:iam::1:mfa/me\n" .. BASE }, options = { mfa_code = function() return "123456" end } },
    ["web identity"] = { steps = { "" }, env = WEB, files = { [TOKEN] = stand_in.DEFAULTS.sts.web_token } },
    ["web identity by profile"] = { steps = { "" }, files = { [TOKEN] = stand_in.DEFAULTS.sts.web_token .. "\n",
      [CONFIG] = "[default]\nrole_arn = " .. ARN .. "\nweb_identity_token_file = " .. TOKEN .. "\n" } },
    session = { steps = { "/federation" }, files = sso_files(SESSION, sso_cache()) },
    ["session to be renewed"] = { steps = { "/token", "/federation" }, files = sso_files(SESSION, sso_cache { expiresAt = EXPIRED }) },
    ["older SSO"] = { files = sso_files(LEGACY, sso_cache()) },
    container = { steps = { "" }, env = container },
    ["container's role"] = { steps = { "/v2", services.url .. "/" }, env = container, files = { [CONFIG] = "[default]\nrole_arn = " .. ARN
      .. "\ncredential_source = EcsContainer\n" } },
    imds = { steps = { "/api/token", "/security-credentials/", "stand-in-role" }, env = { AWS_EC2_METADATA_DISABLED = "false" } },
    process = { files = { [CONFIG] = "[default]\ncredential_process = echo '" .. '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"SECRETMARK"}' .. "'\n" } },
  }
end

-- ---- how answers are spoilt ----

local function with_body(change)
  return function(response)
    response.body = change(response.body)
    return response
  end
end

local function cut_at(share) return with_body(function(body) return body:sub(1, math.floor(#body * share)) end) end

local function replaced(pattern, by) return with_body(function(body) return (body:gsub(pattern, by)) end) end

local function with_status(status, body, headers)
  return function(response)
    return { status = status, headers = headers or response.headers, body = body }
  end
end

local SPOILT = {
  ["cut at a quarter"] = cut_at(0.25), ["cut in half"] = cut_at(0.5), ["cut at three quarters"] = cut_at(0.75),
  ["without its last byte"] = with_body(function(body) return body:sub(1, -2) end),
  ["with more before it"] = with_body(function(body) return (body:match(MARK) or "x") .. body end),
  ["with more behind it"] = with_body(function(body) return body .. (body:match(MARK) or "x") end),
  ["twice"] = with_body(function(body) return body .. body end), ["in quotes"] = with_body(function(body) return '"' .. body:gsub('"', "'") .. '"' end),
  ["without quotes"] = replaced('"', ""), ["without colons"] = replaced('":', '" '), ["without commas"] = replaced(",", " "),
  ["with a line break in its secrets"] = replaced(MARK, MARK .. "\\n"), ["with a raw line break"] = replaced(MARK, MARK .. "\n" .. MARK),
  ["with a NUL"] = replaced(MARK, MARK .. "\0"), ["with bytes that are no UTF-8"] = replaced(MARK, MARK .. "\255" .. MARK),
  ["with an escape that is none"] = replaced(MARK, MARK .. "\\x" .. MARK), ["with half an escape"] = replaced(MARK, MARK .. "\\uD800"),
  ["with lists for secrets"] = replaced('"[^"]*SECRETMARK[^"]*"', "[%0]"), ["with objects for secrets"] = replaced('"[^"]*SECRETMARK[^"]*"', "{%0:%0}"),
  ["with secrets for names"] = replaced('"%a+":', '"SECRETMARK":'), ["with a secret for a date"] = replaced('"?[Ee]xpir%a+"?:"?[^",}]*"?', "%0SECRETMARK"),
  ["with a secret for all dates"] = replaced('("[Ee]xpir%a+":)"?[^",}]*"?', '%1"SECRETMARK"'),
  ["with a date gone by"] = replaced('("[Ee]xpir%a+":)"?[^",}]*"?', "%11"), ["without its date"] = replaced('"[Ee]xpir%a+":', '"Old":'),
  ["without its secret"] = replaced("[Ss]ecretAccessKey", "Sekret"), ["with a secret for its code"] = replaced("Success", "Failed"),
  ["with deep nesting"] = with_body(function(body) return ("["):rep(3000) .. body end),
  ["with broken tags"] = replaced("</(%a+)>", "<%1>"), ["with entities"] = replaced(MARK, "&SECRETMARK;"),
  ["with CDATA"] = replaced(MARK, "<![CDATA[SECRETMARK"), ["with attributes"] = replaced("<(%a+)>", '<%1 a="SECRETMARK>'),
  ["empty"] = with_body(function() return "" end), ["null"] = with_body(function() return "null" end),
  ["no text"] = with_body(function() return { MARK } end), ["too large"] = with_body(function(body) return body .. (" "):rep(70000) .. MARK end),
  ["HTTP 400"] = with_status(400, "{}"), ["HTTP 401"] = with_status(401, "{}"), ["HTTP 403"] = with_status(403, '{"message":"no"}'),
  ["HTTP 404"] = with_status(404, "<html><body>SECRETMARK</body></html>"), ["HTTP 500"] = with_status(500, "<h1>SECRETMARK</h1>"),
  ["HTTP 403 with what is good"] = function(response) return { status = 403, headers = response.headers, body = response.body } end,
  ["HTTP 500 with what is good"] = function(response) return { status = 500, headers = response.headers, body = response.body } end,
  ["HTTP 302"] = with_status(302, "", { location = "http://elsewhere" }), ["HTTP 204"] = with_status(204, ""),
  ["a status that is none"] = function(response) return { status = "200", headers = response.headers, body = response.body } end,
  ["ExpiredToken"] = with_status(403, '{"__type":"ExpiredTokenException","Error":{"Code":"ExpiredToken","Message":"over"}}'),
  ["nobody"] = function() return nil, { code = "ConnectionError", message = "refused", retryable = false } end,
  ["silence"] = function() return nil, { code = "TimeoutError", message = "no answer", retryable = true, kind = "timeout_read" } end,
  ["a text for an answer"] = function(response) return response.body end, ["nothing at all"] = function() return nil end,
}

local spoilt_names = {}
for name in pairs(SPOILT) do spoilt_names[#spoilt_names + 1] = name end
table.sort(spoilt_names)

-- Calls `act` for each way in which a step of a set-up can go wrong, or every so many of them.
local function each_spoilt(names, every, act)
  local n = 0
  every = SLOW > 1 and 7 or every
  for name, given in pairs(setups()) do
    for _, step in ipairs(given.steps and (not names or names[name]) and given.steps or {}) do
      for _, how in ipairs(spoilt_names) do
        n = n + 1
        if n % every == 0 then act(("%s, %s %s"):format(name, step, how), given, step, SPOILT[how]) end
      end
    end
  end
end

local function many(least)
  if SLOW == 1 then assert.is_true(texts > least, tostring(texts)) end
end

describe("no secret shows", function()
  before_each(function()
    good, texts, clean = {}, 0, {}
  end)

  it("where all is well", function()
    for name, given in pairs(setups()) do
      assert.is_true(try(name, given), name)
      for index in ipairs(given.steps or {}) do assert.is_true(try(name, given, given.steps[index], function(response) return response end)) end
    end
    many(500)
  end)

  local function spoil_all(names)
    local failures = 0
    each_spoilt(names, 1, function(name, given, step, spoil)
      if not try(name, given, step, spoil) then failures = failures + 1 end
    end)
    return failures * SLOW
  end

  it("where answers are wrong", function()
    assert.is_true(spoil_all() > 500)
    many(20000)
  end)

  it("where answers are wrong, in XML", function()
    services:set("sts", { format = "xml" })
    assert.is_true(spoil_all { role = true, ["web identity"] = true } > 40)
    many(1000)
  end)

  it("where a renewal goes wrong, or Bedrock refuses", function()
    each_spoilt(nil, 2, function(name, given, step, spoil)
      local runtime = new_runtime(step)
      local options, told = options_of(given, runtime)
      local client = assert(bedrock.new(options))
      assert(client:get_custom_model { modelIdentifier = "m" })
      runtime.spoil = spoil
      for _, ahead in ipairs { 3500, 50000 } do
        runtime.ahead = ahead
        check(name .. ", renewed", (select(2, client:get_custom_model { modelIdentifier = "m" })))
      end
      runtime.ahead, runtime.bedrock = 0, { status = 403, headers = { ["x-amzn-errortype"] = "ExpiredTokenException" }, body = "{}" }
      check(name .. ", refused", (select(2, client:get_custom_model { modelIdentifier = "m" })))
      check(name .. ": events", told.events)
      check(name .. ": client", tostring(client))
    end)
    many(20000)
  end)

  it("where it is set up wrong", function()
    local odd = { "", "\n", "\0", " ", "\r\nX: y", "=", "\195\169", "\127", "@", "://", '"' }
    local rows = {}
    local function row(name, given) rows[#rows + 1] = { name, given } end
    for _, text in ipairs(odd) do
      for _, secret in ipairs { text .. MARK, MARK .. text .. MARK } do
        row("token", { env = { [FULL] = services.url .. "/v2/x", AWS_CONTAINER_AUTHORIZATION_TOKEN = secret } })
        row("token file", { env = { [FULL] = services.url .. "/v2/x", AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = TOKEN }, files = { [TOKEN] = secret } })
        row("full URI", { env = { [FULL] = services.url .. "/v2/x?" .. secret } })
        row("full URI", { env = { [FULL] = "http://h/v2/x?" .. secret } })
        row("full URI", { env = { [FULL] = "http://user:" .. secret .. "@127.0.0.1/" } })
        row("metadata endpoint", { env = { AWS_EC2_METADATA_DISABLED = "false", AWS_EC2_METADATA_SERVICE_ENDPOINT = "http://u:" .. secret .. "@h" } })
        row("STS endpoint", { env = { AWS_ENDPOINT_URL_STS = "http://u:" .. secret .. "@h" }, files = { [CONFIG] = ROLE .. BASE } })
        row("web token", { env = WEB, files = { [TOKEN] = secret } })
        row("web token", { files = { [TOKEN] = secret, [CONFIG] = "[default]\nrole_arn = x\nweb_identity_token_file = " .. TOKEN } })
        row("SSO token", { files = sso_files(SESSION, sso_cache { accessToken = secret }) })
        row("SSO token", { files = sso_files(SESSION, secret) })
        row("SSO token", { files = sso_files(SESSION, '{"accessToken":"' .. secret) })
        row("SSO token", { files = sso_files(SESSION, sso_cache { expiresAt = secret }) })
        for _, member in ipairs { "refreshToken", "clientId", "clientSecret", "registrationExpiresAt" } do
          row("SSO " .. member, { files = sso_files(SESSION, sso_cache { expiresAt = EXPIRED, [member] = secret }) })
        end
        row("MFA code", { files = { [CONFIG] = ROLE .. "mfa_serial = arn:aws:iam::1:mfa/me\n" .. BASE }, options = { mfa_code = function() return secret end } })
        row("keys of a role", { files = { [CONFIG] = ROLE, [KEYS] = "[base]\naws_access_key_id = A\naws_secret_access_key = x" .. secret } })
        row("keys of a role", { files = { [CONFIG] = ROLE, [KEYS] = "[base]\naws_secret_access_key = " .. secret } })
        row("keys of a role", { files = { [CONFIG] = ROLE, [KEYS] = "[base]\naws_secret_access_key " .. secret } })
        row("bearer token", { options = { bearer_token = secret } })
      end
    end
    for _, command in ipairs {
      "echo SECRETMARK", "echo SECRETMARK; exit 3", "printf SECRETMARK; kill -9 $$", "printf '{\"Version\":1,\"SecretAccessKey\":\"SECRETMARK'",
      "printf '{\"Version\":2,\"SecretAccessKey\":\"SECRETMARK\"}'", "printf '{\"Version\":\"SECRETMARK\"}'", "printf '[\"SECRETMARK\"]'",
      "printf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"SECRETMARK\",\"Expiration\":\"SECRETMARK\"}'",
      "printf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"SECRETMARK X\"}'", "echo SECRETMARK; echo it did not work >&2; exit 1",
      "printf '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"SECRETMARK\",\"Expiration\":\"2020-01-01T00:00:00Z\"}'",
    } do
      row("process " .. command:gsub(MARK, ""), { files = { [CONFIG] = "[default]\ncredential_process = " .. command .. "\n" } })
    end
    for name, provider in pairs {
      ["a provider without a key"] = function() return { secret_access_key = MARK } end,
      ["a provider of texts"] = function() return MARK end,
      ["a provider of the past"] = function() return { access_key_id = "A", secret_access_key = MARK, session_token = MARK, expiration = 5 } end,
      ["a provider of line breaks"] = function() return { access_key_id = "A", secret_access_key = MARK .. "\n" } end,
      ["a provider of tables"] = function() return { access_key_id = { MARK }, secret_access_key = { MARK } } end,
    } do
      row(name, { options = { credentials = provider } })
    end
    for i, entry in ipairs(rows) do
      if SLOW == 1 or i % 7 == 0 then try(entry[1], entry[2]) end
    end
    many(10000)
  end)
end)

describe("the walk itself", function()
  it("finds what shows", function()
    for _, value in ipairs {
      MARK, { a = { b = "x" .. MARK } }, { [MARK] = 1 }, setmetatable({}, { __tostring = function() return MARK end }),
      { cause = { headers = { x = MARK } } },
    } do
      assert.has_error(function() check("this", value) end)
    end
    check("this", { "a", { b = "SECRET" } })
  end)
end)
