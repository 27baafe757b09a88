--- AWS Signature Version 4 for any request, in headers or as a presigned URL. The work is done in C (csrc/sigv4.c);
-- the engine calls that directly, this is the door for everyone else: other services, tests, the emulator's check.
--
-- A signing key is kept for each pair of credentials, day, region and service, as long as the Lua state lives;
-- `sigv4.forget` wipes them all.

local core = require("bedrock.native").load "bedrock.core"
local errors = require "bedrock.errors"

local sigv4 = {}

---@class bedrock.Request
---@field method string
---@field url string  absolute; its path and query escaped as they are sent
---@field headers? table<string, string|string[]>  a list is a header that comes once for each of its values
---@field body? string

---@class bedrock.sigv4.Options
---@field credentials {access_key_id: string, secret_access_key: string, session_token?: string}
---@field region string  "us-east-1"
---@field service string  the signing name: "bedrock", also for bedrock-runtime
---@field time number  seconds since 1970, UTC
---@field normalize_path? boolean  remove "." and ".." and doubled slashes in what is signed (default true; false for S3)
---@field double_encode? boolean  escape the escaped path once more in what is signed (default true; false for S3)
---@field sign_body_header? boolean  add x-amz-content-sha256 (default false; S3 wants it)
---@field presign? boolean  sign in the query: the result is a URL (default false)
---@field expires? integer  presign: seconds that the URL lives, 1 to 604800 (default 3600)
---@field omit_session_token? boolean  send the session token without signing it (default false)

---@class bedrock.sigv4.Stages
---@field canonical_request string  contains the session token: not for logs
---@field string_to_sign string
---@field signature string  hexadecimal
---@field signed_headers string  "host;x-amz-date"

---@class bedrock.SignedRequest: bedrock.Request
---@field signing bedrock.sigv4.Stages

local known_options = {
  credentials = true,
  region = true,
  service = true,
  time = true,
  normalize_path = true,
  double_encode = true,
  sign_body_header = true,
  presign = true,
  expires = true,
  omit_session_token = true,
}

local function refuse(message)
  return nil, errors.new { code = "ParamValidationError", message = message }
end

--- Sign a request. The request stays as it is; the signed one is a copy with the headers (or the URL) added. An
--- earlier signature in it is replaced. The body has to be final.
---@param request bedrock.Request
---@param options bedrock.sigv4.Options
---@return bedrock.SignedRequest|nil signed
---@return bedrock.Error? err  code "ParamValidationError"; its message never contains a secret
function sigv4.sign(request, options)
  if type(request) ~= "table" then
    return refuse("sigv4.sign needs a request table, not " .. type(request))
  end
  if type(options) ~= "table" then
    return refuse("sigv4.sign needs a table of options, not " .. type(options))
  end
  for name in pairs(options) do
    if not known_options[name] then
      local nearest = errors.suggest(name, known_options)
      local hint = nearest and ("; did you mean %s?"):format(nearest) or ""
      return refuse(("unknown option %s%s"):format(tostring(name), hint))
    end
  end
  local signed, problem = core.sigv4_sign(request, options)
  if not signed then
    return refuse(problem)
  end
  return signed
end

--- Wipe all signing keys that are kept, for instance after credentials were revoked.
function sigv4.forget()
  core.sigv4_forget()
end

return sigv4
