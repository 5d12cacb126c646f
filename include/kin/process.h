/* process.h: start children by fork or by spawn, hand them things, wait for them.
 *
 *     static int child(const kin_args *args)
 *     {
 *         kin_lock *lock;
 *         if (kin_args_get_lock(&lock, args, "lock") < 0) {
 *             return 1;
 *         }
 *         ...
 *         return 0;
 *     }
 *
 *     static const kin_child_entry entries[] = {{"child", child}};
 *
 *     int main(void)
 *     {
 *         kin_child_main(entries, 1);          // first: in a spawned child it does not return
 *         ...
 *         kin_args *args;
 *         kin_args_create(&args, NULL);
 *         kin_args_add_lock(args, "lock", lock);
 *         kin_process *process;
 *         kin_process_start(&process, "child", args, NULL);
 *         kin_process_join(process, KIN_FOREVER, NULL);
 *         kin_process_close(process);
 *         kin_args_destroy(args);
 *     }
 *
 * Fork continues this program in the child: everything is inherited. Spawn starts a program afresh, by default this one
 * again, which learns through kin_child_main what to do: what it needs must be an argument. Windows has only spawn;
 * POSIX has both, so that a program meant for both can be tried there.
 *
 * The third method of POSIX is for a program with threads, in which a fork copies what they hold locked, or with much
 * memory, whose tables a fork copies: a fork server, this program started afresh, once, which forks the children when
 * asked. They come to be as spawned ones do, but without what the program's start costs.
 */
#ifndef KIN_PROCESS_H
#define KIN_PROCESS_H

#include "ref.h"

KIN_BEGIN

/* A file descriptor or a HANDLE as a number: (kin_handle)fd, (kin_handle)handle. */
typedef intptr_t kin_handle;
#define KIN_NO_HANDLE (-KIN_DETAIL_CAST(kin_handle, 1u)) /* none */

typedef enum kin_handle_kind { /* pinned */
                               KIN_HANDLE_ANY = 0,
                               KIN_HANDLE_FILE = 1,
                               KIN_HANDLE_PIPE = 2,
                               KIN_HANDLE_SOCKET = 3,
                               KIN_HANDLE_MEMORY = 4,    /* a memfd, a section */
                               KIN_HANDLE_PROCESS = 5,   /* a pidfd, a process handle */
                               KIN_HANDLE_EVENT = 6,     /* an eventfd, an event */
                               KIN_HANDLE_SEMAPHORE = 7, /* Windows */
                               KIN_HANDLE_OTHER = 8,
} kin_handle_kind;

/* ---- named arguments ---- */

typedef struct kin_args kin_args;

#define KIN_ARGS_MAX 64u             /* arguments */
#define KIN_ARG_BYTES_MAX (1u << 24) /* bytes of one */

/* An empty set of arguments for a child in family (NULL: this process's own). The caller's; kin_args_destroy.
 * Not for use by several threads at once. Errors: KIN_E_ARGUMENT, KIN_E_NO_MEMORY, those of kin_family_default. */
KIN_API kin_status kin_args_create(kin_args **out, kin_family *family);
KIN_API void kin_args_destroy(kin_args *args);

/* Each adds one argument; name is copied, 1 to KIN_NAME_MAX bytes. Errors of all: KIN_E_ARGUMENT, KIN_E_EXISTS,
 * KIN_E_LIMIT, KIN_E_NO_MEMORY. */

/* An object of the family, by reference. Also the errors of kin_ref_of; KIN_E_FAMILY if it lies in another family. */
KIN_API kin_status kin_args_add_object(kin_args *args, const char *name, kin_type type, const void *object);
/* Bytes, copied now. KIN_E_TOO_BIG above KIN_ARG_BYTES_MAX. */
KIN_API kin_status kin_args_add_bytes(kin_args *args, const char *name, const void *bytes, size_t size);
/* A handle of the program's own; the child gets a duplicate. The call borrows it until the last start that uses args.
 * Its kind is looked up now and checked again in the child. KIN_E_HANDLE: not open; KIN_E_LIMIT: also above 62
 * handles. */
KIN_API kin_status kin_args_add_handle(kin_args *args, const char *name, kin_handle handle);

/* In the child. What they give is valid until the entry returns; a handle is the child's own, to keep or to close.
 * Errors of all: KIN_E_NOT_FOUND, KIN_E_TYPE (it is something else), KIN_E_ARGUMENT. */

/* Also the errors of kin_ref_get: KIN_E_STALE if the object was destroyed since. */
KIN_API kin_status kin_args_get_object(void **object, const kin_args *args, const char *name, kin_type type);
KIN_API kin_status kin_args_get_bytes(const void **bytes, size_t *size, const kin_args *args, const char *name);
/* KIN_E_HANDLE: it is not of that kind (KIN_HANDLE_ANY takes all). */
KIN_API kin_status kin_args_get_handle(kin_handle *out, const kin_args *args, const char *name, kin_handle_kind kind);
/* The family that the child shares with its parent. */
KIN_API kin_family *kin_args_family(const kin_args *args);

/* ---- entries ---- */

typedef struct kin_child_entry {
    const char *name;                 /* 1 to KIN_NAME_MAX bytes */
    int (*run)(const kin_args *args); /* its result is the child's exit code, 0 to 255 */
} kin_child_entry;

/* Registers the functions that children may be started with; entries must stay valid. Call it first in main, once. In
 * a spawned child it joins the family, runs the entry and exits with its result, as if main had returned it; if the
 * parent has died or sent something unsound, it exits with KIN_EXIT_START. Elsewhere it returns: KIN_OK, or
 * KIN_E_ARGUMENT (null with a count, no run, a name twice, empty or too long). NULL and 0: a program that has only a
 * pool's functions (pool.h). */
KIN_API kin_status kin_child_main(const kin_child_entry *entries, size_t count);

#define KIN_EXIT_START 113 /* exit code of a child that could not begin */

/* ---- processes ---- */

typedef struct kin_process kin_process;

/* Pinned. KIN_START_DEFAULT: spawn if a program is given; else what the environment's KIN_START=fork|spawn|forkserver
 * says, or spawn where there is no such thing; else fork where there is fork. */
typedef enum kin_start_method {
    KIN_START_DEFAULT = 0,
    KIN_START_FORK = 1,
    KIN_START_SPAWN = 2,
    KIN_START_FORKSERVER = 3,
} kin_start_method;

typedef struct kin_process_options {
    size_t size; /* of this struct, in bytes; its _INIT macro sets it */
    kin_start_method method;
    const char *program;     /* spawn: path of the program, which calls kin_child_main; NULL: this program */
    const char *const *argv; /* spawn: its arguments, NULL-terminated; NULL, and fork server: only the program's name */
    int die_with_parent;     /* 1: it is killed when this process ends; see kin_process_start */
    const char *name;        /* what kin_process_name gives, 1 to KIN_NAME_MAX bytes; NULL: the entry's name */
    const char *directory;   /* where it starts; NULL: this process's current directory */
    const char *const *environment; /* changes: "NAME=value" sets, "NAME" removes; NULL-terminated; or NULL */
    kin_handle streams[3];          /* standard input, output, error, borrowed; 0: this process's own; KIN_NO_HANDLE: an
                                       empty input, an output that goes nowhere */
    int no_window; /* 1, Windows: it opens no console window. A console program, started by a process that has no
                      console to share with it, gets one with a window otherwise; POSIX: nothing */
} kin_process_options;

#define KIN_PROCESS_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(kin_process_options), KIN_START_DEFAULT, NULL, NULL, 0, NULL, NULL, NULL, {0, 0, 0}, 0                  \
    }

/* Starts a child that runs the entry with the arguments (NULL: none). options NULL: all defaults; name, args and
 * options are only borrowed for the call. *out is the caller's; kin_process_close. The child becomes a member of the
 * arguments' family (without arguments: of this process's own family). That family is what NULL means in the child, by
 * every method. docs/start-methods.md says what else a child finds, by which method.
 *
 * Fork: only the calling thread goes on in the child, which leaves by _exit: stdout and stderr are flushed before the
 * fork and again at its end, other streams are the entry's to flush or close, what atexit registered does not run. In a
 * program with several threads, it should do little more than run its entry.
 *
 * Spawn: a program that never calls kin_child_main just runs; kin_process_join tells how it ended. Without
 * options.program it is this program as it runs. On Linux that is so also if its file was replaced or removed meanwhile
 * (not for a process that sees no /proc); libraries that were replaced are the new ones in the child. Windows lets
 * nobody replace or remove the file of a running program, but rename it: then the file that has the name now is
 * started.
 *
 * Fork server: the child comes out of kin_child_main as a spawned one does, a child of this process as any other. It
 * has the standard streams, current directory, environment and blocked signals of now; limits, umask, priority and
 * ignored signals are as they were when the server was started, by the first such start. What the program did before
 * kin_child_main was done once, in the server: it must not start threads there. The server is a child of this process,
 * too, which ends with it: wait(2) for all children finds it, and waits for good. If somebody kills it, the next start
 * makes a new one, and children go on; while somebody has it stopped (SIGSTOP), starts wait. Handles for a child may be
 * open in the server for a moment after the start. A forked child has none until it starts its own.
 *
 * POSIX: a program that has more rights than its caller (setuid, setgid, file capabilities; getauxval(3), AT_SECURE)
 * can only fork its children: KIN_START_SPAWN and KIN_START_FORKSERVER are KIN_E_UNSUPPORTED, and so is what needs them
 * (a manager's keeper). Such a program takes nobody's message, so that its caller cannot choose what kin_child_main
 * runs. It reads no variable of kin's, nor the names of directories.
 *
 * die_with_parent: however this process ends, also by kill -9, the child is killed; the end of the thread that started
 * it does nothing. What the child held is treated as after any death. It is for the child alone: its own children go
 * on, unless they were started so, too. POSIX: a thread in the child, with a descriptor, sees to it from its beginning
 * (kin_child_main) to its end or an exec; a program that never calls kin_child_main goes on, and so does a process that
 * the child forks by itself. A parent that calls exec has not ended. Windows: a job object, also for programs that know
 * nothing of kin.
 *
 * Errors: KIN_E_ARGUMENT (also KIN_START_FORK or KIN_START_FORKSERVER with a program), KIN_E_ENTRY (not registered;
 * with a program, the child ends with KIN_EXIT_START instead), KIN_E_NO_CHILD_MAIN, KIN_E_UNSUPPORTED (KIN_START_FORK
 * and KIN_START_FORKSERVER on Windows; KIN_START_FORKSERVER with a C library or kernel that does not let it be: Linux
 * with glibc does), KIN_E_CLOSED (KIN_START_FORKSERVER: the server ended at once, twice), KIN_E_PROGRAM (no such
 * program or directory), KIN_E_PERMISSION, KIN_E_LIMIT (processes, members), KIN_E_HANDLE (an argument's handle or a
 * stream is closed), KIN_E_NO_MEMORY, KIN_E_TOO_BIG (arguments), KIN_E_OS.  After an error nothing is left. */
KIN_API kin_status kin_process_start(kin_process **out, const char *entry, const kin_args *args,
                                     const kin_process_options *options);

typedef enum kin_end {                       /* pinned. How a process ended: */
                       KIN_END_UNKNOWN = 0,  /* nobody can tell */
                       KIN_END_RETURNED = 1, /* its entry returned */
                       KIN_END_EXITED = 2,   /* by exit, _exit or the like, not by returning from an entry */
                       KIN_END_SIGNAL = 3,   /* by a signal (POSIX) or an exception (Windows) */
                       KIN_END_KILLED = 4,   /* this process ended it: kin_process_terminate or _kill, a time limit */
} kin_end;

/* A child has succeeded if how is KIN_END_RETURNED and code is 0. code alone is 0 also for one that called exit(0).
 *
 * Who made it end: KIN_END_KILLED with timed_out: its time limit. KIN_END_KILLED without: this process, by a call. Else
 * it was not this process; POSIX: KIN_END_SIGNAL is somebody else, or a fault of its own. With timed_out and another
 * `how` it did as it was asked, or was just ending.
 *
 * POSIX: a process that somebody kills ends by a signal; which of exit and a return it was, a child notes in memory
 * that it shares with its parent alone. Windows: a process that ends another chooses its code, 0 as well (and Wine
 * reports 0 for one that was killed from outside). So a child says by the code itself that its entry has returned: the
 * system's own code is 0x2B694E00 then, plus the entry's. Of a child started by kin_process_start that has not said so,
 * code 0 is KIN_END_UNKNOWN; another code is KIN_END_EXITED, though it may have been ended by somebody who chose it. A
 * program that does not call kin_child_main says nothing: use run.h for those. */
typedef struct kin_exit {
    int code;           /* KIN_END_RETURNED, KIN_END_EXITED: its exit code; else -1 */
    int signal;         /* KIN_END_SIGNAL, KIN_END_KILLED: the signal, 0 for an exception. Windows: of a process that
                           this one ended, 15 (terminate) or 9 (kill), as on Linux */
    uint32_t exception; /* KIN_END_SIGNAL, Windows: the exception's code, an NTSTATUS ([MS-ERREF] 2.3.1), 0xC0000005 */
    uint32_t how;       /* a kin_end */
    uint32_t timed_out; /* 1: a time limit had passed (run.h, a pool's task), so it was asked to end, or killed */
    uint32_t reserved[3]; /* 0 */
} kin_exit;

/* Writes for people how it ended ("returned 3", "ended by signal 11 (SIGSEGV)", "ended by exception 0xC0000005 (access
 * violation)") into buffer, always terminated, cut to size bytes. Returns buffer; an empty string when one is null or
 * size is 0. */
KIN_API const char *kin_exit_text(const kin_exit *how, char *buffer, size_t size);

/* Waits for its end, at most timeout nanoseconds; *result, if not null, is how it ended. May be asked again. What the
 * child held is cleaned up here. Not for several threads at once on one process.
 * Errors: KIN_E_TIMED_OUT, KIN_E_ARGUMENT, KIN_E_REAPED (POSIX: the program itself reaped the child, or ignores
 * SIGCHLD), KIN_E_OS. */
KIN_API kin_status kin_process_join(kin_process *process, int64_t timeout, kin_exit *result);

/* 1 while it runs, else 0; also 0 for NULL. One thread at a time, as with join. */
KIN_API int kin_process_alive(kin_process *process);

/* The process id; 0 for NULL. */
KIN_API uint32_t kin_process_pid(const kin_process *process);

/* Its name, from the options or the entry; valid until it is closed. "" for NULL. */
KIN_API const char *kin_process_name(const kin_process *process);

/* terminate asks (SIGTERM), kill does not (SIGKILL); Windows: both end it at once. KIN_OK if it has ended already.
 * What it held is not lost: see lock.h. Errors: KIN_E_ARGUMENT, KIN_E_PERMISSION, KIN_E_OS. */
KIN_API kin_status kin_process_terminate(kin_process *process);
KIN_API kin_status kin_process_kill(kin_process *process);

/* Asks it to end, waits at most ask nanoseconds, kills it, waits at most kill nanoseconds; *result, if not null, is how
 * it ended. KIN_OK: it had ended, or did when asked (Windows: where asking is killing). KIN_KILLED: it ended by being
 * killed. One thread at a time, as with join.
 * Errors: KIN_E_TIMED_OUT (killed, but the system has not finished it yet), those of join and of terminate. */
KIN_API kin_status kin_process_stop(kin_process *process, int64_t ask, int64_t kill, kin_exit *result);

/* Forgets it. A child that still runs goes on; POSIX: it stays a zombie after its end until this process ends, so join
 * first. NULL: nothing. */
KIN_API void kin_process_close(kin_process *process);

/* Children of this process, started by kin_process_start and not closed, that have not ended: writes at most room of
 * them to list (NULL with room 0) and returns how many there are. Any thread; they are the ones that were started, and
 * valid until their owners close them. An ended one is left out, but still to be joined and closed. In a forked child
 * there are none but its own. */
KIN_API size_t kin_process_children(kin_process **list, size_t room);

/* ---- this process ---- */

typedef struct kin_process_info {
    size_t size; /* KIN_PROCESS_INFO_INIT sets it */
    uint32_t pid;
    uint32_t parent;   /* pid of the process that started it, which may have ended meanwhile; 0: not known */
    int started;       /* 1 if kin_process_start started it: */
    const char *entry; /* then the name of its entry, valid while it runs; else "" */
} kin_process_info;

#define KIN_PROCESS_INFO_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(kin_process_info), 0, 0, 0, NULL                                                                        \
    }

/* Who the calling process is. A fork of the program's own has not been started by kin. Any thread. KIN_E_ARGUMENT:
 * null. */
KIN_API kin_status kin_process_current(kin_process_info *info);

/* How many processors the calling thread can keep busy with others of its process, at least 1: those it may run on, or
 * fewer, rounded up, if a control group (v1 or v2) or a job gives less time. Windows, more than 64 processors: those of
 * all the process's groups. Of jobs within jobs it tells only the innermost one's limit: a child with die_with_parent
 * is in a job of kin's, within the container's. Asked of the system anew each time, which costs some file reads. */
KIN_API uint32_t kin_cpu_count(void);

KIN_END

#endif
