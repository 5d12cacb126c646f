/* sem.c: POSIX semaphores, named in /dev/shm or lying in the arena.
 *
 * - sem_open(O_CREAT) leaves a temporary file behind when it is killed at its link step, and obeys umask: 0777 makes
 *   a semaphore that nobody can open (both measured). Both C libraries keep a semaphore as a file of sizeof(sem_t)
 *   bytes (glibc sysdeps/pthread/sem_open.c, musl src/thread/sem_open.c), so it is made here as an O_TMPFILE,
 *   complete before it has its name. Where that fails, sem_open; where that fails too, sem_init in the arena.
 * - sem_open by one process of one name gives the same address each time, and counts.
 * - A poster killed inside sem_post may have counted without waking (glibc nptl/sem_post.c): the layers above sleep
 *   in slices.
 * - sem_clockwait is of glibc 2.30; elsewhere sem_timedwait is on the wall clock and is asked in short steps.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix.h"

enum { PLACE_NONE, PLACE_NAMED, PLACE_IN_ARENA }; /* words[0] */

_Static_assert(sizeof(sem_t) <= sizeof(uint64_t[7]), "a semaphore fits its place");
_Static_assert(_Alignof(sem_t) >= 2 && _Alignof(sem_t) <= _Alignof(uint64_t), "its address leaves a bit for the mark");

#define NAME_SIZE 64 /* "/kin-", 32 digits, '.', 10 digits */
#define PATH_SIZE (sizeof KIN_POSIX_SEM_DIR + sizeof "/sem." + NAME_SIZE)

static kin_os_sem named_sem(sem_t *sem)
{
    return (kin_os_sem)(uintptr_t)sem;
}

static kin_os_sem arena_sem(const kin_os_sem_place *place)
{
    return (kin_os_sem)((uintptr_t)&place->words[1] | 1);
}

static bool is_in_arena(kin_os_sem sem)
{
    return ((uintptr_t)sem & 1) != 0;
}

static sem_t *native(kin_os_sem sem)
{
    return (sem_t *)((uintptr_t)sem & ~(uintptr_t)1);
}

static void name_of(char name[NAME_SIZE], const kin_os_id *family, uint32_t slot)
{
    char hex[KIN_POSIX_HEX];
    kin_posix_hex(hex, family);
    snprintf(name, NAME_SIZE, "/kin-%s.%lu", hex, (unsigned long)slot);
}

static bool write_semaphore(int fd)
{
    sem_t sem;
    memset(&sem, 0, sizeof sem);
    return fchmod(fd, 0600) == 0 && sem_init(&sem, 1, 0) == 0 && write(fd, &sem, sizeof sem) == (ssize_t)sizeof sem;
}

static void path_of(char path[PATH_SIZE], const char *name)
{
    snprintf(path, PATH_SIZE, KIN_POSIX_SEM_DIR "/sem.%s", name + 1);
}

/* Whether the name exists now. */
static bool publish(const char *name)
{
    char path[PATH_SIZE];
    int fd = open(KIN_POSIX_SEM_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    path_of(path, name);
    bool named = write_semaphore(fd) && (kin_posix_link(fd, path) == 0 || errno == EEXIST);
    kin_posix_close(fd);
    return named;
}

static sem_t *make_named(const char *name)
{
    char path[PATH_SIZE];
    if (publish(name)) {
        return sem_open(name, 0);
    }
    sem_t *sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    if (sem == SEM_FAILED) {
        return errno == EEXIST ? sem_open(name, 0) : SEM_FAILED;
    }
    path_of(path, name);
    chmod(path, 0600);
    return sem;
}

static void set_kind(kin_os_sem_place *place, uint64_t kind)
{
    __atomic_store_n(&place->words[0], kind, __ATOMIC_RELEASE);
}

static uint64_t kind_of(const kin_os_sem_place *place)
{
    return __atomic_load_n(&place->words[0], __ATOMIC_ACQUIRE);
}

static kin_status make_in_arena(kin_os_sem *out, kin_os_sem_place *place)
{
    if (sem_init(native(arena_sem(place)), 1, 0) != 0) {
        return kin_posix_fail(errno);
    }
    set_kind(place, PLACE_IN_ARENA);
    *out = arena_sem(place);
    return KIN_OK;
}

kin_status kin_os_sem_create(kin_os_sem *out, kin_os_sem_place *place, const kin_os_id *family, uint32_t slot,
                             bool named)
{
    char name[NAME_SIZE];
    uint64_t kind = kind_of(place);
    if (kind == PLACE_IN_ARENA) {
        *out = arena_sem(place); /* as it is: a late poster may be using it */
        return KIN_OK;
    }
    sem_t *sem = SEM_FAILED;
    name_of(name, family, slot);
    if (kind == PLACE_NAMED) {
        sem = sem_open(name, 0);
    } else if (named) {
        sem = make_named(name);
    }
    if (sem == SEM_FAILED) {
        return make_in_arena(out, place);
    }
    set_kind(place, PLACE_NAMED);
    *out = named_sem(sem);
    return KIN_OK;
}

void kin_os_sem_retire(kin_os_sem sem)
{
    (void)sem; /* the name is the slot's, and the next thread with this slot opens it again */
}

kin_status kin_os_sem_open(kin_os_sem *out, const kin_os_sem_place *place, const kin_os_id *family, uint32_t slot)
{
    char name[NAME_SIZE];
    switch (kind_of(place)) {
    case PLACE_IN_ARENA:
        *out = arena_sem(place);
        return KIN_OK;
    case PLACE_NAMED:
        break;
    default:
        return KIN_E_NOT_FOUND;
    }
    name_of(name, family, slot);
    sem_t *sem = sem_open(name, 0);
    if (sem == SEM_FAILED) {
        return kin_posix_fail(errno);
    }
    *out = named_sem(sem);
    return KIN_OK;
}

void kin_os_sem_close(kin_os_sem sem)
{
    if (sem != KIN_OS_NO_SEM && !is_in_arena(sem)) {
        sem_close(native(sem));
    }
}

kin_status kin_os_sem_post(kin_os_sem sem)
{
    /* EOVERFLOW: there are tokens enough to wake whoever waits. */
    return sem_post(native(sem)) == 0 || errno == EOVERFLOW ? KIN_OK : kin_posix_fail(errno);
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 30)

static int wait_until(sem_t *sem, int64_t deadline)
{
    struct timespec until = kin_posix_timespec(deadline);
    return sem_clockwait(sem, CLOCK_MONOTONIC, &until);
}

#else

#define STEP INT64_C(50000000) /* what a step of the wall clock can cost */

static int wait_until(sem_t *sem, int64_t deadline)
{
    for (;;) {
        int64_t left = deadline - kin_os_now();
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        int64_t step = left < 0 ? 0 : left < STEP ? left : STEP;
        wall = kin_posix_timespec((int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec + step);
        int result = sem_timedwait(sem, &wall);
        if (result == 0 || errno != ETIMEDOUT || left <= STEP) {
            return result;
        }
    }
}

#endif

kin_status kin_os_sem_wait(kin_os_sem sem, int64_t deadline)
{
    int result;
    do {
        result = deadline == KIN_OS_NEVER ? sem_wait(native(sem)) : wait_until(native(sem), deadline);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
        return KIN_OK;
    }
    return errno == ETIMEDOUT ? KIN_E_TIMED_OUT : kin_posix_fail(errno);
}
