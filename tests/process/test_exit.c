/* kin_exit tells how a child ended: by each start method, whether it returned, exited, crashed or was killed. */
#include "support.h"

#include <signal.h>
#include <stdlib.h>

#include "os.h"

/* ---- children ---- */

static int child_return(const kin_args *args)
{
    return (int)given_number(args, "code");
}

static int child_exit(const kin_args *args)
{
    exit((int)given_number(args, "code"));
}

static int child_exit_now(const kin_args *args)
{
    kin_os_exit_now((int)given_number(args, "code"));
    return 1;
}

static int child_crash(const kin_args *args)
{
    (void)args;
    crash();
    return 0;
}

static void exit_with_three(void)
{
    kin_os_exit_now(3);
}

/* Returns, and comes to another end on the way out. */
static int child_end_at_exit(const kin_args *args)
{
    (void)args;
    atexit(exit_with_three);
    return 0;
}

static int child_stay(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM), *go = given(args, "go", KIN_TYPE_SEM);
    CHECK(told && go && kin_sem_release(told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 0;
}

/* Leaves behind one that runs, and that has nobody to tell its end. */
static int child_outlive(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM);
    kin_process *child = NULL;
    CHECK(kin_process_start(&child, "stay", args, NULL) == KIN_OK);
    CHECK(kin_sem_acquire(told, 1, PATIENCE) == KIN_OK && kin_sem_release(told, 1) == KIN_OK);
    kin_process_close(child);
    return 0;
}

static const kin_child_entry entries[] = {
    {"return", child_return},           {"exit", child_exit}, {"exit_now", child_exit_now}, {"crash", child_crash},
    {"end_at_exit", child_end_at_exit}, {"stay", child_stay}, {"outlive", child_outlive},
};

/* ---- tests ---- */

static bool by_fork(void)
{
    const char *how = getenv("KIN_START");
    return has_fork() && (!how || strcmp(how, "fork") == 0);
}

static kin_exit end_of(const char *entry, int code)
{
    kin_exit how = {.code = 99};
    kin_args *args = new_args();
    give_number(args, "code", code);
    kin_process *child = start_child(entry, args);
    assert_ok(kin_process_join(child, PATIENCE, &how));
    kin_process_close(child);
    kin_args_destroy(args);
    return how;
}

static void expect_code(kin_exit end, uint32_t how, int code)
{
    assert_int_equal(end.how, how);
    assert_int_equal(end.code, code);
    assert_true(end.signal == 0 && end.exception == 0);
}

static void return_is_told_from_exit(void **state)
{
    (void)state;
    static const int codes[] = {0, 1, 3, 137, 143, 255};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        expect_code(end_of("return", codes[i]), KIN_END_RETURNED, codes[i]);
        if (codes[i] != 0) {
            expect_code(end_of("exit", codes[i]), KIN_END_EXITED, codes[i]);
            expect_code(end_of("exit_now", codes[i]), KIN_END_EXITED, codes[i]);
        }
    }
    bool certain = has_fork(); /* elsewhere it might have been ended with code 0 */
    expect_code(end_of("exit", 0), certain ? KIN_END_EXITED : KIN_END_UNKNOWN, certain ? 0 : -1);
    expect_code(end_of("exit_now", 0), certain ? KIN_END_EXITED : KIN_END_UNKNOWN, certain ? 0 : -1);
}

static void another_end_on_the_way_out_is_told(void **state)
{
    (void)state;
    kin_exit end = end_of("end_at_exit", 0);
    expect_code(end, by_fork() ? KIN_END_RETURNED : KIN_END_EXITED, by_fork() ? 0 : 3); /* fork: atexit does not run */
}

static void signal_or_exception_is_told(void **state)
{
    (void)state;
    char text[96];
    somebody_dies();
    kin_exit end = end_of("crash", 0);
    assert_int_equal(end.how, KIN_END_SIGNAL);
    assert_int_equal(end.code, -1);
    assert_true(has_fork() ? end.signal == SIGABRT && end.exception == 0
                           : end.signal == 0 && end.exception == 0xC0000094);
    assert_non_null(strstr(kin_exit_text(&end, text, sizeof text), has_fork() ? "SIGABRT" : "division by zero"));
}

typedef struct scene {
    kin_sem *told, *go;
    kin_args *args;
} scene;

static scene open_scene(void)
{
    scene it = {NULL, NULL, new_args()};
    assert_ok(kin_sem_create(&it.told, NULL, 0, 0));
    assert_ok(kin_sem_create(&it.go, NULL, 0, 0));
    give(it.args, "told", KIN_TYPE_SEM, it.told);
    give(it.args, "go", KIN_TYPE_SEM, it.go);
    return it;
}

static void close_scene(scene *it)
{
    kin_args_destroy(it->args);
    assert_ok(kin_sem_destroy(it->told));
    assert_ok(kin_sem_destroy(it->go));
}

static kin_process *start_one_that_stays(scene *it)
{
    kin_process *child = start_child("stay", it->args);
    assert_ok(kin_sem_acquire(it->told, 1, PATIENCE));
    return child;
}

static void end_by_others_is_no_success(void **state)
{
    (void)state;
    static const uint32_t codes[] = {0, 1, 137};
    scene it = open_scene();
    somebody_dies();
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        kin_exit end = {.code = 0};
        kin_process *child = start_one_that_stays(&it);
        kill_pid_with(kin_process_pid(child), codes[i]);
        assert_ok(kin_process_join(child, PATIENCE, &end));
        if (has_fork()) {
            assert_true(end.how == KIN_END_SIGNAL && end.signal == 9 && end.code == -1);
        } else {
            expect_code(end, codes[i] == 0 ? KIN_END_UNKNOWN : KIN_END_EXITED, codes[i] == 0 ? -1 : (int)codes[i]);
        }
        kin_process_close(child);
    }
    close_scene(&it);
}

static void end_by_kin_is_told(void **state)
{
    (void)state;
    char text[96];
    scene it = open_scene();
    somebody_dies();
    for (int force = 0; force < 2; force++) {
        kin_exit end = {.code = 0};
        kin_process *child = start_one_that_stays(&it);
        assert_ok(force ? kin_process_kill(child) : kin_process_terminate(child));
        assert_ok(kin_process_join(child, PATIENCE, &end));
        assert_true(end.how == KIN_END_KILLED && end.code == -1 && end.signal == (force ? 9 : 15));
        assert_non_null(strstr(kin_exit_text(&end, text, sizeof text), force ? "SIGKILL" : "SIGTERM"));
        kin_process_close(child);
    }
    kin_exit end = {.code = 1};
    kin_process *child = start_one_that_stays(&it);
    assert_ok(kin_sem_release(it.go, 1));
    assert_ok(kin_process_join(child, PATIENCE, &end));
    assert_ok(kin_process_kill(child)); /* too late to count */
    assert_ok(kin_process_join(child, KIN_NOW, &end));
    expect_code(end, KIN_END_RETURNED, 0);
    kin_process_close(child);
    close_scene(&it);
}

static void many_ends_at_once_are_not_mixed_up(void **state)
{
    (void)state;
    kin_process *children[24];
    const size_t count = has_fork() ? 24 : 6;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            kin_args *args = new_args();
            give_number(args, "code", (int64_t)i + 1);
            children[i] = start_child(i % 2 ? "exit" : "return", args);
            kin_args_destroy(args);
        }
        for (size_t i = 0; i < count; i++) {
            kin_exit end = {.code = -1};
            assert_ok(kin_process_join(children[i], PATIENCE, &end));
            expect_code(end, i % 2 ? KIN_END_EXITED : KIN_END_RETURNED, (int)i + 1);
            kin_process_close(children[i]);
        }
    }
}

static void child_that_was_forgotten_harms_no_other(void **state)
{
    (void)state;
    scene it = open_scene();
    kin_process *forgotten = start_one_that_stays(&it);
    kin_process_close(forgotten);
    run_child("outlive", it.args);
    assert_ok(kin_sem_acquire(it.told, 1, PATIENCE));
    kin_process *child = start_one_that_stays(&it); /* has the record of the forgotten one */
    assert_ok(kin_sem_release(it.go, 3));
    join_child(child, 0);
    close_scene(&it);
}

static void text_says_how(void **state)
{
    (void)state;
    char text[96], tiny[8];
    const kin_exit returned = {.code = 3, .how = KIN_END_RETURNED}, exited = {.code = 3, .how = KIN_END_EXITED};
    const kin_exit unknown = {.code = -1, .how = KIN_END_UNKNOWN}, strange = {.code = -1, .how = 77};
    assert_string_equal(kin_exit_text(&returned, text, sizeof text), "returned 3");
    assert_string_equal(kin_exit_text(&exited, text, sizeof text), "exited with code 3");
    assert_string_equal(kin_exit_text(&unknown, text, sizeof text), "ended, it is not known how");
    assert_string_equal(kin_exit_text(&strange, text, sizeof text), "ended, it is not known how");
    assert_string_equal(kin_exit_text(&returned, tiny, sizeof tiny), "returne");
    const kin_exit late = {.code = -1, .signal = 15, .how = KIN_END_KILLED, .timed_out = 1};
    const kin_exit well = {.code = 0, .how = KIN_END_EXITED, .timed_out = 1};
    assert_string_equal(kin_exit_text(&late, text, sizeof text),
                        "killed by its parent at its time limit, by signal 15 (SIGTERM)");
    assert_string_equal(kin_exit_text(&well, text, sizeof text), "exited with code 0, after its time limit");
    assert_string_equal(kin_exit_text(NULL, text, sizeof text), "");
    assert_string_equal(kin_exit_text(&returned, NULL, 0), "");
}

int main(void)
{
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(return_is_told_from_exit),
        cmocka_unit_test(another_end_on_the_way_out_is_told),
        cmocka_unit_test(signal_or_exception_is_told),
        cmocka_unit_test(end_by_others_is_no_success),
        cmocka_unit_test(end_by_kin_is_told),
        cmocka_unit_test(many_ends_at_once_are_not_mixed_up),
        cmocka_unit_test(child_that_was_forgotten_harms_no_other),
        cmocka_unit_test(text_says_how),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
