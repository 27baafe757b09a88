--- The faults that tests order: what they are, which request gets one, and the answer that comes in its place.

local services = require "spec.support.stand_in.services"

local faults = {}

-- Kinds of faults. Those that are true leave the request undone, the others do to its answer what they say.
-- All take service, times (1; -1: always), after (so many matching requests pass first), method and path (a part of it).
local KINDS = {
  slow = false,    -- seconds until the answer; with drip = true it comes byte by byte over that time
  silent = true,   -- no answer, the end after seconds (60)
  close = true,    -- the end without an answer
  reset = true,    -- the same by a reset
  status = true,   -- status, and body or code and message, which make a body as the service's own errors have it; headers
  garbage = true,  -- what is no HTTP
  cut = false,     -- Content-Length says 100 bytes more than come
  html = true,     -- 200 with a page of HTML
  json = true,     -- 200 with any body: a table, or text
  huge = true,     -- 200 with mib (1) MiB of JSON
  expired = false, -- credentials that expired seconds (60) ago; waits for a request that gets some
  redirect = true, -- 302 to location ("/elsewhere")
}
local FIELDS = {
  service = "string", kind = "string", times = "number", after = "number", method = "string", path = "string", seconds = "number",
  drip = "boolean", status = "number", body = "any", code = "string", message = "string", headers = "table", mib = "number",
  location = "string",
}

--- What is wrong with an order; nil: nothing.
function faults.mistake(fault)
  if not services.exists(fault.service) then return "no service is called " .. tostring(fault.service) end
  if KINDS[fault.kind] == nil then return "no kind of fault is called " .. tostring(fault.kind) end
  for name, value in pairs(fault) do
    if not FIELDS[name] or FIELDS[name] ~= "any" and type(value) ~= FIELDS[name] then return "a fault has no such " .. tostring(name) end
  end
  if fault.kind == "status" and not fault.status then return "which status?" end
  if fault.kind == "slow" and not fault.seconds then return "for how many seconds?" end
  if fault.kind == "json" and fault.body == nil then return "which body?" end
end

--- The fault for a request: the first order that fits is used up by one. An empty table: none.
function faults.take(state, request)
  for i, fault in ipairs(state.faults) do
    if fault.service == request.service and (not fault.method or fault.method == request.method)
      and (not fault.path or string.find(request.target, fault.path, 1, true))
      and (fault.kind ~= "expired" or services.gives_credentials(request)) then
      if fault.after > 0 then
        fault.after = fault.after - 1
      else
        fault.times = fault.times - 1
        if fault.times == 0 then table.remove(state.faults, i) end
        return fault
      end
    end
  end
  return {}
end

local instead = {}

function instead.silent() return services.answer(200, "", "text/plain") end
instead.close, instead.reset, instead.garbage = instead.silent, instead.silent, instead.silent

function instead.status(state, request, fault)
  if fault.body then return services.answer(fault.status, fault.body, "application/json", fault.headers) end
  local code = fault.code or fault.status >= 500 and "InternalFailure" or fault.status == 429 and "Throttling" or "AccessDenied"
  local response = services.refuse(state, request, fault.status, code, fault.message or "a fault that was ordered")
  for name, value in pairs(fault.headers or {}) do response.headers[string.lower(name)] = value end
  return response
end

function instead.html()
  return services.answer(200, "<!DOCTYPE html>\n<html><body>Please log in to this network.</body></html>\n", "text/html")
end

function instead.json(_, _, fault) return services.answer(200, fault.body, "application/json", fault.headers) end

function instead.huge(_, _, fault)
  local filler = string.rep("x", (fault.mib or 1) * 1024 * 1024 - #'{"filler":""}')
  return services.answer(200, '{"filler":"' .. filler .. '"}', "application/json")
end

function instead.redirect(_, _, fault)
  return services.answer(302, "", "text/html", { location = fault.location or "/elsewhere" })
end

--- The answer to a request that has got this fault, or none.
function faults.answer_to(state, request, fault)
  if KINDS[fault.kind] then return instead[fault.kind](state, request, fault) end
  return services.answer_to(state, request, fault.kind == "expired" and -(fault.seconds or 60) or nil)
end

return faults
