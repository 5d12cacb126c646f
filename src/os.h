/* os.h: the seam. All that the portable code knows of an operating system.
 *
 * Each section names the file that defines its functions, in src/posix and in src/win32. The other files of a backend
 * are its own affair. A function belongs here only if both can do it exactly; policy (slices, spinning, ownership,
 * limits) stays above. The exceptions are kin_os_fork and kin_os_server_start, which answer KIN_E_UNSUPPORTED on
 * Windows.
 *
 * The contract, once:
 * - Out-parameters are never NULL and are written only on success (KIN_OK).
 * - A deadline is absolute, in nanoseconds of kin_os_now; KIN_OS_NEVER does not end.
 * - EINTR never escapes.
 * - A failing function keeps the native code for kin_os_error before anything else can change it.
 * - Every handle is made non-inheritable, and is KIN_OS_NO_HANDLE when there is none. Close functions take that too.
 * - Functions may be called by any thread unless they say otherwise.
 */
#ifndef KIN_OS_H
#define KIN_OS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kin/status.h"

#include "os_types.h" /* kin_os_handle, KIN_OS_NO_HANDLE, kin_os_sem, kin_os_pulse, kin_os_process, kin_os_pipe, ... */

#define KIN_OS_NEVER INT64_MAX

/* ---- error: error.c ---- */

int kin_os_error(void);
void kin_os_error_set(int code);
/* What such a code means. */
kin_status kin_os_status(int code);
/* How many times a function of the system has failed in this thread; it wraps around. */
uint32_t kin_os_failures(void);
void kin_os_error_write(int code, char *buffer, size_t size);

/* ---- clock, rest and random bytes: clock.c ---- */

int64_t kin_os_now(void);
void kin_os_sleep_until(int64_t deadline);
void kin_os_yield(void);
kin_status kin_os_random(void *out, size_t size);
/* inline in os_types.h:
 *   void kin_os_cpu_relax(void);        one spin-loop hint to the processor
 *   void kin_os_cpu_fetch(void *line);  a hint: this cache line will be written soon. Any address will do
 */

/* ---- threads and process-wide hooks: thread.c ----
 * inline in os_types.h:
 *   void *kin_os_thread_get(void);        this thread's pointer, or NULL; a few instructions, no system call
 *   int   kin_os_cancel_hold(void);       POSIX: puts off a pthread_cancel of the calling thread, while it holds what
 *                                         only it can give back. Returns what kin_os_cancel_release is to get.
 *   void  kin_os_cancel_release(int held);
 */

/* Sets it. on_thread_exit gets it, if it is not NULL, when the thread ends. */
void kin_os_thread_set(void *value);

typedef struct kin_os_hooks {
    void (*on_thread_exit)(void *value); /* in the ending thread */
    void (*on_process_exit)(void);       /* at exit() or when the library is unloaded, not at _exit or a kill */
    void (*before_fork)(void);           /* POSIX: in the forking thread, before the fork */
    void (*after_fork_parent)(void);
    void (*after_fork_child)(void);
} kin_os_hooks;

/* Installs the hooks, once in a process's life; hooks must stay valid. Several threads may call it at once: all
 * return after the first has finished. */
kin_status kin_os_hooks_install(const kin_os_hooks *hooks);

/* Sleeps while *word == expected, until woken, at most until deadline, perhaps for no reason: look again. The word is
 * private memory; only threads of this process wake. */
void kin_os_word_wait(_Atomic uint32_t *word, uint32_t expected, int64_t deadline);
void kin_os_word_wake(_Atomic uint32_t *word); /* one of them */

/* ---- users and groups: account.c ---- */

typedef struct kin_os_account { /* POSIX: a number; Windows: a SID */
    char text[192];             /* "": none. A group may be "*": everybody */
} kin_os_account;

/* name: as the system knows it, or as text stands in it. KIN_E_NOT_FOUND. NULL: this process's. */
kin_status kin_os_user_find(kin_os_account *out, const char *name);
kin_status kin_os_group_find(kin_os_account *out, const char *name);
/* For what was read from shared memory. */
bool kin_os_account_sound(const kin_os_account *account);

typedef struct kin_os_access {   /* to a family and all that belongs to it */
    kin_os_account owner, group; /* the creator, and the group that has access, too */
} kin_os_access;

static inline bool kin_os_account_given(const kin_os_account *account)
{
    return account->text[0] != '\0';
}

/* ---- memory, private and shared: memory.c ---- */

/* Zeroed private memory, rounded up to whole pages. A forked child has a copy. May be called in a signal handler.
 * free takes NULL, too. */
kin_status kin_os_pages_alloc(void **out, size_t size);
void kin_os_pages_free(void *memory, size_t size);
/* Zeroed private memory, a whole number of pages, that reads as zero again in a forked child (MADV_WIPEONFORK), even
 * one made by a bare clone system call. */
kin_status kin_os_private_alloc(void **out, size_t size);
void kin_os_private_free(void *memory, size_t size);

typedef struct kin_os_id { /* 128 random bits: a family's identity and part of its names */
    uint8_t bytes[16];
} kin_os_id;

/* Makes shared memory that may grow up to reserve bytes (a multiple of kin_os_page_size); none of it is usable yet.
 * It has no name that could be left behind, but by the family's id if it is to be findable (POSIX): that goes with
 * the pulse. KIN_E_PERMISSION: this user may not let the group have access. KIN_E_EXISTS: something has that name. */
kin_status kin_os_shm_create(kin_os_handle *out, const kin_os_id *family, size_t reserve, bool findable,
                             const kin_os_access *access);
/* A reserve that costs little: as much as the system has memory, or less where one that is not used costs memory
 * itself. */
uint64_t kin_os_shm_reserve(void);
/* What existing shared memory is opened and mapped for. TO_WRITE: to read and to write. */
typedef enum kin_os_use { KIN_OS_TO_READ, KIN_OS_TO_WRITE } kin_os_use;

/* Maps all reserve bytes. Bytes that are not committed must not be touched. Bytes that any process commits later can be
 * used in all mappings. TO_READ: a store into the mapping is a fault; shm need not be open for writing. */
kin_status kin_os_shm_map(void **out, kin_os_handle shm, size_t reserve, kin_os_use use);
void kin_os_shm_unmap(void *base, size_t reserve);
/* Whether shm still is what is mapped at base. POSIX: not if the program has closed it. */
bool kin_os_shm_holds(kin_os_handle shm, const void *base);
/* Closes what is, or was never, mapped (base NULL), unless the program has done so. Before kin_os_shm_unmap. */
void kin_os_shm_close(kin_os_handle shm, const void *base);
/* Makes [from, to) usable, both multiples of kin_os_page_size. KIN_E_NO_MEMORY instead of a later SIGBUS.
 * Several processes may commit overlapping ranges at once. Committed memory reads as zero, and stays until it is given
 * back. POSIX: KIN_E_HANDLE: the program has closed shm, and its memory has no name by which it could be opened
 * again. */
kin_status kin_os_shm_commit(kin_os_handle shm, void *base, size_t from, size_t to);
/* Gives the memory of [from, to), whole pages, back to the system. Before it is used again it has to be committed
 * again; who touches it before that finds zeros, or dies of it if the system has no memory. Errors: as commit;
 * KIN_E_UNSUPPORTED: Windows. */
kin_status kin_os_shm_decommit(kin_os_handle shm, void *base, size_t from, size_t to);
/* Makes [from, to) part of what is usable, without memory for it where that is possible: it has to be committed before
 * it is used, as after a decommit. Errors: as commit. Windows: commits it. */
kin_status kin_os_shm_extend(kin_os_handle shm, void *base, size_t from, size_t to);
/* Where what is usable ends, asked of the system, not of the memory's contents, if all is usable from `from` to there.
 * Not more than reserve. 0: it cannot tell. */
size_t kin_os_shm_committed(kin_os_handle shm, const void *base, size_t from, size_t reserve);
size_t kin_os_page_size(void);

/* ---- whether shared memory is there: backing.c ---- */

/* Narrows [*from, *to), of what is usable, to its first part that the system has memory for, so that reading it
 * allocates nothing. False: there is none. POSIX: memory to which nobody has written yet may be left out; if the
 * program has closed shm nothing is, for the system cannot be asked. */
bool kin_os_shm_backed(kin_os_handle shm, const void *base, size_t *from, size_t *to);

/* ---- native semaphores: sem.c ---- */

/* What the owner of a native semaphore leaves in the arena so that others can reach it. POSIX: the semaphore itself, or
 * a flag that it has a name. Windows: process id, creation time, handle value, or what makes its name. */
typedef struct kin_os_sem_place {
    uint64_t words[6];
} kin_os_sem_place;

/* Makes, or takes up again, the native semaphore of wait slot `slot` for the calling thread, and fills in place. It
 * may hold stale tokens from an earlier use. Several posts may leave one token. So a woken thread checks the state that
 * it waits for.
 * Where semaphores have names on POSIX, the name belongs to the slot and stays while the family lives; named false: the
 * family's names are gone, make none. If a group has access POSIX makes no name, which nobody but its maker could
 * remove, and Windows does, as another user's process cannot be opened. */
kin_status kin_os_sem_create(kin_os_sem *out, kin_os_sem_place *place, const kin_os_id *family, uint32_t slot,
                             bool named, const kin_os_access *access);
/* The creating thread is done with it, before its place is another's. It stays valid for late posts as long as the
 * process lives (Windows keeps it on a free list for the next kin_os_sem_create), or its poster has it open. */
void kin_os_sem_retire(kin_os_sem sem, kin_os_sem_place *place, const kin_os_access *access);
/* Reaches another thread's semaphore. KIN_E_NOT_FOUND: its process is gone; KIN_E_PERMISSION: it may not be opened. */
kin_status kin_os_sem_open(kin_os_sem *out, const kin_os_sem_place *place, const kin_os_id *family, uint32_t slot);
void kin_os_sem_close(kin_os_sem sem);
kin_status kin_os_sem_post(kin_os_sem sem);
/* Posts each. Where the system can, it wakes many by one call, so that the woken ones do not take the processor from
 * the poster one by one. count: KIN_OS_POSTS_MAX at most. */
#define KIN_OS_POSTS_MAX 64
void kin_os_sem_post_all(const kin_os_sem *sems, size_t count);
/* KIN_OK: a token was taken. KIN_E_TIMED_OUT: the deadline passed. */
kin_status kin_os_sem_wait(kin_os_sem sem, int64_t deadline);

/* ---- several native things at once, and a thread's semaphore: wait.c ----
 *
 * POSIX cannot wait for a semaphore and a descriptor at once. So a thread that wants to opens a bell, a socket that
 * belongs to its wait slot and is gone with it; others ring it when they post the semaphore. Windows waits for the
 * semaphore itself; there a bell is nothing.
 */

#define KIN_OS_READABLE 1u
#define KIN_OS_WRITABLE 2u

typedef struct kin_os_watch {
    kin_os_handle handle; /* KIN_OS_NO_HANDLE: passed over */
    uint32_t interest;    /* Windows: a handle is signalled or not, whatever the interest */
    uint32_t ready;       /* written: of interest, what is; 0 for a handle that is not */
} kin_os_watch;

/* *number tells it from others of the slot, also from one that a forked child still has; never 0. Nothing is written if
 * that fails. close takes KIN_OS_NO_BELL, too (os_types.h: the initialiser of none). */
kin_status kin_os_bell_open(kin_os_bell *out, uint32_t *number, const kin_os_id *family, uint32_t slot);
void kin_os_bell_close(kin_os_bell *bell);
void kin_os_bell_ring(const kin_os_id *family, uint32_t slot, uint32_t number);
/* What becomes ready when the bell is rung, or, on Windows, sem is posted: for an event loop of the program.
 * KIN_OS_NO_HANDLE: the program has closed it. quiet: takes what has made it ready so far. */
kin_os_handle kin_os_bell_handle(const kin_os_bell *bell, kin_os_sem sem);
void kin_os_bell_quiet(const kin_os_bell *bell, kin_os_sem sem);
/* A thread's own alarm, which ends its sleep among natives: another thread of the process, or a signal handler, sets
 * it, and then its handle, watched as READABLE, is ready until it is cleared. The handle stays the alarm's;
 * KIN_OS_NO_HANDLE: the program has closed it. */
kin_status kin_os_alarm_open(kin_os_alarm *out);
void kin_os_alarm_close(kin_os_alarm *alarm);
void kin_os_alarm_set(kin_os_alarm *alarm);
void kin_os_alarm_clear(kin_os_alarm *alarm);
kin_os_handle kin_os_alarm_handle(kin_os_alarm *alarm);
/* Sleeps until one of them is ready, or sem is posted (POSIX: the bell rung), at most until deadline. More than the
 * system's limit for one call are possible. KIN_OK: look at them, though perhaps none is ready. KIN_E_TIMED_OUT.
 * KIN_E_HANDLE: one is not open. */
kin_status kin_os_watch_any(kin_os_watch *watches, size_t count, kin_os_sem sem, const kin_os_bell *bell,
                            int64_t deadline);

/* ---- which process this is: identity.c ---- */

typedef struct kin_os_process_id {
    uint32_t pid;
    uint64_t
        start; /* a time at which the process ran, in the system's own units: a later one with its pid started later */
    uint64_t user;  /* a number made of the user that it runs as */
    uint64_t where; /* POSIX: in what namespaces pid and start are meant, 0: unknown. Windows: see pulse.c */
} kin_os_process_id;

/* The calling process; start: see kin_os_process_id; two calls may differ. */
kin_status kin_os_self(kin_os_process_id *out);
/* Only the pid: cheap. */
uint32_t kin_os_pid(void);
/* The running program's own path, UTF-8; another file may have it by now. KIN_E_TOO_BIG if size is short. */
kin_status kin_os_self_path(char *buffer, size_t size);

/* ---- pulse, the sign of life: pulse.c ----
 *
 * POSIX: a file per family (descriptor >= 10, close-on-exec, named for discovery). A member shows two signs there: a
 * word in the page of its index, which the kernel marks when the thread that it names ends, and a classic record lock
 * on the byte of its index, which the kernel drops when the process dies or execs. Any close of that file in the
 * process drops the lock, so no other function of kin opens or closes one. Windows: a process's handle and creation
 * time tell; where another user's process may not be opened, an event with a name does.
 */

#define KIN_OS_PULSE_MAX 4096u /* an index is less */

typedef enum kin_os_life {
    KIN_OS_DEAD,
    KIN_OS_UNSURE, /* it cannot be told: to be treated as living */
    KIN_OS_LIVES,
} kin_os_life;

kin_status kin_os_pulse_create(kin_os_pulse *out, const kin_os_id *family, const kin_os_access *access);
/* The handle to pass to a spawned child, borrowed (KIN_OS_NO_HANDLE on Windows; KIN_E_HANDLE: the program has closed
 * it, and its file has no name by which it could be opened again), and the child's use of it: takes handle, also on
 * failure. kin_os_pulse_close takes KIN_OS_NO_PULSE, too (os_types.h: the initialiser of none). */
kin_status kin_os_pulse_handle(kin_os_handle *out, kin_os_pulse *pulse);
kin_status kin_os_pulse_adopt(kin_os_pulse *out, kin_os_handle handle);
/* Whether a handle that came from another process is the pulse of that family, and no other file. Windows: no. */
bool kin_os_pulse_is(kin_os_handle handle, const kin_os_id *family);
/* What the sign of `index` is now, for kin_os_pulse_start. To be read before what says that the sign may be taken. */
uint64_t kin_os_pulse_look(kin_os_pulse *pulse, uint32_t index);
/* Takes the sign of `index` for this process, and for the calling thread, if it still is what was seen and shows no
 * living holder. me: this process; where may be filled in. KIN_E_BUSY: another one has it. KIN_E_HANDLE: no sign can
 * be shown. */
kin_status kin_os_pulse_start(kin_os_pulse *pulse, uint32_t index, uint64_t seen, kin_os_process_id *me,
                              const kin_os_id *family, const kin_os_access *access);
/* The calling thread may stand for this process's sign at index, too. Nothing if enough threads do. */
void kin_os_pulse_share(kin_os_pulse *pulse, uint32_t index);
/* Shows again what was lost of this process's sign (a program may close descriptors that it does not know). False:
 * another process has taken it, as if this process had died. Cheap enough to call before each sleep. */
bool kin_os_pulse_check(kin_os_pulse *pulse, uint32_t index);
/* Ends this process's own, at index. */
void kin_os_pulse_stop(kin_os_pulse *pulse, uint32_t index);
/* Gives back one of a dead member, which was taken to be alone at cleaning up after it. */
void kin_os_pulse_give_back(kin_os_pulse *pulse, uint32_t index);
/* Whether the process that is, or was, member `index` lives. who: what its entry says of it. Not to be asked for what
 * the calling process has taken itself. */
kin_os_life kin_os_pulse_life(kin_os_pulse *pulse, uint32_t index, const kin_os_process_id *who,
                              const kin_os_id *family);
/* Whether it is worth asking, by a look that needs no system call. */
bool kin_os_pulse_suspect(kin_os_pulse *pulse, uint32_t index);
/* False when the family's names have been removed: new names would never be swept. */
bool kin_os_pulse_named(const kin_os_pulse *pulse);
void kin_os_pulse_close(kin_os_pulse *pulse);

/* ---- removing the names of what is gone: sweep.c ---- */

/* Removes the family's names (semaphores first, the pulse last) if no process but the calling one, at index, shows a
 * sign of life in it. index KIN_OS_PULSE_MAX: it shows none. True: they are removed. */
bool kin_os_pulse_retire(kin_os_pulse *pulse, const kin_os_id *family, uint32_t index);
/* The same for every family of this user that has no living member. Returns how many were removed. */
uint32_t kin_os_sweep(void);

/* ---- families' names: name.c ----
 *
 * Each user has names of its own. Names are given and taken by the user whose they are.
 */

/* The memory of the family of that name, and its id, which stands outside of the memory. KIN_E_NOT_FOUND;
 * KIN_E_PERMISSION: another user has taken the place, or the owner gives no access. TO_READ: no mapping of shm can be
 * made writable. */
kin_status kin_os_name_find(kin_os_handle *shm, kin_os_id *id, const char *name, const kin_os_account *owner,
                            kin_os_use use);
/* What has been found: gives the handles to join with. Takes *shm. KIN_E_NOT_FOUND: it is gone meanwhile. */
kin_status kin_os_name_enter(kin_os_handle *shm, kin_os_handle *pulse, const kin_os_id *family,
                             const kin_os_account *owner);
/* Gives the name to a family that is whole, made with findable memory and for this group. kept: it outlives its
 * members (Windows: KIN_E_UNSUPPORTED). *holder keeps the name, as long as it is open. KIN_E_EXISTS. */
kin_status kin_os_name_publish(kin_os_handle *holder, const char *name, const kin_os_id *family, bool kept,
                               const kin_os_access *access);
void kin_os_name_hold(kin_os_handle *holder, const char *name, const kin_os_account *owner);
/* Nobody finds this user's family of that name any more, and it is not kept. KIN_E_NOT_FOUND, KIN_E_PERMISSION. */
kin_status kin_os_name_forget(const char *name);
/* Removes the name if its family is gone. */
void kin_os_name_tidy(const char *name);

/* ---- the families that there are: discover.c ---- */

typedef struct kin_os_found {
    kin_os_id id;
    kin_os_handle shm, pulse; /* the visitor's to close; pulse is KIN_OS_NO_HANDLE on Windows */
} kin_os_found;

/* Visits what looks like a family of this user that some process has open; the same one perhaps more than once.
 * Families for which wanted says no are passed over. Nothing of it is to be trusted. */
void kin_os_discover(bool (*wanted)(const kin_os_id *id, void *context),
                     void (*visit)(const kin_os_found *found, void *context), void *context);

/* ---- this process's environment: environment.c ---- */

/* The value of one of kin's own variables; NULL if there is none. POSIX: NULL also in a program that has more rights
 * than its caller (setuid, setgid, file capabilities), since that caller wrote the environment. */
const char *kin_os_variable(const char *name);

/* ---- processes: process.c ---- */

typedef struct kin_os_exit {
    int code;           /* exit code, 0 if there is none */
    int signal;         /* the signal that ended it, or 0. Windows: as if, if kin_os_process_kill did */
    uint32_t exception; /* Windows: the exception that ended it, or 0 */
    bool killed;        /* kin_os_process_kill ended it */
    bool returned;      /* its entry returned, with that code: kin_os_returned */
    bool doubtful;      /* Windows: another process may have ended it and chosen the code */
} kin_os_exit;

/* What a child has instead of what this process has. All zero: the same as this process. */
typedef struct kin_os_setting {
    const char *directory;        /* or NULL */
    const char *const *variables; /* changes: "NAME=value" and "NAME", the later one counts; or NULL */
    bool replaced[3];             /* whether it has another standard stream: */
    kin_os_handle streams[3];     /* that one; KIN_OS_NO_HANDLE: an empty input, an output that goes nowhere */
    bool bound;                   /* Windows: it ends with this process. POSIX: kin_os_follow_parent */
    bool no_window;               /* Windows: it opens no console window */
    bool self;                    /* kin_os_spawn: the program is this process's own, as it runs */
} kin_os_setting;

/* Forks the calling thread. *in_child tells the two returns apart; the child's *out is meaningless. An error in the
 * child: the setting could not be had there. */
kin_status kin_os_fork(kin_os_process *out, const kin_os_setting *setting, bool *in_child);
/* Writes out what the standard output streams still hold. Streams that hold nothing are not touched: a flush of an
 * empty one costs a process just forked ten microseconds of page faults. */
void kin_os_flush(void);

/* What a spawned child is born with. */
typedef struct kin_os_message {
    const void *data;
    size_t size; /* at most KIN_OS_MESSAGE_MAX */
    const kin_os_handle *handles;
    size_t handle_count; /* at most KIN_OS_HANDLES_MAX */
} kin_os_message;

#define KIN_OS_MESSAGE_MAX 4096u /* with its handles it fits any pipe's buffer: sending never waits for the child */
#define KIN_OS_HANDLES_MAX 64u

/* Starts a program; argv and names are UTF-8, argv[0] is not special, program is a path. The child inherits the
 * standard streams and gets the message, with duplicates of the handles, nothing else. It can take them by
 * kin_os_message_take; what it does not take vanishes with it. If it ends at once, that is no failure of the start.
 * POSIX: KIN_E_UNSUPPORTED in a program that has more rights than its caller: the child would have them, too, and take
 * no message (kin_os_variable). */
kin_status kin_os_spawn(kin_os_process *out, const char *program, const char *const *argv,
                        const kin_os_message *message, const kin_os_setting *setting);
uint32_t kin_os_process_pid(const kin_os_process *process);
/* What to watch for its end; KIN_OS_NO_HANDLE where there is nothing (a kernel without pidfds). It stays process's. */
kin_os_handle kin_os_process_handle(kin_os_process *process);
/* KIN_E_TIMED_OUT: still runs. After KIN_OK it may be asked again and gives the same answer; one thread at a time.
 * POSIX: KIN_E_NOT_FOUND if other code has reaped the child (SIGCHLD ignored, waitpid(-1)). */
kin_status kin_os_process_wait(kin_os_process *process, int64_t deadline, kin_os_exit *out);
/* Whether it has ended, without waiting for it, in any thread. */
bool kin_os_process_ended(const kin_os_process *process);
/* POSIX: SIGTERM or, with force, SIGKILL, through a pidfd. Windows: TerminateProcess either way.
 * KIN_OK if it has already ended. */
kin_status kin_os_process_kill(kin_os_process *process, bool force);
/* Forgets it; a child that still runs goes on. */
void kin_os_process_close(kin_os_process *process);
/* A name for what ended it: a signal's or an exception's; NULL: it has none. A static string. */
const char *kin_os_exit_name(const kin_os_exit *how);
/* In a child of kin_os_fork, kin_os_spawn or kin_os_server_start: the entry has returned that code, 0 to 255. Gives the
 * code to end this process with, at once: it tells the parent so. */
int kin_os_returned(int code);
/* Ends the calling process at once: no exit handlers, no flushing (_exit, TerminateProcess on itself). */
void kin_os_exit_now(int code);
/* The calling process goes on in the background: without its terminal, and not in the directory where it was started,
 * which could not be unmounted or removed. Its standard streams are its starter's affair: replaced later, a C library
 * would go on with the old numbers, which are other files' by then. */
void kin_os_detach(void);

/* ---- the parent: parent.c ---- */

/* The pid of this process's parent, 0 if there is none to tell. */
uint32_t kin_os_parent_pid(void);
/* In a child that is to die with its parent, which has that pid. POSIX: from now on it does; Windows: kin_os_spawn
 * has seen to that. KIN_E_NOT_FOUND: it has ended already. */
kin_status kin_os_follow_parent(uint32_t pid);

/* ---- processors: cpus.c ---- */

/* Processors that can be kept busy, by affinity and by limits of time. At least 1. */
uint32_t kin_os_cpu_count(void);

/* ---- programs that know nothing of kin: run.c ---- */

typedef enum kin_os_stream {
    KIN_OS_STREAM_INHERIT,
    KIN_OS_STREAM_NOTHING,
    KIN_OS_STREAM_PIPE,
    KIN_OS_STREAM_TOGETHER, /* the third only: a copy of the second */
} kin_os_stream;

typedef struct kin_os_command {
    const char *const *argv;      /* argv[0] is the program: a path, or a name to look for in PATH */
    bool shell;                   /* argv[0] is a command line for the system's shell instead */
    bool clean;                   /* the own environment is not inherited */
    bool tree;                    /* kin_os_run_kill meets what the program has started, too */
    bool bound;                   /* the program is ended when this process ends, however it does */
    bool no_window;               /* Windows: it opens no console window */
    const char *const *variables; /* NULL, or "NAME=value" and "NAME", the later one counts */
    const char *directory;        /* or NULL */
    kin_os_stream streams[3];
} kin_os_command;

/* kin_os_run (os_types.h) is a running program with at most three pipes to its streams. It stays where it was
 * started. */

/* The program gets the three streams and nothing else. */
kin_status kin_os_run_start(kin_os_run *out, const kin_os_command *command);
/* None waits. Its input takes *moved > 0 of the bytes; of stream 1 or 2 *moved > 0 bytes came. KIN_E_TIMED_OUT:
 * nothing goes at present. KIN_E_CLOSED: nor will it. */
kin_status kin_os_run_write(kin_os_run *run, const void *bytes, size_t size, size_t *moved);
kin_status kin_os_run_read(kin_os_run *run, unsigned stream, void *buffer, size_t size, size_t *moved);
/* How much can be read of stream 1 or 2 right now; 0 if it is closed. */
size_t kin_os_run_left(kin_os_run *run, unsigned stream);
/* Closes the pipe to a stream, if there is one: the input ends, an output is not wanted any more. */
void kin_os_run_shut(kin_os_run *run, unsigned stream);
/* Until one of the pipes of `which` (bits 1 << stream) that are still open can be moved (bit 1 << stream) or the
 * program has ended (KIN_OS_RUN_ENDED, *how). KIN_OK, perhaps with nothing *ready. KIN_E_TIMED_OUT. KIN_E_NOT_FOUND: it
 * has ended, and nobody can tell how. POSIX: KIN_E_HANDLE, as of the two above: the program has closed a pipe. */
#define KIN_OS_RUN_ENDED 8u
kin_status kin_os_run_wait(kin_os_run *run, unsigned which, int64_t deadline, unsigned *ready, kin_os_exit *how);
/* What to watch for something to read of stream 1 or 2; KIN_OS_NO_HANDLE: it is closed. */
kin_os_handle kin_os_run_watch(kin_os_run *run, unsigned stream);
/* Any thread. */
kin_status kin_os_run_kill(kin_os_run *run, bool force);
void kin_os_run_close(kin_os_run *run);

/* ---- handles: handle.c ---- */

typedef enum kin_os_kind { /* pinned: the blob carries it */
                           KIN_OS_KIND_ANY = 0,
                           KIN_OS_KIND_FILE = 1,
                           KIN_OS_KIND_PIPE = 2,
                           KIN_OS_KIND_SOCKET = 3,
                           KIN_OS_KIND_SHM = 4,
                           KIN_OS_KIND_PROCESS = 5,
                           KIN_OS_KIND_EVENT = 6,
                           KIN_OS_KIND_SEMAPHORE = 7,
                           KIN_OS_KIND_OTHER = 8,
} kin_os_kind;

/* KIN_E_HANDLE: not an open handle. */
kin_status kin_os_handle_kind(kin_os_handle handle, kin_os_kind *out);
kin_status kin_os_handle_duplicate(kin_os_handle *out, kin_os_handle handle);
/* Windows: into another process, target being a process handle; *value is valid there. POSIX: KIN_E_UNSUPPORTED.
 * KIN_OS_DUPLICATES_INTO of os_types.h: 1, 0. */
kin_status kin_os_handle_duplicate_into(uint64_t *value, kin_os_handle handle, kin_os_handle target);
/* The pid of the process that a handle stands for; 0 if it stands for none. POSIX: 0. */
uint32_t kin_os_handle_pid(kin_os_handle process);
void kin_os_handle_close(kin_os_handle handle);
/* A handle as the plain number that the public API and the blob carry, and back. */
uint64_t kin_os_handle_value(kin_os_handle handle);
kin_os_handle kin_os_handle_from(uint64_t value);

/* ---- pipes: pipe.c ----
 *
 * Two connected ends, 0 and 1, which carry packets both ways: each arrives whole or not at all, in order, with
 * handles. Closing, or the death of the last process that has an end, is noticed on the other; what was sent before
 * can still be received. One thread at a time sends on an end, one receives.
 */

#define KIN_OS_PACKET_MAX 65536u
#define KIN_OS_PACKET_HANDLES 32u
#define KIN_OS_PACKET_PARTS 3u

typedef struct kin_os_packet {
    struct {
        void *data;
        size_t size;
    } parts
        [KIN_OS_PACKET_PARTS]; /* one after the other; together at most, when receiving at least, KIN_OS_PACKET_MAX */
    size_t size;               /* receiving: how long it was */
    /* At most, when receiving room for, KIN_OS_PACKET_HANDLES; or NULL: any that come are closed. */
    kin_os_handle *handles;
    size_t handle_count;
} kin_os_packet;

kin_status kin_os_pipe_create(kin_os_pipe ends[2]);
/* What arrived with handles and was not received is closed. */
void kin_os_pipe_close(kin_os_pipe *pipe);
/* The KIN_OS_PIPE_HANDLES handles that an end travels as, borrowed; and an end made of such in the process that got
 * them, number being 0 or 1. Takes the handles, also on failure. KIN_E_DAMAGED: they are not an end's. */
void kin_os_pipe_handles(const kin_os_pipe *pipe, kin_os_handle *handles);
kin_status kin_os_pipe_adopt(kin_os_pipe *out, const kin_os_handle *handles, unsigned number);
/* Whether handles that came from another process are those of an end, so that kin_os_pipe_adopt would take them. */
bool kin_os_pipe_is_end(const kin_os_handle *handles);
/* Its handles are being duplicated into another process: closing it here leaves alone what was sent to it and is not
 * received. given false: it came to nothing. */
void kin_os_pipe_given(kin_os_pipe *pipe, bool given);
/* The handles are borrowed. KIN_E_TIMED_OUT: nothing was sent. KIN_E_CLOSED, KIN_E_HANDLE. */
kin_status kin_os_pipe_send(kin_os_pipe *pipe, const kin_os_packet *packet, int64_t deadline);
/* KIN_E_TIMED_OUT: there is none. KIN_E_CLOSED: nor will there be. KIN_E_DAMAGED: what came is no packet; it is
 * dropped. KIN_E_HANDLE: its handles cannot be had; the rest of it is there.
 * wait: for ever, where that takes one system call less than kin_os_pipe_wait. KIN_E_TIMED_OUT all the same: use that.
 * Not wait: it never waits. */
kin_status kin_os_pipe_recv(kin_os_pipe *pipe, kin_os_packet *packet, bool wait);
/* The first size bytes of the next packet, which stays; zeros where it is shorter. KIN_E_TIMED_OUT, KIN_E_CLOSED. */
kin_status kin_os_pipe_peek(kin_os_pipe *pipe, void *start, size_t size);
/* Until there is something to receive, be it the end. take: kin_os_pipe_recv is the very next call for this end; it
 * may be read already. KIN_E_TIMED_OUT. */
kin_status kin_os_pipe_wait(kin_os_pipe *pipe, bool take, int64_t deadline);
/* What to wait for with other things: ready when kin_os_pipe_wait would return, perhaps too often. Windows: it holds
 * for one wait, and spends the thread that asks: if that ends, it becomes ready. */
kin_status kin_os_pipe_watch(kin_os_pipe *pipe, kin_os_handle *out);

/* ---- a process that forks for this one: server.c ---- */

/* As kin_os_spawn, but the child is forked by a server: a process of this program that is started with the first such
 * start, ends with this process, and is no forked child's. The child is the calling process's own in every respect.
 * Errors: those of kin_os_spawn; KIN_E_UNSUPPORTED; KIN_E_CLOSED: the server ended before there was a child. Windows:
 * KIN_E_UNSUPPORTED. */
kin_status kin_os_server_start(kin_os_process *out, const char *program, const kin_os_message *message,
                               const kin_os_setting *setting);
/* What was taken by kin_os_message_take is left alone, unless it makes this process a server: then it serves, and
 * returns only in the children, each with its own message. handles has room for KIN_OS_HANDLES_MAX. KIN_E_CLOSED:
 * whom it was for has gone. */
kin_status kin_os_server_run(void *data, size_t capacity, size_t *size, kin_os_handle *handles, size_t *handle_count);

/* ---- the message to a spawned child: message.c ---- */

/* Whether this process was started by kin_os_spawn and has not taken its message yet. POSIX: never in a program that
 * has more rights than its caller (kin_os_variable). */
bool kin_os_message_pending(void);
/* Takes it; the handles are the caller's. *handle_count: in, room for handles; out, how many there are.
 * KIN_E_NOT_FOUND: there is none; KIN_E_CLOSED: it was meant for another process; KIN_E_TOO_BIG; KIN_E_HANDLE:
 * one has been closed; KIN_E_BLOB_CORRUPT: not a message of kin. After a failure there may be open handles that no code
 * knows of. The process should end. */
kin_status kin_os_message_take(void *data, size_t capacity, size_t *size, kin_os_handle *handles, size_t *handle_count);

#endif
