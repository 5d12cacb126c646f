/* primes.cpp: a pool of workers in C++: a map over numbers in shared memory, and an exception that travels.
 *
 * What to look for: KIN_TASK defines a function that workers run. kin::buffer is an array in shared memory, so that map
 * copies nothing. An exception in a task does not end the worker: the waiting call throws it again, as
 * kin::task_error, with its text.
 */
#include <kin/kin.hpp>
#include <cstdint>
#include <iostream>
#include <numeric>
#include <stdexcept>

KIN_TASK(is_prime, std::uint32_t, std::uint8_t) /* its input is called in */
{
    if (in == 0) {
        throw std::domain_error("nobody asks that of 0");
    }
    for (std::uint32_t divisor = 2; divisor * divisor <= in; divisor++) {
        if (in % divisor == 0) {
            return 0;
        }
    }
    return in > 1;
}

int main()
{
    kin::child_main(); /* a spawned worker does its tasks in here */
    kin::pool pool;    /* as many workers as processors */
    kin::buffer<std::uint32_t> numbers(100000);
    kin::buffer<std::uint8_t> primes(numbers.size());
    std::iota(numbers.begin(), numbers.end(), 1u);
    pool.map(numbers, primes, is_prime);
    int count = std::accumulate(primes.begin(), primes.end(), 0);
    std::cout << count << " primes below 100001\n";

    kin::future<std::uint8_t> one = pool.submit(is_prime, 1000003u);
    std::cout << "1000003: " << (one.get() ? "prime\n" : "not prime\n");
    try {
        pool.submit(is_prime, 0u).get();
    } catch (const kin::task_error &failed) {
        std::cout << failed.what() << '\n';
        return count == 9592 ? 0 : 1;
    }
    return 1;
}
