local axis = require "bedrock.tuning.axis"

local function show(one) return table.concat(one.labels, " ") end

describe("bedrock.tuning.axis", function()
  it("has round numbers on it", function()
    for _, row in ipairs {
      { 0, 1, 6, "0.0 0.2 0.4 0.6 0.8 1.0" }, { 0.412, 2.39, 5, "0.5 1.0 1.5 2.0" }, { 0, 999, 6, "0 200 400 600 800" },
      { 0, 2499, 6, "0 500 1,000 1,500 2,000" }, { 0, 1e6, 3, "0 500,000 1,000,000" }, { 0, 3e7, 4, "0 1e7 2e7 3e7" },
      { -1, 1, 5, "-1.0 -0.5 0.0 0.5 1.0" }, { 1e-7, 4e-7, 4, "1e-7 2e-7 3e-7 4e-7" }, { 1.9, 2.1, 2, "1.9 2.0 2.1" },
      { 2, 2, 3, "1.8 2.0 2.2" }, { 0, 0, 3, "-1 0 1" }, { 5, 5, 3, "4 5 6", true }, { 0, 1, 6, "0 1", true }, { 0, 3, 6, "0 1 2 3", true },
      { 1e16, 1e16 + 2, 5, "9e15 9.5e15 1e16 1.05e16 1.1e16" },
    } do
      assert.are.equal(row[4], show(axis.new(row[1], row[2], row[3], row[5])))
    end
  end)

  it("has at least two, and not many more than asked for, all in its range", function()
    local seed = 7
    local function random()
      seed = seed * 16807 % 2147483647
      return seed / 2147483647
    end
    for _ = 1, 2000 do
      local low = (random() - 0.5) * 10 ^ (random() * 600 - 300)
      local high = low + random() * 10 ^ (random() * 600 - 300)
      if axis.is_drawable(low) and axis.is_drawable(high) then
        local most = 2 + math.floor(random() * 8)
        local one = axis.new(low, high, most)
        local what = ("%g %g %d"):format(low, high, most)
        assert(#one.ticks >= 2 and #one.ticks <= 2 * most + 3 and #one.ticks == #one.labels, what)
        assert(one.low <= low and one.high >= high, what)
        local room = (one.high - one.low) * 1e-6
        for i, tick in ipairs(one.ticks) do
          assert(tick >= one.low - room and tick <= one.high + room and (i == 1 or tick > one.ticks[i - 1]), what)
        end
      end
    end
  end)

  it("draws finite numbers only", function()
    for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0, 1e301, -1e308, "1", false } do assert.is_false(axis.is_drawable(value) or false) end
    for _, value in ipairs { 0, -5, 1e300, 1e-308 } do assert.is_true(axis.is_drawable(value)) end
  end)
end)
