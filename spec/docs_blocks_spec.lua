--- The Lua blocks of README.md and of docs/ are run, each file in a process of its own, against an emulator (see
-- spec/support/run_blocks.lua for what they find). A block that can't be run says why, right above it.

local blocks = assert(loadfile "tools/docs/blocks.lua")()
local child = require "spec.support.child"

local files = child.lines_of "ls README.md; find docs -name '*.md' | sort"
local here = child.lines_of "pwd"[1]

local function run(path)
  local dir = child.temp_dir()
  local command = ("cd %s && env -u AWS_SESSION_TOKEN -u AWS_PROFILE -u AWS_BEARER_TOKEN_BEDROCK AWS_REGION=us-east-1 "
    .. "AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY AWS_CONFIG_FILE=/dev/null "
    .. "AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_EC2_METADATA_DISABLED=true NO_COLOR=1 %s %s/spec/support/run_blocks.lua %s 2>&1")
    :format(child.quote(dir), child.interpreter(), child.quote(here), child.quote(path:find "^/" and path or here .. "/" .. path))
  local pipe = assert(io.popen(command))
  local output = pipe:read "*a"
  pipe:close()
  os.execute("rm -rf " .. child.quote(dir))
  return output
end

describe("the Lua blocks of", function()
  for _, path in ipairs(files) do
    local wanted = 0
    for _, block in ipairs(blocks.read(child.read(path))) do
      if (block.language == "lua" or block.language == "text") and not block.reason then wanted = wanted + 1 end
    end
    if wanted > 0 then
      it(path .. " run", function()
        local output = run(path)
        assert.equal(("%d blocks, 0 failed\n"):format(wanted), output:match "(%d+ blocks, %d+ failed\n)$", output)
      end)
    end
  end
end)

describe("a block that is not run", function()
  it("is rare, and says why", function()
    local count = 0
    for _, path in ipairs(files) do
      for _, block in ipairs(blocks.read(child.read(path))) do
        if block.language == "lua" and block.reason then
          count = count + 1
          assert.truthy(#block.reason > 10, path .. ":" .. block.line)
        end
      end
    end
    assert.truthy(count <= 8, count .. " blocks are not run")
  end)
end)

describe("running blocks", function()
  local rows = {
    { "```lua\nprint(1 + 1) --> 2\n```\n", "1 blocks, 0 failed\n" },
    { "```lua\nprint 'a bc d' --> a …d\n```\n", "1 blocks, 0 failed\n" },
    { "```lua\nprint 'ab' --> a\n```\n", '^x.md:2: it does not print "a", but:\nab\n1 blocks, 1 failed\n$' },
    { "```lua\nprint 'ab' --> …a\n```\n", 'x.md:2: it does not print "…a"' },
    { "```lua\n\nerror { code = 1 }\n```\n", "^x.md:2: table: " },
    { "```lua\n\nno.thing()\n```\n", "^x.md:2: line 2:2: " },
    { "```lua\nif\n```\n", "^x.md:2: line 2:%d: " },
    { "```lua\nlocal a, b = 1, 2\nlocal function f() return a + b end\n```\n```lua\nassert(f() == 3 and a == 1)\n```\n", "2 blocks, 0 failed\n" },
    { "<!-- set-up\nx = 5\n-->\n```lua\nassert(x == 5)\n```\n", "2 blocks, 0 failed\n" },
    { "<!-- not run: it would fail -->\n```lua\nerror()\n```\n```lua\nprint(client) --> bedrock client…\n```\n```sh\nlua\n```\n", "1 blocks, 0 failed\n" },
    { "<!-- a note\n```lua\nerror()\n```\n-->\n", "0 blocks, 0 failed\n" },
    { "```lua\nprint 'a\\nb\\nc'\n```\n\n```text\na\n…\nc\n```\n", "2 blocks, 0 failed\n" },
    { "```lua\nprint 'a'\n```\n\n```text\na\nb\n```\n", 'x.md:6: it does not print "b"' },
    { "```lua\nos.exit(3)\n```\n", "^x.md:2: exit 3\n" },
  }
  for i, row in ipairs(rows) do
    it(("tells what they do: case %d"):format(i), function()
      local dir = child.temp_dir()
      local output = run(child.write(dir .. "/x.md", row[1]))
      os.execute("rm -rf " .. child.quote(dir))
      assert.has_match(row[2], output)
    end)
  end

  it("hides comments from readers", function()
    assert.equal("a\n\nb\nc\n", blocks.strip "a\n\n<!-- set-up\nx = 5\n-->\nb\n<!-- not run: no -->\nc\n")
  end)
end)
