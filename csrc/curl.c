/*
 * curl.c: opens bedrock.curl, the module that talks to the network through libcurl. It is a file
 * apart from bedrock.core, so that an nginx worker, which has sockets of its own, never loads
 * libcurl.
 */
#include "lhttp.h"

BK_EXPORT int luaopen_bedrock_curl(lua_State *L);

int luaopen_bedrock_curl(lua_State *L)
{
    lua_newtable(L);
    bk_open_http(L);
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "lua_version");
    return 1;
}
