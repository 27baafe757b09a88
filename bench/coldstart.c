/*
 * coldstart.c: what whole processes cost, several commands in turn so that all of them see the same
 * weather.
 *
 *   coldstart REPEATS COMMAND [ARG...] -- COMMAND [ARG...] ...
 *
 * Runs the commands one after another, REPEATS rounds of it, and prints a line for each: the
 * medians of wall time and CPU time (user and system) in microseconds and of peak memory in KB, and
 * the medians of their ratios to the first command in the same round. Their output is dropped.
 *
 * The kernel counts into the peak of a process what it held before exec, which is a copy of this
 * program: it has to be, and is, smaller than all that it measures.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_COMMANDS = 8, WALL = 0, CPU, MEMORY, FIGURES };

static double seconds_us(struct timeval t)
{
    return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

static double wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Gives 0 where the command ended well. */
static int run(char **argv, double figures[FIGURES])
{
    double started = wall_us();
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
        return 1;
    figures[WALL] = wall_us() - started;
    figures[CPU] = seconds_us(u.ru_utime) + seconds_us(u.ru_stime);
    figures[MEMORY] = (double)u.ru_maxrss;
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *list, long n)
{
    qsort(list, (size_t)n, sizeof *list, compare);
    return list[n / 2];
}

int main(int argc, char **argv)
{
    long repeats = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
    if (repeats < 1) {
        fprintf(stderr, "usage: coldstart REPEATS COMMAND [ARG...] -- COMMAND [ARG...] ...\n");
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
    /* A list of `repeats` for each command and figure. */
    double *values = calloc((size_t)(repeats * count * FIGURES), sizeof *values);
    double *ratios = calloc((size_t)(repeats * count * FIGURES), sizeof *ratios);
    if (!values || !ratios)
        return 1;
    for (long r = 0; r < repeats; r++) {
        double first[FIGURES], figures[FIGURES];
        for (int c = 0; c < count; c++) {
            if (run(commands[c], figures)) {
                fprintf(stderr, "coldstart: %s failed\n", commands[c][0]);
                return 1;
            }
            for (int f = 0; f < FIGURES; f++) {
                if (c == 0)
                    first[f] = figures[f];
                values[(c * FIGURES + f) * repeats + r] = figures[f];
                ratios[(c * FIGURES + f) * repeats + r] = figures[f] / first[f];
            }
        }
    }
    for (int c = 0; c < count; c++) {
        for (int f = 0; f < FIGURES; f++) {
            long at = (c * FIGURES + f) * repeats;
            printf("%.0f %.4f%s", median(values + at, repeats), median(ratios + at, repeats),
                   f + 1 < FIGURES ? " " : "\n");
        }
    }
    free(values);
    free(ratios);
    return 0;
}
