local config = require "bedrock.config"
local credentials = require "bedrock.credentials"
local errors = require "bedrock.errors"

local function provider(given)
  local options = { credentials = given, region = "us-east-1", environment = {}, read_file = function() end }
  assert(config.check_options(options))
  return credentials.provider(assert(config.load(options)))
end

local function keys(more)
  local found = { access_key_id = "AKIDEXAMPLE", secret_access_key = "SECRETMARK" }
  for name, value in pairs(more or {}) do found[name] = value end
  return found
end

local function refused(found, err, text)
  assert.is_nil(found)
  assert.is_true(errors.is(err))
  assert.equal("CredentialsError", err.code)
  assert.truthy(err.message:find(text, 1, true), err.message)
  assert.is_nil(tostring(err):find("SECRETMARK", 1, true))
end

describe("the option credentials, as a table,", function()
  it("gives what it holds", function()
    local given = keys { session_token = "T", account_id = "123456789012", expiration = 5000 }
    local found = assert(assert(provider(given)):get(nil, 1000))
    assert.equal("AKIDEXAMPLE", found.access_key_id)
    assert.equal("SECRETMARK", found.secret_access_key)
    assert.equal("T", found.session_token)
    assert.equal("123456789012", found.account_id)
    assert.equal(5000, found.expiration)
    assert.equal("options", found.provider)
  end)

  it("is copied, and stays as it was", function()
    local given = keys()
    local p = assert(provider(given))
    given.access_key_id = "OTHER"
    assert.equal("AKIDEXAMPLE", p:get(nil, 0).access_key_id)
    assert.is_nil(getmetatable(given))
    assert.is_nil(given.provider)
  end)

  it("takes an empty session token for none", function()
    assert.is_nil(assert(provider(keys { session_token = "" })):get(nil, 0).session_token)
  end)

  it("takes what credentials.resolve gave", function()
    local first = assert(credentials.resolve { credentials = keys(), environment = {}, read_file = function() end })
    assert.equal("SECRETMARK", assert(provider(first)):get(nil, 0).secret_access_key)
  end)

  describe("is refused at once with", function()
    local rows = {
      { { access_key_id = "" }, "access_key_id is empty" },
      { { secret_access_key = "" }, "secret_access_key is empty" },
      { { access_key_id = "AKID\n" }, "access_key_id has a blank, a line break" },
      { { access_key_id = "AKID\0" }, "access_key_id has a blank, a line break" },
      { { access_key_id = " AKID" }, "access_key_id has a blank" },
      { { secret_access_key = "SECRETMARK\r\n" }, "secret_access_key has a blank" },
      { { secret_access_key = "SECRETMARK " }, "secret_access_key has a blank" },
      { { secret_access_key = "SECRETMARK\195\169" }, "secret_access_key has a blank" },
      { { session_token = "SECRETMARK\0x" }, "session_token has a blank" },
      { { session_token = "SECRETMARK\nX-Header: y" }, "session_token has a blank" },
      { { expiration = 0 / 0 }, "expiration is no time" },
      { { expiration = math.huge }, "expiration is no time (inf): it must be in seconds since 1970, not in milliseconds" },
      { { expiration = 1893456000000 }, "expiration is no time (1893456000000): it must be in seconds" },
    }
    for i, row in ipairs(rows) do
      it(i .. ": " .. row[2], function()
        local p, err = provider(keys(row[1]))
        refused(p, err, "option credentials: " .. row[2])
      end)
    end
  end)

  it("that has expired is an error when it is used", function()
    local p = assert(provider(keys { expiration = 1000 }))
    assert(p:get(nil, 999))
    local found, err = p:get(nil, 1000)
    refused(found, err, "the credentials from options have expired (at 1970-01-01T00:16:40Z): get new ones")
    assert.is_false(p:replace({}, nil, 999))
  end)
end)

describe("the option credentials, as a provider,", function()
  it("is asked with what it may need", function()
    local seen
    local runtime = { now = function() return 1234 end }
    local p = assert(provider(function(context) seen = context return keys() end))
    assert.is_nil(seen)
    local found = assert(p:get(runtime, 1234, 1250))
    assert.equal("user", found.provider)
    assert.equal(1250, seen.deadline)
    assert.equal(runtime, seen.runtime)
    assert.equal(1234, seen.now)
    assert.equal("us-east-1", seen.region)
    assert.equal("default", seen.profile)
  end)

  it("may be an object with a method get, or a callable table", function()
    local object = { id = "AKOBJECT" }
    function object:get(context) return keys { access_key_id = self.id, expiration = context.now + 1 } end
    assert.equal("AKOBJECT", assert(provider(object)):get(nil, 0).access_key_id)
    local class = { __index = { get = object.get } }
    assert.equal("AKCLASS", assert(provider(setmetatable({ id = "AKCLASS" }, class))):get(nil, 0).access_key_id)
    local callable = setmetatable({}, { __call = function(_, context) return keys { expiration = context.now + 2 } end })
    assert.equal(2, assert(provider(callable)):get(nil, 0).expiration)
  end)

  it("is asked once while its credentials do not expire", function()
    local calls = 0
    local p = assert(provider(function() calls = calls + 1 return keys() end))
    for now = 1, 1e10, 1e9 do assert(p:get(nil, now)) end
    assert.equal(1, calls)
  end)

  it("is asked again five minutes before the end", function()
    local calls = 0
    local p = assert(provider(function(context) calls = calls + 1 return keys { expiration = context.now + 3600 } end))
    assert(p:get(nil, 0))
    assert(p:get(nil, 3299))
    assert.equal(1, calls)
    assert.equal(6900, assert(p:get(nil, 3300)).expiration)
    assert.equal(2, calls)
  end)

  it("is asked again in the last fifth of a short life", function()
    local calls = 0
    local p = assert(provider(function(context) calls = calls + 1 return keys { expiration = context.now + 60 } end))
    assert(p:get(nil, 0))
    assert(p:get(nil, 47))
    assert.equal(1, calls)
    assert(p:get(nil, 48))
    assert.equal(2, calls)
  end)

  it("that fails leaves the old ones in use while they last", function()
    local fail = false
    local p = assert(provider(function()
      if fail then return nil, "the vault is closed" end
      return keys { expiration = 3600 }
    end))
    assert(p:get(nil, 0))
    fail = true
    assert(p:get(nil, 3400))
    local found, err = p:get(nil, 3600)
    refused(found, err, "the provider given in the option credentials has none: the vault is closed")
    fail = false
    found, err = p:get(nil, 3600)
    refused(found, err, "the credentials from user have expired")
  end)

  it("may hand back an error table of its own", function()
    local own = { code = "VaultError", message = "closed" }
    local found, err = assert(provider(function() return nil, own end)):get(nil, 0)
    assert.is_nil(found)
    assert.is_true(errors.is(err))
    assert.equal("VaultError: closed", tostring(err))
  end)

  it("gives credentials that a later change of its table does not touch", function()
    local given = keys()
    local p = assert(provider(function() return given end))
    local found = assert(p:get(nil, 0))
    given.secret_access_key = "x"
    assert.equal("SECRETMARK", found.secret_access_key)
    assert.equal(found, p:get(nil, 1))
  end)

  it("may yield", function()
    local p = assert(provider(function() return coroutine.yield("waiting") end))
    local co = coroutine.wrap(function() return p:get(nil, 0) end)
    assert.equal("waiting", co())
    assert.equal("SECRETMARK", co(keys()).secret_access_key)
  end)

  describe("is refused when it returns", function()
    local rows = {
      { "nothing", function() return nil end, "it returned nil without a reason" },
      { "a plain table as error", function() return nil, { code = "CredentialsError", message = "sealed" } end, "sealed" },
      { "false", function() return false, "no" end, "has none: no" },
      { "a string", function() return "SECRETMARK" end, "it returned a string" },
      { "an empty table", function() return {} end, "access_key_id is missing" },
      { "no secret", function() return { access_key_id = "A" } end, "secret_access_key is missing" },
      { "a wrong type", function() return keys { session_token = 5 } end, "session_token must be a string, got number" },
      { "a table as key", function() return keys { access_key_id = {} } end, "access_key_id must be a string, got table" },
      { "a text as expiration", function() return keys { expiration = "2026" } end, "expiration must be a number" },
      { "a line feed", function() return keys { secret_access_key = "SECRETMARK\n" } end, "secret_access_key has a blank" },
      { "what has expired", function() return keys { expiration = 10 } end, "have expired (at 1970-01-01T00:00:10Z)" },
      { "what expired long ago", function() return keys { expiration = -1e300 } end, "have expired" },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        local found, err = assert(provider(row[2])):get(nil, 100)
        refused(found, err, row[3])
      end)
    end
  end)

  it("whose error is always the same table gets it back unchanged", function()
    local given = { code = "CredentialsError", message = "sealed" }
    local asked = assert(provider(function() return nil, given end))
    local _, err = asked:get(nil, 100)
    err.operation = "GetCustomModel" -- as the client does
    _, err = asked:get(nil, 100)
    assert.is_nil(err.operation)
    assert.same({ code = "CredentialsError", message = "sealed" }, given)
  end)
end)
