/* random_test.c: random numbers, whatever the source that gives them. */
#include "test.h"

#include "../../csrc/random.h"

#include <sys/wait.h>
#include <unistd.h>

static int is_uuid4(const char *s)
{
    static const char form[] = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    for (size_t i = 0; i < sizeof form; i++) {
        const char *allowed = form[i] == 'x' ? "0123456789abcdef" : form[i] == 'y' ? "89ab" : NULL;
        if (allowed ? !s[i] || !strchr(allowed, s[i]) : s[i] != form[i])
            return 0;
    }
    return 1;
}

static void test_uuid(bk_random *r)
{
    enum { COUNT = 200 };
    static char all[COUNT][BK_UUID_SIZE + 1];
    int good = 1;
    for (int i = 0; i < COUNT; i++) {
        good = good && bk_random_uuid4(r, all[i]) && is_uuid4(all[i]);
        for (int k = 0; k < i; k++)
            good = good && strcmp(all[i], all[k]) != 0;
    }
    ok(good, "UUIDs have the form of version 4 and differ");
}

static void test_unit(bk_random *r)
{
    double low = 1, high = 0;
    int good = 1;
    for (int i = 0; i < 2000; i++) {
        double x = -1;
        good = good && bk_random_unit(r, &x) && x >= 0 && x < 1;
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    ok(good && low < 0.05 && high > 0.95, "numbers in [0, 1) come near both ends");
}

/* Every byte asked for is written, and none behind it, on either side of the limit between the two
 * sources. */
static void test_sizes(bk_random *r)
{
    unsigned char seen[70], bytes[70];
    int good = 1;
    for (size_t n = 0; n < sizeof bytes; n++) {
        memset(seen, 0, sizeof seen);
        for (int round = 0; round < 20; round++) {
            memset(bytes, 0, sizeof bytes);
            good = good && bk_random_bytes(r, bytes, n);
            for (size_t i = 0; i < sizeof bytes; i++)
                seen[i] |= bytes[i];
        }
        for (size_t i = 0; i < sizeof seen; i++)
            good = good && (i < n) == (seen[i] != 0);
    }
    ok(good, "as many bytes as asked for, no more");
}

/* Parent and children go on from the same memory. */
static void test_fork(bk_random *r)
{
    enum { CHILDREN = 4 };
    static char all[CHILDREN + 1][BK_UUID_SIZE + 1];
    int ends[2], good = pipe(ends) == 0;
    for (int i = 0; i < CHILDREN && good; i++) {
        pid_t child = fork();
        if (child == 0) {
            char text[BK_UUID_SIZE + 1];
            _exit(!bk_random_uuid4(r, text) ||
                  write(ends[1], text, sizeof text) != (ssize_t)sizeof text);
        }
        int status = 1;
        good = child > 0 && waitpid(child, &status, 0) == child && status == 0 &&
               read(ends[0], all[i], sizeof all[i]) == (ssize_t)sizeof all[i];
    }
    good = good && bk_random_uuid4(r, all[CHILDREN]);
    for (int i = 0; i <= CHILDREN; i++)
        for (int k = 0; k < i; k++)
            good = good && strcmp(all[i], all[k]) != 0;
    ok(good, "UUIDs differ after a fork");
}

int main(void)
{
    bk_random r;
    memset(&r, 0, sizeof r);
    test_uuid(&r);
    test_fork(&r);
    test_unit(&r);
    test_sizes(&r);
    r.asked = 1; /* as where OpenSSL's settings have a wish of their own */
    r.direct = 0;
    test_uuid(&r);
    test_fork(&r);
    test_sizes(&r);
    return done();
}
