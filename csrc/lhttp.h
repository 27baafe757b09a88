/* lhttp.h: the Lua side of HTTP sessions, and what lmulti.c needs of it. */
#ifndef BK_LHTTP_H
#define BK_LHTTP_H

#include "compat.h"
#include "http.h"
#include "lent.h"

#define BK_SESSION_TYPE BK_LENT_TYPE

typedef struct bk_session {
    bk_lent lent; /* the body of an answer, until session:release */
    bk_http http;
    int busy; /* a request runs, or its answer is turned into a table, or its body is lent */
} bk_session;

#define BK_SESSION_OF(h) ((bk_session *)(void *)((char *)(h)-offsetof(bk_session, http)))

/* The session at index `at`, if a request can begin on it; raises otherwise. */
bk_session *bk_check_session(lua_State *L, int at);

/* A call as it was read from the stack: its texts are lent by what lies there. */
typedef struct bk_call {
    int at; /* the first of its fields: method, url, headers, body */
    const char *proxy;
    long connect_ms, read_ms, whole_ms;
    int late;
} bk_call;

/*
 * Reads session, request, proxy, connect_ms, read_ms and deadline, which stand from `first` on;
 * cuts off what follows them and leaves the request's fields there. Runs metamethods, so the
 * session is to be checked after it.
 */
void bk_check_call(lua_State *L, int first, bk_call *call);
/* Steps 1 and 2 of http.h. Raises nothing. */
bk_http_outcome bk_begin_call(lua_State *L, const bk_call *call, bk_http *h);
/* Pushes nil, kind, message and tunnel_status: 4. */
int bk_push_failure(lua_State *L, const bk_http *h, bk_http_outcome outcome);

/* Adds `session`, `sleep`, `now` and `version` to the table at the top of the stack. */
void bk_open_http(lua_State *L);
/* Adds `multi`. */
void bk_open_multi(lua_State *L);

#endif
