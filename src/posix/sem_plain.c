/* sem_plain.c: native semaphores as POSIX has them, in files or lying in the arena: for systems without futexes
 * (sem.c). Built instead of sem.c with KIN_POSIX_PLAIN.
 *
 * - A file is /dev/shm/kin-UID/HEX.semSLOT, beside the family's pulse. If the pulse is not there, no file is made. So a
 *   sweep sees at once that a file has no family any more. No other user can make such a file (directory.c).
 * - Both C libraries keep a named semaphore as a file of sizeof(sem_t) bytes (glibc sysdeps/pthread/sem_open.c, musl
 *   src/thread/sem_open.c), so it is made and mapped here, without sem_open. sem_open leaves a temporary file behind
 *   when the process is killed at its link step. It obeys umask: 0777 makes a semaphore that no process can open. It
 *   holds a lock of the library: a child that another thread forks meanwhile waits for ever in its own sem_open. (All
 *   of this is measured.)
 * - The file is complete before it has its name: an O_TMPFILE, or where there is none a file whose name sweeping knows
 *   (HEX.semSLOT.PID).
 *   Where no file can be had, the semaphore lies in the arena.
 * - A poster killed inside sem_post may have counted without waking (glibc nptl/sem_post.c): the layers above sleep
 *   in slices.
 * - sem_clockwait is of glibc 2.30; elsewhere sem_timedwait is on the wall clock and is asked in short steps.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/clock.h"
#include "posix/directory.h"
#include "posix/handle.h"
#include "posix/libc.h"
#include "posix/posix.h"
#include "posix/sem.h"

enum { PLACE_NONE, PLACE_NAMED, PLACE_IN_ARENA }; /* words[0] */

_Static_assert(sizeof(sem_t) <= sizeof(uint64_t[5]), "a semaphore fits its place");
_Static_assert(_Alignof(sem_t) >= 2 && _Alignof(sem_t) <= _Alignof(uint64_t), "its address leaves a bit for the mark");

static kin_os_sem file_sem(sem_t *sem)
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

/* False: the family's pulse is not there, nor is anything else to be. */
static bool path_of(char path[PATH_MAX], const kin_os_id *family, uint32_t slot)
{
    const unsigned long self = (unsigned long)geteuid();
    char hex[KIN_POSIX_HEX], suffix[32];
    struct stat info;
    kin_posix_hex(hex, family);
    snprintf(suffix, sizeof suffix, KIN_POSIX_SEM "%lu", (unsigned long)slot);
    return kin_posix_find_in(path, &info, KIN_POSIX_SEM_INDEX, self, hex, "pulse") &&
           kin_posix_path(path, KIN_POSIX_SEM_INDEX, self, hex, suffix);
}

/* ---- files ---- */

static bool write_semaphore(int fd)
{
    sem_t sem;
    memset(&sem, 0, sizeof sem);
    return fchmod(fd, 0600) == 0 && sem_init(&sem, 1, 0) == 0 && write(fd, &sem, sizeof sem) == (ssize_t)sizeof sem;
}

/* Whether the name exists now. */
static bool publish_unnamed(const char *path)
{
    char dir[PATH_MAX];
    bool there = kin_posix_dir(dir, KIN_POSIX_SEM_INDEX, (unsigned long)geteuid());
    int fd = there ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;
    bool named = fd >= 0 && write_semaphore(fd) && (kin_posix_link(fd, path) == 0 || errno == EEXIST);
    kin_posix_close(fd);
    return named;
}

static bool publish_renamed(const char *path)
{
    char draft[PATH_MAX];
    if (snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid()) >= (int)sizeof draft) {
        return false;
    }
    unlink(draft);
    int fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool named = fd >= 0 && write_semaphore(fd) && (link(draft, path) == 0 || errno == EEXIST);
    kin_posix_close(fd);
    unlink(draft);
    return named;
}

/* NULL and errno. The file must be this user's, because another owner could shorten it later, and a touch would be
 * SIGBUS. */
static sem_t *map_file(const char *path)
{
    struct stat info;
    void *memory = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        kin_posix_close(fd);
        return NULL;
    }
    errno = EINVAL;
    if (S_ISREG(info.st_mode) && info.st_uid == geteuid() && info.st_size >= (off_t)sizeof(sem_t)) {
        memory = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    kin_posix_close(fd);
    return memory != MAP_FAILED ? memory : NULL;
}

/* ---- places ---- */

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
                             bool named, const kin_os_access *access)
{
    char path[PATH_MAX];
    uint64_t kind = kind_of(place);
    named = named && !kin_os_account_given(&access->group);
    if (kind == PLACE_IN_ARENA) {
        *out = arena_sem(place); /* as it is: a late poster may be using it */
        return KIN_OK;
    }
    bool there = path_of(path, family, slot) &&
                 (kind == PLACE_NAMED || (named && (publish_unnamed(path) || publish_renamed(path))));
    sem_t *sem = there ? map_file(path) : NULL;
    if (!sem) {
        return make_in_arena(out, place);
    }
    set_kind(place, PLACE_NAMED);
    *out = file_sem(sem);
    return KIN_OK;
}

void kin_os_sem_retire(kin_os_sem sem, kin_os_sem_place *place, const kin_os_access *access)
{
    (void)place;
    (void)access;
    kin_os_sem_close(sem); /* the name is the slot's, and the next thread with this slot maps it again */
}

kin_status kin_os_sem_open(kin_os_sem *out, const kin_os_sem_place *place, const kin_os_id *family, uint32_t slot)
{
    char path[PATH_MAX];
    switch (kind_of(place)) {
    case PLACE_IN_ARENA:
        *out = arena_sem(place);
        return KIN_OK;
    case PLACE_NAMED:
        break;
    default:
        return KIN_E_NOT_FOUND;
    }
    sem_t *sem = path_of(path, family, slot) ? map_file(path) : NULL;
    if (!sem) {
        return kin_posix_fail(errno);
    }
    *out = file_sem(sem);
    return KIN_OK;
}

void kin_os_sem_close(kin_os_sem sem)
{
    if (sem != KIN_OS_NO_SEM && !is_in_arena(sem)) {
        munmap(native(sem), sizeof(sem_t));
    }
}

kin_status kin_os_sem_post(kin_os_sem sem)
{
    /* EOVERFLOW: there are tokens enough to wake the waiter. */
    return sem_post(native(sem)) == 0 || errno == EOVERFLOW ? KIN_OK : kin_posix_fail(errno);
}

void kin_os_sem_post_all(const kin_os_sem *sems, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kin_os_sem_post(sems[i]);
    }
}

#if KIN_POSIX_SEM_CLOCKWAIT

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

/* No cancellation point, as with futexes. */
kin_status kin_os_sem_wait(kin_os_sem sem, int64_t deadline)
{
    int result, held = kin_os_cancel_hold();
    do {
        result = deadline == KIN_OS_NEVER ? sem_wait(native(sem)) : wait_until(native(sem), deadline);
    } while (result != 0 && errno == EINTR);
    kin_os_cancel_release(held);
    if (result == 0) {
        return KIN_OK;
    }
    return errno == ETIMEDOUT ? KIN_E_TIMED_OUT : kin_posix_fail(errno);
}

bool kin_posix_sem_remove_names(const char *hex)
{
    char path[PATH_MAX], other[KIN_POSIX_HEX];
    if (!kin_posix_dir(path, KIN_POSIX_SEM_INDEX, (unsigned long)geteuid())) {
        return true;
    }
    DIR *dir = opendir(path);
    if (!dir) {
        return errno == ENOENT;
    }
    bool all = true;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (kin_posix_name_is_sem(entry->d_name, other) && strcmp(hex, other) == 0) {
            all = kin_posix_remove_kins(dirfd(dir), entry->d_name) && all;
        }
    }
    closedir(dir);
    return all;
}
