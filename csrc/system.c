/*
 * system.c: opens bedrock.system, which asks the operating system for what plain Lua can't: running
 * a program with a time limit, writing a file all at once or for its owner only, and the size of a
 * terminal. It is a file apart from bedrock.core, which stays pure computation, and it needs
 * nothing but libc.
 */
#include "lsystem.h"

BK_EXPORT int luaopen_bedrock_system(lua_State *L);

int luaopen_bedrock_system(lua_State *L)
{
    lua_newtable(L);
    bk_open_system(L);
    lua_pushliteral(L, LUA_VERSION);
    lua_setfield(L, -2, "lua_version");
    return 1;
}
