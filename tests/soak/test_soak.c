/* Random use of everything by processes that are killed and replaced, in phases, in each of which sizes are others and
 * the family is full at times. After each phase all is taken out, and then there are as many blocks, handles, names,
 * members and threads as there were, one block can have the whole room, and nothing is slower.
 *
 *     KIN_TEST_SECONDS   how long in all; ci/soak sets it
 *     KIN_TEST_SEED      what chance begins with
 */
#include "soak.h"

#include "os.h"

#define LEAST_PHASES 4
#define KEPT_HANDLES 16  /* Windows: one for each thread slot that this process has ever woken; there are few */
#define SLOWER_AT_MOST 4 /* times: what else the machine does takes some of the cache */
#define TRIES 40         /* to be as fast, beside what else the machine does */

static const uint32_t largest[] = {100, 3000, 70000, 1000000}; /* sizes of a phase */

/* ---- workers ---- */

static int open_objects(const kin_args *args, objects *out)
{
    out->it = given(args, "place", KIN_TYPE_MEMORY);
    out->leased = given(args, "leased", KIN_TYPE_SEM);
    out->value = given(args, "value", KIN_TYPE_VALUE);
    out->dict = given(args, "dict", KIN_TYPE_DICT);
    out->list = given(args, "list", KIN_TYPE_LIST);
    out->queue = given(args, "queue", KIN_TYPE_QUEUE);
    CHECK(out->it && out->leased && out->value && out->dict && out->list && out->queue);
    return 0;
}

static int child_work(const kin_args *args)
{
    objects all;
    void *blocks[BLOCKS] = {NULL};
    int steady = (int)given_number(args, "steady");
    chance random = {(uint64_t)given_number(args, "seed"), (uint32_t)given_number(args, "largest")};
    CHECK(open_objects(args, &all) == 0);
    while (kin_event_wait(&all.it->stop, KIN_NOW) == KIN_E_TIMED_OUT) {
        CHECK(use_something(&all, &random) == 0);
        CHECK(!steady || use_blocks(blocks, &random) == 0);
    }
    CHECK(free_blocks(blocks) == 0);
    return 0;
}

static const kin_start_method methods[] = {KIN_START_FORK, KIN_START_SPAWN, KIN_START_FORKSERVER};

static kin_status try_start(kin_process **out, const objects *all, bool steady, chance *random)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_args *args = NULL;
    options.die_with_parent = 1;
    options.method = has_fork() ? methods[next_random(random, 3)] : KIN_START_DEFAULT;
    kin_status status = kin_args_create(&args, NULL);
    if (status == KIN_OK) {
        give(args, "place", KIN_TYPE_MEMORY, all->it);
        give(args, "leased", KIN_TYPE_SEM, all->leased);
        give(args, "value", KIN_TYPE_VALUE, all->value);
        give(args, "dict", KIN_TYPE_DICT, all->dict);
        give(args, "list", KIN_TYPE_LIST, all->list);
        give(args, "queue", KIN_TYPE_QUEUE, all->queue);
        give_number(args, "steady", steady);
        give_number(args, "seed", next_random(random, UINT32_MAX));
        give_number(args, "largest", random->largest);
        status = kin_process_start(out, "work", args, &options);
    }
    kin_args_destroy(args);
    return status;
}

/* Also in a full family: something goes from the dict then. */
static kin_process *start_worker(const objects *all, bool steady, chance *random)
{
    kin_process *process = NULL;
    kin_status status = try_start(&process, all, steady, random);
    for (int64_t end = now_ns() + PATIENCE; status == KIN_E_NO_MEMORY && now_ns() < end;) {
        use_something(all, random);
        status = try_start(&process, all, steady, random);
    }
    assert_ok(status);
    return process;
}

/* ---- phases ---- */

static objects new_objects(void)
{
    objects out = {0};
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    options.capacity = 100000;
    assert_ok(kin_alloc((void **)&out.it, NULL, sizeof *out.it));
    assert_ok(kin_lock_init(&out.it->lock, 0));
    assert_ok(kin_rwlock_init(&out.it->rwlock));
    assert_ok(kin_sem_init(&out.it->sem, 0, 0));
    assert_ok(kin_event_init(&out.it->stop));
    assert_ok(kin_event_init(&out.it->event));
    assert_ok(kin_cond_init(&out.it->changed));
    assert_ok(kin_barrier_init(&out.it->barrier, 2));
    assert_ok(kin_counter_init(&out.it->steps, 0));
    assert_ok(kin_sem_create_leased(&out.leased, NULL, PERMITS));
    assert_ok(kin_value_create(&out.value, NULL, KIN_ELEMENT_I64, KIN_VALUE_LOCKED));
    assert_ok(kin_dict_create(&out.dict, NULL));
    assert_ok(kin_list_create(&out.list, NULL));
    assert_ok(kin_queue_create(&out.queue, NULL, &options));
    return out;
}

static int64_t run_phase(const objects *all, chance *random, int64_t span)
{
    kin_process *steady[STEADY], *mortals[MORTALS];
    int64_t end = now_ns() + span, killed = 0;
    assert_ok(kin_event_clear(&all->it->stop));
    for (int i = 0; i < STEADY; i++) {
        steady[i] = start_worker(all, true, random);
    }
    for (int i = 0; i < MORTALS; i++) {
        mortals[i] = start_worker(all, false, random);
    }
    while (now_ns() < end) {
        uint32_t victim = next_random(random, MORTALS);
        kin_os_sleep_until(kin_os_now() + KIN_US(next_random(random, 20000)));
        kill_child(mortals[victim]);
        killed++;
        mortals[victim] = start_worker(all, false, random);
        assert_true(next_random(random, 20) || use_pool(random) == 0);
        assert_true(next_random(random, 10) || use_pipes(random) == 0);
    }
    for (int i = 0; i < MORTALS; i++) {
        kill_child(mortals[i]);
    }
    assert_ok(kin_event_set(&all->it->stop));
    for (int i = 0; i < STEADY; i++) {
        join_child(steady[i], 0);
    }
    return killed;
}

static void compare(const objects *all, measures *now, const measures *before)
{
    for (int i = 0; i < TRIES && now->ratio > before->ratio * SLOWER_AT_MOST; i++) {
        now->ratio = ratio_of(all);
    }
    print_message("%u blocks, %u handles, %u names, %u members, %u threads, takes %.2f times arithmetic\n",
                  (unsigned)now->blocks, (unsigned)now->handles, (unsigned)now->names, now->members, now->threads,
                  now->ratio);
    assert_int_equal(now->blocks, before->blocks);
    assert_true(now->handles <= before->handles + (has_fork() ? 0 : KEPT_HANDLES));
    assert_true(now->names <= before->names);
    assert_int_equal(now->members, before->members);
    assert_int_equal(now->threads, before->threads);
    assert_true(now->ratio <= before->ratio * SLOWER_AT_MOST);
}

static void all_is_as_it_was(void **state)
{
    (void)state;
    somebody_dies();
    objects all = new_objects();
    chance random = {(uint64_t)number_from("KIN_TEST_SEED", 1), 0};
    int64_t span = KIN_SECONDS(number_from("KIN_TEST_SECONDS", 8)), end = now_ns() + span, killed = 0, steps = 0;
    int64_t phase = span / LEAST_PHASES < KIN_SECONDS(15) ? span / LEAST_PHASES : KIN_SECONDS(15);
    measures first = {0};
    const size_t kinds = sizeof largest / sizeof largest[0];
    for (size_t i = 0; i < LEAST_PHASES || now_ns() < end; i++) {
        random.largest = largest[i % kinds];
        killed += run_phase(&all, &random, phase);
        assert_int_equal(check_and_empty(&all), 0);
        measures now = measure_all(&all);
        first = i == 0 ? now : first; /* what is taken once and kept, it has then */
        compare(&all, &now, &first);
        assert_true(largest_block() > RESERVE / 10 * 9);
    }
    assert_ok(kin_counter_get(&all.it->steps, &steps));
    print_message("%d killed, %d uses of a value\n", (int)killed, (int)steps);
    assert_ok(kin_queue_destroy(all.queue));
    assert_ok(kin_list_destroy(all.list));
    assert_ok(kin_dict_destroy(all.dict));
    assert_ok(kin_value_destroy(all.value));
    assert_ok(kin_sem_destroy(all.leased));
    assert_ok(kin_free(all.it));
    assert_int_equal(count_blocks(), 0);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"work", child_work}, {"echo", child_echo}};
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = RESERVE;
    kin_register_tasks(soak_functions, soak_function_count);
    if (kin_family_configure_default(&options) != KIN_OK || kin_child_main(entries, 2) != KIN_OK) {
        return 2;
    }
    const struct CMUnitTest tests[] = {unit_test_with_deaths(all_is_as_it_was)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
