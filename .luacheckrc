-- The strictest common ground of Lua 5.1, LuaJIT, 5.3 and 5.4: no globals of our own.
std = "min"
-- What has another name on some of them is written `table.unpack or unpack`.
read_globals = { "unpack", table = { fields = { "unpack" } } }
-- `not (x > y)` is meant: it is true for NaN.
ignore = { "581" }
max_line_length = 140
-- Rows of cases, and answers of the service as they come.
files["spec"] = { std = "min+busted", max_line_length = 200 }
-- Handlers inside nginx.
files["examples/openresty"] = { std = "min+ngx_lua", ignore = { "212/self" } }
files["bench"] = { max_line_length = 200 }
-- The sweep's program sets it before it loads the cases.
files["spec/oom"] = { std = "min", read_globals = { "oom_port" } }
-- Generated: one line an entry.
files["lua/bedrock/api"] = { max_line_length = false }
-- Declarations of C functions for the language server: empty bodies, arguments only named, after classes, too.
files["lua/bedrock/meta"] = { ignore = { "212", "241", "431" } }
