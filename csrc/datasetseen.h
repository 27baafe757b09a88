/*
 * datasetseen.h: which texts were seen before, in fixed memory.
 *
 * It keeps a 64-bit hash of each of the first `room` texts, and the number that came with it. Texts
 * beyond them are still compared with those. The hash has a key of its own in each table, so that
 * nobody can make up texts that fall together; that two different ones do by chance is a matter of
 * one in 2^64 for each pair.
 */
#ifndef BK_DATASETSEEN_H
#define BK_DATASETSEEN_H

#include <stddef.h>
#include <stdint.h>

enum { BK_SEEN_MAX_ROOM = 100 * 1000 * 1000 };

/* A zeroed struct is a legal table that remembers nothing. */
typedef struct bk_seen {
    uint64_t key[2];
    uint64_t *hashes; /* 0: free */
    uint32_t *numbers;
    size_t slots; /* a power of two */
    size_t room, used;
    int full; /* a text came that it had no room for */
} bk_seen;

/* Gives 0 without memory. */
int bk_seen_init(bk_seen *s, size_t room);
void bk_seen_free(bk_seen *s);

/* Never 0. */
uint64_t bk_seen_hash(const bk_seen *s, const char *p, size_t n);
/* Ahead of the next one, so that memory can come meanwhile. */
void bk_seen_prepare(const bk_seen *s, uint64_t hash);
/* The number that came with the text of this hash first, or 0 and the number (> 0) is kept. Numbers
 * beyond 32 bits are kept as the largest of these. */
uint64_t bk_seen_add(bk_seen *s, uint64_t hash, uint64_t number);

#endif
