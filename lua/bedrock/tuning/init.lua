--- bedrock.tuning: a fine-tuning run from the training file to the finished model, with the answers that the service gives late
-- or not at all.
--
--     local tuning = require "bedrock.tuning"
--     print(tuning.check_dataset("train.jsonl", { model = "amazon.nova-lite-v1:0:300k" }))
--
-- It uses a client like any user does. Each function is in a file of its own, loaded when it is first called.

local tuning = {}

--- Draw a loss chart for a terminal: axes, a line for each series, and a legend with the last and the lowest losses. Raises at
--- the caller's line for what are no metrics, and for an option that does not exist or has a wrong type.
---@param metrics bedrock.tuning.Metrics|bedrock.tuning.Metrics[]  of tuning.metrics; several jobs as a list
---@param options? bedrock.tuning.ChartOptions
---@return string chart  lines, without a line feed at the end
function tuning.chart(metrics, options)
  local chart = require "bedrock.tuning.chart"
  local problem = chart.check(metrics, options)
  if problem then error(problem, 2) end
  return chart.draw(metrics, options)
end

--- Check a file of training or validation data before it is sent: format, encoding, shape, roles, limits of the base model. It is
--- read once, from start to end, in constant memory. `print(report)` shows all that was found. Reading a path keeps the whole
--- process waiting for the disk, as any file does; only an iterator may yield.
---@param source string|file*|fun(): string|nil, any  a path, an open file (or what has its `read`), or an iterator over pieces of
--- the text, which may yield
---@param options? bedrock.tuning.DatasetOptions
---@return bedrock.tuning.DatasetReport|nil report
---@return bedrock.Error? err  `FileError`: it can't be read
function tuning.check_dataset(source, options)
  local report, err = require("bedrock.tuning.dataset").check(source, options) -- no tail call: misuse is told at the caller's line
  return report, err
end

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
--- does not exist or has a wrong type. A call gives its metadata second, so an answer that goes straight into this function or
--- `metrics` needs parentheses of its own: `tuning.explain((client:get_model_customization_job { … }))`.
---@param subject string|bedrock.Error|table
---@param options? bedrock.tuning.ExplainOptions
---@return bedrock.tuning.Explanation|nil explanation  nil where nothing is known, or nothing is wrong
function tuning.explain(subject, options)
  local explain = require "bedrock.tuning.explain"
  local problem = explain.check_arguments(subject, options)
  if problem then error(problem, 2) end
  return explain.run(subject, options)
end

--- Gather the losses of a job: the final ones from the service's answer, and where given those of each step from the job's CSV
--- files, in constant memory however long they are. Raises at the caller's line for arguments of a wrong type.
---@param source table|nil  what GetModelCustomizationJob or GetCustomModel gave
---@param options? bedrock.tuning.MetricsOptions
---@return bedrock.tuning.Metrics|nil metrics
---@return bedrock.Error? err  code "FileError": names the file and the line
function tuning.metrics(source, options)
  local metrics = require "bedrock.tuning.metrics"
  local problem = metrics.check(source, options)
  if problem then error(problem, 2) end
  return metrics.read(source, options)
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

--- Make a function that shows how jobs get on: for `on_progress` of tuning.run and tuning.watch, and for `on_poll` of client:wait.
--- In a terminal it redraws a line for each job, elsewhere it writes a line when something has changed. Raises at the caller's
--- line for an option that does not exist or has a wrong type.
---@param options? bedrock.tuning.ProgressOptions
---@return fun(event: table, poll: integer|nil) on_progress
function tuning.progress(options)
  local progress = require "bedrock.tuning.progress"
  local problem = progress.check_options(options)
  if problem then error(problem, 2) end
  return progress.new(options)
end

--- Make a page that compares jobs: losses, curves, times, settings. It is one HTML file that needs no script and nothing from
--- elsewhere, light or dark as its reader likes it. Raises at the caller's line for an option that does not exist or has a wrong
--- type.
---@param options bedrock.tuning.ReportOptions
---@return string|true|nil html  true where it was written to `options.path`, all at once
---@return bedrock.Error? err  code "FileError"
function tuning.report(options)
  local report = require "bedrock.tuning.report"
  local problem = report.check(options)
  if problem then error(problem, 2) end
  if options.path then return report.write(options) end
  return report.build(options)
end

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
---  the job as it was seen last, or its model where that is what failed
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
