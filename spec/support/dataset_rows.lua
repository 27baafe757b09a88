--- Data sets that are broken in one way each, and what check_dataset has to say of them. A row is
--
--   { name, text, options, { rule, line, needle, note = ..., last = ..., nth = ... }, ... }
--
-- with the problems in the report's order. The place is where the needle stands in that line, counted here and not by the code under
-- test; "" is the line's end, true its start, and a rule about the whole file has none. `count` is for a rule that counts more than it shows.

local NOVA, MICRO, HAIKU = "amazon.nova-lite-v1:0:300k", "amazon.nova-micro-v1:0:128k", "anthropic.claude-3-haiku-20240307-v1:0:200k"
local TITAN, EXPRESS, IMAGES = "amazon.titan-text-lite-v1:0:4k", "amazon.titan-text-express-v1", "amazon.titan-image-generator-v1:0"

local P = { shape = "prompt-completion" }
local C = { shape = "converse" }
local A = { shape = "anthropic-messages" }
local I = { shape = "image-caption" }
-- Without the limits on the number of records.
local function model(id, more)
  local limits = { min_records = false, min_total_records = false }
  for name, value in pairs(more or {}) do
    limits[name] = value
  end
  return { model = id, limits = limits }
end

-- Without string.format, which stops at a NUL on Lua 5.1.
local function prompt(text, completion) return '{"prompt":"' .. text .. '","completion":"' .. (completion or "Yes.") .. '"}' end
local function converse(messages, system)
  return ('{"schemaVersion":"bedrock-conversation-2024",%s"messages":[%s]}'):format(system or "", messages)
end
local function block(role, content) return ('{"role":"%s","content":[%s]}'):format(role, content) end
local function said(role, text) return block(role, ('{"text":"%s"}'):format(text)) end
local function haiku(messages, system) return ('{%s"messages":[%s]}'):format(system or "", messages) end
local function plain(role, text) return ('{"role":"%s","content":"%s"}'):format(role, text) end
local function image(ref, caption) return ('{"image-ref":"%s","caption":"%s"}'):format(ref, caption) end
local function media(kind, format, uri)
  return ('{"%s":{"format":"%s","source":{"s3Location":{"uri":"%s"}}}}'):format(kind, format, uri)
end
local function lines(...) return table.concat({ ... }, "\n") .. "\n" end

local ONE, TWO = prompt "one", prompt "two"
local USER, ANSWER = said("user", "Hello?"), said("assistant", "Hello.")
local TALK = USER .. "," .. ANSWER
local ASK, REPLY = plain("user", "Hello?"), plain("assistant", "Hello.")
local function with_media(...) return converse(block("user", table.concat({ ... }, ",")) .. "," .. ANSWER) end
local PNG = media("image", "png", "s3://corpus/a.png")

local rows = {
  -- ---- nothing wrong ----
  { "prompt and completion", lines(ONE, TWO), {} },
  { "no line feed at the end", ONE .. "\n" .. TWO, {} },
  { "Converse", lines(converse(TALK, '"system":[{"text":"Be kind."}],')), {} },
  { "Anthropic's messages", lines(haiku(ASK .. "," .. REPLY, '"system":"Be kind.",')), {} },
  { "images and captions", lines(image("s3://corpus/a.png", "A cat.")), {} },
  { "white space where JSON allows it", lines(' { "prompt" : "a" ,\t"completion" : "b" } '), {} },
  { "escapes", lines(prompt [[\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00]]), {} },
  { "names and values in escapes", lines [[{"pr\u006fmpt":"a","completion":"b"}]], {} },
  { "a role in escapes", lines(haiku(plain([[us\u0065r]], "a") .. "," .. REPLY)), {} },
  { "texts in four scripts", lines(prompt("Grüße, Привет, 你好, 🙂")), {} },
  { "a role behind its content", lines(haiku('{"content":"a","role":"user"},{"content":"b","role":"assistant"}')), {} },
  { "media", lines(with_media(PNG, '{"text":"What?"}')), model(NOVA) },
  { "a URI with escaped slashes", lines(image([[s3:\/\/corpus\/a.png]], "A cat.")), {} },
  -- ---- the file ----
  { "an empty file", "", {}, { "empty-file" } },
  { "blank lines alone", "\n \n", {}, { "trailing-blank-line", 1, true, last = 2, count = 2 }, { "empty-file" } },
  { "a byte order mark", "\239\187\191" .. lines(ONE), {}, { "byte-order-mark", 1, true } },
  { "a byte order mark before the second record", ONE .. "\n\239\187\191" .. TWO .. "\n", {}, { "byte-order-mark", 2, true } },
  { "an array behind a byte order mark", "\239\187\191[" .. ONE .. "]\n", {}, { "array-file", 1, "[" }, { "byte-order-mark", 1, true } },
  { "UTF-16, little endian", "\255\254{\0\"\0a\0\n\0", {}, { "utf-16", 1, true, note = "UTF-16, little endian" } },
  { "UTF-16, big endian", "\254\255\0{\0\"\0\n", {}, { "utf-16", 1, true, note = "UTF-16, big endian" } },
  { "UTF-16 without a mark", (ONE .. "\n"):gsub(".", "%0\0"), {}, { "utf-16", 1, true, note = "UTF-16, little endian" } },
  { "UTF-16 the other way round", (ONE .. "\n"):gsub(".", "\0%0"), {}, { "utf-16", 1, true, note = "UTF-16, big endian" } },
  { "UTF-32", (ONE .. "\n"):gsub(".", "%0\0\0\0"), {}, { "utf-16", 1, true, note = "UTF-32, little endian" } },
  { "a gzip file", "\31\139\8\0\0\0\0\0\n", {}, { "not-text", 1, true, note = "a gzip file" } },
  { "a zip file", "PK\3\4\20\0", {}, { "not-text", 1, true, note = "a zip file, or one of Excel" } },
  { "a Parquet file", "PAR1\21\4", {}, { "not-text", 1, true, note = "a Parquet file" } },
  { "an array on one line", "[" .. ONE .. "," .. TWO .. "]\n", {}, { "array-file", 1, true } },
  { "an array over lines", lines("[", "  " .. ONE .. ",", "  " .. TWO, "]"), {}, { "array-file", 1, true } },
  { "Latin-1", lines(prompt "Gr\252\223e", TWO), {}, { "invalid-utf-8", 1, "\252" }, { "invalid-utf-8", 1, "\223" } },
  { "UTF-8 that is cut", lines(prompt "a\226\130", TWO), {}, { "invalid-utf-8", 1, "\226" } },
  { "surrogates in UTF-8", lines(prompt "\237\160\128", TWO), {},
    { "invalid-utf-8", 1, "\237" }, { "invalid-utf-8", 1, "\160" }, { "invalid-utf-8", 1, "\128" } },
  { "CR LF", ONE .. "\r\n" .. TWO .. "\r\n", {}, { "crlf", 1, "\r" }, { "crlf", 2, "\r" } },
  { "CR alone between records", ONE .. "\r" .. TWO, {}, { "several-records", 1, '{"prompt":"two' } },
  { "a NUL byte in a text", lines(prompt "a\0b", TWO), {}, { "nul-byte", 1, "\0" } },
  { "a NUL byte between values", lines('{"prompt":\0"a"}', TWO), P, { "nul-byte", 1, "\0" } },
  { "NUL bytes at the end", lines(ONE) .. "\0\0\0\0", {}, { "nul-byte", 2, true } },
  { "a blank line", lines(ONE, "", TWO), {}, { "blank-line", 2, true } },
  { "blank lines with white space", lines(ONE, " ", "\t", TWO), {}, { "blank-line", 2, true, last = 3, count = 2 } },
  { "a blank line at the start", lines("", ONE, TWO), {}, { "blank-line", 1, true } },
  { "a blank line at the end", lines(ONE, TWO, ""), {}, { "trailing-blank-line", 3, true } },
  { "white space at the end", lines(ONE) .. "  ", {}, { "trailing-blank-line", 2, true } },
  { "a line that is too long", lines(ONE, prompt(("x"):rep(4 * 1024 * 1024)), TWO), {}, { "record-too-large", 2, true } },
  -- ---- JSON ----
  { "NaN", lines('{"prompt":NaN}', TWO), P, { "json", 1, "NaN", note = "JSON has no NaN" } },
  { "Infinity", lines('{"prompt":-Infinity}', TWO), P, { "json", 1, "-Inf", note = "JSON has no Infinity" } },
  { "None", lines('{"prompt":None}', TWO), P, { "json", 1, "None", note = "None is Python's; JSON says null" } },
  { "True", lines('{"prompt":True}', TWO), P, { "json", 1, "True", note = "True is Python's; JSON says true" } },
  { "single quotes", lines("{'prompt':'a'}", TWO), P, { "json", 1, "'", note = "a name in double quotes is expected" } },
  { "a single quote for a value", lines([[{"prompt":'a'}]], TWO), P, { "json", 1, "'a", note = "JSON has double quotes only" } },
  { "typographic quotes", lines('{"prompt":“a”}', TWO), P, { "json", 1, "“", note = "a typographic quote; JSON has plain ones" } },
  { "names without quotes", lines("{prompt:1}", TWO), P, { "json", 1, "p", note = "a name in double quotes is expected" } },
  { "a comma too many in an object", lines('{"prompt":"a","completion":"b",}', TWO), P, { "json", 1, "}", note = "there is a comma too many" } },
  { "a comma too many in a list", lines('{"messages":[1,]}', TWO), P,
    { "json", 1, "]", note = "a value is missing here, or there is a comma too many" } },
  { "a comma behind the record", lines(ONE .. ",", TWO), {}, { "json", 1, ",", nth = 2, note = "there is a comma behind the record" } },
  { "a missing comma", lines('{"prompt":"a" "completion":"b"}', TWO), P, { "json", 1, '"completion', note = "a comma or } is expected" } },
  { "a missing colon", lines('{"prompt" "a"}', TWO), P, { "json", 1, '"a"', note = "a colon is expected" } },
  { "a missing value", lines('{"prompt":}', TWO), P,
    { "json", 1, "}", note = "a value is missing here, or there is a comma too many" } },
  { "a quote inside a text", lines('{"prompt":"a "b" c"}', TWO), P, { "json", 1, "b", note = "a comma or } is expected" } },
  { "a bad escape", lines(prompt [[C:\dir]], TWO), P, { "json", 1, "dir", note = "this is no escape" } },
  { "a bad hexadecimal escape", lines(prompt [[\u12g4]], TWO), P, { "json", 1, "g4", note = "this is no escape" } },
  { "a leading zero", lines('{"prompt":01}', TWO), P, { "json", 1, "1", note = "this is no number as JSON writes them" } },
  { "a comment", lines("// comment", ONE), P, { "json", 1, true, note = "JSON has no comments" } },
  { "text behind the record", lines(ONE .. " x", TWO), P, { "json", 1, "x", note = "there is more text behind the record" } },
  { "CSV", lines("prompt,completion", "a,b"), P,
    { "json", 1, true, note = "a value is expected here" }, { "json", 2, true, note = "a value is expected here" } },
  { "a wrong bracket", lines('{"prompt":["a"}]', TWO), P, { "json", 1, "}", note = "a comma or ] is expected" },
    { "wrong-type", 1, "[", note = "a string is expected" } },
  { "JSON that is too deep", lines('{"x":' .. ("["):rep(200) .. ("]"):rep(200) .. "}", TWO), { shape = "prompt-completion", examples = 1 },
    { "json", 1, "[", nth = 128, note = "this is nested too deeply" }, { "unknown-key", 1, '"x"' } },
  { "a tab in a text", lines(prompt "a\tb", TWO), {}, { "control-byte", 1, "\t", note = "a control byte in a string" } },
  { "an escape byte in a text", lines(prompt "a\27[0m", TWO), {}, { "control-byte", 1, "\27", note = "a control byte in a string" } },
  { "a record that is cut off", lines('{"prompt":"a","compl', TWO), P, { "cut-off", 1, "" } },
  { "a file that is cut off", ONE .. '\n{"prompt":"a",', {}, { "cut-off", 2, "" } },
  { "a file cut off in a word", ONE .. '\n{"prompt":nul', {}, { "cut-off", 2, "" } },
  { "pretty-printed records", lines("{", '  "prompt": "a",', '  "completion": "b"', "}", "{", '  "prompt": "c",', '  "completion": "d"', "}"), P,
    { "multi-line", 1, "", last = 4 }, { "multi-line", 5, "", last = 8 } },
  { "a pretty-printed record among others", lines(ONE, "{", '"prompt": "}",', '"completion": "\\"{"', "}", TWO), P, { "multi-line", 2, "", last = 5 } },
  { "a line break in a text", lines('{"prompt":"a', 'b","completion":"c"}', TWO), P, { "line-break-in-string", 1, "", last = 2 } },
  { "a paragraph break in a text", lines('{"prompt":"a', "", 'b","completion":"c"}', TWO), P, { "line-break-in-string", 1, "", last = 3 } },
  { "two records on a line", lines(ONE .. TWO, prompt "three"), {}, { "several-records", 1, '{"prompt":"two' } },
  { "a lone high surrogate", lines(prompt [[a\ud83d]], TWO), {}, { "lone-surrogate", 1, [[\ud83d]] } },
  { "a lone low surrogate", lines(prompt [[\ude00\ud83d]], TWO), {}, { "lone-surrogate", 1, [[\ude00]] }, { "lone-surrogate", 1, [[\ud83d]] } },
  { "an escaped NUL", lines(prompt [[a\u0000]], TWO), {}, { "escaped-nul", 1, [[\u0000]] } },
  -- ---- prompt and completion ----
  { "a string for a record", lines('"prompt"', TWO), P, { "not-an-object", 1, true, note = "an object is expected" } },
  { "a list for a record", lines(ONE, '["a","b"]'), P, { "not-an-object", 2, true, note = "an object is expected" } },
  { "null for a record", lines(ONE, "null"), P, { "not-an-object", 2, true, note = "an object is expected" } },
  { "a missing completion", lines('{"prompt":"a"}', TWO), P, { "missing-key", 1, true, note = '"completion" is missing' } },
  { "an empty record", lines("{}", TWO), P, { "missing-key", 1, true, note = '"prompt" is missing' },
    { "missing-key", 1, true, note = '"completion" is missing' } },
  { "input and output", lines('{"input":"a","output":"b"}'), P,
    { "missing-key", 1, true, note = '"prompt" is missing' }, { "missing-key", 1, true, note = '"completion" is missing' },
    { "unknown-key", 1, '"input', note = 'is "prompt" meant?' }, { "unknown-key", 1, '"output', note = 'is "completion" meant?' } },
  { "a misspelt name", lines('{"prompt":"a","completoin":"b"}'), P,
    { "missing-key", 1, true, note = '"completion" is missing' }, { "unknown-key", 1, '"completoin', note = 'is "completion" meant?' } },
  { "a name too many", lines('{"id":{"a":[1,{}]},"prompt":"a","completion":"b"}'), P, { "unknown-key", 1, '"id"' } },
  { "a name of another shape", lines('{"prompt":"a","completion":"b","system":"c"}'), P, { "unknown-key", 1, '"system"' } },
  { "a name twice", lines('{"prompt":"a","completion":"b","prompt":"c"}'), P, { "duplicate-key", 1, '"prompt"', nth = 2 } },
  { "a number for a text", lines('{"prompt":1,"completion":"b"}'), P, { "wrong-type", 1, "1", note = "a string is expected" } },
  { "null for a text", lines('{"prompt":"a","completion":null}'), P, { "wrong-type", 1, "null", note = "a string is expected" } },
  { "an object for a text", lines('{"prompt":{"text":"a"},"completion":"b"}'), P, { "wrong-type", 1, '{"text', note = "a string is expected" } },
  { "an empty completion", lines(prompt("a", "")), P, { "empty-text", 1, '""' } },
  { "white space for a completion", lines(prompt("a", [[ \n\u00a0\t]])), P, { "empty-text", 1, [[" \n]] } },
  { "white space of typographers for a completion", lines(prompt("a", [[\u2003\u2028\u202f]] .. "\226\128\137")), P,
    { "empty-text", 1, [["\u2003]] } },
  { "a duplicate", lines(ONE, TWO, ONE .. " "), {}, { "duplicate-record", 3, true, note = "the same as line 1", first = 1 } },
  { "two duplicates", lines(ONE, ONE, ONE), {}, { "duplicate-record", 2, true, first = 1 }, { "duplicate-record", 3, true, first = 1 } },
  { "another shape than the model's", lines(converse(TALK), ONE), model(EXPRESS),
    { "other-shape", 1, '"schemaVersion', note = "it looks like converse" } },
  { "another shape than the first record's", lines(ONE, haiku(ASK .. "," .. REPLY)), {},
    { "other-shape", 2, '"messages', note = "it looks like messages" } },
  { "image records among prompts", lines(ONE, image("s3://b/c", "d")), {}, { "other-shape", 2, '"image-ref', note = "it looks like image-caption" } },
  { "no shape at all", lines('{"a":1}', '{"b":2}'), {}, { "other-shape", 1, true, note = "it has no shape that is known" },
    { "other-shape", 2, true }, { "unknown-shape" } },
  { "records without a shape before those that have one", lines("{}", '{"input":"a","output":"b"}', ONE), {},
    { "other-shape", 1, true, note = "it has no shape that is known" }, { "other-shape", 2, true } },
  -- ---- messages ----
  { "strings where Converse has blocks", lines(haiku(ASK .. "," .. REPLY)), model(NOVA),
    { "other-shape", 1, '"Hello?"', note = "it looks like anthropic-messages" } },
  { "a string among blocks", lines(converse(USER .. "," .. REPLY)), C, { "wrong-type", 1, '"Hello."', note = "a list of blocks is expected" } },
  { "blocks where Anthropic's have strings", lines(converse(TALK)), model(HAIKU),
    { "other-shape", 1, '[{"text', note = "it looks like converse" } },
  { "Anthropic's own blocks", lines(haiku('{"role":"user","content":[{"type":"text","text":"a"}]},' .. REPLY)), A,
    { "wrong-type", 1, '[{"type', note = "a string is expected" } },
  { "a missing schemaVersion", lines('{"messages":[' .. TALK .. "]}"), C, { "missing-key", 1, true, note = '"schemaVersion" is missing' } },
  { "another schemaVersion", lines('{"schemaVersion":"2023","messages":[' .. TALK .. "]}"), C, { "schema-version", 1, '"2023"' } },
  { "no messages", lines(converse ""), C, { "empty-list", 1, "[]" } },
  { "an object for messages", lines '{"messages":{"role":"user"}}', A, { "wrong-type", 1, '{"role', note = "a list of messages is expected" } },
  { "a string for a message", lines(haiku('"Hello?",' .. ASK .. "," .. REPLY)), A, { "wrong-type", 1, '"Hello?"', note = "an object is expected" } },
  { "no content", lines(converse(block("user", "") .. "," .. ANSWER)), C, { "empty-list", 1, "[]" } },
  { "an empty text in a block", lines(converse(said("user", "") .. "," .. ANSWER)), C, { "empty-text", 1, '""' } },
  { "an empty system text", lines(haiku(ASK .. "," .. REPLY, '"system":"",')), A, { "empty-text", 1, '""' } },
  { "an empty block", lines(converse(block("user", "{}") .. "," .. ANSWER)), C, { "block-form", 1, "{}", note = "it has none" } },
  { "a block of two kinds", lines(with_media('{"text":"a",' .. PNG:sub(2))), C, { "block-form", 1, '{"text', note = "it has several" } },
  { "an unknown block", lines(converse(block("user", '{"document":{}}') .. "," .. ANSWER)), C, { "unknown-key", 1, '"document"' } },
  { "a system message", lines(haiku(plain("system", "a") .. "," .. ASK .. "," .. REPLY)), A, { "unknown-role", 1, '"system"' } },
  { "a missing role", lines(haiku('{"content":"a"},' .. REPLY)), A, { "missing-key", 1, '{"content', note = '"role" is missing' } },
  { "the assistant first", lines(haiku(REPLY .. "," .. ASK .. "," .. REPLY)), A, { "first-role", 1, '"assistant"' } },
  { "the user last", lines(haiku(ASK .. "," .. REPLY .. "," .. ASK)), A, { "last-role", 1, '"user"', nth = 2 } },
  { "one message", lines(haiku(ASK)), A, { "last-role", 1, '"user"' } },
  { "the user twice in a row", lines(converse(USER .. "," .. TALK)), C, { "role-order", 1, '"user"', nth = 2 } },
  { "the assistant twice in a row", lines(converse(TALK .. "," .. ANSWER)), C, { "role-order", 1, '"assistant"', nth = 2 } },
  { "tools", lines(converse(TALK, '"toolConfig":{"tools":[]},')), C, { "tool-section", 1, '{"tools"' } },
  { "a tool's result", lines(converse(block("user", '{"toolResult":{}}') .. "," .. ANSWER)), C, { "tool-section", 1, "{}" } },
  { "reasoning for a model that has none", lines(converse(USER .. "," .. block("assistant",
    '{"reasoningContent":{"reasoningText":{"text":"a"}}},{"text":"b"}'))), model(NOVA), { "reasoning-section", 1, '{"reasoningText' } },
  { "reasoning for one that has", lines(converse(USER .. "," .. block("assistant",
    '{"reasoningContent":{"reasoningText":{"text":"a"}}},{"text":"b"}'))), { model = "amazon.nova-2-lite-v1:0:256k" } },
  -- ---- what Nova keeps for itself ----
  { "a reserved word of the user's", lines(converse(said("user", "User: hello") .. "," .. ANSWER)), model(NOVA), { "reserved-word", 1, "User:" } },
  { "a reserved word in a system text", lines(converse(TALK, '"system":[{"text":"a [EOS]"}],')), model(NOVA), { "reserved-word", 1, "[EOS]" } },
  { "an escaped reserved word", lines(converse(said("user", [[a \u003cimage\u003e]]) .. "," .. ANSWER)), model(NOVA),
    { "reserved-word", 1, [[\u003cimage]] } },
  { "one of the assistant's", lines(converse(USER .. "," .. said("assistant", "Bot: <video>"))), model(NOVA),
    { "reserved-word-elsewhere", 1, "Bot:" }, { "reserved-word-elsewhere", 1, "<video>" } },
  { "one in capitals, the role behind it", lines(converse('{"content":[{"text":"SYSTEM: a System: b"}],"role":"user"},' .. ANSWER)), model(NOVA),
    { "reserved-word", 1, "System:" }, { "reserved-word-elsewhere", 1, "SYSTEM:" } },
  { "many reserved words in a message", lines(converse(said("user", ("User: BOT: "):rep(70)) .. "," .. ANSWER)),
    { model = NOVA, limits = { min_records = false }, examples = 1 },
    { "reserved-word", 1, "User:", count = 70 }, { "reserved-word-elsewhere", 1, "BOT:", count = 70 } },
  { "reserved words for another model", lines(converse(said("user", "User: hello") .. "," .. ANSWER)), C },
  -- ---- media ----
  { "an image for a model of texts", lines(with_media(PNG)), model(MICRO), { "media-for-text-model", 1, '{"format' } },
  { "an unknown format", lines(with_media(media("image", "bmp", "s3://corpus/a.bmp"))), model(NOVA),
    { "media-format", 1, '"bmp"', note = "one of png, jpeg, gif or webp" } },
  { "an unknown format of a video", lines(with_media(media("video", "avi", "s3://corpus/a.avi"))), model(NOVA), { "media-format", 1, '"avi"' } },
  { "an image in the record", lines(with_media '{"image":{"format":"png","source":{"bytes":"iVBORw0KGgo="}}}'), model(NOVA),
    { "inline-media", 1, '"iVBOR' } },
  { "an image from nowhere", lines(with_media '{"image":{"format":"png","source":{}}}'), model(NOVA),
    { "missing-key", 1, "{}", note = '"s3Location" is missing' } },
  { "a URI of the web", lines(image("https://example.com/a.png", "A cat.")), I, { "s3-uri", 1, '"https', note = "it does not begin with s3://" } },
  { "a URI without a key", lines(image("s3://corpus/", "A cat.")), I, { "s3-uri", 1, '"s3:', note = "the key is missing" } },
  { "a URI with a bad bucket", lines(image("s3://My_Bucket/a.png", "A cat.")), I, { "s3-uri", 1, '"s3:', note = "no bucket has such a name" } },
  { "a file name with a blank", lines(with_media(media("image", "png", "s3://corpus/my cat.png"))), model(NOVA), { "media-file-name", 1, '"s3:' } },
  { "media in two buckets", lines(with_media(PNG), with_media(media("image", "png", "s3://other/a.png"))), model(NOVA),
    { "several-buckets", 2, '"s3:' } },
  { "images and videos", lines(with_media(PNG), with_media(media("video", "mp4", "s3://corpus/a.mp4"))), model(NOVA), { "mixed-media", 2, true } },
  { "eleven images", lines(with_media(PNG, PNG, PNG, PNG, PNG, PNG, PNG, PNG, PNG, PNG, PNG)), model(NOVA),
    { "too-many-media", 1, true, note = "11 images, at most 10" } },
  { "two videos", lines(with_media(media("video", "mp4", "s3://corpus/a.mp4"), media("video", "mp4", "s3://corpus/b.mp4"))), model(NOVA),
    { "too-many-media", 1, true, note = "2 videos, at most 1" } },
  { "a short caption", lines(image("s3://corpus/a.png", "ä")), model(IMAGES), { "caption-length", 1, '"ä"', note = "1 characters, at least 3" } },
  { "a long caption", lines(image("s3://corpus/a.png", ("ä"):rep(1025))), model(IMAGES),
    { "caption-length", 1, '"ä', note = "1025 characters, at most 1024" } },
  -- ---- limits ----
  { "a record over the rule of thumb", lines(prompt(("x"):rep(24577)), TWO), model(TITAN),
    { "record-too-long", 1, true, note = "record: 24581 characters, at most 24576" } },
  { "a record over the estimate", lines(prompt(("x"):rep(16384)), TWO), model(TITAN),
    { "record-maybe-too-long", 1, true, note = "record: about 4097 tokens, at most 4096" } },
  { "the same in Chinese", lines(prompt(("好"):rep(4096)), TWO), model(TITAN),
    { "record-maybe-too-long", 1, true, note = "record: about 4097 tokens, at most 4096" } },
  { "a long completion", lines(prompt("a", ("x"):rep(12289))), model("cohere.command-text-v14:7:4k"),
    { "record-too-long", 1, true, note = "output: 12289 characters, at most 12288" } },
  { "less room in larger batches", lines(prompt(("x"):rep(8192)), TWO), { model = EXPRESS, hyperparameters = { batchSize = "4" } },
    { "record-maybe-too-long", 1, true, note = "record: about 2049 tokens, at most 2048" } },
  { "a batch beyond the table", lines(ONE), { model = EXPRESS, hyperparameters = { batchSize = 64 } }, { "batch-size" } },
  { "too few records", lines(converse(TALK)), { model = NOVA }, { "too-few-records" } },
  { "too many records", lines(ONE, TWO), { limits = { max_records = 1 } }, { "too-many-records" } },
  { "too many validation records", lines(ONE, TWO), { kind = "validation", limits = { max_validation_records = 1, max_records = 9 } }, { "too-many-records" } },
  { "too many together", lines(ONE, TWO), { other_records = 9, limits = { max_total_records = 10 } }, { "too-many-records" } },
  { "too few together", lines(ONE, TWO), { other_records = 3, limits = { min_total_records = 10 } }, { "too-few-records" } },
  { "too few unless the other set helps", lines(ONE), { limits = { min_total_records = 10 } }, { "maybe-too-few-records" } },
  { "a validation set, of which the sum says nothing", lines(ONE), { kind = "validation", limits = { min_total_records = 10 } } },
  { "a file that is too large", lines(ONE, TWO), { limits = { max_bytes = 10 } }, { "file-too-large" } },
  { "a validation set for a model that takes none", lines(image("s3://corpus/a.png", "A cat.")), { model = IMAGES, kind = "validation" }, { "no-validation-set" } },
  { "a model that is not known", lines(ONE), { model = "acme.tower-v1" }, { "unknown-model" } },
}

return rows
