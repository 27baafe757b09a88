-- fine_tune.lua: a fine-tuning run, from the choice of a base model to the finished custom model.
--
--   lua5.4 examples/fine_tune.lua
--
-- Credentials and the region come from where every AWS tool finds them (AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws, …).
-- Set these to what you have in your account; the values below are the demo's:
--
--   TUNING_ROLE_ARN    the role that Bedrock assumes to read the corpus and to write the results
--   TUNING_DATA        s3:// URI of the training data (JSON Lines)
--   TUNING_OUTPUT      s3:// URI of the folder for the results
--   TUNING_BASE_MODEL  what to tune; if not set, the first tunable model of the list
--   TUNING_NAME        of the job and the model; one made from the time if not set
--   TUNING_EPOCHS      how often the data is gone through; 2 if not set
--   TUNING_POLL        seconds between two looks at the job; 60 if not set
--   TUNING_KEEP        set to keep the custom model; otherwise it is deleted at the end

local bedrock = require "bedrock"

local role = os.getenv "TUNING_ROLE_ARN" or "arn:aws:iam::123456789012:role/BedrockTuning"
local data = os.getenv "TUNING_DATA" or "s3://corpus/train.jsonl"
local output = os.getenv "TUNING_OUTPUT" or "s3://corpus/out/"
local poll = tonumber(os.getenv "TUNING_POLL") or 60

-- Every run needs a name of its own: names of jobs and models must not repeat.
local name = os.getenv "TUNING_NAME" or os.date "!tone-%Y%m%d-%H%M%S"

local client = assert(bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" })

-- 1. What can be tuned here?
local models = assert(client:list_foundation_models { byCustomizationType = "FINE_TUNING" }).modelSummaries
print(("%d models can be fine-tuned:"):format(#models))
for _, model in ipairs(models) do print(("  %-42s %s"):format(model.modelId, model.providerName)) end
local base = os.getenv "TUNING_BASE_MODEL" or (models[1] or error "no model can be tuned in this region").modelId

-- 2. Create the job. Numbers are fine where the service wants text.
local job, err = client:create_model_customization_job {
  jobName = name,
  customModelName = name,
  roleArn = role,
  baseModelIdentifier = base,
  customizationType = "FINE_TUNING",
  hyperParameters = { epochCount = os.getenv "TUNING_EPOCHS" or 2, learningRate = 0.00001 },
  trainingDataConfig = { s3Uri = data },
  outputDataConfig = { s3Uri = output },
  jobTags = { { key = "team", value = "support" } },
  customModelTags = { { key = "team", value = "support" } },
}
if not job then
  print("The job was not created:", err) -- code, message, operation, request id
  os.exit(1)
end
print("\ncreated " .. job.jobArn)

-- 3. Watch it: one line that redraws itself in a terminal, plain lines elsewhere.
local is_terminal = os.execute "test -t 1"
is_terminal = is_terminal == true or is_terminal == 0
local last_line

local function show(answer)
  local stages = {}
  for _, stage in ipairs { "validationDetails", "dataProcessingDetails", "trainingDetails" } do
    local details = answer.statusDetails and answer.statusDetails[stage]
    if details then stages[#stages + 1] = stage:gsub("Details", "") .. " " .. details.status end
  end
  local line = ("  %-11s %s"):format(answer.status, table.concat(stages, ", "))
  if is_terminal then
    io.write("\r", line, "\27[K")
    io.flush()
  elseif line ~= last_line then
    print(line)
  end
  last_line = line
end

local done, wait_err = client:wait("model_customization_job", { jobIdentifier = job.jobArn },
  { interval = poll, timeout = 24 * 3600, on_poll = show })
if is_terminal then print() end
if not done then
  print("The job did not complete:", wait_err)
  os.exit(1)
end

-- 4. How good did it get?
print(("\ntraining loss    %s"):format(done.trainingMetrics and done.trainingMetrics.trainingLoss or "not reported"))
for i, metric in ipairs(done.validationMetrics or {}) do
  print(("validation loss  %s (set %d)"):format(metric.validationLoss, i))
end

-- 5. Find the new model among all custom models. The iterator fetches page after page as it needs them.
local found
for model in client:items("list_custom_models", { nameContains = name, maxResults = 50 }) do
  if model.modelName == name then found = model end
end
assert(found, "the custom model is not in the list")
print(("custom model     %s\n                 made %s from %s"):format(found.modelArn,
  bedrock.time.format(found.creationTime), found.baseModelName))

-- 6. Tag it, and read the tags back.
assert(client:tag_resource { resourceARN = found.modelArn, tags = { { key = "stage", value = "candidate" } } })
for _, tag in ipairs(assert(client:list_tags_for_resource { resourceARN = found.modelArn }).tags) do
  print(("tag              %s = %s"):format(tag.key, tag.value))
end

-- 7. Clean up.
if os.getenv "TUNING_KEEP" then
  print("\nkept " .. found.modelName)
else
  assert(client:delete_custom_model { modelIdentifier = found.modelArn })
  print("\ndeleted " .. found.modelName)
end
client:close()
