/* ltime.c: the Lua side of timefmt. */
#include "core.h"

#include "timefmt.h"

/* An integer where it is whole and Lua has integers, so that 0 prints as "0". */
static void push_time(lua_State *L, const bk_time *t)
{
#if BK_HAS_INTEGER
    if (t->whole) {
        lua_pushinteger(L, (lua_Integer)t->seconds);
        return;
    }
#endif
    lua_pushnumber(L, t->value);
}

static int time_parse(lua_State *L)
{
    bk_time t;
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    if (bk_time_parse(&t, s, n))
        push_time(L, &t);
    else
        lua_pushnil(L);
    return 1;
}

static int push_format(lua_State *L, size_t (*format)(char *, double))
{
    char text[BK_TIME_TEXT];
    size_t n = format(text, luaL_checknumber(L, 1));
    if (n) {
        lua_pushlstring(L, text, n);
        return 1;
    }
    lua_pushnil(L);
    lua_pushliteral(L, "not a time between the years 0 and 9999, in seconds since 1970");
    return 2;
}

static int time_iso8601(lua_State *L)
{
    return push_format(L, bk_time_iso8601);
}

static int time_http(lua_State *L)
{
    return push_format(L, bk_time_http);
}

static int time_amz(lua_State *L)
{
    return push_format(L, bk_time_amz);
}

static const luaL_Reg functions[] = {
    {"time_parse", time_parse},
    {"time_iso8601", time_iso8601},
    {"time_http", time_http},
    {"time_amz", time_amz},
    {NULL, NULL},
};

void bk_open_time(lua_State *L)
{
    bk_setfuncs(L, functions, 0);
}
