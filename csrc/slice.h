/*
 * slice.h: bytes lent by someone else, and how they compare. Locale plays no part: upper and lower
 * case are ASCII's.
 */
#ifndef BK_SLICE_H
#define BK_SLICE_H

#include "buf.h"

#include <string.h>

/* p is NULL where there are none. */
typedef struct bk_slice {
    const char *p;
    size_t n;
} bk_slice;

/* For tables of constants, whose lengths are then known. */
#define BK_SLICE(literal)                                                                          \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

static inline bk_slice bk_slice_of(const char *text)
{
    bk_slice s = {text, strlen(text)};
    return s;
}

/* Valid until the buffer grows. */
static inline bk_slice bk_slice_of_buf(const bk_buf *b)
{
    bk_slice s = {b->data ? b->data : "", b->len};
    return s;
}

static inline void bk_slice_add(bk_buf *b, bk_slice s)
{
    bk_buf_add(b, s.p, s.n);
}

static inline char bk_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline int bk_slice_is(bk_slice s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static inline int bk_slice_equal(bk_slice a, bk_slice b)
{
    return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* `text` is in lower case. */
static inline int bk_slice_is_nocase(bk_slice s, const char *text)
{
    size_t n = strlen(text);
    if (s.n != n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (bk_lower(s.p[i]) != text[i])
            return 0;
    return 1;
}

/* As memcmp; what begins like another and ends sooner comes first. */
static inline int bk_slice_compare(bk_slice a, bk_slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

#endif
