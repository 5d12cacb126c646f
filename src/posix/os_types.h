/* The POSIX backend's side of os.h: concrete types, and what must be inline. */
#ifndef KIN_OS_TYPES_H
#define KIN_OS_TYPES_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

typedef int kin_os_handle;
#define KIN_OS_NO_HANDLE (-1)
#define KIN_OS_DUPLICATES_INTO 0

/* The address of its word, or (sem_plain.c) of its sem_t. */
typedef struct kin_posix_sem *kin_os_sem;
#define KIN_OS_NO_SEM ((kin_os_sem)0)
#ifdef KIN_POSIX_PLAIN
#define KIN_OS_ARENA 1u /* members with sem.c and with sem_plain.c would not wake each other */
#else
#define KIN_OS_ARENA 0u
#endif

/* A program may close descriptors that it does not know, as daemons do, and have the number again for a file of its
 * own. So what kin keeps for long is known by its file, too (posix/handle.h). */
typedef struct kin_posix_file {
    uint64_t device, inode; /* 0, 0: not known */
} kin_posix_file;

typedef struct kin_os_pulse {
    int fd;
    kin_posix_file file; /* tells whether fd still is what was opened */
    unsigned long owner;
    char *pages;                   /* a mapping of the file: a page for each index; or NULL */
    struct kin_posix_looks *looks; /* this process's own, wiped by fork */
} kin_os_pulse;
#define KIN_OS_NO_PULSE                                                                                                \
    {                                                                                                                  \
        KIN_OS_NO_HANDLE, {0, 0}, 0, NULL, NULL                                                                        \
    }

/* What a child notes when its entry has returned (posix/returns.h). */
typedef struct kin_posix_record {
    void *at; /* the parent's */
    uint32_t slot;
    pid_t owner;
    uint64_t token; /* 0: there is none */
} kin_posix_record;

typedef struct kin_os_process {
    pid_t pid;
    int pidfd; /* opened when first needed; -1 until then, and where the kernel has none */
    kin_posix_file pidfd_file;
    kin_posix_record record;
    unsigned sent; /* 1 << number of each signal sent to end it */
    int ended;     /* status holds waitpid's answer */
    int status;
    int returned; /* and so has the entry */
} kin_os_process;

typedef struct kin_os_pipe {
    int fd;
    kin_posix_file file;
} kin_os_pipe;
#define KIN_OS_PIPE_HANDLES 1u

typedef struct kin_os_bell {
    int fd;
    kin_posix_file file;
    int place; /* among those that a forked child is to close; -1: none */
} kin_os_bell;
#define KIN_OS_NO_BELL                                                                                                 \
    {                                                                                                                  \
        KIN_OS_NO_HANDLE, {0, 0}, -1                                                                                   \
    }

typedef struct kin_os_alarm { /* a pipe */
    int ends[2];              /* read, write */
    kin_posix_file file;      /* of both */
    int places[2];            /* as a bell's */
} kin_os_alarm;

typedef struct kin_os_run {
    kin_os_process process;
    int channels[3], inner[3]; /* our ends and, until it is started, the program's; -1 */
    kin_posix_file files[3];   /* of channels */
    struct kin_os_run *next;
    int tree, ending; /* it leads a process group; that is to end */
} kin_os_run;

/* Initial-exec: the address is one instruction away even from a shared library. */
extern _Thread_local void *kin_posix_thread_value __attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline void *kin_os_thread_get(void)
{
    return kin_posix_thread_value;
}

#define KIN_OS_FORMAT(text, first) __attribute__((format(printf, text, first)))

#define KIN_OS_CANCELLABLE PTHREAD_CANCEL_ENABLE

static inline int kin_os_cancel_hold(void)
{
    int before = KIN_OS_CANCELLABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void kin_os_cancel_release(int held)
{
    pthread_setcancelstate(held, NULL);
}

static inline void kin_os_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#endif
}

static inline void kin_os_cpu_fetch(void *line)
{
#if defined(__x86_64__) /* the compiler's own would fetch it for reading, where it does not know the processor */
    __asm__ __volatile__("prefetchw %0" : : "m"(*(char *)line));
#else
    __builtin_prefetch(line, 1);
#endif
}

#endif
