/* terminal.h: what the commands ask of the system's terminal. posix/terminal.c, win32/terminal.c.
 *
 * The full screen is drawn with the escape sequences of ECMA-48 that every terminal of today and the Windows console
 * know (learn.microsoft.com/windows/console/console-virtual-terminal-sequences), not by ncurses: kin needs a dozen of
 * them, ncurses is not on Windows, and a statically linked ncurses needs the terminal database of the system that it
 * was built on. */
#ifndef TERMINAL_H
#define TERMINAL_H

/* Whether the standard output is a terminal; prepares it for escape sequences. */
int terminal_open(void);
/* Whether the standard error stream is one. */
int terminal_has_errors(void);
/* Whether it may be written to in colour: the user has not set NO_COLOR (no-color.org). */
int terminal_has_colours(void);
/* From now on the standard input gives bytes as they are. */
void terminal_binary_input(void);

/* To be called first, with main's arguments: gives them in UTF-8, ended by NULL, and makes the standard output pass on
 * bytes as they are. They stay. */
char **terminal_arguments(int *argc, char **argv);

/* ---- the full screen ---- */

/* What terminal_key answers, beside the bytes of characters in UTF-8. */
enum {
    TERMINAL_NOTHING = 256, /* the time is over */
    TERMINAL_RESIZED,
    TERMINAL_ENDED, /* a signal or the terminal's end asks the program to end */
    TERMINAL_UP,
    TERMINAL_DOWN,
    TERMINAL_LEFT,
    TERMINAL_RIGHT,
    TERMINAL_PAGE_UP,
    TERMINAL_PAGE_DOWN,
    TERMINAL_HOME,
    TERMINAL_END,
    TERMINAL_OTHER, /* a key that has no meaning here */
};
#define TERMINAL_ESCAPE 27
#define TERMINAL_ENTER 13
#define TERMINAL_BACKSPACE 8

/* Takes the terminal: an empty screen of its own, no cursor, keys as they come, no line that goes on in the next row.
 * The end of the process gives it back: by return, exit, a signal or a fault (not by SIGKILL or TerminateProcess).
 * 0: the standard input or output is no terminal that can do so. */
int terminal_enter(void);
void terminal_leave(void);
/* At least 1 each. */
void terminal_size(int *columns, int *rows);
/* The next key, for which it waits at most so long. */
int terminal_key(unsigned milliseconds);
/* To be called last: where terminal_key has answered TERMINAL_ENDED because of a signal, that signal's own effect. */
void terminal_obey(void);

#define TERMINAL_TAKE "\033[?1049h\033[?25l\033[?7l"
#define TERMINAL_GIVE "\033[0m\033[?7h\033[?25h\033[?1049l"

#endif
