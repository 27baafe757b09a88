--- A Bedrock that runs on this machine: the control plane's operations over a store in memory, with the service's behaviour.
--
--   local emulator = require("bedrock.emulator").new { region = "us-east-1" }
--   local client = assert(bedrock.new {
--     region = "us-east-1", credentials = emulator.example_credentials, runtime = emulator:runtime(),
--   })
--
-- The API table is its source of truth: routes, what a request may hold and how an answer is written come from there. It
-- checks signatures as AWS does, knows idempotency, conflicts, pages, tags and the life of a job, and has faults to order.
-- Time is a clock that can be advanced, so a run of hours takes no time at all. `bedrock.emulator.server` serves the same
-- over HTTP.

local core = require("bedrock.native").load "bedrock.core"
local errors = require "bedrock.errors"
local model = require "bedrock.model"

local answer = require "bedrock.emulator.answer"
local auth = require "bedrock.emulator.auth"
local clock = require "bedrock.emulator.clock"
local custom_models = require "bedrock.emulator.custom_models"
local faults = require "bedrock.emulator.faults"
local foundation_models = require "bedrock.emulator.foundation_models"
local hyperparameters = require "bedrock.emulator.hyperparameters"
local input = require "bedrock.emulator.input"
local jobs = require "bedrock.emulator.jobs"
local life = require "bedrock.emulator.life"
local logging = require "bedrock.emulator.logging"
local router = require "bedrock.emulator.router"
local runtime = require "bedrock.emulator.runtime"
local store = require "bedrock.emulator.store"
local tags = require "bedrock.emulator.tags"
local validation = require "bedrock.emulator.validation"

local emulator = {}

--- What an operation gets besides its parameters. It returns its output, or nil and an exception.
---@class bedrock.emulator.Context
---@field store bedrock.emulator.Store  of the request's region, settled to `now`
---@field now number
---@field options table
---@field foundation_models bedrock.emulator.FoundationModels
---@field take_failure fun(name: string): table|nil  the failure that was ordered for a job of this name
---@field take_stall fun(name: string): table|nil  likewise

---@class bedrock.Emulator
---@field example_credentials {access_key_id: string, secret_access_key: string}  a pair that it accepts
local Emulator = {}
Emulator.__index = Emulator
Emulator.__name = "bedrock.emulator"

--- The key pair of AWS's test vectors, accepted unless other credentials are given.
emulator.example_credentials = {
  access_key_id = "AKIDEXAMPLE",
  secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}

-- With it, the pair of AWS's documentation, which many a script has as its placeholder.
local DEFAULT_CREDENTIALS = {
  emulator.example_credentials,
  { access_key_id = "AKIAIOSFODNN7EXAMPLE", secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
}

local handlers = {}
for _, room in ipairs { custom_models, foundation_models, jobs, logging, tags } do
  for name, handler in pairs(room.operations) do handlers[name] = handler end
end

-- Requests that `requests()` remembers, and how much of each one's body.
local REMEMBERED, REMEMBERED_BODY = 500, 16384

local OPTIONS = {
  region = "string", regions = "table", account_id = "string", credentials = "table", bearer_tokens = "table",
  verify_signatures = "boolean", clock = "function", fixed_signing_time = "boolean", speed = "number",
  job_duration = "number", foundation_models = "table", hyperparameters = { "table", "boolean" }, tag_limit = "number",
  page_size = "number", max_running_jobs = "number", base_path = "string", seed = "string", fail_jobs = "table",
  on_request = "function", api = "table",
}

---@class bedrock.EmulatorOptions
---@field region? string             of requests that name none, as those with a bearer token (default "us-east-1")
---@field regions? string[]          the only regions that exist (default: all)
---@field account_id? string         twelve digits (default "123456789012")
---@field credentials? table         one pair `{ access_key_id, secret_access_key, session_token?, expiration? }`, a list of
--- them, or a table `{ [access key id] = secret }`; default `emulator.example_credentials` and the pair of AWS's documentation
---@field bearer_tokens? string[]    accepted API keys
---@field verify_signatures? boolean false: everybody is let in (default true)
---@field clock? fun(): number       seconds since 1970 (default: the machine's clock)
---@field fixed_signing_time? boolean  `advance` leaves the Date header and the age of signatures alone
---@field speed? number              how many times faster than in the service a job runs (default 1: about an hour)
---@field job_duration? number       seconds that a job takes in the service, before `speed` (default: by its number of epochs)
---@field foundation_models? table[] the catalogue, in the form of ListFoundationModels, without ARNs
---@field hyperparameters? table|false  more or other families (see hyperparameters.lua), or false: values are not checked
---@field tag_limit? integer         tags on one resource (default 200)
---@field page_size? integer         of lists where no maxResults is given (default 100)
---@field max_running_jobs? integer  beyond it: ServiceQuotaExceededException (default: no limit)
---@field base_path? string          a path in front of all routes
---@field seed? string               of the ids: the same calls give the same ARNs
---@field fail_jobs? table<string, string>  job name -> message, as `fail_job`
---@field on_request? fun(record: table)  hears of every request that was answered
---@field api? table                 the API table (default: bedrock.api.bedrock)

-- A number of seconds that a clock can bear: not negative, no NaN, and not so far that dates have no form any more.
local function is_span(value)
  return type(value) == "number" and value >= 0 and value <= 1e11
end

local function check_options(options)
  if type(options) ~= "table" then error("emulator.new takes a table of options, not a " .. type(options), 3) end
  local names = {}
  for name in pairs(OPTIONS) do names[#names + 1] = name end
  table.sort(names)
  for name, value in pairs(options) do
    local wanted = OPTIONS[name]
    if not wanted then
      local near = errors.suggest(tostring(name), names)
      error(("unknown option '%s' to emulator.new%s"):format(tostring(name),
        near and ", did you mean '" .. near .. "'?" or ""), 3)
    end
    local kind = type(value)
    if type(wanted) == "table" then
      if kind ~= wanted[1] and kind ~= wanted[2] then
        error(("option '%s' to emulator.new has to be a %s"):format(name, table.concat(wanted, " or ")), 3)
      end
    elseif kind ~= wanted then
      error(("option '%s' to emulator.new has to be a %s, not a %s"):format(name, wanted, kind), 3)
    end
  end
  for _, name in ipairs { "speed", "job_duration" } do
    if options[name] and not is_span(options[name]) or options[name] == 0 then
      error(("option '%s' to emulator.new has to be a number above 0"):format(name), 3)
    end
  end
  if options.account_id and not options.account_id:find("^%d%d%d%d%d%d%d%d%d%d%d%d$") then
    error("option 'account_id' to emulator.new has to be twelve digits", 3)
  end
end

-- All the forms in which credentials may be given, as one table by access key id.
local function credentials_by_id(given)
  if given.access_key_id then given = { given } end
  local by_id = {}
  for key, entry in pairs(given) do
    if type(key) == "number" then
      by_id[type(entry) == "table" and entry.access_key_id or key] = entry
    else
      by_id[key] = type(entry) == "string" and { secret_access_key = entry } or entry
    end
  end
  for id, entry in pairs(by_id) do
    if type(id) ~= "string" or type(entry) ~= "table" or type(entry.secret_access_key) ~= "string" then
      error("option 'credentials' to emulator.new: each needs an access key id and a secret access key", 3)
    end
  end
  return by_id
end

local function set_of(list)
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end

local function merged_families(given)
  if given == false then return nil end
  local families = {}
  for prefix, family in pairs(hyperparameters.families) do families[prefix] = family end
  if type(given) == "table" then
    for prefix, family in pairs(given) do families[prefix] = family end
  end
  return families
end

--- A fresh emulator. An unknown or unfit option raises.
---@param options? bedrock.EmulatorOptions
---@return bedrock.Emulator
function emulator.new(options)
  options = options or {}
  check_options(options)
  local region = options.region or "us-east-1"
  local credentials = credentials_by_id(options.credentials or DEFAULT_CREDENTIALS)
  local self = setmetatable({
    region = region,
    account_id = options.account_id or "123456789012",
    model = model.load(options.api or require "bedrock.api.bedrock"),
    clock = clock.new(options.clock, options.fixed_signing_time),
    foundation_models = foundation_models.new(options.foundation_models or require "bedrock.emulator.catalogue"),
    base_path = (options.base_path or ""):gsub("/+$", ""),
    seed = options.seed or core.uuid4(),
    on_request = options.on_request,
    options = {
      speed = options.speed or 1,
      job_duration = options.job_duration,
      hyperparameters = merged_families(options.hyperparameters),
      tag_limit = options.tag_limit or 200,
      page_size = options.page_size or 100,
      max_running_jobs = options.max_running_jobs or math.huge,
      token_key = core.random_bytes(32),
    },
    auth = {
      region = region,
      regions = options.regions and set_of(options.regions),
      credentials = credentials,
      bearer_tokens = set_of(options.bearer_tokens or {}),
      verify = options.verify_signatures ~= false,
    },
    encoders = {},
    stores = {},
    failures = {},
    stalls = {},
    log = {},
  }, Emulator)
  local id = next(credentials)
  if id then
    if credentials[emulator.example_credentials.access_key_id] then id = emulator.example_credentials.access_key_id end
    self.example_credentials = {
      access_key_id = id, secret_access_key = credentials[id].secret_access_key,
      session_token = credentials[id].session_token,
    }
  end
  self.router = router.new(self.model)
  self.faults = faults.new(self.model)
  for name, message in pairs(options.fail_jobs or {}) do self:fail_job(name, message) end
  return self
end

--- The emulator's time.
---@return number seconds  since 1970
function Emulator:now()
  return self.clock:now()
end

--- Let time pass at once: jobs go on, signatures age.
---@param seconds number
function Emulator:advance(seconds)
  if not is_span(seconds) then error("advance needs a number of seconds, not negative", 2) end
  if not is_span(self:now() + seconds) then error("the clock can't go that far", 2) end
  self.clock:advance(seconds)
end

--- Set the service's clock apart from its clients': the Date header and the check of signatures, nothing else.
---@param seconds number  how far the service is ahead; 0 ends it
function Emulator:skew(seconds)
  if type(seconds) ~= "number" or not is_span(math.abs(seconds)) then error("skew needs a number of seconds", 2) end
  self.clock:skew(seconds)
end

--- Order a fault. Kinds and fields: see faults.lua. A fault of the kind "job_failure" is `fail_job` by another name.
---@param order bedrock.emulator.Fault
---@return bedrock.Emulator self
function Emulator:fault(order)
  if type(order) == "table" and order.kind == "job_failure" then
    return self:fail_job(order.job or "*", order.message, order.stage)
  end
  local problem = faults.problem(order, self.model)
  if problem then error(problem, 2) end
  self.faults:add(order)
  return self
end

--- Forget all orders for faults, failures and stalls.
function Emulator:clear_faults()
  self.faults:clear()
  self.failures, self.stalls = {}, {}
end

-- Give an order to a job under way, or keep it for one to come.
local function order_of_job(self, name, give, order, kept)
  for _, region_store in pairs(self.stores) do
    local job = jobs.find(region_store, name)
    if job and give(job, order, self:now()) then return self end
  end
  kept[name] = order
  return self
end

--- Let a job fail: one under way, or the next one that is created with this name.
---@param name string  the job's name or ARN; "*": the next job, whatever its name
---@param message? string  the failure message, or one of the names in `jobs.failures` ("role", "parse", …)
---@param stage? "validation"|"dataProcessing"|"training"  at the end of which it fails (default: by message)
---@return bedrock.Emulator self
function Emulator:fail_job(name, message, stage)
  if type(name) ~= "string" then error("fail_job needs the name of a job", 2) end
  if stage and not set_of(life.stages)[stage] then
    error("the stage of a failure is one of " .. table.concat(life.stages, ", "), 2)
  end
  return order_of_job(self, name, jobs.fail, jobs.failure(message, stage), self.failures)
end

--- Let a job stand still: one under way, or the next one that is created with this name. The stage stays "InProgress" for so
--- much longer, or with `before` "NotStarted" behind one that is completed, as it was seen in the service. Seconds are the
--- clock's, whatever the emulator's speed; an order of 0 for a stage that stands still ends that.
---@param name string  the job's name or ARN; "*": the next job, whatever its name
---@param stage "validation"|"dataProcessing"|"training"
---@param seconds? number  without it, for ever
---@param before? boolean
---@return bedrock.Emulator self
function Emulator:stall_job(name, stage, seconds, before)
  if type(name) ~= "string" then error("stall_job needs the name of a job", 2) end
  if not set_of(life.stages)[stage] then
    error("the stage of a stall is one of " .. table.concat(life.stages, ", "), 2)
  end
  if seconds ~= nil and not is_span(seconds) then error("stall_job needs a number of seconds, not negative", 2) end
  return order_of_job(self, name, jobs.stall, { stage = stage, seconds = seconds or math.huge, before = before }, self.stalls)
end

--- Start over: no jobs, models, tags, logging configurations, faults or remembered requests. The clock goes on.
function Emulator:reset()
  self.stores = {}
  self.log = {}
  self:clear_faults()
end

--- The last requests, oldest first, each with `operation`, `method`, `path`, `query`, `headers`, `body`, `status`, `code`
--- and `time`. Signatures and tokens are left out, long bodies are cut.
---@return table[]
function Emulator:requests()
  local copy = {}
  for i, record in ipairs(self.log) do copy[i] = record end
  return copy
end

--- A runtime on this emulator, for `bedrock.new { runtime = … }`.
---@return bedrock.Runtime
function Emulator:runtime()
  return runtime.new(self)
end

local function store_of(self, region)
  local found = self.stores[region]
  if not found then
    found = store.new(region, self.account_id, self.seed)
    self.stores[region] = found
  end
  return found
end

-- A request in one form: lower-case header names, single values, path and query apart.
local function normalize(self, request)
  local headers = {}
  for name, value in pairs(request.headers or {}) do
    if type(value) == "table" then value = table.concat(value, ",") end
    name = name:lower()
    headers[name] = headers[name] and headers[name] .. "," .. tostring(value) or tostring(value)
  end
  local scheme, authority, rest = (request.url or "/"):match("^(%a[%w+.-]*)://([^/?#]*)(.*)$")
  rest = (rest or request.url or "/"):match("^[^#]*")
  local path, query = rest:match("^([^?]*)%??(.*)$")
  if path == "" then path = "/" end
  if authority and not headers.host then
    local host = authority:match("[^@]*$"):lower()
    headers.host = host:gsub(scheme:lower() == "https" and ":443$" or ":80$", "")
  end
  local route = path
  if self.base_path ~= "" then
    route = path:sub(1, #self.base_path) == self.base_path and path:sub(#self.base_path + 1) or ""
  end
  return {
    method = request.method, path = path, route = route, query = query, headers = headers, body = request.body or "",
    host_region = (headers.host or ""):match("^bedrock%.([%l%d-]+)%.") or
      (headers.host or ""):match("^bedrock%-fips%.([%l%d-]+)%."),
  }
end

local function write_output(self, operation, output)
  if not operation.output then return "{}" end
  local encoder = self.encoders[operation.name]
  if not encoder then
    encoder = core.json_shape(operation.output)
    self.encoders[operation.name] = encoder
  end
  return core.json_encode(encoder, output)
end

-- The order that was kept for a job of this name, once.
local function take_order(kept, name)
  local key = kept[name] and name or "*"
  local order = kept[key]
  kept[key] = nil
  return order
end

local function run(self, operation, labels, request, query)
  local signing_time = self.clock:signing_time()
  local region, err = auth.check(self.auth, request, query, signing_time)
  if not region then return nil, err end
  local content_type = request.headers["content-type"]
  if request.body ~= "" and content_type and not content_type:lower():find("^%s*application/[%w.+-]*json") then
    return nil, answer.exception("UnsupportedMediaTypeException", "The content type has to be application/json.")
  end
  local params, ok
  params, err = input.read(operation, labels, query, request.headers, request.body)
  if not params then return nil, err end
  ok, err = validation.check(operation, params)
  if not ok then return nil, err end
  local handler = handlers[operation.name]
  if not handler then
    return nil, answer.exception("UnknownOperationException", "The emulator has no " .. operation.name .. ".")
  end
  local region_store, now = store_of(self, region), self:now()
  jobs.settle(region_store, now)
  local output
  output, err = handler({
    store = region_store, now = now, options = self.options, foundation_models = self.foundation_models,
    take_failure = function(name) return take_order(self.failures, name) end,
    take_stall = function(name) return take_order(self.stalls, name) end,
  }, params)
  if not output then return nil, err end
  return answer.success(operation.status, assert(write_output(self, operation, output)), signing_time)
end

local SECRET_HEADERS = { ["authorization"] = true, ["x-amz-security-token"] = true }

local function remember(self, request, operation, response)
  local headers = {}
  for name, value in pairs(request.headers) do
    if not SECRET_HEADERS[name] then headers[name] = value end
  end
  local record = {
    operation = operation and operation.name, method = request.method, path = request.path, query = request.query,
    headers = headers, body = request.body:sub(1, REMEMBERED_BODY), status = response.status, code = response.headers["x-amzn-errortype"],
    fault = response.fault, time = self:now(),
  }
  local log = self.log
  log[#log + 1] = record
  if #log > REMEMBERED then table.remove(log, 1) end
  if self.on_request then self.on_request(record) end
end

local function respond(self, request)
  local function failure(exception)
    return answer.failure(self.model, exception, self.clock:signing_time())
  end
  local operation, labels = self.router:find(request.method, request.route)
  local fault = self.faults:take(operation and operation.name)
  if fault and faults.is_before(fault) then return faults.apply(fault, nil, failure), operation end
  local response
  if not operation then
    local exception = answer.exception("UnknownOperationException", "Unknown operation: no such method and path.")
    if labels then
      exception.status = 405
      exception.headers = { allow = table.concat(labels, ", ") }
    end
    response = failure(exception)
  else
    local err
    response, err = run(self, operation, labels, request, input.query(request.query))
    response = response or failure(err)
  end
  if fault then response = faults.apply(fault, response, failure) end
  return response, operation
end

--- Answer a request. It never raises: what goes wrong inside is an InternalServerException, its text is kept in `self.failure`.
---@param request bedrock.Request  method, url, headers, body; a Host header beats the URL's
---@return bedrock.Response response  besides status, headers and body perhaps `delay` (seconds to wait before sending it) and
--- `fault` (what the connection is to suffer), for whoever carries the answer to its client
function Emulator:handle(request)
  local ok, response = pcall(function()
    local normalized = normalize(self, request)
    local result, operation = respond(self, normalized)
    remember(self, normalized, operation, result)
    return result
  end)
  if ok then return response end
  self.failure = tostring(response)
  return answer.failure(self.model, answer.exception("InternalServerException",
    "The emulator failed: " .. self.failure), self.clock:signing_time())
end

return emulator
