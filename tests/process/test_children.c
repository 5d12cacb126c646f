/* Children that die with their parent, are stopped, listed, and know who they are.
 *
 * A child that lives holds a lock: its death shows as KIN_OWNER_DIED, its life by the lock's being busy.
 */
#include "support.h"

#include <signal.h>
#include <stdlib.h>

#include "os.h"

/* ---- children ---- */

static int child_stay(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM), *go = given(args, "go", KIN_TYPE_SEM);
    CHECK(told && go && kin_sem_release(told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 0;
}

static int child_stubborn(const kin_args *args)
{
    signal(SIGTERM, SIG_IGN);
    return child_stay(args);
}

static int hold(const kin_args *args, const char *name)
{
    kin_lock *lock = given(args, name, KIN_TYPE_LOCK);
    CHECK(lock && kin_lock_acquire(lock, PATIENCE) == KIN_OK);
    int result = child_stay(args);
    CHECK(kin_lock_release(lock) == KIN_OK);
    return result;
}

static int child_bound(const kin_args *args)
{
    return hold(args, "bound");
}

static int child_free(const kin_args *args)
{
    return hold(args, "free");
}

static kin_process *start_bound(const char *entry, const kin_args *args)
{
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *child = NULL;
    options.die_with_parent = 1;
    return kin_process_start(&child, entry, args, &options) == KIN_OK ? child : NULL;
}

/* A parent of one of each; its end is up to the test. */
static int child_parent(const kin_args *args)
{
    kin_sem *go = given(args, "go_parent", KIN_TYPE_SEM);
    kin_process *child = NULL;
    CHECK(go && start_bound("bound", args));
    CHECK(kin_process_start(&child, "free", args, NULL) == KIN_OK);
    CHECK(kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 0;
}

static void start_in_thread(void *args)
{
    if (!start_bound("bound", args)) {
        abort();
    }
}

/* The child is started by a thread that ends. */
static int child_parent_of_threads(const kin_args *args)
{
    kin_sem *go = given(args, "go_parent", KIN_TYPE_SEM);
    run_thread(start_in_thread, (void *)(uintptr_t)args);
    CHECK(go && kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 0;
}

static int child_hasty_parent(const kin_args *args)
{
    CHECK(start_bound("stay", args));
    kin_os_exit_now(7);
    return 1;
}

static int child_who(const kin_args *args)
{
    kin_process_info info = KIN_PROCESS_INFO_INIT;
    CHECK(kin_process_current(&info) == KIN_OK);
    CHECK(info.started == 1 && strcmp(info.entry, "who") == 0);
    CHECK(info.parent == (uint32_t)given_number(args, "parent"));
    CHECK(info.pid == kin_os_pid() && info.pid != info.parent);
    CHECK(kin_process_children(NULL, 0) == 0);
    return 0;
}

static const kin_child_entry entries[] = {
    {"stay", child_stay},
    {"stubborn", child_stubborn},
    {"bound", child_bound},
    {"free", child_free},
    {"parent", child_parent},
    {"parent_of_threads", child_parent_of_threads},
    {"hasty_parent", child_hasty_parent},
    {"who", child_who},
};

/* ---- dying with the parent ---- */

typedef struct scene {
    kin_lock *bound, *free;
    kin_sem *told, *go, *go_parent;
    kin_args *args;
} scene;

static scene open_scene(void)
{
    scene it = {.args = new_args()};
    assert_ok(kin_lock_create(&it.bound, NULL, 0));
    assert_ok(kin_lock_create(&it.free, NULL, 0));
    assert_ok(kin_sem_create(&it.told, NULL, 0, 0));
    assert_ok(kin_sem_create(&it.go, NULL, 0, 0));
    assert_ok(kin_sem_create(&it.go_parent, NULL, 0, 0));
    give(it.args, "bound", KIN_TYPE_LOCK, it.bound);
    give(it.args, "free", KIN_TYPE_LOCK, it.free);
    give(it.args, "told", KIN_TYPE_SEM, it.told);
    give(it.args, "go", KIN_TYPE_SEM, it.go);
    give(it.args, "go_parent", KIN_TYPE_SEM, it.go_parent);
    return it;
}

static void close_scene(scene *it)
{
    kin_args_destroy(it->args);
    assert_ok(kin_lock_destroy(it->bound));
    assert_ok(kin_lock_destroy(it->free));
    assert_ok(kin_sem_destroy(it->told));
    assert_ok(kin_sem_destroy(it->go));
    assert_ok(kin_sem_destroy(it->go_parent));
}

static void expect_death(kin_lock *lock)
{
    assert_status(kin_lock_acquire(lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(lock));
    assert_ok(kin_lock_release(lock));
}

static void end_with_parent(bool by_force)
{
    scene it = open_scene();
    kin_process *parent = start_child("parent", it.args);
    assert_ok(kin_sem_acquire(it.told, 2, PATIENCE));
    assert_status(kin_lock_acquire(it.bound, KIN_MS(300)), KIN_E_TIMED_OUT);
    if (by_force) {
        kill_child(parent);
    } else {
        assert_ok(kin_sem_release(it.go_parent, 1));
        join_child(parent, 0);
    }
    expect_death(it.bound);
    assert_status(kin_lock_acquire(it.free, KIN_MS(300)), KIN_E_TIMED_OUT);
    assert_ok(kin_sem_release(it.go, 1)); /* the other one goes on, and ends well */
    assert_ok(kin_lock_acquire(it.free, PATIENCE));
    assert_ok(kin_lock_release(it.free));
    close_scene(&it);
}

static void bound_child_dies_with_a_killed_parent(void **state)
{
    (void)state;
    end_with_parent(true);
}

static void bound_child_dies_with_a_parent_that_ends_well(void **state)
{
    (void)state;
    end_with_parent(false);
}

static void bound_child_outlives_the_thread_that_started_it(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_process *parent = start_child("parent_of_threads", it.args);
    assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    assert_status(kin_lock_acquire(it.bound, KIN_MS(500)), KIN_E_TIMED_OUT);
    kill_child(parent);
    expect_death(it.bound);
    close_scene(&it);
}

static void none_is_left_of_a_parent_that_ends_at_once(void **state)
{
    (void)state;
    scene it = open_scene();
    for (int i = 0; i < 8; i++) {
        join_child(start_child("hasty_parent", it.args), 7);
    }
    int64_t end = now_ns() + PATIENCE / 2;
    kin_family_info info = inspect_family();
    while (info.members > 1 && now_ns() < end) {
        kin_os_sleep_until(kin_os_now() + KIN_MS(20));
        uint32_t reaped;
        kin_family_reap(NULL, &reaped);
        info = inspect_family();
    }
    assert_int_equal(info.members, 1);
    close_scene(&it);
}

static void option_is_checked(void **state)
{
    (void)state;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    kin_process *process = NULL;
    options.die_with_parent = 2;
    assert_status(kin_process_start(&process, "stay", NULL, &options), KIN_E_ARGUMENT);
    options.die_with_parent = 0;
    options.name = "";
    assert_status(kin_process_start(&process, "stay", NULL, &options), KIN_E_ARGUMENT);
}

/* ---- stop ---- */

static void stop_asks_first(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_exit how = {.code = -1, .signal = -1};
    kin_process *child = start_child("stay", it.args);
    assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    assert_ok(kin_process_stop(child, PATIENCE, PATIENCE, &how));
    assert_true(how.how == KIN_END_KILLED && how.signal == SIGTERM && how.code == -1);
    assert_ok(kin_process_stop(child, KIN_NOW, KIN_NOW, NULL)); /* it has ended */
    assert_status(kin_process_stop(child, -1, 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_process_stop(NULL, 0, 0, NULL), KIN_E_ARGUMENT);
    kin_process_close(child);
    close_scene(&it);
}

static void stop_kills_who_does_not_listen(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_exit how = {.code = -1, .signal = -1};
    kin_process *child = start_child("stubborn", it.args);
    assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    kin_status status = kin_process_stop(child, KIN_MS(200), PATIENCE, &how);
    assert_string_equal(kin_status_name(status), has_fork() ? "KIN_KILLED" : "KIN_OK");
    assert_int_equal(how.signal, has_fork() ? 9 : SIGTERM);
    kin_process_close(child);
    close_scene(&it);
}

/* ---- the list of children ---- */

static void children_are_listed_while_they_run(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_process *children[3], *list[5] = {NULL}, *named = NULL;
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    assert_int_equal(kin_process_children(NULL, 0), 0);
    for (size_t i = 0; i < 3; i++) {
        children[i] = start_child("stay", it.args);
        assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    }
    assert_int_equal(kin_process_children(list, 5), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(list[i] == children[0] || list[i] == children[1] || list[i] == children[2]);
    }
    assert_true(list[0] != list[1] && list[1] != list[2] && list[0] != list[2] && !list[3]);
    assert_int_equal(kin_process_children(list, 1), 3);
    assert_string_equal(kin_process_name(children[0]), "stay");
    assert_string_equal(kin_process_name(NULL), "");
    assert_ok(kin_process_kill(children[1]));
    int64_t end = now_ns() + PATIENCE;
    while (kin_process_children(NULL, 0) > 2 && now_ns() < end) { /* without a join */
        kin_os_sleep_until(kin_os_now() + KIN_MS(1));
    }
    assert_int_equal(kin_process_children(list, 5), 2);
    assert_true(list[0] != children[1] && list[1] != children[1]);
    assert_ok(kin_sem_release(it.go, 2));
    for (size_t i = 0; i < 3; i++) {
        assert_ok(kin_process_join(children[i], PATIENCE, NULL));
        kin_process_close(children[i]);
    }
    assert_int_equal(kin_process_children(NULL, 0), 0);
    options.name = "a name of its own";
    assert_ok(kin_process_start(&named, "stay", it.args, &options));
    assert_string_equal(kin_process_name(named), options.name);
    assert_ok(kin_sem_release(it.go, 1));
    join_child(named, 0);
    close_scene(&it);
}

static void processes_know_who_they_are(void **state)
{
    (void)state;
    kin_process_info info = KIN_PROCESS_INFO_INIT;
    kin_args *args = new_args();
    assert_status(kin_process_current(NULL), KIN_E_ARGUMENT);
    assert_ok(kin_process_current(&info));
    assert_true(info.pid == kin_os_pid() && info.parent != info.pid);
    assert_true(info.parent != 0 || !has_fork()); /* under Wine, a program started from outside has none */
    assert_int_equal(info.started, 0);
    assert_string_equal(info.entry, "");
    give_number(args, "parent", (int64_t)info.pid);
    run_child("who", args);
    kin_args_destroy(args);
}

static void there_is_a_processor(void **state)
{
    (void)state;
    assert_true(kin_cpu_count() >= 1 && kin_cpu_count() < 65536);
}

int main(void)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bound_child_dies_with_a_killed_parent),
        cmocka_unit_test(bound_child_dies_with_a_parent_that_ends_well),
        cmocka_unit_test(bound_child_outlives_the_thread_that_started_it),
        cmocka_unit_test(none_is_left_of_a_parent_that_ends_at_once),
        cmocka_unit_test(option_is_checked),
        cmocka_unit_test(stop_asks_first),
        cmocka_unit_test(stop_kills_who_does_not_listen),
        cmocka_unit_test(children_are_listed_while_they_run),
        cmocka_unit_test(processes_know_who_they_are),
        cmocka_unit_test(there_is_a_processor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
