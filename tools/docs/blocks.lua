-- blocks.lua: the code blocks of a Markdown file, for the spec that runs them and for the reference that shows them.
--
-- A comment right above a block may say `<!-- not run: the reason -->`. Lua in a comment `<!-- set-up ... -->` is run where it
-- stands, and never shown.

local blocks = {}

--- The code blocks of a text, and its set-up comments, in their order.
---@param text string  Markdown
---@return {line: integer, language: string, code: string, reason: string?, hidden: boolean}[]  `line`: where the code begins
function blocks.read(text)
  local found, number = {}, 0
  local fence, block, comment, reason
  for line in (text:gsub("\n$", "") .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if block then
      if fence and line:match "^%s*(`+)%s*$" == fence or not fence and line:find "^%-%->" then
        block.code = table.concat(block, "\n") .. "\n"
        block = nil
      else
        block[#block + 1] = line
      end
    elseif comment then
      if line:find("-->", 1, true) then comment = nil end
    else
      local ticks, language = line:match "^%s*(```+)%s*(%w*)"
      if ticks then
        fence, block = ticks, { line = number + 1, language = language, reason = reason, hidden = false }
        found[#found + 1] = block
      elseif line:find "^<!%-%- set%-up%s*$" then
        fence, block = nil, { line = number + 1, language = "lua", hidden = true }
        found[#found + 1] = block
      elseif line:find "^<!%-%-" and not line:find("-->", 1, true) then
        comment = true
      end
      if line:find "%S" then reason = line:match "^<!%-%- not run: (.-)%s*%-%->" end
    end
  end
  return found
end

--- A text without its comments, for readers.
---@param text string  Markdown
---@return string
function blocks.strip(text)
  return (text:gsub("\n?<!%-%-.-%-%->\n?", function(comment) return comment:find "^\n" and "\n" or "" end))
end

return blocks
