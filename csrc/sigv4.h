/*
 * sigv4.h: AWS Signature Version 4, in headers (Authorization) or in the query (a presigned URL),
 * in plain C.
 *
 * A signer keeps what can be reused from one signing to the next (a hasher, scratch memory, signing
 * keys) and holds the results of the last one. bk_sigv4_sign runs the stages below in their order;
 * each is a function of its own so that tests can stop after any. A zeroed struct is a legal
 * signer. Everything in it that is or contains a secret is wiped: scratch by bk_sigv4_scrub, keys
 * when they are dropped.
 */
#ifndef BK_SIGV4_H
#define BK_SIGV4_H

#include "buf.h"
#include "digest.h"
#include "uri.h"

#include <stdint.h>

enum {
    BK_SIGV4_KEYS = 50,      /* signing keys that are kept, first in first out */
    BK_SIGV4_EXPIRES = 3600, /* seconds that a presigned URL lives by default */
    BK_SIGV4_EXPIRES_MOST = 604800,
    BK_SIGV4_MESSAGE = 160
};

typedef struct bk_sigv4_header {
    bk_slice name;
    bk_slice value;
    /* Values of one list share a number and are joined in order. A name in two lists has no order,
     * and is refused. */
    size_t list;
} bk_sigv4_header;

/* All slices here and below are lent until the signing is over. */
typedef struct bk_sigv4_request {
    bk_slice method;
    bk_slice url;  /* absolute, its path escaped as it is sent */
    bk_slice body; /* empty for none */
    const bk_sigv4_header *headers;
    size_t header_count;
} bk_sigv4_request;

typedef struct bk_sigv4_options {
    bk_slice access_key_id;
    bk_slice secret_access_key;
    bk_slice session_token; /* empty for none */
    bk_slice region;
    bk_slice service;
    double time;            /* seconds since 1970 */
    double expires;         /* presign only, in seconds */
    int normalize_path;     /* all services but S3 */
    int double_encode;      /* all services but S3: the escaped path is escaped once more */
    int sign_body_header;   /* adds x-amz-content-sha256 (header form only) */
    int presign;            /* query form */
    int omit_session_token; /* the token is sent but not signed */
} bk_sigv4_options;

typedef struct bk_sigv4_key {
    uint64_t id; /* keyed hash of credentials, day, region and service */
    bk_hmac_key key;
} bk_sigv4_key;

typedef struct bk_sigv4 {
    bk_hasher hasher;
    bk_sigv4_key keys[BK_SIGV4_KEYS];
    uint64_t id_key[2]; /* random, from the first signing on */
    size_t key_count;
    size_t key_next; /* the one to replace when all are taken */

    /* Results, valid until the next signing or bk_sigv4_scrub. */
    char date[17];                             /* 20240101T000000Z, terminated */
    char payload_hash[2 * BK_SHA256_SIZE + 1]; /* or UNSIGNED-PAYLOAD */
    char signature[2 * BK_SHA256_SIZE + 1];
    bk_buf scope;          /* 20240101/region/service/aws4_request */
    bk_buf signed_headers; /* a;b;c */
    bk_buf canonical_request;
    bk_buf string_to_sign;
    bk_buf authorization;           /* header form: the header's value */
    bk_buf url;                     /* query form: the presigned URL */
    char message[BK_SIGV4_MESSAGE]; /* what is wrong, terminated; never a secret */

    /* Scratch of one signing. */
    const bk_sigv4_request *request;
    const bk_sigv4_options *options;
    bk_url parts;
    bk_buf names; /* the headers' names in lower case */
    bk_buf host;
    bk_buf entries; /* struct entry[], sorted */
    bk_buf pairs;   /* struct pair[], sorted */
    bk_buf text;    /* escaped query parts; key material */
    bk_buf path;
} bk_sigv4;

/* Every stage gives 1, or 0 and a message. */
int bk_sigv4_prepare(bk_sigv4 *s, const bk_sigv4_request *request, const bk_sigv4_options *options);
int bk_sigv4_build_canonical_request(bk_sigv4 *s);
int bk_sigv4_build_string_to_sign(bk_sigv4 *s);
/* Lends the key, from the cache where it is there. */
bk_hmac_key *bk_sigv4_signing_key(bk_sigv4 *s);
int bk_sigv4_build_signature(bk_sigv4 *s, bk_hmac_key *key);
int bk_sigv4_build_authorization(bk_sigv4 *s);
int bk_sigv4_build_url(bk_sigv4 *s);

int bk_sigv4_sign(bk_sigv4 *s, const bk_sigv4_request *request, const bk_sigv4_options *options);

/* Whether a header, in any case, is one that signing replaces: authorization, x-amz-date,
 * x-amz-security-token. */
int bk_sigv4_is_replaced(const char *name, size_t n);
/* Likewise x-amz-content-sha256. */
int bk_sigv4_is_payload_hash(const char *name, size_t n);
/* Wipes results and scratch, keeps the keys. */
void bk_sigv4_scrub(bk_sigv4 *s);
/* Wipes the signing keys. */
void bk_sigv4_forget(bk_sigv4 *s);
/* Wipes and releases everything; the struct is then as new. */
void bk_sigv4_free(bk_sigv4 *s);

#endif
