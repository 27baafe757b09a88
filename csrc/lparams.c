/*
 * lparams.c: whether parameters are surely right, in one walk beside a whole shape.
 *
 * Nearly all are, and a yes from here spares them the check in Lua (lua/bedrock/validate.lua),
 * which knows every rule and finds the words. So whatever is wrong, and whatever is rare enough to
 * leave it to Lua (a date as text, a document, letters beyond ASCII in the path), is a no.
 *
 * Tables are read by raw access only, and never changed.
 */
#include "ljson.h"

#include <math.h>

enum { MAX_DEPTH = 30, SLOTS_A_LEVEL = 6 };

#define FIRST_SECOND -62167219200.0 /* the years 0 to 9999 */
#define LAST_SECOND 253402300800.0

typedef struct walk {
    lua_State *L;
    const bk_json_shape *shape;
    int names; /* stack index of the members' names */
    int depth;
} walk;

static int value_ok(walk *w, int node, double min, bk_json_place place);

static int is_printable_ascii(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < 32 || s[i] > 126)
            return 0;
    return 1;
}

static int string_ok(lua_State *L, double min, bk_json_place place)
{
    size_t n;
    const char *s;
    if (lua_type(L, -1) == LUA_TNUMBER)
        return isfinite(lua_tonumber(L, -1));
    if (lua_type(L, -1) != LUA_TSTRING)
        return 0;
    s = lua_tolstring(L, -1, &n);
    if (place == BK_IN_PATH && (n == 0 || (s[0] == '.' && n < 3)))
        return 0;
    if (place != BK_IN_BODY)
        return (double)n >= min && is_printable_ascii(s, n);
    /* A character is one to four bytes. */
    return (double)n >= 4 * min || ((double)n >= min && is_printable_ascii(s, n));
}

static int integer_ok(lua_State *L, double min)
{
    double x = lua_tonumber(L, -1);
    return lua_type(L, -1) == LUA_TNUMBER && floor(x) == x && x >= min && fabs(x) < 9e18;
}

/* How many entries the table at the top has. */
static size_t count_entries(lua_State *L)
{
    size_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        n++;
    }
    return n;
}

static int list_ok(walk *w, const bk_json_node *node, bk_json_place place)
{
    lua_State *L = w->L;
    size_t n = bk_rawlen(L, -1);
    if ((double)n < node->min || count_entries(L) != n)
        return 0;
    for (size_t i = 1; i <= n; i++) {
        int ok;
        lua_rawgeti(L, -1, (int)i);
        ok = value_ok(w, node->item, node->item_min, place);
        lua_pop(L, 1);
        if (!ok)
            return 0;
    }
    return 1;
}

static int map_ok(walk *w, const bk_json_node *node, bk_json_place place)
{
    lua_State *L = w->L;
    size_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        int ok = value_ok(w, node->item, node->item_min, place);
        lua_pop(L, 1);
        if (!ok || lua_type(L, -1) != LUA_TSTRING || !string_ok(L, node->key_min, place)) {
            lua_pop(L, 1);
            return 0;
        }
        n++;
    }
    return (double)n >= node->min;
}

static int is_null(lua_State *L)
{
    return lua_islightuserdata(L, -1) && !lua_touserdata(L, -1);
}

static int structure_ok(walk *w, const bk_json_node *node)
{
    lua_State *L = w->L;
    int table = lua_gettop(L), given = 0;
    size_t known = 0;
    for (int i = node->first; i < node->first + node->count; i++) {
        const bk_json_member *m = BK_JSON_MEMBER(w->shape, i);
        int ok;
        lua_rawgeti(L, w->names, i + 1);
        lua_rawget(L, table);
        known += !lua_isnil(L, -1);
        if (lua_isnil(L, -1) || is_null(L)) {
            ok = !m->required;
        } else {
            ok = value_ok(w, m->node, m->min, m->place);
            given++;
        }
        lua_pop(L, 1);
        if (!ok)
            return 0;
    }
    return count_entries(L) == known && (!node->is_union || given == 1);
}

static int table_ok(walk *w, const bk_json_node *node, bk_json_place place)
{
    int ok;
    if (!lua_istable(w->L, -1) || w->depth == MAX_DEPTH)
        return 0;
    luaL_checkstack(w->L, SLOTS_A_LEVEL, "parameters are nested too deeply");
    w->depth++;
    ok = node->kind == BK_KIND_STRUCTURE ? structure_ok(w, node)
         : node->kind == BK_KIND_LIST    ? list_ok(w, node, place)
                                         : map_ok(w, node, place);
    w->depth--;
    return ok;
}

/* The value at the top of the stack. */
static int value_ok(walk *w, int node, double min, bk_json_place place)
{
    lua_State *L = w->L;
    double x;
    if (place == BK_ELSEWHERE)
        return 0;
    switch (node) {
    case BK_KIND_STRING:
        return string_ok(L, min, place);
    case BK_KIND_INTEGER:
        return integer_ok(L, min);
    case BK_KIND_FLOAT:
        return lua_type(L, -1) == LUA_TNUMBER && !(lua_tonumber(L, -1) < min);
    case BK_KIND_BOOLEAN:
        return lua_isboolean(L, -1);
    case BK_KIND_TIME_UNIX:
    case BK_KIND_TIME_ISO:
    case BK_KIND_TIME_HTTP:
        x = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : HUGE_VAL;
        return x >= FIRST_SECOND && x < LAST_SECOND;
    case BK_KIND_BLOB:
        return lua_type(L, -1) == LUA_TSTRING && (double)bk_rawlen(L, -1) >= min;
    case BK_KIND_DOCUMENT:
        return 0;
    default:
        return table_ok(w, BK_JSON_NODE(w->shape, node), place);
    }
}

int bk_json_lparams_ok(lua_State *L)
{
    walk w = {L, bk_json_checkshape(L, 1), 3, 0};
    luaL_argcheck(L, w.shape->whole, 1, "whole shape expected");
    lua_settop(L, 2);
    bk_getuservalue(L, 1);
    lua_pushvalue(L, 2);
    lua_pushboolean(L, value_ok(&w, w.shape->root, -HUGE_VAL, BK_IN_BODY));
    return 1;
}
