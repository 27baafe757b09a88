/* sigpipe.c: see sigpipe.h. */
#include "sigpipe.h"

#include <pthread.h>

void bk_sigpipe_block(bk_sigpipe_guard *g)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    g->ours =
        pthread_sigmask(SIG_BLOCK, &set, &g->before) == 0 && sigismember(&g->before, SIGPIPE) == 0;
}

void bk_sigpipe_restore(const bk_sigpipe_guard *g)
{
    if (!g->ours)
        return;
    sigset_t pending;
    if (sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1) {
        sigset_t set;
        int number;
        sigemptyset(&set);
        sigaddset(&set, SIGPIPE);
        (void)sigwait(&set, &number);
    }
    (void)pthread_sigmask(SIG_SETMASK, &g->before, NULL);
}
