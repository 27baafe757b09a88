--- HTTP/1.1 as a server reads and writes it: bytes in, requests out, without a socket.
--
-- Strict where leniency is how requests get smuggled: one way to state a body's length, no folded headers, no blanks before
-- a colon, no bare line feeds. Sizes are limited before anything is stored.

local http = {}

--- Limits in bytes, and of headers in their number.
http.max_head = 32 * 1024
http.max_body = 4 * 1024 * 1024
http.max_headers = 100

---@class bedrock.emulator.HttpParser
local Parser = {}
Parser.__index = Parser
Parser.__name = "bedrock.emulator.http"

--- A parser for one connection.
---@return bedrock.emulator.HttpParser
function http.parser()
  return setmetatable({ buffer = "", searched = 1, request = nil, parts = nil }, Parser)
end

--- Give it what has arrived.
---@param bytes string
function Parser:feed(bytes)
  self.buffer = self.buffer .. bytes
end

--- Has a request begun that is not complete?
---@return boolean
function Parser:is_amid()
  return self.request ~= nil or self.buffer ~= ""
end

local TOKEN = "^[%w!#$%%&'*+.^_`|~-]+$"

local function bad(status, message)
  return nil, { status = status, message = message }
end

-- Header lines -> a table of lower-case names; a repeated header becomes a list.
local function parse_headers(lines)
  local headers, count = {}, 0
  for line in lines:gmatch("([^\r\n]*)\r\n") do
    local name, value = line:match("^([^:]+):[ \t]*(.-)[ \t]*$")
    if not name or not name:find(TOKEN) then return bad(400, "A header line is malformed.") end
    if value:find("[%z\1-\8\10-\31\127]") then return bad(400, "A header holds a control character.") end
    count = count + 1
    if count > http.max_headers then return bad(431, "Too many headers.") end
    name = name:lower()
    local present = headers[name]
    if type(present) == "table" then
      present[#present + 1] = value
    else
      headers[name] = present and { present, value } or value
    end
  end
  return headers
end

local SINGLE = { "host", "content-length", "transfer-encoding", "authorization", "x-amz-date", "expect", "content-type" }

local function framing(request)
  local headers = request.headers
  for _, name in ipairs(SINGLE) do
    if type(headers[name]) == "table" then return bad(400, "The header " .. name .. " appears twice.") end
  end
  if request.version == "1.1" and not headers.host then return bad(400, "The header Host is missing.") end
  if headers.host and not headers.host:find("^[%w%-._:%[%]]*$") then return bad(400, "The header Host is malformed.") end
  local coding, length = headers["transfer-encoding"], headers["content-length"]
  if coding then
    if length then return bad(400, "Transfer-Encoding and Content-Length together.") end
    if request.version == "1.0" then return bad(400, "Transfer-Encoding in HTTP/1.0.") end
    if coding:lower() ~= "chunked" then return bad(501, "The transfer coding is not supported.") end
    request.chunked = true
  elseif length then
    if not length:find("^%d+$") then return bad(400, "Content-Length is no number.") end
    if #length > 15 or tonumber(length) > http.max_body then return bad(413, "The request is too large.") end
    request.length = tonumber(length)
  else
    request.length = 0
  end
  local expect = headers.expect
  if expect then
    if expect:lower() ~= "100-continue" then return bad(417, "The expectation can't be met.") end
    request.expects_continue = request.version == "1.1"
  end
  local connection = headers.connection
  if type(connection) == "table" then connection = table.concat(connection, ",") end
  connection = (connection or ""):lower()
  request.keep_alive = request.version == "1.1" and not connection:find("close", 1, true)
    or request.version == "1.0" and connection:find("keep-alive", 1, true) ~= nil
  return true
end

local function parse_head(head)
  if head:gsub("\r\n", ""):find("[\r\n]") then return bad(400, "A bare carriage return or line feed.") end
  local line, rest = head:match("^([^\r\n]*)\r\n(.*)$")
  local method, target, version = line:match("^(%S+) (%S+) HTTP/(%d%.%d)$")
  if not method or not method:find("^%u+$") then return bad(400, "The request line is malformed.") end
  if version ~= "1.1" and version ~= "1.0" then return bad(505, "Only HTTP/1.1 is spoken here.") end
  if target:find("[%z\1-\32\127-\255\"<>\\^`{|}]") then return bad(400, "The request target is malformed.") end
  -- The absolute form is for proxies; its path is what counts.
  target = target:match("^http://[^/?#]+(/.*)$") or target
  if target:sub(1, 1) ~= "/" or target:find("#", 1, true) then return bad(400, "The request target is malformed.") end
  local headers, err = parse_headers(rest)
  if not headers then return nil, err end
  local request = { method = method, target = target, version = version, headers = headers }
  local ok
  ok, err = framing(request)
  if not ok then return nil, err end
  return request
end

--- Take a line off the buffer.
---@param limit integer  bytes that it may have
---@return string|false|nil line  nil: not all of it is there; false: longer than allowed
function Parser:line(limit)
  local stop = self.buffer:find("\r\n", 1, true)
  if not stop then
    if #self.buffer > limit then return false end
    return nil
  end
  if stop > limit then return false end
  local line = self.buffer:sub(1, stop - 1)
  self.buffer = self.buffer:sub(stop + 2)
  return line
end

--- Read on in a chunked body.
---@return boolean|nil complete  nil: bytes are missing; false: see the error
---@return {status: integer, message: string}? err
function Parser:chunks()
  local request = self.request
  while true do
    if request.trailers then
      local line = self:line(1024)
      if line == false then return false, { status = 431, message = "A trailer is too long." } end
      if not line then return nil end
      if line == "" then return true end
      request.trailers = request.trailers + 1
      if request.trailers > http.max_headers then return false, { status = 431, message = "Too many trailers." } end
    elseif request.chunk then
      if #self.buffer < request.chunk + 2 then return nil end
      if self.buffer:sub(request.chunk + 1, request.chunk + 2) ~= "\r\n" then
        return false, { status = 400, message = "A chunk does not end where it should." }
      end
      self.parts[#self.parts + 1] = self.buffer:sub(1, request.chunk)
      self.buffer = self.buffer:sub(request.chunk + 3)
      request.chunk = nil
    else
      local line = self:line(256)
      if line == nil then return nil end
      local digits = line and line:match("^(%x+)[ \t]*$") or line and line:match("^(%x+)[ \t]*;[^\r\n]*$")
      if not digits or #digits > 8 then return false, { status = 400, message = "A chunk's size is malformed." } end
      local size = tonumber(digits, 16)
      request.received = (request.received or 0) + size
      if request.received > http.max_body then return false, { status = 413, message = "The request is too large." } end
      if size == 0 then request.trailers = 0 else request.chunk = size end
    end
  end
end

--- Read the request line and the header lines.
---@return table|nil request  when they are complete
---@return {status: integer, message: string}? err  neither: bytes are missing
function Parser:head()
  -- Blank lines before a request are left over from sloppy clients.
  while self.buffer:sub(1, 2) == "\r\n" do self.buffer, self.searched = self.buffer:sub(3), 1 end
  if self.buffer == "" then return nil end
  -- No method starts like this: speak up now, a TLS client would wait for ever.
  if not self.buffer:find("^[%u\r]") then return bad(400, "This is no HTTP request.") end
  local stop = self.buffer:find("\r\n\r\n", self.searched, true)
  if (stop or #self.buffer) > http.max_head then return bad(431, "The request's head is too large.") end
  if not stop then
    self.searched = math.max(1, #self.buffer - 3)
    if self.buffer:find("\n\n", 1, true) then return bad(400, "A bare line feed.") end
    return nil
  end
  local request, err = parse_head(self.buffer:sub(1, stop + 1))
  self.buffer, self.searched = self.buffer:sub(stop + 4), 1
  return request, err
end

--- The next request, when it is complete.
---@return table|nil request  method, target, version, headers, body, keep_alive
---@return {status: integer, message: string}? err  the connection can't be used any more; neither: more bytes are needed
function Parser:next()
  if not self.request then
    local request, err = self:head()
    if not request then return nil, err end
    self.request, self.parts = request, {}
  end
  local request = self.request
  if request.chunked then
    local done, err = self:chunks()
    if not done then return nil, err end
    request.body = table.concat(self.parts)
  else
    if #self.buffer < request.length then return nil end
    request.body = self.buffer:sub(1, request.length)
    self.buffer = self.buffer:sub(request.length + 1)
  end
  self.request, self.parts = nil, nil
  return request
end

--- Does a client wait for leave to send its body? Says so once for each request.
---@return boolean
function Parser:wants_continue()
  local request = self.request
  if request and request.expects_continue and self.buffer == "" and #self.parts == 0 then
    request.expects_continue = false
    return true
  end
  return false
end

local PHRASES = {
  [200] = "OK", [201] = "Created", [202] = "Accepted", [204] = "No Content", [400] = "Bad Request", [403] = "Forbidden",
  [404] = "Not Found", [405] = "Method Not Allowed", [408] = "Request Timeout", [413] = "Payload Too Large",
  [415] = "Unsupported Media Type", [417] = "Expectation Failed", [429] = "Too Many Requests",
  [431] = "Request Header Fields Too Large", [500] = "Internal Server Error", [501] = "Not Implemented",
  [502] = "Bad Gateway", [503] = "Service Unavailable", [504] = "Gateway Timeout",
  [505] = "HTTP Version Not Supported",
}

local SPELLING = { ["x-amzn-requestid"] = "x-amzn-RequestId", ["x-amzn-errortype"] = "x-amzn-ErrorType" }

local function spelling(name)
  return SPELLING[name] or name:sub(1, 2) == "x-" and name
    or name:gsub("^%l", string.upper):gsub("%-%l", string.upper)
end

--- The head of an answer.
---@param response table  status, headers
---@param keep_alive boolean
---@return string
function http.head(response, keep_alive)
  local names, lines = {}, {}
  for name in pairs(response.headers) do names[#names + 1] = name end
  table.sort(names)
  lines[1] = ("HTTP/1.1 %d %s"):format(response.status, PHRASES[response.status] or "Status")
  for _, name in ipairs(names) do
    -- A header that a fault was given must not become two.
    local value = tostring(response.headers[name]):gsub("[\r\n%z]", " ")
    lines[#lines + 1] = spelling(name) .. ": " .. value
  end
  lines[#lines + 1] = "Connection: " .. (keep_alive and "keep-alive" or "close")
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

return http
