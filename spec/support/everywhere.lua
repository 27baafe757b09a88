--- Puts values where they do not belong: each in each place of a table, one at a time.

--- Visit the table once for each value in each of its places, at any depth.
---@param make fun(): table  a fresh table
---@param values any[]
---@param visit fun(changed: table, index: integer)
return function(make, values, visit)
  local function each(at, path)
    for key, value in pairs(at) do
      path[#path + 1] = key
      for index, wrong in ipairs(values) do
        local changed = make()
        local inner = changed
        for i = 1, #path - 1 do inner = inner[path[i]] end
        inner[path[#path]] = wrong
        visit(changed, index)
      end
      if type(value) == "table" then each(value, path) end
      path[#path] = nil
    end
  end
  each(make(), {})
end
