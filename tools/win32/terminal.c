/* terminal.c: see ../terminal.h. */
#include "../terminal.h"

#include <windows.h>

int terminal_open(void)
{
    HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
    DWORD mode = 0;
    return GetConsoleMode(output, &mode) && SetConsoleMode(output, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
}

int terminal_has_errors(void)
{
    DWORD mode = 0;
    return GetConsoleMode(GetStdHandle(STD_ERROR_HANDLE), &mode) != 0;
}

void terminal_rest(unsigned milliseconds)
{
    Sleep(milliseconds);
}
