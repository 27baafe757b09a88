-- progress.lua: what the jobs are doing, as a stream of server-sent events for any number of browsers.
--
-- Browsers never make this service ask Bedrock: a timer of the worker does, one call every TUNING_POLL seconds (60 if not
-- set) while somebody looks, and one more for each job that has ended since. What it finds goes to all streams.
--
--   event: jobs      {"now":…,"jobs":[…]}, jobs as in GET /jobs/NAME, the newest first
--   event: trouble   {"code":…}: Bedrock could not be asked; the next try comes by itself

local cjson = require "cjson.safe"
local semaphore = require "ngx.semaphore"
local jobs = require "jobs"

local INTERVAL = tonumber(os.getenv "TUNING_POLL") or 60
local NEWEST = 30 -- jobs that are shown
local MOST_VIEWERS = 200 -- of a worker, whose connections are for other things as well
local HEARTBEAT = 15 -- seconds after which a silent stream says that it lives: proxies cut what seems dead

local progress = {}

-- All of this is one worker's.
local viewers, viewer_count = {}, 0 -- a bell for each stream
local news -- the last event, as it is sent
local news_at = 0
local finished = {} -- ARN -> the whole answer about a job that has ended: it does not change any more
local asking = false

local function ring()
  for bell in pairs(viewers) do
    if bell:count() < 1 then bell:post() end
  end
end

local function event(name, value)
  return "event: " .. name .. "\ndata: " .. cjson.encode(value) .. "\n\n"
end

local function look()
  local answer, err = jobs.client:list_model_customization_jobs {
    maxResults = NEWEST, sortBy = "CreationTime", sortOrder = "Descending",
  }
  if not answer then return nil, err end
  local views, kept = {}, {}
  for i, summary in ipairs(answer.modelCustomizationJobSummaries) do
    local job = finished[summary.jobArn]
    if not job and summary.endTime then
      job = jobs.client:get_model_customization_job { jobIdentifier = summary.jobArn }
    end
    kept[summary.jobArn] = job
    views[i] = cjson.encode(jobs.view(job or summary))
  end
  finished = kept
  return '{"now":' .. ngx.now() .. ',"jobs":[' .. table.concat(views, ",") .. "]}"
end

local function poll(premature)
  if premature then -- the worker ends, and its streams have to
    ring()
    return ngx.sleep(0.001) -- an event, at which nginx wakes them up
  end
  if asking or not next(viewers) then return end
  asking = true
  local ok, found, err = pcall(look) -- LuaJIT lets a call wait inside of pcall
  asking = false
  if ok and found then
    news = "event: jobs\ndata: " .. found .. "\n\n"
  else
    ngx.log(ngx.ERR, "no news of the jobs: ", tostring(ok and err or found))
    news = event("trouble", { code = ok and err.code or "InternalError" })
  end
  news_at = ngx.now()
  ring()
end

--- Look now, and not when the time has come.
function progress.hurry()
  ngx.timer.at(0, poll)
end

--- From init_worker_by_lua.
function progress.start()
  assert(ngx.timer.every(INTERVAL, poll))
  jobs.on_start = progress.hurry
end

--- /events
function progress.stream()
  if viewer_count >= MOST_VIEWERS then
    ngx.header["Retry-After"] = 60
    return ngx.exit(503)
  end
  local bell, gone, sent = semaphore.new(), false, nil
  assert(ngx.on_abort(function() -- needs lua_check_client_abort on
    gone = true
    bell:post()
  end))
  ngx.header["Content-Type"] = "text/event-stream"
  ngx.header["Cache-Control"] = "no-store"
  ngx.header["X-Accel-Buffering"] = "no" -- for an nginx in front of this one
  if not next(viewers) and ngx.now() - news_at > INTERVAL then
    news = nil -- nobody looked for a while
    progress.hurry()
  end
  viewers[bell], viewer_count = true, viewer_count + 1
  repeat
    local text = news and news ~= sent and news or ": still here\n\n"
    sent = news
    if not ngx.print(text) or not ngx.flush(true) then break end
    bell:wait(HEARTBEAT)
  until gone or ngx.worker.exiting()
  viewers[bell], viewer_count = nil, viewer_count - 1
end

return progress
