--- bedrock.tuning: a fine-tuning run from the training file to the finished model, with the answers that the service gives late
-- or not at all.
--
--     local tuning = require "bedrock.tuning"
--     print(tuning.check_dataset("train.jsonl", { model = "amazon.nova-lite-v1:0:300k" }))
--
-- It uses a client like any user does. Each function is in a file of its own, loaded when it is first called.

local tuning = {}

return tuning
