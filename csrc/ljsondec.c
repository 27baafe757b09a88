/*
 * ljsondec.c: JSON text to Lua values, beside a compiled shape or by plain rules.
 *
 * The text is checked first (jsonscan.c), so cJSON only ever sees what it accepts. The outermost
 * arrays and objects are then walked in the text itself, and what they hold goes through cJSON
 * piece by piece: a small tree is turned into Lua values and freed while it is still in the
 * processor's cache. A page of a thousand items never stands in memory as one tree, and their
 * strings without escapes, most of the page, go from the text to Lua as they are. That halves the
 * time.
 */
#include "jsonscan.h"
#include "lent.h"
#include "ljsontree.h"

#include <cjson/cJSON.h>
#include <stdio.h>

enum {
    TEXT_LEVELS = 3, /* so many levels are walked in the text: an answer, its list, an item */
    PLAIN_LEVELS = 2 /* likewise without a shape, where cJSON's tree tells how large a table gets */
};

typedef bk_json_decoder decoder;

/* The functions below walk the checked text. `at` points to the place reached. */

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    return p;
}

/* Lets cJSON read one value of the checked text. The tree belongs to d->work until drop_tree. */
static cJSON *read_tree(decoder *d, const char **at)
{
    const char *behind;
    cJSON *tree = cJSON_ParseWithLengthOpts(*at, (size_t)(d->end - *at), &behind, 0);
    if (!tree)
        luaL_error(d->L, "not enough memory"); /* nothing else can fail in a checked text */
    d->work->tree = tree;
    *at = behind;
    return tree;
}

static void drop_tree(decoder *d)
{
    cJSON *tree = d->work->tree;
    d->work->tree = NULL;
    cJSON_Delete(tree);
}

static void push_text_value(decoder *d, int node, const char **at, int levels);

/* The string at *at, lent from the text, if it stands there as it is; *at then moves behind it.
 * NULL where escapes or marks make it cJSON's. */
static const char *read_verbatim(const decoder *d, const char **at, size_t *length)
{
    const char *s = *at + 1, *p = s;
    if (d->rewritten)
        return NULL;
    while ((unsigned char)*(p = bk_json_plain_run(p, d->end)) >= 0x80)
        p++;
    if (*p != '"')
        return NULL;
    *length = (size_t)(p - s);
    *at = p + 1;
    return s;
}

/* Reads a name and its colon. A name without escapes is lent from the text; otherwise it is pushed,
 * and lent from there. */
static const char *read_name(decoder *d, const char **at, size_t *length, int *pushed)
{
    const char *name = read_verbatim(d, at, length);
    *pushed = name == NULL;
    if (*pushed) {
        bk_json_push_string(d, read_tree(d, at)->valuestring);
        drop_tree(d);
        name = lua_tolstring(d->L, -1, length);
    }
    *at = skip_space(skip_space(*at) + 1);
    return name;
}

/* Moves over the comma or the closing bracket; true if it was the comma. */
static int next_element(const char **at)
{
    const char *p = skip_space(*at);
    int more = *p == ',';
    *at = more ? skip_space(p + 1) : p + 1;
    return more;
}

static void push_text_structure(decoder *d, int index, const char **at, int levels)
{
    lua_State *L = d->L;
    bk_json_members members;
    int table, unknown;
    bk_json_begin_members(d, &members, index);
    table = lua_gettop(L);
    lua_pushnil(L); /* room for the name of an unknown member */
    unknown = table + 1;
    *at = skip_space(*at + 1);
    if (**at == '}') {
        next_element(at);
        lua_pop(L, 1);
        return;
    }
    do {
        size_t length;
        int pushed;
        const char *name = read_name(d, at, &length, &pushed);
        int is_null = **at == 'n';
        int member = is_null ? -1 : bk_json_next_member(d, &members, name, length);
        if (member < 0 && !is_null && members.node->is_union && lua_isnil(L, unknown) &&
            !bk_json_is_type_name(name, length)) {
            lua_pushlstring(L, name, length);
            lua_replace(L, unknown);
        }
        if (pushed)
            lua_pop(L, 1);
        if (is_null) {
            *at += 4;
        } else if (member < 0) {
            read_tree(d, at);
            drop_tree(d);
        } else {
            lua_rawgeti(L, d->names, member + 1);
            push_text_value(d, BK_JSON_MEMBER(d->shape, member)->node, at, levels);
            lua_rawset(L, table);
        }
    } while (next_element(at));
    bk_json_end_members(&members);
    if (members.found || lua_isnil(L, unknown))
        lua_pop(L, 1);
    else
        bk_json_set_unknown_member(L);
}

/* An object by plain rules, or a map where `keep_null` is false. */
static void push_text_object(decoder *d, int item, int keep_null, const char **at, int levels)
{
    lua_State *L = d->L;
    lua_newtable(L);
    *at = skip_space(*at + 1);
    if (**at == '}') {
        next_element(at);
        return;
    }
    do {
        size_t length;
        int pushed;
        const char *name = read_name(d, at, &length, &pushed);
        if (!pushed)
            lua_pushlstring(L, name, length);
        if (**at == 'n' && !keep_null) {
            *at += 4;
            lua_pop(L, 1);
        } else {
            push_text_value(d, item, at, levels);
            lua_rawset(L, -3);
        }
    } while (next_element(at));
}

static void push_text_array(decoder *d, int item, int keep_null, const char **at, int levels)
{
    lua_State *L = d->L;
    int n = 0;
    lua_newtable(L);
    *at = skip_space(*at + 1);
    if (**at == ']') {
        next_element(at);
        return;
    }
    do {
        if (**at == 'n' && !keep_null) {
            *at += 4;
        } else {
            push_text_value(d, item, at, levels);
            lua_rawseti(L, -2, ++n);
        }
    } while (next_element(at));
}

/* A string that needs no parser, where text or a time is wanted. */
static int push_text_string(decoder *d, bk_json_kind kind, const char **at)
{
    size_t n;
    const char *s;
    int is_time =
        kind == BK_KIND_TIME_UNIX || kind == BK_KIND_TIME_ISO || kind == BK_KIND_TIME_HTTP;
    if (!is_time && kind != BK_KIND_STRING && kind != BK_KIND_DOCUMENT)
        return 0;
    s = read_verbatim(d, at, &n);
    if (!s)
        return 0;
    if (!is_time || !bk_json_push_time_of(d->L, s, n))
        lua_pushlstring(d->L, s, n);
    return 1;
}

/* The value at *at, which then moves behind it. */
static void push_text_value(decoder *d, int node, const char **at, int levels)
{
    bk_json_kind kind = bk_json_kind_of(d, node);
    luaL_checkstack(d->L, BK_JSON_SLOTS_A_LEVEL, "JSON is nested too deeply");
    if (**at == '"' && push_text_string(d, kind, at))
        return;
    if (levels > 0 && **at == '{') {
        if (kind == BK_KIND_STRUCTURE) {
            push_text_structure(d, node, at, levels - 1);
            return;
        }
        if (kind == BK_KIND_MAP || kind == BK_KIND_DOCUMENT) {
            int item =
                kind == BK_KIND_MAP ? BK_JSON_NODE(d->shape, node)->item : (int)BK_KIND_DOCUMENT;
            push_text_object(d, item, kind == BK_KIND_DOCUMENT, at, levels - 1);
            return;
        }
    } else if (levels > 0 && **at == '[' && (kind == BK_KIND_LIST || kind == BK_KIND_DOCUMENT)) {
        int item =
            kind == BK_KIND_LIST ? BK_JSON_NODE(d->shape, node)->item : (int)BK_KIND_DOCUMENT;
        push_text_array(d, item, kind == BK_KIND_DOCUMENT, at, levels - 1);
        if (kind == BK_KIND_DOCUMENT)
            bk_json_mark_array(d->L);
        return;
    }
    bk_json_push_tree(d, node, read_tree(d, at));
    drop_tree(d);
}

/* What is lent by the userdata at a stack index, or NULL. */
static bk_lent *to_lent(lua_State *L, int index)
{
    bk_lent *lent = lua_touserdata(L, index);
    int same;
    if (!lent || !lua_getmetatable(L, index))
        return NULL;
    same = lua_rawequal(L, -1, lua_upvalueindex(BK_JSON_UP_LENT));
    lua_pop(L, 1);
    return same && lent->data ? lent : NULL;
}

/* The text and the depth limit are arguments `text` and `text` + 1. */
static int decode(lua_State *L, const bk_json_shape *shape, int text)
{
    decoder d = {L, shape, NULL, NULL, 0, 0};
    bk_json_scan scan = {NULL, 0, 0};
    size_t n;
    int work;
    bk_lent *lent = to_lent(L, text);
    const char *s = lent ? lent->data : luaL_checklstring(L, text, &n), *at;
    lua_Number depth = luaL_optnumber(L, text + 1, BK_JSON_MAX_DEPTH);
    luaL_argcheck(L, depth >= 0, text + 1, "depth limit expected");
    lua_settop(L, text);
    if (lent)
        n = lent->len;
    if (!bk_json_check(s, n, depth < BK_JSON_DEPTH_CEILING ? (int)depth : BK_JSON_DEPTH_CEILING,
                       &scan)) {
        char message[100];
        snprintf(message, sizeof message, "%s at byte %zu", scan.error, scan.error_at + 1);
        lua_pushnil(L);
        lua_pushstring(L, message);
        return 2;
    }
    if (lent)
        lent->readers++; /* finalizers run from here on */
    d.work = bk_json_pushwork(L);
    work = lua_gettop(L);
    if (shape) {
        bk_getuservalue(L, 1);
        d.names = lua_gettop(L);
    }
    at = s + bk_json_bom(s, n);
    d.end = s + n;
    if (scan.found) {
        bk_json_rewrite(s, n, &d.work->text);
        if (d.work->text.failed)
            luaL_error(L, "not enough memory");
        at = d.work->text.data;
        d.end = at + d.work->text.len;
        d.rewritten = 1;
    }
    at = skip_space(at);
    push_text_value(&d, shape ? shape->root : (int)BK_KIND_DOCUMENT, &at,
                    shape ? TEXT_LEVELS : PLAIN_LEVELS);
    if (lent)
        lent->readers--;
    bk_json_dropwork(L, work, d.work);
    return 1;
}

int bk_json_ldecode(lua_State *L)
{
    return decode(L, bk_json_checkshape(L, 1), 2);
}

int bk_json_ldecode_plain(lua_State *L)
{
    return decode(L, NULL, 1);
}
