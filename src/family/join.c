/* join.c: this process becomes a member, and leaves. Protocol: member.c. */
#include "family/join.h"

#include "base/hooks.h"
#include "base/last_error.h"
#include "family/member.h"
#include "family/reap.h"

/* KIN_E_BUSY: another process has it. */
static kin_status claim_member(kin_family *family, uint32_t index, kin_os_process_id *me)
{
    kin__member *member = kin__member_at(family, index);
    uint64_t state = atomic_load(&member->state);
    if (KIN__MEMBER_PHASE(state) != KIN__FREE && !kin__reap_suspect(family, index)) {
        return KIN_E_BUSY;
    }
    uint64_t sign = kin_os_pulse_look(&family->pulse, index); /* before the state: see member.c */
    state = atomic_load(&member->state);
    if (KIN__MEMBER_PHASE(state) != KIN__FREE) {
        return KIN_E_BUSY;
    }
    kin_status status = kin_os_pulse_start(&family->pulse, index, sign, me, &family->id, &family->access);
    if (status != KIN_OK) {
        return status;
    }
    kin__cover_index(&family->arena->member_end, index);
    state = atomic_load(&member->state);
    uint64_t next = kin__member_state(KIN__MEMBER_GENERATION(state) + 1, me->pid, KIN__JOINING);
    if (KIN__MEMBER_PHASE(state) != KIN__FREE || !atomic_compare_exchange_strong(&member->state, &state, next)) {
        kin_os_pulse_give_back(&family->pulse, index);
        return KIN_E_BUSY;
    }
    kin__member_write_process(member, me);
    next = kin__member_state(KIN__MEMBER_GENERATION(next), me->pid, KIN__LIVE);
    family->self->index = index;
    family->self->state = next;
    family->self->pid = me->pid;
    family->self->named = kin_os_pulse_named(&family->pulse);
    atomic_store(&member->state, next);
    return KIN_OK;
}

static kin_status claim_any_member(kin_family *family, kin_os_process_id *me)
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
    return status == KIN_E_BUSY
               ? kin__refuse(KIN_E_LIMIT,
                             "the family has no room for another process: raise options.max_members when it is created")
               : status;
}

static kin_status make_self(kin_family *family)
{
    void *memory;
    kin__self *none = &kin__nobody;
    kin_status status = family->self == none ? kin__hooks_install() : KIN_OK;
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
    kin_status status = kin__may_change(family);
    if (status == KIN_OK) {
        status = make_self(family);
    }
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

/* Whether some process lives in the family, other than the member at index; its names are then for that one to
 * remove. */
static bool others_live(kin_family *family, uint32_t index)
{
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        uint64_t state = atomic_load(&kin__member_at(family, i)->state);
        if (i != index && KIN__MEMBER_PHASE(state) == KIN__LIVE && kin__member_alive(family, i, state)) {
            return true;
        }
    }
    return false;
}

static bool has_slots(kin_family *family, uint32_t member)
{
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        uint64_t lease = atomic_load(&kin__thread_at(family, i)->lease);
        if (kin__lease_live(lease) && kin__lease_member(lease) == member) {
            return true;
        }
    }
    return false;
}

/* The threads go on without names, if they go on. */
static void take_names_along(kin_family *family)
{
    kin__self *self = family->self;
    if (!others_live(family, self->index)) {
        bool named = atomic_exchange(&self->named, false); /* first: a thread may be about to make a semaphore */
        if (!kin_os_pulse_retire(&family->pulse, &family->id, self->index)) {
            atomic_store(&self->named, named);
        }
    }
}

/* A process whose threads still have entries does not leave: it ends soon, and is reaped then. If the last two members
 * leave at once, each shows that it has gone before it looks for the other. So one of them sees that it is the last. */
void kin__member_leave(kin_family *family, bool ending)
{
    kin__self *self = family->self;
    if (!atomic_load(&self->joined)) {
        return;
    }
    if (atomic_load(&self->seated) && has_slots(family, self->index)) {
        if (ending) {
            take_names_along(family);
        }
        return;
    }
    uint64_t state = self->state;
    atomic_compare_exchange_strong(&kin__member_at(family, self->index)->state, &state,
                                   kin__member_state(KIN__MEMBER_GENERATION(state), 0, KIN__FREE));
    atomic_store(&self->joined, 0);
    kin_os_pulse_stop(&family->pulse, self->index);
    if (!others_live(family, KIN__MEMBERS_MAX)) {
        kin_os_pulse_retire(&family->pulse, &family->id, KIN_OS_PULSE_MAX);
    }
}
