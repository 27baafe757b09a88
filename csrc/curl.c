/*
 * curl.c: opens bedrock.curl, the module that talks to the network through libcurl. It is a file
 * apart from bedrock.core, so that an nginx worker, which has sockets of its own, never loads
 * libcurl.
 */
#include "lhttp.h"

#include <dlfcn.h>

BK_EXPORT int luaopen_bedrock_curl(lua_State *L);

/*
 * Keeps this file loaded until the process ends. Lua unloads C modules when a state is closed, and
 * libcurl would go along: a thread of its that still asks a slow name server would then run code
 * that is gone. Where the linker can be told so (SHARED in the Makefile), it is in vain.
 */
static void stay_loaded(void)
{
#ifdef RTLD_NODELETE
    int (*self)(lua_State *) = luaopen_bedrock_curl;
    void *address;
    Dl_info info;
    memcpy(&address, &self, sizeof address); /* ISO C has no cast from functions to data */
    if (dladdr(address, &info) != 0 && info.dli_fname)
        (void)dlopen(info.dli_fname, RTLD_LAZY | RTLD_NODELETE | RTLD_NOLOAD);
#endif
}

/* May run in another Lua than it was built for, since it is opened lazily (lloader.c); what it
 * calls must be in all of them, so that lua_version can be read. */
int luaopen_bedrock_curl(lua_State *L)
{
    stay_loaded();
    lua_newtable(L);
    bk_open_http(L);
    bk_open_multi(L);
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "lua_version");
    return 1;
}
