/*
 * uri.h: percent-encoding as SigV4 and rest-json want it, and the parts of a URL.
 *
 * Unreserved bytes (A-Z a-z 0-9 - . _ ~) stay, every other byte becomes %XX in upper case: what
 * JavaScript and others leave bare (!*'()) is escaped here, since AWS escapes it when it checks a
 * signature.
 */
#ifndef BK_URI_H
#define BK_URI_H

#include "slice.h"

typedef struct bk_url {
    bk_slice scheme;
    bk_slice host;  /* without user info; an IPv6 address keeps its brackets */
    bk_slice port;  /* digits, or empty */
    bk_slice path;  /* as written, or empty */
    bk_slice query; /* after the "?"; p is NULL without one */
} bk_url;

void bk_uri_encode(bk_buf *out, const char *s, size_t n, int keep_slash);
/* Lenient: an escape that is none stays as it is. "+" stays "+". */
void bk_uri_decode(bk_buf *out, const char *s, size_t n);
/* Slices of `s`; gives NULL, or what is wrong in words for the caller. */
const char *bk_url_split(bk_url *url, const char *s, size_t n);

#endif
