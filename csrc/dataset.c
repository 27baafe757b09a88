/*
 * dataset.c: opens bedrock.dataset, the check of training data. It is a file apart, so that a
 * script which only calls operations loads nothing of it.
 */
#include "ldataset.h"

BK_EXPORT int luaopen_bedrock_dataset(lua_State *L);

int luaopen_bedrock_dataset(lua_State *L)
{
    lua_newtable(L);
    bk_open_dataset(L);
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "lua_version");
    return 1;
}
