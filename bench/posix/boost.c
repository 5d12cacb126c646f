/* boost.c: Boost.Interprocess and Boost.Lockfree as peers. See ../peers.h. */
#include "boost.h"
#include "../peers.h"

PEER_LOCK_LOOPS(boost, void, boost_mutex_acquire(lock), boost_mutex_release(lock))

const peer_lock peer_boost_lock = {.name = "Boost interprocess_mutex",
                                   .create = boost_mutex_create,
                                   .destroy = peer_nothing,
                                   .attach = peer_same,
                                   .detach = peer_nothing,
                                   .alone = boost_alone,
                                   .contend = boost_contend};

const peer_rwlock peer_boost_rwlock = {"Boost interprocess_sharable_mutex",
                                       boost_rwlock_create,
                                       peer_nothing,
                                       boost_rwlock_acquire,
                                       boost_rwlock_release,
                                       0};

const peer_sems peer_boost_sems = {"Boost interprocess_semaphore",
                                   boost_sems_create,
                                   peer_nothing,
                                   peer_same,
                                   peer_nothing,
                                   boost_sems_give,
                                   boost_sems_take};

static int queue_create(void *memory, size_t message)
{
    peer_make_name(memory, "");
    return boost_queue_create(memory, message);
}

static void *queue_attach(void *memory, const int64_t *both)
{
    (void)both;
    return boost_queue_attach(memory);
}

const peer_queue peer_boost_queue = {.name = "Boost message_queue",
                                     .create = queue_create,
                                     .destroy = boost_queue_destroy,
                                     .attach = queue_attach,
                                     .put = boost_queue_put,
                                     .get = boost_queue_get};

static void *ring_attach(void *memory, const int64_t *both)
{
    (void)both;
    return peer_line_in(memory);
}

static int many_create(void *memory, size_t message)
{
    (void)message;
    return boost_many_create(peer_line_in(memory));
}

static int single_create(void *memory, size_t message)
{
    (void)message;
    return boost_single_create(peer_line_in(memory));
}

const peer_queue peer_boost_many = {.name = "Boost.Lockfree queue, spinning",
                                    .create = many_create,
                                    .destroy = peer_nothing,
                                    .attach = ring_attach,
                                    .put = boost_many_put,
                                    .get = boost_many_get,
                                    .largest = 64,
                                    .spins = 1};
const peer_queue peer_boost_single = {.name = "Boost.Lockfree spsc, spinning",
                                      .create = single_create,
                                      .destroy = peer_nothing,
                                      .attach = ring_attach,
                                      .put = boost_single_put,
                                      .get = boost_single_get,
                                      .largest = 64,
                                      .producers = 1,
                                      .consumers = 1,
                                      .spins = 1};
