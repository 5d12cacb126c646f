/* Families that strangers join by a name. The strangers are this program once more, started without kin. All is done
 * with a family of this user alone, and with one that everybody may join, which works by other means; in this test
 * nobody else comes. */
#include "support.h"

#include <stdlib.h>

#include "os.h"

#define STRANGERS 6

typedef struct place {
    kin_lock lock;
    kin_counter here;
    int64_t sum;
} place;

static const char *kind = "own";
static char name[64]; /* another in each test and run; begins with the kind */

static void new_name(void)
{
    static int number;
    snprintf(name, sizeof name, "%s-%u-%d", kind, (unsigned)kin_os_pid(), number++);
}

static kin_status open_family(kin_family **out, uint32_t flags)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.group = strncmp(name, "all", 3) == 0 ? "*" : NULL;
    return kin_family_open(out, name, flags, &options);
}

static place *new_place(kin_family *family)
{
    place *it = NULL;
    assert_ok(kin_alloc((void **)&it, family, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_counter_init(&it->here, 0));
    assert_ok(kin_name_set("place", KIN_TYPE_MEMORY, it));
    return it;
}

static size_t names_of(kin_family *family)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(family, &info));
    return count_names(info.id);
}

/* ---- strangers: "WHAT:NAME" ---- */

static int run_stranger(const char *what)
{
    return end_of_self(start_stranger(what, name));
}

static place *find_place(kin_family *family)
{
    void *it = NULL;
    kin_status status = KIN_E_NOT_FOUND;
    for (int64_t end = now_ns() + PATIENCE; status == KIN_E_NOT_FOUND && now_ns() < end;) {
        status = kin_name_get(&it, family, "place", KIN_TYPE_MEMORY);
    }
    return status == KIN_OK ? it : NULL;
}

static int be_adder(void)
{
    kin_family *family = NULL;
    CHECK(open_family(&family, KIN_FAMILY_JOIN) == KIN_OK);
    place *it = find_place(family);
    CHECK(it);
    for (int i = 0; i < 1000; i++) {
        CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
        it->sum++;
        CHECK(kin_lock_release(&it->lock) == KIN_OK);
    }
    kin_family_close(family);
    return 0;
}

/* Any of them may create the place; all meet there. */
static int be_racer(void)
{
    kin_family *family = NULL;
    int64_t here = 0;
    CHECK(open_family(&family, 0) == KIN_OK);
    place *it = NULL;
    CHECK(kin_alloc((void **)&it, family, sizeof *it) == KIN_OK && kin_counter_init(&it->here, 0) == KIN_OK);
    kin_status status = kin_name_set("place", KIN_TYPE_MEMORY, it);
    CHECK(status == KIN_OK || status == KIN_E_EXISTS);
    it = find_place(family);
    CHECK(it && kin_counter_add(&it->here, 1, NULL) == KIN_OK);
    for (int64_t end = now_ns() + PATIENCE; here < STRANGERS && now_ns() < end;) {
        CHECK(kin_counter_get(&it->here, &here) == KIN_OK);
    }
    CHECK(here == STRANGERS);
    kin_family_close(family);
    return 0;
}

/* Ends as if killed. */
static int be_killed_creator(void)
{
    kin_family *family = NULL;
    CHECK(open_family(&family, KIN_FAMILY_CREATE) == KIN_OK);
    kin_os_exit_now(0);
    return 1;
}

static int be_killed_holder(void)
{
    kin_family *family = NULL;
    CHECK(open_family(&family, KIN_FAMILY_JOIN) == KIN_OK);
    place *it = find_place(family);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    kin_os_exit_now(0);
    return 1;
}

static int be_churner(void)
{
    for (int i = 0; i < 100; i++) {
        kin_family *family = NULL;
        void *memory = NULL;
        CHECK(open_family(&family, 0) == KIN_OK);
        CHECK(kin_alloc(&memory, family, 100) == KIN_OK && kin_free(memory) == KIN_OK);
        kin_family_close(family);
    }
    return 0;
}

static int be_stranger(const char *argument)
{
    const char *colon = strchr(argument, ':');
    snprintf(name, sizeof name, "%s", colon + 1);
    size_t length = (size_t)(colon - argument);
    return strncmp(argument, "add", length) == 0      ? be_adder()
           : strncmp(argument, "race", length) == 0   ? be_racer()
           : strncmp(argument, "create", length) == 0 ? be_killed_creator()
           : strncmp(argument, "hold", length) == 0   ? be_killed_holder()
           : strncmp(argument, "churn", length) == 0  ? be_churner()
                                                      : 2;
}

static int child_stay(const kin_args *args)
{
    kin_sem *go = given(args, "go", KIN_TYPE_SEM);
    CHECK(go && kin_sem_acquire(go, 1, PATIENCE) == KIN_OK);
    return 0;
}

/* ---- tests ---- */

static void strangers_share_what_has_a_name(void **state)
{
    (void)state;
    kin_family *family = NULL, *again = NULL;
    intptr_t strangers[3];
    new_name();
    assert_ok(open_family(&family, KIN_FAMILY_CREATE));
    place *it = new_place(family);
    for (int i = 0; i < 3; i++) {
        strangers[i] = start_stranger("add", name);
    }
    for (int i = 0; i < 3; i++) {
        assert_int_equal(end_of_self(strangers[i]), 0);
    }
    assert_int_equal(it->sum, 3000);
    assert_ok(open_family(&again, KIN_FAMILY_JOIN));
    assert_ptr_equal(again, family);
    kin_family_close(again);
    assert_int_equal(it->sum, 3000);
    kin_family_close(family);
}

static void name_is_of_one_family(void **state)
{
    (void)state;
    kin_family *family = NULL, *other = NULL;
    new_name();
    assert_status(open_family(&family, KIN_FAMILY_JOIN), KIN_E_NOT_FOUND);
    assert_ok(open_family(&family, KIN_FAMILY_CREATE));
    assert_status(open_family(&other, KIN_FAMILY_CREATE), KIN_E_EXISTS);
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(family, &info));
    kin_family_close(family);
    assert_int_equal(count_names(info.id), 0);
    assert_status(open_family(&family, KIN_FAMILY_JOIN), KIN_E_NOT_FOUND); /* the last has left */
    assert_ok(open_family(&family, 0));
    kin_family_close(family);
}

static void creators_at_once_meet_in_one_family(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        intptr_t strangers[STRANGERS];
        new_name();
        for (int i = 0; i < STRANGERS; i++) {
            strangers[i] = start_stranger("race", name);
        }
        for (int i = 0; i < STRANGERS; i++) {
            assert_int_equal(end_of_self(strangers[i]), 0);
        }
    }
}

static void creators_and_leavers_never_meet_a_ruin(void **state)
{
    (void)state;
    intptr_t strangers[4];
    new_name();
    for (int i = 0; i < 4; i++) {
        strangers[i] = start_stranger("churn", name);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(end_of_self(strangers[i]), 0);
    }
}

static void killed_creator_leaves_the_name_free(void **state)
{
    (void)state;
    kin_family *family = NULL;
    new_name();
    assert_int_equal(run_stranger("create"), 0);
    assert_status(open_family(&family, KIN_FAMILY_JOIN), KIN_E_NOT_FOUND);
    assert_int_equal(run_stranger("create"), 0);
    assert_ok(open_family(&family, KIN_FAMILY_CREATE));
    kin_family_close(family);
}

static void killed_stranger_is_noticed(void **state)
{
    (void)state;
    kin_family *family = NULL;
    new_name();
    assert_ok(open_family(&family, 0));
    place *it = new_place(family);
    assert_int_equal(run_stranger("hold"), 0);
    assert_status(kin_lock_acquire(&it->lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(&it->lock));
    assert_ok(kin_lock_release(&it->lock));
    kin_family_close(family);
}

static void child_keeps_the_name_of_its_parents_family(void **state)
{
    (void)state;
    kin_family *family = NULL, *again = NULL;
    kin_sem *go = NULL;
    kin_args *args = NULL;
    new_name();
    assert_ok(open_family(&family, 0));
    new_place(family);
    assert_ok(kin_sem_create(&go, family, 0, 0));
    assert_ok(kin_args_create(&args, family));
    give(args, "go", KIN_TYPE_SEM, go);
    kin_process *child = start_child("stay", args);
    kin_args_destroy(args);
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    for (int64_t end = now_ns() + PATIENCE; info.members < 2 && now_ns() < end;) {
        assert_ok(kin_family_inspect(family, &info));
    }
    assert_int_equal(info.members, 2);
    kin_family_close(family);
    assert_ok(open_family(&again, KIN_FAMILY_JOIN));
    assert_int_equal(run_stranger("add"), 0);
    void *found = NULL;
    assert_ok(kin_name_get(&found, again, "place", KIN_TYPE_MEMORY));
    assert_int_equal(((place *)found)->sum, 1000);
    kill_child(child);
    kin_family_close(again);
    assert_status(open_family(&again, KIN_FAMILY_JOIN), KIN_E_NOT_FOUND);
}

static void kept_family_outlives_its_members(void **state)
{
    (void)state;
    kin_family *family = NULL;
    new_name();
    kin_status status = open_family(&family, KIN_FAMILY_KEEP);
    if (!has_fork()) { /* Windows */
        assert_status(status, KIN_E_UNSUPPORTED);
        return;
    }
    assert_ok(status);
    new_place(family);
    kin_family_close(family);
    assert_ok(kin_cleanup(NULL));
    assert_int_equal(run_stranger("add"), 0);
    assert_ok(open_family(&family, KIN_FAMILY_JOIN));
    void *found = NULL;
    assert_ok(kin_name_get(&found, family, "place", KIN_TYPE_MEMORY));
    assert_int_equal(((place *)found)->sum, 1000);
    assert_true(names_of(family) > 0);
    assert_ok(kin_family_unlink(name));
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(family, &info));
    assert_status(open_family(&family, KIN_FAMILY_JOIN), KIN_E_NOT_FOUND);
    kin_family_close(family);
    assert_int_equal(count_names(info.id), 0);
}

static int for_everybody(void **state)
{
    (void)state;
    kind = "all";
    return 0;
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",     ".",        ".a",
        "a/b",  "a b",      "../x",
        "a\\b", "\xc3\xa4", "0123456789012345678901234567890123456789012345678901234567890123"};
    kin_family *family = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_status(kin_family_open(&family, bad[i], 0, NULL), KIN_E_ARGUMENT);
        assert_status(kin_family_unlink(bad[i]), KIN_E_ARGUMENT);
    }
    assert_status(kin_family_open(NULL, "a", 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_open(&family, NULL, 0, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_open(&family, "a", 16, NULL), KIN_E_ARGUMENT);
    kin_family_options options = {.size = 1};
    assert_status(kin_family_open(&family, "a", KIN_FAMILY_CREATE, &options), KIN_E_ARGUMENT);
    new_name();
    assert_status(kin_family_unlink(name), KIN_E_NOT_FOUND);
}

int main(int argc, char **argv)
{
    static const kin_child_entry entries[] = {{"stay", child_stay}};
    if (argc > 1 && strchr(argv[1], ':')) {
        return be_stranger(argv[1]);
    }
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_share_what_has_a_name),
        cmocka_unit_test(name_is_of_one_family),
        cmocka_unit_test(creators_at_once_meet_in_one_family),
        cmocka_unit_test(creators_and_leavers_never_meet_a_ruin),
        cmocka_unit_test(killed_creator_leaves_the_name_free),
        cmocka_unit_test(killed_stranger_is_noticed),
        cmocka_unit_test(child_keeps_the_name_of_its_parents_family),
        cmocka_unit_test(kept_family_outlives_its_members),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests_name("own", tests, NULL, NULL) +
           cmocka_run_group_tests_name("for everybody", tests, for_everybody, NULL);
}
