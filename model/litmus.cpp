// litmus.cpp: the facts on which docs/memory-orders.md rests, for relacy, which explores all executions that the memory
// model of C11 allows. Each test is run with the orders of the code, and with a weaker one (WEAK), which must fail.
// model/litmus builds and runs it.
#include <relacy/relacy.hpp>

#ifdef WEAK
#define STRONG(order, weaker) rl::weaker
#else
#define STRONG(order, weaker) rl::order
#endif

// A changed word, a sleeper: one of the two sees the other's store.
struct sleeper : rl::test_suite<sleeper, 2> {
    rl::atomic<int> word, state;
    int saw[2];
    void before()
    {
        word($) = 0;
        state($) = 0;
    }
    void thread(unsigned i)
    {
        rl::atomic<int> &mine = i == 0 ? state : word, &other = i == 0 ? word : state;
        mine($).store(1, STRONG(mo_seq_cst, mo_release));
        saw[i] = other($).load(STRONG(mo_seq_cst, mo_acquire));
    }
    void after()
    {
        RL_ASSERT(saw[0] || saw[1]);
    }
};

// A queue's tail: the record is written before it.
struct tail : rl::test_suite<tail, 2> {
    rl::atomic<int> mark;
    rl::var<int> record;
    void before()
    {
        mark($) = 0;
    }
    void thread(unsigned i)
    {
        if (i == 0) {
            record($) = 1;
            mark($).store(1, STRONG(mo_release, mo_relaxed));
        } else if (mark($).load(rl::mo_acquire) == 1) {
            RL_ASSERT(record($) == 1);
        }
    }
};

// A lock's word: the next owner sees what the last one wrote, also if another thread has set CONTENDED meanwhile.
struct hand_over : rl::test_suite<hand_over, 3> {
    rl::atomic<int> word;
    rl::var<int> data;
    void before()
    {
        word($) = 1;
        data($) = 0;
    }
    void thread(unsigned i)
    {
        if (i == 0) {
            data($) = 1;
            word($).exchange(0, STRONG(mo_seq_cst, mo_relaxed));
        } else if (i == 1) {
            word($).fetch_or(2, rl::mo_relaxed); /* continues the release sequence */
        } else if (!(word($).load(rl::mo_acquire) & 1)) {
            RL_ASSERT(data($) == 1);
        }
    }
};

template <class test> bool run()
{
    rl::test_params how;
    how.search_type = rl::sched_full;
    how.iteration_count = 1000000;
    return rl::simulate<test>(how);
}

int main(int count, char **arguments)
{
    int which = count > 1 ? arguments[1][0] : 0;
    return !(which == 's' ? run<sleeper>() : which == 't' ? run<tail>() : run<hand_over>());
}
