/* hex.h: bytes as lower-case hexadecimal text, and back. */
#ifndef BK_HEX_H
#define BK_HEX_H

#include <stddef.h>

/* Writes 2 * n characters, no terminator. */
void bk_hex(char *out, const void *bytes, size_t n);
/* Reads n characters of either case into n / 2 bytes; 0 for an odd n or anything that is no digit.
 */
int bk_unhex(void *out, const char *s, size_t n);
/* 0 to 15, or -1 for what is no digit. */
int bk_hex_value(unsigned char c);

#endif
