/* status.h: what kin functions return.
 *
 *     kin_status status = kin_lock_acquire(lock, KIN_MS(100));
 *     if (status < 0) {
 *         fprintf(stderr, "%s: %s\n", kin_status_name(status), kin_last_error());
 *     }
 *
 * 0: success. Positive: success, with additional information (KIN_OWNER_DIED: the caller holds the lock; its previous
 * owner died while holding it). Negative: failure; nothing has changed, except where a function's comment says so.
 * Numbers are pinned: a number never changes its meaning and is never reused. kin prints nothing, does not exit and
 * installs no signal handler.
 */
#ifndef KIN_STATUS_H
#define KIN_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"

KIN_BEGIN

/* number, name, text */
#define KIN_STATUS_LIST(X)                                                                                             \
    X(0, KIN_OK, "success")                                                                                            \
    X(1, KIN_OWNER_DIED, "the lock is held; its previous owner died while holding it")                                 \
    X(2, KIN_KILLED, "the process ended, but only by being killed")                                                    \
    X(-1, KIN_E_ARGUMENT, "an argument is null, zero, misaligned or out of range")                                     \
    X(-2, KIN_E_TIMED_OUT, "the timeout passed first")                                                                 \
    X(-3, KIN_E_NO_MEMORY, "out of memory, shared memory or address space")                                            \
    X(-4, KIN_E_UNSUPPORTED, "this system, or this object, cannot do that")                                            \
    X(-5, KIN_E_NOT_OWNER, "the caller does not own the object")                                                       \
    X(-6, KIN_E_DEADLOCK, "the wait could never end: the caller holds what it would wait for")                         \
    X(-7, KIN_E_POISONED, "the lock was poisoned: the data that it guards are damaged")                                \
    X(-8, KIN_E_OVERFLOW, "the value would exceed its maximum")                                                        \
    X(-9, KIN_E_TYPE, "the object is of another type")                                                                 \
    X(-10, KIN_E_STALE, "the object no longer exists, or the reference was forged")                                    \
    X(-11, KIN_E_NOT_FOUND, "nothing has that name, key or index")                                                     \
    X(-12, KIN_E_EXISTS, "the name or key is already in use")                                                          \
    X(-13, KIN_E_LIMIT, "a fixed limit is reached; kin_last_error says which")                                         \
    X(-14, KIN_E_OS, "the operating system reported an error; see kin_last_os_error")                                  \
    X(-15, KIN_E_PERMISSION, "the operating system denied permission")                                                 \
    X(-16, KIN_E_TOO_BIG, "larger than the object or the format can hold")                                             \
    X(-17, KIN_E_BUSY, "in use by another thread or process")                                                          \
    X(-18, KIN_E_CLOSED, "the other side is closed or dead")                                                           \
    X(-19, KIN_E_FAMILY, "the object belongs to another family")                                                       \
    X(-20, KIN_E_HANDLE, "the handle is closed, or of another kind than expected")                                     \
    X(-21, KIN_E_BLOB_TRUNCATED, "the blob ends too early")                                                            \
    X(-22, KIN_E_BLOB_CORRUPT, "the blob's checksum or structure is wrong")                                            \
    X(-23, KIN_E_BLOB_VERSION, "made by another version or build of kin")                                              \
    X(-24, KIN_E_BLOB_TARGET, "the blob was made for another process")                                                 \
    X(-25, KIN_E_NO_CHILD_MAIN, "a spawned child must call kin_child_main before it starts processes")                 \
    X(-26, KIN_E_ENTRY, "no child entry or task of that name is registered")                                           \
    X(-27, KIN_E_BROKEN, "the barrier is broken: a participant timed out, died or aborted it")                         \
    X(-28, KIN_E_DAMAGED, "the contents in shared memory are invalid: a member overwrote them")                        \
    X(-29, KIN_E_FAILED, "the program ended otherwise than with exit code 0")                                          \
    X(-30, KIN_E_TASK, "a task failed")                                                                                \
    X(-31, KIN_E_WORKER_DIED, "a worker died")                                                                         \
    X(-32, KIN_E_CANCELLED, "the task was cancelled")                                                                  \
    X(-33, KIN_E_TOO_LATE, "tasks must be registered before kin_child_main is called")                                 \
    X(-34, KIN_E_BUFFER, "the buffer is too small; the size that is needed was written")                               \
    X(-35, KIN_E_END, "there are no more")                                                                             \
    X(-36, KIN_E_NOT_SHARED, "the memory lies in no family of this process")                                           \
    X(-37, KIN_E_SIZE, "the value has another length than its type")                                                   \
    X(-38, KIN_E_PROGRAM, "there is no such program or directory")                                                     \
    X(-39, KIN_E_REAPED, "the child has ended, but another part of the program reaped it")                             \
    X(-40, KIN_E_INTERRUPTED, "kin_thread_interrupt ended the wait first")                                             \
    X(-41, KIN_E_READ_ONLY, "this process has opened the family for reading only")

typedef enum kin_status {
#define KIN_STATUS_ENUM(number, name, text) name = number,
    KIN_STATUS_LIST(KIN_STATUS_ENUM)
#undef KIN_STATUS_ENUM
} kin_status;

/* The status's name ("KIN_E_TIMED_OUT"), or "KIN_E_?" for an unknown number. A static string. Any thread. */
KIN_API const char *kin_status_name(kin_status status);

/* What the status means in general, one clause in English. A static string. Any thread. */
KIN_API const char *kin_status_text(kin_status status);

/* A sentence about the calling thread's last kin function that returned a negative status: the particulars where there
 * are any (the parameter that is wrong, the limit that was reached and the option that raises it, the name, the
 * system's reason), else kin_status_text. "" if none has failed. Ask right after the failure: a later kin function may
 * change it, also one that succeeds. The string belongs to the thread and is valid until its next kin function. Any
 * thread; not for signal handlers. */
KIN_API const char *kin_last_error(void);

/* The operating system's error code (errno, GetLastError) of this thread's last kin call that failed because the system
 * did; 0 if there was none. A call that succeeds or times out does not change it. The system's own errno and
 * GetLastError() may be changed by any call of kin, also by one that succeeds (Windows: each use of a lock sets the
 * latter to 0). To preserve them would make an uncontended lock half as slow again: read them before the next call. */
KIN_API int kin_last_os_error(void);

/* Writes the system's text for such a code into buffer: terminated, and truncated to size bytes. Returns buffer, or an
 * empty string if buffer is null or size is 0. */
KIN_API const char *kin_os_error_text(int code, char *buffer, size_t size);

/* Timeouts are nanoseconds on the monotonic clock: setting the wall clock does not affect them. Time for which the
 * machine is suspended does not count, neither in the clock nor in a wait, on all systems (Linux: CLOCK_MONOTONIC;
 * Windows 10: the unbiased interrupt time). n is an integer or a floating-point number: KIN_SECONDS(0.5). A number too
 * large for nanoseconds becomes KIN_FOREVER; one too small, and a NaN, becomes INT64_MIN. Functions refuse negative
 * timeouts. n is evaluated more than once. */
#define KIN_NOW INT64_C(0)
#define KIN_FOREVER INT64_MAX
#define KIN_US(n) KIN_DETAIL_TIME(KIN_DETAIL_DOUBLE(n) * 1e3)
#define KIN_MS(n) KIN_DETAIL_TIME(KIN_DETAIL_DOUBLE(n) * 1e6)
#define KIN_SECONDS(n) KIN_DETAIL_TIME(KIN_DETAIL_DOUBLE(n) * 1e9)
/* Internal. 9223372036854775808 is 2^63. */
#define KIN_DETAIL_TIME(ns)                                                                                            \
    ((ns) >= 9223372036854775808.0   ? KIN_FOREVER                                                                     \
     : (ns) > -9223372036854775808.0 ? KIN_DETAIL_CAST(int64_t, ns)                                                    \
                                     : INT64_MIN)
#ifdef __cplusplus
#define KIN_DETAIL_DOUBLE(n) kin_detail_double(n)
#else
#define KIN_DETAIL_DOUBLE(n) ((double)(n))
#endif

/* The present time of that clock, in nanoseconds since an unspecified start. Any thread. */
KIN_API int64_t kin_now(void);

/* Sleeps for time nanoseconds, also if signals are handled meanwhile. KIN_FOREVER does not end by itself. The thread is
 * not cancelled in here. Errors: KIN_E_ARGUMENT (negative), KIN_E_INTERRUPTED (thread.h). Any thread. */
KIN_API kin_status kin_sleep(int64_t time);

KIN_END

#ifdef __cplusplus
/* Two, so that no number is cast to the type that it has. */
constexpr double kin_detail_double(double n)
{
    return n;
}
template <class Number> constexpr double kin_detail_double(Number n)
{
    return static_cast<double>(n);
}
#endif

#endif
