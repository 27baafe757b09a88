/*
 * ldataset.c: a check of a data set as userdata "bedrock.dataset.check".
 *
 *   check = dataset.new(options)  -> check | nil, message
 *   check:feed(text) -> whether more is wanted | nil, message
 *   check:open(path) -> bytes of the file | nil, message
 *   check:read() -> whether more may come | nil, message
 *   check:progress() -> bytes, lines, records, errors
 *   check:finish() -> result | nil, message
 *   check:close()
 *
 * What the functions give is described in lua/bedrock/meta/dataset.lua. Finalizers may run while a
 * result is turned into a table; `busy` keeps them from changing what is read.
 */
#include "ldataset.h"
#include "dataset.h"
#include "datasetfile.h"

#include <string.h>

#define CHECK_TYPE "bedrock.dataset.check"

enum { PIECES_A_READ = 4 };

typedef struct check {
    bk_dataset set;
    bk_datasetfile file;
    int open;
    int busy;
    int finished;
} check;

static check *to_check(lua_State *L)
{
    check *c = luaL_checkudata(L, 1, CHECK_TYPE);
    if (!c->open)
        luaL_error(L, "the check is closed");
    if (c->busy)
        luaL_error(L, "the check is in use");
    return c;
}

static check *to_unfinished(lua_State *L)
{
    check *c = to_check(L);
    if (c->finished)
        luaL_error(L, "the check is finished");
    return c;
}

static int refuse(lua_State *L, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

/* ------------------------------------------------------------------------------------- options */

/* A count in the table at index 1; 0 if there is none. */
static uint64_t opt_count(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    lua_Number n = lua_isnil(L, -1) ? 0 : lua_tonumber(L, -1);
    if (!(n >= 0 && n < 9007199254740992.0) ||
        (n == 0 && !lua_isnil(L, -1) && !lua_isnumber(L, -1)))
        luaL_error(L, "option %s is not a count", name);
    lua_pop(L, 1);
    return (uint64_t)n;
}

static int opt_flag(lua_State *L, const char *name, int flag)
{
    lua_getfield(L, 1, name);
    int set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return set ? flag : 0;
}

static enum bk_dataset_shape opt_shape(lua_State *L)
{
    enum bk_dataset_shape shape = BK_SHAPE_AUTO;
    lua_getfield(L, 1, "shape");
    if (!lua_isnil(L, -1)) {
        const char *name = lua_tostring(L, -1);
        for (int i = 1; name && i < BK_SHAPE_COUNT; i++)
            if (strcmp(name, bk_dataset_shape_name((enum bk_dataset_shape)i)) == 0)
                shape = (enum bk_dataset_shape)i;
        if (shape == BK_SHAPE_AUTO)
            luaL_error(L, "option shape is not known");
    }
    lua_pop(L, 1);
    return shape;
}

static void read_options(lua_State *L, bk_dataset_options *o)
{
    uint64_t examples = opt_count(L, "examples");
    memset(o, 0, sizeof *o);
    o->shape = opt_shape(L);
    o->flags = opt_flag(L, "reserved_words", BK_DATASET_RESERVED_WORDS) |
               opt_flag(L, "media_names", BK_DATASET_MEDIA_NAMES) |
               opt_flag(L, "text_only", BK_DATASET_TEXT_ONLY) |
               opt_flag(L, "reasoning", BK_DATASET_REASONING);
    o->examples = examples < BK_DATASET_MAX_EXAMPLES ? (unsigned)examples : BK_DATASET_MAX_EXAMPLES;
    o->remember = (size_t)opt_count(L, "remember");
    o->max_tokens = opt_count(L, "max_tokens");
    o->max_input_tokens = opt_count(L, "max_input_tokens");
    o->max_output_tokens = opt_count(L, "max_output_tokens");
    o->caption_min = opt_count(L, "caption_min");
    o->caption_max = opt_count(L, "caption_max");
}

static int new_check(lua_State *L)
{
    bk_dataset_options options;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    read_options(L, &options);
    check *c = bk_newuserdata(L, sizeof *c);
    memset(c, 0, sizeof *c);
    bk_datasetfile_init(&c->file);
    bk_setmetatable(L, CHECK_TYPE);
    c->open = 1;
    if (!bk_dataset_init(&c->set, &options))
        return refuse(L, "not enough memory");
    return 1;
}

/* ------------------------------------------------------------------------------------- feeding */

static int check_feed(lua_State *L)
{
    check *c = to_unfinished(L);
    size_t n;
    const char *text = luaL_checklstring(L, 2, &n);
    if (!bk_dataset_feed(&c->set, text, n))
        return refuse(L, "not enough memory");
    lua_pushboolean(L, !c->set.stopped);
    return 1;
}

static void push_count(lua_State *L, uint64_t n)
{
#if BK_HAS_INTEGER
    lua_pushinteger(L, (lua_Integer)n);
#else
    lua_pushnumber(L, (lua_Number)n);
#endif
}

static int refuse_file(lua_State *L, int code)
{
    lua_pushnil(L);
    lua_pushstring(L, strerror(code));
    return 2;
}

static int check_open(lua_State *L)
{
    check *c = to_unfinished(L);
    size_t len;
    const char *path = luaL_checklstring(L, 2, &len);
    if (strlen(path) != len)
        return refuse(L, "the path holds a NUL byte");
    bk_datasetfile_close(&c->file);
    int code = bk_datasetfile_open(&c->file, path);
    if (code)
        return refuse_file(L, code);
    push_count(L, c->file.size);
    return 1;
}

static int check_read(lua_State *L)
{
    check *c = to_unfinished(L);
    size_t n = 1;
    if (c->file.fd < 0)
        return luaL_error(L, "no file is open");
    for (int i = 0; i < PIECES_A_READ && n > 0 && !c->set.stopped; i++) {
        int code = bk_datasetfile_read(&c->file, &n);
        if (code)
            return refuse_file(L, code);
        if (n == 0 && c->file.got < c->file.size)
            return refuse(L, "the file became shorter while it was read");
        if (!bk_dataset_feed(&c->set, c->file.piece, n))
            return refuse(L, "not enough memory");
    }
    lua_pushboolean(L, n > 0 && !c->set.stopped);
    return 1;
}

static int check_progress(lua_State *L)
{
    const check *c = to_check(L);
    uint64_t errors = 0;
    for (int i = 0; i < BK_RULE_COUNT; i++)
        if (bk_dataset_is_error((enum bk_dataset_rule)i))
            errors += c->set.counts[i];
    push_count(L, c->set.bytes);
    push_count(L, c->set.lines);
    push_count(L, c->set.records);
    push_count(L, errors);
    return 4;
}

/* ------------------------------------------------------------------------------------- results */

static void set_count(lua_State *L, const char *name, uint64_t n)
{
    push_count(L, n);
    lua_setfield(L, -2, name);
}

static void set_string(lua_State *L, const char *name, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, name);
}

static void set_flag(lua_State *L, const char *name, int value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void set_size(lua_State *L, const char *name, const bk_dataset_size *size)
{
    lua_createtable(L, 0, 2);
    set_count(L, "characters", size->characters);
    set_count(L, "tokens", (size->quarters + 3) / 4);
    lua_setfield(L, -2, name);
}

static void set_distribution(lua_State *L, const char *name, const bk_hist *h)
{
    lua_createtable(L, 0, 8);
    set_count(L, "min", h->min);
    set_count(L, "median", bk_hist_percentile(h, 0.5));
    set_count(L, "p90", bk_hist_percentile(h, 0.9));
    set_count(L, "p95", bk_hist_percentile(h, 0.95));
    set_count(L, "p99", bk_hist_percentile(h, 0.99));
    set_count(L, "max", h->max);
    set_count(L, "total", h->sum);
    lua_pushnumber(L, h->count ? (lua_Number)h->sum / (lua_Number)h->count : 0);
    lua_setfield(L, -2, "mean");
    lua_setfield(L, -2, name);
}

static void push_example(lua_State *L, const bk_dataset_example *e)
{
    lua_createtable(L, 0, 8);
    set_count(L, "line", e->line);
    set_count(L, "offset", e->offset);
    set_count(L, "column", e->column);
    if (e->excerpt[0])
        set_string(L, "excerpt", e->excerpt);
    if (e->note)
        set_string(L, "note", e->note);
    if (e->value)
        set_count(L, "value", e->value);
    if (e->limit)
        set_count(L, "limit", e->limit);
}

static void push_problem(lua_State *L, const bk_dataset *d, enum bk_dataset_rule rule)
{
    int count = 0;
    lua_createtable(L, 0, 6);
    set_string(L, "rule", bk_dataset_rule_name(rule));
    set_string(L, "severity", bk_dataset_is_error(rule) ? "error" : "warning");
    set_count(L, "count", d->counts[rule]);
    lua_newtable(L);
    for (size_t i = 0; i < d->example_count; i++) {
        if (d->examples[i].rule != rule)
            continue;
        push_example(L, &d->examples[i]);
        lua_rawseti(L, -2, ++count);
    }
    lua_setfield(L, -2, "examples");
}

/* Runs protected, so that a failed allocation can't leave the check busy. */
static int push_result(lua_State *L)
{
    const check *c = lua_touserdata(L, 1);
    const bk_dataset *d = &c->set;
    int count = 0;
    luaL_checkstack(L, 10, "no room for a result");
    lua_createtable(L, 0, 24);
    set_count(L, "bytes", d->bytes);
    set_count(L, "lines", d->lines);
    set_count(L, "records", d->records);
    set_count(L, "bad_records", d->bad_records);
    set_count(L, "measured", d->measured);
    set_count(L, "turns", d->turns);
    set_count(L, "images", d->images);
    set_count(L, "videos", d->videos);
    set_count(L, "latin1", d->latin1);
    set_count(L, "remembered", d->seen.room);
    set_flag(L, "all_remembered", !d->seen.full);
    set_flag(L, "stopped", d->stopped);
    if (d->options.shape != BK_SHAPE_AUTO)
        set_string(L, "shape", bk_dataset_shape_name(d->options.shape));
    if (d->shape_line)
        set_count(L, "shape_line", d->shape_line);
    set_size(L, "input", &d->input);
    set_size(L, "output", &d->output);
    set_distribution(L, "characters", &d->characters);
    set_distribution(L, "tokens", &d->tokens);
    lua_newtable(L);
    for (int i = 0; i < BK_RULE_COUNT; i++) {
        if (!d->counts[i])
            continue;
        push_problem(L, d, (enum bk_dataset_rule)i);
        lua_rawseti(L, -2, ++count);
    }
    lua_setfield(L, -2, "problems");
    return 1;
}

static int check_finish(lua_State *L)
{
    check *c = to_check(L);
    if (!c->finished && !bk_dataset_finish(&c->set))
        return refuse(L, "not enough memory");
    c->finished = 1;
    lua_settop(L, 1);
    lua_pushcfunction(L, push_result); /* on 5.1 it allocates */
    lua_pushvalue(L, 1);
    to_check(L); /* a finalizer may have closed it */
    c->busy = 1;
    int code = lua_pcall(L, 1, 1, 0);
    c->busy = 0;
    return code == 0 ? 1 : lua_error(L);
}

static int check_close(lua_State *L)
{
    check *c = luaL_checkudata(L, 1, CHECK_TYPE);
    if (c->busy)
        return luaL_error(L, "the check is in use");
    c->open = 0;
    bk_datasetfile_close(&c->file);
    bk_dataset_free(&c->set);
    return 0;
}

static int check_tostring(lua_State *L)
{
    const check *c = luaL_checkudata(L, 1, CHECK_TYPE);
    const char *state = !c->open ? "closed" : c->finished ? "finished" : "open";
    lua_pushfstring(L, CHECK_TYPE " (%s): %p", state, (const void *)c);
    return 1;
}

static const luaL_Reg methods[] = {{"feed", check_feed},
                                   {"open", check_open},
                                   {"read", check_read},
                                   {"progress", check_progress},
                                   {"finish", check_finish},
                                   {"close", check_close},
                                   {NULL, NULL}};

static const luaL_Reg metamethods[] = {
    {"__gc", check_close}, {"__close", check_close}, {"__tostring", check_tostring}, {NULL, NULL}};

static const luaL_Reg functions[] = {{"new", new_check}, {NULL, NULL}};

void bk_open_dataset(lua_State *L)
{
    bk_newmetatable(L, CHECK_TYPE);
    bk_setfuncs(L, metamethods, 0);
    bk_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
    bk_setfuncs(L, functions, 0);
}
