/* httpend.c: how a request went, as outcomes and in words. See httpparts.h. */
#include "httpparts.h"

#include <stdio.h>

bk_http_outcome bk_http_refuse(bk_http *h, bk_http_outcome outcome, const char *why)
{
    (void)snprintf(h->message, sizeof h->message, "%s", why);
    return outcome;
}

/* A failure on the way, seen from what was already known of the answer. */
static bk_http_outcome broken(const bk_http *h)
{
    return h->status != 0                       ? BK_HTTP_CUT_OFF
           : h->tunnel != 0 && h->tunnel != 200 ? BK_HTTP_PROXY
                                                : BK_HTTP_CONNECT;
}

bk_http_outcome bk_http_judge(const bk_http *h, CURLcode code)
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
    case CURLE_PARTIAL_FILE: /* over HTTP/2 an answer may not even have begun */
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
