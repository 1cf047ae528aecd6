/* What all files of the load stand on: its clocks. */
#define _GNU_SOURCE
#include "shared.h"

uint64_t ns_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clock_ns(void)
{
    return ns_of(CLOCK_MONOTONIC);
}
