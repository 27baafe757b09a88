/* sigv4query.c: the query as it is signed, and the presigned URL. See sigv4parts.h. */
#include "sigv4parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A query parameter, both halves escaped. */
typedef struct pair {
    bk_slice name;
    bk_slice value;
} pair;

static void add_pair(bk_sigv4 *s, bk_slice name, bk_slice value)
{
    pair p = {name, value};
    bk_buf_add(&s->pairs, &p, sizeof p);
}

/* Appends to the text, which has room enough for all, and gives what was appended. */
static bk_slice escape_text(bk_sigv4 *s, bk_slice raw)
{
    size_t start = s->text.len;
    bk_uri_encode(&s->text, raw.p, raw.n, 0);
    bk_slice escaped = {s->text.data + start, s->text.len - start};
    return escaped;
}

/*
 * Half of a parameter as the service sees it: unescaped, then escaped by AWS's rules. What is
 * escaped properly comes out as it was, and raw text (%7E for "~", a bare ":") comes out as the
 * service will rebuild it.
 */
static bk_slice rebuild_half(bk_sigv4 *s, bk_slice half)
{
    bk_buf_reset(&s->path);
    bk_uri_decode(&s->path, half.p, half.n);
    return escape_text(s, bk_slice_of_buf(&s->path));
}

static bk_slice cut(bk_slice *rest, char mark)
{
    const char *at = rest->n ? memchr(rest->p, mark, rest->n) : NULL;
    bk_slice head = {rest->p, at ? (size_t)(at - rest->p) : rest->n};
    rest->p += head.n + (at != NULL);
    rest->n -= head.n + (at != NULL);
    return head;
}

/* Parameters that an earlier presigning left in a URL. */
static int is_signing_parameter(bk_slice name)
{
    static const bk_slice names[] = {
        BK_SLICE("X-Amz-Algorithm"),     BK_SLICE("X-Amz-Credential"),
        BK_SLICE("X-Amz-Date"),          BK_SLICE("X-Amz-Expires"),
        BK_SLICE("X-Amz-SignedHeaders"), BK_SLICE("X-Amz-Security-Token"),
        BK_SLICE("X-Amz-Signature"),
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bk_slice_equal(name, names[i]))
            return 1;
    return 0;
}

static size_t scope_room(const bk_sigv4_options *o)
{
    return o->access_key_id.n + o->region.n + o->service.n + 64;
}

/* The parameters of the query form, but for the signature, in the order in which they are sent. */
static void add_signing_pairs(bk_sigv4 *s, void (*add)(bk_sigv4 *, bk_slice, bk_slice),
                              int with_token)
{
    const bk_sigv4_options *o = s->options;
    char expires[16];
    snprintf(expires, sizeof expires, "%ld", (long)o->expires);
    bk_buf_reset(&s->path);
    bk_slice_add(&s->path, o->access_key_id);
    bk_buf_addchar(&s->path, '/');
    bk_slice_add(&s->path, bk_slice_of_buf(&s->scope));
    add(s, bk_slice_of("X-Amz-Algorithm"), bk_slice_of(BK_SIGV4_ALGORITHM));
    add(s, bk_slice_of("X-Amz-Credential"), escape_text(s, bk_slice_of_buf(&s->path)));
    add(s, bk_slice_of("X-Amz-Date"), bk_slice_of(s->date));
    add(s, bk_slice_of("X-Amz-SignedHeaders"), escape_text(s, bk_slice_of_buf(&s->signed_headers)));
    add(s, bk_slice_of("X-Amz-Expires"), escape_text(s, bk_slice_of(expires)));
    if (with_token && o->session_token.n)
        add(s, bk_slice_of("X-Amz-Security-Token"), escape_text(s, o->session_token));
}

/* Room for everything that a query can need in s->text, in one block: slices point into it. */
static int reserve_query(bk_sigv4 *s)
{
    const bk_sigv4_options *o = s->options;
    size_t raw = s->parts.query.n;
    if (o->presign)
        raw += s->signed_headers.len + o->session_token.n + scope_room(o) + 64;
    bk_buf_reset(&s->text);
    bk_buf_reset(&s->pairs);
    return raw < (size_t)-1 / 4 && bk_buf_reserve(&s->text, 3 * raw + 1) &&
           bk_buf_reserve(&s->path, raw + 1);
}

static int compare_pairs(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    int order = bk_slice_compare(x->name, y->name);
    return order ? order : bk_slice_compare(x->value, y->value);
}

int bk_sigv4_collect_query(bk_sigv4 *s)
{
    bk_slice rest = s->parts.query;
    if (!rest.n && !s->options->presign)
        return 1;
    if (!reserve_query(s))
        return bk_sigv4_fail_memory(s);
    while (rest.n) {
        bk_slice value = cut(&rest, '&');
        if (!value.n)
            continue;
        bk_slice name = cut(&value, '=');
        name = rebuild_half(s, name);
        value = rebuild_half(s, value);
        if (!s->options->presign || !is_signing_parameter(name))
            add_pair(s, name, value);
    }
    if (s->options->presign)
        add_signing_pairs(s, add_pair, !s->options->omit_session_token);
    if (s->text.failed || s->pairs.failed || s->path.failed)
        return bk_sigv4_fail_memory(s);
    if (s->pairs.len)
        qsort(s->pairs.data, s->pairs.len / sizeof(pair), sizeof(pair), compare_pairs);
    return 1;
}

size_t bk_sigv4_query_room(const bk_sigv4 *s)
{
    return s->text.len + (s->pairs.len / sizeof(pair)) * (sizeof "X-Amz-Security-Token" + 1);
}

void bk_sigv4_add_query(bk_sigv4 *s)
{
    bk_buf *out = &s->canonical_request;
    const pair *p = (const pair *)(const void *)s->pairs.data;
    for (size_t i = 0; i < s->pairs.len / sizeof *p; i++) {
        if (i)
            bk_buf_addchar(out, '&');
        bk_slice_add(out, p[i].name);
        bk_buf_addchar(out, '=');
        bk_slice_add(out, p[i].value);
    }
}

static void add_url_pair(bk_sigv4 *s, bk_slice name, bk_slice value)
{
    bk_buf_addchar(&s->url, s->url.data && memchr(s->url.data, '?', s->url.len) ? '&' : '?');
    bk_slice_add(&s->url, name);
    bk_buf_addchar(&s->url, '=');
    bk_slice_add(&s->url, value);
}

/* The URL as it was given, less the parameters of an earlier presigning, with ours behind: the
 * signature last. */
int bk_sigv4_build_url(bk_sigv4 *s)
{
    bk_slice url = s->request->url, rest = s->parts.query;
    if (!reserve_query(s) || !bk_buf_reserve(&s->url, url.n + s->text.cap + 512))
        return bk_sigv4_fail_memory(s);
    bk_buf_add(&s->url, url.p, rest.p ? (size_t)(rest.p - 1 - url.p) : url.n);
    if (!s->parts.path.n)
        bk_buf_addchar(&s->url, '/');
    char mark = '?';
    while (rest.n) {
        bk_slice part = cut(&rest, '&'), tail = part;
        bk_buf_reset(&s->path);
        bk_slice name = cut(&tail, '=');
        bk_uri_decode(&s->path, name.p, name.n);
        if (!part.n || is_signing_parameter(bk_slice_of_buf(&s->path)))
            continue;
        bk_buf_addchar(&s->url, mark);
        bk_slice_add(&s->url, part);
        mark = '&';
    }
    add_signing_pairs(s, add_url_pair, 1);
    add_url_pair(s, bk_slice_of("X-Amz-Signature"), bk_slice_of(s->signature));
    return s->url.failed || s->text.failed || s->path.failed ? bk_sigv4_fail_memory(s) : 1;
}
