/* judge.h: whether a member lives, by all that can be known of it. The rules: judge.c. */
#ifndef KIN_POSIX_JUDGE_H
#define KIN_POSIX_JUDGE_H

#include "os.h"

/* What is known. _ANY is for the table of rules only; _UNASKED: it costs more, and is asked if the rest does not
 * decide. */
typedef enum kin_posix_sign { /* the word of the member's page (robust.h) */
                              KIN_POSIX_SIGN_ANY,
                              KIN_POSIX_SIGN_HELD, /* it names a thread */
                              KIN_POSIX_SIGN_DIED,
                              KIN_POSIX_SIGN_NONE, /* it names nobody, or there is none */
} kin_posix_sign;

typedef enum kin_posix_lock { /* the record lock */
                              KIN_POSIX_LOCK_ANY,
                              KIN_POSIX_LOCK_HELD,
                              KIN_POSIX_LOCK_FREE,
                              KIN_POSIX_LOCK_NEVER,   /* free, and the member has noted that it never had it */
                              KIN_POSIX_LOCK_UNKNOWN, /* this process has no descriptor to ask by */
} kin_posix_lock;

typedef enum kin_posix_process { /* the member's process, in the table of processes */
                                 KIN_POSIX_PROCESS_ANY,
                                 KIN_POSIX_PROCESS_UNASKED,
                                 KIN_POSIX_PROCESS_GONE,
                                 KIN_POSIX_PROCESS_RUNS,
                                 KIN_POSIX_PROCESS_SELF,    /* it is the asking one */
                                 KIN_POSIX_PROCESS_UNKNOWN, /* its pid and times mean nothing here, or /proc fails */
} kin_posix_process;

typedef enum kin_posix_maps { /* whether that process maps anything of the family */
                              KIN_POSIX_MAPS_ANY,
                              KIN_POSIX_MAPS_UNASKED,
                              KIN_POSIX_MAPS_YES,
                              KIN_POSIX_MAPS_NO,
                              KIN_POSIX_MAPS_UNKNOWN,
} kin_posix_maps;

typedef struct kin_posix_evidence {
    kin_posix_sign sign;
    kin_posix_lock lock;
    kin_posix_process process;
    kin_posix_maps maps;
} kin_posix_evidence;

typedef enum kin_posix_verdict {
    KIN_POSIX_DEAD,
    KIN_POSIX_UNSURE,
    KIN_POSIX_LIVES,
    KIN_POSIX_ASK_PROCESS,
    KIN_POSIX_ASK_MAPS,
} kin_posix_verdict;

/* The rules, and nothing else: asks nothing. */
kin_posix_verdict kin_posix_judge(const kin_posix_evidence *evidence);

/* Judges the member of that identity; start or where 0: unknown. thread: what its word names, for SIGN_HELD. */
kin_os_life kin_posix_life(kin_posix_sign sign, kin_posix_lock lock, uint32_t thread, const kin_os_process_id *who,
                           const char *hex);

#endif
