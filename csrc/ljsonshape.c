/*
 * ljsonshape.c: compiles a resolved shape (the tables of lua/bedrock/model.lua) to flat arrays,
 * once per operation.
 *
 * The codec then follows indices: no table lookup by name, no hashing of names, and recursive
 * shapes are plain cycles of indices. Only members that live in the body are taken over, unless the
 * whole shape is asked for.
 */
#include "jsonquote.h"
#include "ljson.h"

#include <math.h>

/* Shapes nest by their definitions, not by data; the deepest of AWS's models stay far below this.
 */
enum { MAX_NESTING = 150 };

typedef struct compiler {
    lua_State *L;
    bk_json_shape *shape;
    int seen;  /* stack index: shape table -> node index */
    int names; /* stack index: the uservalue to be */
    int nesting;
} compiler;

typedef struct type_name {
    const char *name;
    bk_json_kind kind;
} type_name;

static const type_name type_names[] = {
    {"string", BK_KIND_STRING},      {"structure", BK_KIND_STRUCTURE},
    {"list", BK_KIND_LIST},          {"map", BK_KIND_MAP},
    {"integer", BK_KIND_INTEGER},    {"long", BK_KIND_INTEGER},
    {"short", BK_KIND_INTEGER},      {"byte", BK_KIND_INTEGER},
    {"bigInteger", BK_KIND_INTEGER}, {"float", BK_KIND_FLOAT},
    {"double", BK_KIND_FLOAT},       {"bigDecimal", BK_KIND_FLOAT},
    {"boolean", BK_KIND_BOOLEAN},    {"timestamp", BK_KIND_TIME_UNIX},
    {"blob", BK_KIND_BLOB},          {"document", BK_KIND_DOCUMENT},
    {"character", BK_KIND_STRING},
};

int bk_json_shape_gc(lua_State *L)
{
    bk_json_shape *shape = luaL_checkudata(L, 1, BK_JSON_SHAPE_TYPE);
    bk_buf_free(&shape->nodes);
    bk_buf_free(&shape->members);
    bk_buf_free(&shape->text);
    return 0;
}

static void check_memory(lua_State *L, const bk_buf *b)
{
    if (b->failed)
        luaL_error(L, "not enough memory");
}

/* Appends `count` zeroed elements and gives the index of the first. */
static int grow(lua_State *L, bk_buf *b, size_t count, size_t size)
{
    size_t at = b->len / size;
    char *p = bk_buf_reserve(b, count * size);
    check_memory(L, b);
    memset(p, 0, count * size);
    b->len += count * size;
    return (int)at;
}

static bk_json_node *node_at(compiler *c, int i)
{
    return (bk_json_node *)(void *)c->shape->nodes.data + i;
}

static bk_json_kind kind_named(lua_State *L, const char *name)
{
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++)
        if (strcmp(type_names[i].name, name) == 0)
            return type_names[i].kind;
    luaL_error(L, "unknown type '%s' of a JSON shape", name);
    return BK_KIND_STRING;
}

/* Pushes table[field] and checks that it is a table. */
static void push_table_field(lua_State *L, int table, const char *field)
{
    lua_getfield(L, table, field);
    if (!lua_istable(L, -1))
        luaL_error(L, "a JSON shape lacks the table '%s'", field);
}

/* The kind of timestamp that table.timestampFormat asks for, or `otherwise`. */
static bk_json_kind time_kind(lua_State *L, int table, bk_json_kind otherwise)
{
    const char *format;
    lua_getfield(L, table, "timestampFormat");
    format = lua_tostring(L, -1);
    if (format)
        otherwise = strcmp(format, "iso8601") == 0  ? BK_KIND_TIME_ISO
                    : strcmp(format, "rfc822") == 0 ? BK_KIND_TIME_HTTP
                                                    : BK_KIND_TIME_UNIX;
    lua_pop(L, 1);
    return otherwise;
}

static int compile(compiler *c, int member, int shape);

/* The least size or value that a shape allows; whole shapes only, as a shape may have to be read
 * for it. */
static double read_min(const compiler *c, int shape)
{
    lua_State *L = c->L;
    double min = -HUGE_VAL;
    if (!c->shape->whole)
        return min;
    lua_getfield(L, shape, "min");
    if (lua_type(L, -1) == LUA_TNUMBER)
        min = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return min;
}

/* Compiles table[field], a member with a shape. */
static int compile_item(compiler *c, int table, const char *field, double *min)
{
    lua_State *L = c->L;
    int node;
    push_table_field(L, table, field);
    push_table_field(L, -1, "shape");
    node = compile(c, lua_gettop(L) - 1, lua_gettop(L));
    *min = read_min(c, lua_gettop(L));
    lua_pop(L, 2);
    return node;
}

static int has(lua_State *L, int table, const char *field)
{
    int yes;
    lua_getfield(L, table, field);
    yes = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return yes;
}

static bk_json_place place_of(lua_State *L, int member)
{
    static const struct {
        const char *name;
        bk_json_place place;
    } places[] = {{"uri", BK_IN_PATH}, {"querystring", BK_IN_QUERY}, {"header", BK_IN_HEADER}};
    bk_json_place place = BK_ELSEWHERE;
    const char *name;
    lua_getfield(L, member, "location");
    name = lua_tostring(L, -1);
    for (size_t i = 0; name && i < sizeof places / sizeof places[0]; i++)
        if (strcmp(name, places[i].name) == 0)
            place = places[i].place;
    lua_pop(L, 1);
    if (!name)
        return BK_IN_BODY;
    return has(L, member, "jsonvalue") ? BK_ELSEWHERE : place;
}

/* Marks the members that shape.required names. */
static void mark_required(compiler *c, int shape, int members, int first, int count)
{
    lua_State *L = c->L;
    lua_getfield(L, shape, "required");
    for (int i = 1, n = lua_istable(L, -1) ? (int)bk_rawlen(L, -1) : 0; i <= n; i++) {
        lua_rawgeti(L, -1, i);
        for (int at = first; at < first + count; at++) {
            lua_rawgeti(L, c->names, at + 1);
            if (lua_rawequal(L, -1, -2)) {
                lua_gettable(L, members); /* the name's member in its place */
                BK_JSON_MEMBER(c->shape, at)->required = !has(L, -1, "idempotencyToken");
            }
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* Keeps the wire name of a member: bare to compare with, quoted to write. */
static void add_wire(compiler *c, int index, int member)
{
    lua_State *L = c->L;
    bk_buf *text = &c->shape->text;
    bk_json_member *m;
    size_t length, at = text->len, key, bad_at;
    const char *wire;
    lua_getfield(L, member, "wire");
    wire = lua_tolstring(L, -1, &length);
    if (!wire)
        luaL_error(L, "a member of a JSON shape lacks its wire name");
    bk_buf_add(text, wire, length);
    bk_buf_addchar(text, '\0');
    key = text->len;
    if (!bk_json_quote(text, wire, length, &bad_at))
        luaL_error(L, "a wire name of a JSON shape is not UTF-8");
    bk_buf_addchar(text, ':');
    check_memory(L, text);
    lua_pop(L, 1);
    m = BK_JSON_MEMBER(c->shape, index);
    m->wire = at;
    m->wire_length = length;
    m->key = key;
    m->key_length = text->len - key;
}

/* Compiles the members of the structure at stack index `shape` into `node`. */
static void compile_structure(compiler *c, int node, int shape)
{
    lua_State *L = c->L;
    int order, members, declared, first, count = 0;
    push_table_field(L, shape, "members");
    members = lua_gettop(L);
    push_table_field(L, shape, "order");
    order = members + 1;
    declared = (int)bk_rawlen(L, order);
    /* The structure's members lie side by side, so all of them are set aside before any of their
     * shapes is compiled. */
    first = (int)(c->shape->members.len / sizeof(bk_json_member));
    for (int i = 1; i <= declared; i++) {
        lua_rawgeti(L, order, i);
        lua_pushvalue(L, -1);
        lua_gettable(L, members); /* ... name, member */
        if (!lua_istable(L, -1) || lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "a JSON shape's order names a member that it lacks");
        if (c->shape->whole || place_of(L, lua_gettop(L)) == BK_IN_BODY) {
            int at = grow(L, &c->shape->members, 1, sizeof(bk_json_member));
            add_wire(c, at, lua_gettop(L));
            lua_pushvalue(L, -2);
            lua_rawseti(L, c->names, at + 1);
            count++;
        }
        lua_pop(L, 2);
    }
    for (int i = 1, at = first; i <= declared; i++) {
        lua_rawgeti(L, order, i);
        lua_gettable(L, members);
        bk_json_place place = place_of(L, lua_gettop(L));
        if (c->shape->whole || place == BK_IN_BODY) {
            bk_json_member *m;
            int inner;
            if (at == first + count) /* metamethods may tell another tale each time */
                luaL_error(L, "a JSON shape changes while it is read");
            push_table_field(L, -1, "shape");
            inner = compile(c, lua_gettop(L) - 1, lua_gettop(L));
            m = BK_JSON_MEMBER(c->shape, at);
            m->node = inner;
            m->next = at + 1 < first + count ? at + 1 : first;
            m->place = place;
            m->min = read_min(c, lua_gettop(L));
            at++;
            lua_pop(L, 1);
        }
        lua_pop(L, 1);
    }
    if (c->shape->whole)
        mark_required(c, shape, members, first, count);
    lua_pop(L, 2);
    lua_getfield(L, shape, "union");
    node_at(c, node)->is_union = lua_toboolean(L, -1);
    lua_pop(L, 1);
    node_at(c, node)->first = first;
    node_at(c, node)->count = count;
    node_at(c, node)->usual = count;
}

/* Compiles the shape at stack index `shape`, as it is used by the member at `member` (0 for the
 * root). */
static int compile(compiler *c, int member, int shape)
{
    lua_State *L = c->L;
    bk_json_kind kind;
    int node;
    luaL_checkstack(L, 16, "JSON shape too deep");
    lua_getfield(L, shape, "type");
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "a JSON shape lacks its type");
    kind = kind_named(L, lua_tostring(L, -1));
    lua_pop(L, 1);
    if (kind == BK_KIND_TIME_UNIX) {
        kind = time_kind(L, shape, kind);
        return (int)(member ? time_kind(L, member, kind) : kind);
    }
    if (kind < BK_KIND_STRUCTURE)
        return (int)kind;

    lua_pushvalue(L, shape);
    lua_rawget(L, c->seen);
    if (!lua_isnil(L, -1)) {
        node = (int)lua_tointeger(L, -1);
        lua_pop(L, 1);
        return node;
    }
    lua_pop(L, 1);
    if (c->nesting == MAX_NESTING)
        luaL_error(L, "JSON shapes are nested too deeply");
    c->nesting++;
    node = grow(L, &c->shape->nodes, 1, sizeof(bk_json_node));
    node_at(c, node)->kind = kind;
    lua_pushvalue(L, shape);
    lua_pushinteger(L, node);
    lua_rawset(L, c->seen);
    if (kind == BK_KIND_STRUCTURE) {
        compile_structure(c, node, shape);
    } else {
        double key_min = 0, item_min;
        int item = compile_item(c, shape, kind == BK_KIND_LIST ? "member" : "value", &item_min);
        if (kind == BK_KIND_MAP && c->shape->whole)
            (void)compile_item(c, shape, "key", &key_min);
        node_at(c, node)->item = item;
        node_at(c, node)->min = read_min(c, shape);
        node_at(c, node)->key_min = key_min;
        node_at(c, node)->item_min = item_min;
    }
    c->nesting--;
    return node;
}

static int has_member_in_body(const bk_json_shape *shape)
{
    const bk_json_node *root = BK_JSON_NODE(shape, shape->root);
    for (int i = root->first; i < root->first + root->count; i++)
        if (BK_JSON_MEMBER(shape, i)->place == BK_IN_BODY)
            return 1;
    return 0;
}

int bk_json_lshape(lua_State *L)
{
    compiler c = {L, NULL, 0, 0, 0};
    luaL_checktype(L, 1, LUA_TTABLE);
    int whole = lua_toboolean(L, 2);
    lua_settop(L, 1);
    c.shape = bk_newuserdata(L, sizeof *c.shape);
    memset(c.shape, 0, sizeof *c.shape);
    c.shape->whole = whole;
    lua_pushvalue(L, lua_upvalueindex(BK_JSON_UP_SHAPE));
    lua_setmetatable(L, 2);
    lua_newtable(L);
    c.seen = 3;
    lua_newtable(L);
    c.names = 4;
    grow(L, &c.shape->nodes, BK_KIND_STRUCTURE, sizeof(bk_json_node));
    for (int kind = 0; kind < (int)BK_KIND_STRUCTURE; kind++)
        node_at(&c, kind)->kind = (bk_json_kind)kind;
    c.shape->root = compile(&c, 0, 1);
    c.shape->bodied = whole && !has(L, 1, "payload") && has_member_in_body(c.shape);
    lua_pushvalue(L, c.names);
    bk_setuservalue(L, 2);
    lua_settop(L, 2);
    return 1;
}
