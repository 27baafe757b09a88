/* crc32.h: the CRC-32 of zlib, Ethernet and AWS event streams (polynomial 0xEDB88320). */
#ifndef BK_CRC32_H
#define BK_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* `seed` is 0, or what an earlier call gave for the bytes before these. */
uint32_t bk_crc32(uint32_t seed, const void *bytes, size_t n);

#endif
