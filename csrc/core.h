/* core.h: the parts of bedrock.core. Each opener adds its functions to the table on the stack. */
#ifndef BK_CORE_H
#define BK_CORE_H

#include "compat.h"

void bk_open_encoding(lua_State *L); /* lencoding.c: uri, hex, base64, digests, random numbers */
void bk_open_time(lua_State *L);     /* ltime.c: ISO 8601 and HTTP dates */
void bk_open_sigv4(lua_State *L);    /* lsigv4.c: signing */
void bk_open_json(lua_State *L);     /* ljson.c: the shape-directed codec */
void bk_open_loader(lua_State *L);   /* lloader.c: opening curl.so lazily */

#endif
