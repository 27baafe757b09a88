/*
 * lua.c: a small Lua 5.4 interpreter to be linked with AddressSanitizer.
 *
 * Debian's own has no sanitizer in it, and LD_PRELOAD would put one into every program that a test
 * starts. It knows what the specs need of the real one's command line: [-e TEXT] [-l MODULE] [--]
 * [SCRIPT [ARGS]]. The state is closed at the end, so what is still allocated then is a leak.
 */
#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static int call(lua_State *L, int nargs)
{
    int base = lua_gettop(L) - nargs;
    lua_pushcfunction(L, traceback);
    lua_insert(L, base);
    return lua_pcall(L, nargs, 0, base);
}

static int run(lua_State *L, int argc, char **argv)
{
    int i = 1;
    int status = LUA_OK;
    int script = 1;
    while (script < argc && argv[script][0] == '-') {
        int opt = argv[script++][1];
        if (opt == '-')
            break;
        if (opt == 'e' || opt == 'l')
            script++;
    }
    lua_createtable(L, argc, 1);
    for (int k = 0; k < argc; k++) {
        lua_pushstring(L, argv[k]);
        lua_rawseti(L, -2, k - script);
    }
    lua_setglobal(L, "arg");

    for (; status == LUA_OK && i + 1 < argc && (!strcmp(argv[i], "-e") || !strcmp(argv[i], "-l"));
         i += 2) {
        if (argv[i][1] == 'e') {
            status = luaL_loadbuffer(L, argv[i + 1], strlen(argv[i + 1]), "=(command line)");
            if (status == LUA_OK)
                status = call(L, 0);
        } else {
            lua_getglobal(L, "require");
            lua_pushstring(L, argv[i + 1]);
            status = call(L, 1);
        }
    }
    if (status == LUA_OK && script < argc) {
        status = luaL_loadfile(L, strcmp(argv[script], "-") ? argv[script] : NULL);
        if (status == LUA_OK) {
            int nargs = argc - script - 1;
            luaL_checkstack(L, nargs + 1, "too many arguments");
            for (int k = script + 1; k < argc; k++)
                lua_pushstring(L, argv[k]);
            status = call(L, nargs);
        }
    }
    return status;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    if (!L)
        return EXIT_FAILURE;
    luaL_openlibs(L);
    int status = run(L, argc, argv);
    if (status != LUA_OK) {
        const char *message = lua_tostring(L, -1);
        fprintf(stderr, "lua5.4: %s\n", message ? message : "(an error that is no text)");
    }
    lua_close(L);
    return status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
