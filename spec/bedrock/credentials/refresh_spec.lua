local bedrock = require "bedrock"
local config = require "bedrock.config"
local credentials = require "bedrock.credentials"
local errors = require "bedrock.errors"
local scheduler = require "spec.support.scheduler"

local START = 1700000000

local function provider(given, options)
  options = options or {}
  options.credentials, options.environment = given, options.environment or {}
  options.read_file = options.read_file or function() end
  options.region = "us-east-1"
  return assert(credentials.provider(assert(config.load(options))))
end

local function numbered(n, expiration)
  return { access_key_id = ("AKID%04d"):format(n), secret_access_key = "SECRETMARK" .. n, expiration = expiration }
end

-- A scheduler, a provider that gives what `give(n, s, context)` does at its n-th call, and a function that counts these.
local function counting(give, options)
  local s, calls = scheduler.new(), 0
  local asked = provider(function(context)
    calls = calls + 1
    return give(calls, s, context)
  end, options)
  return s, asked, function() return calls end
end

-- Such a one that takes three seconds for credentials of that lifetime.
local function slow(lifetime)
  return counting(function(n, s)
    s:pause(3)
    return numbered(n, s.clock + lifetime)
  end)
end

-- Fifty tasks that ask at the same moment; what each of them got.
local function ask_together(s, asked, deadline)
  local got = {}
  for i = 1, 50 do
    s:spawn(function()
      local found, err = asked:get(s.runtime, s.clock, deadline)
      got[i] = found and found.access_key_id or tostring(err)
    end)
  end
  s:run()
  return got
end

local function all_are(value, got)
  for i = 1, 50 do assert.equal(value, got[i]) end
end

describe("a renewal of credentials", function()
  it("happens once, however many ask for it", function()
    local s, asked, calls = slow(1000)
    all_are("AKID0001", ask_together(s, asked))
    assert.equal(1, calls())
    s.clock = s.clock + 1000
    all_are("AKID0002", ask_together(s, asked))
    assert.equal(2, calls())
    assert.equal(START + 3 + 1000 + 3, math.floor(s.clock)) -- those who waited saw the end at once
  end)

  it("holds up only the one who makes it, while the old ones last", function()
    local s, asked, calls = slow(1000)
    ask_together(s, asked)
    s.clock = START + 3 + 850 -- within the last fifth, not in its last part
    local got = ask_together(s, asked)
    assert.equal("AKID0002", got[1])
    got[1] = "AKID0001"
    all_are("AKID0001", got)
    assert.equal(2, calls())
    all_are("AKID0002", ask_together(s, asked))
    assert.equal(2, calls())
  end)

  it("is waited for by all in the last minute", function()
    local s, asked, calls = slow(3600)
    ask_together(s, asked)
    s.clock = START + 3 + 3600 - 50
    all_are("AKID0002", ask_together(s, asked))
    assert.equal(2, calls())
  end)

  it("that fails is an error for all who had to wait, each with a table of its own", function()
    local s, asked, calls = counting(function(_, s)
      s:pause(1)
      return nil, "the vault is closed"
    end)
    local errs = {}
    for i = 1, 3 do
      s:spawn(function() errs[i] = select(2, asked:get(s.runtime, s.clock)) end)
    end
    s:run()
    assert.equal(1, calls())
    for i = 1, 3 do
      assert.truthy(errs[i].message:find("the vault is closed", 1, true))
      errs[i].operation = "Op" .. i
    end
    assert.equal("Op1", errs[1].operation)
    assert.equal("Op2", errs[2].operation)
  end)

  it("that fails is tried again after a pause, not by every call", function()
    local open = true
    local s, asked, calls = counting(function(n, s)
      if not open then return nil, "closed" end
      return numbered(n, s.clock + 3600)
    end)
    assert(asked:get(s.runtime, s.clock))
    open = false
    s.clock = START + 3600 - 300
    for _ = 1, 100 do assert.equal("AKID0001", asked:get(s.runtime, s.clock).access_key_id) end
    assert.equal(2, calls())
    s.clock = s.clock + 61
    for _ = 1, 100 do assert.equal("AKID0001", asked:get(s.runtime, s.clock).access_key_id) end
    assert.equal(3, calls())
    open, s.clock = true, s.clock + 61
    assert.equal("AKID0004", asked:get(s.runtime, s.clock).access_key_id)
  end)

  it("asks at every call once nothing is left", function()
    local s, asked, calls = counting(function() return nil, "closed" end)
    for _ = 1, 3 do assert.is_nil((asked:get(s.runtime, s.clock))) end
    assert.equal(3, calls())
  end)

  it("goes on where the coroutine that made it died", function()
    local s, asked, calls = counting(function(n, s)
      s:pause(1)
      if n == 1 then error("the provider has a bug", 0) end
      return numbered(n)
    end)
    local got = {}
    for i = 1, 5 do
      s:spawn(function() got[i] = asked:get(s.runtime, s.clock).access_key_id end)
    end
    local ok, message = pcall(s.run, s)
    assert.is_false(ok)
    assert.equal("the provider has a bug", message)
    s:run()
    assert.same({ nil, "AKID0002", "AKID0002", "AKID0002", "AKID0002" }, got)
    assert.equal(2, calls())
  end)

  it("goes on where the coroutine that made it is never resumed", function()
    local s, asked, calls = counting(function(n)
      if n == 1 then coroutine.yield(math.huge, 0) end
      return numbered(n)
    end)
    local lost = coroutine.create(function() asked:get(s.runtime, s.clock) end)
    coroutine.resume(lost)
    all_are("AKID0002", ask_together(s, asked))
    assert.equal(2, calls())
    assert.is_true(s.clock - START <= 601)
    assert.equal("suspended", coroutine.status(lost))
  end)

  it("goes on after an error in the same coroutine", function()
    local s, asked = counting(function(n)
      if n == 1 then error("the provider has a bug", 0) end
      return numbered(n)
    end)
    assert.is_false(pcall(asked.get, asked, s.runtime, s.clock))
    assert.equal("AKID0002", asked:get(s.runtime, s.clock).access_key_id)
  end)

  it("is not waited for beyond the deadline of a call", function()
    local s, asked = counting(function(n, s)
      s:pause(10)
      return numbered(n)
    end)
    local first, second, third
    s:spawn(function() first = asked:get(s.runtime, s.clock) end)
    s:spawn(function()
      local found, err = asked:get(s.runtime, s.clock, START + 2)
      assert.is_nil(found)
      second = err
      assert.equal(START + 2, s.clock)
    end)
    s:spawn(function() third = asked:get(s.runtime, s.clock, START + 20) end)
    s:run()
    assert.equal("AKID0001", first.access_key_id)
    assert.equal("TimeoutError", second.code)
    assert.equal(first, third)
  end)

  it("that had too little time for its own call is made again for the others", function()
    local s, asked = counting(function(n, s, context)
      local left = context.deadline - s.clock
      s:pause(math.min(left, 5))
      if left < 5 then return nil, "no time" end
      return numbered(n)
    end)
    local hasty, patient
    s:spawn(function() hasty = select(2, asked:get(s.runtime, s.clock, START + 1)) end)
    s:spawn(function() patient = asked:get(s.runtime, s.clock, START + 60) end)
    s:run()
    assert.equal("TimeoutError", hasty.code)
    assert.truthy(hasty.message:find("no time", 1, true))
    assert.equal("AKID0002", patient.access_key_id)
  end)

  it("that failed for want of a caller's time is no failure for those with more of it", function()
    local s, asked, calls = counting(function(n, s, context)
      s:pause(0.5)
      if n == 1 then return nil, "it would take longer than this caller has" end
      assert.is_nil(context.deadline)
      return numbered(n)
    end)
    local got = {}
    s:spawn(function() got.hasty = select(2, asked:get(s.runtime, s.clock, START + 1)) end)
    for i = 1, 5 do
      s:spawn(function() got[i] = asked:get(s.runtime, s.clock).access_key_id end)
    end
    s:run()
    assert.truthy(got.hasty.message:find("longer than this caller has", 1, true))
    for i = 1, 5 do assert.equal("AKID0002", got[i]) end
    assert.equal(2, calls())
  end)

  it("that raises in a coroutine that lives on holds up nobody", function()
    if not errors.can_catch then return pending("plain Lua 5.1 can't catch what yields") end
    local s, asked, calls = counting(function(n, s)
      s:pause(0.05)
      if n == 1 then error("the provider has a bug", 0) end
      return numbered(n)
    end)
    local got = {}
    for i = 1, 5 do
      s:spawn(function()
        local ok, found = pcall(asked.get, asked, s.runtime, s.clock)
        got[i] = ok and found.access_key_id or found
        s:pause(1000)
      end)
    end
    s:run()
    assert.same({ "the provider has a bug", "AKID0002", "AKID0002", "AKID0002", "AKID0002" }, got)
    assert.equal(2, calls())
    assert.is_true(s.clock < START + 1001)
  end)

  it("is made apart from its callers where the runtime can do that, and outlives them", function()
    local s, asked, calls = slow(1000)
    function s.runtime.apart(_, f)
      s:spawn(f)
      return true
    end
    local lost = coroutine.create(function() asked:get(s.runtime, s.clock) end)
    coroutine.resume(lost) -- never again: as a request that was aborted
    all_are("AKID0001", ask_together(s, asked))
    assert.equal(1, calls())
    assert.is_true(s.clock < START + 3.2)
    assert.equal("suspended", coroutine.status(lost))
  end)

  it("that is never begun apart from its callers is made by one of them", function()
    local s, asked, calls = slow(1000)
    local late
    function s.runtime.apart(_, f) -- as nginx, where too many timers run
      late = f
      return true
    end
    all_are("AKID0001", ask_together(s, asked))
    assert.equal(1, calls())
    assert.is_true(s.clock < START + 10)
    late() -- it is not needed any more
    assert.equal(1, calls())
  end)

  it("that the runtime refuses to make apart is the caller's, with the caller's time", function()
    local s, asked = counting(function(n, s)
      s:pause(0.5)
      if n == 1 then return nil, "it would take longer than this caller has" end
      return numbered(n)
    end)
    function s.runtime.apart() return false end
    local hasty, patient
    s:spawn(function() hasty = select(2, asked:get(s.runtime, s.clock, START + 1)) end)
    s:spawn(function() patient = asked:get(s.runtime, s.clock) end)
    s:run()
    assert.truthy(hasty.message:find("longer than this caller has", 1, true))
    assert.equal("AKID0002", patient and patient.access_key_id)
  end)

  it("that the runtime makes apart at once, and that raises, raises for nobody", function()
    if not errors.can_catch then return pending("plain Lua 5.1 can't catch what yields") end
    local s, asked = counting(function() error("the provider has a bug", 0) end)
    function s.runtime.apart(_, f)
      f()
      return true
    end
    all_are("CredentialsError: the provider of credentials raised: the provider has a bug", ask_together(s, asked))
  end)

  it("that raises apart from its callers is an error for them", function()
    if not errors.can_catch then return pending("plain Lua 5.1 can't catch what yields") end
    local s, asked, calls = counting(function(_, s)
      s:pause(1)
      error("the provider has a bug", 0)
    end)
    function s.runtime.apart(_, f)
      s:spawn(f)
      return true
    end
    all_are("CredentialsError: the provider of credentials raised: the provider has a bug", ask_together(s, asked))
    assert.equal(1, calls())
  end)

  it("whose coroutine was given up and collected holds up nobody", function()
    local s, asked, calls = counting(function(n)
      if n == 1 then coroutine.yield(math.huge, 0) end
      return numbered(n)
    end)
    coroutine.resume(coroutine.create(function() asked:get(s.runtime, s.clock) end))
    collectgarbage()
    collectgarbage()
    all_are("AKID0002", ask_together(s, asked))
    assert.equal(2, calls())
    assert.is_true(s.clock < START + 1)
  end)

  it("is one only, however the clock jumps meanwhile", function()
    for _, jump in ipairs { 86400, -86400 } do
      local s, asked, calls = counting(function(n, s)
        s:pause(3)
        return numbered(n, s.clock + 1e6)
      end)
      s:spawn(function()
        s:pause(1)
        asked.clock.offset = jump -- as STS's refusal of a wrong date does
      end)
      all_are("AKID0001", ask_together(s, asked))
      assert.equal(1, calls())
    end
  end)

  it("that gives credentials without an end leaves nothing to wait for, also where an earlier one fails after it", function()
    local s, asked, calls = counting(function(n, s)
      if n == 1 then
        s:pause(700)
        return nil, "too late"
      end
      return numbered(n)
    end)
    local got = {}
    s:spawn(function() got[1] = asked:get(s.runtime, s.clock).access_key_id end)
    s:spawn(function() got[2] = asked:get(s.runtime, s.clock).access_key_id end)
    s:run()
    assert.same({ "AKID0002", "AKID0002" }, got)
    s.clock = s.clock + 1000
    all_are("AKID0002", ask_together(s, asked))
    s.clock = s.clock + 1e6
    all_are("AKID0002", ask_together(s, asked))
    assert.is_true(calls() <= 4)
  end)

  it("whose provider calls the client that waits for it is an error", function()
    if not errors.can_catch then return pending("plain Lua 5.1 can't tell it from a provider that has raised") end
    local client
    client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() end,
      runtime = scheduler.new().runtime, credentials = function()
        local _, err = client:get_custom_model { modelIdentifier = "m" }
        return nil, err
      end })
    local answer, err = client:get_custom_model { modelIdentifier = "m" }
    assert.is_nil(answer)
    assert.truthy(err.message:find("let it use a client of its own", 1, true), err.message)
  end)

  it("may be followed by a call from on_event", function()
    local s, events, client = scheduler.new(function() return { status = 200, headers = {}, body = "{}" } end), 0, nil
    client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() end, runtime = s.runtime,
      credentials = function() return numbered(1) end, on_event = function(event)
        if event.type ~= "credentials" then return end
        events = events + 1
        assert(client:get_custom_model { modelIdentifier = "m" })
      end })
    s:spawn(function() assert(client:get_custom_model { modelIdentifier = "m" }) end)
    s:run()
    assert.equal(1, events)
  end)

  it("is told to on_event, without a secret", function()
    local events, open = {}, true
    local s, asked = counting(function(n, s)
      if not open then return nil, "closed" end
      return numbered(n, s.clock + 3600)
    end, { on_event = function(event) events[#events + 1] = event end })
    assert(asked:get(s.runtime, s.clock))
    open, s.clock = false, s.clock + 3500
    assert(asked:get(s.runtime, s.clock))
    assert.same({ type = "credentials", ok = true, provider = "user", expiration = START + 3600 }, events[1])
    assert.same({ type = "credentials", ok = false, provider = "user", code = "CredentialsError",
      message = "the provider given in the option credentials has none: closed" }, events[2])
  end)
end)

describe("credentials whose files change", function()
  local function keys(n) return ("[default]\naws_access_key_id = AKID%04d\naws_secret_access_key = s%d\n"):format(n, n) end

  it("are read again within about a minute", function()
    local text, reads, now = keys(1), 0, START
    local environment = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" }
    local asked = provider(nil, { environment = environment, read_file = function(path)
      if path == "/h/.aws/credentials" then
        reads = reads + 1
        return text
      end
    end })
    local runtime = scheduler.new().runtime
    local first = asked:get(runtime, now)
    assert.equal("AKID0001", first.access_key_id)
    local before = reads
    for _ = 1, 50 do
      now = now + 1
      assert.equal(first, asked:get(runtime, now))
    end
    assert.equal(before, reads)
    text = keys(2)
    assert.equal("AKID0002", asked:get(runtime, now + 25).access_key_id)
    text = "[default\n" -- somebody is writing it: what was read is used on
    assert.equal("AKID0002", asked:get(runtime, now + 100).access_key_id)
    text = keys(3)
    assert.equal("AKID0003", asked:get(runtime, now + 200).access_key_id)
    text = nil
    assert.equal("AKID0003", asked:get(runtime, now + 300).access_key_id)
  end)

  it("are used on while the new ones are wrong, and replaced once these are right", function()
    local wrong = { "", "[default]\naws_access_key_id = AKID0009\n", "[default]\nrole_arn = arn:x\n", "[other]\n" }
    for _, text_of_now in ipairs(wrong) do
      local text = keys(1)
      local asked = provider(nil, { environment = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" },
        read_file = function(path) return path == "/h/.aws/credentials" and text or nil end })
      local runtime, now = scheduler.new().runtime, START
      assert(asked:get(runtime, now))
      text = text_of_now
      for _ = 1, 20 do
        now = now + 50
        assert.equal("AKID0001", assert(asked:get(runtime, now)).access_key_id)
      end
      text = keys(1)
      for _ = 1, 5 do
        now = now + 50
        assert.equal("AKID0001", assert(asked:get(runtime, now)).access_key_id)
      end
      text = keys(2)
      assert.equal("AKID0002", asked:get(runtime, now + 100).access_key_id)
    end
  end)

  it("do not disturb the calls that find a renewal under way", function()
    local text = "[default]\nrole_arn = arn:aws:iam::123456789012:role/r\ncredential_source = EcsContainer\n"
    local s
    s = scheduler.new(function(request)
      local expiration = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(s.clock) + 3600)
      local keys_of = '"AccessKeyId":"AKIDROLE","SecretAccessKey":"SECRETMARK","%s":"t","Expiration":"' .. expiration .. '"'
      if request.method == "GET" then return { status = 200, headers = {}, body = "{" .. keys_of:format("Token") .. "}" } end
      return { status = 200, headers = {}, body = '{"AssumeRoleResponse":{"AssumeRoleResult":{"Credentials":{'
        .. keys_of:format("SessionToken") .. '}}}}' }, nil, 1
    end)
    local asked = provider(nil, { environment = { HOME = "/h", AWS_CONTAINER_CREDENTIALS_FULL_URI = "http://localhost/c" },
      read_file = function(path) return path == "/h/.aws/config" and text or nil end })
    all_are("AKIDROLE", ask_together(s, asked))
    text = text .. "[profile unrelated]\n"
    s.clock = s.clock + 3600 - 200
    all_are("AKIDROLE", ask_together(s, asked))
  end)

  it("are read again at once after the service has refused them, and compared", function()
    local text = keys(1)
    local asked = provider(nil, { environment = { HOME = "/h" },
      read_file = function(path) return path == "/h/.aws/credentials" and text or nil end })
    local runtime = scheduler.new().runtime
    local first = asked:get(runtime, START)
    assert.is_false(asked:replace(first, runtime, START + 1))
    text = keys(2)
    assert.is_true(asked:replace(asked:get(runtime, START + 1), runtime, START + 1))
    assert.equal("AKID0002", asked:get(runtime, START + 1).access_key_id)
  end)

  it("are found where there were none at the first call", function()
    local text
    local asked = provider(nil, { environment = { HOME = "/h", AWS_EC2_METADATA_DISABLED = "true" },
      read_file = function(path) return path == "/h/.aws/credentials" and text or nil end })
    local runtime = scheduler.new().runtime
    assert.is_nil((asked:get(runtime, START)))
    text = keys(1)
    assert.equal("AKID0001", asked:get(runtime, START).access_key_id)
  end)
end)

describe("a client", function()
  local function job_answer() return { status = 200, headers = {}, body = "{}" } end

  local function key_of(request) return request.headers.Authorization:match("Credential=([^/]+)/") end

  it("makes 10,000 calls in 50 coroutines with one renewal per expiry, none signed with expired keys", function()
    local expirations, refreshes, calls, late = {}, 0, 0, 0
    local s
    s = scheduler.new(function(request)
      calls = calls + 1
      if not (s.clock < expirations[key_of(request)]) then late = late + 1 end
      return job_answer(), nil, 0.05 + (calls % 7) / 100
    end)
    local client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() end,
      runtime = s.runtime, credentials = function()
        refreshes = refreshes + 1
        local n = refreshes
        s:pause(0.2)
        local found = numbered(n, s.clock + 2)
        expirations[found.access_key_id] = found.expiration
        return found
      end })
    local failed, each = 0, os.getenv "BEDROCK_SLOW" and 40 or 200
    for _ = 1, 50 do
      s:spawn(function()
        for _ = 1, each do
          if not client:get_custom_model { modelIdentifier = "m" } then failed = failed + 1 end
        end
      end)
    end
    s:run()
    assert.equal(0, failed)
    assert.equal(50 * each, calls)
    assert.equal(0, late)
    -- Lives of two seconds are renewed in their last fifth: one renewal for each 1.6 to 1.8 seconds that the run took.
    local took = s.clock - START
    assert.is_true(refreshes >= took / 2.2 and refreshes <= took / 1.6 + 1, ("%d in %g s"):format(refreshes, took))
  end)

  describe("whose credentials the service calls expired", function()
    -- The service takes the keys from number `good` on.
    local function run(options)
      local refreshes, requests = 0, {}
      local s
      s = scheduler.new(function(request)
        requests[#requests + 1] = key_of(request)
        if tonumber(key_of(request):match("%d+$")) >= options.good then return job_answer() end
        return { status = 403, headers = { ["x-amzn-errortype"] = options.code or "ExpiredTokenException" }, body = "{}" }
      end)
      local client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() end,
        runtime = s.runtime, max_attempts = options.max_attempts, credentials = options.credentials or function()
          refreshes = refreshes + 1
          if options.fails and refreshes > 1 then return nil, "the vault is closed" end
          return numbered(options.same and 1 or refreshes, s.clock + 3600)
        end })
      local results = {}
      for i = 1, options.tasks or 1 do
        s:spawn(function() results[i] = { client:get_custom_model { modelIdentifier = "m" } } end)
      end
      s:run()
      return results, requests, refreshes
    end

    it("renews them and tries once more", function()
      for _, code in ipairs { "ExpiredToken", "ExpiredTokenException" } do
        local results, requests = run { good = 2, code = code }
        assert.truthy(results[1][1])
        assert.equal(2, results[1][2].attempts)
        assert.same({ "AKID0001", "AKID0002" }, requests)
      end
    end)

    it("does so once for all calls that were refused", function()
      local results, requests, refreshes = run { good = 2, tasks = 50 }
      for i = 1, 50 do assert.truthy(results[i][1]) end
      assert.equal(100, #requests)
      assert.equal(2, refreshes)
    end)

    it("gives the error where the new ones are refused, too", function()
      local results, requests, refreshes = run { good = 99 }
      assert.equal("ExpiredTokenException", results[1][2].code)
      assert.equal(2, #requests)
      assert.equal(2, refreshes)
    end)

    it("gives the error at once where the provider has the same ones again", function()
      local results, requests = run { good = 99, same = true }
      assert.equal("ExpiredTokenException", results[1][2].code)
      assert.equal(1, #requests)
    end)

    it("gives the error and its cause where there are no new ones", function()
      local results, requests = run { good = 99, fails = true }
      assert.equal("ExpiredTokenException", results[1][2].code)
      assert.truthy(results[1][2].cause.message:find("the vault is closed", 1, true))
      assert.equal(1, #requests)
    end)

    it("gives the error where they are fixed, or only one attempt is allowed", function()
      local results, requests = run { good = 99, credentials = numbered(1) }
      assert.equal("ExpiredTokenException", results[1][2].code)
      assert.equal(1, #requests)
      local refreshes
      results, requests, refreshes = run { good = 2, max_attempts = 1 }
      assert.equal("ExpiredTokenException", results[1][2].code)
      assert.equal(1, #requests)
      assert.equal(1, refreshes)
    end)

    it("asks for new ones at the next call, where this one has no attempt left", function()
      local asked, requests = 0, 0
      local s = scheduler.new(function(request)
        requests = requests + 1
        if key_of(request) == "AKID0001" then
          return { status = 403, headers = { ["x-amzn-errortype"] = "ExpiredTokenException" }, body = "{}" }
        end
        return job_answer()
      end)
      local client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() end,
        runtime = s.runtime, max_attempts = 1, credentials = function()
          asked = asked + 1
          return numbered(asked)
        end })
      local results = {}
      s:spawn(function()
        for i = 1, 3 do results[i] = (client:get_custom_model { modelIdentifier = "m" }) ~= nil end
      end)
      s:run()
      assert.same({ false, true, true }, results)
      assert.equal(2, asked)
      assert.equal(3, requests)
    end)
  end)
end)
