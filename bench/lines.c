/*
 * lines.c: a peer (see peer.h) that reads a file of JSON lines and has cJSON parse each of them,
 * and nothing else.
 *
 *   lines FILE STEP     the unit of work is the next STEP MiB
 */
#include "peer.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 256 * 1024, PIECES_A_MIB = 4 };

typedef struct reader {
    const char *path;
    long step;
    int fd;
    char *bytes; /* what is left of the line before, and a piece */
    size_t kept;
} reader;

static int parse_lines(reader *r, size_t n)
{
    char *p = r->bytes, *end = r->bytes + n, *feed;
    while ((feed = memchr(p, '\n', (size_t)(end - p)))) {
        cJSON *record = cJSON_ParseWithLength(p, (size_t)(feed - p));
        if (!record)
            return 1;
        cJSON_Delete(record);
        p = feed + 1;
    }
    r->kept = (size_t)(end - p);
    if (r->kept > PIECE)
        return 1;
    memmove(r->bytes, p, r->kept);
    return 0;
}

static int next_step(void *context)
{
    reader *r = context;
    for (long i = 0; i < r->step * PIECES_A_MIB; i++) {
        if (r->fd < 0 && (r->fd = open(r->path, O_RDONLY)) < 0)
            return 1;
        ssize_t n = read(r->fd, r->bytes + r->kept, PIECE);
        if (n < 0 || parse_lines(r, r->kept + (size_t)n))
            return 1;
        if (n == 0) { /* from its start again */
            close(r->fd);
            r->fd = -1;
            r->kept = 0;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    reader r = {argc > 2 ? argv[1] : "", argc > 2 ? atol(argv[2]) : 0, -1, malloc(2 * PIECE), 0};
    work works[] = {{"dataset", next_step, CLOCK_PROCESS_CPUTIME_ID, 0}, {NULL, NULL, 0, 0}};
    return !r.bytes || peer_serve(works, &r);
}
