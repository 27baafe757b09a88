-- Charts as they are to look, character by character. "^" stands for the escape character.

local tuning = require "bedrock.tuning"

local U, A = { LANG = "C.UTF-8" }, {}

local function curve(n, every, from, to)
  local one = { steps = {}, losses = {}, rows = math.ceil(n / every) }
  for step = 0, n - 1, every do
    one.steps[#one.steps + 1] = step
    one.losses[#one.losses + 1] = to + (from - to) * math.exp(-5 * step / n)
  end
  return one
end

local two = { name = "tone-1", training_loss = 0.5, validation_losses = { 0.61, 0.63 }, training = curve(500, 5, 2.4, 0.5),
  validation = curve(500, 100, 2.3, 0.6) }

local CASES = {
  { "both series of a job", two, { environment = U, width = 60, height = 10 }, [[
  │○⡀
  │ ⠑⢄
2 ┤   ⠳⡀
  │    ⠑⢅⠠
  │      ⠑⢄⠂
  │        ⠑⠬⣀⡀
  │           ○⠥⣐ ⠄⢀
1 ┤              ⠉⠒⠤⣀⣂⠠ ⡀
  │                   ⠉⠑⠒⠬○⢄⣂⣐ ⠂⠠ ⠄⢀ ○⡀⢀
  │                           ⠉⠉⠉⠒⠒⠒⠒⠒⠢⠤⠤⠥⠬⠤⠥⠬⠤⠦○⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
  └┬──────────────────────┬─────────────────────┬───────────
   0                     200                   400      step
⠒ training loss    last 0.5135, lowest 0.5135 at step 495
○ validation loss  last 0.6311, lowest 0.6311 at step 400
reported: training loss 0.5000, validation loss 0.6100,
  0.6300]] },
  { "the same in ASCII", two, { environment = A, width = 60, height = 10 }, [[
  |o*
  | oo
2 +  *oo
  |    *oo
  |      *oo
  |        *oo
  |           oooooo
1 +               **oooooooooooo
  |                    *********ooooooooooooooooo
  |                                *************************
  ++----------------------+---------------------+-----------
   0                     200                   400      step
* training loss    last 0.5135, lowest 0.5135 at step 495
o validation loss  last 0.6311, lowest 0.6311 at step 400
reported: training loss 0.5000, validation loss 0.6100,
  0.6300]] },
  { "colours", two, { environment = U, width = 40, height = 4, color = true }, [[
  │^[33m○^[36m⢄^[33m⡀^[0m
2 ┤  ^[36m⠉^[33m⠲^[36m⢄^[33m⡄^[0m
1 ┤     ^[36m⠉^[33m⠙⠲^[36m⠤^[33m⣄⣠^[0m ^[33m⡀^[0m
  │          ^[36m⠈⠉⠉^[33m⠙○^[36m⠒^[33m⠣⠴^[36m⠤^[33m⠦⠤^[36m⠤^[33m○⠤⣠^[36m⣀^[33m⣄⣠^[36m⣀^[33m⣄^[36m⣀⣀⣀⣀⣀⣀⣀^[0m
  └┬──────────────┬─────────────┬───────
   0             200           400  step
^[36m⠒^[0m training loss    last 0.5135
^[33m○^[0m validation loss  last 0.6311
reported: training loss 0.5000,
  validation loss 0.6100, 0.6300]] },
  { "two jobs, one with a hostile name", { two, { name = "tone-2 \27[31m", training = curve(250, 5, 2, 0.45) } }, { environment = U, width = 60, height = 8 }, [[
  │○⡄
2 ┤◆⠈⠢⣀
  │⠐⡀ ⠈⠢⡂
  │ ⠐⢀  ⠈⠚⢄⡄
  │   ⠐⡀   ⠈⠚⠤○⡀
1 ┤    ⠈⠠⢀     ⠉⠚⠤⢆⣠ ⠄⢀
  │       ⠁◆⢀⢀⡀     ⠉⠉⠒⠒⠥⠴○⣀⣂⣠⡀⠄⠠ ⠄⢀ ○⡀⢀ ⡀⢀
  │            ⠉⠐⠐⠂◆⠠⠠⠄⢄⢀⢀⡀◆⢀⢀⡈⡉⠉⠉⠉⠒⠒⠒⠒⠒⠒⠒⠒⠢⠥⠬⠤⠥○⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤
  └┬──────────────────────┬─────────────────────┬───────────
   0                     200                   400      step
⠒ tone-1 training loss        last 0.5135
○ tone-1 validation loss      last 0.6311
◆ tone-2 �[31m training loss  last 0.4615
tone-1: training loss 0.5000, validation loss 0.6100,
  0.6300]] },
  { "one point", { training = { steps = { 5 }, losses = { 1 }, rows = 1 } }, { ascii = false, width = 40, height = 4 }, [[
1.1 ┤
    │
1.0 ┤                 ●
0.9 ┤
    └┬─────────────────────────────────┬
     4                                 6
⠒ training loss  last 1.0000]] },
  { "one point in ASCII", { training = { steps = { 5 }, losses = { 1 }, rows = 1 } }, { ascii = true, width = 40, height = 4 }, [[
1.1 +
    |
1.0 +                 *
0.9 +
    ++---------------------------------+
     4                                 6
* training loss  last 1.0000]] },
  { "holes where a loss is no finite number", { training = { steps = { 1, 2, 3, 4, 5 }, losses = { 1, 0/0, 2, 1/0, -1/0 }, rows = 3000 } }, { ascii = true, width = 76, height = 4 }, [[
2 +                                                                        *
  |
  |
1 +*
  ++-----------------------------------+-----------------------------------+
   1                                   2                                   3
* training loss  last 2.0000, 3 not finite, lowest 1.0000 at step 1]] },
  { "a flat line", { training = { steps = { 1, 2, 3 }, losses = { 0.2, 0.2, 0.2 } } }, { ascii = true, width = 40, height = 3 }, [[
0.22 +
0.20 +**********************************
0.18 +
     ++----------------+---------------+
      1                2               3
* training loss  last 0.2000]] },
  { "tiny losses", { training = { steps = { 0, 1e6 }, losses = { 1e-5, 3e-5 } } }, { ascii = true, width = 40, height = 5 }, [[
0.00003 +                           ****
        |                   ********
0.00002 +            *******
        |    ********
0.00001 +****
        ++-----------------------------+
         0                     1,000,000
* training loss  last 3e-05]] },
  { "the largest numbers that can be drawn", { training = { steps = { 0, 1 }, losses = { 1e300, -1e300 } } }, { ascii = true, width = 40, height = 4 }, [[
 1e300 +******
     0 +      **********
       |                **********
-1e300 +                          ******
       ++------------------------------+
        0                              1
* training loss  last -1e+300]] },
  { "a number that is larger", { training = { steps = { 0, 1 }, losses = { 1e308, 1 } } }, { ascii = true, width = 40, height = 4 }, [[
1.1 +
    |
1.0 +                 *
0.9 +
    ++---------------------------------+
     0                                 2
* training loss  last 1.0000]] },
  { "nothing that can be drawn", { training = { steps = {}, losses = {}, not_finite = 3, not_finite_step = 0 } }, { ascii = true, width = 76 }, [[
* training loss  3 not finite (first at step 0)]] },
  { "final losses only", { training_loss = 0.43, validation_losses = { 0.48 } }, { ascii = true }, [[
reported: training loss 0.4300, validation loss 0.4800]] },
  { "nothing", {}, {}, [[
no losses yet]] },
}

describe("tuning.chart", function()
  for _, case in ipairs(CASES) do
    it("draws " .. case[1], function()
      assert.are.equal(case[4], (tuning.chart(case[2], case[3]):gsub("\27", "^")))
    end)
  end

  it("is never wider than it may be, nor has blanks at the ends of its lines", function()
    local display = require "bedrock.tuning.display"
    local list = { two, { name = ("n"):rep(60), training = curve(1e6, 1e4, 9e6, 1e-3) } }
    for _, width in ipairs { 30, 31, 44, 80, 200 } do
      for _, ascii in ipairs { true, false } do
        for line in (tuning.chart(list, { width = width, height = 3, ascii = ascii }) .. "\n"):gmatch("(.-)\n") do
          assert.is_true(display.width(line) <= width, line)
          assert.is_nil(line:find("%s$"))
        end
      end
    end
  end)

  it("takes its width from COLUMNS", function()
    for _, row in ipairs { { "50", 50 }, { "7", 30 }, { "", 80 }, { "wide", 80 }, { nil, 80 } } do
      local text = tuning.chart(two, { environment = { COLUMNS = row[1] } })
      assert.are.equal(row[2], #text:match "\n( *%+%+%-[^\n]*)\n")
    end
  end)

  it("shows what tuning.metrics gives", function()
    local text = { "step_number,training_loss" }
    for i = 0, 2999 do text[#text + 1] = ("%d,%s"):format(i, i == 7 and "NaN" or "1." .. i % 7) end
    local metrics = assert(tuning.metrics({ jobName = "j" }, { training = table.concat(text, "\n"), points = 100 }))
    local chart = tuning.chart(metrics, { width = 120, ascii = true })
    local wanted = "* training loss  last 1.3000, 1 not finite (first at step 7), lowest 1.0000 at step 0, %d of 2,999 points drawn"
    assert.are.equal(wanted:format(#metrics.training.losses), chart:match "[^\n]*$")
  end)

  it("raises for misuse at the caller's line", function()
    for message, arguments in pairs {
      ["chart takes what tuning.metrics gives, or a list of such; got nil"] = {},
      ["chart takes a list of tables; number 2 is a string"] = { { {}, "x" } },
      ["metrics of chart: training must be a table with steps and losses"] = { { training = { 1, 2 } } },
      ['unknown option "heigth" to chart (did you mean "height"?)'] = { {}, { heigth = 1 } },
      ["option width of chart must be a whole number, 30 to 1000"] = { {}, { width = 29 } },
      ["option height of chart must be a whole number, 3 to 1000"] = { {}, { height = 1001 } },
      ["option color of chart must be a boolean, got number"] = { {}, { color = 1 } },
    } do
      local ok, err = pcall(function() return (tuning.chart(arguments[1], arguments[2])) end)
      assert.is_false(ok)
      assert.are.equal(message, err:match "^spec/bedrock/tuning/chart_spec%.lua:%d+: (.*)$" or err)
    end
  end)
end)
