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

local TEMPLATE = [[
daemon off;
%s
worker_processes 1;
pid @DIR@/nginx.pid;
error_log @DIR@/error.log %s;
%s
events { worker_connections 512; }
http {
  access_log off;
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

---@param options bedrock.test.NginxOptions
---@return {ports: integer[], url: string, dir: string, pid: string, stop: fun()}
function nginx.start(options)
  local program = assert(options.program or nginx.program(), "nginx is not installed")
  local dir = options.dir or child.temp_dir()
  for name, text in pairs(options.files or {}) do
    child.write(dir .. "/" .. name, text)
  end
  -- Workers of a root master become "nobody", who may not read a folder of mktemp.
  local user = capture("id -u") == "0" and "user root;" or ""
  for attempt = 1, 5 do
    local ports = {}
    for i = 1, options.ports or 1 do
      ports[i] = child.free_port()
    end
    local conf = string.format(TEMPLATE, user, options.log_level or "warn", options.main or "", options.conf)
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
