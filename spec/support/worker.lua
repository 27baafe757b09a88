--- Lua inside a worker of a real nginx, called from a test outside of it.
--
--   local worker = worker.start { conf = "resolver 127.0.0.1;" }
--   worker.run "return ngx.get_phase()"            -> "content"
--   worker.run("return runtime:now()", "timer")    in another phase
--   worker.runtime { proxy = false }               -> a runtime whose calls are made in there
--   worker.log(), worker.pid(), worker.server (nginx.start's), worker.stop()
--
-- A chunk sees the globals and `shared`, a table that lives as long as the worker. Values go over as Lua source: text may
-- hold any byte. This file is both sides: `serve` is what the worker runs.

local worker = {}

-- ---- values as source ----

local function text_source(text)
  return '"' .. string.gsub(text, '[%z\1-\31"\\\127-\255]', function(byte)
    return string.format("\\%03d", string.byte(byte))
  end) .. '"'
end

local write

local writers = {
  ["nil"] = function() return "nil" end,
  boolean = tostring,
  string = text_source,
  number = function(value)
    if value ~= value then return "(0/0)" end
    if value == math.huge then return "math.huge" end
    if value == -math.huge then return "-math.huge" end
    return string.format(value % 1 == 0 and math.abs(value) < 2 ^ 53 and "%d" or "%.17g", value)
  end,
  table = function(value)
    local parts = {}
    for key, entry in pairs(value) do
      parts[#parts + 1] = "[" .. write(key) .. "]=" .. write(entry)
    end
    return "{" .. table.concat(parts, ",") .. "}"
  end,
}

function write(value)
  local writer = writers[type(value)]
  return writer and writer(value) or text_source(tostring(value))
end

local load_text = rawget(_G, "loadstring") or load

-- ---- inside the worker ----

local shared = {}

-- What came of the chunk, as source of what `run` returns.
local function outcome(text)
  local chunk, message = load_text(text, "=chunk")
  if not chunk then return "error(" .. text_source(message) .. ", 0)" end
  local results
  local function collect(ok, ...)
    if not ok then return "error(" .. write((...)) .. ", 0)" end
    results = {}
    for i = 1, select("#", ...) do results[i] = write((select(i, ...))) end
    return "return " .. table.concat(results, ",")
  end
  return collect(pcall(chunk, shared))
end

--- Run what a request brings, in the phase that calls this.
---@param phase string  runs where the request names it
function worker.serve(phase)
  local ngx = rawget(_G, "ngx")
  local vars = ngx.var
  if phase == "result" then
    ngx.print(shared.result or "return nil")
  elseif vars.arg_phase == phase or (vars.arg_phase == "timer" and phase == "content") then
    local text = ngx.unescape_uri(vars.arg_chunk or "")
    if text == "" then
      ngx.req.read_body()
      text = ngx.req.get_body_data() or ""
    end
    if vars.arg_phase ~= "timer" then
      shared.result = outcome(text)
    else
      shared.result = nil
      assert(ngx.timer.at(0, function() shared.result = outcome(text) end))
      while not shared.result do ngx.sleep(0.005) end
    end
    if phase == "rewrite" or phase == "access" then ngx.exit(204) end
  end
  if phase == "content" then ngx.print(shared.result or "return nil") end
end

-- ---- outside ----

local CONF = [[
  lua_socket_log_errors off;
  init_by_lua_block { INIT }
  init_worker_by_lua_block { INIT_WORKER }
  server {
    listen 127.0.0.1:@PORT1@;
    client_max_body_size 100m;
    client_body_buffer_size 100m;
    lua_need_request_body off;
    location = /plain { return 200 plain; }
    location = /result { content_by_lua_block { require("spec.support.worker").serve "result" } }
    location /run {
      set_by_lua_block $unused { require("spec.support.worker").serve "set" }
      rewrite_by_lua_block { require("spec.support.worker").serve "rewrite" }
      access_by_lua_block { require("spec.support.worker").serve "access" }
      content_by_lua_block { require("spec.support.worker").serve "content" }
      header_filter_by_lua_block { require("spec.support.worker").serve "header_filter" }
      body_filter_by_lua_block { if ngx.arg[2] then require("spec.support.worker").serve "body_filter" end }
      log_by_lua_block { require("spec.support.worker").serve "log" }
    }
    LOCATIONS
  }
  SERVERS
]]

local function fetch(port, path, body)
  local socket = require "socket"
  local client = assert(socket.connect("127.0.0.1", port))
  client:settimeout(60)
  client:setoption("tcp-nodelay", true)
  local head = string.format("%s %s HTTP/1.0\r\nHost: worker\r\n%s\r\n", body and "POST" or "GET", path,
    body and "Content-Length: " .. #body .. "\r\n" or "")
  assert(client:send(head .. (body or "")))
  local text = assert(client:receive("*a"))
  client:close()
  local status, answer = string.match(text, "^HTTP/1%.%d (%d+).-\r\n\r\n(.*)$")
  return tonumber(status), answer
end
worker.fetch = fetch

local function hex(text)
  return (string.gsub(text, ".", function(byte) return string.format("%%%02X", string.byte(byte)) end))
end

--- Start an nginx with one worker that runs chunks.
---@param options? {conf?: string, main?: string, init?: string, init_worker?: string, locations?: string, servers?: string, ports?: integer, connections?: integer}
---@return table worker
function worker.start(options)
  options = options or {}
  local child, nginx = require "spec.support.child", require "spec.support.nginx"
  local conf = string.gsub(CONF, "%u+_?%u*", {
    INIT = options.init or "", INIT_WORKER = options.init_worker or "", LOCATIONS = options.locations or "", SERVERS = options.servers or "",
  })
  local self = {}
  self.server = nginx.start {
    lua = true, conf = (options.conf or "") .. conf, main = options.main, connections = options.connections,
    ports = options.ports,
  }
  local port = self.server.ports[1]
  self.port = port

  --- Run a chunk; what it raises is raised here.
  function self.run(text, phase)
    phase = phase or "content"
    local by_query = phase ~= "content" and phase ~= "timer" -- where there is no body to be had
    local status, answer = fetch(port, "/run?phase=" .. phase .. (by_query and "&chunk=" .. hex(text) or ""),
      not by_query and text or nil)
    if by_query then
      answer = child.wait_for(function() -- a log phase comes after the answer
        local _, result = fetch(port, "/result")
        return result ~= "return nil" and result
      end)
    end
    return assert(load_text(assert(answer, "nothing came of the chunk"), "=worker"), "HTTP " .. tostring(status) .. ": " .. answer)()
  end

  function self.pid()
    local pipe = assert(io.popen("pgrep -P " .. self.server.pid))
    local pid = pipe:read("*l")
    pipe:close()
    return pid
  end

  function self.log()
    return child.read(self.server.dir .. "/error.log") or ""
  end

  --- A runtime inside, with the face of one outside.
  function self.runtime(runtime_options)
    local id = self.run(([[
      local shared = ...
      shared.runtimes = shared.runtimes or {}
      local list = shared.runtimes
      list[#list + 1] = require("bedrock.runtime.cosocket").new(%s)
      return #list
    ]]):format(write(runtime_options)))
    local function call(method, ...)
      local args = {}
      for i = 1, select("#", ...) do args[i] = write((select(i, ...))) end
      return self.run(("return (...).runtimes[%d]:%s(%s)"):format(id, method, table.concat(args, ",")))
    end
    local errors = require "bedrock.errors"
    local runtime = setmetatable({}, { __tostring = function() return self.run(("return tostring((...).runtimes[%d])"):format(id)) end })
    function runtime.send(_, ...)
      local response, err = call("send", ...)
      return response, err and errors.new(err)
    end
    function runtime.sleep(_, seconds) return call("sleep", seconds) end
    function runtime.now() return call "now" end
    function runtime.close() return call "close" end
    return runtime
  end

  function self.stop()
    self.server.stop()
  end
  return self
end

worker.source = write

return worker
