/* The park alone, without spinning: turns handed back and forth between two processes, while a third, which sleeps on
 * the same word and passes on the wake-ups that it gets, is killed again and again. */
#include "support.h"

#include <stdlib.h>

#include "base/deadline.h"
#include "family/member.h"
#include "park/slices.h"
#include "park/slots.h"

typedef struct game {
    _Atomic uint64_t turn;
    _Atomic uint64_t last;     /* the turn at which it ends */
    _Atomic uint32_t by_slice; /* turns that a sleeper found only at the end of its slice */
    _Atomic uint32_t victims;  /* that have begun */
} game;

static kin__seat *own_seat(void)
{
    kin_family *family = NULL;
    kin__seat *seat = NULL;
    if (kin_family_default(&family) != KIN_OK || kin__seat_take(&seat, family) != KIN_OK) {
        return NULL;
    }
    return seat;
}

static kin__parked park(kin__seat *seat, _Atomic uint64_t *word, uint64_t expected, uint32_t want, int64_t deadline)
{
    kin__park_begin(seat, word, want);
    bool changed = atomic_load(word) != expected;
    if (!changed) {
        kin__park_sleep(seat, deadline);
    }
    if (kin__park_end(seat)) {
        return KIN__WOKEN;
    }
    return changed ? KIN__CHANGED : KIN__TIMED_OUT;
}

static kin__parked park_for_a_slice(kin__seat *seat, game *it, uint64_t turn)
{
    return park(seat, &it->turn, turn, 1, kin_os_now() + KIN__SLICE_MAX);
}

static uint64_t await_turn(kin__seat *seat, game *it, uint64_t parity)
{
    uint64_t turn = atomic_load(&it->turn);
    kin__parked parked = KIN__CHANGED;
    while (turn % 2 != parity && turn < atomic_load(&it->last)) {
        parked = park_for_a_slice(seat, it, turn);
        if (parked == KIN__WOKEN && atomic_load(&it->turn) == turn) {
            kin__unpark(seat->family, &it->turn, 1);
        }
        turn = atomic_load(&it->turn);
    }
    if (parked == KIN__TIMED_OUT) {
        atomic_fetch_add(&it->by_slice, 1);
    }
    return turn;
}

static int child_play(const kin_args *args)
{
    game *it = given(args, "game", KIN_TYPE_MEMORY);
    uint64_t parity = (uint64_t)given_number(args, "parity");
    kin__seat *seat = own_seat();
    CHECK(it && seat);
    for (;;) {
        uint64_t turn = await_turn(seat, it, parity);
        if (turn >= atomic_load(&it->last)) {
            break;
        }
        CHECK(turn % 2 == parity);
        CHECK(atomic_compare_exchange_strong(&it->turn, &turn, turn + 1));
        kin__unpark(seat->family, &it->turn, 1);
    }
    kin__unpark(seat->family, &it->turn, KIN__ALL);
    return 0;
}

static int child_be_victim(const kin_args *args)
{
    game *it = given(args, "game", KIN_TYPE_MEMORY);
    kin__seat *seat = own_seat();
    CHECK(it && seat);
    atomic_fetch_add(&it->victims, 1);
    while (atomic_load(&it->turn) < atomic_load(&it->last)) {
        if (park_for_a_slice(seat, it, atomic_load(&it->turn)) == KIN__WOKEN) {
            kin__unpark(seat->family, &it->turn, 1);
        }
    }
    return 0;
}

static kin_process *start_player(game *it, int64_t parity)
{
    kin_args *args = new_args();
    give(args, "game", KIN_TYPE_MEMORY, it);
    give_number(args, "parity", parity);
    kin_process *process = start_child("play", args);
    kin_args_destroy(args);
    return process;
}

/* Kills victims until the game is over. Returns how many. */
static uint32_t kill_victims(game *it)
{
    uint32_t killed = 0;
    kin_args *args = new_args();
    give(args, "game", KIN_TYPE_MEMORY, it);
    srand(7);
    while (atomic_load(&it->turn) < atomic_load(&it->last)) {
        kin_process *victim = start_child("be_victim", args);
        int64_t patience = kin_os_now() + PATIENCE;
        while (atomic_load(&it->victims) <= killed && kin_os_now() < patience) {
            kin_os_yield();
        }
        kin_os_sleep_until(kin_os_now() + KIN_US(rand() % 3000));
        kill_child(victim);
        killed++;
    }
    kin_args_destroy(args);
    return killed;
}

static uint64_t turns_to_play(void)
{
    const char *text = getenv("KIN_TEST_TURNS");
    return text ? strtoull(text, NULL, 10) : 20000;
}

static void no_wake_up_is_lost(void **state)
{
    (void)state;
    game *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    atomic_store(&it->last, turns_to_play());
    kin_process *players[2] = {start_player(it, 0), start_player(it, 1)};
    uint32_t killed = kill_victims(it);
    join_child(players[0], 0);
    join_child(players[1], 0);
    print_message("%u killed, %u turns found at the end of a slice\n", killed, atomic_load(&it->by_slice));
    assert_true(atomic_load(&it->turn) == turns_to_play());
    assert_true(atomic_load(&it->by_slice) <= killed);
    assert_ok(kin_free(it));
}

static void unpark_before_park_is_not_lost(void **state)
{
    (void)state;
    _Atomic uint64_t *word = NULL;
    kin__seat *seat = own_seat();
    assert_ok(kin_alloc((void **)&word, NULL, sizeof *word));
    atomic_store(word, 1);
    kin__unpark(seat->family, word, 1);
    assert_int_equal(park(seat, word, 0, 1, KIN_OS_NEVER), KIN__CHANGED);
    assert_int_equal(park(seat, word, 1, 1, kin_os_now() + KIN_MS(20)), KIN__TIMED_OUT);
    assert_ok(kin_free((void *)word));
}

/* ---- many sleepers: threads of this process, which sleep again whenever they are woken ---- */

enum { CROWD = 150 };

typedef struct sleeper {
    struct crowd *of;
    uint32_t want;
    void *thread;
    _Atomic uint64_t token;
    _Atomic uint32_t wakes;
} sleeper;

typedef struct crowd {
    _Atomic uint64_t *word;
    _Atomic uint64_t expected; /* while the word is this, they sleep */
    kin_family *family;
    _Atomic uint32_t over;
    uint32_t count;
    sleeper each[CROWD];
} crowd;

static void sleep_again_and_again(void *sleeper_)
{
    sleeper *me = sleeper_;
    kin__seat *seat = own_seat();
    atomic_store(&me->token, seat->token);
    while (!atomic_load(&me->of->over)) {
        if (park(seat, me->of->word, atomic_load(&me->of->expected), me->want, kin_os_now() + PATIENCE) == KIN__WOKEN) {
            atomic_fetch_add(&me->wakes, 1);
        }
    }
}

static bool sleeps(const crowd *it, uint32_t number)
{
    uint64_t token = atomic_load(&((crowd *)(uintptr_t)it)->each[number].token);
    const kin__thread *slot = kin__thread_at(it->family, kin__token_index(token));
    return token != 0 && kin__slot_waits(atomic_load(&((kin__thread *)(uintptr_t)slot)->state));
}

static void await_sleep(const crowd *it)
{
    int64_t end = now_ns() + PATIENCE;
    for (uint32_t i = 0; i < it->count; i++) {
        while (!sleeps(it, i) && now_ns() < end) {
            kin_os_yield();
        }
        assert_true(sleeps(it, i));
    }
}

static void join_crowd(crowd *it, uint32_t want)
{
    sleeper *next = &it->each[it->count++];
    next->of = it;
    next->want = want;
    next->thread = begin_thread(sleep_again_and_again, next);
    await_sleep(it); /* so the order is known */
}

static crowd *new_crowd(void)
{
    crowd *it = calloc(1, sizeof *it);
    assert_non_null(it);
    assert_ok(kin_family_default(&it->family));
    assert_ok(kin_alloc((void **)&it->word, NULL, sizeof *it->word));
    return it;
}

static void end_crowd(crowd *it)
{
    atomic_store(&it->over, 1);
    kin__unpark(it->family, it->word, KIN__ALL);
    for (uint32_t i = 0; i < it->count; i++) {
        end_thread(it->each[i].thread);
    }
    assert_ok(kin_free((void *)it->word));
    free(it);
}

static uint32_t all_wakes(const crowd *it)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < it->count; i++) {
        sum += atomic_load(&((crowd *)(uintptr_t)it)->each[i].wakes);
    }
    return sum;
}

static void await_wakes(const crowd *it, uint32_t wakes)
{
    int64_t end = now_ns() + PATIENCE;
    while (all_wakes(it) < wakes && now_ns() < end) {
        kin_os_yield();
    }
    await_sleep(it);
    assert_int_equal(all_wakes(it), wakes);
}

static void an_unpark_wakes_each_sleeper_once(void **state)
{
    (void)state;
    crowd *it = new_crowd();
    while (it->count < CROWD) {
        join_crowd(it, 1);
    }
    for (uint32_t round = 1; round <= 20; round++) {
        kin__unpark(it->family, it->word, KIN__ALL);
        await_wakes(it, round * CROWD);
    }
    end_crowd(it);
}

static void as_many_are_woken_as_the_units_suffice_for_oldest_first(void **state)
{
    (void)state;
    static const uint32_t wants[] = {3, 1, 5, 2, 1}, first[] = {1, 1, 0, 1, 0}, both[] = {1, 1, 1, 1, 1};
    crowd *it = new_crowd();
    for (uint32_t i = 0; i < 5; i++) {
        join_crowd(it, wants[i]);
    }
    kin__unpark(it->family, it->word, 6);
    await_wakes(it, 3);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(atomic_load(&it->each[i].wakes), first[i]);
    }
    kin__unpark(it->family, it->word, 6); /* those that were passed over are the oldest now */
    await_wakes(it, 5);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(atomic_load(&it->each[i].wakes), both[i]);
    }
    end_crowd(it);
}

static void the_oldest_of_many_are_woken(void **state)
{
    (void)state;
    enum { WOKEN = 140 };
    crowd *it = new_crowd();
    while (it->count < CROWD) {
        join_crowd(it, 1);
    }
    kin__unpark(it->family, it->word, WOKEN);
    await_wakes(it, WOKEN);
    for (uint32_t i = 0; i < CROWD; i++) {
        assert_int_equal(atomic_load(&it->each[i].wakes), i < WOKEN);
    }
    end_crowd(it);
}

#define FLAG UINT64_C(1)

/* As many as are looked for at once; each of them takes its unit, and others are left. */
static void the_flag_stays_for_those_who_are_left(void **state)
{
    (void)state;
    enum { UNITS = 64 };
    crowd *it = new_crowd();
    while (it->count < CROWD) {
        join_crowd(it, 1);
    }
    atomic_store(&it->expected, FLAG);
    atomic_store(it->word, FLAG);
    kin__unpark_flagged(it->family, it->word, FLAG, UNITS);
    assert_int_equal(atomic_load(it->word), FLAG);
    await_wakes(it, UNITS);
    kin__unpark_flagged(it->family, it->word, FLAG, KIN__ALL);
    assert_int_equal(atomic_load(it->word), 0);
    end_crowd(it);
}

/* ---- the test's own slot ---- */

static bool in_bucket(const kin_family *family, uint64_t token, const _Atomic uint64_t *word)
{
    uint32_t index = kin__token_index(token), number = kin__bucket_number(kin__offset(family, (const void *)word));
    return atomic_load(&kin__bucket_at(family, number)[index / 64]) >> index % 64 & 1;
}

static void a_wait_without_a_wake_up_leaves_no_debt(void **state)
{
    (void)state;
    _Atomic uint64_t *word = NULL;
    kin__seat *seat = own_seat();
    assert_ok(kin_alloc((void **)&word, NULL, sizeof *word));
    kin__park_begin(seat, word, 1);
    assert_true(in_bucket(seat->family, seat->token, word));
    assert_false(kin__park_end_owing(seat));
    assert_true(atomic_load(&seat->thread->owes) == 0);
    assert_false(in_bucket(seat->family, seat->token, word));
    assert_ok(kin_free((void *)word));
}

/* It is found there, because it owes the word a wake-up; but it does not sleep. */
static void an_idle_slot_is_not_told(void **state)
{
    (void)state;
    _Atomic uint64_t *word = NULL;
    kin__seat *seat = own_seat();
    assert_ok(kin_alloc((void **)&word, NULL, sizeof *word));
    kin__park_begin(seat, word, 1);
    kin__unpark(seat->family, word, 1);
    assert_true(kin__park_end_owing(seat));
    assert_true(in_bucket(seat->family, seat->token, word));
    kin__unpark_tell(seat->family, word, 1);
    assert_false(kin__park_told(seat));
    kin__park_settle(seat);
    assert_false(in_bucket(seat->family, seat->token, word));
    kin__park_begin(seat, word, 1);
    kin__unpark_tell(seat->family, word, 1);
    assert_true(kin__park_told(seat));
    assert_false(kin__park_end(seat));
    assert_ok(kin_free((void *)word));
}

/* The next ticket, which nobody has drawn yet when the unpark begins. */
static void a_later_ticket_is_passed_over(void **state)
{
    (void)state;
    _Atomic uint64_t *word = NULL;
    kin__seat *seat = own_seat();
    assert_ok(kin_alloc((void **)&word, NULL, sizeof *word));
    kin__park_begin_with(seat, word, 1, atomic_load(&seat->family->arena->next_ticket));
    kin__unpark(seat->family, word, 1);
    assert_true(kin__slot_waits(atomic_load(&seat->thread->state)));
    kin__park_ticket(seat->family);
    kin__unpark(seat->family, word, 1);
    assert_true(kin__park_end(seat));
    assert_ok(kin_free((void *)word));
}

/* What lies behind the last bucket stays as it is, whether its bits are 0 or 1. */
static void a_watcher_of_all_buckets_is_in_no_other(void **state)
{
    (void)state;
    kin__seat *seat = own_seat();
    _Atomic uint64_t *behind = kin__bucket_at(seat->family, KIN__BUCKETS) + kin__token_index(seat->token) / 64;
    const uint64_t is = atomic_load(behind);
    for (int i = 0; i < 2; i++) {
        const uint64_t bits = i == 0 ? is : ~is;
        atomic_store(behind, bits);
        kin__watch_begin(seat, UINT64_MAX, 0);
        const uint64_t begun = atomic_load(behind);
        kin__watch_end(seat, UINT64_MAX);
        const uint64_t ended = atomic_load(behind);
        atomic_store(behind, is);
        assert_true(begun == bits && ended == bits);
    }
}

static void fill_stack(void)
{
    volatile unsigned char bytes[1 << 14];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 0xff;
    }
}

/* Whatever was on the stack before. */
static void an_unpark_of_nobody_posts_nobody(void **state)
{
    (void)state;
    _Atomic uint64_t *word = NULL;
    kin__seat *seat = own_seat();
    assert_ok(kin_alloc((void **)&word, NULL, sizeof *word));
    kin__park_begin(seat, word, 1); /* makes the semaphore */
    assert_false(kin__park_end(seat));
    if (seat->has_sem) {
        while (kin_os_sem_wait(seat->sem, kin_os_now()) == KIN_OK) {
        }
        fill_stack();
        kin__unpark(seat->family, word, 1);
        assert_status(kin_os_sem_wait(seat->sem, kin_os_now()), KIN_E_TIMED_OUT);
    }
    assert_ok(kin_free((void *)word));
}

/* ---- one that dies in debt ---- */

typedef struct debtor {
    _Atomic uint64_t token;
} debtor;

/* Owes the one word a wake-up, and has been woken on the other. */
static int child_be_debtor(const kin_args *args)
{
    debtor *it = given(args, "debtor", KIN_TYPE_MEMORY);
    _Atomic uint64_t *owed = given(args, "owed", KIN_TYPE_MEMORY), *next = given(args, "next", KIN_TYPE_MEMORY);
    kin__seat *seat = own_seat();
    CHECK(it && owed && next && seat);
    kin__park_begin(seat, owed, 1);
    kin__unpark(seat->family, owed, 1);
    CHECK(kin__park_end_owing(seat));
    kin__park_begin(seat, next, 1);
    kin__unpark(seat->family, next, 1);
    atomic_store(&it->token, seat->token);
    kin_os_sleep_until(kin_os_now() + PATIENCE);
    return 0;
}

/* Whose word is in another bucket than that one's. */
static crowd *new_crowd_apart(const crowd *from)
{
    crowd *it = new_crowd();
    if (kin__bucket_number(kin__offset(it->family, (void *)it->word)) !=
        kin__bucket_number(kin__offset(it->family, (void *)from->word))) {
        return it;
    }
    crowd *other = new_crowd_apart(from);
    end_crowd(it);
    return other;
}

static void all_that_the_dead_owe_is_passed_on(void **state)
{
    (void)state;
    debtor *it = NULL;
    crowd *owed = new_crowd(), *next = new_crowd_apart(owed);
    kin_args *args = new_args();
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    give(args, "debtor", KIN_TYPE_MEMORY, it);
    give(args, "owed", KIN_TYPE_MEMORY, (void *)owed->word);
    give(args, "next", KIN_TYPE_MEMORY, (void *)next->word);
    kin_process *child = start_child("be_debtor", args);
    int64_t end = now_ns() + PATIENCE;
    while (atomic_load(&it->token) == 0 && now_ns() < end) {
        kin_os_yield();
    }
    uint64_t token = atomic_load(&it->token);
    assert_true(in_bucket(owed->family, token, owed->word) && in_bucket(owed->family, token, next->word));
    join_crowd(owed, 1);
    join_crowd(next, 1);
    kill_child(child);
    assert_ok(kin_family_reap(NULL, NULL));
    await_wakes(owed, 1);
    await_wakes(next, 1);
    assert_false(in_bucket(owed->family, token, owed->word));
    assert_false(in_bucket(owed->family, token, next->word));
    end_crowd(owed);
    end_crowd(next);
    kin_args_destroy(args);
    assert_ok(kin_free(it));
}

/* ---- the oldest alone ---- */

static kin__unparked unpark_oldest(const crowd *it, uint32_t units, uint64_t awaited, bool anyway, uint32_t sleepers)
{
    uint32_t seen = UINT32_MAX;
    kin__unparked result = kin__unpark_oldest(it->family, it->word, FLAG, units, awaited, anyway, &seen);
    assert_int_equal(seen, sleepers);
    return result;
}

static void nobody_comes_before_the_oldest(void **state)
{
    (void)state;
    crowd *it = new_crowd();
    join_crowd(it, 3);
    join_crowd(it, 1);
    assert_int_equal(unpark_oldest(it, 2, 0, false, 2), KIN__UNPARKED_TOO_FEW);
    await_wakes(it, 0);
    assert_int_equal(unpark_oldest(it, 3, 0, false, 2), KIN__UNPARKED_ONE);
    await_wakes(it, 1);
    assert_int_equal(atomic_load(&it->each[0].wakes), 1); /* it sleeps again, with a new ticket */
    assert_int_equal(unpark_oldest(it, 2, 0, false, 2), KIN__UNPARKED_ONE);
    await_wakes(it, 2);
    assert_int_equal(atomic_load(&it->each[1].wakes), 1);
    end_crowd(it);
}

/* The test's own slot stands for a thread that has been woken and does not run yet. */
static void one_on_the_way_is_waited_for(void **state)
{
    (void)state;
    crowd *it = new_crowd();
    kin__seat *seat = own_seat();
    assert_non_null(seat);
    uint64_t ticket = kin__park_ticket(it->family);
    kin__park_begin_with(seat, it->word, 1, ticket);
    atomic_store(it->word, FLAG);
    assert_int_equal(unpark_oldest(it, 1, 0, false, 1), KIN__UNPARKED_ONE);
    assert_int_equal(unpark_oldest(it, 1, 0, true, 0), KIN__UNPARKED_BEFORE);
    assert_int_equal(atomic_load(it->word), FLAG);
    atomic_store(it->word, 0); /* for which the others sleep */
    join_crowd(it, 1);
    assert_int_equal(unpark_oldest(it, 1, ticket, false, 1), KIN__UNPARKED_BEFORE);
    await_wakes(it, 0);
    assert_int_equal(unpark_oldest(it, 1, ticket, true, 1), KIN__UNPARKED_ONE);
    await_wakes(it, 1);
    assert_int_equal(unpark_oldest(it, 1, ticket + 1, false, 1), KIN__UNPARKED_ONE); /* it is late */
    await_wakes(it, 2);
    assert_true(kin__park_end(seat));
    end_crowd(it);
}

static void the_flag_goes_when_nobody_is_left(void **state)
{
    (void)state;
    crowd *it = new_crowd();
    atomic_store(it->word, FLAG | 4);
    assert_int_equal(unpark_oldest(it, 1, 0, false, 0), KIN__UNPARKED_NOBODY);
    assert_int_equal(atomic_load(it->word), 4);
    end_crowd(it);
}

/* ---- slices ---- */

static void sleep_in_slices(void *sleeper_)
{
    sleeper *me = sleeper_;
    kin__seat *seat = own_seat();
    atomic_store(&me->token, seat->token);
    kin__slices slices = kin__slices_of(kin_os_now() + KIN_MS(2500), true);
    while (!atomic_load(&me->of->over) && kin_os_now() < slices.deadline) {
        kin__slices_park(seat, &slices, me->of->word, 0, 1, NULL);
    }
}

static void many_sleepers_look_about_little_more_than_few(void **state)
{
    (void)state;
    crowd *it = new_crowd();
    uint64_t before = atomic_load(&it->family->arena->looks);
    while (it->count < CROWD) {
        sleeper *next = &it->each[it->count++];
        next->of = it;
        next->thread = begin_thread(sleep_in_slices, next);
    }
    await_sleep(it);
    kin_os_sleep_until(kin_os_now() + KIN_MS(2000));
    uint64_t looks = atomic_load(&it->family->arena->looks) - before;
    end_crowd(it);
    assert_true(looks > 0);         /* how many after 50 ms, is up to the machine's load */
    assert_true(looks < 3 * CROWD); /* of forty slices of 50 ms each */
}

static void deadlines_do_not_overflow(void **state)
{
    (void)state;
    assert_true(kin__deadline(KIN_FOREVER) == KIN_OS_NEVER);
    assert_true(kin__deadline(INT64_MAX - 1) == KIN_OS_NEVER);
    assert_true(kin__deadline(0) <= kin_os_now());
    assert_true(kin__slice_end(100, 50, KIN_OS_NEVER) == 150);
    assert_true(kin__slice_end(100, 50, 120) == 120);
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"play", child_play}, {"be_victim", child_be_victim}, {"be_debtor", child_be_debtor}};
    kin_child_main(entries, 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unpark_before_park_is_not_lost),
        cmocka_unit_test(deadlines_do_not_overflow),
        cmocka_unit_test(an_unpark_wakes_each_sleeper_once),
        cmocka_unit_test(as_many_are_woken_as_the_units_suffice_for_oldest_first),
        cmocka_unit_test(the_oldest_of_many_are_woken),
        cmocka_unit_test(the_flag_stays_for_those_who_are_left),
        cmocka_unit_test(a_wait_without_a_wake_up_leaves_no_debt),
        cmocka_unit_test(an_idle_slot_is_not_told),
        cmocka_unit_test(a_later_ticket_is_passed_over),
        cmocka_unit_test(a_watcher_of_all_buckets_is_in_no_other),
        cmocka_unit_test(an_unpark_of_nobody_posts_nobody),
        unit_test_with_deaths(all_that_the_dead_owe_is_passed_on),
        cmocka_unit_test(nobody_comes_before_the_oldest),
        cmocka_unit_test(one_on_the_way_is_waited_for),
        cmocka_unit_test(the_flag_goes_when_nobody_is_left),
        unit_test_with_slices(many_sleepers_look_about_little_more_than_few),
        unit_test_with_deaths(no_wake_up_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
