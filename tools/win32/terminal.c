/* terminal.c: see ../terminal.h. */
#include "../terminal.h"

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include <shellapi.h>

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

void terminal_binary_input(void)
{
    _setmode(_fileno(stdin), _O_BINARY);
}

void terminal_rest(unsigned milliseconds)
{
    Sleep(milliseconds);
}

static char *to_utf8(const wchar_t *text)
{
    int size = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *out = size > 0 ? malloc((size_t)size) : NULL;
    if (out) {
        WideCharToMultiByte(CP_UTF8, 0, text, -1, out, size, NULL, NULL);
    }
    return out;
}

/* main's are in the ANSI code page, and in text mode a newline becomes two characters (Microsoft, "main function and
 * command-line arguments", "_setmode"). What is written to a console is UTF-8, too. */
char **terminal_arguments(int *argc, char **argv)
{
    int count = 0;
    _setmode(_fileno(stdout), _O_BINARY);
    SetConsoleOutputCP(CP_UTF8);
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    char **list = wide ? calloc((size_t)count + 1, sizeof *list) : NULL;
    for (int i = 0; list && i < count; i++) {
        list[i] = to_utf8(wide[i]);
        if (!list[i]) {
            return argv;
        }
    }
    LocalFree(wide);
    if (!list) {
        return argv;
    }
    *argc = count;
    return list;
}
