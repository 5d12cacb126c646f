/* What kin.hpp makes of statuses and of <chrono>; families, memory, references and names. */
#include "cpp/support.hpp"

#include <chrono>
#include <limits>

using namespace std::chrono_literals;

static void test_error()
{
    try {
        kin::semaphore slots(2, 1);
        unexpected("a semaphore above its maximum");
    } catch (const kin::error &error) {
        EXPECT(error.status() == KIN_E_ARGUMENT && error.os_error() == 0);
        EXPECT(error.what() == std::string(kin_last_error()));
        EXPECT(std::string(error.what()).find("kin_sem_create: ") == 0);
        EXPECT(error.code() == KIN_E_ARGUMENT && error.code() != KIN_E_TYPE);
        EXPECT(error.code() == std::errc::invalid_argument);
        EXPECT(error.code().category() == kin::category());
    }
}

static void test_category()
{
    std::error_code none = KIN_OK, gone = KIN_E_STALE;
    EXPECT(!none && gone && gone.message() == kin_status_text(KIN_E_STALE));
    EXPECT(std::string(kin::category().name()) == "kin");
    EXPECT(make_error_code(KIN_E_TIMED_OUT) == std::errc::timed_out);
    EXPECT(make_error_code(KIN_E_STALE) != std::errc::timed_out);
    EXPECT(kin::category().default_error_condition(KIN_E_STALE).category() == kin::category());
    EXPECT(kin::category().message(12345) == "no status of kin");
}

/* Which function it was, once; the system's own code for its own errors. */
static void test_message()
{
    kin::error plain(KIN_E_SIZE, "kin::thing"), told(KIN_E_SIZE, "kin_thing", "kin_thing: too long");
    EXPECT(plain.what() == std::string("kin::thing: ") + kin_status_text(KIN_E_SIZE));
    EXPECT(told.what() == std::string("kin_thing: too long"));
    EXPECT(kin::error(KIN_E_OS, "kin_alloc").os_error() == kin_last_os_error());
    EXPECT(plain.os_error() == 0);
    kin::error copy = plain;
    EXPECT(copy.what() == plain.what());
}

template <class Duration> static int64_t as_timeout(Duration duration)
{
    return kin::timeout(duration).nanoseconds();
}

static void test_timeout()
{
    using double_seconds = std::chrono::duration<double>;
    EXPECT(as_timeout(5ms) == 5000000 && as_timeout(0s) == KIN_NOW && as_timeout(-5s) == KIN_NOW);
    EXPECT(as_timeout(double_seconds(0.5)) == 500000000);
    EXPECT(as_timeout(double_seconds(std::numeric_limits<double>::quiet_NaN())) == KIN_NOW);
    EXPECT(as_timeout(double_seconds(std::numeric_limits<double>::infinity())) == KIN_FOREVER);
    EXPECT(as_timeout(std::chrono::hours::max()) == KIN_FOREVER);
    EXPECT(as_timeout(std::chrono::nanoseconds::max()) == KIN_FOREVER);
    EXPECT(as_timeout(std::chrono::hours::min()) == KIN_NOW);
    EXPECT((as_timeout(std::chrono::duration<int64_t, std::pico>(1)) == 1));
    EXPECT(as_timeout(std::chrono::steady_clock::now() - 1s) == KIN_NOW);
    int64_t soon = as_timeout(std::chrono::system_clock::now() + 100s);
    EXPECT(soon > KIN_SECONDS(50) && soon <= KIN_SECONDS(101));
    EXPECT(kin::now.nanoseconds() == KIN_NOW && kin::forever.nanoseconds() == KIN_FOREVER);
    static_assert(kin::timeout(1s).nanoseconds() == 1000000000);
}

/* The macros of the C headers, as constants of C++. */
static void test_c_constants()
{
    static_assert(KIN_MS(5) == 5000000 && KIN_SECONDS(0.5) == 500000000 && KIN_US(INT64_C(7)) == 7000);
    static_assert(KIN_SECONDS(1e10) == KIN_FOREVER && KIN_SECONDS(-1e10) == INT64_MIN);
    static_assert(KIN_NO_HANDLE == -1 && KIN_BLOB_NO_TARGET == 0);
}

/* ---- families and memory ---- */

static void test_family()
{
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    options.reserve = 16 << 20;
    kin::family first(&options), second(std::move(first));
    EXPECT(!first.get() && second.inspect().members == 1 && second.inspect().reserve == 16 << 20);
    {
        kin::lock lock(second);
        EXPECT(kin::family_of(lock.object()).get() == second.get());
        EXPECT_ERROR(KIN_E_NOT_SHARED, kin::family_of(&options));
    }
    kin_family *third = second.get();
    first = std::move(second);
    EXPECT(first.get() == third && first.reap() == 0);
    EXPECT(kin::default_family().inspect().members == 1);
    EXPECT(kin::family_ref().inspect().members == 1);
}

static void test_named_family()
{
    std::string name = "kin-test-cpp-" + std::to_string(kin_now());
    EXPECT_ERROR(KIN_E_NOT_FOUND, kin::family::open(name, KIN_FAMILY_JOIN));
    kin::family made = kin::family::open(name, KIN_FAMILY_CREATE);
    kin::family again = kin::family::open(name);
    EXPECT(made.get() == again.get());
    EXPECT_ERROR(KIN_E_EXISTS, kin::family::open_to_read(name)); /* this process is a member */
    kin::unlink_family(name);
    EXPECT_ERROR(KIN_E_NOT_FOUND, kin::family::open_to_read(name + "-other"));
    EXPECT(make_error_code(KIN_E_READ_ONLY) == std::errc::operation_not_permitted);
    EXPECT_ERROR(KIN_E_NOT_FOUND, kin::unlink_family(name));
    kin_family_options options = KIN_FAMILY_OPTIONS_INIT;
    EXPECT_ERROR(KIN_E_EXISTS, kin::configure_default_family(options));
}

/* An object that was moved from is empty; of two that change hands each is destroyed once. */
static void test_ownership()
{
    uint64_t before = count_blocks();
    kin::lock first, second;
    kin_lock *held = first.object();
    second = std::move(first);
    EXPECT(count_blocks() == before + 1 && second.object() == held && !first);
    kin::lock third(std::move(second));
    kin::lock_ref borrowed = third;
    EXPECT(borrowed.object() == held && !second);
    EXPECT(third.detach() == held && !third && borrowed.inspect().owner_pid == 0);
    EXPECT(kin_lock_destroy(held) == KIN_OK && count_blocks() == before);
}

struct node {
    int value;
    int *ended;
    explicit node(int start, int *count) : value(start), ended(count)
    {
        if (start < 0) {
            throw std::invalid_argument("negative");
        }
    }
    void fini()
    {
        ++*ended;
    }
};

static void test_allocate()
{
    int ended = 0;
    {
        kin::unique<node> one = kin::allocate<node>(5, &ended);
        kin::unique<node> two = kin::allocate_in<node>(kin::default_family(), 6, &ended);
        EXPECT(one->value == 5 && two->value == 6);
    }
    EXPECT(ended == 2);
    uint64_t before = count_blocks();
    EXPECT_THROWS(std::invalid_argument, kin::allocate<node>(-1, &ended));
    EXPECT(ended == 2 && count_blocks() == before);
}

static void test_buffer()
{
    kin::buffer<int> numbers(100), moved(std::move(numbers));
    int sum = 0;
    for (int number : moved) {
        sum += number;
    }
    moved[99] = 5;
    EXPECT(sum == 0 && moved.end()[-1] == 5 && moved.size() == 100 && numbers.size() == 0 && !numbers.data());
    EXPECT_ERROR(KIN_E_ARGUMENT, kin::buffer<int>(0));
    EXPECT_ERROR(KIN_E_TOO_BIG, kin::buffer<int>(SIZE_MAX / 2));
}

static void test_references()
{
    kin::counter hits(3);
    kin_ref reference = kin::make_ref(hits);
    EXPECT(kin::resolve<kin::counter_ref>(reference).load() == 3);
    EXPECT_ERROR(KIN_E_TYPE, kin::resolve<kin::lock_ref>(reference));
    kin::name_set("hits", hits);
    EXPECT(kin::name_get<kin::counter_ref>("hits").object() == hits.object());
    EXPECT_ERROR(KIN_E_EXISTS, kin::name_set("hits", hits));
    kin::name_remove("hits");
    EXPECT_ERROR(KIN_E_NOT_FOUND, kin::name_get<kin::counter_ref>("hits"));
    hits = kin::counter();
    EXPECT_ERROR(KIN_E_STALE, kin::resolve<kin::counter_ref>(reference));
}

struct register_of_till {
    kin_lock lock;
    int opened;
    register_of_till() noexcept : opened(1)
    {
        kin::lock_ref(lock).init();
    }
};

/* The second asks for what the first has created, and gets that. */
template <class Find> static void check_same(Find find)
{
    auto first = find(), second = find();
    EXPECT(first.object() && first.object() == second.object());
}

static void test_named()
{
    kin::family shop;
    check_same([&] { return kin::named_lock(shop, "lock", KIN_LOCK_RECURSIVE); });
    check_same([&] { return kin::named_rwlock(shop, "rwlock"); });
    check_same([&] { return kin::named_semaphore(shop, "semaphore", 3); });
    check_same([&] { return kin::named_semaphore_leased(shop, "leased", 3); });
    check_same([&] { return kin::named_counter(shop, "counter", 5); });
    check_same([&] { return kin::named_event(shop, "event"); });
    check_same([&] { return kin::named_condition(shop, "condition"); });
    check_same([&] { return kin::named_barrier(shop, "barrier", 2); });
    check_same([&] { return kin::named_queue<int>(shop, "queue"); });
    check_same([&] { return kin::named_byte_queue(shop, "byte queue"); });
    check_same([&] { return kin::named_value<int>(shop, "value"); });
    check_same([&] { return kin::named_array<double>(shop, "array", 5); });
    check_same([&] { return kin::named_dict<int, int>(shop, "dict"); });
    check_same([&] { return kin::named_list<int>(shop, "list"); });
    EXPECT(kin::named_counter(shop, "counter", 6).load() == 5 &&
           kin::named_array<double>(shop, "array", 6).size() == 5);
    EXPECT_ERROR(KIN_E_TYPE, kin::named_event(shop, "lock"));

    auto *till = kin::named_memory<register_of_till>(shop, "till");
    till->opened++;
    EXPECT(kin::named_memory<register_of_till>(shop, "till") == till && till->opened == 2);
    EXPECT(kin::lock_ref(till->lock).try_lock());
    EXPECT_ERROR(KIN_E_SIZE, kin::named_memory<int>(shop, "till"));
}

int main()
{
    const CMUnitTest tests[] = {
        cpp_test(test_error),       cpp_test(test_category), cpp_test(test_message),      cpp_test(test_timeout),
        cpp_test(test_c_constants), cpp_test(test_family),   cpp_test(test_named_family), cpp_test(test_ownership),
        cpp_test(test_allocate),    cpp_test(test_buffer),   cpp_test(test_references),   cpp_test(test_named),
    };
    kin::child_main();
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
