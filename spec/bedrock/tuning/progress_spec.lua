local bedrock = require "bedrock"
local child = require "spec.support.child"
local display = require "bedrock.tuning.display"
local fake = require "spec.support.fake_runtime"
local tuning = require "bedrock.tuning"

local UTF8 = { LANG = "C.UTF-8", TERM = "xterm", NO_COLOR = "1" }

local function job(name, status, more)
  local fields = { jobArn = "arn:aws:bedrock:us-east-1:111122223333:model-customization-job/x/" .. name, jobName = name, status = status }
  for key, value in pairs(more or {}) do fields[key] = value end
  return fields
end

-- The events of a run as tuning.run tells them.
local DONE = { trainingMetrics = { trainingLoss = 0.43123 }, validationMetrics = { { validationLoss = 0.5 } } }
local RUN = {
  { type = "checked", report = {} },
  { type = "warning", message = "roleArn: \27[31mlooks odd" },
  { type = "created", job = { jobArn = job "tone-1".jobArn } },
  { type = "stage", job = job("tone-1", "InProgress"), stage = "validation", started = true, elapsed = 3, estimate = { left = 4000, share = 0.001 } },
  { type = "poll", job = job("tone-1", "InProgress"), stage = "validation", started = true, elapsed = 3, estimate = { left = 4000, share = 0.001 } },
  { type = "poll", job = job("tone-1", "InProgress"), stage = "validation", started = true, elapsed = 63, estimate = { left = 3940, share = 0.02 } },
  { type = "poll", job = job("tone-1", "InProgress"), stage = "training", started = false, elapsed = 600, estimate = { left = 3000, share = 0.3 } },
  { type = "stalled", job = job("tone-1", "InProgress"), stage = "training", started = false, elapsed = 6000, message = "tone-1 stands still: x" },
  { type = "stalled", job = job("tone-1", "InProgress"), stage = "training", started = false, elapsed = 6010, message = "tone-1 stands still: x" },
  { type = "stage", job = job("tone-1", "InProgress"), stage = "training", started = true, elapsed = 6100, estimate = { left = 30, share = 0.9 } },
  { type = "poll", job = job("tone-1", "Completed", DONE), stage = "training", started = true, elapsed = 6200 },
  { type = "finished", job = job("tone-1", "Completed", DONE), stage = "training", started = true, elapsed = 6200 },
}

-- Hears the events; gives all that was written, and a list of what each event wrote.
local function show(events, options)
  local out, pieces = {}, {}
  options.output = { write = function(_, text) out[#out + 1] = text end }
  local hear = tuning.progress(options)
  for i, event in ipairs(events) do
    local before = #out
    assert(select("#", hear(event)) == 0)
    pieces[i] = table.concat(out, "", before + 1)
  end
  return table.concat(out), pieces
end

-- What a terminal shows after a text: it knows the few sequences that are used here, and nothing else.
local function screen(text)
  local lines, row = { "" }, 1
  text = text:gsub("\27%[%d*m", "")
  while text ~= "" do
    local up, rest = text:match "^\27%[(%d+)A(.*)$"
    if up then
      row = row - tonumber(up)
      assert(row >= 1, "the cursor leaves the screen")
    elseif text:sub(1, 1) == "\r" then
      rest = text:sub(2)
    elseif text:sub(1, 3) == "\27[K" then
      lines[row], rest = "", text:sub(4)
    elseif text:sub(1, 3) == "\27[J" then
      for i = #lines, row, -1 do lines[i] = nil end
      lines[row], rest = "", text:sub(4)
    elseif text:sub(1, 1) == "\n" then
      row, rest = row + 1, text:sub(2)
      lines[row] = lines[row] or ""
    else
      local plain
      plain, rest = text:match "^([^\27\r\n]+)(.*)$"
      assert(plain, "an unknown sequence: " .. ("%q"):format(text:sub(1, 10)))
      assert(lines[row] == "", "written over what was there")
      lines[row] = plain
    end
    text = rest
  end
  return table.concat(lines, "\n")
end

describe("tuning.progress", function()
  it("writes a line where something has changed", function()
    assert.are.equal([[
warning: roleArn: ?[31mlooks odd
tone-1: created
tone-1: validation, after 3 s, about 1 h 6 min left
tone-1: waiting for training, after 10 min, about 50 min left
stalled: tone-1 stands still: x
tone-1: training, after 1 h 41 min, under a minute left
tone-1: completed in 1 h 43 min, training loss 0.4312, validation loss 0.5000
]], (show(RUN, { terminal = false, environment = {} })))
  end)

  it("redraws its line in a terminal", function()
    local _, pieces = show(RUN, { terminal = true, environment = { LANG = "C.UTF-8" } })
    for i, text in ipairs {
      "",
      "\r\27[Jwarning: roleArn: \239\191\189[31mlooks odd\n",
      "\r\27[K\27[36m▸ \27[0mtone-1  created\n",
      "\27[1A\r\27[K\27[36m▸ \27[0mtone-1  ░░░░░░░░░░░░░░░░    0%  validation  3 s, about 1 h 6 min left\n",
      "\27[1A\r\27[K\27[36m▸ \27[0mtone-1  ░░░░░░░░░░░░░░░░    0%  validation  3 s, about 1 h 6 min left\n",
      "\27[1A\r\27[K\27[36m▸ \27[0mtone-1  ░░░░░░░░░░░░░░░░    2%  validation  1 min 3 s, about 1 h 5 min left\n",
      "\27[1A\r\27[K\27[36m▸ \27[0mtone-1  \27[36m████\27[0m░░░░░░░░░░   30%  waiting for training  10 min, about 50 min left\n",
      "\27[1A\r\27[Jstalled: tone-1 stands still: x\n\r\27[K\27[36m▸ \27[0mtone-1  waiting for training  1 h 40 min\n",
      "\27[1A\r\27[K\27[36m▸ \27[0mtone-1  waiting for training  1 h 40 min\n",
      "\27[1A\r\27[K\27[36m▸ \27[0mtone-1  \27[36m██████████████\27[0m░░   90%  training  1 h 41 min, under a minute left\n",
      "\27[1A\r\27[K\27[32m✓ \27[0mtone-1  completed in 1 h 43 min, training loss 0.4312, validation loss 0.5000\n",
      "\27[1A\r\27[K\27[32m✓ \27[0mtone-1  completed in 1 h 43 min, training loss 0.4312, validation loss 0.5000\n",
    } do
      assert.are.equal(text, pieces[i], "event " .. i)
    end
  end)

  it("has a line for each job, and leaves what has ended", function()
    local function poll(index, name, stage, share) -- luacheck: ignore
      return { type = "poll", index = index, job = job(name, "InProgress"), stage = stage, started = true, elapsed = 100 * index,
        estimate = { left = 1000 * index, share = share } }
    end
    local events = {
      poll(1, "tone-1", "training", 0.25), poll(2, "tone-22", "validation", 0.5), poll(3, "tone-3", "dataProcessing", 0.75),
      { type = "finished", index = 2, stage = "validation", started = true, elapsed = 300,
        job = job("tone-22", "Failed", { failureMessage = "Could not assume provided IAM role\nplease \27[2J" }) },
      poll(1, "tone-1", "training", 0.5),
      { type = "finished", index = 3, stage = "training", started = true, elapsed = 400, job = job("tone-3", "Stopped") },
      { type = "finished", index = 1, stage = "training", started = true, elapsed = 500, job = job("tone-1", "Completed") },
      -- The next watch begins to count anew.
      poll(1, "later", "validation", 0),
    }
    local text, pieces = show(events, { terminal = true, environment = UTF8 })
    assert.are.equal([[
tone-22: Could not assume provided IAM role please �[2J
✓ tone-1   completed in 8 min 20 s
✗ tone-22  failed in validation after 5 min
■ tone-3   stopped in training after 6 min 40 s
▸ later  ░░░░░░░░░░░░░░░░    0%  validation  1 min 40 s, about 17 min left
]], screen(text))
    assert.are.equal([[
▸ tone-1   ████░░░░░░░░░░░░   25%  training  1 min 40 s, about 17 min left
▸ tone-22  ████████░░░░░░░░   50%  validation  3 min 20 s, about 33 min left
▸ tone-3   ████████████░░░░   75%  data processing  5 min, about 50 min left
]], screen(table.concat(pieces, "", 1, 3)))
    assert.are.equal([[
tone-1: training, after 1 min 40 s, about 17 min left
tone-22: validation, after 3 min 20 s, about 33 min left
tone-3: data processing, after 5 min, about 50 min left
tone-22: failed in validation after 5 min
tone-22: Could not assume provided IAM role please ?[2J
tone-3: stopped in training after 6 min 40 s
tone-1: completed in 8 min 20 s
later: validation, after 1 min 40 s, about 17 min left
]], (show(events, { terminal = false, environment = {} })))
  end)

  it("has one line for all where that is asked for, or there are more than lines", function()
    local function events(count)
      local list = {}
      for i = 1, count do
        list[i] = { type = "poll", index = i, job = job("tone-" .. i, "InProgress"), stage = i % 2 == 0 and "training" or "validation",
          started = true, elapsed = i, estimate = { left = 60 * i, share = 0.5 } }
      end
      list[count + 1] = { type = "finished", index = 2, job = job("tone-2", "Failed", { failureMessage = "no" }), stage = "training", elapsed = 9 }
      return list
    end
    local all = { terminal = true, combined = true, environment = UTF8, width = 100 }
    assert.are.equal("tone-2: no\n▸ 4 jobs  ██████████░░░░░░   62%  2 validation, 1 failed, 1 training  9 s, about 4 min left\n",
      screen((show(events(4), all))))
    assert.are.equal("▸ tone-1  ████████░░░░░░░░   50%  validation  1 s, about 1 min left\n",
      screen((show({ events(1)[1] }, all))))
    all.combined = nil
    local text, pieces = show(events(30), all)
    assert.are.equal("tone-2: no\n▸ 30 jobs  ████████░░░░░░░░   51%  15 validation, 1 failed, 14 training  30 s, about 30 min left\n", screen(text))
    local _, breaks = screen(table.concat(pieces, "", 1, 23)):gsub("\n", "")
    assert.are.equal(23, breaks)
    _, breaks = screen(table.concat(pieces, "", 1, 24)):gsub("\n", "")
    assert.are.equal(1, breaks)
  end)

  it("fits any width", function()
    local wide = job("\228\184\173\230\150\135" .. ("x"):rep(60), "InProgress")
    local events = { RUN[3], RUN[4], RUN[6], RUN[7], RUN[10], RUN[11],
      { type = "poll", job = wide, stage = "dataProcessing", elapsed = 1e6, estimate = { left = 1e7, share = 0.1 } } }
    local widths = { 1, 2, 3, 4, 5, 8, 130 }
    for width = 12, 100, 7 do widths[#widths + 1] = width end
    for _, width in ipairs(widths) do
      for _, environment in ipairs { UTF8, { COLUMNS = tostring(width) } } do
        for _, combined in ipairs { true, false } do
          local text = show(events, { terminal = true, combined = combined, environment = environment, color = true,
            width = environment == UTF8 and width or nil })
          for line in (screen(text)):gmatch("[^\n]+") do
            assert(display.width(line) <= math.max(width - 1, 1), ("%d: %s"):format(width, line))
          end
        end
      end
    end
    for _, row in ipairs {
      { 90, "▸ tone-1  ████░░░░░░░░░░░░   30%  waiting for training  10 min, about 50 min left" },
      { 80, "▸ tone-1  ████░░░░░░░░░░   30%  waiting for training  10 min, about 50 min left" },
      { 73, "▸ tone-1  ████░░░░░░░░░░░   30%  waiting for training  about 50 min left" },
      { 60, "▸ tone-1  ████░░░░░░░░░░░░   30%  waiting for training" },
      { 40, "▸ tone-1   30%  waiting for training" },
      { 32, "▸ tone-1  waiting for training" },
      { 20, "▸ tone-1  …training" },
    } do
      local line = screen((show({ RUN[7] }, { terminal = true, environment = UTF8, width = row[1] })))
      assert.are.equal(row[2] .. "\n", line)
    end
  end)

  it("takes odd events as they are", function()
    local odd = job("odd", "Paused")
    for _, row in ipairs {
      { { type = "poll", job = { jobArn = "a/b" } }, "b: created\n" },
      { { type = "poll", job = { jobName = "n", status = "InProgress" } }, "n: in progress\n" },
      { { type = "poll", job = odd, stage = "training" }, "odd: Paused\n" },
      { { type = "poll", job = job("n", "Stopping"), stage = "training" }, "n: stopping\n" },
      { { type = "poll", job = job("n", "InProgress"), stage = "cooling", elapsed = 0 / 0, estimate = { left = 1 / 0, share = 0 / 0 } },
        "n: in progress\n" },
      { { type = "poll", job = job("n\0\27]0;x\7", "InProgress"), stage = "training" }, "n??]0;x?: training\n" },
      { { type = "something new" }, "" },
      { { type = "something new", message = "news" }, "news\n" },
    } do
      assert.are.equal(row[2], (show({ row[1] }, { terminal = false, environment = {} })))
    end
  end)

  it("hears the answers of client:wait", function()
    local function answer(status, stage, more)
      return fake.answer(200, ('{"jobArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/x/abcdefghijkl","jobName":"tone-1",'
        .. '"status":"%s","creationTime":"2026-11-23T08:00:00Z","statusDetails":{"validationDetails":{"status":"%s"},'
        .. '"trainingDetails":{"status":"%s"}}%s}'):format(status, stage == "validation" and "InProgress" or "Completed",
        stage == "training" and status or "NotStarted", more or ""))
    end
    local client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() return nil end,
      runtime = fake.new { answer("InProgress", "validation"), answer("InProgress", "validation"), answer("InProgress", "training"),
        answer("Completed", "training", ',"endTime":"2026-11-23T09:10:00Z","trainingMetrics":{"trainingLoss":0.25}') },
      credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" } })
    local now, out = bedrock.time.parse "2026-11-23T08:00:00Z", {}
    local progress = tuning.progress { output = { write = function(_, text) out[#out + 1] = text end }, terminal = false, environment = {},
      now = function()
        now = now + 60
        return now
      end }
    assert(client:wait("model_customization_job", { jobIdentifier = "tone-1" }, { on_poll = progress }))
    assert.are.equal("tone-1: validation, after 1 min\ntone-1: training, after 3 min\ntone-1: completed in 1 h 10 min, training loss 0.2500\n",
      table.concat(out))
  end)

  it("hears tuning.run and tuning.watch, as they poll the emulator", function()
    local emulator = require "bedrock.emulator"
    local bedrock_here = emulator.new { verify_signatures = false }
    local client = assert(bedrock.new { region = "us-east-1", environment = {}, read_file = function() return nil end,
      runtime = bedrock_here:runtime(), credentials = emulator.example_credentials })
    local function params(name)
      return { jobName = name, customModelName = name, roleArn = "arn:aws:iam::123456789012:role/Tuning",
        baseModelIdentifier = "amazon.nova-lite-v1:0:300k", customizationType = "FINE_TUNING", hyperParameters = { epochCount = 2 },
        trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" }, outputDataConfig = { s3Uri = "s3://corpus/out/" } }
    end
    local out = {}
    local function output(terminal)
      out = {}
      return tuning.progress { output = { write = function(_, text) out[#out + 1] = text end }, terminal = terminal, environment = UTF8 }
    end
    assert(tuning.run(client, params "tone-1", { on_progress = output(false) }))
    -- Polls vary by chance, and so do the times at which something was seen.
    local text = table.concat(out):gsub("after [%w ]+", "after T"):gsub("in %d[%w ]*", "in T"):gsub("about [%w ]+ left", "about T left")
    assert.are.equal("tone-1: created\ntone-1: validation, after T, about T left\ntone-1: data processing, after T, about T left\n"
      .. "tone-1: training, after T, about T left\ntone-1: completed in T, training loss 0.8856\n", text)
    for _, name in ipairs { "tone-2", "tone-33" } do assert(client:create_model_customization_job(params(name))) end
    local jobs = tuning.watch(client, { "tone-2", "tone-33" }, { on_progress = output(true) })
    assert.are.equal(2, #jobs)
    text = screen(table.concat(out)):gsub("in %d[%w ]*", "in T"):gsub("loss [%d.]+", "loss L")
    assert.are.equal("✓ tone-2   completed in T, training loss L\n✓ tone-33  completed in T, training loss L\n", text)
  end)

  -- Real terminals and pipes.
  local HEAR = [[
    local hear = require("bedrock.tuning").progress()
    local function job(status) return { jobArn = "a/tone-1", jobName = "tone-1", status = status } end
    hear { type = "poll", job = job "InProgress", stage = "training", elapsed = 60, estimate = { left = 60, share = 0.5 } }
    hear { type = "poll", job = job "InProgress", stage = "training", elapsed = 90, estimate = { left = 30, share = 0.75 } }
    hear { type = "finished", job = job "Completed", elapsed = 120 }
  ]]
  local function run(settings, in_terminal)
    local dir = child.temp_dir()
    local script = child.write(dir .. "/hear.lua", HEAR)
    local command = ("env -u NO_COLOR -u COLUMNS -u LC_ALL -u LC_CTYPE LANG=C.UTF-8 %s %s %s"):format(settings,
      child.quote(child.interpreter()), child.quote(script))
    if in_terminal then
      command = ("script -qec %s %s/typescript >/dev/null"):format(child.quote("stty cols 60 rows 20 -onlcr; " .. command), dir)
    end
    os.execute(("%s >%s/out 2>%s/err </dev/null"):format(command, dir, dir))
    local text = in_terminal and child.read(dir .. "/typescript"):gsub("^Script started[^\n]*\n", ""):gsub("\n?Script done.*$", "")
      or child.read(dir .. "/err")
    local out = child.read(dir .. "/out")
    os.execute("rm -rf " .. child.quote(dir))
    return text, out
  end
  local PLAIN = "tone-1: training, after 1 min, about 1 min left\ntone-1: completed in 2 min\n"

  it("writes plain lines to stderr where that is no terminal", function()
    local text, out = run("TERM=xterm", false)
    assert.are.equal(PLAIN, text)
    assert.are.equal("", out)
  end)

  for name, row in pairs {
    ["redraws in colours"] = { "TERM=xterm", "\27[36m▸ \27[0mtone-1  \27[36m████\27[0m░░░░   50%  training  1 min, about 1 min left\n",
      "\27[32m✓ \27[0mtone-1  completed in 2 min\n" },
    ["honours NO_COLOR"] = { "TERM=xterm NO_COLOR=1", "▸ tone-1  ████░░░░   50%", "✓ tone-1  completed in 2 min\n" },
    ["takes an empty NO_COLOR for none"] = { "TERM=xterm NO_COLOR=", "\27[36m▸", "\27[32m✓" },
    ["draws with ASCII in other locales"] = { "TERM=xterm NO_COLOR=1 LANG=C", "> tone-1  ####....   50%  training  1 min, about 1 min left\n", "+ tone-1  completed in 2 min\n" },
    ["knows how wide it is"] = { "TERM=xterm NO_COLOR=1 COLUMNS=30", "▸ tone-1   50%  training\n", "✓ tone-1  completed in 2 min\n" },
    ["writes plain lines where TERM is dumb"] = { "TERM=dumb", PLAIN, "" },
  } do
    it(name .. " in a terminal", function()
      local found = os.execute "command -v script >/dev/null"
      if found ~= true and found ~= 0 then return pending "there is no program script, which makes terminals" end
      local text = run(row[1], true)
      for i = 2, 3 do assert.truthy(text:find(row[i], 1, true), ("%q"):format(text)) end
      if row[1] == "TERM=dumb" then
        assert.are.equal(PLAIN, text)
      else
        assert.are.equal(3, select(2, text:gsub("\r\27%[K", "")))
        assert.are.equal(row[1]:find "NO_COLOR=1" ~= nil, text:find "\27%[%d*m" == nil)
      end
    end)
  end

  it("raises for misuse at the caller's line", function()
    local closed = assert(io.open "/dev/null")
    closed:close()
    for message, options in pairs {
      ["the options of progress must be a table, got string"] = "x",
      ['unknown option "colour" to progress (did you mean "color"?)'] = { colour = true },
      ["option width of progress must be a whole number, 1 or more"] = { width = 0 },
      ["option output of progress must be an open file, or what has a method write"] = { output = closed },
      ["option terminal of progress must be a boolean, got number"] = { terminal = 1 },
    } do
      local ok, err = pcall(function() return (tuning.progress(options)) end)
      assert.is_false(ok)
      assert.are.equal(message, err:match "^spec/bedrock/tuning/progress_spec%.lua:%d+: (.*)$" or err)
    end
    local ok, err = pcall(function()
      tuning.progress { terminal = false } "x"
    end)
    assert.is_false(ok)
    assert.truthy(err:find("progress_spec%.lua:%d+: progress hears events of tuning.run and tuning.watch, or answers; got string"), err)
  end)
end)
