/* jsonquote.c: see jsonquote.h. */
#include "jsonquote.h"
#include "jsonscan.h"

/* Appends the escape for a quote, a backslash or a control byte. */
static void add_escape(bk_buf *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', 0, 0};
    size_t length = 2;
    switch (byte) {
    case '"':
    case '\\':
        text[1] = (char)byte;
        break;
    case '\b':
        text[1] = 'b';
        break;
    case '\f':
        text[1] = 'f';
        break;
    case '\n':
        text[1] = 'n';
        break;
    case '\r':
        text[1] = 'r';
        break;
    case '\t':
        text[1] = 't';
        break;
    default:
        text[4] = hex[byte >> 4];
        text[5] = hex[byte & 15];
        length = 6;
    }
    bk_buf_add(out, text, length);
}

int bk_json_quote(bk_buf *out, const char *s, size_t n, size_t *bad_at)
{
    const char *p = s, *end = s + n, *from = s; /* from here on nothing is appended yet */
    bk_buf_reserve(out, n + 2);
    bk_buf_addchar(out, '"');
    while ((p = bk_json_plain_run(p, end)) < end) {
        if ((unsigned char)*p >= 0x80) {
            int bad, length = bk_utf8_sequence(p, end, &bad);
            if (length == 0) {
                *bad_at = (size_t)(p - s);
                return 0;
            }
            p += length;
        } else {
            bk_buf_add(out, from, (size_t)(p - from));
            add_escape(out, (unsigned char)*p);
            from = ++p;
        }
    }
    bk_buf_add(out, from, (size_t)(end - from));
    bk_buf_addchar(out, '"');
    return 1;
}
