/* base64_test.c: base64 and CRC-32, from input that ends at a forbidden page. */
#include "test.h"

#include "../../csrc/base64.h"
#include "../../csrc/crc32.h"

static void test_rows(void)
{
    static const struct {
        const char *raw, *encoded;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[16];
        size_t n = strlen(rows[i].raw), len = strlen(rows[i].encoded), got = 99;
        bk_base64_encode(text, guarded(rows[i].raw, n), n);
        ok(bk_base64_encoded_size(n) == len && memcmp(text, rows[i].encoded, len) == 0,
           rows[i].encoded);
        ok(bk_base64_decode(text, &got, guarded(rows[i].encoded, len), len) && got == n &&
               memcmp(text, rows[i].raw, n) == 0,
           rows[i].raw);
        while (len && rows[i].encoded[len - 1] == '=')
            len--;
        ok(bk_base64_decode(text, &got, guarded(rows[i].encoded, len), len) && got == n,
           "the same without padding");
    }
}

static void test_refused(void)
{
    static const char *const rows[] = {
        "=",        "==",
        "===",      "====",
        "A",        "A=",
        "A==",      "A===",
        "AA=",      "AAA==",
        "Zh==",     "Zm9=",
        "Zg=a",     "Zm9vZg=",
        "Zm9-",     "Zm9_",
        " Zm9v",    "Zm9v\n",
        "AAAA=",    "AAAA==",
        "Zg==Zg==", "\x80\x80\x80\x80",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char bytes[16];
        size_t n = strlen(rows[i]), got;
        ok(!bk_base64_decode(bytes, &got, guarded(rows[i], n), n), rows[i]);
    }
}

static void test_all_lengths(void)
{
    unsigned char raw[300], back[303];
    char text[400];
    int good = 1;
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (unsigned char)(i * 7 + 3);
    for (size_t n = 0; n <= sizeof raw; n++) {
        size_t size = bk_base64_encoded_size(n), got = 0;
        bk_base64_encode(text, guarded(raw, n), n);
        good = good && bk_base64_decode(back, &got, guarded(text, size), size) && got == n &&
               memcmp(back, raw, n) == 0 && got <= bk_base64_decoded_room(size);
    }
    ok(good, "bytes of every length up to 300 come back");
    ok(bk_base64_encoded_size((size_t)-1) == 0 && bk_base64_encoded_size((size_t)-1 / 2 + 1) == 0,
       "a length too large for its text is told apart");
}

static void test_crc32(void)
{
    ok(bk_crc32(0, NULL, 0) == 0, "CRC-32 of nothing");
    ok(bk_crc32(0, guarded("123456789", 9), 9) == 0xCBF43926, "CRC-32 of the check string");
    ok(bk_crc32(bk_crc32(0, "1234", 4), "56789", 5) == 0xCBF43926, "CRC-32 in two pieces");
}

int main(void)
{
    test_rows();
    test_refused();
    test_all_lengths();
    test_crc32();
    return done();
}
