--- Values out of XML, as shapes describe them: what the codec in C does for JSON.
--
-- As there, members that the shape does not know are left out, and a text that is no value of its type is handed on as it
-- came: one odd member must not cost the caller the whole answer.

local reader = require("bedrock.protocol.text").reader

local xml_value = {}

local read

local function find(element, name)
  for i = 1, #element do
    if element[i].name == name then
      return element[i]
    end
  end
  return nil
end

local by_type = {}

function by_type.structure(shape, element)
  local first = {} -- of each name
  for i = 1, #element do
    local child = element[i]
    first[child.name] = first[child.name] or child
  end
  local result = {}
  for _, name in ipairs(shape.order) do
    local member = shape.members[name]
    local child = first[member.wire]
    if child then
      result[name] = read(member.shape, child)
    end
  end
  return result
end

function by_type.list(shape, element)
  local result, member = {}, shape.member
  for i = 1, #element do
    if element[i].name == member.wire then
      result[#result + 1] = read(member.shape, element[i])
    end
  end
  return result
end

function by_type.map(shape, element)
  local result = {}
  for i = 1, #element do
    local key, value = find(element[i], shape.key.wire), find(element[i], shape.value.wire)
    if key and value and element[i].name == "entry" then
      result[key.text] = read(shape.value.shape, value)
    end
  end
  return result
end

function read(shape, element)
  local read_this = by_type[shape.type]
  if read_this then
    return read_this(shape, element)
  end
  return reader(shape.type)(element.text)
end

--- Read a value.
---@param shape bedrock.Shape
---@param element bedrock.XmlElement  whatever its name; of one that only groups others its list part is enough
---@return any value
function xml_value.read(shape, element)
  return read(shape, element)
end

return xml_value
