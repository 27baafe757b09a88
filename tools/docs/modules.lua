-- modules.lua: the Markdown of a module's page, from the doc comments of its files.
--
-- A page has the public functions of its files, and the classes that these lead to. A class stands on the page of the files in
-- which it is defined, wherever it is used.

local annotations = assert(loadfile "tools/docs/annotations.lua")()

local modules = {}

-- The pages: a module and the files that belong to it, of which the first is the module's. `folder`: classes stand in its files,
-- too; `with`: functions as well; `only`: whose functions are for users; `about`: in place of what the file says of itself.
modules.pages = {
  { name = "bedrock", files = { "lua/bedrock/init.lua" } },
  { name = "bedrock.client", files = { "lua/bedrock/client.lua", "lua/bedrock/wait.lua" }, only = { Client = true },
    about = "What `bedrock.new` gives. Besides the methods below it has one for each [operation](../index.md#operations)." },
  { name = "bedrock.errors", files = { "lua/bedrock/errors.lua" } },
  { name = "bedrock.credentials", files = { "lua/bedrock/credentials/init.lua", "lua/bedrock/credentials/keys.lua",
    "lua/bedrock/credentials/chain.lua" } },
  { name = "bedrock.config", files = { "lua/bedrock/config.lua" } },
  { name = "bedrock.time", files = { "lua/bedrock/time.lua" } },
  { name = "bedrock.sigv4", files = { "lua/bedrock/sigv4.lua" } },
  { name = "bedrock.parallel", files = { "lua/bedrock/parallel.lua" } },
  { name = "bedrock.tuning", files = { "lua/bedrock/tuning/init.lua" }, folder = "lua/bedrock/tuning" },
  { name = "bedrock.emulator", files = { "lua/bedrock/emulator/init.lua" }, folder = "lua/bedrock/emulator",
    with = { ["lua/bedrock/emulator/server.lua"] = true, ["lua/bedrock/emulator/nginx.lua"] = true } },
  { name = "bedrock.doctor", files = { "lua/bedrock/doctor.lua" } },
  { name = "bedrock.runtime", files = { "lua/bedrock/runtime/init.lua", "lua/bedrock/runtime/settings.lua" },
    folder = "lua/bedrock/runtime", with = { ["lua/bedrock/runtime/curl.lua"] = true, ["lua/bedrock/runtime/cosocket.lua"] = true } },
}

local function escape(text) return (text:gsub("[&<>|]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ["|"] = "&#124;" })) end

-- The functions that a page shows.
local function shown_functions(page, file)
  local shown = {}
  if not file.main then return shown end
  for _, f in ipairs(file.functions) do
    if f.public and f.documented and (not page.only or page.only[f.owner]) then shown[#shown + 1] = f end
  end
  return shown
end

local function types_of(f)
  local types = {}
  for _, list in ipairs { f.params, f.returns, f.overloads } do
    for _, entry in ipairs(list) do types[#types + 1] = entry.type end
  end
  return types
end

-- Find the classes that functions lead to: `site.home` has where they stand.
local function reach(site)
  local function visit(name)
    local class = site.classes[name]
    if not class or site.home[name] then return end
    site.home[name] = { page = class.page.name, anchor = name }
    for _, parent in ipairs(class.parents or {}) do visit(parent) end
    for _, field in ipairs(class.fields or {}) do
      for _, used in ipairs(field.type.names) do visit(used) end
    end
    for _, kind in ipairs(class.types or {}) do
      for _, used in ipairs(kind.names) do visit(used) end
    end
  end
  for _, page in ipairs(site.pages) do
    for _, file in ipairs(page.files) do
      for _, f in ipairs(shown_functions(page, file)) do
        if f.class then visit(f.class.name) end
        for _, kind in ipairs(types_of(f)) do
          for _, name in ipairs(kind.names) do visit(name) end
        end
      end
    end
  end
end

--- Read the files of all pages.
---@param list fun(folder: string): string[]  the Lua files of a folder, sorted
---@param read fun(path: string): string
---@return table site  `pages`, and `home`: the page and anchor of each class
function modules.read(list, read)
  local site = { pages = {}, home = {}, classes = {} }
  for _, page in ipairs(modules.pages) do
    local made = { name = page.name, files = {}, about = page.about, only = page.only, with = page.with or {} }
    local seen = {}
    local function add(path)
      if seen[path] then return end
      seen[path] = true
      local file = annotations.read(read(path))
      file.path, file.main = path, path == page.files[1] or made.with[path] or false
      table.insert(made.files, file)
    end
    for _, path in ipairs(page.files) do add(path) end
    for _, path in ipairs(page.folder and list(page.folder) or {}) do add(path) end
    table.insert(site.pages, made)
  end
  for _, page in ipairs(site.pages) do
    for _, file in ipairs(page.files) do
      for _, kind in ipairs { "classes", "aliases" } do
        for _, class in ipairs(file[kind]) do
          class.page = page
          site.classes[class.name] = site.classes[class.name] or class
        end
      end
    end
  end
  reach(site)
  return site
end

-- A type as code, its classes linked; long ones may break between names.
local function type_html(site, page, kind)
  return "<code>" .. escape(kind.text):gsub("[%a_][%w_.]*", function(name)
    local home, shown = site.home[name], name:gsub("%.", "%0<wbr>")
    if not home then return shown end
    local target = home.page == page.name and "" or home.page .. ".html"
    return ('<a href="%s#%s">%s</a>'):format(target, home.anchor, shown)
  end):gsub("&#124;", "%0<wbr>") .. "</code>"
end

--- Text of a doc comment as Markdown: indented code becomes a block of its own.
---@param text string
---@return string
function modules.as_markdown(text)
  local out, code = {}, nil
  local function close()
    if not code then return end
    while code[#code] == "" do table.remove(code) end
    local first = code[1]
    local language = (first:find "^%s*make " or first:find "^%s*lua5") and "sh" or "lua"
    local indent = first:match "^%s*"
    out[#out + 1] = "```" .. language
    for _, line in ipairs(code) do out[#out + 1] = line:sub(1, #indent) == indent and line:sub(#indent + 1) or line end
    out[#out + 1] = "```"
    out[#out + 1] = ""
    code = nil
  end
  local blank, list = true, false
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local indented = line:find "^  +%S" ~= nil
    if code and (indented or line == "") then
      code[#code + 1] = line
    elseif indented and blank and not list then
      code = { line }
    else
      close()
      if not line:find "%S" then list = false elseif line:find "^%- " then list = true end
      out[#out + 1] = line
    end
    blank = line == ""
  end
  close()
  return table.concat(out, "\n")
end

local function cell(text) return (text:gsub("|", "\\|"):gsub("<", "\\<")) end

local function rows_table(out, site, page, rows, heads)
  out[#out + 1] = '\n<div class="members">\n\n| ' .. table.concat(heads, " | ") .. " |"
  out[#out + 1] = "|" .. (" --- |"):rep(#heads)
  for _, row in ipairs(rows) do
    local name = row.name and "`" .. row.name .. "`" or ""
    out[#out + 1] = ("| %s | %s | %s |"):format(name, type_html(site, page, row.type), cell(row.text or "")):gsub("\n", " ")
  end
  out[#out + 1] = "\n</div>\n"
end

local function optional_rows(list)
  local rows = {}
  for i, entry in ipairs(list) do
    rows[i] = { name = entry.name and entry.name .. (entry.optional and "?" or ""), type = entry.type, text = entry.text }
  end
  return rows
end

local function module_of(file)
  return (file.path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function describe_function(out, site, page, file, f)
  local owner = f.class and f.class.name:match "[^.]+$":lower() or module_of(file):gsub("^bedrock%.", "")
  local call = ("%s%s%s(%s)"):format(owner, f.method and ":" or ".", f.name, table.concat(f.args, ", "))
  out[#out + 1] = ("\n### `%s` {#%s.%s}\n"):format(call, owner, f.name)
  out[#out + 1] = modules.as_markdown(f.text)
  if #f.params > 0 then rows_table(out, site, page, optional_rows(f.params), { "parameter", "type", "" }) end
  if #f.returns > 0 then rows_table(out, site, page, optional_rows(f.returns), { "gives", "type", "" }) end
end

local function describe_class(out, site, page, class)
  if class.types then
    out[#out + 1] = ("\n### %s {#%s}\n"):format(class.name, class.name)
    out[#out + 1] = modules.as_markdown(class.text) .. "\n"
    local kinds = {}
    for i, kind in ipairs(class.types) do kinds[i] = type_html(site, page, kind) end
    out[#out + 1] = table.concat(kinds, " or ") .. "\n"
    return
  end
  out[#out + 1] = ("\n### %s {#%s}\n"):format(class.name, class.name)
  if class.text ~= "" then out[#out + 1] = modules.as_markdown(class.text) .. "\n" end
  local parents = {}
  for _, parent in ipairs(class.parents) do
    if site.home[parent] then parents[#parents + 1] = type_html(site, page, { text = parent }) end
  end
  if #parents > 0 then out[#out + 1] = "Also has what " .. table.concat(parents, ", ") .. " has.\n" end
  if #class.fields > 0 then rows_table(out, site, page, optional_rows(class.fields), { "field", "type", "" }) end
end

-- What a file says of itself, without its own name.
local function about(file) return modules.as_markdown((file.header:gsub("^[%w_./-]+: ", "", 1):gsub("^%l", string.upper))) end

--- The Markdown of a module's page.
---@param site table  from `read`
---@param page table  one of its pages
---@return string
function modules.page(site, page)
  local out = { "# " .. page.name .. "\n", page.about or about(page.files[1]) }
  out[#out + 1] = "\n## Functions"
  for _, file in ipairs(page.files) do
    if file.main then
      if file ~= page.files[1] then
        out[#out + 1] = ("\n## %s\n"):format(module_of(file))
        out[#out + 1] = about(file)
      end
      for _, f in ipairs(shown_functions(page, file)) do describe_function(out, site, page, file, f) end
    end
  end
  local classes = {}
  for name, home in pairs(site.home) do
    if home.page == page.name then classes[#classes + 1] = name end
  end
  table.sort(classes)
  if #classes > 0 then
    out[#out + 1] = "\n## Types"
    for _, name in ipairs(classes) do describe_class(out, site, page, site.classes[name]) end
  end
  return table.concat(out, "\n")
end

return modules
