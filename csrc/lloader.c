/*
 * lloader.c: opens a shared object the lazy way, ahead of Lua.
 *
 * Lua binds every symbol of a module and of all that it needs at once (RTLD_NOW). For libcurl, with
 * its thirty libraries, that is half a millisecond in each process, most of it for functions that
 * are never called. What is open already stays bound as it is, so opening the module lazily first
 * saves that time.
 */
#include "core.h"

#include <dlfcn.h>

/* open_lazily(path) -> whether it could be opened. It is never closed: Lua is about to load it, and
 * keeps it. */
static int open_lazily(lua_State *L)
{
    lua_pushboolean(L, dlopen(luaL_checkstring(L, 1), RTLD_LAZY | RTLD_LOCAL) != NULL);
    return 1;
}

void bk_open_loader(lua_State *L)
{
    lua_pushcfunction(L, open_lazily);
    lua_setfield(L, -2, "open_lazily");
}
