-- The JSON codec of bedrock.core (csrc/json*.c, csrc/ljson*.c): rows of text and value, with and without shapes.

local core = require "bedrock.core"

-- Lua 5.3 and later; absent on 5.1 and LuaJIT.
local math_type, maxinteger, mininteger = rawget(math, "type"), rawget(math, "maxinteger"), rawget(math, "mininteger")
local has_integers = math_type ~= nil
local NAN = 0 / 0
local INFINITY = math.huge
local MINUS_ZERO = -1 / math.huge -- computed, since Lua 5.1 takes the constants 0 and -0 for the same
local FFFD = "\239\191\189"

-- ------------------------------------------------------------------------------------------------------- shapes to use

local function scalar(kind, format)
  return { type = kind, timestampFormat = format }
end

local function member(name, shape, options)
  local m = { name = name, wire = name, shape = shape }
  for k, v in pairs(options or {}) do m[k] = v end
  return m
end

local function structure(...)
  local shape = { type = "structure", members = {}, order = {} }
  for i, m in ipairs { ... } do
    shape.members[m.name] = m
    shape.order[i] = m.name
  end
  return shape
end

local function list(shape, options)
  return { type = "list", member = member("member", shape, options) }
end

local function map(shape)
  return { type = "map", key = member("key", scalar "string"), value = member("value", shape) }
end

local function union(...)
  local shape = structure(...)
  shape.union = true
  return shape
end

local text = scalar "string"
local pair = structure(member("key", text), member("value", text))
local choice = union(member("number", scalar "integer"), member("words", list(text)))

local root = structure(
  member("text", text),
  member("count", scalar "integer"),
  member("size", scalar "long"),
  member("ratio", scalar "double"),
  member("flag", scalar "boolean"),
  member("at", scalar "timestamp"),
  member("iso", scalar("timestamp", "iso8601")),
  member("http", scalar("timestamp", "rfc822")),
  member("bytes", scalar "blob"),
  member("any", scalar "document"),
  member("tags", list(pair)),
  member("words", list(text)),
  member("settings", map(text)),
  member("pairs", map(pair)),
  member("choice", choice),
  member("inHeader", text, { location = "header" }),
  member("inQuery", text, { location = "querystring" }),
  member("renamed", text, { wire = "on-the wire\"" }),
  member("isoByMember", scalar "timestamp", { timestampFormat = "iso8601" }),
  member("unixByMember", scalar("timestamp", "iso8601"), { timestampFormat = "unixTimestamp" }),
  member("times", list(scalar "timestamp", { timestampFormat = "iso8601" }))
)
root.order[#root.order + 1] = "again"
root.members.again = member("again", root)

local shape = core.json_shape(root)

local function decode(json, depth)
  return core.json_decode(shape, json, depth)
end

local function encode(value)
  return core.json_encode(shape, value)
end

-- A value as text: types and nesting included, keys sorted.
local function show(value)
  if value == core.json_null then return "null" end
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "number" then
    if value ~= value then return "nan" end
    if value == 0 and 1 / value < 0 then return "-0" end
    return ("%.17g"):format(value)
  end
  if type(value) ~= "table" then return tostring(value) end
  local keys, parts = {}, {}
  for k in pairs(value) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  for i, k in ipairs(keys) do
    parts[i] = (type(k) == "number" and "" or k .. "=") .. show(value[k])
  end
  local marked = getmetatable(value) == core.json_array_mt
  return (marked and "[" or "{") .. table.concat(parts, ",") .. (marked and "]" or "}")
end

-- In each locale that is installed. The decimal points of the last two take two bytes and three.
local function in_locales(body)
  local before = os.setlocale(nil, "numeric")
  for _, name in ipairs { "C", "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "ps_AF" } do
    if os.setlocale(name, "numeric") then
      local results = { pcall(body) }
      os.setlocale(before, "numeric")
      assert(results[1], name .. ": " .. tostring(results[2]))
    end
  end
end

local function holds(haystack, needle)
  assert.truthy(tostring(haystack):find(needle, 1, true), ("%q lacks %q"):format(tostring(haystack), needle))
end

-- ----------------------------------------------------------------------------------------------------- text that is JSON

describe("json_decode_plain", function()
  local rows = {
    { "null", "null" },
    { "true", "true" },
    { " \t\r\n false \n", "false" },
    { "\239\187\191{}", "{}" }, -- a byte order mark is ignored
    { '""', '""' },
    { '"a"', '"a"' },
    { "[]", "[]" },
    { "{}", "{}" },
    { "[ ]", "[]" },
    { "{ \n}", "{}" },
    { "[[],{},[[]]]", "[[],{},[[]]]" },
    { '[1,"2",true,null]', '[1,"2",true,null]' },
    { '{"a":{"b":{"c":{"d":[1]}}}}', "{a={b={c={d=[1]}}}}" },
    { '{"a":1,"b":null}', "{a=1,b=null}" },
    { '{"":1}', "{=1}" },
    { '{ "a" : 1 , "b" : [ 1 , 2 ] }', "{a=1,b=[1,2]}" },
    -- the last of equal names wins
    { '{"a":1,"a":2}', "{a=2}" },
    { '[[{"a":1,"a":2}]]', "[[{a=2}]]" },
    -- numbers
    { "0", "0" },
    { "-0", "-0" },
    { "-1", "-1" },
    { "1.5", "1.5" },
    { "-1.25e2", "-125" },
    { "1E3", "1000" },
    { "1e+3", "1000" },
    { "5e-324", "4.9406564584124654e-324" },
    { "1.7976931348623157e308", "1.7976931348623157e+308" },
    { "1e400", "inf" }, -- as large as a number gets
    { "-1e400", "-inf" },
    { "1e-400", "0" },
    { "0.1", "0.10000000000000001" },
    { "123456789012345678901234567890", "1.2345678901234568e+29" }, -- whole, but beyond 64 bits
    { "1" .. ("0"):rep(70), "1.0000000000000001e+70" }, -- beyond cJSON's buffer
    { "0." .. ("0"):rep(70) .. "1", "9.9999999999999992e-72" },
    { "1." .. ("5"):rep(90), "1.5555555555555556" },
    -- strings
    { [["\"\\\/\b\f\n\r\t"]], show '"\\/\b\f\n\r\t' },
    { [["\u0041\u00e9\u20ac\ud83d\ude00"]], show "A\195\169\226\130\172\240\159\152\128" },
    { '"\195\169\226\130\172\240\159\152\128\127"', show "\195\169\226\130\172\240\159\152\128\127" },
    { [["a\u0000b"]], show "a\0b" },
    { [["\u0000"]], show "\0" },
    { [[{"a\u0000b":1,"a":2}]], "{a=2,a\0b=1}" },
    { [[{"\u0061\n":1}]], "{a\n=1}" },
    { [[[{"k\u0000":"\u0000\u0000"}] ]], "[{k\0=" .. show "\0\0" .. "}]" },
    -- what is no Unicode reads as U+FFFD
    { [["\ud800"]], show(FFFD) },
    { [["\udc00x"]], show(FFFD .. "x") },
    { [["\ud800\ud800\udc00"]], show(FFFD .. "\240\144\128\128") },
    { [["\ud800\u0041"]], show(FFFD .. "A") },
    { [["\ud800\n"]], show(FFFD .. "\n") },
    { '"\255"', show(FFFD) },
    { '"a\192\175b"', show("a" .. FFFD .. FFFD .. "b") }, -- overlong
    { '"\226\130"', show(FFFD) }, -- cut off: one for what is there
    { '"\226\130x"', show(FFFD .. "x") },
    { '"\240\159\152x"', show(FFFD .. "x") },
    { '"\237\160\128"', show(FFFD:rep(3)) }, -- a surrogate in UTF-8
    { '"\244\144\128\128"', show(FFFD:rep(4)) }, -- beyond U+10FFFF
    { '"\254\255"', show(FFFD .. FFFD) }, -- the bytes that the codec marks with
    { '["\255123456789012345678",1234567890123456]', "[" .. show(FFFD .. "123456789012345678") .. ",1234567890123456]" },
  }
  for _, row in ipairs(rows) do
    it("reads " .. (#row[1] < 60 and row[1] or row[1]:sub(1, 60) .. "..."), function()
      local value, message = core.json_decode_plain(row[1])
      assert.is_nil(message)
      assert.equal(row[2], show(value))
    end)
  end

  it("gives integers of 64 bits where Lua has them", function()
    local ints = core.json_decode_plain "[9223372036854775807,-9223372036854775808,9007199254740993,5,5.0,1e2]"
    if has_integers then
      assert.equal("9223372036854775807 -9223372036854775808 9007199254740993 5 5 100", table.concat(ints, " "))
      for _, n in ipairs(ints) do assert.equal("integer", math_type(n)) end
    else
      assert.equal(2 ^ 63, ints[1])
      assert.equal(-2 ^ 63, ints[2])
    end
    assert.equal(2 ^ 63, core.json_decode_plain "9223372036854775808")
    assert.equal(-2 ^ 63 * 2, core.json_decode_plain "-18446744073709551616")
  end)

  it("marks each array, so that an empty one is written as [] again", function()
    for _, json in ipairs { "[]", '{"a":[],"b":{}}', '[[],{"c":[[]]}]' } do
      assert.equal(json, core.json_encode_plain(core.json_decode_plain(json)))
    end
  end)

  local K = ("["):rep(128)
  local errors = {
    { "", "JSON ends too soon at byte 1" },
    { "  ", "JSON ends too soon at byte 3" },
    { "\239\187\191", "JSON ends too soon at byte 4" },
    { '{"a":1,"b":"x', "JSON ends too soon at byte 14" },
    { '{"a"', "JSON ends too soon at byte 5" },
    { '{"a":', "JSON ends too soon at byte 6" },
    { '{"a":1', "JSON ends too soon at byte 7" },
    { '{"a":1,', "JSON ends too soon at byte 8" },
    { "[1", "JSON ends too soon at byte 3" },
    { "tru", "JSON ends too soon at byte 4" },
    { "-", "JSON ends too soon at byte 2" },
    { "1.", "JSON ends too soon at byte 3" },
    { "1e", "JSON ends too soon at byte 3" },
    { "1e-", "JSON ends too soon at byte 4" },
    { [["\]], "JSON ends too soon at byte 3" },
    { [["\u12]], "JSON ends too soon at byte 6" },
    { "trux", "bad value in JSON at byte 4" },
    { "nul ", "bad value in JSON at byte 4" },
    { "True", "bad value in JSON at byte 1" },
    { "'a'", "bad value in JSON at byte 1" },
    { "NaN", "bad value in JSON at byte 1" },
    { "Infinity", "bad value in JSON at byte 1" },
    { "<html>", "bad value in JSON at byte 1" },
    { "\0", "bad value in JSON at byte 1" },
    { "[,]", "bad value in JSON at byte 2" },
    { "[1,]", "bad value in JSON at byte 4" },
    { "+1", "bad value in JSON at byte 1" },
    { ".5", "bad value in JSON at byte 1" },
    { "/* */1", "bad value in JSON at byte 1" },
    { "01", "bad number in JSON at byte 2" },
    { "-01", "bad number in JSON at byte 3" },
    { "1.e5", "bad number in JSON at byte 3" },
    { "1ex", "bad number in JSON at byte 3" },
    { "-x", "bad number in JSON at byte 2" },
    { "0x10", "more text behind the JSON value at byte 2" },
    { "1 2", "more text behind the JSON value at byte 3" },
    { "{}{}", "more text behind the JSON value at byte 3" },
    { "[]\0", "more text behind the JSON value at byte 3" },
    { '"a\nb"', "raw control byte in a JSON string at byte 3" },
    { '"a\0b"', "raw control byte in a JSON string at byte 3" },
    { [["\x"]], "bad escape in a JSON string at byte 3" },
    { [["\u12G4"]], "bad escape in a JSON string at byte 6" },
    { "{a:1}", "JSON name expected at byte 2" },
    { '{"a":1,}', "JSON name expected at byte 8" },
    { "{1:1}", "JSON name expected at byte 2" },
    { '{"a" 1}', "':' expected in JSON at byte 6" },
    { '{"a":1 "b":2}', "',' or '}' expected in JSON at byte 8" },
    { '{"a":1]', "',' or '}' expected in JSON at byte 7" },
    { "[1 2]", "',' or ']' expected in JSON at byte 4" },
    { "[1}", "',' or ']' expected in JSON at byte 3" },
    { K .. "[", "JSON is nested too deeply at byte 129" },
    { '{"a":' .. K, "JSON is nested too deeply at byte 133" },
  }
  for _, row in ipairs(errors) do
    it("refuses " .. ("%q"):format(row[1]:sub(1, 40)):gsub("%z", "0"), function()
      local value, message = core.json_decode_plain(row[1])
      assert.is_nil(value)
      assert.equal(row[2], message)
      -- The same with a shape, and the same wherever in memory the text ends.
      assert.equal(row[2], select(2, decode(row[1])))
    end)
  end

  it("refuses every beginning of a text", function()
    local json = [[ {"a\u0000\ud83d\ude00":[1.5e-3,-0,true,false,null,"x",{"y":[]}],"b":12345678901234567} ]]
    assert.truthy(core.json_decode_plain(json))
    for cut = 0, #json - 2 do
      local value, message = core.json_decode_plain(json:sub(1, cut))
      assert.is_nil(value)
      assert.equal("JSON ends too soon at byte " .. cut + 1, message)
    end
  end)

  it("takes a limit of depth", function()
    assert.equal("[[[]]]", show(core.json_decode_plain("[[[]]]", 3)))
    assert.equal("JSON is nested too deeply at byte 3", select(2, core.json_decode_plain("[[[]]]", 2)))
    assert.equal(1, core.json_decode_plain("1", 0))
    assert.equal("JSON is nested too deeply at byte 1", select(2, core.json_decode_plain("[]", 0)))
    local deep = ("["):rep(128) .. ("]"):rep(128)
    assert.truthy(core.json_decode_plain(deep))
    assert.truthy(core.json_decode_plain(("["):rep(900) .. ("]"):rep(900), 900))
    -- No caller can lift the limit beyond what C's stack and cJSON bear.
    local message = select(2, core.json_decode_plain(("["):rep(901) .. ("]"):rep(901), 1e9))
    assert.equal("JSON is nested too deeply at byte 901", message)
    assert.has_error(function() core.json_decode_plain("1", -1) end)
    assert.has_error(function() core.json_decode_plain("1", NAN) end)
  end)

  it("does not depend on the locale's decimal point", function()
    local json = '[1.5,-2.25e-3,2.0,"1.5",{"a":[[[-0.5,3]]]}]'
    local want = show(core.json_decode_plain(json))
    local seen = {}
    in_locales(function()
      local value = core.json_decode_plain(json)
      seen[#seen + 1] = { value, core.json_encode_plain { 1.5, -0.0005, 1e300 } }
    end)
    for _, values in ipairs(seen) do
      assert.equal(want, show(values[1]))
      assert.equal("[1.5,-0.0005,1e+300]", values[2])
    end
  end)

  it("raises for what is no text", function()
    assert.has_error(function() core.json_decode_plain() end)
    assert.has_error(function() core.json_decode_plain {} end)
  end)
end)

-- --------------------------------------------------------------------------------------------------- text beside a shape

describe("json_decode", function()
  local rows = {
    { "{}", "{}" },
    { '{"text":"a","unknown":{"deep":[1]},"count":1}', '{count=1,text="a"}' },
    -- members under another location are not the body's
    { '{"inHeader":"a","inQuery":"b","text":"c"}', '{text="c"}' },
    { [[{"on-the wire\"":"x","renamed":"y"}]], '{renamed="x"}' },
    { [[{"\u0074ext":"a"}]], '{text="a"}' }, -- an escaped name
    { [[{"text\u0000":"a","text":"b\u0000"}]], "{text=" .. show "b\0" .. "}" },
    { '{"text":"a","text":"b"}', '{text="b"}' },
    { '{"text":"\195\169\226\130\172 "}', '{text="\195\169\226\130\172 "}' },
    { '{"text":"\195\169\\n"}', "{text=" .. show "\195\169\n" .. "}" },
    { '{"settings":{"\195\169":"\195\169","\\u00e9x":"\\u00e9"}}',
      '{settings={\195\169="\195\169",\195\169x="\195\169"}}' },
    { [[{"iso":"\u0032023-11-14T22:13:20Z"}]], "{iso=1700000000}" },
    { '{"text":"a",' .. ('"text":"b",'):rep(100) .. '"count":1}', '{count=1,text="b"}' },
    -- null is absence
    { '{"text":null,"count":null,"tags":null,"again":null,"choice":null,"any":null}', "{}" },
    { '{"words":["a",null,"b"]}', '{words={"a","b"}}' },
    { '{"settings":{"a":"b","c":null}}', '{settings={a="b"}}' },
    { '{"again":{"words":[null,"a"],"settings":{"a":null}}}', '{again={settings={},words={"a"}}}' },
    -- the order of members does not matter
    { '{"count":1,"text":"a"}', '{count=1,text="a"}' },
    { '{"again":{"count":1,"text":"a","again":{"count":2}}}', '{again={again={count=2},count=1,text="a"}}' },
    -- lists and maps
    { '{"tags":[{"key":"a","value":"b"},{"value":"d","key":"c"}]}', '{tags={{key="a",value="b"},{key="c",value="d"}}}' },
    { '{"tags":[],"settings":{},"words":[]}', "{settings={},tags={},words={}}" },
    { '{"pairs":{"x":{"key":"a"},"y":{}}}', '{pairs={x={key="a"},y={}}}' },
    { [[{"settings":{"a\u0000":"1","b\"":"2"}}]], "{settings={a\0=\"1\",b\"=\"2\"}}" },
    -- numbers
    { '{"count":5.0,"size":-3,"ratio":2}', "{count=5,ratio=2,size=-3}" },
    { '{"ratio":"NaN"}', "{ratio=nan}" },
    { '{"ratio":"Infinity","again":{"ratio":"-Infinity"}}', "{again={ratio=-inf},ratio=inf}" },
    { '{"ratio":12345678901234567890}', "{ratio=1.2345678901234567e+19}" },
    { '{"count":1.5}', "{count=1.5}" },
    { '{"count":-0,"at":-0.0}', "{at=0,count=0}" },
    { '{"ratio":-0.0}', "{ratio=-0}" },
    -- timestamps: all three forms, whatever the model says
    { '{"at":1700000000,"iso":1700000000.5}', "{at=1700000000,iso=1700000000.5}" },
    { '{"at":"2023-11-14T22:13:20Z","http":"2023-11-14T23:13:20.250+01:00"}', "{at=1700000000,http=1700000000.25}" },
    { '{"iso":"Tue, 14 Nov 2023 22:13:20 GMT","at":"1700000000"}', "{at=1700000000,iso=1700000000}" },
    { '{"at":1.7e9,"iso":"1969-12-31T23:59:59Z"}', "{at=1700000000,iso=-1}" },
    { '{"times":["2023-11-14T22:13:20Z",null,1]}', "{times={1700000000,1}}" },
    { '{"at":"soon","iso":"","http":true}', '{at="soon",http=true,iso=""}' }, -- an odd date costs nothing
    -- blobs
    { '{"bytes":"AAH/"}', "{bytes=" .. show "\0\1\255" .. "}" },
    { '{"bytes":""}', '{bytes=""}' },
    { '{"bytes":"no base64!"}', '{bytes="no base64!"}' },
    { '{"bytes":7}', "{bytes=7}" },
    -- documents: whatever is there
    { '{"any":{"a":[1,null,{}],"b":[]}}', "{any={a=[1,null,{}],b=[]}}" },
    { '{"any":"x","again":{"any":[]}}', '{again={any=[]},any="x"}' },
    -- unions
    { '{"choice":{"number":1}}', "{choice={number=1}}" },
    { '{"choice":{"__type":"x","number":1,"words":null}}', "{choice={number=1}}" },
    { '{"choice":{"colour":"red"}}', '{choice={SDK_UNKNOWN_MEMBER={name="colour"}}}' },
    { '{"choice":{"__type":"x","number":null,"colour":{"r":1}}}', '{choice={SDK_UNKNOWN_MEMBER={name="colour"}}}' },
    { '{"choice":{"colour":null}}', "{choice={}}" },
    { '{"choice":{"colour":1,"number":2}}', "{choice={number=2}}" },
    { '{"again":{"again":{"choice":{"colour":"red"}}}}',
      '{again={again={choice={SDK_UNKNOWN_MEMBER={name="colour"}}}}}' },
    { [[{"choice":{"colo\u0075r":"red"}}]], '{choice={SDK_UNKNOWN_MEMBER={name="colour"}}}' },
    -- a value of the wrong kind is handed on by plain rules
    { '{"text":5,"count":"5","flag":"yes","ratio":[1],"at":{"a":1}}',
      '{at={a=1},count="5",flag="yes",ratio=[1],text=5}' },
    { '{"text":{"a":[]},"words":"x","tags":{"a":1},"settings":[1],"again":7}',
      '{again=7,settings=[1],tags={a=1},text={a=[]},words="x"}' },
    { '{"again":{"text":{"a":[]},"words":"x","tags":{"a":1},"settings":[1],"again":7}}',
      '{again={again=7,settings=[1],tags={a=1},text={a=[]},words="x"}}' },
    { '{"tags":[5,["x"]],"count":true}', '{count=true,tags={5,["x"]}}' },
    { '{"text":123456789012345678901234567890}', "{text=1.2345678901234568e+29}" },
    { "[1,2]", "[1,2]" },
    { "null", "null" },
    { '"x"', '"x"' },
    -- rewritten texts go the same ways
    { [[{"text":"\u0000","size":1234567890123456,"iso":"2023-11-14T22:13:20Z","bytes":"AAH/","any":[1234567890123456]}]],
      "{any=[1234567890123456],bytes=" .. show "\0\1\255" .. ",iso=1700000000,size=1234567890123456,text=" .. show "\0" .. "}" },
  }
  for _, row in ipairs(rows) do
    it("reads " .. row[1], function()
      local value, message = decode(row[1])
      assert.is_nil(message)
      assert.equal(row[2], show(value))
    end)
  end

  it("reads the same at every depth", function()
    -- The outer levels are walked in the text, the inner ones in cJSON's tree.
    for _, row in ipairs(rows) do
      if row[1]:find "^{" then
        local json, want = row[1], row[2]
        for _ = 1, 4 do
          json, want = '{"again":' .. json .. "}", "{again=" .. want .. "}"
          assert.equal(want, show(decode(json)))
        end
      end
    end
  end)

  it("keeps integers of 64 bits and floats apart", function()
    local value = decode '{"count":5.0,"size":9223372036854775807,"ratio":2,"at":5,"iso":"1970-01-01T00:00:05Z"}'
    if has_integers then
      assert.equal("integer", math_type(value.count))
      assert.equal(maxinteger, value.size)
      assert.equal("float", math_type(value.ratio))
      assert.equal("integer", math_type(value.at))
      assert.equal("integer", math_type(value.iso))
      assert.equal("integer", math_type(decode('{"size":1e18}').size))
      assert.equal("float", math_type(decode('{"ratio":1234567890123456789}').ratio))
    end
    assert.equal(5, value.count)
  end)

  it("takes members in any order, call after call", function()
    local names = { "text", "count", "ratio", "flag", "renamed" }
    local json = { text = '"text":"a"', count = '"count":1', ratio = '"ratio":2', flag = '"flag":true',
      renamed = [["on-the wire\"":"b"]] }
    for shift = 0, 19 do
      local parts = {}
      for i = 1, #names do parts[i] = json[names[(i * (shift % 4 + 1) + shift) % 5 + 1]] end
      local body = "{" .. table.concat(parts, ",") .. "}"
      assert.equal('{count=1,flag=true,ratio=2,renamed="b",text="a"}', show(decode(body)))
      assert.equal('{tags={{key="k",value="v"}}}', show(decode(shift % 2 == 0 and '{"tags":[{"key":"k","value":"v"}]}'
        or '{"tags":[{"value":"v","key":"k"}]}')))
    end
  end)

  it("decodes scalars at the root", function()
    assert.equal(5, core.json_decode(core.json_shape(scalar "integer"), " 5 "))
    assert.equal("\1", core.json_decode(core.json_shape(scalar "blob"), '"AQ=="'))
    assert.equal('{"a","b"}', show(core.json_decode(core.json_shape(list(text)), '["a",null,"b"]')))
    assert.equal('{a="b"}', show(core.json_decode(core.json_shape(map(text)), '{"a":"b","c":null}')))
    assert.equal('{a=null}', show(core.json_decode(core.json_shape(scalar "document"), '{"a":null}')))
  end)

  -- A finalizer's error breaks off what allocates at that time; on 5.4 it is a warning. (5.1 shows no upvalues of functions
  -- in C.) The memory of the call may hold secrets and be large.
  it("keeps no memory of a call that an error broke off", function()
    local armed = false
    local function finalize()
      if armed then
        armed = false
        error "from a finalizer"
      end
    end
    if _VERSION == "Lua 5.4" or not debug.getupvalue(core.json_encode_plain, 1) then return end
    local function doomed()
      local proxy = rawget(_G, "newproxy")
      if proxy then
        getmetatable(proxy(true)).__gc = finalize
      else
        setmetatable({}, { __gc = finalize })
      end
    end
    local items = {}
    for i = 1, 2000 do items[i] = { a = "b" } end
    local body = assert(core.json_encode_plain(items))
    assert(core.json_decode_plain(body))
    for f, argument in pairs { [core.json_encode_plain] = items, [core.json_decode_plain] = body } do
      local kept, count = setmetatable({}, { __mode = "k" }), 0
      for i = 1, 10 do
        local _, value = debug.getupvalue(f, i)
        if type(value) == "userdata" then
          kept[value] = true
          count = count + 1
        end
      end
      assert.equal(1, count)
      local pause, step = collectgarbage("setpause", 0), collectgarbage("setstepmul", 100000)
      collectgarbage() -- the next cycle begins at once
      local broken = false
      for _ = 1, 100 do
        doomed()
        armed = true
        broken = not pcall(f, argument)
        armed = false
        if broken then break end
      end
      collectgarbage("setpause", pause)
      collectgarbage("setstepmul", step)
      if not broken then return pending "the collector called no finalizer in the midst of a call" end
      for _ = 1, 3 do collectgarbage() end
      assert.is_nil(next(kept))
      assert(f(argument))
    end
  end)

  it("raises for what is no compiled shape", function()
    assert.has_error(function() core.json_decode({}, "{}") end)
    assert.has_error(function() core.json_decode(nil, "{}") end)
    assert.has_error(function() core.json_decode(io.stdout, "{}") end)
    assert.has_error(function() core.json_decode(shape) end)
  end)

  it("survives a frantic collector", function()
    local pause, step = collectgarbage("setpause", 0), collectgarbage("setstepmul", 10000)
    local body = '{"tags":[' .. ('{"key":"a\\u0000","value":"b"},'):rep(10) .. '{"key":"c"}],"any":{"x":[12345678901234567]}}'
    for _ = 1, 3 do
      local value = core.json_decode(core.json_shape(root), body)
      assert.equal(11, #value.tags)
      assert.equal("a\0", value.tags[10].key)
    end
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", step)
  end)
end)

-- ------------------------------------------------------------------------------------------------- values beside a shape

describe("json_encode", function()
  local rows = {
    { {}, "{}" },
    { { text = "a", count = 1 }, '{"text":"a","count":1}' }, -- the model's order
    { { inHeader = "a", inQuery = "b", stranger = 1 }, "{}" },
    { { renamed = "x" }, [[{"on-the wire\"":"x"}]] },
    { { text = core.json_null, words = core.json_null }, "{}" },
    { { any = core.json_null }, '{"any":null}' },
    -- empty tables follow the shape
    { { words = {}, settings = {}, again = {}, any = {}, tags = {} },
      '{"any":{},"tags":[],"words":[],"settings":{},"again":{}}' },
    { { any = setmetatable({}, core.json_array_mt) }, '{"any":[]}' },
    { { words = setmetatable({ "a" }, core.json_array_mt) }, '{"words":["a"]}' },
    -- strings
    { { text = "\"\\/\b\f\n\r\t\1\31\127" }, [[{"text":"\"\\/\b\f\n\r\t\u0001\u001f]] .. '\127"}' },
    { { text = "a\0b" }, [[{"text":"a\u0000b"}]] },
    { { text = "\195\169\226\128\168\240\159\152\128" }, '{"text":"\195\169\226\128\168\240\159\152\128"}' },
    { { text = "" }, '{"text":""}' },
    -- numbers where the service wants strings: plain decimal
    { { text = 0.00001 }, '{"text":"0.00001"}' },
    { { text = 2.0 }, '{"text":"2"}' },
    { { text = 2 }, '{"text":"2"}' },
    { { text = -0.5 }, '{"text":"-0.5"}' },
    { { text = 1e15 }, '{"text":"1000000000000000"}' },
    { { text = 1e21 }, '{"text":"1' .. ("0"):rep(21) .. '"}' },
    { { text = 1.5e-10 }, '{"text":"0.00000000015"}' },
    { { text = 123456.789 }, '{"text":"123456.789"}' },
    { { text = 0.1 + 0.2 }, '{"text":"0.30000000000000004"}' },
    { { text = 2 ^ 53 }, '{"text":"9007199254740992"}' },
    { { text = -1e300 }, '{"text":"-1' .. ("0"):rep(300) .. '"}' },
    { { text = 5e-324 }, '{"text":"0.' .. ("0"):rep(323) .. '5"}' },
    { { settings = { rate = 0.00001, epochs = 2 } }, '{"settings":{"epochs":"2","rate":"0.00001"}}' },
    -- integers
    { { count = 5.0 }, '{"count":5}' },
    { { count = 1e15 }, '{"count":1000000000000000}' },
    { { count = MINUS_ZERO }, '{"count":0}' },
    { { size = -2 ^ 63 }, '{"size":-9223372036854775808}' },
    { { size = 2 ^ 62 }, '{"size":4611686018427387904}' },
    -- floats
    { { ratio = 0.1 }, '{"ratio":0.1}' },
    { { ratio = 1 / 3 }, '{"ratio":0.3333333333333333}' },
    { { ratio = 3 }, '{"ratio":3}' },
    { { ratio = 1e300 }, '{"ratio":1e+300}' },
    { { ratio = 5e-324 }, '{"ratio":5e-324}' },
    { { ratio = 1.7976931348623157e308 }, '{"ratio":1.7976931348623157e+308}' },
    { { ratio = NAN }, '{"ratio":"NaN"}' },
    { { ratio = INFINITY }, '{"ratio":"Infinity"}' },
    { { ratio = -INFINITY }, '{"ratio":"-Infinity"}' },
    { { ratio = "-Infinity" }, '{"ratio":"-Infinity"}' },
    { { flag = true, again = { flag = false } }, '{"flag":true,"again":{"flag":false}}' },
    -- timestamps: numbers or text in, by the model's form out
    { { at = 1700000000, iso = 1700000000, http = 1700000000 },
      '{"at":1700000000,"iso":"2023-11-14T22:13:20Z","http":"Tue, 14 Nov 2023 22:13:20 GMT"}' },
    { { at = "2023-11-14T22:13:20Z", iso = "2023-11-14T23:13:20+01:00", http = "2023-11-14T22:13:20Z" },
      '{"at":1700000000,"iso":"2023-11-14T22:13:20Z","http":"Tue, 14 Nov 2023 22:13:20 GMT"}' },
    { { at = 1700000000.5, iso = 1700000000.125 }, '{"at":1700000000.5,"iso":"2023-11-14T22:13:20.125Z"}' },
    { { at = -1, iso = -1 }, '{"at":-1,"iso":"1969-12-31T23:59:59Z"}' },
    { { isoByMember = 0, unixByMember = 0, times = { 0 } },
      '{"isoByMember":"1970-01-01T00:00:00Z","unixByMember":0,"times":["1970-01-01T00:00:00Z"]}' },
    -- blobs
    { { bytes = "\0\1\255" }, '{"bytes":"AAH/"}' },
    { { bytes = "" }, '{"bytes":""}' },
    { { bytes = "a" }, '{"bytes":"YQ=="}' },
    -- lists, maps, unions
    { { tags = { { key = "a", value = "b" }, { key = "c" } } }, '{"tags":[{"key":"a","value":"b"},{"key":"c"}]}' },
    { { settings = { b = "2", a = "1", ["a\0"] = "3", [""] = "0" } },
      [[{"settings":{"":"0","a":"1","a\u0000":"3","b":"2"}}]] },
    { { pairs = { x = { key = "a" }, w = {} } }, '{"pairs":{"w":{},"x":{"key":"a"}}}' },
    { { choice = { number = 1 } }, '{"choice":{"number":1}}' },
    { { any = { 1, "2", { a = true, ["\195\169"] = { { 1.5 } } } } }, '{"any":[1,"2",{"a":true,"\195\169":[[1.5]]}]}' },
    { { any = "x", again = { any = false } }, '{"any":"x","again":{"any":false}}' },
  }
  for _, row in ipairs(rows) do
    it("writes " .. row[2]:sub(1, 100):gsub("[%c\127-\255]", "?"), function()
      local before = show(row[1])
      assert.equal(row[2], (encode(row[1])))
      assert.equal(before, show(row[1])) -- the caller's table stays as it was
      local again, want = { again = row[1] }, '{"again":' .. row[2] .. "}"
      assert.equal(want, (encode(again)))
    end)
  end

  if has_integers then
    it("writes integers of 64 bits exactly", function()
      local value = { text = maxinteger, count = mininteger, size = 9007199254740993, ratio = maxinteger }
      local json = encode(value)
      assert.equal('{"text":"9223372036854775807","count":-9223372036854775808,"size":9007199254740993,'
        .. '"ratio":9223372036854775807}', json)
      assert.equal(mininteger, decode(json).count)
      assert.equal(9007199254740993, decode(json).size)
    end)
  end

  local errors = {
    { 5, "", "expected structure, got number" },
    { "x", "", "expected structure, got string" },
    { nil, "", "expected structure, got nil" },
    { { 1, 2 }, "", "expected structure, got a list" },
    { { text = {} }, "text", "expected string, got table" },
    { { text = true }, "text", "expected string, got boolean" },
    { { text = print }, "text", "expected string, got function" },
    { { text = NAN }, "text", "expected string, got a number that is not finite" },
    { { text = -INFINITY }, "text", "expected string, got a number that is not finite" },
    { { text = "ab\255" }, "text", "expected UTF-8 text, got an invalid byte at 3" },
    { { text = "\237\160\128" }, "text", "expected UTF-8 text, got an invalid byte at 1" },
    { { text = "ab\226\130" }, "text", "expected UTF-8 text, got an invalid byte at 3" },
    { { count = "5" }, "count", "expected integer, got string" },
    { { count = 1.5 }, "count", "expected integer, got a number with a fraction" },
    { { count = 2 ^ 63 }, "count", "expected integer, got a number beyond 64 bits" },
    { { count = NAN }, "count", "expected integer, got a number that is not finite" },
    { { ratio = "5" }, "ratio", "expected number, got string" },
    { { ratio = {} }, "ratio", "expected number, got table" },
    { { flag = "true" }, "flag", "expected boolean, got string" },
    { { flag = 1 }, "flag", "expected boolean, got number" },
    { { at = true }, "at", "expected timestamp (seconds or ISO 8601 text), got boolean" },
    { { at = "soon" }, "at", "expected timestamp (seconds or ISO 8601 text), got text that is no date" },
    { { at = NAN }, "at", "expected timestamp, got a time outside of the years 0 to 9999" },
    { { iso = 1e15 }, "iso", "expected timestamp, got a time outside of the years 0 to 9999" },
    { { http = -INFINITY }, "http", "expected timestamp, got a time outside of the years 0 to 9999" },
    { { bytes = 5 }, "bytes", "expected string of bytes, got number" },
    { { words = "a" }, "words", "expected list, got string" },
    { { words = { a = "b" } }, "words", "expected list, got a table with keys other than 1 to n" },
    { { words = { "a", a = "b" } }, "words", "expected list, got a table with keys other than 1 to n" },
    { { words = { [1] = "a", [3] = "b", [4] = "c" } }, "words", "expected list, got a table with keys other than 1 to n" },
    { { words = { [1.5] = "a" } }, "words", "expected list, got a table with keys other than 1 to n" },
    { { words = { "a", 5, {} } }, "words[3]", "expected string, got table" },
    { { words = { "a", core.json_null } }, "words[2]", "expected string, got null" },
    { { tags = { { key = "a" }, { key = {} } } }, "tags[2].key", "expected string, got table" },
    { { tags = { { "a" } } }, "tags[1]", "expected structure, got a list" },
    { { settings = "x" }, "settings", "expected map, got string" },
    { { settings = { "x" } }, "settings", "expected map with string keys, got a key of type number" },
    { { settings = { [true] = "x" } }, "settings", "expected map with string keys, got a key of type boolean" },
    { { settings = { a = {} } }, "settings.a", "expected string, got table" },
    { { settings = { a = core.json_null } }, "settings.a", "expected string, got null" },
    { { settings = { ["\255"] = "x" } }, "settings", "expected UTF-8 text, got an invalid byte at 1" },
    { { pairs = { x = { key = {} } } }, "pairs.x.key", "expected string, got table" },
    { { renamed = {} }, "renamed", "expected string, got table" }, -- the API's name, not the wire's
    { { any = { a = { print } } }, "any.a[1]", "expected JSON value, got function" },
    { { any = { a = NAN } }, "any.a", "expected JSON value, got a number that is not finite" },
    { { any = { 1, nil, 3, [7] = 7 } }, "any", "expected list or object, got a table with gaps or with keys of both kinds" },
    { { any = { 1, a = 2 } }, "any", "expected list or object, got a table with gaps or with keys of both kinds" },
    { { any = { [2] = 1 } }, "any", nil },
    { { any = setmetatable({ a = 1 }, core.json_array_mt) }, "any",
      "expected list or object, got a table with gaps or with keys of both kinds" },
    { { again = { again = { choice = { words = { 1, false } } } } }, "again.again.choice.words[2]",
      "expected string, got boolean" },
  }
  for i = 1, #errors do
    local row = errors[i]
    it(("refuses %s (%s)"):format(row[3] or "a list with a gap", row[2]), function()
      local json, message, path = encode(row[1])
      assert.is_nil(json)
      assert.equal(row[2], path)
      if row[3] then assert.equal(path == "" and row[3] or path .. ": " .. row[3], message) end
    end)
  end

  it("ends with an error in a value that holds itself", function()
    local value = {}
    value.again = value
    local json, message, path = encode(value)
    assert.is_nil(json)
    holds(message, "nested deeper than 128 levels; does it hold itself?")
    assert.equal(("again."):rep(127) .. "again", path)
    local document = {}
    document[1] = document
    holds(select(2, encode { any = document }), "any[1][1]")
    local map_of_itself = {}
    map_of_itself.k = map_of_itself
    holds(select(2, core.json_encode_plain(map_of_itself)), "k.k.k")
  end)

  it("runs no Lua code of the value's", function()
    local value = setmetatable({}, { __index = function() error "called" end, __len = function() error "called" end,
      __pairs = function() error "called" end })
    assert.equal("{}", (encode(value)))
    assert.equal('{"any":{}}', (encode { any = value }))
    assert.equal('{"words":[]}', (encode { words = value }))
  end)

  it("gives the same bytes for the same map, however it was filled", function()
    local first, second = {}, {}
    for i = 1, 100 do first["k" .. i] = "v" end
    for i = 100, 1, -1 do second["k" .. i] = "v" end
    assert.equal(encode { settings = first }, encode { settings = second })
    local big = encode { settings = first, pairs = { a = { key = "x" }, b = {} } }
    assert.equal(show { pairs = { a = { key = "x" }, b = {} }, settings = first }, show(decode(big)))
  end)

  it("reads back what it writes", function()
    for _, x in ipairs { 0.1, 1 / 3, 1e-7, 123456.789, 2 ^ 53 + 2, 1e22, 1e23, 5e-324, 2.2250738585072014e-308,
      1.7976931348623157e308, 0.1 + 0.2, 100, -0.75, 4.35, 2 ^ 63, 2 ^ 64, 2 ^ 70 } do
      assert.equal(x, decode(encode { ratio = x }).ratio)
      assert.equal(x, core.json_decode_plain(core.json_encode_plain(x)))
      assert.equal(x, tonumber(decode(encode { text = x }).text))
    end
    local zero = core.json_decode_plain(core.json_encode_plain(MINUS_ZERO))
    assert.equal(-INFINITY, 1 / zero)
    local all = {}
    for byte = 0, 127 do all[byte + 1] = string.char(byte) end
    all = table.concat(all)
    assert.equal(all, decode(encode { text = all }).text)
    for byte = 0, 255 do all = all .. string.char(byte) end
    assert.equal(all, decode(encode { bytes = all }).bytes)
  end)

  it("encodes scalars and lists at the root", function()
    assert.equal('"x"', (core.json_encode(core.json_shape(text), "x")))
    assert.equal("[]", (core.json_encode(core.json_shape(list(text)), {})))
    local _, message, path = core.json_encode(core.json_shape(list(text)), { {} })
    assert.equal("[1]: expected string, got table", message)
    assert.equal("[1]", path)
  end)

  it("raises for what is no compiled shape", function()
    assert.has_error(function() core.json_encode({}, {}) end)
    assert.has_error(function() core.json_encode(nil, {}) end)
  end)
end)

describe("json_encode_params", function()
  local function limited(kind, min) return { type = kind, min = min } end
  local names = { type = "list", min = 1, member = member("member", limited("string", 2)) }
  local settings = { type = "map", min = 1, key = member("key", limited("string", 2)), value = member("value", text) }
  local tree = structure(member("leaf", text))
  tree.order[2], tree.members.next = "next", member("next", tree)
  local input = structure(
    member("id", text, { location = "uri" }), member("filter", names, { location = "querystring" }),
    member("more", settings, { location = "querystring" }), member("odd", text, { location = "header", jsonvalue = true }),
    member("token", text, { idempotencyToken = true }), member("name", limited("string", 2)),
    member("size", limited("integer", 1)), member("ratio", limited("double", 0.5)), member("flag", scalar "boolean"),
    member("at", scalar "timestamp"), member("bytes", limited("blob", 2)), member("names", names),
    member("settings", settings), member("choice", choice), member("tree", tree), member("any", scalar "document"))
  input.required = { "id", "token", "name" }
  local params_shape = core.json_shape(input, true)

  local function with(changes)
    local params = { id = "i", name = "ab" }
    for name, value in pairs(changes) do params[name] = value end
    return params
  end

  local function nested(levels)
    local value = { leaf = "x" }
    for _ = 2, levels do value = { next = value } end
    return value
  end

  local circle = {}
  circle.next = circle

  local sure = {
    { {}, '{"name":"ab"}' },
    { { filter = { "ab", 5 }, more = { ab = "c" } }, '{"name":"ab"}' },
    { { name = "\195\164\195\164\195\164\195\164", size = 1, ratio = 0.5, flag = false },
      '{"name":"\195\164\195\164\195\164\195\164","size":1,"ratio":0.5,"flag":false}' },
    { { name = 0.00001, at = 5, bytes = "\0\255" }, '{"name":"0.00001","at":5,"bytes":"AP8="}' },
    { { names = { "ab", "cd" }, settings = { zz = 1, ab = "" } }, '{"name":"ab","names":["ab","cd"],"settings":{"ab":"","zz":"1"}}' },
    { { choice = { words = {} }, size = core.json_null }, '{"name":"ab","choice":{"words":[]}}' },
    { { token = "mine" }, '{"token":"mine","name":"ab"}' },
    { { any = core.json_null }, '{"name":"ab","any":null}' },
    { { tree = nested(29) }, '{"name":"ab","tree":' .. ('{"next":'):rep(28) .. '{"leaf":"x"}' .. ("}"):rep(29) },
  }

  for i, row in ipairs(sure) do
    it("writes what is surely right, row " .. i, function()
      assert.equal(row[2], core.json_encode_params(params_shape, with(row[1])))
      assert.equal(row[2], (core.json_encode(params_shape, with(row[1]))))
    end)
  end

  local doubted = {
    { id = core.json_null }, { id = "" }, { id = "." }, { id = ".." }, { id = "\195\164" }, { id = "a\nb" },
    { unknown = 1 }, { [1] = "x" }, { [true] = "x" }, { odd = "x" }, { name = "a" }, { name = "\195\164\195" }, { name = "ab\255ab\255ab" },
    { name = "\195\164" }, { name = true }, { name = {} }, { name = 0 / 0 }, { size = 0 }, { size = 1.5 }, { size = "1" }, { size = 1 / 0 },
    { ratio = 0.4 }, { ratio = "1" }, { flag = 1 }, { at = "2024-01-01T00:00:00Z" }, { at = 1e15 }, { at = 0 / 0 }, { bytes = "a" },
    { bytes = 1 }, { names = {} }, { names = { "a" } }, { names = { "ab", core.json_null } }, { names = { "ab", x = "cd" } },
    { names = { "ab", nil, "cd" } }, { names = "ab" }, { settings = {} }, { settings = { a = "x" } }, { settings = { ab = {} } },
    { settings = { "ab" } }, { settings = "ab" }, { filter = {} }, { filter = { "a" } }, { filter = { "ab\n" } }, { filter = "ab" },
    { more = {} }, { more = { a = "x" } }, { more = { ab = "\195\164" } }, { more = { "ab" } }, { more = { [("\195\164"):rep(3)] = "x" } },
    { choice = {} }, { choice = { number = 1, words = {} } }, { choice = { other = 1 } }, { tree = { leaf = { 1 } } }, { tree = { 1 } },
    { tree = nested(30) }, { tree = circle }, { any = 5 }, { token = 5 / 0 },
  }

  for i, row in ipairs(doubted) do
    it("leaves to the check in Lua what may be wrong, row " .. i, function()
      assert.is_false(core.json_encode_params(params_shape, with(row)))
    end)
  end

  it("takes tables only", function()
    for _, value in pairs { 1, "x", true, { 1 } } do assert.is_false(core.json_encode_params(params_shape, value)) end
    assert.is_false(core.json_encode_params(params_shape))
    assert.has_error(function() core.json_encode_params(shape, {}) end)
    assert.has_error(function() core.json_encode_params({}, {}) end)
  end)

  it("writes defaults for what is lacking, which are not the caller's members", function()
    local defaults = { token = "made", id = "other" }
    assert.equal('{"token":"made","name":"ab"}', core.json_encode_params(params_shape, with {}, defaults))
    assert.equal('{"token":"made","name":"ab"}', core.json_encode_params(params_shape, with { token = core.json_null }, defaults))
    assert.equal('{"token":"mine","name":"ab"}', core.json_encode_params(params_shape, with { token = "mine" }, defaults))
    assert.is_false(core.json_encode_params(params_shape, { name = "ab" }, defaults))
  end)

  it("writes nothing where the body is one member, or none", function()
    local rows = {
      { structure(member("id", text, { location = "uri" }), member("names", names, { location = "querystring" })), { id = "a", names = { "ab" } } },
      { structure(member("tree", tree), member("bytes", scalar "blob")), { tree = { next = { leaf = "\255" } }, bytes = "x" }, "tree" },
      { structure(member("settings", settings)), { settings = { [("\255"):rep(8)] = "x", zz = "y" } }, "settings" },
      { structure(), {} },
    }
    for i, row in ipairs(rows) do
      row[1].payload = row[3]
      local compiled = core.json_shape(row[1], true)
      -- That text is UTF-8 is for the writer to see.
      assert.equal(true, core.json_encode_params(compiled, row[2]), i)
      row[2].other = "x"
      assert.equal(false, core.json_encode_params(compiled, row[2]), i)
    end
  end)
end)

describe("json_encode_plain", function()
  local rows = {
    { core.json_null, "null" }, { true, "true" }, { "a", '"a"' }, { 5, "5" }, { 2.5, "2.5" }, { 1e15, "1000000000000000" },
    { {}, "{}" }, { { 1, 2 }, "[1,2]" }, { { b = 1, a = { c = core.json_null } }, '{"a":{"c":null},"b":1}' },
    { { core.json_null, 1 }, "[null,1]" }, { { [""] = 1 }, '{"":1}' },
    { setmetatable({}, core.json_array_mt), "[]" },
  }
  for _, row in ipairs(rows) do
    it("writes " .. row[2], function() assert.equal(row[2], (core.json_encode_plain(row[1]))) end)
  end

  local errors = {
    { nil, "expected JSON value, got nil" }, { print, "expected JSON value, got function" },
    { io.stdout, "expected JSON value, got userdata" }, { NAN, "expected JSON value, got a number that is not finite" },
    { { [1.5] = 1 }, "expected object with string keys, got a key of type number" },
    { "\255", "expected UTF-8 text, got an invalid byte at 1" },
  }
  for i = 1, 6 do
    local row = errors[i]
    it("refuses: " .. row[2], function()
      local json, message, path = core.json_encode_plain(row[1])
      assert.is_nil(json)
      assert.equal(row[2], message)
      assert.equal("", path)
    end)
  end
end)

describe("json_shape", function()
  local rows = {
    { {}, "a JSON shape lacks its type" },
    { { type = "strange" }, "unknown type 'strange' of a JSON shape" },
    { { type = "structure" }, "a JSON shape lacks the table 'members'" },
    { { type = "structure", members = {} }, "a JSON shape lacks the table 'order'" },
    { { type = "structure", members = {}, order = { "a" } }, "a JSON shape's order names a member that it lacks" },
    { { type = "structure", members = { a = { wire = "a" } }, order = { "a" } }, "a JSON shape lacks the table 'shape'" },
    { { type = "structure", members = { a = { shape = text } }, order = { "a" } },
      "a member of a JSON shape lacks its wire name" },
    { { type = "structure", members = { a = { shape = text, wire = "\255" } }, order = { "a" } },
      "a wire name of a JSON shape is not UTF-8" },
    { { type = "list" }, "a JSON shape lacks the table 'member'" },
    { { type = "map" }, "a JSON shape lacks the table 'value'" },
  }
  for _, row in ipairs(rows) do
    it("raises: " .. row[2], function()
      local ok, message = pcall(core.json_shape, row[1])
      assert.is_false(ok)
      holds(message, row[2])
    end)
  end

  it("raises for shapes without end", function()
    local deep = text
    for _ = 1, 200 do deep = list(deep) end
    local ok, message = pcall(core.json_shape, deep)
    assert.is_false(ok)
    holds(message, "JSON shapes are nested too deeply")
    assert.has_error(function() core.json_shape "string" end)
  end)

  it("knows structures without members, in the body or at all", function()
    for _, empty in ipairs { structure(), structure(member("a", text, { location = "header" })) } do
      local compiled = core.json_shape(empty)
      assert.equal("{}", (core.json_encode(compiled, { a = 1 })))
      assert.equal("{}", show(core.json_decode(compiled, '{"a":"b"}')))
      local wrapped = core.json_shape(structure(member("x", list(empty))))
      assert.equal("{x={{}}}", show(core.json_decode(wrapped, '{"x":[{"a":"b"}]}')))
    end
  end)

  it("refuses members that move into the body while they are read", function()
    for _, asked in ipairs { 1, 300 } do -- so often are they elsewhere
      local members = {}
      for i = 1, 300 do
        members[i] = setmetatable({ name = "m" .. i, wire = "m" .. i, shape = text }, { __index = function(_, key)
          if key == "location" and asked > 0 then
            asked = asked - 1
            return "header"
          end
        end })
      end
      local ok, message = pcall(core.json_shape, structure((table.unpack or unpack)(members)))
      assert.is_false(ok)
      holds(message, "changes while it is read")
    end
  end)

  it("outlives the table that it was made from", function()
    local compiled = core.json_shape(structure(member("a" .. "b", map(list(text)))))
    collectgarbage()
    collectgarbage()
    assert.equal('{ab={x={"y"}}}', show(core.json_decode(compiled, '{"ab":{"x":["y"]}}')))
    assert.equal('{"ab":{"x":["y"]}}', (core.json_encode(compiled, { ab = { x = { "y" } } })))
  end)
end)

describe("a compiled shape that is finalized", function()
  it("is refused", function()
    local compiled = core.json_shape(structure(member("a", text)))
    local gc = getmetatable(compiled).__gc
    gc(compiled)
    gc(compiled)
    local ok, message = pcall(core.json_decode, compiled, '{"a":"b"}')
    assert.is_false(ok)
    holds(message, "the Lua state is closing")
    ok, message = pcall(core.json_encode, compiled, { a = "b" })
    assert.is_false(ok)
    holds(message, "the Lua state is closing")
    assert.is_false(pcall(gc, io.stdout))
  end)

  -- The finalizer of a value that is older than the shape runs after the shape's own.
  it("does no harm to other finalizers while the Lua state closes", function()
    local child = require "spec.support.child"
    local dir = child.temp_dir()
    local script = child.write(dir .. "/main.lua", [[
      local core = require "bedrock.core"
      local shape
      local function finalize()
        local ok, message = pcall(core.json_decode, shape, '{"a":["b"]}')
        print(ok, (tostring(message):gsub("^.-: ", "")))
        print(core.json_encode_plain(core.json_decode_plain '{"a":["\\u0000",1.5]}'))
        -- On LuaJIT it has its finalizer after modules are unloaded; on 5.4 it has none at all.
        LATER = rawget(_G, "jit") and core.json_shape { type = "structure", members = {}, order = {} }
      end
      if newproxy then
        OLDER = newproxy(true)
        getmetatable(OLDER).__gc = finalize
      else
        OLDER = setmetatable({}, { __gc = finalize })
      end
      local list = { type = "list", member = { shape = { type = "string" } } }
      shape = core.json_shape { type = "structure", members = { a = { wire = "a", shape = list } }, order = { "a" } }
    ]])
    local pipe = assert(io.popen(("%s %s 2>&1; echo status $?; rm -rf %s"):format(child.quote(child.interpreter()),
      child.quote(script), child.quote(dir))))
    local output = pipe:read("*a")
    pipe:close()
    assert.equal('false\tthe Lua state is closing\n{"a":["\\u0000",1.5]}\nstatus 0\n', output)
  end)
end)
