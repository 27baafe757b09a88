--- lua-cjson in the bench, a peer (see peer.h): decoding alone. It leaves timestamps as text, the library makes numbers.
local decode = require("cjson").decode
local data = require "bench.data"

local function decoder(text)
  return function()
    return function() assert(decode(text)) end
  end
end

require("bench.peer").serve { json = decoder(data.page(1000)), json_job = decoder(data.job) }
