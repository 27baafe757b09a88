/*
 * proc.h: runs a shell command and takes what it prints.
 *
 * A process has a time limit, and is over when it has ended and what it printed was read, or when
 * it had to be killed. From then on nothing of the system is held any more. What it printed may be
 * a secret: it is wiped when the process is closed.
 *
 * Functions that give an int give 0 or an errno where nothing else is said.
 */
#ifndef BK_PROC_H
#define BK_PROC_H

#include "buf.h"

#include <sys/types.h>

enum {
    BK_PROC_OUTPUT_MOST = 1024 * 1024, /* a process that prints more is killed */
    BK_PROC_ERRORS_KEPT = 4096,        /* the last bytes on its stderr */
    BK_PROC_REAP_MS = 5000             /* how long a killed one may take to go */
};

typedef struct bk_proc {
    pid_t pid;       /* 0: none that is ours to reap */
    int out, err;    /* our ends of its pipes, or -1 */
    int leads;       /* it leads a process group */
    int pause_ms;    /* until the next look */
    double deadline; /* on the monotonic clock */
    int over;
    int status;    /* its exit status, or -1 */
    int signal;    /* what ended it, or 0 */
    int timed_out; /* killed for that, and so on */
    int too_large;
    bk_buf output; /* `failed` if memory ran out: killed for that, too */
    size_t errors_len;
    char errors[2 * BK_PROC_ERRORS_KEPT];
} bk_proc;

/* A legal process that has not been started. */
void bk_proc_init(bk_proc *p);
/* Runs `/bin/sh -c command` for `seconds` at most. stdin is empty. */
int bk_proc_start(bk_proc *p, const char *command, double seconds);
/* Works for at most `seconds`: whether it is over. Comes back early when a signal was handled. */
int bk_proc_wait(bk_proc *p, double seconds);
/* Lends the last bytes on its stderr. */
const char *bk_proc_errors(const bk_proc *p, size_t *len);
/* Kills what still runs, wipes what it printed, and frees all. Twice does no harm. */
void bk_proc_close(bk_proc *p);

#endif
