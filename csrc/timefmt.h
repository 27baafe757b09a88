/*
 * timefmt.h: the time formats of AWS, without locale, time zone data or the C library's calendar.
 *
 * Times are seconds since 1970-01-01 00:00 UTC without leap seconds. The years 0 to 9999 of the
 * proleptic Gregorian calendar are covered; what lies outside is refused, so every time that is
 * accepted can be written again.
 */
#ifndef BK_TIMEFMT_H
#define BK_TIMEFMT_H

#include <stddef.h>
#include <stdint.h>

/* Enough for any text below and its terminator. */
enum { BK_TIME_TEXT = 40 };

#define BK_TIME_FIRST (-62167219200.0) /* 0000-01-01T00:00:00Z */
#define BK_TIME_LAST 253402300799.0    /* 9999-12-31T23:59:59Z */

typedef struct bk_time {
    int64_t seconds; /* rounded down */
    double value;    /* with the fraction */
    int whole;       /* there is no fraction */
} bk_time;

/*
 * Reads ISO 8601 (date and time with Z, any offset or none for UTC, any number of fraction digits;
 * date alone; the compact form 20240101T000000Z), the dates of RFC 7231 (all three) and RFC 822, or
 * a number of seconds in decimal. Second 60 counts as the first of the next minute. Gives 1, or 0
 * for what is none of these.
 */
int bk_time_parse(bk_time *t, const char *s, size_t n);

/* Each writes a terminated text and gives its length, or 0 for NaN and what is out of range. */
size_t bk_time_iso8601(char out[BK_TIME_TEXT],
                       double seconds); /* 2024-01-01T00:00:00.5Z, to the millisecond */
size_t bk_time_http(char out[BK_TIME_TEXT], double seconds); /* Sun, 02 Jan 2000 20:34:56 GMT */
size_t bk_time_amz(char out[BK_TIME_TEXT], double seconds);  /* 20240101T000000Z */

#endif
