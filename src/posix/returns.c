/* returns.c: whether a child's entry has returned: a page of records that a process shares with its children.
 *
 * An exit status has eight bits (wait(2)), and exit(3) within an entry looks as if the entry had returned 3. So a child
 * whose entry returns notes that, with the code, in a record of its own. The exit status must agree with it. The
 * records lie outside of every family's arena, so only the parent and its children can write there.
 *
 * A record is one word:
 *
 *     0 (free) ── parent, at the start ──► token, running ── child ──► token, returned, code
 *        ▲                                        │                            │
 *        └──────── parent, after the end ◄────────┴────────────────────────────┘
 *                  or when it forgets the child
 *
 * Each start has its own token. Each change is a compare-and-swap from a word with that token. So a child that its
 * parent has forgotten changes nothing, even if another child has the record by then. The parent reads the word after
 * it has reaped the child: the kernel orders the two.
 *
 * The file has no name, and is gone with the last process that has it. So no death leaves a record behind. A forked
 * child has its parent's mapping for its own record, but no descriptor. It makes another file for its own children.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "posix/returns.h"
#include "posix/forks.h"
#include "posix/handle.h"
#include "posix/posix.h"

#define RECORDS 32768u
#define SIZE (RECORDS * sizeof(uint64_t))
#define RETURNED 0x100u /* and the code, below the token */
#define TOKEN_SHIFT 16

typedef _Atomic uint64_t word;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    word *words; /* NULL: none yet */
    int fd;
    kin_posix_file file;
    uint32_t usable; /* records that memory has been committed for */
    uint64_t serial; /* of the last token */
} table = {.fd = -1};

static word *own; /* this process's record; NULL: it has none */
static uint64_t own_token;

/* ---- the parent ---- */

static void after_fork(bool in_child)
{
    if (in_child) {
        kin_posix_close_own(table.fd, &table.file);
        table.words = NULL; /* still mapped: own may lie there */
        table.fd = -1;
        lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    }
}

static kin_status map_new(int fd, const kin_os_id *id)
{
    void *base;
    const size_t first = kin_os_page_size();
    kin_status status = kin_os_shm_map(&base, fd, SIZE, KIN_OS_TO_WRITE);
    if (status != KIN_OK) {
        return status;
    }
    status = kin_os_shm_commit(fd, base, 0, first);
    if (status != KIN_OK) {
        kin_os_shm_unmap(base, SIZE);
        return status;
    }
    table.words = base;
    table.fd = fd;
    kin_posix_note(&table.file, fd);
    table.usable = (uint32_t)(first / sizeof(word));
    memcpy(&table.serial, id->bytes, sizeof table.serial);
    return KIN_OK;
}

/* A program may have closed the descriptor: later children get one of another file. Records of the old one stay mapped
 * for the children that have them. */
static kin_status make_table(void)
{
    static const kin_os_access nobody = {{""}, {""}};
    kin_os_id id;
    int fd;
    if (table.words && kin_posix_is_still(table.fd, &table.file)) {
        return KIN_OK;
    }
    kin_status status = kin_os_random(&id, sizeof id);
    if (status == KIN_OK) {
        status = kin_os_shm_create(&fd, &id, SIZE, false, &nobody);
    }
    if (status != KIN_OK) {
        return status;
    }
    status = map_new(fd, &id);
    if (status != KIN_OK) {
        kin_posix_close(fd);
    }
    return status;
}

static kin_status grow(void)
{
    size_t from = table.usable * sizeof(word), to = from + kin_os_page_size();
    if (to > SIZE) {
        return kin_posix_fail(EAGAIN); /* as fork(2), of too many processes */
    }
    kin_status status = kin_os_shm_commit(table.fd, table.words, from, to);
    if (status == KIN_OK) {
        table.usable = (uint32_t)(to / sizeof(word));
    }
    return status;
}

/* Under the lock. */
static kin_status claim(kin_posix_record *out)
{
    uint64_t token = ++table.serial << TOKEN_SHIFT;
    token = token != 0 ? token : ++table.serial << TOKEN_SHIFT; /* 0 is what a free record has */
    for (uint32_t i = 0;; i++) {
        kin_status status = i == table.usable ? grow() : KIN_OK;
        if (status != KIN_OK) {
            return status;
        }
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(&table.words[i], &none, token)) {
            *out = (kin_posix_record){&table.words[i], i, getpid(), token};
            return KIN_OK;
        }
    }
}

kin_status kin_posix_record_claim(kin_posix_record *out, int *fd)
{
    static kin_posix_fork_watcher watcher = {.after = after_fork};
    kin_status status = kin_posix_watch_forks(&watcher);
    if (status != KIN_OK) {
        return status;
    }
    pthread_mutex_lock(&lock);
    status = make_table();
    if (status == KIN_OK) {
        status = claim(out);
    }
    *fd = table.fd;
    pthread_mutex_unlock(&lock);
    return status;
}

static bool is_own(const kin_posix_record *record)
{
    return record->token != 0 && record->owner == getpid(); /* not one of which a forked child has a copy */
}

bool kin_posix_record_has(const kin_posix_record *record, int code)
{
    return is_own(record) && atomic_load((word *)record->at) == (record->token | RETURNED | (unsigned)code);
}

void kin_posix_record_release(kin_posix_record *record)
{
    uint64_t seen = is_own(record) ? atomic_load((word *)record->at) : 0;
    while (seen >> TOKEN_SHIFT == record->token >> TOKEN_SHIFT && seen != 0 &&
           !atomic_compare_exchange_weak((word *)record->at, &seen, 0)) {
    }
    record->token = 0;
}

/* ---- the child ---- */

void kin_posix_record_inherit(const kin_posix_record *record)
{
    own = record->at;
    own_token = record->token;
}

kin_status kin_posix_record_adopt(int fd, const kin_posix_record *record)
{
    void *base;
    kin_status status = record->slot < RECORDS ? kin_os_shm_map(&base, fd, SIZE, KIN_OS_TO_WRITE) : KIN_E_BLOB_CORRUPT;
    kin_os_shm_close(fd, NULL);
    if (status == KIN_OK) {
        own = (word *)base + record->slot;
        own_token = record->token;
    }
    return status;
}

void kin_posix_record_note(int code)
{
    uint64_t running = own_token;
    if (own) {
        atomic_compare_exchange_strong(own, &running, own_token | RETURNED | (unsigned)code);
    }
}
