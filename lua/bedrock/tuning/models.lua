--- What each base model takes: hyperparameters, data sets, regions. Data, and the search in it.
--
-- Every limit is the last that was seen in the places below. They drift, and quotas raise some of them, so whoever checks
-- against them takes other values from its caller and says, with each complaint, where the limit is from and when it was seen.
-- A model that is missing here, or an entry that a model lacks, is not checked.

local models = {}

---@class bedrock.tuning.Source
---@field url string
---@field seen string  year and month

---@type table<string, bedrock.tuning.Source>
models.sources = {
  prepare = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-prepare.html", seen = "2026-11" },
  hyperparameters = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/custom-models-hp.html", seen = "2026-11" },
  models = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/custom-model-fine-tuning.html", seen = "2026-11" },
  nova = { url = "https://docs.aws.amazon.com/nova/latest/userguide/fine-tune-prepare-data-understanding.html",
    seen = "2026-11" },
  nova2 = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/nova-2-sft-data-prep.html", seen = "2026-11" },
  haiku = { url = "https://platform.claude.com/cookbook/finetuning-finetuning-on-bedrock", seen = "2026-11" },
  distillation = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/distillation-data-prep-option-2.html",
    seen = "2026-11" },
  limits = { url = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelCustomizationJob.html",
    seen = "2026-11" },
  buckets = { url = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html", seen = "2026-11" },
  role = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-iam-role.html", seen = "2026-11" },
  vpc = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/vpc-model-customization.html", seen = "2026-11" },
  encryption = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/encryption-custom-job.html", seen = "2026-11" },
  trouble = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/fine-tuning-troubleshooting.html",
    seen = "2026-11" },
  stop = { url = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-customization-stop.html", seen = "2026-11" },
}

--- One hyperparameter. Values are strings on the wire; min and max are numbers, both allowed.
---@class bedrock.tuning.Hyperparameter
---@field min number
---@field max number
---@field default? string  as the service writes it; none where the caller has to set a value
---@field whole? boolean  an integer
---@field word? string  accepted in place of a number, in this case of letters
---@field required? boolean
---@field with_validation? string  what is to be said where a value is given beside a validation set

local function whole(min, max, default) return { min = min, max = max, default = default, whole = true } end
local function real(min, max, default) return { min = min, max = max, default = default } end
local function word(value, entry)
  entry.word, entry.required = value, true
  return entry
end
local function with_validation(words, entry)
  entry.with_validation = words
  return entry
end

local nova = {
  epochCount = whole(1, 5, "2"),
  learningRate = real(1e-6, 1e-4, "0.00001"),
  learningRateWarmupSteps = whole(0, 100, "10"),
}
local titan_text = {
  epochCount = whole(1, 10, "5"),
  batchSize = whole(1, 64, "1"),
  learningRate = real(0, 1, "0.00001"),
  learningRateWarmupSteps = whole(0, 250, "5"),
}
local llama = {
  epochCount = whole(1, 10, "5"),
  batchSize = whole(1, 1, "1"),
  learningRate = real(5e-6, 0.1, "0.0001"),
}
local function cohere(largest_batch)
  return {
    epochCount = whole(1, 100, "1"),
    batchSize = whole(8, largest_batch, "8"),
    learningRate = with_validation("is better left out where there is a validation set", real(5e-6, 0.1, "0.00001")),
    earlyStoppingThreshold = real(0, 0.1, "0.01"),
    earlyStoppingPatience = whole(1, 10, "6"),
    evalPercentage = with_validation("is for jobs without a validation set: it takes one out of the training set",
      real(5, 50, "20")),
  }
end

local MB, GB = 1024 ^ 2, 1024 ^ 3

--- What a data set has to be like. Every limit is a field; one that is absent is unknown or does not exist.
---@class bedrock.tuning.DatasetRules
---@field shape "prompt-completion"|"converse"|"anthropic-messages"|"image-caption"
---@field source string  a key of models.sources
---@field min_records? integer  of the training set
---@field max_records? integer  of the training set
---@field max_validation_records? integer
---@field min_total_records? integer  training and validation set together
---@field max_total_records? integer
---@field max_input_tokens? integer  of one record
---@field max_output_tokens? integer
---@field max_tokens? integer  of one record, input and output together
---@field tokens_by_batch? integer[][]  rows { largest batchSize, max_tokens }, smallest batch first
---@field max_bytes? integer  of the training file
---@field max_validation_bytes? integer
---@field validation? boolean  false: the model takes no validation set
---@field caption? integer[]  fewest and most characters of a caption
---@field reserved_words? boolean  Nova: words that end a job when they stand in user or system text
---@field images? boolean  false: text only
---@field media_file_names? boolean  Nova: letters, digits, `_ - / .` only
---@field reasoning? boolean  records may hold reasoning text

local function nova_data(images)
  return {
    shape = "converse", source = "nova", min_records = 8, max_records = 20000, max_tokens = 32000,
    reserved_words = true, images = images, media_file_names = true,
  }
end
local function titan_data(tokens_by_batch)
  return { shape = "prompt-completion", source = "prepare", max_tokens = 4096, tokens_by_batch = tokens_by_batch,
    max_bytes = GB, max_validation_bytes = 100 * MB }
end
local cohere_data = { shape = "prompt-completion", source = "prepare", max_records = 10000, max_validation_records = 1000,
  max_input_tokens = 4096, max_output_tokens = 2048 }
local function llama_data(shape, max_tokens, images)
  return { shape = shape, source = "prepare", min_total_records = 100, max_total_records = 10000,
    max_input_tokens = shape == "prompt-completion" and max_tokens or nil,
    max_output_tokens = shape == "prompt-completion" and max_tokens or nil, max_tokens = max_tokens, images = images }
end

local EAST, WEST = "us-east-1", "us-west-2"

---@class bedrock.tuning.Model
---@field name string
---@field prefix string  how its ids begin
---@field tuning_id? string  the id that a job takes; it differs from the one for inference by its context length
---@field context? string  where an entry is for several models: the context length at the end of their tuning ids
---@field regions? string[]  where it can be tuned
---@field hyperparameters? table<string, bedrock.tuning.Hyperparameter>
---@field dataset? bedrock.tuning.DatasetRules
---@field records_per_warm_up_step? integer  what is advised: so many records of the training set for each step
---@field retired? boolean  no longer on the service's list of models to tune

---@type bedrock.tuning.Model[]
models.list = {
  { name = "Amazon Nova Micro", prefix = "amazon.nova-micro-v1", tuning_id = "amazon.nova-micro-v1:0:128k",
    records_per_warm_up_step = 640, regions = { EAST }, hyperparameters = nova, dataset = nova_data(false) },
  { name = "Amazon Nova Lite", prefix = "amazon.nova-lite-v1", tuning_id = "amazon.nova-lite-v1:0:300k",
    records_per_warm_up_step = 160, regions = { EAST }, hyperparameters = nova, dataset = nova_data(true) },
  { name = "Amazon Nova Pro", prefix = "amazon.nova-pro-v1", tuning_id = "amazon.nova-pro-v1:0:300k",
    records_per_warm_up_step = 320, regions = { EAST }, hyperparameters = nova, dataset = nova_data(true) },
  { name = "Amazon Nova 2 Lite", prefix = "amazon.nova-2-lite-v1", tuning_id = "amazon.nova-2-lite-v1:0:256k",
    regions = { EAST }, dataset = { shape = "converse", source = "nova2", reasoning = true } },
  { name = "Amazon Nova Canvas", prefix = "amazon.nova-canvas-v1", tuning_id = "amazon.nova-canvas-v1:0", regions = { EAST },
    hyperparameters = { stepCount = whole(10, 20000, "500"), batchSize = whole(8, 192, "8"),
      learningRate = real(1e-7, 1e-4, "0.00001") } },
  { name = "Amazon Titan Text Premier", prefix = "amazon.titan-text-premier-v1",
    tuning_id = "amazon.titan-text-premier-v1:0:32k", retired = true,
    hyperparameters = { epochCount = whole(1, 5, "2"), batchSize = whole(1, 1, "1"),
      learningRate = real(1e-7, 1e-5, "0.000001"), learningRateWarmupSteps = whole(0, 20, "5") },
    dataset = titan_data { { 1, 4096 } } },
  { name = "Amazon Titan Text Express", prefix = "amazon.titan-text-express-v1",
    tuning_id = "amazon.titan-text-express-v1:0:8k", retired = true, hyperparameters = titan_text,
    dataset = titan_data { { 1, 4096 }, { 4, 2048 } } },
  { name = "Amazon Titan Text Lite", prefix = "amazon.titan-text-lite-v1", tuning_id = "amazon.titan-text-lite-v1:0:4k",
    retired = true, hyperparameters = titan_text, dataset = titan_data { { 2, 4096 }, { 6, 2048 } } },
  { name = "Amazon Titan Image Generator G1", prefix = "amazon.titan-image-generator-v1",
    tuning_id = "amazon.titan-image-generator-v1:0", regions = { EAST },
    hyperparameters = { stepCount = word("auto", whole(10, 40000)), batchSize = whole(8, 192, "8"),
      learningRate = real(1e-7, 1, "0.00001") },
    dataset = { shape = "image-caption", source = "prepare", min_records = 5, max_records = 10000, caption = { 3, 1024 },
      validation = false } },
  { name = "Amazon Titan Multimodal Embeddings G1", prefix = "amazon.titan-embed-image-v1",
    tuning_id = "amazon.titan-embed-image-v1:0", regions = { EAST, WEST },
    hyperparameters = { epochCount = word("Auto", whole(1, 100)), batchSize = whole(256, 9216, "576"),
      learningRate = real(5e-8, 1, "0.00005") },
    dataset = { shape = "image-caption", source = "prepare", min_records = 1000, max_records = 500000, caption = { 0, 2560 },
      validation = false } },
  { name = "Anthropic Claude 3 Haiku", prefix = "anthropic.claude-3-haiku",
    tuning_id = "anthropic.claude-3-haiku-20240307-v1:0:200k", regions = { WEST },
    hyperparameters = { epochCount = whole(1, 10, "2"), batchSize = whole(4, 256, "32"),
      learningRateMultiplier = real(0.1, 2, "1"), earlyStoppingThreshold = real(0, 0.1, "0.001"),
      earlyStoppingPatience = whole(1, 10, "2") },
    dataset = { shape = "anthropic-messages", source = "prepare", min_records = 32, max_records = 10000,
      max_validation_records = 1000, max_total_records = 10000, max_tokens = 32000, max_bytes = 10 * GB,
      max_validation_bytes = GB } },
  { name = "Cohere Command", prefix = "cohere.command-text-", tuning_id = "cohere.command-text-v14:7:4k", retired = true,
    hyperparameters = cohere(8), dataset = cohere_data },
  { name = "Cohere Command Light", prefix = "cohere.command-light-text-",
    tuning_id = "cohere.command-light-text-v14:7:4k", retired = true, hyperparameters = cohere(32), dataset = cohere_data },
  { name = "Meta Llama 3.1", prefix = "meta.llama3-1-", context = "128k", regions = { WEST }, hyperparameters = llama,
    dataset = llama_data("prompt-completion", 16000) },
  { name = "Meta Llama 3.2 1B and 3B", prefix = "meta.llama3-2-", context = "128k", regions = { WEST }, hyperparameters = llama,
    dataset = llama_data("converse", 16000, false) },
  { name = "Meta Llama 3.2 11B", prefix = "meta.llama3-2-11b-", context = "128k", regions = { WEST }, hyperparameters = llama,
    dataset = llama_data("converse", 16000, true) },
  { name = "Meta Llama 3.2 90B", prefix = "meta.llama3-2-90b-", context = "128k", regions = { WEST }, hyperparameters = llama,
    dataset = llama_data("converse", 10000, true) },
  { name = "Meta Llama 3.3 70B", prefix = "meta.llama3-3-70b-", tuning_id = "meta.llama3-3-70b-instruct-v1:0:128k",
    regions = { WEST }, dataset = llama_data("converse", 16000, false) },
}

--- The model that an identifier names: by the longest beginning.
---@param identifier string  a model id, or the ARN of a foundation model or of a custom model, which names what it was made from
---@return bedrock.tuning.Model|nil model  nil where it is not known, as for the name of a custom model
function models.find(identifier)
  local id = identifier:match ":foundation%-model/(.+)$" or identifier:match ":custom%-model/([^/]+)/" or identifier
  local found
  for _, model in ipairs(models.list) do
    if id:sub(1, #model.prefix) == model.prefix and (not found or #model.prefix > #found.prefix) then found = model end
  end
  return found
end

--- The model id behind that of an inference profile: "amazon.nova-lite-v1:0" for "us.amazon.nova-lite-v1:0".
---@param id string
---@return string|nil model_id
function models.behind_profile(id)
  return id:match "^%l[%l-]*%.(%l[%w-]*%..+)$"
end

--- The same as `find`, and for the id of an inference profile the model behind it.
---@param identifier string
---@return bedrock.tuning.Model|nil model
function models.find_behind(identifier)
  return models.find(models.behind_profile(identifier) or identifier) or models.find(identifier)
end

--- The id by which a job names a model.
---@param model bedrock.tuning.Model
---@param id string  of the model, for inference or for tuning
---@return string|nil tuning_id  nil where it is not known
function models.tuning_id(model, id)
  if model.tuning_id then return model.tuning_id end
  local stem = model.context and id:match "^(.-%-v%d+:%d+)"
  return stem and stem .. ":" .. model.context
end

return models
