/*
 * dataset.h: checks a file of training data, one JSON record a line, in plain C.
 *
 * It is fed bytes in pieces of any size and keeps no record: a line that lies within a piece is
 * checked in place, one that is cut is put together first. What it says does not depend on how the
 * bytes were cut. Memory is bounded: one line (BK_DATASET_MAX_RECORD), the hashes of a number of
 * records, and so many examples of each rule.
 *
 * Which rules there are, and which of them are errors, is the table in datasetlines.c.
 */
#ifndef BK_DATASET_H
#define BK_DATASET_H

#include "buf.h"
#include "datasethist.h"
#include "datasetseen.h"

#include <stdint.h>

enum {
    /* Bytes of one line. What a base model takes is far below, even with all of it escaped. */
    BK_DATASET_MAX_RECORD = 4 * 1024 * 1024,
    /* Bytes of a line at which the check ends: what has none of a text's line breaks may be
     * endless, as /dev/zero is. */
    BK_DATASET_ENDLESS = 256 * 1024 * 1024,
    BK_DATASET_MAX_EXAMPLES = 10000, /* of one rule */
    BK_DATASET_EXCERPT = 160,        /* of a line, readable, and its NUL */
    BK_DATASET_LATE = 16,            /* records that are compared with others together */
    BK_DATASET_BUCKET = 64,          /* an S3 bucket's name and its NUL */
    /* The rule of thumb for text models: a limit in tokens is this many times as large in
     * characters. */
    BK_DATASET_CHARACTERS_PER_TOKEN = 6
};

enum bk_dataset_shape {
    BK_SHAPE_AUTO, /* that of the first record which has one */
    BK_SHAPE_PROMPT_COMPLETION,
    BK_SHAPE_CONVERSE,
    BK_SHAPE_ANTHROPIC,
    BK_SHAPE_IMAGE_CAPTION,
    BK_SHAPE_COUNT
};

/* In the order in which a report lists them. */
enum bk_dataset_rule {
    BK_RULE_NOT_TEXT,
    BK_RULE_UTF_16,
    BK_RULE_ARRAY_FILE,
    BK_RULE_BYTE_ORDER_MARK,
    BK_RULE_INVALID_UTF_8,
    BK_RULE_NUL_BYTE,
    BK_RULE_BLANK_LINE,
    BK_RULE_TRAILING_BLANK_LINE,
    BK_RULE_JSON,
    BK_RULE_CUT_OFF,
    BK_RULE_MULTI_LINE,
    BK_RULE_LINE_BREAK_IN_STRING,
    BK_RULE_SEVERAL_RECORDS,
    BK_RULE_CONTROL_BYTE,
    BK_RULE_LONE_SURROGATE,
    BK_RULE_RECORD_TOO_LARGE,
    BK_RULE_NOT_AN_OBJECT,
    BK_RULE_OTHER_SHAPE,
    BK_RULE_MISSING_KEY,
    BK_RULE_UNKNOWN_KEY,
    BK_RULE_DUPLICATE_KEY,
    BK_RULE_WRONG_TYPE,
    BK_RULE_EMPTY_TEXT,
    BK_RULE_EMPTY_LIST,
    BK_RULE_BLOCK_FORM,
    BK_RULE_UNKNOWN_ROLE,
    BK_RULE_FIRST_ROLE,
    BK_RULE_ROLE_ORDER,
    BK_RULE_LAST_ROLE,
    BK_RULE_RESERVED_WORD,
    BK_RULE_RECORD_TOO_LONG,
    BK_RULE_CAPTION_LENGTH,
    BK_RULE_MEDIA_FOR_TEXT_MODEL,
    BK_RULE_INLINE_MEDIA,
    BK_RULE_MEDIA_FORMAT,
    BK_RULE_S3_URI,
    BK_RULE_MEDIA_FILE_NAME,
    BK_RULE_SEVERAL_BUCKETS,
    BK_RULE_MIXED_MEDIA,
    BK_RULE_TOO_MANY_MEDIA,
    BK_RULE_CRLF,
    BK_RULE_ESCAPED_NUL,
    BK_RULE_SCHEMA_VERSION,
    BK_RULE_TOOL_SECTION,
    BK_RULE_REASONING_SECTION,
    BK_RULE_RESERVED_WORD_ELSEWHERE,
    BK_RULE_RECORD_MAYBE_TOO_LONG,
    BK_RULE_DUPLICATE_RECORD,
    BK_RULE_COUNT
};

/* What a model has beyond the shape. */
enum {
    BK_DATASET_RESERVED_WORDS = 1,
    BK_DATASET_MEDIA_NAMES = 2, /* few characters, one bucket, no videos beside images */
    BK_DATASET_TEXT_ONLY = 4,
    BK_DATASET_REASONING = 8 /* it takes reasoning text */
};

/* Limits are 0 where there are none. */
typedef struct bk_dataset_options {
    enum bk_dataset_shape shape;
    int flags;
    unsigned examples; /* kept of each rule */
    size_t remember;   /* records that duplicates are found of; 0: not looked for */
    uint64_t max_tokens, max_input_tokens, max_output_tokens; /* of a record */
    uint64_t caption_min, caption_max;                        /* characters */
} bk_dataset_options;

/* A place, and what else is to be said of it. */
typedef struct bk_dataset_example {
    enum bk_dataset_rule rule;
    uint64_t line;    /* from 1 */
    uint64_t offset;  /* in bytes from the start of the file, from 0 */
    uint64_t column;  /* in characters, from 1 */
    uint64_t value;   /* the last line of a record over several, the first one that a duplicate
                         repeats, the tokens or characters that are too many; else 0 */
    uint64_t limit;   /* that the value is over */
    const char *note; /* a constant text, or NULL: what was expected, which key is missing */
    char excerpt[BK_DATASET_EXCERPT]; /* from that place on; no byte of it is a control byte */
} bk_dataset_example;

typedef struct bk_dataset_size {
    uint64_t characters; /* of texts, as they read without escapes */
    uint64_t quarters;   /* of estimated tokens */
} bk_dataset_size;

/* A record that is not yet compared with those before it, and how it begins. */
typedef struct bk_dataset_late {
    uint64_t hash, line, offset;
    size_t length;
    char beginning[BK_DATASET_EXCERPT];
} bk_dataset_late;

typedef struct bk_dataset {
    bk_dataset_options options;

    uint64_t bytes;       /* that were looked at */
    uint64_t lines;       /* begun */
    uint64_t records;     /* lines that are not blank; one that goes over several lines is one */
    uint64_t bad_records; /* with an error */
    uint64_t measured;    /* records that are in the lengths: JSON of some shape */
    uint64_t turns, images, videos;
    uint64_t latin1;     /* of the invalid UTF-8: single bytes that are letters in Latin-1 */
    uint64_t shape_line; /* where the shape was found, or 0 */
    bk_dataset_size input, output;
    bk_hist characters, tokens; /* of each record */
    bk_seen seen;
    int stopped; /* the rest can't be checked; told by the last problem */

    uint64_t counts[BK_RULE_COUNT];
    bk_dataset_example *examples; /* of all rules, as they came */
    size_t example_count, example_room;
    int failed; /* no memory */

    /* Private: the line that is not whole yet, and what waits for the lines behind it. */
    bk_buf part;
    uint64_t part_bytes; /* of it so far; more than `part` holds where it is too long */
    uint64_t line_at;    /* where the line begins */
    uint64_t blank_count;
    bk_dataset_example blank;
    enum { BK_OPEN_NOT, BK_OPEN_VALUE, BK_OPEN_STRING } open;
    int in_string;
    unsigned long depth;
    bk_dataset_example unfinished;
    bk_dataset_late late[BK_DATASET_LATE];
    size_t late_count; /* since the start */
    char bucket[BK_DATASET_BUCKET];
    int bad; /* the record at hand has an error */
} bk_dataset;

/* Gives 0 without memory. A zeroed struct is legal for bk_dataset_free. */
int bk_dataset_init(bk_dataset *d, const bk_dataset_options *options);
/* Gives 0 without memory: it can't go on then. Once it has stopped it takes all and looks at none.
 */
int bk_dataset_feed(bk_dataset *d, const char *bytes, size_t n);
/* The last line, which may lack a line feed. */
int bk_dataset_finish(bk_dataset *d);
void bk_dataset_free(bk_dataset *d);

const char *bk_dataset_rule_name(enum bk_dataset_rule rule);
int bk_dataset_is_error(enum bk_dataset_rule rule);
const char *bk_dataset_shape_name(enum bk_dataset_shape shape); /* "" for AUTO */

#endif
