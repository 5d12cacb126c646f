/* member.c: members and their threads' entries; who is dead, and cleaning up after them.
 *
 * Member entry, word `state` = generation | pid | phase:
 *
 *     FREE(g) ──claim──► JOINING(g+1, pid) ──► LIVE(g+1, pid) ──leave──► FREE(g+1)
 *                              │                    │
 *                              └──────dead──────────┴──► CLAIMED ──► REAPING(g+1, reaper's pid) ──► FREE(g+1)
 *
 * A process takes the sign of life of an index (os.h, pulse) *before* it claims the entry, so an entry that is not FREE
 * and whose sign of life is missing belongs to a dead process. A reaper takes the sign of life of the dead one's index, so
 * that there is one at a time: two would do harm, the slower one to the entry's next holder. Claim, leave and each step of
 * reaping are one compare-and-swap on `state`. Whoever finds a reaper dead, or that it has given up (pid 0), goes on.
 *
 * Thread entry, word `lease` = generation | member | phase: FREE(g) ──► LIVE(g+1, member) ──► FREE(g+1). Claimed by one
 * compare-and-swap by the thread itself, freed by it at its end, or by the reaper of its member. A token is (generation,
 * index): it is alive while the lease is LIVE in that generation and the lease's member lives.
 *
 * A member token is (generation, the pid's low bits, index): it is alive while the entry is LIVE in that generation and the
 * process lives, whichever of its threads come and go.
 *
 * Memory order: claims and frees are acq_rel, so that a new holder of an entry sees the last one's writes done.
 */
#include "family/family.h"

#include "memory/heap.h"
#include "park/park.h"

#define PHASE(state) ((kin__phase)((state)&0xff))
#define PID(state) ((uint32_t)((state) >> 8))
#define GENERATION(state) ((state) >> 40)

#define ROOM_TRIES 1000 /* a millisecond each */

static uint64_t member_state(uint64_t generation, uint32_t pid, kin__phase phase)
{
    return generation << 40 | (uint64_t)pid << 8 | (uint64_t)phase;
}

static uint64_t lease_of(uint64_t generation, uint32_t member, kin__phase phase)
{
    return generation << 24 | (uint64_t)member << 8 | (uint64_t)phase;
}

static uint32_t lease_member(uint64_t lease)
{
    return (uint32_t)(lease >> 8) & 0xffff;
}

/* ---- life and death ---- */

static kin_os_process_id process_of(kin_family *family, uint32_t index, uint64_t state)
{
    const kin__member *member = kin__member_at(family, index);
    if (PHASE(state) == KIN__JOINING || PHASE(state) == KIN__CLAIMED) {
        return (kin_os_process_id){PID(state), 0, 0}; /* the rest is perhaps not written yet */
    }
    return (kin_os_process_id){PID(state), atomic_load(&member->start), atomic_load(&member->user)};
}

static void write_process(kin__member *member, const kin_os_process_id *who)
{
    atomic_store(&member->start, who->start);
    atomic_store(&member->user, who->user);
}

static bool member_alive(kin_family *family, uint32_t index, uint64_t state)
{
    const kin__self *self = family->self;
    if (atomic_load(&self->joined) && index == self->index) {
        return state == self->state; /* the system cannot be asked about oneself */
    }
    kin_os_process_id who = process_of(family, index, state);
    return kin_os_pulse_alive(&family->pulse, index, &who, &family->id);
}

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
    if (PID(state) == kin_os_pid()) {
        return is_reaping(family, index);
    }
    kin_os_process_id who = process_of(family, index, state);
    return who.pid != 0 && kin_os_pulse_alive(&family->pulse, index, &who, &family->id);
}

/* Whether the entry stands for a process that has died, and is not in the hands of a living reaper. */
static bool member_dead(kin_family *family, uint32_t index, uint64_t state)
{
    switch (PHASE(state)) {
    case KIN__JOINING:
    case KIN__LIVE:
        return !member_alive(family, index, state);
    case KIN__CLAIMED:
    case KIN__REAPING:
        return !reaper_alive(family, index, state);
    case KIN__FREE:
    default:
        return false;
    }
}

static bool release_entry(kin_family *family, uint32_t index, uint64_t lease)
{
    kin__thread *thread = kin__thread_at(family, index);
    if (!kin__heap_reap(family, thread, kin__token(lease >> 24, index))) {
        return false;
    }
    kin__park_reap(family, index);
    atomic_compare_exchange_strong(&thread->lease, &lease, lease_of(lease >> 24, 0, KIN__FREE));
    return true;
}

static bool release_entries(kin_family *family, uint32_t member)
{
    bool all = true;
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        uint64_t lease = atomic_load(&kin__thread_at(family, i)->lease);
        if ((lease & 0xff) == KIN__LIVE && lease_member(lease) == member) {
            all = release_entry(family, i, lease) && all;
        }
    }
    return all;
}

/* Under the sign of life of the dead member's index. Who is dead stays so: state is enough to know it by. */
static bool reap_alone(kin_family *family, uint32_t index, uint64_t state, const kin_os_process_id *me)
{
    kin__member *member = kin__member_at(family, index);
    uint64_t claimed = member_state(GENERATION(state), me->pid, KIN__CLAIMED);
    uint64_t mine = member_state(GENERATION(state), me->pid, KIN__REAPING);
    if (!atomic_compare_exchange_strong(&member->state, &state, claimed)) {
        return false;
    }
    write_process(member, me);
    if (!atomic_compare_exchange_strong(&member->state, &claimed, mine)) {
        return false; /* taken for dead, by who could not tell */
    }
    bool all = release_entries(family, index);
    uint64_t next = member_state(GENERATION(mine), 0, all ? KIN__FREE : KIN__REAPING);
    return atomic_compare_exchange_strong(&member->state, &mine, next) && all;
}

static bool reap(kin_family *family, uint32_t index, uint64_t state)
{
    kin_os_process_id me;
    bool reaped = false;
    if (!member_dead(family, index, state) || !start_reaping(family, index)) {
        return false;
    }
    if (kin_os_self(&me) == KIN_OK &&
        kin_os_pulse_start(&family->pulse, index, &family->id, &family->access) == KIN_OK) {
        reaped = reap_alone(family, index, state, &me);
        kin_os_pulse_give_back(&family->pulse, index);
    }
    stop_reaping(family, index);
    return reaped;
}

/* Whether somebody else is at it: then there will be room in a moment. */
static bool reaping_goes_on(kin_family *family)
{
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        if ((PHASE(state) == KIN__CLAIMED || PHASE(state) == KIN__REAPING) && !member_dead(family, i, state)) {
            return true;
        }
    }
    return false;
}

uint32_t kin__reap_all(kin_family *family)
{
    uint32_t reaped = 0;
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        reaped += PHASE(state) != KIN__FREE && reap(family, i, state);
    }
    return reaped;
}

bool kin__make_room(kin_family *family, int tries)
{
    if (kin__reap_all(family) > 0 || tries == 0) { /* the first time others may have been faster */
        return tries < ROOM_TRIES;
    }
    kin_os_sleep_until(kin_os_now() + KIN_MS(1));
    return tries < ROOM_TRIES && reaping_goes_on(family);
}

void kin__reap_pid(kin_family *family, uint32_t pid)
{
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        if (PHASE(state) != KIN__FREE && PID(state) == pid) {
            reap(family, i, state);
        }
    }
}

static bool token_lease(kin_family *family, uint64_t token, uint32_t *member, uint64_t *state)
{
    uint32_t index = kin__token_index(token);
    if (index >= family->layout.max_threads) {
        return false;
    }
    uint64_t lease = atomic_load(&kin__thread_at(family, index)->lease);
    *member = lease_member(lease);
    if (lease >> 24 != kin__token_generation(token) || (lease & 0xff) != KIN__LIVE ||
        *member >= family->layout.max_members) {
        return false;
    }
    *state = atomic_load(&kin__member_at(family, *member)->state);
    return PHASE(*state) == KIN__LIVE;
}

bool kin__token_alive(kin_family *family, uint64_t token)
{
    uint32_t member;
    uint64_t state;
    return token_lease(family, token, &member, &state) && member_alive(family, member, state);
}

uint32_t kin__token_pid(kin_family *family, uint64_t token)
{
    uint32_t member;
    uint64_t state;
    return token_lease(family, token, &member, &state) ? PID(state) : 0;
}

/* The pid's bits are there so that a generation that has come round (2^24 holders of one entry) is another's all the same. */
static uint64_t member_token(uint32_t index, uint64_t state)
{
    return GENERATION(state) << 40 | (uint64_t)(PID(state) & 0xffffff) << 16 | index;
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

bool kin__member_listed_at(const kin_family *family, uint32_t index, uint64_t *token)
{
    uint64_t state = atomic_load(&kin__member_at(family, index)->state);
    *token = member_token(index, state);
    return PHASE(state) == KIN__LIVE;
}

static bool member_token_state(const kin_family *family, uint64_t token, uint64_t *state)
{
    uint32_t index = kin__member_token_index(token);
    if (index >= family->layout.max_members) {
        return false;
    }
    *state = atomic_load(&kin__member_at(family, index)->state);
    return PHASE(*state) == KIN__LIVE && member_token(index, *state) == token;
}

bool kin__member_token_listed(const kin_family *family, uint64_t token)
{
    uint64_t state;
    return member_token_state(family, token, &state);
}

bool kin__member_token_alive(kin_family *family, uint64_t token)
{
    uint64_t state;
    return member_token_state(family, token, &state) && member_alive(family, kin__member_token_index(token), state);
}

/* ---- joining and leaving ---- */

/* KIN_E_BUSY: it is another's. */
static kin_status claim_member(kin_family *family, uint32_t index, const kin_os_process_id *me)
{
    kin__member *member = kin__member_at(family, index);
    uint64_t state = atomic_load(&member->state);
    if (PHASE(state) != KIN__FREE) {
        return KIN_E_BUSY;
    }
    kin_status status = kin_os_pulse_start(&family->pulse, index, &family->id, &family->access);
    if (status != KIN_OK) {
        return status;
    }
    kin__cover_index(&family->arena->member_end, index);
    state = atomic_load(&member->state);
    uint64_t next = member_state(GENERATION(state) + 1, me->pid, KIN__JOINING);
    if (PHASE(state) != KIN__FREE || !atomic_compare_exchange_strong(&member->state, &state, next)) {
        kin_os_pulse_stop(&family->pulse, index);
        return KIN_E_BUSY;
    }
    write_process(member, me);
    next = member_state(GENERATION(next), me->pid, KIN__LIVE);
    family->self->index = index;
    family->self->state = next;
    family->self->pid = me->pid;
    family->self->named = kin_os_pulse_named(&family->pulse);
    atomic_store(&member->state, next);
    return KIN_OK;
}

static kin_status claim_any_member(kin_family *family, const kin_os_process_id *me)
{
    kin_status status = KIN_E_BUSY;
    for (uint32_t i = 0; i < family->layout.max_members && status == KIN_E_BUSY; i++) {
        status = claim_member(family, i, me);
    }
    return status;
}

static kin_status join(kin_family *family)
{
    kin_os_process_id me;
    kin_status status = kin_os_self(&me);
    if (status != KIN_OK) {
        return status;
    }
    status = claim_any_member(family, &me);
    for (int tries = 0; status == KIN_E_BUSY && kin__make_room(family, tries); tries++) {
        status = claim_any_member(family, &me);
    }
    return status == KIN_E_BUSY ? KIN_E_LIMIT : status;
}

kin__self kin__nobody;

static kin_status make_self(kin_family *family)
{
    void *memory;
    kin__self *none = &kin__nobody;
    kin_status status = family->self == none ? kin__hooks() : KIN_OK;
    if (status != KIN_OK || family->self != none) {
        return status;
    }
    status = kin_os_private_alloc(&memory, sizeof(kin__self));
    if (status == KIN_OK && !atomic_compare_exchange_strong(&family->self, &none, (kin__self *)memory)) {
        kin_os_private_free(memory, sizeof(kin__self));
    }
    return status;
}

kin_status kin__member_join(kin_family *family)
{
    kin_status status = make_self(family);
    uint32_t open = 0;
    if (status != KIN_OK) {
        return status;
    }
    kin__self *self = family->self;
    while (!atomic_compare_exchange_weak(&self->guard, &open, 1)) {
        open = 0;
        kin_os_yield();
    }
    if (!atomic_load(&self->joined)) {
        status = join(family);
        atomic_store(&self->joined, status == KIN_OK);
    }
    atomic_store(&self->guard, 0);
    return status;
}

/* Whether some other process lives in the family; its names are then for that one to remove. */
static bool others_live(kin_family *family)
{
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        if (PHASE(state) == KIN__LIVE && member_alive(family, i, state)) {
            return true;
        }
    }
    return false;
}

static bool has_entries(kin_family *family, uint32_t member)
{
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        uint64_t lease = atomic_load(&kin__thread_at(family, i)->lease);
        if ((lease & 0xff) == KIN__LIVE && lease_member(lease) == member) {
            return true;
        }
    }
    return false;
}

/* A process whose threads still have entries does not leave: it ends soon, and is reaped then. The order matters when the
 * last two leave at once: each shows that it has gone before it looks for the other. */
void kin__member_leave(kin_family *family)
{
    kin__self *self = family->self;
    if (!atomic_load(&self->joined) || (atomic_load(&self->seated) && has_entries(family, self->index))) {
        return;
    }
    uint64_t state = self->state;
    atomic_compare_exchange_strong(&kin__member_at(family, self->index)->state, &state,
                                   member_state(GENERATION(state), 0, KIN__FREE));
    atomic_store(&self->joined, 0);
    kin_os_pulse_stop(&family->pulse, self->index);
    if (!others_live(family)) {
        kin_os_pulse_retire(&family->pulse, &family->id);
    }
}

kin_status kin__member_check(kin_family *family)
{
    const kin__self *self = family->self;
    if (atomic_load(&kin__member_at(family, self->index)->state) != self->state) {
        return KIN_E_STALE;
    }
    kin_os_pulse_check(&family->pulse, self->index);
    return KIN_OK;
}

uint32_t kin__member_count(kin_family *family)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        count += PHASE(atomic_load(&kin__member_at(family, i)->state)) == KIN__LIVE;
    }
    return count;
}

uint32_t kin__thread_count(kin_family *family)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        count += (atomic_load(&kin__thread_at(family, i)->lease) & 0xff) == KIN__LIVE;
    }
    return count;
}
