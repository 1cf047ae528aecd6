#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool is_blank(const char *line, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (line[i] != ' ' && (line[i] < '\t' || line[i] > '\r'))
            return false;
    return true;
}

/* A line's length without its newline and carriage return; `whole`: with them. */
static bool find_line(const char *data, size_t size, size_t *length, size_t *whole)
{
    const char *end = memchr(data, '\n', size);

    if (!end)
        return false;
    *length = (size_t)(end - data);
    *whole = *length + 1;
    if (*length && *length <= MAX_LINE_BYTES && data[*length - 1] == '\r')
        --*length;
    return true;
}

static bool is_stratum(const char *data)
{
    return memchr("{ \t\r\n", *data, 5) != NULL;
}

/* Whether the engine judges this line: of a parked miner it judges none. */
static bool is_ours(const wire *w, submit *s, const char *line, size_t length)
{
    return is_at_work(w) && submit_read(s, line, length);
}

/* Go through `data` line by line; return how much of it is done with. */
static size_t read_lines(wire *w, const char *data, size_t size)
{
    size_t at = 0, length, whole;
    submit s = {0};

    if (w->first_bytes) {
        enqueue(w, ASKING);
        return 0;
    }
    if (w->is_new && size && !is_stratum(data)) {
        enqueue(w, ASKING);
        return 0;
    }
    w->is_new = w->is_new && !size;
    while (find_line(data + at, size - at, &length, &whole)) {
        if (is_blank(data + at, length) && length <= MAX_LINE_BYTES) {
            at += whole;
            continue;
        }
        if (is_over(w->lane)) {
            enqueue(w, RESUMING);
            return at;
        }
        if (length > MAX_LINE_BYTES || !is_ours(w, &s, data + at, length)) {
            enqueue(w, ASKING);
            return at;
        }
        judge_share(w, &s);
        at += whole;
    }
    if (size - at > MAX_LINE_BYTES)
        enqueue(w, ASKING); /* for a line without end */
    return at;
}

void look_at(wire *w, size_t size)
{
    const char *data = w->lane->received;
    size_t done = w->noise ? read_frames(w, data, size) : read_lines(w, data, size);

    if (w->fd >= 0 && (w->kept || size > done))
        keep(w, data + done, size - done);
}

void receive(wire *w)
{
    lane *l = w->lane;
    ssize_t got;

    if (w->is_in & (1 << ASKING | 1 << RESUMING))
        return; /* what it sent before comes first */
    got = recv(w->fd, l->received + w->kept_size, RECEIVE_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        lose(w);
        return;
    }
    w->sum.heard_at = l->now;
    enqueue(w, TOUCHED);
    if (w->tap && !w->noise)
        note_piece(w, false, l->received + w->kept_size, (size_t)got);
    if (w->kept_size)
        memcpy(l->received, w->kept, w->kept_size);
    look_at(w, w->kept_size + (size_t)got);
}

/* Hand up what comes before it is known what is spoken, and no byte more. */
static bool ask_first(wire *w, const char **data, size_t *size)
{
    lane *l = w->lane;

    memcpy(l->received, w->kept, w->kept_size);
    *data = l->received;
    *size = w->kept_size < w->first_bytes ? w->kept_size : w->first_bytes;
    w->first_bytes = (uint8_t)(w->first_bytes - *size);
    keep(w, l->received + *size, w->kept_size - *size);
    return true;
}

void wire_hand_up_first(wire *w, size_t size)
{
    w->first_bytes = (uint8_t)size;
}

bool wire_unread(wire *w, const char *data, size_t size)
{
    char *more = w->fd < 0 ? NULL : realloc(w->kept, w->kept_size + size);

    if (!more)
        return false;
    memmove(more + size, more, w->kept_size);
    memcpy(more, data, size);
    w->kept = more;
    w->kept_size += size;
    w->first_bytes = 0;
    enqueue(w, RESUMING);
    return true;
}

bool wire_ask(wire *w, const char **line, size_t *size)
{
    lane *l = w->lane;
    size_t length, whole;
    submit s;

    if (w->fd < 0 || w->is_in & 1 << RESUMING)
        return false;
    if (w->noise)
        return ask_frame(w, line, size);
    if (!w->kept_size)
        return false;
    if (w->first_bytes)
        return ask_first(w, line, size);
    memcpy(l->received, w->kept, w->kept_size);
    *line = l->received;
    if (w->is_new) { /* not Stratum, or read_lines would have looked at it */
        *size = w->kept_size < MAX_LINE_BYTES ? w->kept_size : MAX_LINE_BYTES;
        keep(w, NULL, 0);
        return true;
    }
    if (!find_line(l->received, w->kept_size, &length, &whole)) {
        *size = w->kept_size;
        if (w->kept_size <= MAX_LINE_BYTES)
            return false;
        keep(w, NULL, 0);
        return true;
    }
    if (length <= MAX_LINE_BYTES &&
        (is_blank(*line, length) || is_ours(w, &s, *line, length))) {
        enqueue(w, RESUMING);
        return false;
    }
    *size = length;
    keep(w, l->received + whole, w->kept_size - whole);
    return true;
}

void wire_wait(wire *w)
{
    if (w->fd >= 0)
        enqueue(w, ASKING);
}
