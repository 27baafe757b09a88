-- The strictest common ground of Lua 5.1, LuaJIT, 5.3 and 5.4: no globals of our own.
std = "min"
max_line_length = 120
files["spec"] = { std = "min+busted" }
exclude_files = { "build" }
