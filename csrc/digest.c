/* digest.c: see digest.h. */
#define OPENSSL_SUPPRESS_DEPRECATED /* <openssl/sha.h>: it passes by all settings, see defaults.h  \
                                     */
#include "digest.h"

#include "buf.h"
#include "defaults.h"

#include <openssl/err.h>
#include <openssl/opensslv.h>
#include <openssl/sha.h>
#include <string.h>

enum { BLOCK = 64 }; /* of SHA-256 */

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
static void acquire_md(bk_hasher *h)
{
    h->md = h->fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static void release_md(EVP_MD *md)
{
    EVP_MD_free(md);
}
#else
static void acquire_md(bk_hasher *h)
{
    h->md = EVP_sha256();
}

static void release_md(EVP_MD *md)
{
    (void)md;
}
#endif

int bk_hasher_open(bk_hasher *h)
{
#ifndef OPENSSL_NO_DEPRECATED_3_0
    h->plain = h->plain || (!h->md && bk_openssl_defaults());
#endif
    if (h->plain)
        return 1;
    if (!h->md)
        acquire_md(h);
    if (!h->ctx)
        h->ctx = EVP_MD_CTX_new();
    if (h->md && h->ctx)
        return 1;
    ERR_clear_error();
    return 0;
}

void bk_hasher_close(bk_hasher *h)
{
    EVP_MD *fetched = h->fetched;
    EVP_MD_CTX *ctx = h->ctx;
    memset(h, 0, sizeof *h);
    EVP_MD_CTX_free(ctx);
    release_md(fetched);
}

#ifndef OPENSSL_NO_DEPRECATED_3_0
static int hash_two_plainly(const void *a, size_t an, const void *b, size_t bn,
                            unsigned char out[BK_SHA256_SIZE])
{
    SHA256_CTX c;
    int ok = SHA256_Init(&c) && SHA256_Update(&c, a, an) && SHA256_Update(&c, b, bn) &&
             SHA256_Final(out, &c);
    bk_wipe(&c, sizeof c); /* it has the result, which may be a key */
    return ok;
}
#endif

/* The hash of two pieces; the first may be empty. */
static int hash_two(bk_hasher *h, const void *a, size_t an, const void *b, size_t bn,
                    unsigned char out[BK_SHA256_SIZE])
{
    int open = bk_hasher_open(h);
#ifndef OPENSSL_NO_DEPRECATED_3_0
    if (h->plain)
        return hash_two_plainly(a, an, b, bn, out);
#endif
    if (open && EVP_DigestInit_ex(h->ctx, h->md, NULL) &&
        (!an || EVP_DigestUpdate(h->ctx, a, an)) && (!bn || EVP_DigestUpdate(h->ctx, b, bn)) &&
        EVP_DigestFinal_ex(h->ctx, out, NULL))
        return 1;
    ERR_clear_error();
    return 0;
}

int bk_sha256(bk_hasher *h, const void *data, size_t n, unsigned char out[BK_SHA256_SIZE])
{
    return hash_two(h, NULL, 0, data, n, out);
}

/*
 * RFC 2104 by hand: two plain hashes in one context cost less than OpenSSL 3's HMAC() or EVP_MAC,
 * which set a new context up for every message.
 */
enum { INNER = 0x36, OUTER = 0x5C };

static void set_pad(unsigned char pad[BLOCK], const unsigned char *key, size_t n,
                    unsigned char with)
{
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] = (unsigned char)((i < n ? key[i] : 0) ^ with);
}

int bk_hmac_sha256(bk_hasher *h, const void *key, size_t key_len, const void *data, size_t n,
                   unsigned char out[BK_SHA256_SIZE])
{
    unsigned char pad[BLOCK], hashed[BK_SHA256_SIZE];
    int ok = 1;
    if (key_len > BLOCK) {
        ok = bk_sha256(h, key, key_len, hashed);
        key = hashed;
        key_len = sizeof hashed;
    }
    if (ok) {
        set_pad(pad, key, key_len, INNER);
        unsigned char first[BK_SHA256_SIZE]; /* `out` may be the key */
        ok = hash_two(h, pad, BLOCK, data, n, first);
        set_pad(pad, key, key_len, OUTER);
        ok = ok && hash_two(h, pad, BLOCK, first, sizeof first, out);
        bk_wipe(first, sizeof first);
        bk_wipe(pad, sizeof pad);
    }
    bk_wipe(hashed, sizeof hashed);
    if (!ok)
        bk_wipe(out, BK_SHA256_SIZE);
    return ok;
}

#ifndef OPENSSL_NO_DEPRECATED_3_0
/* A hash that went on from a state, which stays as it was. */
static int go_on(const SHA256_CTX *from, const void *data, size_t n,
                 unsigned char out[BK_SHA256_SIZE])
{
    SHA256_CTX c = *from;
    int ok = SHA256_Update(&c, data, n) && SHA256_Final(out, &c);
    bk_wipe(&c, sizeof c);
    return ok;
}

static int begin(SHA256_CTX *c, const bk_hmac_key *k, unsigned char with)
{
    unsigned char pad[BLOCK];
    set_pad(pad, k->key, sizeof k->key, with);
    int ok = SHA256_Init(c) && SHA256_Update(c, pad, sizeof pad);
    bk_wipe(pad, sizeof pad);
    return ok;
}

/* Contexts of EVP are not worth that: each copy allocates. */
int bk_hmac_sha256_again(bk_hasher *h, bk_hmac_key *k, const void *data, size_t n,
                         unsigned char out[BK_SHA256_SIZE])
{
    if (!bk_hasher_open(h) || !h->plain)
        return bk_hmac_sha256(h, k->key, sizeof k->key, data, n, out);
    k->begun = k->begun || (begin(&k->inner, k, INNER) && begin(&k->outer, k, OUTER));
    return k->begun && go_on(&k->inner, data, n, out) && go_on(&k->outer, out, BK_SHA256_SIZE, out);
}
#else
int bk_hmac_sha256_again(bk_hasher *h, bk_hmac_key *k, const void *data, size_t n,
                         unsigned char out[BK_SHA256_SIZE])
{
    return bk_hmac_sha256(h, k->key, sizeof k->key, data, n, out);
}
#endif

static int digest_once(const EVP_MD *md, const void *data, size_t n, unsigned char *out)
{
    if (md && EVP_Digest(n ? data : "", n, out, NULL, md, NULL))
        return 1;
    ERR_clear_error();
    return 0;
}

int bk_sha1(const void *data, size_t n, unsigned char out[20])
{
    return digest_once(EVP_sha1(), data, n, out);
}

int bk_md5(const void *data, size_t n, unsigned char out[16])
{
    return digest_once(EVP_md5(), data, n, out);
}
