/* sigv4head.c: which headers are signed, and their lines in the canonical request. See
 * sigv4parts.h. */
#include "sigv4parts.h"

#include <stdlib.h>
#include <string.h>

#define UNSIGNED "UNSIGNED-PAYLOAD"

enum { FEW = 32 }; /* up to here, sorting by insertion beats qsort */

/* A header that is signed. */
typedef struct entry {
    bk_slice name; /* lower case */
    bk_slice value;
    size_t list;
    size_t index; /* keeps the values of one list in order */
} entry;

int bk_sigv4_is_replaced(const char *name, size_t n)
{
    bk_slice s = {name, n};
    return bk_slice_is_nocase(s, "authorization") || bk_slice_is_nocase(s, "x-amz-date") ||
           bk_slice_is_nocase(s, "x-amz-security-token");
}

int bk_sigv4_is_payload_hash(const char *name, size_t n)
{
    bk_slice s = {name, n};
    return bk_slice_is_nocase(s, "x-amz-content-sha256");
}

/* Headers that proxies and HTTP clients change or add on the way; `name` is lower-case. */
static int is_never_signed(bk_slice name)
{
    static const bk_slice names[] = {
        BK_SLICE("connection"),
        BK_SLICE("expect"),
        BK_SLICE("keep-alive"),
        BK_SLICE("proxy-authenticate"),
        BK_SLICE("proxy-authorization"),
        BK_SLICE("te"),
        BK_SLICE("trailer"),
        BK_SLICE("transfer-encoding"),
        BK_SLICE("upgrade"),
        BK_SLICE("user-agent"),
        BK_SLICE("x-amzn-trace-id"),
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bk_slice_equal(name, names[i]))
            return 1;
    return 0;
}

static void add_entry(bk_sigv4 *s, bk_slice name, bk_slice value, size_t list)
{
    entry e = {name, value, list, s->entries.len};
    bk_buf_add(&s->entries, &e, sizeof e);
}

static entry *get_entries(const bk_sigv4 *s, size_t *count)
{
    *count = s->entries.len / sizeof(entry);
    return (entry *)(void *)s->entries.data;
}

static int compare_entries(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = bk_slice_compare(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static void sort_entries(entry *e, size_t n)
{
    if (n > FEW) {
        qsort(e, n, sizeof *e, compare_entries);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        entry moved = e[i];
        size_t k = i;
        for (; k > 0 && compare_entries(&e[k - 1], &moved) > 0; k--)
            e[k] = e[k - 1];
        e[k] = moved;
    }
}

/* A caller's x-amz-content-sha256 is signed with the others, so it has to say what the last line
 * says. */
static int check_given_hash(bk_sigv4 *s, bk_slice value)
{
    if (bk_slice_is(value, UNSIGNED)) {
        if (!bk_slice_is_nocase(s->parts.scheme, "https"))
            return bk_sigv4_fail_header(s, bk_slice_of("x-amz-content-sha256"),
                                        "allows an unsigned payload over https only");
        memcpy(s->payload_hash, UNSIGNED, sizeof UNSIGNED);
        return 1;
    }
    if (bk_slice_is(value, s->payload_hash))
        return 1;
    return bk_sigv4_fail_header(s, bk_slice_of("x-amz-content-sha256"),
                                "is not the SHA-256 of the body");
}

/* The host as an HTTP client sends it: lower case, with the port unless it is the scheme's own. */
static void build_host(bk_sigv4 *s)
{
    const bk_url *u = &s->parts;
    char *to = bk_buf_reserve(&s->host, u->host.n + u->port.n + 1);
    if (!to)
        return;
    for (size_t i = 0; i < u->host.n; i++)
        to[i] = bk_lower(u->host.p[i]);
    s->host.len = u->host.n;
    bk_slice port = u->port;
    while (port.n > 1 && *port.p == '0') {
        port.p++;
        port.n--;
    }
    int own = (bk_slice_is(port, "443") && bk_slice_is_nocase(u->scheme, "https")) ||
              (bk_slice_is(port, "80") && bk_slice_is_nocase(u->scheme, "http"));
    if (port.n && !own) {
        bk_buf_addchar(&s->host, ':');
        bk_slice_add(&s->host, port);
    }
}

/* The sorted list of what is signed: the caller's headers but for some, and those that signing
 * adds. */
int bk_sigv4_collect_headers(bk_sigv4 *s)
{
    const bk_sigv4_request *r = s->request;
    const bk_sigv4_options *o = s->options;
    size_t bytes = 0;
    int host_given = 0;
    int own_hash = o->sign_body_header && !o->presign;
    for (size_t i = 0; i < r->header_count; i++)
        bytes += r->headers[i].name.n;
    /* One reservation, since the entries point into it. */
    char *to = bk_buf_reserve(&s->names, bytes ? bytes : 1);
    if (!to || !bk_buf_reserve(&s->entries, (r->header_count + 4) * sizeof(entry)))
        return bk_sigv4_fail_memory(s);
    for (size_t i = 0; i < r->header_count; i++) {
        const bk_sigv4_header *h = &r->headers[i];
        if (!bk_sigv4_is_token(h->name))
            return bk_sigv4_fail_header(s, h->name, "has a name that HTTP does not allow");
        if (bk_sigv4_has_line_break(h->value))
            return bk_sigv4_fail_header(s, h->name, "must not contain NUL, CR or LF");
        bk_slice name = {to, h->name.n};
        for (size_t k = 0; k < h->name.n; k++)
            *to++ = bk_lower(h->name.p[k]);
        if (bk_sigv4_is_replaced(name.p, name.n) || is_never_signed(name))
            continue;
        if (bk_slice_is(name, "x-amz-content-sha256")) {
            if (own_hash)
                continue;
            if (!check_given_hash(s, h->value))
                return 0;
        } else if (bk_slice_is(name, "host")) {
            host_given = 1;
            if (!h->value.n)
                return bk_sigv4_fail_header(s, name, "is empty");
        }
        add_entry(s, name, h->value, h->list);
    }
    if (!host_given) {
        build_host(s);
        add_entry(s, bk_slice_of("host"), bk_slice_of_buf(&s->host), (size_t)-1);
    }
    if (!o->presign) {
        add_entry(s, bk_slice_of("x-amz-date"), bk_slice_of(s->date), (size_t)-1);
        if (o->session_token.n && !o->omit_session_token)
            add_entry(s, bk_slice_of("x-amz-security-token"), o->session_token, (size_t)-1);
        if (own_hash)
            add_entry(s, bk_slice_of("x-amz-content-sha256"), bk_slice_of(s->payload_hash),
                      (size_t)-1);
    }
    if (s->host.failed || s->entries.failed)
        return bk_sigv4_fail_memory(s);
    size_t count;
    entry *e = get_entries(s, &count);
    sort_entries(e, count);
    for (size_t i = 0; i < count; i++) {
        if (i && bk_slice_compare(e[i].name, e[i - 1].name) == 0) {
            if (e[i].list != e[i - 1].list)
                return bk_sigv4_fail_header(
                    s, e[i].name, "is given twice, in different case: use a list of values");
            continue;
        }
        if (i)
            bk_buf_addchar(&s->signed_headers, ';');
        bk_slice_add(&s->signed_headers, e[i].name);
    }
    return 1;
}

/* Blanks around a value go, runs of blanks within become one (inside quotes, too). */
static void add_trimmed(bk_buf *b, bk_slice v)
{
    while (v.n && (*v.p == ' ' || *v.p == '\t')) {
        v.p++;
        v.n--;
    }
    while (v.n && (v.p[v.n - 1] == ' ' || v.p[v.n - 1] == '\t'))
        v.n--;
    if (!v.n)
        return;
    if (!memchr(v.p, ' ', v.n) && !memchr(v.p, '\t', v.n)) {
        bk_slice_add(b, v);
        return;
    }
    char *to = bk_buf_reserve(b, v.n);
    if (!to)
        return;
    char *start = to;
    for (size_t i = 0; i < v.n; i++) {
        int blank = v.p[i] == ' ' || v.p[i] == '\t';
        if (blank && to[-1] == ' ') /* the first character is no blank */
            continue;
        *to++ = (char)(blank ? ' ' : v.p[i]);
    }
    b->len += (size_t)(to - start);
}

size_t bk_sigv4_headers_room(const bk_sigv4 *s)
{
    size_t count, room = 0;
    const entry *e = get_entries(s, &count);
    for (size_t i = 0; i < count; i++)
        room += e[i].name.n + e[i].value.n + 2;
    return room;
}

void bk_sigv4_add_headers(bk_sigv4 *s)
{
    bk_buf *out = &s->canonical_request;
    size_t count;
    const entry *e = get_entries(s, &count);
    for (size_t i = 0; i < count; i++) {
        if (i && bk_slice_compare(e[i].name, e[i - 1].name) == 0) {
            out->len--; /* the line goes on */
            bk_buf_addchar(out, ',');
        } else {
            bk_slice_add(out, e[i].name);
            bk_buf_addchar(out, ':');
        }
        add_trimmed(out, e[i].value);
        bk_buf_addchar(out, '\n');
    }
}
