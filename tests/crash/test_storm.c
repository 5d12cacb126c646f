/* All objects at once, used by processes that are killed and replaced at random. What the lock guards is right at every
 * moment, whichever process died; every wait ends; and nothing is left of the dead. */
#include "support.h"

#include <stdlib.h>

#include "os.h"

#define WORKERS_MAX 64
#define PERMITS 3
#define MESSAGES 8 /* in the queue */

typedef struct place {
    kin_lock lock;
    kin_cond changed;
    kin_sem sem;
    kin_event event;
    kin_barrier barrier;
    kin_rwlock rwlock;
    kin_counter steps;
    int64_t left, right; /* under lock, alike */
    int64_t here, there; /* under rwlock, alike */
    int64_t deaths;      /* under lock */
} place;

static place *new_place(void)
{
    place *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_cond_init(&it->changed));
    assert_ok(kin_sem_init(&it->sem, PERMITS, 0));
    assert_ok(kin_event_init(&it->event));
    assert_ok(kin_barrier_init(&it->barrier, 2));
    assert_ok(kin_rwlock_init(&it->rwlock));
    assert_ok(kin_counter_init(&it->steps, 0));
    return it;
}

/* ---- what a worker does; each returns 0, or 1 if what it found was wrong ---- */

static int use_lock(place *it)
{
    kin_status status = kin_lock_acquire(&it->lock, PATIENCE);
    CHECK(status == KIN_OK || status == KIN_OWNER_DIED);
    if (status == KIN_OWNER_DIED) {
        it->right = it->left;
        it->deaths++;
        CHECK(kin_lock_repair(&it->lock) == KIN_OK);
    }
    CHECK(it->left == it->right);
    it->left++;
    for (volatile int i = 0; i < 1000; i++) { /* long enough to die in */
    }
    it->right++;
    CHECK(kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int use_condition(place *it)
{
    kin_status status = kin_lock_acquire(&it->lock, PATIENCE);
    CHECK(status == KIN_OK || status == KIN_OWNER_DIED);
    it->right = it->left;
    CHECK(kin_lock_repair(&it->lock) == KIN_OK);
    CHECK(kin_cond_notify(&it->changed, 1) == KIN_OK);
    status = kin_cond_wait(&it->changed, &it->lock, KIN_US(300));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT || status == KIN_OWNER_DIED);
    it->right = it->left;
    CHECK(kin_lock_repair(&it->lock) == KIN_OK && kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int use_semaphore(place *it)
{
    kin_status status = kin_sem_acquire(&it->sem, 1, KIN_US(300));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    CHECK(status != KIN_OK || kin_sem_release(&it->sem, 1) == KIN_OK);
    return 0;
}

/* Needs no help from outside: permits of the dead come back. */
static int use_leased(kin_sem *leased, unsigned number)
{
    uint32_t count = 1 + number % 2;
    CHECK(kin_sem_acquire(leased, count, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(leased, count) == KIN_OK);
    CHECK(kin_sem_release(leased, 1) == KIN_E_NOT_OWNER);
    return 0;
}

static int use_event(place *it, unsigned number)
{
    kin_status status = kin_event_wait(&it->event, KIN_US(100));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    CHECK((number % 2 ? kin_event_set(&it->event) : kin_event_clear(&it->event)) == KIN_OK);
    return 0;
}

static int use_barrier(place *it)
{
    kin_status status = kin_barrier_wait(&it->barrier, NULL, KIN_US(300));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT || status == KIN_E_BROKEN);
    CHECK(status == KIN_OK || kin_barrier_reset(&it->barrier) == KIN_OK);
    return 0;
}

static int use_rwlock(place *it, unsigned number)
{
    return use_pair(&it->rwlock, number % 4 == 0 ? KIN_RWLOCK_WRITE : KIN_RWLOCK_READ, &it->here, &it->there);
}

/* Takes as many as it puts, so that it does not fill. A message is its length, again and again. */
static int use_queue(kin_queue *queue, unsigned number)
{
    unsigned char message[256];
    size_t size = number % sizeof message;
    memset(message, (int)size, size);
    kin_status status = kin_queue_put(queue, message, size, KIN_US(300));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    status = kin_queue_get(queue, message, sizeof message, &size, KIN_US(300));
    CHECK(status == KIN_OK || status == KIN_E_TIMED_OUT);
    for (size_t i = 0; status == KIN_OK && i < size; i++) {
        CHECK(message[i] == size);
    }
    return 0;
}

static int use_memory(unsigned number)
{
    void *memory = NULL;
    CHECK(kin_alloc(&memory, NULL, number % 16 == 0 ? 100000 : 1 + number * 31 % 2000) == KIN_OK);
    CHECK(kin_free(memory) == KIN_OK);
    return 0;
}

static int child_work(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin_sem *leased = given(args, "leased", KIN_TYPE_SEM);
    kin_queue *queue = given(args, "queue", KIN_TYPE_QUEUE);
    unsigned seed = (unsigned)given_number(args, "seed");
    CHECK(it && leased && queue);
    for (;;) {
        seed = seed * 1664525u + 1013904223u;
        unsigned number = seed >> 16;
        int wrong = number % 9 == 0   ? use_condition(it)
                    : number % 9 == 1 ? use_semaphore(it)
                    : number % 9 == 2 ? use_event(it, number / 9)
                    : number % 9 == 3 ? use_barrier(it)
                    : number % 9 == 4 ? use_rwlock(it, number / 9)
                    : number % 9 == 5 ? use_memory(number / 9)
                    : number % 9 == 6 ? use_leased(leased, number / 9)
                    : number % 9 == 7 ? use_queue(queue, number / 9)
                                      : use_lock(it);
        CHECK(!wrong && kin_counter_add(&it->steps, 1, NULL) == KIN_OK);
    }
}

/* ---- the storm ---- */

static kin_process *start_worker(place *it, kin_sem *leased, kin_queue *queue, int64_t seed)
{
    kin_args *args = new_args();
    give(args, "queue", KIN_TYPE_QUEUE, queue);
    give(args, "place", KIN_TYPE_MEMORY, it);
    give(args, "leased", KIN_TYPE_SEM, leased);
    give_number(args, "seed", seed);
    kin_process *process = start_child("work", args);
    kin_args_destroy(args);
    return process;
}

/* It was at work until now, and dies. */
static void strike_down(kin_process *process)
{
    kin_exit result = {.code = -1, .signal = 0};
    assert_ok(kin_process_kill(process));
    assert_ok(kin_process_join(process, PATIENCE, &result));
    assert_true(result.signal != 0 || result.code == 137);
    kin_process_close(process);
}

static kin_queue *new_queue(void)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    options.max_messages = MESSAGES;
    assert_ok(kin_queue_create(&queue, NULL, &options));
    return queue;
}

/* Whatever is left in it is whole; then there is as much room as ever. */
static void drain(kin_queue *queue)
{
    unsigned char message[256];
    size_t size = 0;
    while (kin_queue_get(queue, message, sizeof message, &size, KIN_MS(120)) == KIN_OK) {
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(message[i], size);
        }
    }
    for (int i = 0; i < MESSAGES; i++) {
        assert_ok(kin_queue_put(queue, message, sizeof message, KIN_NOW));
    }
}

static void nothing_tears_and_nobody_waits_for_the_dead(void **state)
{
    (void)state;
    place *it = new_place();
    kin_sem *leased = NULL;
    kin_process *workers[WORKERS_MAX];
    int64_t count = number_from("KIN_TEST_PROCESSES", 6);
    assert_true(count > 0 && count <= WORKERS_MAX);
    int64_t steps = 0, last = 0, worst = 0, killed = 0;
    srand(11);
    assert_ok(kin_sem_create_leased(&leased, NULL, PERMITS));
    kin_queue *queue = new_queue();
    strike_down(start_worker(it, leased, queue, 0)); /* what kin needs once and keeps, it has then */
    size_t handles = count_handles();
    for (int i = 0; i < count; i++) {
        workers[i] = start_worker(it, leased, queue, i);
    }
    int64_t end = now_ns() + KIN_SECONDS(number_from("KIN_TEST_SECONDS", 4)), moved = now_ns();
    for (; now_ns() < end; killed++) {
        int victim = rand() % (int)count;
        kin_os_sleep_until(kin_os_now() + KIN_US(rand() % 8000));
        strike_down(workers[victim]);
        workers[victim] = start_worker(it, leased, queue, count + killed);
        uint32_t value = 0;
        assert_ok(kin_sem_value(&it->sem, &value)); /* permits of the dead are gone (sem.h): give them back */
        if (value == 0 && kin_sem_acquire(&it->sem, 1, KIN_MS(2)) == KIN_E_TIMED_OUT) {
            assert_ok(kin_sem_release(&it->sem, 1));
        }
        assert_ok(kin_counter_get(&it->steps, &steps));
        worst = steps == last && now_ns() - moved > worst ? now_ns() - moved : worst;
        moved = steps == last ? moved : now_ns();
        last = steps;
    }
    for (int i = 0; i < count; i++) {
        strike_down(workers[i]);
    }
    assert_int_equal(use_lock(it) + use_rwlock(it, 0) + use_memory(0), 0);
    print_message("%d steps, %d killed, %d found to have held the lock, longest standstill %d ms\n", (int)steps,
                  (int)killed, (int)it->deaths, (int)(worst / 1000000));
    assert_true(steps > 100);
    assert_true(worst < KIN_SECONDS(10));
    assert_ok(kin_family_reap(NULL, NULL));
    assert_int_equal(inspect_family().members, 1);
    assert_int_equal(inspect_family().threads, 1);
    print_message("%d handles, before %d; %d KiB committed\n", (int)count_handles(), (int)handles,
                  (int)(inspect_family().committed / 1024));
    assert_true(count_handles() <= handles + 2 * (size_t)count);  /* Windows keeps some of each sleeper's */
    assert_true(inspect_family().committed < (uint64_t)16 << 20); /* what they use at once is less than 1 MiB */
    assert_ok(kin_sem_acquire(leased, PERMITS, KIN_NOW));
    assert_ok(kin_sem_destroy(leased));
    drain(queue);
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"work", child_work}};
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_tears_and_nobody_waits_for_the_dead)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
