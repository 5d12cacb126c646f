/* program.h: where a program is. */
#ifndef KIN_POSIX_PROGRAM_H
#define KIN_POSIX_PROGRAM_H

/* The path of the program that is called name: one with a slash is a path from the current directory, and made
 * absolute; one without is looked for in PATH. Free *out. 0, or an errno. */
int kin_posix_find_program(char **out, const char *name);
/* A path made absolute, from the current directory. Free *out. 0, or an errno. */
int kin_posix_whole_path(char **out, const char *name);

#endif
