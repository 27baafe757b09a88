/* base64.c: see base64.h. */
#include "base64.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of each character plus one, so that 0 says "none". */
static const unsigned char VALUE[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
};

size_t bk_base64_encoded_size(size_t n)
{
    return n > (size_t)-1 / 2 ? 0 : (n + 2) / 3 * 4;
}

void bk_base64_encode(char *out, const void *bytes, size_t n)
{
    const unsigned char *from = bytes;
    for (; n >= 3; n -= 3, from += 3) {
        *out++ = ALPHABET[from[0] >> 2];
        *out++ = ALPHABET[(from[0] & 3) << 4 | from[1] >> 4];
        *out++ = ALPHABET[(from[1] & 15) << 2 | from[2] >> 6];
        *out++ = ALPHABET[from[2] & 63];
    }
    if (!n)
        return;
    int second = n == 2 ? from[1] : 0;
    *out++ = ALPHABET[from[0] >> 2];
    *out++ = ALPHABET[(from[0] & 3) << 4 | second >> 4];
    *out++ = n == 2 ? ALPHABET[(second & 15) << 2] : '=';
    *out = '=';
}

size_t bk_base64_decoded_room(size_t n)
{
    return n / 4 * 3 + 3;
}

int bk_base64_decode(void *out, size_t *out_len, const char *s, size_t n)
{
    unsigned char *to = out;
    if (n && n % 4 == 0 && s[n - 1] == '=')
        n -= s[n - 2] == '=' ? 2 : 1;
    size_t i = 0;
    for (; n - i >= 4; i += 4) {
        int a = VALUE[(unsigned char)s[i]], b = VALUE[(unsigned char)s[i + 1]];
        int c = VALUE[(unsigned char)s[i + 2]], d = VALUE[(unsigned char)s[i + 3]];
        if (!a || !b || !c || !d)
            return 0;
        unsigned v = (unsigned)(a - 1) << 18 | (unsigned)(b - 1) << 12 | (unsigned)(c - 1) << 6 |
                     (unsigned)(d - 1);
        *to++ = (unsigned char)(v >> 16);
        *to++ = (unsigned char)(v >> 8);
        *to++ = (unsigned char)v;
    }
    size_t rest = n - i;
    if (rest == 1)
        return 0;
    if (rest) {
        int a = VALUE[(unsigned char)s[i]], b = VALUE[(unsigned char)s[i + 1]];
        int c = rest == 3 ? VALUE[(unsigned char)s[i + 2]] : 1;
        if (!a || !b || !c)
            return 0;
        unsigned v = (unsigned)(a - 1) << 18 | (unsigned)(b - 1) << 12 | (unsigned)(c - 1) << 6;
        if (rest == 2 ? v & 0xFFFF : v & 0xFF)
            return 0;
        *to++ = (unsigned char)(v >> 16);
        if (rest == 3)
            *to++ = (unsigned char)(v >> 8);
    }
    *out_len = (size_t)(to - (unsigned char *)out);
    return 1;
}
