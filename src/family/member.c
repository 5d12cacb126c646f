/* member.c: members and their threads' slots; whether they are alive. Cleaning up after dead members: reap.c.
 *
 * ---- Member entries ----
 *
 * The word `state` of a member entry is generation | pid | phase:
 *
 *     FREE(g) ──claim──► JOINING(g+1, pid) ──► LIVE(g+1, pid) ──leave──► FREE(g+1)
 *                              │                    │
 *                              └──────dead──────────┴──► CLAIMED ──► REAPING(g+1, reaper's pid) ──► FREE(g+1)
 *
 * 1. Claim, leave and each step of reaping are one compare-and-swap on `state`.
 * 2. A process takes the sign of life of an index (os.h, pulse) *before* it claims the entry. So an entry that is not
 *    FREE and whose sign of life is missing belongs to a dead process.
 * 3. A reaper takes the sign of life of the dead member's index, so there is one reaper at a time. With two, the slower
 *    one would damage the entry's next holder.
 * 4. A process that takes a sign reads it before the entry, and takes it only if it has not changed since. Only the
 *    sign's holder changes an entry that is not FREE.
 * 5. So a member that was wrongly taken for dead has lost its sign before its entry changes. It finds this out at its
 *    next check. From then on it gets KIN_E_STALE.
 * 6. If a reaper is dead, or has given up (pid 0), the next one goes on.
 *
 * ---- Thread entries ----
 *
 * The word `lease` of a thread entry is generation | member | phase:
 *
 *     FREE(g) ──► LIVE(g+1, member) ──► FREE(g+1)
 *
 * 7. The thread claims the entry by one compare-and-swap. The thread frees it at its end, or its member's reaper does.
 *
 * ---- Tokens ----
 *
 * 8. A thread's token is (generation, index). It is alive while the lease is LIVE in that generation and the lease's
 *    member lives.
 * 9. A member token is (generation, the pid's low bits, index). It is alive while the entry is LIVE in that generation
 *    and the process lives, whatever threads it has.
 *
 * Memory order: claims and frees are acq_rel. So a new holder of an entry sees all writes of the previous one.
 */
#include "family/member.h"

#include "base/last_error.h"

kin_os_process_id kin__member_process(kin_family *family, uint32_t index, uint64_t state)
{
    const kin__member *member = kin__member_at(family, index);
    if (KIN__MEMBER_PHASE(state) == KIN__JOINING || KIN__MEMBER_PHASE(state) == KIN__CLAIMED) {
        return (kin_os_process_id){KIN__MEMBER_PID(state), 0, 0, 0}; /* the rest is perhaps not written yet */
    }
    return (kin_os_process_id){KIN__MEMBER_PID(state), atomic_load(&member->start), atomic_load(&member->user),
                               atomic_load(&member->where)};
}

kin_os_life kin__member_life(kin_family *family, uint32_t index, uint64_t state)
{
    const kin__self *self = family->self;
    if (atomic_load(&self->joined) && index == self->index) {
        return state == self->state ? KIN_OS_LIVES : KIN_OS_DEAD; /* the system cannot be asked about oneself */
    }
    kin_os_process_id who = kin__member_process(family, index, state);
    return kin_os_pulse_life(&family->pulse, index, &who, &family->id);
}

bool kin__member_alive(kin_family *family, uint32_t index, uint64_t state)
{
    return kin__member_life(family, index, state) != KIN_OS_DEAD;
}

static bool token_lease(kin_family *family, uint64_t token, uint32_t *member, uint64_t *state)
{
    uint32_t index = kin__token_index(token);
    if (index >= family->layout.max_threads) {
        return false;
    }
    uint64_t lease = atomic_load(&kin__thread_at(family, index)->lease);
    *member = kin__lease_member(lease);
    if (kin__lease_generation(lease) != kin__token_generation(token) || !kin__lease_live(lease) ||
        *member >= family->layout.max_members) {
        return false;
    }
    *state = atomic_load(&kin__member_at(family, *member)->state);
    return KIN__MEMBER_PHASE(*state) == KIN__LIVE;
}

bool kin__token_alive(kin_family *family, uint64_t token)
{
    uint32_t member;
    uint64_t state;
    return token_lease(family, token, &member, &state) && kin__member_alive(family, member, state);
}

uint32_t kin__token_pid(kin_family *family, uint64_t token)
{
    uint32_t member;
    uint64_t state;
    return token_lease(family, token, &member, &state) ? KIN__MEMBER_PID(state) : 0;
}

/* The pid's bits are there so that a generation that has come round (2^24 holders of one entry) is another's all
 * the same. */
static uint64_t member_token(uint32_t index, uint64_t state)
{
    return KIN__MEMBER_GENERATION(state) << 40 | (uint64_t)(KIN__MEMBER_PID(state) & 0xffffff) << 16 | index;
}

uint64_t kin__member_token(const kin_family *family)
{
    return member_token(family->self->index, family->self->state);
}

uint32_t kin__member_token_index(uint64_t token)
{
    return (uint32_t)token & 0xffff;
}

uint32_t kin__member_token_pid(uint64_t token)
{
    return (uint32_t)(token >> 16) & 0xffffff;
}

static bool member_token_state(const kin_family *family, uint64_t token, uint64_t *state)
{
    uint32_t index = kin__member_token_index(token);
    if (index >= family->layout.max_members) {
        return false;
    }
    *state = atomic_load(&kin__member_at(family, index)->state);
    return KIN__MEMBER_PHASE(*state) == KIN__LIVE && member_token(index, *state) == token;
}

bool kin__member_token_listed(const kin_family *family, uint64_t token)
{
    uint64_t state;
    return member_token_state(family, token, &state);
}

bool kin__member_token_alive(kin_family *family, uint64_t token)
{
    uint64_t state;
    return member_token_state(family, token, &state) &&
           kin__member_alive(family, kin__member_token_index(token), state);
}

kin_status kin__member_check(kin_family *family)
{
    const kin__self *self = family->self;
    if (atomic_load(&kin__member_at(family, self->index)->state) != self->state) {
        return kin__taken_for_dead();
    }
    return kin_os_pulse_check(&family->pulse, self->index) ? KIN_OK : kin__taken_for_dead();
}

uint32_t kin__member_count(kin_family *family)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        count += KIN__MEMBER_PHASE(atomic_load(&kin__member_at(family, i)->state)) == KIN__LIVE;
    }
    return count;
}

uint32_t kin__member_unsure(kin_family *family)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        count += KIN__MEMBER_PHASE(state) == KIN__LIVE && kin__member_life(family, i, state) == KIN_OS_UNSURE;
    }
    return count;
}

uint32_t kin__thread_count(kin_family *family)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        count += kin__lease_live(atomic_load(&kin__thread_at(family, i)->lease));
    }
    return count;
}
