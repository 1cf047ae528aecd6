/* Read the lines of a Stratum V1 server or miner: bytes that nobody vouches for.
 *
 * No Python, no I/O and no memory of its own: it can be fuzzed alone. It finds where
 * values are; it does not prove that a line is JSON all through.
 */
#ifndef BASELOAD_BENCH_MESSAGE_H
#define BASELOAD_BENCH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value as it is spelled, within the line; `at` is NULL where there is none. */
typedef struct {
    const char *at;
    size_t size;
} span;

/* The values of a message's object that we know; the others are passed over. */
typedef struct {
    span id, method, params, result, error;
} message;

/* Read one line, without its newline. False: it is no object. */
bool message_read(message *out, const char *line, size_t size);

/* Begin with `list` the walk through an array; false: it is none. */
bool list_open(span *list);

/* Take the next item off `list`; false: there is none, or it is broken. */
bool list_take(span *list, span *item);

/* What is between the quotes; false: it is no text, or one with escapes. */
bool span_text(span value, span *text);

/* Whether the value is spelled just so. */
bool span_is(span value, const char *spelling);

/* A whole number without sign; false: it is none, or above 2^63. */
bool span_number(span value, uint64_t *out);

/* A decimal number above 0, such as a difficulty; false: it is none. */
bool span_decimal(span value, double *out);

/* The bytes that a text spells in hexadecimal; false: it does not, or they are more
 * than `most`. */
bool span_bytes(span value, uint8_t *out, size_t most, size_t *size);

/* The same, up to 32 bits; false: not 1 to 8 digits. */
bool span_u32(span value, uint32_t *out);

#endif
