--- What one region of the emulated service holds.

local core = require "bedrock.core"

local store = {}

---@class bedrock.emulator.Store  one region
---@field region string
---@field account_id string
---@field partition string
local Store = {}
Store.__index = Store
Store.__name = "bedrock.emulator.store"

local ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"

local function partition_of(region)
  if region:sub(1, 3) == "cn-" then return "aws-cn" end
  if region:sub(1, 7) == "us-gov-" then return "aws-us-gov" end
  return "aws"
end

--- An empty region.
---@param region string
---@param account_id string
---@param seed string  makes the ids: the same seed and the same calls give the same ids
---@return bedrock.emulator.Store
function store.new(region, account_id, seed)
  return setmetatable({
    region = region,
    account_id = account_id,
    partition = partition_of(region),
    seed = seed,
    sequence = 0,
    jobs = {},           -- in order of creation
    running = {},        -- those that time still changes
    job_by = {},         -- ARN and name -> job
    tokens = {},         -- clientRequestToken -> job
    models = {},         -- finished custom models
    model_by = {},       -- ARN and name -> custom model
    taken = {},          -- custom model name -> job that claims it
    tags = {},           -- ARN -> { {key, value}… }
    logging = nil,       -- the region's one logging configuration
  }, Store)
end

--- An item by name, by ARN or by the twelve characters at the end of its ARN.
---@param kind "job"|"model"
---@param identifier string
---@return table|nil item
function Store:find(kind, identifier)
  local found = self[kind .. "_by"][identifier]
  if found then return found end
  for _, item in ipairs(self[kind .. "s"]) do
    if item.id == identifier then return item end
  end
  return nil
end

--- The next number; items made at the same moment keep their order by it.
---@return integer
function Store:next_sequence()
  self.sequence = self.sequence + 1
  return self.sequence
end

--- Twelve characters of a-z and 0-9, as the service puts at the end of its ARNs.
---@return string
function Store:new_id()
  local bytes = core.sha256(table.concat({ self.seed, self.region, self:next_sequence() }, "|"))
  local id = {}
  for i = 1, 12 do
    local n = bytes:byte(i) % #ALPHABET + 1
    id[i] = ALPHABET:sub(n, n)
  end
  return table.concat(id)
end

--- An ARN of this account and region.
---@param kind string
---@param name string
---@return string
function Store:arn(kind, name)
  return ("arn:%s:bedrock:%s:%s:%s/%s"):format(self.partition, self.region, self.account_id, kind, name)
end

--- The ARN of a foundation model, which belongs to no account.
---@param model_id string
---@return string
function Store:foundation_arn(model_id)
  return ("arn:%s:bedrock:%s::foundation-model/%s"):format(self.partition, self.region, model_id)
end

return store
