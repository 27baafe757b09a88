local display = require "bedrock.tuning.display"

describe("bedrock.tuning.display", function()
  it("shows texts without what moves a cursor or a direction", function()
    for i, row in ipairs {
      { "plain", "plain", "plain" },
      { "\27[31mred\7\0", "\239\191\189[31mred\239\191\189\239\191\189", "?[31mred??" },
      { "a\tb\nc\r\n", "a b c  ", "a b c  " },
      { "gr\195\188n", "gr\195\188n", "gr?n" },
      { "\194\155x\226\128\174y", "\239\191\189x\239\191\189y", "?x?y" }, -- C1, and an override of direction
      { "\255\192\175\237\160\128z", ("\239\191\189"):rep(6) .. "z", "??????z" }, -- never UTF-8, overlong, a surrogate
      { "\240\159\152\128\244\144\128\128", "\240\159\152\128" .. ("\239\191\189"):rep(4), "?????" }, -- U+1F600, above U+10FFFF
      { "\226\130", ("\239\191\189"):rep(2), "??" }, -- cut
      { "\239\191\190\239\191\191", ("\239\191\189"):rep(2), "??" }, -- no characters, which XML does not take
      { 12, "12", "12" },
    } do
      assert.are.equal(row[2], display.clean(row[1]), "row " .. i)
      assert.are.equal(row[3], display.clean(row[1], true), "row " .. i)
    end
  end)

  it("knows how wide texts are, and cuts them", function()
    for _, row in ipairs {
      { "", 0 }, { "abc", 3 }, { "\228\184\173", 2 }, { "e\204\129", 1 }, { "\240\159\152\128!", 3 }, { "\226\150\136x", 2 },
    } do
      assert.are.equal(row[2], display.width(row[1]), row[1])
    end
    for _, row in ipairs {
      { "abcdefgh", 8, "abcdefgh", "abcdefgh" }, { "abcdefgh", 7, "abc…fgh", "abcdef…" }, { "abcdefgh", 4, "ab…h", "abc…" },
      { "abcdefgh", 2, "a…", "a…" }, { "abcdefgh", 1, "a", "a" }, { "\228\184\173\228\184\173\228\184\173", 5, "\228\184\173…\228\184\173",
        "\228\184\173\228\184\173…" },
    } do
      assert.are.equal(row[3], display.fit(row[1], row[2], "…"))
      assert.are.equal(row[4], display.cut(row[1], row[2], "…"))
    end
  end)

  it("writes numbers and times for people", function()
    for _, row in ipairs {
      { "duration", 0, "0 s" }, { "duration", 59.9, "59 s" }, { "duration", 60, "1 min" }, { "duration", 3599, "59 min 59 s" },
      { "duration", 3600, "1 h" }, { "duration", 5400, "1 h 30 min" }, { "duration", 90000, "1 d 1 h" }, { "duration", -5, "0 s" },
      { "duration", 0 / 0, "?" }, { "duration", 86400 * 1000, "1000 d" },
      { "rough", 12, "under a minute" }, { "rough", 89, "about 1 min" }, { "rough", 3599, "about 1 h" }, { "rough", 1 / 0, "?" },
      { "count", 0, "0" }, { "count", 999, "999" }, { "count", 1000, "1,000" }, { "count", -1234567, "-1,234,567" },
      { "loss", 0.43119, "0.4312" }, { "loss", 0, "0.0000" }, { "loss", 12345.678, "1.23e+04" }, { "loss", 0.00012345, "0.000123" },
      { "loss", 0 / 0, "NaN" }, { "loss", 1 / 0, "infinite" }, { "loss", -1 / 0, "-infinite" }, { "loss", 2, "2.0000" },
    } do
      assert.are.equal(row[3], display[row[1]](row[2]), row[1])
    end
  end)

  it("finds out whether a locale is one of UTF-8", function()
    for _, row in ipairs {
      { {}, false }, { { LANG = "C" }, false }, { { LANG = "en_US.UTF-8" }, true }, { { LANG = "C.utf8" }, true },
      { { LANG = "en_US.UTF-8", LC_ALL = "C" }, false }, { { LANG = "C", LC_CTYPE = "C.UTF-8" }, true },
      { { LC_ALL = "", LANG = "de_DE.UTF-8" }, true },
    } do
      assert.are.equal(row[2], display.is_utf8_locale(row[1]))
    end
  end)

  it("tells the stage from the service's answer", function()
    local function job(...)
      local details = {}
      for i, name in ipairs { "validationDetails", "dataProcessingDetails", "trainingDetails" } do
        local status = (select(i, ...))
        details[name] = status and { status = status }
      end
      return { statusDetails = details }
    end
    assert.is_nil(display.stage {})
    assert.is_nil(display.stage(job("NotStarted", "NotStarted", "NotStarted")))
    assert.are.equal("validation", display.stage(job("InProgress", "NotStarted", "NotStarted")))
    assert.are.equal("dataProcessing", display.stage(job("Completed", "Failed", "NotStarted")))
    assert.are.equal("training", display.stage(job(nil, nil, "InProgress")))
  end)
end)
