/* Memory orders: what docs/memory-orders.md argues for, as two threads see it. Each test has one of two shapes, and
 * repeats it for a moment:
 *
 *     message passing     one writes some lines of memory, then says so by an object; the other hears it and reads them
 *     store buffering     each changes a counter of its own, then reads the other's; one of the two sees the change.
 *                         One writes and sets a set event; the other clears it, and sees what is written, or that it
 *                         is set again
 *
 * Where this can fail: store buffering on every processor, x86 too. Message passing on one that reorders (arm64), and
 * under ThreadSanitizer, which follows the orders as they are written, wherever the lines are plain memory. An emulated
 * arm64 on x86 orders as x86 does: there it shows the compiler's part alone.
 */
#include "support.h"

#include <stdatomic.h>

#include "os.h"

#define LINES 4
#define SLOTS 256 /* in turn: what is written next is not what is read now */
#define PAIRS 4096

typedef struct message { /* each line of a cache line of its own; what is written first is read last */
    struct {
        int64_t number;
        int64_t fill[7];
    } lines[LINES];
} message;

typedef struct loose { /* the same, where the writer may have come round meanwhile */
    struct {
        _Atomic int64_t number;
        int64_t fill[7];
    } lines[LINES];
} loose;

typedef struct scene {
    kin_lock lock;
    kin_rwlock rwlock;
    kin_sem ask, answer;
    kin_event there, back;
    kin_counter counter, here[PAIRS], across[PAIRS];
    kin_event again[PAIRS];
    _Atomic int64_t written[PAIRS];
    kin_queue *queue;
    kin_dict *dict;
    kin_array *array;
    message messages[SLOTS];
    loose passing[SLOTS];
    _Atomic int64_t at[2]; /* which pair each side has come to */
    int64_t seen[2][PAIRS];
    int64_t end; /* of the time for it */
} scene;

static scene *it;

static void write_message(message *to, int64_t number)
{
    for (int i = 0; i < LINES; i++) {
        to->lines[i].number = number;
    }
}

static void expect_message(const message *from, int64_t number)
{
    for (int i = LINES - 1; i >= 0; i--) {
        MUST(from->lines[i].number == number);
    }
}

static void write_loosely(int64_t number)
{
    for (int i = 0; i < LINES; i++) {
        atomic_store_explicit(&it->passing[number % SLOTS].lines[i].number, number, memory_order_relaxed);
    }
}

static void expect_loosely(int64_t number)
{
    for (int i = LINES - 1; i >= 0; i--) {
        MUST(atomic_load_explicit(&it->passing[number % SLOTS].lines[i].number, memory_order_relaxed) >= number);
    }
}

static bool is_over(void)
{
    return now_ns() > it->end;
}

/* ---- under a lock: both read and write ---- */

static void turn(int64_t *last)
{
    int64_t number = it->messages[0].lines[0].number;
    MUST(number >= *last);
    expect_message(&it->messages[0], number);
    write_message(&it->messages[0], number + 1);
    *last = number + 1;
}

static void use_lock(void *unused)
{
    int64_t last = 0;
    (void)unused;
    while (!is_over()) {
        MUST(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
        turn(&last);
        MUST(kin_lock_release(&it->lock) == KIN_OK);
    }
}

static void use_rwlock(void *unused)
{
    int64_t last = 0;
    (void)unused;
    while (!is_over()) {
        MUST(kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_WRITE, PATIENCE) == KIN_OK);
        turn(&last);
        MUST(kin_rwlock_release(&it->rwlock) == KIN_OK);
        MUST(kin_rwlock_acquire(&it->rwlock, KIN_RWLOCK_READ, PATIENCE) == KIN_OK);
        expect_message(&it->messages[0], it->messages[0].lines[0].number);
        MUST(kin_rwlock_release(&it->rwlock) == KIN_OK);
    }
}

static void use_array(void *unused)
{
    (void)unused;
    while (!is_over()) {
        int64_t *numbers = kin_array_data(it->array);
        MUST(kin_array_acquire(it->array, PATIENCE) == KIN_OK);
        for (int i = 1; i < 64; i++) {
            MUST(numbers[i] == numbers[0]);
        }
        for (int i = 63; i >= 0; i--) {
            numbers[i]++;
        }
        MUST(kin_array_release(it->array) == KIN_OK);
    }
}

/* ---- there and back ---- */

static void echo_by_sem(void *unused)
{
    (void)unused;
    for (int64_t number = 1; number != 0;) {
        MUST(kin_sem_acquire(&it->ask, 1, PATIENCE) == KIN_OK);
        number = it->messages[0].lines[0].number;
        expect_message(&it->messages[0], number);
        write_message(&it->messages[1], number);
        MUST(kin_sem_release(&it->answer, 1) == KIN_OK);
    }
}

static void ask_by_sem(int64_t number)
{
    write_message(&it->messages[0], number);
    MUST(kin_sem_release(&it->ask, 1) == KIN_OK);
    MUST(kin_sem_acquire(&it->answer, 1, PATIENCE) == KIN_OK);
    expect_message(&it->messages[1], number);
}

static void echo_by_event(void *unused)
{
    (void)unused;
    for (int64_t number = 1; number != 0;) {
        MUST(kin_event_wait(&it->there, PATIENCE) == KIN_OK && kin_event_clear(&it->there) == KIN_OK);
        number = it->messages[0].lines[0].number;
        expect_message(&it->messages[0], number);
        write_message(&it->messages[1], number);
        MUST(kin_event_set(&it->back) == KIN_OK);
    }
}

static void ask_by_event(int64_t number)
{
    write_message(&it->messages[0], number);
    MUST(kin_event_set(&it->there) == KIN_OK);
    MUST(kin_event_wait(&it->back, PATIENCE) == KIN_OK && kin_event_clear(&it->back) == KIN_OK);
    expect_message(&it->messages[1], number);
}

/* ---- one way ---- */

static void get_numbers(void *unused)
{
    int64_t number = 1, last = 0;
    (void)unused;
    while (number != 0) {
        MUST(kin_queue_get(it->queue, &number, sizeof number, NULL, PATIENCE) == KIN_OK);
        MUST(number == 0 || number == last + 1);
        if (number != 0) {
            expect_message(&it->messages[number % SLOTS], number);
        }
        last = number;
    }
}

static void put_number(int64_t number)
{
    if (number != 0) {
        write_message(&it->messages[number % SLOTS], number);
    }
    MUST(kin_queue_put(it->queue, &number, sizeof number, PATIENCE) == KIN_OK);
}

static void hear(int64_t number, int64_t *last)
{
    MUST(number >= *last);
    if (number > *last) {
        expect_loosely(number);
    }
    *last = number;
}

/* Reads without a lock, while the value is changed, and its block freed and used again. In a process of its own: that
 * it reads what is being written, and throws it away then, is a race to ThreadSanitizer. */
static int child_read_dict(const kin_args *args)
{
    int64_t last = 0;
    it = given(args, "scene", KIN_TYPE_MEMORY);
    kin_dict *dict = given(args, "dict", KIN_TYPE_DICT);
    while (!is_over()) {
        message value;
        size_t size = 0;
        MUST(kin_dict_get(dict, "key", 3, &value, sizeof value, &size) == KIN_OK && size == sizeof value);
        expect_message(&value, value.lines[0].number);
        hear(value.lines[0].number, &last);
    }
    return 0;
}

static void write_dict(int64_t number)
{
    message value = {{{0, {0}}}};
    write_loosely(number);
    write_message(&value, number);
    MUST(kin_dict_set(it->dict, "key", 3, &value, sizeof value) == KIN_OK);
    MUST(kin_dict_set_i64(it->dict, "another", number) == KIN_OK);
}

static void read_counter(void *unused)
{
    int64_t last = 0, number = 0;
    (void)unused;
    while (!is_over()) {
        MUST(kin_counter_get(&it->counter, &number) == KIN_OK);
        hear(number, &last);
    }
}

static void add_to_counter(int64_t number)
{
    write_loosely(number);
    MUST(kin_counter_add(&it->counter, 1, NULL) == KIN_OK);
}

/* ---- store buffering ---- */

/* Both come to each pair at about the same time; one of them a little later, each time by another moment. */
static void come_to(int side, int64_t pair)
{
    atomic_store_explicit(&it->at[side], pair, memory_order_relaxed);
    for (int i = 0; atomic_load_explicit(&it->at[1 - side], memory_order_relaxed) < pair; i++) {
        if (i > 1000) {
            kin_os_yield();
        }
    }
    for (int64_t i = 0; i < (side == 0 ? pair % 8 : pair / 8 % 8); i++) {
        atomic_load_explicit(&it->at[side], memory_order_relaxed);
    }
}

static void change_and_look(int side)
{
    kin_counter *own = side ? it->across : it->here, *others = side ? it->here : it->across;
    for (int i = 0; i < PAIRS; i++) {
        come_to(side, i + 1);
        MUST(kin_counter_set(&own[i], 1) == KIN_OK);
        MUST(kin_counter_get(&others[i], &it->seen[side][i]) == KIN_OK);
    }
}

static void be_the_other_side(void *unused)
{
    (void)unused;
    change_and_look(1);
}

/* One writes something and sets an event that is set already. The other clears the event and looks at what is
 * written. */
static void set_again(void *unused)
{
    (void)unused;
    for (int i = 0; i < PAIRS; i++) {
        come_to(1, i + 1);
        atomic_store_explicit(&it->written[i], 1, memory_order_relaxed);
        MUST(kin_event_set(&it->again[i]) == KIN_OK);
    }
}

static void clear_and_look(void)
{
    for (int i = 0; i < PAIRS; i++) {
        atomic_load(&it->written[i]); /* its cache line is here, so that the other's store takes a moment */
        come_to(0, i + 1);
        MUST(kin_event_clear(&it->again[i]) == KIN_OK);
        it->seen[0][i] = atomic_load_explicit(&it->written[i], memory_order_relaxed);
    }
}

/* ---- tests ---- */

static int set_up(void **state)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    message none = {{{0, {0}}}};
    options.max_messages = SLOTS / 2;
    assert_ok(kin_alloc((void **)&it, NULL, sizeof *it));
    memset(it, 0, sizeof *it);
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_rwlock_init(&it->rwlock));
    assert_ok(kin_sem_init(&it->ask, 0, 0));
    assert_ok(kin_sem_init(&it->answer, 0, 0));
    assert_ok(kin_event_init(&it->there));
    assert_ok(kin_event_init(&it->back));
    assert_ok(kin_counter_init(&it->counter, 0));
    assert_ok(kin_queue_create(&it->queue, NULL, &options));
    assert_ok(kin_dict_create(&it->dict, NULL));
    assert_ok(kin_dict_set(it->dict, "key", 3, &none, sizeof none));
    assert_ok(kin_array_create(&it->array, NULL, KIN_ELEMENT_I64, 64, KIN_VALUE_LOCKED));
    it->end = now_ns() + number_from("KIN_TEST_SECONDS", 0) * KIN_SECONDS(1) + KIN_MS(300);
    return set_up_slices(state);
}

static int tear_down(void **state)
{
    assert_ok(kin_queue_destroy(it->queue));
    assert_ok(kin_dict_destroy(it->dict));
    assert_ok(kin_array_destroy(it->array));
    assert_ok(kin_free(it));
    return tear_down_slices(state);
}

/* Both do the same until it is over. */
static void both(void (*body)(void *unused))
{
    void *thread = begin_thread(body, NULL);
    body(NULL);
    end_thread(thread);
}

/* The other one hears of 1, 2, 3 and so on; 0 is the last, if it is to be told. */
static void tell(void (*hearer)(void *unused), void (*say)(int64_t number), bool last)
{
    void *thread = begin_thread(hearer, NULL);
    for (int64_t number = 1; !is_over(); number++) {
        say(number);
    }
    if (last) {
        say(0);
    }
    end_thread(thread);
}

static void lock_passes_what_it_guards(void **state)
{
    (void)state;
    both(use_lock);
}

static void rwlock_passes_what_it_guards(void **state)
{
    (void)state;
    both(use_rwlock);
}

static void array_passes_what_it_has(void **state)
{
    (void)state;
    both(use_array);
}

static void sem_passes_what_was_written_before(void **state)
{
    (void)state;
    tell(echo_by_sem, ask_by_sem, true);
}

static void event_passes_what_was_written_before(void **state)
{
    (void)state;
    tell(echo_by_event, ask_by_event, true);
}

static void queue_passes_what_was_written_before(void **state)
{
    (void)state;
    tell(get_numbers, put_number, true);
}

static void dict_passes_what_was_written_before(void **state)
{
    (void)state;
    kin_args *args = new_args();
    give(args, "scene", KIN_TYPE_MEMORY, it);
    give(args, "dict", KIN_TYPE_DICT, it->dict);
    kin_process *child = start_child("read_dict", args);
    for (int64_t number = 1; !is_over(); number++) {
        write_dict(number);
    }
    join_child(child, 0);
    kin_args_destroy(args);
}

static void counter_passes_what_was_written_before(void **state)
{
    (void)state;
    tell(read_counter, add_to_counter, false);
}

static void of_two_changes_one_is_seen(void **state)
{
    (void)state;
    for (int round = 0; round == 0 || !is_over(); round++) {
        atomic_store(&it->at[0], 0);
        atomic_store(&it->at[1], 0);
        for (int i = 0; i < PAIRS; i++) {
            assert_ok(kin_counter_init(&it->here[i], 0));
            assert_ok(kin_counter_init(&it->across[i], 0));
        }
        void *thread = begin_thread(be_the_other_side, NULL);
        change_and_look(0);
        end_thread(thread);
        for (int i = 0; i < PAIRS; i++) {
            assert_true(it->seen[0][i] || it->seen[1][i]);
        }
    }
}

static void set_again_is_seen_or_stays(void **state)
{
    (void)state;
    for (int round = 0; round == 0 || !is_over(); round++) {
        atomic_store(&it->at[0], 0);
        atomic_store(&it->at[1], 0);
        for (int i = 0; i < PAIRS; i++) {
            assert_ok(kin_event_init(&it->again[i]));
            assert_ok(kin_event_set(&it->again[i]));
            atomic_store(&it->written[i], 0);
        }
        void *thread = begin_thread(set_again, NULL);
        clear_and_look();
        end_thread(thread);
        for (int i = 0; i < PAIRS; i++) {
            int set;
            assert_ok(kin_event_is_set(&it->again[i], &set));
            assert_true(set || it->seen[0][i]);
        }
    }
}

int main(void)
{
    static const kin_child_entry entries[] = {{"read_dict", child_read_dict}};
    limit_own_family();
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lock_passes_what_it_guards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rwlock_passes_what_it_guards, set_up, tear_down),
        cmocka_unit_test_setup_teardown(array_passes_what_it_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sem_passes_what_was_written_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(event_passes_what_was_written_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_passes_what_was_written_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dict_passes_what_was_written_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(counter_passes_what_was_written_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_two_changes_one_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(set_again_is_seen_or_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
