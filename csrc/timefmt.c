/* timefmt.c: see timefmt.h. Parsers read from a cursor that knows its end, so text needs no
 * terminator. */
#include "timefmt.h"

#include <math.h>
#include <string.h>

typedef struct cursor {
    const char *p;
    const char *end;
} cursor;

/* A date and time as written, before it becomes seconds. */
typedef struct civil {
    int year, month, day, hour, minute, second;
    int offset;        /* seconds east of UTC */
    int weekday;       /* 0 is Sunday; only for writing */
    char fraction[20]; /* digits after the point, without trailing zeros, terminated */
} civil;

static const char MONTHS[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char DAYS[] = "SunMonTueWedThuFriSat";

/* Days since 1970-01-01; a year starts in March here, so that the leap day comes last (months 0-11
 * from March). */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, civil *c)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t month = (5 * doy + 2) / 153;
    c->day = (int)(doy - (153 * month + 2) / 5 + 1);
    c->month = (int)(month < 10 ? month + 3 : month - 9);
    c->year = (int)(yoe + era * 400 + (c->month <= 2));
}

static int days_in_month(int year, int month)
{
    static const char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int take_char(cursor *c, char wanted)
{
    if (c->p == c->end || *c->p != wanted)
        return 0;
    c->p++;
    return 1;
}

/* One of several characters; gives it or 0. */
static char take_any(cursor *c, const char *wanted)
{
    if (c->p == c->end || !*c->p || !strchr(wanted, *c->p))
        return 0;
    return *c->p++;
}

/* Between `least` and `most` digits. */
static int take_number(cursor *c, int least, int most, int *out)
{
    int n = 0, value = 0;
    while (c->p < c->end && is_digit(*c->p) && n < most) {
        value = 10 * value + (*c->p++ - '0');
        n++;
    }
    *out = value;
    return n >= least;
}

static int take_blanks(cursor *c)
{
    const char *start = c->p;
    while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
        c->p++;
    return c->p > start;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static int take_word(cursor *c, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(c->end - c->p) < n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (lower(c->p[i]) != lower(word[i]))
            return 0;
    c->p += n;
    return 1;
}

/* A three-letter name out of a list that stands in one string; gives its place from 1, or 0. */
static int take_name(cursor *c, const char *names, int count)
{
    if (c->end - c->p < 3)
        return 0;
    for (int i = 0; i < count; i++) {
        const char *name = names + 3 * i;
        if (lower(c->p[0]) == lower(name[0]) && lower(c->p[1]) == name[1] &&
            lower(c->p[2]) == name[2]) {
            c->p += 3;
            return i + 1;
        }
    }
    return 0;
}

/* Digits after a decimal point or comma, if there is one. What is finer than a double can tell is
 * read over. */
static int take_fraction(cursor *c, civil *t, const char *points)
{
    size_t n = 0;
    t->fraction[0] = '\0';
    if (!take_any(c, points))
        return 1;
    const char *start = c->p;
    for (; c->p < c->end && is_digit(*c->p); c->p++)
        if (n < sizeof t->fraction - 1)
            t->fraction[n++] = *c->p;
    while (n && t->fraction[n - 1] == '0')
        n--;
    t->fraction[n] = '\0';
    return c->p > start;
}

/* Z, UTC, GMT, UT, the zones of RFC 822, or an offset. */
static int take_zone(cursor *c, civil *t, int may_lack)
{
    static const struct {
        const char *name;
        int hours;
    } zones[] = {{"UTC", 0},  {"GMT", 0},  {"UT", 0},   {"Z", 0},    {"EST", -5}, {"EDT", -4},
                 {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    t->offset = 0;
    if (c->p == c->end)
        return may_lack;
    char sign = take_any(c, "+-");
    if (sign) {
        int hours, minutes = 0;
        if (!take_number(c, 2, 2, &hours))
            return 0;
        int colon = take_char(c, ':');
        if ((colon || c->p < c->end) && !take_number(c, 2, 2, &minutes))
            return 0;
        t->offset = (hours * 60 + minutes) * (sign == '-' ? -60 : 60);
        return hours <= 23 && minutes <= 59;
    }
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (take_word(c, zones[i].name)) {
            t->offset = zones[i].hours * 3600;
            return 1;
        }
    }
    return 0;
}

/* hh:mm:ss; the seconds may be absent where `short_form` allows it. */
static int take_clock(cursor *c, civil *t, int short_form)
{
    t->second = 0;
    if (!take_number(c, 2, 2, &t->hour) || !take_char(c, ':') || !take_number(c, 2, 2, &t->minute))
        return 0;
    if (!take_char(c, ':'))
        return short_form;
    return take_number(c, 2, 2, &t->second);
}

static int parse_iso8601(cursor c, civil *t)
{
    int compact = 0;
    if (!take_number(&c, 4, 4, &t->year))
        return 0;
    if (take_char(&c, '-')) {
        if (!take_number(&c, 2, 2, &t->month) || !take_char(&c, '-'))
            return 0;
    } else {
        compact = 1;
        if (!take_number(&c, 2, 2, &t->month))
            return 0;
    }
    if (!take_number(&c, 2, 2, &t->day))
        return 0;
    if (c.p == c.end)
        return !compact; /* eight digits alone are a number */
    if (!take_any(&c, "Tt ") || (compact && c.p[-1] == ' '))
        return 0;
    if (compact) {
        if (!take_number(&c, 2, 2, &t->hour) || !take_number(&c, 2, 2, &t->minute) ||
            !take_number(&c, 2, 2, &t->second))
            return 0;
    } else if (!take_clock(&c, t, 1)) {
        return 0;
    }
    if (!take_fraction(&c, t, ".,"))
        return 0;
    take_blanks(&c);
    return take_zone(&c, t, 1) && c.p == c.end;
}

/* Two digits of a year as RFC 5322 reads them. */
static int full_year(int year, ptrdiff_t digits)
{
    if (digits == 2)
        return year + (year < 50 ? 2000 : 1900);
    return digits == 4 ? year : -1;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" and "Sun Nov  6 08:49:37 1994".
 */
static int parse_http(cursor c, civil *t)
{
    const char *start = c.p;
    if (take_name(&c, DAYS, 7)) {
        while (c.p < c.end && lower(*c.p) >= 'a' && lower(*c.p) <= 'z')
            c.p++;
        int comma = take_char(&c, ',');
        if (!take_blanks(&c) && !comma)
            return 0;
        t->month = comma ? 0 : take_name(&c, MONTHS, 12);
        if (t->month) {
            if (!take_blanks(&c) || !take_number(&c, 1, 2, &t->day) || !take_blanks(&c) ||
                !take_clock(&c, t, 0) || !take_blanks(&c) || !take_number(&c, 4, 4, &t->year))
                return 0;
            return c.p == c.end;
        }
    }
    if (c.p == c.end || (c.p == start && !is_digit(*c.p)))
        return 0;
    if (!take_number(&c, 1, 2, &t->day) || (!take_blanks(&c) && !take_char(&c, '-')))
        return 0;
    t->month = take_name(&c, MONTHS, 12);
    if (!t->month || (!take_blanks(&c) && !take_char(&c, '-')))
        return 0;
    const char *year = c.p;
    if (!take_number(&c, 2, 4, &t->year))
        return 0;
    t->year = full_year(t->year, c.p - year);
    if (!take_blanks(&c) || !take_clock(&c, t, 1) || !take_fraction(&c, t, "."))
        return 0;
    take_blanks(&c);
    return take_zone(&c, t, 0) && c.p == c.end;
}

/*
 * seconds + 0.fraction, rounded once where that can be had: up to six digits both parts fit in one
 * integer that a double holds exactly, and one division rounds as reading "1704067200.123" does.
 */
static void set_time(bk_time *t, int64_t seconds, const char *fraction)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
    size_t n = strlen(fraction);
    t->seconds = seconds;
    t->whole = n == 0;
    t->value = (double)seconds;
    if (!n)
        return;
    int64_t digits = 0, scale = 1;
    for (size_t i = 0; i < n && i < 18; i++) {
        digits = 10 * digits + (fraction[i] - '0');
        scale *= 10;
    }
    if (n <= 6 && fabs((double)seconds) < 9007199254740992.0 / powers[n])
        t->value = (double)(seconds * scale + digits) / powers[n];
    else
        t->value = (double)seconds + (double)digits / (double)scale;
}

static int in_range(int64_t seconds)
{
    return (double)seconds >= BK_TIME_FIRST && (double)seconds <= BK_TIME_LAST;
}

/* [-+]digits[.digits][e[-+]digits]; the point is moved in the text, so no digit is lost to rounding
 * on the way. */
static int parse_number(cursor c, bk_time *t)
{
    enum { DIGITS = 40 };
    char digits[DIGITS];
    int n = 0, point = 0, seen = 0, after_point = 0, exponent = 0;
    int negative = take_any(&c, "+-") && c.p[-1] == '-';
    for (; c.p < c.end; c.p++) {
        if (*c.p == '.' && !after_point) {
            after_point = 1;
            continue;
        }
        if (!is_digit(*c.p))
            break;
        seen = 1;
        if (n == 0 && *c.p == '0') { /* leading zeros say nothing but where the point is */
            point -= after_point;
            if (point < -1000)
                return 0;
            continue;
        }
        if (n < DIGITS) {
            digits[n++] = *c.p;
            point += !after_point;
        } else if (!after_point) {
            return 0;
        }
    }
    if (!seen || c.p[-1] == '.')
        return 0;
    if (take_any(&c, "eE")) {
        int sign = take_any(&c, "+-") && c.p[-1] == '-' ? -1 : 1;
        if (!take_number(&c, 1, 4, &exponent))
            return 0;
        point += sign * exponent;
    }
    if (c.p != c.end || (n && point > 18))
        return 0;
    int64_t seconds = 0;
    for (int i = 0; i < point; i++)
        seconds = 10 * seconds + (i < n ? digits[i] - '0' : 0);
    char fraction[20];
    size_t f = 0;
    for (int i = point; i < n && f < sizeof fraction - 1; i++)
        fraction[f++] = i < 0 ? '0' : digits[i];
    while (f && fraction[f - 1] == '0')
        f--;
    fraction[f] = '\0';
    set_time(t, seconds, fraction);
    if (negative) {
        t->value = t->whole && !seconds ? 0.0 : -t->value;
        t->seconds = -seconds - !t->whole;
    }
    return in_range(t->seconds);
}

/* The form that services send, read by its places: 2024-01-01T00:00:00Z, perhaps with a fraction.
 */
static int parse_usual(cursor c, civil *t)
{
    enum { FRACTION = 19 };
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    const char *s = c.p;
    if (c.end - s <= FRACTION || c.end[-1] != 'Z')
        return 0;
    for (int i = 0; i < FRACTION; i++)
        if (form[i] == 'd' ? !is_digit(s[i]) : s[i] != form[i])
            return 0;
#define TWO(at) ((s[at] - '0') * 10 + (s[(at) + 1] - '0'))
    t->year = 100 * TWO(0) + TWO(2);
    t->month = TWO(5);
    t->day = TWO(8);
    t->hour = TWO(11);
    t->minute = TWO(14);
    t->second = TWO(17);
#undef TWO
    c.p += FRACTION;
    c.end--;
    return take_fraction(&c, t, ".") && c.p == c.end;
}

int bk_time_parse(bk_time *t, const char *s, size_t n)
{
    cursor c = {s, s + n};
    civil when;
    take_blanks(&c);
    while (c.end > c.p && (c.end[-1] == ' ' || c.end[-1] == '\t'))
        c.end--;
    if (c.p == c.end)
        return 0;
    memset(&when, 0, sizeof when);
    if (!parse_usual(c, &when) && !parse_iso8601(c, &when)) {
        memset(&when, 0, sizeof when);
        if (!parse_http(c, &when))
            return parse_number(c, t);
    }
    if (when.year < 0 || when.month < 1 || when.month > 12 || when.day < 1 ||
        when.day > days_in_month(when.year, when.month) || when.hour > 23 || when.minute > 59 ||
        when.second > 60)
        return 0;
    int64_t seconds = days_from_civil(when.year, when.month, when.day) * 86400 + when.hour * 3600 +
                      when.minute * 60 + when.second - when.offset;
    set_time(t, seconds, when.fraction);
    return in_range(seconds);
}

/* Gives 0 for what is no time that can be written. The comparison is false for NaN. */
static int split_seconds(double seconds, civil *c)
{
    double whole = floor(seconds);
    if (!(whole >= BK_TIME_FIRST && whole <= BK_TIME_LAST))
        return 0;
    int64_t s = (int64_t)whole;
    int64_t days = s >= 0 ? s / 86400 : -((86399 - s) / 86400);
    int rest = (int)(s - days * 86400);
    memset(c, 0, sizeof *c);
    civil_from_days(days, c);
    c->hour = rest / 3600;
    c->minute = rest / 60 % 60;
    c->second = rest % 60;
    c->weekday = (int)((days % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
    return 1;
}

static char *put_number(char *to, int value, int digits)
{
    for (int i = digits - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

static char *put_clock(char *to, const civil *c)
{
    to = put_number(to, c->hour, 2);
    *to++ = ':';
    to = put_number(to, c->minute, 2);
    *to++ = ':';
    return put_number(to, c->second, 2);
}

size_t bk_time_iso8601(char out[BK_TIME_TEXT], double seconds)
{
    double whole = floor(seconds);
    int thousandths = 0;
    if (whole >= BK_TIME_FIRST && whole <= BK_TIME_LAST)
        thousandths = (int)((seconds - whole) * 1000 + 0.5);
    if (thousandths == 1000) {
        thousandths = 0;
        whole += 1;
    }
    civil c;
    if (!split_seconds(whole, &c))
        return 0;
    char *to = put_number(out, c.year, 4);
    *to++ = '-';
    to = put_number(to, c.month, 2);
    *to++ = '-';
    to = put_number(to, c.day, 2);
    *to++ = 'T';
    to = put_clock(to, &c);
    if (thousandths) {
        *to++ = '.';
        to = put_number(to, thousandths, 3);
        while (to[-1] == '0')
            to--;
    }
    *to++ = 'Z';
    *to = '\0';
    return (size_t)(to - out);
}

size_t bk_time_http(char out[BK_TIME_TEXT], double seconds)
{
    civil c;
    if (!split_seconds(seconds, &c))
        return 0;
    char *to = out;
    memcpy(to, DAYS + 3 * c.weekday, 3);
    memcpy(to + 3, ", ", 2);
    to = put_number(to + 5, c.day, 2);
    *to++ = ' ';
    memcpy(to, MONTHS + 3 * (c.month - 1), 3);
    to[3] = ' ';
    to = put_number(to + 4, c.year, 4);
    *to++ = ' ';
    to = put_clock(to, &c);
    memcpy(to, " GMT", 5);
    return (size_t)(to + 4 - out);
}

size_t bk_time_amz(char out[BK_TIME_TEXT], double seconds)
{
    civil c;
    if (!split_seconds(seconds, &c))
        return 0;
    char *to = put_number(out, c.year, 4);
    to = put_number(to, c.month, 2);
    to = put_number(to, c.day, 2);
    *to++ = 'T';
    to = put_number(to, c.hour, 2);
    to = put_number(to, c.minute, 2);
    to = put_number(to, c.second, 2);
    *to++ = 'Z';
    *to = '\0';
    return (size_t)(to - out);
}
