/* The queue from inside: one that joins is stopped between two instructions; how much memory a ring has; the heap's
 * lock is held for long. */
#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crash/step_os.h"
#include "family/family.h"
#include "family/thread_slot.h"
#include "memory/heap_lock.h"

typedef struct stage {
    kin_queue *queue;
    kin_sem go, did;
    int result; /* of the join; 1: none yet */
} stage;

static stage *new_stage(kin_family *family)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    stage *it = NULL;
    options.flags = KIN_QUEUE_JOINABLE;
    assert_ok(kin_alloc((void **)&it, family, sizeof *it));
    assert_ok(kin_queue_create(&it->queue, family, &options));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    assert_ok(kin_sem_init(&it->did, 0, 0));
    return it;
}

static void get_one(const stage *it)
{
    int64_t number;
    MUST(kin_queue_get(it->queue, &number, sizeof number, NULL, PATIENCE) == KIN_OK);
}

static void put_one(const stage *it)
{
    int64_t number = 0;
    MUST(kin_queue_put(it->queue, &number, sizeof number, PATIENCE) == KIN_OK);
}

/* Gets a task; puts another one; says that it is done: each when it is told. */
static void be_worker(stage *it)
{
    for (int step = 0;; step++) {
        MUST(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
        if (step % 3 == 0) {
            get_one(it);
        } else if (step % 3 == 1) {
            put_one(it);
        } else {
            MUST(kin_queue_task_done(it->queue) == KIN_OK);
        }
        MUST(kin_sem_release(&it->did, 1) == KIN_OK);
    }
}

static void tell_worker(stage *it)
{
    assert_ok(kin_sem_release(&it->go, 1));
    assert_ok(kin_sem_acquire(&it->did, 1, PATIENCE));
}

static pid_t start_worker(stage *it)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        be_worker(it);
    }
    return child;
}

/* A child, stopped at the beginning of its join. */
static pid_t start_join(stage *it)
{
    it->result = 1;
    pid_t child = fork();
    if (child == 0) {
        size_t count;
        alarm(60);
        kin_queue_size(it->queue, &count); /* what happens once in a process */
        step_begin(STEP_INSTRUCTION, 1 << 20);
        it->result = kin_queue_join(it->queue, KIN_NOW);
        step_end();
        _exit(0);
    }
    return child;
}

/* The worker has a task all the time that one joins, or this process has the one that followed it. Its own count is
 * looked at first. */
static void join_sees_no_task_that_moves(void **state)
{
    (void)state;
    kin_family *family = new_family(4 << 20);
    stage *it = new_stage(family);
    put_one(it);
    get_one(it); /* so this process is the first member */
    pid_t worker = start_worker(it);
    bool within = true;
    for (int64_t k = 1; within && k < 600; k += 4) { /* the counts are looked at before that */
        put_one(it);
        tell_worker(it); /* to get it */
        assert_ok(kin_queue_task_done(it->queue));
        pid_t child = start_join(it);
        within = step_drive(child, STEP_INSTRUCTION, k) == k;
        tell_worker(it); /* to put another one */
        get_one(it);
        tell_worker(it); /* that the first is done */
        step_drive_on(child, STEP_CALL, 1 << 20);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(it->result, KIN_E_TIMED_OUT);
        assert_ok(kin_family_reap(family, NULL));
    }
    kill(worker, SIGKILL);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
    kin_family_close(family);
}

/* ---- memory ---- */

static int64_t allocated_by_system(const kin_family *family)
{
    struct stat info;
    assert_int_equal(fstat(family->shm, &info), 0);
    return (int64_t)info.st_blocks * 512;
}

#define MIB (INT64_C(1) << 20)

static void a_large_ring_has_the_memory_that_it_uses(void **state)
{
    (void)state;
    static char message[100000];
    kin_family *family = new_family(UINT64_C(3) << 30);
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    options.capacity = UINT64_C(1) << 30;
    int64_t before = allocated_by_system(family);
    for (int round = 0; round < 3; round++) {
        assert_ok(kin_queue_create(&queue, family, &options));
        assert_true(allocated_by_system(family) < before + MIB);
        for (int i = 0; i < 20000; i++) {
            assert_ok(kin_queue_put(queue, message, 1000, KIN_NOW));
            assert_ok(kin_queue_get(queue, message, sizeof message, NULL, KIN_NOW));
        }
        assert_true(allocated_by_system(family) < before + 3 * MIB);
        for (int i = 0; i < 500; i++) { /* 50 MB */
            assert_ok(kin_queue_put(queue, message, sizeof message, KIN_NOW));
        }
        assert_true(allocated_by_system(family) > before + 500 * (int64_t)sizeof message);
        assert_true(allocated_by_system(family) < before + 500 * (int64_t)sizeof message + 4 * MIB);
        assert_ok(kin_queue_destroy(queue));
        assert_true(allocated_by_system(family) < before + MIB);
    }
    kin_family_close(family);
}

/* Where there was a ring with gaps, other blocks have memory of their own. */
static void no_block_has_a_rings_gaps(void **state)
{
    (void)state;
    kin_family *family = new_family(64 << 20);
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    void *block = NULL;
    options.capacity = 40 << 20;
    for (int round = 0; round < 3; round++) {
        kin_queue *queue = NULL;
        int64_t before = allocated_by_system(family);
        assert_ok(kin_queue_create(&queue, family, &options));
        assert_ok(kin_queue_destroy(queue));
        assert_ok(kin_alloc(&block, family, 40 << 20));
        assert_true(allocated_by_system(family) >= before + (40 << 20));
        assert_ok(kin_free(block));
    }
    kin_family_close(family);
}

/* ---- when the heap's lock is not free ---- */

typedef struct holder {
    kin_family *family;
    _Atomic bool holds, ends;
} holder;

static void hold_heap(void *argument)
{
    holder *it = argument;
    kin__seat *seat = NULL;
    MUST(kin__seat_take(&seat, it->family) == KIN_OK);
    MUST(kin__heap_enter(seat) == KIN_OK);
    atomic_store(&it->holds, true);
    while (!atomic_load(&it->ends)) {
        usleep(1000);
    }
    kin__heap_leave(seat);
}

/* The first message lies in a large block, which is freed under that lock. The other one, and the queue, do not. */
static void a_queue_with_a_message_that_cannot_be_freed_stays(void **state)
{
    (void)state;
    static char message[100000];
    uint64_t before, after, bytes;
    holder it = {.family = new_family(4 << 20)};
    assert_ok(kin_alloc_total(it.family, &before, &bytes));
    kin_queue *queue = new_queue_in(it.family, 512, 0, KIN_QUEUE_LARGE);
    assert_ok(kin_queue_put(queue, message, sizeof message, KIN_NOW));
    assert_ok(kin_queue_put(queue, message, 8, KIN_NOW));
    void *thread = begin_thread(hold_heap, &it);
    while (!atomic_load(&it.holds)) {
        usleep(1000);
    }
    assert_status(kin_queue_destroy(queue), KIN_E_BUSY);
    atomic_store(&it.ends, true);
    end_thread(thread);
    assert_ok(kin_queue_destroy(queue));
    assert_ok(kin_alloc_total(it.family, &after, &bytes));
    assert_int_equal(after, before);
    kin_family_close(it.family);
}

int main(void)
{
    kin_child_main(NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(join_sees_no_task_that_moves),
        cmocka_unit_test(a_large_ring_has_the_memory_that_it_uses),
        cmocka_unit_test(no_block_has_a_rings_gaps),
        cmocka_unit_test(a_queue_with_a_message_that_cannot_be_freed_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
