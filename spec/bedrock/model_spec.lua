local model = require "bedrock.model"

local function small_api()
  return {
    version = 1,
    metadata = { signingName = "demo" },
    operations = {
      GetThing = [[{ method = "GET", uri = "/things/{id}", status = 200, input = "GetThingRequest",
        output = "Thing", errors = { "Gone" } }]],
      ListThings = { method = "GET", uri = "/things", status = 200, errors = {} },
    },
    paginators = { ListThings = [[{ input_token = "token", output_token = "token", result_key = "things" }]] },
    shapes = {
      GetThingRequest = [[{ type = "structure", members = { { "id", "Id", location = "uri", wire = "ID" } },
        required = { "id" } }]],
      Id = [[{ type = "string", min = 1 }]],
      Thing = [[{ type = "structure", members = { { "name", "Id" }, { "parts", "Things" }, { "by", "ThingMap" } } }]],
      Things = [[{ type = "list", member = { "member", "Thing" } }]],
      ThingMap = [[{ type = "map", key = { "key", "Id" }, value = { "value", "Thing" } }]],
      Gone = [[{ type = "structure", members = {}, exception = true, error = { httpStatusCode = 410 } }]],
      Broken = [[{ type = "structure", members = { ]],
    },
  }
end

describe("bedrock.model", function()
  it("spells operations in snake_case", function()
    local rows = {
      ListTagsForResource = "list_tags_for_resource",
      GetModelInvocationLoggingConfiguration = "get_model_invocation_logging_configuration",
      PutModelInvocationLoggingConfiguration = "put_model_invocation_logging_configuration",
      CreateModelCustomizationJob = "create_model_customization_job",
      AssumeRoleWithSAML = "assume_role_with_saml",
      ListHITs = "list_hits",
      ListHITsForQualificationType = "list_hits_for_qualification_type",
      GetS3Bucket = "get_s3_bucket",
      HTTPServer = "http_server",
      Converse = "converse",
      already_snake = "already_snake",
    }
    local genapi = assert(loadfile("tools/genapi.lua"))()
    for camel, snake in pairs(rows) do
      assert.equal(snake, model.snake_case(camel))
      assert.equal(snake, genapi.snake_case(camel))
    end
  end)

  it("lists operations sorted and finds them by either name", function()
    local m = model.load(small_api())
    assert.same({ "get_thing", "list_things" }, m.operation_names)
    assert.equal(m.operations.GetThing, m.operations.get_thing)
    assert.equal("GetThing", m.operations.get_thing.name)
    assert.equal("get_thing", m.operations.get_thing.snake)
    assert.is_nil(m.operations.get_thin)
    assert.is_nil(m.operations[1])
    assert.equal("demo", m.metadata.signingName)
  end)

  it("is the same for the same table", function()
    local api = small_api()
    local m = model.load(api)
    assert.equal(m, model.load(api))
    assert.not_equal(m, model.load(small_api()))
  end)

  it("joins shapes, also in circles", function()
    local operation = model.load(small_api()).operations.GetThing
    local id = operation.input.members.id
    assert.equal("ID", id.wire)
    assert.equal("uri", id.location)
    assert.equal(1, id.shape.min)
    assert.same({ "id" }, operation.input.required)
    local thing = operation.output
    assert.same({ "name", "parts", "by" }, thing.order)
    assert.equal(thing, thing.members.parts.shape.member.shape)
    assert.equal(thing, thing.members.by.shape.value.shape)
    assert.equal("name", thing.members.name.wire)
  end)

  it("gives paginators and exceptions", function()
    local m = model.load(small_api())
    assert.equal("things", m.operations.list_things.paginator.result_key)
    assert.is_nil(m.operations.get_thing.paginator)
    assert.equal(410, m.operations.get_thing.errors.Gone.error.httpStatusCode)
    assert.is_nil(next(m.operations.list_things.errors))
    assert.equal(m.exception("Gone"), m.operations.get_thing.errors.Gone)
    assert.equal(m.exception("Gone"), m.operations.list_things.exception("Gone"))
    assert.is_nil(m.exception("Thing"))
    assert.is_nil(m.exception("Nothing"))
    assert.is_nil(m.exception(nil))
  end)

  it("reads an entry only when it is needed", function()
    local m = model.load(small_api())
    assert.is_table(m.operations.get_thing) -- the broken shape is none of its business
    assert.has_error(function()
      m.shape("Broken")
    end)
  end)

  it("names a shape that is missing, and who asked for it", function()
    local rows = {
      { "input", 'the API table refers to the shape "Nowhere" (in GetThing), which it does not have' },
      { "output", 'the API table refers to the shape "Nowhere" (in GetThing), which it does not have' },
      { "errors", 'the API table refers to the shape "Nowhere" (in GetThing), which it does not have' },
    }
    for _, row in ipairs(rows) do
      local api = small_api()
      api.operations.GetThing = { method = "GET", uri = "/", status = 200,
        [row[1]] = row[1] == "errors" and { "Nowhere" } or "Nowhere" }
      assert.has_error(function()
        return model.load(api).operations.get_thing
      end, row[2])
    end
    local api = small_api()
    api.shapes.Things = [[{ type = "list", member = { "member", "Nowhere" } }]]
    assert.has_error(function()
      return model.load(api).operations.get_thing
    end, 'the API table refers to the shape "Nowhere" (in Things), which it does not have')
  end)

  it("refuses what is no API table, at the caller's line", function()
    for _, value in ipairs { {}, { operations = {} }, "api", 5 } do
      assert.has_error(function()
        model.load(value)
      end)
    end
  end)

  it("lets go of API tables that nobody uses", function()
    local watch = setmetatable({}, { __mode = "k" })
    do
      local api = small_api()
      watch[api] = true
      assert.is_table(model.load(api).operations.get_thing)
    end
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(watch))
  end)

  it("has the fifteen operations", function()
    assert.same({
      "create_model_customization_job",
      "delete_custom_model",
      "delete_model_invocation_logging_configuration",
      "get_custom_model",
      "get_foundation_model",
      "get_model_customization_job",
      "get_model_invocation_logging_configuration",
      "list_custom_models",
      "list_foundation_models",
      "list_model_customization_jobs",
      "list_tags_for_resource",
      "put_model_invocation_logging_configuration",
      "stop_model_customization_job",
      "tag_resource",
      "untag_resource",
    }, model.load(require "bedrock.api.bedrock").operation_names)
  end)

  it("resolves all that Bedrock's table refers to", function()
    local api = require "bedrock.api.bedrock"
    local m = model.load(api)
    for _, name in ipairs(m.operation_names) do
      local operation = m.operations[name]
      assert.is_table(operation.input)
      assert.is_table(operation.output)
      assert.is_not_nil(next(operation.errors))
    end
    for name in pairs(api.shapes) do
      assert.equal(name, m.shape(name).name)
    end
  end)
end)
