/* Pools of typed tasks. */
#include "cpp/support.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct request {
    int from, to;
};
struct answer {
    long sum;
    int pid;
};

KIN_TASK(square, int, int)
{
    return in * in;
}

KIN_TASK(add_range, request, answer)
{
    answer out{0, 1};
    for (int i = in.from; i <= in.to; i++) {
        out.sum += i;
    }
    return out;
}

KIN_TASK(number, char, uint64_t)
{
    return item.index;
}

/* Under the lock of the job's arguments; item 13 fails with it held. */
KIN_TASK(count_up, int, void)
{
    auto total = item.args.get<kin::value_ref<int>>("total");
    std::lock_guard guard(total);
    if (in == 13) {
        throw std::runtime_error("13 is bad luck");
    }
    *total += in;
}

KIN_TASK(throw_a_number, int, int)
{
    throw in;
}

KIN_TASK(die, int, int)
{
    if (item.attempt < static_cast<uint32_t>(in)) {
        std::abort();
    }
    return in;
}

KIN_TASK(wait_long, int, int)
{
    item.args.get<kin::event_ref>("never").wait_for(1h);
    return in;
}

KIN_TASK(twice, std::string, std::string)
{
    if (in == "bad") {
        throw std::runtime_error("bad");
    }
    return in + in;
}

KIN_TASK(length, std::string, uint64_t)
{
    return in.size();
}

KIN_TASK(repeat, int, std::string)
{
    return std::string(static_cast<size_t>(in), 'x');
}

/* Two workers for all tests. */
static kin::pool new_pool()
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.workers = 2;
    return kin::pool(&options);
}

static void test_map()
{
    kin::pool pool = new_pool();
    kin::buffer<int> numbers(1000), squares(1000);
    for (int i = 0; i < 1000; i++) {
        numbers[static_cast<size_t>(i)] = i;
    }
    pool.map(numbers, squares, square);
    EXPECT(squares[999] == 999 * 999 && numbers[999] == 999);
    pool.map(numbers, numbers, square);
    EXPECT(numbers[10] == 100 && numbers[999] == squares[999]);

    kin::buffer<char> any(500);
    kin::buffer<uint64_t> indexes(500);
    pool.map(any, indexes, number);
    for (size_t i = 0; i < indexes.size(); i++) {
        EXPECT(indexes[i] == i);
    }

    std::vector<int> elsewhere(1000);
    EXPECT_ERROR(KIN_E_NOT_SHARED, pool.map(numbers, elsewhere, square));
    EXPECT_ERROR(KIN_E_ARGUMENT, pool.map(numbers, kin::buffer<int>(999), square));

    std::fill(numbers.begin(), numbers.end(), 7);
    kin::future<void> later = pool.start(numbers, squares, square);
    later.wait();
    later.get();
    uint64_t items = 0;
    while (auto ended = later.next()) {
        EXPECT(ended->first == items && ended->status == 0);
        items += ended->count;
    }
    EXPECT(items == 1000);
    EXPECT(squares[0] == 49 && squares[999] == 49);
}

static void test_submit()
{
    kin::pool pool = new_pool();
    kin::future<answer> sum = pool.submit(add_range, {1, 100});
    kin::future<int> nine = pool.submit(square, 3);
    EXPECT(sum.get().sum == 5050 && sum.get().pid == 1 && nine.get() == 9 && nine.ready());
    EXPECT(nine.wait_for(0s) && nine.inspect().done == 1);

    kin::event never;
    kin::args args;
    kin_job job = KIN_JOB_INIT;
    args.add("never", never);
    job.args = args.get();
    kin::future<int> sleeper = pool.submit(wait_long, 1, job);
    EXPECT(!sleeper.wait_for(1ms) && !sleeper.ready());
    EXPECT(!sleeper.wait_until(std::chrono::steady_clock::now() + 1ms));
    sleeper.kill();
    EXPECT_ERROR(KIN_E_CANCELLED, sleeper.get());
}

static void test_strings()
{
    kin::pool pool = new_pool();
    const std::string large(3000000, 'a');
    EXPECT(pool.submit(twice, large).get() == large + large);
    EXPECT(pool.submit(twice, std::string()).get().empty());
    EXPECT(pool.submit(length, large).get() == large.size());
    EXPECT(pool.submit(repeat, 100000).get() == std::string(100000, 'x'));

    const std::vector<std::string> in{"", "b", large, "cd"};
    const std::vector<std::string> out = pool.map(in, twice);
    EXPECT(out.size() == 4 && out[0].empty() && out[1] == "bb" && out[2] == large + large && out[3] == "cdcd");
    kin::future<void> later = pool.start(in, twice);
    while (auto ended = later.next(false)) {
        EXPECT(later.output(ended->first) == in[ended->first] + in[ended->first]);
    }
    EXPECT_ERROR(KIN_E_TASK, pool.map({"good", "bad"}, twice));
    EXPECT_ERROR(KIN_E_ARGUMENT, pool.map(std::vector<std::string>(), twice));
    kin::future<int> fixed = pool.submit(square, 1);
    EXPECT(fixed.get() == 1);
    EXPECT_ERROR(KIN_E_NOT_FOUND, fixed.output());
}

KIN_CHILD(external_worker)
{
    return kin::work(args.get<kin_ref>("pool")) ? 0 : 1;
}

static void test_external()
{
    kin_pool_options options = KIN_POOL_OPTIONS_INIT;
    options.external = 1;
    kin::pool pool(&options);
    kin::future<int> nine = pool.submit(square, 3);
    EXPECT(!nine.wait_for(1ms));
    EXPECT(kin::work(pool.ref(), 1) && nine.get() == 9);
    EXPECT(!kin::work(pool.ref(), 0, 1ms));
    kin::args args;
    args.add("pool", pool.ref());
    kin::process worker(external_worker, args);
    EXPECT(pool.submit(square, 4).get() == 16);
    pool.close();
    EXPECT(worker.join().code == 0);
    EXPECT(kin::work(pool.ref()));
    EXPECT_ERROR(KIN_E_UNSUPPORTED, new_pool().ref());
}

/* What a task throws is its message; the lock that it held is not left locked. */
static void test_task_throws()
{
    kin::pool pool = new_pool();
    kin::value<int> total;
    kin::buffer<int> numbers(20);
    kin::args args;
    args.add("total", total);
    kin_job job = KIN_JOB_INIT;
    job.args = args.get();
    job.chunk = 1;
    for (int i = 0; i < 20; i++) {
        numbers[static_cast<size_t>(i)] = i;
    }
    try {
        pool.map(numbers, count_up, job);
        unexpected("a task that failed");
    } catch (const kin::task_error &error) {
        EXPECT(error.status() == KIN_E_TASK && error.result().task == 13 && error.result().failed == 1);
        EXPECT(error.result().message == std::string("13 is bad luck"));
        EXPECT(error.what() == std::string("kin_pool_map: task 13: 13 is bad luck"));
    }
    EXPECT(total.get() == 19 * 20 / 2 - 13);
    EXPECT_ERROR(KIN_E_TASK, pool.submit(throw_a_number, 1).get());
}

static void test_worker_dies()
{
    kin::pool pool = new_pool();
    kin_job job = KIN_JOB_INIT;
    EXPECT_ERROR(KIN_E_WORKER_DIED, pool.submit(die, 1).get());
    job.retries = 1;
    EXPECT(pool.submit(die, 1, job).get() == 1);

    kin::event never;
    kin::args args;
    args.add("never", never);
    job.args = args.get();
    job.limit = KIN_MS(100);
    job.retries = 0;
    EXPECT_ERROR(KIN_E_WORKER_DIED, pool.submit(wait_long, 1, job).get());
}

static void test_wait_for_many()
{
    kin::pool pool = new_pool();
    kin::event never;
    kin::future<int> first = pool.submit(square, 6), second = pool.submit(square, 7);
    std::vector<kin_wait_item> items = {kin::wait_item(first), kin::wait_item(never), kin::wait_item(second)};
    EXPECT(kin::wait(items, 60s) > 0 && !items[1].ready);
    never.set();
    EXPECT(kin::wait(items, 60s, KIN_WAIT_ALL) == 3);
    EXPECT(first.ready() && first.get() == 36 && second.get() == 49);
}

static void test_end()
{
    kin::pool pool = new_pool();
    pool.resize(1);
    EXPECT(pool.inspect().workers == 1);
    EXPECT_ERROR(KIN_E_BUSY, pool.try_join());
    kin::future<int> last = pool.submit(square, 5);
    pool.close();
    EXPECT_ERROR(KIN_E_CLOSED, pool.submit(square, 5));
    pool.join();
    EXPECT(last.get() == 25);
    kin::pool other(std::move(pool));
    EXPECT(!pool.get());
    pool = new_pool();
    pool.terminate();
    pool.join();
}

int main()
{
    const CMUnitTest tests[] = {
        cpp_test(test_map),           cpp_test(test_strings),
        cpp_test(test_external),      cpp_test_with_deaths(test_submit),
        cpp_test(test_task_throws),   cpp_test_with_deaths(test_worker_dies),
        cpp_test(test_wait_for_many), cpp_test_with_deaths(test_end),
    };
    kin::child_main();
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
