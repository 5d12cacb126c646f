// boost.cpp: Boost.Interprocess' message_queue, to be compared with. See ../peers.h.
#include <boost/interprocess/ipc/message_queue.hpp>
#include <cstdio>
#include <unistd.h>

extern "C" {
#include "boost.h"
}

using boost::interprocess::message_queue;

static const unsigned capacity = 1024;

extern "C" int boost_queue_create(void *memory, size_t message)
{
    static unsigned number;
    char *name = static_cast<char *>(memory);
    std::snprintf(name, 64, "kin-bench-%d-%u", static_cast<int>(getpid()), number++);
    try {
        message_queue::remove(name);
        message_queue queue(boost::interprocess::create_only, name, message > 1024 ? 64 : capacity, message);
        return 0;
    } catch (...) {
        return -1;
    }
}

extern "C" void boost_queue_destroy(void *memory)
{
    message_queue::remove(static_cast<char *>(memory));
}

extern "C" void *boost_queue_attach(void *memory)
{
    try {
        return new message_queue(boost::interprocess::open_only, static_cast<char *>(memory));
    } catch (...) {
        return nullptr;
    }
}

extern "C" int boost_queue_put(void *attached, const void *data, size_t size)
{
    try {
        static_cast<message_queue *>(attached)->send(data, size, 0);
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
        static_cast<message_queue *>(attached)->receive(buffer, size, got, priority);
        return got == size ? 0 : -1;
    } catch (...) {
        return -1;
    }
}
