/* container.h: what kin_dict and kin_list have in common: a lock for writers, a table of block words (heap.h), and
 * notes that a writer makes so that its death leaks nothing. Protocol: container.c. */
#ifndef KIN_CONTAINER_H
#define KIN_CONTAINER_H

#include "base/last_error.h"
#include "base/racing.h"
#include "family/input.h"
#include "family/reader.h"
#include "kin/snapshot.h"
#include "memory/heap.h"
#include "memory/object.h"
#include "park/owner_lock.h"

#include <string.h>

typedef struct kin__entry { /* written before its word is published, then never changed */
    _Atomic uint32_t key_size, value_size;
    char bytes[]; /* the key, a gap up to a multiple of 8, the value */
} kin__entry;

typedef struct kin__found { /* an entry whose bounds are checked; by now its bytes may be another entry's */
    const kin__entry *entry;
    const char *value;
    uint32_t key_size, value_size;
} kin__found;

typedef struct kin__words { /* of a part of a table; those that name no entry are KIN__NO_ENTRY or 0 */
    char *first;
    uint64_t count, step; /* bytes from one to the next */
    uint64_t block;       /* the word of the block that they lie in */
} kin__words;

#define KIN__NO_ENTRY UINT64_C(1)

typedef struct kin__kind {
    kin_type type;
    /* How many parts a table has; 0: none, or it is damaged. */
    uint64_t (*parts)(kin_family *family, uint64_t root);
    /* The words of a part, none if it is one with the part before; false: it is damaged. */
    bool (*words)(kin_family *family, uint64_t root, uint64_t part, kin__words *out);
    /* Whether that block belongs to the table and is not an entry. */
    bool (*has_block)(kin_family *family, uint64_t root, uint64_t word);
    /* The words among which an entry in doubt is, if the container has it; false: it has none there. NULL: any. */
    bool (*doubtful)(kin_family *family, kin__container *it, kin__words *out);
    void (*repair)(kin_family *family, kin__container *it); /* after a death, before doubts are cleared; or NULL */
    bool tables; /* the notes ..._TOO name whole tables: freeing one frees its parts, too, but no entry */
} kin__kind;

typedef struct kin__words_walk {
    kin_family *family;
    const kin__kind *kind;
    uint64_t root, part, parts;
    uint64_t left;    /* of words: there cannot be more in the arena */
    kin__words words; /* of this part */
    bool damaged;     /* so is this part, or one before, and has no words */
} kin__words_walk;

/* All words of a table, part by part. Asks the system once how much of the arena there is. */
kin__words_walk kin__words_of(kin_family *family, const kin__kind *kind, uint64_t root);
bool kin__words_next(kin__words_walk *walk);

kin_status kin__container_create(void *out, kin_family *family, const kin__kind *kind);
kin_status kin__container_destroy(void *p, const kin__kind *kind);
kin_status kin__container_open(kin__seat **out, const void *p, const kin__kind *kind);
/* For a call that reads without the lock. The seat may be one that only reads (family/reader.h). Such a one must not
 * enter. */
kin_status kin__container_open_to_read(kin__seat **out, const void *p, const kin__kind *kind);

/* How often the container at p has changed: kin_dict_generation. */
kin_status kin__container_generation(const void *p, const kin__kind *kind, uint64_t *generation);
/* Waits until that number differs from `generation`: kin_dict_wait. Protocol: changes.c. */
kin_status kin__container_wait(void *p, const kin__kind *kind, uint64_t generation, int64_t timeout);
/* For a wait for several objects; see look.h: whether that number differs from `known`. */
uint32_t kin__container_look(kin__look *how, kin__container *it, const kin__kind *kind, uint64_t known,
                             uint32_t interest);

/* Whether a block is in doubt. If no change is being made, that is a block that could not be freed. */
static inline bool kin__container_in_doubt(kin__container *it)
{
    uint64_t any = atomic_load_explicit(&it->dropped, memory_order_relaxed);
    any |= atomic_load_explicit(&it->doubts[KIN__ENTRY_MADE], memory_order_relaxed);
    any |= atomic_load_explicit(&it->doubts[KIN__TABLE_MADE], memory_order_relaxed);
    any |= atomic_load_explicit(&it->doubts[KIN__TABLE_MADE_TOO], memory_order_relaxed);
    any |= atomic_load_explicit(&it->doubts[KIN__ENTRY_GONE], memory_order_relaxed);
    any |= atomic_load_explicit(&it->doubts[KIN__TABLE_GONE], memory_order_relaxed);
    any |= atomic_load_explicit(&it->doubts[KIN__TABLE_GONE_TOO], memory_order_relaxed);
    _Static_assert(KIN__DOUBTS == 6, "each is looked at; a loop would not be unrolled");
    return any != 0;
}

/* Values of `watched`, which changes only under the lock. */
enum { KIN__NOT_WATCHED, KIN__WATCHED, KIN__CHANGE_TOLD };

/* status: the result of acquiring the lock. */
kin_status kin__container_enter_slowly(kin__seat *seat, kin__container *it, const kin__kind *kind, kin_status status);
/* Acquires the lock, and repairs the container after a dead holder. Errors: those of kin_lock_acquire; KIN_E_BUSY. */
static inline kin_status kin__container_enter_for(kin__seat *seat, kin__container *it, const kin__kind *kind,
                                                  int64_t timeout)
{
    kin_status status = kin__lock_acquire(seat, &it->lock, timeout);
    return status == KIN_OK && !kin__container_in_doubt(it) ? KIN_OK
                                                            : kin__container_enter_slowly(seat, it, kind, status);
}
void kin__container_leave_and_wake(kin__seat *seat, kin__container *it);
static inline void kin__container_leave(kin__seat *seat, kin__container *it)
{
    if (atomic_load_explicit(&it->watched, memory_order_relaxed) == KIN__CHANGE_TOLD) {
        kin__container_leave_and_wake(seat, it);
    } else {
        kin__lock_release(seat, &it->lock);
    }
}
kin_status kin__container_clear(kin__seat *seat, kin__container *it, const kin__kind *kind);
static inline kin_status kin__container_enter(kin__seat *seat, kin__container *it, const kin__kind *kind)
{
    return kin__container_enter_for(seat, it, kind, KIN_FOREVER);
}

/* ---- for the lock's holder ---- */

void kin__container_tell(kin__container *it, uint64_t generation);
/* To be called after each change is published. */
static inline void kin__container_changed(kin__container *it)
{
    uint64_t next = atomic_load_explicit(&it->generation, memory_order_relaxed) + 1;
    if (atomic_load_explicit(&it->watched, memory_order_relaxed) != KIN__NOT_WATCHED) {
        kin__container_tell(it, next);
    } else {
        atomic_store_explicit(&it->generation, next, memory_order_release);
    }
}

/* Removes all entries at one moment, and frees them and the table. */
void kin__container_drop(kin__seat *seat, kin__container *it, const kin__kind *kind);
/* Allocates a block. It is in doubt until settle or undo. */
kin_status kin__container_take(void **out, kin__seat *seat, kin__container *it, kin__doubt doubt, uint64_t size);
static inline uint64_t kin__container_taken(kin__container *it, kin__doubt doubt)
{
    return atomic_load_explicit(&it->doubts[doubt], memory_order_relaxed);
}
/* To be called before a block is taken out of the container. */
static inline void kin__container_doubt(kin__container *it, kin__doubt doubt, uint64_t word)
{
    atomic_store(&it->doubts[doubt], word);
}
/* To be called after a change is published. The entry that was made is now part of the container; the one that is gone
 * is freed. */
void kin__container_settle_entry(kin__seat *seat, kin__container *it);
/* The same for tables and their parts. An entry stays in doubt. */
void kin__container_settle_tables(kin__seat *seat, kin__container *it, const kin__kind *kind);
/* To be called if the change is not published. Blocks that were made are freed. */
void kin__container_undo(kin__seat *seat, kin__container *it, const kin__kind *kind);
/* Whether a table or a part that is gone can be noted. That needs the note of the one before, which must be freed. */
static inline bool kin__container_notes_are_free(kin__container *it)
{
    return (kin__container_taken(it, KIN__TABLE_GONE) | kin__container_taken(it, KIN__TABLE_GONE_TOO)) == 0;
}

/* ---- entries ---- */

static inline uint64_t kin__value_at(uint64_t key_size)
{
    return (key_size + 7) / 8 * 8;
}

static inline uint64_t kin__entry_size(uint64_t key_size, uint64_t value_size)
{
    return sizeof(kin__entry) + kin__value_at(key_size) + value_size;
}

/* Makes an entry, in doubt as KIN__ENTRY_MADE. value NULL: the value's bytes are not written. */
kin_status kin__entry_make(kin__entry **out, kin__seat *seat, kin__container *it, const void *key, size_t key_size,
                           const void *value, size_t value_size);
/* Finds the entry that a word names; false: there can be none. */
static inline bool kin__entry_open(kin_family *family, uint64_t word, kin__found *out)
{
    uint64_t offset = kin__block_offset(word);
    kin__entry *entry = kin__at(family, offset, sizeof(kin__entry), 16);
    if (!entry) {
        return false;
    }
    out->entry = entry;
    out->key_size = kin__load_racing32(&entry->key_size, memory_order_relaxed);
    out->value_size = kin__load_racing32(&entry->value_size, memory_order_relaxed);
    out->value = entry->bytes + kin__value_at(out->key_size);
    return kin__family_covers(family, offset, kin__entry_size(out->key_size, out->value_size));
}

/* The value for a caller: KIN_E_BUFFER, with *size, if it is longer than capacity. */
static inline kin_status kin__entry_copy(const kin__found *found, void *buffer, size_t capacity, size_t *size)
{
    if (size) {
        *size = found->value_size;
    }
    if (found->value_size > capacity) {
        return kin__buffer_short("value", found->value_size, capacity);
    }
    if (found->value_size > 0) {
        kin__copy_racing(buffer, found->value, found->value_size);
    }
    return KIN_OK;
}

#endif
