/* bench_boost.h: bench_boost.cpp for C; without Boost's headers bench_without_boost.c stands in. */
#ifndef BENCH_BOOST_H
#define BENCH_BOOST_H

#include <stddef.h>

int bench_boost_create(void *memory, size_t message);
void bench_boost_destroy(void *memory);
void *bench_boost_attach(void *memory);
int bench_boost_put(void *attached, const void *data, size_t size);
int bench_boost_get(void *attached, void *buffer, size_t size);

#endif
