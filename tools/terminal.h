/* terminal.h: what the commands ask of the system. posix/terminal.c, win32/terminal.c. */
#ifndef TERMINAL_H
#define TERMINAL_H

/* Whether the standard output is a terminal; prepares it for escape sequences. */
int terminal_open(void);
/* Whether the standard error stream is one. */
int terminal_has_errors(void);
/* From now on the standard input gives bytes as they are. */
void terminal_binary_input(void);
void terminal_rest(unsigned milliseconds);

/* To be called first, with main's arguments: gives them in UTF-8, ended by NULL, and makes the standard output pass on
 * bytes as they are. They stay. */
char **terminal_arguments(int *argc, char **argv);

#endif
