/* run.h: run another program until it ends, give it input, collect its output.
 *
 *     const char *const argv[] = {"git", "log", "--oneline", NULL};
 *     kin_run_options options = KIN_RUN_OPTIONS_INIT;
 *     kin_run_result result = KIN_RUN_RESULT_INIT;
 *     options.timeout = KIN_SECONDS(10);
 *     if (kin_run_output(argv, &options, &result) == KIN_OK && result.exit.code == 0) {
 *         fwrite(result.output, 1, result.output_size, stdout);
 *     }
 *     kin_run_free(&result);
 *
 * For programs that do not use kin. Use process.h to start children that share locks and memory. No family is needed.
 *
 * Program: argv is an argument vector that ends with NULL. The program gets it unchanged: no shell is involved, except
 * with KIN_RUN_SHELL. Text is UTF-8 (POSIX: any bytes). argv[0] names the program. If it has a slash (Windows: or a
 * backslash or a colon), it is a path, relative to the caller's current directory. Otherwise it is looked up in the
 * caller's PATH. On all systems the search skips elements of PATH that are empty or relative, so it never finds a
 * program in the current directory or in options.directory. POSIX: without a PATH, and in a caller that has more
 * privileges than its own caller (setuid), it searches the system's default directories. Windows: an element of PATH
 * may be quoted, and ".exe" may be omitted. Windows: batch files are refused, because no quoting of their arguments is
 * safe.
 *
 * The program gets its three standard streams, and no other descriptor or handle. POSIX: no signal is blocked in it,
 * and SIGPIPE has its default action. In the caller, these functions never block for good on a full pipe, install no
 * signal handler, and raise no SIGPIPE.
 *
 * End: a run is over when the program itself has ended. A process that the program has left behind may still have its
 * streams open. kin collects what is in them at that moment and does not wait for more.
 *
 * Killing (by a timeout, kin_run_terminate or kin_run_kill) affects only the program itself, not its children (with
 * KIN_RUN_SHELL: only the shell). With KIN_RUN_TREE it affects everything that the program has started. The program
 * then runs in a process group of its own (Windows: in a job). POSIX: so it is not in the terminal's foreground group:
 * Ctrl-C does not reach it, and a read from the terminal stops it. A process that has become the leader of another
 * group (setsid, setpgid) is not killed. POSIX: when the program itself has ended after kin asked it to, kin kills what
 * is left of its group (SIGKILL).
 *
 * Threads: any number of threads may run programs at the same time. Another thread may fork meanwhile: the child, also
 * of a plain fork(2), does not keep the pipes of running programs open. A child of a plain clone(2) does.
 *
 * Death of a process: if the caller dies, the program goes on, and the caller's ends of its streams are closed. With
 * KIN_RUN_BOUND it is killed. kin_exit (process.h) says how the program itself ended.
 */
#ifndef KIN_RUN_H
#define KIN_RUN_H

#include "process.h"

KIN_BEGIN

/* Where a standard stream of the program is connected. */
typedef enum kin_run_stream {                       /* pinned */
                              KIN_RUN_INHERIT = 0,  /* the caller's own stream */
                              KIN_RUN_NOTHING = 1,  /* an empty input; an output that is discarded */
                              KIN_RUN_BYTES = 2,    /* input only: the bytes of options.input_bytes */
                              KIN_RUN_COLLECT = 3,  /* output and errors only: the bytes go into the result */
                              KIN_RUN_TOGETHER = 4, /* errors only: same as the output, in the order of writing */
                              KIN_RUN_PIPE = 5,     /* kin_run_start only: the caller writes or reads while it runs */
} kin_run_stream;

#define KIN_RUN_SHELL 1u      /* argv has one element, a command line for /bin/sh -c or cmd.exe /c */
#define KIN_RUN_CHECK 2u      /* an end other than exit code 0 is KIN_E_FAILED; kin_run_checked always sets it */
#define KIN_RUN_CLEAN_ENV 4u  /* no variable of the caller's (Windows: except SystemRoot, which programs need) */
#define KIN_RUN_TREE 8u       /* killing affects everything that the program has started */
#define KIN_RUN_BOUND 16u     /* the program is killed when the caller ends in any way; see kin_run_start */
#define KIN_RUN_NO_WINDOW 32u /* Windows: no console window opens if the caller has no console to share */

typedef struct kin_run_options {
    size_t size;                          /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t flags;                       /* KIN_RUN_SHELL and the others, or 0 */
    kin_run_stream input, output, errors; /* default: inherited; kin_run_output collects the output instead */
    const void *input_bytes;              /* with KIN_RUN_BYTES: the whole input */
    size_t input_size;                    /* of input_bytes, in bytes */
    const char *const *environment; /* changes: "NAME=value" sets, "NAME" removes; ends with NULL. NULL: no changes */
    const char *directory;          /* the program's current directory; NULL: the caller's current directory */
    int64_t timeout;                /* nanoseconds from the start; 0: no limit */
    int64_t grace; /* nanoseconds between the timeout, when the program is asked to end, and killing; 0: one second */
    size_t output_limit; /* largest number of bytes collected of each stream; 0: no limit */
} kin_run_options;

#define KIN_RUN_OPTIONS_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(kin_run_options), 0, KIN_RUN_INHERIT, KIN_RUN_INHERIT, KIN_RUN_INHERIT, NULL, 0, NULL, NULL, 0, 0, 0    \
    }

typedef struct kin_run_result {
    size_t size;        /* of this struct, in bytes; its _INIT macro sets it */
    kin_exit exit;      /* how the program ended; code -1 and KIN_END_UNKNOWN if it did not start */
    int started;        /* 1: the program started, so an error is one of the run; 0: an error is one of the start */
    char *output;       /* what was collected, also before a timeout or an error, and a terminating 0; NULL: nothing was
                           to be collected, or the program did not start */
    size_t output_size; /* without the terminating 0, in bytes */
    char *errors;       /* as output, of the standard error */
    size_t errors_size;
    char *command; /* argv in one line, for a message to people; or NULL */
} kin_run_result;

#define KIN_RUN_RESULT_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(kin_run_result), {-1, 0, 0, KIN_END_UNKNOWN, 0, {0, 0, 0}}, 0, NULL, 0, NULL, 0, NULL                   \
    }

/* Runs a program and waits until it has ended. *result, if not null, receives how it ended, also after an error (code
 * -1 and KIN_END_UNKNOWN if it did not start). A program that fails is not an error of this call (except with
 * KIN_RUN_CHECK). options NULL: all defaults. argv and options are borrowed for the call. Any thread.
 *
 * Errors of the start, the same for all functions here; after them no program has run, and nothing is left:
 *   - KIN_E_ARGUMENT: argv null or empty; argv[0] empty; with KIN_RUN_SHELL more than one element; unknown flags; a
 *     kin_run_stream that this stream cannot be; KIN_RUN_PIPE; KIN_RUN_COLLECT in kin_run; a negative time; input_bytes
 *     null and input_size not 0; an environment element without a name; options->size unknown; text that is not UTF-8
 *     (Windows).
 *   - KIN_E_PROGRAM: there is no such program or directory.
 *   - KIN_E_PERMISSION: the program may not be executed, or the directory not entered.
 *   - KIN_E_UNSUPPORTED: the program file is in a format that the system cannot run (Windows: or a batch file); or the
 *     system has no KIN_RUN_BOUND.
 *   - KIN_E_TOO_BIG: arguments and environment, or a path, are too long for the system.
 *   - KIN_E_BUSY: the program file is open for writing.
 *   - KIN_E_LIMIT: too many processes or descriptors.
 *   - KIN_E_NO_MEMORY, KIN_E_OS.
 *
 * Errors of the run:
 *   - KIN_E_TIMED_OUT: options.timeout passed. The program was asked to end (SIGTERM; Windows: killed). If it still ran
 *     after the grace, it was killed. exit.timed_out is 1. The status is the same if the program then ended with exit
 *     code 0.
 *   - KIN_E_TOO_BIG: there was more output than output_limit. The program was killed; the first output_limit bytes are
 *     collected.
 *   - KIN_E_NO_MEMORY: no memory of this process for the output. The program was killed.
 *   - KIN_E_HANDLE (POSIX): this process has closed kin's end of a pipe, for instance by closefrom. The program was
 *     killed.
 *   - KIN_E_PERMISSION: the program could not be asked to end or killed, because it runs as another user. It goes on,
 *     and kin no longer watches it.
 *   - KIN_E_REAPED (POSIX): the program has ended, but how is lost, because the caller ignores SIGCHLD or reaps all
 *     children itself.
 *   - KIN_E_FAILED: with KIN_RUN_CHECK: the program did not end with exit code 0.
 *   - KIN_E_OS. */
KIN_API kin_status kin_run(const char *const *argv, const kin_run_options *options, kin_exit *result);

/* As kin_run with KIN_RUN_CHECK: returns KIN_E_FAILED if the program does not end with exit code 0. result may be null.
 * Otherwise initialise it with KIN_RUN_RESULT_INIT; the call overwrites it, also after an error, with how the program
 * ended, the command, and what was collected. The caller frees its contents with kin_run_free. Errors: those of
 * kin_run; KIN_E_ARGUMENT (also: result->size is not set; *result is then unchanged). */
KIN_API kin_status kin_run_checked(const char *const *argv, const kin_run_options *options, kin_run_result *result);

/* As kin_run, and collects the output (unless options.output says otherwise), and the errors if options.errors is
 * KIN_RUN_COLLECT. result must not be null; initialise it with KIN_RUN_RESULT_INIT. The call overwrites it, also after
 * an error. The caller frees its contents with kin_run_free. Errors: as kin_run_checked, but KIN_E_FAILED only with
 * KIN_RUN_CHECK. */
KIN_API kin_status kin_run_output(const char *const *argv, const kin_run_options *options, kin_run_result *result);

/* ---- a program that runs beside its caller ----
 *
 *     const char *const argv[] = {"make", "-j4", NULL};
 *     kin_run_options options = KIN_RUN_OPTIONS_INIT;
 *     options.output = KIN_RUN_PIPE;
 *     options.errors = KIN_RUN_TOGETHER;
 *     kin_program *program;
 *     if (kin_run_start(&program, argv, &options) == KIN_OK) {
 *         const char *line;
 *         size_t length;
 *         kin_exit how;
 *         while (kin_run_read_line(&line, &length, program, 1, KIN_FOREVER) == KIN_OK) {
 *             printf("| %.*s\n", (int)length, line);
 *         }
 *         kin_run_wait(program, KIN_FOREVER, &how);
 *         kin_run_close(program);
 *     }
 *
 * kin_wait (wait.h) waits for the program and its output, together with other things. There is no thread in the
 * background: only while the caller is in a function that waits (kin_run_wait, kin_run_read, kin_run_read_line,
 * kin_run_write, kin_wait) does kin move the bytes of KIN_RUN_BYTES and KIN_RUN_COLLECT, and check options.timeout.
 * Only one thread at a time may use a kin_program, except that any thread may call kin_run_terminate, kin_run_kill and
 * kin_run_pid at any time before kin_run_close.
 */

typedef struct kin_program kin_program;

/* Starts a program and does not wait for it. The caller owns *out and frees it with kin_run_close. options NULL: all
 * defaults. argv and options are borrowed for the call; input_bytes is copied. Any thread.
 *
 * KIN_RUN_BOUND: the program is killed when this process ends in any way, also by SIGKILL. The end of the thread that
 * called has no effect. Linux: by prctl(2), PR_SET_PDEATHSIG, set by a thread of kin's that never ends. The kernel
 * clears this setting when a program with other privileges than its caller is executed (setuid, file capabilities).
 * Windows: by a job object.
 *
 * KIN_RUN_BOUND with KIN_RUN_TREE: while the caller lives, killing affects the whole tree. When the caller has ended,
 * Windows kills the whole tree, but Linux kills only the program, because no process is left that signals its group. On
 * Linux, the processes that the program has started go on as children of init (or of a subreaper), with the caller's
 * ends of the streams closed. To kill all of them too, start the program with unshare(1) --pid --fork --kill-child, or
 * in a control group of its own. Without KIN_RUN_TREE they go on, on both systems.
 *
 * Errors: those of the start in kin_run (KIN_RUN_COLLECT and KIN_RUN_PIPE are allowed here); KIN_E_ARGUMENT (also: out
 * null); KIN_E_UNSUPPORTED (also: KIN_RUN_BOUND on systems other than Linux and Windows). */
KIN_API kin_status kin_run_start(kin_program **out, const char *const *argv, const kin_run_options *options);

/* Frees a program from kin_run_start, and closes the caller's ends of its streams. What was collected and not taken is
 * lost. The call does not end the program: if it still runs, it goes on (with KIN_RUN_BOUND, until this process ends).
 * POSIX: after its end it stays a zombie until this process ends, so call kin_run_wait first. NULL: does nothing. No
 * other thread may use the program meanwhile or afterwards. */
KIN_API void kin_run_close(kin_program *program);

/* Waits at most timeout nanoseconds until the program has ended (KIN_NOW: does not wait). *result, if not null,
 * receives how it ended, except after KIN_E_TIMED_OUT and KIN_E_ARGUMENT. Later calls return the same again. KIN_OK:
 * the program has ended, also if options.timeout ended it (result->timed_out is then 1).
 * Errors: KIN_E_TIMED_OUT (the program still runs); KIN_E_ARGUMENT (program null, timeout negative); KIN_E_PERMISSION
 * (the program could not be asked to end or killed, as in kin_run: it goes on, and kin no longer watches it); and,
 * after its end, KIN_E_TOO_BIG, KIN_E_NO_MEMORY, KIN_E_HANDLE, KIN_E_FAILED, KIN_E_REAPED, KIN_E_OS, as in kin_run. */
KIN_API kin_status kin_run_wait(kin_program *program, int64_t timeout, kin_exit *result);

/* Gives what was collected of a program that has ended. Only the first call gives it. Initialise result with
 * KIN_RUN_RESULT_INIT; the call overwrites it. The caller frees its contents with kin_run_free. result->command is
 * NULL. Returns the status of the run, as kin_run does, also KIN_E_TIMED_OUT. Other errors: KIN_E_BUSY (kin_run_wait
 * has not reported the end yet; after KIN_E_PERMISSION it never does), KIN_E_ARGUMENT (a null pointer, or result->size
 * is not set). */
KIN_API kin_status kin_run_collected(kin_program *program, kin_run_result *result);

/* kin_run_terminate asks the program to end (SIGTERM), kin_run_kill kills it (SIGKILL). Windows: both end it at once.
 * With KIN_RUN_TREE both affect everything that it has started. They do not wait. KIN_OK also if the program has ended
 * already. Any thread. Errors: KIN_E_ARGUMENT (program null), KIN_E_PERMISSION (the program runs as another user),
 * KIN_E_OS. */
KIN_API kin_status kin_run_terminate(kin_program *program);
KIN_API kin_status kin_run_kill(kin_program *program);

/* The process id of the program, also after its end; 0 for NULL. Any thread. */
KIN_API uint32_t kin_run_pid(const kin_program *program);

/* Reads bytes of stream 1 (output) or 2 (errors), which must be KIN_RUN_PIPE. Waits at most timeout nanoseconds until
 * there are any. buffer has size bytes; *got receives how many bytes were read, 1 to size. Errors: KIN_E_TIMED_OUT;
 * KIN_E_CLOSED (no more bytes will come: the program has closed the stream, or has ended and all bytes were read);
 * KIN_E_HANDLE (POSIX: this process has closed kin's end of the pipe); KIN_E_ARGUMENT (program, buffer or got null;
 * size 0; timeout negative; the stream is not KIN_RUN_PIPE); KIN_E_NO_MEMORY (of this process); KIN_E_OS. */
KIN_API kin_status kin_run_read(kin_program *program, unsigned stream, void *buffer, size_t size, size_t *got,
                                int64_t timeout);
/* Reads the next line of stream 1 or 2, which must be KIN_RUN_PIPE. Waits at most timeout nanoseconds for it. *line
 * points to the line, *length is its length in bytes, without the line end ("\n" or "\r\n"). It has no terminating 0.
 * *line is borrowed: it is valid until the next read of that stream or kin_run_close. The last line may lack its line
 * end. A line longer than options.output_limit comes in parts of that size. Errors: those of kin_run_read. After
 * KIN_E_TIMED_OUT no bytes are lost, and kin_wait waits for the rest of the line. */
KIN_API kin_status kin_run_read_line(const char **line, size_t *length, kin_program *program, unsigned stream,
                                     int64_t timeout);
/* Writes size bytes to the program's input, which must be KIN_RUN_PIPE. Waits at most timeout nanoseconds until the
 * pipe has taken all. *moved, if not null, receives how many bytes were taken, also after an error other than
 * KIN_E_ARGUMENT. bytes may be NULL if size is 0. Errors: KIN_E_TIMED_OUT; KIN_E_CLOSED (the program has ended, or has
 * closed its input); KIN_E_HANDLE (POSIX: this process has closed kin's end of the pipe); KIN_E_ARGUMENT (program null;
 * bytes null and size not 0; timeout negative; the input is not KIN_RUN_PIPE); KIN_E_OS. */
KIN_API kin_status kin_run_write(kin_program *program, const void *bytes, size_t size, size_t *moved, int64_t timeout);
/* Closes the caller's end of a stream that is KIN_RUN_PIPE: the input (0), so that the program reads to its end; or the
 * output (1) or errors (2), of which nothing more is read. KIN_OK also if it was closed already. Errors: KIN_E_ARGUMENT
 * (program null, or the stream is not KIN_RUN_PIPE). */
KIN_API kin_status kin_run_close_stream(kin_program *program, unsigned stream);

/* Frees the contents of a result, and sets it to KIN_RUN_RESULT_INIT. The struct itself stays the caller's. Does
 * nothing for NULL and for a result that is empty, all zero, or freed already. */
KIN_API void kin_run_free(kin_run_result *result);

KIN_END

#endif
