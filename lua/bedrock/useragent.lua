-- useragent.lua: who is calling, in the form that all AWS SDKs share, so that AWS's statistics and support can read it:
--   lua-bedrock/0.1.0 ua/2.1 os/linux#6.1.0 md/arch#x86_64 lang/lua#5.4 [exec-env/…] m/E cfg/retry-mode#standard [app/…]
--
-- What it says of the machine is found without starting a process, at the first use, from two small files of /proc.

local useragent = {}

--- The library's version.
useragent.VERSION = "0.1.0"
--- Characters that an app id should have at most, by the AWS SDKs' common rules.
useragent.LONGEST_APP_ID = 50

local MAX_FEATURES = 1024 -- bytes of the m/ part

local MODE_FEATURES = { standard = "E", adaptive = "F" }

-- Each character that may not stand in a name or value becomes "-"; in values "#" may stand.
local function name_of(text)
  return (tostring(text):gsub("[^%w!$%%&'*+%-.^_`|~,]", "-"):gsub("[\128-\255]", "-"))
end

local function value_of(text)
  return (tostring(text):gsub("[^%w!$%%&'*+%-.^_`|~,#]", "-"):gsub("[\128-\255]", "-"))
end

local function first_bytes(path, count)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read(count)
  file:close()
  return text
end

-- ELF's numbers for machines: half a word at byte 18 of every program.
local MACHINES = { [3] = "i386", [40] = "arm", [62] = "x86_64", [183] = "aarch64", [243] = "riscv64", [21] = "ppc64",
  [22] = "s390x" }

local function elf_machine()
  local header = first_bytes("/proc/self/exe", 20)
  if not header or #header < 20 or header:sub(1, 4) ~= "\127ELF" then return nil end
  local a, b = header:byte(19, 20)
  return MACHINES[header:byte(6) == 2 and a * 256 + b or b * 256 + a]
end

local JIT_SYSTEMS = { Linux = "linux", OSX = "macos", Windows = "windows" }
local JIT_ARCHES = { x64 = "x86_64", x86 = "i386", arm64 = "aarch64", arm = "arm" }

local host -- the part that stays the same for the whole process

local function host_part()
  if host then return host end
  local jit = rawget(_G, "jit")
  local system, release, arch
  if package.config:sub(1, 1) == "\\" then
    system = "windows"
  else
    release = first_bytes("/proc/sys/kernel/osrelease", 100)
    release = release and release:match("^%S+")
    if release then
      system = "linux"
    elseif first_bytes("/System/Library/CoreServices/SystemVersion.plist", 1) then
      system = "macos"
    end
  end
  if type(jit) == "table" then
    system = system or JIT_SYSTEMS[jit.os]
    arch = JIT_ARCHES[jit.arch] or jit.arch
  end
  arch = arch or elf_machine()
  local parts = { "os/" .. (system or "other") .. (release and "#" .. value_of(release) or "") }
  if arch then parts[#parts + 1] = "md/arch#" .. value_of(arch) end
  parts[#parts + 1] = "lang/lua#" .. value_of(_VERSION:match("%d[%d.]*") or "unknown")
  if type(jit) == "table" and jit.version then
    parts[#parts + 1] = "md/luajit#" .. value_of(jit.version:match("%d%S*") or jit.version)
  end
  host = table.concat(parts, " ")
  return host
end

---@class bedrock.UserAgentOptions
---@field version string  of this library
---@field app_id? string  the program's own name
---@field environment? table<string, string>
---@field retry_mode? "standard"|"adaptive"
---@field features? string[]  further feature ids of the m/ part, such as "C" for a paginator

--- The User-Agent header.
---@param options bedrock.UserAgentOptions
---@return string
function useragent.build(options)
  local environment = options.environment or {}
  local parts = { "lua-bedrock/" .. name_of(options.version), "ua/2.1", host_part() }
  local exec = environment.AWS_EXECUTION_ENV
  if exec and exec:find("%S") then parts[#parts + 1] = "exec-env/" .. name_of(exec) end

  local features = { MODE_FEATURES[options.retry_mode] }
  for _, feature in ipairs(options.features or {}) do features[#features + 1] = name_of(feature) end
  local text = table.concat(features, ",")
  if #text > MAX_FEATURES then text = text:sub(1, MAX_FEATURES + 1):match("^(.*),") or "" end
  if text ~= "" then parts[#parts + 1] = "m/" .. text end

  if options.retry_mode then parts[#parts + 1] = "cfg/retry-mode#" .. value_of(options.retry_mode) end
  if options.app_id and options.app_id ~= "" then parts[#parts + 1] = "app/" .. name_of(options.app_id) end
  return table.concat(parts, " ")
end

--- What makes a client's header, once for each set of features: ids of how the credentials were found and of what the call
--- is part of, separated by commas.
---@param config bedrock.Config
---@param own string  those of the client, which all its calls share
---@return fun(features: string): string
function useragent.builder(config, own)
  return function(features)
    local all = {}
    for feature in (own .. "," .. features):gmatch("[^,]+") do all[#all + 1] = feature end
    return useragent.build { version = useragent.VERSION, app_id = config.app_id, environment = config.environment,
      retry_mode = config.retry_mode, features = all }
  end
end

--- The value of X-Amzn-Trace-Id inside Lambda, where a trace goes on through the calls that a function makes.
---@param environment table<string, string>
---@return string|nil value  nil outside Lambda; what is not printable is escaped
function useragent.trace_id(environment)
  local name, trace = environment.AWS_LAMBDA_FUNCTION_NAME, environment._X_AMZN_TRACE_ID
  if not name or name == "" or not trace or trace == "" then return nil end
  return (trace:gsub("[^\32-\126]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

return useragent
