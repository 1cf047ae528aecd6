#define _GNU_SOURCE
#include "seal.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { NONCE_BYTES = 12, SEALS = 1, OPENS = 0, AS_BEFORE = -1 };
enum { GET_TAG = 0x10, SET_TAG = 0x11 }; /* EVP_CTRL_AEAD_*; source: openssl/evp.h */

typedef struct evp_cipher evp_cipher;
typedef struct evp_ctx evp_ctx;

/* Source: EVP_EncryptInit(3) of OpenSSL 3. */
static struct {
    evp_ctx *(*ctx_new)(void);
    void (*ctx_free)(evp_ctx *c);
    const evp_cipher *(*chacha)(void);
    int (*init)(evp_ctx *c, const evp_cipher *with, void *engine, const uint8_t *key,
                const uint8_t *nonce, int encrypts);
    int (*update)(evp_ctx *c, uint8_t *out, int *out_size, const uint8_t *in, int size);
    int (*final)(evp_ctx *c, uint8_t *out, int *out_size);
    int (*ctrl)(evp_ctx *c, int what, int size, void *value);
} evp; /* written by seal_load alone */

struct sealer {
    evp_ctx *out, *in;
};

bool seal_load(void)
{
    static const char *const NAMES[] = {
        "EVP_CIPHER_CTX_new", "EVP_CIPHER_CTX_free", "EVP_chacha20_poly1305",
        "EVP_CipherInit_ex",  "EVP_CipherUpdate",    "EVP_CipherFinal_ex",
        "EVP_CIPHER_CTX_ctrl",
    };
    void *found[sizeof NAMES / sizeof *NAMES];
    void *library = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);

    _Static_assert(sizeof found == sizeof evp, "a pointer for each name");
    if (!library)
        return false;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (!(found[i] = dlsym(library, NAMES[i]))) {
            dlclose(library);
            return false;
        }
    memcpy(&evp, found, sizeof evp); /* as POSIX has functions and pointers alike */
    return true;
}

static evp_ctx *ctx_for(int encrypts)
{
    static const uint8_t nothing[SEAL_KEY_BYTES];
    evp_ctx *c = evp.ctx_new();

    if (c && evp.init(c, evp.chacha(), NULL, nothing, nothing, encrypts) != 1) {
        evp.ctx_free(c);
        return NULL;
    }
    return c;
}

sealer *sealer_new(void)
{
    sealer *s = evp.ctx_new ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->out = ctx_for(SEALS);
    s->in = ctx_for(OPENS);
    if (s->out && s->in)
        return s;
    sealer_free(s);
    return NULL;
}

void sealer_free(sealer *s)
{
    if (!s)
        return;
    evp.ctx_free(s->out); /* which wipes the last key; NULL is fine */
    evp.ctx_free(s->in);
    free(s);
}

void seal_wipe(seal_key *k)
{
    explicit_bzero(k->key, sizeof k->key);
    k->nonce = MAX_NONCE;
}

static bool is_ready(evp_ctx *c, seal_key *k)
{
    uint8_t nonce[NONCE_BYTES] = {0};

    if (k->nonce == MAX_NONCE)
        return false;
    for (int i = 0; i < 8; i++)
        nonce[4 + i] = (uint8_t)(k->nonce >> 8 * i);
    k->nonce++; /* whatever comes of it */
    return evp.init(c, NULL, NULL, k->key, nonce, AS_BEFORE) == 1;
}

bool seal(sealer *s, seal_key *k, uint8_t *out, const uint8_t *plain, size_t size)
{
    int done = 0, more = 0;

    return is_ready(s->out, k) &&
           evp.update(s->out, out, &done, plain, (int)size) == 1 &&
           evp.final(s->out, out + done, &more) == 1 &&
           evp.ctrl(s->out, GET_TAG, MAC_BYTES, out + size) == 1;
}

bool unseal(sealer *s, seal_key *k, uint8_t *out, const uint8_t *sealed, size_t size)
{
    uint8_t mac[MAC_BYTES];
    int done = 0, more = 0;

    memcpy(mac, sealed + size, MAC_BYTES); /* the library takes no const */
    if (is_ready(s->in, k) && evp.ctrl(s->in, SET_TAG, MAC_BYTES, mac) == 1 &&
        evp.update(s->in, out, &done, sealed, (int)size) == 1 &&
        evp.final(s->in, out + done, &more) == 1)
        return true;
    seal_wipe(k);
    return false;
}
