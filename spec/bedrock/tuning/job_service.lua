--- What the specs of jobs share: an emulator whose clock moves only when somebody sleeps, clients on it, and a diary of events.

local bedrock = require "bedrock"
local caller = require "spec.bedrock.emulator.caller"

local job_service = {}

--- An emulator and a client on it. A job takes 1200 s: validation 72 s, data processing 168 s, training 960 s.
function job_service.new(options, client_options)
  local all = { job_duration = 1200 }
  for name, value in pairs(options or {}) do all[name] = value end
  local e = caller.new(all)
  return e, job_service.client(e, client_options)
end

--- A client on an emulator.
function job_service.client(e, options)
  local all = { region = "us-east-1", credentials = e.example_credentials, runtime = e:runtime(), environment = {},
    read_file = function() return nil end }
  for name, value in pairs(options or {}) do all[name] = value end
  return assert(bedrock.new(all))
end

--- Parameters of a job; `false` in changes takes one away.
function job_service.params(name, changes)
  local all = { hyperParameters = { epochCount = 2, batchSize = "1", learningRate = 1e-5 } }
  for key, value in pairs(changes or {}) do all[key] = value end
  return caller.job(name, all)
end

--- How many requests of an operation there were, and how many of them were answered well.
function job_service.count(e, operation)
  local all, good = 0, 0
  for _, record in ipairs(e:requests()) do
    if record.operation == operation then
      all = all + 1
      if record.status < 300 and not record.fault then good = good + 1 end
    end
  end
  return all, good
end

--- The names of all jobs, oldest first.
function job_service.names(client)
  local names = {}
  for job in client:items("list_model_customization_jobs", { sortBy = "CreationTime", sortOrder = "Ascending" }) do
    names[#names + 1] = job.jobName
  end
  return names
end

--- A function for on_progress that keeps each event, and its types as one text without polls.
function job_service.diary()
  local diary = { events = {} }
  function diary.hear(event)
    diary.events[#diary.events + 1] = event
  end
  function diary.of(kind, index)
    local list = {}
    for _, event in ipairs(diary.events) do
      if event.type == kind and (not index or event.index == index) then list[#list + 1] = event end
    end
    return list
  end
  function diary.text()
    local list = {}
    for _, event in ipairs(diary.events) do
      if event.type ~= "poll" then list[#list + 1] = event.type .. (event.type == "stage" and " " .. event.stage or "") end
    end
    return table.concat(list, ", ")
  end
  return diary
end

return job_service
