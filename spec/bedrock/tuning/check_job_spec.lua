local bedrock = require "bedrock"
local core = require "bedrock.core"
local emulator = require "bedrock.emulator"
local everywhere = require "spec.support.everywhere"
local models = require "bedrock.tuning.models"
local tuning = require "bedrock.tuning"

local SLOW = os.getenv "BEDROCK_SLOW" -- under valgrind and the like a part has to do

local LITE = "amazon.nova-lite-v1:0:300k"

-- Parameters of a good job; `changes` are put over them, false takes one away. Keys may be paths.
local function job(changes)
  local params = {
    jobName = "tone-1", customModelName = "support-tone", roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
    baseModelIdentifier = LITE, hyperParameters = { epochCount = "2" },
    trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" }, outputDataConfig = { s3Uri = "s3://corpus/out/" },
  }
  for path, value in pairs(changes or {}) do
    local at, key = params, path
    local outer, inner = path:match "^(%w+)%.(%w+)$"
    if outer then
      params[outer] = params[outer] or {}
      at, key = params[outer], inner
    end
    if value == false then at[key] = nil else at[key] = value end
  end
  return params
end

local function find(list, rule, path)
  for _, complaint in ipairs(list) do
    if complaint.rule == rule and (not path or complaint.path == path) then return complaint end
  end
  return nil
end

-- Each line of a report is one that a terminal can show.
local function readable(report)
  for _, list in ipairs { report.errors, report.warnings } do
    for _, complaint in ipairs(list) do
      for _, field in ipairs { "path", "message", "mend" } do
        local text = complaint[field]
        assert(text == nil or not text:find "[%c\127-\255]" and #text < 600, tostring(text))
      end
      assert.is_string(complaint.rule)
    end
  end
  assert.is_nil(tostring(report):find "[%z\1-\9\11-\31\127-\255]")
end

local function tags(n, key)
  local list = {}
  for i = 1, n do list[i] = { key = (key or "k") .. i, value = "v" } end
  return list
end

local function validators(...)
  local list = {}
  for i = 1, select("#", ...) do list[i] = { s3Uri = (select(i, ...)) } end
  return { validators = list }
end

local EAST = { region = "us-east-1" }
local WEST = { region = "us-west-2" }
local COHERE, HAIKU = "cohere.command-text-v14:7:4k", "anthropic.claude-3-haiku-20240307-v1:0:200k"
local EMBED, IMAGE = "amazon.titan-embed-image-v1:0", "amazon.titan-image-generator-v1:0"
local EXPRESS = "amazon.titan-text-express-v1:0:8k"
local KEY = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
local CUSTOM = "arn:aws:bedrock:us-east-1:123456789012:custom-model/amazon.nova-lite-v1:0:300k/abcdefghijkl"

-- changes, the rule, the path, a part of the message, and of what to do; `options`; `refused`: the emulator refuses it, too.
local ERRORS = {
  -- What the library's own check finds.
  { { jobName = false }, "parameter", "jobName", "is required but missing", refused = true },
  { { jobNam = "x" }, "parameter", "jobNam", 'did you mean "jobName"?', refused = true },
  { { trainingDataConfig = "s3://b/k" }, "parameter", "trainingDataConfig", "must be a table", refused = true },
  { { ["trainingDataConfig.s3uri"] = "x" }, "parameter", "trainingDataConfig.s3uri", 'did you mean "s3Uri"?', refused = true },
  { { validationDataConfig = {} }, "parameter", "validationDataConfig.validators", "missing", refused = true },
  { { vpcConfig = { subnetIds = { "subnet-1" } } }, "parameter", "vpcConfig.securityGroupIds", "missing", refused = true },
  { { vpcConfig = { subnetIds = {}, securityGroupIds = { "sg-1" } } }, "parameter", "vpcConfig.subnetIds", "at least 1 item",
    refused = true },
  -- Names.
  { { jobName = "tone 1" }, "pattern", "jobName", 'is "tone 1"; a job\'s name has letters', refused = true },
  { { jobName = "-tone" }, "pattern", "jobName", "letters and digits", refused = true },
  { { jobName = "tone_1" }, "pattern", "jobName", "letters and digits", refused = true },
  { { jobName = ("x"):rep(64) }, "limit", "jobName", "has 64 characters; 63 at most", refused = true },
  { { customModelName = "a--b" }, "pattern", "customModelName", "single _ or -", refused = true },
  { { customModelName = "a.b" }, "pattern", "customModelName", "single _ or -", refused = true },
  { { customModelName = ("x"):rep(64) }, "limit", "customModelName", "63 at most", refused = true },
  { { clientRequestToken = ("x"):rep(257) }, "limit", "clientRequestToken", "256 at most", refused = true },
  { { clientRequestToken = "a_b" }, "pattern", "clientRequestToken", "letters, digits and hyphens", refused = true },
  { { clientRequestToken = "-a" }, "pattern", "clientRequestToken", "no hyphen at its beginning", refused = true },
  -- ARNs.
  { { roleArn = "BedrockTuning" }, "arn", "roleArn", "no ARN", "arn:aws:iam::ACCOUNT:role/NAME", refused = true },
  { { roleArn = "arn:aws:sts::123456789012:assumed-role/R/me" }, "arn", "roleArn", "a session, not of a role",
    "arn:aws:iam::123456789012:role/R", refused = true },
  { { roleArn = "arn:aws:iam::123456789012:user/me" }, "arn", "roleArn", "no ARN of a role", refused = true },
  { { roleArn = "arn:aws:iam:us-east-1:123456789012:role/R" }, "arn", "roleArn", "no region", refused = true },
  { { roleArn = "arn:aws:iam::12345678901:role/R" }, "account", "roleArn", "twelve digits", refused = true },
  { { roleArn = "arn:aws:iam::111122223333:role/R" }, "account", "roleArn", "belongs to the account 111122223333",
    options = { account_id = "123456789012" } },
  { { roleArn = "arn:aws-cn:iam::123456789012:role/R" }, "partition", "roleArn", "is in the partition aws-cn", "arn:aws:" },
  { { roleArn = "arn:aws:iam::123456789012:role/R" }, "partition", "roleArn", "us-gov-west-1 in aws-us-gov",
    options = { region = "us-gov-west-1" } },
  { { customModelKmsKeyId = "mykey" }, "pattern", "customModelKmsKeyId", "by its id, by alias/NAME", refused = true },
  { { customModelKmsKeyId = "arn:aws:s3:::corpus" }, "arn", "customModelKmsKeyId", "no ARN of a KMS key", refused = true },
  { { customModelKmsKeyId = "arn:aws:kms:eu-west-1:123456789012:alias/k" }, "region", "customModelKmsKeyId", '"eu-west-1"' },
  { { baseModelIdentifier = "us.amazon.nova-lite-v1:0" }, "base_model", "baseModelIdentifier", "an inference profile", LITE,
    refused = true },
  { { baseModelIdentifier = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0" }, "base_model",
    "baseModelIdentifier", "the ARN of an inference profile", refused = true },
  { { baseModelIdentifier = "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl" }, "base_model",
    "baseModelIdentifier", "a provisioned throughput", refused = true },
  { { baseModelIdentifier = "arn:aws:bedrock:us-west-2::foundation-model/" .. LITE }, "region", "baseModelIdentifier", "us-west-2" },
  { { baseModelIdentifier = "amazon nova" }, "pattern", "baseModelIdentifier", "a base model is named by", refused = true },
  -- Region against model.
  { {}, "region", "baseModelIdentifier", "Amazon Nova Lite is tuned in us-east-1, not in us-west-2", options = WEST },
  { { baseModelIdentifier = HAIKU }, "region", "baseModelIdentifier", "tuned in us-west-2" },
  { { baseModelIdentifier = EMBED, hyperParameters = { epochCount = "Auto" } }, "region", "baseModelIdentifier",
    "us-east-1 and us-west-2, not in eu-west-1", options = { region = "eu-west-1" } },
  -- S3.
  { { ["trainingDataConfig.s3Uri"] = "https://corpus.s3.us-east-1.amazonaws.com/a/train.jsonl" }, "s3_uri", "trainingDataConfig.s3Uri",
    "no S3 URI", "s3://corpus/a/train.jsonl", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "https://s3.amazonaws.com/corpus/train.jsonl?x=y" }, "s3_uri", "trainingDataConfig.s3Uri",
    "no S3 URI", "s3://corpus/train.jsonl", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "arn:aws:s3:::corpus/train.jsonl" }, "s3_uri", nil, nil, "s3://corpus/train.jsonl", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "S3://corpus/train.jsonl" }, "s3_uri", nil, nil, "s3://corpus/train.jsonl", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "train.jsonl" }, "s3_uri", nil, nil, "s3://BUCKET/KEY", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/my train.jsonl" }, "s3_uri", nil, "no blank in a key", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/a=b/train.jsonl" }, "s3_uri", nil, "takes no = in a key", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/\195\188.jsonl" }, "s3_uri", nil, "outside ASCII", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus//train.jsonl" }, "s3_uri", nil, "empty part", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://Corpus/train.jsonl" }, "bucket", nil, "capital letters", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://my_corpus/train.jsonl" }, "bucket", nil, "an underscore", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://ab/train.jsonl" }, "bucket", nil, "has 2 characters", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://" .. ("b"):rep(64) .. "/train.jsonl" }, "bucket", nil, "has 64 characters", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://-corpus/train.jsonl" }, "bucket", nil, "begin and end with a letter", refused = true },
  { { ["trainingDataConfig.s3Uri"] = "s3://cor..pus/train.jsonl" }, "bucket", nil, "two dots" },
  { { ["trainingDataConfig.s3Uri"] = "s3://192.168.5.4/train.jsonl" }, "bucket", nil, "an IP address" },
  { { ["trainingDataConfig.s3Uri"] = "s3://xn--corpus/train.jsonl" }, "bucket", nil, "begins with xn--" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus-s3alias/train.jsonl" }, "bucket", nil, "ends with -s3alias" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus--x-s3/train.jsonl" }, "bucket", nil, "ends with --x-s3" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus" }, "file", "trainingDataConfig.s3Uri", "a whole bucket" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/" .. ("k"):rep(1020) }, "limit", nil, "1024 at most", refused = true },
  { { ["outputDataConfig.s3Uri"] = "s3://corpus/train.jsonl" }, "output", "trainingDataConfig.s3Uri", "is the output, too" },
  { { validationDataConfig = validators "corpus/v.jsonl" }, "s3_uri", "validationDataConfig.validators[1].s3Uri", nil, refused = true },
  -- Hyperparameters.
  { { ["hyperParameters.epoch"] = "2" }, "hyperparameter", "hyperParameters.epoch", "no such hyperparameter", "write epochCount",
    refused = true },
  { { ["hyperParameters.EpochCount"] = "2" }, "hyperparameter", nil, nil, "write epochCount", refused = true },
  { { ["hyperParameters.batchSize"] = "2" }, "hyperparameter", nil, "it has epochCount, learningRate, learningRateWarmupSteps",
    "leave it out", refused = true },
  { { ["hyperParameters.epochCount"] = "6" }, "hyperparameter_value", "hyperParameters.epochCount", "takes a whole number, 1 to 5",
    refused = true },
  { { ["hyperParameters.epochCount"] = 0 }, "hyperparameter_value", nil, "is 0; Amazon Nova Lite", refused = true },
  { { ["hyperParameters.epochCount"] = 2.5 }, "hyperparameter_value", nil, "is 2.5; Amazon Nova Lite takes a whole number", refused = true },
  { { ["hyperParameters.epochCount"] = "two" }, "hyperparameter_value", nil, 'is "two"', refused = true },
  { { ["hyperParameters.epochCount"] = "0x2" }, "hyperparameter_value", nil, 'is "0x2"', refused = true },
  { { ["hyperParameters.epochCount"] = " 2" }, "hyperparameter_value", nil, 'is " 2"', refused = true },
  { { ["hyperParameters.epochCount"] = "" }, "hyperparameter_value", nil, 'is ""', refused = true },
  { { ["hyperParameters.epochCount"] = "nan" }, "hyperparameter_value", nil, 'is "nan"', refused = true },
  { { ["hyperParameters.learningRate"] = 0.001 }, "hyperparameter_value", nil, "is 0.001; Amazon Nova Lite takes 0.000001 to 0.0001",
    refused = true },
  { { ["hyperParameters.learningRate"] = "1.0E-3" }, "hyperparameter_value", nil, 'is "1.0E-3"', refused = true },
  { { ["hyperParameters.epochCount"] = "21" }, "hyperparameter_value", nil, "takes a whole number, 1 to 20",
    options = { hyperparameters = { epochCount = { max = 20 } } }, refused = true },
  { { baseModelIdentifier = EMBED, hyperParameters = {} }, "hyperparameter", "hyperParameters.epochCount", "is required by",
    'or "Auto"', refused = true },
  { { baseModelIdentifier = EMBED, hyperParameters = { epochCount = "auto" } }, "hyperparameter_value", nil, 'or "Auto"', 'write "Auto"',
    refused = true },
  { { baseModelIdentifier = IMAGE, hyperParameters = { stepCount = "Auto" } }, "hyperparameter_value", nil, 'or "auto"', 'write "auto"',
    refused = true },
  { { baseModelIdentifier = COHERE, hyperParameters = { batchSize = "9" } }, "hyperparameter_value", nil, "a whole number, 8 only",
    refused = true },
  { { baseModelIdentifier = CUSTOM, hyperParameters = { epochCount = "9" } }, "hyperparameter_value", nil, "Amazon Nova Lite takes" },
  { { baseModelIdentifier = "my-tone", hyperParameters = { epochCount = "9" } }, "hyperparameter_value", nil, "Amazon Nova Lite takes",
    options = { model = LITE } },
  { { customizationType = "FINETUNING", hyperParameters = { epochCount = "9" } }, "hyperparameter_value", nil, "Nova", refused = true },
  -- Validation sets.
  { { validationDataConfig = { validators = (function()
    local list = {}
    for i = 1, 11 do list[i] = { s3Uri = ("s3://corpus/v%d.jsonl"):format(i) } end
    return list
  end)() } }, "limit", "validationDataConfig.validators", "has 11 items; 10 at most", refused = true },
  { { baseModelIdentifier = IMAGE, hyperParameters = { stepCount = "auto" }, validationDataConfig = validators "s3://corpus/v.jsonl" },
    "validation", "validationDataConfig", "takes no validation set" },
  -- Tags.
  { { jobTags = tags(201) }, "limit", "jobTags", "has 201 items; 200 at most", refused = true },
  { { customModelTags = { { key = ("k"):rep(129), value = "" } } }, "limit", "customModelTags[1].key", "128 at most", refused = true },
  { { customModelTags = { { key = "k", value = ("v"):rep(257) } } }, "limit", "customModelTags[1].value", "256 at most", refused = true },
  { { jobTags = { { key = "k#", value = "" } } }, "pattern", "jobTags[1].key", "a tag's key has", refused = true },
  { { jobTags = { { key = "a", value = "" }, { key = "b", value = "" }, { key = "a", value = "2" } } }, "tags", "jobTags[3].key",
    'is "a", as that of jobTags[1]', refused = true },
  { { customModelTags = { { key = "AWS:x", value = "" } } }, "tags", "customModelTags[1].key", "reserved", refused = true },
  -- Kinds of customization.
  { { customizationType = "FINE_TUNNING" }, "enum", "customizationType", "known are", "write FINE_TUNING", refused = true },
  { { customizationType = "DISTILLATION" }, "customization", "customizationConfig.distillationConfig", "is missing", refused = true },
  { { customizationType = "REINFORCEMENT_FINE_TUNING" }, "customization", "customizationConfig.rftConfig", "is missing", refused = true },
  { { customizationType = "IMPORTED" }, "customization", "customizationType", "no job made", refused = true },
  { { customizationConfig = { distillationConfig = { teacherModelConfig = { teacherModelIdentifier = "amazon.nova-pro-v1:0" } } } },
    "customization", "customizationConfig.distillationConfig", "is for the type DISTILLATION", 'customizationType = "DISTILLATION"' },
  { { trainingDataConfig = {} }, "customization", "trainingDataConfig", "has no data", refused = true },
  { { customizationType = "REINFORCEMENT_FINE_TUNING", customizationConfig = { rftConfig = { hyperParameters = { epochCount = 51 } } } },
    "limit", "customizationConfig.rftConfig.hyperParameters.epochCount", "is 51; 50 at most" },
  -- VPC.
  { { vpcConfig = { subnetIds = { "sg-1" }, securityGroupIds = { "sg-1" } } }, "vpc", "vpcConfig.subnetIds[1]", "begin with subnet-" },
  { { vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1", "x" } } }, "vpc", "vpcConfig.securityGroupIds[2]", "sg-" },
  { { vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1", "sg-2", "sg-3", "sg-4", "sg-5", "sg-6" } } }, "limit",
    "vpcConfig.securityGroupIds", "5 at most", refused = true },
  -- Records.
  { {}, "records", "trainingDataConfig", "the training set has 7 records; Amazon Nova Lite takes 8 or more", options = { records = 7 } },
  { {}, "records", "trainingDataConfig", "takes 20000 at most", options = { dataset = { ok = true, records = 20001 } } },
  { {}, "records", "trainingDataConfig", "takes 100 at most", options = { records = 101, limits = { max_records = 100 } } },
  { { baseModelIdentifier = HAIKU, hyperParameters = {}, validationDataConfig = validators "s3://corpus/v.jsonl" }, "records",
    "validationDataConfig", "the validation set has 1001 records", options = { region = "us-west-2", validation_records = 1001 } },
  { { baseModelIdentifier = HAIKU, hyperParameters = {}, validationDataConfig = validators "s3://corpus/v.jsonl" }, "records",
    "trainingDataConfig", "set together has 10400 records",
    options = { region = "us-west-2", dataset = { records = 9500 }, validation = { ok = true, records = 900 } } },
  { {}, "dataset", "trainingDataConfig", "found errors", options = { dataset = { ok = false, records = 100 } } },
  { { customizationType = "DISTILLATION", customizationConfig = { distillationConfig = { teacherModelConfig = {
    teacherModelIdentifier = "amazon.nova-pro-v1:0" } } } }, "records", nil, "takes 15000 at most", options = { records = 15001 } },
}

local WARNINGS = {
  { { baseModelIdentifier = "amazon.nova-lite-v1:0" }, "tuning_id", "baseModelIdentifier", "not the id for tuning", "write " .. LITE },
  { { baseModelIdentifier = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0" }, "tuning_id", nil, nil,
    "write arn:aws:bedrock:us-east-1::foundation-model/" .. LITE },
  { { baseModelIdentifier = "meta.llama3-1-8b-instruct-v1:0" }, "tuning_id", nil, nil, "write meta.llama3-1-8b-instruct-v1:0:128k",
    options = WEST },
  { { baseModelIdentifier = EXPRESS }, "retired_model", "baseModelIdentifier", "no longer on the service's list" },
  { { baseModelIdentifier = "amazon.nova-light-v1:0:300k" }, "unknown_model", nil, "nothing is known of", LITE },
  { { baseModelIdentifier = "my-tone" }, "unknown_model", nil, "the name of a custom model", "the option model" },
  { { customizationType = "SOMETHING_NEW" }, "enum", "customizationType", "known are" },
  { { customModelKmsKeyId = KEY:gsub("123456789012:", "111122223333:") }, "account", "customModelKmsKeyId", "belongs to",
    options = { account_id = "123456789012" } },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus-eu-west-1/train.jsonl" }, "region", "trainingDataConfig.s3Uri", "has eu-west-1 in its name" },
  { { ["trainingDataConfig.s3Uri"] = "s3://us-gov-west-1-corpus/train.jsonl" }, "region", nil, "has us-gov-west-1 in its name" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/train/" }, "file", "trainingDataConfig.s3Uri", "is a folder" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/train.csv" }, "file", nil, "but with .csv" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/train.jsonl.gz" }, "file", nil, "but with .gz", "without compression" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/train" }, "file", nil, "does not end with .jsonl" },
  { { ["trainingDataConfig.s3Uri"] = "s3://corpus/out/train.jsonl" }, "output", "trainingDataConfig.s3Uri", "in the folder of the output" },
  { { ["outputDataConfig.s3Uri"] = "s3://corpus/out.jsonl" }, "output", "outputDataConfig.s3Uri", "looks like a file" },
  { { validationDataConfig = validators "s3://corpus/train.jsonl" }, "same_file", "validationDataConfig.validators[1].s3Uri",
    "is the training set, too" },
  { { validationDataConfig = validators("s3://corpus/v.jsonl", "s3://corpus/v.jsonl") }, "same_file",
    "validationDataConfig.validators[2].s3Uri", "is validator 1, too" },
  { { baseModelIdentifier = COHERE, hyperParameters = { evalPercentage = 20 }, validationDataConfig = validators "s3://corpus/v.jsonl" },
    "with_validation", "hyperParameters.evalPercentage", "without a validation set" },
  { { baseModelIdentifier = COHERE, hyperParameters = { learningRate = 0.01 }, validationDataConfig = validators "s3://corpus/v.jsonl" },
    "with_validation", "hyperParameters.learningRate", "better left out" },
  { { baseModelIdentifier = EXPRESS, hyperParameters = { batchSize = "4" } }, "batch_size", "hyperParameters.batchSize",
    "with 4, a record may have 2048 tokens; with 1, 4096" },
  { { baseModelIdentifier = EXPRESS, hyperParameters = { batchSize = 64 } }, "batch_size", nil, "no limit of tokens is known above 4" },
  { {}, "warm_up", "hyperParameters.learningRateWarmupSteps", "is 10 by default; for 16000 records 100 are advised (records / 160)",
    options = { records = 16000 } },
  { { baseModelIdentifier = "amazon.nova-micro-v1:0:128k", ["hyperParameters.learningRateWarmupSteps"] = "50" }, "warm_up", nil,
    "is 50; for 6400 records 10 are advised (records / 640)", options = { records = 6400 } },
  { {}, "dataset", "trainingDataConfig", "was checked for Amazon Nova Pro", "check it for Amazon Nova Lite",
    options = { dataset = { ok = true, model = "Amazon Nova Pro", records = 1600 } } },
  { { customizationType = "CONTINUED_PRE_TRAINING" }, "customization", "customizationType", "Titan Text only" },
  { { customizationType = "REINFORCEMENT_FINE_TUNING", customizationConfig = { rftConfig = {} } }, "customization", "hyperParameters",
    "hyperparameters of its own", "rftConfig.hyperParameters" },
  { { customizationType = "DISTILLATION", customizationConfig = { distillationConfig = { teacherModelConfig = {
    teacherModelIdentifier = "us.amazon.nova-lite-v1:0" } } } }, "customization", nil, "both Amazon Nova Lite" },
  { { ["trainingDataConfig.invocationLogsConfig"] = { invocationLogSource = { s3Uri = "s3://corpus/logs/" } } }, "customization",
    "trainingDataConfig", "has both" },
  { { trainingDataConfig = { invocationLogsConfig = { invocationLogSource = { s3Uri = "s3://corpus/logs/" } } } }, "customization",
    "trainingDataConfig.invocationLogsConfig", "for distillation" },
}

local GOOD = {
  { {} },
  { { hyperParameters = { epochCount = 5, learningRate = 1e-4, learningRateWarmupSteps = 0 } } },
  { { hyperParameters = { epochCount = "1", learningRate = "1.0E-6" } } },
  { { jobName = "a", customModelName = "a_b-c-" } },
  { { jobName = "A+b-c.9-" } },
  { { baseModelIdentifier = "arn:aws:bedrock:us-east-1::foundation-model/" .. LITE } },
  { { baseModelIdentifier = CUSTOM } },
  { { baseModelIdentifier = "my-tone" }, { model = "amazon.nova-lite-v1:0" } },
  { { customModelKmsKeyId = KEY, jobTags = tags(200), customModelTags = tags(200), clientRequestToken = "tone-1" } },
  { { customModelKmsKeyId = "alias/tuning" } },
  { { vpcConfig = { subnetIds = { "subnet-0123456789abcdef0" }, securityGroupIds = { "sg-0123456789abcdef0" } } } },
  { { validationDataConfig = validators "s3://corpus/v.jsonl" }, { records = 1600, validation_records = 1 } },
  { { ["outputDataConfig.s3Uri"] = "s3://corpus" } },
  { { ["outputDataConfig.s3Uri"] = "s3://corpus/v1.2/out" } },
  { { ["trainingDataConfig.s3Uri"] = "s3://my-big-5.us-east-1/train.jsonl" } }, -- names no region, and the job's own
  { { baseModelIdentifier = "amazon.nova-2-lite-v1:0:256k", hyperParameters = { whatever = "1" } } },
  { { baseModelIdentifier = HAIKU, hyperParameters = { batchSize = 4 } }, { region = "us-west-2" } },
  { { baseModelIdentifier = EMBED, hyperParameters = { epochCount = "Auto" } } },
  { { customizationType = "DISTILLATION", hyperParameters = false, customizationConfig = { distillationConfig = { teacherModelConfig = {
    teacherModelIdentifier = "us.amazon.nova-pro-v1:0", maxResponseLengthForInference = 1000 } } },
    trainingDataConfig = { invocationLogsConfig = { invocationLogSource = { s3Uri = "s3://corpus/logs/" } } } }, { records = 15000 } },
  { { roleArn = "arn:aws:iam::123456789012:role/service-role/a/b+c=d,e.f@g_h" } },
  { { ["hyperParameters.epochCount"] = "20" }, { hyperparameters = { epochCount = { max = 20 } } } },
  { { ["hyperParameters.learningRateWarmupSteps"] = "100" }, { records = 30000, limits = { max_records = false } } },
  { { ["hyperParameters.epochCount"] = "20" }, { hyperparameters = { epochCount = false } } },
  { { ["hyperParameters.epochCount"] = "20", ["hyperParameters.other"] = "x" }, { hyperparameters = false } },
  { { ["hyperParameters.loraRank"] = "8" }, { hyperparameters = { loraRank = { min = 1, max = 64, whole = true } } } },
  { { jobName = core.json_null and "x" or "x", hyperParameters = core.json_null } },
}

local function options_of(options)
  local all = { region = "us-east-1" }
  for name, value in pairs(options or {}) do all[name] = value end
  return all
end

local function create(params, changes)
  local e = emulator.new(changes)
  local client = assert(bedrock.new { region = "us-east-1", runtime = e:runtime(), credentials = e.example_credentials,
    environment = {}, read_file = function() end })
  return client:create_model_customization_job(params)
end

describe("tuning.check_job", function()
  it("finds nothing in good jobs, and the emulator takes those that it has the models for", function()
    for i, row in ipairs(GOOD) do
      local params = job(row[1])
      local report = tuning.check_job(params, options_of(row[2]))
      assert(report.ok and #report.errors == 0 and #report.warnings == 0, ("row %d: %s"):format(i, tostring(report)))
      if params.baseModelIdentifier ~= "my-tone" and params.baseModelIdentifier ~= CUSTOM then
        local own_limits = (row[2] or {}).hyperparameters ~= nil
        local answer, err = create(params, own_limits and { hyperparameters = false } or nil)
        assert(answer, ("row %d: %s"):format(i, tostring(err)))
      end
    end
  end)

  for _, kind in ipairs { { "errors", ERRORS }, { "warnings", WARNINGS } } do
    for i, row in ipairs(kind[2]) do
      it(("says as one of the %s, row %d, that %s %s"):format(kind[1], i, row[3] or row[2], row[4] or row[5] or ""), function()
        local params = job(row[1])
        local report = tuning.check_job(params, options_of(row.options))
        local complaint = find(report[kind[1]], row[2], row[3])
        assert(complaint, tostring(report))
        assert(not row[4] or complaint.message:find(row[4], 1, true), complaint.message)
        assert(not row[5] or (complaint.mend or ""):find(row[5], 1, true), tostring(complaint.mend))
        assert.equal(#report.errors == 0, report.ok)
        if kind[1] == "warnings" then assert(report.ok, tostring(report)) end
        readable(report)
        -- The emulator has no copy of these rules: what it refuses has to be found here, too.
        if row.refused and (not SLOW or i % 5 == 0) then assert.is_nil((create(params))) end
      end)
    end
  end

  it("names the source of each limit, and when it was seen", function()
    local report = tuning.check_job(job { ["hyperParameters.epochCount"] = 20 }, { region = "us-west-2" })
    for _, rule in ipairs { "hyperparameter_value", "region" } do
      local source = find(report.errors, rule).source
      assert.truthy(source.url:find "^https://docs%.aws%.amazon%.com/")
      assert.truthy(source.seen:find "^%d%d%d%d%-%d%d$")
      assert.truthy(tostring(report):find(source.url .. " (seen " .. source.seen .. ")", 1, true))
    end
    report = tuning.check_job(job { ["hyperParameters.epochCount"] = 30 }, { hyperparameters = { epochCount = { max = 20 } } })
    assert.is_nil(find(report.errors, "hyperparameter_value").source) -- that limit is the caller's own
  end)

  it("takes the region from the client, and checks no region without one", function()
    assert.is_nil(find(tuning.check_job(job()).errors, "region"))
    local client = assert(bedrock.new { region = "us-west-2", credentials = { access_key_id = "a", secret_access_key = "b" },
      environment = {}, read_file = function() end })
    local report = tuning.check_job(job(), { client = client })
    assert.truthy(find(report.errors, "region"))
    assert.equal("us-west-2", report.region)
    assert.truthy(tuning.check_job(job(), { client = client, region = "us-east-1" }).ok)
  end)

  describe("with data sets as files", function()
    local child = require "spec.support.child"
    local dir, good
    local function file(name, records, line)
      return child.write(dir .. "/" .. name, (line or '{"prompt":"a question","completion":"an answer"}\n'):rep(records))
    end
    local function check(options, changes)
      local params = job { baseModelIdentifier = "meta.llama3-1-8b-instruct-v1:0:128k", hyperParameters = false }
      for name, value in pairs(changes or {}) do params[name] = value end
      options.region = "us-west-2"
      return tuning.check_job(params, options)
    end
    local function rules_of(report)
      local list = {}
      for i, complaint in ipairs(report.errors) do list[i] = complaint.path .. " " .. complaint.rule end
      return table.concat(list, ", ")
    end
    setup(function()
      dir = child.temp_dir()
      good = file("good.jsonl", 90)
    end)
    teardown(function() os.execute("rm -rf " .. child.quote(dir)) end)

    it("reads them, and counts both together", function()
      local report = check { dataset = good, validation = file("val.jsonl", 20) }
      assert.equal("", rules_of(report))
      assert.equal(90, report.records)
      assert.equal(90, report.dataset.records)
      assert.equal("validation", report.validation.kind)
      assert.equal("Meta Llama 3.1", report.dataset.model)
      assert.truthy(tostring(report):find("good.jsonl", 1, true))
      report = check { dataset = good, validation = file("few.jsonl", 5) }
      assert.equal("trainingDataConfig dataset, trainingDataConfig records", rules_of(report))
      -- A report of the caller's stays the caller's.
      report = check { dataset = tuning.check_dataset(good, { other_records = 10 }), validation_records = 10 }
      assert.is_nil(report.dataset)
      assert.is_true(report.ok)
    end)

    it("tells of what is wrong in them, and of files that can't be read", function()
      local report = check { dataset = file("bad.jsonl", 100, '{"promt":"a","completion":"b"}\n') }
      assert.equal("trainingDataConfig dataset", rules_of(report))
      assert.is_false(report.dataset.ok)
      assert.truthy(tostring(report):find("promt", 1, true))
      report = check { dataset = dir .. "/none", validation = dir }
      assert.equal("trainingDataConfig dataset, validationDataConfig dataset", rules_of(report))
      assert.truthy(report.errors[1].message:find("No such file", 1, true))
    end)

    it("stands parameters of any kind beside them", function()
      for _, value in ipairs { 0, true, print, {}, core.json_null, "\0" } do
        for _, name in ipairs { "baseModelIdentifier", "hyperParameters", "validationDataConfig" } do
          check({ dataset = good, limits = { max_records = false, min_total_records = 7 } }, { [name] = value })
        end
        check({ dataset = good }, { hyperParameters = { [value] = value, batchSize = value, epochCount = value } })
      end
      tuning.check_job(nil, { dataset = good })
    end)
  end)

  it("leaves out what is to be ignored", function()
    local params = job { ["hyperParameters.epochCount"] = 20, jobName = "a b" }
    local report = tuning.check_job(params, { ignore = { hyperparameter_value = true } })
    assert.equal(1, #report.errors)
    assert.equal("pattern", report.errors[1].rule)
    assert.is_true(tuning.check_job(params, { ignore = { hyperparameter_value = true, pattern = true } }).ok)
  end)

  it("has one order, whatever the order of the tables", function()
    local params = job { ["hyperParameters.a"] = 1, ["hyperParameters.b"] = 1, ["hyperParameters.c"] = 1, roleArn = "x", zzz = 1 }
    local text = tostring(tuning.check_job(params))
    for _ = 1, 5 do assert.equal(text, tostring(tuning.check_job(params))) end
    local at = text:find("hyperParameters.a", 1, true)
    assert.truthy(text:find("hyperParameters.b", at, true) < text:find("roleArn", at, true))
  end)

  it("reads well", function()
    local report = tuning.check_job(job { ["hyperParameters.epochCount"] = 20, baseModelIdentifier = "amazon.nova-lite-v1:0" }, EAST)
    assert.equal(table.concat({
      'customization job "tone-1" of Amazon Nova Lite in us-east-1: 1 error, 1 warning',
      "",
      "error      hyperParameters.epochCount  [hyperparameter_value]",
      "           is 20; Amazon Nova Lite takes a whole number, 1 to 5",
      "  mend     where a quota of yours allows it, tell by the option hyperparameters",
      "  source   " .. models.sources.hyperparameters.url .. " (seen 2026-11)",
      "",
      "warning    baseModelIdentifier  [tuning_id]",
      '           "amazon.nova-lite-v1:0" is not the id for tuning',
      "  mend     write " .. LITE,
      "  source   " .. models.sources.models.url .. " (seen 2026-11)",
    }, "\n"), tostring(report))
    assert.equal('customization job "tone-1" of Amazon Nova Lite: no errors, no warnings', tostring(tuning.check_job(job())))
  end)

  it("does not change what it is given", function()
    local params, options = job { jobTags = tags(2) }, { hyperparameters = { epochCount = { max = 20 } }, records = 100 }
    local function copy(value)
      if type(value) ~= "table" then return value end
      local result = {}
      for key, item in pairs(value) do result[key] = copy(item) end
      return result
    end
    local before, options_before = copy(params), copy(options)
    tuning.check_job(params, options)
    assert.same(before, params)
    assert.same(options_before, options)
    assert.is_nil(models.find(LITE).hyperparameters.epochCount.given)
    assert.equal(5, models.find(LITE).hyperparameters.epochCount.max)
  end)

  it("stands any value anywhere", function()
    local cyclic = {}
    cyclic.self, cyclic[1] = cyclic, cyclic
    local evil = setmetatable({}, { __index = function() error "no" end, __tostring = function() error "no" end,
      __pairs = function() error "no" end, __len = function() error "no" end, __eq = function() error "no" end })
    local long = ("x"):rep(20000)
    local values = { 0, -1, 1.5, 1 / 0, 0 / 0, true, "", "\0", "a\nb\27[31m", "\255\254", long, ("1"):rep(5000), ("a."):rep(3000),
      ("arn:"):rep(500), "arn:aws:iam::" .. long, "s3://" .. long, "s3://b\n/k", print, coroutine.create(function() end), core.json_null,
      cyclic, evil, {}, { 1 }, { {} }, { [1] = "a", [3] = "b" }, { x = "y" }, { [{}] = 1 }, { ["a\nb"] = "c\nd" } }
    local function good()
      return job { customizationType = "FINE_TUNING", clientRequestToken = "t", customModelKmsKeyId = KEY, jobTags = tags(1),
        customModelTags = tags(1), validationDataConfig = validators "s3://corpus/v.jsonl",
        vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1" } },
        customizationConfig = { distillationConfig = { teacherModelConfig = { teacherModelIdentifier = LITE } } } }
    end
    everywhere(good, values, function(params, i)
      if not SLOW or i % 5 == 0 then readable(tuning.check_job(params, EAST)) end
    end)
    -- A control character in the middle of what is right else.
    local strings = { "us.meta.llama3-1-8b-instruct-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-1-8b-instruct-v1:0",
      "arn:aws:sts::123456789012:assumed-role/R/me", "https://corpus.s3.amazonaws.com/a/train.csv", "s3://corpus-eu-west-1/out.csv", KEY }
    local broken = {}
    for _, value in ipairs(strings) do
      for at = 1, #value, SLOW and 20 or 3 do broken[#broken + 1] = value:sub(1, at) .. "\n" .. value:sub(at + 1) end
    end
    for _, path in ipairs { "baseModelIdentifier", "roleArn", "trainingDataConfig.s3Uri", "outputDataConfig.s3Uri", "customModelKmsKeyId" } do
      for _, value in ipairs(broken) do readable(tuning.check_job(job { [path] = value }, EAST)) end
    end
    for _, params in ipairs { 1, "x", true, print, cyclic, evil, { 1, 2 } } do
      local report = tuning.check_job(params)
      assert.is_false(report.ok)
      readable(report)
    end
    assert.is_false(tuning.check_job(nil).ok)
    readable(tuning.check_job(job(), { region = "not a region\n" }))
  end)

  it("shows no value that the API calls sensitive", function()
    local filters = { equals = { ["secret#key"] = "secret#value" } }
    local report = tuning.check_job(job { customizationType = "DISTILLATION", trainingDataConfig = { invocationLogsConfig = {
      invocationLogSource = { s3Uri = "s3://corpus/logs/" }, requestMetadataFilters = filters } } })
    local path = "trainingDataConfig.invocationLogsConfig.requestMetadataFilters.equals.*"
    assert.truthy(find(report.errors, "pattern", path))
    assert.is_nil(tostring(report):find("secret", 1, true))
  end)

  it("stops at a hundred complaints of a kind", function()
    local many = {}
    for i = 1, 400 do many["h\n" .. i] = "x" end
    local report = tuning.check_job(job { hyperParameters = many })
    assert.equal(100, #report.errors)
    assert.equal(300, report.more)
    assert.truthy(tostring(report):find("and 300 more", 1, true))
  end)

  it("raises for options that are none, at the caller's line", function()
    for _, row in ipairs {
      { 1, "must be a table, got number" },
      { { regon = "x" }, 'unknown option "regon" to check_job (did you mean "region"?)' },
      { { region = 1 }, "option region of check_job must be a string, got number" },
      { { hyperparameters = true }, "must be a table, got boolean" },
      { { hyperparameters = { epochCount = 20 } }, "epochCount = { max = 20 }" },
      { { hyperparameters = { epochCount = { maxi = 20 } } }, 'can\'t have maxi = number (did you mean "max"?)' },
      { { hyperparameters = { epochCount = { max = "20" } } }, "hyperparameters.epochCount of check_job can't have max = string" },
      { { ignore = { hyperparameters = true } }, 'no rule "hyperparameters" to ignore (did you mean "hyperparameter"?)' },
      { { records = -1 }, "option records of check_job must be a whole number, 0 or more" },
      { { records = 0 / 0 }, "whole number" },
      { { limits = { max_records = "9" } }, "option max_records of limits of check_job must be a whole number, 0 or more, or false" },
      { { limits = { max_records = math.huge } }, "whole number" },
      { { dataset = 5 }, "option dataset of check_job must be a path, or a report of check_dataset, got number" },
      { { validation = "" }, "option validation of check_job must be a path, got an empty one" },
      { { limits = { max_recrds = 9 } }, 'unknown option "max_recrds" to limits of check_job (did you mean "max_records"?)' },
      { { limits = { max_tokens = 9 } }, "max_tokens" },
      { { account_id = "1234" }, "option account_id of check_job must be twelve digits" },
      { { account_id = 123456789012 }, "twelve digits, as a string" },
    } do
      local ok, message = pcall(function() tuning.check_job(job(), row[1]) end)
      assert.is_false(ok)
      assert.truthy(message:find("check_job_spec.lua:", 1, true), message)
      assert.truthy(message:find(row[2], 1, true), message)
    end
  end)

  it("has a range for no more than the models say, and a complaint for each bound of each", function()
    for _, model in ipairs(models.list) do
      for name, entry in pairs(model.hyperparameters or {}) do
        for _, row in ipairs { { entry.min, true }, { entry.max, true }, { entry.min - 1e-3 - (entry.whole and 1 or 0), false },
          { entry.max + 1, false } } do
          local values = { [name] = row[1] }
          for other, one in pairs(model.hyperparameters) do
            if one.required and other ~= name then values[other] = one.word end
          end
          local report = tuning.check_job(job { baseModelIdentifier = model.tuning_id or model.prefix .. "x-v1:0", hyperParameters = values })
          assert.equal(row[2], find(report.errors, "hyperparameter_value") == nil, model.name .. " " .. name .. " " .. row[1])
        end
      end
    end
  end)

  it("and the emulator take no time for a number of a hundred thousand digits", function()
    local params = job { ["hyperParameters.epochCount"] = ("1"):rep(100000) .. "x" }
    local started = os.clock()
    assert.truthy(find(tuning.check_job(params).errors, "hyperparameter_value"))
    local _, err = create(params)
    assert.equal("ValidationException", err.code)
    assert.truthy(os.clock() - started < 20)
  end)
end)
