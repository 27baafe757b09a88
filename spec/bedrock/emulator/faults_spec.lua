local caller = require "spec.bedrock.emulator.caller"

describe("faults to order", function()
  local e
  before_each(function() e = caller.new {} end)

  local function ask(path)
    return select(2, caller.send(e, "GET", path or "/custom-models"))
  end

  it("throttle as often as ordered", function()
    e:fault { kind = "throttle", times = 2, retry_after_ms = 1500 }
    for _ = 1, 2 do
      local response = ask()
      assert.equal(429, response.status)
      assert.equal("ThrottlingException", response.headers["x-amzn-errortype"])
      assert.equal("1500", response.headers["x-amz-retry-after"])
    end
    assert.equal(200, ask().status)
  end)

  it("give server errors with their usual codes, or any other", function()
    for _, row in ipairs { { nil, 500, "InternalServerException" }, { 503, 503, "ServiceUnavailableException" },
      { 403, 403, "AccessDeniedException" }, { 418, 418, "InternalServerException" } } do
      e:fault { kind = "error", status = row[1] }
      local response = ask()
      assert.equal(row[2], response.status)
      assert.equal(row[3], response.headers["x-amzn-errortype"])
    end
    e:fault { kind = "error", status = 400, code = "Odd", message = "Odder", headers = { ["X-More"] = "1" } }
    local response = ask()
    assert.equal('{"message":"Odder"}', response.body)
    assert.equal("Odd", response.headers["x-amzn-errortype"])
    assert.equal("1", response.headers["x-more"])
    e:fault { kind = "error", status = 502, body = "<html>bad gateway</html>" }
    response = ask()
    assert.equal(502, response.status)
    assert.equal("text/html", response.headers["content-type"])
    assert.is_nil(response.headers["x-amzn-errortype"])
  end)

  it("wait for their operation and for their turn", function()
    e:fault { kind = "throttle", operation = "list_foundation_models" }
    e:fault { kind = "error", after = 1, operation = "ListCustomModels" }
    assert.equal(200, ask().status)
    assert.equal(500, ask().status)
    assert.equal(200, ask().status)
    assert.equal(429, ask("/foundation-models").status)
    e:fault { kind = "throttle", times = -1 }
    for _ = 1, 5 do assert.equal(429, ask().status) end
    e:clear_faults()
    assert.equal(200, ask().status)
  end)

  it("spoil answers", function()
    e:fault { kind = "not_json" }
    local response = ask()
    assert.equal(200, response.status)
    assert.truthy(response.body:find("^<html>"))
    e:fault { kind = "empty" }
    assert.equal("", ask().body)
  end)

  it("raise for orders that make no sense, and name the nearest word", function()
    for _, order in ipairs { { kind = "throtle" }, { kind = "slow", dealy = 1 }, { kind = "error", times = "2" }, {},
      { kind = "cut", operation = "Nope" } } do
      assert.has_error(function() e:fault(order) end)
    end
    local _, message = pcall(e.fault, e, { kind = "slow", dealy = 1 })
    assert.truthy(message:find("did you mean 'delay'?", 1, true))
  end)

  it("come out of the runtime as what a connection gives", function()
    local runtime = e:runtime()
    local function send(order, more, deadline)
      e:fault(order)
      local request = caller.sign(e, { method = "GET", url = "http://127.0.0.1/foundation-models", headers = {} })
      for name, value in pairs(more or {}) do request[name] = value end
      return runtime:send(request, deadline)
    end
    local rows = {
      cut = "ResponseError", wrong_length = "ResponseError", bad_http = "ResponseError",
      drop = "ConnectionError", lost = "ConnectionError", refuse = "ConnectionError",
    }
    for kind, code in pairs(rows) do
      local response, err = send { kind = kind }
      assert.is_nil(response, kind)
      assert.equal(code, err.code)
      assert.is_true(err.retryable)
    end
    local response = send { kind = "wrong_length", length_delta = -5 }
    assert.equal(tonumber(response.headers["content-length"]), #response.body)

    local start = runtime:now()
    assert.equal(200, send({ kind = "slow", delay = 30 }).status)
    assert.equal(start + 30, runtime:now())
    local _, err = send({ kind = "slow", delay = 30 }, { read_timeout = 10 })
    assert.equal("TimeoutError", err.code)
    assert.equal(start + 40, runtime:now())
    _, err = send({ kind = "slow", delay = 30 }, { read_timeout = 10 }, runtime:now() + 5)
    assert.equal("TimeoutError", err.code)
    assert.equal(start + 45, runtime:now())
    _, err = send({ kind = "slow" }, nil, runtime:now())
    assert.equal("TimeoutError", err.code)
    runtime:sleep(100)
    assert.equal(start + 145, runtime:now())
  end)

  it("tell a lost answer from a request that never came", function()
    local function create(name)
      local core = require "bedrock.core"
      local request = caller.sign(e, { method = "POST", url = "http://127.0.0.1/model-customization-jobs",
        headers = { ["Content-Type"] = "application/json" }, body = core.json_encode_plain(caller.job(name)) })
      return e:runtime():send(request)
    end
    e:fault { kind = "drop" }
    create "never"
    e:fault { kind = "lost" }
    create "lost"
    assert.equal(404, ask("/model-customization-jobs/never").status)
    assert.equal(200, ask("/model-customization-jobs/lost").status)
  end)
end)
