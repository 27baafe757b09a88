local browsers = require "spec.support.browser"
local child = require "spec.support.child"
local everywhere = require "spec.support.everywhere"
local tuning = require "bedrock.tuning"

local T = 1795420800 -- 2026-11-23 08:00 UTC
local HOSTILE = "</style><script>alert('1')</script>\"'&<b>\0\27[31m\255\194\133\226\128\174"

local function details(...)
  local stages = {}
  for i, name in ipairs { "validationDetails", "dataProcessingDetails", "trainingDetails" } do
    local stage = (select(i, ...))
    stages[name] = stage and { status = stage[1], creationTime = stage[2] and T + stage[2], lastModifiedTime = stage[3] and T + stage[3] }
  end
  return stages
end

local function job(name, more)
  local fields = {
    jobArn = "arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.nova-lite-v1:0:300k/" .. name, jobName = name,
    outputModelName = name .. "-model", roleArn = "arn:aws:iam::111122223333:role/Tuning", status = "Completed",
    creationTime = T, lastModifiedTime = T + 3600, endTime = T + 3600,
    baseModelArn = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0:300k", customizationType = "FINE_TUNING",
    hyperParameters = { epochCount = "2", learningRate = "1.0E-5" }, trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" },
    validationDataConfig = { validators = { { s3Uri = "s3://corpus/validation.jsonl" } } }, outputDataConfig = { s3Uri = "s3://corpus/out/" },
    statusDetails = details({ "Completed", 0, 180 }, { "Completed", 200, 600 }, { "Completed", 650, 3600 }),
  }
  for key, value in pairs(more or {}) do fields[key] = value end
  return fields
end

local function with_metrics(fields)
  fields.metrics = assert(tuning.metrics(fields, {
    training = "step_number,training_loss\n0,2\n1,1.5\n2,NaN\n3,1\n", validation = "step_number,validation_loss\n0,2\n3,1.25\n",
  }))
  return fields
end

local function two_jobs()
  return {
    with_metrics(job("tone-1", { trainingMetrics = { trainingLoss = 1 }, validationMetrics = { { validationLoss = 1.25 }, { validationLoss = 1.75 } },
      tags = { { key = "team", value = "support" } } })),
    job("tone-2", { status = "Failed", endTime = T + 200, failureMessage = "Could not assume provided IAM role",
      hyperParameters = { epochCount = "3", learningRate = "0.00001" },
      statusDetails = details({ "Failed", 0, 200 }, { "NotStarted" }, { "NotStarted" }) }),
  }
end

-- The page without its style, a line for each element that stands apart.
local function body_of(html)
  local body = html:match "<body>\n(.*)</body>"
  for _, tag in ipairs { "header", "section", "table", "thead", "tbody", "tr", "th", "td", "figure", "ul", "li", "div", "svg", "g", "dl", "dt", "article", "p",
    "path", "circle", "text", "line", "rect", "title", "desc", "span", "figcaption" } do
    body = body:gsub("([^\n])<" .. tag .. "([ >/])", "%1\n<" .. tag .. "%2")
  end
  body = body:gsub(" \n", "\n ")
  return body
end

-- Every element is closed in its order. Gives the texts between the tags.
local function texts_of(html)
  local open, texts = {}, {}
  local void = { meta = true, link = true, br = true }
  for text, slash, name, attributes in html:gsub("^<!DOCTYPE html>", ""):gmatch "([^<]*)<(/?)(%w+)([^<>]*)>" do
    if text:find "%S" then texts[#texts + 1] = text end
    assert(not text:find ">", text)
    if slash == "/" then
      assert.are.equal(open[#open], name)
      open[#open] = nil
    elseif not void[name] and not attributes:find "/$" then
      open[#open + 1] = name
    end
    local rest = attributes:gsub('%s[%w:%-]+="[^"]*"', "")
    assert.truthy(rest:find "^/?$" or rest == "", rest)
  end
  assert.are.equal(0, #open)
  return table.concat(texts, "\n")
end

local GOLDEN = [[
<header><h1>Tone &amp; style</h1>
<p class="soft">2 jobs, as of 2026-11-23 10:00 UTC</p></header>
<main>
<section><h2>Jobs</h2>
<table role="table" class="jobs">
<thead role="rowgroup">
<tr role="row">
<th role="columnheader" scope="col">Job</th>
<th role="columnheader" scope="col">Training loss</th>
<th role="columnheader" scope="col">Validation loss</th>
<th role="columnheader" scope="col">Time</th></tr></thead>
<tbody role="rowgroup">
<tr role="row">
<th role="rowheader" scope="row">
<div class="who">
<span class="badge c1">A</span>
<span><span class="name">tone-1</span>
<span class="soft">
<span class="status Completed">completed</span> · amazon.nova-lite-v1:0:300k</span></span></div></th>
<td role="cell" data-label="Training loss">
<span class="value">1.0000</span>
<svg class="bar" aria-hidden="true" width="100%" height="8">
<rect class="track" width="100%" height="8" rx="2"/>
<rect class="c1" width="66.67%" height="8" rx="2"/></svg></td>
<td role="cell" data-label="Validation loss">
<span class="value">1.5000</span>
 <span class="note">mean of 2 sets</span>
<svg class="bar" aria-hidden="true" width="100%" height="8">
<rect class="track" width="100%" height="8" rx="2"/>
<rect class="c1" width="100%" height="8" rx="2"/></svg></td>
<td role="cell" data-label="Time">1 h</td></tr>
<tr role="row">
<th role="rowheader" scope="row">
<div class="who">
<span class="badge c2">B</span>
<span><span class="name">tone-2</span>
<span class="soft">
<span class="status Failed">failed</span> · amazon.nova-lite-v1:0:300k</span></span></div></th>
<td role="cell" data-label="Training loss">
<span class="soft">none</span></td>
<td role="cell" data-label="Validation loss">
<span class="soft">none</span></td>
<td role="cell" data-label="Time">3 min 20 s</td></tr></tbody></table></section>
<section><h2>Loss by step</h2>
<figure>
<ul class="legend">
<li>
<span class="badge c1">A</span>tone-1</li>
<li class="soft">
<svg class="key" width="28" height="10" aria-hidden="true">
<line x1="0" x2="28" y1="5" y2="5"/></svg>training</li>
<li class="soft">
<svg class="key" width="28" height="10" aria-hidden="true">
<line class="dashed" x1="0" x2="28" y1="5" y2="5"/></svg>validation</li></ul>
<div class="plot">
<svg class="lines" role="img" aria-labelledby="losses-t losses-d" height="300" width="100%">
<title id="losses-t">Loss by step</title>
<desc id="losses-d">tone-1, training loss: from 2.0000 at step 0 to 1.0000 at step 3. tone-1, validation loss: from 2.0000 at step 0 to 1.2500 at step 3.</desc>
<line class="grid" x1="0" x2="100%" y1="100%" y2="100%"/>
<text x="-8" y="100%" dy=".35em" text-anchor="end">1.0</text>
<line class="grid" x1="0" x2="100%" y1="80%" y2="80%"/>
<text x="-8" y="80%" dy=".35em" text-anchor="end">1.2</text>
<line class="grid" x1="0" x2="100%" y1="60%" y2="60%"/>
<text x="-8" y="60%" dy=".35em" text-anchor="end">1.4</text>
<line class="grid" x1="0" x2="100%" y1="40%" y2="40%"/>
<text x="-8" y="40%" dy=".35em" text-anchor="end">1.6</text>
<line class="grid" x1="0" x2="100%" y1="20%" y2="20%"/>
<text x="-8" y="20%" dy=".35em" text-anchor="end">1.8</text>
<line class="grid" x1="0" x2="100%" y1="0%" y2="0%"/>
<text x="-8" y="0%" dy=".35em" text-anchor="end">2.0</text>
<line class="tick" x1="0%" x2="0%" y1="100%" y2="100%"/>
<text x="0%" y="100%" dy="1.6em" text-anchor="middle">0</text>
<line class="tick" x1="33.33%" x2="33.33%" y1="100%" y2="100%"/>
<text x="33.33%" y="100%" dy="1.6em" text-anchor="middle">1</text>
<line class="tick" x1="66.67%" x2="66.67%" y1="100%" y2="100%"/>
<text x="66.67%" y="100%" dy="1.6em" text-anchor="middle">2</text>
<line class="tick" x1="100%" x2="100%" y1="100%" y2="100%"/>
<text x="100%" y="100%" dy="1.6em" text-anchor="middle">3</text>
<line class="base" x1="0" x2="100%" y1="100%" y2="100%"/>
<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" width="100%" height="300">
<path class="c1" d="M0 0L333.3 500 1000 1000">
<title>tone-1, training loss</title></path>
<path class="c1 dashed" d="M0 0L1000 750">
<title>tone-1, validation loss</title></path></svg>
<circle class="c1" cx="0%" cy="0%" r="3">
<title>tone-1, training loss: 2.0000 at step 0</title></circle>
<circle class="c1" cx="33.33%" cy="50%" r="3">
<title>tone-1, training loss: 1.5000 at step 1</title></circle>
<circle class="c1" cx="100%" cy="100%" r="3">
<title>tone-1, training loss: 1.0000 at step 3</title></circle>
<circle class="c1 hollow" cx="0%" cy="0%" r="3">
<title>tone-1, validation loss: 2.0000 at step 0</title></circle>
<circle class="c1 hollow" cx="100%" cy="75%" r="3">
<title>tone-1, validation loss: 1.2500 at step 3</title></circle>
<text class="mark c1" x="100%" y="295" dx="8" dy=".35em" aria-hidden="true">A</text></svg></div></figure></section>
<section><h2>Time by stage</h2>
<table role="table" class="times">
<thead role="rowgroup">
<tr role="row">
<th role="columnheader" scope="col">Job</th>
<th role="columnheader" scope="col">Since it was created; the whole width is 1 h</th></tr></thead>
<tbody role="rowgroup">
<tr role="row">
<th role="rowheader" scope="row">
<div class="who">
<span class="badge c1">A</span>
<span class="name">tone-1</span></div></th>
<td role="cell">
<svg class="spans" role="img" width="100%" height="14">
<title>tone-1: validation 3 min; data processing 6 min 40 s; training 49 min 10 s</title>
<rect class="track" y="5" width="100%" height="4" rx="2"/>
<rect class="validation" x="0%" width="5%" height="14" rx="2">
<title>validation 3 min</title></rect>
<rect class="dataProcessing" x="5.56%" width="11.11%" height="14" rx="2">
<title>data processing 6 min 40 s</title></rect>
<rect class="training" x="18.06%" width="81.94%" height="14" rx="2">
<title>training 49 min 10 s</title></rect></svg>
<ul class="stages">
<li>
<span class="dot validation"></span>validation 3 min</li>
<li>
<span class="dot dataProcessing"></span>data processing 6 min 40 s</li>
<li>
<span class="dot training"></span>training 49 min 10 s</li></ul></td></tr>
<tr role="row">
<th role="rowheader" scope="row">
<div class="who">
<span class="badge c2">B</span>
<span class="name">tone-2</span></div></th>
<td role="cell">
<svg class="spans" role="img" width="100%" height="14">
<title>tone-2: validation 3 min 20 s, failed</title>
<rect class="track" y="5" width="100%" height="4" rx="2"/>
<rect class="validation" x="0%" width="5.56%" height="14" rx="2">
<title>validation 3 min 20 s, failed</title></rect></svg>
<ul class="stages">
<li>
<span class="dot validation"></span>validation 3 min 20 s, failed</li>
<li class="soft">data processing not started</li>
<li class="soft">training not started</li></ul></td></tr></tbody></table></section>
<section><h2 id="settings">Settings</h2>
<p class="soft">Settings that differ are marked.</p>
<div class="scroll" role="region" tabindex="0" aria-labelledby="settings">
<table class="settings">
<thead>
<tr>
<td></td>
<th scope="col">
<div class="who">
<span class="badge c1">A</span>
<span class="name">tone-1</span></div></th>
<th scope="col">
<div class="who">
<span class="badge c2">B</span>
<span class="name">tone-2</span></div></th></tr></thead>
<tbody>
<tr>
<th scope="row">Base model</th>
<td>amazon.nova-lite-v1:0:300k</td>
<td>amazon.nova-lite-v1:0:300k</td></tr>
<tr>
<th scope="row">Kind</th>
<td>FINE_TUNING</td>
<td>FINE_TUNING</td></tr>
<tr>
<th scope="row">Training data</th>
<td>s3://corpus/train.jsonl</td>
<td>s3://corpus/train.jsonl</td></tr>
<tr>
<th scope="row">Validation data</th>
<td>s3://corpus/validation.jsonl</td>
<td>s3://corpus/validation.jsonl</td></tr>
<tr class="differs">
<th scope="row"><code>epochCount</code>
 <span class="note">differs</span></th>
<td>2</td>
<td>3</td></tr>
<tr>
<th scope="row"><code>learningRate</code></th>
<td>1.0E-5</td>
<td>0.00001</td></tr></tbody></table></div></section>
<section><h2>Details</h2>
<div class="details">
<article><h3 class="who">
<span class="badge c1">A</span>
<span class="name">tone-1</span></h3>
<dl>
<dt>Created</dt><dd>2026-11-23 08:00 UTC</dd>
<dt>Ended</dt><dd>2026-11-23 09:00 UTC</dd>
<dt>Custom model</dt><dd>tone-1-model</dd>
<dt>Job</dt><dd>arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.nova-lite-v1:0:300k/tone-1</dd>
<dt>Role</dt><dd>arn:aws:iam::111122223333:role/Tuning</dd>
<dt>Output</dt><dd>s3://corpus/out/</dd>
<dt>Training loss</dt><dd>last 1.0000 at step 3, lowest 1.0000 at step 3; not a finite number at 1 of 4 steps, first at step 2</dd>
<dt>Validation loss</dt><dd>last 1.2500 at step 3, lowest 1.2500 at step 3</dd>
<dt>By set</dt><dd>set 1: 1.2500, set 2: 1.7500</dd>
<dt>Tags</dt><dd>
<ul class="tags">
<li>team = support</li></ul></dd></dl></article>
<article><h3 class="who">
<span class="badge c2">B</span>
<span class="name">tone-2</span></h3>
<p class="failure"><b>Failed</b> Could not assume provided IAM role</p>
<dl>
<dt>Created</dt><dd>2026-11-23 08:00 UTC</dd>
<dt>Ended</dt><dd>2026-11-23 08:03 UTC</dd>
<dt>Custom model</dt><dd>tone-2-model</dd>
<dt>Job</dt><dd>arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.nova-lite-v1:0:300k/tone-2</dd>
<dt>Role</dt><dd>arn:aws:iam::111122223333:role/Tuning</dd>
<dt>Output</dt><dd>s3://corpus/out/</dd></dl></article></div></section>
</main>
]]

describe("tuning.report", function()
  it("is this page", function()
    assert.are.equal(GOLDEN, body_of(tuning.report { jobs = two_jobs(), title = "Tone & style", time = T + 7200 }))
  end)

  it("needs nothing from elsewhere, and no script", function()
    local html = tuning.report { jobs = two_jobs() }
    for _, text in ipairs { "<script", "http:", "https:", "src=", "url(", "@import", "<link", "<img", "javascript:" } do
      assert.is_nil(html:find(text, 1, true), text)
    end
    assert.truthy(html:find("default-src 'none'", 1, true))
    assert.are.equal("<!DOCTYPE html>", html:match "^[^\n]*")
  end)

  it("escapes every text", function()
    local function hostile(value)
      if type(value) == "string" then return HOSTILE end
      if type(value) ~= "table" then return value end
      local copy = {}
      for key, member in pairs(value) do copy[key] = hostile(member) end
      return copy
    end
    local fields = hostile(job("x", { failureMessage = "x", tags = { { key = "x", value = "y" } }, outputModelArn = "x" }))
    fields.hyperParameters[HOSTILE] = HOSTILE
    with_metrics(fields)
    local html = tuning.report { jobs = { fields, job("ok"), hostile(job "y") }, title = HOSTILE }
    local texts = texts_of((html:gsub("<style>.-</style>", "<style></style>", 1)))
    assert.is_nil(html:find "[%z\1-\9\11-\31\127]")
    assert.is_nil(html:find("<script", 1, true))
    assert.is_nil(html:find("\226\128\174", 1, true))
    local clean = "&lt;/style&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&#39;&amp;&lt;b&gt;\239\191\189\239\191\189[31m"
      .. ("\239\191\189"):rep(3)
    assert.truthy(select(2, texts:gsub(clean:gsub("%p", "%%%0"), "")) > 20)
  end)

  it("marks settings that differ, comparing numbers as numbers", function()
    local html = tuning.report { jobs = { job("a"), job("b", { hyperParameters = { epochCount = "2.0", learningRate = "0.00002", batchSize = "1" } }) } }
    local marked = {}
    for row in html:match('<table class="settings">(.-)</table>'):gmatch '<tr class="differs"><th scope="row">(.-)</th>' do
      marked[#marked + 1] = row
    end
    assert.are.same({ '<code>batchSize</code> <span class="note">differs</span>', '<code>learningRate</code> <span class="note">differs</span>' }, marked)
    assert.is_nil(html:find("say little about each other", 1, true))
    html = tuning.report { jobs = { job("a"), job("b", { trainingDataConfig = { s3Uri = "s3://corpus/other.jsonl" } }) } }
    assert.truthy(html:find("Losses of different base models, or on different data, say little about each other.", 1, true))
    assert.truthy(tuning.report { jobs = { job "a", job "b" } }:find("No setting differs.", 1, true))
    assert.is_nil(tuning.report { jobs = { job "a" } }:find("differs", 1, true) and tuning.report { jobs = { job "a" } }:find('class="differs"', 1, true))
  end)

  it("takes losses from the job, else from its metrics", function()
    for _, row in ipairs {
      { { trainingMetrics = { trainingLoss = 0.5 }, metrics = { training_loss = 0.6, validation_losses = {} } }, "0.5000" },
      { { metrics = { training_loss = 0.6, validation_losses = { 0.7 } } }, "0.6000" },
      { { metrics = { training = { steps = { 1, 2 }, losses = { 3, 0.25 }, last = { step = 2, loss = 0.25 } } } },
        "0.2500" },
      { {}, "none" },
    } do
      local html = tuning.report { jobs = { job("a", row[1]) } }
      assert.are.equal(row[2], html:match 'data%-label="Training loss"><span class="%w+">([^<]*)<')
    end
  end)

  it("takes jobs of which little is known, and odd values", function()
    for i, jobs in ipairs {
      {}, { {} }, { {}, {} }, { { jobName = "x", status = "InProgress", creationTime = "yesterday", statusDetails = "none" } },
      { job("x", { creationTime = 1e300, endTime = -5, hyperParameters = { a = 1, b = true }, trainingMetrics = { trainingLoss = 0 / 0 },
        validationMetrics = { { validationLoss = 1 / 0 } } }) },
      { job("x", { metrics = { training = { steps = { 1, 2, 0 / 0 }, losses = { 1e308, 0 / 0, 1 } } } }) },
      { job("x", { metrics = { training = { steps = { 7 }, losses = { 0 } } } }) },
      { job("x", { status = "InProgress", endTime = false, statusDetails = details({ "Completed", 0, 60 }, { "InProgress", 90, 91 }) }) },
    } do
      local html = tuning.report { jobs = jobs, time = T + 300 }
      texts_of((html:gsub("<style>.-</style>", "<style></style>", 1)))
      assert.is_nil(html:find "[^%a]nan[^%a]", "case " .. i)
      assert.is_nil(html:find "[^%a]inf[^%a]", "case " .. i)
    end
    local many = {}
    for i = 1, 60 do many[i] = with_metrics(job("job-" .. i)) end
    local html = tuning.report { jobs = many }
    assert.truthy(html:find('<span class="badge c4">BH</span>', 1, true))
    texts_of((html:gsub("<style>.-</style>", "<style></style>", 1)))
  end)

  it("is made of jobs with values that do not belong there, or says which they are", function()
    local values = os.getenv "BEDROCK_SLOW" and { false } or { 1, "x", false, { 1 }, 0 / 0 }
    local made, refused = 0, 0
    everywhere(two_jobs, values, function(jobs)
      local ok, err = pcall(function()
        assert(type(tuning.report { jobs = jobs, time = T }) == "string")
        for _, one in ipairs(jobs) do
          local hear = tuning.progress { terminal = false, environment = {}, output = { write = function() end } }
          hear(one)
          tuning.metrics(one)
        end
      end)
      if ok then
        made = made + 1
      else
        refused = refused + 1
        assert(err:find "job %d of report", err)
      end
    end)
    assert.is_true(made > 2 * refused and refused > 10)
  end)

  it("keeps what it is given as it was", function()
    local jobs = two_jobs()
    tuning.report { jobs = jobs }
    assert.are.same(two_jobs(), jobs)
  end)

  it("raises for misuse at the caller's line", function()
    for message, options in pairs {
      ["report takes a table with jobs, got string"] = "x",
      ["report needs jobs, a list"] = { title = "x" },
      ['unknown option "job" to report (did you mean "jobs"?)'] = { job = {} },
      ["job 2 of report must be a table, got string"] = { jobs = { {}, "x" } },
      ["metrics of job 1 of report must be a table, got number"] = { jobs = { { metrics = 1 } } },
      ["metrics of job 1 of report: validation must be a table with steps and losses"] = { jobs = { { metrics = { validation = { 1 } } } } },
      ["option path of report must be a string, got boolean"] = { jobs = {}, path = true },
    } do
      local ok, err = pcall(function() return (tuning.report(options)) end)
      assert.is_false(ok)
      assert.are.equal(message, err:match "^spec/bedrock/tuning/report_spec%.lua:%d+: (.*)$" or err)
    end
  end)

  describe("with a path", function()
    local dir
    before_each(function() dir = child.temp_dir() end)
    after_each(function() os.execute("rm -rf " .. child.quote(dir)) end)

    local function listing()
      local pipe = assert(io.popen("ls -A " .. child.quote(dir)))
      local text = pipe:read "*a"
      pipe:close()
      return text
    end

    it("writes the file", function()
      local path = child.write(dir .. "/report.html", "old")
      assert.is_true(tuning.report { jobs = two_jobs(), path = path, time = T })
      assert.are.equal(tuning.report { jobs = two_jobs(), time = T }, child.read(path))
      assert.are.equal("report.html\n", listing())
    end)

    it("says what stands in the way, and leaves nothing", function()
      child.write(dir .. "/file", "x")
      for path, reason in pairs { ["/none/report.html"] = "No such file or directory", [""] = "Is a directory",
        ["/file/report.html"] = "Not a directory" } do
        local ok, err = tuning.report { jobs = {}, path = dir .. path }
        assert.is_nil(ok)
        assert.are.equal("FileError", err.code)
        assert.are.equal(("the report can't be written: %s%s: %s"):format(dir, path, reason), err.message)
      end
      local _, err = tuning.report { jobs = {}, path = dir .. "/a\0b" }
      assert.are.equal("the report can't be written: the path holds a NUL byte", err.message)
      assert.are.equal("file\n", listing())
    end)

    it("keeps the old file where there is no room", function()
      local path = child.write(dir .. "/report.html", "old")
      local script = child.write(dir .. "/main.lua", [[
        local ok, err = require("bedrock.tuning").report { jobs = { { jobName = ("x"):rep(100000) } }, path = arg[1] }
        local file = io.open(arg[2], "w")
        file:write(tostring(ok), " ", tostring(err))
        file:close()
      ]])
      os.execute(("trap '' XFSZ; ulimit -f 100; exec %s %s %s %s"):format(child.quote(child.interpreter()), child.quote(script),
        child.quote(path), child.quote(dir .. "/said")))
      assert.are.equal(("nil FileError: the report can't be written: %s: File too large"):format(path), child.read(dir .. "/said"))
      assert.are.equal("old", child.read(path))
      assert.are.equal("main.lua\nreport.html\nsaid\n", listing())
    end)

    -- A browser of its own time, which valgrind and sanitizers see nothing of.
    if not os.getenv "BEDROCK_SLOW" then
      it("reads well in a real browser at 1280 and 390 pixels, light and dark", function()
        if not browsers.program() then return pending "no Chromium is installed" end
        local many = {}
        for i = 1, 20 do many[i] = with_metrics(job("tone-with-a-rather-long-name-that-nobody-can-break-" .. i, { creationTime = T - i * 100 })) end
        assert(tuning.report { jobs = two_jobs(), path = dir .. "/two.html", time = T + 7200 })
        assert(tuning.report { jobs = many, path = dir .. "/many.html", title = ("W"):rep(100), time = T + 7200 })
        assert(tuning.report { jobs = { job(HOSTILE, { failureMessage = HOSTILE .. ("x"):rep(500) }) }, path = dir .. "/hostile.html", title = HOSTILE })
        assert(tuning.report { jobs = {}, path = dir .. "/none.html" })
        local pipe = assert(io.popen(("timeout 120 %s spec/bedrock/tuning/report_page.lua %s/two.html %s/many.html %s/hostile.html %s/none.html 2>&1")
          :format(child.quote(child.interpreter()), dir, dir, dir, dir)))
        local said = pipe:read "*a"
        pipe:close()
        assert.are.equal("looked\n", said)
      end)
    end
  end)
end)
