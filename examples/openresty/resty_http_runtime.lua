-- resty_http_runtime.lua: sends the library's requests by lua-resty-http, for programs that have it in use already (its
-- proxies, its connection options, its instrumentation). Without one, the library's own sockets do the same.
--
--   local client = assert(bedrock.new { region = "us-east-1", runtime = require "resty_http_runtime" })

local http = require "resty.http"

local runtime = { name = "resty.http" }

-- What an operation may take, in milliseconds.
local function milliseconds(seconds, deadline)
  return math.max(1, math.floor(1000 * math.min(seconds, deadline and deadline - ngx.now() or seconds)))
end

function runtime:send(request, deadline)
  local client, read = http.new(), milliseconds(request.read_timeout or 60, deadline)
  client:set_timeouts(milliseconds(request.connect_timeout or 10, deadline), read, read)
  local answer, err = client:request_uri(request.url, {
    method = request.method, headers = request.headers, body = request.body,
    ssl_verify = true, keepalive_timeout = 50000, keepalive_pool = 100,
  })
  if not answer then
    err = tostring(err)
    local untrusted = err:find("certificate", 1, true) ~= nil
    local code = err == "timeout" and "TimeoutError" or untrusted and "TLSError" or "ConnectionError"
    return nil, { code = code, message = err, retryable = not untrusted }
  end
  local headers = {}
  for name, value in pairs(answer.headers) do
    headers[name:lower()] = type(value) == "table" and table.concat(value, ", ") or value
  end
  return { status = answer.status, headers = headers, body = answer.body }
end

function runtime:sleep(seconds) ngx.sleep(seconds) end
function runtime:now() return ngx.now() end

return runtime
