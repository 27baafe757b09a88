/*
 * sigv4key.c: signing keys and their cache. See sigv4.h.
 *
 * A key serves a day: it is derived once, and found again by a hash of all that it was made from,
 * so that the cache holds no secret access key.
 */
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

const unsigned char *bk_sigv4_signing_key(bk_sigv4 *s)
{
    const bk_sigv4_options *o = s->options;
    unsigned char id[BK_SHA256_SIZE];
    const bk_slice parts[] = {
        o->access_key_id, o->secret_access_key, {s->date, BK_SIGV4_DAY}, o->region, o->service};
    enum { PARTS = sizeof parts / sizeof *parts };
    size_t room = PARTS;
    for (size_t i = 0; i < PARTS; i++)
        room += parts[i].n;
    bk_buf_wipe(&s->text);
    if (!bk_buf_reserve(&s->text, room))
        return bk_sigv4_fail_memory(s), NULL;
    for (size_t i = 0; i < PARTS; i++) {
        bk_slice_add(&s->text, parts[i]);
        bk_buf_addchar(&s->text, '\0'); /* none of the parts contains it */
    }
    int ok = bk_sha256(&s->hasher, s->text.data, s->text.len, id);
    bk_buf_wipe(&s->text);
    if (!ok)
        return bk_sigv4_fail_openssl(s), NULL;
    for (size_t i = 0; i < s->key_count; i++)
        if (memcmp(s->keys[i].id, id, sizeof id) == 0)
            return s->keys[i].key;

    bk_sigv4_key *slot = &s->keys[s->key_next];
    unsigned char key[BK_SHA256_SIZE];
    ok = derive_key(s, key);
    if (ok) {
        bk_wipe(slot, sizeof *slot);
        memcpy(slot->id, id, sizeof id);
        memcpy(slot->key, key, sizeof key);
        s->key_next = (s->key_next + 1) % BK_SIGV4_KEYS;
        if (s->key_count < BK_SIGV4_KEYS)
            s->key_count++;
    }
    bk_wipe(key, sizeof key);
    return ok ? slot->key : NULL;
}

void bk_sigv4_forget(bk_sigv4 *s)
{
    bk_wipe(s->keys, sizeof s->keys);
    s->key_count = s->key_next = 0;
}
