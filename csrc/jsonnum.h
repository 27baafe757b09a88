/*
 * jsonnum.h: numbers as text and back, in plain C and whatever the process's locale says about
 * decimal points.
 *
 * "Shortest" is the fewest significant digits, 17 at most, that read back as the same double.
 */
#ifndef BK_JSONNUM_H
#define BK_JSONNUM_H

#include <stddef.h>

enum {
    BK_NUM_JSON = 40,  /* room for bk_num_json's text and its terminator */
    BK_NUM_PLAIN = 400 /* room for bk_num_plain's */
};

/* A finite double as JSON: whole ones below 2^63 in digits alone ("1000000000000000"), others in
 * the shortest form, with an exponent where C's %g has one. Minus zero is "-0.0". Gives the length.
 */
size_t bk_num_json(char out[BK_NUM_JSON], double x);

/* A finite double in decimal without an exponent, at any size: "0.00001", "2", never "1e-05". Gives
 * the length. */
size_t bk_num_plain(char out[BK_NUM_PLAIN], double x);

/* Reads digits with an optional minus; false if it is anything else or needs more than 64 bits. */
int bk_num_int64(const char *text, size_t n, long long *value);

/* Reads a text of JSON's number grammar, of any length; huge ones give infinity, tiny ones zero.
 * False without memory. */
int bk_num_double(const char *text, size_t n, double *value);

/* True if x is whole and within [-2^63, 2^63). */
int bk_num_is_int64(double x);

#endif
