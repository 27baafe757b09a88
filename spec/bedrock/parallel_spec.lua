-- Many calls side by side, over real HTTP.

local bedrock = require "bedrock"
local child = require "spec.support.child"
local emulator_process = require "spec.bedrock.emulator.process"
local errors = require "bedrock.errors"
local fake = require "spec.support.fake_runtime"
local parallel = require "bedrock.parallel"
local socket = require "socket"
local stand_in = require "spec.support.stand_in"
local tcp_server = require "spec.support.tcp_server"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

local function new_client(url, options)
  local all = { region = "us-east-1", endpoint_url = url, environment = {}, read_file = function() end, credentials = KEYS }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(bedrock.new(all))
end

describe("bedrock.parallel", function()
  local emulator, client, slow

  setup(function()
    emulator = emulator_process.start {}
    client = new_client(emulator.url)
    -- Answers after a tenth of a second, to all at once: a stand-in whose container endpoint is slow.
    slow = stand_in.start {}
  end)
  teardown(function()
    client:close()
    emulator.stop()
    slow:stop()
  end)

  -- A runtime:sleep beside others: time that passes for all of them at once.
  local function pause(seconds) client._runtime:sleep(seconds) end

  it("gives results and errors by the order of the tasks", function()
    local results, errs = bedrock.parallel {
      { client, "get_foundation_model", { modelIdentifier = "amazon.nova-micro-v1:0" } },
      function(index) return "task " .. index, "more" end,
      { client, "get_custom_model", { modelIdentifier = "no-such-model" } },
      function() pause(0.01) return nil, "no luck" end,
      function() error("a bug", 0) end,
      { client, "get_custom_model", { nonsense = 1 } },
      function() return nil end,
      { client, "no_such_operation" },
      { 5 },
    }
    assert.equal(9, results.n)
    assert.equal(9, errs.n)
    assert.equal("amazon.nova-micro-v1:0", results[1].modelDetails.modelId)
    assert.equal("task 2", results[2])
    assert.equal("ResourceNotFoundException", errs[3].code)
    assert.equal("no luck", errs[4])
    assert.equal("a bug", errs[5])
    assert.equal("ParamValidationError", errs[6].code)
    assert.is_nil(results[7])
    assert.is_nil(errs[7])
    assert.truthy(tostring(errs[8]):find("no_such_operation", 1, true))
    assert.equal("a task must be a function, or { client, operation, params }", errs[9])
    for _, i in ipairs { 1, 2 } do assert.is_nil(errs[i]) end
  end)

  it("does without tasks", function()
    assert.same({ { n = 0 }, { n = 0 } }, { bedrock.parallel {} })
  end)

  it("leaves a task alone that had a group of its own which never waited", function()
    local function nothing() return 1 end
    local results, errs = bedrock.parallel {
      function()
        bedrock.parallel {}
        return (assert(client:list_custom_models()))
      end,
      function()
        bedrock.parallel { nothing, nothing }
        local started = client._runtime:now()
        pause(0.05)
        return client._runtime:now() - started
      end,
    }
    assert.is_table(results[1], tostring(errs[1]))
    assert.is_true(results[2] > 0.04, results[2])
  end)

  it("runs as many at once as the limit says", function()
    for _, limit in ipairs { 1, 3, 50 } do
      local running, most = 0, 0
      local tasks = {}
      for i = 1, 60 do
        tasks[i] = function()
          running = running + 1
          most = math.max(most, running)
          pause(0.001 * (i % 3))
          running = running - 1
          return i
        end
      end
      local results = bedrock.parallel(tasks, { limit = limit })
      for i = 1, 60 do assert.equal(i, results[i]) end
      assert.equal(limit, most)
    end
  end)

  it("waits for all at once", function()
    local tasks = {}
    for i = 1, 100 do tasks[i] = function() pause(0.2) return true end end
    local start = socket.gettime()
    bedrock.parallel(tasks, { limit = 100 })
    local took = socket.gettime() - start
    assert.is_true(took >= 0.2 and took < 0.2 + 0.3 * SLOW, took)
  end)

  it("sends requests side by side", function()
    slow:fault { service = "container", kind = "slow", seconds = 0.2, times = -1 }
    local runtime = require("bedrock.runtime.curl").new { proxy = false }
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = function()
        return runtime:send { method = "GET", url = slow.url .. "/v2/credentials/" .. i }
      end
    end
    local start = socket.gettime()
    local results, errs = bedrock.parallel(tasks, { limit = 20 })
    local took = socket.gettime() - start
    slow:reset()
    for i = 1, 20 do assert.equal(200, (results[i] or errs[i]).status) end
    assert.is_true(took < 0.2 * 5 * SLOW, took)
    runtime:close()
  end)

  it("lets retries, pages and waits happen inside", function()
    local server = tcp_server.start [[
      local c, n = ...
      read_request(c)
      if n % 2 == 1 then
        c:send("HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      else
        c:send('HTTP/1.1 200 OK\r\nContent-Length: 22\r\nConnection: close\r\n\r\n{"status":"Completed"}')
      end
    ]]
    local unsteady = new_client(server.url)
    local results, errs = bedrock.parallel {
      function()
        local job, meta = unsteady:get_model_customization_job { jobIdentifier = "j" }
        return job and meta.attempts
      end,
      function()
        local names, next_model = {}, client:items("list_foundation_models" and "list_custom_models", { maxResults = 1 })
        local model = next_model()
        while model do
          names[#names + 1] = model.modelName
          model = next_model()
        end
        return names
      end,
      function() return unsteady:wait("model_customization_job", { jobIdentifier = "j" }, { interval = 0.01 }) end,
    }
    server.stop()
    assert.is_true(results[1] == 2 or results[1] == 1 or results[1] == 3, tostring(errs[1]))
    assert.is_table(results[2])
    assert.equal("Completed", results[3].status)
  end)

  it("renews credentials once for all tasks", function()
    local asked = 0
    local fresh = new_client(emulator.url, { credentials = function(context)
      asked = asked + 1
      context.runtime:sleep(0.05)
      return KEYS
    end })
    local tasks = {}
    for i = 1, 50 do tasks[i] = { fresh, "list_custom_models" } end
    local _, errs = bedrock.parallel(tasks)
    assert.same({ n = 50 }, errs)
    assert.equal(1, asked)
  end)

  it("keeps clients apart", function()
    local tasks, clients = {}, {}
    for c = 1, 10 do
      clients[c] = new_client(emulator.url, { region = c % 2 == 0 and "us-east-1" or "us-west-2",
        credentials = { access_key_id = ("AKIDOTHER%07d"):format(c), secret_access_key = "wrong" .. c } })
      for _ = 1, 5 do tasks[#tasks + 1] = { clients[c], "list_custom_models", {}, { max_attempts = 1 } } end
    end
    for _ = 1, 20 do tasks[#tasks + 1] = { client, "list_custom_models" } end
    local results, errs = bedrock.parallel(tasks, { limit = 30 })
    for i = 1, 50 do assert.is_string(errs[i].code) end
    for i = 51, 70 do assert.is_table(results[i]) end
  end)

  it("tells on_result of each task as it ends", function()
    local seen = {}
    local results = bedrock.parallel({
      function() pause(0.05) return "late" end,
      function() return "early" end,
      function() pause(0.02) return nil, "failed" end,
    }, { on_result = function(index, result, err) seen[#seen + 1] = { index, result or err } end, keep = false })
    assert.same({ { 2, "early" }, { 3, "failed" }, { 1, "late" } }, seen)
    assert.same({ n = 3 }, results)
  end)

  it("cancels the rest where on_result says so", function()
    local began, ended = 0, 0
    local tasks = {}
    for i = 1, 20 do
      tasks[i] = function()
        began = began + 1
        pause(i == 1 and 0.01 or 30)
        local ok, err = client:list_custom_models()
        ended = ended + 1
        return ok, err
      end
    end
    local start = socket.gettime()
    local results, errs = bedrock.parallel(tasks, { limit = 5, on_result = function(index) return index ~= 1 end })
    assert.is_true(socket.gettime() - start < 5 * SLOW)
    assert.is_table(results[1])
    for i = 2, 20 do assert.equal("CancelledError", errs[i].code) end
    assert.equal(5, began)
    assert.equal(5, ended)
  end)

  it("ends all at its own timeout", function()
    local server = tcp_server.start [[
      local c = ...
      read_request(c)
      sleep(30)
    ]]
    local silent = new_client(server.url)
    local tasks = { { silent, "list_custom_models" }, function() pause(30) return true end, { client, "list_custom_models" } }
    for i = 4, 10 do tasks[i] = function() pause(30) return client:list_custom_models() end end
    local start = socket.gettime()
    local results, errs = bedrock.parallel(tasks, { limit = 4, timeout = 0.3 })
    assert.is_true(socket.gettime() - start < 5 * SLOW)
    server.stop()
    assert.is_table(results[3])
    assert.equal("TimeoutError", errs[1].code)
    assert.truthy(errs[1].message:find("the limit of 0.3 seconds for all tasks together is over", 1, true))
    for i = 4, 10 do assert.equal("TimeoutError", errs[i].code) end
    assert.is_table(client:list_custom_models()) -- and all is well afterwards
  end)

  it("gives up a task that does not take no for an answer", function()
    local turns = 0
    local _, errs = bedrock.parallel({ function()
      while true do
        turns = turns + 1
        client:list_custom_models({}, { max_attempts = 1 })
      end
    end }, { timeout = 0.1 })
    assert.equal("TimeoutError", errs[1].code)
    assert.is_true(turns > 100)
  end)

  it("may be called within itself: the inner tasks join the loop", function()
    local inner_results
    local results = bedrock.parallel {
      function()
        local tasks = {}
        for i = 1, 10 do tasks[i] = function() pause(0.1) return i * i end end
        inner_results = bedrock.parallel(tasks, { limit = 5 })
        return "outer"
      end,
      function() pause(0.15) return "beside" end,
    }
    assert.same({ 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, n = 10 }, inner_results)
    assert.same({ "outer", "beside", n = 2 }, results)
    local _, errs = bedrock.parallel({ function()
      return bedrock.parallel({ function() pause(30) return client:list_custom_models() end })
    end }, { timeout = 0.1 })
    assert.same({ n = 1 }, errs) -- the inner call came back, with its own errors
  end)

  it("may be called from a coroutine, and its tasks may use coroutines of their own", function()
    local co = coroutine.wrap(function()
      return bedrock.parallel { { client, "list_custom_models" }, function()
        local inner = coroutine.wrap(function() return client:list_custom_models() end)
        return inner()
      end }
    end)
    local results = co()
    assert.is_table(results[1])
    assert.is_table(results[2])
  end)

  it("lets a task hand over to the others by itself", function()
    local order = {}
    bedrock.parallel { function()
      for _ = 1, 3 do order[#order + 1] = "a" coroutine.yield() end
      return true
    end, function()
      for _ = 1, 3 do order[#order + 1] = "b" coroutine.yield() end
      return true
    end }
    assert.equal("ababab", table.concat(order))
  end)

  it("takes 10,000 tasks from a function, in memory for those that run", function()
    local made, done, failed = 0, 0, 0
    local function next_task()
      if made == 10000 then return nil end
      made = made + 1
      local n = made
      return function()
        if n % 100 == 0 then error("one in a hundred fails", 0) end
        pause(0)
        return ("x"):rep(100)
      end
    end
    collectgarbage()
    collectgarbage()
    local before, most = collectgarbage("count"), 0
    bedrock.parallel(next_task, { limit = 256, keep = false, on_result = function(_, result)
      done, failed = done + 1, failed + (result and 0 or 1)
      if done % 500 == 0 then
        collectgarbage()
        most = math.max(most, collectgarbage("count") - before)
      end
    end })
    assert.equal(10000, done)
    assert.equal(100, failed)
    assert.is_true(most < 2000, most) -- KB; all tasks at once would be ten times as much
  end)

  it("runs calls over other runtimes, one after the other", function()
    local runtime = fake.new(function() return fake.answer(200) end)
    local other = new_client(nil, { runtime = runtime })
    local results = bedrock.parallel { { other, "list_custom_models" }, { other, "list_custom_models" } }
    assert.is_table(results[1])
    assert.is_table(results[2])
  end)

  it("raises for what is wrong with the call, at the caller's line", function()
    local rows = {
      { { 5 }, "takes a list of tasks, or a function that gives one after the other, got number" },
      { { {}, 5 }, "the options of bedrock.parallel must be a table" }, { { {}, { limits = 5 } }, 'unknown option "limits"' },
      { { {}, { limit = 0 } }, "a whole number from 1 on" }, { { {}, { limit = 1.5 } }, "a whole number from 1 on" },
      { { {}, { timeout = 0 } }, "a positive number of seconds" }, { { {}, { on_result = 1 } }, "must be a function, got number" },
    }
    for _, row in ipairs(rows) do
      local ok, message = pcall(function() bedrock.parallel(row[1][1], row[1][2]) end)
      assert.is_false(ok)
      assert.truthy(message:find("parallel_spec.lua:", 1, true) and message:find(row[2], 1, true), message)
    end
  end)

  it("leaves nothing behind where on_result raises", function()
    local ok, message = pcall(bedrock.parallel, { { client, "list_custom_models" }, { client, "list_custom_models" } },
      { on_result = function() error("a bug", 0) end })
    assert.is_false(ok)
    assert.equal("a bug", message)
    assert.is_nil(parallel.current())
    assert.is_table(client:list_custom_models())
    assert.is_table(bedrock.parallel({ { client, "list_custom_models" } })[1])
    assert.is_false(errors.is(message))
    assert.is_string(child.interpreter())
  end)
end)
