/* counter.cpp: ten children count to 500 under one lock. */
#include <kin/kin.hpp>
#include <iostream>
#include <mutex>
#include <vector>

KIN_CHILD(count)
{
    auto total = args.get<kin::value_ref<int>>("total");
    for (int i = 0; i < 50; i++) {
        std::lock_guard guard(total);
        *total += 1;
    }
    return 0;
}

int main()
{
    kin::child_main(); /* a spawned child runs its entry in here */
    kin::value<int> total;
    kin::args args;
    args.add("total", total);
    std::vector<kin::process> children;
    for (int i = 0; i < 10; i++) {
        children.emplace_back(count, args);
    }
    for (kin::process &child : children) {
        child.join();
    }
    std::cout << total.get() << '\n'; /* 500 */
}
