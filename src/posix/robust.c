/* robust.c: a word of shared memory on the list that the kernel walks when a thread ends.
 *
 * The kernel marks the robust mutexes that a thread holds at its end and at exec (get_robust_list(2)): a mutex's
 * first word that names the thread gets FUTEX_OWNER_DIED. It needs no descriptor, no /proc and no common pid
 * namespace.
 *
 * The list belongs to the C library, and its pointers lie in the mutexes. In shared memory another process could change
 * them. So a node is a pthread_mutex_t that lies across the border of two pages:
 *
 *     page A   ... first 8 bytes of the mutex    libc's word and one more; a mapping of the shared page, while enrolled
 *     page B   the rest of the mutex, the node   private: the pointers, what libc compares; reads as zero after a fork
 *
 *     enrol:  A is private; the mutex is made and locked     libc writes the thread's id, and links the node
 *             save the 8 bytes, map the shared page over A   the kernel now looks at the shared word
 *     expel:  map a private page over A, put the 8 bytes back; unlock    libc unlinks the node
 *
 * The C library touches the 8 bytes only while A is private. Whatever other processes write to the shared word, they
 * can mislead only the word's readers. Several threads may have the same word on their lists. The word names one of
 * them.
 *
 * The shared word, 8 bytes, is changed as a whole by compare-and-swap. The half where the C library keeps a mutex's
 * owner (glibc: the first, musl: the second) is the owner. The other half is SERIAL | serial number. Each taking raises
 * the number, so the DIED of one taking differs from that of another. The bit SERIAL says which half is which. The
 * kernel changes the owner's half only.
 *
 *     any value that was judged ──take──► thread, serial + 1
 *     thread ──hand over──► another thread of the process that has it enrolled, same serial     when the thread ends
 *     thread ──the last one ends──► NOBODY, same serial
 *     thread ──kernel──► DIED, same serial
 *     DIED, NOBODY ──a living process's own thread, later──► that thread, same serial
 *
 * The kernel may miss a thread in three cases: it stops after 2048 robust mutexes; it has lost the thread's id if a
 * thread that is not the first one execs; it may already have walked the list of a thread that is named at the very
 * moment of its process's death. And a thread that ends by a bare system call marks the word although its process
 * lives. So the word is one sign of two (judge.c).
 *
 * `guard` orders the ends of threads, so that the thread that is named is still enrolled. It contains a pid. If that is
 * another process's, the guard was copied by a fork. Signals are blocked while a thread has the guard, because a
 * handler may need it, too. Changes of words and of nodes are sequentially consistent, since nothing here is on a fast
 * path.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix/forks.h"
#include "posix/linux.h"
#include "posix/posix.h"
#include "posix/robust.h"

#define SERIAL (UINT32_C(1) << 28)
#define TID_MASK UINT32_C(0x0fffffff) /* the bits below the marks; thread ids are smaller yet */
#define SLEEPERS (UINT32_C(1) << 31)  /* FUTEX_WAITERS */
#define AREAS 256u
#define NODE_AT 1024u /* in page B, behind the mutex */

_Static_assert(sizeof(pthread_mutex_t) < NODE_AT, "the node lies behind the mutex");

/* ---- the word ---- */

kin_posix_word kin_posix_word_of(uint64_t raw)
{
    uint32_t half[2];
    memcpy(half, &raw, sizeof half);
    kin_posix_word word = {raw, KIN_POSIX_NOBODY, 0};
    int numbered = half[1] >> 28 == 1 ? 1 : half[0] >> 28 == 1 ? 0 : -1;
    if (numbered < 0) {
        return word;
    }
    uint32_t owner = half[1 - numbered] & ~SLEEPERS;
    word.serial = half[numbered] & ~SERIAL;
    word.owner = owner & KIN_POSIX_DIED ? KIN_POSIX_DIED : owner & KIN_POSIX_UNLISTED ? KIN_POSIX_UNLISTED : owner;
    return word;
}

static _Atomic int owner_half; /* where this C library keeps a mutex's owner: learnt at the first enrolment */

static uint64_t word_made(uint32_t owner, uint32_t serial)
{
    uint32_t half[2];
    uint64_t raw;
    int at = atomic_load(&owner_half);
    half[at] = owner;
    half[1 - at] = SERIAL | serial;
    memcpy(&raw, half, sizeof raw);
    return raw;
}

static size_t page_size(void)
{
    return kin_os_page_size();
}

static _Atomic uint64_t *word_at(void *page)
{
    return (_Atomic uint64_t *)(void *)((char *)page + page_size() - sizeof(uint64_t));
}

kin_posix_word kin_posix_word_read(const void *page)
{
    return kin_posix_word_of(atomic_load(word_at((void *)(uintptr_t)page)));
}

bool kin_posix_word_change(void *page, const kin_posix_word *seen, uint32_t owner, uint32_t serial)
{
    uint64_t raw = seen->raw;
    return atomic_compare_exchange_strong(word_at(page), &raw, word_made(owner, serial));
}

uint32_t kin_posix_word_next(uint32_t serial)
{
    uint32_t next = (serial + 1) & (SERIAL - 1);
    return next ? next : 1;
}

/* ---- nodes ---- */

typedef struct node {
    _Atomic uint32_t own;    /* this process's: 0 in a bare clone's child, which leaves its parent's areas alone */
    _Atomic uint32_t tid;    /* the thread whose list it is for; 0: free, also after a fork */
    _Atomic uint32_t live;   /* the shared page is mapped */
    const void *_Atomic key; /* and index, serial: others look at them while the area changes hands */
    _Atomic uint32_t index, serial;
    unsigned char saved[8];
} node;

static char *_Atomic areas[AREAS]; /* two pages each; never unmapped */
static _Atomic uint32_t guard;
static pthread_key_t end_key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_end_key; /* written inside once */

static uint32_t thread_id(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

static node *node_of(char *area)
{
    return (node *)(void *)(area + page_size() + NODE_AT);
}

static pthread_mutex_t *mutex_of(char *area)
{
    return (pthread_mutex_t *)(void *)(area + page_size() - 8);
}

static void enter(sigset_t *old)
{
    sigset_t all;
    uint32_t self = (uint32_t)getpid(), holder = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, old);
    while (!atomic_compare_exchange_weak(&guard, &holder, self)) {
        if (holder == self) {
            holder = 0;
            kin_os_yield();
        }
    }
}

static void leave(const sigset_t *old)
{
    atomic_store(&guard, 0);
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

static bool make_private(char *area)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    return mmap(area, page_size(), PROT_READ | PROT_WRITE, flags, -1, 0) == area;
}

static bool make_area(uint32_t number)
{
    char *none = NULL, *area = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED) {
        return false;
    }
    if (kin_posix_wipe_on_fork(area + page_size(), page_size()) != 0) {
        munmap(area, 2 * page_size());
        return false;
    }
    atomic_store(&node_of(area)->own, 1);
    if (!atomic_compare_exchange_strong(&areas[number], &none, area)) {
        munmap(area, 2 * page_size());
    }
    return true;
}

/* An area of whose node the calling thread is the only user. */
static char *claim_area(uint32_t tid)
{
    for (uint32_t i = 0; i < AREAS; i++) {
        if (!atomic_load(&areas[i]) && !make_area(i)) {
            return NULL;
        }
        char *area = atomic_load(&areas[i]);
        uint32_t nobody = 0;
        if (atomic_load(&node_of(area)->own) && atomic_compare_exchange_strong(&node_of(area)->tid, &nobody, tid)) {
            return area;
        }
    }
    return NULL;
}

/* Which half of the mutex says that this thread has it; -1: neither, so the C library takes it for another thread (a
 * bare clone's child), or the kernel knows no list of this thread's. */
static int find_owner(const pthread_mutex_t *mutex, uint32_t tid)
{
    uint32_t half[2];
    void *head = NULL;
    size_t size;
    memcpy(half, mutex, sizeof half);
    int at = half[0] == tid ? 0 : half[1] == tid ? 1 : -1;
    return syscall(SYS_get_robust_list, 0, &head, &size) == 0 && head ? at : -1;
}

static bool lock_mutex(pthread_mutex_t *mutex, uint32_t tid)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    bool made = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0 &&
                pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0 &&
                pthread_mutex_init(mutex, &attributes) == 0;
    pthread_mutexattr_destroy(&attributes);
    /* trylock, not lock: so tools that look for lock-order cycles report nothing. */
    if (!made || pthread_mutex_trylock(mutex) != 0) {
        return false;
    }
    int at = find_owner(mutex, tid);
    if (at < 0) {
        pthread_mutex_unlock(mutex);
        return false;
    }
    atomic_store(&owner_half, at);
    return true;
}

/* mremap of size 0 makes a second mapping of shared pages, without a descriptor (mremap(2)). */
static bool map_shared(char *area, void *page, uint32_t index, int fd)
{
    size_t size = page_size();
    void *mapped = fd >= 0 ? mmap(area, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, (off_t)(index * size))
                           : mremap(page, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, area);
    return mapped == area;
}

/* Any thread, under the guard: the kernel does not look at the shared word for this node any more. */
static void detach(char *area)
{
    node *it = node_of(area);
    if (atomic_exchange(&it->live, 0)) {
        bool apart = make_private(area);
        if (apart) {
            memcpy(area + page_size() - 8, it->saved, sizeof it->saved);
        }
        atomic_store(&it->own, apart);
    }
}

/* The node's own thread: a detached node leaves the list. */
static void unlink_node(char *area)
{
    pthread_mutex_unlock(mutex_of(area));
    pthread_mutex_destroy(mutex_of(area));
    atomic_store(&node_of(area)->tid, 0);
}

/* The calling thread's nodes that others have detached. */
static void unlink_detached(uint32_t tid)
{
    for (uint32_t i = 0; i < AREAS && atomic_load(&areas[i]); i++) {
        char *area = atomic_load(&areas[i]);
        if (atomic_load(&node_of(area)->tid) == tid && !atomic_load(&node_of(area)->live)) {
            unlink_node(area);
        }
    }
}

static bool is_at(node *it, const void *key, uint32_t index)
{
    return atomic_load(&it->live) && it->key == key && (index == UINT32_MAX || it->index == index);
}

/* ---- the end of a thread ---- */

/* Under the guard. */
static uint32_t find_successor(const node *ending, uint32_t tid)
{
    for (uint32_t i = 0; i < AREAS && atomic_load(&areas[i]); i++) {
        node *it = node_of(atomic_load(&areas[i]));
        uint32_t other = atomic_load(&it->tid);
        if (other != tid && is_at(it, ending->key, ending->index) && it->serial == ending->serial &&
            syscall(SYS_tgkill, getpid(), other, 0) == 0) { /* one that ended past the C library is still here */
            return other;
        }
    }
    return KIN_POSIX_NOBODY;
}

static void hand_over(char *area, uint32_t tid)
{
    const node *it = node_of(area);
    kin_posix_word word = kin_posix_word_read(area);
    if (word.owner == tid && word.serial == it->serial) {
        kin_posix_word_change(area, &word, find_successor(it, tid), word.serial);
    }
}

/* Destructors of other keys may use kin after this one, and then this one runs again (pthread_key_create(3p)). */
static void on_thread_end(void *unused)
{
    sigset_t old;
    uint32_t tid = thread_id();
    (void)unused;
    enter(&old);
    for (uint32_t i = 0; i < AREAS && atomic_load(&areas[i]); i++) {
        char *area = atomic_load(&areas[i]);
        if (atomic_load(&node_of(area)->tid) == tid && atomic_load(&node_of(area)->live)) {
            hand_over(area, tid);
            detach(area);
        }
    }
    leave(&old);
    unlink_detached(tid);
}

/* The forked child's only thread. Page B stays, as musl's list still leads there. munmap first: ThreadSanitizer
 * forgets the parent's mutex at an address that is unmapped only. */
static void forget_parents(bool in_child)
{
    for (uint32_t i = 0; in_child && i < AREAS && atomic_load(&areas[i]); i++) {
        char *area = atomic_load(&areas[i]);
        munmap(area, page_size());
        atomic_store(&node_of(area)->own, make_private(area));
    }
}

static void make_end_key(void)
{
    static kin_posix_fork_watcher watcher = {.after = forget_parents};
    kin_posix_watch_forks(&watcher);
    has_end_key = pthread_key_create(&end_key, on_thread_end) == 0;
}

/* ---- enrolling ---- */

uint32_t kin_posix_enrolled(const void *key, uint32_t index)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < AREAS && atomic_load(&areas[i]); i++) {
        count += is_at(node_of(atomic_load(&areas[i])), key, index);
    }
    return count;
}

static bool is_enrolled(const kin_posix_place *place, uint32_t tid)
{
    for (uint32_t i = 0; i < AREAS && atomic_load(&areas[i]); i++) {
        node *it = node_of(atomic_load(&areas[i]));
        if (atomic_load(&it->tid) == tid && is_at(it, place->key, place->index) && it->serial == place->serial) {
            return true;
        }
    }
    return false;
}

bool kin_posix_enrol(const kin_posix_place *place, void *page, int fd)
{
    uint32_t tid = thread_id();
    if (is_enrolled(place, tid)) {
        return true;
    }
    pthread_once(&once, make_end_key);
    unlink_detached(tid);
    char *area = has_end_key && pthread_setspecific(end_key, areas) == 0 ? claim_area(tid) : NULL;
    if (!area) {
        return false;
    }
    node *it = node_of(area);
    if (!lock_mutex(mutex_of(area), tid)) {
        atomic_store(&it->tid, 0);
        return false;
    }
    memcpy(it->saved, area + page_size() - 8, sizeof it->saved);
    it->key = place->key;
    it->index = place->index;
    it->serial = place->serial;
    if (!map_shared(area, page, place->index, fd)) {
        if (make_private(area)) { /* mremap may have unmapped it; without it the node stays where it is */
            memcpy(area + page_size() - 8, it->saved, sizeof it->saved);
            unlink_node(area);
        }
        return false;
    }
    atomic_store(&it->live, 1);
    return true;
}

void kin_posix_expel(const void *key, uint32_t index)
{
    sigset_t old;
    enter(&old);
    for (uint32_t i = 0; i < AREAS && atomic_load(&areas[i]); i++) {
        char *area = atomic_load(&areas[i]);
        if (is_at(node_of(area), key, index)) {
            detach(area);
        }
    }
    leave(&old);
    unlink_detached(thread_id());
}
