#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "family/member.h"
#include "park/owner_lock.h"
#include "park/read_holds.h"
#include "park/slices.h"

#define WRITERS KIN__RW_WRITERS
#define READERS KIN__RW_READERS
#define DRAINING KIN__RW_DRAINING

typedef struct table {
    kin_rwlock lock;
    kin_rwlock other;
    kin_sem told;
    kin_sem go;
    kin_sem stop;
    int64_t a, b; /* equal, except while a writer is inside */
    int64_t c;    /* under `other` */
    int64_t read, written;
    int rounds;
    _Atomic int64_t turns, wrong, repaired, told_of_death;
    _Atomic int64_t readers, most, deadline;
} table;

static table *new_table(void)
{
    table *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    memset(it, 0, sizeof *it);
    assert_ok(kin_rwlock_init(&it->lock));
    assert_ok(kin_rwlock_init(&it->other));
    assert_ok(kin_sem_init(&it->stop, 0, 0));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    return it;
}

static kin_process *start_with(const char *entry, table *it)
{
    kin_args *args = new_args();
    give(args, "table", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* ---- children ---- */

static int child_read(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 3000; i++) {
        CHECK(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE) == KIN_OK);
        CHECK(it->a == it->b);
        CHECK(kin_rwlock_release(&it->lock) == KIN_OK);
    }
    return 0;
}

static int child_write(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 1000; i++) {
        CHECK(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE) == KIN_OK);
        it->a++;
        it->b++;
        CHECK(kin_rwlock_release(&it->lock) == KIN_OK);
    }
    return 0;
}

static int hold(const kin_args *args, kin_rwlock_mode access)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it && kin_rwlock_acquire(&it->lock, access, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    CHECK(kin_rwlock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_hold_reading(const kin_args *args)
{
    return hold(args, KIN_RWLOCK_READ);
}

static int child_hold_writing(const kin_args *args)
{
    return hold(args, KIN_RWLOCK_WRITE);
}

/* Begins to change, and is killed. */
static int child_tear(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it && kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE) == KIN_OK);
    it->a++;
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    return 0;
}

/* Takes over from one that was killed, and is killed before it repairs. */
static int child_inherit(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it && kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE) == KIN_OWNER_DIED);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    return 0;
}

/* ---- threads ---- */

enum { CROWD = 100, TRIERS = 4 };

/* In a thread: CHECK's kind, for what gives no exit code. */
#define EXPECT(it, expression)                                                                                         \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #expression);                                           \
            atomic_fetch_add(&(it)->wrong, 1);                                                                         \
        }                                                                                                              \
    } while (0)

static void read_with_the_crowd(void *argument)
{
    table *it = argument;
    EXPECT(it, kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE) == KIN_OK);
    EXPECT(it, kin_sem_release(&it->told, 1) == KIN_OK && kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
}

/* Gives up soon, perhaps just when it is woken. */
static void write_with_a_deadline(void *argument)
{
    table *it = argument;
    atomic_store(&it->deadline, now_ns() + KIN_MS(20));
    kin_status status = kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_MS(20));
    EXPECT(it, status == KIN_OK || status == KIN_E_TIMED_OUT);
    EXPECT(it, status != KIN_OK || kin_rwlock_release(&it->lock) == KIN_OK);
}

static void write_once(void *argument)
{
    table *it = argument;
    EXPECT(it, kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE) == KIN_OK);
    it->written = atomic_fetch_add(&it->turns, 1) + 1;
    EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
}

static void read_once(void *argument)
{
    table *it = argument;
    EXPECT(it, kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE) == KIN_OK);
    it->read = atomic_fetch_add(&it->turns, 1) + 1;
    EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
}

static int child_crowd(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < CROWD; i++) {
        CHECK(begin_thread(read_with_the_crowd, it));
    }
    CHECK(kin_sem_acquire(&it->stop, 1, PATIENCE) == KIN_OK);
    return 0;
}

static void stay(void *argument)
{
    table *it = argument;
    kin_sem_release(&it->told, 1);
    kin_sem_acquire(&it->go, 1, PATIENCE);
}

/* Has as many thread entries as the crowd, and reads nothing. */
static int child_sit(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < CROWD; i++) {
        CHECK(begin_thread(stay, it));
    }
    CHECK(kin_sem_acquire(&it->stop, 1, PATIENCE) == KIN_OK);
    return 0;
}

/* Tries, with little patience, until it has been inside. */
static void try_to_enter(void *argument)
{
    table *it = argument;
    unsigned seed = (unsigned)atomic_fetch_add(&it->turns, 1);
    for (unsigned n = seed; atomic_load(&it->repaired) == 0; n++) {
        kin_rwlock_mode access = n % 3 == 0 ? KIN_RWLOCK_WRITE : KIN_RWLOCK_READ;
        kin_status status = kin_rwlock_acquire(&it->lock, access, n % 2 ? KIN_NOW : KIN_US(20 * (n % 7)));
        if (status == KIN_OWNER_DIED) {
            atomic_fetch_add(&it->told_of_death, 1);
            it->b = it->a;
            EXPECT(it, kin_rwlock_repair(&it->lock) == KIN_OK);
            atomic_store(&it->repaired, 1);
        }
        EXPECT(it, status == KIN_E_TIMED_OUT || (status >= 0 && it->a == it->b));
        EXPECT(it, status < 0 || kin_rwlock_release(&it->lock) == KIN_OK);
    }
}

static void read_until_poisoned(void *argument)
{
    table *it = argument;
    kin_status status;
    while ((status = kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE)) == KIN_OK) {
        EXPECT(it, it->a == 0);
        EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
    }
    EXPECT(it, status == KIN_E_POISONED);
}

static void linger(int pauses)
{
    for (int i = 0; i < pauses; i++) {
        kin_os_cpu_relax();
    }
}

/* Nothing but coming and going. */
static void hurry(table *it, kin_rwlock_mode access)
{
    for (int i = 0; i < it->rounds; i++) {
        EXPECT(it, kin_rwlock_acquire(&it->lock, access, PATIENCE) == KIN_OK);
        EXPECT(it, it->a == it->b);
        if (access == KIN_RWLOCK_WRITE) {
            it->a++;
            it->b++;
        }
        EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
    }
}

static void hurry_reading(void *argument)
{
    hurry(argument, KIN_RWLOCK_READ);
}

static void hurry_writing(void *argument)
{
    hurry(argument, KIN_RWLOCK_WRITE);
}

/* Writers only, which sleep, and some of which go before they are woken, or just then. */
static void queue_for_writing(void *argument)
{
    table *it = argument;
    unsigned n = (unsigned)atomic_fetch_add(&it->turns, 1) * 7919;
    for (int i = 0; i < it->rounds; i++, n = n * 1103515245 + 12345) {
        kin_status status =
            kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, n >> 18 & 1 ? PATIENCE : KIN_US(n >> 20 & 255));
        if (status == KIN_OK) {
            it->a++;
            linger((int)(n >> 22 & 3) * 600);
            it->b++;
            EXPECT(it, it->a == it->b && kin_rwlock_release(&it->lock) == KIN_OK);
        } else {
            EXPECT(it, status == KIN_E_TIMED_OUT && (n >> 18 & 1) == 0);
        }
    }
}

/* Everything that does not kill, in two locks, always in the same order, so that there is no deadlock. */
static void mix(void *argument)
{
    table *it = argument;
    unsigned n = (unsigned)atomic_fetch_add(&it->turns, 1) * 7919;
    for (int i = 0; i < it->rounds; i++, n = n * 1103515245 + 12345) {
        kin_rwlock_mode access = n >> 16 & 3 ? KIN_RWLOCK_READ : KIN_RWLOCK_WRITE;
        kin_status status = kin_rwlock_acquire(&it->lock, access, n >> 18 & 3 ? PATIENCE : KIN_US(n >> 20 & 63));
        if (status == KIN_E_TIMED_OUT && (n >> 18 & 3) == 0) {
            continue;
        }
        EXPECT(it, status == KIN_OK && it->a == it->b);
        linger(n >> 22 & 15 ? 0 : 2000); /* until others sleep */
        if (access == KIN_RWLOCK_WRITE) {
            it->a++;
            kin_rwlock_acquire(&it->other, KIN_RWLOCK_WRITE, PATIENCE);
            it->c++;
            kin_rwlock_release(&it->other);
            it->b++;
        } else if (n >> 26 & 1) {
            EXPECT(it, kin_rwlock_acquire(&it->other, KIN_RWLOCK_READ, PATIENCE) == KIN_OK);
            EXPECT(it, it->c <= it->a);
            EXPECT(it, kin_rwlock_release(&it->other) == KIN_OK);
        }
        EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
    }
}

static void read_all_the_time(void *argument)
{
    table *it = argument;
    while (atomic_load(&it->repaired) == 0) {
        EXPECT(it, kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE) == KIN_OK);
        int64_t readers = atomic_fetch_add(&it->readers, 1) + 1;
        for (int i = 0; i < 1000 && atomic_load(&it->readers) < 2 && atomic_load(&it->repaired) == 0; i++) {
            kin_os_cpu_relax(); /* mostly until the next reader is inside */
        }
        atomic_store(&it->most, readers);
        atomic_fetch_sub(&it->readers, 1);
        EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
    }
}

static void write_all_the_time(void *argument)
{
    table *it = argument;
    while (atomic_load(&it->repaired) == 0) {
        EXPECT(it, kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE) == KIN_OK);
        it->a++;
        EXPECT(it, kin_rwlock_release(&it->lock) == KIN_OK);
    }
}

static kin__rwlock *inside_of(table *it)
{
    return (kin__rwlock *)&it->lock;
}

/* Until so many threads sleep on that word of the lock. */
static void await_sleepers(_Atomic uint64_t *word, uint32_t count)
{
    await_asleep((const void *)word, sizeof *word, count);
}

/* Waits until the lock's word has the flag, because a thread is about to sleep, or until it is too late for that. */
static void await_word(table *it, uint64_t flag, int64_t limit)
{
    int64_t end = now_ns() + limit;
    while ((atomic_load(&inside_of(it)->word) & flag) == 0 && now_ns() < end) {
        kin_os_cpu_relax();
    }
}

static void count_holder(uint64_t token, void *context)
{
    *(int *)context += token != 0;
}

static int count_holders(table *it)
{
    int count = 0;
    kin__rwlock_holders(kin__family_at(it), inside_of(it), count_holder, &count);
    return count;
}

static kin_process *start_holder(const char *entry, table *it)
{
    kin_process *process = start_with(entry, it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    return process;
}

/* ---- tests ---- */

static void readers_and_writers_exclude_each_other(void **state)
{
    (void)state;
    enum { READING = 3, WRITING = 2 };
    table *it = new_table();
    kin_process *children[READING + WRITING];
    for (int i = 0; i < READING + WRITING; i++) {
        children[i] = start_with(i < READING ? "read" : "write", it);
    }
    for (int i = 0; i < READING + WRITING; i++) {
        join_child(children[i], 0);
    }
    assert_true(it->a == WRITING * 1000 && it->b == it->a);
    assert_ok(kin_free(it));
}

static void readers_share_and_writers_do_not(void **state)
{
    (void)state;
    table *it = new_table();
    kin_process *first = start_holder("hold_reading", it), *second = start_holder("hold_reading", it);
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
    assert_ok(kin_rwlock_release(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_MS(60)), KIN_E_TIMED_OUT);
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW)); /* the writer that gave up is no obstacle */
    assert_ok(kin_rwlock_release(&it->lock));
    assert_ok(kin_sem_release(&it->go, 2));
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW), KIN_E_DEADLOCK);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW), KIN_E_DEADLOCK);
    assert_ok(kin_rwlock_release(&it->lock));
    assert_status(kin_rwlock_release(&it->lock), KIN_E_NOT_OWNER);
    join_child(first, 0);
    join_child(second, 0);
    assert_ok(kin_free(it));
}

static void reader_that_would_write_is_told(void **state)
{
    (void)state;
    table *it = new_table();
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE), KIN_E_DEADLOCK);
    assert_ok(kin_rwlock_release(&it->lock));
    assert_ok(kin_free(it));
}

static void waiting_writer_keeps_readers_out(void **state)
{
    (void)state;
    table *it = new_table();
    kin_process *reader = start_holder("hold_reading", it), *writer = start_with("hold_writing", it);
    int64_t end = now_ns() + PATIENCE;
    kin_status status = KIN_OK;
    while (status == KIN_OK && now_ns() < end) { /* until the writer waits */
        status = kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW);
        assert_true(status != KIN_OK || kin_rwlock_release(&it->lock) == KIN_OK);
    }
    assert_int_equal(status, KIN_E_TIMED_OUT);
    assert_ok(kin_sem_release(&it->go, 2));
    join_child(reader, 0);
    join_child(writer, 0);
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE));
    assert_ok(kin_rwlock_release(&it->lock));
    assert_ok(kin_free(it));
}

static void killed_reader_is_forgotten(void **state)
{
    (void)state;
    table *it = new_table();
    for (int i = 0; i < 10; i++) {
        kill_child(start_holder("hold_reading", it));
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE));
        assert_ok(kin_rwlock_release(&it->lock));
    }
    assert_ok(kin_free(it));
}

static void killed_writer_is_reported_once(void **state)
{
    (void)state;
    table *it = new_table();
    for (int i = 0; i < 10; i++) {
        kin_rwlock_mode access = i % 2 ? KIN_RWLOCK_READ : KIN_RWLOCK_WRITE;
        kill_child(start_holder("hold_writing", it));
        assert_status(kin_rwlock_acquire(&it->lock, access, PATIENCE), KIN_OWNER_DIED);
        assert_ok(kin_rwlock_repair(&it->lock));
        assert_ok(kin_rwlock_release(&it->lock));
        assert_ok(kin_rwlock_acquire(&it->lock, access, KIN_NOW));
        assert_ok(kin_rwlock_release(&it->lock));
    }
    assert_ok(kin_free(it));
}

/* Nobody joins them. */
static void those_who_find_the_dead_clean_up_after_them(void **state)
{
    (void)state;
    static const char *const holds[] = {"hold_reading", "hold_writing"};
    table *it = new_table();
    for (int i = 0; i < 2; i++) {
        uint32_t members = inspect_family().members;
        kin_process *dead = start_holder(holds[i], it);
        kill_unseen(dead);
        kin_status status = kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE);
        assert_int_equal(inspect_family().members, members);
        assert_status(status, i == 0 ? KIN_OK : KIN_OWNER_DIED);
        assert_ok(kin_rwlock_repair(&it->lock));
        assert_ok(kin_rwlock_release(&it->lock));
        forget_child(dead);
    }
    assert_ok(kin_free(it));
}

static void taking_over_keeps_the_phase_and_that_it_is_crowded(void **state)
{
    (void)state;
    const uint64_t kept = KIN__RW_PHASE | KIN__RW_CROWDED;
    table *it = new_table();
    kin_process *dead = start_holder("hold_writing", it);
    atomic_fetch_or(&inside_of(it)->word, kept);
    kill_child(dead);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE), KIN_OWNER_DIED);
    assert_int_equal(atomic_load(&inside_of(it)->word) & kept, kept);
    assert_ok(kin_rwlock_repair(&it->lock));
    assert_ok(kin_rwlock_release(&it->lock));
    assert_int_equal(atomic_load(&inside_of(it)->word) & kept, kept);
    assert_ok(kin_free(it));
}

static void unrepaired_lock_is_poisoned(void **state)
{
    (void)state;
    table *it = new_table();
    kill_child(start_holder("hold_writing", it));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_rwlock_release(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE), KIN_E_POISONED);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE), KIN_E_POISONED);
    assert_ok(kin_rwlock_init(&it->lock));
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW));
    assert_ok(kin_rwlock_poison(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW), KIN_E_POISONED);
    assert_ok(kin_free(it));
}

static void crowd_reads_at_once(void **state)
{
    (void)state;
    table *it = new_table();
    void *threads[CROWD];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CROWD; i++) {
            threads[i] = begin_thread(read_with_the_crowd, it);
        }
        assert_ok(kin_sem_acquire(&it->told, CROWD, PATIENCE)); /* all are inside now */
        assert_int_equal(count_holders(it), CROWD);
        void *writer = begin_thread(write_once, it);
        await_sleepers(&inside_of(it)->drain, 1);
        assert_int_equal(count_holders(it), CROWD);
        assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW), KIN_E_TIMED_OUT);
        void *reader = begin_thread(read_once, it);
        await_sleepers(&inside_of(it)->turn, 1);
        assert_ok(kin_sem_release(&it->go, CROWD));
        for (int i = 0; i < CROWD; i++) {
            end_thread(threads[i]);
        }
        end_thread(writer);
        end_thread(reader);
        assert_int_equal(it->wrong, 0);
        assert_int_equal(count_holders(it), 0);
    }
    assert_ok(kin_free(it));
}

static void killed_crowd_is_forgotten(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 2; round++) {
        kin_process *crowd = start_with("crowd", it);
        assert_ok(kin_sem_acquire(&it->told, CROWD, PATIENCE));
        assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW), KIN_E_TIMED_OUT);
        kill_pid(kin_process_pid(crowd)); /* not with kill_child, which cleans up after it */
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE));
        assert_ok(kin_rwlock_release(&it->lock));
        kill_child(crowd);
        atomic_store(&kin__slices_are, KIN__SLICES_OFF); /* to ask once is enough */
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
        assert_ok(kin_rwlock_release(&it->lock));
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_SECONDS(10)));
        assert_ok(kin_rwlock_release(&it->lock));
        kin_process *others = start_with("sit", it); /* in the entries of the dead */
        assert_ok(kin_sem_acquire(&it->told, CROWD, PATIENCE));
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
        assert_ok(kin_rwlock_release(&it->lock));
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_SECONDS(10)));
        assert_ok(kin_rwlock_release(&it->lock));
        atomic_store(&kin__slices_are, KIN__SLICES_COUNTED);
        kill_child(others);
    }
    assert_ok(kin_free(it));
}

static void lend_token(void *argument)
{
    kin_sem *sems = argument;
    kin_sem_release(&sems[0], 1);
    kin_sem_acquire(&sems[1], 1, PATIENCE);
}

/* All slots of some locks taken by another thread, as its token says. */
static void thread_reads_few_crowded_locks_and_is_told(void **state)
{
    (void)state;
    enum { LOCKS = KIN__READING + 1 };
    kin_rwlock *locks = NULL;
    kin_sem *sems = NULL;
    assert_ok(kin_alloc((void **)&locks, NULL, LOCKS * sizeof *locks));
    assert_ok(kin_alloc((void **)&sems, NULL, 2 * sizeof *sems));
    assert_ok(kin_sem_init(&sems[0], 0, 0));
    assert_ok(kin_sem_init(&sems[1], 0, 0));
    void *thread = begin_thread(lend_token, sems);
    assert_ok(kin_sem_acquire(&sems[0], 1, PATIENCE));
    kin_family *family = kin__family_at(sems);
    uint64_t token = 0;
    kin__seat *mine;
    assert_ok(kin__seat_take(&mine, family));
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        uint64_t each = kin__token(atomic_load(&kin__thread_at(family, i)->lease) >> 24, i);
        token = each != mine->token && kin__token_alive(family, each) ? each : token;
    }
    assert_true(token != 0);
    for (int i = 0; i < LOCKS; i++) {
        assert_ok(kin_rwlock_init(&locks[i]));
        for (uint32_t k = 0; k < KIN__READERS; k++) {
            atomic_store(&((kin__rwlock *)&locks[i])->slots[k], token);
        }
    }
    for (int i = 0; i < LOCKS - 1; i++) {
        assert_ok(kin_rwlock_acquire(&locks[i], KIN_RWLOCK_READ, KIN_NOW));
    }
    assert_status(kin_rwlock_acquire(&locks[LOCKS - 1], KIN_RWLOCK_READ, PATIENCE), KIN_E_LIMIT);
    assert_ok(kin_rwlock_release(&locks[0]));
    assert_ok(kin_rwlock_acquire(&locks[LOCKS - 1], KIN_RWLOCK_READ, KIN_NOW));
    assert_ok(kin_rwlock_fini(&locks[1])); /* held as it is: the next lock in its place is nobody's */
    assert_ok(kin_rwlock_init(&locks[1]));
    assert_status(kin_rwlock_release(&locks[1]), KIN_E_NOT_OWNER);
    atomic_fetch_or(&((kin__rwlock *)&locks[1])->word, KIN__RW_CROWDED);
    assert_ok(kin_rwlock_acquire(&locks[1], KIN_RWLOCK_READ, KIN_NOW));
    assert_ok(kin_rwlock_release(&locks[1]));
    assert_ok(kin_rwlock_acquire(&locks[1], KIN_RWLOCK_WRITE, KIN_NOW));
    assert_ok(kin_rwlock_release(&locks[1]));
    assert_ok(kin_rwlock_release(&locks[LOCKS - 1]));
    assert_ok(kin_sem_release(&sems[1], 1));
    end_thread(thread);
    for (int i = 0; i < LOCKS; i++) { /* the slots are a dead thread's now */
        assert_ok(kin_rwlock_acquire(&locks[i], KIN_RWLOCK_READ, KIN_NOW));
    }
    for (int i = 0; i < LOCKS; i++) {
        assert_ok(kin_rwlock_release(&locks[i]));
        assert_ok(kin_rwlock_acquire(&locks[i], KIN_RWLOCK_WRITE, PATIENCE));
        assert_ok(kin_rwlock_release(&locks[i]));
    }
    assert_ok(kin_free(locks));
    assert_ok(kin_free(sems));
}

static void torn_data_is_shown_to_nobody_untold(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 20; round++) {
        void *threads[TRIERS];
        atomic_store(&it->repaired, 0);
        kin_process *writer = start_holder("tear", it);
        for (int i = 0; i < TRIERS; i++) {
            threads[i] = begin_thread(try_to_enter, it);
        }
        kill_child(writer);
        for (int i = 0; i < TRIERS; i++) {
            end_thread(threads[i]);
        }
        assert_int_equal(it->wrong, 0);
        assert_int_equal(it->told_of_death, round + 1);
    }
    assert_ok(kin_free(it));
}

/* A reader that has stored its hold, and has not yet seen that it must wait, does not delay a takeover. */
static void taking_over_waits_for_nobody(void **state)
{
    (void)state;
    table *it = new_table();
    kin__seat *mine;
    assert_ok(kin__seat_take(&mine, kin__family_at(it)));
    for (int i = 0; i < 4; i++) {
        kill_child(start_holder("tear", it));
        atomic_store(&inside_of(it)->slots[5], mine->token);
        assert_status(kin_rwlock_acquire(&it->lock, i % 2 ? KIN_RWLOCK_WRITE : KIN_RWLOCK_READ, KIN_SECONDS(1)),
                      KIN_OWNER_DIED);
        atomic_store(&inside_of(it)->slots[5], 0);
        assert_ok(kin_rwlock_repair(&it->lock));
        assert_ok(kin_rwlock_release(&it->lock));
    }
    kill_child(start_holder("tear", it));
    kill_child(start_holder("inherit", it));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_rwlock_release(&it->lock)); /* unrepaired */
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW), KIN_E_POISONED);
    assert_ok(kin_free(it));
}

static void writer_killed_while_it_waits_has_changed_nothing(void **state)
{
    (void)state;
    table *it = new_table();
    for (int i = 0; i < 6; i++) {
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
        kin_process *writer = start_with("hold_writing", it);
        await_sleepers(&inside_of(it)->drain, 1);
        void *reader = begin_thread(read_once, it);
        await_sleepers(&inside_of(it)->turn, 1);
        kill_child(writer);
        end_thread(reader);
        if (i % 2) {
            assert_ok(kin_rwlock_release(&it->lock));
            assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE));
        }
        assert_ok(kin_rwlock_release(&it->lock));
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE));
        assert_ok(kin_rwlock_release(&it->lock));
    }
    assert_int_equal(it->wrong, 0);
    assert_ok(kin_free(it));
}

static void nobody_reads_what_is_poisoned(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 300; round++) {
        void *threads[2];
        it->a = 0;
        assert_ok(kin_rwlock_init(&it->lock));
        for (int i = 0; i < 2; i++) {
            threads[i] = begin_thread(read_until_poisoned, it);
        }
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE));
        it->a = 1;
        linger(round % 50 * 20);
        assert_ok(kin_rwlock_poison(&it->lock));
        for (int i = 0; i < 2; i++) {
            end_thread(threads[i]);
        }
        assert_int_equal(it->wrong, 0);
    }
    assert_ok(kin_free(it));
}

static void begin_and_end(table *it, void (*const *bodies)(void *argument), int count)
{
    void *threads[8];
    for (int i = 0; i < count; i++) {
        threads[i] = begin_thread(bodies[i], it);
    }
    for (int i = 0; i < count; i++) {
        end_thread(threads[i]);
    }
    assert_int_equal(it->wrong, 0);
    assert_true(it->a == it->b);
}

/* With threads, so that ThreadSanitizer sees the data, too. */
static void everything_at_once(void **state)
{
    (void)state;
    static void (*const bodies[])(void *) = {mix, mix, mix, mix, mix, mix};
    table *it = new_table();
    it->rounds = 4000;
    begin_and_end(it, bodies, 6);
    assert_true(it->a > 0 && it->a == it->c);
    assert_int_equal(count_holders(it), 0);
    assert_ok(kin_free(it));
}

static void readers_and_writers_in_a_hurry(void **state)
{
    (void)state;
    static void (*const bodies[])(void *) = {hurry_reading, hurry_writing, hurry_reading};
    table *it = new_table();
    it->rounds = 100000;
    for (int count = 2; count <= 3; count++) {
        begin_and_end(it, bodies, count);
    }
    assert_true(it->a == 2 * it->rounds);
    assert_ok(kin_free(it));
}

static void sleeping_writers_are_woken(void **state)
{
    (void)state;
    static void (*const bodies[])(void *) = {queue_for_writing, queue_for_writing, queue_for_writing,
                                             queue_for_writing};
    table *it = new_table();
    it->rounds = 3000;
    begin_and_end(it, bodies, 4);
    assert_ok(kin_free(it));
}

static void reading_twice_is_told_while_a_writer_waits(void **state)
{
    (void)state;
    table *it = new_table();
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
    void *writer = begin_thread(write_once, it);
    await_sleepers(&inside_of(it)->drain, 1);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW), KIN_E_DEADLOCK);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE), KIN_E_DEADLOCK);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE), KIN_E_DEADLOCK);
    assert_ok(kin_rwlock_release(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW), KIN_E_DEADLOCK);
    assert_ok(kin_rwlock_release(&it->lock));
    end_thread(writer);
    assert_status(kin_rwlock_release(&it->lock), KIN_E_NOT_OWNER);
    assert_int_equal(it->wrong, 0);
    assert_ok(kin_free(it));
}

static void writer_that_gives_up_wakes_those_behind_it(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 5; round++) {
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
        void *first = begin_thread(write_with_a_deadline, it);
        await_word(it, DRAINING, KIN_MS(15));
        void *reader = begin_thread(read_once, it), *second = begin_thread(write_once, it);
        end_thread(first);
        assert_ok(kin_rwlock_release(&it->lock)); /* the second writer may wait for it, and the reader for that one */
        end_thread(reader);
        end_thread(second);
        assert_int_equal(it->wrong, 0);
    }
    assert_ok(kin_free(it));
}

/* It had waited, so its hold shows a phase; and must count for all writers to come, also after one has given up. */
static void reader_that_has_waited_keeps_all_writers_out(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 3; round++) {
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW));
        void *reader = begin_thread(read_with_the_crowd, it);
        await_sleepers(&inside_of(it)->turn, 1);
        assert_ok(kin_rwlock_release(&it->lock));
        for (int i = 0; i < 4; i++) {
            assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_US(100)), KIN_E_TIMED_OUT);
        }
        assert_ok(kin_sem_release(&it->go, 1));
        end_thread(reader);
        assert_ok(kin_sem_acquire(&it->told, 1, KIN_NOW));
        assert_int_equal(it->wrong, 0);
    }
    assert_ok(kin_free(it));
}

/* What the waiter has shown is all that the other one goes by: it leaves at once, before the waiter sleeps. */
static void change_before_the_sleep_is_seen(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 40; round++) {
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW));
        void *thread = begin_thread(round % 2 ? write_once : read_once, it);
        await_word(it, round % 2 ? WRITERS : READERS, PATIENCE);
        assert_ok(kin_rwlock_release(&it->lock));
        end_thread(thread);
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, KIN_NOW));
        thread = begin_thread(write_once, it);
        await_word(it, DRAINING, PATIENCE);
        assert_ok(kin_rwlock_release(&it->lock));
        end_thread(thread);
        assert_int_equal(it->wrong, 0);
    }
    assert_ok(kin_free(it));
}

/* A woken waiter finds that another thread was faster, and has no time left. It wakes the next waiter. */
static void wake_up_is_passed_on(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 60; round++) {
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW));
        atomic_store(&it->deadline, KIN_OS_NEVER);
        void *first = begin_thread(write_with_a_deadline, it);
        await_word(it, WRITERS, PATIENCE);
        void *second = begin_thread(write_once, it);
        while (now_ns() < atomic_load(&it->deadline) - KIN_US(4) * round) {
        }
        assert_ok(kin_rwlock_release(&it->lock));
        if (kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW) == KIN_OK) {
            end_thread(first);
            assert_ok(kin_rwlock_release(&it->lock));
        } else {
            end_thread(first);
        }
        end_thread(second);
        assert_int_equal(it->wrong, 0);
    }
    assert_ok(kin_free(it));
}

static void writer_gets_in_among_readers(void **state)
{
    (void)state;
    table *it = new_table();
    void *threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = begin_thread(read_all_the_time, it);
    }
    for (int i = 0; i < 200; i++) {
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE));
        assert_int_equal(it->readers, 0);
        assert_ok(kin_rwlock_release(&it->lock));
    }
    atomic_store(&it->repaired, 1);
    for (int i = 0; i < 3; i++) {
        end_thread(threads[i]);
    }
    assert_int_equal(it->wrong, 0);
    assert_ok(kin_free(it));
}

static void reader_gets_in_among_writers(void **state)
{
    (void)state;
    table *it = new_table();
    void *threads[2];
    for (int i = 0; i < 2; i++) {
        threads[i] = begin_thread(write_all_the_time, it);
    }
    for (int i = 0; i < 200; i++) {
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, PATIENCE));
        assert_ok(kin_rwlock_release(&it->lock));
    }
    atomic_store(&it->repaired, 1);
    for (int i = 0; i < 2; i++) {
        end_thread(threads[i]);
    }
    assert_int_equal(it->wrong, 0);
    assert_ok(kin_free(it));
}

static void waiting_reader_comes_before_the_next_writer(void **state)
{
    (void)state;
    table *it = new_table();
    for (int round = 0; round < 20; round++) {
        atomic_store(&it->turns, 0);
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE));
        void *writer = begin_thread(write_once, it);
        await_sleepers(&inside_of(it)->word, 1);
        void *reader = begin_thread(read_once, it);
        await_sleepers(&inside_of(it)->turn, 1);
        assert_ok(kin_rwlock_release(&it->lock));
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, PATIENCE)); /* it runs, the others sleep */
        int64_t mine = atomic_fetch_add(&it->turns, 1) + 1;
        assert_true(it->read == 1 && mine > 1);
        assert_ok(kin_rwlock_release(&it->lock));
        end_thread(writer);
        end_thread(reader);
        assert_true(it->wrong == 0 && it->written > 1);
    }
    assert_ok(kin_free(it));
}

/* ---- cycles ---- */

typedef struct half { /* of a cycle of two: what one holds, and what it waits for */
    table *it;
    kin_rwlock *has, *wants;
    kin_rwlock_mode has_for, wants_for;
    kin_status told;
} half;

static void close_cycle(void *argument)
{
    half *mine = argument;
    EXPECT(mine->it, kin_rwlock_acquire(mine->has, mine->has_for, PATIENCE) == KIN_OK);
    kin_sem_release(&mine->it->told, 1);
    kin_sem_acquire(&mine->it->go, 1, PATIENCE);
    mine->told = kin_rwlock_acquire(mine->wants, mine->wants_for, PATIENCE);
    EXPECT(mine->it, mine->told != KIN_OK || kin_rwlock_release(mine->wants) == KIN_OK);
    EXPECT(mine->it, kin_rwlock_release(mine->has) == KIN_OK);
}

static void cycle_is_found(void **state)
{
    (void)state;
    table *it = new_table();
    for (int i = 0; i < 16; i++) {
        kin_rwlock_mode access[4];
        for (int k = 0; k < 4; k++) {
            access[k] = i >> k & 1 ? KIN_RWLOCK_WRITE : KIN_RWLOCK_READ;
        }
        bool shared = (access[0] == KIN_RWLOCK_READ && access[3] == KIN_RWLOCK_READ) ||
                      (access[1] == KIN_RWLOCK_READ && access[2] == KIN_RWLOCK_READ);
        half halves[2] = {{it, &it->lock, &it->other, access[0], access[2], KIN_OK},
                          {it, &it->other, &it->lock, access[1], access[3], KIN_OK}};
        void *threads[2];
        int64_t began = now_ns();
        for (int k = 0; k < 2; k++) {
            threads[k] = begin_thread(close_cycle, &halves[k]);
        }
        assert_ok(kin_sem_acquire(&it->told, 2, PATIENCE));
        assert_ok(kin_sem_release(&it->go, 2));
        for (int k = 0; k < 2; k++) {
            end_thread(threads[k]);
            assert_true(halves[k].told == KIN_OK || halves[k].told == KIN_E_DEADLOCK);
        }
        assert_true(now_ns() - began < KIN_SECONDS(10));
        assert_int_equal((halves[0].told == KIN_E_DEADLOCK) + (halves[1].told == KIN_E_DEADLOCK), shared ? 0 : 1);
        assert_int_equal(it->wrong, 0);
    }
    assert_ok(kin_free(it));
}

/* A reader whose turn has come, and that nobody has woken yet, seems to sleep for the writer that waits for it. */
static void late_wake_up_is_no_cycle(void **state)
{
    (void)state;
    table *it = new_table();
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_WRITE, KIN_NOW));
    void *reader = begin_thread(read_once, it);
    await_sleepers(&inside_of(it)->turn, 1);
    atomic_store(&inside_of(it)->word, READERS | KIN__RW_PHASE); /* the release, without its unpark */
    void *writer = begin_thread(write_once, it);
    await_sleepers(&inside_of(it)->drain, 1);
    kin__unpark(kin__family_at(it), &inside_of(it)->turn, KIN__ALL);
    end_thread(reader);
    end_thread(writer);
    assert_int_equal(it->wrong, 0);
    assert_ok(kin_free(it));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    static kin_rwlock outside;
    table *it = new_table();
    assert_status(kin_rwlock_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_init(NULL), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_init(&outside), KIN_E_NOT_SHARED);
    assert_status(kin_rwlock_acquire(NULL, KIN_RWLOCK_READ, 0), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, -1), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_acquire(&it->lock, (kin_rwlock_mode)3, 0), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_acquire(&outside, KIN_RWLOCK_READ, 0), KIN_E_NOT_SHARED);
    assert_status(kin_rwlock_acquire((kin_rwlock *)&it->told, KIN_RWLOCK_READ, 0), KIN_E_TYPE);
    assert_status(kin_rwlock_release(NULL), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_release(&it->lock), KIN_E_NOT_OWNER);
    assert_status(kin_rwlock_repair(&it->lock), KIN_E_NOT_OWNER);
    assert_status(kin_rwlock_poison(&it->lock), KIN_E_NOT_OWNER);
    assert_ok(kin_rwlock_destroy(NULL));
    assert_ok(kin_rwlock_fini(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_RWLOCK_READ, 0), KIN_E_TYPE);
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"read", child_read},
        {"write", child_write},
        {"hold_reading", child_hold_reading},
        {"hold_writing", child_hold_writing},
        {"tear", child_tear},
        {"inherit", child_inherit},
        {"crowd", child_crowd},
        {"sit", child_sit},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_and_writers_exclude_each_other),
        cmocka_unit_test(readers_share_and_writers_do_not),
        cmocka_unit_test(reader_that_would_write_is_told),
        cmocka_unit_test(waiting_writer_keeps_readers_out),
        unit_test_with_deaths(killed_reader_is_forgotten),
        unit_test_with_deaths(killed_writer_is_reported_once),
        unit_test_with_deaths(those_who_find_the_dead_clean_up_after_them),
        unit_test_with_deaths(taking_over_keeps_the_phase_and_that_it_is_crowded),
        unit_test_with_deaths(unrepaired_lock_is_poisoned),
        cmocka_unit_test(crowd_reads_at_once),
        cmocka_unit_test(nobody_reads_what_is_poisoned),
        cmocka_unit_test(everything_at_once),
        cmocka_unit_test(readers_and_writers_in_a_hurry),
        cmocka_unit_test(sleeping_writers_are_woken),
        cmocka_unit_test(reading_twice_is_told_while_a_writer_waits),
        cmocka_unit_test(writer_that_gives_up_wakes_those_behind_it),
        cmocka_unit_test(reader_that_has_waited_keeps_all_writers_out),
        cmocka_unit_test(change_before_the_sleep_is_seen),
        cmocka_unit_test(wake_up_is_passed_on),
        cmocka_unit_test(writer_gets_in_among_readers),
        cmocka_unit_test(reader_gets_in_among_writers),
        cmocka_unit_test(waiting_reader_comes_before_the_next_writer),
        unit_test_with_deaths(killed_crowd_is_forgotten),
        unit_test_with_slices(thread_reads_few_crowded_locks_and_is_told),
        unit_test_with_deaths(torn_data_is_shown_to_nobody_untold),
        unit_test_with_deaths(taking_over_waits_for_nobody),
        unit_test_with_deaths(writer_killed_while_it_waits_has_changed_nothing),
        unit_test_with_slices(cycle_is_found),
        cmocka_unit_test(late_wake_up_is_no_cycle),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
