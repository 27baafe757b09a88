-- profile.lua: credentials from the chosen profile of the shared files: the steps of profile_chain.lua, carried out.

local keys = require "bedrock.credentials.keys"
local profile_chain = require "bedrock.credentials.profile_chain"
local value_of = require("bedrock.shared_files").variable -- blank is unset

local profile = { name = "profile" }

local KEY_NAMES = {
  access_key_id = "aws_access_key_id",
  secret_access_key = "aws_secret_access_key",
  session_token = "aws_session_token",
  account_id = "aws_account_id",
}

-- Keys in a file have no end, but other programs put new ones there: the files are looked at again after this many seconds.
local CHECK_EVERY = 60

local Keys = {}
Keys.__index = Keys

function Keys:get()
  local step = self.step
  local found = { profile = step.profile, features = "n" }
  for member, key in pairs(KEY_NAMES) do found[member] = value_of(step.settings, key) end
  return keys.make(found, "profile", ("the profile %q (%s)"):format(step.profile, step.place), KEY_NAMES)
end

local NAMED = { Environment = "environment", Ec2InstanceMetadata = "imds", EcsContainer = "container" }

-- credential_source: the profile says where, so what would be a reason to go on is an error here.
local Named = {}
Named.__index = Named

function Named:get(context)
  local found, reason
  local step = self.step
  if not self.source then
    local module = require("bedrock.credentials." .. NAMED[step.settings.credential_source])
    self.source, reason = (module.named or module.new)(context.config)
  end
  if self.source then found, reason = self.source:get(context) end
  if found or type(reason) == "table" then return found, reason end
  return keys.fail(("the profile %q (%s) says credential_source = %s, but %s"):format(step.profile, step.place,
    step.settings.credential_source, reason))
end

local BASES = {}

function BASES.keys(_, step) return setmetatable({ step = step }, Keys) end

function BASES.named_source(_, step) return setmetatable({ step = step }, Named) end

function BASES.web_identity(_, step)
  return require("bedrock.credentials.web_identity").source {
    arn = step.settings.role_arn, file = step.settings.web_identity_token_file,
    session_name = step.settings.role_session_name, profile = step.profile, features = "q,k",
    where = ("the profile %q (%s)"):format(step.profile, step.place),
  }
end

function BASES.sso(config, step) return require("bedrock.credentials.sso").source(config, step) end

function BASES.process(_, step) return require("bedrock.credentials.process").source(step) end

local Source = { refreshable = true, from_files = true }
Source.__index = Source

-- Each refresh begins at the base: what was assumed with old keys may have ended with them.
function Source:get(context)
  local found, err = self.base:get(context)
  local features = found and found.features .. "," .. self.link
  for i = 2, #self.steps do
    if not found then break end
    found, err = require("bedrock.credentials.assume_role").get(context, self.steps[i], found, features)
    features = found and found.features
  end
  if not found then return nil, err end
  return found
end

-- Why a profile without a word about credentials is passed over.
local function nothing(config)
  local settings, name = config.profile_settings, config.profile
  if next(config.profile_data.profiles) == nil then
    return nil, ("no profile in %s or %s"):format(config.location.config or "the config file (no home folder is known)",
      config.location.credentials or "the credentials file")
  elseif next(settings) == nil and not config.profile_data.profiles[name] then
    return nil, ("there is no profile %q"):format(name)
  end
  return nil, ("the profile %q has no aws_access_key_id, role_arn, sso_session, credential_process or the like"):format(name)
end

--- The source for the profile that the configuration chose.
---@param config bedrock.Config
---@return table|nil source
---@return string|bedrock.Error? reason  why there is none; an error table (CredentialsError) if it is set up and wrong
function profile.new(config)
  local steps, message = profile_chain.steps(config.profile_data, config.profile_origins, config.profile)
  if message then return keys.fail(message) end
  if not steps then return nothing(config) end
  local kind = steps[1].kind
  local source = setmetatable({
    steps = steps, base = BASES[kind](config, steps[1]), link = kind == "named_source" and "p" or "o",
  }, Source)
  if kind == "keys" and not steps[2] then
    source.check_every = CHECK_EVERY
    local found, err = source.base:get() -- a mistake in them is one before the first call, too
    if not found then return nil, err end
  end
  return source
end

return profile
