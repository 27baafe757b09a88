--- A small, strict reader for the XML that services send: a text becomes a tree of elements.
--
-- It knows elements, text, the five entities, character references, CDATA, comments and processing instructions;
-- attributes are passed over and prefixes dropped. A DOCTYPE is refused: it could define entities that grow without end,
-- and name files. The text is gone through once, without recursion, so hostile input costs no more than its length.
-- A message names the byte, never what stands there: answers hold secrets.

local xml = {}

local MAX_DEPTH = 100 -- elements in elements
local MAX_SIZE = 1024 * 1024 -- bytes: its tree takes many times as much

-- Bytes above 127 are letters of some kind.
local NAME = "[A-Za-z_:\128-\255][A-Za-z0-9_:.\128-\255-]*"
local BLANK = "[ \t\r\n]"
local OPEN = "^(" .. NAME .. ")()"
local CLOSE = "^(" .. NAME .. ")" .. BLANK .. "*>()"
local ATTRIBUTE = "^" .. NAME .. BLANK .. "*=" .. BLANK .. "*([\"'])()"
local CONTROL = "[%z\1-\8\11\12\14-\31]" -- what no XML may contain

local entities = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }

local function fail(what, position)
  return nil, ("%s at byte %d"):format(what, position)
end

local function ends_too_soon(text)
  return fail("XML ends too soon", #text + 1)
end

-- A tag that began at `start` and is none: cut off, or wrong at `position`.
local function bad_tag(text, start, position)
  if not text:find(">", start, true) then
    return ends_too_soon(text)
  end
  return fail("bad tag in XML", position)
end

local function utf8_char(code)
  local floor, char = math.floor, string.char
  if code < 0x80 then
    return char(code)
  elseif code < 0x800 then
    return char(0xC0 + floor(code / 0x40), 0x80 + code % 0x40)
  elseif code < 0x10000 then
    return char(0xE0 + floor(code / 0x1000), 0x80 + floor(code / 0x40) % 0x40, 0x80 + code % 0x40)
  end
  return char(0xF0 + floor(code / 0x40000), 0x80 + floor(code / 0x1000) % 0x40, 0x80 + floor(code / 0x40) % 0x40,
    0x80 + code % 0x40)
end

-- What the reference at a "&" stands for and how long it is, or nil. None of sense is longer than &#x0010FFFF;
local function read_reference(text, position)
  local name = text:sub(position + 1, position + 12):match("^(#?%w+);")
  if not name then
    return nil
  elseif entities[name] then
    return entities[name], #name + 2
  end
  local decimal, hexadecimal = name:match("^#(%d+)$"), name:match("^#x(%x+)$")
  local code = decimal and tonumber(decimal, 10) or hexadecimal and tonumber(hexadecimal, 16)
  if code and (code >= 0x20 and code <= 0xD7FF or code >= 0xE000 and code <= 0xFFFD
    or code >= 0x10000 and code <= 0x10FFFF or code == 9 or code == 10 or code == 13) then
    return utf8_char(code), #name + 2
  end
  return nil
end

-- Line ends are one character in XML, however they were sent.
local function one_line_end(text)
  return text:find("\r", 1, true) and text:gsub("\r\n?", "\n") or text
end

-- Append text from `first` to `last`, where no "<" is, with its references resolved; true, or nil and a message.
local function append_text(pieces, text, first, last)
  local chunk, position = text:sub(first, last), 1
  while true do
    local start = chunk:find("&", position, true)
    pieces[#pieces + 1] = one_line_end(chunk:sub(position, (start or 0) - 1))
    if not start then
      return true
    end
    local character, length = read_reference(chunk, start)
    if not character then
      return fail("bad character reference in XML", first + start - 1)
    end
    pieces[#pieces + 1] = character
    position = start + length
  end
end

-- Pass over what follows a tag's name: the position after the tag and whether the element is empty; or nil and a message.
local function skip_attributes(text, start, position)
  while true do
    local after = text:match("^" .. BLANK .. "+()", position)
    local slash, next_position = text:match("^(/?)>()", after or position)
    if slash then
      return next_position, slash == "/"
    end
    local quote, value
    if after then
      quote, value = text:match(ATTRIBUTE, after)
    end
    if not quote then
      return bad_tag(text, start, after or position)
    end
    local stop = text:find("[<" .. quote .. "]", value)
    if not stop then
      return ends_too_soon(text)
    elseif text:sub(stop, stop) == "<" then
      return fail("bad tag in XML", stop)
    end
    position = stop + 1
  end
end

-- Pass over a comment, a processing instruction or CDATA: the position after it, and the first and last byte of CDATA;
-- or nil and a message.
local function skip_special(text, start)
  if text:sub(start + 1, start + 1) == "?" then
    local _, stop = text:find("?>", start + 2, true)
    if stop then
      return stop + 1
    end
    return ends_too_soon(text)
  elseif text:sub(start, start + 3) == "<!--" then
    local stop = text:find("--", start + 4, true)
    if not stop then
      return ends_too_soon(text)
    elseif text:sub(stop + 2, stop + 2) ~= ">" then
      return bad_tag(text, stop, stop)
    end
    return stop + 3
  elseif text:sub(start, start + 8) == "<![CDATA[" then
    local stop = text:find("]]>", start + 9, true)
    if not stop then
      return ends_too_soon(text)
    end
    return stop + 3, start + 9, stop - 1
  elseif text:sub(start, start + 8) == "<!DOCTYPE" then
    return fail("XML with a DOCTYPE, which is not accepted,", start)
  end
  return bad_tag(text, start, start)
end

---@class bedrock.XmlElement  its children are its list part
---@field name string  without prefix
---@field text string  its own, without that of its children

--- Read a document.
---@param text string  UTF-8
---@return bedrock.XmlElement|nil root
---@return string? message  says at which byte
function xml.parse(text)
  if #text > MAX_SIZE then
    return fail("XML does not end", MAX_SIZE)
  end
  local control = text:find(CONTROL)
  if control then
    return fail("control character in XML", control)
  end
  local position = text:sub(1, 3) == "\239\187\191" and 4 or 1 -- a byte order mark
  local document = {} -- holds the root
  local open, tags, pieces, depth = { [0] = document }, {}, {}, 0 -- the elements that are open, by depth
  while true do
    local start = text:find("<", position, true)
    local last = (start or #text + 1) - 1
    if depth > 0 and last >= position then
      local ok, message = append_text(pieces[depth], text, position, last)
      if not ok then
        return nil, message
      end
    elseif last >= position then
      local other = text:find("[^ \t\r\n]", position)
      if other and other <= last then
        return fail("text outside of all elements in XML", other)
      end
    end
    if not start then
      if depth > 0 or not document[1] then
        return ends_too_soon(text)
      end
      return document[1]
    end

    local mark = text:sub(start + 1, start + 1)
    if mark == "/" then
      local tag, after = text:match(CLOSE, start + 2)
      if not tag or tag ~= tags[depth] then
        return bad_tag(text, start, start)
      end
      open[depth].text = table.concat(pieces[depth])
      depth, position = depth - 1, after
    elseif mark == "!" or mark == "?" then
      local after, first, stop = skip_special(text, start)
      if not after then
        return nil, first
      elseif first and depth == 0 then
        return fail("text outside of all elements in XML", start)
      elseif first then
        table.insert(pieces[depth], one_line_end(text:sub(first, stop)))
      end
      position = after
    else
      local tag, after = text:match(OPEN, start + 1)
      if not tag then
        return bad_tag(text, start, start)
      elseif depth == MAX_DEPTH then
        return fail("elements nested too deeply in XML", start)
      elseif depth == 0 and document[1] then
        return fail("a second root in XML", start)
      end
      local next_position, empty = skip_attributes(text, start, after)
      if not next_position then
        return nil, empty
      end
      local element = { name = tag:match("^.*:(.*)$") or tag, text = "" }
      table.insert(open[depth], element)
      if not empty then
        depth = depth + 1
        open[depth], tags[depth], pieces[depth] = element, tag, {}
      end
      position = next_position
    end
  end
end

return xml
