-- compare_models.lua: which of the tuned models is the best? Lists the custom models whose name contains a text, the one
-- with the lowest loss first, and tags that one.
--
--   lua5.4 examples/compare_models.lua [NAME-PART]

local bedrock = require "bedrock"

local client = assert(bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" })

local rows = {}
for summary in client:items("list_custom_models", { nameContains = arg[1], sortBy = "CreationTime" }) do
  local model = assert(client:get_custom_model { modelIdentifier = summary.modelArn })
  local validation = model.validationMetrics and model.validationMetrics[1]
  rows[#rows + 1] = {
    name = model.modelName, arn = model.modelArn, made = bedrock.time.format(model.creationTime),
    -- The loss on data that it has not seen says more, if there was any.
    loss = validation and validation.validationLoss or model.trainingMetrics and model.trainingMetrics.trainingLoss
      or math.huge,
    epochs = model.hyperParameters and model.hyperParameters.epochCount or "?",
  }
end
if #rows == 0 then
  print "no custom models"
  os.exit(0)
end

table.sort(rows, function(a, b) return a.loss < b.loss end)
print(("%-32s %-10s %-7s %s"):format("model", "loss", "epochs", "made"))
for _, row in ipairs(rows) do print(("%-32s %-10.4f %-7s %s"):format(row.name, row.loss, row.epochs, row.made)) end

assert(client:tag_resource { resourceARN = rows[1].arn, tags = { { key = "stage", value = "best" } } })
print("tagged " .. rows[1].name)
client:close()
