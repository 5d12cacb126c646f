/* status.h: what every kin function answers.
 *
 *     kin_status status = kin_lock_acquire(lock, KIN_MS(100));
 *     if (status < 0) {
 *         fprintf(stderr, "%s: %s\n", kin_status_name(status), kin_status_text(status));
 *     }
 *
 * 0 is done. Positive is done, with news (KIN_OWNER_DIED: you hold the lock, its last owner died with it).
 * Negative is not done, and nothing has changed. Values are pinned: they never change meaning and are never reused.
 * Nothing in kin prints, exits or installs a signal handler.
 */
#ifndef KIN_STATUS_H
#define KIN_STATUS_H

#include <stddef.h>
#include <stdint.h>

#include "export.h"

KIN_BEGIN

/* number, name, text */
#define KIN_STATUS_LIST(X)                                                                                             \
    X(0, KIN_OK, "done")                                                                                               \
    X(1, KIN_OWNER_DIED, "acquired; the last owner died while it held the lock")                                       \
    X(2, KIN_KILLED, "ended, but killed: it did not when it was asked to")                                             \
    X(-1, KIN_E_ARGUMENT, "an argument is null, zero, out of range or not in shared memory")                           \
    X(-2, KIN_E_TIMED_OUT, "the time allowed passed first")                                                            \
    X(-3, KIN_E_NO_MEMORY, "out of memory, shared memory or address space")                                            \
    X(-4, KIN_E_UNSUPPORTED, "this system cannot do that")                                                             \
    X(-5, KIN_E_NOT_OWNER, "the calling thread does not hold the lock")                                                \
    X(-6, KIN_E_DEADLOCK, "waiting could never end: the caller already holds what it waits for")                       \
    X(-7, KIN_E_POISONED, "the lock was given up: what it guards is damaged")                                          \
    X(-8, KIN_E_OVERFLOW, "the value would pass its maximum")                                                          \
    X(-9, KIN_E_TYPE, "the reference names an object of another type")                                                 \
    X(-10, KIN_E_STALE, "the object is gone, or the reference was forged")                                             \
    X(-11, KIN_E_NOT_FOUND, "there is nothing of that name")                                                           \
    X(-12, KIN_E_EXISTS, "the name is taken")                                                                          \
    X(-13, KIN_E_LIMIT, "a fixed limit is reached: members, threads, names, families or handles")                      \
    X(-14, KIN_E_OS, "the operating system refused; see kin_last_os_error")                                            \
    X(-15, KIN_E_PERMISSION, "the operating system denied permission")                                                 \
    X(-16, KIN_E_TOO_BIG, "larger than the format or the object can hold")                                             \
    X(-17, KIN_E_BUSY, "in use")                                                                                       \
    X(-18, KIN_E_CLOSED, "the other side is closed or dead")                                                           \
    X(-19, KIN_E_FAMILY, "the object belongs to a family that this process is not a member of")                        \
    X(-20, KIN_E_HANDLE, "the handle is invalid, or not of the kind that was promised")                                \
    X(-21, KIN_E_BLOB_TRUNCATED, "the blob ends too early")                                                            \
    X(-22, KIN_E_BLOB_CORRUPT, "the blob's checksum or structure is wrong")                                            \
    X(-23, KIN_E_BLOB_VERSION, "the blob was made by another version or layout of kin")                                \
    X(-24, KIN_E_BLOB_TARGET, "the blob was made for another process")                                                 \
    X(-25, KIN_E_NO_CHILD_MAIN, "a spawned child must call kin_child_main before it starts processes")                 \
    X(-26, KIN_E_ENTRY, "no entry of that name was registered with kin_child_main")                                    \
    X(-27, KIN_E_BROKEN, "the barrier is broken: somebody left it, or died, before all had come")                      \
    X(-28, KIN_E_DAMAGED, "its contents in shared memory make no sense: a member wrote over them")                     \
    X(-29, KIN_E_FAILED, "the program ran, and ended otherwise than with exit code 0")                                 \
    X(-30, KIN_E_TASK, "a task failed")                                                                                \
    X(-31, KIN_E_WORKER_DIED, "a worker died")                                                                         \
    X(-32, KIN_E_CANCELLED, "it was cancelled")                                                                        \
    X(-33, KIN_E_TOO_LATE, "functions have to be registered before kin_child_main is called")

typedef enum kin_status {
#define KIN_STATUS_ENUM(number, name, text) name = number,
    KIN_STATUS_LIST(KIN_STATUS_ENUM)
#undef KIN_STATUS_ENUM
} kin_status;

/* The status's name ("KIN_E_TIMED_OUT"), or "KIN_E_?" for a number that is no status. A static string; any thread. */
KIN_API const char *kin_status_name(kin_status status);

/* What it means, one clause in English. A static string; any thread. */
KIN_API const char *kin_status_text(kin_status status);

/* The operating system's own code (errno, GetLastError) behind the last kin call of this thread that failed for the
 * system's reasons; 0 if there was none. A call that succeeds leaves it alone, and so does one that timed out. */
KIN_API int kin_last_os_error(void);

/* Writes the system's text for such a code into buffer, always terminated, cut to size bytes.
 * Returns buffer; an empty string when buffer is null or size is 0. */
KIN_API const char *kin_os_error_text(int code, char *buffer, size_t size);

/* Timeouts are nanoseconds on the monotonic clock: a step of the wall clock does not move them. n is an integer or a
 * floating number: KIN_SECONDS(0.5). What is too large to be told in nanoseconds is KIN_FOREVER, what is too small (or
 * no number) INT64_MIN; functions refuse all that is negative. n is evaluated more than once. */
#define KIN_NOW INT64_C(0)
#define KIN_FOREVER INT64_MAX
#define KIN_US(n) KIN_DETAIL_TIME(KIN_DETAIL_DOUBLE(n) * 1e3)
#define KIN_MS(n) KIN_DETAIL_TIME(KIN_DETAIL_DOUBLE(n) * 1e6)
#define KIN_SECONDS(n) KIN_DETAIL_TIME(KIN_DETAIL_DOUBLE(n) * 1e9)
/* For these alone. 9223372036854775808 is 2^63. */
#define KIN_DETAIL_TIME(ns)                                                                                            \
    ((ns) >= 9223372036854775808.0   ? KIN_FOREVER                                                                     \
     : (ns) > -9223372036854775808.0 ? KIN_DETAIL_CAST(int64_t, ns)                                                    \
                                     : INT64_MIN)
#ifdef __cplusplus
#define KIN_DETAIL_DOUBLE(n) kin_detail_double(n)
#else
#define KIN_DETAIL_DOUBLE(n) ((double)(n))
#endif

/* What that clock shows; it began at no particular time. Any thread. */
KIN_API int64_t kin_now(void);

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
