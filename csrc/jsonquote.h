/* jsonquote.h: writing JSON strings, in plain C. */
#ifndef BK_JSONQUOTE_H
#define BK_JSONQUOTE_H

#include "buf.h"

/* Appends s[0..n) in quotes and escaped. Gives 1, or 0 for invalid UTF-8: *bad_at is then its
 * offset, and what was appended is incomplete. The buffer's own failure is separate, as always. */
int bk_json_quote(bk_buf *out, const char *s, size_t n, size_t *bad_at);

#endif
