/* random.c: see random.h. */
#include "random.h"

#include "hex.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/opensslv.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>

#if OPENSSL_VERSION_NUMBER >= 0x30000000L
/* What is worth a request to the system of its own. */
enum { FEW = 32 };

/*
 * Only the source of OpenSSL's own default provider will do: it keeps nothing between two requests,
 * so what a fork copies can't repeat. Another provider's may keep a generator, and where the
 * settings leave the default provider out, or ask for FIPS, they want all random numbers to come
 * from a generator of their choice. There, and for lack of memory, RAND_bytes has to do.
 */
static void open_seeds(bk_random *r)
{
    r->tried = 1;
    EVP_RAND *method = EVP_RAND_fetch(NULL, "SEED-SRC", "provider=default");
    EVP_RAND_CTX *seeds = method ? EVP_RAND_CTX_new(method, NULL) : NULL;
    EVP_RAND_free(method); /* the context holds it */
    if (seeds && !EVP_RAND_instantiate(seeds, 0, 0, NULL, 0, NULL)) {
        EVP_RAND_CTX_free(seeds);
        seeds = NULL;
    }
    r->seeds = seeds;
}

static int take_seeds(bk_random *r, void *out, size_t n)
{
    if (n > FEW)
        return 0;
    if (!r->tried)
        open_seeds(r);
    return r->seeds && EVP_RAND_generate(r->seeds, out, n, (unsigned)(8 * n), 0, NULL, 0);
}

void bk_random_close(bk_random *r)
{
    EVP_RAND_CTX *seeds = r->seeds;
    r->seeds = NULL;
    r->tried = 0;
    EVP_RAND_CTX_free(seeds);
}
#else
static int take_seeds(bk_random *r, void *out, size_t n)
{
    (void)r;
    (void)out;
    (void)n;
    return 0;
}

void bk_random_close(bk_random *r)
{
    (void)r;
}
#endif

int bk_random_bytes(bk_random *r, void *out, size_t n)
{
    if (!n || take_seeds(r, out, n))
        return 1;
    if (n <= INT_MAX && RAND_bytes(out, (int)n) == 1)
        return 1;
    ERR_clear_error();
    return 0;
}

int bk_random_unit(bk_random *r, double *out)
{
    uint64_t bits;
    if (!bk_random_bytes(r, &bits, sizeof bits))
        return 0;
    *out = (double)(bits >> 11) / 9007199254740992.0; /* 2^53 */
    return 1;
}

int bk_random_uuid4(bk_random *r, char out[BK_UUID_SIZE + 1])
{
    static const struct {
        size_t from, to, n;
    } groups[] = {{0, 0, 8}, {8, 9, 4}, {12, 14, 4}, {16, 19, 4}, {20, 24, 12}};
    unsigned char b[16];
    char text[32];
    if (!bk_random_bytes(r, b, sizeof b))
        return 0;
    b[6] = (unsigned char)((b[6] & 0x0F) | 0x40); /* version 4 */
    b[8] = (unsigned char)((b[8] & 0x3F) | 0x80); /* the variant of RFC 4122 */
    bk_hex(text, b, sizeof b);
    memset(out, '-', BK_UUID_SIZE);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        memcpy(out + groups[i].to, text + groups[i].from, groups[i].n);
    out[BK_UUID_SIZE] = '\0';
    return 1;
}
