#include "support.h"

#include "family/member.h"
#include "os.h"
#include "park/slices.h"

/* ---- forgotten sleepers ---- */

static bool deaths;

void somebody_dies(void)
{
    deaths = true;
}

int set_up_deaths(void **state)
{
    (void)state;
    somebody_dies();
    return 0;
}

/* Also in children, which are this program. */
__attribute__((constructor)) static void count_the_forgotten(void)
{
    const char *how = getenv("KIN_TEST_SLICES");
    atomic_store(&kin__slices_are, how && strcmp(how, "off") == 0 ? KIN__SLICES_OFF : KIN__SLICES_COUNTED);
}

static uint64_t forgotten(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < KIN__FAMILIES; i++) {
        kin_family *family = kin__family_number(i);
        sum += family ? atomic_load(&family->arena->forgotten) : 0;
    }
    return sum;
}

static uint64_t forgotten_before;

int set_up_slices(void **state)
{
    (void)state;
    deaths = false;
    forgotten_before = forgotten();
    return 0;
}

int tear_down_slices(void **state)
{
    (void)state;
    uint64_t now = forgotten();
    if (deaths || now <= forgotten_before) {
        return 0;
    }
    print_error("%llu sleepers were forgotten\n", (unsigned long long)(now - forgotten_before));
    return -1;
}

int run_test_group(const char *name, const struct CMUnitTest *tests, size_t count, CMFixtureFunction set_up,
                   CMFixtureFunction tear_down)
{
    struct CMUnitTest *list = calloc(count, sizeof *list);
    size_t chosen = 0;
    count_the_forgotten(); /* also where the C library's start runs no constructors */
    if (!list) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        struct CMUnitTest *it = &list[chosen];
        *it = tests[i];
        bool sliced = it->setup_func == set_up_deaths || it->setup_func == set_up_slices;
        if (sliced && atomic_load(&kin__slices_are) == KIN__SLICES_OFF) {
            continue;
        }
        if (!it->setup_func && !it->teardown_func) {
            it->setup_func = set_up_slices;
            it->teardown_func = tear_down_slices;
        }
        chosen++;
    }
    int failed = _cmocka_run_group_tests(name, list, chosen, set_up, tear_down);
    free(list);
    return failed;
}

int64_t number_from(const char *variable, int64_t otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

int use_pair(kin_rwlock *lock, kin_rwlock_mode access, int64_t *here, int64_t *there)
{
    kin_status status = kin_rwlock_acquire(lock, access, PATIENCE);
    CHECK(status == KIN_OK || status == KIN_OWNER_DIED);
    if (status == KIN_OWNER_DIED) {
        *there = *here;
        CHECK(kin_rwlock_repair(lock) == KIN_OK);
    }
    CHECK(*here == *there);
    if (access == KIN_RWLOCK_WRITE) {
        ++*here;
        ++*there;
    }
    CHECK(kin_rwlock_release(lock) == KIN_OK);
    return 0;
}

/* ---- children ---- */

void limit_own_family(void)
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = 256 << 20;
    if (kin_family_configure_default(&options) != KIN_OK) {
        fprintf(stderr, "the own family cannot be limited\n");
    }
}

kin_family *new_family(uint64_t reserve)
{
    kin_family *family = NULL;
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = reserve;
    assert_ok(kin_family_create(&family, &options));
    return family;
}

kin_queue *new_queue_in(kin_family *family, uint64_t capacity, uint32_t most, uint32_t flags)
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    kin_queue *queue = NULL;
    options.capacity = capacity;
    options.max_messages = most;
    options.flags = flags;
    assert_ok(kin_queue_create(&queue, family, &options));
    return queue;
}

kin_args *new_args(void)
{
    kin_args *args = NULL;
    assert_ok(kin_args_create(&args, NULL));
    return args;
}

void give(kin_args *args, const char *name, kin_type type, const void *object)
{
    assert_ok(kin_args_add_object(args, name, type, object));
}

void give_number(kin_args *args, const char *name, int64_t number)
{
    assert_ok(kin_args_add_bytes(args, name, &number, sizeof number));
}

void *given(const kin_args *args, const char *name, kin_type type)
{
    void *object = NULL;
    kin_status status = kin_args_get_object(&object, args, name, type);
    if (status != KIN_OK) {
        fprintf(stderr, "argument %s: %s\n", name, kin_status_name(status));
    }
    return object;
}

int64_t given_number(const kin_args *args, const char *name)
{
    const void *bytes = NULL;
    size_t size = 0;
    int64_t number = 0;
    if (kin_args_get_bytes(&bytes, &size, args, name) == KIN_OK && size == sizeof number) {
        memcpy(&number, bytes, sizeof number);
    }
    return number;
}

kin_process *start_child(const char *entry, const kin_args *args)
{
    kin_process *process = NULL;
    kin_status status = kin_process_start(&process, entry, args, NULL);
    if (status != KIN_OK) {
        char text[256];
        int code = kin_last_os_error();
        print_message("start of %s: %s (%d, %s)\n", entry, kin_status_name(status), code,
                      kin_os_error_text(code, text, sizeof text));
    }
    assert_int_equal(status, KIN_OK);
    return process;
}

void expect_status(kin_status status, kin_status expected, const char *file, int line)
{
    if (status != expected) {
        print_message("%s, not %s%s%s\n", kin_status_name(status), kin_status_name(expected), status < 0 ? ": " : "",
                      status < 0 ? kin_last_error() : "");
        _fail(file, line);
    }
}

void join_child(kin_process *process, int code)
{
    kin_exit result = {.code = -1, .signal = -1};
    assert_ok(kin_process_join(process, PATIENCE, &result));
    if (result.code != code) {
        char text[96];
        print_message("the child %s\n", kin_exit_text(&result, text, sizeof text));
    }
    assert_true(result.how == KIN_END_RETURNED || result.how == KIN_END_EXITED);
    assert_int_equal(result.signal, 0);
    assert_int_equal(result.code, code);
    kin_process_close(process);
}

void kill_child(kin_process *process)
{
    assert_ok(kin_process_kill(process));
    assert_ok(kin_process_join(process, PATIENCE, NULL));
    kin_process_close(process);
}

void run_child(const char *entry, const kin_args *args)
{
    join_child(start_child(entry, args), 0);
}

kin_family_info inspect_family(void)
{
    kin_family_info info = KIN_FAMILY_INFO_INIT;
    assert_ok(kin_family_inspect(NULL, &info));
    return info;
}

uint64_t count_blocks(void)
{
    uint64_t blocks = 0, bytes = 0;
    assert_ok(kin_alloc_total(NULL, &blocks, &bytes));
    return blocks;
}

static uint32_t count_asleep(kin_family *family, const void *object, size_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < kin__thread_end(family); i++) {
        kin__thread *slot = kin__thread_at(family, i);
        uint64_t address = atomic_load(&slot->address), first = kin__offset(family, object);
        count += kin__slot_waits(atomic_load(&slot->state)) && address >= first && address < first + size;
    }
    return count;
}

/* Several looks in a row: between its slices a sleeper is awake for a moment. */
static void await_count(const void *object, size_t size, uint32_t count)
{
    kin_family *family = NULL;
    int64_t end = now_ns() + PATIENCE;
    int looks = 0;
    assert_ok(kin_family_default(&family));
    while (looks < 5 && now_ns() < end) {
        looks = count_asleep(family, object, size) == count ? looks + 1 : 0;
        kin_os_sleep_until(kin_os_now() + KIN_US(200));
    }
    assert_int_equal(looks, 5);
}

void await_asleep(const void *object, size_t size, uint32_t count)
{
    await_count(object, size, count);
}

void kill_unseen(kin_process *process)
{
    somebody_dies();
    kill_pid(kin_process_pid(process));
}

void forget_child(kin_process *process)
{
    kin_process_join(process, PATIENCE, NULL);
    kin_process_close(process);
}

int64_t now_ns(void)
{
    return kin_os_now();
}

void spin_for(int64_t ns)
{
    for (int64_t end = now_ns() + ns; now_ns() < end;) {
        kin_os_cpu_relax();
    }
}

uint32_t next_number(uint32_t *state)
{
    *state = *state * 1103515245 + 12345;
    return *state >> 16;
}

size_t write_pattern(unsigned char *out, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = (unsigned char)(seed + size * 5 + i * 3);
    }
    return size;
}

int is_pattern(const unsigned char *bytes, size_t size)
{
    for (size_t i = 1; i < size; i++) {
        if (bytes[i] != (unsigned char)(bytes[0] + i * 3)) {
            return 0;
        }
    }
    return size > 0;
}

intptr_t start_stranger(const char *what, const char *name)
{
    char argument[128];
    intptr_t ends[2];
    make_pipe(ends);
    snprintf(argument, sizeof argument, "%s:%s", what, name);
    intptr_t process = start_self(argument, ends[0], NULL, 0);
    close_handle(ends[0]);
    close_handle(ends[1]);
    return process;
}
