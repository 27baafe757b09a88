/*
 * uri_fuzz.c: any bytes through percent-encoding, hex and base64, and as a URL.
 *
 * What is encoded comes back; what base64 accepts is exactly what encoding would write, but for
 * padding; the parts of a URL lie inside it and in order.
 */
#include "base64.h"
#include "hex.h"
#include "uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int good)
{
    if (!good)
        abort();
}

static void check_uri(const char *text, size_t n)
{
    bk_buf escaped = {0}, back = {0};
    for (int keep_slash = 0; keep_slash < 2; keep_slash++) {
        bk_buf_reset(&escaped);
        bk_buf_reset(&back);
        bk_uri_encode(&escaped, text, n, keep_slash);
        bk_uri_decode(&back, escaped.data, escaped.len);
        demand(!escaped.failed && !back.failed && back.len == n &&
               (!n || !memcmp(back.data, text, n)));
    }
    bk_buf_reset(&back);
    bk_uri_decode(&back, text, n);
    demand(back.len <= n);
    bk_buf_free(&escaped);
    bk_buf_free(&back);
}

static void check_base64(const char *text, size_t n)
{
    char *bytes = malloc(bk_base64_decoded_room(n));
    char *again = malloc(n + 4);
    size_t len = 0;
    if (bytes && again && bk_base64_decode(bytes, &len, text, n)) {
        size_t size = bk_base64_encoded_size(len);
        demand(len <= bk_base64_decoded_room(n) && size >= n && size <= n + 3);
        bk_base64_encode(again, bytes, len);
        demand(!n || !memcmp(again, text, n));
    }
    free(bytes);
    free(again);
}

static void check_hex(const char *text, size_t n)
{
    char *out = malloc(2 * n + 1);
    char *back = malloc(n + 1);
    if (out && back) {
        bk_hex(out, text, n);
        demand(bk_unhex(back, out, 2 * n) && (!n || !memcmp(back, text, n)));
        bk_unhex(back, text, n);
    }
    free(out);
    free(back);
}

static void check_url(const char *text, size_t n)
{
    bk_url u;
    if (bk_url_split(&u, text, n))
        return;
    const bk_slice *const parts[] = {&u.scheme, &u.host, &u.port, &u.path};
    const char *at = text;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        demand(parts[i]->p >= at && parts[i]->n <= (size_t)(text + n - parts[i]->p));
        at = parts[i]->p + parts[i]->n;
    }
    demand(u.scheme.n && u.host.n && (!u.path.n || *u.path.p == '/'));
    demand(u.query.p ? u.query.p == at + 1 && u.query.p + u.query.n == text + n : at == text + n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A block of exactly this size, so that the sanitizer sees each byte read too far. */
    char *text = malloc(size ? size : 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, data, size);
    check_uri(text, size);
    check_base64(text, size);
    check_hex(text, size);
    check_url(text, size);
    free(text);
    return 0;
}
