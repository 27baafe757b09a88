-- audit_tags.lua: do all custom models have the tags that your company wants? Prints what is missing; the exit status is 1
-- then. With --set the missing tags are added.
--
--   lua5.4 examples/audit_tags.lua KEY…                  which models lack one of these tags?
--   lua5.4 examples/audit_tags.lua --set KEY=VALUE…      add these to the models that lack them

local bedrock = require "bedrock"

local fix = arg[1] == "--set"
local wanted = {}
for i = fix and 2 or 1, #arg do
  local key, value = arg[i]:match "^([^=]+)=(.*)$"
  if fix and not key then error(("--set needs KEY=VALUE, got %s"):format(arg[i]), 0) end
  wanted[#wanted + 1] = { key = key or arg[i], value = value }
end
if #wanted == 0 then
  print "usage: audit_tags.lua KEY…, or audit_tags.lua --set KEY=VALUE…"
  os.exit(2)
end

local client = assert(bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" })

-- Tasks from a function: the next model is asked for when one before it is done, however many there are.
local next_model = client:items "list_custom_models"
local models = {}
local function audit(model)
  local answer, err = client:list_tags_for_resource { resourceARN = model.modelArn }
  if not answer then return nil, err end
  local has, missing = {}, {}
  for _, tag in ipairs(answer.tags or {}) do has[tag.key] = true end
  for _, tag in ipairs(wanted) do
    if not has[tag.key] then missing[#missing + 1] = tag end
  end
  if fix and #missing > 0 then
    local ok, tag_err = client:tag_resource { resourceARN = model.modelArn, tags = missing }
    if not ok then return nil, tag_err end
  end
  return missing
end
local missing, errors = bedrock.parallel(function()
  local model = next_model()
  if not model then return nil end
  models[#models + 1] = model
  return function() return audit(model) end
end, { limit = 10 })

local bad = 0
for i, model in ipairs(models) do
  if errors[i] then
    bad = bad + 1
    print(("%-32s can't be checked: %s"):format(model.modelName, tostring(errors[i])))
  elseif #missing[i] > 0 then
    if not fix then bad = bad + 1 end
    local keys = {}
    for n, tag in ipairs(missing[i]) do keys[n] = tag.key end
    print(("%-32s %s %s"):format(model.modelName, fix and "tagged" or "lacks", table.concat(keys, ", ")))
  end
end
print(("%d custom models, %d to look at"):format(#models, bad))
client:close()
os.exit(bad == 0 and 0 or 1)
