/*
 * peer.h: what the bench's programs in C have in common. A peer reads lines `WORK N`, does N units
 * of that work, and answers each line with the microseconds of one unit, or with `-` for a work
 * that it doesn't do. What it meets for the first time it does for half a second first, so that all
 * peers are as warm as they get.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct work {
    const char *name;
    int (*unit)(void *context); /* 0, or the peer ends */
    clockid_t clock;            /* CLOCK_PROCESS_CPUTIME_ID: user and system time of the process */
    int seen;
} work;

static double peer_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int peer_warm_up(work *w, void *context)
{
    double until = peer_us(CLOCK_MONOTONIC) + 500e3;
    w->seen = 1;
    while (peer_us(CLOCK_MONOTONIC) < until) {
        if (w->unit(context))
            return 1;
    }
    return 0;
}

/* Serves until the end of stdin; the works end with one that has no name. Gives the exit status. */
static int peer_serve(work *works, void *context)
{
    char line[80], name[64];
    long n;
    while (fgets(line, sizeof line, stdin)) {
        work *w = works;
        if (sscanf(line, "%63s %ld", name, &n) != 2 || n < 1)
            return 2;
        while (w->name && strcmp(w->name, name) != 0)
            w++;
        if (!w->name) {
            puts("-");
        } else {
            if (!w->seen && peer_warm_up(w, context))
                return 1;
            double started = peer_us(w->clock);
            for (long i = 0; i < n; i++) {
                if (w->unit(context))
                    return 1;
            }
            printf("%.4f\n", (peer_us(w->clock) - started) / (double)n);
        }
        fflush(stdout);
    }
    return 0;
}

#endif
