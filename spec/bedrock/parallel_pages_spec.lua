-- Pages ahead: the next page is under way while a task works on this one.

local bedrock = require "bedrock"
local curl = require "bedrock.curl"
local nginx = require "spec.support.nginx"

local SLOW = tonumber(os.getenv "BEDROCK_SLOW") or 1
local KEYS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }
local LATENCY = 0.03 * math.min(SLOW, 12)

local has_lua, why_not = nginx.lua()

-- Pages of two models each, LATENCY apart; how a list goes on depends on its name. /asked tells how often it was asked.
local SERVER = [[
  init_by_lua_block { asked = {} }
  server {
    listen 127.0.0.1:@PORT1@;
    location /asked { content_by_lua_block { ngx.print(asked[ngx.var.arg_list] or 0) } }
    location / { content_by_lua_block {
      local list, page = ngx.var.arg_nameContains, tonumber(ngx.var.arg_nextToken or 1)
      asked[list] = (asked[list] or 0) + 1
      ngx.sleep(page == 2 and list:find "^silent" and 60 or LATENCY)
      local code = page == 3 and (list == "refused" and asked[list] == 3 and "ValidationException")
        or page == 2 and (list == "expired" and asked[list] == 2 and "ExpiredTokenException")
      if code then
        ngx.status = 400
        ngx.header["x-amzn-errortype"] = code
        return ngx.print '{"message":"no"}'
      end
      local token = page < 5 and (',"nextToken":"%d"'):format(list == "twice" and page > 1 and page or page + 1) or ""
      ngx.print(('{"modelSummaries":[{"modelName":"%da"},{"modelName":"%db"}]%s}'):format(page, page, token))
    } }
  }
]]

describe("a page ahead", function()
  local web, client

  setup(function()
    if not has_lua then return end
    web = nginx.start { lua = true, conf = (SERVER:gsub("LATENCY", tostring(LATENCY))) }
  end)
  teardown(function()
    if web then web.stop() end
  end)
  after_each(function()
    if client then client:close() end
    client = nil
  end)

  local function new(options)
    local all = { region = "us-east-1", endpoint_url = web.url, environment = {}, read_file = function() end, credentials = KEYS }
    for name, value in pairs(options or {}) do all[name] = value end
    client = assert(bedrock.new(all))
    return client
  end

  local asker

  local function asked(list)
    asker = asker or require("bedrock.runtime.curl").new { proxy = false }
    return tonumber(assert(asker:send { method = "GET", url = web.url .. "/asked?list=" .. list }).body)
  end

  local function items(list, options)
    return client:items("list_custom_models", { nameContains = list }, options or { ahead = true })
  end

  -- Without `for`, since plain Lua 5.1 can't yield there.
  local function names_of(next_item, each)
    local names = {}
    local model = next_item()
    while model do
      names[#names + 1] = model.modelName
      if each then each(names) end
      model = next_item()
    end
    return table.concat(names, " ")
  end

  local ALL = "1a 1b 2a 2b 3a 3b 4a 4b 5a 5b"

  local function case(name, f)
    it(name, function()
      if not has_lua then return pending(why_not) end
      new()
      f()
    end)
  end

  case("comes while the caller works on this one, and does not count for the limit", function()
    local took = {}
    for _, ahead in ipairs { false, true } do
      local started = curl.now()
      local results, errs = bedrock.parallel({ function()
        return names_of(items("work", { ahead = ahead }), function(names)
          if #names % 2 == 0 then client._runtime:sleep(LATENCY) end
        end)
      end }, { limit = 1 })
      assert.equal(ALL, results[1], tostring(errs[1]))
      took[ahead] = curl.now() - started
    end
    -- Five pages and five times work, one after the other or beside each other.
    assert.is_true(took[false] >= 10 * LATENCY, took[false])
    assert.is_true(took[true] < 9 * LATENCY, took[true])
  end)

  case("is one page, no more", function()
    local counts = {}
    bedrock.parallel { function()
      return names_of(items "one", function(names)
        if #names % 2 == 0 then return end
        client._runtime:sleep(3 * LATENCY)
        counts[#counts + 1] = asked "one"
      end)
    end }
    assert.same({ 2, 3, 4, 5, 5 }, counts)
  end)

  case("is asked for elsewhere as ever: when the caller does", function()
    local counts = {}
    assert.equal(ALL, names_of(items "outside", function() counts[#counts + 1] = asked "outside" end))
    assert.same({ 1, 1, 2, 2, 3, 3, 4, 4, 5, 5 }, counts)
    -- In a coroutine of a task's own waiting stops the process, so nothing can be beside it.
    bedrock.parallel { function()
      return coroutine.wrap(function() counts = { names_of(items "inside", function() end), asked "inside" } end)()
    end }
    assert.same({ ALL, 5 }, counts)
  end)

  case("raises its error where the caller gets to it, and is fetched again when asked for again", function()
    local next_item = items "refused"
    local seen = {}
    local _, errs = bedrock.parallel { function()
      return names_of(next_item, function(names)
        seen = names
        client._runtime:sleep(2 * LATENCY) -- the refusal is there before it is asked for
      end)
    end }
    assert.equal("1a 1b 2a 2b", table.concat(seen, " "))
    assert.equal("ValidationException", errs[1].code)
    assert.equal("ListCustomModels", errs[1].operation)
    assert.equal(3, asked "refused")
    assert.equal("3a 3b 4a 4b 5a 5b", names_of(next_item))
  end)

  case("ends a list whose token comes twice", function()
    local _, errs = bedrock.parallel { function() return names_of(items "twice") end }
    assert.equal("ResponseError", errs[1].code)
    assert.truthy(errs[1].message:find("twice", 1, true))
    assert.equal(2, asked "twice")
  end)

  case("ends with a task that leaves early, unseen, and gives its session back", function()
    local started = curl.now()
    local results, errs = bedrock.parallel { function()
      local next_item = items "silent"
      local first = next_item().modelName
      client._runtime:sleep(2 * LATENCY) -- it is under way
      return first
    end, function()
      return items "silent-2"().modelName -- and here it has not begun
    end }
    assert.same({ "1a", "1a", n = 2 }, results, tostring(errs[1]))
    assert.is_true(curl.now() - started < 5 * SLOW)
    assert.equal(2, asked "silent")
    assert.equal(1, asked "silent-2")
    assert.is_true(#client._runtime.idle >= 1)
    assert.is_table(client:list_custom_models { nameContains = "x" })
    local again = bedrock.parallel { { client, "list_custom_models", { nameContains = "y" } } }
    assert.is_table(again[1])
  end)

  case("ends with the group's time, or when on_result cancels it", function()
    local started = curl.now()
    local function wait_for_it() return names_of(items "silent") end
    local _, errs = bedrock.parallel({ wait_for_it }, { timeout = 4 * LATENCY })
    assert.equal("TimeoutError", errs[1].code)
    assert.truthy(errs[1].message:find("for all tasks together", 1, true))
    _, errs = bedrock.parallel({ wait_for_it, function() client._runtime:sleep(4 * LATENCY) end },
      { on_result = function(index) return index ~= 2 end })
    assert.equal("CancelledError", errs[1].code)
    assert.is_true(curl.now() - started < 5 * SLOW)
  end)

  case("is not waited for beyond the time of a group within the task", function()
    local started, took = curl.now(), nil
    local results, errs = bedrock.parallel({ function()
      local next_item = items "silent-4"
      local first = next_item().modelName .. next_item().modelName
      local _, inner = bedrock.parallel({ function() return next_item() end }, { timeout = 4 * LATENCY })
      took = curl.now() - started
      return first .. " " .. inner[1].code
    end }, { timeout = 5 * SLOW })
    assert.equal("1a1b TimeoutError", results[1], tostring(errs[1]))
    assert.is_true(took < 3 * SLOW, took)
  end)

  case("that was cancelled is nobody's error elsewhere: it is fetched anew", function()
    local next_item, first = items "left", nil
    bedrock.parallel({ function()
      first = next_item().modelName
      client._runtime:sleep(60)
    end, function()
      while not first do client._runtime:sleep(LATENCY / 10) end -- and the page after it is on its way
    end }, { on_result = function(index) return index ~= 2 end })
    assert.equal("1a", first)
    assert.equal("1b 2a 2b 3a 3b 4a 4b 5a 5b", names_of(next_item))
  end)

  case("is fetched anew where its task has ended, and another goes on with the list", function()
    local handed_on
    local results, errs = bedrock.parallel { function()
      handed_on = items "handed-on"
      return handed_on().modelName
    end, function()
      client._runtime:sleep(3 * LATENCY)
      return handed_on().modelName .. handed_on().modelName
    end }
    assert.same({ "1a", "1b2a", n = 2 }, results, tostring(errs[2]))
    assert.equal("2b 3a 3b 4a 4b 5a 5b", names_of(handed_on)) -- and so after the last of them
  end)

  case("that renews credentials when its task ends leaves it to others who wait for them", function()
    local times = 0
    new { credentials = { get = function(_, context)
      times = times + 1
      if times == 2 then -- for the page ahead, which does not live to see it
        local _, err = context.runtime:send { method = "GET", url = web.url .. "/?nameContains=silent-keys&nextToken=2" }
        return nil, err
      end
      return { access_key_id = "AKID" .. times, secret_access_key = "secret" .. times, expiration = context.now + 3600 }
    end } }
    local results, errs = bedrock.parallel { function()
      local model = items "expired"()
      client._runtime:sleep(4 * LATENCY)
      return model.modelName
    end, function()
      client._runtime:sleep(3 * LATENCY)
      return client:list_custom_models { nameContains = "beside" } ~= nil
    end }
    assert.same({ "1a", true, n = 2 }, results, tostring(errs[2]))
    assert.equal(3, times)
  end)

  case("hears of itself by the client's events, like any call", function()
    local kinds = {}
    new { on_event = function(event) if event.operation then kinds[#kinds + 1] = event.type end end }
    bedrock.parallel { function() return names_of(items "events") end }
    assert.equal(("attempt answer "):rep(5), table.concat(kinds, " ") .. " ")
  end)

  case("makes way for nothing: an error in on_event ends the task that would have had the page", function()
    local calls = 0
    new { on_event = function()
      calls = calls + 1
      if calls == 4 then error("a bug", 0) end
    end }
    local _, errs = bedrock.parallel { function() return names_of(items "bug") end }
    assert.equal("a bug", errs[1])
  end)

  case("is an option of iterators only, true or false", function()
    local rows = {
      { function() client:items("list_custom_models", {}, { ahead = 1 }) end, "call option ahead must be true or false" },
      { function() client:pages("list_custom_models", {}, { ahed = true }) end, 'unknown call option "ahed"' },
      { function() client:list_custom_models({}, { ahead = true }) end, 'unknown call option "ahead"' },
    }
    for _, row in ipairs(rows) do
      local ok, message = pcall(row[1])
      assert.is_false(ok)
      assert.truthy(message:find("parallel_pages_spec.lua:", 1, true) and message:find(row[2], 1, true), message)
    end
  end)
end)
