/*
 * http_test.c: HTTP sessions without Lua: what is refused, that secrets are wiped, headers of
 * answers, forks. Many sessions at once: httpmulti_test.c.
 */
#include "test.h"

#include "http_server.h"

#include <sys/wait.h>

static void test_closed(void)
{
    bk_http h;
    memset(&h, 0, sizeof h);
    bk_http_close(&h);
    ok(1, "a zeroed session can be closed");
    ok(bk_http_open(&h, NULL, BK_HTTP_MAX_BODY) == BK_HTTP_OK, "a session opens");
    bk_http_close(&h);
    bk_http_close(&h);
    ok(!h.easy && !h.own && !h.text.data && !h.nodes, "and closes, twice if need be");
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
    test_names();
    stop_server();
    return done();
}
