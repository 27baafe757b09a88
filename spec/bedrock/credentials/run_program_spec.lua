local run = require("bedrock.credentials.run_program").run

-- A runtime over a clock that nobody needs: it counts how often it is asked to sleep, and lets a moment pass.
local function sleeper(fields)
  local runtime = fields or {}
  runtime.slept = 0
  function runtime:sleep(seconds)
    assert(seconds > 0 and seconds <= 0.05)
    self.slept = self.slept + 1
    require("socket").sleep(seconds)
  end
  return runtime
end

describe("bedrock.credentials.run_program", function()
  it("waits in the C module where the runtime stops the process anyway, or there is none", function()
    local runtime = sleeper { blocking = true }
    assert.equal("hi\n", run("sleep 0.05; echo hi", 10, runtime).stdout)
    assert.equal(0, runtime.slept)
    assert.equal("hi\n", run("echo hi", 10).stdout)
  end)

  it("sleeps through the runtime where others can run meanwhile", function()
    local runtime = sleeper()
    local result = assert(run("sleep 0.1; echo hi; echo no >&2; exit 3", 10, runtime))
    assert.same({ "hi\n", "no\n", 3 }, { result.stdout, result.stderr, result.status })
    assert.is_true(runtime.slept >= 3 and runtime.slept < 60, runtime.slept)
  end)

  it("keeps to the limits of time and size all the same", function()
    assert.is_true(assert(run("sleep 60", 0.1, sleeper())).timed_out)
    assert.is_true(assert(run("head -c 2000000 /dev/zero", 60, sleeper())).too_large)
  end)

  it("starts nothing where the runtime can't wait", function()
    local result, message = run("echo hi", 10, sleeper { ready = function() return nil, { message = "not in this phase" } end })
    assert.is_nil(result)
    assert.equal("not in this phase", message)
  end)
end)
