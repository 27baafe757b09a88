/* ljsontree.c: see ljsontree.h. */
#include "ljsontree.h"
#include "base64.h"
#include "jsonnum.h"
#include "jsonscan.h"
#include "timefmt.h"

#include <cjson/cJSON.h>
#include <math.h>

#define EXACT_IN_DOUBLE 9007199254740992.0 /* 2^53 */

bk_json_kind bk_json_kind_of(const bk_json_decoder *d, int node)
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

/* A number by plain rules. */
static void push_number(lua_State *L, double x)
{
    if (is_negative_zero(x))
        lua_pushnumber(L, x);
    else
        push_whole(L, x, EXACT_IN_DOUBLE);
}

/* A number whose text was kept: a double would not hold it, or cJSON might not read it. */
static void push_long_number(bk_json_decoder *d, const char *text, int as_float)
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
    if (as_float)
        lua_pushnumber(d->L, x);
    else
        push_number(d->L, x);
}

static int is_long_number(const bk_json_decoder *d, const cJSON *item)
{
    return d->rewritten && cJSON_IsString(item) &&
           (unsigned char)item->valuestring[0] == BK_JSON_MARK_NUMBER;
}

void bk_json_push_string(bk_json_decoder *d, char *s)
{
    size_t n = strlen(s);
    if (d->rewritten) {
        char *p = s;
        while ((p = memchr(p, BK_JSON_MARK_NUL, n - (size_t)(p - s))) != NULL)
            *p++ = '\0';
    }
    lua_pushlstring(d->L, s, n);
}

static void push_plain(bk_json_decoder *d, cJSON *item);

static int count_children(const cJSON *item)
{
    int n = 0;
    for (const cJSON *child = item->child; child; child = child->next)
        n++;
    return n;
}

void bk_json_mark_array(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(BK_JSON_UP_ARRAY));
    lua_setmetatable(L, -2);
}

static void push_plain_array(bk_json_decoder *d, const cJSON *item)
{
    int n = 0;
    lua_createtable(d->L, count_children(item), 0);
    for (cJSON *child = item->child; child; child = child->next) {
        push_plain(d, child);
        lua_rawseti(d->L, -2, ++n);
    }
    bk_json_mark_array(d->L);
}

static void push_plain_object(bk_json_decoder *d, const cJSON *item)
{
    lua_createtable(d->L, 0, count_children(item));
    for (cJSON *child = item->child; child; child = child->next) {
        bk_json_push_string(d, child->string);
        push_plain(d, child);
        lua_rawset(d->L, -3);
    }
}

/* By the rules of documents: whatever is there. */
static void push_plain(bk_json_decoder *d, cJSON *item)
{
    lua_State *L = d->L;
    luaL_checkstack(L, BK_JSON_SLOTS_A_LEVEL, "JSON is nested too deeply");
    switch (item->type & 0xFF) {
    case cJSON_False:
        lua_pushboolean(L, 0);
        break;
    case cJSON_True:
        lua_pushboolean(L, 1);
        break;
    case cJSON_Number:
        push_number(L, item->valuedouble);
        break;
    case cJSON_String:
        if (is_long_number(d, item))
            push_long_number(d, item->valuestring + 1, 0);
        else
            bk_json_push_string(d, item->valuestring);
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

void bk_json_begin_members(bk_json_decoder *d, bk_json_members *m, int node)
{
    m->node = BK_JSON_NODE(d->shape, node);
    m->expected = m->node->first;
    m->last = -1;
    m->found = 0;
    lua_createtable(d->L, 0, m->node->usual);
}

int bk_json_next_member(bk_json_decoder *d, bk_json_members *m, const char *name, size_t length)
{
    const bk_json_shape *shape = d->shape;
    int first = m->node->first, count = m->node->count, i = m->expected;
    for (int tries = 0; tries < count; tries++, i = i + 1 < first + count ? i + 1 : first) {
        bk_json_member *member = BK_JSON_MEMBER(shape, i);
        if (member->wire_length != length ||
            memcmp(shape->text.data + member->wire, name, length) != 0)
            continue;
        if (m->last >= 0)
            BK_JSON_MEMBER(shape, m->last)->next = i;
        m->last = i;
        m->expected = member->next;
        m->found++;
        return i;
    }
    return -1;
}

void bk_json_end_members(bk_json_members *m)
{
    /* A name may come again and again, which must not make the next table any larger. */
    m->node->usual = m->found < m->node->count ? m->found : m->node->count;
}

int bk_json_is_type_name(const char *name, size_t length)
{
    return length == 6 && memcmp(name, "__type", 6) == 0;
}

void bk_json_set_unknown_member(lua_State *L)
{
    /* ... union, name */
    lua_createtable(L, 0, 1);
    lua_insert(L, -2);
    lua_setfield(L, -2, "name");
    lua_setfield(L, -2, "SDK_UNKNOWN_MEMBER");
}

static void push_structure(bk_json_decoder *d, int index, const cJSON *item)
{
    lua_State *L = d->L;
    bk_json_members members;
    char *unknown = NULL;
    bk_json_begin_members(d, &members, index);
    for (cJSON *child = item->child; child; child = child->next) {
        size_t length;
        int at;
        if (cJSON_IsNull(child))
            continue;
        length = strlen(child->string);
        at = bk_json_next_member(d, &members, child->string, length);
        if (at >= 0) {
            lua_rawgeti(L, d->names, at + 1);
            bk_json_push_tree(d, BK_JSON_MEMBER(d->shape, at)->node, child);
            lua_rawset(L, -3);
        } else if (!unknown && !bk_json_is_type_name(child->string, length)) {
            unknown = child->string;
        }
    }
    bk_json_end_members(&members);
    if (members.node->is_union && unknown && !members.found) {
        bk_json_push_string(d, unknown);
        bk_json_set_unknown_member(L);
    }
}

static void push_list(bk_json_decoder *d, int index, const cJSON *item)
{
    int inner = BK_JSON_NODE(d->shape, index)->item, n = 0;
    lua_createtable(d->L, count_children(item), 0);
    for (cJSON *child = item->child; child; child = child->next) {
        if (cJSON_IsNull(child))
            continue;
        bk_json_push_tree(d, inner, child);
        lua_rawseti(d->L, -2, ++n);
    }
}

static void push_map(bk_json_decoder *d, int index, const cJSON *item)
{
    int inner = BK_JSON_NODE(d->shape, index)->item;
    lua_createtable(d->L, 0, count_children(item));
    for (cJSON *child = item->child; child; child = child->next) {
        if (cJSON_IsNull(child))
            continue;
        bk_json_push_string(d, child->string);
        bk_json_push_tree(d, inner, child);
        lua_rawset(d->L, -3);
    }
}

static void push_integer(bk_json_decoder *d, cJSON *item)
{
    if (cJSON_IsNumber(item))
        push_whole(d->L, item->valuedouble, HUGE_VAL);
    else
        push_plain(d, item);
}

static void push_float(bk_json_decoder *d, cJSON *item)
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

int bk_json_push_time_of(lua_State *L, const char *s, size_t n)
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
static void push_time(bk_json_decoder *d, cJSON *item)
{
    const char *s = item->valuestring;
    if (cJSON_IsNumber(item))
        push_whole(d->L, item->valuedouble, EXACT_IN_DOUBLE);
    else if (!cJSON_IsString(item) || is_long_number(d, item) ||
             !bk_json_push_time_of(d->L, s, strlen(s)))
        push_plain(d, item);
}

static void push_blob(bk_json_decoder *d, cJSON *item)
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

void bk_json_push_tree(bk_json_decoder *d, int node, cJSON *item)
{
    lua_State *L = d->L;
    switch (bk_json_kind_of(d, node)) {
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
        luaL_checkstack(L, BK_JSON_SLOTS_A_LEVEL, "JSON is nested too deeply");
        if (cJSON_IsObject(item)) {
            push_structure(d, node, item);
            return;
        }
        break;
    case BK_KIND_LIST:
        luaL_checkstack(L, BK_JSON_SLOTS_A_LEVEL, "JSON is nested too deeply");
        if (cJSON_IsArray(item)) {
            push_list(d, node, item);
            return;
        }
        break;
    case BK_KIND_MAP:
        luaL_checkstack(L, BK_JSON_SLOTS_A_LEVEL, "JSON is nested too deeply");
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
