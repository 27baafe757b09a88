local errors = require "bedrock.errors"

describe("bedrock.errors", function()
  it("print as code, message and what is known of the call", function()
    local rows = {
      { { code = "A" }, "A" },
      { { code = "A", message = "b" }, "A: b" },
      { { code = "A", message = "b", status = 400 }, "A: b (HTTP 400)" },
      {
        { code = "A", message = "b", operation = "Op", status = 429, request_id = "id-1", attempts = 3 },
        "A: b (Op, HTTP 429, request id id-1, 3 attempts)",
      },
      { { code = "A", message = "b", attempts = 1 }, "A: b" },
    }
    for _, row in ipairs(rows) do
      assert.equal(row[2], tostring(errors.new(row[1])))
    end
  end)

  it("are known by is, and nothing else is", function()
    assert.is_true(errors.is(errors.new { code = "A" }))
    for _, value in ipairs { {}, { code = "A", message = "b" }, "text", 1, true } do
      assert.is_false(errors.is(value))
    end
    assert.is_false(errors.is(nil))
  end)

  it("hide their metatable", function()
    assert.equal("bedrock.Error", getmetatable(errors.new { code = "A" }))
  end)

  it("need a code", function()
    assert.has_error(function()
      errors.new { message = "m" }
    end, "an error needs a code")
  end)

  describe("suggest", function()
    local members = { "jobName", "jobTags", "roleArn", "trainingDataConfig", "outputDataConfig", "customModelName" }

    it("finds the nearest name", function()
      local rows = {
        { "jobNam", "jobName" },
        { "jobname", "jobName" },
        { "job_name", "jobName" },
        { "JobTags", "jobTags" },
        { "roleARN", "roleArn" },
        { "rolArn", "roleArn" },
        { "roelArn", "roleArn" },
        { "trainingConfig", "trainingDataConfig" },
        { "customModel", "customModelName" },
      }
      for _, row in ipairs(rows) do
        assert.equal(row[2], errors.suggest(row[1], members))
      end
    end)

    it("finds nothing where nothing is near", function()
      for _, name in ipairs { "colour", "x", "", ("long"):rep(100) } do
        assert.is_nil(errors.suggest(name, members))
      end
      assert.is_nil(errors.suggest(5, members))
      assert.is_nil(errors.suggest("a", {}))
    end)

    it("takes a table with the names as keys", function()
      assert.equal("region", errors.suggest("regoin", { region = true, profile = true, [1.5] = true }))
    end)

    it("prefers the same name every time", function()
      assert.equal("tag1", errors.suggest("tag", { tag2 = 1, tag1 = 1, tag3 = 1 }))
    end)
  end)
end)
