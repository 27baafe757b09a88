--- tuning.watch, and what tuning.run shares with it: stages, stalls, pauses between polls, several jobs together.

local bedrock = require "bedrock"
local tuning = require "bedrock.tuning"
local stages = require "bedrock.tuning.stages"
local job_service = require "spec.bedrock.tuning.job_service"

local HOUR = 3600

describe("tuning.watch", function()
  local e, client, diary
  before_each(function()
    e, client = job_service.new()
    diary = job_service.diary()
  end)
  after_each(function() assert.is_nil(e.failure) end)

  local function create(name, on)
    return assert((on or client):create_model_customization_job(job_service.params(name))).jobArn
  end

  local function watch(jobs, options)
    local all = { on_progress = diary.hear, max_interval = 900 }
    for name, value in pairs(options or {}) do all[name] = value end
    return tuning.watch(client, jobs, all)
  end

  it("waits for several jobs, by name or ARN, each to its own end", function()
    e:fail_job("two", "parse")
    e:stall_job("three", "training", 2 * HOUR)
    local begun = e:now()
    create "one"
    create "two"
    local results, errs = watch { "one", "two", create "three" }
    assert.equal(3, results.n)
    assert.equal(3, errs.n)
    assert.equal("Completed", results[1].status)
    assert.is_nil(results[2])
    assert.equal("WaiterError", errs[2].code)
    assert.truthy(errs[2].failure_message:find("Unable to parse", 1, true))
    assert.equal("three", results[3].jobName)
    assert.same({}, { errs[1], errs[3] })
    for index, took in ipairs { 1200, 72, 1200 + 2 * HOUR } do
      local finished = diary.of("finished", index)
      assert.equal(1, #finished)
      assert.is_true(math.abs(finished[1].elapsed - took) < 0.01)
    end
    -- Side by side: the whole took as long as the longest, and events are in the order of time.
    assert.is_true(e:now() - begun < 1200 + 2 * HOUR + 1000)
    assert.equal(2, diary.of("finished")[1].index)
    assert.equal(3, diary.of("finished")[3].index)
  end)

  it("has jobs of several clients, in several regions and runtimes", function()
    local west = job_service.client(e, { region = "us-west-2" })
    local other, other_client = job_service.new { clock = function() return 1e9 end, job_duration = 5000, region = "eu-west-1" }
    create "one"
    create("one", west)
    create("one", other_client)
    local results = tuning.watch(nil, { { client, "one" }, { west, "one" }, { other_client, "one" } })
    assert.truthy(results[1].jobArn:find("us-east-1", 1, true))
    assert.truthy(results[2].jobArn:find("us-west-2", 1, true))
    assert.equal(1e9, results[3].creationTime)
    assert.is_true(other:now() >= 1e9 + 5000)
    assert.same({ n = 0 }, (tuning.watch(nil, {})))
  end)

  it("one that can't be watched does not disturb the others", function()
    create "one"
    local results, errs = watch { "none", "one" }
    assert.equal("ResourceNotFoundException", errs[1].code)
    assert.equal("Completed", results[2].status)
  end)

  it("an outage of a few polls is lived through, one that lasts is not", function()
    create "one"
    e:fault { kind = "refuse", times = 4 * 3, after = 2 }
    assert.equal("Completed", watch({ "one" })[1].status)
    create "two"
    e:fault { kind = "throttle", times = math.huge, after = 2 }
    local _, errs = watch { "two" }
    assert.equal("ThrottlingException", errs[1].code)
    assert.equal("InProgress", errs[1].last.status)
  end)

  it("no poll takes for ever", function()
    create "one"
    e:fault { kind = "slow", delay = 1000, times = 1 }
    local begun = e:now()
    local first
    watch({ "one" }, { on_progress = function(event) first = first or event.type == "poll" and e:now() end })
    assert.is_true(first - begun <= 60 + 66 + 1)
  end)

  it("a limit of time is for all together", function()
    create "one"
    e:stall_job("two", "validation")
    create "two"
    local begun = e:now()
    local results, errs = watch({ "one", "two", "one" }, { timeout = HOUR })
    assert.equal(HOUR, e:now() - begun)
    assert.equal("Completed", results[1].status)
    assert.equal("Completed", results[3].status)
    assert.equal("TimeoutError", errs[2].code)
    assert.equal("InProgress", errs[2].last.status)
    assert.equal(0, #diary.of("finished", 2))
  end)

  it("tells of stages and polls, with what has passed and a guess at what is left", function()
    create "one"
    watch { "one" }
    assert.equal("stage validation, stage dataProcessing, stage training, finished", diary.text())
    local share = -1
    for i, event in ipairs(diary.of "poll") do
      assert.equal(i, event.poll)
      assert.equal("one", event.job.jobName)
      assert.is_true(event.elapsed >= event.stage_elapsed)
      if event.job.status == "InProgress" then
        local estimate = event.estimate
        assert.is_true(estimate.share >= 0 and estimate.share < 1)
        assert.is_true(estimate.low <= estimate.left and estimate.left <= estimate.high)
        assert.is_true(math.abs(estimate.total - event.elapsed - estimate.left) < 1e-6)
        share = math.max(share, estimate.share)
      end
    end
    assert.is_true(share > 0.5)
  end)

  describe("pauses", function()
    -- The times between two polls of a job that takes long.
    local function pauses(options, duration)
      local times, last = {}, nil
      e, client = job_service.new { job_duration = duration or 8 * HOUR }
      create "one"
      options.on_progress = function(event)
        if event.type == "poll" then
          if last then times[#times + 1] = { e:now() - last, event } end
          last = e:now()
        end
      end
      tuning.watch(client, { "one" }, options)
      return times
    end

    it("grow up to a limit, and are never shorter than the interval", function()
      for _, row in ipairs { { {}, 60, 300 }, { { interval = 100 }, 100, 300 }, { { interval = 400 }, 400, 400 },
        { { interval = 5, max_interval = 900 }, 5, 900 } } do
        local most, distinct = 0, {}
        for _, pause in ipairs(pauses(row[1])) do
          assert.is_true(pause[1] >= row[2] - 1e-3 and pause[1] <= row[3] * 1.1 + 1e-3, pause[1])
          most = math.max(most, pause[1])
          distinct[pause[1]] = true
        end
        assert.is_true(most >= row[3] * 0.99)
        local n = 0
        for _ in pairs(distinct) do n = n + 1 end
        assert.is_true(n > 20) -- they vary
      end
    end)

    it("are short again at a stage's beginning and at its expected end", function()
      local largest, before, first = 0, nil, false
      for _, pause in ipairs(pauses({ interval = 10, max_interval = 1000 }, HOUR)) do
        local event = pause[2]
        if before then
          local most = first and 10 or math.max(before.estimate.stage_left, 10)
          assert.is_true(pause[1] >= 10 - 1e-3 and pause[1] <= most * 1.1 + 1e-3)
          largest = math.max(largest, pause[1])
        end
        first = before ~= nil and event.stage ~= before.stage
        before = event
      end
      assert.is_true(largest > 100)
    end)
  end)

  describe("stalls", function()
    it("are told of by stage, each time another budget has passed", function()
      e:stall_job("one", "dataProcessing", 5 * HOUR)
      create "one"
      assert.equal("Completed", watch({ "one" })[1].status)
      local stalled = diary.of "stalled"
      assert.equal(2, #stalled)
      for i, event in ipairs(stalled) do
        assert.equal("dataProcessing", event.stage)
        assert.is_true(event.started)
        assert.equal(2 * HOUR, event.budget)
        assert.is_true(event.stage_elapsed >= i * 2 * HOUR and event.stage_elapsed < i * 2 * HOUR + 1000)
      end
      assert.truthy(stalled[1].message:find("^one stands still: dataProcessing has taken 2 h.*, the budget is 2 h$"))
    end)

    it("before a stage has begun are such, too", function()
      e:stall_job("one", "training", nil, true)
      create "one"
      local results, errs = watch({ "one" }, { on_stall = "error" })
      assert.is_nil(results[1])
      local err = errs[1]
      assert.equal("StalledError", err.code)
      assert.is_false(err.retryable)
      assert.equal("InProgress", err.last.status)
      assert.equal("NotStarted", err.last.statusDetails.trainingDetails.status)
      assert.truthy(err.message:find("training has not begun after 3 h", 1, true), err.message)
      local event = diary.of("stalled")[1]
      assert.is_false(event.started)
      assert.equal(3 * HOUR, event.budget)
      assert.equal("InProgress", client:get_model_customization_job({ jobIdentifier = "one" }).status)
    end)

    it("have budgets to set, by stage", function()
      for _, row in ipairs { { "validation", false }, { "dataProcessing", false }, { "training", false }, { "start", true } } do
        local name = "job-" .. row[1]
        e:stall_job(name, row[2] and "training" or row[1], nil, row[2])
        create(name)
        local _, errs = watch({ name }, { on_stall = "error", interval = 1, budgets = { [row[1]] = 1500 } })
        assert.equal("StalledError", errs[1].code)
        local event = diary.events[#diary.events]
        assert.equal("stalled", event.type)
        assert.equal(1500, event.budget)
        assert.is_true(event.stage_elapsed >= 1500 and event.stage_elapsed < 2500)
      end
      e:stall_job("never", "validation", 100 * HOUR)
      create "never"
      diary.events = {}
      watch({ "never" }, { max_interval = 20000, budgets = { validation = math.huge } })
      assert.equal(0, #diary.of "stalled")
    end)

    it("can be ended by stopping the job", function()
      e:stall_job("one", "training")
      create "one"
      create "two"
      local results, errs = watch({ "one", "two" }, { on_stall = "stop" })
      assert.equal("Completed", results[2].status)
      assert.equal("StalledError", errs[1].code)
      assert.equal("Stopped", errs[1].last.status)
      assert.truthy(errs[1].message:find("the budget is 12 h; it was stopped", 1, true), errs[1].message)
      assert.equal(1, (job_service.count(e, "StopModelCustomizationJob")))
    end)

    it("can be left to a function", function()
      e:stall_job("one", "training")
      create "one"
      local asked = 0
      local _, errs = watch({ "one" }, { budgets = { training = HOUR }, on_stall = function(event)
        asked = asked + 1
        assert.equal("stalled", event.type)
        if event.stage_elapsed > 5 * HOUR then return "stop" end
      end })
      assert.equal("Stopped", errs[1].last.status)
      assert.equal(5, asked)
    end)

    it("a stop that does not get through is tried again, one that is not allowed is given up", function()
      e:stall_job("one", "training")
      create "one"
      e:fault { kind = "throttle", operation = "StopModelCustomizationJob", times = 3 }
      local _, errs = watch({ "one" }, { on_stall = "stop" })
      assert.equal("Stopped", errs[1].last.status)
      assert.truthy(diary.of("warning")[1].message:find("could not be stopped yet", 1, true))
      e:stall_job("two", "training")
      create "two"
      e:fault { kind = "error", status = 403, operation = "StopModelCustomizationJob", times = math.huge }
      _, errs = watch({ "two" }, { on_stall = function() return "stop" end })
      assert.equal("StalledError", errs[1].code)
      assert.equal("AccessDeniedException", errs[1].cause.code)
      assert.equal("InProgress", errs[1].last.status)
    end)

    it("one that somebody else has stopped meanwhile is no stalled one", function()
      e:stall_job("one", "training")
      create "one"
      local _, errs = watch({ "one" }, { on_stall = function()
        client:stop_model_customization_job { jobIdentifier = "one" }
        return "stop"
      end })
      assert.equal("WaiterError", errs[1].code)
      assert.equal("Stopped", errs[1].last.status)
    end)

    it("are such in any status that is no end", function()
      local real, runtime = client._runtime.send, client._runtime
      for _, status in ipairs { "Stopping", "Queued", "" } do
        e:reset()
        diary.events = {}
        e:stall_job("one", "training")
        create "one"
        function runtime.send(self, request, deadline)
          local response, err = real(self, request, deadline)
          response.body = response.body:gsub('"status":"InProgress",', status ~= "" and ('"status":"%s",'):format(status) or "")
          return response, err
        end
        local _, errs = watch({ "one" }, { on_stall = "error", timeout = 20 * HOUR })
        assert.equal("StalledError", errs[1].code)
        assert.equal(status ~= "" and status or nil, errs[1].last.status)
        -- What is on its way to its end already is not stopped again.
        _, errs = watch({ "one" }, { on_stall = "stop", timeout = 20 * HOUR })
        assert.equal(status == "Stopping" and 0 or 1, (job_service.count(e, "StopModelCustomizationJob")))
        assert.equal(status == "Stopping" and "TimeoutError" or "StalledError", errs[1].code)
        runtime.send = real
      end
    end)

    it("of tuning.run are the same", function()
      e:stall_job("one", "training", nil, true)
      local _, err = tuning.run(client, job_service.params "one", { check = false, on_stall = "stop", on_progress = diary.hear })
      assert.equal("StalledError", err.code)
      assert.equal("created, stage validation, stage dataProcessing, stage training, stalled, finished", diary.text())
      -- The job is found again, and is one that was stopped.
      _, err = tuning.run(client, job_service.params "one", { check = false, on_stall = "stop" })
      assert.equal("WaiterError", err.code)
    end)
  end)

  it("goes on inside a coroutine of the caller's", function()
    create "one"
    local task = coroutine.wrap(function()
      local results = watch({ "one" }, { on_progress = function(event) coroutine.yield(event.type) end })
      return results[1].status
    end)
    local seen = {}
    repeat
      local word = task()
      seen[#seen + 1] = word
    until word == "Completed"
    assert.equal("stage", seen[1])
    assert.equal("finished", seen[#seen - 1])
  end)

  it("mistakes of the program raise at the caller's line", function()
    local rows = {
      { { client, "one" }, "takes a list of jobs" }, { { nil, { "one" } }, "job 1 of tuning.watch has no client" },
      { { client, { "one", { client, 7 } } }, "job 2 of tuning.watch must be a name" }, { { client, { "" } }, "must be a name" },
      { { client, { "one", nil, "three" } }, "got the key 3 after 1" }, { { client, { job = "one" } }, "got the key job after 0" },
      { { client, {}, { on_stall = true } }, 'option on_stall of tuning.watch must be "stop", "error" or a function, got boolean' },
      { { client, {}, { state = "x" } }, 'unknown option "state" to tuning.watch' },
      { { client, {}, { intervall = 1 } }, 'did you mean "interval"' },
      { { client, {}, { max_interval = 0 / 0 } }, "0 or more" },
    }
    for _, row in ipairs(rows) do
      local ok, message = pcall(function() tuning.watch(row[1][1], row[1][2], row[1][3]) end)
      assert.is_false(ok)
      assert.truthy(message:find(row[2], 1, true), message)
      assert.truthy(message:find("watch_spec.lua:", 1, true), message)
    end
  end)

  it("what a caller's function raises comes out", function()
    create "one"
    create "two"
    for _, options in ipairs { { on_progress = function() error("mine", 0) end },
      { budgets = { validation = 1 }, on_stall = function() error("mine", 0) end } } do
      local ok, message = pcall(tuning.watch, client, { "one", "two" }, options)
      assert.is_false(ok)
      assert.equal("mine", message)
    end
  end)

  it("an on_stall that returns something else raises, as a stop that is misspelt must not be lost", function()
    create "one"
    local ok, message = pcall(tuning.watch, client, { "one" }, { budgets = { validation = 1 }, on_stall = function() return "Stop" end })
    assert.is_false(ok)
    assert.equal('on_stall has to return "stop", "error" or nil, got Stop', message)
  end)

  it("tasks of bedrock.parallel may each watch their own", function()
    create "one"
    create "two"
    local results = bedrock.parallel {
      function() return watch { "one", "two" } end,
      function() return tuning.run(client, job_service.params "three", { check = false }) end,
    }
    assert.equal("Completed", results[1][2].status)
    assert.equal("Completed", results[2].status)
  end)
end)

describe("the stages of a job", function()
  local NOW = 10000
  local function detail(status, from, to) return { status = status, creationTime = from, lastModifiedTime = to } end
  local rows = {
    -- what, statusDetails, stage, started, seconds in it
    { "no details", nil, nil, true, 10000 },
    { "empty details", {}, nil, true, 10000 },
    { "just created", { validationDetails = detail "NotStarted", trainingDetails = detail "NotStarted" }, "validation", false, 10000 },
    { "the first one", { validationDetails = detail("InProgress", 9000, 9000), dataProcessingDetails = detail "NotStarted" },
      "validation", true, 1000 },
    { "between two", { validationDetails = detail("Completed", 1000, 4000), dataProcessingDetails = detail "NotStarted",
      trainingDetails = detail "NotStarted" }, "dataProcessing", false, 6000 },
    { "a stage that the service does not tell of", { validationDetails = detail("Completed", 1000, 4000),
      trainingDetails = detail "NotStarted" }, "training", false, 6000 },
    { "one that was passed over", { validationDetails = detail("Completed", 1000, 4000), dataProcessingDetails = detail "NotStarted",
      trainingDetails = detail("InProgress", 8000, 8000) }, "training", true, 2000 },
    { "a stage without times", { validationDetails = detail "InProgress" }, "validation", true, 10000 },
    { "a stage without a status", { validationDetails = {} }, "validation", false, 10000 },
    { "times that are none", { validationDetails = detail("Completed", "lunch", "noon"),
      dataProcessingDetails = detail("InProgress", "noon") }, "dataProcessing", true, 10000 },
    { "a clock that is behind", { validationDetails = detail("InProgress", 20000, 20000) }, "validation", true, 0 },
    { "all over", { validationDetails = detail("Completed", 0, 100), dataProcessingDetails = detail("Completed", 100, 200),
      trainingDetails = detail("Completed", 200, 300) }, "training", true, 9800 },
  }
  for _, row in ipairs(rows) do
    it("are found for " .. row[1], function()
      local job = { status = "InProgress", creationTime = 0, statusDetails = row[2] }
      local place = stages.place(job, NOW)
      assert.equal(row[3], place.stage)
      assert.equal(row[4], place.started)
      assert.equal(row[5], place.stage_elapsed)
      assert.equal(10000, place.elapsed)
      local estimate = stages.estimate(job, place)
      assert.is_true(estimate.left > 0 and estimate.share > 0 and estimate.share < 1)
      job.status = "Stopping"
      assert.is_nil(stages.estimate(job, place))
    end)
  end

  it("are found without times of the job, too", function()
    local place = stages.place({ status = "InProgress", creationTime = "lunch", endTime = "noon" }, NOW)
    assert.same({ started = true, elapsed = 0, stage_elapsed = 0 }, place)
  end)

  it("are expected to take as long as there are epochs and records, and as this job's pace is", function()
    local function left(epochs, records, validation)
      local job = { status = "InProgress", creationTime = 0, hyperParameters = { epochCount = epochs }, statusDetails = {
        validationDetails = validation and detail("Completed", 0, validation) or detail("InProgress", 0, 0),
        dataProcessingDetails = detail "NotStarted", trainingDetails = detail "NotStarted" } }
      return stages.estimate(job, stages.place(job, validation or 0), records)
    end
    assert.is_true(left("4").left > left("2").left)
    assert.equal(left("2").left, left().left)
    for _, odd in ipairs { "Auto", "nan", "inf", "0x10", "" } do assert.equal(left("2").left, left(odd).left, odd) end
    assert.is_true(left("1e999").left < math.huge)
    assert.is_true(left("-100").left > 0)
    assert.is_true(left("2", 10000).left > left("2", 100).left)
    assert.is_true(left("2", nil, 1800).left > 5 * left("2", nil, 180).left)
    -- It is less of a guess then.
    local before, after = left "2", left("2", nil, 180)
    assert.is_true(before.high / before.low > after.high / after.low)
  end)
end)
