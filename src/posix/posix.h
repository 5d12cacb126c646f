/* posix.h: what the files of the POSIX backend share. Nothing above the seam includes it. */
#ifndef KIN_POSIX_H
#define KIN_POSIX_H

#include <limits.h>
#include <spawn.h>
#include <sys/stat.h>
#include <time.h>

#include "os.h"

/* Descriptors that kin keeps are moved here and above: below lie those that programs close and reuse by number. */
#define KIN_POSIX_FD_MIN 10

/* ---- error.c ---- */

/* Keeps the code for kin_os_error and answers its status. */
kin_status kin_posix_fail(int code);

/* ---- clock.c ---- */

struct timespec kin_posix_timespec(int64_t nanoseconds);

/* ---- forks.c ---- */

typedef struct kin_posix_fork_watcher {
    void (*before)(void);         /* in the forking thread, before the fork; or NULL */
    void (*after)(bool in_child); /* in the same thread, and in the child's only thread */
    bool listed;                  /* these are forks.c's */
    struct kin_posix_fork_watcher *next;
} kin_posix_fork_watcher;

/* From now on every fork runs the watcher, which must stay valid. It may be registered again: that does nothing. */
kin_status kin_posix_watch_forks(kin_posix_fork_watcher *watcher);
/* For one watcher, outside of all others: its before runs first, its after last. */
kin_status kin_posix_watch_forks_around(const kin_posix_fork_watcher *watcher);

/* ---- identity.c ---- */

typedef struct kin_posix_stat {
    char state;
    uint64_t start;
} kin_posix_stat;

/* /proc/NAME/stat, NAME being a pid or "self". 0, or an errno; EBADMSG: it is not as proc(5) has it. */
int kin_posix_stat_read(kin_posix_stat *out, const char *name);

/* ---- process.c ---- */

/* Closes, in the child, all descriptors from first on. 0, or an errno. */
int kin_posix_close_from(posix_spawn_file_actions_t *actions, int first);

/* ---- cpus.c ---- */

/* What the control groups that this file lists leave, UINT32_MAX if they set no limit; mounts: where they are mounted. */
uint32_t kin_posix_cgroup_limit(const char *groups, const char *mounts);

/* ---- environment.c ---- */

/* The own environment (clean: nothing of it) with the variables, "NAME=value", set, those without a value, "NAME", removed; of two of
 * a name the later one counts. Borrows all strings; free the result. NULL and ENOMEM. */
char **kin_posix_environment(const char *const *variables, bool clean);

/* ---- parent.c ---- */

/* A pidfd, not below KIN_POSIX_FD_MIN; -1 and errno. */
int kin_posix_open_process(pid_t pid);

/* ---- message.c ---- */

#define KIN_POSIX_FIRST_FD 3 /* of the handles that a spawned child gets */
#define KIN_POSIX_MESSAGE_TEXT (64 + 2 * (size_t)KIN_OS_MESSAGE_MAX)

/* The environment variable that carries the message, "NAME=value". */
void kin_posix_message_write(char out[KIN_POSIX_MESSAGE_TEXT], const kin_os_message *message);

/* ---- handle.c ---- */

/* Like dup, close-on-exec, to the first free one not below `least`. -1 and errno. */
int kin_posix_duplicate(int fd, int least);
/* Moves a descriptor to KIN_POSIX_FD_MIN or above; it is closed if that fails. -1 is passed through. errno. */
int kin_posix_raise(int fd);
/* Gives a file made by O_TMPFILE a name. 0, or -1 with errno. */
int kin_posix_link(int fd, const char *path);
/* close, leaving errno alone. */
void kin_posix_close(int fd);

/* ---- wait.c ---- */

struct pollfd;

/* ppoll until a deadline of kin_os_now, through interruptions. */
int kin_posix_poll(struct pollfd *list, size_t count, int64_t deadline);

/* ---- directory.c ---- */

#define KIN_POSIX_HEX 33             /* an id in hexadecimal, with its zero */
#define KIN_POSIX_SEM_DIR "/dev/shm" /* where glibc and musl keep named semaphores */

void kin_posix_hex(char out[KIN_POSIX_HEX], const kin_os_id *id);
/* And back: the first 32 digits. False: they are none. */
bool kin_posix_id(kin_os_id *out, const char *hex);
/* The directories for names, best first; NULL where there is none of that index, or none that all users see the same. */
#define KIN_POSIX_DIRS 4u
const char *kin_posix_names_dir(unsigned index, bool common);
/* DIR/kin-UID-HEX.SUFFIX. False: too long. */
bool kin_posix_name(char *out, size_t size, const char *dir, unsigned long uid, const char *hex, const char *suffix);
/* The same in the directory of that index. False: there is no such directory, or the path is too long. */
bool kin_posix_path(char path[PATH_MAX], unsigned index, unsigned long uid, const char *name, const char *suffix);
/* The path of kin-UID-HEX.SUFFIX in the directory of that index. False: that user has no plain file of that name there. */
bool kin_posix_find_in(char path[PATH_MAX], struct stat *info, unsigned index, unsigned long uid, const char *hex,
                       const char *suffix);
bool kin_posix_is_same(const struct stat *a, const struct stat *b);
/* Whether an entry of such a directory is kin-UID-HEX.SUFFIX. */
bool kin_posix_name_matches(const char *entry, unsigned long uid, const char *suffix, char hex[KIN_POSIX_HEX]);

/* ---- name.c ---- */

/* Removes a family's name if the family is gone, and what a killed process left that was removing it. */
void kin_posix_name_tidy(const char *dir, const char *name);
/* Whether the name is of that family, and it is to outlive its members; or that cannot be told. */
bool kin_posix_is_kept(const char *dir, const char *name, const char *hex);
void kin_posix_arena_remove(const char *hex);

/* ---- pulse.c ---- */

/* Opens the pulse of a family of that user that this process is not in; -1. */
int kin_posix_pulse_open(const char *hex, unsigned long uid);
/* While a pulse is looked at that might be this process's: to close it then would drop the sign of life. */
void kin_posix_pulses_lock(void);
void kin_posix_pulses_unlock(void);
bool kin_posix_pulse_is_ours(const struct stat *info);
/* All of it, if nobody shows a sign of life there. */
bool kin_posix_pulse_seize(int fd);
void kin_posix_pulse_free(int fd);

/* ---- account.c ---- */

/* False: it is no number. */
bool kin_posix_account_number(const kin_os_account *account, unsigned long *out);
/* Gives this user, and the group if any, access to a file, whatever the umask was. False: errno. */
bool kin_posix_share(int fd, const kin_os_access *access);

#endif
