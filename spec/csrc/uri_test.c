/* uri_test.c: percent-encoding and the parts of a URL, from input that ends at a forbidden page. */
#include "test.h"

#include "../../csrc/hex.h"
#include "../../csrc/uri.h"

static int is(const bk_buf *b, const char *text)
{
    return !b->failed && b->len == strlen(text) && (!b->len || memcmp(b->data, text, b->len) == 0);
}

static int slice_is(bk_slice s, const char *text)
{
    return s.n == strlen(text) && (!s.n || memcmp(s.p, text, s.n) == 0);
}

static void test_encode(void)
{
    bk_buf b = {0};
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    bk_uri_encode(&b, guarded(all, sizeof all), sizeof all, 0);
    ok(b.len == 66 + 3 * 190, "66 bytes are unreserved, all others are escaped");
    bk_buf back = {0};
    bk_uri_decode(&back, guarded(b.data, b.len), b.len);
    ok(back.len == sizeof all && memcmp(back.data, all, sizeof all) == 0, "all bytes come back");

    static const struct {
        const char *raw, *escaped;
        int keep_slash;
    } rows[] = {{"", "", 0}, {"a/b", "a%2Fb", 0}, {"a/b", "a/b", 1}, {" +*", "%20%2B%2A", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bk_buf_reset(&b);
        size_t n = strlen(rows[i].raw);
        bk_uri_encode(&b, guarded(rows[i].raw, n), n, rows[i].keep_slash);
        ok(is(&b, rows[i].escaped), rows[i].escaped);
    }
    bk_buf_reset(&b);
    bk_uri_encode(&b, "x", (size_t)-1 / 2, 0);
    ok(b.failed, "a length that cannot be tripled fails instead of overflowing");
    bk_buf_free(&b);
    bk_buf_free(&back);
}

static void test_decode(void)
{
    static const struct {
        const char *escaped, *raw;
    } rows[] = {{"%41", "A"},   {"%4", "%4"},   {"%", "%"},      {"a%", "a%"}, {"%%41", "%A"},
                {"%zz", "%zz"}, {"%4z", "%4z"}, {"%e4", "\xE4"}, {"+", "+"},   {"%2F%2f", "//"}};
    bk_buf b = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bk_buf_reset(&b);
        size_t n = strlen(rows[i].escaped);
        bk_uri_decode(&b, guarded(rows[i].escaped, n), n);
        ok(is(&b, rows[i].raw), rows[i].escaped);
    }
    bk_buf_free(&b);
}

static void test_split(void)
{
    static const struct {
        const char *url, *scheme, *host, *port, *path, *query;
    } good[] = {
        {"https://h", "https", "h", "", "", NULL},
        {"https://h/", "https", "h", "", "/", NULL},
        {"https://h?", "https", "h", "", "", ""},
        {"https://h?q/r", "https", "h", "", "", "q/r"},
        {"http://h:80/a?b?c", "http", "h", "80", "/a", "b?c"},
        {"http://h:/", "http", "h", "", "/", NULL},
        {"http://u:p@w@h:1/x@y", "http", "h", "1", "/x@y", NULL},
        {"http://[::1]", "http", "[::1]", "", "", NULL},
        {"http://[::ffff:1.2.3.4]:65535/", "http", "[::ffff:1.2.3.4]", "65535", "/", NULL},
        {"a+b-c.1://h", "a+b-c.1", "h", "", "", NULL},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        bk_url u;
        size_t n = strlen(good[i].url);
        const char *problem = bk_url_split(&u, guarded(good[i].url, n), n);
        ok(!problem && slice_is(u.scheme, good[i].scheme) && slice_is(u.host, good[i].host) &&
               slice_is(u.port, good[i].port) && slice_is(u.path, good[i].path) &&
               (good[i].query ? u.query.p && slice_is(u.query, good[i].query) : !u.query.p),
           good[i].url);
    }
    static const char *const bad[] = {
        "",
        "h",
        "://h",
        "1http://h",
        "http",
        "http:",
        "http:/",
        "http://",
        "http:///",
        "http://?",
        "http://u@",
        "http://:1",
        "http://[",
        "http://[]",
        "http://[::1",
        "http://[x]",
        "http://[::1]x",
        "http://h:1x",
        "http://h:65536",
        "http://h:99999999999999999999",
        "http://h h/",
        "http://h/#f",
        "http://h\\x/",
        "http://h/\x7F",
        "http://h/\n",
        "http://\xE4/",
        "http://a:b:c/",
        "http://h%41/",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bk_url u;
        size_t n = strlen(bad[i]);
        ok(bk_url_split(&u, guarded(bad[i], n), n) != NULL, bad[i]);
    }
    /* Every beginning of a good URL is either taken or refused, and never read beyond. */
    const char *whole = "https://user:pw@[fd00::1]:8443/a%2Fb/../c?d=e%20f&g";
    int taken = 0;
    for (size_t n = 0; n <= strlen(whole); n++) {
        bk_url u;
        taken += bk_url_split(&u, guarded(whole, n), n) == NULL;
    }
    ok(taken > 0, "a URL cut at every point");
}

static void test_hex(void)
{
    unsigned char bytes[4];
    char text[8];
    bk_hex(text, guarded("\x00\x7F\x80\xFF", 4), 4);
    ok(memcmp(text, "007f80ff", 8) == 0, "hex is lower case");
    ok(bk_unhex(bytes, guarded("007F80fF", 8), 8) && memcmp(bytes, "\x00\x7F\x80\xFF", 4) == 0,
       "hex is read in either case");
    ok(!bk_unhex(bytes, guarded("0", 1), 1) && !bk_unhex(bytes, guarded("0g", 2), 2) &&
           !bk_unhex(bytes, guarded("g0", 2), 2),
       "what is not hex is refused");
}

int main(void)
{
    test_encode();
    test_decode();
    test_split();
    test_hex();
    return done();
}
