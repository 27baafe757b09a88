/* sigv4check.c: what signing refuses, and in which words. See sigv4parts.h. */
#include "sigv4parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int bk_sigv4_fail(bk_sigv4 *s, const char *what, const char *problem)
{
    snprintf(s->message, sizeof s->message, "%s %s", what, problem);
    return 0;
}

int bk_sigv4_fail_memory(bk_sigv4 *s)
{
    snprintf(s->message, sizeof s->message, "not enough memory");
    return 0;
}

int bk_sigv4_fail_openssl(bk_sigv4 *s)
{
    snprintf(s->message, sizeof s->message,
             "OpenSSL cannot compute SHA-256: out of memory, or switched off in its settings");
    return 0;
}

/* What can't be printed shows as "?". */
int bk_sigv4_fail_header(bk_sigv4 *s, bk_slice name, const char *problem)
{
    char shown[41];
    size_t n = name.n < sizeof shown ? name.n : sizeof shown - 1;
    for (size_t i = 0; i < n; i++)
        shown[i] = (char)(name.p[i] >= 32 && name.p[i] < 127 ? name.p[i] : '?');
    shown[n] = '\0';
    snprintf(s->message, sizeof s->message, "header \"%s\" %s", shown, problem);
    return 0;
}

int bk_sigv4_has_line_break(bk_slice s)
{
    return s.n && (memchr(s.p, '\n', s.n) || memchr(s.p, '\r', s.n) || memchr(s.p, '\0', s.n));
}

/* tchar of RFC 7230: what methods and header names are made of. */
int bk_sigv4_is_token(bk_slice s)
{
    static const unsigned char other[128] = {
        ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1,
        ['-'] = 1, ['.'] = 1, ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1,  ['~'] = 1,
    };
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        int alnum = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (c > 127 || !(alnum || other[c]))
            return 0;
    }
    return s.n > 0;
}

/* A part of the credential scope: it stands between slashes, before a comma, in a header. */
static int check_scope_part(bk_sigv4 *s, const char *what, bk_slice part)
{
    if (!part.n)
        return bk_sigv4_fail(s, what, "is missing");
    for (size_t i = 0; i < part.n; i++) {
        unsigned char c = (unsigned char)part.p[i];
        if (c <= 32 || c >= 127 || c == '/' || c == ',')
            return bk_sigv4_fail(s, what,
                                 "must be printable ASCII without blanks, commas and slashes");
    }
    return 1;
}

int bk_sigv4_check_options(bk_sigv4 *s, const bk_sigv4_options *o)
{
    if (!check_scope_part(s, "access_key_id", o->access_key_id))
        return 0;
    if (!o->secret_access_key.n)
        return bk_sigv4_fail(s, "secret_access_key", "is missing");
    if (bk_sigv4_has_line_break(o->secret_access_key))
        return bk_sigv4_fail(s, "secret_access_key", "must not contain NUL, CR or LF");
    if (bk_sigv4_has_line_break(o->session_token))
        return bk_sigv4_fail(s, "session_token", "must not contain NUL, CR or LF");
    if (!check_scope_part(s, "region", o->region) || !check_scope_part(s, "service", o->service))
        return 0;
    if (o->presign && !(o->expires >= 1 && o->expires <= BK_SIGV4_EXPIRES_MOST &&
                        floor(o->expires) >= o->expires))
        return bk_sigv4_fail(s, "expires", "must be a whole number of seconds from 1 to 604800");
    return 1;
}
