--- A real nginx for tests and the bench: its own folder, its own ports on 127.0.0.1, gone with the process that started it.
--
--   local server = nginx.start { ports = 2, conf = [[
--     server { listen 127.0.0.1:@PORT1@; location / { return 200 "hello"; } }
--     server { listen 127.0.0.1:@PORT2@ ssl; ssl_certificate @DIR@/cert.pem; ... }
--   ]], files = { ["cert.pem"] = text } }
--   server.ports[1], server.url ("http://127.0.0.1:PORT1"), server.dir, server.stop()

local socket = require "socket"
local child = require "spec.support.child"

local nginx = {}

local function capture(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("*a")
  pipe:close()
  return (string.gsub(text, "%s+$", ""))
end

--- The path of the program, or nil where nginx is not installed.
function nginx.program()
  local path = capture("PATH=$PATH:/usr/sbin:/usr/local/sbin command -v nginx")
  return path ~= "" and path or nil
end

local root = capture("pwd")

-- Where Debian, Fedora and the program itself say that modules are.
local function modules_dir(about)
  for _, dir in ipairs { string.match(about, "%-%-modules%-path=(%S+)") or "", "/usr/lib/nginx/modules", "/usr/lib64/nginx/modules" } do
    if dir ~= "" and child.read(dir .. "/ngx_http_lua_module.so") then return dir end
  end
end

--- What of nginx.conf makes a program run Lua: for the main part and for http {}.
---@param program? string  another nginx, such as OpenResty's
---@return {main: string, http: string}|nil parts
---@return string? why  there is no Lua in it
function nginx.lua(program)
  program = program or nginx.program()
  if not program then return nil, "nginx is not installed" end
  if not child.read(root .. "/build/luajit/bedrock/core.so") then return nil, "there is no build for luajit (make build LUA=luajit)" end
  local about = capture(child.quote(program) .. " -V 2>&1")
  local main = ""
  if not string.find(about, "ngx_lua", 1, true) then
    local dir = modules_dir(about)
    if not dir then return nil, "nginx has no Lua module (Debian: libnginx-mod-http-lua)" end
    main = string.format("load_module %s/ndk_http_module.so;\nload_module %s/ngx_http_lua_module.so;\n", dir, dir)
  end
  return {
    main = main,
    http = string.format('lua_package_path "%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;;";\n', root, root, root)
      .. string.format('lua_package_cpath "%s/build/luajit/?.so;;";\n', root),
  }
end

local TEMPLATE = [[
%sdaemon off;
%s
worker_processes 1;
pid @DIR@/nginx.pid;
error_log @DIR@/error.log %s;
%s
events { worker_connections %d; }
http {
%s  access_log off;
  client_body_temp_path @DIR@/body;
  proxy_temp_path @DIR@/proxy;
  fastcgi_temp_path @DIR@/fastcgi;
  uwsgi_temp_path @DIR@/uwsgi;
  scgi_temp_path @DIR@/scgi;
  keepalive_requests 1000000;
  default_type application/octet-stream;
%s
}
]]

local function fill(text, dir, ports)
  text = string.gsub(text, "@PORT(%d+)@", function(i)
    return tostring(assert(ports[tonumber(i)], "no such port"))
  end)
  return (string.gsub(text, "@DIR@", dir))
end

local function accepts(port)
  local client = socket.tcp()
  client:settimeout(1)
  local ok = client:connect("127.0.0.1", port)
  client:close()
  return ok
end

--- Start nginx.
---@class bedrock.test.NginxOptions
---@field conf string  what stands inside http {}
---@field main? string  what stands outside of it
---@field ports? integer  how many; @PORT1@ and so on are replaced (default 1)
---@field files? table<string, string>  name -> content, written to @DIR@
---@field dir? string  a folder to use; removed by stop
---@field log_level? string  of the error log (default "warn")
---@field program? string  another nginx, such as OpenResty's
---@field lua? boolean  load the Lua module, whose code finds the library (see nginx.lua)
---@field connections? integer  of a worker (default 512)

---@param options bedrock.test.NginxOptions
---@return {ports: integer[], url: string, dir: string, pid: string, stop: fun()}
function nginx.start(options)
  local program = assert(options.program or nginx.program(), "nginx is not installed")
  local lua = { main = "", http = "" }
  if options.lua then lua = assert(nginx.lua(options.program)) end
  local dir = options.dir or child.temp_dir()
  for name, text in pairs(options.files or {}) do
    child.write(dir .. "/" .. name, text)
  end
  -- Workers of a root master become "nobody", who may not read a folder of mktemp.
  local user = capture("id -u") == "0" and "user root;" or ""
  for attempt = 1, 5 do
    local ports, taken = {}, {}
    for i = 1, options.ports or 1 do
      repeat ports[i] = child.free_port() until not taken[ports[i]] -- one that is free again may come again
      taken[ports[i]] = true
    end
    local conf = string.format(TEMPLATE, lua.main, user, options.log_level or "warn", options.main or "", options.connections or 512,
      lua.http, options.conf)
    child.write(dir .. "/nginx.conf", fill(conf, dir, ports))
    local command = string.format("%s -p %s -c %s -e %s", child.quote(program), child.quote(dir .. "/"),
      child.quote(dir .. "/nginx.conf"), child.quote(dir .. "/error.log"))
    local self = child.start(command, dir)
    -- A port may have been taken by somebody else since: then nginx has ended by now, and another try is due.
    local running = child.wait_for(function()
      if child.read(dir .. "/nginx.pid") and accepts(ports[1]) then return "yes" end
      return string.find(child.read(dir .. "/output") or "", "[emerg]", 1, true) and "no"
    end)
    if running == "yes" then
      self.ports, self.url = ports, "http://127.0.0.1:" .. ports[1]
      return self
    end
    local output = child.read(dir .. "/output") or ""
    if attempt == 5 or not string.find(output, "Address already in use", 1, true) then
      self.stop()
      error("nginx did not start: " .. output, 2)
    end
    self.stop()
    os.execute("mkdir -p " .. child.quote(dir))
  end
end

--- Certificates of a CA of our own, made by the openssl command in a folder: ca.pem and other-ca.pem, and the pairs
--- good, wrong-host, expired and unknown (.pem, .key). All but wrong-host are for localhost and 127.0.0.1.
function nginx.make_certificates(dir)
  local script = [[
    set -e
    cd %s
    key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
    authority() {
      key "$1"
      openssl req -x509 -new -key "$1.key" -sha256 -days 2 -subj "/CN=bedrock test $1" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign
    }
    leaf() { # name, authority, subjectAltName, days
      key "$1"
      openssl req -new -key "$1.key" -subj "/CN=bedrock test server" -out "$1.csr"
      echo "subjectAltName=$3" >"$1.ext"
      openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -sha256 -days "$4" \
        -extfile "$1.ext" -out "$1.pem"
    }
    authority ca
    authority other-ca
    leaf good ca DNS:localhost,IP:127.0.0.1 2
    leaf wrong-host ca DNS:elsewhere.example 2
    leaf expired ca DNS:localhost,IP:127.0.0.1 -1
    leaf unknown other-ca DNS:localhost,IP:127.0.0.1 2
  ]]
  script = string.format(script, child.quote(dir))
  local path = child.write(dir .. "/make-certificates.sh", script)
  local output = capture("sh " .. child.quote(path) .. " 2>&1 && echo MADE")
  assert(string.find(output, "MADE", 1, true), output)
end

return nginx
