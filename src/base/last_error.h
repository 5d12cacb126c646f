/* last_error.h: the sentence that kin_last_error gives.
 *
 * A place that refuses something for a reason that its caller cannot see from the status records the reason with
 * kin__refuse or kin__explain. Each public function returns its status through kin__told, which keeps that reason if it
 * belongs to this status, and else replaces it by what can be said of the status in general, and of the system's error
 * if there was one. A reason that is recorded by a function that then succeeds in another way is never shown.
 */
#ifndef KIN_LAST_ERROR_H
#define KIN_LAST_ERROR_H

#include "kin/status.h"
#include "os.h"

/* what: a static string. The function's name stands before it in the sentence if it is a public one's. */
#define kin__refuse(status, what) (kin__note(status, __func__, what), (status))
void kin__note(kin_status status, const char *where, const char *what);

/* KIN_E_BUFFER, with these sizes. The sentence is formatted only when kin_last_error is called, since programs ask for
 * a size in this way. subject: a static string. */
#define kin__buffer_short(subject, size, capacity) (kin__note_buffer(subject, size, capacity), KIN_E_BUFFER)
void kin__note_buffer(const char *subject, size_t size, size_t capacity);

/* The same, formatted now. For failures that are not part of a program's usual course. */
#define kin__explain(status, ...) (kin__describe(status, __VA_ARGS__), (status))
void kin__describe(kin_status status, const char *format, ...) KIN_OS_FORMAT(2, 3);
#define kin__malloc_failed() kin__refuse(KIN_E_NO_MEMORY, "no memory of this process is left (malloc)")

void kin__tell(kin_status status);

static inline kin_status kin__told(kin_status status)
{
    if (status < 0) {
        kin__tell(status);
    }
    return status;
}

#endif
