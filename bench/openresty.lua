--- One nginx worker that makes a signed get_model_customization_job for each request, beside the same worker that makes the
-- same upstream call by nginx's own means: ngx.location.capture to a proxy_pass with keep-alive, decoded by lua-cjson,
-- unsigned. Requests per second of the two, in turns, and the worker's memory over 200,000 calls. `bench/run` calls it:
--
--   lua5.4 bench/openresty.lua [CALLS [ROUNDS]]
--
-- With 0 rounds the memory alone is looked at, as in `make test`. The exit status is 77 where nothing can be measured.
--
-- The worker has a core of its own; the upstream (another nginx, a file) and wrk, which asks, share the other.

package.path = "./?.lua;" .. package.path
local child = require "spec.support.child"
local nginx = require "spec.support.nginx"

local ROUNDS = tonumber(arg[2]) or 5 -- of each kind, in turns; the median counts
local SECONDS = 2 -- of a round
local TARGET = 0.6
local CALLS = tonumber(arg[1]) or 200000
local WARM_UP = 20000
local MOST_GROWTH = 1024 -- KB from the end of the warm-up on

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

if output("command -v wrk >/dev/null && command -v taskset") == "" then
  print("wrk or taskset is missing: nothing measured")
  os.exit(77)
end
local modules = output("nginx -V 2>&1"):match("%-%-modules%-path=(%S+)")
if not modules or not io.open(modules .. "/ngx_http_lua_module.so") then
  print("nginx has no Lua module here: nothing measured")
  os.exit(77)
end

local upstream = nginx.start {
  files = { job = require "bench.answer" },
  conf = [[
    server {
      listen 127.0.0.1:@PORT1@;
      location / {
        default_type application/json;
        add_header x-amzn-RequestId 5a1c1d3e-6a1b-4b6e-9a52-6f4e3a0c9d11;
        root @DIR@;
        rewrite ^ /job break;
      }
    }
  ]],
}

local root = output("pwd"):gsub("%s+$", "")
local worker = nginx.start {
  main = ("load_module %s/ndk_http_module.so;\nload_module %s/ngx_http_lua_module.so;"):format(modules, modules),
  conf = ([[
    lua_package_path "ROOT/build/luajit/?.lua;ROOT/build/luajit/?/init.lua;;";
    lua_package_cpath "ROOT/build/luajit/?.so;;";
    upstream job { server 127.0.0.1:UPSTREAM; keepalive 100; }
    init_by_lua_block {
      client = assert(require("bedrock").new {
        region = "us-east-1", endpoint_url = "http://127.0.0.1:UPSTREAM", environment = {},
        credentials = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
      })
      json = require "cjson"
    }
    server {
      listen 127.0.0.1:@PORT1@;
      location = /client {
        content_by_lua_block {
          local job, err = client:get_model_customization_job { jobIdentifier = "abcdefghijkl" }
          if not job then
            ngx.log(ngx.ERR, tostring(err))
            return ngx.exit(500)
          end
          ngx.print(job.status)
        }
      }
      location = /capture {
        content_by_lua_block {
          local answer = ngx.location.capture("/upstream/model-customization-jobs/abcdefghijkl")
          if answer.status ~= 200 then return ngx.exit(500) end
          ngx.print(json.decode(answer.body).status)
        }
      }
      location /upstream/ {
        internal;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_pass http://job/;
      }
    }
  ]]):gsub("ROOT", root):gsub("UPSTREAM", tostring(upstream.ports[1])),
}

local function workers_of(server) return output("pgrep -P $(cat " .. server.dir .. "/nginx.pid)"):match("%d+") end
os.execute(("taskset -pc 0 %s >/dev/null; taskset -pc 1 %s >/dev/null"):format(workers_of(worker), workers_of(upstream)))

-- Requests per second, and how many failed.
local function ask(path, seconds)
  local text = output(("taskset -c 1 wrk -t1 -c32 -d%ds %s%s"):format(seconds, worker.url, path))
  local failed = tonumber(text:match("Non%-2xx or 3xx responses: (%d+)")) or 0
  return tonumber(text:match("Requests/sec:%s*([%d.]+)")), failed, tonumber(text:match("(%d+) requests in"))
end

local function memory()
  return tonumber(child.read("/proc/" .. workers_of(worker) .. "/status"):match("VmRSS:%s*(%d+)"))
end

print(("one nginx worker, an answer of %d bytes from another nginx on loopback"):format(#require "bench.answer"))
local rates, ratios, failures = { client = {}, capture = {} }, {}, 0
for i = 1, ROUNDS do
  for _, path in ipairs { "client", "capture" } do
    local failed
    rates[path][i], failed = ask("/" .. path, SECONDS)
    failures = failures + failed
  end
  ratios[i] = rates.client[i] / rates.capture[i]
end
if ROUNDS > 0 then
  print(("  location.capture, proxy_pass, cjson   %6.0f requests/s"):format(median(rates.capture)))
  print(("  client:get_model_customization_job    %6.0f requests/s   x %.2f   (target: at least %.1f)%s"):format(
    median(rates.client), median(ratios), TARGET, median(ratios) < TARGET and " MISSED" or ""))
end

local done, at_warm = 0, nil
while done < CALLS do
  local _, failed, made = ask("/client", SECONDS)
  failures, done = failures + failed, done + made
  if not at_warm and done >= WARM_UP then at_warm = memory() end
end
local growth = memory() - at_warm
print(("  memory over %d calls after the first %d: %+d KB, to %d KB   (target: at most %d KB)%s"):format(done, WARM_UP, growth,
  at_warm + growth, MOST_GROWTH, growth > MOST_GROWTH and " MISSED" or ""))
local maps = child.read("/proc/" .. workers_of(worker) .. "/maps")
print(("  libcurl in the worker: %s; failed requests: %d"):format(maps:find("libcurl", 1, true) and "YES" or "no", failures))
worker.stop()
upstream.stop()
os.exit(failures == 0 and growth <= MOST_GROWTH and 0 or 1)
