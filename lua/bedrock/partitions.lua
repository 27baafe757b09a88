-- partitions.lua: the AWS partitions as data: which regions belong to them and how their hosts end.
--
-- Only what endpoint rules ask for is here. A region belongs to the partition that names it in `regions` (the names
-- that no pattern covers: the pseudo-regions), else to the first whose pattern it matches, else to the first one.
-- Each entry of `prefixes` stands for the public pattern ^PREFIX-\w+-\d+$; Lua's patterns have no alternatives.
-- All eight support both FIPS and dual stack today; the flags stay beside them since the rules ask for them.

---@class bedrock.Partition
---@field id string
---@field prefixes string[]  what stands in front of "-WORD-DIGITS" in its regions
---@field regions table<string, true>  regions that the prefixes do not cover
---@field dns_suffix string
---@field dual_stack_dns_suffix string
---@field implicit_global_region string
---@field supports_fips boolean
---@field supports_dual_stack boolean

local partitions = {}

local function partition(id, prefixes, dns_suffix, dual_stack_dns_suffix, implicit_global_region, global)
  partitions[#partitions + 1] = {
    id = id,
    prefixes = prefixes,
    regions = global and { [global] = true } or {},
    dns_suffix = dns_suffix,
    dual_stack_dns_suffix = dual_stack_dns_suffix,
    implicit_global_region = implicit_global_region,
    supports_fips = true,
    supports_dual_stack = true,
  }
end

partition("aws", { "us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx" },
  "amazonaws.com", "api.aws", "us-east-1", "aws-global")
partition("aws-cn", { "cn" }, "amazonaws.com.cn", "api.amazonwebservices.com.cn", "cn-northwest-1", "aws-cn-global")
partition("aws-eusc", { "eusc-de" }, "amazonaws.eu", "api.amazonwebservices.eu", "eusc-de-east-1")
partition("aws-iso", { "us-iso" }, "c2s.ic.gov", "api.aws.ic.gov", "us-iso-east-1", "aws-iso-global")
partition("aws-iso-b", { "us-isob" }, "sc2s.sgov.gov", "api.aws.scloud", "us-isob-east-1", "aws-iso-b-global")
partition("aws-iso-e", { "eu-isoe" }, "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", "eu-isoe-west-1", "aws-iso-e-global")
partition("aws-iso-f", { "us-isof" }, "csp.hci.ic.gov", "api.aws.hci.ic.gov", "us-isof-south-1", "aws-iso-f-global")
partition("aws-us-gov", { "us-gov" }, "amazonaws.com", "api.aws", "us-gov-west-1", "aws-us-gov-global")

return partitions
