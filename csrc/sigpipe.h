/*
 * sigpipe.h: no SIGPIPE out of libcurl.
 *
 * With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to its caller, and before 7.88 OpenSSL's writes to a
 * connection that the peer has closed raise it: the default action would end the process. It is
 * blocked for this thread while libcurl runs, and a SIGPIPE that came up meanwhile is taken away.
 * If the thread had it blocked before, it is the caller's to handle.
 *
 * Later libcurls write by send(2) with MSG_NOSIGNAL whatever lies above it; there, three system
 * calls a request are saved.
 */
#ifndef BK_SIGPIPE_H
#define BK_SIGPIPE_H

#include <signal.h>

/* Asks libcurl for its version; before the first use of the guard. */
void bk_sigpipe_init(void);

typedef struct bk_sigpipe_guard {
    sigset_t before;
    int ours;
} bk_sigpipe_guard;

/* Around each call of libcurl that may write to a connection. */
void bk_sigpipe_block(bk_sigpipe_guard *g);
void bk_sigpipe_restore(const bk_sigpipe_guard *g);

#endif
