/* datasetfile.h: a file that is read from its start to its end in large pieces. */
#ifndef BK_DATASETFILE_H
#define BK_DATASETFILE_H

#include <stddef.h>
#include <stdint.h>

enum { BK_DATASETFILE_PIECE = 256 * 1024 };

typedef struct bk_datasetfile {
    int fd; /* -1: closed */
    char *piece;
    uint64_t size; /* as it was when opened; 0 for a pipe */
    uint64_t got;  /* bytes that were read */
} bk_datasetfile;

void bk_datasetfile_init(bk_datasetfile *f);
/* Both give 0, or an errno. A folder is refused. */
int bk_datasetfile_open(bk_datasetfile *f, const char *path);
/* Puts the next piece into f->piece; *n is 0 at the end. */
int bk_datasetfile_read(bk_datasetfile *f, size_t *n);
void bk_datasetfile_close(bk_datasetfile *f);

#endif
