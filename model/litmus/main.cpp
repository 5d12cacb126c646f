// main.cpp: runs the test that is named, or all; see litmus.hpp.
#include "litmus.hpp"

// One source file, because relacy has variables of its own in each.
#include "container.hpp"
#include "family.hpp"
#include "memory.hpp"
#include "park.hpp"
#include "pool.hpp"
#include "queue.hpp"
#include "sync.hpp"

#include <cstdio>
#include <ostream>
#include <string>

#define MOST 3000000 // executions of a full search; a test that needs more is too large
#define AT_RANDOM 2000

enum verdict { HOLDS, FAILS, BROKEN };

template <typename scheduler, unsigned threads> verdict search(rl::scheduler_type_e type, long most)
{
    std::ostream nowhere(NULL); // relacy writes while all memory is the test's
    rl::test_params how;
    how.search_type = type;
    how.iteration_count = most;
    how.output_stream = how.progress_stream = &nowhere;
    rl::test_result_e result = rl::run_test<suite<threads>, scheduler>(how, nowhere, false);
    if (result == rl::test_result_user_assert_failed || result == rl::test_result_data_race) {
        return FAILS;
    }
    bool complete = type == rl::sched_random || (long)how.stop_iteration < most;
    return result == rl::test_result_success && complete ? HOLDS : BROKEN;
}

template <unsigned threads> verdict explore_with()
{
    verdict full = search<rl::full_search_scheduler<threads>, threads>(rl::sched_full, MOST);
    return full == HOLDS ? search<rl::random_scheduler<threads>, threads>(rl::sched_random, AT_RANDOM) : full;
}

static verdict explore(const test &of, bool as_needed, const char *weakened, rl::memory_order weaker)
{
    now().as_needed = as_needed;
    now().weakened = weakened;
    now().weaker = weaker;
    made_by() = of.make;
    return of.threads == 2 ? explore_with<2>() : explore_with<3>();
}

static const char *name_of(rl::memory_order order)
{
    return order == relaxed ? "relaxed" : rl::format(order);
}

static bool complain(const test &of, const std::string &what)
{
    printf("FAILED  %s: %s\n", of.name, what.c_str());
    return false;
}

// Whether each weakening is caught.
static bool weaken(const test &of, int *caught)
{
    bool all = true;
    for (unsigned i = 0; i < now().count; i++) {
        const known each = now().seen[i];
        for (rl::memory_order weaker : below(each.what, each.of.needs)) {
            verdict is = explore(of, true, each.of.name, weaker);
            all = (is == FAILS || complain(of, std::string(each.of.name) + ", " + name_of(weaker) + ": not caught")) &&
                  all;
            *caught += is == FAILS;
        }
    }
    return all;
}

static bool run(const test &of)
{
    int caught = 0, spare = 0;
    now().count = 0;
    if (explore(of, false, NULL, relaxed) != HOLDS) {
        return complain(of, "does not hold with the orders of the code");
    }
    if (explore(of, true, NULL, relaxed) != HOLDS) {
        return complain(of, "does not hold with the orders that it says it needs");
    }
    for (unsigned i = 0; i < now().count; i++) {
        spare += now().seen[i].of.has != now().seen[i].of.needs;
    }
    if (!weaken(of, &caught)) {
        return false;
    }
    printf("holds   %s; caught: %d; of %u accesses %d have a stronger order than it needs\n", of.name, caught,
           now().count, spare);
    return true;
}

int main(int count, char **arguments)
{
    unsigned of = 0, held = 0;
    for (const test &each : tests()) {
        if (count < 2 || std::string(arguments[1]) == each.name) {
            of++;
            held += run(each);
        }
    }
    printf("%u of %u tests hold\n", held, of);
    return of == 0 || held < of;
}
