local bedrock = require "bedrock"
local core = require "bedrock.core"
local emulator = require "bedrock.emulator"
local everywhere = require "spec.support.everywhere"
local tuning = require "bedrock.tuning"

local MICRO, LITE = "amazon.nova-micro-v1:0:128k", "amazon.nova-lite-v1:0:300k"

local function job(changes)
  local params = {
    jobName = "tone-1", customModelName = "support-tone", roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
    baseModelIdentifier = MICRO, trainingDataConfig = { s3Uri = "s3://corpus/a/train.jsonl" },
    outputDataConfig = { s3Uri = "s3://results/out" },
  }
  for key, value in pairs(changes or {}) do
    if value == false then params[key] = nil else params[key] = value end
  end
  return params
end

local function parse(policy)
  local document = assert(core.json_decode_plain(policy))
  assert.equal("2012-10-17", document.Version)
  return document
end

local function statement(policy, sid)
  for _, one in ipairs(parse(policy).Statement) do
    if one.Sid == sid then return one end
  end
  return nil
end

local function listed(value) return type(value) == "table" and value or { value } end

local EAST = { region = "us-east-1" }

-- changes, options, policy, Sid, resources, and the condition (if it is of interest)
local ROWS = {
  { {}, EAST, "permissions", "ListBuckets", { "arn:aws:s3:::corpus", "arn:aws:s3:::results" } },
  { {}, EAST, "permissions", "ReadData", { "arn:aws:s3:::corpus/a/train.jsonl" } },
  { {}, EAST, "permissions", "WriteOutput", { "arn:aws:s3:::results/out/*" } },
  { { outputDataConfig = { s3Uri = "s3://corpus/" } }, EAST, "permissions", "WriteOutput", { "arn:aws:s3:::corpus/*" } },
  { { outputDataConfig = { s3Uri = "s3://corpus/" } }, EAST, "permissions", "ListBuckets", { "arn:aws:s3:::corpus" } },
  { { trainingDataConfig = { s3Uri = "s3://corpus/set/" } }, EAST, "permissions", "ReadData", { "arn:aws:s3:::corpus/set/*" } },
  { { validationDataConfig = { validators = { { s3Uri = "s3://other/v.jsonl" }, { s3Uri = "s3://corpus/a/train.jsonl" } } } }, EAST,
    "permissions", "ReadData", { "arn:aws:s3:::corpus/a/train.jsonl", "arn:aws:s3:::other/v.jsonl" } },
  -- Images lie somewhere in the set's bucket.
  { { baseModelIdentifier = LITE }, EAST, "permissions", "ReadData", { "arn:aws:s3:::corpus/*" } },
  { { baseModelIdentifier = "amazon.titan-image-generator-v1:0" }, EAST, "permissions", "ReadData", { "arn:aws:s3:::corpus/*" } },
  { { trainingDataConfig = { invocationLogsConfig = { invocationLogSource = { s3Uri = "s3://logs/AWSLogs" } } } }, EAST, "permissions",
    "ReadData", { "arn:aws:s3:::logs/AWSLogs/*" } },
  -- What IAM would read as wildcards is meant as it stands.
  { { trainingDataConfig = { s3Uri = "s3://corpus/t*.jsonl" } }, EAST, "permissions", "ReadData", { "arn:aws:s3:::corpus/t${*}.jsonl" } },
  { { trainingDataConfig = { s3Uri = "s3://corpus/${aws:x}?" } }, EAST, "permissions", "ReadData", { "arn:aws:s3:::corpus/${$}{aws:x}${?}" } },
  { { roleArn = "arn:aws-us-gov:iam::123456789012:role/R" }, { region = "us-gov-west-1" }, "permissions", "ListBuckets",
    { "arn:aws-us-gov:s3:::corpus", "arn:aws-us-gov:s3:::results" } },
  { { roleArn = "arn:aws-cn:iam::123456789012:role/R" }, {}, "permissions", "WriteOutput", { "arn:aws-cn:s3:::results/out/*" } },
  { { trainingDataConfig = false, outputDataConfig = { s3Uri = 1 } }, EAST, "permissions", "ListBuckets", { "arn:aws:s3:::BUCKET" } },
  -- The key.
  { { customModelKmsKeyId = "12345678-1234-1234-1234-123456789012" }, EAST, "permissions", "UseModelKey",
    { "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012" },
    { StringEquals = { ["kms:ViaService"] = "bedrock.us-east-1.amazonaws.com" } } },
  { { customModelKmsKeyId = "arn:aws:kms:us-east-1:111122223333:key/1" }, EAST, "permissions", "UseModelKey",
    { "arn:aws:kms:us-east-1:111122223333:key/1" } },
  { { customModelKmsKeyId = "alias/tuning" }, EAST, "permissions", "UseModelKey", { "arn:aws:kms:us-east-1:123456789012:key/*" },
    { StringEquals = { ["kms:ViaService"] = "bedrock.us-east-1.amazonaws.com" },
      ["ForAnyValue:StringEquals"] = { ["kms:ResourceAliases"] = "alias/tuning" } } },
  { { customModelKmsKeyId = "arn:aws:kms:us-east-1:111122223333:alias/tuning" }, EAST, "caller", "UseModelKey",
    { "arn:aws:kms:us-east-1:111122223333:key/*" } },
  { { customModelKmsKeyId = "arn:aws-cn:kms:cn-north-1:123456789012:key/1", roleArn = "arn:aws-cn:iam::123456789012:role/R" }, {},
    "permissions", "UseModelKey", { "arn:aws-cn:kms:cn-north-1:123456789012:key/1" },
    { StringEquals = { ["kms:ViaService"] = "bedrock.cn-north-1.amazonaws.com.cn" } } },
  { {}, { region = "us-east-1", data_key = "arn:aws:kms:us-east-1:123456789012:key/2" }, "permissions", "UseDataKey",
    { "arn:aws:kms:us-east-1:123456789012:key/2" }, { StringEquals = { ["kms:ViaService"] = "s3.us-east-1.amazonaws.com" } } },
  -- The VPC.
  { { vpcConfig = { subnetIds = { "subnet-1", "subnet-2" }, securityGroupIds = { "sg-1" } } }, EAST, "permissions",
    "CreateInterfaceInSubnets", { "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1", "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-2",
      "arn:aws:ec2:us-east-1:123456789012:security-group/sg-1" } },
  { { vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1" } } }, EAST, "permissions", "UseInterface", { "*" },
    { StringEquals = { ["ec2:ResourceTag/BedrockManaged"] = "true" }, ArnEquals = { ["ec2:Subnet"] =
      "arn:aws:ec2:us-east-1:123456789012:subnet/subnet-1", ["ec2:ResourceTag/BedrockModelCustomizationJobArn"] =
      "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/*" } } },
  { { vpcConfig = {} }, EAST, "permissions", "CreateInterfaceInSubnets", { "arn:aws:ec2:us-east-1:123456789012:subnet/SUBNET_ID",
    "arn:aws:ec2:us-east-1:123456789012:security-group/SECURITY_GROUP_ID" } },
  -- Teachers and graders.
  { { customizationConfig = { distillationConfig = { teacherModelConfig = { teacherModelIdentifier = "us.amazon.nova-pro-v1:0" } } } }, EAST,
    "permissions", "AskTeacher", { "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
      "arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0" } },
  { { customizationConfig = { distillationConfig = { teacherModelConfig = { teacherModelIdentifier =
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0" } } } }, EAST, "permissions", "AskTeacher",
    { "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0",
      "arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0" } },
  { { customizationConfig = { distillationConfig = { teacherModelConfig = { teacherModelIdentifier = "amazon.nova-pro-v1:0" } } } }, EAST,
    "permissions", "AskTeacher", { "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0" } },
  { { customizationConfig = { rftConfig = { graderConfig = { lambdaGrader = { lambdaArn =
    "arn:aws:lambda:us-east-1:123456789012:function:grade" } } } } }, EAST, "permissions", "AskGrader",
    { "arn:aws:lambda:us-east-1:123456789012:function:grade", "arn:aws:lambda:us-east-1:123456789012:function:grade:*" } },
  -- The caller.
  { {}, EAST, "caller", "PassRole", { "arn:aws:iam::123456789012:role/BedrockTuning" },
    { StringEquals = { ["iam:PassedToService"] = "bedrock.amazonaws.com" } } },
  { { roleArn = "BedrockTuning" }, EAST, "caller", "PassRole", { "arn:aws:iam::ACCOUNT_ID:role/ROLE_NAME" } },
  { { roleArn = false }, { region = "eu-west-1", account_id = "111122223333" }, "caller", "PassRole",
    { "arn:aws:iam::111122223333:role/ROLE_NAME" } },
  { {}, EAST, "caller", "CreateJob", { "arn:aws:bedrock:us-east-1::foundation-model/" .. MICRO,
    "arn:aws:bedrock:us-east-1:123456789012:custom-model/*", "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/*" } },
  { { baseModelIdentifier = "my-tone" }, EAST, "caller", "CreateJob", { "arn:aws:bedrock:us-east-1:123456789012:custom-model/*",
    "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/*" } },
  { { baseModelIdentifier = "arn:aws:bedrock:eu-west-1::foundation-model/" .. MICRO }, {}, "caller", "WatchJob",
    { "arn:aws:bedrock:eu-west-1:123456789012:model-customization-job/*" } },
  { {}, EAST, "caller", "LookAtModel", { "arn:aws:bedrock:us-east-1:123456789012:custom-model/*" } },
  { {}, {}, "caller", "WatchJob", { "arn:aws:bedrock:REGION:123456789012:model-customization-job/*" } },
}

describe("tuning.policies", function()
  it("writes the trust policy of this account and region", function()
    assert.equal([[
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "Service": "bedrock.amazonaws.com"
      },
      "Action": "sts:AssumeRole",
      "Condition": {
        "ArnEquals": {
          "aws:SourceArn": "arn:aws:bedrock:us-east-1:123456789012:model-customization-job/*"
        },
        "StringEquals": {
          "aws:SourceAccount": "123456789012"
        }
      }
    }
  ]
}]], tuning.policies(job(), EAST).trust)
  end)

  it("writes what the role may do", function()
    local policies = tuning.policies(job(), EAST)
    assert.equal([[
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "ListBuckets",
      "Effect": "Allow",
      "Action": "s3:ListBucket",
      "Resource": [
        "arn:aws:s3:::corpus",
        "arn:aws:s3:::results"
      ]
    },
    {
      "Sid": "ReadData",
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::corpus/a/train.jsonl"
    },
    {
      "Sid": "WriteOutput",
      "Effect": "Allow",
      "Action": [
        "s3:GetObject",
        "s3:PutObject"
      ],
      "Resource": "arn:aws:s3:::results/out/*"
    }
  ]
}]], policies.permissions)
    assert.is_nil(policies.key)
  end)

  for i, row in ipairs(ROWS) do
    it(("names the resources of row %d: %s of %s"):format(i, row[4], row[3]), function()
      local one = assert(statement(tuning.policies(job(row[1]), row[2])[row[3]], row[4]))
      assert.same(row[5], listed(one.Resource))
      assert.equal("Allow", one.Effect)
      if row[6] then assert.same(row[6], one.Condition) end
    end)
  end

  it("has a policy for the key that leaves the account in charge of it", function()
    local policy = tuning.policies(job { customModelKmsKeyId = "alias/tuning" }, EAST).key
    local root, role = statement(policy, "EnableIamPolicies"), statement(policy, "TuneModels")
    assert.same({ "kms:*", "arn:aws:iam::123456789012:root" }, { root.Action, root.Principal.AWS })
    assert.equal("arn:aws:iam::123456789012:role/BedrockTuning", role.Principal.AWS)
    assert.same({ "kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey" }, role.Action)
  end)

  it("takes a job as the service describes it", function()
    local e = emulator.new { account_id = "111122223333" }
    local client = assert(bedrock.new { region = "us-west-2", runtime = e:runtime(), credentials = e.example_credentials, environment = {},
      read_file = function() end })
    local arn = assert(client:create_model_customization_job(job { roleArn = "arn:aws:iam::111122223333:role/R",
      customModelKmsKeyId = "alias/tuning" })).jobArn
    local described = assert(client:get_model_customization_job { jobIdentifier = arn })
    local policies = tuning.policies(described) -- region and account are in its ARNs
    assert.equal("arn:aws:bedrock:us-west-2:111122223333:model-customization-job/*",
      parse(policies.trust).Statement[1].Condition.ArnEquals["aws:SourceArn"])
    assert.equal(described.outputModelKmsKeyArn, statement(policies.permissions, "UseModelKey").Resource)
    assert.equal("arn:aws:s3:::corpus/a/train.jsonl", statement(policies.permissions, "ReadData").Resource)
    assert.equal(described.baseModelArn, statement(policies.caller, "CreateJob").Resource[1])
    assert.same(policies, tuning.policies(described, { client = client }))
  end)

  it("lets the caller do all that tuning.run does", function()
    local job_service = require "spec.bedrock.tuning.job_service"
    local e, client = job_service.new()
    e:stall_job("still", "training")
    for _, row in ipairs { { "tone", "Completed" }, { "still", "Stopped", "stop" } } do
      local done, err = tuning.run(client, job_service.params(row[1]), { on_stall = row[3] })
      assert.equal(row[2], (done or err.last).status)
    end
    local policy = tuning.policies(job_service.params "tone", EAST).caller
    local called = 0
    for _, request in ipairs(e:requests()) do
      called = called + 1
      assert.truthy(policy:find('"bedrock:' .. request.operation .. '"', 1, true), request.operation)
    end
    assert.is_true(called > 5)
  end)

  it("writes the same text each time", function()
    local changes = { customModelKmsKeyId = "alias/k", vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1" } } }
    local first = tuning.policies(job(changes), EAST)
    for _ = 1, 5 do assert.same(first, tuning.policies(job(changes), EAST)) end
  end)

  it("is JSON whatever stands in the parameters", function()
    local cyclic, evil = {}, setmetatable({}, { __index = function() error "no" end, __len = function() error "no" end })
    cyclic[1], cyclic.s3Uri = cyclic, cyclic
    local function good()
      return job { customModelKmsKeyId = "alias/k", vpcConfig = { subnetIds = { "subnet-1" }, securityGroupIds = { "sg-1" } },
        validationDataConfig = { validators = { { s3Uri = "s3://corpus/v.jsonl" } } },
        customizationConfig = { distillationConfig = { teacherModelConfig = { teacherModelIdentifier = LITE } } } }
    end
    everywhere(good, { 0, true, "", 'a"\n\0\27\\', "\255", "s3://\255\n/\"k", 'arn:a"a:b:c:d:\n', ("x"):rep(5000), print, cyclic, evil, {},
      core.json_null }, function(params)
      for _, policy in pairs(tuning.policies(params, EAST)) do
        parse(policy)
        assert.is_nil(policy:find "[%z\1-\9\11-\31\127-\255]")
      end
    end)
    tuning.policies(evil)
  end)

  it("raises for what is no job and for options that are none, at the caller's line", function()
    for _, row in ipairs {
      { "x", nil, "as a table; got string" }, { nil, nil, "as a table; got nil" }, { {}, 1, "must be a table, got number" },
      { {}, { regoin = "x" }, 'unknown option "regoin" to policies (did you mean "region"?)' },
      { {}, { account_id = 1 }, "option account_id of policies must be twelve digits, as a string" },
      { {}, { account_id = "1111-2222-3333" }, "twelve digits" },
    } do
      local ok, message = pcall(function() tuning.policies(row[1], row[2]) end)
      assert.is_false(ok)
      assert.truthy(message:find("policies_spec.lua:", 1, true), message)
      assert.truthy(message:find(row[3], 1, true), message)
    end
  end)
end)
