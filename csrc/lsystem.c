/*
 * lsystem.c: processes as userdata "bedrock.system.process", and private files.
 *
 *   process = system.start(command, seconds)  -> process | nil, message
 *   process:wait(seconds) -> whether it is over
 *   process:result() -> { stdout, stderr, status, signal, timed_out, too_large } | nil, message
 *   process:close()
 *   system.write_private(path, text, only_new) -> true | nil, message
 *
 * A process is killed and reaped with its userdata at the latest. Finalizers may run while a result
 * is turned into a table; `busy` keeps them from closing what is read.
 */
#include "lsystem.h"
#include "privfile.h"
#include "proc.h"

#include <errno.h>

#define PROCESS_TYPE "bedrock.system.process"

typedef struct process {
    bk_proc proc;
    int open;
    int busy;
} process;

static process *to_process(lua_State *L)
{
    process *p = luaL_checkudata(L, 1, PROCESS_TYPE);
    if (!p->open)
        luaL_error(L, "the process is closed");
    if (p->busy)
        luaL_error(L, "the process is in use");
    return p;
}

static int refuse(lua_State *L, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

static int start(lua_State *L)
{
    size_t len;
    const char *command = luaL_checklstring(L, 1, &len);
    lua_Number seconds = luaL_checknumber(L, 2);
    luaL_argcheck(L, seconds >= 0, 2, "not a time in seconds");
    if (!len)
        return refuse(L, "the command is empty");
    if (strlen(command) != len)
        return refuse(L, "the command holds a NUL byte");
    process *p = bk_newuserdata(L, sizeof *p);
    bk_proc_init(&p->proc);
    p->open = p->busy = 0;
    bk_setmetatable(L, PROCESS_TYPE);
    p->open = 1;
    int code = bk_proc_start(&p->proc, command, seconds);
    if (code) {
        lua_pushnil(L);
        lua_pushfstring(L, "no process can be started: %s", strerror(code));
        return 2;
    }
    return 1;
}

static int process_wait(lua_State *L)
{
    process *p = to_process(L);
    lua_Number seconds = luaL_checknumber(L, 2);
    lua_pushboolean(L, bk_proc_wait(&p->proc, seconds));
    return 1;
}

/* Runs protected, so that a failed allocation can't leave the process busy. */
static int push_result(lua_State *L)
{
    const process *p = lua_touserdata(L, 1);
    const bk_proc *proc = &p->proc;
    size_t len;
    const char *errors = bk_proc_errors(proc, &len);
    if (proc->output.failed)
        return luaL_error(L, "not enough memory");
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, proc->output.data ? proc->output.data : "", proc->output.len);
    lua_setfield(L, -2, "stdout");
    lua_pushlstring(L, errors, len);
    lua_setfield(L, -2, "stderr");
    if (proc->status >= 0) {
        lua_pushinteger(L, proc->status);
        lua_setfield(L, -2, "status");
    }
    if (proc->signal) {
        lua_pushinteger(L, proc->signal);
        lua_setfield(L, -2, "signal");
    }
    if (proc->timed_out) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "timed_out");
    }
    if (proc->too_large) {
        lua_pushboolean(L, 1);
        lua_setfield(L, -2, "too_large");
    }
    return 1;
}

static int process_result(lua_State *L)
{
    process *p = to_process(L);
    if (!p->proc.over)
        return refuse(L, "still running");
    lua_settop(L, 1);
    lua_pushcfunction(L, push_result); /* on 5.1 it allocates */
    lua_pushvalue(L, 1);
    to_process(L); /* a finalizer may have closed it */
    p->busy = 1;
    int code = lua_pcall(L, 1, 1, 0);
    p->busy = 0;
    return code == 0 ? 1 : lua_error(L);
}

static int process_close(lua_State *L)
{
    process *p = luaL_checkudata(L, 1, PROCESS_TYPE);
    if (p->busy)
        return luaL_error(L, "the process is in use");
    if (p->open)
        bk_proc_close(&p->proc);
    p->open = 0;
    return 0;
}

static int process_tostring(lua_State *L)
{
    const process *p = luaL_checkudata(L, 1, PROCESS_TYPE);
    const char *state = !p->open ? "closed" : p->proc.over ? "over" : "running";
    lua_pushfstring(L, PROCESS_TYPE " (%s): %p", state, (const void *)p);
    return 1;
}

static int write_private(lua_State *L)
{
    size_t path_len, len;
    const char *path = luaL_checklstring(L, 1, &path_len);
    const char *text = luaL_checklstring(L, 2, &len);
    if (strlen(path) != path_len)
        return refuse(L, "the path holds a NUL byte");
    int code = bk_privfile_write(path, text, len, lua_toboolean(L, 3));
    if (code) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", path, strerror(code));
        return 2;
    }
    lua_pushboolean(L, 1);
    return 1;
}

static const luaL_Reg methods[] = {
    {"wait", process_wait}, {"result", process_result}, {"close", process_close}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", process_close},
                                       {"__close", process_close},
                                       {"__tostring", process_tostring},
                                       {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"start", start}, {"write_private", write_private}, {NULL, NULL}};

void bk_open_system(lua_State *L)
{
    bk_newmetatable(L, PROCESS_TYPE);
    bk_setfuncs(L, metamethods, 0);
    bk_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    bk_setfuncs(L, functions, 0);
}
