/* terminal.c: see ../terminal.h. */
#include "../terminal.h"

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

void terminal_binary_input(void)
{
}

void terminal_rest(unsigned milliseconds)
{
    struct timespec left = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000L};
    nanosleep(&left, NULL);
}

char **terminal_arguments(int *argc, char **argv)
{
    (void)argc;
    return argv;
}
