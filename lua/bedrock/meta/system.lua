---@meta bedrock.system
-- bedrock.system, the C module over the operating system: programs that credentials come from, files that keep them,
-- terminals. For editors, never loaded at run time; spec/docs_spec.lua keeps it complete.

---@class bedrock.system
---@field lua_version string  the Lua it was built for: "Lua 5.4", "Lua 5.1" (which serves LuaJIT, too)
local system = {}

--- A program that was started. It ends with its object: closing and collecting it kill what still runs.
---@class bedrock.system.process: userdata
local process = {}

---@class bedrock.system.Result
---@field stdout string  at most 1 MiB
---@field stderr string  the last 4 KiB of it
---@field status? integer  the exit status; 127 where the shell does not find the program; nil if a signal ended it, or if it
--- is not known, since the host ignores SIGCHLD or reaps children itself
---@field signal? integer  the number of the signal that ended it
---@field timed_out? boolean  it was killed for taking longer than it may
---@field too_large? boolean  it was killed for printing more than 1 MiB

--- Run `/bin/sh -c command`. Its stdin is empty, stdout and stderr are taken; it inherits the environment and no other
--- descriptor. It has a process group of its own, so that all that it started is killed with it; but where our stdin is a
--- terminal it stays in our group, so that it may ask there, and only the shell itself (often the program, by exec) is
--- killed. Nothing is waited for.
---@param command string
---@param seconds number  how long it may take; math.huge for any time
---@return bedrock.system.process|nil process
---@return string? message
function system.start(command, seconds) end

--- Take what it prints, and wait for its end. It is over when it has ended, or was killed for its time or for its output;
--- what goes on in the background is not waited for. A signal (Ctrl-C) ends the wait early, so call it in a loop.
---@param seconds number  how long to wait; 0: do what can be done at once
---@return boolean over
function process:wait(seconds) end

--- What became of it.
---@return bedrock.system.Result|nil result
---@return string? message  "still running"
function process:result() end

--- Kill it where it still runs, and wipe what it printed; may be called twice. The strings of a result stay.
function process:close() end

--- Write a file that only its owner may read (mode 0600), in place of the one that is there, if any. Readers see the old
--- text or the new one, and the old one is kept when something goes wrong. Where the path is a symbolic link, the file
--- it leads to is replaced; a device or a pipe is written into. The folder must exist.
---@param path string
---@param text string
---@param only_new? boolean  leave a file that is there as it is ("PATH: File exists"): of several programs one makes it
---@return true|nil ok
---@return string? message  "PATH: No space left on device"
function system.write_private(path, text, only_new) end

--- Write a file as `write_private` does, but with the mode of the one that is replaced; a new one has that which the umask
--- leaves.
---@param path string
---@param text string
---@param only_new? boolean  as of `write_private`
---@return true|nil ok
---@return string? message  "PATH: No space left on device"
function system.write_file(path, text, only_new) end

--- How large a terminal is; nothing where the file leads to none, or is closed.
---@param file file*
---@return integer? columns  0 where the terminal does not know
---@return integer? rows
function system.terminal_size(file) end

return system
