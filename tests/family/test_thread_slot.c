/* A thread's slots: what it keeps while its own functions, called back by kin, use other families. */
#include "support.h"

#include "family/thread_slot.h"

typedef struct scene {
    kin_lock lock;
    kin_cond changed;
    kin_barrier both;
    int64_t goods;
} scene;

static kin_lock *elsewhere; /* a lock of another family */

static scene *new_scene(void)
{
    scene *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_cond_init(&it->changed));
    assert_ok(kin_barrier_init(&it->both, 2));
    return it;
}

static void use_another_family(void)
{
    assert_ok(kin_lock_acquire(elsewhere, KIN_NOW));
    assert_ok(kin_lock_release(elsewhere));
}

/* ---- children ---- */

static int child_deliver(const kin_args *args)
{
    scene *it = given(args, "scene", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    it->goods = 1;
    CHECK(kin_cond_notify(&it->changed, KIN_COND_ALL) == KIN_OK);
    return kin_lock_release(&it->lock) != KIN_OK;
}

static int child_meet(const kin_args *args)
{
    scene *it = given(args, "scene", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 2; i++) {
        CHECK(kin_barrier_wait(&it->both, NULL, PATIENCE) == KIN_OK);
    }
    return 0;
}

static int child_set(const kin_args *args)
{
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    CHECK(dict && kin_dict_set_i64(dict, "from the child", 1) == KIN_OK);
    return 0;
}

/* ---- callbacks that use another family ---- */

static int there_are_goods(void *argument)
{
    use_another_family();
    return ((scene *)argument)->goods > 0;
}

static void a_condition_s_predicate(void **state)
{
    (void)state;
    scene *it = new_scene();
    kin_lock_info info = KIN_LOCK_INFO_INIT;
    kin_args *args = new_args();
    give(args, "scene", KIN_TYPE_MEMORY, it);
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    kin_process *child = start_child("deliver", args);
    assert_ok(kin_cond_wait_for(&it->changed, &it->lock, there_are_goods, it, PATIENCE));
    assert_ok(kin_lock_inspect(&it->lock, &info));
    assert_true(info.mine);
    assert_ok(kin_lock_release(&it->lock));
    join_child(child, 0);
    kin_args_destroy(args);
    assert_ok(kin_free(it));
}

static void run_by_the_last(void *argument)
{
    use_another_family();
    ((scene *)argument)->goods++;
}

static void a_barrier_s_action(void **state)
{
    (void)state;
    scene *it = new_scene();
    kin_args *args = new_args();
    give(args, "scene", KIN_TYPE_MEMORY, it);
    kin_process *child = start_child("meet", args);
    for (int i = 0; i < 2; i++) {
        assert_ok(kin_barrier_wait_with(&it->both, NULL, run_by_the_last, it, PATIENCE));
    }
    join_child(child, 0);
    kin_args_destroy(args);
    assert_ok(kin_free(it));
}

static kin_status change(void *value, size_t *size, size_t room, void *argument)
{
    (void)argument;
    assert_true(room >= sizeof(int64_t));
    use_another_family();
    *(int64_t *)value = 7;
    *size = sizeof(int64_t);
    return KIN_OK;
}

static void a_dict_s_change(void **state)
{
    (void)state;
    kin_dict *dict = NULL;
    kin_args *args = new_args();
    assert_ok(kin_dict_create(&dict, NULL));
    give(args, "dict", KIN_TYPE_DICT, dict);
    assert_ok(kin_dict_set_i64(dict, "changed", 1));
    assert_ok(kin_dict_update(dict, "changed", 7, sizeof(int64_t), change, NULL));
    run_child("set", args); /* the dict is not left locked */
    kin_args_destroy(args);
    assert_ok(kin_dict_destroy(dict));
}

/* ---- the seats themselves ---- */

static void a_seat_stays_where_it_is(void **state)
{
    (void)state;
    enum { FAMILIES = 5 };
    kin_family *families[FAMILIES];
    kin__seat *seats[FAMILIES], *again = NULL;
    uint64_t tokens[FAMILIES];
    for (int i = 0; i < FAMILIES; i++) {
        assert_ok(kin_family_create(&families[i], NULL));
        assert_ok(kin__seat_take(&seats[i], families[i]));
        tokens[i] = seats[i]->token;
    }
    for (int i = 0; i < FAMILIES; i++) {
        assert_ptr_equal(seats[i]->family, families[i]);
    }
    for (int i = FAMILIES - 1; i >= 0; i--) {
        assert_ok(kin__seat_take(&again, families[i]));
        assert_ptr_equal(again, seats[i]);
        assert_true(again->token == tokens[i] && again->family == families[i]);
    }
    kin_family_close(families[2]);
    assert_ok(kin__seat_take(&again, families[3]));
    assert_ptr_equal(again, seats[3]);
    for (int i = 0; i < FAMILIES; i++) {
        if (i != 2) {
            kin_family_close(families[i]);
        }
    }
}

int main(void)
{
    static const kin_child_entry entries[] = {{"deliver", child_deliver}, {"meet", child_meet}, {"set", child_set}};
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_condition_s_predicate),
        cmocka_unit_test(a_barrier_s_action),
        cmocka_unit_test(a_dict_s_change),
        cmocka_unit_test(a_seat_stays_where_it_is),
    };
    kin_family *other = NULL;
    if (kin_child_main(entries, sizeof entries / sizeof entries[0]) != KIN_OK ||
        kin_family_create(&other, NULL) != KIN_OK || kin_lock_create(&elsewhere, other, 0) != KIN_OK) {
        return 1;
    }
    kin__seats_leave(); /* the next token there is one that no slot of the default family has had */
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kin_family_close(other);
    return failed;
}
