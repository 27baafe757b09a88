-- A report in a real browser.
--
--   timeout 60 lua5.4 spec/bedrock/tuning/report_page.lua FILE... [--pictures FOLDER]
--
-- Looks at each FILE at two widths, light and dark, and prints a line for each thing that is wrong; "looked" at the end.

local browsers = require "spec.support.browser"

local files, folder = {}, nil
for i = 1, #arg do
  if arg[i - 1] == "--pictures" then folder = arg[i] elseif arg[i] ~= "--pictures" then files[#files + 1] = arg[i] end
end

local browser = browsers.start()
local ok, err = pcall(function()
  for _, file in ipairs(files) do
    for _, width in ipairs { 1280, 390 } do
      for _, dark in ipairs { false, true } do
        local what = ("%s, %d px, %s"):format(file:match "[^/]*$", width, dark and "dark" or "light")
        browser.show { width = width, height = 800, dark = dark }
        browser.open("file://" .. file)
        for _, text in ipairs(browser.sticking_out()) do print(what .. ": sticks out: " .. text) end
        for _, text in ipairs(browser.faint_texts()) do print(what .. ": hard to read: " .. text) end
        local back = browser.value "getComputedStyle(document.body).backgroundColor"
        if (back == "rgb(255, 255, 255)") == dark then print(what .. ": its background is " .. back) end
        if folder then browser.screenshot(("%s/%s-%d-%s.png"):format(folder, file:match "([^/]*)%.html$", width, dark and "dark" or "light")) end
      end
    end
    for text, wanted in pairs {
      ['performance.getEntriesByType("resource").length'] = 0, -- nothing was loaded
      ["document.scripts.length"] = 0,
      ['document.querySelectorAll("body [onload], body [onerror], body [href], body [src], iframe, b b, img").length'] = 0,
      ["document.querySelectorAll('svg[role=img]').length == document.querySelectorAll('svg[role=img] > title').length"] = true,
      ["[...document.querySelectorAll('[aria-labelledby]')].every(e => e.getAttribute('aria-labelledby').split(' ').every(id => document.getElementById(id)))"] = true,
      ["new Set([...document.querySelectorAll('[id]')].map(e => e.id)).size == document.querySelectorAll('[id]').length"] = true,
      ["[...document.querySelectorAll('tbody tr')].every(row => row.querySelector('th[scope=row]'))"] = true,
      ["document.title.length > 0 && document.querySelectorAll('h1').length == 1"] = true,
    } do
      local value = browser.value(text)
      if value ~= wanted then print(("%s: %s is %s"):format(file, text, tostring(value))) end
    end
  end
  for _, complaint in ipairs(browser.complaints()) do print("the browser: " .. complaint) end
end)
browser.stop()
print(ok and "looked" or "not looked: " .. tostring(err))
