---@meta bedrock.curl
-- bedrock.curl, the C module over libcurl: HTTP sessions and the clock. For editors, never loaded at run time;
-- spec/docs_spec.lua keeps it complete. lua/bedrock/runtime/curl.lua is the door for users.

---@class bedrock.curl
---@field lua_version string  the Lua it was built for: "Lua 5.4", "Lua 5.1" (which serves LuaJIT, too)
local curl = {}

--- One session: its connections are kept and used again. Closed by the collector, too.
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
---@return bedrock.curl.Response|nil response
---@return string? kind  "connect", "resolve", "timeout_read", "certificate", "body_too_big" ... (csrc/http.h)
---@return string? message  without secrets
---@return integer? tunnel_status  what a proxy answered to CONNECT, or 0
function session:perform(request, proxy, connect_ms, read_ms, deadline) end

--- End its connections and free its memory; may be called twice. Raises while a request is under way.
function session:close() end

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
