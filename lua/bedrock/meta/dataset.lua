---@meta bedrock.dataset
-- bedrock.dataset, the C module that checks training data; bedrock.tuning.check_dataset is its public face. For editors, never
-- loaded at run time; spec/docs_spec.lua keeps it complete.

---@class bedrock.dataset
---@field lua_version string  the Lua it was built for: "Lua 5.4", "Lua 5.1" (which serves LuaJIT, too)
local dataset = {}

--- A check that is under way. It owns its file; closing and collecting it close that.
---@class bedrock.dataset.check: userdata
local check = {}

--- All limits may be left out.
---@class bedrock.dataset.Options
---@field shape? string  as in bedrock.tuning.DatasetOptions; else that of the first record which has one
---@field examples? integer  kept of each rule
---@field remember? integer  records among which duplicates are found
---@field reserved_words? boolean
---@field media_names? boolean  few characters in their names, one bucket, no videos beside images
---@field text_only? boolean
---@field reasoning? boolean
---@field max_tokens? integer  of a record; likewise the next two
---@field max_input_tokens? integer
---@field max_output_tokens? integer
---@field caption_min? integer  characters
---@field caption_max? integer

--- Begin a check.
---@param options bedrock.dataset.Options
---@return bedrock.dataset.check|nil check
---@return string? message
function dataset.new(options) end

--- Take the next bytes, cut anywhere. It calls nothing.
---@param text string
---@return boolean|nil more  false: the rest can't be checked, and is not looked at
---@return string? message
function check:feed(text) end

--- Open a file for `read`.
---@param path string
---@return integer|nil bytes  the size of the file, 0 for a pipe
---@return string? message  "Is a directory"
function check:open(path) end

--- Read and check up to 1 MiB of the file.
---@return boolean|nil more  false at its end, or where the check has stopped
---@return string? message
function check:read() end

--- How far it is.
---@return integer bytes
---@return integer lines
---@return integer records
---@return integer errors
function check:progress() end

--- End the check, after which nothing more can be fed. It may be asked again.
---@return table|nil result  what a bedrock.tuning.DatasetReport is made from
---@return string? message
function check:finish() end

--- Free all that it holds.
function check:close() end

return dataset
