/* Watches: the handle of an event loop becomes ready with an object, is ready as long as there is something, and not
 * afterwards. */
#include "support.h"

#include "os.h"

enum { ROUNDS = 1500, FEW = 12, SOON = 20000 /* ms: what is to happen at once */ };

typedef struct scene {
    kin_lock lock;
    kin_sem sem, told, seen;
    kin_event event;
} scene;

static scene *it;
static kin_queue *queue;
static kin_dict *dict;
static kin_list *list;
static kin_watch *inherited; /* by a forked child */

static int run_nothing(kin_task *task)
{
    (void)task;
    return 0;
}

static const kin_task_entry tasks[] = {{"nothing", run_nothing}};

static int set_up(void **state)
{
    (void)state;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_sem_init(&it->sem, 0, 0));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->seen, 0, 0));
    assert_ok(kin_event_init(&it->event));
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    assert_ok(kin_dict_create(&dict, NULL));
    assert_ok(kin_list_create(&list, NULL));
    return 0;
}

static kin_wait_item item_of(uint32_t type, void *object)
{
    return (kin_wait_item){type, KIN_WAIT_READABLE, object, 0, 0};
}

static kin_watch *watch_for(kin_wait_item *items, size_t count)
{
    kin_watch *watch = NULL;
    assert_ok(kin_watch_create(&watch, items, count));
    return watch;
}

static bool is_ready(const kin_watch *watch, int milliseconds)
{
    return handle_is_ready(kin_watch_handle(watch), milliseconds) != 0;
}

/* The loop: a ring for nothing is answered by another look. */
static void await_ready(kin_watch *watch)
{
    size_t ready = 0;
    kin_status status;
    while ((status = kin_watch_check(watch, &ready)) == KIN_E_TIMED_OUT) {
        assert_true(is_ready(watch, SOON));
    }
    assert_ok(status);
    assert_true(ready > 0);
}

/* ---- children ---- */

static kin_process *start(const char *entry, int64_t rounds)
{
    kin_args *args = new_args();
    give(args, "scene", KIN_TYPE_MEMORY, it);
    give(args, "queue", KIN_TYPE_QUEUE, queue);
    give_number(args, "rounds", rounds);
    kin_process *child = start_child(entry, args);
    kin_args_destroy(args);
    return child;
}

/* Sooner or later each instruction of a change meets each of a look. */
static void pause_a_little(uint32_t *random)
{
    spin_for(KIN_US(next_number(random) % 40));
}

/* Each time that the parent has seen the last. */
static int child_act(const kin_args *args)
{
    scene *s = given(args, "scene", KIN_TYPE_MEMORY);
    kin_queue *into = given(args, "queue", KIN_TYPE_QUEUE);
    uint32_t random = 1;
    CHECK(s && into);
    for (int64_t i = 0, rounds = given_number(args, "rounds"); i < rounds; i++) {
        pause_a_little(&random);
        CHECK(i % 2 == 0 ? kin_sem_release(&s->sem, 1) == KIN_OK : kin_queue_put(into, "x", 1, PATIENCE) == KIN_OK);
        CHECK(kin_sem_acquire(&s->seen, 1, PATIENCE) == KIN_OK);
    }
    return 0;
}

static int child_release_for_good(const kin_args *args)
{
    scene *s = given(args, "scene", KIN_TYPE_MEMORY);
    CHECK(s);
    for (;;) {
        CHECK(kin_sem_release(&s->sem, 1) == KIN_OK);
        CHECK(kin_sem_acquire(&s->sem, 1, KIN_NOW) != KIN_E_TYPE);
    }
}

static int child_use_parents_watch(const kin_args *args)
{
    (void)args;
    if (inherited) { /* forked */
        CHECK(kin_watch_check(inherited, NULL) == KIN_E_NOT_OWNER);
        kin_watch_destroy(inherited);
    }
    return 0;
}

/* ---- tests ---- */

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_watch *watch = NULL;
    kin_wait_item item = item_of(KIN_TYPE_SEM, &it->sem);
    assert_status(kin_watch_create(NULL, &item, 1), KIN_E_ARGUMENT);
    assert_status(kin_watch_create(&watch, NULL, 1), KIN_E_ARGUMENT);
    assert_status(kin_watch_create(&watch, &item, 0), KIN_E_ARGUMENT);
    item.type = KIN_TYPE_EVENT;
    assert_status(kin_watch_create(&watch, &item, 1), KIN_E_TYPE);
    item = (kin_wait_item){KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, 0, 0};
    assert_status(kin_watch_create(&watch, &item, 1), KIN_E_UNSUPPORTED);
    assert_status(kin_watch_check(NULL, NULL), KIN_E_ARGUMENT);
    assert_true(kin_watch_handle(NULL) == KIN_NO_HANDLE);
    kin_watch_destroy(NULL);
}

/* act makes the item ready, and undo not ready any more. */
static void follow(kin_wait_item item, kin_status (*act)(void), kin_status (*undo)(void))
{
    kin_watch *watch = watch_for(&item, 1);
    for (int i = 0; i < 3; i++) {
        assert_status(kin_watch_check(watch, NULL), KIN_E_TIMED_OUT);
        assert_false(is_ready(watch, 0));
        assert_ok(act());
        assert_true(is_ready(watch, SOON));
        await_ready(watch);
        assert_int_equal(item.ready, KIN_WAIT_READABLE);
        assert_true(is_ready(watch, 0)); /* as long as there is something */
        await_ready(watch);
        assert_ok(undo());
        assert_true(is_ready(watch, 0)); /* until the next look */
        assert_status(kin_watch_check(watch, NULL), KIN_E_TIMED_OUT);
        assert_false(is_ready(watch, 0));
    }
    kin_watch_destroy(watch);
}

static kin_wait_change change;

static kin_status release_sem(void)
{
    return kin_sem_release(&it->sem, 1);
}

static kin_status acquire_sem(void)
{
    return kin_sem_acquire(&it->sem, 1, KIN_NOW);
}

static kin_status set_event(void)
{
    return kin_event_set(&it->event);
}

static kin_status clear_event(void)
{
    return kin_event_clear(&it->event);
}

static kin_status put(void)
{
    return kin_queue_put(queue, "x", 1, KIN_NOW);
}

static kin_status get(void)
{
    char byte;
    return kin_queue_get(queue, &byte, 1, NULL, KIN_NOW);
}

static kin_status change_dict(void)
{
    return kin_dict_set(dict, "key", 3, "value", 5);
}

static kin_status know_dict(void)
{
    return kin_dict_generation(dict, &change.generation);
}

static kin_status change_list(void)
{
    return kin_list_append(list, "x", 1);
}

static kin_status know_list(void)
{
    return kin_list_generation(list, &change.generation);
}

static void each_kind_makes_the_handle_ready(void **state)
{
    (void)state;
    follow(item_of(KIN_TYPE_SEM, &it->sem), release_sem, acquire_sem);
    follow(item_of(KIN_TYPE_EVENT, &it->event), set_event, clear_event);
    follow(item_of(KIN_TYPE_QUEUE, queue), put, get);
    assert_ok(know_dict());
    change.dict = dict;
    follow(item_of(KIN_WAIT_CHANGE, &change), change_dict, know_dict);
    change = (kin_wait_change){NULL, list, 0};
    follow(item_of(KIN_WAIT_CHANGE, &change), change_list, know_list);
}

static void end_of_a_job_makes_the_handle_ready(void **state)
{
    (void)state;
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    kin_job job = KIN_JOB_INIT;
    kin_pool *pool = NULL;
    options.workers = 1;
    job.task = "nothing";
    assert_ok(kin_pool_create(&pool, NULL, &options));
    for (int i = 0; i < FEW; i++) {
        kin_future *future = NULL;
        assert_ok(kin_pool_submit(&future, pool, &job, PATIENCE));
        kin_wait_item item = item_of(KIN_WAIT_FUTURE, future);
        kin_watch *watch = watch_for(&item, 1);
        await_ready(watch);
        assert_ok(kin_future_wait(future, KIN_NOW));
        kin_watch_destroy(watch);
        kin_future_close(future);
    }
    kin_pool_destroy(pool);
}

static void what_is_ready_at_once_is_told_at_once(void **state)
{
    (void)state;
    assert_ok(release_sem());
    kin_wait_item items[] = {item_of(KIN_TYPE_EVENT, &it->event), item_of(KIN_TYPE_SEM, &it->sem)};
    kin_watch *watch = watch_for(items, 2);
    size_t ready = 9;
    assert_true(is_ready(watch, SOON));
    assert_ok(kin_watch_check(watch, &ready));
    assert_true(ready == 1 && !items[0].ready && items[1].ready);
    /* It goes with other handles. */
    kin_wait_item handle = {KIN_WAIT_HANDLE, KIN_WAIT_READABLE, NULL, kin_watch_handle(watch), 0};
    assert_ok(kin_wait(&handle, 1, 0, PATIENCE, NULL));
    assert_ok(acquire_sem());
    kin_watch_destroy(watch);
}

static void no_change_is_missed(void **state)
{
    (void)state;
    kin_wait_item items[] = {item_of(KIN_TYPE_SEM, &it->sem), item_of(KIN_TYPE_QUEUE, queue)};
    kin_watch *watch = watch_for(items, 2);
    kin_process *child = start("act", ROUNDS);
    for (int i = 0; i < ROUNDS; i++) {
        await_ready(watch);
        assert_true(items[i % 2].ready && !items[1 - i % 2].ready);
        assert_ok(i % 2 == 0 ? acquire_sem() : get());
        assert_ok(kin_sem_release(&it->seen, 1));
    }
    join_child(child, 0);
    kin_watch_destroy(watch);
}

static void a_watch_leaves_nothing_behind(void **state)
{
    (void)state;
    kin_wait_item item = item_of(KIN_TYPE_SEM, &it->sem);
    kin_watch_destroy(watch_for(&item, 1));
    kin_family_info before = inspect_family();
    size_t handles = count_handles();
    for (int i = 0; i < 50; i++) {
        kin_watch *watch = watch_for(&item, 1);
        assert_int_equal(inspect_family().threads, before.threads + 1);
        kin_watch_destroy(watch);
    }
    assert_int_equal(inspect_family().threads, before.threads);
    assert_int_equal(count_handles(), handles);
}

static void its_family_stays_open(void **state)
{
    (void)state;
    size_t handles = count_handles();
    kin_family *family = new_family(1 << 20);
    kin_event *event = NULL;
    assert_ok(kin_event_create(&event, family));
    kin_wait_item item = item_of(KIN_TYPE_EVENT, event);
    kin_watch *watch = watch_for(&item, 1);
    kin_family_close(family);
    assert_ok(kin_event_set(event));
    await_ready(watch);
    kin_watch_destroy(watch);
    assert_int_equal(count_handles(), handles); /* it is closed now */
}

static void a_forked_childs_copy_is_harmless(void **state)
{
    (void)state;
    kin_wait_item item = item_of(KIN_TYPE_SEM, &it->sem);
    inherited = watch_for(&item, 1);
    join_child(start("use_parents_watch", 0), 0);
    assert_status(kin_watch_check(inherited, NULL), KIN_E_TIMED_OUT);
    assert_ok(release_sem());
    assert_true(is_ready(inherited, SOON));
    await_ready(inherited);
    assert_ok(acquire_sem());
    kin_watch_destroy(inherited);
    inherited = NULL;
}

/* Killed anywhere between a change and the ring: the handle may stay as it is, and the next look finds the change. */
static void killed_wakers_do_no_harm(void **state)
{
    (void)state;
    kin_wait_item item = item_of(KIN_TYPE_SEM, &it->sem);
    kin_watch *watch = watch_for(&item, 1);
    for (int i = 0; i < FEW; i++) {
        kin_process *child = start("release_for_good", 0);
        for (int64_t end = now_ns() + KIN_MS(20) + i * KIN_US(371); now_ns() < end;) {
            kin_watch_check(watch, NULL);
        }
        kill_child(child);
        while (acquire_sem() == KIN_OK) {
        }
        kin_watch_check(watch, NULL);
        assert_false(is_ready(watch, 0));
        assert_ok(release_sem());
        assert_true(is_ready(watch, SOON));
        await_ready(watch);
        assert_ok(acquire_sem());
    }
    kin_watch_destroy(watch);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"act", child_act},
                                              {"release_for_good", child_release_for_good},
                                              {"use_parents_watch", child_use_parents_watch}};
    kin_register_tasks(tasks, 1);
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(each_kind_makes_the_handle_ready),
        cmocka_unit_test(end_of_a_job_makes_the_handle_ready),
        cmocka_unit_test(what_is_ready_at_once_is_told_at_once),
        cmocka_unit_test(no_change_is_missed),
        cmocka_unit_test(a_watch_leaves_nothing_behind),
        cmocka_unit_test(its_family_stays_open),
        cmocka_unit_test(a_forked_childs_copy_is_harmless),
        unit_test_with_deaths(killed_wakers_do_no_harm),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
