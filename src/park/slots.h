/* slots.h: wait slots, and the buckets in which they are found, for the park's own files. Protocol: park.c. */
#ifndef KIN_SLOTS_H
#define KIN_SLOTS_H

#include "family/member.h"

/* ---- a slot's state: sequence (62 bits) | phase ---- */

#define KIN__SLOT_IDLE 0u
#define KIN__SLOT_WAIT 1u
#define KIN__SLOT_WOKEN 2u
#define KIN__SLOT_TOLD 3u
#define KIN__SLOT_PHASE(state) ((state)&3u)

static inline uint64_t kin__slot_state(uint64_t sequence_of, uint32_t phase)
{
    return (sequence_of & ~UINT64_C(3)) | phase;
}

/* Of the next wait. */
static inline uint64_t kin__slot_next(uint64_t sequence_of, uint32_t phase)
{
    return kin__slot_state(sequence_of + 4, phase);
}

/* The slot's address while its thread watches several words. */
#define KIN__WATCHING UINT64_C(1)

/* ---- buckets: which slots wait on words with this hash; a bitmap each ---- */

static inline uint32_t kin__bucket_number(uint64_t address)
{
    uint64_t hash = (address >> 3) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(hash >> 58);
}

static inline _Atomic uint64_t *kin__bucket_at(const kin_family *family, uint32_t number)
{
    uint64_t words = family->layout.max_threads / 64;
    return (_Atomic uint64_t *)kin__pointer(family, family->layout.buckets) + number * words;
}

/* Of bits, not 0. The lowest bit alone shifts the constant: its six highest bits are another number for each shift. */
static inline uint32_t kin__lowest_bit(uint64_t bits)
{
    static const uint8_t numbers[64] = {0,  1,  48, 2,  57, 49, 28, 3,  61, 58, 50, 42, 38, 29, 17, 4,
                                        62, 55, 59, 36, 53, 51, 43, 22, 45, 39, 33, 30, 24, 18, 12, 5,
                                        63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21, 44, 32, 23, 11,
                                        46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,  13, 8,  7,  6};
    return numbers[((bits & (~bits + 1)) * UINT64_C(0x03f79d71b4cb0a89)) >> 58];
}

/* ---- going through the slots of one bucket ---- */

typedef struct kin__slot_walk {
    _Atomic uint64_t *bucket;
    uint32_t word, words, threads;
    uint64_t bits; /* of this word, still to come */
} kin__slot_walk;

static inline kin__slot_walk kin__slots_of(const kin_family *family, uint64_t address)
{
    _Atomic uint64_t *bucket = kin__bucket_at(family, kin__bucket_number(address));
    uint32_t words = (kin__thread_end(family) + 63) / 64;
    return (kin__slot_walk){bucket, 0, words, family->layout.max_threads, atomic_load(bucket)};
}

static inline bool kin__slot_next_of(kin__slot_walk *it, uint32_t *index)
{
    while (it->bits == 0) {
        if (++it->word >= it->words) {
            return false;
        }
        it->bits = atomic_load(&it->bucket[it->word]);
    }
    *index = it->word * 64 + kin__lowest_bit(it->bits);
    it->bits &= it->bits - 1;
    return *index < it->threads;
}

typedef struct kin__sleeper { /* a slot as it was seen */
    uint64_t state, address, ticket;
    uint32_t index, want;
} kin__sleeper;

/* The state first: what else is read is of the same wait, or of a later one, in which a change of that state fails. */
static inline kin__sleeper kin__slot_look(const kin_family *family, uint32_t index)
{
    kin__thread *thread = kin__thread_at(family, index);
    kin__sleeper seen = {.index = index, .state = atomic_load(&thread->state)};
    seen.want = atomic_load_explicit(&thread->want, memory_order_relaxed);
    seen.ticket = atomic_load_explicit(&thread->ticket, memory_order_relaxed);
    seen.address = atomic_load(&thread->address);
    return seen;
}

/* Whether the thread that has the slot by that lease lives, as far as the system can tell. */
static inline bool kin__slot_alive(kin_family *family, uint32_t index, uint64_t lease)
{
    return kin__token_alive(family, kin__token(kin__lease_generation(lease), index));
}

/* Whether the slot was still in that state; then it is in `to`. */
static inline bool kin__slot_move(kin_family *family, const kin__sleeper *seen, uint64_t to)
{
    uint64_t state = seen->state;
    return atomic_compare_exchange_strong(&kin__thread_at(family, seen->index)->state, &state, to);
}

#endif
