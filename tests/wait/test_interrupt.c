/* Interrupts: each function that waits ends when its thread is interrupted, at whatever instruction that comes, and
 * leaves what it waited for as a timeout does. Without slices, an interrupt that is lost hangs. */
#include "support.h"

#include "base/deadline.h"
#include "family/thread_slot.h"
#include "os.h"

enum { ROUNDS = 80, FEW = 10, FEW_NATIVES = 16 /* as many as need no allocation */, MANY = 100 };

typedef struct place {
    kin_lock lock;
    kin_cond cond;
    kin_barrier barrier;
    kin_event never, end;
    kin_rwlock read, written; /* the test's thread reads, writes */
    kin_sem sem, begun;
    kin_sem *leased;
    kin_value *value;
    kin_queue *empty, *full, *in_hand;
    kin_dict *dict;
    kin_process *child;
    kin_pool *pool;
    kin_future *future;
    intptr_t signal;
} place;

/* ---- children, workers ---- */

static int child_wait_for_end(const kin_args *args)
{
    kin_event *end = given(args, "end", KIN_TYPE_EVENT);
    CHECK(end && kin_event_wait(end, PATIENCE) == KIN_OK);
    return 0;
}

static int run_until_end(kin_task *task)
{
    kin_event *end = NULL;
    return kin_args_get_object((void **)&end, task->args, "end", KIN_TYPE_EVENT) != KIN_OK ||
           kin_event_wait(end, PATIENCE) != KIN_OK;
}

static const kin_task_entry tasks[] = {{"until_end", run_until_end}};

/* ---- what is interrupted ---- */

static kin_status wait_lock(place *it)
{
    return kin_lock_acquire(&it->lock, PATIENCE);
}

static kin_status wait_read(place *it)
{
    return kin_rwlock_acquire(&it->written, KIN_RWLOCK_READ, PATIENCE);
}

static kin_status wait_write(place *it)
{
    return kin_rwlock_acquire(&it->written, KIN_RWLOCK_WRITE, PATIENCE);
}

static kin_status wait_drain(place *it)
{
    return kin_rwlock_acquire(&it->read, KIN_RWLOCK_WRITE, PATIENCE);
}

static kin_status wait_value(place *it)
{
    return kin_value_acquire(it->value, PATIENCE);
}

static kin_status wait_sem(place *it)
{
    return kin_sem_acquire(&it->sem, 1, PATIENCE);
}

static kin_status wait_leased(place *it)
{
    return kin_sem_acquire(it->leased, 1, PATIENCE);
}

static kin_status wait_event(place *it)
{
    return kin_event_wait(&it->never, PATIENCE);
}

static int never_ready(void *context)
{
    (void)context;
    return 0;
}

/* The lock is held again afterwards. */
static kin_status wait_cond_with(place *it, bool with_predicate)
{
    static kin_lock *own;
    if (!own) {
        MUST(kin_lock_create(&own, NULL, 0) == KIN_OK);
    }
    MUST(kin_lock_acquire(own, KIN_NOW) == KIN_OK);
    kin_status status = with_predicate ? kin_cond_wait_for(&it->cond, own, never_ready, NULL, PATIENCE)
                                       : kin_cond_wait(&it->cond, own, PATIENCE);
    MUST(kin_lock_release(own) == KIN_OK);
    return status;
}

static kin_status wait_cond(place *it)
{
    return wait_cond_with(it, false);
}

static kin_status wait_cond_for(place *it)
{
    return wait_cond_with(it, true);
}

/* It breaks, as at a timeout. */
static kin_status wait_barrier(place *it)
{
    kin_status status = kin_barrier_wait(&it->barrier, NULL, PATIENCE);
    MUST(kin_barrier_wait(&it->barrier, NULL, KIN_NOW) == KIN_E_BROKEN);
    MUST(kin_barrier_reset(&it->barrier) == KIN_OK);
    return status;
}

static kin_status wait_get(place *it)
{
    char byte;
    return kin_queue_get(it->empty, &byte, 1, NULL, PATIENCE);
}

static kin_status wait_peek(place *it)
{
    const void *memory;
    size_t size;
    return kin_queue_peek(&memory, &size, it->empty, PATIENCE);
}

static kin_status wait_put(place *it)
{
    return kin_queue_put(it->full, "y", 1, PATIENCE);
}

static kin_status wait_reserve(place *it)
{
    void *memory;
    return kin_queue_reserve(&memory, it->full, 1, PATIENCE);
}

static kin_status wait_tasks(place *it)
{
    return kin_queue_join(it->in_hand, PATIENCE);
}

static kin_status wait_change(place *it)
{
    return kin_dict_wait(it->dict, 0, PATIENCE);
}

static kin_status wait_change_item(place *it)
{
    kin_wait_change change = {it->dict, NULL, 0};
    kin_wait_item item = {KIN_WAIT_CHANGE, KIN_WAIT_READABLE, &change, 0, 0};
    return kin_wait(&item, 1, 0, PATIENCE, NULL);
}

static kin_status wait_objects(place *it)
{
    kin_wait_item items[] = {{KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0},
                             {KIN_TYPE_QUEUE, KIN_WAIT_READABLE, it->empty, 0, 0}};
    return kin_wait(items, 2, 0, PATIENCE, NULL);
}

static kin_status wait_natives(place *it)
{
    kin_wait_item items[] = {{KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, it->signal, 0},
                             {KIN_WAIT_PROCESS, KIN_WAIT_READABLE, it->child, 0, 0}};
    return kin_wait(items, 2, 0, PATIENCE, NULL);
}

static kin_status wait_both(place *it)
{
    kin_wait_item items[] = {{KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, it->signal, 0},
                             {KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem, 0, 0}};
    return kin_wait(items, 2, KIN_WAIT_ALL, PATIENCE, NULL);
}

/* count natives, and the interrupt's own. */
static kin_status wait_many(const place *it, size_t count)
{
    static kin_wait_item items[MANY];
    for (size_t i = 0; i < count; i++) {
        items[i] = (kin_wait_item){KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, it->signal, 0};
    }
    return kin_wait(items, count, 0, PATIENCE, NULL);
}

static kin_status wait_few_natives(place *it)
{
    return wait_many(it, FEW_NATIVES);
}

static kin_status wait_many_natives(place *it)
{
    return wait_many(it, MANY);
}

/* Interrupted, and then without a reason to wake. */
static kin_status wait_handle(place *it)
{
    kin_wait_item item = {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, it->signal, 0};
    kin_status status = kin_wait(&item, 1, 0, PATIENCE, NULL);
    kin_os_handle alarm = kin__interrupt_watch(kin__interrupt_mine()).handle;
    MUST(kin_wait(&item, 1, 0, KIN_MS(20), NULL) == KIN_E_TIMED_OUT);
    MUST(!handle_is_ready((intptr_t)kin_os_handle_value(alarm), 0)); /* or it would not have slept */
    return status;
}

static kin_status wait_sleep(place *it)
{
    (void)it;
    return kin_sleep(PATIENCE);
}

static kin_status wait_join(place *it)
{
    return kin_process_join(it->child, PATIENCE, NULL);
}

static kin_status wait_future(place *it)
{
    return kin_future_wait(it->future, PATIENCE);
}

static kin_status wait_next(place *it)
{
    uint64_t first, count;
    return kin_future_next(it->future, 0, &first, &count, NULL, PATIENCE);
}

static kin_status wait_future_item(place *it)
{
    kin_wait_item item = {KIN_WAIT_FUTURE, KIN_WAIT_READABLE, it->future, 0, 0};
    return kin_wait(&item, 1, 0, PATIENCE, NULL);
}

static kin_status wait_pool(place *it)
{
    return kin_pool_join(it->pool, PATIENCE);
}

typedef struct waiting {
    const char *name;
    kin_status (*wait)(place *it);
    int rounds;
} waiting;

static const waiting all[] = {
    {"lock", wait_lock, ROUNDS},
    {"read", wait_read, ROUNDS},
    {"write", wait_write, ROUNDS},
    {"drain", wait_drain, ROUNDS},
    {"value", wait_value, ROUNDS},
    {"sem", wait_sem, ROUNDS},
    {"leased", wait_leased, ROUNDS},
    {"event", wait_event, ROUNDS},
    {"cond", wait_cond, ROUNDS},
    {"cond_for", wait_cond_for, ROUNDS},
    {"barrier", wait_barrier, ROUNDS},
    {"get", wait_get, ROUNDS},
    {"peek", wait_peek, ROUNDS},
    {"put", wait_put, ROUNDS},
    {"reserve", wait_reserve, ROUNDS},
    {"tasks", wait_tasks, ROUNDS},
    {"objects", wait_objects, ROUNDS},
    {"natives", wait_natives, ROUNDS},
    {"both", wait_both, ROUNDS},
    {"few_natives", wait_few_natives, FEW},
    {"many_natives", wait_many_natives, FEW},
    {"sleep", wait_sleep, ROUNDS},
    {"join", wait_join, ROUNDS},
    {"future", wait_future, ROUNDS},
    {"next", wait_next, ROUNDS},
    {"future_item", wait_future_item, ROUNDS},
    {"pool", wait_pool, FEW},
    {"change", wait_change, ROUNDS},
    {"change_item", wait_change_item, ROUNDS},
};

/* ---- the objects, all of them so that a wait does not end ---- */

static void start_others(place *it)
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_job job = KIN_JOB_INIT;
    kin_args *args = new_args();
    give(args, "end", KIN_TYPE_EVENT, &it->end);
    it->child = start_child("wait_for_end", args);
    options.workers = 1;
    assert_ok(kin_pool_create(&it->pool, NULL, &options));
    job.task = "until_end";
    job.args = args;
    assert_ok(kin_pool_submit(&it->future, it->pool, &job, PATIENCE));
    assert_ok(kin_pool_close(it->pool));
    kin_args_destroy(args);
}

static place *new_place(void)
{
    place *it = NULL;
    char byte;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_cond_init(&it->cond));
    assert_ok(kin_barrier_init(&it->barrier, 2));
    assert_ok(kin_event_init(&it->never));
    assert_ok(kin_event_init(&it->end));
    assert_ok(kin_rwlock_init(&it->read));
    assert_ok(kin_rwlock_init(&it->written));
    assert_ok(kin_sem_init(&it->sem, 0, 0));
    assert_ok(kin_sem_init(&it->begun, 0, 0));
    assert_ok(kin_sem_create_leased(&it->leased, NULL, 1));
    assert_ok(kin_value_create(&it->value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED));
    it->empty = new_queue_in(NULL, 0, 1, 0);
    it->full = new_queue_in(NULL, 0, 1, 0);
    it->in_hand = new_queue_in(NULL, 0, 1, KIN_QUEUE_JOINABLE);
    assert_ok(kin_dict_create(&it->dict, NULL));
    it->signal = make_signal();
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    assert_ok(kin_rwlock_acquire(&it->read, KIN_RWLOCK_READ, KIN_NOW));
    assert_ok(kin_rwlock_acquire(&it->written, KIN_RWLOCK_WRITE, KIN_NOW));
    assert_ok(kin_value_acquire(it->value, KIN_NOW));
    assert_ok(kin_sem_acquire(it->leased, 1, KIN_NOW));
    assert_ok(kin_queue_put(it->full, "x", 1, KIN_NOW));
    assert_ok(kin_queue_put(it->in_hand, "x", 1, KIN_NOW));
    assert_ok(kin_queue_get(it->in_hand, &byte, 1, NULL, KIN_NOW));
    start_others(it);
    return it;
}

/* The state is the same as before the waits: each object can be acquired, once. */
static void end_place(place *it)
{
    char byte;
    uint32_t value = 9;
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_rwlock_release(&it->read));
    assert_ok(kin_rwlock_release(&it->written));
    assert_ok(kin_value_release(it->value));
    assert_ok(kin_sem_release(it->leased, 1));
    assert_ok(kin_lock_acquire(&it->lock, KIN_NOW));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_rwlock_acquire(&it->read, KIN_RWLOCK_WRITE, KIN_NOW));
    assert_ok(kin_rwlock_release(&it->read));
    assert_ok(kin_rwlock_acquire(&it->written, KIN_RWLOCK_WRITE, KIN_NOW));
    assert_ok(kin_rwlock_release(&it->written));
    assert_ok(kin_sem_value(it->leased, &value));
    assert_int_equal(value, 1);
    assert_ok(kin_sem_value(&it->sem, &value));
    assert_int_equal(value, 0);
    assert_ok(kin_queue_get(it->full, &byte, 1, NULL, KIN_NOW));
    assert_int_equal(byte, 'x');
    assert_status(kin_queue_get(it->full, &byte, 1, NULL, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_queue_get(it->empty, &byte, 1, NULL, KIN_NOW), KIN_E_TIMED_OUT);
    assert_ok(kin_queue_task_done(it->in_hand));
    assert_ok(kin_queue_join(it->in_hand, KIN_NOW));
    assert_ok(kin_event_set(&it->end));
    assert_ok(kin_future_wait(it->future, PATIENCE));
    kin_future_close(it->future);
    assert_ok(kin_pool_join(it->pool, PATIENCE));
    kin_pool_destroy(it->pool);
    join_child(it->child, 0);
    close_handle(it->signal);
    assert_ok(kin_dict_destroy(it->dict));
    assert_ok(kin_queue_destroy(it->empty));
    assert_ok(kin_queue_destroy(it->full));
    assert_ok(kin_queue_destroy(it->in_hand));
    assert_ok(kin_sem_destroy(it->leased));
    assert_ok(kin_value_destroy(it->value));
    assert_ok(kin_free(it));
}

/* ---- one thread waits, the other interrupts it ---- */

typedef struct meeting {
    place *it;
    const waiting *what;
    _Atomic uint64_t name;
    _Atomic int begun; /* rounds */
    int wrong;         /* statuses that were not KIN_E_INTERRUPTED */
} meeting;

static void wait_in_rounds(void *meeting_)
{
    meeting *m = meeting_;
    kin_thread self = {0};
    MUST(kin_thread_current(&self) == KIN_OK);
    atomic_store(&m->name, self.number);
    for (int i = 0; i < m->what->rounds; i++) {
        atomic_fetch_add(&m->begun, 1);
        kin_status status = m->what->wait(m->it);
        m->wrong += status != KIN_E_INTERRUPTED;
        if (status != KIN_E_INTERRUPTED) {
            fprintf(stderr, "%s: %s\n", m->what->name, kin_status_name(status));
        }
    }
}

static void each_wait_ends_at_any_moment(void **state)
{
    (void)state;
    place *it = new_place();
    uint32_t random = 1;
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        meeting m = {.it = it, .what = &all[i]};
        void *thread = begin_thread(wait_in_rounds, &m);
        for (int round = 1; round <= m.what->rounds; round++) {
            while (atomic_load(&m.begun) < round) {
                kin_os_yield();
            }
            uint32_t before = next_number(&random) % 60;
            spin_for(round % 8 == 0 ? KIN_MS(1) : KIN_US(before));
            assert_ok(kin_thread_interrupt((kin_thread){atomic_load(&m.name)}));
        }
        end_thread(thread);
        assert_int_equal(m.wrong, 0);
        assert_status(kin_thread_interrupt((kin_thread){m.name}), KIN_E_NOT_FOUND); /* it has ended */
    }
    end_place(it);
}

/* ---- what is pending ---- */

static void interrupt_stays_pending_until_a_wait(void **state)
{
    (void)state;
    kin_thread self = {0}, again = {0};
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create(&sem, NULL, 1, 0));
    assert_ok(kin_thread_current(&self));
    assert_ok(kin_thread_current(&again));
    assert_true(self.number != 0 && self.number == again.number);
    assert_int_equal(kin_thread_clear_interrupt(), 0);
    assert_ok(kin_thread_interrupt(self));
    assert_ok(kin_thread_interrupt(self));
    assert_ok(kin_sem_acquire(sem, 1, PATIENCE)); /* need not wait */
    assert_status(kin_sem_acquire(sem, 1, KIN_NOW), KIN_E_TIMED_OUT);
    int64_t start = now_ns();
    assert_status(kin_sem_acquire(sem, 1, KIN_FOREVER), KIN_E_INTERRUPTED);
    assert_string_equal(kin_last_error(), "kin_thread_interrupt ended the wait first");
    assert_status(kin_sem_acquire(sem, 1, KIN_MS(20)), KIN_E_TIMED_OUT); /* once */
    assert_true(now_ns() - start >= KIN_MS(20));
    assert_ok(kin_thread_interrupt(self));
    assert_ok(kin_sleep(0)); /* its time is over already */
    assert_int_equal(kin_thread_clear_interrupt(), 1);
    assert_status(kin_sleep(KIN_MS(1)), KIN_OK);
    assert_ok(kin_sem_destroy(sem));
}

/* What has ended a sleep among natives does not end the next ones. */
static void interrupted_once_it_sleeps_again(void **state)
{
    (void)state;
    kin_thread self = {0};
    intptr_t signal = make_signal();
    kin_wait_item item = {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, signal, 0};
    meeting m = {.it = &(place){.signal = signal}, .what = &(waiting){"handle", wait_handle, 1}};
    assert_ok(kin_thread_current(&self));
    void *thread = begin_thread(wait_in_rounds, &m);
    while (atomic_load(&m.begun) == 0) {
        kin_os_yield();
    }
    spin_for(KIN_MS(5));
    assert_ok(kin_thread_interrupt((kin_thread){atomic_load(&m.name)}));
    end_thread(thread);
    assert_int_equal(m.wrong, 0);
    assert_ok(kin_thread_interrupt(self));
    assert_status(kin_wait(&item, 1, 0, PATIENCE, NULL), KIN_E_INTERRUPTED);
    close_handle(signal);
}

static void bad_names_are_refused(void **state)
{
    (void)state;
    kin_thread self = {0};
    assert_status(kin_thread_current(NULL), KIN_E_ARGUMENT);
    assert_status(kin_thread_interrupt((kin_thread){0}), KIN_E_NOT_FOUND);
    assert_status(kin_thread_interrupt((kin_thread){UINT64_MAX}), KIN_E_NOT_FOUND);
    assert_ok(kin_thread_current(&self));
    for (int i = 0; i < 64; i++) {
        assert_status(kin_thread_interrupt((kin_thread){self.number ^ UINT64_C(1) << i}), KIN_E_NOT_FOUND);
    }
    assert_int_equal(kin_thread_clear_interrupt(), 0);
}

/* Nothing that has no timeout is cut short. */
static void what_has_no_timeout_is_not_interrupted(void **state)
{
    (void)state;
    kin_thread self = {0};
    kin_dict *dict = NULL;
    kin_value *value = NULL;
    int64_t number = 0;
    void *memory = NULL;
    assert_ok(kin_thread_current(&self));
    assert_ok(kin_thread_interrupt(self));
    assert_ok(kin_dict_create(&dict, NULL));
    assert_ok(kin_dict_set(dict, "key", 3, &number, sizeof number));
    assert_ok(kin_value_create(&value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED));
    assert_ok(kin_value_set(value, &number, sizeof number));
    assert_ok(kin_alloc(&memory, NULL, 1000));
    assert_ok(kin_free(memory));
    assert_ok(kin_value_destroy(value));
    assert_ok(kin_dict_destroy(dict));
    assert_int_equal(kin_thread_clear_interrupt(), 1);
}

static void name_and_release(void *released)
{
    kin_thread self;
    MUST(kin_thread_current(&self) == KIN_OK);
    MUST(kin_sem_acquire(released, 1, PATIENCE) == KIN_OK);
}

static void names_cost_nothing_when_their_threads_have_ended(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    assert_ok(kin_sem_create(&sem, NULL, 100, 0));
    run_thread(name_and_release, sem);
    size_t handles = count_handles();
    for (int i = 0; i < 20; i++) {
        run_thread(name_and_release, sem);
    }
    assert_int_equal(count_handles(), handles);
    assert_ok(kin_sem_destroy(sem));
}

static int child_use_parents_name(const kin_args *args)
{
    kin_thread parents = {(uint64_t)given_number(args, "name")}, own = {0};
    CHECK(kin_thread_interrupt(parents) == KIN_E_NOT_FOUND);
    CHECK(kin_thread_current(&own) == KIN_OK && kin_thread_interrupt(own) == KIN_OK);
    CHECK(kin_sleep(PATIENCE) == KIN_E_INTERRUPTED);
    return 0;
}

static void name_means_nothing_to_a_child(void **state)
{
    (void)state;
    kin_thread self = {0};
    assert_ok(kin_thread_current(&self));
    kin_args *args = new_args();
    give_number(args, "name", (int64_t)self.number);
    run_child("use_parents_name", args);
    kin_args_destroy(args);
    assert_int_equal(kin_thread_clear_interrupt(), 0);
}

/* ---- threads that share objects and are interrupted all the time ---- */

enum { SHARERS = 3, PERMITS = 1 };

typedef struct shared {
    kin_lock lock;
    kin_sem sem;
    _Atomic uint64_t put, got; /* sums of messages */
    int64_t here, there;       /* under lock, alike */
    _Atomic int64_t turns;
} shared;

typedef struct crowd {
    shared *it;
    kin_sem *leased;
    kin_queue *queue;
    _Atomic uint64_t names[SHARERS];
    _Atomic int number, left;
    _Atomic int turns; /* that each is to make; 0: without end */
    _Atomic uint64_t interrupted;
} crowd;

#define INSIST(c, call)                                                                                                \
    do {                                                                                                               \
        kin_status insist_;                                                                                            \
        while ((insist_ = (call)) == KIN_E_INTERRUPTED) {                                                              \
            atomic_fetch_add(&(c)->interrupted, 1);                                                                    \
        }                                                                                                              \
        MUST(insist_ >= 0);                                                                                            \
    } while (0)

static void lock_and_change(crowd *c)
{
    shared *it = c->it;
    kin_status status;
    while ((status = kin_lock_acquire(&it->lock, PATIENCE)) == KIN_E_INTERRUPTED) {
        atomic_fetch_add(&c->interrupted, 1);
    }
    MUST(status >= 0 && (status == KIN_OWNER_DIED || it->here == it->there));
    it->here++;
    spin_for(KIN_US(20)); /* the others have to wait */
    it->there = it->here;
    atomic_fetch_add(&it->turns, 1);
    MUST(kin_lock_repair(&it->lock) == KIN_OK && kin_lock_release(&it->lock) == KIN_OK);
}

static void share(void *crowd_)
{
    crowd *c = crowd_;
    shared *it = c->it;
    kin_thread self = {0};
    uint64_t number = (uint64_t)atomic_fetch_add(&c->number, 1), message = 0;
    MUST(kin_thread_current(&self) == KIN_OK);
    atomic_store(&c->names[number], self.number);
    int turns = atomic_load(&c->turns);
    for (int i = 1; turns == 0 || i <= turns; i++) {
        lock_and_change(c);
        INSIST(c, kin_sem_acquire(&it->sem, 1, PATIENCE));
        kin_os_yield();
        MUST(kin_sem_release(&it->sem, 1) == KIN_OK);
        INSIST(c, kin_sem_acquire(c->leased, 1, PATIENCE));
        kin_os_yield();
        MUST(kin_sem_release(c->leased, 1) == KIN_OK);
        message = number << 32 | (uint64_t)i;
        INSIST(c, kin_queue_put(c->queue, &message, sizeof message, PATIENCE));
        atomic_fetch_add(&it->put, message);
        INSIST(c, kin_queue_get(c->queue, &message, sizeof message, NULL, PATIENCE));
        atomic_fetch_add(&it->got, message);
    }
    atomic_fetch_add(&c->left, 1);
}

static void interrupt_all(crowd *c)
{
    void *threads[SHARERS];
    uint32_t random = 7;
    for (int i = 0; i < SHARERS; i++) {
        threads[i] = begin_thread(share, c);
    }
    while (atomic_load(&c->left) < SHARERS) {
        uint64_t name = atomic_load(&c->names[next_number(&random) % SHARERS]);
        if (name != 0) {
            kin_thread_interrupt((kin_thread){name});
        }
        spin_for(KIN_US(next_number(&random) % 40));
    }
    for (int i = 0; i < SHARERS; i++) {
        end_thread(threads[i]);
    }
}

static crowd new_crowd(void)
{
    crowd c = {0};
    assert_ok(kin_alloc((void **)&c.it, NULL, sizeof *c.it));
    memset(c.it, 0, sizeof *c.it);
    assert_ok(kin_lock_init(&c.it->lock, 0));
    assert_ok(kin_sem_init(&c.it->sem, PERMITS, 0));
    assert_ok(kin_sem_create_leased(&c.leased, NULL, PERMITS));
    c.queue = new_queue_in(NULL, 0, PERMITS, 0);
    return c;
}

static void end_crowd(const crowd *c)
{
    assert_ok(kin_queue_destroy(c->queue));
    assert_ok(kin_sem_destroy(c->leased));
    assert_ok(kin_free(c->it));
}

static void nothing_is_lost_or_gained(void **state)
{
    (void)state;
    crowd c = new_crowd();
    uint32_t permits = 0, leased = 0;
    atomic_store(&c.turns, 1000);
    interrupt_all(&c);
    assert_int_equal(c.it->here, SHARERS * c.turns);
    assert_int_equal(c.it->here, c.it->there);
    assert_ok(kin_sem_value(&c.it->sem, &permits));
    assert_ok(kin_sem_value(c.leased, &leased));
    assert_true(permits == PERMITS && leased == PERMITS);
    assert_int_equal(c.it->put, c.it->got);
    assert_true(c.interrupted > 0);
    end_crowd(&c);
}

/* ---- the same, killed ---- */

static int child_share(const kin_args *args)
{
    crowd c = {.it = given(args, "shared", KIN_TYPE_MEMORY),
               .leased = given(args, "leased", KIN_TYPE_SEM),
               .queue = given(args, "queue", KIN_TYPE_QUEUE)};
    CHECK(c.it && c.leased && c.queue);
    interrupt_all(&c);
    return 0;
}

static void await_turns(shared *it, int64_t turns, kin_process *child)
{
    for (int64_t end = atomic_load(&it->turns) + turns; atomic_load(&it->turns) < end; kin_os_yield()) {
        if (!kin_process_alive(child)) {
            join_child(child, 0);
        }
    }
}

/* Each can be used again: what a dead process had comes back where the object notices deaths. */
static void use_what_the_dead_left(const crowd *c)
{
    shared *it = c->it;
    uint32_t permits = 0;
    uint64_t message = 0;
    kin_status status = kin_lock_acquire(&it->lock, PATIENCE);
    assert_true(status == KIN_OK || status == KIN_OWNER_DIED);
    it->here = it->there;
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    assert_ok(kin_sem_acquire(c->leased, PERMITS, PATIENCE));
    assert_ok(kin_sem_release(c->leased, PERMITS));
    while (kin_sem_acquire(&it->sem, 1, KIN_NOW) == KIN_OK) { /* a plain semaphore notices none */
    }
    assert_ok(kin_sem_release(&it->sem, PERMITS));
    assert_ok(kin_sem_value(&it->sem, &permits));
    assert_int_equal(permits, PERMITS);
    while (kin_queue_get(c->queue, &message, sizeof message, NULL, KIN_NOW) == KIN_OK) {
    }
    assert_ok(kin_queue_put(c->queue, &message, sizeof message, PATIENCE));
    assert_ok(kin_queue_get(c->queue, &message, sizeof message, NULL, PATIENCE));
}

static void killed_while_interrupted(void **state)
{
    (void)state;
    crowd c = new_crowd();
    kin_args *args = new_args();
    give(args, "shared", KIN_TYPE_MEMORY, c.it);
    give(args, "leased", KIN_TYPE_SEM, c.leased);
    give(args, "queue", KIN_TYPE_QUEUE, c.queue);
    for (int i = 0; i < FEW; i++) {
        kin_process *child = start_child("share", args);
        await_turns(c.it, 50, child);
        spin_for(i * KIN_US(331));
        kill_child(child);
        use_what_the_dead_left(&c);
    }
    kin_args_destroy(args);
    end_crowd(&c);
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"share", child_share}, {"use_parents_name", child_use_parents_name}, {"wait_for_end", child_wait_for_end}};
    kin_register_tasks(tasks, 1);
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wait_ends_at_any_moment),
        cmocka_unit_test(interrupt_stays_pending_until_a_wait),
        cmocka_unit_test(interrupted_once_it_sleeps_again),
        cmocka_unit_test(bad_names_are_refused),
        cmocka_unit_test(what_has_no_timeout_is_not_interrupted),
        cmocka_unit_test(names_cost_nothing_when_their_threads_have_ended),
        cmocka_unit_test(name_means_nothing_to_a_child),
        cmocka_unit_test(nothing_is_lost_or_gained),
        unit_test_with_deaths(killed_while_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
