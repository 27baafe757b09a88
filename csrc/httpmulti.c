/*
 * httpmulti.c: see httpmulti.h.
 *
 * libcurl is driven by its sockets: it says which ones it waits for, poll(2) looks at all of them
 * in one call, and only the transfers whose sockets are ready have a turn. (curl_multi_perform
 * would look at each transfer's socket by a call of its own, in each turn.)
 */
#include "httpmulti.h"
#include "httpparts.h"
#include "sigpipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { LONGEST_SLEEP_MS = 1000, FIRST_SOCKETS = 16 };

/* ---- lists ---- */

static void append(bk_http_list *list, bk_http *h)
{
    h->before = list->last;
    h->after = NULL;
    if (list->last)
        list->last->after = h;
    else
        list->first = h;
    list->last = h;
}

static void take_out(bk_http_list *list, bk_http *h)
{
    if (h->before)
        h->before->after = h->after;
    else
        list->first = h->after;
    if (h->after)
        h->after->before = h->before;
    else
        list->last = h->before;
    h->before = h->after = NULL;
}

/* ---- sockets ---- */

static bk_http *session_of(CURL *easy)
{
    char *h = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &h);
    return (bk_http *)(void *)h; /* NULL for handles of libcurl's own */
}

static int socket_room(bk_http_multi *m)
{
    if (m->socket_count < m->socket_cap)
        return 1;
    size_t cap = m->socket_cap ? m->socket_cap * 2 : FIRST_SOCKETS;
    struct pollfd *sockets = realloc(m->sockets, cap * sizeof *sockets);
    if (!sockets)
        return 0;
    m->sockets = sockets;
    bk_http **waiting = realloc(m->waiting, cap * sizeof *waiting);
    if (!waiting)
        return 0;
    m->waiting = waiting;
    m->socket_cap = cap;
    return 1;
}

/* libcurl's callback: what it waits for at a socket from now on. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused)
{
    bk_http_multi *m = user;
    size_t i = 0;
    (void)unused;
    while (i < m->socket_count && m->sockets[i].fd != fd)
        i++;
    if (what == CURL_POLL_REMOVE) {
        if (i < m->socket_count) {
            m->socket_count--;
            m->sockets[i] = m->sockets[m->socket_count];
            m->waiting[i] = m->waiting[m->socket_count];
        }
        return 0;
    }
    if (i == m->socket_count) {
        if (!socket_room(m)) {
            m->starved = 1;
            return 0;
        }
        m->socket_count++;
        m->sockets[i].fd = fd;
        m->sockets[i].revents = 0;
    }
    m->sockets[i].events =
        (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    m->waiting[i] = session_of(easy);
    return 0;
}

/* HTTP/2: others may still wait for the socket of a session that has gone. */
static bk_http *heir(const bk_http_multi *m, curl_socket_t fd)
{
    for (bk_http *h = m->running.first; h; h = h->after) {
        curl_socket_t its = CURL_SOCKET_BAD;
        if (curl_easy_getinfo(h->easy, CURLINFO_ACTIVESOCKET, &its) == CURLE_OK && its == fd)
            return h;
    }
    return NULL;
}

/* ---- the multi handle ---- */

static void set_limits(bk_http_multi *m)
{
    size_t kept = m->most_at_once > BK_HTTP_MULTI_KEPT ? m->most_at_once : BK_HTTP_MULTI_KEPT;
    (void)curl_multi_setopt(m->curl, CURLMOPT_MAX_HOST_CONNECTIONS, m->host_limit);
    (void)curl_multi_setopt(m->curl, CURLMOPT_MAX_TOTAL_CONNECTIONS, m->total_limit);
    /* libcurl's own rule counts the handles that are there: the last answers would end all but four
     * connections. */
    (void)curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)kept);
}

static int make(bk_http_multi *m)
{
    m->owner = getpid();
    m->socket_count = 0;
    m->starved = 0;
    m->curl = curl_multi_init();
    if (!m->curl)
        return 0;
    (void)curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, (void *)m);
    set_limits(m);
    return 1;
}

/* ---- the first connection to a host ---- */

static size_t origin_length(const char *url)
{
    const char *host = strstr(url, "://");
    return host ? (size_t)(host + 3 - url) + strcspn(host + 3, "/?#") : 0;
}

/* One that is about to connect to the same host by the same way. */
static bk_http *find_opener(const bk_http_multi *m, const bk_http *h)
{
    const char *url = h->text.data + h->url_at;
    size_t length = m->openers ? origin_length(url) : 0;
    for (bk_http *o = m->openers; o; o = o->next_opener) {
        const char *its = o->text.data + o->url_at;
        if (strncmp(its, url, length) == 0 && origin_length(its) == length &&
            strcmp(o->proxy ? o->proxy : "", h->proxy ? h->proxy : "") == 0)
            return o;
    }
    return NULL;
}

static void begin_opening(bk_http_multi *m, bk_http *h)
{
    h->opener = NULL;
    h->opens = 1;
    h->opens_since = 0;
    h->next_opener = m->openers;
    m->openers = h;
}

/* Those that waited for it may go on: all of them where it failed, else as many as can share its
 * connection. The next one is then the opener of the rest. */
static void end_opening(bk_http_multi *m, bk_http *opener, int connected)
{
    int room = BK_HTTP_MULTI_STREAMS;
    bk_http *next = NULL, **at = &m->openers;
    while (*at != opener)
        at = &(*at)->next_opener;
    *at = opener->next_opener;
    opener->opens = 0;
    for (bk_http *h = m->held.first; h; h = h->after) {
        if (h->opener != opener)
            continue;
        h->opener = next;
        if (connected && !next && --room == 0) {
            begin_opening(m, h);
            next = h;
        }
    }
}

static int has_connection(const bk_http *h)
{
    curl_off_t at = 0;
    (void)curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &at);
    return at > 0;
}

/* Out of the multi handle; the request is still to be finished. `ours`: this is no fork. */
static void detach(bk_http_multi *m, bk_http *h, int ours)
{
    m->running_count--;
    if (h->opens) /* its answer may have come in the turn in which it connected */
        end_opening(m, h, ours && !h->held && has_connection(h));
    if (h->held) {
        h->held = 0;
        take_out(&m->held, h);
        return;
    }
    if (ours) {
        (void)curl_multi_remove_handle(m->curl, h->easy);
    } else {
        /* A fork's copy can't be taken out without an end to the parent's connection: it stays
         * where it is, and another one takes its place. Without memory, the session is closed. */
        h->easy = curl_easy_duphandle(h->easy);
    }
    for (size_t i = 0; i < m->socket_count; i++)
        if (m->waiting[i] == h)
            m->waiting[i] = NULL;
    take_out(&m->running, h);
}

static void end(bk_http_multi *m, bk_http *h, int ours, CURLcode code, bk_http_outcome due)
{
    detach(m, h, ours);
    h->outcome = bk_http_finish(h, code, due);
    h->over = 1;
    append(&m->over, h);
}

static int run(bk_http_multi *m, bk_http *h)
{
    append(&m->running, h);
    return curl_multi_add_handle(m->curl, h->easy) == CURLM_OK;
}

/* Begins what need not be held any longer. Gives whether there was any; *sleep_ms is how long the
 * others may have to wait. */
static int let_go(bk_http_multi *m, long long now, long *sleep_ms)
{
    int some = 0;
    for (bk_http *o = m->openers, *next; o; o = next) {
        next = o->next_opener;
        if (o->held) /* libcurl still has the times of its request before */
            continue;
        int connected = has_connection(o);
        if (!o->opens_since)
            o->opens_since = now;
        long long left = o->opens_since + BK_HTTP_MULTI_HOLD - now;
        if (connected || left <= 0)
            end_opening(m, o, connected);
        else if (m->held.first && left < *sleep_ms)
            *sleep_ms = (long)left;
    }
    for (bk_http *h = m->held.first, *after; h; h = after) {
        after = h->after;
        if (h->opener)
            continue;
        h->held = 0;
        take_out(&m->held, h);
        if (!run(m, h))
            end(m, h, 1, CURLE_OUT_OF_MEMORY, BK_HTTP_NO_MEMORY);
        some = 1;
    }
    return some;
}

static int own_connections(bk_http_multi *m)
{
    if (m->curl && m->owner == getpid())
        return 1;
    while (m->running.first || m->held.first) {
        bk_http *h = m->running.first ? m->running.first : m->held.first;
        end(m, h, 0, CURLE_OK, BK_HTTP_OTHER);
        (void)bk_http_refuse(h, BK_HTTP_OTHER, "it was under way when the process forked");
    }
    return make(m);
}

int bk_http_multi_open(bk_http_multi *m)
{
    memset(m, 0, sizeof *m);
    return bk_http_global() && make(m);
}

void bk_http_multi_close(bk_http_multi *m)
{
    while (m->running.first)
        bk_http_leave(m->running.first);
    while (m->held.first)
        bk_http_leave(m->held.first);
    while (m->over.first)
        bk_http_leave(m->over.first);
    CURLM *curl = m->curl;
    m->curl = NULL;
    if (curl && m->owner == getpid()) {
        bk_sigpipe_guard guard;
        bk_sigpipe_block(&guard);
        (void)curl_multi_cleanup(curl);
        bk_sigpipe_restore(&guard);
    }
    free(m->sockets);
    free(m->waiting);
    m->sockets = NULL;
    m->waiting = NULL;
    m->socket_count = m->socket_cap = 0;
}

void bk_http_multi_limit(bk_http_multi *m, long host, long total)
{
    m->host_limit = host;
    m->total_limit = total;
    if (own_connections(m))
        set_limits(m);
}

bk_http_outcome bk_http_multi_add(bk_http_multi *m, bk_http *h)
{
    if (!own_connections(m))
        return bk_http_finish(h, CURLE_OUT_OF_MEMORY, BK_HTTP_NO_MEMORY);
    h->opener = find_opener(m, h);
    h->held = h->opener != NULL;
    if (h->held) {
        append(&m->held, h);
    } else if (run(m, h)) {
        begin_opening(m, h);
    } else {
        take_out(&m->running, h);
        return bk_http_finish(h, CURLE_OUT_OF_MEMORY, BK_HTTP_NO_MEMORY);
    }
    h->driver = m;
    if (++m->running_count > m->most_at_once) {
        m->most_at_once = m->running_count;
        set_limits(m);
    }
    return BK_HTTP_OK;
}

bk_http *bk_http_multi_next(bk_http_multi *m)
{
    bk_http *h = m->over.first;
    if (h) {
        take_out(&m->over, h);
        h->driver = NULL;
    }
    return h;
}

void bk_http_leave(bk_http *h)
{
    bk_http_multi *m = h->driver;
    if (!m)
        return;
    h->driver = NULL;
    if (h->over) {
        take_out(&m->over, h);
    } else {
        bk_sigpipe_guard guard;
        bk_sigpipe_block(&guard);
        detach(m, h, m->owner == getpid());
        bk_sigpipe_restore(&guard);
        (void)bk_http_finish(h, CURLE_OK, BK_HTTP_OTHER);
    }
    bk_http_reset(h);
}

void bk_http_multi_cancel(bk_http_multi *m, bk_http *h)
{
    if (h->driver == m)
        bk_http_leave(h);
}

/* ---- driving ---- */

static void act(bk_http_multi *m, curl_socket_t fd, int events)
{
    int running;
    if (curl_multi_socket_action(m->curl, fd, events, &running) != CURLM_OK)
        m->starved = 1;
}

/* Lets libcurl do what is due by its own clock, and learns what ended. */
static void go_on(bk_http_multi *m)
{
    int queued;
    CURLMsg *message;
    act(m, CURL_SOCKET_TIMEOUT, 0);
    while ((message = curl_multi_info_read(m->curl, &queued)) != NULL) {
        CURLcode code = message->data.result; /* the message goes with the handle */
        bk_http *h = session_of(message->easy_handle);
        if (message->msg == CURLMSG_DONE && h)
            end(m, h, 1, code, BK_HTTP_OK);
    }
}

/* Waits for the sockets, and lets libcurl act. Gives 0 when a signal came instead. */
static int turn(bk_http_multi *m, long sleep_ms)
{
    long timer = -1;
    (void)curl_multi_timeout(m->curl, &timer);
    if (timer >= 0 && timer < sleep_ms)
        sleep_ms = timer;
    if (poll(m->sockets, (nfds_t)m->socket_count, (int)sleep_ms) < 0) {
        m->starved |= errno != EINTR;
        return 0;
    }
    /* The list may change on the way: what moves out of sight is still ready in the next turn. */
    for (size_t i = 0; i < m->socket_count; i++) {
        struct pollfd *s = &m->sockets[i];
        int ready = s->revents;
        if (!ready)
            continue;
        s->revents = 0;
        if (!m->waiting[i])
            m->waiting[i] = heir(m, s->fd);
        if (m->waiting[i])
            m->waiting[i]->was_ready = 1;
        /* Of an error libcurl finds out by itself. */
        act(m, s->fd,
            (ready & POLLIN ? CURL_CSELECT_IN : 0) | (ready & POLLOUT ? CURL_CSELECT_OUT : 0));
    }
    go_on(m);
    return 1;
}

/* Ends what is over or due without libcurl, begins what need not wait; gives how long the others
 * may. */
static long review(bk_http_multi *m, long long now)
{
    long sleep_ms = LONGEST_SLEEP_MS;
    int idles = 0;
    for (bk_http *h = m->held.first, *after; h; h = after) {
        long long left = h->started + h->whole_ms - now;
        after = h->after;
        if (h->whole_ms > 0 && left <= 0)
            end(m, h, 1, CURLE_OPERATION_TIMEDOUT, BK_HTTP_TIMEOUT_WHOLE);
        else if (h->whole_ms > 0 && left < sleep_ms)
            sleep_ms = (long)left;
    }
    /* Until libcurl has had its turn it knows the times of the request before. Where connections
     * were there already, the next ones may begin at once. */
    while (let_go(m, now, &sleep_ms))
        go_on(m);
    for (bk_http *h = m->running.first, *after; h; h = after) {
        bk_http_outcome due;
        bk_http_turn what = bk_http_look(h);
        long wait = bk_http_wait(h, now, &due);
        after = h->after;
        h->was_ready = 0;
        idles |= what == BK_HTTP_IDLES;
        if (m->starved)
            end(m, h, 1, CURLE_OUT_OF_MEMORY, BK_HTTP_NO_MEMORY);
        else if (what == BK_HTTP_IS_WHOLE)
            end(m, h, 1, CURLE_OK, BK_HTTP_OK);
        else if (due != BK_HTTP_OK)
            end(m, h, 1, CURLE_OPERATION_TIMEDOUT, due);
        else if (wait >= 0 && wait < sleep_ms)
            sleep_ms = wait;
    }
    m->starved = 0;
    if (idles)
        bk_http_pause();
    return sleep_ms;
}

static void drive(bk_http_multi *m, long long ms)
{
    bk_sigpipe_guard guard;
    bk_sigpipe_block(&guard);
    /* Begins with what was added since: until then libcurl knows the times of the request before.
     */
    go_on(m);
    long long now = bk_http_now(), until = now + ms;
    for (int going = 1;;) {
        long sleep_ms = review(m, now);
        if (!going || m->over.first)
            break;
        if (until - now < sleep_ms)
            sleep_ms = until > now ? (long)(until - now) : 0;
        going = turn(m, sleep_ms);
        now = bk_http_now();
        going = going && now < until;
    }
    bk_sigpipe_restore(&guard);
}

void bk_http_multi_wait(bk_http_multi *m, long long ms)
{
    if (own_connections(m))
        drive(m, ms);
}

/* ---- one session alone ---- */

bk_http_outcome bk_http_perform(bk_http *h)
{
    if (!h->own) {
        h->own = calloc(1, sizeof *h->own);
        if (!h->own || !bk_http_multi_open(h->own)) {
            bk_http_close_own(h);
            return bk_http_finish(h, CURLE_OUT_OF_MEMORY, BK_HTTP_NO_MEMORY);
        }
    }
    bk_http_outcome outcome = bk_http_multi_add(h->own, h);
    if (outcome != BK_HTTP_OK)
        return outcome;
    while (!h->over)
        drive(h->own, LONGEST_SLEEP_MS);
    (void)bk_http_multi_next(h->own);
    h->over = 0;
    return h->outcome;
}

void bk_http_close_own(bk_http *h)
{
    if (h->own)
        bk_http_multi_close(h->own);
    free(h->own);
    h->own = NULL;
}
