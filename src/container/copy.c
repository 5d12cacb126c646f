/* copy.c: copies one entry without the lock. While it is copied, the entry may be freed and its memory used for
 * something else. So the reader copies first. Then it checks that the block is still the one that the word names. Block
 * words are never used again.
 *
 *     reader:  load the sizes; look at the block's tag; copy; fence (acquire); look at the tag again
 *     writer:  take the word out of the table; change the tag; another thread allocates the block and writes to it
 *
 * If the copy has bytes of the block's next owner, the tag was changed before them, and the second look finds it. The
 * first look compares the sizes with the block's size, so no memory is allocated for garbage.
 *
 * An entry that was copied so was in the container when its word was read, or a moment before or after that: its block
 * is freed only after the entry was taken out.
 */
#include "container/copy.h"

#include "base/last_error.h"
#include "memory/heap.h"

#include <stdlib.h>

static kin_status make_room(kin__copy *it, size_t size)
{
    if (size <= it->room) {
        return KIN_OK;
    }
    char *larger = realloc(it->bytes, 2 * size);
    if (!larger) {
        return kin__malloc_failed();
    }
    it->bytes = larger;
    it->room = 2 * size;
    return KIN_OK;
}

kin_status kin__copy_entry(kin__copy *out, kin_family *family, uint64_t word)
{
    kin__found found;
    uint32_t generation = 0;
    uint64_t size = 0;
    bool sound = kin__entry_open(family, word, &found);
    atomic_thread_fence(memory_order_acquire);
    bool live = kin__heap_generation(family, kin__block_offset(word), &generation, &size) == KIN_OK;
    if (!live || generation != kin__block_generation(word)) {
        return KIN_E_BUSY;
    }
    if (!sound || kin__entry_size(found.key_size, found.value_size) > size) {
        return KIN_E_DAMAGED;
    }
    kin_status status = make_room(out, (size_t)(kin__value_at(found.key_size) + found.value_size + 1));
    if (status == KIN_OK) {
        kin__copy_racing(out->bytes, found.entry->bytes, found.key_size);
        kin__copy_racing(out->bytes + kin__value_at(found.key_size), found.value, found.value_size);
        out->key_size = found.key_size;
        out->value_size = found.value_size;
        atomic_thread_fence(memory_order_acquire);
        status = kin__heap_has(family, word) ? KIN_OK : KIN_E_BUSY;
    }
    return status;
}
