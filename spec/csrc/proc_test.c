/*
 * proc_test.c: commands and how they end.
 *
 * On Linux, what a command has left behind can become a child of this program, so that its end can
 * be waited for. Limits of time are set once the command is known to be so far, since a machine may
 * be slow.
 */
#include "test.h"

#include "../../csrc/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum { LONG = 60, FDS = 256 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_fds(void)
{
    int n = 0;
    for (int fd = 0; fd < FDS; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/* Runs it to its end. */
static void run(bk_proc *p, const char *command)
{
    bk_proc_init(p);
    if (bk_proc_start(p, command, LONG) == 0)
        while (!bk_proc_wait(p, LONG))
            continue;
}

/* Starts it and waits until it has printed something. */
static void run_until_output(bk_proc *p, const char *command)
{
    bk_proc_init(p);
    if (bk_proc_start(p, command, LONG) == 0)
        while (!p->over && p->output.len == 0)
            bk_proc_wait(p, 0.01);
}

static int printed(const bk_proc *p, const char *text)
{
    return p->output.len == strlen(text) && memcmp(p->output.data, text, p->output.len) == 0;
}

static int complained(const bk_proc *p, const char *text)
{
    size_t len;
    const char *errors = bk_proc_errors(p, &len);
    return len == strlen(text) && memcmp(errors, text, len) == 0;
}

/* The number of a process that the command has printed. */
static pid_t printed_pid(const bk_proc *p)
{
    char text[32] = "";
    if (p->output.len && p->output.len < sizeof text)
        memcpy(text, p->output.data, p->output.len);
    return (pid_t)atol(text);
}

static void adopt(int on)
{
#ifdef PR_SET_CHILD_SUBREAPER
    (void)prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0);
#else
    (void)on;
#endif
}

/* Whether a grandchild comes to an end. */
static int ends(pid_t pid)
{
    double end = now() + LONG / 2;
    while (pid > 0 && now() < end) {
        if (waitpid(pid, NULL, WNOHANG) == pid || (kill(pid, 0) != 0 && errno == ESRCH))
            return 1;
        usleep(1000);
    }
    return 0;
}

static int no_child(void)
{
    return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

static void test_ends(void)
{
    static const struct {
        const char *command, *out, *err;
        int status, signal;
    } rows[] = {
        {"printf out; printf err >&2; exit 3", "out", "err", 3, 0},
        {"true", "", "", 0, 0},
        {"echo a | tr a b; exit 255", "b\n", "", 255, 0},
        {"cat; echo end", "end\n", "", 0, 0},
        {"kill -TERM $$", "", "", -1, SIGTERM},
        {"kill -PIPE $$", "", "", -1, SIGPIPE},
        {"exec >&-; exec 2>&-; sleep 0.02; exit 4", "", "", 4, 0},
        {"printf '\\000\\377\\000'", "\0", "", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bk_proc p;
        run(&p, rows[i].command);
        int good = p.over && p.status == rows[i].status && p.signal == rows[i].signal &&
                   !p.timed_out && !p.too_large && complained(&p, rows[i].err);
        if (rows[i].out[0] || i != sizeof rows / sizeof *rows - 1)
            good = good && printed(&p, rows[i].out);
        else
            good = good && p.output.len == 3 && memcmp(p.output.data, "\0\377\0", 3) == 0;
        ok(good && p.pid == 0 && p.out == -1 && p.err == -1, rows[i].command);
        bk_proc_close(&p);
    }
    bk_proc p;
    run(&p, "-x 2>/dev/null");
    ok(p.status == 127, "a command may begin with a dash");
    bk_proc_close(&p);
    ok(no_child(), "none of them is left as a zombie");
}

static void test_output(void)
{
    bk_proc p;
    run(&p, "i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo line $i; done");
    int good = p.status == 0;
    size_t at = 0;
    for (int i = 1; i <= 3000 && good; i++) {
        char line[32];
        size_t n = (size_t)sprintf(line, "line %d\n", i);
        good = at + n <= p.output.len && memcmp(p.output.data + at, line, n) == 0;
        at += n;
    }
    ok(good && at == p.output.len, "long output keeps its order");
    bk_proc_close(&p);

    run(&p, "head -c 1048576 /dev/zero");
    ok(p.status == 0 && !p.too_large && p.output.len == BK_PROC_OUTPUT_MOST,
       "as much output as may be");
    bk_proc_close(&p);
    run(&p, "head -c 1048577 /dev/zero; sleep 60");
    ok(p.too_large && p.over && p.status == -1 && p.output.len == BK_PROC_OUTPUT_MOST,
       "one byte more ends it");
    bk_proc_close(&p);
    run(&p, "cat /dev/zero");
    ok(p.too_large && p.over, "output without an end does");
    bk_proc_close(&p);

    size_t len;
    run(&p, "head -c 20000 /dev/zero >&2; printf 'the end' >&2; exit 1");
    const char *errors = bk_proc_errors(&p, &len);
    ok(p.status == 1 && len == BK_PROC_ERRORS_KEPT && memcmp(errors + len - 8, "\0the end", 8) == 0,
       "the end of long errors is kept");
    bk_proc_close(&p);
    run(&p, "head -c 4097 /dev/zero | tr '\\000' e >&2");
    errors = bk_proc_errors(&p, &len);
    ok(len == BK_PROC_ERRORS_KEPT && errors[0] == 'e', "and no more than that");
    bk_proc_close(&p);

    run_until_output(&p, "echo; exec cat /dev/zero >&2");
    p.deadline = 0;
    ok(bk_proc_wait(&p, LONG) && p.timed_out, "errors without an end don't keep it from ending");
    bk_proc_close(&p);
}

static void test_waiting(void)
{
    bk_proc p;
    bk_proc_init(&p);
    int good = bk_proc_start(&p, "sleep 60", LONG) == 0;
    double start = now();
    good = good && !bk_proc_wait(&p, 0) && !bk_proc_wait(&p, -1) && !bk_proc_wait(&p, 0.03);
    ok(good && now() - start >= 0.03, "waits as long as it is told to");
    pid_t pid = p.pid;
    bk_proc_close(&p);
    ok(pid > 0 && kill(pid, 0) == -1 && errno == ESRCH && no_child(), "closing kills it");
    bk_proc_close(&p);
    bk_proc_init(&p);
    bk_proc_close(&p);
    ok(p.over, "closing twice, or what was never started, does no harm");

    bk_proc_init(&p);
    good = bk_proc_start(&p, "true", 0) == 0;
    ok(good && bk_proc_wait(&p, LONG) && p.pid == 0, "no time at all is a limit, too");
    bk_proc_close(&p);
}

static void handle(int number)
{
    (void)number;
}

static void test_interrupted(void)
{
    struct sigaction action, before;
    struct itimerval timer = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};
    bk_proc p;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &timer, NULL);
    bk_proc_init(&p);
    double start = now();
    int good = bk_proc_start(&p, "sleep 60", LONG) == 0 && !bk_proc_wait(&p, LONG / 2);
    ok(good && now() - start < LONG / 2, "a signal ends the wait");
    bk_proc_close(&p);
    /* A timer isn't inherited; a handler is, until exec. */
    run(&p, "echo fine");
    ok(p.status == 0 && printed(&p, "fine\n"), "signals don't disturb what is read");
    bk_proc_close(&p);
    setitimer(ITIMER_REAL, &off, NULL);
    sigaction(SIGALRM, &before, NULL);
}

static void test_tree(void)
{
    bk_proc p;
    adopt(1);
    run_until_output(&p, "sleep 60 & echo $!; wait");
    pid_t pid = printed_pid(&p);
    p.deadline = 0;
    int good = bk_proc_wait(&p, LONG) && p.timed_out && p.signal == SIGKILL && p.status == -1;
    ok(good && ends(pid), "the time limit ends what it started, too");
    bk_proc_close(&p);

    run_until_output(&p, "sleep 60 & echo $!; wait");
    pid = printed_pid(&p);
    bk_proc_close(&p);
    ok(ends(pid) && no_child(), "so does closing");

    double start = now();
    run(&p, "sleep 60 & echo $!; exit 5");
    pid = printed_pid(&p);
    ok(p.status == 5 && pid > 0 && now() - start < LONG / 2,
       "what goes on in the background and holds the pipes is not waited for");
    ok(pid > 0 && kill(pid, SIGKILL) == 0 && ends(pid), "and is left alone");
    bk_proc_close(&p);
    adopt(0);
}

/* What the child inherits, whatever this program has done to itself. */
static void test_child(void)
{
    bk_proc p;
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &before);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    run(&p, "kill -TERM $$; echo blocked");
    ok(p.signal == SIGTERM, "signals are not blocked in it");
    bk_proc_close(&p);
    run(&p, "kill -PIPE $$; echo ignored");
    ok(p.signal == SIGPIPE, "SIGPIPE is not ignored in it");
    bk_proc_close(&p);
    signal(SIGPIPE, handler);
    sigprocmask(SIG_SETMASK, &before, NULL);

    int one = dup(STDIN_FILENO), other = fcntl(STDIN_FILENO, F_DUPFD, 100);
    run(&p, "ls /proc/$$/fd; true");
    ok(one >= 0 && other >= 0 && (printed(&p, "0\n1\n2\n") || p.errors_len),
       "it sees none of our descriptors");
    bk_proc_close(&p);
    close(one);
    close(other);

    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        for (int fd = 0; fd <= STDERR_FILENO; fd++)
            close(fd);
        int others = open_fds();
        run(&p, "cat; echo out; echo err >&2; exit 7");
        int good = p.status == 7 && printed(&p, "out\n") && complained(&p, "err\n");
        bk_proc_close(&p);
        _exit(!good || open_fds() != others);
    }
    int status = 1;
    ok(child > 0 && waitpid(child, &status, 0) == child && status == 0,
       "works where 0, 1 and 2 are closed");
}

static void test_foreign(void)
{
    bk_proc p;
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    action.sa_handler = SIG_IGN;
    sigaction(SIGCHLD, &action, &before);
    run(&p, "false; echo out; exit 3");
    ok(p.over && p.status == -1 && p.signal == 0 && printed(&p, "out\n"),
       "no status where SIGCHLD is ignored");
    bk_proc_close(&p);
    sigaction(SIGCHLD, &before, NULL);

    bk_proc_init(&p);
    int good = bk_proc_start(&p, "sleep 60", LONG) == 0, status = 1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        bk_proc_close(&p);
        _exit(0);
    }
    good = good && child > 0 && waitpid(child, &status, 0) == child && status == 0;
    ok(good && p.pid > 0 && waitpid(p.pid, NULL, WNOHANG) == 0,
       "a fork of the host that closes its copy ends nothing");
    bk_proc_close(&p);
}

static void test_groups(void)
{
    int pair[2], before = dup(STDIN_FILENO);
    bk_proc p;
    if (pipe(pair) == 0)
        dup2(pair[0], STDIN_FILENO);
    run_until_output(&p, "echo; sleep 60");
    ok(p.pid > 0 && getpgid(p.pid) == p.pid, "it has a group of its own");
    bk_proc_close(&p);
    close(pair[0]);
    close(pair[1]);

    int terminal = posix_openpt(O_RDWR | O_NOCTTY), other = -1;
    if (terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0)
        other = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    if (other >= 0) {
        dup2(other, STDIN_FILENO);
        /* Nothing but the shell itself would be killed then. */
        run_until_output(&p, "echo; exec sleep 60");
        ok(p.pid > 0 && getpgid(p.pid) == getpgrp(), "but not where stdin is a terminal");
        bk_proc_close(&p);
        close(other);
    } else {
        ok(1, "no terminal can be made here");
    }
    close(terminal);
    dup2(before, STDIN_FILENO);
    close(before);
}

/* With ever more of them: first it can't be started, then it works. */
static void test_descriptors(void)
{
    struct rlimit limit, low;
    getrlimit(RLIMIT_NOFILE, &limit);
    int before = open_fds(), good = 1, refused = 0, worked = 0;
    for (int most = STDERR_FILENO + 1; worked < 3 && most < FDS; most++) {
        bk_proc p;
        low = limit;
        low.rlim_cur = (rlim_t)most;
        setrlimit(RLIMIT_NOFILE, &low);
        bk_proc_init(&p);
        int code = bk_proc_start(&p, "echo x", LONG);
        setrlimit(RLIMIT_NOFILE, &limit);
        good = good && (code == 0 || (code == EMFILE && !worked && p.pid == 0));
        good = good && open_fds() == before + (code == 0 ? 2 : 0);
        refused += code == EMFILE;
        if (code == 0)
            worked += bk_proc_wait(&p, LONG) && printed(&p, "x\n");
        good = good && open_fds() == before;
        bk_proc_close(&p);
    }
    ok(good && refused >= 5 && worked == 3, "none is left where there are too few");
}

int main(void)
{
    int before = open_fds();
    test_ends();
    test_output();
    test_waiting();
    test_interrupted();
    test_tree();
    test_child();
    test_foreign();
    test_groups();
    test_descriptors();
    ok(open_fds() == before, "no descriptor is left after all that");
    return done();
}
