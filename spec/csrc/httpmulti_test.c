/* httpmulti_test.c: many sessions at once: timeouts of single ones, failures, connections that are
 * used again, cancelling and closing in any order, signals, forks. */
#include "http_server.h"

#include "../../csrc/httpmulti.h"

#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

enum { MANY = 16 };

static bk_http all[MANY];

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void open_all(void)
{
    for (int i = 0; i < MANY; i++)
        if (bk_http_open(&all[i], NULL, BK_HTTP_MAX_BODY) != BK_HTTP_OK)
            exit(1);
}

static void close_all(void)
{
    for (int i = 0; i < MANY; i++)
        bk_http_close(&all[i]);
}

static int start(bk_http_multi *m, bk_http *h, const char *path, long read_ms, long whole_ms)
{
    return begin(h, path) == BK_HTTP_OK && header(h, "Authorization", "secret") == BK_HTTP_OK &&
           bk_http_setup(h, "", 5000, read_ms, whole_ms) == BK_HTTP_OK &&
           bk_http_multi_add(m, h) == BK_HTTP_OK;
}

static int answered(const bk_http *h)
{
    return h->over && !h->driver && h->outcome == BK_HTTP_OK;
}

/* Waits for `count` sessions; gives how many ended with the answer. */
static int gather(bk_http_multi *m, int count)
{
    int good = 0;
    for (double until = seconds() + 10; count > 0 && seconds() < until;) {
        bk_http *h;
        bk_http_multi_wait(m, 1000);
        while ((h = bk_http_multi_next(m)) != NULL) {
            good += answered(h) && has_answer(h);
            count--;
        }
    }
    return count == 0 ? good : -1;
}

/* One request through the session's own handle. */
static int performs(bk_http *h)
{
    return begin(h, "now") == BK_HTTP_OK && bk_http_setup(h, "", 5000, 5000, 5000) == BK_HTTP_OK &&
           bk_http_perform(h) == BK_HTTP_OK && has_answer(h);
}

static void test_closed(void)
{
    bk_http_multi m;
    memset(&m, 0, sizeof m);
    bk_http_multi_close(&m);
    ok(1, "a zeroed struct can be closed");
    ok(bk_http_multi_open(&m), "it opens");
    ok(!bk_http_multi_next(&m), "nothing is over where nothing ran");
    double before = seconds();
    bk_http_multi_wait(&m, 0);
    ok(seconds() - before < 0.05, "no time is no wait");
    bk_http_multi_wait(&m, 60);
    ok(seconds() - before > 0.059, "where nothing runs, the time is waited for");
    bk_http_multi_close(&m);
    bk_http_multi_close(&m);
    ok(!m.curl && !m.sockets, "it closes, twice if need be");
}

static void test_each_in_its_way(void)
{
    static const bk_http_outcome expected[] = {BK_HTTP_CONNECT, BK_HTTP_CUT_OFF,
                                               BK_HTTP_TIMEOUT_READ, BK_HTTP_TIMEOUT_WHOLE,
                                               BK_HTTP_BODY_TOO_BIG};
    enum { REFUSED, CUT, SILENT, LATE, BIG, GOOD };
    bk_http_multi m;
    int good = bk_http_multi_open(&m), left = MANY, at = 0;
    bk_http *order[MANY] = {NULL};
    open_all();
    all[BIG].max_body = 4;
    char dead[64];
    int socket_of_nobody = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    good = good && bind(socket_of_nobody, (struct sockaddr *)&a, len) == 0 &&
           getsockname(socket_of_nobody, (struct sockaddr *)&a, &len) == 0;
    int n = snprintf(dead, sizeof dead, "http://127.0.0.1:%d/", ntohs(a.sin_port));
    good = good && bk_http_begin(&all[REFUSED], "GET", 3, dead, (size_t)n) == BK_HTTP_OK &&
           bk_http_setup(&all[REFUSED], "", 5000, 5000, 0) == BK_HTTP_OK &&
           bk_http_multi_add(&m, &all[REFUSED]) == BK_HTTP_OK;
    good = good && start(&m, &all[CUT], "cut", 5000, 0) &&
           start(&m, &all[SILENT], "silent", 400, 0) &&
           start(&m, &all[LATE], "silent", 5000, 600) && start(&m, &all[BIG], "", 5000, 0);
    for (int i = GOOD; i < MANY; i++)
        good = good && start(&m, &all[i], "", 5000, 5000);
    ok(good, "many sessions are started");
    double began = seconds();
    while (left > 0 && seconds() - began < 10) {
        bk_http *h;
        bk_http_multi_wait(&m, 5000);
        ok(m.over.first != NULL, "it comes back as soon as one is over");
        while ((h = bk_http_multi_next(&m)) != NULL) {
            order[at++] = h;
            left--;
        }
    }
    ok(seconds() - began < 2, "they wait side by side");
    for (int i = 0; i < MANY; i++) {
        if (i < GOOD) {
            ok(all[i].over && all[i].outcome == expected[i] && *bk_http_message(&all[i]),
               bk_http_outcome_name(expected[i]));
            bk_http_drop(&all[i]);
        } else {
            ok(answered(&all[i]) && has_answer(&all[i]), "each of the others has its answer");
        }
    }
    ok(order[0] == &all[REFUSED] && order[MANY - 2] == &all[SILENT] &&
           order[MANY - 1] == &all[LATE],
       "they come in the order in which they ended");
    int clean = 1;
    for (int i = 0; i < MANY; i++)
        clean = clean && all[i].text.len == 0 &&
                !memmem(all[i].text.data, all[i].text.cap, "secret", 6);
    ok(clean, "requests are wiped");
    bk_http_multi_close(&m);
    ok(performs(&all[SILENT]), "a session that failed can be used again");
    close_all();
    (void)close(socket_of_nobody);
}

static void test_connections(void)
{
    bk_http_multi m;
    int good = bk_http_multi_open(&m), made = 0, before = *connections;
    open_all();
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < MANY; i++)
            good = good && start(&m, &all[i], "", 5000, 5000);
        good = good && gather(&m, MANY) == MANY;
        for (int i = 0; i < MANY; i++)
            made += (int)all[i].connects;
    }
    ok(good, "64 requests, sixteen at a time, are answered");
    ok(made == *connections - before && made <= MANY, "over sixteen connections");
    bk_http_multi_close(&m);

    good = bk_http_multi_open(&m);
    before = *connections;
    bk_http_multi_limit(&m, 2, 0);
    for (int i = 0; i < 8; i++)
        good = good && start(&m, &all[i], "", 300, 5000);
    ok(good && gather(&m, 8) == 8 && *connections - before == 2,
       "no more connections than the limit, and to wait for one is no silence");
    bk_http_multi_close(&m);
    close_all();
}

static void test_body(void)
{
    bk_http_multi m;
    static char body[50000];
    int good = bk_http_multi_open(&m);
    open_all();
    memset(body, 'b', sizeof body);
    for (int i = 0; i < MANY; i++) {
        char whole[128];
        int n = snprintf(whole, sizeof whole, "%snow", url);
        good = good && bk_http_begin(&all[i], "POST", 4, whole, (size_t)n) == BK_HTTP_OK &&
               bk_http_body(&all[i], body, sizeof body) == BK_HTTP_OK &&
               bk_http_setup(&all[i], "", 5000, 5000, 0) == BK_HTTP_OK &&
               bk_http_multi_add(&m, &all[i]) == BK_HTTP_OK;
    }
    ok(good && gather(&m, MANY) == MANY, "bodies are sent");
    bk_http_multi_close(&m);
    close_all();
}

static void test_cancel(void)
{
    bk_http_multi m, other;
    int good = bk_http_multi_open(&m) && bk_http_multi_open(&other);
    open_all();
    good = good && start(&m, &all[0], "silent", 0, 0) && start(&m, &all[1], "", 5000, 0) &&
           start(&m, &all[2], "", 5000, 0);
    bk_http_multi_cancel(&m, &all[2]);
    ok(good && !all[2].driver && all[2].text.len == 0, "a request is cancelled before it is sent");
    for (int i = 0; i < 5; i++)
        bk_http_multi_wait(&m, 10);
    bk_http_multi_cancel(&other, &all[0]);
    ok(all[0].driver == &m, "another multi cancels nothing");
    bk_http_multi_cancel(&m, &all[0]);
    bk_http_multi_cancel(&m, &all[0]);
    ok(!all[0].driver && !all[0].over, "a request is cancelled while it waits");
    ok(gather(&m, 1) == 1 && answered(&all[1]), "the others go on");
    ok(start(&m, &all[0], "", 5000, 0) && start(&m, &all[2], "", 5000, 0) && gather(&m, 2) == 2,
       "sessions of cancelled requests can be used again");
    ok(all[0].connects + all[2].connects == 1, "no connection of a cancelled request is");
    good = start(&m, &all[0], "now", 5000, 0);
    for (double until = seconds() + 5; good && !m.over.first && seconds() < until;)
        bk_http_multi_wait(&m, 100);
    bk_http_multi_cancel(&m, &all[0]);
    ok(!m.over.first && !all[0].over && !all[0].driver, "an answer that nobody took is dropped");
    ok(performs(&all[0]) && performs(&all[2]), "their own connections serve them, too");
    bk_http_multi_close(&m);
    bk_http_multi_close(&other);
    close_all();
}

static void test_closing(void)
{
    bk_http_multi m;
    int good = bk_http_multi_open(&m);
    open_all();
    for (int i = 0; i < 6; i++)
        good = good && start(&m, &all[i], i % 2 ? "silent" : "now", 5000, 0);
    for (double until = seconds() + 5; good && !m.over.first && seconds() < until;)
        bk_http_multi_wait(&m, 100);
    bk_http_close(&all[0]);
    bk_http_close(&all[1]);
    bk_http_multi_wait(&m, 20);
    ok(good && !all[1].driver && !all[1].easy, "a session closes while it runs");
    bk_http_multi_close(&m);
    good = 1;
    for (int i = 2; i < 6; i++)
        good = good && !all[i].driver && !all[i].over && performs(&all[i]);
    ok(good, "a multi closes while sessions run, which stay");
    close_all();
}

/* Listens for nobody; gives the socket, and the URL. */
static int listen_at(char where[64], const char *scheme, int backlog)
{
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    if (bind(s, (struct sockaddr *)&a, len) != 0 || listen(s, backlog) != 0 ||
        getsockname(s, (struct sockaddr *)&a, &len) != 0)
        exit(1);
    (void)snprintf(where, 64, "%s127.0.0.1:%d/", scheme, ntohs(a.sin_port));
    return s;
}

static int start_at(bk_http_multi *m, bk_http *h, const char *where, const char *proxy)
{
    return bk_http_begin(h, "GET", 3, where, strlen(where)) == BK_HTTP_OK &&
           bk_http_setup(h, proxy, 5000, 5000, 0) == BK_HTTP_OK &&
           bk_http_multi_add(m, h) == BK_HTTP_OK;
}

/* A proxy that answers the first request with the same bytes that tell of the connection. */
static void serve_eagerly(int listener)
{
    static const char connected[] = "\5\0\0\1\177\0\0\1\0\120" ANSWER;
    char request[64];
    int client = accept(listener, NULL, NULL);
    (void)alarm(20);
    (void)!read(client, request, sizeof request);
    (void)!write(client, "\5\0", 2);
    (void)!read(client, request, sizeof request);
    (void)!write(client, connected, sizeof connected - 1);
    for (;;)
        (void)pause();
}

static int count(const bk_http_list *list)
{
    int n = 0;
    for (const bk_http *h = list->first; h; h = h->after)
        n++;
    return n;
}

/* Requests that wait for the first connection to their host. */
static void test_hold(void)
{
    enum { FILL = 2, CROWD = 150 };
    static bk_http crowd[CROWD];
    bk_http_multi m;
    char full[64], eager[64];
    int fill[FILL], good = bk_http_multi_open(&m);
    int listener = listen_at(full, "http://", 0);
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    (void)getsockname(listener, (struct sockaddr *)&a, &len);
    for (int i = 0; i < FILL; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fill[i], (struct sockaddr *)&a, len);
    }
    open_all();
    for (int i = 0; i < 3; i++)
        good = good && start_at(&m, &all[i], full, "");
    (void)usleep((BK_HTTP_MULTI_HOLD + 100) * 1000);
    bk_http_multi_wait(&m, 0);
    ok(good && count(&m.held) == 2, "time in which nothing is driven is no wait for a connection");
    for (double until = seconds() + 1.5; seconds() < until;)
        bk_http_multi_wait(&m, 100);
    ok(!m.held.first && count(&m.running) == 3, "a second is");
    bk_http_multi_close(&m);
    close_all();
    for (int i = 0; i < FILL; i++)
        (void)close(fill[i]);
    (void)close(listener);

    /* An answer may end the opener in the turn in which it connects. */
    listener = listen_at(eager, "socks5://", CROWD);
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        serve_eagerly(listener);
    good = bk_http_multi_open(&m) && pid > 0;
    /* libcurl knows the times of their requests before. */
    for (int i = 0; i < CROWD; i++) {
        good = good && bk_http_open(&crowd[i], NULL, BK_HTTP_MAX_BODY) == BK_HTTP_OK &&
               performs(&crowd[i]);
        bk_http_reset(&crowd[i]);
    }
    for (int i = 0; i < CROWD; i++)
        good = good && start_at(&m, &crowd[i], url, eager);
    for (double until = seconds() + 5; good && !m.over.first && seconds() < until;) {
        bk_http_multi_wait(&m, 0);
        (void)usleep(50000); /* the answer is there before libcurl looks */
    }
    ok(good && m.over.first == &crowd[0] && answered(bk_http_multi_next(&m)) &&
           count(&m.running) == BK_HTTP_MULTI_STREAMS &&
           count(&m.held) == CROWD - 1 - BK_HTTP_MULTI_STREAMS,
       "behind a connection that stood, no more go on than it can carry, and one that opens");
    for (int i = 0; i < CROWD; i++)
        bk_http_close(&crowd[i]);
    bk_http_multi_close(&m);
    (void)close(listener);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms++;
}

static void test_signal(void)
{
    bk_http_multi m;
    struct sigaction action, before;
    struct itimerval in = {{0, 0}, {0, 50000}};
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    open_all();
    int good = bk_http_multi_open(&m) && start(&m, &all[0], "silent", 0, 0);
    good =
        good && sigaction(SIGALRM, &action, &before) == 0 && setitimer(ITIMER_REAL, &in, NULL) == 0;
    double began = seconds();
    while (good && !alarms && seconds() - began < 5)
        bk_http_multi_wait(&m, 10000);
    ok(good && alarms && seconds() - began < 5, "a signal ends the wait");
    ok(all[0].driver == &m, "but not the request");
    (void)sigaction(SIGALRM, &before, NULL);
    bk_http_multi_close(&m);
    close_all();
}

/* In the child: what ran has failed, all else works over connections of its own. */
static int child_works(bk_http_multi *m, int how)
{
    bk_http *h;
    int good = 1;
    if (how == 0) {
        bk_http_multi_wait(m, 1000);
        for (int i = 0; i < 3; i++) {
            h = bk_http_multi_next(m);
            good = good && h == &all[i] && h->outcome == BK_HTTP_OTHER && *bk_http_message(h);
        }
        for (int i = 0; i < 4; i++)
            good = good && start(m, &all[i], "", 5000, 0);
        good = good && gather(m, 4) == 4;
        for (int i = 0; i < 4; i++)
            good = good && all[i].connects == 1 && performs(&all[i]);
    } else if (how == 1) {
        bk_http_multi_cancel(m, &all[0]);
        good = start(m, &all[0], "now", 5000, 0) && performs(&all[3]);
        close_all();
    }
    bk_http_multi_close(m);
    close_all();
    return good;
}

static void test_fork(void)
{
    for (int how = 0; how < 3; how++) {
        bk_http_multi m;
        int status = 1;
        open_all();
        /* The connection of the fourth is idle when the fork is made. */
        int good =
            bk_http_multi_open(&m) && start(&m, &all[3], "now", 5000, 0) && gather(&m, 1) == 1;
        for (int i = 0; i < 3; i++)
            good = good && start(&m, &all[i], "", 5000, 0);
        for (int i = 0; i < 4; i++)
            bk_http_multi_wait(&m, 5);
        (void)fflush(stdout);
        pid_t pid = fork();
        if (pid == 0)
            _exit(!child_works(&m, how));
        ok(good && pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
           "a fork has connections of its own");
        ok(gather(&m, 3) == 3, "and leaves its parent's alone");
        good = 1;
        for (int i = 0; i < 4; i++)
            good = good && start(&m, &all[i], "now", 5000, 0);
        ok(good && gather(&m, 4) == 4 && all[0].connects + all[1].connects + all[2].connects <= 1,
           "which go on");
        bk_http_multi_close(&m);
        close_all();
    }
}

int main(void)
{
    if (!start_server()) {
        printf("Bail out! no server\n");
        return 1;
    }
    test_closed();
    test_each_in_its_way();
    test_connections();
    test_body();
    test_cancel();
    test_closing();
    test_hold();
    test_signal();
    test_fork();
    stop_server();
    return done();
}
