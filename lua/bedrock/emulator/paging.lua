--- Lists: filters are the operations' business, order and pages are done here.
--
-- A page token holds the place (creation time and sequence number of the last item sent), not a count, so it stays good when items come or
-- go between two pages. It is sealed with a key of the emulator: a token that was made up, changed, or used with another list or other
-- filters is refused.

local core = require "bedrock.core"
local answer = require "bedrock.emulator.answer"

local paging = {}

local function seal(key, text)
  return core.hex(core.hmac_sha256(key, text)):sub(1, 24)
end

local function bad_token()
  return nil, answer.exception("ValidationException", "The provided nextToken is not valid.")
end

-- The filters as one text. Page size and token are no filters.
local function filters_of(params)
  local parts = {}
  for name, value in pairs(params) do
    if name ~= "maxResults" and name ~= "nextToken" then parts[#parts + 1] = name .. "=" .. tostring(value) end
  end
  table.sort(parts)
  return table.concat(parts, "&")
end

---@class bedrock.emulator.PageOptions
---@field name string       of the list, bound into the token
---@field key string        the emulator's key for tokens
---@field page_size integer where the caller asks for none

--- Sort items and cut one page out of them. Items carry `created` and `sequence`.
---@param items table[]  already filtered; sorted in place
---@param params table   the operation's parameters: sortOrder, maxResults, nextToken and the filters
---@param options bedrock.emulator.PageOptions
---@return table[]|nil page
---@return string|bedrock.emulator.Exception|nil next_token  or the exception when there is no page
function paging.page(items, params, options)
  local ascending = params.sortOrder == "Ascending"
  local context = options.name .. "?" .. filters_of(params)
  local created, sequence
  if params.nextToken then
    local text = core.base64_decode(params.nextToken)
    local place, mac = (text or ""):match("^([^|]*|[^|]*)|(%x+)$")
    if not place or seal(options.key, place .. context) ~= mac then return bad_token() end
    local a, b = place:match("^(.*)|(.*)$")
    created, sequence = tonumber(a), tonumber(b)
  end

  local function before(a_created, a_sequence, b_created, b_sequence)
    if a_created ~= b_created then
      if ascending then return a_created < b_created end
      return a_created > b_created
    end
    if ascending then return a_sequence < b_sequence end
    return a_sequence > b_sequence
  end
  table.sort(items, function(a, b) return before(a.created, a.sequence, b.created, b.sequence) end)

  local page, size, more = {}, params.maxResults or options.page_size, false
  for _, item in ipairs(items) do
    if not created or before(created, sequence, item.created, item.sequence) then
      if #page == size then more = true break end
      page[#page + 1] = item
    end
  end
  if not more then return page, nil end
  local last = page[#page]
  local place = ("%.3f|%d"):format(last.created, last.sequence)
  return page, core.base64_encode(place .. "|" .. seal(options.key, place .. context))
end

--- The filters that all lists share.
---@param item table  with `created` and `name`
---@param params table
---@return boolean
function paging.passes(item, params)
  return (not params.creationTimeAfter or item.created > params.creationTimeAfter)
    and (not params.creationTimeBefore or item.created < params.creationTimeBefore)
    and (not params.nameContains or item.name:find(params.nameContains, 1, true) ~= nil)
end

return paging
