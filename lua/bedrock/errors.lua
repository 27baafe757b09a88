--- The error table that every part of the library hands back, and the search for the nearest known name.
--
-- Errors are plain tables with one metatable: callers read their fields, `assert` and `print` show their text. The
-- text is made when it is asked for, so that a retried error costs nothing. No field ever holds a secret.

local errors = {}

--- An error of the library or of the service.
---@class bedrock.Error
---@field code string  a code of the library (`errors.codes`) or the service's own ("ValidationException")
---@field message string  what happened, and for the library's own errors what to do
---@field status? integer  the HTTP status, where there was an answer
---@field request_id? string  AWS's id of the request, for its support
---@field operation? string  the operation's name as the API spells it ("CreateModelCustomizationJob")
---@field attempts? integer  how often the request was sent
---@field retryable? boolean  whether sending it again later may help
---@field problems? {path: string, message: string}[]  ParamValidationError: each problem with its path
---@field headers? table<string, string>  the answer's headers, lower-case names
---@field last? table  of client:wait and bedrock.tuning: the resource as it was seen last; of a call's TimeoutError: the last
---  attempt's error
---@field failure_message? string  WaiterError: the service's reason
---@field members? table  the modelled members of a service's error
---@field report? table  ParamValidationError of tuning.run: that of tuning.check_job
---@field differences? string[]  JobMismatchError, StateError: the parameters that are others
---@field kind? string  errors of the library's runtimes: what happened, as "timeout_read"
---@field cause? bedrock.Error  of a CredentialsError: the error of the service or the network behind it
---@field retry_stopped? "fail_request"|"max_attempts_exceeded"|"retry_quota_exceeded"  why there was no further attempt

--- The codes that the library itself gives. All others are the service's.
errors.codes = {
  ParamValidationError = "parameters that the API cannot take; nothing was sent",
  ConfigurationError = "a setting is missing or cannot be read",
  CredentialsError = "no credentials, or none that can be used",
  ConnectionError = "the service could not be reached, or the connection broke",
  TimeoutError = "no answer in time",
  TLSError = "the server's certificate or the TLS handshake was refused",
  ResponseError = "an answer that cannot be read",
  WaiterError = "what was waited for came to a bad end",
  StalledError = "a customization job that stands still for longer than its budget",
  StateError = "a file of tuning.run that cannot be used",
  JobMismatchError = "a customization job of this name exists with other parameters",
  FileError = "a file that cannot be read or written",
  CancelledError = "a task of bedrock.parallel that was ended before its time",
}

local error_mt = {
  __name = "bedrock.Error",
  -- `getmetatable` shows this in place of the table: no caller can change what all errors share.
  __metatable = "bedrock.Error",
}

--- "Code: message (operation, HTTP status, request id)"
function error_mt.__tostring(err)
  local details = {}
  if err.operation then
    details[#details + 1] = tostring(err.operation)
  end
  if err.status then
    details[#details + 1] = "HTTP " .. tostring(err.status)
  end
  if err.request_id then
    details[#details + 1] = "request id " .. tostring(err.request_id)
  end
  if type(err.attempts) == "number" and err.attempts > 1 then
    details[#details + 1] = ("%d attempts"):format(err.attempts)
  end
  local text = tostring(err.code)
  if err.message ~= nil and err.message ~= "" then
    text = text .. ": " .. tostring(err.message)
  end
  if #details > 0 then
    text = text .. " (" .. table.concat(details, ", ") .. ")"
  end
  return text
end

-- The metatable is hidden from getmetatable, so membership is remembered here.
local known = setmetatable({}, { __mode = "k" })

--- Make an error. The table that is passed becomes the error (it is not copied).
---@param fields table  `code` and `message`, and whatever else belongs to the error
---@return bedrock.Error err
function errors.new(fields)
  if fields.code == nil then
    error("an error needs a code", 2)
  end
  if fields.message == nil then
    fields.message = ""
  end
  known[fields] = true
  return setmetatable(fields, error_mt)
end

--- The error of parameters that can't be sent.
---@param operation string|nil
---@param problems {path: string, message: string}[]  are kept in the error; at least one
---@param more? boolean  there are others, which were not looked for
---@return bedrock.Error err  code "ParamValidationError", with `problems`
function errors.of_problems(operation, problems, more)
  local lines = {}
  for i, one in ipairs(problems) do
    lines[i] = one.path == "" and one.message or one.path .. ": " .. one.message
  end
  local message = lines[1]
  if #lines > 1 then
    message = ("%s%d problems:\n  %s"):format(more and "more than " or "", #lines, table.concat(lines, "\n  "))
  end
  return errors.new {
    code = "ParamValidationError",
    message = message,
    problems = problems,
    operation = operation,
    retryable = false,
  }
end

-- Plain Lua 5.1 can't yield across a pcall.
local can_catch = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

--- Whether `errors.call` catches.
errors.can_catch = can_catch

--- As pcall, for what may yield: where that can't be caught, nothing is.
---@param f function
---@param ... any  what it is called with
---@return boolean ok
---@return any ...
function errors.call(f, ...)
  if can_catch then
    return pcall(f, ...)
  end
  return true, f(...)
end

local SHORTEST_SECRET = 8 -- characters: what is shorter is part of many words

local function mask(value, secrets, depth)
  if type(value) == "string" then
    for _, secret in pairs(secrets) do
      local start, stop = value:find(secret, 1, true)
      while start and #secret >= SHORTEST_SECRET do
        value = value:sub(1, start - 1) .. "****" .. value:sub(stop + 1)
        start, stop = value:find(secret, start + 4, true)
      end
    end
  elseif type(value) == "table" and depth > 0 then
    for name, member in pairs(value) do
      value[name] = mask(member, secrets, depth - 1)
    end
  end
  return value
end

--- Take secrets out of an error of a service that repeats what it was sent: AWS shows the canonical request, with the session
--- token in it, where a signature is wrong.
---@param err bedrock.Error  is changed
---@param secrets table<any, string>
function errors.mask(err, secrets)
  mask(err, secrets, 4)
end

--- A copy, for whoever writes on an error that others hold, too.
---@param err table
---@return bedrock.Error
function errors.copy(err)
  local copy = {}
  for name, value in pairs(err) do
    copy[name] = value
  end
  return errors.new(copy)
end

--- The error of a send: a runtime may be a user's own and hand back a plain text or table.
---@param err any
---@return bedrock.Error
function errors.of_runtime(err)
  if errors.is(err) then
    return err
  elseif type(err) == "table" and err.code then
    return errors.new(err)
  end
  return errors.new { code = "ConnectionError", retryable = true,
    message = type(err) == "string" and err or "the runtime gave neither an answer nor an error { code, message }" }
end

--- Whether a value is an error made by this library.
---@param value any
---@return boolean
function errors.is(value)
  return type(value) == "table" and known[value] == true
end

-- Distance of two texts by insertions, deletions, replacements and swaps of neighbours; gives up above `limit`.
local function distance(a, b, limit)
  local la, lb = #a, #b
  if math.abs(la - lb) > limit then
    return nil
  end
  local before, previous = nil, {}
  for j = 0, lb do
    previous[j] = j
  end
  for i = 1, la do
    local current = { [0] = i }
    local lowest = i
    local ca = a:byte(i)
    for j = 1, lb do
      local cb = b:byte(j)
      local d = math.min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (ca == cb and 0 or 1))
      if i > 1 and j > 1 and ca == b:byte(j - 1) and a:byte(i - 1) == cb then
        d = math.min(d, before[j - 2] + 1)
      end
      current[j] = d
      if d < lowest then
        lowest = d
      end
    end
    if lowest > limit then
      return nil
    end
    before, previous = previous, current
  end
  return previous[lb] <= limit and previous[lb] or nil
end

-- Names that differ only in case and separators count as equal: jobname, job_name and jobName.
local function plain(name)
  return (name:lower():gsub("[_%-%s]", ""))
end

--- The candidate that a misspelt name most likely means.
---@param name any  what was written
---@param candidates string[]|table<string, any>  the names that exist: a list, or a table with them as keys
---@return string|nil nearest  nil if nothing is near
function errors.suggest(name, candidates)
  if type(name) ~= "string" or name == "" or #name > 200 then
    return nil
  end
  local names = {}
  if candidates[1] ~= nil then
    names = candidates
  else
    for candidate in pairs(candidates) do
      if type(candidate) == "string" then
        names[#names + 1] = candidate
      end
    end
    table.sort(names) -- of two equally near names the same one wins every time
  end
  local wanted = plain(name)
  local limit = math.max(1, math.floor(#wanted / 3))
  local best, best_distance
  for i = 1, #names do
    local candidate = plain(names[i])
    -- A name shorter than the distance has nothing in common with it.
    local d = distance(wanted, candidate, limit)
    if d and d < #candidate and (not best_distance or d < best_distance) then
      best, best_distance = names[i], d
    end
  end
  if best then
    return best
  end
  -- One being the beginning or the end of the other: "bucket" for "bucketName", "Tags" for "jobTags".
  for i = 1, #names do
    local candidate = plain(names[i])
    local short, long = wanted, candidate
    if #short > #long then
      short, long = long, short
    end
    if #short >= 4 and (long:sub(1, #short) == short or long:sub(-#short) == short) then
      local difference = #long - #short
      if not best_distance or difference < best_distance then
        best, best_distance = names[i], difference
      end
    end
  end
  return best
end

--- The end of a message about an unknown name: ` (did you mean "x"?)`, or "" if nothing is near.
---@param name any  what was written
---@param candidates string[]|table<string, any>  as for `suggest`
---@return string
function errors.did_you_mean(name, candidates)
  local near = errors.suggest(name, candidates)
  return near and (" (did you mean %q?)"):format(near) or ""
end

return errors
