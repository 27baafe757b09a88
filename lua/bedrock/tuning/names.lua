--- Names of AWS as text, taken apart: ARNs, S3 URIs, buckets; and values as a message may show them.

local core = require "bedrock.core"
local text = require "bedrock.protocol.text"

local names = {}

local LONGEST = 4096 -- of what is taken apart: no name of AWS has more
local SHOWN = 120

--- A value as a message may show it: one line, without what a terminal would obey, not endless.
---@param value any
---@param longest? integer  120 characters if not given
---@return string
function names.shown(value, longest)
  if type(value) ~= "string" and type(value) ~= "number" then return type(value) end
  longest = longest or SHOWN
  value = tostring(value)
  local cut = #value > longest
  value = value:sub(1, longest):gsub("[%c\127-\255]", "?")
  return cut and value .. "..." or value
end

--- A value in quotes; a number without.
---@param value any
---@return string
function names.quoted(value)
  if type(value) == "number" then return text.write_string(value) end
  return '"' .. names.shown(value) .. '"'
end

--- The path of a member of what has a path.
---@param path string
---@param key any
---@return string
function names.member(path, key)
  key = names.shown(key, 60)
  if not key:find "^[%w_%-]+$" and key ~= "*" then return ('%s["%s"]'):format(path, key) end
  return path == "" and key or path .. "." .. key
end

--- A value in the middle of tables, past any metatable.
---@param value any
---@param ... string|integer  the keys that lead to it
---@return any value  nil where there is none
function names.get(value, ...)
  for i = 1, select("#", ...) do
    if type(value) ~= "table" then return nil end
    value = rawget(value, (select(i, ...)))
  end
  return value
end

--- A text in the middle of tables, past any metatable.
---@param value any
---@param ... string|integer  the keys that lead to it
---@return string|nil text  a number as it is sent; nil where there is none, or something else
function names.text(value, ...)
  return (text.write_string(names.get(value, ...)))
end

--- The items of a list, past any metatable.
---@param value any
---@param most? integer  1000 if not given
---@return any[] items  none where it is no list
function names.list(value, most)
  local items = {}
  if type(value) ~= "table" then return items end
  for i = 1, most or 1000 do
    local item = rawget(value, i)
    if item == nil then break end
    items[i] = item
  end
  return items
end

---@class bedrock.tuning.Arn
---@field partition string
---@field service string
---@field region string  "" where there is none
---@field account string
---@field resource string

--- The parts of an ARN.
---@param arn string|nil
---@return bedrock.tuning.Arn|nil
function names.arn(arn)
  if not arn or #arn > LONGEST then return nil end
  local partition, service, region, account, resource = arn:match "^arn:([^:]*):([^:]*):([^:]*):([^:]*):(.+)$"
  if not partition then return nil end
  return { partition = partition, service = service, region = region, account = account, resource = resource }
end

--- The parts of an S3 URI.
---@param uri string|nil
---@return {bucket: string, key: string}|nil
function names.s3(uri)
  if not uri or #uri > LONGEST then return nil end
  local bucket, key = uri:match "^s3://([^/]+)/?(.*)$"
  return bucket and { bucket = bucket, key = key } or nil
end

local RESERVED_STARTS = { "xn--", "sthree-", "amzn-s3-demo-" }
local RESERVED_ENDS = { "-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3" }

--- What is wrong with the name of a bucket, by the rules of S3.
---@param bucket string
---@return string|nil problem  to be put behind "the bucket NAME"
function names.bucket_problem(bucket)
  if #bucket < 3 or #bucket > 63 then
    return ("has %d characters; a bucket's name has 3 to 63"):format(#bucket)
  elseif bucket:find "%u" then
    return "has capital letters; a bucket's name has none"
  elseif bucket:find "_" then
    return "has an underscore; a bucket's name has letters, digits, hyphens and dots"
  elseif bucket:find "[^a-z0-9.-]" then
    return "has characters other than letters, digits, hyphens and dots"
  elseif not bucket:find "^[a-z0-9].*[a-z0-9]$" then
    return "must begin and end with a letter or a digit"
  elseif bucket:find("..", 1, true) then
    return "has two dots in a row"
  elseif bucket:find "^%d+%.%d+%.%d+%.%d+$" then
    return "looks like an IP address, which a bucket's name must not"
  end
  for _, start in ipairs(RESERVED_STARTS) do
    if bucket:sub(1, #start) == start then return ("begins with %s, which S3 keeps for itself"):format(start) end
  end
  for _, ending in ipairs(RESERVED_ENDS) do
    if bucket:sub(-#ending) == ending then
      return ("ends with %s, which buckets can't: it is the mark of an access point or another kind of bucket"):format(ending)
    end
  end
  return nil
end

--- Whether a value is absent: nil, or JSON's null.
---@param value any
---@return boolean
function names.absent(value)
  return value == nil or value == core.json_null
end

return names
