/* win32.h: what the files of the Windows backend share. Nothing above the seam includes it. */
#ifndef KIN_WIN32_H
#define KIN_WIN32_H

#include "os.h"

/* ---- error.c ---- */

/* Keeps the code for kin_os_error and answers its status. */
kin_status kin_win32_fail(DWORD code);
/* UTF-8 to UTF-16; the caller frees *out with free(). KIN_E_ARGUMENT: text is not UTF-8. */
kin_status kin_win32_utf16(wchar_t **out, const char *text);
/* UTF-16 to UTF-8. KIN_E_TOO_BIG if size is short. */
kin_status kin_win32_utf8(char *buffer, size_t size, const wchar_t *text);

/* ---- clock.c ---- */

/* WaitForSingleObject with a deadline. KIN_OK: signalled. */
kin_status kin_win32_wait(HANDLE object, int64_t deadline);
/* Until the deadline, rounded up; at most some hours unless it is KIN_OS_NEVER. */
DWORD kin_win32_milliseconds(int64_t deadline);

/* ---- process.c ---- */

/* Opens the process that `who` names, not a later one with the same pid (start 0: not compared).
 * KIN_E_NOT_FOUND: there is none. */
kin_status kin_win32_process_open(HANDLE *out, const kin_os_process_id *who, DWORD access);
bool kin_win32_process_ended(HANDLE process);
/* Its creation time, as in kin_os_process_id. */
bool kin_win32_process_start(HANDLE process, uint64_t *out);

#define KIN_WIN32_LINE_MAX 32767u /* of CreateProcessW, with the terminating zero */

/* argv as a command line; free *out. KIN_E_ARGUMENT, KIN_E_TOO_BIG. */
kin_status kin_win32_make_line(wchar_t **out, const char *const *argv);
/* By its name, as the system sees it. */
bool kin_win32_is_batch_file(const wchar_t *path);

#define KIN_WIN32_STREAMS 3
/* Exit codes of who was made to end, as a POSIX shell has them. */
#define KIN_WIN32_EXIT_TERMINATED 143u
#define KIN_WIN32_EXIT_KILLED 137u

typedef struct kin_win32_launch {
    const wchar_t *program;
    wchar_t *line, *block;             /* block NULL: the own environment */
    const wchar_t *directory;          /* or NULL */
    HANDLE streams[KIN_WIN32_STREAMS]; /* copied; NULL: none */
    HANDLE message;                    /* inherited as it is; or NULL */
    HANDLE job;                        /* that it belongs to from its first instruction; or NULL */
} kin_win32_launch;

/* The child inherits the streams and the message, nothing else. */
kin_status kin_win32_start(kin_os_process *out, const kin_win32_launch *what);
void kin_win32_own_streams(HANDLE out[KIN_WIN32_STREAMS]);

/* ---- parent.c ---- */

/* From now on it ends with this process. */
kin_status kin_win32_bind(HANDLE process);

/* ---- environment.c ---- */

/* A block of the own environment (clean: nothing of it but SystemRoot) with the variables, "NAME=value", set, those without a value,
 * "NAME", removed; of two of a name the later one counts. Free *out. */
kin_status kin_win32_environment(wchar_t **out, const wchar_t *const *variables, size_t count, bool clean);

/* ---- pipe.c ---- */

#define KIN_WIN32_PIPE_NAME 64

/* A random name. */
kin_status kin_win32_pipe_name(wchar_t out[KIN_WIN32_PIPE_NAME]);

/* ---- discover.c ---- */

#define KIN_WIN32_NAME 96

/* The name of a family's memory; shared: other users have access. WHAT-NUMBER... is added to it for what else belongs to the family. */
void kin_win32_name(wchar_t out[KIN_WIN32_NAME], const kin_os_id *family, bool shared);
/* Opens a family's memory; NULL and GetLastError. */
HANDLE kin_win32_open_memory(const kin_os_id *family, bool shared);
/* Lists a family that was made here, for others to find; once its section exists. */
void kin_win32_list(const kin_os_id *family);
/* Keeps the list in being while this process lives. */
void kin_win32_keep_list(void);

/* ---- message.c ---- */

#define KIN_WIN32_MESSAGE_NAME L"KIN_MESSAGE"

typedef struct kin_win32_pipe {
    HANDLE parent, child; /* the write end and the read end; neither is inheritable yet */
    wchar_t variable[80]; /* NAME=value, for the child's environment */
} kin_win32_pipe;

kin_status kin_win32_pipe_create(kin_win32_pipe *out);
/* Duplicates the handles into the child and writes all of it. */
kin_status kin_win32_message_send(HANDLE pipe, const kin_os_process *child, const kin_os_message *message);

/* ---- account.c ---- */

/* All access for this user; these rights for the family's owner, and the group if any. LocalFree lpSecurityDescriptor. False:
 * GetLastError. */
#define KIN_WIN32_USE L"GRGWGX" /* all but changing who may */
#define KIN_WIN32_LOOK L"GR"
bool kin_win32_access(SECURITY_ATTRIBUTES *out, const kin_os_access *access, const wchar_t *rights);
/* Of a handle with READ_CONTROL. */
bool kin_win32_is_owned(HANDLE object, const kin_os_account *owner);
/* Numbers made of this process's user, and of an object's owner (a handle with READ_CONTROL); 0: it cannot be told. */
uint64_t kin_win32_user_number(void);
uint64_t kin_win32_owner_number(HANDLE object);

#endif
