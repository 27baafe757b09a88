--- Times as the library gives and takes them: numbers, seconds since 1970-01-01 00:00 UTC (as os.time), with a
-- fraction where there is one. Neither direction depends on the locale or the time zone of the machine.

local core = require("bedrock.native").load "bedrock.core"
local errors = require "bedrock.errors"

local time = {}

local function refuse(message)
  return nil, errors.new { code = "ParamValidationError", message = message }
end

--- Read a time: ISO 8601 with any offset (none means UTC) and any number of fraction digits, an HTTP date
--- (RFC 7231, RFC 822), or epoch seconds as text. A number is handed back as it is.
---@param text string|number  "2026-11-23T08:00:00Z", "Mon, 23 Nov 2026 08:00:00 GMT", "1795420800.5"
---@return number|nil seconds  since 1970, UTC; an integer where it is whole and Lua has integers
---@return bedrock.Error? err  code "ParamValidationError"
function time.parse(text)
  if type(text) == "number" then
    local written, problem = core.time_iso8601(text)
    if not written then
      return refuse(problem)
    end
    return text
  end
  if type(text) ~= "string" then
    return refuse("a time is read from a string, not from " .. type(text))
  end
  local seconds = core.time_parse(text)
  if not seconds then
    return refuse(("%q is no time: expected is one like 2026-11-23T08:00:00Z"):format(text:sub(1, 60)))
  end
  return seconds
end

--- Write a time in ISO 8601, always in UTC: no fraction if there is none, else up to three digits.
---@param seconds number  since 1970, UTC
---@return string|nil text  "2026-11-23T08:00:00Z"
---@return bedrock.Error? err  code "ParamValidationError"; for what lies outside the years 0 to 9999
function time.format(seconds)
  if type(seconds) ~= "number" then
    return refuse("a time to write is a number of seconds, not " .. type(seconds))
  end
  local text, problem = core.time_iso8601(seconds)
  if not text then
    return refuse(problem)
  end
  return text
end

return time
