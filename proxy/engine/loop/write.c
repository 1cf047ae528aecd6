#include "parts.h"

/* The wire with the socket; NULL: it is gone. */
static wire *way_out(wire *w)
{
    if (w->channel)
        w = w->channel->carrier;
    return w && w->fd >= 0 ? w : NULL;
}

static void put(wire *w, const char *data, size_t size)
{
    if (w->tap)
        note_piece(w, true, data, size);
    if (w->noise)
        send_frames(w, data, size);
    else
        send_bytes(w, data, size);
}

void wire_write(wire *w, const char *data, size_t size)
{
    w = way_out(w);
    if (!w)
        return;
    if (size > w->largest)
        w->largest = size;
    put(w, data, size);
    if (!w->unsent_size)
        w->largest = 0;
}

void write_answers(wire *w, const char *data, size_t size)
{
    w = way_out(w);
    if (w)
        put(w, data, size);
}
