/* boost_more.c: Boost.Interprocess and Boost.Lockfree are there. */
#include "boost_more.h"
#include "../peers.h"

PEER_LOCK_LOOPS(boost, void, boost_mutex_acquire(lock), boost_mutex_release(lock))

const peer_lock peer_boost_lock = {.name = "Boost interprocess_mutex",
                                   .create = boost_mutex_create,
                                   .destroy = peer_nothing,
                                   .attach = peer_same,
                                   .detach = peer_nothing,
                                   .alone = boost_alone,
                                   .contend = boost_contend};

const peer_sems peer_boost_sems = {"Boost interprocess_semaphore",
                                   boost_sems_create,
                                   peer_nothing,
                                   peer_same,
                                   peer_nothing,
                                   boost_sems_give,
                                   boost_sems_take};

static void *attach(void *memory, const int64_t *both)
{
    (void)both;
    return (void *)(((uintptr_t)memory + 63) / 64 * 64);
}

static int many_create(void *memory, size_t message)
{
    (void)message;
    return boost_many_create(attach(memory, NULL));
}

static int single_create(void *memory, size_t message)
{
    (void)message;
    return boost_single_create(attach(memory, NULL));
}

const peer_queue peer_boost_many = {.name = "Boost.Lockfree queue, spinning",
                                    .create = many_create,
                                    .destroy = peer_nothing,
                                    .attach = attach,
                                    .put = boost_many_put,
                                    .get = boost_many_get,
                                    .largest = 64,
                                    .spins = 1};
const peer_queue peer_boost_single = {.name = "Boost.Lockfree spsc, spinning",
                                      .create = single_create,
                                      .destroy = peer_nothing,
                                      .attach = attach,
                                      .put = boost_single_put,
                                      .get = boost_single_get,
                                      .largest = 64,
                                      .producers = 1,
                                      .consumers = 1,
                                      .spins = 1};
