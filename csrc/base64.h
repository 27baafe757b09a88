/*
 * base64.h: standard base64 (RFC 4648, section 4).
 *
 * Decoding is strict, so that text which merely resembles base64 is told apart from blobs: no
 * blanks, no line breaks, no other alphabet, no stray bits in the last character. Only padding may
 * be absent, and then all of it.
 */
#ifndef BK_BASE64_H
#define BK_BASE64_H

#include <stddef.h>

/* Characters for n bytes with padding; 0 stands for "too many" where n > 0. */
size_t bk_base64_encoded_size(size_t n);
/* Writes bk_base64_encoded_size(n) characters, no terminator. */
void bk_base64_encode(char *out, const void *bytes, size_t n);
/* Room that decoding n characters needs at most. */
size_t bk_base64_decoded_room(size_t n);
/* Gives 1 and the number of bytes, or 0 for text that is no base64. */
int bk_base64_decode(void *out, size_t *out_len, const char *s, size_t n);

#endif
