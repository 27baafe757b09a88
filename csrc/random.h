/*
 * random.h: random numbers from OpenSSL, or from where it has them.
 *
 * OpenSSL 3 spends half a millisecond on the generator behind RAND_bytes when it is first used, a
 * good part of a short script's time, since all of its ciphers are set up for it. A few bytes (a
 * UUID) are therefore taken from what seeds this generator, the system's own, where OpenSSL's
 * settings have no wish of their own (defaults.h). Neither needs care after a fork. A zeroed struct
 * is a legal source.
 */
#ifndef BK_RANDOM_H
#define BK_RANDOM_H

#include <stddef.h>

enum { BK_UUID_SIZE = 36 };

typedef struct bk_random {
    int asked, direct; /* whether the system may be asked, once that was found out */
} bk_random;

/* Each gives 1, or 0 where the system has no random numbers to give; nothing may be used then. */
int bk_random_bytes(bk_random *r, void *out, size_t n);
int bk_random_unit(bk_random *r, double *out);                 /* in [0, 1), all 53 bits random */
int bk_random_uuid4(bk_random *r, char out[BK_UUID_SIZE + 1]); /* lower case, terminated */

#endif
