/* The Windows backend's side of os.h: concrete types, and what must be inline. */
#ifndef KIN_OS_TYPES_H
#define KIN_OS_TYPES_H

#include <stdint.h>
#include <windows.h>
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#endif

typedef HANDLE kin_os_handle;
#define KIN_OS_NO_HANDLE ((HANDLE)0)
#define KIN_OS_DUPLICATES_INTO 1

typedef HANDLE kin_os_sem;
#define KIN_OS_NO_SEM ((HANDLE)0)
#define KIN_OS_ARENA 0u

typedef struct kin_os_pulse {
    HANDLE sign; /* or NULL, see pulse.c */
} kin_os_pulse;
#define KIN_OS_NO_PULSE                                                                                                \
    {                                                                                                                  \
        0                                                                                                              \
    }

typedef struct kin_os_process {
    HANDLE handle;
    DWORD pid;
    LONG killed; /* the exit code that this process ended it with, or 0 */
} kin_os_process;

struct kin_win32_card;

typedef struct kin_os_pipe {
    HANDLE pipe, section;
    struct kin_win32_card *card; /* the section, see pipe.c */
    uint64_t self;               /* this process, as it stands there */
    unsigned number;
    BOOL watching; /* a read of 0 bytes, watch, is pending */
    OVERLAPPED watch;
    HANDLE sent, received, readable; /* events */
    unsigned char *out, *in;
    BOOL is_read; /* what kin_os_pipe_recv takes next is in `in`: */
    DWORD read_size, read_error;
    unsigned char nothing[8];
} kin_os_pipe;
#define KIN_OS_PIPE_HANDLES 2u

typedef struct kin_os_bell {
    BOOL none; /* there is nothing to it */
} kin_os_bell;
#define KIN_OS_NO_BELL                                                                                                 \
    {                                                                                                                  \
        FALSE                                                                                                          \
    }

typedef struct kin_os_alarm {
    HANDLE event;
} kin_os_alarm;

struct kin_win32_channel;

typedef struct kin_os_run {
    kin_os_process process;
    struct kin_win32_channel *channels[3]; /* or NULL */
    HANDLE job;                            /* of a tree; or NULL */
    BOOL keep_job;                         /* closing it would end the tree */
} kin_os_run;

extern DWORD kin_win32_tls_index;

/* TLS, not _Thread_local: MinGW's is emulated by a function with a lock. Before kin_os_hooks_install the index is
 * TLS_OUT_OF_INDEXES, for which TlsGetValue returns NULL. */
static inline void *kin_os_thread_get(void)
{
    return TlsGetValue(kin_win32_tls_index);
}

/* MinGW's stdio.h maps vsnprintf to its own, which knows C99's formats. */
#if defined(__MINGW32__)
#define KIN_OS_FORMAT(text, first) __attribute__((format(gnu_printf, text, first)))
#else
#define KIN_OS_FORMAT(text, first)
#endif

#define KIN_OS_CANCELLABLE 1

static inline int kin_os_cancel_hold(void)
{
    return 0; /* TerminateThread asks nobody */
}

static inline void kin_os_cancel_release(int held)
{
    (void)held;
}

static inline void kin_os_cpu_relax(void)
{
    YieldProcessor();
}

static inline void kin_os_cpu_fetch(void *line)
{
#if defined(__x86_64__) /* the compiler's own would fetch it for reading, where it does not know the processor */
    __asm__ __volatile__("prefetchw %0" : : "m"(*(char *)line));
#elif defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(line, 1);
#elif defined(_M_X64) /* https://learn.microsoft.com/cpp/intrinsics/x64-amd64-intrinsics-list */
    _m_prefetchw(line);
#else
    (void)line;
#endif
}

#endif
