/*
 * ljsontree.h: from a tree of cJSON's to Lua values, beside a compiled shape or by plain rules.
 *
 * Each push_ function leaves one value on Lua's stack and may raise; the tree belongs to d->work
 * meanwhile.
 */
#ifndef BK_LJSONTREE_H
#define BK_LJSONTREE_H

#include "ljson.h"

/* Of Lua's stack: a container, a key, a value, and what reading them takes. */
enum { BK_JSON_SLOTS_A_LEVEL = 8 };

typedef struct bk_json_decoder {
    lua_State *L;
    const bk_json_shape *shape; /* NULL: plain */
    bk_json_work *work;
    const char *end; /* of the text */
    int names;       /* stack index of the members' names */
    int rewritten;   /* strings may hold the marks of jsonscan.h */
} bk_json_decoder;

/* The members of one structure as they come. */
typedef struct bk_json_members {
    bk_json_node *node;
    int expected; /* the member that is tried first */
    int last;     /* the one before it, or -1 */
    int found;    /* how many were known */
} bk_json_members;

bk_json_kind bk_json_kind_of(const bk_json_decoder *d, int node);

/* Begins a structure: pushes its table, with room for as many members as the one before had. */
void bk_json_begin_members(bk_json_decoder *d, bk_json_members *m, int node);
/* The index of the member with this name on the wire, or -1. */
int bk_json_next_member(bk_json_decoder *d, bk_json_members *m, const char *name, size_t length);
/* Notes how many there were. */
void bk_json_end_members(bk_json_members *m);
/* Takes a name from the top, and makes the union below it say that this is what it was given,
 * unknown to the shape. */
void bk_json_set_unknown_member(lua_State *L);
/* True for the name that comes with unions and says nothing. */
int bk_json_is_type_name(const char *name, size_t length);

/* Marks the table at the top as an array, so that an empty one is written as [] again. */
void bk_json_mark_array(lua_State *L);
/* A string of cJSON's, with the NULs that stand in it as marks. */
void bk_json_push_string(bk_json_decoder *d, char *s);
/* The time that a text stands for; pushes nothing and gives 0 where it is none. */
int bk_json_push_time_of(lua_State *L, const char *s, size_t n);
/* A value beside the shape's node; what does not fit the shape is decoded by plain rules. */
void bk_json_push_tree(bk_json_decoder *d, int node, struct cJSON *item);

#endif
