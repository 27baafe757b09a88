-- Some pages of `make docs` in a real browser: on a desk and on a phone, light and dark.
--
--   timeout 120 lua5.4 spec/docs/look.lua build/docs FOLDER     FOLDER: for screenshots
--
-- Prints a line "ok - ..." or "not ok - ..." for each thing that it looked at.

local cjson = require "cjson"
local browsers = require "spec.support.browser"

local docs, folder = arg[1], arg[2]
local PAGES = { "index", "guides/errors", "guides/tuning", "operations/create_model_customization_job", "modules/bedrock.client",
  "modules/bedrock.tuning", "examples/fine_tune" }

local function check(problems, name)
  print((#problems == 0 and "ok - " or "not ok - ") .. name)
  if #problems > 0 then print("# " .. cjson.encode(problems)) end
end

-- Words that are cut in a column too narrow for them.
local CRAMPED = [[[...document.querySelectorAll("main td code")].filter(e => e.textContent.length > 3 && e.textContent.length < 24
  && e.getBoundingClientRect().height > 60).map(e => e.textContent)]]

local browser = browsers.start()
local ok, err = pcall(function()
  for _, page in ipairs(PAGES) do
    for _, width in ipairs { 1280, 390 } do
      local wide, pale, cramped = {}, {}, {}
      for _, dark in ipairs { false, true } do
        browser.show { width = width, height = 900, dark = dark }
        browser.open(("file://%s/%s.html"):format(docs, page))
        wide = browser.sticking_out()
        cramped = browser.value(CRAMPED)
        for _, text in ipairs(browser.faint_texts()) do pale[#pale + 1] = (dark and "dark: " or "light: ") .. text end
        browser.screenshot(("%s/%s-%d-%s.png"):format(folder, page:gsub("/", "-"), width, dark and "dark" or "light"))
      end
      check(wide, ("nothing sticks out of %s at %d"):format(page, width))
      check(cramped, ("no word is cut to pieces in %s at %d"):format(page, width))
      check(pale, ("every text stands out from what is behind it in %s at %d"):format(page, width))
    end
  end
  browser.show { width = 390, height = 900 }
  browser.open(("file://%s/index.html"):format(docs))
  browser.click ".menu summary"
  check(browser.value "[...document.querySelectorAll('.menu nav a')].filter(e => e.getBoundingClientRect().height < 24).map(e => e.textContent)",
    "the menu of a phone opens, and its lines are high enough for a finger")
  browser.click ".menu nav a[href='guides/errors.html']"
  check(browser.wait_for("document.querySelector('h1')?.textContent == 'Errors'", 5) and {} or { browser.value "location.href" },
    "and leads on")
  check(browser.complaints(), "the browser has nothing to complain of")
end)
check(ok and {} or { tostring(err) }, "the pages were looked at to the end")
browser.stop()
