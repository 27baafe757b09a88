/*
 * compat.h: every difference between Lua 5.1, LuaJIT, 5.3 and 5.4 that our C code meets.
 *
 * All names carry our own prefix, also where LuaJIT or 5.2 offers the same function: a build
 * for 5.1 and one for LuaJIT then need the same symbols, and either interpreter can load either
 * build.
 */
#ifndef BK_COMPAT_H
#define BK_COMPAT_H

#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

/* The openers are the only exported symbols. */
#if defined(__GNUC__)
#define BK_EXPORT __attribute__((visibility("default")))
#else
#define BK_EXPORT
#endif

#if LUA_VERSION_NUM < 502

#define bk_rawlen(L, i) lua_objlen(L, i)

static inline int bk_absindex(lua_State *L, int i)
{
    return i > 0 || i <= LUA_REGISTRYINDEX ? i : lua_gettop(L) + i + 1;
}

/* Registers the functions in the table below its upvalues, as luaL_setfuncs does since 5.2. */
static inline void bk_setfuncs(lua_State *L, const luaL_Reg *reg, int nup)
{
    luaL_checkstack(L, nup + 1, "too many upvalues");
    for (; reg->name; reg++) {
        for (int i = 0; i < nup; i++)
            lua_pushvalue(L, -nup);
        lua_pushcclosure(L, reg->func, nup);
        lua_setfield(L, -(nup + 2), reg->name);
    }
    lua_pop(L, nup);
}

static inline void *bk_testudata(lua_State *L, int i, const char *tname)
{
    void *p = lua_touserdata(L, i);
    if (!p || !lua_getmetatable(L, i))
        return NULL;
    luaL_getmetatable(L, tname);
    if (!lua_rawequal(L, -1, -2))
        p = NULL;
    lua_pop(L, 2);
    return p;
}

/* A userdata that can hold one table (bk_setuservalue). */
#define bk_newuserdata(L, size) lua_newuserdata(L, size)
#define bk_setuservalue(L, i) lua_setfenv(L, i)
#define bk_getuservalue(L, i) lua_getfenv(L, i)

/* The FILE of one of io's files, NULL where that is closed. */
static inline FILE *bk_checkfile(lua_State *L, int i)
{
    FILE *const *file = luaL_checkudata(L, i, LUA_FILEHANDLE); /* LuaJIT's begins with it, too */
    return *file;
}

/* 5.1 interns all strings; its numbers are doubles. */
#define BK_HAS_INTEGER 0

#else /* 5.3, 5.4 */

#define bk_rawlen(L, i) lua_rawlen(L, i)
#define bk_absindex(L, i) lua_absindex(L, i)
#define bk_setfuncs(L, reg, nup) luaL_setfuncs(L, reg, nup)
#define bk_testudata(L, i, tname) luaL_testudata(L, i, tname)

static inline FILE *bk_checkfile(lua_State *L, int i)
{
    const luaL_Stream *stream = luaL_checkudata(L, i, LUA_FILEHANDLE);
    return stream->closef ? stream->f : NULL;
}

#if LUA_VERSION_NUM >= 504
#define bk_newuserdata(L, size) lua_newuserdatauv(L, size, 1)
#define bk_setuservalue(L, i) (void)lua_setiuservalue(L, i, 1)
#define bk_getuservalue(L, i) (void)lua_getiuservalue(L, i, 1)
#else
#define bk_newuserdata(L, size) lua_newuserdata(L, size)
#define bk_setuservalue(L, i) lua_setuservalue(L, i)
#define bk_getuservalue(L, i) (void)lua_getuservalue(L, i)
#endif

#define BK_HAS_INTEGER 1

#endif

#define bk_newlib(L, reg)                                                                          \
    (lua_createtable(L, 0, sizeof(reg) / sizeof(reg[0]) - 1), bk_setfuncs(L, reg, 0))

/* Creates (or finds) a metatable and leaves it on the stack; __name as 5.3 and later do it. One
 * that is found may be incomplete, where memory ran out while it was filled: fill it in any case.
 */
static inline int bk_newmetatable(lua_State *L, const char *tname)
{
    int fresh = luaL_newmetatable(L, tname);
    if (fresh) {
        lua_pushstring(L, tname);
        lua_setfield(L, -2, "__name");
    }
    return fresh;
}

static inline void bk_setmetatable(lua_State *L, const char *tname)
{
    luaL_getmetatable(L, tname);
    lua_setmetatable(L, -2);
}

#endif
