/* large.c: messages that do not fit into a queue's ring (KIN_QUEUE_LARGE).
 *
 * The message lies in a block of the heap. In the ring it has a short record: its length is KIN__LARGE, and its bytes
 * are the block's word (heap.h). The record goes through the states of any record (ring.c). The block belongs to the
 * record, from before the record is published until head has passed it:
 *
 *     producer, under put_lock:   claim the record; take the block, noted in `large`; write both; publish tail; clear
 *                                 the note
 *     consumer, under get_lock:   copy, or mark TAKEN; move next; free the block; move head
 *
 * 1. The heap writes the block's word into `large` before the block is allocated. A producer that is killed before it
 *    moves tail leaves that note. The next owner of put_lock finds `putting` ahead of tail, and frees the block. If
 *    tail was moved, it clears the note only.
 * 2. Blocks are freed in one place, kin__ring_reclaim: before head is moved past a record, whatever the record's state
 *    has become (passed, DONE, HOLE). So it does not matter which process was killed in which state. A word is not used
 *    again, so to free a second time does nothing, and a consumer that is killed between freeing and moving head has
 *    left nothing to repair.
 * 3. If the block cannot be freed now (the heap is being repaired), head stays, and the next reclaim tries again. A
 *    note that could not be freed is moved to `large_gone`, and freed before the next large message is put.
 *
 * The block's header says where its record is, so that a message that was reserved or peeked in place finds its record.
 * All of it is checked: the record has to name the block.
 */
#include "queue/large.h"

#include "memory/heap.h"

static _Atomic uint64_t *word_of(kin__record *record)
{
    return (_Atomic uint64_t *)(void *)(record + 1);
}

/* ---- producers ---- */

static bool free_gone(const kin__ring *ring)
{
    uint64_t word = atomic_load_explicit(&ring->ends->large_gone, memory_order_relaxed);
    if (word != 0 && kin__heap_give(ring->seat, word) == KIN_E_BUSY) {
        return false;
    }
    atomic_store_explicit(&ring->ends->large_gone, 0, memory_order_relaxed);
    return true;
}

kin_status kin__large_ready(const kin__ring *ring)
{
    return free_gone(ring) ? KIN_OK : KIN_E_BUSY;
}

kin_status kin__large_make(kin__large **out, const kin__ring *ring, kin__record *record, uint64_t size)
{
    void *memory;
    if (size > UINT64_MAX - sizeof(kin__large)) {
        return kin__refuse(KIN_E_TOO_BIG, "the message is larger than any memory");
    }
    kin_status status = kin__heap_take(&memory, ring->seat, sizeof(kin__large) + size, false, &ring->ends->large);
    if (status != KIN_OK) {
        kin__large_undo(ring);
        return status;
    }
    kin__large *made = memory;
    uint64_t word = atomic_load_explicit(&ring->ends->large, memory_order_relaxed);
    atomic_store_explicit(&made->size, size, memory_order_relaxed);
    atomic_store_explicit(&made->place, (uint64_t)((char *)record - ring->records), memory_order_relaxed);
    atomic_store_explicit(word_of(record), word, memory_order_relaxed);
    atomic_store_explicit(&record->length, KIN__LARGE, memory_order_relaxed);
    *out = made;
    return KIN_OK;
}

void kin__large_settle(const kin__ring *ring)
{
    atomic_store_explicit(&ring->ends->large, 0, memory_order_release);
}

void kin__large_undo(const kin__ring *ring)
{
    uint64_t word = atomic_load_explicit(&ring->ends->large, memory_order_relaxed);
    if (word != 0) {
        atomic_store_explicit(&ring->ends->large_gone, word, memory_order_release);
        atomic_store_explicit(&ring->ends->large, 0, memory_order_release);
        free_gone(ring);
    }
}

/* ---- consumers ---- */

/* The block that the word names, if it is allocated, and the bytes that it has for a message. */
static kin__large *block_of(const kin__ring *ring, uint64_t word, uint64_t *room)
{
    kin_family *family = ring->seat->family;
    uint64_t size, offset = kin__block_offset(word);
    uint32_t generation;
    bool sound = kin__heap_generation(family, offset, &generation, &size) == KIN_OK &&
                 generation == kin__block_generation(word) && size >= sizeof(kin__large);
    *room = sound ? size - sizeof(kin__large) : 0;
    return sound ? kin__at(family, offset, size, 16) : NULL;
}

bool kin__large_open(const kin__ring *ring, kin__record *record, kin__large **out, uint64_t *size)
{
    uint64_t room;
    uint32_t units = atomic_load_explicit(&record->units, memory_order_relaxed);
    *out = units >= KIN__LARGE_UNITS
               ? block_of(ring, atomic_load_explicit(word_of(record), memory_order_relaxed), &room)
               : NULL;
    *size = *out ? atomic_load_explicit(&(*out)->size, memory_order_relaxed) : 0;
    return *out && *size <= room;
}

bool kin__large_free(const kin__ring *ring, kin__record *record)
{
    if (!kin__record_is_large(record) ||
        atomic_load_explicit(&record->units, memory_order_relaxed) < KIN__LARGE_UNITS) {
        return true;
    }
    return kin__heap_give(ring->seat, atomic_load_explicit(word_of(record), memory_order_relaxed)) != KIN_E_BUSY;
}

/* ---- in place ---- */

kin__record *kin__large_record(const kin__ring *ring, const void *memory)
{
    kin_family *family = ring->seat->family;
    uint64_t offset = kin__offset(family, memory) - sizeof(kin__large);
    const uint64_t end = (uint64_t)ring->units * KIN__UNIT;
    kin__large *large = kin__family_at(memory) == family ? kin__at(family, offset, sizeof *large, 16) : NULL;
    uint64_t place = large ? atomic_load_explicit(&large->place, memory_order_relaxed) : end;
    if (place >= end || place % KIN__UNIT != 0 || end - place < (uint64_t)KIN__LARGE_UNITS * KIN__UNIT) {
        return NULL;
    }
    kin__record *record = (kin__record *)(void *)(ring->records + place);
    uint64_t word = atomic_load_explicit(word_of(record), memory_order_relaxed);
    return kin__record_is_large(record) && kin__block_offset(word) == offset ? record : NULL;
}
