--- The protocol query, which STS speaks: the door to form.lua and aws_query_answer.lua, as rest_json.lua is one. A request is a
-- form; the answer is XML, or JSON where the service does as it is asked.

local aws_query_answer = require "bedrock.protocol.aws_query_answer"
local form = require "bedrock.protocol.form"

return {
  build = form.build,
  check_and_build = form.check_and_build,
  parse = aws_query_answer.parse,
  request_id = aws_query_answer.request_id,
}
