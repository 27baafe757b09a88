/*
 * bare.c: the least that a program with libcurl can do, to measure the client against: keep-alive,
 * one easy handle, the answer into a buffer; no signing, no JSON.
 *
 *   bare URL N    makes N GETs; prints the CPU time (user and system) of the N in microseconds per
 * call. With N > 1 one more call goes ahead and is not counted.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef struct answer {
    char *data;
    size_t len, cap;
} answer;

static size_t on_body(char *data, size_t size, size_t count, void *user)
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

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bare URL N\n");
        return 2;
    }
    long n = strtol(argv[2], NULL, 10);
    answer a = {NULL, 0, 0};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    CURL *easy = curl_easy_init();
    if (!easy)
        return 1;
    curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, (void *)&a);
    double started = cpu_us();
    for (long i = n > 1 ? -1 : 0; i < n; i++) {
        long status = 0;
        a.len = 0;
        CURLcode code = curl_easy_perform(easy);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK || status != 200 || a.len == 0) {
            fprintf(stderr, "bare: %s, status %ld\n", curl_easy_strerror(code), status);
            return 1;
        }
        if (i < 0)
            started = cpu_us();
    }
    printf("%.2f\n", (cpu_us() - started) / (double)n);
    curl_easy_cleanup(easy);
    curl_global_cleanup();
    free(a.data);
    return 0;
}
