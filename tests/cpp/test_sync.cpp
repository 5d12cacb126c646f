/* The objects that processes wait for, as C++ has them: locks with the standard's guards, semaphores, events,
 * conditions, barriers, counters, values. */
#include "cpp/support.hpp"

#include <chrono>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <vector>

using namespace std::chrono_literals;

/* ---- children ---- */

/* Holds what is to be locked from when `held` is set until `enough` is. */
template <class Lock> int hold(const kin::args_ref &args)
{
    auto held = args.get<kin::event_ref>("held"), enough = args.get<kin::event_ref>("enough");
    auto lock = args.get<Lock>("lock");
    std::lock_guard<Lock> guard(lock);
    held.set();
    enough.wait();
    return 0;
}

KIN_CHILD(hold_lock)
{
    return hold<kin::lock_ref>(args);
}

KIN_CHILD(hold_rwlock)
{
    return hold<kin::rwlock_ref>(args);
}

KIN_CHILD(read_rwlock)
{
    auto held = args.get<kin::event_ref>("held"), enough = args.get<kin::event_ref>("enough");
    auto lock = args.get<kin::rwlock_ref>("lock");
    std::shared_lock guard(lock);
    held.set();
    enough.wait();
    return 0;
}

/* A holder that runs until the end of the scope. */
class holder
{
  public:
    template <class Lock> holder(const kin::child &entry, const Lock &lock) : process_(start(entry, lock))
    {
        held_.wait();
    }
    void kill()
    {
        process_.kill();
        process_.join();
    }
    void stop()
    {
        enough_.set();
        join(process_);
    }

  private:
    template <class Lock> kin::process start(const kin::child &entry, const Lock &lock)
    {
        kin::args args;
        args.add("lock", lock).add("held", held_).add("enough", enough_);
        return kin::process(entry, args);
    }
    kin::event held_, enough_;
    kin::process process_;
};

/* ---- locks ---- */

/* What the standard calls TimedLockable, by its own guards. */
static void test_guards()
{
    kin::lock lock, other;
    {
        std::lock_guard guard(lock);
        EXPECT(lock.inspect().mine);
    }
    {
        std::scoped_lock both(lock, other);
        EXPECT(lock.inspect().mine && other.inspect().mine);
    }
    {
        std::unique_lock guard(lock, std::defer_lock);
        EXPECT(guard.try_lock_for(1ms));
        guard.unlock();
        EXPECT(guard.try_lock_until(std::chrono::steady_clock::now() + 1h));
        guard.unlock();
        EXPECT(guard.try_lock_until(std::chrono::system_clock::now() - 1h));
        guard.unlock();
        EXPECT(guard.try_lock());
    }
    EXPECT(!lock.inspect().mine && !other.inspect().mine);
}

static void test_lock_of_another_process()
{
    kin::lock lock;
    holder child(hold_lock, lock);
    EXPECT(!lock.try_lock());
    auto start = std::chrono::steady_clock::now();
    EXPECT(!lock.try_lock_for(std::chrono::duration<double>(0.03)));
    EXPECT(!lock.try_lock_until(std::chrono::system_clock::now() + 30ms));
    EXPECT(std::chrono::steady_clock::now() - start >= 55ms);
    std::unique_lock guard(lock, 1ms);
    EXPECT(!guard);
    child.stop();
    EXPECT(guard.try_lock());
}

static void test_exception_releases()
{
    kin::lock lock;
    try {
        std::lock_guard guard(lock);
        throw std::runtime_error("on purpose");
    } catch (const std::runtime_error &) {
    }
    EXPECT(lock.inspect().owner_pid == 0);
}

static void test_lock_errors()
{
    kin::lock lock;
    std::unique_lock guard(lock);
    try {
        lock.lock();
        unexpected("it was locked twice");
    } catch (const std::system_error &error) {
        EXPECT(error.code() == std::errc::resource_deadlock_would_occur);
        EXPECT(error.code() == KIN_E_DEADLOCK);
    }
    guard.unlock();
    EXPECT_ERROR(KIN_E_NOT_OWNER, lock.unlock());
    EXPECT_ERROR(KIN_E_ARGUMENT, kin::lock_ref().lock());

    kin::lock recursive({}, KIN_LOCK_RECURSIVE);
    std::lock_guard once(recursive), twice(recursive);
    EXPECT(recursive.inspect().depth == 2);
}

/* poison() releases; the guard around it finds nothing wrong with that. */
static void test_poison_under_guard()
{
    kin::lock lock;
    {
        std::lock_guard guard(lock);
        lock.poison();
    }
    EXPECT_ERROR(KIN_E_POISONED, lock.lock());
    EXPECT_ERROR(KIN_E_POISONED, lock.try_lock());

    kin::rwlock table;
    {
        std::lock_guard guard(table);
        table.poison();
    }
    EXPECT_ERROR(KIN_E_POISONED, table.lock_shared());
}

struct account {
    kin_lock lock;
    long balance;

    account()
    {
        kin::lock_ref(lock).init();
    }
    void fini()
    {
        kin::lock_ref(lock).fini();
    }
};

KIN_CHILD(deposit)
{
    auto *shared = args.get<account *>("account");
    kin::lock_ref lock(shared->lock);
    for (int i = 0; i < 200; i++) {
        std::lock_guard guard(lock);
        shared->balance++;
    }
    return 0;
}

static void test_lock_in_struct()
{
    kin::unique<account> shared = kin::allocate<account>();
    kin::args args;
    args.add("account", shared);
    kin::process one(deposit, args), two(deposit, args);
    join(one);
    join(two);
    EXPECT(shared->balance == 400);
}

/* ---- owner death ---- */

static void test_owner_died_exception()
{
    kin::lock lock;
    holder child(hold_lock, lock);
    child.kill();
    try {
        std::lock_guard guard(lock);
        unexpected("nobody said that the owner died");
    } catch (const kin::owner_died &death) {
        EXPECT(death.code() == std::errc::owner_dead);
        EXPECT(death.holds() && lock.inspect().mine && lock.inspect().inconsistent);
        death.repair();
        EXPECT(!death.holds() && !lock.inspect().mine);
    }
    std::lock_guard guard(lock);
    EXPECT(!lock.inspect().inconsistent);
}

/* An exception that nobody repairs by leaves no lock held: others are told that it is poisoned. */
static void test_owner_died_not_repaired()
{
    kin::lock lock, other;
    holder child(hold_lock, lock);
    child.kill();
    EXPECT_THROWS(std::system_error, std::scoped_lock(other, lock));
    EXPECT(lock.inspect().owner_pid == 0 && lock.inspect().poisoned && other.inspect().owner_pid == 0);
    EXPECT_ERROR(KIN_E_POISONED, lock.try_lock_for(1s));
}

static void test_owner_died_callback()
{
    kin::lock lock;
    holder child(hold_lock, lock);
    child.kill();
    int calls = 0;
    auto repaired = lock.on_owner_died([&] {
        EXPECT(lock.inspect().mine);
        calls++;
    });
    {
        std::unique_lock guard(repaired, 10s);
        EXPECT(guard && calls == 1 && !lock.inspect().inconsistent);
    }
    std::lock_guard guard(repaired);
    EXPECT(calls == 1);
}

static void test_owner_died_callback_throws()
{
    kin::lock lock;
    holder child(hold_lock, lock);
    child.kill();
    auto repaired = lock.on_owner_died([] { throw std::runtime_error("the data is beyond repair"); });
    EXPECT_THROWS(std::runtime_error, repaired.try_lock());
    EXPECT(lock.inspect().owner_pid == 0 && lock.inspect().poisoned);
}

static void test_writer_died()
{
    kin::rwlock table;
    {
        holder child(hold_rwlock, table);
        child.kill();
        int calls = 0;
        auto repaired = table.on_owner_died([&] { calls++; });
        std::shared_lock guard(repaired);
        EXPECT(calls == 1);
    }
    holder child(hold_rwlock, table);
    child.kill();
    try {
        std::lock_guard guard(table);
        unexpected("nobody said that the writer died");
    } catch (const kin::owner_died &death) {
        death.repair();
    }
    EXPECT(table.try_lock());
    table.unlock();
}

/* ---- readers and writers ---- */

static void test_rwlock()
{
    kin::rwlock table;
    {
        holder reader(read_rwlock, table);
        {
            std::shared_lock guard(table, 10s);
            EXPECT(guard.owns_lock());
        }
        EXPECT(!table.try_lock() && !table.try_lock_for(10ms));
        reader.stop();
    }
    holder writer(hold_rwlock, table);
    EXPECT(!table.try_lock_shared() && !table.try_lock_shared_for(10ms));
    EXPECT(!table.try_lock_shared_until(std::chrono::steady_clock::now() + 10ms));
    writer.stop();
    std::unique_lock guard(table, 10s);
    EXPECT(guard.owns_lock());
}

/* ---- what has no owner ---- */

static void test_semaphore()
{
    kin::semaphore slots(2, 3);
    slots.acquire();
    EXPECT(slots.try_acquire() && !slots.try_acquire() && !slots.try_acquire_for(1ms));
    EXPECT(!slots.try_acquire_until(std::chrono::steady_clock::now() + 1ms));
    slots.release(3);
    EXPECT(slots.value() == 3);
    EXPECT_ERROR(KIN_E_OVERFLOW, slots.release());
    slots.acquire(3);
    EXPECT(slots.value() == 0);

    kin::semaphore leases = kin::semaphore::leased(2);
    EXPECT_ERROR(KIN_E_NOT_OWNER, leases.release());
    EXPECT(leases.try_acquire(2));
}

static void test_event()
{
    kin::event ready;
    EXPECT(!ready.is_set() && !ready.wait_for(1ms));
    EXPECT(!ready.wait_until(std::chrono::system_clock::now() + 1ms));
    ready.set();
    ready.wait();
    EXPECT(ready.is_set() && ready.wait_for(0s));
    ready.clear();
    EXPECT(!ready.is_set());
}

struct shop {
    kin_lock lock;
    kin_cond delivered;
    int goods;

    shop()
    {
        kin::lock_ref(lock).init();
        kin::condition_ref(delivered).init();
    }
    void fini()
    {
        kin::condition_ref(delivered).fini();
        kin::lock_ref(lock).fini();
    }
};

KIN_CHILD(deliver)
{
    auto *there = args.get<shop *>("shop");
    kin::lock_ref lock(there->lock);
    kin::condition_ref delivered(there->delivered);
    for (int i = 0; i < 100; i++) {
        std::lock_guard guard(lock);
        there->goods++;
        delivered.notify_one();
    }
    return 0;
}

static void test_condition()
{
    kin::unique<shop> here = kin::allocate<shop>();
    kin::lock_ref lock(here->lock);
    kin::condition_ref delivered(here->delivered);
    kin::args args;
    args.add("shop", here);
    std::unique_lock guard(lock);
    EXPECT(!delivered.wait_for(guard, 1ms));
    EXPECT(!delivered.wait_for(guard, 1ms, [] { return false; }));
    EXPECT(!delivered.wait_until(guard, std::chrono::steady_clock::now() + 1ms));

    kin::process child(deliver, args);
    for (int sold = 0; sold < 100; sold++) {
        delivered.wait(guard, [&] { return here->goods > 0; });
        here->goods--;
    }
    EXPECT(delivered.wait_until(guard, std::chrono::steady_clock::now() + 1h, [&] { return here->goods == 0; }));
    guard.unlock();
    join(child);

    EXPECT_ERROR(KIN_E_NOT_OWNER, delivered.wait(guard));
    guard.lock();
    EXPECT_THROWS(std::runtime_error, delivered.wait(guard, []() -> bool { throw std::runtime_error("in a test"); }));
    EXPECT(guard.owns_lock() && lock.inspect().mine);
}

/* Takes the lock when its parent waits for the condition, and dies, or gives it up. */
KIN_CHILD(die_with_lock)
{
    kin::lock_ref(args.get<shop *>("shop")->lock).lock();
    args.get<kin::event_ref>("held").set();
    args.get<kin::event_ref>("never").wait();
    return 0;
}
KIN_CHILD(poison_lock)
{
    auto *there = args.get<shop *>("shop");
    kin::lock_ref lock(there->lock);
    lock.lock();
    kin::condition_ref(there->delivered).notify_all();
    lock.poison();
    return 0;
}
KIN_CHILD(kill_process)
{
    args.get<kin::event_ref>("held").wait();
    kill_pid(args.get<uint32_t>("pid"));
    kin::condition_ref(args.get<shop *>("shop")->delivered).notify_all();
    return 0;
}

/* One that dies with the lock while this process waits; who kills it wakes this process then. */
template <class Guard> void wait_while_owner_dies(const kin::unique<shop> &here, Guard &guard)
{
    kin::event held, never;
    kin::args args;
    args.add("shop", here).add("held", held).add("never", never);
    kin::process victim(die_with_lock, args);
    args.add("pid", victim.pid());
    kin::process killer(kill_process, args);
    try {
        kin::condition_ref(here->delivered).wait(guard);
    } catch (...) {
        victim.join();
        join(killer);
        throw;
    }
    victim.join();
    join(killer);
}

static void test_owner_died_in_wait()
{
    kin::unique<shop> here = kin::allocate<shop>();
    kin::lock_ref lock(here->lock);
    {
        std::unique_lock guard(lock);
        try {
            wait_while_owner_dies(here, guard);
            unexpected("nobody said that the owner died");
        } catch (const kin::owner_died &death) {
            EXPECT(!death.holds() && guard.owns_lock() && lock.inspect().mine && lock.inspect().inconsistent);
            death.repair();
            EXPECT(lock.inspect().mine && !lock.inspect().inconsistent);
        }
    }
    int calls = 0;
    auto repaired = lock.on_owner_died([&] { calls++; });
    {
        std::unique_lock guard(repaired);
        wait_while_owner_dies(here, guard);
        EXPECT(calls == 1 && guard.owns_lock() && !lock.inspect().inconsistent);
    }
    EXPECT(lock.inspect().owner_pid == 0);
}

/* After KIN_E_POISONED nobody holds the lock: the guard must not release it. */
static void test_poisoned_in_wait()
{
    kin::unique<shop> here = kin::allocate<shop>();
    kin::lock_ref lock(here->lock);
    kin::args args;
    args.add("shop", here);
    std::unique_lock guard(lock);
    kin::process child(poison_lock, args);
    EXPECT_ERROR(KIN_E_POISONED, kin::condition_ref(here->delivered).wait(guard));
    EXPECT(!guard.owns_lock() && guard.mutex() == nullptr);
    join(child);
}

KIN_CHILD(arrive)
{
    auto barrier = args.get<kin::barrier_ref>("barrier");
    auto rounds = args.get<kin::counter_ref>("rounds");
    for (int i = 0; i < 20; i++) {
        barrier.arrive_and_wait([&] { ++rounds; });
    }
    EXPECT_ERROR(KIN_E_BROKEN, barrier.arrive_and_wait());
    return 0;
}

static void test_barrier()
{
    kin::barrier barrier(2);
    kin::counter rounds;
    kin::args args;
    args.add("barrier", barrier).add("rounds", rounds);
    EXPECT(!barrier.try_arrive_and_wait(1ms) && barrier.inspect().broken);
    barrier.reset();
    kin::process child(arrive, args);
    for (int i = 0; i < 20; i++) {
        EXPECT(barrier.arrive_and_wait([&] { ++rounds; }) < 2);
    }
    EXPECT(rounds.load() == 20);

    /* The last one's action throws: it gets that, the others that the barrier is broken. */
    while (barrier.inspect().waiting == 0) {
        kin::event().wait_for(1ms);
    }
    EXPECT_THROWS(std::runtime_error, barrier.arrive_and_wait([] { throw std::runtime_error("in a test"); }));
    join(child);
    EXPECT(barrier.inspect().broken);
}

static void test_counter()
{
    kin::counter hits(5);
    EXPECT(++hits == 6 && --hits == 5 && (hits += 10) == 15 && (hits -= 5) == 10);
    EXPECT(hits.fetch_add(-3) == 10 && hits.load() == 7);
    int64_t expected = 1;
    EXPECT(!hits.compare_exchange_strong(expected, 9) && expected == 7);
    EXPECT(hits.compare_exchange_strong(expected, 9) && hits.load() == 9);
    hits.store(std::numeric_limits<int64_t>::min());
    EXPECT(hits.fetch_add(-1) == std::numeric_limits<int64_t>::min());
    EXPECT((hits -= std::numeric_limits<int64_t>::min()) == -1);
}

/* ---- values ---- */

KIN_CHILD(add_up)
{
    auto total = args.get<kin::value_ref<int>>("total");
    auto squares = args.get<kin::array_ref<double>>("squares");
    for (int i = 0; i < 100; i++) {
        std::lock_guard guard(total);
        *total += 1;
    }
    std::lock_guard guard(squares);
    for (std::size_t i = 0; i < squares.size(); i++) {
        squares[i] = static_cast<double>(i * i);
    }
    return 0;
}

static void test_values()
{
    kin::value<int> total(7);
    kin::array<double> squares(5);
    kin::args args;
    args.add("total", total).add("squares", squares);
    run_child(add_up, args);
    EXPECT(total.get() == 107 && squares.get(3) == 9.0);
    total.set(-1);
    squares.set(4, 0.5);
    EXPECT(*total == -1 && squares[4] == 0.5 && squares.end() - squares.begin() == 5);
    double some[2] = {1, 2};
    squares.set(1, 2, some);
    squares.get(2, 2, some);
    EXPECT(some[0] == 2 && some[1] == 9);
    EXPECT_ERROR(KIN_E_ARGUMENT, squares.get(5));
    {
        std::lock_guard guard(total);
        EXPECT_ERROR(KIN_E_DEADLOCK, total.get());
    }

    kin::value<uint8_t> unlocked(3, {}, KIN_VALUE_UNLOCKED);
    EXPECT(unlocked.get() == 3);
    EXPECT_ERROR(KIN_E_UNSUPPORTED, unlocked.lock());
    EXPECT_ERROR(KIN_E_SIZE, kin::value_ref<int>(unlocked.object()).get());
}

KIN_CHILD(hold_value)
{
    return hold<kin::value_ref<int>>(args);
}

static void test_value_owner_died()
{
    kin::value<int> total(7);
    {
        holder child(hold_value, total);
        child.kill();
        EXPECT_THROWS(kin::owner_died, total.get());
        EXPECT(total.get() == 7);
    }
    {
        holder child(hold_value, total);
        child.kill();
        total.set(8);
        EXPECT(total.get() == 8);
    }
    holder child(hold_value, total);
    child.kill();
    try {
        total.lock();
        unexpected("nobody said that the owner died");
    } catch (const kin::owner_died &death) {
        death.repair();
    }
    std::lock_guard guard(total);
}

static void test_interrupt()
{
    kin::thread self = kin::thread::current(), nobody;
    kin::semaphore sem(0u);
    kin::lock lock;
    kin::condition condition;
    EXPECT(self == kin::thread::current() && self != nobody && !nobody.interrupt());
    EXPECT(self.interrupt());
    EXPECT_ERROR(KIN_E_INTERRUPTED, sem.acquire());
    EXPECT(self.interrupt());
    EXPECT(!sem.try_acquire()); /* does not wait */
    EXPECT(kin::clear_interrupt() && !kin::clear_interrupt());
    std::unique_lock guard(lock);
    EXPECT(self.interrupt());
    try {
        condition.wait(guard);
        EXPECT(false);
    } catch (const kin::error &error) {
        EXPECT(error.code() == std::errc::interrupted);
    }
    EXPECT(guard.owns_lock() && lock.inspect().mine);
}

#ifdef KIN_POSIX_PLAIN

static void test_watch()
{
    kin::event event;
    EXPECT_ERROR(KIN_E_UNSUPPORTED, kin::watch({kin::wait_item(event)}));
}

#else

static void test_watch()
{
    kin::event event;
    kin::watch made({kin::wait_item(event)});
    kin::watch watch(std::move(made));
    EXPECT(watch.check() == 0 && !handle_is_ready(watch.handle(), 0));
    event.set();
    EXPECT(handle_is_ready(watch.handle(), 20000) && watch.check() == 1 && watch[0].ready);
    event.clear();
    EXPECT(watch.check() == 0 && !handle_is_ready(watch.handle(), 0));
}

#endif

int main()
{
    const CMUnitTest tests[] = {
        cpp_test(test_guards),
        cpp_test(test_lock_of_another_process),
        cpp_test(test_exception_releases),
        cpp_test(test_lock_errors),
        cpp_test(test_poison_under_guard),
        cpp_test(test_lock_in_struct),
        cpp_test_with_deaths(test_owner_died_exception),
        cpp_test_with_deaths(test_owner_died_not_repaired),
        cpp_test_with_deaths(test_owner_died_callback),
        cpp_test_with_deaths(test_owner_died_callback_throws),
        cpp_test_with_deaths(test_writer_died),
        cpp_test(test_rwlock),
        cpp_test(test_semaphore),
        cpp_test(test_event),
        cpp_test(test_condition),
        cpp_test_with_deaths(test_owner_died_in_wait),
        cpp_test(test_poisoned_in_wait),
        cpp_test(test_barrier),
        cpp_test(test_counter),
        cpp_test(test_values),
        cpp_test_with_deaths(test_value_owner_died),
        cpp_test(test_interrupt),
        cpp_test(test_watch),
    };
    kin::child_main();
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
