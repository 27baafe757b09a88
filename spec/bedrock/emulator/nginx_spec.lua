--- The emulator inside a real nginx, spoken to over TCP as its own server is.

local socket = require "socket"
local core = require "bedrock.core"
local child = require "spec.support.child"
local nginx = require "spec.support.nginx"
local process = require "spec.bedrock.emulator.process"

-- How much slower than usual everything is, under valgrind.
local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1

local ask, order = process.ask, process.order

local CONF = [[
  server {
    listen 127.0.0.1:@PORT1@;
    client_max_body_size 4m;
    client_body_buffer_size 1k;
    reset_timedout_connection on;
    location / { content_by_lua_block { require("bedrock.emulator.nginx").serve(require "emulated") } }
  }
  server {
    listen 127.0.0.1:@PORT2@;
    location / { content_by_lua_block { require("bedrock.emulator.nginx").serve(require "emulated", { control = false }) } }
  }
  server {
    listen 127.0.0.1:@PORT3@;
    set_real_ip_from 127.0.0.1;
    location / { content_by_lua_block { require("bedrock.emulator.nginx").serve(require "emulated") } }
  }
  init_by_lua_block {
    package.path = "@DIR@/?.lua;" .. package.path
    require "emulated"
  }
]]

local function start()
  local server = nginx.start {
    lua = true, ports = 3, conf = CONF,
    files = { ["emulated.lua"] = 'return require("bedrock.emulator.nginx").new { speed = 1 }' },
  }
  server.port = server.ports[1]
  return server
end

local function job(name, more)
  local params = {
    jobName = name, customModelName = name .. "-model", roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
    baseModelIdentifier = "amazon.titan-text-express-v1", trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" },
    outputDataConfig = { s3Uri = "s3://corpus/out/" },
  }
  for key, value in pairs(more or {}) do params[key] = value end
  return core.json_encode_plain(params)
end

describe("bedrock.emulator.nginx", function()
  local program, why = nginx.lua()
  if not program then
    pending(why)
    return
  end

  local server
  setup(function() server = start() end)
  teardown(function() server.stop() end)
  before_each(function() order(server, "reset") end)

  it("answers signed requests on one connection", function()
    local client = process.connect(server)
    for _ = 1, 3 do
      client:send(process.bytes_of(server, "GET", "/custom-models"))
      local status, headers, body = process.receive(client)
      assert.equal(200, status)
      assert.equal("application/json", headers["content-type"])
      assert.is_string(headers["x-amzn-requestid"])
      assert.equal('{"modelSummaries":[]}', body)
    end
    client:close()
  end)

  it("refuses bad signatures, and dates its answers", function()
    assert.equal(403, (ask(server, "GET", "/custom-models", nil, { unsigned = true })))
    order(server, "skew", { seconds = 900 })
    local status, headers = ask(server, "GET", "/custom-models")
    assert.equal(403, status)
    assert.equal("InvalidSignatureException", headers["x-amzn-errortype"])
    assert.is_true(math.abs(core.time_parse(headers.date) - os.time() - 900) < 5)
    order(server, "skew", { seconds = 0 })
  end)

  it("sees the path as it was sent, and bodies that lie in a file", function()
    local tags = {}
    for i = 1, 100 do tags[i] = { key = "key" .. i, value = ("v"):rep(200) } end
    local status, _, answer = ask(server, "POST", "/model-customization-jobs", job("one", { jobTags = tags }))
    assert.equal(201, status)
    local path = "/model-customization-jobs/" .. core.uri_encode(answer.jobArn)
    status, _, answer = ask(server, "GET", path)
    assert.equal(200, status)
    assert.equal("one", answer.jobName)
    local _, log = order(server, "requests", nil, "GET")
    assert.equal(path, log.requests[2].path)
  end)

  it("takes chunked bodies", function()
    local client, body = process.connect(server), job "one"
    client:send(process.bytes_of(server, "POST", "/model-customization-jobs", body, { chunked = true }))
    assert.equal("HTTP/1.1 100 Continue", client:receive "*l")
    assert.equal("", client:receive "*l")
    client:send(("%x\r\n%s\r\n0\r\n\r\n"):format(#body, body))
    assert.equal(201, (process.receive(client)))
    client:close()
  end)

  it("gives the answer to HEAD no body", function()
    local client = process.connect(server)
    client:send(process.bytes_of(server, "HEAD", "/custom-models"))
    local line = client:receive "*l"
    assert.equal("HTTP/1.1 405 Not Allowed", line)
    while line ~= "" do line = client:receive "*l" end
    client:settimeout(0.05)
    assert.same({ nil, "timeout", "" }, { client:receive(1) })
    client:close()
  end)

  it("lets others go on while an answer is delayed", function()
    order(server, "faults", { kind = "slow", delay = 0.3 * SLOW })
    local slow = process.connect(server)
    slow:send(process.bytes_of(server, "GET", "/custom-models"))
    socket.sleep(0.05)
    assert.equal(200, (ask(server, "GET", "/custom-models")))
    assert.equal(0, #socket.select({ slow }, nil, 0))
    slow:settimeout(60)
    assert.equal(200, (process.receive(slow)))
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
    assert.is_true(#body > 0 and #body < tonumber(headers["content-length"]))
    status, headers, body, err = answer { kind = "wrong_length" }
    assert.equal(200, status)
    assert.equal("closed", err)
    assert.equal(10, tonumber(headers["content-length"]) - #body)
    assert.equal(200, (answer { kind = "wrong_length", length_delta = -10 }))
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
    assert.truthy(body:find "^<html>")
    assert.equal(200, (ask(server, "GET", "/foundation-models")))
  end)

  it("takes orders about jobs and clocks", function()
    assert.equal(200, (order(server, "fail-job", { job = "one", message = "role" })))
    assert.equal(201, (ask(server, "POST", "/model-customization-jobs", job "one")))
    assert.equal(200, (order(server, "advance", { seconds = 7200 })))
    local status, _, answer = ask(server, "GET", "/model-customization-jobs/one")
    assert.equal(200, status)
    assert.equal("Failed", answer.status)
    local _, health = order(server, "health", nil, "GET")
    assert.is_true(math.abs(health.now - os.time() - 7200) < 60)
    status, answer = order(server, "faults", { kind = "lunch" })
    assert.equal(400, status)
    assert.truthy(answer.message:find("unknown kind", 1, true))
  end)

  it("takes no orders where it is told not to", function()
    assert.equal(404, (order({ port = server.ports[2], url = "http://127.0.0.1:" .. server.ports[2] }, "reset")))
  end)

  it("takes no orders from elsewhere", function()
    local client = assert(socket.connect("127.0.0.1", server.ports[3]))
    client:settimeout(5)
    client:send "POST /_emulator/reset HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Real-IP: 192.0.2.7\r\nContent-Length: 0\r\n\r\n"
    assert.equal(404, (process.receive(client)))
    client:close()
  end)

  it("logs nothing amiss", function()
    local log = child.read(server.dir .. "/error.log") or ""
    log = log:gsub("[^\n]*a client request body is buffered to a temporary file[^\n]*\n", "")
    assert.equal("", log)
  end)

  it("refuses to be several", function()
    local before, log, status = rawget(_G, "ngx"), nil, nil
    rawset(_G, "ngx", {
      ERR = 4, worker = { count = function() return 2 end }, exit = function(code) status = code end,
      log = function(_, ...) log = table.concat { ... } end,
    })
    package.loaded["bedrock.emulator.nginx"] = nil
    local ok, err = pcall(require("bedrock.emulator.nginx").serve, {})
    package.loaded["bedrock.emulator.nginx"] = nil
    rawset(_G, "ngx", before)
    assert.is_true(ok, err)
    assert.equal(500, status)
    assert.has_match("worker_processes 1", log)
  end)
end)
