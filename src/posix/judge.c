/* judge.c: whether a member lives.
 *
 * A member shows two signs that the kernel keeps and that fail in different ways: the word of its page (robust.c), and
 * the record lock on its byte (pulse.c). The third evidence is the table of processes. It counts only if the member's
 * pid and start time mean the same to the asking process. For this the member notes the inodes of its pid and time
 * namespaces when it joins.
 *
 * A missing lock alone does not prove death, because any close of the file drops it. A missing word alone does not,
 * because a thread may end past the C library. If the evidence is contradictory or missing, the result is UNSURE, which
 * counts as living. docs/architecture.md has the situations.
 *
 * - /proc/PID belongs to the pid namespace of the mount. /proc/self/status has one number at NSpid if that is the own
 *   one.
 * - The start time in /proc/PID/stat is shifted by the reader's time namespace (time_namespaces(7)).
 * - A process whose first thread has ended by pthread_exit has state Z, more than one thread, and an empty
 *   /proc/PID/maps; its other threads' are right.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "posix/directory.h"
#include "posix/identity.h"
#include "posix/judge.h"
#include "posix/linux.h"
#include "posix/posix.h"

#define START_GRAIN UINT64_C(20000000) /* field 22 of /proc/PID/stat counts in steps of 10 ms */

/* ---- the rules ---- */

typedef struct rule {
    kin_posix_evidence when;
    kin_posix_verdict verdict;
} rule;

#define RULE(sign, lock, process, maps, verdict)                                                                       \
    {                                                                                                                  \
        {KIN_POSIX_SIGN_##sign, KIN_POSIX_LOCK_##lock, KIN_POSIX_PROCESS_##process, KIN_POSIX_MAPS_##maps},            \
            KIN_POSIX_##verdict                                                                                        \
    }

/* The first that fits. */
static const rule rules[] = {
    RULE(ANY, HELD, ANY, ANY, LIVES),
    RULE(ANY, ANY, UNASKED, ANY, ASK_PROCESS),
    RULE(ANY, ANY, GONE, ANY, DEAD),
    RULE(HELD, FREE, UNKNOWN, ANY, UNSURE), /* it has closed its descriptors, or the kernel has missed the word */
    RULE(HELD, ANY, ANY, ANY, LIVES),
    RULE(DIED, FREE, UNKNOWN, ANY, DEAD),
    RULE(DIED, NEVER, UNKNOWN, ANY, DEAD),
    RULE(ANY, ANY, UNKNOWN, ANY, UNSURE),
    RULE(DIED, ANY, SELF, ANY, DEAD), /* what this process was before its exec */
    RULE(ANY, ANY, ANY, UNASKED, ASK_MAPS),
    RULE(ANY, ANY, ANY, NO, DEAD),     /* it has executed another program */
    RULE(DIED, ANY, ANY, YES, UNSURE), /* executed and joined again, or a thread ended past the C library */
    RULE(DIED, FREE, ANY, ANY, DEAD),
    RULE(DIED, NEVER, ANY, ANY, DEAD),
    RULE(DIED, ANY, ANY, ANY, UNSURE),
    RULE(ANY, ANY, ANY, ANY, LIVES),
};

static bool fits(int wanted, int is)
{
    return wanted == 0 || wanted == is;
}

kin_posix_verdict kin_posix_judge(const kin_posix_evidence *is)
{
    const rule *at = rules;
    while (!fits((int)at->when.sign, (int)is->sign) || !fits((int)at->when.lock, (int)is->lock) ||
           !fits((int)at->when.process, (int)is->process) || !fits((int)at->when.maps, (int)is->maps)) {
        at++; /* the last one fits all */
    }
    return at->verdict;
}

/* ---- the table of processes ---- */

/* Whether /proc shows the pids of this process's own namespace. */
static bool proc_is_own(void)
{
    char line[256];
    bool own = true;
    FILE *status = fopen("/proc/self/status", "re");
    if (!status) {
        return false;
    }
    while (fgets(line, sizeof line, status)) {
        unsigned long first, second;
        if (sscanf(line, "NSpid: %lu %lu", &first, &second) == 2) {
            own = false;
        }
    }
    fclose(status);
    return own;
}

static kin_posix_process ask_process(const kin_os_process_id *who)
{
    char pid[16];
    kin_posix_stat stat;
    if (who->pid == 0 || who->pid > INT_MAX || who->where == 0 || who->where != kin_posix_where()) {
        return KIN_POSIX_PROCESS_UNKNOWN;
    }
    if (kill((pid_t)who->pid, 0) != 0 && errno == ESRCH) {
        return KIN_POSIX_PROCESS_GONE;
    }
    snprintf(pid, sizeof pid, "%lu", (unsigned long)who->pid);
    if (!proc_is_own() || kin_posix_stat_read(&stat, pid) != 0) {
        return KIN_POSIX_PROCESS_UNKNOWN;
    }
    bool ended = (stat.state == 'Z' || stat.state == 'X') && stat.threads <= 1;
    if (ended || stat.start > who->start + START_GRAIN) {
        return KIN_POSIX_PROCESS_GONE;
    }
    return who->pid == (uint32_t)getpid() ? KIN_POSIX_PROCESS_SELF : KIN_POSIX_PROCESS_RUNS;
}

/* A line of /proc/PID/maps: ADDRESSES PERMISSIONS ... PATH. A process that has opened the family for reading only is no
 * member: it may be what a member's process became by an exec. */
static bool is_members(const char *line, const char *hex)
{
    const char *permissions = strchr(line, ' ');
    return strstr(line, hex) && permissions && permissions[1] == 'r' && permissions[2] == 'w';
}

static kin_posix_maps look_at_maps(const char *path, const char *hex)
{
    char line[PATH_MAX + 128];
    kin_posix_maps answer = KIN_POSIX_MAPS_UNKNOWN;
    FILE *maps = fopen(path, "re");
    if (!maps) {
        return answer;
    }
    while (answer != KIN_POSIX_MAPS_YES && fgets(line, sizeof line, maps)) {
        answer = is_members(line, hex) ? KIN_POSIX_MAPS_YES : KIN_POSIX_MAPS_NO;
    }
    if (ferror(maps) && answer == KIN_POSIX_MAPS_NO) {
        answer = KIN_POSIX_MAPS_UNKNOWN;
    }
    fclose(maps);
    return answer;
}

/* Asks the threads one by one: an ended one's file is empty. */
static kin_posix_maps ask_maps(uint32_t pid, const char *hex)
{
    char path[320];
    kin_posix_maps answer = KIN_POSIX_MAPS_UNKNOWN;
    snprintf(path, sizeof path, KIN_POSIX_PROC "/%lu/task", (unsigned long)pid);
    DIR *threads = opendir(path);
    for (struct dirent *entry; threads && answer == KIN_POSIX_MAPS_UNKNOWN && (entry = readdir(threads)) != NULL;) {
        if (isdigit((unsigned char)entry->d_name[0])) {
            snprintf(path, sizeof path, KIN_POSIX_PROC "/%lu/task/%.200s/maps", (unsigned long)pid, entry->d_name);
            answer = look_at_maps(path, hex);
        }
    }
    if (threads) {
        closedir(threads);
    }
    return answer;
}

kin_os_life kin_posix_life(kin_posix_sign sign, kin_posix_lock lock, uint32_t thread, const kin_os_process_id *who,
                           const char *hex)
{
    kin_posix_evidence it = {sign, lock, KIN_POSIX_PROCESS_UNASKED, KIN_POSIX_MAPS_UNASKED};
    for (;;) {
        switch (kin_posix_judge(&it)) {
        case KIN_POSIX_ASK_PROCESS:
            it.process = ask_process(who);
            /* A thread that is not the process's first one and execs is missed by the kernel. */
            if (sign == KIN_POSIX_SIGN_HELD &&
                (it.process == KIN_POSIX_PROCESS_RUNS || it.process == KIN_POSIX_PROCESS_SELF) &&
                syscall(SYS_tgkill, (pid_t)who->pid, (pid_t)thread, 0) != 0 && errno == ESRCH) {
                it.sign = KIN_POSIX_SIGN_DIED;
            }
            break;
        case KIN_POSIX_ASK_MAPS:
            it.maps = ask_maps(who->pid, hex);
            break;
        case KIN_POSIX_DEAD:
            return KIN_OS_DEAD;
        case KIN_POSIX_UNSURE:
            return KIN_OS_UNSURE;
        case KIN_POSIX_LIVES:
        default:
            return KIN_OS_LIVES;
        }
    }
}
