/*
 * lmulti.c: many HTTP sessions at once, as userdata "bedrock.curl.multi".
 *
 *   multi = curl.multi()  -> multi | nil, message
 *   multi:limit(host_connections | nil, total_connections | nil)
 *   multi:start(session, request, proxy | nil, connect_ms | nil, read_ms | nil, deadline | nil)
 *       -> true | nil, kind, message, tunnel_status
 *   multi:wait(seconds) -> list of the sessions whose requests are over
 *   multi:cancel(session) -> whether its request was under way
 *   multi:close()
 *
 * What runs is kept by the multi's table: the address of a session -> { session, body }. A session
 * knows nothing of its multi's userdata, so both can be collected together, in either order: the
 * plain halves let go of each other.
 */
#include "httpmulti.h"
#include "lhttp.h"

#define MULTI_TYPE "bedrock.curl.multi"
#define MAX_CONNECTIONS 1e9
#define MAX_SECONDS 1e9

typedef struct multi {
    bk_http_multi multi;
    int open;
} multi;

static multi *to_multi(lua_State *L)
{
    multi *m = luaL_checkudata(L, 1, MULTI_TYPE);
    if (!m->open)
        luaL_error(L, "the multi is closed");
    return m;
}

static int new_multi(lua_State *L)
{
    multi *m = bk_newuserdata(L, sizeof *m);
    memset(m, 0, sizeof *m);
    bk_setmetatable(L, MULTI_TYPE);
    lua_newtable(L);
    bk_setuservalue(L, -2);
    m->open = bk_http_multi_open(&m->multi);
    if (!m->open) {
        lua_pushnil(L);
        lua_pushliteral(L, "libcurl could not be initialised, or memory ran out");
        return 2;
    }
    return 1;
}

static int multi_close(lua_State *L)
{
    multi *m = luaL_checkudata(L, 1, MULTI_TYPE);
    if (!m->open)
        return 0;
    m->open = 0;
    bk_http_multi_close(&m->multi);
    bk_getuservalue(L, 1);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_pushnil(L);
        lua_rawset(L, -4);
    }
    return 0;
}

static int multi_tostring(lua_State *L)
{
    const multi *m = luaL_checkudata(L, 1, MULTI_TYPE);
    lua_pushfstring(L, MULTI_TYPE " (%s): %p", m->open ? "open" : "closed", (const void *)m);
    return 1;
}

static long opt_connections(lua_State *L, int at)
{
    lua_Number n = luaL_optnumber(L, at, 0);
    luaL_argcheck(L, lua_isnoneornil(L, at) || n >= 1, at, "not a number of connections");
    return n < MAX_CONNECTIONS ? (long)n : 0;
}

static int multi_limit(lua_State *L)
{
    multi *m = to_multi(L);
    long host = opt_connections(L, 2), total = opt_connections(L, 3);
    bk_http_multi_limit(&m->multi, host, total);
    return 0;
}

/* In the table at the top: forgets what was kept for the session. */
static void let_go(lua_State *L, bk_session *s)
{
    lua_pushlightuserdata(L, s);
    lua_pushnil(L);
    lua_rawset(L, -3);
}

static int multi_start(lua_State *L)
{
    enum { SELF = 1, SESSION, BODY_FIELD = 3 };
    bk_call call;
    (void)to_multi(L);
    bk_check_call(L, SESSION, &call);
    bk_getuservalue(L, SELF);
    lua_createtable(L, 2, 0);
    /* From here on no finalizer runs, and those that ran may have used both. */
    multi *m = to_multi(L);
    bk_session *s = bk_check_session(L, SESSION);
    lua_pushvalue(L, SESSION);
    lua_rawseti(L, -2, 1);
    lua_pushvalue(L, call.at + BODY_FIELD);
    lua_rawseti(L, -2, 2);
    lua_pushlightuserdata(L, s);
    lua_insert(L, -2);
    lua_rawset(L, -3); /* ... fields, kept */
    bk_http_outcome outcome = bk_begin_call(L, &call, &s->http);
    if (outcome == BK_HTTP_OK)
        outcome = bk_http_multi_add(&m->multi, &s->http);
    if (outcome != BK_HTTP_OK) {
        lua_settop(L, call.at + BODY_FIELD + 1);
        let_go(L, s);
        bk_http_drop(&s->http);
        return bk_push_failure(L, &s->http, outcome);
    }
    lua_pushboolean(L, 1);
    return 1;
}

static int multi_wait(lua_State *L)
{
    multi *m = to_multi(L);
    lua_Number seconds = luaL_checknumber(L, 2);
    if (!(seconds > 0))
        seconds = 0;
    else if (seconds > MAX_SECONDS)
        seconds = MAX_SECONDS;
    lua_Number ms = seconds * 1000;
    long long whole = (long long)ms;
    bk_http_multi_wait(&m->multi, (lua_Number)whole < ms ? whole + 1 : whole);
    int count = 0;
    for (const bk_http *h = m->multi.over.first; h; h = h->after)
        count++;
    /* The list has its room before anything is taken; finalizers may run, and take some. */
    lua_settop(L, 1);
    bk_getuservalue(L, 1);        /* 2 */
    lua_createtable(L, count, 0); /* 3 */
    for (int i = 1; i <= count; i++) {
        bk_http *h = bk_http_multi_next(&m->multi);
        if (!h)
            break;
        lua_pushlightuserdata(L, BK_SESSION_OF(h));
        lua_rawget(L, 2);     /* 4: { session, body } */
        lua_rawgeti(L, 4, 1); /* 5: session */
        lua_rawseti(L, 3, i);
        lua_settop(L, 3);
        lua_pushvalue(L, 2);
        let_go(L, BK_SESSION_OF(h));
        lua_settop(L, 3);
    }
    return 1;
}

static int multi_cancel(lua_State *L)
{
    multi *m = to_multi(L);
    bk_session *s = luaL_checkudata(L, 2, BK_SESSION_TYPE);
    int runs = s->http.driver == &m->multi;
    if (runs) {
        bk_http_multi_cancel(&m->multi, &s->http);
        bk_getuservalue(L, 1);
        let_go(L, s);
    } else if (s->http.over && !s->http.driver && !s->busy) {
        bk_http_reset(&s->http); /* its answer */
    }
    lua_pushboolean(L, runs);
    return 1;
}

static const luaL_Reg methods[] = {{"limit", multi_limit}, {"start", multi_start},
                                   {"wait", multi_wait},   {"cancel", multi_cancel},
                                   {"close", multi_close}, {NULL, NULL}};

static const luaL_Reg metamethods[] = {
    {"__gc", multi_close}, {"__close", multi_close}, {"__tostring", multi_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"multi", new_multi}, {NULL, NULL}};

void bk_open_multi(lua_State *L)
{
    bk_newmetatable(L, MULTI_TYPE);
    bk_setfuncs(L, metamethods, 0);
    bk_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    bk_setfuncs(L, functions, 0);
}
