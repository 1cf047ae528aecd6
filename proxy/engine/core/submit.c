#include "share.h"

#include <string.h>

typedef struct {
    const char *at;
    const char *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t'))
        c->at++;
}

static bool take(cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_text(cursor *c, const char **text, size_t *size)
{
    if (!take(c, '"'))
        return false;
    *text = c->at;
    for (; c->at < c->end; c->at++) {
        unsigned char here = (unsigned char)*c->at;

        if (here == '"') {
            *size = (size_t)(c->at++ - *text);
            return true;
        }
        if (here < 0x20 || here > 0x7e || here == '\\')
            return false;
    }
    return false;
}

static bool take_digits(cursor *c)
{
    const char *start = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > start && (*start != '0' || c->at == start + 1);
}

static bool take_id(cursor *c, submit *out)
{
    const char *text;
    size_t size;

    skip_blanks(c);
    out->id = c->at;
    if (c->end - c->at >= 4 && !memcmp(c->at, "null", 4))
        c->at += 4;
    else if (c->at < c->end && *c->at == '"') {
        if (!take_text(c, &text, &size))
            return false;
    } else if (!take_digits(c))
        return false;
    size = (size_t)(c->at - out->id);
    out->id_size = (uint8_t)size;
    return size <= MAX_ID_BYTES;
}

static bool is_text(const char *text, size_t size, const char *wanted)
{
    return size == strlen(wanted) && !memcmp(text, wanted, size);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_extranonce2(cursor *c, submit *out)
{
    const char *text;
    size_t size;

    if (!take_text(c, &text, &size) || size % 2 || size / 2 > MAX_EXTRANONCE_BYTES)
        return false;
    for (size_t i = 0; i < size / 2; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out->extranonce2[i] = (uint8_t)(high << 4 | low);
    }
    out->extranonce2_size = (uint8_t)(size / 2);
    return true;
}

static bool take_u32(cursor *c, uint32_t *out)
{
    const char *text;
    size_t size;

    if (!take_text(c, &text, &size) || size < 1 || size > 8)
        return false;
    *out = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = hex_digit(text[i]);

        if (digit < 0)
            return false;
        *out = *out << 4 | (uint32_t)digit;
    }
    return true;
}

static bool take_name(cursor *c, const char **text, uint8_t *size, size_t most)
{
    size_t found;

    if (!take_text(c, text, &found) || found > most)
        return false;
    *size = (uint8_t)found;
    return true;
}

static bool take_params(cursor *c, submit *out)
{
    if (!take(c, '[') ||
        !take_name(c, &out->worker, &out->worker_size, MAX_WORKER_BYTES) ||
        !take(c, ',') ||
        !take_name(c, &out->job_id, &out->job_id_size, MAX_JOB_ID_BYTES) ||
        !take(c, ',') || !take_extranonce2(c, out) || !take(c, ',') ||
        !take_u32(c, &out->ntime) || !take(c, ',') || !take_u32(c, &out->nonce))
        return false;
    out->has_version_bits = take(c, ',');
    out->version_bits = 0;
    if (out->has_version_bits && !take_u32(c, &out->version_bits))
        return false;
    return take(c, ']');
}

bool submit_read(submit *out, const char *line, size_t size)
{
    enum { ID = 1, METHOD = 2, PARAMS = 4, ALL = 7 };
    cursor c = {line, line + size};
    unsigned found = 0;

    if (!take(&c, '{'))
        return false;
    for (;;) {
        const char *key, *method;
        size_t key_size, method_size;
        unsigned which;

        if (!take_text(&c, &key, &key_size) || !take(&c, ':'))
            return false;
        if (is_text(key, key_size, "id"))
            which = take_id(&c, out) ? ID : 0;
        else if (is_text(key, key_size, "params"))
            which = take_params(&c, out) ? PARAMS : 0;
        else if (is_text(key, key_size, "method"))
            which = take_text(&c, &method, &method_size) &&
                            is_text(method, method_size, "mining.submit")
                        ? METHOD
                        : 0;
        else
            return false;
        if (!which || found & which)
            return false;
        found |= which;
        if (take(&c, ','))
            continue;
        if (found != ALL || !take(&c, '}'))
            return false;
        skip_blanks(&c);
        return c.at == c.end;
    }
}
