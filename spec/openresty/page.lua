-- The page of examples/openresty in a real browser, while its jobs run.
--
--   timeout 120 lua5.4 spec/openresty/page.lua URL FOLDER     FOLDER: for screenshots
--
-- Prints a line "ok - ..." or "not ok - ..." for each thing that it looked at.

local cjson = require "cjson"
local http = require "socket.http"
local browsers = require "spec.support.browser"

local url, folder = arg[1], arg[2]

local function check(ok, name, detail)
  print((ok and "ok - " or "not ok - ") .. name)
  if not ok and detail ~= nil then print("# " .. (type(detail) == "string" and detail or cjson.encode(detail)):gsub("\n", "\n# ")) end
end

local function fetch(path)
  return cjson.decode((assert(http.request(url .. path))))
end

-- What the page shows of a job.
local function item(name, selector)
  return ("document.querySelector('[data-job=%s]%s')"):format(cjson.encode(name):gsub('"', '\\"'):gsub('\\"', '"'), selector or "")
end
local function text(name, selector) return item(name, selector) .. "?.textContent" end

local browser = browsers.start()

local function look(name, how)
  browser.show(how)
  browser.value "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
  local over, faint = browser.sticking_out(), browser.faint_texts()
  check(#over == 0, "nothing sticks out, " .. name, over)
  check(#faint == 0, "every text stands out from what is behind it, " .. name, faint)
  browser.screenshot(folder .. "/" .. name .. ".png")
end

local ok, err = pcall(function()
  browser.show { width = 1280, height = 800 }
  browser.open(url .. "/")
  check(browser.wait_for("document.getElementById('link').textContent == 'live'", 5), "the stream is live")
  check(browser.wait_for(text("tone-2", " .status") .. " == 'In progress'", 5), "a running job is shown as in progress")

  local elapsed = browser.value(text("tone-2", " .elapsed"))
  check(elapsed and elapsed:find "^%d+ s$", "its elapsed time is shown", elapsed)
  check(browser.wait_for(("%s != '%s'"):format(text("tone-2", " .elapsed"), elapsed), 3), "and goes on")
  local stages = browser.wait_for(("%s?.className == 'Completed' && %s?.className == 'InProgress' && [...document.querySelectorAll("
    .. "'[data-job=\"tone-2\"] .stages li')].map(e => e.textContent)"):format(item("tone-2", " li:nth-child(1)"), item("tone-2", " li:nth-child(3)")), 40)
  check(stages and stages[1] == "validation of datacompleted" and stages[3] == "trainingin progress",
    "stages go on: the first is completed, training is in progress", stages)
  check(browser.value(text("tone-2", " .facts")):find("2 of 3 stages done", 1, true), "it says how many stages are done",
    browser.value(text("tone-2", " .facts")))
  look("running-1280-light", { width = 1280, height = 800 })
  look("running-390-dark", { width = 390, height = 800, dark = true })

  check(browser.wait_for(text("tone-1", " .status") .. " == 'Completed'", 60), "the first job completes before the page's eyes")
  check(browser.wait_for(text("tone-2", " .status") .. " == 'Completed'", 60), "and so does the second")
  check(browser.value "document.getElementById('spoken').textContent":find "completed", "a screen reader hears of it")

  -- The chart, against what the service's API says.
  local points = browser.value [[[...document.querySelectorAll("#chart [data-loss]")].map(e => {
    const box = e.getBoundingClientRect();
    return { kind: e.getAttribute("class"), job: e.dataset.job, loss: Number(e.dataset.loss), x: box.x + box.width / 2, y: box.y + box.height / 2 };
  })]]
  check(#points == 4, "the chart has a point for each loss of both jobs", points)
  local by = {}
  for _, point in ipairs(points) do by[point.job .. " " .. point.kind] = point end
  local all_right, scale = true, {}
  for _, name in ipairs { "tone-1", "tone-2" } do
    local job = fetch("/jobs/" .. name)
    for kind, value in pairs { training = job.trainingLoss, validation = job.validationLoss } do
      local point = by[name .. " " .. kind] or {}
      if point.loss ~= value then all_right = false end
      scale[#scale + 1] = point
    end
    local said = browser.value(text(name, " .facts"))
    check(said:find(("training loss %.4f"):format(job.trainingLoss), 1, true), name .. " tells its losses in words", said)
  end
  check(all_right, "they are the numbers that the service gives", points)
  -- Heights are proportional to losses: the same pixels for each unit.
  table.sort(scale, function(a, b) return a.loss < b.loss end)
  local unit = (scale[1].y - scale[4].y) / (scale[4].loss - scale[1].loss)
  local straight = unit > 0
  for _, point in ipairs(scale) do
    if math.abs(scale[1].y - point.y - unit * (point.loss - scale[1].loss)) > 1 then straight = false end
  end
  check(straight, "and stand as high as their losses are", scale)
  check(by["tone-1 training"].x < by["tone-2 training"].x, "in the order in which the jobs ended")
  local paths = browser.value [[[...document.querySelectorAll("#chart path.line")].map(e => [e.getAttribute("class"), e.getTotalLength()])]]
  check(#paths == 2 and paths[1][2] > 20 and paths[2][2] > 20, "lines join them", paths)
  for _, width in ipairs { 1280, 390 } do
    for _, dark in ipairs { false, true } do
      look(("completed-%d-%s"):format(width, dark and "dark" or "light"), { width = width, height = 800, dark = dark })
    end
  end

  browser.click "[data-job='tone-1'] summary"
  local opened = [[document.querySelector("[data-job='tone-1'] details").open]]
  check(browser.wait_for(opened, 2), "where a job's losses by step are can be opened")

  -- A job by the form; a name that is taken comes first.
  browser.show { width = 390, height = 800 }
  browser.click "[name=name]"
  browser.type "tone-2"
  browser.click "button"
  check(browser.wait_for("document.getElementById('said').className.includes('bad') && document.getElementById('said').textContent", 5),
    "the form shows why there is no job")
  browser.value "document.querySelector('[name=name]').value = ''"
  browser.click "[name=name]"
  browser.type "tone-3"
  browser.click "button"
  check(browser.wait_for(text("tone-3", " .status") .. " == 'In progress'", 5), "a job started by the form runs",
    browser.value "document.getElementById('said').textContent")
  check(browser.value(opened), "what was opened stays open when there is news")
  local wanted = browser.value [[performance.getEntriesByType("resource").map(e => e.name).filter(name => !name.startsWith(location.origin))]]
  check(#wanted == 0, "nothing is loaded from elsewhere", wanted)
  local complaints = browser.complaints()
  local unexpected = {}
  for _, complaint in ipairs(complaints) do
    -- The browser notes the form's refusal as well.
    if not complaint:find("409", 1, true) then unexpected[#unexpected + 1] = complaint end
  end
  check(#unexpected == 0, "the browser has nothing to complain of", unexpected)
end)
check(ok, "the page was looked at to its end", tostring(err))
browser.stop()
