/*
 * cputime.c: the CPU time of whole processes, several commands in turn so that all of them see the
 * same weather.
 *
 *   cputime REPEATS COMMAND [ARG...] -- COMMAND [ARG...] ...
 *
 * Runs the commands one after another, REPEATS rounds of it, and prints a line for each: the median
 * of its CPU time (user and system, from wait4) in microseconds, and the median of its ratios to
 * the first command's time in the same round. Their output is dropped.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_COMMANDS = 8 };

/* CPU microseconds of one run, or a negative number. */
static double run(char **argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        if (null >= 0)
            (void)dup2(null, 1);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status;
    struct rusage u;
    if (pid < 0 || wait4(pid, &status, 0, &u) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        return -1;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    long repeats = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    if (repeats < 1) {
        fprintf(stderr, "usage: cputime REPEATS COMMAND [ARG...] -- COMMAND [ARG...] ...\n");
        return 2;
    }
    char **commands[MAX_COMMANDS];
    int count = 0;
    commands[count++] = argv + 2;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0 && argv[i + 1] && count < MAX_COMMANDS) {
            argv[i] = NULL;
            commands[count++] = argv + i + 1;
        }
    }
    double *times = calloc((size_t)(repeats * count), sizeof *times);
    double *ratios = calloc((size_t)(repeats * count), sizeof *ratios);
    if (!times || !ratios)
        return 1;
    for (long r = 0; r < repeats; r++) {
        for (int c = 0; c < count; c++) {
            double t = run(commands[c]);
            if (t < 0) {
                fprintf(stderr, "cputime: %s failed\n", commands[c][0]);
                return 1;
            }
            times[c * repeats + r] = t;
            ratios[c * repeats + r] = t / times[r];
        }
    }
    for (int c = 0; c < count; c++) {
        double *t = times + c * repeats;
        double *q = ratios + c * repeats;
        qsort(t, (size_t)repeats, sizeof *t, compare);
        qsort(q, (size_t)repeats, sizeof *q, compare);
        printf("%.0f %.4f\n", t[repeats / 2], q[repeats / 2]);
    }
    free(times);
    free(ratios);
    return 0;
}
