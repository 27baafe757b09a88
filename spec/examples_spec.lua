-- Every file in examples/ is run as a user would run it, against the emulator's server.

local child = require "spec.support.child"
local process = require "spec.bedrock.emulator.process"

local TAG = { fine_tune = "deleted tone%-", compare_models = "no custom models", test_with_emulator = "tone%-2 is Completed",
  invocation_logging = "invocations are not logged", audit_tags = "usage: audit_tags.lua KEY" }

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
