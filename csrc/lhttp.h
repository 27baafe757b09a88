/* lhttp.h: the Lua side of HTTP sessions, for the opener of bedrock.curl. */
#ifndef BK_LHTTP_H
#define BK_LHTTP_H

#include "compat.h"

/* Adds `session`, `sleep`, `now` and `version` to the table at the top of the stack. */
void bk_open_http(lua_State *L);

#endif
