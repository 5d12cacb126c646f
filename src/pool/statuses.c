/* statuses.c: the statuses that failed tasks returned.
 *
 * 1. The status and message of the first failed task are in the job. Most works have no other, so the job has no room
 *    for more.
 * 2. When the first task of a batch fails, the batch's owner allocates a block with a status for each task of the
 *    batch.
 * 3. It writes the block's word (memory/heap.h) into the batch's note before the block becomes LIVE. So if the worker
 *    is killed, the next owner of the batch uses the block, and the maker frees it with the future.
 * 4. A status is written before its task's byte says FAILED (release), and read after that.
 * 5. The block is input: its numbers are checked.
 */
#include "pool/statuses.h"

#include "family/input.h"
#include "family/thread_slot.h"
#include "memory/heap.h"

/* The status of a task in the block that a note names, or NULL. */
static _Atomic int32_t *place_in(kin_family *family, const kin__plan *plan, uint64_t note, uint64_t task)
{
    _Atomic int32_t *all = NULL;
    if (note != 0 && kin__heap_has(family, note)) {
        all = kin__array_at(family, kin__block_offset(note), plan->batch, sizeof *all, sizeof *all);
    }
    return all ? &all[task % plan->batch] : NULL;
}

void kin__status_write(kin_family *family, const kin__plan *plan, uint64_t task, int status)
{
    kin__seat *seat;
    void *made;
    uint64_t at = kin__offset(family, plan->job) + kin__read_u64(&plan->job->notes_at);
    _Atomic uint64_t *notes =
        plan->tasks > 1 ? kin__array_at(family, at, plan->batches, sizeof *notes, sizeof *notes) : NULL;
    if (!notes || kin__seat_take(&seat, family) != KIN_OK) {
        return;
    }
    _Atomic uint64_t *note = &notes[task / plan->batch];
    _Atomic int32_t *place = place_in(family, plan, atomic_load(note), task);
    if (!place && kin__heap_take(&made, seat, plan->batch * sizeof *place, true, note) == KIN_OK) {
        place = place_in(family, plan, atomic_load(note), task);
    }
    if (place) {
        atomic_store_explicit(place, status, memory_order_relaxed);
    }
}

int kin__status_read(kin_family *family, const kin__plan *plan, uint64_t task)
{
    uint64_t note = plan->notes ? atomic_load(&plan->notes[task / plan->batch]) : 0;
    const _Atomic int32_t *place = place_in(family, plan, note, task);
    int status = place ? atomic_load_explicit((_Atomic int32_t *)(uintptr_t)place, memory_order_relaxed) : 0;
    return status != 0 ? status : KIN_E_TASK;
}

void kin__statuses_free(kin_family *family, const kin__plan *plan)
{
    kin__seat *seat;
    if (!plan->notes || atomic_load(&plan->job->failure.stage) == KIN__FAILURE_NONE ||
        kin__seat_take(&seat, family) != KIN_OK) {
        return;
    }
    for (uint64_t i = 0; i < plan->batches; i++) {
        uint64_t note = atomic_load(&plan->notes[i]);
        if (note != 0) {
            kin__heap_give(seat, note);
        }
    }
}
