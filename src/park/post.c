/* post.c: posting another thread's native semaphore.
 *
 * A process keeps an entry for each thread slot that it has ever posted, with the semaphore opened. One thread at a
 * time works on an entry, and no thread waits for another one there, so that a signal handler may interrupt a post
 * and post itself. The entry's word:
 *
 *     0 ──► pid|BUSY                      the poster: opens the semaphore if the slot has changed hands, and posts it
 *     pid|BUSY ──► pid|BUSY|AGAIN         another thread, or a handler of the same one: leaves its post to the poster
 *     pid|BUSY|AGAIN ──► pid|BUSY         the poster, which posts once more
 *     pid|BUSY ──► 0                      the poster leaves
 *
 * 1. All changes are compare-and-swap. The poster leaves only from a word without AGAIN. 2. So a thread that finds
 * BUSY either sets AGAIN while the poster is there, and the poster posts after that; or it finds 0. 3. Setting AGAIN
 * releases and clearing it acquires: what the other thread did before, such as marking the slot as woken,
 *    is visible to the sleeper that the poster wakes.
 * 4. One post too many is a stale token, which sleepers ignore (park.c).
 *
 * A poster of several enters all their entries, posts, and leaves them all. It waits for no thread in between, and a
 * poster that finds an entry BUSY does not wait for it.
 *
 * A word with another pid was copied by a fork, and its poster does not exist in this process: it counts as 0. The
 * poster cannot be cancelled: the entry would stay BUSY. Nor can it be while it rings, which takes system calls that
 * are cancellation points: others that it has to post after this one would be forgotten. Killed, it takes the whole
 * process and the entry with it.
 */
#include "park/post.h"

#include "family/member.h"

#define BUSY UINT64_C(1)
#define AGAIN UINT64_C(2)

static uint64_t busy_word(const kin_family *family)
{
    return (uint64_t)family->self->pid << 2 | BUSY;
}

/* Not from malloc: a signal handler may be the first to post. NULL: no memory. */
static kin__native *native_at(kin_family *family, uint32_t index)
{
    kin__native *natives = atomic_load_explicit(&family->natives, memory_order_acquire);
    if (!natives) {
        void *memory;
        const size_t size = family->layout.max_threads * sizeof *natives;
        if (kin_os_pages_alloc(&memory, size) != KIN_OK) {
            return NULL;
        }
        if (atomic_compare_exchange_strong(&family->natives, &natives, (kin__native *)memory)) {
            natives = memory;
        } else {
            kin_os_pages_free(memory, size);
        }
    }
    return &natives[index];
}

/* False: another thread, or this one outside of its signal handler, is the poster and has been told. */
static bool enter(kin__native *native, uint64_t busy)
{
    uint64_t word = atomic_load_explicit(&native->word, memory_order_relaxed);
    for (;;) {
        bool taken = (word & ~AGAIN) == busy;
        if (atomic_compare_exchange_weak(&native->word, &word, taken ? busy | AGAIN : busy)) {
            return !taken;
        }
    }
}

/* False: there is another post to make. */
static bool leave(kin__native *native, uint64_t busy)
{
    uint64_t word = busy;
    if (atomic_compare_exchange_strong(&native->word, &word, 0)) {
        return true;
    }
    atomic_fetch_and(&native->word, ~AGAIN);
    return false;
}

/* Opens the semaphore of the thread that has the slot now, unless it is open. */
static bool open_native(kin_family *family, uint32_t index, kin__native *native)
{
    kin__thread *thread = kin__thread_at(family, index);
    uint64_t lease = atomic_load(&thread->lease);
    if (!kin__lease_live(lease)) {
        return false;
    }
    if (native->lease == lease) {
        return true;
    }
    if (native->lease != 0) {
        native->lease = 0; /* first: a fork in between must not leave the child a closed semaphore */
        kin_os_sem_close(native->sem);
    }
    if (kin_os_sem_open(&native->sem, &thread->place, &family->id, index) != KIN_OK) {
        return false;
    }
    if (atomic_load(&thread->lease) != lease) { /* changed hands meanwhile: this may be any thread's */
        kin_os_sem_close(native->sem);
        return false;
    }
    native->lease = lease;
    return true;
}

static void ring(kin_family *family, uint32_t index)
{
    const uint32_t bell = atomic_load(&kin__thread_at(family, index)->bell);
    if (bell) {
        kin_os_bell_ring(&family->id, index, bell);
    }
}

/* This thread is the poster. */
static void post_and_leave(kin_family *family, uint32_t index, kin__native *native, uint64_t busy)
{
    do {
        if (open_native(family, index, native)) {
            kin_os_sem_post(native->sem);
        }
    } while (!leave(native, busy));
}

static void post_one(kin_family *family, uint32_t index)
{
    const uint64_t busy = busy_word(family);
    kin__native *native = native_at(family, index);
    ring(family, index);
    if (native && enter(native, busy)) { /* no memory: the sleeper's slice ends soon */
        post_and_leave(family, index, native, busy);
    }
}

static void post_several(kin_family *family, const uint32_t *indexes, uint32_t count)
{
    const uint64_t busy = busy_word(family);
    kin__native *natives[KIN_OS_POSTS_MAX];
    kin_os_sem sems[KIN_OS_POSTS_MAX];
    size_t open = 0;
    for (uint32_t i = 0; i < count; i++) {
        kin__native *native = native_at(family, indexes[i]);
        ring(family, indexes[i]);
        natives[i] = native && enter(native, busy) ? native : NULL;
        if (natives[i] && open_native(family, indexes[i], native)) {
            sems[open++] = native->sem;
        }
    }
    kin_os_sem_post_all(sems, open);
    for (uint32_t i = 0; i < count; i++) {
        if (natives[i] && !leave(natives[i], busy)) {
            post_and_leave(family, indexes[i], natives[i], busy);
        }
    }
}

void kin__post_all(kin_family *family, const uint32_t *indexes, uint32_t count)
{
    while (count > 0) {
        uint32_t some = count < KIN_OS_POSTS_MAX ? count : KIN_OS_POSTS_MAX;
        int held = kin_os_cancel_hold();
        if (some == 1) {
            post_one(family, indexes[0]);
        } else {
            post_several(family, indexes, some);
        }
        kin_os_cancel_release(held);
        indexes += some;
        count -= some;
    }
}
