--- The IAM policies that a tuning job needs, as JSON for this job's buckets, key and model: who may assume the role, what the role
--- may do, what the caller may do, and what the key's own policy says.
--
-- Conditions and actions are those of the service's guide (sources role, vpc and encryption of models.lua). Resources are as narrow
-- as the job allows. What isn't known stands there in capitals: ACCOUNT_ID, REGION, BUCKET, ROLE_NAME.

local core = require "bedrock.core"
local endpoint = require "bedrock.endpoint"
local models = require "bedrock.tuning.models"
local names = require "bedrock.tuning.names"
local tuning_options = require "bedrock.tuning.options"

local policies = {}

local text = names.text

-- JSON ---------------------------------------------------------------------------------------------------------------------------

-- Policies are read by people: the words of a statement stand in the order in which they are told.
local ORDER = { Version = 1, Statement = 2, Sid = 3, Effect = 4, Principal = 5, Action = 6, Resource = 7, Condition = 8 }

local function before(a, b)
  local x, y = ORDER[a] or 9, ORDER[b] or 9
  if x ~= y then return x < y end
  return a < b
end

local function write(value, indent)
  if type(value) == "string" then return (core.json_encode_plain(value) or core.json_encode_plain(names.shown(value))) end
  -- A list of one text is the same to IAM as the text.
  if #value == 1 and type(value[1]) == "string" then return write(value[1], indent) end
  local deeper, parts = indent .. "  ", {}
  if value[1] ~= nil then
    for i, item in ipairs(value) do parts[i] = deeper .. write(item, deeper) end
    return "[\n" .. table.concat(parts, ",\n") .. "\n" .. indent .. "]"
  end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, before)
  for i, key in ipairs(keys) do parts[i] = deeper .. core.json_encode_plain(key) .. ": " .. write(value[key], deeper) end
  return "{\n" .. table.concat(parts, ",\n") .. "\n" .. indent .. "}"
end

local function document(statements)
  return write({ Version = "2012-10-17", Statement = statements }, "")
end

-- What the job says --------------------------------------------------------------------------------------------------------------

---@class bedrock.tuning.PolicyOptions
---@field region? string
---@field client? bedrock.Client  its region counts where none is given
---@field account_id? string  twelve digits; otherwise that of the role's ARN
---@field data_key? string  ARN of the KMS key that encrypts the objects in the buckets, if one does

local OPTIONS = { region = "string", client = "table", account_id = tuning_options.account, data_key = "string" }

--- What is wrong with the options.
---@param options any
---@return string|nil problem
function policies.check_options(options)
  return tuning_options.problem(options, OPTIONS, "policies")
end

-- The first ARN of the job that has a part, and that part. Where the job runs, its own ARN says best.
local function part_of(job, part, ...)
  for i = 1, select("#", ...) do
    local arn = names.arn(text(job, (select(i, ...))))
    if arn and arn[part] ~= "" then return names.shown(arn[part]) end
  end
  return nil
end

--- Where a job runs, and for whom.
---@param job any  parameters of CreateModelCustomizationJob, or a job of GetModelCustomizationJob
---@param options bedrock.tuning.PolicyOptions
---@return {region: string, account: string, partition: string, suffix: string, role: string} place  words in capitals for what isn't known
function policies.place(job, options)
  local region = tuning_options.region(options)
    or part_of(job, "region", "jobArn", "baseModelArn", "baseModelIdentifier", "customModelKmsKeyId", "outputModelKmsKeyArn")
  local account = options.account_id or part_of(job, "account", "jobArn", "roleArn")
  local partition = region and endpoint.partition(region)
  local id = partition and partition.id or part_of(job, "partition", "roleArn") or "aws"
  account = account or "ACCOUNT_ID"
  local role = text(job, "roleArn")
  if not (names.arn(role) and role:find(":role/", 1, true)) then role = ("arn:%s:iam::%s:role/ROLE_NAME"):format(id, account) end
  return { region = region or "REGION", account = account, partition = id,
    suffix = partition and partition.dns_suffix or "amazonaws.com", role = role }
end

-- IAM reads * and ? in a resource as wildcards, $ as a variable's beginning; keys of S3 may have them.
local function literal(key) return (key:gsub("[*?$]", "${%0}")) end

local function add(list, seen, value)
  if not seen[value] then
    seen[value] = true
    list[#list + 1] = value
  end
end

-- ARNs of the objects that the role reads, and of all its buckets.
local function s3_resources(job, place)
  local base = text(job, "baseModelIdentifier") or text(job, "baseModelArn")
  local dataset = (base and models.find(base) or {}).dataset
  -- Images and videos lie in the bucket of the set, where its records say.
  local media = dataset and (dataset.shape == "image-caption" or dataset.images)
  local objects, buckets, seen = {}, {}, {}
  local function take(uri, folder)
    local s3 = names.s3(uri) or { bucket = "BUCKET", key = "" }
    local arn = ("arn:%s:s3:::%s"):format(place.partition, literal(s3.bucket))
    add(buckets, seen, arn)
    local key = literal(s3.key)
    if folder and key ~= "" and key:sub(-1) ~= "/" then key = key .. "/" end
    return arn .. "/" .. key .. ((key == "" or key:sub(-1) == "/") and "*" or ""), arn .. "/*"
  end
  local function read(uri, folder)
    local object, whole = take(uri, folder)
    add(objects, seen, media and whole or object)
  end
  local logs = text(job, "trainingDataConfig", "invocationLogsConfig", "invocationLogSource", "s3Uri")
  local training = text(job, "trainingDataConfig", "s3Uri")
  if training or not logs then read(training) end
  if logs then read(logs, true) end
  for _, validator in ipairs(names.list(names.get(job, "validationDataConfig", "validators"))) do
    local uri = text(validator, "s3Uri")
    if uri then read(uri) end
  end
  local output = take(text(job, "outputDataConfig", "s3Uri"), true)
  return objects, buckets, output
end

local function allow(sid, actions, resources, condition)
  return { Sid = sid, Effect = "Allow", Action = actions, Resource = resources, Condition = condition }
end

local KEY_ACTIONS = { "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey" }

-- The key as a resource, and the condition that an alias needs, since policies name keys only by their ids.
local function key_resource(key, place)
  local alias = key:match "^alias/.+$" or key:match ":(alias/.+)$"
  local own = names.arn(key)
  local arn = ("arn:%s:kms:%s:%s:key/%s"):format(place.partition, own and own.region or place.region,
    own and own.account or place.account, alias and "*" or key)
  if alias then return arn, alias end
  return own and key or arn
end

local function key_statement(sid, key, place, service)
  local resource, alias = key_resource(key, place)
  local condition = { StringEquals = { ["kms:ViaService"] = ("%s.%s.%s"):format(service, place.region, place.suffix) } }
  if alias then condition["ForAnyValue:StringEquals"] = { ["kms:ResourceAliases"] = alias } end
  return allow(sid, service == "s3" and { "kms:Decrypt", "kms:GenerateDataKey" } or KEY_ACTIONS, { resource }, condition)
end

local function vpc_statements(statements, job, place)
  local config = names.get(job, "vpcConfig")
  if type(config) ~= "table" then return end
  local function ec2(kind, id) return ("arn:%s:ec2:%s:%s:%s/%s"):format(place.partition, place.region, place.account, kind, id) end
  local subnets, both = {}, {}
  for _, id in ipairs(names.list(rawget(config, "subnetIds"), 16)) do
    subnets[#subnets + 1] = text(id) and ec2("subnet", literal(text(id)))
  end
  for i, subnet in ipairs(subnets) do both[i] = subnet end
  for _, id in ipairs(names.list(rawget(config, "securityGroupIds"), 16)) do
    both[#both + 1] = text(id) and ec2("security-group", literal(text(id)))
  end
  local jobs = { place.job_arns }
  for _, statement in ipairs {
    allow("LookAtVpc", { "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets", "ec2:DescribeVpcs" }, { "*" }),
    allow("CreateInterface", { "ec2:CreateNetworkInterface" }, { ec2("network-interface", "*") }, {
      StringEquals = { ["aws:RequestTag/BedrockManaged"] = { "true" } },
      ArnEquals = { ["aws:RequestTag/BedrockModelCustomizationJobArn"] = jobs } }),
    allow("CreateInterfaceInSubnets", { "ec2:CreateNetworkInterface" }, #both > 0 and both
      or { ec2("subnet", "SUBNET_ID"), ec2("security-group", "SECURITY_GROUP_ID") }),
    allow("UseInterface", { "ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterface",
      "ec2:DeleteNetworkInterfacePermission" }, { "*" }, {
      StringEquals = { ["ec2:ResourceTag/BedrockManaged"] = "true" },
      ArnEquals = { ["ec2:ResourceTag/BedrockModelCustomizationJobArn"] = jobs,
        ["ec2:Subnet"] = #subnets > 0 and subnets or { ec2("subnet", "SUBNET_ID") } } }),
    allow("TagInterface", { "ec2:CreateTags" }, { ec2("network-interface", "*") }, {
      StringEquals = { ["ec2:CreateAction"] = { "CreateNetworkInterface" } },
      ["ForAllValues:StringEquals"] = { ["aws:TagKeys"] = { "BedrockManaged", "BedrockModelCustomizationJobArn" } } }),
  } do
    statements[#statements + 1] = statement
  end
end

-- A model as a resource: by id, by ARN, or by an inference profile, which calls its model in other regions, too.
local function model_resources(identifier, place)
  local arn = names.arn(identifier)
  local id = arn and arn.resource:match "^inference%-profile/(.+)$" or identifier
  local behind = models.behind_profile(id)
  if arn and not behind then return { identifier } end
  if behind then
    return { arn and identifier or ("arn:%s:bedrock:%s:%s:inference-profile/%s"):format(place.partition, place.region, place.account, id),
      ("arn:%s:bedrock:*::foundation-model/%s"):format(place.partition, behind) }
  elseif not id:find("[.:]") then -- a custom model's name
    return { ("arn:%s:bedrock:%s:%s:custom-model/*"):format(place.partition, place.region, place.account) }
  end
  return { ("arn:%s:bedrock:%s::foundation-model/%s"):format(place.partition, place.region, id) }
end

---@class bedrock.tuning.Policies  each the text of a policy, indented JSON
---@field trust string  the role's trust policy: Bedrock may assume it, for jobs of this account and region
---@field permissions string  what the role may do: read the data, write the output, use the key and the VPC
---@field caller string  what the caller may do: pass the role, create and watch the job, look at its model
---@field key? string  the policy of the KMS key, where the job has one

--- Write the policies. Options are right already.
---@param job any  parameters of CreateModelCustomizationJob, or a job of GetModelCustomizationJob
---@param options? bedrock.tuning.PolicyOptions
---@return bedrock.tuning.Policies
function policies.build(job, options)
  options = options or {}
  local place = policies.place(job, options)
  local function bedrock_arn(resource)
    return ("arn:%s:bedrock:%s:%s:%s"):format(place.partition, place.region, place.account, resource)
  end
  place.job_arns = bedrock_arn "model-customization-job/*"

  local objects, buckets, output = s3_resources(job, place)
  local role = {
    allow("ListBuckets", { "s3:ListBucket" }, buckets),
    allow("ReadData", { "s3:GetObject" }, objects),
    allow("WriteOutput", { "s3:GetObject", "s3:PutObject" }, { output }),
  }
  local caller = {
    allow("PassRole", { "iam:PassRole" }, { place.role },
      { StringEquals = { ["iam:PassedToService"] = "bedrock.amazonaws.com" } }),
  }
  local base = text(job, "baseModelIdentifier") or text(job, "baseModelArn")
  local targets = base and model_resources(base, place)
    or { ("arn:%s:bedrock:%s::foundation-model/*"):format(place.partition, place.region) }
  local custom_models = bedrock_arn "custom-model/*"
  if targets[1] ~= custom_models then targets[#targets + 1] = custom_models end
  targets[#targets + 1] = place.job_arns
  caller[2] = allow("CreateJob", { "bedrock:CreateModelCustomizationJob", "bedrock:TagResource" }, targets)
  caller[3] = allow("WatchJob", { "bedrock:GetModelCustomizationJob", "bedrock:StopModelCustomizationJob" }, { place.job_arns })
  caller[4] = allow("LookAtModel", { "bedrock:GetCustomModel" }, { custom_models })

  local key = text(job, "customModelKmsKeyId") or text(job, "outputModelKmsKeyArn")
  local key_policy
  if key then
    role[#role + 1] = key_statement("UseModelKey", key, place, "bedrock")
    caller[#caller + 1] = key_statement("UseModelKey", key, place, "bedrock")
    local own = names.arn(key)
    local owner = ("arn:%s:iam::%s:root"):format(place.partition, own and own.account or place.account)
    key_policy = document {
      -- Without this one nobody could change the key's policy any more.
      { Sid = "EnableIamPolicies", Effect = "Allow", Principal = { AWS = owner }, Action = { "kms:*" }, Resource = "*" },
      { Sid = "TuneModels", Effect = "Allow", Principal = { AWS = place.role }, Action = KEY_ACTIONS, Resource = "*",
        Condition = { StringEquals = { ["kms:ViaService"] = ("bedrock.%s.%s"):format(place.region, place.suffix) } } },
    }
  end
  if options.data_key then role[#role + 1] = key_statement("UseDataKey", options.data_key, place, "s3") end
  vpc_statements(role, job, place)
  local config = names.get(job, "customizationConfig")
  local teacher = text(config, "distillationConfig", "teacherModelConfig", "teacherModelIdentifier")
  if teacher then role[#role + 1] = allow("AskTeacher", { "bedrock:InvokeModel" }, model_resources(teacher, place)) end
  local grader = text(config, "rftConfig", "graderConfig", "lambdaGrader", "lambdaArn")
  if grader then role[#role + 1] = allow("AskGrader", { "lambda:InvokeFunction" }, { grader, grader .. ":*" }) end

  return {
    trust = document { { Effect = "Allow", Principal = { Service = "bedrock.amazonaws.com" }, Action = { "sts:AssumeRole" },
      Condition = { StringEquals = { ["aws:SourceAccount"] = place.account }, ArnEquals = { ["aws:SourceArn"] = place.job_arns } } } },
    permissions = document(role),
    caller = document(caller),
    key = key_policy,
  }
end

return policies
