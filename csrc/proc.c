/*
 * proc.c: see proc.h.
 *
 * That a process has ended is found out by looking, with pauses that grow: no handler for SIGCHLD
 * is ours to install in a host, and no descriptor tells of it everywhere. In the usual case the end
 * of its output comes right before, so the pauses are short then.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_PAUSE_MS = 1,
    LONGEST_PAUSE_MS = 20,
    FIRST_ROOM = 4096,
    ERRORS_AT_ONCE = 1024 * 1024, /* more than a pipe holds: a step ends, whoever goes on writing */
    DESCRIPTORS_CLOSED = 64 * 1024, /* one by one, where the system can't close all at once */
    NOT_RUN = 127                   /* as the shell says it */
};

static double monotonic(void)
{
    struct timespec t = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void close_fd(int *fd)
{
    int old = *fd;
    *fd = -1;
    if (old >= 0)
        (void)close(old);
}

/* ---- the start ---- */

/* Where the host has closed its own 0, 1 or 2, a new descriptor may be one of them, and would be in
 * the way of the child's. */
static int lift(int *fd)
{
    if (*fd > STDERR_FILENO)
        return 0;
    int higher = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int code = higher < 0 ? errno : 0;
    close_fd(fd);
    *fd = higher;
    return code;
}

/* ends[0] is ours, ends[1] the child's. What is open after a failure is the caller's to close. */
static int open_pipe(int ends[2])
{
#ifdef __APPLE__
    int made = pipe(ends);
    for (int i = 0; made == 0 && i < 2; i++)
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
#else
    int made = pipe2(ends, O_CLOEXEC);
#endif
    if (made != 0)
        return errno;
    int code = lift(&ends[0]);
    if (!code)
        code = lift(&ends[1]);
    if (!code && fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
        code = errno;
    return code;
}

/* From here to exec the child is a copy of one thread of its parent: only what a signal handler may
 * call is called. */
static void close_all_above(int last)
{
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0U) == 0)
        return;
#endif
    long most = sysconf(_SC_OPEN_MAX);
    if (most < 0 || most > DESCRIPTORS_CLOSED)
        most = DESCRIPTORS_CLOSED;
    for (int fd = last + 1; fd < most; fd++)
        (void)close(fd);
}

/* The host's handlers must not run in the child once signals are let through, before exec takes
 * them away. An ignored SIGPIPE or SIGCHLD would be inherited, and shells don't expect it. */
static void reset_signals(void)
{
    struct sigaction action, usual;
    memset(&usual, 0, sizeof usual);
    usual.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) {
        if (sigaction(number, NULL, &action) != 0)
            continue;
        int ignored = !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN;
        int handled = (action.sa_flags & SA_SIGINFO) || (action.sa_handler != SIG_DFL && !ignored);
        if (handled || (ignored && (number == SIGPIPE || number == SIGCHLD)))
            (void)sigaction(number, &usual, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_shell(const char *command, const int ends[3], int leads)
{
    if (leads)
        (void)setpgid(0, 0);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (dup2(ends[fd], fd) < 0)
            _exit(NOT_RUN);
    close_all_above(STDERR_FILENO);
    reset_signals();
    execl("/bin/sh", "sh", "-c", "--", command, (char *)NULL);
    _exit(NOT_RUN);
}

/* Gives the child's number, or -1. sigprocmask serves threads too wherever we run, and unlike
 * pthread_sigmask needs no other library than libc. */
static pid_t fork_shell(const char *command, const int ends[3], int leads)
{
    sigset_t all, before;
    sigfillset(&all);
    if (sigprocmask(SIG_SETMASK, &all, &before) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        become_shell(command, ends, leads);
    int code = errno;
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    errno = code;
    return pid;
}

void bk_proc_init(bk_proc *p)
{
    memset(p, 0, sizeof *p);
    p->out = p->err = -1;
    p->status = -1;
}

int bk_proc_start(bk_proc *p, const char *command, double seconds)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, ends[3] = {-1, -1, -1};
    pid_t pid = -1;
    /* A program that asks for a code on the terminal would be stopped in a group of its own: that
     * is a group in the background. */
    int leads = !isatty(STDIN_FILENO);
    int code = open_pipe(out);
    if (!code)
        code = open_pipe(err);
    if (!code) {
        ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        code = ends[0] < 0 ? errno : lift(&ends[0]);
    }
    if (code)
        goto cleanup;
    ends[1] = out[1];
    ends[2] = err[1];
    pid = fork_shell(command, ends, leads);
    if (pid < 0) {
        code = errno;
        goto cleanup;
    }
    if (leads) /* the child does it, too: whoever comes first */
        (void)setpgid(pid, pid);
    p->pid = pid;
    p->leads = leads;
    p->out = out[0];
    p->err = err[0];
    out[0] = err[0] = -1;
    p->deadline = monotonic() + seconds;
    p->pause_ms = FIRST_PAUSE_MS;
cleanup:
    close_fd(&ends[0]);
    close_fd(&out[0]);
    close_fd(&out[1]);
    close_fd(&err[0]);
    close_fd(&err[1]);
    return code;
}

/* ---- what it prints ---- */

/* As read: how many bytes came, 0 at the end or for trouble, -1 when there are none at present. */
static ssize_t read_some(int fd, char *to, size_t room)
{
    ssize_t n;
    do
        n = read(fd, to, room);
    while (n < 0 && errno == EINTR);
    return n >= 0 ? n : errno == EAGAIN || errno == EWOULDBLOCK ? -1 : 0;
}

/* Grows by a copy of its own: realloc would leave secrets behind in a block that it gives back. */
static size_t make_room(bk_buf *b)
{
    if (b->len == b->cap) {
        bk_buf larger = {0};
        if (bk_buf_reserve(&larger, b->cap ? 2 * b->cap : FIRST_ROOM)) {
            bk_buf_add(&larger, b->data, b->len);
            bk_buf_wipe(b);
            bk_buf_free(b);
            *b = larger;
        } else {
            b->failed = 1;
        }
    }
    return b->cap - b->len;
}

static int take_output(bk_proc *p)
{
    bk_buf *b = &p->output;
    int news = 0;
    while (p->out >= 0 && !b->failed && !p->too_large) {
        size_t room = make_room(b);
        if (!room)
            break;
        ssize_t n = read_some(p->out, b->data + b->len, room);
        if (n < 0)
            break;
        news = 1;
        if (n == 0)
            close_fd(&p->out);
        b->len += (size_t)n;
        p->too_large = b->len > BK_PROC_OUTPUT_MOST;
    }
    if (p->too_large)
        b->len = BK_PROC_OUTPUT_MOST;
    return news;
}

static int take_errors(bk_proc *p)
{
    size_t taken = 0;
    int news = 0;
    while (p->err >= 0 && taken < ERRORS_AT_ONCE) {
        if (p->errors_len == sizeof p->errors) {
            p->errors_len = BK_PROC_ERRORS_KEPT;
            memcpy(p->errors, p->errors + BK_PROC_ERRORS_KEPT, BK_PROC_ERRORS_KEPT);
        }
        ssize_t n = read_some(p->err, p->errors + p->errors_len, sizeof p->errors - p->errors_len);
        if (n < 0)
            break;
        news = 1;
        if (n == 0)
            close_fd(&p->err);
        p->errors_len += (size_t)n;
        taken += (size_t)n;
    }
    return news;
}

static int take_all(bk_proc *p)
{
    return take_output(p) | take_errors(p);
}

const char *bk_proc_errors(const bk_proc *p, size_t *len)
{
    *len = p->errors_len < BK_PROC_ERRORS_KEPT ? p->errors_len : BK_PROC_ERRORS_KEPT;
    return p->errors + (p->errors_len - *len);
}

/* ---- the end ---- */

/* Whether it is gone. Where the host ignores SIGCHLD (or this is a fork of the host, whose child it
 * is not), there is nothing to reap, and no status. */
static int reap(bk_proc *p)
{
    int status = 0;
    if (!p->pid)
        return 1;
    pid_t got = waitpid(p->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR))
        return 0;
    if (got > 0 && WIFEXITED(status))
        p->status = WEXITSTATUS(status);
    if (got > 0 && WIFSIGNALED(status))
        p->signal = WTERMSIG(status);
    p->pid = 0;
    return 1;
}

/* Only what has not been reaped is killed: its number can't be another's meanwhile. */
static void kill_and_reap(bk_proc *p)
{
    if (reap(p))
        return;
    if (p->leads)
        (void)kill(-p->pid, SIGKILL);
    /* A program with another user's rights may refuse: it is left alone then. */
    int killed = kill(p->pid, SIGKILL) == 0;
    double end = monotonic() + BK_PROC_REAP_MS / 1000.0;
    for (int pause = FIRST_PAUSE_MS; killed && !reap(p) && monotonic() < end;) {
        (void)poll(NULL, 0, pause);
        pause = pause < LONGEST_PAUSE_MS ? 2 * pause : LONGEST_PAUSE_MS;
    }
    p->pid = 0;
}

static int finish(bk_proc *p)
{
    kill_and_reap(p);
    (void)take_all(p);
    close_fd(&p->out);
    close_fd(&p->err);
    p->over = 1;
    return 1;
}

/* What can be done at once; whether it is over. It is looked for first and read afterwards, so that
 * nothing it printed is missed; a pipe that somebody else holds open is not waited for. */
static int step(bk_proc *p)
{
    int gone = reap(p);
    if (take_all(p))
        p->pause_ms = FIRST_PAUSE_MS;
    if (gone || p->too_large || p->output.failed)
        return finish(p);
    if (monotonic() < p->deadline)
        return 0;
    p->timed_out = 1;
    return finish(p);
}

int bk_proc_wait(bk_proc *p, double seconds)
{
    double start = monotonic();
    double end = seconds > 0 ? start + seconds : start;
    while (!p->over && !step(p)) {
        double now = monotonic();
        if (!(now < end))
            return 0;
        double left = (end < p->deadline ? end : p->deadline) - now;
        int ms = left * 1000 < p->pause_ms ? (left > 0 ? (int)(left * 1000) + 1 : 0) : p->pause_ms;
        struct pollfd ends[2] = {{p->out, POLLIN, 0}, {p->err, POLLIN, 0}};
        int ready = poll(ends, 2, ms);
        if (ready < 0 && errno == EINTR)
            return step(p);
        if (ready == 0 && p->pause_ms < LONGEST_PAUSE_MS)
            p->pause_ms *= 2;
    }
    return 1;
}

void bk_proc_close(bk_proc *p)
{
    kill_and_reap(p);
    close_fd(&p->out);
    close_fd(&p->err);
    bk_buf_wipe(&p->output);
    bk_buf_free(&p->output);
    bk_wipe(p->errors, sizeof p->errors);
    p->errors_len = 0;
    p->over = 1;
}
