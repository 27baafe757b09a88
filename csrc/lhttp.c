/*
 * lhttp.c: HTTP sessions as userdata "bedrock.curl.session".
 *
 *   session = curl.session(ca_bundle | nil, max_body | nil)  -> session | nil, message
 *   session:perform(request, proxy | nil, connect_ms | nil, read_ms | nil, deadline | nil,
 *                   lend | nil)
 *       -> response | nil, kind, message, tunnel_status
 *   session:finish(lend | nil) -> the same, of a request that a multi drove (lmulti.c)
 *   session:release(wanted | nil) -> the body as a string, if it is wanted
 *   session:close()
 *   curl.sleep(seconds) -> seconds left (0 unless a signal came)
 *   curl.now() -> seconds since 1970, with their fraction
 *   curl.version() -> what libcurl and its parts call themselves
 *
 * `kind` is a name of bk_http_outcome_name; lua/bedrock/runtime/curl.lua makes error tables of it.
 * No Lua function runs while a request is under way, except finalizers when the answer is turned
 * into a table; `busy` keeps those out.
 *
 * With `lend` the body of a success, unless it is empty, is left in the session's memory, and the
 * response has none (nor what tells of the connection). The session stands for it then where
 * bedrock.core decodes (lent.h), and is of no other use until session:release.
 */
#include "lhttp.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define SHARE_TYPE "bedrock.curl.share"
#define MAX_MS 2000000000.0
#define MAX_SLEEP 1e9

static void refuse_use(lua_State *L)
{
    luaL_error(L, "the HTTP session is in use");
}

static bk_session *open_session(lua_State *L, int at)
{
    bk_session *s = luaL_checkudata(L, at, BK_SESSION_TYPE);
    if (!s->http.easy)
        luaL_error(L, "the HTTP session is closed");
    if (s->busy)
        refuse_use(L);
    return s;
}

bk_session *bk_check_session(lua_State *L, int at)
{
    bk_session *s = open_session(L, at);
    if (s->http.driver)
        refuse_use(L);
    if (s->http.over)
        luaL_error(L, "the HTTP session has an answer that waits for finish");
    return s;
}

/* What the sessions of a Lua state share. It belongs to the registry and to each of them: at the
 * end of the state they go in any order. */
typedef struct share_owner {
    bk_http_share *share; /* NULL at the end: finalizers may open sessions even then */
} share_owner;

static int share_gc(lua_State *L)
{
    share_owner *owner = lua_touserdata(L, 1);
    bk_http_share_release(owner->share);
    owner->share = NULL;
    return 0;
}

/* Made by the first session, since opening the module has to work in any Lua (curl.c). */
static share_owner *get_share_owner(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, SHARE_TYPE " of all");
    share_owner *owner = lua_touserdata(L, -1);
    if (!owner) {
        owner = bk_newuserdata(L, sizeof *owner);
        memset(owner, 0, sizeof *owner);
        bk_newmetatable(L, SHARE_TYPE);
        lua_pushcfunction(L, share_gc);
        lua_setfield(L, -2, "__gc");
        lua_setmetatable(L, -2);
        lua_setfield(L, LUA_REGISTRYINDEX, SHARE_TYPE " of all");
        owner->share = bk_http_share_new();
    }
    return owner;
}

static int new_session(lua_State *L)
{
    size_t len = 0;
    const char *ca_bundle = luaL_optlstring(L, 1, NULL, &len);
    lua_Number max_body = luaL_optnumber(L, 2, (lua_Number)BK_HTTP_MAX_BODY);
    luaL_argcheck(L, !ca_bundle || strlen(ca_bundle) == len, 1, "the path holds a NUL byte");
    luaL_argcheck(L, max_body >= 0 && max_body < 1e15, 2, "not a size in bytes");
    share_owner *owner = get_share_owner(L);
    bk_session *s = bk_newuserdata(L, sizeof *s);
    memset(s, 0, sizeof *s);
    bk_setmetatable(L, BK_SESSION_TYPE);
    size_t limit = max_body < (lua_Number)((size_t)-1 / 2) ? (size_t)max_body : (size_t)-1 / 2;
    if (bk_http_open(&s->http, ca_bundle, limit) != BK_HTTP_OK) {
        lua_pushnil(L);
        lua_pushstring(L, bk_http_message(&s->http));
        return 2;
    }
    bk_http_join(&s->http, owner->share);
    return 1;
}

static int session_close(lua_State *L)
{
    bk_session *s = luaL_checkudata(L, 1, BK_SESSION_TYPE);
    if (s->busy || s->http.driver)
        refuse_use(L);
    bk_http_close(&s->http);
    return 0;
}

/* At the end of a Lua state a session may be the first to go, while its multi still drives it. */
static int session_gc(lua_State *L)
{
    bk_session *s = luaL_checkudata(L, 1, BK_SESSION_TYPE);
    if (s->busy && !s->lent.data)
        refuse_use(L);
    s->lent.data = NULL; /* whoever read it has raised an error */
    bk_http_close(&s->http);
    return 0;
}

static int session_tostring(lua_State *L)
{
    bk_session *s = luaL_checkudata(L, 1, BK_SESSION_TYPE);
    lua_pushfstring(L, BK_SESSION_TYPE " (%s): %p", s->http.easy ? "open" : "closed", (void *)s);
    return 1;
}

/* ---- the request ---- */

static bk_http_outcome refuse_type(bk_http *h, const char *what, const char *must)
{
    (void)snprintf(h->message, sizeof h->message, "%s must be %s", what, must);
    return BK_HTTP_BAD_REQUEST;
}

static bk_http_outcome add_header(lua_State *L, bk_http *h, const char *name, size_t name_len,
                                  int at)
{
    size_t len;
    const char *value = lua_tolstring(L, at, &len);
    return bk_http_header(h, name, name_len, value, len);
}

/* The table at index `at`: name -> string or list of strings. Numbers are not taken, as their text
 * would differ by Lua. */
static bk_http_outcome add_headers(lua_State *L, bk_http *h, int at)
{
    bk_http_outcome outcome = BK_HTTP_OK;
    lua_pushnil(L);
    while (lua_next(L, at)) {
        int value = lua_gettop(L);
        size_t len;
        const char *name;
        if (lua_type(L, value - 1) != LUA_TSTRING)
            return refuse_type(h, "a header's name", "a string");
        name = lua_tolstring(L, value - 1, &len);
        if (lua_type(L, value) == LUA_TSTRING) {
            outcome = add_header(L, h, name, len, value);
        } else if (lua_type(L, value) == LUA_TTABLE) {
            int n = (int)bk_rawlen(L, value);
            for (int i = 1; i <= n && outcome == BK_HTTP_OK; i++) {
                lua_rawgeti(L, value, i);
                outcome = lua_type(L, -1) == LUA_TSTRING ? add_header(L, h, name, len, value + 1)
                                                         : bk_http_refuse_value(h, name, len);
                lua_pop(L, 1);
            }
        } else {
            outcome = bk_http_refuse_value(h, name, len);
        }
        if (outcome != BK_HTTP_OK)
            return outcome;
        lua_settop(L, value - 1);
    }
    return BK_HTTP_OK;
}

static bk_http_outcome read_request(lua_State *L, bk_http *h, int method, int url, int headers,
                                    int body)
{
    size_t method_len, url_len, len;
    const char *m, *u;
    bk_http_outcome outcome;
    if (lua_type(L, method) != LUA_TSTRING)
        return refuse_type(h, "request.method", "a string");
    if (lua_type(L, url) != LUA_TSTRING)
        return refuse_type(h, "request.url", "a string");
    m = lua_tolstring(L, method, &method_len);
    u = lua_tolstring(L, url, &url_len);
    outcome = bk_http_begin(h, m, method_len, u, url_len);
    if (outcome != BK_HTTP_OK)
        return outcome;
    if (lua_istable(L, headers))
        outcome = add_headers(L, h, headers);
    else if (!lua_isnil(L, headers))
        outcome = refuse_type(h, "request.headers", "a table");
    if (outcome != BK_HTTP_OK)
        return outcome;
    if (lua_type(L, body) == LUA_TSTRING) {
        const char *bytes = lua_tolstring(L, body, &len);
        return bk_http_body(h, bytes, len);
    }
    return lua_isnil(L, body) ? BK_HTTP_OK : refuse_type(h, "request.body", "a string");
}

/* ---- the response ---- */

static void push_version(lua_State *L, long version)
{
    switch (version) {
    case CURL_HTTP_VERSION_1_0:
        lua_pushliteral(L, "1.0");
        break;
    case CURL_HTTP_VERSION_1_1:
        lua_pushliteral(L, "1.1");
        break;
    case CURL_HTTP_VERSION_2_0:
        lua_pushliteral(L, "2");
        break;
    default:
        lua_pushliteral(L, "3");
        break;
    }
}

static void push_headers(lua_State *L, bk_http *h)
{
    size_t at = 0, name_len, value_len;
    const char *name, *value;
    lua_createtable(L, 0, 12);
    while (bk_http_next_header(h, &at, &name, &name_len, &value, &value_len)) {
        lua_pushlstring(L, name, name_len); /* headers name */
        lua_pushvalue(L, -1);
        lua_rawget(L, -3); /* headers name old */
        if (lua_isnil(L, -1)) {
            lua_pop(L, 1);
            lua_pushlstring(L, value, value_len);
        } else {
            lua_pushliteral(L, ", ");
            lua_pushlstring(L, value, value_len);
            lua_concat(L, 3);
        }
        lua_rawset(L, -3);
    }
}

/* Runs protected, so that a failed allocation can't leave the session busy. */
static int push_response(lua_State *L)
{
    bk_session *s = lua_touserdata(L, 1);
    bk_http *h = &s->http;
    lua_createtable(L, 0, s->lent.data ? 3 : 6);
    lua_pushinteger(L, h->status);
    lua_setfield(L, -2, "status");
    push_headers(L, h);
    lua_setfield(L, -2, "headers");
    if (s->lent.data)
        return 1;
    lua_pushlstring(L, h->out.data ? h->out.data : "", h->out.len);
    lua_setfield(L, -2, "body");
    push_version(L, h->http_version);
    lua_setfield(L, -2, "http_version");
    lua_pushinteger(L, (lua_Integer)h->connects);
    lua_setfield(L, -2, "connects");
    lua_pushboolean(L, h->connects == 0);
    lua_setfield(L, -2, "reused");
    return 1;
}

static lua_Number wall_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9;
}

/* Whole milliseconds, rounded up; 0 (no limit) for nil and for what is too large to count. */
static long to_ms(lua_Number ms)
{
    long whole;
    if (!(ms > 0) || ms >= MAX_MS)
        return 0;
    whole = (long)ms;
    return (lua_Number)whole < ms ? whole + 1 : whole;
}

int bk_push_failure(lua_State *L, const bk_http *h, bk_http_outcome outcome)
{
    lua_pushnil(L);
    lua_pushstring(L, bk_http_outcome_name(outcome));
    lua_pushstring(L, bk_http_message(h));
    lua_pushinteger(L, (lua_Integer)h->tunnel);
    return 4;
}

enum { REQUEST = 1, PROXY, CONNECT, READ, DEADLINE, FIELDS }; /* behind the session */
enum { METHOD, URL, HEADERS, BODY };                          /* from `at` on */

void bk_check_call(lua_State *L, int first, bk_call *call)
{
    int request = first + REQUEST, deadline = first + DEADLINE;
    (void)bk_check_session(L, first);
    luaL_checktype(L, request, LUA_TTABLE);
    call->at = first + FIELDS;
    call->proxy = luaL_optstring(L, first + PROXY, "");
    call->connect_ms = to_ms(luaL_optnumber(L, first + CONNECT, 0));
    call->read_ms = to_ms(luaL_optnumber(L, first + READ, 0));
    call->whole_ms = 0;
    call->late = 0;
    if (!lua_isnoneornil(L, deadline)) {
        lua_Number left = luaL_checknumber(L, deadline) - wall_clock();
        call->late = !(left > 0);
        call->whole_ms = to_ms(left * 1000);
    }
    lua_settop(L, deadline);
    luaL_checkstack(L, 16, "too many values");
    lua_getfield(L, request, "method");
    lua_getfield(L, request, "url");
    lua_getfield(L, request, "headers");
    lua_getfield(L, request, "body");
}

bk_http_outcome bk_begin_call(lua_State *L, const bk_call *call, bk_http *h)
{
    bk_http_outcome outcome =
        read_request(L, h, call->at + METHOD, call->at + URL, call->at + HEADERS, call->at + BODY);
    if (outcome == BK_HTTP_OK && call->late)
        outcome = BK_HTTP_TIMEOUT_WHOLE;
    if (outcome == BK_HTTP_OK)
        outcome = bk_http_setup(h, call->proxy, call->connect_ms, call->read_ms, call->whole_ms);
    return outcome;
}

/* The session is free for the next request. */
static void take_back(bk_session *s)
{
    memset(&s->lent, 0, sizeof s->lent);
    bk_http_reset(&s->http);
    s->busy = 0;
}

/* What a call gives in the end; push_response and the session are at the top of the stack. */
static int push_outcome(lua_State *L, bk_session *s, bk_http_outcome outcome, int lend)
{
    bk_http *h = &s->http;
    if (outcome != BK_HTTP_OK) {
        bk_http_drop(h);
        s->busy = 0;
        return bk_push_failure(L, h, outcome);
    }
    if (lend && h->out.len > 0 && h->status >= 200 && h->status < 300) {
        s->lent.data = h->out.data;
        s->lent.len = h->out.len;
    }
    s->lent.readers = 1; /* no finalizer is to release it yet */
    int code = lua_pcall(L, 1, 1, 0);
    s->lent.readers = 0;
    if (code != 0 || !s->lent.data)
        take_back(s);
    return code == 0 ? 1 : lua_error(L);
}

enum { LEND = 1 + FIELDS };

static int session_perform(lua_State *L)
{
    bk_call call;
    int lend = lua_toboolean(L, LEND);
    bk_check_call(L, 1, &call);
    lua_pushcfunction(L, push_response); /* made now: on 5.1 it allocates */
    lua_pushvalue(L, 1);
    int top = lua_gettop(L);
    bk_session *s = bk_check_session(L, 1); /* metamethods of a request may have closed it */
    s->busy = 1;
    bk_http_outcome outcome = bk_begin_call(L, &call, &s->http);
    if (outcome == BK_HTTP_OK)
        outcome = bk_http_perform(&s->http);
    lua_settop(L, top);
    return push_outcome(L, s, outcome, lend);
}

static bk_session *finished_session(lua_State *L)
{
    bk_session *s = open_session(L, 1);
    if (s->http.driver)
        luaL_error(L, "the HTTP session's request is not over");
    if (!s->http.over)
        luaL_error(L, "the HTTP session has no answer: nothing was started on it");
    return s;
}

static int session_finish(lua_State *L)
{
    int lend = lua_toboolean(L, 2);
    (void)finished_session(L);
    lua_settop(L, 1);
    lua_pushcfunction(L, push_response);
    lua_pushvalue(L, 1);
    bk_session *s = finished_session(L); /* a finalizer may have closed it */
    s->busy = 1;
    return push_outcome(L, s, s->http.outcome, lend);
}

static int session_release(lua_State *L)
{
    bk_session *s = luaL_checkudata(L, 1, BK_SESSION_TYPE);
    int wanted = lua_toboolean(L, 2);
    if (!s->lent.data)
        luaL_error(L, "the HTTP session has lent nothing");
    if (s->lent.readers > 0)
        refuse_use(L);
    s->lent.readers = 1; /* on 5.1 finalizers run before the string is made */
    if (wanted)
        lua_pushlstring(L, s->lent.data, s->lent.len);
    take_back(s);
    return wanted;
}

/* ---- the clock ---- */

static int now(lua_State *L)
{
    lua_pushnumber(L, wall_clock());
    return 1;
}

/*
 * Returns early when a signal comes, with what is left: the caller goes round a Lua loop, where the
 * interpreter's own signal hook (Ctrl-C) has its turn.
 */
static int sleep_seconds(lua_State *L)
{
    lua_Number seconds = luaL_checknumber(L, 1);
    lua_Number left = 0;
    if (seconds > 0) {
        struct timespec t, rest = {0, 0};
        lua_Number part = seconds < MAX_SLEEP ? seconds : MAX_SLEEP;
        left = seconds - part;
        t.tv_sec = (time_t)part;
        t.tv_nsec = (long)((part - (lua_Number)t.tv_sec) * 1e9);
        if (nanosleep(&t, &rest) != 0 && errno == EINTR)
            left += (lua_Number)rest.tv_sec + (lua_Number)rest.tv_nsec / 1e9;
    }
    lua_pushnumber(L, left);
    return 1;
}

static int version(lua_State *L)
{
    lua_pushstring(L, curl_version());
    return 1;
}

static const luaL_Reg methods[] = {{"perform", session_perform},
                                   {"finish", session_finish},
                                   {"release", session_release},
                                   {"close", session_close},
                                   {NULL, NULL}};

static const luaL_Reg metamethods[] = {{"__gc", session_gc},
                                       {"__close", session_close},
                                       {"__tostring", session_tostring},
                                       {NULL, NULL}};

static const luaL_Reg functions[] = {{"session", new_session},
                                     {"sleep", sleep_seconds},
                                     {"now", now},
                                     {"version", version},
                                     {NULL, NULL}};

void bk_open_http(lua_State *L)
{
    bk_newmetatable(L, BK_SESSION_TYPE);
    bk_setfuncs(L, metamethods, 0);
    bk_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    bk_setfuncs(L, functions, 0);
}
