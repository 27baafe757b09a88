/*
 * core.c: opens bedrock.core. Pure computation: no socket, no file, no sleep, so nginx can load it
 * safely.
 */
#include "core.h"

BK_EXPORT int luaopen_bedrock_core(lua_State *L);

int luaopen_bedrock_core(lua_State *L)
{
    lua_newtable(L);
    bk_open_encoding(L);
    bk_open_time(L);
    bk_open_sigv4(L);
    bk_open_json(L);
    bk_open_loader(L);
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "lua_version");
    return 1;
}
