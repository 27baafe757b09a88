/*
 * hashing.c: a peer (see peer.h) for what no signer can do without, in the leanest way that OpenSSL
 * offers: SHA-256 of the body, SHA-256 of the canonical request, and HMAC-SHA256 of the string to
 * sign with a signing key that is kept; all with contexts that are reused.
 *
 *   hashing BODY CANONICAL-REQUEST STRING-TO-SIGN    the lengths in bytes
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "peer.h"

enum { MAX_TEXT = 4096, BLOCK = 64, DIGEST = 32 };

typedef struct hashing {
    EVP_MD *sha256;
    EVP_MD_CTX *work, *inner, *outer; /* the key's two halves of HMAC are hashed once */
    size_t lengths[3];
    unsigned char text[MAX_TEXT];
} hashing;

static int hash(hashing *h, size_t len, unsigned char *digest)
{
    unsigned int n;
    return EVP_DigestInit_ex2(h->work, h->sha256, NULL) &&
           EVP_DigestUpdate(h->work, h->text, len) && EVP_DigestFinal_ex(h->work, digest, &n);
}

static int hmac(hashing *h, size_t len, unsigned char *digest)
{
    unsigned int n;
    return EVP_MD_CTX_copy_ex(h->work, h->inner) && EVP_DigestUpdate(h->work, h->text, len) &&
           EVP_DigestFinal_ex(h->work, digest, &n) && EVP_MD_CTX_copy_ex(h->work, h->outer) &&
           EVP_DigestUpdate(h->work, digest, DIGEST) && EVP_DigestFinal_ex(h->work, digest, &n);
}

static int sign(void *context)
{
    hashing *h = context;
    unsigned char digest[EVP_MAX_MD_SIZE];
    return !(hash(h, h->lengths[0], digest) && hash(h, h->lengths[1], digest) &&
             hmac(h, h->lengths[2], digest));
}

static EVP_MD_CTX *keyed(const hashing *h, unsigned char pad)
{
    unsigned char block[BLOCK];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    for (int i = 0; i < BLOCK; i++)
        block[i] = (unsigned char)((i < 32 ? 'k' : 0) ^ pad);
    if (!ctx || !EVP_DigestInit_ex2(ctx, h->sha256, NULL) || !EVP_DigestUpdate(ctx, block, BLOCK))
        return NULL;
    return ctx;
}

static work works[] = {{"sign", sign, CLOCK_PROCESS_CPUTIME_ID, 0}, {NULL, NULL, 0, 0}};

int main(int argc, char **argv)
{
    static hashing h;
    for (int i = 0; i < 3; i++) {
        h.lengths[i] = argc == 4 ? strtoul(argv[i + 1], NULL, 10) : 0;
        if (h.lengths[i] < 1 || h.lengths[i] > MAX_TEXT) {
            fprintf(stderr, "usage: hashing BODY CANONICAL-REQUEST STRING-TO-SIGN (lengths)\n");
            return 2;
        }
    }
    memset(h.text, 'x', sizeof h.text);
    h.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!h.sha256)
        return 1;
    h.work = EVP_MD_CTX_new();
    h.inner = keyed(&h, 0x36);
    h.outer = keyed(&h, 0x5c);
    return !h.work || !h.inner || !h.outer || peer_serve(works, &h);
}
