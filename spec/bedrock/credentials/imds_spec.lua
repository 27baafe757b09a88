-- The instance metadata service, over real HTTP and in front of machines that have none.

local bedrock = require "bedrock"
local core = require "bedrock.core"
local credentials = require "bedrock.credentials"
local fake_runtime = require "spec.support.fake_runtime"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"
local support = require "spec.support.credentials"

local SLOW, has, refused, with = support.SLOW, support.has, support.refused, support.with
local TOKEN, ROLES = "/latest/api/token", "/latest/meta-data/iam/security-credentials/"
local ROLE = ROLES .. "stand-in-role"

local services = support.services()

local function options(env, config, more)
  return support.options(config, with(services:environment { HOME = "/h", AWS_METADATA_SERVICE_TIMEOUT = "30" }, env), more)
end

-- With the runtime that the library chooses, and with one whose clock the test moves.
local function resolve(...) return credentials.resolve((options(...))) end
local function program(...) return support.program(options(...)) end

-- What was asked for, as "PUT /latest/api/token".
local function asked()
  local list = {}
  for i, request in ipairs(services:requests()) do list[i] = request.method .. " " .. request.path end
  return list
end

local V2 = { "PUT " .. TOKEN, "GET " .. ROLES, "GET " .. ROLE }

describe("the instance metadata service", function()
  it("gives a token, the role and its credentials", function()
    local found = assert(resolve())
    assert.same(V2, asked())
    local list = services:requests()
    assert.equal("21600", list[1].headers["x-aws-ec2-metadata-token-ttl-seconds"])
    assert.equal("", list[1].body)
    assert.equal("0", list[1].headers["content-length"])
    local token = list[2].headers["x-aws-ec2-metadata-token"]
    assert.truthy(token:find("imds-SECRETMARK", 1, true))
    assert.equal(token, list[3].headers["x-aws-ec2-metadata-token"])
    for _, request in ipairs(list) do
      assert.truthy(request.headers["user-agent"]:find("^lua%-bedrock/" .. bedrock._VERSION:gsub("%p", "%%%0") .. " ua/2"))
      assert.is_nil(request.headers.authorization)
    end
    assert.equal("ASIASTANDIN0002", found.access_key_id)
    assert.equal("SECRETMARK/imds+0002", found.secret_access_key)
    assert.equal("imds/SECRETMARK+token/0002==", found.session_token)
    assert.equal("imds", found.provider)
    assert.is_true(math.abs(found.expiration - socket.gettime() - 3600) < 5 * SLOW)
  end)

  it("is not asked through a proxy", function()
    local proxy = stand_in.refusing_url()
    for _, env in ipairs {
      { HTTPS_PROXY = proxy, HTTP_PROXY = proxy }, { https_proxy = proxy, http_proxy = proxy, no_proxy = "" },
    } do
      assert(resolve(env))
      -- The proxy is in force for all else.
      env.AWS_ENDPOINT_URL_BEDROCK, env.AWS_MAX_ATTEMPTS = services.url, "1"
      local client = assert(bedrock.new((options(env))))
      local _, err = client:get_custom_model { modelIdentifier = "m" }
      assert.equal("ConnectionError", err.code)
      client:close()
    end
    assert(resolve(nil, nil, { proxy = proxy }))
    assert.equal(0, services:count "other")
  end)

  it("is asked at its IPv6 address or another endpoint, as variables and profile say", function()
    local function first_url(env, config)
      local runtime = fake_runtime.new(function() return nil, { code = "ConnectionError", message = "no", retryable = false } end)
      credentials.resolve((support.options(config, with({ HOME = "/h" }, env), { runtime = runtime })))
      assert.is_true(runtime.requests[1].no_proxy)
      return runtime.requests[1].url
    end
    for _, row in ipairs {
      { {}, nil, "http://169.254.169.254" },
      { { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv6" }, nil, "http://[fd00:ec2::254]" },
      { { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "ipv4" }, nil, "http://169.254.169.254" },
      { {}, "[default]\nec2_metadata_service_endpoint_mode = IPv6", "http://[fd00:ec2::254]" },
      { { AWS_EC2_METADATA_SERVICE_ENDPOINT = "http://h:81/base/" }, nil, "http://h:81/base" },
      { { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv6" }, "[default]\nec2_metadata_service_endpoint = http://h", "http://h" },
    } do
      assert.equal(row[3] .. TOKEN, first_url(row[1], row[2]))
    end
  end)

  it("is passed over where it is switched off", function()
    for _, value in ipairs { "true", "True", "TRUE" } do
      local err = refused(resolve { AWS_EC2_METADATA_DISABLED = value })
      has(err, "imds: environment variable AWS_EC2_METADATA_DISABLED switches it off")
    end
    assert.equal(0, services:count())
    assert(resolve { AWS_EC2_METADATA_DISABLED = "false" })
  end)

  it("is passed over where the instance has no role", function()
    services:set("imds", { role = false })
    has(refused(resolve()), "no credentials were found", "imds: no role is attached to this instance")
    for _, body in ipairs { "", " \n" } do
      services:set("imds", { role = body })
      has(refused(resolve()), "no credentials were found", "imds: no role is attached to this instance")
    end
  end)

  it("is not followed elsewhere", function()
    for _, path in ipairs { TOKEN, ROLES, ROLE } do
      services:fault { service = "imds", kind = "redirect", path = path }
      has(refused(resolve()), services.url, "HTTP status 302")
      services:reset()
    end
    assert.equal(0, services:count "other")
  end)
end)

describe("its session token", function()
  it("is used until two minutes before its end", function()
    services:set("imds", { lifetime = 10 })
    local call = program()
    local start = socket.gettime()
    local function tokens()
      local n = 0
      for _, request in ipairs(services:requests "imds") do n = n + (request.method == "PUT" and 1 or 0) end
      return n
    end
    call()
    assert.equal(1, tokens())
    for _, row in ipairs { { 60, 1 }, { 10000, 1 }, { 21600 - 120 - 30, 1 }, { 21600 - 119, 2 }, { 21600 + 5, 2 },
      { 2 * (21600 - 119) + 5, 3 } } do
      services:set("imds", { lifetime = row[1] + 10 })
      local before = services:count()
      assert.is_string((call(row[1])))
      assert.is_true(services:count() > before)
      assert.equal(row[2], tokens(), tostring(row[1]))
    end
    assert.is_true(socket.gettime() - start < 20)
  end)

  it("lives as long as the answer says", function()
    services:set("imds", { token_lifetime = 100 }) -- less than the margin: good for one look
    assert.is_nil(select(2, resolve()))
    assert.same({ "PUT " .. TOKEN, "GET " .. ROLES, "PUT " .. TOKEN, "GET " .. ROLE }, asked())
  end)

  it("is replaced by a new one after a 401", function()
    for _, path in ipairs { ROLES, ROLE } do
      services:reset()
      services:fault { service = "imds", kind = "status", status = 401, method = "GET", path = path }
      assert(resolve())
      local n = 0
      for _, line in ipairs(asked()) do n = n + (line == V2[1] and 1 or 0) end
      assert.equal(2, n)
    end
    services:fault { service = "imds", kind = "status", status = 401, method = "GET", times = -1 }
    has(refused(resolve()), "refuses its own session tokens", "HTTP status 401")
  end)

  it("that can't be used is an error", function()
    for _, fault in ipairs {
      { kind = "json", body = "" }, { kind = "json", body = "two words SECRETMARK" }, { kind = "json", body = "a\nSECRETMARK" },
      { kind = "json", body = "SECRETMARK\195\169" }, { kind = "html" },
    } do
      fault.service, fault.path = "imds", TOKEN
      services:fault(fault)
      has(refused(resolve()), services.url .. " gave a session token that can't be used")
    end
    assert.same({ "PUT " .. TOKEN, "PUT " .. TOKEN, "PUT " .. TOKEN, "PUT " .. TOKEN, "PUT " .. TOKEN }, asked())
  end)

  it("may end with a line break", function()
    services:fault { service = "imds", kind = "json", body = "a-token\r\n", path = TOKEN }
    services:fault { service = "imds", kind = "json", body = "stand-in-role\n", path = ROLES }
    resolve()
    assert.equal("a-token", services:requests()[2].headers["x-aws-ec2-metadata-token"])
    assert.equal("GET " .. ROLE, asked()[3])
  end)
end)

describe("version 1 of the service", function()
  local refusals = {
    { kind = "status", status = 403 }, { kind = "status", status = 404 }, { kind = "status", status = 405 },
    { kind = "silent" },
  }
  local function token_fault(fault)
    services:fault { service = "imds", method = "PUT", kind = fault.kind, status = fault.status }
    return { AWS_METADATA_SERVICE_TIMEOUT = fault.kind == "silent" and tostring(0.03 * SLOW) or nil }
  end

  it("is asked where no token can be had", function()
    for _, fault in ipairs(refusals) do
      services:reset()
      services:set("imds", { v1 = true })
      local env = token_fault(fault)
      if fault.kind == "silent" then env.AWS_METADATA_SERVICE_TIMEOUT = tostring(0.2 * SLOW) end
      assert.is_nil(select(2, resolve(env)))
      assert.same(V2, asked()) -- the token is asked for once only
      assert.is_nil(services:requests()[2].headers["x-aws-ec2-metadata-token"])
    end
  end)

  it("is not asked where it is switched off", function()
    for _, row in ipairs {
      { { AWS_EC2_METADATA_V1_DISABLED = "true" }, nil, "environment variable AWS_EC2_METADATA_V1_DISABLED" },
      { {}, "[default]\n\nec2_metadata_v1_disabled = True\n", "/config:3" },
    } do
      for _, fault in ipairs(refusals) do
        services:reset()
        services:set("imds", { v1 = true })
        has(refused(resolve(with(token_fault(fault), row[1]), row[2])), services.url .. " gave no session token", "version 1 is switched off (", row[3],
          "hop limit", fault.status and ("HTTP status %d"):format(fault.status) or "within")
        assert.same({ V2[1] }, asked())
      end
    end
    services:reset()
    assert(resolve { AWS_EC2_METADATA_V1_DISABLED = "true" })
  end)

  it("is no way out of a refused request or a failing service", function()
    services:set("imds", { v1 = true })
    for _, status in ipairs { 400, 410, 500, 503, 418, 204 } do
      services:fault { service = "imds", kind = "status", status = status, method = "PUT" }
      local err = refused(resolve())
      has(err, services.url .. " refused a session token", ("HTTP status %d"):format(status))
      assert.equal(status, err.status)
      assert.equal(status >= 500, err.retryable)
    end
    for _, line in ipairs(asked()) do assert.equal(V2[1], line) end
  end)

  it("that wants a token after all is an error", function()
    services:fault { service = "imds", kind = "status", status = 403, method = "PUT", times = -1 }
    has(refused(resolve()), services.url .. " wants a session token, but gives none", "HTTP status 401")
  end)
end)

describe("an answer of the service that is wrong", function()
  local function document(changes)
    return with({ Code = "Success", AccessKeyId = "ASIA0", SecretAccessKey = "SECRETMARK", Token = "SECRETMARK",
      Expiration = core.time_iso8601(math.floor(socket.gettime()) + 3600) }, changes)
  end
  local null = core.json_null
  local rows = {
    { "malformed JSON", { body = '{"Code":"Success","SecretAccessKey":"SECRETMARK' }, "gave no JSON document" },
    { "JSON with more behind it", { body = "{}SECRETMARK" }, "gave no JSON document" },
    { "nothing", { body = "" }, "gave no JSON document" },
    { "a list", { body = '["SECRETMARK"]' }, "gave JSON that is no object" },
    { "a string", { body = '"SECRETMARK"' }, "gave JSON that is no object" },
    { "null", { body = "null" }, "gave " },
    { "an empty object", { body = "{}" }, "AccessKeyId is missing" },
    { "no key", { body = document { AccessKeyId = false } }, "AccessKeyId is missing" },
    { "no secret", { body = document { SecretAccessKey = false } }, "SecretAccessKey is missing" },
    { "a secret that is null", { body = document { SecretAccessKey = null } }, "SecretAccessKey is missing" },
    { "an empty key", { body = document { AccessKeyId = "" } }, "AccessKeyId is empty" },
    { "a key that is a number", { body = document { AccessKeyId = 5 } }, "AccessKeyId must be a string, got number" },
    { "a secret that is an object", { body = document { SecretAccessKey = { a = "SECRETMARK" } } }, "SecretAccessKey must be a string" },
    { "a token with a blank", { body = document { Token = "SECRET SECRETMARK" } }, "Token has a blank" },
    { "a key with a line break", { body = document { AccessKeyId = "A\r\nX: y" } }, "AccessKeyId has a blank, a line break" },
    { "a date that is none", { body = document { Expiration = "SECRETMARK" } }, "gave an Expiration that is no date" },
    { "a date that is true", { body = document { Expiration = true } }, "Expiration must be a number" },
    { "another code", { body = { Code = "AssumeRoleUnauthorizedAccess", Message = "EC2 can't assume\nit" } },
      'gave no credentials for the role "stand-in-role": AssumeRoleUnauthorizedAccess: EC2 can\'t assume it' },
    { "a code that is a number", { body = document { Code = 7 } }, "gave no credentials for the role" },
    { "a page", { kind = "html" }, "gave no JSON document" },
    { "2 MiB", { kind = "huge", mib = 2 }, "larger than 65536 bytes" },
    { "half of it", { kind = "cut" }, "cut off" },
    { "no HTTP", { kind = "garbage" }, "no HTTP answer that can be read" },
    { "a reset", { kind = "reset" }, "gave no answer that can be read: ConnectionError: " },
    { "an end without an answer", { kind = "close" }, "gave no answer that can be read: ConnectionError: " },
    { "HTTP 404", { kind = "status", status = 404 }, "gave no credentials for the role" },
    { "HTTP 500", { kind = "status", status = 500 }, "HTTP status 500" },
    { "a redirect", { kind = "redirect" }, "HTTP status 302" },
  }
  for _, row in ipairs(rows) do
    it("ends in an error: " .. row[1], function()
      local fault = row[2]
      fault.service, fault.path, fault.kind = "imds", ROLE, fault.kind or "json"
      services:fault(fault)
      has(refused(resolve()), "the instance metadata service " .. services.url, row[3])
      assert.equal(3, services:count "imds")
    end)
  end

  it("ends in an error where it should be a role's name", function()
    for _, row in ipairs {
      { { kind = "html" }, "named a role that is none" }, { { kind = "json", body = "../../x" }, "named a role that is none" },
      { { kind = "json", body = "a/b" }, "named a role that is none" }, { { kind = "json", body = "a?b" }, "named a role that is none" },
      { { kind = "huge" }, "larger than 65536 bytes" }, { { kind = "cut" }, "cut off" },
      { { kind = "status", status = 500 }, "did not name the instance's role (HTTP status 500)" },
    } do
      row[1].service, row[1].path = "imds", ROLES
      services:fault(row[1])
      has(refused(resolve()), row[2])
    end
    for _, line in ipairs(asked()) do assert.not_equal("GET " .. ROLES .. "../../x", line) end
  end)

  it("may have its date in several forms, or no code", function()
    for _, date in ipairs { "2099-01-02T03:04:05Z", "2099-01-02T03:04:05.678Z", "2099-01-02T05:04:05+02:00", "2099-01-02T03:04:05" } do
      services:fault { service = "imds", kind = "json", path = ROLE, body = document { Expiration = date } }
      local found = assert(resolve())
      assert.equal(core.time_parse "2099-01-02T03:04:05Z", math.floor(found.expiration))
    end
    services:fault { service = "imds", kind = "json", path = ROLE, body = document { Code = false } }
    assert(resolve())
  end)
end)

describe("limits of the service", function()
  -- A service that fails: what it was asked with, and how often.
  local function ask(env, config)
    local runtime = fake_runtime.new(function() return fake_runtime.answer(500) end)
    local _, err = credentials.resolve((support.options(config, with({ HOME = "/h" }, env), { runtime = runtime })))
    return runtime, err
  end

  it("are one second and one attempt, or what variables and profile say", function()
    local profile = "[default]\nmetadata_service_timeout = 7\nmetadata_service_num_attempts = 3\n"
    for _, row in ipairs {
      { {}, nil, 1, 1 },
      { { AWS_METADATA_SERVICE_TIMEOUT = "2.5", AWS_METADATA_SERVICE_NUM_ATTEMPTS = "4" }, nil, 2.5, 4 },
      { {}, profile, 7, 3 },
      { { AWS_METADATA_SERVICE_TIMEOUT = "0.5" }, profile, 0.5, 3 },
    } do
      local runtime = ask(row[1], row[2])
      assert.equal(row[3], runtime.requests[1].connect_timeout)
      assert.equal(row[3], runtime.requests[1].read_timeout)
      assert.equal(row[4], #runtime.requests)
      assert.equal(row[4] - 1, #runtime.sleeps)
      assert.is_true(runtime.deadline >= row[3] and runtime.deadline - runtime.clock <= 1.25 * row[3])
    end
  end)

  it("help over short trouble", function()
    for _, fault in ipairs { { kind = "status", status = 503 }, { kind = "status", status = 429 }, { kind = "reset" }, { kind = "cut" } } do
      services:reset()
      for _, path in ipairs { TOKEN, ROLES } do
        services:fault { service = "imds", path = path, kind = fault.kind, status = fault.status }
      end
      local call, runtime = program { AWS_METADATA_SERVICE_NUM_ATTEMPTS = "2" }
      assert.is_nil(select(2, call()))
      assert.equal(5, services:count "imds")
      assert.is_true(runtime.ahead > 0)
    end
  end)

  it("that can't be read are named by variable, or file and line", function()
    for _, row in ipairs {
      { { AWS_METADATA_SERVICE_TIMEOUT = "soon" }, nil, "environment variable AWS_METADATA_SERVICE_TIMEOUT must be a positive number" },
      { { AWS_METADATA_SERVICE_TIMEOUT = "0" }, nil, "environment variable AWS_METADATA_SERVICE_TIMEOUT must be" },
      { { AWS_METADATA_SERVICE_NUM_ATTEMPTS = "1.5" }, nil, "environment variable AWS_METADATA_SERVICE_NUM_ATTEMPTS must be a whole" },
      { { AWS_METADATA_SERVICE_NUM_ATTEMPTS = "0" }, nil, "environment variable AWS_METADATA_SERVICE_NUM_ATTEMPTS must be" },
      { { AWS_EC2_METADATA_DISABLED = "yes" }, nil, "environment variable AWS_EC2_METADATA_DISABLED must be true or false" },
      { { AWS_EC2_METADATA_V1_DISABLED = "1" }, nil, "environment variable AWS_EC2_METADATA_V1_DISABLED must be true or false" },
      { { AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE = "IPv5" }, nil,
        "environment variable AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE: the mode of the metadata endpoint must be IPv4 or IPv6" },
      { { AWS_EC2_METADATA_SERVICE_ENDPOINT = "169.254.169.254" }, nil, "environment variable AWS_EC2_METADATA_SERVICE_ENDPOINT: " },
      { {}, "metadata_service_timeout = -1", "/h/.aws/config:2: metadata_service_timeout must be a positive number" },
      { {}, "metadata_service_num_attempts = many", "/h/.aws/config:2: metadata_service_num_attempts must be a whole number" },
      { {}, "ec2_metadata_v1_disabled = on", "/h/.aws/config:2: ec2_metadata_v1_disabled must be true or false" },
      { {}, "ec2_metadata_service_endpoint_mode = v6", "/h/.aws/config:2: " },
      { {}, "ec2_metadata_service_endpoint = ftp://h", "/h/.aws/config:2: " },
    } do
      local runtime, err = ask(row[1], row[2] and "[default]\n" .. row[2])
      assert.equal("ConfigurationError", err.code)
      has(err, row[3])
      assert.equal(0, #runtime.requests)
    end
  end)
end)

describe("credentials of an instance", function()
  it("that have expired are used on for 10 to 15 minutes, then asked for again", function()
    services:set("imds", { lifetime = -600 })
    local call, runtime, told = program()
    local first = assert.is_string((call()))
    assert.equal(first, runtime.key)
    assert.equal(1, #told.warnings)
    has(told.warnings[1], "gave expired credentials; they are used on")
    assert.is_true(told.renewals[1].ok)
    local left = told.renewals[1].expiration - socket.gettime()
    assert.is_true(left > 590 - 5 * SLOW and left <= 900, tostring(left))
    local n = services:count()
    assert.equal("ASIASTANDIN0002", call(400))
    assert.equal(n, services:count())
    assert.equal("ASIASTANDIN0003", call(900))
    assert.equal(2, #told.warnings)
    services:set("imds", { lifetime = 900 + 3600 })
    assert.equal("ASIASTANDIN0004", call(1900))
    assert.equal(2, #told.warnings)
  end)

  it("are used on where there are no new ones", function()
    for _, fault in ipairs {
      { kind = "status", status = 500 }, { kind = "status", status = 404 }, { kind = "close" }, { kind = "html" },
      { kind = "status", status = 400, method = "PUT" }, { kind = "json", body = '{"Code":"Failed","Message":"SECRET"}' },
    } do
      services:reset()
      services:set("imds", { token_lifetime = fault.method and 60 or false })
      local call, _, told = program()
      local first = call()
      assert.is_string(first)
      fault.service, fault.times = "imds", -1
      services:fault(fault)
      for i, ahead in ipairs { 3590, 5000, 20000, 100000 } do
        local n = services:count()
        assert.equal(first, (call(ahead)))
        assert.is_true(services:count() > n)
        assert.equal(i, #told.warnings)
        has(told.warnings[i], "gave no new credentials; the last ones are used on: ")
        local left = told.renewals[i + 1].expiration - socket.gettime() - ahead
        assert.is_true(left > 599 - 5 * SLOW and left <= 900, tostring(left))
      end
      local n = services:count()
      call()
      assert.equal(n, services:count()) -- not at each call
    end
  end)

  it("are an error where there have never been any, and come back when the service does", function()
    services:fault { service = "imds", kind = "status", status = 500 }
    local call = program()
    local key, err = call()
    assert.is_nil(key)
    assert.equal("CredentialsError", err.code)
    assert.is_true(err.retryable)
    assert.is_string((call()))
  end)
end)

describe("a machine without the service", function()
  local TRIED = { "no credentials were found", "options: ", "environment: AWS_ACCESS_KEY_ID", "profile: ",
    "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set", "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "imds: nobody answers at ", "Give the option credentials", "bedrock\").doctor()" }

  local function timeout(kind)
    return function(request, deadline, runtime)
      local limit = kind == "timeout_read" and request.read_timeout or request.connect_timeout
      runtime.clock = math.min(runtime.clock + limit, deadline)
      return nil, { code = "TimeoutError", message = "no answer", retryable = true, kind = kind }
    end
  end
  local machines = {
    ["drops all packets"] = timeout "timeout_connect",
    ["takes connections and never answers"] = timeout "timeout_read",
    ["has a runtime that does not say which"] = timeout(nil),
    ["gives no answer before the deadline"] = function(_, deadline, runtime)
      runtime.clock = deadline
      return nil, { code = "TimeoutError", message = "no answer", retryable = true, kind = "timeout_whole" }
    end,
    ["refuses"] = function() return nil, { code = "ConnectionError", message = "refused", retryable = true } end,
    ["has no route"] = function() return nil, "no route to host" end,
  }
  for name, answer in pairs(machines) do
    it("fails in time where it " .. name, function()
      local runtime = fake_runtime.new(answer)
      local start = runtime.clock
      has(refused(credentials.resolve { environment = { HOME = "/h" }, read_file = function() end, runtime = runtime }),
        (table.unpack or unpack)(TRIED))
      assert.is_true(runtime.clock - start < 2.5, tostring(runtime.clock - start))
      assert.is_true(#runtime.requests <= 2)
    end)
  end

  it("fails in time over real HTTP", function()
    services:fault { service = "imds", kind = "silent", times = -1 }
    local limit = 0.1 * SLOW
    for _, url in ipairs { services.url, stand_in.refusing_url() } do
      local start = socket.gettime()
      local err = refused(resolve { AWS_EC2_METADATA_SERVICE_ENDPOINT = url, AWS_METADATA_SERVICE_TIMEOUT = tostring(limit) })
      has(err, (table.unpack or unpack)(TRIED))
      has(err, "imds: nobody answers at " .. url)
      assert.is_true(socket.gettime() - start < 2.5 * SLOW)
    end
  end)

  it("fails as soon where the call has less time", function()
    local runtime = fake_runtime.new(machines["drops all packets"])
    local _, err = credentials.resolve { environment = {}, read_file = function() end, runtime = runtime, timeout = 0.25 }
    assert.equal(1700000000.25, runtime.clock)
    assert.equal("TimeoutError", err.code)
    has(err, "imds: nobody answers at ")
  end)
end)
