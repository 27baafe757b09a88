-- The strictest common ground of Lua 5.1, LuaJIT, 5.3 and 5.4: no globals of our own.
std = "min"
max_line_length = 140
files["spec"] = { std = "min+busted" }
-- The sweep's program sets it before it loads the cases.
files["spec/oom"] = { std = "min", read_globals = { "oom_port" } }
-- Generated: one line an entry.
files["lua/bedrock/api"] = { max_line_length = false }
-- Declarations of C functions for the language server: empty bodies, arguments only named.
files["lua/bedrock/meta"] = { ignore = { "212" } }
