--- What the API's shapes say beyond types, for check_job: maxima, patterns and enum values, which bedrock.validate leaves to the
--- service; and closer looks at what has parts: ARNs and S3 URIs.

local errors = require "bedrock.errors"
local hyperparameters = require "bedrock.tuning.hyperparameters"
local models = require "bedrock.tuning.models"
local names = require "bedrock.tuning.names"
local pattern = require "bedrock.emulator.pattern"

local job_shapes = {}

local shown, quoted, member, text = names.shown, names.quoted, names.member, names.text

-- What a pattern means, for people.
local WORDS = {
  JobName = "a job's name has letters and digits, after the first also + - .",
  CustomModelName = "a custom model's name has letters and digits, with a single _ or - between or behind them",
  IdempotencyToken = "a token has letters, digits and hyphens, and no hyphen at its beginning or end",
  TagKey = "a tag's key has letters, digits, blanks and . _ : / = + @ -",
  TagValue = "a tag's value has letters, digits, blanks and . _ : / = + @ -",
  SubnetId = "a subnet's id looks like subnet-0123456789abcdef0",
  SecurityGroupId = "a security group's id looks like sg-0123456789abcdef0",
  RoleArn = "a role's ARN looks like arn:aws:iam::111122223333:role/NAME",
  KmsKeyId = "a key is named by its id, by alias/NAME, or by the ARN of either",
  BaseModelIdentifier = "a base model is named by its id, its ARN, or the name or ARN of a custom model",
  TeacherModelIdentifier = "a teacher is named by its id, its ARN, or the ARN of an inference profile",
  LambdaArn = "a function's ARN looks like arn:aws:lambda:us-east-1:111122223333:function:NAME",
}

local function check_account(check, path, account, is_role)
  if not account:find "^%d%d%d%d%d%d%d%d%d%d%d%d$" then
    check:error("account", path, ('has "%s" for an account id, which is twelve digits'):format(shown(account)))
  elseif check.options.account_id and account ~= check.options.account_id then
    check[is_role and "error" or "warn"](check, "account", path, ("belongs to the account %s, the caller to %s"):format(account,
      shown(check.options.account_id)), is_role and "give a role of the caller's own account: no other can be passed" or nil)
  end
end

local function check_partition(check, path, partition)
  if check.partition and partition ~= check.partition then
    check:error("partition", path, ("is in the partition %s, the region %s in %s"):format(shown(partition), check.region,
      check.partition), ("begin it with arn:%s:"):format(check.partition))
  end
end

local function check_region(check, path, region)
  if check.region and region ~= check.region then
    check:error("region", path, ('is in the region "%s", the job in %s'):format(shown(region), check.region))
  end
end

local function no_arn(check, path, value, wanted, mend)
  check:error("arn", path, ("is %s, which is %s"):format(quoted(value), wanted), mend)
  return true
end

-- Checks of single shapes that find better words than "does not match". They tell whether the pattern need not be asked any more.
local closer = {}

function closer.RoleArn(check, value, path)
  local arn = names.arn(value)
  if not arn then
    return no_arn(check, path, value, "no ARN",
      ("write the whole of it: arn:%s:iam::ACCOUNT:role/NAME"):format(check.partition or "aws"))
  end
  local session = arn.service == "sts" and arn.resource:match "^assumed%-role/([^/]+)/"
  if session then
    return no_arn(check, path, value, "the ARN of a session, not of a role",
      ("give the role itself: arn:%s:iam::%s:role/%s"):format(shown(arn.partition), shown(arn.account), shown(session)))
  elseif arn.service ~= "iam" or not arn.resource:find "^role/." then
    return no_arn(check, path, value, "no ARN of a role", "its end has to be role/NAME, and its service iam")
  elseif arn.region ~= "" then
    return no_arn(check, path, value, "wrong: ARNs of IAM have no region", "leave it empty: arn:aws:iam::ACCOUNT:role/NAME")
  end
  check_account(check, path, arn.account, true)
  check_partition(check, path, arn.partition)
  return false
end

function closer.KmsKeyId(check, value, path)
  if value:sub(1, 4) ~= "arn:" then return false end
  local arn = names.arn(value)
  if not arn or arn.service ~= "kms" then return no_arn(check, path, value, "no ARN of a KMS key") end
  check_account(check, path, arn.account)
  check_partition(check, path, arn.partition)
  check_region(check, path, arn.region)
  return false
end

local KINDS = { -- of Bedrock's resources, by how they begin, that are no base models
  ["inference-profile"] = "an inference profile", ["application-inference-profile"] = "an inference profile",
  ["provisioned-model"] = "a provisioned throughput", ["custom-model-deployment"] = "a deployment",
  ["model-customization-job"] = "a job", ["imported-model"] = "an imported model",
}

function closer.BaseModelIdentifier(check, value, path)
  local profile = models.behind_profile(value)
  if profile and models.find(profile) then
    check:error("base_model", path, ("%s is an inference profile, which no job can start from"):format(quoted(value)),
      "name the model itself: " .. shown(models.tuning_id(models.find(profile), profile) or profile))
    return true
  elseif value:sub(1, 4) ~= "arn:" then
    return false
  end
  local arn = names.arn(value)
  if not arn or arn.service ~= "bedrock" then return no_arn(check, path, value, "no ARN of a model") end
  local kind = KINDS[arn.resource:match "^[%l-]+" or ""]
  if kind then
    check:error("base_model", path, ("is the ARN of %s, which no job can start from"):format(kind),
      "name a foundation model or a custom model")
    return true
  end
  check_partition(check, path, arn.partition)
  check_region(check, path, arn.region)
  if arn.resource:find "^custom%-model/" then check_account(check, path, arn.account) end
  return false
end

-- The URI that was meant by a URL or an ARN of S3.
local function meant(value)
  local bucket, key = value:match "^https?://([%w.-]+)%.s3[%w.-]*%.amazonaws%.com[%w.]*/([^?#]*)"
  if not bucket then bucket, key = value:match "^https?://s3[%w.-]*%.amazonaws%.com[%w.]*/([%w.-]+)/?([^?#]*)" end
  if not bucket then bucket, key = value:match "^arn:[%w-]+:s3:::([%w.-]+)/?(.*)$" end
  if not bucket then bucket, key = value:match "^[Ss]3:/*([%w.-]+)/?(.*)$" end
  return bucket and shown(("s3://%s/%s"):format(bucket, key)) or "write s3://BUCKET/KEY"
end

local DIRECTIONS = { north = true, south = true, east = true, west = true, central = true, northeast = true, northwest = true,
  southeast = true, southwest = true }

-- The region that stands in a bucket's name, as in corpus-eu-west-1.
local function region_in(bucket)
  for region, direction in bucket:gmatch "%f[%w](%l%l%-g?o?v?%-?(%l+)%-%d)%f[%W]" do
    if DIRECTIONS[direction] then return region end
  end
  return nil
end

function closer.S3Uri(check, value, path)
  local s3 = names.s3(value)
  if not s3 then
    check:error("s3_uri", path, ("is %s, which is no S3 URI"):format(quoted(value)), meant(value))
    return true
  end
  local problem = names.bucket_problem(s3.bucket)
  if problem then
    check:error("bucket", path, ("the bucket %s %s"):format(quoted(s3.bucket), problem), nil, "buckets")
    return true
  end
  local bad = s3.key:match "[^-!_*'().%w/]" or s3.key:match "[\128-\255]"
  if bad then
    check:error("s3_uri", path, ("the API takes no %s in a key"):format(bad == " " and "blank"
      or bad:find "%p" and bad or bad:find "%c" and "control character" or "character outside ASCII"),
      "rename it with letters, digits and - _ . ! * ' ( )", "limits")
    return true
  elseif s3.key:find "//" or s3.key:sub(1, 1) == "/" then
    check:error("s3_uri", path, "the key has an empty part (//), which the API does not take")
    return true
  end
  local region = region_in(s3.bucket)
  if check.region and region and region ~= check.region then
    check:warn("region", path, ("the bucket %s has %s in its name, the job is in %s"):format(s3.bucket, region, check.region),
      "the buckets of a job have to be in its region")
  end
  return false
end

local function check_string(check, shape, value, path, hidden)
  local _, length = value:gsub("[^\128-\191]", "")
  if length < (shape.min or 0) then return end -- the check of parameters has said so
  if shape.max and length > shape.max then
    check:error("limit", path, ("has %d characters; %d at most"):format(length, shape.max), nil, "limits")
    return
  end
  if closer[shape.name] and closer[shape.name](check, value, path) then return end
  if shape.pattern and length <= (shape.max or 4096) then
    local matcher = pattern.matcher(shape.pattern)
    if matcher and not matcher:matches(value) then
      check:error("pattern", path, (hidden or shape.sensitive) and "does not match " .. shape.pattern
        or ("is %s; %s"):format(quoted(value), WORDS[shape.name] or "it has to match " .. shape.pattern), nil, "limits")
    end
  end
  if not shape.enum then return end
  for _, known in ipairs(shape.enum) do
    if value == known then return end
  end
  -- The service learns new values without asking us: what resembles none may be one.
  local near = errors.suggest(value, shape.enum)
  check[near and "error" or "warn"](check, "enum", path, ("is %s; known are %s"):format(quoted(value),
    table.concat(shape.enum, ", ")), near and "write " .. near, "limits")
end

local function too_many(check, shape, count, path)
  if shape.max and count > shape.max then
    check:error("limit", path, ("has %d items; %d at most"):format(count, shape.max), nil, "limits")
  end
end

local walk

local walkers = {}

function walkers.structure(check, shape, value, path)
  for _, name in ipairs(shape.order) do
    local item = rawget(value, name)
    if not names.absent(item) then walk(check, shape.members[name].shape, item, member(path, name)) end
  end
end

function walkers.list(check, shape, value, path)
  local items = names.list(value, math.huge)
  too_many(check, shape, #items, path)
  for i = 1, math.min(#items, 1000) do walk(check, shape.member.shape, items[i], ("%s[%d]"):format(path, i)) end
end

function walkers.map(check, shape, value, path)
  local count = 0
  for key, item in next, value do
    count = count + 1
    local at = member(path, shape.sensitive and "*" or key)
    walk(check, shape.key.shape, key, at, shape.sensitive)
    walk(check, shape.value.shape, item, at, shape.sensitive)
  end
  too_many(check, shape, count, path)
end

-- Values of what is sensitive are hidden.
function walk(check, shape, value, path, hidden)
  if walkers[shape.type] then
    if type(value) == "table" then walkers[shape.type](check, shape, value, path) end
  elseif shape.type == "string" then
    value = text(value)
    if value then check_string(check, shape, value, path, hidden) end
  elseif type(value) == "number" and shape.max and value > shape.max then
    check:error("limit", path, ("is %s; %s at most"):format(hyperparameters.plain(value), hyperparameters.plain(shape.max)), nil,
      "limits")
  end
end

--- Check all values of the parameters, each by its shape.
---@param check bedrock.tuning.JobCheck
function job_shapes.run(check)
  walk(check, check.input, check.params, "")
end

return job_shapes
