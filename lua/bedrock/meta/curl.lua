---@meta bedrock.curl
-- bedrock.curl, the C module over libcurl: HTTP sessions and the clock. For editors, never loaded at run time;
-- spec/docs_spec.lua keeps it complete. lua/bedrock/runtime/curl.lua is the door for users.

---@class bedrock.curl
---@field lua_version string  the Lua it was built for: "Lua 5.4", "Lua 5.1" (which serves LuaJIT, too)
local curl = {}

--- One session: its connections are kept and used again. What it learns of names and TLS sessions, all sessions of the Lua
--- state know. Closed by the collector, too.
---@class bedrock.curl.session: userdata
local session = {}

---@class bedrock.curl.Response: bedrock.Response
---@field http_version string  "1.1", "2"
---@field connects integer  how many connections were made for it
---@field reused boolean  whether it went over a connection that was there

--- Open a session. TLS is verified always, redirects are never followed.
---@param ca_bundle? string  a PEM file or a folder of hashed certificates (default: the system's)
---@param max_body? number  bytes that an answer may have (default 64 MiB)
---@return bedrock.curl.session|nil session
---@return string? message
function curl.session(ca_bundle, max_body) end

--- Send a request and wait for its answer. Header values are strings or lists of strings.
---@param request bedrock.Request
---@param proxy? string  its URL; "" or nil for none (the environment never counts)
---@param connect_ms? number  milliseconds for the connection, TLS included; nil or 0: no limit
---@param read_ms? number  milliseconds without a byte; nil or 0: no limit
---@param deadline? number  for the whole, in seconds since 1970 (see curl.now)
---@param lend? boolean  leave the body of a success in the session: the response has status and headers only, unless the body is
---  empty, and the session stands for the body where core.json_decode takes a text. It is of no other use until `release`.
---@return bedrock.curl.Response|nil response
---@return string? kind  "connect", "resolve", "timeout_read", "certificate", "body_too_big" ... (csrc/http.h)
---@return string? message  without secrets
---@return integer? tunnel_status  what a proxy answered to CONNECT, or 0
function session:perform(request, proxy, connect_ms, read_ms, deadline, lend) end

--- The answer to a request that a multi drove: called once, after multi:wait handed the session out. Raises where no request
--- of it is over.
---@param lend? boolean  as in perform
---@return bedrock.curl.Response|nil response
---@return string? kind  as perform gives them
---@return string? message
---@return integer? tunnel_status
function session:finish(lend) end

--- Take a body back that was lent, and wipe it; the session is free then. Raises where nothing is lent, or someone reads it.
---@param wanted? boolean
---@return string? body  if it is wanted
function session:release(wanted) end

--- End its connections and free its memory; may be called twice. Raises while a request is under way.
function session:close() end

--- Many requests at once, each on a session of its own. Their connections belong to the multi, which keeps them for the next
--- ones. Requests to one host wait, a second at most, for its first connection: where it speaks HTTP/2 they share it.
---@class bedrock.curl.multi: userdata
local multi = {}

--- Make a multi. Closed by the collector, too.
---@return bedrock.curl.multi|nil multi
---@return string? message
function curl.multi() end

--- Limit the connections that stand at once; requests beyond it wait for one. The connect timeout counts from when a request
--- gets its turn, the read timeout from when it has a connection.
---@param host_connections? number  to one host; nil: no limit
---@param total_connections? number  in all; nil: no limit
function multi:limit(host_connections, total_connections) end

--- Start a request; nothing is sent before `wait`. Session and body are kept until it is over, nobody else need hold them.
---@param session bedrock.curl.session  one that runs nothing else
---@param request bedrock.Request
---@param proxy? string  this and the others as in session:perform
---@param connect_ms? number
---@param read_ms? number
---@param deadline? number
---@return true|nil started
---@return string? kind  what is refused at once: "bad_request", "bad_url", "timeout_whole" ...; the session stays free
---@return string? message
---@return integer? tunnel_status
function multi:start(session, request, proxy, connect_ms, read_ms, deadline) end

--- Drive all requests until one is over, or the time is up; without any that run, too. A signal ends it early, so that the
--- interpreter can see to it (Ctrl-C).
---@param seconds number  0: what can be done without waiting
---@return bedrock.curl.session[] over  in the order in which they ended; empty where none did. `session:finish` has the answers.
function multi:wait(seconds) end

--- Drop the request of a session, or an answer that `finish` has not taken. The session can be used again.
---@param session bedrock.curl.session
---@return boolean running  whether its request was under way here
function multi:cancel(session) end

--- Cancel what runs and end the connections; may be called twice. Sessions stay.
function multi:close() end

--- Sleep. A signal ends it early, so that the interpreter can see to it (Ctrl-C).
---@param seconds number
---@return number left  seconds that are left of it, 0 unless a signal came
function curl.sleep(seconds) end

--- The wall clock.
---@return number seconds  since 1970, UTC, with their fraction
function curl.now() end

--- What libcurl and its parts call themselves.
---@return string  "libcurl/7.88.1 OpenSSL/3.0.22 ..."
function curl.version() end

return curl
