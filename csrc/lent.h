/*
 * lent.h: bytes that bedrock.curl lends to bedrock.core, which are shared objects of their own: a
 * userdata with the metatable of that name in the registry begins with this struct.
 */
#ifndef BK_LENT_H
#define BK_LENT_H

#include <stddef.h>

#define BK_LENT_TYPE "bedrock.curl.session"

typedef struct bk_lent {
    const char *data; /* NULL: nothing is lent at present */
    size_t len;
    int readers; /* the lender keeps the bytes as they are meanwhile; who raises stays one */
} bk_lent;

#endif
