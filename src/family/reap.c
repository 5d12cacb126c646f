/* reap.c: cleaning up after dead members. Protocol: member.c. */
#include "family/reap.h"

#include "base/hooks.h"
#include "family/member.h"

#define ROOM_TRIES 1000 /* a millisecond each */

/* Which entries threads of this process reap. */
static bool start_reaping(kin_family *family, uint32_t index)
{
    uint64_t bit = UINT64_C(1) << index % 64;
    return (atomic_fetch_or(&family->self->reaping[index / 64], bit) & bit) == 0;
}

static void stop_reaping(kin_family *family, uint32_t index)
{
    atomic_fetch_and(&family->self->reaping[index / 64], ~(UINT64_C(1) << index % 64));
}

static bool is_reaping(kin_family *family, uint32_t index)
{
    return (atomic_load(&family->self->reaping[index / 64]) >> index % 64 & 1) != 0;
}

static bool reaper_alive(kin_family *family, uint32_t index, uint64_t state)
{
    /* The system cannot be asked about oneself; an earlier process may have had the pid. */
    if (KIN__MEMBER_PID(state) == kin_os_pid()) {
        return is_reaping(family, index);
    }
    kin_os_process_id who = kin__member_process(family, index, state);
    return who.pid != 0 && kin_os_pulse_life(&family->pulse, index, &who, &family->id) != KIN_OS_DEAD;
}

/* Whether the entry's process has died, and no living reaper has the entry. */
static bool member_dead(kin_family *family, uint32_t index, uint64_t state)
{
    switch (KIN__MEMBER_PHASE(state)) {
    case KIN__JOINING:
    case KIN__LIVE:
        return !kin__member_alive(family, index, state);
    case KIN__CLAIMED:
    case KIN__REAPING:
        return !reaper_alive(family, index, state);
    case KIN__FREE:
    default:
        return false;
    }
}

static bool release_slot(kin_family *family, uint32_t index, uint64_t lease)
{
    if (!kin__hooks.slot_reaped(family, index, kin__token(kin__lease_generation(lease), index))) {
        return false;
    }
    atomic_compare_exchange_strong(&kin__thread_at(family, index)->lease, &lease,
                                   kin__lease_of(kin__lease_generation(lease), 0, KIN__FREE));
    return true;
}

static bool release_slots(kin_family *family, uint32_t member)
{
    bool all = true;
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        uint64_t lease = atomic_load(&kin__thread_at(family, i)->lease);
        if (kin__lease_live(lease) && kin__lease_member(lease) == member) {
            all = release_slot(family, i, lease) && all;
        }
    }
    return all;
}

/* The caller holds the sign of life of the dead member's index. A dead member stays dead, so its state identifies
 * it. */
static bool reap_alone(kin_family *family, uint32_t index, uint64_t state, const kin_os_process_id *me)
{
    kin__member *member = kin__member_at(family, index);
    uint64_t claimed = kin__member_state(KIN__MEMBER_GENERATION(state), me->pid, KIN__CLAIMED);
    uint64_t mine = kin__member_state(KIN__MEMBER_GENERATION(state), me->pid, KIN__REAPING);
    if (!atomic_compare_exchange_strong(&member->state, &state, claimed)) {
        return false;
    }
    kin__member_write_process(member, me);
    if (!atomic_compare_exchange_strong(&member->state, &claimed, mine)) {
        return false; /* another process has wrongly taken this one for dead */
    }
    bool all = release_slots(family, index);
    uint64_t next = kin__member_state(KIN__MEMBER_GENERATION(mine), 0, all ? KIN__FREE : KIN__REAPING);
    return atomic_compare_exchange_strong(&member->state, &mine, next) && all;
}

static bool reap(kin_family *family, uint32_t index)
{
    kin_os_process_id me;
    bool reaped = false;
    uint64_t sign = kin_os_pulse_look(&family->pulse, index); /* before the state: see member.c */
    uint64_t state = atomic_load(&kin__member_at(family, index)->state);
    if (!member_dead(family, index, state) || !start_reaping(family, index)) {
        return false;
    }
    if (kin_os_self(&me) == KIN_OK &&
        kin_os_pulse_start(&family->pulse, index, sign, &me, &family->id, &family->access) == KIN_OK) {
        reaped = reap_alone(family, index, state, &me);
        kin_os_pulse_give_back(&family->pulse, index);
    }
    stop_reaping(family, index);
    return reaped;
}

/* Whether a member is being reaped, or was reaped meanwhile. If its reaper has died, the next try reaps it. One that
 * could not be reaped now (pid 0) counts as there. */
static bool room_is_made(kin_family *family)
{
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        bool reaping = KIN__MEMBER_PHASE(state) == KIN__CLAIMED || KIN__MEMBER_PHASE(state) == KIN__REAPING;
        if (KIN__MEMBER_PHASE(state) == KIN__FREE || (reaping && KIN__MEMBER_PID(state) != 0)) {
            return true;
        }
    }
    return false;
}

uint32_t kin__reap_all(kin_family *family)
{
    uint32_t reaped = 0;
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        reaped += reap(family, i);
    }
    return reaped;
}

bool kin__make_room(kin_family *family, int tries)
{
    if (kin__reap_all(family) > 0 || tries == 0) { /* the first time others may have been faster */
        return tries < ROOM_TRIES;
    }
    kin_os_sleep_until(kin_os_now() + KIN_MS(1));
    return tries < ROOM_TRIES && room_is_made(family);
}

void kin__reap_pid(kin_family *family, uint32_t pid)
{
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        if (KIN__MEMBER_PHASE(state) != KIN__FREE && KIN__MEMBER_PID(state) == pid) {
            reap(family, i);
        }
    }
}

bool kin__reap_suspect(kin_family *family, uint32_t index)
{
    return kin_os_pulse_suspect(&family->pulse, index) && reap(family, index);
}
