/* lsystem.h: the Lua side of processes and private files, for the opener of bedrock.system. */
#ifndef BK_LSYSTEM_H
#define BK_LSYSTEM_H

#include "compat.h"

/* Adds its functions to the table at the top of the stack. */
void bk_open_system(lua_State *L);

#endif
