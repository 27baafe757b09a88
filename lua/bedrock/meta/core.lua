---@meta bedrock.core
-- bedrock.core, the C module (csrc/, libcrypto and cJSON): signing, JSON, encodings, digests, times, random numbers. Pure
-- computation: no socket, no file, no sleep. For editors, never loaded at run time; spec/docs_spec.lua keeps it complete.
--
-- Wrong argument types raise, as everywhere in Lua; so does a lack of memory ("not enough memory"). All else that can go
-- wrong is nil and a message.

---@class bedrock.core
---@field lua_version string  the Lua it was built for: "Lua 5.4", "Lua 5.1" (which serves LuaJIT, too)
---@field json_null lightuserdata  stands for JSON's null in documents and plain JSON
---@field json_array_mt table  the metatable that makes a table a JSON array, also an empty one
local core = {}

--- Escape for a URI: A-Z a-z 0-9 - . _ ~ stay, each other byte becomes %XX in upper case.
---@param s string
---@param keep_slash? boolean  leave `/` as it is
---@return string
function core.uri_encode(s, keep_slash) end

--- Undo URI escapes; a bad one stays as it is.
---@param s string
---@return string
function core.uri_decode(s) end

--- Hexadecimal text, lower case.
---@param s string
---@return string
function core.hex(s) end

--- Bytes from hexadecimal text of either case.
---@param s string
---@return string|nil bytes
---@return string? message
function core.unhex(s) end

--- Base64 in the standard alphabet, padded, without line breaks.
---@param s string
---@return string
function core.base64_encode(s) end

--- Bytes from base64 in the standard alphabet; padding may be missing, nothing else may.
---@param s string
---@return string|nil bytes
---@return string? message
function core.base64_decode(s) end

--- SHA-256.
---@param s string
---@return string  32 raw bytes
function core.sha256(s) end

--- HMAC with SHA-256.
---@param key string  of any length
---@param s string
---@return string  32 raw bytes
function core.hmac_sha256(key, s) end

--- SHA-1, for names of cache files only.
---@param s string
---@return string  20 raw bytes
function core.sha1(s) end

--- MD5, for checksums that a protocol asks for only.
---@param s string
---@return string  16 raw bytes
function core.md5(s) end

--- CRC-32 as in zlib and IEEE 802.3.
---@param s string
---@param seed? integer  the CRC of what came before (default 0)
---@return integer  0 to 4294967295
function core.crc32(s, seed) end

--- A random UUID, version 4, in lower case.
---@return string
function core.uuid4() end

--- A random number from OpenSSL's generator.
---@return number  0 <= x < 1
function core.random() end

--- Random bytes from OpenSSL's generator.
---@param n integer  how many, at most 1048576
---@return string
function core.random_bytes(n) end

--- Read a time: ISO 8601 with any offset and any number of fraction digits, an HTTP date (RFC 7231, RFC 822), or epoch
--- seconds as text.
---@param s string
---@return number|nil seconds  since 1970, UTC; an integer where it is whole and Lua has integers; nil for what is no time
function core.time_parse(s) end

--- Write a time as ISO 8601 in UTC: no fraction if there is none, else up to three digits.
---@param seconds number  since 1970, UTC
---@return string|nil text  "2024-01-01T00:00:00Z"
---@return string? message  outside of the years 0 to 9999
function core.time_iso8601(seconds) end

--- Write a time as an HTTP date.
---@param seconds number  since 1970, UTC; a fraction is cut off
---@return string|nil text  "Sun, 02 Jan 2000 20:34:56 GMT"
---@return string? message  outside of the years 0 to 9999
function core.time_http(seconds) end

--- Write a time in the form of X-Amz-Date.
---@param seconds number  since 1970, UTC; a fraction is cut off
---@return string|nil text  "20240101T000000Z"
---@return string? message  outside of the years 0 to 9999
function core.time_amz(seconds) end

--- Sign a request with Signature Version 4; `bedrock.sigv4` is the door for users. The request stays as it is.
---@param request bedrock.Request
---@param options bedrock.sigv4.Options
---@return bedrock.SignedRequest|nil signed
---@return string? message
function core.sigv4_sign(request, options) end

--- The engine's way to sign: nothing is copied. Signs the given headers, `host` (from the URL), `x-amz-date` and, where
--- there is a token, `x-amz-security-token`; the caller adds these headers to the request.
---@param method string
---@param url string  absolute, escaped as it is sent
---@param headers table<string, string|string[]>|nil  read, not changed
---@param body string|nil
---@param access_key_id string
---@param secret_access_key string
---@param session_token string|nil
---@param region string
---@param service string
---@param seconds number  the time, since 1970, UTC
---@return string|nil authorization  the value of that header
---@return string x_amz_date  the value of that header, or the message
function core.sigv4_headers(method, url, headers, body, access_key_id, secret_access_key, session_token, region, service,
                            seconds)
end

--- Wipe all signing keys that were kept.
function core.sigv4_forget() end

--- Compile a resolved shape (see bedrock.model), which may contain itself. Raises for a table that is no shape.
---@param shape table
---@param whole? boolean  with the members that travel outside of the body: for parameters, not for what is decoded
---@return bedrock.core.Shape compiled
function core.json_shape(shape, whole) end

---@class bedrock.core.Shape: userdata  a compiled shape, for json_encode and json_decode

--- Write a value as JSON, as its shape says; members that travel elsewhere than in the body are left out.
---@param compiled bedrock.core.Shape
---@param value any
---@param defaults? table  members that the outermost structure may lack
---@return string|nil text
---@return string? message
---@return string? path  where the problem is: "trainingDataConfig.s3Uri", "tags[2].key", "" at the root
function core.json_encode(compiled, value, defaults) end

--- Check parameters, and write those that travel in the body as JSON, in one walk.
---@param compiled bedrock.core.Shape  a whole one
---@param params any
---@param defaults? table  members that the outermost structure may lack
---@return string|boolean sure  the text; true where nothing or one member alone is the body; false where the parameters are not
---  surely right, which may be a doubt: bedrock.validate knows
function core.json_encode_params(compiled, params, defaults) end

--- Read JSON as a shape says: timestamps become numbers, blobs bytes, unknown members are left out.
---@param compiled bedrock.core.Shape
---@param text string|bedrock.curl.session  or a session that has lent the body of an answer
---@param max_depth? integer  nested arrays and objects (default 128)
---@return any value  nil: see the message
---@return string? message  says at which byte
function core.json_decode(compiled, text, max_depth) end

--- Write a value as JSON without a shape. A table is an array if it has the array metatable or the keys 1 to n.
---@param value any
---@return string|nil text
---@return string? message
---@return string? path  where the problem is
function core.json_encode_plain(value) end

--- Read JSON without a shape. Arrays get `json_array_mt`, null is `json_null`.
---@param text string|bedrock.curl.session  as in json_decode
---@param max_depth? integer  nested arrays and objects (default 128)
---@return any value  nil: see the message
---@return string? message  says at which byte
function core.json_decode_plain(text, max_depth) end

--- Open a shared object so that its symbols are bound when they are first called. Lua's own loader binds all at once;
--- what is open already stays as it is. For bedrock.native.
---@param path string
---@return boolean opened
function core.open_lazily(path) end

--- What the core's libraries call themselves: those that are loaded, whatever it was built with.
---@return string  "OpenSSL/3.0.22 cJSON/1.7.15"
function core.version() end

return core
