/*
 * httpreq.c: the request as it is collected: what it may be made of, and the block that owns it.
 * See httpparts.h.
 *
 * URL, method and header lines live in one block that serves call after call, linked by an array of
 * libcurl's list nodes.
 */
#include "httpparts.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* First room for a request's text and headers: most requests never make them grow. */
enum { FIRST_TEXT = 4096, FIRST_NODES = 32, MAX_URL = 1024 * 1024 };

/* Headers that libcurl adds by itself unless told otherwise, or that change how it sends. */
enum {
    GIVEN_ACCEPT = 1,
    GIVEN_CONTENT_TYPE = 2,
    GIVEN_EXPECT = 4,
    GIVEN_LENGTH = 8,
    NODES_SPARE = 3
};

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

int bk_http_open_request(bk_http *h)
{
    return text_room(h, FIRST_TEXT) && nodes_room(h);
}

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
        return bk_http_refuse(h, BK_HTTP_BAD_URL, "the URL must begin with http:// or https://");
    if (scheme == n || strchr("/?#:", url[scheme]))
        return bk_http_refuse(h, BK_HTTP_BAD_URL, "the URL names no host");
    if (n > MAX_URL)
        return bk_http_refuse(h, BK_HTTP_BAD_URL, "the URL is longer than 1 MiB");
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)url[i];
        if (c <= 0x20 || c == 0x7f)
            return bk_http_refuse(
                h, BK_HTTP_BAD_URL,
                "the URL holds a blank, a line break or another control character");
    }
    return BK_HTTP_OK;
}

bk_http_outcome bk_http_begin(bk_http *h, const char *method, size_t method_len, const char *url,
                              size_t url_len)
{
    bk_http_reset(h);
    if (!is_token(method, method_len))
        return bk_http_refuse(h, BK_HTTP_BAD_REQUEST,
                              "the method holds a character that HTTP does not allow");
    if (is(method, method_len, "CONNECT"))
        return bk_http_refuse(h, BK_HTTP_BAD_REQUEST, "the method CONNECT is for proxies only");
    bk_http_outcome outcome = check_url(h, url, url_len);
    if (outcome != BK_HTTP_OK)
        return outcome;
    h->url_at = h->text.len;
    if (!text_add(h, url, url_len))
        return bk_http_refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    h->method_at = h->text.len;
    if (!text_add(h, method, method_len))
        return bk_http_refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
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
        return bk_http_refuse(
            h, BK_HTTP_BAD_REQUEST,
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
        return bk_http_refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
    char *to = text_room(h, name_len + 2 + value_len + 1);
    if (!to)
        return bk_http_refuse(h, BK_HTTP_NO_MEMORY, "not enough memory");
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

/* nodes_room always leaves NODES_SPARE slots for these. */
static void suppress(bk_http *h, char *line)
{
    h->nodes[h->node_count++].data = line;
}

bk_http_outcome bk_http_link_lines(bk_http *h, int carries_body)
{
    static char no_accept[] = "Accept:", no_expect[] = "Expect:", no_type[] = "Content-Type:";
    if (!carries_body && h->body_len > 0)
        return bk_http_refuse(h, BK_HTTP_BAD_REQUEST,
                              "a request with this method can't carry a body");
    if ((h->given & GIVEN_LENGTH) && h->given_length != h->body_len)
        return bk_http_refuse(h, BK_HTTP_BAD_REQUEST,
                              "header Content-Length: not the length of the body");
    if (!(h->given & GIVEN_ACCEPT))
        suppress(h, no_accept);
    if (carries_body) {
        if (!(h->given & GIVEN_EXPECT))
            suppress(h, no_expect);
        if (!(h->given & GIVEN_CONTENT_TYPE))
            suppress(h, no_type);
    }
    for (size_t i = 0; i < h->node_count; i++)
        h->nodes[i].next = i + 1 < h->node_count ? &h->nodes[i + 1] : NULL;
    return BK_HTTP_OK;
}

void bk_http_wipe_request(bk_http *h)
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

void bk_http_close_request(bk_http *h)
{
    bk_buf_wipe(&h->text);
    bk_buf_free(&h->text);
    free(h->nodes);
    h->nodes = NULL;
    h->node_count = h->node_cap = 0;
}
