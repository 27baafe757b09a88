--- Tags of jobs and custom models.

local answer = require "bedrock.emulator.answer"

local tags = {}

local exception = answer.exception

--- Check tags before they are put on a resource.
---@param given table[]|nil  { key, value } each
---@param existing table[]|nil  those that the resource has already
---@param limit integer  how many a resource may have
---@param resource_name string  for the error
---@return true|nil ok
---@return bedrock.emulator.Exception? exception
function tags.check(given, existing, limit, resource_name)
  local seen, count = {}, 0
  for _, tag in ipairs(existing or {}) do
    count = count + 1
    seen[tag.key] = "existing"
  end
  for _, tag in ipairs(given or {}) do
    if seen[tag.key] == "given" then
      return nil, exception("ValidationException", ("Duplicate tag key found: %s"):format(tag.key))
    end
    if tag.key:lower():sub(1, 4) == "aws:" then
      return nil, exception("ValidationException", "Tag keys that start with aws: are reserved for system use.")
    end
    if not seen[tag.key] then count = count + 1 end
    seen[tag.key] = "given"
  end
  if count > limit then
    return nil, exception("TooManyTagsException",
      ("The number of tags exceeds the limit of %d for a resource."):format(limit), { resourceName = resource_name })
  end
  return true
end

--- Put tags on a resource: a known key gets the new value, a new one goes to the end.
---@param store bedrock.emulator.Store
---@param arn string
---@param given table[]|nil
function tags.put(store, arn, given)
  local list = store.tags[arn] or {}
  store.tags[arn] = list
  for _, tag in ipairs(given or {}) do
    local known
    for _, present in ipairs(list) do
      if present.key == tag.key then known = present end
    end
    if known then
      known.value = tag.value
    else
      list[#list + 1] = { key = tag.key, value = tag.value }
    end
  end
end

-- A resource exists if it has a list of tags, be it empty.
local function find(ctx, arn)
  local list = ctx.store.tags[arn]
  if list then return list end
  return nil, exception("ResourceNotFoundException", ("The resource %s was not found."):format(arn))
end

--- The operations of this room by their names in the API.
---@type table<string, fun(ctx: bedrock.emulator.Context, params: table): table|nil, bedrock.emulator.Exception?>
tags.operations = {}

function tags.operations.TagResource(ctx, params)
  local list, err = find(ctx, params.resourceARN)
  if not list then return nil, err end
  local ok
  ok, err = tags.check(params.tags, list, ctx.options.tag_limit, params.resourceARN)
  if not ok then return nil, err end
  tags.put(ctx.store, params.resourceARN, params.tags)
  return {}
end

function tags.operations.UntagResource(ctx, params)
  local list, err = find(ctx, params.resourceARN)
  if not list then return nil, err end
  for _, key in ipairs(params.tagKeys) do
    for i = #list, 1, -1 do
      if list[i].key == key then table.remove(list, i) end
    end
  end
  return {}
end

function tags.operations.ListTagsForResource(ctx, params)
  local list, err = find(ctx, params.resourceARN)
  if not list then return nil, err end
  return { tags = list }
end

return tags
