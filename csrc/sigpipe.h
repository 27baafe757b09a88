/*
 * sigpipe.h: no SIGPIPE out of libcurl.
 *
 * With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to its caller, and OpenSSL's writes to a connection
 * that the peer has closed raise it: the default action would end the process. It is blocked for
 * this thread while libcurl runs, and a SIGPIPE that came up meanwhile is taken away. If the thread
 * had it blocked before, it is the caller's to handle.
 */
#ifndef BK_SIGPIPE_H
#define BK_SIGPIPE_H

#include <signal.h>

typedef struct bk_sigpipe_guard {
    sigset_t before;
    int ours;
} bk_sigpipe_guard;

/* Around each call of libcurl that may write to a connection. */
void bk_sigpipe_block(bk_sigpipe_guard *g);
void bk_sigpipe_restore(const bk_sigpipe_guard *g);

#endif
