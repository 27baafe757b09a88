local tuning = require "bedrock.tuning"
local child = require "spec.support.child"

local HEADER = "step_number,epoch_number,training_loss,perplexity\n"

local function read(text, options)
  options = options or {}
  options.training = text
  local found, err = tuning.metrics(nil, options)
  return found and found.training, err
end

describe("tuning.metrics", function()
  it("takes the final losses from a job and from a custom model", function()
    local found = tuning.metrics { jobName = "tone-1", trainingMetrics = { trainingLoss = 0.4312 },
      validationMetrics = { { validationLoss = 0.48 }, { validationLoss = 0.51 } } }
    assert.are.same({ name = "tone-1", training_loss = 0.4312, validation_losses = { 0.48, 0.51 } }, found)
    assert.are.same({ name = "tone", validation_losses = {} }, tuning.metrics { modelName = "tone" })
    assert.are.same({ validation_losses = {} }, tuning.metrics())
  end)

  it("reads both files", function()
    local found = assert(tuning.metrics({ jobName = "tone-1" }, {
      training = HEADER .. "0,0,2.5,12.18\n1,0,1.25,3.49\n2,1,1.5,4.48\n",
      validation = "step_number,epoch_number,validation_loss,perplexity\n2,1,1.75,5.75\n",
    }))
    assert.are.same({ steps = { 0, 1, 2 }, losses = { 2.5, 1.25, 1.5 }, rows = 3, missing = 0, not_finite = 0,
      first = { step = 0, epoch = 0, loss = 2.5, perplexity = 12.18 }, last = { step = 2, epoch = 1, loss = 1.5, perplexity = 4.48 },
      lowest = { step = 1, epoch = 0, loss = 1.25, perplexity = 3.49 }, highest = { step = 0, epoch = 0, loss = 2.5, perplexity = 12.18 },
    }, found.training)
    assert.are.same({ 1.75 }, found.validation.losses)
    assert.are.equal("tone-1", found.name)
  end)

  -- text, steps, losses
  for name, row in pairs {
    ["CRLF"] = { "step_number,training_loss\r\n0,2\r\n1,1\r\n", { 0, 1 }, { 2, 1 } },
    ["no line feed at the end"] = { "step_number,training_loss\n0,2\n1,1", { 0, 1 }, { 2, 1 } },
    ["a byte order mark"] = { "\239\187\191" .. HEADER .. "0,0,2,1\n", { 0 }, { 2 } },
    ["blank lines"] = { "\n \n" .. HEADER .. "\n0,0,2,1\n\r\n  \n1,0,1,1\n\n", { 0, 1 }, { 2, 1 } },
    ["another order of columns"] = { "training_loss,perplexity,step_number\n2,7,0\n1,3,1\n", { 0, 1 }, { 2, 1 } },
    ["further columns"] = { "a,step_number,b,training_loss,c\nx,0,y,2,z\n,1,,1,\n", { 0, 1 }, { 2, 1 } },
    ["a comma at each end"] = { HEADER .. "0,0,2,1,\n1,0,1,1, \n", { 0, 1 }, { 2, 1 } },
    ["names in capitals, with spaces"] = { " Step_Number , Training_Loss \n 0 , 2 \n", { 0 }, { 2 } },
    ["no steps"] = { "training_loss\n2\n1\n", { 0, 1 }, { 2, 1 } },
    ["quoted fields"] = { '"step_number","note","training_loss"\n"0","a ""b"", c","2"\n 1 , "x" ,"1"\n', { 0, 1 }, { 2, 1 } },
    ["a quoted field over lines"] = { 'step_number,note,training_loss\n0,"a\nb\r\n\nc",2\n1,,1\n', { 0, 1 }, { 2, 1 } },
    ["numbers in all their forms"] = { HEADER .. "+0,0,.5,1\n1.0,0,1e-3,1\n2,0,-1.5E+2,1\n3,0,4.,1\n", { 0, 1, 2, 3 }, { 0.5, 0.001, -150, 4 } },
    ["nothing but the header"] = { HEADER, {}, {} },
  } do
    it("reads " .. name, function()
      local found = assert(read(row[1]))
      assert.are.same(row[2], found.steps)
      assert.are.same(row[3], found.losses)
      assert.are.equal(#row[2], found.rows)
    end)
  end

  it("counts rows without a loss or a step, and losses that are none", function()
    local found = assert(read(HEADER .. "0,0,2,1\n1,0,,1\n,0,1,1\n3,0,  ,\n4,0,NaN,nan\n5,0,inf,inf\n6,0,-Infinity,1\n7,,1,\n"))
    assert.are.same({ 0, 7 }, found.steps)
    assert.are.equal(3, found.missing)
    assert.are.equal(3, found.not_finite)
    assert.are.equal(4, found.not_finite_step)
    assert.are.same({ step = 7, loss = 1 }, found.last)
  end)

  it("reads two columns of very many", function()
    local found = assert(read(("a,"):rep(3000) .. "training_loss,step_number\n" .. ("1,"):rep(3000) .. "5,7\n"))
    assert.are.same({ step = 7, loss = 5 }, found.last)
  end)

  -- text, message
  for name, row in pairs {
    ["no column of losses"] = { "step,train_loss\n0,1\n", 'training: line 1 has no column training_loss; it has step, train_loss (did you mean "train_loss"?)' },
    ["the other file"] = { "step_number,validation_loss\n0,1\n",
      'training: line 1 has no column training_loss; it has step_number, validation_loss' },
    ["semicolons"] = { "step_number;training_loss\n0;1\n",
      "training: line 1 has no column training_loss; it has step_number;training_loss (columns must be separated by commas)" },
    ["lines that end with carriage returns alone"] = { "step_number,training_loss,perplexity\r0,1,2\r1,2,3\r\n",
      "training: line 1 has carriage returns in it: lines must end with line feeds" },
    ["a column twice"] = { "training_loss,training_loss\n0,1\n", "training: line 1 has two columns training_loss" },
    ["a word for a number"] = { HEADER .. "0,0,2,1\n1,0,high,1\n", 'training: line 3: column training_loss is "high", which is no number' },
    ["the first of several words"] = { HEADER .. "a,b,c,d\n", 'training: line 2: column training_loss is "c", which is no number' },
    ["a number with a NUL byte"] = { HEADER .. "0,0,1\0,1\n", 'training: line 2: column training_loss is "1\239\191\189", which is no number' },
    ["a hexadecimal number"] = { HEADER .. "0,0,0x10,1\n", 'training: line 2: column training_loss is "0x10", which is no number' },
    ["two points"] = { HEADER .. "0,0,1.2.3,1\n", 'training: line 2: column training_loss is "1.2.3", which is no number' },
    ["control characters"] = { HEADER .. "0,0,\27[2J,1\n", 'training: line 2: column training_loss is "\239\191\189[2J", which is no number' },
    ["a step that is none"] = { HEADER .. "inf,0,1,1\n", "training: line 2: column step_number is no finite number" },
    ["an epoch that is none"] = { HEADER .. "0,last,1,1\n", 'training: line 2: column epoch_number is "last", which is no number' },
    ["too few fields, counting blank lines"] = { HEADER .. "\n0,0,2,1\n\n1,0\n", "training: line 5 has 2 fields, line 1 has 4" },
    ["another number of fields than the header, which is further down"] = { "\n \na,training_loss\n1\n",
      "training: line 4 has 1 field, line 3 has 2" },
    ["a header with a quote that does not end"] = { '"a,training_loss\n1,1\n', "training: line 1 has a quoted field that does not end" },
    ["too many fields"] = { HEADER .. "0,0,2,1,5\n", "training: line 2 has 5 fields, line 1 has 4" },
    ["too many quoted fields"] = { HEADER .. '"0",0,2,1,5\n', "training: line 2 has 5 fields, line 1 has 4" },
    ["a quote that does not end"] = { HEADER .. '0,0,"2,1\n1,0,1,1\n', "training: line 2 has a quoted field that does not end" },
    ["text behind a quote"] = { HEADER .. '0,0,"2"x,1\n', "training: line 2 has text after a quoted field" },
    ["a line after a field over lines"] = { 'training_loss,note\n1,"a\nb\nc"\nx,\n', 'training: line 5: column training_loss is "x", which is no number' },
    ["UTF-16"] = { "\255\254s\0t\0\n\0", "training: line 1 is no text in UTF-8 (is it UTF-16, or compressed?)" },
    ["an endless line"] = { HEADER .. ("1"):rep(70000) .. "\n\n", "training: line 2 is longer than 65536 bytes" },
    ["nothing at all"] = { "\n\n", "training: is empty: there is not even a line of column names" },
  } do
    it("refuses " .. name, function()
      local found, err = read(row[1])
      assert.is_nil(found)
      assert.are.equal("FileError", err.code)
      assert.are.equal(row[2], err.message)
    end)
  end

  it("reads a file with one wrong byte, or says in which line it is", function()
    local text = 'step_number,epoch_number,training_loss,perplexity\r\n0,0,2.5,1\r\n1,0,"1.5",1\n2,1,NaN,\n\n3,1,0.25,7\n'
    for i = 1, #text, os.getenv "BEDROCK_SLOW" and 7 or 1 do
      for _, byte in ipairs { "\0", "\n", '"', ",", "x", "7", "\255" } do
        local found, err = read(text:sub(1, i - 1) .. byte .. text:sub(i + 1))
        if found then
          assert(found.rows <= 5 and #found.losses == found.rows)
        else
          local line = tonumber(err.message:match "^training: line (%d+)")
          assert(line and line <= 7, err.message)
        end
      end
    end
  end)

  it("reads files by their path and open ones, and leaves those open", function()
    local dir = child.temp_dir()
    local path = child.write(dir .. "/m,1.csv", HEADER .. "0,0,2,1\n1,0,bad,1\n")
    local _, err = read(path)
    assert.are.equal(path .. ': line 3: column training_loss is "bad", which is no number', err.message)
    child.write(path, HEADER .. "0,0,2,1\n1,0,1,1\n")
    assert.are.same({ 2, 1 }, assert(read(path)).losses)
    local file = assert(io.open(path, "rb"))
    assert.are.same({ 2, 1 }, assert(read(file)).losses)
    assert.are.equal("file", io.type(file))
    file:close()
    assert.has_error(function() read(file) end, "option training of metrics must be a path, a text, or an open file")
    -- In pieces as they come.
    local text, at = HEADER .. '0,0,"2",1\r\n1,0,1,1\r\n', 0
    local found = assert(read { read = function()
      at = at + 1
      return at <= #text and text:sub(at, at) or nil
    end })
    assert.are.same({ 2, 1 }, found.losses)
    for _, row in ipairs { { dir .. "/none", "No such file or directory" }, { dir, "Is a directory" } } do
      _, err = read(row[1])
      assert.are.equal("FileError", err.code)
      assert.are.equal(row[1] .. ": " .. row[2], err.message)
    end
    _, err = read "a\0b"
    assert.are.equal("a\239\191\189b: the name of a file has a NUL byte in it", err.message)
    _, err = read { read = function() return nil, "connection reset" end }
    assert.are.equal("training: connection reset", err.message)
    _, err = read { read = function() return {} end }
    assert.are.equal("training: what was read is no text, but a table", err.message)
    os.execute("rm -rf " .. child.quote(dir))
  end)

  it("refuses a file without lines before it has read much of it", function()
    local pieces = 0
    local _, err = read { read = function()
      pieces = pieces + 1
      return ("x"):rep(1000)
    end }
    assert.are.equal("training: line 1 is longer than 65536 bytes", err.message)
    assert.is_true(pieces < 100)
    _, err = read { read = (function()
      local header = HEADER .. '"'
      return function()
        local piece = header
        header = "x\n"
        return piece
      end
    end)() }
    assert.are.equal("training: line 2 has a quoted field that does not end", err.message)
  end)

  it("reads and shows numbers with a point, whatever the locale's sign is", function()
    local before = os.setlocale(nil, "numeric")
    for _, name in ipairs { "C", "de_DE.UTF-8", "ps_AF.UTF-8", "ps_AF" } do
      if os.setlocale(name, "numeric") then
        local metrics, err = tuning.metrics(nil, { training = HEADER .. "0,0,2.5,1\n1,0,1.25e0,1\n2,0,.75,1\n" })
        local chart = metrics and tuning.chart(metrics, { ascii = true, width = 60 })
        local html = metrics and tuning.report { jobs = { { metrics = metrics } } }
        os.setlocale(before, "numeric")
        assert(metrics, err)
        assert.are.same({ 2.5, 1.25, 0.75 }, metrics.training.losses)
        assert.truthy(chart:find("last 0.7500", 1, true) and chart:find("\n2.5 +", 1, true) or chart:find("^2.5 %+"), chart)
        assert.truthy(html:find("M0 0L500 714.3 1000 1000", 1, true))
      end
    end
  end)

  it("keeps a fixed number of points, and memory, whatever the file's length", function()
    local rows = os.getenv "BEDROCK_SLOW" and 5000 or 40000
    local i, most = -1, 0
    local source = { read = function()
      i = i + 1
      if i == 0 then return HEADER end
      if i > rows / 100 then return nil end
      if i % 50 == 0 then
        collectgarbage()
        most = math.max(most, collectgarbage "count")
      end
      local lines = {}
      for k = 1, 100 do
        local step = (i - 1) * 100 + k - 1
        lines[k] = ("%d,0,%s,1\n"):format(step, step == 777 and "0.001" or step == 3456 and "9" or "1." .. step % 97)
      end
      return table.concat(lines)
    end }
    collectgarbage()
    local before = collectgarbage "count"
    local found = assert(read(source, { points = 100 }))
    assert.are.equal(rows, found.rows)
    assert.is_true(#found.steps <= 100 and #found.steps > 25)
    assert.are.equal(777, found.lowest.step)
    assert.are.equal(3456, found.highest.step)
    assert.is_true(most - before < 500, ("%.0f KiB"):format(most - before))
  end)

  it("raises for misuse at the caller's line", function()
    for _, source in ipairs { { read = 5 }, function() end, require("socket").tcp() } do
      assert.has_error(function() tuning.metrics(nil, { training = source }) end,
        "option training of metrics must be a path, a text, or an open file")
    end
    for message, arguments in pairs {
      ["metrics takes a job or a custom model, or nil; got string"] = { "x" },
      ["the options of metrics must be a table, got number"] = { {}, 1 },
      ['unknown option "train" to metrics (did you mean "training"?)'] = { {}, { train = "x" } },
      ["option points of metrics must be a whole number, 10 or more"] = { {}, { points = 2 } },
    } do
      local ok, err = pcall(function() return (tuning.metrics(arguments[1], arguments[2])) end)
      assert.is_false(ok)
      assert.are.equal(message, err:match "^spec/bedrock/tuning/metrics_spec%.lua:%d+: (.*)$" or err)
    end
  end)

  it("changes nothing of its caller's", function()
    local job, options = { jobName = "j", trainingMetrics = { trainingLoss = 1 } }, { training = HEADER .. "0,0,2,1\n" }
    assert(tuning.metrics(job, options))
    assert.are.same({ jobName = "j", trainingMetrics = { trainingLoss = 1 } }, job)
    assert.are.same({ training = HEADER .. "0,0,2,1\n" }, options)
  end)
end)
