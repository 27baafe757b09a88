-- chain.lua: the provider chain: asks one provider after the other; the first that has credentials is the source.
--
-- A provider is a module of this folder: `name`, and `new(config) -> source | nil, reason`. A source has
-- `get(context) -> credentials | nil, reason`, and says by `refreshable` whether asking it again can bring something new, by
-- `from_files` whether the shared files are behind it, and by `check_every` (seconds) how long credentials without an end
-- are kept. A reason that is a text means "nothing here" and goes into the list of what was tried; an error table means
-- "set up, but wrong" and ends the chain, since somebody meant that identity and no other.

local keys = require "bedrock.credentials.keys"

local chain = {}

---@class bedrock.CredentialsContext  what a source, and a user's provider, is asked with
---@field runtime bedrock.Runtime
---@field now number  seconds since 1970, corrected where this machine's clock is known to be wrong
---@field deadline? number  of the call that waits for the credentials, on the runtime's clock
---@field region? string
---@field profile string
---@field config bedrock.Config
---@field clock bedrock.Clock
---@field random fun(): number
---@field user_agent string
---@field warn fun(text: string)  tells `on_event`

--- The modules in the order in which they are asked, each loaded when the chain comes to it.
chain.PROVIDERS = { "static", "environment", "profile", "web_identity", "container", "imds" }

---@class bedrock.ProviderTried
---@field provider string  the name that messages use
---@field reason? string  why it gave nothing
---@field err? bedrock.Error  why the chain ended here
---@field found? bedrock.Credentials

--- The source that the configuration leads to, before it is asked for anything.
---@param module string  of chain.PROVIDERS
---@param config bedrock.Config
---@return table|nil source
---@return string|bedrock.Error reason  or, with a source, the provider's name
---@return string name
function chain.source(module, config)
  local provider = require("bedrock.credentials." .. module)
  local source, reason = provider.new(config)
  return source, source and provider.name or reason, provider.name
end

--- Walk the chain.
---@param config bedrock.Config
---@param context bedrock.CredentialsContext
---@param tried? bedrock.ProviderTried[]  is filled with what was tried, in order
---@return table|nil source
---@return string|bedrock.Error name  of the source; or a CredentialsError, or what a user's provider gave
---@return bedrock.Credentials? found
function chain.walk(config, context, tried)
  tried = tried or {}
  for i, module in ipairs(chain.PROVIDERS) do
    local found
    local source, reason, name = chain.source(module, config)
    if source then found, reason = source:get(context) end
    tried[i] = { provider = name, found = found }
    if found then
      return source, name, found
    elseif type(reason) == "table" then
      tried[i].err = reason
      return nil, reason
    end
    tried[i].reason = reason
  end
  local list = {}
  for i, row in ipairs(tried) do list[i] = ("%s: %s"):format(row.provider, row.reason) end
  return keys.fail(("no credentials were found. Tried: %s. Give the option credentials = { access_key_id = ..., "
    .. "secret_access_key = ... }, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or put aws_access_key_id and "
    .. "aws_secret_access_key into a profile of %s; print(require(\"bedrock\").doctor()) shows more")
    :format(table.concat(list, "; "), config.location.credentials or "~/.aws/credentials"))
end

return chain
