--- A real browser without a window, for tests of pages: Debian's chromium, led over its DevTools protocol.
--
--   local browser = browser.start()
--   browser.show { width = 390, height = 800, dark = true }
--   browser.open "http://127.0.0.1:8080/"
--   browser.value "document.title"                        what JavaScript gives, promises waited for
--   browser.wait_for("document.title != ''", 5)           the first value that counts as true, or nil
--   browser.screenshot "page.png"                         the whole page, as high as it is
--   browser.sticking_out()                                what is wider than the page, as texts
--   browser.faint_texts()                                 texts that are hard to tell from what is behind them
--   browser.complaints()                                  exceptions, errors in the console, requests that failed
--   browser.stop()
--
-- Messages go over a pair of pipes, one JSON text and a zero byte each: that needs neither a port nor a WebSocket. Reading has
-- no time limit of its own, so whoever runs this has one (`timeout 120 …`).

local mime = require "mime"
local socket = require "socket"
local cjson = require "cjson"
local child = require "spec.support.child"

local browser = {}

local NAMES = { "chromium", "chromium-browser", "google-chrome" }

--- The path of a browser, or nil where none is installed.
function browser.program()
  for _, name in ipairs(NAMES) do
    local pipe = io.popen("command -v " .. name)
    local path = pipe:read "*l"
    pipe:close()
    if path and path ~= "" then return path end
  end
end

-- What lies inside an element that can be scrolled, or is for screen readers only, may be wider.
local STICKING_OUT = [[(() => {
  const width = document.documentElement.clientWidth, over = [];
  if (document.documentElement.scrollWidth > width) over.push("the page: " + document.documentElement.scrollWidth);
  for (const e of document.querySelectorAll("body *")) {
    const box = e.getBoundingClientRect();
    if (box.width && !e.closest(".unseen, .scroll *") && (box.right > width + 1 || box.left < -1)) over.push(e.tagName + "." + (e.getAttribute("class") || "") + " to " + box.right);
  }
  return over;
})()]]

-- WCAG's ratio of each text's colour to what lies behind it.
local FAINT_TEXTS = [[(() => {
  const bad = [];
  const rgb = text => text.match(/[\d.]+/g).map(Number);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c.slice(0, 3) } return [255, 255, 255] };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walk.nextNode();) {
    const e = node.parentElement;
    if (!node.data.trim() || /^(SCRIPT|STYLE|TITLE|DESC)$/i.test(e.tagName) || e.closest(".unseen")) continue;
    const style = getComputedStyle(e), front = light(rgb(e.namespaceURI.includes("svg") ? style.fill : style.color).slice(0, 3)), back = light(behind(e));
    const ratio = (Math.max(front, back) + .05) / (Math.min(front, back) + .05);
    if (ratio < 4.5) bad.push(node.data.trim().slice(0, 30) + " " + ratio.toFixed(2));
  }
  return bad;
})()]]

local FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking "
  .. "--disable-component-update --disable-sync --disable-extensions --no-proxy-server --hide-scrollbars "
  .. "--host-resolver-rules='MAP * ~NOTFOUND, EXCLUDE 127.0.0.1' --remote-debugging-pipe"

--- Start one; its profile is a folder of its own, gone with it.
---@return table browser
function browser.start()
  local dir = child.temp_dir()
  local to, from = dir .. "/to", dir .. "/from"
  os.execute(("mkfifo %s %s"):format(child.quote(to), child.quote(from)))
  local process = child.start(("HOME=%s %s %s --user-data-dir=%s about:blank 3<%s 4>%s"):format(child.quote(dir),
    child.quote(assert(browser.program(), "no browser is installed")), FLAGS, child.quote(dir .. "/profile"),
    child.quote(to), child.quote(from)), dir)
  -- In the order in which the shell opens them: each waits for its other end.
  local writer, reader = assert(io.open(to, "wb")), assert(io.open(from, "rb"))
  local self, session, count, complaints = {}, nil, 0, {}

  local function read()
    local bytes = {}
    while true do
      local byte = reader:read(1)
      if not byte then error("the browser ended: " .. tostring(child.read(dir .. "/output")), 0) end
      if byte == "\0" then return cjson.decode(table.concat(bytes)) end
      bytes[#bytes + 1] = byte
    end
  end

  local function note(message)
    local params = message.params
    if message.method == "Runtime.exceptionThrown" then
      complaints[#complaints + 1] = params.exceptionDetails.text .. " " .. tostring((params.exceptionDetails.exception or {}).description)
    elseif message.method == "Log.entryAdded" and params.entry.level == "error" then
      complaints[#complaints + 1] = params.entry.text .. " " .. tostring(params.entry.url)
    end
  end

  local function ask(method, params)
    count = count + 1
    local message = { id = count, method = method, sessionId = session, params = params }
    writer:write(cjson.encode(message), "\0")
    writer:flush()
    while true do
      local answer = read()
      if answer.id == count then
        if answer.error then error(method .. ": " .. tostring(answer.error.message), 0) end
        return answer.result
      end
      note(answer)
    end
  end

  local target
  for _, info in ipairs(ask("Target.getTargets").targetInfos) do
    if info.type == "page" then target = info.targetId end
  end
  session = ask("Target.attachToTarget", { targetId = target, flatten = true }).sessionId
  ask "Page.enable"
  ask "Runtime.enable"
  ask "Log.enable"

  local shown = {}
  --- How large the window is, in CSS pixels, and whether the user likes it dark.
  function self.show(how)
    shown = how
    ask("Emulation.setDeviceMetricsOverride", { width = how.width, height = how.height, deviceScaleFactor = 1, mobile = false })
    ask("Emulation.setEmulatedMedia", { features = { { name = "prefers-color-scheme", value = how.dark and "dark" or "light" } } })
  end

  function self.value(text)
    local answer = ask("Runtime.evaluate", { expression = text, returnByValue = true, awaitPromise = true })
    if answer.exceptionDetails then error(text .. ": " .. cjson.encode(answer.exceptionDetails), 0) end
    local value = answer.result.value
    if value == cjson.null then value = nil end
    return value
  end

  function self.wait_for(text, seconds)
    local deadline = socket.gettime() + seconds
    repeat
      local value = self.value(text)
      if value and value ~= 0 and value ~= "" then return value end
      socket.sleep(0.05)
    until socket.gettime() > deadline
    return nil
  end

  function self.open(url)
    local answer = ask("Page.navigate", { url = url })
    if answer.errorText then error(url .. ": " .. answer.errorText, 0) end
    self.wait_for("document.readyState == 'complete'", 10)
  end

  function self.sticking_out() return self.value(STICKING_OUT) end

  function self.faint_texts() return self.value(FAINT_TEXTS) end

  --- A click with the mouse in the middle of an element.
  function self.click(selector)
    local at = self.value(("(() => { const e = document.querySelector(%s); e.scrollIntoView({ block: 'center' }); "
      .. "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()"):format(cjson.encode(selector)))
    for _, kind in ipairs { "mousePressed", "mouseReleased" } do
      ask("Input.dispatchMouseEvent", { type = kind, x = at[1], y = at[2], button = "left", clickCount = 1 })
    end
  end

  --- Text from the keyboard, where the focus is.
  function self.type(text)
    ask("Input.insertText", { text = text })
  end

  function self.screenshot(path)
    local height = math.max(shown.height, self.value "document.documentElement.scrollHeight")
    local answer = ask("Page.captureScreenshot", {
      format = "png", captureBeyondViewport = true,
      clip = { x = 0, y = 0, width = shown.width, height = height, scale = 1 },
    })
    child.write(path, (mime.unb64(answer.data)))
  end

  function self.complaints()
    self.value "1" -- what is on its way is read with it
    return complaints
  end

  function self.stop()
    pcall(ask, "Browser.close")
    writer:close()
    reader:close()
    process.stop()
  end
  return self
end

return browser
