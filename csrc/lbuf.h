/* lbuf.h: a bk_buf that Lua's collector owns, so that an error may jump from anywhere. */
#ifndef BK_LBUF_H
#define BK_LBUF_H

#include "buf.h"
#include "compat.h"

/* Pushes a userdata that owns an empty buffer and lends the buffer. */
bk_buf *bk_pushbuf(lua_State *L);
/* Pushes what the buffer holds as a string, or raises "not enough memory". */
void bk_pushbufresult(lua_State *L, const bk_buf *b);

#endif
