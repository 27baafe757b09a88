/* jsonscan.c: see jsonscan.h. */
#include "jsonscan.h"

#include <locale.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    EXACT_DIGITS = 15,        /* an integer of so many digits survives in a double */
    LONGEST_CJSON_NUMBER = 60 /* cJSON copies numbers to 64 bytes */
};

static const char ENDS_TOO_SOON[] = "JSON ends too soon";

typedef struct cursor {
    const char *p;
    const char *end;
    bk_json_scan *result;
    int foreign_point;
} cursor;

static int fail(cursor *c, const char *at, const char *why)
{
    c->p = at;
    c->result->error = at < c->end ? why : ENDS_TOO_SOON;
    return 0;
}

const char *bk_json_plain_run(const char *p, const char *end)
{
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'),
                  space = _mm_set1_epi8(0x20);
    while (end - p >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Signed comparison: bytes from 0x80 count as negative, so they stop the run like control
         * bytes. */
        __m128i stop =
            _mm_or_si128(_mm_cmplt_epi8(x, space),
                         _mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)));
        int mask = _mm_movemask_epi8(stop);
        if (mask)
            return p + __builtin_ctz((unsigned)mask);
        p += 16;
    }
#endif
    const uint64_t ones = UINT64_C(0x0101010101010101);
    while (end - p >= 8) {
        uint64_t x;
        memcpy(&x, p, sizeof x);
        uint64_t quote_bits = x ^ ones * '"', slash_bits = x ^ ones * '\\';
        if ((x | (x - ones * 0x20) | (quote_bits - ones) | (slash_bits - ones)) & ones * 0x80)
            break;
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' &&
           *p != '\\')
        p++;
    return p;
}

int bk_utf8_sequence(const char *p, const char *end, int *bad)
{
    unsigned char first = (unsigned char)p[0];
    unsigned char low = 0x80, high = 0xBF;
    int more;
    *bad = 1;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        more = 1;
    else if (first >= 0xE0 && first <= 0xEF)
        more = 2;
    else if (first >= 0xF0 && first <= 0xF4)
        more = 3;
    else
        return 0;
    /* The second byte rules out overlong forms, surrogates and what lies beyond U+10FFFF. */
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    for (int i = 1; i <= more; i++) {
        if (end - p <= i || (unsigned char)p[i] < low || (unsigned char)p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xBF;
    }
    return more + 1;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Reads four hexadecimal digits; gives how many there are, and the value if that is four. */
static int read_hex4(const char *p, const char *end, unsigned *value)
{
    int n = 0;
    *value = 0;
    while (n < 4 && p + n < end && hex_value(p[n]) >= 0) {
        *value = *value * 16 + (unsigned)hex_value(p[n]);
        n++;
    }
    return n;
}

static int is_high_surrogate(unsigned u)
{
    return u >= 0xD800 && u <= 0xDBFF;
}

static int is_low_surrogate(unsigned u)
{
    return u >= 0xDC00 && u <= 0xDFFF;
}

/* True if the escaped low surrogate is at p, right behind a high one. */
static int at_low_surrogate(const char *p, const char *end)
{
    unsigned u;
    return end - p >= 6 && p[0] == '\\' && p[1] == 'u' && read_hex4(p + 2, end, &u) == 4 &&
           is_low_surrogate(u);
}

/* c->p stands behind a `\`. */
static int check_escape(cursor *c)
{
    const char *p = c->p;
    unsigned u;
    int digits;
    if (p == c->end || !memchr("\"\\/bfnrtu", *p, 9))
        return fail(c, p, "bad escape in a JSON string");
    if (*p++ != 'u') {
        c->p = p;
        return 1;
    }
    digits = read_hex4(p, c->end, &u);
    p += digits;
    if (digits < 4)
        return fail(c, p, "bad escape in a JSON string");
    if (u == 0)
        c->result->found |= BK_JSON_HAS_NUL;
    else if (is_high_surrogate(u) && at_low_surrogate(p, c->end))
        p += 6;
    else if (is_high_surrogate(u) || is_low_surrogate(u))
        c->result->found |= BK_JSON_HAS_INVALID;
    c->p = p;
    return 1;
}

/* c->p stands behind the opening quote and ends behind the closing one. */
static int check_string(cursor *c)
{
    for (;;) {
        const char *p = bk_json_plain_run(c->p, c->end);
        if (p == c->end)
            return fail(c, p, ENDS_TOO_SOON);
        unsigned char byte = (unsigned char)*p;
        if (byte == '"') {
            c->p = p + 1;
            return 1;
        }
        if (byte < 0x20)
            return fail(c, p, "raw control byte in a JSON string");
        if (byte == '\\') {
            c->p = p + 1;
            if (!check_escape(c))
                return 0;
            continue;
        }
        int bad;
        int good = bk_utf8_sequence(p, c->end, &bad);
        if (!good)
            c->result->found |= BK_JSON_HAS_INVALID;
        c->p = p + (good ? good : bad);
    }
}

static int has_foreign_point(void)
{
    return strcmp(localeconv()->decimal_point, ".") != 0;
}

/* True for a number that is kept as text. `whole`: digits alone; `point`: it has one. */
static int is_kept(size_t length, int whole, int point, int foreign_point)
{
    return length > LONGEST_CJSON_NUMBER || (whole && length > EXACT_DIGITS) ||
           (point && foreign_point);
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* c->p stands on the first byte, which is a digit or a minus. */
static int check_number(cursor *c)
{
    const char *start = c->p, *end = c->end, *digits, *p = start;
    if (*p == '-')
        p++;
    digits = p;
    p = skip_digits(p, end);
    if (p == digits)
        return fail(c, p, "bad number in JSON");
    if (*digits == '0' && p - digits > 1)
        return fail(c, digits + 1, "bad number in JSON");
    const char *whole_end = p;
    int point = p < end && *p == '.';
    if (point) {
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return fail(c, p, "bad number in JSON");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return fail(c, p, "bad number in JSON");
    }
    if (is_kept((size_t)(p - start), p == whole_end, point, c->foreign_point))
        c->result->found |= BK_JSON_HAS_LONG_NUMBER;
    c->p = p;
    return 1;
}

static int check_literal(cursor *c, const char *word, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (c->p + i == c->end || c->p[i] != word[i])
            return fail(c, c->p + i, "bad value in JSON");
    c->p += length;
    return 1;
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* A name and its colon; c->p may stand on white space before it. */
static int check_name(cursor *c)
{
    const char *p = skip_space(c->p, c->end);
    if (p == c->end || *p != '"')
        return fail(c, p, "JSON name expected");
    c->p = p + 1;
    if (!check_string(c))
        return 0;
    p = skip_space(c->p, c->end);
    if (p == c->end || *p != ':')
        return fail(c, p, "':' expected in JSON");
    c->p = p + 1;
    return 1;
}

static int check_scalar(cursor *c)
{
    switch (*c->p) {
    case '"':
        c->p++;
        return check_string(c);
    case 't':
        return check_literal(c, "true", 4);
    case 'f':
        return check_literal(c, "false", 5);
    case 'n':
        return check_literal(c, "null", 4);
    default:
        if (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'))
            return check_number(c);
        return fail(c, c->p, "bad value in JSON");
    }
}

/* One value with all that it holds. The open containers stand in an array of their closing
 * brackets, not on C's stack. */
static int check_value(cursor *c, int max_depth)
{
    char closing[BK_JSON_DEPTH_CEILING];
    int depth = 0;
    for (;;) {
        c->p = skip_space(c->p, c->end);
        if (c->p == c->end)
            return fail(c, c->p, ENDS_TOO_SOON);
        int is_object = *c->p == '{';
        if (is_object || *c->p == '[') {
            if (depth == max_depth)
                return fail(c, c->p, "JSON is nested too deeply");
            closing[depth] = is_object ? '}' : ']';
            c->p = skip_space(c->p + 1, c->end);
            if (c->p == c->end || *c->p != closing[depth]) {
                depth++;
                if (is_object && !check_name(c))
                    return 0;
                continue;
            }
            c->p++;
        } else if (!check_scalar(c)) {
            return 0;
        }
        /* Behind a value: close what ends here, up to the next comma. */
        for (;;) {
            if (depth == 0)
                return 1;
            c->p = skip_space(c->p, c->end);
            if (c->p == c->end)
                return fail(c, c->p, ENDS_TOO_SOON);
            if (*c->p == ',')
                break;
            if (*c->p != closing[depth - 1])
                return fail(c, c->p,
                            closing[depth - 1] == '}' ? "',' or '}' expected in JSON"
                                                      : "',' or ']' expected in JSON");
            c->p++;
            depth--;
        }
        c->p++;
        if (closing[depth - 1] == '}' && !check_name(c))
            return 0;
    }
}

size_t bk_json_bom(const char *text, size_t n)
{
    return n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

int bk_json_check(const char *text, size_t n, int max_depth, bk_json_scan *result)
{
    cursor c = {text + bk_json_bom(text, n), text + n, result, has_foreign_point()};
    int ok;
    memset(result, 0, sizeof *result);
    if (max_depth > BK_JSON_DEPTH_CEILING)
        max_depth = BK_JSON_DEPTH_CEILING;
    ok = check_value(&c, max_depth);
    if (ok) {
        c.p = skip_space(c.p, c.end);
        if (c.p < c.end)
            ok = fail(&c, c.p, "more text behind the JSON value");
    }
    result->error_at = (size_t)(c.p - text);
    return ok;
}

/* Copies a string of a checked text, from its opening quote; gives the place behind it. */
static const char *rewrite_string(const char *p, const char *end, bk_buf *out)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    const char *from = p++; /* from here on nothing is copied yet */
    for (;;) {
        unsigned u;
        int bad, skip = 0;
        const char *put = replacement;
        p = bk_json_plain_run(p, end);
        if (*p == '"')
            break;
        if (*p != '\\') {
            int good = bk_utf8_sequence(p, end, &bad);
            if (!good)
                skip = bad;
            else
                p += good;
        } else if (p[1] != 'u') {
            p += 2;
        } else {
            read_hex4(p + 2, end, &u);
            if (u == 0) {
                static const char nul[] = {(char)BK_JSON_MARK_NUL, 0};
                put = nul;
                skip = 6;
            } else if (is_high_surrogate(u) && at_low_surrogate(p + 6, end)) {
                p += 12;
            } else if (is_high_surrogate(u) || is_low_surrogate(u)) {
                skip = 6;
            } else {
                p += 6;
            }
        }
        if (skip) {
            bk_buf_add(out, from, (size_t)(p - from));
            bk_buf_adds(out, put);
            p += skip;
            from = p;
        }
    }
    p++;
    bk_buf_add(out, from, (size_t)(p - from));
    return p;
}

static const char *rewrite_number(const char *p, const char *end, int foreign_point, bk_buf *out)
{
    const char *from = p;
    int whole = 1, point = 0;
    size_t length;
    for (; p < end && (*p == '-' || *p == '+' || *p == '.' || *p == 'e' || *p == 'E' ||
                       (*p >= '0' && *p <= '9'));
         p++) {
        if (*p == '.' || *p == 'e' || *p == 'E')
            whole = 0;
        point |= *p == '.';
    }
    length = (size_t)(p - from);
    if (is_kept(length, whole, point, foreign_point)) {
        bk_buf_addchar(out, '"');
        bk_buf_addchar(out, (char)BK_JSON_MARK_NUMBER);
        bk_buf_add(out, from, length);
        bk_buf_addchar(out, '"');
    } else {
        bk_buf_add(out, from, length);
    }
    return p;
}

void bk_json_rewrite(const char *text, size_t n, bk_buf *out)
{
    const char *p = text + bk_json_bom(text, n), *end = text + n;
    int foreign_point = has_foreign_point();
    bk_buf_reserve(out, n + 1);
    while (p < end) {
        if (*p == '"') {
            p = rewrite_string(p, end, out);
        } else if (*p == '-' || (*p >= '0' && *p <= '9')) {
            p = rewrite_number(p, end, foreign_point, out);
        } else {
            const char *from = p;
            while (p < end && *p != '"' && *p != '-' && !(*p >= '0' && *p <= '9'))
                p++;
            bk_buf_add(out, from, (size_t)(p - from));
        }
    }
}
