/* histogram.c: times in buckets whose width is a 32nd of their value. See queues.h. */
#include "queues.h"

#define PART 32u /* buckets for each power of two */

static int bucket_of(int64_t ns)
{
    uint64_t value = ns > 0 ? (uint64_t)ns : 0;
    int power = 0; /* shifted right by it, the value is less than 2 * PART */
    while (value >> power >= 2 * PART) {
        power++;
    }
    int index = power * (int)PART + (int)(value >> power);
    return index < BUCKETS ? index : BUCKETS - 1;
}

/* The lowest value of the bucket. */
static double value_of(int bucket)
{
    if (bucket < (int)(2 * PART)) {
        return bucket;
    }
    int power = bucket / (int)PART - 1;
    return (double)((uint64_t)(bucket - power * (int)PART) << power);
}

void histogram_add(histogram *it, int64_t ns)
{
    it->counts[bucket_of(ns)]++;
}

double histogram_quantile(const histogram *it, double part)
{
    int64_t all = 0, below = 0;
    for (int i = 0; i < BUCKETS; i++) {
        all += it->counts[i];
    }
    for (int i = 0; i < BUCKETS; i++) {
        below += it->counts[i];
        if (all > 0 && (double)below >= part * (double)all) {
            return value_of(i);
        }
    }
    return NAN;
}
