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
#include "base64.h"
#include "jsonnum.h"
#include "jsonscan.h"
#include "ljson.h"
#include "timefmt.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>

enum {
    TEXT_LEVELS = 3, /* so many levels are walked in the text: an answer, its list, an item */
    PLAIN_LEVELS =
        2, /* likewise without a shape, where cJSON's tree tells how large a table gets */
    SLOTS_A_LEVEL = 8 /* of Lua's stack: a container, a key, a value, what reading them takes */
};

#define EXACT_IN_DOUBLE 9007199254740992.0 /* 2^53 */

typedef struct decoder {
    lua_State *L;
    const bk_json_shape *shape; /* NULL: plain */
    bk_json_work *work;
    const char *end; /* of the text */
    int names;       /* stack index of the members' names */
    int rewritten;   /* strings may hold the marks of jsonscan.h */
} decoder;

static bk_json_kind kind_of(const decoder *d, int node)
{
    return node < (int)BK_KIND_STRUCTURE ? (bk_json_kind)node : BK_JSON_NODE(d->shape, node)->kind;
}

/* A number without a fraction that a Lua integer can hold becomes one, where Lua has integers.
 * Minus zero counts as zero. */
static void push_whole(lua_State *L, double x, double limit)
{
#if BK_HAS_INTEGER
    if (x >= -limit && x <= limit && bk_num_is_int64(x)) {
        lua_pushinteger(L, (lua_Integer)x);
        return;
    }
#else
    (void)limit;
#endif
    lua_pushnumber(L, x == 0 ? 0 : x);
}

static int is_negative_zero(double x)
{
    return x == 0 && signbit(x);
}

/* A number whose text was kept, since a double would not hold it. */
static void push_long_number(decoder *d, const char *text, int as_float)
{
    size_t n = strlen(text);
    long long whole;
    double x;
    if (!as_float && bk_num_int64(text, n, &whole)) {
#if BK_HAS_INTEGER
        lua_pushinteger(d->L, (lua_Integer)whole);
#else
        lua_pushnumber(d->L, (lua_Number)whole);
#endif
        return;
    }
    if (!bk_num_double(text, n, &x))
        luaL_error(d->L, "not enough memory");
    lua_pushnumber(d->L, x);
}

static int is_long_number(const decoder *d, const cJSON *item)
{
    return d->rewritten && cJSON_IsString(item) &&
           (unsigned char)item->valuestring[0] == BK_JSON_MARK_NUMBER;
}

/* Pushes a string of cJSON's, with the NULs that stand in it as marks. */
static void push_string(decoder *d, char *s)
{
    size_t n = strlen(s);
    if (d->rewritten) {
        char *p = s;
        while ((p = memchr(p, BK_JSON_MARK_NUL, n - (size_t)(p - s))) != NULL)
            *p++ = '\0';
    }
    lua_pushlstring(d->L, s, n);
}

static void push_plain(decoder *d, cJSON *item);
static void push_tree(decoder *d, int node, cJSON *item);

static int count_children(const cJSON *item)
{
    int n = 0;
    for (const cJSON *child = item->child; child; child = child->next)
        n++;
    return n;
}

/* Marks the table at the top as an array, so that an empty one is written as [] again. */
static void mark_array(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(BK_JSON_UP_ARRAY));
    lua_setmetatable(L, -2);
}

static void push_plain_array(decoder *d, const cJSON *item)
{
    int n = 0;
    lua_createtable(d->L, count_children(item), 0);
    for (cJSON *child = item->child; child; child = child->next) {
        push_plain(d, child);
        lua_rawseti(d->L, -2, ++n);
    }
    mark_array(d->L);
}

static void push_plain_object(decoder *d, const cJSON *item)
{
    lua_createtable(d->L, 0, count_children(item));
    for (cJSON *child = item->child; child; child = child->next) {
        push_string(d, child->string);
        push_plain(d, child);
        lua_rawset(d->L, -3);
    }
}

/* By the rules of documents: whatever is there. */
static void push_plain(decoder *d, cJSON *item)
{
    lua_State *L = d->L;
    luaL_checkstack(L, SLOTS_A_LEVEL, "JSON is nested too deeply");
    switch (item->type & 0xFF) {
    case cJSON_False:
        lua_pushboolean(L, 0);
        break;
    case cJSON_True:
        lua_pushboolean(L, 1);
        break;
    case cJSON_Number:
        if (is_negative_zero(item->valuedouble))
            lua_pushnumber(L, item->valuedouble);
        else
            push_whole(L, item->valuedouble, EXACT_IN_DOUBLE);
        break;
    case cJSON_String:
        if (is_long_number(d, item))
            push_long_number(d, item->valuestring + 1, 0);
        else
            push_string(d, item->valuestring);
        break;
    case cJSON_Array:
        push_plain_array(d, item);
        break;
    case cJSON_Object:
        push_plain_object(d, item);
        break;
    default:
        lua_pushlightuserdata(L, NULL);
    }
}

/* The structure's member of that wire name, or -1. `expected` is where the search begins and moves
 * on with what is found. */
static int find_member(const decoder *d, const bk_json_node *node, const char *name, size_t length,
                       int *expected)
{
    const bk_json_shape *shape = d->shape;
    int end = node->first + node->count;
    if (node->count == 0)
        return -1;
    for (int tries = 0, i = *expected; tries < node->count;
         tries++, i = i + 1 < end ? i + 1 : node->first) {
        bk_json_member *m = BK_JSON_MEMBER(shape, i);
        if (m->wire_length == length && memcmp(shape->text.data + m->wire, name, length) == 0) {
            *expected = m->next;
            return i;
        }
    }
    return -1;
}

static int is_type_name(const char *name, size_t length)
{
    return length == 6 && memcmp(name, "__type", 6) == 0;
}

/* Gives the union at the top what its only member is called, as no member of the shape is. */
static void set_unknown_member(lua_State *L)
{
    /* ... union, name */
    lua_createtable(L, 0, 1);
    lua_insert(L, -2);
    lua_setfield(L, -2, "name");
    lua_setfield(L, -2, "SDK_UNKNOWN_MEMBER");
}

static void push_structure(decoder *d, int index, const cJSON *item)
{
    lua_State *L = d->L;
    const bk_json_node *node = BK_JSON_NODE(d->shape, index);
    int expected = node->first, found = 0, last = -1;
    char *unknown = NULL;
    lua_createtable(L, 0, count_children(item));
    for (cJSON *child = item->child; child; child = child->next) {
        size_t length;
        int at;
        if (cJSON_IsNull(child))
            continue;
        length = strlen(child->string);
        at = find_member(d, node, child->string, length, &expected);
        if (at < 0) {
            if (!unknown && !is_type_name(child->string, length))
                unknown = child->string;
            continue;
        }
        if (last >= 0)
            BK_JSON_MEMBER(d->shape, last)->next = at;
        last = at;
        found++;
        lua_rawgeti(L, d->names, at + 1);
        push_tree(d, BK_JSON_MEMBER(d->shape, at)->node, child);
        lua_rawset(L, -3);
    }
    if (node->is_union && unknown && !found) {
        push_string(d, unknown);
        set_unknown_member(L);
    }
}

static void push_list(decoder *d, int index, const cJSON *item)
{
    int inner = BK_JSON_NODE(d->shape, index)->item, n = 0;
    lua_createtable(d->L, count_children(item), 0);
    for (cJSON *child = item->child; child; child = child->next) {
        if (cJSON_IsNull(child))
            continue;
        push_tree(d, inner, child);
        lua_rawseti(d->L, -2, ++n);
    }
}

static void push_map(decoder *d, int index, const cJSON *item)
{
    int inner = BK_JSON_NODE(d->shape, index)->item;
    lua_createtable(d->L, 0, count_children(item));
    for (cJSON *child = item->child; child; child = child->next) {
        if (cJSON_IsNull(child))
            continue;
        push_string(d, child->string);
        push_tree(d, inner, child);
        lua_rawset(d->L, -3);
    }
}

static void push_integer(decoder *d, cJSON *item)
{
    if (cJSON_IsNumber(item))
        push_whole(d->L, item->valuedouble, HUGE_VAL);
    else
        push_plain(d, item);
}

static void push_float(decoder *d, cJSON *item)
{
    const char *s = item->valuestring;
    if (cJSON_IsNumber(item))
        lua_pushnumber(d->L, item->valuedouble);
    else if (is_long_number(d, item))
        push_long_number(d, s + 1, 1);
    else if (!cJSON_IsString(item))
        push_plain(d, item);
    else if (strcmp(s, "NaN") == 0)
        lua_pushnumber(d->L, (lua_Number)NAN);
    else if (strcmp(s, "Infinity") == 0)
        lua_pushnumber(d->L, HUGE_VAL);
    else if (strcmp(s, "-Infinity") == 0)
        lua_pushnumber(d->L, -HUGE_VAL);
    else
        push_plain(d, item);
}

/* Pushes the time that a text stands for, if it is one. */
static int push_time_of(lua_State *L, const char *s, size_t n)
{
    bk_time t;
    if (!bk_time_parse(&t, s, n))
        return 0;
#if BK_HAS_INTEGER
    if (t.whole) {
        lua_pushinteger(L, (lua_Integer)t.seconds);
        return 1;
    }
#endif
    lua_pushnumber(L, t.value);
    return 1;
}

/* A text that is no date is handed on as it came: an odd date must not cost the caller the whole
 * answer. */
static void push_time(decoder *d, cJSON *item)
{
    const char *s = item->valuestring;
    if (cJSON_IsNumber(item))
        push_whole(d->L, item->valuedouble, EXACT_IN_DOUBLE);
    else if (!cJSON_IsString(item) || is_long_number(d, item) || !push_time_of(d->L, s, strlen(s)))
        push_plain(d, item);
}

static void push_blob(decoder *d, cJSON *item)
{
    if (cJSON_IsString(item)) {
        bk_buf *b = &d->work->more;
        size_t n = strlen(item->valuestring), length;
        char *room;
        bk_buf_reset(b);
        room = bk_buf_reserve(b, bk_base64_decoded_room(n));
        if (!room)
            luaL_error(d->L, "not enough memory");
        if (bk_base64_decode(room, &length, item->valuestring, n)) {
            lua_pushlstring(d->L, room, length);
            return;
        }
    }
    push_plain(d, item);
}

/* A value beside its shape; what does not fit the shape is decoded by plain rules. */
static void push_tree(decoder *d, int node, cJSON *item)
{
    lua_State *L = d->L;
    switch (kind_of(d, node)) {
    case BK_KIND_STRING:
        if (cJSON_IsString(item) && !d->rewritten)
            lua_pushlstring(L, item->valuestring, strlen(item->valuestring));
        else
            push_plain(d, item);
        return;
    case BK_KIND_INTEGER:
        push_integer(d, item);
        return;
    case BK_KIND_FLOAT:
        push_float(d, item);
        return;
    case BK_KIND_TIME_UNIX:
    case BK_KIND_TIME_ISO:
    case BK_KIND_TIME_HTTP:
        push_time(d, item);
        return;
    case BK_KIND_BLOB:
        push_blob(d, item);
        return;
    case BK_KIND_STRUCTURE:
        luaL_checkstack(L, SLOTS_A_LEVEL, "JSON is nested too deeply");
        if (cJSON_IsObject(item)) {
            push_structure(d, node, item);
            return;
        }
        break;
    case BK_KIND_LIST:
        luaL_checkstack(L, SLOTS_A_LEVEL, "JSON is nested too deeply");
        if (cJSON_IsArray(item)) {
            push_list(d, node, item);
            return;
        }
        break;
    case BK_KIND_MAP:
        luaL_checkstack(L, SLOTS_A_LEVEL, "JSON is nested too deeply");
        if (cJSON_IsObject(item)) {
            push_map(d, node, item);
            return;
        }
        break;
    case BK_KIND_BOOLEAN:
    case BK_KIND_DOCUMENT:
        break;
    }
    push_plain(d, item);
}

/* From here on: walking the checked text itself. `at` points to the place reached. */

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
        push_string(d, read_tree(d, at)->valuestring);
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
    const bk_json_node *node = BK_JSON_NODE(d->shape, index);
    int expected = node->first, found = 0, unknown = 0, pushed, last = -1;
    lua_createtable(L, 0, node->count);
    lua_pushnil(L); /* room for the name of an unknown member */
    unknown = lua_gettop(L);
    *at = skip_space(*at + 1);
    if (**at == '}') {
        next_element(at);
        lua_pop(L, 1);
        return;
    }
    do {
        size_t length;
        const char *name = read_name(d, at, &length, &pushed);
        int member = find_member(d, node, name, length, &expected);
        int is_null = **at == 'n';
        if (member < 0 && !is_null && node->is_union && lua_isnil(L, unknown) &&
            !is_type_name(name, length)) {
            lua_pushlstring(L, name, length);
            lua_replace(L, unknown);
        }
        if (pushed)
            lua_pop(L, 1);
        if (member < 0 || is_null) {
            read_tree(d, at);
            drop_tree(d);
            continue;
        }
        if (last >= 0)
            BK_JSON_MEMBER(d->shape, last)->next = member;
        last = member;
        found++;
        lua_rawgeti(L, d->names, member + 1);
        push_text_value(d, BK_JSON_MEMBER(d->shape, member)->node, at, levels);
        lua_rawset(L, unknown - 1);
    } while (next_element(at));
    if (found || lua_isnil(L, unknown))
        lua_pop(L, 1);
    else
        set_unknown_member(L);
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
    if (!is_time || !push_time_of(d->L, s, n))
        lua_pushlstring(d->L, s, n);
    return 1;
}

/* The value at *at, which then moves behind it. */
static void push_text_value(decoder *d, int node, const char **at, int levels)
{
    bk_json_kind kind = kind_of(d, node);
    luaL_checkstack(d->L, SLOTS_A_LEVEL, "JSON is nested too deeply");
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
            mark_array(d->L);
        return;
    }
    push_tree(d, node, read_tree(d, at));
    drop_tree(d);
}

/* The text and the depth limit are arguments `text` and `text` + 1. */
static int decode(lua_State *L, const bk_json_shape *shape, int text)
{
    decoder d = {L, shape, NULL, NULL, 0, 0};
    bk_json_scan scan;
    size_t n;
    int work;
    const char *s = luaL_checklstring(L, text, &n), *at;
    lua_Number depth = luaL_optnumber(L, text + 1, BK_JSON_MAX_DEPTH);
    luaL_argcheck(L, depth >= 0, text + 1, "depth limit expected");
    lua_settop(L, text);
    if (!bk_json_check(s, n, depth < BK_JSON_DEPTH_CEILING ? (int)depth : BK_JSON_DEPTH_CEILING,
                       &scan)) {
        char message[100];
        snprintf(message, sizeof message, "%s at byte %zu", scan.error, scan.error_at + 1);
        lua_pushnil(L);
        lua_pushstring(L, message);
        return 2;
    }
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
