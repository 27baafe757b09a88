/*
 * jsonscan.h: a strict check of JSON text (RFC 8259) ahead of cJSON, in plain C.
 *
 * cJSON takes more than JSON (raw control bytes, "01", text after the end of a number), tells no
 * positions that a person can use, and loses what its C strings and doubles can't hold. One fast
 * pass finds all errors with their place and notices what would be lost; only text with such
 * content is then rewritten with marks that can't occur in UTF-8.
 *
 * Outcomes that RFC 8259 leaves open: a byte order mark at the start is ignored; lone surrogates
 * and each invalid UTF-8 sequence (its maximal subpart, as browsers do) read as U+FFFD; duplicate
 * names and huge numbers are legal here.
 */
#ifndef BK_JSONSCAN_H
#define BK_JSONSCAN_H

#include "buf.h"

#include <stddef.h>

enum {
    BK_JSON_MAX_DEPTH = 128,    /* nested arrays and objects, unless the caller says otherwise */
    BK_JSON_DEPTH_CEILING = 900 /* what a caller may ask for; cJSON itself stops at 1000 */
};

/* Why a text needs bk_json_rewrite before cJSON may see it. */
enum {
    BK_JSON_HAS_NUL = 1,     /* an escaped U+0000: it would end a C string */
    BK_JSON_HAS_INVALID = 2, /* a lone surrogate or invalid UTF-8 */
    /* More digits than a double or cJSON's buffer of 64 bytes holds. So does every fraction where
     * the process's locale has another decimal point: whether cJSON can read it then depends on how
     * it was built, and on how many bytes that point takes. */
    BK_JSON_HAS_LONG_NUMBER = 4
};

/* What bk_json_rewrite puts in place of the above. Neither byte occurs in valid UTF-8. */
enum {
    BK_JSON_MARK_NUL = 0xFE,   /* stands for U+0000 inside a string */
    BK_JSON_MARK_NUMBER = 0xFF /* begins a string whose rest is the text of a number */
};

typedef struct bk_json_scan {
    const char *error; /* a constant text such as "JSON ends too soon", or NULL */
    size_t
        error_at; /* offset of the byte that is wrong, from 0; the length where more was expected */
    int found;    /* BK_JSON_HAS_... */
} bk_json_scan;

/* How many bytes of byte order mark stand at the start: 0 or 3. */
size_t bk_json_bom(const char *text, size_t n);

/* Checks text[0..n); true if it is one JSON value. max_depth is clipped to BK_JSON_DEPTH_CEILING.
 */
int bk_json_check(const char *text, size_t n, int max_depth, bk_json_scan *result);

/* Appends the rewritten form of a text that bk_json_check accepted. */
void bk_json_rewrite(const char *text, size_t n, bk_buf *out);

/* Where the next byte of a JSON string needs attention: `"`, `\`, a control byte, or non-ASCII. */
const char *bk_json_plain_run(const char *p, const char *end);

/* The length (1 to 4) of the valid UTF-8 sequence at p, or 0; *bad is then the length of the
 * invalid part. p < end. */
int bk_utf8_sequence(const char *p, const char *end, int *bad);

#endif
