--- What docs/openresty.md shows is run as it stands there: only places and ports are others.

local child = require "spec.support.child"
local nginx = require "spec.support.nginx"
local process = require "spec.bedrock.emulator.process"
local worker = require "spec.support.worker"

describe("docs/openresty.md", function()
  local lua, why = nginx.lua()
  if not lua then
    pending(why)
    return
  end

  local function block(language)
    return assert(child.read("docs/openresty.md"):match("```" .. language .. "\n(.-)```"))
  end

  local function replace(text, from, to)
    local result, count = text:gsub((from:gsub("%p", "%%%0")), (to:gsub("%%", "%%%%")))
    assert(count > 0, "the text has no " .. from)
    return result
  end

  it("has a configuration that works", function()
    local emulator = process.start {}
    local dir, port = child.temp_dir(), child.free_port()
    local root = lua.http:match '"(.-)/lua/%?%.lua'
    local conf = block "nginx"
    -- OpenResty's own nginx has its modules built in.
    if lua.main == "" then conf = conf:gsub("load_module[^\n]*\n", "") end
    conf = replace(conf, "/opt/bedrock/share/lua/5.1", root .. "/lua")
    conf = replace(conf, "/opt/bedrock/lib/lua/5.1", root .. "/build/luajit")
    conf = replace(conf, "/etc/nginx/lua", dir)
    conf = replace(conf, "listen 8080;", "listen 127.0.0.1:" .. port .. ";")
    conf = replace(conf, "resolver 169.254.169.253", "resolver 127.0.0.1")
    local temporary = {}
    for _, name in ipairs { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" } do
      temporary[#temporary + 1] = ("%s_temp_path %s/temp;"):format(name, dir)
    end
    conf = replace(conf, "http {", "http { access_log off; " .. table.concat(temporary, " "))
    child.write(dir .. "/nginx.conf", conf)
    child.write(dir .. "/tuning.lua", block "lua")
    local pipe = io.popen "id -u"
    local user = pipe:read "*l" == "0" and "user root;" or ""
    pipe:close()
    local server = child.start(("env AWS_ENDPOINT_URL_BEDROCK=%s AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_EC2_METADATA_DISABLED=true "
      .. "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY AWS_CONFIG_FILE=/dev/null "
      .. "AWS_SHARED_CREDENTIALS_FILE=/dev/null HTTP_PROXY= http_proxy= %s -p %s/ -c nginx.conf -e %s/error.log -g '%s'"):format(
      emulator.url, nginx.program(), dir, dir, ("daemon off; pid %s/nginx.pid; %s"):format(dir, user)), dir)
    local status, answer
    child.wait_for(function()
      local ok
      ok, status, answer = pcall(worker.fetch, port, "/models")
      return ok
    end)
    local log = (child.read(dir .. "/error.log") or "") .. (child.read(dir .. "/output") or "")
    server.stop()
    emulator.stop()
    assert.equal(200, status, log)
    assert.has_match("amazon%.nova%-micro%-v1:0:128k\n", answer)
  end)

  it("names files that exist", function()
    for path in child.read("docs/openresty.md"):gmatch "%]%(%.%./([^)#]+)" do
      local found = os.execute("test -e " .. child.quote(path))
      assert.is_true(found == true or found == 0, path)
    end
  end)
end)
