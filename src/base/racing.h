/* racing.h: reads memory that another thread may be writing at the same time. A container's reader, which has no lock,
 * may follow a word to a block that was freed meanwhile and belongs to another caller, who writes there as he likes.
 * This is harmless: the bytes are used only if a later check shows that the block was not freed before they were read.
 * container.c has the argument.
 *
 * These reads are hidden from ThreadSanitizer. It would report each of them beside a plain store of the block's next
 * owner, also the atomic ones. What a load acquires is not hidden: what a thread wrote before it published a word was
 * written before another thread, which has loaded that word, reads it.
 */
#ifndef KIN_RACING_H
#define KIN_RACING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KIN__UNDER_TSAN
#endif
#elif defined(__SANITIZE_THREAD__) /* gcc */
#define KIN__UNDER_TSAN
#endif

#ifdef KIN__UNDER_TSAN

void __tsan_acquire(void *address); /* of the sanitizer: sanitizer/tsan_interface.h */

#define KIN__RACING __attribute__((no_sanitize("thread"), noinline, unused))

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

/* Atomic loads are instrumented in every function, so these are volatile ones. Each is an acquire, whatever order was
 * asked for. __tsan_acquire notes that, and is no access to the memory. */
KIN__RACING static uint64_t kin__load_racing(const _Atomic uint64_t *from, memory_order order)
{
    uint64_t value = *(const volatile uint64_t *)(const volatile void *)from;
    (void)order;
    atomic_thread_fence(memory_order_acquire);
    __tsan_acquire((void *)(uintptr_t)from);
    return value;
}

KIN__RACING static uint32_t kin__load_racing32(const _Atomic uint32_t *from, memory_order order)
{
    uint32_t value = *(const volatile uint32_t *)(const volatile void *)from;
    (void)order;
    atomic_thread_fence(memory_order_acquire);
    __tsan_acquire((void *)(uintptr_t)from);
    return value;
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

#define kin__load_racing atomic_load_explicit
#define kin__load_racing32 atomic_load_explicit

#endif

#endif
