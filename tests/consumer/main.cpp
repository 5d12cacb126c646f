/* The same in C++: the installed headers are enough for a program that shares memory with its children. */
#include <kin/kin.hpp>

#include <iostream>
#include <mutex>

KIN_CHILD(child)
{
    auto total = args.get<kin::value_ref<int>>("total");
    std::lock_guard guard(total);
    *total += 7;
    return 7;
}

KIN_TASK(twice, int, int)
{
    return 2 * in;
}

int main()
{
    kin::child_main();
    kin::value<int> total;
    kin::args args;
    args.add("total", total);
    kin::process process(child, args);
    int code = process.join().code;
    kin::pool pool;
    int doubled = pool.submit(twice, total.get()).get();
    std::cout << "the child exited with " << code << ", twice its total is " << doubled << '\n';
    return code == 7 && doubled == 14 ? 0 : 1;
}
