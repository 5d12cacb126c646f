// boost.cpp: Boost.Interprocess' mutex, semaphore and message_queue, Boost.Lockfree's rings in shared memory. See
// boost.h.
#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/interprocess/sync/interprocess_mutex.hpp>
#include <boost/interprocess/sync/interprocess_semaphore.hpp>
#include <boost/interprocess/sync/interprocess_sharable_mutex.hpp>
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstring>
#include <new>
#include <sched.h>

extern "C" {
#include "boost.h"
}

namespace ip = boost::interprocess;
namespace lf = boost::lockfree;

// ---- the mutex and the semaphores ----

extern "C" int boost_mutex_create(void *memory)
{
    static_assert(sizeof(ip::interprocess_mutex) <= 512, "fits");
    new (memory) ip::interprocess_mutex;
    return 0;
}

extern "C" int boost_mutex_acquire(void *memory)
{
    static_cast<ip::interprocess_mutex *>(memory)->lock();
    return 0;
}

extern "C" int boost_mutex_release(void *memory)
{
    static_cast<ip::interprocess_mutex *>(memory)->unlock();
    return 0;
}

extern "C" int boost_rwlock_create(void *memory)
{
    static_assert(sizeof(ip::interprocess_sharable_mutex) <= 512, "fits");
    new (memory) ip::interprocess_sharable_mutex;
    return 0;
}

extern "C" int boost_rwlock_acquire(void *memory, int writing)
{
    auto *it = static_cast<ip::interprocess_sharable_mutex *>(memory);
    writing ? it->lock() : it->lock_sharable();
    return 0;
}

extern "C" int boost_rwlock_release(void *memory, int writing)
{
    auto *it = static_cast<ip::interprocess_sharable_mutex *>(memory);
    writing ? it->unlock() : it->unlock_sharable();
    return 0;
}

extern "C" int boost_sems_create(void *memory)
{
    new (memory) ip::interprocess_semaphore(0);
    new (static_cast<char *>(memory) + 128) ip::interprocess_semaphore(0);
    return 0;
}

static ip::interprocess_semaphore *sem_at(void *memory, int which)
{
    void *at = static_cast<char *>(memory) + (which ? 128 : 0);
    return static_cast<ip::interprocess_semaphore *>(at);
}

extern "C" int boost_sems_give(void *memory, int which)
{
    sem_at(memory, which)->post();
    return 0;
}

extern "C" int boost_sems_take(void *memory, int which, int64_t)
{
    sem_at(memory, which)->wait();
    return 0;
}

// ---- the message queue ----

extern "C" int boost_queue_create(void *memory, size_t message)
{
    const char *name = static_cast<const char *>(memory);
    try {
        ip::message_queue::remove(name);
        ip::message_queue queue(ip::create_only, name, message > 1024 ? 64 : 1024, message);
        return 0;
    } catch (...) {
        return -1;
    }
}

extern "C" void boost_queue_destroy(void *memory)
{
    ip::message_queue::remove(static_cast<char *>(memory));
}

extern "C" void *boost_queue_attach(void *memory)
{
    try {
        return new ip::message_queue(ip::open_only, static_cast<char *>(memory));
    } catch (...) {
        return nullptr;
    }
}

extern "C" int boost_queue_put(void *attached, const void *data, size_t size)
{
    try {
        static_cast<ip::message_queue *>(attached)->send(data, size, 0);
        return 0;
    } catch (...) {
        return -1;
    }
}

extern "C" int boost_queue_get(void *attached, void *buffer, size_t size)
{
    size_t got = 0;
    unsigned priority = 0;
    try {
        static_cast<ip::message_queue *>(attached)->receive(buffer, size, got, priority);
        return got == size ? 0 : -1;
    } catch (...) {
        return -1;
    }
}

// ---- the rings ----

// Messages of one size, which Lockfree wants to know when it is compiled.
namespace
{
struct message {
    char bytes[64];
};

using many = lf::queue<message, lf::fixed_sized<true>, lf::capacity<1024>>;
using single = lf::spsc_queue<message, lf::capacity<1024>>;

template <typename Try> int until_done(Try attempt)
{
    for (unsigned tries = 1; !attempt(); tries++) {
        if (tries % 1024 == 0) { // its process may be waiting for this processor
            sched_yield();
        }
    }
    return 0;
}

template <typename Queue> int put(void *memory, const void *data, size_t size)
{
    message it;
    std::memcpy(it.bytes, data, size);
    return until_done([&] { return static_cast<Queue *>(memory)->push(it); });
}

template <typename Queue> int get(void *memory, void *buffer, size_t size)
{
    message it;
    until_done([&] { return static_cast<Queue *>(memory)->pop(it); });
    std::memcpy(buffer, it.bytes, size);
    return 0;
}
} // namespace

extern "C" int boost_many_create(void *memory)
{
    new (memory) many;
    return 0;
}

extern "C" int boost_many_put(void *memory, const void *data, size_t size)
{
    return put<many>(memory, data, size);
}

extern "C" int boost_many_get(void *memory, void *buffer, size_t size)
{
    return get<many>(memory, buffer, size);
}

extern "C" int boost_single_create(void *memory)
{
    new (memory) single;
    return 0;
}

extern "C" int boost_single_put(void *memory, const void *data, size_t size)
{
    return put<single>(memory, data, size);
}

extern "C" int boost_single_get(void *memory, void *buffer, size_t size)
{
    return get<single>(memory, buffer, size);
}
