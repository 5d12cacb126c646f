/* What must hold between any two instructions: two are never inside, a death is told once, one reaps, one of a cycle
 * gives up. A child is stopped at each instruction of its way in turn, while this process tries the same. */
#include "support.h"
#include "posix/children.h"
#include "posix/inside.h"

#include <stdatomic.h>
#include <unistd.h>

#include "family/member.h"
#include "park/park.h"

#define STRIDE 2

typedef struct scene {
    kin_lock lock, other;
    kin_rwlock rwlock;
    kin_sem sem;
    kin_sem *leased;
    _Atomic uint32_t reaped;
} scene;

static scene *it; /* at the same place in forked children */

static void new_scene(void)
{
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_lock_init(&it->other, 0));
    assert_ok(kin_rwlock_init(&it->rwlock));
    assert_ok(kin_sem_init(&it->sem, 1, 1));
    assert_ok(kin_sem_create_leased(&it->leased, NULL, 1));
}

static void free_scene(void)
{
    inside_end();
    assert_ok(kin_family_reap(NULL, NULL));
    assert_ok(kin_sem_destroy(it->leased));
    assert_ok(kin_free(it));
}

/* Learns the way of the child's second round; its first one is not like the others, for it joins. */
static size_t learn(const uint64_t **way, void (*between)(void))
{
    kin_status status;
    size_t length = 0;
    for (int round = 1; round <= 2; round++) {
        between();
        inside_begin();
        if (round == 2) {
            length = inside_learn(way);
        }
        inside_go_on();
        assert_true(inside_await(&status));
        assert_true(status >= 0);
    }
    return length;
}

static void nothing_between(void)
{
}

/* ---- two are never inside ---- */

static kin_status acquire_lock(int64_t timeout)
{
    return kin_lock_acquire(&it->lock, timeout);
}

static kin_status release_lock(void)
{
    return kin_lock_release(&it->lock);
}

static kin_status acquire_writing(int64_t timeout)
{
    return kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_WRITE, timeout);
}

static kin_status acquire_reading(int64_t timeout)
{
    return kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_READ, timeout);
}

static kin_status release_rwlock(void)
{
    return kin_rwlock_release(&it->rwlock);
}

static kin_status acquire_sem(int64_t timeout)
{
    return kin_sem_acquire(&it->sem, 1, timeout);
}

static kin_status release_sem(void)
{
    return kin_sem_release(&it->sem, 1);
}

static kin_status acquire_leased(int64_t timeout)
{
    return kin_sem_acquire(it->leased, 1, timeout);
}

static kin_status release_leased(void)
{
    return kin_sem_release(it->leased, 1);
}

/* Else this process would wait for the child, which stands still. */
static bool is_lease_free(void)
{
    kin__lease *inside = (void *)it->leased;
    return atomic_load(&inside->lock.word) == 0;
}

typedef struct pair {
    const char *what;
    kin_status (*childs)(int64_t timeout), (*parents)(int64_t timeout);
    inside_deed *release;
    bool after_writer; /* the child comes first after a writer, in each round */
} pair;

static const pair pairs[] = {
    {"lock", acquire_lock, acquire_lock, release_lock, false},
    {"writer, writer", acquire_writing, acquire_writing, release_rwlock, false},
    {"reader, writer", acquire_reading, acquire_writing, release_rwlock, false},
    {"first reader, writer", acquire_reading, acquire_writing, release_rwlock, true},
    {"writer, reader", acquire_writing, acquire_reading, release_rwlock, false},
    {"semaphore", acquire_sem, acquire_sem, release_sem, false},
    {"leased semaphore", acquire_leased, acquire_leased, release_leased, false},
};

static const pair *now_tried; /* known to the child */
static bool is_inside;        /* the child's own */

static kin_status leave_if_inside(void)
{
    kin_status status = is_inside ? now_tried->release() : KIN_OK;
    is_inside = false;
    if (status == KIN_OK && now_tried->after_writer) {
        status = acquire_writing(PATIENCE);
        status = status == KIN_OK ? release_rwlock() : status;
    }
    return status;
}

static kin_status come_in(void)
{
    kin_status status = now_tried->childs(PATIENCE);
    is_inside = status == KIN_OK;
    return status;
}

static void try_both_at(const pair *one, uint64_t place)
{
    kin_status status;
    inside_begin();
    bool stopped = inside_run_to(place);
    kin_status mine = is_lease_free() ? one->parents(KIN_MS(1)) : KIN_E_TIMED_OUT;
    if (stopped) {
        inside_go_on();
    }
    assert_true(mine == KIN_OK || mine == KIN_E_TIMED_OUT);
    if (mine == KIN_OK) {
        usleep(200);
        if (inside_is_done()) {
            inside_end();
            fail_msg("%s: both are inside; one was stopped at +%lx", one->what, inside_offset(place));
        }
        assert_ok(one->release());
    }
    assert_true(inside_await(&status));
    assert_ok(status);
    assert_status(one->parents(KIN_NOW), KIN_E_TIMED_OUT);
}

static void two_are_never_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const uint64_t *way;
        now_tried = &pairs[i];
        new_scene();
        inside_start(leave_if_inside, come_in);
        size_t length = learn(&way, nothing_between);
        for (size_t k = 0; k < length; k += STRIDE) {
            try_both_at(&pairs[i], way[k]);
        }
        free_scene();
    }
}

/* ---- a death is told once ---- */

static kin_status (*hold_to_death)(int64_t timeout), (*acquire_again)(int64_t timeout);
static inside_deed *release_again;

static kin_status take_over(void)
{
    kin_status status = acquire_again(KIN_NOW);
    if (status == KIN_OWNER_DIED) {
        kin_lock_repair(&it->lock);
        kin_rwlock_repair(&it->rwlock);
        kin_status left = release_again();
        return left == KIN_OK ? status : left;
    }
    return status == KIN_E_TIMED_OUT ? KIN_OK : status; /* this process was faster */
}

static kin_status do_nothing(void)
{
    return KIN_OK;
}

/* An owner that is dead, and has been reaped: its death is known without asking the system. */
static void leave_a_dead_owner(void)
{
    pid_t pid = fork_child();
    if (pid == 0) {
        _exit(hold_to_death(PATIENCE) != KIN_OK);
    }
    assert_int_equal(end_of(pid), 0);
    assert_ok(kin_family_reap(NULL, NULL));
}

static void take_over_at(uint64_t place)
{
    kin_status childs;
    leave_a_dead_owner();
    inside_begin();
    bool stopped = inside_run_to(place);
    kin_status mine = acquire_again(KIN_NOW);
    if (stopped) {
        inside_go_on();
    }
    assert_true(inside_await(&childs)); /* while this process has it, if it has */
    if (childs == mine || (mine != KIN_OWNER_DIED && childs != KIN_OWNER_DIED)) {
        inside_end();
        fail_msg("%s and %s; stopped at +%lx", kin_status_name(mine), kin_status_name(childs), inside_offset(place));
    }
    if (mine >= 0) {
        kin_lock_repair(&it->lock);
        kin_rwlock_repair(&it->rwlock);
        assert_ok(release_again());
    }
}

static void a_death_is_told_once(void **state)
{
    (void)state;
    kin_status (*const all[])(int64_t) = {acquire_lock, acquire_writing, acquire_reading};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const uint64_t *way;
        acquire_again = all[i];
        hold_to_death = i == 0 ? acquire_lock : acquire_writing;
        release_again = i == 0 ? release_lock : release_rwlock;
        new_scene();
        inside_start(do_nothing, take_over);
        size_t length = learn(&way, leave_a_dead_owner);
        for (size_t k = 0; k < length; k += STRIDE) {
            take_over_at(way[k]);
        }
        free_scene();
    }
}

/* ---- one that was taken for dead gives back nothing of its successor's ---- */

static kin_status hold_lock(void)
{
    return acquire_lock(PATIENCE);
}

/* Somebody seems to sleep there, so the release is the slow one. Returns whether the child, that holds the lock, had
 * been stopped, and this process has taken it. place: 0: it is not stopped. */
static bool take_from_living_at(uint64_t place, uint64_t mine)
{
    kin__lock *inside = (void *)&it->lock;
    inside_begin();
    uint64_t childs = atomic_fetch_or(&inside->word, 1) | 1;
    bool stopped = place != 0 && inside_run_to(place);
    bool taken = stopped && atomic_compare_exchange_strong(&inside->word, &childs, mine);
    if (stopped) {
        inside_go_on();
    }
    return taken;
}

static void release_at(uint64_t place, uint64_t mine)
{
    kin__lock *inside = (void *)&it->lock;
    kin_status status;
    bool taken = take_from_living_at(place, mine);
    assert_true(inside_await(&status));
    assert_true(atomic_load(&inside->word) == (taken ? mine : 0));
    assert_status(status, taken ? KIN_E_NOT_OWNER : KIN_OK);
    atomic_store(&inside->word, 0);
}

static void what_a_successor_holds_is_not_released(void **state)
{
    (void)state;
    const uint64_t *way;
    kin_status status;
    kin_family *family = NULL;
    kin__seat *seat = NULL;
    new_scene();
    assert_ok(kin_family_default(&family));
    assert_ok(kin__seat_take(&seat, family));
    inside_start(hold_lock, release_lock);
    for (int round = 1; round <= 2; round++) { /* the first one is not like the others */
        take_from_living_at(0, 0);
        size_t length = round == 2 ? inside_learn(&way) : 0;
        inside_go_on();
        assert_true(inside_await(&status));
        assert_ok(status);
        for (size_t k = 0; k < length; k++) {
            release_at(way[k], seat->token);
        }
    }
    free_scene();
}

/* ---- a flag is not taken from a sleeper ---- */

static kin_status hold_leased(void)
{
    return acquire_leased(PATIENCE);
}

static const struct flagged {
    const char *what;
    inside_deed *prepare, *release;         /* the child's */
    kin_status (*acquire)(int64_t timeout); /* this process's */
    bool comes_back;
} flagged[] = {
    {"semaphore", do_nothing, release_sem, acquire_sem, false},
    {"leased semaphore", hold_leased, release_leased, acquire_leased, true},
};

static const struct flagged *now_flagged;

static void acquire_once(void *done)
{
    MUST(now_flagged->acquire(PATIENCE) == KIN_OK);
    MUST(!now_flagged->comes_back || release_leased() == KIN_OK);
    atomic_store((_Atomic bool *)done, true);
}

static bool is_asleep_there(const void *object, size_t size)
{
    kin_family *family = kin__family_at(object);
    uint64_t first = kin__offset(family, object);
    bool asleep = false;
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        kin__thread *slot = kin__thread_at(family, i);
        uint64_t address = atomic_load(&slot->address);
        asleep |= kin__slot_waits(atomic_load(&slot->state)) && address >= first && address < first + size;
    }
    return asleep;
}

/* Nobody sleeps, though the flag is set: then this process takes the permit, and a thread begins to wait. */
static void begin_to_wait_at(uint64_t place)
{
    _Atomic bool done = false;
    kin_status status;
    const void *object = now_flagged->comes_back ? it->leased : &it->sem;
    inside_begin();
    assert_status(now_flagged->acquire(KIN_MS(2)), KIN_E_TIMED_OUT); /* leaves the flag */
    bool stopped = place != 0 && inside_run_to(place);
    bool taken = stopped && is_lease_free() && now_flagged->acquire(KIN_NOW) == KIN_OK;
    void *thread = begin_thread(acquire_once, (void *)&done);
    for (int i = 0, looks = 0; i < 100 && looks < 3 && !atomic_load(&done); i++) {
        looks = is_asleep_there(object, 64) ? looks + 1 : 0;
        usleep(30);
    }
    if (stopped || place == 0) {
        inside_go_on();
    }
    assert_true(inside_await(&status));
    assert_ok(status);
    if (taken) {
        assert_ok(now_flagged->release());
    }
    end_thread(thread); /* forgotten, it would be counted */
}

static void a_flag_is_not_taken_from_a_sleeper(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof flagged / sizeof flagged[0]; i++) {
        const uint64_t *way;
        kin_status status;
        now_flagged = &flagged[i];
        new_scene();
        assert_ok(acquire_sem(KIN_NOW));
        inside_start(now_flagged->prepare, now_flagged->release);
        begin_to_wait_at(0); /* the child joins */
        inside_begin();
        assert_status(now_flagged->acquire(KIN_MS(2)), KIN_E_TIMED_OUT);
        size_t length = inside_learn(&way);
        inside_go_on();
        assert_true(inside_await(&status));
        assert_true(now_flagged->comes_back || acquire_sem(KIN_NOW) == KIN_OK);
        for (size_t k = 0; k < length; k++) {
            begin_to_wait_at(way[k]);
        }
        free_scene();
    }
}

/* ---- a block that becomes free is found ---- */

static kin_family *small;
static void *_Atomic *got;

static kin_status take_block(void)
{
    void *block = NULL;
    kin_status status = kin_alloc(&block, small, 1000);
    atomic_store(got, block);
    return status == KIN_E_NO_MEMORY ? KIN_OK : status;
}

/* What this process remembers of blocks that it has freed. */
static void forget_hints(void)
{
    for (uint32_t i = 0; i < KIN__CLASSES; i++) {
        atomic_store(&small->hints[i].count, 0);
    }
}

/* All blocks are in use. One was freed a moment ago and taken again, so its mark is still there; the child looks for
 * it, and meanwhile the block becomes free. */
static void free_at(void **block, uint64_t place, const uint64_t **way, size_t *length)
{
    kin_status status;
    assert_ok(kin_free(*block));
    assert_ok(kin_alloc(block, small, 1000));
    inside_begin();
    bool stopped = place == 0 || inside_run_to(place);
    if (way) {
        *length = inside_learn(way);
    }
    assert_ok(kin_free(*block));
    forget_hints();
    if (stopped) {
        inside_go_on();
    }
    assert_true(inside_await(&status));
    assert_ok(status);
    *block = atomic_load(got);
    if (!*block && kin_alloc(block, small, 1000) != KIN_OK) {
        inside_end();
        fail_msg("a block is lost that became free when a search was at +%lx", inside_offset(place));
    }
}

static void a_block_that_becomes_free_is_found(void **state)
{
    (void)state;
    const uint64_t *way;
    size_t length = 0;
    void *block = NULL, *next = NULL;
    small = new_family(1 << 20);
    assert_ok(kin_alloc((void **)&got, small, sizeof *got));
    assert_ok(kin_alloc(&block, small, 1000));
    while (kin_alloc(&next, small, 1000) == KIN_OK) {
    }
    inside_start(do_nothing, take_block);
    free_at(&block, 0, NULL, NULL);
    free_at(&block, 0, &way, &length);
    for (size_t k = 0; k < length; k++) {
        free_at(&block, way[k], NULL, NULL);
    }
    inside_end();
    kin_family_close(small);
}

/* ---- one reaps ---- */

static kin_status reap(void)
{
    uint32_t count = 0;
    kin_status status = kin_family_reap(NULL, &count);
    atomic_store(&it->reaped, count);
    return status;
}

/* The dead one's entry names its reaper, which has begun after that time. */
static void assert_reaper_is_named(uint64_t begun)
{
    kin_family *family = NULL;
    const kin__member *reaped = NULL;
    assert_ok(kin_family_default(&family));
    for (uint32_t i = 0; i < kin__member_end(family); i++) {
        const kin__member *each = kin__member_at(family, i);
        reaped = KIN__MEMBER_PHASE(atomic_load(&each->state)) == KIN__REAPING ? each : reaped;
    }
    assert_non_null(reaped);
    assert_true(atomic_load(&reaped->start) >= begun);
}

static void a_reaper_is_alone(void **state)
{
    (void)state;
    kin_status status;
    kin_os_process_id now;
    uint32_t reaped = 99;
    new_scene();
    inside_start(do_nothing, reap);
    inside_begin();
    inside_go_on();
    assert_true(inside_await(&status));
    pid_t pid = fork_child();
    if (pid == 0) {
        _exit(acquire_lock(PATIENCE) != KIN_OK);
    }
    assert_int_equal(end_of(pid), 0);
    assert_ok(kin_os_self(&now));
    inside_begin();
    assert_true(inside_run_to((uint64_t)(uintptr_t)&kin__park_reap)); /* the dead one's slot is in its hands */
    assert_reaper_is_named(now.start);
    assert_ok(kin_family_reap(NULL, &reaped));
    assert_int_equal(reaped, 0);
    inside_go_on();
    assert_true(inside_await(&status));
    assert_ok(status);
    assert_int_equal(atomic_load(&it->reaped), 1);
    assert_status(acquire_lock(KIN_NOW), KIN_OWNER_DIED);
    free_scene();
}

/* ---- one of a cycle gives up ---- */

typedef struct rival {
    void *thread;
    _Atomic bool holds, asks, done;
    _Atomic int status;
} rival;

static rival other;

/* Holds the other lock, and wants the first one, which the child holds. */
static void close_cycle(void *unused)
{
    (void)unused;
    MUST(kin_lock_acquire(&it->other, PATIENCE) == KIN_OK);
    atomic_store(&other.holds, true);
    while (!atomic_load(&other.asks)) {
        usleep(100);
    }
    kin_status status = kin_lock_acquire(&it->lock, PATIENCE);
    MUST(status != KIN_OK || kin_lock_release(&it->lock) == KIN_OK);
    MUST(kin_lock_release(&it->other) == KIN_OK);
    atomic_store(&other.status, (int)status);
    atomic_store(&other.done, true);
}

static kin_status want_the_other(void)
{
    kin_status status = kin_lock_acquire(&it->other, PATIENCE);
    kin_status left = status == KIN_OK ? kin_lock_release(&it->other) : KIN_OK;
    kin_lock_release(&it->lock);
    return left == KIN_OK ? status : left;
}

/* The child comes last, and has found that, when it is stopped: the other one looks again at the ends of its slices. */
static void the_last_of_a_cycle_is_told_alone(void **state)
{
    (void)state;
    kin_status status;
    new_scene();
    inside_start(hold_lock, want_the_other);
    inside_begin();
    inside_go_on();
    assert_true(inside_await(&status)); /* it has joined */
    other = (rival){0};
    other.thread = begin_thread(close_cycle, NULL);
    inside_begin();
    while (!atomic_load(&other.holds)) {
        usleep(100);
    }
    atomic_store(&other.asks, true);
    await_asleep(&it->lock, sizeof it->lock, 1);
    assert_true(inside_run_to((uint64_t)(uintptr_t)&kin__park_end));
    usleep(300000); /* several slices */
    assert_false(atomic_load(&other.done));
    inside_go_on();
    assert_true(inside_await(&status));
    assert_status(status, KIN_E_DEADLOCK);
    end_thread(other.thread);
    assert_int_equal(atomic_load(&other.status), KIN_OK);
    free_scene();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_are_never_inside),
        unit_test_with_deaths(a_death_is_told_once),
        cmocka_unit_test(what_a_successor_holds_is_not_released),
        cmocka_unit_test(a_flag_is_not_taken_from_a_sleeper),
        cmocka_unit_test(a_block_that_becomes_free_is_found),
        unit_test_with_deaths(a_reaper_is_alone),
        cmocka_unit_test(the_last_of_a_cycle_is_told_alone),
    };
    kin_child_main(NULL, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
