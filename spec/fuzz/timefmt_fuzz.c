/*
 * timefmt_fuzz.c: any bytes as a time.
 *
 * What is read can be written in all three forms, and those are read as the same second (ISO 8601:
 * to the millisecond).
 */
#include "timefmt.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(size_t (*write)(char *, double), const bk_time *t, double tolerance)
{
    char text[BK_TIME_TEXT];
    bk_time again;
    size_t n = write(text, t->value);
    /* The last millisecond of the year 9999 rounds up into what can't be written. */
    if (!n && t->value > BK_TIME_LAST)
        return;
    if (!n || n >= sizeof text || strlen(text) != n || !bk_time_parse(&again, text, n) ||
        fabs(again.value - t->value) > tolerance)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of exactly this size, so that the sanitizer sees each byte read too far. */
    char *text = malloc(size ? size : 1);
    bk_time t;
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    if (bk_time_parse(&t, text, size)) {
        if (!((double)t.seconds >= BK_TIME_FIRST && (double)t.seconds <= BK_TIME_LAST) ||
            fabs(t.value - (double)t.seconds - 0.5) > 0.5001)
            abort();
        check(bk_time_iso8601, &t, 0.0006);
        check(bk_time_http, &t, 1.0);
        check(bk_time_amz, &t, 1.0);
    }
    free(text);
    return 0;
}
