--- Who is asking: Signature Version 4 verified as AWS does, and bearer tokens.
--
-- The signature is computed again from the request as it arrived, by code of its own over nothing but SHA-256 and HMAC: a verifier that
-- called the library's signer would agree with each of its mistakes. Messages are AWS's; none of them holds a secret, nor the
-- canonical request that AWS adds to some (it would carry the session token).

local core = require "bedrock.core"
local answer = require "bedrock.emulator.answer"

local auth = {}

local exception = answer.exception

-- A request may be this old or this early.
local TOLERANCE = 300
-- A signature in the query may last this long at most.
local MAX_EXPIRES = 604800

local ALGORITHM = "AWS4-HMAC-SHA256"

local function invalid(message, ...)
  return nil, exception("InvalidSignatureException", message:format(...))
end

local function incomplete(message, ...)
  return nil, exception("IncompleteSignatureException", message:format(...))
end

-- Remove dot segments, collapse runs of slashes, then escape what is escaped already once more.
local function canonical_uri(path)
  local kept = {}
  for segment in path:gmatch("[^/]+") do
    if segment == ".." then
      kept[#kept] = nil
    elseif segment ~= "." then
      kept[#kept + 1] = segment
    end
  end
  local result = "/" .. table.concat(kept, "/")
  if #kept > 0 and path:sub(-1) == "/" then result = result .. "/" end
  return core.uri_encode(result, true)
end

local function canonical_query(query)
  local pairs_ = {}
  for pair in query:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name = core.uri_encode(core.uri_decode(name))
    if name ~= "X-Amz-Signature" then
      pairs_[#pairs_ + 1] = { name, core.uri_encode(core.uri_decode(value)) }
    end
  end
  table.sort(pairs_, function(a, b)
    if a[1] ~= b[1] then return a[1] < b[1] end
    return a[2] < b[2]
  end)
  for i, pair in ipairs(pairs_) do pairs_[i] = pair[1] .. "=" .. pair[2] end
  return table.concat(pairs_, "&")
end

local function squeeze(value)
  return (value:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- What the caller claims, from the header or from the query.
local function read_claim(request, query)
  local header = request.headers["authorization"]
  if header then
    local algorithm, rest = header:match("^%s*(%S+)%s*(.*)$")
    if algorithm ~= ALGORITHM then
      return incomplete("Unsupported AWS 'algorithm': '%s'.", tostring(algorithm):sub(1, 64))
    end
    local fields = {}
    for name, value in rest:gmatch("([%a]+)=([^,%s]*)") do fields[name] = value end
    for _, name in ipairs { "Credential", "SignedHeaders", "Signature" } do
      if not fields[name] or fields[name] == "" then
        return incomplete("Authorization header requires '%s' parameter.", name)
      end
    end
    local date = request.headers["x-amz-date"]
    if not date then
      -- A Date header may stand in for X-Amz-Date.
      local seconds = request.headers["date"] and core.time_parse(request.headers["date"])
      if not seconds then
        return incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
      end
      date = core.time_amz(seconds)
    end
    return {
      credential = fields.Credential, signed_headers = fields.SignedHeaders, signature = fields.Signature, date = date,
      token = request.headers["x-amz-security-token"],
    }
  end
  local function first(name) return query[name] and query[name][1] end
  if first("X-Amz-Algorithm") ~= ALGORITHM then
    return nil, exception("MissingAuthenticationTokenException", "Missing Authentication Token")
  end
  for _, name in ipairs { "Credential", "SignedHeaders", "Signature", "Date", "Expires" } do
    if not first("X-Amz-" .. name) then
      return incomplete("AWS query-string parameters must include 'X-Amz-%s'.", name)
    end
  end
  local expires = tonumber(first("X-Amz-Expires"):match("^%d+$"))
  if not expires or expires < 1 or expires > MAX_EXPIRES then
    return invalid("X-Amz-Expires must be between 1 and %d seconds", MAX_EXPIRES)
  end
  return {
    credential = first("X-Amz-Credential"), signed_headers = first("X-Amz-SignedHeaders"),
    signature = first("X-Amz-Signature"), date = first("X-Amz-Date"), expires = expires,
    token = first("X-Amz-Security-Token"),
  }
end

local function check_age(claim, now)
  local time = claim.date:find("^%d%d%d%d%d%d%d%dT%d%d%d%d%d%dZ$") and core.time_parse((claim.date:gsub(
    "^(%d%d%d%d)(%d%d)(%d%d)T(%d%d)(%d%d)(%d%d)Z$", "%1-%2-%3T%4:%5:%6Z")))
  if not time then
    return incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601",
      claim.date:sub(1, 64))
  end
  now = math.floor(now)
  if claim.expires then
    if now > time + claim.expires then
      return invalid("Signature expired: %s is now earlier than %s (%s - %d sec.)", claim.date,
        core.time_amz(now - claim.expires), core.time_amz(now), claim.expires)
    end
  elseif time < now - TOLERANCE then
    return invalid("Signature expired: %s is now earlier than %s (%s - 5 min.)", claim.date,
      core.time_amz(now - TOLERANCE), core.time_amz(now))
  end
  if time > now + TOLERANCE then
    return invalid("Signature not yet current: %s is still later than %s (%s + 5 min.)", claim.date,
      core.time_amz(now + TOLERANCE), core.time_amz(now))
  end
  return true
end

local function check_scope(claim, regions)
  local id, date, region, service, terminator = claim.credential:match("^([^/]+)/([^/]*)/([^/]*)/([^/]*)/([^/]*)$")
  if not id then
    return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
      .. "got '%s'", claim.credential:sub(1, 128))
  end
  if terminator ~= "aws4_request" then
    return invalid("Credential should be scoped with a valid terminator: 'aws4_request', not '%s'.", terminator)
  end
  if date ~= claim.date:sub(1, 8) then
    return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
      .. "'%s' != '%s', from '%s'.", date, claim.date:sub(1, 8), claim.date)
  end
  if service ~= "bedrock" then
    return invalid("Credential should be scoped to correct service: 'bedrock'.")
  end
  if not region:find("^%l%l+%-[%l%d-]+$") or regions and not regions[region] then
    return invalid("Credential should be scoped to a valid region.")
  end
  return { access_key_id = id, date = date, region = region, service = service }
end

-- `host` and all of x-amz-* have to be signed; a header that was signed has to be there.
local function check_signed_headers(claim, request)
  local signed, names = {}, {}
  for name in claim.signed_headers:gmatch("[^;]+") do
    if signed[name] or name ~= name:lower() then return invalid("SignedHeaders is not canonical.") end
    signed[name] = true
    names[#names + 1] = name
  end
  if not signed["host"] then
    return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
  end
  for name in pairs(request.headers) do
    if name:sub(1, 6) == "x-amz-" and not signed[name] then
      return invalid("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
    end
  end
  return names
end

local function compute(request, claim, scope, names, secret)
  table.sort(names)
  local lines = {}
  for i, name in ipairs(names) do
    local value = request.headers[name]
    -- A header that was signed and did not arrive counts as empty: the signature then differs.
    lines[i] = name .. ":" .. squeeze(value or "") .. "\n"
  end
  local canonical = table.concat({
    request.method, canonical_uri(request.path), canonical_query(request.query), table.concat(lines),
    claim.signed_headers, core.hex(core.sha256(request.body)),
  }, "\n")
  local scope_text = table.concat({ scope.date, scope.region, scope.service, "aws4_request" }, "/")
  local to_sign = table.concat({ ALGORITHM, claim.date, scope_text, core.hex(core.sha256(canonical)) }, "\n")
  local key = "AWS4" .. secret
  for part in scope_text:gmatch("[^/]+") do key = core.hmac_sha256(key, part) end
  return core.hex(core.hmac_sha256(key, to_sign))
end

local MISMATCH = "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
  .. "Access Key and signing method. Consult the service documentation for details."
local UNKNOWN = "The security token included in the request is invalid."

local function check_bearer(options, token)
  if options.bearer_tokens[token] then return options.region end
  return nil, exception("AccessDeniedException",
    "Authentication failed: Please make sure your API Key is valid.")
end

---@class bedrock.emulator.AuthOptions
---@field region string  the region of a bearer token's requests, whose signature names none
---@field regions? table<string, true>  the regions that exist; all when left out
---@field credentials table<string, {secret_access_key: string, session_token?: string, expiration?: number}>  by access key id
---@field bearer_tokens table<string, true>
---@field verify boolean  false: nobody is refused, the region is still read from the scope

--- Check who sent a request.
---@param options bedrock.emulator.AuthOptions
---@param request {method: string, path: string, query: string, headers: table<string, string>, body: string, host_region?: string}
---@param query table<string, string[]>  decoded
---@param now number  the service's clock
---@return string|nil region
---@return bedrock.emulator.Exception? exception
function auth.check(options, request, query, now)
  local authorization = request.headers["authorization"]
  if not options.verify then
    return authorization and authorization:match("Credential=[^/]+/%d+/([%l%d-]+)/") or request.host_region
      or options.region
  end
  local bearer = authorization and authorization:match "^[Bb]earer(.*)"
  if bearer then return check_bearer(options, bearer:match "^%s*(.*%S)" or "") end

  local claim, err = read_claim(request, query)
  if not claim then return nil, err end
  local scope, names, ok
  scope, err = check_scope(claim, options.regions)
  if not scope then return nil, err end
  if request.host_region and request.host_region ~= scope.region then
    return invalid("Credential should be scoped to a valid region.")
  end
  names, err = check_signed_headers(claim, request)
  if not names then return nil, err end
  ok, err = check_age(claim, now)
  if not ok then return nil, err end

  local known = options.credentials[scope.access_key_id]
  if not known or (known.session_token or nil) ~= claim.token then
    return nil, exception("UnrecognizedClientException", UNKNOWN)
  end
  if known.expiration and now >= known.expiration then
    return nil, exception("ExpiredTokenException", "The security token included in the request is expired")
  end
  local declared = request.headers["x-amz-content-sha256"]
  if declared and declared ~= core.hex(core.sha256(request.body)) then return invalid("%s", MISMATCH) end
  if compute(request, claim, scope, names, known.secret_access_key) ~= claim.signature then
    return invalid("%s", MISMATCH)
  end
  return scope.region
end

return auth
