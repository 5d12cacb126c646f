#include "support.h"

#include <stdatomic.h>

typedef struct table {
    kin_rwlock lock;
    kin_sem told;
    kin_sem go;
    int64_t a, b; /* alike, but while somebody writes */
    _Atomic int64_t readers, most;
} table;

static table *new_table(void)
{
    table *it = NULL;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    assert_ok(kin_rwlock_init(&it->lock));
    assert_ok(kin_sem_init(&it->told, 0, 0));
    assert_ok(kin_sem_init(&it->go, 0, 0));
    return it;
}

static kin_process *start_with(const char *entry, table *it)
{
    kin_args *args = new_args();
    give(args, "table", KIN_TYPE_MEMORY, it);
    kin_process *process = start_child(entry, args);
    kin_args_destroy(args);
    return process;
}

/* ---- children ---- */

static int child_read(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 3000; i++) {
        CHECK(kin_rwlock_acquire(&it->lock, KIN_READ, PATIENCE) == KIN_OK);
        CHECK(it->a == it->b);
        CHECK(kin_rwlock_release(&it->lock) == KIN_OK);
    }
    return 0;
}

static int child_write(const kin_args *args)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it);
    for (int i = 0; i < 1000; i++) {
        CHECK(kin_rwlock_acquire(&it->lock, KIN_WRITE, PATIENCE) == KIN_OK);
        it->a++;
        it->b++;
        CHECK(kin_rwlock_release(&it->lock) == KIN_OK);
    }
    return 0;
}

static int hold(const kin_args *args, kin_access access)
{
    table *it = given(args, "table", KIN_TYPE_MEMORY);
    CHECK(it && kin_rwlock_acquire(&it->lock, access, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->told, 1) == KIN_OK);
    CHECK(kin_sem_acquire(&it->go, 1, PATIENCE) == KIN_OK);
    CHECK(kin_rwlock_release(&it->lock) == KIN_OK);
    return 0;
}

static int child_hold_reading(const kin_args *args)
{
    return hold(args, KIN_READ);
}

static int child_hold_writing(const kin_args *args)
{
    return hold(args, KIN_WRITE);
}

static kin_process *start_holder(const char *entry, table *it)
{
    kin_process *process = start_with(entry, it);
    assert_ok(kin_sem_acquire(&it->told, 1, PATIENCE));
    return process;
}

/* ---- tests ---- */

static void readers_and_writers_exclude_each_other(void **state)
{
    (void)state;
    enum { READERS = 3, WRITERS = 2 };
    table *it = new_table();
    kin_process *children[READERS + WRITERS];
    for (int i = 0; i < READERS + WRITERS; i++) {
        children[i] = start_with(i < READERS ? "read" : "write", it);
    }
    for (int i = 0; i < READERS + WRITERS; i++) {
        join_child(children[i], 0);
    }
    assert_true(it->a == WRITERS * 1000 && it->b == it->a);
    assert_ok(kin_free(it));
}

static void readers_share_and_writers_do_not(void **state)
{
    (void)state;
    table *it = new_table();
    kin_process *first = start_holder("hold_reading", it), *second = start_holder("hold_reading", it);
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_READ, KIN_NOW));
    assert_ok(kin_rwlock_release(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_WRITE, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_WRITE, KIN_MS(60)), KIN_E_TIMED_OUT);
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_READ, KIN_NOW)); /* the writer that gave up is no obstacle */
    assert_ok(kin_rwlock_release(&it->lock));
    assert_ok(kin_sem_release(&it->go, 2));
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_WRITE, PATIENCE));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_WRITE, KIN_NOW), KIN_E_DEADLOCK);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_READ, KIN_NOW), KIN_E_DEADLOCK);
    assert_ok(kin_rwlock_release(&it->lock));
    assert_status(kin_rwlock_release(&it->lock), KIN_E_NOT_OWNER);
    join_child(first, 0);
    join_child(second, 0);
    assert_ok(kin_free(it));
}

static void reader_that_would_write_is_told(void **state)
{
    (void)state;
    table *it = new_table();
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_READ, KIN_NOW));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_WRITE, PATIENCE), KIN_E_DEADLOCK);
    assert_ok(kin_rwlock_release(&it->lock));
    assert_ok(kin_free(it));
}

static void waiting_writer_keeps_readers_out(void **state)
{
    (void)state;
    table *it = new_table();
    kin_process *reader = start_holder("hold_reading", it), *writer = start_with("hold_writing", it);
    int64_t end = now_ns() + PATIENCE;
    kin_status status = KIN_OK;
    while (status == KIN_OK && now_ns() < end) { /* until the writer waits */
        status = kin_rwlock_acquire(&it->lock, KIN_READ, KIN_NOW);
        assert_true(status != KIN_OK || kin_rwlock_release(&it->lock) == KIN_OK);
    }
    assert_int_equal(status, KIN_E_TIMED_OUT);
    assert_ok(kin_sem_release(&it->go, 2));
    join_child(reader, 0);
    join_child(writer, 0);
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_READ, PATIENCE));
    assert_ok(kin_rwlock_release(&it->lock));
    assert_ok(kin_free(it));
}

static void killed_reader_is_forgotten(void **state)
{
    (void)state;
    table *it = new_table();
    for (int i = 0; i < 10; i++) {
        kill_child(start_holder("hold_reading", it));
        assert_ok(kin_rwlock_acquire(&it->lock, KIN_WRITE, PATIENCE));
        assert_ok(kin_rwlock_release(&it->lock));
    }
    assert_ok(kin_free(it));
}

static void killed_writer_is_reported_once(void **state)
{
    (void)state;
    table *it = new_table();
    for (int i = 0; i < 10; i++) {
        kin_access access = i % 2 ? KIN_READ : KIN_WRITE;
        kill_child(start_holder("hold_writing", it));
        assert_status(kin_rwlock_acquire(&it->lock, access, PATIENCE), KIN_OWNER_DIED);
        assert_ok(kin_rwlock_repair(&it->lock));
        assert_ok(kin_rwlock_release(&it->lock));
        assert_ok(kin_rwlock_acquire(&it->lock, access, KIN_NOW));
        assert_ok(kin_rwlock_release(&it->lock));
    }
    assert_ok(kin_free(it));
}

static void unrepaired_lock_is_poisoned(void **state)
{
    (void)state;
    table *it = new_table();
    kill_child(start_holder("hold_writing", it));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_READ, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_rwlock_release(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_READ, PATIENCE), KIN_E_POISONED);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_WRITE, PATIENCE), KIN_E_POISONED);
    assert_ok(kin_rwlock_init(&it->lock));
    assert_ok(kin_rwlock_acquire(&it->lock, KIN_WRITE, KIN_NOW));
    assert_ok(kin_rwlock_poison(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_READ, KIN_NOW), KIN_E_POISONED);
    assert_ok(kin_free(it));
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    static kin_rwlock outside;
    table *it = new_table();
    assert_status(kin_rwlock_create(NULL, NULL), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_init(NULL), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_init(&outside), KIN_E_FAMILY);
    assert_status(kin_rwlock_acquire(NULL, KIN_READ, 0), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_acquire(&it->lock, KIN_READ, -1), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_acquire(&it->lock, (kin_access)3, 0), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_acquire(&outside, KIN_READ, 0), KIN_E_FAMILY);
    assert_status(kin_rwlock_acquire((kin_rwlock *)&it->told, KIN_READ, 0), KIN_E_TYPE);
    assert_status(kin_rwlock_release(NULL), KIN_E_ARGUMENT);
    assert_status(kin_rwlock_release(&it->lock), KIN_E_NOT_OWNER);
    assert_status(kin_rwlock_repair(&it->lock), KIN_E_NOT_OWNER);
    assert_status(kin_rwlock_poison(&it->lock), KIN_E_NOT_OWNER);
    assert_ok(kin_rwlock_destroy(NULL));
    assert_ok(kin_rwlock_fini(&it->lock));
    assert_status(kin_rwlock_acquire(&it->lock, KIN_READ, 0), KIN_E_TYPE);
    assert_ok(kin_free(it));
}

int main(void)
{
    static const kin_entry entries[] = {
        {"read", child_read},
        {"write", child_write},
        {"hold_reading", child_hold_reading},
        {"hold_writing", child_hold_writing},
    };
    kin_main(entries, 4);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_and_writers_exclude_each_other),
        cmocka_unit_test(readers_share_and_writers_do_not),
        cmocka_unit_test(reader_that_would_write_is_told),
        cmocka_unit_test(waiting_writer_keeps_readers_out),
        cmocka_unit_test(killed_reader_is_forgotten),
        cmocka_unit_test(killed_writer_is_reported_once),
        cmocka_unit_test(unrepaired_lock_is_poisoned),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
