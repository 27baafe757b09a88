/*
 * jsonscan_test.c: the check of JSON text and its rewriting, without Lua. TAP on stdout.
 *
 * Every input ends at a forbidden page, so that one byte read too far is a crash, and is cut at
 * each of its bytes.
 */
#include "jsonscan.h"

#include <cjson/cJSON.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static int tests, failures;
static char *forbidden; /* the page behind the room for inputs */
static size_t room;

static void ok(int passed, const char *what)
{
    tests++;
    failures += !passed;
    printf("%s %d - ", passed ? "ok" : "not ok", tests);
    for (; *what; what++)
        putchar(*what >= ' ' && *what < 127 && *what != '#' ? *what : '?');
    putchar('\n');
}

static void set_up_page(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory;
    room = 4 * page;
    memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + room, page, PROT_NONE) != 0) {
        puts("Bail out! no page to forbid");
        exit(1);
    }
    forbidden = memory + room;
}

/* A copy that ends at the forbidden page. */
static const char *at_page_end(const char *s, size_t n)
{
    if (n > room) {
        puts("Bail out! an input is too long for its room");
        exit(1);
    }
    return n > 0 ? memcpy(forbidden - n, s, n) : forbidden;
}

typedef struct good_row {
    const char *text;
    int found;
    const char *rewritten; /* NULL: as it is */
} good_row;

static const good_row good[] = {
    {"null", 0, NULL},
    {" true ", 0, NULL},
    {"\xEF\xBB\xBF[]", 0, "[]"},
    {"[-0,0.5,1e9,1E+2,-12.5e-3]", 0, NULL},
    {"{\"a\":[{},[],{\"b\":\"c\"}]}", 0, NULL},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\"", 0, NULL},
    {"\"0123456789abcdef0123456789abcde\xC3\xA4 \x7F\"", 0, NULL},
    {"\"\\ud83d\\ude00\"", 0, NULL},
    {"123456789012345", 0, NULL},
    {"0.1234567890123456789", 0, NULL},
    {"\"a\\u0000b\"", BK_JSON_HAS_NUL,
     "\"a\xFE"
     "b\""},
    {"{\"\\u0000\":\"\\u0000\\u0000\"}", BK_JSON_HAS_NUL, "{\"\xFE\":\"\xFE\xFE\"}"},
    {"\"\\\\u0000\"", 0, NULL}, /* a backslash and the text u0000 */
    {"\"\\ud800\"", BK_JSON_HAS_INVALID, "\"\xEF\xBF\xBD\""},
    {"\"\\ude00\\ud83d\"", BK_JSON_HAS_INVALID, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"\"\\ud800\\ud83d\\ude00\"", BK_JSON_HAS_INVALID, "\"\xEF\xBF\xBD\\ud83d\\ude00\""},
    {"\"x\xFFy\"", BK_JSON_HAS_INVALID, "\"x\xEF\xBF\xBDy\""},
    {"\"\xE2\x82\"", BK_JSON_HAS_INVALID, "\"\xEF\xBF\xBD\""},
    {"\"\xF0\x9F\x98\\n\"", BK_JSON_HAS_INVALID, "\"\xEF\xBF\xBD\\n\""},
    {"[1234567890123456,1]", BK_JSON_HAS_LONG_NUMBER,
     "[\"\xFF"
     "1234567890123456\",1]"},
    {"-12345678901234567890", BK_JSON_HAS_LONG_NUMBER, "\"\xFF-12345678901234567890\""},
    {"1.0000000000000000000000000000000000000000000000000000000000001e1", BK_JSON_HAS_LONG_NUMBER,
     "\"\xFF"
     "1.0000000000000000000000000000000000000000000000000000000000001e1\""},
    {"{\"-1234567890123456789\":\"1234567890123456789\",\"a\":0}", 0, NULL},
    {"[\"\\u0000\",1234567890123456,\"\\udfff\"]",
     BK_JSON_HAS_NUL | BK_JSON_HAS_INVALID | BK_JSON_HAS_LONG_NUMBER,
     "[\"\xFE\",\"\xFF"
     "1234567890123456\",\"\xEF\xBF\xBD\"]"},
};

typedef struct bad_row {
    const char *text;
    const char *error;
    size_t at;
} bad_row;

static const bad_row bad[] = {
    {"", "JSON ends too soon", 0},
    {"\xEF\xBB", "bad value in JSON", 0},
    {"[1,", "JSON ends too soon", 3},
    {"{\"a\":", "JSON ends too soon", 5},
    {"\"\\ud8", "JSON ends too soon", 5},
    {"[1,]", "bad value in JSON", 3},
    {"{,}", "JSON name expected", 1},
    {"{\"a\":1,}", "JSON name expected", 7},
    {"{\"a\"}", "':' expected in JSON", 4},
    {"[1}", "',' or ']' expected in JSON", 2},
    {"{\"a\":1]", "',' or '}' expected in JSON", 6},
    {"00", "bad number in JSON", 1},
    {"1.x", "bad number in JSON", 2},
    {"1e+x", "bad number in JSON", 3},
    {"-.5", "bad number in JSON", 1},
    {"\"\\q\"", "bad escape in a JSON string", 2},
    {"\"\\u00g0\"", "bad escape in a JSON string", 5},
    {"\"0123456789abcdef\x01\"", "raw control byte in a JSON string", 17},
    {"[\"0123456\x1F", "raw control byte in a JSON string", 9},
    {"1 1", "more text behind the JSON value", 2},
    {"[[[[", "JSON is nested too deeply", 3},
};

/* Every beginning of an accepted text ends too soon, unless it is a whole text itself: a shorter
 * number, or blanks cut off. */
static int cuts_are_errors(const char *text, size_t n)
{
    bk_json_scan scan;
    for (size_t cut = 0; cut < n; cut++) {
        if (bk_json_check(at_page_end(text, cut), cut, 10, &scan)) {
            char last = text[cut];
            if (last != ' ' && !strchr("0123456789.eE+-", last))
                return 0;
        } else if (!scan.error || scan.error_at > cut) {
            return 0;
        }
    }
    return 1;
}

static void test_good(void)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        const good_row *row = &good[i];
        size_t n = strlen(row->text);
        const char *text = at_page_end(row->text, n),
                   *want = row->rewritten ? row->rewritten : row->text;
        bk_json_scan scan;
        bk_buf out = {0};
        cJSON *tree;
        int accepted = bk_json_check(text, n, 10, &scan) && !scan.error && scan.found == row->found;
        ok(accepted, row->text);
        bk_json_rewrite(text, n, &out);
        ok(!out.failed && out.len == strlen(want) && memcmp(out.data, want, out.len) == 0,
           "  and rewrites it");
        tree = out.data ? cJSON_ParseWithLengthOpts(out.data, out.len, NULL, 0) : NULL;
        ok(tree != NULL, "  which cJSON takes");
        cJSON_Delete(tree);
        bk_buf_free(&out);
        ok(cuts_are_errors(row->text, n), "  and refuses it cut short");
    }
}

/* Where the decimal point is none, fractions are kept from cJSON, which reads them by the locale or
 * not at all. */
static void test_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE",
                                        "fr_FR"};
    static const char text[] = "[1.5,-2,3e2,\"0.5\"]", want[] = "[\"\xFF"
                                                                "1.5\",-2,3e2,\"0.5\"]";
    const char *found = NULL;
    bk_json_scan scan;
    bk_buf out = {0};
    for (size_t i = 0; i < COUNT(names) && !found; i++)
        found = setlocale(LC_NUMERIC, names[i]);
    if (!found) {
        tests++;
        printf("ok %d - fractions # SKIP no locale with a decimal comma is installed\n", tests);
        return;
    }
    ok(bk_json_check(text, sizeof text - 1, 10, &scan) && scan.found == BK_JSON_HAS_LONG_NUMBER,
       "fractions count as long numbers where the locale has a decimal comma");
    bk_json_rewrite(text, sizeof text - 1, &out);
    ok(out.len == sizeof want - 1 && memcmp(out.data, want, out.len) == 0, "  and become marks");
    bk_buf_free(&out);
    setlocale(LC_NUMERIC, "C");
    ok(bk_json_check(text, sizeof text - 1, 10, &scan) && !scan.found, "  nowhere else");
}

static void test_bad(void)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        const bad_row *row = &bad[i];
        size_t n = strlen(row->text);
        bk_json_scan scan;
        int accepted = bk_json_check(at_page_end(row->text, n), n, 3, &scan);
        ok(!accepted && scan.error && strcmp(scan.error, row->error) == 0 &&
               scan.error_at == row->at,
           row->text);
    }
}

static void test_depth(void)
{
    char text[2 * (BK_JSON_DEPTH_CEILING + 1)];
    bk_json_scan scan;
    for (int depth = BK_JSON_DEPTH_CEILING - 1; depth <= BK_JSON_DEPTH_CEILING + 1; depth++) {
        size_t n = (size_t)depth;
        memset(text, '[', n);
        memset(text + n, ']', n);
        ok(bk_json_check(text, 2 * n, 1000000, &scan) == (depth <= BK_JSON_DEPTH_CEILING),
           "the ceiling of depth");
    }
}

static void test_plain_run(void)
{
    /* Each stopping byte, at each place of runs of all lengths around the block sizes. */
    static const unsigned char stops[] = {'"', '\\', 0, 0x1F, 0x80, 0xFF};
    char text[70];
    int right = 1;
    for (size_t n = 0; n < sizeof text; n++) {
        memset(text, 'a', n);
        const char *p = at_page_end(text, n);
        right &= bk_json_plain_run(p, p + n) == p + n;
        for (size_t at = 0; at < n; at++) {
            for (size_t i = 0; i < sizeof stops; i++) {
                memset(text, i % 2 ? ' ' : 0x7F, n);
                text[at] = (char)stops[i];
                if (at + 1 < n)
                    text[at + 1] = '"';
                p = at_page_end(text, n);
                right &= bk_json_plain_run(p, p + n) == p + at;
            }
        }
    }
    ok(right, "runs of plain bytes end where they should");
}

/* What RFC 3629 allows, said another way: decode, then compare with the shortest form. */
static int is_valid_utf8(const unsigned char *p, int n)
{
    unsigned long code;
    if (n == 1)
        return p[0] < 0x80;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    if (n == 2)
        return (p[0] & 0xE0) == 0xC0 && (p[0] & 0x1F) >= 2;
    if (n == 3) {
        code = ((p[0] & 0x0FUL) << 12) | ((p[1] & 0x3FUL) << 6) | (p[2] & 0x3FUL);
        return (p[0] & 0xF0) == 0xE0 && code >= 0x800 && (code < 0xD800 || code > 0xDFFF);
    }
    code = ((p[0] & 0x07UL) << 18) | ((p[1] & 0x3FUL) << 12) | ((p[2] & 0x3FUL) << 6) |
           (p[3] & 0x3FUL);
    return (p[0] & 0xF8) == 0xF0 && code >= 0x10000 && code <= 0x10FFFF;
}

static void test_utf8(void)
{
    static const unsigned char tails[] = {0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90,
                                          0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    int right = 1;
    for (int first = 0; first < 256; first++) {
        for (size_t i = 0; i < COUNT(tails) * COUNT(tails) * COUNT(tails); i++) {
            unsigned char s[4];
            s[0] = (unsigned char)first;
            s[1] = tails[i % COUNT(tails)];
            s[2] = tails[i / COUNT(tails) % COUNT(tails)];
            s[3] = tails[i / COUNT(tails) / COUNT(tails)];
            for (int n = 1; n <= 4; n++) {
                const char *p = at_page_end((const char *)s, (size_t)n);
                int broken = 0, length = bk_utf8_sequence(p, p + n, &broken), want = 0;
                for (int k = 1; k <= n; k++)
                    if (is_valid_utf8(s, k))
                        want = k;
                right &= length == want && (length || (broken >= 1 && broken <= n && broken <= 3));
            }
        }
    }
    ok(right, "UTF-8 sequences, valid and not, whole and cut off");
}

int main(void)
{
    set_up_page();
    test_good();
    test_locale();
    test_bad();
    test_depth();
    test_plain_run();
    test_utf8();
    printf("1..%d\n", tests);
    return failures > 0;
}
