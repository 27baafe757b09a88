# lua-bedrock. `make help` lists what this file can do.
#
# LUA names the interpreter (lua5.4, lua5.3, lua5.1, luajit); each one has a build folder of its own, so all of them can
# stand side by side. VARIANT=asan builds with AddressSanitizer and UBSan into a folder of its own, too.
#
# Flags come from pkg-config when this file is read. Targets that install packages first therefore call make anew.

LUA     ?= lua5.4
VARIANT ?=
ifeq ($(filter lua5.4 lua5.3 lua5.1 luajit,$(LUA)),)
$(error LUA=$(LUA) is not known; it is one of lua5.4, lua5.3, lua5.1, luajit)
endif
BUILD   := build/$(LUA)$(if $(VARIANT),-$(VARIANT))

PKG_CONFIG ?= pkg-config
PREFIX     ?= /usr/local
SECONDS    ?= 10
PORT       ?= 8080
LUA_ABI    := $(patsubst lua%,%,$(patsubst luajit,5.1,$(LUA)))

INST_LUADIR := $(DESTDIR)$(PREFIX)/share/lua/$(LUA_ABI)
INST_LIBDIR := $(DESTDIR)$(PREFIX)/lib/lua/$(LUA_ABI)

# What each module is made of: csrc/NAME.c. HTTP, what the operating system is asked for, and the check of training data have
# modules of their own, all else is the core; each one carries the buffers, and where it reads JSON the scanner. The l* files
# and the openers read the Lua stack, all others know no Lua.
MODULES := core curl system dataset
CURL    := curl http httpreq httprun httpans httpend httpmulti httpshare sigpipe lhttp lmulti buf lbuf
SYSTEM  := system proc privfile terminal lsystem buf
DATASET := dataset datasetlines datasetrec datasetshape datasetjson datasetseen datasethist datasetfile ldataset jsonscan buf
CORE    := $(sort $(filter-out $(filter-out buf lbuf jsonscan,$(CURL) $(SYSTEM) $(DATASET)), \
               $(patsubst csrc/%.c,%,$(wildcard csrc/*.c))))
SOURCES := $(sort $(CORE) $(CURL) $(SYSTEM) $(DATASET))
PLAIN   := $(filter-out $(MODULES) l%,$(SOURCES))

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wdouble-promotion
OPT  := -O2
SAN  :=
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
ifeq ($(VARIANT),asan)
OPT := -O1 -g -fno-omit-frame-pointer
SAN := $(SANITIZE)
endif
# Distributions name Lua's .pc file in their own ways; a plain lua.pc has to be of the right version.
LUA_PC       := $(shell for n in $(LUA) lua-$(LUA_ABI) lua$(subst .,,$(LUA_ABI)) lua; do \
                    [ $$n != lua ] || [ "$$($(PKG_CONFIG) --modversion lua 2>/dev/null | cut -c1-3)" = $(LUA_ABI) ] || continue; \
                    $(PKG_CONFIG) --exists $$n 2>/dev/null && echo $$n && break; done)
LUA_CFLAGS   := $(shell $(PKG_CONFIG) --cflags $(LUA_PC) 2>/dev/null)
CORE_CFLAGS  := $(shell $(PKG_CONFIG) --cflags-only-I libcrypto 2>/dev/null)
CURL_CFLAGS  := $(shell $(PKG_CONFIG) --cflags libcurl 2>/dev/null)
CORE_LIBS    := $(or $(shell $(PKG_CONFIG) --libs libcrypto 2>/dev/null),-lcrypto) -lcjson -lm
CURL_LIBS    := $(or $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null),-lcurl)
BASE_CFLAGS  := -std=c99 -D_GNU_SOURCE $(WARN) $(CORE_CFLAGS) $(CURL_CFLAGS)
BUILD_CFLAGS := $(BASE_CFLAGS) $(OPT) $(SAN) -fPIC -fvisibility=hidden $(LUA_CFLAGS) $(CFLAGS)
# Modules stay loaded: while a Lua state closes, LuaJIT unloads them before it calls the finalizers of what other
# finalizers made; and a leak report can name their functions.
SHARED       := $(if $(filter Darwin,$(shell uname -s)),-bundle -undefined dynamic_lookup,-shared -Wl,-z,nodelete)

# Said only where a compiler's error about lua.h would have to say it.
HINT         := $(if $(LUA_PC)$(filter command line,$(origin LUA_CFLAGS)),, || \
                  { echo "pkg-config does not know $(LUA). make deps installs what the build needs." >&2; exit 1; })

CORE_OBJ    := $(CORE:%=$(BUILD)/obj/%.o)
CURL_OBJ    := $(CURL:%=$(BUILD)/obj/%.o)
SYSTEM_OBJ  := $(SYSTEM:%=$(BUILD)/obj/%.o)
DATASET_OBJ := $(DATASET:%=$(BUILD)/obj/%.o)

all: build

help: ## list the targets
	@echo "make TARGET [LUA=lua5.4|lua5.3|lua5.1|luajit]"
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort | awk -F'\t' '{ printf "  %-14s %s\n", $$1, $$2 }'

## ---------------------------------------------------------------------------------------------------- set-up and build

deps: ## install what build and tests need (Debian/Ubuntu; elsewhere it prints the names)
	@tools/deps all

# The Lua files are compiled as well: reading source is a third of the CPU time of a process that makes one call. An
# installed tree has the source, since bytecode serves one release of one interpreter only.
LUA_FILES := $(sort $(shell find lua/bedrock -name '*.lua' -not -path '*/meta/*'))

build: modules $(BUILD)/.bytecode ## build the C modules for LUA, and compile the Lua files

modules: $(MODULES:%=$(BUILD)/bedrock/%.so)

$(BUILD)/.bytecode: $(LUA_FILES) tools/compile.lua Makefile $(MODULES:%=$(BUILD)/bedrock/%.so)
	@echo "$(LUA) tools/compile.lua $(BUILD) lua/bedrock/**.lua"
	@$(LUA) tools/compile.lua $(BUILD) $(if $(VARIANT),,--bundle) $(LUA_FILES)
	@touch $@

$(BUILD)/bedrock/core.so: $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(SAN) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

$(BUILD)/bedrock/curl.so: $(CURL_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(SAN) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)

$(BUILD)/bedrock/system.so: $(SYSTEM_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(SAN) $(LDFLAGS) -o $@ $^

$(BUILD)/bedrock/dataset.so: $(DATASET_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(SAN) $(LDFLAGS) -o $@ $^ -lm

$(BUILD)/obj/%.o: csrc/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BUILD_CFLAGS) -MMD -MP -c -o $@ $<$(HINT)

-include $(wildcard $(BUILD)/obj/*.d)

env: ## print export lines with which LUA finds the built tree: eval "$(make -s env LUA=...)"
	@echo "export LUA_PATH='$(CURDIR)/$(BUILD)/?.lua;$(CURDIR)/$(BUILD)/?/init.lua;;'"
	@echo "export LUA_CPATH='$(CURDIR)/$(BUILD)/?.so;;'"

install: modules ## install for LUA below PREFIX (DESTDIR is honoured)
	@$(MAKE) --no-print-directory install-files

# Without `build` among its needs, since LuaRocks has built with flags of its own when it calls this.
install-files:
	@cd lua && find bedrock -name '*.lua' | sort | while read -r f; do \
	    mkdir -p "$(abspath $(INST_LUADIR))/$$(dirname $$f)" && \
	    install -m 644 $$f "$(abspath $(INST_LUADIR))/$$f" || exit 1; done
	@mkdir -p "$(INST_LIBDIR)/bedrock"
	@for m in $(MODULES); do install -m 755 $(BUILD)/bedrock/$$m.so "$(INST_LIBDIR)/bedrock/$$m.so" || exit 1; done

# LuaRocks: a folder of its own, made anew, so that a build with its flags never meets one with ours.
rock:
	@rm -rf $(BUILD)
	@$(MAKE) --no-print-directory modules

clean: ## remove all that was built
	rm -rf build

## ------------------------------------------------------------------------------------------------------- try and check

demo: ## run a fine-tuning job from start to end against the emulator
	@tools/deps $(if $(filter lua5.4,$(LUA)),demo,all)
	@$(MAKE) --no-print-directory -s build
	@tools/demo $(LUA)

demo-openresty: ## run a fine-tuning service with a live page in nginx, against the emulator (CHECK=1: and end)
	@tools/deps openresty
	@$(MAKE) --no-print-directory -s build LUA=luajit
	@tools/demo-openresty $(if $(CHECK),--check) $(if $(filter command line environment,$(origin PORT)),--port $(PORT))

emulator: build ## serve the Bedrock emulator on 127.0.0.1:PORT
	@eval "$$($(MAKE) -s env)" && exec $(LUA) -e 'require("bedrock.emulator.server").run { port = $(PORT) }'

test: deps ## all suites: lint, units, specs, sanitizers, valgrind, installs (SUITES="lint busted-luajit" for some)
	@tools/test $(SUITES)

lint: ## luacheck, cppcheck, clang-format, and warnings of gcc and clang for every Lua
	@tools/test lint

format: ## clang-format all C files in place
	clang-format -i $(wildcard csrc/*.[ch] spec/*/*.[ch] bench/*.[ch])

bench: deps ## one table: the library beside bare C, the SDK for JavaScript, botocore, lua-cjson
	@for l in lua5.4 luajit; do $(MAKE) --no-print-directory -s build LUA=$$l || exit 1; done
	@bench/run

fuzz: deps ## libFuzzer on the plain C halves, SECONDS each
	@$(MAKE) --no-print-directory -s fuzzers
	@tools/fuzz $(SECONDS)

docs: ## build the reference and the guides as HTML in build/docs
	@tools/deps docs
	@lua5.4 tools/docs.lua build/docs

## ----------------------------------------------------------------------------- test programs in C (called by tools/test)

# The plain halves with sanitizers, once for all unit tests. No Lua header is in reach.
UNIT_CFLAGS := $(BASE_CFLAGS) $(SANITIZE) -O1 -g -fno-omit-frame-pointer -Icsrc
UNITS       := $(patsubst spec/csrc/%.c,build/unit/%,$(wildcard spec/csrc/*_test.c))

units: $(UNITS)

build/unit/%_test: spec/csrc/%_test.c build/unit/plain.a
	$(CC) $(UNIT_CFLAGS) -MMD -MP -MF $@.d -o $@ $< build/unit/plain.a $(CORE_LIBS) $(CURL_LIBS)

build/unit/plain.a: $(PLAIN:%=build/unit/obj/%.o)
	@rm -f $@
	$(AR) rcs $@ $^

build/unit/obj/%.o: csrc/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(UNIT_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard build/unit/*.d build/unit/obj/*.d)

# libFuzzer comes with clang.
FUZZ_CC     ?= clang
FUZZ_CFLAGS := $(BASE_CFLAGS) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -O1 -g -Icsrc
FUZZERS     := $(patsubst spec/fuzz/%.c,build/fuzz/%,$(wildcard spec/fuzz/*_fuzz.c))

fuzzers: $(FUZZERS)

build/fuzz/%_fuzz: spec/fuzz/%_fuzz.c $(PLAIN:%=build/fuzz/obj/%.o)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(CORE_LIBS) $(CURL_LIBS)

build/fuzz/obj/%.o: csrc/%.c Makefile
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard build/fuzz/obj/*.d)

# An interpreter with the sanitizers linked in: LD_PRELOAD would put them into every program that a test starts, too.
build/asan/lua5.4: spec/support/lua.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(SANITIZE) -O1 -g -Wl,-E -o $@ $< $(shell $(PKG_CONFIG) --cflags --libs lua5.4) -lm -ldl

# All modules inside one program, our own allocations led through its allocator (see spec/oom/oom.c).
OOM_WRAP := $(foreach f,malloc calloc realloc free strdup strndup,-Wl,--wrap=$(f))
build/oom/oom: spec/oom/oom.c $(SOURCES:%=csrc/%.c) $(wildcard csrc/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) $(BASE_CFLAGS) $(SANITIZE) -O1 -g -fno-omit-frame-pointer -Icsrc $(OOM_WRAP) -o $@ \
	    $(filter %.c,$^) $(shell $(PKG_CONFIG) --cflags --libs lua5.4) $(CORE_LIBS) $(CURL_LIBS) -lpthread -ldl

.PHONY: all help deps build modules env install install-files rock clean demo demo-openresty emulator test lint format docs bench fuzz units fuzzers
