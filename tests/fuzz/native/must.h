/* What a harness holds the code to: an assertion that no build leaves out. */
#ifndef BASELOAD_FUZZ_MUST_H
#define BASELOAD_FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define MUST(claim)                                                                    \
    do {                                                                               \
        if (!(claim)) {                                                                \
            fprintf(stderr, "broken: %s\n", #claim);                                   \
            abort();                                                                   \
        }                                                                              \
    } while (0)

#endif
