/* Queues, dicts and lists of types. */
#include "cpp/support.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;

struct job {
    int number;
    double weight;
};

/* ---- queues ---- */

KIN_CHILD(produce)
{
    auto jobs = args.get<kin::queue_ref<job>>("jobs");
    for (int i = 0; i < 1000; i++) {
        jobs.put({i, i * 0.5});
    }
    jobs.close();
    return 0;
}

static void test_queue()
{
    kin::queue<job> jobs;
    kin::args args;
    args.add("jobs", jobs);
    EXPECT(jobs.empty() && !jobs.try_get() && !jobs.try_get(1ms));
    kin::process child(produce, args);
    int expected = 0;
    for (const job &next : jobs) {
        EXPECT(next.number == expected && next.weight == expected * 0.5);
        expected++;
    }
    EXPECT(expected == 1000);
    join(child);
    EXPECT_ERROR(KIN_E_CLOSED, jobs.get());
    EXPECT_ERROR(KIN_E_CLOSED, jobs.try_get());
    EXPECT_ERROR(KIN_E_CLOSED, jobs.put({0, 0}));
    EXPECT(jobs.inspect().closed && jobs.size() == 0);
}

static void test_full_queue()
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    options.max_messages = 2;
    options.flags = KIN_QUEUE_JOINABLE;
    kin::queue<int> numbers({}, &options);
    numbers.put(1);
    EXPECT(numbers.try_put(7) && numbers.put_over(2) == 1 && numbers.put_over(2) == 1);
    numbers.get();
    EXPECT(numbers.put_over(1) == 0 && numbers.full() && !numbers.try_put(3) && !numbers.try_put(3, 1ms));
    EXPECT(numbers.get() == 2 && *numbers.try_get() == 1);
    EXPECT(!numbers.try_join());
    numbers.task_done();
    numbers.task_done();
    numbers.task_done_for(numbers.getter());
    numbers.join();
    EXPECT_ERROR(KIN_E_STALE, numbers.task_done_for(0));
    EXPECT_ERROR(KIN_E_OVERFLOW, numbers.task_done());
}

static void test_many_messages()
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    options.max_messages = 150;
    kin::queue<int> numbers({}, &options);
    std::vector<int> in(200), out(200);
    for (size_t i = 0; i < in.size(); i++) {
        in[i] = static_cast<int>(i);
    }
    EXPECT(numbers.try_put_many(in.data(), in.size(), 1ms) == 150 && numbers.size() == 150);
    EXPECT(numbers.get_many(out.data(), 10) == 10 && out[9] == 9);
    size_t got = 10;
    for (size_t more; (more = numbers.try_get_many(out.data() + got, out.size() - got)) > 0;) {
        got += more;
    }
    EXPECT(got == 150 && std::equal(out.begin(), out.begin() + 150, in.begin()));
    numbers.put_many(in.data(), 100);
    kin::queue_ref<char> wrong(numbers.object());
    char letters[2];
    EXPECT_ERROR(KIN_E_SIZE, wrong.get_many(letters, 2));
    wrong.put('x');
    EXPECT(numbers.get_many(out.data(), 64) == 64 && numbers.get_many(out.data(), 36) == 36);
    EXPECT_ERROR(KIN_E_SIZE, numbers.get_many(out.data(), 1));
    numbers.close();
    EXPECT_ERROR(KIN_E_CLOSED, numbers.get_many(out.data(), 1));
    EXPECT_ERROR(KIN_E_CLOSED, numbers.put_many(in.data(), 1));
}

/* A queue that another process uses with another type. */
static void test_queue_of_another_type()
{
    kin::queue<int64_t> numbers;
    kin::queue_ref<int32_t> wrong(numbers.object());
    EXPECT(!numbers.front());
    numbers.put(5);
    EXPECT_ERROR(KIN_E_SIZE, wrong.get());
    EXPECT_ERROR(KIN_E_SIZE, wrong.front());
    EXPECT(*numbers.front() == 5 && numbers.size() == 1);
    EXPECT(numbers.get() == 5);
    wrong.put(5);
    EXPECT_ERROR(KIN_E_SIZE, numbers.get());
    EXPECT(numbers.empty());
}

static void test_byte_queue()
{
    kin::byte_queue lines;
    std::string longer(5000, 'x');
    lines.put("one");
    lines.put(longer);
    lines.put("");
    lines.put({longer.data(), 2});
#ifdef __cpp_lib_span
    lines.put(std::as_bytes(std::span(longer)));
    EXPECT(lines.size() == 5);
#endif
    EXPECT(*lines.front() == "one" && lines.get() == "one" && *lines.front() == longer && lines.get() == longer &&
           lines.get().empty() && *lines.try_get() == "xx");
    lines.try_get();
    EXPECT(!lines.try_get());

    {
        kin::reserved_message room = lines.reserve(10);
        std::memcpy(room.data(), "in place", 8);
        room.commit(8);
    }
    {
        kin::reserved_message unused = lines.reserve(10);
    }
    {
        kin::peeked_message peeked = lines.peek();
        EXPECT(peeked.view() == "in place" && !lines.try_peek());
    }
    EXPECT(lines.empty());
    EXPECT_ERROR(KIN_E_TOO_BIG, lines.reserve(size_t(1) << 30));
}

static void test_messages_larger_than_the_ring()
{
    kin_queue_options options = KIN_QUEUE_OPTIONS_INIT;
    options.capacity = 1000;
    options.flags = KIN_QUEUE_LARGE;
    kin::byte_queue lines({}, &options);
    std::string longer(300000, 'x');
    lines.put(longer);
    lines.put("short");
    {
        kin::reserved_message room = lines.reserve(longer.size());
        std::memset(room.data(), 'y', longer.size());
        room.commit(200000);
    }
    EXPECT(lines.get() == longer && lines.get() == "short");
    {
        kin::peeked_message peeked = lines.peek();
        EXPECT(peeked.view() == std::string(200000, 'y'));
    }
    EXPECT(lines.empty());
    lines.put(longer); /* goes with the queue */
}

/* ---- dicts ---- */

KIN_CHILD(sell)
{
    auto sold = args.get<kin::dict_ref<std::string, int64_t>>("sold");
    for (int i = 0; i < 100; i++) {
        sold.add("tea", 1);
        sold.update("tea", [](int64_t &count) { count += 2; });
    }
    return 0;
}

static void test_dict()
{
    kin::dict<std::string, int64_t> sold;
    kin::args args;
    args.add("sold", sold);
    kin::process one(sell, args), two(sell, args);
    join(one);
    join(two);
    EXPECT(sold.get("tea") == 600 && !sold.get("coffee") && sold.contains("tea") && !sold.contains("coffee"));

    EXPECT(sold.set_if_absent("coffee", 3) && !sold.set_if_absent("coffee", 4));
    EXPECT(sold.compare_and_set("coffee", 3, 5) && !sold.compare_and_set("coffee", 3, 6));
    EXPECT(sold.compare_and_set("milk", {}, 1) && sold.compare_and_set("milk", 1, {}) && !sold.contains("milk"));
    sold.set("tea", 7);
    auto all = sold.snapshot();
    std::map<std::string, int64_t> sorted(all.begin(), all.end());
    EXPECT((sorted == std::map<std::string, int64_t>{{"coffee", 5}, {"tea", 7}}));
    sold.update_or_insert("cocoa", [](int64_t &count) { count += 9; });
    sold.update_or_insert("cocoa", [](int64_t &count) { count++; });
    EXPECT(sold.pop("cocoa") == 10 && !sold.contains("cocoa"));
    EXPECT(sold.remove("tea") && !sold.remove("tea") && sold.size() == 1);
    EXPECT_ERROR(KIN_E_ARGUMENT, sold.add(std::string("a\0b", 3), 1));
    EXPECT_ERROR(KIN_E_ARGUMENT, sold.get(""));
    sold.clear();
    EXPECT(sold.size() == 0);
}

/* What a change throws leaves the value as it was, and the dict usable. */
static void test_dict_update_throws()
{
    kin::dict<int, std::string> names;
    names.set(1, "one");
    EXPECT_THROWS(std::runtime_error, names.update(1, [](std::string &name) {
        name = "two";
        throw std::runtime_error("in a test");
    }));
    EXPECT(names.get(1) == "one");
    EXPECT(names.update(
               1, [](std::string &name) { name += "!"; }, 10) &&
           names.get(1) == "one!");
    EXPECT(names.update(1, [](std::string &name) { name.resize(2); }) && names.get(1) == "on");
    EXPECT_ERROR(KIN_E_TOO_BIG, names.update(
                                    1, [](std::string &name) { name.resize(11); }, 10));
    EXPECT(!names.update(2, [](std::string &) {}));
    EXPECT_THROWS(std::runtime_error,
                  names.update_or_insert(2, [](std::string &) { throw std::runtime_error("in a test"); }));
    EXPECT(!names.contains(2));
    names.update_or_insert(
        2, [](std::string &name) { name += "new"; }, 3);
    EXPECT(names.pop(2) == "new" && !names.pop(2));
    names.set(1, "three");
    EXPECT(names.get(1) == "three");
}

static void test_dict_of_strings()
{
    kin::dict<std::string, std::string> texts;
    std::string longer(100000, 'y'), zero("a\0b", 3);
    texts.set("long", longer);
    texts.set(zero, zero);
    texts.set("empty", "");
    EXPECT(texts.get("long") == longer && texts.get(zero) == zero && texts.get("empty") == "");

    kin::dict_ref<std::string, int> wrong(texts.object());
    EXPECT_ERROR(KIN_E_SIZE, wrong.get("long"));
    EXPECT_ERROR(KIN_E_SIZE, wrong.get("empty"));
    EXPECT_ERROR(KIN_E_SIZE, wrong.update("long", [](int &) {}));
    EXPECT_ERROR(KIN_E_SIZE, wrong.snapshot());
    EXPECT(texts.get("long") == longer);
}

KIN_CHILD(change_later)
{
    auto sold = args.get<kin::dict_ref<std::string, int64_t>>("sold");
    auto log = args.get<kin::list_ref<std::string>>("log");
    uint64_t known = log.generation();
    sold.set("tea", 1);
    log.wait(known);
    sold.set("tea", 2);
    return 0;
}

static void test_visits_and_changes()
{
    kin::dict<std::string, int64_t> sold;
    kin::list<std::string> log;
    for (int i = 0; i < 1000; i++) {
        sold.set(std::to_string(i), i);
        log.append(std::to_string(i));
    }
    int64_t sum = 0, items = 0, seen = 0;
    sold.for_each([&](const std::string &key, int64_t count) {
        EXPECT(key == std::to_string(count));
        sum += count;
        sold.remove(key);
    });
    EXPECT(sum == 499500 && sold.size() == 0);
    log.for_each([&](const std::string &item) { EXPECT(item == std::to_string(items++)); });
    log.for_each([&](const std::string &) { return ++seen < 7; });
    EXPECT(items == 1000 && seen == 7);
    EXPECT_THROWS(std::runtime_error, log.for_each([](const std::string &) { throw std::runtime_error("in a test"); }));
    sold.set("a", 1);
    kin::dict_ref<std::string, char> wrong(sold.object());
    EXPECT_ERROR(KIN_E_SIZE, wrong.for_each([](const std::string &, char) {}));

    kin::args args;
    args.add("sold", sold);
    args.add("log", log);
    uint64_t known = sold.generation();
    EXPECT(!sold.try_wait(known) && !sold.try_wait(known, 1ms) && !log.try_wait(log.generation(), 1ms));
    kin::process child(change_later, args);
    sold.wait(known);
    EXPECT(sold.get("tea") == 1 && sold.generation() == known + 1);
    kin_wait_change change = kin::change_of(sold, known), none = kin::change_of(log, log.generation());
    std::vector<kin_wait_item> both = {kin::wait_item(change), kin::wait_item(none)};
    EXPECT(kin::wait(both) == 1 && both[0].ready && !both[1].ready);
    change.generation = sold.generation();
    EXPECT(kin::wait(both, 1ms) == 0);
    log.append("go on");
    EXPECT(sold.try_wait(known + 1, 60s) && sold.get("tea") == 2);
    join(child);
}

static void test_names()
{
    kin::counter hits;
    std::string longest(KIN_NAME_MAX, 'n');
    kin::name_set(longest, hits);
    kin::name_set("hits", hits);
    std::map<std::string, kin_type> found;
    kin::name_for_each([&](const std::string &name, kin_type type, kin_ref reference) {
        EXPECT(kin::resolve<kin::counter_ref>(reference).object() == hits.object());
        found[name] = type;
    });
    EXPECT((found == std::map<std::string, kin_type>{{longest, KIN_TYPE_COUNTER}, {"hits", KIN_TYPE_COUNTER}}));
    kin::name_remove("hits");
    kin::name_remove(longest);
}

/* ---- lists ---- */

KIN_CHILD(write_log)
{
    auto log = args.get<kin::list_ref<std::string>>("log");
    for (int i = 0; i < 50; i++) {
        log.append(std::string(static_cast<size_t>(i * 10), 'z'));
    }
    return 0;
}

static void test_list()
{
    kin::list<std::string> log;
    kin::args args;
    args.add("log", log);
    run_child(write_log, args);
    EXPECT(log.size() == 50 && log.get(0) == "" && log.get(KIN_LIST_LAST)->size() == 490 && !log.get(50));
    log.insert(0, "first");
    log.set(1, "second");
    EXPECT(log.pop() == "first" && log.pop() == "second" && log.pop(KIN_LIST_LAST)->size() == 490);
    EXPECT((log.snapshot(0, 2) == std::vector<std::string>{std::string(10, 'z'), std::string(20, 'z')}));
    EXPECT(log.snapshot().size() == 48 && log.snapshot(47).size() == 1);
    EXPECT_ERROR(KIN_E_NOT_FOUND, log.set(48, ""));
    EXPECT_ERROR(KIN_E_NOT_FOUND, log.insert(49, ""));
    log.clear();
    EXPECT(!log.pop());
}

static void test_list_of_structs()
{
    kin::list<job> jobs;
    jobs.append({1, 0.5});
    EXPECT(jobs.get(0)->weight == 0.5 && jobs.snapshot()[0].number == 1);
    kin::list_ref<char> wrong(jobs.object());
    EXPECT_ERROR(KIN_E_SIZE, wrong.pop());
    EXPECT(jobs.pop()->number == 1);
}

int main()
{
    const CMUnitTest tests[] = {
        cpp_test(test_queue),
        cpp_test(test_full_queue),
        cpp_test(test_many_messages),
        cpp_test(test_queue_of_another_type),
        cpp_test(test_byte_queue),
        cpp_test(test_messages_larger_than_the_ring),
        cpp_test(test_dict),
        cpp_test(test_dict_update_throws),
        cpp_test(test_dict_of_strings),
        cpp_test(test_visits_and_changes),
        cpp_test(test_names),
        cpp_test(test_list),
        cpp_test(test_list_of_structs),
    };
    kin::child_main();
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
