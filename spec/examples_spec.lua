-- Every file in examples/ is run as a user would run it, against the emulator's server.

local child = require "spec.support.child"
local process = require "spec.bedrock.emulator.process"

local TAG = { fine_tune = "deleted tone%-", compare_models = "no custom models", test_with_emulator = "tone%-2 is Completed",
  invocation_logging = "invocations are not logged", audit_tags = "usage: audit_tags.lua KEY",
  check_dataset = "^usage: check_dataset.lua FILE" }

describe("the example", function()
  local server

  -- One for each: two runs within a second give their jobs the same name, which the service refuses.
  before_each(function() server = process.start { options = "speed = 36000" } end)
  after_each(function() server.stop() end)

  local function run(name, words, more)
    local file = child.temp_dir() .. "/output"
    os.execute(("%s TUNING_POLL=0.05 %s AWS_ENDPOINT_URL_BEDROCK=%s AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=AKIDEXAMPLE "
      .. "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY AWS_CONFIG_FILE=/dev/null "
      .. "AWS_SHARED_CREDENTIALS_FILE=/dev/null %s examples/%s.lua %s >%s 2>&1"):format(
      "env -u AWS_SESSION_TOKEN -u AWS_PROFILE -u AWS_BEARER_TOKEN_BEDROCK", more or "", server.url,
      child.interpreter(), name, words or "", file))
    return child.read(file)
  end

  local pipe = io.popen "ls examples/*.lua"
  for path in pipe:lines() do
    local name = path:match "([^/]+)%.lua$"
    it(name .. " does what it says", function()
      assert.is_string(TAG[name], "spec/examples_spec.lua does not know what " .. name .. " prints at its end")
      assert.has_match(TAG[name], run(name))
    end)
  end
  pipe:close()

  it("fine_tune keeps the model if it is told to, and compare_models then finds it", function()
    assert.has_match("kept tone%-kept", run("fine_tune", "", "TUNING_KEEP=1 TUNING_NAME=tone-kept"))
    assert.has_match("tagged tone%-kept", run("compare_models", "tone"))
  end)

  it("compare_models deletes the worst, and audit_tags finds and mends what lacks a tag", function()
    for i, epochs in ipairs { 1, 2, 5 } do
      run("fine_tune", "", ("TUNING_KEEP=1 TUNING_NAME=tone-%d TUNING_EPOCHS=%d"):format(i, epochs))
    end
    assert.has_match("tone%-1 +lacks owner.*3 custom models, 3 to look at", run("audit_tags", "team owner"))
    assert.has_match("tone%-1 +tagged owner.*3 custom models, 0 to look at", run("audit_tags", "--set owner=a=b team="))
    assert.has_match("^3 custom models, 0 to look at", run("audit_tags", "team owner"))
    local page = child.temp_dir() .. "/report.html"
    local text = run("compare_models", "tone --keep 2 --report " .. page)
    local html = child.read(page)
    for i = 1, 3 do assert.has_match("tone%-" .. i, html) end
    local best, worst = text:match("made\n(tone%-%d).-\n(tone%-%d)[^\n]*\ntagged")
    assert.has_match("tagged " .. best:gsub("%-", "%%-"), text)
    assert.has_match("\ndeleted " .. worst:gsub("%-", "%%-") .. "\n$", text)
    assert.has_no_match(worst:gsub("%-", "%%-"), run "compare_models")
  end)

  it("fine_tune says why there is no job", function()
    local text = run("fine_tune", "", "TUNING_ROLE_ARN=nonsense")
    assert.has_match('There is no model:%s+ParamValidationError: roleArn: is "nonsense", which is no ARN', text)
    assert.has_match("mend +write the whole of it: arn:aws:iam::ACCOUNT:role/NAME", text)
    -- What only the service can know comes with its likely cause.
    run("fine_tune", "", "TUNING_KEEP=1 TUNING_NAME=tone-kept")
    text = run("fine_tune", "", "TUNING_NAME=tone-kept TUNING_EPOCHS=3")
    assert.has_match("There is no model:%s+JobMismatchError: .*hyperParameters%.epochCount", text)
  end)

  it("fine_tune checks the training file before it creates a job", function()
    local file = child.temp_dir() .. "/train.jsonl"
    local out = io.open(file, "w")
    out:write '{"prompt": "a", "completion": ""}\n'
    out:close()
    local text = run("fine_tune", "", "TUNING_FILE=" .. file)
    assert.has_match("verdict: not ready: 2 errors[^\n]*\n$", text)
    assert.has_no_match("creating", text)
    assert.has_match("FileError: /nowhere: ", run("fine_tune", "", "TUNING_FILE=/nowhere"))
  end)

  it("fine_tune goes on with its job where it was stopped", function()
    local state = child.temp_dir() .. "/state"
    local words = "TUNING_KEEP=1 TUNING_NAME=tone-kept TUNING_STATE=" .. state
    local first = run("fine_tune", "", words)
    local second = run("fine_tune", "", words)
    assert.has_match("tone%-kept: created\n", first)
    assert.has_match("tone%-kept: resumed", second)
    assert.equal(first:match "job/%S+", second:match "job/%S+")
  end)

  it("invocation_logging sets and removes", function()
    assert.has_match("before: invocations are not logged\n.*logged to s3://logs/here\nverified", run("invocation_logging", "logs here"))
    assert.has_match("before: invocations are logged to s3://logs/here\n.*not logged", run("invocation_logging", "off"))
  end)
end)

describe("the example check_dataset", function()
  local dir
  before_each(function() dir = child.temp_dir() end)
  after_each(function() os.execute("rm -rf " .. child.quote(dir)) end)

  local function record(n) return ('{"prompt":"Question %d?","completion":"Answer <%d> & more."}\n'):format(n, n) end
  local function records(n)
    local list = {}
    for i = 1, n do list[i] = record(i) end
    return table.concat(list)
  end
  local function file(name, text) return child.quote(child.write(dir .. "/" .. name, text)) end

  -- Its exit status, and what it says on each stream.
  local function run(...)
    os.execute(("%s examples/check_dataset.lua %s >%s/out 2>%s/err; echo $? >%s/status"):format(child.interpreter(),
      table.concat({ ... }, " "), dir, dir, dir))
    return tonumber(child.read(dir .. "/status")), child.read(dir .. "/out"), child.read(dir .. "/err")
  end

  it("tells by its status whether a file is ready", function()
    local good = file("good", records(3))
    local status, out, err = run(good)
    assert.are.same({ 0, "" }, { status, err })
    assert.has_match("^[^\n]*/good: training set\n.*\nverdict: ready\n$", out)

    local bad = file("bad", record(1) .. "oops\n" .. record(2) .. '{"prompt":"a"}\n')
    status, out, err = run(bad, "--epochs", "4")
    assert.are.same({ 1, "" }, { status, err })
    assert.has_match("\n    line 2, column 1, byte 59: a value is expected here: oops\n", out)
    assert.has_match('\n    line 4, column 1, byte 123: "completion" is missing', out)
    assert.has_match("training tokens: about %d+ %(4 epochs", out)
    assert.has_match("\nverdict: not ready: 2 errors in 2 of 4 records\n$", out)
  end)

  it("lets warnings count as errors if it is told to", function()
    local twice = file("twice", record(1) .. record(1))
    assert.are.equal(0, (run(twice)))
    assert.are.equal(1, (run(twice, "--strict")))
  end)

  it("checks the validation file, too, and both sets together", function()
    local llama = "--model meta.llama3-1-8b-instruct-v1:0:128k"
    local train, more = file("train", records(90)), file("more", records(10))
    local status, out = run(train, llama, "--validation", more, "--strict")
    assert.are.equal(0, status)
    assert.has_match("more: validation set for Meta Llama 3.1\n.*train: training set for Meta Llama 3.1\n", out)
    status, out = run(train, llama, "--validation", file("fewer", records(9)))
    assert.are.equal(1, status)
    assert.has_match("too few records: 99, at least 100 for training and validation", out)
    assert.are.equal(1, (run(train, "--validation", file("bad", "oops\n"))))
  end)

  for words, message in pairs { [""] = "^usage: ", ["a b"] = "not know what to do with b\n$", ["a --modle x"] = "to do with %-%-modle\n$",
    ["a --model"] = "^%-%-model needs a value\n$", ["/none"] = "^FileError: /none: No such file or directory\n$",
    ["/dev/null --validation /none"] = "^FileError: /none: " } do
    it("ends with status 2 where nothing can be checked: " .. words, function()
      local status, out, err = run(words)
      assert.are.same({ 2, "" }, { status, out })
      assert.has_match(message, err)
    end)
  end

  it("keeps what it has found where the report for JUnit can't be written", function()
    for _, path in ipairs { dir, "/none/junit.xml", "/dev/full" } do
      local status, out, err = run(file("bad", "oops\n"), "--junit", path)
      assert.are.equal(2, status)
      assert.has_match("\nverdict: not ready", out)
      assert.has_match("^" .. path:gsub("%p", "%%%0") .. " can't be written: [^\n]+\n$", err)
    end
  end)

  it("writes a report for JUnit, well-formed whatever is in the files and their names", function()
    local junit = dir .. "/junit.xml"
    local nasty = record(1) .. record(1) .. "<\1\27&\255\239\191\190]]>\"'\n" .. '{"prompt":"a","completion":"b","<&>":1}\n'
    assert.are.equal(1, (run(file("<n&\"\27\255é\n>", nasty), "--validation", file("v", records(2)), "--junit", junit)))
    local xml = child.read(junit)
    assert.has_match('<testsuites>\n  <testsuite name="[^"]*/v" tests="1" failures="0">', xml)
    assert.has_match('  <testsuite name="[^"]*/&lt;n&amp;&quot;%%1B%%FF%%C3%%A9%%0A&gt;" tests="4" failures="2">', xml)
    assert.has_match('name="4 records"/>\n', xml)
    assert.has_match('name="json"><failure message="a line that is not valid JSON">[^<]*\nline 3, column 1, byte 118: ', xml)
    assert.has_match('name="duplicate%-record"><system%-out>[^<]*\nline 2, column 1, byte 59: the same as line 1</system%-out>', xml)
    -- What XML allows, by hand: every tag closed, no stray & or <, no control characters, UTF-8.
    local open, rest = {}, xml:gsub("^<%?xml [^?]*%?>\n", "")
    assert.is_nil(rest:find "[%z\1-\9\11-\31\127]")
    assert.is_nil(rest:find("\239\191\190", 1, true))
    for text, slash, name, attributes, empty in rest:gmatch "([^<]*)<(/?)([%w-]+)([^<>]-)(/?)>" do
      assert.is_nil((text .. attributes):gsub("&%l+;", ""):find "&")
      assert.equal("", (attributes:gsub(' [%w]+="[^"]*"', "")))
      if slash == "/" then
        assert.equal(table.remove(open), name)
      elseif empty == "" then
        open[#open + 1] = name
      end
    end
    assert.are.same({}, open)
    local python = 'python3 -c "import sys, xml.etree.ElementTree as t; print(t.parse(sys.argv[1]).getroot().tag)" '
    if child.lines_of("command -v python3")[1] then assert.are.same({ "testsuites" }, child.lines_of(python .. child.quote(junit))) end
  end)
end)
