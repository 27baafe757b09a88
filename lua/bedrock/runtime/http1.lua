--- HTTP/1.1 as a client writes and reads it, without a socket: a request becomes bytes, and bytes from a reader function
-- become an answer.
--
-- What a request may be made of is what csrc/httpreq.c lets through, in the same words. The reading is stricter than
-- libcurl's: connections are kept for the next caller, so whatever two readers could understand differently (two lengths, a
-- bare line feed, a folded header) ends the answer and the connection. Everything is limited before it is stored, and no
-- input costs more than its length: a line is put together once, however small its pieces are.

local find, sub, byte, lower, match = string.find, string.sub, string.byte, string.lower, string.match
local concat = table.concat

local http1 = {}

local MAX_URL = 1024 * 1024
-- All header lines of all answers to one request (1xx ones and trailers included), as csrc/http.h has it.
local MAX_HEADERS = 256 * 1024
local MAX_HEADER_LINES = 2000
-- A chunk's size with its extensions, which nobody sends.
local MAX_CHUNK_LINE = 4096
-- Pieces of a body that are joined at once: a body in tiny chunks must not cost a table slot for each byte.
local JOIN = 512

-- The characters of methods and header names (RFC 9110, 5.6.2); %w would follow the C locale.
local TOKEN = "^[A-Za-z0-9!#$%%&'*+.^_`|~-]+$"
-- What no line of an answer may hold: all control characters but the tab.
local CONTROL = "[%z\1-\8\10-\31\127]"

local DEFAULT_PORTS = { http = 80, https = 443 }

local function is_token(text)
  return find(text, TOKEN) ~= nil
end

-- Header names in lower case, false for what is none. A service has a few dozen of them, which patterns need not look at each
-- time; somebody who makes up new ones fills the table, and it begins anew.
local MOST_KNOWN, LONGEST_KNOWN = 500, 300
local names, name_count = {}, 0

local function name_of(text)
  local name = names[text]
  if name ~= nil then return name end
  name = is_token(text) and lower(text)
  if #text <= LONGEST_KNOWN then
    if name_count == MOST_KNOWN then
      names, name_count = {}, 0
    end
    names[text], name_count = name, name_count + 1
  end
  return name
end

-- Without blanks and tabs at both ends. By hand: a pattern for it takes time that grows with the square of a run of blanks.
local function trim(text)
  local first, to = byte(text), #text
  local last = byte(text, to)
  if first ~= 32 and first ~= 9 and last ~= 32 and last ~= 9 then return text end
  local from = find(text, "[^ \t]")
  if not from then return "" end
  while last == 32 or last == 9 do
    to = to - 1
    last = byte(text, to)
  end
  return sub(text, from, to)
end

-- ---- the request ----

---@class bedrock.runtime.http1.Target
---@field scheme "http"|"https"
---@field host string  lower case; an IPv6 address in its brackets
---@field port integer
---@field authority string  host, and the port where it is not the scheme's own
---@field path string  path and query as they are

-- What stands in front of the path, likewise: one origin serves all calls of a client.
local origins, origin_count = {}, 0

local function known_origin(url)
  local slash = find(url, "/", 9, true) -- behind "https://"
  local origin = slash and origins[sub(url, 1, slash - 1)]
  if not origin or find(url, "%c", slash) or find(url, " ", slash, true) or find(url, "#", slash, true)
    or #url > MAX_URL then
    return nil
  end
  return {
    scheme = origin.scheme, host = origin.host, port = origin.port, authority = origin.authority, path = sub(url, slash),
  }
end

local function remember_origin(url, target)
  local slash = find(url, "/", 9, true)
  if not slash or slash > LONGEST_KNOWN or find(sub(url, 1, slash), "[?#]") then return end
  if origin_count == MOST_KNOWN then
    origins, origin_count = {}, 0
  end
  origins[sub(url, 1, slash - 1)], origin_count = target, origin_count + 1
end

--- Take a request's URL apart.
---@param url any
---@return bedrock.runtime.http1.Target|nil target
---@return string? kind  "bad_request", "bad_url"
---@return string? why
function http1.target(url)
  local known = type(url) == "string" and known_origin(url)
  if known then return known end
  if type(url) ~= "string" then return nil, "bad_request", "request.url must be a string" end
  local scheme, rest = match(url, "^(%a+)://(.*)$")
  scheme = scheme and lower(scheme)
  if not DEFAULT_PORTS[scheme or ""] then return nil, "bad_url", "the URL must begin with http:// or https://" end
  if find(rest, "^[/?#:]") or rest == "" then return nil, "bad_url", "the URL names no host" end
  if #url > MAX_URL then return nil, "bad_url", "the URL is longer than 1 MiB" end
  if find(url, "[%z\1-\32\127]") then
    return nil, "bad_url", "the URL holds a blank, a line break or another control character"
  end
  local authority, path = match(rest, "^([^/?#]*)([^#]*)")
  if find(authority, "@", 1, true) then return nil, "bad_url", "the URL holds a user name" end
  local host, colon, port = match(authority, "^(%[[0-9A-Fa-f:.]+%])(:?)(%d*)$")
  if not host then
    host, colon, port = match(authority, "^([A-Za-z0-9._-]+)(:?)(%d*)$")
  end
  if not host or (colon == "" and port ~= "") then return nil, "bad_url", "the URL's host or port can't be read" end
  local number = port == "" and DEFAULT_PORTS[scheme] or tonumber(port)
  if #port > 5 or number < 1 or number > 65535 then return nil, "bad_url", "the URL's port is out of range" end
  host = lower(host)
  if path == "" then
    path = "/"
  elseif sub(path, 1, 1) == "?" then
    path = "/" .. path
  end
  local target = {
    scheme = scheme, host = host, port = number, path = path,
    authority = number == DEFAULT_PORTS[scheme] and host or ("%s:%d"):format(host, number),
  }
  remember_origin(url, target)
  return target
end

-- Methods that have no body by nature; all others announce even an empty one.
local BODILESS = { GET = true, HEAD = true, OPTIONS = true, TRACE = true }

local function refuse_header(name, why)
  return nil, "bad_request", ("header %s: %s"):format(sub(name, 1, 80), why)
end

-- What a Connection header says of a thing.
local function lists(value, token)
  for entry in string.gmatch(lower(value), "[^,]+") do
    if trim(entry) == token then return true end
  end
  return false
end

-- Append one header line, and note what the headers mean for the request as a whole.
local function add_header(lines, seen, name, lowered, value)
  if type(value) ~= "string" then return refuse_header(name, "the value must be a string or a list of strings") end
  if find(value, "\n", 1, true) or find(value, "\r", 1, true) or find(value, "\0", 1, true) then
    return refuse_header(name, "the value holds a line break or a NUL byte")
  end
  value = trim(value)
  if lowered == "content-length" then
    if not find(value, "^%d+$") or #value > 18 then return refuse_header(name, "the value is no length") end
    seen.length = tonumber(value)
    return true -- the true one is written once the body is known
  elseif lowered == "transfer-encoding" then
    return refuse_header(name, "bodies are sent with their length; leave it out")
  elseif lowered == "host" then
    seen.host = true
  elseif lowered == "connection" and lists(value, "close") then
    seen.close = true
  end
  lines[#lines + 1] = value == "" and name .. ":" or name .. ": " .. value
  return true
end

local function add_headers(lines, seen, headers)
  if headers == nil then return true end
  if type(headers) ~= "table" then return nil, "bad_request", "request.headers must be a table" end
  for name, value in next, headers do
    if type(name) ~= "string" then return nil, "bad_request", "a header's name must be a string" end
    local lowered = name_of(name)
    if not lowered then
      return nil, "bad_request", "a header's name is empty or holds a character that HTTP does not allow "
        .. "(such as a blank, a colon, a line break or NUL)"
    end
    local ok, kind, why = true, nil, nil
    if type(value) == "table" then
      for i = 1, #value do
        ok, kind, why = add_header(lines, seen, name, lowered, value[i])
        if not ok then return nil, kind, why end
      end
    else
      ok, kind, why = add_header(lines, seen, name, lowered, value)
    end
    if not ok then return nil, kind, why end
  end
  return true
end

--- The head of a request: the bytes in front of its body.
---@param request bedrock.RuntimeRequest
---@param target bedrock.runtime.http1.Target  of its URL
---@param absolute? boolean  name the whole URL, as plain proxies want it
---@param authorization? string  the value of Proxy-Authorization
---@return string|nil head
---@return boolean|string keep  the connection may serve another request after it; or the kind of the failure
---@return string? why
function http1.head(request, target, absolute, authorization)
  local method, body = request.method, request.body
  if type(method) ~= "string" then return nil, "bad_request", "request.method must be a string" end
  if not is_token(method) then return nil, "bad_request", "the method holds a character that HTTP does not allow" end
  if string.upper(method) == "CONNECT" then return nil, "bad_request", "the method CONNECT is for proxies only" end
  local where = absolute and target.scheme .. "://" .. target.authority .. target.path or target.path
  local lines, seen = { method .. " " .. where .. " HTTP/1.1", "" }, {} -- the second line is for Host
  local ok, kind, why = add_headers(lines, seen, request.headers)
  if not ok then return nil, kind, why end
  if body ~= nil and type(body) ~= "string" then return nil, "bad_request", "request.body must be a string" end
  local length = body and #body or 0
  if length > 0 and BODILESS[method] then return nil, "bad_request", "a request with this method can't carry a body" end
  if seen.length and seen.length ~= length then
    return nil, "bad_request", "header Content-Length: not the length of the body"
  end
  if seen.host then table.remove(lines, 2) else lines[2] = "Host: " .. target.authority end
  if authorization then lines[#lines + 1] = "Proxy-Authorization: " .. authorization end
  if not BODILESS[method] then lines[#lines + 1] = ("Content-Length: %d"):format(length) end
  lines[#lines + 1] = "\r\n"
  return concat(lines, "\r\n"), not seen.close
end

--- The request for a tunnel through a proxy.
---@param target bedrock.runtime.http1.Target
---@param authorization? string  the value of Proxy-Authorization
---@return string
function http1.connect_head(target, authorization)
  local where = ("%s:%d"):format(target.host, target.port)
  return "CONNECT " .. where .. " HTTP/1.1\r\nHost: " .. where .. "\r\n"
    .. (authorization and "Proxy-Authorization: " .. authorization .. "\r\n" or "") .. "\r\n"
end

-- ---- the answer ----

---@class bedrock.runtime.http1.Stream
---@field begun boolean  a byte of the answer has come

--- Where an answer is read from. `read()` gives the next bytes, however many; or nil and what happened: "closed" at an
--- orderly end, "broken" with a text, or any other kind, which is handed on.
---@param read fun(): string|nil, string|nil, string|nil
---@return bedrock.runtime.http1.Stream
function http1.stream(read)
  return { read = read, buffer = "", at = 1, begun = false, left = MAX_HEADERS, lines = MAX_HEADER_LINES }
end

local function more(stream)
  local data, kind, text = stream.read()
  if data then
    stream.begun = true
    return data
  end
  if kind == "closed" or kind == "broken" then
    return nil, stream.begun and "cut_off" or "connect", text or "the connection was closed", kind
  end
  return nil, kind, text or ""
end

-- The next line without its CR LF, of at most `most` bytes with it.
local function read_line(stream, most, beyond)
  local pieces, size = nil, 0
  while true do
    local buffer, at = stream.buffer, stream.at
    local stop = find(buffer, "\n", at, true)
    size = size + (stop or #buffer) - at + 1
    if size > most then return nil, beyond, "a line is too long" end
    if stop then
      stream.at = stop + 1
      local line
      if not pieces and byte(buffer, stop - 1) == 13 and stop > at then
        line = sub(buffer, at, stop - 2)
      else
        line = sub(buffer, at, stop)
        if pieces then
          pieces[#pieces + 1] = line
          line = concat(pieces)
        end
        if byte(line, -2) ~= 13 then return nil, "bad_answer", "a bare line feed" end
        line = sub(line, 1, -3)
      end
      if find(line, "%c") and find(line, CONTROL) then return nil, "bad_answer", "a control character where none may be" end
      return line, size
    end
    pieces = pieces or {}
    pieces[#pieces + 1] = sub(buffer, at)
    local data, kind, text = more(stream)
    if not data then return nil, kind, text end
    stream.buffer, stream.at = data, 1
  end
end

local function read_header_line(stream)
  local line, size, text = read_line(stream, stream.left, "headers_too_big")
  if not line then return nil, size, text end
  stream.left, stream.lines = stream.left - size, stream.lines - 1
  if stream.lines < 0 then return nil, "headers_too_big", "" end
  return line
end

-- Other protocols are told at their first bytes: some never end a line.
local function read_status(stream)
  local prefix = "HTTP/"
  local have = sub(stream.buffer, stream.at)
  while true do
    local n = math.min(#have, #prefix)
    if sub(have, 1, n) ~= sub(prefix, 1, n) then return nil, "bad_answer", "it does not begin as HTTP/1.1" end
    if n == #prefix then break end
    local data, kind, text = more(stream)
    if not data then return nil, kind, text end
    have = have .. data
  end
  stream.buffer, stream.at = have, 1
  local line, kind, text = read_header_line(stream)
  if not line then return nil, kind, text end
  local version, status, rest = match(line, "^HTTP/(1%.[01]) ([1-9]%d%d)(.*)$")
  if not version or (rest ~= "" and sub(rest, 1, 1) ~= " ") then
    return nil, "bad_answer", "the status line is none of HTTP/1.1"
  end
  return tonumber(status), version
end

-- Header lines up to the empty one, into `headers` where one is given (trailers are not kept). What comes more than once is
-- joined at the end, so that many lines of one name cost no more than their length.
local function read_headers(stream, headers)
  local repeated
  while true do
    local line, kind, text = read_header_line(stream)
    if not line then return nil, kind, text end
    if line == "" then
      for name, values in next, repeated or {} do headers[name] = concat(values, ", ") end
      return true
    end
    local colon = find(line, ":", 1, true)
    local name = colon and name_of(sub(line, 1, colon - 1))
    if not name then return nil, "bad_answer", "a header line that is none (folded ones are not taken)" end
    if headers then
      local value = trim(sub(line, colon + 1))
      if headers[name] and (name == "content-length" or name == "transfer-encoding") then
        return nil, "bad_answer", "two headers say how long the body is"
      end
      if headers[name] then
        repeated = repeated or {}
        repeated[name] = repeated[name] or { headers[name] }
        table.insert(repeated[name], value)
      else
        headers[name] = value
      end
    end
  end
end

-- Bodies come in pieces, which are joined some hundred at a time.
local function add(parts, piece)
  local n = parts.n + 1
  parts[n], parts.n, parts.size = piece, n, parts.size + #piece
  if n == JOIN then
    parts.joined[#parts.joined + 1] = concat(parts, "", 1, n)
    parts.n = 0
  end
end

local function body_of(parts)
  local rest = concat(parts, "", 1, parts.n)
  if #parts.joined == 0 then return rest end
  return concat(parts.joined) .. rest
end

local function take(stream, n, parts)
  while n > 0 do
    local buffer, at = stream.buffer, stream.at
    local have = #buffer - at + 1
    if have == 0 then
      local data, kind, text = more(stream)
      if not data then return nil, kind, text end
      stream.buffer, stream.at = data, 1
    else
      local count = have < n and have or n
      add(parts, sub(buffer, at, at + count - 1))
      stream.at, n = at + count, n - count
    end
  end
  return true
end

-- How long the body is: a number, "chunked", "close".
local function framing(headers, version)
  local length, coding = headers["content-length"], headers["transfer-encoding"]
  if coding then
    if length then return nil, "bad_answer", "two headers say how long the body is" end
    if version == "1.0" or lower(coding) ~= "chunked" then return nil, "bad_answer", "a transfer coding that was not asked for" end
    return "chunked"
  elseif not length then
    return "close"
  end
  local digits = find(length, "^%d+$") and match(length, "^0*(%d+)$")
  if not digits or #digits > 18 then return nil, "bad_answer", "the Content-Length is no length" end
  return tonumber(digits)
end

local function read_chunks(stream, parts, most)
  while true do
    local line, kind, text = read_line(stream, MAX_CHUNK_LINE, "bad_answer")
    if not line then return nil, kind, text end
    local digits, rest = match(line, "^(%x+)(.*)$")
    digits = digits and (rest == "" or find(rest, "^[ \t]*;")) and match(digits, "^0*(%x+)$")
    if not digits or #digits > 12 then return nil, "bad_answer", "a chunk's size is none" end
    local size = tonumber(digits, 16)
    if size == 0 then return read_headers(stream, nil) end
    if parts.size + size > most then return nil, "body_too_big", "" end
    local ok
    ok, kind, text = take(stream, size, parts)
    if not ok then return nil, kind, text end
    line, kind, text = read_line(stream, 2, "bad_answer")
    if not line then return nil, kind, text end
  end
end

local function read_to_end(stream, parts, most)
  add(parts, sub(stream.buffer, stream.at))
  stream.buffer, stream.at = "", 1
  while parts.size <= most do
    local data, kind, text, cause = more(stream)
    if data then
      add(parts, data)
    elseif cause == "closed" then
      return true
    else
      return nil, kind, text
    end
  end
  return nil, "body_too_big", ""
end

local function read_body(stream, how, most)
  local parts = { n = 0, size = 0, joined = {} }
  local ok, kind, text
  if how == "chunked" then
    ok, kind, text = read_chunks(stream, parts, most)
  elseif how == "close" then
    ok, kind, text = read_to_end(stream, parts, most)
  elseif how > most then
    return nil, "body_too_big", ""
  else
    ok, kind, text = take(stream, how, parts)
  end
  if not ok then return nil, kind, text end
  return body_of(parts)
end

local function keeps(headers, version)
  local connection = headers.connection or ""
  if version == "1.0" then return lists(connection, "keep-alive") and not lists(connection, "close") end
  return not lists(connection, "close")
end

--- Read the answer to a request; 1xx answers before it are passed over.
---@param stream bedrock.runtime.http1.Stream
---@param method string  the request's; after "CONNECT" no body is read
---@param most integer  bytes that the body may have
---@return bedrock.Response|nil response
---@return boolean|string keep  the connection may serve another request; or the kind of the failure
---@return string? why
function http1.answer(stream, method, most)
  local status, version, headers, ok, kind, text
  repeat
    status, version, text = read_status(stream)
    if not status then return nil, version, text end
    if status == 101 then return nil, "bad_answer", "it changes to a protocol that was not asked for" end
    headers = {}
    ok, kind, text = read_headers(stream, headers)
    if not ok then return nil, kind, text end
  until status >= 200

  local how, why, what = framing(headers, version)
  if not how then return nil, why, what end
  if method == "HEAD" or method == "CONNECT" or status == 204 or status == 304 then how = 0 end
  local body = ""
  if how ~= 0 then
    body, kind, text = read_body(stream, how, most)
    if not body then return nil, kind, text end
  end
  -- What nobody asked for would be taken for the next answer.
  local keep = how ~= "close" and stream.at > #stream.buffer and keeps(headers, version)
  return { status = status, headers = headers, body = body, http_version = version }, keep
end

return http1
