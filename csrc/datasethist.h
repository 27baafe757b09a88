/*
 * datasethist.h: how a number is distributed, in fixed memory: counts in ranges that get wider with
 * the numbers. A percentile is off by no more than a part in 32.
 */
#ifndef BK_DATASETHIST_H
#define BK_DATASETHIST_H

#include <stdint.h>

enum {
    BK_HIST_STEPS = 16, /* ranges between a number and its double */
    BK_HIST_RANGES = 61 * BK_HIST_STEPS
};

/* A zeroed struct is an empty one. */
typedef struct bk_hist {
    uint64_t count, sum, min, max;
    uint64_t in[BK_HIST_RANGES];
} bk_hist;

void bk_hist_add(bk_hist *h, uint64_t value);
/* The value that this share (0 to 1) of all values does not exceed; 0 if there are none. */
uint64_t bk_hist_percentile(const bk_hist *h, double share);

#endif
