--- What can happen to a request on its way, in one table for all runtimes: the code of the error, whether sending it again
-- may help, and what to tell the user. Loaded by the first failure.

local errors = require "bedrock.errors"
local split_url = require("bedrock.runtime.settings").split_url

local outcomes = {}

-- The outcomes by the names that the C module has for them. {where} is "HOST port PORT"; the transport's own words follow
-- in brackets.
local OUTCOMES = {
  bad_request = { "ParamValidationError", false, "the request can't be sent" },
  bad_url = { "ConfigurationError", false, "the request's URL can't be used; check endpoint_url" },
  no_memory = { "ResponseError", false, "libcurl ran out of memory, or met a header line over its own limit, with {where}" },
  resolve = { "ConnectionError", true, "the host of {where} is not known; check region, endpoint_url and the name server" },
  connect = {
    "ConnectionError",
    true,
    "the connection to {where} failed before an answer came; check endpoint_url, the network and firewalls",
  },
  bad_proxy = { "ConfigurationError", false, "the proxy's URL can't be used; check proxy, HTTPS_PROXY and HTTP_PROXY" },
  proxy = { "ConnectionError", true, "{where} can't be reached through the proxy; check proxy, HTTPS_PROXY and NO_PROXY" },
  timeout_connect = { "TimeoutError", true, "no connection to {where} within {connect} (connect_timeout)" },
  timeout_read = { "TimeoutError", true, "{where} sent nothing for {read} (read_timeout)" },
  timeout_whole = { "TimeoutError", true, "the call to {where} did not end within the {whole} that it had left (timeout)" },
  late = { "TimeoutError", true, "the call's time was up before the request to {where} was sent (timeout)" },
  tls = { "TLSError", true, "the TLS handshake with {where} failed; TLS 1.2 or later is needed" },
  certificate = {
    "TLSError",
    false,
    "the certificate of {where} does not verify; check the host's name and this machine's clock, "
      .. "and where the endpoint has a CA of its own, name its PEM file by ca_bundle or AWS_CA_BUNDLE",
  },
  ca_bundle = { "ConfigurationError", false, "{bundle} can't be read as PEM certificates; check ca_bundle and AWS_CA_BUNDLE" },
  cut_off = { "ResponseError", true, "the answer of {where} was cut off" },
  bad_answer = { "ResponseError", true, "what {where} answered is no HTTP answer that can be read" },
  body_too_big = { "ResponseError", false, "the answer of {where} is larger than {size} bytes (max_response_size)" },
  headers_too_big = { "ResponseError", false, "the headers that {where} answered are larger than the limit" },
  other = { "ConnectionError", true, "the request to {where} failed" },
}

-- Where the outcome's own sentence says all, the transport's text adds nothing.
local SELF_EXPLAINED = { timeout_read = true, timeout_whole = true, late = true, body_too_big = true, headers_too_big = true }

local function seconds_text(seconds)
  return (string.gsub(string.format("%.3f", seconds), "%.?0+$", "")) .. " s"
end

--- The error for a failure.
---@param runtime table  its settings, `ca_bundle`, and `outcomes` with what it has to say in other words
---@param request bedrock.RuntimeRequest
---@param kind string  the outcome's name
---@param text string  the transport's words, or ""
---@param tunnel? integer  what a proxy answered to CONNECT
---@param waited? number  seconds that the call had left when it began
---@return nil
---@return bedrock.Error err
function outcomes.failure(runtime, request, kind, text, tunnel, waited)
  if kind == "timeout_whole" and waited == 0 then kind = "late" end
  local outcome = runtime.outcomes and runtime.outcomes[kind] or OUTCOMES[kind] or OUTCOMES.other
  local _, host, port = split_url(type(request.url) == "string" and request.url or "")
  local values = {
    where = host and host .. " port " .. tostring(port) or "the host",
    connect = seconds_text(request.connect_timeout or runtime.connect_timeout),
    read = seconds_text(request.read_timeout or runtime.read_timeout),
    whole = seconds_text(waited or 0),
    size = string.format("%.0f", runtime.max_response_size),
    bundle = runtime.ca_bundle and "the CA bundle " .. runtime.ca_bundle or "the system's CA bundle",
  }
  local message = string.gsub(outcome[3], "{(%a+)}", values)
  if not SELF_EXPLAINED[kind] and text ~= "" then message = message .. " (" .. text .. ")" end
  return nil, errors.new {
    code = outcome[1],
    message = message,
    retryable = outcome[2] and tunnel ~= 407, -- a proxy that wants other credentials wants them next time, too
    kind = kind,
  }
end

return outcomes
