/* bare_multi.h: 256 GETs at once over libcurl's multi handle, and the buffer that answers are
 * written to. */
#ifndef BENCH_BARE_MULTI_H
#define BENCH_BARE_MULTI_H

#include <stddef.h>

typedef struct answer {
    char *data;
    size_t len, cap;
} answer;

/* A write function of libcurl; user is an answer, whose data the caller frees. */
size_t answer_write(char *data, size_t size, size_t count, void *user);

typedef struct multi multi;

/* Gives NULL when there is no memory. */
multi *multi_new(const char *url);
/* One round of all calls; connections stay for the next. Gives 0, or 1 after a message. */
int multi_run(multi *m);
void multi_free(multi *m);

#endif
