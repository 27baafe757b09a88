--- The foundation models that the emulator offers unless it is given others.
--
-- Ids, modalities and tuning forms as the service lists them; a model that can be tuned has an id with its context length
-- (`amazon.nova-micro-v1:0:128k`) beside the one for inference. Titan Text and Cohere Command are no longer on the service's list for new
-- users; they stay here as LEGACY since years of scripts name them.

local T, I, E = "TEXT", "IMAGE", "EMBEDDING"
local FINE, CONTINUED, DISTILL = "FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"

-- id, name, provider, input, output, ways to customize, on demand?, provisioned?, streams?, status
local rows = {
  { "amazon.nova-micro-v1:0", "Nova Micro", "Amazon", { T }, { T }, {}, true, false, true },
  { "amazon.nova-micro-v1:0:128k", "Nova Micro", "Amazon", { T }, { T }, { FINE, DISTILL }, false, true, true },
  { "amazon.nova-lite-v1:0", "Nova Lite", "Amazon", { T, I }, { T }, {}, true, false, true },
  { "amazon.nova-lite-v1:0:300k", "Nova Lite", "Amazon", { T, I }, { T }, { FINE, DISTILL }, false, true, true },
  { "amazon.nova-pro-v1:0", "Nova Pro", "Amazon", { T, I }, { T }, {}, true, false, true },
  { "amazon.nova-pro-v1:0:300k", "Nova Pro", "Amazon", { T, I }, { T }, { FINE, DISTILL }, false, true, true },
  { "amazon.nova-2-lite-v1:0", "Nova 2 Lite", "Amazon", { T, I }, { T }, {}, true, false, true },
  { "amazon.nova-2-lite-v1:0:256k", "Nova 2 Lite", "Amazon", { T, I }, { T }, { FINE }, false, true, true },
  { "amazon.nova-canvas-v1:0", "Nova Canvas", "Amazon", { T, I }, { I }, { FINE }, true, true, false },
  { "amazon.titan-embed-text-v2:0", "Titan Embeddings V2", "Amazon", { T }, { E }, {}, true, false, false },
  { "amazon.titan-embed-image-v1", "Titan Multimodal", "Amazon", { T, I }, { E }, {}, true, false, false },
  { "amazon.titan-embed-image-v1:0", "Titan Multimodal", "Amazon", { T, I }, { E }, { FINE }, false, true, false },
  { "amazon.titan-image-generator-v1", "Titan Image G1", "Amazon", { T, I }, { I }, {}, true, false, false },
  { "amazon.titan-image-generator-v1:0", "Titan Image G1", "Amazon", { T, I }, { I }, { FINE }, false, true, false },
  { "amazon.titan-text-premier-v1:0", "Titan Text Premier", "Amazon", { T }, { T }, {}, true, false, true, "LEGACY" },
  { "amazon.titan-text-premier-v1:0:32k", "Titan Text Premier", "Amazon", { T }, { T }, { FINE }, false, true, true,
    "LEGACY" },
  { "amazon.titan-text-express-v1", "Titan Text Express", "Amazon", { T }, { T }, {}, true, false, true, "LEGACY" },
  { "amazon.titan-text-express-v1:0:8k", "Titan Text Express", "Amazon", { T }, { T }, { FINE, CONTINUED }, false, true,
    true, "LEGACY" },
  { "amazon.titan-text-lite-v1", "Titan Text Lite", "Amazon", { T }, { T }, {}, true, false, true, "LEGACY" },
  { "amazon.titan-text-lite-v1:0:4k", "Titan Text Lite", "Amazon", { T }, { T }, { FINE, CONTINUED }, false, true, true,
    "LEGACY" },
  { "anthropic.claude-3-haiku-20240307-v1:0", "Claude 3 Haiku", "Anthropic", { T, I }, { T }, {}, true, false, true },
  { "anthropic.claude-3-haiku-20240307-v1:0:200k", "Claude 3 Haiku", "Anthropic", { T, I }, { T }, { FINE, DISTILL },
    false, true, true },
  { "anthropic.claude-3-sonnet-20240229-v1:0", "Claude 3 Sonnet", "Anthropic", { T, I }, { T }, {}, true, false, true,
    "LEGACY" },
  { "cohere.command-text-v14", "Command", "Cohere", { T }, { T }, {}, true, false, true, "LEGACY" },
  { "cohere.command-text-v14:7:4k", "Command", "Cohere", { T }, { T }, { FINE }, false, true, true, "LEGACY" },
  { "cohere.command-light-text-v14", "Command Light", "Cohere", { T }, { T }, {}, true, false, true, "LEGACY" },
  { "cohere.command-light-text-v14:7:4k", "Command Light", "Cohere", { T }, { T }, { FINE }, false, true, true,
    "LEGACY" },
  { "cohere.embed-english-v3", "Embed English", "Cohere", { T }, { E }, {}, true, false, false },
  { "meta.llama3-1-8b-instruct-v1:0", "Llama 3.1 8B", "Meta", { T }, { T }, {}, true, false, true },
  { "meta.llama3-1-8b-instruct-v1:0:128k", "Llama 3.1 8B", "Meta", { T }, { T }, { FINE, DISTILL }, false, true, true },
  { "meta.llama3-1-70b-instruct-v1:0", "Llama 3.1 70B", "Meta", { T }, { T }, {}, true, false, true },
  { "meta.llama3-1-70b-instruct-v1:0:128k", "Llama 3.1 70B", "Meta", { T }, { T }, { FINE, DISTILL }, false, true,
    true },
  { "meta.llama3-2-1b-instruct-v1:0:128k", "Llama 3.2 1B", "Meta", { T }, { T }, { FINE }, false, true, true },
  { "meta.llama3-2-3b-instruct-v1:0:128k", "Llama 3.2 3B", "Meta", { T }, { T }, { FINE }, false, true, true },
  { "meta.llama3-2-11b-instruct-v1:0:128k", "Llama 3.2 11B", "Meta", { T, I }, { T }, { FINE }, false, true, true },
  { "meta.llama3-2-90b-instruct-v1:0:128k", "Llama 3.2 90B", "Meta", { T, I }, { T }, { FINE }, false, true, true },
  { "meta.llama3-3-70b-instruct-v1:0:128k", "Llama 3.3 70B", "Meta", { T }, { T }, { FINE }, false, true, true },
}

local catalogue = {}

for i, row in ipairs(rows) do
  local inference = {}
  if row[7] then inference[#inference + 1] = "ON_DEMAND" end
  if row[8] then inference[#inference + 1] = "PROVISIONED" end
  catalogue[i] = {
    modelId = row[1],
    modelName = row[2],
    providerName = row[3],
    inputModalities = row[4],
    outputModalities = row[5],
    customizationsSupported = row[6],
    inferenceTypesSupported = inference,
    responseStreamingSupported = row[9],
    modelLifecycle = { status = row[10] or "ACTIVE" },
  }
end

return catalogue
