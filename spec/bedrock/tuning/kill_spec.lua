--- tuning.run in processes, against the emulator's server and with real files: killed at any point and started again, several
-- at once, without room for a state.

local child = require "spec.support.child"
local core = require "bedrock.core"
local process = require "spec.bedrock.emulator.process"
local socket = require "socket"

local SLOW = os.getenv "BEDROCK_SLOW"
local POINTS = SLOW and 6 or 50
local AT_ONCE = 5

-- One run: what it has come to is left in a file, an event a line.
local SCRIPT = [[
  local url, name, state, log = arg[1], arg[2], arg[3], io.open(arg[4], "a")
  local function say(...)
    log:write(table.concat({ ... }, " "), "\n")
    log:flush()
  end
  say "begun"
  local client = assert(require("bedrock").new { region = "us-east-1", endpoint_url = url, environment = {},
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" } })
  local job, err = require("bedrock.tuning").run(client, {
    jobName = name, customModelName = name .. "-model", roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
    baseModelIdentifier = "amazon.nova-lite-v1:0:300k", hyperParameters = { epochCount = 2 },
    trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" }, outputDataConfig = { s3Uri = "s3://corpus/out/" },
  }, { state = state ~= "" and state or nil, interval = 0.005, max_interval = 0.01,
    on_progress = function(event)
      if event.job and event.type ~= "poll" then say(event.type, event.job.jobArn) end
    end })
  if not job then return say("failed", err.code, err.message) end
  say("done", job.jobArn, job.custom_model.modelArn)
]]

describe("tuning.run in a process", function()
  local server, dir, script
  setup(function()
    dir = child.temp_dir()
    script = child.write(dir .. "/script.lua", SCRIPT)
    server = process.start { options = "job_duration = 0.04" }
    -- The answer to a create comes late: there is time to be killed while the job is there and its answer is not.
    assert.equal(200, (process.order(server, "faults", { kind = "slow", delay = 0.03, times = "always",
      operation = "CreateModelCustomizationJob" })))
  end)
  teardown(function()
    server.stop()
    os.execute("rm -rf " .. child.quote(dir))
  end)

  local function log_of(name) return child.read(dir .. "/" .. name .. ".log") or "" end

  -- Shell words for one run; timeout kills it, or sees to it that it ends.
  local function command(name, state, seconds, log)
    local q = child.quote
    return ("timeout -s KILL %.4f %s %s %s %s %s %s"):format(seconds, child.interpreter(), q(script), q(server.url), name,
      q(state and dir .. "/" .. state .. ".state" or ""), q(log or dir .. "/" .. name .. ".log"))
  end

  -- All jobs that have a text in their names.
  local function jobs_like(text)
    local list, token = {}, nil
    repeat
      local _, _, page = process.ask(server, "GET", "/model-customization-jobs?maxResults=100&nameContains=" .. text
        .. (token and "&nextToken=" .. core.uri_encode(token) or ""))
      for _, job in ipairs(page.modelCustomizationJobSummaries) do list[#list + 1] = job end
      token = page.nextToken
    until not token
    return list
  end

  -- Several at once, each a list of commands: each in turn, whatever the one before came to.
  local function run(lists)
    local parts = {}
    for i, list in ipairs(lists) do parts[i] = "(" .. table.concat(list, "; ") .. ") &" end
    os.execute("exec 2>/dev/null; " .. table.concat(parts, " ") .. " wait")
  end

  -- Numbers from 0 on, below 1, the same each time.
  local seed = 20261125
  local function random()
    seed = (seed * 16807) % 2147483647
    return seed / 2147483647
  end

  -- Seconds from a program's start to its end, as things are at present.
  local function measure_life(prefix)
    local lists, begun = {}, socket.gettime()
    for i = 1, AT_ONCE do lists[i] = { command(prefix .. i, i % 2 == 0 and prefix .. i, 60) } end
    run(lists)
    for i = 1, AT_ONCE do assert.truthy(log_of(prefix .. i):find("\ndone ", 1, true), log_of(prefix .. i)) end
    return socket.gettime() - begun
  end

  -- Kill programs at points that are spread over a life, in no order; every fifth is killed twice. Half of them keep a state.
  local function kill_all(prefix, life)
    local order = {}
    for i = 1, POINTS do table.insert(order, math.floor(random() * i) + 1, i) end
    for first = 1, POINTS, AT_ONCE do
      local lists = {}
      for i = first, math.min(first + AT_ONCE - 1, POINTS) do
        local name, list = prefix .. order[i], {}
        local state = order[i] % 2 == 0 and name
        for _ = 1, i % 5 == 0 and 2 or 1 do
          list[#list + 1] = command(name, state, math.max(life * (order[i] - random()) / POINTS, 0.001))
        end
        list[#list + 1] = command(name, state, 60)
        lists[#lists + 1] = list
      end
      run(lists)
    end
  end

  -- When each was killed: before there was a job, while the answer was on its way, or later.
  local function count(prefix)
    local before, between, after = 0, 0, 0
    for i = 1, POINTS do
      local log = log_of(prefix .. i)
      local arn = log:match "\ndone (%S+) %S+:custom%-model/%S+\n$"
      assert(arn, prefix .. i .. ": " .. log)
      for other in log:gmatch "arn:%S+:model%-customization%-job/%S+" do assert.equal(arn, other) end
      if log:match ".*begun\n(%a+)" == "created" then
        before = before + 1
      elseif log:find("created.*begun\n") then
        after = after + 1
      else
        between = between + 1
      end
    end
    return before, between, after
  end

  it("killed at " .. POINTS .. " points of its life and started again never creates a second job", function()
    for round = 1, 5 do
      local prefix = "round" .. round .. "-"
      kill_all(prefix, measure_life("life" .. round .. "-"))
      local before, between, after = count(prefix)
      assert.equal(POINTS, #jobs_like(prefix))
      -- A machine that is busy with something else now and then is measured again.
      if SLOW or before > 0 and between > 0 and after > 0 then return end
    end
    error("the points are not spread over a life")
  end)

  it("of several at once with a state creates one job, whatever their names", function()
    for _, same in ipairs { true, false } do
      local names, lists = {}, {}
      for i = 1, AT_ONCE do
        names[i] = same and "same" or "other" .. i
        lists[i] = { command(names[i], same and "same" or "other", 60) }
      end
      run(lists)
      if same then
        local log = log_of "same"
        local _, done = log:gsub("done " .. jobs_like("same")[1].jobArn:gsub("%p", "%%%0"), "")
        assert.equal(AT_ONCE, done, log)
      else
        assert.equal(1, #jobs_like "other")
        local done, refused = 0, 0
        for _, name in ipairs(names) do
          local log = log_of(name)
          done = done + (log:find("\ndone ", 1, true) and 1 or 0)
          refused = refused + (log:find("\nfailed StateError ", 1, true) and 1 or 0)
        end
        assert.same({ 1, AT_ONCE - 1 }, { done, refused })
      end
      assert.equal(1, #jobs_like(same and "same" or "other"))
    end
  end)

  it("without room for a state creates no job", function()
    -- The log has to be a pipe, since no file can grow.
    local pipe = io.popen(("trap '' XFSZ; (ulimit -f 0; %s) | cat"):format(command("full", "full", 60, "/dev/stdout")))
    local said = pipe:read "*a"
    pipe:close()
    assert.truthy(said:find("^begun\nfailed StateError the state file .* can't be written: .*: File too large\n$"), said)
    assert.equal(0, #jobs_like "full")
    assert.is_nil(child.read(dir .. "/full.state"))
  end)
end)
