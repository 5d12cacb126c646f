/* boost.h: boost.cpp for C. Without Boost's headers ../no_boost.c stands in. */
#ifndef BOOST_H
#define BOOST_H

#include <stddef.h>

int boost_queue_create(void *memory, size_t message);
void boost_queue_destroy(void *memory);
void *boost_queue_attach(void *memory);
int boost_queue_put(void *attached, const void *data, size_t size);
int boost_queue_get(void *attached, void *buffer, size_t size);

#endif
