--- What the emulator's specs share: an emulator whose clock stands still, and calls to it that are signed by the library.

local core = require "bedrock.core"
local emulator = require "bedrock.emulator"
local sigv4 = require "bedrock.sigv4"

local caller = {}

--- 2026-11-23T08:00:00Z
caller.START = 1795420800

--- An emulator whose time passes only when a test says so.
function caller.new(options)
  local all = { clock = function() return caller.START end, seed = "spec" }
  for name, value in pairs(options or {}) do all[name] = value end
  return emulator.new(all)
end

--- Sign a request as a client of the region would.
function caller.sign(e, request, how)
  how = how or {}
  return assert(sigv4.sign(request, {
    credentials = how.credentials or e.example_credentials, region = how.region or "us-east-1",
    service = how.service or "bedrock", time = how.time or e:now(), presign = how.presign, expires = how.expires,
    sign_body_header = how.sign_body_header,
  }))
end

--- Send a request; `body` is a text or a table for JSON. Gives the decoded body (or its text) and the whole answer.
function caller.send(e, method, path, body, how)
  local headers = {}
  if type(body) == "table" then body = assert(core.json_encode_plain(body)) end
  if body then headers["Content-Type"] = "application/json" end
  local request = caller.sign(e, {
    method = method, url = "http://127.0.0.1:8080" .. path, headers = headers, body = body,
  }, how)
  local response = e:handle(request)
  if e.failure then error("the emulator failed: " .. e.failure) end
  return core.json_decode_plain(response.body) or response.body, response
end

--- The parameters of a job; fields of `changes` are added, `false` takes one away.
function caller.job(name, changes)
  local params = {
    jobName = name, customModelName = name .. "-model", roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
    baseModelIdentifier = "amazon.titan-text-express-v1", hyperParameters = { epochCount = "2", batchSize = "1" },
    trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" }, outputDataConfig = { s3Uri = "s3://corpus/out/" },
  }
  for key, value in pairs(changes or {}) do
    if value == false then params[key] = nil else params[key] = value end
  end
  return params
end

--- Create a job that has to succeed; gives its ARN.
function caller.create(e, name, changes, how)
  local answer, response = caller.send(e, "POST", "/model-customization-jobs", caller.job(name, changes), how)
  assert(response.status == 201, tostring(answer.message))
  return answer.jobArn
end

--- The code and message of an answer that has to be an exception.
function caller.refusal(answer, response)
  assert(response.status >= 400, "not refused")
  return response.headers["x-amzn-errortype"], answer.message, response.status
end

--- Send, and give code, message and status of the exception.
function caller.refused(...)
  return caller.refusal(caller.send(...))
end

return caller
