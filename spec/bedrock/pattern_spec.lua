local pattern = require "bedrock.pattern"

describe("bedrock.pattern", function()
  local rows = {
    -- pattern, text, matches
    { "abc", "abc", true }, { "abc", "abcd", false }, { "abc", "xabc", false }, { "", "", true }, { "", "a", false },
    { "a|b|", "", true }, { "a|b|", "b", true }, { "a|b|", "ab", false },
    { "[a-c]+", "abcabc", true }, { "[a-c]+", "abd", false }, { "[^a-c]+", "xyz", true }, { "[^a-c]+", "xyza", false },
    { "[-a]", "-", true }, { "[a-]", "-", true }, { "[a-zA-Z0-9-_/]", "-", true }, { "[a-zA-Z0-9-_/]", "_", true },
    { "[!-_*'().]", "*", true }, { "[]a]", "]", true }, { "[\\]a]", "]", true },
    { "\\d{2}", "42", true }, { "\\d{2}", "4", false }, { "\\D", "x", true }, { "\\D", "7", false },
    { "\\w+", "aZ_9", true }, { "\\W", "é", true }, { "\\s", "\t", true }, { "\\S*", "no blanks", false },
    { "[\\s\\S]*", "anything\nat all", true }, { ".", "\n", false }, { ".*", "a\nb", false },
    { "a{2,3}", "a", false }, { "a{2,3}", "aaa", true }, { "a{2,3}", "aaaa", false }, { "a{2,}", "aaaaaa", true },
    { "(?:ab)+c?", "ababc", true }, { "(a*)*b", "aaab", true }, { "(a*)*b", ("a"):rep(2000), false },
    { "^a$", "a", true }, { ".*(^a$)|(^b$).*", "b", true }, { "a^b", "ab", false }, { "(a|b$)c", "bc", false },
    { "[1]{1}[.]", "1.", true }, { "caf\195\169", "caf\195\169", true }, { "caf.", "caf\195\169", true },
    { "[\195\160-\195\191]", "\195\169", true }, { "caf.", "caf\195", true }, { "a\\.b\\+\\$", "a.b+$", true },
    { "\\u0041\\x42\\n", "AB\n", true }, { "a+?b", "aab", true },
  }
  for _, row in ipairs(rows) do
    it(("%q %s %q"):format(row[1], row[3] and "matches" or "does not match", row[2]:sub(1, 30)), function()
      assert.equal(row[3], assert(pattern.compile(row[1])):matches(row[2]))
    end)
  end

  local refused = {
    "(?=a)", "(?<n>a)", "\\1", "\\p{L}", "[a&&b]", "[[a]b]", "a++", "*a", "(a", "a)", "[a", "a{3,2}", "a{x}", "\\",
    "[z-a]", "a{1000}{1000}",
  }
  for _, source in ipairs(refused) do
    it(("refuses %q and says why"):format(source), function()
      local compiled, message = pattern.compile(source)
      assert.is_nil(compiled)
      assert.is_string(message)
    end)
  end

  it("reads every pattern of the API table", function()
    local model = require "bedrock.model".load(require "bedrock.api.bedrock")
    local seen, count = {}, 0
    local function walk(shape)
      if not shape or seen[shape] then return end
      seen[shape] = true
      if shape.pattern then
        assert(pattern.compile(shape.pattern))
        count = count + 1
      end
      for _, member in pairs(shape.members or {}) do walk(member.shape) end
      for _, key in ipairs { "member", "key", "value" } do walk(shape[key] and shape[key].shape) end
    end
    for _, name in ipairs(model.operation_names) do
      walk(model.operations[name].input)
      walk(model.operations[name].output)
    end
    assert.is_true(count >= 25)
  end)

  it("takes time in proportion to the text where others backtrack", function()
    local name = assert(pattern.compile("(([0-9a-zA-Z][_-]?)+)+"))
    local start = os.clock()
    assert.is_false(name:matches(("a"):rep(2000) .. "!"))
    assert.is_true(os.clock() - start < (tonumber(os.getenv "BEDROCK_SLOW") or 1))
  end)
end)
