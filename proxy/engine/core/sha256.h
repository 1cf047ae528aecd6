/* SHA-256 (FIPS 180-4), with the processor's own instructions where it has them. */
#ifndef BASELOAD_SHA256_H
#define BASELOAD_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_BLOCK 64

extern const uint32_t SHA256_START[8];

/* Fold `count` blocks of 64 B into `state`. */
typedef void sha256_compress_fn(uint32_t state[8], const uint8_t *blocks, size_t count);

/* The fastest one that this processor runs; sha256_choose() may name another. */
extern sha256_compress_fn *sha256_compress;

/* The same for two messages at once: the instructions wait for each other less. */
typedef void sha256_compress_two_fn(uint32_t *const state[2],
                                    const uint8_t *const blocks[2], size_t count);
extern sha256_compress_two_fn *sha256_compress_two;

/* Use the code called `name`: "portable", "sha-ni", "armv8". Return its name, or
 * NULL, and change nothing, if this processor cannot run it. NULL chooses the best. */
const char *sha256_choose(const char *name);

/* Write a state as its 32 bytes. */
void sha256_store(uint8_t out[SHA256_BYTES], const uint32_t state[8]);

/* Write the SHA-256 of the 32 bytes of `state`: the second half of SHA-256d. */
void sha256_again(uint8_t out[SHA256_BYTES], const uint32_t state[8]);

/* Replace the first half of 64 bytes, two nodes of a merkle tree, by their SHA-256d. */
void sha256d_pair(uint8_t pair[64]);
void sha256d_pair_two(uint8_t *const pair[2]);

/* Write the SHA-256d of a block header. */
void sha256d_header(uint8_t out[SHA256_BYTES], const uint8_t header[80]);

#endif
