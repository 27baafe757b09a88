--- The emulator's server as a child process, and requests to it in plain bytes.

local socket = require "socket"
local core = require "bedrock.core"
local child = require "spec.support.child"
local sigv4 = require "bedrock.sigv4"

local process = {}

--- Start a server: `options` is the inside of the table for `run`, `command` another way to start it.
function process.start(words)
  local command = words.command or ("exec %s -e %s"):format(child.interpreter(),
    child.quote(("require('bedrock.emulator.server').run { port = 0, %s }"):format(words.options or "")))
  local server = child.start(command, child.temp_dir())
  server.url = child.wait_for(function()
    return (child.read(server.dir .. "/output") or ""):match("http://127%.0%.0%.1:%d+")
  end)
  if not server.url then
    local output = child.read(server.dir .. "/output")
    server.stop()
    error("the server did not start: " .. tostring(output))
  end
  server.port = tonumber(server.url:match("%d+$"))
  return server
end

local CREDENTIALS = { access_key_id = "AKIDEXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" }

--- A request as bytes; signed unless told otherwise.
function process.bytes_of(server, method, path, body, how)
  how = how or {}
  local headers = { Host = "127.0.0.1:" .. server.port }
  if body then
    headers["Content-Type"] = "application/json"
    headers["Content-Length"] = not how.chunked and tostring(#body) or nil
  end
  if not how.unsigned then
    headers = assert(sigv4.sign({ method = method, url = server.url .. path, headers = headers, body = body }, {
      credentials = CREDENTIALS, region = "us-east-1", service = "bedrock", time = how.time or os.time(),
    })).headers
  end
  local lines = { method .. " " .. path .. " HTTP/1.1" }
  for name, value in pairs(headers) do lines[#lines + 1] = name .. ": " .. value end
  if how.chunked then
    lines[#lines + 1] = "Transfer-Encoding: chunked\r\nExpect: 100-continue"
    body = nil
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or "")
end

--- A connection to it.
function process.connect(server)
  local client = assert(socket.connect("127.0.0.1", server.port))
  client:settimeout(5)
  return client
end

--- One answer off a connection: status, headers, body. Without an answer: nil and the reason.
function process.receive(client)
  local line, err = client:receive("*l")
  if not line then return nil, err end
  local headers = {}
  while true do
    local header = client:receive("*l")
    if not header or header == "" then break end
    local name, value = header:match("^([^:]+): (.*)$")
    headers[name:lower()] = value
  end
  local body, body_err, partial = client:receive(tonumber(headers["content-length"]) or "*a")
  return tonumber(line:match("^HTTP/1%.1 (%d%d%d)")), headers, body or partial, body_err
end

--- Send one request on a connection of its own: status, headers, decoded body (or its text), and why it ended early.
function process.ask(server, method, path, body, how)
  local client = process.connect(server)
  client:send(process.bytes_of(server, method, path, body, how))
  local status, headers, text, err = process.receive(client)
  client:close()
  return status, headers, text and not (how and how.raw) and core.json_decode_plain(text) or text, err
end

--- An order to its control paths; gives the status and the answer.
function process.order(server, path, value, method)
  local status, _, answer = process.ask(server, method or "POST", "/_emulator/" .. path, value and core.json_encode_plain(value),
    { unsigned = true })
  return status, answer
end

return process
