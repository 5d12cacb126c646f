/* more.c: the peers that were found when the build was configured (bench/CMakeLists.txt). See ../peers.h. */
#include "../peers.h"

extern const peer_lock peer_futex_lock, peer_sysv_lock, peer_apr_lock, peer_nspr_lock, peer_qt_lock, peer_boost_lock;
extern const peer_rwlock peer_pthread_rwlock, peer_boost_rwlock;
extern const peer_sems peer_futex_sems, peer_sysv_sems, peer_boost_sems, peer_pthread_conds, peer_robust_conds;
extern const peer_queue peer_sysv_queue, peer_mq, peer_zmq_queue, peer_nng_queue, peer_boost_many, peer_boost_queue,
    peer_boost_single, peer_iceoryx;
extern const peer_table peer_uthash_table, peer_lmdb_table;

const peer_lock *const peer_more_locks[] = {
#ifdef BENCH_FUTEX
    &peer_futex_lock,
#endif
    &peer_sysv_lock,
#ifdef BENCH_BOOST
    &peer_boost_lock,
#endif
#ifdef BENCH_APR
    &peer_apr_lock,
#endif
#ifdef BENCH_NSPR
    &peer_nspr_lock,
#endif
#ifdef BENCH_QT
    &peer_qt_lock,
#endif
    NULL,
};

const peer_sems *const peer_more_sems[] = {
#ifdef BENCH_FUTEX
    &peer_futex_sems,
#endif
    &peer_sysv_sems,
#ifdef BENCH_BOOST
    &peer_boost_sems,
#endif
    NULL,
};

const peer_sems *const peer_events[] = {NULL}; /* POSIX has none */
const peer_sems *const peer_conds[] = {&peer_pthread_conds, &peer_robust_conds, NULL};

const peer_rwlock *const peer_rwlocks[] = {
    &peer_pthread_rwlock,
#ifdef BENCH_BOOST
    &peer_boost_rwlock,
#endif
    NULL,
};

const peer_queue *const peer_more_queues[] = {
    &peer_pair_queue,
    &peer_sysv_queue,
#ifdef BENCH_MQ
    &peer_mq,
#endif
#ifdef BENCH_BOOST
    &peer_boost_many,
    &peer_boost_queue,
    &peer_boost_single,
#endif
#ifdef BENCH_ZMQ
    &peer_zmq_queue,
#endif
#ifdef BENCH_NNG
    &peer_nng_queue,
#endif
#ifdef BENCH_ICEORYX
    &peer_iceoryx,
#endif
    NULL,
};

const peer_table *const peer_tables[] = {
#ifdef BENCH_UTHASH
    &peer_uthash_table,
#endif
#ifdef BENCH_LMDB
    &peer_lmdb_table,
#endif
    NULL,
};

const char *const peer_missing = BENCH_MISSING;
