/* ldataset.h: the Lua side of the check of data sets, for the opener of bedrock.dataset. */
#ifndef BK_LDATASET_H
#define BK_LDATASET_H

#include "compat.h"

/* Adds `new` to the table at the top of the stack. */
void bk_open_dataset(lua_State *L);

#endif
