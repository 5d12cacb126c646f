/* member.h: the table of members, and which of them live. Protocol: member.c. */
#ifndef KIN_MEMBER_H
#define KIN_MEMBER_H

#include "base/last_error.h"
#include "family/input.h"

/* ---- words of the tables ---- */

#define KIN__MEMBER_PHASE(state) ((kin__phase)((state)&0xff))
#define KIN__MEMBER_PID(state) ((uint32_t)((state) >> 8))
#define KIN__MEMBER_GENERATION(state) ((state) >> 40)

static inline uint64_t kin__member_state(uint64_t generation, uint32_t pid, kin__phase phase)
{
    return generation << 40 | (uint64_t)pid << 8 | (uint64_t)phase;
}

static inline uint64_t kin__lease_of(uint64_t generation, uint32_t member, kin__phase phase)
{
    return generation << 24 | (uint64_t)member << 8 | (uint64_t)phase;
}

static inline uint64_t kin__lease_generation(uint64_t lease)
{
    return lease >> 24;
}

static inline uint32_t kin__lease_member(uint64_t lease)
{
    return (uint32_t)(lease >> 8) & 0xffff;
}

static inline bool kin__lease_live(uint64_t lease)
{
    return (lease & 0xff) == KIN__LIVE;
}

static inline kin__thread *kin__thread_at(const kin_family *family, uint32_t index)
{
    return (kin__thread *)kin__pointer(family, family->layout.threads) + index;
}

static inline kin__member *kin__member_at(const kin_family *family, uint32_t index)
{
    return (kin__member *)kin__pointer(family, family->layout.members) + index;
}

/* Raises one of the arena's ends to cover index. */
static inline void kin__cover_index(_Atomic uint32_t *end, uint32_t index)
{
    uint32_t known = atomic_load(end);
    while (known <= index && !atomic_compare_exchange_weak(end, &known, index + 1)) {
    }
}

/* As far as a search of the table has to go; bounded by this process's own knowledge of its size. */
static inline uint32_t kin__member_end(const kin_family *family)
{
    uint32_t end = atomic_load(&family->arena->member_end);
    return end < family->layout.max_members ? end : family->layout.max_members;
}

static inline uint32_t kin__thread_end(const kin_family *family)
{
    uint32_t end = atomic_load(&family->arena->thread_end);
    return end < family->layout.max_threads ? end : family->layout.max_threads;
}

static inline void kin__member_write_process(kin__member *member, const kin_os_process_id *who)
{
    atomic_store(&member->start, who->start);
    atomic_store(&member->user, who->user);
    atomic_store(&member->where, who->where);
}

/* ---- life and death ---- */

/* Whether the process of an entry in that state lives: asks the system. The entry's phase is not FREE. */
kin_os_life kin__member_life(kin_family *family, uint32_t index, uint64_t state);
/* The same. If that cannot be known, it counts as living. */
bool kin__member_alive(kin_family *family, uint32_t index, uint64_t state);
/* The process that an entry in that state names, as the system is asked about it. */
kin_os_process_id kin__member_process(kin_family *family, uint32_t index, uint64_t state);

/* Whether the thread that the token names still runs, as far as can be known; a dead process is noticed here. */
bool kin__token_alive(kin_family *family, uint64_t token);
/* The pid of the token's process, 0 if it is gone. */
uint32_t kin__token_pid(kin_family *family, uint64_t token);

/* ---- a process as an owner, whichever of its threads acts ---- */

/* The calling process's token; it is a member. Never 0. */
uint64_t kin__member_token(const kin_family *family);
uint32_t kin__member_token_index(uint64_t token);
uint32_t kin__member_token_pid(uint64_t token);
/* Whether the member is in the table. False: it has left, or was reaped, and never comes back. Makes no system call. */
bool kin__member_token_listed(const kin_family *family, uint64_t token);
/* Whether it is, and its process lives. Does not ask the system about the calling process. */
bool kin__member_token_alive(kin_family *family, uint64_t token);

#define kin__taken_for_dead() kin__refuse(KIN_E_STALE, "the other members took this process for dead")
/* To be called before a sleep: KIN_OK if this process still shows its sign of life. KIN_E_STALE: it was taken for dead,
 * and another process has its sign. From then on the result is always KIN_E_STALE. */
kin_status kin__member_check(kin_family *family);
uint32_t kin__member_count(kin_family *family);
/* The number of members of which no process can tell whether they are dead. If one is, it stays the owner of its
 * locks. */
uint32_t kin__member_unsure(kin_family *family);
uint32_t kin__thread_count(kin_family *family);

#endif
