/* jsonnum_test.c: numbers and strings as JSON text, without Lua. TAP on stdout. */
#include "jsonnum.h"
#include "jsonquote.h"

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int tests, failures;

static void ok(int passed, const char *what)
{
    tests++;
    failures += !passed;
    printf("%s %d - %s\n", passed ? "ok" : "not ok", tests, what);
}

typedef struct row {
    double value;
    const char *json;
    const char *plain;
} row;

static const row rows[] = {
    {0, "0", "0"},
    {-0.0, "-0.0", "0"},
    {1, "1", "1"},
    {-17, "-17", "-17"},
    {0.1, "0.1", "0.1"},
    {-0.00001, "-1e-05", "-0.00001"},
    {1e-7, "1e-07", "0.0000001"},
    {1.0 / 3, "0.3333333333333333", "0.3333333333333333"},
    {0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"},
    {123456.789, "123456.789", "123456.789"},
    {99999999999999.9, "99999999999999.9", "99999999999999.9"},
    {1e15, "1000000000000000", "1000000000000000"},
    {9007199254740993.0, "9007199254740992", "9007199254740992"},
    {-9223372036854775808.0, "-9223372036854775808", "-9223372036854775808"},
    {9223372036854775808.0, "9.223372036854776e+18", "9223372036854776000"},
    {1e22, "1e+22", "10000000000000000000000"},
    {2.5e21, "2.5e+21", "2500000000000000000000"},
    {4.35, "4.35", "4.35"},
    {5e-324, "5e-324", NULL},
    {DBL_MAX, "1.7976931348623157e+308", NULL},
};

static void test_text_of_doubles(void)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        char json[BK_NUM_JSON], plain[BK_NUM_PLAIN];
        size_t n = bk_num_json(json, rows[i].value), m = bk_num_plain(plain, rows[i].value);
        ok(n == strlen(json) && strcmp(json, rows[i].json) == 0, rows[i].json);
        ok(m == strlen(plain) && !strpbrk(plain, "eE") && strtod(plain, NULL) == rows[i].value &&
               (!rows[i].plain || strcmp(plain, rows[i].plain) == 0),
           "  and in plain decimal");
    }
}

/* A fixed sequence of bits, the same in every run. */
static uint64_t next_bits(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void test_round_trip(void)
{
    uint64_t state = 88172645463325252u;
    int right = 1;
    for (int i = 0; i < 200000; i++) {
        uint64_t bits = next_bits(&state);
        double x, back;
        char json[BK_NUM_JSON], plain[BK_NUM_PLAIN];
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        if (i % 2)
            x = (double)(long long)(bits % 2000000) / 1000;
        size_t n = bk_num_json(json, x);
        right &= bk_num_double(json, n, &back) && back == x;
        n = bk_num_plain(plain, x);
        right &= n < BK_NUM_PLAIN && strtod(plain, NULL) == x;
    }
    ok(right, "200,000 doubles come back from both forms");
}

static void test_int64(void)
{
    static const struct {
        const char *text;
        int fits;
        long long value;
    } cases[] = {
        {"0", 1, 0},
        {"-0", 1, 0},
        {"9223372036854775807", 1, LLONG_MAX},
        {"9223372036854775808", 0, 0},
        {"-9223372036854775808", 1, LLONG_MIN},
        {"-9223372036854775809", 0, 0},
        {"99999999999999999999", 0, 0},
        {"1.5", 0, 0},
        {"1e3", 0, 0},
        {"-", 0, 0},
        {"", 0, 0},
        {"12345678901234567", 1, 12345678901234567},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        long long value = 0;
        int fits = bk_num_int64(cases[i].text, strlen(cases[i].text), &value);
        ok(fits == cases[i].fits && value == cases[i].value, cases[i].text);
    }
    ok(bk_num_is_int64(-9223372036854775808.0) && !bk_num_is_int64(9223372036854775808.0) &&
           !bk_num_is_int64(0.5) && !bk_num_is_int64((double)NAN) && !bk_num_is_int64(HUGE_VAL),
       "which doubles are 64-bit integers");
}

static void test_double(void)
{
    double x;
    char text[500];
    ok(bk_num_double("1e400", 5, &x) && x == HUGE_VAL, "a huge number reads as infinity");
    ok(bk_num_double("-1e400", 6, &x) && x == -HUGE_VAL, "likewise a negative one");
    ok(bk_num_double("1e-400", 6, &x) && x == 0, "a tiny number reads as zero");
    memset(text, '3', sizeof text);
    text[1] = '.';
    ok(bk_num_double(text, sizeof text, &x) && x == 10.0 / 3, "500 digits are no matter");
    ok(bk_num_double("1.25xyz", 4, &x) && x == 1.25, "the length counts, not a terminator");
}

/* Where a locale with a decimal comma is installed, nothing changes. */
static void test_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE",
                                        "fr_FR"};
    const char *found = NULL;
    char json[BK_NUM_JSON], plain[BK_NUM_PLAIN];
    double x;
    for (size_t i = 0; i < COUNT(names) && !found; i++)
        found = setlocale(LC_NUMERIC, names[i]);
    if (!found) {
        ok(1, "decimal points in every locale # SKIP no locale with a decimal comma is installed");
        return;
    }
    bk_num_json(json, 0.5);
    bk_num_plain(plain, 0.00000125);
    ok(strcmp(json, "0.5") == 0 && strcmp(plain, "0.00000125") == 0 &&
           bk_num_double("2.5", 3, &x) && x == 2.5,
       "decimal points in every locale");
    setlocale(LC_NUMERIC, "C");
}

static void test_quote(void)
{
    static const struct {
        const char *text;
        size_t length;
        const char *quoted; /* NULL: invalid at `bad_at` */
        size_t bad_at;
    } cases[] = {
        {"", 0, "\"\"", 0},
        {"abc", 3, "\"abc\"", 0},
        {"a\0b", 3, "\"a\\u0000b\"", 0},
        {"\"\\/\b\f\n\r\t\x1F\x7F", 10, "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7F\"", 0},
        {"\xC3\xA4\xF0\x9F\x98\x80", 6, "\"\xC3\xA4\xF0\x9F\x98\x80\"", 0},
        {"ab\xFF", 3, NULL, 2},
        {"\xE2\x82", 2, NULL, 0},
        {"0123456789abcdef\xC0\x80", 18, NULL, 16},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bk_buf out = {0};
        size_t bad_at = 99;
        int good = bk_json_quote(&out, cases[i].text, cases[i].length, &bad_at);
        if (cases[i].quoted)
            ok(good && !out.failed && out.len == strlen(cases[i].quoted) &&
                   memcmp(out.data, cases[i].quoted, out.len) == 0,
               "a string in quotes");
        else
            ok(!good && bad_at == cases[i].bad_at, "invalid UTF-8 and its place");
        bk_buf_free(&out);
    }
}

int main(void)
{
    test_text_of_doubles();
    test_round_trip();
    test_int64();
    test_double();
    test_locale();
    test_quote();
    printf("1..%d\n", tests);
    return failures > 0;
}
