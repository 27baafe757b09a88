/* datasetfile.c: see datasetfile.h. */
#include "datasetfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void bk_datasetfile_init(bk_datasetfile *f)
{
    f->fd = -1;
    f->piece = NULL;
    f->size = f->got = 0;
}

int bk_datasetfile_open(bk_datasetfile *f, const char *path)
{
    struct stat about;
    int code = 0;
    f->piece = malloc(BK_DATASETFILE_PIECE);
    if (!f->piece)
        return ENOMEM;
    do
        f->fd = open(path, O_RDONLY | O_CLOEXEC);
    while (f->fd < 0 && errno == EINTR);
    if (f->fd < 0 || fstat(f->fd, &about) != 0)
        code = errno;
    else if (S_ISDIR(about.st_mode))
        code = EISDIR;
    else if (S_ISREG(about.st_mode))
        f->size = (uint64_t)about.st_size;
    if (code)
        bk_datasetfile_close(f);
    return code;
}

int bk_datasetfile_read(bk_datasetfile *f, size_t *n)
{
    ssize_t got;
    do
        got = read(f->fd, f->piece, BK_DATASETFILE_PIECE);
    while (got < 0 && errno == EINTR);
    *n = got > 0 ? (size_t)got : 0;
    f->got += *n;
    return got < 0 ? errno : 0;
}

void bk_datasetfile_close(bk_datasetfile *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    free(f->piece);
    bk_datasetfile_init(f);
}
