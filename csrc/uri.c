/* uri.c: see uri.h. */
#include "uri.h"

#include "hex.h"

#include <string.h>

static const char HEX[] = "0123456789ABCDEF";

/* Locale plays no part here, so no <ctype.h>. */
static int is_alpha(unsigned char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static int is_unreserved(unsigned char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void bk_uri_encode(bk_buf *out, const char *s, size_t n, int keep_slash)
{
    if (n > (size_t)-1 / 3) {
        out->failed = 1;
        return;
    }
    char *to = n ? bk_buf_reserve(out, 3 * n) : NULL;
    if (!to)
        return;
    char *at = to;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (is_unreserved(c) || (c == '/' && keep_slash)) {
            *at++ = (char)c;
        } else {
            *at++ = '%';
            *at++ = HEX[c >> 4];
            *at++ = HEX[c & 15];
        }
    }
    out->len += (size_t)(at - to);
}

void bk_uri_decode(bk_buf *out, const char *s, size_t n)
{
    char *to = n ? bk_buf_reserve(out, n) : NULL;
    if (!to)
        return;
    char *at = to;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '%' && n - i > 2) {
            int high = bk_hex_value((unsigned char)s[i + 1]);
            int low = bk_hex_value((unsigned char)s[i + 2]);
            if (high >= 0 && low >= 0) {
                *at++ = (char)(high << 4 | low);
                i += 2;
                continue;
            }
        }
        *at++ = s[i];
    }
    out->len += (size_t)(at - to);
}

static const char *split_authority(bk_url *url, const char *s, size_t n)
{
    for (size_t i = n; i > 0; i--) {
        if (s[i - 1] == '@') {
            s += i;
            n -= i;
            break;
        }
    }
    size_t host = 0;
    if (n && *s == '[') {
        const char *end = memchr(s, ']', n);
        if (!end || end == s + 1)
            return "has an IPv6 address without its brackets";
        host = (size_t)(end - s) + 1;
        for (size_t i = 1; i + 1 < host; i++)
            if (bk_hex_value((unsigned char)s[i]) < 0 && s[i] != ':' && s[i] != '.')
                return "has an IPv6 address that is none";
    } else {
        while (host < n && s[host] != ':') {
            unsigned char c = (unsigned char)s[host++];
            if (!is_unreserved(c))
                return "has a host with a character that no host has";
        }
    }
    if (!host)
        return "has no host";
    url->host = (bk_slice){s, host};
    url->port = (bk_slice){s + host, 0};
    if (host == n)
        return NULL;
    if (s[host] != ':')
        return "has something behind its IPv6 address";
    url->port = (bk_slice){s + host + 1, n - host - 1};
    unsigned long port = 0;
    for (size_t i = 0; i < url->port.n; i++) {
        if (!is_digit((unsigned char)url->port.p[i]) || port > 65535)
            return "has a port that is no number";
        port = 10 * port + (unsigned long)(url->port.p[i] - '0');
    }
    return port > 65535 ? "has a port above 65535" : NULL;
}

const char *bk_url_split(bk_url *url, const char *s, size_t n)
{
    memset(url, 0, sizeof *url);
    size_t i = 0;
    for (size_t k = 0; k < n; k++)
        if ((unsigned char)s[k] < 32 || s[k] == 127)
            return "has a control character";
    while (i < n &&
           (is_alpha((unsigned char)s[i]) ||
            (i && (is_digit((unsigned char)s[i]) || s[i] == '+' || s[i] == '-' || s[i] == '.'))))
        i++;
    if (!i || n - i < 3 || memcmp(s + i, "://", 3) != 0)
        return "must start with https:// or http://";
    url->scheme = (bk_slice){s, i};
    i += 3;
    if (memchr(s + i, '#', n - i))
        return "has a fragment, which is never sent";
    size_t end = i;
    while (end < n && s[end] != '/' && s[end] != '?')
        end++;
    const char *problem = split_authority(url, s + i, end - i);
    if (problem)
        return problem;
    const char *query = memchr(s + end, '?', n - end);
    size_t path_end = query ? (size_t)(query - s) : n;
    url->path = (bk_slice){s + end, path_end - end};
    if (query)
        url->query = (bk_slice){query + 1, n - path_end - 1};
    return NULL;
}
