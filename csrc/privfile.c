/* privfile.c: see privfile.h. */
#include "privfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef PATH_MAX
enum { PATH_ROOM = PATH_MAX };
#else
enum { PATH_ROOM = 4096 };
#endif

/* How many bytes of the path name its folder, the slash included. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Follows links from the path to the file, which need not be there. realpath would follow those of
 * the folders, too, and stop at a link that leads to nothing. */
static int follow_links(const char *path, char file[PATH_ROOM])
{
    char target[PATH_ROOM], next[PATH_ROOM];
    if (strlen(path) >= PATH_ROOM)
        return ENAMETOOLONG;
    memcpy(file, path, strlen(path) + 1);
    for (int i = 0; i <= BK_PRIVFILE_LINKS; i++) {
        ssize_t n = readlink(file, target, sizeof target);
        if (n < 0)
            return errno == EINVAL || errno == ENOENT ? 0 : errno;
        size_t folder = n > 0 && target[0] == '/' ? 0 : folder_length(file);
        if (folder + (size_t)n >= PATH_ROOM)
            return ENAMETOOLONG;
        memcpy(next, file, folder);
        memcpy(next + folder, target, (size_t)n);
        next[folder + (size_t)n] = '\0';
        memcpy(file, next, folder + (size_t)n + 1);
    }
    return ELOOP;
}

/* Makes a file that was not there, in the folder of the other one: elsewhere a rename could not
 * replace it. The name is no secret; O_EXCL sees to it that nobody has put a link there. */
static int open_beside(const char *file, mode_t mode, char name[PATH_ROOM], int *fd)
{
    int folder = (int)folder_length(file);
    for (int i = 0; i < BK_PRIVFILE_TRIES; i++) {
        struct timespec t = {0, 0};
        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        int n = snprintf(name, PATH_ROOM, "%.*s.bedrock-%ld-%09ld%d", folder, file, (long)getpid(),
                         t.tv_nsec, i);
        if (n < 0 || n >= PATH_ROOM)
            return ENAMETOOLONG;
        *fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (*fd >= 0)
            return 0;
        if (errno != EEXIST && errno != EINTR)
            return errno;
    }
    return EEXIST;
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);
        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            bytes += written;
            n -= (size_t)written;
        }
    }
    return 0;
}

/* Before the rename: after a crash some file systems would have the new name with no text yet. */
static int sync_file(int fd)
{
    int done;
    do
        done = fsync(fd);
    while (done != 0 && errno == EINTR);
    return done != 0 && errno != EINVAL ? errno
                                        : 0; /* EINVAL: a file system that has no such thing */
}

/* A device or a pipe: to put a file in its place would take it from all others who use it. */
static int is_special(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int write_into(const char *path, const void *text, size_t n)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno;
    int code = write_all(fd, text, n);
    if (close(fd) != 0 && !code && errno != EINTR)
        code = errno;
    return code;
}

static int replace(const char *path, const void *text, size_t n, int only_new, int is_private)
{
    char file[PATH_ROOM], name[PATH_ROOM];
    struct stat old;
    int fd = -1, made = 0;
    if (is_special(path))
        return only_new ? EEXIST : write_into(path, text, n);
    int code = *path ? follow_links(path, file) : ENOENT;
    if (code)
        goto cleanup;
    code = open_beside(file, is_private ? 0600 : 0666, name, &fd);
    if (code)
        goto cleanup;
    made = 1;
    if (!is_private && stat(file, &old) == 0 && fchmod(fd, old.st_mode & 0777) != 0)
        code = errno;
    if (!code)
        code = write_all(fd, text, n);
    if (!code)
        code = sync_file(fd);
    if (close(fd) != 0 && !code && errno != EINTR) /* the text is on the disk by then */
        code = errno;
    if (!code && (only_new ? link(name, file) : rename(name, file)) != 0)
        code = errno;
cleanup:
    if (made && (code || only_new)) /* a link leaves the first name where it is */
        (void)unlink(name);
    return code;
}

int bk_privfile_write(const char *path, const void *text, size_t n, int only_new)
{
    return replace(path, text, n, only_new, 1);
}

int bk_privfile_write_open(const char *path, const void *text, size_t n, int only_new)
{
    return replace(path, text, n, only_new, 0);
}
