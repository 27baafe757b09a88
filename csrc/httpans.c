/*
 * httpans.c: the answer as it comes in: libcurl's callbacks, and the walk over the headers that
 * they kept. See httpparts.h.
 */
#include "httpparts.h"

#include <string.h>
#include <strings.h>

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
size_t bk_http_on_header(char *line, size_t size, size_t count, void *user)
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

size_t bk_http_on_body(char *data, size_t size, size_t count, void *user)
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

void bk_http_drop_answer(bk_http *h)
{
    bk_buf_reset(&h->head);
    if (h->out.len > 0)
        bk_wipe(h->out.data, h->out.len);
    if (h->out.cap > BK_HTTP_KEEP_BODY)
        bk_buf_free(&h->out);
    bk_buf_reset(&h->out);
    h->head_total = 0;
    h->head_done = h->out_begun = 0;
    h->abort = BK_HTTP_OK;
}

void bk_http_close_answer(bk_http *h)
{
    bk_buf_free(&h->head);
    if (h->out.len > 0)
        bk_wipe(h->out.data, h->out.len);
    bk_buf_free(&h->out);
}
