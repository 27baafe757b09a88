/* sigv4.c: see sigv4.h. */
#include "sigv4.h"

#include "hex.h"
#include "timefmt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define UNSIGNED "UNSIGNED-PAYLOAD"

enum {
    DAY = 8, /* the day in 20240101T000000Z */
    HASH_TEXT = 2 * BK_SHA256_SIZE,
    FEW = 32,        /* up to here, sorting by insertion beats qsort */
    KEPT = 64 * 1024 /* a larger block is given back after the signing that needed it */
};

/* A header that is signed. */
typedef struct entry {
    bk_slice name; /* lower case */
    bk_slice value;
    size_t list;
    size_t index; /* keeps the values of one list in order */
} entry;

/* A query parameter, both halves escaped. */
typedef struct pair {
    bk_slice name;
    bk_slice value;
} pair;

static const bk_slice NONE = {NULL, 0};

static bk_slice slice_of(const char *text)
{
    bk_slice s = {text, strlen(text)};
    return s;
}

static bk_slice slice_of_buf(const bk_buf *b)
{
    bk_slice s = {b->data ? b->data : "", b->len};
    return s;
}

static void add_slice(bk_buf *b, bk_slice s)
{
    bk_buf_add(b, s.p, s.n);
}

static int slice_is(bk_slice s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int slice_is_nocase(bk_slice s, const char *text)
{
    size_t n = strlen(text);
    if (s.n != n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (lower(s.p[i]) != text[i])
            return 0;
    return 1;
}

static int compare_slices(bk_slice a, bk_slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int fail(bk_sigv4 *s, const char *what, const char *problem)
{
    snprintf(s->message, sizeof s->message, "%s %s", what, problem);
    return 0;
}

static int fail_memory(bk_sigv4 *s)
{
    snprintf(s->message, sizeof s->message, "not enough memory");
    return 0;
}

static int fail_openssl(bk_sigv4 *s)
{
    snprintf(s->message, sizeof s->message,
             "OpenSSL cannot compute SHA-256: out of memory, or switched off in its settings");
    return 0;
}

/* Names a header in a message; what can't be printed shows as "?". Values are never shown: they may
 * be secrets. */
static int fail_header(bk_sigv4 *s, bk_slice name, const char *problem)
{
    char shown[41];
    size_t n = name.n < sizeof shown ? name.n : sizeof shown - 1;
    for (size_t i = 0; i < n; i++)
        shown[i] = (char)(name.p[i] >= 32 && name.p[i] < 127 ? name.p[i] : '?');
    shown[n] = '\0';
    snprintf(s->message, sizeof s->message, "header \"%s\" %s", shown, problem);
    return 0;
}

static int has_line_break(bk_slice s)
{
    return s.n && (memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n) || memchr(s.p, '\0', s.n));
}

/* tchar of RFC 7230: what methods and header names are made of. */
static int is_token(bk_slice s)
{
    static const unsigned char other[128] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
        ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1,
    };
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        int alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (c > 127 || !(alnum || other[c]))
            return 0;
    }
    return s.n > 0;
}

/* A part of the credential scope: it stands between slashes, before a comma, in a header. */
static int check_scope_part(bk_sigv4 *s, const char *what, bk_slice part)
{
    if (!part.n)
        return fail(s, what, "is missing");
    for (size_t i = 0; i < part.n; i++) {
        unsigned char c = (unsigned char)part.p[i];
        if (c <= 32 || c >= 127 || c == '/' || c == ',')
            return fail(s, what, "must be printable ASCII without blanks, commas and slashes");
    }
    return 1;
}

static int check_options(bk_sigv4 *s, const bk_sigv4_options *o)
{
    if (!check_scope_part(s, "access_key_id", o->access_key_id))
        return 0;
    if (!o->secret_access_key.n)
        return fail(s, "secret_access_key", "is missing");
    if (has_line_break(o->secret_access_key))
        return fail(s, "secret_access_key", "must not contain NUL, CR or LF");
    if (has_line_break(o->session_token))
        return fail(s, "session_token", "must not contain NUL, CR or LF");
    if (!check_scope_part(s, "region", o->region) || !check_scope_part(s, "service", o->service))
        return 0;
    if (o->presign && !(o->expires >= 1 && o->expires <= BK_SIGV4_EXPIRES_MOST &&
                        floor(o->expires) >= o->expires))
        return fail(s, "expires", "must be a whole number of seconds from 1 to 604800");
    return 1;
}

/* ------------------------------------------------------------------------------------------------
 * headers */

int bk_sigv4_is_replaced(const char *name, size_t n)
{
    bk_slice s = {name, n};
    return slice_is_nocase(s, "authorization") || slice_is_nocase(s, "x-amz-date") ||
           slice_is_nocase(s, "x-amz-security-token");
}

int bk_sigv4_is_payload_hash(const char *name, size_t n)
{
    bk_slice s = {name, n};
    return slice_is_nocase(s, "x-amz-content-sha256");
}

/* Headers that proxies and HTTP clients change or add on the way; `name` is lower-case. */
static int is_never_signed(bk_slice name)
{
    static const char *const names[] = {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-amzn-trace-id",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(name, names[i]))
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
    int order = compare_slices(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int compare_pairs(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    int order = compare_slices(x->name, y->name);
    return order ? order : compare_slices(x->value, y->value);
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
    if (slice_is(value, UNSIGNED)) {
        if (!slice_is_nocase(s->parts.scheme, "https"))
            return fail_header(s, slice_of("x-amz-content-sha256"),
                               "allows an unsigned payload over https only");
        memcpy(s->payload_hash, UNSIGNED, sizeof UNSIGNED);
        return 1;
    }
    if (slice_is(value, s->payload_hash))
        return 1;
    return fail_header(s, slice_of("x-amz-content-sha256"), "is not the SHA-256 of the body");
}

/* The host as an HTTP client sends it: lower case, with the port unless it is the scheme's own. */
static void build_host(bk_sigv4 *s)
{
    const bk_url *u = &s->parts;
    char *to = bk_buf_reserve(&s->host, u->host.n + u->port.n + 1);
    if (!to)
        return;
    for (size_t i = 0; i < u->host.n; i++)
        to[i] = lower(u->host.p[i]);
    s->host.len = u->host.n;
    bk_slice port = u->port;
    while (port.n > 1 && *port.p == '0') {
        port.p++;
        port.n--;
    }
    int own = (slice_is(port, "443") && slice_is_nocase(u->scheme, "https")) ||
              (slice_is(port, "80") && slice_is_nocase(u->scheme, "http"));
    if (port.n && !own) {
        bk_buf_addchar(&s->host, ':');
        add_slice(&s->host, port);
    }
}

/* The sorted list of what is signed: the caller's headers but for some, and those that signing
 * adds. */
static int collect_headers(bk_sigv4 *s)
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
        return fail_memory(s);
    for (size_t i = 0; i < r->header_count; i++) {
        const bk_sigv4_header *h = &r->headers[i];
        if (!is_token(h->name))
            return fail_header(s, h->name, "has a name that HTTP does not allow");
        if (has_line_break(h->value))
            return fail_header(s, h->name, "must not contain NUL, CR or LF");
        bk_slice name = {to, h->name.n};
        for (size_t k = 0; k < h->name.n; k++)
            *to++ = lower(h->name.p[k]);
        if (bk_sigv4_is_replaced(name.p, name.n) || is_never_signed(name))
            continue;
        if (slice_is(name, "x-amz-content-sha256")) {
            if (own_hash)
                continue;
            if (!check_given_hash(s, h->value))
                return 0;
        } else if (slice_is(name, "host")) {
            host_given = 1;
            if (!h->value.n)
                return fail_header(s, name, "is empty");
        }
        add_entry(s, name, h->value, h->list);
    }
    if (!host_given) {
        build_host(s);
        add_entry(s, slice_of("host"), slice_of_buf(&s->host), (size_t)-1);
    }
    if (!o->presign) {
        add_entry(s, slice_of("x-amz-date"), slice_of(s->date), (size_t)-1);
        if (o->session_token.n && !o->omit_session_token)
            add_entry(s, slice_of("x-amz-security-token"), o->session_token, (size_t)-1);
        if (own_hash)
            add_entry(s, slice_of("x-amz-content-sha256"), slice_of(s->payload_hash), (size_t)-1);
    }
    if (s->host.failed || s->entries.failed)
        return fail_memory(s);
    size_t count;
    entry *e = get_entries(s, &count);
    sort_entries(e, count);
    for (size_t i = 0; i < count; i++) {
        if (i && compare_slices(e[i].name, e[i - 1].name) == 0) {
            if (e[i].list != e[i - 1].list)
                return fail_header(s, e[i].name,
                                   "is given twice, in different case: use a list of values");
            continue;
        }
        if (i)
            bk_buf_addchar(&s->signed_headers, ';');
        add_slice(&s->signed_headers, e[i].name);
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
        add_slice(b, v);
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

/* -------------------------------------------------------------------------------------- path and
 * query */

/*
 * Removes "." and ".." segments and empty ones; one slash at the end stays if there was one and
 * something is left. An escaped slash or dot is an ordinary character here.
 */
static bk_slice normalize_path(bk_sigv4 *s, bk_slice path)
{
    char *out = bk_buf_reserve(&s->path, path.n + 1);
    if (!out)
        return NONE;
    size_t len = 0, i = 0;
    while (i < path.n) {
        while (i < path.n && path.p[i] == '/')
            i++;
        size_t start = i;
        while (i < path.n && path.p[i] != '/')
            i++;
        bk_slice segment = {path.p + start, i - start};
        if (!segment.n || slice_is(segment, "."))
            continue;
        if (slice_is(segment, "..")) {
            while (len && out[--len] != '/')
                continue;
            continue;
        }
        out[len++] = '/';
        memcpy(out + len, segment.p, segment.n);
        len += segment.n;
    }
    if (!len || path.p[path.n - 1] == '/')
        out[len++] = '/';
    s->path.len = len;
    return slice_of_buf(&s->path);
}

/* For a path that is escaped already: only what no URL may hold is escaped, escapes stay. */
static void add_escaped_path(bk_buf *b, bk_slice path)
{
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c > 32 && c < 127 && !strchr("\"<>\\^`{|}", c))
            bk_buf_addchar(b, (char)c);
        else
            bk_uri_encode(b, path.p + i, 1, 0);
    }
}

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
    return escape_text(s, slice_of_buf(&s->path));
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
    static const char *const names[] = {
        "X-Amz-Algorithm",     "X-Amz-Credential",     "X-Amz-Date",      "X-Amz-Expires",
        "X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Signature",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(name, names[i]))
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
    add_slice(&s->path, o->access_key_id);
    bk_buf_addchar(&s->path, '/');
    add_slice(&s->path, slice_of_buf(&s->scope));
    add(s, slice_of("X-Amz-Algorithm"), slice_of(ALGORITHM));
    add(s, slice_of("X-Amz-Credential"), escape_text(s, slice_of_buf(&s->path)));
    add(s, slice_of("X-Amz-Date"), slice_of(s->date));
    add(s, slice_of("X-Amz-SignedHeaders"), escape_text(s, slice_of_buf(&s->signed_headers)));
    add(s, slice_of("X-Amz-Expires"), escape_text(s, slice_of(expires)));
    if (with_token && o->session_token.n)
        add(s, slice_of("X-Amz-Security-Token"), escape_text(s, o->session_token));
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

static int collect_query(bk_sigv4 *s)
{
    bk_slice rest = s->parts.query;
    if (!rest.n && !s->options->presign)
        return 1;
    if (!reserve_query(s))
        return fail_memory(s);
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
        return fail_memory(s);
    if (s->pairs.len)
        qsort(s->pairs.data, s->pairs.len / sizeof(pair), sizeof(pair), compare_pairs);
    return 1;
}

/* -----------------------------------------------------------------------------------------------
 * stages */

int bk_sigv4_prepare(bk_sigv4 *s, const bk_sigv4_request *request, const bk_sigv4_options *options)
{
    bk_sigv4_scrub(s);
    s->request = request;
    s->options = options;
    if (!is_token(request->method))
        return fail(s, "method", "must be an HTTP method like GET");
    const char *problem = bk_url_split(&s->parts, request->url.p, request->url.n);
    if (problem)
        return fail(s, "url", problem);
    if (!check_options(s, options))
        return 0;
    char date[BK_TIME_TEXT];
    if (!bk_time_amz(date, options->time))
        return fail(s, "time", "must be seconds since 1970, in the years 0 to 9999");
    memcpy(s->date, date, sizeof s->date);

    unsigned char hash[BK_SHA256_SIZE];
    static const char hash_of_nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    if (request->body.n) {
        if (!bk_sha256(&s->hasher, request->body.p, request->body.n, hash))
            return fail_openssl(s);
        bk_hex(s->payload_hash, hash, sizeof hash);
        s->payload_hash[HASH_TEXT] = '\0';
    } else {
        memcpy(s->payload_hash, hash_of_nothing, sizeof hash_of_nothing);
    }
    bk_buf_add(&s->scope, s->date, DAY);
    bk_buf_addchar(&s->scope, '/');
    add_slice(&s->scope, options->region);
    bk_buf_addchar(&s->scope, '/');
    add_slice(&s->scope, options->service);
    bk_buf_adds(&s->scope, "/" TERMINATOR);
    if (!collect_headers(s))
        return 0;
    return s->scope.failed || s->signed_headers.failed ? fail_memory(s) : 1;
}

int bk_sigv4_build_canonical_request(bk_sigv4 *s)
{
    bk_buf *out = &s->canonical_request;
    bk_slice path = s->parts.path;
    size_t count;
    const entry *e = get_entries(s, &count);
    /*
     * The room is taken in one piece before anything secret is written: a block that grows is
     * copied, and the copy left behind could not be wiped.
     */
    size_t room = s->request->method.n + 3 * path.n + s->signed_headers.len + HASH_TEXT + 16;
    for (size_t i = 0; i < count; i++)
        room += e[i].name.n + e[i].value.n + 2;
    if (!collect_query(s))
        return 0;
    room += s->text.len + (s->pairs.len / sizeof(pair)) * (sizeof "X-Amz-Security-Token" + 1);
    if (!bk_buf_reserve(out, room))
        return fail_memory(s);

    add_slice(out, s->request->method);
    bk_buf_addchar(out, '\n');
    if (!path.n)
        path = slice_of("/");
    else if (s->options->normalize_path) {
        bk_buf_reset(&s->path);
        path = normalize_path(s, path);
        if (!path.n)
            return fail_memory(s);
    }
    if (s->options->double_encode)
        bk_uri_encode(out, path.p, path.n, 1);
    else
        add_escaped_path(out, path);
    bk_buf_addchar(out, '\n');
    const pair *p = (const pair *)(const void *)s->pairs.data;
    for (size_t i = 0; i < s->pairs.len / sizeof *p; i++) {
        if (i)
            bk_buf_addchar(out, '&');
        add_slice(out, p[i].name);
        bk_buf_addchar(out, '=');
        add_slice(out, p[i].value);
    }
    bk_buf_addchar(out, '\n');
    for (size_t i = 0; i < count; i++) {
        if (i && compare_slices(e[i].name, e[i - 1].name) == 0) {
            out->len--; /* the line goes on */
            bk_buf_addchar(out, ',');
        } else {
            add_slice(out, e[i].name);
            bk_buf_addchar(out, ':');
        }
        add_trimmed(out, e[i].value);
        bk_buf_addchar(out, '\n');
    }
    bk_buf_addchar(out, '\n');
    add_slice(out, slice_of_buf(&s->signed_headers));
    bk_buf_addchar(out, '\n');
    bk_buf_adds(out, s->payload_hash);
    return out->failed ? fail_memory(s) : 1;
}

int bk_sigv4_build_string_to_sign(bk_sigv4 *s)
{
    bk_buf *out = &s->string_to_sign;
    unsigned char hash[BK_SHA256_SIZE];
    char text[HASH_TEXT];
    if (!bk_sha256(&s->hasher, s->canonical_request.data, s->canonical_request.len, hash))
        return fail_openssl(s);
    bk_hex(text, hash, sizeof hash);
    bk_buf_adds(out, ALGORITHM "\n");
    bk_buf_add(out, s->date, sizeof s->date - 1);
    bk_buf_addchar(out, '\n');
    add_slice(out, slice_of_buf(&s->scope));
    bk_buf_addchar(out, '\n');
    bk_buf_add(out, text, sizeof text);
    return out->failed ? fail_memory(s) : 1;
}

/* "AWS4" and the secret, narrowed by day, region, service and the terminator in turn. */
static int derive_key(bk_sigv4 *s, unsigned char key[BK_SHA256_SIZE])
{
    const bk_sigv4_options *o = s->options;
    bk_hasher *h = &s->hasher;
    bk_buf_wipe(&s->text);
    if (!bk_buf_reserve(&s->text, o->secret_access_key.n + 4))
        return fail_memory(s);
    bk_buf_add(&s->text, "AWS4", 4);
    add_slice(&s->text, o->secret_access_key);
    int ok = bk_hmac_sha256(h, s->text.data, s->text.len, s->date, DAY, key) &&
             bk_hmac_sha256(h, key, BK_SHA256_SIZE, o->region.p, o->region.n, key) &&
             bk_hmac_sha256(h, key, BK_SHA256_SIZE, o->service.p, o->service.n, key) &&
             bk_hmac_sha256(h, key, BK_SHA256_SIZE, TERMINATOR, sizeof TERMINATOR - 1, key);
    bk_buf_wipe(&s->text);
    return ok ? 1 : fail_openssl(s);
}

const unsigned char *bk_sigv4_signing_key(bk_sigv4 *s)
{
    const bk_sigv4_options *o = s->options;
    unsigned char id[BK_SHA256_SIZE];
    const bk_slice parts[] = {
        o->access_key_id, o->secret_access_key, {s->date, DAY}, o->region, o->service};
    bk_buf_wipe(&s->text);
    if (!bk_buf_reserve(&s->text, o->secret_access_key.n + scope_room(o)))
        return fail_memory(s), NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        add_slice(&s->text, parts[i]);
        bk_buf_addchar(&s->text, '\0'); /* none of the parts contains it */
    }
    int ok = bk_sha256(&s->hasher, s->text.data, s->text.len, id);
    bk_buf_wipe(&s->text);
    if (!ok)
        return fail_openssl(s), NULL;
    for (size_t i = 0; i < s->key_count; i++)
        if (memcmp(s->keys[i].id, id, sizeof id) == 0)
            return s->keys[i].key;

    bk_sigv4_key *slot = &s->keys[s->key_next];
    unsigned char key[BK_SHA256_SIZE];
    ok = derive_key(s, key);
    if (ok) {
        bk_wipe(slot, sizeof *slot);
        memcpy(slot->id, id, sizeof id);
        memcpy(slot->key, key, sizeof key);
        s->key_next = (s->key_next + 1) % BK_SIGV4_KEYS;
        if (s->key_count < BK_SIGV4_KEYS)
            s->key_count++;
    }
    bk_wipe(key, sizeof key);
    return ok ? slot->key : NULL;
}

int bk_sigv4_build_signature(bk_sigv4 *s, const unsigned char key[BK_SHA256_SIZE])
{
    unsigned char mac[BK_SHA256_SIZE];
    if (!bk_hmac_sha256(&s->hasher, key, BK_SHA256_SIZE, s->string_to_sign.data,
                        s->string_to_sign.len, mac))
        return fail_openssl(s);
    bk_hex(s->signature, mac, sizeof mac);
    s->signature[HASH_TEXT] = '\0';
    return 1;
}

int bk_sigv4_build_authorization(bk_sigv4 *s)
{
    bk_buf *out = &s->authorization;
    bk_buf_adds(out, ALGORITHM " Credential=");
    add_slice(out, s->options->access_key_id);
    bk_buf_addchar(out, '/');
    add_slice(out, slice_of_buf(&s->scope));
    bk_buf_adds(out, ", SignedHeaders=");
    add_slice(out, slice_of_buf(&s->signed_headers));
    bk_buf_adds(out, ", Signature=");
    bk_buf_add(out, s->signature, HASH_TEXT);
    return out->failed ? fail_memory(s) : 1;
}

static void add_url_pair(bk_sigv4 *s, bk_slice name, bk_slice value)
{
    bk_buf_addchar(&s->url, s->url.data && memchr(s->url.data, '?', s->url.len) ? '&' : '?');
    add_slice(&s->url, name);
    bk_buf_addchar(&s->url, '=');
    add_slice(&s->url, value);
}

/* The URL as it was given, less the parameters of an earlier presigning, with ours behind: the
 * signature last. */
int bk_sigv4_build_url(bk_sigv4 *s)
{
    bk_slice url = s->request->url, rest = s->parts.query;
    if (!reserve_query(s) || !bk_buf_reserve(&s->url, url.n + s->text.cap + 512))
        return fail_memory(s);
    bk_buf_add(&s->url, url.p, rest.p ? (size_t)(rest.p - 1 - url.p) : url.n);
    if (!s->parts.path.n)
        bk_buf_addchar(&s->url, '/');
    char mark = '?';
    while (rest.n) {
        bk_slice part = cut(&rest, '&'), tail = part;
        bk_buf_reset(&s->path);
        bk_slice name = cut(&tail, '=');
        bk_uri_decode(&s->path, name.p, name.n);
        if (!part.n || is_signing_parameter(slice_of_buf(&s->path)))
            continue;
        bk_buf_addchar(&s->url, mark);
        add_slice(&s->url, part);
        mark = '&';
    }
    add_signing_pairs(s, add_url_pair, 1);
    add_url_pair(s, slice_of("X-Amz-Signature"), slice_of(s->signature));
    return s->url.failed || s->text.failed || s->path.failed ? fail_memory(s) : 1;
}

int bk_sigv4_sign(bk_sigv4 *s, const bk_sigv4_request *request, const bk_sigv4_options *options)
{
    if (!bk_sigv4_prepare(s, request, options) || !bk_sigv4_build_canonical_request(s) ||
        !bk_sigv4_build_string_to_sign(s))
        return 0;
    const unsigned char *key = bk_sigv4_signing_key(s);
    if (!key || !bk_sigv4_build_signature(s, key))
        return 0;
    return options->presign ? bk_sigv4_build_url(s) : bk_sigv4_build_authorization(s);
}

/* ---------------------------------------------------------------------------------------------
 * clearing */

static void scrub_buf(bk_buf *b)
{
    bk_buf_wipe(b);
    if (b->cap > KEPT)
        bk_buf_free(b);
}

void bk_sigv4_scrub(bk_sigv4 *s)
{
    bk_buf *const secret[] = {&s->canonical_request, &s->text, &s->url, &s->path};
    bk_buf *const open[] = {&s->scope, &s->signed_headers, &s->string_to_sign, &s->authorization,
                            &s->names, &s->host,           &s->entries,        &s->pairs};
    for (size_t i = 0; i < sizeof secret / sizeof *secret; i++)
        scrub_buf(secret[i]);
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        bk_buf_reset(open[i]);
        if (open[i]->cap > KEPT)
            bk_buf_free(open[i]);
    }
    s->request = NULL;
    s->options = NULL;
    s->date[0] = s->payload_hash[0] = s->signature[0] = '\0';
}

void bk_sigv4_forget(bk_sigv4 *s)
{
    bk_wipe(s->keys, sizeof s->keys);
    s->key_count = s->key_next = 0;
}

void bk_sigv4_free(bk_sigv4 *s)
{
    bk_buf *const all[] = {&s->scope,          &s->signed_headers, &s->canonical_request,
                           &s->string_to_sign, &s->authorization,  &s->url,
                           &s->names,          &s->host,           &s->entries,
                           &s->pairs,          &s->text,           &s->path};
    bk_sigv4_scrub(s);
    bk_sigv4_forget(s);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        bk_buf_free(all[i]);
    bk_hasher_close(&s->hasher);
}
