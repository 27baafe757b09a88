--- The library in the bench:
--
--   LUA bench/ours.lua ENDPOINT            a peer (see peer.h)
--   LUA bench/ours.lua ENDPOINT WORK N     N units of a work, for those who measure from outside
--   LUA bench/ours.lua ENDPOINT prepare FOLDER
--   LUA bench/ours.lua ENDPOINT check FILE    check a file of training data, once
--
-- The last one writes what the peers in C need to do the same: create.json, the lines of headers that the client sends,
-- and the lengths of what is hashed to sign a body of 700 bytes.

local endpoint, what, argument = arg[1], arg[2], arg[3]

local AKID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

local function new_client(runtime)
  return assert(require("bedrock").new {
    region = "us-east-1", endpoint_url = endpoint, runtime = runtime,
    credentials = { access_key_id = AKID, secret_access_key = SECRET },
    environment = { AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", HOME = "/" },
  })
end

local client

local SIGNED = { method = "POST", url = "https://bedrock.us-east-1.amazonaws.com/model-customization-jobs",
  headers = { ["Content-Type"] = "application/json" }, body = ("x"):rep(700) }

local works = {}

function works.get()
  local params = { jobIdentifier = "abcdefghijkl" }
  return function()
    assert(assert(client:get_model_customization_job(params)).status == "InProgress")
  end
end

function works.create()
  local params = require("bench.data").create
  return function()
    assert(assert(client:create_model_customization_job(params)).jobArn)
  end
end

function works.page()
  local params = { maxResults = 1000 }
  return function()
    assert(#assert(client:list_model_customization_jobs(params)).modelCustomizationJobSummaries == 1000)
  end
end

function works.pages()
  local params = { maxResults = 100, nextToken = "page-001" }
  return function()
    local count = 0
    for _ in client:items("list_model_customization_jobs", params) do
      count = count + 1
    end
    assert(count == 10000)
  end
end

function works.parallel()
  local tasks = {}
  for i = 1, 256 do
    tasks[i] = { client, "get_model_customization_job", { jobIdentifier = "slow" } }
  end
  local parallel = require("bedrock").parallel
  local clock = require("bedrock.runtime.curl").new()
  return function()
    local answers = parallel(tasks, { limit = 256 })
    for i = 1, 256 do
      assert(answers[i].status == "InProgress")
    end
  end, function() return clock:now() end
end

-- As the client signs.
function works.sign()
  local headers_of, now = require("bedrock.core").sigv4_headers, os.time()
  local r = SIGNED
  return function()
    assert(headers_of(r.method, r.url, r.headers, r.body, AKID, SECRET, nil, "us-east-1", "bedrock", now))
  end
end

-- As everyone else does.
local signing_options = { credentials = { access_key_id = AKID, secret_access_key = SECRET }, region = "us-east-1",
  service = "bedrock", time = os.time() }

function works.sign_public()
  local sign = require("bedrock.sigv4").sign
  return function()
    assert(sign(SIGNED, signing_options))
  end
end

-- By the shape that the API gives to the answer of an operation.
local function decoder(operation, text)
  local core = require "bedrock.core"
  local model = require("bedrock.model").load(require "bedrock.api.bedrock")
  local shape = core.json_shape(model.operations[operation].output)
  return function()
    assert(core.json_decode(shape, text))
  end
end

function works.json() return decoder("list_model_customization_jobs", require("bench.data").page(1000)) end

function works.json_job() return decoder("get_model_customization_job", require("bench.data").job) end

-- ---- training data ----

local TUNED = { model = "amazon.titan-text-express-v1" }

-- A task that checks the file in BENCH_DATASET again and again, and gives way whenever it has come STEP MiB further.
function works.dataset()
  local check_dataset = require("bedrock.tuning").check_dataset
  local step = require("bench.dataset").STEP * 2 ^ 20
  local path, next_stop = os.getenv "BENCH_DATASET", 0
  local options = { model = TUNED.model, on_progress = function(progress)
    if progress.bytes < next_stop then return end
    next_stop = progress.bytes + step
    coroutine.yield()
  end }
  return coroutine.wrap(function()
    while true do
      next_stop = step
      assert(assert(check_dataset(path, options)).ok)
      coroutine.yield()
    end
  end)
end

-- ---- what others need to know ----

local function write(name, text)
  local file = assert(io.open(argument .. "/" .. name, "w"))
  file:write(text)
  file:close()
end

local function prepare()
  local sent
  client = new_client {
    send = function(_, request)
      sent = request
      return { status = 200, headers = {}, body = "{}" }
    end,
    sleep = function() end,
    now = function() return os.time() end,
  }
  local function headers(name)
    local lines = {}
    for key, value in pairs(sent.headers) do
      lines[#lines + 1] = key .. ": " .. value
    end
    write(name .. ".headers", table.concat(lines, "\n") .. "\n")
  end
  assert(client:get_model_customization_job { jobIdentifier = "abcdefghijkl" })
  headers "get"
  assert(client:create_model_customization_job(require("bench.data").create))
  headers "create"
  write("create.json", sent.body)
  local signing = assert(require("bedrock.sigv4").sign(SIGNED, signing_options)).signing
  write("lengths", ("%d %d %d\n"):format(#SIGNED.body, #signing.canonical_request, #signing.string_to_sign))
end

if what == "prepare" then
  prepare()
elseif what == "check" then
  assert(assert(require("bedrock.tuning").check_dataset(argument, TUNED)).ok)
else
  client = new_client()
  local peer = require "bench.peer"
  if what then
    peer.run(works, what, tonumber(argument))
  else
    peer.serve(works)
  end
end
