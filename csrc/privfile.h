/*
 * privfile.h: replaces or makes a file that only its owner may read, all at once.
 *
 * Another process that reads it at the same time, and one that goes on after a crash or on a full
 * disk, finds either the old text or the new one.
 */
#ifndef BK_PRIVFILE_H
#define BK_PRIVFILE_H

#include <stddef.h>

enum {
    BK_PRIVFILE_TRIES = 100, /* names of temporary files */
    BK_PRIVFILE_LINKS = 40 /* symbolic links from the path to the file, as many as Linux follows */
};

/* Where the path is a symbolic link, the file is meant that it leads to. With only_new one that is
 * there stays, and the answer is EEXIST: of several processes at once, one makes it. A device or a
 * pipe is written into. Gives 0, or an errno: then the old file is as it was, and no other is left.
 */
int bk_privfile_write(const char *path, const void *text, size_t n, int only_new);

/* The same for a file that is not private: it has the mode of the one that it replaces, a new one
 * that which the umask leaves. */
int bk_privfile_write_open(const char *path, const void *text, size_t n, int only_new);

#endif
