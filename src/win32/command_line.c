/* command_line.c: a program's arguments as one string, which the program takes apart again.
 *
 * CommandLineToArgvW and the C runtimes do that by the same rules (Microsoft, "Parsing C command-line arguments").
 * cmd.exe, which runs batch files, has other rules, which no quoting satisfies ("CreateProcessW function"). So callers
 * refuse batch files, which are recognised by their names.
 */
#include <stdlib.h>
#include <wchar.h>

#include "win32/command_line.h"
#include "win32/text.h"
#include "win32/win32.h"

typedef struct line {
    wchar_t *text; /* KIN_WIN32_LINE_MAX characters */
    size_t length; /* goes on counting when text is full */
} line;

static void put(line *to, wchar_t c, size_t times)
{
    for (; times > 0; times--) {
        if (to->length < KIN_WIN32_LINE_MAX) {
            to->text[to->length] = c;
        }
        to->length++;
    }
}

static void put_plain(line *to, const wchar_t *word)
{
    for (; *word; word++) {
        put(to, *word, 1);
    }
}

/* Also what some C runtimes take for a pattern of file names unless it is quoted. */
static bool needs_quotes(const wchar_t *word)
{
    for (const wchar_t *c = word; *c; c++) {
        if (*c <= L' ' || wcschr(L"\"*?", *c)) {
            return true;
        }
    }
    return *word == L'\0';
}

/* Backslashes stand for themselves except before a quote, where each takes another one. */
static void put_quoted(line *to, const wchar_t *word)
{
    size_t slashes = 0;
    put(to, L'"', 1);
    for (; *word; word++) {
        if (*word == L'"') {
            put(to, L'\\', slashes + 1);
        }
        slashes = *word == L'\\' ? slashes + 1 : 0;
        put(to, *word, 1);
    }
    put(to, L'\\', slashes);
    put(to, L'"', 1);
}

/* Appends a word so that CommandLineToArgvW and the C runtimes read back exactly it. `first` is argv[0], to which they
 * apply other rules. KIN_E_ARGUMENT: a quote in the first word, which nothing can express. */
static kin_status quote(line *to, const wchar_t *word, bool first)
{
    if (first) { /* all up to the next quote */
        if (wcschr(word, L'"')) {
            return KIN_E_ARGUMENT;
        }
        put(to, L'"', 1);
        put_plain(to, word);
        put(to, L'"', 1);
    } else if (needs_quotes(word)) {
        put_quoted(to, word);
    } else {
        put_plain(to, word);
    }
    return KIN_OK;
}

static kin_status put_argument(line *to, const char *argument, bool first)
{
    wchar_t *wide;
    kin_status status = kin_win32_utf16(&wide, argument);
    if (status != KIN_OK) {
        return status;
    }
    if (!first) {
        put(to, L' ', 1);
    }
    status = quote(to, wide, first);
    free(wide);
    return status;
}

kin_status kin_win32_make_line(wchar_t **out, const char *const *argv)
{
    kin_status status = argv[0] ? KIN_OK : KIN_E_ARGUMENT;
    line to = {malloc(KIN_WIN32_LINE_MAX * sizeof(wchar_t)), 0};
    if (!to.text) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    for (size_t i = 0; status == KIN_OK && argv[i]; i++) {
        status = put_argument(&to, argv[i], i == 0);
    }
    put(&to, L'\0', 1);
    if (status == KIN_OK && to.length > KIN_WIN32_LINE_MAX) {
        status = kin_win32_fail(ERROR_FILENAME_EXCED_RANGE);
    }
    if (status != KIN_OK) {
        free(to.text);
        return status;
    }
    *out = to.text;
    return KIN_OK;
}

/* The system ignores dots and spaces at the end of a name. */
bool kin_win32_is_batch_file(const wchar_t *path)
{
    size_t length = wcslen(path);
    while (length > 0 && (path[length - 1] == L'.' || path[length - 1] == L' ')) {
        length--;
    }
    return length >= 4 && (CompareStringOrdinal(path + length - 4, 4, L".bat", 4, TRUE) == CSTR_EQUAL ||
                           CompareStringOrdinal(path + length - 4, 4, L".cmd", 4, TRUE) == CSTR_EQUAL);
}
