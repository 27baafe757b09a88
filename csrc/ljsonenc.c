/*
 * ljsonenc.c: Lua values to JSON text, beside a compiled shape or by plain rules.
 *
 * Tables are read by raw access only, so no Lua code runs meanwhile, and are never changed. The
 * same value always gives the same bytes: members come in the model's order, the keys of maps and
 * documents are sorted.
 *
 * Strictly, parameters are checked in the same walk. Nearly all are right, and a text from here
 * spares them the check in Lua (lua/bedrock/validate.lua), which knows every rule and finds the
 * words. So whatever is wrong, and whatever is rare enough to leave it to Lua (lparams.c), ends the
 * walk without a word.
 */
#include "base64.h"
#include "jsonnum.h"
#include "jsonquote.h"
#include "jsonscan.h"
#include "ljson.h"
#include "timefmt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    SLOTS_A_LEVEL = 8, /* of Lua's stack, for a container and what walking it takes */
    STRICT_DEPTH = 30, /* what is nested deeper may hold itself */
    USUAL_KEYS = 8,    /* of a map: more make room for themselves */
    LONGEST_PROBLEM = 160
};

/* Where the encoder is: one step on C's stack for each level, from the inside out. */
typedef struct step {
    const struct step *up;
    const char *name; /* of a member or key; NULL for a list's item */
    size_t length;
    size_t index; /* of a list's item */
} step;

typedef struct encoder {
    lua_State *L;
    const bk_json_shape *shape; /* NULL: plain */
    bk_json_work *work;
    int names;    /* stack index of the members' names */
    int defaults; /* of a table with what the outermost structure may lack, or 0 */
    int depth;
    int strict;
    bk_json_place place; /* strictly: where the value travels */
    int mute;            /* strictly: it is only checked, there may be no working memory */
    char problem[LONGEST_PROBLEM];
} encoder;

typedef struct sort_key {
    const char *name; /* anchored in a table on the stack */
    size_t length;
    int at; /* in that table */
} sort_key;

static int encode(encoder *e, int node, int value, const step *at);

static void append_path(bk_buf *out, const step *at)
{
    if (!at)
        return;
    append_path(out, at->up);
    if (at->name) {
        if (out->len > 0)
            bk_buf_addchar(out, '.');
        bk_buf_add(out, at->name, at->length);
    } else {
        char index[32];
        snprintf(index, sizeof index, "[%zu]", at->index);
        bk_buf_adds(out, index);
    }
}

/* Keeps the first problem and its path; always gives 0. */
static int problem(encoder *e, const step *at, const char *text)
{
    if (e->strict)
        return 0;
    snprintf(e->problem, sizeof e->problem, "%s", text);
    bk_buf_reset(&e->work->more);
    append_path(&e->work->more, at);
    return 0;
}

static int expected(encoder *e, const step *at, const char *what, int value)
{
    char text[LONGEST_PROBLEM];
    const char *got = lua_type(e->L, value) == LUA_TLIGHTUSERDATA && !lua_touserdata(e->L, value)
                          ? "null"
                          : luaL_typename(e->L, value);
    snprintf(text, sizeof text, "expected %s, got %s", what, got);
    return problem(e, at, text);
}

static int is_null(lua_State *L, int i)
{
    int type = lua_type(L, i);
    return type == LUA_TNIL || (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, i));
}

static int write_text(encoder *e, const char *s, size_t n, const step *at)
{
    size_t bad_at;
    char text[LONGEST_PROBLEM];
    if (bk_json_quote(&e->work->text, s, n, &bad_at))
        return 1;
    snprintf(text, sizeof text, "expected UTF-8 text, got an invalid byte at %zu", bad_at + 1);
    return problem(e, at, text);
}

#if BK_HAS_INTEGER
static int write_lua_integer(encoder *e, int value)
{
    char text[BK_NUM_JSON];
    int n = snprintf(text, sizeof text, "%lld", (long long)lua_tointeger(e->L, value));
    bk_buf_add(&e->work->text, text, (size_t)n);
    return 1;
}
#define IS_INTEGER(L, i) lua_isinteger(L, i)
#else
#define IS_INTEGER(L, i) 0
#define write_lua_integer(e, i) 0
#endif

static const char *name_of_nonfinite(double x)
{
    return isnan(x) ? "NaN" : x > 0 ? "Infinity" : "-Infinity";
}

static void write_finite(encoder *e, double x)
{
    char text[BK_NUM_JSON];
    size_t n = bk_num_json(text, x);
    bk_buf_add(&e->work->text, text, n);
}

static int encode_string(encoder *e, int value, const step *at)
{
    lua_State *L = e->L;
    char text[BK_NUM_PLAIN];
    double x;
    size_t n;
    const char *s;
    switch (lua_type(L, value)) {
    case LUA_TSTRING:
        s = lua_tolstring(L, value, &n);
        return write_text(e, s, n, at);
    case LUA_TNUMBER:
        bk_buf_addchar(&e->work->text, '"');
        if (IS_INTEGER(L, value)) {
            (void)write_lua_integer(e, value);
        } else {
            x = lua_tonumber(L, value);
            if (!isfinite(x))
                return problem(e, at, "expected string, got a number that is not finite");
            n = bk_num_plain(text, x);
            bk_buf_add(&e->work->text, text, n);
        }
        bk_buf_addchar(&e->work->text, '"');
        return 1;
    default:
        return expected(e, at, "string", value);
    }
}

static int encode_integer(encoder *e, int value, const step *at)
{
    double x;
    if (lua_type(e->L, value) != LUA_TNUMBER)
        return expected(e, at, "integer", value);
    if (IS_INTEGER(e->L, value))
        return write_lua_integer(e, value);
    x = lua_tonumber(e->L, value);
    if (!bk_num_is_int64(x))
        return problem(e, at,
                       !isfinite(x)    ? "expected integer, got a number that is not finite"
                       : floor(x) == x ? "expected integer, got a number beyond 64 bits"
                                       : "expected integer, got a number with a fraction");
    write_finite(e, x == 0 ? 0 : x); /* never "-0.0" */
    return 1;
}

static int encode_float(encoder *e, int value, const step *at)
{
    lua_State *L = e->L;
    double x;
    if (lua_type(L, value) == LUA_TSTRING) {
        const char *s = lua_tostring(L, value);
        if (strcmp(s, "NaN") != 0 && strcmp(s, "Infinity") != 0 && strcmp(s, "-Infinity") != 0)
            return expected(e, at, "number", value);
        bk_buf_addchar(&e->work->text, '"');
        bk_buf_adds(&e->work->text, s);
        bk_buf_addchar(&e->work->text, '"');
        return 1;
    }
    if (lua_type(L, value) != LUA_TNUMBER)
        return expected(e, at, "number", value);
    if (IS_INTEGER(L, value))
        return write_lua_integer(e, value);
    x = lua_tonumber(L, value);
    if (isfinite(x)) {
        write_finite(e, x);
    } else {
        bk_buf_addchar(&e->work->text, '"');
        bk_buf_adds(&e->work->text, name_of_nonfinite(x));
        bk_buf_addchar(&e->work->text, '"');
    }
    return 1;
}

static int encode_boolean(encoder *e, int value, const step *at)
{
    if (!lua_isboolean(e->L, value))
        return expected(e, at, "boolean", value);
    bk_buf_adds(&e->work->text, lua_toboolean(e->L, value) ? "true" : "false");
    return 1;
}

static int encode_time(encoder *e, bk_json_kind kind, int value, const step *at)
{
    lua_State *L = e->L;
    char text[BK_TIME_TEXT];
    double seconds;
    size_t n;
    if (lua_type(L, value) == LUA_TNUMBER) {
        seconds = lua_tonumber(L, value);
    } else if (lua_type(L, value) == LUA_TSTRING) {
        bk_time t;
        const char *s = lua_tolstring(L, value, &n);
        if (!bk_time_parse(&t, s, n))
            return problem(
                e, at, "expected timestamp (seconds or ISO 8601 text), got text that is no date");
        seconds = t.value;
    } else {
        return expected(e, at, "timestamp (seconds or ISO 8601 text)", value);
    }
    if (!(seconds >= BK_TIME_FIRST && seconds < BK_TIME_LAST + 1))
        return problem(e, at, "expected timestamp, got a time outside of the years 0 to 9999");
    if (kind == BK_KIND_TIME_UNIX) {
        write_finite(e, seconds == 0 ? 0 : seconds);
        return 1;
    }
    n = kind == BK_KIND_TIME_ISO ? bk_time_iso8601(text, seconds) : bk_time_http(text, seconds);
    if (n == 0)
        return problem(e, at, "expected timestamp, got a time outside of the years 0 to 9999");
    bk_buf_addchar(&e->work->text, '"');
    bk_buf_add(&e->work->text, text, n);
    bk_buf_addchar(&e->work->text, '"');
    return 1;
}

static int encode_blob(encoder *e, int value, const step *at)
{
    bk_buf *out = &e->work->text;
    size_t n, size;
    const char *s;
    char *room;
    if (lua_type(e->L, value) != LUA_TSTRING)
        return expected(e, at, "string of bytes", value);
    s = lua_tolstring(e->L, value, &n);
    size = bk_base64_encoded_size(n);
    if (n > 0 && size == 0)
        return problem(e, at, "expected string of bytes, got one that is too long");
    bk_buf_addchar(out, '"');
    room = bk_buf_reserve(out, size + 1);
    if (room) {
        bk_base64_encode(room, s, n);
        out->len += size;
    }
    bk_buf_addchar(out, '"');
    return 1;
}

/* Counts a container in, against cycles and the limit of depth; leave() counts it out. */
static int enter(encoder *e, const step *at)
{
    char text[LONGEST_PROBLEM];
    if (e->depth == (e->strict ? STRICT_DEPTH : BK_JSON_MAX_DEPTH)) {
        snprintf(text, sizeof text, "nested deeper than %d levels; does it hold itself?",
                 BK_JSON_MAX_DEPTH);
        return problem(e, at, text);
    }
    e->depth++;
    luaL_checkstack(e->L, SLOTS_A_LEVEL, "value is nested too deeply");
    return 1;
}

static int leave(encoder *e, int ok)
{
    e->depth--;
    return ok;
}

/* What a container holds. */
static int encode_inner(encoder *e, int node, double min, int value, const step *at)
{
    if (e->strict && node < (int)BK_KIND_STRUCTURE) {
        if (!bk_json_is_right(e->L, (bk_json_kind)node, min, value, e->place))
            return 0;
        if (e->mute)
            return 1;
    }
    return encode(e, node, value, at);
}

static void punctuate(encoder *e, char c)
{
    if (!e->mute)
        bk_buf_addchar(&e->work->text, c);
}

static size_t count_entries(lua_State *L, int table)
{
    size_t n = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        n++;
    }
    return n;
}

/* The length of the table if its keys are 1, 2, … n, or -1. */
static long long sequence_length(lua_State *L, int table)
{
    size_t n = bk_rawlen(L, table), count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_Number key;
        lua_pop(L, 1);
        key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
        if (!(key >= 1 && key <= (lua_Number)n && floor(key) == key)) {
            lua_pop(L, 1);
            return -1;
        }
        count++;
    }
    return count == n ? (long long)n : -1;
}

/* `misfit` is the problem of a table that is no list. */
static int encode_list(encoder *e, const bk_json_node *node, int value, const char *misfit,
                       const step *at)
{
    lua_State *L = e->L;
    long long n;
    step inner = {at, NULL, 0, 0};
    if (!lua_istable(L, value))
        return expected(e, at, "list", value);
    if (!enter(e, at))
        return 0;
    n = sequence_length(L, value);
    if (n < 0)
        return leave(e, problem(e, at, misfit));
    if (e->strict && (double)n < node->min)
        return leave(e, 0);
    punctuate(e, '[');
    for (long long i = 1; i <= n; i++) {
        int ok;
        inner.index = (size_t)i;
        if (i > 1)
            punctuate(e, ',');
        lua_rawgeti(L, value, (int)i);
        ok = encode_inner(e, node->item, node->item_min, lua_gettop(L), &inner);
        lua_pop(L, 1);
        if (!ok)
            return leave(e, 0);
    }
    punctuate(e, ']');
    return leave(e, 1);
}

static int compare_keys(const void *left, const void *right)
{
    const sort_key *a = left, *b = right;
    int order = memcmp(a->name, b->name, a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* A map that travels outside of the body. */
static int check_map(encoder *e, const bk_json_node *node, int value, const step *at)
{
    lua_State *L = e->L;
    size_t count = 0;
    lua_pushnil(L);
    while (lua_next(L, value)) {
        int top = lua_gettop(L);
        if (lua_type(L, top - 1) != LUA_TSTRING ||
            !bk_json_is_right(L, BK_KIND_STRING, node->key_min, top - 1, e->place) ||
            !encode_inner(e, node->item, node->item_min, top, at))
            return 0;
        lua_pop(L, 1);
        count++;
    }
    return (double)count >= node->min;
}

/* A map, or an object by plain rules: any strings as keys. */
static int encode_map(encoder *e, const bk_json_node *node, int value, const char *what,
                      const step *at)
{
    lua_State *L = e->L;
    bk_buf *keys; /* of all maps that are open, one behind the other */
    size_t first, count = 0;
    int anchor;
    if (!lua_istable(L, value))
        return expected(e, at, what, value);
    if (!enter(e, at))
        return 0;
    if (e->mute)
        return leave(e, check_map(e, node, value, at));
    keys = &e->work->more;
    first = keys->len;
    /* The keys are anchored, since a finalizer that runs meanwhile might change the table. */
    lua_createtable(L, USUAL_KEYS, 0);
    anchor = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, value)) {
        sort_key key;
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            char text[LONGEST_PROBLEM];
            snprintf(text, sizeof text, "expected %s with string keys, got a key of type %s", what,
                     luaL_typename(L, -1));
            return leave(e, problem(e, at, text));
        }
        if (e->strict &&
            !bk_json_is_right(L, BK_KIND_STRING, node->key_min, lua_gettop(L), e->place))
            return leave(e, 0);
        memset(&key, 0, sizeof key);
        key.name = lua_tolstring(L, -1, &key.length);
        key.at = (int)++count;
        bk_buf_add(keys, &key, sizeof key);
        lua_pushvalue(L, -1);
        lua_rawseti(L, anchor, key.at);
    }
    if (keys->failed)
        luaL_error(L, "not enough memory");
    if (e->strict && (double)count < node->min)
        return leave(e, 0);
    if (count > 1)
        qsort(keys->data + first, count, sizeof(sort_key), compare_keys);
    bk_buf_addchar(&e->work->text, '{');
    for (size_t i = 0; i < count; i++) {
        sort_key key;
        step inner = {at, NULL, 0, 0};
        int ok;
        memcpy(&key, keys->data + first + i * sizeof key, sizeof key);
        inner.name = key.name;
        inner.length = key.length;
        if (i > 0)
            bk_buf_addchar(&e->work->text, ',');
        if (!write_text(e, key.name, key.length, at))
            return leave(e, 0);
        bk_buf_addchar(&e->work->text, ':');
        lua_rawgeti(L, anchor, key.at);
        lua_rawget(L, value);
        ok = encode_inner(e, node->item, node->item_min, lua_gettop(L), &inner);
        lua_pop(L, 1);
        if (!ok)
            return leave(e, 0);
    }
    bk_buf_addchar(&e->work->text, '}');
    keys->len = first;
    lua_pop(L, 1);
    return leave(e, 1);
}

/* The value at the top: not null, or a null that a document may hold. */
static int encode_member(encoder *e, const bk_json_member *m, int null, int *any, const step *at)
{
    lua_State *L = e->L;
    int value = lua_gettop(L);
    if (m->place != BK_IN_BODY) {
        bk_json_place place = e->place;
        int mute = e->mute, ok;
        if (!e->strict || m->place == BK_ELSEWHERE)
            return !e->strict;
        e->place = m->place;
        e->mute = 1;
        ok = encode_inner(e, m->node, m->min, value, at);
        e->place = place;
        e->mute = mute;
        return ok;
    }
    if (!e->mute) {
        bk_buf *out = &e->work->text;
        if (*any)
            bk_buf_addchar(out, ',');
        *any = 1;
        bk_buf_add(out, e->shape->text.data + m->key, m->key_length);
        if (null)
            bk_buf_adds(out, "null");
    }
    return null || encode_inner(e, m->node, m->min, value, at);
}

static int encode_structure(encoder *e, const bk_json_node *node, int value, const step *at)
{
    lua_State *L = e->L;
    int any = 0, given = 0;
    size_t known = 0;
    if (!lua_istable(L, value))
        return expected(e, at, "structure", value);
    if (bk_rawlen(L, value) > 0)
        return problem(e, at, "expected structure, got a list");
    if (!enter(e, at))
        return 0;
    punctuate(e, '{');
    for (int i = node->first; i < node->first + node->count; i++) {
        const bk_json_member *m = BK_JSON_MEMBER(e->shape, i);
        step inner = {at, NULL, 0, 0};
        int missing, ok;
        lua_rawgeti(L, e->names, i + 1);
        if (!e->strict)
            inner.name = lua_tolstring(L, -1, &inner.length); /* anchored in e->names */
        lua_rawget(L, value);
        missing = is_null(L, -1);
        given += !missing;
        known += !missing || !lua_isnil(L, -1);
        ok = !(missing && m->required && e->strict);
        if (missing && e->defaults && e->depth == 1) {
            lua_rawgeti(L, e->names, i + 1);
            lua_rawget(L, e->defaults);
            if (lua_isnil(L, -1))
                lua_pop(L, 1);
            else
                lua_replace(L, -2);
            missing = is_null(L, -1);
        }
        if (ok && (!missing || (m->node == BK_KIND_DOCUMENT && !lua_isnil(L, -1))))
            ok = encode_member(e, m, missing, &any, &inner);
        lua_pop(L, 1);
        if (!ok)
            return leave(e, 0);
    }
    punctuate(e, '}');
    return leave(e, !e->strict ||
                        (count_entries(L, value) == known && (!node->is_union || given == 1)));
}

static int is_marked_array(lua_State *L, int value)
{
    int same = 0;
    if (lua_getmetatable(L, value)) {
        same = lua_rawequal(L, -1, lua_upvalueindex(BK_JSON_UP_ARRAY));
        lua_pop(L, 1);
    }
    return same;
}

/* By the rules of documents: whatever JSON can say. */
static int encode_plain(encoder *e, int value, const step *at)
{
    static const bk_json_node any = {.item = BK_KIND_DOCUMENT};
    lua_State *L = e->L;
    switch (lua_type(L, value)) {
    case LUA_TBOOLEAN:
        return encode_boolean(e, value, at);
    case LUA_TSTRING:
        return encode_string(e, value, at);
    case LUA_TNUMBER:
        if (IS_INTEGER(L, value))
            return write_lua_integer(e, value);
        if (!isfinite(lua_tonumber(L, value)))
            return problem(e, at, "expected JSON value, got a number that is not finite");
        write_finite(e, lua_tonumber(L, value));
        return 1;
    case LUA_TTABLE:
        luaL_checkstack(L, SLOTS_A_LEVEL, "value is nested too deeply");
        if (is_marked_array(L, value) || bk_rawlen(L, value) > 0)
            return encode_list(
                e, &any, value,
                "expected list or object, got a table with gaps or with keys of both kinds", at);
        return encode_map(e, &any, value, "object", at);
    default:
        if (lua_islightuserdata(L, value) && !lua_touserdata(L, value)) {
            bk_buf_adds(&e->work->text, "null");
            return 1;
        }
        return expected(e, at, "JSON value", value);
    }
}

/* The value at the absolute stack index `value`. On a problem the stack may hold more than before.
 */
static int encode(encoder *e, int index, int value, const step *at)
{
    const bk_json_node *node;
    switch (index) {
    case BK_KIND_STRING:
        return encode_string(e, value, at);
    case BK_KIND_INTEGER:
        return encode_integer(e, value, at);
    case BK_KIND_FLOAT:
        return encode_float(e, value, at);
    case BK_KIND_BOOLEAN:
        return encode_boolean(e, value, at);
    case BK_KIND_TIME_UNIX:
    case BK_KIND_TIME_ISO:
    case BK_KIND_TIME_HTTP:
        return encode_time(e, (bk_json_kind)index, value, at);
    case BK_KIND_BLOB:
        return encode_blob(e, value, at);
    case BK_KIND_DOCUMENT:
        return encode_plain(e, value, at);
    default:
        break;
    }
    node = BK_JSON_NODE(e->shape, index);
    if (node->kind == BK_KIND_STRUCTURE)
        return encode_structure(e, node, value, at);
    if (node->kind == BK_KIND_LIST)
        return encode_list(e, node, value, "expected list, got a table with keys other than 1 to n",
                           at);
    return encode_map(e, node, value, "map", at);
}

/* The argument at `value`; behind it there may be one with defaults. */
static void begin(encoder *e, lua_State *L, const bk_json_shape *shape, int value)
{
    memset(e, 0, sizeof *e);
    e->L = L;
    e->shape = shape;
    if (shape && !lua_isnoneornil(L, value + 1)) {
        luaL_checktype(L, value + 1, LUA_TTABLE);
        e->defaults = value + 1;
    }
    lua_settop(L, value + 1);
    if (shape) {
        bk_getuservalue(L, 1);
        e->names = lua_gettop(L);
    }
}

static int push_text(lua_State *L, int work, bk_json_work *w)
{
    if (w->text.failed)
        luaL_error(L, "not enough memory");
    lua_pushlstring(L, w->text.data, w->text.len);
    bk_json_dropwork(L, work, w);
    return 1;
}

static int encode_argument(lua_State *L, const bk_json_shape *shape, int value)
{
    encoder e;
    int work;
    begin(&e, L, shape, value);
    e.work = bk_json_pushwork(L);
    work = lua_gettop(L);
    if (encode(&e, shape ? shape->root : (int)BK_KIND_DOCUMENT, value, NULL))
        return push_text(L, work, e.work);
    if (e.work->more.failed)
        luaL_error(L, "not enough memory");
    lua_settop(L, work);
    lua_pushnil(L);
    lua_pushlstring(L, e.work->more.data ? e.work->more.data : "", e.work->more.len);
    lua_pushfstring(L, e.work->more.len > 0 ? "%s: %s" : "%s%s", lua_tostring(L, -1), e.problem);
    lua_insert(L, -2);
    bk_json_dropwork(L, work, e.work);
    return 3;
}

int bk_json_lencode(lua_State *L)
{
    return encode_argument(L, bk_json_checkshape(L, 1), 2);
}

int bk_json_lencode_plain(lua_State *L)
{
    return encode_argument(L, NULL, 1);
}

int bk_json_lencode_params(lua_State *L)
{
    encoder e;
    const bk_json_shape *shape = bk_json_checkshape(L, 1);
    int work, ok;
    luaL_argcheck(L, shape->whole, 1, "whole shape expected");
    begin(&e, L, shape, 2);
    e.strict = 1;
    e.mute = !shape->bodied;
    if (shape->bodied)
        e.work = bk_json_pushwork(L);
    work = lua_gettop(L);
    ok = encode_inner(&e, shape->root, -HUGE_VAL, 2, NULL);
    if (ok && shape->bodied)
        return push_text(L, work, e.work);
    if (shape->bodied)
        bk_json_dropwork(L, work, e.work);
    lua_pushboolean(L, ok);
    return 1;
}
