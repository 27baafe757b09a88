-- profile_chain.lua: what a profile says about getting credentials, as a list of steps: a base that has or fetches keys,
-- then the roles that are assumed with them, one after the other. Nothing is fetched here.
--
-- The order of the forms within a profile is that of AWS's Rust SDK: a role with a source, web identity, SSO, a process,
-- keys. In every profile that another one names as its source, keys come first. What is half set up is an error and
-- never a reason to go on with another identity.

local value_of = require("bedrock.shared_files").variable -- blank is unset

local profile_chain = {}

---@class bedrock.ProfileStep
---@field kind "keys"|"named_source"|"web_identity"|"sso"|"process"|"assume_role"
---@field profile string  the profile that says so
---@field place string  FILE:LINE of the setting that decided
---@field places table<string, string>  those of all its settings
---@field settings table<string, string>  of that profile; for SSO with what its sso-session adds

local function first_of(settings, keys)
  for _, key in ipairs(keys) do
    if value_of(settings, key) then return key end
  end
  return nil
end

-- The profiles and their places, and the profile that is looked at.
local View = {}
View.__index = View

function View:place(key)
  local places = self.places[self.name]
  return places and places[key] or "?"
end

function View:fail(text)
  return nil, ("the profile %q %s"):format(self.name, text)
end

function View:step(kind, key, settings)
  return { kind = kind, profile = self.name, place = self:place(key), places = self.places[self.name] or {},
    settings = settings or self.settings }
end

local KEYS = { "aws_access_key_id", "aws_secret_access_key" }

function View:keys()
  local present = first_of(self.settings, KEYS)
  if not present then return nil end
  local missing = present ~= KEYS[1] and KEYS[1] or not value_of(self.settings, KEYS[2]) and KEYS[2]
  if missing then
    return self:fail(("(%s) has %s, but no %s: set both, or neither"):format(self:place(present), present, missing))
  end
  return self:step("keys", KEYS[1])
end

local SSO_KEYS = { "sso_session", "sso_start_url", "sso_account_id", "sso_role_name", "sso_region" }

function View:sso()
  local decided = first_of(self.settings, SSO_KEYS)
  if not decided then return nil end
  local settings = setmetatable({}, { __index = self.settings })
  local session_name = value_of(self.settings, "sso_session")
  local needed = { "sso_account_id", "sso_role_name" }
  if session_name then
    local session = self.files.sso_sessions[session_name]
    if not session then
      return self:fail(("(%s) names the sso_session %q, but there is no section [sso-session %s]")
        :format(self:place("sso_session"), session_name, session_name))
    end
    for _, key in ipairs { "sso_region", "sso_start_url" } do
      local own, shared = value_of(self.settings, key), value_of(session, key)
      if not shared then
        return self:fail(("(%s) names the sso_session %q, which has no %s")
          :format(self:place("sso_session"), session_name, key))
      elseif own and own ~= shared then
        return self:fail(("(%s) sets another %s than its [sso-session %s]: remove one of them")
          :format(self:place(key), key, session_name))
      end
      settings[key] = shared
    end
    -- With neither it is a profile for tokens, which have no account.
    if not first_of(self.settings, needed) then needed = {} end
  else
    needed = { "sso_start_url", "sso_region", "sso_account_id", "sso_role_name" }
  end
  for _, key in ipairs(needed) do
    if not value_of(self.settings, key) then
      return self:fail(("(%s) sets %s, but no %s"):format(self:place(decided), decided, key))
    end
  end
  return self:step("sso", decided, settings)
end

function View:web_identity()
  if not value_of(self.settings, "web_identity_token_file") then return nil end
  if not value_of(self.settings, "role_arn") then
    return self:fail(("(%s) sets web_identity_token_file, but no role_arn"):format(self:place("web_identity_token_file")))
  end
  return self:step("web_identity", "web_identity_token_file")
end

function View:role_without_source()
  if not value_of(self.settings, "role_arn") then return nil end
  return self:fail(("(%s) sets role_arn, but neither source_profile nor credential_source: with whose keys is the role to be "
    .. "assumed?"):format(self:place("role_arn")))
end

function View:process()
  if not value_of(self.settings, "credential_process") then return nil end
  return self:step("process", "credential_process")
end

function View:login_session()
  if not value_of(self.settings, "login_session") then return nil end
  return self:fail(("(%s) sets login_session, which this library can't follow; `aws configure export-credentials "
    .. "--profile %s --format process` as the credential_process of a profile of its own gives the same keys")
    :format(self:place("login_session"), self.name))
end

local SOURCES = { Environment = true, Ec2InstanceMetadata = true, EcsContainer = true }

function View:named_source()
  local source = value_of(self.settings, "credential_source")
  if not source then return nil end
  if not SOURCES[source] then
    return self:fail(("(%s) has a credential_source that must be Environment, Ec2InstanceMetadata or EcsContainer, not %q")
      :format(self:place("credential_source"), source))
  end
  return self:step("named_source", "credential_source")
end

-- The base that a profile without a role, or at the end of a chain, offers; nil alone if it offers none.
local BASES = { "named_source", "web_identity", "role_without_source", "sso", "login_session", "process", "keys" }

function View:base()
  for _, form in ipairs(BASES) do
    local step, message = self[form](self)
    if step or message then return step, message end
  end
  if not value_of(self.settings, "source_profile") then return nil end
  return self:fail(("(%s) sets source_profile, but no role_arn"):format(self:place("source_profile")))
end

-- The profile whose keys are for assuming this one's role; false if it is at the chain's end: its own base gives them.
-- nil, message for a mistake.
function View:source()
  local source, named = value_of(self.settings, "source_profile"), value_of(self.settings, "credential_source")
  if source and named then
    return self:fail(("(%s) sets both source_profile and credential_source: remove one of them")
      :format(self:place("source_profile")))
  end
  return source or false
end

--- The steps to a profile's credentials.
---@param files bedrock.SharedFiles
---@param origins table  places in a table of the same form, as shared_files.parse gives them
---@param name string  the profile
---@return bedrock.ProfileStep[]|nil steps  the base first
---@return string? message  what is wrong; none if the profile says nothing about credentials
function profile_chain.steps(files, origins, name)
  local steps, visited = {}, {}
  local view = setmetatable({ files = files, places = origins.profiles, name = name, settings = files.profiles[name] }, View)
  if not view.settings then return nil end

  while true do
    local step, message
    visited[view.name] = true
    if steps[1] then -- a source of another profile: keys come first
      step, message = view:keys()
      if message then return nil, message end
    end
    local source = false
    if not step and value_of(view.settings, "role_arn")
      and first_of(view.settings, { "source_profile", "credential_source" }) then
      source, message = view:source()
      if message then return nil, message end
      table.insert(steps, 1, view:step("assume_role", "role_arn"))
      if source == view.name then -- with its own keys
        step, message = view:keys()
        if not step then
          return nil, message or select(2, view:fail(("(%s) is its own source_profile, but has no aws_access_key_id")
            :format(view:place("source_profile"))))
        end
      end
    end
    if step or not source then
      if not step then step, message = view:base() end
      if not step then
        if steps[1] and not message then
          message = ("the profile %q (%s) has the source_profile %q, but that one has no aws_access_key_id, role_arn, "
            .. "sso_session, credential_process or the like"):format(steps[1].profile, steps[1].place, view.name)
        end
        return nil, message
      end
      table.insert(steps, 1, step)
      return steps
    end

    if not files.profiles[source] then
      return view:fail(("(%s) has the source_profile %q, which is in neither file")
        :format(view:place("source_profile"), source))
    elseif visited[source] then
      return view:fail(("(%s) has the source_profile %q, which leads back to it: the chain of profiles is a loop")
        :format(view:place("source_profile"), source))
    end
    view.name, view.settings = source, files.profiles[source]
  end
end

return profile_chain
