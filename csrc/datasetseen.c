/* datasetseen.c: see datasetseen.h. */
#include "datasetseen.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Odd constants without a pattern: the fractions of the square roots of 2, 3 and 5. */
#define ROOT_2 UINT64_C(0x6A09E667F3BCC909)
#define ROOT_3 UINT64_C(0xBB67AE8584CAA73B)
#define ROOT_5 UINT64_C(0x3C6EF372FE94F82B)

/* Multiplies two numbers and lets both halves of the product count. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX), high = (a >> 32) * (b >> 32);
    uint64_t left = (a >> 32) * (b & UINT32_MAX), right = (a & UINT32_MAX) * (b >> 32);
    uint64_t middle = (low >> 32) + (left & UINT32_MAX) + (right & UINT32_MAX);
    low = (low & UINT32_MAX) | middle << 32;
    high += (left >> 32) + (right >> 32) + (middle >> 32);
    return low ^ high;
#endif
}

static inline uint64_t load(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* The key need not be secret for long: it keeps whoever wrote a file from knowing it beforehand. */
static void choose_key(bk_seen *s)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    uint64_t here = (uint64_t)(uintptr_t)s->hashes ^ (uint64_t)(uintptr_t)s << 20;
    s->key[0] = fold((uint64_t)now.tv_nsec ^ ROOT_2, here ^ ROOT_3);
    s->key[1] = fold((uint64_t)now.tv_sec ^ ROOT_3, ((uint64_t)getpid() << 32 | here) ^ ROOT_5);
}

int bk_seen_init(bk_seen *s, size_t room)
{
    memset(s, 0, sizeof *s);
    if (room == 0)
        return 1;
    if (room > BK_SEEN_MAX_ROOM)
        room = BK_SEEN_MAX_ROOM;
    s->slots = 64;
    while (s->slots / 2 < room)
        s->slots *= 2;
    s->room = s->slots / 2; /* fuller, it would be searched far for each new text */
    s->hashes = calloc(s->slots, sizeof *s->hashes);
    s->numbers = calloc(s->slots, sizeof *s->numbers);
    if (!s->hashes || !s->numbers) {
        bk_seen_free(s);
        return 0;
    }
    choose_key(s);
    return 1;
}

void bk_seen_free(bk_seen *s)
{
    free(s->hashes);
    free(s->numbers);
    memset(s, 0, sizeof *s);
}

uint64_t bk_seen_hash(const bk_seen *s, const char *p, size_t n)
{
    uint64_t a = s->key[0] ^ n, b = s->key[1];
    char tail[16] = {0};
    for (; n >= 32; n -= 32, p += 32) {
        a = fold(load(p) ^ ROOT_2, load(p + 8) ^ a);
        b = fold(load(p + 16) ^ ROOT_3, load(p + 24) ^ b);
    }
    if (n >= 16) {
        a = fold(load(p) ^ ROOT_2, load(p + 8) ^ a);
        n -= 16;
        p += 16;
    }
    memcpy(tail, p, n);
    b = fold(load(tail) ^ ROOT_3, load(tail + 8) ^ b);
    a = fold(a ^ ROOT_5, b ^ s->key[0]);
    return a ? a : 1;
}

void bk_seen_prepare(const bk_seen *s, uint64_t hash)
{
#if defined(__GNUC__)
    if (s->slots)
        __builtin_prefetch(&s->hashes[hash & (s->slots - 1)]);
#else
    (void)s;
    (void)hash;
#endif
}

uint64_t bk_seen_add(bk_seen *s, uint64_t hash, uint64_t number)
{
    size_t i;
    if (!s->slots)
        return 0;
    for (i = hash & (s->slots - 1); s->hashes[i]; i = (i + 1) & (s->slots - 1))
        if (s->hashes[i] == hash)
            return s->numbers[i];
    if (s->used == s->room) {
        s->full = 1;
        return 0;
    }
    s->hashes[i] = hash;
    s->numbers[i] = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
    s->used++;
    return 0;
}
