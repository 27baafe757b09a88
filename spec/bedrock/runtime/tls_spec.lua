-- TLS as the runtime over libcurl does it, against a real nginx with certificates of a CA of our own.

local curl_runtime = require "bedrock.runtime.curl"
local child = require "spec.support.child"
local nginx = require "spec.support.nginx"
local tcp_server = require "spec.support.tcp_server"

local SERVER = [[
  server {
    listen 127.0.0.1:@PORT%d@ ssl%s;
    ssl_certificate @DIR@/%s.pem;
    ssl_certificate_key @DIR@/%s.key;
    ssl_protocols %s;
    %s
    location / {
      add_header X-Connection $connection always;
      add_header X-Requests $connection_requests always;
      add_header X-Protocol $server_protocol always;
      add_header X-TLS $ssl_protocol always;
      add_header X-Session "[$ssl_session_reused]" always;
      add_header X-Twice one always;
      add_header X-Twice two always;
      return 200 "$request_uri";
    }
    location /page { alias @DIR@/page; }
    location /discard { proxy_pass http://127.0.0.1:@PORT9@/; }
  }
]]

-- name, what follows `ssl` in listen, certificate, protocols
local SERVERS = {
  { "good", "", "good", "TLSv1.2 TLSv1.3" },
  { "h2", " http2", "good", "TLSv1.2 TLSv1.3" },
  { "wrong_host", "", "wrong-host", "TLSv1.2 TLSv1.3" },
  { "expired", "", "expired", "TLSv1.2 TLSv1.3" },
  { "unknown", "", "unknown", "TLSv1.2 TLSv1.3" },
  { "old", "", "good", "TLSv1.1", "ssl_ciphers ALL:@SECLEVEL=0;" },
  { "tls12", "", "good", "TLSv1.2", "ssl_session_cache shared:tls12:1m;" },
  { "brief", "", "good", "TLSv1.3", "keepalive_requests 1;" },
}

describe("TLS", function()
  local web, dir, urls
  local runtime

  setup(function()
    dir = child.temp_dir()
    nginx.make_certificates(dir)
    local conf = {}
    for i, row in ipairs(SERVERS) do
      conf[i] = string.format(SERVER, i, row[2], row[3], row[3], row[4], row[5] or "")
    end
    conf[#conf + 1] = "server { listen 127.0.0.1:@PORT9@; client_max_body_size 100m; location / { return 200; } }"
    web = nginx.start { dir = dir, ports = 9, conf = table.concat(conf), files = { page = string.rep("x", 300000) } }
    urls = {}
    for i, row in ipairs(SERVERS) do
      urls[row[1]] = "https://localhost:" .. web.ports[i] .. "/"
    end
  end)

  teardown(function()
    web.stop()
  end)

  after_each(function()
    if runtime then runtime:close() end
    runtime = nil
  end)

  local function new(options)
    options = options or {}
    options.proxy = false
    options.ca_bundle = options.ca_bundle or dir .. "/ca.pem"
    runtime = curl_runtime.new(options)
    return runtime
  end

  local function get(name, path)
    return runtime:send { method = "GET", url = urls[name] .. (path or ""), headers = {} }
  end

  local function refused(name, code, retryable, part)
    local response, err = get(name)
    assert.is_nil(response)
    assert.are.equal(code, err.code, err.message)
    assert.are.equal(retryable, err.retryable)
    assert.truthy(string.find(err.message, part, 1, true), err.message)
    return err
  end

  it("takes a certificate that its CA bundle vouches for", function()
    new()
    local response = assert(get("good", "a%2Fb/../c"))
    assert.are.equal("/a%2Fb/../c", response.body)
    assert.are.equal("TLSv1.3", response.headers["x-tls"])
    assert.are.equal("TLSv1.2", assert(get("tls12")).headers["x-tls"])
  end)

  it("takes a folder of certificates for a CA bundle", function()
    local folder = child.temp_dir()
    assert(os.execute(string.format("cp %s/ca.pem %s/ && openssl rehash %s", dir, folder, folder)))
    new { ca_bundle = folder }
    assert.are.equal(200, assert(get("good")).status)
    os.execute("rm -rf " .. child.quote(folder))
  end)

  it("keeps its connection", function()
    new()
    local first = assert(get("good"))
    assert.are.equal(1, first.connects)
    for i = 2, 10 do
      local response = assert(get("good"))
      assert.is_true(response.reused)
      assert.are.equal(first.headers["x-connection"], response.headers["x-connection"])
      assert.are.equal(tostring(i), response.headers["x-requests"])
    end
  end)

  -- A copy of the CA bundle is another way to verify, which no session is known for.
  local function copy_of(name, at)
    return child.write(dir .. "/" .. at, child.read(dir .. "/" .. name))
  end

  it("resumes sessions of other runtimes", function()
    local runtimes = {} -- all stay open: libcurl 7.88 gives up the session of a connection of HTTP/2 that it closes
    for _, name in ipairs { "good", "tls12", "h2" } do
      local path = copy_of("ca.pem", "ca-of-" .. name .. ".pem")
      for i = 1, 3 do
        runtimes[#runtimes + 1] = new { ca_bundle = path }
        local response = assert(get(name))
        assert.is_false(response.reused)
        assert.are.equal(i == 1 and "[.]" or "[r]", response.headers["x-session"], name)
      end
    end
    for _, open in ipairs(runtimes) do open:close() end
  end)

  it("has no session for who would not have verified the host", function()
    local other = new { ca_bundle = dir .. "/other-ca.pem" }
    for _ = 1, 2 do
      new()
      assert.are.equal(200, assert(get("good")).status)
      runtime:close()
      runtime = curl_runtime.new { proxy = false } -- the system's
      refused("good", "TLSError", false, "does not verify")
      runtime:close()
      runtime = other
      refused("good", "TLSError", false, "does not verify")
      assert.are.equal(200, assert(get("unknown")).status)
    end
  end)

  it("keeps a connection for each of several hosts", function()
    new()
    local connects = 0
    for _ = 1, 5 do
      connects = connects + assert(get("good")).connects + assert(get("h2")).connects + assert(get("tls12")).connects
    end
    assert.are.equal(3, connects)
  end)

  it("makes new connections where the server ends them", function()
    new()
    for _ = 1, 5 do
      assert.is_false(assert(get("brief")).reused)
    end
  end)

  it("speaks HTTP/2 where it is offered", function()
    new()
    for i = 1, 5 do
      local response = assert(get("h2", "a%2Fb/../c?d=e"))
      assert.are.equal("2", response.http_version)
      assert.are.equal("HTTP/2.0", response.headers["x-protocol"])
      assert.are.equal("one, two", response.headers["x-twice"])
      assert.are.equal(i > 1, response.reused)
    end
    assert.are.equal("1.1", assert(get("good")).http_version)
  end)

  it("sends and reads large bodies over HTTP/2", function()
    new()
    assert.are.equal(300000, #assert(get("h2", "page")).body)
    for _ = 1, 3 do
      local body = string.rep("x", 900000)
      local response = assert(runtime:send { method = "POST", url = urls.h2 .. "discard", headers = {}, body = body })
      assert.are.equal(200, response.status)
    end
    assert.are.equal(200, assert(runtime:send { method = "POST", url = urls.h2, headers = {} }).status)
  end)

  it("reads an answer over HTTP/2 that comes before a large body is sent", function()
    new { read_timeout = 20 }
    local cpu = os.clock()
    for _ = 1, 3 do
      -- libcurl 7.88 by itself waits for ever here.
      local body = string.rep("x", 900000)
      assert.are.equal(200, assert(runtime:send({ method = "POST", url = urls.h2, headers = {}, body = body }, runtime:now() + 60)).status)
    end
    assert.is_true(os.clock() - cpu < 1 * (tonumber(os.getenv "BEDROCK_SLOW") or 1))
    assert.are.equal(200, assert(get("h2")).status)
  end)

  it("does so among many requests at once, some of which share a connection", function()
    local curl = require "bedrock.curl"
    local multi = assert(curl.multi())
    local sessions, expected = {}, {}
    for round = 1, 2 do
      for i = 1, 21 do
        local s = sessions[i] or assert(curl.session(dir .. "/ca.pem"))
        local request = { method = "GET", url = i % 2 == 0 and urls.h2 .. "page" or urls.good .. i, headers = {} }
        if i == 21 and round == 1 then -- nobody else is on its connection yet: libcurl 7.88 would lose answers
          request = { method = "POST", url = urls.h2, headers = {}, body = string.rep("x", 900000) }
        end
        sessions[i], expected[s] = s, i
        assert(multi:start(s, request, "", 20000, 20000))
      end
      local left, give_up = 21, curl.now() + 60
      while left > 0 and curl.now() < give_up do
        for _, s in ipairs(multi:wait(1)) do
          local response, _, message = s:finish()
          assert.are.equal(200, assert(response, message).status)
          if expected[s] % 2 == 0 then
            assert.are.equal(300000, #response.body)
            assert.are.equal("2", response.http_version)
          end
          left = left - 1
        end
      end
      assert.are.equal(0, left)
    end
    multi:close()
  end)

  it("limits the size of an answer over HTTP/2, too", function()
    new { max_response_size = 299999 }
    local response, err = get("h2", "page")
    assert.is_nil(response)
    assert.are.equal("ResponseError", err.code)
    assert.is_false(err.retryable)
    assert.are.equal(200, assert(get("h2")).status)
  end)

  it("refuses a certificate for another host", function()
    new()
    local err = refused("wrong_host", "TLSError", false, "localhost port " .. web.ports[3] .. " does not verify")
    assert.truthy(string.find(err.message, "ca_bundle", 1, true))
    assert.truthy(string.find(err.message, "AWS_CA_BUNDLE", 1, true))
    assert.truthy(string.find(err.message, "localhost", 1, true))
  end)

  it("refuses an expired certificate", function()
    new()
    refused("expired", "TLSError", false, "certificate has expired")
  end)

  it("refuses the certificate of an unknown CA", function()
    new()
    refused("unknown", "TLSError", false, "unable to get local issuer certificate")
    runtime:close()
    new { ca_bundle = dir .. "/other-ca.pem" }
    refused("good", "TLSError", false, "does not verify")
    assert.are.equal(200, assert(get("unknown")).status)
  end)

  it("refuses our own CA where the system's bundle is asked", function()
    runtime = curl_runtime.new { proxy = false }
    refused("good", "TLSError", false, "AWS_CA_BUNDLE")
  end)

  it("refuses TLS 1.1", function()
    new()
    refused("old", "TLSError", true, "TLS 1.2 or later is needed")
  end)

  it("goes on after a refusal", function()
    new()
    refused("expired", "TLSError", false, "expired")
    assert.are.equal(200, assert(get("good")).status)
    refused("wrong_host", "TLSError", false, "verify")
    assert.are.equal(200, assert(get("good")).status)
  end)

  it("says which CA bundle can't be read", function()
    local garbage = child.write(dir .. "/garbage.pem", "-----BEGIN CERTIFICATE-----\nnot base64!\n-----END CERTIFICATE-----\n")
    local empty = child.write(dir .. "/empty.pem", "")
    for _, path in ipairs { dir .. "/missing.pem", garbage, empty } do
      new { ca_bundle = path }
      refused("good", "ConfigurationError", false, path)
      runtime:close()
    end
  end)

  it("needs no CA bundle for plain HTTP", function()
    new { ca_bundle = dir .. "/missing.pem" }
    assert.are.equal(200, assert(runtime:send { method = "GET", url = "http://127.0.0.1:" .. web.ports[9] .. "/" }).status)
  end)

  it("tells a server that speaks no TLS from one that does", function()
    new()
    local response, err = runtime:send { method = "GET", url = "https://127.0.0.1:" .. web.ports[9] .. "/" }
    assert.is_nil(response)
    assert.are.equal("TLSError", err.code)
    assert.is_true(err.retryable)
    assert.truthy(string.find(err.message, "handshake with 127.0.0.1 port " .. web.ports[9], 1, true), err.message)
  end)

  it("survives a connection that breaks during the handshake", function()
    local server = tcp_server.start [[local c = ... c:receive(5) reset(c)]]
    new()
    local response, err = runtime:send { method = "GET", url = "https://127.0.0.1:" .. server.port .. "/" }
    server.stop()
    assert.is_nil(response)
    assert.truthy(err.code == "TLSError" or err.code == "ConnectionError")
    assert.is_true(err.retryable)
  end)

  it("is not ended by SIGPIPE when the server has gone", function()
    local other_dir = child.temp_dir()
    nginx.make_certificates(other_dir)
    local other = nginx.start {
      dir = other_dir, ports = 1,
      conf = string.gsub(string.format(SERVER, 1, "", "good", "good", "TLSv1.3", ""), "location /discard.-}", ""),
    }
    new { ca_bundle = dir .. "/ca.pem" }
    runtime:close()
    runtime = curl_runtime.new { proxy = false, ca_bundle = child.write(dir .. "/other-copy.pem", child.read(other_dir .. "/ca.pem")) }
    local url = "https://127.0.0.1:" .. other.ports[1] .. "/"
    assert.are.equal(200, assert(runtime:send { method = "GET", url = url }).status)
    other.stop()
    local response, err = runtime:send { method = "GET", url = url }
    assert.is_nil(response)
    assert.are.equal("ConnectionError", err.code)
  end)

  it("goes through a proxy's tunnel, where the proxy sees neither request nor headers", function()
    -- A proxy in earnest: it connects and copies until either side ends.
    local proxy = tcp_server.start [[
      local client = ...
      local request = read_request(client)
      local host, port = string.match(request or "", "^CONNECT ([^:]+):(%d+)")
      local other = assert(socket.connect("127.0.0.1", tonumber(port)))
      client:send("HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
      client:settimeout(0) other:settimeout(0)
      while true do
        local ready = socket.select({ client, other }, nil, 5)
        if #ready == 0 then break end
        local ended
        for _, from in ipairs(ready) do
          local to = from == client and other or client
          local data, err, part = from:receive(8192)
          data = data or part
          if #data > 0 then to:settimeout(5) to:send(data) to:settimeout(0) end
          if err == "closed" then ended = true end
        end
        if ended then break end
      end
      other:close()
    ]]
    runtime = curl_runtime.new { ca_bundle = dir .. "/ca.pem", proxy = "http://u:p@127.0.0.1:" .. proxy.port }
    for i = 1, 3 do
      local response = assert(runtime:send { method = "GET", url = urls.good, headers = { Authorization = "AWS4 secret" } })
      assert.are.equal(200, response.status)
      assert.is_nil(response.headers["x-proxy"])
      assert.are.equal(i > 1, response.reused)
    end
    local requests = proxy.requests()
    proxy.stop()
    assert.are.equal(1, #requests)
    assert.truthy(string.find(requests[1], "Proxy-Authorization: Basic dTpw", 1, true))
    assert.is_nil(string.find(requests[1], "AWS4", 1, true))
  end)
end)
