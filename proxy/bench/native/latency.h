/* How long answers took: a histogram of fixed size, however many there are. */
#ifndef BASELOAD_BENCH_LATENCY_H
#define BASELOAD_BENCH_LATENCY_H

#include <stddef.h>
#include <stdint.h>

#define LATENCY_STEPS 64 /* in each doubling: a percentile is at most 1.6 % too high */
#define LATENCY_BUCKETS (LATENCY_STEPS * 36) /* up to 2^41 ns, 36 minutes */

typedef struct {
    uint64_t count;
    uint64_t longest; /* ns */
    uint32_t buckets[LATENCY_BUCKETS];
} latency;

void latency_add(latency *l, uint64_t ns);

/* The time, in seconds, within which `share` (0 to 1) of the answers came. */
double latency_within(const latency *l, double share);

#endif
