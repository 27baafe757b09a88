/*
 * httpparts.h: what http's files share, and nobody else includes. Everything works on the one
 * session.
 *
 *   http.c     opening and closing, the options of the easy handle, steps 2 and 4
 *   httpreq.c  step 1: what a request may be made of, and the block that owns it
 *   httpmulti.c  step 3: driving libcurl, for one session or many
 *   httprun.c  its timeouts
 *   httpshare.c  what sessions know together
 *   httpans.c  the answer as it comes in
 *   httpend.c  outcomes and messages
 */
#ifndef BK_HTTPPARTS_H
#define BK_HTTPPARTS_H

#include "http.h"

/* http.c: libcurl's set-up for the process; gives 0 where it failed. */
int bk_http_global(void);

/* httpreq.c. Gives 0 without memory. */
int bk_http_open_request(bk_http *h);
/* Links the header lines, with those added that keep libcurl from sending headers of its own.
 * Refuses what only the whole request shows: a body where none may be, or of another length. */
bk_http_outcome bk_http_link_lines(bk_http *h, int carries_body);
/* The block is kept for the next request. */
void bk_http_wipe_request(bk_http *h);
void bk_http_close_request(bk_http *h);

/* httpans.c. The callbacks of libcurl; `user` is the session. They break a transfer off by setting
 * `abort`. */
size_t bk_http_on_header(char *line, size_t size, size_t count, void *user);
size_t bk_http_on_body(char *data, size_t size, size_t count, void *user);
void bk_http_drop_answer(bk_http *h);
void bk_http_close_answer(bk_http *h);

/* httprun.c. A clock that nobody sets, in milliseconds. */
long long bk_http_now(void);
/* The whole call's limit counts from here. */
void bk_http_start(bk_http *h, long read_ms, long whole_ms);
/* After libcurl's turn: what came of it. */
typedef enum bk_http_turn {
    BK_HTTP_GOES_ON,
    BK_HTTP_IS_WHOLE, /* the answer is there, though libcurl does not end */
    BK_HTTP_IDLES     /* it wakes again and again for nothing: bk_http_pause is due */
} bk_http_turn;
bk_http_turn bk_http_look(bk_http *h);
void bk_http_pause(void);
/* Milliseconds until the next timeout of this request, or -1 for none. Sets *outcome where one is
 * due already. */
long bk_http_wait(bk_http *h, long long now, bk_http_outcome *outcome);

/* httpmulti.c. Takes the session from its driver, if it has one. */
void bk_http_leave(bk_http *h);
/* Ends the connections of bk_http_perform. */
void bk_http_close_own(bk_http *h);

/* httpend.c. Sets the message and gives the outcome back. */
bk_http_outcome bk_http_refuse(bk_http *h, bk_http_outcome outcome, const char *why);
/* What libcurl's code means beside what is known of the answer. */
bk_http_outcome bk_http_judge(const bk_http *h, CURLcode code);

#endif
