--- bedrock.tuning: a fine-tuning run from the training file to the finished model, with the answers that the service gives late
-- or not at all.
--
--     local tuning = require "bedrock.tuning"
--     print(tuning.check_dataset("train.jsonl", { model = "amazon.nova-lite-v1:0:300k" }))
--
-- It uses a client like any user does. Each function is in a file of its own, loaded when it is first called.

local tuning = {}

--- Check the whole of a CreateModelCustomizationJob before it is sent: parameters, names, ARNs, S3 URIs, hyperparameters against
--- the base model, one parameter against the other. Nothing is sent. What is wrong in the parameters is in the report, which
--- prints well; an option that does not exist or has a wrong type raises at the caller's line.
---@param params table  of create_model_customization_job
---@param options? bedrock.tuning.JobOptions
---@return bedrock.tuning.JobReport report
function tuning.check_job(params, options)
  local check_job = require "bedrock.tuning.check_job"
  local problem = check_job.check_options(options)
  if problem then error(problem, 2) end
  return check_job.run(params, options)
end

--- From a failure to its likely cause, what to check, and how to mend it; for roles, buckets and keys with the policies that this
--- job needs. It explains a message (the failureMessage of a job), an error of a call or of client:wait, and a job that failed,
--- was stopped, or stands still. The result prints well. Raises at the caller's line for something else, and for an option that
--- does not exist or has a wrong type.
---@param subject string|bedrock.Error|table
---@param options? bedrock.tuning.ExplainOptions
---@return bedrock.tuning.Explanation|nil explanation  nil where nothing is known, or nothing is wrong
function tuning.explain(subject, options)
  local explain = require "bedrock.tuning.explain"
  local problem = explain.check_arguments(subject, options)
  if problem then error(problem, 2) end
  return explain.run(subject, options)
end

--- The IAM policies that a job needs, as indented JSON for its buckets, key, model and VPC. Words in capitals, such as ACCOUNT_ID,
--- stand for what neither the job nor the options tell. Raises at the caller's line for a job that is no table, and for an option
--- that does not exist or has a wrong type.
---@param job table  parameters of create_model_customization_job, or a job of get_model_customization_job
---@param options? bedrock.tuning.PolicyOptions
---@return bedrock.tuning.Policies policies
function tuning.policies(job, options)
  local policies = require "bedrock.tuning.policies"
  local problem = policies.check_options(options)
  if type(job) ~= "table" then problem = "policies takes the parameters of a job, or a job, as a table; got " .. type(job) end
  if problem then error(problem, 2) end
  return policies.build(job, options)
end

return tuning
