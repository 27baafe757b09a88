--- bedrock.tuning: a fine-tuning run from the training file to the finished model, with the answers that the service gives late
-- or not at all.
--
--     local tuning = require "bedrock.tuning"
--     print(tuning.check_dataset("train.jsonl", { model = "amazon.nova-lite-v1:0:300k" }))
--
-- It uses a client like any user does. Each function is in a file of its own, loaded when it is first called.

local tuning = {}

--- Run a customization job to its end: check the parameters, create the job, watch it, and hand it back with its custom model.
--- Called again, after whatever accident, with the same name and parameters (or the same `state`), it goes on with the same job:
--- it never creates a second one.
---
---     local job, err = tuning.run(client, params, { state = "tone.state", on_progress = function(event)
---       print(event.type, event.stage, event.elapsed)
---     end })
---     print(job.custom_model.modelArn)
---
--- Raises at the caller's line for options that do not exist or have a wrong type.
---@param client bedrock.Client
---@param params table  of CreateModelCustomizationJob
---@param options? bedrock.tuning.RunOptions
---@return table|nil job  as GetModelCustomizationJob gives it, with GetCustomModel's answer in `custom_model`
---@return bedrock.Error? err  `ParamValidationError` (`report`), `JobMismatchError` (a job of this name has other parameters:
---  `differences`), `StateError`, `WaiterError` after a bad end, `StalledError`, `TimeoutError`, or the error of a call; `last` is
---  the job as it was seen last
function tuning.run(client, params, options)
  local run = require "bedrock.tuning.run"
  local problem = run.problem(client, params, options)
  if problem then error(problem, 2) end
  return run.run(client, params, options or {})
end

--- Watch several jobs until each is at its end. One that stands still or fails does not disturb the others.
---
---     local results, errors = tuning.watch(client, { "tone-1", "tone-2", { other_client, "tone-3" } }, { on_stall = "stop" })
---
--- Raises at the caller's line for jobs that are none, and for options that do not exist or have a wrong type.
---@param client bedrock.Client|nil  nil where each job brings its own
---@param jobs (string|{[1]: bedrock.Client, [2]: string})[]  names or ARNs, with a client where it is another one
---@param options? bedrock.tuning.WatchOptions
---@return table results  finished jobs by their places in the list; n is how many there were
---@return table errors  likewise: `WaiterError`, `StalledError`, `TimeoutError`, or the error of a call
function tuning.watch(client, jobs, options)
  local watch = require "bedrock.tuning.watch"
  local rows, problem = watch.rows(client, jobs)
  problem = problem or watch.check_options(options, "tuning.watch")
  if problem then error(problem, 2) end
  return watch.run(rows, options or {})
end

return tuning
