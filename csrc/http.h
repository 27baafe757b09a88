/*
 * http.h: HTTP sessions over libcurl, in plain C. A request goes in, a response comes out; nothing
 * here knows Lua.
 *
 * A session is one easy handle with its buffers. One request passes through four steps:
 *
 *   1. bk_http_begin, _header..., _body   collect the request; each says what it refuses
 *   2. bk_http_setup                      hands it to the easy handle
 *   3. bk_http_perform                    drives it over connections of the session's own
 *   4. bk_http_finish                     wipes the request, says how it went
 *
 * Many sessions at once are driven by httpmulti.h, which takes the place of steps 3 and 4.
 *
 * libcurl's callbacks fill buffers that the session owns and call nobody. A zeroed struct is a
 * legal, closed session.
 */
#ifndef BK_HTTP_H
#define BK_HTTP_H

#include "buf.h"
#include "httpshare.h"

#include <curl/curl.h>

/* An answer's body may have this many bytes unless the session says otherwise. */
#define BK_HTTP_MAX_BODY ((size_t)64 * 1024 * 1024)
/* All header lines of all answers to one request (1xx ones and trailers included). */
#define BK_HTTP_MAX_HEADERS ((size_t)256 * 1024)
/* A body buffer that has grown beyond this is given back once the answer is read. */
#define BK_HTTP_KEEP_BODY ((size_t)1024 * 1024)

typedef enum bk_http_outcome {
    BK_HTTP_OK = 0,
    BK_HTTP_BAD_REQUEST, /* refused before sending; bk_http.message says why */
    BK_HTTP_BAD_URL,     /* likewise */
    BK_HTTP_NO_MEMORY,
    BK_HTTP_RESOLVE, /* the host's name is unknown */
    BK_HTTP_CONNECT, /* nobody listens, no route, or the connection broke before an answer began */
    BK_HTTP_PROXY,   /* the proxy is unknown, unreachable, or refuses the tunnel */
    BK_HTTP_TIMEOUT_CONNECT, /* the three timeouts */
    BK_HTTP_TIMEOUT_READ,
    BK_HTTP_TIMEOUT_WHOLE,
    BK_HTTP_TLS,             /* the handshake failed */
    BK_HTTP_CERTIFICATE,     /* the server's certificate does not verify */
    BK_HTTP_CA_BUNDLE,       /* the CA bundle can't be read */
    BK_HTTP_CUT_OFF,         /* the answer began and did not end well */
    BK_HTTP_BAD_ANSWER,      /* what came is no HTTP that we speak */
    BK_HTTP_BODY_TOO_BIG,    /* over max_body */
    BK_HTTP_HEADERS_TOO_BIG, /* over BK_HTTP_MAX_HEADERS */
    BK_HTTP_BAD_PROXY,       /* the proxy's URL can't be read */
    BK_HTTP_OTHER
} bk_http_outcome;

/* A short name for an outcome: "ok", "connect", "timeout_read", ... Never NULL. */
const char *bk_http_outcome_name(bk_http_outcome outcome);

typedef struct bk_http {
    CURL *easy;
    struct bk_http_multi
        *own;             /* what drives bk_http_perform, which makes it; has the connections */
    bk_http_share *share; /* NULL: it knows names and TLS sessions by itself */
    size_t max_body;

    /* The request. `text` owns the bytes of url, method and header lines and is wiped after each
     * call. */
    bk_buf text;
    struct curl_slist *nodes; /* an array; node 0.. node_count-1 are linked in order by setup */
    size_t node_count, node_cap;
    size_t url_at, method_at; /* offsets in text */
    const char *body;         /* lent by the caller until finish */
    size_t body_len;
    int has_body;
    unsigned given; /* which headers with a meaning to libcurl the caller gave */
    unsigned long long given_length;

    /* What the easy handle is set to at present, so that only changes are set. */
    int mode;
    long connect_ms;
    char *proxy; /* NULL: "" */
    int proxy_unknown;
    int custom_method;

    /* Timeouts of the running request, in milliseconds; 0: none. Times are monotonic. */
    long read_ms, whole_ms;
    long long started, last_activity;
    int active;      /* bytes moved since last asked */
    int connected;   /* from here on the read timeout counts */
    int was_ready;   /* the last wait ended with the socket ready */
    int idle_wakes;  /* how often in a row that brought nothing */
    curl_off_t sent; /* bytes of the body that were sent when last asked */

    /* The answer. */
    bk_buf head; /* header lines of the final answer, each ended by LF */
    bk_buf out;  /* its body */
    size_t head_total;
    int head_done, out_begun;
    int status;
    long connects;
    long http_version; /* CURL_HTTP_VERSION_... */
    long tunnel;       /* what a proxy answered to CONNECT, or 0 */
    CURLcode code;
    bk_http_outcome abort; /* why a callback broke the transfer off */

    /* Among many sessions (httpmulti.h). */
    struct bk_http_multi *driver; /* NULL: none */
    struct bk_http *before, *after;
    int held;                    /* libcurl does not know of it yet */
    struct bk_http *opener;      /* then: whose connection it waits for; NULL: it may go on */
    int opens;                   /* it connects to a host first, and others may wait for it */
    long long opens_since;       /* then: when it was first driven, or 0 */
    struct bk_http *next_opener; /* among these */
    int over;                    /* the answer, or the failure, is there until bk_http_drop */
    bk_http_outcome outcome;     /* then: how it went */

    char message[256]; /* ours: what was refused */
    char error[CURL_ERROR_SIZE];
} bk_http;

/* Makes the session ready. ca_bundle: a PEM file or a folder of hashed certificates, or NULL for
 * the system's own. Gives BK_HTTP_OK, BK_HTTP_NO_MEMORY or BK_HTTP_OTHER (libcurl can't be set up);
 * the session stays closed then. */
bk_http_outcome bk_http_open(bk_http *h, const char *ca_bundle, size_t max_body);
/* After bk_http_open: from here on it is a user of the share. */
void bk_http_join(bk_http *h, bk_http_share *share);
/* Ends connections, wipes and frees everything; may be called twice, and on a zeroed struct. A
 * driver lets go of it. */
void bk_http_close(bk_http *h);

/* Step 1. All bytes are copied but the body's, which the caller lends until bk_http_finish.
 * Outcomes: OK, BAD_REQUEST, BAD_URL, NO_MEMORY. */
bk_http_outcome bk_http_begin(bk_http *h, const char *method, size_t method_len, const char *url,
                              size_t url_len);
bk_http_outcome bk_http_header(bk_http *h, const char *name, size_t name_len, const char *value,
                               size_t value_len);
bk_http_outcome bk_http_body(bk_http *h, const char *body, size_t len);
/* For callers that find a value of a type that no header has: BAD_REQUEST with a message that names
 * the header. */
bk_http_outcome bk_http_refuse_value(bk_http *h, const char *name, size_t name_len);
/* Step 2. proxy: a URL, or "" for none (the environment never counts). Milliseconds; 0: no limit.
 */
bk_http_outcome bk_http_setup(bk_http *h, const char *proxy, long connect_ms, long read_ms,
                              long whole_ms);
/* Step 3. Gives the outcome of step 4 by itself calling bk_http_finish. */
bk_http_outcome bk_http_perform(bk_http *h);
/* Step 4. `due`: a timeout that was due, else BK_HTTP_OK. */
bk_http_outcome bk_http_finish(bk_http *h, CURLcode code, bk_http_outcome due);
/* Drops a request between steps 1 and 3, and the answer after it was read. Shrinks what has grown
 * large. */
void bk_http_reset(bk_http *h);
/* The same after a failure: bk_http_message stays until the next begin. */
void bk_http_drop(bk_http *h);

/* Walks the final answer's headers. *at starts at 0; names come in lower case, values trimmed, both
 * lent until the next begin or reset. Gives 0 at the end. */
int bk_http_next_header(bk_http *h, size_t *at, const char **name, size_t *name_len,
                        const char **value, size_t *value_len);

/* What the last failure was, in libcurl's words or ours; never NULL, never header contents or a
 * proxy's password. */
const char *bk_http_message(const bk_http *h);

#endif
