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
#include <string.h>

typedef struct bk_buf {
    char *data; /* not terminated; NULL while empty */
    size_t len;
    size_t cap;
    int failed;
} bk_buf;

char *bk_buf_grow(bk_buf *b, size_t more);

/* Room for `more` bytes; gives a pointer to the end, or NULL (and `failed`). The caller adds to
 * `len` what it wrote. */
static inline char *bk_buf_reserve(bk_buf *b, size_t more)
{
    return more <= b->cap - b->len && b->data && !b->failed ? b->data + b->len
                                                            : bk_buf_grow(b, more);
}

static inline void bk_buf_add(bk_buf *b, const void *bytes, size_t n)
{
    char *to = n ? bk_buf_reserve(b, n) : NULL;
    if (!to)
        return;
    memcpy(to, bytes, n);
    b->len += n;
}

static inline void bk_buf_addchar(bk_buf *b, char c)
{
    char *to = bk_buf_reserve(b, 1);
    if (!to)
        return;
    *to = c;
    b->len++;
}

static inline void bk_buf_adds(bk_buf *b, const char *s)
{
    bk_buf_add(b, s, strlen(s));
}

/* Empties it and keeps the block for the next use; an earlier failure is forgotten. */
void bk_buf_reset(bk_buf *b);
/* Overwrites all that was ever written to the block, then empties it. */
void bk_buf_wipe(bk_buf *b);
void bk_buf_free(bk_buf *b);
/* A memset that the compiler can't drop. */
void bk_wipe(void *p, size_t n);

#endif
