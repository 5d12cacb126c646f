/* The seam: what the portable code relies on, on each system. */
#include "support.h"

#include <stdatomic.h>

#include "os.h"

static const kin_os_id id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const kin_os_access nobody = {{""}, {""}};

static void clock_goes_forward_and_sleeps_are_long_enough(void **state)
{
    (void)state;
    int64_t last = kin_os_now();
    for (int i = 0; i < 100000; i++) {
        int64_t now = kin_os_now();
        assert_true(now >= last);
        last = now;
    }
    int64_t end = kin_os_now() + KIN_MS(30);
    kin_os_sleep_until(end);
    assert_true(kin_os_now() >= end);
    kin_os_sleep_until(0);
    kin_os_yield();
}

static void random_bytes_differ(void **state)
{
    (void)state;
    kin_os_id a, b;
    assert_ok(kin_os_random(&a, sizeof a));
    assert_ok(kin_os_random(&b, sizeof b));
    assert_memory_not_equal(&a, &b, sizeof a);
}

static void shared_memory_grows_and_is_zero(void **state)
{
    (void)state;
    kin_os_handle shm, copy;
    void *one = NULL, *other = NULL;
    size_t page = kin_os_page_size(), reserve = 256 * page;
    assert_ok(kin_os_shm_create(&shm, &id, reserve, false, &nobody));
    assert_ok(kin_os_shm_map(&one, shm, reserve, KIN_OS_TO_WRITE));
    assert_ok(kin_os_handle_duplicate(&copy, shm));
    assert_ok(kin_os_shm_map(&other, copy, reserve, KIN_OS_TO_WRITE));
    assert_true(kin_os_shm_committed(shm, one, 0, reserve) == 0);
    assert_ok(kin_os_shm_commit(shm, one, 0, page));
    assert_ok(kin_os_shm_commit(copy, other, 0, 3 * page));
    assert_true(kin_os_shm_committed(shm, one, 0, reserve) >= 3 * page);
    for (size_t i = 0; i < 3 * page; i++) {
        assert_int_equal(((unsigned char *)one)[i], 0);
    }
    memset(one, 0x5a, 3 * page);
    assert_int_equal(((unsigned char *)other)[3 * page - 1], 0x5a);
    assert_ok(kin_os_shm_commit(shm, one, 0, reserve));
    assert_int_equal(((unsigned char *)other)[3 * page - 1], 0x5a);
    assert_int_equal(((unsigned char *)other)[reserve - 1], 0);
    kin_status given = kin_os_shm_decommit(shm, one, 2 * page, 4 * page);
    assert_true(given == KIN_OK || given == KIN_E_UNSUPPORTED);
    assert_ok(kin_os_shm_commit(copy, other, 2 * page, 4 * page));
    assert_int_equal(((unsigned char *)one)[3 * page - 1], given == KIN_OK ? 0 : 0x5a);
    assert_int_equal(((unsigned char *)one)[2 * page - 1], 0x5a);
    assert_true(kin_os_shm_committed(shm, one, 0, reserve) == reserve);
    kin_os_shm_unmap(other, reserve);
    kin_os_shm_unmap(one, reserve);
    kin_os_handle_close(copy);
    kin_os_handle_close(shm);
}

static void shared_memory_beyond_the_system_is_an_error(void **state)
{
    (void)state;
    kin_os_handle shm = KIN_OS_NO_HANDLE;
    void *base = NULL;
    size_t reserve = SIZE_MAX > UINT32_MAX ? SIZE_MAX / 4 + 1 : (size_t)15 << 28;
    kin_status status = kin_os_shm_create(&shm, &id, reserve, false, &nobody);
    if (status == KIN_OK) {
        status = kin_os_shm_map(&base, shm, reserve, KIN_OS_TO_WRITE);
    }
    assert_true(status < 0);
    kin_os_handle_close(shm);
}

static void post_here(void *sem)
{
    assert_ok(kin_os_sem_post(*(kin_os_sem *)sem));
}

static void semaphore_waits_until_posted_or_too_late(void **state)
{
    (void)state;
    kin_os_sem sem, other;
    kin_os_sem_place place = {{0}};
    assert_ok(kin_os_sem_create(&sem, &place, &id, 7, false, &nobody));
    int64_t end = kin_os_now() + KIN_MS(40);
    assert_status(kin_os_sem_wait(sem, end), KIN_E_TIMED_OUT);
    assert_true(kin_os_now() >= end);
    assert_status(kin_os_sem_wait(sem, 0), KIN_E_TIMED_OUT);
    assert_ok(kin_os_sem_post(sem));
    assert_ok(kin_os_sem_wait(sem, 0));
    assert_status(kin_os_sem_wait(sem, 0), KIN_E_TIMED_OUT);
    assert_ok(kin_os_sem_open(&other, &place, &id, 7));
    run_thread(post_here, &other);
    assert_ok(kin_os_sem_wait(sem, KIN_OS_NEVER));
    kin_os_sem_close(other);
    kin_os_sem_retire(sem, &place, &nobody);
}

#define SLEEPERS 40
#define ROUNDS 100

typedef struct sleeper {
    _Alignas(128) kin_os_sem_place place; /* as in the thread slots */
    kin_os_sem sem;
    void *thread;
} sleeper;

static sleeper sleepers[SLEEPERS];
static _Atomic int arrived, late;

static void sleep_many_times(void *sleeper_)
{
    sleeper *it = sleeper_;
    MUST(kin_os_sem_create(&it->sem, &it->place, &id, (uint32_t)(it - sleepers), false, &nobody) == KIN_OK);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t deadline = kin_os_now() + PATIENCE;
        atomic_fetch_add(&arrived, 1);
        MUST(kin_os_sem_wait(it->sem, deadline) == KIN_OK);
        late += kin_os_now() >= deadline;
    }
    kin_os_sem_retire(it->sem, &it->place, &nobody);
}

/* Some sleep by then, others are about to. */
static void several_posts_at_once_wake_each(void **state)
{
    (void)state;
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i].thread = begin_thread(sleep_many_times, &sleepers[i]);
    }
    for (int round = 1; round <= ROUNDS; round++) {
        kin_os_sem sems[SLEEPERS];
        while (atomic_load(&arrived) < round * SLEEPERS) {
            kin_os_yield();
        }
        for (int i = 0; i < SLEEPERS; i++) { /* not in the order of the places */
            sems[i] = sleepers[i * 7 % SLEEPERS].sem;
        }
        kin_os_sem_post_all(sems, SLEEPERS / 2);
        kin_os_sem_post_all(sems + SLEEPERS / 2, 1);
        kin_os_sem_post_all(sems + SLEEPERS / 2, 0);
        kin_os_sem_post_all(sems + SLEEPERS / 2 + 1, SLEEPERS / 2 - 1);
    }
    for (int i = 0; i < SLEEPERS; i++) {
        end_thread(sleepers[i].thread);
    }
    assert_int_equal(late, 0);
}

static void handles_tell_their_kind(void **state)
{
    (void)state;
    kin_os_handle shm, copy;
    kin_os_kind kind;
    intptr_t ends[2], file = open_file_with("text");
    make_pipe(ends);
    assert_ok(kin_os_shm_create(&shm, &id, 65536, false, &nobody));
    assert_ok(kin_os_handle_kind(kin_os_handle_from((uint64_t)file), &kind));
    assert_int_equal(kind, KIN_OS_KIND_FILE);
    assert_ok(kin_os_handle_kind(kin_os_handle_from((uint64_t)ends[0]), &kind));
    assert_int_equal(kind, KIN_OS_KIND_PIPE);
    assert_ok(kin_os_handle_kind(shm, &kind));
    assert_int_equal(kind, KIN_OS_KIND_SHM);
    assert_ok(kin_os_handle_duplicate(&copy, shm));
    assert_true(kin_os_handle_value(copy) != kin_os_handle_value(shm));
    kin_os_handle_close(copy);
    assert_status(kin_os_handle_kind(copy, &kind), KIN_E_HANDLE);
    assert_status(kin_os_handle_duplicate(&copy, copy), KIN_E_HANDLE);
    assert_status(kin_os_handle_kind(KIN_OS_NO_HANDLE, &kind), KIN_E_HANDLE);
    kin_os_handle_close(KIN_OS_NO_HANDLE);
    kin_os_handle_close(shm);
    close_handle(ends[0]);
    close_handle(ends[1]);
    close_handle(file);
}

static void private_memory_is_zero(void **state)
{
    (void)state;
    unsigned char *memory = NULL;
    size_t size = 10 * kin_os_page_size();
    assert_ok(kin_os_private_alloc((void **)&memory, size));
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(memory[i], 0);
    }
    memset(memory, 1, size);
    kin_os_private_free(memory, size);
}

static void own_path_is_found_or_too_long(void **state)
{
    (void)state;
    char path[4096], tiny[2];
    assert_ok(kin_os_self_path(path, sizeof path));
    assert_non_null(strstr(path, "test_os"));
    assert_status(kin_os_self_path(tiny, sizeof tiny), KIN_E_TOO_BIG);
}

static void own_process_has_an_identity(void **state)
{
    (void)state;
    kin_os_process_id self;
    assert_ok(kin_os_self(&self));
    assert_int_equal(self.pid, kin_os_pid());
    assert_true(self.pid != 0 && self.start != 0);
}

static void program_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    kin_os_process process;
    kin_os_message message = {"", 0, NULL, 0};
    const kin_os_setting same = {.directory = NULL};
    const char *const argv[] = {"x", NULL};
    size_t before = 0;
    for (int i = 0; i < 3; i++) { /* the first start opens what all starts need */
        before = i == 1 ? count_handles() : before;
        assert_status(kin_os_spawn(&process, "/no/such/program", argv, &message, &same), KIN_E_NOT_FOUND);
        assert_true(kin_os_error() != 0);
    }
    assert_int_equal(count_handles(), before);
}

static void no_message_came_here(void **state)
{
    (void)state;
    kin_os_handle handles[1];
    size_t size, count = 1;
    char data[16];
    assert_false(kin_os_message_pending());
    assert_status(kin_os_message_take(data, sizeof data, &size, handles, &count), KIN_E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_goes_forward_and_sleeps_are_long_enough),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(shared_memory_grows_and_is_zero),
        cmocka_unit_test(shared_memory_beyond_the_system_is_an_error),
        cmocka_unit_test(semaphore_waits_until_posted_or_too_late),
        cmocka_unit_test(several_posts_at_once_wake_each),
        cmocka_unit_test(handles_tell_their_kind),
        cmocka_unit_test(private_memory_is_zero),
        cmocka_unit_test(own_path_is_found_or_too_long),
        cmocka_unit_test(own_process_has_an_identity),
        cmocka_unit_test(program_that_is_not_there_is_not_found),
        cmocka_unit_test(no_message_came_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
