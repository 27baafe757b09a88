/*
 * random.h: random numbers from OpenSSL.
 *
 * OpenSSL 3 spends half a millisecond on the generator behind RAND_bytes when it is first used, a
 * good part of a short script's time, since all of its ciphers are set up for it. A few bytes (a
 * UUID) are therefore taken from the source that seeds this generator: the system's own, through
 * OpenSSL's default provider. Neither needs care after a fork. A zeroed struct is a legal source.
 */
#ifndef BK_RANDOM_H
#define BK_RANDOM_H

#include <stddef.h>

enum { BK_UUID_SIZE = 36 };

typedef struct bk_random {
    struct evp_rand_ctx_st *seeds; /* opened on first use, OpenSSL 3 only */
    int tried;
} bk_random;

/* Each gives 1, or 0 where the system has no random numbers to give; nothing may be used then. */
int bk_random_bytes(bk_random *r, void *out, size_t n);
int bk_random_unit(bk_random *r, double *out);                 /* in [0, 1), all 53 bits random */
int bk_random_uuid4(bk_random *r, char out[BK_UUID_SIZE + 1]); /* lower case, terminated */
void bk_random_close(bk_random *r);

#endif
