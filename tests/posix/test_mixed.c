/* One family of two kinds of programs: of 32 and of 64 bits, with glibc and with musl. The other program is this one as
 * another preset builds it; its path is the first argument. Both open a family by its name, or the one starts the other
 * as a child. Without an argument the other is this program.
 *
 *     test_mixed [OTHER]                  all that two kinds that share families do
 *     test_mixed OTHER refused            kinds that do not: joining is refused
 */
#include "support.h"

#include "family/family.h"
#include "os.h"

#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 2000
#define COUNT 20000
#define MESSAGES 5000
#define MESSAGE_MAX 3000u
#define KEYS 500
#define LARGE (INT64_C(5) << 30)     /* no file's length in 32 bits */
#define RESERVE (UINT64_C(64) << 20) /* what a process of 32 bits has room for */

extern char **environ;

static const char *other = "/proc/self/exe";
static char name[64]; /* of the test's family */

/* Of the same layout for both: whatever is in it is aligned to 8 by what is before it. */
typedef struct shared {
    kin_lock lock;
    kin_rwlock rwlock;
    kin_sem ask, answer;
    kin_event there, back;
    kin_cond cond;
    kin_barrier barrier;
    kin_counter counter;
    int64_t sum, turn, here, across;
} shared;

typedef struct place {
    kin_family *family;
    shared *it;
} place;

static void *find(kin_family *family, const char *what, kin_type type)
{
    void *found = NULL;
    return kin_name_get(&found, family, what, type) == KIN_OK ? found : NULL;
}

/* ---- what both sides do ---- */

static int count_up(shared *it)
{
    for (int i = 0; i < COUNT; i++) {
        CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
        it->sum++;
        CHECK(kin_lock_release(&it->lock) == KIN_OK);
        CHECK(kin_counter_add(&it->counter, 1, NULL) == KIN_OK);
        if (i % 20 == 0) {
            CHECK(use_pair(&it->rwlock, i % 40 ? KIN_RWLOCK_READ : KIN_RWLOCK_WRITE, &it->here, &it->across) == 0);
        }
    }
    return 0;
}

/* Each waits for the other, asleep most of the time. */
static int take_turns(shared *it, bool first)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (first) {
            CHECK(kin_sem_release(&it->ask, 1) == KIN_OK);
            CHECK(kin_sem_acquire(&it->answer, 1, PATIENCE) == KIN_OK);
            CHECK(kin_event_set(&it->there) == KIN_OK);
            CHECK(kin_event_wait(&it->back, PATIENCE) == KIN_OK && kin_event_clear(&it->back) == KIN_OK);
        } else {
            CHECK(kin_sem_acquire(&it->ask, 1, PATIENCE) == KIN_OK);
            CHECK(kin_sem_release(&it->answer, 1) == KIN_OK);
            CHECK(kin_event_wait(&it->there, PATIENCE) == KIN_OK && kin_event_clear(&it->there) == KIN_OK);
            CHECK(kin_event_set(&it->back) == KIN_OK);
        }
    }
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK);
        while ((it->turn % 2 == 0) != first) {
            CHECK(kin_cond_wait(&it->cond, &it->lock, PATIENCE) == KIN_OK);
        }
        it->turn++;
        CHECK(kin_cond_notify(&it->cond, 1) == KIN_OK);
        CHECK(kin_lock_release(&it->lock) == KIN_OK);
        CHECK(kin_barrier_wait(&it->barrier, NULL, PATIENCE) == KIN_OK);
    }
    return 0;
}

static int put_all(kin_family *family, const char *queue_name)
{
    unsigned char message[MESSAGE_MAX];
    kin_queue *queue = find(family, queue_name, KIN_TYPE_QUEUE);
    for (unsigned i = 0; i < MESSAGES; i++) {
        size_t size = write_pattern(message, 1 + i * 37 % MESSAGE_MAX, i);
        CHECK(kin_queue_put(queue, message, size, PATIENCE) == KIN_OK);
    }
    return 0;
}

static int get_all(kin_family *family, const char *queue_name)
{
    unsigned char message[MESSAGE_MAX], expected[MESSAGE_MAX];
    kin_queue *queue = find(family, queue_name, KIN_TYPE_QUEUE);
    for (unsigned i = 0; i < MESSAGES; i++) {
        size_t size = 0;
        CHECK(kin_queue_get(queue, message, sizeof message, &size, PATIENCE) == KIN_OK);
        CHECK(size == write_pattern(expected, 1 + i * 37 % MESSAGE_MAX, i) && memcmp(message, expected, size) == 0);
    }
    return 0;
}

static void name_key(char key[32], const char *whose, int number)
{
    snprintf(key, 32, "%s-%d", whose, number);
}

static int write_own(kin_family *family, const char *whose)
{
    char key[32];
    kin_dict *dict = find(family, "dict", KIN_TYPE_DICT);
    kin_list *list = find(family, "list", KIN_TYPE_LIST);
    for (int i = 0; i < KEYS; i++) {
        name_key(key, whose, i);
        CHECK(kin_dict_set_i64(dict, key, i * INT64_C(10000000000)) == KIN_OK);
        CHECK(kin_dict_add_i64(dict, "all", 1, NULL) == KIN_OK);
        CHECK(kin_list_append(list, key, strlen(key)) == KIN_OK);
    }
    return 0;
}

static int read_others(kin_family *family, const char *whose)
{
    char key[32];
    int64_t value = 0;
    kin_dict *dict = find(family, "dict", KIN_TYPE_DICT);
    for (int i = 0; i < KEYS; i++) {
        name_key(key, whose, i);
        CHECK(kin_dict_get_i64(dict, key, &value) == KIN_OK && value == i * INT64_C(10000000000));
    }
    return 0;
}

/* ---- the other program: "WHAT:NAME" ---- */

static int be_counter(kin_family *family, shared *it)
{
    (void)family;
    return count_up(it);
}

static int be_second(kin_family *family, shared *it)
{
    (void)family;
    return take_turns(it, false);
}

static int be_echo(kin_family *family, shared *it)
{
    (void)it;
    return get_all(family, "there") + put_all(family, "back");
}

static int be_writer(kin_family *family, shared *it)
{
    CHECK(write_own(family, "other") == 0);
    CHECK(kin_barrier_wait(&it->barrier, NULL, PATIENCE) == KIN_OK);
    return read_others(family, "own");
}

/* Is killed while another process sleeps for the lock that it holds. */
static int be_victim(kin_family *family, shared *it)
{
    kin_lock_info info = {.size = sizeof info};
    kin_sem *lease = find(family, "lease", KIN_TYPE_SEM);
    CHECK(kin_lock_acquire(&it->lock, PATIENCE) == KIN_OK && kin_sem_acquire(lease, 1, PATIENCE) == KIN_OK);
    CHECK(kin_sem_release(&it->ask, 1) == KIN_OK);
    while (!info.contended) {
        CHECK(kin_lock_inspect(&it->lock, &info) == KIN_OK);
    }
    kin_os_sleep_until(kin_os_now() + KIN_MS(20)); /* the waiter is about to sleep, and mostly does by then */
    return raise(SIGKILL);
}

static const struct role {
    const char *what;
    int (*run)(kin_family *family, shared *it);
} roles[] = {
    {"count", be_counter}, {"second", be_second}, {"echo", be_echo}, {"write", be_writer}, {"die", be_victim},
};

/* Exit codes of a try to join. */
enum { JOINED = 40, NO_MEMORY, OTHER_VERSION, WRONG };

static int try_to_join(void)
{
    kin_family *family = NULL;
    switch (kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL)) {
    case KIN_OK:
        return JOINED;
    case KIN_E_NO_MEMORY:
        return NO_MEMORY;
    case KIN_E_BLOB_VERSION:
        return OTHER_VERSION;
    default:
        return WRONG;
    }
}

/* What kind of program it is. */
static int tell_bits(void)
{
    return (int)sizeof(void *) * 8;
}

static int be_stranger(const char *argument)
{
    const char *colon = strchr(argument, ':');
    kin_family *family = NULL;
    snprintf(name, sizeof name, "%s", colon + 1);
    if (strncmp(argument, "bits:", 5) == 0) {
        return tell_bits();
    }
    if (strncmp(argument, "join:", 5) == 0) {
        return try_to_join();
    }
    CHECK(kin_family_open(&family, name, KIN_FAMILY_JOIN, NULL) == KIN_OK);
    shared *it = find(family, "shared", KIN_TYPE_MEMORY);
    CHECK(it);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strncmp(argument, roles[i].what, (size_t)(colon - argument)) == 0) {
            int result = roles[i].run(family, it);
            kin_family_close(family);
            return result;
        }
    }
    return 2;
}

static pid_t start_other(const char *what)
{
    char argument[128];
    pid_t pid;
    snprintf(argument, sizeof argument, "%s:%s", what, name);
    char *const argv[] = {(char *)(uintptr_t)other, argument, NULL};
    assert_int_equal(posix_spawn(&pid, other, NULL, NULL, argv, environ), 0);
    return pid;
}

static int run_other(const char *what)
{
    return end_of_self(start_other(what));
}

/* ---- the other program as a child ---- */

static int child_count(const kin_args *args)
{
    kin_lock *lock = given(args, "lock", KIN_TYPE_LOCK);
    kin_array *numbers = given(args, "numbers", KIN_TYPE_ARRAY);
    kin_pipe *pipe = NULL;
    kin_handle file = KIN_NO_HANDLE;
    struct stat info;
    CHECK(lock && numbers && given_number(args, "big") == INT64_C(-5000000000));
    for (int i = 0; i < COUNT; i++) {
        CHECK(kin_lock_acquire(lock, PATIENCE) == KIN_OK);
        ((int64_t *)kin_array_data(numbers))[7]++;
        CHECK(kin_lock_release(lock) == KIN_OK);
    }
    CHECK(kin_args_get_handle(&file, args, "file", KIN_HANDLE_FILE) == KIN_OK);
    CHECK(fstat((int)file, &info) == 0 && info.st_size == LARGE);
    CHECK(kin_args_get_pipe(&pipe, args, "pipe") == KIN_OK);
    CHECK(kin_pipe_send(pipe, "done", 5, PATIENCE) == KIN_OK);
    kin_pipe_close(pipe);
    return 0;
}

/* ---- tests ---- */

static kin_family *new_named(uint64_t reserve)
{
    static int number;
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = reserve;
    snprintf(name, sizeof name, "mixed-%u-%d", (unsigned)kin_os_pid(), number++);
    assert_ok(kin_family_open(&family, name, KIN_FAMILY_CREATE, &options));
    return family;
}

static void name_object(const char *what, kin_type type, void *object)
{
    assert_ok(kin_name_set(what, type, object));
}

static void make_containers(kin_family *family)
{
    kin_queue *there = NULL, *back = NULL;
    kin_dict *dict = NULL;
    kin_list *list = NULL;
    kin_sem *lease = NULL;
    assert_ok(kin_queue_create(&there, family, NULL));
    assert_ok(kin_queue_create(&back, family, NULL));
    assert_ok(kin_dict_create(&dict, family));
    assert_ok(kin_list_create(&list, family));
    assert_ok(kin_sem_create_leased(&lease, family, 1));
    name_object("there", KIN_TYPE_QUEUE, there);
    name_object("back", KIN_TYPE_QUEUE, back);
    name_object("dict", KIN_TYPE_DICT, dict);
    name_object("list", KIN_TYPE_LIST, list);
    name_object("lease", KIN_TYPE_SEM, lease);
}

static place new_place(void)
{
    place made = {.family = new_named(RESERVE)};
    shared *it = NULL;
    assert_ok(kin_alloc((void **)&it, made.family, sizeof *it));
    assert_ok(kin_lock_init(&it->lock, 0));
    assert_ok(kin_rwlock_init(&it->rwlock));
    assert_ok(kin_sem_init(&it->ask, 0, 0));
    assert_ok(kin_sem_init(&it->answer, 0, 0));
    assert_ok(kin_event_init(&it->there));
    assert_ok(kin_event_init(&it->back));
    assert_ok(kin_cond_init(&it->cond));
    assert_ok(kin_barrier_init(&it->barrier, 2));
    assert_ok(kin_counter_init(&it->counter, 0));
    make_containers(made.family);
    name_object("shared", KIN_TYPE_MEMORY, it);
    made.it = it;
    return made;
}

/* Nobody was forgotten asleep: no slice ended with what it was for already there. */
static void end_place(const place *made)
{
    assert_int_equal(atomic_load(&made->family->arena->forgotten), 0);
    kin_family_close(made->family);
}

static void locks_exclude(void **state)
{
    (void)state;
    place made = new_place();
    int64_t counted = 0;
    pid_t pid = start_other("count");
    assert_int_equal(count_up(made.it), 0);
    assert_int_equal(end_of_self(pid), 0);
    assert_int_equal(made.it->sum, 2 * COUNT);
    assert_ok(kin_counter_get(&made.it->counter, &counted));
    assert_int_equal(counted, 2 * COUNT);
    assert_int_equal(made.it->here, 2 * (COUNT / 40));
    end_place(&made);
}

static void sleepers_are_woken(void **state)
{
    (void)state;
    place made = new_place();
    pid_t pid = start_other("second");
    assert_int_equal(take_turns(made.it, true), 0);
    assert_int_equal(end_of_self(pid), 0);
    end_place(&made);
}

static void messages_come_as_they_were_sent(void **state)
{
    (void)state;
    place made = new_place();
    pid_t pid = start_other("echo");
    assert_int_equal(put_all(made.family, "there"), 0);
    assert_int_equal(get_all(made.family, "back"), 0);
    assert_int_equal(end_of_self(pid), 0);
    end_place(&made);
}

static void keys_are_found(void **state)
{
    (void)state;
    place made = new_place();
    int64_t all = 0;
    size_t count = 0;
    pid_t pid = start_other("write");
    assert_int_equal(write_own(made.family, "own"), 0);
    assert_ok(kin_barrier_wait(&made.it->barrier, NULL, PATIENCE));
    assert_int_equal(read_others(made.family, "other"), 0);
    assert_int_equal(end_of_self(pid), 0);
    assert_ok(kin_dict_get_i64(find(made.family, "dict", KIN_TYPE_DICT), "all", &all));
    assert_int_equal(all, 2 * KEYS);
    assert_ok(kin_list_size(find(made.family, "list", KIN_TYPE_LIST), &count));
    assert_int_equal(count, 2 * KEYS);
    end_place(&made);
}

static void death_is_seen(void **state)
{
    (void)state;
    place made = new_place();
    kin_sem *lease = find(made.family, "lease", KIN_TYPE_SEM);
    pid_t pid = start_other("die");
    assert_ok(kin_sem_acquire(&made.it->ask, 1, PATIENCE));
    assert_status(kin_lock_acquire(&made.it->lock, PATIENCE), KIN_OWNER_DIED);
    assert_ok(kin_lock_repair(&made.it->lock));
    assert_ok(kin_lock_release(&made.it->lock));
    assert_ok(kin_sem_acquire(lease, 1, PATIENCE));
    assert_int_equal(end_of_self(pid), -1);
    kin_family_close(made.family);
}

static void child_takes_arguments(void **state)
{
    (void)state;
    place made = new_place();
    kin_array *numbers = NULL;
    kin_args *args = NULL;
    kin_process *child = NULL;
    kin_pipe *ends[2];
    kin_process_options options = KIN_PROCESS_OPTIONS_INIT;
    char text[8] = "";
    const char *const argv[] = {other, NULL};
    options.method = KIN_START_SPAWN;
    options.program = other;
    options.argv = argv;
    assert_ok(kin_array_create(&numbers, made.family, KIN_ELEMENT_I64, 8, 0));
    assert_ok(kin_pipe_create(ends, 0));
    FILE *file = tmpfile();
    assert_true(file && ftruncate(fileno(file), LARGE) == 0);
    assert_ok(kin_args_create(&args, made.family));
    give(args, "lock", KIN_TYPE_LOCK, &made.it->lock);
    give(args, "numbers", KIN_TYPE_ARRAY, numbers);
    give_number(args, "big", INT64_C(-5000000000));
    assert_ok(kin_args_add_pipe(args, "pipe", ends[1]));
    assert_ok(kin_args_add_handle(args, "file", fileno(file)));
    assert_ok(kin_process_start(&child, "count", args, &options));
    kin_pipe_close(ends[1]);
    for (int i = 0; i < COUNT; i++) {
        assert_ok(kin_lock_acquire(&made.it->lock, PATIENCE));
        ((int64_t *)kin_array_data(numbers))[7]++;
        assert_ok(kin_lock_release(&made.it->lock));
    }
    assert_ok(kin_pipe_recv(ends[0], text, sizeof text, NULL, PATIENCE));
    assert_string_equal(text, "done");
    join_child(child, 0);
    assert_int_equal(((int64_t *)kin_array_data(numbers))[7], 2 * COUNT);
    kin_pipe_close(ends[0]);
    fclose(file);
    kin_args_destroy(args);
    end_place(&made);
}

/* Larger than what a program of 32 bits can map. The other program's test is the same, the other way round. */
static void too_large_a_family_is_refused(void **state)
{
    (void)state;
    if (tell_bits() == 64) {
        kin_family *family = new_named(UINT64_C(8) << 30);
        assert_int_equal(run_other("join"), run_other("bits") == 32 ? NO_MEMORY : JOINED);
        kin_family_close(family);
    }
}

static void other_kind_is_refused(void **state)
{
    (void)state;
    kin_family *family = new_named(RESERVE);
    assert_int_equal(run_other("join"), OTHER_VERSION);
    kin_family_close(family);
}

int main(int argc, char **argv)
{
    static const kin_child_entry entries[] = {{"count", child_count}};
    if (argc > 1 && strchr(argv[1], ':')) {
        return be_stranger(argv[1]);
    }
    kin_child_main(entries, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(locks_exclude),
        cmocka_unit_test(sleepers_are_woken),
        cmocka_unit_test(messages_come_as_they_were_sent),
        cmocka_unit_test(keys_are_found),
        unit_test_with_deaths(death_is_seen),
        cmocka_unit_test(child_takes_arguments),
        cmocka_unit_test(too_large_a_family_is_refused),
    };
    const struct CMUnitTest refused[] = {
        cmocka_unit_test(other_kind_is_refused),
    };
    other = argc > 1 ? argv[1] : other;
    return argc > 2 ? cmocka_run_group_tests(refused, NULL, NULL) : cmocka_run_group_tests(tests, NULL, NULL);
}
