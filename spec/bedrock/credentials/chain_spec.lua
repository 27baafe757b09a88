local config = require "bedrock.config"
local credentials = require "bedrock.credentials"
local endpoint = require "bedrock.endpoint"
local fake_runtime = require "spec.support.fake_runtime"

describe("bedrock.credentials.resolve", function()
  local NOBODY = { AWS_EC2_METADATA_DISABLED = "true" }

  it("lists all that it tried, and what to do", function()
    local env = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" }
    local found, err = credentials.resolve { environment = env, read_file = function() end }
    assert.is_nil(found)
    assert.equal("CredentialsError", err.code)
    for _, part in ipairs {
      "no credentials were found", "options: the option credentials is not given",
      "environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
      "profile: no profile in /h/.aws/config or /h/.aws/credentials",
      "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set",
      "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set",
      "imds: environment variable AWS_EC2_METADATA_DISABLED switches it off",
      "Give the option credentials", "set AWS_ACCESS_KEY_ID", "into a profile of /h/.aws/credentials",
      'print(require("bedrock").doctor()) shows more',
    } do
      assert.truthy(err.message:find(part, 1, true), err.message)
    end
    err = select(2, credentials.resolve { environment = NOBODY })
    assert.truthy(err.message:find("no home folder is known", 1, true), err.message)
    err = select(2, credentials.resolve { environment = env, read_file = function() return "[other]" end })
    assert.truthy(err.message:find('profile: there is no profile "default"', 1, true), err.message)
  end)

  it("raises for a wrong option at the caller's line", function()
    local ok, message = pcall(function() credentials.resolve { regoin = "x" } end)
    assert.is_false(ok)
    assert.truthy(message:find('chain_spec.lua:%d+: credentials.resolve: unknown option "regoin" %(did you mean "region"%?%)'),
      message)
  end)

  it("takes the time from the runtime", function()
    local asked = 0
    local found, err = credentials.resolve {
      environment = {}, read_file = function() end,
      credentials = { access_key_id = "a", secret_access_key = "b", expiration = 50 },
      runtime = { now = function() asked = asked + 1 return 49 end, send = function() end, sleep = function() end },
    }
    assert.is_nil(err)
    assert.equal(50, found.expiration)
    assert.is_true(asked > 0)
  end)

  it("names the profile that no file has", function()
    local found, err = credentials.resolve { profile = "nope", environment = {}, read_file = function() end }
    assert.is_nil(found)
    assert.equal("ConfigurationError", err.code)
    assert.truthy(err.message:find('the profile "nope" (from option profile)', 1, true))
  end)
end)

describe("bedrock.credentials.provider", function()
  it("keeps to the provider that answered", function()
    local env = { AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b" }
    local provider = assert(credentials.provider(assert(config.load { environment = env, read_file = function() end })))
    assert.truthy(tostring(provider):find("not asked yet", 1, true))
    local first = assert(provider:get(nil, 0))
    assert.equal(first, provider:get(nil, 1e9))
    assert.truthy(tostring(provider):find("environment", 1, true))
  end)
end)

describe("the modules of configuration and credentials", function()
  it("touch neither disk nor environment when they are loaded", function()
    local names = { "config", "shared_files", "endpoint", "partitions", "credentials", "credentials.keys",
      "credentials.chain", "credentials.refresh", "credentials.static", "credentials.environment", "credentials.profile",
      "credentials.profile_chain", "credentials.assume_role", "credentials.sts", "credentials.service",
      "credentials.web_identity", "credentials.sso", "credentials.sso_token", "credentials.process", "credentials.document",
      "credentials.metadata", "credentials.container", "credentials.imds", "retry", "limiter", "clock", "useragent" }
    local loaded, io_open, getenv = {}, io.open, os.getenv
    for _, name in ipairs(names) do
      name = "bedrock." .. name
      loaded[name], package.loaded[name] = package.loaded[name], nil
    end
    local function forbidden() error("not while loading", 2) end
    rawset(io, "open", forbidden)
    rawset(os, "getenv", forbidden)
    local ok, err = pcall(function()
      for _, name in ipairs(names) do require("bedrock." .. name) end
    end)
    rawset(io, "open", io_open)
    rawset(os, "getenv", getenv)
    for _, name in ipairs(names) do package.loaded["bedrock." .. name] = loaded["bedrock." .. name] end
    assert.is_true(ok, err)
  end)
end)

describe("bedrock.credentials.bearer", function()
  local function bearer(token, url)
    return credentials.bearer(assert(config.load { bearer_token = token, environment = {}, read_file = function() end }), url)
  end

  it("is nil without a token, whatever the URL", function()
    local token, err = bearer(nil, "http://h")
    assert.is_nil(token)
    assert.is_nil(err)
  end)

  it("goes over https, and over http to this machine alone", function()
    for _, url in ipairs { "https://bedrock.us-east-1.amazonaws.com", "https://h:8080/x", "http://localhost:8080",
      "http://127.0.0.1:1", "http://127.8.9.1", "http://[::1]:9" } do
      assert.equal("SECRETMARK", bearer("SECRETMARK", url))
    end
    for _, url in ipairs { "http://bedrock.us-east-1.amazonaws.com", "http://10.0.0.1", "http://localhost.example",
      "http://127.0.0.1.example", "http://[::2]" } do
      local token, err = bearer("SECRETMARK", url)
      assert.is_nil(token)
      assert.equal("ConfigurationError", err.code)
      assert.truthy(err.message:find("a bearer token (option bearer_token) is sent over https only, but the endpoint is "
        .. "http://" .. endpoint.parse(url).authority, 1, true), err.message)
      assert.is_nil(err.message:find("SECRETMARK", 1, true))
    end
  end)
end)

describe("what a secret is part of", function()
  -- Every text that the modules can make of settings in which each secret is marked.
  local MARK = "SECRETMARK"

  local function walk(value, seen, where)
    if type(value) == "string" then
      assert.is_nil(value:find(MARK, 1, true), where .. ": " .. value)
    elseif type(value) == "table" and not seen[value] then
      seen[value] = true
      assert.is_nil(tostring(value):find(MARK, 1, true), where)
      for name, member in pairs(value) do walk(member, seen, where .. "." .. tostring(name)) end
    end
  end

  local function bad(value) return { MARK .. value, value .. MARK, MARK .. value .. MARK } end

  local nobody_answers = fake_runtime.new(function()
    return nil, { code = "ConnectionError", message = "refused", retryable = false }
  end, 1e9)

  it("never shows in an error", function()
    local errs = {}
    local function try(options, files)
      options.environment = options.environment or {}
      options.environment.HOME = "/h"
      options.read_file = function(path) return files and files[path:match("[^/]+$")] end
      local ok, message = config.check_options(options)
      if not ok then
        errs[#errs + 1] = message
        return
      end
      local settings, err = config.load(options)
      if settings then
        local url
        url, err = endpoint.resolve { region = "us-east-1", endpoint_url = settings.endpoint_url or "http://h" }
        errs[#errs + 1] = err
        local _
        _, err = credentials.bearer(settings, url or "http://h")
        errs[#errs + 1] = err
        local provider
        provider, err = credentials.provider(settings)
        errs[#errs + 1] = err
        if provider then
          errs[#errs + 1] = tostring(provider)
          local found
          found, err = provider:get(nobody_answers, 1e9)
          errs[#errs + 1] = found and tostring(found) or err
          errs[#errs + 1] = tostring(provider)
        end
      else
        errs[#errs + 1] = err
      end
    end
    for _, odd in ipairs { "", "\n", "\0", " ", "\r\nX: y", "=", "#", " # ", "\195\169", "\127", "@", "://", "]", "[" } do
      for _, secret in ipairs(bad(odd)) do
        try { bearer_token = secret }
        try { environment = { AWS_BEARER_TOKEN_BEDROCK = secret } }
        try { endpoint_url = "https://user:" .. secret .. "@h/" }
        try { endpoint_url = "https://h/?" .. secret }
        try { proxy = "http://user:" .. secret .. "@p:1" }
        for _, member in ipairs { "access_key_id", "secret_access_key", "session_token" } do
          local keys = { access_key_id = "AKID", secret_access_key = "s", session_token = "t" }
          keys[member] = secret
          try { credentials = keys }
          try { credentials = function() return keys end }
          keys.expiration = 5
          try { credentials = keys }
        end
        for _, name in ipairs { "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN" } do
          local environment = { AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b" }
          environment[name] = secret
          try { environment = environment }
          environment.AWS_ACCESS_KEY_ID = nil
          try { environment = environment }
        end
        for _, line in ipairs { "aws_secret_access_key = ", "aws_session_token=", "aws_secret_access_key ",
          " aws_secret_access_key = ", "[default]\n ", "x =\n ", "= ", "credential_process = false " } do
          for _, head in ipairs { "[default]\n", "[default]\naws_access_key_id = a\n", "" } do
            try({}, { credentials = head .. line .. secret })
            try({}, { config = head .. line .. secret })
          end
        end
      end
    end
    assert.is_true(#errs > 500)
    walk(errs, {}, "errors")
  end)

  it("never shows in tostring of credentials", function()
    local found = assert(credentials.resolve { environment = {}, read_file = function() end, credentials = {
      access_key_id = "AKIASECRETMARK00WXYZ", secret_access_key = MARK, session_token = MARK } })
    assert.equal("credentials (key ****WXYZ from options, temporary)", tostring(found))
    found = assert(credentials.resolve { environment = {}, read_file = function() end,
      credentials = { access_key_id = MARK, secret_access_key = MARK } })
    assert.equal("credentials (key **** from options)", tostring(found))
  end)
end)
