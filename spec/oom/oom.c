/*
 * oom.c: every allocation of every entry point gets its turn to fail.
 *
 *     oom CASES.lua
 *
 * The program hosts Lua 5.4 and contains all C modules. The cases (see cases.lua) are Lua
 * functions that call the modules. Each one is run with the n-th allocation failing, for n = 1, 2,
 * 3 ... until it succeeds, in two ways: once with all later allocations failing too (memory is
 * gone), and once with that one alone (the collector may find some; code goes on after a failure).
 * All allocations count: Lua's, our own (the linker leads malloc and its kin here, see the
 * Makefile), cJSON's, OpenSSL's and libcurl's.
 *
 * After each failing run: the outcome is nil and a message, or an error that speaks of memory, or
 * (where only one allocation failed) the same result as ever; and once the Lua state is closed, no
 * block is left. Blocks of OpenSSL and libcurl may be caches that live longer: these are leaks only
 * if the same run, repeated, leaves more of them. No child process and no pipe is left either.
 * Built with AddressSanitizer, which watches what happens in between. Results are TAP.
 */
#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/crypto.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int luaopen_bedrock_core(lua_State *L);
int luaopen_bedrock_curl(lua_State *L);
int luaopen_bedrock_system(lua_State *L);
int luaopen_bedrock_dataset(lua_State *L);

/* ----------------------------------------------------------------------------------------------
 * the allocator */

enum source { FROM_LUA, FROM_US, FROM_CJSON, FROM_OPENSSL, FROM_CURL, SOURCES };
static const char *const source_names[SOURCES] = {"Lua", "our own", "cJSON", "OpenSSL", "libcurl"};

/* Runs that need more allocations than this are a case that is too big to be useful. */
enum { MOST_ALLOCATIONS = 20000 };

/* A cache stops growing after fewer repetitions than this; a leak doesn't. */
enum { CACHE_FILLS = 60 };

static long live[SOURCES]; /* blocks that are allocated now */
static long counter;       /* allocations since armed */
static long fail_at;       /* 0: never */
static int fail_later;     /* all after it fail, too */
static int failures;       /* how many were made to fail */
static pthread_t main_thread;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);

/* libcurl may resolve names on a thread of its own; only the thread that runs Lua takes part. */
static int fails(void)
{
    if (!fail_at || !pthread_equal(pthread_self(), main_thread))
        return 0;
    counter++;
    if (counter == fail_at || (fail_later && counter > fail_at)) {
        failures++;
        return 1;
    }
    return 0;
}

static void *counted(enum source from, void *p)
{
    if (p)
        __atomic_add_fetch(&live[from], 1, __ATOMIC_RELAXED);
    return p;
}

static void *take(enum source from, size_t n)
{
    return fails() ? NULL : counted(from, __real_malloc(n ? n : 1));
}

static void give(enum source from, void *p)
{
    if (p)
        __atomic_sub_fetch(&live[from], 1, __ATOMIC_RELAXED);
    __real_free(p);
}

static void *resize(enum source from, void *p, size_t n)
{
    if (!p)
        return take(from, n);
    return fails() ? NULL : __real_realloc(p, n ? n : 1);
}

static char *copy(enum source from, const char *s, size_t n)
{
    char *p = take(from, n + 1);
    if (p) {
        memcpy(p, s, n);
        p[n] = 0;
    }
    return p;
}

/* Our own objects. What a library gives and we must free() (none does today) would be counted as
 * taken by it. */
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);
void __wrap_free(void *p);

void *__wrap_malloc(size_t n)
{
    return take(FROM_US, n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : counted(FROM_US, __real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    return resize(FROM_US, p, n);
}

char *__wrap_strdup(const char *s)
{
    return copy(FROM_US, s, strlen(s));
}

char *__wrap_strndup(const char *s, size_t n)
{
    return copy(FROM_US, s, strnlen(s, n));
}

void __wrap_free(void *p)
{
    give(FROM_US, p);
}

static void *cjson_malloc(size_t n)
{
    return take(FROM_CJSON, n);
}

static void cjson_free(void *p)
{
    give(FROM_CJSON, p);
}

static void *openssl_malloc(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return take(FROM_OPENSSL, n);
}

static void *openssl_realloc(void *p, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    if (p && !n) {
        give(FROM_OPENSSL, p);
        return NULL;
    }
    return resize(FROM_OPENSSL, p, n);
}

static void openssl_free(void *p, const char *file, int line)
{
    (void)file, (void)line;
    give(FROM_OPENSSL, p);
}

static void *curl_malloc(size_t n)
{
    return take(FROM_CURL, n);
}

static void curl_free_block(void *p)
{
    give(FROM_CURL, p);
}

static void *curl_realloc(void *p, size_t n)
{
    return resize(FROM_CURL, p, n);
}

static char *curl_strdup(const char *s)
{
    return copy(FROM_CURL, s, strlen(s));
}

static void *curl_calloc(size_t n, size_t size)
{
    return fails() ? NULL : counted(FROM_CURL, __real_calloc(n, size));
}

static void *lua_allocator(void *ud, void *p, size_t old, size_t n)
{
    (void)ud, (void)old;
    if (!n) {
        give(FROM_LUA, p);
        return NULL;
    }
    /* Lua relies on it: a block that shrinks never fails. */
    if (p && n <= old)
        return __real_realloc(p, n);
    return resize(FROM_LUA, p, n);
}

/* -------------------------------------------------------------------------------------------------
 * the server */

enum { TLS_HANDSHAKE = 0x16 };
static int server_port;

/* One connection after the other, requests on each until it closes; every answer is the same. */
static void *serve(void *arg)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Amzn-RequestId: 1\r\n"
        "Content-Length: 11\r\n\r\n{\"ok\":true}";
    int listener = *(int *)arg;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            continue;
        char in[8192];
        size_t len = 0;
        ssize_t n;
        while (len < sizeof in - 1 && (n = read(fd, in + len, sizeof in - 1 - len)) > 0) {
            len += (size_t)n;
            in[len] = 0;
            /* A TLS handshake ends here: the client reads what no record begins with. */
            if (in[0] == TLS_HANDSHAKE && write(fd, answer, sizeof answer - 1))
                break;
            char *end = strstr(in, "\r\n\r\n");
            if (!end)
                continue;
            const char *length = strstr(in, "Content-Length: ");
            size_t body = length && length < end ? strtoul(length + 16, NULL, 10) : 0;
            if (len < (size_t)(end - in) + 4 + body)
                continue;
            if (write(fd, answer, sizeof answer - 1) < 0)
                break;
            len = 0;
        }
        close(fd);
    }
    return NULL;
}

static int start_server(void)
{
    static int listener;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    pthread_t thread;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 64) ||
        getsockname(listener, (struct sockaddr *)&at, &size))
        return 0;
    server_port = ntohs(at.sin_port);
    return !pthread_create(&thread, NULL, serve, &listener);
}

/* -----------------------------------------------------------------------------------------------------
 * a run */

enum { OUTCOME_SIZE = 512 };

struct run {
    int allocations; /* how many it made, if none failed */
    int failed;      /* an allocation was made to fail */
    int status;      /* of lua_pcall */
    int nothing;     /* it returned nil (or false) and something */
    char outcome[OUTCOME_SIZE];
};

/*
 * Loads the cases into the state: leaves the table {name, setup} of case `index`, and gives how
 * many there are. The modules are preloaded; `oom_port` is the server's.
 */
static int load_cases(lua_State *L, const char *path, int index)
{
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_bedrock_core);
    lua_setfield(L, -2, "bedrock.core");
    lua_pushcfunction(L, luaopen_bedrock_curl);
    lua_setfield(L, -2, "bedrock.curl");
    lua_pushcfunction(L, luaopen_bedrock_system);
    lua_setfield(L, -2, "bedrock.system");
    lua_pushcfunction(L, luaopen_bedrock_dataset);
    lua_setfield(L, -2, "bedrock.dataset");
    lua_pop(L, 1);
    lua_pushinteger(L, server_port);
    lua_setglobal(L, "oom_port");
    if (luaL_loadfile(L, path) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
        printf("Bail out! %s\n", lua_tostring(L, -1));
        exit(EXIT_FAILURE);
    }
    int count = (int)lua_rawlen(L, -1);
    if (index)
        lua_rawgeti(L, -1, index);
    return count;
}

/* What the case returned or raised, as text that can be compared. */
static void describe(lua_State *L, struct run *r)
{
    size_t len = 0;
    r->outcome[0] = 0;
    for (int i = 1; i <= lua_gettop(L) && len < OUTCOME_SIZE - 1; i++) {
        int n = snprintf(r->outcome + len, OUTCOME_SIZE - len, "%s%s", i > 1 ? ", " : "",
                         luaL_tolstring(L, i, NULL));
        lua_pop(L, 1);
        len += n > 0 ? (size_t)n : 0;
    }
}

static struct run run_case(const char *path, int index, int at, int later)
{
    struct run r = {0};
    lua_State *L = lua_newstate(lua_allocator, NULL);
    load_cases(L, path, index);
    /* What the case prepares isn't part of it. */
    lua_getfield(L, -1, "setup");
    lua_call(L, 0, 1);
    lua_replace(L, 1);
    lua_settop(L, 1);
    lua_gc(L, LUA_GCCOLLECT, 0);

    counter = 0;
    failures = 0;
    fail_later = later;
    fail_at = at ? at : MOST_ALLOCATIONS * 10;
    r.status = lua_pcall(L, 0, LUA_MULTRET, 0);
    fail_at = 0;

    r.allocations = (int)counter;
    r.failed = failures > 0;
    r.nothing = r.status == LUA_OK && lua_gettop(L) >= 2 && !lua_toboolean(L, 1);
    describe(L, &r);
    lua_close(L);
    return r;
}

static void note_live(long *to)
{
    memcpy(to, live, sizeof live);
}

/* The first source that has more blocks than `before`, or -1. */
static int grown(const long *before, enum source from, enum source to)
{
    for (int s = (int)from; s <= (int)to; s++)
        if (live[s] > before[s])
            return s;
    return -1;
}

/* NULL, or what of the operating system is left. Of the descriptors only pipes are counted: sockets
 * are the server's, too, which closes them in its own time. */
static const char *left_over(void)
{
    enum { MOST_FDS = 256 };
    static int pipes_before = -1;
    int pipes = 0;
    struct stat s;
    for (int fd = 0; fd < MOST_FDS; fd++)
        pipes += fstat(fd, &s) == 0 && S_ISFIFO(s.st_mode);
    if (pipes_before < 0)
        pipes_before = pipes;
    if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD)
        return "a child process is left";
    return pipes == pipes_before ? NULL : "a pipe is left";
}

/* -----------------------------------------------------------------------------------------------
 * the sweep */

static int tests;

static void result(int ok, const char *name, const char *mode, int allocations)
{
    printf("%sok %d - %s, %s (of %d)\n", ok ? "" : "not ", ++tests, name, mode, allocations);
}

/* NULL, or what was wrong with it. */
static const char *judge(const struct run *r, const char *usual, int later)
{
    if (r->status != LUA_OK)
        return strstr(r->outcome, "memory") ? NULL : "the error does not speak of memory";
    if (r->nothing)
        return NULL;
    /* A library may do without what it could not have, but may not compute something else. */
    if (!strcmp(r->outcome, usual))
        return NULL;
    return later ? "another result than usual, with no memory at all" : "another result than usual";
}

static void sweep(const char *path, int index, const char *name, int later)
{
    static const char *const modes[] = {"one allocation fails", "all fail from one on"};
    long before[SOURCES];
    char usual[OUTCOME_SIZE];
    char wrong[256] = "";

    /* The first run fills the libraries' caches, the second one tells what is usual. */
    run_case(path, index, 0, 0);
    struct run r = run_case(path, index, 0, 0);
    memcpy(usual, r.outcome, sizeof usual);
    if (r.status != LUA_OK || r.nothing || r.allocations > MOST_ALLOCATIONS) {
        result(0, name, modes[later], r.allocations);
        printf("# without a failure: %s\n", r.outcome);
        return;
    }
    int needed = r.allocations;

    int n = 0;
    do {
        n++;
        note_live(before);
        r = run_case(path, index, n, later);
        const char *what = r.failed ? judge(&r, usual, later) : NULL;
        if (!what)
            what = left_over();
        if (what) {
            snprintf(wrong, sizeof wrong, "%s: %.120s", what, r.outcome);
            break;
        }
        int s = grown(before, FROM_LUA, FROM_CJSON);
        if (s < 0 && grown(before, FROM_OPENSSL, FROM_CURL) >= 0) {
            for (int again = 0; again < CACHE_FILLS; again++) {
                note_live(before);
                run_case(path, index, n, later);
                s = grown(before, FROM_LUA, FROM_CURL);
                if (s < 0)
                    break;
            }
        }
        if (s >= 0) {
            snprintf(wrong, sizeof wrong, "blocks of %s are left: %ld before, %ld after",
                     source_names[s], before[s], live[s]);
            break;
        }
    } while (r.failed && n <= MOST_ALLOCATIONS);

    result(!wrong[0], name, modes[later], needed);
    if (wrong[0])
        printf("# allocation %d of %d: %s\n", n, needed, wrong);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: oom CASES.lua\n");
        return EXIT_FAILURE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    main_thread = pthread_self();
    cJSON_Hooks hooks = {cjson_malloc, cjson_free};
    cJSON_InitHooks(&hooks);
    if (!CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) ||
        curl_global_init_mem(CURL_GLOBAL_ALL, curl_malloc, curl_free_block, curl_realloc,
                             curl_strdup, curl_calloc) != CURLE_OK ||
        !start_server()) {
        printf("Bail out! the libraries' allocators or the server can't be set\n");
        return EXIT_FAILURE;
    }

    (void)left_over(); /* counts the pipes that were there before */
    const char *path = argv[1];
    lua_State *L = luaL_newstate();
    int count = load_cases(L, path, 0);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, i);
        lua_getfield(L, -1, "name");
        const char *name = lua_tostring(L, -1);
        sweep(path, i, name, 1);
        sweep(path, i, name, 0);
        lua_pop(L, 2);
    }
    /* Which functions no case has called: the cases find that out themselves. */
    lua_getfield(L, -1, "uncovered");
    lua_call(L, 0, 1);
    const char *uncovered = lua_tostring(L, -1);
    printf("%sok %d - every function of the modules has a case\n", *uncovered ? "not " : "",
           ++tests);
    if (*uncovered)
        printf("# without a case: %s\n", uncovered);
    lua_close(L);
    printf("1..%d\n", tests);
    return EXIT_SUCCESS;
}
