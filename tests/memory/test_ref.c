#include "support.h"

#include "container/hash.h"
#include "container/hash_table.h"
#include "family/input.h"
#include "kin/sem.h"

static int child_name(const kin_args *args)
{
    kin_lock *lock = NULL, *mine = NULL;
    (void)args;
    CHECK(kin_name_get((void **)&lock, NULL, "the lock", KIN_TYPE_LOCK) == KIN_OK);
    CHECK(kin_lock_acquire(lock, KIN_NOW) == KIN_E_TIMED_OUT); /* the parent holds it */
    CHECK(kin_lock_create(&mine, NULL, 0) == KIN_OK);
    CHECK(kin_lock_acquire(mine, KIN_NOW) == KIN_OK);
    CHECK(kin_name_set("the child's", KIN_TYPE_LOCK, mine) == KIN_OK);
    return 0;
}

static int child_set_and_remove(const kin_args *args)
{
    kin_sem *told = given(args, "told", KIN_TYPE_SEM);
    CHECK(told && kin_sem_release(told, 1) == KIN_OK);
    for (;;) {
        CHECK(kin_name_set("flicker", KIN_TYPE_SEM, told) == KIN_OK);
        CHECK(kin_name_remove(NULL, "flicker") == KIN_OK);
    }
}

static void refs_of_all_types_lead_back(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    kin_sem *sem = NULL;
    kin_counter *counter = NULL;
    kin_value *value = NULL;
    kin_array *array = NULL;
    void *memory = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_sem_create(&sem, NULL, 0, 0));
    assert_ok(kin_counter_create(&counter, NULL, 0));
    assert_ok(kin_value_create(&value, NULL, KIN_ELEMENT_I8, 0));
    assert_ok(kin_array_create(&array, NULL, KIN_ELEMENT_I8, 3, 0));
    assert_ok(kin_alloc(&memory, NULL, 10));
    const struct {
        kin_type type;
        void *object;
    } all[] = {{KIN_TYPE_MEMORY, memory},   {KIN_TYPE_LOCK, lock},   {KIN_TYPE_SEM, sem},
               {KIN_TYPE_COUNTER, counter}, {KIN_TYPE_VALUE, value}, {KIN_TYPE_ARRAY, array}};
    for (size_t i = 0; i < 6; i++) {
        kin_ref ref;
        void *found = NULL;
        assert_ok(kin_ref_of(&ref, all[i].type, all[i].object));
        assert_ok(kin_ref_get(&found, all[i].type, ref));
        assert_ptr_equal(found, all[i].object);
        for (size_t k = 1; k < 6; k++) {
            kin_type other = all[(i + k) % 6].type;
            assert_status(kin_ref_get(&found, other, ref), KIN_E_TYPE);
            if (other != KIN_TYPE_MEMORY) {
                assert_status(kin_ref_of(&ref, other, all[i].object), KIN_E_TYPE);
                assert_ok(kin_ref_of(&ref, all[i].type, all[i].object));
            }
        }
    }
    assert_ok(kin_lock_destroy(lock));
    assert_ok(kin_sem_destroy(sem));
    assert_ok(kin_counter_destroy(counter));
    assert_ok(kin_value_destroy(value));
    assert_ok(kin_array_destroy(array));
    assert_ok(kin_free(memory));
}

static void ref_of_what_is_gone_is_stale(void **state)
{
    (void)state;
    kin_lock *lock = NULL, *again = NULL;
    kin_ref ref;
    void *found = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_ref_of(&ref, KIN_TYPE_LOCK, lock));
    assert_ok(kin_lock_destroy(lock));
    assert_status(kin_ref_get(&found, KIN_TYPE_LOCK, ref), KIN_E_STALE);
    assert_ok(kin_lock_create(&again, NULL, 0));
    assert_ptr_equal(again, lock); /* the same place, another lock */
    assert_status(kin_ref_get(&found, KIN_TYPE_LOCK, ref), KIN_E_STALE);
    assert_ok(kin_lock_destroy(again));
}

/* Whatever the 16 bytes say, resolving them is an error or leads to the object itself. */
static void forged_refs_lead_nowhere(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    kin_ref ref;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_ref_of(&ref, KIN_TYPE_LOCK, lock));
    for (unsigned bit = 0; bit < 128; bit++) {
        kin_ref forged = ref;
        void *found = NULL;
        forged.opaque[bit / 64] ^= UINT64_C(1) << bit % 64;
        kin_status status = kin_ref_get(&found, KIN_TYPE_LOCK, forged);
        assert_true(status == KIN_E_STALE || status == KIN_E_TYPE || status == KIN_E_FAMILY);
    }
    for (uint64_t offset = 0; offset < 1 << 20; offset += 8) {
        void *found = NULL;
        kin_ref forged = {{(uint64_t)KIN_TYPE_LOCK << 56 | offset, ref.opaque[1]}};
        if (kin_ref_get(&found, KIN_TYPE_LOCK, forged) == KIN_OK) {
            assert_ptr_equal(found, lock);
        }
    }
    assert_ok(kin_lock_destroy(lock));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    kin_lock outside, *lock = NULL;
    kin_ref ref = {{0, 0}};
    void *found = NULL;
    char long_name[KIN_NAME_MAX + 2];
    memset(&outside, 0, sizeof outside);
    memset(long_name, 'x', sizeof long_name);
    long_name[KIN_NAME_MAX + 1] = '\0';
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_status(kin_ref_of(NULL, KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_ref_of(&ref, KIN_TYPE_LOCK, NULL), KIN_E_ARGUMENT);
    assert_status(kin_ref_of(&ref, KIN_TYPE_LOCK, &outside), KIN_E_NOT_SHARED);
    assert_status(kin_ref_of(&ref, (kin_type)99, lock), KIN_E_TYPE);
    assert_status(kin_ref_get(NULL, KIN_TYPE_LOCK, ref), KIN_E_ARGUMENT);
    assert_true(kin_ref_get(&found, KIN_TYPE_LOCK, ref) < 0);
    assert_status(kin_name_set(NULL, KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_name_set("", KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_name_set(long_name, KIN_TYPE_LOCK, lock), KIN_E_ARGUMENT);
    assert_status(kin_name_set("x", KIN_TYPE_SEM, lock), KIN_E_TYPE);
    assert_status(kin_name_set("x", KIN_TYPE_LOCK, &outside), KIN_E_NOT_SHARED);
    assert_status(kin_name_get(NULL, NULL, "x", KIN_TYPE_LOCK), KIN_E_ARGUMENT);
    assert_status(kin_name_get(&found, NULL, "", KIN_TYPE_LOCK), KIN_E_ARGUMENT);
    assert_status(kin_name_remove(NULL, NULL), KIN_E_ARGUMENT);
    assert_ok(kin_lock_destroy(lock));
}

static void names_are_set_found_and_removed(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    void *found = NULL;
    char longest[KIN_NAME_MAX + 1];
    memset(longest, 'n', KIN_NAME_MAX);
    longest[KIN_NAME_MAX] = '\0';
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_status(kin_name_get(&found, NULL, longest, KIN_TYPE_LOCK), KIN_E_NOT_FOUND);
    assert_ok(kin_name_set(longest, KIN_TYPE_LOCK, lock));
    assert_status(kin_name_set(longest, KIN_TYPE_LOCK, lock), KIN_E_EXISTS);
    assert_status(kin_name_get(&found, NULL, longest, KIN_TYPE_SEM), KIN_E_TYPE);
    assert_ok(kin_name_get(&found, NULL, longest, KIN_TYPE_LOCK));
    assert_ptr_equal(found, lock);
    assert_ok(kin_lock_destroy(lock));
    assert_status(kin_name_get(&found, NULL, longest, KIN_TYPE_LOCK), KIN_E_STALE);
    assert_ok(kin_name_remove(NULL, longest));
    assert_status(kin_name_remove(NULL, longest), KIN_E_NOT_FOUND);
}

static void name_of_a_destroyed_object_is_free(void **state)
{
    (void)state;
    kin_lock *lock = NULL;
    kin_sem *sem = NULL;
    void *found = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_name_set("freed", KIN_TYPE_LOCK, lock));
    assert_ok(kin_lock_destroy(lock));
    assert_ok(kin_sem_create(&sem, NULL, 0, 0));
    assert_status(kin_name_get(&found, NULL, "freed", KIN_TYPE_SEM), KIN_E_STALE); /* and not that it is a lock */
    assert_ok(kin_name_set("freed", KIN_TYPE_SEM, sem));
    assert_ok(kin_name_get(&found, NULL, "freed", KIN_TYPE_SEM));
    assert_ptr_equal(found, sem);
    assert_status(kin_name_set("freed", KIN_TYPE_SEM, sem), KIN_E_EXISTS);
    assert_ok(kin_name_remove(NULL, "freed"));
    assert_ok(kin_sem_destroy(sem));
}

static void child_and_parent_find_each_others_names(void **state)
{
    (void)state;
    kin_lock *lock = NULL, *childs = NULL;
    assert_ok(kin_lock_create(&lock, NULL, 0));
    assert_ok(kin_lock_acquire(lock, KIN_NOW));
    assert_ok(kin_name_set("the lock", KIN_TYPE_LOCK, lock));
    run_child("name", NULL);
    assert_ok(kin_name_get((void **)&childs, NULL, "the child's", KIN_TYPE_LOCK));
    assert_status(kin_lock_acquire(childs, KIN_NOW), KIN_OWNER_DIED);
    assert_ok(kin_lock_destroy(childs));
    assert_ok(kin_name_remove(NULL, "the lock"));
    assert_ok(kin_name_remove(NULL, "the child's"));
    assert_ok(kin_lock_destroy(lock));
}

static void killed_in_the_directory_it_stays_whole(void **state)
{
    (void)state;
    kin_sem *told = NULL;
    kin_args *args = new_args();
    assert_ok(kin_sem_create(&told, NULL, 0, 0));
    give(args, "told", KIN_TYPE_SEM, told);
    for (int round = 0; round < 10; round++) {
        kin_process *child = start_child("set_and_remove", args);
        assert_ok(kin_sem_acquire(told, 1, PATIENCE));
        assert_ok(kin_name_set("mine", KIN_TYPE_SEM, told));
        kill_child(child);
        kin_status status = kin_name_remove(NULL, "flicker");
        assert_true(status == KIN_OK || status == KIN_E_NOT_FOUND);
        assert_ok(kin_name_remove(NULL, "mine"));
    }
    kin_args_destroy(args);
    assert_ok(kin_sem_destroy(told));
}

/* Writes over the ref in the entry of a family's only name. */
static void name_is(kin_family *family, const char *name, kin_ref ref)
{
    kin__key key = {name, strlen(name), kin__hash(kin__names_of(family)->seed, name, strlen(name))};
    kin__way way;
    kin__place place;
    assert_ok(kin__table_find(family, kin__names_of(family), &key, &way, &place));
    memcpy((void *)(uintptr_t)place.found.value, &ref, sizeof ref);
}

/* A head alone, in the last bytes that may be touched, is no object of any type: by a ref, and by a name. */
static void heads_at_the_end_of_memory_are_no_objects(void **state)
{
    (void)state;
    const kin_type types[] = {KIN_TYPE_LOCK,   KIN_TYPE_SEM,   KIN_TYPE_COUNTER, KIN_TYPE_VALUE,
                              KIN_TYPE_ARRAY,  KIN_TYPE_EVENT, KIN_TYPE_COND,    KIN_TYPE_BARRIER,
                              KIN_TYPE_RWLOCK, KIN_TYPE_QUEUE, KIN_TYPE_DICT,    KIN_TYPE_LIST};
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    kin_family *family = NULL;
    kin_lock *lock = NULL;
    void *found = NULL;
    kin_ref ref;
    options.reserve = 1 << 20;
    options.max_members = 4;
    options.max_threads = 64;
    assert_ok(kin_family_create(&family, &options));
    assert_ok(kin_lock_create(&lock, family, 0));
    assert_ok(kin_name_set("end", KIN_TYPE_LOCK, lock));
    assert_ok(kin_ref_of(&ref, KIN_TYPE_LOCK, lock));
    uint64_t end = atomic_load(&family->known);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        for (uint64_t left = sizeof(kin__object); left <= 32; left += 8) {
            uint64_t offset = end - left;
            bool fits = left >= 24 && types[i] == KIN_TYPE_COUNTER;
            fits = fits || (left == 32 &&
                            (types[i] == KIN_TYPE_LOCK || types[i] == KIN_TYPE_SEM || types[i] == KIN_TYPE_EVENT ||
                             types[i] == KIN_TYPE_COND || types[i] == KIN_TYPE_BARRIER));
            kin__object *head = kin__pointer(family, offset);
            memset(head, 0, (size_t)left);
            atomic_store(&head->tag, KIN__TAG(types[i], offset));
            atomic_store(&head->generation, 7);
            ref.opaque[0] = KIN__TAG(types[i], offset);
            ref.opaque[1] = ref.opaque[1] >> 32 << 32 | 7;
            name_is(family, "end", ref);
            kin_status expected = fits ? KIN_OK : KIN_E_STALE;
            assert_int_equal(kin_ref_get(&found, types[i], ref), expected);
            assert_int_equal(kin_name_get(&found, family, "end", types[i]), expected);
        }
    }
    kin_family_close(family);
}

/* The same for what is longer than its head says: permits, a ring. */
static void lengths_written_over_are_no_objects(void **state)
{
    (void)state;
    kin_sem *sem = NULL;
    kin_queue *queue = NULL;
    void *found = NULL;
    kin_ref of_sem, of_queue;
    assert_ok(kin_sem_create_leased(&sem, NULL, 3));
    assert_ok(kin_queue_create(&queue, NULL, NULL));
    assert_ok(kin_ref_of(&of_sem, KIN_TYPE_SEM, sem));
    assert_ok(kin_ref_of(&of_queue, KIN_TYPE_QUEUE, queue));
    kin__object *head = (kin__object *)(void *)sem;
    uint32_t detail = atomic_exchange(&head->detail, KIN__LEASED | (KIN_SEM_LEASE_MAX + 1));
    assert_status(kin_ref_get(&found, KIN_TYPE_SEM, of_sem), KIN_E_STALE);
    assert_true(kin_sem_acquire(sem, 1, KIN_NOW) < 0 && kin_sem_release(sem, 1) < 0);
    atomic_store(&head->detail, detail);
    assert_ok(kin_ref_get(&found, KIN_TYPE_SEM, of_sem));
    kin__queue *inside = (kin__queue *)(void *)queue;
    uint32_t units = inside->units;
    inside->units = UINT32_MAX / 2 - 1;
    assert_status(kin_ref_get(&found, KIN_TYPE_QUEUE, of_queue), KIN_E_STALE);
    assert_status(kin_queue_put(queue, "x", 1, KIN_NOW), KIN_E_DAMAGED);
    inside->units = units;
    assert_ok(kin_ref_get(&found, KIN_TYPE_QUEUE, of_queue));
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_sem_destroy(sem));
}

static void objects_have_typed_functions(void **state)
{
    (void)state;
    struct pair {
        kin_lock lock;
        int64_t number;
    } *pairs = NULL;
    kin_lock *lock = NULL, *found = NULL;
    kin_sem *sem = NULL;
    kin_args *args = new_args();
    kin_ref ref;
    assert_ok(KIN_ALLOC(&pairs, NULL, 3));
    assert_ok(kin_lock_init(&pairs[2].lock, 0));
    lock = &pairs[2].lock;
    assert_ok(kin_args_add_lock(args, "lock", lock));
    assert_ok(kin_args_get_lock(&found, args, "lock"));
    assert_ptr_equal(found, lock);
    assert_status(kin_args_get_sem(&sem, args, "lock"), KIN_E_TYPE);
    assert_status(kin_args_get_lock(NULL, args, "lock"), KIN_E_ARGUMENT);
    assert_null(sem);
    assert_ok(kin_ref_of_lock(&ref, lock));
    assert_ok(kin_ref_get_lock(&found, ref));
    assert_ptr_equal(found, lock);
    assert_ok(kin_name_set_lock("typed", lock));
    assert_ok(kin_name_get_lock(&found, NULL, "typed"));
    assert_ptr_equal(found, lock);
    assert_ok(kin_name_remove(NULL, "typed"));
    kin_args_destroy(args);
    assert_ok(kin_free(pairs));
    pairs = NULL;
    assert_status(KIN_ALLOC(&pairs, NULL, SIZE_MAX / 2), KIN_E_TOO_BIG);
    assert_status(KIN_ALLOC(&pairs, NULL, 0), KIN_E_ARGUMENT);
    assert_null(pairs);
}

int main(void)
{
    static const kin_child_entry entries[] = {{"name", child_name}, {"set_and_remove", child_set_and_remove}};
    kin_child_main(entries, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refs_of_all_types_lead_back),
        cmocka_unit_test(ref_of_what_is_gone_is_stale),
        cmocka_unit_test(forged_refs_lead_nowhere),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(heads_at_the_end_of_memory_are_no_objects),
        cmocka_unit_test(lengths_written_over_are_no_objects),
        cmocka_unit_test(names_are_set_found_and_removed),
        cmocka_unit_test(name_of_a_destroyed_object_is_free),
        cmocka_unit_test(child_and_parent_find_each_others_names),
        cmocka_unit_test(killed_in_the_directory_it_stays_whole),
        cmocka_unit_test(objects_have_typed_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
