-- paginate.lua: iterators over the pages of a list operation, and over the items on them.
--
-- An iterator is lazy: a page is fetched when the loop asks for it, so at most one page is held; or, with `beside`, when the
-- page before it was handed out, so that there may be two. It is a plain closure that yields nothing by itself, and so runs
-- inside coroutines wherever the client's runtime does (PUC Lua 5.1 alone can't yield inside the call that `for` makes;
-- there, call the iterator in a `while` loop). A `for` loop has nowhere to return an error to, so iterators raise the error
-- table; asking again after an error fetches the same page again.

local errors = require "bedrock.errors"

local M = {}

local function shallow_copy(t)
  local copy = {}
  for k, v in pairs(t) do copy[k] = v end
  return copy
end

--- Iterate over the pages of an operation.
---@param operation table  a resolved operation that has a paginator
---@param params table|nil  the first page's parameters; left as they are
---@param fetch fun(params: table): table|nil, table|nil  makes the call; the second value is the error
---@param beside? fun(f: fun()): bedrock.Helper|nil  runs f beside the caller, or gives nil: the page is fetched when asked for
---@return fun(): table|nil next_page  nil after the last page
function M.pages(operation, params, fetch, beside)
  local paginator = operation.paginator
  -- What is no table is fetched with as it is: the check of parameters says so in its own words.
  if params == nil or type(params) == "table" then params = shallow_copy(params or {}) end
  local done, ahead = false, nil
  local function fetch_next() return fetch(params) end
  return function()
    if done then return nil end
    local there, page, err
    if ahead then
      local helper = ahead
      ahead = nil -- what it raises is raised once
      there, page, err = helper:wait()
    end
    if not there then page, err = fetch_next() end
    if not page then error(err, 0) end
    local token = page[paginator.output_token]
    if token == nil or token == "" then
      done = true
    elseif token == params[paginator.input_token] then
      -- Going on would ask for this page for ever.
      done = true
      error(errors.new {
        code = "ResponseError", operation = operation.name,
        message = "the service gave the same page token twice; the list can't be read to its end",
      }, 0)
    else
      params[paginator.input_token] = token
      ahead = beside and beside(fetch_next)
    end
    return page
  end
end

--- Iterate over the items of all pages, in the service's order. Pages without items are passed over.
---@param operation table
---@param params table|nil
---@param fetch fun(params: table): table|nil, table|nil
---@param beside? fun(f: fun()): bedrock.Helper|nil
---@return fun(): any next_item  nil after the last item
function M.items(operation, params, fetch, beside)
  local next_page = M.pages(operation, params, fetch, beside)
  local result_key = operation.paginator.result_key
  local items, i = nil, 0
  return function()
    while true do
      i = i + 1
      local item = items and items[i]
      if item ~= nil then return item end
      local page = next_page()
      if not page then
        items = nil
        return nil
      end
      items, i = page[result_key] or {}, 0
    end
  end
end

return M
