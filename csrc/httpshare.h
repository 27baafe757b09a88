/*
 * httpshare.h: what sessions of one thread know together: the addresses of hosts, and the TLS
 * sessions by which a handshake is a short one. In plain C, counted: it ends with its last user.
 *
 * libcurl gives a TLS session only to whom would have verified the host in the same way: the same
 * name and port, the same CA bundle. Connections are not shared here; among sessions of one multi
 * they are (httpmulti.h).
 *
 * There are no locks, so a share must not leave its thread. A fork has a copy of its own.
 */
#ifndef BK_HTTPSHARE_H
#define BK_HTTPSHARE_H

#include <curl/curl.h>
#include <stddef.h>

typedef struct bk_http_share {
    CURLSH *curl;
    size_t users;
} bk_http_share;

/* Has one user. NULL without memory, or where libcurl can't share: sessions do without. */
bk_http_share *bk_http_share_new(void);
/* One user more, or less; NULL is nobody's. */
void bk_http_share_hold(bk_http_share *share);
void bk_http_share_release(bk_http_share *share);

#endif
