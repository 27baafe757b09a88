/*
 * lencoding.c: the Lua side of uri, hex, base64, digest, crc32 and random.
 *
 * All functions share one userdata (their first upvalue) with the hasher, the source of random
 * numbers and a scratch buffer, so a call allocates nothing but its result and an error may jump
 * from anywhere. The scratch is wiped after each use: callers encode secrets, too. While a result
 * is pushed, the collector may run a finalizer that encodes something itself; such an inner call
 * finds the scratch taken and uses a buffer of its own.
 */
#include "core.h"

#include "base64.h"
#include "buf.h"
#include "crc32.h"
#include "digest.h"
#include "hex.h"
#include "lbuf.h"
#include "random.h"
#include "uri.h"

#define STATE_TYPE "bedrock.core.encoding"

/* A larger block is given back after the call that needed it. */
enum { SCRATCH_KEPT = 64 * 1024, RANDOM_MOST = 1024 * 1024 };

typedef struct encoding_state {
    bk_hasher hasher;
    bk_random random;
    bk_buf scratch;
    int taken;
    int closed; /* finalizers may still call us while the Lua state closes */
} encoding_state;

static int state_gc(lua_State *L)
{
    encoding_state *st = luaL_checkudata(L, 1, STATE_TYPE);
    st->closed = 1;
    bk_buf_wipe(&st->scratch);
    bk_buf_free(&st->scratch);
    bk_hasher_close(&st->hasher);
    return 0;
}

static encoding_state *get_state(lua_State *L)
{
    encoding_state *st = lua_touserdata(L, lua_upvalueindex(1));
    if (st->closed)
        luaL_error(L, "the Lua state is closing");
    return st;
}

/* Lends an empty buffer. An error leaves the scratch taken, which costs later calls only speed. */
static bk_buf *acquire_scratch(lua_State *L, encoding_state *st)
{
    if (st->taken)
        return bk_pushbuf(L);
    st->taken = 1;
    bk_buf_wipe(&st->scratch);
    return &st->scratch;
}

static void release_scratch(encoding_state *st, bk_buf *b)
{
    bk_buf_wipe(b);
    if (b->cap > SCRATCH_KEPT)
        bk_buf_free(b);
    if (b == &st->scratch)
        st->taken = 0;
}

/* Room for n bytes, counted as written; raises where there is none. */
static char *check_room(lua_State *L, encoding_state *st, bk_buf *b, size_t n)
{
    char *to = bk_buf_reserve(b, n ? n : 1);
    if (!to) {
        release_scratch(st, b);
        luaL_error(L, "not enough memory");
    }
    b->len = n;
    return to;
}

static int push_result(lua_State *L, encoding_state *st, bk_buf *b)
{
    bk_pushbufresult(L, b);
    release_scratch(st, b);
    return 1;
}

static int push_refusal(lua_State *L, encoding_state *st, bk_buf *b, const char *message)
{
    release_scratch(st, b);
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
}

static int encode_uri(lua_State *L)
{
    encoding_state *st = get_state(L);
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    bk_buf *b = acquire_scratch(L, st);
    bk_uri_encode(b, s, n, lua_toboolean(L, 2));
    return push_result(L, st, b);
}

static int decode_uri(lua_State *L)
{
    encoding_state *st = get_state(L);
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    bk_buf *b = acquire_scratch(L, st);
    bk_uri_decode(b, s, n);
    return push_result(L, st, b);
}

static int encode_hex(lua_State *L)
{
    encoding_state *st = get_state(L);
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    if (n > (size_t)-1 / 2)
        return luaL_error(L, "not enough memory");
    bk_buf *b = acquire_scratch(L, st);
    bk_hex(check_room(L, st, b, 2 * n), s, n);
    return push_result(L, st, b);
}

static int decode_hex(lua_State *L)
{
    encoding_state *st = get_state(L);
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    bk_buf *b = acquire_scratch(L, st);
    if (bk_unhex(check_room(L, st, b, n / 2), s, n))
        return push_result(L, st, b);
    return push_refusal(L, st, b,
                        "not hexadecimal: an even number of digits 0-9 and a-f is expected");
}

static int encode_base64(lua_State *L)
{
    encoding_state *st = get_state(L);
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    size_t size = bk_base64_encoded_size(n);
    if (n && !size)
        return luaL_error(L, "not enough memory");
    bk_buf *b = acquire_scratch(L, st);
    bk_base64_encode(check_room(L, st, b, size), s, n);
    return push_result(L, st, b);
}

static int decode_base64(lua_State *L)
{
    encoding_state *st = get_state(L);
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    bk_buf *b = acquire_scratch(L, st);
    char *to = check_room(L, st, b, bk_base64_decoded_room(n));
    if (bk_base64_decode(to, &b->len, s, n))
        return push_result(L, st, b);
    return push_refusal(L, st, b, "not base64 in the standard alphabet");
}

static int push_digest(lua_State *L, int ok, unsigned char *digest, size_t n)
{
    if (!ok)
        return luaL_error(
            L,
            "OpenSSL cannot compute this digest: out of memory, or switched off in its settings");
    lua_pushlstring(L, (const char *)digest, n);
    bk_wipe(digest, n);
    return 1;
}

static int sha256(lua_State *L)
{
    encoding_state *st = get_state(L);
    unsigned char out[BK_SHA256_SIZE];
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    return push_digest(L, bk_sha256(&st->hasher, s, n, out), out, sizeof out);
}

static int hmac_sha256(lua_State *L)
{
    encoding_state *st = get_state(L);
    unsigned char out[BK_SHA256_SIZE];
    size_t key_len, n;
    const char *key = luaL_checklstring(L, 1, &key_len);
    const char *s = luaL_checklstring(L, 2, &n);
    int ok = bk_hmac_sha256(&st->hasher, key, key_len, s, n, out);
    return push_digest(L, ok, out, sizeof out);
}

static int sha1(lua_State *L)
{
    unsigned char out[20];
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    return push_digest(L, bk_sha1(s, n, out), out, sizeof out);
}

static int md5(lua_State *L)
{
    unsigned char out[16];
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    return push_digest(L, bk_md5(s, n, out), out, sizeof out);
}

/* A number that fits 53 bits, as an integer where Lua has them. */
static void push_whole(lua_State *L, uint32_t value)
{
#if BK_HAS_INTEGER
    lua_pushinteger(L, (lua_Integer)value);
#else
    lua_pushnumber(L, (lua_Number)value);
#endif
}

static int crc32(lua_State *L)
{
    size_t n;
    const char *s = luaL_checklstring(L, 1, &n);
    lua_Number seed = luaL_optnumber(L, 2, 0);
    luaL_argcheck(L, seed >= 0 && seed <= 4294967295.0, 2, "a CRC has 32 bits");
    push_whole(L, bk_crc32((uint32_t)seed, s, n));
    return 1;
}

static int no_random(lua_State *L)
{
    return luaL_error(L,
                      "OpenSSL has no random numbers to give: out of memory, or no source of them");
}

static int uuid4(lua_State *L)
{
    encoding_state *st = get_state(L);
    char text[BK_UUID_SIZE + 1];
    if (!bk_random_uuid4(&st->random, text))
        return no_random(L);
    lua_pushlstring(L, text, BK_UUID_SIZE);
    return 1;
}

static int random_unit(lua_State *L)
{
    encoding_state *st = get_state(L);
    double value;
    if (!bk_random_unit(&st->random, &value))
        return no_random(L);
    lua_pushnumber(L, value);
    return 1;
}

static int random_bytes(lua_State *L)
{
    encoding_state *st = get_state(L);
    lua_Number n = luaL_checknumber(L, 1);
    luaL_argcheck(L, n >= 0 && n <= RANDOM_MOST, 1, "between 0 and 1048576 bytes are given");
    size_t size = (size_t)n;
    bk_buf *b = acquire_scratch(L, st);
    if (bk_random_bytes(&st->random, check_room(L, st, b, size), size))
        return push_result(L, st, b);
    release_scratch(st, b);
    return no_random(L);
}

static const luaL_Reg functions[] = {
    {"uri_encode", encode_uri},
    {"uri_decode", decode_uri},
    {"hex", encode_hex},
    {"unhex", decode_hex},
    {"base64_encode", encode_base64},
    {"base64_decode", decode_base64},
    {"sha256", sha256},
    {"hmac_sha256", hmac_sha256},
    {"sha1", sha1},
    {"md5", md5},
    {"crc32", crc32},
    {"uuid4", uuid4},
    {"random", random_unit},
    {"random_bytes", random_bytes},
    {NULL, NULL},
};

void bk_open_encoding(lua_State *L)
{
    encoding_state *st = bk_newuserdata(L, sizeof *st);
    memset(st, 0, sizeof *st);
    bk_newmetatable(L, STATE_TYPE);
    lua_pushcfunction(L, state_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    bk_setfuncs(L, functions, 1);
}
