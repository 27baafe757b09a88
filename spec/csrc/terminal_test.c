/* terminal_test.c: a terminal of our own, a pipe and what is closed. */
#include "test.h"

#include "../../csrc/terminal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void)
{
    int columns = -1, rows = -1, ends[2];
    int leader = posix_openpt(O_RDWR | O_NOCTTY);
    if (leader < 0 || grantpt(leader) != 0 || unlockpt(leader) != 0 || pipe(ends) != 0) {
        printf("Bail out! no terminal can be made\n");
        return 1;
    }
    int fd = open(ptsname(leader), O_RDWR | O_NOCTTY);
    ok(bk_terminal_size(fd, &columns, &rows) && columns == 0 && rows == 0,
       "a terminal that does not know its size");
    struct winsize size = {.ws_row = 24, .ws_col = 100};
    ok(ioctl(fd, TIOCSWINSZ, &size) == 0 && bk_terminal_size(fd, &columns, &rows) &&
           columns == 100 && rows == 24,
       "one that does");
    columns = rows = -1;
    ok(!bk_terminal_size(ends[0], &columns, &rows) && columns == 0 && rows == 0, "a pipe");
    close(fd);
    ok(!bk_terminal_size(fd, &columns, &rows), "a closed descriptor");
    return done();
}
