#include "parts.h"

#include <stdlib.h>
#include <string.h>

/* Seal whole frames and send them, in as few pieces as fit the engine's `sealed`.
 * What ends in the middle of a frame is nothing that a peer could go on with. */
void send_frames(wire *w, const char *data, size_t size)
{
    lane *l = w->lane;
    const uint8_t *p = (const uint8_t *)data, *const end = p + size;
    size_t used = 0, payload = 0;

    while (p < end && w->fd >= 0) {
        size_t part = payload;

        if ((size_t)(end - p) < (payload ? payload : HEADER_BYTES)) {
            lose(w);
            return;
        }
        if (!payload) {
            part = HEADER_BYTES;
            payload = HEADER_BYTES + (p[3] | (size_t)p[4] << 8 | (size_t)p[5] << 16);
        } else if (part > MAX_CHUNK_BYTES)
            part = MAX_CHUNK_BYTES;
        if (used + part + MAC_BYTES > sizeof l->sealed) {
            send_bytes(w, (const char *)l->sealed, used);
            used = 0;
        }
        if (w->fd < 0 ||
            !seal(l->sealer, &w->noise->out, l->sealed + used, p, part)) {
            lose(w);
            return;
        }
        used += part + MAC_BYTES;
        p += part;
        payload -= part;
    }
    send_bytes(w, (const char *)l->sealed, used);
}

bool wire_encrypt(wire *w, const uint8_t in[SEAL_KEY_BYTES], uint64_t in_nonce,
                  const uint8_t out[SEAL_KEY_BYTES], uint64_t out_nonce)
{
    noise_session *t = w->fd < 0 || w->noise || !w->lane->sealer ? NULL : calloc(1, sizeof *t);

    if (!t)
        return false;
    memcpy(t->in.key, in, SEAL_KEY_BYTES);
    memcpy(t->out.key, out, SEAL_KEY_BYTES);
    t->in.nonce = in_nonce;
    t->out.nonce = out_nonce;
    w->noise = t;
    w->first_bytes = 0;
    enqueue(w, RESUMING);
    return true;
}

fault wire_fault(const wire *w)
{
    return w->noise ? w->noise->fault : NO_FAULT;
}

size_t wire_frame_size(const wire *w)
{
    return w->noise ? w->noise->payload_size : 0;
}
