-- static.lua: credentials from the option `credentials`: a table of keys, or a provider of the user's own.

local errors = require "bedrock.errors"
local keys = require "bedrock.credentials.keys"

local static = { name = "options" }

local Table = {}
Table.__index = Table

function Table:get()
  return self.credentials
end

-- A user's provider: a function, or an object with a method get. Its contract stands in CONTRIBUTING.md: it is given
-- { runtime, now, deadline, region, profile, config, … } and gives a table like the option's, with `expiration` if it is to be asked again,
-- or nil and an error (a text or an error table).
local User = {}
User.__index = User

function User:get(context)
  local provider = self.provider
  local found, err
  -- No pcall: the provider may wait through the runtime, and Lua 5.1 can't yield across one. What it raises, its own
  -- author should see.
  if type(provider) == "table" and provider.get ~= nil then
    found, err = provider:get(context)
  else
    found, err = provider(context)
  end
  if found == nil or found == false then
    if type(err) == "table" and err.code ~= nil and err.message ~= nil then
      return nil, errors.copy(err) -- the provider may give the same table again
    end
    local reason = type(err) == "table" and err.message ~= nil and err.message or err
    return keys.fail("the provider given in the option credentials has none"
      .. (reason ~= nil and ": " .. tostring(reason) or "; it returned nil without a reason"))
  end
  if type(found) ~= "table" then
    return keys.fail(("the provider given in the option credentials must return a table { access_key_id, "
      .. "secret_access_key, session_token?, expiration? }, it returned a %s"):format(type(found)))
  end
  return keys.make(found, "user", "what the provider given in the option credentials returned")
end

--- The source for what the option `credentials` holds.
---@param config bedrock.Config
---@return table|nil source  nil if the option is not given
---@return string|bedrock.Error? reason  why there is none; an error table (CredentialsError) if it is given and wrong
function static.new(config)
  local given = config.credentials
  if given == nil then return nil, "the option credentials is not given" end
  -- A table that can be called has a metatable; one without keys and without that is one whose keys are missing.
  if type(given) == "function" or given.get ~= nil or (given.access_key_id == nil and getmetatable(given) ~= nil) then
    return setmetatable({ provider = given, refreshable = true, exact = true }, User)
  end
  local found = setmetatable({ features = "e" }, { __index = given })
  local credentials, err = keys.make(found, "options", "option credentials")
  if not credentials then return nil, err end
  return setmetatable({ credentials = credentials }, Table)
end

return static
