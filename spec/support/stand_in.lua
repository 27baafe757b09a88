--- A stand-in for the five services that give credentials, on a port of 127.0.0.1, in a child process.
--
--   local services = stand_in.start { imds = { lifetime = 900 }, container = { token = "secret" } }
--   services.url, services.port, services.home          -- home: an empty folder until `stop`
--   services:set("sts", { lifetime = -60 })             -- changes some settings (DEFAULTS lists them all)
--   services:fault { service = "imds", kind = "status", status = 403, path = "/latest/api/token", times = 2 }
--   services:requests("imds")                           -- list of { service, method, path, headers, body, time }
--   services:count("sts"), services:reset(), services:stop()
--   services:environment { AWS_PROFILE = "dev" }        -- for the library's option of that name; false takes a name away
--
-- Who is asked follows from the path: /latest/ is imds, /v1/credentials and /v2/ container, / sts, /federation/ sso, /token oidc, all
-- else "other" (404); what is no HTTP request counts as "malformed". All that is given out has one running number, as in
-- ASIASTANDIN0001, and each secret of it contains SECRETMARK. Times are the machine's. Connections end with their answer unless
-- `start { keep_alive = true }`: a client may repeat unasked what an old connection lost, and a fault would count twice.

local socket = require "socket"
local core = require "bedrock.core"
local http = require "bedrock.emulator.http"
local sigv4 = require "bedrock.sigv4"
local child = require "spec.support.child"

local stand_in = {}

--- What each service does when nothing else is set. `lifetime`: seconds that credentials live; zero and less: expired ones.
stand_in.DEFAULTS = {
  -- role: false for none; v1: answers without a session token, too; token_lifetime: seconds, in place of those asked for;
  -- code, message: in the document, "Success" when well.
  imds = { role = "stand-in-role", v1 = false, lifetime = 3600, token_lifetime = false, code = "Success", message = false },
  -- token: what Authorization has to be; false: anything.
  container = {
    token = false, lifetime = 3600, account_id = "123456789012", role_arn = "arn:aws:iam::123456789012:role/stand-in-task",
  },
  -- secrets: of callers, by access key id: a secret, or { secret, session token }; what the stand-in gave out is known anyway.
  -- region: the only one that may sign; format: "xml" or "json" whatever Accept says; lifetime: false: as asked for.
  sts = {
    secrets = { AKIASTANDIN = "SECRETMARK/long-term" }, web_token = "web.identity.SECRETMARK", region = false, format = false,
    lifetime = false,
  },
  -- token: an access token; those that oidc gave out are good as well.
  sso = { token = "sso-access-SECRETMARK", lifetime = 3600 },
  -- lifetime: of access tokens. rotate: each answer has a new refresh token; earlier ones stay good.
  oidc = {
    client_id = "client-STANDIN", client_secret = "client-SECRETMARK", refresh_token = "sso-refresh-SECRETMARK", lifetime = 28800,
    rotate = true,
  },
}

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

-- ---- the services: handler(state, request, lifetime) -> answer ----

local function answer(status, body, content_type, headers)
  local all = { ["content-type"] = content_type, ["content-length"] = string.format("%d", #body) }
  for name, value in pairs(headers or {}) do all[string.lower(name)] = value end
  return { status = status, body = body, headers = all }
end

local function json_answer(status, value, headers)
  return answer(status, assert(core.json_encode_plain(value)), "application/json", headers)
end

local function next_number(state)
  state.number = state.number + 1
  return state.number
end

local function milliseconds(seconds)
  return math.floor(seconds * 1000)
end

-- New credentials, which STS knows from now on.
local function issue(state, service, lifetime)
  local number = next_number(state)
  local made = {
    id = string.format("ASIASTANDIN%04d", number),
    secret = string.format("SECRETMARK/%s+%04d", service, number),
    token = string.format("%s/SECRETMARK+token/%04d==", service, number),
    expiration = milliseconds(socket.gettime() + lifetime) / 1000,
  }
  made.expires = core.time_iso8601(made.expiration)
  state.issued[made.id] = made
  return made
end

local function xml(text)
  return (string.gsub(text, "[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

-- Members in their order, as XML: { name, text or members }.
local function elements(list)
  local parts = {}
  for i, entry in ipairs(list) do
    local value = entry[2]
    parts[i] = string.format("<%s>%s</%s>", entry[1], type(value) == "table" and elements(value) or xml(tostring(value)), entry[1])
  end
  return table.concat(parts)
end

local function members(list)
  local object = {}
  for _, entry in ipairs(list) do
    object[entry[1]] = type(entry[2]) == "table" and members(entry[2]) or entry[2]
  end
  return object
end

local function wants_json(state, request)
  local format = state.settings.sts.format
  if format then return format == "json" end
  return string.find(tostring(request.headers.accept), "application/json", 1, true) ~= nil
end

local function sts_answer(state, request, status, root, list)
  local id = string.format("stand-in-%04d", next_number(state))
  local headers = { ["x-amzn-requestid"] = id }
  if wants_json(state, request) then
    local object = members(list)
    if root == "ErrorResponse" then
      object.RequestId = id
    else
      object = { [root] = object }
      object[root].ResponseMetadata = { RequestId = id }
    end
    return json_answer(status, object, headers)
  end
  local tail = { { "RequestId", id } }
  if root ~= "ErrorResponse" then tail = { { "ResponseMetadata", tail } } end
  local body = string.format('<%s xmlns="https://sts.amazonaws.com/doc/2011-06-15/">%s%s</%s>\n', root, elements(list), elements(tail), root)
  return answer(status, body, "text/xml", headers)
end

-- Each service's way to refuse.
local refusals = {}

function refusals.imds(_, _, status, code, message)
  local page = '<?xml version="1.0" encoding="iso-8859-1"?>\n<html><head><title>%d - %s</title></head><body>%s</body></html>\n'
  return answer(status, string.format(page, status, xml(code), xml(message)), "text/html")
end

function refusals.container(_, _, status, code, message)
  return json_answer(status, { code = code, message = message })
end

function refusals.sts(state, request, status, code, message)
  return sts_answer(state, request, status, "ErrorResponse",
    { { "Error", { { "Type", status < 500 and "Sender" or "Receiver" }, { "Code", code }, { "Message", message } } } })
end

function refusals.sso(_, _, status, code, message)
  return json_answer(status, { message = message, __type = "com.amazonaws.switchboard.portal#" .. code }, { ["x-amzn-errortype"] = code })
end

function refusals.oidc(_, _, status, code, message)
  local short = string.lower((string.gsub(string.gsub(code, "Exception$", ""), "(%l)(%u)", "%1_%2")))
  return json_answer(status, { error = short, error_description = message }, { ["x-amzn-errortype"] = code })
end

function refusals.other(_, _, status, code, message)
  return json_answer(status, { code = code, message = message })
end

local function refuse(state, request, ...)
  return refusals[request.service](state, request, ...)
end

local services = {}

local ROLES = "/latest/meta-data/iam/security-credentials/"

function services.imds(state, request, lifetime)
  local settings, headers, now = state.settings.imds, request.headers, socket.gettime()
  if request.path == "/latest/api/token" then
    local asked = tonumber(headers["x-aws-ec2-metadata-token-ttl-seconds"])
    if request.method ~= "PUT" then return refuse(state, request, 405, "Not Allowed", "PUT it is") end
    if headers["x-forwarded-for"] then return refuse(state, request, 403, "Forbidden", "not through a proxy") end
    if not asked or asked < 1 or asked > 21600 then return refuse(state, request, 400, "Bad Request", "1 to 21600 seconds") end
    local life = settings.token_lifetime or asked
    local token = string.format("imds-SECRETMARK-%04d==", next_number(state))
    state.session_tokens[token] = now + life
    return answer(200, token, "text/plain", { ["x-aws-ec2-metadata-token-ttl-seconds"] = string.format("%d", math.floor(life)) })
  end
  local token = headers["x-aws-ec2-metadata-token"]
  local good = settings.v1 and not token or token and (state.session_tokens[token] or 0) > now
  if not good then return refuse(state, request, 401, "Unauthorized", "a session token is needed") end
  if request.method ~= "GET" then return refuse(state, request, 405, "Not Allowed", "GET it is") end
  if settings.role and request.path == ROLES then return answer(200, settings.role, "text/plain") end
  if not settings.role or request.path ~= ROLES .. settings.role then return refuse(state, request, 404, "Not Found", "no such thing") end
  local document = { Code = settings.code, Message = settings.message or nil, LastUpdated = core.time_iso8601(math.floor(now)) }
  if settings.code == "Success" then
    local made = issue(state, "imds", lifetime or settings.lifetime)
    document.Type, document.AccessKeyId, document.SecretAccessKey = "AWS-HMAC", made.id, made.secret
    document.Token, document.Expiration = made.token, made.expires
  end
  return answer(200, assert(core.json_encode_plain(document)), "text/plain") -- as the real one calls it
end

function services.container(state, request, lifetime)
  local settings = state.settings.container
  if request.method ~= "GET" then return refuse(state, request, 405, "MethodNotAllowed", "GET it is") end
  if settings.token and request.headers.authorization ~= settings.token then
    return refuse(state, request, 401, "Unauthorized", "the authorization token is not the one that was set up")
  end
  local made = issue(state, "container", lifetime or settings.lifetime)
  return json_answer(200, {
    AccessKeyId = made.id, SecretAccessKey = made.secret, Token = made.token, Expiration = made.expires,
    AccountId = settings.account_id or nil, RoleArn = settings.role_arn or nil,
  })
end

-- A form's fields; what a query holds has the same form.
local function fields_of(text)
  local fields = {}
  for name, value in string.gmatch(text, "([^&=]+)=?([^&]*)") do
    fields[core.uri_decode((string.gsub(name, "%+", " ")))] = core.uri_decode((string.gsub(value, "%+", " ")))
  end
  return fields
end

local CLAIM = "^AWS4%-HMAC%-SHA256 Credential=([^/,%s]+)/(%d+)/([%l%d-]+)/(%l+)/aws4_request, ?SignedHeaders=([^,%s]+), ?Signature=(%x+)$"
local BY_SIGNER = { host = true, ["x-amz-date"] = true, ["x-amz-security-token"] = true }

-- Nothing for a good signature, else status, code and message.
local function refuse_signature(state, request)
  local settings, headers, now = state.settings.sts, request.headers, socket.gettime()
  if not headers.authorization then return 403, "MissingAuthenticationToken", "Request is missing Authentication Token" end
  local id, day, region, service, names, signature = string.match(headers.authorization, CLAIM)
  local date = headers["x-amz-date"]
  local iso = string.gsub(date or "", "^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$", "%1-%2-%3T%4:%5:%6Z")
  local time = iso ~= date and core.time_parse(iso)
  if not id or not time then return 400, "IncompleteSignature", "Authorization or X-Amz-Date is not complete" end
  if service ~= "sts" then return 403, "SignatureDoesNotMatch", "Credential should be scoped to correct service: 'sts'." end
  if settings.region and region ~= settings.region then
    return 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."
  end
  if day ~= string.sub(date, 1, 8) or math.abs(time - now) > 300 then
    return 403, "SignatureDoesNotMatch", "Signature expired or not yet current: " .. date
  end
  local known, issued = settings.secrets[id], state.issued[id]
  if type(known) ~= "table" then known = { known } end
  local secret, token = issued and issued.secret or known[1], issued and issued.token or known[2]
  if not secret or token ~= headers["x-amz-security-token"] then
    return 403, "InvalidClientTokenId", "The security token included in the request is invalid."
  end
  if issued and issued.expiration <= now then
    return 403, "ExpiredToken", "The security token included in the request is expired"
  end
  local signed, present = {}, {}
  for name in string.gmatch(names, "[^;]+") do
    present[name] = true
    if not BY_SIGNER[name] then signed[name] = headers[name] or "" end
  end
  for name in pairs(headers) do
    if string.sub(name, 1, 6) == "x-amz-" and not present[name] then
      return 403, "SignatureDoesNotMatch", "'" .. name .. "' must be a 'SignedHeader' in the AWS Authorization."
    end
  end
  local again = sigv4.sign(
    { method = request.method, url = "http://" .. headers.host .. request.target, headers = signed, body = request.body },
    { credentials = { access_key_id = id, secret_access_key = secret, session_token = token }, region = region, service = "sts", time = time })
  if not again or again.signing.signature ~= signature or again.signing.signed_headers ~= names then
    return 403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
  end
end

function services.sts(state, request, lifetime)
  local settings, form = state.settings.sts, fields_of(request.body)
  local function invalid(message) return refuse(state, request, 400, "ValidationError", message) end
  local action = form.Action
  if request.method ~= "POST" or string.find(tostring(request.headers["content-type"]), "^application/x%-www%-form%-urlencoded") == nil then
    return refuse(state, request, 400, "MissingAction", "POST with a form it is")
  elseif action ~= "AssumeRole" and action ~= "AssumeRoleWithWebIdentity" or form.Version ~= "2011-06-15" then
    return refuse(state, request, 400, "InvalidAction", "Could not find operation " .. tostring(action) .. " for version " .. tostring(form.Version))
  end
  if action == "AssumeRole" then
    local status, code, message = refuse_signature(state, request)
    if status then return refuse(state, request, status, code, message) end
  elseif request.headers.authorization or request.headers["x-amz-date"] then
    return invalid "AssumeRoleWithWebIdentity came signed"
  elseif form.WebIdentityToken ~= settings.web_token then
    return refuse(state, request, 400, "InvalidIdentityToken", "The web identity token that was passed could not be validated")
  end
  local partition, account, role = string.match(form.RoleArn or "", "^arn:([%l-]+):iam::(%d+):role/(.+)$")
  local session, duration = form.RoleSessionName or "", form.DurationSeconds
  if not role then return invalid(tostring(form.RoleArn) .. " is invalid") end
  if not string.find(session, "^[%w_+=,.@-]+$") or #session < 2 or #session > 64 then return invalid "roleSessionName is invalid" end
  if duration and not (tonumber(duration) and tonumber(duration) >= 900 and tonumber(duration) <= 43200) then
    return invalid "durationSeconds is invalid"
  end
  local made = issue(state, "sts", lifetime or settings.lifetime or tonumber(duration) or 3600)
  local arn = string.format("arn:%s:sts::%s:assumed-role/%s/%s", partition, account, string.match(role, "[^/]*$"), session)
  return sts_answer(state, request, 200, action .. "Response", { { action .. "Result", {
    { "Credentials", {
      { "AccessKeyId", made.id }, { "SecretAccessKey", made.secret }, { "SessionToken", made.token },
      { "Expiration", wants_json(state, request) and made.expiration or made.expires },
    } },
    { "AssumedRoleUser", { { "Arn", arn }, { "AssumedRoleId", "AROASTANDIN:" .. session } } },
  } } })
end

function services.sso(state, request, lifetime)
  local settings, query = state.settings.sso, fields_of(request.query)
  if request.method ~= "GET" or request.path ~= "/federation/credentials" then
    return refuse(state, request, 404, "ResourceNotFoundException", "no such operation")
  end
  local token = request.headers["x-amz-sso_bearer_token"] or ""
  if request.headers.authorization or token ~= settings.token and (state.access_tokens[token] or 0) <= socket.gettime() then
    return refuse(state, request, 401, "UnauthorizedException", "Session token not found or invalid")
  elseif (query.role_name or "") == "" or not string.find(query.account_id or "", "^%d+$") then
    return refuse(state, request, 400, "InvalidRequestException", "role_name and account_id are needed")
  end
  local made = issue(state, "sso", lifetime or settings.lifetime)
  return json_answer(200, { roleCredentials = {
    accessKeyId = made.id, secretAccessKey = made.secret, sessionToken = made.token, expiration = milliseconds(made.expiration),
  } })
end

function services.oidc(state, request, lifetime)
  local settings, body = state.settings.oidc, core.json_decode_plain(request.body)
  if request.method ~= "POST" or type(body) ~= "table" then
    return refuse(state, request, 400, "InvalidRequestException", "POST with JSON it is")
  elseif body.grantType ~= "refresh_token" then
    return refuse(state, request, 400, "UnsupportedGrantTypeException", "the grant type is not supported")
  elseif body.clientId ~= settings.client_id or body.clientSecret ~= settings.client_secret then
    return refuse(state, request, 401, "InvalidClientException", "the client is not known")
  elseif body.refreshToken ~= settings.refresh_token and not state.refresh_tokens[tostring(body.refreshToken)] then
    return refuse(state, request, 400, "InvalidGrantException", "Invalid refresh token provided")
  end
  local number, life = next_number(state), lifetime or settings.lifetime
  local access, fresh = string.format("sso-access-SECRETMARK-%04d", number), nil
  state.access_tokens[access] = socket.gettime() + life
  if settings.rotate then
    fresh = string.format("sso-refresh-SECRETMARK-%04d", number)
    state.refresh_tokens[fresh] = true
  end
  return json_answer(200, { accessToken = access, expiresIn = life, refreshToken = fresh, tokenType = "Bearer" })
end

function services.other(state, request)
  return refuse(state, request, 404, "NotFound", "the stand-in has nothing at this path")
end

local function service_at(path)
  if string.find(path, "^/latest/") then return "imds" end
  if string.find(path, "^/v1/credentials") or string.find(path, "^/v2/") then return "container" end
  if string.find(path, "^/federation/") then return "sso" end
  return path == "/" and "sts" or path == "/token" and "oidc" or "other"
end

-- ---- faults ----

local function gives_credentials(request)
  return request.service ~= "imds" or string.sub(request.path, 1, #ROLES) == ROLES and #request.path > #ROLES
end

-- The first order that fits is used up by one.
local function take_fault(state, request)
  for i, fault in ipairs(state.faults) do
    if fault.service == request.service and (not fault.method or fault.method == request.method)
      and (not fault.path or string.find(request.target, fault.path, 1, true))
      and (fault.kind ~= "expired" or gives_credentials(request)) then
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

function instead.silent() return answer(200, "", "text/plain") end
instead.close, instead.reset, instead.garbage = instead.silent, instead.silent, instead.silent

function instead.status(state, request, fault)
  if fault.body then return answer(fault.status, fault.body, "application/json", fault.headers) end
  local code = fault.code or fault.status >= 500 and "InternalFailure" or fault.status == 429 and "Throttling" or "AccessDenied"
  local response = refuse(state, request, fault.status, code, fault.message or "a fault that was ordered")
  for name, value in pairs(fault.headers or {}) do response.headers[string.lower(name)] = value end
  return response
end

function instead.html()
  return answer(200, "<!DOCTYPE html>\n<html><body>Please log in to this network.</body></html>\n", "text/html")
end

function instead.json(_, _, fault) return answer(200, fault.body, "application/json", fault.headers) end

function instead.huge(_, _, fault)
  local filler = string.rep("x", (fault.mib or 1) * 1024 * 1024 - #'{"filler":""}')
  return answer(200, '{"filler":"' .. filler .. '"}', "application/json")
end

function instead.redirect(_, _, fault)
  return answer(302, "", "text/html", { location = fault.location or "/elsewhere" })
end

-- ---- orders from the tests ----

local function copy(value)
  if type(value) ~= "table" then return value end
  local twin = {}
  for key, entry in pairs(value) do twin[key] = copy(entry) end
  return twin
end

-- All text goes over in %XX, since JSON holds UTF-8 only and requests may hold anything.
local function each_text(value, change)
  if type(value) == "string" then return change(value) end
  if type(value) ~= "table" then return value end
  local changed = {}
  for key, entry in pairs(value) do changed[each_text(key, change)] = each_text(entry, change) end
  return changed
end

local function pack(value) return assert(core.json_encode_plain(each_text(value, core.uri_encode))) end
local function unpack_text(text) return each_text(assert(core.json_decode_plain(text)), core.uri_decode) end

local orders = {}

local function set(state, order)
  for name, value in pairs(order.settings) do state.settings[order.service][name] = value end
  return {}
end
orders.set = set

function orders.fault(state, order)
  order.times, order.after = order.times or 1, order.after or 0
  state.faults[#state.faults + 1] = order
  return {}
end

function orders.requests(state) return state.log end

function orders.reset(state)
  state.settings, state.faults, state.log, state.issued, state.number = copy(stand_in.DEFAULTS), {}, {}, {}, 0
  state.session_tokens, state.access_tokens, state.refresh_tokens = {}, {}, {}
  for service, settings in pairs(state.from_start) do set(state, { service = service, settings = copy(settings) }) end
  return {}
end

-- ---- the child's loop: one thread, select says who can go on ----

local function close(state, connection)
  state.connections[connection.socket] = nil
  connection.socket:close()
end

local function queue(connection, request, response, fault)
  local now, kind = socket.gettime(), fault.kind
  connection.keep_alive = connection.keep_alive and request.keep_alive and kind ~= "cut"
  connection.from, connection.sent, connection.drip, connection.reset = now, 0, nil, kind == "reset"
  if kind == "slow" and fault.drip then
    connection.drip = fault.seconds
  elseif kind == "slow" then
    connection.from = now + fault.seconds
  elseif kind == "silent" then
    connection.from = now + (fault.seconds or 60)
  end
  if kind == "cut" then response.headers["content-length"] = string.format("%d", #response.body + 100) end
  connection.output = http.head(response, connection.keep_alive) .. response.body
  if kind == "garbage" then connection.output = "this is no HTTP\r\n\r\n" end
  if kind == "garbage" or kind == "silent" or kind == "close" or kind == "reset" then
    connection.keep_alive = false
    if kind ~= "garbage" then connection.output = "" end
  end
end

local function serve(state, connection, request)
  request.path, request.query = string.match(request.target, "^([^?]*)%??(.*)$")
  local order = string.match(request.path, "^/_control/(%l+)$")
  if order then
    -- After all that has arrived: a test asks for requests whose client has given up already.
    connection.order, connection.order_name = request, order
    return
  end
  request.service = service_at(request.path)
  state.log[#state.log + 1] = {
    service = request.service, method = request.method, path = request.target, headers = request.headers, body = request.body,
    time = socket.gettime(),
  }
  local fault = take_fault(state, request)
  local response
  if KINDS[fault.kind] then
    response = instead[fault.kind](state, request, fault)
  else
    response = services[request.service](state, request, fault.kind == "expired" and -(fault.seconds or 60) or nil)
  end
  queue(connection, request, response, fault)
end

local function obey(state, connection)
  local request, name = connection.order, connection.order_name
  connection.order = nil
  local result = orders[name](state, unpack_text(request.body))
  queue(connection, request, answer(200, pack(result), "application/json"), {})
end

local function advance(state, connection)
  if connection.output then return end
  local request, err = connection.parser:next()
  if request then
    serve(state, connection, request)
  elseif err then
    state.log[#state.log + 1] = { service = "malformed", method = "", path = "", headers = {}, body = err.message, time = socket.gettime() }
    queue(connection, { keep_alive = false }, answer(err.status, err.message, "text/plain"), {})
  elseif connection.parser:wants_continue() then
    connection.socket:send "HTTP/1.1 100 Continue\r\n\r\n"
  end
end

local function read(state, connection)
  local data, err, partial = connection.socket:receive(65536)
  connection.parser:feed(data or partial or "")
  advance(state, connection)
  if err and err ~= "timeout" then close(state, connection) end
end

-- How many bytes may be out by now, and when there will be more.
local function due(connection, now)
  local size = #connection.output
  if now < connection.from then return 0, connection.from end
  if not connection.drip then return size end
  local share = math.min(1, (now - connection.from) / connection.drip)
  return math.floor(size * share), now + 0.005
end

local function write(state, connection)
  if connection.reset then connection.socket:setoption("linger", { on = true, timeout = 0 }) end
  local stop = due(connection, socket.gettime())
  if connection.sent < stop then
    local last, err, partial = connection.socket:send(connection.output, connection.sent + 1, stop)
    connection.sent = last or partial or connection.sent
    if err and err ~= "timeout" then return close(state, connection) end
  end
  if connection.sent < #connection.output then return end
  connection.output = nil
  if not connection.keep_alive then return close(state, connection) end
  connection.keep_alive = state.keep_alive
  advance(state, connection)
end

local function accept(state)
  while true do
    local peer = state.listener:accept()
    if not peer then return end
    peer:settimeout(0)
    peer:setoption("tcp-nodelay", true)
    state.connections[peer] = { socket = peer, parser = http.parser(), keep_alive = state.keep_alive }
  end
end

-- A mistake in here costs one connection; the test finds the message in `output`.
local function guarded(state, act, connection)
  local ok, message = pcall(act, state, connection)
  if ok then return end
  io.stderr:write(tostring(message), "\n")
  close(state, connection)
end

local function step(state)
  local now, timeout = socket.gettime(), 10
  local readers, writers = { state.listener }, {}
  for peer, connection in pairs(state.connections) do
    readers[#readers + 1] = peer
    if connection.output then
      local stop, later = due(connection, now)
      if connection.from <= now and (stop > connection.sent or stop == #connection.output) then
        writers[#writers + 1] = peer
      else
        timeout = math.min(timeout, math.max(0, later - now))
      end
    end
  end
  local readable, writable = socket.select(readers, writers, timeout)
  for _, peer in ipairs(writable) do guarded(state, write, state.connections[peer]) end
  for _, peer in ipairs(readable) do
    if peer == state.listener then
      accept(state)
    elseif state.connections[peer] then
      guarded(state, read, state.connections[peer])
    end
  end
  for _, peer in ipairs(readable) do
    local connection = state.connections[peer]
    if connection and connection.order then guarded(state, obey, connection) end
  end
end

--- What the child runs: serve until it is killed.
---@param dir string  holds the file "start", gets the file "port"
function stand_in.serve(dir)
  local start = unpack_text(child.read(dir .. "/start"))
  local state = { from_start = start.services, keep_alive = start.keep_alive, connections = {} }
  orders.reset(state)
  state.listener = assert(socket.bind("127.0.0.1", 0, 128))
  state.listener:settimeout(0)
  local _, port = state.listener:getsockname()
  child.write(dir .. "/port.new", port .. "\n")
  assert(os.rename(dir .. "/port.new", dir .. "/port"))
  while true do step(state) end
end

-- ---- the tests' end ----

local Handle = {}
Handle.__index = Handle

local function check_settings(service, settings, level)
  local known = stand_in.DEFAULTS[service]
  if not known then error("no service is called " .. tostring(service), level + 1) end
  for name in pairs(settings) do
    if known[name] == nil then error(service .. " has no setting " .. tostring(name), level + 1) end
  end
end

local function order(self, name, value)
  local body, connection = pack(value or {}), socket.tcp()
  connection:settimeout(30)
  assert(connection:connect("127.0.0.1", self.port))
  assert(connection:send(string.format("POST /_control/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
    name, #body, body)))
  local text = assert(connection:receive "*a")
  connection:close()
  local result = string.match(text, "^HTTP/1.1 200 .-\r\n\r\n(.*)$")
  if not result then error("the stand-in did not obey: " .. text .. "\n" .. self:output()) end
  return unpack_text(result)
end

--- Change settings of a service, as DEFAULTS names them.
function Handle:set(service, settings)
  check_settings(service, settings, 2)
  order(self, "set", { service = service, settings = settings })
end

--- Order a fault, see KINDS. Orders are asked in the order in which they were given.
function Handle:fault(fault)
  if not services[fault.service] then error("no service is called " .. tostring(fault.service), 2) end
  if KINDS[fault.kind] == nil then error("no kind of fault is called " .. tostring(fault.kind), 2) end
  local sent = {}
  for name, value in pairs(fault) do
    if not FIELDS[name] or FIELDS[name] ~= "any" and type(value) ~= FIELDS[name] then error("a fault has no such " .. tostring(name), 2) end
    sent[name] = value
  end
  if fault.kind == "status" and not fault.status then error("which status?", 2) end
  if fault.kind == "slow" and not fault.seconds then error("for how many seconds?", 2) end
  if fault.kind == "json" and fault.body == nil then error("which body?", 2) end
  if fault.body ~= nil and type(fault.body) ~= "string" then sent.body = assert(core.json_encode_plain(fault.body)) end
  if fault.times == math.huge then sent.times = -1 end
  order(self, "fault", sent)
end

--- All requests so far, or those to one service ("other" and "malformed" count as such).
function Handle:requests(service)
  local list = {}
  for _, request in ipairs(order(self, "requests")) do
    if not service or request.service == service then list[#list + 1] = request end
  end
  return list
end

--- How many requests there were.
function Handle:count(service)
  return #self:requests(service)
end

--- Start over: settings as they were given to `start`, numbers from 1, no faults, no requests, nothing that was given out is known.
function Handle:reset()
  order(self, "reset")
end

--- What the child complained about; "" when well.
function Handle:output()
  return child.read(self.dir .. "/output") or ""
end

--- An environment that leads all five providers here.
function Handle:environment(extra)
  local environment = {
    AWS_ENDPOINT_URL_STS = self.url, AWS_ENDPOINT_URL_SSO = self.url, AWS_ENDPOINT_URL_SSO_OIDC = self.url,
    AWS_EC2_METADATA_SERVICE_ENDPOINT = self.url, AWS_REGION = "us-east-1", HOME = self.home,
  }
  for name, value in pairs(extra or {}) do environment[name] = value or nil end
  return environment
end

--- End it and remove its folder. Twice does no harm.
function Handle:stop()
  self.process.stop()
end

--- Start a stand-in.
---@param options? table  settings by service, as in DEFAULTS, and keep_alive
function stand_in.start(options)
  local settings = {}
  for name, value in pairs(options or {}) do
    if name ~= "keep_alive" then
      check_settings(name, value, 2)
      settings[name] = value
    end
  end
  local dir = child.temp_dir()
  child.write(dir .. "/start", pack { services = settings, keep_alive = options and options.keep_alive or false })
  child.write(dir .. "/main.lua", 'require("spec.support.stand_in").serve(arg[1])\n')
  local home = dir .. "/home"
  local process = child.start(string.format("mkdir %s; exec %s %s %s", child.quote(home), child.quote(child.interpreter()),
    child.quote(dir .. "/main.lua"), child.quote(dir)), dir)
  local self = setmetatable({ process = process, dir = dir, home = home }, Handle)
  self.port = child.wait_for(function() return tonumber(child.read(dir .. "/port") or "") end, 30)
  if not self.port then
    local output = self:output()
    self:stop()
    error("the stand-in did not start: " .. output, 2)
  end
  self.url = string.format("http://127.0.0.1:%d", self.port)
  return self
end

local deaf -- a socket that has a port and does not listen, so that nobody else gets the port

--- A URL whose port refuses connections.
function stand_in.refusing_url()
  if not deaf then
    deaf = socket.tcp()
    assert(deaf:bind("127.0.0.1", 0))
  end
  local _, port = deaf:getsockname()
  return "http://127.0.0.1:" .. port
end

return stand_in
