/* terminal.h: whether a descriptor leads to a terminal, and how large that is. */
#ifndef BK_TERMINAL_H
#define BK_TERMINAL_H

/* Gives whether it is a terminal; both sizes are 0 where the terminal does not know them. */
int bk_terminal_size(int fd, int *columns, int *rows);

#endif
