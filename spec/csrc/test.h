/*
 * test.h: what the C tests share: TAP lines, and input that ends at a forbidden page.
 *
 * A parser that reads one byte too many of such input dies at once, without any tool around it.
 */
#ifndef BK_TEST_H
#define BK_TEST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int test_count;
static int test_failures;

static inline void ok(int good, const char *text)
{
    test_count++;
    test_failures += !good;
    printf("%sok %d - ", good ? "" : "not ", test_count);
    for (; *text; text++) /* one line a test, and no "#", which TAP would read as a directive */
        putchar(*text < 32 || *text > 126 || *text == '#' ? '?' : *text);
    putchar('\n');
}

/* Prints the plan; the value for main to return. */
static inline int done(void)
{
    printf("1..%d\n", test_count);
    return test_failures != 0;
}

/* A copy of n bytes whose last one stands before a page that may not be touched. Never freed: the
 * tests are short. */
static inline char *guarded(const void *bytes, size_t n)
{
    static char *start;
    static size_t room;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t needed = (n / page + 1) * page;
    if (needed > room) {
        start =
            mmap(NULL, needed + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED || mprotect(start + needed, page, PROT_NONE) != 0) {
            printf("Bail out! no memory for guarded input\n");
            exit(1);
        }
        room = needed;
    }
    char *copy = start + room - n;
    if (n)
        memcpy(copy, bytes, n);
    return copy;
}

#endif
