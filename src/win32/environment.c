/* environment.c: this process's environment, and another one for a program, made of it.
 *
 * A block is sorted by name, without regard to case (Microsoft, "Changing Environment Variables"); names that begin
 * with "=" hold the current directories of drives. Without SystemRoot many of the system's own libraries do not load.
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "win32/environment.h"
#include "win32/text.h"
#include "win32/win32.h"

typedef struct texts {
    const wchar_t **items;
    size_t count, length; /* length: characters, with the zeros */
} texts;

static size_t name_length(const wchar_t *text)
{
    const wchar_t *end = text[0] ? wcschr(text + 1, L'=') : NULL;
    return end ? (size_t)(end - text) : wcslen(text);
}

static int compare_names(const wchar_t *a, const wchar_t *b)
{
    return CompareStringOrdinal(a, (int)name_length(a), b, (int)name_length(b), TRUE) - CSTR_EQUAL;
}

static int compare_items(const void *a, const void *b)
{
    return compare_names(*(const wchar_t *const *)a, *(const wchar_t *const *)b);
}

static bool is_named(const wchar_t *text, const wchar_t *const *variables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (compare_names(text, variables[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void add(texts *to, const wchar_t *text)
{
    to->items[to->count++] = text;
    to->length += wcslen(text) + 1;
}

static void collect(texts *to, const wchar_t *own, const wchar_t *const *variables, size_t count, bool clean)
{
    for (; *own; own += wcslen(own) + 1) {
        if (!is_named(own, variables, count) && (!clean || compare_names(own, L"SystemRoot") == 0)) {
            add(to, own);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (variables[i][name_length(variables[i])] == L'=' &&
            !is_named(variables[i], variables + i + 1, count - i - 1)) {
            add(to, variables[i]);
        }
    }
    qsort(to->items, to->count, sizeof to->items[0], compare_items);
}

/* It ends with one zero more; with two, if there is nothing in it. */
static wchar_t *join(const texts *from)
{
    wchar_t *block = calloc(from->length + 2, sizeof *block), *next = block;
    for (size_t i = 0; block && i < from->count; i++) {
        size_t length = wcslen(from->items[i]) + 1;
        memcpy(next, from->items[i], length * sizeof *next);
        next += length;
    }
    return block;
}

/* No program has more rights than its caller by the file that it is: a user who elevates one starts it by a service,
 * with an environment of its own. */
const char *kin_os_variable(const char *name)
{
    return getenv(name);
}

static kin_status make_block(wchar_t **out, const wchar_t *const *variables, size_t count, bool clean)
{
    wchar_t *own = GetEnvironmentStringsW(), *block = NULL;
    texts all = {NULL, 0, 0};
    size_t most = count;
    for (const wchar_t *text = own; text && *text; text += wcslen(text) + 1) {
        most++;
    }
    if (own && (all.items = malloc((most + 1) * sizeof all.items[0])) != NULL) {
        collect(&all, own, variables, count, clean);
        block = join(&all);
    }
    if (own) {
        FreeEnvironmentStringsW(own);
    }
    free(all.items);
    if (!block) {
        return kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    *out = block;
    return KIN_OK;
}

kin_status kin_win32_environment_of(wchar_t **out, const char *const *variables, const wchar_t *more, bool clean)
{
    size_t count = 0, done = 0;
    kin_status status = KIN_OK;
    while (variables && variables[count]) {
        count++;
    }
    wchar_t **wide = malloc((count + 1) * sizeof *wide);
    const wchar_t **all = malloc((count + 1) * sizeof *all);
    if (!wide || !all) {
        status = kin_win32_fail(ERROR_NOT_ENOUGH_MEMORY);
    }
    while (done < count && status == KIN_OK) {
        status = kin_win32_utf16(&wide[done], variables[done]);
        if (status == KIN_OK) {
            all[done] = wide[done];
            done++;
        }
    }
    if (status == KIN_OK) {
        all[done] = more;
        status = make_block(out, all, done + (more ? 1 : 0), clean);
    }
    while (done > 0) {
        free(wide[--done]);
    }
    free(wide);
    free(all);
    return status;
}
