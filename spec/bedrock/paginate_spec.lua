local bedrock = require "bedrock"
local fake = require "spec.support.fake_runtime"

local answer, failure = fake.answer, fake.failure

local function new_client(script)
  local runtime = fake.new(script)
  return assert(bedrock.new {
    region = "us-east-1", runtime = runtime, environment = {}, read_file = function() return nil end, max_attempts = 1,
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "secret" },
  }), runtime
end

local function page(names, token)
  local items = {}
  for i, name in ipairs(names) do items[i] = ('{"modelName":%q}'):format(name) end
  return answer(200, ('{"modelSummaries":[%s]%s}'):format(table.concat(items, ","),
    token and (',"nextToken":%q'):format(token) or ""))
end

local function names_of(client, params)
  local names = {}
  for model in client:items("list_custom_models", params) do names[#names + 1] = model.modelName end
  return names
end

describe("bedrock.paginate", function()
  it("items come in order, over all pages, empty ones too", function()
    local client, runtime = new_client { page({ "a", "b" }, "t1"), page({}, "t2"), page({ "c" }) }
    assert.are.same({ "a", "b", "c" }, names_of(client, { maxResults = 2 }))
    assert.are.equal(3, #runtime.requests)
    assert.truthy(runtime.requests[2].url:find("nextToken=t1", 1, true))
    assert.truthy(runtime.requests[3].url:find("maxResults=2", 1, true))
  end)

  it("pages are tables as the operation returns them", function()
    local client = new_client { page({ "a" }, "t1"), page({ "b" }) }
    local tokens = {}
    for p in client:pages "list_custom_models" do tokens[#tokens + 1] = p.nextToken or "end" end
    assert.are.same({ "t1", "end" }, tokens)
  end)

  it("no page is fetched before it is asked for", function()
    local client, runtime = new_client { page({ "a" }, "t1"), page({ "b" }) }
    local next_item = client:items "list_custom_models"
    assert.are.equal(0, #runtime.requests)
    next_item()
    assert.are.equal(1, #runtime.requests)
  end)

  it("an empty token ends the list, and the end stays the end", function()
    local client = new_client { answer(200, '{"modelSummaries":[],"nextToken":""}') }
    local next_item = client:items "list_custom_models"
    assert.is_nil(next_item())
    assert.is_nil(next_item())
  end)

  it("the caller's table stays as it was, and its token is where the list begins", function()
    local params = { nextToken = "mine" }
    local client, runtime = new_client { page({ "a" }, "t1"), page({ "b" }) }
    names_of(client, params)
    assert.are.same({ nextToken = "mine" }, params)
    assert.truthy(runtime.requests[1].url:find("nextToken=mine", 1, true))
  end)

  it("a token that repeats is an error", function()
    local client = new_client { page({ "a" }, "t1"), page({ "b" }, "t1") }
    local ok, err = pcall(names_of, client)
    assert.is_false(ok)
    assert.are.equal("ResponseError", err.code)
    assert.truthy(err.message:find("twice", 1, true))
  end)

  it("an error is raised as its table; asking again fetches that page again", function()
    local client = new_client { page({ "a" }, "t1"), failure(400, "ValidationException", "no"), page({ "b" }) }
    local next_item = client:items "list_custom_models"
    assert.are.equal("a", next_item().modelName)
    local ok, err = pcall(next_item)
    assert.is_false(ok)
    assert.are.equal("ValidationException", err.code)
    assert.are.equal("b", next_item().modelName)
    assert.is_nil(next_item())
  end)

  it("the name of the operation may be spelt as the API does", function()
    local client = new_client { page { "a" } }
    assert.is_table(client:pages "ListCustomModels"())
  end)

  it("runs in a coroutine whose runtime yields", function()
    local pages = { page({ "a" }, "t"), page { "b" } }
    local n = 0
    local client = new_client(function()
      coroutine.yield()
      n = n + 1
      return pages[n]
    end)
    -- A loop that calls the iterator itself: Lua 5.1 (not LuaJIT) can't yield across the call that `for` makes.
    local co = coroutine.wrap(function()
      local names, next_item = {}, client:items "list_custom_models"
      local model = next_item()
      while model do
        names[#names + 1] = model.modelName
        model = next_item()
      end
      return names
    end)
    local names
    repeat names = co() until names
    assert.are.same({ "a", "b" }, names)
  end)

  it("parameters that are no table are refused like those of a call", function()
    local client = new_client {}
    for _, method in ipairs { "items", "pages" } do
      local ok, err = pcall(client[method](client, "list_custom_models", 5))
      assert.is_false(ok)
      assert.are.equal("ParamValidationError", err.code)
      assert.truthy(err.message:find("must be a table, got a number", 1, true))
    end
  end)
end)
