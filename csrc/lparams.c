/*
 * lparams.c: whether a parameter is surely right, for the strict walk of ljsonenc.c.
 *
 * Whatever is wrong, and whatever is rare enough to leave it to the check in Lua (a date as text, a
 * document, letters beyond ASCII in the path), is a no.
 */
#include "ljson.h"

#include <math.h>

#define FIRST_SECOND -62167219200.0 /* the years 0 to 9999 */
#define LAST_SECOND 253402300800.0

static int is_printable_ascii(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < 32 || s[i] > 126)
            return 0;
    return 1;
}

static int is_string(lua_State *L, double min, int value, bk_json_place place)
{
    size_t n;
    const char *s = lua_tolstring(L, value, &n);
    if (place == BK_IN_PATH && (n == 0 || (s[0] == '.' && n < 3)))
        return 0;
    if (place != BK_IN_BODY)
        return (double)n >= min && is_printable_ascii(s, n);
    /* A character is one to four bytes. */
    return (double)n >= 4 * min || ((double)n >= min && is_printable_ascii(s, n));
}

int bk_json_is_right(lua_State *L, bk_json_kind kind, double min, int value, bk_json_place place)
{
    int type = lua_type(L, value), is_number = type == LUA_TNUMBER;
    double x = is_number ? lua_tonumber(L, value) : 0;
    switch (kind) {
    case BK_KIND_STRING:
        return is_number ? isfinite(x) : type == LUA_TSTRING && is_string(L, min, value, place);
    case BK_KIND_INTEGER:
        return is_number && floor(x) == x && x >= min && fabs(x) < 9e18;
    case BK_KIND_FLOAT:
        return is_number && !(x < min);
    case BK_KIND_BOOLEAN:
        return type == LUA_TBOOLEAN;
    case BK_KIND_TIME_UNIX:
    case BK_KIND_TIME_ISO:
    case BK_KIND_TIME_HTTP:
        return is_number && x >= FIRST_SECOND && x < LAST_SECOND;
    case BK_KIND_BLOB:
        return type == LUA_TSTRING && (double)bk_rawlen(L, value) >= min;
    default:
        return 0;
    }
}
