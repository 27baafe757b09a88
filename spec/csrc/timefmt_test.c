/* timefmt_test.c: times read from text that ends at a forbidden page, and written again. */
#include "test.h"

#include "../../csrc/timefmt.h"

#include <math.h>

static int parse(bk_time *t, const char *text)
{
    size_t n = strlen(text);
    return bk_time_parse(t, guarded(text, n), n);
}

/* Doubles compared for being the same, which -Wfloat-equal would question. */
static int same(double a, double b)
{
    return !(a < b) && !(a > b);
}

static void test_read(void)
{
    static const struct {
        const char *text;
        int64_t seconds;
        double fraction;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"1969-12-31T23:59:59.25Z", -1, 0.25},
        {"2026-11-23T08:00:00+00:00", 1795420800, 0},
        {"2016-12-31T23:59:60Z", 1483228800, 0},
        {"2024-01-01T00:00:00.5-12:30", 1704112200, 0.5},
        {"2024-01-01", 1704067200, 0},
        {"20240101T000000Z", 1704067200, 0},
        {"0000-01-01T00:00:00Z", -62167219200, 0},
        {"9999-12-31T23:59:59.999Z", 253402300799, 0.999},
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777, 0},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777, 0},
        {"Sun Nov  6 08:49:37 1994", 784111777, 0},
        {"-1.5", -2, 0.5},
        {"1.79E9", 1790000000, 0},
        {"12345e-3", 12, 0.345},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bk_time t;
        ok(parse(&t, rows[i].text) && t.seconds == rows[i].seconds &&
               fabs(t.value - (double)rows[i].seconds - rows[i].fraction) < 1e-4 &&
               t.whole == same(rows[i].fraction, 0),
           rows[i].text);
    }
}

static void test_cut(void)
{
    static const char *const whole[] = {
        "2024-02-29T23:59:59.123456789+05:30", "20240229T235959.5Z",
        "Thursday, 29-Feb-24 23:59:59 GMT",    "Thu Feb 29 23:59:59 2024",
        "Thu, 29 Feb 2024 23:59:59.25 +0100",  "-1704067200.123456789e-10",
    };
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        int last = 0;
        for (size_t n = 0; n <= strlen(whole[i]); n++) {
            bk_time t;
            last = bk_time_parse(&t, guarded(whole[i], n), n);
        }
        ok(last, whole[i]);
    }
}

/* Any byte in any place of a good text: the answer may be either, the reading stays inside. */
static void test_changed(void)
{
    static const char *const good[] = {"2024-02-29T23:59:59.5+05:30",
                                       "Thu, 29 Feb 2024 23:59:59 GMT", "1704067200.5e-1"};
    int64_t low = 0, high = 0;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        size_t n = strlen(good[i]);
        char *copy = guarded(good[i], n);
        for (size_t at = 0; at < n; at++) {
            for (int c = 0; c < 256; c++) {
                bk_time t;
                copy[at] = (char)c;
                if (bk_time_parse(&t, copy, n)) {
                    low = t.seconds < low ? t.seconds : low;
                    high = t.seconds > high ? t.seconds : high;
                }
            }
            copy[at] = good[i][at];
        }
    }
    ok((double)low >= BK_TIME_FIRST && (double)high <= BK_TIME_LAST, "texts with one byte changed");
}

static void test_write(void)
{
    char text[BK_TIME_TEXT];
    ok(bk_time_iso8601(text, 1704067200.123) == 24 && !strcmp(text, "2024-01-01T00:00:00.123Z"),
       "ISO 8601 with milliseconds");
    ok(bk_time_iso8601(text, -0.0004) == 20 && !strcmp(text, "1970-01-01T00:00:00Z"),
       "a fraction that rounds up to a second");
    ok(bk_time_http(text, 784111777.9) == 29 && !strcmp(text, "Sun, 06 Nov 1994 08:49:37 GMT"),
       "an HTTP date rounds down");
    ok(bk_time_amz(text, 1440938160) == 16 && !strcmp(text, "20150830T123600Z"),
       "the form of SigV4");
    static const double bad[] = {BK_TIME_LAST + 1, BK_TIME_FIRST - 1, 1e300,
                                 -1e300,           HUGE_VAL,          -HUGE_VAL};
    int refused = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused = refused && !bk_time_iso8601(text, bad[i]) && !bk_time_http(text, bad[i]) &&
                  !bk_time_amz(text, bad[i]);
    double nan_value = nan("");
    ok(refused && !bk_time_iso8601(text, nan_value) && !bk_time_http(text, nan_value) &&
           !bk_time_amz(text, nan_value),
       "NaN and times out of range are refused");
}

static void test_every_day(void)
{
    int good = 1;
    for (int64_t day = -719528; day <= 2932896 && good; day++) {
        char text[BK_TIME_TEXT];
        bk_time t;
        double seconds = (double)(day * 86400 + (day & 0xFFFF));
        size_t n = day & 1 ? bk_time_iso8601(text, seconds) : bk_time_http(text, seconds);
        good = n && bk_time_parse(&t, text, n) && same(t.value, seconds);
        if (!good)
            printf("# day %ld: %s\n", (long)day, text);
    }
    ok(good, "every day of the years 0 to 9999 comes back");
}

int main(void)
{
    test_read();
    test_cut();
    test_changed();
    test_write();
    test_every_day();
    return done();
}
