/* sigv4.c: the stages of a signing in their order, and what is wiped after it. See sigv4.h. */
#include "sigv4parts.h"

#include "hex.h"
#include "timefmt.h"

#include <string.h>

enum { KEPT = 64 * 1024 }; /* a larger block is given back after the signing that needed it */

static const bk_slice NONE = {NULL, 0};

/* ---- the path ---- */

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
        if (!segment.n || bk_slice_is(segment, "."))
            continue;
        if (bk_slice_is(segment, "..")) {
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
    return bk_slice_of_buf(&s->path);
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

/* ---- stages ---- */

int bk_sigv4_prepare(bk_sigv4 *s, const bk_sigv4_request *request, const bk_sigv4_options *options)
{
    bk_sigv4_scrub(s);
    s->request = request;
    s->options = options;
    if (!bk_sigv4_is_token(request->method))
        return bk_sigv4_fail(s, "method", "must be an HTTP method like GET");
    const char *problem = bk_url_split(&s->parts, request->url.p, request->url.n);
    if (problem)
        return bk_sigv4_fail(s, "url", problem);
    if (!bk_sigv4_check_options(s, options))
        return 0;
    char date[BK_TIME_TEXT];
    if (!bk_time_amz(date, options->time))
        return bk_sigv4_fail(s, "time", "must be seconds since 1970, in the years 0 to 9999");
    memcpy(s->date, date, sizeof s->date);

    unsigned char hash[BK_SHA256_SIZE];
    static const char hash_of_nothing[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    if (request->body.n) {
        if (!bk_sha256(&s->hasher, request->body.p, request->body.n, hash))
            return bk_sigv4_fail_openssl(s);
        bk_hex(s->payload_hash, hash, sizeof hash);
        s->payload_hash[BK_SIGV4_HASH_TEXT] = '\0';
    } else {
        memcpy(s->payload_hash, hash_of_nothing, sizeof hash_of_nothing);
    }
    bk_buf_add(&s->scope, s->date, BK_SIGV4_DAY);
    bk_buf_addchar(&s->scope, '/');
    bk_slice_add(&s->scope, options->region);
    bk_buf_addchar(&s->scope, '/');
    bk_slice_add(&s->scope, options->service);
    bk_buf_adds(&s->scope, "/" BK_SIGV4_TERMINATOR);
    if (!bk_sigv4_collect_headers(s))
        return 0;
    return s->scope.failed || s->signed_headers.failed ? bk_sigv4_fail_memory(s) : 1;
}

int bk_sigv4_build_canonical_request(bk_sigv4 *s)
{
    bk_buf *out = &s->canonical_request;
    bk_slice path = s->parts.path;
    if (!bk_sigv4_collect_query(s))
        return 0;
    /*
     * The room is taken in one piece before anything secret is written: a block that grows is
     * copied, and the copy left behind could not be wiped.
     */
    size_t room = s->request->method.n + 3 * path.n + bk_sigv4_query_room(s) +
                  bk_sigv4_headers_room(s) + s->signed_headers.len + BK_SIGV4_HASH_TEXT + 16;
    if (!bk_buf_reserve(out, room))
        return bk_sigv4_fail_memory(s);

    bk_slice_add(out, s->request->method);
    bk_buf_addchar(out, '\n');
    if (!path.n)
        path = bk_slice_of("/");
    else if (s->options->normalize_path) {
        bk_buf_reset(&s->path);
        path = normalize_path(s, path);
        if (!path.n)
            return bk_sigv4_fail_memory(s);
    }
    if (s->options->double_encode)
        bk_uri_encode(out, path.p, path.n, 1);
    else
        add_escaped_path(out, path);
    bk_buf_addchar(out, '\n');
    bk_sigv4_add_query(s);
    bk_buf_addchar(out, '\n');
    bk_sigv4_add_headers(s);
    bk_buf_addchar(out, '\n');
    bk_slice_add(out, bk_slice_of_buf(&s->signed_headers));
    bk_buf_addchar(out, '\n');
    bk_buf_adds(out, s->payload_hash);
    return out->failed ? bk_sigv4_fail_memory(s) : 1;
}

int bk_sigv4_build_string_to_sign(bk_sigv4 *s)
{
    bk_buf *out = &s->string_to_sign;
    unsigned char hash[BK_SHA256_SIZE];
    char text[BK_SIGV4_HASH_TEXT];
    if (!bk_sha256(&s->hasher, s->canonical_request.data, s->canonical_request.len, hash))
        return bk_sigv4_fail_openssl(s);
    bk_hex(text, hash, sizeof hash);
    bk_buf_adds(out, BK_SIGV4_ALGORITHM "\n");
    bk_buf_add(out, s->date, sizeof s->date - 1);
    bk_buf_addchar(out, '\n');
    bk_slice_add(out, bk_slice_of_buf(&s->scope));
    bk_buf_addchar(out, '\n');
    bk_buf_add(out, text, sizeof text);
    return out->failed ? bk_sigv4_fail_memory(s) : 1;
}

int bk_sigv4_build_signature(bk_sigv4 *s, bk_hmac_key *key)
{
    unsigned char mac[BK_SHA256_SIZE];
    if (!bk_hmac_sha256_again(&s->hasher, key, s->string_to_sign.data, s->string_to_sign.len, mac))
        return bk_sigv4_fail_openssl(s);
    bk_hex(s->signature, mac, sizeof mac);
    s->signature[BK_SIGV4_HASH_TEXT] = '\0';
    return 1;
}

int bk_sigv4_build_authorization(bk_sigv4 *s)
{
    bk_buf *out = &s->authorization;
    bk_buf_adds(out, BK_SIGV4_ALGORITHM " Credential=");
    bk_slice_add(out, s->options->access_key_id);
    bk_buf_addchar(out, '/');
    bk_slice_add(out, bk_slice_of_buf(&s->scope));
    bk_buf_adds(out, ", SignedHeaders=");
    bk_slice_add(out, bk_slice_of_buf(&s->signed_headers));
    bk_buf_adds(out, ", Signature=");
    bk_buf_add(out, s->signature, BK_SIGV4_HASH_TEXT);
    return out->failed ? bk_sigv4_fail_memory(s) : 1;
}

int bk_sigv4_sign(bk_sigv4 *s, const bk_sigv4_request *request, const bk_sigv4_options *options)
{
    if (!bk_sigv4_prepare(s, request, options) || !bk_sigv4_build_canonical_request(s) ||
        !bk_sigv4_build_string_to_sign(s))
        return 0;
    bk_hmac_key *key = bk_sigv4_signing_key(s);
    if (!key || !bk_sigv4_build_signature(s, key))
        return 0;
    return options->presign ? bk_sigv4_build_url(s) : bk_sigv4_build_authorization(s);
}

/* ---- clearing ---- */

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
