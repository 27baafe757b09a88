/* random.c: see random.h. */
#include "random.h"

#include "defaults.h"
#include "hex.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h> /* on macOS it has getentropy */
#include <unistd.h>

/* What is worth a request to the system of its own. */
enum { FEW = 32 };

static int ask_system(bk_random *r, void *out, size_t n)
{
    if (!r->asked) {
        r->asked = 1;
        r->direct = bk_openssl_defaults();
    }
    return r->direct && getentropy(out, n) == 0;
}

int bk_random_bytes(bk_random *r, void *out, size_t n)
{
    if (!n || (n <= FEW && ask_system(r, out, n)))
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
