/*
 * ljson.h: what the parts of the JSON codec share: compiled shapes, and the memory of one call.
 */
#ifndef BK_LJSON_H
#define BK_LJSON_H

#include "buf.h"
#include "compat.h"

#define BK_JSON_SHAPE_TYPE "bedrock.json.shape"

struct cJSON;

/* What a value has to be. Scalars need no node of their own: their kind is their node's index. */
typedef enum bk_json_kind {
    BK_KIND_STRING,
    BK_KIND_INTEGER,
    BK_KIND_FLOAT,
    BK_KIND_BOOLEAN,
    BK_KIND_TIME_UNIX, /* a timestamp, by the form that the encoder writes; the decoder takes all
                          forms */
    BK_KIND_TIME_ISO,
    BK_KIND_TIME_HTTP,
    BK_KIND_BLOB,
    BK_KIND_DOCUMENT, /* any JSON */
    BK_KIND_STRUCTURE,
    BK_KIND_LIST,
    BK_KIND_MAP
} bk_json_kind;

typedef struct bk_json_node {
    bk_json_kind kind;
    int is_union;
    int first; /* structure: index of its first member; they lie side by side in the model's order
                */
    int count; /* structure: how many */
    int item;  /* list, map: node of what they hold */
    int usual; /* structure: how many members the last one had that was decoded */
    double min, key_min, item_min; /* list, map: of the size, of a key, of an item; whole shapes */
} bk_json_node;

/* Where a member travels. */
typedef enum bk_json_place {
    BK_IN_BODY,
    BK_IN_PATH,
    BK_IN_QUERY,
    BK_IN_HEADER,
    BK_ELSEWHERE
} bk_json_place;

typedef struct bk_json_member {
    size_t wire; /* offset in `text` of the name on the wire, and its length */
    size_t wire_length;
    size_t key; /* the same name as the encoder writes it, quoted and with its colon */
    size_t key_length;
    int node;
    int next;            /* the member that followed this one last time: answers keep their order */
    bk_json_place place; /* only whole shapes have members outside of the body */
    /* In whole shapes: */
    int required;
    double min; /* of the number, the characters, the bytes; -HUGE_VAL: none */
} bk_json_member;

/* A userdata. Its uservalue is a list of the members' names in Lua, in the order of `members`.
 * Without nodes it is finalized. A whole shape has the members that travel outside of the body,
 * too: parameters are checked and written beside it, nothing is decoded. */
typedef struct bk_json_shape {
    bk_buf nodes;   /* bk_json_node[], from BK_KIND_STRING on */
    bk_buf members; /* bk_json_member[] */
    bk_buf text;
    int root, whole;
    int bodied; /* whole shapes: JSON of members is the request's body */
} bk_json_shape;

#define BK_JSON_NODE(shape, i) ((bk_json_node *)(void *)(shape)->nodes.data + (i))
#define BK_JSON_MEMBER(shape, i) ((bk_json_member *)(void *)(shape)->members.data + (i))

/* The memory of one call, owned by a userdata so that an error may jump from anywhere. */
typedef struct bk_json_work {
    int closed; /* it was finalized */
    struct cJSON *tree;
    bk_buf text; /* decoding: the rewritten text, encoding: the result */
    bk_buf more; /* decoding: a blob, encoding: keys to sort, the path of an error */
} bk_json_work;

/* The functions of core have these upvalues. */
enum {
    BK_JSON_UP_SHAPE = 1, /* metatables */
    BK_JSON_UP_WORK,
    BK_JSON_UP_SPARE, /* the memory that one function's calls use in turn, or nil */
    BK_JSON_UP_LENT,
    BK_JSON_UP_ARRAY,
    BK_JSON_UPVALUES = BK_JSON_UP_ARRAY
};

/* Pushes empty working memory and lends it. */
bk_json_work *bk_json_pushwork(lua_State *L);
/* Gives it back, wiped. The userdata at `index` is of no more use. */
void bk_json_dropwork(lua_State *L, int index, bk_json_work *w);
/* The compiled shape at a stack index, or an error: while a Lua state closes, the finalizers of
 * others may still call us with a shape that had its own already. */
bk_json_shape *bk_json_checkshape(lua_State *L, int index);

/* lparams.c: whether the scalar at a stack index is surely right. */
int bk_json_is_right(lua_State *L, bk_json_kind kind, double min, int value, bk_json_place place);

/* Functions of core. */
int bk_json_lshape(lua_State *L);
int bk_json_lencode(lua_State *L);
int bk_json_lencode_params(lua_State *L);
int bk_json_lencode_plain(lua_State *L);
int bk_json_ldecode(lua_State *L);
int bk_json_ldecode_plain(lua_State *L);
/* __gc of a compiled shape. */
int bk_json_shape_gc(lua_State *L);

#endif
