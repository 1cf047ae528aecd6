#include "parts.h"

void wire_write(wire *w, const char *data, size_t size)
{
    if (w->channel)
        w = w->channel->carrier;
    if (!w || w->fd < 0)
        return;
    if (w->tunnel)
        send_frames(w, data, size);
    else
        send_bytes(w, data, size);
}
