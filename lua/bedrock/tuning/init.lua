--- bedrock.tuning: a fine-tuning run from the training file to the finished model, with the answers that the service gives late
-- or not at all.
--
--     local tuning = require "bedrock.tuning"
--     print(tuning.check_dataset("train.jsonl", { model = "amazon.nova-lite-v1:0:300k" }))
--
-- It uses a client like any user does. Each function is in a file of its own, loaded when it is first called.

local tuning = {}

--- Check a file of training or validation data before it is sent: format, encoding, shape, roles, limits of the base model. It is
--- read once, from start to end, in constant memory. `print(report)` shows all that was found. Reading a path keeps the whole
--- process waiting for the disk, as any file does; only an iterator may yield.
---@param source string|file*|fun(): string|nil, any  a path, an open file (or what has its `read`), or an iterator over pieces of
--- the text, which may yield
---@param options? bedrock.tuning.DatasetOptions
---@return bedrock.tuning.DatasetReport|nil report
---@return bedrock.Error? err  `FileError`: it can't be read
function tuning.check_dataset(source, options)
  local report, err = require("bedrock.tuning.dataset").check(source, options) -- no tail call: misuse is told at the caller's line
  return report, err
end

return tuning
