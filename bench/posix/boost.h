/* boost.h: boost.cpp for C. */
#ifndef BOOST_H
#define BOOST_H

#include <stddef.h>
#include <stdint.h>

int boost_mutex_create(void *memory);
int boost_mutex_acquire(void *memory);
int boost_mutex_release(void *memory);
int boost_rwlock_create(void *memory);
int boost_rwlock_acquire(void *memory, int writing);
int boost_rwlock_release(void *memory, int writing);
int boost_sems_create(void *memory);
int boost_sems_give(void *memory, int which);
int boost_sems_take(void *memory, int which, int64_t timeout_ns);
/* memory: a name. */
int boost_queue_create(void *memory, size_t message);
void boost_queue_destroy(void *memory);
void *boost_queue_attach(void *memory);
int boost_queue_put(void *attached, const void *data, size_t size);
int boost_queue_get(void *attached, void *buffer, size_t size);
/* Messages of at most 64 bytes: many to many, one to one. memory is aligned to a cache line. */
int boost_many_create(void *memory);
int boost_many_put(void *memory, const void *data, size_t size);
int boost_many_get(void *memory, void *buffer, size_t size);
int boost_single_create(void *memory);
int boost_single_put(void *memory, const void *data, size_t size);
int boost_single_get(void *memory, void *buffer, size_t size);

#endif
