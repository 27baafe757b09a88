/* datasethist.c: see datasethist.h. */
#include "datasethist.h"

#include <math.h>

/* Below 2 * STEPS each number has a range of its own. */
static unsigned range_of(uint64_t value)
{
    unsigned shift = 0;
    while (value >> shift >= 2 * BK_HIST_STEPS)
        shift++;
    return shift * BK_HIST_STEPS + (unsigned)(value >> shift);
}

void bk_hist_add(bk_hist *h, uint64_t value)
{
    if (!h->count || value < h->min)
        h->min = value;
    if (value > h->max)
        h->max = value;
    h->count++;
    h->sum += value;
    h->in[range_of(value)]++;
}

uint64_t bk_hist_percentile(const bk_hist *h, double share)
{
    double wanted = ceil(share * (double)h->count);
    double seen = 0;
    if (wanted >= (double)h->count)
        return h->max;
    for (unsigned i = 0; i < BK_HIST_RANGES; i++) {
        seen += (double)h->in[i];
        if (h->in[i] && seen >= wanted) {
            unsigned shift = i < 2 * BK_HIST_STEPS ? 0 : i / BK_HIST_STEPS - 1;
            uint64_t first = (uint64_t)(i - shift * BK_HIST_STEPS) << shift;
            uint64_t middle = first + (((uint64_t)1 << shift) >> 1);
            return middle < h->min ? h->min : middle > h->max ? h->max : middle;
        }
    }
    return 0;
}
