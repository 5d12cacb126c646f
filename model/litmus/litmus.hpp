// litmus.hpp: tests of memory orders, for relacy, which explores the executions that the memory model of C11 allows.
// docs/memory-orders.md says which row of its tables each test is about. model/litmus/run builds and runs them.
//
// Each access of a test has a name, the order that the code uses, and the weakest one with which the test's argument
// holds, if that is another: at("name", has, needs). A test has to hold with the orders of the code, and with all the
// needed ones at the same time; with each needed order alone one step weaker it has to fail. So an order that the table
// calls stronger than needed was shown to be that, for this argument: another test may need more of the same access.
//
// What relacy does not show:
//
// - It runs the accesses of a thread in their order. So no store is seen before a load that precedes it (load
//   buffering), and stores of several threads to a variable take effect in the order in which they ran.
// - An execution is also the order of all seq_cst accesses. C11 allows others. Where that hides an error, the test uses
//   the weaker orders that its argument needs, with which relacy shows it.
// - A seq_cst fence orders only against other fences, not against seq_cst accesses of other threads, as C11 has it.
//   as_fence below stands in for that.
// - relacy's compare_exchange fails only by the newest value. cas below may fail by an older one, as C11 allows.
// - A full search offers each load the newest value and the one before it. So a variable changes twice at most. A search
//   at random, which follows, offers one more.
#ifndef LITMUS_HPP
#define LITMUS_HPP

#include <relacy/relacy.hpp>
#undef new
#undef delete

#include <cstring>
#include <new>
#include <vector>

const rl::memory_order relaxed = rl::mo_relaxed, acquire = rl::mo_acquire, release = rl::mo_release,
                       acq_rel = rl::mo_acq_rel, seq_cst = rl::mo_seq_cst;

// ---- accesses ----

enum kind { LOAD, STORE, CHANGE, FENCE };

struct use {
    const char *name;
    rl::memory_order has, needs;
};

inline use at(const char *name, rl::memory_order has, rl::memory_order needs)
{
    return {name, has, needs};
}

inline use at(const char *name, rl::memory_order has)
{
    return {name, has, has};
}

struct known {
    kind what;
    use of;
};

const unsigned MOST_ACCESSES = 16;

// What the present exploration is about. Nothing here allocates: relacy takes all memory as the test's.
struct exploration {
    bool as_needed;
    const char *weakened; // the name of an access; NULL: none
    rl::memory_order weaker;
    known seen[MOST_ACCESSES];
    unsigned count;
};

inline exploration &now()
{
    static exploration it;
    return it;
}

inline rl::memory_order order_of(kind what, const use &of)
{
    exploration &it = now();
    unsigned i = 0;
    while (i < it.count && strcmp(it.seen[i].of.name, of.name) != 0) {
        i++;
    }
    if (i == it.count) {
        RL_VERIFY(it.count < MOST_ACCESSES);
        it.seen[it.count++] = {what, of};
    }
    if (it.weakened && strcmp(it.weakened, of.name) == 0) {
        return it.weaker;
    }
    return it.as_needed ? of.needs : of.has;
}

// The orders one step below: of a fence, relaxed is none at all.
inline std::vector<rl::memory_order> below(kind what, rl::memory_order order)
{
    if (order == relaxed) {
        return {};
    }
    if (order == acquire || order == release) {
        return {relaxed};
    }
    if (order == acq_rel) {
        return {acquire, release};
    }
    return {what == LOAD ? acquire : what == STORE ? release : acq_rel};
}

// ---- memory ----

class shared
{ // an atomic variable; 0 at first
    rl::atomic<int> it;

  public:
    explicit shared(int value = 0) : it(value)
    {
    }
    int load(use a)
    {
        return it($).load(order_of(LOAD, a));
    }
    void store(int value, use a)
    {
        it($).store(value, order_of(STORE, a));
    }
    int exchange(int value, use a)
    {
        return it($).exchange(value, order_of(CHANGE, a));
    }
    int add(int value, use a)
    {
        return it($).fetch_add(value, order_of(CHANGE, a));
    }
    int set(int bits, use a)
    {
        return it($).fetch_or(bits, order_of(CHANGE, a));
    }
    int clear(int bits, use a)
    {
        return it($).fetch_and(~bits, order_of(CHANGE, a));
    }
    bool cas(int from, int to, use a)
    {
        rl::memory_order order = order_of(CHANGE, a);
        rl::memory_order look = order == acq_rel ? acquire : order == release ? relaxed : order;
        return it($).load(look) == from && it($).compare_exchange_strong(from, to, order);
    }
    int at_last() // after all threads have ended
    {
        return it($).load(relaxed);
    }
};

class plain
{ // a variable that is not atomic: a race is an error
    rl::var<int> it;

  public:
    explicit plain(int value = 0) : it(value)
    {
    }
    int get()
    {
        return it($);
    }
    void set(int value)
    {
        it($) = value;
    }
};

inline void fence(use a)
{
    rl::memory_order order = order_of(FENCE, a);
    if (order != relaxed) {
        rl::atomic_thread_fence(order, $);
    }
}

// Two accesses of a thread, of which the first has happened: as long as both are seq_cst, a seq_cst fence of another
// thread comes before the one, after the other, or between them.
inline void as_fence(use first, use second)
{
    if (order_of(CHANGE, first) == seq_cst && order_of(LOAD, second) == seq_cst) {
        rl::atomic_thread_fence(seq_cst, $);
    }
}

inline void must(bool condition)
{
    RL_ASSERT(condition);
}

// ---- values that tests of several subjects use ----

enum { IDLE, WAIT, WOKEN };   // phases of a wait slot
enum { FREE, CLAIMED, LIVE }; // tags of a block

// ---- tests ----

struct litmus {
    virtual void thread(unsigned index) = 0;
    virtual void after()
    {
    }
    virtual ~litmus()
    {
    }
};

typedef litmus *(*maker)(void *place);
const size_t ROOM = 2048;

inline maker &made_by()
{
    static maker it;
    return it;
}

template <unsigned threads> struct suite : rl::test_suite<suite<threads>, threads> { // relacy's outside of any test
    alignas(64) char place[ROOM];
    litmus *it;
    suite() : it(made_by()(place))
    {
    }
    ~suite()
    {
        it->~litmus();
    }
    void thread(unsigned index)
    {
        it->thread(index);
    }
    void after()
    {
        it->after();
    }
};

struct test {
    const char *name;
    unsigned threads;
    maker make;
};

inline std::vector<test> &tests()
{
    static std::vector<test> all;
    return all;
}

template <typename of> litmus *make(void *place)
{
    static_assert(sizeof(of) <= ROOM, "there is room for the test");
    return new (place) of;
}

struct enlist {
    enlist(const char *name, unsigned threads, maker make)
    {
        tests().push_back({name, threads, make});
    }
};

#define TEST(name, threads)                                                                                            \
    struct name;                                                                                                       \
    static enlist enlist_##name(#name, threads, make<name>);                                                           \
    struct name : litmus

#endif
