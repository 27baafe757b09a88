/*
 * digest.h: SHA-256 and HMAC-SHA-256 from OpenSSL, made for many short inputs.
 *
 * OpenSSL 3 looks an algorithm up by name whenever it is asked for one by EVP_sha256() or HMAC(); a
 * hasher looks it up once, if at all, and uses one context for everything. A zeroed struct is a
 * legal, closed hasher.
 */
#ifndef BK_DIGEST_H
#define BK_DIGEST_H

#include <stddef.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

enum { BK_SHA256_SIZE = 32, BK_DIGEST_MAX = EVP_MAX_MD_SIZE };

typedef struct bk_hasher {
    const EVP_MD *md;
    EVP_MD *fetched; /* what is owned of it: nothing before OpenSSL 3 */
    EVP_MD_CTX *ctx;
    int plain; /* without EVP; the others are NULL then */
} bk_hasher;

/* All functions give 1, or 0 where OpenSSL refuses (no memory, no such algorithm); its error queue
 * is then empty. */
int bk_hasher_open(bk_hasher *h); /* does nothing on an open one */
void bk_hasher_close(bk_hasher *h);
int bk_sha256(bk_hasher *h, const void *data, size_t n, unsigned char out[BK_SHA256_SIZE]);
int bk_hmac_sha256(bk_hasher *h, const void *key, size_t key_len, const void *data, size_t n,
                   unsigned char out[BK_SHA256_SIZE]);
/* The same with a key of BK_SHA256_SIZE that serves again and again. A key is secret: wipe it. */
typedef struct bk_hmac_key {
    unsigned char key[BK_SHA256_SIZE];
#ifndef OPENSSL_NO_DEPRECATED_3_0
    int begun;
    SHA256_CTX inner, outer; /* what is hashed of it, once it was used */
#endif
} bk_hmac_key;
int bk_hmac_sha256_again(bk_hasher *h, bk_hmac_key *k, const void *data, size_t n,
                         unsigned char out[BK_SHA256_SIZE]);
/* For what is seldom used and not for security: names of cache files (SHA-1), checksums (MD5). */
int bk_sha1(const void *data, size_t n, unsigned char out[20]);
int bk_md5(const void *data, size_t n, unsigned char out[16]);

#endif
