/* run.h: run another program to its end, give it its input, collect its output.
 *
 *     const char *const argv[] = {"git", "log", "--oneline", NULL};
 *     kin_run_options options = KIN_RUN_OPTIONS_INIT;
 *     kin_run_result result;
 *     options.timeout = KIN_SECONDS(10);
 *     if (kin_run_output(argv, &options, &result) == KIN_OK && result.exit.code == 0) {
 *         fwrite(result.output, 1, result.output_size, stdout);
 *     }
 *     kin_run_free(&result);
 *
 * For programs that know nothing of kin; children that share locks and memory are started by process.h. No family is
 * needed.
 *
 * argv is a vector, ended by NULL, that arrives as it is: no shell takes part, unless KIN_RUN_SHELL asks for one. Texts
 * are UTF-8 (POSIX: any bytes). argv[0] is the program. With a slash in it (Windows: also a backslash or a colon) it is
 * a path, from the caller's current directory; without, it is looked for in the caller's PATH. Only absolute elements
 * of PATH count, on all systems: an empty or relative one is passed over, so that the program never comes from the
 * current directory, nor from options.directory. A POSIX program that has more rights than its caller looks in the
 * system's own directories instead. On Windows an element may stand in quotes, ".exe" may be left out; batch files
 * are refused, since nothing quotes an argument safely for them.
 *
 * The program gets its three standard streams and no other descriptor or handle; with POSIX, no signal blocked, and
 * SIGPIPE as usual. Nothing here blocks for good on a full pipe, installs a signal handler or raises SIGPIPE in the
 * caller.
 *
 * The run is over when the program has ended. A process that it has left behind may still have its streams: what is
 * in them at that moment is collected, what comes later is not waited for. An end by force meets the program alone
 * (with KIN_RUN_SHELL: the shell), with KIN_RUN_TREE all that it started: it runs in a process group of its own (so
 * it is not in the terminal's foreground: Ctrl-C does not reach it, and reading from the terminal stops it), or in a
 * job (Windows). A process that has made itself the leader of another group (setsid, setpgid) is not met.
 *
 * Any number of threads may run programs at once. If the caller dies, the program goes on, with its streams closed on
 * the other side, unless it was started with KIN_RUN_BOUND. A child forked meanwhile by another thread, also by a bare
 * fork, does not keep them open; one made by a bare clone does.
 */
#ifndef KIN_RUN_H
#define KIN_RUN_H

#include "process.h"

KIN_BEGIN

/* What a standard stream of the program is. */
typedef enum kin_run_stream {                       /* pinned */
                              KIN_RUN_INHERIT = 0,  /* the caller's own */
                              KIN_RUN_NOTHING = 1,  /* an empty input; an output that goes nowhere */
                              KIN_RUN_BYTES = 2,    /* input only: those of options.input_bytes */
                              KIN_RUN_COLLECT = 3,  /* output and errors only: into the result */
                              KIN_RUN_TOGETHER = 4, /* errors only: where the output goes, in the order of writing */
                              KIN_RUN_PIPE = 5,     /* kin_run_start only: the caller writes, or reads, as it comes */
} kin_run_stream;

#define KIN_RUN_SHELL 1u      /* argv[0] alone is a command line for /bin/sh -c or cmd.exe /c */
#define KIN_RUN_CHECK 2u      /* an end other than exit code 0 is KIN_E_FAILED; kin_run_checked always has it */
#define KIN_RUN_CLEAN_ENV 4u  /* nothing of the caller's environment; Windows: but SystemRoot, which programs need */
#define KIN_RUN_TREE 8u       /* an end by force meets what the program has started, too */
#define KIN_RUN_BOUND 16u     /* it is killed when the caller ends, however that does; see kin_run_start */
#define KIN_RUN_NO_WINDOW 32u /* Windows: it opens no console window, if the caller has no console to share with it */

typedef struct kin_run_options {
    size_t size; /* of this struct, in bytes; its _INIT macro sets it */
    uint32_t flags;
    kin_run_stream input, output, errors; /* all inherited; kin_run_output collects an inherited output */
    const void *input_bytes;              /* with KIN_RUN_BYTES; then the input ends */
    size_t input_size;
    const char *const *environment; /* changes: "NAME=value" sets, "NAME" removes; NULL-terminated; or NULL */
    const char *directory;          /* where it starts; NULL: the caller's current one */
    int64_t timeout;                /* nanoseconds from the start; 0: no limit */
    int64_t grace;                  /* from being asked to end, after the timeout, to being killed; 0: one second */
    size_t output_limit;            /* bytes collected of each stream; 0: no limit */
} kin_run_options;

#define KIN_RUN_OPTIONS_INIT                                                                                           \
    {                                                                                                                  \
        sizeof(kin_run_options), 0, KIN_RUN_INHERIT, KIN_RUN_INHERIT, KIN_RUN_INHERIT, NULL, 0, NULL, NULL, 0, 0, 0    \
    }

typedef struct kin_run_result {
    size_t size;        /* KIN_RUN_RESULT_INIT sets it */
    kin_exit exit;      /* how it ended; code -1 and KIN_END_UNKNOWN if it was not started */
    int started;        /* 1 if there was a program to end: tells an error of the start from one of the run */
    char *output;       /* what was collected, also before a timeout or an error; a zero byte follows; or NULL */
    size_t output_size; /* without that zero */
    char *errors;
    size_t errors_size;
    char *command; /* argv in one line, for a message to people; or NULL */
} kin_run_result;

#define KIN_RUN_RESULT_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(kin_run_result), {-1, 0, 0, KIN_END_UNKNOWN, 0, {0, 0, 0}}, 0, NULL, 0, NULL, 0, NULL                   \
    }

/* Runs a program to its end; *result, if not null, is how it ended: a program that fails is no error of this call.
 * options NULL: all defaults. argv and options are only borrowed.
 * Errors of all three, of the start: KIN_E_ARGUMENT (null, an empty argv or argv[0], unknown flags, streams that make
 * no sense, a negative time, text that is not UTF-8 on Windows, a collected stream in kin_run), KIN_E_PROGRAM (no
 * such program or directory), KIN_E_PERMISSION (not executable), KIN_E_UNSUPPORTED (not in a format that the system can
 * run, a batch file), KIN_E_TOO_BIG (arguments and environment), KIN_E_BUSY (a program file that is open for writing),
 * KIN_E_LIMIT (processes, descriptors), KIN_E_NO_MEMORY, KIN_E_OS. After these nothing has run, and nothing is left.
 * Errors of the run: KIN_E_TIMED_OUT (exit.timed_out is 1): it was asked to end (SIGTERM; Windows: made to), then,
 * after the grace, killed; also if it ended well when it was asked. KIN_E_TOO_BIG: there was more output than the
 * limit; it was killed.
 * KIN_E_NO_MEMORY for the output: likewise. KIN_E_HANDLE: this process has closed the pipe to a stream, as by
 * closefrom: likewise.
 * KIN_E_PERMISSION: it was to be ended and may not be (it runs as another user): it goes on, unwatched. KIN_E_REAPED
 * (POSIX): it has run, but how it ended is lost, since the caller ignores SIGCHLD or reaps all children itself.
 * KIN_E_OS. */
KIN_API kin_status kin_run(const char *const *argv, const kin_run_options *options, kin_exit *result);

/* The same, but KIN_E_FAILED if it does not end with exit code 0; result says how it did, and has the command, and what
 * was collected. It may be null; otherwise it is written in any case, and the caller's; kin_run_free. */
KIN_API kin_status kin_run_checked(const char *const *argv, const kin_run_options *options, kin_run_result *result);

/* Collects the output, and the errors if options say so. result must not be null; it is written in any case, and the
 * caller's; kin_run_free. */
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
 * kin_wait (wait.h) waits for it and for its output, together with other things. A stream of KIN_RUN_BYTES or
 * KIN_RUN_COLLECT is moved, and options.timeout is kept, while the caller is in one of the functions that wait here.
 * One thread at a time uses a kin_program, but kin_run_terminate, kin_run_kill and kin_run_pid are for any thread.
 */

typedef struct kin_program kin_program;

/* Starts a program and does not wait. *out is the caller's; kin_run_close. argv and options are borrowed for the call.
 * KIN_RUN_BOUND: the program is killed when this process ends, however it does, also by SIGKILL; the end of the thread
 * that called does nothing. Linux: by prctl(2), PR_SET_PDEATHSIG, from a thread of kin's own that stays; the system
 * takes it back from a program that has other rights than its caller (setuid, file capabilities). Windows: by a job
 * object.
 * Both, with KIN_RUN_TREE: while the caller lives, an end by force meets the whole tree. When the caller has ended,
 * Windows ends the whole tree, Linux the program alone: nobody is left to signal its group. What the program has
 * started goes on there, as a child of init (or of a subreaper), with the caller's ends of the streams closed. If all
 * of it has to end, start the program by unshare(1) with --pid --fork --kill-child, or in a control group of its own.
 * Without KIN_RUN_TREE what the program has started goes on, on both.
 * Errors: those of the start of kin_run; KIN_E_UNSUPPORTED also for KIN_RUN_BOUND on systems other than these. */
KIN_API kin_status kin_run_start(kin_program **out, const char *const *argv, const kin_run_options *options);

/* Forgets it, and closes the streams on this side. If it still runs it goes on (POSIX: it stays a zombie after its end
 * until this process ends, so wait first). NULL: nothing. */
KIN_API void kin_run_close(kin_program *program);

/* Waits for its end, at most timeout; KIN_NOW asks. *result, if not null, is how it ended, also if the option's timeout
 * ended it (result->timed_out). May be asked again.
 * Errors: KIN_E_TIMED_OUT: it still runs. KIN_E_TOO_BIG, KIN_E_NO_MEMORY, KIN_E_PERMISSION, KIN_E_FAILED, KIN_E_REAPED,
 * KIN_E_OS: it has ended, as with kin_run. KIN_E_ARGUMENT. */
KIN_API kin_status kin_run_wait(kin_program *program, int64_t timeout, kin_exit *result);

/* What was collected of a program that has ended (KIN_E_BUSY: kin_run_wait has not said so yet), once; the caller's,
 * kin_run_free. Its status is that of the run. There is no command in it. */
KIN_API kin_status kin_run_collected(kin_program *program, kin_run_result *result);

/* terminate asks (SIGTERM), kill does not; Windows: both end it at once. With KIN_RUN_TREE all that it has started,
 * too. KIN_OK if it has ended already. Errors: KIN_E_ARGUMENT, KIN_E_PERMISSION, KIN_E_OS. */
KIN_API kin_status kin_run_terminate(kin_program *program);
KIN_API kin_status kin_run_kill(kin_program *program);

/* The process id; 0 for NULL. */
KIN_API uint32_t kin_run_pid(const kin_program *program);

/* Some bytes of stream 1 (output) or 2 (errors), which is KIN_RUN_PIPE: *got of at most size, as soon as there are any.
 * Errors: KIN_E_TIMED_OUT; KIN_E_CLOSED: nothing will come any more: the program has closed it, or has ended and all
 * was read; KIN_E_HANDLE (POSIX): the caller has closed a descriptor that is kin's; KIN_E_ARGUMENT; KIN_E_NO_MEMORY. */
KIN_API kin_status kin_run_read(kin_program *program, unsigned stream, void *buffer, size_t size, size_t *got,
                                int64_t timeout);
/* The next line, without its end ("\n" or "\r\n"), in memory of kin's that is valid until the next read of that stream.
 * It is not terminated by a zero. The last line may lack its end. A line longer than options.output_limit comes in
 * parts of that size. Errors: those of kin_run_read. After KIN_E_TIMED_OUT nothing is lost, and kin_wait waits for the
 * rest of the line. */
KIN_API kin_status kin_run_read_line(const char **line, size_t *length, kin_program *program, unsigned stream,
                                     int64_t timeout);
/* Writes all bytes to the input, which is KIN_RUN_PIPE; *moved, if not null, is how many it took, also after an error.
 * Errors: KIN_E_TIMED_OUT; KIN_E_CLOSED: the program reads no more; KIN_E_ARGUMENT. */
KIN_API kin_status kin_run_write(kin_program *program, const void *bytes, size_t size, size_t *moved, int64_t timeout);
/* Ends the input (stream 0), or gives up an output (1, 2), which is KIN_RUN_PIPE. KIN_E_ARGUMENT. */
KIN_API kin_status kin_run_close_stream(kin_program *program, unsigned stream);

/* Frees what a result holds, and empties it. One that was freed, or is all zero, or NULL: nothing. */
KIN_API void kin_run_free(kin_run_result *result);

KIN_END

#endif
