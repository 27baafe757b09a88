--- What the bench sends and gets.
local data = {}

--- A job in training, of about 1.4 KB.
data.job = require "bench.answer"

--- Parameters of create_model_customization_job, with all that the operation had from the first on.
data.create = {
  jobName = "tone-2026-11",
  customModelName = "support-tone",
  roleArn = "arn:aws:iam::111122223333:role/BedrockTuning",
  clientRequestToken = "0b0f2c8e-6a1b-4b6e-9a52-6f4e3a0c9d11",
  baseModelIdentifier = "amazon.titan-text-express-v1:0:8k",
  customizationType = "FINE_TUNING",
  customModelKmsKeyId = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
  jobTags = { { key = "team", value = "support" }, { key = "stage", value = "trial" } },
  customModelTags = { { key = "team", value = "support" } },
  trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" },
  validationDataConfig = { validators = { { s3Uri = "s3://corpus/validation.jsonl" } } },
  outputDataConfig = { s3Uri = "s3://corpus/out/" },
  hyperParameters = { epochCount = "2", batchSize = "1", learningRate = "0.00001", learningRateWarmupSteps = "5" },
  vpcConfig = { subnetIds = { "subnet-0a1b2c3d4e5f60718" }, securityGroupIds = { "sg-0a1b2c3d4e5f60718" } },
}

data.created = '{"jobArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/'
  .. 'amazon.titan-text-express-v1:0:8k/abcdefghijkl"}'

local SUMMARY = '{"jobArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.titan-text-express-v1:0:8k/%s",'
  .. '"baseModelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1",'
  .. '"jobName":"tone-%05d","status":"%s",%s'
  .. '"lastModifiedTime":"2026-11-%02dT09:%02d:57.123Z","creationTime":"2026-11-%02dT08:%02d:11.042Z",'
  .. '"endTime":"2026-11-%02dT10:%02d:00Z",'
  .. '"customModelName":"support-tone-%05d"%s}'
local DETAILS = '"statusDetails":{"trainingDetails":{"status":"InProgress","creationTime":"2026-11-%02dT08:%02d:11Z"}},'

--- An answer of list_model_customization_jobs. 1,000 items are 463 KB.
---@param items integer
---@param token? string  of the page that follows
function data.page(items, token)
  local parts = {}
  for i = 1, items do
    local day, second, running = i % 28 + 1, i % 60, i % 4 == 0
    parts[i] = SUMMARY:format(("%012x"):format(i * 48271 % 2147483647), i, running and "InProgress" or "Completed",
      running and DETAILS:format(day, second) or "", day, second, day, second, day, second, i,
      i % 10 < 6 and ',"customizationType":"FINE_TUNING"' or "")
  end
  return ("{%s\"modelCustomizationJobSummaries\":[%s]}"):format(token and ('"nextToken":"%s",'):format(token) or "",
    table.concat(parts, ","))
end

return data
