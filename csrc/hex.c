/* hex.c: see hex.h. */
#include "hex.h"

void bk_hex(char *out, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[from[i] >> 4];
        *out++ = digits[from[i] & 15];
    }
}

int bk_hex_value(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int bk_unhex(void *out, const char *s, size_t n)
{
    unsigned char *to = out;
    if (n % 2)
        return 0;
    for (size_t i = 0; i < n; i += 2) {
        int high = bk_hex_value((unsigned char)s[i]);
        int low = bk_hex_value((unsigned char)s[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        *to++ = (unsigned char)(high << 4 | low);
    }
    return 1;
}
