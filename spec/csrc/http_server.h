/*
 * http_server.h: a server in a process of its own, and requests to it, for the tests of HTTP
 * sessions.
 *
 * It answers each request with ANSWER after a tenth of a second, but for these paths: "silent"
 * never, "cut" with a part of it and the end of the connection, "now" at once.
 */
#ifndef BK_HTTP_SERVER_H
#define BK_HTTP_SERVER_H

#include "../../csrc/http.h"
#include "test.h"

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
static int *connections; /* how many it accepted; in shared memory */

static void serve_one(int client)
{
    char request[65536];
    size_t len = 0;
    ssize_t n;
    while (len < sizeof request - 1 &&
           (n = read(client, request + len, sizeof request - 1 - len)) > 0) {
        len += (size_t)n;
        request[len] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        const char *length = strstr(request, "Content-Length: ");
        size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
        if (!end || len < (size_t)(end - request) + 4 + body)
            continue;
        if (!strstr(request, "/now"))
            (void)usleep(100000);
        if (strstr(request, "/silent"))
            continue;
        if (strstr(request, "/cut")) {
            (void)!write(client, ANSWER, sizeof ANSWER - 3);
            break;
        }
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
    connections =
        mmap(NULL, sizeof *connections, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (connections == MAP_FAILED || listener < 0 ||
        bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0)
        return 0;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    (void)fflush(stdout);
    server = fork();
    if (server == 0) {
        (void)signal(SIGCHLD, SIG_IGN);
        (void)alarm(60);
        for (;;) {
            int client = accept(listener, NULL, NULL);
            *connections += client >= 0;
            if (client >= 0 && fork() == 0)
                serve_one(client);
            (void)close(client);
        }
    }
    (void)close(listener);
    return server > 0;
}

static void stop_server(void)
{
    (void)kill(server, SIGKILL);
    (void)waitpid(server, NULL, 0);
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

#endif
