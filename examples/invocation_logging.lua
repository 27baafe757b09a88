-- invocation_logging.lua: shows, sets or removes the logging of model invocations in a region, and verifies what it set.
--
--   lua5.4 examples/invocation_logging.lua                    show it
--   lua5.4 examples/invocation_logging.lua BUCKET [PREFIX]    log texts to s3://BUCKET/PREFIX
--   lua5.4 examples/invocation_logging.lua off                stop logging
--
-- A region has one such configuration, so turning it on replaces what was there; that is printed before.

local bedrock = require "bedrock"

local client = assert(bedrock.new { region = os.getenv "AWS_REGION" or "us-east-1" })
local bucket, prefix = arg[1], arg[2]

local function current() return assert(client:get_model_invocation_logging_configuration()).loggingConfig end

local function told(config)
  if not config then return "invocations are not logged" end
  local to = {}
  local s3, cloudwatch = config.s3Config, config.cloudWatchConfig
  if s3 then to[#to + 1] = ("s3://%s/%s"):format(s3.bucketName, s3.keyPrefix or "") end
  if cloudwatch then to[#to + 1] = "the log group " .. cloudwatch.logGroupName end
  return "invocations are logged to " .. table.concat(to, " and ")
end

if bucket then
  print("before: " .. told(current()))
  if bucket == "off" then
    assert(client:delete_model_invocation_logging_configuration())
  else
    assert(client:put_model_invocation_logging_configuration {
      loggingConfig = { s3Config = { bucketName = bucket, keyPrefix = prefix }, textDataDeliveryEnabled = true },
    })
  end
end

local config = current()
print(told(config))

-- The service took it; does it say so when asked?
if bucket == "off" and config then error("the configuration is still there", 0) end
if bucket and bucket ~= "off" then
  local s3 = config and config.s3Config
  if not s3 or s3.bucketName ~= bucket or (s3.keyPrefix or "") ~= (prefix or "") or not config.textDataDeliveryEnabled then
    error("the region has another configuration than the one that was set", 0)
  end
  print "verified"
end
client:close()
