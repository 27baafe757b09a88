-- fine_tune.lua: a fine-tuning run, from the training file to the finished custom model.
--
--   lua5.4 examples/fine_tune.lua
--
-- Credentials and the region come from where every AWS tool finds them (AWS_ACCESS_KEY_ID, AWS_PROFILE, ~/.aws, …).
-- Set these to what you have in your account; the values below are the demo's:
--
--   TUNING_ROLE_ARN    the role that Bedrock assumes to read the corpus and to write the results
--   TUNING_DATA        s3:// URI of the training data (JSON Lines)
--   TUNING_FILE        the same file on this machine, to be checked before anything is sent; not checked if not set
--   TUNING_OUTPUT      s3:// URI of the folder for the results
--   TUNING_BASE_MODEL  what to tune; if not set, the first tunable model of the list
--   TUNING_NAME        of the job and the model; one made from the time if not set
--   TUNING_EPOCHS      how often the data is gone through; 2 if not set
--   TUNING_POLL        seconds between two looks at the job; 60 if not set
--   TUNING_STATE       file that remembers the job: started again with it, the script goes on with the same job
--   TUNING_KEEP        set to keep the custom model; otherwise it is deleted at the end

local bedrock = require "bedrock"
local tuning = require "bedrock.tuning"

-- Every run needs a name of its own: names of jobs and models must not repeat.
local name = os.getenv "TUNING_NAME" or os.date "!tone-%Y%m%d-%H%M%S"

local client = assert(bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" })

-- 1. What can be tuned here?
local models = assert(client:list_foundation_models { byCustomizationType = "FINE_TUNING" }).modelSummaries
print(("%d models can be fine-tuned:"):format(#models))
for _, model in ipairs(models) do print(("  %-42s %s"):format(model.modelId, model.providerName)) end
local base = os.getenv "TUNING_BASE_MODEL" or (models[1] or error "no model can be tuned in this region").modelId

-- 2. Is the training file good enough?
local file = os.getenv "TUNING_FILE"
local dataset, err
if file then
  dataset, err = tuning.check_dataset(file, { model = base })
  print("\n" .. tostring(dataset or err))
  if not (dataset and dataset.ok) then os.exit(1) end
end

-- 3. Create the job and watch it. What the service would refuse, or fail over later, is told before. Numbers are fine where it
-- wants text. The state file is the place to go on from if this script is stopped.
local params = {
  jobName = name,
  customModelName = name,
  roleArn = os.getenv "TUNING_ROLE_ARN" or "arn:aws:iam::123456789012:role/BedrockTuning",
  baseModelIdentifier = base,
  customizationType = "FINE_TUNING",
  hyperParameters = { epochCount = os.getenv "TUNING_EPOCHS" or 2, learningRate = 0.00001 },
  trainingDataConfig = { s3Uri = os.getenv "TUNING_DATA" or "s3://corpus/train.jsonl" },
  outputDataConfig = { s3Uri = os.getenv "TUNING_OUTPUT" or "s3://corpus/out/" },
  jobTags = { { key = "team", value = "support" } },
  customModelTags = { { key = "team", value = "support" } },
}
print("\ncreating " .. name)
local job
job, err = tuning.run(client, params, {
  check = { dataset = dataset },
  state = os.getenv "TUNING_STATE",
  interval = tonumber(os.getenv "TUNING_POLL") or 60,
  timeout = 24 * 3600,
  on_progress = tuning.progress(), -- a line that redraws itself in a terminal, plain lines elsewhere
})
if not job then
  print("There is no model:", err)
  -- What the check found, or why the service most likely refused the job or failed over it.
  print(err.report or tuning.explain(err, { client = client, params = params }) or "")
  os.exit(1)
end

-- 4. How good did it get? The curves lie beside the model: tuning.metrics reads them, tuning.chart and tuning.report draw them.
print("\n" .. job.jobArn)
print(("training loss    %s"):format(job.trainingMetrics and job.trainingMetrics.trainingLoss or "not reported"))
for i, metric in ipairs(job.validationMetrics or {}) do
  print(("validation loss  %s (set %d)"):format(metric.validationLoss, i))
end
local model = job.custom_model
print(("custom model     %s\n                 made %s from %s"):format(model.modelArn,
  bedrock.time.format(model.creationTime), model.baseModelArn))

-- 5. Tag it, and read the tags back.
assert(client:tag_resource { resourceARN = model.modelArn, tags = { { key = "stage", value = "candidate" } } })
for _, tag in ipairs(assert(client:list_tags_for_resource { resourceARN = model.modelArn }).tags) do
  print(("tag              %s = %s"):format(tag.key, tag.value))
end

-- 6. Clean up.
if os.getenv "TUNING_KEEP" then
  print("\nkept " .. model.modelName)
else
  assert(client:delete_custom_model { modelIdentifier = model.modelArn })
  print("\ndeleted " .. model.modelName)
end
client:close()
