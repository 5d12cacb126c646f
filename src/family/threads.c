/* threads.c: the public functions that name threads and interrupt them. Protocol: interrupt.c. */
#include "base/last_error.h"
#include "family/interrupt.h"
#include "family/thread_slot.h"
#include "kin/thread.h"

#define INDEX_BITS 16u
#define INDEX(number) ((uint32_t)((number) & ((UINT64_C(1) << INDEX_BITS) - 1)))

kin_status kin_thread_current(kin_thread *out)
{
    static _Atomic uint64_t last; /* a forked child goes on from here, so no number means two threads */
    kin__interrupt *it;
    uint32_t index;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = kin__interrupt_make(&it, &index);
    if (status == KIN_OK) {
        status = kin__interrupt_open(it, (atomic_fetch_add(&last, 1) + 1) << INDEX_BITS | index);
    }
    if (status == KIN_OK) {
        out->number = atomic_load(&it->number);
    }
    return kin__told(status);
}

/* What kin_last_error gives stays as it is, since this may be a signal handler. */
kin_status kin_thread_interrupt(kin_thread thread)
{
    kin__interrupt *it = thread.number != 0 ? kin__interrupt_at(INDEX(thread.number)) : NULL;
    return it && kin__interrupt_raise(it, thread.number) ? KIN_OK : KIN_E_NOT_FOUND;
}

int kin_thread_clear_interrupt(void)
{
    kin__interrupt *it = kin__interrupt_mine();
    bool was = kin__interrupt_pending(it);
    if (was) {
        kin__interrupt_tell(it);
    }
    return was;
}
