/* random.h: random numbers from OpenSSL, which reseeds after a fork and needs no state of ours. */
#ifndef BK_RANDOM_H
#define BK_RANDOM_H

#include <stddef.h>

enum { BK_UUID_SIZE = 36 };

/* Each gives 1, or 0 where the system has no random numbers to give; nothing may be used then. */
int bk_random_bytes(void *out, size_t n);
int bk_random_unit(double *out);          /* in [0, 1), all 53 bits random */
int bk_uuid4(char out[BK_UUID_SIZE + 1]); /* lower case, terminated */

#endif
