/* thread_slot.c: a thread's place in each family: its slot in the arena, its token, its native semaphore.
 *
 * 1. A thread has one record with a seat for each family. Its thread pointer leads to the seat that it used last. The
 *    fast paths look only at that one.
 * 2. Seats do not move. So a caller keeps the address of its seat while a callback or a signal handler uses another
 *    family.
 * 3. Records lie in memory that fork wipes. So a child finds its thread's record empty, and joins.
 * 4. The bits that say which records are used lie in other memory, because after a bare clone the child's thread still
 *    uses its record.
 * 5. A thread that closes a family empties the seats of all threads in that family. These threads may be taking a seat
 *    in another family meanwhile. So taking and emptying are under the record's mutex.
 * 6. Finding a seat takes no mutex, so a signal handler can find a seat while its thread takes another one. It reads
 *    only the base, and no thread may use a family that is being closed.
 */
#include "family/thread_slot.h"

#include "base/hooks.h"
#include "base/last_error.h"
#include "base/mutex.h"
#include "family/join.h"
#include "family/member.h"
#include "family/reap.h"

typedef struct record {
    kin__seat seats[KIN__FAMILIES];
    kin__mutex mutex;
    kin__interrupt interrupt;
} record;

#define CHUNKS 512u
#define CHUNK_RECORDS 64u
#define PATIENCE KIN_SECONDS(1) /* after a bare clone the mutex may be held by a thread that is not there */

static record *_Atomic chunks[CHUNKS];
static _Atomic uint64_t used[CHUNKS]; /* bit by record */

/* A seat that was never taken has number 0, and is the first. */
static record *record_of(kin__seat *seat)
{
    return (record *)(void *)(seat - seat->number);
}

static record *claim_in(uint32_t chunk, record *records)
{
    for (uint32_t i = 0; i < CHUNK_RECORDS; i++) {
        uint64_t bit = UINT64_C(1) << i;
        if ((atomic_load(&used[chunk]) & bit) == 0 && (atomic_fetch_or(&used[chunk], bit) & bit) == 0) {
            return &records[i];
        }
    }
    return NULL;
}

static void give_back(const record *mine)
{
    for (uint32_t i = 0; i < CHUNKS && atomic_load(&chunks[i]); i++) {
        const record *records = atomic_load(&chunks[i]);
        if (mine >= records && mine < records + CHUNK_RECORDS) {
            atomic_fetch_and(&used[i], ~(UINT64_C(1) << (mine - records)));
        }
    }
}

static kin_status chunk_at(record **out, uint32_t index)
{
    record *records = atomic_load(&chunks[index]);
    if (!records) {
        void *memory;
        kin_status status = kin_os_private_alloc(&memory, CHUNK_RECORDS * sizeof(record));
        if (status != KIN_OK) {
            return status;
        }
        if (atomic_compare_exchange_strong(&chunks[index], &records, (record *)memory)) {
            records = memory;
        } else {
            kin_os_private_free(memory, CHUNK_RECORDS * sizeof(record));
        }
    }
    *out = records;
    return KIN_OK;
}

static kin_status record_of_thread(record **out)
{
    kin__seat *last = kin_os_thread_get();
    if (last) {
        *out = record_of(last);
        return KIN_OK;
    }
    kin_status status = kin__hooks_install(); /* the thread's pointer, and its end */
    for (uint32_t i = 0; i < CHUNKS && status == KIN_OK; i++) {
        record *records;
        status = chunk_at(&records, i);
        if (status != KIN_OK) {
            return status;
        }
        record *mine = claim_in(i, records);
        if (mine) {
            kin_os_thread_set(&mine->seats[0]);
            *out = mine;
            return KIN_OK;
        }
    }
    return status != KIN_OK
               ? status
               : kin__refuse(KIN_E_LIMIT, "this process has more threads that use kin than it can keep records of");
}

/* ---- thread entries ---- */

static bool claim_entry(kin_family *family, uint32_t index, kin__seat *seat)
{
    kin__thread *thread = kin__thread_at(family, index);
    uint64_t lease = atomic_load_explicit(&thread->lease, memory_order_relaxed);
    uint64_t generation = (lease >> 24) + 1;
    uint64_t mine = generation << 24 | (uint64_t)family->self->index << 8 | KIN__LIVE;
    if ((lease & 0xff) != KIN__FREE) {
        return false;
    }
    kin__cover_index(&family->arena->thread_end, index);
    if (!atomic_compare_exchange_strong(&thread->lease, &lease, mine)) {
        return false;
    }
    atomic_store_explicit(&family->self->seated, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < KIN__READING; i++) {
        atomic_store(&thread->reading[i], 0); /* what the entry's last holder read */
    }
    seat->token = kin__token(generation, index);
    seat->thread = thread;
    seat->family = family;
    seat->has_sem = false;
    seat->watched = 0;
    seat->looked_at = 0;
    atomic_store_explicit(&seat->base, (uint64_t)(uintptr_t)family->base, memory_order_relaxed);
    return true;
}

/* The entry that was freed last, else the lowest: others keep a semaphore for each index that they ever woke. */
static bool claim_any_entry(kin_family *family, kin__seat *seat)
{
    uint32_t count = family->layout.max_threads;
    uint32_t hint = atomic_load_explicit(&family->arena->thread_hint, memory_order_relaxed);
    if (hint < count && claim_entry(family, hint, seat)) {
        return true;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (claim_entry(family, i, seat)) {
            return true;
        }
    }
    return false;
}

static void free_entry(kin__seat *seat)
{
    kin__thread *thread = seat->thread;
    uint32_t index = kin__token_index(seat->token);
    if (seat->has_sem) {
        kin_os_sem_retire(seat->sem, &thread->place, &seat->family->access);
    }
    kin__hooks.slot_left(seat->family, index);
    /* A hint to take this entry again: its native semaphore and its cache lines are warm. */
    atomic_store_explicit(&seat->family->arena->thread_hint, index, memory_order_relaxed);
    uint64_t generation = kin__token_generation(seat->token);
    uint64_t mine = atomic_load(&thread->lease);
    if (mine >> 24 == generation) {
        atomic_compare_exchange_strong(&thread->lease, &mine, generation << 24 | KIN__FREE);
    }
    atomic_store_explicit(&seat->base, 0, memory_order_relaxed);
}

/* ---- records ---- */

static void lock_record(record *of)
{
    kin__mutex_lock(&of->mutex, kin_os_now() + PATIENCE);
}

static kin__seat *find_base(record *of, uint64_t base)
{
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        if (atomic_load_explicit(&of->seats[i].base, memory_order_relaxed) == base) {
            return &of->seats[i];
        }
    }
    return NULL;
}

static kin__seat *find_seat(record *of, const kin_family *family)
{
    return find_base(of, (uint64_t)(uintptr_t)family->base);
}

static kin_status no_slot(void)
{
    return kin__refuse(KIN_E_LIMIT, "the family has no free thread slot: raise options.max_threads when it is created");
}

static bool claim_seat(record *mine, kin_family *family)
{
    lock_record(mine);
    kin__seat *empty = find_base(mine, 0);
    if (empty) {
        empty->number = (uint8_t)(empty - mine->seats);
    }
    bool claimed = find_seat(mine, family) || (empty && claim_any_entry(family, empty));
    kin__mutex_unlock(&mine->mutex);
    return claimed;
}

static kin_status claim_entry_or_make_room(kin_family *family, kin__seat *seat)
{
    for (int tries = 0; !claim_any_entry(family, seat); tries++) {
        if (!kin__make_room(family, tries)) {
            return no_slot();
        }
    }
    return KIN_OK;
}

kin_status kin__seat_take_extra(kin__seat *out, kin_family *family)
{
    int held = kin_os_cancel_hold();
    kin_status status = kin__member_join(family);
    if (status == KIN_OK) {
        status = claim_entry_or_make_room(family, out);
    }
    kin_os_cancel_release(held);
    return status;
}

void kin__seat_leave_extra(kin__seat *seat)
{
    free_entry(seat);
}

/* The thread is not cancelled in here: to join takes system calls that are cancellation points, and others wait for the
 * thread that joins. */
static kin_status sit_down(record *mine, kin_family *family)
{
    int held = kin_os_cancel_hold();
    kin_status status = kin__member_join(family);
    /* Making room may itself need the seat, and take it. */
    for (int tries = 0; status == KIN_OK && !claim_seat(mine, family); tries++) {
        status = kin__make_room(family, tries) ? KIN_OK : no_slot();
    }
    if (status == KIN_OK) {
        kin_os_pulse_share(&family->pulse, family->self->index);
    }
    kin_os_cancel_release(held);
    return status;
}

kin_status kin__seat_take(kin__seat **out, kin_family *family)
{
    record *mine;
    kin_status status = record_of_thread(&mine);
    if (status != KIN_OK) {
        return status;
    }
    kin__seat *seat = find_seat(mine, family);
    if (!seat) {
        status = sit_down(mine, family);
        if (status != KIN_OK) {
            return status;
        }
        seat = find_seat(mine, family);
    }
    if (kin_os_thread_get() != seat) {
        kin_os_thread_set(seat);
    }
    *out = seat;
    return KIN_OK;
}

kin_status kin__seat_find(kin__seat **out, const void *p, uint32_t type)
{
    kin__seat *seat = kin__seat_fast(p, type);
    if (seat) {
        *out = seat;
        return KIN_OK;
    }
    kin_family *family = kin__family_at(p);
    if (!family) {
        return kin__not_shared();
    }
    if (atomic_load(&((kin__object *)(uintptr_t)p)->tag) != KIN__TAG(type, kin__offset(family, p))) {
        return kin__wrong_type();
    }
    return kin__seat_take(out, family);
}

/* family NULL: all. */
static void leave_seats(record *of, const kin_family *family)
{
    lock_record(of);
    kin__interrupt_settle(&of->interrupt); /* its thread sleeps by none of these semaphores any more */
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin__seat *seat = &of->seats[i];
        if (atomic_load_explicit(&seat->base, memory_order_relaxed) != 0 && (!family || seat->family == family)) {
            free_entry(seat);
        }
    }
    kin__mutex_unlock(&of->mutex);
}

void kin__seats_leave_thread(void *value)
{
    record *mine = record_of(value);
    leave_seats(mine, NULL);
    kin__interrupt_close(&mine->interrupt);
    give_back(mine);
}

void kin__seats_leave(void)
{
    void *mine = kin_os_thread_get();
    if (mine) {
        kin_os_thread_set(NULL);
        kin__seats_leave_thread(mine);
    }
}

void kin__seats_after_fork(void)
{
    kin_os_thread_set(NULL); /* what it leads to is wiped, and another thread might take it */
    for (uint32_t i = 0; i < CHUNKS && atomic_load(&chunks[i]); i++) {
        atomic_store(&used[i], 0);
    }
}

void kin__seats_forget(kin_family *family)
{
    for (uint32_t i = 0; i < CHUNKS && atomic_load(&chunks[i]); i++) {
        for (uint32_t k = 0; k < CHUNK_RECORDS; k++) {
            leave_seats(&atomic_load(&chunks[i])[k], family);
        }
    }
}

/* ---- interrupts ---- */

_Static_assert(CHUNKS *CHUNK_RECORDS <= 65536, "the index of a record has 16 bits");

static kin__interrupt *named(kin__interrupt *it)
{
    return atomic_load_explicit(&it->number, memory_order_relaxed) != 0 ? it : NULL;
}

kin__interrupt *kin__interrupt_of(kin__seat *seat)
{
    return named(&record_of(seat)->interrupt);
}

kin__interrupt *kin__interrupt_mine(void)
{
    kin__seat *last = kin_os_thread_get();
    return last ? kin__interrupt_of(last) : NULL;
}

kin_status kin__interrupt_make(kin__interrupt **out, uint32_t *index)
{
    record *mine;
    kin_status status = record_of_thread(&mine);
    if (status != KIN_OK) {
        return status;
    }
    for (uint32_t i = 0; i < CHUNKS && atomic_load(&chunks[i]); i++) {
        const record *records = atomic_load(&chunks[i]);
        if (mine >= records && mine < records + CHUNK_RECORDS) {
            *index = i * CHUNK_RECORDS + (uint32_t)(mine - records);
        }
    }
    *out = &mine->interrupt;
    return KIN_OK;
}

kin__interrupt *kin__interrupt_at(uint32_t index)
{
    record *records = index < CHUNKS * CHUNK_RECORDS ? atomic_load(&chunks[index / CHUNK_RECORDS]) : NULL;
    return records ? &records[index % CHUNK_RECORDS].interrupt : NULL;
}
