/* buf_test.c: the growing buffer: growth, failure that sticks, wiping. */
#include "test.h"

#include "../../csrc/buf.h"

static void test_growth(void)
{
    bk_buf b = {0};
    size_t total = 0;
    int right = 1;
    for (int i = 0; i < 2000; i++) {
        char piece[7];
        memset(piece, 'a' + i % 26, sizeof piece);
        bk_buf_add(&b, piece, (size_t)(i % 8));
        total += (size_t)(i % 8);
    }
    ok(!b.failed && b.len == total && b.cap >= total, "pieces add up");
    size_t at = 0;
    for (int i = 0; i < 2000; i++)
        for (int k = 0; k < i % 8; k++)
            right = right && b.data[at++] == 'a' + i % 26;
    ok(right, "and keep their order");

    char *block = b.data;
    bk_buf_reset(&b);
    bk_buf_adds(&b, "short");
    bk_buf_addchar(&b, '!');
    ok(b.data == block && b.len == 6 && memcmp(b.data, "short!", 6) == 0,
       "a reset keeps the block");
    bk_buf_free(&b);
    ok(!b.data && !b.len && !b.cap, "freeing empties");
    bk_buf_free(&b);
    bk_buf_wipe(&b);
    ok(!b.data, "an empty one may be freed and wiped again");
}

static void test_nothing(void)
{
    bk_buf b = {0};
    bk_buf_add(&b, NULL, 0);
    bk_buf_adds(&b, "");
    ok(!b.data && !b.len && !b.failed, "nothing needs no block");
    char *room = bk_buf_reserve(&b, 0);
    ok(room && !b.len, "room for nothing is a block all the same");
    bk_buf_free(&b);
}

static void test_exact(void)
{
    bk_buf b = {0};
    char *room = bk_buf_reserve(&b, 256);
    memset(room, 'x', 256);
    b.len = 256;
    size_t cap = b.cap;
    bk_buf_addchar(&b, 'y');
    ok(b.len == 257 && b.data[256] == 'y' && b.cap > cap, "a full buffer grows by the next byte");
    bk_buf_free(&b);
}

static void test_failure(void)
{
    bk_buf b = {0};
    bk_buf_adds(&b, "kept");
    ok(!bk_buf_reserve(&b, (size_t)-1) && b.failed, "more than there can be fails");
    ok(b.len == 4 && memcmp(b.data, "kept", 4) == 0, "what was there stays");
    bk_buf_adds(&b, "lost");
    ok(b.len == 4 && b.failed, "later appends do nothing");
    ok(!bk_buf_reserve(&b, 1), "nor is there room for one byte");
    bk_buf_reset(&b);
    bk_buf_adds(&b, "anew");
    ok(!b.failed && b.len == 4 && memcmp(b.data, "anew", 4) == 0, "a reset forgets the failure");
    bk_buf_free(&b);
}

static void test_wipe(void)
{
    bk_buf b = {0};
    bk_buf_adds(&b, "a secret that is longer");
    size_t cap = b.cap;
    bk_buf_reset(&b);
    bk_buf_adds(&b, "short");
    bk_buf_wipe(&b);
    int clean = b.len == 0 && b.cap == cap;
    for (size_t i = 0; i < 23; i++)
        clean = clean && b.data[i] == 0;
    ok(clean, "wiping reaches all that was ever written");
    bk_buf_free(&b);
    char secret[8] = "secret!";
    bk_wipe(secret, sizeof secret);
    ok(!memcmp(secret, "\0\0\0\0\0\0\0\0", 8), "a plain block, too");
    bk_wipe(NULL, 0);
}

int main(void)
{
    test_growth();
    test_nothing();
    test_exact();
    test_failure();
    test_wipe();
    return done();
}
