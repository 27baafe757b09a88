-- Credentials of a container's task, over real HTTP.

local bedrock = require "bedrock"
local core = require "bedrock.core"
local credentials = require "bedrock.credentials"
local fake_runtime = require "spec.support.fake_runtime"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support.credentials"

local SLOW, has, refused, with = support.SLOW, support.has, support.refused, support.with
local FULL, RELATIVE = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
local TOKEN, TOKEN_FILE = "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"

local services = support.services()

-- An environment with the container alone. Values of `env` that are false take a variable away.
local function options(env, files, more)
  local base = { [FULL] = services.url .. "/v2/credentials/id", AWS_REGION = "us-east-1", AWS_EC2_METADATA_DISABLED = "true", HOME = "/h" }
  return support.options(files, with(base, env), more)
end

local function resolve(...) return support.resolve(options(...)) end
local function program(...) return support.program(options(...)) end

describe("a container's endpoint", function()
  it("gives credentials at a full URL", function()
    services:set("container", { token = "Basic SECRETMARK=" })
    local found = assert(resolve { [FULL] = services.url .. "/v1/credentials?id=5&x=%20", [TOKEN] = "Basic SECRETMARK=" })
    assert.equal("ASIASTANDIN0001", found.access_key_id)
    assert.equal("SECRETMARK/container+0001", found.secret_access_key)
    assert.equal("container/SECRETMARK+token/0001==", found.session_token)
    assert.equal("123456789012", found.account_id)
    assert.equal("container", found.provider)
    assert.is_true(math.abs(found.expiration - socket.gettime() - 3600) < 5 * SLOW)
    local request = services:requests()[1]
    assert.equal("GET /v1/credentials?id=5&x=%20", request.method .. " " .. request.path)
    assert.equal("application/json", request.headers.accept)
    assert.truthy(request.headers["user-agent"]:find("^lua%-bedrock/"))
    assert.equal(1, services:count())
    assert(resolve { [TOKEN] = "Basic SECRETMARK=", [FULL] = services.url .. "/v1/credentials" })
  end)

  it("is asked without a token where none is set", function()
    assert(resolve())
    assert.is_nil(services:requests()[1].headers.authorization)
    services:set("container", { account_id = false })
    assert.is_nil(assert(resolve()).account_id)
  end)

  it("is not asked through a proxy", function()
    local proxy = stand_in.refusing_url()
    for _, env in ipairs { { HTTPS_PROXY = proxy, HTTP_PROXY = proxy }, { http_proxy = proxy, https_proxy = proxy } } do
      local all = options(env)
      assert(credentials.resolve(all))
      all.endpoint_url, all.max_attempts = services.url, 1 -- the proxy is in force for all else
      local client = assert(bedrock.new(all))
      local _, err = client:get_custom_model { modelIdentifier = "m" }
      assert.equal("ConnectionError", err.code)
      client:close()
    end
    assert.equal(0, services:count "other")
  end)

  -- Where a request goes, without going there.
  local function first_request(env)
    local runtime = fake_runtime.new(function() return fake_runtime.answer(404) end)
    local found, err = credentials.resolve((support.options(nil, with({ HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" }, env),
      { runtime = runtime })))
    assert.is_nil(found)
    return runtime.requests[1], err
  end

  it("is ECS's own for a relative path, which wins", function()
    for _, row in ipairs {
      { { [RELATIVE] = "/v2/credentials/a-b?id=1" }, "http://169.254.170.2/v2/credentials/a-b?id=1" },
      { { [RELATIVE] = "/x", [FULL] = "https://h/y" }, "http://169.254.170.2/x" },
      { { [RELATIVE] = " ", [FULL] = "https://h/y" }, "https://h/y" },
    } do
      local request = first_request(row[1])
      assert.equal(row[2], request.url)
      assert.is_true(request.no_proxy)
      assert.same({ 2, 2 }, { request.connect_timeout, request.read_timeout })
    end
    for _, path in ipairs { "v2/x", "http://evil/x", "/a b", "/a\nb", "@evil/", ".evil.example/", "/\195\169" } do
      local request, err = first_request { [RELATIVE] = path }
      assert.is_nil(request)
      has(err, "the environment variable " .. RELATIVE .. " must be a path that begins with /")
    end
  end)

  it("is https, or plain http on this machine and at the addresses of the two services", function()
    for _, url in ipairs {
      "http://127.0.0.1/x", "http://127.0.0.1:8080/x?y", "http://127.1.2.3/", "http://localhost:1/x", "http://LOCALHOST/x", "http://[::1]:5/x",
      "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials", "http://169.254.170.23:80/v1/credentials", "http://[fd00:ec2::23]/v1/credentials",
      "https://example.com/x", "https://10.0.0.1:8443/x", "https://169.254.169.254/x", "http://127.0.0.1",
    } do
      local request = first_request { [FULL] = url, [TOKEN] = "t" }
      assert.equal(url, request and request.url)
      assert.equal("t", request.headers.Authorization)
    end
  end)

  it("is no other host", function()
    for _, row in ipairs {
      { "http://example.com/x", "names the host example.com, which must be asked over https" },
      { "http://169.254.169.254/x", "names the host 169.254.169.254, which" }, { "http://169.254.170.3/", "names the host" },
      { "http://169.254.170.2.example.com/", "names the host" }, { "http://127.0.0.1.example.com/", "names the host" },
      { "http://localhost.example.com/", "names the host" }, { "http://10.0.0.1/", "names the host" },
      { "http://128.0.0.1/", "names the host" }, { "http://127.0.0.256/", "names the host" }, { "http://127.1/", "names the host" },
      { "http://2130706433/", "names the host" }, { "http://0x7f.0.0.1/", "names the host" }, { "http://0.0.0.0/", "names the host" },
      { "http://[fd00:ec2::24]/", "names the host" }, { "http://[::2]/", "names the host" }, { "http://[::ffff:127.0.0.1]/", "names the host" },
      { "http://127.0.0.1@example.com/", "is not usable: the endpoint URL must not have a user name" },
      { "http://example.com#@127.0.0.1/", "is not usable" }, { "http://127.0.0.1\\@example.com/", "is not usable" },
      { "ftp://127.0.0.1/", "only https and http are possible" }, { "file:///etc/passwd", "only https and http are possible" },
      { "/v2/credentials", "must begin with https:// or http://" }, { "127.0.0.1/x", "must begin with" },
      { "http://127.0.0.1/a b", "is not usable" }, { "http://127.0.0.1/?a\nb", "has a query with blanks" },
      { "http://127.0.0.1/?a#b", "a fragment in it" }, { "http:///x", "is not usable" }, { "http://127.0.0.1:0/", "is not usable" },
    } do
      local request, err = first_request { [FULL] = row[1], [TOKEN] = "SECRETMARK" }
      assert.is_nil(request, row[1])
      has(refused(nil, err), "the environment variable " .. FULL, row[2])
    end
  end)
end)

describe("a container's token", function()
  before_each(function() services:set("container", { token = "token SECRETMARK" }) end)

  it("comes from the file rather than from the variable", function()
    for _, text in ipairs { "token SECRETMARK", "token SECRETMARK\n", "token SECRETMARK\r\n" } do
      assert(resolve({ [TOKEN_FILE] = "/t", [TOKEN] = "another" }, { ["/t"] = text }))
    end
    assert(resolve({ [TOKEN_FILE] = false, [TOKEN] = "token SECRETMARK" }))
  end)

  it("is refused before it is sent where it can be no header", function()
    for _, row in ipairs {
      { { [TOKEN] = "SECRETMARK\nX: y" }, nil, TOKEN .. " gives a token with a line break" },
      { { [TOKEN] = "SECRETMARK\n" }, nil, TOKEN .. " gives a token with a line break" },
      { { [TOKEN_FILE] = "/t" }, "SECRETMARK\nX: y\n", TOKEN_FILE .. " gives a token with a line break" },
      { { [TOKEN_FILE] = "/t" }, "SECRETMARK\n\n", TOKEN_FILE .. " gives a token with a line break" },
      { { [TOKEN_FILE] = "/t" }, "SECRET\rMARK", TOKEN_FILE .. " gives a token with a line break" },
      { { [TOKEN_FILE] = "/t" }, "SECRETMARK\0", TOKEN_FILE .. " gives a token with a line break" },
      { { [TOKEN_FILE] = "/t" }, "", TOKEN_FILE .. " gives an empty token" },
      { { [TOKEN_FILE] = "/t" }, "\n", TOKEN_FILE .. " gives an empty token" },
      { { [TOKEN_FILE] = "/t", [TOKEN] = "token SECRETMARK" }, nil, TOKEN_FILE .. " names a file that can't be read: /t: no such file" },
      { { [TOKEN_FILE] = "/t" }, { "/t: Permission denied" }, TOKEN_FILE .. " names a file that can't be read: /t: Permission denied" },
    } do
      has(refused(resolve(row[1], { ["/t"] = row[2] })), "the environment variable " .. row[3])
    end
    assert.equal(0, services:count())
  end)

  it("is read anew for each request", function()
    services:set("container", { token = "one", lifetime = 1000 })
    local files = { ["/t"] = "one\n" }
    local call = program({ [TOKEN_FILE] = "/t" }, files)
    assert.equal("ASIASTANDIN0001", call())
    files["/t"] = "two\n"
    services:set("container", { token = "two", lifetime = 3000 })
    assert.equal("ASIASTANDIN0001", call())
    assert.equal("ASIASTANDIN0002", call(1000))
    assert.equal("two", services:requests()[2].headers.authorization)
    files["/t"] = nil -- gone, while the credentials last
    assert.equal("ASIASTANDIN0002", call(2850))
    assert.equal(2, services:count())
    has(refused(call(3001)), TOKEN_FILE .. " names a file that can't be read")
  end)
end)

describe("a container's endpoint that fails", function()
  local function resolve_with(fault, times, env, limit)
    fault.service, fault.times = "container", times or -1
    services:fault(fault)
    local runtime = support.runtime(limit)
    local ask = runtime.ask
    function runtime.ask(request, deadline)
      runtime.limits = { request.connect_timeout, request.read_timeout, deadline - runtime.now() }
      return ask(request)
    end
    local found, err = resolve(env, nil, { runtime = runtime })
    return found, err, runtime
  end

  it("is asked three times, with pauses, where that may help", function()
    for _, row in ipairs {
      { { kind = "status", status = 500, message = "we are\nsorry" }, "answered with HTTP status 500: we are sorry", 500 },
      { { kind = "status", status = 503 }, "HTTP status 503", 503 }, { { kind = "status", status = 429 }, "HTTP status 429", 429 },
      { { kind = "silent" }, "can't be reached: TimeoutError: " }, { { kind = "close" }, "can't be reached: ConnectionError: " },
      { { kind = "reset" }, "can't be reached: ConnectionError: " }, { { kind = "cut" }, "can't be reached: ResponseError: " },
      { { kind = "garbage" }, "can't be reached: ResponseError: " },
    } do
      local limit = row[1].kind == "silent" and 0.02 * SLOW or nil
      services:reset()
      local _, err, runtime = resolve_with(row[1], nil, { [FULL] = services.url .. "/v2/id?key=SECRETMARK" }, limit)
      has(refused(nil, err), "the container's credential endpoint " .. services.url .. " ", row[2])
      assert.is_true(err.retryable)
      assert.equal(row[3], err.status)
      assert.equal(row[3] == nil, err.cause ~= nil)
      assert.equal(3, services:count())
      assert.equal(2, #runtime.pauses)
      assert.is_true(runtime.pauses[1] >= 0.05 and runtime.pauses[2] <= 1)
      assert.same({ 2, 2 }, { runtime.limits[1], runtime.limits[2] })
      assert.is_true(runtime.limits[3] >= 1.9 and runtime.limits[3] <= 2.5)
      services:reset()
      limit = limit and 0.5 * SLOW
      if not limit then assert(resolve_with(row[1], 2)) end
    end
  end)

  it("is asked once where it says no", function()
    for _, row in ipairs {
      { { kind = "status", status = 400, message = "bad SECRET" }, "answered with HTTP status 400: bad SECRET" },
      { { kind = "status", status = 403, body = '{"code":"AccessDenied","message":"the \195\169 role is gone"}' }, "HTTP status 403: the   role is gone" },
      { { kind = "status", status = 404, body = "<html>SECRETMARK</html>" }, "answered with HTTP status 404" },
      { { kind = "status", status = 401, body = '{"Message":"no"}' }, "HTTP status 401: no" },
      { { kind = "status", status = 401, body = '{"message":{"a":"SECRETMARK"}}' }, "HTTP status 401" },
      { { kind = "status", status = 401, body = '["SECRETMARK"]' }, "HTTP status 401" },
      { { kind = "status", status = 204, body = "" }, "HTTP status 204" }, { { kind = "redirect" }, "HTTP status 302" },
    } do
      services:reset()
      local _, err, runtime = resolve_with(row[1])
      has(refused(nil, err), "the container's credential endpoint " .. services.url .. " ", row[2])
      assert.is_false(err.retryable)
      assert.equal(row[1].status or 302, err.status)
      assert.equal(1, services:count())
      assert.equal(0, #runtime.pauses)
    end
    services:reset()
    services:set("container", { token = "right" })
    has(refused(resolve { [TOKEN] = "SECRETMARK" }), "HTTP status 401: the authorization token is not the one that was set up")
  end)

  it("ends the search: no other identity is taken", function()
    local env = services:environment { AWS_EC2_METADATA_DISABLED = false, [FULL] = services.url .. "/v2/x" }
    services:fault { service = "container", kind = "status", status = 404 }
    refused(support.resolve(support.options(nil, env)))
    assert.equal(0, services:count "imds")
  end)
end)

describe("an answer of a container's endpoint", function()
  local null = core.json_null
  local function document(changes)
    return with({ AccessKeyId = "ASIA0", SecretAccessKey = "SECRETMARK", Token = "SECRETMARK", Expiration = "2099-01-01T00:00:00Z",
      AccountId = "123456789012", RoleArn = "arn:aws:iam::123456789012:role/x" }, changes)
  end
  local rows = {
    { "malformed", { body = '{"SecretAccessKey":"SECRETMARK' }, "gave no JSON document" },
    { "malformed behind its end", { body = "{} SECRETMARK" }, "gave no JSON document" },
    { "malformed in the middle", { body = '{"AccessKeyId":"a" "SECRETMARK"}' }, "gave no JSON document" },
    { "in UTF-16", { body = "{\0}\0" }, "gave no JSON document" },
    { "empty", { body = "" }, "gave no JSON document" },
    { "a list", { body = '[{"SecretAccessKey":"SECRETMARK"}]' }, "gave JSON that is no object" },
    { "a number", { body = "17" }, "gave JSON that is no object" },
    { "a page", { kind = "html" }, "gave no JSON document" },
    { "2 MiB long", { kind = "huge", mib = 2 }, "larger than 65536 bytes" },
    { "an empty object", { body = "{}" }, "AccessKeyId is missing" },
    { "without a key", { body = document { AccessKeyId = false } }, "AccessKeyId is missing" },
    { "without a secret", { body = document { SecretAccessKey = false } }, "SecretAccessKey is missing" },
    { "with null for a secret", { body = document { SecretAccessKey = null } }, "SecretAccessKey is missing" },
    { "with an empty secret", { body = document { SecretAccessKey = "" } }, "SecretAccessKey is empty" },
    { "with a number for a key", { body = document { AccessKeyId = 17 } }, "AccessKeyId must be a string, got number" },
    { "with a list for a token", { body = document { Token = { "SECRETMARK" } } }, "Token must be a string, got table" },
    { "with true for an account", { body = document { AccountId = true } }, "AccountId must be a string, got boolean" },
    { "with a line break in a secret", { body = document { SecretAccessKey = "SECRETMARK\n" } }, "SecretAccessKey has a blank, a line break" },
    { "with a line break in a token", { body = document { Token = "SECRETMARK\r\nX: y" } }, "Token has a blank, a line break" },
    { "with a word for a date", { body = document { Expiration = "tomorrow" } }, "gave an Expiration that is no date" },
    { "with an empty date", { body = document { Expiration = "" } }, "gave an Expiration that is no date" },
    { "with the 30th of February", { body = document { Expiration = "2099-02-30T00:00:00Z" } }, "gave an Expiration that is no date" },
    { "with a list for a date", { body = document { Expiration = { 1 } } }, "Expiration must be a number of seconds since 1970, got table" },
    { "that has expired", { kind = "expired" }, 'the credentials from container have expired (at 20' },
    { "that expired long ago", { body = document { Expiration = 0 } }, "have expired (at 1970-01-01T00:00:00Z)" },
    { "that expired before our era", { body = document { Expiration = -1e300 } }, "have expired (at " },
  }
  for _, row in ipairs(rows) do
    it("is refused, " .. row[1], function()
      local fault = row[2]
      fault.service, fault.kind = "container", fault.kind or "json"
      services:fault(fault)
      local err = refused(resolve { [FULL] = services.url .. "/v2/id?key=SECRETMARK" })
      has(err, row[3])
      if not err.message:find("expired", 1, true) then has(err, "the container's credential endpoint " .. services.url) end
      assert.equal(1, services:count())
    end)
  end

  it("may have its date in several forms, or none, and members that nobody knows", function()
    local expected = core.time_parse "2099-01-02T03:04:05Z"
    for _, date in ipairs { "2099-01-02T03:04:05Z", "2099-01-02T03:04:05.250Z", "2099-01-02T03:04:05", "2099-01-02T04:34:05+01:30",
      "Fri, 02 Jan 2099 03:04:05 GMT", expected, expected + 0.5, tostring(math.floor(expected)) } do
      services:fault { service = "container", kind = "json", body = document { Expiration = date, New = { 1, { x = null } } } }
      assert.equal(expected, math.floor(assert(resolve()).expiration))
    end
    services:fault { service = "container", kind = "json", body = document { Expiration = false } }
    assert.is_nil(assert(resolve()).expiration)
    services:fault { service = "container", kind = "json", body = document { Token = null, AccountId = "" } }
    local found = assert(resolve())
    assert.is_nil(found.session_token)
    assert.is_nil(found.account_id)
  end)
end)

describe("credentials of a container", function()
  it("are renewed before their end, and used on while they last", function()
    local call = program()
    assert.equal("ASIASTANDIN0001", call())
    assert.equal("ASIASTANDIN0001", call(3000))
    assert.equal(1, services:count())
    services:fault { service = "container", kind = "status", status = 404 }
    assert.equal("ASIASTANDIN0001", call(3400))
    assert.equal(2, services:count())
    services:set("container", { lifetime = 7200 })
    assert.equal("ASIASTANDIN0002", call(3470))
    assert.equal(3, services:count())
    services:fault { service = "container", kind = "status", status = 404, times = 2 }
    has(refused(call(3470 + 7200)), "HTTP status 404")
    local key, err = call()
    assert.is_nil(key)
    has(err, "HTTP status 404")
    services:set("container", { lifetime = 20000 })
    assert.equal("ASIASTANDIN0003", call())
  end)
end)
