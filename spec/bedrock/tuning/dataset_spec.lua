-- check_dataset through its public door: files that are broken in one way each (spec/support/dataset_rows.lua), fed in every way;
-- and mutations of a good one, against an oracle that is slow and simple.

local child = require "spec.support.child"
local core = require "bedrock.core"
local rows = require "spec.support.dataset_rows"
local tuning = require "bedrock.tuning"

local SLOW = os.getenv "BEDROCK_SLOW" ~= nil

-- ---- places, counted from the text ----

-- Each line with its line break, and where it begins.
local function lines_of(text)
  local list, from = {}, 1
  while from <= #text do
    local feed = text:find("\n", from, true) or #text
    list[#list + 1] = { from = from - 1, text = text:sub(from, feed) }
    from = feed + 1
  end
  return list
end

local function place(text, line, needle, nth)
  local row = lines_of(text)[line]
  local mark = row.text:sub(1, 3) == "\239\187\191" and 3 or 0
  local at = 1
  if needle == "" then
    at = #row.text:gsub("\r?\n$", "") + 1
  elseif needle ~= true then
    for i = 1, nth or 1 do
      at = assert(row.text:find(needle, i == 1 and 1 or at + 1, true), needle .. " is not in that line")
    end
  end
  local _, characters = row.text:sub(mark + 1, at - 1):gsub("[^\128-\191]", "")
  return row.from + at - 1, characters + 1
end

-- ---- what is compared ----

local function flat(value)
  if type(value) ~= "table" then return type(value) == "number" and ("%.14g"):format(value) or tostring(value) end
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do parts[i] = tostring(key) .. "=" .. flat(value[key]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function copy(options, more)
  local copied = {}
  for name, value in pairs(options) do copied[name] = value end
  for name, value in pairs(more or {}) do copied[name] = value end
  return copied
end

local function pieces(...)
  local list, i = { ... }, 0
  return function()
    i = i + 1
    return list[i]
  end
end

local function bytes_of(text)
  local i = 0
  return function()
    i = i + 1
    if i <= #text then return text:sub(i, i) end
  end
end

local function check(source, options) return assert(tuning.check_dataset(source, options)) end

local function at_path(text, options)
  local path = child.write(os.tmpname(), text)
  local report = check(path, options)
  os.remove(path)
  assert.are.equal(path, report.path)
  report.path = nil
  return report
end

local function found(report)
  local list = {}
  for _, problem in ipairs(report.problems) do
    if #problem.examples == 0 then list[#list + 1] = problem.rule end
    for _, e in ipairs(problem.examples) do
      list[#list + 1] = ("%s at line %d, byte %d, column %d"):format(problem.rule, e.line, e.offset, e.column)
    end
  end
  return list
end

local function wanted(row)
  local list = {}
  for i = 4, #row do
    local rule, line, needle = row[i][1], row[i][2], row[i][3]
    list[#list + 1] = line and ("%s at line %d, byte %d, column %d"):format(rule, line, place(row[2], line, needle, row[i].nth)) or rule
  end
  return list
end

-- Notes, and where more lines belong to it.
local function check_details(row, report)
  local i = 4
  for _, problem in ipairs(report.problems) do
    local of_rule = 0
    for _, example in ipairs(problem.examples) do
      local want = row[i]
      if want.note then assert.are.equal(want.note, example.note) end
      assert.are.equal(want.last, example.last_line ~= example.line and example.last_line or nil)
      assert.are.equal(want.first, example.first_line)
      assert.is_nil((example.excerpt or ""):find "[%c\127]")
      i, of_rule = i + 1, of_rule + (want.count or 1)
    end
    if #problem.examples == 0 then i, of_rule = i + 1, 1 end
    assert.are.equal(of_rule, problem.count)
    assert.truthy(#problem.message > 5 and #problem.mend > 5 and problem.mend:find "%.$")
  end
end

local function sum_of(report, severity)
  local sum = 0
  for _, problem in ipairs(report.problems) do
    if problem.severity == severity then sum = sum + problem.count end
  end
  return sum
end

describe("check_dataset finds", function()
  for _, row in ipairs(rows) do
    local name, text, options = row[1], row[2], row[3]
    it(name, function()
      local report = at_path(text, copy(options))
      assert.are.same(wanted(row), found(report))
      check_details(row, report)
      assert.are.equal(sum_of(report, "error"), report.errors)
      assert.are.equal(sum_of(report, "warning"), report.warnings)
      assert.are.equal(report.errors == 0, report.ok)
      assert.truthy(tostring(report):find("\nverdict: " .. (report.ok and "ready" or "not ready"), 1, true))
    end)
  end

  it("more than sixty kinds of trouble", function()
    local kinds, rules = 0, {}
    for _, row in ipairs(rows) do
      if row[4] then kinds = kinds + 1 end
      for i = 4, #row do rules[row[i][1]] = true end
    end
    assert.truthy(kinds >= 60)
    for rule in pairs(require("bedrock.tuning.dataset_rules").texts) do
      assert(rules[rule], "no row shows " .. rule)
    end
  end)
end)

describe("check_dataset says the same", function()
  for i = 1, #rows, SLOW and 5 or 1 do
    local name, text, options = rows[i][1], rows[i][2], copy(rows[i][3], { remember = 50 })
    it("however it is fed: " .. name, function()
      local whole = flat(check(pieces(text), options))
      assert.are.equal(whole, flat(at_path(text, options)))
      local path = child.write(os.tmpname(), text)
      local handle = assert(io.open(path, "rb"))
      assert.are.equal(whole, flat(check(handle, options)))
      handle:close()
      os.remove(path)
      if #text > 1e6 then
        for _, cut in ipairs { 1, 100, 4 * 1024 * 1024 - 1, 4 * 1024 * 1024 + 100, #text - 1 } do
          assert.are.equal(whole, flat(check(pieces(text:sub(1, cut), text:sub(cut + 1)), options)))
        end
        return
      end
      assert.are.equal(whole, flat(check(bytes_of(text), options)))
      -- All cuts of all texts are in spec/csrc/dataset_test.c; here small ones are cut everywhere.
      local step = math.max(1, math.floor(#text / (SLOW and 5 or 25)))
      for cut = 1, #text, step do
        assert.are.equal(whole, flat(check(pieces(text:sub(1, cut), "", text:sub(cut + 1)), options)), "cut behind byte " .. cut)
      end
    end)
  end
end)

-- ---- a good file with one byte changed ----

local function prompt(i) return ('{"prompt":"Question %d: wie spät?","completion":"Answer %d.\\n"}'):format(i, i) end
local function converse(i)
  return ('{"schemaVersion":"bedrock-conversation-2024","system":[{"text":"Be kind."}],"messages":[{"role":"user","content":'
    .. '[{"text":"Question %d?"}]},{"role":"assistant","content":[{"text":"Answer %d: \\u00e4."}]}]}'):format(i, i)
end
local function messages(i)
  return ('{"system":"Be kind.","messages":[{"role":"user","content":"Question %d?"},{"role":"assistant","content":"🙂 %d"}]}'):format(i, i)
end

local function good_file(record)
  local list = {}
  for i = 1, 12 do list[i] = record(i) .. "\n" end
  return table.concat(list)
end

-- Slow and simple: a line is JSON for an object, or it is not.
local function is_good(line)
  local value = core.json_decode_plain(line)
  return type(value) == "table" and line:find "^%s*{" ~= nil
end

-- Lines that the report speaks of: each with an error, or within a record that goes over several.
local function told(report)
  local lines, stopped = {}, nil
  for _, problem in ipairs(report.problems) do
    assert.are.equal(problem.count > 0, true)
    for _, e in ipairs(problem.examples) do
      if problem.severity == "error" then
        for line = e.line, e.last_line or e.line do lines[line] = true end
      end
      if not report.complete then stopped = e.line end
    end
  end
  return lines, stopped or math.huge
end

describe("check_dataset with one byte changed", function()
  local seed
  local function random(n)
    seed = (seed * 48271) % 2147483647
    return seed % n
  end
  -- Those that mean something are as frequent as all others.
  local TELLING = "\n\r\t\0\"\\{}[],: \239\255x0"

  for _, row in ipairs { { "prompts", prompt, 4711 }, { "Converse", converse, 4712 }, { "Anthropic's messages", messages, 4713 } } do
    it("tells of each line that is broken, and of no other as such: " .. row[1], function()
      local good = good_file(row[2])
      seed = row[3]
      local names = { "json", "cut-off", "multi-line", "line-break-in-string", "several-records", "control-byte", "nul-byte",
        "not-an-object", "blank-line", "trailing-blank-line" }
      local syntax = {}
      for _, rule in ipairs(names) do syntax[rule] = true end
      for _ = 1, SLOW and 15 or 400 do
        local at = random(#good) + 1
        local byte = random(2) == 0 and string.char(random(256)) or TELLING:sub(random(#TELLING) + 1):sub(1, 1)
        local text = good:sub(1, at - 1) .. byte .. good:sub(at + 1)
        local report = check(pieces(text), { remember = 50 })
        local lines, stopped = told(report)
        local context = ("byte %d is now %q"):format(at, byte)
        local list = lines_of(text)
        for i, line in ipairs(list) do
          if i < stopped and not is_good(line.text:gsub("\n$", "")) then assert(lines[i], context .. ": nothing is said of line " .. i) end
        end
        assert.are.equal(report.complete and #text or report.bytes, report.bytes)
        for _, problem in ipairs(report.problems) do
          for _, e in ipairs(problem.examples) do
            local line = assert(list[e.line], context)
            assert(e.offset >= line.from and e.offset <= line.from + #line.text, context .. ": the offset is in another line")
            local there = line.text:sub(1, e.offset - line.from):gsub("[\128-\191]", "")
            assert(line.text:sub(1, 3) == "\239\187\191" or e.column == #there + 1, context .. ": " .. flat(e))
            if syntax[problem.rule] and not e.last_line then
              assert(not is_good(line.text:gsub("\n$", "")), context .. ": line " .. e.line .. " is good JSON")
            end
          end
        end
      end
    end)
  end
end)

-- ---- what the report has ----

describe("check_dataset reports", function()
  local function of(list, options) return check(pieces(table.concat(list, "\n") .. "\n"), options) end
  local function sized(n) return ('{"prompt":"%s","completion":"b"}'):format(("a"):rep(n - 1)) end

  it("how long records are", function()
    local list = {}
    for i = 1, 100 do list[i] = sized(i * 10) end
    local report = of(list)
    local c, t = report.characters, report.tokens
    assert.are.same({ 10, 1000, 50500, 505 }, { c.min, c.max, c.total, c.mean })
    for name, exact in pairs { median = 500, p90 = 900, p95 = 950, p99 = 990 } do
      assert(math.abs(c[name] - exact) <= exact * 0.032, name .. " is " .. c[name])
    end
    assert.are.same({ 3, 250 }, { t.min, t.max })
    assert.are.same({ characters = 50400, tokens = 12600 }, report.input)
    assert.are.same({ characters = 100, tokens = 25 }, report.output)
    assert.are.same({ 100, 100, 0, 100 }, { report.records, report.lines, report.bad_records, report.measured })
  end)

  it("an estimate of tokens by script", function()
    for text, tokens in pairs { [("a"):rep(396)] = 100, [("ж"):rep(198)] = 100, [("好"):rep(99)] = 100, [("🙂"):rep(49)] = 99,
      [([[\u597d]]):rep(99)] = 100, [([[\ud83d\ude42]]):rep(49)] = 99 } do
      local report = of { ('{"prompt":"%s","completion":"bbbb"}'):format(text) }
      assert.are.equal(tokens, report.tokens.total, text)
    end
  end)

  it("training tokens for the epochs: the caller's, or the model's default", function()
    local list = { sized(400) }
    local model = "amazon.titan-text-express-v1"
    local report = of(list, { model = model })
    assert.are.same({ 5, 500 }, { report.epochs, report.training_tokens })
    report = of(list, { model = model, hyperparameters = { epochCount = "3" } })
    assert.are.same({ 3, 300 }, { report.epochs, report.training_tokens })
    assert.is_nil(of(list).training_tokens)
    assert.is_nil(of(list, { model = model, kind = "validation" }).training_tokens)
    for _, none in ipairs { "Auto", "-3", "0", "1e400", "2.5", 0 / 0, 1 / 0, {} } do
      assert.is_nil(of(list, { hyperparameters = { epochCount = none } }).training_tokens, none)
    end
  end)

  it("where the shape comes from", function()
    local report = of { "oops", sized(10), sized(20) }
    assert.are.same({ "prompt-completion", "records", 2 }, { report.shape, report.shape_from, report.shape_line })
    report = of({ sized(10) }, { shape = "prompt-completion" })
    assert.are.same({ "prompt-completion", "option" }, { report.shape, report.shape_from })
    report = of({ sized(10) }, { model = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-lite-v1" })
    assert.are.same({ "prompt-completion", "model", "Amazon Titan Text Lite" }, { report.shape, report.shape_from, report.model })
    report = of({ sized(10) }, { model = "eu.amazon.nova-lite-v1:0" })
    assert.are.same({ "converse", "Amazon Nova Lite" }, { report.shape, report.model })
    report = of({ sized(10) }, { model = "anthropic.claude-3-haiku-20240307-v1:0", shape = "prompt-completion" })
    assert.are.equal(0, #found(report) - 1) -- too few records alone
  end)

  it("no more examples than are wanted, and all in the counts", function()
    local list = {}
    for i = 1, 30 do list[i] = "oops" .. i end
    local report = of(list, { shape = "converse" })
    assert.are.same({ 30, 10 }, { report.problems[1].count, #report.problems[1].examples })
    report = of(list, { shape = "converse", examples = 25 })
    assert.are.same({ 30, 25 }, { report.problems[1].count, #report.problems[1].examples })
    report = of(list, { shape = "converse", examples = 0 })
    assert.are.same({ 30, 0, 30 }, { report.problems[1].count, #report.problems[1].examples, report.bad_records })
  end)

  it("many places of a long line, at once", function()
    if SLOW then return end
    local begin, text = os.clock(), ("x"):rep(3900000) .. ([[\ud800é]]):rep(9000)
    local examples = of({ ('{"prompt":"%s","completion":"b"}'):format(text) }, { examples = 9000 }).problems[1].examples
    assert.are.same({ 9000, 3900012 + 8999 * 7, 3900011 + 8999 * 8 }, { #examples, examples[9000].column, examples[9000].offset })
    assert.is_true(os.clock() - begin < 5)
  end)

  it("whether all duplicates were looked for", function()
    local list = {}
    for i = 1, 100 do list[i] = sized(i + 1) end
    list[101] = list[1]
    local report = of(list, { remember = 200 })
    assert.are.equal(1, report.duplicates.found)
    assert.is_true(report.duplicates.complete)
    report = of(list, { remember = 10 })
    assert.are.equal(1, report.duplicates.found)
    assert.is_false(report.duplicates.complete)
    assert.truthy(tostring(report):find("among the first 32 different records", 1, true))
    report = of(list, { remember = 0 })
    assert.are.same({ found = 0, remembered = 0, complete = false }, report.duplicates)
  end)

  it("where limits are from, but not where the caller gave them", function()
    local list = { sized(30000), sized(20000) }
    local model = "amazon.titan-text-lite-v1"
    local function sources(report)
      local urls = {}
      for _, problem in ipairs(report.problems) do urls[problem.rule] = problem.source and problem.source.url or false end
      return urls
    end
    local url = require("bedrock.tuning.models").sources.prepare.url
    assert.are.same({ ["record-too-long"] = url, ["record-maybe-too-long"] = url }, sources(of(list, { model = model })))
    assert.are.same({ ["record-too-long"] = false, ["record-maybe-too-long"] = false }, sources(of(list, { model = model, limits = { max_tokens = 4999 } })))
    assert.are.same({}, sources(of(list, { model = model, limits = { max_tokens = false } })))
  end)

  it("in text that does nothing to a terminal", function()
    local plain = os.tmpname() -- which makes it
    local path = plain .. "\27[2J\194\155\n\255"
    child.write(path, "\27]0;x\7\194\155\n")
    local report = check(path, { model = "\27[2Jmodel" })
    os.remove(plain)
    os.remove(path)
    assert.are.equal(path, report.path)
    assert.is_nil(tostring(report):gsub("\n", ""):find "[%c\127]")
    assert.is_nil(tostring(report):find("\194\155", 1, true))
  end)

  it("excerpts without what a terminal acts on, nor what XML can't hold", function()
    local report = of { "\226\128\174\226\129\166\216\156\226\128\168\239\187\191\194\133\127\239\191\190\239\191\189é→x" }
    assert.are.equal([[\xE2\x80\xAE\xE2\x81\xA6\xD8\x9C\xE2\x80\xA8\xEF\xBB\xBF\xC2\x85\x7F\xEF\xBF\xBE]] .. "\239\191\189é→x",
      report.problems[1].examples[1].excerpt)
  end)

  it("in text", function()
    local text = tostring(of({ sized(1234567), "oops", sized(9) }, { model = "amazon.titan-text-lite-v1" }))
    assert.is_nil(text:find("\27", 1, true))
    for _, part in ipairs {
      "data: training set for Amazon Titan Text Lite\n  3 records on 3 lines, 1.2 MiB\n  shape: prompt-completion\n\nerrors\n  json  ",
      "\n    line 2, column 1, byte 1234597: a value is expected here: oops\n    -> ", "\n    see https://docs.aws.amazon.com/",
      "\n  per record          min  median        p90        p95        p99        max      total\n"
        .. "  characters            9       9  1,234,567  1,234,567  1,234,567  1,234,567  1,234,576\n",
      "\nverdict: not ready: 2 errors in 2 of 3 records",
    } do
      assert(text:find(part, 1, true), part .. "\nis not in\n" .. text)
    end
    local before = os.setlocale(nil, "numeric")
    for _, name in ipairs { "C", "de_DE.UTF-8", "ps_AF.UTF-8" } do
      if os.setlocale(name, "numeric") then
        text = tostring(of({ sized(1234567) }, { limits = { max_bytes = 2 ^ 20 + 2 ^ 18 } }))
        local less = tostring(of({ sized(1234567) }, { limits = { max_bytes = 2 ^ 20 } }))
        os.setlocale(before, "numeric")
        assert.truthy(text:find("1 line, 1.2 MiB\n", 1, true), text)
        assert.truthy(less:find("the file is too large: 1.177 MiB, at most 1 MiB", 1, true), less)
      end
    end
    local report = of { sized(9) }
    assert.truthy(tostring(report):find "\nverdict: ready$")
    report = of({ "oops" }, { model = "amazon.titan-text-lite-v1", remember = 0 })
    assert.truthy(tostring(report):find("\n\n  duplicates were not looked for\n\nverdict: not ready", 1, true), tostring(report))
    report = of { sized(9) }
    assert.truthy(report:text { colour = true }:find("\27[32mverdict: ready\27[0m", 1, true))
  end)
end)

-- ---- reading ----

describe("check_dataset reads", function()
  it("lines of an iterator that leaves out their line feeds", function()
    local report = check(pieces('{"prompt":"a","completion":"b"}', "oops"), { lines = true })
    assert.are.same({ "json at line 2, byte 32, column 1" }, found(report))
  end)

  it("what has a method `read`", function()
    local next_piece = pieces('{"prompt":"a",', '"completion":"b"}\n')
    assert.is_true(check { read = next_piece }.ok)
  end)

  it("pipes", function()
    local pipe = assert(io.popen [[printf '{"prompt":"a","completion":"b"}\n{"prompt":1}\n']])
    assert.are.equal(2, check(pipe).records)
    pipe:close()
  end)

  -- Sources that never end.
  for name, piece in pairs { ["what is no text"] = "\31\139\n", ["a line without end"] = ("\0"):rep(4 * 1024 * 1024) } do
    it(name .. " no further than it can be checked", function()
      if SLOW and #piece > 10 then return end
      for _, source in ipairs { function() return piece end, { read = function() return piece end } } do
        local report = check(source)
        assert.is_false(report.complete)
        assert.are.same({ 1, 1 }, { report.errors, report.lines })
        assert.truthy(report.bytes <= 256 * 1024 * 1024)
        assert.truthy(tostring(report):find("the rest was not checked", 1, true))
      end
    end)
  end

  it("iterators that yield", function()
    local feed = pieces('{"prompt":"a",', '"completion":"b"}\n')
    local report
    local task = coroutine.wrap(function()
      report = check(function()
        coroutine.yield()
        return feed()
      end)
      return "over"
    end)
    local turns = 1
    while task() ~= "over" do turns = turns + 1 end
    assert.are.equal(4, turns)
    assert.is_true(report.ok)
  end)

  it("and tells how far it is", function()
    local line = '{"prompt":"' .. ("x"):rep(1000) .. '","completion":"b"}\n'
    local path = child.write(os.tmpname(), (line):rep(3000))
    local seen = {}
    local report = check(path, { on_progress = function(progress) seen[#seen + 1] = progress end })
    os.remove(path)
    assert.truthy(#seen >= 2)
    local last = 0
    for _, progress in ipairs(seen) do
      assert.are.equal(report.bytes, progress.total_bytes)
      assert.truthy(progress.bytes > last and progress.bytes <= report.bytes)
      assert.are.equal(progress.bytes, progress.lines * #line)
      assert.are.equal(0, progress.errors)
      last = progress.bytes
    end
  end)

  it("no file that becomes shorter meanwhile as if that were its end", function()
    local path = child.write(os.tmpname(), ('{"prompt":"a","completion":"b"}\n'):rep(40000))
    local report, err = tuning.check_dataset(path, { on_progress = function() child.write(path, "") end })
    os.remove(path)
    assert.is_nil(report)
    assert.are.equal(path .. ": the file became shorter while it was read", err.message)
  end)

  it("in constant memory", function()
    if SLOW then return end
    local status = child.read "/proc/self/status"
    if not status then return end
    -- In a process of its own: 64 MB, all of it different.
    local script = child.write(os.tmpname(), [[
      local line, i = '{"prompt":"' .. ("x"):rep(1000) .. ' %d","completion":"b"}\n', 0
      local report = assert(require("bedrock.tuning").check_dataset(function()
        i = i + 1
        return i <= 64000 and line:format(i) or nil
      end))
      assert(report.ok and report.records == 64000)
      print(io.open("/proc/self/status"):read("*a"):match("VmHWM:%s*(%d+)"))
    ]])
    local pipe = assert(io.popen(child.interpreter() .. " " .. script))
    local peak = tonumber(pipe:read("*a"))
    pipe:close()
    os.remove(script)
    assert(peak, "no result")
    -- AddressSanitizer has memory of its own.
    if not child.interpreter():find "asan" then assert(peak < 20 * 1024, peak .. " KiB") end
  end)

  for _, row in ipairs {
    { "a missing file", "/nowhere/train.jsonl", "/nowhere/train.jsonl: No such file or directory" },
    { "a folder", "/tmp", "/tmp: Is a directory" },
    { "an empty path", "", ": No such file or directory" },
    { "a path with a NUL byte", "/tmp/a\0b", "the path holds a NUL byte" },
    { "a path with control characters", "/no\27]0;where\n", "/no\239\191\189]0;where : No such file or directory" },
    { "a file that can't be read to its end", "/proc/self/mem", "/proc/self/mem: Input/output error" },
    { "an iterator that fails", function() return nil, "cut off" end, "cut off" },
    { "an iterator that fails with an error table", function() return nil, require("bedrock.errors").new { code = "A", message = "b" } end, "A: b" },
    { "a handle that fails", { read = function() return nil, "I/O error\27", 5 end }, "I/O error\239\191\189" },
  } do
    it("and returns an error for " .. row[1], function()
      if row[2] == "/proc/self/mem" and not child.read "/proc/self/status" then return end
      local report, err = tuning.check_dataset(row[2])
      assert.is_nil(report)
      assert.are.equal("FileError", err.code)
      assert.is_false(err.retryable)
      assert.truthy(err.message:find(row[3], 1, true), err.message)
    end)
  end

  local closed = assert(io.open "/dev/null")
  closed:close()
  for _, row in ipairs {
    { nil, nil, "the source must be a path, an open file or an iterator, got nil" },
    { 5, nil, "got number" },
    { closed, nil, "got closed file" },
    { { read = 5 }, nil, "got table" },
    { require("socket").tcp(), nil, "got userdata" },
    { "x", 5, "options must be a table, got number" },
    { "x", { modle = "a" }, 'unknown option "modle" (did you mean "model"?)' },
    { "x", { model = 5 }, "option model must be a string, got 5" },
    { "x", { shape = "convers" }, 'unknown shape "convers" (did you mean "converse"?)' },
    { "x", { kind = "test" }, 'unknown kind "test"' },
    { "x", { examples = -1 }, "option examples must be a whole number, 0 or more, got -1" },
    { "x", { limits = { max_record = 1 } }, 'unknown limit "max_record" (did you mean "max_records"?)' },
    { "x", { limits = { max_records = "1" } }, "limit max_records must be a whole number, 0 or more, got string" },
    { "x", { limits = { caption = { 1 } } }, "limit caption must be { fewest, most } characters" },
    { "x", { limits = { tokens_by_batch = { 1, 4096 } } }, "limit tokens_by_batch must be rows" },
    { function() return 5 end, nil, "must give strings, got a number" },
    { function() return {} end, { lines = true }, "must give strings, got a table" },
  } do
    it("and raises at the caller's line: " .. row[3], function()
      local ok, message = pcall(function()
        local report = tuning.check_dataset(row[1], row[2])
        return report
      end)
      assert.is_false(ok)
      assert.truthy(message:find("dataset_spec.lua:%d+: "), message)
      assert.truthy(message:find(row[3], 1, true), message)
    end)
  end

  it("and leaves the caller's tables as they were", function()
    local options = { model = "amazon.titan-text-express-v1", hyperparameters = { batchSize = 4 }, limits = { max_records = 5 } }
    local before, models = flat(options), flat(require("bedrock.tuning.models").list)
    local report = check(pieces "", options)
    report.limits.tokens_by_batch[1][1] = 99
    assert.are.equal(before, flat(options))
    assert.are.equal(models, flat(require("bedrock.tuning.models").list))
  end)
end)
