local series = require "bedrock.tuning.series"

local function random(seed)
  return function()
    seed = seed * 16807 % 2147483647
    return seed / 2147483647
  end
end

-- A series of n points, and the same points as plain lists.
local function feed(limit, n, value)
  local add, finish = series.new(limit)
  local losses = {}
  for i = 1, n do
    losses[i] = value(i)
    add(i - 1, losses[i], 1, 2)
  end
  return finish(), losses
end

describe("bedrock.tuning.series", function()
  it("keeps every point where they fit", function()
    for _, n in ipairs { 1, 2, 9, 10 } do
      local found, losses = feed(10, n, random(n))
      assert.are.same(losses, found.losses)
      assert.are.equal(n, found.rows)
      assert.are.same({ step = n - 1, loss = losses[n], epoch = 1, perplexity = 2 }, found.last)
    end
  end)

  it("keeps no more than it may, and of each stretch the lowest and the highest", function()
    for n = 11, 700, 13 do
      for _, limit in ipairs { 10, 11, 50 } do
        local found, losses = feed(limit, n, random(n * limit))
        assert.is_true(#found.losses <= limit, ("%d of %d, at most %d"):format(#found.losses, n, limit))
        if n > 2 * limit then assert.is_true(#found.losses >= limit / 4) end
        local low, high = math.huge, -math.huge
        for _, loss in ipairs(losses) do low, high = math.min(low, loss), math.max(high, loss) end
        assert.are.equal(low, found.lowest.loss)
        assert.are.equal(high, found.highest.loss)
        -- What is kept was there, in its order, with the first, the last, the lowest and the highest among it.
        local seen, before = {}, -1
        for i, step in ipairs(found.steps) do
          assert(step > before and losses[step + 1] == found.losses[i])
          before, seen[step] = step, true
        end
        assert.is_true(seen[0] and seen[n - 1] and seen[found.lowest.step] and seen[found.highest.step])
      end
    end
  end)

  it("loses no peak of a long flat line", function()
    local found = feed(20, 5000, function(i) return i == 1234 and 9 or i == 4000 and -9 or 1 end)
    local kept = {}
    for i, step in ipairs(found.steps) do kept[step] = found.losses[i] end
    assert.are.equal(9, kept[1233])
    assert.are.equal(-9, kept[3999])
  end)

  it("counts what is no finite number", function()
    local found = feed(10, 6, function(i) return i == 3 and 0 / 0 or i == 4 and math.huge or i == 5 and -math.huge or i end)
    assert.are.same({ 1, 2, 6 }, found.losses)
    assert.are.equal(3, found.not_finite)
    assert.are.equal(2, found.not_finite_step)
    local none = feed(10, 2, function() return 0 / 0 end)
    assert.are.same({ steps = {}, losses = {}, rows = 0, not_finite = 2, not_finite_step = 0, missing = 0 }, none)
  end)
end)
