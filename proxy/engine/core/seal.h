/* ChaCha20-Poly1305 with counted nonces, as protocol.noise.cipher has it, out of the
 * libcrypto of the machine. It is looked for at run time: nothing of OpenSSL is needed
 * to build, and without it Stratum V2 stays with Python.
 */
#ifndef BASELOAD_SEAL_H
#define BASELOAD_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_KEY_BYTES 32
#define MAC_BYTES 16
#define MAX_NONCE UINT64_MAX /* reserved: a key ends one message before */

/* Look for the library, once and before any thread; false: there is none. */
bool seal_load(void);

/* What the library works in: whoever has one, uses it alone. */
typedef struct sealer sealer;

sealer *sealer_new(void); /* NULL: no memory, or no library */
void sealer_free(sealer *s);

/* One direction of a conversation: no nonce is used twice. */
typedef struct {
    uint8_t key[SEAL_KEY_BYTES];
    uint64_t nonce;
} seal_key;

void seal_wipe(seal_key *k); /* it is good for nothing any more */

/* Seal `size` B, at most INT_MAX, to `out` with its MAC behind. False: used up. */
bool seal(sealer *s, seal_key *k, uint8_t *out, const uint8_t *plain, size_t size);

/* Open `size` B and the MAC behind them to `out`. False: not authentic, or used up;
 * the key is wiped then, and what is in `out` means nothing. */
bool unseal(sealer *s, seal_key *k, uint8_t *out, const uint8_t *sealed, size_t size);

#endif
