/* terminal.c: see ../terminal.h. */
#include "../terminal.h"

#include <fcntl.h>
#include <io.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <shellapi.h>

static HANDLE input, output;
static DWORD output_before, input_before;
static UINT page_before;

/* What the console was like is the console's, not the process's: it would stay (learn.microsoft.com/windows/console/
 * setconsolemode, setconsoleoutputcp). */
static void restore_mode(void)
{
    SetConsoleMode(output, output_before);
}

static void restore_page(void)
{
    SetConsoleOutputCP(page_before);
}

int terminal_open(void)
{
    static int opened = -1;
    if (opened < 0) {
        output = GetStdHandle(STD_OUTPUT_HANDLE);
        opened = GetConsoleMode(output, &output_before) &&
                 SetConsoleMode(output, output_before | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
        if (opened) {
            atexit(restore_mode);
        }
    }
    return opened;
}

int terminal_has_errors(void)
{
    DWORD mode = 0;
    return GetConsoleMode(GetStdHandle(STD_ERROR_HANDLE), &mode) != 0;
}

int terminal_has_colours(void)
{
    const char *refused = getenv("NO_COLOR");
    return !refused || !refused[0];
}

void terminal_binary_input(void)
{
    _setmode(_fileno(stdin), _O_BINARY);
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
    page_before = GetConsoleOutputCP();
    if (page_before != 0 && page_before != CP_UTF8 && SetConsoleOutputCP(CP_UTF8)) {
        atexit(restore_page);
    }
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

/* ---- the full screen: learn.microsoft.com/windows/console/readconsoleinput, setconsolectrlhandler ---- */

static HANDLE asked; /* event: the process is asked to end */
static volatile LONG taken, interrupted;
static char pending[8]; /* the rest of a character in UTF-8 */
static int pending_count, pending_next;

static void give_back(void)
{
    DWORD written;
    if (InterlockedExchange(&taken, 0)) {
        WriteFile(output, TERMINAL_GIVE, sizeof TERMINAL_GIVE - 1, &written, NULL);
        SetConsoleMode(input, input_before);
        restore_mode();
    }
}

/* Runs in a thread of its own. Where the console is closed or the user logs off, the process ends when it returns. */
static BOOL WINAPI handle_control(DWORD kind)
{
    if (kind != CTRL_C_EVENT && kind != CTRL_BREAK_EVENT) {
        give_back();
        return FALSE;
    }
    InterlockedExchange(&interrupted, 1);
    SetEvent(asked);
    return TRUE;
}

static LONG WINAPI handle_fault(EXCEPTION_POINTERS *fault)
{
    (void)fault;
    give_back();
    return EXCEPTION_CONTINUE_SEARCH;
}

int terminal_enter(void)
{
    DWORD written;
    input = GetStdHandle(STD_INPUT_HANDLE);
    asked = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!asked || !terminal_open() || !GetConsoleMode(input, &input_before) ||
        !SetConsoleMode(input, ENABLE_WINDOW_INPUT | ENABLE_PROCESSED_INPUT)) {
        return 0;
    }
    atexit(give_back);
    SetConsoleCtrlHandler(handle_control, TRUE);
    SetUnhandledExceptionFilter(handle_fault);
    taken = 1;
    return WriteFile(output, TERMINAL_TAKE, sizeof TERMINAL_TAKE - 1, &written, NULL);
}

void terminal_leave(void)
{
    give_back();
}

void terminal_size(int *columns, int *rows)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    *columns = 80;
    *rows = 24;
    if (GetConsoleScreenBufferInfo(output, &info)) {
        *columns = info.srWindow.Right - info.srWindow.Left + 1;
        *rows = info.srWindow.Bottom - info.srWindow.Top + 1;
    }
}

static int key_of(const KEY_EVENT_RECORD *it)
{
    static const struct {
        WORD code;
        int key;
    } keys[] = {{VK_UP, TERMINAL_UP},        {VK_DOWN, TERMINAL_DOWN},     {VK_LEFT, TERMINAL_LEFT},
                {VK_RIGHT, TERMINAL_RIGHT},  {VK_PRIOR, TERMINAL_PAGE_UP}, {VK_NEXT, TERMINAL_PAGE_DOWN},
                {VK_HOME, TERMINAL_HOME},    {VK_END, TERMINAL_END},       {VK_ESCAPE, TERMINAL_ESCAPE},
                {VK_RETURN, TERMINAL_ENTER}, {VK_BACK, TERMINAL_BACKSPACE}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].code == it->wVirtualKeyCode) {
            return keys[i].key;
        }
    }
    wchar_t character = it->uChar.UnicodeChar;
    pending_next = 0;
    pending_count = character ? WideCharToMultiByte(CP_UTF8, 0, &character, 1, pending, sizeof pending, NULL, NULL) : 0;
    return pending_count > 0 ? (unsigned char)pending[pending_next++] : TERMINAL_NOTHING; /* Shift, Ctrl, Alt alone */
}

int terminal_key(unsigned milliseconds)
{
    HANDLE both[] = {asked, input};
    INPUT_RECORD record;
    DWORD count = 0;
    if (pending_next < pending_count) {
        return (unsigned char)pending[pending_next++];
    }
    switch (WaitForMultipleObjects(2, both, FALSE, milliseconds)) {
    case WAIT_TIMEOUT:
        return TERMINAL_NOTHING;
    case WAIT_OBJECT_0 + 1:
        break;
    default:
        return TERMINAL_ENDED;
    }
    if (!ReadConsoleInputW(input, &record, 1, &count)) {
        return TERMINAL_ENDED;
    }
    if (count == 1 && record.EventType == WINDOW_BUFFER_SIZE_EVENT) {
        return TERMINAL_RESIZED;
    }
    bool pressed = count == 1 && record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown;
    return pressed ? key_of(&record.Event.KeyEvent) : TERMINAL_NOTHING;
}

void terminal_obey(void)
{
    give_back();
    if (interrupted) {
        exit((int)0xC000013A); /* STATUS_CONTROL_C_EXIT, as the default handler */
    }
}
