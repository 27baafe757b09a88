/*
 * bare_multi.c: as a loop over libcurl is written for many transfers: curl_multi_socket_action,
 * told by epoll which sockets are ready. curl_multi_perform would look at all 256 each time that
 * one is.
 */
#include "bare_multi.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CALLS = 256, EVENTS = 64 };

struct multi {
    CURLM *handle;
    int epoll;
    long timeout_ms;
    CURL *easy[CALLS];
    answer answers[CALLS];
};

size_t answer_write(char *data, size_t size, size_t count, void *user)
{
    answer *a = user;
    size_t n = size * count;
    if (a->cap - a->len < n) {
        size_t cap = (a->len + n) * 2;
        char *grown = realloc(a->data, cap);
        if (!grown)
            return 0;
        a->data = grown;
        a->cap = cap;
    }
    memcpy(a->data + a->len, data, n);
    a->len += n;
    return n;
}

static int on_timer(CURLM *handle, long timeout_ms, void *user)
{
    (void)handle;
    ((multi *)user)->timeout_ms = timeout_ms;
    return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known)
{
    multi *m = user;
    struct epoll_event event = {0};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.data.fd = fd;
    event.events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                   (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    if (epoll_ctl(m->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        return -1;
    curl_multi_assign(m->handle, fd, m);
    return 0;
}

multi *multi_new(const char *url)
{
    multi *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    m->handle = curl_multi_init();
    int good = m->epoll >= 0 && m->handle;
    if (good) {
        curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m);
        curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, on_timer);
        curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m);
        curl_multi_setopt(m->handle, CURLMOPT_MAXCONNECTS, (long)CALLS);
    }
    for (int i = 0; good && i < CALLS; i++) {
        m->easy[i] = curl_easy_init();
        good = m->easy[i] != NULL;
        curl_easy_setopt(m->easy[i], CURLOPT_URL, url);
        curl_easy_setopt(m->easy[i], CURLOPT_WRITEFUNCTION, answer_write);
        curl_easy_setopt(m->easy[i], CURLOPT_WRITEDATA, (void *)&m->answers[i]);
    }
    if (!good) {
        multi_free(m);
        return NULL;
    }
    return m;
}

/* Takes those that are done out of the handle. Gives how many that were, or -1 after a message. */
static int collect(multi *m)
{
    int left, done = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(m->handle, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(m->handle, easy);
        if (code != CURLE_OK || status != 200) {
            fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(code), status);
            return -1;
        }
        done++;
    }
    return done;
}

int multi_run(multi *m)
{
    struct epoll_event events[EVENTS];
    int running = 0;
    for (int i = 0; i < CALLS; i++) {
        m->answers[i].len = 0;
        if (curl_multi_add_handle(m->handle, m->easy[i]) != CURLM_OK)
            return 1;
    }
    for (int done = 0; done < CALLS;) {
        int n = epoll_wait(m->epoll, events, EVENTS, (int)m->timeout_ms);
        if (n < 0 && errno != EINTR)
            return 1;
        if (n <= 0)
            curl_multi_socket_action(m->handle, CURL_SOCKET_TIMEOUT, 0, &running);
        for (int i = 0; i < n; i++) {
            int flags = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                        (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                        (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(m->handle, events[i].data.fd, flags, &running);
        }
        int more = collect(m);
        if (more < 0)
            return 1;
        done += more;
    }
    return 0;
}

void multi_free(multi *m)
{
    if (!m)
        return;
    for (int i = 0; i < CALLS; i++) {
        if (m->handle && m->easy[i])
            curl_multi_remove_handle(m->handle, m->easy[i]);
        curl_easy_cleanup(m->easy[i]);
        free(m->answers[i].data);
    }
    curl_multi_cleanup(m->handle);
    if (m->epoll >= 0)
        close(m->epoll);
    free(m);
}
