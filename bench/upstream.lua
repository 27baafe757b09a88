--- The service that the bench calls: an nginx with files, on a core of its own.
local child = require "spec.support.child"
local data = require "bench.data"
local nginx = require "spec.support.nginx"

local CONF = [[
  map $arg_nextToken $jobs {
    "" page;
    default $arg_nextToken;
  }
  server {
    listen 127.0.0.1:@PORT1@;
    default_type application/json;
    add_header x-amzn-RequestId 5a1c1d3e-6a1b-4b6e-9a52-6f4e3a0c9d11;
    root @DIR@;
    keepalive_timeout 1h;
    location = /model-customization-jobs {
      if ($request_method = POST) { return 201 '%s'; }
      rewrite ^ /$jobs break;
    }
    location / { rewrite ^ /job break; }
%s
  }
]]

-- A plain nginx can't wait.
local SLOW = "location = /model-customization-jobs/slow { access_by_lua_block { ngx.sleep(0.05) } try_files /job =500; }"

local upstream = {}

--- Run it on core `core`, if that is given: left to the scheduler, client and server share a core in some rounds and not in
--- others, which changes the bare program's time by a factor of three.
---@param core? integer
---@return table server  of spec/support/nginx.lua
---@return string? why  there is no /model-customization-jobs/slow
function upstream.start(core)
  local files = { job = data.job, page = data.page(1000) }
  for i = 1, 100 do
    files[("page-%03d"):format(i)] = data.page(100, i < 100 and ("page-%03d"):format(i + 1) or nil)
  end
  local lua, why = nginx.lua()
  local server = nginx.start { files = files, conf = CONF:format(data.created, lua and SLOW or ""), lua = lua ~= nil, connections = 2048 }
  if core then
    os.execute(("for p in $(cat %s) $(pgrep -P $(cat %s)); do taskset -pc %d $p; done >/dev/null"):format(
      child.quote(server.dir .. "/nginx.pid"), child.quote(server.dir .. "/nginx.pid"), core))
  end
  return server, why
end

return upstream
