/* Messages that are larger than the queue's ring (KIN_QUEUE_LARGE): each lies in a block of its own, which is gone when
 * the message is. */
#include "support.h"

#include "queue/large.h"
#include "queue/ring.h"

enum { RING = 1000, LARGEST = 3 << 20 };

static unsigned char bytes[LARGEST], got[LARGEST];

static kin_queue *new_queue(uint64_t capacity, uint32_t most)
{
    return new_queue_in(NULL, capacity, most, KIN_QUEUE_LARGE);
}

static kin_status put(kin_queue *queue, size_t size, int64_t timeout)
{
    return kin_queue_put(queue, bytes, write_pattern(bytes, size, (unsigned)size), timeout);
}

/* The next message is whole, and of that size. */
static void expect_next(kin_queue *queue, size_t expected)
{
    size_t size = 0;
    assert_ok(kin_queue_get(queue, got, sizeof got, &size, KIN_NOW));
    assert_int_equal(size, expected);
    assert_true(is_pattern(got, size));
    assert_int_equal(got[0], (unsigned char)(size + size * 5));
}

/* ---- alone ---- */

static void messages_of_any_size_go_through(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, RING - 100, 1008, 1009, 5000, 65536, 70000, LARGEST};
    uint64_t before = count_blocks();
    kin_queue *queue = new_queue(RING, 0), *plain = new_queue_in(NULL, RING, 0, 0);
    size_t size = 0;
    assert_status(put(plain, 5000, KIN_NOW), KIN_E_TOO_BIG);
    assert_ok(kin_queue_destroy(plain));
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            assert_ok(put(queue, sizes[i], KIN_NOW));
            expect_next(queue, sizes[i]);
            assert_int_equal(count_blocks(), before + 1);
        }
    }
    assert_ok(put(queue, 5000, KIN_NOW));
    assert_ok(put(queue, 10, KIN_NOW));
    assert_ok(put(queue, 6000, KIN_NOW));
    assert_int_equal(count_blocks(), before + 3);
    assert_status(kin_queue_get(queue, got, 4999, &size, KIN_NOW), KIN_E_BUFFER); /* and stays */
    assert_int_equal(size, 5000);
    assert_ok(kin_queue_front(queue, got, sizeof got, &size)); /* likewise */
    assert_int_equal(size, 5000);
    assert_true(is_pattern(got, size));
    expect_next(queue, 5000);
    expect_next(queue, 10);
    expect_next(queue, 6000);
    assert_status(kin_queue_get(queue, got, sizeof got, &size, KIN_NOW), KIN_E_TIMED_OUT);
    assert_ok(kin_queue_destroy(queue));
    assert_int_equal(count_blocks(), before);
}

static void many_at_a_time(void **state)
{
    (void)state;
    enum { MANY = 9 };
    static const size_t sizes[MANY] = {100, 5000, 50, 1500, 1600, 0, 20000, 300, 2000};
    static unsigned char in[MANY][20000], out[MANY][20000];
    uint64_t before = count_blocks();
    kin_queue *queue = new_queue(RING, 0);
    kin_message messages[MANY];
    size_t done = 0;
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < MANY; i++) {
            messages[i] = (kin_message){in[i], write_pattern(in[i], sizes[i], (unsigned)i), 0};
        }
        assert_ok(kin_queue_put_many(queue, messages, MANY, &done, KIN_NOW));
        assert_int_equal(done, MANY);
        for (int i = 0; i < MANY; i++) {
            messages[i] = (kin_message){out[i], 0, sizeof out[i]};
        }
        assert_ok(kin_queue_get_many(queue, messages, MANY, &done, KIN_NOW));
        assert_int_equal(done, MANY);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(messages[i].size, sizes[i]);
            assert_memory_equal(in[i], out[i], sizes[i]);
        }
        assert_int_equal(count_blocks(), before + 1);
    }
    assert_ok(kin_queue_destroy(queue));
}

static void in_place(void **state)
{
    (void)state;
    uint64_t before = count_blocks(), dropped = 0;
    kin_queue *queue = new_queue(RING, 0);
    void *one = NULL, *two = NULL;
    const void *first = NULL, *second = NULL;
    size_t size = 0;
    assert_ok(kin_queue_reserve(&one, queue, 50000, KIN_NOW));
    assert_ok(kin_queue_reserve(&two, queue, 60000, KIN_NOW));
    assert_true((uintptr_t)one % 16 == 0);
    write_pattern(one, 40000, 3);
    assert_status(kin_queue_commit(queue, one, 50001), KIN_E_TOO_BIG);
    assert_status(kin_queue_commit(queue, (char *)one + 16, 1), KIN_E_STALE);
    assert_status(kin_queue_consume(queue, one), KIN_E_STALE);
    assert_ok(kin_queue_commit(queue, one, 40000));
    assert_status(kin_queue_commit(queue, one, 40000), KIN_E_STALE);
    assert_ok(kin_queue_discard(queue, two));
    assert_status(kin_queue_discard(queue, two), KIN_E_STALE);
    assert_ok(put(queue, 7000, KIN_NOW));
    assert_ok(kin_queue_peek(&first, &size, queue, KIN_NOW));
    assert_int_equal(size, 40000);
    assert_true(is_pattern(first, size));
    assert_ok(kin_queue_peek(&second, &size, queue, KIN_NOW));
    assert_int_equal(size, 7000);
    assert_status(kin_queue_discard(queue, (void *)(uintptr_t)first), KIN_E_STALE);
    assert_int_equal(count_blocks(), before + 4);
    assert_ok(kin_queue_consume(queue, second));
    assert_ok(kin_queue_consume(queue, first));
    assert_status(kin_queue_consume(queue, first), KIN_E_STALE);
    assert_int_equal(count_blocks(), before + 1); /* at once, although nobody needs room */
    assert_ok(kin_queue_reserve(&one, queue, 50000, KIN_NOW));
    assert_ok(kin_queue_discard(queue, one));
    assert_int_equal(count_blocks(), before + 1);
    for (int i = 0; i < 100; i++) {
        assert_ok(kin_queue_put_over(queue, bytes, write_pattern(bytes, 9000, 9000), &dropped));
    }
    assert_true(dropped == 1 && count_blocks() < before + 40);
    assert_ok(kin_queue_destroy(queue)); /* with messages in it */
    assert_int_equal(count_blocks(), before);
}

static void the_ring_and_the_memory_are_limits(void **state)
{
    (void)state;
    kin_family *family = new_family(3 << 20);
    kin_queue *queue = new_queue_in(family, 200, 3, KIN_QUEUE_LARGE);
    kin_queue_info info = KIN_QUEUE_INFO_INIT;
    for (int i = 0; i < 3; i++) {
        assert_ok(put(queue, 2000, KIN_NOW));
    }
    assert_status(put(queue, 2000, KIN_NOW), KIN_E_TIMED_OUT);
    assert_status(put(queue, 2000, KIN_MS(20)), KIN_E_TIMED_OUT);
    expect_next(queue, 2000);
    assert_status(put(queue, LARGEST, KIN_NOW), KIN_E_NO_MEMORY);
    assert_true(put(queue, (size_t)1 << 19, KIN_NOW) == KIN_OK);
    expect_next(queue, 2000);
    expect_next(queue, 2000);
    expect_next(queue, (size_t)1 << 19);
    assert_ok(kin_queue_inspect(queue, &info));
    assert_true(info.messages == 0 && info.lost_puts == 0 && info.lost_gets == 0);
    kin_family_close(family);
}

/* ---- several processes ---- */

static size_t size_of_number(int64_t number)
{
    return number % 3 == 0 ? (size_t)(number % 900 + 8) : (size_t)(number * 7919 % 30000 + 1100);
}

static int child_produce(const kin_args *args)
{
    kin_queue *queue = given(args, "queue", KIN_TYPE_QUEUE);
    static unsigned char message[40000];
    int64_t times = given_number(args, "times");
    for (int64_t i = 0; i < times; i++) {
        size_t size = write_pattern(message, size_of_number(i), (unsigned)i);
        CHECK(kin_queue_put(queue, message, size, PATIENCE) == KIN_OK);
    }
    return 0;
}

static int child_consume(const kin_args *args)
{
    kin_queue *queue = given(args, "queue", KIN_TYPE_QUEUE);
    kin_counter *sum = given(args, "sum", KIN_TYPE_COUNTER);
    static unsigned char message[40000];
    size_t size = 0;
    kin_status status;
    while ((status = kin_queue_get(queue, message, sizeof message, &size, PATIENCE)) == KIN_OK) {
        CHECK(is_pattern(message, size));
        CHECK(kin_counter_add(sum, (int64_t)size, NULL) == KIN_OK);
        CHECK(kin_queue_task_done(queue) == KIN_OK);
    }
    CHECK(status == KIN_E_CLOSED);
    return 0;
}

static kin_args *args_for(kin_queue *queue, kin_counter *sum, int64_t times)
{
    kin_args *args = new_args();
    give(args, "queue", KIN_TYPE_QUEUE, queue);
    give(args, "sum", KIN_TYPE_COUNTER, sum);
    give_number(args, "times", times);
    return args;
}

static void between_processes_nothing_is_lost(void **state)
{
    (void)state;
    enum { TIMES = 1500, SIDES = 2 };
    kin_queue *queue = new_queue_in(NULL, 2000, 0, KIN_QUEUE_LARGE | KIN_QUEUE_JOINABLE);
    kin_counter *sum = NULL;
    kin_process *producers[SIDES], *consumers[SIDES];
    int64_t expected = 0, value = 0;
    assert_ok(kin_counter_create(&sum, NULL, 0));
    kin_args *args = args_for(queue, sum, TIMES);
    uint64_t before = count_blocks();
    for (int i = 0; i < SIDES; i++) {
        consumers[i] = start_child("consume", args);
        producers[i] = start_child("produce", args);
    }
    for (int64_t i = 0; i < TIMES; i++) {
        expected += SIDES * (int64_t)size_of_number(i);
    }
    for (int i = 0; i < SIDES; i++) {
        join_child(producers[i], 0);
    }
    assert_ok(kin_queue_join(queue, PATIENCE));
    assert_ok(kin_queue_close(queue));
    for (int i = 0; i < SIDES; i++) {
        join_child(consumers[i], 0);
    }
    assert_ok(kin_counter_get(sum, &value));
    assert_true(value == expected);
    assert_int_equal(count_blocks(), before);
    kin_args_destroy(args);
    assert_ok(kin_counter_destroy(sum));
    assert_ok(kin_queue_destroy(queue));
}

static int child_hold(const kin_args *args)
{
    kin_queue *queue = given(args, "queue", KIN_TYPE_QUEUE);
    kin_counter *sum = given(args, "sum", KIN_TYPE_COUNTER);
    void *memory = NULL;
    const void *message = NULL;
    size_t size = 0;
    CHECK(kin_queue_peek(&message, &size, queue, PATIENCE) == KIN_OK);
    CHECK(kin_queue_reserve(&memory, queue, 100000, PATIENCE) == KIN_OK);
    CHECK(kin_counter_add(sum, 1, NULL) == KIN_OK);
    kin_sleep(PATIENCE);
    return 1;
}

/* What it had peeked and reserved is freed, and counted as lost. */
static void memory_of_the_dead_is_freed(void **state)
{
    (void)state;
    kin_queue *queue = new_queue(RING, 0);
    kin_counter *sum = NULL;
    kin_queue_info info = KIN_QUEUE_INFO_INIT;
    int64_t ready = 0;
    size_t size = 0;
    assert_ok(kin_counter_create(&sum, NULL, 0));
    kin_args *args = args_for(queue, sum, 0);
    uint64_t before = count_blocks();
    assert_ok(put(queue, 9000, KIN_NOW));
    kin_process *child = start_child("hold", args);
    while (ready == 0) {
        assert_ok(kin_counter_get(sum, &ready));
        kin_sleep(KIN_MS(1));
    }
    assert_ok(put(queue, 8000, KIN_NOW));
    kill_child(child);
    assert_ok(kin_queue_get(queue, got, sizeof got, &size, PATIENCE));
    assert_int_equal(size, 8000);
    assert_int_equal(count_blocks(), before);
    assert_ok(kin_queue_inspect(queue, &info));
    assert_true(info.lost_puts == 1 && info.lost_gets == 1);
    kin_args_destroy(args);
    assert_ok(kin_counter_destroy(sum));
    assert_ok(kin_queue_destroy(queue));
}

static void killed_at_random_nothing_is_left(void **state)
{
    (void)state;
    kin_counter *sum = NULL;
    assert_ok(kin_counter_create(&sum, NULL, 0));
    for (int round = 0; round < 25; round++) {
        kin_queue *queue = new_queue_in(NULL, 2000, 0, KIN_QUEUE_LARGE | KIN_QUEUE_JOINABLE);
        kin_args *args = args_for(queue, sum, 1 << 30);
        size_t size = 0;
        uint64_t before = count_blocks();
        kin_process *producer = start_child("produce", args), *consumer = start_child("consume", args);
        kin_sleep(KIN_MS(2) + KIN_US(531) * round);
        kill_child(round % 2 ? producer : consumer);
        kin_sleep(KIN_US(200));
        kill_child(round % 2 ? consumer : producer);
        kin_status status;
        while ((status = kin_queue_get(queue, got, sizeof got, &size, KIN_MS(100))) == KIN_OK) {
            assert_true(is_pattern(got, size));
        }
        assert_status(status, KIN_E_TIMED_OUT);
        assert_ok(put(queue, 5000, KIN_NOW));
        expect_next(queue, 5000);
        assert_int_equal(count_blocks(), before);
        kin_args_destroy(args);
        assert_ok(kin_queue_destroy(queue));
    }
    assert_ok(kin_counter_destroy(sum));
}

/* ---- threads ---- */

static void produce_in_a_thread(void *argument)
{
    static unsigned char message[40000];
    for (int64_t i = 0; i < 1000; i++) {
        size_t size = write_pattern(message, size_of_number(i), (unsigned)i);
        MUST(kin_queue_put(argument, message, size, PATIENCE) == KIN_OK);
    }
}

static void between_threads(void **state)
{
    (void)state;
    kin_queue *queue = new_queue(2000, 0);
    void *thread = begin_thread(produce_in_a_thread, queue);
    for (int64_t i = 0; i < 1000; i++) {
        size_t size = 0;
        const void *message = NULL;
        if (i % 2 == 0) {
            assert_ok(kin_queue_get(queue, got, sizeof got, &size, PATIENCE));
            assert_true(is_pattern(got, size));
        } else {
            assert_ok(kin_queue_peek(&message, &size, queue, PATIENCE));
            assert_true(is_pattern(message, size));
            assert_ok(kin_queue_consume(queue, message));
        }
        assert_int_equal(size, size_of_number(i));
    }
    end_thread(thread);
    assert_ok(kin_queue_destroy(queue));
}

/* ---- from inside ---- */

static kin__ring open_ring(kin_queue *queue)
{
    kin__seat *seat = NULL;
    kin__ring ring;
    assert_ok(kin__seat_take(&seat, kin__family_at(queue)));
    assert_ok(kin__ring_open(&ring, seat, (kin__queue *)queue));
    return ring;
}

/* The producer died when it had published the message, and had not forgotten yet which block it was putting. That is
 * the message's now: if the next producer dies in a put, too, it must not be taken for its block. */
static void a_block_that_was_put_is_not_the_deads(void **state)
{
    (void)state;
    kin_queue *queue = new_queue(RING, 0);
    kin__ring ring = open_ring(queue);
    assert_ok(put(queue, 5000, KIN_NOW));
    atomic_store(&ring.ends->large, 1);
    kin__ring_mend_put(&ring);
    assert_true(atomic_load(&ring.ends->large) == 0);
    expect_next(queue, 5000);
    assert_ok(kin_queue_destroy(queue));
}

/* Of a ring that is large enough for that. */
static void a_ring_gets_its_memory_as_it_is_filled(void **state)
{
    (void)state;
    kin_family *family = new_family(64 << 20);
    kin_queue *queue = new_queue_in(family, 16 << 20, 0, 0);
    kin__ring ring = open_ring(queue);
    uint32_t filled = atomic_load(&ring.ends->filled), before = filled;
    for (int i = 0; i < 20; i++) {
        uint32_t end = (uint32_t)kin__ring_need(LARGEST / 8) * (uint32_t)(i + 1);
        assert_ok(put(queue, LARGEST / 8, KIN_NOW));
        filled = atomic_load(&ring.ends->filled);
        assert_true(filled >= end && filled < ring.units);
    }
    assert_true(filled > before);
    assert_ok(kin_queue_destroy(queue));
    kin_family_close(family);
}

/* The next record does not fit into the rest of the ring, of which nothing has memory: that rest gets a header. */
static void the_padding_of_a_ring_gets_memory(void **state)
{
    (void)state;
    enum { REST = 10, NEED = 100 };
    kin_family *family = new_family(64 << 20);
    kin_queue *queue = new_queue_in(family, 16 << 20, 0, 0);
    kin__ring ring = open_ring(queue);
    kin__record *record = NULL;
    const uint32_t place = ring.units - REST;
    uint64_t tail = place;
    atomic_store(&ring.ends->filled, place);
    atomic_store(&ring.ends->head, tail);
    atomic_store(&ring.ends->head_seen, tail);
    atomic_store(&ring.ends->next, tail);
    atomic_store(&ring.ends->putting, tail);
    atomic_store(&ring.ends->tail, tail);
    assert_ok(kin__ring_claim(&ring, &tail, NEED, &record));
    assert_ptr_equal(record, ring.records);
    assert_true(atomic_load(&ring.ends->filled) > place);
    assert_ok(kin_queue_destroy(queue));
    kin_family_close(family);
}

/* ---- a member has written over it ---- */

static void a_record_that_lies_is_an_error(void **state)
{
    (void)state;
    kin_family *family = new_family(16 << 20);
    static const uint64_t words[] = {0, 1, UINT64_MAX, UINT32_MAX, UINT64_C(1) << 32};
    for (size_t i = 0; i <= sizeof words / sizeof words[0]; i++) {
        kin_queue *queue = new_queue_in(family, RING, 0, KIN_QUEUE_LARGE);
        void *memory = NULL;
        size_t size = 0;
        assert_ok(kin_queue_reserve(&memory, queue, 5000, KIN_NOW));
        kin__large *block = (kin__large *)memory - 1;
        kin__queue *inside = (kin__queue *)queue;
        char *records = (char *)queue + kin__ring_ends(inside) + sizeof(kin__queue_ends);
        kin__record *record = (kin__record *)(void *)(records + atomic_load(&block->place));
        assert_ok(kin_queue_commit(queue, memory, 5000));
        if (i < sizeof words / sizeof words[0]) {
            atomic_store((_Atomic uint64_t *)(void *)(record + 1), words[i]);
        } else {
            atomic_store(&block->size, 1 << 30);
        }
        assert_status(kin_queue_get(queue, got, sizeof got, &size, KIN_NOW), KIN_E_DAMAGED);
        assert_status(kin_queue_commit(queue, memory, 10), KIN_E_STALE);
        kin_queue_put_over(queue, bytes, 5000, NULL);
        kin_queue_destroy(queue);
    }
    kin_family_close(family);
}

int main(void)
{
    static const kin_child_entry entries[] = {
        {"produce", child_produce}, {"consume", child_consume}, {"hold", child_hold}};
    limit_own_family();
    kin_child_main(entries, 3);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_any_size_go_through),
        cmocka_unit_test(many_at_a_time),
        cmocka_unit_test(in_place),
        cmocka_unit_test(the_ring_and_the_memory_are_limits),
        cmocka_unit_test(between_processes_nothing_is_lost),
        unit_test_with_deaths(memory_of_the_dead_is_freed),
        unit_test_with_deaths(killed_at_random_nothing_is_left),
        cmocka_unit_test(between_threads),
        cmocka_unit_test(a_block_that_was_put_is_not_the_deads),
        cmocka_unit_test(a_ring_gets_its_memory_as_it_is_filled),
        cmocka_unit_test(the_padding_of_a_ring_gets_memory),
        cmocka_unit_test(a_record_that_lies_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
