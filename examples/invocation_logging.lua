-- invocation_logging.lua: shows, sets or removes the logging of model invocations in a region.
--
--   lua5.4 examples/invocation_logging.lua                    show it
--   lua5.4 examples/invocation_logging.lua BUCKET [PREFIX]    log texts to s3://BUCKET/PREFIX
--   lua5.4 examples/invocation_logging.lua off                stop logging

local bedrock = require "bedrock"

local client = assert(bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" })
local bucket, prefix = arg[1], arg[2]

if bucket == "off" then
  assert(client:delete_model_invocation_logging_configuration())
elseif bucket then
  assert(client:put_model_invocation_logging_configuration {
    loggingConfig = { s3Config = { bucketName = bucket, keyPrefix = prefix }, textDataDeliveryEnabled = true },
  })
end

local config = assert(client:get_model_invocation_logging_configuration()).loggingConfig
if not config then
  print "invocations are not logged"
elseif config.s3Config then
  print(("invocations are logged to s3://%s/%s"):format(config.s3Config.bucketName, config.s3Config.keyPrefix or ""))
else
  print("invocations are logged to the log group " .. config.cloudWatchConfig.logGroupName)
end
client:close()
