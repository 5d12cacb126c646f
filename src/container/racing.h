/* racing.h: reads memory that another thread may be writing at the same time. container.c says why this is harmless:
 * the bytes are used only if a later check shows that no thread has written there meanwhile.
 *
 * These reads are hidden from ThreadSanitizer. It would report each of them, although none is a fault. The loads and
 * stores that decide whether a copy is used are atomic, and ThreadSanitizer sees them.
 */
#ifndef KIN_RACING_H
#define KIN_RACING_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KIN__RACING __attribute__((no_sanitize("thread"), noinline, unused))
#endif
#endif

#ifdef KIN__RACING

/* volatile: otherwise the compiler calls memcpy, which the sanitizer replaces by its own. */
KIN__RACING static void kin__copy_racing(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        ((volatile char *)to)[i] = ((const volatile char *)from)[i];
    }
}

KIN__RACING static bool kin__equal_racing(const void *a, const void *racing, size_t size)
{
    size_t i = 0;
    while (i < size && ((const volatile char *)a)[i] == ((const volatile char *)racing)[i]) {
        i++;
    }
    return i == size;
}

#else

static inline void kin__copy_racing(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

static inline bool kin__equal_racing(const void *a, const void *racing, size_t size)
{
    return memcmp(a, racing, size) == 0;
}

#endif

#endif
