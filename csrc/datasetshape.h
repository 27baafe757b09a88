/*
 * datasetshape.h: the shapes of records, as trees of nodes: what may stand in a place, and what
 * part of a record that is.
 */
#ifndef BK_DATASETSHAPE_H
#define BK_DATASETSHAPE_H

#include "dataset.h"

enum {
    BK_TYPE_STRING = 1,
    BK_TYPE_LIST = 2,
    BK_TYPE_OBJECT = 4,
    BK_TYPE_SCALAR = 8,
    BK_TYPE_ANY = 15
};

enum bk_part {
    BK_PART_NOTHING,
    BK_PART_ROOT,
    BK_PART_INPUT,
    BK_PART_OUTPUT,
    BK_PART_SYSTEM_TEXT, /* a text, or a list of them: one of the two in each shape */
    BK_PART_MESSAGES,
    BK_PART_MESSAGE,
    BK_PART_ROLE,
    BK_PART_CONTENT, /* likewise */
    BK_PART_TURN,    /* a text of the message's role */
    BK_PART_BLOCK,
    BK_PART_IMAGE,
    BK_PART_VIDEO,
    BK_PART_FORMAT_OF_IMAGE,
    BK_PART_FORMAT_OF_VIDEO,
    BK_PART_SOURCE,
    BK_PART_INLINE,
    BK_PART_MEDIA_URI,
    BK_PART_IMAGE_REF,
    BK_PART_CAPTION,
    BK_PART_SCHEMA_VERSION,
    BK_PART_TOOLS,
    BK_PART_REASONING,
    BK_PART_PLAIN,
    BK_PART_GUESS, /* what shape a record has */
    BK_PART_GUESSED_CONTENT
};

typedef struct bk_node bk_node;

typedef struct bk_member {
    const char *name;
    const bk_node *node;
    int required;
} bk_member;

struct bk_node {
    int types;
    enum bk_part part;
    const char *expected;
    const bk_member *members; /* NULL: names are not looked at */
    const bk_node *item;
};

/* Whatever is JSON. */
extern const bk_node bk_any_node;
/* Of each shape; of BK_SHAPE_AUTO an object of which nothing is known. */
extern const bk_node *const bk_shape_roots[BK_SHAPE_COUNT];
/* A look at a record that tells the shapes apart. Its members, in this order: prompt, completion,
 * image-ref, caption, schemaVersion, messages. */
extern const bk_node bk_guess_root;

#endif
