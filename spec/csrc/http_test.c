/*
 * http_test.c: HTTP sessions without Lua: what is refused, that secrets are wiped, headers of
 * answers, and many sessions driven by one multi handle, as the parallel calls do it.
 */
#include "test.h"

#include "../../csrc/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ANSWER                                                                                     \
    "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"                                                  \
    "HTTP/1.1 200 OK\r\nX-Two: a\r\nx-tWO :  b \r\nX-Fold: c\r\n\td\r\nContent-Length: 5\r\n"      \
    "\r\nhello"

static char url[64];
static pid_t server;

/* Answers each connection once: with ANSWER after a tenth of a second, or never for "/silent". */
static void serve_one(int client)
{
    char request[65536];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof request - 1 &&
           (n = read(client, request + len, sizeof request - 1 - len)) > 0) {
        len += (size_t)n;
        request[len] = '\0';
        if (!strstr(request, "\r\n\r\n"))
            continue;
        usleep(100000);
        if (strstr(request, "/silent"))
            continue;
        if (write(client, ANSWER, sizeof ANSWER - 1) < 0)
            break;
        len = 0;
    }
    _exit(0);
}

static int start_server(void)
{
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        return 0;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    (void)fflush(stdout);
    server = fork();
    if (server == 0) {
        (void)signal(SIGCHLD, SIG_IGN);
        (void)alarm(60);
        for (;;) {
            int client = accept(listener, NULL, NULL);
            if (client >= 0 && fork() == 0)
                serve_one(client);
            (void)close(client);
        }
    }
    (void)close(listener);
    return server > 0;
}

static bk_http_outcome begin(bk_http *h, const char *path)
{
    char whole[128];
    int n = snprintf(whole, sizeof whole, "%s%s", url, path);
    return bk_http_begin(h, "GET", 3, whole, (size_t)n);
}

static bk_http_outcome header(bk_http *h, const char *name, const char *value)
{
    return bk_http_header(h, name, strlen(name), value, strlen(value));
}

static void test_closed(void)
{
    bk_http h;
    memset(&h, 0, sizeof h);
    bk_http_close(&h);
    ok(1, "a zeroed session can be closed");
    ok(bk_http_open(&h, NULL, BK_HTTP_MAX_BODY) == BK_HTTP_OK, "a session opens");
    bk_http_close(&h);
    bk_http_close(&h);
    ok(!h.easy && !h.multi && !h.text.data && !h.nodes, "and closes, twice if need be");
}

static void test_refused(bk_http *h)
{
    static const struct {
        const char *name, *value;
        size_t name_len, value_len;
    } headers[] = {{"", "a", 0, 1},
                   {"X A", "a", 3, 1},
                   {"X\r\nB", "a", 4, 1},
                   {"X:", "a", 2, 1},
                   {"X\0", "a", 2, 1},
                   {"X\x80", "a", 2, 1},
                   {"X-A", "a\rb", 3, 3},
                   {"X-A", "a\nb", 3, 3},
                   {"X-A", "a\0b", 3, 3},
                   {"X-A", "\n", 3, 1},
                   {"Content-Length", "", 14, 0},
                   {"Content-Length", "1x", 14, 2},
                   {"Content-Length", "9999999999999999999", 14, 19},
                   {"Transfer-Encoding", "chunked", 17, 7}};
    static const struct {
        const char *method, *url;
        size_t url_len;
        bk_http_outcome outcome;
    } starts[] = {{"", "http://a/", 9, BK_HTTP_BAD_REQUEST},
                  {"G T", "http://a/", 9, BK_HTTP_BAD_REQUEST},
                  {"connect", "http://a/", 9, BK_HTTP_BAD_REQUEST},
                  {"GET", "", 0, BK_HTTP_BAD_URL},
                  {"GET", "http://", 7, BK_HTTP_BAD_URL},
                  {"GET", "https://", 8, BK_HTTP_BAD_URL},
                  {"GET", "http:/", 6, BK_HTTP_BAD_URL},
                  {"GET", "https://:1", 10, BK_HTTP_BAD_URL},
                  {"GET", "http://a\0b", 10, BK_HTTP_BAD_URL},
                  {"GET", "http://a/\n", 10, BK_HTTP_BAD_URL},
                  {"GET", "HTTPS://a", 9, BK_HTTP_OK}};
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        char *name = malloc(headers[i].name_len + 1); /* guarded() lends one block at a time */
        ok(begin(h, "") == BK_HTTP_OK, "a request begins");
        if (!name)
            exit(1);
        memcpy(name, headers[i].name, headers[i].name_len);
        ok(bk_http_header(h, name, headers[i].name_len,
                          guarded(headers[i].value, headers[i].value_len),
                          headers[i].value_len) == BK_HTTP_BAD_REQUEST &&
               *bk_http_message(h),
           headers[i].name);
        ok(h->node_count == 0, "nothing of it is kept");
        free(name);
    }
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        ok(bk_http_begin(h, starts[i].method, strlen(starts[i].method),
                         guarded(starts[i].url, starts[i].url_len),
                         starts[i].url_len) == starts[i].outcome,
           starts[i].url);
}

static void test_wiped(bk_http *h)
{
    static char secret[20000];
    memset(secret, 's', sizeof secret - 1);
    ok(begin(h, "") == BK_HTTP_OK, "a request begins");
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "X-%d", i);
        if (header(h, name, name) != BK_HTTP_OK)
            ok(0, "headers are taken");
    }
    ok(header(h, "Authorization", secret) == BK_HTTP_OK, "a long header is taken");
    int same = strncmp(h->nodes[100].data, "Authorization: sss", 18) == 0;
    for (int i = 0; i < 100; i++) {
        char line[32];
        (void)snprintf(line, sizeof line, "X-%d: X-%d", i, i);
        same = same && strcmp(h->nodes[i].data, line) == 0;
    }
    ok(same, "the lines move along when their block grows");
    bk_http_drop(h);
    int clean = 1;
    for (size_t i = 0; i < sizeof secret; i++)
        clean = clean && h->text.data[i] == 0;
    ok(clean && h->text.len == 0, "the block is wiped after the call");
}

static int has_answer(bk_http *h)
{
    static const char *const expected[][2] = {
        {"x-two", "a"}, {"x-two", "b"}, {"x-fold", "c d"}, {"content-length", "5"}};
    const char *name, *value;
    size_t at = 0, name_len, value_len, i = 0;
    while (bk_http_next_header(h, &at, &name, &name_len, &value, &value_len)) {
        if (i >= 4 || name_len != strlen(expected[i][0]) || value_len != strlen(expected[i][1]) ||
            memcmp(name, expected[i][0], name_len) != 0 ||
            memcmp(value, expected[i][1], value_len) != 0)
            return 0;
        i++;
    }
    return i == 4 && h->status == 200 && h->out.len == 5 && memcmp(h->out.data, "hello", 5) == 0;
}

static void test_perform(bk_http *h)
{
    for (int i = 0; i < 3; i++) {
        ok(begin(h, "") == BK_HTTP_OK && bk_http_setup(h, "", 5000, 5000, 5000) == BK_HTTP_OK &&
               bk_http_perform(h) == BK_HTTP_OK,
           "a request is sent");
        ok(has_answer(h), "the final answer's headers and body are there");
        ok(h->connects == (i == 0), "one connection serves all");
    }
    ok(begin(h, "silent") == BK_HTTP_OK && bk_http_setup(h, "", 5000, 200, 0) == BK_HTTP_OK &&
           bk_http_perform(h) == BK_HTTP_TIMEOUT_READ,
       "silence ends at the read timeout");
    bk_http_drop(h);
    ok(begin(h, "silent") == BK_HTTP_OK && bk_http_setup(h, "", 5000, 5000, 200) == BK_HTTP_OK &&
           bk_http_perform(h) == BK_HTTP_TIMEOUT_WHOLE,
       "and at the whole call's");
}

/* A child leaves its parent's connection alone, whether it sends something or not. */
static void test_fork(bk_http *h)
{
    for (int sends = 0; sends < 2; sends++) {
        int status = 1;
        ok(begin(h, "") == BK_HTTP_OK && bk_http_setup(h, "", 5000, 5000, 5000) == BK_HTTP_OK &&
               bk_http_perform(h) == BK_HTTP_OK,
           "a connection stands");
        (void)fflush(stdout);
        pid_t pid = fork();
        if (pid == 0) {
            int good = !sends || (begin(h, "") == BK_HTTP_OK &&
                                  bk_http_setup(h, "", 5000, 5000, 5000) == BK_HTTP_OK &&
                                  bk_http_perform(h) == BK_HTTP_OK && h->connects == 1);
            bk_http_close(h);
            _exit(!good);
        }
        ok(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0,
           "a fork makes connections of its own");
        ok(begin(h, "") == BK_HTTP_OK && bk_http_setup(h, "", 5000, 5000, 5000) == BK_HTTP_OK &&
               bk_http_perform(h) == BK_HTTP_OK && has_answer(h) && h->connects == 0,
           "and leaves its parent's alone");
    }
}

enum { MANY = 8 };

/* What a driver of many sessions does: the four steps of http.h, with a multi handle of its own. */
static void test_many(void)
{
    static bk_http all[MANY];
    bk_http_outcome outcomes[MANY];
    int left = MANY, good = 1;
    CURLM *multi = curl_multi_init();
    for (int i = 0; i < MANY; i++) {
        good = good && bk_http_open(&all[i], NULL, BK_HTTP_MAX_BODY) == BK_HTTP_OK &&
               begin(&all[i], i == 3 ? "silent" : "") == BK_HTTP_OK &&
               header(&all[i], "Authorization", "secret") == BK_HTTP_OK &&
               bk_http_setup(&all[i], "", 5000, 400, 5000) == BK_HTTP_OK &&
               curl_multi_add_handle(multi, all[i].easy) == CURLM_OK;
        outcomes[i] = BK_HTTP_OTHER;
    }
    ok(good, "many sessions are handed to one multi handle");
    while (good && left > 0) {
        int running, queued;
        CURLMsg *message;
        long sleep_ms = 1000;
        good = curl_multi_perform(multi, &running) == CURLM_OK;
        while ((message = curl_multi_info_read(multi, &queued)) != NULL) {
            CURL *easy = message->easy_handle;
            CURLcode code = message->data.result;
            curl_multi_remove_handle(multi, easy);
            for (int i = 0; i < MANY; i++) {
                if (all[i].easy == easy) {
                    outcomes[i] = bk_http_finish(&all[i], code, BK_HTTP_OK);
                    left--;
                }
            }
        }
        for (int i = 0; i < MANY; i++) {
            bk_http_outcome due;
            long wait;
            if (outcomes[i] != BK_HTTP_OTHER)
                continue;
            wait = bk_http_wait(&all[i], &due);
            if (due != BK_HTTP_OK) {
                curl_multi_remove_handle(multi, all[i].easy);
                outcomes[i] = bk_http_finish(&all[i], CURLE_OPERATION_TIMEDOUT, due);
                left--;
            } else if (wait >= 0 && wait < sleep_ms) {
                sleep_ms = wait;
            }
        }
        if (left > 0)
            good = good && curl_multi_poll(multi, NULL, 0, (int)sleep_ms, NULL) == CURLM_OK;
    }
    for (int i = 0; i < MANY; i++) {
        if (i == 3)
            ok(outcomes[i] == BK_HTTP_TIMEOUT_READ, "the silent one ends at its read timeout");
        else
            ok(outcomes[i] == BK_HTTP_OK && has_answer(&all[i]),
               "each of the others has its answer");
        bk_http_close(&all[i]);
    }
    curl_multi_cleanup(multi);
}

static void test_names(void)
{
    int good = 1;
    for (int i = 0; i < BK_HTTP_OTHER; i++)
        good = good && strcmp(bk_http_outcome_name((bk_http_outcome)i), "other") != 0;
    ok(good && strcmp(bk_http_outcome_name(BK_HTTP_OTHER), "other") == 0,
       "each outcome has a name");
    ok(strcmp(bk_http_outcome_name(BK_HTTP_HEADERS_TOO_BIG), "headers_too_big") == 0,
       "and it is its own");
}

int main(void)
{
    bk_http h;
    if (!start_server()) {
        printf("Bail out! no server\n");
        return 1;
    }
    test_closed();
    if (bk_http_open(&h, NULL, BK_HTTP_MAX_BODY) != BK_HTTP_OK)
        return 1;
    test_refused(&h);
    test_wiped(&h);
    test_perform(&h);
    test_fork(&h);
    bk_http_close(&h);
    test_many();
    test_names();
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
    return done();
}
