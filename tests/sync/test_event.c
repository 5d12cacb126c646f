#include "support.h"

typedef struct stage {
    kin_event event;
    kin_sem told;
    kin_counter through;
} stage;

static stage *new_stage(void)
{
    stage *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_event_init(&it->event));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_counter_init(&it->through, 0));
    return it;
}

static kin_process *start_with(const char *entry, stage *it)
{
    kin_args *args = new_args();
    give(args, "stage", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

static int child_wait(const kin_args *args)
{
    stage *it = given(args, "stage", KIN_TYPE_MEMORY);
    CHECK(it && kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_event_wait(&it->event, PATIENCE) == KIN_OK);
    CHECK(kin_counter_add(&it->through, 1, NULL) == KIN_OK);
    return 0;
}

static int child_flicker(const kin_args *args)
{
    stage *it = given(args, "stage", KIN_TYPE_MEMORY);
    CHECK(it && kin_sem_release(&it->told, 1) == KIN_OK);
    for (;;) {
        CHECK(kin_event_set(&it->event) == KIN_OK);
        CHECK(kin_event_clear(&it->event) == KIN_OK);
    }
}

static void is_set_and_cleared(void **state)
{
    (void)state;
    kin_event *event = NULL;
    int set = -1;
    assert_ok(kin_event_create(&event, NULL));
    assert_ok(kin_event_is_set(event, &set));
    assert_int_equal(set, 0);
    assert_status(kin_event_wait(event, KIN_NOW), KIN_E_TIMED_OUT);
    int64_t began = now_ns();
    assert_status(kin_event_wait(event, KIN_MS(80)), KIN_E_TIMED_OUT);
    assert_true(now_ns() - began >= KIN_MS(80));
    assert_ok(kin_event_set(event));
    assert_ok(kin_event_set(event));
    assert_ok(kin_event_is_set(event, &set));
    assert_int_equal(set, 1);
    assert_ok(kin_event_wait(event, KIN_NOW));
    assert_ok(kin_event_wait(event, KIN_FOREVER));
    assert_ok(kin_event_clear(event));
    assert_ok(kin_event_clear(event));
    assert_status(kin_event_wait(event, KIN_NOW), KIN_E_TIMED_OUT);
    assert_ok(kin_event_destroy(event));
}

static void set_wakes_all_even_if_cleared_at_once(void **state)
{
    (void)state;
    enum { CHILDREN = 4 };
    stage *it = new_stage();
    kin_process *children[CHILDREN];
    int64_t through = -1;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("wait", it);
    }
    assert_ok(kin_sem_acquire(&it->told, CHILDREN, PATIENCE));
    kin_event_wait(&it->event, KIN_MS(100)); /* until they sleep; if one does not yet, it waits for the second set */
    assert_ok(kin_counter_get(&it->through, &through));
    assert_int_equal(through, 0);
    assert_ok(kin_event_set(&it->event));
    assert_ok(kin_event_clear(&it->event));
    kin_event_wait(&it->event, KIN_MS(20));
    assert_ok(kin_event_set(&it->event));
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    assert_ok(kin_free(it));
}

/* All sleep when it is set, and it is clear again before most of them run. There is no second set. */
static void all_that_sleep_go_through_one_moment(void **state)
{
    (void)state;
    enum { CHILDREN = 20 };
    stage *it = new_stage();
    kin_process *children[CHILDREN];
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with("wait", it);
    }
    await_asleep(&it->event, sizeof it->event, CHILDREN);
    assert_ok(kin_event_set(&it->event));
    assert_ok(kin_event_clear(&it->event));
    for (int i = 0; i < CHILDREN; i++) {
        join_child(children[i], 0);
    }
    int set = -1;
    assert_ok(kin_event_is_set(&it->event, &set));
    assert_int_equal(set, 0);
    assert_ok(kin_free(it));
}

/* ---- plain data, which ThreadSanitizer watches ---- */

static struct {
    stage *of;
    int64_t number;
} note;

static void write_and_set(void *unused)
{
    (void)unused;
    note.number = 7;
    MUST(kin_event_set(&note.of->event) == KIN_OK);
}

static void what_was_written_before_a_set_is_seen(void **state)
{
    (void)state;
    for (int asleep = 0; asleep < 2; asleep++) {
        note.of = new_stage();
        note.number = 0;
        void *other = begin_thread(write_and_set, NULL);
        while (!asleep && kin_event_wait(&note.of->event, KIN_NOW) != KIN_OK) {
        }
        assert_ok(kin_event_wait(&note.of->event, PATIENCE));
        assert_int_equal(note.number, 7);
        end_thread(other);
        assert_ok(kin_free(note.of));
    }
}

static void killed_setters_and_waiters_stop_nobody(void **state)
{
    (void)state;
    stage *it = new_stage();
    for (int i = 0; i < 15; i++) {
        kin_process *setter = start_with("flicker", it), *waiter = start_with("wait", it);
        assert_ok(kin_sem_acquire(&it->told, 2, PATIENCE));
        assert_ok(kin_event_wait(&it->event, PATIENCE));
        kill_child(i % 2 ? setter : waiter);
        kill_child(i % 2 ? waiter : setter);
    }
    assert_ok(kin_event_set(&it->event));
    assert_ok(kin_event_wait(&it->event, KIN_NOW));
    assert_ok(kin_free(it));
}

static void set_reaches_a_living_waiter_among_the_dead(void **state)
{
    (void)state;
    enum { DEAD = 5 };
    stage *it = new_stage();
    kin_process *dead[DEAD];
    for (int i = 0; i < DEAD; i++) {
        dead[i] = start_with("wait", it);
        await_asleep(&it->event, sizeof it->event, (uint32_t)i + 1);
    }
    kin_process *alive = start_with("wait", it);
    await_asleep(&it->event, sizeof it->event, DEAD + 1);
    for (int i = 0; i < DEAD; i++) {
        kill_unseen(dead[i]);
    }
    int64_t began = now_ns();
    assert_ok(kin_event_set(&it->event));
    join_child(alive, 0);
    assert_true(now_ns() - began < KIN_SECONDS(1));
    for (int i = 0; i < DEAD; i++) {
        forget_child(dead[i]);
    }
    assert_ok(kin_free(it));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_event outside;
    int set = 0;
    stage *it = new_stage();
    memset(&outside, 0, sizeof outside);
    assert_status(kin_event_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_event_init(NULL), KIN_E_ARGUMENT);
    assert_status(kin_event_init(&outside), KIN_E_NOT_SHARED);
    assert_status(kin_event_set(NULL), KIN_E_ARGUMENT);
    assert_status(kin_event_set(&outside), KIN_E_NOT_SHARED);
    assert_status(kin_event_set((kin_event *)&it->told), KIN_E_TYPE);
    assert_status(kin_event_clear(NULL), KIN_E_ARGUMENT);
    assert_status(kin_event_is_set(&it->event, NULL), KIN_E_ARGUMENT);
    assert_status(kin_event_is_set(&outside, &set), KIN_E_NOT_SHARED);
    assert_status(kin_event_wait(NULL, 0), KIN_E_ARGUMENT);
    assert_status(kin_event_wait(&it->event, -1), KIN_E_ARGUMENT);
    assert_ok(kin_event_destroy(NULL));
    assert_ok(kin_event_fini(&it->event));
    assert_status(kin_event_wait(&it->event, 0), KIN_E_TYPE);
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_child_entry entries[] = {{"wait", child_wait}, {"flicker", child_flicker}};
    kin_child_main(entries, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_set_and_cleared),
        cmocka_unit_test(set_wakes_all_even_if_cleared_at_once),
        cmocka_unit_test(all_that_sleep_go_through_one_moment),
        cmocka_unit_test(what_was_written_before_a_set_is_seen),
        unit_test_with_deaths(killed_setters_and_waiters_stop_nobody),
        unit_test_with_deaths(set_reaches_a_living_waiter_among_the_dead),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
