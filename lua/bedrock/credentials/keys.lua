-- keys.lua: the table of credentials that every provider gives, made and checked in one place.
--
-- Keys and tokens go into headers and into signatures, so a stray line feed or blank in them (a file read with its last
-- line break, a copied trailing blank) is refused here, in words, rather than by the service with a riddle. What is
-- refused is never shown.

local errors = require "bedrock.errors"

local keys = {}

local LATEST = 253402300800 -- the end of the year 9999: what is beyond is no date in seconds

---@class bedrock.Credentials
---@field access_key_id string
---@field secret_access_key string
---@field session_token? string
---@field account_id? string
---@field expiration? number  seconds since 1970; none: they do not expire
---@field provider string  who gave them: "options", "user", "environment", "profile", "assume_role", "web_identity", "sso",
---  "process", "container", "imds"
---@field profile? string  the profile's name, where one gave them
---@field features? string  how they were found, as ids for the User-Agent header

local credentials_mt = { __name = "bedrock.Credentials" }

function credentials_mt.__tostring(self)
  return ("credentials (key %s from %s%s)"):format(keys.masked(self.access_key_id), tostring(self.provider),
    self.session_token and ", temporary" or "")
end

--- A CredentialsError.
---@param message string
---@param cause? bedrock.Error  of the service or the network: its text ends the message
---@param secrets? table<any, string>  that were sent to whom the cause is from
---@return nil
---@return bedrock.Error err
function keys.fail(message, cause, secrets)
  local err = { code = "CredentialsError", message = message, retryable = false }
  if cause then
    if secrets then errors.mask(cause, secrets) end
    err.message = ("%s: %s"):format(message, tostring(cause))
    err.retryable, err.status, err.request_id, err.cause = cause.retryable == true, cause.status, cause.request_id, cause
  end
  return nil, errors.new(err)
end

--- A text from outside as a message may show it: one line of printable ASCII, not too long.
---@param text string
---@param limit? integer  bytes (default 300)
---@return string
function keys.shown(text, limit)
  limit = limit or 300
  text = text:sub(1, 4 * limit):gsub("[%c\127-\255]+", " "):gsub("^ +", ""):gsub(" +$", "")
  return #text > limit and text:sub(1, limit) .. "..." or text
end

--- A time as a message shows it.
---@param seconds number  since 1970
---@return string
function keys.date(seconds)
  return require("bedrock.core").time_iso8601(math.floor(math.max(seconds, 0))) or "a time without end"
end

--- A key's id as a message may show it: of a long one the last four characters, as AWS's own tools do.
---@param id any
---@return string
function keys.masked(id)
  return "****" .. (type(id) == "string" and #id >= 16 and id:sub(-4) or "")
end

-- Visible ASCII in one piece.
local function problem_of(value, required)
  if value == nil then return required and "is missing" or nil end
  if type(value) ~= "string" then return "must be a string, got " .. type(value) end
  if value == "" then return "is empty" end
  if value:find("[^\33-\126]") then
    return "has a blank, a line break or a character outside printable ASCII in it (copied with too much?)"
  end
  return nil
end

--- Check what a provider found and make a credentials table of it; the table passed stays as it is.
---@param found table  access_key_id, secret_access_key, session_token?, account_id?, expiration?
---@param provider string
---@param where string  begins the message of an error: "the environment variables", "profile ..."
---@param names? table<string, string>  what the members are called there
---@return bedrock.Credentials|nil credentials
---@return bedrock.Error? err  CredentialsError
function keys.make(found, provider, where, names)
  names = names or {}
  local token, account = found.session_token, found.account_id
  if token == "" then token = nil end
  if account == "" then account = nil end
  local problems = {
    { "access_key_id", problem_of(found.access_key_id, true) },
    { "secret_access_key", problem_of(found.secret_access_key, true) },
    { "session_token", problem_of(token) },
    { "account_id", problem_of(account) },
  }
  for _, row in ipairs(problems) do
    if row[2] then return keys.fail(("%s: %s %s"):format(where, names[row[1]] or row[1], row[2])) end
  end
  local expiration = found.expiration
  if expiration ~= nil and type(expiration) ~= "number" then
    return keys.fail(("%s: %s must be a number of seconds since 1970, got %s"):format(where,
      names.expiration or "expiration", type(expiration)))
  elseif expiration and not (expiration < LATEST) then
    return keys.fail(("%s: %s is no time (%.14g): it must be in seconds since 1970, not in milliseconds"):format(where,
      names.expiration or "expiration", expiration))
  end
  return setmetatable({
    access_key_id = found.access_key_id,
    secret_access_key = found.secret_access_key,
    session_token = token,
    account_id = account,
    expiration = expiration,
    provider = provider,
    profile = type(found.profile) == "string" and found.profile or nil,
    features = type(found.features) == "string" and found.features or nil,
  }, credentials_mt)
end

return keys
