-- The encodings, digests and random numbers of bedrock.core.

local core = require "bedrock.core"

local all_bytes
do
  local bytes = {}
  for i = 0, 255 do
    bytes[#bytes + 1] = string.char(i)
  end
  all_bytes = table.concat(bytes)
end

describe("bedrock.core, percent-encoding", function()
  it("leaves exactly the unreserved characters", function()
    local left = core.uri_encode(all_bytes):gsub("%%%x%x", "")
    assert.are.equal("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~", left)
  end)

  it("writes every other byte in upper case", function()
    assert.are.equal("%20%2F%3A%2B%2A%27%28%29%21%00%FF%C3%A9", core.uri_encode(" /:+*'()!\0\255\195\169"))
  end)

  it("keeps slashes where asked", function()
    assert.are.equal("a/b%20c", core.uri_encode("a/b c", true))
    assert.are.equal("a%2Fb", core.uri_encode("a/b", false))
  end)

  it("decodes what it encoded", function()
    assert.are.equal(all_bytes, core.uri_decode(core.uri_encode(all_bytes)))
  end)

  it("leaves bad escapes as they are", function()
    for _, row in ipairs {
      { "%", "%" }, { "%4", "%4" }, { "%zz", "%zz" }, { "%4g", "%4g" }, { "%g4", "%g4" }, { "%%41", "%A" },
      { "%41%", "A%" }, { "%e4%E4", "\228\228" }, { "a+b", "a+b" }, { "", "" }, { "%00", "\0" },
    } do
      assert.are.equal(row[2], core.uri_decode(row[1]))
    end
  end)
end)

describe("bedrock.core, hex", function()
  it("is lower case and comes back from either case", function()
    assert.are.equal("00017f80ff", core.hex("\0\1\127\128\255"))
    assert.are.equal("\171\205\239", core.unhex("abCDef"))
    assert.are.equal(all_bytes, core.unhex(core.hex(all_bytes)))
    assert.are.equal("", core.unhex(""))
  end)

  it("refuses odd lengths and other characters", function()
    for _, text in ipairs { "a", "abc", "0g", "g0", "0x", " 1", "1\0" } do
      local bytes, err = core.unhex(text)
      assert.is_nil(bytes)
      assert.is_truthy(err:find("not hexadecimal", 1, true))
    end
  end)
end)

describe("bedrock.core, base64", function()
  local rows = { -- RFC 4648, section 10
    { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\251\255\254", "+//+" },
  }
  for _, row in ipairs(rows) do
    it(("%q is %q"):format(row[1], row[2]), function()
      assert.are.equal(row[2], core.base64_encode(row[1]))
      assert.are.equal(row[1], core.base64_decode(row[2]))
      assert.are.equal(row[1], core.base64_decode((row[2]:gsub("=", ""))))
    end)
  end

  it("carries all bytes and long texts", function()
    for _, text in ipairs { all_bytes, all_bytes:rep(1000), all_bytes .. "x", all_bytes .. "xy" } do
      assert.are.equal(text, core.base64_decode(core.base64_encode(text)))
    end
  end)

  it("refuses what is not base64", function()
    for _, text in ipairs {
      "=", "==", "===", "====", "A", "A=", "A==", "A===", "AA=", "AAA==", "AAAA=", "AAAA====", "AA==AA==", "Zg=a",
      "Zm9v\n", " Zm9v", "Zm 9v", "Zm9-", "Zm9_", "Zm\0v", "Zh==", "Zm9=", "Zh", "\255\255\255\255",
    } do
      local bytes, err = core.base64_decode(text)
      assert.is_nil(bytes, ("%q was taken"):format(text))
      assert.is_truthy(err:find("not base64", 1, true))
    end
  end)
end)

describe("bedrock.core, digests", function()
  it("SHA-256 (FIPS 180)", function()
    assert.are.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", core.hex(core.sha256("")))
    assert.are.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", core.hex(core.sha256("abc")))
    assert.are.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
      core.hex(core.sha256(("a"):rep(1000000))))
  end)

  it("HMAC-SHA-256 (RFC 4231)", function()
    local rows = {
      { ("\11"):rep(20), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
      { "Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
      { ("\170"):rep(20), ("\221"):rep(50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
      { ("\170"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
      { "", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad" },
    }
    for _, row in ipairs(rows) do
      assert.are.equal(row[3], core.hex(core.hmac_sha256(row[1], row[2])))
    end
  end)

  it("SHA-1 and MD5", function()
    assert.are.equal("da39a3ee5e6b4b0d3255bfef95601890afd80709", core.hex(core.sha1("")))
    assert.are.equal("a9993e364706816aba3e25717850c26c9cd0d89d", core.hex(core.sha1("abc")))
    assert.are.equal("d41d8cd98f00b204e9800998ecf8427e", core.hex(core.md5("")))
    assert.are.equal("900150983cd24fb0d6963f7d28e17f72", core.hex(core.md5("abc")))
  end)

  it("CRC-32, whole and in pieces", function()
    assert.are.equal(0, core.crc32(""))
    assert.are.equal(0xCBF43926, core.crc32("123456789"))
    assert.are.equal(0xCBF43926, core.crc32("456789", core.crc32("123")))
    assert.are.equal("3421780262", tostring(core.crc32("123456789")))
    assert.has_error(function() core.crc32("", -1) end)
    assert.has_error(function() core.crc32("", 4294967296) end)
    assert.has_error(function() core.crc32("", 0 / 0) end)
  end)

  it("name the argument that is wrong", function()
    for _, name in ipairs { "sha256", "sha1", "md5", "crc32", "hex", "unhex", "uri_encode", "uri_decode",
      "base64_encode", "base64_decode", "hmac_sha256" } do
      local ok, err = pcall(core[name], {})
      assert.is_false(ok)
      assert.is_truthy(tostring(err):find("bad argument #1", 1, true), tostring(err))
    end
  end)
end)

describe("bedrock.core, opened again after memory ran out", function()
  -- What is left of the first try is played here by metatables without fields.
  it("gives its handles their finalizers all the same", function()
    local child = require "spec.support.child"
    local dir = child.temp_dir()
    local script = child.write(dir .. "/main.lua", [[
      local registry = debug.getregistry()
      local names = { "bedrock.core.encoding", "bedrock.core.signer", "bedrock.json.shape", "bedrock.json.work" }
      for _, name in ipairs(names) do registry[name] = { __name = name } end
      require "bedrock.core"
      for _, name in ipairs(names) do print(name, type(registry[name].__gc)) end
    ]])
    local pipe = assert(io.popen(("%s %s 2>&1; rm -rf %s"):format(child.quote(child.interpreter()), child.quote(script),
      child.quote(dir))))
    local output = pipe:read("*a")
    pipe:close()
    local _, finalizers = output:gsub("\tfunction\n", "")
    assert.are.equal(4, finalizers, output)
  end)
end)

describe("bedrock.core, random numbers", function()
  it("make UUIDs of version 4 that differ", function()
    local seen = {}
    for _ = 1, 1000 do
      local uuid = core.uuid4()
      assert.is_truthy(uuid:match("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"), uuid)
      assert.are.equal(uuid:lower(), uuid)
      assert.is_nil(seen[uuid])
      seen[uuid] = true
    end
  end)

  it("fill [0, 1) evenly", function()
    local sum, low, high = 0, 1, 0
    for _ = 1, 10000 do
      local x = core.random()
      assert.is_true(x >= 0 and x < 1)
      sum, low, high = sum + x, math.min(low, x), math.max(high, x)
    end
    assert.is_true(math.abs(sum / 10000 - 0.5) < 0.05)
    assert.is_true(low < 0.05 and high > 0.95)
  end)

  it("give as many bytes as asked for", function()
    for _, n in ipairs { 0, 1, 16, 1000, 1048576 } do
      assert.are.equal(n, #core.random_bytes(n))
    end
    assert.are_not.equal(core.random_bytes(16), core.random_bytes(16))
    for _, n in ipairs { -1, 1048577, 0 / 0, math.huge } do
      assert.has_error(function() core.random_bytes(n) end)
    end
  end)

  -- A setting that leaves OpenSSL's default provider out wants another generator; without one there is nothing to give.
  it("come from no other source than OpenSSL's settings allow; likewise signatures", function()
    local child = require "spec.support.child"
    local dir = child.temp_dir()
    local settings = child.write(dir .. "/openssl.cnf", table.concat({ "openssl_conf = all", "[all]", "providers = some",
      "[some]", "base = base_only", "[base_only]", "activate = 1", "" }, "\n"))
    local script = child.write(dir .. "/main.lua", [[
      local core = require "bedrock.core"
      print((pcall(core.uuid4)))
      print((pcall(core.random_bytes, 100)))
      print((core.sigv4_headers("GET", "https://a/", nil, nil, "A", "S", nil, "r", "s", 0)) ~= nil)
    ]])
    local pipe = assert(io.popen(("OPENSSL_CONF=%s %s %s 2>&1; rm -rf %s"):format(child.quote(settings),
      child.quote(child.interpreter()), child.quote(script), child.quote(dir))))
    local output = pipe:read("*a")
    pipe:close()
    -- OpenSSL 1.1.1 knows no providers.
    assert.is_truthy(output == "false\nfalse\nfalse\n" or output == "true\ntrue\ntrue\n", output)
  end)
end)

describe("bedrock.core, versions", function()
  it("are those of its libraries", function()
    assert.is_truthy(core.version():find("^%a+/%d+%.%d+%.%w+ cJSON/%d+%.%d+%.%d+$"), core.version())
  end)
end)
