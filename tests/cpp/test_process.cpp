/* Children with arguments of all types, what becomes of their exceptions, pipes, programs, waiting, managers. */
#include "cpp/support.hpp"

#include <chrono>
#include <mutex>
#include <string>
#include <vector>

using namespace std::chrono_literals;

/* ---- arguments ---- */

struct point {
    int x, y;
};

KIN_CHILD(check_arguments)
{
    EXPECT(args.get<std::string>("text") == "a text" && args.get<std::string_view>("literal") == "literal");
    EXPECT(args.get<point>("point").y == 2 && args.get<double>("half") == 0.5);
    EXPECT(args.get<point *>("memory")->x == 3 && args.get<int *>("numbers")[1] == 4);
    EXPECT(args.get<kin::counter_ref>("counter").load() == 5);
    EXPECT(args.family().get() == kin::family_of(args.get<point *>("memory")).get());
    EXPECT_ERROR(KIN_E_NOT_FOUND, args.get<int>("nothing"));
    EXPECT_ERROR(KIN_E_SIZE, args.get<int>("point"));
    EXPECT_ERROR(KIN_E_TYPE, args.get<std::string>("counter"));
    EXPECT_ERROR(KIN_E_TYPE, args.get<kin::lock_ref>("counter"));
    EXPECT_ERROR(KIN_E_HANDLE, args.get_handle("file", KIN_HANDLE_SOCKET));
    char text[8] = "";
    kin_handle file = args.get_handle("file", KIN_HANDLE_FILE);
    EXPECT(read_handle(file, text, sizeof text) == 4 && std::string(text) == "file");
    close_handle(file);
    return 0;
}

static void test_arguments()
{
    kin::unique<point> memory = kin::allocate<point>();
    kin::buffer<int> numbers(2);
    kin::counter counter(5);
    intptr_t file = open_file_with("file");
    *memory = {3, 0};
    numbers[1] = 4;
    kin::args args;
    args.add("text", std::string("a text")).add("literal", "literal").add("point", point{1, 2}).add("half", 0.5);
    args.add("memory", memory).add("numbers", numbers).add("counter", counter).add_handle("file", file);
    EXPECT_ERROR(KIN_E_EXISTS, args.add("half", 1));
    run_child(check_arguments, args);
    close_handle(file);
}

/* ---- ends ---- */

KIN_CHILD(return_three)
{
    return 3;
}

/* Its destructors run, so the lock is not left to the next owner as a dead one's. */
KIN_CHILD(throw_with_lock)
{
    auto lock = args.get<kin::lock_ref>("lock");
    std::lock_guard guard(lock);
    throw std::runtime_error("on purpose, in a test");
}

KIN_CHILD(throw_a_number)
{
    throw 5;
}

KIN_CHILD(sleep_long)
{
    args.get<kin::event_ref>("never").wait_for(1h);
    return 0;
}

static void test_ends()
{
    kin::process three(return_three);
    EXPECT(three.name() == "return_three" && three.pid() != 0);
    kin::exit_status how = three.join();
    EXPECT(how.how == KIN_END_RETURNED && how.code == 3 && !how.succeeded() && how.text() == "returned 3");
    EXPECT(!three.alive());

    kin::event never;
    kin::args args;
    args.add("never", never);
    kin::process sleeper(sleep_long, args);
    EXPECT(sleeper.alive() && !sleeper.try_join() && !sleeper.try_join(1ms));
    kin::process moved(std::move(sleeper));
    EXPECT(moved.stop(0s, 60s).how == KIN_END_KILLED);
    EXPECT_ERROR(KIN_E_ENTRY, kin::process("no such entry"));
}

static void test_entry_throws()
{
    kin::lock lock;
    kin::args args;
    args.add("lock", lock);
    kin::process child(throw_with_lock, args), other(throw_a_number);
    kin::exit_status how = child.join();
    EXPECT(how.how == KIN_END_RETURNED && how.code == kin::exit_exception);
    EXPECT(other.join().code == kin::exit_exception);
    std::lock_guard guard(lock);
    EXPECT(!lock.inspect().inconsistent);
}

/* ---- pipes ---- */

KIN_CHILD(echo)
{
    auto parent = args.get<kin::pipe>("parent");
    try {
        for (;;) {
            parent.send(parent.recv() + "!");
        }
    } catch (const kin::error &error) {
        return error.status() == KIN_E_CLOSED ? 0 : 1;
    }
}

static void test_pipe()
{
    auto [ours, theirs] = kin::pipe::create();
    kin::args args;
    args.add("parent", theirs);
    kin::process child(echo, args);
    theirs.close();
    EXPECT(!ours.try_recv() && !ours.try_recv(1ms) && !ours.try_poll());
    std::string longer(300000, 'l');
    ours.send("hello");
    EXPECT(ours.recv() == "hello!");
    ours.send(longer);
    EXPECT(ours.try_poll(60s) && ours.recv() == longer + "!");
    ours.send("");
    EXPECT(*ours.try_recv(60s) == "!");
    ours.close();
    join(child);
}

static void test_pipe_attachments()
{
    auto [left, right] = kin::pipe::create();
    auto [inner, outer] = kin::pipe::create();
    left.send_with("an endpoint", {kin_attachment{inner.get(), KIN_NO_HANDLE, KIN_HANDLE_ANY}});
    inner.close();
    std::vector<kin_attachment> attached;
    EXPECT_ERROR(KIN_E_BUFFER, right.recv());
    EXPECT(right.recv_with(attached) == "an endpoint" && attached.size() == 1);
    kin::pipe received(attached[0].pipe);
    received.send("through it");
    EXPECT(outer.recv() == "through it" && outer.handle() != KIN_NO_HANDLE);
    left.close();
    EXPECT_ERROR(KIN_E_CLOSED, right.recv());
}

/* ---- programs ---- */

static std::string self;

static void test_run()
{
    EXPECT(kin::run({self, "exit:4"}).code == 4);
    kin::run_result printed = kin::run_output({self, "print:some words"});
    EXPECT(printed.exit.code == 0 && printed.output.rfind("some words", 0) == 0 && printed.errors.empty());
    try {
        kin::run_checked({self, "exit:5"});
        unexpected("a program that failed");
    } catch (const kin::run_error &error) {
        EXPECT(error.status() == KIN_E_FAILED && error.result().exit.code == 5);
        EXPECT(error.what() == "kin_run_checked: " + error.result().command + ": exited with code 5");
    }
    EXPECT_ERROR(KIN_E_PROGRAM, kin::run({"/no/such/program"}));
    EXPECT_ERROR(KIN_E_ARGUMENT, kin::run({}));

    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    options.timeout = KIN_MS(300);
    EXPECT_ERROR(KIN_E_TIMED_OUT, kin::run({self, "sleep:"}, &options));
}

static void test_program()
{
    kin_run_options options = KIN_RUN_OPTIONS_INIT;
    options.input = KIN_RUN_PIPE;
    options.output = KIN_RUN_PIPE;
    kin::program copy({self, "copy:"}, &options);
    EXPECT(!copy.try_wait());
    copy.write("one\ntwo\n");
    copy.close_stream(0);
    std::string line, next;
    EXPECT(copy.read_line(line) && copy.read_line(next) && line == "one" && next == "two" && !copy.read_line(line));
    EXPECT(copy.read().empty() && copy.wait().code == 0 && copy.pid() != 0);

    options = KIN_RUN_OPTIONS_INIT;
    options.timeout = KIN_MS(300);
    kin::program sleeper({self, "sleep:"}, &options);
    EXPECT(sleeper.wait().timed_out == 1);

    options.timeout = 0;
    options.flags = KIN_RUN_CHECK;
    options.output = KIN_RUN_COLLECT;
    kin::program failing({self, "exit:6"}, &options);
    EXPECT_ERROR(KIN_E_FAILED, failing.wait());
    EXPECT_ERROR(KIN_E_FAILED, failing.collected());
}

/* ---- waiting for several, and managers ---- */

static void test_wait()
{
    kin::queue<int> numbers;
    kin::event stop;
    kin::process child(return_three);
    std::vector<kin_wait_item> items = {kin::wait_item(numbers), kin::wait_item(stop), kin::wait_item(child)};
    EXPECT(kin::wait(items, 60s) == 1 && !items[0].ready && !items[1].ready && items[2].ready);
    child.join();
    items.pop_back();
    EXPECT(kin::wait(items, 1ms) == 0);
    numbers.put(1);
    stop.set();
    EXPECT(kin::wait(items, 60s, KIN_WAIT_ALL) == 2);
    items = {kin::wait_item(numbers, KIN_WAIT_WRITABLE)};
    EXPECT(kin::wait(items) == 1 && items[0].ready == KIN_WAIT_WRITABLE);
}

static void test_manager()
{
    std::string name = "kin-test-cpp-" + std::to_string(kin_now());
    {
        kin::manager shop(name);
        EXPECT(shop.pid() != 0 && shop.family().inspect().members == 2);
        kin::named_dict<std::string, double>(shop.family(), "prices").set("tea", 3.2);
    }
    {
        kin::manager again(name);
        EXPECT((kin::named_dict<std::string, double>(again.family(), "prices").get("tea") == 3.2));
    }
    EXPECT(kin::manager::stop(name, 60s));
}

/* What this program does when a test runs it: "WHAT:WORDS". */
static int be_program(const std::string &what, const std::string &words)
{
    if (what == "exit") {
        return std::stoi(words);
    }
    if (what == "print") {
        std::printf("%s\n", words.c_str());
    } else if (what == "copy") {
        for (int c; (c = std::getchar()) != EOF;) {
            std::putchar(c);
        }
    } else {
        kin::event().wait_for(1h);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const CMUnitTest tests[] = {
        cpp_test(test_arguments),        cpp_test_with_deaths(test_ends),
        cpp_test(test_entry_throws),     cpp_test(test_pipe),
        cpp_test(test_pipe_attachments), cpp_test(test_run),
        cpp_test(test_program),          cpp_test(test_wait),
        cpp_test(test_manager),
    };
    kin::child_main();
    std::string argument = argc > 1 ? argv[1] : "";
    std::size_t colon = argument.find(':');
    if (colon != argument.npos) {
        return be_program(argument.substr(0, colon), argument.substr(colon + 1));
    }
    self = argv[0];
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
