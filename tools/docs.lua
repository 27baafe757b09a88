-- Makes the reference and the guides as HTML: `make docs`, or
--
--   lua5.4 tools/docs.lua [FOLDER]          build/docs if not named; it is made anew
--
-- What it shows comes from the API table, lua/bedrock/api/descriptions.lua, the doc comments of lua/bedrock, docs/**.md, examples/
-- and the project's own Markdown files. pandoc turns Markdown into HTML; all around it is tools/docs/page.html and style.css.
-- The same sources give the same bytes.

local blocks = assert(loadfile "tools/docs/blocks.lua")()
local genapi = assert(loadfile "tools/genapi.lua")()
local modules = assert(loadfile "tools/docs/modules.lua")()
local operations = assert(loadfile "tools/docs/operations.lua")()

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

local function lines_of(command)
  local pipe, lines = assert(io.popen(command)), {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

local function run(command)
  local ok = os.execute(command)
  if ok ~= true and ok ~= 0 then error("this failed: " .. command, 0) end
end

local function lua_files(folder) return lines_of(("find %s -name '*.lua' | LC_ALL=C sort"):format(quote(folder))) end

local function escape(text) return (text:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" })) end

-- ---------------------------------------------------------------------------------------------------------------
-- The pages: { path, source, group, title, markdown }

local GUIDES = { "getting-started", "errors", "credentials", "retries", "parallel", "testing", "tuning" }

local pages, page_of_source = {}, {}

local function add(group, path, source, markdown, label)
  local page = { group = group, path = path, source = source, markdown = blocks.strip(markdown),
    title = markdown:match "^# ([^\n]+)" or markdown:match "\n# ([^\n]+)" }
  page.label = label or page.title
  pages[#pages + 1] = page
  page_of_source[source] = page_of_source[source] or page
end

local function first_paragraph(text) return (text:match "^\n*(.-)\n%s*\n" or text):gsub("%s+", " ") end

local function breakable(name) return (escape(name):gsub("[_/]", "%0<wbr>")) end

local function index_list(rows)
  local out = { '<ul class="index">' }
  for _, row in ipairs(rows) do
    out[#out + 1] = ('<li><a href="%s">%s</a> <span>%s</span></li>'):format(row[2], breakable(row[1]), escape(row[3]))
  end
  return table.concat(out, "\n") .. "\n</ul>"
end

local function add_examples()
  for _, path in ipairs(lua_files "examples") do
    local name, text = path:match "^examples/(.+)$", read(path)
    local header = {}
    for line in text:gmatch "([^\n]*)\n" do
      if not line:find "^%-%-" then break end
      header[#header + 1] = line:gsub("^%-%-%-? ?", "")
    end
    local said = table.concat(header, "\n"):gsub("^[%w_/]+%.lua: ", ""):gsub("^%l", string.upper)
    add("Examples", "examples/" .. name:gsub("%.lua$", ".html"), path,
      ("# %s\n\n%s\n\n```lua\n%s```\n"):format(name, modules.as_markdown(said), text))
  end
end

local function collect()
  local api = operations.api "lua/bedrock/api/bedrock.lua"
  local descriptions = dofile "lua/bedrock/api/descriptions.lua"
  local site = modules.read(lua_files, read)

  local names, operation_rows, module_rows = {}, {}, {}
  for name in pairs(api.operations) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local snake = genapi.snake_case(name)
    operation_rows[#operation_rows + 1] = { snake, "operations/" .. snake .. ".md", descriptions.operations[name] }
  end
  for _, page in ipairs(site.pages) do
    local said = first_paragraph(page.files[1].header:gsub("^[%w_./-]+: ", "", 1):gsub("^%l", string.upper))
    said = (said:match "^(.-[%w`)][.:])%f[%s\0]" or said):gsub(":$", ".")
    module_rows[#module_rows + 1] = { page.name, "modules/" .. page.name .. ".md", said }
  end

  local index = read "docs/index.md"
  index = index:gsub("<!%-%- operations %-%->", function() return index_list(operation_rows) end)
    :gsub("<!%-%- modules %-%->", function() return index_list(module_rows) end)
  add("Start", "index.html", "docs/index.md", index, "Overview")

  for _, name in ipairs(GUIDES) do
    local source = "docs/guides/" .. name .. ".md"
    add("Guides", "guides/" .. name .. ".html", source, read(source))
  end
  add("Guides", "openresty.html", "docs/openresty.md", read "docs/openresty.md", "OpenResty")
  for i, name in ipairs(names) do
    local snake = operation_rows[i][1]
    local source = ("docs/operations/%s.md"):format(snake)
    add("Operations", ("operations/%s.html"):format(snake), source,
      operations.page(api, descriptions, name, snake, read(source)))
  end
  for _, page in ipairs(site.pages) do
    add("Modules", ("modules/%s.html"):format(page.name), "docs/modules/" .. page.name .. ".md", modules.page(site, page))
  end
  add_examples()
  add("More", "readme.html", "README.md", read "README.md", "README")
  add("More", "contributing.html", "CONTRIBUTING.md", read "CONTRIBUTING.md", "Contracts and rules")
  add("More", "changelog.html", "CHANGELOG.md", read "CHANGELOG.md", "Changes")
end

-- ---------------------------------------------------------------------------------------------------------------
-- Links

local function folder_of(path) return path:match "^(.*/)" or "" end

local function resolve(base, relative)
  local parts = {}
  for part in (folder_of(base) .. relative):gmatch "[^/]+" do
    if part == ".." then table.remove(parts) elseif part ~= "." then parts[#parts + 1] = part end
  end
  return table.concat(parts, "/")
end

-- From a page to a path of the site.
local function relative_to(page, path) return ("../"):rep(select(2, page.path:gsub("/", ""))) .. path end

-- Links to Markdown files lead to their pages; what stands in the repository only keeps its text.
local function translate_links(page, html)
  return (html:gsub('<a(%s[^>]-)href="([^"]*)"([^>]*)>(.-)</a>', function(before, href, after, text)
    if href:find "^%a+:" or href:find "^#" then return nil end
    local path, anchor = href:match "^([^#]*)(#?.*)$"
    local target = resolve(page.source, path)
    local found = page_of_source[target]
    if found then
      return ('<a%shref="%s%s"%s>%s</a>'):format(before, relative_to(page, found.path), anchor, after, text)
    elseif resolve(page.path, path):find "^modules/" then
      return nil -- classes on other modules' pages
    elseif exists(target) then
      return text
    end
    error(("%s links to %s, which does not exist"):format(page.source, href), 0)
  end))
end

-- ---------------------------------------------------------------------------------------------------------------
-- HTML

-- Of the groups those are open in which the reader is; on the first page, all.
local function navigation(page)
  local out, group = {}, nil
  for _, other in ipairs(pages) do
    if other.group ~= group then
      if group then out[#out + 1] = group == pages[1].group and "</ul>" or "</ul>\n</details>" end
      group = other.group
      if group ~= pages[1].group then
        local open = (group == page.group or page == pages[1]) and " open" or ""
        out[#out + 1] = ('<details%s>\n<summary class="group">%s</summary>'):format(open, group)
      end
      out[#out + 1] = "<ul>"
    end
    local here = other == page and ' aria-current="page"' or ""
    out[#out + 1] = ('<li><a href="%s"%s>%s</a></li>'):format(relative_to(page, other.path), here, breakable(other.label))
  end
  return table.concat(out, "\n") .. "\n</ul>\n</details>"
end

local function improve(html)
  -- Places in code that nothing links to.
  html = html:gsub('<a href="#cb[%d-]+" aria%-hidden="true" tabindex="%-1"></a>', ""):gsub(' id="cb[%d-]+"', ""):gsub("<span></span>", "")
  -- What is wider than a phone scrolls in its own box, by keyboard as well.
  html = html:gsub("<pre%s+class=\"", '<pre class="scroll '):gsub("<pre>", '<pre class="scroll">'):gsub("<pre ", '<pre tabindex="0" ')
  html = html:gsub("<table>", '<div class="scroll" tabindex="0"><table>'):gsub("</table>", "</table></div>")
  return (html:gsub('<h([23]) id="([^"]+)">(.-)</h%1>', function(level, id, text)
    return ('<h%s id="%s">%s <a class="anchor" href="#%s" aria-label="Link to this section">#</a></h%s>'):format(level, id, text, id, level)
  end))
end

local function fill(template, values)
  return (template:gsub("@(%u+)@", function(name) return assert(values[name], name) end))
end

local function convert(folder)
  local work = folder .. "/work"
  run("mkdir -p " .. quote(work))
  write(work .. "/template.html", "$toc$\n<!-- body -->\n$body$\n")
  for i, page in ipairs(pages) do write(("%s/%d.md"):format(work, i), page.markdown) end
  run(("cd %s && ls *.md | xargs -P 2 -n 1 sh -c 'pandoc -f gfm+attributes -t html5 --wrap=none -M pagetitle=- --toc --toc-depth=3 "
    .. '--template=template.html -o "${0%%.md}.html" "$0"\''):format(quote(work)))
  local template = read "tools/docs/page.html"
  for i, page in ipairs(pages) do
    local toc, body = read(("%s/%d.html"):format(work, i)):match "^(.-)<!%-%- body %-%->\n(.*)$"
    local _, entries = toc:gsub("<li>", "")
    local path = folder .. "/" .. page.path
    run("mkdir -p " .. quote(folder_of(path)))
    -- The title is on the page already; what is left are its sections.
    toc = toc:match "^%s*<ul>%s*<li><a[^>]*>.-</a>%s*(<ul>.*</ul>)%s*</li>%s*</ul>%s*$" or ""
    toc = toc:gsub(">[^<]+<", function(text) return (text:gsub("[.(]%f[%w]", "%0<wbr>")) end)
    write(path, fill(template, {
      TITLE = escape(page.title) .. (page.path == "index.html" and "" or " · lua-bedrock"),
      ROOT = relative_to(page, ""),
      NAVIGATION = navigation(page),
      TOC = entries > 3 and '<nav class="toc" aria-label="On this page">\n<p class="group">On this page</p>\n' .. toc .. "\n</nav>" or "",
      BODY = translate_links(page, improve(body)),
    }))
  end
  run("rm -r " .. quote(work))
end

local folder = arg[1] or "build/docs"
if #lines_of "command -v pandoc" == 0 then
  io.stderr:write "docs: pandoc is not installed (tools/deps docs installs it)\n"
  os.exit(1)
end
local ok, problem = pcall(function()
  collect()
  -- Made beside it: what fails leaves the pages that there were.
  local new = folder .. ".new"
  run(("rm -rf %s && mkdir -p %s"):format(quote(new), quote(new)))
  convert(new)
  write(new .. "/style.css", read "tools/docs/style.css")
  run(("rm -rf %s && mv %s %s"):format(quote(folder), quote(new), quote(folder)))
end)
if not ok then
  io.stderr:write("docs: ", tostring(problem), "\n")
  os.exit(1)
end
io.stdout:write(("%d pages in %s\n"):format(#pages, folder))
