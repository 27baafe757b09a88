local caller = require "spec.bedrock.emulator.caller"
local core = require "bedrock.core"

local SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

-- A signed request with something changed on its way.
local function tampered(e, change, request, how)
  local signed = caller.sign(e, request or { method = "GET", url = "http://127.0.0.1:8080/foundation-models", headers = {} },
    how)
  change(signed)
  local response = e:handle(signed)
  assert.is_nil(e.failure)
  return response.headers["x-amzn-errortype"], core.json_decode_plain(response.body).message, response.status
end

local function header(request, name)
  for key, value in pairs(request.headers) do
    if key:lower() == name then return value, key end
  end
end

local function edit(request, name, change)
  local value, key = header(request, name)
  request.headers[key] = change(value)
end

describe("the emulator's check of signatures", function()
  local e
  before_each(function() e = caller.new {} end)

  it("lets a signed request in", function()
    local _, response = caller.send(e, "GET", "/foundation-models")
    assert.equal(200, response.status)
  end)

  it("lets in what the signer signs: odd paths, queries, bodies, presigned URLs, a hashed body", function()
    local paths = {
      "/custom-models/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Acustom-model%2Famazon.titan-text-lite-v1%3A0%3A4k%2F"
        .. "abcdefghijkl",
      "/custom-models/a~b_c-d.e", "/custom-models/%C3%A9%20%2B", "/custom-models?nameContains=b&maxResults=2&isOwned=true",
      "//custom-models/../custom-models/./x",
      "/custom-models/.", "/custom-models/x/..", "/custom-models/./", "/custom-models?sortOrder=Ascending&creationTimeAfter=2024-01-01T00%3A00%3A00Z",
      "/custom-models?nameContains=", "/custom-models?flag&a=2&a=1",
    }
    for _, path in ipairs(paths) do
      local _, response = caller.send(e, "GET", path)
      assert.is_true(response.status ~= 403, path)
    end
    local _, response = caller.send(e, "GET", "/foundation-models", nil, { presign = true, expires = 60 })
    assert.equal(200, response.status)
    _, response = caller.send(e, "POST", "/listTagsForResource", { resourceARN = ("a"):rep(30) }, { sign_body_header = true })
    assert.equal(404, response.status)
  end)

  it("finds every kind of tampering", function()
    local changes = {
      body = function(r) r.body = "x" end,
      method = function(r) r.method = "POST" end,
      path = function(r) r.url = r.url:gsub("foundation", "custom") end,
      query = function(r) r.url = r.url .. "?byProvider=Meta" end,
      ["a signed header"] = function(r) r.headers.Host = "example.com" end,
      signature = function(r)
        edit(r, "authorization", function(v) return (v:gsub("%x$", function(c) return c == "0" and "1" or "0" end)) end)
      end,
    }
    for what, change in pairs(changes) do
      local code, message, status = tampered(e, change, {
        method = "GET", url = "http://127.0.0.1:8080/foundation-models", headers = {},
      })
      if what ~= "method" then -- a POST there is no operation at all
        assert.equal("InvalidSignatureException", code, what)
        assert.equal(403, status)
        assert.truthy(message:find("does not match the signature you provided", 1, true))
      end
      assert.is_nil(message:find(SECRET, 1, true))
    end
  end)

  it("finds a wrong secret, an unknown key, and a missing or wrong session token", function()
    local function code(credentials)
      return (caller.refused(e, "GET", "/custom-models", nil, { credentials = credentials }))
    end
    assert.equal("InvalidSignatureException", code { access_key_id = "AKIDEXAMPLE", secret_access_key = "wrong" })
    assert.equal("UnrecognizedClientException", code { access_key_id = "AKIDOTHER", secret_access_key = SECRET })
    assert.equal("UnrecognizedClientException",
      code { access_key_id = "AKIDEXAMPLE", secret_access_key = SECRET, session_token = "unasked" })
  end)

  it("knows session tokens and their end", function()
    local credentials = {
      access_key_id = "ASIATEMP", secret_access_key = "s", session_token = "the/token==", expiration = caller.START + 100,
    }
    e = caller.new { credentials = credentials }
    local how = { credentials = credentials }
    assert.equal(200, select(2, caller.send(e, "GET", "/custom-models", nil, how)).status)
    e:advance(100)
    local code, message, status = caller.refused(e, "GET", "/custom-models", nil, how)
    assert.equal("ExpiredTokenException", code)
    assert.equal("The security token included in the request is expired", message)
    assert.equal(403, status)
    assert.equal("UnrecognizedClientException", (caller.refused(e, "GET", "/custom-models", nil, {
      credentials = { access_key_id = "ASIATEMP", secret_access_key = "s" } })))
  end)

  it("answers 403 MissingAuthenticationTokenException without a signature", function()
    local response = e:handle { method = "GET", url = "http://127.0.0.1/custom-models", headers = {} }
    assert.equal(403, response.status)
    assert.equal("MissingAuthenticationTokenException", response.headers["x-amzn-errortype"])
  end)

  local incomplete = {
    ["another algorithm"] = function(v) return v:gsub("SHA256", "SHA1") end,
    ["no Signature"] = function(v) return v:gsub(", Signature=%x+", "") end,
    ["no SignedHeaders"] = function(v) return v:gsub("SignedHeaders", "Headers") end,
    ["a scope of four parts"] = function(v) return v:gsub("/aws4_request", "") end,
    ["nothing but a word"] = function() return "x" end,
  }
  for what, change in pairs(incomplete) do
    it("answers 400 IncompleteSignatureException to " .. what, function()
      local code, _, status = tampered(e, function(r)
        edit(r, "authorization", function(v) return (change(v)) end)
      end)
      assert.equal("IncompleteSignatureException", code)
      assert.equal(400, status)
    end)
  end

  local invalid = {
    { "another region's name", "us%-east%-1", "nowhere", "valid region" },
    { "another service", "/bedrock/", "/s3/", "correct service: 'bedrock'" },
    { "another terminator", "aws4_request", "aws3_request", "valid terminator" },
    { "another day", "/2026112%d/", "/20261101/", "does not match YYYYMMDD" },
    { "an unsigned host", "SignedHeaders=host;", "SignedHeaders=", "'Host'" },
    { "an unsigned x-amz-date", ";x%-amz%-date", "", "'x-amz-date'" },
  }
  for _, row in ipairs(invalid) do
    it("refuses " .. row[1] .. " in words that tell", function()
      local code, message, status = tampered(e, function(r)
        edit(r, "authorization", function(v) return (v:gsub(row[2], row[3])) end)
      end)
      assert.equal("InvalidSignatureException", code)
      assert.equal(403, status)
      assert.truthy(message:find(row[4], 1, true), message)
    end)
  end

  it("refuses signatures that are more than five minutes old or early, in AWS's words", function()
    local code, message = caller.refused(e, "GET", "/custom-models", nil, { time = caller.START - 301 })
    assert.equal("InvalidSignatureException", code)
    assert.equal("Signature expired: 20261123T075459Z is now earlier than 20261123T075500Z (20261123T080000Z - 5 min.)", message)
    code, message = caller.refused(e, "GET", "/custom-models", nil, { time = caller.START + 301 })
    assert.equal("InvalidSignatureException", code)
    assert.equal("Signature not yet current: 20261123T080501Z is still later than 20261123T080500Z (20261123T080000Z + 5 min.)",
      message)
    for _, offset in ipairs { -300, 300 } do
      assert.equal(200, select(2, caller.send(e, "GET", "/custom-models", nil, { time = caller.START + offset })).status)
    end
  end)

  it("can have a clock that is apart from its clients', and shows it in Date", function()
    e:skew(3600)
    local code, _ = caller.refused(e, "GET", "/custom-models")
    assert.equal("InvalidSignatureException", code)
    local _, response = caller.send(e, "GET", "/custom-models", nil, { time = e:now() + 3600 })
    assert.equal(200, response.status)
    assert.equal("Mon, 23 Nov 2026 09:00:00 GMT", response.headers.date)
    e:skew(0)
    assert.equal(200, select(2, caller.send(e, "GET", "/custom-models")).status)
  end)

  it("ends presigned URLs", function()
    local code = caller.refused(e, "GET", "/custom-models", nil,
      { presign = true, expires = 60, time = caller.START - 61 })
    assert.equal("InvalidSignatureException", code)
  end)

  it("refuses a declared body hash that is not the body's", function()
    local code = tampered(e, function(r) r.headers["x-amz-content-sha256"] = ("0"):rep(64) end, {
      method = "POST", url = "http://127.0.0.1/tagResource", headers = {}, body = "{}",
    }, { sign_body_header = true })
    assert.equal("InvalidSignatureException", code)
  end)

  it("takes the region from the scope, and holds it against the host's", function()
    local request = { method = "GET", url = "https://bedrock.eu-west-1.amazonaws.com/custom-models", headers = {} }
    assert.equal(200, e:handle(caller.sign(e, request, { region = "eu-west-1" })).status)
    assert.equal(403, e:handle(caller.sign(e, request, { region = "eu-west-2" })).status)
    local few = caller.new { regions = { "us-east-1" } }
    assert.equal("InvalidSignatureException", (caller.refused(few, "GET", "/custom-models", nil, { region = "us-west-2" })))
  end)

  it("knows bearer tokens", function()
    e = caller.new { bearer_tokens = { "the-key" } }
    local function ask(token)
      return e:handle { method = "GET", url = "http://127.0.0.1/custom-models", headers = { Authorization = "Bearer " .. token } }
    end
    assert.equal(200, ask("the-key").status)
    for _, token in ipairs { "another", "", "the-key2" } do
      local response = ask(token)
      assert.equal(403, response.status)
      assert.equal("AccessDeniedException", response.headers["x-amzn-errortype"])
      assert.is_nil(response.body:find("the-key", 1, true))
    end
  end)

  it("lets everybody in when told to", function()
    e = caller.new { verify_signatures = false }
    assert.equal(200, e:handle({ method = "GET", url = "http://127.0.0.1/custom-models" }).status)
  end)
end)
