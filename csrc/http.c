/*
 * http.c: a session's life, and a request on its way to the easy handle and back. See http.h.
 *
 * A call costs little beyond libcurl's own work: options that stay the same are set once, and what
 * a request sets is remembered so that only changes are set again.
 */
#include "httpparts.h"
#include "sigpipe.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NO_LIMIT_MS 2000000000L

enum { MODE_NONE, MODE_GET, MODE_HEAD, MODE_POST };

/* ---- process-wide set-up ---- */

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code = CURLE_FAILED_INIT;

static void global_init(void)
{
    global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
    bk_sigpipe_init();
}

int bk_http_global(void)
{
    return pthread_once(&global_once, global_init) == 0 && global_code == CURLE_OK;
}

/* ---- opening and closing ---- */

#define SET(option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK
/* For what a libcurl may have been built without. */
#define TRY(option, value) (void)curl_easy_setopt(easy, option, value)

static int set_constants(bk_http *h, const char *ca_bundle)
{
    CURL *easy = h->easy;
    int ok = 1;
    SET(CURLOPT_PRIVATE, (void *)h);
    SET(CURLOPT_ERRORBUFFER, h->error);
    SET(CURLOPT_HEADERFUNCTION, bk_http_on_header);
    SET(CURLOPT_HEADERDATA, (void *)h);
    SET(CURLOPT_WRITEFUNCTION, bk_http_on_body);
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
    if (!bk_http_global())
        return bk_http_refuse(h, BK_HTTP_OTHER, "libcurl could not be initialised");
    h->easy = curl_easy_init();
    if (!h->easy || !bk_http_open_request(h)) {
        bk_http_close(h);
        return bk_http_refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    }
    if (!set_constants(h, ca_bundle)) {
        bk_http_close(h);
        return bk_http_refuse(
            h, BK_HTTP_OTHER,
            "this libcurl lacks an option that is needed (7.68 or later, with TLS)");
    }
    return BK_HTTP_OK;
}

void bk_http_join(bk_http *h, bk_http_share *share)
{
    if (!share || h->share || curl_easy_setopt(h->easy, CURLOPT_SHARE, share->curl) != CURLE_OK)
        return;
    bk_http_share_hold(share);
    h->share = share;
}

void bk_http_close(bk_http *h)
{
    bk_http_leave(h);
    bk_http_close_own(h);
    curl_easy_cleanup(h->easy);
    h->easy = NULL;
    bk_http_share_release(h->share);
    h->share = NULL;
    bk_http_close_request(h);
    bk_http_close_answer(h);
    if (h->proxy)
        bk_wipe(h->proxy, strlen(h->proxy));
    free(h->proxy);
    h->proxy = NULL;
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

/* Reads a proxy's URL as libcurl will: it would refuse it in words that show the whole URL.
 */
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
        return bk_http_refuse(h, BK_HTTP_BAD_PROXY, "it can't be read as a URL");
    char *copy = code == CURLUE_OK ? strdup(proxy) : NULL;
    if (!copy)
        return bk_http_refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    h->proxy_unknown = 1; /* a failure leaves none set, and the environment's would count */
    SET(CURLOPT_PROXY, proxy);
    h->proxy_unknown = !ok;
    if (h->proxy)
        bk_wipe(h->proxy, strlen(h->proxy));
    free(h->proxy);
    h->proxy = copy;
    return ok ? BK_HTTP_OK : bk_http_refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
}

bk_http_outcome bk_http_setup(bk_http *h, const char *proxy, long connect_ms, long read_ms,
                              long whole_ms)
{
    CURL *easy = h->easy;
    int ok = set_method(h);
    bk_http_outcome outcome = bk_http_link_lines(h, h->mode == MODE_POST);
    if (outcome != BK_HTTP_OK)
        return outcome;
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
        return bk_http_refuse(h, BK_HTTP_NO_MEMORY, "libcurl refused an option: not enough memory");
    outcome = set_proxy(h, proxy);
    if (outcome != BK_HTTP_OK)
        return outcome;
    bk_http_start(h, read_ms, whole_ms);
    h->error[0] = '\0';
    return BK_HTTP_OK;
}

/* ---- step 4: what is left of it ---- */

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
        outcome = bk_http_judge(h, code);
    if (outcome == BK_HTTP_OK) {
        (void)curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &h->connects);
        (void)curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &h->http_version);
    }
    /* The handle must not keep pointers to what is wiped or lent. */
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, NULL);
    if (h->mode == MODE_POST)
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    bk_http_wipe_request(h);
    return outcome;
}

void bk_http_drop(bk_http *h)
{
    bk_http_wipe_request(h);
    bk_http_drop_answer(h);
    h->active = h->connected = 0;
    h->was_ready = h->idle_wakes = 0;
    h->sent = 0;
    h->over = 0;
}

void bk_http_reset(bk_http *h)
{
    bk_http_drop(h);
    h->status = 0;
    h->connects = h->http_version = h->tunnel = 0;
    h->code = CURLE_OK;
    h->message[0] = h->error[0] = '\0';
}
