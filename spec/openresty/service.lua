-- The service of examples/openresty, asked over HTTP while it runs: its API, its stream of events, its faults.
--
--   timeout 60 lua5.4 spec/openresty/service.lua URL EMULATOR_URL PID     PID: nginx's, which is told to reload in the end
--
-- Prints a line "ok - ..." or "not ok - ..." for each thing that it looked at. It starts with tone-1 and tone-2 there.

local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"
local socket = require "socket"

local url, emulator, pid = arg[1], arg[2], arg[3]
http.TIMEOUT = 10

local function check(ok, name, detail)
  print((ok and "ok - " or "not ok - ") .. name)
  if not ok and detail ~= nil then print("# " .. (type(detail) == "string" and detail or cjson.encode(detail)):gsub("\n", "\n# ")) end
end

local function ask(method, path, body, kind)
  local parts = {}
  if type(body) == "table" then body = cjson.encode(body) end
  local _, status, headers = http.request {
    url = (path:find "^http" and "" or url) .. path, method = method, sink = ltn12.sink.table(parts),
    source = body and ltn12.source.string(body),
    headers = body and { ["content-type"] = kind or "application/json", ["content-length"] = #body } or {},
  }
  local text = table.concat(parts)
  local ok, value = pcall(cjson.decode, text)
  return status, ok and value or text, headers
end

local function order(path, value, method)
  local status, answer = ask(method or "POST", emulator .. "/_emulator/" .. path, value)
  assert(status == 200, path .. ": " .. tostring(status))
  return answer
end

local function requests(operation)
  local n = 0
  for _, request in ipairs(order("requests", nil, "GET").requests) do
    if request.operation == operation then n = n + 1 end
  end
  return n
end

-- A stream, and a function that gives the data of its next event of a name (nil: none within so many seconds).
local function listen()
  local client = assert(socket.connect("127.0.0.1", tonumber(url:match "%d+$")))
  client:send "GET /events HTTP/1.1\r\nHost: service\r\n\r\n"
  local function next_event(name, seconds)
    local deadline, current = socket.gettime() + seconds, nil
    while true do
      client:settimeout(math.max(0, deadline - socket.gettime()))
      local line, err = client:receive "*l"
      if not line then return nil, err end
      current = line:match "^event: (%a+)" or current
      local data = line:match "^data: (.*)"
      if data and current == name then return cjson.decode(data) end
    end
  end
  return client, next_event
end

-- ---- the API ----

local status, answer, headers = ask("POST", "/jobs", { name = "api-1", epochs = 1 })
check(status == 201 and answer.name == "api-1" and answer.arn:find "^arn:aws:bedrock:us%-east%-1:", "POST /jobs starts a job", { status, answer })
check(headers.location == "/jobs/api-1" and headers["content-type"] == "application/json", "and says where it is", headers)
status, answer = ask("GET", "/jobs/api-1")
check(status == 200 and answer.status == "InProgress" and #answer.stages == 3 and answer.created and not answer.trainingLoss,
  "GET /jobs/NAME tells where it stands, and of no loss yet", { status, answer })
check((ask("GET", "/jobs/" .. answer.arn:gsub("/", "%%2F"))) == 200, "an ARN will do for a name")
status, answer = ask("GET", "/jobs")
check(status == 200 and #answer.jobs == 3 and answer.jobs[1].name == "api-1" and answer.jobs[3].name == "tone-1",
  "GET /jobs lists jobs, the newest first", { status, answer })

-- method, path, body, status, code, type
local WRONG = {
  { "GET", "/jobs/no-such-job", nil, 404, "ResourceNotFoundException" },
  { "POST", "/jobs", { name = "api-1" }, 409, "ConflictException" },
  { "POST", "/jobs", { name = "not a name" }, 400, "ValidationException" },
  { "POST", "/jobs", {}, 400, "ParamValidationError" },
  { "POST", "/jobs", { name = "x", epochs = 1000 }, 400, "ValidationException" },
  { "POST", "/jobs", { name = "x", epoch = 1 }, 400, "UnknownMember" },
  { "POST", "/jobs", { name = "x", data = { 1 } }, 400, "ParamValidationError" },
  { "POST", "/jobs", "[1]", 400, "UnknownMember" },
  { "POST", "/jobs", "{", 400, "NotJson" },
  { "POST", "/jobs", "", 400, "NotJson" },
  { "POST", "/jobs", "name=x", 415, "UnsupportedMediaType", "application/x-www-form-urlencoded" },
  { "POST", "/jobs", '{"name":"' .. ("x"):rep(20000) .. '"}', 413, "TooLarge" },
  { "PUT", "/jobs", nil, 405, "MethodNotAllowed" },
  { "DELETE", "/jobs/api-1", nil, 405, "MethodNotAllowed" },
  { "GET", "/nothing", nil, 404, "NotFound" },
  { "GET", "/jobs?after=nonsense", nil, 400, "ValidationException" },
}
for _, row in ipairs(WRONG) do
  status, answer, headers = ask(row[1], row[2], row[3], row[6])
  check(status == row[4] and type(answer) == "table" and answer.error.code == row[5] and #answer.error.message > 0
    and headers["content-type"] == "application/json", ("%s %s: %d %s"):format(row[1], row[2], row[4], row[5]), { status, answer, headers })
end

-- fault, status
local FAULTS = {
  { { kind = "throttle", times = 3 }, 503 }, { { kind = "error", status = 500, times = 3 }, 502 }, { { kind = "drop", times = "always" }, 502 },
  { { kind = "error", status = 403, code = "AccessDeniedException", message = "User arn:secret may not" }, 502 },
  { { kind = "cut", times = 1 }, 200 }, { { kind = "throttle", times = 2 }, 200 },
}
for _, row in ipairs(FAULTS) do
  order("faults", row[1])
  status, answer = ask("GET", "/jobs/api-1")
  order("faults", nil, "DELETE")
  check(status == row[2] and (status == 200 or not cjson.encode(answer):find "secret"), ("%s times %s from Bedrock: %d"):format(row[1].times or 1,
    row[1].code or row[1].kind, row[2]), { status, answer })
  -- The retry quota of the client is shared by all; good calls fill it up again.
  for _ = 1, 15 do ask("GET", "/jobs/api-1") end
end

-- ---- the stream ----

local first, next_event = listen()
local news = next_event("jobs", 5)
check(news and #news.jobs == 3 and math.abs(news.now - os.time()) < 10, "the stream tells of all jobs", news)
local others = {}
for i = 1, 20 do others[i] = { listen() } end
for _, other in ipairs(others) do
  if not other[2]("jobs", 5) then check(false, "each of twenty more streams gets news") end
end
local before = requests "ListModelCustomizationJobs"
socket.sleep(2)
local polls = requests "ListModelCustomizationJobs" - before
check(polls >= 2 and polls <= 6, "one look at Bedrock serves all of them", polls)

order("faults", { kind = "error", status = 500, times = "always", operation = "ListModelCustomizationJobs" })
news = next_event("trouble", 20)
check(news and news.code == "InternalServerException", "the stream tells when Bedrock can't be asked", news)
order("faults", nil, "DELETE")
news = next_event("jobs", 20)
check(news and #news.jobs == 3, "and goes on by itself afterwards", news)

order("advance", { seconds = 7200 })
local completed
repeat
  news = next_event("jobs", 5)
  completed = news and news.jobs[1].status == "Completed"
until completed or not news
check(completed and type(news.jobs[1].trainingLoss) == "number", "a job that has completed comes with its loss", news)
check(completed and news.jobs[1].lossesByStep:find "^s3://corpus/out/model%-customization%-job%-%w+/training_artifacts/",
  "and with the place of its losses by step", news and news.jobs[1].lossesByStep)
socket.sleep(1)
before = requests "GetModelCustomizationJob"
socket.sleep(1.2)
check(requests "GetModelCustomizationJob" == before, "which is asked for once")

for _, other in ipairs(others) do other[1]:close() end
first:close()
socket.sleep(1)
before = requests "ListModelCustomizationJobs"
socket.sleep(1.5)
check(requests "ListModelCustomizationJobs" == before, "nobody looks: Bedrock is not asked")

-- ---- a reload ----

local function worker()
  local pipe = io.popen("pgrep -P " .. pid)
  local text = pipe:read "*a"
  pipe:close()
  return text
end

first, next_event = listen()
next_event("jobs", 5)
local old = worker()
os.execute("kill -HUP " .. pid)
local _, err = next_event("never", 5)
check(err == "closed", "a stream ends when its worker is to end", err)
local deadline = socket.gettime() + 5
while socket.gettime() < deadline and worker():find(old:match "%d+", 1) do socket.sleep(0.05) end
check(not worker():find(old:match "%d+"), "which then ends, too", worker())
first:close()
first, next_event = listen()
news = next_event("jobs", 5)
check(news and #news.jobs == 0, "the new one serves, with an emulator that is new as well", news)
status, answer = ask("GET", "/jobs")
check(status == 200 and #answer.jobs == 0, "an empty list is a list", answer)
first:close()
