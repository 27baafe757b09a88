/* jsonnum.c: see jsonnum.h. */
#include "jsonnum.h"

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 17 };

/* Where the search for the shortest text begins: every double of full precision holds 15 digits,
 * and %g drops zeros. */
static int least_digits(double x)
{
    return fabs(x) < DBL_MIN ? 1 : DBL_DIG;
}

/* printf and strtod know one decimal point, the locale's, which may take several bytes. */
static void point_from_locale(char *text)
{
    const char *point = localeconv()->decimal_point;
    size_t length = strlen(point);
    char *at = strcmp(point, ".") != 0 && length > 0 ? strstr(text, point) : NULL;
    if (at) {
        *at = '.';
        memmove(at + 1, at + length, strlen(at + length) + 1);
    }
}

int bk_num_is_int64(double x)
{
    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 && floor(x) == x;
}

size_t bk_num_json(char out[BK_NUM_JSON], double x)
{
    if (bk_num_is_int64(x)) {
        if (x == 0 && signbit(x))
            return (size_t)snprintf(out, BK_NUM_JSON, "-0.0");
        return (size_t)snprintf(out, BK_NUM_JSON, "%lld", (long long)x);
    }
    for (int digits = least_digits(x); digits <= MOST_DIGITS; digits++) {
        snprintf(out, BK_NUM_JSON, "%.*g", digits, x);
        if (strtod(out, NULL) == x)
            break;
    }
    point_from_locale(out);
    return strlen(out);
}

size_t bk_num_plain(char out[BK_NUM_PLAIN], double x)
{
    char scientific[BK_NUM_JSON], *to = out;
    char digits[MOST_DIGITS + 1];
    int count = 0, exponent;
    if (x == 0 || bk_num_is_int64(x))
        return (size_t)snprintf(out, BK_NUM_PLAIN, "%lld", (long long)x);
    for (int n = least_digits(x); n <= MOST_DIGITS; n++) {
        snprintf(scientific, sizeof scientific, "%.*e", n - 1, x);
        if (strtod(scientific, NULL) == x)
            break;
    }
    for (const char *p = scientific; *p != 'e'; p++)
        if (*p >= '0' && *p <= '9' && count < MOST_DIGITS)
            digits[count++] = *p;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    exponent = atoi(strchr(scientific, 'e') + 1);
    if (x < 0)
        *to++ = '-';
    if (exponent < 0) {
        *to++ = '0';
        *to++ = '.';
        for (int i = -1; i > exponent; i--)
            *to++ = '0';
        memcpy(to, digits, (size_t)count);
        to += count;
    } else {
        for (int i = 0; i < count || i <= exponent; i++) {
            if (i == exponent + 1)
                *to++ = '.';
            *to++ = i < count ? digits[i] : '0';
        }
    }
    *to = '\0';
    return (size_t)(to - out);
}

int bk_num_int64(const char *text, size_t n, long long *value)
{
    int negative = n > 0 && text[0] == '-';
    size_t i = (size_t)negative;
    long long sum = 0; /* kept negative, since the negative range is the larger one */
    if (i == n)
        return 0;
    for (; i < n; i++) {
        int digit = text[i] - '0';
        if (digit < 0 || digit > 9 || sum < (LLONG_MIN + digit) / 10)
            return 0;
        sum = sum * 10 - digit;
    }
    if (!negative && sum == LLONG_MIN)
        return 0;
    *value = negative ? sum : -sum;
    return 1;
}

int bk_num_double(const char *text, size_t n, double *value)
{
    const char *point = localeconv()->decimal_point;
    size_t point_length = strlen(point);
    char *copy = malloc(n + point_length + 1), *to = copy;
    if (!copy)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '.') {
            memcpy(to, point, point_length);
            to += point_length;
        } else {
            *to++ = text[i];
        }
    }
    *to = '\0';
    *value = strtod(copy, NULL);
    free(copy);
    return 1;
}
