/* racing.h: reads what another thread may be writing just now. container.c says why that does no harm: what was read
 * is used only if a look afterwards finds that nobody has written there meanwhile.
 *
 * ThreadSanitizer is not told of these reads. It would report each of them, and with them nothing that is wrong. The
 * loads and stores that decide whether a copy is used are atomic, and those it sees.
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

/* volatile: or else the compiler calls memcpy, of which the sanitizer has its own. */
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
