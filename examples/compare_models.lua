-- compare_models.lua: which of the tuned models is the best, and which can go? Lists the custom models whose name contains a
-- text, the one with the lowest loss first, and tags that one. With --report an HTML page shows the jobs that made them, with
-- --keep all but the best are deleted.
--
--   lua5.4 examples/compare_models.lua [NAME-PART] [--report FILE] [--keep COUNT]

local bedrock = require "bedrock"
local tuning = require "bedrock.tuning"

local part, keep, page
local i = 1
while arg[i] do
  if arg[i] == "--keep" then
    keep = tonumber(arg[i + 1])
    if not keep or keep < 1 then error("--keep needs how many models shall stay, 1 or more", 0) end
    i = i + 1
  elseif arg[i] == "--report" then
    page = arg[i + 1] or error("--report needs the name of a file", 0)
    i = i + 1
  else
    part = arg[i]
  end
  i = i + 1
end

local client = assert(bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" })

-- The list has no losses: each model is asked for, ten at a time.
local summaries = {}
for summary in client:items("list_custom_models", { nameContains = part }) do summaries[#summaries + 1] = summary end
if #summaries == 0 then
  print "no custom models"
  os.exit(0)
end
local tasks = {}
for n, summary in ipairs(summaries) do tasks[n] = { client, "get_custom_model", { modelIdentifier = summary.modelArn } } end
local models, errors = bedrock.parallel(tasks, { limit = 10 })

local rows = {}
for n, summary in ipairs(summaries) do
  local model = models[n]
  if model then
    local validation, training = model.validationMetrics and model.validationMetrics[1], model.trainingMetrics
    rows[#rows + 1] = {
      name = model.modelName, arn = model.modelArn, job = model.jobArn, made = bedrock.time.format(model.creationTime),
      -- The loss on data that it has not seen says more, if there was any.
      loss = validation and validation.validationLoss or training and training.trainingLoss,
      epochs = model.hyperParameters and model.hyperParameters.epochCount or "?",
    }
  else
    -- A model that somebody deletes meanwhile is no reason to stop.
    print(("%s can't be read: %s"):format(summary.modelName, tostring(errors[n])))
  end
end

-- Models without a loss (one that is still being copied, an imported one) can't be compared: last, and never deleted.
table.sort(rows, function(a, b)
  if a.loss ~= b.loss then return (a.loss or math.huge) < (b.loss or math.huge) end
  return a.name < b.name
end)
print(("%-32s %-10s %-7s %s"):format("model", "loss", "epochs", "made"))
for _, row in ipairs(rows) do
  print(("%-32s %-10s %-7s %s"):format(row.name, row.loss and ("%.4f"):format(row.loss) or "none", row.epochs, row.made))
end

local failed = #rows < #summaries
if rows[1] and rows[1].loss then
  assert(client:tag_resource { resourceARN = rows[1].arn, tags = { { key = "stage", value = "best" } } })
  print("tagged " .. rows[1].name)
end
if page then
  tasks = {}
  for _, row in ipairs(rows) do
    if row.job then tasks[#tasks + 1] = { client, "get_model_customization_job", { jobIdentifier = row.job } } end
  end
  local jobs = {}
  local found = bedrock.parallel(tasks, { limit = 10 })
  for n = 1, #tasks do jobs[#jobs + 1] = found[n] or nil end -- in the order of the list
  assert(tuning.report { jobs = jobs, path = page, title = "Custom models by their loss" })
  print("wrote " .. page)
end
for rank, row in ipairs(rows) do
  if keep and rank > keep and row.loss then
    local ok, err = client:delete_custom_model { modelIdentifier = row.arn }
    print(ok and "deleted " .. row.name or ("%s was not deleted: %s"):format(row.name, tostring(err)))
    failed = failed or not ok
  end
end
client:close()
os.exit(failed and 1 or 0)
