/* Wake-ups from inside: one thread is stopped between two instructions of its wait, or of its waking, and meanwhile
 * others do what they may do then. Slices are off, and nobody dies: a wake-up that is lost is waited for in vain. */
#include "support.h"
#include "posix/inside.h"

#include <stdatomic.h>
#include <unistd.h>

#include "park/park.h"
#include "sync/lease.h"

#define STRIDE 3 /* of the instructions on a way, one of so many is tried */

typedef struct scene {
    kin_lock lock;
    kin_rwlock rwlock;
    kin_sem sem;
    kin_event event;
    kin_cond cond;
    kin_barrier barrier;
    kin_sem *leased;
    kin_queue *filled, *emptied; /* of one message each */
} scene;

static scene *it; /* at the same place in forked children */
static int64_t patience = PATIENCE;

static void new_scene(void)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    options.max_messages = 1;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_rwlock_init(&it->rwlock));
    assert_ok(kin_sem_init(&it->sem, 0, 0));
    assert_ok(kin_event_init(&it->event));
    assert_ok(kin_cond_init(&it->cond));
    assert_ok(kin_barrier_init(&it->barrier, 2));
    assert_ok(kin_sem_create_leased(&it->leased, NULL, 1));
    assert_ok(kin_queue_create(&it->filled, NULL, &options));
    assert_ok(kin_queue_create(&it->emptied, NULL, &options));
}

static void free_scene(void)
{
    assert_ok(kin_queue_destroy(it->filled));
    assert_ok(kin_queue_destroy(it->emptied));
    assert_ok(kin_sem_destroy(it->leased));
    assert_ok(kin_free(it));
}

/* ---- kinds: what is arranged before, the wait, and what wakes ---- */

typedef inside_deed deed;

static kin_status after(kin_status first, deed *next)
{
    return first == KIN_OK ? next() : first;
}

static kin_status nothing(void)
{
    return KIN_OK;
}

static kin_status hold_lock(void)
{
    return kin_lock_acquire(&it->lock, PATIENCE);
}

static kin_status wake_lock(void)
{
    return kin_lock_release(&it->lock);
}

static kin_status wait_lock(void)
{
    return after(hold_lock(), wake_lock);
}

static kin_status wait_sem(void)
{
    return kin_sem_acquire(&it->sem, 1, PATIENCE);
}

static kin_status wake_sem(void)
{
    return kin_sem_release(&it->sem, 1);
}

static kin_status hold_leased(void)
{
    return kin_sem_acquire(it->leased, 1, PATIENCE);
}

static kin_status wake_leased(void)
{
    return kin_sem_release(it->leased, 1);
}

static kin_status wait_leased(void)
{
    return after(hold_leased(), wake_leased);
}

static kin_status clear_event(void)
{
    return kin_event_clear(&it->event);
}

static kin_status wait_event(void)
{
    return kin_event_wait(&it->event, PATIENCE);
}

static kin_status wake_event(void)
{
    return kin_event_set(&it->event);
}

static kin_status wait_get(void)
{
    char byte;
    return kin_queue_get(it->filled, &byte, 1, NULL, PATIENCE);
}

static kin_status wake_put(void)
{
    return kin_queue_put(it->filled, "x", 1, patience);
}

static kin_status fill(void)
{
    return kin_queue_put(it->emptied, "x", 1, PATIENCE);
}

static kin_status wake_get(void)
{
    char byte;
    return kin_queue_get(it->emptied, &byte, 1, NULL, patience);
}

static kin_status wait_put(void)
{
    return after(fill(), wake_get);
}

static kin_status hold_write(void)
{
    return kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_WRITE, PATIENCE);
}

static kin_status hold_read(void)
{
    return kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_READ, PATIENCE);
}

static kin_status wake_rwlock(void)
{
    return kin_rwlock_release(&it->rwlock);
}

static kin_status wait_read(void)
{
    return after(hold_read(), wake_rwlock);
}

static kin_status wait_write(void)
{
    return after(hold_write(), wake_rwlock);
}

static kin_status meet(void)
{
    return kin_barrier_wait(&it->barrier, NULL, PATIENCE);
}

static kin_status wait_cond(void)
{
    return after(kin_cond_wait(&it->cond, &it->lock, PATIENCE), wake_lock);
}

static kin_status notify_one(void)
{
    return kin_cond_notify(&it->cond, 1);
}

static kin_status notify(void)
{
    return after(after(hold_lock(), notify_one), wake_lock);
}

static kin_status watch(uint32_t type, uint32_t interest, void *object)
{
    kin_wait_item item = {type, interest, object, 0, 0};
    return kin_wait(&item, 1, 0, PATIENCE, NULL);
}

static kin_status watch_lock(void)
{
    return watch(KIN_TYPE_LOCK, KIN_WAIT_READABLE, &it->lock);
}

static kin_status watch_sem(void)
{
    return after(watch(KIN_TYPE_SEM, KIN_WAIT_READABLE, &it->sem), wait_sem);
}

static kin_status watch_leased(void)
{
    return watch(KIN_TYPE_SEM, KIN_WAIT_READABLE, it->leased);
}

static kin_status watch_get(void)
{
    return after(watch(KIN_TYPE_QUEUE, KIN_WAIT_READABLE, it->filled), wait_get);
}

static kin_status watch_put(void)
{
    return watch(KIN_TYPE_QUEUE, KIN_WAIT_WRITABLE, it->emptied);
}

/* With something native beside it, for which the system waits: so it is woken by its bell. */
static kin_status watch_event(void)
{
    static intptr_t never = -1;
    never = never < 0 ? make_signal() : never;
    kin_wait_item items[] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, &it->event, 0, 0},
                             {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, never, 0}};
    return kin_wait(items, 2, 0, PATIENCE, NULL);
}

/* ---- operations that do not have to wait for a stopped process ---- */

static bool is_lock_free(void)
{
    kin__lock *inside = (void *)&it->lock;
    return atomic_load(&inside->word) == 0;
}

static bool is_lease_free(void)
{
    kin__lease *inside = (void *)it->leased;
    return atomic_load(&inside->lock.word) == 0;
}

static bool is_first_there(void)
{
    kin_barrier_info info = KIN_BARRIER_INFO_INIT;
    return kin_barrier_inspect(&it->barrier, &info) == KIN_OK && info.waiting == 1;
}

typedef struct kind {
    const char *what;
    deed *prepare; /* by the waiter, before it is stopped */
    deed *arrange; /* by the waker */
    deed *wait, *wake;
    bool (*possible)(void); /* to wake now; NULL: always */
    bool each;              /* one deed wakes one waiter; else all, sooner or later */
} kind;

static const kind kinds[] = {
    {"lock", nothing, hold_lock, wait_lock, wake_lock, NULL, false},
    {"semaphore", nothing, nothing, wait_sem, wake_sem, NULL, true},
    {"leased semaphore", nothing, hold_leased, wait_leased, wake_leased, is_lease_free, false},
    {"event", nothing, clear_event, wait_event, wake_event, NULL, false},
    {"queue, get", nothing, nothing, wait_get, wake_put, NULL, true},
    {"queue, put", nothing, fill, wait_put, wake_get, NULL, false},
    {"reader", nothing, hold_write, wait_read, wake_rwlock, NULL, false},
    {"writer behind a writer", nothing, hold_write, wait_write, wake_rwlock, NULL, false},
    {"writer behind a reader", nothing, hold_read, wait_write, wake_rwlock, NULL, false},
    {"kin_wait, lock", nothing, hold_lock, watch_lock, wake_lock, NULL, false},
    {"kin_wait, semaphore", nothing, nothing, watch_sem, wake_sem, NULL, true},
    {"kin_wait, leased semaphore", nothing, hold_leased, watch_leased, wake_leased, is_lease_free, false},
    {"kin_wait, event and native", nothing, clear_event, watch_event, wake_event, NULL, false},
    {"kin_wait, queue, get", nothing, nothing, watch_get, wake_put, NULL, true},
    {"kin_wait, queue, put", nothing, fill, watch_put, wake_get, NULL, false},
    {"condition", hold_lock, nothing, wait_cond, notify, is_lock_free, true},
    {"barrier", nothing, nothing, meet, meet, is_first_there, true},
};

#define KINDS (sizeof kinds / sizeof kinds[0])
#define FOR_MANY (KINDS - 2) /* of which there may be several waiters at any time */

/* ---- a waiter is stopped, and what it waits for is done ---- */

static void expect_done(const kind *k, uint64_t place)
{
    kin_status status = KIN_OK;
    bool done = inside_await(&status);
    if (!done || status != KIN_OK) {
        inside_end();
        fail_msg("%s: a waiter that was stopped at +%lx: %s", k->what, inside_offset(place),
                 done ? kin_status_name(status) : "is not woken");
    }
}

/* While the child stands still. False: it has a lock that the deed needs. */
static bool wake_now(const kind *k)
{
    if (k->possible && !k->possible()) {
        return false;
    }
    patience = KIN_MS(2);
    kin_status status = k->wake();
    patience = PATIENCE;
    assert_true(status == KIN_OK || status == KIN_E_TIMED_OUT);
    return status == KIN_OK;
}

static void wake_at(const kind *k, uint64_t place)
{
    assert_ok(k->arrange());
    inside_begin();
    bool stopped = inside_run_to(place), woken = stopped && wake_now(k);
    if (stopped) {
        inside_go_on();
    }
    if (!woken) {
        assert_ok(k->wake());
    }
    expect_done(k, place);
}

/* The first round is not like the others: the child joins. */
static size_t learn_waiters_way(const kind *k, const uint64_t **way)
{
    size_t length = 0;
    for (int round = 1; round <= 2; round++) {
        assert_ok(k->arrange());
        inside_begin();
        if (round == 2) {
            length = inside_learn(way);
        }
        inside_go_on();
        assert_ok(k->wake());
        expect_done(k, 0);
    }
    return length;
}

static void a_waiter_is_woken_wherever_it_is(void **state)
{
    (void)state;
    new_scene();
    for (const kind *k = kinds; k < kinds + KINDS; k++) {
        const uint64_t *way;
        inside_start(k->prepare, k->wait);
        size_t length = learn_waiters_way(k, &way);
        assert_true(length > 100);
        for (size_t i = 0; i < length; i += STRIDE) {
            wake_at(k, way[i]);
        }
        inside_end();
        assert_ok(kin_family_reap(NULL, NULL));
    }
    free_scene();
}

/* ---- a waker is stopped; one sleeps already, and another one begins to wait ---- */

typedef struct sleeper {
    void *thread;
    const kind *kind;
    kin__thread *_Atomic slot;
    _Atomic int64_t begun, done; /* rounds */
    _Atomic int status;
} sleeper;

#define NO_MORE INT64_MAX

static sleeper sleepers[2];

static void sleep_each_round(void *sleeper_)
{
    sleeper *me = sleeper_;
    kin_family *family = NULL;
    kin__seat *seat = NULL;
    MUST(kin_family_default(&family) == KIN_OK && kin__seat_take(&seat, family) == KIN_OK);
    atomic_store(&me->slot, seat->thread);
    for (int64_t round = 1;; round++) {
        while (atomic_load(&me->begun) < round) {
            usleep(20);
        }
        if (atomic_load(&me->begun) == NO_MORE) {
            return;
        }
        atomic_store(&me->status, (int)me->kind->wait());
        atomic_store(&me->done, round);
    }
}

static void start_sleepers(const kind *k)
{
    for (int i = 0; i < 2; i++) {
        sleepers[i] = (sleeper){.kind = k};
        sleepers[i].thread = begin_thread(sleep_each_round, &sleepers[i]);
    }
}

static void end_sleepers(void)
{
    for (int i = 0; i < 2; i++) {
        atomic_store(&sleepers[i].begun, NO_MORE);
        end_thread(sleepers[i].thread);
    }
}

static bool has_slept(sleeper *one)
{
    return atomic_load(&one->done) == inside_round();
}

/* Returns when it sleeps, has done so, or after a while. */
static void put_to_sleep(sleeper *one)
{
    atomic_store(&one->begun, inside_round());
    int64_t end = now_ns() + KIN_MS(5);
    for (int looks = 0; looks < 3 && !has_slept(one) && now_ns() < end; usleep(20)) {
        kin__thread *slot = atomic_load(&one->slot);
        looks = slot && kin__slot_waits(atomic_load(&slot->state)) ? looks + 1 : 0;
    }
}

static void expect_awake(const kind *k, uint64_t place, const char *which, sleeper *one)
{
    for (int64_t end = now_ns() + KIN_SECONDS(5); !has_slept(one) && now_ns() < end; usleep(20)) {
    }
    if (!has_slept(one)) {
        inside_end();
        fail_msg("%s: %s is not woken by a waker that was stopped at +%lx", k->what, which, inside_offset(place));
    }
    assert_int_equal(atomic_load(&one->status), KIN_OK);
}

/* place 0: the way is learnt. Returns how long it is then. */
static size_t sleep_at(const kind *k, uint64_t place, const uint64_t **way)
{
    kin_status status;
    size_t length = 0;
    inside_begin();
    put_to_sleep(&sleepers[0]);
    bool stopped = place == 0 || inside_run_to(place);
    if (place == 0) {
        length = inside_learn(way);
    }
    put_to_sleep(&sleepers[1]);
    if (stopped) {
        inside_go_on();
    }
    assert_true(inside_await(&status));
    assert_ok(status);
    if (k->each) {
        assert_ok(k->wake());
    }
    expect_awake(k, place, "one that slept", &sleepers[0]);
    expect_awake(k, place, "one that came later", &sleepers[1]);
    return length;
}

static void nobody_is_forgotten_wherever_the_waker_is(void **state)
{
    (void)state;
    new_scene();
    for (const kind *k = kinds; k < kinds + FOR_MANY; k++) {
        const uint64_t *way;
        inside_start(k->arrange, k->wake);
        start_sleepers(k);
        sleep_at(k, 0, &way); /* in its first round the child joins */
        size_t length = sleep_at(k, 0, &way);
        assert_true(length > 100);
        for (size_t i = 0; i < length; i += STRIDE) {
            sleep_at(k, way[i], &way);
        }
        end_sleepers();
        inside_end();
        assert_ok(kin_family_reap(NULL, NULL));
    }
    free_scene();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiter_is_woken_wherever_it_is),
        cmocka_unit_test(nobody_is_forgotten_wherever_the_waker_is),
    };
    kin_child_main(NULL, 0);
    set_variable("KIN_TEST_SLICES", "off");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
