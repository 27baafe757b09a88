/* terminal.c: see terminal.h. */
#include "terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

int bk_terminal_size(int fd, int *columns, int *rows)
{
    struct winsize size;
    *columns = *rows = 0;
    if (!isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
    return 1;
}
