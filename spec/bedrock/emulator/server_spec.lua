--- The emulator as a process of its own, spoken to over TCP.

local socket = require "socket"
local core = require "bedrock.core"
local child = require "spec.support.child"
local process = require "spec.bedrock.emulator.process"

-- How much slower than usual everything is, under valgrind.
local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1

local start, connect, receive = process.start, process.connect, process.receive
local bytes_of, ask, order = process.bytes_of, process.ask, process.order

local JOB = core.json_encode_plain {
  jobName = "one", customModelName = "one-model", roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
  baseModelIdentifier = "amazon.titan-text-express-v1", trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" },
  outputDataConfig = { s3Uri = "s3://corpus/out/" },
}

describe("bedrock.emulator.server", function()
  local server
  setup(function() server = start { options = "speed = 1" } end)
  teardown(function() server.stop() end)
  before_each(function() order(server, "reset") end)

  it("says where it listens, in one line", function()
    assert.truthy(child.read(server.dir .. "/output"):find("^bedrock emulator at http://127%.0%.0%.1:%d+\n$"))
  end)

  it("answers signed requests on one connection, also when they come at once", function()
    local client = connect(server)
    for _ = 1, 3 do
      client:send(bytes_of(server, "GET", "/custom-models"))
      local status, headers, body = receive(client)
      assert.equal(200, status)
      assert.equal("keep-alive", headers.connection)
      assert.equal('{"modelSummaries":[]}', body)
    end
    client:send(bytes_of(server, "GET", "/custom-models"):rep(3))
    for _ = 1, 3 do assert.equal(200, (receive(client))) end
    client:close()
  end)

  it("refuses bad signatures", function()
    assert.equal(403, (ask(server, "GET", "/custom-models", nil, { unsigned = true })))
    local status, headers = ask(server, "GET", "/custom-models", nil, { time = os.time() - 3600 })
    assert.equal(403, status)
    assert.equal("InvalidSignatureException", headers["x-amzn-errortype"])
    assert.is_true(math.abs(core.time_parse(headers.date) - os.time()) < 5)
  end)

  it("takes chunked bodies and waits for leave to send them", function()
    local client = connect(server)
    client:send(bytes_of(server, "POST", "/model-customization-jobs", JOB, { chunked = true }))
    assert.equal("HTTP/1.1 100 Continue", client:receive("*l"))
    assert.equal("", client:receive("*l"))
    client:send(("%x\r\n%s\r\n"):format(10, JOB:sub(1, 10)))
    socket.sleep(0.02)
    client:send(("%x\r\n%s\r\n0\r\n\r\n"):format(#JOB - 10, JOB:sub(11)))
    assert.equal(201, (receive(client)))
    client:close()
  end)

  it("serves many connections side by side, slow ones too", function()
    local lazy, clients = connect(server), {}
    lazy:send("GET /custom-models HT")
    local request = bytes_of(server, "GET", "/custom-models")
    order(server, "faults", { kind = "slow", delay = math.max(1, 0.3 * SLOW) })
    local slow = connect(server)
    slow:send(request)
    socket.sleep(0.05)
    for i = 1, 30 do
      clients[i] = connect(server)
      clients[i]:send(request)
    end
    for i = 1, 30 do
      assert.equal(200, (receive(clients[i])))
      clients[i]:close()
    end
    assert.equal(0, #socket.select({ slow }, nil, 0))
    slow:settimeout(60)
    assert.equal(200, (receive(slow)))
    lazy:close()
    slow:close()
  end)

  it("carries out faults on the wire", function()
    local function answer(fault)
      assert.equal(200, (order(server, "faults", fault)))
      return ask(server, "GET", "/foundation-models", nil, { raw = true })
    end
    local status, headers, body, err = answer { kind = "cut" }
    assert.equal(200, status)
    assert.equal("closed", err)
    assert.is_true(#body < tonumber(headers["content-length"]))
    status, headers, body, err = answer { kind = "wrong_length" }
    assert.equal(200, status)
    assert.equal("closed", err)
    assert.equal(10, tonumber(headers["content-length"]) - #body)
    status = answer { kind = "wrong_length", length_delta = -10 }
    assert.equal(200, status)
    for _, kind in ipairs { "drop", "lost", "refuse" } do
      local nothing, reason = answer { kind = kind }
      assert.is_nil(nothing)
      assert.equal("closed", reason)
    end
    assert.is_nil((answer { kind = "bad_http" }))
    assert.equal(429, (answer { kind = "throttle" }))
    status, headers, body = answer { kind = "not_json" }
    assert.equal(200, status)
    assert.equal("text/html", headers["content-type"])
    assert.truthy(body:find("^<html>"))
    assert.equal(200, (ask(server, "GET", "/foundation-models")))
  end)

  it("takes orders about jobs and clocks", function()
    assert.equal(200, (order(server, "fail-job", { job = "one", message = "role" })))
    assert.equal(201, (ask(server, "POST", "/model-customization-jobs", JOB)))
    assert.equal(200, (order(server, "advance", { seconds = 7200 })))
    local status, _, job = ask(server, "GET", "/model-customization-jobs/one")
    assert.equal(200, status)
    assert.equal("Failed", job.status)
    assert.equal(200, (order(server, "stall-job", { job = "two", stage = "training", seconds = 9000, before = true })))
    local second = JOB:gsub("one", "two")
    assert.equal(201, (ask(server, "POST", "/model-customization-jobs", second)))
    assert.equal(200, (order(server, "advance", { seconds = 7200 })))
    job = select(3, ask(server, "GET", "/model-customization-jobs/two"))
    assert.equal("InProgress", job.status)
    assert.equal("NotStarted", job.statusDetails.trainingDetails.status)
    assert.equal(200, (order(server, "skew", { seconds = 900 })))
    status = ask(server, "GET", "/custom-models")
    assert.equal(403, status)
    assert.equal(200, (order(server, "skew", { seconds = 0 })))
    local _, log = order(server, "requests", nil, "GET")
    assert.equal("CreateModelCustomizationJob", log.requests[1].operation)
    assert.equal(403, log.requests[5].status)
    ask(server, "POST", "/tagResource", "\255\254")
    _, log = order(server, "requests", nil, "GET")
    assert.equal("??", log.requests[6].body)
    local _, health = order(server, "health", nil, "GET")
    assert.is_number(health.now)
    order(server, "faults", { kind = "throttle", times = "always" })
    order(server, "faults", nil, "DELETE")
    assert.equal(200, (ask(server, "GET", "/custom-models")))
  end)

  it("explains orders that it can't take", function()
    local rows = {
      { "faults", { kind = "lunch" }, 400, "unknown kind" }, { "faults", { kind = "cut", oops = 1 }, 400, "unknown field" },
      { "advance", { seconds = "1" }, 400, "number" }, { "advance", { seconds = -1 }, 400, "negative" },
      { "fail-job", { stage = "lunch" }, 400, "stage" }, { "stall-job", { stage = "lunch" }, 400, "stage" }, { "nothing", {}, 404, "no such order" },
    }
    for _, row in ipairs(rows) do
      local status, answer = order(server, row[1], row[2])
      assert.equal(row[3], status)
      assert.truthy(answer.message:find(row[4], 1, true), answer.message)
      assert.is_nil(answer.message:find("%.lua:"))
    end
    assert.equal(400, (ask(server, "POST", "/_emulator/faults", "[", { unsigned = true })))
  end)

  it("takes no orders under a foreign name or from a web page", function()
    for _, line in ipairs { "Host: evil.example", "Host: 127.0.0.1\r\nOrigin: http://evil.example" } do
      local client = connect(server)
      client:send("POST /_emulator/reset HTTP/1.1\r\n" .. line .. "\r\nContent-Length: 0\r\n\r\n")
      assert.equal(403, (receive(client)))
      client:close()
    end
  end)

  it("answers 400 and closes when it is not spoken to in HTTP", function()
    local rows = {
      { "\22\3\1\2\0\1", 400 }, { "GET / HTTP/1.1\r\n\r\n", 400 }, { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400 },
      { "GET /" .. ("a"):rep(40000), 431 }, { "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n", 413 },
      { "GET / HTTP/3.0\r\n\r\n", 505 },
    }
    for _, row in ipairs(rows) do
      local client = connect(server)
      client:send(row[1])
      local status, headers = receive(client)
      assert.equal(row[2], status)
      assert.equal("close", headers.connection)
      assert.is_nil((client:receive(1)))
      client:close()
    end
  end)

  it("lives on through noise, half requests and peers that vanish", function()
    math.randomseed(11)
    for i = 1, 120 do
      local client = connect(server)
      local bytes = {}
      for j = 1, i * 7 % 90 do bytes[j] = string.char(math.random(0, 255)) end
      local text = ({ "", "GET ", bytes_of(server, "GET", "/custom-models"):sub(1, i) })[i % 3 + 1] .. table.concat(bytes)
      client:send(text .. (i % 2 == 0 and "\r\n\r\n" or ""))
      if i % 4 == 0 then client:setoption("linger", { on = true, timeout = 0 }) end
      client:close()
    end
    assert.equal(200, (ask(server, "GET", "/custom-models")))
    assert.truthy(child.read(server.dir .. "/output"):find("^bedrock emulator at [^\n]*\n$"))
  end)

  it("reads a request that comes byte by byte", function()
    local client = connect(server)
    client:setoption("tcp-nodelay", true)
    for byte in bytes_of(server, "GET", "/custom-models"):gmatch(".") do client:send(byte) end
    assert.equal(200, (receive(client)))
    client:close()
  end)

  it("answers a client that has closed its sending side", function()
    local client = connect(server)
    client:send(bytes_of(server, "GET", "/custom-models"))
    client:shutdown("send")
    assert.equal(200, (receive(client)))
    client:close()
  end)
end)

describe("the server's command line", function()
  local lua = child.interpreter()
  local is_51 = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

  local function output(words)
    local pipe = io.popen(("%s -l bedrock.emulator.server -- %s 2>&1 </dev/null"):format(lua, words))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  if is_51 then
    it("is not seen by Lua 5.1, whose -l comes before its arguments", function()
      assert.truthy(output("--help"):find("cannot open", 1, true))
    end)
  else
    it("starts the server by -l, with its options", function()
      local server = start { command = ("exec %s -l bedrock.emulator.server -- --port=0 --speed 5 --region eu-west-1 "
        .. "--account 999999999999 --credentials 'KEY:se:cret' --fail-job 'one=role' --bearer-token t"):format(lua) }
      finally(function() server.stop() end)
      local client = connect(server)
      client:send("GET /custom-models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n")
      assert.equal(200, (receive(client)))
      client:close()
      assert.equal(403, (ask(server, "GET", "/custom-models")))
    end)

    it("explains itself and what it does not understand", function()
      assert.truthy(output("--help"):find("^usage: "))
      for _, words in ipairs { "--prot 1", "--port", "--port x", "--credentials nocolon", "--verbose=1", "--port 1 word" } do
        local text = output(words)
        assert.truthy(text:find("^bedrock emulator: "), text)
        assert.truthy(text:find("usage: ", 1, true))
      end
      assert.truthy(output("--speed 0"):find("^bedrock emulator: option 'speed' to emulator%.new has to be a number above 0"))
      assert.truthy(output("--port 99999"):find("^bedrock emulator: can't listen"))
    end)
  end

  it("says when a port is taken", function()
    local taken = assert(socket.bind("127.0.0.1", 0))
    local _, port = taken:getsockname()
    local pipe = io.popen(("%s -e %s 2>&1"):format(lua,
      child.quote(("require('bedrock.emulator.server').run { port = %s }"):format(port))))
    local text = pipe:read("*a")
    pipe:close()
    taken:close()
    assert.truthy(text:find("can't listen on 127.0.0.1:" .. port, 1, true), text)
  end)

  it("starts nothing when it is a library", function()
    local pipe = io.popen(("%s -l bedrock.emulator.server -e 'print(require([[bedrock.emulator.server]]).run ~= nil)' 2>&1")
      :format(lua))
    assert.equal("true", pipe:read("*a"):match("%S+"))
    pipe:close()
  end)

  it("ends on SIGTERM and on SIGINT, and frees its port", function()
    -- A shell lets its background jobs ignore SIGINT. The real interpreter listens to it all the same; the sanitizers' has no handler.
    for _, signal in ipairs { "TERM", not os.getenv "ASAN_OPTIONS" and "INT" or nil } do
      local server = start {}
      os.execute(("kill -%s %s"):format(signal, server.pid))
      local gone = child.wait_for(function()
        local client = socket.connect("127.0.0.1", server.port)
        if client then client:close() end
        return not client
      end)
      server.stop()
      assert.is_true(gone)
    end
  end)
end)
