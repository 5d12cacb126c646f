#include "base/last_error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "os.h"

#define ROOM 512

/* Of the calling thread. MinGW emulates _Thread_local by a function with a lock; only failing calls come here. */
static _Thread_local struct {
    kin_status status;        /* that the rest is about */
    const char *where, *what; /* static strings; what NULL: text says it */
    const char *subject;      /* of a buffer that is too small: what it is for; or NULL */
    size_t size, capacity;    /* then: of the subject, of the buffer */
    uint32_t failures;        /* of the system's functions, when it was recorded */
    bool by_system;           /* no more is known than the system's code */
    char text[ROOM];
} last;

void kin__note(kin_status status, const char *where, const char *what)
{
    last.status = status;
    last.where = where;
    last.what = what;
    last.subject = NULL;
    last.by_system = false;
    last.failures = kin_os_failures();
}

void kin__describe(kin_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(last.text, sizeof last.text, format, list);
    va_end(list);
    kin__note(status, NULL, NULL);
}

void kin__note_buffer(const char *subject, size_t size, size_t capacity)
{
    kin__note(KIN_E_BUFFER, NULL, NULL);
    last.subject = subject;
    last.size = size;
    last.capacity = capacity;
}

void kin__tell(kin_status status)
{
    bool system_failed = last.failures != kin_os_failures();
    if (last.status != status || system_failed) {
        kin__note(status, "", kin_status_text(status));
        last.by_system = system_failed && kin_os_status(kin_os_error()) == status;
    }
}

static bool is_public(const char *name)
{
    return strncmp(name, "kin_", 4) == 0 && name[4] != '_';
}

const char *kin_last_error(void)
{
    char reason[ROOM / 2];
    if (last.subject) {
        snprintf(last.text, sizeof last.text, "the %s has %zu bytes, the buffer %zu", last.subject, last.size,
                 last.capacity);
    } else if (last.what && last.by_system) {
        kin_os_error_write(kin_os_error(), reason, sizeof reason);
        snprintf(last.text, sizeof last.text, "%s: %s (%d)", last.what, reason, kin_os_error());
    } else if (last.what) {
        bool named = is_public(last.where);
        snprintf(last.text, sizeof last.text, "%s%s%s", named ? last.where : "", named ? ": " : "", last.what);
    }
    last.what = last.subject = NULL;
    return last.text;
}
