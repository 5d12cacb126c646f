/* process.h: start child processes, pass arguments to them, and wait for them.
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
 * Fork: the child is a copy of this process and inherits everything. Spawn: the child runs a program from its start, by
 * default this program again. kin_child_main then runs the child's entry. The child gets what it needs as arguments.
 * Windows has only spawn. POSIX has both, so a program for both systems can be tried there.
 *
 * Fork server, the third method of POSIX: the server is this program, started from its beginning once. It forks a child
 * at each start. Use it in a program with threads, because a fork copies the locks that other threads hold. Use it also
 * in a program with much memory, because a fork copies the page tables. Such a child begins as a spawned child does,
 * but without the cost of starting the program.
 *
 * Death of a process: when a child dies in any way, the locks and other objects that it held are handled as after any
 * death of a member (lock.h and the others). Its parent cleans up when it waits for the child. When the parent dies,
 * its children go on, except those that were started with die_with_parent.
 */
#ifndef KIN_PROCESS_H
#define KIN_PROCESS_H

#include "ref.h"

KIN_BEGIN

/* A file descriptor or a HANDLE as a number: (kin_handle)fd, (kin_handle)handle. */
typedef intptr_t kin_handle;
#define KIN_NO_HANDLE (-KIN_DETAIL_CAST(kin_handle, 1u)) /* none */

typedef enum kin_handle_kind {                     /* pinned */
                               KIN_HANDLE_ANY = 0, /* kin_args_get_handle only: of every kind */
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

#define KIN_ARGS_MAX 64u      /* arguments of one child */
#define KIN_TASK_NAME_MAX 47u /* bytes of an argument's, an entry's or a task's name, without the terminating 0 */
#define KIN_ARG_BYTES_MAX (1u << 24) /* bytes of one argument */

/* Creates an empty set of arguments for a child, which becomes a member of family (NULL: the default family). The
 * caller owns *out and frees it with kin_args_destroy. A set may be used for several starts. Only one thread at a time
 * may use it. Errors: KIN_E_ARGUMENT (out null), KIN_E_NO_MEMORY (of this process), and those of kin_family_default
 * when family is NULL. */
KIN_API kin_status kin_args_create(kin_args **out, kin_family *family);
/* Frees a set from kin_args_create or kin_blob_adopt (blob.h), and the bytes in it. The objects, handles and pipe
 * endpoints that were added to it stay the caller's. NULL: does nothing. Children that were started with the set are
 * not affected. */
KIN_API void kin_args_destroy(kin_args *args);

/* The following functions add one argument each. They copy name, of 1 to KIN_TASK_NAME_MAX bytes. Errors of all:
 *   - KIN_E_ARGUMENT: args null; name null, empty or too long; a null pointer for data whose size is not 0.
 *   - KIN_E_EXISTS: the set has an argument of that name.
 *   - KIN_E_LIMIT: the set has KIN_ARGS_MAX arguments.
 * After an error the set is as it was. */

/* Adds an object of the family, by reference. The call does not keep the object alive. Errors: KIN_E_FAMILY (the object
 * lies in another family than the set), and those of kin_ref_of. */
KIN_API kin_status kin_args_add_object(kin_args *args, const char *name, kin_type type, const void *object);
/* Adds a copy of size bytes. bytes may be NULL if size is 0. Errors: KIN_E_TOO_BIG (size is more than
 * KIN_ARG_BYTES_MAX), KIN_E_NO_MEMORY (of this process). */
KIN_API kin_status kin_args_add_bytes(kin_args *args, const char *name, const void *bytes, size_t size);
/* Adds a file descriptor or HANDLE of the program. Each child gets a duplicate. The handle stays the caller's; the
 * caller keeps it open until the last start with this set. The call looks up the handle's kind; kin_process_start and
 * the child check it again. Errors: KIN_E_HANDLE (the handle is not open), KIN_E_LIMIT (also: the set has 62 handles; a
 * pipe endpoint counts as one on POSIX, as two on Windows). */
KIN_API kin_status kin_args_add_handle(kin_args *args, const char *name, kin_handle handle);

/* The following functions find an argument, in the child's entry. Any thread may call them until the entry returns.
 * They do not copy: the bytes are valid until the entry returns (in a set from kin_blob_adopt, until kin_args_destroy).
 * Errors of all: KIN_E_ARGUMENT (args, name or a pointer for a result is null), KIN_E_NOT_FOUND (no argument has that
 * name), KIN_E_TYPE (the argument is of another kind: object, bytes, handle, pipe). */

/* Finds an object of that type. *object is borrowed: it is valid until the object is destroyed. Errors: KIN_E_TYPE
 * (also: an object of another type), KIN_E_STALE (the object was destroyed since it was added), and the others of
 * kin_ref_get. */
KIN_API kin_status kin_args_get_object(void **object, const kin_args *args, const char *name, kin_type type);
/* Finds bytes. *bytes points to them, *size is their number. Errors: those of all. */
KIN_API kin_status kin_args_get_bytes(const void **bytes, size_t *size, const kin_args *args, const char *name);
/* Finds a handle. *out belongs to the child, which may keep or close it. kind: the kind that the child expects;
 * KIN_HANDLE_ANY accepts all. Errors: KIN_E_HANDLE (the handle is of another kind), KIN_E_ARGUMENT (also: kind is not a
 * kin_handle_kind). */
KIN_API kin_status kin_args_get_handle(kin_handle *out, const kin_args *args, const char *name, kin_handle_kind kind);
/* The family of the arguments, which the child shares with its parent. Borrowed: do not close it. NULL for NULL. */
KIN_API kin_family *kin_args_family(const kin_args *args);

/* ---- entries ---- */

typedef struct kin_child_entry {
    const char *name;                 /* 1 to KIN_TASK_NAME_MAX bytes */
    int (*run)(const kin_args *args); /* its result is the child's exit code, 0 to 255 */
} kin_child_entry;

/* Registers the functions that children may be started with. entries is borrowed for the life of the process. Call it
 * once, first in main, before there are other threads.
 *
 * In a spawned child, and in a child of a fork server, it does not return. It joins the family, runs the entry, and
 * calls exit with the entry's result, as if main had returned it. If the child cannot begin, it calls
 * exit(KIN_EXIT_START): the parent has died, the parent's message is invalid, entries is invalid, or no entry has the
 * wanted name.
 *
 * In any other process it returns: KIN_OK, or KIN_E_ARGUMENT (entries null and count not 0; an entry without run; a
 * name that is there twice, empty or too long). entries NULL and count 0: for a program that has only the functions of
 * a pool (pool.h). */
KIN_API kin_status kin_child_main(const kin_child_entry *entries, size_t count);

#define KIN_EXIT_START 113 /* the exit code of a child that could not begin */

/* ---- processes ---- */

typedef struct kin_process kin_process;

/* Pinned. KIN_START_DEFAULT means spawn if options.program is set. Otherwise the environment variable KIN_START (fork,
 * spawn or forkserver) chooses the method. Without the variable, or with another value, it means fork. If the system
 * does not have the chosen method, it means spawn. */
typedef enum kin_start_method {
    KIN_START_DEFAULT = 0,
    KIN_START_FORK = 1,
    KIN_START_SPAWN = 2,
    KIN_START_FORKSERVER = 3,
} kin_start_method;

typedef struct kin_process_options {
    size_t size; /* of this struct, in bytes; its _INIT macro sets it */
    kin_start_method method;
    const char *program;     /* spawn: path of a program that calls kin_child_main; no search in PATH. NULL: this one */
    const char *const *argv; /* spawn: its arguments, which begin with its name and end with NULL. NULL, and always with
                                a fork server: only the program's name */
    int die_with_parent;     /* 1: the child is killed when this process ends; see kin_process_start */
    const char *name;        /* result of kin_process_name, 1 to KIN_TASK_NAME_MAX bytes; NULL: the entry's name */
    const char *directory;   /* the child's current directory; NULL: this process's current directory */
    const char *const *environment; /* changes: "NAME=value" sets, "NAME" removes; ends with NULL. NULL: no changes */
    kin_handle streams[3];          /* standard input, output, error; borrowed. 0: this process's own stream.
                                       KIN_NO_HANDLE: an empty input, an output that is discarded */
    int no_window; /* 1, Windows: the child opens no console window. By default a console program gets a console with a
                      window if its parent has no console to share. POSIX: no effect */
} kin_process_options;

#define KIN_PROCESS_OPTIONS_INIT                                                                                       \
    {                                                                                                                  \
        sizeof(kin_process_options), KIN_START_DEFAULT, NULL, NULL, 0, NULL, NULL, NULL, {0, 0, 0}, 0                  \
    }

/* Starts a child that runs the entry of that name with the arguments (args NULL: none). options NULL: all defaults.
 * entry, args and options are borrowed for the call. The caller owns *out and frees it with kin_process_close. The
 * child becomes a member of the family of the arguments (args NULL: of this process's default family). In the child,
 * NULL means that family, with every method. docs/start-methods.md lists what a child finds with each method. Any
 * thread.
 *
 * Fork: only the calling thread exists in the child. The child ends with _exit, so handlers of atexit do not run. kin
 * flushes stdout and stderr before the fork and when the entry returns; the entry flushes or closes other streams. If
 * the parent has several threads, the entry should do little, because in the child the locks of the other threads are
 * never released. A child that cannot set its streams, directory or environment ends with KIN_EXIT_START.
 *
 * Spawn: a program that does not call kin_child_main just runs, and kin_process_join reports how it ended. Without
 * options.program the child runs the program file of this process. On Linux that is the file that this process
 * executes, even if the file was replaced or removed since (except if the process cannot see /proc); the child loads
 * the present versions of the shared libraries. On Windows the file of a running program cannot be replaced or removed,
 * but it can be renamed: then the file that has the name now is started.
 *
 * Fork server: the child is a child of this process, and comes out of kin_child_main as a spawned child does. It gets
 * the present standard streams, current directory, environment and blocked signals of this process. Resource limits,
 * umask, priority and ignored signals are those of the moment when the server was started, by the first such start. The
 * server runs the program up to kin_child_main once; the program must not start threads there. The server is a child of
 * this process too, and ends with it. So wait(2) for all children also finds the server, and never ends. If the server
 * is killed, the next start starts a new one, and its children go on. While the server is stopped (SIGSTOP), starts
 * wait. Handles for a child may stay open in the server for a moment after the start. A forked child of this process
 * has no server until it starts its own.
 *
 * POSIX, a program with more privileges than its caller (setuid, setgid, file capabilities; getauxval(3), AT_SECURE):
 * it can only fork its children. KIN_START_SPAWN and KIN_START_FORKSERVER return KIN_E_UNSUPPORTED, and so do functions
 * that need them (to start a manager process). Such a program accepts no message from a parent, so its caller cannot
 * choose what kin_child_main runs. It reads none of kin's environment variables, and no names of directories from the
 * environment.
 *
 * die_with_parent: the child is killed when this process ends in any way, also by SIGKILL. The end of the thread that
 * started the child has no effect. The objects that the child held are handled as after any death. It affects only the
 * child: the child's own children go on, unless they were started with it too. POSIX: a thread in the child, with one
 * descriptor, watches the parent, from kin_child_main to the end of the child or its exec. So a program that does not
 * call kin_child_main is not killed, and neither is a process that the child forks itself. A parent that calls exec has
 * not ended. Windows: a job object, which also affects programs that do not use kin.
 *
 * Errors, after which no child and nothing of it is left:
 *   - KIN_E_ARGUMENT: out null; entry or options->name null, empty or too long; options->size unknown; method unknown;
 *     KIN_START_FORK or KIN_START_FORKSERVER with a program; argv empty; an environment element without a name;
 *     die_with_parent or no_window neither 0 nor 1; text that is not UTF-8 (Windows).
 *   - KIN_E_ENTRY: no entry of that name is registered. With options.program the parent cannot know that: the child
 *     ends with KIN_EXIT_START.
 *   - KIN_E_NO_CHILD_MAIN: this process is a spawned child and has not called kin_child_main.
 *   - KIN_E_UNSUPPORTED: the system does not have the method (Windows: KIN_START_FORK, KIN_START_FORKSERVER;
 *     KIN_START_FORKSERVER needs Linux with glibc and a kernel with CONFIG_CHECKPOINT_RESTORE); this process has more
 *     privileges than its caller; or the program file is in a format that the system cannot run (Windows: or a batch
 *     file).
 *   - KIN_E_CLOSED: KIN_START_FORKSERVER: the server ended at once, twice.
 *   - KIN_E_PROGRAM: there is no such program or directory.
 *   - KIN_E_PERMISSION: the program may not be executed, or the directory not entered.
 *   - KIN_E_HANDLE: a handle among the arguments, or a stream, is closed, or has become another kind.
 *   - KIN_E_BUSY: a pipe endpoint among the arguments is used by another thread or is in the middle of a message; the
 *     program file is open for writing; or as kin_alloc.
 *   - KIN_E_LIMIT: too many processes, descriptors or members.
 *   - KIN_E_TOO_BIG: arguments and environment are too long for the system.
 *   - KIN_E_NO_MEMORY, KIN_E_OS, and those of kin_family_default when args is NULL. */
KIN_API kin_status kin_process_start(kin_process **out, const char *entry, const kin_args *args,
                                     const kin_process_options *options);

typedef enum kin_end {                       /* pinned; how a process ended */
                       KIN_END_UNKNOWN = 0,  /* not known */
                       KIN_END_RETURNED = 1, /* its entry returned */
                       KIN_END_EXITED = 2,   /* by exit, _exit or the like, but not by a return from its entry */
                       KIN_END_SIGNAL = 3,   /* by a signal (POSIX) or an exception (Windows) */
                       KIN_END_KILLED = 4, /* by this process: kin_process_terminate, _kill or _stop, or a time limit */
} kin_end;

/* How a process ended. A child has succeeded if how is KIN_END_RETURNED and code is 0. Do not test code alone: it is
 * also 0 for a child that called exit(0).
 *
 * The cause of the end: KIN_END_KILLED with timed_out: the time limit of the process. KIN_END_KILLED without timed_out:
 * a call in this process. Any other how: not this process. POSIX, KIN_END_SIGNAL: another process sent the signal, or
 * the process caused it by a fault of its own. timed_out with another how: the process ended by itself when it was
 * asked to end, or it was ending anyway.
 *
 * POSIX: a process that is killed by another one ends by a signal. A child records in memory that only its parent
 * shares whether its entry has returned. Windows: a process that ends another process chooses the exit code, which may
 * be 0. (Wine reports 0 for a process that was killed from outside.) So a child reports by its exit code that its entry
 * has returned: the system's code is then 0x2B694E00 plus the entry's code. For a child of kin_process_start that ended
 * with another code, which is no exception's, kin reports KIN_END_UNKNOWN if the code is 0, and KIN_END_EXITED
 * otherwise, although another process may have chosen the code. A program that does not call kin_child_main never
 * reports a return: use run.h for such programs. */
typedef struct kin_exit {
    int code;           /* KIN_END_RETURNED, KIN_END_EXITED: the exit code; otherwise -1 */
    int signal;         /* KIN_END_SIGNAL, KIN_END_KILLED: the signal's number; 0 for an exception. Windows: 15 if this
                           process terminated it, 9 if this process killed it, as on Linux */
    uint32_t exception; /* KIN_END_SIGNAL, Windows: the exception's code, an NTSTATUS ([MS-ERREF] 2.3.1), 0xC0000005 */
    uint32_t how;       /* a kin_end */
    uint32_t timed_out; /* 1: its time limit passed (run.h, a task of a pool), so it was asked to end, or killed */
    uint32_t reserved[3]; /* 0 */
} kin_exit;

/* Writes a text for people that says how a process ended: "returned 3", "ended by signal 11 (SIGSEGV)", "ended by
 * exception 0xC0000005 (access violation)". buffer has size bytes; the text is always terminated, and cut if it is too
 * long. Returns buffer, which has an empty text if how is null. Returns a static empty string if buffer is null or size
 * is 0. Any thread. */
KIN_API const char *kin_exit_text(const kin_exit *how, char *buffer, size_t size);

/* Waits at most timeout nanoseconds until the child has ended (KIN_NOW: does not wait). *result, if not null, receives
 * how it ended. Later calls return the same again. The first call that sees the end also cleans up what the child held
 * in its family. Only one thread at a time may call this for one process.
 * Errors, after which *result is unchanged: KIN_E_TIMED_OUT (the child still runs), KIN_E_INTERRUPTED (so it does;
 * thread.h), KIN_E_ARGUMENT (process null, timeout negative), KIN_E_REAPED (POSIX: the child has ended, but how is
 * lost, because the program reaped it itself or ignores SIGCHLD), KIN_E_OS. */
KIN_API kin_status kin_process_join(kin_process *process, int64_t timeout, kin_exit *result);

/* 1 if the child runs; 0 if it has ended, if that is not known (an error of kin_process_join), and for NULL. Cleans up
 * as kin_process_join does. Only one thread at a time, as with kin_process_join. */
KIN_API int kin_process_alive(kin_process *process);

/* The process id of the child, also after its end; 0 for NULL. Any thread. */
KIN_API uint32_t kin_process_pid(const kin_process *process);

/* The child's name: options.name, or the name of its entry. Borrowed: valid until kin_process_close. "" for NULL. Any
 * thread. */
KIN_API const char *kin_process_name(const kin_process *process);

/* kin_process_terminate asks the child to end (SIGTERM), kin_process_kill kills it (SIGKILL). Windows: both end it at
 * once. They do not wait. KIN_OK also if the child has ended already. What the child held is handled as after any death
 * of a member: see lock.h. Not while another thread uses the process. Errors: KIN_E_ARGUMENT (process null),
 * KIN_E_PERMISSION (the child runs as another user), KIN_E_OS. */
KIN_API kin_status kin_process_terminate(kin_process *process);
KIN_API kin_status kin_process_kill(kin_process *process);

/* Asks the child to end, and waits at most ask nanoseconds. If it still runs, kills it, and waits at most kill
 * nanoseconds. *result, if not null, receives how it ended. KIN_OK: the child had ended already, or ended within ask
 * nanoseconds (Windows: the first step kills it already). KIN_KILLED: the child ended after it was killed. Only one
 * thread at a time, as with kin_process_join.
 * Errors: KIN_E_TIMED_OUT (the child was killed, but has not ended within kill nanoseconds), KIN_E_INTERRUPTED (the
 * child was asked to end, and perhaps killed; call again, or kin_process_join; thread.h), KIN_E_ARGUMENT (process null,
 * a negative time), and those of kin_process_terminate and kin_process_join. */
KIN_API kin_status kin_process_stop(kin_process *process, int64_t ask, int64_t kill, kin_exit *result);

/* Frees a process from kin_process_start. It does not end the child. If the child has ended, it cleans up as
 * kin_process_join does. POSIX: a child that ends later stays a zombie until this process ends, so call
 * kin_process_join first. NULL: does nothing. No other thread may use the process meanwhile or afterwards. */
KIN_API void kin_process_close(kin_process *process);

/* Lists the children of this process that run: they were started by kin_process_start, have not ended, and are not
 * closed. Writes at most room of them to list (list may be NULL), and returns how many there are. The pointers are
 * borrowed: each is valid until its owner closes the process. A child that has ended is left out, but its owner still
 * has to join and close it. A forked child begins with an empty list. Any thread. O(children), one system call for
 * each. */
KIN_API size_t kin_process_children(kin_process **list, size_t room);

/* ---- this process ---- */

typedef struct kin_process_info {
    size_t size; /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t pid;
    uint32_t parent;   /* pid of the process that started it, which may have ended since; 0: not known */
    int started;       /* 1: kin_process_start started this process; 0: not */
    const char *entry; /* the name of its entry if started is 1, else ""; valid as long as the process runs */
} kin_process_info;

#define KIN_PROCESS_INFO_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(kin_process_info), 0, 0, 0, NULL                                                                        \
    }

/* Writes the facts about the calling process to *info. A process that the program forks itself was not started by kin:
 * its parent is then the one that the system names. Any thread. Errors: KIN_E_ARGUMENT (info null, or info->size
 * unknown). */
KIN_API kin_status kin_process_current(kin_process_info *info);

/* The number of processors that the threads of this process can keep busy, at least 1: the processors on which the
 * calling thread may run, or fewer (rounded up) if a control group (v1 or v2) or a job limits the processor time.
 * Windows, with more than 64 processors: those of all groups of the process. Windows, with nested jobs: only the limit
 * of the innermost job counts. A child with die_with_parent is in a job of kin's, inside the job of a container. The
 * call asks the system each time, which costs some file reads. Any thread. */
KIN_API uint32_t kin_cpu_count(void);

KIN_END

#endif
