-- client.lua: a client, whose methods are the operations of an API table, and the one path that all calls take:
-- check, build, sign, send, read, retry.
--
-- Nothing here knows an operation, a host or a clock: the API is data (model.lua), requests and answers are the
-- protocol's (rest_json.lua or aws_query.lua), sending and waiting are the runtime's, and whether to try again is decided in
-- retry.lua. No pcall stands around the runtime, since Lua 5.1 can't yield across one.

local core = require "bedrock.core"
local errors = require "bedrock.errors"
local rest_json = require "bedrock.protocol.rest_json"
local runtimes = require "bedrock.runtime"

local M = {}

---@class bedrock.CallOptions
---@field timeout? number  seconds for the whole call, attempts and pauses included
---@field read_timeout? number  seconds without a byte of the answer
---@field max_attempts? integer  the first attempt counts

---@class bedrock.PageOptions: bedrock.CallOptions
---@field ahead? boolean  in tasks of bedrock.parallel: fetch the next page while the caller works on this one. At most one page
---  is ahead; it counts for no limit, and is cancelled with the task. Elsewhere, in nginx too, pages are fetched when asked for.

---@class bedrock.WarmUpOptions
---@field connections? integer  so many for tasks of bedrock.parallel, in place of one for calls from here; 1000 at most, and fewer
---  where the host answers before all have begun
---@field timeout? number  seconds for all of it
---@field read_timeout? number  seconds without a byte of the answer

---@class bedrock.Metadata
---@field request_id? string
---@field status integer  the HTTP status
---@field headers table<string, string>  the answer's headers, names in lower case
---@field attempts integer

---@class bedrock.Client
---@field operation_names string[]  what this client can do, in snake_case, sorted
---@field region? string
---@field endpoint_url string
local Client = {}

local MOST_CONNECTIONS = 1000 -- that a warm-up opens

local call_options = { timeout = "number", read_timeout = "number", max_attempts = "number" }
local page_options = { timeout = "number", read_timeout = "number", max_attempts = "number", ahead = "boolean" }
local warm_up_options = { timeout = "number", read_timeout = "number", connections = "number" }

-- Misuse is raised where the caller stands: `level` counts from the function that calls this one.
local function check_call_options(options, level, known)
  if options == nil then return end
  known = known or call_options
  if type(options) ~= "table" then error("call options must be a table, got " .. type(options), level + 1) end
  for name, value in pairs(options) do
    if not known[name] then
      error(("unknown call option %q%s"):format(tostring(name), errors.did_you_mean(tostring(name), known)), level + 1)
    elseif known[name] == "boolean" then
      if type(value) ~= "boolean" then error(("call option %s must be true or false"):format(name), level + 1) end
    elseif type(value) ~= "number" or not (value > 0 and value < math.huge) then
      error(("call option %s must be a positive number"):format(name), level + 1)
    elseif (name == "max_attempts" or name == "connections") and value % 1 ~= 0 then
      error(("call option %s must be a whole number"):format(name), level + 1)
    elseif name == "connections" and value > MOST_CONNECTIONS then
      error(("call option connections must be at most %d"):format(MOST_CONNECTIONS), level + 1)
    end
  end
end

local function fail(operation, attempts, err)
  if err.operation == nil then err.operation = operation.name end
  if err.attempts == nil then err.attempts = attempts end
  return nil, err
end

local function no_time(operation, attempts, timeout, cause, last)
  return fail(operation, attempts, errors.new {
    code = "TimeoutError", retryable = true, last = last,
    request_id = last and last.request_id, status = last and last.status,
    message = ("the call's limit of %g seconds leaves no time for attempt %d: %s"):format(timeout, attempts + 1, cause),
  })
end

-- The parts of a request, or nil and the error. Only parameters that are not surely right go through the check that finds
-- words.
local function build(protocol, operation, params)
  local parts = protocol.check_and_build(operation, params)
  if parts then return parts end
  local ok, err = require("bedrock.validate")(operation, params)
  if not ok then return nil, err end
  return protocol.build(operation, params)
end

-- What proves who is calling: a bearer token, or a signature over the request's parts with its date and the credentials
-- that made it; false for a public operation.
---@return string|false|nil authorization
---@return any date_or_error
---@return bedrock.Credentials? credentials
local function authenticate(self, operation, parts, url, deadline)
  if operation.auth == "none" then return false end
  if self._bearer_token then return "Bearer " .. self._bearer_token end
  local runtime = self._runtime
  local credentials, err = self._credentials:get(runtime, runtime:now(), deadline)
  if not credentials then return nil, err end
  local authorization, date = core.sigv4_headers(parts.method, url, parts.headers, parts.body,
    credentials.access_key_id, credentials.secret_access_key, credentials.session_token,
    self.region, self._signing_name, self._clock:signing_time(runtime:now())) -- getting credentials may have taken time
  if not authorization then
    return nil, errors.new { code = "ConfigurationError", retryable = false,
      message = "the request can't be signed: " .. date }
  end
  return authorization, date, credentials
end

-- The User-Agent header, which says how the credentials were found and what the call is part of.
local function user_agent(self, credentials, feature)
  local features = credentials and credentials.features or ""
  if feature then features = features .. "," .. feature end
  local text = self._user_agents[features]
  if not text then
    text = self._user_agent(features)
    self._user_agents[features] = text
  end
  return text
end

local function attempt_text(attempt, max_attempts) return ("attempt=%d; max=%d"):format(attempt, max_attempts) end

-- What an attempt sends: the parts that all attempts share, with a new date and signature. Headers that the signature
-- does not need come after it, as in botocore.
local function build_request(self, operation, parts, url, attempt, max_attempts, invocation_id, read_timeout, deadline, feature)
  local authorization, date, credentials = authenticate(self, operation, parts, url, deadline)
  if authorization == nil then return nil, date end
  local headers = { -- made in one piece, at its size
    ["Authorization"] = authorization or nil, ["X-Amz-Date"] = date,
    ["X-Amz-Security-Token"] = credentials and credentials.session_token,
    ["User-Agent"] = user_agent(self, credentials, feature),
    ["amz-sdk-invocation-id"] = invocation_id,
    ["amz-sdk-request"] = attempt == 1 and max_attempts == self._retry.max_attempts and self._first_attempt
      or attempt_text(attempt, max_attempts),
  }
  if self._trace_id then headers["X-Amzn-Trace-Id"] = self._trace_id() end
  for name, value in next, parts.headers do headers[name] = value end
  return { method = parts.method, url = url, headers = headers, body = parts.body,
    connect_timeout = self._config.connect_timeout, read_timeout = read_timeout }, credentials
end

-- Codes that say that the credentials have ended before their time.
local EXPIRED = { ExpiredToken = true, ExpiredTokenException = true, TokenRefreshRequired = true }

-- The endpoint with an operation's host prefix, path and query.
local function request_url(self, parts)
  local url = self._base_url
  if parts.host_prefix then url = url:gsub("^%a+://", "%0" .. parts.host_prefix:gsub("%%", "%%%%"), 1) end
  if parts.query ~= "" then return url .. parts.path .. "?" .. parts.query end
  return url .. parts.path
end

-- Whether a call can be made here: asked before credentials are looked for, which may wait as well.
local function usable(self)
  local runtime = self._runtime
  if self._closed then
    return nil, errors.new { code = "ConfigurationError", retryable = false,
      message = "this client is closed; make a new one with bedrock.new" }
  elseif runtime.ready then
    local able, why = runtime:ready()
    if not able then return nil, errors.of_runtime(why) end
  end
  return true
end

-- A call, from check to retry: the result and its metadata, or nil and the error. `feature` is what it is part of, as the
-- User-Agent header names it.
local function call(self, operation, params, options, feature)
  local config, runtime, strategy, protocol = self._config, self._runtime, self._retry, self._protocol
  local ok, err = usable(self)
  if not ok then return fail(operation, 0, err) end
  if params == nil then params = {} end
  local parts
  parts, err = build(protocol, operation, params)
  if not parts then return fail(operation, 0, err) end

  local timeout, read_timeout, max_attempts = config.timeout, config.read_timeout, strategy.max_attempts
  if options then
    timeout, read_timeout = options.timeout or timeout, options.read_timeout or read_timeout
    max_attempts = options.max_attempts or max_attempts
  end
  local deadline = timeout and runtime:now() + timeout
  local url, invocation_id = request_url(self, parts), core.uuid4()
  local on_event = config.on_event
  local codec = self._owns_runtime and parts.codec or nil -- another's has a contract, where bodies are strings

  local attempt, tries, renewed = 0, nil, false
  while true do
    attempt = attempt + 1
    local held_back = strategy.limiter and strategy:before_attempt(runtime:now()) or 0
    while held_back > 0 do
      if deadline and runtime:now() + held_back >= deadline then
        return no_time(operation, attempt - 1, timeout, "the rate limit of the adaptive retry mode")
      end
      runtime:sleep(held_back)
      held_back = strategy:before_attempt(runtime:now()) -- the rate may be another by now, and others wait, too
    end
    if on_event then
      on_event { type = "attempt", operation = operation.name, attempt = attempt, max_attempts = max_attempts,
        invocation_id = invocation_id }
    end

    local offset = self._clock.offset
    local request, used = build_request(self, operation, parts, url, attempt, max_attempts, invocation_id, read_timeout,
      deadline, feature)
    if not request then return fail(operation, attempt - 1, used) end
    local response, send_err = runtime:send(request, deadline, codec)

    local result, failure, headers
    if type(response) == "table" then
      result = codec and response.value
      if not result then result, failure = protocol.parse(operation, response) end
      headers = type(response.headers) == "table" and response.headers or {}
    elseif response then
      failure = errors.new { code = "ResponseError", retryable = false,
        message = "the runtime gave an answer that is no table { status, headers, body }, but a " .. type(response) }
      response = nil
    else
      failure = errors.of_runtime(send_err)
    end
    if on_event then
      on_event { type = "answer", operation = operation.name, attempt = attempt, ok = result ~= nil,
        status = response and response.status, code = failure and failure.code,
        request_id = headers and protocol.request_id(headers), invocation_id = invocation_id }
    end
    if result then
      strategy:on_success(tries, runtime:now())
      return result, { request_id = protocol.request_id(headers), status = response.status, headers = headers,
        attempts = attempt }
    end

    failure.operation, failure.attempts = operation.name, attempt
    errors.mask(failure, { used and used.session_token or nil, used and used.secret_access_key or nil,
      self._bearer_token or nil })
    local skewed = headers ~= nil and self._clock:observe(headers, failure.code, runtime:now(), offset)
    local class = skewed and "transient" or strategy:classify(failure, operation)
    if EXPIRED[failure.code] and used then
      self._credentials:forget(used)
      if not renewed and attempt < max_attempts then
        renewed = true
        local replaced, err_of_new = self._credentials:replace(used, runtime, runtime:now(), deadline)
        if replaced then class = "credentials" else failure.cause = err_of_new end
      end
    end
    failure.retryable = class ~= nil
    tries = tries or strategy:begin(max_attempts)
    local delay, reason = strategy:on_failure(tries, class, headers, runtime:now())
    if not delay then
      failure.retry_stopped = reason
      return nil, failure
    elseif deadline and runtime:now() + delay >= deadline then
      return no_time(operation, attempt, timeout, ("the last error was %s: %s"):format(failure.code, failure.message),
        failure)
    end
    if on_event then
      on_event { type = "retry", operation = operation.name, attempt = attempt, delay = delay, class = class,
        code = failure.code, invocation_id = invocation_id }
    end
    if delay > 0 then runtime:sleep(delay) end
  end
end

-- The operation of a name in either spelling; a misspelt one is the caller's mistake.
local function find_operation(self, name, level)
  local operation = type(name) == "string" and self._model.operations[name]
  if operation then return operation end
  error(("unknown operation %q%s"):format(tostring(name), errors.did_you_mean(name, self.operation_names)), level + 1)
end

local function find_paginated(self, name, level)
  local operation = find_operation(self, name, level + 1)
  if operation.paginator then return operation end
  error(("%s gives all that there is in one answer: call client:%s{…} instead"):format(operation.name, operation.snake),
    level + 1)
end

-- What fetches a page, and what does so beside the task that runs here.
local function fetchers(self, operation, options)
  local function fetch(params) return call(self, operation, params, options, "C") end
  local function beside(f)
    if runtimes.blocks(self._runtime) then return nil end
    return require("bedrock.parallel").beside(f)
  end
  return fetch, options and options.ahead and beside or nil
end

--- Iterate over the pages of a list operation: `for page in client:pages("list_custom_models") do`.
--- The iterator raises the error table when a page can't be had; asked again, it tries that page again. It is for one task of
--- bedrock.parallel at a time. An operation
--- without pages, or an option that does not exist, raises at the caller's line.
---@param operation_name string
---@param params? table  `maxResults` is the page size, `nextToken` the page to begin with
---@param options? bedrock.PageOptions  for each page's call
---@return fun(): table|nil
function Client:pages(operation_name, params, options)
  local operation = find_paginated(self, operation_name, 2)
  check_call_options(options, 2, page_options)
  return require("bedrock.paginate").pages(operation, params, fetchers(self, operation, options))
end

--- Iterate over the items on all pages: `for model in client:items("list_custom_models") do print(model.modelName) end`.
--- Raises like `pages`.
---@param operation_name string
---@param params? table
---@param options? bedrock.PageOptions
---@return fun(): any
function Client:items(operation_name, params, options)
  local operation = find_paginated(self, operation_name, 2)
  check_call_options(options, 2, page_options)
  return require("bedrock.paginate").items(operation, params, fetchers(self, operation, options))
end

--- A wait that is driven step by step (see wait.lua), for bedrock.tuning. Kind and options are right.
---@param row bedrock.WaitKind
---@param params table
---@param options? bedrock.WaitOptions
---@return bedrock.Waiter
function Client:_waiter(row, params, options)
  local operation = find_operation(self, row.operation, 3)
  local runtime, own = self._runtime, self._config.timeout -- what is left of the wait may shorten a poll, never lengthen it
  return require("bedrock.wait").new(row, params, options, {
    runtime = runtime, random = core.random, operation = operation.name,
    now = function() return self._clock:signing_time(runtime:now()) end,
    call = function(p, left)
      return call(self, operation, p, left and { timeout = own and math.min(own, left) or left }, "B")
    end,
  })
end

--- Poll until a job is at its end: `client:wait("model_customization_job", { jobIdentifier = arn })`.
--- Raises at the caller's line for a kind or an option that does not exist.
---@param kind "model_customization_job"|"custom_model"
---@param params table  the parameters of the Get operation
---@param options? bedrock.WaitOptions
---@return table|nil answer  the last answer of the Get operation
---@return bedrock.Error? err  `WaiterError` after a bad end, `TimeoutError`, or the error of a call
function Client:wait(kind, params, options)
  local wait = require "bedrock.wait"
  local row = wait.kinds[kind]
  if not row then
    local names = {}
    for name in pairs(wait.kinds) do names[#names + 1] = name end
    table.sort(names)
    error(("can't wait for %q; it is one of: %s"):format(tostring(kind), table.concat(names, ", ")), 2)
  end
  local problem = wait.check_options(options)
  if problem then error(problem, 2) end
  return self:_waiter(row, params, options):run()
end

-- A request without a signature that any host answers at once, with whatever status: it has no effect, costs no quota, and
-- leaves a connection behind that calls use. (libcurl's CURLOPT_CONNECT_ONLY leaves one that no other transfer may have.)
local function knock(self, credentials, read_timeout, deadline)
  local config, runtime = self._config, self._runtime
  local response, err = runtime:send({ method = "HEAD", url = self._base_url .. "/",
    headers = { ["User-Agent"] = user_agent(self, credentials) },
    connect_timeout = config.connect_timeout, read_timeout = read_timeout }, deadline)
  if response then return true end
  return nil, errors.of_runtime(err)
end

--- Get ready for the first call: look for credentials, and open a connection, with all that takes time (name, TCP, TLS). The
--- host is sent a request without a signature; any answer to it will do. There is one attempt, whose error says what a call
--- would meet.
---
--- Connections of tasks are those of bedrock.parallel, which keeps them from one call of it to the next: with
--- `connections`, so many are opened for them (a host that speaks HTTP/2 needs one only). In nginx they wait in the worker's pool.
--- Raises at the caller's line for an option that does not exist or has a wrong type.
---@param options? bedrock.WarmUpOptions
---@return true|nil ok
---@return bedrock.Error? err
function Client:warm_up(options)
  check_call_options(options, 2, warm_up_options)
  options = options or {}
  local runtime, config = self._runtime, self._config
  local timeout, read_timeout = options.timeout or config.timeout, options.read_timeout or config.read_timeout
  local ready, err = usable(self)
  if not ready then return nil, err end
  local deadline = timeout and runtime:now() + timeout
  local credentials
  if self._credentials then
    credentials, err = self._credentials:get(runtime, runtime:now(), deadline)
    if not credentials then return nil, err end
  end
  if not options.connections then return knock(self, credentials, read_timeout, deadline) end
  local tasks = {}
  for i = 1, options.connections do
    tasks[i] = function() return knock(self, credentials, read_timeout, deadline) end
  end
  local parallel = require "bedrock.parallel"
  local results, failures = parallel.run(tasks, { limit = options.connections })
  for i = 1, results.n do
    if failures[i] then return nil, failures[i] end
  end
  return true
end

--- Close the client and its connections; calls after that return an error. Closing twice is fine.
function Client:close()
  if self._closed then return end
  self._closed = true
  if self._owns_runtime and self._runtime.close then self._runtime:close() end
end

local function operation_method(operation)
  return function(self, params, options)
    if type(self) ~= "table" or not rawget(self, "_config") then
      error(("call it with a colon: client:%s{…}"):format(operation.snake), 2)
    end
    check_call_options(options, 2)
    return call(self, operation, params, options)
  end
end

-- All methods of a model's clients: those of operations are made when first used.
local function make_methods(operations, operation_names)
  local methods = {}
  for name, method in pairs(Client) do methods[name] = method end
  return setmetatable(methods, { __index = function(_, name)
    if type(name) ~= "string" or name:sub(1, 1) == "_" or name == "region" then return nil end -- a client may be without one
    local operation = operations[name]
    if not operation or operation.snake ~= name then
      local known = { "pages", "items", "wait", "warm_up", "close" }
      for _, operation_name in ipairs(operation_names) do known[#known + 1] = operation_name end
      error(("a client has no operation %q%s"):format(name, errors.did_you_mean(name, known)), 2)
    end
    local method = operation_method(operation)
    methods[name] = method
    return method
  end })
end

local function to_string(self)
  return ("bedrock client (%s, %s%s)"):format(self.region or "no region", self.endpoint_url,
    self._closed and ", closed" or "")
end

local function refuse_call()
  error("a client is not a function: call an operation of it, as in client:list_foundation_models{}", 2)
end

-- The metatable of a model's clients, of which there may be thousands.
local function metatable_of(model)
  local meta = rawget(model, "_client_meta")
  if not meta then
    meta = { __name = "bedrock.Client", __index = make_methods(model.operations, model.operation_names),
      __tostring = to_string, __call = refuse_call, __close = Client.close,
      -- Clients hold credentials and a runtime: what a dump of the metatable shows says no more than tostring does.
      __metatable = "bedrock.Client" }
    rawset(model, "_client_meta", meta)
  end
  return meta
end

---@class bedrock.ClientParts
---@field config bedrock.Config
---@field model bedrock.Model
---@field runtime bedrock.Runtime
---@field owns_runtime boolean
---@field credentials? bedrock.CredentialsProvider
---@field bearer_token? string
---@field retry bedrock.RetryStrategy
---@field clock bedrock.Clock
---@field base_url string
---@field signing_name string
---@field region? string
---@field user_agent fun(features: string): string
---@field trace_id? fun(): string|nil

--- Make a client from its parts (bedrock.new puts them together).
---@param parts bedrock.ClientParts
---@return bedrock.Client
function M.new(parts)
  -- What may be missing is false, which a look into the metatable would cost more than.
  return setmetatable({
    operation_names = parts.model.operation_names,
    region = parts.region,
    endpoint_url = parts.base_url,
    _base_url = parts.base_url:gsub("/+$", ""),
    _config = parts.config, _model = parts.model, _runtime = parts.runtime, _owns_runtime = parts.owns_runtime,
    _credentials = parts.credentials, _bearer_token = parts.bearer_token or false, _retry = parts.retry, _clock = parts.clock,
    _first_attempt = attempt_text(1, parts.retry.max_attempts),
    _protocol = parts.model.metadata.protocol == "query" and require "bedrock.protocol.aws_query" or rest_json,
    _signing_name = parts.signing_name, _user_agent = parts.user_agent, _user_agents = {}, _trace_id = parts.trace_id or false,
    _closed = false,
  }, metatable_of(parts.model))
end

return M
