--- What check_dataset says of each rule: what is wrong, and how to mend it. Which rule a text breaks is found in C
-- (csrc/datasetlines.c has their names and severities), but for those of the last block, which the whole file breaks.

local rules = {}

---@class bedrock.tuning.DatasetRule
---@field message string
---@field mend string
---@field severity? "error"|"warning"  of rules for whole files
---@field limit? boolean  a limit of the base model, which has a source

local function rule(message, mend) return { message = message, mend = mend } end
local function limit(message, mend) return { message = message, mend = mend, limit = true } end

---@type table<string, bedrock.tuning.DatasetRule>
rules.texts = {
  ["not-text"] = rule("this is no text; the rest was not checked", "Unpack or export it to JSONL: one JSON object a line."),
  ["utf-16"] = rule("the file is in UTF-16 or UTF-32; the rest was not checked",
    "Convert it: iconv -f UTF-16 -t UTF-8 (PowerShell: Out-File -Encoding utf8NoBOM)."),
  ["array-file"] = rule("the file is one JSON array; the rest was not checked",
    "Write each record on a line of its own, without the brackets around and the commas between them: jq -c '.[]' FILE."),
  ["byte-order-mark"] = rule("a byte order mark stands before the record", "Save as UTF-8 without a BOM."),
  ["invalid-utf-8"] = rule("bytes that are no UTF-8", "Write the file in UTF-8; look for text that was cut between two bytes."),
  ["nul-byte"] = rule("a NUL byte", "Remove it: it comes from UTF-16 text, binary data or a damaged file."),
  ["blank-line"] = rule("a blank line between records", "Remove it: the service fails to parse the file."),
  ["trailing-blank-line"] = rule("a blank line at the end", "End the file with the last record and one line feed."),
  ["json"] = rule("a line that is not valid JSON", "Write records with a JSON library rather than by putting strings together."),
  ["cut-off"] = rule("a record that is cut off", "Write the record whole: the file or a line of it was truncated."),
  ["multi-line"] = rule("a record over several lines", "Write each record on one line, not pretty-printed: jq -c . FILE."),
  ["line-break-in-string"] = rule("a line break inside a string", "Write it as \\n; a JSON library does."),
  ["several-records"] = rule("several records on one line", "Put a line feed between them (an iterator over lines: `lines = true`)."),
  ["control-byte"] = rule("a raw control byte in a string", "Escape it: \\t for a tab, \\u001b for an escape."),
  ["lone-surrogate"] = rule("half of a surrogate pair, which is no character",
    "Cut texts between characters, not between UTF-16 units; remove the escape."),
  ["record-too-large"] = rule("a line of more than 4 MiB, which was not checked", "Split or shorten the record."),
  ["not-an-object"] = rule("a line that is no JSON object", "Each line is an object: {…}."),
  ["other-shape"] = rule("a record of another shape", "Convert the record, or choose the model or `shape` that it is meant for."),
  ["missing-key"] = rule("a key is missing", "Add it."),
  ["unknown-key"] = rule("a key that the shape does not have", "Remove or rename it: the service refuses keys that it does not know."),
  ["duplicate-key"] = rule("a key stands there twice", "Remove one of the two: readers differ in which one they take."),
  ["wrong-type"] = rule("a value of the wrong type", "Give it the type that is named."),
  ["empty-text"] = rule("an empty text, or nothing but white space", "Fill it in, or remove the record."),
  ["empty-list"] = rule("an empty list", "Fill it in, or remove the record (an empty system: the key)."),
  ["block-form"] = rule("a content block must have exactly one kind of content", "Give each text, image or video a block of its own."),
  ["unknown-role"] = rule("a role other than user and assistant",
    "Use user and assistant only; a system text has a key of its own beside messages."),
  ["first-role"] = rule("the first message is not the user's", "Begin with a message of the user."),
  ["role-order"] = rule("two messages in a row have the same role", "Let user and assistant take turns; join the two."),
  ["last-role"] = rule("the last message is not the assistant's", "End with the answer that the model is to learn."),
  ["reserved-word"] = limit("a word that the model keeps for itself", "Reword it in user and system texts: the job fails on it."),
  ["record-too-long"] = limit("a record over the model's limit of characters (tokens times 6)", "Shorten or split the record."),
  ["caption-length"] = limit("a caption that is too short or too long", "Keep to the lengths that are named."),
  ["media-for-text-model"] = limit("an image or a video for a model that takes text only", "Remove it, or tune another model."),
  ["inline-media"] = rule("an image or a video inside the record", "Upload it to S3 and give source.s3Location.uri."),
  ["media-format"] = rule("an unknown format of an image or a video", "Convert it, or name its format as listed."),
  ["s3-uri"] = rule("this is no S3 URI of an object", "Write s3://BUCKET/KEY."),
  ["media-file-name"] = limit("a file name with other characters than letters, digits and _ - / .", "Rename the file in S3."),
  ["several-buckets"] = limit("media in more than one bucket", "Keep all media in the bucket of the data set."),
  ["mixed-media"] = limit("images and videos in one data set", "Make a data set, and a job, of each."),
  ["too-many-media"] = limit("too many images or videos in a record", "Split the record."),
  ["crlf"] = rule("a line that ends with CR LF", "Write line feeds alone: sed -i 's/\\r$//' FILE, or newline=\"\\n\" in Python."),
  ["escaped-nul"] = rule("an escaped NUL character in a text", "Remove \\u0000: few programs keep it."),
  ["schema-version"] = rule("a schemaVersion other than bedrock-conversation-2024", "Use that one unless you know better."),
  ["tool-section"] = rule("tools in a record", "Try a small job first: tool sections may make it fail."),
  ["reasoning-section"] = rule("reasoning text, which this model may not take", "Remove it unless the model is known to take it."),
  ["reserved-word-elsewhere"] = limit("a word close to those that the model keeps for itself, or one in the assistant's text",
    "Reword it if the job fails: AWS's sample checker refuses it, its documentation does not."),
  ["record-maybe-too-long"] = limit("a record that may be over the model's limit of tokens", "Count its tokens, or shorten it."),
  ["duplicate-record"] = rule("a record that repeats an earlier one, byte for byte", "Remove it unless it is to weigh twice."),

  ["empty-file"] = { severity = "error", message = "there is no record in it", mend = "Check where the file comes from." },
  ["unknown-shape"] = { severity = "error", message = "no record has a shape that is known",
    mend = "Give `model` or `shape`, and look at the keys of the records." },
  ["too-few-records"] = { severity = "error", limit = true, message = "too few records", mend = "Add records." },
  ["too-many-records"] = { severity = "error", limit = true, message = "too many records",
    mend = "Take a sample, or ask for a higher quota and say so in `limits`." },
  ["file-too-large"] = { severity = "error", limit = true, message = "the file is too large", mend = "Take a sample." },
  ["no-validation-set"] = { severity = "error", limit = true, message = "this model takes no validation set", mend = "Leave it out." },
  ["maybe-too-few-records"] = { severity = "warning", limit = true, message = "too few records, unless the other set makes up for it",
    mend = "Add records, or say in `other_records` how many the other set has." },
  ["batch-size"] = { severity = "warning", limit = true, message = "no token limit is known for this batchSize",
    mend = "Give `limits.max_tokens`, or use a smaller batchSize." },
  ["unknown-model"] = { severity = "warning", message = "nothing is known of what this model takes; limits were not checked",
    mend = "Check its identifier, or give `shape` and `limits`." },
}

--- Names that people use for those of prompt and completion.
rules.aliases = { input = "prompt", question = "prompt", instruction = "prompt", output = "completion", response = "completion",
  answer = "completion", conversations = "messages", image = "image-ref", image_ref = "image-ref", text = "caption" }

--- Names in records of each shape.
rules.names = {
  ["prompt-completion"] = { "prompt", "completion" },
  ["image-caption"] = { "image-ref", "caption" },
  ["anthropic-messages"] = { "messages", "system", "role", "content" },
  converse = { "schemaVersion", "messages", "system", "role", "content", "text", "image", "video", "format", "source",
    "s3Location", "uri", "bucketOwner", "reasoningContent", "reasoningText" },
}

return rules
