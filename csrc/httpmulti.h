/*
 * httpmulti.h: many sessions at once over one multi handle of libcurl, whose connections they
 * share. In plain C; see http.h for the steps of one request.
 *
 *   bk_http_begin ... bk_http_setup       steps 1 and 2, as ever
 *   bk_http_multi_add                     the session runs from here on
 *   bk_http_multi_wait                    drives all that run
 *   bk_http_multi_next                    a session whose request is over, first come first served:
 *                                         its `outcome` is what bk_http_perform would have given
 *
 * Sessions stay the caller's; body and session are lent until the request is over or cancelled.
 * Either side may be closed first: a session that is closed leaves its driver, a driver that is
 * closed cancels what runs.
 *
 * Requests to one host do not all begin at once: the first one opens a connection, and those added
 * meanwhile are held until it stands, or has failed, or for a second at most. Then its name is
 * known, its TLS session can be resumed (httpshare.h), and where it speaks HTTP/2 they share the
 * connection instead of making one each, a hundred to a connection. libcurl's CURLOPT_PIPEWAIT has
 * no such limits: behind a host that is down requests would fail one after the other, each after a
 * connect timeout of its own, and those beyond the hundred would make a connection each (7.88).
 *
 * A fork has copies of sessions and connections, and leaves the connections alone: what ran when it
 * began ends there with BK_HTTP_OTHER.
 */
#ifndef BK_HTTPMULTI_H
#define BK_HTTPMULTI_H

#include "http.h"

#include <poll.h>
#include <sys/types.h>

/* Idle connections that are kept: as many as requests ever ran at once, and no less than these. */
#define BK_HTTP_MULTI_KEPT 16
/* Requests at once on one connection of HTTP/2: libcurl's own limit. */
#define BK_HTTP_MULTI_STREAMS 100
/* Milliseconds that requests wait for the first connection to their host, from when it is tried. */
#define BK_HTTP_MULTI_HOLD 1000

typedef struct bk_http_list {
    bk_http *first, *last;
} bk_http_list;

/* A zeroed struct is legal and closed. */
typedef struct bk_http_multi {
    CURLM *curl;
    pid_t owner;                  /* the process that the connections belong to */
    long host_limit, total_limit; /* connections; 0: none */
    bk_http_list running, over;   /* over: until bk_http_multi_next */
    bk_http_list held;            /* until the connection of their openers stands */
    bk_http *openers;             /* of running ones, one for each host */
    size_t running_count, most_at_once;

    /* The sockets that libcurl waits for, and a session that waits for each (or NULL). */
    struct pollfd *sockets;
    bk_http **waiting;
    size_t socket_count, socket_cap;
    int starved; /* a socket is missing there, since memory ran out */
} bk_http_multi;

/* Gives 0 without memory, or where libcurl can't be set up. */
int bk_http_multi_open(bk_http_multi *m);
/* May be called twice. */
void bk_http_multi_close(bk_http_multi *m);
/* How many connections may stand at once, to one host and in all; others wait. 0: any number. */
void bk_http_multi_limit(bk_http_multi *m, long host, long total);

/* After bk_http_setup. Gives OK or NO_MEMORY. */
bk_http_outcome bk_http_multi_add(bk_http_multi *m, bk_http *h);
/* Returns when a request is over, when the time is up, or when a signal came. 0 ms: one turn
 * without sleeping. */
void bk_http_multi_wait(bk_http_multi *m, long long ms);
/* Lends the next session that is over, or NULL. It has no driver any more. */
bk_http *bk_http_multi_next(bk_http_multi *m);
/* Drops a session's request or its answer; does nothing to a session that m does not drive. Where
 * an answer is on its way, its connection ends. */
void bk_http_multi_cancel(bk_http_multi *m, bk_http *h);

#endif
