-- SigV4 against the published vectors, stage by stage, and what the vectors leave out: escaped paths, hosts, old
-- signatures, bad input, and the cache of signing keys.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local sigv4 = require "bedrock.sigv4"
local vectors = require "spec.support.vectors"

-- The texts of the suite end with a line feed now and then; the stages never do.
local function read_stage(path)
  return (assert(vectors.text(path), path):gsub("\n+$", ""))
end

local function list_cases()
  local names = {}
  for _, name in ipairs(vectors.available() and vectors.list("sigv4") or {}) do
    if name ~= "README.md" then
      names[#names + 1] = name
    end
  end
  return names
end

-- A raw request as the suite writes it. Values of a repeated name become a list; a folded line goes on with a blank.
local function parse_request(text)
  local head, body = text:match("^(.-\n)\n(.*)$")
  if not head then
    head, body = text, ""
  end
  local method, target
  local headers, last = {}, nil
  for line in head:gmatch("([^\n]+)") do
    local name, value = line:match("^([^%s:]+):(.*)$")
    if not method then
      method, target = line:match("^(%S+) (.*) HTTP/1%.1$")
    elseif line:match("^%s") then
      local values = headers[last]
      values[#values] = values[#values] .. " " .. line:match("^%s*(.*)$")
    else
      last = assert(name, line)
      headers[name] = headers[name] or {}
      table.insert(headers[name], value)
    end
  end
  for name, values in pairs(headers) do
    if #values == 1 then
      headers[name] = values[1]
    end
  end
  return { method = method, target = target, headers = headers, body = body }
end

local function lower_names(headers)
  local lower = {}
  for name, value in pairs(headers) do
    lower[name:lower()] = value
  end
  return lower
end

local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
local TIME = 1440938160 -- 2015-08-30T12:36:00Z

local function options(more)
  local o = { credentials = KEYS, region = "us-east-1", service = "service", time = TIME }
  for name, value in pairs(more or {}) do
    o[name] = value
  end
  return o
end

local function sign(request, more)
  request.method = request.method or "GET"
  return sigv4.sign(request, options(more))
end

local function canonical_lines(signed)
  local lines = {}
  for line in (signed.signing.canonical_request .. "\n"):gmatch("(.-)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

describe("bedrock.sigv4, published vectors:", function()
  local names = list_cases()
  if #names == 0 then
    pending(vectors.missing)
  else
    it("there are nineteen of them", function()
      assert.are.equal(19, #names)
    end)
  end

  for _, name in ipairs(names) do
    local folder = "sigv4/" .. name .. "/"
    local context = vectors.json(folder .. "context.json")
    local raw = parse_request(vectors.text(folder .. "request.txt"))
    local request = {
      method = raw.method,
      url = "https://" .. raw.headers.Host .. raw.target,
      headers = raw.headers,
      body = raw.body,
    }

    for _, form in ipairs { "header", "query" } do
      it(name .. ", " .. form .. " form", function()
        local signed, err = sigv4.sign(request, {
          credentials = {
            access_key_id = context.credentials.access_key_id,
            secret_access_key = context.credentials.secret_access_key,
            session_token = context.credentials.token,
          },
          region = context.region,
          service = context.service,
          time = core.time_parse(context.timestamp),
          normalize_path = context.normalize,
          sign_body_header = context.sign_body,
          omit_session_token = context.omit_session_token,
          presign = form == "query",
          expires = context.expiration_in_seconds,
        })
        assert.is_nil(err)
        local stage = folder .. form .. "-"
        assert.are.equal(read_stage(stage .. "canonical-request.txt"), signed.signing.canonical_request)
        assert.are.equal(read_stage(stage .. "string-to-sign.txt"), signed.signing.string_to_sign)
        assert.are.equal(read_stage(stage .. "signature.txt"), signed.signing.signature)
        local expected = parse_request(vectors.text(stage .. "signed-request.txt"))
        assert.are.equal("https://" .. raw.headers.Host .. expected.target, signed.url)
        assert.are.same(lower_names(expected.headers), lower_names(signed.headers))
        assert.are.equal(expected.method, signed.method)
        local names_signed = signed.signing.canonical_request:match("\n([^\n]*)\n[^\n]*$")
        assert.are.equal(names_signed, signed.signing.signed_headers)
      end)
    end
  end
end)

describe("bedrock.sigv4, requests to Bedrock:", function()
  local cases = vectors.available() and vectors.json("bedrock/requests.json") or {}
  if #cases == 0 then
    pending(vectors.missing)
  end

  for _, case in ipairs(cases) do
    it(case.id, function()
      local wire, signing = case.request, case.signing
      local url = "https://" .. wire.host .. wire.path .. (wire.query ~= "" and "?" .. wire.query or "")
      local token = signing.sessionToken
      if token == core.json_null then
        token = nil
      end
      local seconds = core.time_parse(signing.date)
      local signed = assert(sigv4.sign({ method = wire.method, url = url, headers = wire.headers, body = signing.bodyText }, {
        credentials = {
          access_key_id = signing.accessKeyId,
          secret_access_key = signing.secretAccessKey,
          session_token = token,
        },
        region = signing.region,
        service = signing.service,
        time = seconds,
      }))
      assert.are.equal(signing.canonicalRequest, signed.signing.canonical_request)
      assert.are.equal(signing.stringToSign, signed.signing.string_to_sign)
      assert.are.equal(signing.authorization, signed.headers["Authorization"])
      assert.are.equal(signing.date, signed.headers["X-Amz-Date"])
      assert.are.equal(token, signed.headers["X-Amz-Security-Token"])

      -- The engine's own door gives the same.
      local authorization, date = core.sigv4_headers(wire.method, url, wire.headers, signing.bodyText,
        signing.accessKeyId, signing.secretAccessKey, token, signing.region, signing.service, seconds)
      assert.are.equal(signing.authorization, authorization)
      assert.are.equal(signing.date, date)
    end)
  end
end)

describe("bedrock.sigv4, the canonical request:", function()
  local paths = {
    -- path, canonical URI, options
    { "", "/" },
    { "/", "/" },
    { "//", "/" },
    { "/a//b", "/a/b" },
    { "/a/", "/a/" },
    { "/a//", "/a/" },
    { "/./a/./b", "/a/b" },
    { "/a/../b", "/b" },
    { "/a/../../b/", "/b/" },
    { "/..", "/" },
    { "/a/..", "/" },
    { "/a/../", "/" },
    { "/.hidden/...", "/.hidden/..." },
    { "/x%3Ay%2Fz", "/x%253Ay%252Fz" },
    { "/a/%2E%2E/b", "/a/%252E%252E/b" },
    { "/a%2F..%2Fb", "/a%252F..%252Fb" },
    { "/~user/-._", "/~user/-._" },
    { "/a+b,c;d=e@f:g!$&'()*", "/a%2Bb%2Cc%3Bd%3De%40f%3Ag%21%24%26%27%28%29%2A" },
    { "/caf\195\169", "/caf%C3%A9" },
    { "/a%20b", "/a%20b", { double_encode = false } },
    { "/a b/caf\195\169", "/a%20b/caf%C3%A9", { double_encode = false } },
    { "//a/../b/", "//a/../b/", { double_encode = false, normalize_path = false } },
  }
  for _, row in ipairs(paths) do
    it(("path %q is signed as %q"):format(row[1], row[2]), function()
      local signed = assert(sign({ url = "https://h.example" .. row[1] }, row[3]))
      assert.are.equal(row[2], canonical_lines(signed)[2])
    end)
  end

  local queries = {
    { "", "" },
    { "?", "" },
    { "?a", "a=" },
    { "?a=", "a=" },
    { "?=v", "=v" },
    { "?b=2&a=1", "a=1&b=2" },
    { "?a=2&a=1&a=10", "a=1&a=10&a=2" },
    { "?a-b=1&a=1", "a=1&a-b=1" },
    { "?B=1&a=1", "B=1&a=1" },
    { "?a=1&&b=2&", "a=1&b=2" },
    { "?a=x%2Fy%20z", "a=x%2Fy%20z" },
    { "?a=x%2fy", "a=x%2Fy" },
    { "?a=x/y:z", "a=x%2Fy%3Az" },
    { "?a=1+1", "a=1%2B1" },
    { "?a=%7E*", "a=~%2A" },
    { "?a=b=c", "a=b%3Dc" },
    { "?a=100%&b=%zz", "a=100%25&b=%25zz" },
    { "?t=2024-01-01T00%3A00%3A00Z", "t=2024-01-01T00%3A00%3A00Z" },
  }
  for _, row in ipairs(queries) do
    it(("query %q is signed as %q"):format(row[1], row[2]), function()
      local signed = assert(sign { url = "https://h.example/" .. row[1] })
      assert.are.equal(row[2], canonical_lines(signed)[3])
    end)
  end

  it("sorts many parameters and many headers", function()
    local parts, headers = {}, {}
    for i = 100, 1, -1 do
      parts[#parts + 1] = ("p%03d=%d"):format(i, i)
      headers[("X-H%03d"):format(i)] = tostring(i)
    end
    local signed = assert(sign { url = "https://h.example/?" .. table.concat(parts, "&"), headers = headers })
    local sorted = {}
    for i = 1, 100 do
      sorted[i] = ("p%03d=%d"):format(i, i)
    end
    local lines = canonical_lines(signed)
    assert.are.equal(table.concat(sorted, "&"), lines[3])
    assert.are.equal("host:h.example", lines[4])
    assert.are.equal("x-amz-date:20150830T123600Z", lines[5])
    assert.are.equal("x-h001:1", lines[6])
    assert.are.equal("x-h100:100", lines[105])
  end)

  local hosts = {
    { "https://h.example/", "h.example" },
    { "https://H.Example/", "h.example" },
    { "https://h.example:443/", "h.example" },
    { "http://h.example:80", "h.example" },
    { "http://h.example:443/", "h.example:443" },
    { "https://h.example:80/", "h.example:80" },
    { "http://127.0.0.1:8080/base", "127.0.0.1:8080" },
    { "http://h.example:/", "h.example" },
    { "https://user:pass@h.example/", "h.example" },
    { "https://u@h.example:8443/", "h.example:8443" },
    { "http://[fd00:ec2::254]/", "[fd00:ec2::254]" },
    { "http://[FD00:EC2::254]:8080/", "[fd00:ec2::254]:8080" },
    { "HTTPS://h.example:443/", "h.example" },
    { "https://h.example?a=1", "h.example" },
  }
  for _, row in ipairs(hosts) do
    it(("the host of %s is signed as %s"):format(row[1], row[2]), function()
      local signed = assert(sign { url = row[1] })
      assert.are.equal("host:" .. row[2], canonical_lines(signed)[4])
    end)
  end

  it("signs a Host header that is given as it will be sent", function()
    local signed = assert(sign { url = "https://127.0.0.1:8443/", headers = { HOST = "front.example" } })
    assert.are.equal("host:front.example", canonical_lines(signed)[4])
    assert.are.equal("front.example", signed.headers.HOST)
  end)

  it("trims header values and squeezes blanks and tabs", function()
    local signed = assert(sign { url = "https://h.example/", headers = {
      A = "  x \t  y  ", B = { "1  2", " 3", "" }, C = "", D = "\t", E = 5, F = { 6, "7" },
    } })
    local lines = canonical_lines(signed)
    assert.are.equal("a:x y", lines[4])
    assert.are.equal("b:1 2,3,", lines[5])
    assert.are.equal("c:", lines[6])
    assert.are.equal("d:", lines[7])
    assert.are.equal("e:5", lines[8])
    assert.are.equal("f:6,7", lines[9])
  end)

  it("never signs what proxies and clients change", function()
    local headers = {}
    for name in ("Authorization Connection Expect Keep-Alive Proxy-Authenticate Proxy-Authorization TE Trailer "
      .. "Transfer-Encoding Upgrade User-Agent X-Amzn-Trace-Id"):gmatch("%S+") do
      headers[name] = "x"
    end
    headers["Content-Type"] = "text/plain"
    headers["amz-sdk-request"] = "attempt=1; max=3"
    local signed = assert(sign { url = "https://h.example/", headers = headers })
    assert.are.equal("amz-sdk-request;content-type;host;x-amz-date", signed.signing.signed_headers)
    assert.are.equal("x", signed.headers["User-Agent"])
    local authorization = core.sigv4_headers("GET", "https://h.example/", headers, nil, "AK", "SK", nil, "r", "s", 0)
    assert.is_truthy(authorization:find("SignedHeaders=amz-sdk-request;content-type;host;x-amz-date,", 1, true))
  end)

  it("hashes the body", function()
    local empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for body, hash in pairs { [""] = empty, ["a\0b"] = core.hex(core.sha256("a\0b")) } do
      local signed = assert(sign { method = "POST", url = "https://h.example/", body = body })
      assert.are.equal(hash, signed.signing.canonical_request:match("[^\n]*$"))
    end
    local signed = assert(sign({ url = "https://h.example/", headers = { ["x-amz-content-SHA256"] = "old" } },
      { sign_body_header = true }))
    assert.are.equal(empty, signed.headers["x-amz-content-sha256"])
    assert.is_nil(signed.headers["x-amz-content-SHA256"])
  end)

  it("holds a given x-amz-content-sha256 against the body", function()
    local function try(url, value)
      return sign { url = url, body = "b", headers = { ["x-amz-content-sha256"] = value } }
    end
    assert(try("https://h.example/", core.hex(core.sha256 "b")))
    local signed = assert(try("https://h.example/", "UNSIGNED-PAYLOAD"))
    assert.are.equal("UNSIGNED-PAYLOAD", signed.signing.canonical_request:match("[^\n]*$"))
    local _, err = try("http://h.example/", "UNSIGNED-PAYLOAD")
    assert.is_truthy(err.message:find("https only", 1, true))
    _, err = try("https://h.example/", core.hex(core.sha256 "other"))
    assert.is_truthy(err.message:find("not the SHA-256 of the body", 1, true))
  end)
end)

describe("bedrock.sigv4, the signed request:", function()
  it("is a copy: the caller's tables stay as they were", function()
    local list = { "1", "2" }
    local request = { method = "GET", url = "https://h.example/", headers = { A = "1", B = list }, tag = "mine" }
    local signed = assert(sign(request))
    assert.are.same({ A = "1", B = { "1", "2" } }, request.headers)
    assert.is_nil(request.signing)
    assert.are.equal("mine", signed.tag)
    assert.are_not.equal(list, signed.headers.B)
    assert.are.same(list, signed.headers.B)
  end)

  it("replaces an earlier signature in any case of its names", function()
    local with_token = { credentials = {
      access_key_id = KEYS.access_key_id, secret_access_key = KEYS.secret_access_key, session_token = "new",
    } }
    local signed = assert(sign({ url = "https://h.example/", headers = {
      AUTHORIZATION = "old", ["x-amz-DATE"] = "old", ["X-AMZ-security-token"] = "old",
    } }, with_token))
    assert.are.same({
      ["authorization"] = signed.headers["Authorization"],
      ["x-amz-date"] = "20150830T123600Z",
      ["x-amz-security-token"] = "new",
    }, lower_names(signed.headers))
    local count = 0
    for _ in pairs(signed.headers) do
      count = count + 1
    end
    assert.are.equal(3, count)
    local again = assert(sigv4.sign(signed, options(with_token)))
    assert.are.equal(signed.headers.Authorization, again.headers.Authorization)
    -- Without a token the old one goes, too.
    assert.is_nil(assert(sign(signed)).headers["X-Amz-Security-Token"])
  end)

  it("carries a session token unsigned where that is asked for", function()
    local keys = { access_key_id = "AK", secret_access_key = "SK", session_token = "to/ken=" }
    local signed = assert(sign({ url = "https://h.example/" }, { credentials = keys, omit_session_token = true }))
    assert.are.equal("host;x-amz-date", signed.signing.signed_headers)
    assert.are.equal("to/ken=", signed.headers["X-Amz-Security-Token"])
    signed = assert(sign({ url = "https://h.example/" }, { credentials = keys, omit_session_token = true, presign = true }))
    assert.is_nil(signed.signing.canonical_request:find("Security-Token", 1, true))
    assert.is_truthy(signed.url:find("&X-Amz-Security-Token=to%2Fken%3D&X-Amz-Signature=", 1, true))
  end)

  it("treats an empty session token as none", function()
    local keys = { access_key_id = "AK", secret_access_key = "SK", session_token = "" }
    local signed = assert(sign({ url = "https://h.example/" }, { credentials = keys }))
    assert.is_nil(signed.headers["X-Amz-Security-Token"])
  end)

  it("presigns a URL with a query, without a path, and once more", function()
    local signed = assert(sign({ url = "https://h.example?b=x%2Fy&a=1" }, { presign = true, expires = 60 }))
    assert.is_truthy(signed.url:find("^https://h%.example/%?b=x%%2Fy&a=1&X%-Amz%-Algorithm=AWS4%-HMAC%-SHA256&"))
    assert.is_truthy(signed.url:find("&X-Amz-Expires=60&", 1, true))
    assert.is_nil(signed.headers.Authorization)
    local again = assert(sign({ url = signed.url }, { presign = true, expires = 60 }))
    assert.are.equal(signed.url, again.url)
  end)

  it("presigns for an hour by default", function()
    local signed = assert(sign({ url = "https://h.example/" }, { presign = true }))
    assert.is_truthy(signed.url:find("&X-Amz-Expires=3600&", 1, true))
  end)

  it("rounds the time down to the second", function()
    local signed = assert(sign({ url = "https://h.example/" }, { time = TIME + 0.999 }))
    assert.are.equal("20150830T123600Z", signed.headers["X-Amz-Date"])
  end)
end)

describe("bedrock.sigv4, bad input:", function()
  local URL = "https://h.example/"
  local function keys(more)
    local k = { access_key_id = "AK", secret_access_key = "SK" }
    for name, value in pairs(more) do
      k[name] = value
    end
    return { credentials = k }
  end
  local none = {}
  local rows = {
    { "a method with a line feed", { method = "GET\nX", url = URL }, none, "method" },
    { "an empty method", { method = "", url = URL }, none, "method" },
    { "a method that is a table", { method = {}, url = URL }, none, "request.method must be a string" },
    { "no URL", {}, none, "url" },
    { "a URL without scheme", { url = "h.example/" }, none, "url must start with https:// or http://" },
    { "a URL without host", { url = "https:///path" }, none, "url has no host" },
    { "a URL with nothing but user info", { url = "https://user@/path" }, none, "url has no host" },
    { "a URL with only a port", { url = "https://:8080/" }, none, "url has no host" },
    { "a URL with a line feed", { url = URL .. "a\nb" }, none, "url has a control character" },
    { "a URL with CR", { url = URL .. "a\rb" }, none, "url has a control character" },
    { "a URL with NUL", { url = URL .. "a\0b" }, none, "url has a control character" },
    { "a URL with a fragment", { url = URL .. "#top" }, none, "fragment" },
    { "a port that is none", { url = "https://h.example:x/" }, none, "port" },
    { "a port too high", { url = "https://h.example:65536/" }, none, "port" },
    { "a host with a blank", { url = "https://h example/" }, none, "host" },
    { "an IPv6 address without brackets", { url = "http://fd00:ec2::254/" }, none, "port" },
    { "an IPv6 address with one bracket", { url = "http://[fd00:ec2::254/" }, none, "IPv6" },
    { "text behind an IPv6 address", { url = "http://[::1]x/" }, none, "IPv6" },
    { "a header name with a line feed", { url = URL, headers = { ["A\nB"] = "x" } }, none, 'header "A?B" has a name' },
    { "a header name with NUL", { url = URL, headers = { ["A\0"] = "x" } }, none, 'header "A?" has a name' },
    { "a header name with a colon", { url = URL, headers = { ["A:"] = "x" } }, none, "has a name" },
    { "an empty header name", { url = URL, headers = { [""] = "x" } }, none, "has a name" },
    { "a header name that is a number", { url = URL, headers = { "x" } }, none, "must have strings for names" },
    { "a header value with CR", { url = URL, headers = { A = "x\ry" } }, none, 'header "A" must not contain' },
    { "a header value with LF", { url = URL, headers = { A = "x\ny" } }, none, 'header "A" must not contain' },
    { "a header value with NUL", { url = URL, headers = { A = "x\0y" } }, none, 'header "A" must not contain' },
    { "a list with LF", { url = URL, headers = { A = { "x", "y\n" } } }, none, 'header "A" must not contain' },
    { "a header value that is a boolean", { url = URL, headers = { A = true } }, none, "A must be a string" },
    { "a list with a table", { url = URL, headers = { A = { {} } } }, none, "A must have strings" },
    { "headers in one text", { url = URL, headers = "A: b" }, none, "request.headers must be a table" },
    { "a header given in two cases", { url = URL, headers = { ["X-A"] = "1", ["x-a"] = "2" } }, none, "given twice" },
    { "an empty Host header", { url = URL, headers = { Host = "" } }, none, 'header "host" is empty' },
    { "a body that is a table", { url = URL, body = {} }, none, "request.body must be a string" },
    { "an empty region", { url = URL }, { region = "" }, "region is missing" },
    { "a region with a slash", { url = URL }, { region = "us/east" }, "region must be" },
    { "a region with a line feed", { url = URL }, { region = "us-east-1\n" }, "region must be" },
    { "a region that is a number", { url = URL }, { region = 1 }, "options.region must be a string" },
    { "an empty service", { url = URL }, { service = "" }, "service is missing" },
    { "a service with NUL", { url = URL }, { service = "a\0" }, "service must be" },
    { "credentials in one text", { url = URL }, { credentials = "AK:SK" }, "options.credentials must be a table" },
    { "an empty access key", { url = URL }, keys { access_key_id = "" }, "access_key_id is missing" },
    { "an access key with CR", { url = URL }, keys { access_key_id = "AK\r" }, "access_key_id must be" },
    { "an access key with a comma", { url = URL }, keys { access_key_id = "A,K" }, "access_key_id must be" },
    { "an empty secret", { url = URL }, keys { secret_access_key = "" }, "secret_access_key is missing" },
    { "a secret with LF", { url = URL }, keys { secret_access_key = "hush\n" }, "secret_access_key must not contain" },
    { "a token with NUL", { url = URL }, keys { session_token = "hush\0" }, "session_token must not contain" },
    { "a token with CR", { url = URL }, keys { session_token = "hush\r" }, "session_token must not contain" },
    { "a token that is a number", { url = URL }, keys { session_token = 5 }, "credentials.session_token must be" },
    { "a time that is text", { url = URL }, { time = "now" }, "options.time must be a number" },
    { "a time after the year 9999", { url = URL }, { time = 253402300800 }, "time must be" },
    { "a time before the year 0", { url = URL }, { time = -62167219201 }, "time must be" },
    { "a time that is not a number", { url = URL }, { time = 0 / 0 }, "time must be" },
    { "an infinite time", { url = URL }, { time = math.huge }, "time must be" },
    { "expiry 0", { url = URL }, { presign = true, expires = 0 }, "expires must be" },
    { "expiry after more than a week", { url = URL }, { presign = true, expires = 604801 }, "expires must be" },
    { "half a second of expiry", { url = URL }, { presign = true, expires = 1.5 }, "expires must be" },
    { "an expiry that is text", { url = URL }, { presign = true, expires = "60" }, "options.expires must be" },
    { "a misspelt option", { url = URL }, { presing = true }, "unknown option presing; did you mean presign?" },
  }
  for _, row in ipairs(rows) do
    it(row[1] .. " is refused", function()
      local signed, err = sign(row[2], row[3])
      assert.is_nil(signed)
      assert.is_true(errors.is(err))
      assert.are.equal("ParamValidationError", err.code)
      assert.is_truthy(err.message:find(row[4], 1, true), err.message)
      assert.is_nil(tostring(err):find("hush", 1, true))
    end)
  end

  it("a missing request, option table, region, service, time and credentials are refused", function()
    assert.is_truthy(select(2, sigv4.sign(nil, {})).message:find("request table", 1, true))
    assert.is_truthy(select(2, sigv4.sign({}, nil)).message:find("table of options", 1, true))
    for _, name in ipairs { "region", "service", "time", "credentials" } do
      local o = options()
      o[name] = nil
      local signed, err = sigv4.sign({ method = "GET", url = URL }, o)
      assert.is_nil(signed)
      assert.is_truthy(err.message:find(name, 1, true))
    end
  end)

  it("the engine's door refuses the same with a message", function()
    local function try(more)
      local a = { "GET", URL, {}, "", "AK", "SK", "T", "r", "s", 0 }
      for i, value in pairs(more) do
        a[i] = value
      end
      return core.sigv4_headers(a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10])
    end
    assert.are.equal("19700101T000000Z", select(2, try {}))
    local bad = {
      { { "G T" }, "method" },
      { { [2] = "https://" }, "url has no host" },
      { { [3] = { a = "\n" } }, 'header "a"' },
      { { [3] = { a = 1 } }, "a must be a string" },
      { { [3] = { a = { 1 } } }, "a must have strings" },
      { { [3] = { "x" } }, "headers must have strings" },
      { { [5] = "" }, "access_key_id" },
      { { [6] = "" }, "secret_access_key" },
      { { [7] = "a\nb" }, "session_token" },
      { { [8] = "" }, "region" },
      { { [9] = "" }, "service" },
      { { [10] = math.huge }, "time" },
    }
    for _, row in ipairs(bad) do
      local authorization, message = try(row[1])
      assert.is_nil(authorization)
      assert.is_truthy(message:find(row[2], 1, true), message)
    end
    for i = 1, 10 do
      assert.has_error(function()
        try { [i] = true }
      end)
    end
  end)

  it("huge input is signed or refused, not cut", function()
    local long = ("x"):rep(200000)
    local signed = assert(sign { method = "POST", url = URL .. long .. "?" .. long .. "=" .. long,
      headers = { A = long }, body = long })
    assert.is_truthy(signed.signing.canonical_request:find("\na:" .. long .. "\n", 1, true))
    local _, err = sign { url = URL, headers = { [long] = "\n" } }
    assert.is_true(#err.message < 200)
  end)
end)

describe("bedrock.sigv4, signing keys:", function()
  local function signature(o)
    return assert(sign({ url = "https://h.example/" }, o)).signing.signature
  end

  it("depend on secret, day, region and service, cached or not", function()
    local variants = {
      {},
      { credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "other" } },
      { time = TIME + 86400 },
      { time = TIME + 1 },
      { region = "eu-west-1" },
      { service = "sts" },
    }
    local first, seen = {}, {}
    for i, variant in ipairs(variants) do
      first[i] = signature(variant)
      assert.is_nil(seen[first[i]])
      seen[first[i]] = true
    end
    for i, variant in ipairs(variants) do
      assert.are.equal(first[i], signature(variant))
    end
    sigv4.forget()
    for i = #variants, 1, -1 do
      assert.are.equal(first[i], signature(variants[i]))
    end
  end)

  it("are right when more are in use than are kept", function()
    local first = {}
    for _ = 1, 3 do
      for i = 1, 120 do
        local found = signature { region = "r" .. i }
        assert.are.equal(first[i] or found, found)
        first[i] = found
      end
    end
  end)

  it("a signing inside a finalizer does not disturb the one that the collector interrupted", function()
    local expected = signature {}
    local interrupted = 0
    local function garbage()
      local finalizer = function()
        interrupted = interrupted + 1
        core.sigv4_headers("POST", "https://other.example/", {}, ("y"):rep(500), "AK2", "SK2", "T", "r2", "s2", 1)
        core.base64_encode(("z"):rep(500))
      end
      local newproxy = rawget(_G, "newproxy")
      if newproxy then
        getmetatable(newproxy(true)).__gc = finalizer
      else
        setmetatable({}, { __gc = finalizer })
      end
    end
    local text = core.base64_encode(("a"):rep(3000))
    for _ = 1, 3000 do
      garbage()
      assert.are.equal(expected, signature {})
      assert.are.equal(text, core.base64_encode(("a"):rep(3000)))
    end
    collectgarbage()
    assert.is_true(interrupted > 0)
  end)
end)
