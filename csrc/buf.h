/*
 * buf.h: a growing byte buffer in plain C.
 *
 * Appending never fails loudly: the first allocation that fails sets `failed`, later appends do
 * nothing, and the owner asks once at the end. A failed growth leaves the old block with its owner.
 * A zeroed struct is a legal, empty buffer.
 */
#ifndef BK_BUF_H
#define BK_BUF_H

#include <stddef.h>

typedef struct bk_buf {
    char *data; /* not terminated; NULL while empty */
    size_t len;
    size_t cap;
    int failed;
} bk_buf;

/* Room for `more` bytes; gives a pointer to the end, or NULL (and `failed`). The caller adds to
 * `len` what it wrote. */
char *bk_buf_reserve(bk_buf *b, size_t more);
void bk_buf_add(bk_buf *b, const void *bytes, size_t n);
void bk_buf_addchar(bk_buf *b, char c);
void bk_buf_adds(bk_buf *b, const char *s);
/* Empties it and keeps the block for the next use; an earlier failure is forgotten. */
void bk_buf_reset(bk_buf *b);
/* Overwrites all that was ever written to the block, then empties it. */
void bk_buf_wipe(bk_buf *b);
void bk_buf_free(bk_buf *b);
/* A memset that the compiler can't drop. */
void bk_wipe(void *p, size_t n);

#endif
