/*
 * sigv4_fuzz.c: any bytes as a request to sign.
 *
 * Input: a byte of flags, then parts that end with byte 0xFF: URL, method, session token, region,
 * body, and pairs of header name and value. What is signed has the shape of a canonical request, no
 * line break comes in from outside, and a presigned URL can be signed once more with the same
 * result.
 */
#include "sigv4.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS = 40 };

static void demand(int good)
{
    if (!good)
        abort();
}

static bk_slice next_part(bk_slice *rest)
{
    const char *end = rest->n ? memchr(rest->p, 0xFF, rest->n) : NULL;
    bk_slice part = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = part.n + (end != NULL);
    rest->p += used;
    rest->n -= used;
    return part;
}

static size_t count_char(const bk_buf *b, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < b->len; i++)
        n += b->data[i] == c;
    return n;
}

static void check_signed(bk_sigv4 *s, const bk_sigv4_request *r, const bk_sigv4_options *o)
{
    size_t names = count_char(&s->signed_headers, ';') + 1;
    demand(count_char(&s->canonical_request, '\n') == names + 6 - 1);
    demand(!count_char(&s->canonical_request, '\r') && !count_char(&s->canonical_request, '\0'));
    demand(strlen(s->signature) == 64 && strlen(s->date) == 16);
    if (!o->presign) {
        demand(s->authorization.len > 64 && !count_char(&s->authorization, '\n'));
        return;
    }
    char first[65];
    char *url = malloc(s->url.len);
    size_t n = s->url.len;
    if (!url)
        return;
    memcpy(first, s->signature, sizeof first);
    memcpy(url, s->url.data, n);
    bk_sigv4_request again = *r;
    again.url.p = url;
    again.url.n = n;
    demand(bk_sigv4_sign(s, &again, o));
    demand(!strcmp(first, s->signature) && s->url.len == n && !memcmp(s->url.data, url, n));
    free(url);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bk_sigv4 s; /* kept, so that what one signing leaves behind meets the next */
    bk_sigv4_header headers[HEADERS];
    bk_sigv4_request r;
    bk_sigv4_options o;
    if (!size)
        return 0;
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, data, size);
    memset(&r, 0, sizeof r);
    memset(&o, 0, sizeof o);
    unsigned flags = data[0];
    bk_slice rest = {text + 1, size - 1};
    o.access_key_id.p = "AKIDEXAMPLE";
    o.access_key_id.n = 11;
    o.secret_access_key.p = "secret";
    o.secret_access_key.n = 6;
    o.service.p = "bedrock";
    o.service.n = 7;
    o.time = 1440938160;
    o.expires = BK_SIGV4_EXPIRES;
    o.normalize_path = flags & 1;
    o.double_encode = flags >> 1 & 1;
    o.sign_body_header = flags >> 2 & 1;
    o.presign = flags >> 3 & 1;
    o.omit_session_token = flags >> 4 & 1;
    r.url = next_part(&rest);
    r.method = next_part(&rest);
    o.session_token = next_part(&rest);
    o.region = next_part(&rest);
    r.body = next_part(&rest);
    while (rest.n && r.header_count < HEADERS) {
        bk_sigv4_header *h = &headers[r.header_count++];
        h->name = next_part(&rest);
        h->value = next_part(&rest);
        h->list = flags >> 5 & 1 ? 0 : r.header_count;
    }
    r.headers = headers;
    if (bk_sigv4_sign(&s, &r, &o))
        check_signed(&s, &r, &o);
    else
        demand(s.message[0] && memchr(s.message, 0, sizeof s.message));
    bk_sigv4_scrub(&s);
    free(text);
    return 0;
}
