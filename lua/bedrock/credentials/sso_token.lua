-- sso_token.lua: the access token of IAM Identity Center (SSO), which `aws sso login` leaves in a file of the user's cache
-- folder, shared with every AWS tool. The session form can be renewed without a person, and the file is then written back.

local core = require "bedrock.core"
local document = require "bedrock.credentials.document"
local keys = require "bedrock.credentials.keys"
local service = require "bedrock.credentials.service"
local shared_files = require "bedrock.shared_files"

local sso_token = {}

local LONGEST = 1e9 -- seconds that a token can be meant to last
local WINDOW = 300 -- seconds before its end in which a token is renewed
local PAUSE = 60 -- seconds between two tries to renew it

---@class bedrock.SsoToken
---@field token string
---@field expiration number  seconds since 1970

local Source = {}
Source.__index = Source

local function log_in(self, problem)
  return keys.fail(("%s: %s: run `aws sso login --profile %s`"):format(self.where, problem, self.step.profile))
end

local function date_of(value)
  if type(value) ~= "string" then return nil end
  return core.time_parse((value:gsub("UTC$", "Z")))
end

-- The cache file's name: the session's, or in the older form the start URL.
local function cache_path(config, settings)
  local home = shared_files.home(config.environment)
  if not home then return nil end
  local name = settings.sso_session or settings.sso_start_url
  return ("%s/.aws/sso/cache/%s.json"):format(home, core.hex(core.sha1(name)))
end

-- The file's content as it is now, or what was renewed and could not be written.
local function read(self, config)
  if not self.path then return log_in(self, "no home folder is known, where the SSO token would be") end
  local text, message = shared_files.read_text(config.read_file, self.path)
  if not text then
    if message then return keys.fail(("%s: the SSO token can't be read: %s"):format(self.where, message)) end
    return log_in(self, "there is no SSO token")
  end
  if self.unwritten and self.unwritten.before == core.sha256(text) then return self.unwritten.cache end
  local cache, err = document.read(text, "the file of the SSO token")
  if not cache then return log_in(self, ("%s (%s)"):format(err.message, self.path)) end
  self.digest = core.sha256(text)
  if type(cache.accessToken) ~= "string" or cache.accessToken == "" or cache.accessToken:find("[^\33-\126]") then
    return log_in(self, "the file of the SSO token has no accessToken that can be used")
  elseif not date_of(cache.expiresAt) then
    return log_in(self, "the file of the SSO token has no readable expiresAt")
  end
  return cache
end

local function can_renew(cache, now)
  for _, name in ipairs { "refreshToken", "clientId", "clientSecret" } do
    if type(cache[name]) ~= "string" then return false end
  end
  local registered = date_of(cache.registrationExpiresAt)
  return not registered or registered > now
end

-- Only where the file came from the disk is it written back there.
local function write(self, context, cache)
  local text = core.json_encode_plain(cache)
  if text and context.config.read_file == shared_files.read_from_disk then
    local ok, system = pcall(require("bedrock.native").load, "bedrock.system")
    local written, message = nil, system
    if ok then written, message = system.write_private(self.path, text) end
    if written then return end
    context.warn(("the renewed SSO token can't be kept: %s"):format(message))
  end
  self.unwritten = { before = self.digest, cache = cache }
end

-- A new token in the cache's form, or nil and what went wrong.
local function renew(self, context, cache)
  local client, err = service.client(context, "sso_oidc", { region = self.step.settings.sso_region })
  if not client then return nil, err end
  local answer
  answer, err = client:create_token {
    clientId = cache.clientId, clientSecret = cache.clientSecret, grantType = "refresh_token",
    refreshToken = cache.refreshToken,
  }
  if not answer then
    require("bedrock.errors").mask(err, { cache.clientSecret, cache.refreshToken })
    return nil, err
  end
  local token, life, refresh_token = answer.accessToken, answer.expiresIn, answer.refreshToken
  if type(token) ~= "string" or token == "" or token:find("[^\33-\126]")
    or type(life) ~= "number" or not (life > 0 and life < LONGEST) then
    return keys.fail("the answer has no accessToken with a lifetime")
  end
  local renewed = {}
  for name, value in pairs(cache) do renewed[name] = value end
  renewed.accessToken = token
  renewed.expiresAt = core.time_iso8601(math.floor(context.now + life))
  renewed.refreshToken = type(refresh_token) == "string" and refresh_token or cache.refreshToken
  return renewed
end

--- The token as it can be used now.
---@param context bedrock.CredentialsContext
---@return bedrock.SsoToken|nil token
---@return bedrock.Error? err  CredentialsError that says how to log in
function Source:get(context)
  local cache, err = read(self, context.config)
  if not cache then return nil, err end
  local now = context.now
  local left = date_of(cache.expiresAt) - now
  local cause
  if left < WINDOW and self.step.settings.sso_session and can_renew(cache, now)
    and (left <= 0 or not self.tried_at or now - self.tried_at >= PAUSE) then
    self.tried_at = now
    local renewed
    renewed, cause = renew(self, context, cache)
    if renewed then
      cache, left = renewed, date_of(renewed.expiresAt) - now
      write(self, context, cache)
    elseif left <= 0 then
      cache, err = read(self, context.config) -- another program may have been faster, and its renewal ended this one's
      if not cache then return nil, err end
      left = date_of(cache.expiresAt) - now
    end
  end
  if left <= 0 then
    local _, failure = log_in(self, "the SSO token has expired" .. (cause and " and can't be renewed" or ""))
    if cause then
      failure.cause, failure.retryable = cause, cause.retryable == true
      failure.message = ("%s (%s)"):format(failure.message, tostring(cause))
    end
    return nil, failure
  elseif cause and left < WINDOW then
    context.warn(("%s: the SSO token can't be renewed yet: %s"):format(self.where, tostring(cause)))
  end
  return { token = cache.accessToken, expiration = date_of(cache.expiresAt) }
end

--- The token's source.
---@param config bedrock.Config
---@param step bedrock.ProfileStep  of kind "sso"
---@return table source
function sso_token.source(config, step)
  return setmetatable({ step = step, path = cache_path(config, step.settings),
    where = ("the profile %q (%s)"):format(step.profile, step.place) }, Source)
end

return sso_token
