--- What bench/table.lua measures, in this order. A work has players { NAME, PEER, what the peer is asked for }, who take
-- turns, and rows, each of which sets the library beside the sum of what its reference takes.

-- Those whose column it is; they are asked for the work by its name.
local function with_all(...)
  local players = { { "lua5.4" }, { "luajit" }, { "js" }, { "botocore" } }
  for i = select("#", ...), 1, -1 do
    table.insert(players, 1, (select(i, ...)))
  end
  return players
end

local rows = {
  processes = {
    rounds = 41, rounds_slow = 7,
    { title = "a process with one call: wall" },
    { title = "a process with one call: CPU", goal = 1.4 },
    { title = "a process with one call: peak memory", goal = 1.2, unit = "KB" },
  },
  {
    name = "get", rounds = 61, chunk = 15000,
    players = with_all({ "bare" }, { "bare with headers", "bare", "get_headers" }),
    { title = "get, 1.4 KB", to = "bare libcurl", reference = { "bare" }, goal = 1.4 },
    { title = "", to = "bare libcurl with the same headers", reference = { "bare with headers" } },
  },
  {
    name = "create", rounds = 61, chunk = 15000,
    players = with_all({ "bare" }, { "bare with headers", "bare", "create_headers" }),
    { title = "create, all parameters", to = "bare libcurl", reference = { "bare" }, goal = 1.5 },
    { title = "", to = "bare libcurl with the same headers", reference = { "bare with headers" } },
  },
  {
    name = "page", rounds = 41, chunk = 15000,
    players = with_all({ "bare" }, { "decode", "cjson lua5.4", "json" }, { "decode on luajit", "cjson luajit", "json" }),
    { title = "a page of 1,000 items, 462 KB", to = "bare libcurl + lua-cjson", goal = 1.1,
      reference = { "bare", "decode" }, reference_luajit = { "bare", "decode on luajit" } },
  },
  {
    name = "pages", rounds = 21, chunk = 25000,
    players = with_all({ "bare" }, { "bare with cJSON", "bare", "pages_json" }),
    { title = "10,000 items in 100 pages", to = "bare libcurl + cJSON", reference = { "bare with cJSON" }, goal = 1.5 },
    { title = "", to = "bare libcurl", reference = { "bare" } },
  },
  {
    name = "parallel", rounds = 31, chunk = 50000, slow = true,
    players = with_all { "bare" },
    { title = "256 calls of 50 ms each: wall", to = "bare curl multi", reference = { "bare" }, goal = 1.15 },
  },
  {
    name = "sign", rounds = 61, chunk = 10000,
    players = with_all({ "hashing" }, { "public", "lua5.4", "sign_public" }, { "public on luajit", "luajit", "sign_public" }),
    { title = "signing a POST of 700 bytes", to = "OpenSSL's hashing", reference = { "hashing" }, goal = 2 },
    { title = "the same by bedrock.sigv4", to = "OpenSSL's hashing", reference = { "hashing" }, lua54 = "public",
      luajit = "public on luajit", alone = true },
  },
  {
    name = "json", rounds = 41, chunk = 15000,
    players = { { "decode", "cjson lua5.4" }, { "lua5.4" }, { "decode on luajit", "cjson luajit" }, { "luajit" } },
    { title = "JSON alone, that page", to = "lua-cjson", reference = { "decode" }, reference_luajit = { "decode on luajit" } },
  },
  {
    name = "json_job", rounds = 41, chunk = 10000,
    players = { { "decode", "cjson lua5.4" }, { "lua5.4" }, { "decode on luajit", "cjson luajit" }, { "luajit" } },
    { title = "JSON alone, a job of 1.4 KB", to = "lua-cjson", reference = { "decode" }, reference_luajit = { "decode on luajit" } },
  },
  {
    name = "dataset", rounds = 64, chunk = 15000, file = true,
    players = { { "cJSON", "lines" }, { "lua5.4" }, { "luajit" }, { "Python", "python" } },
    { title = "check_dataset, 16 MiB of %d in records of 512 bytes", to = "cJSON, each line alone", reference = { "cJSON" }, goal = 0.5 },
    { title = "", to = "Python's json, the same checks", reference = { "Python" }, goal = 0.2 },
    { title = "a process that checks all of it: peak memory", to = "20 MiB", memory = 20 * 1024, goal = 1 },
  },
}

return rows
