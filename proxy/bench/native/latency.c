#include "latency.h"

#include <math.h>

enum { STEP_BITS = 6 }; /* 2^6 is LATENCY_STEPS */

static size_t bucket_of(uint64_t ns)
{
    int doubling;
    size_t at;

    if (ns < LATENCY_STEPS)
        return (size_t)ns;
    doubling = 63 - __builtin_clzll(ns) - STEP_BITS;
    at = (size_t)doubling * LATENCY_STEPS + (size_t)(ns >> doubling);
    return at < LATENCY_BUCKETS ? at : LATENCY_BUCKETS - 1;
}

/* The least time that is above all of the bucket's. */
static uint64_t end_of(size_t bucket)
{
    size_t doubling = bucket / LATENCY_STEPS;

    if (!doubling)
        return bucket + 1;
    return (uint64_t)(bucket % LATENCY_STEPS + LATENCY_STEPS + 1) << (doubling - 1);
}

void latency_add(latency *l, uint64_t ns)
{
    l->count++;
    l->buckets[bucket_of(ns)]++;
    if (ns > l->longest)
        l->longest = ns;
}

double latency_within(const latency *l, double share)
{
    uint64_t wanted = (uint64_t)ceil(share * (double)l->count), passed = 0;

    if (!l->count)
        return 0;
    for (size_t i = 0; i < LATENCY_BUCKETS - 1; i++) { /* the last has no end */
        uint64_t end = end_of(i);

        passed += l->buckets[i];
        if (passed >= wanted && passed)
            return 1e-9 * (double)(end < l->longest ? end : l->longest);
    }
    return 1e-9 * (double)l->longest;
}
