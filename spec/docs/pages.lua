-- The pages of `make docs`, one by one: each link and anchor leads somewhere, nothing comes from elsewhere, and HTML is as it
-- should be.
--
--   lua5.4 spec/docs/pages.lua build/docs
--
-- Prints a line "ok - ..." or "not ok - ..." for each thing that it looked at. Links to other hosts are only listed.

local child = require "spec.support.child"

local folder = arg[1]

local function check(problems, name)
  print((#problems == 0 and "ok - " or "not ok - ") .. name)
  for _, problem in ipairs(problems) do print("# " .. problem) end
end

local pages, ids = {}, {}
for _, path in ipairs(child.lines_of(("cd %s && find . -name '*.html' | LC_ALL=C sort"):format(child.quote(folder)))) do
  path = path:gsub("^%./", "")
  pages[#pages + 1] = path
  pages[path] = child.read(folder .. "/" .. path)
  ids[path] = {}
  for id in pages[path]:gmatch '%sid="([^"]*)"' do ids[path][id] = (ids[path][id] or 0) + 1 end
end

local function resolve(base, relative)
  local parts = {}
  for part in ((base:match "^(.*/)" or "") .. relative):gmatch "[^/]+" do
    if part == ".." then table.remove(parts) elseif part ~= "." then parts[#parts + 1] = part end
  end
  return table.concat(parts, "/")
end

local dead, twice, foreign, empty, unreached, elsewhere, reached = {}, {}, {}, {}, {}, {}, { ["index.html"] = true }
for _, page in ipairs(pages) do
  local html = pages[page]
  for id, count in pairs(ids[page]) do
    if count > 1 then twice[#twice + 1] = ("%s: the id %s stands %d times"):format(page, id, count) end
  end
  for href in html:gmatch '%shref="([^"]*)"' do
    local path, anchor = href:match "^([^#]*)#?(.*)$"
    if href:find "^https?:" then
      elsewhere[href] = true
    elseif not href:find "^data:" then
      local target = path == "" and page or resolve(page, path)
      reached[target] = true
      if target ~= "style.css" and not pages[target] then
        dead[#dead + 1] = page .. ": " .. href
      elseif anchor ~= "" and not ids[target][anchor] then
        dead[#dead + 1] = ("%s: %s, and there is no such section"):format(page, href)
      end
    end
  end
  for from in html:gmatch '<%a+[^>]-%ssrc="([^"]*)"' do foreign[#foreign + 1] = page .. " takes in " .. from end
  if html:find "<script" then foreign[#foreign + 1] = page .. " has a script" end
  for href in html:gmatch '<link[^>]-href="(%a+:[^"]*)"' do
    if not href:find "^data:" then foreign[#foreign + 1] = page .. " takes in " .. href end
  end
  if not html:find "<title>[^<]+</title>" or not html:find "<h1" then empty[#empty + 1] = page end
  if html:find("@%u+@") or html:find "<code>nil</code></h" then empty[#empty + 1] = page .. " has a hole" end
end
local css = child.read(folder .. "/style.css")
if css:find "url%(" or css:find "@import" then foreign[#foreign + 1] = "style.css takes something in" end
for _, page in ipairs(pages) do
  if not reached[page] then unreached[#unreached + 1] = page end
end

check(#pages > 40 and {} or { #pages .. " pages" }, "there are pages")
check(dead, "each link leads to a page, and each anchor to a section")
check(twice, "no page has an id twice")
check(foreign, "nothing is taken in from elsewhere, and no page needs a script")
check(empty, "each page has a title and a heading")
check(unreached, "each page can be reached")
local hosts = {}
for href in pairs(elsewhere) do hosts[#hosts + 1] = href end
table.sort(hosts)
for _, href in ipairs(hosts) do print("# leads elsewhere: " .. href) end

if #child.lines_of "command -v tidy" == 0 then
  print "# the pages are not checked as HTML: tidy is not installed"
else
  local complaints = {}
  for _, page in ipairs(pages) do
    for _, line in ipairs(child.lines_of(("tidy -e -q %s 2>&1"):format(child.quote(folder .. "/" .. page)))) do
      -- This attribute is younger than tidy's list.
      if not line:find('proprietary attribute "aria-current"', 1, true) then complaints[#complaints + 1] = page .. ": " .. line end
    end
  end
  check(complaints, "tidy has nothing to complain of")
end
