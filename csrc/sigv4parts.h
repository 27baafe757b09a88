/*
 * sigv4parts.h: what sigv4's files share, and nobody else includes. Everything works on the one
 * signer; whatever can fail gives 1, or 0 and a message.
 *
 *   sigv4.c       the stages in their order, and clearing up
 *   sigv4check.c  what is refused, and in which words
 *   sigv4head.c   which headers are signed, and their lines in the canonical request
 *   sigv4query.c  the query as it is signed, and the presigned URL
 *   sigv4key.c    signing keys and their cache
 */
#ifndef BK_SIGV4PARTS_H
#define BK_SIGV4PARTS_H

#include "sigv4.h"

#define BK_SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define BK_SIGV4_TERMINATOR "aws4_request"

enum {
    BK_SIGV4_DAY = 8, /* the day in 20240101T000000Z */
    BK_SIGV4_HASH_TEXT = 2 * BK_SHA256_SIZE
};

/* sigv4check.c. Each failure sets the message and gives 0. Values of headers are never shown: they
 * may be secrets. */
int bk_sigv4_fail(bk_sigv4 *s, const char *what, const char *problem);
int bk_sigv4_fail_header(bk_sigv4 *s, bk_slice name, const char *problem);
int bk_sigv4_fail_memory(bk_sigv4 *s);
int bk_sigv4_fail_openssl(bk_sigv4 *s);
int bk_sigv4_check_options(bk_sigv4 *s, const bk_sigv4_options *o);
/* Whether it may be a method or a header's name. */
int bk_sigv4_is_token(bk_slice s);
/* Likewise true for NUL. */
int bk_sigv4_has_line_break(bk_slice s);

/*
 * sigv4head.c and sigv4query.c: each collects its part, says how much room its lines need at most,
 * and adds them to the canonical request. The query of the query form names the signed headers, so
 * headers are collected first.
 */
int bk_sigv4_collect_headers(bk_sigv4 *s);
size_t bk_sigv4_headers_room(const bk_sigv4 *s);
void bk_sigv4_add_headers(bk_sigv4 *s);
int bk_sigv4_collect_query(bk_sigv4 *s);
size_t bk_sigv4_query_room(const bk_sigv4 *s);
void bk_sigv4_add_query(bk_sigv4 *s);

#endif
