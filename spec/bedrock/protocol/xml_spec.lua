local xml = require "bedrock.protocol.xml"
local xml_value = require "bedrock.protocol.xml_value"
local model = require "bedrock.model"

-- An element as { name, text, child... }.
local function plain(element)
  local copy = { element.name, element.text }
  for _, child in ipairs(element) do
    copy[#copy + 1] = plain(child)
  end
  return copy
end

-- How much hostile input a test tries, and the seconds of CPU time that it may take: where a pattern took quadratic time, it
-- would be minutes. Under valgrind all goes slower, so there is less of it.
local MEGABYTE = math.floor(1000000 / (tonumber(os.getenv "BEDROCK_SLOW") or 1))
local PATIENCE = 3

describe("bedrock.protocol.xml", function()
  describe("reads", function()
    local rows = {
      { "an empty element", "<a/>", { "a", "" } },
      { "blanks in tags", "<a\n ><b \t/></a\r\n>", { "a", "", { "b", "" } } },
      { "text as it is", "<a> x </a>", { "a", " x " } },
      { "children in order", "<a>\n <b>1</b>\n <c>2</c><b>3</b></a>",
        { "a", "\n \n ", { "b", "1" }, { "c", "2" }, { "b", "3" } } },
      { "the five entities", "<a>&lt;&gt;&amp;&quot;&apos;</a>", { "a", "<>&\"'" } },
      { "references once", "<a>&amp;lt;</a>", { "a", "&lt;" } },
      { "numeric references", "<a>&#65;&#x42;&#x00e9;&#x20AC;&#x1F600;&#0000067;</a>", { "a", "ABé€😀C" } },
      { "a carriage return that is meant", "<a>&#13;\r\n\r</a>", { "a", "\r\n\n" } },
      { "CDATA", "<a>x<![CDATA[<b>&amp;]] >\r\n]]>y</a>", { "a", "x<b>&amp;]] >\ny" } },
      { "past empty CDATA", "<a><![CDATA[]]></a>", { "a", "" } },
      { "past comments", "<!-- <x> - & --><a>1<!---->2</a><!-- end -->\n", { "a", "12" } },
      { "past instructions", '\n<?xml version="1.0" encoding="UTF-8"?><?p <a>?><a>1<?q?>2</a>', { "a", "12" } },
      { "past a byte order mark", "\239\187\191<a/>", { "a", "" } },
      { "past attributes", [[<a x="1>" y = '/>"&quot;' z-1.é=''/>]], { "a", "" } },
      { "names without prefixes", '<s:a xmlns:s="urn:x"><s:b>1</s:b></s:a>', { "a", "", { "b", "1" } } },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        local root, message = xml.parse(row[2])
        assert.is_nil(message)
        assert.same(row[3], plain(root))
      end)
    end

    it("a hundred elements in elements", function()
      assert.is_table(xml.parse(("<a>"):rep(100) .. ("</a>"):rep(100)))
    end)
  end)

  describe("refuses", function()
    local long = ("x"):rep(1000)
    local rows = {
      { "", "XML ends too soon at byte 1" },
      { " \n", "XML ends too soon at byte 3" },
      { "<!-- a -->", "XML ends too soon at byte 11" },
      { "x<a/>", "text outside of all elements in XML at byte 1" },
      { "<a/> x", "text outside of all elements in XML at byte 6" },
      { "<a/><![CDATA[x]]>", "text outside of all elements in XML at byte 5" },
      { "<a/><b/>", "a second root in XML at byte 5" },
      { "<a></b>", "bad tag in XML at byte 4" },
      { "<p:a></a>", "bad tag in XML at byte 6" },
      { "<a></a></a>", "bad tag in XML at byte 8" },
      { "<a></a x='1'>", "bad tag in XML at byte 4" },
      { "</a>", "bad tag in XML at byte 1" },
      { "< a/>", "bad tag in XML at byte 1" },
      { "<1/>", "bad tag in XML at byte 1" },
      { "<a b/>", "bad tag in XML at byte 4" },
      { "<a b=c/>", "bad tag in XML at byte 4" },
      { "<a b='c'd='e'/>", "bad tag in XML at byte 9" },
      { "<a b='<'/>", "bad tag in XML at byte 7" },
      { "<a / >", "bad tag in XML at byte 4" },
      { "<a><!x></a>", "bad tag in XML at byte 4" },
      { "<a><!-- a -- b --></a>", "bad tag in XML at byte 11" },
      { '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "XML with a DOCTYPE, which is not accepted, at byte 1" },
      { "<a>\n<!DOCTYPE b></a>", "XML with a DOCTYPE, which is not accepted, at byte 5" },
      { "<a>&</a>", "bad character reference in XML at byte 4" },
      { "<a>12&b;</a>", "bad character reference in XML at byte 6" },
      { "<a>\r\n&amp</a>", "bad character reference in XML at byte 6" },
      { "<a>&" .. long .. ";</a>", "bad character reference in XML at byte 4" },
      { "<a>&#;</a>", "bad character reference in XML at byte 4" },
      { "<a>&#x;</a>", "bad character reference in XML at byte 4" },
      { "<a>&#0;</a>", "bad character reference in XML at byte 4" },
      { "<a>&#8;</a>", "bad character reference in XML at byte 4" },
      { "<a>&#xD800;</a>", "bad character reference in XML at byte 4" },
      { "<a>&#xFFFE;</a>", "bad character reference in XML at byte 4" },
      { "<a>&#x110000;</a>", "bad character reference in XML at byte 4" },
      { "<a>&#-1;</a>", "bad character reference in XML at byte 4" },
      { "<a>x\0</a>", "control character in XML at byte 5" },
      { "<a>\27</a>", "control character in XML at byte 4" },
      { ("<a>"):rep(101) .. ("</a>"):rep(101), "elements nested too deeply in XML at byte 301" },
    }
    for _, row in ipairs(rows) do
      it(("%q"):format(row[1]:sub(1, 40)), function()
        local root, message = xml.parse(row[1])
        assert.is_nil(root)
        assert.equal(row[2], message)
      end)
    end

    it("what is cut off, wherever", function()
      local text = '<?xml version="1.0"?><p:a x="1" y=\'2\'>t&amp;&#65;<!-- c --><b/><![CDATA[d]]></p:a >'
      assert.is_table(xml.parse(text))
      for length = 0, #text - 1 do
        local root, message = xml.parse(text:sub(1, length))
        assert.is_nil(root)
        local position = tonumber(message:match(" at byte (%d+)$"))
        assert.is_true(position <= length + 1)
      end
    end)
  end)

  describe("is quick about", function()
    local rows = {
      { "a megabyte of <", ("<"):rep(MEGABYTE), "XML ends too soon at byte " .. MEGABYTE + 1 },
      { "a megabyte of &", "<a>" .. ("&"):rep(MEGABYTE) .. "</a>", "bad character reference in XML at byte 4" },
      { "a megabyte of elements in elements", ("<a>"):rep(math.floor(MEGABYTE / 3)), "elements nested too deeply in XML at byte 301" },
    }
    for _, row in ipairs(rows) do
      it(row[1], function()
        local start = os.clock()
        local root, message = xml.parse(row[2])
        assert.is_nil(root)
        assert.equal(row[3], message)
        assert.is_true(os.clock() - start < PATIENCE)
      end)
    end

    local pieces = { "<", ">", "&", "<a>", "<a ", "<a b='", "<a b='' ", "</a>", "<!--", "<!---->", "<![CDATA[", "<?", "<!", "]]>",
      " ", "\r", "a", "a:", ":", "&amp;", "&#", "&a", "='", "b='' ", "<a/>", "x<!---->", "<![CDATA[x]]>", "\n<a b='c'>&lt;</a>",
      "\239\187\191" }
    for _, piece in ipairs(pieces) do
      it(("much of %q, wherever"):format(piece), function()
        local many, start = piece:rep(math.floor(MEGABYTE / 4 / #piece)), os.clock()
        for _, text in ipairs { many, "<a>" .. many, "<a>" .. many .. "</a>", "<a " .. many, "<" .. many, "<a b='" .. many,
          "</" .. many, "<!--" .. many, "<r><a" .. many .. "></r>" } do
          local root, message = xml.parse(text)
          assert.is_true(type(root) == "table" or message:find(" at byte %d+$") ~= nil)
        end
        assert.is_true(os.clock() - start < PATIENCE)
      end)
    end
  end)
end)

describe("bedrock.protocol.xml_value", function()
  local shapes = model.load {
    operations = {},
    shapes = {
      String = { type = "string" }, Integer = { type = "integer" }, Double = { type = "double" },
      Boolean = { type = "boolean" }, Blob = { type = "blob" }, Time = { type = "timestamp" },
      Strings = { type = "list", member = { "member", "String" } },
      Items = { type = "list", member = { "member", "Value", wire = "Item" } },
      Map = { type = "map", key = { "key", "String" }, value = { "value", "Integer" } },
      OwnMap = { type = "map", key = { "key", "String", wire = "K" }, value = { "value", "Strings", wire = "V" } },
      Value = { type = "structure", members = { { "string", "String" }, { "integer", "Integer" }, { "double", "Double" },
        { "boolean", "Boolean" }, { "blob", "Blob" }, { "time", "Time" }, { "strings", "Strings" }, { "items", "Items" },
        { "map", "Map" }, { "own", "OwnMap" }, { "value", "Value" }, { "other", "String", wire = "Other" } } },
    },
  }
  local rows = {
    { "", {} },
    { "<unknown>1</unknown>text", {} },
    { "<string> a&#10;</string>", { string = " a\n" } },
    { "<string/>", { string = "" } },
    { "<string>1</string><string>2</string>", { string = "1" } },
    { "<string>5</string>", { string = "5" } },
    { "<Other>a</Other><other>b</other>", { other = "a" } },
    { "<integer> 5\n</integer>", { integer = 5 } },
    { "<integer>5.0</integer>", { integer = 5 } },
    { "<integer>five</integer>", { integer = "five" } },
    { "<double>-1.5e2</double>", { double = -150 } },
    { "<boolean>TRUE</boolean>", { boolean = true } },
    { "<boolean>false</boolean>", { boolean = false } },
    { "<blob>YQA=</blob>", { blob = "a\0" } },
    { "<time>2024-01-01T00:00:00Z</time>", { time = 1704067200 } },
    { "<time>1.79E9</time>", { time = 1790000000 } },
    { "<time>soon</time>", { time = "soon" } },
    { "<strings><member>a</member><other>b</other><member/></strings>", { strings = { "a", "" } } },
    { "<strings/>", { strings = {} } },
    { "<items><Item><integer>1</integer></Item><member/><Item/></items>", { items = { { integer = 1 }, {} } } },
    { "<map><entry><key>a</key><value>1</value></entry><entry><value>2</value></entry><x><key>b</key><value>3</value></x></map>",
      { map = { a = 1 } } },
    { "<own><entry><V><member>x</member></V><K>k</K></entry></own>", { own = { k = { "x" } } } },
    { "<value><value><string>deep</string></value></value>", { value = { value = { string = "deep" } } } },
  }
  for _, row in ipairs(rows) do
    it("reads " .. (row[1] == "" and "nothing" or row[1]), function()
      assert.same(row[2], xml_value.read(shapes.shape("Value"), assert(xml.parse("<x>" .. row[1] .. "</x>"))))
    end)
  end

  it("gives integers where Lua has them", function()
    local value = xml_value.read(shapes.shape("Integer"), assert(xml.parse("<x>7.0</x>")))
    assert.equal("7", ("%d"):format(value))
    local kind = rawget(math, "type")
    assert.is_true(kind == nil or kind(value) == "integer")
  end)
end)
