-- config.lua: from options, environment and the two shared files to one plain table of settings.
--
-- Each setting is looked up in the order that all AWS SDKs share: code, environment, profile, default. Empty counts as
-- unset everywhere. Every value remembers where it came from, so that a bad one is reported by option, variable or
-- file and line. The files themselves are shared_files.lua's.
--
-- Wrong names and types in `options` are mistakes in the caller's program: `check_options` finds them, for the caller
-- to raise. All else is run-time trouble: nil and a ConfigurationError. No message repeats what may be secret.

local errors = require "bedrock.errors"
local endpoint = require "bedrock.endpoint"
local shared_files = require "bedrock.shared_files"

local config = {}

config.parse = shared_files.parse
config.nested = shared_files.nested
config.locate = shared_files.locate

local variable = shared_files.variable
local quoted = shared_files.quoted
local did_you_mean = errors.did_you_mean

local function fail(message)
  return nil, errors.new { code = "ConfigurationError", message = message, retryable = false }
end

local function trim(text)
  return text:match "^%s*(.*%S)" or ""
end

---------------------------------------------------------------------------------------------------------------------
-- Options given in code
---------------------------------------------------------------------------------------------------------------------

local OPTION_TYPES = {
  region = "string",
  profile = "string",
  credentials = "credentials",
  bearer_token = "string",
  endpoint_url = "string",
  max_attempts = "number",
  retry_mode = "string",
  connect_timeout = "number",
  read_timeout = "number",
  timeout = "number",
  ca_bundle = "string",
  proxy = "string or false",
  use_fips_endpoint = "boolean",
  use_dualstack_endpoint = "boolean",
  app_id = "string",
  on_event = "function",
  runtime = "table",
  api = "table",
  environment = "table",
  read_file = "function",
  mfa_code = "function",
}

local CREDENTIAL_TYPES = {
  access_key_id = "string",
  secret_access_key = "string",
  session_token = "string",
  account_id = "string",
  expiration = "number",
  provider = "string",
  profile = "string",
  features = "string",
}

local function is_callable(value)
  if type(value) == "function" then return true end
  local mt = getmetatable(value)
  return type(mt) == "table" and type(mt.__call) == "function"
end

local function check_credentials(value)
  if type(value) == "function" then return nil end
  if type(value) ~= "table" then
    return "must be a table { access_key_id, secret_access_key }, a function or an object with a method get, got "
      .. type(value)
  end
  -- An object may have its method from a metatable; a table of keys has no get.
  if is_callable(value.get) or (value.access_key_id == nil and is_callable(value)) then return nil end
  if value.access_key_id == nil and getmetatable(value) ~= nil then
    return "has a metatable, but neither a method get nor __call"
  end
  for name, member in pairs(value) do
    local expected = CREDENTIAL_TYPES[name]
    if not expected then
      return ("has an unknown member %s%s"):format(quoted(name), did_you_mean(name, CREDENTIAL_TYPES))
    elseif type(member) ~= expected then
      return ("has a member %s that must be a %s, got %s"):format(name, expected, type(member))
    end
  end
  -- A missing key is no mistake of the program: os.getenv gave nil. The provider says so in an error table.
end

-- What every call needs of a table that the user gave.
local PARTS = {
  runtime = { "function", "send", "sleep", "now" },
  api = { "table", "operations", "shapes" },
}

local function lacks(option, value)
  local parts = PARTS[option] or {}
  for i = 2, #parts do
    local got = type(value[parts[i]])
    if got ~= parts[1] then return ("needs a %s %q, got %s"):format(parts[1], parts[i], got) end
  end
end

--- Look for mistakes of the program: unknown options and wrong types.
---@param options any  what was given to bedrock.new; nil is fine
---@param what? string  who takes the options, for the message; default "bedrock.new"
---@return true|nil ok
---@return string? message  to be raised at the caller's line
function config.check_options(options, what)
  what = what or "bedrock.new"
  if options == nil then return true end
  if type(options) ~= "table" then
    return nil, ("%s takes a table of options, got %s"):format(what, type(options))
  end
  for name, value in pairs(options) do
    local expected = OPTION_TYPES[name]
    if type(name) ~= "string" then
      return nil, ("%s takes options by name, as in { region = \"us-east-1\" }; found a value at [%s]")
        :format(what, tostring(name))
    elseif not expected then
      return nil, ("%s: unknown option %s%s"):format(what, quoted(name), did_you_mean(name, OPTION_TYPES))
    elseif expected == "credentials" then
      local problem = check_credentials(value)
      if problem then return nil, ("%s: option credentials %s"):format(what, problem) end
    elseif expected == "string or false" then
      if value ~= false and type(value) ~= "string" then
        return nil, ("%s: option %s must be a string, or false for none; got %s"):format(what, name, type(value))
      end
    elseif expected == "function" then
      if not is_callable(value) then
        return nil, ("%s: option %s must be a function, got %s"):format(what, name, type(value))
      end
    elseif type(value) ~= expected then
      return nil, ("%s: option %s must be a %s, got %s"):format(what, name, expected, type(value))
    elseif expected == "table" then
      local problem = lacks(name, value)
      if problem then return nil, ("%s: option %s %s"):format(what, name, problem) end
    end
  end
  return true
end

---------------------------------------------------------------------------------------------------------------------
-- Settings
---------------------------------------------------------------------------------------------------------------------

-- Each reader turns a value into a setting, or gives nil and what the value must be. Values from code have their type
-- already; those from environment and files are texts.

local function to_text(value)
  if value:find("[%c\127]") then return nil, "must not have control characters in it" end
  return value
end

local function to_boolean(value)
  if type(value) == "boolean" then return value end
  local lower = trim(value):lower()
  if lower == "true" then return true end
  if lower == "false" then return false end
  return nil, "must be true or false, not " .. quoted(value)
end

local function to_attempts(value)
  local number = value
  if type(value) == "string" then
    number = value:find("^%s*%d+%s*$") and tonumber(value) or nil
  end
  if not number or number < 1 or number > 1e9 or number ~= math.floor(number) then
    return nil, "must be a whole number from 1 on (1 = no retry), not " .. quoted(value)
  end
  return math.floor(number)
end

local function to_seconds(value)
  local number = tonumber(value)
  if not number or not (number > 0 and number < math.huge) then
    return nil, "must be a positive number of seconds, not " .. quoted(value)
  end
  return number
end

local function to_retry_mode(value)
  local mode = trim(value):lower()
  if mode == "standard" or mode == "adaptive" then return mode end
  if mode == "legacy" then
    return nil, 'must be "standard" or "adaptive": the mode "legacy" of other SDKs is not supported; '
      .. '"standard" is its successor'
  end
  return nil, 'must be "standard" or "adaptive", not ' .. quoted(value)
end

local function to_region(value)
  local plain = endpoint.split_region(value)
  if not endpoint.is_host_label(plain) then
    return nil, ("must be a region such as us-east-1 (letters, digits and hyphens), not %s"):format(quoted(value))
  end
  return value
end

local function to_endpoint(value)
  local parts, err = endpoint.parse(value)
  if not parts then return nil, "is not usable: " .. err.message end
  return value
end

-- A bearer token becomes a header: visible ASCII, in one piece. The value never shows.
local function to_token(value)
  if value:find("[^\33-\126]") then
    return nil, "must be printable ASCII without blanks or line breaks (is a line feed left at its end?)"
  end
  return value
end

local function to_proxy(value)
  if value == false then return false end
  if value:find("[%c%s\127]") then return nil, "must not have blanks or control characters in it" end
  return value
end

-- Seconds for a connection by the modes that all AWS SDKs share.
local CONNECT_TIMEOUTS = { legacy = 10, standard = 3.1, ["in-region"] = 1.1, ["cross-region"] = 3.1, mobile = 30, auto = 3.1 }

local function to_defaults_mode(value)
  local mode = trim(value):lower()
  if CONNECT_TIMEOUTS[mode] then return mode end
  return nil, "must be legacy, standard, in-region, cross-region, mobile or auto, not " .. quoted(value)
end

-- What `config.get` can read.
local READERS = { boolean = to_boolean, seconds = to_seconds, attempts = to_attempts, text = to_text }

-- One row per setting: option, variables, profile key, reader, default.
local SETTINGS = {
  { "region", { "AWS_REGION", "AWS_DEFAULT_REGION" }, "region", to_region },
  { "max_attempts", { "AWS_MAX_ATTEMPTS" }, "max_attempts", to_attempts, 3 },
  { "retry_mode", { "AWS_RETRY_MODE" }, "retry_mode", to_retry_mode, "standard" },
  { "use_fips_endpoint", { "AWS_USE_FIPS_ENDPOINT" }, "use_fips_endpoint", to_boolean, false },
  { "use_dualstack_endpoint", { "AWS_USE_DUALSTACK_ENDPOINT" }, "use_dualstack_endpoint", to_boolean, false },
  { "ca_bundle", { "AWS_CA_BUNDLE" }, "ca_bundle", to_text },
  { "app_id", { "AWS_SDK_UA_APP_ID" }, "sdk_ua_app_id", to_text },
  { "defaults_mode", { "AWS_DEFAULTS_MODE" }, "defaults_mode", to_defaults_mode, "legacy" },
  { "connect_timeout", {}, nil, to_seconds },
  { "read_timeout", {}, nil, to_seconds, 60 },
  { "timeout", {}, nil, to_seconds },
  { "proxy", {}, nil, to_proxy },
}

-- The service whose settings are asked for.
local function service_of(options, service)
  local metadata = type(options.api) == "table" and options.api.metadata
  metadata = type(metadata) == "table" and metadata or {}
  service = service or {}
  return {
    id = service.id or metadata.serviceId or "Bedrock",
    signing_name = service.signing_name or metadata.signingName or metadata.endpointPrefix or "bedrock",
  }
end

-- A lookup belongs to one `config.load`: it knows all places, and remembers the first error.
local Lookup = {}
Lookup.__index = Lookup

-- Read the files if that has not been done, and choose the profile. nil, err if it can't be done.
function Lookup:open_files()
  if self.files then return true end
  local files, origins, fingerprint = shared_files.read(self.location, self.read_file)
  if not files then return nil, origins end
  self.files, self.origins, self.fingerprint = files, origins, fingerprint
  self.settings = files.profiles[self.profile]
  self.places = origins.profiles[self.profile] or {}
  if not self.settings then
    if self.profile_source and self.profile ~= "default" then
      local names = {}
      for name in pairs(files.profiles) do names[#names + 1] = name end
      table.sort(names)
      if not shared_files.is_name(self.profile) then
        return fail(("the profile %s (from %s) can't be in a file: names consist of letters, digits and _ - / . %% @ : +")
          :format(quoted(self.profile), self.profile_source))
      end
      local known = #names == 0 and "they define no profile at all"
        or ("they define: " .. table.concat(names, ", ", 1, math.min(#names, 20)))
      return fail(("the profile %s (from %s) is in neither %s nor %s; %s%s"):format(quoted(self.profile),
        self.profile_source, self.location.config or "the config file (no home folder is known)",
        self.location.credentials or "the credentials file", known, did_you_mean(self.profile, files.profiles)))
    end
    self.settings = {}
  end
  return true
end

-- The first place that has a value: the value and the place's name; nil if none has; nil, nil, err on trouble.
function Lookup:find(option, variables, key)
  if option then
    local value = self.options[option]
    if value ~= nil and value ~= "" then return value, "option " .. option end
  end
  for _, name in ipairs(variables) do
    local value = variable(self.environment, name)
    if value then return value, "environment variable " .. name end
  end
  if key then
    local ok, err = self:open_files()
    if not ok then return nil, nil, err end
    local value = self.settings[key]
    if value and value ~= "" then return value, self.places[key], nil, key end
  end
  return nil
end

-- As find, read into a setting.
function Lookup:get(option, variables, key, reader, default)
  local raw, place, err, from_key = self:find(option, variables, key)
  if err then return nil, nil, err end
  if raw == nil then return default, "default" end
  local value, problem = reader(raw)
  if value == nil then
    local subject = from_key and ("%s: %s"):format(place, from_key) or place
    local _, message = fail(("%s %s"):format(subject, problem))
    return nil, nil, message
  end
  return value, place
end

-- A service's custom endpoint outside of code: its variable, the general one, its block, the profile; and the switch that
-- ignores them all.
function Lookup:endpoint_url(service_id)
  local ignore, _, err = self:get(nil, { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS" }, "ignore_configured_endpoint_urls",
    to_boolean, false)
  if err then return nil, nil, err end
  if ignore then return nil end

  local block = service_id:gsub("[ -]", "_")
  local variables = { "AWS_ENDPOINT_URL_" .. block:upper(), "AWS_ENDPOINT_URL" }
  for _, name in ipairs(variables) do
    if variable(self.environment, name) then return self:get(nil, { name }, nil, to_endpoint) end
  end
  local section_name, place
  section_name, place, err = self:find(nil, {}, "services")
  if err then return nil, nil, err end
  if section_name then
    local section = self.files.services[section_name]
    if not section then
      local _, missing = fail(("%s: services names %s, but there is no section [services ...] of that name%s")
        :format(place, quoted(section_name), did_you_mean(section_name, self.files.services)))
      return nil, nil, missing
    end
    local text = section[block:lower()]
    local url = text and text:sub(1, 1) == "\n" and config.nested(text).endpoint_url
    if url and url ~= "" then
      place = self.origins.services[section_name][block:lower()]
      local value, problem = to_endpoint(url)
      if value then return value, place end
      local _, bad = fail(("%s: endpoint_url of %s %s"):format(place, block:lower(), problem))
      return nil, nil, bad
    end
  end
  return self:get(nil, {}, "endpoint_url", to_endpoint)
end

---@class bedrock.Config
---@field region string|nil
---@field use_fips_endpoint boolean
---@field use_dualstack_endpoint boolean
---@field endpoint_url string|nil  a custom one
---@field max_attempts integer
---@field retry_mode "standard"|"adaptive"
---@field connect_timeout number  seconds
---@field read_timeout number  seconds
---@field timeout number|nil  seconds for a whole call
---@field ca_bundle string|nil
---@field proxy string|false|nil  false: none; nil: the environment's rules
---@field app_id string|nil
---@field defaults_mode string
---@field bearer_token string|nil
---@field correct_clock_skew boolean
---@field credentials table|function|nil  as given in code
---@field on_event function|nil
---@field runtime table|nil
---@field api table|nil
---@field environment table<string, string>  the table given, or the process's environment with that face
---@field getenv fun(name: string): string|nil  blank is nil
---@field read_file fun(path: string): string|nil, string|nil
---@field profile string  the profile's name, "default" if nobody asked for one
---@field profile_source string|nil  who asked for it
---@field profile_settings table<string, string>
---@field profile_places table<string, string>  FILE:LINE of each of its keys
---@field profile_data bedrock.SharedFiles
---@field profile_origins table  the places of all settings in the files, in tables of the same form
---@field location {config: string|nil, credentials: string|nil}
---@field sources table<string, string>  where each setting came from
---@field options table  what it was made from
---@field mfa_code function|nil

--- Resolve all settings. Expects options that `check_options` found no fault with.
---@param options? table
---@param service? {id: string, signing_name: string}  default: the service of `options.api`, else Bedrock
---@param problems? bedrock.Error[]  for bedrock.doctor: is filled with what would be an error, and settings that can't be read
---  have their defaults
---@return bedrock.Config|nil config
---@return bedrock.Error? err  ConfigurationError that names option, variable, or file and line
function config.load(options, service, problems)
  local given = options or {}
  options = {} -- a copy: what is changed later must not show when the files are read anew, nor a stripped environment
  for name, value in pairs(given) do options[name] = value end
  service = service_of(options, service)
  local environment = options.environment or shared_files.current_environment()
  options.environment = environment
  local location = config.locate(environment)
  local profile, profile_source = options.profile, "option profile"
  if profile == nil or profile == "" then
    profile = variable(environment, "AWS_PROFILE")
    profile_source = profile and "environment variable AWS_PROFILE" or nil
  end
  local lookup = setmetatable({
    options = options,
    environment = environment,
    location = { config = location.config, credentials = location.credentials },
    read_file = options.read_file or shared_files.read_from_disk,
    profile = profile or "default",
    profile_source = profile_source,
  }, Lookup)

  local settings, sources = {}, {}
  local ok, err = lookup:open_files()
  if not ok then
    if not problems then return nil, err end
    problems[1] = err
    lookup.files, lookup.origins = shared_files.parse()
    lookup.settings, lookup.places = {}, {}
  end
  -- Keep what a lookup gave; whether to go on.
  local function keep(name, value, source, problem)
    settings[name] = value
    sources[name] = value ~= nil and source or nil
    if problem and problems then problems[#problems + 1] = problem end
    return problems ~= nil or not problem, problem
  end
  for _, row in ipairs(SETTINGS) do
    local name, default = row[1], row[5]
    ok, err = keep(name, lookup:get(name, row[2], row[3], row[4], default))
    if not ok then return nil, err end
    if err then settings[name] = default end
  end
  settings.connect_timeout = settings.connect_timeout or CONNECT_TIMEOUTS[settings.defaults_mode]
  ok, err = keep("endpoint_url", lookup:get("endpoint_url", {}, nil, to_endpoint))
  if not err and settings.endpoint_url == nil then ok, err = keep("endpoint_url", lookup:endpoint_url(service.id)) end
  if not ok then return nil, err end

  ok, err = keep("bearer_token", lookup:get("bearer_token",
    { "AWS_BEARER_TOKEN_" .. service.signing_name:upper():gsub("[ -]", "_") }, nil, to_token))
  if not ok then return nil, err end

  ok, err = keep("correct_clock_skew", lookup:get(nil, { "AWS_DISABLE_CLOCK_SKEW_CORRECTION" },
    "disable_clock_skew_correction", to_boolean, false))
  if not ok then return nil, err end
  settings.correct_clock_skew = not settings.correct_clock_skew

  if settings.region then
    local region, fips = endpoint.split_region(settings.region)
    settings.region = region
    if fips then
      settings.use_fips_endpoint, sources.use_fips_endpoint = true, sources.region
    end
  end

  settings.profile, settings.profile_source = lookup.profile, lookup.profile_source
  settings.profile_settings, settings.profile_places = lookup.settings, lookup.places
  settings.profile_data, settings.profile_origins = lookup.files, lookup.origins
  settings.lookup, settings.options, settings.service = lookup, options, service
  settings.location = lookup.location
  settings.sources = sources
  settings.environment = environment
  settings.getenv = function(name)
    return variable(environment, name)
  end
  settings.read_file = lookup.read_file
  for _, name in ipairs { "credentials", "on_event", "runtime", "api", "mfa_code" } do
    settings[name] = options[name]
  end
  return settings
end

--- One more setting, for parts of the library that few programs use: from the environment, else from the profile.
---@param settings bedrock.Config
---@param setting {variable: string, key?: string, as: "boolean"|"seconds"|"attempts"|"text", default?: any}
---@return any value
---@return string|nil place  where it came from; "default"
---@return bedrock.Error? err  ConfigurationError
function config.get(settings, setting)
  return settings.lookup:get(nil, { setting.variable }, setting.key, READERS[setting.as], setting.default)
end

--- The endpoint that environment or files set for another service than the client's own, as STS.
---@param settings bedrock.Config
---@param service_id string  "STS", "SSO OIDC"
---@return string|nil url
---@return string|nil place
---@return bedrock.Error? err  ConfigurationError
function config.service_endpoint_url(settings, service_id)
  return settings.lookup:endpoint_url(service_id)
end

--- The settings as they are now: the same table while the shared files have not changed, else read anew.
---@param settings bedrock.Config
---@return bedrock.Config|nil settings
---@return bedrock.Error? err  ConfigurationError
function config.reload(settings)
  local lookup = settings.lookup
  if shared_files.fingerprint(lookup.location, lookup.read_file) == lookup.fingerprint then return settings end
  return config.load(settings.options, settings.service)
end

--- The region that requests are signed for.
---@param settings bedrock.Config
---@return string|nil region
---@return bedrock.Error? err  ConfigurationError that says where to set one
function config.require_region(settings)
  if settings.region then return settings.region end
  return fail(("no region is set. Give the option region, as in bedrock.new { region = \"us-east-1\" }, set the "
    .. "environment variable AWS_REGION, or put region = ... in the profile %q of %s"):format(settings.profile,
    settings.location.config or "the config file"))
end

return config
