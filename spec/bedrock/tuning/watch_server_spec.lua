--- tuning.watch and tuning.run over real connections: in a plain script, as tasks of bedrock.parallel, and in nginx where these
-- specs run there.

local bedrock = require "bedrock"
local tuning = require "bedrock.tuning"
local child = require "spec.support.child"
local job_service = require "spec.bedrock.tuning.job_service"
local process = require "spec.bedrock.emulator.process"
local socket = require "socket"

local SLOW = math.min(tonumber(os.getenv "BEDROCK_SLOW") or 1, 5)
local JOB = 0.2 * SLOW -- seconds that one takes
local QUICK = { interval = 0.01, max_interval = 0.02 }

describe("watching over connections", function()
  local server, clients
  setup(function()
    server = process.start { options = ("job_duration = %g"):format(JOB) }
    clients = {}
    for i, region in ipairs { "us-east-1", "us-west-2" } do
      clients[i] = assert(bedrock.new { region = region, endpoint_url = server.url, environment = {}, connect_timeout = 2,
        credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
        read_file = function() return nil end })
    end
  end)
  teardown(function() server.stop() end)

  local function options(more)
    local all = { check = false }
    for name, value in pairs(QUICK) do all[name] = value end
    for name, value in pairs(more or {}) do all[name] = value end
    return all
  end

  local function create(name, client)
    assert((client or clients[1]):create_model_customization_job(job_service.params(name)))
    return name
  end

  local function watch(client, jobs, more)
    local all = options(more)
    all.check = nil
    return tuning.watch(client, jobs, all)
  end

  it("several jobs in two regions, one of which stands still", function()
    assert.equal(200, (process.order(server, "stall-job", { job = "still", stage = "dataProcessing" })))
    local begun = socket.gettime()
    local seen = {}
    local results, errs = watch(clients[1], { create "one", create "still", { clients[2], create("one", clients[2]) }, "none" }, {
      budgets = { dataProcessing = 0.5 * SLOW }, on_stall = "error",
      on_progress = function(event) seen[event.index .. event.type] = true end })
    local took = socket.gettime() - begun
    assert.equal("Completed", results[1].status)
    assert.truthy(results[3].jobArn:find("us-west-2", 1, true))
    assert.equal("StalledError", errs[2].code)
    assert.equal("ResourceNotFoundException", errs[4].code)
    assert.is_true(took < 2 * SLOW, took)
    assert.is_true(seen["1finished"] and seen["2stalled"] and seen["3finished"])
    assert.is_nil(seen["2finished"])
  end)

  it("inside tasks of bedrock.parallel, beside each other", function()
    local begun = socket.gettime()
    local tasks = {}
    for i = 1, 6 do
      tasks[i] = i % 2 == 0
        and function() return tuning.run(clients[1], job_service.params("run-" .. i), options()) end
        or function() return watch(nil, { { clients[1], create("watch-" .. i) }, { clients[2], create("watch-" .. i, clients[2]) } }) end
    end
    local results, errs = bedrock.parallel(tasks)
    for i = 1, 6 do
      assert(results[i], tostring(errs[i]))
      if i % 2 == 0 then
        assert.equal("run-" .. i .. "-model", results[i].custom_model.modelName)
      else
        assert.equal("Completed", results[i][1].status)
        assert.equal("Completed", results[i][2].status)
      end
    end
    assert.is_true(socket.gettime() - begun < 4 * JOB + 0.5 * SLOW)
  end)

  it("ends with its task", function()
    assert.equal(200, (process.order(server, "stall-job", { job = "*", stage = "training" })))
    create "endless"
    local begun = socket.gettime()
    local results, errs = bedrock.parallel({ function()
      local _, failures = watch(clients[1], { "endless" }, { interval = 100, max_interval = 100 })
      return nil, failures[1]
    end }, { timeout = 0.2 * SLOW })
    assert.is_nil(results[1])
    assert.equal("TimeoutError", errs[1].code)
    assert.is_true(socket.gettime() - begun < 1 * SLOW)
  end)

  it("cut connections and throttling change nothing", function()
    local dir = child.temp_dir()
    for _, order in ipairs { { kind = "cut", operation = "CreateModelCustomizationJob", times = 2 },
      { kind = "lost", operation = "CreateModelCustomizationJob" }, { kind = "drop", operation = "GetModelCustomizationJob", after = 3 },
      { kind = "throttle", operation = "GetModelCustomizationJob", after = 5 } } do
      assert.equal(200, (process.order(server, "faults", order)))
    end
    local job = assert(tuning.run(clients[1], job_service.params "rough", options { state = dir .. "/state" }))
    assert.equal("rough-model", job.custom_model.modelName)
    assert.equal(1, #clients[1]:list_model_customization_jobs({ nameContains = "rough" }).modelCustomizationJobSummaries)
    os.execute("rm -rf " .. child.quote(dir))
  end)
end)
