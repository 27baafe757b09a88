rockspec_format = "3.0"
package = "lua-bedrock"
version = "scm-1"
source = {
   url = "git+https://github.com/lua-bedrock/lua-bedrock.git",
   branch = "main",
}
description = {
   summary = "Amazon Bedrock for Lua: fine-tune, find and manage models, in scripts and in OpenResty",
   detailed = [[
      Every operation is a method that takes one table and returns one table; requests are checked before they are sent,
      signed, retried, and paged through with iterators. A small C core signs and reads JSON; libcurl does HTTP. An emulator of
      the service comes with it, so that programs can be tested on one machine.
   ]],
   homepage = "https://github.com/lua-bedrock/lua-bedrock",
   license = "MIT",
   labels = { "aws", "bedrock", "machine-learning", "http" },
}
dependencies = {
   "lua >= 5.1",
}
-- By their libraries alone: headers may lie in a folder that the compiler knows and LuaRocks does not (on Debian
-- curl/curl.h is in /usr/include/x86_64-linux-gnu), and nobody should have to set CURL_INCDIR for that.
external_dependencies = {
   CURL = { library = "curl" },
   CJSON = { library = "cjson" },
   OPENSSL = { library = "crypto" },
}
-- The Makefile, not LuaRocks' own compiler calls: it has the flags (hidden symbols, warnings), the lists of sources and
-- of modules, and builds below build/, where LuaRocks would put its objects beside the sources.
build = {
   type = "make",
   build_target = "rock",
   install_target = "install-files",
   variables = {
      BUILD = "build/rock",
      LUA_CFLAGS = "-I$(LUA_INCDIR)",
      CORE_CFLAGS = "-I$(OPENSSL_INCDIR) -I$(CJSON_INCDIR)",
      CURL_CFLAGS = "-I$(CURL_INCDIR)",
      CORE_LIBS = "-L$(OPENSSL_LIBDIR) -L$(CJSON_LIBDIR) -lcrypto -lcjson -lm",
      CURL_LIBS = "-L$(CURL_LIBDIR) -lcurl",
      CFLAGS = "$(CFLAGS)",
      INST_LUADIR = "$(LUADIR)",
      INST_LIBDIR = "$(LIBDIR)",
   },
}
