/* pulse.c: a family's signs of life: a file with a page for each member, and record locks (fcntl F_SETLK) on its bytes.
 *
 * - A page begins with the process that took the sign last (the holder), and ends with the word (robust.c). The holder
 *   counts while it has the word's serial number. Pages are allocated before they are touched, because touching a hole
 *   that cannot be filled is SIGBUS.
 * - A process that takes a sign locks the byte, changes the word from the value that it saw, then writes the holder. If
 *   there are several takers, the word decides between them. A taker without a descriptor does without the lock. A
 *   taker without the word (an old kernel, a file system that allocates nothing) has the lock alone. If a taker is
 *   killed in between, the kernel marks its thread in the word and drops its lock.
 * - The kernel drops a process's classic locks when it dies, execs (close-on-exec) or closes *any* descriptor of that
 *   file (fcntl(2), "record locks are associated with..."). So a file that is a pulse of this process is never opened
 *   by name. `ours` lists these files, and one lock orders its changes against the sweep. A second copy of the library
 *   in the process has another `ours`. Then the lock may be lost, but the word says that the process lives.
 * - A forked child has the descriptor and none of the locks. F_OFD_GETLK also shows locks of the own process: those of
 *   a second copy. A lock on a range that covers the whole file is a sweeper's, and is gone in microseconds.
 * - The file is an O_TMPFILE. It is locked on BIRTH_BYTE before it gets its name. So no process ever sees it unlocked
 *   while its maker lives. If there is no O_TMPFILE, the file is created by name, and given up if a sweeper was faster
 *   (st_nlink 0).
 * - If there is no directory for names at all, the pulse is a memfd. It has no link, and kin_os_pulse_named says so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix/pulse.h"
#include "posix/account.h"
#include "posix/directory.h"
#include "posix/handle.h"
#include "posix/linux.h"
#include "posix/judge.h"
#include "posix/posix.h"
#include "posix/robust.h"

#define BIRTH_BYTE ((off_t)1 << 20)
#define OURS_MAX 64
#define TRIES 1000
#define THREADS 4            /* most threads that a process enrols for its sign */
#define QUICK KIN_SECONDS(1) /* how long a look at a word that has not changed is enough */

/* ---- the pulses that this process has open ---- */

enum { FREE, FILLING, USED };

static struct {
    int state;
    kin_posix_file file;
} ours[OURS_MAX];

static pid_t ours_holder; /* the lock's: a fork in mid-change leaves the child a holder that is not itself */
static int ours_cancel;   /* whether the holder, which cannot be cancelled, could be before */

void kin_posix_pulses_lock(void)
{
    int held = kin_os_cancel_hold();
    pid_t self = getpid(), holder = 0;
    while (!__atomic_compare_exchange_n(&ours_holder, &holder, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        if (holder == self) {
            kin_os_sleep_until(kin_os_now() + 50000);
            holder = 0;
        }
    }
    ours_cancel = held;
}

void kin_posix_pulses_unlock(void)
{
    int held = ours_cancel;
    __atomic_store_n(&ours_holder, 0, __ATOMIC_RELEASE);
    kin_os_cancel_release(held);
}

bool kin_posix_pulse_is_ours(const struct stat *info)
{
    for (int i = 0; i < OURS_MAX; i++) {
        if (ours[i].state == USED && kin_posix_same_file(info, &ours[i].file)) {
            return true;
        }
    }
    return false;
}

static bool ours_add(const kin_posix_file *file)
{
    for (int i = 0; i < OURS_MAX; i++) {
        if (ours[i].state == FREE) {
            ours[i].state = FILLING;
            ours[i].file = *file;
            ours[i].state = USED;
            return true;
        }
    }
    return false;
}

static void ours_remove(const kin_posix_file *file)
{
    for (int i = 0; i < OURS_MAX; i++) {
        if (ours[i].state == USED && ours[i].file.device == file->device && ours[i].file.inode == file->inode) {
            ours[i].state = FREE;
            return;
        }
    }
}

static int pulse_fd(const kin_os_pulse *pulse)
{
    return __atomic_load_n(&pulse->fd, __ATOMIC_ACQUIRE);
}

/* Whether fd still is the pulse's file; a program may have closed it and opened another there. */
static bool holds(const kin_os_pulse *pulse, int fd)
{
    return kin_posix_is_still(fd, &pulse->file);
}

/* ---- record locks ---- */

static int lock_call(int fd, int command, short type, off_t start, off_t length, struct flock *out)
{
    int result;
    do {
        *out = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
        result = fcntl(fd, command, out);
    } while (result != 0 && errno == EINTR);
    return result;
}

static void unlock(int fd, off_t start, off_t length)
{
    struct flock lock;
    lock_call(fd, F_SETLK, F_UNLCK, start, length, &lock);
}

/* F_UNLCK: free. F_WRLCK: a process has it. -1: errno. Waits for a sweeper to be done. how: F_GETLK passes over this
 * process's own locks, F_OFD_GETLK does not. */
static int ask(int fd, int how, off_t start, off_t length)
{
    struct flock lock;
    for (int tries = 0; lock_call(fd, how, F_WRLCK, start, length, &lock) == 0; tries++) {
        if (lock.l_type == F_UNLCK || lock.l_start != 0 || lock.l_len != 0 || tries == TRIES) {
            return lock.l_type;
        }
        kin_os_sleep_until(kin_os_now() + 20000);
    }
    return -1;
}

static kin_status lock_range(int fd, off_t start, off_t length)
{
    struct flock lock;
    for (int tries = 0; lock_call(fd, F_SETLK, F_WRLCK, start, length, &lock) != 0; tries++) {
        if (errno != EAGAIN && errno != EACCES) {
            return kin_posix_fail(errno);
        }
        if (ask(fd, F_GETLK, start, length) != F_UNLCK || tries == TRIES) {
            kin_posix_fail(EAGAIN);
            return KIN_E_BUSY;
        }
    }
    return KIN_OK;
}

static kin_status lock_byte(int fd, off_t byte)
{
    return lock_range(fd, byte, 1);
}

bool kin_posix_pulse_seize(int fd)
{
    return lock_range(fd, 0, 0) == KIN_OK;
}

void kin_posix_pulse_free(int fd, uint32_t except)
{
    unlock(fd, 0, 0);
    if (except != KIN_OS_PULSE_MAX) {
        lock_byte(fd, (off_t)except);
    }
}

/* ---- birth ---- */

static int open_unnamed(const char *dir, const kin_os_access *access)
{
    int fd = kin_posix_raise(open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd >= 0 && (!kin_posix_share(fd, access) || lock_byte(fd, BIRTH_BYTE) != KIN_OK)) {
        kin_posix_close(fd);
        return -1;
    }
    return fd;
}

static int create_by_name(const char *path, const kin_os_access *access)
{
    for (int tries = 0; tries < TRIES; tries++) {
        struct stat info;
        int fd = kin_posix_raise(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (fd < 0) {
            return -1;
        }
        if (!kin_posix_share(fd, access)) {
            unlink(path);
            kin_posix_close(fd);
            return -1;
        }
        bool locked = lock_byte(fd, BIRTH_BYTE) == KIN_OK;
        if (locked && fstat(fd, &info) == 0 && info.st_nlink > 0) {
            return fd;
        }
        kin_posix_close(fd);
    }
    return -1;
}

static int create_in(const char *dir, const char *hex, const kin_os_access *access)
{
    char path[PATH_MAX];
    if (!kin_posix_name(path, dir, hex, "pulse")) {
        return -1;
    }
    int fd = open_unnamed(dir, access);
    if (fd >= 0 && kin_posix_link(fd, path) == 0) {
        return fd;
    }
    kin_posix_close(fd);
    return create_by_name(path, access);
}

static int create_at(unsigned index, const char *hex, const kin_os_access *access)
{
    char dir[PATH_MAX];
    int fd = -1;
    bool again = true;
    for (int tries = 0; again && tries < TRIES && kin_posix_dir_make(dir, index, kin_os_account_given(&access->group));
         tries++) {
        fd = create_in(dir, hex, access);
        again = fd < 0 && errno == ENOENT; /* another process has removed the directory while it was empty */
    }
    if (fd < 0) {
        kin_posix_dirs_remove();
    }
    return fd;
}

static int create_file(const kin_os_id *family, const kin_os_access *access)
{
    char hex[KIN_POSIX_HEX];
    int fd = -1;
    kin_posix_hex(hex, family);
    for (unsigned i = 0; fd < 0 && i < KIN_POSIX_DIRS; i++) {
        fd = create_at(i, hex, access);
    }
    if (fd < 0 && !kin_os_account_given(&access->group)) {
        fd = kin_posix_raise(kin_posix_memory_file("kin-pulse", MFD_CLOEXEC));
    }
    if (fd >= 0 && kin_posix_may_reach(KIN_OS_PULSE_MAX * kin_os_page_size())) {
        (void)!ftruncate(
            fd, (off_t)(KIN_OS_PULSE_MAX * kin_os_page_size())); /* later only a holder of a descriptor could do it */
    }
    return fd;
}

struct kin_posix_looks { /* zero in a forked child */
    struct {
        _Atomic uint64_t word;   /* what was found alive */
        _Atomic int64_t at;      /* when */
        _Atomic uint32_t serial; /* of this process's own taking, else 0 */
        _Atomic uint32_t usable; /* the page is allocated */
    } of[KIN_OS_PULSE_MAX];
};

/* Without them there is no word: then the lock has to do. */
static void map_pages(kin_os_pulse *pulse)
{
    void *pages = mmap(NULL, KIN_OS_PULSE_MAX * kin_os_page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, pulse->fd, 0);
    pulse->pages = pages == MAP_FAILED ? NULL : pages;
}

/* Takes fd, also on failure. Under kin_posix_pulses_lock. */
static kin_status enter(kin_os_pulse *out, int fd)
{
    struct stat info = {0};
    void *looks = NULL;
    kin_status status = KIN_OK;
    if (fd < 0 || fstat(fd, &info) != 0) {
        status = kin_posix_fail(errno);
    } else if (!S_ISREG(info.st_mode)) {
        status = KIN_E_HANDLE;
    } else {
        status = kin_os_private_alloc(&looks, sizeof(struct kin_posix_looks));
    }
    const kin_posix_file file = {(uint64_t)info.st_dev, (uint64_t)info.st_ino};
    if (status == KIN_OK && !ours_add(&file)) {
        kin_os_private_free(looks, sizeof(struct kin_posix_looks));
        status = KIN_E_LIMIT;
    }
    if (status != KIN_OK) {
        kin_posix_close(fd);
        return status;
    }
    *out = (kin_os_pulse){fd, file, (unsigned long)info.st_uid, NULL, looks};
    map_pages(out);
    return KIN_OK;
}

kin_status kin_os_pulse_create(kin_os_pulse *out, const kin_os_id *family, const kin_os_access *access)
{
    kin_posix_pulses_lock();
    kin_status status = enter(out, create_file(family, access));
    kin_posix_pulses_unlock();
    return status;
}

kin_status kin_os_pulse_adopt(kin_os_pulse *out, kin_os_handle handle)
{
    if (handle < 0) {
        return kin_posix_fail(EBADF);
    }
    kin_posix_pulses_lock();
    kin_status status = enter(out, kin_posix_raise(handle));
    kin_posix_pulses_unlock();
    return status;
}

/* One without a name is known by the name that it had, or was made with (proc(5), /proc/PID/fd). */
static bool was_made_as_pulse(int fd, const char *hex)
{
    char path[32], link[PATH_MAX], name[KIN_POSIX_HEX + 32];
    snprintf(path, sizeof path, KIN_POSIX_PROC "/self/fd/%d", fd);
    ssize_t length = readlink(path, link, sizeof link - 1);
    link[length > 0 ? length : 0] = '\0';
    const char *last = strrchr(link, '/');
    snprintf(name, sizeof name, "/%s.pulse (deleted)", hex);
    return last && (strcmp(link, "/memfd:kin-pulse (deleted)") == 0 || strcmp(last, name) == 0);
}

bool kin_os_pulse_is(kin_os_handle handle, const kin_os_id *family)
{
    char hex[KIN_POSIX_HEX], path[PATH_MAX];
    struct stat info, named;
    kin_posix_hex(hex, family);
    if (fstat(handle, &info) != 0 || !S_ISREG(info.st_mode)) {
        return false;
    }
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        if (kin_posix_find_in(path, &named, i, (unsigned long)info.st_uid, hex, "pulse") &&
            kin_posix_is_same(&info, &named)) {
            return true;
        }
    }
    return was_made_as_pulse(handle, hex);
}

void kin_os_pulse_close(kin_os_pulse *pulse)
{
    int fd = pulse_fd(pulse);
    if (fd < 0) {
        return;
    }
    kin_posix_expel(pulse->looks, UINT32_MAX);
    kin_posix_pulses_lock();
    kin_posix_close_own(fd, &pulse->file);
    ours_remove(&pulse->file);
    kin_posix_pulses_unlock();
    if (pulse->pages) {
        munmap(pulse->pages, KIN_OS_PULSE_MAX * kin_os_page_size());
    }
    kin_os_private_free(pulse->looks, sizeof(struct kin_posix_looks));
    *pulse = (kin_os_pulse)KIN_OS_NO_PULSE;
}

/* ---- pages ---- */

typedef struct holder {
    _Atomic uint32_t serial; /* the word's, when all of it is written */
    _Atomic uint32_t pid, locked;
    _Atomic uint32_t spare;
    _Atomic uint64_t start, where;
} holder;

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static char *page_of(const kin_os_pulse *pulse, uint32_t index)
{
    return pulse->pages && index < KIN_OS_PULSE_MAX ? pulse->pages + index * kin_os_page_size() : NULL;
}

static bool has_word(int fd, uint32_t index)
{
    uint64_t raw = 0;
    size_t page = kin_os_page_size();
    return pread(fd, &raw, sizeof raw, (off_t)((index + 1) * page - sizeof raw)) == (ssize_t)sizeof raw && raw != 0;
}

/* The page of that index, if it can be read; else NULL, and nobody shows a word there. */
static char *page_at(const kin_os_pulse *pulse, uint32_t index)
{
    char *page = page_of(pulse, index);
    if (!page || atomic_load(&pulse->looks->of[index].usable)) {
        return page;
    }
    bool usable = madvise(page, kin_os_page_size(), MADV_POPULATE_READ) == 0 ||
                  (errno == EINVAL && holds(pulse, pulse_fd(pulse)) && has_word(pulse_fd(pulse), index));
    atomic_store(&pulse->looks->of[index].usable, usable);
    return usable ? page : NULL;
}

/* The same, allocated if need be. */
static char *make_page(const kin_os_pulse *pulse, uint32_t index, int fd)
{
    char *page = page_of(pulse, index);
    size_t size = kin_os_page_size();
    if (!page || atomic_load(&pulse->looks->of[index].usable)) {
        return page;
    }
    int result = -1;
    if (fd < 0) {
        result = madvise(page, size, MADV_POPULATE_WRITE);
    } else if (kin_posix_may_reach((index + 1) * size)) {
        do {
            result = fallocate(fd, 0, (off_t)(index * size), (off_t)size);
        } while (result != 0 && errno == EINTR);
    }
    atomic_store(&pulse->looks->of[index].usable, result == 0);
    return result == 0 ? page : NULL;
}

static kin_posix_sign sign_of(const kin_posix_word *word)
{
    switch (word->owner) {
    case KIN_POSIX_NOBODY:
    case KIN_POSIX_UNLISTED:
        return KIN_POSIX_SIGN_NONE;
    case KIN_POSIX_DIED:
        return KIN_POSIX_SIGN_DIED;
    default:
        return KIN_POSIX_SIGN_HELD;
    }
}

/* False: it is not of this taking of the word, or just being written. */
static bool read_holder(kin_os_process_id *out, bool *locked, char *page, const kin_posix_word *word)
{
    holder *it = (holder *)(void *)page;
    uint32_t serial = atomic_load(&it->serial);
    *out = (kin_os_process_id){atomic_load(&it->pid), atomic_load(&it->start), 0, atomic_load(&it->where)};
    *locked = atomic_load(&it->locked) != 0;
    return serial != 0 && serial == word->serial && kin_posix_word_read(page).serial == serial &&
           atomic_load(&it->serial) == serial;
}

static void write_holder(char *page, uint32_t serial, bool locked, const kin_os_process_id *me)
{
    holder *it = (holder *)(void *)page;
    atomic_store(&it->serial, 0);
    atomic_store(&it->pid, me->pid);
    atomic_store(&it->start, me->start);
    atomic_store(&it->where, me->where);
    atomic_store(&it->locked, locked);
    atomic_store(&it->serial, serial);
}

/* ---- signs of life ---- */

uint64_t kin_os_pulse_look(kin_os_pulse *pulse, uint32_t index)
{
    char *page = page_at(pulse, index);
    return page ? kin_posix_word_read(page).raw : 0;
}

/* Opens the file again by its name, which is found by its inode. -1 if it has none. */
static int reopen_in(const char *path, const kin_os_pulse *pulse)
{
    DIR *dir = opendir(path);
    int fd = -1;
    for (struct dirent *entry; dir && fd < 0 && (entry = readdir(dir)) != NULL;) {
        char hex[KIN_POSIX_HEX];
        if (kin_posix_name_matches(entry->d_name, "pulse", hex) && (uint64_t)entry->d_ino == pulse->file.inode) {
            fd = kin_posix_raise(openat(dirfd(dir), entry->d_name, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        }
    }
    if (dir) {
        closedir(dir);
    }
    if (fd >= 0 && !holds(pulse, fd)) {
        kin_posix_close(fd);
        return -1;
    }
    return fd;
}

static int reopen(kin_os_pulse *pulse)
{
    char dir[PATH_MAX];
    int fd = -1;
    kin_posix_pulses_lock();
    if (holds(pulse, pulse_fd(pulse))) {
        fd = pulse_fd(pulse); /* another thread was faster */
    }
    for (unsigned i = 0; fd < 0 && i < KIN_POSIX_DIRS; i++) {
        fd = kin_posix_dir(dir, i, pulse->owner) ? reopen_in(dir, pulse) : -1;
    }
    if (fd >= 0) {
        __atomic_store_n(&pulse->fd, fd, __ATOMIC_RELEASE);
    }
    kin_posix_pulses_unlock();
    return fd;
}

static int usable_fd(kin_os_pulse *pulse)
{
    int fd = pulse_fd(pulse);
    return holds(pulse, fd) ? fd : reopen(pulse);
}

kin_status kin_os_pulse_handle(kin_os_handle *out, kin_os_pulse *pulse)
{
    int fd = usable_fd(pulse);
    if (fd < 0) {
        return kin_posix_fail(EBADF);
    }
    *out = fd;
    return KIN_OK;
}

/* The word of that page, from the value that was seen. fd: the pulse's, whose byte is locked; -1: there is none. */
static kin_status take(kin_os_pulse *pulse, uint32_t index, char *page, const kin_posix_word *seen, int fd,
                       const kin_os_process_id *me)
{
    const kin_posix_place place = {pulse->looks, index, kin_posix_word_next(seen->serial)};
    bool listed = kin_posix_enrol(&place, page, fd);
    if (!listed && fd < 0) {
        return KIN_E_HANDLE;
    }
    uint32_t owner = listed ? (uint32_t)syscall(SYS_gettid) : KIN_POSIX_UNLISTED;
    if (!kin_posix_word_change(page, seen, owner, place.serial)) {
        kin_posix_expel(pulse->looks, index);
        return KIN_E_BUSY;
    }
    write_holder(page, place.serial, fd >= 0, me);
    atomic_store(&pulse->looks->of[index].serial, place.serial);
    return KIN_OK;
}

/* Another copy of the library in this process has taken the word meanwhile: the byte's lock is that one's, too. */
static bool is_taken_here(const char *page)
{
    kin_posix_word word = kin_posix_word_read(page);
    return sign_of(&word) == KIN_POSIX_SIGN_HELD && syscall(SYS_tgkill, getpid(), (pid_t)word.owner, 0) == 0;
}

kin_status kin_os_pulse_start(kin_os_pulse *pulse, uint32_t index, uint64_t seen, kin_os_process_id *me,
                              const kin_os_id *family, const kin_os_access *access)
{
    const kin_os_process_id unknown = {0, 0, 0, 0};
    int fd = usable_fd(pulse);
    char *page = make_page(pulse, index, fd);
    kin_posix_word word = kin_posix_word_of(seen);
    (void)access;
    bool held = word.owner != KIN_POSIX_NOBODY && word.owner != KIN_POSIX_DIED;
    if (page && held && kin_os_pulse_life(pulse, index, &unknown, family) != KIN_OS_DEAD) {
        return KIN_E_BUSY;
    }
    kin_status status = fd < 0 ? KIN_OK : lock_byte(fd, (off_t)index);
    if (status != KIN_OK) {
        return status;
    }
    if (page) {
        status = take(pulse, index, page, &word, fd, me);
    } else if (fd < 0) {
        status = KIN_E_HANDLE;
    }
    if (status != KIN_OK && fd >= 0 && !(page && is_taken_here(page))) {
        unlock(fd, (off_t)index, 1);
    }
    return status;
}

/* The own word names a thread that still shows it; the calling one may be named, too. False: it is another
 * process's. */
static bool show_word(kin_os_pulse *pulse, uint32_t index, char *page, bool locked)
{
    const kin_posix_place place = {pulse->looks, index, atomic_load(&pulse->looks->of[index].serial)};
    kin_posix_word word = kin_posix_word_read(page);
    if (place.serial == 0 || word.serial != place.serial) {
        return place.serial == 0;
    }
    int fd = pulse_fd(pulse);
    bool listed =
        kin_posix_enrolled(pulse->looks, index) < THREADS && kin_posix_enrol(&place, page, holds(pulse, fd) ? fd : -1);
    while (listed && (word.owner == KIN_POSIX_NOBODY || word.owner == KIN_POSIX_DIED)) {
        if (kin_posix_word_change(page, &word, (uint32_t)syscall(SYS_gettid), word.serial)) {
            break;
        }
        word = kin_posix_word_read(page);
        if (word.serial != place.serial) {
            return false;
        }
    }
    if (locked) {
        atomic_store(&((holder *)(void *)page)->locked, 1);
    }
    return true;
}

void kin_os_pulse_share(kin_os_pulse *pulse, uint32_t index)
{
    char *page = page_at(pulse, index);
    if (page) {
        show_word(pulse, index, page, false);
    }
}

/* Locking what is locked does nothing, too, but costs ten times as much where the file has hundreds of locks. */
static bool is_locked_here(int fd, off_t byte)
{
    struct flock lock;
    return lock_call(fd, F_OFD_GETLK, F_WRLCK, byte, 1, &lock) == 0 && lock.l_type == F_WRLCK &&
           lock.l_pid == getpid() && lock.l_start == byte;
}

bool kin_os_pulse_check(kin_os_pulse *pulse, uint32_t index)
{
    int fd = usable_fd(pulse);
    char *page = page_at(pulse, index);
    /* If another process has locked it, this one is not fenced yet: the other one has to win the word, too. */
    bool locked = fd >= 0 && (is_locked_here(fd, (off_t)index) || lock_byte(fd, (off_t)index) == KIN_OK);
    return !page || show_word(pulse, index, page, locked);
}

/* Whether the descriptor still is the pulse's file. */
static bool let_go(kin_os_pulse *pulse, uint32_t index)
{
    char *page = page_at(pulse, index);
    uint32_t serial = page ? atomic_exchange(&pulse->looks->of[index].serial, 0) : 0;
    kin_posix_word word = page ? kin_posix_word_read(page) : kin_posix_word_of(0);
    if (serial != 0 && word.serial == serial) {
        atomic_store(&((holder *)(void *)page)->serial, 0); /* first: NOBODY with a holder is one without threads */
        while (word.serial == serial && !kin_posix_word_change(page, &word, KIN_POSIX_NOBODY, serial)) {
            word = kin_posix_word_read(page);
        }
    }
    kin_posix_expel(pulse->looks, index);
    bool held = holds(pulse, pulse_fd(pulse));
    if (held) {
        unlock(pulse_fd(pulse), (off_t)index, 1);
    }
    return held;
}

void kin_os_pulse_stop(kin_os_pulse *pulse, uint32_t index)
{
    if (let_go(pulse, index)) {
        unlock(pulse_fd(pulse), BIRTH_BYTE, 1);
    }
}

void kin_os_pulse_give_back(kin_os_pulse *pulse, uint32_t index)
{
    let_go(pulse, index);
}

/* ---- judging whether a member lives ---- */

/* This word was looked into, and nothing has happened to it since. */
static bool looked_at(const kin_os_pulse *pulse, uint32_t index, const kin_posix_word *word)
{
    return atomic_load(&pulse->looks->of[index].word) == word->raw &&
           kin_os_now() - atomic_load(&pulse->looks->of[index].at) < QUICK;
}

static kin_posix_lock ask_lock(const kin_os_pulse *pulse, uint32_t index, bool never)
{
    int fd = pulse_fd(pulse);
    int answer = ask(fd, F_OFD_GETLK, (off_t)index, 1);
    if (answer < 0 || !holds(pulse, fd)) {
        return KIN_POSIX_LOCK_UNKNOWN;
    }
    return answer != F_UNLCK ? KIN_POSIX_LOCK_HELD : never ? KIN_POSIX_LOCK_NEVER : KIN_POSIX_LOCK_FREE;
}

kin_os_life kin_os_pulse_life(kin_os_pulse *pulse, uint32_t index, const kin_os_process_id *who,
                              const kin_os_id *family)
{
    char hex[KIN_POSIX_HEX];
    char *page = page_at(pulse, index);
    kin_posix_word word = page ? kin_posix_word_read(page) : kin_posix_word_of(0);
    kin_posix_sign sign = sign_of(&word);
    if (sign == KIN_POSIX_SIGN_HELD && looked_at(pulse, index, &word)) {
        return KIN_OS_LIVES;
    }
    kin_os_process_id process;
    bool locked = true;
    if (!page || !read_holder(&process, &locked, page, &word)) {
        /* The sign was taken a moment ago, or its taker was killed then. The previous holder means nothing. */
        process =
            sign == KIN_POSIX_SIGN_NONE && word.owner == KIN_POSIX_NOBODY ? *who : (kin_os_process_id){0, 0, 0, 0};
        locked = true;
    }
    kin_posix_hex(hex, family);
    kin_os_life life = kin_posix_life(sign, ask_lock(pulse, index, !locked), word.owner, &process, hex);
    if (life == KIN_OS_LIVES && sign == KIN_POSIX_SIGN_HELD) {
        atomic_store(&pulse->looks->of[index].at, kin_os_now());
        atomic_store(&pulse->looks->of[index].word, word.raw);
    }
    return life;
}

bool kin_os_pulse_suspect(kin_os_pulse *pulse, uint32_t index)
{
    char *page = page_at(pulse, index);
    return page && kin_posix_word_read(page).owner == KIN_POSIX_DIED;
}

/* ---- pulses of other processes ---- */

/* The page of that index shows no living process, as far as can be told from outside. */
static bool page_is_deserted(int fd, uint32_t index, const char *hex)
{
    size_t size = kin_os_page_size();
    uint64_t raw = 0;
    holder it = {0};
    off_t at = (off_t)(index * size);
    if (pread(fd, &it, sizeof it, at) < 0 || pread(fd, &raw, sizeof raw, at + (off_t)(size - sizeof raw)) < 0) {
        return false;
    }
    kin_posix_word word = kin_posix_word_of(raw);
    kin_os_process_id who = {it.pid, it.start, 0, it.where};
    if (it.serial == 0 || it.serial != word.serial) {
        if (word.owner == KIN_POSIX_NOBODY) {
            return true; /* left, or never taken */
        }
        who = (kin_os_process_id){0, 0, 0, 0};
    }
    kin_posix_lock lock = it.locked || it.serial != word.serial ? KIN_POSIX_LOCK_FREE : KIN_POSIX_LOCK_NEVER;
    return kin_posix_life(sign_of(&word), lock, word.owner, &who, hex) == KIN_OS_DEAD;
}

bool kin_posix_pulse_locked(int fd, bool own)
{
    return ask(fd, own ? F_OFD_GETLK : F_GETLK, 0, 0) != F_UNLCK;
}

bool kin_posix_pulse_deserted(int fd, const char *hex, uint32_t except)
{
    off_t at = 0, size = (off_t)kin_os_page_size();
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0 && at < size * (off_t)KIN_OS_PULSE_MAX) {
        uint32_t index = (uint32_t)(at / size);
        if (index != except && !page_is_deserted(fd, index, hex)) {
            return false;
        }
        at = (off_t)(index + 1) * size;
    }
    return at >= 0 || errno == ENXIO;
}

bool kin_os_pulse_named(const kin_os_pulse *pulse)
{
    struct stat info;
    return fstat(pulse_fd(pulse), &info) == 0 && kin_posix_same_file(&info, &pulse->file) && info.st_nlink > 0;
}

int kin_posix_pulse_open(const char *hex, unsigned long uid)
{
    char path[PATH_MAX];
    int fd = -1;
    kin_posix_pulses_lock();
    for (unsigned i = 0; i < KIN_POSIX_DIRS && fd < 0; i++) {
        struct stat info;
        if (kin_posix_find_in(path, &info, i, uid, hex, "pulse") && kin_posix_is_kins(&info, uid) &&
            !kin_posix_pulse_is_ours(&info)) {
            fd = kin_posix_raise(open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
        }
    }
    kin_posix_pulses_unlock();
    return fd;
}
