-- shared_files.lua: the shared config and credentials files of the AWS SDKs: where they are, how they are read, and
-- their grammar.
--
-- The grammar is that of the SDKs' common contract: sections, `key = value`, continuation lines, one level of nested
-- blocks. It is stricter than an INI reader (what is malformed is an error with file and line) and more lenient
-- elsewhere (names with odd characters are ignored with their content). Values never appear in messages: half of what
-- these files hold is secret.

local errors = require "bedrock.errors"

local shared_files = {}

-- A shared file is some kilobytes; what is larger is another file, or a device.
local MAX_FILE_SIZE = 1024 * 1024

local function fail(message)
  return nil, errors.new { code = "ConfigurationError", message = message, retryable = false }
end

--- A short text as it may stand in a message: one line, in quotes.
---@param value any
---@return string
function shared_files.quoted(value)
  local text = tostring(value):gsub("[%c\127]", "?")
  if #text > 80 then text = text:sub(1, 80) .. "..." end
  return '"' .. text .. '"'
end

-- White space is blank and tab alone, whatever the C locale thinks of others. "[ \t]+$" would look at each run of blanks many times.
local function trim(text)
  return text:match "^[ \t]*(.*[^ \t])" or ""
end

--- Whether a text can name a section or a key; others are ignored with their content.
---@param text string
---@return boolean
function shared_files.is_name(text)
  return text:find("^[%w_%-/.%%@:+]+$") ~= nil and text:find("[\128-\255]") == nil
end
local is_name = shared_files.is_name

-- A comment in `key = value` begins after white space; "a#b" is a value.
local function strip_comment(text)
  local at = text:find("[ \t][#;]")
  return at and text:sub(1, at - 1) or text
end

-- What a header stands for: kind ("profile", "sso-session", "services") and name, or nil for a section to be ignored.
-- The last value is true for "[profile default]", which beats "[default]".
local function section_of(header, is_config)
  if not is_config then
    if is_name(header) then return "profile", header end
    return nil
  end
  if header == "default" then return "profile", "default", false end
  local kind, name = header:match("^([^ \t]+)[ \t]+(.+)$")
  if (kind == "profile" or kind == "sso-session" or kind == "services") and is_name(name) then
    return kind, name, name == "default"
  end
  return nil
end

-- Read one file into `result`, a table { profile = {}, ["sso-session"] = {}, services = {} } of sections, and `lines`,
-- a table of the same form that holds the place of each key.
local function parse_file(text, is_config, file, result, lines)
  local line_number = 0
  local function malformed(what)
    return fail(("%s:%d: %s"):format(file, line_number, what))
  end

  if text:sub(1, 3) == "\239\187\191" then text = text:sub(4) end -- the mark that Windows editors put in front
  local in_section = false -- behind any header, an ignored one too
  local section, places -- where keys and their lines go; nil in a section that is ignored
  local key, nested -- the key that a continuation line belongs to: a name, or false for one that is ignored
  local strong_default -- [profile default] was seen

  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    line_number = line_number + 1
    if line:sub(-1) == "\r" then line = line:sub(1, -2) end
    if line:find("\0", 1, true) then return malformed("a NUL byte; this is no text file") end
    local first = line:sub(1, 1)
    local skipped = not line:find("[^ \t]") or first == "#" or first == ";" -- blank, or a comment

    if not skipped and first == "[" then
      local header, rest = line:match("^%[([^%]]*)%](.*)$")
      if not header then return malformed("a section header without its closing ]") end
      rest = trim(rest)
      if rest ~= "" and not rest:find("^[#;]") then return malformed("text after a section header's ]") end
      local kind, name, strong = section_of(trim(header), is_config)
      in_section, section, key, nested = true, nil, nil, false
      if kind and is_config and kind == "profile" and name == "default" then
        if strong and not strong_default then
          strong_default = true
          result.profile.default, lines.profile.default = nil, nil
        elseif not strong and strong_default then
          kind = nil
        end
      end
      if kind then
        section, places = result[kind][name], lines[kind][name]
        if not section then
          section, places = {}, {}
          result[kind][name], lines[kind][name] = section, places
        end
      end
    elseif not skipped and (first == " " or first == "\t") then
      if not in_section then return malformed("a continuation line before any section") end
      if key == nil then return malformed("a continuation line without a setting before it") end
      local more = trim(line)
      if nested then
        local inner = more:match("^([^=]*)=")
        if not inner then return malformed("a line in a nested block without =") end
        if trim(inner) == "" then return malformed("a line in a nested block without a name before =") end
      end
      if key and section then section[key] = section[key] .. "\n" .. more end
    elseif not skipped then
      if not in_section then return malformed("a setting before any [section]") end
      local name, value = line:match("^([^=]*)=(.*)$")
      if not name then return malformed("a line without =; settings look like: name = value") end
      name = trim(name)
      if name == "" then return malformed("a setting without a name before =") end
      value = trim(strip_comment(value))
      nested = value == ""
      key = is_name(name) and name:lower() or false
      if key and section then
        section[key] = value
        places[key] = ("%s:%d"):format(file, line_number)
      end
    end
  end
  return true
end

---@class bedrock.SharedFiles
---@field profiles table<string, table<string, string>>  by name; keys in lower case
---@field sso_sessions table<string, table<string, string>>
---@field services table<string, table<string, string>>

--- Read the texts of the shared config file and the shared credentials file. A nested block stays one string that
--- begins with a line feed; `nested` takes it apart.
---@param config_text? string
---@param credentials_text? string
---@param names? {config?: string, credentials?: string}  the files' names, for messages
---@return bedrock.SharedFiles|nil files
---@return table|bedrock.Error origins  places ("FILE:LINE") in tables of the same form; or a ConfigurationError
function shared_files.parse(config_text, credentials_text, names)
  names = names or {}
  for name, text in pairs { config = config_text, credentials = credentials_text } do
    if type(text) ~= "string" then
      return fail(("the text of %s must be a string, got %s"):format(names[name] or name, type(text)))
    end
  end
  local from_config = { profile = {}, ["sso-session"] = {}, services = {} }
  local config_lines = { profile = {}, ["sso-session"] = {}, services = {} }
  if config_text then
    local ok, err = parse_file(config_text, true, names.config or "config", from_config, config_lines)
    if not ok then return nil, err end
  end
  local profiles, places = from_config.profile, config_lines.profile
  if credentials_text then
    local from_credentials, credential_lines = { profile = {} }, { profile = {} }
    local ok, err = parse_file(credentials_text, false, names.credentials or "credentials", from_credentials,
      credential_lines)
    if not ok then return nil, err end
    for name, settings in pairs(from_credentials.profile) do
      profiles[name], places[name] = profiles[name] or {}, places[name] or {}
      for key, value in pairs(settings) do
        profiles[name][key], places[name][key] = value, credential_lines.profile[name][key]
      end
    end
  end
  return { profiles = profiles, sso_sessions = from_config["sso-session"], services = from_config.services },
    { profiles = places, sso_sessions = config_lines["sso-session"], services = config_lines.services }
end

--- The settings of a nested block.
---@param text string  as `parse` gives it: "\nname = value\nname2 = value2"
---@return table<string, string> settings  keys in lower case
function shared_files.nested(text)
  local settings = {}
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    local name, value = line:match("^([^=]*)=(.*)$")
    name = name and trim(name)
    if name and is_name(name) then settings[name:lower()] = trim(strip_comment(value)) end
  end
  return settings
end

-- The process's environment with the face of a table, read anew at each look.
local process_environment = setmetatable({}, {
  __index = function(_, name)
    return os.getenv(name)
  end,
})

shared_files.process_environment = process_environment

--- The environment to look things up in from now on: the process's. Before nginx starts its workers, as it is then: there,
--- only the variables are left that nginx.conf names by the directive env.
---@return table<string, string>
function shared_files.current_environment()
  local ngx = rawget(_G, "ngx")
  if type(ngx) ~= "table" or type(ngx.get_phase) ~= "function" or ngx.get_phase() ~= "init" then
    return process_environment
  end
  local environment = setmetatable({}, getmetatable(process_environment))
  for _, names in pairs(require "bedrock.variables") do
    for _, name in ipairs(names) do environment[name] = os.getenv(name) end
  end
  return environment
end

--- A variable's value; blank is unset.
---@param environment table<string, string>
---@param name string
---@return string|nil
function shared_files.variable(environment, name)
  local value = environment[name]
  if type(value) ~= "string" or not value:find("%S") then return nil end
  return value
end
local variable = shared_files.variable

--- The user's home folder.
---@param environment table<string, string>
---@param platform? "linux"|"windows"  default: this machine's
---@return string|nil home  without a slash at its end
function shared_files.home(environment, platform)
  local windows = (platform or (package.config:sub(1, 1) == "\\" and "windows" or "linux")) == "windows"
  local home = variable(environment, "HOME")
  if not home and windows then
    home = variable(environment, "USERPROFILE")
    if not home and variable(environment, "HOMEDRIVE") and variable(environment, "HOMEPATH") then
      home = environment.HOMEDRIVE .. environment.HOMEPATH
    end
  end
  return home and (home:gsub(windows and "[\\/]+$" or "/+$", ""))
end

--- Where the shared files are, and which profile is asked for.
---@param environment? table<string, string>  default: the process's
---@param platform? "linux"|"windows"  default: this machine's
---@return {profile: string, config: string|nil, credentials: string|nil} location  no path where no home is known
function shared_files.locate(environment, platform)
  environment = environment or process_environment
  platform = platform or (package.config:sub(1, 1) == "\\" and "windows" or "linux")
  local windows = platform == "windows"
  local home = shared_files.home(environment, platform)
  local slash = windows and "\\" or "/"

  local function path_of(name, default)
    local path = variable(environment, name)
    if path then
      local rest = path:match("^~(.*)$")
      if rest and home and (rest == "" or rest:find(windows and "^[\\/]" or "^/")) then return home .. rest end
      return path
    end
    return home and table.concat({ home, ".aws", default }, slash) or nil
  end
  return {
    profile = variable(environment, "AWS_PROFILE") or "default",
    config = path_of("AWS_CONFIG_FILE", "config"),
    credentials = path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
  }
end

--- A file's text; nil alone if there is no such file; nil and a message if it can't be read.
---@param path string
---@return string|nil text
---@return string? message
function shared_files.read_from_disk(path)
  local file, message, code = io.open(path, "rb")
  if not file then
    -- 2 ENOENT, 20 ENOTDIR: the same on every system that has them
    if code == 2 or code == 20 then return nil end
    return nil, message
  end
  local text, read_message = file:read(MAX_FILE_SIZE + 1)
  file:close()
  if text then return text end
  if read_message then return nil, path .. ": " .. read_message end
  return "" -- an empty file reads as nothing at once
end

--- A file's text by way of a `read_file`, which may be a user's own.
---@param read_file fun(path: string): string|nil, string|nil
---@param path string
---@return string|nil text  nil alone: there is no such file
---@return string? message  why it can't be read; names the file
function shared_files.read_text(read_file, path)
  if path:find("\0", 1, true) then return nil, "the name of a file has a NUL byte in it" end
  local text, message = read_file(path)
  if type(text) == "string" then return text end
  if text ~= nil then return nil, ("%s: read_file must return a string, got %s"):format(path, type(text)) end
  local plain = type(message) == "string" and message:lower() or ""
  if message == nil or plain:find("no such file", 1, true) or plain:find("not found", 1, true) then return nil end
  message = tostring(message)
  if not message:find(path, 1, true) then message = path .. ": " .. message end
  return nil, message
end

local function read_shared_file(read_file, path)
  if not path then return nil end
  local text, message = shared_files.read_text(read_file, path)
  if not text then
    if not message then return nil end
    return fail("the shared file can't be read: " .. message)
  end
  if #text > MAX_FILE_SIZE then
    return fail(("%s: larger than %d bytes; this is no shared AWS file"):format(path, MAX_FILE_SIZE))
  end
  return text
end

-- Hashes, since the texts hold secrets and nobody should keep them only to compare them.
local function fingerprint_of(config_text, credentials_text)
  local sha256 = require("bedrock.core").sha256
  return (config_text and sha256(config_text) or "-") .. (credentials_text and sha256(credentials_text) or "-")
end

local function read_both(location, read_file)
  local config_text, err = read_shared_file(read_file, location.config)
  if err then return nil, nil, err end
  local credentials_text
  credentials_text, err = read_shared_file(read_file, location.credentials)
  return config_text, credentials_text, err
end

--- What tells whether the shared files have changed since `read`.
---@param location {config: string|nil, credentials: string|nil}
---@param read_file fun(path: string): string|nil, string|nil
---@return string|nil fingerprint  nil if one of them can't be read now
function shared_files.fingerprint(location, read_file)
  local config_text, credentials_text, err = read_both(location, read_file)
  if err then return nil end
  return fingerprint_of(config_text, credentials_text)
end

--- Read both shared files.
---@param location {config: string|nil, credentials: string|nil}
---@param read_file fun(path: string): string|nil, string|nil
---@return bedrock.SharedFiles|nil files
---@return table|bedrock.Error origins  as `parse` gives them; or a ConfigurationError, also for a file that can't be read
---@return string? fingerprint  see `fingerprint`
function shared_files.read(location, read_file)
  local config_text, credentials_text, err = read_both(location, read_file)
  if err then return nil, err end
  local files, origins = shared_files.parse(config_text, credentials_text, location)
  if not files then return nil, origins end
  return files, origins, fingerprint_of(config_text, credentials_text)
end

return shared_files
