-- The conformance vectors of credentials: which steps follow from profiles, which addresses from settings, and whole chains
-- with their HTTP traffic; STS's answers once as they were recorded (XML) and once as STS gives them to whoever wants JSON.

local config = require "bedrock.config"
local container = require "bedrock.credentials.container"
local core = require "bedrock.core"
local credentials = require "bedrock.credentials"
local imds = require "bedrock.credentials.imds"
local profile_chain = require "bedrock.credentials.profile_chain"
local vectors = require "spec.support.vectors"

local function load_config(env, files)
  return assert(config.load { environment = env, read_file = function(path) return files[path] end })
end

describe("vectors credentials/role-chain:", function()
  local KINDS = { keys = "AccessKey", assume_role = "AssumeRole", named_source = "NamedSource",
    web_identity = "WebIdentityToken", sso = "Sso", process = "CredentialProcess" }
  local MEMBERS = { keys = { aws_access_key_id = "access_key_id", aws_secret_access_key = "secret_access_key",
    aws_session_token = "session_token", aws_account_id = "account_id" } }

  -- What the vectors tell of a step: exactly the members that they name.
  local function described(step, expected)
    local kind = KINDS[step.kind]
    if step.kind == "named_source" then return { [kind] = step.settings.credential_source } end
    local members = {}
    for key, name in pairs(MEMBERS[step.kind] or {}) do members[name] = step.settings[key] end
    if not MEMBERS[step.kind] then
      for name in pairs(expected[kind] or {}) do members[name] = step.settings[name] end
      for _, name in ipairs { "role_arn", "external_id", "role_session_name" } do
        if step.kind ~= "sso" then members[name] = step.settings[name] end
      end
    end
    return { [kind] = members }
  end

  for _, case in ipairs(vectors.cases("credentials/role-chain.json")) do
    it(case.id, function()
      local files = { profiles = case.profiles, sso_sessions = case.sso_sessions or {}, services = {} }
      local steps, message = profile_chain.steps(files, { profiles = {} }, case.selected)
      if case.expect.error then
        assert.is_nil(steps)
        assert.is_string(message)
      else
        local got = setmetatable({}, core.json_array_mt)
        for i, step in ipairs(assert(steps, message)) do got[i] = described(step, case.expect.chain[i] or {}) end
        assert.is_nil(vectors.difference(case.expect.chain, got))
      end
    end)
  end
end)

describe("vectors credentials/container-uri:", function()
  for _, case in ipairs(vectors.cases("credentials/container-uri.json")) do
    it(case.id, function()
      local url, err = container.uri(load_config(case.env, {}).getenv)
      assert.equal(case.expect.uri, url)
      if case.expect.error == "invalid-uri" then assert.equal("CredentialsError", err.code) end
    end)
  end
end)

describe("vectors credentials/imds-endpoint:", function()
  for _, case in ipairs(vectors.cases("credentials/imds-endpoint.json")) do
    it(case.id, function()
      local url, err = imds.endpoint(load_config(case.env, case.files),
        { endpoint = case.endpoint_override, mode = case.mode_override })
      if case.expect.error then
        assert.is_nil(url)
        assert.equal("ConfigurationError", err.code)
      else
        assert.equal(case.expect.tokenUrl, url .. "/latest/api/token")
      end
    end)
  end
end)

-- Recordings that contradict their own settings, and what they would have to say.
local MENDED = {
  ["default-chain.web_identity_token_env"] = { RoleArn = "arn:aws:iam::123456789012:role/test-role" },
  ["default-chain.web_identity_token_profile"] = { RoleArn = "arn:aws:iam::1234567890123:role/RoleA",
    WebIdentityToken = "sometoken" },
}

local function pairs_of(form)
  local found = {}
  for name, value in form:gmatch("([^&=]+)=([^&]*)") do found[name] = core.uri_decode(value) end
  return found
end

local function split_url(url)
  local base, query = url:match("^([^?]*)%??(.*)$")
  return base:gsub("^(%a+://[^/]+)$", "%1/"), pairs_of(query)
end

-- The XML of STS as JSON.
local function in_json(body)
  local function text(name) return body:match("<" .. name .. ">([^<]*)</" .. name .. ">") end
  if body:find("<ErrorResponse", 1, true) then
    return core.json_encode_plain { Error = { Code = text "Code", Message = text "Message", Type = text "Type" },
      RequestId = text "RequestId" }
  end
  local name = body:match("^<(%a+)Response")
  return core.json_encode_plain { [name .. "Response"] = {
    [name .. "Result"] = {
      Credentials = { AccessKeyId = text "AccessKeyId", SecretAccessKey = text "SecretAccessKey",
        SessionToken = text "SessionToken", Expiration = core.time_parse(text "Expiration") },
      AssumedRoleUser = { Arn = text "Arn", AssumedRoleId = text "AssumedRoleId" },
    },
    ResponseMetadata = { RequestId = text "RequestId" },
  } }
end

-- A transport that answers the exchanges of a case in their order, and nothing else.
local function player(id, case, json)
  local runtime = { clock = (case.expect.ok and case.expect.ok.expiry or 1700000000) - 3600, played = 0 }
  function runtime:now() return self.clock end
  function runtime:sleep(seconds) self.clock = self.clock + seconds end
  function runtime:send(request)
    local exchange = case.http[self.played + 1]
    if not exchange then return nil, { code = "ConnectionError", message = "nothing more was recorded", retryable = false } end
    self.played = self.played + 1
    local expected = exchange.request
    assert.equal(expected.method, request.method)
    local url, query = split_url(request.url)
    local expected_url, expected_query = split_url(expected.uri)
    assert.equal(expected_url, url)
    assert.same(expected_query, query)
    local headers = {}
    for name, value in pairs(request.headers) do headers[name:lower()] = value end
    for name, value in pairs(expected.headers) do
      -- The recording of this one signs with another token than the container gave.
      if not (id == "default-chain.ecs_assume_role" and name == "x-amz-security-token") then
        assert.equal(value, headers[name])
      end
    end
    assert.equal(expected.signed == true, headers.authorization ~= nil and headers.authorization:find("^AWS4%-HMAC") ~= nil)
    local form, expected_form = pairs_of(request.body or ""), pairs_of(expected.body or "")
    for name, value in pairs(MENDED[id] or {}) do expected_form[name] = value end
    if expected_form.WebIdentityToken then -- one recording has the line break at the file's end, the others have it not
      expected_form.WebIdentityToken = expected_form.WebIdentityToken:gsub("%s+$", "")
    end
    if not case.env.AWS_ROLE_SESSION_NAME then
      assert.equal(expected_form.RoleSessionName == nil, form.RoleSessionName == nil)
      expected_form.RoleSessionName, form.RoleSessionName = nil, nil
    end
    assert.same(expected_form, form)
    local answer = exchange.response
    local body, response_headers = answer.body, {}
    for name, value in pairs(answer.headers) do response_headers[name] = value end
    if json and form.Action and body ~= "" then
      body, response_headers["content-type"] = in_json(body), "application/json"
    end
    return { status = answer.status, headers = response_headers, body = body }
  end
  return runtime
end

local function run(id, case, json)
  local runtime = player(id, case, json)
  local env = { AWS_METADATA_SERVICE_NUM_ATTEMPTS = "4" }
  for name, value in pairs(case.env) do env[name] = value end
  local options = { environment = env, runtime = runtime, read_file = function(path) return case.files[path] end }
  if case.provider == "profile" then
    options.profile = env.AWS_PROFILE or "default" -- given in code, the profile comes before the environment
  end
  local find = case.provider == "bearer-token" and credentials.token or credentials.resolve
  local found, err = find(options)
  assert.equal(#case.http, runtime.played)
  if case.expect.error then
    assert.is_nil(found)
    assert.is_string(err.code)
    return
  end
  assert.is_nil(err)
  for name, value in pairs(case.expect.ok) do
    if name == "expiry" then
      assert.equal(value, found.expiration)
    elseif name == "expiration" then
      assert.equal(core.time_parse(value), found.expiration)
    else
      assert.equal(value, found[name])
    end
  end
end

describe("vectors credentials/end-to-end:", function()
  local names = vectors.available() and vectors.list("credentials/end-to-end", ".json") or {}
  it("are there", function()
    if not vectors.available() then return pending(vectors.missing) end
    assert.is_true(#names >= 33)
  end)
  for _, name in ipairs(names) do
    local id = name:gsub("%.json$", "")
    local case = vectors.json("credentials/end-to-end/" .. name)
    it(id, function() run(id, case) end)
    local sts = false
    for _, exchange in ipairs(case.http) do sts = sts or exchange.request.body:find("Action=", 1, true) ~= nil end
    if sts then
      it(id .. ", STS answering in JSON", function() run(id, case, true) end)
    end
  end
end)
