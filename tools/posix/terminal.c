/* terminal.c: see ../terminal.h. */
#include "../terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

int terminal_open(void)
{
    return isatty(STDOUT_FILENO);
}

int terminal_has_errors(void)
{
    return isatty(STDERR_FILENO);
}

static int knows_sequences(void)
{
    const char *kind = getenv("TERM");
    return kind && strcmp(kind, "dumb") != 0;
}

int terminal_has_colours(void)
{
    const char *refused = getenv("NO_COLOR");
    return (!refused || !refused[0]) && knows_sequences();
}

void terminal_binary_input(void)
{
}

char **terminal_arguments(int *argc, char **argv)
{
    (void)argc;
    return argv;
}

/* ---- the full screen ---- */

static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
static const int faults[] = {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV};
#define COUNT_OF(list) (sizeof(list) / sizeof(list)[0])

static struct termios before, during;
static volatile sig_atomic_t taken, resized, ended, stopped;
static sigset_t outside; /* signals blocked except while terminal_key waits: so none comes between a look at the flags
                            and the wait */

/* Async-signal-safe (signal-safety(7)): faults call it. */
static void give_back(void)
{
    if (taken) {
        taken = 0;
        ssize_t written = write(STDOUT_FILENO, TERMINAL_GIVE, sizeof TERMINAL_GIVE - 1);
        (void)written;
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    }
}

static void take(void)
{
    tcsetattr(STDIN_FILENO, TCSADRAIN, &during);
    ssize_t written = write(STDOUT_FILENO, TERMINAL_TAKE, sizeof TERMINAL_TAKE - 1);
    (void)written;
    taken = 1;
}

static void note(int number)
{
    switch (number) {
    case SIGWINCH:
    case SIGCONT:
        resized = 1;
        break;
    case SIGTSTP:
        stopped = 1;
        break;
    default:
        ended = number;
    }
}

static void fault(int number)
{
    give_back();
    raise(number); /* SA_RESETHAND: it has its own effect now */
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigaction(number, &action, NULL);
}

static void handle_signals(void)
{
    sigset_t noted;
    sigemptyset(&noted);
    for (size_t i = 0; i < COUNT_OF(ending); i++) {
        sigaddset(&noted, ending[i]);
        handle(ending[i], note, 0);
    }
    sigaddset(&noted, SIGTSTP);
    sigaddset(&noted, SIGCONT);
    sigaddset(&noted, SIGWINCH);
    handle(SIGTSTP, note, 0);
    handle(SIGCONT, note, 0);
    handle(SIGWINCH, note, 0);
    sigprocmask(SIG_BLOCK, &noted, &outside);
    for (size_t i = 0; i < COUNT_OF(ending); i++) {
        sigdelset(&outside, ending[i]); /* the program can be ended, even if its starter has blocked these signals */
    }
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        handle(faults[i], fault, (int)SA_RESETHAND | SA_NODEFER);
    }
}

int terminal_enter(void)
{
    if (!isatty(STDOUT_FILENO) || !knows_sequences() || tcgetattr(STDIN_FILENO, &before) != 0) {
        return 0;
    }
    during = before;
    during.c_iflag &= (tcflag_t) ~(ICRNL | INLCR | IXON);
    during.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    during.c_cc[VMIN] = 0;
    during.c_cc[VTIME] = 0;
    atexit(give_back);
    handle_signals();
    take();
    return 1;
}

void terminal_leave(void)
{
    give_back();
}

void terminal_size(int *columns, int *rows)
{
    struct winsize size;
    *columns = 80;
    *rows = 24;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

/* Ctrl-Z: the shell gets its terminal, and gives it back with SIGCONT. */
static int stop(void)
{
    stopped = 0;
    give_back();
    raise(SIGSTOP);
    take();
    return TERMINAL_RESIZED;
}

/* One byte that is there, or comes within some time: the rest of an escape sequence. -1: none. */
static int next_byte(int milliseconds)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    unsigned char byte;
    return poll(&input, 1, milliseconds) == 1 && read(STDIN_FILENO, &byte, 1) == 1 ? byte : -1;
}

/* Behind an ESC. Keys send ESC [ or ESC O, numbers, and a last byte from @ on (ECMA-48, 5.4). The bytes of one key come
 * at the same time; by a slow line within 50 ms. */
static int escape_key(void)
{
    int byte = next_byte(50), number = 0;
    if (byte < 0) {
        return TERMINAL_ESCAPE;
    }
    if (byte != '[' && byte != 'O') {
        return TERMINAL_OTHER;
    }
    while ((byte = next_byte(50)) >= 0 && byte < '@') {
        number = byte >= '0' && byte <= '9' && number < 100 ? number * 10 + byte - '0' : number;
    }
    static const struct {
        int last, number, key;
    } keys[] = {{'A', 0, TERMINAL_UP},       {'B', 0, TERMINAL_DOWN}, {'C', 0, TERMINAL_RIGHT},
                {'D', 0, TERMINAL_LEFT},     {'H', 0, TERMINAL_HOME}, {'F', 0, TERMINAL_END},
                {'~', 1, TERMINAL_HOME},     {'~', 4, TERMINAL_END},  {'~', 5, TERMINAL_PAGE_UP},
                {'~', 6, TERMINAL_PAGE_DOWN}};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (keys[i].last == byte && keys[i].number == number) {
            return keys[i].key;
        }
    }
    return TERMINAL_OTHER;
}

static int read_key(void)
{
    int byte = next_byte(0);
    switch (byte) {
    case -1:
        return TERMINAL_ENDED; /* the terminal is gone */
    case TERMINAL_ESCAPE:
        return escape_key();
    case '\n':
        return TERMINAL_ENTER;
    case 127:
        return TERMINAL_BACKSPACE;
    default:
        return byte;
    }
}

int terminal_key(unsigned milliseconds)
{
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    struct timespec left = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000L};
    int found = ppoll(&input, 1, &left, &outside), why = errno;
    if (ended) {
        return TERMINAL_ENDED;
    }
    if (stopped) {
        return stop();
    }
    if (resized) {
        resized = 0;
        take(); /* SIGCONT: the shell has had the terminal */
        return TERMINAL_RESIZED;
    }
    if (found > 0) {
        return read_key();
    }
    return found == 0 || why == EINTR ? TERMINAL_NOTHING : TERMINAL_ENDED;
}

void terminal_obey(void)
{
    int number = ended;
    give_back();
    if (number) {
        sigset_t only;
        handle(number, SIG_DFL, 0);
        raise(number);
        sigemptyset(&only);
        sigaddset(&only, number);
        sigprocmask(SIG_UNBLOCK, &only, NULL);
    }
}
