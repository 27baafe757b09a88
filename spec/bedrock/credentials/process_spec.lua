local credentials = require "bedrock.credentials"
local config = require "bedrock.config"
local child = require "spec.support.child"
local runtimes = require "bedrock.runtime"
local scheduler = require "spec.support.scheduler"

local MARK = "SECRETMARK"

local function document(more)
  local members = { Version = "1", AccessKeyId = '"AKIDPROCESS"', SecretAccessKey = '"' .. MARK .. '"' }
  for name, value in pairs(more or {}) do members[name] = value or nil end
  local parts = {}
  for name, value in pairs(members) do
    if value then parts[#parts + 1] = ('"%s": %s'):format(name, value) end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function settings_for(command, more)
  local text = "[default]\nregion = us-east-1\ncredential_process = " .. command .. "\n" .. (more or "")
  return { environment = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" },
    read_file = function(path) return path == "/h/.aws/config" and text or nil end }
end

local function resolve(command, more, timeout)
  local options = settings_for(command, more)
  options.timeout = timeout
  return credentials.resolve(options)
end

local function printing(text) return "echo '" .. text .. "'" end

describe("credentials that a process prints", function()
  it("are taken, with all that it says of them", function()
    local found = assert(resolve(printing(document { SessionToken = '"tok"', Expiration = '"2099-01-01T00:00:00Z"',
      AccountId = '"123456789012"' }) .. " | cat", "aws_account_id = 999999999999\n"))
    assert.same({ "AKIDPROCESS", MARK, "tok", 4070908800, "123456789012", "process", "default" },
      { found.access_key_id, found.secret_access_key, found.session_token, found.expiration, found.account_id,
        found.provider, found.profile })
  end)

  it("belong to the profile's account where they name none", function()
    assert.equal("999999999999", resolve(printing(document()), "aws_account_id = 999999999999\n").account_id)
  end)

  it("may have their dates in the forms that are in use", function()
    for _, row in ipairs {
      { '"2099-01-01T00:00:00+00:00"', 4070908800 }, { '"2099-01-01T02:00:00+02:00"', 4070908800 },
      { '"2099-01-01T00:00:00.500Z"', 4070908800.5 }, { "4070908800", 4070908800 }, { "4.0709088E9", 4070908800 },
      { "null", nil },
    } do
      local found = assert(resolve(printing(document { Expiration = row[1] })))
      assert.equal(row[2], found.expiration)
    end
  end)

  describe("are refused, with profile, file and line, and without what it printed:", function()
    local rows = {
      { "exit 1", "ended with status 1" },
      { "echo " .. MARK .. "; echo the vault is closed >&2; exit 3", "ended with status 3; it said: the vault is closed" },
      { "printf 'a\\nb\\033[31m' >&2; exit 1", "it said: a b [31m" },
      { "kill -9 $$", "was ended by signal 9" },
      { "no-such-program-anywhere 2>/dev/null", "ended with status 127" },
      { "true", "printed nothing" },
      { "echo log in first >&2", "printed nothing; it said: log in first" },
      { printing('{"Version": 1, "AccessKeyId": "' .. MARK), "gave no JSON document" },
      { printing(MARK), "gave no JSON document" },
      { printing("[]"), "gave JSON that is no object" },
      { printing('"' .. MARK .. '"'), "gave JSON that is no object" },
      { printing(document { Version = false }), "gave a document whose Version is not 1, but missing or no number" },
      { printing(document { Version = "2" }), "gave a document whose Version is not 1, but 2" },
      { printing(document { Version = '"1"' }), "gave a document whose Version is not 1, but missing or no number" },
      { printing(document { AccessKeyId = false }), "AccessKeyId is missing" },
      { printing(document { SecretAccessKey = false }), "SecretAccessKey is missing" },
      { printing(document { SecretAccessKey = "null" }), "SecretAccessKey is missing" },
      { printing(document { SecretAccessKey = "7" }), "SecretAccessKey must be a string, got number" },
      { printing(document { SecretAccessKey = '""' }), "SecretAccessKey is empty" },
      { printing(document { SessionToken = '"' .. MARK .. '\\u000aX: y"' }), "SessionToken has a blank, a line break" },
      { printing(document { Expiration = '"tomorrow"' }), "gave an Expiration that is no date" },
      { printing(document { Expiration = "true" }), "Expiration must be a number of seconds since 1970, got boolean" },
      { "head -c 2000000 /dev/zero", "printed more than credentials can be" },
    }
    for _, row in ipairs(rows) do
      it(row[2] .. " (" .. row[1]:sub(1, 40):gsub("%c", "?") .. ")", function()
        local found, err = resolve(row[1])
        assert.is_nil(found)
        assert.equal("CredentialsError", err.code)
        assert.truthy(err.message:find('the credential_process of the profile "default" (/h/.aws/config:3)', 1, true), err.message)
        assert.truthy(err.message:find(row[2], 1, true), err.message)
        assert.is_nil(err.message:find(MARK, 1, true), err.message)
      end)
    end
  end)

  it("that have expired already are an error", function()
    local found, err = resolve(printing(document { Expiration = '"2020-01-01T00:00:00Z"' }))
    assert.is_nil(found)
    assert.truthy(err.message:find('the credentials from process "default" have expired (at 2020-01-01T00:00:00Z)', 1, true))
  end)

  it("are waited for as long as the call has, and no longer", function()
    local found, err = resolve("sleep 300 & sleep 300; echo " .. MARK, nil, 0.3)
    assert.is_nil(found)
    assert.equal("TimeoutError", err.code)
    assert.truthy(err.message:find("did not end within 0.", 1, true), err.message)
  end)

  it("are asked for again before they end, and not at all where they have none", function()
    local dir = child.temp_dir()
    local count = child.quote(dir .. "/count")
    local function runs() return #(child.read(dir .. "/count") or "") end
    local function provider_of(expiration)
      child.write(dir .. "/count", "")
      return assert(credentials.provider(assert(config.load(settings_for(
        ("printf x >>%s; "):format(count) .. printing(document { Expiration = expiration }))))))
    end
    local runtime = runtimes.of { environment = {} }
    local now = 4070908800 - 3600
    local provider = provider_of '"2099-01-01T00:00:00Z"'
    -- Its own clock: the process's answer is the same each time.
    local clock = { now = function() return now end, send = function() end, sleep = function() end }
    assert(provider:get(clock, now))
    now = now + 3000
    assert(provider:get(clock, now))
    assert.equal(1, runs())
    now = now + 545
    assert(provider:get(clock, now))
    assert.equal(2, runs())
    provider = provider_of(nil)
    for _ = 1, 3 do
      assert(provider:get(clock, now))
      now = now + 1e6
    end
    assert.equal(1, runs())
    runtime:close()
    os.execute("rm -rf " .. child.quote(dir))
  end)

  it("let other coroutines go on meanwhile", function()
    local s = scheduler.new()
    local provider = assert(credentials.provider(assert(config.load(settings_for("sleep 0.3; " .. printing(document()))))))
    local found, turns = nil, 0
    s:spawn(function() found = assert(provider:get(s.runtime, s.clock)) end)
    s:spawn(function()
      while not found do
        turns = turns + 1
        s:pause(0.001)
      end
    end)
    s:run()
    assert.equal("AKIDPROCESS", found.access_key_id)
    assert.is_true(turns > 5, tostring(turns))
  end)

  it("leave no process and no open file behind", function()
    local function capture(command)
      local pipe = assert(io.popen(command))
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
    local function zombies()
      return capture [[cat /proc/[0-9]*/stat 2>/dev/null | awk -v parent=$PPID '$3 == "Z" && $4 == parent' | wc -l]]
    end
    local function all_kinds()
      for _, command in ipairs { printing(document()), "exit 1", "true", "kill -9 $$", "head -c 2000000 /dev/zero" } do
        resolve(command)
      end
      resolve("sleep 300", nil, 0.02)
    end
    all_kinds()
    collectgarbage()
    local before = child.open_files()
    for _ = 1, 5 do all_kinds() end
    for name in pairs(child.open_files()) do assert.is_true(before[name], name) end
    assert.equal("0", (zombies():match("%d+")))
  end)
end)
