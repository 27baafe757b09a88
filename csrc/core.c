/*
 * core.c: opens bedrock.core. Pure computation: no socket, no file, no sleep, so nginx can load it
 * safely.
 */
#include "core.h"

#include <cjson/cJSON.h>
#include <openssl/crypto.h>

BK_EXPORT int luaopen_bedrock_core(lua_State *L);

/* Of the libraries that are loaded, not of those it was built with. */
static int version(lua_State *L)
{
    const char *name = OpenSSL_version(OPENSSL_VERSION); /* "OpenSSL 3.0.22 4 Nov 2025" */
    size_t name_len = strcspn(name, " ");
    const char *number = name + name_len + strspn(name + name_len, " ");
    lua_settop(L, 0);
    lua_pushlstring(L, name, name_len);
    lua_pushlstring(L, number, strcspn(number, " "));
    lua_pushfstring(L, "%s/%s cJSON/%s", lua_tostring(L, 1), lua_tostring(L, 2), cJSON_Version());
    return 1;
}

int luaopen_bedrock_core(lua_State *L)
{
    lua_newtable(L);
    bk_open_encoding(L);
    bk_open_time(L);
    bk_open_sigv4(L);
    bk_open_json(L);
    bk_open_loader(L);
    lua_pushcfunction(L, version);
    lua_setfield(L, -2, "version");
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "lua_version");
    return 1;
}
