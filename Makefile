# lua-bedrock. `make help` lists what this file can do.
#
# LUA names the interpreter (lua5.4, lua5.3, lua5.1, luajit); each one has a build folder of its own, so all of them can
# stand side by side. VARIANT=asan builds with AddressSanitizer and UBSan into a folder of its own, too.

LUA     ?= lua5.4
VARIANT ?=
BUILD   := build/$(LUA)$(if $(VARIANT),-$(VARIANT))

PKG_CONFIG ?= pkg-config
PREFIX     ?= /usr/local
LUA_ABI    := $(patsubst lua%,%,$(patsubst luajit,5.1,$(LUA)))

# What each module is made of: csrc/NAME.c.
CORE := core buf lbuf uri hex base64 digest crc32 timefmt random sigv4 lencoding ltime lsigv4 jsonscan jsonshape jsonenc jsondec ljson
CURL := curl buf lbuf http lhttp

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wcast-qual \
        -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wdouble-promotion
OPT  := -O2
SAN  :=
ifeq ($(VARIANT),asan)
OPT := -O1 -g -fno-omit-frame-pointer
SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined
endif
LUA_CFLAGS   := $(shell $(PKG_CONFIG) --cflags $(LUA) 2>/dev/null)
CORE_CFLAGS  := $(shell $(PKG_CONFIG) --cflags-only-I libcrypto 2>/dev/null)
CURL_CFLAGS  := $(shell $(PKG_CONFIG) --cflags libcurl 2>/dev/null)
CORE_LIBS    := $(or $(shell $(PKG_CONFIG) --libs libcrypto 2>/dev/null),-lcrypto) -lcjson -lm
CURL_LIBS    := $(or $(shell $(PKG_CONFIG) --libs libcurl 2>/dev/null),-lcurl)
BUILD_CFLAGS := -std=c99 -D_GNU_SOURCE $(OPT) $(SAN) $(WARN) -fPIC -fvisibility=hidden $(LUA_CFLAGS) $(CORE_CFLAGS) $(CURL_CFLAGS) $(CFLAGS)
SHARED       := $(if $(filter Darwin,$(shell uname -s)),-bundle -undefined dynamic_lookup,-shared)

CORE_OBJ := $(CORE:%=$(BUILD)/obj/%.o)
CURL_OBJ := $(CURL:%=$(BUILD)/obj/%.o)

all: build

build: $(BUILD)/bedrock/core.so $(BUILD)/bedrock/curl.so ## build both C modules for $(LUA)

$(BUILD)/bedrock/core.so: $(CORE_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(SAN) $(LDFLAGS) -o $@ $^ $(CORE_LIBS)

$(BUILD)/bedrock/curl.so: $(CURL_OBJ)
	@mkdir -p $(@D)
	$(CC) $(SHARED) $(SAN) $(LDFLAGS) -o $@ $^ $(CURL_LIBS)

$(BUILD)/obj/%.o: csrc/%.c Makefile
	@mkdir -p $(@D)
	$(CC) $(BUILD_CFLAGS) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/obj/*.d)

env: ## print export lines with which $(LUA) finds the built tree
	@echo "export LUA_PATH='$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;'"
	@echo "export LUA_CPATH='$(CURDIR)/$(BUILD)/?.so;;'"

clean: ## remove all that was built
	rm -rf build

.PHONY: all build env clean
