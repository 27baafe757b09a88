local bedrock = require "bedrock"
local retry = require "bedrock.retry"
local limiter = require "bedrock.limiter"
local cases = require("spec.support.vectors").cases
local scheduler = require "spec.support.scheduler"

local function one() return 1 end

-- A strategy with the numbers that a vector gives; anything it gives beyond those is an error.
local function strategy_for(given, rules)
  local known = { max_attempts = true, initial_retry_tokens = true, exponential_base = true, exponential_power = true,
    max_backoff_time = true, service = true, long_polling = true }
  for name in pairs(given) do assert(known[name], name) end
  local own = {}
  for name, value in pairs(rules) do own[name] = value end
  own.quota = given.initial_retry_tokens or own.quota
  own.power = given.exponential_power or own.power
  own.max_delay = given.max_backoff_time or own.max_delay
  local factor = given.exponential_base or 1
  return retry.new { rules = own, max_attempts = given.max_attempts, random = function() return factor end }
end

-- Play one step of a call and compare it with what is expected.
local function play(strategy, call, step)
  local response, expected = step.response, step.expected
  local delay, reason
  if response.status_code < 300 then
    strategy:on_success(call, 0)
    reason = "success"
  else
    local err = { code = response.error_code or tostring(response.status_code), status = response.status_code }
    local class = strategy:classify(err)
    delay, reason = strategy:on_failure(call, class, response.headers or {}, 0)
    if delay then reason = "retry_request" end
  end
  assert.equal(expected.outcome, reason)
  assert.equal(expected.retry_quota, strategy.quota)
  if expected.delay then assert.near(expected.delay, delay, 1e-9) end
end

local function run(case, rules)
  local strategy = strategy_for(case.given, rules)
  if case.kind == "concurrent" then
    -- The steps of the threads, interleaved so that the quota runs as written: each takes its turn when its expected
    -- quota follows from the one before.
    local calls, at, steps = {}, {}, 0
    for i, thread in ipairs(case.threads) do
      calls[i], at[i] = strategy:begin(), 1
      steps = steps + #thread
    end
    local function search()
      if steps == 0 then return true end
      for i, thread in ipairs(case.threads) do
        local step = thread[at[i]]
        if step then
          local quota = strategy.quota
          local saved = { attempt = calls[i].attempt, cost = calls[i].cost, max_attempts = calls[i].max_attempts }
          if pcall(play, strategy, calls[i], step) then
            at[i], steps = at[i] + 1, steps - 1
            if search() then return true end
            at[i], steps = at[i] - 1, steps + 1
          end
          strategy.quota, calls[i] = quota, saved
        end
      end
      return false
    end
    assert.is_true(search())
    assert.equal(case.expected_final_quota, strategy.quota)
    return
  end
  assert(case.kind == nil or case.kind == "several-calls", case.kind)
  local call = strategy:begin()
  for _, step in ipairs(case.responses) do
    play(strategy, call, step)
    if step.expected.outcome ~= "retry_request" then call = strategy:begin() end
  end
end

describe("bedrock.retry", function()
  describe("vectors retry/standard-2026:", function()
    for _, case in ipairs(cases("retry/standard-2026.json")) do
      if case.kind == "long-poll" then
        pending(case.id .. " (long polling: no operation of Bedrock does it)")
      else
        it(case.id, function() run(case, retry.RULES_2026) end)
      end
    end
  end)

  describe("vectors retry/standard-classic:", function()
    for _, case in ipairs(cases("retry/standard-classic.json")) do
      it(case.id, function() run(case, retry.RULES_CLASSIC) end)
    end
  end)

  describe("sorts errors:", function()
    local strategy = retry.new { random = one }
    local rows = {
      { { code = "ThrottlingException", status = 429 }, "throttling" },
      { { code = "Throttling", status = 400 }, "throttling" },
      { { code = "SlowDown", status = 503 }, "throttling" },
      { { code = "LimitExceededException", status = 400 }, "throttling" },
      { { code = "SomethingElse", status = 429 }, "throttling" },
      { { code = "InternalServerException", status = 500 }, "transient" },
      { { code = "502", status = 502 }, "transient" },
      { { code = "ServiceUnavailableException", status = 503 }, "transient" },
      { { code = "504", status = 504 }, "transient" },
      { { code = "RequestTimeout", status = 400 }, "transient" },
      { { code = "RequestTimeoutException", status = 408 }, "transient" },
      { { code = "IDPCommunicationError", status = 400 }, "transient" },
      { { code = "ConnectionError", retryable = true }, "transient" },
      { { code = "ConnectionError" }, "transient" },
      { { code = "TimeoutError", retryable = true }, "transient" },
      { { code = "TLSError" }, "transient" },
      { { code = "TLSError", retryable = false }, nil },
      { { code = "ResponseError", retryable = true }, "transient" },
      { { code = "ResponseError", status = 200, retryable = true }, "transient" },
      { { code = "ResponseError", status = 200, retryable = false }, nil },
      { { code = "ResponseError", status = 200 }, nil },
      { { code = "ResponseError", status = 503 }, "transient" },
      { { code = "501", status = 501 }, nil },
      { { code = "509", status = 509 }, nil },
      { { code = "ValidationException", status = 400 }, nil },
      { { code = "ConflictException", status = 400 }, nil },
      { { code = "ServiceQuotaExceededException", status = 400 }, nil },
      { { code = "TooManyTagsException", status = 400 }, nil },
      { { code = "AccessDeniedException", status = 403 }, nil },
      { { code = "ResourceNotFoundException", status = 404 }, nil },
      { { code = "ModelTimeoutException", status = 408 }, nil },
      { { code = "ModelErrorException", status = 424 }, nil },
      { { code = "ExpiredTokenException", status = 403 }, nil },
      { { code = "ParamValidationError" }, nil },
      { { code = "ConfigurationError" }, nil },
      { { code = "CredentialsError" }, nil },
    }
    for _, row in ipairs(rows) do
      local err = row[1]
      it(("%s, %s, %s is %s"):format(err.code, tostring(err.status), tostring(err.retryable), tostring(row[2])), function()
        assert.equal(row[2], strategy:classify(err))
      end)
    end

    it("exceptions that the model marks as retryable", function()
      local not_ready = { code = "ModelNotReadyException", status = 429 }
      assert.equal("transient", strategy:classify(not_ready, { throttling = false }))
      assert.equal("throttling", strategy:classify({ code = "X", status = 400 }, { throttling = true }))
      local operation = { errors = { ModelNotReadyException = { retryable = { throttling = false } }, Y = {} } }
      assert.equal("transient", strategy:classify(not_ready, operation))
      assert.is_nil(strategy:classify({ code = "Y", status = 400 }, operation))
      assert.is_nil(strategy:classify({ code = "Z", status = 400 }, operation))
      assert.is_nil(strategy:classify({ code = "Z", status = 400 }, { errors = {} }))
    end)
  end)

  describe("waits as long as the service asks, within limits:", function()
    -- 2000-01-02 20:34:56 UTC
    local now = 946845296
    local rows = {
      { "transient", {}, 0.05 },
      { "throttling", {}, 1 },
      { "transient", { ["x-amz-retry-after"] = "1500" }, 1.5 },
      { "transient", { ["x-amz-retry-after"] = "0" }, 0.05 },
      { "transient", { ["x-amz-retry-after"] = "60000" }, 5.05 },
      { "transient", { ["x-amz-retry-after"] = "99999999999999999999" }, 5.05 },
      { "throttling", { ["x-amz-retry-after"] = "500" }, 1 },
      { "transient", { ["x-amz-retry-after"] = "-1" }, 0.05 },
      { "transient", { ["x-amz-retry-after"] = "soon" }, 0.05 },
      { "transient", { ["x-amz-retry-after"] = "1.5" }, 0.05 },
      { "transient", { ["x-amz-retry-after"] = "1500, 1500" }, 0.05 },
      { "transient", { ["x-amz-retry-after"] = "" }, 0.05 },
      { "transient", { ["retry-after"] = "2" }, 2 },
      { "transient", { ["retry-after"] = "120" }, 5.05 },
      { "throttling", { ["retry-after"] = "120" }, 6 },
      { "transient", { ["retry-after"] = "Sun, 02 Jan 2000 20:34:59 GMT" }, 3 },
      { "transient", { ["retry-after"] = "Sun, 02 Jan 2000 21:34:59 GMT" }, 5.05 },
      { "transient", { ["retry-after"] = "Sun, 02 Jan 2000 20:34:00 GMT" }, 0.05 },
      { "transient", { ["retry-after"] = "-3" }, 0.05 },
      { "transient", { ["retry-after"] = "never" }, 0.05 },
      { "transient", { ["retry-after"] = "9", ["x-amz-retry-after"] = "1000" }, 1 },
    }
    for _, row in ipairs(rows) do
      local header, value = next(row[2])
      it(("%s, %s: %s is %gs"):format(row[1], tostring(header), tostring(value), row[3]), function()
        local strategy = retry.new { random = one }
        assert.near(row[3], strategy:on_failure(strategy:begin(), row[1], row[2], now), 1e-9)
      end)
    end

    it("without an answer", function()
      local strategy = retry.new { random = one }
      assert.near(0.05, strategy:on_failure(strategy:begin(), "transient", nil, now), 1e-9)
    end)

    it("not in the classic rules", function()
      local strategy = retry.new { random = one, rules = retry.RULES_CLASSIC }
      assert.equal(1, strategy:on_failure(strategy:begin(), "transient", { ["retry-after"] = "3" }, now))
    end)
  end)

  it("applies the random factor to the capped delay", function()
    local strategy = retry.new { random = function() return 0.25 end, max_attempts = 100, quota = 500 }
    local call, last = strategy:begin(), nil
    for _ = 1, 12 do last = strategy:on_failure(call, "throttling", nil, 0) end
    assert.equal(5, last)
    assert.equal(13, call.attempt)
  end)

  it("survives very many attempts", function()
    local rules = {}
    for name, value in pairs(retry.RULES_2026) do rules[name] = value end
    rules.quota = 1e9
    local strategy = retry.new { random = one, max_attempts = 1e6, rules = rules }
    local call, last = strategy:begin(), nil
    for _ = 1, 5000 do last = strategy:on_failure(call, "transient", nil, 0) end
    assert.equal(20, last)
  end)

  it("takes a call's own number of attempts", function()
    local strategy = retry.new { random = one, max_attempts = 5 }
    assert.equal(5, strategy.max_attempts)
    local delay, reason = strategy:on_failure(strategy:begin(1), "transient", nil, 0)
    assert.is_nil(delay)
    assert.equal("max_attempts_exceeded", reason)
    assert.equal(500, strategy.quota)
  end)

  it("does not retry what has no class, and takes nothing from the quota for it", function()
    local strategy = retry.new { random = one }
    local delay, reason = strategy:on_failure(strategy:begin(), nil, nil, 0)
    assert.is_nil(delay)
    assert.equal("fail_request", reason)
    assert.equal(500, strategy.quota)
  end)

  it("shares the quota among all calls, and never gives back more than it holds", function()
    local strategy = retry.new { random = one, quota = 20 }
    local a, b = strategy:begin(), strategy:begin()
    assert.is_number(strategy:on_failure(a, "transient", nil, 0))
    assert.equal(6, strategy.quota)
    local delay, reason = strategy:on_failure(b, "transient", nil, 0)
    assert.is_nil(delay)
    assert.equal("retry_quota_exceeded", reason)
    strategy:on_success(a, 0)
    assert.equal(20, strategy.quota)
    for _ = 1, 1000 do strategy:on_success(strategy:begin(), 0) end
    assert.equal(500, strategy.quota)
  end)

  it("keeps the quota between nothing and all through any sequence of calls", function()
    local seed = 1
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n
    end
    local strategy = retry.new { random = one, max_attempts = 4 }
    local classes = { "transient", "throttling" }
    local calls = {}
    for i = 1, 5000 do
      local slot = random(40)
      local call = calls[slot] or strategy:begin()
      calls[slot] = call
      local delay
      if random(3) == 0 then
        strategy:on_success(call, i)
      else
        delay = strategy:on_failure(call, classes[random(3) + 1], nil, i)
      end
      if not delay then calls[slot] = nil end
      assert.is_true(strategy.quota >= 0 and strategy.quota <= 500)
      assert.is_true(call.attempt <= 4)
    end
  end)

  it("draws its random numbers from the core", function()
    local strategy = retry.new {}
    for _ = 1, 20 do
      local delay = strategy:on_failure(strategy:begin(), "transient", nil, 0)
      assert.is_true(delay >= 0 and delay < 0.05)
    end
  end)

  it("refuses a mode that it does not know", function()
    assert.has_error(function() retry.new { mode = "legacy" } end,
      'unknown retry mode "legacy"; known are standard and adaptive')
  end)

  describe("in adaptive mode", function()
    it("never holds back a call before the first throttling", function()
      local strategy = retry.new { mode = "adaptive", random = one }
      for i = 1, 50 do
        local call = strategy:begin()
        assert.equal(0, strategy:before_attempt(1700000000 + i / 1000))
        strategy:on_failure(call, "transient", nil, 1700000000 + i / 1000)
      end
    end)

    it("holds back all calls after it, and gives a token to one of them", function()
      local strategy = retry.new { mode = "adaptive", random = one }
      local now = 1700000000
      local call = strategy:begin()
      assert.equal(0, strategy:before_attempt(now))
      assert.equal(1, strategy:on_failure(call, "throttling", nil, now))
      for _ = 1, 4 do assert.equal(2, strategy:before_attempt(now)) end
      assert.equal(0, strategy:before_attempt(now + 2))
      assert.equal(2, strategy:before_attempt(now + 2))
      assert.equal(0, retry.new({ random = one }):before_attempt(now))
    end)

    -- A client of the service that throttles its first call; how many seconds each of `count` calls took, and what they gave.
    local function throttled(count, options)
      local sent = 0
      local s = scheduler.new(function()
        sent = sent + 1
        if sent == 1 then return { status = 429, headers = { ["x-amzn-errortype"] = "ThrottlingException" }, body = "{}" } end
        return { status = 200, headers = {}, body = "{}" }
      end)
      local client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() end,
        credentials = { access_key_id = "a", secret_access_key = "b" }, retry_mode = "adaptive", runtime = s.runtime })
      local took, errs = {}, 0
      local function call(call_options)
        local start = s.clock
        local ok = client:get_custom_model({ modelIdentifier = "m" }, call_options)
        if not ok then errs = errs + 1 end
        return s.clock - start
      end
      s:spawn(function()
        call()
        if options then
          for _ = 1, 100 do call(options) end
        end
        for i = 1, count do
          s:spawn(function() took[i] = call() end)
        end
      end)
      s:run()
      table.sort(took)
      return took, errs
    end

    it("lets those who wait have the rate of the moment, not of when they came", function()
      local took, errs = throttled(50)
      assert.equal(0, errs)
      assert.is_true(took[50] < 10, tostring(took[50]))
    end)

    it("takes nothing for calls that have no time to wait", function()
      local took, errs = throttled(1, { timeout = 0.5 })
      assert.is_true(errs > 50)
      assert.is_true(took[1] < 3, tostring(took[1]))
    end)

    it("lets go again after the wait that it asked for", function()
      local strategy = retry.new { mode = "adaptive", random = one }
      local call = strategy:begin()
      strategy:before_attempt(100)
      strategy:on_failure(call, "throttling", nil, 100)
      local wait = strategy:before_attempt(100)
      assert.equal(2, wait) -- one token at the least rate, 0.5 per second
      strategy:on_success(call, 100 + wait)
      assert.equal(0, strategy:before_attempt(130))
    end)
  end)
end)

describe("bedrock.limiter", function()
  describe("vectors retry/adaptive-cubic:", function()
    for _, case in ipairs(cases("retry/adaptive-cubic.json")) do
      it(case.id, function()
        local bucket = limiter.new(0)
        bucket.last_max_rate, bucket.last_throttle_time = case.given.last_max_rate, case.given.last_throttle_time
        local rate
        for _, step in ipairs(case.cases) do
          if step.response == "throttle" then
            rate = bucket:cubic_throttle(rate, step.timestamp)
          else
            assert.equal("success", step.response)
            rate = bucket:cubic_success(step.timestamp)
          end
          assert.near(step.calculated_rate, rate, 5e-7)
        end
      end)
    end
  end)

  describe("vectors retry/adaptive-rate:", function()
    for _, case in ipairs(cases("retry/adaptive-rate.json")) do
      it(case.id, function()
        local bucket = limiter.new(0)
        for _, step in ipairs(case.cases) do
          bucket:update(step.response == "throttle", step.timestamp)
          assert.near(step.measured_tx_rate, bucket.measured_rate, 5e-7)
          assert.near(step.new_token_bucket_rate, bucket.fill_rate, 5e-7)
        end
      end)
    end
  end)

  it("does not go mad when the clock is set back", function()
    local bucket = limiter.new(1000)
    bucket:update(true, 1000)
    bucket:acquire(1001)
    bucket:update(false, 10)
    local wait = bucket:acquire(10)
    assert.is_true(wait >= 0 and wait < 10)
    assert.is_true(bucket.fill_rate >= 0.5)
  end)
end)
