/*
 * ljson.c: opens the JSON codec of bedrock.core. Its parts: ljsonshape.c compiles shapes,
 * ljsonenc.c and ljsondec.c walk values beside them; jsonscan.c, jsonquote.c and jsonnum.c know the
 * text and no Lua.
 */
#include "core.h"
#include "lent.h"
#include "ljson.h"

#include <cjson/cJSON.h>

#define WORK_TYPE "bedrock.json.work"

/* A larger block is given back after the call that needed it; smaller ones are wiped whole. */
enum { KEPT = 4096 };

static bk_json_work *new_work(lua_State *L)
{
    bk_json_work *w = bk_newuserdata(L, sizeof *w);
    memset(w, 0, sizeof *w);
    return w;
}

/* The spare one leaves its place for the time of the call. So a finalizer that runs meanwhile and
 * encodes something itself gets one of its own, and what an error leaves behind is the collector's.
 */
bk_json_work *bk_json_pushwork(lua_State *L)
{
    bk_json_work *w = lua_touserdata(L, lua_upvalueindex(BK_JSON_UP_SPARE));
    if (w && !w->closed) {
        lua_pushvalue(L, lua_upvalueindex(BK_JSON_UP_SPARE));
        lua_pushnil(L);
        lua_replace(L, lua_upvalueindex(BK_JSON_UP_SPARE));
        return w;
    }
    w = new_work(L);
    lua_pushvalue(L, lua_upvalueindex(BK_JSON_UP_WORK));
    lua_setmetatable(L, -2);
    return w;
}

static void clear_work(bk_json_work *w, size_t kept)
{
    cJSON *tree = w->tree;
    bk_buf *const both[] = {&w->text, &w->more};
    w->tree = NULL;
    if (tree)
        cJSON_Delete(tree);
    for (size_t i = 0; i < 2; i++) {
        bk_buf_wipe(both[i]); /* documents may be credentials */
        if (both[i]->cap > kept)
            bk_buf_free(both[i]);
    }
}

void bk_json_dropwork(lua_State *L, int index, bk_json_work *w)
{
    if (!lua_touserdata(L, lua_upvalueindex(BK_JSON_UP_SPARE))) {
        clear_work(w, KEPT);
        lua_pushvalue(L, index);
        lua_replace(L, lua_upvalueindex(BK_JSON_UP_SPARE));
        return;
    }
    clear_work(w, 0);
    /* Without a metatable the collector has no finalizer to call. */
    lua_pushnil(L);
    lua_setmetatable(L, index);
}

static int work_gc(lua_State *L)
{
    bk_json_work *w = luaL_checkudata(L, 1, WORK_TYPE);
    w->closed = 1; /* finalizers of others may still call us while the Lua state closes */
    clear_work(w, 0);
    return 0;
}

bk_json_shape *bk_json_checkshape(lua_State *L, int index)
{
    void *shape = lua_touserdata(L, index);
    if (shape && lua_getmetatable(L, index)) {
        int same = lua_rawequal(L, -1, lua_upvalueindex(BK_JSON_UP_SHAPE));
        lua_pop(L, 1);
        if (same && !((bk_json_shape *)shape)->nodes.data)
            luaL_error(L, "the Lua state is closing");
        if (same)
            return shape;
    }
    luaL_argerror(L, index, "compiled JSON shape expected");
    return NULL;
}

static const luaL_Reg functions[] = {
    {"json_shape", bk_json_lshape},
    {"json_encode", bk_json_lencode},
    {"json_encode_params", bk_json_lencode_params},
    {"json_encode_plain", bk_json_lencode_plain},
    {"json_decode", bk_json_ldecode},
    {"json_decode_plain", bk_json_ldecode_plain},
    {NULL, NULL},
};

void bk_open_json(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "json_null");

    bk_newmetatable(L, BK_JSON_SHAPE_TYPE);
    lua_pushcfunction(L, bk_json_shape_gc);
    lua_setfield(L, -2, "__gc");
    bk_newmetatable(L, WORK_TYPE);
    lua_pushcfunction(L, work_gc);
    lua_setfield(L, -2, "__gc");
    /* One array metatable for all who load the module in this state, also if it is loaded twice. */
    bk_newmetatable(L, "bedrock.json.array");
    lua_pushvalue(L, -1);
    lua_setfield(L, -5, "json_array_mt");
    for (const luaL_Reg *f = functions; f->name; f++) {
        const luaL_Reg one[] = {*f, {NULL, NULL}};
        lua_pushvalue(L, -4); /* the module, then the upvalues */
        lua_pushvalue(L, -4);
        lua_pushvalue(L, -4);
        (void)new_work(L);
        lua_pushvalue(L, -2);
        lua_setmetatable(L, -2);
        bk_newmetatable(L, BK_LENT_TYPE); /* bedrock.curl finds it, or has made it */
        lua_pushvalue(L, -6);
        bk_setfuncs(L, one, BK_JSON_UPVALUES);
        lua_pop(L, 1);
    }
    lua_pop(L, 3);
}
