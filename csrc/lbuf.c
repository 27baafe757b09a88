/* lbuf.c: see lbuf.h. */
#include "lbuf.h"

#define BUF_TYPE "bedrock.buf"

static int buf_gc(lua_State *L)
{
    bk_buf *b = luaL_checkudata(L, 1, BUF_TYPE);
    bk_buf_wipe(b); /* an error came before its user could */
    bk_buf_free(b);
    return 0;
}

bk_buf *bk_pushbuf(lua_State *L)
{
    bk_buf *b = bk_newuserdata(L, sizeof *b);
    memset(b, 0, sizeof *b);
    bk_newmetatable(L, BUF_TYPE);
    lua_pushcfunction(L, buf_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return b;
}

void bk_pushbufresult(lua_State *L, const bk_buf *b)
{
    if (b->failed)
        luaL_error(L, "not enough memory");
    lua_pushlstring(L, b->data ? b->data : "", b->len);
}
