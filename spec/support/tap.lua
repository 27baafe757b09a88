-- An output handler for busted: TAP into a file of its own.
--
-- busted's own TAP goes to stdout, where tests and the servers that they start print too, and test names with a line feed
-- break it. Here each test is one line, and the plan comes last: a file without a plan means that the run died on the way.
-- The file's name is the first -Xoutput option; without one, the lines go to stdout.

local busted = require "busted"
local base = require "busted.outputHandlers.base"

local function one_line(text)
  return (tostring(text):gsub("%s+", " "):gsub("#", "\\#"))
end

local function as_comment(text)
  return "# " .. tostring(text):gsub("%z", "\\0"):gsub("\n", "\n# ")
end

return function(options)
  local handler = base()
  local path = options.arguments[1]
  local out = path and assert(io.open(path, "w")) or io.stdout
  local count = 0

  local function say(...)
    out:write(table.concat({ ... }), "\n")
    out:flush()
  end

  local function failed(entry)
    local message = entry.message
    if message == nil then
      message = "nil error"
    elseif type(message) ~= "string" then
      local ok, text = pcall(tostring, message)
      if not ok or text:find("^table: ") then text = require("pl.pretty").write(message) end
      message = text
    end
    local at = entry.element.trace or entry.trace or {}
    say("not ok ", count, " - ", one_line(entry.name))
    say(as_comment((at.short_src or "?") .. ":" .. (at.currentline or "?")))
    say(as_comment(message))
    if entry.trace and entry.trace.traceback then say(as_comment(entry.trace.traceback)) end
  end

  local function test_end(_, _, status)
    count = count + 1
    if status == "success" then
      say("ok ", count, " - ", one_line(handler.successes[#handler.successes].name))
    elseif status == "pending" then
      local entry = handler.pendings[#handler.pendings]
      say("ok ", count, " - ", one_line(entry.name), " # SKIP ", one_line(entry.message or "pending"))
    elseif status == "failure" then
      failed(handler.failures[#handler.failures])
    else
      failed(handler.errors[#handler.errors])
    end
    return nil, true
  end

  -- Errors outside of a test: a file that does not load, a setup that raises. Each of them counts as a test that failed.
  local function any_error(element)
    if element.descriptor ~= "it" then
      count = count + 1
      failed(handler.errors[#handler.errors])
    end
    return nil, true
  end

  local function suite_end()
    say("1..", count)
    return nil, true
  end

  busted.subscribe({ "suite", "end" }, suite_end)
  busted.subscribe({ "test", "end" }, test_end, { predicate = handler.cancelOnPending })
  busted.subscribe({ "error" }, any_error)
  busted.subscribe({ "failure" }, function(element)
    if element.descriptor ~= "it" then
      count = count + 1
      failed(handler.failures[#handler.failures])
    end
    return nil, true
  end)
  return handler
end
