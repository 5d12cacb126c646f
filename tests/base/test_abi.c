/* What programs that were compiled with these headers rely on: sizes and numbers that do not change within a series
 * of versions. The sizes are the same on every platform, because processes of 32 and of 64 bits share these objects. */
#include "support.h"

#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
SIZE(kin_word, 8);
SIZE(kin_ref, 16);
SIZE(kin_lock, 32);
SIZE(kin_rwlock, 592);
SIZE(kin_sem, 32);
SIZE(kin_event, 32);
SIZE(kin_cond, 32);
SIZE(kin_barrier, 32);
SIZE(kin_counter, 24);
SIZE(kin_queue, 48);
SIZE(kin_exit, 32);
#undef SIZE

static void objects_are_aligned_to_8_bytes(void **state)
{
    (void)state;
    struct {
        char before;
        kin_lock lock;
    } in_lock;
    struct {
        char before;
        kin_queue queue;
    } in_queue;
    assert_int_equal((char *)&in_lock.lock - (char *)&in_lock, 8);
    assert_int_equal((char *)&in_queue.queue - (char *)&in_queue, 8);
}

static void numbers_are_pinned(void **state)
{
    (void)state;
    assert_true(KIN_OK == 0 && KIN_OWNER_DIED == 1 && KIN_E_ARGUMENT == -1 && KIN_E_REAPED == -39);
    assert_true(KIN_E_INTERRUPTED == -40 && KIN_E_READ_ONLY == -41);
    assert_true(KIN_FAMILY_KEEP == 4 && KIN_FAMILY_READ_ONLY == 8);
    assert_true(KIN_TYPE_MEMORY == 1 && KIN_TYPE_QUEUE == 11 && KIN_TYPE_DICT == 20 && KIN_TYPE_LIST == 21);
    assert_true(KIN_ELEMENT_I8 == 1 && KIN_ELEMENT_F64 == 10);
    assert_true(KIN_START_DEFAULT == 0 && KIN_START_FORK == 1 && KIN_START_SPAWN == 2 && KIN_START_FORKSERVER == 3);
    assert_true(KIN_HANDLE_ANY == 0 && KIN_HANDLE_OTHER == 8 && KIN_END_UNKNOWN == 0 && KIN_END_KILLED == 4);
    assert_true(KIN_RUN_INHERIT == 0 && KIN_RUN_PIPE == 5 && KIN_RWLOCK_READ == 1 && KIN_RWLOCK_WRITE == 2);
    assert_true(KIN_WAIT_READABLE == 1 && KIN_WAIT_WRITABLE == 2 && KIN_WAIT_PROCESS == 256 && KIN_WAIT_ERRORS == 261);
    assert_true(KIN_WAIT_FUTURE == 262 && KIN_WAIT_CHANGE == 263);
    assert_true(KIN_FAMILY_CREATE == 1 && KIN_FAMILY_JOIN == 2 && KIN_FAMILY_KEEP == 4 && KIN_LOCK_RECURSIVE == 1);
    assert_int_equal(KIN_QUEUE_LARGE, 2);
    assert_true(KIN_VALUE_UNLOCKED == 0 && KIN_VALUE_LOCKED == 1 && KIN_QUEUE_JOINABLE == 1 && KIN_PIPE_ONE_WAY == 1);
}

static void defaults_are_zero(void **state)
{
    (void)state;
    /* static: so the bytes between the fields are zero, too */
    static const kin_family_options family = KIN_FAMILY_OPTIONS_INIT;
    static const kin_process_options process = KIN_PROCESS_OPTIONS_INIT;
    static const kin_queue_options queue = KIN_QUEUE_OPTIONS_INIT;
    static const kin_pool_options pool = KIN_POOL_OPTIONS_INIT;
    static const kin_manager_options manager = KIN_MANAGER_OPTIONS_INIT;
    static const kin_run_options run = KIN_RUN_OPTIONS_INIT;
    static const kin_job job = KIN_JOB_INIT;
    static const unsigned char zeros[512] = {0};
#define ONLY_THE_SIZE(struct)                                                                                          \
    assert_int_equal((struct).size, sizeof(struct));                                                                   \
    assert_memory_equal((const char *)&(struct) + sizeof(size_t), zeros, sizeof(struct) - sizeof(size_t))
    ONLY_THE_SIZE(family);
    ONLY_THE_SIZE(process);
    ONLY_THE_SIZE(queue);
    ONLY_THE_SIZE(pool);
    ONLY_THE_SIZE(manager);
    ONLY_THE_SIZE(run);
    ONLY_THE_SIZE(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_to_8_bytes),
        cmocka_unit_test(numbers_are_pinned),
        cmocka_unit_test(defaults_are_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
