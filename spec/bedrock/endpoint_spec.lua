local endpoint = require "bedrock.endpoint"
local vectors = require "spec.support.vectors"

local cases = vectors.cases

local function refused(url, err, text)
  assert.is_nil(url)
  assert.equal("ConfigurationError", err.code)
  if text then assert.truthy(err.message:find(text, 1, true), err.message) end
end

describe("bedrock.endpoint.resolve", function()
  for _, service in ipairs { "bedrock", "bedrock-runtime" } do
    describe("vectors endpoints/" .. service .. ":", function()
      for _, case in ipairs(cases("endpoints/" .. service .. ".json")) do
        it(case.id, function()
          local p = case.params
          local url, err = endpoint.resolve {
            service = service, region = p.Region, use_fips_endpoint = p.UseFIPS, use_dualstack_endpoint = p.UseDualStack,
            endpoint_url = p.Endpoint,
          }
          if case.expect.error then
            assert.is_nil(url)
            assert.equal("ConfigurationError", err.code)
            assert.equal(case.expect.error, err.message)
          else
            assert.is_nil(err)
            assert.equal(case.expect.endpoint.url, url)
          end
        end)
      end
    end)
  end

  describe("finds the host of", function()
    local rows = {
      { { region = "eu-central-1" }, "https://bedrock.eu-central-1.amazonaws.com" },
      { { region = "eu-central-1", use_dualstack_endpoint = true }, "https://bedrock.eu-central-1.api.aws" },
      { { region = "eu-central-1", use_fips_endpoint = true, use_dualstack_endpoint = true },
        "https://bedrock-fips.eu-central-1.api.aws" },
      { { region = "xx-new-1" }, "https://bedrock.xx-new-1.amazonaws.com" },
      { { region = "us-moon-99" }, "https://bedrock.us-moon-99.amazonaws.com" },
      { { region = "cn-new-1" }, "https://bedrock.cn-new-1.amazonaws.com.cn" },
      { { region = "us-gov-new-1", use_dualstack_endpoint = true }, "https://bedrock.us-gov-new-1.api.aws" },
      { { region = "us-isof-new-1" }, "https://bedrock.us-isof-new-1.csp.hci.ic.gov" },
      { { region = "eu-isoe-west-1" }, "https://bedrock.eu-isoe-west-1.cloud.adc-e.uk" },
      { { region = "eusc-de-east-1" }, "https://bedrock.eusc-de-east-1.amazonaws.eu" },
      { { region = "aws-cn-global" }, "https://bedrock.aws-cn-global.amazonaws.com.cn" },
      { { region = "aws-global" }, "https://bedrock.aws-global.amazonaws.com" },
      { { region = "fips-us-east-1" }, "https://bedrock-fips.us-east-1.amazonaws.com" },
      { { service = "sts", region = "us-east-2", use_fips_endpoint = true }, "https://sts-fips.us-east-2.amazonaws.com" },
      { { service = "sts", region = "us-gov-west-1", use_fips_endpoint = true }, "https://sts.us-gov-west-1.amazonaws.com" },
      { { service = "bedrock", region = "us-gov-west-1", use_fips_endpoint = true },
        "https://bedrock-fips.us-gov-west-1.amazonaws.com" },
      { { service = "sts", region = "us-gov-west-1", use_fips_endpoint = true, use_dualstack_endpoint = true },
        "https://sts-fips.us-gov-west-1.api.aws" },
      { { service = "portal.sso", region = "cn-north-1", use_dualstack_endpoint = true },
        "https://portal.sso.cn-north-1.api.amazonwebservices.com.cn" },
      { { region = "us-east-1-fips" }, "https://bedrock-fips.us-east-1.amazonaws.com" },
      { { region = "us-east-1", endpoint_url = "" }, "https://bedrock.us-east-1.amazonaws.com" },
    }
    for _, row in ipairs(rows) do
      it(row[2], function()
        assert.equal(row[2], endpoint.resolve(row[1]))
      end)
    end
  end)

  describe("takes a custom URL:", function()
    local rows = {
      { "http://localhost:8080", "http://localhost:8080" },
      { "http://localhost:8080/", "http://localhost:8080" },
      { "http://h:8080/base/", "http://h:8080/base" },
      { "http://h:8080/base//", "http://h:8080/base" },
      { "https://EXAMPLE.com/Base", "https://example.com/Base" },
      { "HTTPS://example.com:443/x", "https://example.com/x" },
      { "http://example.com:80", "http://example.com" },
      { "https://example.com:80", "https://example.com:80" },
      { "http://[::1]:8080/a", "http://[::1]:8080/a" },
      { "http://[FD00:EC2::254]", "http://[fd00:ec2::254]" },
      { "http://[::ffff:127.0.0.1]", "http://[::ffff:127.0.0.1]" },
      { "http://127.0.0.1:1", "http://127.0.0.1:1" },
      { "https://h/a%2Fb/~c", "https://h/a%2Fb/~c" },
      { "https://my_host.internal", "https://my_host.internal" },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        assert.equal(row[2], endpoint.resolve { region = "us-east-1", endpoint_url = row[1] })
        assert.equal(row[2], endpoint.resolve { endpoint_url = row[1] })
      end)
    end
  end)

  it("has the rules' texts for what can't be had together", function()
    local url, err = endpoint.resolve { region = "us-east-1", use_dualstack_endpoint = true, endpoint_url = "https://h" }
    assert.is_nil(url)
    assert.equal("Invalid Configuration: Dualstack and custom endpoint are not supported", err.message)
    url, err = endpoint.resolve { region = "fips-us-east-1", endpoint_url = "https://h" }
    assert.is_nil(url)
    assert.equal("Invalid Configuration: FIPS and custom endpoint are not supported", err.message)
  end)

  describe("refuses as a region", function()
    local rows = { "evil.com/", "a.b", "us east 1", "-us", "us-", "123", ("a"):rep(64), "us-east-1\0", "us-east-1\n",
      "us-\195\169st-1", "a@b", "a:1", "a#", "a?x", "fips-", "[::1]" }
    for _, region in ipairs(rows) do
      it(("%q"):format(region), function()
        local url, err = endpoint.resolve { region = region }
        refused(url, err, "is no valid host label")
        assert.is_nil(err.message:find("%c"))
      end)
    end
  end)

  it("refuses a region that is no string", function()
    local url, err = endpoint.resolve { region = 5 }
    refused(url, err, "must be a string")
  end)
end)

describe("bedrock.endpoint.parse", function()
  it("takes a URL apart", function()
    assert.same({ scheme = "https", host = "h.example", port = 443, authority = "h.example", path = "", loopback = false },
      endpoint.parse("https://H.example/"))
    assert.same({ scheme = "http", host = "[::1]", port = 8080, authority = "[::1]:8080", path = "/a/b", loopback = true },
      endpoint.parse("http://[::1]:8080/a/b/"))
  end)

  it("knows loopback from what looks like it", function()
    for _, host in ipairs { "localhost", "LOCALHOST", "127.0.0.1", "127.255.1.2", "[::1]" } do
      assert.is_true(endpoint.parse("http://" .. host).loopback)
    end
    for _, host in ipairs { "localhost.evil.com", "127.0.0.1.evil.com", "127.evil.com", "128.0.0.1", "127.0.0.999",
      "[::2]", "127.1" } do
      assert.is_false(endpoint.parse("http://" .. host).loopback)
    end
  end)

  describe("refuses", function()
    local rows = {
      { "localhost:8080", "must begin with https:// or http://" },
      { "//h", "must begin with https:// or http://" },
      { "", "must begin with" },
      { "https:/h", "must begin with" },
      { "ftp://h", "has the scheme ftp" },
      { "file:///etc/passwd", "has the scheme file" },
      { "https://user@h", "must not have a user name or password" },
      { "https://user:SECRETMARK@h/", "must not have a user name or password" },
      { "https://h?x=SECRETMARK", "must not have a query" },
      { "https://h/#SECRETMARK", "must not have a fragment" },
      { "https://a:SECRETMARK@h/?x", "must not have a query" },
      { "https://a:SECRETMARK@h/ x", "has blanks or control characters" },
      { "https://h/a b", "has blanks or control characters" },
      { "https://h\r\nX: y", "has blanks or control characters" },
      { "https://h\0", "has blanks or control characters" },
      { "https://h\127", "has blanks or control characters" },
      { "https://h\195\169", "characters outside ASCII" },
      { "https://", "has no valid host name" },
      { "https:///x", "has no valid host name" },
      { "https://:80", "has no valid host name" },
      { "https://a..b", "has no valid host name" },
      { "https://.a", "has no valid host name" },
      { "https://-a", "has no valid host name" },
      { "https://a-.b", "has no valid host name" },
      { "https://a%2fb", "has no valid host name" },
      { "https://a\\b", "has no valid host name" },
      { "https://" .. ("a"):rep(64), "has no valid host name" },
      { "https://" .. ("a."):rep(130) .. "b", "has no valid host name" },
      { "https://h:", "has no valid port" },
      { "https://h:0", "has no valid port" },
      { "https://h:65536", "has no valid port" },
      { "https://h:-1", "has no valid port" },
      { "https://h:8a", "has no valid port" },
      { "https://h:080000", "has no valid port" },
      { "https://h:1:2", "has no valid port" },
      { "https://[::1", "has no valid IPv6 address" },
      { "https://[]", "has no valid IPv6 address" },
      { "https://[:::]", "has no valid IPv6 address" },
      { "https://[::1%25eth0]", "has no valid IPv6 address" },
      { "https://[1::2::3]", "has no valid IPv6 address" },
      { "https://[12345::]", "has no valid IPv6 address" },
      { "https://[1:2]", "has no valid IPv6 address" },
      { "https://[::1]x", "has no valid IPv6 address" },
      { "https://h/<x>", "must be written as %XX" },
      { "https://h/a\\b", "must be written as %XX" },
    }
    for _, row in ipairs(rows) do
      it(("%q"):format(row[1]), function()
        local parts, err = endpoint.parse(row[1])
        refused(parts, err, row[2])
        assert.is_nil(err.message:find("SECRETMARK", 1, true))
        assert.is_nil(err.message:find("%c"))
      end)
    end

    it("what is no string", function()
      refused(endpoint.parse(nil))
      refused(endpoint.parse({}))
    end)

    it("services that would name another host", function()
      for _, service in ipairs { "a/b", "", "x@y", "a b", "a\nb", ".x", 5 } do
        refused(endpoint.resolve { service = service, region = "us-east-1" })
      end
    end)

    it("a call without parameters, at the caller's line", function()
      local ok, message = pcall(function() endpoint.resolve() end)
      assert.is_false(ok)
      assert.truthy(message:find("endpoint_spec%.lua:%d+: endpoint%.resolve takes a table like"), message)
    end)
  end)
end)

describe("bedrock.partitions", function()
  it("knows all of the public data", function()
    if not vectors.available() then return pending(vectors.missing) end
    local by_id = {}
    for _, partition in ipairs(require "bedrock.partitions") do by_id[partition.id] = partition end
    for _, public in ipairs(vectors.json("../api/partitions.json").partitions) do
      local ours = assert(by_id[public.id], public.id)
      local outputs = public.outputs
      assert.equal(outputs.dnsSuffix, ours.dns_suffix)
      assert.equal(outputs.dualStackDnsSuffix, ours.dual_stack_dns_suffix)
      assert.equal(outputs.implicitGlobalRegion, ours.implicit_global_region)
      assert.equal(outputs.supportsFIPS, ours.supports_fips)
      assert.equal(outputs.supportsDualStack, ours.supports_dual_stack)
      for region in pairs(public.regions) do
        assert.equal(public.id, endpoint.partition(region).id, region)
      end
    end
  end)
end)
