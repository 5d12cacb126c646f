/* sem.c: native semaphores, each a word in its thread slot, on which its owner sleeps by futex(2).
 *
 * Only the slot's thread, the owner, waits on a semaphore. Any member posts. A post means "look again". Several posts
 * may leave one token.
 *
 *     POSTED   there is a token
 *     ASLEEP   the owner sleeps, or is about to
 *     MOVED    the owner may sleep on the common word instead
 *
 *     any ──post──► POSTED kept or set; if ASLEEP was set: wake; if MOVED was set, too: wake on the common word
 *     any ──one of several posts──► POSTED and MOVED kept or set; if ASLEEP was set: move to the common word
 *     after several posts: wake on the common word
 *     any ──owner──► 0 ──owner, about to sleep──► ASLEEP
 *
 * 1. A post is one read-modify-write. So the post sees ASLEEP, or the owner's next look sees POSTED.
 * 2. A post leaves ASLEEP set. So if the poster is killed before its wake-up, the next poster wakes. If there is none,
 *    the sleeper's slice ends.
 * 3. A post is a release, and taking the token is an acquire. So the owner sees what the poster wrote before.
 * 4. Any member can write any value there. So the owner clears all other bits, and checks its deadline after each
 *    return of the system call.
 *
 * Each wake-up is a system call, after which the woken thread often takes the processor from the poster. So a poster of
 * several moves the sleepers to one word first (FUTEX_CMP_REQUEUE), and wakes them all by one call:
 *
 * 1. The common word of a semaphore is the first one of the 4096 bytes in which its own word lies. So it lies in shared
 *    memory, too, and any poster finds it. It serves as an address only: nobody reads it.
 * 2. The poster sets MOVED before it moves. The kernel moves only while the word is as the poster left it. So a thread
 *    sleeps on the common word only while its own word has MOVED, until it is awake and clears it.
 * 3. So if the poster is killed before it wakes, the next poster of any of these semaphores finds MOVED and wakes all
 *    that sleep on the common word. If there is none, each sleeper's slice ends.
 * 4. If a move fails (the owner is awake; the call is not allowed), the poster wakes on the word itself.
 * 5. A thread that is woken for another's post finds no token, and sleeps again.
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

_Static_assert(KIN_OS_POSTS_MAX <= 64, "a bit each");

#define POSTED UINT32_C(1)
#define ASLEEP UINT32_C(2)
#define MOVED UINT32_C(4)
#define COMMON UINT32_C(4096) /* bytes: no system's page is smaller */

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

static _Atomic uint32_t *common_of(kin_os_sem sem)
{
    return (_Atomic uint32_t *)((uintptr_t)sem & ~(uintptr_t)(COMMON - 1));
}

kin_status kin_os_sem_post(kin_os_sem sem)
{
    uint32_t before = atomic_fetch_or_explicit(word_of(sem), POSTED, memory_order_release);
    if (before & ASLEEP) {
        kin_posix_futex_wake(word_of(sem), true);
    }
    if (before & MOVED) {
        kin_posix_futex_wake(common_of(sem), true);
    }
    return KIN_OK;
}

/* Whether its owner may sleep on the common word now. */
static bool post_by_moving(kin_os_sem sem)
{
    const uint32_t set = POSTED | MOVED;
    uint32_t before = atomic_fetch_or_explicit(word_of(sem), set, memory_order_release);
    if (!(before & ASLEEP)) {
        return false;
    }
    bool moved = kin_posix_futex_move(word_of(sem), before | set, common_of(sem), true);
    if (!moved) {
        kin_posix_futex_wake(word_of(sem), true);
    }
    return moved || (before & MOVED);
}

void kin_os_sem_post_all(const kin_os_sem *sems, size_t count)
{
    uint64_t done = 0;
    if (count == 1) {
        kin_os_sem_post(sems[0]);
        return;
    }
    for (size_t first = 0; first < count; first++) {
        bool asleep = false;
        for (size_t i = first; i < count; i++) {
            if (!(done >> i & 1) && common_of(sems[i]) == common_of(sems[first])) {
                done |= UINT64_C(1) << i;
                asleep |= post_by_moving(sems[i]);
            }
        }
        if (asleep) {
            kin_posix_futex_wake(common_of(sems[first]), true);
        }
    }
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
