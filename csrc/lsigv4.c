/*
 * lsigv4.c: the Lua side of sigv4.
 *
 * One signer, owned by a userdata that is the functions' first upvalue, serves all calls: signing
 * keys live as long as the Lua state and no longer. While its results are being pushed the
 * collector may run a finalizer that signs something itself; such an inner call finds the signer
 * busy and works with one of its own.
 */
#include "core.h"

#include "lbuf.h"
#include "sigv4.h"

#define SIGNER_TYPE "bedrock.core.signer"

typedef struct signer {
    bk_sigv4 sigv4;
    bk_buf headers; /* bk_sigv4_header[]: what the Lua table held */
    int busy;
    int closed; /* finalizers may still call us while the Lua state closes */
} signer;

static int signer_gc(lua_State *L)
{
    signer *s = luaL_checkudata(L, 1, SIGNER_TYPE);
    s->closed = 1;
    bk_sigv4_free(&s->sigv4);
    bk_buf_free(&s->headers);
    return 0;
}

static signer *push_signer(lua_State *L)
{
    signer *s = bk_newuserdata(L, sizeof *s);
    memset(s, 0, sizeof *s);
    bk_newmetatable(L, SIGNER_TYPE);
    lua_pushcfunction(L, signer_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return s;
}

/* Leaves one value on the stack, which keeps the signer alive. An error leaves it busy, which costs
 * only speed. */
static signer *acquire_signer(lua_State *L)
{
    signer *s = lua_touserdata(L, lua_upvalueindex(1));
    if (s->closed)
        luaL_error(L, "the Lua state is closing");
    if (s->busy)
        s = push_signer(L);
    else
        lua_pushvalue(L, lua_upvalueindex(1));
    bk_buf_reset(&s->headers);
    s->busy = 1;
    return s;
}

static void release_signer(signer *s)
{
    bk_sigv4_scrub(&s->sigv4);
    s->busy = 0;
}

/* nil and a message about a value that Lua code gave. */
static int push_problem(lua_State *L, const char *what, const char *problem)
{
    lua_pushnil(L);
    lua_pushfstring(L, "%s %s", what, problem);
    return 2;
}

static int push_failure(lua_State *L, signer *s)
{
    char message[BK_SIGV4_MESSAGE];
    memcpy(message, s->sigv4.message, sizeof message);
    release_signer(s);
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

/* Lends the string at index i, which has to stay there; nil is an empty slice. */
static int to_slice(lua_State *L, int i, bk_slice *slice)
{
    slice->p = NULL;
    slice->n = 0;
    if (lua_type(L, i) == LUA_TSTRING)
        slice->p = lua_tolstring(L, i, &slice->n);
    return slice->p || lua_isnoneornil(L, i);
}

static bk_slice opt_slice(lua_State *L, int i)
{
    bk_slice slice;
    if (!to_slice(L, i, &slice))
        luaL_checktype(L, i, LUA_TSTRING);
    return slice;
}

/* ------------------------------------------------------------------------------------- the
 * caller's headers */

static void add_header(bk_buf *headers, bk_slice name, bk_slice value, size_t list)
{
    bk_sigv4_header h = {name, value, list};
    bk_buf_add(headers, &h, sizeof h);
}

/*
 * Lends name and values of all headers in the table at index t; they stay valid while that table
 * stays as it is. Gives 1, or 0 and leaves nil and a message.
 */
static int collect_headers(lua_State *L, int t, bk_buf *headers)
{
    size_t list = 0;
    lua_pushnil(L);
    while (lua_next(L, t)) {
        bk_slice name, value;
        list++;
        if (lua_type(L, -2) != LUA_TSTRING)
            return push_problem(L, "headers", "must have strings for names"), 0;
        to_slice(L, -2, &name);
        if (lua_type(L, -1) == LUA_TSTRING) {
            to_slice(L, -1, &value);
            add_header(headers, name, value, list);
        } else if (lua_type(L, -1) == LUA_TTABLE) {
            size_t n = bk_rawlen(L, -1);
            for (size_t i = 1; i <= n; i++) {
                lua_rawgeti(L, -1, (int)i);
                if (lua_type(L, -1) != LUA_TSTRING)
                    return push_problem(L, name.p, "must have strings in its list"), 0;
                to_slice(L, -1, &value);
                add_header(headers, name, value, list);
                lua_pop(L, 1);
            }
        } else {
            return push_problem(L, name.p, "must be a string or a list of strings"), 0;
        }
        lua_pop(L, 1);
    }
    if (headers->failed)
        luaL_error(L, "not enough memory");
    return 1;
}

/* ---------------------------------------------------------------------------------------------
 * functions */

/*
 * sigv4_headers(method, url, headers, body, access_key_id, secret_access_key, session_token,
 * region, service, seconds)
 * -> authorization, x_amz_date | nil, message
 */
static int sigv4_headers(lua_State *L)
{
    bk_sigv4_request request;
    bk_sigv4_options options;
    memset(&request, 0, sizeof request);
    memset(&options, 0, sizeof options);
    lua_settop(L, 10);
    request.method = opt_slice(L, 1);
    request.url = opt_slice(L, 2);
    if (!lua_isnil(L, 3))
        luaL_checktype(L, 3, LUA_TTABLE);
    request.body = opt_slice(L, 4);
    options.access_key_id = opt_slice(L, 5);
    options.secret_access_key = opt_slice(L, 6);
    options.session_token = opt_slice(L, 7);
    options.region = opt_slice(L, 8);
    options.service = opt_slice(L, 9);
    options.time = luaL_checknumber(L, 10);
    options.normalize_path = options.double_encode = 1;

    signer *s = acquire_signer(L);
    if (!lua_isnil(L, 3) && !collect_headers(L, 3, &s->headers)) {
        release_signer(s);
        return 2;
    }
    request.headers = (const bk_sigv4_header *)(const void *)s->headers.data;
    request.header_count = s->headers.len / sizeof *request.headers;
    if (!bk_sigv4_sign(&s->sigv4, &request, &options))
        return push_failure(L, s);
    bk_pushbufresult(L, &s->sigv4.authorization);
    lua_pushlstring(L, s->sigv4.date, sizeof s->sigv4.date - 1);
    release_signer(s);
    return 2;
}

/* Pushes a string for the string or number at index i; 0 and nothing pushed for another type. */
static int push_text(lua_State *L, int i)
{
    int type = lua_type(L, i);
    if (type != LUA_TSTRING && type != LUA_TNUMBER)
        return 0;
    lua_pushvalue(L, i);
    lua_tolstring(L, -1, NULL);
    return 1;
}

/*
 * Pushes a copy of the headers at index `from` (a table or nil) without those that signing
 * replaces; numbers become strings, lists are copied. Gives 1, or 0 and leaves nil and a message.
 */
static int push_headers_copy(lua_State *L, int from, int own_hash)
{
    lua_newtable(L);
    int to = lua_gettop(L);
    if (lua_isnil(L, from))
        return 1;
    lua_pushnil(L);
    while (lua_next(L, from)) { /* to, name, value */
        size_t n;
        if (lua_type(L, -2) != LUA_TSTRING)
            return push_problem(L, "request.headers", "must have strings for names"), 0;
        const char *name = lua_tolstring(L, -2, &n);
        if (bk_sigv4_is_replaced(name, n) || (own_hash && bk_sigv4_is_payload_hash(name, n))) {
            lua_pop(L, 1);
            continue;
        }
        if (lua_type(L, -1) == LUA_TTABLE) {
            size_t count = bk_rawlen(L, -1);
            lua_createtable(L, (int)count, 0); /* to, name, list, copy */
            for (size_t i = 1; i <= count; i++) {
                lua_rawgeti(L, -2, (int)i);
                if (!push_text(L, lua_gettop(L)))
                    return push_problem(L, name, "must have strings in its list"), 0;
                lua_rawseti(L, -3, (int)i);
                lua_pop(L, 1);
            }
        } else if (!push_text(L, lua_gettop(L))) {
            return push_problem(L, name, "must be a string or a list of strings"), 0;
        }
        lua_pushvalue(L, -3); /* to, name, value, copy, name */
        lua_insert(L, -2);
        lua_rawset(L, to);
        lua_pop(L, 1);
    }
    return 1;
}

static void set_text(lua_State *L, int t, const char *name, const char *text, size_t n)
{
    lua_pushlstring(L, text, n);
    lua_setfield(L, t, name);
}

static void set_buf(lua_State *L, int t, const char *name, const bk_buf *b)
{
    bk_pushbufresult(L, b);
    lua_setfield(L, t, name);
}

/* A string field of the table at index t, left on the stack. Gives 1, or 0 and leaves nil and a
 * message. */
static int get_text(lua_State *L, int t, const char *field, const char *shown, bk_slice *slice)
{
    lua_getfield(L, t, field);
    if (to_slice(L, -1, slice))
        return 1;
    push_problem(L, shown, "must be a string");
    return 0;
}

static int get_flag(lua_State *L, int t, const char *field, int fallback)
{
    lua_getfield(L, t, field);
    int flag = lua_isnil(L, -1) ? fallback : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

static int get_number(lua_State *L, int t, const char *field, double *number)
{
    lua_getfield(L, t, field);
    int ok = lua_type(L, -1) == LUA_TNUMBER;
    if (ok)
        *number = lua_tonumber(L, -1);
    ok = ok || (lua_isnil(L, -1) && *number > 0);
    lua_pop(L, 1);
    return ok;
}

/* Pushes the signed request: the caller's fields, then what signing made. */
static void push_signed(lua_State *L, const bk_sigv4 *v, const bk_sigv4_options *o, int headers)
{
    lua_newtable(L);
    int to = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, to);
    }
    lua_pushvalue(L, headers);
    lua_setfield(L, to, "headers");
    if (o->presign) {
        set_buf(L, to, "url", &v->url);
    } else {
        if (o->session_token.n)
            set_text(L, headers, "X-Amz-Security-Token", o->session_token.p, o->session_token.n);
        if (o->sign_body_header)
            set_text(L, headers, "x-amz-content-sha256", v->payload_hash, strlen(v->payload_hash));
        set_text(L, headers, "X-Amz-Date", v->date, strlen(v->date));
        set_buf(L, headers, "Authorization", &v->authorization);
    }
    lua_createtable(L, 0, 4);
    int stages = lua_gettop(L);
    set_buf(L, stages, "canonical_request", &v->canonical_request);
    set_buf(L, stages, "string_to_sign", &v->string_to_sign);
    set_buf(L, stages, "signed_headers", &v->signed_headers);
    set_text(L, stages, "signature", v->signature, strlen(v->signature));
    lua_setfield(L, to, "signing");
}

/* sigv4_sign(request, options) -> signed | nil, message */
static int sigv4_sign(lua_State *L)
{
    bk_sigv4_request request;
    bk_sigv4_options o;
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    luaL_checkstack(L, 40, "too many values");
    memset(&request, 0, sizeof request);
    memset(&o, 0, sizeof o);

    /* All that may run Lua code (metamethods) comes first; the strings stay on the stack while they
     * are lent. */
    if (!get_text(L, 1, "method", "request.method", &request.method) ||
        !get_text(L, 1, "url", "request.url", &request.url) ||
        !get_text(L, 1, "body", "request.body", &request.body) ||
        !get_text(L, 2, "region", "options.region", &o.region) ||
        !get_text(L, 2, "service", "options.service", &o.service))
        return 2;
    lua_getfield(L, 2, "credentials");
    int credentials = lua_gettop(L);
    if (!lua_istable(L, credentials))
        return push_problem(L, "options.credentials", "must be a table");
    if (!get_text(L, credentials, "access_key_id", "credentials.access_key_id", &o.access_key_id) ||
        !get_text(L, credentials, "secret_access_key", "credentials.secret_access_key",
                  &o.secret_access_key) ||
        !get_text(L, credentials, "session_token", "credentials.session_token", &o.session_token))
        return 2;
    if (!get_number(L, 2, "time", &o.time))
        return push_problem(L, "options.time", "must be a number, seconds since 1970");
    o.expires = BK_SIGV4_EXPIRES;
    if (!get_number(L, 2, "expires", &o.expires))
        return push_problem(L, "options.expires", "must be a number of seconds");
    o.normalize_path = get_flag(L, 2, "normalize_path", 1);
    o.double_encode = get_flag(L, 2, "double_encode", 1);
    o.sign_body_header = get_flag(L, 2, "sign_body_header", 0);
    o.presign = get_flag(L, 2, "presign", 0);
    o.omit_session_token = get_flag(L, 2, "omit_session_token", 0);
    lua_getfield(L, 1, "headers");
    int given = lua_gettop(L);
    if (!lua_isnil(L, given) && !lua_istable(L, given))
        return push_problem(L, "request.headers", "must be a table");
    if (!push_headers_copy(L, given, o.sign_body_header && !o.presign))
        return 2;
    int headers = lua_gettop(L);

    signer *s = acquire_signer(L);
    if (!collect_headers(L, headers, &s->headers)) {
        release_signer(s);
        return 2;
    }
    request.headers = (const bk_sigv4_header *)(const void *)s->headers.data;
    request.header_count = s->headers.len / sizeof *request.headers;
    if (!bk_sigv4_sign(&s->sigv4, &request, &o))
        return push_failure(L, s);
    push_signed(L, &s->sigv4, &o, headers);
    release_signer(s);
    return 1;
}

/* sigv4_forget(): wipes all signing keys. */
static int sigv4_forget(lua_State *L)
{
    signer *s = lua_touserdata(L, lua_upvalueindex(1));
    bk_sigv4_forget(&s->sigv4);
    return 0;
}

static const luaL_Reg functions[] = {
    {"sigv4_headers", sigv4_headers},
    {"sigv4_sign", sigv4_sign},
    {"sigv4_forget", sigv4_forget},
    {NULL, NULL},
};

void bk_open_sigv4(lua_State *L)
{
    push_signer(L);
    bk_setfuncs(L, functions, 1);
}
