-- test_with_emulator.lua: how to test a script of your own without AWS, without a network and without waiting: the
-- emulator runs in the same process, and its clock runs as fast as somebody sleeps.
--
--   lua5.4 examples/test_with_emulator.lua

local bedrock = require "bedrock"

-- What is tested: starts a job again when it failed for a reason of the service's own.
local function tune(client, params)
  local name = params.jobName
  for try = 1, 3 do
    params.jobName, params.customModelName = ("%s-%d"):format(name, try), ("%s-%d"):format(name, try)
    local job = assert(client:create_model_customization_job(params))
    local done, err = client:wait("model_customization_job", { jobIdentifier = job.jobArn })
    if done then return done end
    if err.code ~= "WaiterError" or not err.failure_message:find "internal error" then return nil, err end
  end
end

local emulator = require("bedrock.emulator").new { job_duration = 2 * 3600 }
local client = assert(bedrock.new {
  region = "us-east-1", runtime = emulator:runtime(), credentials = emulator.example_credentials,
})

-- The first job fails, and the first request of all is throttled.
emulator:fail_job("tone-1", "An internal error occurred")
emulator:fault { kind = "throttle", times = 1 }

local started = emulator:now()
local job = assert(tune(client, {
  jobName = "tone", roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
  baseModelIdentifier = "amazon.nova-micro-v1:0:128k",
  trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" }, outputDataConfig = { s3Uri = "s3://corpus/out/" },
}))

assert(job.jobName == "tone-2" and job.status == "Completed")
print(("%s is %s; %.1f hours have passed for the emulator"):format(job.jobName, job.status,
  (emulator:now() - started) / 3600))
