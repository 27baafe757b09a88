/*
 * sigv4key.c: signing keys and their cache. See sigv4.h.
 *
 * A key serves a day: it is derived once, and found again by a keyed hash of all that it was made
 * from, so that the cache holds no secret access key.
 */
#include "random.h"
#include "sigv4parts.h"

#include <string.h>

/* "AWS4" and the secret, narrowed by day, region, service and the terminator in turn. */
static int derive_key(bk_sigv4 *s, unsigned char key[BK_SHA256_SIZE])
{
    const bk_sigv4_options *o = s->options;
    bk_hasher *h = &s->hasher;
    bk_buf_wipe(&s->text);
    if (!bk_buf_reserve(&s->text, o->secret_access_key.n + 4))
        return bk_sigv4_fail_memory(s);
    bk_buf_add(&s->text, "AWS4", 4);
    bk_slice_add(&s->text, o->secret_access_key);
    int ok = bk_hmac_sha256(h, s->text.data, s->text.len, s->date, BK_SIGV4_DAY, key) &&
             bk_hmac_sha256(h, key, BK_SHA256_SIZE, o->region.p, o->region.n, key) &&
             bk_hmac_sha256(h, key, BK_SHA256_SIZE, o->service.p, o->service.n, key) &&
             bk_hmac_sha256(h, key, BK_SHA256_SIZE, BK_SIGV4_TERMINATOR,
                            sizeof BK_SIGV4_TERMINATOR - 1, key);
    bk_buf_wipe(&s->text);
    return ok ? 1 : bk_sigv4_fail_openssl(s);
}

/* ---- the cache ---- */

#define ROTATE(x, by) ((x) << (by) | (x) >> (64 - (by)))
#define SIP_ROUND                                                                                  \
    (a += b, b = ROTATE(b, 13) ^ a, a = ROTATE(a, 32), c += d, d = ROTATE(d, 16) ^ c, a += d,      \
     d = ROTATE(d, 21) ^ a, c += b, b = ROTATE(b, 17) ^ c, c = ROTATE(c, 32))

/* SipHash-2-4 (Aumasson and Bernstein, 2012). */
static uint64_t siphash(const uint64_t key[2], const char *data, size_t n)
{
    uint64_t a = key[0] ^ UINT64_C(0x736f6d6570736575), b = key[1] ^ UINT64_C(0x646f72616e646f6d);
    uint64_t c = key[0] ^ UINT64_C(0x6c7967656e657261), d = key[1] ^ UINT64_C(0x7465646279746573);
    for (size_t at = 0, last = 0; !last; at += 8) {
        uint64_t word = 0;
        last = n - at < 8;
        if (last) {
            word = (uint64_t)n << 56;
            for (size_t i = at; i < n; i++)
                word |= (uint64_t)(unsigned char)data[i] << 8 * (i - at);
        } else {
            memcpy(&word, data + at, 8); /* in the machine's order: nobody else sees the result */
        }
        d ^= word;
        SIP_ROUND;
        SIP_ROUND;
        a ^= word;
    }
    c ^= 0xff;
    for (int i = 0; i < 4; i++)
        SIP_ROUND;
    return a ^ b ^ c ^ d;
}

static int make_id_key(bk_sigv4 *s)
{
    if (s->id_key[0] || s->id_key[1])
        return 1;
    bk_random random;
    memset(&random, 0, sizeof random);
    return bk_random_bytes(&random, s->id_key, sizeof s->id_key) ? 1 : bk_sigv4_fail_openssl(s);
}

bk_hmac_key *bk_sigv4_signing_key(bk_sigv4 *s)
{
    const bk_sigv4_options *o = s->options;
    const bk_slice parts[] = {
        o->access_key_id, o->secret_access_key, {s->date, BK_SIGV4_DAY}, o->region, o->service};
    enum { PARTS = sizeof parts / sizeof *parts };
    size_t room = PARTS;
    for (size_t i = 0; i < PARTS; i++)
        room += parts[i].n;
    bk_buf_wipe(&s->text);
    if (!bk_buf_reserve(&s->text, room))
        return bk_sigv4_fail_memory(s), NULL;
    if (!make_id_key(s))
        return NULL;
    for (size_t i = 0; i < PARTS; i++) {
        bk_slice_add(&s->text, parts[i]);
        bk_buf_addchar(&s->text, '\0'); /* none of the parts contains it */
    }
    uint64_t id = siphash(s->id_key, s->text.data, s->text.len);
    bk_buf_wipe(&s->text);
    for (size_t i = 0; i < s->key_count; i++)
        if (s->keys[i].id == id)
            return &s->keys[i].key;

    bk_sigv4_key *slot = &s->keys[s->key_next];
    unsigned char key[BK_SHA256_SIZE];
    int ok = derive_key(s, key);
    if (ok) {
        bk_wipe(slot, sizeof *slot);
        slot->id = id;
        memcpy(slot->key.key, key, sizeof key);
        s->key_next = (s->key_next + 1) % BK_SIGV4_KEYS;
        if (s->key_count < BK_SIGV4_KEYS)
            s->key_count++;
    }
    bk_wipe(key, sizeof key);
    return ok ? &slot->key : NULL;
}

void bk_sigv4_forget(bk_sigv4 *s)
{
    bk_wipe(s->keys, sizeof s->keys);
    s->key_count = s->key_next = 0;
}
