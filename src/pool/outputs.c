/* outputs.c: outputs of any size, which tasks make themselves (kin_task_output).
 *
 * A job has no room for such outputs. It has a note for each batch. A note and a table lead to them:
 *
 *     note of the batch ──► table: word and size for each task of the batch ──► block of the output
 *
 * | who | does | a kill leaves |
 * |---|---|---|
 * | the batch's owner | `has_outputs` = 1; takes the table, noted in the batch's note | a note that is used again |
 * | | entry: size = NONE; frees the block of `word`, if there is one; takes a block, noted in `word` | an entry that
 *       is no output, with or without a block |
 * | | when the task returns: size; then the task's byte says how it ended | the task is still TODO |
 * | the maker | reads an entry after it has seen the task's byte | the job, as any kill of the maker (pool.h) |
 * | | kin_future_take: `word` = 0. From then on the block is the caller's | a block of the job, or of the caller |
 * | | frees each block, then its table, then the job | the rest, as above |
 *
 * 1. The heap writes a block's word into its note before the block is LIVE (heap.h). So the batch's next owner, and the
 *    maker, find each block, whichever process was killed.
 * 2. A worker may be killed after it has written the size, and before the task's byte. So before a task is tried again,
 *    its entry is emptied. An output is of the attempt that has ended the task.
 * 3. A word is not used again. So to free a block a second time does nothing: a kill between freeing a block and
 *    clearing its word needs no repair.
 * 4. A batch has one owner at a time, and only the owner changes its table. An entry is written before the task's byte
 *    (release), and read after it (acquire).
 * 5. `has_outputs` is stored before the task's byte as well. So it may be loaded relaxed after that byte, or after the
 *    job's end.
 * 6. All of it is input: its numbers are checked.
 */
#include "pool/outputs.h"

#include "family/input.h"
#include "family/thread_slot.h"
#include "memory/heap.h"

#define NONE UINT64_MAX

typedef struct entry {
    _Atomic uint64_t word, size;
} entry;

static _Atomic uint64_t *notes_of(kin_family *family, const kin__plan *plan)
{
    uint64_t at = kin__offset(family, plan->job) + kin__read_u64(&plan->job->outputs_at);
    return plan->outputs ? plan->outputs
                         : kin__array_at(family, at, plan->batches, sizeof(_Atomic uint64_t), sizeof(uint64_t));
}

/* The table that a note names, or NULL. */
static entry *table_in(kin_family *family, const kin__plan *plan, uint64_t note)
{
    return note != 0 && kin__heap_has(family, note)
               ? kin__array_at(family, kin__block_offset(note), plan->batch, sizeof(entry), 16)
               : NULL;
}

static entry *entry_of(kin_family *family, const kin__plan *plan, uint64_t task)
{
    _Atomic uint64_t *notes = notes_of(family, plan);
    entry *table = notes ? table_in(family, plan, atomic_load(&notes[task / plan->batch])) : NULL;
    return table ? &table[task % plan->batch] : NULL;
}

/* ---- the batch's owner ---- */

static kin_status make_table(entry **out, kin__seat *seat, const kin__plan *plan, uint64_t task)
{
    void *made;
    _Atomic uint64_t *notes = notes_of(seat->family, plan);
    if (!notes) {
        return KIN_E_DAMAGED;
    }
    atomic_store(&plan->job->has_outputs, 1);
    kin_status status = kin__heap_take(&made, seat, plan->batch * sizeof(entry), true, &notes[task / plan->batch]);
    if (status == KIN_OK) {
        *out = (entry *)made + task % plan->batch;
    }
    return status;
}

/* KIN_E_BUSY: the heap is being repaired. */
static kin_status empty(kin__seat *seat, entry *it)
{
    uint64_t word = atomic_load(&it->word);
    atomic_store(&it->size, NONE);
    kin_status status = word != 0 ? kin__heap_give(seat, word) : KIN_OK;
    if (status == KIN_OK) {
        atomic_store(&it->word, 0);
    }
    return status;
}

kin_status kin__output_make(void **out, kin_family *family, const kin__plan *plan, uint64_t task, uint64_t size)
{
    kin__seat *seat;
    entry *it = entry_of(family, plan, task);
    kin_status status = kin__seat_take(&seat, family);
    if (status == KIN_OK && !it) {
        status = make_table(&it, seat, plan, task);
    }
    if (status == KIN_OK) {
        status = empty(seat, it);
    }
    return status == KIN_OK ? kin__heap_take(out, seat, size > 0 ? size : 1, false, &it->word) : status;
}

void kin__output_settle(kin_family *family, const kin__plan *plan, uint64_t task, uint64_t size)
{
    entry *it = entry_of(family, plan, task);
    if (it) {
        atomic_store(&it->size, size);
    }
}

void kin__output_forget(kin_family *family, const kin__plan *plan, uint64_t task)
{
    kin__seat *seat;
    entry *it = entry_of(family, plan, task);
    if (it && kin__seat_take(&seat, family) == KIN_OK) {
        empty(seat, it); /* if that is not possible now, it is no output, and the maker frees it with the future */
    }
}

/* ---- the maker ---- */

kin_status kin__output_read(void **out, uint64_t *size, kin_family *family, const kin__plan *plan, uint64_t task)
{
    uint64_t room;
    uint32_t generation;
    entry *it = kin__has_outputs(plan) ? entry_of(family, plan, task) : NULL;
    uint64_t word = it ? atomic_load(&it->word) : 0, length = it ? atomic_load(&it->size) : NONE;
    if (word == 0 || length == NONE) {
        return KIN_E_NOT_FOUND;
    }
    if (kin__heap_generation(family, kin__block_offset(word), &generation, &room) != KIN_OK ||
        generation != kin__block_generation(word) || length > room) {
        return KIN_E_DAMAGED;
    }
    void *found = kin__at(family, kin__block_offset(word), room, 16);
    if (!found) {
        return KIN_E_DAMAGED;
    }
    *out = found;
    *size = length;
    return KIN_OK;
}

kin_status kin__output_of_single(const void **result, size_t *size, kin_family *family, const kin__plan *plan)
{
    void *output = plan->out;
    uint64_t used = kin__room_used(plan);
    kin_status status = kin__output_read(&output, &used, family, plan, 0);
    if (status == KIN_E_DAMAGED) {
        return status;
    }
    *result = output;
    if (size) {
        *size = (size_t)used;
    }
    return KIN_OK;
}

void kin__output_release(kin_family *family, const kin__plan *plan, uint64_t task)
{
    entry *it = entry_of(family, plan, task);
    if (it) {
        atomic_store(&it->word, 0);
    }
}

void kin__outputs_free(kin_family *family, const kin__plan *plan)
{
    kin__seat *seat;
    if (!kin__has_outputs(plan) || kin__seat_take(&seat, family) != KIN_OK) {
        return;
    }
    for (uint64_t i = 0; i < plan->batches; i++) {
        uint64_t note = atomic_load(&plan->outputs[i]);
        entry *table = table_in(family, plan, note);
        for (uint64_t k = 0; table && k < plan->batch; k++) {
            empty(seat, &table[k]);
        }
        if (note != 0) {
            kin__heap_give(seat, note);
        }
    }
}
