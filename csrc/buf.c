/* buf.c: see buf.h. */
#include "buf.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256 };

char *bk_buf_grow(bk_buf *b, size_t more)
{
    if (b->failed)
        return NULL;
    size_t cap = b->cap ? b->cap : FIRST_SIZE;
    while (cap - b->len < more) {
        if (cap > (size_t)-1 / 2) {
            b->failed = 1;
            return NULL;
        }
        cap *= 2;
    }
    char *data = realloc(b->data, cap);
    if (!data) {
        b->failed = 1;
        return NULL;
    }
    b->data = data;
    b->cap = cap;
    return data + b->len;
}

void bk_buf_reset(bk_buf *b)
{
    b->len = 0;
    b->failed = 0;
}

void bk_buf_wipe(bk_buf *b)
{
    if (b->data)
        bk_wipe(b->data, b->cap);
    bk_buf_reset(b);
}

void bk_buf_free(bk_buf *b)
{
    char *data = b->data;
    b->data = NULL;
    b->len = b->cap = 0;
    b->failed = 0;
    free(data);
}

void bk_wipe(void *p, size_t n)
{
    static void *(*const volatile set)(void *, int, size_t) = memset;
    if (n)
        set(p, 0, n);
}
