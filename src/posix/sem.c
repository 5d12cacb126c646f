/* sem.c: native semaphores, each a word in its thread slot, on which its owner sleeps by futex(2).
 *
 * Only the slot's thread, the owner, waits on a semaphore. Any member posts. A post means "look again". Several posts
 * may leave one token.
 *
 *     POSTED   there is a token
 *     ASLEEP   the owner sleeps, or is about to
 *
 *     any ──post──► POSTED kept or set; if ASLEEP was set: wake
 *     any ──owner──► 0 ──owner, about to sleep──► ASLEEP
 *
 * 1. A post is one read-modify-write. So the post sees ASLEEP, or the owner's next look sees POSTED.
 * 2. A post leaves ASLEEP set. So if the poster is killed before its wake-up, the next poster wakes. If there is none,
 *    the sleeper's slice ends.
 * 3. A post is a release, and taking the token is an acquire. So the owner sees what the poster wrote before.
 * 4. Any member can write any value there. So the owner clears all other bits, and checks its deadline after each
 *    return of the system call.
 *
 * kin does not use a sem_t, for three reasons. If a member overwrites it, glibc's sem_wait aborts the process ("The
 * futex facility returned an unexpected error code", nptl/futex-internal.h) or sleeps past its deadline. The sem_t of
 * glibc and that of musl differ. A name in /dev/shm is out of reach after chroot(2), with other privileges, or in
 * another mount namespace. Systems without futexes have sem_plain.c.
 */
#include "posix/sem.h"

#include <stdatomic.h>

#include "posix/futex.h"
#include "posix/posix.h"

#define POSTED UINT32_C(1)
#define ASLEEP UINT32_C(2)

static kin_os_sem sem_at(const kin_os_sem_place *place)
{
    return (kin_os_sem)(uintptr_t)&place->words[0];
}

static _Atomic uint32_t *word_of(kin_os_sem sem)
{
    return (_Atomic uint32_t *)sem;
}

kin_status kin_os_sem_create(kin_os_sem *out, kin_os_sem_place *place, const kin_os_id *family, uint32_t slot,
                             bool named, const kin_os_access *access)
{
    (void)family;
    (void)slot;
    (void)named;
    (void)access;
    *out = sem_at(place); /* as it is: a late poster may be using it */
    return KIN_OK;
}

void kin_os_sem_retire(kin_os_sem sem, kin_os_sem_place *place, const kin_os_access *access)
{
    (void)sem;
    (void)place;
    (void)access;
}

kin_status kin_os_sem_open(kin_os_sem *out, const kin_os_sem_place *place, const kin_os_id *family, uint32_t slot)
{
    (void)family;
    (void)slot;
    *out = sem_at(place);
    return KIN_OK;
}

void kin_os_sem_close(kin_os_sem sem)
{
    (void)sem;
}

kin_status kin_os_sem_post(kin_os_sem sem)
{
    if (atomic_fetch_or_explicit(word_of(sem), POSTED, memory_order_release) & ASLEEP) {
        kin_posix_futex_wake(word_of(sem), true);
    }
    return KIN_OK;
}

kin_status kin_os_sem_wait(kin_os_sem sem, int64_t deadline)
{
    _Atomic uint32_t *word = word_of(sem);
    for (;;) {
        uint32_t none = 0;
        if (atomic_exchange_explicit(word, 0, memory_order_acquire) & POSTED) {
            return KIN_OK;
        }
        if (deadline != KIN_OS_NEVER && kin_os_now() >= deadline) {
            return KIN_E_TIMED_OUT;
        }
        if (atomic_compare_exchange_strong_explicit(word, &none, ASLEEP, memory_order_relaxed, memory_order_relaxed)) {
            kin_posix_futex_wait(word, ASLEEP, deadline, true);
        }
    }
}

bool kin_posix_sem_remove_names(const char *hex)
{
    (void)hex;
    return true; /* they have none */
}
