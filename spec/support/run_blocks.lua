--- Runs the Lua blocks of a Markdown file, one after the other, as the spec of the documentation does:
--
--   lua5.4 spec/support/run_blocks.lua FILE.md     in a folder of its own, which gets a train.jsonl
--
-- Blocks find what a program of theirs would have: `bedrock`, whose clients talk to an emulator in this process unless they are
-- told otherwise, `client`, one of those, `emulator`, `arn` (of the job "tone-1", which is at its end, as is its model of that
-- name) and `params` of one more job. What a block declares at its outermost level is there in later blocks. A comment
-- `--> text` tells what is printed, and so does a block of `text` right below; `…` stands for anything.

local root = assert(arg[0]:match "^(.*)/spec/support/", "call this file by its path")
package.path = ("%s/lua/?.lua;%s/lua/?/init.lua;"):format(root, root) .. package.path

local blocks = assert(loadfile(root .. "/tools/docs/blocks.lua"))()
local real = require "bedrock"
local emulator = require("bedrock.emulator").new { region = "us-east-1", seed = "documentation" }

local function copy(t)
  local result = {}
  for key, value in pairs(t or {}) do result[key] = value end
  return result
end

local bedrock = copy(real)
function bedrock.new(options)
  options = copy(options)
  if options.runtime == nil then options.runtime = emulator:runtime() end
  if options.credentials == nil and options.bearer_token == nil then options.credentials = emulator.example_credentials end
  return real.new(options)
end

local printed = {}
local function note(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  for line in (table.concat(parts, "\t") .. "\n"):gmatch "(.-)\n" do printed[#printed + 1] = line end
end

local function params_of(name)
  return {
    jobName = name, customModelName = name, roleArn = "arn:aws:iam::123456789012:role/BedrockTuning",
    baseModelIdentifier = "amazon.nova-micro-v1:0:128k", hyperParameters = { epochCount = 2 },
    trainingDataConfig = { s3Uri = "s3://corpus/train.jsonl" }, outputDataConfig = { s3Uri = "s3://corpus/out/" },
  }
end

local client = assert(bedrock.new { region = "us-east-1" })
local job = assert(client:create_model_customization_job(params_of "tone-1"))
assert(client:wait("model_customization_job", { jobIdentifier = job.jobArn }))

local file = assert(io.open("train.jsonl", "w"))
for i = 1, 200 do
  file:write(('{"schemaVersion":"bedrock-conversation-2024","messages":[{"role":"user","content":[{"text":"Question %d?"}]},'):format(i),
    ('{"role":"assistant","content":[{"text":"Answer %d."}]}]}\n'):format(i))
end
file:close()

local environment = setmetatable({
  bedrock = bedrock, client = client, emulator = emulator, arn = job.jobArn, params = params_of "tone-2", print = note,
  require = function(name) return name == "bedrock" and bedrock or require(name) end,
  io = setmetatable({ write = note, stdout = { write = function(_, ...) note(...) end, flush = function() end } }, { __index = io }),
  os = setmetatable({ exit = function(status) error("exit " .. tostring(status), 0) end }, { __index = os }),
}, { __index = _G })
environment._G = environment

local function compile(code, name)
  code = ("\n" .. code):gsub("\nlocal function ", "\nfunction "):gsub("\nlocal ([%w_, ]+=)", "\n%1"):sub(2)
  if rawget(_G, "setfenv") then
    local chunk, err = (rawget(_G, "loadstring"))(code, name)
    return chunk and rawget(_G, "setfenv")(chunk, environment), err
  end
  return load(code, name, "t", environment)
end

-- Whether a line is what was expected.
local function fits(line, expected)
  local position, first = 1, true
  for part in (expected .. "…"):gmatch "(.-)…" do
    local from, to = line:find(part, position, true)
    if not from or first and from ~= 1 then return false end
    position, first = to + 1, false
  end
  return expected:find "…$" ~= nil or position == #line + 1
end

-- Looks for lines among those that were printed, in their order; what is wrong, or nil.
local function missing(expected)
  local at = 1
  for _, line in ipairs(expected) do
    local from = at
    while printed[at] and not fits(printed[at], line) do at = at + 1 end
    if not printed[at] then
      return ("it does not print %q, but:\n%s"):format(line, table.concat(printed, "\n", math.min(from, #printed + 1)))
    end
    at = at + 1
  end
end

local function run(block)
  printed = {}
  local chunk, err = compile(block.code, "=line " .. block.line)
  if not chunk then return err end
  local ok, problem = xpcall(chunk, function(e) return tostring(e) end)
  if not ok then return problem end
  local expected = {}
  for line in block.code:gmatch "%-%->%s*([^\n]*)" do expected[#expected + 1] = line end
  return missing(expected)
end

local function compare(block)
  local expected = {}
  for line in block.code:gmatch "([^\n]*)\n" do
    if line ~= "…" then expected[#expected + 1] = line end
  end
  return missing(expected)
end

local input = assert(io.open(arg[1]))
local text = input:read "*a"
input:close()
local count, failed = 0, 0
for _, block in ipairs(blocks.read(text)) do
  local problem
  if not block.reason and (block.language == "lua" or block.language == "text") then
    count = count + 1
    if block.language == "lua" then problem = run(block) else problem = compare(block) end
    if problem then
      failed = failed + 1
      io.stdout:write(("%s:%d: %s\n"):format(arg[1]:match "[^/]+$", block.line, problem))
    end
  end
end
io.stdout:write(("%d blocks, %d failed\n"):format(count, failed))
os.exit(failed == 0 and 0 or 1)
