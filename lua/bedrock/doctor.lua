-- doctor.lua: what the library sees of this machine: versions, settings and where they came from, and which provider of
-- credentials answered or why it did not. It is the first thing that a support thread asks for, so it never raises for
-- what it finds, and shows no secret: of keys the last four characters of the id, of tokens that they are there.

local chain = require "bedrock.credentials.chain"
local config_module = require "bedrock.config"
local credentials = require "bedrock.credentials"
local endpoint = require "bedrock.endpoint"
local errors = require "bedrock.errors"
local keys = require "bedrock.credentials.keys"
local native = require "bedrock.native"
local runtimes = require "bedrock.runtime"
local useragent = require "bedrock.useragent"
local variables = require "bedrock.variables"

local doctor = {}

local SETTINGS = { "region", "profile", "endpoint_url", "use_fips_endpoint", "use_dualstack_endpoint", "max_attempts",
  "retry_mode", "defaults_mode", "connect_timeout", "read_timeout", "timeout", "ca_bundle", "proxy", "app_id",
  "correct_clock_skew", "bearer_token" }

-- A value as the report may show it.
local function shown(name, value)
  if name == "bearer_token" then return "****" end
  if name == "proxy" and value and value:find("@", 1, true) then -- no part in front of the last @ is sure to be no password
    return (value:match("^%a[%w+.-]*://") or "") .. "***" .. value:match("@[^@]*$")
  end
  return (tostring(value):gsub("[%c\127-\255]", "?"))
end

---@class bedrock.DoctorReport
---@field ok boolean  a call could be signed and sent
---@field problems string[]  what stands in the way
---@field versions table<string, string>
---@field settings {name: string, value: string, source: string}[]
---@field environment {name: string, value: string}[]  variables that count and are set; of secret ones "(set)"
---@field files {path: string, state: string}[]
---@field endpoint? string
---@field providers {provider: string, status: "used"|"skipped"|"failed"|"not asked", detail: string}[]
---@field credentials? {provider: string, access_key_id: string, account_id?: string, expiration?: number}
local Report = {}
Report.__index = Report
Report.__name = "bedrock.DoctorReport"

function Report.__tostring(self)
  local out = {}
  local function line(...) out[#out + 1] = (("%-22s %s"):format(...):gsub("%s+$", "")) end
  out[1] = ("lua-bedrock %s, %s"):format(self.versions.bedrock, self.ok and "ready" or "NOT ready")
  for _, problem in ipairs(self.problems) do out[#out + 1] = "  ! " .. problem end
  out[#out + 1] = ""
  for _, name in ipairs { "lua", "core", "http" } do line(name, self.versions[name] or "?") end
  line("endpoint", self.endpoint or "none")
  for _, row in ipairs(self.settings) do line(row.name, ("%s  (%s)"):format(row.value, row.source)) end
  for _, row in ipairs(self.files) do line("file", ("%s: %s"):format(row.path, row.state)) end
  for _, row in ipairs(self.environment) do line("environment", ("%s = %s"):format(row.name, row.value)) end
  out[#out + 1] = ""
  out[#out + 1] = "credentials, in the order in which they are looked for:"
  for _, row in ipairs(self.providers) do line("  " .. row.provider, ("%-9s %s"):format(row.status, tostring(row.detail))) end
  return table.concat(out, "\n")
end

local function versions(config)
  local jit = rawget(_G, "jit")
  local found = { bedrock = useragent.VERSION, lua = type(jit) == "table" and jit.version or _VERSION }
  found.core = require("bedrock.core").version()
  if config.runtime then
    found.http = "runtime " .. tostring(config.runtime.name or "of the program's own")
  elseif runtimes.inside_nginx() then
    local ngx = rawget(_G, "ngx").config
    found.http = ("nginx %d, ngx_lua %d"):format(ngx.nginx_version, ngx.ngx_lua_version)
  else
    local ok, curl = pcall(native.load, "bedrock.curl")
    found.http = ok and curl.version() or "can't be loaded: " .. tostring(curl)
  end
  return found
end

local function list_environment(environment)
  local list = {}
  for _, name in ipairs(variables.plain) do
    local value = environment[name]
    if type(value) == "string" and value ~= "" then list[#list + 1] = { name = name, value = shown(name, value) } end
  end
  for _, name in ipairs(variables.secret) do
    local value = environment[name]
    if type(value) == "string" and value ~= "" then list[#list + 1] = { name = name, value = "(set)" } end
  end
  return list
end

local function file_state(read, path)
  local text, message = read(path)
  if type(text) == "string" then return ("%d bytes"):format(#text) end
  return message and "can't be read: " .. tostring(message) or "is not there"
end

local function list_files(config)
  local list = {}
  for _, name in ipairs { "config", "credentials" } do
    local path = config.location[name]
    if path then list[#list + 1] = { path = path, state = file_state(config.read_file, path) } end
  end
  if config.ca_bundle then
    local file, message = io.open(config.ca_bundle, "rb")
    if file then file:close() end
    list[#list + 1] = { path = config.ca_bundle, state = file and "CA bundle, readable" or "CA bundle: " .. message }
  end
  return list
end

-- Settings without which something else counts, which is worth a row.
local UNSET = { region = "none", ca_bundle = "the system's certificates" }

local function list_settings(config)
  local list = {}
  for _, name in ipairs(SETTINGS) do
    local value = config[name]
    if value == nil then value = UNSET[name] end
    if value ~= nil then
      local source = name == "profile" and config.profile_source or config.sources[name] or "default"
      list[#list + 1] = { name = name, value = shown(name, value), source = source }
    end
  end
  return list
end

-- The provider chain, asked in earnest; behind the one that answered, only what is set up.
local function ask_providers(report, config, problem)
  local ok, runtime, owned = pcall(runtimes.of, config) -- it raises where the library is not installed well
  if not ok or not runtime then return problem(ok and owned or runtime) end
  local provider, err = credentials.provider(config)
  if not provider then
    report.providers[1] = { provider = "options", status = "failed", detail = err.message }
    return problem(err)
  end
  local now = runtime:now()
  local ended_by -- the provider whose error ended the chain
  local tried, found, failure
  ok, tried, found, failure = errors.call(provider.explain, provider, runtime, now, config.timeout and now + config.timeout)
  if owned then runtime:close() end
  if not ok then return problem("the provider given in the option credentials raised: " .. tostring(tried)) end
  for i, row in ipairs(tried) do
    local status, detail = "skipped", row.reason
    if row.found then
      status, detail = "used", tostring(row.found)
      if row.found.account_id then detail = detail .. ", account " .. shown("account_id", row.found.account_id) end
      if row.found.expiration then detail = detail .. ", until " .. keys.date(row.found.expiration) end
    elseif row.err then
      status, detail, ended_by = "failed", row.err.message, row.err
    end
    report.providers[i] = { provider = row.provider, status = status, detail = detail }
  end
  for i = #tried + 1, #chain.PROVIDERS do
    local source, reason, name = chain.source(chain.PROVIDERS[i], config)
    local detail = source and "set up, but it comes after the one that decided"
      or type(reason) == "table" and reason.message or reason
    report.providers[i] = { provider = name, status = "not asked", detail = detail }
  end
  if not found then
    return problem(ended_by and failure or "no credentials were found; what each provider says of it stands below")
  end
  report.credentials = { provider = found.provider, account_id = found.account_id, expiration = found.expiration,
    access_key_id = keys.masked(found.access_key_id) }
  if found.expiration and found.expiration <= now then
    problem(("the credentials have expired (at %s; this machine's clock says %s)"):format(keys.date(found.expiration),
      keys.date(now)))
  end
end

--- Look at everything that a call needs, the network included where credentials come from there. The report is a table,
--- and prints well: `print(require("bedrock").doctor())`.
--- Raises for wrong options, as bedrock.new does.
---@param options? bedrock.Options  those of bedrock.new
---@return bedrock.DoctorReport
function doctor.examine(options)
  local report = setmetatable({ ok = false, problems = {}, providers = {} }, Report)
  local function problem(err)
    local hint = type(err) == "table" and err.hint
    report.problems[#report.problems + 1] = tostring(err) .. (hint and ": " .. hint or "")
  end
  local bad_settings = {}
  local config = config_module.load(options, nil, bad_settings)
  for _, err in ipairs(bad_settings) do problem(err) end
  report.versions, report.environment = versions(config), list_environment(config.environment)
  report.settings, report.files = list_settings(config), list_files(config)
  local metadata = (config.api or require "bedrock.api.bedrock").metadata or {}
  local url, url_err = endpoint.resolve {
    service = metadata.endpointPrefix, region = config.region, endpoint_url = config.endpoint_url,
    use_fips_endpoint = config.use_fips_endpoint, use_dualstack_endpoint = config.use_dualstack_endpoint,
  }
  report.endpoint = url
  if url_err then problem(url_err) end
  local token, token_err
  if url then token, token_err = credentials.bearer(config, url) end
  if token_err then problem(token_err) end
  if token then
    for i, module in ipairs(chain.PROVIDERS) do
      local _, _, name = chain.source(module, config)
      report.providers[i] = { provider = name, status = "not asked", detail = "a bearer token comes first" }
    end
  else
    if url and not config.region then problem(select(2, config_module.require_region(config))) end
    ask_providers(report, config, problem)
  end
  report.ok = #report.problems == 0
  return report
end

return doctor
