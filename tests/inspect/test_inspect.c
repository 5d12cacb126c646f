#include "support.h"

typedef struct place {
    kin_lock lock, other;
    kin_sem told, go;
    kin_event event;
    kin_rwlock rwlock;
} place;

static place *new_place(void)
{
    place *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_lock_init(&it->other, 0));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    assert_ok(kin_event_init(&it->event));
    assert_ok(kin_rwlock_init(&it->rwlock));
    return it;
}

static kin_process *start_with(const char *entry, place *it)
{
    kin_args *args = new_args();
    give(args, "place", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    return process;
}

/* ---- children ---- */

static int child_hold(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    CHECK(it && kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
    CHECK(kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_READ, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    CHECK(kin_rwlock_release(&it->rwlock) == KIN_OK && kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_wait(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    CHECK(it && kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK && kin_lock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_watch(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    CHECK(it && kin_sem_release(&it->told, 1) == KIN_OK);
    kin_wait_item item = {.object = &it->lock, .type = KIN_TYPE_LOCK, .interest = KIN_WAIT_READABLE};
    size_t ready = 0;
    return kin_wait(&item, 1, 0, PATIENCE, &ready) != KIN_OK;
}

/* Makes a family of its own and waits in it. */
static int child_other_family(const kin_args *args)
{
    place *it = given(args, "place", KIN_TYPE_MEMORY);
    kin_family *family = NULL;
    kin_lock *lock = NULL;
    CHECK(it && kin_family_create(&family, NULL) == KIN_OK && kin_lock_create(&lock, family, 0) == KIN_OK);
    CHECK(kin_name_set("strange", KIN_TYPE_LOCK, lock) == KIN_OK && kin_lock_acquire(lock, KIN_NOW) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    return 0;
}

/* ---- what is seen ---- */

#define MEMBERS 16

typedef struct notes {
    const place *it;
    uint32_t pids[MEMBERS];
    int alive[MEMBERS];
    int members;
    kin_object_info lock, rwlock, sem;
    uint32_t sleeper; /* pid of the last that waits for the lock */
    int sleepers, strange, families;
    uint32_t stranger; /* pid of the holder of the lock of that name; other runs of this test have their own */
    const kin_lock *searched;
} notes;

static uint64_t offset_in(const void *object)
{
    kin_ref ref;
    assert_ok(kin_ref_of(&ref, KIN_TYPE_LOCK, object));
    return ref.opaque[0] & UINT64_C(0x00ffffffffffffff);
}

static void note_member(const kin_member_info *it, void *context)
{
    notes *all = context;
    if (all->members == MEMBERS) {
        return; /* a member of another family */
    }
    all->alive[all->members] = it->alive;
    all->pids[all->members++] = it->pid;
}

static void note_object(const kin_object_info *it, void *context)
{
    notes *all = context;
    if (it->name && strcmp(it->name, "strange") == 0) {
        all->strange += it->holder == all->stranger;
    } else if (it->name && strcmp(it->name, "watched") == 0) {
        all->lock = *it;
    } else if (it->type == KIN_TYPE_RWLOCK) {
        all->rwlock = *it;
    } else if (it->type == KIN_TYPE_SEM) {
        all->sem = *it;
    }
}

static void note_sleeper(const kin_waiter_info *it, void *context)
{
    notes *all = context;
    all->sleepers++;
    if (it->type == KIN_TYPE_LOCK && it->offset == offset_in(all->searched)) {
        all->sleeper = it->pid;
        assert_false(it->deadlocked);
    }
}

static void look(kin_family *family, notes *all)
{
    kin_inspector sight = {sizeof sight, NULL, note_member, note_object, note_sleeper, all};
    assert_ok(kin_family_inspect_all(family, &sight));
}

static int alive_in(const notes *all, uint32_t pid)
{
    for (int i = 0; i < all->members; i++) {
        if (all->pids[i] == pid) {
            return all->alive[i];
        }
    }
    return -1;
}

static void visit(kin_family *family, void *context)
{
    notes *all = context;
    all->families++;
    look(family, all);
}

/* ---- tests ---- */

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_inspector sight = {.size = 1};
    assert_status(kin_family_inspect_all(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_family_inspect_all(NULL, &sight), KIN_E_ARGUMENT);
    sight.size = sizeof sight;
    assert_ok(kin_family_inspect_all(NULL, &sight));
    assert_status(kin_family_list(NULL, NULL, NULL), KIN_E_ARGUMENT);
}

static void holders_and_waiters_are_shown(void **state)
{
    (void)state;
    place *it = new_place();
    notes all = {.it = it, .searched = &it->lock};
    assert_ok(kin_name_set("watched", KIN_TYPE_LOCK, &it->lock));
    kin_process *holder = start_with("hold", it);
    kin_process *waiter = start_with("wait", it);
    uint32_t holder_pid = kin_process_pid(holder), waiter_pid = kin_process_pid(waiter);
    int64_t end = now_ns() + PATIENCE;
    /* Until both sleep. */
    while ((all.sleeper != waiter_pid || all.lock.sleepers == 0 || all.sem.sleepers == 0) && now_ns() < end) {
        all = (notes){.it = it, .searched = &it->lock};
        look(NULL, &all);
    }
    assert_int_equal(all.sleeper, waiter_pid);
    assert_int_equal(all.lock.holder, holder_pid);
    assert_true(all.lock.type == KIN_TYPE_LOCK && all.lock.holders == 1 && all.lock.holder_alive);
    assert_int_equal(all.lock.sleepers, 1);
    assert_true(all.lock.held >= 0 && all.lock.held < PATIENCE);
    assert_true(all.rwlock.holder == holder_pid && all.rwlock.holders == 1);
    assert_int_equal(all.sem.sleepers, 1); /* the holder */
    assert_int_equal(alive_in(&all, holder_pid), 1);
    assert_int_equal(alive_in(&all, waiter_pid), 1);
    assert_ok(kin_sem_release(&it->go, 1));
    join_child(holder, 0);
    join_child(waiter, 0);
    assert_ok(kin_name_remove(NULL, "watched"));
    assert_ok(kin_free(it));
}

static void a_lock_that_is_only_watched_tells_how_long_it_is_held(void **state)
{
    (void)state;
    place *it = new_place();
    notes all = {.it = it, .searched = &it->lock};
    assert_ok(kin_name_set("watched", KIN_TYPE_LOCK, &it->lock));
    int64_t begun = now_ns();
    assert_ok(kin_lock_acquire(&it->lock, PATIENCE));
    kin_process *watcher = start_with("watch", it);
    all.lock.held = -1;
    while (all.lock.held < 0 && now_ns() - begun < PATIENCE) {
        all = (notes){.it = it, .searched = &it->lock};
        look(NULL, &all);
    }
    assert_true(all.lock.held >= 0 && all.lock.held <= now_ns() - begun + KIN_MS(1)); /* noted in milliseconds */
    assert_ok(kin_lock_release(&it->lock));
    join_child(watcher, 0);
    assert_ok(kin_name_remove(NULL, "watched"));
    assert_ok(kin_free(it));
}

static void dead_are_shown_as_dead(void **state)
{
    (void)state;
    place *it = new_place();
    notes all = {.it = it, .searched = &it->lock};
    assert_ok(kin_name_set("watched", KIN_TYPE_LOCK, &it->lock));
    kin_process *holder = start_with("hold", it);
    uint32_t pid = kin_process_pid(holder);
    kin_process_kill(holder);
    int64_t end = now_ns() + PATIENCE;
    do {
        all = (notes){.it = it, .searched = &it->lock};
        look(NULL, &all);
    } while (alive_in(&all, pid) == 1 && now_ns() < end);
    assert_int_equal(alive_in(&all, pid), 0);
    assert_true(all.lock.holders == 1 && all.lock.holder == pid && !all.lock.holder_alive);
    assert_ok(kin_process_join(holder, PATIENCE, NULL)); /* cleans up after it */
    kin_process_close(holder);
    all = (notes){.it = it, .searched = &it->lock};
    look(NULL, &all);
    assert_int_equal(alive_in(&all, pid), -1);
    assert_ok(kin_name_remove(NULL, "watched"));
    assert_ok(kin_free(it));
}

static void families_of_others_are_visited(void **state)
{
    (void)state;
    place *it = new_place();
    notes all = {.it = it, .searched = &it->lock};
    uint32_t count = 0;
    kin_process *child = start_with("other_family", it);
    size_t handles = count_handles();
    all.stranger = kin_process_pid(child);
    assert_ok(kin_family_list(visit, &all, &count));
    assert_true(count >= 2 && (int)count == all.families);
    assert_int_equal(all.strange, 1);
    assert_int_equal(count_handles(), handles);
    assert_int_equal(inspect_family().members, 2); /* looking made nobody a member */
    assert_ok(kin_sem_release(&it->go, 1));
    join_child(child, 0);
    all = (notes){.it = it, .searched = &it->lock, .stranger = all.stranger};
    assert_ok(kin_family_list(visit, &all, NULL));
    assert_int_equal(all.strange, 0);
    assert_ok(kin_free(it));
}

static void note_entries(const kin_object_info *it, void *context)
{
    int64_t *entries = context;
    if (it->type == KIN_TYPE_DICT) {
        entries[0] = it->value;
    } else if (it->type == KIN_TYPE_LIST) {
        entries[1] = it->value;
    }
}

static void dicts_and_lists_show_how_much_is_in_them(void **state)
{
    (void)state;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    int64_t entries[2] = {-1, -1};
    kin_inspector sight = {.size = sizeof sight, .object = note_entries, .context = entries};
    assert_ok(kin_dict_create(&dict, NULL));
    assert_ok(kin_list_create(&list, NULL));
    assert_ok(kin_name_set("a dict", KIN_TYPE_DICT, dict));
    assert_ok(kin_name_set("a list", KIN_TYPE_LIST, list));
    assert_ok(kin_family_inspect_all(NULL, &sight));
    assert_true(entries[0] == 0 && entries[1] == 0);
    for (char key = 'a'; key < 'p'; key++) {
        assert_ok(kin_dict_set(dict, &key, 1, "", 0));
        assert_ok(kin_list_append(list, &key, 1));
    }
    assert_ok(kin_list_pop(list, 0, NULL, 0, NULL));
    assert_ok(kin_family_inspect_all(NULL, &sight));
    assert_int_equal(entries[0], 15);
    assert_int_equal(entries[1], 14);
    assert_ok(kin_name_remove(NULL, "a dict"));
    assert_ok(kin_name_remove(NULL, "a list"));
    assert_ok(kin_dict_destroy(dict));
    assert_ok(kin_list_destroy(list));
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"hold", child_hold},
        {"wait", child_wait},
        {"watch", child_watch},
        {"other_family", child_other_family},
    };
    kin_child_main(entries, sizeof entries / sizeof entries[0]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(holders_and_waiters_are_shown),
        cmocka_unit_test(a_lock_that_is_only_watched_tells_how_long_it_is_held),
        cmocka_unit_test(dead_are_shown_as_dead),
        cmocka_unit_test(families_of_others_are_visited),
        cmocka_unit_test(dicts_and_lists_show_how_much_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
