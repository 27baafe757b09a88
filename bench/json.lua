-- What decoding JSON costs, beside lua-cjson on the same text and the same Lua.
--
--     eval "$(make -s env)"; lua5.4 bench/json.lua [--check]
--
-- The page is a ListModelCustomizationJobs answer of 1,000 items; lua-cjson leaves its timestamps as text, ours are numbers.
-- Rounds of both are interleaved, with a full collection before each, and the medians compared. With --check the
-- exit status says whether the page's ratio is within the promised 1.3.

local core = require "bedrock.core"
local cjson = require "cjson"

local RATIO = 1.3
local ROUNDS = 101

local function scalar(type_name, options)
  local shape = options or {}
  shape.type = type_name
  return shape
end

--- A structure from a list of { name, shape } pairs.
local function structure(pairs_of)
  local shape = { type = "structure", members = {}, order = {} }
  for i, pair in ipairs(pairs_of) do
    local name = pair[1]
    shape.order[i] = name
    shape.members[name] = { name = name, wire = name, shape = pair[2] }
  end
  return shape
end

local function list(of)
  return { type = "list", member = { name = "member", wire = "member", shape = of } }
end

local text = scalar "string"
local time = scalar("timestamp", { timestampFormat = "iso8601" })

local phase = structure { { "status", text }, { "creationTime", time }, { "lastModifiedTime", time } }
local status_details = structure {
  { "validationDetails", phase },
  { "dataProcessingDetails", phase },
  { "trainingDetails", phase },
}

local page_shape = structure {
  { "nextToken", text },
  {
    "modelCustomizationJobSummaries",
    list(structure {
      { "jobArn", text },
      { "baseModelArn", text },
      { "jobName", text },
      { "status", text },
      { "statusDetails", status_details },
      { "lastModifiedTime", time },
      { "creationTime", time },
      { "endTime", time },
      { "customModelArn", text },
      { "customModelName", text },
      { "customizationType", text },
    }),
  },
}

local s3 = structure { { "s3Uri", text } }
local job_shape = structure {
  { "jobArn", text },
  { "jobName", text },
  { "outputModelName", text },
  { "outputModelArn", text },
  { "clientRequestToken", text },
  { "roleArn", text },
  { "status", text },
  { "statusDetails", status_details },
  { "failureMessage", text },
  { "creationTime", time },
  { "lastModifiedTime", time },
  { "endTime", time },
  { "baseModelArn", text },
  { "hyperParameters", { type = "map", key = { shape = text }, value = { shape = text } } },
  { "trainingDataConfig", s3 },
  { "validationDataConfig", structure { { "validators", list(s3) } } },
  { "outputDataConfig", s3 },
  { "customizationType", text },
  { "outputModelKmsKeyArn", text },
  { "trainingMetrics", structure { { "trainingLoss", scalar "float" } } },
  { "validationMetrics", list(structure { { "validationLoss", scalar "float" } }) },
  { "vpcConfig", structure { { "subnetIds", list(text) }, { "securityGroupIds", list(text) } } },
}

local function page(items)
  local parts = {}
  for i = 1, items do
    local day, second = i % 28 + 1, i % 60
    local id = ("%012x"):format(i * 48271 % 2147483647)
    local details = ""
    if i % 4 == 0 then
      details = (
        '"statusDetails":{"trainingDetails":{"status":"InProgress","creationTime":"2026-11-%02dT08:%02d:11Z"}},'
      ):format(day, second)
    end
    parts[i] = (
      '{"jobArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.titan-text-express-v1:0:8k/%s",'
      .. '"baseModelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1",'
      .. '"jobName":"tone-%05d","status":"%s",%s'
      .. '"lastModifiedTime":"2026-11-%02dT09:%02d:57.123Z","creationTime":"2026-11-%02dT08:%02d:11.042Z",'
      .. '"endTime":"2026-11-%02dT10:%02d:00Z",'
      .. '"customModelName":"support-tone-%05d","customizationType":"FINE_TUNING"}'
    ):format(id, i, i % 4 == 0 and "InProgress" or "Completed", details, day, second, day, second, day, second, i)
  end
  return '{"nextToken":"AAAAAAAAAAAAAAAAAAAAAA==","modelCustomizationJobSummaries":[' .. table.concat(parts, ",") .. "]}"
end

local job = [[
{"jobArn":"arn:aws:bedrock:us-east-1:111122223333:model-customization-job/amazon.titan-text-express-v1:0:8k/abcdefghijkl",
"jobName":"tone-2026-11","outputModelName":"support-tone",
"outputModelArn":"arn:aws:bedrock:us-east-1:111122223333:custom-model/amazon.titan-text-express-v1:0:8k/abcdefghijkl",
"clientRequestToken":"6f0b0b6e-9d8f-4c6f-8a5c-0d5f0f7a9b3e",
"roleArn":"arn:aws:iam::111122223333:role/BedrockTuning","status":"Completed",
"statusDetails":{"validationDetails":{"status":"Completed","creationTime":"2026-11-23T08:00:00Z","lastModifiedTime":"2026-11-23T08:05:00Z"},
"dataProcessingDetails":{"status":"Completed","creationTime":"2026-11-23T08:05:00Z","lastModifiedTime":"2026-11-23T08:15:00Z"},
"trainingDetails":{"status":"Completed","creationTime":"2026-11-23T08:15:00Z","lastModifiedTime":"2026-11-23T10:00:00Z"}},
"creationTime":"2026-11-23T08:00:00Z","lastModifiedTime":"2026-11-23T10:00:01.250Z","endTime":"2026-11-23T10:00:01Z",
"baseModelArn":"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-text-express-v1",
"hyperParameters":{"epochCount":"2","batchSize":"1","learningRate":"0.00001","learningRateWarmupSteps":"0"},
"trainingDataConfig":{"s3Uri":"s3://corpus/train.jsonl"},"validationDataConfig":{"validators":[{"s3Uri":"s3://corpus/check.jsonl"}]},
"outputDataConfig":{"s3Uri":"s3://corpus/out/"},"customizationType":"FINE_TUNING",
"trainingMetrics":{"trainingLoss":0.4375},"validationMetrics":[{"validationLoss":0.5125}]}]]

--- The median CPU seconds of one call, for each function, over interleaved rounds of `count` calls.
local function medians(count, functions)
  local seconds = {}
  for name in pairs(functions) do
    seconds[name] = {}
  end
  for round = 1, ROUNDS do
    for name, f in pairs(functions) do
      collectgarbage()
      collectgarbage()
      local start = os.clock()
      for _ = 1, count do
        f()
      end
      seconds[name][round] = (os.clock() - start) / count
    end
  end
  for name, times in pairs(seconds) do
    table.sort(times)
    seconds[name] = times[math.floor(#times / 2) + 1]
  end
  return seconds
end

local function compare(title, body, shape, count)
  local compiled = core.json_shape(shape)
  assert(core.json_decode(compiled, body))
  local cost = medians(count, {
    cjson = function() return cjson.decode(body) end,
    ours = function() return core.json_decode(compiled, body) end,
    plain = function() return core.json_decode_plain(body) end,
  })
  local ratio = cost.ours / cost.cjson
  print(
    ("%-32s %7d bytes  lua-cjson %8.1f us  bedrock.core %8.1f us  ratio %.2f  (without a shape %8.1f us)"):format(
      title, #body, cost.cjson * 1e6, cost.ours * 1e6, ratio, cost.plain * 1e6
    )
  )
  return ratio
end

print(("decoding JSON, %s"):format(rawget(_G, "jit") and rawget(_G, "jit").version or _VERSION))
local ratio = compare("page of 1,000 jobs", page(1000), page_shape, 1)
compare("GetModelCustomizationJob", job, job_shape, 1000)
if arg[1] == "--check" and ratio > RATIO then
  io.stderr:write(("the page takes %.2f times lua-cjson's time; at most %.2f is promised\n"):format(ratio, RATIO))
  os.exit(1)
end
