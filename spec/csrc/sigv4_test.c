/* sigv4_test.c: the stages of SigV4 one by one, the key cache, and what is wiped. The vectors are
 * run from Lua. */
#include "test.h"

#include "../../csrc/hex.h"
#include "../../csrc/sigv4.h"

#define TIME 1440938160.0 /* 2015-08-30T12:36:00Z */

static bk_slice slice(const char *text)
{
    bk_slice s = {text, strlen(text)};
    return s;
}

static int is(const bk_buf *b, const char *text)
{
    return b->len == strlen(text) && memcmp(b->data, text, b->len) == 0;
}

static bk_sigv4_options usual_options(void)
{
    bk_sigv4_options o;
    memset(&o, 0, sizeof o);
    o.access_key_id = slice("AKIDEXAMPLE");
    o.secret_access_key = slice("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    o.region = slice("us-east-1");
    o.service = slice("iam");
    o.time = TIME;
    o.normalize_path = o.double_encode = 1;
    o.expires = BK_SIGV4_EXPIRES;
    return o;
}

static bk_sigv4_request usual_request(void)
{
    bk_sigv4_request r;
    memset(&r, 0, sizeof r);
    r.method = slice("GET");
    r.url = slice("https://iam.amazonaws.com/?Version=2010-05-08&Action=ListUsers");
    return r;
}

/* The worked example of AWS's documentation. The key is used twice, as it is kept. */
static void test_stages(const EVP_MD *md)
{
    bk_sigv4 s;
    memset(&s, 0, sizeof s);
    s.hasher.md = md;
    bk_sigv4_options o = usual_options();
    bk_sigv4_request r = usual_request();
    bk_sigv4_header header = {slice("Content-Type"),
                              slice("application/x-www-form-urlencoded; charset=utf-8"), 1};
    r.headers = &header;
    r.header_count = 1;
    ok(bk_sigv4_prepare(&s, &r, &o) && is(&s.signed_headers, "content-type;host;x-amz-date") &&
           is(&s.scope, "20150830/us-east-1/iam/aws4_request") &&
           !strcmp(s.date, "20150830T123600Z"),
       "preparation: signed headers, scope and date");
    ok(bk_sigv4_build_canonical_request(&s) &&
           is(&s.canonical_request,
              "GET\n/\nAction=ListUsers&Version=2010-05-08\n"
              "content-type:application/x-www-form-urlencoded; charset=utf-8\n"
              "host:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
              "content-type;host;x-amz-date\n"
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
       "canonical request");
    ok(bk_sigv4_build_string_to_sign(&s) &&
           is(&s.string_to_sign,
              "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n"
              "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"),
       "string to sign");
    char text[2 * BK_SHA256_SIZE + 1] = "";
    bk_hmac_key *key = bk_sigv4_signing_key(&s);
    if (key)
        bk_hex(text, key->key, BK_SHA256_SIZE);
    ok(!strcmp(text, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"),
       "signing key");
    ok(key && bk_sigv4_build_signature(&s, key) && bk_sigv4_build_signature(&s, key) &&
           !strcmp(s.signature, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
       "signature");
    ok(bk_sigv4_build_authorization(&s) &&
           is(&s.authorization,
              "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
              "SignedHeaders=content-type;host;x-amz-date, "
              "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"),
       "authorization");
    bk_sigv4_free(&s);
}

static int all_zero(const void *p, size_t n)
{
    const unsigned char *bytes = p;
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return 0;
    return 1;
}

static void test_keys(void)
{
    bk_sigv4 s;
    memset(&s, 0, sizeof s);
    bk_sigv4_options o = usual_options();
    bk_sigv4_request r = usual_request();
    ok(bk_sigv4_sign(&s, &r, &o) && s.key_count == 1, "the first signing derives a key");
    o.time += 3600;
    ok(bk_sigv4_sign(&s, &r, &o) && s.key_count == 1, "the same day uses it again");
    o.time += 86400;
    ok(bk_sigv4_sign(&s, &r, &o) && s.key_count == 2, "the next day has its own");
    o.secret_access_key = slice("another");
    ok(bk_sigv4_sign(&s, &r, &o) && s.key_count == 3, "so has another secret");
    o.access_key_id = slice("ANOTHER");
    ok(bk_sigv4_sign(&s, &r, &o) && s.key_count == 4, "so has another access key");
    o.region = slice("us-east-1iam");
    o.service = slice("x");
    int good = bk_sigv4_sign(&s, &r, &o);
    o.region = slice("us-east-1");
    o.service = slice("iamx");
    ok(good && bk_sigv4_sign(&s, &r, &o) && s.key_count == 6,
       "region and service do not run together");
    bk_sigv4_key first = s.keys[0];
    for (int i = 0; i < BK_SIGV4_KEYS; i++) {
        char region[16];
        snprintf(region, sizeof region, "r%d", i);
        o.region = slice(region);
        good = good && bk_sigv4_sign(&s, &r, &o);
    }
    ok(good && s.key_count == BK_SIGV4_KEYS, "no more keys than the limit are kept");
    int found = 0;
    for (int i = 0; i < BK_SIGV4_KEYS; i++)
        found += memcmp(&s.keys[i], &first, sizeof first) == 0;
    ok(!found, "the oldest key went first");
    o.region = slice("us-east-1");
    bk_sigv4_forget(&s);
    ok(s.key_count == 0 && all_zero(s.keys, sizeof s.keys), "forgetting wipes all keys");
    ok(bk_sigv4_sign(&s, &r, &o) && s.key_count == 1, "and signing goes on");
    bk_sigv4_free(&s);
    ok(all_zero(&s.keys, sizeof s.keys) && !s.hasher.ctx && !s.text.data,
       "freeing wipes and releases");
    bk_sigv4_free(&s);
    ok(1, "freeing twice does no harm");
}

static int contains(const bk_buf *b, const char *text)
{
    size_t n = strlen(text);
    for (size_t i = 0; b->data && i + n <= b->cap; i++)
        if (memcmp(b->data + i, text, n) == 0)
            return 1;
    return 0;
}

static void test_wiped(void)
{
    for (int presign = 0; presign < 2; presign++) {
        bk_sigv4 s;
        memset(&s, 0, sizeof s);
        bk_buf *const all[] = {&s.scope,          &s.signed_headers, &s.canonical_request,
                               &s.string_to_sign, &s.authorization,  &s.url,
                               &s.names,          &s.host,           &s.entries,
                               &s.pairs,          &s.text,           &s.path};
        enum { COUNT = sizeof all / sizeof *all };
        for (size_t i = 0; i < COUNT;
             i++) { /* known contents, since whole blocks are searched below */
            bk_buf_reserve(all[i], 4096);
            memset(all[i]->data, 0, all[i]->cap);
        }
        bk_sigv4_options o = usual_options();
        bk_sigv4_request r = usual_request();
        o.secret_access_key = slice("SECRETSECRET");
        o.session_token = slice("TOKENTOKEN");
        o.presign = presign;
        int good = bk_sigv4_sign(&s, &r, &o) && contains(&s.canonical_request, "TOKENTOKEN");
        bk_sigv4_scrub(&s);
        for (size_t i = 0; i < COUNT; i++)
            good = good && !contains(all[i], "SECRETSECRET") && !contains(all[i], "TOKENTOKEN");
        ok(good, presign ? "after presigning no secret is left in scratch memory"
                         : "after signing no secret is left in scratch memory");
        bk_sigv4_free(&s);
    }
}

/* Everything lent ends at a forbidden page in turn, whole and cut at every point. */
static void test_guarded(void)
{
    bk_sigv4 s;
    memset(&s, 0, sizeof s);
    const char *url = "https://u@h.example:8443/a//b/../c%2F./?x=%41&y=z%2&X-Amz-Date=1&=&q";
    int taken = 0;
    for (size_t n = 0; n <= strlen(url); n++) {
        for (int presign = 0; presign < 2; presign++) {
            bk_sigv4_options o = usual_options();
            bk_sigv4_request r = usual_request();
            o.presign = presign;
            o.session_token = slice("T");
            r.url.p = guarded(url, n);
            r.url.n = n;
            taken += bk_sigv4_sign(&s, &r, &o);
        }
    }
    ok(taken > 0, "a URL cut at every point");
    const char *value = " a \t b  ";
    int good = 1;
    for (size_t n = 0; n <= strlen(value); n++) {
        bk_sigv4_options o = usual_options();
        bk_sigv4_request r = usual_request();
        bk_sigv4_header h = {slice("A"), {guarded(value, n), n}, 1};
        r.headers = &h;
        r.header_count = 1;
        good = good && bk_sigv4_sign(&s, &r, &o);
    }
    ok(good, "a header value cut at every point");
    bk_sigv4_free(&s);
}

static void test_refused(void)
{
    bk_sigv4 s;
    memset(&s, 0, sizeof s);
    bk_sigv4_options o = usual_options();
    bk_sigv4_request r = usual_request();
    bk_sigv4_header twice[] = {{slice("X-A"), slice("1"), 1}, {slice("x-a"), slice("2"), 2}};
    r.headers = twice;
    r.header_count = 2;
    ok(!bk_sigv4_sign(&s, &r, &o) && strstr(s.message, "twice"), "one name in two lists");
    twice[1].list = 1;
    ok(bk_sigv4_sign(&s, &r, &o), "one name in one list");
    r.header_count = 0;
    o.secret_access_key = slice("HUSH\n");
    ok(!bk_sigv4_sign(&s, &r, &o) && !strstr(s.message, "HUSH"), "a bad secret is not shown");
    o.secret_access_key.n = 0;
    ok(!bk_sigv4_sign(&s, &r, &o) && strstr(s.message, "secret_access_key is missing"),
       "no secret");
    bk_sigv4_free(&s);
}

int main(void)
{
    test_stages(NULL);         /* what OpenSSL's settings make of it: without EVP, as a rule */
    test_stages(EVP_sha256()); /* over EVP */
    test_keys();
    test_wiped();
    test_guarded();
    test_refused();
    return done();
}
