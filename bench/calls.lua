--- What the bench runs as a process of its own: LUA bench/calls.lua HOW ENDPOINT N
--
-- HOW is `client` (get_model_customization_job through bedrock.new) or `runtime` (the same GET through the runtime
-- alone: no signing, no JSON, no headers). Prints the CPU microseconds per call; with N > 1 one more call goes ahead and
-- is not counted.

local how, endpoint, n = arg[1], arg[2], tonumber(arg[3])

local call
if how == "client" then
  local client = assert(require("bedrock").new {
    region = "us-east-1",
    credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    endpoint_url = endpoint,
    environment = { AWS_CONFIG_FILE = "/dev/null", AWS_SHARED_CREDENTIALS_FILE = "/dev/null", HOME = "/" },
  })
  local params = { jobIdentifier = "abcdefghijkl" }
  function call()
    local job = assert(client:get_model_customization_job(params))
    assert(job.status == "InProgress")
  end
else
  local runtime = require("bedrock.runtime.curl").new { proxy = false }
  local request = { method = "GET", url = endpoint .. "/model-customization-jobs/abcdefghijkl", headers = {} }
  function call()
    assert(assert(runtime:send(request)).status == 200)
  end
end

if n > 1 then call() end
local started = os.clock()
for _ = 1, n do
  call()
end
print(string.format("%.2f", (os.clock() - started) * 1e6 / n))
