--- The services that the stand-in stands in for: what each of them answers to a request.
--
-- A request is one of bedrock.emulator.http with `service`, `path` and `query`; an answer is { status, headers, body }. State:
-- settings by service; number, the last one that was given out; issued, the credentials by access key id; session_tokens and
-- access_tokens, each with its end; refresh_tokens.

local socket = require "socket"
local core = require "bedrock.core"
local sigv4 = require "bedrock.sigv4"

local services = {}


--- What each service does when nothing else is set. `lifetime`: seconds that credentials live; zero and less: expired ones.
services.DEFAULTS = {
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

--- An answer with a body of that type; the names of `headers` may be in any case.
function services.answer(status, body, content_type, headers)
  local all = { ["content-type"] = content_type, ["content-length"] = string.format("%d", #body) }
  for name, value in pairs(headers or {}) do all[string.lower(name)] = value end
  return { status = status, body = body, headers = all }
end
local answer = services.answer

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

--- The service's own kind of error.
function services.refuse(state, request, status, code, message)
  return refusals[request.service](state, request, status, code, message)
end
local refuse = services.refuse

local handlers = {}

local ROLES = "/latest/meta-data/iam/security-credentials/"

function handlers.imds(state, request, lifetime)
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

function handlers.container(state, request, lifetime)
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

function handlers.sts(state, request, lifetime)
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

function handlers.sso(state, request, lifetime)
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

function handlers.oidc(state, request, lifetime)
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

function handlers.other(state, request)
  return refuse(state, request, 404, "NotFound", "the stand-in has nothing at this path")
end

--- Which service is asked at a path.
function services.at(path)
  if string.find(path, "^/latest/") then return "imds" end
  if string.find(path, "^/v1/credentials") or string.find(path, "^/v2/") then return "container" end
  if string.find(path, "^/federation/") then return "sso" end
  return path == "/" and "sts" or path == "/token" and "oidc" or "other"
end

--- Is it one that gives credentials, or a token?
function services.gives_credentials(request)
  return request.service ~= "imds" or string.sub(request.path, 1, #ROLES) == ROLES and #request.path > #ROLES
end

--- Is there such a service? "other" counts as one.
function services.exists(name)
  return handlers[name] ~= nil
end

--- The answer of the service that is asked; `lifetime`: of what it gives, whatever its settings say.
function services.answer_to(state, request, lifetime)
  return handlers[request.service](state, request, lifetime)
end

return services
