/* sigpipe.c: see sigpipe.h. */
#include "sigpipe.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

enum { QUIET_SINCE = 0x075800 };

static int quiet;

void bk_sigpipe_init(void)
{
#ifdef MSG_NOSIGNAL
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
    quiet = info->version_num >= QUIET_SINCE && info->ssl_version &&
            strncmp(info->ssl_version, "OpenSSL/", 8) == 0;
#endif
}

void bk_sigpipe_block(bk_sigpipe_guard *g)
{
    sigset_t set;
    g->ours = 0;
    if (quiet)
        return;
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
