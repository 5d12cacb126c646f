/* memory.c: memfd_create, fallocate, mmap, MADV_WIPEONFORK.
 *
 * - Touching a mapping beyond the file's end, or a hole that cannot be filled, is SIGBUS (mmap(2)); fallocate on
 *   tmpfs gives ENOSPC or ENOMEM instead. Measured: growth by another process shows in an old mapping at once.
 * - A failing fallocate may leave the file longer than what is allocated, and the seal keeps us from cutting it. So
 *   it allocates with FALLOC_FL_KEEP_SIZE first and then moves the end with a second one over the last page, which
 *   needs no memory any more: st_size is never more than what is usable, if every range starts at or below the last
 *   one's end.
 * - A signal makes fallocate give back what it did and answer EINTR: allocate in pieces, smaller ones when
 *   interrupted.
 * - Passing RLIMIT_FSIZE raises SIGXFSZ, which kills (fallocate(2), even on a memfd): ask first.
 * - A program may close descriptors that it does not know (closefrom), and have the number again for a file of its
 *   own. So each mapping's file is noted, and a descriptor is used only if it still stands for that. What is usable
 *   is found without one by MADV_POPULATE_READ (Linux 5.14), which answers EFAULT where a touch would be SIGBUS
 *   (madvise(2)). To grow the memory the file is opened anew: by its name, if it has one, or by /proc/self/map_files,
 *   which wants privileges (proc(5)).
 * - MADV_WIPEONFORK is of Linux 4.14, memfd_create of 3.17 (and refused by some sandboxes). mmap of /dev/zero or
 *   MAP_ANONYMOUS | MAP_SHARED would have no descriptor to pass on.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/account.h"
#include "posix/directory.h"
#include "posix/forks.h"
#include "posix/handle.h"
#include "posix/linux.h"
#include "posix/posix.h"

#define PIECE ((size_t)1 << 20)
#define UNWIPED_MAX 1024

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

size_t kin_os_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- private memory ---- */

static struct {
    _Atomic(void *) memory;
    _Atomic size_t size;
} unwiped[UNWIPED_MAX]; /* what the kernel does not wipe at fork */

static void wipe(bool in_child)
{
    for (int i = 0; in_child && i < UNWIPED_MAX; i++) {
        void *memory = atomic_load(&unwiped[i].memory);
        if (memory) {
            memset(memory, 0, atomic_load(&unwiped[i].size));
        }
    }
}

static kin_status remember(void *memory, size_t size)
{
    static kin_posix_fork_watcher watcher = {.after = wipe};
    kin_status status = kin_posix_watch_forks(&watcher);
    for (int i = 0; status == KIN_OK && i < UNWIPED_MAX; i++) {
        size_t none = 0;
        if (atomic_compare_exchange_strong(&unwiped[i].size, &none, size)) {
            atomic_store(&unwiped[i].memory, memory);
            return KIN_OK;
        }
    }
    return status == KIN_OK ? KIN_E_LIMIT : status;
}

static void forget(void *memory)
{
    for (int i = 0; i < UNWIPED_MAX; i++) {
        void *expected = memory;
        if (atomic_compare_exchange_strong(&unwiped[i].memory, &expected, NULL)) {
            atomic_store(&unwiped[i].size, 0);
        }
    }
}

kin_status kin_os_pages_alloc(void **out, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return kin_posix_fail(errno);
    }
    *out = memory;
    return KIN_OK;
}

void kin_os_pages_free(void *memory, size_t size)
{
    if (memory) {
        munmap(memory, size);
    }
}

kin_status kin_os_private_alloc(void **out, size_t size)
{
    void *memory = NULL;
    kin_status status = kin_os_pages_alloc(&memory, size);
    if (status == KIN_OK && kin_posix_wipe_on_fork(memory, size) != 0) {
        status = remember(memory, size);
        if (status != KIN_OK) {
            munmap(memory, size);
        }
    }
    if (status == KIN_OK) {
        *out = memory;
    }
    return status;
}

void kin_os_private_free(void *memory, size_t size)
{
    if (memory) {
        forget(memory);
        munmap(memory, size);
    }
}

/* ---- shared memory ---- */

/* If the family will be opened by name (findable), its memory is in the directory of its pulse. So a process that can
 * open one of the two files can open the other. The file is not an O_TMPFILE, because kin_os_pulse_life looks for the
 * id in /proc/PID/maps. If the process is killed here, kin_os_sweep removes the name. */
static int create_file(const char *hex, bool findable, const kin_os_access *access)
{
    const unsigned long self = (unsigned long)geteuid();
    errno = EACCES;
    for (unsigned i = 0; i < KIN_POSIX_DIRS; i++) {
        char dir[PATH_MAX], path[PATH_MAX];
        struct stat pulse;
        if ((findable && !kin_posix_find_in(path, &pulse, i, self, hex, "pulse")) ||
            !kin_posix_dir_make(dir, i, kin_os_account_given(&access->group)) ||
            !kin_posix_name(path, dir, hex, findable ? "arena" : "memory")) {
            continue;
        }
        int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0 && findable && kin_posix_share(fd, access)) {
            return fd;
        }
        if (fd >= 0) {
            unlink(path);
        }
        if (fd >= 0 && !findable) {
            return fd;
        }
        kin_posix_close(fd);
        if (errno == EEXIST) { /* a process saw the pulse's name and made this file. The next family has another id */
            return -1;
        }
    }
    return -1;
}

static int create_memory(const char *hex, const kin_os_access *access)
{
    char name[8 + KIN_POSIX_HEX];
    snprintf(name, sizeof name, "kin-%s", hex);
    int fd = kin_posix_memory_file(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
        kin_posix_close(fd);
        return -1;
    }
    return fd >= 0 || errno == EMFILE || errno == ENFILE ? fd : create_file(hex, false, access);
}

kin_status kin_os_shm_create(kin_os_handle *out, const kin_os_id *family, size_t reserve, bool findable,
                             const kin_os_access *access)
{
    char hex[KIN_POSIX_HEX];
    (void)reserve; /* the file grows as it is committed */
    kin_posix_hex(hex, family);
    int fd = kin_posix_raise(findable ? create_file(hex, true, access) : create_memory(hex, access));
    if (fd < 0) {
        return kin_posix_fail(errno);
    }
    *out = fd;
    return KIN_OK;
}

/* Notes of the mapped files. A note's base is NULL (free), the note's own address (being written) or the mapping's. The
 * thread that changes NULL by compare-and-swap writes the file, then stores the mapping (release). Notes are never
 * freed, and the list only grows at its head. So a forked child finds it whole. */
typedef struct note {
    _Atomic(const void *) base;
    kin_posix_file file;
    struct note *next;
} note;

static _Atomic(note *) notes;

static note *note_of(const void *base)
{
    note *at = base ? atomic_load_explicit(&notes, memory_order_acquire) : NULL;
    while (at && atomic_load_explicit(&at->base, memory_order_acquire) != base) {
        at = at->next;
    }
    return at;
}

static note *new_note(void)
{
    note *at = atomic_load_explicit(&notes, memory_order_acquire);
    for (; at; at = at->next) {
        const void *none = NULL;
        if (atomic_compare_exchange_strong(&at->base, &none, at)) {
            return at;
        }
    }
    at = calloc(1, sizeof *at);
    if (at) {
        atomic_store(&at->base, at);
        at->next = atomic_load(&notes);
        while (!atomic_compare_exchange_weak(&notes, &at->next, at)) {
        }
    }
    return at;
}

uint64_t kin_os_shm_reserve(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    return pages > 0 ? (uint64_t)pages * kin_os_page_size() : 0;
}

kin_status kin_os_shm_map(void **out, kin_os_handle shm, size_t reserve, kin_os_use use)
{
    const int access = use == KIN_OS_TO_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
    note *made = new_note();
    if (!made) {
        return kin_posix_fail(ENOMEM);
    }
    kin_posix_note(&made->file, shm);
    void *base = mmap(NULL, reserve, access, MAP_SHARED | MAP_NORESERVE, shm, 0);
    if (base == MAP_FAILED) {
        kin_status status = kin_posix_fail(errno);
        atomic_store(&made->base, NULL);
        return status;
    }
    atomic_store_explicit(&made->base, base, memory_order_release);
    *out = base;
    return KIN_OK;
}

void kin_os_shm_unmap(void *base, size_t reserve)
{
    note *made = note_of(base);
    if (base) {
        if (made) { /* first: the address may be another mapping's at once */
            atomic_store(&made->base, NULL);
        }
        munmap(base, reserve);
    }
}

bool kin_os_shm_holds(kin_os_handle shm, const void *base)
{
    const note *made = note_of(base);
    return shm >= 0 && (!made || kin_posix_is_still(shm, &made->file));
}

void kin_os_shm_close(kin_os_handle shm, const void *base)
{
    if (kin_os_shm_holds(shm, base)) {
        kin_posix_close(shm);
    }
}

/* Opens the file that is mapped at base, whose line of /proc/self/maps this is: START-END PERMS OFFSET DEVICE INODE
 * PATH. */
static int open_of_line(char *line, const void *base)
{
    unsigned long start, end;
    char path[64];
    int at = 0;
    if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %n", &start, &end, &at) != 2 || at == 0 || start != (uintptr_t)base) {
        return -1;
    }
    line[strcspn(line, "\n")] = '\0';
    int fd = line[at] == '/' ? open(line + at, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    const note *made = note_of(base);
    if (fd >= 0 && made && kin_posix_is_still(fd, &made->file)) {
        return kin_posix_raise(fd);
    }
    kin_posix_close(fd);
    snprintf(path, sizeof path, KIN_POSIX_PROC "/self/map_files/%lx-%lx", start, end);
    fd = kin_posix_raise(open(path, O_RDWR | O_CLOEXEC));
    if (fd >= 0 && made && kin_posix_is_still(fd, &made->file)) {
        return fd;
    }
    kin_posix_close(fd);
    return -1;
}

static int open_mapped(const void *base)
{
    char line[PATH_MAX + 128];
    int fd = -1;
    FILE *maps = fopen(KIN_POSIX_PROC "/self/maps", "re");
    while (maps && fd < 0 && fgets(line, sizeof line, maps)) {
        fd = open_of_line(line, base);
    }
    if (maps) {
        fclose(maps);
    }
    return fd;
}

static int allocate(int fd, size_t from, size_t size)
{
    size_t page = kin_os_page_size();
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)size) != 0) {
        return -1;
    }
    return fallocate(fd, 0, (off_t)(from + size - page), (off_t)page);
}

/* 0, or an errno. */
static int allocate_all(int fd, size_t from, size_t to)
{
    size_t page = kin_os_page_size(), piece = PIECE;
    while (from < to) {
        size_t size = to - from < piece ? to - from : piece;
        if (allocate(fd, from, size) == 0) {
            from += size;
        } else if (errno == EINTR) {
            piece = piece / 2 < page ? page : piece / 2;
        } else {
            return errno;
        }
    }
    return 0;
}

static int punch(int fd, size_t from, size_t to)
{
    while (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)) != 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

/* By shm, or, where the program has closed it, by another descriptor of the same file. */
static kin_status change(kin_os_handle shm, void *base, size_t from, size_t to,
                         int (*how)(int fd, size_t from, size_t to))
{
    bool own = kin_os_shm_holds(shm, base);
    int fd = own ? shm : open_mapped(base);
    int error = fd >= 0 ? how(fd, from, to) : EBADF;
    if (!own) {
        kin_posix_close(fd);
    }
    return error ? kin_posix_fail(error) : KIN_OK;
}

kin_status kin_os_shm_commit(kin_os_handle shm, void *base, size_t from, size_t to)
{
    return kin_posix_may_reach(to) ? change(shm, base, from, to, allocate_all) : kin_posix_fail(EFBIG);
}

/* The last page alone has memory. By fallocate, which never makes a file shorter. */
static int extend(int fd, size_t from, size_t to)
{
    size_t page = kin_os_page_size();
    return from < to ? allocate_all(fd, to - page, to) : 0;
}

kin_status kin_os_shm_extend(kin_os_handle shm, void *base, size_t from, size_t to)
{
    return kin_posix_may_reach(to) ? change(shm, base, from, to, extend) : kin_posix_fail(EFBIG);
}

kin_status kin_os_shm_decommit(kin_os_handle shm, void *base, size_t from, size_t to)
{
    return change(shm, base, from, to, punch);
}

/* The file is usable from its start on, in holes, too: so its end can be searched for. 0: the kernel cannot tell. */
static size_t usable_pages(const char *base, size_t pages, size_t page)
{
    size_t usable = 0;
    while (usable < pages) {
        size_t middle = usable + (pages - usable) / 2;
        if (madvise((void *)(uintptr_t)(base + middle * page), page, MADV_POPULATE_READ) == 0) {
            usable = middle + 1;
        } else if (errno == EFAULT) {
            pages = middle;
        } else if (errno != EAGAIN && errno != EINTR) {
            return 0;
        }
    }
    return usable;
}

size_t kin_os_shm_committed(kin_os_handle shm, const void *base, size_t from, size_t reserve)
{
    struct stat info;
    size_t page = kin_os_page_size();
    (void)from;
    if (!kin_os_shm_holds(shm, base)) {
        return base ? usable_pages(base, reserve / page, page) * page : 0;
    }
    if (fstat(shm, &info) != 0 || info.st_size < 0) {
        return 0;
    }
    return (uint64_t)info.st_size < reserve ? (size_t)info.st_size : reserve;
}
