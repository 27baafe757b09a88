/*
 * http.c: see http.h.
 *
 * A call costs little beyond libcurl's own work: options that stay the same are set once, what a
 * request sets is remembered so that only changes are set again, and header lines live in one block
 * that serves call after call.
 */
#include "http.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* First room for a request's text and headers: most requests never make them grow. */
enum { FIRST_TEXT = 4096, FIRST_NODES = 32, POLL_MS = 1000, MAX_URL = 1024 * 1024 };
#define NO_LIMIT_MS 2000000000L
/* Wakes in a row that bring nothing before they stop to count as a sign of life, and the pause
 * between them then. */
enum { MAX_IDLE_WAKES = 4096, IDLE_PAUSE_NS = 2000000 };

enum { MODE_NONE, MODE_GET, MODE_HEAD, MODE_POST };

/* Headers that libcurl adds by itself unless told otherwise, or that change how it sends. */
enum {
    GIVEN_ACCEPT = 1,
    GIVEN_CONTENT_TYPE = 2,
    GIVEN_EXPECT = 4,
    GIVEN_LENGTH = 8,
    NODES_SPARE = 3
};

/* ---- process-wide set-up ---- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code = CURLE_FAILED_INIT;

static void global_init(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- SIGPIPE ---- */

/*
 * With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE to its caller, and OpenSSL's writes to a connection
 * that the peer has closed raise it: the default action would end the process. It is blocked for
 * this thread while libcurl runs, and a SIGPIPE that came up meanwhile is taken away. If the thread
 * had it blocked before, it is the caller's to handle.
 */
typedef struct sigpipe_guard {
    sigset_t before;
    int ours;
} sigpipe_guard;

static void sigpipe_block(sigpipe_guard *g)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    g->ours =
        pthread_sigmask(SIG_BLOCK, &set, &g->before) == 0 && sigismember(&g->before, SIGPIPE) == 0;
}

static void sigpipe_restore(const sigpipe_guard *g)
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

/* ---- helpers ---- */

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bk_http_outcome refuse(bk_http *h, bk_http_outcome outcome, const char *why)
{
    (void)snprintf(h->message, sizeof h->message, "%s", why);
    return outcome;
}

/* The characters of a token (RFC 9110, 5.6.2), of which methods and header names are made: a bit
 * for each of ASCII. */
static const uint32_t token_bits[8] = {0x00000000u, 0x03ff6cfau, 0xc7fffffeu, 0x57ffffffu};

static int is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (!(token_bits[c >> 5] >> (c & 31) & 1))
            return 0;
    }
    return n > 0;
}

static int is(const char *name, size_t n, const char *what)
{
    return strlen(what) == n && strncasecmp(name, what, n) == 0;
}

/*
 * Room for `more` bytes of request text. Grows by hand instead of realloc, since the block holds an
 * Authorization header and no copy of it may stay behind; the header lines that point into it move
 * along.
 */
static char *text_room(bk_http *h, size_t more)
{
    bk_buf *b = &h->text;
    if (b->data && b->cap - b->len >= more)
        return b->data + b->len;
    if (more > (size_t)-1 / 4 || b->cap > (size_t)-1 / 4)
        return NULL;
    size_t cap = b->cap ? b->cap : FIRST_TEXT;
    while (cap - b->len < more)
        cap *= 2;
    char *data = malloc(cap);
    if (!data)
        return NULL;
    if (b->data) {
        memcpy(data, b->data, b->len);
        for (size_t i = 0; i < h->node_count; i++)
            h->nodes[i].data = data + (h->nodes[i].data - b->data);
        bk_wipe(b->data, b->len);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
    return data + b->len;
}

static int nodes_room(bk_http *h)
{
    if (h->node_count + NODES_SPARE < h->node_cap)
        return 1;
    size_t cap = h->node_cap ? h->node_cap * 2 : FIRST_NODES;
    struct curl_slist *nodes = realloc(h->nodes, cap * sizeof *nodes);
    if (!nodes)
        return 0;
    h->nodes = nodes;
    h->node_cap = cap;
    return 1;
}

/* ---- libcurl's callbacks ---- */

/* True for a status line, where one may stand: a header's name may begin the same way. */
static int begins_answer(const bk_http *h, const char *s, size_t n)
{
    return !h->out_begun && (h->status == 0 || h->head_done) && n > 5 &&
           memcmp(s, "HTTP/", 5) == 0 && s[5] >= '0' && s[5] <= '9';
}

/* libcurl takes a Content-Length that overflows for none at all, and the answer for whole when the
 * connection ends. */
static int length_overflows(const char *line, size_t len)
{
    static const char name[] = "content-length:";
    size_t at = sizeof name - 1, digits = 0;
    if (len < at || strncasecmp(line, name, at) != 0)
        return 0;
    while (at < len && (line[at] == ' ' || line[at] == '\t' || line[at] == '0'))
        at++;
    while (at + digits < len && line[at + digits] >= '0' && line[at + digits] <= '9')
        digits++;
    return digits > 18; /* 2^63 has 19 */
}

/* Status and headers of the final answer only: each status line starts over, and trailers are left
 * out. */
static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    bk_http *h = user;
    size_t n = size * count;
    h->active = 1;
    if (n > BK_HTTP_MAX_HEADERS - h->head_total) {
        h->abort = BK_HTTP_HEADERS_TOO_BIG;
        return 0;
    }
    h->head_total += n;
    size_t len = n;
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r'))
        len--;
    if (begins_answer(h, line, len)) {
        const char *space = memchr(line, ' ', len);
        bk_buf_reset(&h->head);
        h->head_done = 0;
        h->status = 0;
        for (const char *p = space ? space + 1 : line + len;
             p < line + len && *p >= '0' && *p <= '9' && h->status < 1000; p++)
            h->status = h->status * 10 + (*p - '0');
        return n;
    }
    if (h->head_done)
        return n;
    if (len == 0) {
        h->head_done = 1;
        return n;
    }
    if (length_overflows(line, len)) {
        h->abort = BK_HTTP_BAD_ANSWER;
        return 0;
    }
    if ((line[0] == ' ' || line[0] == '\t') && h->head.len > 0) {
        size_t skip = 0; /* a folded line goes on with the value before it */
        while (skip < len && (line[skip] == ' ' || line[skip] == '\t'))
            skip++;
        h->head.data[h->head.len - 1] = ' ';
        bk_buf_add(&h->head, line + skip, len - skip);
    } else {
        bk_buf_add(&h->head, line, len);
    }
    bk_buf_addchar(&h->head, '\n');
    if (h->head.failed) {
        h->abort = BK_HTTP_NO_MEMORY;
        return 0;
    }
    return n;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    bk_http *h = user;
    size_t n = size * count;
    h->active = 1;
    if (!h->out_begun) {
        curl_off_t length = -1;
        h->out_begun = 1;
        if (curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK &&
            length > 0) {
            if ((unsigned long long)length > h->max_body) {
                h->abort = BK_HTTP_BODY_TOO_BIG;
                return 0;
            }
            (void)bk_buf_reserve(&h->out, (size_t)length);
        }
    }
    if (n > h->max_body - h->out.len) {
        h->abort = BK_HTTP_BODY_TOO_BIG;
        return 0;
    }
    bk_buf_add(&h->out, data, n);
    if (h->out.failed) {
        h->abort = BK_HTTP_NO_MEMORY;
        return 0;
    }
    return n;
}

/* ---- opening and closing ---- */

#define SET(option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK
/* For what a libcurl may have been built without. */
#define TRY(option, value) (void)curl_easy_setopt(easy, option, value)

static int set_constants(bk_http *h, const char *ca_bundle)
{
    CURL *easy = h->easy;
    int ok = 1;
    SET(CURLOPT_ERRORBUFFER, h->error);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, (void *)h);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, (void *)h);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_NOPROGRESS, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
#if CURL_AT_LEAST_VERSION(7, 85, 0)
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "");
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    TRY(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    TRY(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
    /* Without it, a timeout while a name is looked up waits for the name server all the same. */
    TRY(CURLOPT_QUICK_EXIT, 1L);
#endif
    if (ca_bundle) {
        struct stat st;
        int folder = stat(ca_bundle, &st) == 0 && S_ISDIR(st.st_mode);
        SET(CURLOPT_CAINFO, folder ? NULL : ca_bundle);
        SET(CURLOPT_CAPATH, folder ? ca_bundle : NULL);
        TRY(CURLOPT_PROXY_CAINFO, folder ? NULL : ca_bundle);
        TRY(CURLOPT_PROXY_CAPATH, folder ? ca_bundle : NULL);
    }
    return ok;
}

bk_http_outcome bk_http_open(bk_http *h, const char *ca_bundle, size_t max_body)
{
    memset(h, 0, sizeof *h);
    h->max_body = max_body;
    h->connect_ms = -1;
    if (pthread_once(&global_once, global_init) != 0 || global_code != CURLE_OK)
        return refuse(h, BK_HTTP_OTHER, "libcurl could not be initialised");
    h->easy = curl_easy_init();
    h->multi = h->easy ? curl_multi_init() : NULL;
    h->owner = getpid();
    if (!h->multi || !text_room(h, FIRST_TEXT) || !nodes_room(h)) {
        bk_http_close(h);
        return refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    }
    if (!set_constants(h, ca_bundle)) {
        bk_http_close(h);
        return refuse(h, BK_HTTP_OTHER,
                      "this libcurl lacks an option that is needed (7.68 or later, with TLS)");
    }
    return BK_HTTP_OK;
}

void bk_http_close(bk_http *h)
{
    CURL *easy = h->easy;
    CURLM *multi = h->multi;
    h->easy = NULL;
    h->multi = NULL;
    if (easy || multi) {
        /* Ending a TLS connection writes to it. The easy handle goes first, as it may still be in
         * the multi. */
        sigpipe_guard guard;
        sigpipe_block(&guard);
        if (easy && multi)
            (void)curl_multi_remove_handle(multi, easy);
        curl_easy_cleanup(easy);
        if (multi && h->owner == getpid())
            (void)curl_multi_cleanup(multi);
        sigpipe_restore(&guard);
    }
    bk_buf_wipe(&h->text);
    bk_buf_free(&h->text);
    bk_buf_free(&h->head);
    if (h->out.len > 0)
        bk_wipe(h->out.data, h->out.len);
    bk_buf_free(&h->out);
    free(h->nodes);
    h->nodes = NULL;
    h->node_count = h->node_cap = 0;
    if (h->proxy)
        bk_wipe(h->proxy, strlen(h->proxy));
    free(h->proxy);
    h->proxy = NULL;
}

/* ---- step 1: the request ---- */

static const char *text_add(bk_http *h, const char *bytes, size_t n)
{
    char *to = n < (size_t)-1 ? text_room(h, n + 1) : NULL;
    if (!to)
        return NULL;
    memcpy(to, bytes, n);
    to[n] = '\0';
    h->text.len += n + 1;
    return to;
}

static bk_http_outcome check_url(bk_http *h, const char *url, size_t n)
{
    size_t scheme = n >= 7 && strncasecmp(url, "http://", 7) == 0    ? 7
                    : n >= 8 && strncasecmp(url, "https://", 8) == 0 ? 8
                                                                     : 0;
    if (!scheme)
        return refuse(h, BK_HTTP_BAD_URL, "the URL must begin with http:// or https://");
    if (scheme == n || strchr("/?#:", url[scheme]))
        return refuse(h, BK_HTTP_BAD_URL, "the URL names no host");
    if (n > MAX_URL)
        return refuse(h, BK_HTTP_BAD_URL, "the URL is longer than 1 MiB");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c <= 0x20 || c == 0x7f)
            return refuse(h, BK_HTTP_BAD_URL,
                          "the URL holds a blank, a line break or another control character");
    }
    return BK_HTTP_OK;
}

bk_http_outcome bk_http_begin(bk_http *h, const char *method, size_t method_len, const char *url,
                              size_t url_len)
{
    bk_http_reset(h);
    if (!is_token(method, method_len))
        return refuse(h, BK_HTTP_BAD_REQUEST,
                      "the method holds a character that HTTP does not allow");
    if (is(method, method_len, "CONNECT"))
        return refuse(h, BK_HTTP_BAD_REQUEST, "the method CONNECT is for proxies only");
    bk_http_outcome outcome = check_url(h, url, url_len);
    if (outcome != BK_HTTP_OK)
        return outcome;
    h->url_at = h->text.len;
    if (!text_add(h, url, url_len))
        return refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    h->method_at = h->text.len;
    if (!text_add(h, method, method_len))
        return refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    return BK_HTTP_OK;
}

/* The name as it may stand in a message: it has passed is_token. */
static bk_http_outcome refuse_header(bk_http *h, const char *name, size_t n, const char *why)
{
    (void)snprintf(h->message, sizeof h->message, "header %.*s: %s", (int)(n < 80 ? n : 80), name,
                   why);
    return BK_HTTP_BAD_REQUEST;
}

bk_http_outcome bk_http_refuse_value(bk_http *h, const char *name, size_t name_len)
{
    if (!is_token(name, name_len))
        return bk_http_header(h, name, name_len, "", 0);
    return refuse_header(h, name, name_len, "the value must be a string or a list of strings");
}

bk_http_outcome bk_http_header(bk_http *h, const char *name, size_t name_len, const char *value,
                               size_t value_len)
{
    if (!is_token(name, name_len))
        return refuse(h, BK_HTTP_BAD_REQUEST,
                      "a header's name is empty or holds a character that HTTP does not allow "
                      "(such as a blank, a colon, a line break or NUL)");
    if (value_len > 0 && (memchr(value, '\0', value_len) || memchr(value, '\r', value_len) ||
                          memchr(value, '\n', value_len)))
        return refuse_header(h, name, name_len, "the value holds a line break or a NUL byte");
    while (value_len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        value_len--;
    }
    while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
        value_len--;
    switch (name_len) {
    case 6:
        if (is(name, name_len, "accept"))
            h->given |= GIVEN_ACCEPT;
        else if (is(name, name_len, "expect"))
            h->given |= GIVEN_EXPECT;
        break;
    case 12:
        if (is(name, name_len, "content-type"))
            h->given |= GIVEN_CONTENT_TYPE;
        break;
    case 14:
        if (is(name, name_len, "content-length")) {
            /* libcurl writes the true one; a given one can only be checked, in setup. */
            unsigned long long length = 0;
            if (value_len == 0 || value_len > 18)
                return refuse_header(h, name, name_len, "the value is no length");
            for (size_t i = 0; i < value_len; i++) {
                if (value[i] < '0' || value[i] > '9')
                    return refuse_header(h, name, name_len, "the value is no length");
                length = length * 10 + (unsigned long long)(value[i] - '0');
            }
            h->given_length = length;
            h->given |= GIVEN_LENGTH;
            return BK_HTTP_OK;
        }
        break;
    case 17:
        if (is(name, name_len, "transfer-encoding"))
            return refuse_header(h, name, name_len,
                                 "bodies are sent with their length; leave it out");
        break;
    default:
        break;
    }
    if (!nodes_room(h))
        return refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    char *to = text_room(h, name_len + 2 + value_len + 1);
    if (!to)
        return refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    size_t n = 0;
    memcpy(to, name, name_len);
    n += name_len;
    if (value_len == 0) {
        to[n++] = ';'; /* libcurl's sign for a header that is sent with no value */
    } else {
        to[n++] = ':';
        to[n++] = ' ';
        memcpy(to + n, value, value_len);
        n += value_len;
    }
    to[n++] = '\0';
    h->text.len += n;
    h->nodes[h->node_count++].data = to;
    return BK_HTTP_OK;
}

bk_http_outcome bk_http_body(bk_http *h, const char *body, size_t len)
{
    h->body = body;
    h->body_len = len;
    h->has_body = 1;
    return BK_HTTP_OK;
}

/* ---- step 2: to the easy handle ---- */

static int set_method(bk_http *h)
{
    CURL *easy = h->easy;
    const char *method = h->text.data + h->method_at;
    int get = strcmp(method, "GET") == 0;
    int head = strcmp(method, "HEAD") == 0;
    int post = strcmp(method, "POST") == 0;
    /* These have no body by nature; all others announce even an empty one by Content-Length: 0. */
    int bodiless = get || strcmp(method, "OPTIONS") == 0 || strcmp(method, "TRACE") == 0;
    int mode = head ? MODE_HEAD : bodiless ? MODE_GET : MODE_POST;
    int custom = !get && !head && !post;
    int ok = 1;
    if (mode != h->mode) {
        h->mode = MODE_NONE; /* until all of it is set */
        if (mode == MODE_HEAD)
            SET(CURLOPT_NOBODY, 1L);
        else if (mode == MODE_GET)
            SET(CURLOPT_HTTPGET, 1L);
        else
            SET(CURLOPT_POST, 1L);
        if (ok)
            h->mode = mode;
    }
    if (mode == MODE_POST) {
        SET(CURLOPT_POSTFIELDS, h->has_body && h->body ? h->body : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(h->has_body ? h->body_len : 0));
    }
    if (custom || h->custom_method) {
        SET(CURLOPT_CUSTOMREQUEST, custom ? method : NULL);
        if (ok)
            h->custom_method = custom;
    }
    return ok;
}

/* Reads a proxy's URL as libcurl will: it would refuse it in words that show the whole URL. */
static CURLUcode read_proxy(const char *proxy)
{
    CURLU *url = curl_url();
    CURLUcode code =
        url ? curl_url_set(url, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME)
            : CURLUE_OUT_OF_MEMORY;
    curl_url_cleanup(url);
    return code;
}

static bk_http_outcome set_proxy(bk_http *h, const char *proxy)
{
    CURL *easy = h->easy;
    CURLUcode code;
    int ok = 1;
    if (!h->proxy_unknown && strcmp(h->proxy ? h->proxy : "", proxy) == 0)
        return BK_HTTP_OK;
    code = *proxy ? read_proxy(proxy) : CURLUE_OK;
    if (code != CURLUE_OK && code != CURLUE_OUT_OF_MEMORY)
        return refuse(h, BK_HTTP_BAD_PROXY, "it can't be read as a URL");
    char *copy = code == CURLUE_OK ? strdup(proxy) : NULL;
    if (!copy)
        return refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    h->proxy_unknown = 1; /* a failure leaves none set, and the environment's would count */
    SET(CURLOPT_PROXY, proxy);
    h->proxy_unknown = !ok;
    if (h->proxy)
        bk_wipe(h->proxy, strlen(h->proxy));
    free(h->proxy);
    h->proxy = copy;
    return ok ? BK_HTTP_OK : refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
}

/* node_room always leaves NODES_SPARE slots for these. */
static void suppress(bk_http *h, char *line)
{
    h->nodes[h->node_count++].data = line;
}

bk_http_outcome bk_http_setup(bk_http *h, const char *proxy, long connect_ms, long read_ms,
                              long whole_ms)
{
    static char no_accept[] = "Accept:", no_expect[] = "Expect:", no_type[] = "Content-Type:";
    CURL *easy = h->easy;
    int ok = set_method(h);
    if (h->mode != MODE_POST && h->body_len > 0)
        return refuse(h, BK_HTTP_BAD_REQUEST, "a request with this method can't carry a body");
    if ((h->given & GIVEN_LENGTH) && h->given_length != h->body_len)
        return refuse(h, BK_HTTP_BAD_REQUEST, "header Content-Length: not the length of the body");
    if (!(h->given & GIVEN_ACCEPT))
        suppress(h, no_accept);
    if (h->mode == MODE_POST) {
        if (!(h->given & GIVEN_EXPECT))
            suppress(h, no_expect);
        if (!(h->given & GIVEN_CONTENT_TYPE))
            suppress(h, no_type);
    }
    for (size_t i = 0; i < h->node_count; i++)
        h->nodes[i].next = i + 1 < h->node_count ? &h->nodes[i + 1] : NULL;
    SET(CURLOPT_HTTPHEADER, h->node_count ? h->nodes : NULL);
    SET(CURLOPT_URL, h->text.data + h->url_at);
    if (connect_ms != h->connect_ms) {
        h->connect_ms = -1; /* until it is set */
        /* 0 would mean libcurl's default of five minutes. */
        SET(CURLOPT_CONNECTTIMEOUT_MS, connect_ms > 0 ? connect_ms : NO_LIMIT_MS);
        if (ok)
            h->connect_ms = connect_ms;
    }
    if (!ok)
        return refuse(h, BK_HTTP_NO_MEMORY, "libcurl refused an option: not enough memory");
    bk_http_outcome outcome = set_proxy(h, proxy);
    if (outcome != BK_HTTP_OK)
        return outcome;
    h->read_ms = read_ms;
    h->whole_ms = whole_ms;
    h->started = now_ms();
    h->error[0] = '\0';
    return BK_HTTP_OK;
}

/* ---- step 3: driving it ---- */

/*
 * The read timeout counts from when the connection stands (until then the connect timeout does) or
 * from the last sign of life on the socket, in either direction. The whole call's limit counts from
 * setup.
 */
long bk_http_wait(bk_http *h, bk_http_outcome *outcome)
{
    long long now = now_ms(), wait = -1;
    *outcome = BK_HTTP_OK;
    if (h->read_ms > 0) {
        if (!h->connected) {
            curl_off_t at = 0;
            (void)curl_easy_getinfo(h->easy, CURLINFO_PRETRANSFER_TIME_T, &at);
            h->connected = at > 0;
            h->active = 1;
        }
        if (h->active)
            h->last_activity = now;
        h->active = 0;
        if (h->connected) {
            wait = h->last_activity + h->read_ms - now;
            if (wait <= 0)
                *outcome = BK_HTTP_TIMEOUT_READ;
        }
    }
    if (h->whole_ms > 0) {
        long long left = h->started + h->whole_ms - now;
        if (left <= 0)
            *outcome = BK_HTTP_TIMEOUT_WHOLE;
        if (wait < 0 || left < wait)
            wait = left;
    }
    return *outcome != BK_HTTP_OK ? 0 : (long)wait;
}

/*
 * The socket was ready, and libcurl has had its turn since. That counts as a sign of life even
 * where nothing was delivered, since a header line or a TLS record may come byte by byte; but not
 * without end: libcurl 7.88 wakes for a writable socket for ever when an HTTP/2 server answers
 * before it has read a large body. Gives 1 where the answer is whole in such a case, so that there
 * is nothing left to wait for.
 */
static int on_ready(bk_http *h)
{
    if (++h->idle_wakes < MAX_IDLE_WAKES) {
        h->active = 1;
        return 0;
    }
    curl_off_t length = -1;
    if (h->head_done && h->status >= 200 &&
        curl_easy_getinfo(h->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length) == CURLE_OK &&
        length >= 0 && (unsigned long long)length == h->out.len)
        return 1;
    struct timespec pause = {0, IDLE_PAUSE_NS};
    (void)nanosleep(&pause, NULL);
    return 0;
}

static CURLcode drive(bk_http *h, bk_http_outcome *due)
{
    int running = 1;
    for (;;) {
        int ready = 0, left;
        if (curl_multi_perform(h->multi, &running) != CURLM_OK)
            return CURLE_OUT_OF_MEMORY;
        if (!running) {
            CURLMsg *message = curl_multi_info_read(h->multi, &left);
            return message ? message->data.result : CURLE_OUT_OF_MEMORY;
        }
        if (h->body_len > 0) {
            curl_off_t sent = 0;
            (void)curl_easy_getinfo(h->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
            h->active |= sent != h->sent;
            h->sent = sent;
        }
        if (h->active)
            h->idle_wakes = 0;
        else if (h->was_ready && on_ready(h))
            return CURLE_OK;
        long wait = bk_http_wait(h, due);
        if (*due != BK_HTTP_OK)
            return CURLE_OPERATION_TIMEDOUT;
        if (wait < 0 || wait > POLL_MS)
            wait = POLL_MS;
        if (curl_multi_poll(h->multi, NULL, 0, (int)wait, &ready) != CURLM_OK)
            return CURLE_OUT_OF_MEMORY;
        h->was_ready = ready > 0;
    }
}

/*
 * A fork has copies of all connections, and must leave them alone: two processes on one connection
 * would read each other's answers, and to end it here would end the parent's as well. It begins
 * with a multi handle of its own; the parent's is left as it is.
 */
static int own_connections(bk_http *h)
{
    pid_t self = getpid();
    if (h->owner == self)
        return 1;
    CURLM *multi = curl_multi_init();
    if (!multi)
        return 0;
    h->multi = multi;
    h->owner = self;
    return 1;
}

bk_http_outcome bk_http_perform(bk_http *h)
{
    bk_http_outcome due = BK_HTTP_OK;
    CURLcode code = CURLE_OUT_OF_MEMORY;
    sigpipe_guard guard;
    sigpipe_block(&guard);
    if (own_connections(h) && curl_multi_add_handle(h->multi, h->easy) == CURLM_OK) {
        code = drive(h, &due);
        (void)curl_multi_remove_handle(h->multi, h->easy);
    }
    sigpipe_restore(&guard);
    return bk_http_finish(h, code, due);
}

/* ---- step 4: how it went ---- */

/* A failure on the way, seen from what was already known of the answer. */
static bk_http_outcome broken(const bk_http *h)
{
    return h->status != 0                       ? BK_HTTP_CUT_OFF
           : h->tunnel != 0 && h->tunnel != 200 ? BK_HTTP_PROXY
                                                : BK_HTTP_CONNECT;
}

static bk_http_outcome judge(const bk_http *h, CURLcode code)
{
    int proxied = h->proxy && *h->proxy;
    switch (code) {
    case CURLE_OK:
        /* libcurl is content with headers that end in the middle. */
        return h->status == 0 ? BK_HTTP_BAD_ANSWER : h->head_done ? BK_HTTP_OK : BK_HTTP_CUT_OFF;
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED: /* a user name in the URL */
        return BK_HTTP_BAD_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
        return BK_HTTP_RESOLVE;
    case CURLE_COULDNT_RESOLVE_PROXY:
#if CURL_AT_LEAST_VERSION(7, 73, 0)
    case CURLE_PROXY:
#endif
        return BK_HTTP_PROXY;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return proxied ? BK_HTTP_PROXY : BK_HTTP_CONNECT;
    case CURLE_OPERATION_TIMEDOUT: /* libcurl itself knows only the connect timeout */
        return BK_HTTP_TIMEOUT_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
        return BK_HTTP_CERTIFICATE;
    case CURLE_SSL_CACERT_BADFILE:
        return BK_HTTP_CA_BUNDLE;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return BK_HTTP_TLS;
    case CURLE_PARTIAL_FILE:
        return BK_HTTP_CUT_OFF;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return broken(h);
    case CURLE_UNSUPPORTED_PROTOCOL: /* the URL's scheme was checked: this is HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return BK_HTTP_BAD_ANSWER;
#if CURL_AT_LEAST_VERSION(8, 6, 0)
    case CURLE_TOO_LARGE:
        return BK_HTTP_HEADERS_TOO_BIG;
#endif
    case CURLE_OUT_OF_MEMORY:
        return BK_HTTP_NO_MEMORY;
    default:
        return BK_HTTP_OTHER;
    }
}

static void wipe_request(bk_http *h)
{
    if (h->text.len > 0)
        bk_wipe(h->text.data, h->text.len);
    h->text.len = 0;
    h->node_count = 0;
    h->given = 0;
    h->body = NULL;
    h->body_len = 0;
    h->has_body = 0;
}

bk_http_outcome bk_http_finish(bk_http *h, CURLcode code, bk_http_outcome due)
{
    CURL *easy = h->easy;
    bk_http_outcome outcome = due;
    h->code = code;
    if (h->proxy && *h->proxy && (strchr(h->error, '@') || strstr(h->error, "://")))
        h->error[0] = '\0'; /* it may be about the proxy's URL, which may hold a password */
    if (h->proxy && *h->proxy)
        (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &h->tunnel);
    if (outcome == BK_HTTP_OK)
        outcome = h->abort;
    if (outcome == BK_HTTP_OK)
        outcome = judge(h, code);
    if (outcome == BK_HTTP_OK) {
        (void)curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &h->connects);
        (void)curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &h->http_version);
    }
    /* The handle must not keep pointers to what is wiped or lent. */
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    if (h->mode == MODE_POST)
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    wipe_request(h);
    return outcome;
}

void bk_http_drop(bk_http *h)
{
    wipe_request(h);
    bk_buf_reset(&h->head);
    if (h->out.len > 0)
        bk_wipe(h->out.data, h->out.len);
    if (h->out.cap > BK_HTTP_KEEP_BODY)
        bk_buf_free(&h->out);
    bk_buf_reset(&h->out);
    h->head_total = 0;
    h->head_done = h->out_begun = 0;
    h->active = h->connected = 0;
    h->was_ready = h->idle_wakes = 0;
    h->sent = 0;
    h->abort = BK_HTTP_OK;
}

void bk_http_reset(bk_http *h)
{
    bk_http_drop(h);
    h->status = 0;
    h->connects = h->http_version = h->tunnel = 0;
    h->code = CURLE_OK;
    h->message[0] = h->error[0] = '\0';
}

int bk_http_next_header(bk_http *h, size_t *at, const char **name, size_t *name_len,
                        const char **value, size_t *value_len)
{
    while (*at < h->head.len) {
        char *line = h->head.data + *at;
        char *end = memchr(line, '\n', h->head.len - *at);
        char *colon = memchr(line, ':', (size_t)(end - line));
        *at += (size_t)(end - line) + 1;
        if (!colon || colon == line)
            continue;
        char *from = colon + 1, *to = end;
        while (from < to && (*from == ' ' || *from == '\t'))
            from++;
        while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
            to--;
        for (char *p = line; p < colon; p++)
            if (*p >= 'A' && *p <= 'Z')
                *p = (char)(*p - 'A' + 'a');
        while (colon > line && (colon[-1] == ' ' || colon[-1] == '\t'))
            colon--;
        *name = line;
        *name_len = (size_t)(colon - line);
        *value = from;
        *value_len = (size_t)(to - from);
        return 1;
    }
    return 0;
}

const char *bk_http_message(const bk_http *h)
{
    if (h->message[0])
        return h->message;
    if (h->code == CURLE_OK)
        return "";
    return h->error[0] ? h->error : curl_easy_strerror(h->code);
}

const char *bk_http_outcome_name(bk_http_outcome outcome)
{
    static const char *const names[] = {
        "ok",           "bad_request",     "bad_url",         "no_memory",    "resolve",
        "connect",      "proxy",           "timeout_connect", "timeout_read", "timeout_whole",
        "tls",          "certificate",     "ca_bundle",       "cut_off",      "bad_answer",
        "body_too_big", "headers_too_big", "bad_proxy",       "other"};
    return (size_t)outcome < sizeof names / sizeof names[0] ? names[outcome] : "other";
}
