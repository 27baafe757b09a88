-- Runs busted under the interpreter that runs this file.
--
-- Debian's `busted` starts the interpreter anew by its own rules; under valgrind, and in an interpreter of our own (for
-- AddressSanitizer), it has to be this very process.
require "busted.runner" { standalone = false }
