--- The protocol rest-json: the door to request.lua and answer.lua. Nothing behind it knows a service, a host or a socket;
-- JSON itself is written and read by the codec in C, which leaves out every member that has a place elsewhere.

local answer = require "bedrock.protocol.answer"
local request = require "bedrock.protocol.request"

return { build = request.build, check_and_build = request.check_and_build, parse = answer.parse, request_id = answer.request_id }
